//! One trace from the hand that submits a report to the alert.

use std::{collections::BTreeMap, process::Command, sync::Arc, sync::Mutex};

use baocao::{bus::headers, validate::Severity};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
};
use prost::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::harness::{self, Client, WorkerProcess, on_each_server};

/// A collector that keeps what it is sent.
struct Collector {
    address: String,
    /// Name of the service, and a span of it.
    spans: Arc<Mutex<Vec<(String, Span)>>>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let spans = Arc::new(Mutex::default());
        let kept = Arc::clone(&spans);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, Arc::clone(&kept)));
            }
        });
        Self { address, spans }
    }

    fn spans(&self) -> Vec<(String, Span)> {
        self.spans.lock().unwrap().clone()
    }
}

/// Takes requests of one connection, until it is closed.
async fn take(mut stream: TcpStream, spans: Arc<Mutex<Vec<(String, Span)>>>) {
    let mut input = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = input.windows(4).position(|end| end == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut input).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let head = String::from_utf8(input[..end].to_vec()).unwrap().to_lowercase();
        assert!(head.starts_with("post /v1/traces "), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.unwrap().trim().parse().unwrap();
        while input.len() < end + length {
            assert!(stream.read_buf(&mut input).await.unwrap() > 0);
        }
        let request = ExportTraceServiceRequest::decode(&input[end..end + length]).unwrap();
        input.drain(..end + length);
        for of in request.resource_spans {
            let resource = of.resource.unwrap_or_default();
            let name = resource
                .attributes
                .into_iter()
                .find(|value| value.key == "service.name");
            let service = match name.and_then(|name| name.value?.value) {
                Some(Value::StringValue(name)) => name,
                other => panic!("no name of a service: {other:?}"),
            };
            let found = of.scope_spans.into_iter().flat_map(|scope| scope.spans);
            let found = found.map(|span| (service.clone(), span));
            spans.lock().unwrap().extend(found);
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attributes(span: &Span) -> BTreeMap<&str, String> {
    let text = |value: &Option<Value>| match value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pairs = span.attributes.iter();
    pairs
        .filter_map(|pair| Some((pair.key.as_str(), text(&pair.value.as_ref()?.value))))
        .collect()
}

#[test]
fn one_trace_from_the_submitter_to_the_alert() {
    on_each_server(|server| async move {
        let collector = Collector::start().await;
        let mut settings = server.settings();
        settings.alert.min_severity = Severity::Info;
        settings.telemetry.otlp_endpoint = collector.address.clone();
        let client = Client::new(&settings).await;
        client.provide().await;
        let mut worker = WorkerProcess::start(&settings);

        let folder = tempfile::TempDir::new().unwrap();
        let report = folder.path().join("report.txt");
        std::fs::write(&report, harness::little_report(13)).unwrap();
        let config = folder.path().join("client.toml");
        std::fs::write(&config, toml::to_string(&settings).unwrap()).unwrap();
        let submitted = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_baocao"));
            command
                .args(["submit", "--unit", "H50.1", "--config"])
                .arg(config)
                .arg(report);
            command.output().unwrap()
        });
        let submitted = submitted.await.unwrap();
        assert!(submitted.status.success(), "{submitted:?}");
        client.until_all_is_done().await;
        let alerts = client.count(&client.names().alerts_stream()).await as usize;
        let config = folder.path().join("client.toml");
        let watched = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_baocao"));
            let count = (alerts + 1).to_string();
            command
                .args(["watch", "--all", "--count", &count, "--config"])
                .arg(config);
            command.output().unwrap()
        });
        let watched = watched.await.unwrap();
        assert!(watched.status.success(), "{watched:?}");
        // What it still holds goes out at its end.
        let ended = tokio::task::spawn_blocking(move || worker.terminate()).await.unwrap();
        assert!(ended.success());

        let spans = collector.spans();
        let names: Vec<(&str, &str)> = spans
            .iter()
            .map(|(service, span)| (service.as_str(), span.name.as_str()))
            .collect();
        let one = |name: &str| {
            let found: Vec<&Span> = spans
                .iter()
                .map(|(_, span)| span)
                .filter(|span| span.name == name)
                .collect();
            assert_eq!(found.len(), 1, "{name} in {names:?}");
            found[0]
        };
        let submit = one("submit");
        assert_eq!(submit.parent_span_id, [0u8; 0], "it begins the trace");
        for (_, span) in &spans {
            assert_eq!(span.trace_id, submit.trace_id, "{}", span.name);
        }
        let report = one("report");
        assert_eq!(report.parent_span_id, submit.span_id);
        for step in ["decode", "extract", "validate", "acknowledge"] {
            assert_eq!(one(step).parent_span_id, report.span_id, "{step}");
        }
        let said = attributes(report);
        assert_eq!(said["unit"], "H50.1");
        assert_eq!(said["outcome"], "processed");
        assert!(said["findings"].parse::<u32>().unwrap() > 0, "{said:?}");
        assert_eq!(attributes(one("decode"))["format"], "text");
        assert!(names.contains(&("baocao-submit", "submit")) && names.contains(&("baocao-worker", "report")));

        // Whoever reads a result or an alert finds the span that published it.
        let consumed: BTreeMap<String, &(String, Span)> = spans
            .iter()
            .filter(|(_, span)| span.name == "consume")
            .map(|span| (attributes(&span.1)["subject"].clone(), span))
            .collect();
        assert_eq!(consumed.len(), alerts + 1);
        let mut messages = client.take(&client.names().alerts_stream(), alerts).await;
        messages.extend(client.take(&client.names().processed_stream(), 1).await);
        assert!(messages.len() > 1);
        for message in messages {
            let context = headers::get(message.headers.as_ref(), "traceparent").unwrap();
            let parts: Vec<&str> = context.split('-').collect();
            assert_eq!(parts[1], hex(&submit.trace_id));
            let publish = spans.iter().find(|(_, span)| hex(&span.span_id) == parts[2]).unwrap();
            assert_eq!(publish.1.name, "publish");
            assert_eq!(publish.1.parent_span_id, report.span_id);
            assert_eq!(attributes(&publish.1)["subject"], message.subject.as_str());
            let (service, consume) = consumed[message.subject.as_str()];
            assert_eq!(
                (service.as_str(), &consume.parent_span_id),
                ("baocao-watch", &publish.1.span_id)
            );
        }
        let all = format!("{spans:?}");
        assert!(
            !all.contains("BÁO CÁO") && !all.contains("Sở đã tiếp"),
            "never the text"
        );
    });
}

#[test]
fn a_collector_that_is_away_holds_up_nothing_and_is_named_in_the_log() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        settings.telemetry.otlp_endpoint = format!("http://{}", harness::free_address());
        let client = Client::new(&settings).await;
        client.provide().await;
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut worker = WorkerProcess::start_with_log(&settings, log.reopen().unwrap());
        client.submit("H50.1", "1", &harness::little_report(1)).await;
        client.until_all_is_done().await;
        let ended = tokio::task::spawn_blocking(move || worker.terminate()).await.unwrap();
        assert!(ended.success());
        let said = std::fs::read_to_string(log.path()).unwrap();
        let lines = said
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let about: Vec<_> = lines
            .filter(|line| line["target"].as_str().unwrap().starts_with("opentelemetry"))
            .collect();
        assert!(!about.is_empty(), "{said}");
    });
}
