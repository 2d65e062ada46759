//! `baocao demo`: the whole way of a report on this machine, without any set-up: a NATS server of
//! its own, a worker, three sample reports, what comes out. All of it ends with the command.

use std::{
    io::{self, Write},
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use clap::Args;
use futures::StreamExt;
use tokio::{sync::oneshot, task::JoinHandle, time};

use super::{
    Error, Global, Lang, Result, Status, events,
    runtime::{self, Stop},
};
use crate::{
    bus::{self, Connection, Event, client::From},
    config::{Bus, LogFormat, Settings},
    proto::baocao::v1 as pb,
    telemetry, worker,
};

mod server;

use server::Server;

/// A sample report: file name, unit, text.
type Sample = (&'static str, &'static str, &'static str);

/// Reports written for this repository: nobody in them exists, nor do their units.
const SAMPLES: [Sample; 3] = [
    (
        "ministry-q3-2024.txt",
        "G99",
        include_str!("../../tests/reports/ministry-q3-2024.txt"),
    ),
    (
        "commune-party-2024.txt",
        "A99.12.3",
        include_str!("../../tests/reports/commune-party-2024.txt"),
    ),
    (
        "province-2025.txt",
        "H99",
        include_str!("../../tests/reports/province-2025.txt"),
    ),
];

/// How long the worker may take to create its streams, and the reports to come out.
const PATIENCE: Duration = Duration::from_secs(30);

/// Show the whole way of a report: starts a NATS server and a worker, submits three sample
/// reports, prints results and alerts, and stops all it started
#[derive(Debug, Args)]
pub struct Demo {
    /// The nats-server program [default: the one in PATH, /usr/sbin or /usr/local/bin]
    #[arg(long, value_name = "PATH")]
    nats_server: Option<PathBuf>,
}

impl Demo {
    pub(super) fn run(self, global: &Global) -> Result {
        let mut settings = global.settings()?;
        if global.verbose == 0 {
            // The worker's own log would bury what the demonstration is about.
            settings.telemetry.log = "error,baocao::worker=warn".into();
        }
        if settings.telemetry.log_format == LogFormat::Auto {
            settings.telemetry.log_format = LogFormat::Text;
        }
        telemetry::init(&settings.telemetry).map_err(|cause| Error::caused("cannot start logging", cause))?;
        runtime::block_on(async { demonstrate(self.nats_server, settings, global, &mut Stop::new()?).await })
    }
}

/// Starts everything, shows it, stops everything.
async fn demonstrate(program: Option<PathBuf>, mut settings: Settings, global: &Global, stop: &mut Stop) -> Result {
    let lang = global.lang();
    let started = Instant::now();
    let interrupted = || Error::new("interrupted; all that was started is stopped");
    let server = tokio::select! {
        server = Server::start(program) => server?,
        () = stop.wait() => return Err(interrupted()),
    };
    global.remark(lang.pick(
        format!("NATS server {} chạy tại {}", server.program(), server.url()),
        format!("NATS server {} runs at {}", server.program(), server.url()),
    ));
    settings.bus = Bus {
        url: server.url().to_owned(),
        ..Settings::default().bus
    };
    settings.telemetry.http_listen.clear();
    let connection = runtime::connect(&settings, "baocao demo").await?;
    let mut worker = Running::start(settings.clone());
    let shown = tokio::select! {
        shown = show(&connection, &settings, lang) => shown,
        ended = worker.ended() => ended.and(Err(Error::new("the worker stopped before the reports came out"))),
        () = stop.wait() => Err(interrupted()),
    };
    let stopped = worker.stop().await;
    drop(connection);
    server.stop().await;
    shown.and(stopped)?;
    let took = started.elapsed();
    global.remark(lang.pick(
        format!("xong sau {took:.1?}; mọi thứ đã khởi động đều đã dừng"),
        format!("done in {took:.1?}; all that was started is stopped"),
    ));
    Ok(Status::Fine)
}

/// A worker in this process.
struct Running {
    /// Empty when its end was seen.
    task: Option<JoinHandle<Result<()>>>,
    shutdown: oneshot::Sender<()>,
}

impl Running {
    fn start(settings: Settings) -> Self {
        let (shutdown, told) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            // A sender that is dropped means stop, too.
            let told = async move { drop(told.await) };
            let ended = worker::run(settings, told).await;
            ended
                .map(drop)
                .map_err(|cause| Error::caused("the worker stopped", cause))
        });
        Self {
            task: Some(task),
            shutdown,
        }
    }

    /// Waits until it ends by itself.
    async fn ended(&mut self) -> Result<()> {
        let Some(task) = &mut self.task else { return Ok(()) };
        let ended = task.await;
        self.task = None;
        ended.unwrap_or_else(|cause| Err(Error::caused("the worker stopped", cause)))
    }

    async fn stop(mut self) -> Result<()> {
        let (shutdown, _) = oneshot::channel();
        let _ = std::mem::replace(&mut self.shutdown, shutdown).send(());
        self.ended().await
    }
}

/// Submits the samples and prints what comes out.
async fn show(connection: &Connection, settings: &Settings, lang: Lang) -> Result<()> {
    let mut out = io::stdout();
    let mut coming = watch(connection).await?;
    for sample in SAMPLES {
        let submitted = submit(connection, sample).await?;
        let (name, _, text) = sample;
        let size = text.len().div_ceil(1024);
        writeln!(
            out,
            "{} {name}, {size} KiB\n    {}",
            lang.pick("GỬI     ", "SENT  "),
            submitted.subject
        )?;
    }
    let gathering = gather(&mut coming, settings);
    let (results, alerts) = match time::timeout(PATIENCE, gathering).await {
        Ok(gathered) => gathered?,
        Err(_) => {
            return Err(Error::new(format!(
                "the reports did not come out within {} s; -v shows what the worker does",
                PATIENCE.as_secs()
            )));
        }
    };
    for (name, ..) in SAMPLES {
        let of_sample = |submission: &Option<pb::ReportSubmission>| {
            submission
                .as_ref()
                .is_some_and(|submission| submission.file_name == name)
        };
        for result in results.iter().filter(|result| of_sample(&result.submission)) {
            writeln!(
                out,
                "\n{}",
                events::processed(result, &connection.names, lang).trim_end()
            )?;
        }
        for alert in alerts.iter().filter(|alert| of_sample(&alert.submission)) {
            writeln!(out, "{}", events::alert(alert, &connection.names, lang).trim_end())?;
        }
    }
    let (results, alerts) = (results.len(), alerts.len());
    writeln!(
        out,
        "\n{}",
        lang.pick(
            format!("{results} báo cáo vào, {results} kết quả và {alerts} cảnh báo ra"),
            format!("{results} reports in, {results} results and {alerts} alerts out"),
        )
    )?;
    Ok(())
}

/// Watches results and alerts, as soon as the worker has created their streams.
async fn watch(
    connection: &Connection,
) -> Result<impl futures::Stream<Item = std::result::Result<Event, bus::Error>> + Unpin> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match bus::watch(connection, From::Beginning).await {
            Ok(events) => return Ok(events),
            Err(cause) if Instant::now() >= deadline => {
                return Err(Error::caused("the worker does not create its streams", cause));
            }
            Err(_) => time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn submit(connection: &Connection, (name, unit, text): Sample) -> Result<bus::client::Submitted> {
    let submission = pb::ReportSubmission {
        unit: unit.into(),
        file_name: name.into(),
        media_type: "text/plain".into(),
        content: text.as_bytes().to_vec(),
        submitted_at: Some(SystemTime::now().into()),
        source: "baocao-demo".into(),
        ..Default::default()
    };
    bus::submit(connection, submission)
        .await
        .map_err(|cause| Error::caused(format!("{name} was not handed in"), cause))
}

/// Collects the results of all samples and the alerts that belong to them.
async fn gather(
    coming: &mut (impl futures::Stream<Item = std::result::Result<Event, bus::Error>> + Unpin),
    settings: &Settings,
) -> Result<(Vec<pb::ReportProcessed>, Vec<pb::Alert>)> {
    let (mut results, mut alerts) = (Vec::new(), Vec::new());
    while results.len() < SAMPLES.len() || alerts.len() < expected_alerts(&results, settings) {
        match coming.next().await {
            Some(Ok(Event::Processed(result))) => results.push(*result),
            Some(Ok(Event::Alert(alert))) => alerts.push(*alert),
            Some(Err(cause)) => return Err(Error::caused("cannot read what came out", cause)),
            None => return Err(Error::new("the bus sends nothing more")),
        }
    }
    Ok((results, alerts))
}

/// How many findings of these results are grave enough for an alert.
fn expected_alerts(results: &[pb::ReportProcessed], settings: &Settings) -> usize {
    let least = settings.alert.min_severity.as_str();
    let least = pb::Severity::from_str_name(&format!("SEVERITY_{}", least.to_uppercase()));
    let least = least.unwrap_or_default() as i32;
    let findings = results.iter().flat_map(|result| &result.findings);
    findings.filter(|finding| finding.severity >= least).count()
}
