//! Thousands of reports while everything breaks in turn: each has one result and its alerts, and no more.
//!
//! `deploy/local chaos` runs [`at_length`]; [`briefly`] is a test like all others.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use async_nats::HeaderMap;
use baocao::{
    bus::{self, Meta, Names, Unit},
    config::Settings,
    proto::baocao::v1 as pb,
    worker::job::{Core, Input, Work},
};
use prost::Message;
use serde::Serialize;

use crate::{
    cluster::{Cluster, MAX_PAYLOAD, count, insist, leader},
    harness::{Client, WorkerProcess, newest_server},
    proxy::Proxy,
};

/// Workers that share the work.
const WORKERS: usize = 3;

/// How long a server is away, hangs or is cut off: longer than an election takes.
const AWAY: Duration = Duration::from_secs(11);

/// How long a worker is cut off.
const OFF: Duration = Duration::from_secs(8);

/// How long there is no room.
const FULL: Duration = Duration::from_secs(4);

/// Reports that may wait for their result before the submitter waits, too.
const BACKLOG: usize = 400;

/// How long the last results may take.
const AT_THE_END: Duration = Duration::from_secs(240);

/// Something that breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Fault {
    /// SIGKILL; another one is started.
    WorkerKilled,
    /// A worker hears nothing of any server for a while.
    WorkerCutOff,
    /// SIGKILL to the server that leads the reports, the results or neither; started again.
    ServerKilled,
    /// SIGTERM; started again.
    ServerStopped,
    /// SIGSTOP, and later SIGCONT.
    ServerHung,
    /// A server and its peers hear nothing of each other; its clients still reach it.
    ServerCutOff,
    /// The stream of results takes nothing more for a while.
    StreamFull,
    /// The disk of a server fills up; room is made, and the server started again.
    DiskFull,
}

/// One after the other, over and over; without a small disk to fill, the last one is left out.
const IN_TURN: [Fault; 12] = [
    Fault::WorkerKilled,
    Fault::ServerKilled,
    Fault::WorkerKilled,
    Fault::ServerCutOff,
    Fault::WorkerKilled,
    Fault::WorkerCutOff,
    Fault::StreamFull,
    Fault::ServerStopped,
    Fault::WorkerKilled,
    Fault::ServerHung,
    Fault::WorkerKilled,
    Fault::DiskFull,
];

/// What came of it all.
#[derive(Debug, Serialize)]
struct Outcome {
    submitted: usize,
    faults: usize,
    faults_by_kind: BTreeMap<Fault, usize>,
    results: usize,
    alerts: usize,
    dead: usize,
    /// Results, alerts and dead letters that are one too many.
    duplicates: usize,
    /// Results, alerts and dead letters that are not there.
    lost: usize,
    /// The longest time without a result while reports waited and others were handed in.
    longest_stall_s: f64,
    /// The longest time from handing a report in to its result.
    slowest_report_s: f64,
    duration_s: f64,
    server: String,
}

// ---- what is handed in -----------------------------------------------------------------------------------------------

/// A report: small and sound, small with mistakes, large, or none at all.
pub fn submission(n: usize) -> pb::ReportSubmission {
    let content = match n % 50 {
        0 => large_report(n).into_bytes(),
        10 | 30 => vec![0xFF, 0xFE, (n % 251) as u8],
        _ => report(n).into_bytes(),
    };
    pb::ReportSubmission {
        submission_id: format!("s{n}"),
        unit: format!("H{}.{}", 10 + n % 7, n % 3),
        media_type: "text/plain".into(),
        content,
        ..Default::default()
    }
}

/// Whether a report is handed in twice.
fn is_twin(n: usize) -> bool {
    n % 50 == 7
}

fn report(n: usize) -> String {
    // Every other sum is wrong.
    let (one, two, three) = (n % 40 + 3, n % 17 + 2, n % 11 + 5);
    let total = one + two + three + n % 2;
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
         Sở đã rà soát {total} văn bản (trong đó: {one} nghị quyết, {two} quyết định và {three} chỉ thị).\n\
         Kế hoạch số {n}/QĐ-UBND ngày 05/01/2024 đã được triển khai đến {three}/{two} đơn vị.\n"
    )
}

fn large_report(n: usize) -> String {
    let line = "Công tác tiếp công dân được duy trì thường xuyên, đúng quy định của pháp luật.\n";
    report(n) + &line.repeat(2 * MAX_PAYLOAD / line.len())
}

/// What has to come out of a report, by subject, computed where nothing breaks.
fn expected(core: &Core, names: &Names, n: usize, into: &mut Expected) {
    let submission = submission(n);
    let unit = Unit::new(&submission.unit);
    let meta = Meta {
        deliveries: 1,
        sequence: 1,
        stored_at: SystemTime::now(),
    };
    let mut headers = HeaderMap::new();
    headers.insert("Content-Type", "application/protobuf");
    headers.insert("ce-id", submission.submission_id.as_str());
    let payload = submission.encode_to_vec().into();
    let input = Input::new(&names.received(&unit), Some(headers), payload, meta);
    let Work::Done(output) = core.work(&input, None, usize::MAX) else {
        panic!("the content is in it")
    };
    into.results.insert(output.result.subject);
    into.alerts.extend(output.alerts.into_iter().map(|alert| alert.subject));
    if output.refusal.is_some() {
        into.dead.insert(names.dead(&unit, &submission.submission_id));
    }
}

#[derive(Default)]
struct Expected {
    results: BTreeSet<String>,
    alerts: BTreeSet<String>,
    dead: BTreeSet<String>,
}

/// Hands in what is due, at the pace that the faults set; returns when each was begun.
async fn hand_in(client: Client, submissions: usize, progress: Arc<Progress>) -> Vec<SystemTime> {
    let mut begun = Vec::with_capacity(submissions);
    for n in 0..submissions {
        progress.wait_for_turn(n).await;
        begun.push(SystemTime::now());
        let submission = submission(n);
        insist("submit", || bus::submit(&client.connection, submission.clone())).await;
        if is_twin(n) {
            // Once more, and the server cannot know that it is the same.
            let mut headers = HeaderMap::new();
            headers.insert("ce-id", submission.submission_id.as_str());
            headers.insert("Content-Type", "text/plain");
            let subject = client.names().received(&Unit::new(&submission.unit));
            insist("submit again", async || {
                let content = submission.content.clone().into();
                let sent = client
                    .jetstream()
                    .publish_with_headers(subject.clone(), headers.clone(), content);
                sent.await?.await
            })
            .await;
        }
        progress.submitted.store(n + 1, Ordering::Relaxed);
    }
    begun
}

/// Keeps reports and faults in step: reports come evenly until the last fault is over.
struct Progress {
    submissions: usize,
    faults: usize,
    submitted: AtomicUsize,
    over: AtomicUsize,
    results: AtomicUsize,
    began: Instant,
}

impl Progress {
    async fn wait_for_turn(&self, n: usize) {
        // So many come with each fault; the next ones wait, one by one, for the fault to end.
        let each = (self.submissions / (self.faults + 1)).max(1);
        let mut waited = Duration::ZERO;
        loop {
            let over = self.over.load(Ordering::Relaxed);
            let is_early = over < self.faults && n / each > over;
            let is_far_ahead = n > self.results.load(Ordering::Relaxed) + BACKLOG;
            // Never longer than this, so that there is always something to do.
            let longest = if is_far_ahead { 10_000 } else { 500 };
            if !(is_early || is_far_ahead) || waited >= Duration::from_millis(longest) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            waited += Duration::from_millis(20);
        }
    }
}

// ---- what breaks -----------------------------------------------------------------------------------------------------

/// The workers, each behind a network of its own.
struct Fleet {
    workers: Vec<Option<WorkerProcess>>,
    settings: Vec<Settings>,
    networks: Vec<Vec<Proxy>>,
}

impl Fleet {
    async fn start(cluster: &Cluster) -> Self {
        let mut fleet = Self {
            workers: Vec::new(),
            settings: Vec::new(),
            networks: Vec::new(),
        };
        for n in 0..WORKERS {
            let mut network = Vec::new();
            for node in &cluster.nodes {
                network.push(Proxy::to(node.port).await);
            }
            let mut settings = cluster.settings();
            let urls: Vec<String> = network
                .iter()
                .map(|proxy| format!("nats://127.0.0.1:{}", proxy.port))
                .collect();
            settings.bus.url = urls.join(",");
            settings.alert.min_severity = baocao::validate::Severity::Info;
            fleet.workers.push(Some(start_worker(n, &settings)));
            fleet.settings.push(settings);
            fleet.networks.push(network);
        }
        fleet
    }

    fn kill(&mut self, n: usize) {
        self.workers[n].take().unwrap().kill();
        self.workers[n] = Some(start_worker(n, &self.settings[n]));
    }
}

/// Its log is kept where `BAOCAO_CHAOS_LOGS` says.
fn start_worker(n: usize, settings: &Settings) -> WorkerProcess {
    let Ok(folder) = env::var("BAOCAO_CHAOS_LOGS") else {
        return WorkerProcess::start(settings);
    };
    let path = Path::new(&folder).join(format!("worker-{n}.log"));
    let log = fs::File::options().create(true).append(true).open(path).unwrap();
    WorkerProcess::start_with_log(settings, log)
}

/// A small disk in memory; needs root, and ends with the namespace of mounts that `deploy/local` makes for it.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path) -> Option<Self> {
        env::var_os("BAOCAO_MAY_MOUNT")?;
        let path = folder.join("disk");
        fs::create_dir(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2g", "none"])
            .arg(&path)
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(path))
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Leaves nothing.
    fn fill(&self) {
        let mut ballast = fs::File::create(self.ballast()).unwrap();
        let block = vec![0; 1 << 20];
        while std::io::Write::write_all(&mut ballast, &block).is_ok() {}
    }

    fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Breaks one thing, and mends it.
async fn inflict(
    fault: Fault,
    round: usize,
    cluster: &mut Cluster,
    fleet: &mut Fleet,
    disk: Option<&SmallDisk>,
    client: &Client,
) {
    let names = client.names();
    let worker = round % WORKERS;
    let streams = [names.received_stream(), names.processed_stream(), names.alerts_stream()];
    match fault {
        Fault::WorkerKilled => {
            fleet.kill(worker);
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        Fault::WorkerCutOff => {
            fleet.networks[worker].iter().for_each(Proxy::cut);
            tokio::time::sleep(OFF).await;
            fleet.networks[worker].iter().for_each(Proxy::mend);
        }
        Fault::ServerKilled => {
            // The one that hurts most.
            let n = cluster.place(&leader(client, &streams[round % streams.len()]).await);
            cluster.nodes[n].kill();
            tokio::time::sleep(AWAY).await;
            tokio::task::block_in_place(|| cluster.nodes[n].start());
        }
        Fault::ServerStopped => {
            let node = &mut cluster.nodes[round % 3];
            tokio::task::block_in_place(|| node.stop());
            tokio::time::sleep(Duration::from_secs(3)).await;
            tokio::task::block_in_place(|| node.start());
        }
        Fault::ServerHung => {
            let n = cluster.place(&leader(client, &streams[round % streams.len()]).await);
            cluster.nodes[n].freeze();
            tokio::time::sleep(AWAY).await;
            cluster.nodes[n].thaw();
        }
        Fault::ServerCutOff => {
            let n = cluster.place(&leader(client, &streams[round % streams.len()]).await);
            cluster.cut(n);
            tokio::time::sleep(AWAY).await;
            cluster.mend(n);
        }
        Fault::StreamFull => {
            limit(client, 1).await;
            tokio::time::sleep(FULL).await;
            limit(client, -1).await;
        }
        Fault::DiskFull => {
            let disk = disk.expect("only where there is one");
            tokio::task::block_in_place(|| disk.fill());
            tokio::time::sleep(FULL).await;
            disk.free();
            // A server whose disk was full does without JetStream until it is started again.
            let node = &mut cluster.nodes[DISK_OF];
            tokio::task::block_in_place(|| node.stop());
            tokio::task::block_in_place(|| node.start());
        }
    }
}

/// The server that has the small disk.
const DISK_OF: usize = 0;

/// Lets the stream of results hold so many messages, and refuse more.
async fn limit(client: &Client, max_messages: i64) {
    let stream = client.names().processed_stream();
    insist("limit the stream", async || {
        let info = bus::topology::stream_info(&client.connection, &stream)
            .await
            .map_err(|error| error.to_string())?;
        let mut config = info.config;
        // Nothing that is there may be thrown away.
        config.max_messages = if max_messages > 0 {
            info.state.messages as i64
        } else {
            -1
        };
        config.discard = async_nats::jetstream::stream::DiscardPolicy::New;
        let updated = client.jetstream().update_stream(config).await;
        updated.map_err(|error| error.to_string())
    })
    .await;
}

// ---- the whole of it -------------------------------------------------------------------------------------------------

async fn run(submissions: usize, faults: &[Fault]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(folder.path());
    let faults: Vec<Fault> = match disk {
        Some(_) => faults.to_vec(),
        None => faults
            .iter()
            .map(|fault| match fault {
                Fault::DiskFull => Fault::StreamFull,
                other => *other,
            })
            .collect(),
    };
    let stores: Vec<PathBuf> = disk.iter().map(|disk| disk.0.join("store")).collect();
    let path = newest_server();
    let mut cluster = Cluster::start(&path, &stores).await;
    let settings = cluster.settings();
    let client = insist("connect", || bus::connect(&settings.bus, "chaos")).await;
    let version = client.client.server_info().version;
    let client = Client::new(&settings).await;
    insist("provide", || {
        bus::topology::ensure(&client.connection, &settings.bus, &settings.worker)
    })
    .await;
    cluster.until_healthy().await;
    let mut fleet = Fleet::start(&cluster).await;
    let began = Instant::now();
    let progress = Arc::new(Progress {
        submissions,
        faults: faults.len(),
        submitted: AtomicUsize::new(0),
        over: AtomicUsize::new(0),
        results: AtomicUsize::new(0),
        began,
    });
    let submitter = tokio::spawn(hand_in(Client::new(&settings).await, submissions, progress.clone()));
    let counter = tokio::spawn(keep_count(Client::new(&settings).await, progress.clone()));
    let mut by_kind = BTreeMap::new();
    for (round, fault) in faults.iter().enumerate() {
        eprintln!(
            "{:6.1} s: {fault:?}; {} handed in, {} results",
            began.elapsed().as_secs_f64(),
            progress.submitted.load(Ordering::Relaxed),
            progress.results.load(Ordering::Relaxed)
        );
        inflict(*fault, round, &mut cluster, &mut fleet, disk.as_ref(), &client).await;
        cluster.until_healthy().await;
        *by_kind.entry(*fault).or_default() += 1;
        progress.over.store(round + 1, Ordering::Relaxed);
    }
    let begun = submitter.await.unwrap();
    eprintln!("{:6.1} s: all handed in", progress.began.elapsed().as_secs_f64());
    let received = client.names().received_stream();
    let waiting = Instant::now();
    loop {
        let left = count(&client, &received).await;
        if left == 0 {
            break;
        }
        if waiting.elapsed() > AT_THE_END {
            eprintln!("{left} reports are not done");
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    counter.abort();
    let mut outcome = judge(&client, &fleet.settings[0], &begun).await;
    outcome.faults = faults.len();
    outcome.faults_by_kind = by_kind;
    outcome.duration_s = tenths(began.elapsed());
    outcome.server = version;
    outcome
}

async fn keep_count(client: Client, progress: Arc<Progress>) {
    let stream = client.names().processed_stream();
    loop {
        if let Ok(info) = bus::topology::stream_info(&client.connection, &stream).await {
            progress.results.store(info.state.messages as usize, Ordering::Relaxed);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Compares what is there with what has to be there.
async fn judge(client: &Client, settings: &Settings, begun: &[SystemTime]) -> Outcome {
    let names = client.names();
    let core = Core::new(settings, names.clone(), settings.vocabulary().unwrap());
    let mut wanted = Expected::default();
    for n in 0..begun.len() {
        expected(&core, names, n, &mut wanted);
    }
    let results = stored(client, &names.processed_stream()).await;
    let alerts = stored(client, &names.alerts_stream()).await;
    let dead = stored(client, &names.dead_stream()).await;
    let mut lost = 0;
    let mut duplicates = 0;
    for (found, wanted) in [
        (&results, &wanted.results),
        (&alerts, &wanted.alerts),
        (&dead, &wanted.dead),
    ] {
        let subjects: BTreeSet<&String> = found.iter().map(|(subject, _)| subject).collect();
        for missing in wanted.iter().filter(|subject| !subjects.contains(subject)) {
            eprintln!("LOST {missing}");
            lost += 1;
        }
        let right = subjects.iter().filter(|subject| wanted.contains(**subject)).count();
        for extra in subjects.iter().filter(|subject| !wanted.contains(**subject)) {
            eprintln!("TOO MUCH {extra}");
        }
        duplicates += found.len() - right;
    }
    let times: Vec<SystemTime> = results.iter().map(|(_, time)| *time).collect();
    let stalls = stalls(begun, &times);
    for (since, lasted) in stalls.iter().take(5) {
        let at = since.duration_since(begun[0]).unwrap_or_default().as_secs_f64();
        eprintln!("no result for {:.1} s from {at:.1} s on", lasted.as_secs_f64());
    }
    let slowest = results.iter().filter_map(|(subject, stored_at)| {
        let n: usize = subject.rsplit_once(".s")?.1.parse().ok()?;
        stored_at.duration_since(*begun.get(n)?).ok()
    });
    Outcome {
        submitted: begun.len(),
        faults: 0,
        faults_by_kind: BTreeMap::new(),
        results: results.len(),
        alerts: alerts.len(),
        dead: dead.len(),
        duplicates,
        lost,
        longest_stall_s: tenths(stalls.first().map(|(_, lasted)| *lasted).unwrap_or_default()),
        slowest_report_s: tenths(slowest.max().unwrap_or_default()),
        duration_s: 0.0,
        server: String::new(),
    }
}

/// Subjects and times of all that a stream holds.
async fn stored(client: &Client, stream: &str) -> Vec<(String, SystemTime)> {
    let count = count(client, stream).await as usize;
    if count == 0 {
        return Vec::new();
    }
    let messages = client.take(stream, count).await;
    let told = messages.iter().map(|message| {
        let published = message.info().unwrap().published;
        (message.subject.to_string(), published.into())
    });
    told.collect()
}

/// The times without a result while some report waited, from the first report to the last: when they began and how long
/// they lasted, the longest first. After the last report nothing flows any more, and what waits was in the hands of a
/// worker that was killed.
fn stalls(begun: &[SystemTime], results: &[SystemTime]) -> Vec<(SystemTime, Duration)> {
    let mut events: Vec<(SystemTime, bool)> = begun.iter().map(|time| (*time, true)).collect();
    events.extend(results.iter().map(|time| (*time, false)));
    events.sort();
    let last = begun.last().copied().unwrap_or(SystemTime::UNIX_EPOCH);
    let mut waiting = 0_i64;
    let mut since = None;
    let mut stalls = Vec::new();
    for (time, is_begun) in events {
        let end = time.min(last);
        if let Some(since) = since
            && (!is_begun || end == last)
        {
            stalls.push((since, end.duration_since(since).unwrap_or_default()));
        }
        if time >= last {
            break;
        }
        waiting += if is_begun { 1 } else { -1 };
        since = match (waiting > 0, is_begun) {
            (false, _) => None,
            (true, true) => since.or(Some(time)),
            (true, false) => Some(time),
        };
    }
    stalls.sort_by_key(|(_, lasted)| std::cmp::Reverse(*lasted));
    stalls
}

fn tenths(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10.0).round() / 10.0
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn briefly() {
    let faults = [
        Fault::WorkerKilled,
        Fault::StreamFull,
        Fault::ServerKilled,
        Fault::WorkerKilled,
        Fault::WorkerCutOff,
        Fault::ServerStopped,
    ];
    let runtime = runtime();
    let outcome = runtime.block_on(run(300, &faults));
    runtime.shutdown_background();
    eprintln!("{}", serde_json::to_string(&outcome).unwrap());
    assert_eq!((outcome.lost, outcome.duplicates), (0, 0), "{outcome:?}");
    assert_eq!(outcome.results, 300);
    assert!(outcome.alerts > 300, "there are mistakes to be found: {outcome:?}");
    assert_eq!(outcome.dead, 12);
}

/// Not a test: what `deploy/local chaos` runs.
#[test]
#[ignore = "takes minutes; started by deploy/local chaos"]
fn at_length() {
    let number = |name: &str| env::var(name).unwrap().parse::<usize>().unwrap();
    let submissions = number("BAOCAO_CHAOS_SUBMISSIONS");
    let faults: Vec<Fault> = IN_TURN
        .into_iter()
        .cycle()
        .take(number("BAOCAO_CHAOS_FAULTS"))
        .collect();
    let runtime = runtime();
    let outcome = runtime.block_on(run(submissions, &faults));
    runtime.shutdown_background();
    fs::write(
        env::var("BAOCAO_REPORT").unwrap(),
        serde_json::to_string(&outcome).unwrap(),
    )
    .unwrap();
    assert_eq!((outcome.lost, outcome.duplicates), (0, 0), "{outcome:?}");
    assert_eq!(outcome.results, submissions);
}

#[test]
fn a_stall_is_a_time_without_results_while_reports_wait() {
    let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let longest = |begun: &[u64], results: &[u64]| {
        let begun: Vec<SystemTime> = begun.iter().map(|time| at(*time)).collect();
        let results: Vec<SystemTime> = results.iter().map(|time| at(*time)).collect();
        stalls(&begun, &results)[0].1.as_secs()
    };
    assert_eq!(longest(&[0, 10, 20], &[1, 11, 21]), 1, "nothing waits in between");
    assert_eq!(longest(&[0, 1, 20], &[2, 9]), 7);
    assert_eq!(longest(&[0, 20], &[30]), 20, "no result at all");
}
