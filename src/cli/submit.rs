//! `baocao submit`: hands reports in on the bus.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use clap::{Args, ValueEnum};
use futures::{StreamExt, stream};
use serde::Serialize;
use serde_json::{Value, json};
use tracing::Instrument;

use super::{
    Error, Global, Lang, Result, Status, events,
    input::{self, Input},
    progress::Progress,
    runtime,
};
use crate::{
    bus::{self, Connection, Unit},
    proto::baocao::v1 as pb,
    telemetry::{self, traces::TARGET},
};

/// How long to wait between two looks for a result.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Reports that are handed in or waited for at once.
const AT_ONCE: usize = 16;

/// Hand reports in on the bus; prints a line for each: submission id, tab, file
#[derive(Debug, Args)]
pub struct Submit {
    /// Reports; a folder stands for the files of known endings under it, "-" for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Identification code (mã định danh) of the body that submits, such as H50.12.3
    #[arg(long, default_value = "_")]
    unit: String,
    /// Wait for each result, and print in a third column what became of the report
    #[arg(long)]
    wait: bool,
    /// How long to wait for each result
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "wait")]
    timeout: u64,
    /// text: for reading; json: one object for each report on a line, and their total
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How it is said what became of reports.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// A report that was handed in.
struct HandedIn {
    name: String,
    id: String,
    duplicate: bool,
    /// Its result, where that was waited for and came.
    result: Option<pb::ReportProcessed>,
}

/// A report that was not handed in, and why.
struct Failed {
    name: String,
    error: Error,
}

/// Counts of a run.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Total {
    files: usize,
    handed_in: usize,
    /// Of these, handed in a moment ago already.
    duplicates: usize,
    /// Of these, read and checked, as far as was waited for.
    processed: usize,
    refused: usize,
    /// Of these, without a result in time.
    unanswered: usize,
    /// Not handed in.
    failed: usize,
}

impl Submit {
    pub(super) fn run(self, global: &Global) -> Result {
        let settings = global.settings()?;
        let files = input::files(&self.files)?;
        runtime::block_on(async {
            let traces = telemetry::init_traces(&settings.telemetry, "baocao-submit");
            let _traces = traces.map_err(|cause| Error::caused("cannot send traces", cause))?;
            let connection = runtime::connect(&settings, "baocao submit").await?;
            let progress = Progress::new(files.len(), global);
            let mut total = Total::default();
            let handed_in = files.iter().map(|path| self.hand_in(&connection, path));
            // In the order of the files, whichever comes first.
            let mut handed_in = stream::iter(handed_in).buffered(AT_ONCE);
            while let Some(one) = handed_in.next().await {
                total.add(&one, self.wait);
                progress.done(|| self.print(&one, global))?;
            }
            drop(progress);
            match self.format {
                Format::Text if files.len() > 1 => global.remark(total.in_words(self.wait, global.lang())),
                Format::Text => {}
                Format::Json => writeln!(io::stdout(), "{}", json!({ "total": total }))?,
            }
            let status = total.status();
            if let (Status::Failed, Some(complaint)) = (status, runtime::complaint()) {
                eprintln!("baocao: {complaint}");
            }
            Ok(status)
        })
    }

    /// Hands one report in, and waits for its result if that is asked for.
    async fn hand_in(&self, connection: &Connection, path: &Path) -> std::result::Result<HandedIn, Failed> {
        let failed = |name: &str, error| Failed {
            name: name.to_owned(),
            error,
        };
        let input = Input::read(path).map_err(|error| failed(&path.display().to_string(), error))?;
        let name = input.name.clone();
        let submission = pb::ReportSubmission {
            unit: self.unit.clone(),
            file_name: input.file_name(),
            content: input.bytes,
            submitted_at: Some(SystemTime::now().into()),
            source: "baocao-submit".into(),
            ..Default::default()
        };
        // Begins the trace that goes on in the worker.
        let (unit, bytes) = (&self.unit, submission.content.len());
        let span = tracing::trace_span!(target: TARGET, "submit", otel.kind = "producer", unit, bytes);
        let submitted = bus::submit(connection, submission).instrument(span).await;
        let submitted =
            submitted.map_err(|cause| failed(&name, Error::caused(format!("{name} was not handed in"), cause)))?;
        let id = submitted.submission_id;
        let mut result = None;
        if self.wait {
            let timeout = Duration::from_secs(self.timeout);
            let found = result_of(connection, &Unit::new(&self.unit), &id, timeout).await;
            result = found.map_err(|error| failed(&name, error))?;
        }
        Ok(HandedIn {
            name,
            id,
            duplicate: submitted.duplicate,
            result,
        })
    }

    /// Says what became of one report.
    fn print(&self, one: &std::result::Result<HandedIn, Failed>, global: &Global) -> Result<()> {
        let mut out = io::stdout();
        if let Format::Json = self.format {
            return Ok(writeln!(out, "{}", self.json(one))?);
        }
        let one = match one {
            Ok(one) => one,
            Err(failed) => {
                eprintln!("baocao: {}", failed.error.on_one_line());
                return Ok(());
            }
        };
        let HandedIn { name, id, .. } = one;
        if one.duplicate {
            global.remark(format!(
                "{name}: the same content was handed in a moment ago; it is not processed twice"
            ));
        }
        match &one.result {
            _ if !self.wait => writeln!(out, "{id}\t{name}")?,
            Some(result) => writeln!(out, "{id}\t{name}\t{}", outcome(result, global.lang()))?,
            None => {
                writeln!(out, "{id}\t{name}\t-")?;
                eprintln!("baocao: {}", self.no_result(one));
            }
        }
        Ok(())
    }

    fn no_result(&self, one: &HandedIn) -> String {
        let (HandedIn { name, id, .. }, seconds) = (one, self.timeout);
        format!("{name}: handed in as {id}, but no result came within {seconds} s; does a worker run?")
    }

    fn json(&self, one: &std::result::Result<HandedIn, Failed>) -> Value {
        let one = match one {
            Ok(one) => one,
            Err(failed) => return json!({ "file": failed.name, "failure": failed.error.on_one_line() }),
        };
        let mut object = json!({ "file": one.name, "submissionId": one.id, "duplicate": one.duplicate });
        match &one.result {
            _ if !self.wait => {}
            Some(result) => match &result.refusal {
                Some(refusal) => {
                    object["status"] = "refused".into();
                    object["reason"] = refusal.reason.clone().into();
                }
                None => {
                    let [errors, warnings, infos] = events::tally(&result.findings);
                    object["status"] = "processed".into();
                    object["findings"] = json!({ "errors": errors, "warnings": warnings, "infos": infos });
                }
            },
            None => object["failure"] = self.no_result(one).into(),
        }
        object
    }
}

impl Total {
    fn add(&mut self, one: &std::result::Result<HandedIn, Failed>, waited: bool) {
        self.files += 1;
        let Ok(one) = one else {
            self.failed += 1;
            return;
        };
        self.handed_in += 1;
        self.duplicates += usize::from(one.duplicate);
        match one.result.as_ref().map(pb::ReportProcessed::status) {
            Some(pb::Status::Refused) => self.refused += 1,
            Some(_) => self.processed += 1,
            None => self.unanswered += usize::from(waited),
        }
    }

    /// Whether all went well.
    fn status(&self) -> Status {
        match self.failed + self.refused + self.unanswered {
            0 => Status::Fine,
            _ => Status::Failed,
        }
    }

    /// "7 of 8 files handed in; 6 processed, 1 refused, 0 without a result".
    fn in_words(&self, waited: bool, lang: Lang) -> String {
        let Self { files, handed_in, .. } = self;
        let mut words = lang.pick(
            format!("đã gửi {handed_in}/{files} tệp"),
            format!("{handed_in} of {files} files handed in"),
        );
        if self.duplicates > 0 {
            let n = self.duplicates;
            words += &lang.pick(format!(", {n} trùng lặp"), format!(", {n} of them duplicates"));
        }
        if waited {
            let (processed, refused, unanswered) = (self.processed, self.refused, self.unanswered);
            words += &lang.pick(
                format!("; {processed} đã xử lý, {refused} bị từ chối, {unanswered} chưa có kết quả"),
                format!("; {processed} processed, {refused} refused, {unanswered} without a result"),
            );
        }
        words
    }
}

/// Looks for the result until it is there. It may be there already, where the same content was
/// handed in before, so waiting for a new message would not do.
async fn result_of(
    connection: &Connection,
    unit: &Unit,
    id: &str,
    timeout: Duration,
) -> Result<Option<pb::ReportProcessed>> {
    let deadline = Instant::now() + timeout;
    let mut pause = FIRST_LOOK;
    loop {
        let found = bus::client::result_of(connection, unit, id).await;
        let found = found.map_err(|cause| Error::caused(format!("cannot look for the result of {id}"), cause))?;
        if found.is_some() || Instant::now() >= deadline {
            return Ok(found);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What became of a report, in a few words.
fn outcome(result: &pb::ReportProcessed, lang: Lang) -> String {
    match &result.refusal {
        Some(refusal) => format!(
            "{}: {}",
            lang.pick("từ chối", "refused"),
            lang.pick(&refusal.message_vi, &refusal.message_en)
        ),
        None => events::counts(&result.findings, lang),
    }
}
