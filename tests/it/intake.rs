//! How messages are asked for: several at once, never more than there is room for, and one by one where one of them may
//! kill the worker.

use std::time::Duration;

use async_nats::{Subscriber, jetstream::consumer::Info};
use baocao::{
    bus::{
        Delivery,
        delivery::Incoming,
        intake::{Budget, Caution, Intake, Reservation},
    },
    config::Settings,
};
use futures::{FutureExt, StreamExt};

use crate::harness::{Client, little_report, on_each_server};

const MIB: usize = 1 << 20;

/// A client that sees what others ask the server for.
struct Stage {
    client: Client,
    settings: Settings,
    requests: Subscriber,
    answers: Subscriber,
}

impl Stage {
    async fn new(settings: Settings, reports: usize) -> Self {
        let client = Client::new(&settings).await;
        client.provide().await;
        for n in 0..reports {
            client.submit("H50.1", &n.to_string(), &little_report(n)).await;
        }
        let spy = async |subject: &'static str| client.connection.client.subscribe(subject).await.unwrap();
        let (requests, answers) = (spy("$JS.API.CONSUMER.MSG.NEXT.>").await, spy("$JS.ACK.>").await);
        Self {
            requests,
            answers,
            client,
            settings,
        }
    }

    /// An intake with room for so many.
    async fn open(&self, messages: usize) -> Intake {
        let topology = self.client.provide().await;
        let (connection, budget) = (self.client.connection.clone(), Budget::new(messages, 64 * MIB));
        let max_deliver = self.settings.worker.max_deliver;
        let opened = Intake::open(connection, topology, budget, max_deliver, Caution::default());
        opened.await.unwrap()
    }

    /// How many messages each request so far has asked for.
    fn asked(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.requests.next().now_or_never().flatten())
            .map(|request| serde_json::from_slice::<serde_json::Value>(&request.payload).unwrap())
            .map(|request| request["batch"].as_u64().unwrap())
            .collect()
    }

    async fn consumer(&self) -> Info {
        self.client.provide().await.consumer.cached_info().clone()
    }
}

async fn take(intake: &mut Intake, count: usize) -> Vec<(Incoming, Reservation)> {
    let mut taken = Vec::new();
    for _ in 0..count {
        taken.push(intake.next(false).await.unwrap());
    }
    taken
}

#[test]
fn one_request_asks_for_as_many_as_there_is_room_for() {
    on_each_server(|server| async move {
        let mut stage = Stage::new(server.settings(), 20).await;
        let mut intake = stage.open(8).await;
        let mut taken = take(&mut intake, 8).await;
        assert_eq!(stage.asked(), [8]);
        // What is full asks for nothing, however long somebody waits.
        let more = tokio::time::timeout(Duration::from_millis(300), intake.next(false));
        assert!(more.await.is_err());
        assert_eq!(stage.consumer().await.num_ack_pending, 8);
        assert!(stage.asked().is_empty());
        // Little room, and nothing on its way: it is used all the same.
        taken.truncate(7);
        taken.extend(take(&mut intake, 1).await);
        assert_eq!(stage.asked(), [1]);
        taken.truncate(3);
        taken.extend(take(&mut intake, 5).await);
        assert!(stage.asked().len() <= 3);
        assert_eq!(stage.consumer().await.num_ack_pending, 14);
        intake.close().await;
    });
}

#[test]
fn bytes_bound_what_is_asked_for() {
    on_each_server(|server| async move {
        let mut stage = Stage::new(server.settings(), 4).await;
        // Room for two of the largest messages there may be: more than a fair share each, so one at a time.
        let (topology, largest) = (
            stage.client.provide().await,
            stage.client.connection.client.max_payload(),
        );
        let (connection, budget) = (stage.client.connection.clone(), Budget::new(8, 2 * largest));
        let mut intake = Intake::open(connection, topology, budget, 5, Caution::default())
            .await
            .unwrap();
        take(&mut intake, 4).await;
        let asked = stage.asked();
        assert!(asked.len() >= 4 && asked.iter().all(|&batch| batch == 1), "{asked:?}");
        intake.close().await;
    });
}

#[test]
fn what_was_delivered_before_is_asked_for_one_by_one() {
    on_each_server(|server| async move {
        let mut stage = Stage::new(server.settings(), 6).await;
        // Somebody took one twice, and said nothing the second time.
        let mut intake = stage.open(1).await;
        let (first, room) = intake.next(false).await.unwrap();
        first.retry_after(Duration::from_millis(10)).await.unwrap();
        drop(room);
        loop {
            let (incoming, _room) = intake.next(false).await.unwrap();
            if incoming.meta().deliveries == 2 {
                break;
            }
            incoming.confirm().await.unwrap();
        }
        drop(intake);
        assert_eq!(stage.consumer().await.num_redelivered, 1);
        for n in 10..14 {
            stage.client.submit("H50.1", &n.to_string(), &little_report(n)).await;
        }
        stage.asked();

        let mut intake = stage.open(8).await;
        let taken = take(&mut intake, 4).await;
        let asked = stage.asked();
        assert!(asked.len() >= 4 && asked.iter().all(|&batch| batch == 1), "{asked:?}");
        // Nothing is asked for beside one that has to be alone.
        let alone = tokio::time::timeout(Duration::from_millis(300), intake.next(true));
        assert!(alone.await.is_err());
        assert!(stage.asked().is_empty());
        drop(taken);
        intake.close().await;
    });
}

#[test]
fn what_has_to_wait_keeps_its_time_and_is_handed_back_at_the_end() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        settings.worker.ack_wait_seconds = 1;
        let mut stage = Stage::new(settings, 4).await;
        let mut intake = stage.open(4).await;
        let (first, _room) = intake.next(false).await.unwrap();
        first.confirm().await.unwrap();
        // The other three have come, too, and the one in hand has to be alone. Their time is renewed meanwhile, so
        // often that it would have run out twice.
        let mut renewed = 0;
        while renewed < 3 * 6 {
            let said = tokio::select! {
                said = stage.answers.next() => said.unwrap(),
                _ = intake.next(true) => panic!("nothing is handed out"),
            };
            renewed += usize::from(said.payload.starts_with(b"+WPI"));
        }
        let (second, _room) = intake.next(false).await.unwrap();
        assert_eq!(second.meta().deliveries, 1);
        intake.close().await;
        let mut handed_back = 0;
        while handed_back < 2 {
            let said = stage.answers.next().await.unwrap();
            handed_back += usize::from(said.payload.starts_with(b"-NAK"));
        }
    });
}
