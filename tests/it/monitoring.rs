//! What stands in `deploy/monitoring`, compared with the metrics that a worker has. That the rules fire when they should
//! is checked by `deploy/local test`, with promtool.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde::Deserialize;
use serde_json::Value;

use crate::harness::crate_root;

fn file(path: &str) -> String {
    fs::read_to_string(crate_root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The metrics of the table: the labels of each, and whether it is a histogram.
fn table() -> BTreeMap<String, (BTreeSet<String>, bool)> {
    let page = file("src/telemetry/METRICS.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let metrics: BTreeMap<_, _> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let words =
                |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
            let name = words(cells[1]).pop_first().unwrap();
            (name, (words(cells[3]), cells[2] == "histogram"))
        })
        .collect();
    assert!(metrics.len() > 20, "{metrics:?}");
    metrics
}

/// The expressions of the alert rules, by alert.
fn rules() -> BTreeMap<String, String> {
    let rules: Value = yaml_serde::from_str(&file("deploy/monitoring/rules.yml")).unwrap();
    let rules = rules["groups"][0]["rules"].as_array().unwrap();
    rules
        .iter()
        .map(|rule| {
            let text = |key: &str| rule[key].as_str().unwrap().to_owned();
            (text("alert"), text("expr"))
        })
        .collect()
}

/// The expressions of the dashboard, by panel.
fn panels() -> BTreeMap<String, String> {
    let dashboard: Value = serde_json::from_str(&file("deploy/monitoring/grafana/baocao.json")).unwrap();
    let mut expressions = BTreeMap::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let name = format!("{}, {}", panel["title"], target["refId"]);
            expressions.insert(name, target["expr"].as_str().unwrap().to_owned());
        }
    }
    expressions
}

/// The metrics that an expression names, and the labels that it groups by or selects.
fn named(expression: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = expression.split(|c| !is_word(c));
    let metrics = words.filter(|word| word.starts_with("baocao_") || word.starts_with("process_"));
    let grouped = expression
        .split("by (")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .flat_map(|(labels, _)| labels.split(','));
    let selected = expression
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .flat_map(|(matchers, _)| matchers.split(','))
        .filter_map(|matcher| matcher.split(['=', '!']).next());
    let labels = grouped.chain(selected).map(|label| label.trim().to_owned());
    (metrics.map(str::to_owned).collect(), labels.collect())
}

#[test]
fn rules_and_dashboard_name_metrics_and_labels_that_there_are() {
    let table = table();
    // Prometheus itself sets these; a bucket has its limit.
    let given = ["job", "instance"];
    for (place, expression) in rules().into_iter().chain(panels()) {
        let (metrics, labels) = named(&expression);
        let mut allowed: BTreeSet<&str> = given.into();
        for metric in &metrics {
            let histogram = metric.strip_suffix("_bucket");
            let name = histogram.unwrap_or(metric);
            let (own, is_histogram) = table
                .get(name)
                .unwrap_or_else(|| panic!("{place}: there is no metric {metric}"));
            assert_eq!(histogram.is_some(), *is_histogram, "{place}: {metric}");
            allowed.extend(own.iter().map(String::as_str));
            if histogram.is_some() {
                allowed.insert("le");
            }
        }
        for label in &labels {
            assert!(
                allowed.contains(label.as_str()),
                "{place}: there is no label {label} in {expression}"
            );
        }
        assert!(
            !metrics.is_empty() || expression.contains("up{"),
            "{place}: {expression}"
        );
    }
}

#[test]
fn every_metric_is_on_the_dashboard() {
    let shown: BTreeSet<String> = panels()
        .values()
        .flat_map(|expression| named(expression).0)
        .map(|metric| metric.strip_suffix("_bucket").unwrap_or(&metric).to_owned())
        .collect();
    // When a process began says nothing by itself: the alert BaocaoRestarts looks at it.
    let hidden = ["process_start_time_seconds"];
    for metric in table().keys() {
        assert!(
            shown.contains(metric) || hidden.contains(&metric.as_str()),
            "{metric} is on no panel"
        );
    }
}

#[test]
fn every_alert_has_a_test_and_a_word_of_advice() {
    #[derive(Deserialize)]
    struct Tests {
        tests: Vec<Group>,
    }
    #[derive(Deserialize)]
    struct Group {
        alert_rule_test: Vec<Test>,
    }
    #[derive(Deserialize)]
    struct Test {
        alertname: String,
        exp_alerts: Vec<Value>,
    }
    let tests: Tests = yaml_serde::from_str(&file("deploy/monitoring/rules_test.yml")).unwrap();
    let fired: BTreeSet<String> = tests
        .tests
        .into_iter()
        .flat_map(|group| group.alert_rule_test)
        .filter(|test| !test.exp_alerts.is_empty())
        .map(|test| test.alertname)
        .collect();
    let advice = file("deploy/README.md");
    for alert in rules().keys() {
        assert!(fired.contains(alert), "no test makes {alert} fire");
        assert!(
            advice.contains(&format!("`{alert}`")),
            "deploy/README.md does not speak of {alert}"
        );
    }
}
