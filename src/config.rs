//! Settings: one struct, filled from embedded defaults, a file, the environment and flags.
//!
//! The defaults stand with their comments in `config.toml` beside this file; every setting has one
//! there.

use std::{collections::BTreeMap, sync::Arc};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::{
    alert::AlertPolicy,
    decode, validate,
    vocabulary::{OverlayError, Vocabulary},
};

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
    /// Answers to edXML packets.
    pub edxml: Edxml,
    /// What results carry.
    pub result: ResultSettings,
    /// Words and names that are looked for.
    pub vocabulary: VocabularySettings,
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
    pub threads: usize,
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
    /// Decode and extract, and hand on.
    Extract,
    /// Take what others have extracted, and validate.
    Validate,
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
    pub max_expanded_bytes: usize,
    pub max_parts: usize,
    pub max_depth: usize,
    pub max_paragraphs: usize,
    pub max_cells: usize,
    pub max_attachments: usize,
    pub max_pixels: u64,
    pub max_ocr_pages: usize,
    pub ocr_dpi: u32,
    pub ocr_parallel: usize,
    pub max_memory_bytes: u64,
    pub max_cpu_seconds: u64,
    pub max_seconds: u64,
    pub max_file_bytes: u64,
    pub max_open_files: u64,
    pub max_output_bytes: usize,
    pub children: usize,
    pub warm_children: usize,
    pub executable: String,
}

/// Answers to edXML packets.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each setting is documented in config.toml
pub struct Edxml {
    pub status: bool,
    pub organ_id: String,
    pub organ_name: String,
    pub department: String,
}

/// What results carry.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each setting is documented in config.toml
pub struct ResultSettings {
    pub include_text: bool,
}

/// Words and names that are looked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each setting is documented in config.toml
pub struct VocabularySettings {
    pub overlay: String,
}

/// Rules.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each setting is documented in config.toml
pub struct Rules {
    pub preview: bool,
    pub sure_confidence: u8,
    pub severity: BTreeMap<String, RuleSeverity>,
    pub unit: BTreeMap<String, BTreeMap<String, RuleSeverity>>,
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
    pub log_repeats_per_minute: u32,
    pub otlp_endpoint: String,
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
            max_expanded_bytes: self.decode.max_expanded_bytes,
            max_parts: self.decode.max_parts,
            max_depth: self.decode.max_depth,
            max_paragraphs: self.decode.max_paragraphs,
            max_cells: self.decode.max_cells,
            max_attachments: self.decode.max_attachments,
            max_pixels: self.decode.max_pixels,
            max_ocr_pages: self.decode.max_ocr_pages,
            ocr_dpi: self.decode.ocr_dpi,
            ocr_parallel: self.decode.ocr_parallel,
        }
    }

    /// How decoders run.
    pub fn sandbox(&self) -> decode::sandbox::Options {
        decode::sandbox::Options {
            limits: decode::sandbox::SandboxLimits {
                max_memory_bytes: self.decode.max_memory_bytes,
                max_cpu_seconds: self.decode.max_cpu_seconds,
                max_seconds: self.decode.max_seconds,
                max_file_bytes: self.decode.max_file_bytes,
                max_open_files: self.decode.max_open_files,
                max_output_bytes: self.decode.max_output_bytes,
            },
            children: self.decode.children,
            warm: self.decode.warm_children,
            executable: (!self.decode.executable.is_empty()).then(|| self.decode.executable.clone().into()),
        }
    }

    /// The words and names that are looked for: those of the program, with what files add to them.
    pub fn vocabulary(&self) -> Result<Arc<Vocabulary>, OverlayError> {
        match self.vocabulary.overlay.as_str() {
            "" => Ok(Vocabulary::embedded().clone()),
            path => Vocabulary::overlaid(path.as_ref()),
        }
    }

    /// Which rules are on, and how grave their findings are, by unit.
    pub fn rule_sets(&self) -> validate::RuleSets {
        let everywhere = validate::RuleSet {
            overrides: severities(&self.rules.severity),
            preview: self.rules.preview,
            sure_confidence: self.rules.sure_confidence,
        };
        let units = self.rules.unit.iter();
        let units = units.map(|(unit, settings)| (unit.clone(), severities(settings)));
        validate::RuleSets::new(everywhere, units.collect())
    }

    /// Which findings become alerts.
    pub fn alert_policy(&self) -> AlertPolicy {
        AlertPolicy {
            min_severity: self.alert.min_severity,
        }
    }
}

/// Severities as validation has them.
fn severities(settings: &BTreeMap<String, RuleSeverity>) -> FxHashMap<String, Option<validate::Severity>> {
    let severity = |setting: RuleSeverity| match setting {
        RuleSeverity::Off => None,
        RuleSeverity::Info => Some(validate::Severity::Info),
        RuleSeverity::Warning => Some(validate::Severity::Warning),
        RuleSeverity::Error => Some(validate::Severity::Error),
    };
    settings
        .iter()
        .map(|(rule, &setting)| (rule.clone(), severity(setting)))
        .collect()
}

/// A setting that has another value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Dotted key.
    pub setting: String,
    /// The value it had, as TOML; absent where it was not set. Secrets are masked.
    pub before: Option<String>,
    /// The value it has.
    pub after: Option<String>,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".into());
        write!(f, "{}: {} → {}", self.setting, value(&self.before), value(&self.after))
    }
}

/// What differs between two settings, by key.
pub fn changes(before: &Settings, after: &Settings) -> Vec<Change> {
    let (before, after) = (before.leaves(), after.leaves());
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differs = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    let shown = |key: &str, values: &BTreeMap<String, String>| {
        let value = values.get(key).filter(|value| *value != "\"\"")?;
        Some(load::shown(key, value))
    };
    differs
        .map(|key| Change {
            setting: key.clone(),
            before: shown(key, &before),
            after: shown(key, &after),
        })
        .collect()
}

impl Settings {
    /// Each value as TOML, by dotted key.
    fn leaves(&self) -> BTreeMap<String, String> {
        fn flatten(path: &str, value: &toml::Value, leaves: &mut BTreeMap<String, String>) {
            match value {
                toml::Value::Table(table) => {
                    for (name, value) in table {
                        let key = if path.is_empty() {
                            name.clone()
                        } else {
                            format!("{path}.{name}")
                        };
                        flatten(&key, value, leaves);
                    }
                }
                value => drop(leaves.insert(path.to_owned(), value.to_string())),
            }
        }
        let mut leaves = BTreeMap::new();
        if let Ok(value) = toml::Value::try_from(self) {
            flatten("", &value, &mut leaves);
        }
        leaves
    }
}
