//! A message that was handed to us and waits for its acknowledgement.

use std::time::{Duration, SystemTime};

use async_nats::{
    Client, HeaderMap, RequestErrorKind,
    jetstream::{self, AckKind},
};
use bytes::Bytes;

use super::{Error, ErrorKind};

/// What the server says of a message beside its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// How often it was delivered, this time included.
    pub deliveries: i64,
    /// Its place in the stream.
    pub sequence: u64,
    /// When the stream stored it.
    pub stored_at: SystemTime,
}

/// A message that waits for its acknowledgement. The worker knows only this, so that tests can
/// put messages of their own in its place.
pub trait Delivery: Send + Sync + 'static {
    /// The subject it came on.
    fn subject(&self) -> &str;
    /// Its headers.
    fn headers(&self) -> Option<&HeaderMap>;
    /// Its content.
    fn payload(&self) -> &Bytes;
    /// What the server says of it.
    fn meta(&self) -> Meta;
    /// Acknowledges it, and waits until the server says that it has heard.
    fn confirm(&self) -> impl Future<Output = Result<(), Error>> + Send;
    /// Ends it for good (it is kept elsewhere by now), and waits until the server has heard.
    fn terminate(&self) -> impl Future<Output = Result<(), Error>> + Send;
    /// Asks to have it delivered again after a delay.
    fn retry_after(&self, delay: Duration) -> impl Future<Output = Result<(), Error>> + Send;
    /// Says that it is still being worked on.
    fn working(&self) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A message of a JetStream consumer.
#[derive(Debug)]
pub struct Incoming {
    message: async_nats::Message,
    client: Client,
    meta: Meta,
}

impl Incoming {
    /// A message of a consumer; fails for one that no consumer delivered.
    pub fn new(message: jetstream::Message) -> Result<Self, Error> {
        let info = message
            .info()
            .map_err(|error| Error::because(ErrorKind::Malformed, "not a message of a consumer", error))?;
        let meta = Meta {
            deliveries: info.delivered,
            sequence: info.stream_sequence,
            stored_at: info.published.into(),
        };
        let client = message.context.client();
        Ok(Self {
            message: message.message,
            client,
            meta,
        })
    }

    fn reply(&self) -> Result<async_nats::Subject, Error> {
        self.message
            .reply
            .clone()
            .ok_or_else(|| Error::new(ErrorKind::Malformed, "the message has no reply subject"))
    }

    /// Sends an acknowledgement and waits for the server's answer.
    ///
    /// The client's own `double_ack` takes any answer for a yes, even "no responders", which is
    /// what comes when the consumer was deleted meanwhile. A request tells the two apart.
    async fn ask(&self, kind: AckKind) -> Result<(), Error> {
        let answer = self.client.request(self.reply()?, kind.into()).await;
        answer.map(|_| ()).map_err(|error| {
            let kind = match error.kind() {
                RequestErrorKind::NoResponders => ErrorKind::Missing,
                RequestErrorKind::TimedOut => ErrorKind::TimedOut,
                _ => ErrorKind::Unreachable,
            };
            Error::because(kind, "the acknowledgement is not confirmed", error)
        })
    }

    async fn tell(&self, kind: AckKind) -> Result<(), Error> {
        self.client
            .publish(self.reply()?, kind.into())
            .await
            .map_err(|error| Error::because(ErrorKind::Unreachable, "cannot answer a delivery", error))
    }
}

impl Delivery for Incoming {
    fn subject(&self) -> &str {
        &self.message.subject
    }

    fn headers(&self) -> Option<&HeaderMap> {
        self.message.headers.as_ref()
    }

    fn payload(&self) -> &Bytes {
        &self.message.payload
    }

    fn meta(&self) -> Meta {
        self.meta
    }

    async fn confirm(&self) -> Result<(), Error> {
        self.ask(AckKind::Ack).await
    }

    async fn terminate(&self) -> Result<(), Error> {
        self.ask(AckKind::Term).await
    }

    async fn retry_after(&self, delay: Duration) -> Result<(), Error> {
        // Always with a delay: without one the server delivers again at once and uses up all
        // tries within milliseconds.
        self.tell(AckKind::Nak(Some(delay.max(Duration::from_millis(10)))))
            .await
    }

    async fn working(&self) -> Result<(), Error> {
        self.tell(AckKind::Progress).await
    }
}
