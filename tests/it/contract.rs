//! What the worker relies on of JetStream and its client, measured anew on each server. When one
//! of these fails, the worker's promises do not hold on that server.

use std::time::{Duration, Instant};

use async_nats::jetstream::{AckKind, consumer};
use baocao::{
    bus::{
        self, Delivery, ErrorKind, Outgoing, Outlet, Published, Unit,
        delivery::Incoming,
        given_up::{GivenUp, Watched},
        publish,
    },
    config::Settings,
};
use futures::StreamExt;

use crate::harness::{Client, PATIENCE, Server, on_each_server, until};

async fn client(server: &Server) -> (Client, consumer::PullConsumer) {
    let client = Client::new(&server.settings()).await;
    let topology = client.provide().await;
    assert_eq!(topology.drifts, [], "read back as it was made");
    (client, topology.consumer)
}

/// The consumer as somebody may have made it who wants the server to give up.
pub async fn consumer_that_gives_up(client: &Client, max_deliver: i64) -> consumer::PullConsumer {
    client.provide().await;
    let (names, jetstream) = (client.names(), client.jetstream());
    let stream = names.received_stream();
    jetstream
        .delete_consumer_from_stream(names.consumer(), &stream)
        .await
        .unwrap();
    let config = consumer::pull::Config {
        max_deliver,
        ack_wait: Duration::from_secs(1),
        ..bus::topology::consumer_config(names, &Settings::default().worker)
    };
    jetstream.create_consumer_on_stream(config, stream).await.unwrap()
}

/// Pulls as the worker does, one message at a time.
async fn pull(consumer: &consumer::PullConsumer) -> consumer::pull::Stream {
    consumer.stream().max_messages_per_batch(1).messages().await.unwrap()
}

/// One message of the consumer.
async fn next(consumer: &consumer::PullConsumer) -> Incoming {
    take(consumer, 1).await.remove(0)
}

/// So many messages of the consumer.
async fn take(consumer: &consumer::PullConsumer, count: usize) -> Vec<Incoming> {
    let messages = pull(consumer).await.take(count);
    let taken = messages.map(|message| Incoming::new(message.unwrap()).unwrap());
    let taken = tokio::time::timeout(PATIENCE, taken.collect());
    taken.await.expect("messages")
}

/// What the server says of the consumer.
async fn consumer_info(client: &Client) -> consumer::Info {
    let (stream, consumer) = (client.names().received_stream(), client.names().consumer());
    let info = bus::topology::consumer_info(&client.connection, &stream, &consumer);
    info.await.unwrap()
}

#[test]
fn a_confirmed_ack_is_heard_and_empties_the_queue() {
    on_each_server(|server| async move {
        let (client, consumer) = client(&server).await;
        client.submit("H50", "1", "một").await;
        next(&consumer).await.confirm().await.unwrap();
        assert_eq!(client.count(&client.names().received_stream()).await, 0);
    });
}

#[test]
fn a_confirmed_term_is_heard_and_empties_the_queue() {
    on_each_server(|server| async move {
        let (client, consumer) = client(&server).await;
        client.submit("H50", "1", "một").await;
        next(&consumer).await.terminate().await.unwrap();
        assert_eq!(client.count(&client.names().received_stream()).await, 0);
    });
}

#[test]
fn an_ack_to_a_deleted_consumer_is_not_confirmed() {
    on_each_server(|server| async move {
        let (client, consumer) = client(&server).await;
        client.submit("H50", "1", "một").await;
        let incoming = next(&consumer).await;
        let stream = client.names().received_stream();
        client
            .jetstream()
            .delete_consumer_from_stream(client.names().consumer(), &stream)
            .await
            .unwrap();
        let error = incoming.confirm().await.expect_err("nobody heard it");
        assert_eq!(error.kind(), ErrorKind::Missing, "{error}");
        assert_eq!(client.count(&stream).await, 1, "the report is still there");
    });
}

#[test]
fn a_subject_takes_one_message_for_ever() {
    on_each_server(|server| async move {
        let (client, _) = client(&server).await;
        let unit = Unit::new("H50");
        let message = |submission: &str, id: &str| Outgoing {
            subject: client.names().processed(&unit, submission),
            headers: publish::headers(id, "application/protobuf"),
            payload: "x".into(),
            replaces: None,
        };
        let outlet = &client.connection;
        let publish = async |submission, id| outlet.publish_once(&message(submission, id)).await.unwrap();
        assert_eq!(publish("1", "a").await, Published::Stored);
        assert_eq!(publish("1", "a").await, Published::AlreadyThere, "same id");
        assert_eq!(
            publish("1", "b").await,
            Published::AlreadyThere,
            "another id, as after the window"
        );
        assert_eq!(publish("2", "c").await, Published::Stored, "another subject");
        assert_eq!(client.count(&client.names().processed_stream()).await, 2);
    });
}

#[test]
fn a_nak_delays_by_what_it_says() {
    on_each_server(|server| async move {
        let (client, consumer) = client(&server).await;
        client.submit("H50", "1", "một").await;
        let first = next(&consumer).await;
        let asked = Instant::now();
        first.retry_after(Duration::from_millis(700)).await.unwrap();
        let second = next(&consumer).await;
        let waited = asked.elapsed();
        assert_eq!(second.meta().deliveries, 2);
        assert!(waited >= Duration::from_millis(650), "{waited:?}");
        // Sooner than ack_wait (3 s): it was the nak.
        assert!(waited < Duration::from_millis(2500), "{waited:?}");
    });
}

#[test]
fn progress_puts_off_the_next_delivery() {
    on_each_server(|server| async move {
        let (client, consumer) = client(&server).await;
        client.submit("H50", "1", "một").await;
        let incoming = next(&consumer).await;
        let mut others = consumer.stream().max_messages_per_batch(1).messages().await.unwrap();
        let began = Instant::now();
        // Past ack_wait (3 s), with a word every second.
        while began.elapsed() < Duration::from_millis(4500) {
            incoming.working().await.unwrap();
            let other = tokio::time::timeout(Duration::from_secs(1), others.next()).await;
            assert!(other.is_err(), "delivered again after {:?}", began.elapsed());
        }
        let again = tokio::time::timeout(PATIENCE, others.next()).await;
        assert!(again.is_ok(), "delivered again without a word");
    });
}

#[test]
fn a_pull_for_one_message_takes_one() {
    on_each_server(|server| async move {
        let (client, consumer) = client(&server).await;
        for n in 0..5 {
            client.submit("H50", &n.to_string(), "một").await;
        }
        let _held = next(&consumer).await;
        let info = consumer.get_info().await.unwrap();
        assert_eq!((info.num_ack_pending, info.num_pending), (1, 4));
    });
}

#[test]
fn nothing_is_asked_for_before_somebody_waits() {
    on_each_server(|server| async move {
        let (client, consumer) = client(&server).await;
        client.submit("H50", "1", "một").await;
        let mut messages = pull(&consumer).await;
        let info = consumer.get_info().await.unwrap();
        assert_eq!((info.num_waiting, info.num_pending), (0, 1));
        messages.next().await.unwrap().unwrap();
        // One was asked for, and the next one is not before somebody waits for it.
        client.submit("H50", "2", "hai").await;
        assert_eq!(consumer.get_info().await.unwrap().num_pending, 1);
    });
}

#[test]
fn a_message_that_comes_after_idle_heartbeats_is_heard() {
    on_each_server(|server| async move {
        let (client, consumer) = client(&server).await;
        let heartbeat = Duration::from_millis(500);
        let mut messages = consumer
            .stream()
            .max_messages_per_batch(1)
            .expires(2 * PATIENCE)
            .heartbeat(heartbeat)
            .messages()
            .await
            .unwrap();
        let early = tokio::time::timeout(3 * heartbeat, messages.next()).await;
        assert!(early.is_err(), "the server is there, and has nothing: {early:?}");
        client.submit("H50", "1", "một").await;
        let message = tokio::time::timeout(PATIENCE, messages.next()).await;
        message.expect("before the request expires").unwrap().unwrap();
    });
}

#[test]
fn a_server_that_is_silent_is_noticed_by_its_heartbeats() {
    on_each_server(|mut server| async move {
        let (_client, consumer) = client(&server).await;
        let messages = consumer.stream().max_messages_per_batch(1).expires(2 * PATIENCE);
        let mut messages = messages.heartbeat(Duration::from_millis(500)).messages().await.unwrap();
        let waiting = tokio::time::timeout(PATIENCE, messages.next());
        let (error, ()) = tokio::join!(waiting, async { server.stop() });
        let error = error.expect("not only when the request expires").unwrap().unwrap_err();
        assert_eq!(
            error.kind(),
            consumer::pull::MessagesErrorKind::MissingHeartbeat,
            "{error}"
        );
    });
}

#[test]
fn the_time_of_a_delivery_runs_on_the_first_delay_of_the_schedule() {
    on_each_server(|server| async move {
        let client = Client::new(&server.settings()).await;
        client.provide().await;
        let (names, jetstream) = (client.names(), client.jetstream());
        let stream = names.received_stream();
        let deleted = jetstream.delete_consumer_from_stream(names.consumer(), &stream).await;
        deleted.unwrap();
        let config = consumer::pull::Config {
            backoff: vec![Duration::from_secs(1), Duration::from_secs(30)],
            max_deliver: 5,
            ..bus::topology::consumer_config(names, &Settings::default().worker)
        };
        let consumer = jetstream.create_consumer_on_stream(config, stream).await.unwrap();
        client.submit("H50", "1", "một").await;
        let began = Instant::now();
        next(&consumer).await;
        let again = next(&consumer).await;
        assert_eq!(again.meta().deliveries, 2);
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        // So that is what heartbeats have to beat.
        let heartbeat = client.provide().await.heartbeat();
        assert!(heartbeat < Duration::from_millis(500), "{heartbeat:?}");
    });
}

#[test]
fn a_queue_takes_no_second_consumer() {
    // So it is looked through message by message, and no operator's tool reads along.
    on_each_server(|server| async move {
        let (client, _) = client(&server).await;
        let config = consumer::pull::Config {
            durable_name: Some("another".into()),
            ..Default::default()
        };
        let stream = client.names().received_stream();
        let created = client.jetstream().create_consumer_on_stream(config, stream).await;
        created.expect_err("there is one that takes all");
    });
}

#[test]
fn what_was_sent_while_no_server_was_there_is_stored_once() {
    on_each_server(|mut server| async move {
        let (client, _) = client(&server).await;
        let message = || Outgoing {
            subject: client.names().processed(&Unit::new("H50"), "s"),
            headers: publish::headers("the same", "application/protobuf"),
            payload: "x".into(),
            replaces: None,
        };
        server.stop();
        let error = client
            .connection
            .publish_once(&message())
            .await
            .expect_err("nobody hears it");
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        server.start_again();
        until(async || client.connection.is_connected()).await;
        // The client has kept it and sends it now, unasked.
        let processed = client.names().processed_stream();
        until(async || client.count(&processed).await == 1).await;
        let again = client.connection.publish_once(&message()).await.unwrap();
        assert_eq!(again, Published::AlreadyThere);
        assert_eq!(client.count(&processed).await, 1);
    });
}

#[test]
fn what_cannot_be_stored_is_told_by_its_reason() {
    on_each_server(|server| async move {
        let (client, _) = client(&server).await;
        let (names, jetstream) = (client.names(), client.jetstream());
        let publish = async |submission: &str, size: usize| {
            let message = Outgoing {
                subject: names.processed(&Unit::new("H50"), submission),
                headers: publish::headers(submission, "application/protobuf"),
                payload: vec![b'x'; size].into(),
                replaces: None,
            };
            client
                .connection
                .publish_once(&message)
                .await
                .map_err(|error| error.kind())
        };
        let largest = client.connection.max_message();
        assert_eq!(
            publish("large", largest).await,
            Err(ErrorKind::TooLarge),
            "and never sent"
        );
        let processed = names.processed_stream();
        let mut config = client.stream_info(&processed).await.config;
        config.max_messages = 1;
        config.discard = async_nats::jetstream::stream::DiscardPolicy::New;
        jetstream.update_stream(config).await.unwrap();
        assert_eq!(publish("1", 1).await, Ok(Published::Stored));
        assert_eq!(publish("2", 1).await, Err(ErrorKind::Full));
        jetstream.delete_stream(&processed).await.unwrap();
        assert_eq!(publish("3", 1).await, Err(ErrorKind::Missing));
    });
}

#[test]
fn what_is_not_there_is_said_to_be_missing() {
    on_each_server(|server| async move {
        let (client, _) = client(&server).await;
        let (names, connection) = (client.names(), &client.connection);
        let received = names.received_stream();
        let deleted = client
            .jetstream()
            .delete_consumer_from_stream(names.consumer(), &received);
        deleted.await.unwrap();
        let consumer = bus::topology::consumer_info(connection, &received, &names.consumer()).await;
        assert_eq!(consumer.unwrap_err().kind(), ErrorKind::Missing);
        client.jetstream().delete_stream(&received).await.unwrap();
        let stream = bus::topology::stream_info(connection, &received).await;
        assert_eq!(stream.unwrap_err().kind(), ErrorKind::Missing);
    });
}

#[test]
fn a_late_ack_of_an_earlier_delivery_counts() {
    // An ack that was on its way while the message was delivered again must not be taken for a
    // failure: the message is gone, and that is what was asked for.
    on_each_server(|server| async move {
        let (client, consumer) = client(&server).await;
        client.submit("H50", "1", "một").await;
        let first = next(&consumer).await;
        first.retry_after(Duration::from_millis(50)).await.unwrap();
        let _second = next(&consumer).await;
        first.confirm().await.unwrap();
        assert_eq!(client.count(&client.names().received_stream()).await, 0);
    });
}

#[test]
fn what_exists_is_left_alone_and_what_differs_is_said() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        let before = Client::new(&settings).await;
        before.provide().await;
        settings.worker.ack_wait_seconds = 77;
        settings.bus.keep_days = 5;
        let after = Client::new(&settings).await.provide().await;
        let mut fields: Vec<&str> = after.drifts.iter().map(|drift| drift.field).collect();
        fields.sort_unstable();
        fields.dedup();
        assert_eq!(fields, ["ack_wait", "max_age"], "{:?}", after.drifts);
        assert_eq!(
            after.consumer.cached_info().config.ack_wait,
            Duration::from_secs(3),
            "not changed"
        );
    });
}

#[test]
fn what_the_server_gives_up_is_announced_once_and_found_later() {
    on_each_server(|server| async move {
        let client = Client::new(&server.settings()).await;
        let consumer = consumer_that_gives_up(&client, 1).await;
        let watched = Watched::new(&client.connection, consumer.cached_info());
        assert!(watched.gives_up());
        let mut advisories = watched.advisories().await.unwrap();
        for n in 0..3 {
            client.submit("H50", &n.to_string(), "một").await;
        }
        next(&consumer).await.confirm().await.unwrap();
        let _held = next(&consumer).await;
        next(&consumer).await.confirm().await.unwrap();
        assert!(watched.look().await.unwrap().is_empty(), "its time is not over");
        // The moment at which it would be delivered again, and somebody asks.
        let mut asking = consumer.stream().max_messages_per_batch(1).messages().await.unwrap();
        let advisory = tokio::select! {
            advisory = tokio::time::timeout(PATIENCE, advisories.next()) => advisory.expect("an advisory").unwrap(),
            message = asking.next() => panic!("delivered again: {message:?}"),
        };
        let announced = watched
            .of_advisory(&advisory.payload)
            .await
            .unwrap()
            .expect("there still");
        let found = watched.look().await.unwrap();
        let sequences: Vec<u64> = found.iter().map(|given_up| given_up.meta().sequence).collect();
        assert_eq!(sequences, [announced.meta().sequence]);
        announced.terminate().await.unwrap();
        assert!(watched.look().await.unwrap().is_empty());
        assert!(watched.of_advisory(&advisory.payload).await.unwrap().is_none());
        assert_eq!(client.count(&client.names().received_stream()).await, 0);
    });
}

#[test]
fn a_server_of_2_9_that_is_killed_brings_back_what_it_had_confirmed() {
    const COUNT: usize = 100;
    on_each_server(|mut server| async move {
        let mut brought_back = 0;
        for _ in 0..3 {
            let settings = server.settings();
            let client = Client::new(&settings).await;
            let consumer = client.provide().await.consumer;
            for n in 0..COUNT {
                client.submit("H50", &n.to_string(), "một").await;
            }
            // Every other one, so that the stream has holes.
            for n in 0..COUNT {
                let message = next(&consumer).await;
                if n % 2 == 0 {
                    message.confirm().await.unwrap();
                }
            }
            let stream = client.names().received_stream();
            let unconfirmed = client.count(&stream).await;
            server.stop();
            server.start_again();
            let client = Client::new(&settings).await;
            brought_back += client.count(&stream).await - unconfirmed;
            // What the consumer has forgotten comes again; what it remembers to be done lies in the queue for ever,
            // unless it is looked for.
            let left = confirm_what_comes(&client).await;
            assert_eq!(left.len() as u64, client.count(&stream).await);
            for message in &left {
                message.confirm().await.unwrap();
            }
            assert_eq!(client.count(&stream).await, 0);
            eprintln!(
                "{brought_back} came back so far, {} of the last ones to nobody",
                left.len()
            );
        }
        let is_old = Client::new(&server.settings()).await.is_of("2.9.");
        assert_eq!(brought_back > 0, is_old, "{brought_back} are back");
    });
}

/// Confirms all that the server delivers; what is left then.
async fn confirm_what_comes(client: &Client) -> Vec<GivenUp> {
    let info = consumer_info(client).await;
    let watched = Watched::new(&client.connection, &info);
    assert!(!watched.gives_up());
    let stream = client.names().received_stream();
    let consumer = client.jetstream().get_consumer_from_stream(&info.name, &stream).await;
    let mut messages = pull(&consumer.unwrap()).await;
    loop {
        let info = consumer_info(client).await;
        if info.num_pending == 0 && info.num_ack_pending == 0 {
            return watched.look().await.unwrap();
        }
        let message = tokio::time::timeout(Duration::from_millis(200), messages.next()).await;
        if let Ok(Some(message)) = message {
            Incoming::new(message.unwrap()).unwrap().confirm().await.unwrap();
        }
    }
}

#[test]
fn the_ack_kinds_are_those_the_server_knows() {
    // The client writes them; the server of 2.9 understands no TERM with a reason.
    assert_eq!(bytes::Bytes::from(AckKind::Term), "+TERM");
    assert_eq!(bytes::Bytes::from(AckKind::Progress), "+WPI");
}
