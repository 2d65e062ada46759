//! Metrics, in the text format of OpenMetrics, at `/metrics` beside the health.
//!
//! One set for the process, [`metrics`]: what counts something calls it where it happens. All label
//! values are `&'static str`, so that their number is bounded by the program and nothing of a
//! message (a unit, an id, a subject) can become one. `METRICS.md` beside this file is the table of
//! all; a test keeps it so.

use std::{
    fmt::Write,
    sync::{
        LazyLock,
        atomic::{AtomicI64, AtomicU64},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        MetricType, TypedMetric,
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
    },
    registry::{Metric, Registry},
};

use crate::{
    decode::RefusalReason,
    validate::{self, RULES},
};

/// Media type of what [`Metrics::text`] gives.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The label value of what has no name of its own.
pub const OTHER: &str = "other";

/// Limits of the buckets for durations, in seconds: from plain text to hundreds of scanned pages.
const SECONDS: [f64; 17] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];

/// Limits of the buckets for sizes, in bytes.
const BYTES: [f64; 9] = [
    1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0, 67108864.0,
];

/// Names of formats, as labels have them.
pub const FORMATS: [&str; 11] = [
    "text", "docx", "xlsx", "xls", "html", "edxml", "pdf", "image", "doc", "rtf", OTHER,
];

/// Parts of the work on a report that are measured.
pub const STAGES: [&str; 5] = ["decode", "extract", "validate", "publish", "acknowledge"];

/// Kinds of messages that go out.
pub const KINDS: [&str; 5] = ["result", "alert", "status", "dead", "extracted"];

/// Why a decoder's process came to an early end.
pub const KILLED: [&str; 7] = ["deadline", "output", "memory", "cpu", "crash", "silent", "cancelled"];

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// The metrics of this process.
pub fn metrics() -> &'static Metrics {
    &METRICS
}

/// What a metric is, for the table.
#[derive(Clone, Debug)]
pub struct Described {
    /// Its name, as a query has it.
    pub name: String,
    /// counter, gauge or histogram.
    pub kind: &'static str,
    /// Names of its labels.
    pub labels: Vec<&'static str>,
    /// The values of its label, where there is one and they are few.
    pub values: Vec<&'static str>,
    /// What it counts: messages, seconds, bytes.
    pub unit: &'static str,
    /// What it says.
    pub meaning: &'static str,
}

/// Counters told apart by labels.
#[derive(Clone, Debug)]
pub struct Counters<const N: usize>(Told<N, Counter>);

impl<const N: usize> Counters<N> {
    /// One more with these values of the labels, in their order.
    pub fn inc(&self, values: [&'static str; N]) {
        self.0.family.get_or_create(&self.0.labels(values)).inc();
    }
}

/// Histograms told apart by labels.
#[derive(Clone, Debug)]
pub struct Histograms<const N: usize>(Told<N, Histogram>);

impl<const N: usize> Histograms<N> {
    /// Something took so long.
    pub fn took(&self, values: [&'static str; N], time: Duration) {
        let family = &self.0.family;
        family.get_or_create(&self.0.labels(values)).observe(time.as_secs_f64());
    }

    /// Something was of this size.
    pub fn measured(&self, values: [&'static str; N], size: usize) {
        self.0.family.get_or_create(&self.0.labels(values)).observe(size as f64);
    }
}

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Metrics of one name, told apart by labels.
#[derive(Clone, Debug)]
struct Told<const N: usize, M> {
    names: [&'static str; N],
    family: Family<Labels<N>, M, fn() -> M>,
}

impl<const N: usize, M: Clone> Told<N, M> {
    fn labels(&self, values: [&'static str; N]) -> Labels<N> {
        std::array::from_fn(|n| (self.names[n], values[n]))
    }

    /// Those that are known beforehand begin at 0, so that the first one is an increase.
    fn begin(&self, values: impl IntoIterator<Item = [&'static str; N]>) {
        for values in values {
            drop(self.family.get_or_create(&self.labels(values)));
        }
    }
}

/// All metrics. `METRICS.md` says what each means.
#[derive(Debug)]
#[allow(missing_docs)] // said in `Metrics::new`
pub struct Metrics {
    registry: Registry,
    table: Vec<Described>,
    pub received: Counter,
    pub redelivered: Counter,
    pub processed: Counter,
    pub processed_before: Counter,
    pub refused: Counters<1>,
    pub dead: Counters<1>,
    pub retried: Counters<1>,
    pub unconfirmed: Counter,
    pub panics: Counter,
    pub findings: Counters<2>,
    pub alerts: Counters<1>,
    pub stage: Histograms<1>,
    pub decode: Histograms<1>,
    pub report: Histogram,
    pub document_bytes: Histograms<1>,
    pub publish: Histograms<1>,
    pub publish_failures: Counters<1>,
    pub in_flight_messages: Gauge<i64, AtomicI64>,
    pub in_flight_bytes: Gauge<i64, AtomicI64>,
    pub queue_pending: Gauge<f64, AtomicU64>,
    pub queue_unacknowledged: Gauge<f64, AtomicU64>,
    pub connected: Gauge<i64, AtomicI64>,
    pub reconnects: Counter,
    pub bus_errors: Counter,
    pub children_started: Counter,
    pub children_killed: Counters<1>,
    pub requests: Counters<1>,
    pub request: Histogram,
    pub ready: Gauge<i64, AtomicI64>,
    pub reloads: Counters<1>,
    pub log_lines_held_back: Counter,
    memory: Gauge<i64, AtomicI64>,
}

impl Metrics {
    fn new() -> Self {
        let mut all = Builder::default();
        let this = Self {
            received: all.counter("reports_received", "messages", "Taken from the queue, each delivery counted."),
            redelivered: all.counter(
                "reports_redelivered",
                "messages",
                "Taken from the queue, not for the first time.",
            ),
            processed: all.counter(
                "reports_processed",
                "messages",
                "Read and checked; the result is stored and the message acknowledged.",
            ),
            processed_before: all.counter(
                "reports_processed_before",
                "messages",
                "Acknowledged because an earlier delivery had stored the result.",
            ),
            refused: all.counters(
                "reports_refused",
                ["reason"],
                "messages",
                "Could not be read; the reason is that of the result.",
                REASONS.map(|reason| [reason.as_str()]),
            ),
            dead: all.counters(
                "dead_letters",
                ["stage"],
                "messages",
                "Dead letters stored: \"read\" it cannot be read, \"panic\" the program failed on it, \"delivery\" it was \
                 tried too often.",
                ["read", "panic", "delivery"].map(|stage| [stage]),
            ),
            retried: all.counters(
                "reports_retried",
                ["cause"],
                "messages",
                "Given back to be delivered again: something on the bus failed, it took too long, the worker stops.",
                ["bus", "slow", "stopping"].map(|cause| [cause]),
            ),
            unconfirmed: all.counter(
                "reports_unconfirmed",
                "messages",
                "Result stored, but the server did not confirm the acknowledgement; it will be delivered again.",
            ),
            panics: all.counter("panics", "panics", "Failures of the program itself. Each is a defect; please report it."),
            findings: all.counters(
                "findings",
                ["rule", "severity"],
                "findings",
                "Findings in stored results.",
                RULES.iter().map(|rule| [rule.id, rule.severity.as_str()]),
            ),
            alerts: all.counters(
                "alerts",
                ["severity"],
                "messages",
                "Alerts of stored results, those of refusals included.",
                SEVERITIES.map(|severity| [severity.as_str()]),
            ),
            stage: all.histograms(
                "stage_duration_seconds",
                ["stage"],
                "seconds",
                "Time that each stage of a report took.",
                STAGES.map(|stage| [stage]),
                of_seconds,
            ),
            decode: all.histograms(
                "decode_duration_seconds",
                ["format"],
                "seconds",
                "Time that decoding took, by the format that was found, refusals included.",
                FORMATS.map(|format| [format]),
                of_seconds,
            ),
            report: all.histogram(
                "report_duration_seconds",
                "seconds",
                "Time from the arrival of a message to its acknowledgement.",
            ),
            document_bytes: all.histograms(
                "document_bytes",
                ["format"],
                "bytes",
                "Sizes of the documents taken on, by the format that was found.",
                FORMATS.map(|format| [format]),
                || Histogram::new(BYTES),
            ),
            publish: all.histograms(
                "publish_duration_seconds",
                ["kind"],
                "seconds",
                "Time until the server has stored a message, tries again included.",
                KINDS.map(|kind| [kind]),
                of_seconds,
            ),
            publish_failures: all.counters(
                "publish_failures",
                ["kind"],
                "messages",
                "Messages that could not be stored after all tries.",
                KINDS.map(|kind| [kind]),
            ),
            in_flight_messages: all.gauge("in_flight_messages", "messages", "Being worked on now."),
            in_flight_bytes: all.gauge("in_flight_bytes", "bytes", "Their size, without what lies in the object store."),
            queue_pending: all.gauge(
                "queue_pending_messages",
                "messages",
                "Waiting in the queue, undelivered, for all workers together; NaN while not known. Asked for every ten \
                 seconds.",
            ),
            queue_unacknowledged: all.gauge(
                "queue_unacknowledged_messages",
                "messages",
                "Delivered and not yet acknowledged, for all workers together; NaN while not known.",
            ),
            connected: all.gauge("bus_connected", "0 or 1", "Whether a server is there."),
            reconnects: all.counter("bus_reconnects", "connections", "Connections that came up again after they were down."),
            bus_errors: all.counter(
                "bus_errors",
                "errors",
                "Errors that the server or the client reported on the connection, such as a denied permission.",
            ),
            children_started: all.counter("children_started", "processes", "Decoder processes started."),
            children_killed: all.counters(
                "children_killed",
                ["reason"],
                "processes",
                "Decoder processes that ended before their answer: a limit (deadline, output, memory, cpu), a crash, \
                 silence, or nobody wanted the answer any more.",
                KILLED.map(|reason| [reason]),
            ),
            requests: all.counters(
                "service_requests",
                ["code"],
                "requests",
                "Answers of the service, by code; 200 is a result.",
                CODES.map(|code| [code]),
            ),
            request: all.histogram(
                "service_duration_seconds",
                "seconds",
                "Time from a request to its answer.",
            ),
            ready: all.gauge("ready", "0 or 1", "What /readyz says."),
            reloads: all.counters(
                "reloads",
                ["outcome"],
                "reloads",
                "Times the settings were read again: changed, unchanged, or refused and the old ones kept.",
                ["changed", "unchanged", "refused"].map(|outcome| [outcome]),
            ),
            log_lines_held_back: all.counter(
                "log_lines_held_back",
                "lines",
                "Repeated warnings and errors left out of the log.",
            ),
            memory: all.gauge("process_resident_memory_bytes", "bytes", "Memory in use."),
            registry: Registry::default(),
            table: Vec::new(),
        };
        let began: Gauge<f64, AtomicU64> = all.gauge(
            "process_start_time_seconds",
            "seconds",
            "When the process began, since 1970-01-01.",
        );
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        began.set(now.map_or(0.0, |now| now.as_secs_f64()));
        let build: Told<1, Gauge<i64, AtomicI64>> = all.told(
            "build_info",
            ["version"],
            "1",
            "The version of this program.",
            Gauge::default,
        );
        build
            .family
            .get_or_create(&build.labels([env!("CARGO_PKG_VERSION")]))
            .set(1);
        // Not known until somebody has asked.
        this.queue_pending.set(f64::NAN);
        this.queue_unacknowledged.set(f64::NAN);
        Self {
            registry: all.registry,
            table: all.table,
            ..this
        }
    }

    /// All, with their present values.
    pub fn text(&self) -> String {
        self.memory.set(resident_memory().unwrap_or_default());
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// What there is.
    pub fn table(&self) -> &[Described] {
        &self.table
    }

    /// Counts a message as in flight until what it returns is dropped.
    pub fn hold(&'static self, bytes: usize) -> InFlight {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.in_flight_messages.inc();
        self.in_flight_bytes.inc_by(bytes);
        InFlight { of: self, bytes }
    }

    /// Counts a finding of a stored result.
    pub fn found(&self, rule: &'static str, severity: validate::Severity) {
        self.findings.inc([rule, severity.as_str()]);
    }
}

/// A message that is worked on.
#[derive(Debug)]
pub struct InFlight {
    of: &'static Metrics,
    bytes: i64,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.of.in_flight_messages.dec();
        self.of.in_flight_bytes.dec_by(self.bytes);
    }
}

/// The format of a media type, as labels have it.
pub fn format_of(media_type: &str) -> &'static str {
    use crate::decode::{docx, edxml, html, xlsx};
    match media_type {
        "text/plain" | "text/markdown" => "text",
        "application/pdf" => "pdf",
        "application/msword" => "doc",
        "application/rtf" | "text/rtf" => "rtf",
        docx::MEDIA_TYPE => "docx",
        xlsx::MEDIA_TYPE => "xlsx",
        xlsx::LEGACY_MEDIA_TYPE => "xls",
        html::MEDIA_TYPE => "html",
        edxml::MEDIA_TYPE => "edxml",
        other if other.starts_with("image/") => "image",
        _ => OTHER,
    }
}

/// The code of an answer of the service, as labels have it.
pub fn code_of(code: usize) -> &'static str {
    CODES
        .into_iter()
        .find(|known| known.parse() == Ok(code))
        .unwrap_or(OTHER)
}

const CODES: [&str; 9] = ["200", "400", "404", "413", "422", "500", "503", "504", OTHER];

const SEVERITIES: [validate::Severity; 3] = [
    validate::Severity::Info,
    validate::Severity::Warning,
    validate::Severity::Error,
];

const REASONS: [RefusalReason; 11] = [
    RefusalReason::Empty,
    RefusalReason::TooLarge,
    RefusalReason::UnsupportedFormat,
    RefusalReason::NotText,
    RefusalReason::Malformed,
    RefusalReason::Encrypted,
    RefusalReason::NoReport,
    RefusalReason::LimitExceeded,
    RefusalReason::MissingProgram,
    RefusalReason::DecoderFailed,
    RefusalReason::Poisonous,
];

/// What the kernel says that this process has in memory, in bytes.
fn resident_memory() -> Option<i64> {
    let sizes = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: i64 = sizes.split(' ').nth(1)?.parse().ok()?;
    Some(pages * i64::try_from(rustix::param::page_size()).ok()?)
}

fn of_seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// Registers metrics and describes them, in one go.
#[derive(Default)]
struct Builder {
    registry: Registry,
    table: Vec<Described>,
}

impl Builder {
    fn counter(&mut self, name: &str, unit: &'static str, meaning: &'static str) -> Counter {
        self.add(name, &[], unit, meaning, MetricType::Counter, Counter::default())
    }

    fn gauge<G: Metric + Clone + Default>(&mut self, name: &str, unit: &'static str, meaning: &'static str) -> G {
        self.add(name, &[], unit, meaning, MetricType::Gauge, G::default())
    }

    fn histogram(&mut self, name: &str, unit: &'static str, meaning: &'static str) -> Histogram {
        self.add(name, &[], unit, meaning, MetricType::Histogram, of_seconds())
    }

    fn counters<const N: usize>(
        &mut self,
        name: &str,
        labels: [&'static str; N],
        unit: &'static str,
        meaning: &'static str,
        known: impl IntoIterator<Item = [&'static str; N]>,
    ) -> Counters<N> {
        let told = self.told(name, labels, unit, meaning, Counter::default);
        let known: Vec<_> = known.into_iter().collect();
        self.list(&known);
        told.begin(known);
        Counters(told)
    }

    fn histograms<const N: usize>(
        &mut self,
        name: &str,
        labels: [&'static str; N],
        unit: &'static str,
        meaning: &'static str,
        known: impl IntoIterator<Item = [&'static str; N]>,
        make: fn() -> Histogram,
    ) -> Histograms<N> {
        let told = self.told(name, labels, unit, meaning, make);
        let known: Vec<_> = known.into_iter().collect();
        self.list(&known);
        told.begin(known);
        Histograms(told)
    }

    /// Notes the values of the label of the metric described last.
    fn list<const N: usize>(&mut self, known: &[[&'static str; N]]) {
        if let (Some(described), 1) = (self.table.last_mut(), N) {
            described.values = known.iter().map(|values| values[0]).collect();
        }
    }

    fn told<const N: usize, M>(
        &mut self,
        name: &str,
        labels: [&'static str; N],
        unit: &'static str,
        meaning: &'static str,
        make: fn() -> M,
    ) -> Told<N, M>
    where
        M: TypedMetric + Clone + std::fmt::Debug + Send + Sync + 'static,
        Family<Labels<N>, M, fn() -> M>: Metric,
        Labels<N>: EncodeLabelSet,
        fn() -> M: MetricConstructor<M>,
    {
        let family = Family::new_with_constructor(make);
        let family = self.add(name, &labels, unit, meaning, M::TYPE, family);
        Told { names: labels, family }
    }

    fn add<M: Metric + Clone>(
        &mut self,
        name: &str,
        labels: &[&'static str],
        unit: &'static str,
        meaning: &'static str,
        kind: MetricType,
        metric: M,
    ) -> M {
        // What every exporter has keeps the name that dashboards know.
        let name = if name.starts_with("process_") {
            name.to_owned()
        } else {
            format!("baocao_{name}")
        };
        // A full stop is added to the help.
        self.registry
            .register(name.clone(), meaning.trim_end_matches('.'), metric.clone());
        let (kind, suffix) = match kind {
            MetricType::Counter => ("counter", "_total"),
            MetricType::Histogram => ("histogram", ""),
            _ => ("gauge", ""),
        };
        self.table.push(Described {
            name: name + suffix,
            kind,
            labels: labels.to_vec(),
            values: Vec::new(),
            unit,
            meaning,
        });
        metric
    }
}

/// The table of all metrics, as Markdown.
pub fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\nWhat a worker tells at `/metrics` (`telemetry.http_listen`). Generated from `metrics.rs`; a test \
         compares it with\nwhat a running worker prints. The values of labels are bounded: what has no name of its own \
         is `other`, a rule is one that\n`baocao rules list` lists, and a unit is no label: there are thousands. \
         Histograms have `_bucket`, `_sum` and `_count`.\n\n\
         | name | type | labels | unit | meaning |\n|---|---|---|---|---|\n",
    );
    for Described {
        name,
        kind,
        labels,
        values,
        unit,
        meaning,
    } in metrics().table()
    {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = labels.join(", ");
        let values = if values.is_empty() {
            String::new()
        } else {
            format!(": {}", values.join(", "))
        };
        let _ = writeln!(page, "| `{name}` | {kind} | {labels}{values} | {unit} | {meaning} |");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/telemetry/METRICS.md");
        if std::env::var_os("BAOCAO_BLESS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == page(), "METRICS.md is old; BAOCAO_BLESS=1 writes it anew");
    }

    #[test]
    fn what_is_in_flight_comes_back() {
        let metrics: &'static Metrics = Box::leak(Box::new(Metrics::new()));
        let held = [metrics.hold(10), metrics.hold(20)];
        assert_eq!(metrics.in_flight_messages.get(), 2);
        assert_eq!(metrics.in_flight_bytes.get(), 30);
        drop(held);
        assert_eq!(metrics.in_flight_messages.get(), 0);
        assert_eq!(metrics.in_flight_bytes.get(), 0);
    }

    #[test]
    fn formats_and_codes_have_names_or_are_other() {
        for format in [format_of("text/plain"), format_of("image/tiff"), format_of("x/y")] {
            assert!(FORMATS.contains(&format));
        }
        assert_eq!(format_of("x/y"), OTHER);
        assert_eq!(code_of(413), "413");
        assert_eq!(code_of(418), OTHER);
    }

    #[test]
    fn values_and_labels_are_printed() {
        let metrics = Metrics::new();
        metrics.found("sum-mismatch", validate::Severity::Error);
        metrics.stage.took(["decode"], Duration::from_millis(2));
        let text = metrics.text();
        for line in [
            "baocao_findings_total{rule=\"sum-mismatch\",severity=\"error\"} 1",
            "baocao_stage_duration_seconds_bucket{le=\"0.0025\",stage=\"decode\"} 1",
            "baocao_stage_duration_seconds_bucket{le=\"0.001\",stage=\"decode\"} 0",
            "baocao_queue_pending_messages NaN",
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
