//! Logs, metrics, traces, health.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogFormat, Telemetry};

pub mod health;
pub mod metrics;

pub use health::Health;
pub use metrics::metrics;

/// The NATS client, as logs name it.
const CLIENT: &str = "async_nats";

/// Sets up logging for the whole process, on standard error. Call once, in `main`.
pub fn init(settings: &Telemetry) -> Result<(), Error> {
    let filter = filter(&settings.log)?;
    let is_json = match settings.log_format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let done = if is_json {
        registry.with(layer.json().flatten_event(true)).try_init()
    } else {
        let ansi = std::io::stderr().is_terminal();
        registry.with(layer.with_ansi(ansi).with_target(false)).try_init()
    };
    done.map_err(|_| Error::Twice)?;
    quiet_panics();
    Ok(())
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
