//! Three servers, of which one at a time may go: nothing lost, nothing twice.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use baocao::{bus, config::Settings, proto::baocao::v1 as pb};
use tempfile::TempDir;

use crate::{
    harness::{Client, PATIENCE, Worker, launch, little_report, on_each_program},
    proxy::Proxy,
};

/// Largest message of these servers, so that a document need not be large to go through the object store.
pub const MAX_PAYLOAD: usize = 64 * 1024;

/// How long a server that is asked to stop has for it.
const TO_STOP: Duration = Duration::from_secs(10);

/// A cluster of three servers, whose routes can be cut.
pub struct Cluster {
    pub nodes: Vec<Node>,
    /// From each server to each other one.
    routes: Vec<(usize, usize, Proxy)>,
}

/// One of its servers.
pub struct Node {
    pub name: String,
    /// Where clients connect.
    pub port: u16,
    path: PathBuf,
    monitor: u16,
    folder: TempDir,
    store: PathBuf,
    child: Option<Child>,
}

impl Node {
    pub fn start(&mut self) {
        let config = self.folder.path().join("nats.conf");
        let (child, _) = launch(
            &self.path,
            &["-c", config.to_str().unwrap()],
            &self.store,
            Some(self.port),
        );
        self.child = Some(child);
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to stop, as a service manager would that restarts it; one that does not is killed. A server of 2.9 whose
    /// disk was full never ends.
    pub fn stop(&mut self) {
        self.signal("-TERM");
        let asked = Instant::now();
        let child = self.child.as_mut().unwrap();
        while child.try_wait().unwrap().is_none() {
            if asked.elapsed() > TO_STOP {
                return self.kill();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.child = None;
    }

    /// Lets it hang: connections stand, and nothing is heard of it.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Whether it says that all its streams and consumers are up to date.
    fn is_healthy(&self) -> bool {
        let ask = || {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.monitor))?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).map(|_| answer)
        };
        ask().is_ok_and(|answer: String| answer.lines().next().is_some_and(|status| status.contains(" 200 ")))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Ports that were free a moment ago.
fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners
        .iter()
        .map(|listener| listener.local_addr().unwrap().port())
        .collect()
}

impl Cluster {
    /// Starts one. A server whose folder is named keeps its messages there.
    pub async fn start(path: &Path, stores: &[PathBuf]) -> Self {
        let ports = free_ports(9);
        let mut routes = Vec::new();
        for (from, to) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
            routes.push((from, to, Proxy::to(ports[3 + to]).await));
        }
        let node = |n: usize| {
            let folder = TempDir::new().unwrap();
            let name = format!("n{n}");
            let peers = routes.iter().filter(|(from, ..)| *from == n);
            let peers: Vec<String> = peers
                .map(|(.., proxy)| format!("\"nats://127.0.0.1:{}\"", proxy.port))
                .collect();
            // What they tell each other and their clients of where they are would lead around the proxies.
            let config = format!(
                "server_name: {name}\nhttp: \"127.0.0.1:{}\"\nmax_payload: {MAX_PAYLOAD}\n\
                 cluster {{\n  name: it\n  listen: \"127.0.0.1:{}\"\n  no_advertise: true\n  \
                 advertise: \"127.0.0.1:9\"\n  routes: [{}]\n}}\n",
                ports[6 + n],
                ports[3 + n],
                peers.join(", ")
            );
            fs::write(folder.path().join("nats.conf"), config).unwrap();
            let store = stores.get(n).cloned().unwrap_or(folder.path().join("store"));
            Node {
                name,
                port: ports[n],
                path: path.into(),
                monitor: ports[6 + n],
                folder,
                store,
                child: None,
            }
        };
        let nodes = (0..3).map(node).collect();
        let mut cluster = Self { nodes, routes };
        for node in &mut cluster.nodes {
            tokio::task::block_in_place(|| node.start());
        }
        cluster
    }

    /// Settings for a worker or a client; all times are the defaults.
    pub fn settings(&self) -> Settings {
        let urls: Vec<String> = self
            .nodes
            .iter()
            .map(|node| format!("nats://127.0.0.1:{}", node.port))
            .collect();
        let mut settings = Settings::default();
        settings.decode.executable = env!("CARGO_BIN_EXE_baocao").into();
        settings.bus.url = urls.join(",");
        settings.bus.replicas = 3;
        settings
    }

    /// The place of the node of this name.
    pub fn place(&self, name: &str) -> usize {
        self.nodes.iter().position(|node| node.name == name).unwrap()
    }

    /// Cuts the network between a server and its peers; its clients still reach it.
    pub fn cut(&self, n: usize) {
        self.routes_of(n).for_each(Proxy::cut);
    }

    pub fn mend(&self, n: usize) {
        self.routes_of(n).for_each(Proxy::mend);
    }

    fn routes_of(&self, n: usize) -> impl Iterator<Item = &Proxy> {
        let of_it = move |(from, to, _): &&(usize, usize, Proxy)| *from == n || *to == n;
        self.routes.iter().filter(of_it).map(|(.., proxy)| proxy)
    }

    /// Waits until all three are up to date, so that the next one may go.
    pub async fn until_healthy(&self) {
        let began = Instant::now();
        while !tokio::task::block_in_place(|| self.nodes.iter().all(Node::is_healthy)) {
            assert!(began.elapsed() < 2 * PATIENCE, "the servers do not find together");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Tries until it works.
pub async fn insist<T, E: std::fmt::Debug, F: Future<Output = Result<T, E>>>(
    what: &str,
    mut act: impl FnMut() -> F,
) -> T {
    let began = Instant::now();
    loop {
        match act().await {
            Ok(done) => return done,
            Err(error) if began.elapsed() > Duration::from_secs(60) => panic!("{what}: {error:?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Hands in reports with these ids, however often it takes.
pub async fn submit(client: &Client, ids: std::ops::Range<usize>) {
    for n in ids {
        let submission = pb::ReportSubmission {
            submission_id: n.to_string(),
            unit: "H50".into(),
            content: little_report(n).into(),
            ..Default::default()
        };
        insist("submit", || bus::submit(&client.connection, submission.clone())).await;
    }
}

pub async fn count(client: &Client, stream: &str) -> u64 {
    insist("count", || client.jetstream().get_stream(stream))
        .await
        .cached_info()
        .state
        .messages
}

/// The server that leads a stream.
pub async fn leader(client: &Client, stream: &str) -> String {
    insist("leader", async || {
        let info = client
            .jetstream()
            .get_stream(stream)
            .await
            .map_err(|error| error.to_string())?;
        let cluster = info.cached_info().cluster.clone();
        cluster.and_then(|cluster| cluster.leader).ok_or("no leader".to_owned())
    })
    .await
}

/// Waits until there are so many results; how long that took.
async fn until_results(client: &Client, wanted: u64) -> Duration {
    let began = Instant::now();
    while count(client, &client.names().processed_stream()).await < wanted {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{wanted} results do not come"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

#[test]
fn leaders_that_stop_in_the_middle_cost_nothing_but_time() {
    on_each_program(|server| async move {
        let mut cluster = Cluster::start(&server, &[]).await;
        let mut settings = cluster.settings();
        // What was on its way from a leader that is gone comes again after this.
        settings.worker.ack_wait_seconds = 5;
        let client = Client::new(&settings).await;
        let provided = insist("provide", || {
            bus::topology::ensure(&client.connection, &settings.bus, &settings.worker)
        });
        assert_eq!(provided.await.drifts, []);
        let worker = Worker::start(&settings);
        worker.until_ready().await;

        let (received, processed) = (client.names().received_stream(), client.names().processed_stream());
        submit(&client, 0..20).await;
        let mut done = 20;
        for stream in [&received, &processed, &received] {
            let name = leader(&client, stream).await;
            // In the middle: some are handed in just before, some just after.
            submit(&client, done..done + 10).await;
            let gone = cluster.place(&name);
            cluster.nodes[gone].kill();
            let began = Instant::now();
            while leader(&client, stream).await == name {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let elected = began.elapsed();
            submit(&client, done + 10..done + 20).await;
            let submitted = began.elapsed();
            done += 20;
            until_results(&client, done as u64).await;
            let stalled = began.elapsed();
            eprintln!(
                "without {name}, which led {stream}: another leads after {elected:.1?}, submitted after {submitted:.1?}, all done after {stalled:.1?}"
            );
            assert!(stalled < Duration::from_secs(30), "{stalled:?}");
            cluster.nodes[gone].start();
            // The next one may go only then: an old server that has not caught up has no part in a majority.
            cluster.until_healthy().await;
            worker.until_ready().await;
        }
        let empty = Instant::now();
        while count(&client, &received).await > 0 {
            assert!(empty.elapsed() < Duration::from_secs(60), "not all are acknowledged");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let results = client.results(done).await;
        let ids: BTreeSet<usize> = results
            .iter()
            .map(|result| result.submission.as_ref().unwrap().submission_id.parse().unwrap())
            .collect();
        assert_eq!(ids, (0..done).collect(), "nothing lost");
        assert_eq!(count(&client, &processed).await, done as u64, "nothing twice");
        assert_eq!(count(&client, &client.names().dead_stream()).await, 0);
        worker.stop().await;
    });
}
