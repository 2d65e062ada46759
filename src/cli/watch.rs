//! `baocao watch`: results and alerts as they come.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use futures::StreamExt;
use tracing::Instrument;

use super::{
    Error, Global, Result, Status, events,
    runtime::{self, Stop},
};
use crate::{
    bus::{
        self, Event,
        client::{From, Seen, watch_messages},
    },
    telemetry::{self, traces},
};

/// Print results and alerts as they come, until Ctrl-C
#[derive(Debug, Args)]
pub struct Watch {
    /// Only those of this body and the bodies below it, such as H50 or H50.12.3
    #[arg(long)]
    unit: Option<String>,
    /// Stop after so many results and alerts
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Begin with all that the streams hold
    #[arg(long)]
    all: bool,
    /// text: for reading; json: one object on each line, {"processed": …} or {"alert": …}
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How events are printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// An event, with what of a large result lies in the object store, if that can be had.
async fn whole(connection: &bus::Connection, event: Event) -> Event {
    let Event::Processed(result) = event else { return event };
    match bus::client::whole(connection, (*result).clone()).await {
        Ok(whole) => Event::Processed(Box::new(whole)),
        Err(error) => {
            eprintln!("baocao: {error}");
            Event::Processed(result)
        }
    }
}

impl Watch {
    pub(super) fn run(self, global: &Global) -> Result {
        let settings = global.settings()?;
        runtime::block_on(async {
            let traces = telemetry::init_traces(&settings.telemetry, "baocao-watch");
            let _traces = traces.map_err(|cause| Error::caused("cannot start tracing", cause))?;
            let mut stop = Stop::new()?;
            let connection = runtime::connect(&settings, "baocao watch").await?;
            let from = if self.all { From::Beginning } else { From::Now };
            let mut events = watch_messages(&connection, from)
                .await
                .map_err(|cause| Error::caused("cannot watch; has a worker created the streams?", cause))?;
            global.remark("watching; Ctrl-C ends it");
            let mut seen = 0;
            while self.count.is_none_or(|count| seen < count) {
                let event = tokio::select! {
                    event = events.next() => event,
                    () = stop.wait() => break,
                };
                match event {
                    Some(Ok(Seen {
                        event,
                        subject,
                        headers,
                    })) if self.wants(&event) => {
                        let span = traces::of_event(headers.as_ref(), &subject);
                        let event = whole(&connection, event).instrument(span.clone()).await;
                        span.in_scope(|| self.print(&event, &connection.names, global))?;
                        seen += 1;
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => eprintln!("baocao: {error}"),
                    None => return Err(Error::new("the bus sends nothing more")),
                }
            }
            Ok(Status::Fine)
        })
    }

    /// Whether an event is of the unit asked for, or of one below it.
    fn wants(&self, event: &Event) -> bool {
        let Some(wanted) = &self.unit else { return true };
        let unit = event
            .submission()
            .map(|submission| submission.unit.as_str())
            .unwrap_or_default();
        unit.strip_prefix(wanted.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    fn print(&self, event: &Event, names: &bus::Names, global: &Global) -> Result<()> {
        let text = match self.format {
            Format::Text => events::text(event, names, global.lang()),
            Format::Json => events::json(event)?,
        };
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(())
    }
}
