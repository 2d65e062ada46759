//! Workers that die, servers that vanish, streams that are deleted: nothing lost, nothing twice.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use baocao::{
    bus::{Outgoing, Outlet, Unit, dead, publish},
    config::Settings,
    worker::handle::End,
};
use futures::StreamExt;

use crate::{
    cluster,
    contract::consumer_that_gives_up,
    harness::{Client, PATIENCE, Server, Worker, WorkerProcess, little_report, on_each_server, on_each_server_with},
};

/// Hands in reports with ids 0, 1, 2 and so on.
async fn submit_many(client: &Client, ids: std::ops::Range<usize>) {
    for n in ids {
        client.submit("H50.1", &n.to_string(), &little_report(n)).await;
    }
}

/// Each of the ids has one result, there is no other, and nothing waits.
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
fn what_a_server_brings_back_that_was_killed_at_work_is_settled() {
    on_each_server(|mut server| async move {
        const COUNT: usize = 120;
        let settings = server.settings();
        let mut client = Client::new(&settings).await;
        client.provide().await;
        let worker = Worker::start(&settings);
        for round in 1..=3 {
            let all = round * COUNT;
            let submitter = Client::new(&settings).await;
            let submitting = tokio::spawn(async move { cluster::submit(&submitter, all - COUNT..all).await });
            // In the middle, when some are acknowledged and some are not.
            client.results(all - COUNT / 2).await;
            server.stop();
            server.start_again();
            client = Client::new(&settings).await;
            submitting.await.unwrap();
            // An old server has messages back in its stream whose acknowledgement it had confirmed, and delivers them
            // to nobody.
            expect_results(&client, all).await;
        }
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
        client.connection.publish_once(&result).await.unwrap();
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
        let deaths = until_done_by_mortals(&client, &settings).await;
        assert_eq!(deaths, settings.worker.max_deliver);
        expect_only_the_pill_dead(&client, INNOCENT).await;
    });
}

/// Works until nothing waits, with a new worker process whenever a report has killed the last one; how often that was.
async fn until_done_by_mortals(client: &Client, settings: &Settings) -> i64 {
    let mut worker = WorkerProcess::start_mortal(settings);
    let mut deaths = 0;
    let done = async {
        while client.count(&client.names().received_stream()).await > 0 {
            if worker.is_dead() {
                deaths += 1;
                worker = WorkerProcess::start_mortal(settings);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.expect("all is done");
    assert!(!worker.is_dead());
    deaths
}

async fn expect_only_the_pill_dead(client: &Client, innocent: usize) {
    let results = client.results(innocent + 1).await;
    assert_eq!(
        client.count(&client.names().processed_stream()).await,
        innocent as u64 + 1
    );
    let refused: Vec<&str> = results
        .iter()
        .filter(|result| result.refusal.is_some())
        .map(|result| result.submission.as_ref().unwrap().submission_id.as_str())
        .collect();
    assert_eq!(refused, ["pill"], "those that stood beside it are read");
    assert_eq!(client.count(&client.names().dead_stream()).await, 1);
}

#[test]
fn where_the_server_gives_up_after_three_times_so_does_the_worker() {
    on_each_server(|server| async move {
        const INNOCENT: usize = 20;
        let settings = server.settings();
        let client = Client::new(&settings).await;
        consumer_that_gives_up(&client, 3).await;
        submit_many(&client, 0..INNOCENT / 2).await;
        client.submit("pill", "pill", &little_report(1)).await;
        submit_many(&client, INNOCENT / 2..INNOCENT).await;
        assert_eq!(until_done_by_mortals(&client, &settings).await, 3);
        expect_only_the_pill_dead(&client, INNOCENT).await;
        let letters = client.take(&client.names().dead_stream(), 1).await;
        let said = |name: &str| letters[0].headers.as_ref().unwrap().get(name).unwrap().to_string();
        assert_eq!(said("Baocao-Dead-Submission"), "pill");
        assert_eq!(said("Baocao-Dead-Deliveries"), "3");
        assert_eq!(letters[0].payload.len(), dead_content(&client).await, "as it came");
    });
}

/// How long the content of the one dead letter is, read as an operator would.
async fn dead_content(client: &Client) -> usize {
    let letters = dead::letters(&client.connection, &dead::Selection::default())
        .await
        .unwrap();
    dead::content(&client.connection, &letters[0]).await.unwrap().len()
}

#[test]
fn what_the_server_gave_up_while_no_worker_was_there_is_found() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        let consumer = consumer_that_gives_up(&client, 1).await;
        submit_many(&client, 0..1).await;
        let mut messages = consumer.stream().max_messages_per_batch(1).messages().await.unwrap();
        let _unanswered = messages.next().await.unwrap().unwrap();
        // Its time passes while somebody asks, and nobody hears that it is given up.
        let given_up = async {
            while consumer.get_info().await.unwrap().num_ack_pending > 0 {
                let _ = tokio::time::timeout(Duration::from_millis(100), messages.next()).await;
            }
        };
        tokio::time::timeout(PATIENCE, given_up).await.expect("given up");
        let worker = Worker::start(&settings);
        client.until_all_is_done().await;
        assert_eq!(client.results(1).await[0].refusal.as_ref().unwrap().reason, "poisonous");
        assert_eq!(client.count(&client.names().dead_stream()).await, 1);
        worker.stop().await;
    });
}

#[test]
fn readiness_says_when_the_consumer_is_gone() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        let owner = Client::new(&settings).await;
        owner.provide().await;
        settings.bus.provision = baocao::config::Provision::Never;
        let worker = Worker::start(&settings);
        worker.until_ready().await;
        let (names, jetstream) = (owner.names(), owner.jetstream());
        jetstream
            .delete_consumer_from_stream(names.consumer(), names.received_stream())
            .await
            .unwrap();
        until_readiness_is(&worker, false).await;
        owner.provide().await;
        until_readiness_is(&worker, true).await;
        jetstream.delete_stream(names.received_stream()).await.unwrap();
        until_readiness_is(&worker, false).await;
        owner.provide().await;
        until_readiness_is(&worker, true).await;
        submit_many(&owner, 0..3).await;
        expect_results(&owner, 3).await;
        worker.stop().await;
    });
}

#[test]
fn a_consumer_changed_under_the_worker_is_left_as_it_is_and_worked_with() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        let worker = Worker::start(&settings);
        worker.until_ready().await;
        let (names, jetstream) = (client.names(), client.jetstream());
        let changed = async_nats::jetstream::consumer::pull::Config {
            ack_wait: Duration::from_secs(77),
            ..baocao::bus::topology::consumer_config(names, &settings.worker)
        };
        jetstream
            .create_consumer_on_stream(changed, names.received_stream())
            .await
            .unwrap();
        submit_many(&client, 0..5).await;
        expect_results(&client, 5).await;
        worker.stop().await;
        let next = Worker::start(&settings);
        next.until_ready().await;
        let drifts = client.provide().await.drifts;
        assert_eq!(drifts.len(), 1, "{drifts:?}");
        assert_eq!((drifts[0].field, drifts[0].found.as_str()), ("ack_wait", "77s"));
        next.stop().await;
    });
}

#[test]
fn a_permission_that_is_lost_is_noticed_and_one_that_comes_back_too() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("nats.conf");
    let write = |may_publish: &str| {
        let users = format!(
            "accounts {{ A {{ jetstream: enabled, users: [\n  {{ user: owner, password: o }}\n  {{ user: worker, password: \
             w, permissions: {{ publish: [{may_publish}], subscribe: [\"_INBOX.>\"] }} }}\n] }} }}\n"
        );
        std::fs::write(&config, users).unwrap();
    };
    write("\">\"");
    let arguments: &'static [&'static str] = Box::leak(Box::new(["-c", config.to_str().unwrap().to_owned().leak()]));
    on_each_server_with(arguments, |mut server| {
        let write = &write;
        async move {
            let mut settings = server.settings();
            (settings.bus.user, settings.bus.password) = ("owner".into(), "o".into());
            let client = Client::new(&settings).await;
            client.provide().await;
            (settings.bus.user, settings.bus.password) = ("worker".into(), "w".into());
            let worker = Worker::start(&settings);
            worker.until_ready().await;
            // All but the results.
            write("\"$JS.>\", \"*.alert.>\", \"*.dead.>\"");
            let is_old = client.is_of("2.9.");
            // An old server that reads its accounts again loses the subjects of their streams.
            let read_again = |server: &mut Server| match is_old {
                true => {
                    server.stop();
                    server.start_again();
                }
                false => server.reload(),
            };
            read_again(&mut server);
            // A reload may take JetStream away for a moment.
            cluster::submit(&client, 0..3).await;
            until_readiness_is(&worker, false).await;
            write("\">\"");
            read_again(&mut server);
            until_readiness_is(&worker, true).await;
            expect_results(&client, 3).await;
            worker.stop().await;
        }
    });
}

#[test]
fn a_server_without_room_is_waited_for() {
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), "jetstream { max_file_store: 4MB }\n").unwrap();
    let path: &'static str = config.path().to_str().unwrap().to_owned().leak();
    on_each_server_with(Box::leak(Box::new(["-c", path])), |server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        submit_many(&client, 0..3).await;
        // Small steps, so that nothing else fits in, either, when it is full.
        let filler = async_nats::jetstream::stream::Config {
            name: "FILLER".into(),
            subjects: vec!["filler".into()],
            ..Default::default()
        };
        let filler = client.jetstream().create_stream(filler).await.unwrap();
        for size in [256 * 1024, 16 * 1024, 64] {
            let full = async || {
                let sent = client.jetstream().publish("filler", vec![0; size].into()).await;
                sent.unwrap().await.is_err()
            };
            while !full().await {}
        }
        let worker = Worker::start(&settings);
        until_readiness_is(&worker, false).await;
        filler.purge().await.unwrap();
        expect_results(&client, 3).await;
        until_readiness_is(&worker, true).await;
        worker.stop().await;
    });
}
