//! The other side of the bus: handing reports in, and watching what comes out.

use std::time::{Duration, Instant, SystemTime};

use async_nats::{
    HeaderMap, jetstream::consumer::DeliverPolicy, jetstream::consumer::pull::OrderedConfig,
    jetstream::message::PublishMessage, jetstream::stream::DirectGetErrorKind,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use prost::Message;

use super::{Connection, Documents, Error, ErrorKind, Reference, Unit, headers, publish::is_undecided, route::Use};
use crate::{proto::baocao::v1 as pb, telemetry::traces, wire};

/// Type of the event of a report handed in.
pub const SUBMITTED: &str = "vn.baocao.report.submitted.v1";
/// Type of the event of a report that was extracted and waits to be validated.
pub const EXTRACTED: &str = "vn.baocao.report.extracted.v1";
/// Type of the event of a result.
pub const PROCESSED: &str = "vn.baocao.report.processed.v1";
/// Type of the event of an edXML status packet.
pub const EDXML_STATUS: &str = "vn.baocao.edxml.status.v1";
/// Type of the event of an alert.
pub const ALERT: &str = "vn.baocao.alert.v1";

/// Bytes of a message that are kept for headers, those of a dead letter included.
const ROOM_FOR_HEADERS: usize = 4096;

/// How long a submitter waits for a stream that nobody leads, which is longer than an election takes; and how long
/// between two tries.
const OUTAGE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(250);

/// Largest result that is fetched from the object store.
const MAX_RESULT: u64 = 1 << 30;

/// What became of a submission on the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Where it was published.
    pub subject: String,
    /// Its id: results and alerts carry it.
    pub submission_id: String,
    /// Whether the same id was handed in within the last minutes already.
    pub duplicate: bool,
}

/// Hands in a report: its unit becomes the subject, its id the message id. An empty id becomes the
/// content's hash, as the worker would have it. A content too large for a message goes to the object
/// store. Returns when the bus has stored it.
pub async fn submit(connection: &Connection, mut submission: pb::ReportSubmission) -> Result<Submitted, Error> {
    if submission.submission_id.is_empty() {
        submission.submission_id = content_id(&submission.content);
    }
    let submission_id = submission.submission_id.clone();
    let subject = connection.names.received(&Unit::new(&submission.unit));
    let made_at = submission.submitted_at.and_then(|time| SystemTime::try_from(time).ok());
    let made_at = made_at.unwrap_or_else(SystemTime::now);
    let mut headers = headers::event(&submission_id, SUBMITTED, &submission_id, made_at, None);
    // With the unit: the server drops a second message of the same id, whoever it is from.
    headers::set_message_id(&mut headers, &format!("{subject} {submission_id}"));
    if !submission.source.is_empty() {
        headers::set_attribute(&mut headers, "ce-source", &submission.source);
    }
    traces::inject(&mut headers);
    let room = connection.client.max_payload().saturating_sub(ROOM_FOR_HEADERS);
    if submission.encoded_len() > room {
        keep_apart(connection, &mut submission).await?;
    }
    let publish = PublishMessage::build()
        .headers(headers)
        .payload(submission.encode_to_vec().into());
    let duplicate = store(connection, &subject, &publish).await?;
    Ok(Submitted {
        subject,
        submission_id,
        duplicate,
    })
}

/// Puts the content of a submission into the object store, and says so in it.
pub(super) async fn keep_apart(connection: &Connection, submission: &mut pb::ReportSubmission) -> Result<(), Error> {
    let content = Bytes::from(std::mem::take(&mut submission.content));
    let keep = |_| connection.keep(content.clone());
    let Reference { name, size } = through_an_outage(connection, keep).await?;
    let size = size as u64;
    submission.content_sha256 = name.clone();
    submission.content_size = size;
    submission.content_object = Some(pb::StoredObject { name, size });
    Ok(())
}

/// Publishes a message that has an id, and waits until it is stored; whether somebody had stored it before. What passes
/// by itself is waited for: with the same id the message is stored once, however often it is sent.
pub(super) async fn store(connection: &Connection, subject: &str, publish: &PublishMessage) -> Result<bool, Error> {
    through_an_outage(connection, |tries| {
        try_to_store(connection, subject, publish.clone(), tries)
    })
    .await
}

async fn try_to_store(
    connection: &Connection,
    subject: &str,
    publish: PublishMessage,
    tries: u32,
) -> Result<bool, Error> {
    let asked = tokio::time::Instant::now();
    let sent = connection.jetstream.send_publish(subject.to_owned(), publish).await;
    let acknowledged = match sent {
        Ok(acknowledgement) => acknowledgement.await,
        Err(error) => Err(error),
    };
    let stored = match acknowledged {
        Ok(acknowledgement) if is_undecided(&acknowledgement) => Err(Error::undecided(subject)),
        // What an earlier try has stored unheard is no duplicate.
        Ok(acknowledgement) => Ok(acknowledgement.duplicate && tries == 1),
        Err(error) => Err(Error::publishing(subject, &error)),
    };
    let is_in_vain = matches!(&stored, Err(error) if passes(connection, error));
    connection.note_use(Use::Publish, asked, !is_in_vain);
    stored
}

/// Whether an error may be gone in a moment.
fn passes(connection: &Connection, error: &Error) -> bool {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::Unreachable => true,
        // A cluster may be about to choose a leader; a single server has no such stream.
        ErrorKind::Missing => connection.client.server_info().cluster.is_some(),
        _ => false,
    }
}

/// Does what may be done several times until it works, as long as an outage of a cluster takes. `act` is told which try
/// it is.
async fn through_an_outage<T, F: Future<Output = Result<T, Error>>>(
    connection: &Connection,
    mut act: impl FnMut(u32) -> F,
) -> Result<T, Error> {
    let began = Instant::now();
    let mut tries = 0;
    loop {
        tries += 1;
        match act(tries).await {
            Err(error) if passes(connection, &error) && began.elapsed() <= OUTAGE => {}
            done => return done,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The id of a submission that brings none: the first 32 hex digits of the SHA-256 of its content.
pub fn content_id(content: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    super::names::hex(&Sha256::digest(content)[..16])
}

/// The whole of a result that was too large for a message; others come back as they are.
pub async fn whole(connection: &Connection, result: pb::ReportProcessed) -> Result<pb::ReportProcessed, Error> {
    let Some(pb::StoredObject { name, size }) = result.whole.clone() else {
        return Ok(result);
    };
    if size > MAX_RESULT {
        return Err(Error::new(ErrorKind::TooLarge, format!("a result of {size} bytes")));
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let content = connection.fetch(&Reference { name, size }).await?;
    pb::ReportProcessed::decode(content)
        .map_err(|error| Error::because(ErrorKind::Malformed, "not a ReportProcessed", error))
}

/// The result of a submission, whole, if there is one yet.
pub async fn result_of(connection: &Connection, unit: &Unit, id: &str) -> Result<Option<pb::ReportProcessed>, Error> {
    let names = &connection.names;
    let what = format!("cannot look for the result of {id}");
    let stream = connection.jetstream.get_stream_no_info(names.processed_stream());
    let stream = stream
        .await
        .map_err(|error| Error::because(ErrorKind::Missing, &what, error))?;
    // A direct get has its subject in that of the request: permissions can be given unit by unit.
    match stream.direct_get_last_for_subject(names.processed(unit, id)).await {
        Ok(message) => {
            let result = from_payload(Some(&message.headers), &message.payload)?;
            whole(connection, result).await.map(Some)
        }
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::because(ErrorKind::Unreachable, what, error)),
    }
}

/// Something that came out.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A result.
    Processed(Box<pb::ReportProcessed>),
    /// An alert.
    Alert(Box<pb::Alert>),
}

impl Event {
    /// The submission it is about.
    pub fn submission(&self) -> Option<&pb::ReportSubmission> {
        match self {
            Event::Processed(processed) => processed.submission.as_ref(),
            Event::Alert(alert) => alert.submission.as_ref(),
        }
    }
}

/// An event as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it is.
    pub event: Event,
    /// The subject it came on.
    pub subject: String,
    /// Its headers.
    pub headers: Option<HeaderMap>,
}

/// From where on to watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// Only what comes from now on.
    Now,
    /// All that the streams hold, then what comes.
    Beginning,
    /// What came within this time, then what comes.
    Last(Duration),
}

/// Results and alerts as they come, each in the order of its stream. It never ends by itself;
/// an error in between is one event that could not be read, or a consumer that is made anew.
pub async fn watch(
    connection: &Connection,
    from: From,
) -> Result<impl Stream<Item = Result<Event, Error>> + Send + Unpin + use<>, Error> {
    let seen = watch_messages(connection, from).await?;
    Ok(seen.map(|seen| Ok(seen?.event)))
}

/// [`watch`], with the headers.
pub async fn watch_messages(
    connection: &Connection,
    from: From,
) -> Result<impl Stream<Item = Result<Seen, Error>> + Send + Unpin + use<>, Error> {
    let names = &connection.names;
    let alerts = listen(connection, names.alerts_stream(), names.all_alerts(), from).await?;
    let results = listen(connection, names.processed_stream(), names.all_processed(), from).await?;
    let alerts = alerts.map(|message| seen(message?, |alert| Event::Alert(Box::new(alert))));
    let results = results.map(|message| seen(message?, |result| Event::Processed(Box::new(result))));
    Ok(stream::select(alerts, results))
}

fn seen<M: wire::Json>(message: async_nats::jetstream::Message, of: fn(M) -> Event) -> Result<Seen, Error> {
    let message = message.message;
    Ok(Seen {
        event: of(from_payload(message.headers.as_ref(), &message.payload)?),
        subject: message.subject.into_string(),
        headers: message.headers,
    })
}

/// The messages of a stream, in order, by a consumer of our own that vanishes with us.
async fn listen(
    connection: &Connection,
    stream: String,
    filter_subject: String,
    from: From,
) -> Result<impl Stream<Item = Result<async_nats::jetstream::Message, Error>> + Send + Unpin + use<>, Error> {
    let what = format!("cannot watch stream {stream}");
    let deliver_policy = match from {
        From::Now => DeliverPolicy::New,
        From::Beginning => DeliverPolicy::All,
        From::Last(time) => DeliverPolicy::ByStartTime {
            start_time: (SystemTime::now() - time).into(),
        },
    };
    let config = OrderedConfig {
        filter_subject,
        deliver_policy,
        ..Default::default()
    };
    let consumer = connection
        .jetstream
        .create_consumer_on_stream(config, &stream)
        .await
        .map_err(|error| Error::because(ErrorKind::Missing, &what, error))?;
    let messages = consumer
        .messages()
        .await
        .map_err(|error| Error::because(ErrorKind::Unreachable, &what, error))?;
    Ok(messages.map(move |message| message.map_err(|error| Error::because(ErrorKind::Unreachable, &what, error))))
}

/// A message of the contract, by its content type.
pub fn from_payload<M: wire::Json>(incoming: Option<&HeaderMap>, payload: &[u8]) -> Result<M, Error> {
    let what = format!("not a {}", M::NAME);
    if headers::get(incoming, headers::CONTENT_TYPE) == Some(headers::JSON) {
        return wire::from_json(payload).map_err(|error| Error::because(ErrorKind::Malformed, what, error));
    }
    M::decode(payload).map_err(|error| Error::because(ErrorKind::Malformed, what, error))
}
