//! What the doctor says of the healthy and of the sick, and what the health check of a container says.

use std::{fs, process::Command};

use async_nats::jetstream::stream;
use baocao::config::{Provision, Settings};
use serde_json::Value;

use crate::harness::{self, Client, WorkerProcess, on_each_server};

/// What a command says, and its exit status.
async fn run(arguments: &[&str], settings: &Settings, environment: &[(&str, &str)]) -> (i32, String, String) {
    let folder = tempfile::TempDir::new().unwrap();
    let config = folder.path().join("baocao.toml");
    fs::write(&config, toml::to_string(settings).unwrap()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_baocao"));
    command.args(arguments).arg("--config").arg(config);
    command.envs(environment.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    drop(folder);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The checks of `baocao doctor --format json`, and its exit status.
async fn examine(settings: &Settings, environment: &[(&str, &str)]) -> (i32, Vec<Value>) {
    let (status, said, _) = run(&["doctor", "--format", "json"], settings, environment).await;
    let all: Value = serde_json::from_str(&said).unwrap();
    let checks = all["checks"].as_array().unwrap().clone();
    for level in ["ok", "warn", "fail"] {
        let counted = checks.iter().filter(|check| check["level"] == level).count();
        assert_eq!(all[level], counted, "{said}");
    }
    (status, checks)
}

fn level<'c>(checks: &'c [Value], check: &str, about: &str) -> (&'c str, &'c str) {
    let found = checks
        .iter()
        .find(|of| of["check"] == check && of["found"].as_str().unwrap().contains(about));
    let found = found.unwrap_or_else(|| panic!("{check} about {about:?} in {checks:#?}"));
    (found["level"].as_str().unwrap(), found["advice"].as_str().unwrap())
}

#[test]
fn the_healthy_is_told_so() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        let (status, checks) = examine(&settings, &[]).await;
        assert_eq!(status, 0, "{checks:#?}");
        for (check, about) in [
            ("settings", "valid"),
            ("connection", ":"),
            ("server", "nats-server 2."),
            ("max-payload", "1048576"),
            ("storage", "bytes in use"),
            ("stream", "_RECEIVED: 0 messages"),
            ("stream", "_PROCESSED: 0 messages"),
            ("stream", "_ALERTS: 0 messages"),
            ("stream", "_DEAD: 0 messages"),
            ("stream", "OBJ_"),
            ("consumer", "0 wait, 0 in work"),
            ("permission", "messages of the consumer"),
            ("clock", ""),
            ("decoder", "answers"),
            ("temporary-folder", "writable"),
        ] {
            assert_eq!(level(&checks, check, about), ("ok", ""), "{check} {about}");
        }
        assert!(checks.iter().all(|check| check["level"] != "fail"));
        // It leaves nothing behind.
        for stream in [
            client.names().received_stream(),
            client.names().processed_stream(),
            client.names().alerts_stream(),
            client.names().dead_stream(),
        ] {
            assert_eq!(client.count(&stream).await, 0, "{stream}");
        }
    });
}

#[test]
fn without_a_server_it_says_what_to_look_at() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        settings.bus.url = format!("nats://{}", harness::free_address());
        let (status, checks) = examine(&settings, &[]).await;
        assert_eq!(status, 1);
        let (level, advice) = level(&checks, "connection", "cannot connect");
        assert_eq!(level, "fail");
        assert!(advice.contains("bus.url"), "{advice}");
        let (status, said, _) = run(&["doctor"], &settings, &[]).await;
        assert_eq!(status, 1);
        assert!(said.contains("FAIL  connection"), "{said}");
    });
}

#[test]
fn streams_that_are_gone_or_changed_are_named() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        settings.bus.provision = Provision::Never;
        let client = Client::new(&settings).await;
        let mut owner = settings.clone();
        owner.bus.provision = Provision::Missing;
        Client::new(&owner).await.provide().await;
        let names = client.names();
        client.jetstream().delete_stream(names.dead_stream()).await.unwrap();
        let changed = stream::Config {
            name: names.alerts_stream(),
            subjects: vec![names.all_alerts()],
            max_bytes: 4096,
            ..client.stream_info(&names.alerts_stream()).await.config
        };
        client.jetstream().update_stream(changed).await.unwrap();
        let (status, checks) = examine(&settings, &[]).await;
        assert_eq!(status, 1);
        let (is, advice) = level(&checks, "stream", &format!("{} is not there", names.dead_stream()));
        assert_eq!(is, "fail");
        assert!(advice.contains("create it"), "{advice}");
        assert_eq!(level(&checks, "stream", "max_bytes is 4096").0, "warn");
        // A worker would create it.
        let (status, checks) = examine(&owner, &[]).await;
        assert_eq!(status, 0, "{checks:#?}");
        assert_eq!(level(&checks, "stream", "is not there").0, "warn");
    });
}

#[test]
fn what_a_user_may_not_do_is_named() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = folder.path().join("nats.conf");
    let permissions = r#"
        accounts { A { jetstream: enabled, users: [
            { user: owner, password: o }
            { user: reader, password: r, permissions: {
                publish: { allow: [">"], deny: ["*.alert.>", "$JS.API.CONSUMER.MSG.NEXT.>", "*.report.received.>"] } } }
            { user: boxed, password: b, permissions: { publish: ">", subscribe: "_INBOX_boxed.>" } }
        ] } }
    "#;
    fs::write(&config, permissions).unwrap();
    let arguments: &'static [&'static str] = vec!["-c", &*config.to_str().unwrap().to_owned().leak()].leak();
    let folder = &folder;
    harness::on_each_server_with(arguments, |server| async move {
        let mut owner = server.settings();
        (owner.bus.user, owner.bus.password) = ("owner".into(), "o".into());
        let client = Client::new(&owner).await;
        client.provide().await;
        let mut reader = owner.clone();
        (reader.bus.user, reader.bus.password) = ("reader".into(), "r".into());
        reader.bus.request_timeout_seconds = 1;
        let (status, checks) = examine(&reader, &[]).await;
        assert_eq!(status, 1);
        let alerts = client
            .names()
            .alert("info", "doctor", &baocao::bus::Unit::new(""), "doctor", 0);
        let (is, advice) = level(&checks, "permission", &alerts);
        assert_eq!(is, "fail");
        assert!(advice.contains("deploy/nats/baocao.conf"), "{advice}");
        assert_eq!(level(&checks, "permission", "request for messages").0, "fail");
        assert_eq!(level(&checks, "permission", "may use").0, "ok");

        // Whoever is denied something hears of it, and not only that no answer came.
        let report = folder.path().join("report.txt");
        fs::write(&report, harness::little_report(1)).unwrap();
        let submit = ["submit", "--unit", "H50", report.to_str().unwrap()];
        let (status, _, said) = run(&submit, &reader, &[]).await;
        assert_eq!(status, 2);
        assert!(said.contains("Permissions Violation for Publish"), "{said}");
        let mut boxed = reader.clone();
        (boxed.bus.user, boxed.bus.password) = ("boxed".into(), "b".into());
        let (status, _, said) = run(&["dead", "list"], &boxed, &[]).await;
        assert_eq!(status, 2);
        assert!(said.contains("set bus.inbox_prefix"), "{said}");
        let (status, checks) = examine(&boxed, &[]).await;
        assert_eq!(status, 1);
        assert!(level(&checks, "inbox", "_INBOX.").1.contains("bus.inbox_prefix"));
        boxed.bus.inbox_prefix = "_INBOX_boxed".into();
        assert_eq!(examine(&boxed, &[]).await.0, 0);

        reader.bus.password = "wrong".into();
        let (status, checks) = examine(&reader, &[]).await;
        assert_eq!(status, 1);
        let (is, advice) = level(&checks, "connection", "");
        assert_eq!(is, "fail");
        assert!(advice.contains("bus.password"), "{advice}");
    });
}

#[test]
fn what_this_machine_lacks_is_named() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        Client::new(&settings).await.provide().await;
        settings.vocabulary.overlay = "/nonexistent/words.toml".into();
        let (status, checks) = examine(&settings, &[("PATH", "/nonexistent"), ("TMPDIR", "/nonexistent")]).await;
        assert_eq!(status, 1);
        let (is, advice) = level(&checks, "vocabulary", "/nonexistent/words.toml");
        assert_eq!(is, "fail");
        assert!(advice.contains("baocao vocabulary"), "{advice}");
        assert_eq!(level(&checks, "temporary-folder", "/nonexistent").0, "fail");
        for (program, package) in [
            ("tesseract", "tesseract-ocr-vie"),
            ("pdftotext", "poppler-utils"),
            ("soffice", "libreoffice-writer"),
        ] {
            let (is, advice) = level(&checks, "program", &format!("{program} is not installed"));
            assert_eq!(is, "warn");
            assert!(advice.contains(package), "{advice}");
        }
    });
}

#[test]
fn a_container_asks_whether_its_worker_is_ready() {
    on_each_server(|mut server| async move {
        let mut settings = server.settings();
        settings.telemetry.http_listen = harness::free_address();
        let (status, _, said) = run(&["health"], &settings, &[]).await;
        assert_eq!(status, 1, "nobody listens: {said}");
        Client::new(&settings).await.provide().await;
        let _worker = WorkerProcess::start(&settings);
        harness::until(async || run(&["health"], &settings, &[]).await.0 == 0).await;
        let url = format!("http://{}/livez", settings.telemetry.http_listen);
        assert_eq!(run(&["health", "--url", &url], &settings, &[]).await.0, 0);
        server.stop();
        harness::until(async || run(&["health"], &settings, &[]).await.0 == 1).await;
        let (status, _, said) = run(&["health"], &settings, &[]).await;
        assert_eq!(status, 1);
        assert!(said.contains("connected: no"), "{said}");
        assert_eq!(
            run(&["health", "--live"], &settings, &[]).await.0,
            0,
            "alive all the same"
        );
    });
}
