//! Logs, metrics, traces, health.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogFormat, Telemetry};

pub mod health;

pub use health::Health;

/// Sets up logging for the whole process, on standard error. Call once, in `main`.
pub fn init(settings: &Telemetry) -> Result<(), Error> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| Error::Filter {
        filter: settings.log.clone(),
        error,
    })?;
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
