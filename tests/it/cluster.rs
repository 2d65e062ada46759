//! Three servers, of which one at a time may go: nothing lost, nothing twice.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    path::Path,
    process::Child,
    time::{Duration, Instant},
};

use baocao::{bus, config::Settings, proto::baocao::v1 as pb};
use tempfile::TempDir;

use crate::harness::{Client, Worker, launch, little_report, newest_server};

/// A cluster of three servers of the newest version.
struct Cluster {
    nodes: Vec<Node>,
}

struct Node {
    name: String,
    port: u16,
    arguments: Vec<String>,
    store: TempDir,
    child: Option<Child>,
}

impl Node {
    fn start(&mut self, path: &Path) {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let (child, _) = launch(path, &arguments, self.store.path(), Some(self.port));
        self.child = Some(child);
    }

    /// Kills it, as a power cut would.
    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop();
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
    fn start(path: &Path) -> Self {
        let ports = free_ports(6);
        let (clients, routes) = ports.split_at(3);
        let all: Vec<String> = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        let node = |n: usize| {
            let name = format!("n{n}");
            let arguments = [
                "--name",
                &name,
                "--cluster_name",
                "it",
                "--cluster",
                &all[n],
                "--routes",
                &all.join(","),
            ];
            Node {
                arguments: arguments.map(str::to_owned).to_vec(),
                name,
                port: clients[n],
                store: TempDir::new().unwrap(),
                child: None,
            }
        };
        let mut cluster = Self {
            nodes: (0..3).map(node).collect(),
        };
        for node in &mut cluster.nodes {
            node.start(path);
        }
        cluster
    }

    fn settings(&self) -> Settings {
        let urls: Vec<String> = self
            .nodes
            .iter()
            .map(|node| format!("nats://127.0.0.1:{}", node.port))
            .collect();
        let mut settings = Settings::default();
        settings.bus.url = urls.join(",");
        settings.bus.replicas = 3;
        settings.worker.ack_wait_seconds = 5;
        settings.worker.retry_delays_seconds = vec![1];
        settings.worker.max_deliver = 20;
        settings
    }

    /// The node of this name.
    fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.iter_mut().find(|node| node.name == name).unwrap()
    }
}

/// Tries until it works.
async fn insist<T, E: std::fmt::Debug, F: Future<Output = Result<T, E>>>(what: &str, mut act: impl FnMut() -> F) -> T {
    let began = Instant::now();
    loop {
        match act().await {
            Ok(done) => return done,
            Err(error) if began.elapsed() > Duration::from_secs(60) => panic!("{what}: {error:?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn submit(client: &Client, ids: std::ops::Range<usize>) {
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

async fn count(client: &Client, stream: &str) -> u64 {
    insist("count", || client.jetstream().get_stream(stream))
        .await
        .cached_info()
        .state
        .messages
}

/// The server that leads a stream.
async fn leader(client: &Client, stream: &str) -> String {
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
    let path = newest_server();
    let mut cluster = Cluster::start(&path);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let settings = cluster.settings();
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
            cluster.node(&name).stop();
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
            eprintln!("without {name}, which led {stream}: another leads after {elected:.1?}, submitted after {submitted:.1?}, all done after {stalled:.1?}");
            assert!(stalled < Duration::from_secs(30), "{stalled:?}");
            cluster.node(&name).start(&path);
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
    runtime.shutdown_background();
}
