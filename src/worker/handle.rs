//! What happens to one message, from its delivery to its acknowledgement.
//!
//! The order is what keeps everything: alerts, then the result, then the dead letter if it is
//! one, and the acknowledgement last. Whatever breaks in between leaves the message unacknowledged;
//! its next delivery finds what is stored already and goes on from there.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::{
    sync::{Notify, RwLock, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::{
    Live,
    job::{self, Core, Input, Output, Work},
    readers::Readers,
};
use crate::{
    bus::{Delivery, Documents, Error, ErrorKind, Outgoing, Outlet, Published, Reference},
    config,
    decode::Refusal,
    telemetry::{
        Health, metrics,
        traces::{self, TARGET},
    },
};

/// Tries of one acknowledgement or read within one delivery: a short silence of the server need
/// not cost a delivery.
const TRIES: u32 = 3;

/// Pauses between tries: doubled each time. Short at their longest, since they come on top of the
/// time that a cluster takes to elect a leader.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// After how many tries a stream that is not there is looked for once more.
const TRIES_BETWEEN_LOOKS: u32 = 8;

/// Deliveries that a suspect report has to itself before it is given up: see
/// [`Handler::is_suspect`].
const ALONE: i64 = 3;

/// Alerts of one report that are on their way at once.
const ALERTS_AT_ONCE: usize = 16;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Read, checked, published.
    Processed,
    /// An earlier delivery had published it all.
    AlreadyDone,
    /// It cannot be read; a refusal is published, and a dead letter.
    Refused,
    /// It was tried too often; a refusal is published, and a dead letter.
    GivenUp,
    /// It will be delivered again.
    Retried,
    /// All is published; whether the acknowledgement was heard is not known.
    Unconfirmed,
}

/// Why a delivery did not come to its end.
#[derive(Debug)]
enum Failure {
    Bus(Error),
    TooSlow,
    Stopping,
}

impl Failure {
    fn describe(&self) -> String {
        match self {
            Failure::Bus(error) => error.to_string(),
            Failure::TooSlow => "it took longer than worker.max_handling_seconds".into(),
            Failure::Stopping => "the worker stops".into(),
        }
    }
}

impl Failure {
    /// One word, for metrics.
    fn cause(&self) -> &'static str {
        match self {
            Failure::Bus(_) => "bus",
            Failure::TooSlow => "slow",
            Failure::Stopping => "stopping",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Bus(error)
    }
}

/// What handling depends on.
pub struct Handler<O> {
    /// Where messages go out.
    pub outlet: O,
    /// What reads and checks, by the settings in force.
    pub live: Arc<Live>,
    /// Tries, delays, times.
    pub settings: config::Worker,
    /// How often the server wants to hear of a message that is worked on.
    pub heartbeat: Duration,
    /// Cancelled when the worker can wait no longer.
    pub stopping: CancellationToken,
    /// Told when a stream or the consumer turns out to be gone.
    pub gone: Arc<Notify>,
    /// Told whether things go out.
    pub health: Arc<Health>,
    /// Held while a document from the object store is in memory, which the room for its message
    /// does not count.
    pub fetching: Semaphore,
    /// Where texts are read: more threads than processors only take memory and each other's caches.
    pub readers: Arc<Readers>,
    /// Held by all reports in hand, by one alone if it is suspect.
    pub company: Arc<RwLock<()>>,
}

/// How long one document has been read, without the times that the bus makes it wait.
#[derive(Clone, Default)]
struct Stopwatch(Arc<Mutex<Option<Instant>>>);

impl Stopwatch {
    fn set(&self, began: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = began;
    }

    fn elapsed(&self) -> Duration {
        let began = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        began.map(|began| began.elapsed()).unwrap_or_default()
    }
}

/// Whom a call waits for when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// A few tries.
    Short,
    /// Until somebody has put it right: an outage of the bus is no fault of the document, so it
    /// costs no delivery. What is in hand stays there, nothing more is taken, and readiness says
    /// why.
    Endless,
}

impl Patience {
    /// Whether the same call may fare better in a moment.
    fn allows(self, tries: u32, kind: ErrorKind) -> bool {
        match kind {
            ErrorKind::TimedOut | ErrorKind::Unreachable => self == Patience::Endless || tries < TRIES,
            ErrorKind::Missing | ErrorKind::Full => self == Patience::Endless,
            ErrorKind::Settings
            | ErrorKind::Unauthorized
            | ErrorKind::Absent
            | ErrorKind::TooLarge
            | ErrorKind::Refused
            | ErrorKind::Malformed => false,
        }
    }
}

impl<O> Handler<O> {
    /// Whether a message has to be handled with no other in hand. A document that kills the whole
    /// process takes with it what is in hand beside it, and nobody can tell which of them it was.
    /// So the last few times before a report is given up it is alone: what is given up, then, has
    /// killed alone, and what stood beside it is read.
    pub fn is_suspect(&self, deliveries: i64) -> bool {
        deliveries > (self.settings.max_deliver - ALONE).max(1) && deliveries <= self.settings.max_deliver
    }
}

impl<O: Outlet + Documents> Handler<O> {
    /// Handles one message. `room` is held as long as the message takes memory or a thread.
    pub async fn handle<R: Send + 'static>(&self, delivery: impl Delivery, room: R) -> End {
        let unit = self.core().names().unit_of(delivery.subject());
        let span = traces::of_report(delivery.headers(), unit.tokens());
        // Boxed: the state of all that may happen to a message takes kilobytes, and whoever runs this moves it about.
        Box::pin(self.handle_within(delivery, room)).instrument(span).await
    }

    /// What reads and checks, by the settings in force now.
    fn core(&self) -> Arc<Core> {
        self.live.core()
    }

    async fn handle_within<R: Send + 'static>(&self, delivery: impl Delivery, room: R) -> End {
        let input = Arc::new(Input::of(&delivery));
        let tries = delivery.meta().deliveries;
        let began = Instant::now();
        let reading = Stopwatch::default();
        let work = pin!(async {
            if tries > self.settings.max_deliver {
                // Each earlier delivery ended without a word: the worker died of it, perhaps.
                let why = "no delivery came to an end";
                Box::pin(self.give_up(&delivery, &input, why, room)).await
            } else {
                let _alone = match self.is_suspect(tries) {
                    true => Some(self.company.write().await),
                    false => None,
                };
                self.attempt(&delivery, &input, &reading, room).await
            }
        });
        let failure = tokio::select! {
            biased;
            ended = work => match ended {
                Ok(end) => return count(end, began),
                Err(failure) => failure,
            },
            failure = self.watch_over(&delivery, &reading) => failure,
        };
        count(Box::pin(self.recover(&delivery, &input, failure)).await, began)
    }

    /// Ends a message that the server does not deliver any more. An error leaves it where it is.
    pub async fn put_away(&self, message: &impl Delivery) -> Result<End, Error> {
        let why = "the server has given it up: max_deliver of the consumer is reached";
        match self.give_up(message, &Input::of(message), why, ()).await {
            Ok(end) => Ok(end),
            Err(Failure::Bus(error)) => Err(error),
            Err(other) => Err(Error::new(ErrorKind::TimedOut, other.describe())),
        }
    }

    /// Ends a message that was acknowledged and is in the queue again. All that comes of it is out, so it goes; if it is
    /// not, after all, the message is handled like any other. An error leaves it where it is.
    pub async fn settle(&self, message: impl Delivery) -> Result<End, Error> {
        let core = self.core();
        let identity = core.identity(&Input::of(&message));
        for (stream, subject, _) in core.traces_of_success(&identity) {
            let look = || self.outlet.status_of(&stream, &subject);
            // A refusal is as good as a result: whoever acknowledged it had put the dead letter away.
            if self.insist(Patience::Short, look).await?.is_some() {
                self.insist(Patience::Short, || message.confirm()).await?;
                return Ok(End::AlreadyDone);
            }
        }
        // Not beside a suspect, which might take it along.
        let _company = self.company.read().await;
        Ok(self.handle(message, ()).await)
    }

    /// Says "still working" until there is a reason to stop.
    async fn watch_over(&self, delivery: &impl Delivery, reading: &Stopwatch) -> Failure {
        let cap = Duration::from_secs(self.settings.max_handling_seconds);
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => return Failure::Stopping,
                () = tokio::time::sleep(self.heartbeat) => {}
            }
            if reading.elapsed() >= cap {
                return Failure::TooSlow;
            }
            if let Err(error) = delivery.working().await {
                tracing::debug!(%error, "heartbeat");
            }
        }
    }

    /// Reads, checks and publishes.
    async fn attempt<R: Send + 'static>(
        &self,
        delivery: &impl Delivery,
        input: &Arc<Input>,
        reading: &Stopwatch,
        room: R,
    ) -> Result<End, Failure> {
        let began = Instant::now();
        let (output, held) = self.read(input, reading, room).await?;
        let took = began.elapsed();
        if input.given_id().is_none() {
            Span::current().record("submission", &output.identity.submission);
        }
        let published = self.publish(&output).await?;
        metrics().stage.took(["publish"], began.elapsed().saturating_sub(took));
        let stage = if held.is_some() { "read" } else { "panic" };
        if let Some(refusal) = &output.refusal {
            if published == Published::Stored {
                count_result(&output);
            }
            Box::pin(self.bury(delivery, input, &output, refusal, stage)).await?;
            self.log(&output, input, took, began.elapsed(), "refused");
            return Ok(End::Refused);
        }
        let end = match published {
            Published::Stored => End::Processed,
            Published::AlreadyThere => End::AlreadyDone,
        };
        let outcome = match published {
            Published::Stored => "processed",
            Published::AlreadyThere => "processed before",
        };
        if published == Published::Stored {
            count_result(&output);
        }
        self.log(&output, input, took, began.elapsed(), outcome);
        let asked = Instant::now();
        let span = tracing::trace_span!(target: TARGET, "acknowledge");
        let confirm = self.insist(Patience::Short, || delivery.confirm());
        let confirmed = confirm.instrument(span).await;
        metrics().stage.took(["acknowledge"], asked.elapsed());
        match confirmed {
            Ok(()) => Ok(end),
            Err(error) => {
                // Nothing is lost and nothing comes twice: the next delivery finds the result.
                tracing::warn!(%error, "acknowledgement");
                Ok(End::Unconfirmed)
            }
        }
    }

    /// Does the job, and fetches the content first where it lies elsewhere.
    async fn read<R: Send + 'static>(
        &self,
        input: &Arc<Input>,
        reading: &Stopwatch,
        room: R,
    ) -> Result<(Box<Output>, Option<R>), Failure> {
        match self.compute(input, None, reading, room).await {
            (Work::Done(output), room) => Ok((output, room)),
            (Work::Needs(reference), Some(room)) => {
                Box::pin(self.read_elsewhere(input, &reference, reading, room)).await
            }
            (Work::Needs(_), None) => Ok((self.refuse(input, job::panicked()), None)),
        }
    }

    /// Fetches the content, and does the job.
    async fn read_elsewhere<R: Send + 'static>(
        &self,
        input: &Arc<Input>,
        reference: &Reference,
        reading: &Stopwatch,
        room: R,
    ) -> Result<(Box<Output>, Option<R>), Failure> {
        // Closed never; and a second one would only wait.
        let _one_of_few = self.fetching.acquire().await;
        let content = match self.insist_on_store(|| self.outlet.fetch(reference)).await {
            Ok(content) => content,
            // At last; before that, the server that was asked may not have all of it yet.
            Err(error) if error.kind() == ErrorKind::Malformed && input.deliveries() >= self.settings.max_deliver => {
                return Ok((self.refuse(input, job::not_as_stored()), Some(room)));
            }
            Err(error) => return Err(error.into()),
        };
        match self.compute(input, Some(content), reading, room).await {
            (Work::Done(output), room) => Ok((output, room)),
            (Work::Needs(_), room) => Ok((self.refuse(input, job::not_as_stored()), room)),
        }
    }

    fn refuse(&self, input: &Input, refusal: Refusal) -> Box<Output> {
        Box::new(self.core().refuse(input, refusal))
    }

    /// Runs the job on a thread for computing. A panic there is a verdict on the document: the
    /// job is a pure function, it would panic again. The room comes back, save after a panic.
    async fn compute<R: Send + 'static>(
        &self,
        input: &Arc<Input>,
        fetched: Option<Bytes>,
        reading: &Stopwatch,
        room: R,
    ) -> (Work, Option<R>) {
        let (core, job, max_message) = (self.core(), input.clone(), self.outlet.max_message());
        let only_computes = core.only_computes(input, fetched.as_ref());
        let (span, watch) = (Span::current(), reading.clone());
        let work = move || {
            watch.set(Some(Instant::now()));
            // The thread holds the room: if the message is abandoned, it is still taken up.
            let work = span.in_scope(|| {
                tracing::debug!(subject = job.subject(), deliveries = job.deliveries(), "reading");
                core.work(&job, fetched, max_message)
            });
            (work, room)
        };
        // Whatever waits for a decoder does not hold up what need not.
        let computed = match only_computes {
            true => self.readers.run(work).await.ok(),
            false => tokio::task::spawn_blocking(work).await.ok(),
        };
        reading.set(None);
        match computed {
            Some((work, room)) => (work, Some(room)),
            None => {
                metrics().panics.inc();
                (Work::Done(self.refuse(input, job::panicked())), None)
            }
        }
    }

    /// Publishes alerts and status packets, then the result.
    async fn publish(&self, output: &Output) -> Result<Published, Error> {
        let alerts = output.alerts.iter().zip(output.severities.iter().map(Some));
        let statuses = output.statuses.iter().map(|status| (status, None));
        stream::iter(alerts.chain(statuses))
            .map(Ok)
            .try_for_each_concurrent(ALERTS_AT_ONCE, |(message, severity)| async move {
                let kind = if severity.is_some() { "alert" } else { "status" };
                let published = self.publish_insisting(kind, message).await?;
                if let (Some(&severity), Published::Stored) = (severity, published) {
                    metrics().alerts.inc([severity]);
                }
                Ok(())
            })
            .await?;
        if let Some(whole) = &output.whole {
            // Before the result, which says where it lies.
            self.insist_on_store(|| self.outlet.keep(whole.clone())).await?;
        }
        self.publish_insisting("result", &output.result).await
    }

    async fn publish_insisting(&self, kind: &'static str, message: &Outgoing) -> Result<Published, Error> {
        let began = Instant::now();
        let span = tracing::trace_span!(
            target: TARGET, "publish", otel.kind = "producer", kind, subject = message.subject, bytes = message.payload.len()
        );
        let publish = || {
            let traced = traces::is_on().then(|| {
                let mut message = message.clone();
                traces::inject(&mut message.headers);
                message
            });
            async move {
                let message = traced.as_ref().unwrap_or(message);
                self.tell_health(self.outlet.publish_once(message)).await
            }
        };
        let published = self.insist(Patience::Endless, publish).instrument(span).await;
        metrics().publish.took([kind], began.elapsed());
        if published.is_err() {
            metrics().publish_failures.inc([kind]);
        }
        published
    }

    /// Lets readiness know at once whether things go out, while they are still insisted on.
    async fn tell_health<T>(&self, act: impl Future<Output = Result<T, Error>> + Send) -> Result<T, Error> {
        let done = act.await;
        match &done {
            Ok(_) => self.health.set_publishing(true),
            // These are about the one message.
            Err(error) if matches!(error.kind(), ErrorKind::TooLarge | ErrorKind::Malformed) => {}
            Err(_) => self.health.set_publishing(false),
        }
        done
    }

    /// Waits for an object store that is away, but not for one that nobody has set up.
    async fn insist_on_store<T, F>(&self, mut act: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
    {
        let act = || {
            let acting = act();
            async {
                let done = acting.await;
                done.map_err(|error| match error.kind() {
                    ErrorKind::Missing => {
                        // Who looks for the streams makes it anew, where that is this worker's to do.
                        self.gone.notify_one();
                        Error::new(ErrorKind::Absent, error.to_string())
                    }
                    _ => error,
                })
            }
        };
        self.insist(Patience::Endless, act).await
    }

    /// Tries again where that may help, as long as patience allows.
    async fn insist<T, F>(&self, patience: Patience, mut act: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
    {
        let mut pause = FIRST_PAUSE;
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match act().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            if error.kind() == ErrorKind::Missing && tries % TRIES_BETWEEN_LOOKS == 1 {
                self.gone.notify_one();
            }
            if !patience.allows(tries, error.kind()) {
                return Err(error);
            }
            match tries {
                TRIES => tracing::warn!(%error, "waiting for the bus"),
                _ => tracing::debug!(%error, tries, "trying again"),
            }
            tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Keeps the message as a dead letter, and ends it.
    async fn bury(
        &self,
        delivery: &impl Delivery,
        input: &Input,
        output: &Output,
        refusal: &Refusal,
        stage: &'static str,
    ) -> Result<(), Failure> {
        let max_message = self.outlet.max_message();
        let (mut letter, whole) = self
            .core()
            .dead_letter(input, &output.identity, refusal, stage, max_message);
        if let Some(whole) = whole {
            match self.insist_on_store(|| self.outlet.keep(whole.clone())).await {
                Ok(_) => {}
                // The store may come back; a store that nobody has set up never will.
                Err(error) if delivery.meta().deliveries < 2 * self.settings.max_deliver => return Err(error.into()),
                Err(error) => {
                    tracing::error!(%error, "the content of a dead letter is lost");
                    letter = Core::without_content(letter);
                }
            }
        }
        if self.publish_insisting("dead", &letter).await? == Published::Stored {
            metrics().dead.inc([stage]);
        }
        if let Err(error) = self.insist(Patience::Short, || delivery.terminate()).await {
            tracing::warn!(%error, "acknowledgement");
        }
        Ok(())
    }

    /// Ends a message that was tried too often, unless an earlier try did publish its result and
    /// only the acknowledgement went missing.
    async fn give_up<R>(&self, delivery: &impl Delivery, input: &Input, why: &str, _room: R) -> Result<End, Failure> {
        let refusal = job::given_up(delivery.meta().deliveries, why);
        let core = self.core();
        let output = core.refuse(input, refusal.clone());
        for (stream, subject, success) in core.traces_of_success(&output.identity) {
            let look = || self.outlet.status_of(&stream, &subject);
            let status = self.insist(Patience::Short, look).await;
            if matches!(&status, Ok(Some(status)) if status == success) {
                self.insist(Patience::Short, || delivery.confirm()).await?;
                return Ok(End::AlreadyDone);
            }
        }
        if self.publish(&output).await? == Published::Stored {
            count_result(&output);
        }
        self.bury(delivery, input, &output, &refusal, "delivery").await?;
        tracing::error!(deliveries = delivery.meta().deliveries, why, "gave up");
        Ok(End::GivenUp)
    }

    /// After a failure: later again, or never again.
    async fn recover(&self, delivery: &impl Delivery, input: &Input, failure: Failure) -> End {
        let tries = delivery.meta().deliveries;
        let is_last = tries >= self.settings.max_deliver && !matches!(failure, Failure::Stopping);
        let why = failure.describe();
        if is_last {
            // Nothing is read any more.
            let reading = Stopwatch::default();
            tokio::select! {
                ended = self.give_up(delivery, input, &why, ()) => match ended {
                    Ok(end) => return end,
                    Err(failure) => tracing::error!(why = failure.describe(), "cannot even give up"),
                },
                _ = self.watch_over(delivery, &reading) => {}
            }
        }
        let delay = match failure {
            Failure::Stopping => Duration::from_millis(100),
            Failure::Bus(_) | Failure::TooSlow => self.delay(tries),
        };
        if input.given_id().is_none() {
            Span::current().record("submission", self.core().submission(input));
        }
        tracing::warn!(
            sequence = delivery.meta().sequence,
            deliveries = tries,
            delay_ms = millis(delay),
            why,
            "to be delivered again"
        );
        metrics().retried.inc([failure.cause()]);
        // Unheard, it is delivered again after `ack_wait`.
        if let Err(error) = delivery.retry_after(delay).await {
            tracing::warn!(%error, "cannot say so");
        }
        End::Retried
    }

    /// The delay after so many tries, with jitter, so that what failed together does not come
    /// back together.
    fn delay(&self, tries: i64) -> Duration {
        let delays = &self.settings.retry_delays_seconds;
        let at = usize::try_from(tries - 1).unwrap_or_default();
        let seconds = delays.get(at).or(delays.last()).copied().unwrap_or(1);
        Duration::from_secs(seconds).mul_f64(rand::random_range(0.8..1.2))
    }

    /// Identifiers, counts and durations; never the text of a document.
    fn log(&self, output: &Output, input: &Input, computing: Duration, all: Duration, outcome: &'static str) {
        let span = Span::current();
        traces::note(&span, "outcome", outcome);
        traces::note(&span, "bytes", input.bytes() as i64);
        traces::note(&span, "findings", output.findings.len() as i64);
        traces::note(&span, "alerts", output.alerts.len() as i64);
        traces::note(&span, "deliveries", input.deliveries());
        tracing::info!(
            outcome,
            reason = output.refusal.as_ref().map(|refusal| refusal.reason.as_str()),
            bytes = input.bytes(),
            findings = output.findings.len(),
            alerts = output.alerts.len(),
            deliveries = input.deliveries(),
            computing_ms = millis(computing),
            all_ms = millis(all),
            "report"
        );
    }
}

/// Counts a message that has come to an end, and passes that on.
fn count(end: End, began: Instant) -> End {
    metrics().report.observe(began.elapsed().as_secs_f64());
    match end {
        End::Processed => drop(metrics().processed.inc()),
        End::AlreadyDone => drop(metrics().processed_before.inc()),
        End::Unconfirmed => drop(metrics().unconfirmed.inc()),
        // Counted where they are decided, with the reason.
        End::Refused | End::GivenUp | End::Retried => {}
    }
    end
}

/// Counts what is in a result that has just been stored.
fn count_result(output: &Output) {
    for &(rule, severity) in &output.findings {
        metrics().found(rule, severity);
    }
    if let Some(refusal) = &output.refusal {
        metrics().refused.inc([refusal.reason.as_str()]);
    }
}

/// As a number: the 128 bits of `as_millis` become a string in JSON.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
