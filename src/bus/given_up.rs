//! Messages that lie in the queue and that the server does not deliver any more.
//!
//! Either it has given them up: where the owner of the consumer has set `max_deliver`, a message is not delivered any more
//! after so many times. The server says so once, in an advisory; whoever does not listen at that moment misses it. Or it
//! has brought them back: a server of 2.9 that is killed has messages in the stream again whose acknowledgement it had
//! confirmed, while the consumer remembers that they are done.
//!
//! So the stream is looked through. In a work queue what is acknowledged is gone, and what lies at or below the
//! consumer's floor of acknowledgements nobody waits for.

use std::time::Duration;

use async_nats::{
    HeaderMap, Subscriber,
    jetstream::{
        consumer,
        message::StreamMessage,
        stream::{RawMessageErrorKind, RetentionPolicy, Stream},
    },
};
use bytes::Bytes;
use serde::Deserialize;

use super::{
    Connection, Delivery, Error, ErrorKind, Meta,
    dead::delete,
    topology::{consumer_info, stream_info},
};

/// Most messages that one look returns; the next look finds the others.
pub const AT_ONCE: usize = 100;

/// A message that the server does not deliver any more.
pub struct GivenUp {
    connection: Connection,
    stream: String,
    message: StreamMessage,
    deliveries: i64,
}

/// The consumer whose messages are looked after.
#[derive(Clone, Debug)]
pub struct Watched {
    connection: Connection,
    stream: String,
    consumer: String,
    /// How often the server delivers a message before it gives it up, if it ever does.
    max_deliver: Option<i64>,
}

/// What an advisory says, as far as it matters.
#[derive(Deserialize)]
struct Advisory {
    stream_seq: u64,
}

impl Watched {
    /// The consumer.
    pub fn new(connection: &Connection, info: &consumer::Info) -> Self {
        Self {
            connection: connection.clone(),
            stream: info.stream_name.clone(),
            consumer: info.name.clone(),
            max_deliver: Some(info.config.max_deliver).filter(|&max_deliver| max_deliver > 0),
        }
    }

    /// Whether the server gives up messages of it at all; if not, what it does not deliver any more was acknowledged.
    pub fn gives_up(&self) -> bool {
        self.max_deliver.is_some()
    }

    /// Listens for advisories, each of which one of all workers hears.
    pub async fn advisories(&self) -> Result<Subscriber, Error> {
        let Self { stream, consumer, .. } = self;
        let subject = format!("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{stream}.{consumer}");
        let subscribed = self.connection.client.queue_subscribe(subject, consumer.clone()).await;
        subscribed.map_err(|error| Error::because(ErrorKind::Unreachable, "cannot listen for advisories", error))
    }

    /// The message that an advisory is about; None where it is gone by now.
    pub async fn of_advisory(&self, advisory: &[u8]) -> Result<Option<GivenUp>, Error> {
        let advisory: Advisory = serde_json::from_slice(advisory)
            .map_err(|error| Error::because(ErrorKind::Malformed, "not an advisory", error))?;
        let stream = self.stream().await?;
        self.given_up(stream.get_raw_message(advisory.stream_seq).await)
    }

    /// The messages that are not delivered any more, oldest first. In a cluster one that was acknowledged a moment ago
    /// may be among them.
    pub async fn look(&self) -> Result<Vec<GivenUp>, Error> {
        // Elsewhere what is acknowledged stays, and has to.
        if stream_info(&self.connection, &self.stream).await?.config.retention != RetentionPolicy::WorkQueue {
            return Ok(Vec::new());
        }
        let info = consumer_info(&self.connection, &self.stream, &self.consumer).await?;
        // The floor rises with the next acknowledgement only; where none is awaited, it may as well.
        let floor = match info.num_ack_pending {
            0 => info.delivered.stream_sequence,
            _ => info.ack_floor.stream_sequence,
        };
        let stream = self.stream().await?;
        let mut found = Vec::new();
        let mut from = 1;
        while from <= floor && found.len() < AT_ONCE {
            let message = stream.get_first_raw_message_by_subject(">", from).await;
            match self.given_up(message)? {
                Some(given_up) if given_up.message.sequence <= floor => {
                    from = given_up.message.sequence + 1;
                    found.push(given_up);
                }
                _ => break,
            }
        }
        Ok(found)
    }

    async fn stream(&self) -> Result<Stream<()>, Error> {
        let stream = self.connection.jetstream.get_stream_no_info(&self.stream).await;
        stream.map_err(|error| Error::because(ErrorKind::Missing, "cannot use the stream of reports", error))
    }

    fn given_up(
        &self,
        message: Result<StreamMessage, async_nats::jetstream::stream::RawMessageError>,
    ) -> Result<Option<GivenUp>, Error> {
        match message {
            Ok(message) => Ok(Some(GivenUp {
                connection: self.connection.clone(),
                stream: self.stream.clone(),
                message,
                deliveries: self.max_deliver.unwrap_or(1),
            })),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(Error::because(
                ErrorKind::Unreachable,
                "cannot read a message that is not delivered any more",
                error,
            )),
        }
    }
}

impl Delivery for GivenUp {
    fn subject(&self) -> &str {
        &self.message.subject
    }

    fn headers(&self) -> Option<&HeaderMap> {
        Some(&self.message.headers)
    }

    fn payload(&self) -> &Bytes {
        &self.message.payload
    }

    fn meta(&self) -> Meta {
        Meta {
            deliveries: self.deliveries,
            sequence: self.message.sequence,
            stored_at: self.message.time.into(),
        }
    }

    async fn confirm(&self) -> Result<(), Error> {
        self.terminate().await
    }

    /// Nobody waits for an acknowledgement any more, so it is deleted.
    async fn terminate(&self) -> Result<(), Error> {
        delete(&self.connection, self.stream.clone(), self.message.sequence).await
    }

    /// It stays where it is, and the next look finds it.
    async fn retry_after(&self, _delay: Duration) -> Result<(), Error> {
        Ok(())
    }

    async fn working(&self) -> Result<(), Error> {
        Ok(())
    }
}
