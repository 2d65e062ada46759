//! Logs, metrics, traces, health.

use std::{io::IsTerminal, sync::OnceLock};

use tracing::Metadata;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, filter_fn},
    layer::SubscriberExt,
    registry::LookupSpan,
    reload,
    util::SubscriberInitExt,
};

use crate::config::{LogFormat, Telemetry};

pub mod health;
pub mod logs;
pub mod metrics;
pub mod traces;

pub use health::Health;
pub use metrics::metrics;

/// The NATS client, as logs name it.
const CLIENT: &str = "async_nats";

/// The filter of the log, to be changed while the process runs.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Sets up logging for the whole process, on standard error, and traces where settings ask for them;
/// what is left of these goes out when the returned value is dropped. Call once, in `main`.
pub fn init(settings: &Telemetry) -> Result<Option<traces::Traces>, Error> {
    let (filter, handle) = reload::Layer::new(filter(&settings.log)?);
    let is_terminal = std::io::stderr().is_terminal();
    let is_json = match settings.log_format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !is_terminal,
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = if is_json {
        lines.fmt_fields(logs::JsonFields).event_format(logs::Json).boxed()
    } else {
        let lines = lines.fmt_fields(logs::TextFields);
        lines.with_ansi(is_terminal).with_target(false).boxed()
    };
    let hold_back = logs::HoldBack {
        allowed: settings.log_repeats_per_minute,
    };
    let traces = traces::Traces::start(settings, "baocao-worker")?;
    tracing_subscriber::registry()
        .with(lines.with_filter(filter.and(hold_back)))
        .with(traces.as_ref().map(spans))
        .try_init()
        .map_err(|_| Error::Twice)?;
    // The one that was installed a line ago.
    let _ = FILTER.set(handle);
    quiet_panics();
    Ok(traces)
}

/// Sets up traces without a log, for commands that speak for themselves.
pub fn init_traces(settings: &Telemetry, service: &'static str) -> Result<Option<traces::Traces>, Error> {
    let traces = traces::Traces::start(settings, service)?;
    if let Some(traces) = &traces {
        let subscriber = tracing_subscriber::registry().with(spans(traces));
        subscriber.try_init().map_err(|_| Error::Twice)?;
    }
    Ok(traces)
}

/// Logs from now on what another setting of `telemetry.log` says.
pub fn set_log(setting: &str) -> Result<(), Error> {
    let filter = filter(setting)?;
    if let Some(handle) = FILTER.get() {
        // It fails only when the subscriber is gone, and with it the log.
        let _ = handle.reload(filter);
    }
    Ok(())
}

/// The layer that takes spans to the collector.
fn spans<S>(traces: &traces::Traces) -> impl Layer<S> + use<S>
where
    S: tracing::Subscriber + for<'s> LookupSpan<'s> + Send + Sync,
{
    let is_wanted = |metadata: &Metadata<'_>| {
        metadata.is_span() && (metadata.target() == traces::TARGET || metadata.name() == "report")
    };
    tracing_opentelemetry::layer()
        .with_tracer(traces.tracer())
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(is_wanted))
}

/// The filter of a setting. Below "info" the NATS client logs answers of the server, and with them
/// what documents say; so it stays there unless it is named.
fn filter(setting: &str) -> Result<EnvFilter, Error> {
    let quieted = format!("{CLIENT}=info,{setting}");
    let is_talkative = setting.split(',').any(|part| matches!(part.trim(), "debug" | "trace"));
    let filter = if is_talkative && !setting.contains(CLIENT) {
        &quieted
    } else {
        setting
    };
    EnvFilter::try_new(filter).map_err(|error| Error::Filter {
        filter: setting.into(),
        error,
    })
}

/// Logs where a panic happened and not what it says: the message may quote the text of a document.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}

/// Why logging cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The setting `telemetry.log` is no filter.
    #[error("telemetry.log {filter:?} is no filter: {error}")]
    Filter {
        /// The setting.
        filter: String,
        /// What is wrong with it.
        error: tracing_subscriber::filter::ParseError,
    },
    /// The collector of traces cannot be used.
    #[error("telemetry.otlp_endpoint: {0}")]
    Traces(String),
    /// Somebody has set it up before.
    #[error("logging is set up already")]
    Twice,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_does_not_say_what_passes_through_it() {
        let filters = |setting: &str| filter(setting).expect("a filter").to_string();
        assert!(filters("debug").contains("async_nats=info"));
        assert!(filters("info,trace").contains("async_nats=info"));
        // Nor does it talk where the setting asks for less.
        assert!(!filters("error,baocao::worker=warn").contains("async_nats"));
        assert!(!filters("info,async_nats=trace").contains("async_nats=info"));
        assert!(filter("info,=").is_err() || filter("a=b=c").is_err());
    }
}
