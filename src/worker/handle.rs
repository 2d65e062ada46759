//! What happens to one message, from its delivery to its acknowledgement.
//!
//! The order is what keeps everything: alerts, then the result, then the dead letter if it is
//! one, and the acknowledgement last. Whatever breaks in between leaves the message unacknowledged;
//! its next delivery finds what is stored already and goes on from there.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::{
    sync::{Notify, RwLock, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::job::{self, Core, Input, Output, Work};
use crate::{
    bus::{Delivery, Documents, Error, ErrorKind, Outgoing, Outlet, Published},
    config,
    decode::Refusal,
    telemetry::Health,
};

/// Tries of one publish or acknowledgement within one delivery: a short silence of the server
/// need not cost a delivery.
const TRIES: u32 = 3;

/// Within this time, reports that are delivered again are put into a new order.
const SHUFFLE: Duration = Duration::from_millis(100);

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

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Bus(error)
    }
}

/// What handling depends on.
pub struct Handler<O> {
    /// Where messages go out.
    pub outlet: O,
    /// What reads and checks.
    pub core: Arc<Core>,
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
    /// Held by all who read, by one alone if it is suspect: see [`Handler::compute`].
    pub reading: RwLock<()>,
}

impl<O: Outlet + Documents> Handler<O> {
    /// Handles one message. `room` is held as long as the message takes memory or a thread.
    pub async fn handle<R: Send + 'static>(&self, delivery: impl Delivery, room: R) -> End {
        let began = Instant::now();
        let input = Input::of(&delivery);
        let tries = delivery.meta().deliveries;
        let work = async {
            if tries > self.settings.max_deliver {
                // Each earlier delivery ended without a word: the worker died of it, perhaps.
                self.give_up(&delivery, &input, "no delivery came to an end", room)
                    .await
            } else {
                self.attempt(&delivery, &input, room).await
            }
        };
        let failure = tokio::select! {
            biased;
            ended = work => match ended {
                Ok(end) => return end,
                Err(failure) => failure,
            },
            failure = self.watch_over(&delivery, began) => failure,
        };
        self.recover(&delivery, &input, failure).await
    }

    /// Says "still working" until there is a reason to stop.
    async fn watch_over(&self, delivery: &impl Delivery, began: Instant) -> Failure {
        let cap = Duration::from_secs(self.settings.max_handling_seconds);
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => return Failure::Stopping,
                () = tokio::time::sleep(self.heartbeat) => {}
            }
            if began.elapsed() >= cap {
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
        input: &Input,
        room: R,
    ) -> Result<End, Failure> {
        let began = Instant::now();
        let (output, held) = self.read(input, room).await?;
        let took = began.elapsed();
        let published = self.publish(&output).await?;
        let stage = if held.is_some() { "read" } else { "panic" };
        if let Some(refusal) = &output.refusal {
            self.bury(delivery, input, &output, refusal, stage).await?;
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
        self.log(&output, input, took, began.elapsed(), outcome);
        match self.insist(|| delivery.confirm()).await {
            Ok(()) => Ok(end),
            Err(error) => {
                // Nothing is lost and nothing comes twice: the next delivery finds the result.
                tracing::warn!(submission = output.identity.submission, %error, "acknowledgement");
                Ok(End::Unconfirmed)
            }
        }
    }

    /// Does the job, and fetches the content first where it lies elsewhere.
    async fn read<R: Send + 'static>(&self, input: &Input, room: R) -> Result<(Output, Option<R>), Failure> {
        let (reference, room) = match self.compute(input, None, room).await {
            (Work::Needs(reference), Some(room)) => (reference, room),
            (Work::Done(output), room) => return Ok((*output, room)),
            (Work::Needs(_), None) => return Ok((self.core.refuse(input, job::panicked()), None)),
        };
        // Closed never; and a second one would only wait.
        let _one_of_few = self.fetching.acquire().await;
        let content = match self.insist(|| self.outlet.fetch(&reference)).await {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::Malformed => {
                return Ok((self.core.refuse(input, job::not_as_stored()), Some(room)));
            }
            Err(error) => return Err(error.into()),
        };
        match self.compute(input, Some(content), room).await {
            (Work::Done(output), room) => Ok((*output, room)),
            (Work::Needs(_), room) => Ok((self.core.refuse(input, job::not_as_stored()), room)),
        }
    }

    /// Runs the job on a thread for computing. A panic there is a verdict on the document: the
    /// job is a pure function, it would panic again. The room comes back, save after a panic.
    ///
    /// A document that kills the whole process takes with it what is read beside it. Whatever
    /// comes a second time is suspect, and is read alone, in an order that changes: those that
    /// come before the culprit are through, and with each death fewer are left beside it.
    async fn compute<R: Send + 'static>(&self, input: &Input, fetched: Option<Bytes>, room: R) -> (Work, Option<R>) {
        let is_suspect = input.deliveries() > 1;
        let (_alone, _beside) = if is_suspect {
            tokio::time::sleep(SHUFFLE.mul_f64(rand::random_range(0.0..1.0))).await;
            (Some(self.reading.write().await), None)
        } else {
            (None, Some(self.reading.read().await))
        };
        tracing::debug!(subject = input.subject(), is_suspect, "reading");
        let (core, job, max_message) = (self.core.clone(), input.clone(), self.outlet.max_message());
        let computed = tokio::task::spawn_blocking(move || {
            // The thread holds the room: if the message is abandoned, it is still taken up.
            let work = core.work(&job, fetched, max_message);
            (work, room)
        });
        match computed.await {
            Ok((work, room)) => (work, Some(room)),
            Err(_) => (Work::Done(Box::new(self.core.refuse(input, job::panicked()))), None),
        }
    }

    /// Publishes alerts, then the result.
    async fn publish(&self, output: &Output) -> Result<Published, Error> {
        stream::iter(&output.alerts)
            .map(Ok)
            .try_for_each_concurrent(ALERTS_AT_ONCE, |alert| async move {
                self.publish_insisting(alert).await.map(|_| ())
            })
            .await?;
        if let Some(whole) = &output.whole {
            // Before the result, which says where it lies.
            self.insist(|| self.outlet.keep(whole.clone())).await?;
        }
        self.publish_insisting(&output.result).await
    }

    async fn publish_insisting(&self, message: &Outgoing) -> Result<Published, Error> {
        let published = self.insist(|| self.outlet.publish_once(message.clone())).await;
        match &published {
            Ok(_) => self.health.set_publishing(true),
            // These are about the one message.
            Err(error) if matches!(error.kind(), ErrorKind::TooLarge | ErrorKind::Malformed) => {}
            Err(_) => self.health.set_publishing(false),
        }
        published
    }

    /// Tries again after a silence, a few times.
    async fn insist<T, F>(&self, mut act: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
    {
        let mut tries = 0;
        loop {
            tries += 1;
            match act().await {
                Err(error) if tries < TRIES && is_worth_another_try(error.kind()) => {
                    let pause = Duration::from_millis(200) * (1 << tries);
                    tracing::debug!(%error, tries, "trying again");
                    tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
                }
                Err(error) => {
                    if error.kind() == ErrorKind::Missing {
                        self.gone.notify_one();
                    }
                    return Err(error);
                }
                done => return done,
            }
        }
    }

    /// Keeps the message as a dead letter, and ends it.
    async fn bury(
        &self,
        delivery: &impl Delivery,
        input: &Input,
        output: &Output,
        refusal: &Refusal,
        stage: &str,
    ) -> Result<(), Failure> {
        let max_message = self.outlet.max_message();
        let (mut letter, whole) = self
            .core
            .dead_letter(input, &output.identity, refusal, stage, max_message);
        if let Some(whole) = whole {
            match self.insist(|| self.outlet.keep(whole.clone())).await {
                Ok(_) => {}
                // The store may come back; a store that nobody has set up never will.
                Err(error) if delivery.meta().deliveries < 2 * self.settings.max_deliver => return Err(error.into()),
                Err(error) => {
                    tracing::error!(submission = output.identity.submission, %error, "the content of a dead letter is lost");
                    letter = Core::without_content(letter);
                }
            }
        }
        self.publish_insisting(&letter).await?;
        if let Err(error) = self.insist(|| delivery.terminate()).await {
            tracing::warn!(submission = output.identity.submission, %error, "acknowledgement");
        }
        Ok(())
    }

    /// Ends a message that was tried too often, unless an earlier try did publish its result and
    /// only the acknowledgement went missing.
    async fn give_up<R>(&self, delivery: &impl Delivery, input: &Input, why: &str, _room: R) -> Result<End, Failure> {
        let refusal = job::given_up(delivery.meta().deliveries, why);
        let output = self.core.refuse(input, refusal.clone());
        for (stream, subject, success) in self.core.traces_of_success(&output.identity) {
            let status = self.outlet.status_of(&stream, &subject).await;
            if matches!(&status, Ok(Some(status)) if status == success) {
                self.insist(|| delivery.confirm()).await?;
                return Ok(End::AlreadyDone);
            }
        }
        self.publish(&output).await?;
        self.bury(delivery, input, &output, &refusal, "delivery").await?;
        tracing::error!(
            submission = output.identity.submission,
            unit = output.identity.unit.tokens(),
            deliveries = delivery.meta().deliveries,
            why,
            "gave up"
        );
        Ok(End::GivenUp)
    }

    /// After a failure: later again, or never again.
    async fn recover(&self, delivery: &impl Delivery, input: &Input, failure: Failure) -> End {
        let tries = delivery.meta().deliveries;
        let is_last = tries >= self.settings.max_deliver && !matches!(failure, Failure::Stopping);
        let why = failure.describe();
        if is_last {
            tokio::select! {
                ended = self.give_up(delivery, input, &why, ()) => match ended {
                    Ok(end) => return end,
                    Err(failure) => tracing::error!(why = failure.describe(), "cannot even give up"),
                },
                _ = self.watch_over(delivery, Instant::now()) => {}
            }
        }
        let delay = match failure {
            Failure::Stopping => Duration::from_millis(100),
            Failure::Bus(_) | Failure::TooSlow => self.delay(tries),
        };
        tracing::warn!(
            sequence = delivery.meta().sequence,
            deliveries = tries,
            delay_ms = millis(delay),
            why,
            "to be delivered again"
        );
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
    fn log(&self, output: &Output, input: &Input, computing: Duration, all: Duration, outcome: &str) {
        tracing::info!(
            submission = output.identity.submission,
            unit = output.identity.unit.tokens(),
            outcome,
            reason = output.refusal.as_ref().map(|refusal| refusal.reason.as_str()),
            bytes = input.bytes(),
            findings = output.findings,
            alerts = output.alerts.len(),
            deliveries = input.deliveries(),
            computing_ms = millis(computing),
            all_ms = millis(all),
            "report"
        );
    }
}

/// As a number: the 128 bits of `as_millis` become a string in JSON.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whether the same call may fare better in a moment.
fn is_worth_another_try(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::TimedOut | ErrorKind::Unreachable => true,
        ErrorKind::Settings
        | ErrorKind::Unauthorized
        | ErrorKind::Missing
        | ErrorKind::TooLarge
        | ErrorKind::Refused
        | ErrorKind::Malformed => false,
    }
}

#[cfg(test)]
mod tests;
