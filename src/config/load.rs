//! Fills [`Settings`] from layers: embedded defaults, a file, the environment, flags.
//!
//! The layers are merged by the `config` crate. Before that every single value is looked at where
//! it stands, so that a mistake is reported with its place ("baocao.toml:12"), with what was
//! expected there, and with the nearest name that exists. What is known and which type it has
//! follows from the embedded defaults; a new setting needs nothing here unless it has a range.

use std::{
    collections::BTreeMap,
    env, fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use config::{Config, ConfigError, Map, Source, Value, ValueKind};
use serde::{Deserialize, de::IntoDeserializer};
use toml::de::{DeTable, DeValue};

use super::{DEFAULTS, LogFormat, Provision, RuleSeverity, Settings, Stages};
use crate::validate::{self, Severity};

/// Environment variables with this prefix are settings.
const PREFIX: &str = "BAOCAO__";
/// The table whose keys are rule ids.
const SEVERITIES: &str = "rules.severity";
/// The table whose keys are codes of units, each with a table whose keys are rule ids.
const UNITS: &str = "rules.unit";
/// Settings that are never shown.
const SECRETS: [&str; 2] = ["bus.password", "bus.token"];
/// What is shown instead.
const MASK: &str = "********";

/// Where settings come from, beside the embedded defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// Environment variables; only those that begin with `BAOCAO__` count.
    pub environment: Vec<(String, String)>,
    /// Flags: "section.key=value".
    pub flags: Vec<String>,
}

impl Sources {
    /// The file named by a flag or by `BAOCAO_CONFIG`, the environment of the process, and flags.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<String>) -> Self {
        let named = || {
            env::var_os("BAOCAO_CONFIG")
                .filter(|name| !name.is_empty())
                .map(PathBuf::from)
        };
        let text = |s: std::ffi::OsString| s.to_string_lossy().into_owned();
        Self {
            file: file.or_else(named),
            environment: env::vars_os().map(|(name, value)| (text(name), text(value))).collect(),
            flags,
        }
    }
}

/// Settings, and where those came from that are not defaults.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings in force.
    pub settings: Settings,
    /// Place by dotted key.
    origins: BTreeMap<String, String>,
}

/// Why settings are refused.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the settings file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{place}: not valid TOML: {why}")]
    Syntax {
        /// File and line.
        place: String,
        /// What the parser says.
        why: String,
    },
    /// A name that no setting has.
    #[error("unknown {what} {name} ({place}){}", hint(nearest))]
    Unknown {
        /// "setting" or "rule".
        what: &'static str,
        /// The name.
        name: String,
        /// Where it stands.
        place: String,
        /// The nearest name there is.
        nearest: Option<String>,
    },
    /// A value that the setting does not take.
    #[error("{key} ({place}): expected {expected}, found {found}")]
    Value {
        /// Dotted key.
        key: String,
        /// Where it stands.
        place: String,
        /// What it takes.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A flag that is not "section.key=value".
    #[error("--set {0}: expected section.key=value")]
    Flag(String),
    /// Settings that exclude each other.
    #[error("{0}")]
    Contradiction(String),
    /// The layers do not merge.
    #[error("the settings do not fit together")]
    Merge(#[from] ConfigError),
}

fn hint(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map(|name| format!("; did you mean {name}?"))
        .unwrap_or_default()
}

impl Settings {
    /// Settings from all sources: a flag beats the environment, the environment beats the file,
    /// the file beats the defaults.
    pub fn load(sources: &Sources) -> Result<Loaded, SettingsError> {
        let known = Known::of_defaults();
        let mut layers = vec![Vec::new()];
        if let Some(path) = &sources.file {
            layers.push(file(path)?);
        }
        layers.push(environment(&sources.environment, &known)?);
        layers.push(flags(&sources.flags, &known)?);

        let mut builder = Config::builder().add_source(config::File::from_str(DEFAULTS, config::FileFormat::Toml));
        let mut origins = BTreeMap::new();
        for layer in layers {
            for leaf in &layer {
                known.admit(leaf)?;
                origins.insert(leaf.key.clone(), leaf.place.clone());
            }
            builder = builder.add_source(Layer::of(layer));
        }
        let settings: Settings = builder.build()?.try_deserialize()?;
        match contradiction(&settings) {
            Some(what) => Err(SettingsError::Contradiction(what)),
            None => Ok(Loaded { settings, origins }),
        }
    }
}

impl Loaded {
    /// The settings in force as TOML, secrets masked; a comment says where a value comes from
    /// that is not a default.
    pub fn to_toml(&self) -> String {
        let mut shown = self.settings.clone();
        shown.bus.url = mask_urls(&shown.bus.url);
        for secret in [&mut shown.bus.password, &mut shown.bus.token] {
            if !secret.is_empty() {
                *secret = MASK.to_owned();
            }
        }
        let mut section = String::new();
        let mut out = String::new();
        // The serializer writes each setting on a line of its own, in the order of the struct.
        for line in toml::to_string(&shown).unwrap_or_default().lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']').replace('"', "");
            }
            out.push_str(line);
            let key = line.split_once(" = ").map(|(name, _)| join(&section, name));
            if let Some(place) = key.and_then(|key| self.origins.get(&key)) {
                out.push_str(&format!("  # {place}"));
            }
            out.push('\n');
        }
        out
    }
}

/// A value as it may be shown: no secrets.
pub(super) fn shown(key: &str, value: &str) -> String {
    match key {
        _ if SECRETS.contains(&key) => MASK.to_owned(),
        "bus.url" => mask_urls(value),
        _ => value.to_owned(),
    }
}

/// Addresses without user names and passwords.
pub fn mask_urls(urls: &str) -> String {
    let mask = |url: &str| {
        let start = url.find("://").map_or(0, |i| i + "://".len());
        match url[start..].rfind('@') {
            Some(at) => format!("{}{MASK}{}", &url[..start], &url[start + at..]),
            None => url.to_owned(),
        }
    };
    urls.split(',').map(mask).collect::<Vec<_>>().join(",")
}

/// One value of a layer.
#[derive(Clone, Debug)]
struct Leaf {
    key: String,
    value: Value,
    place: String,
}

/// The values of one source, as the `config` crate takes them.
#[derive(Clone, Debug)]
struct Layer(Map<String, Value>);

impl Layer {
    fn of(leaves: Vec<Leaf>) -> Self {
        let mut root = Map::new();
        let empty_unit = |leaf: &Leaf| leaf.key.starts_with(UNITS) && matches!(leaf.value.kind, ValueKind::Table(_));
        for leaf in leaves.into_iter().filter(|leaf| !empty_unit(leaf)) {
            insert(&mut root, &steps(&leaf.key), leaf.value);
        }
        Self(root)
    }
}

/// The tables a dotted key leads through. The code of a unit is one step, though it holds dots.
fn steps(key: &str) -> Vec<&str> {
    let Some(rest) = key.strip_prefix(UNITS) else {
        return key.split('.').collect();
    };
    let (tables, rest) = (["rules", "unit"], rest.trim_start_matches('.'));
    let last = match rest.rsplit_once('.') {
        Some((unit, rule)) => vec![unit, rule],
        None if rest.is_empty() => vec![],
        None => vec![rest],
    };
    tables.into_iter().chain(last).collect()
}

fn insert(table: &mut Map<String, Value>, steps: &[&str], value: Value) {
    let [head, rest @ ..] = steps else { return };
    if rest.is_empty() {
        table.insert((*head).to_owned(), value);
        return;
    }
    let inner = table
        .entry((*head).to_owned())
        .or_insert_with(|| Value::new(None, ValueKind::Table(Map::new())));
    if let ValueKind::Table(inner) = &mut inner.kind {
        insert(inner, rest, value);
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// Reads the file into leaves that know their lines.
fn file(path: &Path) -> Result<Vec<Leaf>, SettingsError> {
    let text = fs::read_to_string(path).map_err(|source| SettingsError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let place = |offset: usize| {
        let line = text.as_bytes()[..offset.min(text.len())]
            .iter()
            .filter(|&&b| b == b'\n')
            .count()
            + 1;
        format!("{}:{line}", path.display())
    };
    let table = DeTable::parse(text).map_err(|error| SettingsError::Syntax {
        place: place(error.span().map_or(0, |span| span.start)),
        why: error.message().to_owned(),
    })?;
    let mut leaves = Vec::new();
    flatten(table.get_ref(), "", &place, &mut leaves)?;
    Ok(leaves)
}

fn flatten(
    table: &DeTable<'_>,
    path: &str,
    place: &dyn Fn(usize) -> String,
    leaves: &mut Vec<Leaf>,
) -> Result<(), SettingsError> {
    for (name, value) in table {
        let key = join(path, name.get_ref());
        let place_of = place(name.span().start);
        match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => flatten(inner, &key, place, leaves)?,
            other => {
                let value = from_toml(other).map_err(|found| SettingsError::Value {
                    key: key.clone(),
                    place: place_of.clone(),
                    expected: "a string, a whole number, true, false or a list".into(),
                    found: found.into(),
                })?;
                let value = Value::new(Some(&place_of), value);
                leaves.push(Leaf {
                    key,
                    value,
                    place: place_of,
                });
            }
        }
    }
    Ok(())
}

/// A TOML value as the `config` crate has it; the word for what settings never are.
fn from_toml(value: &DeValue<'_>) -> Result<ValueKind, &'static str> {
    Ok(match value {
        DeValue::String(text) => ValueKind::String(text.clone().into_owned()),
        DeValue::Boolean(flag) => ValueKind::Boolean(*flag),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            ValueKind::I64(parsed.map_err(|_| "a number too large")?)
        }
        DeValue::Array(values) => {
            let values: Result<Vec<_>, _> = values.iter().map(|value| from_toml(value.get_ref())).collect();
            ValueKind::Array(values?.into_iter().map(|kind| Value::new(None, kind)).collect())
        }
        DeValue::Table(_) => ValueKind::Table(Map::new()),
        DeValue::Float(_) => return Err("a number with a fraction"),
        DeValue::Datetime(_) => return Err("a date"),
    })
}

/// Reads `BAOCAO__SECTION__KEY=value`.
fn environment(variables: &[(String, String)], known: &Known) -> Result<Vec<Leaf>, SettingsError> {
    let mut leaves = Vec::new();
    for (name, text) in variables {
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let mut key = rest.to_lowercase().replace("__", ".");
        // A variable cannot hold the hyphens of a rule id.
        if let Some(rule) = key.strip_prefix("rules.severity.") {
            key = join(SEVERITIES, &rule.replace('_', "-"));
        }
        let place = format!("environment variable {name}");
        // Nor can it tell the capitals of a unit's code.
        if key.starts_with("rules.unit.") {
            return Err(SettingsError::Value {
                key,
                place,
                expected: "the file or --set for the rules of a unit".into(),
                found: "a variable".into(),
            });
        }
        leaves.push(known.parse(key, text, place)?);
    }
    leaves.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(leaves)
}

/// Reads "section.key=value".
fn flags(flags: &[String], known: &Known) -> Result<Vec<Leaf>, SettingsError> {
    let leaf = |flag: &String| {
        // The flag may hold a secret: say no more of it than its beginning.
        let malformed = || SettingsError::Flag(flag.chars().take(40).collect());
        let (key, text) = flag.split_once('=').ok_or_else(malformed)?;
        known.parse(key.trim().to_owned(), text.trim(), "--set".to_owned())
    };
    flags.iter().map(leaf).collect()
}

/// Which settings there are and what they take.
struct Known {
    /// Default by dotted key.
    leaves: BTreeMap<String, ValueKind>,
}

impl Known {
    fn of_defaults() -> Self {
        let mut leaves = Vec::new();
        if let Ok(table) = DeTable::parse(DEFAULTS) {
            // The defaults are a constant; a test loads them.
            let _ = flatten(table.get_ref(), "", &|_| String::new(), &mut leaves);
        }
        let leaves = leaves.into_iter().map(|leaf| (leaf.key, leaf.value.kind)).collect();
        Self { leaves }
    }

    /// A value given as text, read as what the setting takes.
    fn parse(&self, key: String, text: &str, place: String) -> Result<Leaf, SettingsError> {
        let kind = match self.leaves.get(&key) {
            Some(ValueKind::Boolean(_)) => text.parse().ok().map(ValueKind::Boolean),
            Some(ValueKind::I64(_)) => integer(text).map(ValueKind::I64),
            Some(ValueKind::Array(_)) => list(text),
            _ => None,
        };
        // What does not parse stays text, and is refused below with what was expected.
        let kind = kind.unwrap_or_else(|| ValueKind::String(text.to_owned()));
        let value = Value::new(Some(&place), kind);
        Ok(Leaf { key, value, place })
    }

    /// Refuses names that do not exist and values that a setting does not take.
    fn admit(&self, leaf: &Leaf) -> Result<(), SettingsError> {
        let refuse = |expected: String| {
            Err(SettingsError::Value {
                key: leaf.key.clone(),
                place: leaf.place.clone(),
                expected,
                found: found(&leaf.key, &leaf.value.kind),
            })
        };
        if let Some(rule) = leaf.key.strip_prefix("rules.severity.") {
            known_rule(rule, &leaf.place)?;
            return one_of::<RuleSeverity>(&leaf.value.kind).or_else(refuse);
        }
        if let Some(rest) = leaf.key.strip_prefix("rules.unit.") {
            let ValueKind::Table(_) = leaf.value.kind else {
                return unit_rule(rest, leaf).and_then(|()| one_of::<RuleSeverity>(&leaf.value.kind).or_else(refuse));
            };
            // An empty table changes nothing.
            return Ok(());
        }
        let Some(default) = self.leaves.get(&leaf.key) else {
            return self.unknown(leaf);
        };
        if std::mem::discriminant(default) != std::mem::discriminant(&leaf.value.kind) {
            return refuse(type_name(default).into());
        }
        check(&leaf.key, &leaf.value.kind).or_else(refuse)
    }

    fn unknown(&self, leaf: &Leaf) -> Result<(), SettingsError> {
        let within = |key: &str| leaf.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
        let under = |key: &str| key.strip_prefix(&leaf.key).is_some_and(|rest| rest.starts_with('.'));
        let value = |key: &str, expected: &str, found: &str| SettingsError::Value {
            key: key.to_owned(),
            place: leaf.place.clone(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        };
        if let Some((key, default)) = self.leaves.iter().find(|(key, _)| within(key)) {
            return Err(value(key, type_name(default), "a table"));
        }
        if self.leaves.keys().any(|key| under(key)) {
            // An empty section changes nothing.
            return match leaf.value.kind {
                ValueKind::Table(_) => Ok(()),
                _ => Err(value(&leaf.key, "a table", type_name(&leaf.value.kind))),
            };
        }
        Err(SettingsError::Unknown {
            what: "setting",
            name: leaf.key.clone(),
            place: leaf.place.clone(),
            nearest: nearest(&leaf.key, self.leaves.keys().map(String::as_str)),
        })
    }
}

/// Refuses what is not a unit and a rule ("H50.12.sum-mismatch").
fn unit_rule(rest: &str, leaf: &Leaf) -> Result<(), SettingsError> {
    let refuse = |expected: &str| {
        Err(SettingsError::Value {
            key: leaf.key.clone(),
            place: leaf.place.clone(),
            expected: expected.into(),
            found: found(&leaf.key, &leaf.value.kind),
        })
    };
    let Some((unit, rule)) = rest.rsplit_once('.') else {
        return refuse("a table of rules");
    };
    if unit
        .split('.')
        .any(|part| part.trim().is_empty() || part.contains(['*', '>']))
    {
        return refuse("the code of a unit, such as H50.12");
    }
    known_rule(rule, &leaf.place)
}

/// Refuses the id of a rule that does not exist.
fn known_rule(id: &str, place: &str) -> Result<(), SettingsError> {
    if validate::RULES.iter().any(|rule| rule.id == id) {
        return Ok(());
    }
    Err(SettingsError::Unknown {
        what: "rule",
        name: id.to_owned(),
        place: place.to_owned(),
        nearest: nearest(id, validate::RULES.iter().map(|rule| rule.id)),
    })
}

/// The name most like a mistyped one, unless none is. For dotted names the last part alone counts,
/// too: who writes `concurrency` means `worker.concurrency`.
pub fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let likeness = |other: &str| {
        let whole = strsim::normalized_damerau_levenshtein(name, other);
        let part = strsim::normalized_damerau_levenshtein(&last(name), &last(other));
        whole.max(part * 0.95)
    };
    names
        .map(|other| (likeness(other), other))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other.to_owned())
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn integer(text: &str) -> Option<i64> {
    text.replace('_', "").parse().ok()
}

/// A list as in TOML, or its elements between commas.
fn list(text: &str) -> Option<ValueKind> {
    let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
    let elements = inner.split(',').map(str::trim).filter(|element| !element.is_empty());
    let numbers: Option<Vec<i64>> = elements.map(integer).collect();
    let values = numbers?.into_iter().map(|number| Value::new(None, number)).collect();
    Some(ValueKind::Array(values))
}

fn type_name(kind: &ValueKind) -> &'static str {
    match kind {
        ValueKind::Boolean(_) => "true or false",
        ValueKind::I64(_) => "a whole number",
        ValueKind::String(_) => "a string",
        ValueKind::Array(_) => "a list of whole numbers",
        _ => "a table",
    }
}

/// What stands there, for an error message: never a secret.
fn found(key: &str, kind: &ValueKind) -> String {
    match kind {
        ValueKind::String(_) if SECRETS.contains(&key) => "a string".into(),
        ValueKind::String(text) if key == "bus.url" => format!("{:?}", mask_urls(text)),
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::I64(number) if !SECRETS.contains(&key) => number.to_string(),
        ValueKind::Boolean(flag) => flag.to_string(),
        ValueKind::Array(values) => {
            let values: Vec<String> = values.iter().map(|value| found(key, &value.kind)).collect();
            format!("[{}]", values.join(", "))
        }
        other => type_name(other).into(),
    }
}

/// Refuses a value of the right type that the setting does not take; the error is what it takes.
fn check(key: &str, kind: &ValueKind) -> Result<(), String> {
    match key {
        "bus.url" => text(
            kind,
            is_url_list,
            "addresses such as nats://host:4222, separated by commas",
        ),
        "bus.prefix" => text(
            kind,
            is_token,
            "one word of ASCII letters, digits, - and _ (no dots, no wildcards)",
        ),
        "bus.provision" => one_of::<Provision>(kind),
        "bus.replicas" => number(kind, |n| [1, 3, 5].contains(&n), "1, 3 or 5"),
        "bus.keep_days" => between(kind, 0, 36_500),
        "bus.connect_timeout_seconds" | "bus.request_timeout_seconds" => between(kind, 1, 3600),
        "worker.stages" => one_of::<Stages>(kind),
        "worker.concurrency" => between(kind, 1, 4096),
        "worker.threads" => between(kind, 0, 4096),
        "worker.ack_wait_seconds" | "worker.max_handling_seconds" => between(kind, 1, 86_400),
        "worker.max_deliver" => between(kind, 1, 1000),
        "worker.retry_delays_seconds" => delays(kind),
        "worker.drain_seconds" => between(kind, 0, 3600),
        "bus.inbox_prefix" => text(
            kind,
            is_inbox,
            "words of ASCII letters, digits, - and _ between single dots",
        ),
        "service.concurrency" => between(kind, 0, 4096),
        "service.max_bytes" => between(kind, 1, i64::MAX),
        "service.timeout_seconds" => between(kind, 1, 3600),
        // Offsets into the text are 32 bits wide.
        "decode.max_bytes" | "decode.max_text_bytes" => between(kind, 1, i64::from(u32::MAX) - 1),
        "worker.max_bytes_in_flight" => between(kind, 1, i64::MAX),
        "alert.min_severity" => one_of::<Severity>(kind),
        "telemetry.log_format" => one_of::<LogFormat>(kind),
        "telemetry.log" => text(
            kind,
            is_log_filter,
            "a level (info) or a filter (info,baocao::bus=debug)",
        ),
        "telemetry.http_listen" => text(kind, is_listen, "an address such as 0.0.0.0:8080, or nothing"),
        "telemetry.log_repeats_per_minute" => between(kind, 0, 1_000_000),
        "telemetry.otlp_endpoint" => text(kind, is_http, "an address such as http://localhost:4318, or nothing"),
        _ => Ok(()),
    }
}

fn ensure(good: bool, expected: &str) -> Result<(), String> {
    if good { Ok(()) } else { Err(expected.to_owned()) }
}

fn text(kind: &ValueKind, good: fn(&str) -> bool, expected: &str) -> Result<(), String> {
    ensure(matches!(kind, ValueKind::String(text) if good(text)), expected)
}

fn number(kind: &ValueKind, good: impl Fn(i64) -> bool, expected: &str) -> Result<(), String> {
    ensure(matches!(kind, ValueKind::I64(n) if good(*n)), expected)
}

fn between(kind: &ValueKind, low: i64, high: i64) -> Result<(), String> {
    let expected = match high {
        i64::MAX => format!("a whole number from {low}"),
        _ => format!("a whole number from {low} to {high}"),
    };
    number(kind, |n| (low..=high).contains(&n), &expected)
}

fn delays(kind: &ValueKind) -> Result<(), String> {
    let expected = "a list of seconds, at least one, each from 0 to 86400, such as [1, 5, 30]";
    let ValueKind::Array(values) = kind else {
        return Err(expected.into());
    };
    let good = |value: &Value| number(&value.kind, |n| (0..=86_400).contains(&n), "").is_ok();
    ensure(!values.is_empty() && values.iter().all(good), expected)
}

/// Asks the type itself which words it has, so that no second list of them exists.
fn one_of<T: for<'de> Deserialize<'de>>(kind: &ValueKind) -> Result<(), String> {
    let word = match kind {
        ValueKind::String(word) => word.as_str(),
        _ => "",
    };
    let parsed: Result<T, serde::de::value::Error> = T::deserialize(word.into_deserializer());
    parsed.map(drop).map_err(|error| {
        let error = error.to_string();
        let expected = error.split_once("expected ").map_or(error.as_str(), |(_, words)| words);
        expected.replace('`', "\"")
    })
}

fn is_inbox(text: &str) -> bool {
    text.len() <= 64 && text.split('.').all(is_token)
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 32
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_url_list(text: &str) -> bool {
    let good = |url: &str| {
        let host = match url.split_once("://") {
            Some(("nats" | "tls" | "ws" | "wss", host)) => host,
            Some(_) => return false,
            None => url,
        };
        !host.is_empty() && !host.contains(char::is_whitespace)
    };
    text.split(',').all(|url| good(url.trim()))
}

fn is_log_filter(text: &str) -> bool {
    !text.is_empty() && tracing_subscriber::EnvFilter::try_new(text).is_ok()
}

fn is_http(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    text.is_empty() || rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}

fn is_listen(text: &str) -> bool {
    text.is_empty() || text.parse::<SocketAddr>().is_ok()
}

/// What two settings say against each other.
fn contradiction(settings: &Settings) -> Option<String> {
    let bus = &settings.bus;
    let ways = [
        ("user", &bus.user),
        (
            "token",
            if bus.token.is_empty() {
                &bus.token_file
            } else {
                &bus.token
            },
        ),
        ("credentials_file", &bus.credentials_file),
        ("nkey_file", &bus.nkey_file),
    ];
    let given: Vec<&str> = ways
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, _)| *name)
        .collect();
    if given.len() > 1 {
        return Some(format!(
            "[bus] takes one way to prove who we are, found {}",
            given.join(" and ")
        ));
    }
    let pairs = [
        ("password", &bus.password, "password_file", &bus.password_file),
        ("token", &bus.token, "token_file", &bus.token_file),
    ];
    for (a, in_place, b, in_file) in pairs {
        if !in_place.is_empty() && !in_file.is_empty() {
            return Some(format!("[bus] takes either {a} or {b}, found both"));
        }
    }
    if bus.user.is_empty() && !(bus.password.is_empty() && bus.password_file.is_empty()) {
        return Some("bus.password needs bus.user".into());
    }
    if bus.tls_cert_file.is_empty() != bus.tls_key_file.is_empty() {
        return Some("bus.tls_cert_file and bus.tls_key_file need each other".into());
    }
    let worker = &settings.worker;
    if worker.max_handling_seconds < worker.ack_wait_seconds {
        return Some(format!(
            "worker.max_handling_seconds ({}) must not be less than worker.ack_wait_seconds ({})",
            worker.max_handling_seconds, worker.ack_wait_seconds
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(text: &str) -> Result<Loaded, SettingsError> {
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        Settings::load(&Sources {
            file: Some(file.path().to_owned()),
            ..Sources::default()
        })
    }

    fn from_environment(variables: &[(&str, &str)]) -> Result<Loaded, SettingsError> {
        Settings::load(&Sources {
            environment: variables.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
            ..Sources::default()
        })
    }

    fn refusal(result: Result<Loaded, SettingsError>) -> String {
        result.map(|loaded| loaded.to_toml()).unwrap_err().to_string()
    }

    #[test]
    fn without_sources_the_defaults_are_in_force() {
        let loaded = Settings::load(&Sources::default()).unwrap();
        assert_eq!(
            loaded.settings.worker.concurrency,
            Settings::default().worker.concurrency
        );
        assert!(loaded.origins.is_empty());
        let printed: Settings = toml::from_str(&loaded.to_toml()).unwrap();
        assert_eq!(printed.bus.url, Settings::default().bus.url);
    }

    #[test]
    fn every_default_passes_its_own_check() {
        for (key, kind) in Known::of_defaults().leaves {
            assert_eq!(check(&key, &kind), Ok(()), "{key}");
        }
    }

    #[test]
    fn a_later_layer_beats_an_earlier_one() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(
            &mut file,
            b"[worker]\nconcurrency = 2\nmax_deliver = 7\ndrain_seconds = 1\n",
        )
        .unwrap();
        let sources = Sources {
            file: Some(file.path().to_owned()),
            environment: vec![
                ("BAOCAO__WORKER__CONCURRENCY".into(), "3".into()),
                ("BAOCAO__WORKER__MAX_DELIVER".into(), "8".into()),
            ],
            flags: vec!["worker.concurrency=4".into()],
        };
        let loaded = Settings::load(&sources).unwrap();
        let worker = &loaded.settings.worker;
        assert_eq!(
            (worker.concurrency, worker.max_deliver, worker.drain_seconds),
            (4, 8, 1)
        );
        let toml = loaded.to_toml();
        assert!(toml.contains("concurrency = 4  # --set\n"), "{toml}");
        assert!(
            toml.contains("max_deliver = 8  # environment variable BAOCAO__WORKER__MAX_DELIVER\n"),
            "{toml}"
        );
        assert!(
            toml.contains(&format!("drain_seconds = 1  # {}:4\n", file.path().display())),
            "{toml}"
        );
    }

    #[test]
    fn the_environment_is_read_as_the_setting_takes_it() {
        let loaded = from_environment(&[
            ("BAOCAO__BUS__USER", "quan-tri"),
            ("BAOCAO__BUS__PASSWORD", "12345"),
            ("BAOCAO__RESULT__INCLUDE_TEXT", "false"),
            ("BAOCAO__WORKER__RETRY_DELAYS_SECONDS", "2, 4"),
        ])
        .unwrap();
        assert_eq!(loaded.settings.bus.password, "12345");
        assert!(!loaded.settings.result.include_text);
        assert_eq!(loaded.settings.worker.retry_delays_seconds, [2, 4]);
        let loaded = from_environment(&[("BAOCAO__WORKER__RETRY_DELAYS_SECONDS", "[7]")]).unwrap();
        assert_eq!(loaded.settings.worker.retry_delays_seconds, [7]);
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest_one() {
        let message = refusal(from_file("[worker]\nmax_deliver = 3\nconcurency = 4\n"));
        assert!(message.starts_with("unknown setting worker.concurency ("), "{message}");
        assert!(message.ends_with(":3); did you mean worker.concurrency?"), "{message}");
        let message = refusal(from_file("concurrency = 4\n"));
        assert!(message.ends_with("did you mean worker.concurrency?"), "{message}");
        let message = refusal(from_environment(&[("BAOCAO__BUS__PREFX", "x")]));
        assert_eq!(
            message,
            "unknown setting bus.prefx (environment variable BAOCAO__BUS__PREFX); did you mean bus.prefix?"
        );
        let message = refusal(from_environment(&[("BAOCAO__QQQQQQQQ", "x")]));
        assert!(message.ends_with("BAOCAO__QQQQQQQQ)"), "{message}");
    }

    #[test]
    fn wrong_types_and_ranges_are_refused_with_what_was_expected() {
        let cases = [
            (
                "[worker]\nconcurrency = \"four\"",
                "expected a whole number, found \"four\"",
            ),
            (
                "[worker]\nconcurrency = 0",
                "expected a whole number from 1 to 4096, found 0",
            ),
            (
                "[worker]\nack_wait_seconds = 0",
                "expected a whole number from 1 to 86400, found 0",
            ),
            ("[worker]\nconcurrency = 1.5", "found a number with a fraction"),
            ("[worker]\nretry_delays_seconds = []", "at least one"),
            ("[bus]\nprefix = \"a.b\"", "found \"a.b\""),
            ("[bus]\nprefix = \"a>\"", "no wildcards"),
            ("[bus]\nreplicas = 2", "expected 1, 3 or 5, found 2"),
            (
                "[bus]\nprovision = \"maybe\"",
                "expected \"missing\" or \"never\", found \"maybe\"",
            ),
            ("[bus]\nurl = \"http://u:secret@h\"", "found \"http://********@h\""),
            ("[bus.url]\nx = 1", "bus.url"),
            ("worker = 3", "expected a table, found a whole number"),
            ("[alert]\nmin_severity = \"grave\"", "\"error\""),
            ("[telemetry]\nhttp_listen = \"8080\"", "0.0.0.0:8080"),
            ("[bus]\nuser = 'a'\ntoken = 'b'", "found user and token"),
            ("[bus]\npassword = 'a'", "needs bus.user"),
            ("[worker]\nmax_handling_seconds = 5", "worker.ack_wait_seconds (20)"),
            ("[worker\n", "not valid TOML"),
        ];
        for (text, expected) in cases {
            let message = refusal(from_file(text));
            assert!(message.contains(expected), "{text:?}: {message}");
            assert!(!message.contains("secret") && !message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn unknown_rules_are_refused() {
        let message = refusal(from_file("[rules.severity]\nno-such-rule-at-all = \"off\"\n"));
        assert!(message.starts_with("unknown rule no-such-rule-at-all ("), "{message}");
    }

    #[test]
    fn rules_are_set_by_file_and_environment() {
        let Some(rule) = validate::RULES.first() else { return };
        let variable = format!("BAOCAO__RULES__SEVERITY__{}", rule.id.to_uppercase().replace('-', "_"));
        let loaded = from_environment(&[(&variable, "off")]).unwrap();
        assert_eq!(loaded.settings.rules.severity[rule.id], RuleSeverity::Off);
        let message = refusal(from_environment(&[(&variable, "grave")]));
        assert!(message.contains("\"off\""), "{message}");
    }

    #[test]
    fn units_have_rules_of_their_own() {
        let loaded = from_file("[rules.unit.\"H50.12\"]\nsum-mismatch = \"off\"\n[rules.unit.H51]\n").unwrap();
        let unit = &loaded.settings.rules.unit;
        assert_eq!(unit.len(), 1);
        assert_eq!(unit["H50.12"]["sum-mismatch"], RuleSeverity::Off);
        let toml = loaded.to_toml();
        assert!(toml.contains("sum-mismatch = \"off\"  # "), "{toml}");
        let printed: Settings = toml::from_str(&toml).unwrap();
        assert_eq!(printed.rules.unit["H50.12"]["sum-mismatch"], RuleSeverity::Off);
        let sources = Sources {
            flags: vec!["rules.unit.H50.12.3.numbering-gap=error".into()],
            ..Sources::default()
        };
        let loaded = Settings::load(&sources).unwrap();
        assert_eq!(
            loaded.settings.rules.unit["H50.12.3"]["numbering-gap"],
            RuleSeverity::Error
        );
    }

    #[test]
    fn what_is_wrong_with_the_rules_of_a_unit_is_said() {
        for (text, expected) in [
            (
                "[rules.unit.\"H50.12\"]\nsum-missmatch = \"off\"",
                "did you mean sum-mismatch?",
            ),
            ("[rules.unit.\"H50.12\"]\nsum-mismatch = \"grave\"", "\"warning\""),
            ("[rules.unit]\nH50 = \"off\"", "expected a table of rules"),
            ("[rules.unit.\"H50.*\"]\nsum-mismatch = \"off\"", "the code of a unit"),
            ("[rules]\nunit = 3", "expected a table"),
        ] {
            let message = refusal(from_file(text));
            assert!(message.contains(expected), "{text:?}: {message}");
        }
        let message = refusal(from_environment(&[("BAOCAO__RULES__UNIT__H50__SUM_MISMATCH", "off")]));
        assert!(message.contains("expected the file or --set"), "{message}");
    }

    #[test]
    fn secrets_are_masked() {
        let loaded = from_environment(&[
            ("BAOCAO__BUS__URL", "nats://an:bi-mat@a:4222,tls://b:4222"),
            ("BAOCAO__BUS__USER", "an"),
            ("BAOCAO__BUS__PASSWORD", "mat-khau"),
        ])
        .unwrap();
        let toml = loaded.to_toml();
        assert!(!toml.contains("bi-mat") && !toml.contains("mat-khau"), "{toml}");
        assert!(toml.contains("nats://********@a:4222,tls://b:4222"), "{toml}");
    }
}
