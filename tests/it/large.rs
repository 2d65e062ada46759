//! Documents and results that are too large for a message.

use std::time::Duration;

use baocao::{
    bus::{self, Documents, Reference, Unit, client, dead, sweep},
    config::Settings,
    proto::baocao::v1 as pb,
    worker::handle::End,
};
use prost::Message;

use crate::{
    cli::{run, status, stderr, stdout},
    harness::{Client, Server, Worker, little_report, on_each_server_with},
};

/// Runs a test on servers that take messages of at most 64 KiB.
pub fn on_each_small_server<F: Future<Output = ()>>(test: impl Fn(Server) -> F) {
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), "max_payload: 65536\n").unwrap();
    let path: &'static str = config.path().to_str().unwrap().to_owned().leak();
    on_each_server_with(Box::leak(Box::new(["-c", path])), test);
}

/// A report of at least so many bytes.
fn report(bytes: usize) -> String {
    let line = "Công tác tiếp công dân được duy trì thường xuyên, đúng quy định của pháp luật.\n";
    little_report(1) + &line.repeat(bytes / line.len() + 1)
}

fn submission(id: &str, content: impl Into<Vec<u8>>) -> pb::ReportSubmission {
    pb::ReportSubmission {
        submission_id: id.into(),
        unit: "H50.1".into(),
        media_type: "text/plain".into(),
        content: content.into(),
        ..Default::default()
    }
}

/// A submission whose content lies elsewhere.
fn claim(id: &str, reference: &Reference) -> pb::ReportSubmission {
    pb::ReportSubmission {
        content_object: Some(pb::StoredObject {
            name: reference.name.clone(),
            size: reference.size as u64,
        }),
        ..submission(id, "")
    }
}

async fn start(server: &Server, change: impl Fn(&mut Settings)) -> (Settings, Client) {
    let mut settings = server.settings();
    change(&mut settings);
    let client = Client::new(&settings).await;
    assert_eq!(client.provide().await.drifts, []);
    (settings, client)
}

async fn submit(client: &Client, submission: pb::ReportSubmission) {
    bus::submit(&client.connection, submission).await.unwrap();
}

#[test]
fn a_large_document_goes_the_whole_way() {
    on_each_small_server(|server| async move {
        let (settings, client) = start(&server, |_| ()).await;
        let text = report(300_000);
        let worker = Worker::start(&settings);
        let submitted = bus::submit(&client.connection, submission("", text.clone()))
            .await
            .unwrap();
        let digest = Reference::to(text.as_bytes()).name;
        assert_eq!(
            submitted.submission_id,
            digest[..32],
            "the id it would have in a message"
        );
        client.until_all_is_done().await;
        let sent = client.results(1).await.remove(0);
        assert_eq!(sent.status(), pb::Status::Processed);
        assert_eq!(
            sent.document.as_ref().unwrap().text,
            "",
            "what does not fit is left out"
        );
        assert!(sent.whole.is_some());
        let whole = client::whole(&client.connection, sent.clone()).await.unwrap();
        assert_eq!(whole.document.unwrap().text, text);
        assert!(whole.report.is_some(), "{:?} {:?}", whole.refusal, whole.status);
        let submission = whole.submission.unwrap();
        assert_eq!(submission.content_sha256, digest);
        assert_eq!(submission.content_size, text.len() as u64);

        // Once more: it is stored once.
        let stream = format!("OBJ_{}", client.names().documents());
        let stored = client.count(&stream).await;
        client.connection.keep(text.into()).await.unwrap();
        assert_eq!(client.count(&stream).await, stored);
        worker.stop().await;
    });
}

#[test]
fn a_result_without_room_for_its_report_says_where_it_is() {
    on_each_small_server(|server| async move {
        let (settings, client) = start(&server, |_| ()).await;
        // Thousands of figures.
        let text: String = little_report(1) + &"Đã giải quyết 12/15 đơn, 30 vụ việc, 45 người.\n".repeat(1000);
        let worker = Worker::start(&settings);
        submit(&client, submission("figures", text.clone())).await;
        client.until_all_is_done().await;
        let sent = client.results(1).await.remove(0);
        assert_eq!(sent.report, None);
        let whole = client::whole(&client.connection, sent).await.unwrap();
        assert!(whole.report.unwrap().measures.len() > 1000);
        assert_eq!(worker.stop().await.count(End::Processed), 1);
    });
}

#[test]
fn what_is_over_the_limit_is_refused_before_it_is_fetched() {
    on_each_small_server(|server| async move {
        let (settings, client) = start(&server, |settings| settings.decode.max_bytes = 100_000).await;
        let worker = Worker::start(&settings);
        // There is no such object: whoever wanted to fetch it would wait in vain.
        let reference = Reference {
            size: 100_001,
            ..Reference::to(b"x")
        };
        submit(&client, claim("giant", &reference)).await;
        client.until_all_is_done().await;
        let refusal = client.results(1).await.remove(0).refusal.unwrap();
        assert_eq!(refusal.reason, "too-large");
        assert!(
            refusal.message_en.contains("decode.max_bytes"),
            "{}",
            refusal.message_en
        );
        worker.stop().await;
    });
}

#[test]
fn an_object_that_is_not_what_it_says_is_refused() {
    on_each_small_server(|server| async move {
        let (settings, client) = start(&server, |_| ()).await;
        let store = client
            .jetstream()
            .get_object_store(client.names().documents())
            .await
            .unwrap();
        let right = report(1000);
        let reference = Reference::to(right.as_bytes());
        let other = right.replace("12/15", "15/15");
        let forged = other.as_bytes();
        store.put(reference.name.as_str(), &mut &forged[..]).await.unwrap();
        let worker = Worker::start(&settings);
        submit(&client, claim("digest", &reference)).await;
        let size = Reference {
            size: reference.size - 1,
            ..reference
        };
        submit(&client, claim("size", &size)).await;
        client.until_all_is_done().await;
        for result in client.results(2).await {
            assert_eq!(result.refusal.unwrap().reason, "malformed");
        }
        worker.stop().await;
    });
}

#[test]
fn an_object_that_is_not_there_is_waited_for_and_its_letter_can_be_replayed() {
    on_each_small_server(|server| async move {
        let (settings, client) = start(&server, |settings| settings.worker.max_deliver = 2).await;
        let text = report(100_000);
        let worker = Worker::start(&settings);
        submit(&client, claim("later", &Reference::to(text.as_bytes()))).await;
        client.until_all_is_done().await;
        let result = client.results(1).await.remove(0);
        assert_eq!(result.refusal.unwrap().reason, "poisonous");
        client.connection.keep(text.into()).await.unwrap();
        let letters = dead::letters(&client.connection, &Default::default()).await.unwrap();
        let plan = dead::plan(&client.connection, &letters[0]).await.unwrap().unwrap();
        dead::replay(&client.connection, &letters[0], &plan).await.unwrap();
        client.until_all_is_done().await;
        assert_eq!(client.results(1).await[0].status(), pb::Status::Processed);
        assert_eq!(client.count(&client.names().dead_stream()).await, 0);
        worker.stop().await;
    });
}

#[test]
fn a_dead_letter_without_room_for_its_content_says_where_it_is() {
    on_each_small_server(|server| async move {
        let (settings, client) = start(&server, |_| ()).await;
        let worker = Worker::start(&settings);
        // Room for the headers it came with, none for those of a dead letter.
        let content = vec![0xFF; 65536 - 100];
        client.submit_raw("full", "text/plain", content.clone()).await;
        client.until_all_is_done().await;
        let letter = dead::letters(&client.connection, &Default::default())
            .await
            .unwrap()
            .remove(0);
        assert_eq!((letter.size, letter.has_content()), (0, true));
        assert_eq!(dead::content(&client.connection, &letter).await.unwrap(), content);
        let plan = dead::plan(&client.connection, &letter).await.unwrap().unwrap();
        assert_eq!(plan.subject, client.names().received(&Unit::new("H50.9")));
        dead::replay(&client.connection, &letter, &plan).await.unwrap();
        client.until_all_is_done().await;
        // There was no room for the headers of a replay, either: it went as a reference.
        let again = dead::letters(&client.connection, &Default::default())
            .await
            .unwrap()
            .remove(0);
        assert_eq!((again.submission(), again.reason()), ("full", "not-text"));
        let claim = dead::content(&client.connection, &again).await.unwrap();
        let claim = pb::ReportSubmission::decode(claim).unwrap();
        assert_eq!(claim.content_object.unwrap().name, Reference::to(&content).name);
        worker.stop().await;
    });
}

#[test]
fn a_content_beside_its_reference_counts() {
    on_each_small_server(|server| async move {
        let (settings, client) = start(&server, |_| ()).await;
        let worker = Worker::start(&settings);
        let mut both = claim("both", &Reference::to(b"x"));
        both.content = little_report(1).into();
        client
            .submit_raw("both", "application/protobuf", both.encode_to_vec())
            .await;
        client.until_all_is_done().await;
        assert_eq!(client.results(1).await[0].status(), pb::Status::Processed);
        worker.stop().await;
    });
}

#[test]
fn a_store_that_is_deleted_is_made_again() {
    on_each_small_server(|server| async move {
        let (settings, client) = start(&server, |_| ()).await;
        let worker = Worker::start(&settings);
        worker.until_ready().await;
        let store = client.names().documents();
        client.jetstream().delete_object_store(&store).await.unwrap();
        // Its result does not fit into a message.
        let figures: String = little_report(1) + &"Đã giải quyết 12/15 đơn, 30 vụ việc, 45 người.\n".repeat(1000);
        client.submit_raw("figures", "text/plain", figures.into_bytes()).await;
        client.until_all_is_done().await;
        let result = client.results(1).await.remove(0);
        let whole = client::whole(&client.connection, result).await.unwrap();
        assert!(whole.report.is_some(), "{:?} {:?}", whole.refusal, whole.status);
        worker.stop().await;
    });
}

#[test]
fn objects_that_nobody_names_are_swept_and_no_others() {
    on_each_small_server(|server| async move {
        let (settings, client) = start(&server, |_| ()).await;
        let names = client.names().clone();
        let connection = &client.connection;
        // One whose submission never came, one that waits, and with its result one that was read.
        let forgotten = connection.keep(report(200_000).into()).await.unwrap();
        let worker = Worker::start(&settings);
        submit(&client, submission("read", report(210_000))).await;
        client.until_all_is_done().await;
        let result = client.results(1).await.remove(0);
        worker.stop().await;
        submit(&client, submission("waits", report(220_000))).await;
        let waiting = Reference::to(report(220_000).as_bytes()).name;

        let swept = async || {
            let orphans = sweep::orphans(connection, Duration::ZERO).await.unwrap();
            orphans.into_iter().map(|object| object.name).collect::<Vec<_>>()
        };
        assert_eq!(swept().await, [forgotten.name.as_str()]);
        let young = sweep::orphans(connection, Duration::from_secs(60)).await.unwrap();
        assert_eq!(young, [], "it may be on its way");

        // The command says what it would do, and does it.
        let set = [
            format!("bus.url={}", settings.bus.url),
            format!("bus.prefix={}", settings.bus.prefix),
        ];
        let sweep = |more: &[&str]| {
            let command = [
                "objects",
                "sweep",
                "--older-than",
                "0s",
                "--set",
                &set[0],
                "--set",
                &set[1],
            ];
            let output = run(&[&command, more].concat());
            assert_eq!(status(&output), 0, "{}", stderr(&output));
            stdout(&output)
        };
        let dry = sweep(&["--dry-run"]);
        assert!(
            dry.starts_with(&format!("{}\t{}\t", forgotten.name, forgotten.size)),
            "{dry}"
        );
        assert_eq!(sweep(&[]), dry);
        assert_eq!(sweep(&[]), "", "done already");
        assert!(connection.fetch(&forgotten).await.is_err());

        // When the result is gone, so is the need for its objects; the waiting report keeps its own.
        let stream = client.jetstream().get_stream(names.processed_stream()).await.unwrap();
        stream.purge().await.unwrap();
        client
            .jetstream()
            .get_stream(names.alerts_stream())
            .await
            .unwrap()
            .purge()
            .await
            .unwrap();
        let gone = swept().await;
        assert!(gone.contains(&result.whole.unwrap().name), "{gone:?}");
        assert!(!gone.contains(&waiting), "{gone:?}");
        let whole = connection
            .fetch(&Reference::to(report(220_000).as_bytes()))
            .await
            .unwrap();
        assert_eq!(whole, report(220_000));
    });
}
