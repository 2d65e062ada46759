//! Dead letters: seen, replayed, dropped; nothing is lost on the way.

use std::process::Output;

use baocao::{
    bus::{
        self,
        dead::{self, Obstacle, Selection},
    },
    config::Settings,
    proto::baocao::v1 as pb,
};
use prost::Message;

use crate::{
    cli::{run, status, stderr, stdout},
    harness::{Client, Server, Worker, little_report, on_each_server, until},
};

/// A submission that is refused: it says it is text, and is not.
fn broken(id: &str, unit: &str) -> pb::ReportSubmission {
    pb::ReportSubmission {
        submission_id: id.into(),
        unit: unit.into(),
        media_type: "text/plain".into(),
        content: vec![0xFF, 0xFE, 0xFD],
        ..Default::default()
    }
}

async fn letters(client: &Client) -> Vec<dead::Letter> {
    dead::letters(&client.connection, &Selection::default()).await.unwrap()
}

/// A client, with all streams there, and its settings.
async fn desk(server: &Server) -> (Settings, Client) {
    let settings = server.settings();
    let client = Client::new(&settings).await;
    client.provide().await;
    (settings, client)
}

/// The program as an operator runs it, on the same streams.
fn command_line(settings: &Settings) -> impl Fn(&[&str]) -> Output + use<> {
    let set = [
        format!("bus.url={}", settings.bus.url),
        format!("bus.prefix={}", settings.bus.prefix),
    ];
    move |arguments| run(&[arguments, &["--set", &set[0], "--set", &set[1]]].concat())
}

async fn submit_broken(client: &Client, id: &str, unit: &str) {
    bus::submit(&client.connection, broken(id, unit)).await.unwrap();
}

#[test]
fn letters_are_listed_shown_and_dropped() {
    on_each_server(|server| async move {
        let (settings, client) = desk(&server).await;
        let cli = command_line(&settings);
        let empty = cli(&["dead", "list"]);
        assert_eq!((status(&empty), stdout(&empty)), (0, String::new()));

        let worker = Worker::start(&settings);
        for (id, unit) in [("a", "H50.1"), ("b", "H50.2"), ("c", "H51")] {
            submit_broken(&client, id, unit).await;
        }
        client.submit_raw("empty", "text/plain", b" \n".to_vec()).await;
        client.until_all_is_done().await;

        let ids = |arguments: &[&str]| {
            let output = cli(&[&["dead", "list"], arguments].concat());
            assert_eq!(status(&output), 0, "{}", stderr(&output));
            let mut ids: Vec<String> = stdout(&output)
                .lines()
                .map(|line| line.split('\t').next().unwrap().to_owned())
                .collect();
            ids.sort();
            ids.join(" ")
        };
        assert_eq!(ids(&[]), "a b c empty");
        assert_eq!(ids(&["--unit", "H50"]), "a b empty");
        assert_eq!(ids(&["--unit", "H50.1"]), "a");
        assert_eq!(ids(&["--reason", "not-text", "--unit", "H51"]), "c");
        assert_eq!(ids(&["--since", "1h", "--reason", "empty"]), "empty");
        assert_eq!(ids(&["--since", "0s"]), "");
        let json = stdout(&cli(&["dead", "list", "--unit", "H51", "--format", "json"]));
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["submissionId"], "c");
        assert_eq!(json["size"], broken("c", "H51").encoded_len());

        let shown = stdout(&cli(&["dead", "show", "c", "--lang", "en"]));
        assert!(
            shown.contains("reason: not-text") && shown.contains("unit: H51"),
            "{shown}"
        );
        let content = cli(&["dead", "show", "c", "--content"]);
        assert_eq!(content.stdout, broken("c", "H51").encode_to_vec());
        assert_eq!(status(&cli(&["dead", "show", "nobody"])), 2);

        // Everything only where that is said, and nothing when dry.
        assert_eq!(status(&cli(&["dead", "drop"])), 2);
        assert_eq!(status(&cli(&["dead", "drop", "--all", "--dry-run"])), 0);
        assert_eq!(client.count(&client.names().dead_stream()).await, 4);
        assert_eq!(status(&cli(&["dead", "drop", "a", "nobody"])), 2);
        assert_eq!(status(&cli(&["dead", "drop", "--reason", "empty"])), 0);
        assert_eq!(ids(&[]), "b c");
        worker.stop().await;
    });
}

#[test]
fn a_replayed_letter_is_processed_under_its_id() {
    on_each_server(|server| async move {
        let (mut settings, client) = desk(&server).await;
        // A limit that was too low.
        settings.decode.max_bytes = 10;
        let strict = Worker::start(&settings);
        client.submit("H50.1", "again", &little_report(1)).await;
        client.until_all_is_done().await;
        assert_eq!(client.results(1).await[0].refusal.as_ref().unwrap().reason, "too-large");
        strict.stop().await;

        let letter = letters(&client).await.remove(0);
        let plan = dead::plan(&client.connection, &letter).await.unwrap().unwrap();
        assert!(plan.refused_result.is_some());
        dead::replay(&client.connection, &letter, &plan).await.unwrap();
        assert_eq!(letters(&client).await.len(), 0);
        assert_eq!(client.count(&client.names().processed_stream()).await, 0);

        // Within the duplicate window of the first result, which must not be in the way.
        settings.decode.max_bytes = Settings::default().decode.max_bytes;
        let worker = Worker::start(&settings);
        client.until_all_is_done().await;
        let result = client.results(1).await.remove(0);
        assert_eq!(result.status(), pb::Status::Processed);
        assert_eq!(result.submission.unwrap().submission_id, "again");
        assert_eq!(letters(&client).await.len(), 0);

        // The same letter once more, as if the first replay had been interrupted: the result stays.
        let obstacle = dead::plan(&client.connection, &letter).await.unwrap();
        assert_eq!(obstacle.unwrap_err(), Obstacle::Processed);
        worker.stop().await;
    });
}

#[test]
fn a_replay_that_fails_again_keeps_the_letter() {
    on_each_server(|server| async move {
        let (settings, client) = desk(&server).await;
        let worker = Worker::start(&settings);
        submit_broken(&client, "bad", "H50").await;
        client.until_all_is_done().await;
        for _ in 0..3 {
            let letter = letters(&client).await.remove(0);
            let plan = dead::plan(&client.connection, &letter).await.unwrap().unwrap();
            dead::replay(&client.connection, &letter, &plan).await.unwrap();
            client.until_all_is_done().await;
            until(async || client.count(&client.names().dead_stream()).await == 1).await;
            let again = letters(&client).await.remove(0);
            assert!(again.sequence > letter.sequence);
            assert_eq!(
                dead::content(&client.connection, &again).await.unwrap(),
                broken("bad", "H50").encode_to_vec()
            );
            assert_eq!(again.submission(), "bad");
            assert_eq!(client.count(&client.names().processed_stream()).await, 1);
        }
        worker.stop().await;
    });
}

#[test]
fn a_replay_that_fails_before_its_letter_is_deleted_leaves_the_new_letter() {
    on_each_server(|server| async move {
        let (settings, client) = desk(&server).await;
        let worker = Worker::start(&settings);
        submit_broken(&client, "bad", "H50").await;
        client.until_all_is_done().await;
        let letter = letters(&client).await.remove(0);
        let plan = dead::plan(&client.connection, &letter).await.unwrap().unwrap();
        // As if the replay were interrupted after the document was handed in: nobody deletes the
        // old letter, and the worker puts its new one behind it.
        let content = dead::content(&client.connection, &letter).await.unwrap();
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("ce-id", "bad");
        headers.insert("Nats-Msg-Id", "another");
        headers.insert("Baocao-Replay-Of", letter.sequence.to_string());
        let stored = client
            .jetstream()
            .publish_with_headers(plan.subject.clone(), headers, content);
        stored.await.unwrap().await.unwrap();
        client.until_all_is_done().await;
        let both = letters(&client).await;
        assert_eq!(both.len(), 2);
        // Now the old one goes, late.
        dead::discard(&client.connection, &letter).await.unwrap();
        let left = letters(&client).await;
        assert_eq!((left.len(), left[0].sequence), (1, both[1].sequence));
        // Twice is no harm.
        dead::discard(&client.connection, &letter).await.unwrap();
        worker.stop().await;
    });
}

#[test]
fn the_command_replays_what_is_chosen_and_says_what_it_would_do() {
    on_each_server(|server| async move {
        let (settings, client) = desk(&server).await;
        let cli = command_line(&settings);
        let worker = Worker::start(&settings);
        for (id, unit) in [("a", "H50"), ("b", "H51")] {
            submit_broken(&client, id, unit).await;
        }
        client.until_all_is_done().await;
        worker.stop().await;
        let received = client.names().received_stream();
        let dry = cli(&["dead", "replay", "--all", "--dry-run"]);
        assert_eq!((status(&dry), stdout(&dry).lines().count()), (0, 2));
        assert_eq!(client.count(&received).await, 0);
        assert_eq!(
            status(&cli(&["dead", "replay"])),
            2,
            "everything only where that is said"
        );
        let replayed = cli(&["dead", "replay", "--unit", "H51"]);
        assert_eq!(status(&replayed), 0, "{}", stderr(&replayed));
        assert_eq!(
            stdout(&replayed),
            format!("b\t{}.report.received.H51\n", settings.bus.prefix)
        );
        assert_eq!(client.count(&received).await, 1);
        assert_eq!(letters(&client).await.len(), 1);
    });
}
