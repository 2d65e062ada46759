//! What the worker relies on of JetStream and its client, measured anew on each server. When one
//! of these fails, the worker's promises do not hold on that server.

use std::time::{Duration, Instant};

use async_nats::jetstream::{AckKind, consumer};
use baocao::{
    bus::{
        self, Delivery, ErrorKind, Outgoing, Outlet, Published, Unit, delivery::Incoming, given_up::Watched, publish,
    },
    config::Settings,
};
use futures::StreamExt;

use crate::harness::{Client, PATIENCE, Server, on_each_server};

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
        let publish = async |submission, id| outlet.publish_once(message(submission, id)).await.unwrap();
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
        for _ in 0..10 {
            let settings = server.settings();
            let client = Client::new(&settings).await;
            let consumer = client.provide().await.consumer;
            for n in 0..COUNT {
                client.submit("H50", &n.to_string(), "một").await;
            }
            // Every other one, so that the stream has holes.
            for (n, message) in take(&consumer, COUNT).await.into_iter().enumerate() {
                if n % 2 == 0 {
                    message.confirm().await.unwrap();
                }
            }
            server.stop();
            server.start_again();
            let client = Client::new(&settings).await;
            let stream = client.names().received_stream();
            let consumer = consumer_info(&client).await;
            let watched = Watched::new(&client.connection, &consumer);
            assert!(!watched.gives_up());
            // Whatever the consumer knows of comes again.
            let consumer = client
                .jetstream()
                .get_consumer_from_stream(&consumer.name, &stream)
                .await;
            let mut messages = pull(&consumer.unwrap()).await;
            loop {
                let info = consumer_info(&client).await;
                if info.num_pending == 0 && info.num_ack_pending == 0 {
                    break;
                }
                let message = tokio::time::timeout(Duration::from_millis(200), messages.next()).await;
                if let Ok(Some(message)) = message {
                    Incoming::new(message.unwrap()).unwrap().confirm().await.unwrap();
                }
            }
            // And what it does not know of lies there.
            let found = watched.look().await.unwrap();
            assert_eq!(found.len() as u64, client.count(&stream).await);
            brought_back += found.len();
            for message in found {
                message.confirm().await.unwrap();
            }
            assert_eq!(client.count(&stream).await, 0);
            if brought_back > 0 {
                break;
            }
        }
        let is_old = Client::new(&server.settings()).await.is_of("2.9.");
        assert_eq!(brought_back > 0, is_old, "{brought_back} are back");
    });
}

#[test]
fn the_ack_kinds_are_those_the_server_knows() {
    // The client writes them; the server of 2.9 understands no TERM with a reason.
    assert_eq!(bytes::Bytes::from(AckKind::Term), "+TERM");
    assert_eq!(bytes::Bytes::from(AckKind::Progress), "+WPI");
}
