//! Traces, over OTLP: off unless an address is set.
//!
//! The context of a trace comes with a message (`traceparent`, `tracestate`) and goes on in all that
//! is published for it. Spans hold identifiers, counts and names of formats; never the text of a
//! document. What is a span for the collector only has the target [`TARGET`], so that no log sees it.

use std::{env, io, thread, time::Duration};

use async_nats::HeaderMap;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry::{
    Value,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response, hyper::HyperClient};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{SdkTracer, SdkTracerProvider},
};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::Error;
use crate::{
    bus::{headers, publish::set},
    config::Telemetry,
};

/// Target of spans that only the collector sees.
pub const TARGET: &str = "baocao::trace";

/// Standard variables that name a collector.
const VARIABLES: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// How long the collector may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long what is left at the end may take to reach the collector.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Sends spans to the collector; what is left goes out when it is dropped.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// As the setting or the standard variables have it; None when neither names a collector.
    /// `service` is what the traces call this process.
    pub fn start(settings: &Telemetry, service: &'static str) -> Result<Option<Self>, Error> {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let endpoint = settings.otlp_endpoint.trim_end_matches('/');
        let disabled = env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        if disabled || (endpoint.is_empty() && !VARIABLES.into_iter().any(set)) {
            return Ok(None);
        }
        let failed = |error: &dyn std::fmt::Display| Error::Traces(error.to_string());
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new().map_err(|error| failed(&error))?);
        if !endpoint.is_empty() {
            exporter = exporter.with_endpoint(format!("{endpoint}/v1/traces"));
        }
        let exporter = exporter.build().map_err(|error| failed(&error))?;
        let mut resource = Resource::builder();
        // OTEL_SERVICE_NAME, which the builder has read, says it better.
        if !set("OTEL_SERVICE_NAME") {
            resource = resource.with_service_name(service);
        }
        let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.with_attribute(version).build())
            .build();
        Ok(Some(Self { provider }))
    }

    /// Where spans go.
    pub fn tracer(&self) -> SdkTracer {
        self.provider.tracer(env!("CARGO_PKG_NAME"))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // A collector that does not answer holds up nothing.
        let _ = self.provider.shutdown_with_timeout(LAST_WORDS);
    }
}

/// An HTTP client whose requests run on a thread of their own: the one that collects spans waits for them, and at the end
/// of a command the one that has run it waits for the last.
#[derive(Debug)]
struct Client {
    inner: HyperClient<HttpsConnector<HttpConnector>>,
    runtime: Handle,
    /// Dropped, it ends the thread.
    _alive: oneshot::Sender<()>,
}

impl Client {
    fn new() -> io::Result<Self> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())?
            .https_or_http()
            .enable_http1()
            .build();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (alive, gone) = oneshot::channel::<()>();
        let serve = move || drop(runtime.block_on(gone));
        thread::Builder::new().name("traces".into()).spawn(serve)?;
        let _entered = handle.enter();
        Ok(Self {
            inner: HyperClient::new(connector, PATIENCE, None),
            runtime: handle.clone(),
            _alive: alive,
        })
    }
}

impl HttpClient for Client {
    fn send_bytes<'s, 'f>(
        &'s self,
        request: Request<Bytes>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        let (client, runtime) = (self.inner.clone(), self.runtime.clone());
        Box::pin(async move {
            let sent = runtime.spawn(async move { client.send_bytes(request).await });
            sent.await.map_err(|error| Box::new(error) as HttpError)?
        })
    }
}

/// The span of one report, from its delivery to its acknowledgement. Of the highest level, so that
/// no filter of the log takes it away: it tells each line which submission it is about.
pub fn of_report(incoming: Option<&HeaderMap>, unit: &str) -> Span {
    let span = tracing::error_span!(
        "report",
        otel.kind = "consumer",
        submission = tracing::field::Empty,
        unit
    );
    if let Some(id) = headers::id(incoming) {
        span.record("submission", &*id);
    }
    go_on(&span, incoming);
    span
}

/// The span in which a result or an alert is taken notice of.
pub fn of_event(incoming: Option<&HeaderMap>, subject: &str) -> Span {
    let span = tracing::trace_span!(target: TARGET, "consume", otel.kind = "consumer", subject);
    go_on(&span, incoming);
    span
}

/// Puts a span under the one that the headers of a message name.
fn go_on(span: &Span, incoming: Option<&HeaderMap>) {
    if let Some(incoming) = incoming.filter(|_| is_on()) {
        let context = TraceContextPropagator::new().extract(&Incoming(incoming));
        // It fails only where spans do not go to a collector.
        let _ = span.set_parent(context);
    }
}

/// Whether anybody may want what only the collector does; what this costs is one look at a flag.
pub fn is_on() -> bool {
    tracing::span_enabled!(target: TARGET, tracing::Level::TRACE)
}

/// Notes something of a span, for the collector.
pub fn note(span: &Span, key: &'static str, value: impl Into<Value>) {
    if is_on() {
        span.set_attribute(key, value);
    }
}

/// Puts the context of the present span into the headers of a message; nothing where there is none.
pub fn inject(headers: &mut HeaderMap) {
    if !is_on() {
        return;
    }
    let context = Span::current().context();
    if context.span().span_context().is_valid() {
        TraceContextPropagator::new().inject_context(&context, &mut Outgoing(headers));
    }
}

struct Incoming<'h>(&'h HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        headers::get(Some(self.0), key)
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

struct Outgoing<'h>(&'h mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        // An empty header is none.
        if !value.is_empty() {
            set(self.0, key, &value);
        }
    }
}
