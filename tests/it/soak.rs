//! Steady load for a long time: the worker takes no more memory at the end than it did soon after its start.

use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use baocao::{bus, proto::baocao::v1 as pb};
use serde::Serialize;

use crate::{
    chaos,
    harness::{Client, WorkerProcess, crate_root, on_newest_server},
};

/// Reports a second.
const RATE: u32 = 25;

/// How often memory is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// How often what has come out is thrown away, so that the server's disk does not fill up.
const CLEAR: Duration = Duration::from_secs(60);

/// How much more memory the worker may take at the end.
const GROWTH_PERCENT: f64 = 10.0;

/// What came of it.
#[derive(Debug, Serialize)]
struct Outcome {
    minutes: f64,
    submitted: usize,
    left: u64,
    /// Resident memory of the worker, in MiB: the middle of a minute's looks.
    reference_mib: f64,
    reference_after_minutes: f64,
    end_mib: f64,
    peak_mib: f64,
    growth_percent: f64,
    server: String,
}

/// A report: mostly text, some of which is large and some refused, and now and then a file that a child decodes.
fn submission(n: usize) -> pb::ReportSubmission {
    let mut submission = chaos::submission(n);
    if n % 20 == 5 {
        submission.content = fs::read(crate_root().join("tests/fixtures/formats/libreoffice.docx")).unwrap();
        submission.media_type = String::new();
    }
    submission
}

/// Resident memory of a process in MiB.
fn resident(process: u32) -> f64 {
    let status = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
    kib / 1024.0
}

/// The middle of what was seen in the minute that ends then.
fn middle(looks: &[(Duration, f64)], end: Duration) -> f64 {
    let minute = Duration::from_secs(60);
    let in_it = looks.iter().filter(|(at, _)| *at <= end && *at + minute >= end);
    let mut seen: Vec<f64> = in_it.map(|(_, mib)| *mib).collect();
    seen.sort_by(f64::total_cmp);
    seen[seen.len() / 2]
}

async fn run(client: Client, worker: &WorkerProcess, length: Duration) -> Outcome {
    let began = Instant::now();
    let reference_at = Duration::from_secs(5 * 60).min(length / 4);
    let mut looks = Vec::new();
    let mut submitted = 0;
    let mut cleared = Instant::now();
    let mut pace = tokio::time::interval(Duration::from_secs(1) / RATE);
    while began.elapsed() < length {
        pace.tick().await;
        bus::submit(&client.connection, submission(submitted)).await.unwrap();
        submitted += 1;
        if looks.last().is_none_or(|(at, _)| began.elapsed() >= *at + LOOK) {
            looks.push((began.elapsed(), resident(worker.id())));
        }
        if cleared.elapsed() > CLEAR {
            cleared = Instant::now();
            let names = client.names();
            for stream in [names.processed_stream(), names.alerts_stream(), names.dead_stream()] {
                client
                    .jetstream()
                    .get_stream(stream)
                    .await
                    .unwrap()
                    .purge()
                    .await
                    .unwrap();
            }
        }
    }
    let (reference, end) = (middle(&looks, reference_at), middle(&looks, length));
    let tenths = |number: f64| (number * 10.0).round() / 10.0;
    Outcome {
        minutes: tenths(length.as_secs_f64() / 60.0),
        submitted,
        left: client.count(&client.names().received_stream()).await,
        reference_mib: tenths(reference),
        reference_after_minutes: tenths(reference_at.as_secs_f64() / 60.0),
        end_mib: tenths(end),
        peak_mib: tenths(looks.iter().map(|(_, mib)| *mib).fold(0.0, f64::max)),
        growth_percent: tenths((end / reference - 1.0) * 100.0),
        server: client.connection.client.server_info().version,
    }
}

/// Not a test: what `deploy/local soak` runs.
#[test]
#[ignore = "takes an hour; started by deploy/local soak"]
fn at_length() {
    let minutes: u64 = env::var("BAOCAO_SOAK_MINUTES").unwrap().parse().unwrap();
    on_newest_server(|server| async move {
        let mut settings = server.settings();
        settings.worker = baocao::config::Settings::default().worker;
        let client = Client::new(&settings).await;
        client.provide().await;
        let worker = WorkerProcess::start(&settings);
        let outcome = run(client, &worker, Duration::from_secs(minutes * 60)).await;
        fs::write(
            env::var("BAOCAO_REPORT").unwrap(),
            serde_json::to_string(&outcome).unwrap(),
        )
        .unwrap();
        assert!(outcome.growth_percent <= GROWTH_PERCENT, "{outcome:?}");
        assert!(
            outcome.left < u64::from(10 * RATE),
            "the worker does not keep up: {outcome:?}"
        );
    });
}
