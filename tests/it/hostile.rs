//! Inputs nobody should send: each ends in a stated way, soon, and the worker lives.

use std::time::Instant;

use baocao::{
    decode::external::{Program, Programs},
    proto::baocao::v1 as pb,
    worker::handle::End,
};
use prost::Message;

use crate::harness::{Client, Worker, little_report, on_each_server};

/// Bytes without order, the same on every run.
fn noise(count: usize) -> Vec<u8> {
    let mut state: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..count).map(|_| next()).collect()
}

/// How an input ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Read,
    Refused(&'static str),
}

#[test]
fn hostile_inputs_end_in_a_stated_way() {
    use Expected::{Read, Refused};
    let submission = pb::ReportSubmission {
        content: little_report(1).into(),
        ..Default::default()
    };
    let whole = submission.encode_to_vec();
    let alert = pb::Alert {
        alert_id: "1.0".into(),
        rule: "sum-mismatch".into(),
        finding: Some(pb::Finding::default()),
        ..Default::default()
    };
    let timestamp = prost_types::Timestamp { seconds: 1, nanos: 1 };
    let poppler = Programs::find()
        .missing()
        .iter()
        .all(|&program| program != Program::PdfToText);
    let pdf = |expected| if poppler { expected } else { Refused("missing-program") };
    let endless = "ă".repeat(450_000);
    let english = "This is a letter in another language. It has no number, no date and no figures. ".repeat(50);
    let inputs: Vec<(&str, &str, Vec<u8>, Expected)> = vec![
        ("empty", "", vec![], Refused("empty")),
        ("empty-text", "text/plain", vec![], Refused("empty")),
        ("blank", "text/plain", b" \n\t\n ".to_vec(), Refused("empty")),
        ("noise", "", noise(900_000), Refused("not-text")),
        ("noise-as-text", "text/plain", noise(900_000), Refused("not-text")),
        (
            "noise-as-protobuf",
            "application/protobuf",
            noise(900_000),
            Refused("malformed"),
        ),
        (
            "not-utf-8",
            "text/plain",
            // What an old encoding may have been is read as that.
            b"B\xC1O C\xC1O".to_vec(),
            Read,
        ),
        (
            "truncated",
            "application/protobuf",
            whole[..whole.len() / 2].to_vec(),
            Refused("malformed"),
        ),
        (
            "alert",
            "application/protobuf",
            alert.encode_to_vec(),
            Refused("malformed"),
        ),
        (
            "timestamp",
            "application/protobuf",
            timestamp.encode_to_vec(),
            Refused("malformed"),
        ),
        (
            "broken-json",
            "application/json",
            b"{\"content\":".to_vec(),
            Refused("malformed"),
        ),
        ("no-spaces", "text/plain", endless.into_bytes(), Read),
        ("english", "text/plain", english.into_bytes(), Read),
        (
            "pdf",
            "application/pdf",
            b"%PDF-1.7 ...".to_vec(),
            pdf(Refused("malformed")),
        ),
        (
            "good-pdf",
            "application/pdf",
            include_bytes!("../fixtures/pdf/report.pdf").to_vec(),
            pdf(Read),
        ),
        (
            "locked-pdf",
            "",
            include_bytes!("../fixtures/pdf/encrypted.pdf").to_vec(),
            pdf(Refused("encrypted")),
        ),
        (
            "gzip",
            "application/gzip",
            b"\x1F\x8B\x08".to_vec(),
            Refused("unsupported-format"),
        ),
    ];
    on_each_server(|server| {
        let inputs = inputs.clone();
        async move {
            let settings = server.settings();
            let client = Client::new(&settings).await;
            client.provide().await;
            let worker = Worker::start(&settings);
            worker.until_ready().await;
            let began = Instant::now();
            for (id, content_type, payload, _) in &inputs {
                client.submit_raw(id, content_type, payload.clone()).await;
            }
            client.until_all_is_done().await;
            let took = began.elapsed();
            assert!(took.as_secs() < 30, "{took:?}");
            eprintln!("{} hostile inputs took {took:?}", inputs.len());

            let results = client.results(inputs.len()).await;
            for (id, _, payload, expected) in &inputs {
                let result = results
                    .iter()
                    .find(|result| result.submission.as_ref().unwrap().submission_id == *id)
                    .unwrap_or_else(|| panic!("{id} has no result"));
                let found = match result.status() {
                    pb::Status::Processed => Read,
                    _ => {
                        let reason = &result.refusal.as_ref().unwrap().reason;
                        let known = inputs.iter().find_map(|(_, _, _, expected)| match expected {
                            Refused(known) if known == reason => Some(*known),
                            _ => None,
                        });
                        Refused(known.unwrap_or_else(|| panic!("{id}: {reason}")))
                    }
                };
                assert_eq!(found, *expected, "{id}");
                let submission = result.submission.as_ref().unwrap();
                assert_eq!(submission.unit, "H50.9", "{id}");
                assert_eq!(submission.content_size, payload.len() as u64, "{id}");
                assert!(submission.content.is_empty(), "{id}");
            }

            // Each refused one has one alert and one dead letter, with the bytes it came with.
            let refused = inputs.iter().filter(|(.., expected)| *expected != Read).count();
            let letters = client.take(&client.names().dead_stream(), refused).await;
            for letter in &letters {
                let id = letter.headers.as_ref().unwrap().get("Baocao-Dead-Submission").unwrap();
                let (_, _, payload, _) = inputs.iter().find(|(known, ..)| *known == id.as_str()).unwrap();
                assert!(letter.payload == *payload, "{id}: not the bytes it came with");
            }
            // Those that could be read may have alerts of their own.
            let count = client.count(&client.names().alerts_stream()).await;
            let alerts = client
                .take(&client.names().alerts_stream(), count.try_into().unwrap())
                .await;
            let refusals = alerts
                .iter()
                .filter(|alert| alert.subject.contains(".alert.error.document-refused."))
                .count();
            assert_eq!(refusals, refused);
            assert_eq!(client.count(&client.names().dead_stream()).await, refused as u64);

            assert!(worker.is_alive());
            client.submit("H50.1", "after", &little_report(1)).await;
            client.results(inputs.len() + 1).await;
            let summary = worker.stop().await;
            assert_eq!(summary.count(End::Refused), refused as u64, "{summary}");
        }
    });
}
