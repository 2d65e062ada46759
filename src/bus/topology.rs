//! Streams and the consumer: creates what is missing, never changes what is there, says what
//! differs.
//!
//! Servers before 2.10 drop fields they do not know without a word, and creating what exists
//! answers with the old configuration; so everything is read back and compared field by field.

use std::{fmt, time::Duration};

use async_nats::jetstream::{
    consumer::{self, AckPolicy, Consumer, DeliverPolicy, FromConsumer, ReplayPolicy, pull},
    response::Response,
    stream::{self, DiscardPolicy, RetentionPolicy, StorageType},
};

use futures::{StreamExt, stream::FuturesUnordered};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::{Connection, Error, ErrorKind, Names, route::Use};
use crate::config::{self, Provision, Stages};

/// Messages that all workers together may hold unacknowledged. Each worker bounds its own share
/// by permits; this only has to be out of the way of many workers and of delayed retries.
const MAX_ACK_PENDING: i64 = 20_000;

/// How soon an unanswered look is repeated.
const ONCE_MORE: Duration = Duration::from_millis(500);

/// A field of a stream or consumer that is not as this program would have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Which stream or consumer.
    pub object: String,
    /// Which field.
    pub field: &'static str,
    /// What this program would have set.
    pub wanted: String,
    /// What the server has.
    pub found: String,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            object,
            field,
            wanted,
            found,
        } = self;
        write!(f, "{object}: {field} is {found}, not {wanted}")
    }
}

/// What there is.
#[derive(Debug)]
pub struct Topology {
    /// The consumer all workers share.
    pub consumer: Consumer<pull::Config>,
    /// What differs.
    pub drifts: Vec<Drift>,
}

impl Topology {
    /// How often the server delivers a message before it gives it up, if it ever does.
    pub fn max_deliver(&self) -> Option<i64> {
        let max_deliver = self.consumer.cached_info().config.max_deliver;
        (max_deliver > 0).then_some(max_deliver)
    }

    /// How often "still working" has to be said at least: the server's clock runs on the first
    /// backoff where there is one, else on `ack_wait`. A quarter of that, so that one word before an election, which
    /// takes ten seconds, and one after it are in time by the default of 20.
    pub fn heartbeat(&self) -> Duration {
        let config = &self.consumer.cached_info().config;
        let shortest = config.backoff.iter().min().copied().unwrap_or(config.ack_wait);
        (shortest / 4).max(Duration::from_millis(50))
    }
}

/// Makes sure that streams and consumer are there.
pub async fn ensure(connection: &Connection, bus: &config::Bus, worker: &config::Worker) -> Result<Topology, Error> {
    let mut drifts = Vec::new();
    let looks = streams(&connection.names, bus, worker.stages)
        .into_iter()
        .map(|wanted| ensure_stream(connection, wanted, bus.provision));
    let looks = futures::future::try_join_all(looks);
    let wanted = consumer_config(&connection.names, worker);
    let stream = input_stream(&connection.names, worker.stages);
    let name = connection.names.consumer();
    // At nearly every start all is there already, and one round of questions is enough.
    let (found, there_already) = futures::join!(looks, consumer_info(connection, &stream, &name));
    for found in found? {
        drifts.extend(found);
    }
    let info = match there_already {
        Ok(info) => info,
        Err(_) => ensure_consumer(connection, &stream, &wanted, bus.provision).await?,
    };
    drifts.extend(consumer_drift(&info.name, &wanted, &info.config));
    for drift in &drifts {
        tracing::warn!(%drift, "not as this version would have made it; left as it is");
    }
    let consumer = consumer(connection, info)?;
    Ok(Topology { consumer, drifts })
}

/// The consumer, where it and the streams were there a moment ago: a stream that nobody leads yet, and that may not be
/// needed for long, holds nothing up.
pub async fn again(connection: &Connection, worker: &config::Worker) -> Result<Topology, Error> {
    let stream = input_stream(&connection.names, worker.stages);
    let info = consumer_info(connection, &stream, &connection.names.consumer()).await?;
    let consumer = consumer(connection, info)?;
    let drifts = Vec::new();
    Ok(Topology { consumer, drifts })
}

/// A consumer that is there.
fn consumer(connection: &Connection, info: consumer::Info) -> Result<Consumer<pull::Config>, Error> {
    let config = pull::Config::try_from_consumer_config(info.config.clone()).map_err(|error| {
        let what = format!("cannot use consumer {}", info.name);
        Error::because(ErrorKind::Refused, what, error)
    })?;
    Ok(Consumer::new(config, info, connection.jetstream.clone()))
}

/// Whether the streams of results, alerts, dead letters and status packets are there, and that of extracted reports
/// where they go. The error is a look that failed.
pub async fn outputs_are_there(connection: &Connection, stages: Stages) -> Result<bool, Error> {
    let names = &connection.names;
    let mut outputs = vec![
        names.processed_stream(),
        names.alerts_stream(),
        names.dead_stream(),
        names.edxml_stream(),
    ];
    if stages == Stages::Extract {
        outputs.push(names.extracted_stream());
    }
    for stream in outputs {
        match stream_info(connection, &stream).await {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Missing => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// The stream that these stages take their work from.
pub fn input_stream(names: &Names, stages: Stages) -> String {
    match stages {
        Stages::All | Stages::Extract => names.received_stream(),
        Stages::Validate => names.extracted_stream(),
    }
}

/// The streams that these stages need, as this program would have them.
pub fn streams(names: &Names, bus: &config::Bus, stages: Stages) -> Vec<stream::Config> {
    let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    let base = stream::Config {
        storage: StorageType::File,
        num_replicas: bus.replicas,
        duplicate_window: Duration::from_secs(120),
        // Readers look up one result by its subject.
        allow_direct: true,
        ..Default::default()
    };
    let kept = |name: String, subject: String, description: &str| stream::Config {
        name,
        subjects: vec![subject],
        description: Some(description.into()),
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_age: days(bus.keep_days),
        ..base.clone()
    };
    let queue = |name: String, subject: String, description: &str| stream::Config {
        name,
        subjects: vec![subject],
        description: Some(description.into()),
        retention: RetentionPolicy::WorkQueue,
        // Somebody may set a limit: then a new report is refused, and no waiting one is lost.
        discard: DiscardPolicy::New,
        ..base.clone()
    };
    let received = || {
        queue(
            names.received_stream(),
            names.all_received(),
            "reports handed in, until they are worked on",
        )
    };
    let extracted = || {
        queue(
            names.extracted_stream(),
            names.all_extracted(),
            "reports extracted, until they are validated",
        )
    };
    let mut streams = match stages {
        Stages::All => vec![received()],
        Stages::Extract => vec![received(), extracted()],
        Stages::Validate => vec![extracted()],
    };
    streams.extend([
        kept(
            names.processed_stream(),
            names.all_processed(),
            "results, one for each submission",
        ),
        kept(names.alerts_stream(), names.all_alerts(), "alerts"),
        kept(
            names.dead_stream(),
            names.all_dead(),
            "reports that could not be worked on, with the reason",
        ),
        kept(
            names.edxml_stream(),
            names.all_edxml(),
            "edXML status packets, for the gateway to the exchange axis",
        ),
        documents(names, &base),
    ]);
    streams
}

/// The stream behind the object store, as clients make one. Nothing in it grows old: a waiting
/// report, a result and a dead letter may all need the same object.
fn documents(names: &Names, base: &stream::Config) -> stream::Config {
    let bucket = names.documents();
    stream::Config {
        name: format!("OBJ_{bucket}"),
        subjects: vec![format!("$O.{bucket}.C.>"), format!("$O.{bucket}.M.>")],
        description: Some("documents and results too large for a message, by SHA-256".into()),
        discard: DiscardPolicy::New,
        allow_rollup: true,
        ..base.clone()
    }
}

/// The consumer as this program would have it.
pub fn consumer_config(names: &Names, worker: &config::Worker) -> pull::Config {
    pull::Config {
        durable_name: Some(names.consumer()),
        description: Some("workers of baocao".into()),
        filter_subject: match worker.stages {
            Stages::All | Stages::Extract => names.all_received(),
            Stages::Validate => names.all_extracted(),
        },
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(worker.ack_wait_seconds),
        deliver_policy: DeliverPolicy::All,
        replay_policy: ReplayPolicy::Instant,
        // Without end: the worker counts deliveries and makes the dead letter itself. A message
        // that the server gave up would lie in the stream where nobody looks.
        max_deliver: -1,
        max_ack_pending: MAX_ACK_PENDING,
        max_batch: 256,
        ..Default::default()
    }
}

/// Reads a stream, creates it if need be, and says how it differs.
async fn ensure_stream(
    connection: &Connection,
    wanted: stream::Config,
    provision: Provision,
) -> Result<Vec<Drift>, Error> {
    let look = stream_info(connection, &wanted.name).await;
    let found = match (look, provision) {
        (Ok(info), _) => info,
        (Err(error), Provision::Missing) if error.kind() == ErrorKind::Missing => {
            create_stream(connection, &wanted).await?
        }
        // Where others own the streams we may not be allowed to look at them; the server then
        // does not answer. The consumer and the publishes will tell.
        (Err(error), Provision::Never) if error.kind() == ErrorKind::TimedOut => {
            tracing::warn!(stream = wanted.name, %error, "cannot look at the stream; assumed to be there");
            return Ok(Vec::new());
        }
        (Err(error), _) => return Err(error),
    };
    Ok(stream_drift(&wanted, &found.config))
}

/// What the server says of a stream.
pub async fn stream_info(connection: &Connection, name: &str) -> Result<stream::Info, Error> {
    look(
        connection,
        &format!("STREAM.INFO.{name}"),
        &format!("look at stream {name}"),
    )
    .await
}

/// Whether it is a matter of the server, or of the connection, that a look came to nothing.
fn is_silence(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::TimedOut | ErrorKind::Unreachable)
}

/// Looks something up. A look that comes while a cluster elects a leader is never answered, and one that comes a moment
/// later is: so it is repeated while the answer is outstanding.
async fn look<T: DeserializeOwned>(connection: &Connection, subject: &str, what: &str) -> Result<T, Error> {
    let ask = async || -> Result<T, Error> {
        let answer: Response<T> = connection
            .jetstream
            .request(subject.to_owned(), &serde_json::json!({}))
            .await
            .map_err(|error| Error::asking(what, &error))?;
        match answer {
            Response::Ok(info) => Ok(info),
            Response::Err { error } => Err(Error::answered(what, &error)),
        }
    };
    let mut asked = FuturesUnordered::new();
    loop {
        asked.push(ask());
        tokio::select! {
            Some(answer) = asked.next() => return answer,
            () = tokio::time::sleep(ONCE_MORE) => {}
        }
    }
}

async fn create_stream(connection: &Connection, wanted: &stream::Config) -> Result<stream::Info, Error> {
    let what = format!("create stream {}", wanted.name);
    let answer: Response<stream::Info> = connection
        .jetstream
        .request(format!("STREAM.CREATE.{}", wanted.name), wanted)
        .await
        .map_err(|error| Error::asking(&what, &error))?;
    match answer {
        Response::Ok(_) => tracing::info!(stream = wanted.name, "created"),
        // Another worker may have been first; what counts is what is there now.
        Response::Err { error } => {
            let error = Error::answered(&what, &error);
            return stream_info(connection, &wanted.name).await.map_err(|_| error);
        }
    }
    stream_info(connection, &wanted.name).await
}

/// Reads the consumer, creates it if need be.
async fn ensure_consumer(
    connection: &Connection,
    stream: &str,
    wanted: &pull::Config,
    provision: Provision,
) -> Result<consumer::Info, Error> {
    let name = wanted.durable_name.as_deref().unwrap_or_default();
    match consumer_info(connection, stream, name).await {
        Err(error) if error.kind() == ErrorKind::Missing && provision == Provision::Missing => {}
        looked => return looked,
    }
    // Strict: where the server knows the action, a consumer that another worker has just made is
    // not changed by ours.
    let created = connection
        .jetstream
        .create_consumer_strict_on_stream(wanted.clone(), stream)
        .await;
    match created {
        Ok(_) => tracing::info!(stream, consumer = name, "created"),
        Err(error) => {
            let error = Error::because(ErrorKind::Refused, format_args!("cannot create consumer {name}"), error);
            return consumer_info(connection, stream, name).await.map_err(|_| error);
        }
    }
    consumer_info(connection, stream, name).await
}

/// What the server says of a consumer.
pub async fn consumer_info(connection: &Connection, stream: &str, name: &str) -> Result<consumer::Info, Error> {
    let what = format!("look at consumer {name} of stream {stream}");
    let asked = Instant::now();
    let answer = look(connection, &format!("CONSUMER.INFO.{stream}.{name}"), &what).await;
    // Whoever works with a consumer may ask for it; streams are asked for in vain where that is not permitted.
    let is_silent = matches!(&answer, Err(error) if is_silence(Error::kind(error)));
    connection.note_use(Use::Look, asked, !is_silent);
    answer
}

/// Collects the fields that differ.
struct Comparison {
    object: String,
    drifts: Vec<Drift>,
}

impl Comparison {
    fn field<T: PartialEq + fmt::Debug>(&mut self, field: &'static str, wanted: &T, found: &T) {
        if wanted != found {
            self.drifts.push(Drift {
                object: self.object.clone(),
                field,
                wanted: format!("{wanted:?}"),
                found: format!("{found:?}"),
            });
        }
    }
}

pub(super) fn stream_drift(wanted: &stream::Config, found: &stream::Config) -> Vec<Drift> {
    let mut compare = Comparison {
        object: format!("stream {}", wanted.name),
        drifts: Vec::new(),
    };
    compare.field("subjects", &wanted.subjects, &found.subjects);
    compare.field("retention", &wanted.retention, &found.retention);
    compare.field("discard", &wanted.discard, &found.discard);
    compare.field("storage", &wanted.storage, &found.storage);
    compare.field("num_replicas", &wanted.num_replicas, &found.num_replicas);
    compare.field("max_age", &wanted.max_age, &found.max_age);
    compare.field("duplicate_window", &wanted.duplicate_window, &found.duplicate_window);
    compare.field("allow_rollup", &wanted.allow_rollup, &found.allow_rollup);
    compare.field("allow_direct", &wanted.allow_direct, &found.allow_direct);
    compare.field("max_msg_size", &-1, &unlimited(found.max_message_size.into()));
    compare.field("max_msgs", &-1, &unlimited(found.max_messages));
    compare.field("max_msgs_per_subject", &-1, &unlimited(found.max_messages_per_subject));
    compare.field("max_bytes", &-1, &unlimited(found.max_bytes));
    compare.field("no_ack", &false, &found.no_ack);
    compare.field("sealed", &false, &found.sealed);
    compare.drifts
}

pub(super) fn consumer_drift(name: &str, wanted: &pull::Config, found: &consumer::Config) -> Vec<Drift> {
    let mut compare = Comparison {
        object: format!("consumer {name}"),
        drifts: Vec::new(),
    };
    compare.field("filter_subject", &wanted.filter_subject, &found.filter_subject);
    compare.field("ack_policy", &wanted.ack_policy, &found.ack_policy);
    compare.field("ack_wait", &wanted.ack_wait, &found.ack_wait);
    compare.field("deliver_policy", &wanted.deliver_policy, &found.deliver_policy);
    compare.field("max_deliver", &wanted.max_deliver, &unlimited(found.max_deliver));
    compare.field("max_ack_pending", &wanted.max_ack_pending, &found.max_ack_pending);
    compare.field("max_batch", &wanted.max_batch, &found.max_batch);
    compare.field("backoff", &wanted.backoff, &found.backoff);
    compare.field("headers_only", &false, &found.headers_only);
    compare.field("deliver_subject", &None, &found.deliver_subject);
    compare.drifts
}

/// Servers write "no limit" as 0 or -1.
fn unlimited(limit: i64) -> i64 {
    if limit <= 0 { -1 } else { limit }
}
