//! `baocao submit`: hands reports in on the bus.

use std::{
    io::{self, Write},
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use clap::Args;

use super::{
    Error, Global, Lang, Result, Status, events,
    input::{self, Input},
    runtime,
};
use crate::{
    bus::{self, Connection, Unit},
    proto::baocao::v1 as pb,
};

/// How long to wait between two looks for a result.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

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
}

impl Submit {
    pub(super) fn run(self, global: &Global) -> Result {
        let settings = global.settings()?;
        let files = input::files(&self.files)?;
        runtime::block_on(async {
            let connection = runtime::connect(&settings, "baocao submit").await?;
            let mut status = Status::Fine;
            for path in files {
                let handed_in = match Input::read(&path) {
                    Ok(input) => self.hand_in(&connection, input, global).await,
                    Err(error) => Err(error),
                };
                match handed_in {
                    Ok(Status::Fine) => {}
                    Ok(other) => status = other,
                    Err(error) if error.is_broken_pipe() => return Err(error),
                    Err(error) => {
                        eprintln!("baocao: {}", error.on_one_line());
                        status = Status::Failed;
                    }
                }
            }
            Ok(status)
        })
    }

    /// Hands one report in and prints its line.
    async fn hand_in(&self, connection: &Connection, input: Input, global: &Global) -> Result {
        let name = input.name.clone();
        let submission = pb::ReportSubmission {
            unit: self.unit.clone(),
            file_name: input.file_name(),
            content: input.bytes,
            submitted_at: Some(SystemTime::now().into()),
            source: "baocao-submit".into(),
            ..Default::default()
        };
        let submitted = bus::submit(connection, submission)
            .await
            .map_err(|cause| Error::caused(format!("{name} was not handed in"), cause))?;
        if submitted.duplicate {
            global.remark(format!(
                "{name}: the same content was handed in a moment ago; it is not processed twice"
            ));
        }
        let id = submitted.submission_id;
        if !self.wait {
            writeln!(io::stdout(), "{id}\t{name}")?;
            return Ok(Status::Fine);
        }
        let timeout = Duration::from_secs(self.timeout);
        let unit = Unit::new(&self.unit);
        let Some(result) = result_of(connection, &unit, &id, timeout).await? else {
            let seconds = self.timeout;
            writeln!(io::stdout(), "{id}\t{name}\t-")?;
            return Err(Error::new(format!(
                "{name}: handed in as {id}, but no result came within {seconds} s; does a worker run?"
            )));
        };
        writeln!(io::stdout(), "{id}\t{name}\t{}", outcome(&result, global.lang()))?;
        Ok(match result.status() {
            pb::Status::Refused => Status::Failed,
            _ => Status::Fine,
        })
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
