//! What a worker says of its work.

use std::fs;

use baocao::config::LogFormat;
use serde_json::Value;

use crate::harness::{self, Client, WorkerProcess, on_each_server};

#[test]
fn each_line_about_a_report_says_which() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        settings.telemetry.log = "debug".into();
        settings.telemetry.log_format = LogFormat::Auto;
        let client = Client::new(&settings).await;
        client.provide().await;
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut worker = WorkerProcess::start_with_log(&settings, log.reopen().unwrap());
        client.submit("H50.1", "good one", &harness::little_report(1)).await;
        client.submit_raw("bad", "text/plain", b" \n".to_vec()).await;
        client.until_all_is_done().await;
        assert!(worker.terminate().success());
        let said = fs::read_to_string(log.path()).unwrap();
        // A file is no terminal: JSON, whatever the first words of the client are.
        let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of = |target: &str| {
            lines
                .iter()
                .filter(move |line| line["target"] == target)
                .collect::<Vec<_>>()
        };
        let about_reports = of("baocao::worker::handle");
        assert!(about_reports.len() >= 4, "{said}");
        for line in &about_reports {
            let submission = line["submission"].as_str().unwrap_or_else(|| panic!("{line}"));
            assert!(["good one", "bad"].contains(&submission), "{line}");
            assert!(
                line["unit"].as_str().is_some_and(|unit| unit.starts_with("H50")),
                "{line}"
            );
            assert!(line.get("otel.kind").is_none(), "{line}");
        }
        let outcomes: Vec<(&str, &str)> = about_reports
            .iter()
            .filter(|line| line["message"] == "report")
            .map(|line| (line["submission"].as_str().unwrap(), line["outcome"].as_str().unwrap()))
            .collect();
        assert!(outcomes.contains(&("good one", "processed")), "{outcomes:?}");
        assert!(outcomes.contains(&("bad", "refused")), "{outcomes:?}");
    });
}
