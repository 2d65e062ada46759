//! The same job at once, for a screen that waits: request and reply, on the NATS Services API.
//!
//! - `<prefix>.svc.extract`: a document, or a `ReportSubmission`; the answer is a `ReportProcessed`,
//!   as JSON if the request says so (`Accept: application/json`, or a request in JSON);
//! - `<prefix>.svc.rules`: the rules in force, as JSON; with the id of a rule as the request, that
//!   one.
//!
//! What cannot be answered is a service error: 400 no submission, 404 no such rule, 413 too large,
//! 422 a document that cannot be read, 500 the program failed, 503 too many ask, 504 too slow.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use async_nats::{
    HeaderMap,
    service::{Request, Service, ServiceExt, endpoint::Endpoint, error},
};
use bytes::Bytes;
use futures::StreamExt;
use prost::Message;
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{AbortHandle, JoinHandle},
    time::timeout,
};
use tracing::{Instrument, Span};

use super::{
    Live,
    job::{Input, Output, Work},
};
use crate::{
    bus::{Connection, Documents, Error, ErrorKind, Meta, headers, publish::set},
    config::{Settings, Stages},
    decode::{Refusal, RefusalReason},
    proto::baocao::v1 as pb,
    telemetry::{metrics, metrics::code_of, traces},
    validate::{RULES, Rule, RuleStatus},
    wire,
};

/// Requests that wait for each one that is worked on; more are turned away at once.
const WAITING: usize = 8;

/// The service, while it runs.
pub struct Running {
    service: Service,
    tasks: Vec<AbortHandle>,
}

impl Running {
    /// Takes no more requests.
    pub async fn stop(self) {
        for task in &self.tasks {
            task.abort();
        }
        if let Err(error) = self.service.stop().await {
            tracing::debug!(%error, "the service at its end");
        }
    }
}

/// Begins to answer requests; nothing where the settings allow none at once, or where no documents are decoded.
pub async fn start(connection: &Connection, settings: &Settings, live: Arc<Live>) -> Result<Option<Running>, Error> {
    if settings.service.concurrency == 0 || settings.worker.stages == Stages::Validate {
        return Ok(None);
    }
    let failed =
        |error: &dyn std::fmt::Display| Error::because(ErrorKind::Unreachable, "cannot start the service", error);
    let builder = connection.client.service_builder();
    let builder = builder.description("reads and checks Vietnamese administrative reports");
    let service = builder.start(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")).await;
    let service = service.map_err(|error| failed(&error))?;
    let endpoint = async |name: &str| {
        let endpoint = service
            .endpoint_builder()
            .name(name)
            .add(connection.names.service(name));
        endpoint.await.map_err(|error| failed(&error))
    };
    let extract = tokio::spawn(extract(
        endpoint("extract").await?,
        Arc::new(Extractor::new(connection, settings, live.clone())),
    ));
    let rules = tokio::spawn(rules(endpoint("rules").await?, live));
    let tasks = [extract, rules].iter().map(JoinHandle::abort_handle).collect();
    tracing::info!(subject = connection.names.service("extract"), "the service runs");
    Ok(Some(Running { service, tasks }))
}

/// What answering depends on.
struct Extractor {
    connection: Connection,
    live: Arc<Live>,
    max_bytes: usize,
    patience: Duration,
    /// Held by those that are worked on.
    working: Arc<Semaphore>,
    /// Held by those and by all that wait.
    present: Arc<Semaphore>,
}

impl Extractor {
    fn new(connection: &Connection, settings: &Settings, live: Arc<Live>) -> Self {
        let limits = settings.service.clone();
        Self {
            live,
            connection: connection.clone(),
            max_bytes: limits.max_bytes,
            patience: Duration::from_secs(limits.timeout_seconds),
            working: Arc::new(Semaphore::new(limits.concurrency)),
            present: Arc::new(Semaphore::new(limits.concurrency.saturating_mul(1 + WAITING))),
        }
    }

    /// Answers one request, within the time there is.
    async fn answer(self: Arc<Self>, request: Request, _present: OwnedSemaphorePermit) {
        let began = Instant::now();
        let span = traces::of_report(request.message.headers.as_ref(), "_");
        let answer = timeout(self.patience, self.work(&request))
            .instrument(span.clone())
            .await;
        let seconds = self.patience.as_secs();
        let answer = answer.unwrap_or_else(|_| Err(problem(504, format!("no result within {seconds} s"))));
        let (outcome, bytes) = (
            answer.as_ref().err().map_or(200, |error| error.code),
            request.message.payload.len(),
        );
        span.in_scope(|| tracing::info!(outcome, bytes, "request"));
        metrics().request.observe(began.elapsed().as_secs_f64());
        respond(&request, answer).await;
    }

    async fn work(self: &Arc<Self>, request: &Request) -> Result<(Bytes, &'static str), error::Error> {
        let message = &request.message;
        let size = message.payload.len();
        if size > self.max_bytes {
            let limit = self.max_bytes;
            return Err(problem(
                413,
                format!("{size} bytes are over the limit of {limit} (service.max_bytes)"),
            ));
        }
        let meta = Meta {
            deliveries: 1,
            sequence: 0,
            stored_at: SystemTime::now(),
        };
        let input = Input::new(&message.subject, message.headers.clone(), message.payload.clone(), meta);
        let output = match self.compute(&input, None).await? {
            Work::Done(output) => output,
            Work::Needs(reference) => {
                let content = self.connection.fetch(&reference).await;
                let content = content.map_err(|error| problem(422, error.to_string()))?;
                match self.compute(&input, Some(content)).await? {
                    Work::Done(output) => output,
                    Work::Needs(_) => return Err(problem(500, "the content was asked for twice".into())),
                }
            }
        };
        self.reply(*output, wants_json(message.headers.as_ref())).await
    }

    /// Does the job on a thread for computing, which keeps its permit until it is through, even
    /// when nobody waits for it any more.
    async fn compute(self: &Arc<Self>, input: &Input, fetched: Option<Bytes>) -> Result<Work, error::Error> {
        let permit = self.working.clone().acquire_owned().await;
        let permit = permit.map_err(|_| problem(503, "the service stops".into()))?;
        let (extractor, input, span) = (self.clone(), input.clone(), Span::current());
        let computed = tokio::task::spawn_blocking(move || {
            let max_message = extractor.connection.client.max_payload();
            let core = extractor.live.service_core();
            let work = span.in_scope(|| core.work(&input, fetched, max_message));
            drop(permit);
            work
        });
        computed
            .await
            .map_err(|_| problem(500, "the program failed on this document".into()))
    }

    /// What goes back: the result; where it lies, if it is too large.
    async fn reply(&self, output: Output, json: bool) -> Result<(Bytes, &'static str), error::Error> {
        if let Some(refusal) = &output.refusal {
            return Err(refused(refusal));
        }
        if let Some(whole) = output.whole {
            let kept = self.connection.keep(whole).await;
            kept.map_err(|error| problem(413, format!("the result is too large for an answer: {error}")))?;
        }
        if !json {
            return Ok((output.result.payload, headers::PROTOBUF));
        }
        let failed = |error: &dyn std::fmt::Display| problem(500, error.to_string());
        let result = pb::ReportProcessed::decode(output.result.payload).map_err(|error| failed(&error))?;
        let text = wire::to_json(&result, false).map_err(|error| failed(&error))?;
        let limit = self.connection.client.max_payload().saturating_sub(1024);
        if text.len() > limit {
            let size = text.len();
            return Err(problem(
                413,
                format!("the result has {size} bytes as JSON, more than a message may have; ask for protobuf"),
            ));
        }
        Ok((text.into(), headers::JSON))
    }
}

/// Answers requests for reading a document, until the end.
async fn extract(mut endpoint: Endpoint, extractor: Arc<Extractor>) {
    while let Some(request) = endpoint.next().await {
        match extractor.present.clone().try_acquire_owned() {
            Ok(present) => drop(tokio::spawn(extractor.clone().answer(request, present))),
            Err(_) => {
                let busy = problem(503, "too many requests wait already; try again in a moment".into());
                respond(&request, Err(busy)).await;
            }
        }
    }
}

/// Answers requests for the rules, until the end.
async fn rules(mut endpoint: Endpoint, live: Arc<Live>) {
    while let Some(request) = endpoint.next().await {
        let id = String::from_utf8_lossy(&request.message.payload).trim().to_owned();
        let settings = live.settings();
        let answer = match id.as_str() {
            "" => Ok(rule_list(&settings)),
            id => RULES
                .iter()
                .find(|rule| rule.id == id)
                .map(|rule| rule_page(rule, &settings))
                .ok_or_else(|| problem(404, "there is no such rule".into())),
        };
        respond(&request, answer.map(|rules| (rules.to_string().into(), headers::JSON))).await;
    }
}

/// The rules, and how grave each is under these settings.
pub fn rule_list(settings: &Settings) -> serde_json::Value {
    RULES.iter().map(|rule| rule_page(rule, settings)).collect()
}

fn rule_page(rule: &Rule, settings: &Settings) -> serde_json::Value {
    let in_force = settings.rule_sets().of("").severity(rule);
    json!({
        "id": rule.id,
        "severity": rule.severity.as_str(),
        "inForce": in_force.map_or("off", |severity| severity.as_str()),
        "status": match rule.status { RuleStatus::Stable => "stable", RuleStatus::Preview => "preview" },
        "since": rule.since,
        "summaryVi": rule.summary_vi,
        "summaryEn": rule.summary_en,
        "documentation": rule.documentation,
    })
}

async fn respond(request: &Request, answer: Result<(Bytes, &'static str), error::Error>) {
    let code = answer.as_ref().err().map_or(200, |error| error.code);
    metrics().requests.inc([code_of(code)]);
    let mut headers = HeaderMap::new();
    let answer = answer.map(|(content, media_type)| {
        set(&mut headers, headers::CONTENT_TYPE, media_type);
        content
    });
    if let Err(error) = request.respond_with_headers(answer, headers).await {
        tracing::warn!(%error, "an answer cannot be sent");
    }
}

/// Whether the answer shall be JSON.
fn wants_json(incoming: Option<&HeaderMap>) -> bool {
    let says = |name| headers::get(incoming, name).is_some_and(|value| value.contains(headers::JSON));
    match headers::get(incoming, "Accept") {
        Some(_) => says("Accept"),
        None => says(headers::CONTENT_TYPE),
    }
}

/// A service error.
fn problem(code: usize, status: String) -> error::Error {
    // It becomes a header.
    let status = status.replace(['\r', '\n'], " ");
    error::Error { status, code }
}

/// A refusal as a service error. Its words name limits and defects, never the document's text.
fn refused(refusal: &Refusal) -> error::Error {
    let code = match refusal.reason {
        RefusalReason::Malformed => 400,
        RefusalReason::TooLarge => 413,
        RefusalReason::Poisonous => 500,
        _ => 422,
    };
    problem(code, format!("{}: {}", refusal.reason.as_str(), refusal.message_en))
}
