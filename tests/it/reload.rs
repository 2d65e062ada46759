//! Settings that change while a worker runs.

use std::{
    fs,
    process::{Command, Output},
};

use baocao::{bus::headers, config::RuleSeverity, proto::baocao::v1 as pb, validate::Severity};
use serde_json::Value;

use crate::harness::{self, Client, WorkerProcess, on_each_server};

/// `baocao reload`, with the settings of a file.
async fn reload(config: &std::path::Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baocao"));
    command.arg("reload").arg("--config").arg(config).args(more);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn rules_of(result: &pb::ReportProcessed) -> Vec<&str> {
    result.findings.iter().map(|finding| finding.rule.as_str()).collect()
}

#[test]
fn a_rule_switched_off_is_not_reported_any_more() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        settings.alert.min_severity = Severity::Info;
        let client = Client::new(&settings).await;
        client.provide().await;
        let worker = WorkerProcess::start(&settings);
        client.submit("H50.1", "1", &harness::little_report(1)).await;
        let first = client.results(1).await.remove(0);
        assert!(rules_of(&first).contains(&"header-missing"), "{:?}", rules_of(&first));

        settings
            .rules
            .severity
            .insert("header-missing".into(), RuleSeverity::Off);
        settings.worker.concurrency += 1;
        fs::write(worker.config(), toml::to_string(&settings).unwrap()).unwrap();
        let output = reload(&worker.config(), &["--format", "json"]).await;
        assert!(output.status.success(), "{output:?}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["outcome"], "changed");
        assert_eq!(answer["changed"].as_array().unwrap().len(), 1, "{answer}");
        assert_eq!(answer["changed"][0]["setting"], "rules.severity.header-missing");
        assert_eq!(answer["restart"][0]["setting"], "worker.concurrency", "{answer}");

        client.submit("H50.1", "2", &harness::little_report(2)).await;
        let second = client.results(2).await.remove(1);
        assert!(
            !rules_of(&second).contains(&"header-missing"),
            "{:?}",
            rules_of(&second)
        );
        let configuration = |result: &pb::ReportProcessed| result.producer.clone().unwrap().configuration;
        assert_eq!(configuration(&second), answer["configuration"]);
        assert_ne!(configuration(&first), configuration(&second));
        assert_eq!(configuration(&first).len(), 16);
        // Alerts say it, too.
        let alerts = client.alerts(first.findings.len()).await;
        assert!(!alerts.is_empty());
        for alert in alerts {
            assert_eq!(alert.producer.unwrap().configuration, configuration(&first));
        }

        // A broken file changes nothing.
        fs::write(worker.config(), "[rules.severity]\nheader-missing = \"loud\"\n").unwrap();
        let output = Command::new("kill").args(["-HUP", &worker.pid()]).status().unwrap();
        assert!(output.success());
        let asking = tempfile::TempDir::new().unwrap();
        let asking = asking.path().join("client.toml");
        fs::create_dir_all(asking.parent().unwrap()).unwrap();
        fs::write(&asking, toml::to_string(&settings).unwrap()).unwrap();
        let output = reload(&asking, &[]).await;
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            said.contains("refused") && said.contains("rules.severity.header-missing"),
            "{said}"
        );
        client.submit("H50.1", "3", &harness::little_report(3)).await;
        let third = client.results(3).await.remove(2);
        assert_eq!(configuration(&third), configuration(&second));
        assert!(!rules_of(&third).contains(&"header-missing"));
    });
}

#[test]
fn a_hangup_is_a_request_to_reload() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        settings.telemetry.http_listen = harness::free_address();
        settings.telemetry.log_format = baocao::config::LogFormat::Json;
        let client = Client::new(&settings).await;
        client.provide().await;
        let log = tempfile::NamedTempFile::new().unwrap();
        let worker = WorkerProcess::start_with_log(&settings, log.reopen().unwrap());
        client.submit("H50.1", "1", &harness::little_report(1)).await;
        client.results(1).await;
        settings.alert.min_severity = Severity::Info;
        fs::write(worker.config(), toml::to_string(&settings).unwrap()).unwrap();
        assert!(
            Command::new("kill")
                .args(["-HUP", &worker.pid()])
                .status()
                .unwrap()
                .success()
        );
        let address = settings.telemetry.http_listen.as_str();
        harness::until(async || {
            let metrics = harness::get(address, "/metrics").await.unwrap().1;
            metrics.contains("baocao_reloads_total{outcome=\"changed\"} 1")
        })
        .await;
        let said = fs::read_to_string(log.path()).unwrap();
        let line = said.lines().find(|line| line.contains("alert.min_severity")).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["change"], "alert.min_severity: \"error\" → \"info\"");
    });
}

/// A report that cites a document of a body that the program does not know.
const CITES_UNKNOWN_BODY: &str =
    "BÁO CÁO\nKết quả năm 2026\n\nThực hiện Kế hoạch số 7-KH/ĐKU ngày 05/3/2026 của Đặc khu ủy Yên Hạc.\n";

/// Who issued the document that a report cites.
fn cited_issuer(result: &pb::ReportProcessed) -> &str {
    &result.report.as_ref().unwrap().citations[0].issuer
}

#[test]
fn words_and_names_of_a_file_are_read_again() {
    on_each_server(|server| async move {
        let folder = tempfile::TempDir::new().unwrap();
        let overlay = folder.path().join("vocabulary.toml");
        fs::write(&overlay, "[units]\nnouns = [\"giàn phơi\"]\n").unwrap();
        let mut settings = server.settings();
        settings.vocabulary.overlay = overlay.display().to_string();
        settings.telemetry.http_listen = harness::free_address();
        settings.telemetry.log_format = baocao::config::LogFormat::Json;
        let client = Client::new(&settings).await;
        client.provide().await;
        let log = tempfile::NamedTempFile::new().unwrap();
        let worker = WorkerProcess::start_with_log(&settings, log.reopen().unwrap());
        client.submit("H50.1", "1", CITES_UNKNOWN_BODY).await;
        let first = client.results(1).await.remove(0);
        assert_eq!(cited_issuer(&first), "");

        let hang_up = async |outcome: &str| {
            let sent = Command::new("kill").args(["-HUP", &worker.pid()]).status().unwrap();
            assert!(sent.success());
            let counted = format!("baocao_reloads_total{{outcome=\"{outcome}\"}} 1");
            let address = settings.telemetry.http_listen.as_str();
            harness::until(async || harness::get(address, "/metrics").await.unwrap().1.contains(&counted)).await;
        };
        let with_body = "[[issuers.body]]\nname = \"Đặc khu ủy\"\ncodes = [\"ĐKU\"]\nparty = true\n";
        fs::write(&overlay, with_body).unwrap();
        hang_up("changed").await;
        client.submit("H50.1", "2", CITES_UNKNOWN_BODY).await;
        let second = client.results(2).await.remove(1);
        assert_eq!(cited_issuer(&second), "Đặc khu ủy Yên Hạc");
        let configuration = |result: &pb::ReportProcessed| result.producer.clone().unwrap().configuration;
        assert_ne!(configuration(&second), configuration(&first));

        fs::write(&overlay, with_body.replace("codes", "code")).unwrap();
        hang_up("refused").await;
        let said = fs::read_to_string(log.path()).unwrap();
        let refused = said.lines().find(|line| line.contains("new settings refused")).unwrap();
        let refused: Value = serde_json::from_str(refused).unwrap();
        let why = refused["why"].as_str().unwrap();
        assert!(
            why.contains("vocabulary.toml:1: issuers.body \"Đặc khu ủy\": unknown field `code`"),
            "{why}"
        );
        client.submit("H50.1", "3", CITES_UNKNOWN_BODY).await;
        let third = client.results(3).await.remove(2);
        assert_eq!(cited_issuer(&third), cited_issuer(&second));
        assert_eq!(configuration(&third), configuration(&second));

        // Who waits for an answer has the same words.
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Content-Type", "text/plain");
        let (subject, nats) = (client.names().service("extract"), &client.connection.client);
        let answer = nats
            .request_with_headers(subject, headers, CITES_UNKNOWN_BODY.into())
            .await
            .unwrap();
        let answer: pb::ReportProcessed =
            baocao::bus::client::from_payload(answer.headers.as_ref(), &answer.payload).unwrap();
        assert_eq!(cited_issuer(&answer), cited_issuer(&second));
    });
}

#[test]
fn who_asks_nobody_is_told_so() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let folder = tempfile::TempDir::new().unwrap();
        let config = folder.path().join("client.toml");
        fs::write(&config, toml::to_string(&settings).unwrap()).unwrap();
        let output = reload(&config, &[]).await;
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("no worker has answered"), "{said}");
    });
}

#[test]
fn a_worker_without_sources_says_so() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        let worker = harness::Worker::start(&settings);
        worker.until_ready().await;
        let subject = client.names().control("reload");
        let answer = client.connection.client.request(subject, "".into()).await.unwrap();
        assert_eq!(
            headers::get(answer.headers.as_ref(), "Content-Type"),
            Some("application/json")
        );
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(answer["outcome"], "refused");
        worker.stop().await;
    });
}
