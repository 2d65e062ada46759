//! Findings as SARIF 2.1.0, the format that code review tools read.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Checked;
use crate::{
    bus::names::hex,
    cli::Lang,
    document::{CodePoints, Document, Span},
    validate::{Certainty, Finding, RULES, Rule, RuleSet, RuleStatus, Severity},
};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The name of the fingerprint; another number when it is made in another way.
const FINGERPRINT: &str = "ruleAndWords/v1";

/// What a path may not hold in a URI reference.
const NOT_IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b':');

/// The log of one run over all files.
pub fn log(checked: &[Checked], rules: &RuleSet, lang: Lang) -> Value {
    let results: Vec<Value> = checked.iter().flat_map(|file| results(file, lang)).collect();
    let failures: Vec<Value> = checked.iter().filter_map(failure).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "baocao",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "language": lang.pick("vi", "en"),
                "rules": RULES.iter().map(|rule| descriptor(rule, rules, lang)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": failures.is_empty(),
                "toolExecutionNotifications": failures,
            }],
            "results": results,
        }],
    })
}

fn descriptor(rule: &Rule, rules: &RuleSet, lang: Lang) -> Value {
    let in_force = rules.severity(rule);
    json!({
        "id": rule.id,
        "shortDescription": { "text": lang.pick(rule.summary_vi, rule.summary_en) },
        "help": { "text": rule.documentation, "markdown": rule.documentation },
        "defaultConfiguration": {
            "enabled": in_force.is_some(),
            "level": level(in_force.unwrap_or(rule.severity)),
        },
        "properties": {
            "status": match rule.status { RuleStatus::Stable => "stable", RuleStatus::Preview => "preview" },
            "since": rule.since,
        },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn results(file: &Checked, lang: Lang) -> Vec<Value> {
    let Some((document, findings)) = &file.read else {
        return Vec::new();
    };
    let places = Places {
        uri: uri(&file.name),
        document,
        code_points: CodePoints::new(&document.text),
    };
    let mut seen = FxHashMap::default();
    findings
        .iter()
        .map(|finding| {
            let mut result = result(finding, &places, lang);
            let print = fingerprint(finding, document);
            let times = seen.entry(print.clone()).or_insert(0);
            *times += 1;
            result["partialFingerprints"] = json!({ FINGERPRINT: format!("{print}:{times}") });
            result
        })
        .collect()
}

/// What a finding is known by when the report is checked again: its rule and the words it points
/// at, wherever they stand by then.
fn fingerprint(finding: &Finding, document: &Document) -> String {
    let mut hash = Sha256::new();
    hash.update(finding.rule);
    hash.update([0]);
    hash.update(finding.element);
    for span in &finding.spans {
        hash.update([0]);
        for word in span.of(&document.text).split_whitespace() {
            hash.update(word);
            hash.update(" ");
        }
    }
    hex(&hash.finalize()[..16])
}

fn result(finding: &Finding, places: &Places<'_>, lang: Lang) -> Value {
    let mut result = Map::new();
    result.insert("ruleId".into(), finding.rule.into());
    if let Some(index) = RULES.iter().position(|rule| rule.id == finding.rule) {
        result.insert("ruleIndex".into(), index.into());
    }
    result.insert("level".into(), level(finding.severity).into());
    result.insert(
        "message".into(),
        json!({ "text": lang.pick(&finding.message_vi, &finding.message_en) }),
    );
    let first = finding.spans.first().copied();
    result.insert("locations".into(), json!([places.location(first)]));
    let others = finding.spans.iter().skip(1).enumerate();
    let others: Vec<Value> = others
        .map(|(index, &span)| {
            let mut location = places.location(Some(span));
            location["id"] = (index + 1).into();
            location
        })
        .collect();
    if !others.is_empty() {
        result.insert("relatedLocations".into(), others.into());
    }
    let certainty = match finding.certainty {
        Certainty::Certain => "certain",
        Certainty::Likely => "likely",
    };
    result.insert(
        "properties".into(),
        json!({
            "certainty": certainty,
            "element": finding.element,
            "expected": finding.expected,
            "actual": finding.actual,
        }),
    );
    result.into()
}

/// Places in one document.
struct Places<'d> {
    uri: String,
    document: &'d Document,
    code_points: CodePoints<'d>,
}

impl Places<'_> {
    fn location(&self, span: Option<Span>) -> Value {
        let mut place = json!({ "artifactLocation": { "uri": self.uri } });
        if let Some(span) = span {
            let (start_line, start_column) = self.document.line_and_column(span.start);
            let (end_line, end_column) = self.document.line_and_column(span.end);
            let (start, end) = (self.code_points.of(span.start), self.code_points.of(span.end));
            place["region"] = json!({
                "startLine": start_line,
                "startColumn": start_column,
                "endLine": end_line,
                "endColumn": end_column,
                "charOffset": start,
                "charLength": end - start,
                "snippet": { "text": span.of(&self.document.text) },
            });
        }
        json!({ "physicalLocation": place })
    }
}

/// A file that could not be read.
fn failure(file: &Checked) -> Option<Value> {
    let text = file.failure.as_ref()?;
    Some(json!({
        "level": "error",
        "message": { "text": text },
        "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(&file.name) } } }],
    }))
}

/// A path as a URI reference: relative paths stay relative.
fn uri(path: &str) -> String {
    let encoded = utf8_percent_encode(path, NOT_IN_PATH).to_string();
    if path.starts_with('/') {
        format!("file://{encoded}")
    } else {
        encoded
    }
}
