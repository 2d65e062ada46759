//! Request and reply: the same job for whoever waits.

use async_nats::{HeaderMap, Message, service};
use baocao::{bus, config::Settings, proto::baocao::v1 as pb};
use bytes::Bytes;
use futures::future::join_all;
use prost::Message as _;

use crate::harness::{Client, Server, Worker, little_report, on_each_server};

async fn start(server: &Server, change: impl Fn(&mut Settings)) -> (Client, Worker) {
    let mut settings = server.settings();
    settings.bus.request_timeout_seconds = 30;
    change(&mut settings);
    let worker = Worker::start(&settings);
    worker.until_ready().await;
    (Client::new(&settings).await, worker)
}

async fn ask(client: &Client, endpoint: &str, headers: &[(&str, &str)], payload: impl Into<Bytes>) -> Message {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, *value);
    }
    let subject = client.names().service(endpoint);
    let client = &client.connection.client;
    client.request_with_headers(subject, map, payload.into()).await.unwrap()
}

/// The code of a service error; 200 for none.
fn code(answer: &Message) -> u16 {
    let headers = answer.headers.as_ref();
    let code = headers.and_then(|headers| headers.get(service::NATS_SERVICE_ERROR_CODE));
    code.map_or(200, |code| code.as_str().parse().unwrap())
}

#[test]
fn a_document_in_a_request_has_its_result_in_the_answer() {
    on_each_server(|server| async move {
        let (client, worker) = start(&server, |_| ()).await;
        let raw = ask(&client, "extract", &[("Content-Type", "text/plain")], little_report(1)).await;
        assert_eq!(code(&raw), 200);
        let raw: pb::ReportProcessed = bus::client::from_payload(raw.headers.as_ref(), &raw.payload).unwrap();
        assert_eq!(raw.status(), pb::Status::Processed);
        assert!(!raw.report.as_ref().unwrap().measures.is_empty());

        let submission = pb::ReportSubmission {
            content: little_report(1).into(),
            ..Default::default()
        };
        let json = [("Accept", "application/json")];
        let answer = ask(&client, "extract", &json, submission.encode_to_vec()).await;
        assert_eq!(
            answer.headers.as_ref().unwrap().get("Content-Type").unwrap().as_str(),
            "application/json"
        );
        let as_json: pb::ReportProcessed = bus::client::from_payload(answer.headers.as_ref(), &answer.payload).unwrap();
        assert_eq!(
            (as_json.report, as_json.findings),
            (raw.report, raw.findings),
            "the same job"
        );

        // Nothing is left on the bus.
        assert_eq!(client.count(&client.names().processed_stream()).await, 0);
        worker.stop().await;
    });
}

#[test]
fn what_cannot_be_answered_is_a_service_error() {
    on_each_server(|server| async move {
        let (client, worker) = start(&server, |settings| settings.service.max_bytes = 10_000).await;
        let cases: [(&str, Vec<u8>, u16); 5] = [
            ("text/plain", vec![0xFF, 0xFE], 422),
            ("text/plain", b" ".to_vec(), 422),
            ("application/json", b"{}".to_vec(), 400),
            ("text/plain", vec![b'a'; 10_001], 413),
            ("application/pdf", b"%PDF-1.7".to_vec(), 422),
        ];
        for (media_type, content, expected) in cases {
            let answer = ask(&client, "extract", &[("Content-Type", media_type)], content).await;
            let said = answer
                .headers
                .as_ref()
                .unwrap()
                .get(service::NATS_SERVICE_ERROR)
                .unwrap();
            assert_eq!(code(&answer), expected, "{media_type}: {said}");
        }
        // A reference to more than a request may have is refused before it is fetched.
        let claim = pb::ReportSubmission {
            content_object: Some(pb::StoredObject {
                name: "0".repeat(64),
                size: 10_001,
            }),
            ..Default::default()
        };
        let protobuf = [("Content-Type", "application/protobuf")];
        assert_eq!(
            code(&ask(&client, "extract", &protobuf, claim.encode_to_vec()).await),
            413
        );
        worker.stop().await;
    });
}

#[test]
fn rules_are_told_all_or_one() {
    on_each_server(|server| async move {
        let (client, worker) = start(&server, |_| ()).await;
        let all: serde_json::Value = serde_json::from_slice(&ask(&client, "rules", &[], "").await.payload).unwrap();
        assert_eq!(all.as_array().unwrap().len(), baocao::validate::RULES.len());
        let one: serde_json::Value =
            serde_json::from_slice(&ask(&client, "rules", &[], "sum-mismatch").await.payload).unwrap();
        assert_eq!(one["id"], "sum-mismatch");
        assert_eq!(code(&ask(&client, "rules", &[], "no-such-rule").await), 404);
        // As any service on NATS: found by name, with its endpoints.
        let client = &client.connection.client;
        let info = client.request("$SRV.INFO.baocao", "".into()).await.unwrap();
        let info: serde_json::Value = serde_json::from_slice(&info.payload).unwrap();
        let mut names: Vec<&str> = info["endpoints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|endpoint| endpoint["name"].as_str().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["extract", "rules"]);
        worker.stop().await;
    });
}

#[test]
fn too_many_requests_are_turned_away_and_each_has_an_answer() {
    on_each_server(|server| async move {
        let (client, worker) = start(&server, |settings| {
            settings.service.concurrency = 1;
            settings.service.timeout_seconds = 5;
        })
        .await;
        let text = little_report(1) + &"Đã giải quyết 12/15 đơn, đạt 80%.\n".repeat(3000);
        let requests = (0..60).map(|_| ask(&client, "extract", &[("Content-Type", "text/plain")], text.clone()));
        let codes: Vec<u16> = join_all(requests).await.iter().map(code).collect();
        let count = |wanted: u16| codes.iter().filter(|&&code| code == wanted).count();
        eprintln!(
            "{} answered, {} turned away, {} too late",
            count(200),
            count(503),
            count(504)
        );
        assert!(count(200) + count(504) >= 1 && count(503) >= 1, "{codes:?}");
        assert_eq!(count(200) + count(503) + count(504), 60, "{codes:?}");
        worker.stop().await;
    });
}

#[test]
fn without_concurrency_there_is_no_service() {
    on_each_server(|server| async move {
        let (client, worker) = start(&server, |settings| settings.service.concurrency = 0).await;
        let subject = client.names().service("rules");
        let answer = client.connection.client.request(subject, "".into()).await;
        let error = answer.expect_err("nobody listens");
        assert_eq!(error.kind(), async_nats::RequestErrorKind::NoResponders);
        worker.stop().await;
    });
}
