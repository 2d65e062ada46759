//! The stages in processes of their own: what comes out is what one worker makes, and nothing is lost in between.

use std::{collections::BTreeMap, fs, time::Duration};

use async_nats::HeaderMap;
use baocao::{
    bus::{self, Unit, client, dead},
    config::{Settings, Stages},
    proto::baocao::v1 as pb,
    worker::handle::End,
};
use prost::Message;

use crate::{
    formats::packet,
    harness::{Client, PATIENCE, Worker, WorkerProcess, crate_root, little_report, on_each_server},
    large::on_each_small_server,
    support,
};

/// The settings for a worker with these stages.
fn only(stages: Stages, settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    settings.worker.stages = stages;
    settings
}

/// One worker of each stage.
async fn start_both(settings: &Settings) -> [Worker; 2] {
    let both = [Stages::Extract, Stages::Validate].map(|stages| Worker::start(&only(stages, settings)));
    for worker in &both {
        worker.until_ready().await;
    }
    both
}

/// Waits until a queue is empty.
async fn until_empty(client: &Client, stream: &str) {
    let empty = async {
        while client.count(stream).await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let done = tokio::time::timeout(PATIENCE, empty).await;
    assert!(done.is_ok(), "{stream} does not become empty");
}

/// Waits until both stages have done all. What has left the first queue is in the second.
async fn until_both_are_done(client: &Client) {
    client.until_all_is_done().await;
    until_empty(client, &client.names().extracted_stream()).await;
}

/// Documents of several formats, one of them broken.
fn submissions() -> Vec<pb::ReportSubmission> {
    let fixtures = crate_root().join("tests/fixtures/formats");
    let files = ["plain.docx", "sheet.xlsx", "page.html", "vni.txt", "utf-16.txt"].map(|name| fixtures.join(name));
    let mut contents: Vec<(String, Vec<u8>)> = files
        .into_iter()
        .chain(support::reports())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    let docx = fs::read(fixtures.join("plain.docx")).unwrap();
    contents.push(("packet".into(), packet("319", "bc.docx", &docx).into()));
    contents.push(("broken".into(), vec![0xFF, 0xFE, 0x00, 0xD8]));
    contents
        .into_iter()
        .map(|(name, content)| pb::ReportSubmission {
            // A packet says itself who sends it.
            unit: if name == "packet" { "" } else { "H50.1" }.into(),
            submission_id: name,
            source: "/qlvb/stp".into(),
            submitted_at: Some(prost_types::Timestamp {
                seconds: 1_700_000_000,
                nanos: 0,
            }),
            content,
            ..Default::default()
        })
        .collect()
}

/// Hands in all documents and waits until they are done; how many there are.
async fn hand_in(client: &Client) -> usize {
    let submissions = submissions();
    let count = submissions.len();
    for submission in submissions {
        bus::submit(&client.connection, submission).await.unwrap();
    }
    client.until_all_is_done().await;
    count
}

/// All messages of a stream by their subjects, without what differs from one run to the next: prefix, times, spans of
/// traces.
async fn stored<M: Message + Default>(
    client: &Client,
    prefix: &str,
    stream: String,
    without_time: impl Fn(&mut M),
) -> BTreeMap<String, (String, Vec<u8>)> {
    let count = client.count(&stream).await as usize;
    let bare = |text: &str| text.replace(&format!("{prefix}."), "");
    let messages = client.take(&stream, count).await;
    let each = messages.iter().map(|message| {
        let mut content = M::decode(message.payload.clone()).unwrap();
        without_time(&mut content);
        let headers = message.headers.iter().flat_map(HeaderMap::iter);
        let headers = headers.filter(|(name, _)| !["ce-time", "traceparent"].contains(&name.to_string().as_str()));
        let mut headers: Vec<String> = headers
            .map(|(name, values)| bare(&format!("{name}: {values:?}")))
            .collect();
        headers.sort();
        (bare(&message.subject), (headers.join("\n"), content.encode_to_vec()))
    });
    each.collect()
}

fn made_at(producer: &mut Option<pb::Producer>) -> &mut Option<prost_types::Timestamp> {
    &mut producer.as_mut().unwrap().produced_at
}

#[test]
fn apart_they_make_what_one_worker_makes() {
    on_each_server(|server| async move {
        let mut streams = Vec::new();
        for apart in [false, true] {
            let settings = server.settings();
            let client = Client::new(&settings).await;
            let workers = if apart {
                start_both(&settings).await.into()
            } else {
                let worker = Worker::start(&settings);
                worker.until_ready().await;
                vec![worker]
            };
            let count = hand_in(&client).await;
            if apart {
                until_empty(&client, &client.names().extracted_stream()).await;
            }
            let (names, prefix) = (client.names(), settings.bus.prefix.as_str());
            let results = stored(
                &client,
                prefix,
                names.processed_stream(),
                |result: &mut pb::ReportProcessed| {
                    *made_at(&mut result.producer) = None;
                },
            );
            let alerts = stored(&client, prefix, names.alerts_stream(), |alert: &mut pb::Alert| {
                *made_at(&mut alert.producer) = None;
            });
            let (results, alerts) = (results.await, alerts.await);
            assert_eq!(results.len(), count);
            assert!(alerts.len() > count, "reports have errors");
            assert_eq!(client.count(&names.dead_stream()).await, 1, "what is broken");
            let mut ends = 0;
            for worker in workers {
                ends += worker.stop().await.count(End::Processed);
            }
            let stages = if apart { 2 } else { 1 };
            assert_eq!(ends, stages * (count as u64 - 1), "each stage did its part");
            streams.push((results, alerts));
        }
        let (apart, together) = (streams.pop().unwrap(), streams.pop().unwrap());
        for (apart, together) in [(&apart.0, &together.0), (&apart.1, &together.1)] {
            assert!(apart.keys().eq(together.keys()));
            for (subject, message) in apart {
                assert!(together[subject] == *message, "{subject}");
            }
        }
    });
}

#[test]
fn a_validating_worker_killed_in_the_middle_loses_nothing_and_repeats_nothing() {
    on_each_server(|server| async move {
        const COUNT: usize = 150;
        let settings = server.settings();
        let client = Client::new(&settings).await;
        let extracts = Worker::start(&only(Stages::Extract, &settings));
        extracts.until_ready().await;
        for n in 0..COUNT {
            client.submit("H50.1", &n.to_string(), &little_report(n)).await;
        }
        client.until_all_is_done().await;
        let extracted = client.names().extracted_stream();
        assert_eq!(client.count(&extracted).await, COUNT as u64);
        let validates = only(Stages::Validate, &settings);
        for done in [20, 80] {
            let worker = WorkerProcess::start(&validates);
            // In the middle: some are done, some are in its hands, most wait.
            client.results(done).await;
            worker.kill();
            assert!(client.count(&extracted).await > 0, "killed too late to mean anything");
        }
        let _last = WorkerProcess::start(&validates);
        until_both_are_done(&client).await;
        let results = client.results(COUNT).await;
        let ids: std::collections::BTreeSet<usize> = results
            .iter()
            .map(|result| result.submission.as_ref().unwrap().submission_id.parse().unwrap())
            .collect();
        assert_eq!(ids, (0..COUNT).collect());
        assert_eq!(client.count(&client.names().processed_stream()).await, COUNT as u64);
        assert_eq!(client.count(&client.names().dead_stream()).await, 0);
        extracts.stop().await;
    });
}

#[test]
fn what_is_too_large_goes_through_the_object_store_on_both_hops() {
    on_each_small_server(|server| async move {
        let text = little_report(1) + &"Đã giải quyết 12/15 đơn, 30 vụ việc, 45 người.\n".repeat(2000);
        let mut wholes = Vec::new();
        for apart in [false, true] {
            let settings = server.settings();
            let client = Client::new(&settings).await;
            let workers = if apart {
                start_both(&settings).await.into()
            } else {
                let worker = Worker::start(&settings);
                worker.until_ready().await;
                vec![worker]
            };
            let submission = pb::ReportSubmission {
                submission_id: "large".into(),
                submitted_at: Some(prost_types::Timestamp::default()),
                content: text.clone().into(),
                ..Default::default()
            };
            bus::submit(&client.connection, submission).await.unwrap();
            let result = client.results(1).await.remove(0);
            assert!(result.whole.is_some());
            let mut whole = client::whole(&client.connection, result).await.unwrap();
            *made_at(&mut whole.producer) = None;
            wholes.push(whole);
            for worker in workers {
                assert_eq!(worker.stop().await.count(End::Processed), 1);
            }
        }
        assert_eq!(wholes[0].document.as_ref().unwrap().text, text);
        assert!(wholes[0].encode_to_vec() == wholes[1].encode_to_vec());
    });
}

/// Publishes to the queue of extracted reports, as only a worker may.
async fn extracted_is(client: &Client, id: &str, payload: Vec<u8>) {
    let subject = client.names().extracted(&Unit::new("H50.1"), id);
    let publish = client.jetstream().publish(subject, payload.into()).await.unwrap();
    publish.await.unwrap();
}

#[test]
fn what_no_worker_has_extracted_is_refused_and_can_be_replayed() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        let worker = Worker::start(&only(Stages::Validate, &settings));
        worker.until_ready().await;
        let of_another = pb::ReportExtracted {
            submission: Some(pb::ReportSubmission {
                submission_id: "another".into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let strangers = [("text", b"\xFFtext".to_vec()), ("other", of_another.encode_to_vec())];
        for (id, payload) in &strangers {
            extracted_is(&client, id, payload.clone()).await;
        }
        until_empty(&client, &client.names().extracted_stream()).await;
        for (id, payload) in &strangers {
            let selection = dead::Selection {
                ids: vec![(*id).to_owned()],
                ..Default::default()
            };
            let letter = dead::letters(&client.connection, &selection).await.unwrap().remove(0);
            assert_eq!(letter.reason(), "malformed");
            assert_eq!(dead::content(&client.connection, &letter).await.unwrap(), *payload);
            let plan = dead::plan(&client.connection, &letter).await.unwrap().unwrap();
            assert_eq!(plan.subject, client.names().extracted(&Unit::new("H50.1"), id));
            dead::replay(&client.connection, &letter, &plan).await.unwrap();
        }
        // As bad as before: a letter again, and one refusal.
        until_empty(&client, &client.names().extracted_stream()).await;
        assert_eq!(client.count(&client.names().dead_stream()).await, 2);
        let results = client.results(2).await;
        assert!(results.iter().all(|result| result.status() == pb::Status::Refused));
        worker.stop().await;
    });
}

#[test]
fn headers_and_the_day_of_receipt_go_all_the_way() {
    on_each_server(|server| async move {
        const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        let settings = server.settings();
        let client = Client::new(&settings).await;
        let extracts = Worker::start(&only(Stages::Extract, &settings));
        extracts.until_ready().await;
        let mut headers = HeaderMap::new();
        headers.insert("ce-id", "traced");
        headers.insert("ce-source", "/qlvb/stp");
        headers.insert("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
        let subject = client.names().received(&Unit::new("H50.1"));
        let publish = client
            .jetstream()
            .publish_with_headers(subject, headers, little_report(1).into());
        publish.await.unwrap().await.unwrap();
        client.until_all_is_done().await;
        let subject = client.names().extracted(&Unit::new("H50.1"), "traced");
        let queue = client
            .jetstream()
            .get_stream(client.names().extracted_stream())
            .await
            .unwrap();
        let extracted = queue.get_last_raw_message_by_subject(&subject).await.unwrap();
        let said = |headers: &HeaderMap, name: &str| headers.get(name).map(ToString::to_string).unwrap_or_default();
        assert_eq!(said(&extracted.headers, "ce-id"), "traced");
        assert_eq!(said(&extracted.headers, "ce-type"), client::EXTRACTED);
        let content = pb::ReportExtracted::decode(extracted.payload.clone()).unwrap();
        assert_eq!(content.document.unwrap().text, little_report(1));
        assert_eq!(content.report.unwrap().measures.len(), 2);
        assert!(content.received_at.is_some());
        assert_eq!(content.submission.unwrap().source, "/qlvb/stp");

        let validates = Worker::start(&only(Stages::Validate, &settings));
        let result = client.take(&client.names().processed_stream(), 1).await.remove(0);
        let trace = said(result.headers.as_ref().unwrap(), "traceparent");
        assert!(trace.starts_with(&format!("00-{TRACE}-")), "{trace}");
        assert_ne!(trace, said(&extracted.headers, "traceparent"), "a span of its own");
        let result = pb::ReportProcessed::decode(result.payload.clone()).unwrap();
        assert_eq!(result.submission.unwrap().source, "/qlvb/stp");
        extracts.stop().await;
        validates.stop().await;
    });
}
