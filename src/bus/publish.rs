//! Publishing: stored once, for ever, and known to be stored.

use async_nats::{
    HeaderMap, HeaderValue, header,
    jetstream::{
        context::PublishErrorKind, message::PublishMessage, publish::PublishAck, stream::LastRawMessageErrorKind,
    },
};
use bytes::Bytes;
use tokio::time::Instant;

use super::{Connection, Error, ErrorKind, route::Use};

/// Says in the headers of a result whether it is a result or a refusal.
pub const STATUS: &str = "Baocao-Status";

/// A message on its way out.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Where to; used by this one message only.
    pub subject: String,
    /// Headers, `Nats-Msg-Id` among them.
    pub headers: HeaderMap,
    /// The content.
    pub payload: Bytes,
    /// Sequence of the one message that may stand before it on its subject: the dead letter whose
    /// replay failed again.
    pub replaces: Option<u64>,
}

impl Outgoing {
    /// Bytes that count against the server's `max_payload`, with the header that
    /// [`Outlet::publish_once`] adds.
    pub fn size(&self) -> usize {
        const FRAME: usize =
            "NATS/1.0\r\n\r\n".len() + "Nats-Expected-Last-Subject-Sequence: 18446744073709551615\r\n".len();
        let headers: usize = self
            .headers
            .iter()
            .flat_map(|(name, values)| {
                let name: &[u8] = name.as_ref();
                values.iter().map(move |value| name.len() + value.as_str().len() + 4)
            })
            .sum();
        FRAME + headers + self.payload.len()
    }
}

/// What became of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is stored now.
    Stored,
    /// Its subject holds a message already, of an earlier delivery.
    AlreadyThere,
}

/// Where messages go out. The worker knows only this, so that tests can put a bus of their own in
/// its place.
pub trait Outlet: Send + Sync + 'static {
    /// Stores a message unless its subject holds one already, and waits until that is certain.
    fn publish_once(&self, message: &Outgoing) -> impl Future<Output = Result<Published, Error>> + Send;

    /// The header [`STATUS`] of the message that a subject of a stream holds.
    fn status_of(&self, stream: &str, subject: &str) -> impl Future<Output = Result<Option<String>, Error>> + Send;

    /// Largest message, headers and all.
    fn max_message(&self) -> usize;
}

impl Outlet for Connection {
    async fn publish_once(&self, message: &Outgoing) -> Result<Published, Error> {
        // Where one message may stand before it, that one may be gone by now.
        if let Some(sequence) = message.replaces
            && self.publish_behind(message, sequence).await? == Published::Stored
        {
            return Ok(Published::Stored);
        }
        // The subject is used once, so it must hold nothing yet; unlike the duplicate window
        // behind Nats-Msg-Id, that holds for ever.
        self.publish_behind(message, 0).await
    }

    async fn status_of(&self, stream: &str, subject: &str) -> Result<Option<String>, Error> {
        let what = format!("look up the last message of {subject}");
        let stream = self
            .jetstream
            .get_stream_no_info(stream)
            .await
            .map_err(|error| Error::because(ErrorKind::Missing, &what, error))?;
        match stream.get_last_raw_message_by_subject(subject).await {
            Ok(message) => {
                let status = message.headers.get(STATUS).map(HeaderValue::as_str);
                Ok(Some(status.unwrap_or_default().to_owned()))
            }
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(Error::because(ErrorKind::Unreachable, &what, error)),
        }
    }

    fn max_message(&self) -> usize {
        self.client.max_payload()
    }
}

impl Connection {
    /// Stores a message if the last one on its subject is this one.
    async fn publish_behind(&self, message: &Outgoing, sequence: u64) -> Result<Published, Error> {
        let asked = Instant::now();
        let first = self.try_behind(message.headers.clone(), message, sequence).await;
        // A cluster that has taken the id of an earlier try for known, and does not know yet whether that is stored:
        // should its leader go now, it never will be. The same under another id is stored, or refused for certain.
        let published = match first {
            Ok(None) => {
                let id = super::headers::get(Some(&message.headers), "Nats-Msg-Id").unwrap_or_default();
                let mut headers = message.headers.clone();
                super::headers::set_message_id(&mut headers, &format!("{id} again"));
                let second = Box::pin(self.try_behind(headers, message, sequence)).await;
                second.and_then(|published| published.ok_or_else(|| Error::undecided(&message.subject)))
            }
            Ok(Some(published)) => Ok(published),
            Err(error) => Err(error),
        };
        let is_silent = matches!(&published, Err(error) if is_silence(error.kind()));
        self.note_use(Use::Publish, asked, !is_silent);
        published
    }

    /// One try; None where the server does not know yet.
    async fn try_behind(
        &self,
        headers: HeaderMap,
        message: &Outgoing,
        sequence: u64,
    ) -> Result<Option<Published>, Error> {
        let publish = PublishMessage::build()
            .headers(headers)
            .payload(message.payload.clone())
            .expected_last_subject_sequence(sequence);
        let sent = self.jetstream.send_publish(message.subject.clone(), publish).await;
        let acknowledged = match sent {
            Ok(acknowledgement) => acknowledgement.await,
            Err(error) => Err(error),
        };
        match acknowledged {
            Ok(acknowledgement) if is_undecided(&acknowledgement) => Ok(None),
            Ok(acknowledgement) if acknowledgement.duplicate => Ok(Some(Published::AlreadyThere)),
            Ok(_) => Ok(Some(Published::Stored)),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(Some(Published::AlreadyThere)),
            Err(error) => Err(Error::publishing(&message.subject, &error)),
        }
    }
}

/// Whether a server says that it has an id already, of a message that it has not stored yet. Servers before 2.10.17 say
/// so of what waits for a majority.
pub(super) fn is_undecided(acknowledgement: &PublishAck) -> bool {
    acknowledgement.duplicate && acknowledgement.sequence == 0
}

/// Whether nobody did what was asked for, for no reason that has to do with the message.
fn is_silence(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::TimedOut | ErrorKind::Unreachable | ErrorKind::Missing)
}

/// Headers every message carries: its id for the server's duplicate window, and its media type.
pub fn headers(message_id: &str, content_type: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    set(&mut headers, header::NATS_MESSAGE_ID, message_id);
    set(&mut headers, super::headers::CONTENT_TYPE, content_type);
    headers
}

/// Sets a header; line breaks, which would end it, become spaces.
pub fn set(headers: &mut HeaderMap, name: impl async_nats::header::IntoHeaderName, value: &str) {
    match value.contains(['\r', '\n']) {
        true => headers.insert(name, value.replace(['\r', '\n'], " ")),
        false => headers.insert(name, value),
    }
}
