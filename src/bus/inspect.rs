//! A look at streams, consumer, permissions and clock that changes nothing.

use std::time::{Duration, SystemTime};

use async_nats::jetstream::{
    consumer::{self, pull},
    message::PublishMessage,
    stream,
};
use futures::StreamExt;

use super::{
    Connection, Error, ErrorKind,
    topology::{
        Drift, consumer_config, consumer_drift, consumer_info, input_stream, stream_drift, stream_info, streams,
    },
};
use crate::config;

/// A name that no stream has.
const NO_STREAM: &str = "_none_";

/// A stream as it is.
#[derive(Debug)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// What the server says of it, and how that differs from what this program would have made.
    pub found: Result<(stream::Info, Vec<Drift>), Error>,
}

/// The streams that a worker needs, as they are.
pub async fn look_at_streams(connection: &Connection, bus: &config::Bus, stages: config::Stages) -> Vec<Stream> {
    let looks = streams(&connection.names, bus, stages).into_iter().map(async |wanted| {
        let found = stream_info(connection, &wanted.name).await;
        let found = found.map(|info| {
            let drifts = stream_drift(&wanted, &info.config);
            (info, drifts)
        });
        Stream {
            name: wanted.name,
            found,
        }
    });
    futures::future::join_all(looks).await
}

/// The consumer that workers share, as it is.
pub async fn look_at_consumer(
    connection: &Connection,
    worker: &config::Worker,
) -> Result<(consumer::Info, Vec<Drift>), Error> {
    let wanted: pull::Config = consumer_config(&connection.names, worker);
    let name = wanted.durable_name.clone().unwrap_or_default();
    let info = consumer_info(connection, &input_stream(&connection.names, worker.stages), &name).await?;
    let drifts = consumer_drift(&info.name, &wanted, &info.config);
    Ok((info, drifts))
}

/// Bytes that the streams of the account take, and the most that they may.
pub async fn storage(connection: &Connection) -> Result<(u64, Option<u64>), Error> {
    let what = "look at the account";
    // Read as it is: servers before 2.10 leave out what the client's own type asks for.
    let answer: serde_json::Value = connection
        .jetstream
        .request("INFO", &serde_json::json!({}))
        .await
        .map_err(|error| Error::asking(what, &error))?;
    if let Some(why) = answer["error"]["description"].as_str() {
        return Err(Error::because(ErrorKind::Refused, format_args!("cannot {what}"), why));
    }
    let limit = answer["limits"]["max_storage"].as_i64();
    let limit = limit
        .and_then(|limit| u64::try_from(limit).ok())
        .filter(|&limit| limit > 0);
    Ok((answer["storage"].as_u64().unwrap_or_default(), limit))
}

/// How far the server's clock is ahead of ours (`Ok`) or behind it (`Err`); None where the server does
/// not tell the time, as those before 2.10.
pub async fn clock(connection: &Connection, stream: &str) -> Option<Result<Duration, Duration>> {
    let subject = format!("STREAM.INFO.{stream}");
    let asked = SystemTime::now();
    let answer: serde_json::Value = connection
        .jetstream
        .request(subject, &serde_json::json!({}))
        .await
        .ok()?;
    let way = asked.elapsed().unwrap_or_default() / 2;
    let theirs: prost_types::Timestamp = answer["ts"].as_str()?.parse().ok()?;
    let theirs = SystemTime::try_from(theirs).ok()?;
    Some(theirs.duration_since(asked + way).map_err(|error| error.duration()))
}

/// Whether we may publish on a subject of a stream. The message is one that the server never stores:
/// it says that it expects another stream. A server that does not let us publish does not answer.
pub async fn may_publish(connection: &Connection, subject: String) -> Result<(), Error> {
    let message = PublishMessage::build().expected_stream(NO_STREAM);
    let sent = connection.jetstream.send_publish(subject.clone(), message).await;
    let answered = match sent {
        Ok(acknowledgement) => acknowledgement.await.map(drop),
        Err(error) => Err(error),
    };
    match answered.map_err(|error| Error::publishing(&subject, &error)) {
        // As it should be: understood, and turned down.
        Err(error) if error.kind() == ErrorKind::Refused => Ok(()),
        other => other,
    }
}

/// Whether we may pull messages of the shared consumer. The request is one that the server cannot
/// read, so no message comes.
pub async fn may_pull(connection: &Connection, patience: Duration) -> Result<(), Error> {
    let names = &connection.names;
    let subject = format!(
        "$JS.API.CONSUMER.MSG.NEXT.{}.{}",
        names.received_stream(),
        names.consumer()
    );
    let failed = |error: &dyn std::fmt::Display| Error::because(ErrorKind::Unreachable, "cannot pull", error);
    let client = &connection.client;
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| failed(&error))?;
    let asked = client.publish_with_reply(subject, inbox, "{".into()).await;
    asked.map_err(|error| failed(&error))?;
    match tokio::time::timeout(patience, answers.next()).await {
        Ok(Some(answer)) if answer.status == Some(async_nats::StatusCode::NO_RESPONDERS) => {
            Err(Error::new(ErrorKind::Missing, "there is no consumer to pull from"))
        }
        Ok(Some(_)) => Ok(()),
        _ => Err(Error::new(
            ErrorKind::TimedOut,
            "the server does not answer a request for messages",
        )),
    }
}
