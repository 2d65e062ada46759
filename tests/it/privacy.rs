//! What a report says stays in results and alerts: not in logs, not in headers.

use std::{collections::BTreeSet, fs};

use baocao::config::LogFormat;

use crate::{
    harness::{Client, WorkerProcess, on_each_server},
    support,
};

/// Words that nobody but the author of a report would write into a log: those with Vietnamese
/// letters. Words of the program's own messages in Vietnamese are among them, and do not belong
/// into logs either.
fn telling_words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphabetic())
        .filter(|word| word.chars().count() >= 3 && !word.is_ascii())
        .map(str::to_owned)
        .collect()
}

#[test]
fn logs_and_headers_hold_no_text_of_documents() {
    let reports: Vec<String> = support::reports()
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let words: BTreeSet<String> = reports.iter().flat_map(|text| telling_words(text)).collect();
    assert!(words.len() > 300, "the reports hold words");
    on_each_server(|server| {
        let (reports, words) = (reports.clone(), words.clone());
        async move {
            let mut settings = server.settings();
            settings.telemetry.log = "trace".into();
            settings.telemetry.log_format = LogFormat::Json;
            let client = Client::new(&settings).await;
            client.provide().await;
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("log");
            let mut worker = WorkerProcess::start_with_log(&settings, fs::File::create(&path).unwrap());
            for (n, text) in reports.iter().enumerate() {
                client
                    .submit_raw(&format!("read-{n}"), "text/plain", text.clone().into())
                    .await;
                let half = text.as_bytes()[..text.len() / 2].to_vec();
                client
                    .submit_raw(&format!("not-protobuf-{n}"), "application/protobuf", half.clone())
                    .await;
                client
                    .submit_raw(&format!("not-json-{n}"), "application/json", half)
                    .await;
                let broken = [text.as_bytes(), b"\xFF"].concat();
                client.submit_raw(&format!("not-text-{n}"), "text/plain", broken).await;
            }
            client.until_all_is_done().await;
            assert!(
                tokio::task::spawn_blocking(move || worker.terminate())
                    .await
                    .unwrap()
                    .success()
            );

            let log = fs::read_to_string(&path).unwrap();
            assert!(
                log.contains("\"submission\":\"read-0\""),
                "the log tells of submissions"
            );
            let leaked: Vec<&String> = words.iter().filter(|word| log.contains(word.as_str())).collect();
            assert!(leaked.is_empty(), "in the log: {leaked:?}");

            let names = client.names();
            for stream in [names.processed_stream(), names.alerts_stream(), names.dead_stream()] {
                let count = client.count(&stream).await;
                for message in client.take(&stream, count.try_into().unwrap()).await {
                    let headers = format!("{:?}", message.headers);
                    let leaked: Vec<&String> = words.iter().filter(|word| headers.contains(word.as_str())).collect();
                    assert!(leaked.is_empty(), "in headers of {stream}: {leaked:?}");
                }
            }
        }
    });
}
