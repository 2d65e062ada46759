//! The stages as async handlers: concurrency, heartbeats, retry, drain.
//!
//! The only module that knows both the bus and the core.
//!
//! - [`run`]: connect, provide for streams and consumer, pull, hand out, drain;
//! - [`handle`]: one message, from its delivery to its acknowledgement;
//! - `readers`: the threads that read;
//! - [`job`]: one report, from its bytes to the messages that go out;
//! - [`envelope`]: what a message holds;
//! - [`extracted`]: the same, of what another worker has extracted;
//! - `status`: what the sender of an edXML packet is told;
//! - [`service`]: the same job for a request that waits;
//! - [`live`]: the settings in force, which may change while it runs;
//! - [`control`]: requests to change them.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use futures::StreamExt;
use tokio::{
    sync::{Notify, RwLock, Semaphore},
    task::{self, JoinError, JoinSet},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{
    handle::{End, Handler},
    readers::Readers,
};
use crate::{
    bus::{
        self, Connection, Delivery, ErrorKind,
        delivery::Incoming,
        given_up::{AT_ONCE, Watched},
        intake::{Budget, Caution, Intake, Reservation},
        topology,
    },
    config::{self, Provision, Settings, Stages},
    telemetry::{Health, health, logs, metrics},
    vocabulary::OverlayError,
};

pub mod control;
pub mod envelope;
pub mod extracted;
pub mod handle;
pub mod job;
pub mod live;
mod readers;
pub mod service;
mod stages;
mod status;

pub use bus::headers::{PROCESSED, REFUSED};
pub use control::Reread;
pub use live::Live;

/// Longest pause between two attempts to connect or to find streams and consumer: short, since it comes on top of the
/// time that a cluster takes to elect a leader.
const MAX_PAUSE: Duration = Duration::from_millis(800);

/// How often the output streams are looked for; and how often after so many looks without an answer.
const LOOK: Duration = Duration::from_secs(5);
const LOOKS_IN_VAIN: usize = 3;
const SELDOM: Duration = Duration::from_secs(60);

/// How soon streams and consumer are provided for again.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// How soon messages are looked for that the server does not deliver any more, and how often later.
const FIRST_LOOK_FOR_GIVEN_UP: Duration = Duration::from_secs(2);
const LOOK_FOR_GIVEN_UP: Duration = Duration::from_secs(30);

/// How often the server is asked how much waits in the queue.
const LOOK_AT_QUEUE: Duration = Duration::from_secs(10);

/// How long messages that did not finish in time have to say so.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a worker did in its life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    ends: HashMap<End, u64>,
    /// Messages that were still worked on when the time to drain was over.
    pub abandoned: u64,
}

impl Summary {
    /// How many messages came to this end.
    pub fn count(&self, end: End) -> u64 {
        self.ends.get(&end).copied().unwrap_or_default()
    }
}

/// On one line.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} processed, {} refused, {} given up, {} done before, {} to be delivered again, {} unconfirmed, {} abandoned",
            self.count(End::Processed),
            self.count(End::Refused),
            self.count(End::GivenUp),
            self.count(End::AlreadyDone),
            self.count(End::Retried),
            self.count(End::Unconfirmed),
            self.abandoned,
        )
    }
}

/// Why a worker cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bus, in a way that waiting does not mend.
    #[error(transparent)]
    Bus(#[from] bus::Error),
    /// The files that add words and names.
    #[error(transparent)]
    Vocabulary(#[from] OverlayError),
    /// The address for probes cannot be used.
    #[error("cannot listen on telemetry.http_listen {address:?}: {error}")]
    Listen {
        /// The setting.
        address: String,
        /// What is wrong with it.
        error: std::io::Error,
    },
}

/// Works until `shutdown` completes, then drains. Returns early only for what waiting cannot mend:
/// contradictory settings, a server that does not let us in.
pub async fn run(settings: Settings, shutdown: impl Future<Output = ()>) -> Result<Summary, Error> {
    run_with(settings, Arc::new(Health::default()), shutdown).await
}

/// [`run`], with a health that somebody else looks at, too.
pub async fn run_with(
    settings: Settings,
    health: Arc<Health>,
    shutdown: impl Future<Output = ()>,
) -> Result<Summary, Error> {
    run_reloading(settings, None, health, shutdown).await
}

/// [`run_with`], and on SIGHUP or when an operator asks for it, with the settings that `reread` gives.
pub async fn run_reloading(
    settings: Settings,
    reread: Option<Reread>,
    health: Arc<Health>,
    shutdown: impl Future<Output = ()>,
) -> Result<Summary, Error> {
    let address = settings.telemetry.http_listen.clone();
    let _probes = match address.as_str() {
        "" => None,
        _ => {
            let listening = health::serve(&address, health.clone()).await;
            Some(listening.map_err(|error| Error::Listen { address, error })?)
        }
    };
    let threads = match settings.worker.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let mut worker = Worker {
        readers: Arc::new(Readers::new(threads)),
        settings,
        health,
        tasks: JoinSet::new(),
        stopping: CancellationToken::new(),
        gone: Arc::default(),
        company: Arc::default(),
        suspect: None,
        caution: Caution::default(),
        given_up: JoinSet::new(),
        summary: Summary::default(),
    };
    // The bus takes its time to answer; the words and names can be read meanwhile.
    let words = task::spawn_blocking({
        let settings = worker.settings.clone();
        move || settings.vocabulary()
    });
    let mut shutdown = std::pin::pin!(shutdown);
    let words = async {
        words
            .await
            .unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
            .map_err(Error::from)
    };
    let connected = async { worker.connect().await.map_err(Error::from) };
    let (vocabulary, connection) = tokio::select! {
        both = async { futures::try_join!(words, connected) } => both?,
        () = &mut shutdown => return Ok(worker.summary),
    };
    // The first report would wait for the tables.
    let tables = vocabulary.clone();
    task::spawn_blocking(move || job::build_tables(&tables));
    let health_follows = tokio::spawn(follow(connection.clone(), worker.health.clone()));
    let outputs = look_after_outputs(
        connection.clone(),
        worker.settings.worker.stages,
        worker.health.clone(),
        worker.gone.clone(),
    );
    let outputs = tokio::spawn(outputs);
    let queue = topology::input_stream(&connection.names, worker.settings.worker.stages);
    let queue = tokio::spawn(look_at_queue(connection.clone(), queue, worker.caution.clone()));
    let live = Arc::new(Live::new(&worker.settings, &connection.names, vocabulary));
    tracing::info!(configuration = live.core().configuration(), "settings in force");
    let control = tokio::spawn(control::obey(connection.clone(), live.clone(), reread));
    let service = match service::start(&connection, &worker.settings, live.clone()).await {
        Ok(service) => service,
        // The queue is worked on all the same.
        Err(error) => {
            tracing::error!(%error, "there is no service");
            None
        }
    };
    let intake = worker.work(&connection, live, shutdown).await;
    worker.health.set_draining();
    if let Some(service) = service {
        service.stop().await;
    }
    worker.drain(&connection, intake).await;
    health_follows.abort();
    outputs.abort();
    queue.abort();
    control.abort();
    logs::tell_all_held_back();
    tracing::info!(summary = %worker.summary, "stopped");
    Ok(worker.summary)
}

/// Keeps the health informed of the connection.
async fn follow(connection: Connection, health: Arc<Health>) {
    let mut connected = connection.connected();
    loop {
        health.set_connected(*connected.borrow_and_update());
        if connected.changed().await.is_err() {
            return;
        }
    }
}

/// Looks every few seconds whether the output streams are there: a worker without anything to do
/// would not notice.
async fn look_after_outputs(connection: Connection, stages: Stages, health: Arc<Health>, gone: Arc<Notify>) {
    let mut in_vain = 0;
    loop {
        tokio::time::sleep(if in_vain < LOOKS_IN_VAIN { LOOK } else { SELDOM }).await;
        if !connection.is_connected() {
            continue;
        }
        match topology::outputs_are_there(&connection, stages).await {
            Ok(are_there) => {
                in_vain = 0;
                health.set_outputs_there(are_there);
                if !are_there {
                    tracing::warn!("an output stream is gone");
                    gone.notify_one();
                }
            }
            Err(error) => {
                tracing::debug!(%error, "looking after the outputs");
                in_vain += usize::from(error.kind() == ErrorKind::TimedOut && connection.is_connected());
                if in_vain == LOOKS_IN_VAIN {
                    // Most likely we may not look; each look is an error in the log of the server.
                    tracing::warn!("cannot look after the output streams; only failing publishes will tell");
                }
            }
        }
    }
}

/// Ends what lies in the queue and is not delivered any more: makes dead letters of what the server has given up, and
/// settles what was acknowledged and is there again.
async fn look_after_given_up(watched: Watched, handler: Arc<Handler<Connection>>) {
    let mut advisories = match watched.gives_up() {
        true => match watched.advisories().await {
            Ok(advisories) => Some(advisories),
            Err(error) => return tracing::error!(%error, "messages that the server gives up stay where they are"),
        },
        false => None,
    };
    // Soon after the connection is up, since a server that was killed is what brings messages back; then seldom.
    let mut pause = FIRST_LOOK_FOR_GIVEN_UP;
    let mut seen = HashSet::new();
    loop {
        let advisory = async {
            match &mut advisories {
                Some(advisories) => advisories.next().await,
                None => None,
            }
        };
        let found = tokio::select! {
            Some(advisory) = advisory => watched.of_advisory(&advisory.payload).await.map(Vec::from_iter),
            () = tokio::time::sleep(pause.mul_f64(rand::random_range(0.8..1.2))) => {
                pause = (pause * 2).min(LOOK_FOR_GIVEN_UP);
                watched.look().await
            }
        };
        let found = found.unwrap_or_else(|error| {
            tracing::warn!(%error, "looking for messages that the server does not deliver any more");
            Vec::new()
        });
        if found.len() == AT_ONCE {
            pause = FIRST_LOOK_FOR_GIVEN_UP;
        }
        let before = std::mem::replace(&mut seen, found.iter().map(|message| message.meta().sequence).collect());
        for message in found {
            let sequence = message.meta().sequence;
            let ended = if watched.gives_up() {
                handler.put_away(&message).await
            } else if before.contains(&sequence) {
                tracing::warn!(sequence, "an acknowledged report is in the queue again; settling it");
                handler.settle(message).await
            } else {
                // On its way out, perhaps.
                continue;
            };
            if let Err(error) = ended {
                tracing::warn!(%error, sequence, "cannot end it yet");
            }
        }
    }
}

/// Asks every few seconds how much waits in the queue, for the metrics, and what was delivered before, for the intake.
async fn look_at_queue(connection: Connection, stream: String, caution: Caution) {
    let consumer = connection.names.consumer();
    loop {
        let (mut pending, mut unacknowledged) = (f64::NAN, f64::NAN);
        if connection.is_connected() {
            match topology::consumer_info(&connection, &stream, &consumer).await {
                Ok(info) => {
                    caution.note(&info);
                    (pending, unacknowledged) = (info.num_pending as f64, info.num_ack_pending as f64);
                }
                Err(error) => tracing::debug!(%error, "looking at the queue"),
            }
        }
        logs::tell_held_back();
        metrics().queue_pending.set(pending);
        metrics().queue_unacknowledged.set(unacknowledged);
        tokio::time::sleep(LOOK_AT_QUEUE).await;
    }
}

/// Waits until it is told that something is gone, but a moment at least: while a cluster elects leaders, its streams are
/// gone for every report in hand, over and over.
async fn told_at_leisure(gone: &Notify, since: Instant) {
    tokio::time::sleep_until(since + BETWEEN_LOOKS).await;
    gone.notified().await;
}

struct Worker {
    settings: Settings,
    /// The threads that read.
    readers: Arc<Readers>,
    health: Arc<Health>,
    tasks: JoinSet<End>,
    stopping: CancellationToken,
    /// Told when a stream or the consumer turns out to be gone.
    gone: Arc<Notify>,
    /// Held by all reports in hand, by one alone if it is suspect.
    company: Arc<RwLock<()>>,
    /// The suspect report in hand: nothing is pulled beside it.
    suspect: Option<task::Id>,
    /// Whether reports are about that were delivered before.
    caution: Caution,
    /// Looks after messages that the server does not deliver any more.
    given_up: JoinSet<()>,
    summary: Summary,
}

impl Worker {
    /// Connects, however long it takes.
    async fn connect(&self) -> Result<Connection, bus::Error> {
        let mut pause = Pause::default();
        loop {
            match bus::connect(&self.settings.bus, "baocao-worker").await {
                Ok(connection) => return Ok(connection),
                Err(error) if matches!(error.kind(), ErrorKind::Settings | ErrorKind::Unauthorized) => {
                    return Err(error);
                }
                Err(error) => tracing::warn!(%error, "will try again; `baocao doctor` says what to do"),
            }
            pause.take().await;
        }
    }

    /// Pulls and hands out until shutdown; returns the intake that has to be closed.
    async fn work(
        &mut self,
        connection: &Connection,
        live: Arc<Live>,
        shutdown: impl Future<Output = ()>,
    ) -> Option<Intake> {
        let mut shutdown = std::pin::pin!(shutdown);
        let budget = Budget::new(
            self.settings.worker.concurrency,
            self.settings.worker.max_bytes_in_flight,
        );
        let mut pause = Pause::default();
        let mut is_all_there = false;
        loop {
            let opened = tokio::select! {
                opened = self.open(connection, &live, &budget, is_all_there) => opened,
                () = &mut shutdown => return None,
            };
            match opened {
                Ok((mut intake, handler)) => {
                    self.health.set_pulling(true);
                    pause = Pause::default();
                    tokio::select! {
                        error = self.pull(&mut intake, &handler) => {
                            is_all_there = error.kind() != ErrorKind::Missing;
                            tracing::warn!(%error, "looking for streams and consumer again");
                        }
                        () = &mut shutdown => return Some(intake),
                    }
                    self.health.set_pulling(false);
                    intake.close().await;
                }
                Err(error) => {
                    is_all_there = is_all_there && error.kind() != ErrorKind::Missing;
                    match (error.kind(), self.settings.bus.provision) {
                        (ErrorKind::Missing, Provision::Never) => tracing::warn!(
                            %error,
                            "will try again; bus.provision is \"never\", so somebody else has to create it: start a worker \
                             once with \"missing\", as a user who may"
                        ),
                        _ => tracing::warn!(%error, "will try again; `baocao doctor` says what to do"),
                    }
                }
            }
            tokio::select! {
                () = pause.take() => {}
                () = &mut shutdown => return None,
            }
        }
    }

    /// Provides for streams and consumer, unless all is there, and begins to pull.
    async fn open(
        &mut self,
        connection: &Connection,
        live: &Arc<Live>,
        budget: &Budget,
        is_all_there: bool,
    ) -> Result<(Intake, Arc<Handler<Connection>>), bus::Error> {
        let topology = match is_all_there {
            true => topology::again(connection, &self.settings.worker).await?,
            false => topology::ensure(connection, &self.settings.bus, &self.settings.worker).await?,
        };
        let handler = Arc::new(Handler {
            outlet: connection.clone(),
            live: live.clone(),
            settings: config::Worker {
                max_deliver: topology
                    .max_deliver()
                    .unwrap_or(i64::MAX)
                    .min(self.settings.worker.max_deliver),
                ..self.settings.worker.clone()
            },
            heartbeat: topology.heartbeat(),
            stopping: self.stopping.clone(),
            gone: self.gone.clone(),
            health: self.health.clone(),
            company: self.company.clone(),
            fetching: Semaphore::new(self.large_documents()),
            readers: self.readers.clone(),
        });
        let watched = Watched::new(connection, topology.consumer.cached_info());
        self.given_up = JoinSet::new();
        self.given_up.spawn(look_after_given_up(watched, handler.clone()));
        let (budget, caution) = (budget.clone(), self.caution.clone());
        let max_deliver = handler.settings.max_deliver;
        let intake = Intake::open(connection.clone(), topology, budget, max_deliver, caution).await?;
        tracing::info!(consumer = connection.names.consumer(), "working");
        Ok((intake, handler))
    }

    /// How many documents from the object store may be in memory at once.
    fn large_documents(&self) -> usize {
        (self.settings.worker.max_bytes_in_flight / self.settings.decode.max_bytes.max(1)).max(1)
    }

    /// Pulls and hands out until the intake fails.
    async fn pull(&mut self, intake: &mut Intake, handler: &Arc<Handler<Connection>>) -> bus::Error {
        let began = Instant::now();
        loop {
            tokio::select! {
                next = intake.next(self.suspect.is_some()) => match next {
                    Ok((incoming, room)) => self.hand_out(incoming, room, handler.clone()),
                    Err(error) => return error,
                },
                Some(ended) = self.tasks.join_next_with_id() => self.note(ended),
                () = told_at_leisure(&self.gone, began) => {
                    return bus::Error::new(ErrorKind::Missing, "a stream or the consumer is gone");
                }
            }
        }
    }

    fn hand_out(&mut self, incoming: Incoming, room: Reservation, handler: Arc<Handler<Connection>>) {
        tracing::debug!(
            subject = incoming.subject(),
            sequence = incoming.meta().sequence,
            "received"
        );
        metrics().received.inc();
        if incoming.meta().deliveries > 1 {
            metrics().redelivered.inc();
        }
        let room = (room, metrics().hold(incoming.payload().len()));
        if handler.is_suspect(incoming.meta().deliveries) {
            let suspect = self.tasks.spawn(async move { handler.handle(incoming, room).await });
            self.suspect = Some(suspect.id());
            return;
        }
        // Free, since nothing is pulled beside a suspect; and taken here, so that a suspect that comes next waits.
        let company = self.company.clone().try_read_owned();
        self.tasks.spawn(async move {
            let _company = company;
            handler.handle(incoming, room).await
        });
    }

    /// Counts the end of a message.
    fn note(&mut self, ended: Result<(task::Id, End), JoinError>) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        self.suspect = self.suspect.filter(|suspect| *suspect != id);
        match ended {
            Ok((_, end)) => *self.summary.ends.entry(end).or_default() += 1,
            Err(error) => {
                // The message stays unacknowledged and is delivered again.
                tracing::error!(is_panic = error.is_panic(), "a handler failed");
                self.summary.abandoned += 1;
            }
        }
    }

    /// Finishes what is in flight, or gives it back when the time is over.
    async fn drain(&mut self, connection: &Connection, intake: Option<Intake>) {
        self.health.set_pulling(false);
        self.given_up.abort_all();
        tracing::info!(in_flight = self.tasks.len(), "draining");
        if let Some(intake) = intake {
            intake.close().await;
        }
        let patience = Duration::from_secs(self.settings.worker.drain_seconds);
        if timeout(patience, self.finish()).await.is_err() {
            self.stopping.cancel();
            // They say what they have to say, and are then cut off.
            let _ = timeout(LAST_WORDS, self.finish()).await;
            self.summary.abandoned += self.tasks.len() as u64;
            self.tasks.abort_all();
        }
        if let Err(error) = connection.flush(LAST_WORDS).await {
            tracing::warn!(%error, "at the end");
        }
    }

    async fn finish(&mut self) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.note(ended);
        }
    }
}

/// Pauses that grow, with jitter.
#[derive(Default)]
struct Pause {
    taken: u32,
}

impl Pause {
    async fn take(&mut self) {
        let longest = Duration::from_millis(100 << self.taken.min(6)).min(MAX_PAUSE);
        self.taken += 1;
        tokio::time::sleep(longest.mul_f64(rand::random_range(0.5..1.0))).await;
    }
}
