//! Dead letters: looking at them, handing them in again, throwing them away.
//!
//! A replay keeps the id of the submission, so what blocks its subjects has to go, in an order that
//! loses nothing wherever it is interrupted:
//!
//! 1. the refused result is deleted: the dead letter still holds the document and the reason;
//! 2. the document is handed in again, and the server confirms that it has stored it;
//! 3. the dead letter is deleted, by its sequence: if the worker has refused the document once more
//!    by then, its new letter stands behind the old one and stays.
//!
//! Interrupted anywhere, the same replay can be run again.

use std::time::{Duration, SystemTime};

use async_nats::{
    HeaderMap, HeaderName, HeaderValue,
    jetstream::{
        consumer::{DeliverPolicy, pull::OrderedConfig},
        message::PublishMessage,
        stream::{LastRawMessageErrorKind, RawMessageErrorKind, Stream},
    },
};
use bytes::Bytes;
use futures::StreamExt;

use prost::Message;

use super::{
    Connection, Documents, Error, ErrorKind, Outgoing, Reference, Unit,
    client::{from_payload, keep_apart, store},
    headers,
    names::token,
    publish::set,
};
use crate::proto::baocao::v1 as pb;

/// Beginning of the headers that say why a letter is dead.
const WHY: &str = "Baocao-Dead-";
/// Beginning of the headers that the original message had under another name.
const ORIGINAL: &str = "Baocao-Original-";

/// How long the stream may be silent while it is listed.
const SILENCE: Duration = Duration::from_secs(10);

/// Which letters.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Submission ids; none means all.
    pub ids: Vec<String>,
    /// Of this unit and the units below it.
    pub unit: Option<Unit>,
    /// For this reason.
    pub reason: Option<String>,
    /// Not older than this.
    pub since: Option<Duration>,
}

impl Selection {
    /// Whether it selects at all, and not simply everything.
    pub fn is_everything(&self) -> bool {
        self.ids.is_empty() && self.unit.is_none() && self.reason.is_none() && self.since.is_none()
    }

    fn takes(&self, letter: &Letter) -> bool {
        let id = self.ids.is_empty() || self.ids.iter().any(|id| id == letter.submission());
        let reason = self.reason.as_ref().is_none_or(|reason| reason == letter.reason());
        id && reason
    }
}

/// A dead letter, without its content.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its place in the stream of dead letters.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// When it was put away.
    pub stored_at: SystemTime,
    /// Size of its content in bytes.
    pub size: u64,
    /// Its headers.
    pub headers: HeaderMap,
    /// Who it is from.
    pub unit: Unit,
}

impl Letter {
    /// A header of the letter; empty where there is none.
    fn said(&self, name: &str) -> &str {
        headers::get(Some(&self.headers), name).unwrap_or_default()
    }

    /// The id of the submission.
    pub fn submission(&self) -> &str {
        self.said("Baocao-Dead-Submission")
    }

    /// Why it is dead: a stable word.
    pub fn reason(&self) -> &str {
        self.said("Baocao-Dead-Reason")
    }

    /// Why it is dead, for a person.
    pub fn message(&self) -> &str {
        self.said("Baocao-Dead-Message")
    }

    /// Where it died: "read", "panic", "delivery".
    pub fn stage(&self) -> &str {
        self.said("Baocao-Dead-Stage")
    }

    /// How often it was delivered.
    pub fn deliveries(&self) -> &str {
        self.said("Baocao-Dead-Deliveries")
    }

    /// The subject the document was handed in on.
    pub fn received_on(&self) -> &str {
        self.said("Baocao-Dead-Subject")
    }

    /// Whether the document is in it.
    pub fn has_content(&self) -> bool {
        self.said(headers::DEAD_PAYLOAD) != headers::OMITTED
    }

    /// Where the content lies that did not fit into it.
    fn elsewhere(&self) -> Option<Reference> {
        let mut parts = self.said(headers::DEAD_PAYLOAD).split(' ');
        let is_object = parts.next() == Some("object");
        let (name, size) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?);
        is_object.then_some(Reference { name, size })
    }

    /// The headers for handing it in again. The id of the submission goes into `ce-id`, since the
    /// message needs an id of its own: within the duplicate window the server would take it for
    /// the first one. Only an id that no header can carry stays in the content alone.
    fn replayed_headers(&self) -> HeaderMap {
        let mut kept = HeaderMap::new();
        for (name, values) in self.headers.iter() {
            if is_ours(name) {
                continue;
            }
            for value in values {
                kept.append(name.clone(), value.clone());
            }
        }
        if self.subject.rsplit('.').next() == Some(&token(self.submission())) {
            headers::set_attribute(&mut kept, "ce-id", self.submission());
            // Another one for each replay; a try of the same replay has the same.
            let n: u64 = rand::random();
            headers::set_message_id(&mut kept, &format!("{}.replay.{n:016x}", self.subject));
        }
        set(&mut kept, headers::REPLAY_OF, &self.sequence.to_string());
        kept
    }
}

/// Whether a header says something of the letter and not of the message.
fn is_ours(name: &HeaderName) -> bool {
    let name = name.to_string();
    let begins = |with: &str| {
        name.get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    begins(WHY) || begins(ORIGINAL) || begins("Nats-") || name.eq_ignore_ascii_case(headers::REPLAY_OF)
}

/// The letters of a selection, oldest first.
pub async fn letters(connection: &Connection, selection: &Selection) -> Result<Vec<Letter>, Error> {
    let names = &connection.names;
    let what = format!("cannot list stream {}", names.dead_stream());
    let config = OrderedConfig {
        filter_subject: selection
            .unit
            .as_ref()
            .map_or(names.all_dead(), |unit| names.all_dead_of(unit)),
        // Documents may be large, and the list needs none of them.
        headers_only: true,
        deliver_policy: match selection.since {
            None => DeliverPolicy::All,
            Some(time) => DeliverPolicy::ByStartTime {
                start_time: (SystemTime::now() - time).into(),
            },
        },
        ..Default::default()
    };
    let consumer = connection
        .jetstream
        .create_consumer_on_stream(config, names.dead_stream())
        .await
        .map_err(|error| Error::because(ErrorKind::Missing, &what, error))?;
    let mut left = consumer.cached_info().num_pending;
    let unreachable = |error: &dyn std::fmt::Display| Error::because(ErrorKind::Unreachable, &what, error);
    let mut messages = consumer.messages().await.map_err(|error| unreachable(&error))?;
    let mut letters = Vec::new();
    while left > 0 {
        let message = match tokio::time::timeout(SILENCE, messages.next()).await {
            Ok(Some(message)) => message.map_err(|error| unreachable(&error))?,
            Ok(None) => break,
            Err(_) => return Err(Error::new(ErrorKind::TimedOut, what)),
        };
        let info = message.info().map_err(|error| unreachable(&error))?;
        left = info.pending;
        let letter = Letter {
            sequence: info.stream_sequence,
            stored_at: info.published.into(),
            unit: names.unit_of_dead(&message.subject),
            size: size_of(&message),
            subject: message.subject.to_string(),
            headers: message.headers.clone().unwrap_or_default(),
        };
        if selection.takes(&letter) {
            letters.push(letter);
        }
    }
    Ok(letters)
}

/// The size of a message that came without its content.
fn size_of(message: &async_nats::jetstream::Message) -> u64 {
    let said = headers::get(message.headers.as_ref(), "Nats-Msg-Size");
    said.and_then(|size| size.parse().ok()).unwrap_or_default()
}

/// The content of a letter.
pub async fn content(connection: &Connection, letter: &Letter) -> Result<Bytes, Error> {
    if let Some(reference) = letter.elsewhere() {
        return connection.fetch(&reference).await;
    }
    let what = format!("read dead letter {}", letter.sequence);
    let stream = stream(connection, connection.names.dead_stream()).await?;
    let message = stream.get_raw_message(letter.sequence).await.map_err(|error| {
        let kind = match error.kind() {
            RawMessageErrorKind::NoMessageFound => ErrorKind::Missing,
            _ => ErrorKind::Unreachable,
        };
        Error::because(kind, &what, error)
    })?;
    Ok(message.payload)
}

/// Why a letter cannot be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// There is a result: it was read by another delivery or replay.
    Processed,
    /// The message it was made of is still in the queue.
    StillQueued,
    /// The document is not in it.
    NoContent,
    /// It does not say where it came from; baocao did not write it.
    NoOrigin,
}

/// What a replay would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the document is handed in.
    pub subject: String,
    /// The refused result that has to go, by its sequence.
    pub refused_result: Option<u64>,
}

/// The queue that the message of a letter came from; none where the letter does not say so.
fn queue_of(connection: &Connection, letter: &Letter) -> Option<String> {
    let names = &connection.names;
    let subject = letter.received_on();
    if letter.submission().is_empty() {
        None
    } else if subject == names.received(&names.unit_of(subject)) {
        Some(names.received_stream())
    } else if subject == names.extracted_of_dead(&letter.subject) {
        Some(names.extracted_stream())
    } else {
        None
    }
}

/// Looks what replaying a letter takes, and whether it can be.
pub async fn plan(connection: &Connection, letter: &Letter) -> Result<Result<Plan, Obstacle>, Error> {
    let names = &connection.names;
    let Some(queue) = queue_of(connection, letter) else {
        return Ok(Err(Obstacle::NoOrigin));
    };
    if !letter.has_content() {
        return Ok(Err(Obstacle::NoContent));
    }
    if is_queued(connection, letter, queue).await? {
        return Ok(Err(Obstacle::StillQueued));
    }
    let result = last_on(
        connection,
        names.processed_stream(),
        &result_subject(connection, letter),
    )
    .await?;
    let refused_result = match result {
        None => None,
        Some((sequence, status)) if status == headers::REFUSED => Some(sequence),
        Some(_) => return Ok(Err(Obstacle::Processed)),
    };
    Ok(Ok(Plan {
        subject: letter.received_on().to_owned(),
        refused_result,
    }))
}

/// The subject of the result: that of the letter, with another beginning. The letter's own header
/// may have lost what a header cannot carry.
fn result_subject(connection: &Connection, letter: &Letter) -> String {
    connection.names.processed_of_dead(&letter.subject)
}

/// Whether the message a letter was made of waits for its acknowledgement still. Were it delivered
/// again while its letter is replayed, the two would meet.
async fn is_queued(connection: &Connection, letter: &Letter, queue: String) -> Result<bool, Error> {
    let Ok(sequence) = letter.said("Baocao-Dead-Sequence").parse() else {
        return Ok(false);
    };
    let queue = stream(connection, queue).await?;
    match queue.get_raw_message(sequence).await {
        Ok(message) => Ok(message.subject.as_str() == letter.received_on() && message.time <= letter.stored_at),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(false),
        Err(error) => Err(Error::because(
            ErrorKind::Unreachable,
            "cannot look at the queue",
            error,
        )),
    }
}

/// Sequence and status of the last message on a subject.
async fn last_on(connection: &Connection, name: String, subject: &str) -> Result<Option<(u64, String)>, Error> {
    match stream(connection, name)
        .await?
        .get_last_raw_message_by_subject(subject)
        .await
    {
        Ok(message) => {
            let status = message.headers.get(super::publish::STATUS).map(HeaderValue::as_str);
            Ok(Some((message.sequence, status.unwrap_or_default().to_owned())))
        }
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => {
            let what = format!("cannot look up the last message of {subject}");
            Err(Error::because(ErrorKind::Unreachable, what, error))
        }
    }
}

/// Hands the document of a letter in again, as planned.
pub async fn replay(connection: &Connection, letter: &Letter, plan: &Plan) -> Result<(), Error> {
    // First, so that nothing is deleted for a letter that is gone.
    let (headers, content) = message(connection, letter).await?;
    if let Some(sequence) = plan.refused_result {
        delete(connection, connection.names.processed_stream(), sequence).await?;
    }
    let publish = PublishMessage::build().headers(headers).payload(content);
    store(connection, &plan.subject, &publish).await?;
    discard(connection, letter).await
}

/// The message that hands a letter in again. One at the limit of a message has no room for the
/// headers of a replay; its document goes to the object store.
async fn message(connection: &Connection, letter: &Letter) -> Result<(HeaderMap, Bytes), Error> {
    let content = content(connection, letter).await?;
    let whole = Outgoing {
        subject: String::new(),
        headers: letter.replayed_headers(),
        payload: content.clone(),
        replaces: None,
    };
    if whole.size() <= connection.client.max_payload() {
        return Ok((whole.headers, content));
    }
    if letter.received_on() == connection.names.extracted_of_dead(&letter.subject) {
        let mut extracted: pb::ReportExtracted = from_payload(Some(&letter.headers), &content)?;
        let Reference { name, size } = connection.keep(content).await?;
        let size = size as u64;
        (extracted.document, extracted.report, extracted.packet) = (None, None, None);
        extracted.whole = Some(pb::StoredObject { name, size });
        return Ok((whole.headers, extracted.encode_to_vec().into()));
    }
    let media_type = letter.said(headers::CONTENT_TYPE);
    let mut submission = match media_type {
        "" => {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "there is no room for a replay's headers",
            ));
        }
        headers::PROTOBUF | headers::JSON => from_payload(Some(&letter.headers), &content)?,
        _ => pb::ReportSubmission {
            media_type: media_type.into(),
            content: content.into(),
            ..Default::default()
        },
    };
    keep_apart(connection, &mut submission).await?;
    let mut event = whole.headers;
    set(&mut event, headers::CONTENT_TYPE, headers::PROTOBUF);
    Ok((event, submission.encode_to_vec().into()))
}

/// Throws a letter away.
pub async fn discard(connection: &Connection, letter: &Letter) -> Result<(), Error> {
    delete(connection, connection.names.dead_stream(), letter.sequence).await
}

/// Deletes one message; one that is gone already is fine.
pub(super) async fn delete(connection: &Connection, name: String, sequence: u64) -> Result<(), Error> {
    let stream_there = stream(connection, name.clone()).await?;
    let Err(error) = stream_there.delete_message(sequence).await else {
        return Ok(());
    };
    match stream_there.get_raw_message(sequence).await {
        Err(gone) if gone.kind() == RawMessageErrorKind::NoMessageFound => Ok(()),
        _ => {
            let what = format!("cannot delete message {sequence} of stream {name}");
            Err(Error::because(ErrorKind::Refused, what, error))
        }
    }
}

/// A stream, without asking whether it is there: that would take one permission more.
async fn stream(connection: &Connection, name: String) -> Result<Stream<()>, Error> {
    let what = format!("cannot use stream {name}");
    let stream = connection.jetstream.get_stream_no_info(name).await;
    stream.map_err(|error| Error::because(ErrorKind::Missing, what, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(subject: &str, headers: &[(&str, &str)]) -> Letter {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        Letter {
            sequence: 7,
            subject: subject.into(),
            stored_at: SystemTime::UNIX_EPOCH,
            size: 0,
            headers: map,
            unit: Unit::new("H50"),
        }
    }

    #[test]
    fn a_replay_has_the_headers_of_the_message_and_an_id_of_its_own() {
        let letter = letter(
            "baocao.dead.H50.a%2Eb",
            &[
                ("Content-Type", "text/plain"),
                ("Nats-Msg-Id", "old"),
                ("Baocao-Original-Nats-Msg-Id", "older"),
                ("Baocao-Dead-Submission", "a.b"),
                ("Baocao-Dead-Reason", "not-text"),
                ("traceparent", "00-1-2-3"),
            ],
        );
        let replayed = letter.replayed_headers();
        let said = |name: &str| headers::get(Some(&replayed), name).unwrap_or_default().to_owned();
        assert_eq!(said("ce-id"), "a.b");
        assert_eq!(said("Content-Type"), "text/plain");
        assert_eq!(said("traceparent"), "00-1-2-3");
        assert_eq!(said(headers::REPLAY_OF), "7");
        assert!(said("Nats-Msg-Id").starts_with("baocao.dead.H50.a%2Eb.replay."));
        assert_eq!(replayed.len(), 5, "{replayed:?}");
    }

    #[test]
    fn an_id_that_headers_cannot_carry_stays_in_the_content() {
        let letter = letter("baocao.dead.H50.a%0Ab", &[("Baocao-Dead-Submission", "a b")]);
        let replayed = letter.replayed_headers();
        assert_eq!(headers::id(Some(&replayed)), None);
    }

    #[test]
    fn everything_is_no_selection() {
        assert!(Selection::default().is_everything());
        let by_reason = Selection {
            reason: Some("empty".into()),
            ..Default::default()
        };
        assert!(!by_reason.is_everything());
        assert!(by_reason.takes(&letter("x", &[("Baocao-Dead-Reason", "empty")])));
        assert!(!by_reason.takes(&letter("x", &[("Baocao-Dead-Reason", "not-text")])));
    }
}
