//! The protocol with a bus that fails on command and a clock that runs when nobody works.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::SystemTime,
};

use async_nats::{HeaderMap, HeaderValue};
use bytes::Bytes;

use super::*;
use crate::{
    bus::{Meta, Names, Reference, publish::STATUS},
    config::Settings,
    vocabulary::Vocabulary,
    worker::{PROCESSED, REFUSED},
};

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It does not happen, and the caller hears so.
    Fails(ErrorKind),
    /// It happens, and the caller hears nothing.
    Silent,
    /// It takes so many seconds.
    Slow(u64),
}

/// A bus of our own: what is stored, what was called, what is to go wrong.
#[derive(Default)]
struct State {
    stored: BTreeMap<String, Outgoing>,
    objects: BTreeMap<String, Bytes>,
    calls: Vec<String>,
    /// By the beginning of the call.
    faults: Vec<(&'static str, Fault)>,
}

#[derive(Clone, Default)]
struct Bus(Arc<Mutex<State>>);

impl Bus {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds the lock")
    }

    /// The next call that begins so goes wrong, once.
    fn break_once(&self, call: &'static str, fault: Fault) {
        self.state().faults.push((call, fault));
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state().calls)
    }

    /// Names of what is stored: kind of subject, without prefix.
    fn stored(&self) -> Vec<String> {
        self.state().stored.keys().map(|subject| short(subject)).collect()
    }

    /// Notes a call, and does it unless a fault forbids.
    async fn call<T>(&self, name: String, act: impl FnOnce(&mut State) -> T) -> Result<T, Error> {
        let fault = {
            let mut state = self.state();
            let fault = state.faults.iter().position(|(call, _)| name.starts_with(call));
            let fault = fault.map(|at| state.faults.remove(at).1);
            state.calls.push(name);
            fault
        };
        match fault {
            Some(Fault::Fails(kind)) => return Err(Error::new(kind, "on command")),
            Some(Fault::Silent) => {
                act(&mut self.state());
                return Err(Error::new(ErrorKind::TimedOut, "on command"));
            }
            Some(Fault::Slow(seconds)) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => {}
        }
        Ok(act(&mut self.state()))
    }
}

fn short(subject: &str) -> String {
    let tokens: Vec<&str> = subject.split('.').collect();
    match tokens[1] {
        "report" => "result".into(),
        "alert" => format!("alert {}", tokens[3]),
        kind => kind.into(),
    }
}

impl Outlet for Bus {
    async fn publish_once(&self, message: &Outgoing) -> Result<Published, Error> {
        self.call(format!("publish {}", short(&message.subject)), |state| {
            if state.stored.contains_key(&message.subject) {
                return Published::AlreadyThere;
            }
            state.stored.insert(message.subject.clone(), message.clone());
            Published::Stored
        })
        .await
    }

    async fn status_of(&self, _stream: &str, subject: &str) -> Result<Option<String>, Error> {
        self.call("look up".into(), |state| {
            let stored = state.stored.get(subject)?;
            stored.headers.get(STATUS).map(|status| status.as_str().to_owned())
        })
        .await
    }

    fn max_message(&self) -> usize {
        1 << 20
    }
}

impl Documents for Bus {
    async fn keep(&self, content: Bytes) -> Result<Reference, Error> {
        let reference = Reference::to(&content);
        self.call("keep".into(), |state| {
            state.objects.insert(reference.name.clone(), content);
        })
        .await?;
        Ok(reference)
    }

    async fn fetch(&self, reference: &Reference) -> Result<Bytes, Error> {
        self.call("fetch".into(), |state| state.objects.get(&reference.name).cloned())
            .await?
            .ok_or_else(|| Error::new(ErrorKind::Absent, "no such object"))
    }
}

/// A delivery that notes how it is answered.
struct Letter {
    bus: Bus,
    subject: String,
    headers: HeaderMap,
    payload: Bytes,
    deliveries: i64,
}

impl Delivery for Letter {
    fn subject(&self) -> &str {
        &self.subject
    }

    fn headers(&self) -> Option<&HeaderMap> {
        Some(&self.headers)
    }

    fn payload(&self) -> &Bytes {
        &self.payload
    }

    fn meta(&self) -> Meta {
        Meta {
            deliveries: self.deliveries,
            sequence: 7,
            stored_at: SystemTime::UNIX_EPOCH,
        }
    }

    async fn confirm(&self) -> Result<(), Error> {
        self.bus.call("confirm".into(), |_| ()).await
    }

    async fn terminate(&self) -> Result<(), Error> {
        self.bus.call("terminate".into(), |_| ()).await
    }

    async fn retry_after(&self, delay: Duration) -> Result<(), Error> {
        let seconds = delay.as_secs_f64().round();
        self.bus.call(format!("retry after {seconds} s"), |_| ()).await
    }

    async fn working(&self) -> Result<(), Error> {
        self.bus.call("working".into(), |_| ()).await
    }
}

/// A text that can be read and has something wrong with it, so that there are alerts.
const REPORT: &str = "Chúng tôi đã tiếp 12 lượt công dân và giải quyết 15 đơn.\n";

struct Stage {
    bus: Bus,
    handler: Handler<Bus>,
}

impl Stage {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        settings.worker.retry_delays_seconds = vec![10, 100];
        settings.worker.max_deliver = 3;
        settings.alert.min_severity = crate::validate::Severity::Info;
        change(&mut settings);
        let bus = Bus::default();
        let handler = Handler {
            outlet: bus.clone(),
            live: Arc::new(Live::new(
                &settings,
                &Names::new("baocao").expect("plain"),
                Vocabulary::embedded().clone(),
            )),
            settings: settings.worker,
            heartbeat: Duration::from_secs(1),
            stopping: CancellationToken::new(),
            gone: Arc::default(),
            company: Arc::default(),
            fetching: Semaphore::new(1),
            readers: Arc::new(Readers::of_this_runtime(1)),
            health: Arc::default(),
        };
        Self { bus, handler }
    }

    async fn deliver(&self, deliveries: i64) -> End {
        self.deliver_text(REPORT, deliveries).await
    }

    async fn deliver_text(&self, text: &'static str, deliveries: i64) -> End {
        self.handler.handle(self.letter(text, deliveries), ()).await
    }

    fn letter(&self, text: &'static str, deliveries: i64) -> Letter {
        let mut headers = HeaderMap::new();
        headers.insert("ce-id", "s1");
        headers.insert("Content-Type", "text/plain");
        Letter {
            bus: self.bus.clone(),
            subject: "baocao.report.received.H50.1".into(),
            headers,
            payload: text.into(),
            deliveries,
        }
    }

    fn status(&self) -> Option<String> {
        let state = self.bus.state();
        let result = state.stored.get("baocao.report.processed.H50.1.s1")?;
        let status: &HeaderValue = result.headers.get(STATUS)?;
        Some(status.as_str().to_owned())
    }

    /// Alerts, one after the other, are many; what counts is that none is missing.
    fn alerts(&self) -> usize {
        let stored = self.bus.stored();
        stored.iter().filter(|name| name.starts_with("alert ")).count()
    }
}

#[tokio::test(start_paused = true)]
async fn alerts_come_before_the_result_and_the_acknowledgement_last() {
    let stage = Stage::new(|_| ());
    assert_eq!(stage.deliver(1).await, End::Processed);
    let calls = stage.bus.calls();
    let at = |name: &str| calls.iter().position(|call| call.starts_with(name));
    assert!(at("publish alert") < at("publish result"), "{calls:?}");
    assert!(stage.alerts() > 1, "the text has several things wrong: {calls:?}");
    assert_eq!(at("publish result"), Some(calls.len() - 2), "{calls:?}");
    assert_eq!(at("confirm"), Some(calls.len() - 1), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_acknowledgement_costs_a_delivery_and_nothing_else() {
    let stage = Stage::new(|_| ());
    for _ in 0..TRIES {
        stage.bus.break_once("confirm", Fault::Fails(ErrorKind::TimedOut));
    }
    assert_eq!(stage.deliver(1).await, End::Unconfirmed);
    let stored = stage.bus.stored();
    assert_eq!(stage.deliver(2).await, End::AlreadyDone);
    assert_eq!(stage.bus.stored(), stored);
    assert_eq!(stage.bus.calls().last().map(String::as_str), Some("confirm"));
}

#[tokio::test(start_paused = true)]
async fn half_the_alerts_become_all_of_them_once() {
    let whole = Stage::new(|_| ());
    whole.deliver(1).await;
    let stage = Stage::new(|_| ());
    stage.bus.break_once("publish alert", Fault::Slow(0));
    stage.bus.break_once("publish alert", Fault::Fails(ErrorKind::Refused));
    assert_eq!(stage.deliver(1).await, End::Retried);
    assert_eq!(stage.status(), None, "no result before all alerts");
    assert!(stage.alerts() < whole.alerts());
    assert_eq!(stage.deliver(2).await, End::Processed);
    assert_eq!(stage.bus.stored(), whole.bus.stored());
}

#[tokio::test(start_paused = true)]
async fn alerts_that_were_stored_unheard_are_stored_once() {
    let stage = Stage::new(|_| ());
    for _ in 0..3 {
        stage.bus.break_once("publish alert", Fault::Silent);
    }
    assert_eq!(stage.deliver(1).await, End::Processed);
    let whole = Stage::new(|_| ());
    whole.deliver(1).await;
    assert_eq!(stage.bus.stored(), whole.bus.stored());
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_that_was_heard_and_not_confirmed_is_asked_for_again() {
    let stage = Stage::new(|_| ());
    stage.bus.break_once("confirm", Fault::Silent);
    assert_eq!(stage.deliver(1).await, End::Processed);
    let asked = stage.bus.calls().iter().filter(|call| *call == "confirm").count();
    assert_eq!(asked, 2);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_could_not_be_ended_is_one_letter_still() {
    let stage = Stage::new(|_| ());
    for _ in 0..TRIES {
        stage.bus.break_once("terminate", Fault::Fails(ErrorKind::TimedOut));
    }
    // As after the first delivery: the letter is kept, and the report comes again.
    assert_eq!(stage.deliver_text("PANIC", 1).await, End::Refused);
    let stored = stage.bus.stored();
    assert!(stored.contains(&"dead".to_owned()), "{stored:?}");
    stage.bus.calls();
    assert_eq!(stage.deliver_text("PANIC", 2).await, End::Refused);
    assert_eq!(stage.bus.stored(), stored);
    assert_eq!(stage.bus.calls().last().map(String::as_str), Some("terminate"));
}

#[tokio::test(start_paused = true)]
async fn two_workers_with_the_same_report_halfway_through_its_alerts_make_one_of_each() {
    let stage = Stage::new(|_| ());
    stage.bus.break_once("publish alert", Fault::Slow(0));
    stage.bus.break_once("publish alert", Fault::Slow(40));
    let again = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        let halfway = stage.bus.stored().len();
        (halfway, stage.deliver(2).await)
    };
    let (first, (halfway, second)) = tokio::join!(stage.deliver(1), again);
    assert_eq!((first, second), (End::AlreadyDone, End::Processed));
    let whole = Stage::new(|_| ());
    whole.deliver(1).await;
    assert!((1..whole.bus.stored().len() - 1).contains(&halfway), "{halfway}");
    assert_eq!(stage.bus.stored(), whole.bus.stored());
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_on_a_second_time_has_one_result() {
    const HANDED_ON: &str = "baocao.report.extracted.H50.1.s1";
    let extract = Stage::new(|settings| settings.worker.stages = config::Stages::Extract);
    let validate = Stage::new(|settings| settings.worker.stages = config::Stages::Validate);
    let bus = extract.bus.clone();
    let validate = Handler {
        outlet: bus.clone(),
        ..validate.handler
    };
    // The other stage takes what waits for it, as a work queue gives it.
    let take = || {
        let message = bus.state().stored.remove(HANDED_ON).expect("handed on");
        Letter {
            subject: HANDED_ON.into(),
            headers: message.headers,
            payload: message.payload,
            ..extract.letter("", 1)
        }
    };
    for _ in 0..TRIES {
        bus.break_once("confirm", Fault::Fails(ErrorKind::TimedOut));
    }
    assert_eq!(extract.deliver(1).await, End::Unconfirmed);
    assert_eq!(validate.handle(take(), ()).await, End::Processed);
    let stored = bus.stored();
    // Nothing says any more that it was handed on.
    assert_eq!(extract.deliver(2).await, End::Processed);
    assert_eq!(validate.handle(take(), ()).await, End::AlreadyDone);
    assert_eq!(bus.stored(), stored);
}

#[tokio::test(start_paused = true)]
async fn a_short_silence_costs_no_delivery() {
    let stage = Stage::new(|_| ());
    stage
        .bus
        .break_once("publish result", Fault::Fails(ErrorKind::TimedOut));
    stage.bus.break_once("confirm", Fault::Fails(ErrorKind::Unreachable));
    assert_eq!(stage.deliver(1).await, End::Processed);
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_was_stored_unheard_is_found() {
    let stage = Stage::new(|_| ());
    stage.bus.break_once("publish result", Fault::Silent);
    assert_eq!(stage.deliver(1).await, End::AlreadyDone);
    assert_eq!(stage.status().as_deref(), Some(PROCESSED));
}

#[tokio::test(start_paused = true)]
async fn delays_follow_the_schedule_and_the_last_repeats() {
    for (deliveries, low, high) in [(1, 8, 12), (2, 80, 120)] {
        let stage = Stage::new(|_| ());
        stage.bus.break_once("publish result", Fault::Fails(ErrorKind::Refused));
        assert_eq!(stage.deliver(deliveries).await, End::Retried);
        let calls = stage.bus.calls();
        let said = calls.last().and_then(|call| call.strip_prefix("retry after "));
        let seconds: i32 = said
            .and_then(|said| said.strip_suffix(" s")?.parse().ok())
            .expect("a delay");
        assert!((low..=high).contains(&seconds), "{seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_delivery_ends_as_a_dead_letter() {
    let stage = Stage::new(|_| ());
    // The result cannot be stored now; a moment later it can.
    stage.bus.break_once("publish result", Fault::Fails(ErrorKind::Refused));
    assert_eq!(stage.deliver(3).await, End::GivenUp);
    assert_eq!(stage.status().as_deref(), Some(REFUSED));
    let state = stage.bus.state();
    let letter = &state.stored["baocao.dead.H50.1.s1"];
    assert_eq!(letter.payload, REPORT);
    let said = |name: &str| letter.headers.get(name).map(HeaderValue::as_str);
    assert_eq!(said("Baocao-Dead-Reason"), Some("poisonous"));
    assert_eq!(said("Baocao-Dead-Deliveries"), Some("3"));
    assert_eq!(said("Baocao-Dead-Subject"), Some("baocao.report.received.H50.1"));
    assert!(
        state
            .stored
            .contains_key("baocao.alert.error.document-refused.H50.1.s1.0")
    );
    assert_eq!(
        state.calls.last().map(String::as_str),
        Some("terminate"),
        "kept before it is ended"
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_even_be_given_up_stays() {
    let stage = Stage::new(|_| ());
    stage.bus.break_once("publish result", Fault::Fails(ErrorKind::Refused));
    stage.bus.break_once("publish dead", Fault::Fails(ErrorKind::Refused));
    assert_eq!(stage.deliver(3).await, End::Retried);
    let calls = stage.bus.calls();
    assert!(
        !calls.iter().any(|call| call == "terminate" || call == "confirm"),
        "{calls:?}"
    );
    // The next delivery is one too many; it is given up unread, where the first left off.
    assert_eq!(stage.deliver(4).await, End::GivenUp);
    assert!(stage.bus.stored().contains(&"dead".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_result_is_never_called_a_failure_afterwards() {
    let stage = Stage::new(|_| ());
    for _ in 0..TRIES {
        stage.bus.break_once("confirm", Fault::Fails(ErrorKind::TimedOut));
    }
    assert_eq!(stage.deliver(3).await, End::Unconfirmed);
    let stored = stage.bus.stored();
    assert_eq!(stage.deliver(4).await, End::AlreadyDone);
    assert_eq!(stage.bus.stored(), stored, "no alert, no dead letter");
}

#[tokio::test(start_paused = true)]
async fn the_server_hears_of_long_work_up_to_a_limit() {
    let stage = Stage::new(|settings| settings.worker.max_handling_seconds = 20);
    stage.bus.break_once("publish result", Fault::Slow(10));
    assert_eq!(stage.deliver(1).await, End::Processed);
    let beats = stage.bus.calls().iter().filter(|call| *call == "working").count();
    assert!((8..=10).contains(&beats), "{beats} in ten seconds");
}

#[tokio::test(start_paused = true)]
async fn reading_has_a_limit_and_waiting_for_the_bus_has_none() {
    let stage = Stage::new(|settings| settings.worker.max_handling_seconds = 5);
    let letter = stage.letter(REPORT, 1);
    let reading = Stopwatch::default();
    let began = Instant::now();
    let hour = Duration::from_secs(3600);
    let waiting = tokio::time::timeout(hour, stage.handler.watch_over(&letter, &reading)).await;
    assert!(waiting.is_err(), "nothing is read");
    reading.set(Some(Instant::now()));
    let failure = stage.handler.watch_over(&letter, &reading).await;
    assert!(matches!(failure, Failure::TooSlow));
    assert!(began.elapsed() < hour + Duration::from_secs(8));
    stage.bus.calls();
    let end = stage.handler.recover(&letter, &Input::of(&letter), failure).await;
    assert_eq!(end, End::Retried);
    assert_eq!(stage.bus.calls().len(), 1, "given back");
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_bus_costs_no_delivery_and_readiness_says_so() {
    for kind in [
        ErrorKind::Missing,
        ErrorKind::Full,
        ErrorKind::TimedOut,
        ErrorKind::Unreachable,
    ] {
        let stage = Stage::new(|settings| settings.worker.max_handling_seconds = 5);
        for _ in 0..60 {
            stage.bus.break_once("publish result", Fault::Fails(kind));
        }
        let health = stage.handler.health.clone();
        let look = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            health.has_outputs()
        };
        // The last delivery that it has: one more would be one too many.
        let (end, had_outputs) = tokio::join!(stage.deliver(3), look);
        assert_eq!(end, End::Processed, "{kind:?}");
        assert!(!had_outputs && health.has_outputs(), "{kind:?}");
        let calls = stage.bus.calls();
        assert!(calls.contains(&"working".to_owned()), "the server hears of the wait");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_away_is_tried_again_soon_after_it_is_back() {
    let stage = Stage::new(|_| ());
    for _ in 0..10 {
        stage.bus.break_once("publish result", Fault::Fails(ErrorKind::Missing));
    }
    let began = Instant::now();
    assert_eq!(stage.deliver(1).await, End::Processed);
    // Ten tries, and nowhere a pause that would be felt beside an election.
    assert!(began.elapsed() < 10 * LONGEST_PAUSE, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_was_lost_lets_another_worker_in_and_there_is_one_result() {
    let stage = Stage::new(|_| ());
    // The first worker is slow to publish, and the server does not hear of it.
    stage.bus.break_once("publish result", Fault::Slow(60));
    for _ in 0..60 {
        stage.bus.break_once("working", Fault::Fails(ErrorKind::Unreachable));
    }
    let again = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        stage.deliver(2).await
    };
    let (first, second) = tokio::join!(stage.deliver(1), again);
    assert_eq!((first, second), (End::AlreadyDone, End::Processed));
    let once = Stage::new(|_| ());
    once.deliver(1).await;
    assert_eq!(stage.bus.stored(), once.bus.stored());
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_stops_gives_back_without_blame() {
    let stage = Stage::new(|_| ());
    stage.bus.break_once("publish result", Fault::Slow(3600));
    let stopping = stage.handler.stopping.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        stopping.cancel();
    });
    // Even the last delivery: it is not the report's fault.
    assert_eq!(stage.deliver(3).await, End::Retried);
    assert_eq!(stage.bus.calls().last().map(String::as_str), Some("retry after 0 s"));
    assert!(!stage.bus.stored().contains(&"dead".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_refusal_of_one_report() {
    let stage = Stage::new(|_| ());
    assert_eq!(stage.deliver_text("PANIC", 1).await, End::Refused);
    assert_eq!(stage.status().as_deref(), Some(REFUSED));
    let state = stage.bus.state();
    let letter = &state.stored["baocao.dead.H50.1.s1"];
    assert_eq!(
        letter.headers.get("Baocao-Dead-Stage").map(HeaderValue::as_str),
        Some("panic")
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_stream_is_reported() {
    let stage = Stage::new(|_| ());
    stage.bus.break_once("publish result", Fault::Fails(ErrorKind::Missing));
    assert_eq!(stage.deliver(1).await, End::Processed);
    stage.handler.gone.notified().await;
}

#[tokio::test(start_paused = true)]
async fn a_suspect_is_handled_alone() {
    let stage = Stage::new(|_| ());
    let beside = stage.handler.company.read().await;
    let again = async {
        let end = stage.deliver(2).await;
        (end, Instant::now())
    };
    let others = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(beside);
        Instant::now()
    };
    let ((end, done), free) = tokio::join!(again, others);
    assert_eq!(end, End::Processed);
    assert!(done >= free);
    assert!(
        stage.bus.calls().contains(&"working".to_owned()),
        "the server hears of the wait"
    );
}

#[test]
fn the_last_three_deliveries_are_alone_and_the_first_never_is() {
    for (max_deliver, alone) in [(5, 3..=5), (3, 2..=3), (2, 2..=2)] {
        let stage = Stage::new(|settings| settings.worker.max_deliver = max_deliver);
        for deliveries in 1..8 {
            let is_suspect = stage.handler.is_suspect(deliveries);
            assert_eq!(is_suspect, alone.contains(&deliveries), "{deliveries} of {max_deliver}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_that_is_not_in_the_store_is_tried_a_few_times_and_given_up() {
    let stage = Stage::new(|_| ());
    for (deliveries, end) in [(1, End::Retried), (3, End::GivenUp)] {
        let mut letter = stage.letter("", deliveries);
        letter.headers.insert("Content-Type", "application/protobuf");
        letter.payload = claim(b"x");
        assert_eq!(stage.handler.handle(letter, ()).await, end);
    }
}

/// A submission whose content is in the object store.
fn claim(content: &[u8]) -> Bytes {
    let Reference { name, size } = Reference::to(content);
    let size = size as u64;
    let claim = crate::proto::baocao::v1::ReportSubmission {
        content_object: Some(crate::proto::baocao::v1::StoredObject { name, size }),
        ..Default::default()
    };
    prost::Message::encode_to_vec(&claim).into()
}

#[tokio::test(start_paused = true)]
async fn a_document_of_which_a_replica_has_only_the_beginning_is_read_a_little_later() {
    let stage = Stage::new(|_| ());
    stage.bus.keep(REPORT.into()).await.expect("kept");
    let deliver = async |deliveries| {
        let mut letter = stage.letter("", deliveries);
        letter.headers.insert("Content-Type", "application/protobuf");
        letter.payload = claim(REPORT.as_bytes());
        stage.handler.handle(letter, ()).await
    };
    stage.bus.break_once("fetch", Fault::Fails(ErrorKind::Malformed));
    assert_eq!(deliver(1).await, End::Retried);
    assert_eq!(stage.bus.stored(), Vec::<String>::new(), "no verdict yet");
    assert_eq!(deliver(2).await, End::Processed);
    assert_eq!(stage.status().as_deref(), Some(PROCESSED));
}

#[tokio::test(start_paused = true)]
async fn a_document_that_is_another_one_for_ever_is_refused_at_last() {
    let stage = Stage::new(|_| ());
    stage.bus.break_once("fetch", Fault::Fails(ErrorKind::Malformed));
    let mut letter = stage.letter("", 3);
    letter.headers.insert("Content-Type", "application/protobuf");
    letter.payload = claim(REPORT.as_bytes());
    assert_eq!(stage.handler.handle(letter, ()).await, End::Refused);
    let state = stage.bus.state();
    let letter = &state.stored["baocao.dead.H50.1.s1"];
    let reason = letter.headers.get("Baocao-Dead-Reason").map(HeaderValue::as_str);
    assert_eq!(reason, Some("malformed"));
}

/// What the server has brought back is settled; the calls that took.
async fn settle(stage: &Stage) -> (Result<End, Error>, Vec<String>) {
    stage.bus.calls();
    let end = stage.handler.settle(stage.letter(REPORT, 1)).await;
    (end, stage.bus.calls())
}

#[tokio::test(start_paused = true)]
async fn what_was_done_and_is_back_goes_unread() {
    for text in [REPORT, "PANIC"] {
        let stage = Stage::new(|_| ());
        // Processed, or refused and put away.
        stage.deliver_text(text, 1).await;
        let stored = stage.bus.stored();
        let (end, calls) = settle(&stage).await;
        assert_eq!(end.expect("settled"), End::AlreadyDone);
        assert_eq!(calls, ["look up", "confirm"]);
        assert_eq!(stage.bus.stored(), stored);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_back_and_was_not_done_is_done() {
    let stage = Stage::new(|_| ());
    let (end, calls) = settle(&stage).await;
    assert_eq!(end.expect("settled"), End::Processed);
    assert_eq!(calls.last().map(String::as_str), Some("confirm"));
    assert_eq!(stage.status().as_deref(), Some(PROCESSED));
}

#[tokio::test(start_paused = true)]
async fn what_is_back_stays_where_nobody_knows_whether_it_was_done() {
    let stage = Stage::new(|_| ());
    for _ in 0..TRIES {
        stage.bus.break_once("look up", Fault::Fails(ErrorKind::TimedOut));
    }
    let (end, calls) = settle(&stage).await;
    end.expect_err("it cannot be told");
    assert!(calls.iter().all(|call| call == "look up"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_back_before_the_hop_between_the_stages_is_handed_on_once() {
    let extract = || Stage::new(|settings| settings.worker.stages = config::Stages::Extract);
    // Handed on and waiting for the other stage.
    let stage = extract();
    assert_eq!(stage.deliver(1).await, End::Processed);
    let (end, _) = settle(&stage).await;
    assert_eq!(end.expect("settled"), End::AlreadyDone);
    // Taken by the other stage, whose result is there.
    let stage = Stage::new(|_| ());
    stage.deliver(1).await;
    let both = Stage {
        bus: stage.bus.clone(),
        handler: Handler {
            outlet: stage.bus.clone(),
            ..extract().handler
        },
    };
    let (end, calls) = settle(&both).await;
    assert_eq!(end.expect("settled"), End::AlreadyDone);
    assert!(!calls.iter().any(|call| call.starts_with("publish")), "{calls:?}");
    // Never handed on.
    let stage = extract();
    let (end, calls) = settle(&stage).await;
    assert_eq!(end.expect("settled"), End::Processed);
    assert!(calls.iter().any(|call| call.starts_with("publish")), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_back_waits_for_a_suspect_that_may_take_it_along() {
    let stage = Stage::new(|_| ());
    let suspect = stage.handler.company.write().await;
    let settling = stage.handler.settle(stage.letter(REPORT, 1));
    let beside = tokio::time::timeout(Duration::from_secs(3600), settling).await;
    assert!(beside.is_err(), "read beside a suspect");
    drop(suspect);
    assert_eq!(settle(&stage).await.0.expect("settled"), End::Processed);
}

#[tokio::test(start_paused = true)]
async fn a_report_is_checked_by_the_rules_of_its_unit() {
    let of_unit = |unit: &'static str| {
        Stage::new(move |settings| {
            let rules = settings.rules.unit.entry(unit.into()).or_default();
            rules.insert("header-missing".into(), crate::config::RuleSeverity::Off);
        })
    };
    let (own, other) = (of_unit("H50"), of_unit("H5"));
    own.deliver(1).await;
    other.deliver(1).await;
    assert_eq!(own.alerts(), 0);
    assert!(other.alerts() > 1);
}

#[tokio::test]
async fn what_is_kept_of_a_message_is_small() {
    let stage = Stage::new(|_| ());
    let handling = stage.handler.handle(stage.letter(REPORT, 1), ());
    // Moved several times for each message.
    assert!(size_of_val(&handling) <= 1024, "{} bytes", size_of_val(&handling));
}
