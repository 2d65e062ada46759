//! `baocao reload`: asks the running workers to read their settings again.

use std::{
    io::{self, Write},
    time::Duration,
};

use clap::{Args, ValueEnum};
use futures::StreamExt;
use serde_json::Value;

use super::{Error, Global, Result, Status, runtime};
use crate::{config::Change, worker::control::RELOAD};

/// How long to listen for more workers after one has answered.
const QUIET: Duration = Duration::from_secs(1);

/// Ask all workers to read their settings again; prints what has changed in each, or why it keeps
/// what it has
#[derive(Debug, Args)]
pub struct Reload {
    /// How long to wait for the first answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    timeout: u64,
    /// text: for reading; json: the answer of each worker on a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How answers are printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Reload {
    pub(super) fn run(self, global: &Global) -> Result {
        let settings = global.settings()?;
        runtime::block_on(async {
            let connection = runtime::connect(&settings, "baocao reload").await?;
            let client = &connection.client;
            let failed =
                |cause: Box<dyn std::error::Error + Send + Sync>| Error::caused("cannot ask the workers", cause);
            let inbox = client.new_inbox();
            let mut answers = client
                .subscribe(inbox.clone())
                .await
                .map_err(|cause| failed(cause.into()))?;
            let subject = connection.names.control(RELOAD);
            let asked = client.publish_with_reply(subject, inbox, "".into()).await;
            asked.map_err(|cause| failed(cause.into()))?;
            let mut status = Status::Fine;
            let mut answered = 0;
            let mut patience = Duration::from_secs(self.timeout);
            while let Ok(Some(answer)) = tokio::time::timeout(patience, answers.next()).await {
                // The server says so itself when nobody listens.
                if answer.status == Some(async_nats::StatusCode::NO_RESPONDERS) {
                    break;
                }
                let Ok(answer) = serde_json::from_slice::<Value>(&answer.payload) else {
                    continue;
                };
                if answer["outcome"] == "refused" {
                    status = Status::Failed;
                }
                self.print(&answer)?;
                answered += 1;
                patience = QUIET;
            }
            match answered {
                0 => Err(Error::new(
                    "no worker has answered; does one run, and may this user ask it?",
                )),
                _ => Ok(status),
            }
        })
    }

    fn print(&self, answer: &Value) -> Result<()> {
        let mut out = io::stdout().lock();
        if let Format::Json = self.format {
            return Ok(writeln!(out, "{answer}")?);
        }
        let text = |name: &str| answer[name].as_str().unwrap_or_default();
        let (worker, outcome, configuration) = (text("worker"), text("outcome"), text("configuration"));
        writeln!(out, "{worker}: {outcome}; in force: {configuration}")?;
        if !text("why").is_empty() {
            writeln!(out, "    {}", text("why"))?;
        }
        for (name, remark) in [("changed", ""), ("restart", " (takes a restart)")] {
            let changes: Vec<Change> = serde_json::from_value(answer[name].clone()).unwrap_or_default();
            for change in changes {
                writeln!(out, "    {change}{remark}")?;
            }
        }
        Ok(())
    }
}
