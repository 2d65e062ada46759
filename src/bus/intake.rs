//! Intake: room first, then messages.
//!
//! A message is asked for only while there is room for it, and is handed out as soon as it comes: nothing waits in a
//! buffer of ours while its time runs out at the server. One request asks for several messages, as many as there is
//! room for; made for each message, requests cost more than all else between the socket and the core. The client's own
//! stream of messages asks for a fixed number whenever half of it has come, room or not; hence the requests made here.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::{
    StatusCode, Subscriber,
    jetstream::{self, consumer::Info},
};
use futures::{FutureExt, StreamExt};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout_at},
};

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
const SILENCE: Duration = IDLE_HEARTBEAT.saturating_mul(2);

/// How often to look whether the server is silent.
const LOOK: Duration = Duration::from_millis(500);

/// How long one request stands before it is made anew.
const REQUEST_EXPIRES: Duration = Duration::from_secs(30);

/// How long a message that was asked for may be on its way when the pull ends.
const ON_ITS_WAY: Duration = Duration::from_millis(250);

/// Most messages that one request asks for.
const MOST_AT_ONCE: usize = 64;

/// How long room is gathered for one request, where little is on its way: less than it takes to work off what is in
/// hand.
const GATHERING: Duration = Duration::from_millis(2);

/// With so few deliveries none can be spared: messages are asked for one at a time, always. See [`Caution`].
const FEW_DELIVERIES: i64 = 2;

/// Bounds messages and bytes that are worked on at once.
#[derive(Clone, Debug)]
pub struct Budget {
    messages: Arc<Semaphore>,
    all_messages: usize,
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
        let all_messages = messages.max(1);
        Self {
            messages: Arc::new(Semaphore::new(all_messages)),
            all_messages,
            blocks: Arc::new(Semaphore::new(all_blocks as usize)),
            all_blocks,
        }
    }

    /// Whether a message of so many bytes is within a fair share, so that it never waits for more room.
    fn takes_whole(&self, bytes: usize) -> bool {
        blocks_of(bytes) <= self.all_blocks.div_ceil(4)
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

/// Whether messages are about that were delivered before without an end. Each may be one that kills a worker, and what
/// a worker has been sent beside it costs a delivery each time it does. So they are asked for one at a time.
#[derive(Clone, Debug, Default)]
pub struct Caution(Arc<AtomicBool>);

impl Caution {
    /// What the server says of the consumer.
    pub fn note(&self, consumer: &Info) {
        self.0.store(consumer.num_redelivered > 0, Ordering::Relaxed);
    }

    fn is_due(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many messages are asked for with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Batch {
    /// Room for so many is gathered before a request goes out, unless that takes long.
    least: usize,
    /// No request asks for more.
    most: usize,
}

impl Batch {
    const ONE: Self = Self { least: 1, most: 1 };

    /// For a worker with so much room in all, and a server that allows so many to a request.
    fn new(room: usize, allowed: i64) -> Self {
        let allowed = usize::try_from(allowed).ok().filter(|&allowed| allowed > 0);
        let most = room.min(allowed.unwrap_or(usize::MAX)).clamp(1, MOST_AT_ONCE);
        Self {
            least: (room / 4).clamp(1, most),
            most,
        }
    }
}

/// The messages of one consumer.
pub struct Intake {
    connection: Connection,
    stream: String,
    consumer: String,
    /// Where messages come in.
    inbox: Subscriber,
    inbox_name: String,
    budget: Budget,
    batch: Batch,
    caution: Caution,
    /// The largest message that may come.
    largest: usize,
    connected: watch::Receiver<bool>,
    /// Whether the connection was down since the pull began.
    was_down: bool,
    /// After what pause to ask anew, where no answer will come to what was asked for.
    lost: Option<Duration>,
    /// Room for messages that were asked for or will be.
    rooms: Vec<Reservation>,
    /// Messages that were asked for and have not come.
    asked: usize,
    /// Of these with the last request.
    asked_last: usize,
    /// When to ask for what there is room for, even if it is little.
    ask_at: Option<Instant>,
    /// When something has been heard of the server last.
    heard_at: Instant,
    /// Messages that have arrived and were not handed out.
    arrived: VecDeque<Incoming>,
    /// When to tell the server that these are in good hands, and to look whether it is silent.
    looks: Interval,
}

impl Intake {
    /// Begins to pull.
    pub async fn open(
        connection: Connection,
        topology: Topology,
        budget: Budget,
        max_deliver: i64,
        caution: Caution,
    ) -> Result<Self, Error> {
        let info = topology.consumer.cached_info();
        caution.note(info);
        let largest = connection.client.max_payload();
        let batch = match budget.takes_whole(largest) && max_deliver > FEW_DELIVERIES {
            true => Batch::new(budget.all_messages, info.config.max_batch),
            false => Batch::ONE,
        };
        let (inbox_name, inbox) = subscribe(&connection).await?;
        let mut looks = interval(topology.heartbeat().min(LOOK));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            connected: connection.connected(),
            was_down: false,
            lost: None,
            stream: info.stream_name.clone(),
            consumer: info.name.clone(),
            inbox,
            inbox_name,
            batch,
            caution,
            largest,
            connection,
            budget,
            rooms: Vec::new(),
            asked: 0,
            asked_last: 0,
            ask_at: None,
            heard_at: Instant::now(),
            arrived: VecDeque::new(),
            looks,
        })
    }

    /// The next message and the room it takes; none while the one in hand has to be alone, when nothing more is asked
    /// for either. An error says that the intake has to be opened anew: the consumer is gone, or the server does not
    /// talk to it.
    ///
    /// May be dropped at any await: no message is lost, room is kept for the next call.
    pub async fn next(&mut self, alone: bool) -> Result<(Incoming, Reservation), Error> {
        loop {
            if let Some(pause) = self.lost {
                self.ask_anew(pause).await?;
            }
            if !alone && !self.arrived.is_empty() && self.fit_room().await? {
                let next = self.arrived.pop_front().zip(self.rooms.pop());
                return next.ok_or_else(|| Error::new(ErrorKind::Malformed, "a message without room"));
            }
            let batch = self.batch();
            if !alone && self.free() >= batch.least {
                self.ask(batch).await?;
            }
            // Where enough is on its way, little room waits for more.
            let asks_soon = !alone && self.free() > 0 && self.asked < batch.least;
            let ask_at = asks_soon.then(|| *self.ask_at.get_or_insert_with(|| Instant::now() + GATHERING));
            let wants_room = !alone && self.wants_room(batch);
            tokio::select! {
                biased;
                message = self.inbox.next() => self.take(message)?,
                () = reconnected(&mut self.connected, &mut self.was_down) => {
                    return Err(Error::new(ErrorKind::Unreachable, "the connection was down"));
                }
                room = self.budget.reserve(self.largest), if wants_room => self.rooms.push(room?),
                () = sleep_until(ask_at.unwrap_or(self.heard_at)), if asks_soon => self.ask(batch).await?,
                _ = self.looks.tick() => self.look().await,
            }
        }
    }

    /// How many to ask for at this moment.
    fn batch(&self) -> Batch {
        if self.caution.is_due() { Batch::ONE } else { self.batch }
    }

    /// Room that nothing was asked for yet.
    fn free(&self) -> usize {
        self.rooms.len().saturating_sub(self.asked + self.arrived.len())
    }

    /// Whether to wait for room for one message more.
    fn wants_room(&self, batch: Batch) -> bool {
        match batch {
            Batch::ONE => self.rooms.is_empty(),
            batch => self.free() < batch.least,
        }
    }

    /// Asks for as many messages as there is room for.
    async fn ask(&mut self, batch: Batch) -> Result<(), Error> {
        self.ask_at = None;
        if batch == Batch::ONE && self.asked > 0 {
            return Ok(());
        }
        while self.free() < batch.most
            && let Some(room) = self.budget.reserve(self.largest).now_or_never()
        {
            self.rooms.push(room?);
        }
        let wanted = self.free().min(batch.most);
        if wanted == 0 {
            return Ok(());
        }
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", self.stream, self.consumer);
        let request = serde_json::json!({
            "batch": wanted,
            "expires": REQUEST_EXPIRES.as_nanos() as u64,
            "idle_heartbeat": IDLE_HEARTBEAT.as_nanos() as u64,
        });
        let (inbox, request) = (self.inbox_name.clone(), request.to_string().into());
        // Noted first: dropped while it waits, this is taken for asked, and found lost when nothing comes of it.
        if self.asked == 0 {
            self.heard_at = Instant::now();
        }
        self.asked += wanted;
        self.asked_last = wanted;
        let sent = self.connection.client.publish_with_reply(subject, inbox, request);
        sent.await
            .map_err(|error| Error::because(ErrorKind::Unreachable, "cannot ask for messages", error))
    }

    /// Takes what has come in: a message, or what the server says of a request.
    fn take(&mut self, message: Option<async_nats::Message>) -> Result<(), Error> {
        let message = message.ok_or_else(|| Error::new(ErrorKind::Missing, "the pull has ended"))?;
        self.heard_at = Instant::now();
        if let Some(status) = message.status.filter(|status| *status != StatusCode::OK) {
            return self.judge(status, &message);
        }
        self.asked = self.asked.saturating_sub(1);
        let context = self.connection.jetstream.clone();
        match Incoming::new(jetstream::Message { message, context }) {
            Ok(incoming) => {
                if incoming.meta().deliveries > 1 {
                    self.caution.0.store(true, Ordering::Relaxed);
                }
                self.arrived.push_back(incoming);
            }
            Err(error) => tracing::error!(%error, "passed over a message"),
        }
        Ok(())
    }

    /// Whether to go on after what the server says of a request.
    fn judge(&mut self, status: StatusCode, message: &async_nats::Message) -> Result<(), Error> {
        let said = message.description.as_deref().unwrap_or_default();
        let failed = |kind| Err(Error::new(kind, format!("the pull has failed: {said}")));
        match status {
            StatusCode::IDLE_HEARTBEAT => Ok(()),
            // Only a consumer that is gone would make us wait for ever.
            StatusCode::NO_RESPONDERS => {
                tracing::debug!("looking after the consumer");
                self.asked = 0;
                // Not in circles, should the server keep saying so.
                self.lost = Some(Duration::from_millis(100));
                Ok(())
            }
            StatusCode::REQUEST_TERMINATED if said == "Consumer Deleted" => failed(ErrorKind::Missing),
            StatusCode::REQUEST_TERMINATED if said == "Consumer is push based" => failed(ErrorKind::Refused),
            StatusCode::REQUEST_TERMINATED if said.starts_with("Exceeded") => failed(ErrorKind::Refused),
            StatusCode::TIMEOUT | StatusCode::REQUEST_TERMINATED => {
                let pending = super::headers::get(message.headers.as_ref(), "Nats-Pending-Messages");
                let will_not_come = pending.and_then(|pending| pending.parse().ok());
                self.asked = self.asked.saturating_sub(will_not_come.unwrap_or(self.asked_last));
                Ok(())
            }
            _ => failed(ErrorKind::Unreachable),
        }
    }

    /// Makes room as large as the message that is next, and says whether there is. Only what was asked for by mistake
    /// has to wait for room, and what is larger than a fair share.
    async fn fit_room(&mut self) -> Result<bool, Error> {
        let Some(bytes) = self.arrived.front().map(|incoming| incoming.payload().len()) else {
            return Ok(false);
        };
        loop {
            let fitted = async {
                if self.rooms.is_empty() {
                    self.rooms.push(self.budget.reserve(self.largest).await?);
                }
                match self.rooms.last_mut() {
                    Some(room) => self.budget.fit(room, bytes).await.map(|()| true),
                    None => Ok(false),
                }
            };
            tokio::select! {
                biased;
                fitted = fitted => return fitted,
                _ = self.looks.tick() => self.look().await,
            }
        }
    }

    /// Tells the server that what waits here is in good hands, and notes when it has nothing to say to us.
    async fn look(&mut self) {
        if self.asked > 0 && self.heard_at.elapsed() >= SILENCE {
            self.lost = Some(Duration::ZERO);
        }
        for incoming in &self.arrived {
            if let Err(error) = incoming.working().await {
                tracing::debug!(%error, "heartbeat");
            }
        }
    }

    /// Makes a new request, as soon as there is somebody to answer it.
    async fn ask_anew(&mut self, pause: Duration) -> Result<(), Error> {
        let mut connected = self.connection.connected();
        // An error means that the client is gone, and then the next request says so.
        let _ = connected.wait_for(|is_connected| *is_connected).await;
        tokio::time::sleep(pause).await;
        // Answered by whoever leads the consumer.
        let info = consumer_info(&self.connection, &self.stream, &self.consumer).await?;
        self.caution.note(&info);
        // A new inbox: who still has an old request finds nobody there.
        (self.inbox_name, self.inbox) = subscribe(&self.connection).await?;
        self.asked = 0;
        self.lost = None;
        Ok(())
    }

    /// Ends the pull. Messages that have arrived, or are on their way because they were asked for, are handed back, so
    /// that they need not wait until their time is over.
    pub async fn close(mut self) {
        let until = Instant::now() + ON_ITS_WAY;
        while self.asked > 0
            && let Ok(Some(message)) = timeout_at(until, self.inbox.next()).await
            && self.take(Some(message)).is_ok()
        {}
        for incoming in self.arrived {
            // Unheard, it is delivered again after `ack_wait`.
            let _ = incoming.retry_after(Duration::ZERO).await;
        }
    }
}

/// A place of our own where messages come in.
async fn subscribe(connection: &Connection) -> Result<(String, Subscriber), Error> {
    let name = connection.client.new_inbox();
    let inbox = connection.client.subscribe(name.clone()).await;
    inbox
        .map(|inbox| (name, inbox))
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
