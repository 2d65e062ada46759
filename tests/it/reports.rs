//! Reports through a real server, every message that comes out compared with a snapshot.
//!
//! To accept what has changed: `INSTA_UPDATE=always cargo test --test it reports`, then read the
//! difference. Where there is no snapshot yet, the comparison is left out with a word, except
//! where `CI` is set: there it fails.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use baocao::{proto::baocao::v1 as pb, wire};
use serde_json::Value;

use crate::harness::{Client, Worker, crate_root, on_each_server};

/// Text files of a folder, by name without ending.
fn texts(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// All that came out for each report: its result and its alerts.
async fn run(server: &crate::harness::Server, reports: &BTreeMap<String, String>) -> BTreeMap<String, Published> {
    let mut settings = server.settings();
    // All findings, so that the snapshots hold them as alerts, too.
    settings.alert.min_severity = baocao::validate::Severity::Info;
    let client = Client::new(&settings).await;
    client.provide().await;
    let worker = Worker::start(&settings);
    for (name, text) in reports {
        client.submit("H50.12.3", name, text).await;
    }
    client.until_all_is_done().await;
    let alert_count = client.count(&client.names().alerts_stream()).await;
    let mut published: BTreeMap<String, Published> = BTreeMap::new();
    for alert in client.alerts(alert_count.try_into().unwrap()).await {
        let name = alert.submission.as_ref().unwrap().submission_id.clone();
        published.entry(name).or_default().alerts.push(alert);
    }
    for result in client.results(reports.len()).await {
        let name = result.submission.as_ref().unwrap().submission_id.clone();
        published.entry(name).or_default().result = result;
    }
    assert_eq!(client.count(&client.names().dead_stream()).await, 0);
    worker.stop().await;
    for one in published.values_mut() {
        one.alerts.sort_by_key(|alert| {
            let (_, n) = alert.alert_id.rsplit_once('.').unwrap();
            n.parse::<usize>().unwrap()
        });
    }
    published
}

#[derive(Default)]
struct Published {
    result: pb::ReportProcessed,
    alerts: Vec<pb::Alert>,
}

/// A message as JSON without what differs from run to run.
fn stable<M: wire::Json>(message: &M) -> Value {
    let mut json: Value = serde_json::from_str(&wire::to_json(message, false).unwrap()).unwrap();
    let remove = |value: Option<&mut Value>, key: &str| {
        let object = value.and_then(Value::as_object_mut).unwrap();
        assert!(object.shift_remove(key).is_some(), "{key} is set");
    };
    remove(json.get_mut("producer"), "producedAt");
    remove(json.get_mut("producer"), "version");
    remove(json.get_mut("producer"), "configuration");
    remove(json.get_mut("submission"), "submittedAt");
    json
}

/// One line for each thing that was found, so that a difference can be read.
fn write_lines(out: &mut String, path: &str, value: &Value) {
    match value {
        Value::Object(fields) if path.matches('.').count() < 2 && !path.ends_with(']') => {
            for (key, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                write_lines(out, &format!("{path}{dot}{key}"), value);
            }
        }
        Value::Array(items) if path != "issuers" => {
            for (n, item) in items.iter().enumerate() {
                write_lines(out, &format!("{path}[{n}]"), item);
            }
        }
        _ => writeln!(out, "{path}: {value}").unwrap(),
    }
}

fn compare(name: &str, lines: &str) {
    let path = crate_root().join(format!("tests/it/snapshots/it__reports__{name}.snap"));
    let is_forced = std::env::var_os("CI").is_some() || std::env::var_os("INSTA_UPDATE").is_some();
    if !path.exists() && !is_forced {
        eprintln!("NOT COMPARED: {name} has no snapshot yet; INSTA_UPDATE=always makes it");
        return;
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => true }, {
        insta::assert_snapshot!(name, lines);
    });
}

#[test]
fn invented_reports_give_the_messages_of_their_snapshots() {
    let reports = texts(&crate_root().join("tests/reports"));
    assert!(!reports.is_empty(), "tests/reports holds no reports");
    on_each_server(|server| {
        let reports = reports.clone();
        async move {
            let published = run(&server, &reports).await;
            for (name, text) in &reports {
                let Published { result, alerts } = &published[name];
                let mut json = stable(result);
                let document = json["document"].as_object_mut().unwrap();
                let returned = document.shift_remove("text").unwrap();
                assert_eq!(returned.as_str().unwrap(), text, "{name}: the text comes back as it is");
                let mut lines = String::new();
                write_lines(&mut lines, "", &json);
                for alert in alerts {
                    let mut json = stable(alert);
                    // The submission is the result's.
                    json.as_object_mut().unwrap().shift_remove("submission");
                    writeln!(lines, "alert: {json}").unwrap();
                }
                compare(name, &lines);
            }
        }
    });
}

/// Counts and the names of fields that are filled; nothing of what they say.
fn outline(Published { result, alerts }: &Published) -> String {
    let json = stable(result);
    let report = json["report"].as_object().unwrap();
    let mut lines = String::new();
    let header = report["header"].as_object().unwrap();
    let filled: Vec<&str> = header.keys().map(String::as_str).collect();
    writeln!(lines, "header: {}", filled.join(" ")).unwrap();
    for (key, value) in report {
        if let Some(items) = value.as_array() {
            writeln!(lines, "{key}: {}", items.len()).unwrap();
        }
    }
    let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in &result.findings {
        *rules.entry(&finding.rule).or_default() += 1;
    }
    for (rule, count) in rules {
        writeln!(lines, "finding {rule}: {count}").unwrap();
    }
    writeln!(lines, "alerts: {}", alerts.len()).unwrap();
    lines
}

#[test]
fn real_reports_give_the_counts_of_their_snapshots() {
    let Some(folder) = crate::support::shared_reports() else {
        return;
    };
    let reports = texts(&folder);
    on_each_server(|server| {
        let reports = reports.clone();
        async move {
            let published = run(&server, &reports).await;
            assert_eq!(published.len(), reports.len());
            for (name, one) in &published {
                compare(&format!("real-{name}"), &outline(one));
            }
        }
    });
}
