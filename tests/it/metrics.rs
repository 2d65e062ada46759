//! What a running worker tells at `/metrics`, and whether the table of metrics says the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::{self, Client, PATIENCE, WorkerProcess, on_each_server};

/// Name, and then type and names of labels.
type Described = BTreeMap<String, (String, BTreeSet<String>)>;

/// The rows of the table.
fn documented() -> Described {
    let page = include_str!("../../src/telemetry/METRICS.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let plain = |cell: &str| cell.replace('`', "");
        let labels = plain(cells[3].split(':').next().unwrap())
            .split(", ")
            .filter(|label| !label.is_empty())
            .map(Into::into)
            .collect();
        (plain(cells[1]), (cells[2].to_owned(), labels))
    })
    .collect()
}

/// What is printed.
fn printed(text: &str) -> Described {
    let types: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect();
    let mut printed = Described::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let base = ["_total", "_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix).filter(|base| types.contains_key(base)))
            .unwrap_or(name);
        let kind = *types.get(base).unwrap_or_else(|| panic!("{name} has no type"));
        let name = if kind == "counter" { name } else { base };
        let labels = labels
            .trim_end_matches('}')
            .split("\",")
            .filter_map(|label| label.split_once('='));
        let labels = labels.map(|(name, _)| name.to_owned()).filter(|name| name != "le");
        let (found, all) = printed
            .entry(name.into())
            .or_insert_with(|| (kind.into(), BTreeSet::new()));
        assert_eq!(found, kind);
        all.extend(labels);
    }
    printed
}

/// The value of a series.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line?.parse().ok()
}

#[test]
fn the_table_and_a_running_worker_say_the_same() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        settings.telemetry.http_listen = harness::free_address();
        let client = Client::new(&settings).await;
        client.provide().await;
        let _worker = WorkerProcess::start(&settings);
        client.submit("H50.1", "good", &harness::little_report(13)).await;
        client.submit_raw("bad", "text/plain", b" \n".to_vec()).await;
        client.until_all_is_done().await;
        let address = settings.telemetry.http_listen.as_str();
        let counted = async {
            loop {
                let text = harness::get(address, "/metrics").await.expect("it listens").1;
                // The last thing that happens to a message is that it leaves.
                if value(&text, "baocao_report_duration_seconds_count") == Some(2.0) {
                    return text;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let text = tokio::time::timeout(PATIENCE, counted).await.expect("both are counted");

        let (documented, printed) = (documented(), printed(&text));
        for (name, is) in &printed {
            assert_eq!(documented.get(name), Some(is), "{name} is printed");
        }
        for (name, is) in &documented {
            assert_eq!(printed.get(name), Some(is), "{name} is documented");
        }

        let result = &client.results(2).await;
        let findings: usize = result.iter().map(|result| result.findings.len()).sum();
        assert!(findings > 0, "the text has something wrong");
        let found: f64 = text
            .lines()
            .filter_map(|line| line.strip_prefix("baocao_findings_total{")?.rsplit_once(' '))
            .map(|(_, count)| count.parse::<f64>().unwrap())
            .sum();
        assert_eq!(found, findings as f64);
        let alerts = client.count(&client.names().alerts_stream()).await;
        let counted: f64 = ["info", "warning", "error"]
            .iter()
            .map(|severity| value(&text, &format!("baocao_alerts_total{{severity=\"{severity}\"}}")).unwrap())
            .sum();
        assert_eq!(counted, alerts as f64);
        for (series, expected) in [
            ("baocao_reports_received_total", 2.0),
            ("baocao_reports_processed_total", 1.0),
            ("baocao_reports_refused_total{reason=\"empty\"}", 1.0),
            ("baocao_dead_letters_total{stage=\"read\"}", 1.0),
            ("baocao_reports_redelivered_total", 0.0),
            ("baocao_decode_duration_seconds_count{format=\"text\"}", 2.0),
            ("baocao_stage_duration_seconds_count{stage=\"extract\"}", 1.0),
            ("baocao_stage_duration_seconds_count{stage=\"validate\"}", 1.0),
            ("baocao_publish_duration_seconds_count{kind=\"result\"}", 2.0),
            ("baocao_document_bytes_count{format=\"text\"}", 2.0),
            ("baocao_in_flight_messages", 0.0),
            ("baocao_in_flight_bytes", 0.0),
            ("baocao_bus_connected", 1.0),
            ("baocao_ready", 1.0),
        ] {
            assert_eq!(value(&text, series), Some(expected), "{series}\n{text}");
        }
        assert!(!text.contains("H50"), "a unit is no label");
    });
}
