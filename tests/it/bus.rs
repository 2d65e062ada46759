//! The bus as the command line and other services see it: who gets in, what is handed in, what
//! is seen to come out.

use std::{path::Path, time::Duration};

use async_nats::HeaderMap;
use baocao::{
    bus::{self, ErrorKind, Event, client::From},
    proto::baocao::v1 as pb,
    worker,
};
use futures::StreamExt;

use crate::harness::{Client, PATIENCE, Server, Worker, little_report, on_each_server, on_each_server_with};

#[test]
fn watching_shows_what_comes_out() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        let mut events = bus::watch(&client.connection, From::Now).await.unwrap();
        let worker = Worker::start(&settings);
        client.submit_raw("bad", "text/plain", vec![0xFF]).await;
        client.submit("H50", "good", &little_report(1)).await;
        let mut seen = Vec::new();
        while seen.len() < 3 {
            let event = tokio::time::timeout(PATIENCE, events.next()).await.expect("an event");
            let event = event.unwrap().unwrap();
            let id = event.submission().unwrap().submission_id.clone();
            let kind = match event {
                Event::Processed(_) => "result",
                Event::Alert(_) => "alert",
            };
            if (kind, id.as_str()) != ("alert", "good") {
                seen.push(format!("{kind} {id}"));
            }
        }
        seen.sort();
        assert_eq!(seen, ["alert bad", "result bad", "result good"]);
        worker.stop().await;

        // Whoever comes later sees it from the beginning, or from some time back.
        for from in [From::Beginning, From::Last(Duration::from_secs(60))] {
            let events = bus::watch(&client.connection, from).await.unwrap();
            let results = events.filter(|event| {
                let is_result = matches!(event, Ok(Event::Processed(_)));
                std::future::ready(is_result)
            });
            let both = tokio::time::timeout(PATIENCE, results.take(2).collect::<Vec<_>>()).await;
            assert_eq!(both.expect("two results").len(), 2, "{from:?}");
        }
    });
}

#[test]
fn handing_in_twice_is_noticed() {
    on_each_server(|server| async move {
        let client = Client::new(&server.settings()).await;
        client.provide().await;
        let submission = pb::ReportSubmission {
            unit: "H50.12 a".into(),
            source: "/qlvb/stp".into(),
            content: little_report(1).into(),
            ..Default::default()
        };
        let first = bus::submit(&client.connection, submission.clone()).await.unwrap();
        let second = bus::submit(&client.connection, submission).await.unwrap();
        assert!(
            first.subject.ends_with(".report.received.H50.12%20a"),
            "{}",
            first.subject
        );
        assert_eq!(first.submission_id.len(), 32, "the hash of the content");
        assert_eq!(second.submission_id, first.submission_id);
        assert_eq!((first.duplicate, second.duplicate), (false, true));
        let stream = client
            .jetstream()
            .get_stream(client.names().received_stream())
            .await
            .unwrap();
        let message = stream.get_raw_message(1).await.unwrap();
        let source = message.headers.get("ce-source").unwrap();
        assert_eq!(source.as_str(), "/qlvb/stp");
        assert_eq!(client.count(&client.names().received_stream()).await, 1);
    });
}

#[test]
fn two_units_may_give_the_same_id() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        for unit in ["H50", "H51"] {
            let submission = pb::ReportSubmission {
                submission_id: "1/BC".into(),
                unit: unit.into(),
                content: little_report(1).into(),
                ..Default::default()
            };
            let submitted = bus::submit(&client.connection, submission).await.unwrap();
            assert!(!submitted.duplicate, "{unit}");
        }
        let worker = Worker::start(&settings);
        client.until_all_is_done().await;
        let mut units: Vec<String> = client
            .results(2)
            .await
            .into_iter()
            .map(|result| result.submission.unwrap().unit)
            .collect();
        units.sort();
        assert_eq!(units, ["H50", "H51"]);
        worker.stop().await;
    });
}

#[test]
fn an_id_that_another_unit_has_used_is_answered_as_a_duplicate() {
    on_each_server(|server| async move {
        let client = Client::new(&server.settings()).await;
        client.provide().await;
        let mut answers = Vec::new();
        for unit in ["H50", "H51"] {
            let subject = client.names().received(&bus::Unit::new(unit));
            let headers = bus::publish::headers("1/BC", "text/plain");
            let sent = client
                .jetstream()
                .publish_with_headers(subject, headers, little_report(1).into());
            answers.push(sent.await.unwrap().await.unwrap().duplicate);
        }
        // Whoever does not look at the answer loses the second report: the page of subjects warns of it.
        assert_eq!(answers, [false, true]);
        assert_eq!(client.count(&client.names().received_stream()).await, 1);
    });
}

#[test]
fn handing_in_where_nobody_listens_is_an_error() {
    on_each_server(|server| async move {
        let client = Client::new(&server.settings()).await;
        let submission = pb::ReportSubmission {
            content: "x".into(),
            ..Default::default()
        };
        let error = bus::submit(&client.connection, submission)
            .await
            .expect_err("no stream");
        assert_eq!(error.kind(), ErrorKind::Missing, "{error}");
    });
}

#[test]
fn results_carry_events_and_traces_on() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        let mut headers = HeaderMap::new();
        headers.insert("ce-id", "a/b c.d");
        headers.insert("ce-source", "/qlvb/stp");
        headers.insert("ce-time", "2024-04-05T01:02:03Z");
        headers.insert("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let subject = client.names().received(&bus::Unit::new("H50.1"));
        let stored = client
            .jetstream()
            .publish_with_headers(subject, headers, little_report(1).into())
            .await
            .unwrap();
        stored.await.unwrap();
        let worker = Worker::start(&settings);
        let message = client.take(&client.names().processed_stream(), 1).await.remove(0);
        assert!(
            message.subject.ends_with(".report.processed.H50.1.a/b%20c%2Ed"),
            "{}",
            message.subject
        );
        let headers = message.headers.as_ref().unwrap();
        let said = |name: &str| headers.get(name).unwrap().as_str();
        // Percent-encoded, as the binding wants it.
        assert_eq!(said("ce-id"), "a/b%20c.d");
        assert_eq!(said("ce-subject"), "a/b%20c.d");
        assert_eq!(said("ce-specversion"), "1.0");
        assert_eq!(said("ce-source"), "/baocao");
        assert_eq!(said("ce-datacontenttype"), "application/protobuf");
        assert!(said("ce-time").parse::<prost_types::Timestamp>().is_ok());
        assert_eq!(said("ce-type"), "vn.baocao.report.processed.v1");
        assert_eq!(said("Content-Type"), "application/protobuf");
        assert_eq!(said("Nats-Msg-Id"), message.subject.as_str());
        assert!(said("traceparent").starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        let result: pb::ReportProcessed = bus::client::from_payload(Some(headers), &message.payload).unwrap();
        let submission = result.submission.unwrap();
        assert_eq!(submission.source, "/qlvb/stp");
        assert_eq!(submission.unit, "H50.1");
        assert_eq!(submission.submitted_at.unwrap().to_string(), "2024-04-05T01:02:03Z");
        worker.stop().await;
    });
}

#[test]
fn an_event_may_have_all_in_its_payload() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        let event = |id: &str| {
            let event = serde_json::json!({
                "specversion": "1.0", "type": "vn.qlvb.report.issued", "source": "/qlvb/stp", "id": id,
                "time": "2024-04-05T01:02:03Z", "data": little_report(1), "datacontenttype": "text/plain",
            });
            event.to_string()
        };
        let publish = async |content_type: &str, payload: String| {
            let mut headers = HeaderMap::new();
            if !content_type.is_empty() {
                headers.insert("Content-Type", content_type);
            }
            let subject = client.names().received(&bus::Unit::new("H50.1"));
            let stored = client
                .jetstream()
                .publish_with_headers(subject, headers, payload.into());
            stored.await.unwrap().await.unwrap();
        };
        let ids = ["2", "báo cáo 1"];
        publish("application/cloudevents+json; charset=utf-8", event(ids[1])).await;
        publish("", event(ids[0])).await;
        publish("application/cloudevents+json", "{}".into()).await;
        let worker = Worker::start(&settings);
        let mut results = client.results(3).await;
        results.sort_by_key(|result| (result.status, result.submission.clone().unwrap().submission_id));
        for (result, id) in results.iter().zip(ids) {
            let submission = result.submission.as_ref().unwrap();
            assert_eq!(submission.submission_id, id);
            assert_eq!(submission.source, "/qlvb/stp");
            assert_eq!(submission.unit, "H50.1");
            assert_eq!(submission.submitted_at.unwrap().to_string(), "2024-04-05T01:02:03Z");
            assert_eq!(
                result.report.as_ref().unwrap().header.as_ref().unwrap().place,
                "Lâm Đồng"
            );
        }
        assert_eq!(results[2].refusal.as_ref().unwrap().reason, "malformed");
        worker.stop().await;
    });
}

#[test]
fn workers_that_start_together_agree() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let workers: Vec<Worker> = (0..4).map(|_| Worker::start(&settings)).collect();
        for worker in &workers {
            worker.until_ready().await;
        }
        let client = Client::new(&settings).await;
        assert_eq!(client.provide().await.drifts, []);
        for n in 0..20 {
            client.submit("H50", &n.to_string(), &little_report(n)).await;
        }
        client.until_all_is_done().await;
        assert_eq!(client.count(&client.names().processed_stream()).await, 20);
        for worker in workers {
            worker.stop().await;
        }
    });
}

#[test]
fn where_others_own_the_streams_nothing_is_made() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        settings.bus.provision = baocao::config::Provision::Never;
        let worker = Worker::start(&settings);
        let client = Client::new(&server.settings()).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(worker.is_alive() && !worker.health.is_ready(), "it waits");
        assert!(client.jetstream().get_stream("T0_RECEIVED").await.is_err());
        // Now the owner makes them.
        let mut owner = settings.clone();
        owner.bus.provision = baocao::config::Provision::Missing;
        Client::new(&owner).await.provide().await;
        worker.until_ready().await;
        worker.stop().await;
    });
}

/// Connects with settings changed, and says how that went.
async fn connects(server: &Server, change: impl Fn(&mut baocao::config::Bus)) -> Result<(), ErrorKind> {
    let mut settings = server.settings();
    change(&mut settings.bus);
    bus::connect(&settings.bus, "it").await.map(|_| ()).map_err(|error| {
        assert!(!error.to_string().contains("s3cret"), "{error}");
        error.kind()
    })
}

fn write(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn users_and_passwords_open_the_door() {
    on_each_server_with(&["--user", "clerk", "--pass", "s3cret"], |server| async move {
        let folder = tempfile::tempdir().unwrap();
        let file = write(folder.path(), "password", "s3cret\n");
        let login = |password: &str| {
            let password = password.to_owned();
            move |bus: &mut baocao::config::Bus| (bus.user, bus.password) = ("clerk".into(), password.clone())
        };
        assert_eq!(connects(&server, login("s3cret")).await, Ok(()));
        let by_file = connects(&server, |bus| {
            (bus.user, bus.password_file) = ("clerk".into(), file.clone())
        });
        assert_eq!(by_file.await, Ok(()));
        assert_eq!(connects(&server, login("s3cret?")).await, Err(ErrorKind::Unauthorized));
        assert_eq!(connects(&server, |_| ()).await, Err(ErrorKind::Unauthorized));
        // A worker says so at once, instead of knocking for ever.
        let ended = worker::run(server.settings(), std::future::pending()).await;
        assert!(matches!(ended, Err(worker::Error::Bus(error)) if error.kind() == ErrorKind::Unauthorized));
    });
}

#[test]
fn tokens_open_the_door() {
    on_each_server_with(&["--auth", "s3cret"], |server| async move {
        let folder = tempfile::tempdir().unwrap();
        let file = write(folder.path(), "token", "s3cret");
        assert_eq!(connects(&server, |bus| bus.token = "s3cret".into()).await, Ok(()));
        assert_eq!(connects(&server, |bus| bus.token_file = file.clone()).await, Ok(()));
        let wrong = connects(&server, |bus| bus.token = "s3cret?".into());
        assert_eq!(wrong.await, Err(ErrorKind::Unauthorized));
    });
}

/// What a worker needs where others own the streams, and nothing more.
const LEAST: &str = r#"
authorization {
  users = [
    { user: owner, password: o }
    { user: worker, password: w, permissions: {
        publish: [
          "$JS.API.CONSUMER.INFO.LEAST_RECEIVED.least-worker"
          "$JS.API.CONSUMER.MSG.NEXT.LEAST_RECEIVED.least-worker"
          "$JS.ACK.LEAST_RECEIVED.least-worker.>"
          "least.report.processed.>"
          "least.alert.>"
          "least.dead.>"
        ]
        subscribe: ["_INBOX.>"]
    } }
  ]
}
"#;

#[test]
fn a_worker_lives_on_the_least_permissions() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(folder.path(), "nats.conf", LEAST);
    let arguments: &'static [&'static str] = Box::leak(Box::new(["-c", config.leak()]));
    on_each_server_with(arguments, |server| async move {
        let mut owner = server.settings();
        owner.bus.prefix = "least".into();
        (owner.bus.user, owner.bus.password) = ("owner".into(), "o".into());
        let client = Client::new(&owner).await;
        client.provide().await;

        let mut settings = owner.clone();
        settings.bus.provision = baocao::config::Provision::Never;
        (settings.bus.user, settings.bus.password) = ("worker".into(), "w".into());
        let worker = Worker::start(&settings);
        client.submit("H50", "good", &little_report(1)).await;
        client.submit_raw("bad", "text/plain", vec![0xFF]).await;
        client.until_all_is_done().await;
        client.results(2).await;
        assert_eq!(client.count(&client.names().dead_stream()).await, 1);
        worker.stop().await;
    });
}
