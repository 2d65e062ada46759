//! Settings: one struct, filled from embedded defaults, a file, the environment and flags.
//!
//! The defaults stand with their comments in `config.toml` beside this file; every setting has one
//! there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{alert::AlertPolicy, decode, validate};

mod load;

pub use load::{Loaded, SettingsError, Sources, mask_urls, nearest};

/// The defaults, with a comment for each setting.
pub const DEFAULTS: &str = include_str!("config.toml");

/// All settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The message bus.
    pub bus: Bus,
    /// The worker.
    pub worker: Worker,
    /// The service for requests.
    pub service: Service,
    /// Limits of decoding.
    pub decode: Decode,
    /// What results carry.
    pub result: ResultSettings,
    /// Rules.
    pub rules: Rules,
    /// Alerts.
    pub alert: Alert,
    /// Logs and health.
    pub telemetry: Telemetry,
}

/// The message bus.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each setting is documented in config.toml
pub struct Bus {
    pub url: String,
    pub prefix: String,
    pub provision: Provision,
    pub replicas: usize,
    pub keep_days: u64,
    pub connect_timeout_seconds: u64,
    pub request_timeout_seconds: u64,
    pub user: String,
    pub password: String,
    pub password_file: String,
    pub token: String,
    pub token_file: String,
    pub credentials_file: String,
    pub nkey_file: String,
    pub tls_required: bool,
    pub tls_ca_file: String,
    pub tls_cert_file: String,
    pub tls_key_file: String,
    pub inbox_prefix: String,
}

/// Whether the worker creates streams and consumers that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provision {
    /// Create what is missing.
    Missing,
    /// Others own them.
    Never,
}

/// The worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each setting is documented in config.toml
pub struct Worker {
    pub stages: Stages,
    pub concurrency: usize,
    pub max_bytes_in_flight: usize,
    pub ack_wait_seconds: u64,
    pub max_handling_seconds: u64,
    pub max_deliver: i64,
    pub retry_delays_seconds: Vec<u64>,
    pub drain_seconds: u64,
}

/// Which stages a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stages {
    /// Extract and validate.
    All,
}

/// The service for requests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each setting is documented in config.toml
pub struct Service {
    pub concurrency: usize,
    pub max_bytes: usize,
    pub timeout_seconds: u64,
}

/// Limits of decoding.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each setting is documented in config.toml
pub struct Decode {
    pub max_bytes: usize,
    pub max_text_bytes: usize,
}

/// What results carry.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each setting is documented in config.toml
pub struct ResultSettings {
    pub include_text: bool,
}

/// Rules.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each setting is documented in config.toml
pub struct Rules {
    pub preview: bool,
    pub severity: BTreeMap<String, RuleSeverity>,
}

/// The severity of a rule, or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleSeverity {
    /// The rule does not run.
    Off,
    /// Worth a look.
    Info,
    /// Should be mended.
    Warning,
    /// Must be mended.
    Error,
}

/// Alerts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each setting is documented in config.toml
pub struct Alert {
    pub min_severity: validate::Severity,
}

/// Logs and health.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each setting is documented in config.toml
pub struct Telemetry {
    pub log_format: LogFormat,
    pub log: String,
    pub http_listen: String,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        toml::from_str(DEFAULTS).expect("the embedded defaults are valid")
    }
}

impl Settings {
    /// The limits for decoding.
    pub fn limits(&self) -> decode::Limits {
        decode::Limits {
            max_bytes: self.decode.max_bytes,
            max_text_bytes: self.decode.max_text_bytes,
        }
    }

    /// Which rules are on, and how grave their findings are.
    pub fn rule_set(&self) -> validate::RuleSet {
        let severity = |setting: &RuleSeverity| match setting {
            RuleSeverity::Off => None,
            RuleSeverity::Info => Some(validate::Severity::Info),
            RuleSeverity::Warning => Some(validate::Severity::Warning),
            RuleSeverity::Error => Some(validate::Severity::Error),
        };
        let overrides = self
            .rules
            .severity
            .iter()
            .map(|(rule, setting)| (rule.clone(), severity(setting)))
            .collect();
        validate::RuleSet {
            overrides,
            preview: self.rules.preview,
        }
    }

    /// Which findings become alerts.
    pub fn alert_policy(&self) -> AlertPolicy {
        AlertPolicy {
            min_severity: self.alert.min_severity,
        }
    }
}
