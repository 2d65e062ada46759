//! Intake: a permit first, then a message.
//!
//! A request for a message goes out only while somebody has room for it. With one message to a
//! request nothing waits in a buffer of ours while its time runs out at the server.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::consumer::{
    Consumer,
    pull::{self, MessagesErrorKind},
};
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{
    Connection, Delivery, Error, ErrorKind,
    delivery::Incoming,
    topology::{Topology, consumer_info},
};

/// Bytes are counted in blocks, since a semaphore's permits are counted in 32 bits.
const BLOCK: usize = 1024;

/// How often the server says that it is there while it has nothing for us. Twice this without a
/// word means that it has forgotten our request, or that nobody leads the consumer.
const IDLE_HEARTBEAT: Duration = Duration::from_secs(1);

/// How long one request for a message stands before it is made anew.
const REQUEST_EXPIRES: Duration = Duration::from_secs(30);

/// How long a message that was asked for may be on its way when the pull ends.
const ON_ITS_WAY: Duration = Duration::from_millis(250);

/// Bounds messages and bytes that are worked on at once.
#[derive(Clone, Debug)]
pub struct Budget {
    messages: Arc<Semaphore>,
    blocks: Arc<Semaphore>,
    all_blocks: u32,
}

/// Room for one message; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    _message: OwnedSemaphorePermit,
    blocks: OwnedSemaphorePermit,
}

impl Budget {
    /// Room for so many messages and bytes.
    pub fn new(messages: usize, bytes: usize) -> Self {
        let all_blocks = blocks_of(bytes).max(1);
        Self {
            messages: Arc::new(Semaphore::new(messages.max(1))),
            blocks: Arc::new(Semaphore::new(all_blocks as usize)),
            all_blocks,
        }
    }

    /// Waits for room for a message of at most `largest` bytes, as far as a fair share goes; a
    /// larger one waits again once its size is known.
    async fn reserve(&self, largest: usize) -> Result<Reservation, Error> {
        let message = self.messages.clone().acquire_owned().await.map_err(closed)?;
        let wanted = blocks_of(largest).min(self.all_blocks.div_ceil(4));
        let blocks = self.blocks.clone().acquire_many_owned(wanted).await.map_err(closed)?;
        Ok(Reservation {
            _message: message,
            blocks,
        })
    }

    /// Gives back what a message turns out not to need, or waits for what it needs beyond its
    /// room; one larger than all there is gets all, and is alone.
    async fn fit(&self, room: &mut Reservation, bytes: usize) -> Result<(), Error> {
        let wanted = blocks_of(bytes).min(self.all_blocks);
        let held = u32::try_from(room.blocks.num_permits()).unwrap_or(u32::MAX);
        if wanted <= held {
            drop(room.blocks.split((held - wanted) as usize));
            return Ok(());
        }
        let more = self.blocks.clone().acquire_many_owned(wanted - held).await;
        room.blocks.merge(more.map_err(closed)?);
        Ok(())
    }
}

fn closed(_: tokio::sync::AcquireError) -> Error {
    Error::new(ErrorKind::Unreachable, "the intake is closed")
}

fn blocks_of(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(BLOCK)).unwrap_or(u32::MAX)
}

/// The stream of messages of one consumer.
pub struct Intake {
    connection: Connection,
    consumer: Consumer<pull::Config>,
    messages: pull::Stream,
    budget: Budget,
    heartbeat: Duration,
    connected: watch::Receiver<bool>,
    /// Whether the connection was down since the pull began.
    was_down: bool,
    /// Whether the server has said nothing for so long that the request must be lost.
    is_silent: bool,
    /// Room for the next message.
    room: Option<Reservation>,
    /// A message that has arrived and waits for room of its size.
    arrived: Option<Incoming>,
}

impl Intake {
    /// Begins to pull.
    pub async fn open(connection: Connection, topology: Topology, budget: Budget) -> Result<Self, Error> {
        let heartbeat = topology.heartbeat();
        let consumer = topology.consumer;
        let messages = begin(&consumer).await?;
        let connected = connection.connected();
        Ok(Self {
            connected,
            was_down: false,
            is_silent: false,
            connection,
            consumer,
            messages,
            budget,
            heartbeat,
            room: None,
            arrived: None,
        })
    }

    /// The next message and the room it takes. An error says that the intake has to be opened
    /// anew: the consumer is gone, or the server does not talk to it.
    ///
    /// May be dropped at any await: no message is lost, room is kept for the next call.
    pub async fn next(&mut self) -> Result<(Incoming, Reservation), Error> {
        loop {
            if self.room.is_none() {
                self.room = Some(self.budget.reserve(self.connection.client.max_payload()).await?);
            }
            if self.is_silent {
                self.ask_anew().await?;
            }
            if self.arrived.is_none() {
                self.arrived = self.pull().await?;
            }
            self.fit_room().await?;
            if let (Some(incoming), Some(room)) = (self.arrived.take(), self.room.take()) {
                return Ok((incoming, room));
            }
        }
    }

    /// One message of the pull; None when there is a reason to look again.
    async fn pull(&mut self) -> Result<Option<Incoming>, Error> {
        let next = tokio::select! {
            next = self.messages.next() => next,
            () = reconnected(&mut self.connected, &mut self.was_down) => {
                return Err(Error::new(ErrorKind::Unreachable, "the connection was down"));
            }
        };
        match next {
            Some(Ok(message)) => match Incoming::new(message) {
                Ok(incoming) => Ok(Some(incoming)),
                Err(error) => {
                    tracing::error!(%error, "passed over a message");
                    Ok(None)
                }
            },
            Some(Err(error)) => self.judge(&error).await.map(|()| None),
            None => Err(Error::new(ErrorKind::Missing, "the pull has ended")),
        }
    }

    /// Makes the room as large as the message that has arrived, and tells the server meanwhile
    /// that the message is in good hands.
    async fn fit_room(&mut self) -> Result<(), Error> {
        let (Some(incoming), Some(room)) = (&self.arrived, &mut self.room) else {
            return Ok(());
        };
        let bytes = incoming.payload().len();
        loop {
            tokio::select! {
                fitted = self.budget.fit(room, bytes) => return fitted,
                () = tokio::time::sleep(self.heartbeat) => incoming.working().await?,
            }
        }
    }

    /// Whether to go on after an error of the pull.
    async fn judge(&mut self, error: &pull::MessagesError) -> Result<(), Error> {
        let what = "the pull has failed";
        match error.kind() {
            // Connected, and silent: the request is lost. The client would notice only when it
            // expires, half a minute later.
            MessagesErrorKind::MissingHeartbeat => {
                self.is_silent = true;
                Ok(())
            }
            // Only a consumer that is gone would make the client wait for ever.
            MessagesErrorKind::NoResponders | MessagesErrorKind::Pull => {
                tracing::debug!(%error, "looking after the consumer");
                self.wait_until_connected().await;
                // Not in circles, should the server keep saying so.
                tokio::time::sleep(Duration::from_millis(100)).await;
                self.look_after_consumer().await
            }
            MessagesErrorKind::ConsumerDeleted => Err(Error::because(ErrorKind::Missing, what, error)),
            MessagesErrorKind::PushBasedConsumer | MessagesErrorKind::RequestLimitExceeded => {
                Err(Error::because(ErrorKind::Refused, what, error))
            }
            MessagesErrorKind::Other => Err(Error::because(ErrorKind::Unreachable, what, error)),
        }
    }

    /// Makes a new request, as soon as there is somebody to answer it.
    async fn ask_anew(&mut self) -> Result<(), Error> {
        self.wait_until_connected().await;
        // Answered by whoever leads the consumer.
        self.look_after_consumer().await?;
        self.messages = begin(&self.consumer).await?;
        self.is_silent = false;
        Ok(())
    }

    async fn look_after_consumer(&self) -> Result<(), Error> {
        let info = self.consumer.cached_info();
        let looked = consumer_info(&self.connection, &info.stream_name, &info.name).await;
        looked.map(|_| ())
    }

    async fn wait_until_connected(&self) {
        let mut connected = self.connection.connected();
        // An error means that the client is gone, and then the next request says so.
        let _ = connected.wait_for(|is_connected| *is_connected).await;
    }

    /// Ends the pull. A message that has arrived, or is on its way because it was asked for, is
    /// handed back, so that it need not wait until its time is over.
    pub async fn close(mut self) {
        let asked_for = self.room.is_some() && self.arrived.is_none();
        if asked_for && let Ok(Some(Ok(message))) = tokio::time::timeout(ON_ITS_WAY, self.messages.next()).await {
            self.arrived = Incoming::new(message).ok();
        }
        if let Some(incoming) = self.arrived {
            // Unheard, it is delivered again after `ack_wait`.
            let _ = incoming.retry_after(Duration::ZERO).await;
        }
    }
}

/// Begins to pull. Nothing is asked of the server before the first message is awaited.
async fn begin(consumer: &Consumer<pull::Config>) -> Result<pull::Stream, Error> {
    let messages = consumer
        .stream()
        .max_messages_per_batch(1)
        .expires(REQUEST_EXPIRES)
        .heartbeat(IDLE_HEARTBEAT)
        .messages();
    messages
        .await
        .map_err(|error| Error::because(ErrorKind::Unreachable, "cannot begin to pull", error))
}

/// Waits until the connection is up again after it was down. The client does ask again by itself,
/// but misses a connection that goes and comes quickly, and then waits for its request to expire.
async fn reconnected(connected: &mut watch::Receiver<bool>, was_down: &mut bool) {
    loop {
        if !*connected.borrow_and_update() {
            *was_down = true;
        } else if *was_down {
            *was_down = false;
            return;
        }
        if connected.changed().await.is_err() {
            // The client is gone; the pull says so itself.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn messages_and_bytes_are_bounded() {
        let budget = Budget::new(3, 8 * BLOCK);
        let mut first = budget.reserve(2 * BLOCK).await.expect("room");
        budget.fit(&mut first, 8 * BLOCK).await.expect("grows");
        assert!(budget.reserve(BLOCK).now_or_never().is_none(), "no bytes left");
        budget.fit(&mut first, BLOCK).await.expect("shrinks");
        let _second = budget.reserve(BLOCK).await.expect("room again");
        let _third = budget.reserve(BLOCK).await.expect("the last message");
        assert!(budget.reserve(0).now_or_never().is_none(), "no message left");
    }

    #[tokio::test]
    async fn a_giant_is_alone() {
        let budget = Budget::new(3, 8 * BLOCK);
        let mut giant = budget.reserve(1000 * BLOCK).await.expect("a fair share");
        budget.fit(&mut giant, 1000 * BLOCK).await.expect("all there is");
        assert!(budget.reserve(1).now_or_never().is_none());
        drop(giant);
        assert!(budget.reserve(1).now_or_never().is_some());
    }
}
