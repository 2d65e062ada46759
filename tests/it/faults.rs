//! Workers that die, servers that vanish, streams that are deleted: nothing lost, nothing twice.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use baocao::{
    bus::{Outgoing, Outlet, Unit, publish},
    worker::handle::End,
};

use crate::harness::{Client, PATIENCE, Worker, WorkerProcess, little_report, on_each_server};

/// Hands in reports with ids 0, 1, 2 and so on.
async fn submit_many(client: &Client, ids: std::ops::Range<usize>) {
    for n in ids {
        client.submit("H50.1", &n.to_string(), &little_report(n)).await;
    }
}

/// Each of the ids has one result, and there is no other.
async fn expect_results(client: &Client, count: usize) {
    client.until_all_is_done().await;
    let results = client.results(count).await;
    let ids: BTreeSet<usize> = results
        .iter()
        .map(|result| result.submission.as_ref().unwrap().submission_id.parse().unwrap())
        .collect();
    assert_eq!(ids, (0..count).collect());
    assert_eq!(client.count(&client.names().processed_stream()).await, count as u64);
    assert_eq!(client.count(&client.names().dead_stream()).await, 0);
}

#[test]
fn a_worker_killed_in_the_middle_loses_nothing_and_repeats_nothing() {
    on_each_server(|server| async move {
        const COUNT: usize = 200;
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        submit_many(&client, 0..COUNT).await;
        for done in [20, 80, 140] {
            let worker = WorkerProcess::start(&settings);
            // In the middle: some are done, some are in its hands, most wait.
            client.results(done).await;
            worker.kill();
            let waiting = client.count(&client.names().received_stream()).await;
            assert!(waiting > 0, "killed too late to mean anything");
            eprintln!("killed with {waiting} of {COUNT} not acknowledged");
        }
        let _last = WorkerProcess::start(&settings);
        expect_results(&client, COUNT).await;
    });
}

#[test]
fn sigterm_drains_and_exits_with_0() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        // So long that nothing may depend on it: what the first worker has in its hands is done or
        // given back, else the second would have to wait for it.
        settings.worker.ack_wait_seconds = 2 * PATIENCE.as_secs();
        let client = Client::new(&settings).await;
        client.provide().await;
        submit_many(&client, 0..60).await;
        let mut first = WorkerProcess::start(&settings);
        client.results(5).await;
        let status = tokio::task::spawn_blocking(move || first.terminate()).await.unwrap();
        assert_eq!(status.code(), Some(0));
        let _second = WorkerProcess::start(&settings);
        expect_results(&client, 60).await;
    });
}

#[test]
fn a_server_that_comes_back_finds_the_worker_at_work() {
    on_each_server(|mut server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        let worker = Worker::start(&settings);
        worker.until_ready().await;
        submit_many(&client, 0..30).await;
        client.results(3).await;
        server.stop();
        let unready = async {
            while worker.health.is_ready() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), unready)
            .await
            .expect("readiness says that the server is away");
        server.start_again();
        let client = Client::new(&settings).await;
        submit_many(&client, 30..60).await;
        expect_results(&client, 60).await;
        worker.until_ready().await;
        worker.stop().await;
    });
}

#[test]
fn restarts_cost_less_than_ten_seconds_each() {
    on_each_server(|mut server| async move {
        let settings = server.settings();
        let worker = Worker::start(&settings);
        worker.until_ready().await;
        for round in 0..4 {
            let began = Instant::now();
            server.stop();
            server.start_again();
            let client = Client::new(&settings).await;
            submit_many(&client, round * 5..round * 5 + 5).await;
            client.until_all_is_done().await;
            let took = began.elapsed();
            eprintln!("round {round}: {took:.1?}");
            assert!(took < Duration::from_secs(10), "round {round} took {took:?}");
        }
        let client = Client::new(&settings).await;
        expect_results(&client, 20).await;
        worker.stop().await;
    });
}

#[test]
fn a_worker_waits_for_a_server_that_is_not_there_yet() {
    on_each_server(|mut server| async move {
        let settings = server.settings();
        server.stop();
        let worker = Worker::start(&settings);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(worker.is_alive() && !worker.health.is_ready());
        server.start_again();
        worker.until_ready().await;
        let client = Client::new(&settings).await;
        submit_many(&client, 0..3).await;
        expect_results(&client, 3).await;
        worker.stop().await;
    });
}

#[test]
fn what_is_deleted_is_made_again() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let worker = Worker::start(&settings);
        worker.until_ready().await;
        let client = Client::new(&settings).await;
        let (names, jetstream) = (client.names(), client.jetstream());
        submit_many(&client, 0..5).await;
        client.results(5).await;

        // The consumer.
        jetstream
            .delete_consumer_from_stream(names.consumer(), names.received_stream())
            .await
            .unwrap();
        submit_many(&client, 5..10).await;
        client.results(10).await;

        // The stream of results: what it held is gone, what comes is stored again.
        jetstream.delete_stream(names.processed_stream()).await.unwrap();
        submit_many(&client, 10..15).await;
        client.until_all_is_done().await;
        client.results(5).await;

        // The stream of reports, consumer and all.
        jetstream.delete_stream(names.received_stream()).await.unwrap();
        let made_again = async {
            while jetstream.get_stream(names.received_stream()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), made_again)
            .await
            .expect("made again");
        submit_many(&client, 15..20).await;
        client.results(10).await;
        worker.stop().await;
    });
}

/// Waits until the worker says that it is ready, or that it is not.
async fn until_readiness_is(worker: &Worker, wanted: bool) {
    let changed = async {
        while worker.health.is_ready() != wanted {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), changed).await;
    assert!(in_time.is_ok(), "{}", worker.health);
}

#[test]
fn readiness_says_when_an_output_is_gone() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        let owner = Client::new(&settings).await;
        owner.provide().await;
        // Others own the streams, so it can only wait; and nothing comes in that would tell it.
        settings.bus.provision = baocao::config::Provision::Never;
        let worker = Worker::start(&settings);
        worker.until_ready().await;
        let alerts = owner.names().alerts_stream();
        owner.jetstream().delete_stream(&alerts).await.unwrap();
        until_readiness_is(&worker, false).await;
        owner.provide().await;
        until_readiness_is(&worker, true).await;
        worker.stop().await;
    });
}

#[test]
fn readiness_says_when_nothing_can_go_out() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        let worker = Worker::start(&settings);
        worker.until_ready().await;
        // A stream that is full, and takes nothing more.
        let limit = async |max_messages| {
            let info = client.stream_info(&client.names().processed_stream()).await;
            let full = async_nats::jetstream::stream::Config {
                max_messages,
                discard: async_nats::jetstream::stream::DiscardPolicy::New,
                ..info.config
            };
            client.jetstream().update_stream(full).await.unwrap();
        };
        submit_many(&client, 0..1).await;
        client.results(1).await;
        limit(1).await;
        submit_many(&client, 1..2).await;
        until_readiness_is(&worker, false).await;
        limit(-1).await;
        expect_results(&client, 2).await;
        until_readiness_is(&worker, true).await;
        worker.stop().await;
    });
}

#[test]
fn a_report_whose_result_is_there_is_acknowledged_without_a_second() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        // As if a worker had died between the result and the acknowledgement.
        let result = Outgoing {
            subject: client.names().processed(&Unit::new("H50.1"), "0"),
            headers: publish::headers("from long ago", "application/protobuf"),
            payload: "the first result".into(),
            replaces: None,
        };
        client.connection.publish_once(result).await.unwrap();
        submit_many(&client, 0..1).await;
        let worker = Worker::start(&settings);
        client.until_all_is_done().await;
        let results = client.take(&client.names().processed_stream(), 1).await;
        assert_eq!(results[0].payload, "the first result");
        assert_eq!(client.count(&client.names().processed_stream()).await, 1);
        let summary = worker.stop().await;
        assert_eq!(summary.count(End::AlreadyDone), 1, "{summary}");
    });
}

#[test]
fn the_same_submission_twice_has_one_result() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        // No Nats-Msg-Id, so that the server cannot know.
        client.submit_raw("twin", "text/plain", little_report(1).into()).await;
        client.submit_raw("twin", "text/plain", little_report(1).into()).await;
        let worker = Worker::start(&settings);
        client.until_all_is_done().await;
        assert_eq!(client.count(&client.names().processed_stream()).await, 1);
        worker.stop().await;
    });
}

#[test]
fn a_report_delivered_too_often_becomes_a_dead_letter_unread() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        settings.worker.max_deliver = 2;
        let client = Client::new(&settings).await;
        let consumer = client.provide().await.consumer;
        client.submit("H50.1", "pill", &little_report(1)).await;
        // Two workers took it, and neither said a word.
        for _ in 0..2 {
            let mut messages = consumer.fetch().max_messages(1).messages().await.unwrap();
            use baocao::bus::Delivery;
            use futures::StreamExt;
            let message = match messages.next().await {
                Some(message) => message.unwrap(),
                None => {
                    let mut messages = consumer.stream().max_messages_per_batch(1).messages().await.unwrap();
                    messages.next().await.unwrap().unwrap()
                }
            };
            let incoming = baocao::bus::delivery::Incoming::new(message).unwrap();
            incoming.retry_after(Duration::from_millis(10)).await.unwrap();
        }
        let worker = Worker::start(&settings);
        client.until_all_is_done().await;
        let results = client.results(1).await;
        assert_eq!(results[0].refusal.as_ref().unwrap().reason, "poisonous");
        let letters = client.take(&client.names().dead_stream(), 1).await;
        let headers = letters[0].headers.as_ref().unwrap();
        let said = |name: &str| headers.get(name).unwrap().as_str().to_owned();
        assert_eq!(said("Baocao-Dead-Reason"), "poisonous");
        assert_eq!(said("Baocao-Dead-Stage"), "delivery");
        assert_eq!(said("Baocao-Dead-Deliveries"), "3");
        assert_eq!(said("Baocao-Dead-Submission"), "pill");
        let summary = worker.stop().await;
        assert_eq!(summary.count(End::GivenUp), 1, "{summary}");
    });
}

#[test]
fn a_report_that_kills_the_worker_is_put_away_alone() {
    on_each_server(|server| async move {
        const INNOCENT: usize = 20;
        let mut settings = server.settings();
        settings.worker.ack_wait_seconds = 1;
        let client = Client::new(&settings).await;
        client.provide().await;
        submit_many(&client, 0..INNOCENT / 2).await;
        client.submit("pill", "pill", &little_report(1)).await;
        submit_many(&client, INNOCENT / 2..INNOCENT).await;
        let mut worker = WorkerProcess::start_mortal(&settings);
        let mut deaths = 0;
        let done = async {
            while client.count(&client.names().received_stream()).await > 0 {
                if worker.is_dead() {
                    deaths += 1;
                    worker = WorkerProcess::start_mortal(&settings);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, done).await.expect("all is done");
        assert_eq!(deaths, settings.worker.max_deliver);
        assert!(!worker.is_dead());
        let results = client.results(INNOCENT + 1).await;
        assert_eq!(
            client.count(&client.names().processed_stream()).await,
            INNOCENT as u64 + 1
        );
        let refused: Vec<&str> = results
            .iter()
            .filter(|result| result.refusal.is_some())
            .map(|result| result.submission.as_ref().unwrap().submission_id.as_str())
            .collect();
        assert_eq!(refused, ["pill"], "those that stood beside it are read");
        assert_eq!(client.count(&client.names().dead_stream()).await, 1);
    });
}
