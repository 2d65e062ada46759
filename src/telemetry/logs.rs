//! Logs: for people on a terminal, JSON otherwise; each line about a report says which one, and
//! what repeats is held back.

use std::{
    collections::HashMap,
    fmt,
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;
use tracing::{
    Event, Level, Metadata, Subscriber,
    callsite::Identifier,
    field::{Field, Visit},
    span::Record,
};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    layer::{Context, Filter},
    registry::LookupSpan,
};

use super::metrics;

/// One JSON object on each line: time, level, what the surrounding spans say (the submission), what
/// the event says, where it comes from. Goes with [`JsonFields`].
#[derive(Clone, Copy, Debug)]
pub struct Json;

impl<S> FormatEvent<S, JsonFields> for Json
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        writer.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut writer)?;
        write!(writer, "\",\"level\":\"{}\",", metadata.level())?;
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            if let Some(fields) = fields.filter(|fields| !fields.is_empty()) {
                write!(writer, "{fields},")?;
            }
        }
        let mut said = Pairs::default();
        event.record(&mut said);
        if !said.0.is_empty() {
            write!(writer, "{},", said.0)?;
        }
        writeln!(writer, "\"target\":\"{}\"}}", metadata.target())
    }
}

/// Fields of spans as members of a JSON object, without its braces: each line takes them as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonFields;

impl<'w> FormatFields<'w> for JsonFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut said = Pairs::default();
        fields.record(&mut said);
        writer.write_str(&said.0)
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let mut said = Pairs(std::mem::take(&mut current.fields));
        fields.record(&mut said);
        current.fields = said.0;
        Ok(())
    }
}

/// Members of a JSON object. What only the collector wants to know is left out.
#[derive(Default)]
struct Pairs(String);

impl Pairs {
    /// Writes a member whose value is JSON as it is; the first of a name stands.
    fn put(&mut self, field: &Field, json: impl fmt::Display) {
        use fmt::Write;
        let name = field.name();
        if name.starts_with("otel.") || self.has(name) {
            return;
        }
        let comma = if self.0.is_empty() { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{comma}\"{name}\":{json}");
    }

    fn has(&self, name: &str) -> bool {
        let mut places = self.0.match_indices(name);
        places.any(|(at, _)| self.0[..at].ends_with('"') && self.0[at + name.len()..].starts_with("\":"))
    }
}

impl Visit for Pairs {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::from(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // Not every number is one in JSON.
        self.put(field, Value::from(value));
    }
}

/// Fields of spans for people, without what only the collector wants to know.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextFields;

impl<'w> FormatFields<'w> for TextFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = Text { line: String::new() };
        fields.record(&mut visitor);
        writer.write_str(&visitor.line)
    }
}

struct Text {
    line: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write;
        if field.name().starts_with("otel.") {
            return;
        }
        if !self.line.is_empty() {
            self.line.push(' ');
        }
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.line, "{value:?}"),
            name => write!(self.line, "{name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let is_plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        match field.name() {
            "message" => self.record_debug(field, &format_args!("{value}")),
            _ if is_plain => self.record_debug(field, &format_args!("{value}")),
            _ => self.record_debug(field, &value),
        }
    }
}

/// Within this time so many equal warnings and errors are let through.
const WINDOW: Duration = Duration::from_secs(60);

/// Warnings and errors by the line of code that they come from.
static REPEATS: LazyLock<Repeats> = LazyLock::new(Repeats::default);

/// Holds back what repeats.
#[derive(Debug, Default)]
pub struct Repeats {
    windows: Mutex<HashMap<Identifier, Window>>,
}

/// What one line of code has said lately.
#[derive(Debug)]
struct Window {
    began: Instant,
    passed: u32,
    held: u64,
    what: String,
}

impl Repeats {
    /// Whether a line may pass; `what` says what it is about.
    fn admits(&self, source: Identifier, allowed: u32, now: Instant, what: impl FnOnce() -> String) -> bool {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(source).or_insert_with(|| Window {
            began: now,
            passed: 0,
            held: 0,
            what: String::new(),
        });
        // What is held back has to be told before a new window begins.
        if now.duration_since(window.began) >= WINDOW && window.held == 0 {
            (window.began, window.passed) = (now, 0);
        }
        if window.passed < allowed {
            window.passed += 1;
            return true;
        }
        if window.held == 0 {
            window.what = what();
        }
        window.held += 1;
        false
    }

    /// What has been held back in windows that are over; it is told once.
    fn ended(&self, now: Instant) -> Vec<(String, u64)> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |window: &&mut Window| window.held > 0 && now.duration_since(window.began) >= WINDOW;
        let over = windows.values_mut().filter(is_over).map(|window| {
            (window.began, window.passed) = (now, 0);
            (std::mem::take(&mut window.what), std::mem::take(&mut window.held))
        });
        over.collect()
    }
}

/// Says what has been held back; to be called every few seconds.
pub fn tell_held_back() {
    tell(Instant::now());
}

/// Says what has been held back up to now; to be called at the end.
pub fn tell_all_held_back() {
    tell(Instant::now() + WINDOW);
}

fn tell(now: Instant) {
    for (what, lines) in REPEATS.ended(now) {
        tracing::info!(lines, what, "held back because it repeats");
    }
}

/// The message of an event.
struct Message(Option<String>);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = Some(format!("{value:?}"));
        }
    }
}

/// Holds back warnings and errors that repeat.
#[derive(Clone, Copy, Debug)]
pub struct HoldBack {
    /// So many of a kind pass within a minute; 0: all.
    pub allowed: u32,
}

impl<S> Filter<S> for HoldBack {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if self.allowed == 0 || *metadata.level() > Level::WARN {
            return true;
        }
        let admitted = REPEATS.admits(metadata.callsite(), self.allowed, Instant::now(), || {
            let mut said = Message(None);
            event.record(&mut said);
            said.0.unwrap_or_else(|| metadata.name().to_owned())
        });
        if !admitted {
            metrics().log_lines_held_back.inc();
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::{Layer, layer::SubscriberExt};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        fn writer(&self) -> impl Fn() -> Lines + 'static {
            let lines = self.clone();
            move || lines.clone()
        }
    }

    fn say() {
        let report = tracing::error_span!(
            "report",
            otel.kind = "consumer",
            submission = tracing::field::Empty,
            unit = "H50"
        );
        let _inside = report.enter();
        report.record("submission", "s 1");
        // Known already: the first stands.
        report.record("submission", "s 1");
        tracing::trace_span!("inner").in_scope(|| tracing::info!(bytes = 7_u64, quoted = "a \"b\"\n", "read"));
    }

    #[test]
    fn every_line_names_its_submission() {
        let lines = Lines::default();
        let json = tracing_subscriber::fmt::layer()
            .fmt_fields(JsonFields)
            .event_format(Json)
            .with_writer(lines.writer());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(json), say);
        let line: serde_json::Map<String, Value> = serde_json::from_str(&lines.text()).unwrap();
        let names: Vec<&str> = line.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "timestamp",
                "level",
                "unit",
                "submission",
                "message",
                "bytes",
                "quoted",
                "target"
            ]
        );
        assert_eq!(line["submission"], "s 1");
        assert_eq!(line["bytes"], 7);
        assert_eq!(line["quoted"], "a \"b\"\n");
        assert_eq!(lines.text().matches("submission").count(), 1);

        let lines = Lines::default();
        let text = tracing_subscriber::fmt::layer()
            .fmt_fields(TextFields)
            .with_ansi(false)
            .with_writer(lines.writer());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(text), say);
        let text = lines.text();
        assert!(
            text.contains("submission=\"s 1\"") && text.contains("unit=H50"),
            "{text}"
        );
        assert!(text.contains("read bytes=7") && !text.contains("otel"), "{text}");
    }

    #[test]
    fn what_repeats_is_held_back_and_counted() {
        let lines = Lines::default();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(lines.writer())
            .with_filter(HoldBack { allowed: 3 });
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            for _ in 0..10 {
                tracing::warn!("the same");
                tracing::info!("what is no warning");
            }
            tracing::warn!("another");
        });
        let text = lines.text();
        assert_eq!(text.matches("the same").count(), 3, "{text}");
        assert_eq!(text.matches("what is no warning").count(), 10);
        assert_eq!(text.matches("another").count(), 1);
    }

    #[test]
    fn windows_end_and_say_what_they_held() {
        let span = || tracing::error_span!("a source of lines");
        let span = tracing::subscriber::with_default(tracing_subscriber::registry(), span);
        let source = span.metadata().unwrap().callsite();
        let repeats = Repeats::default();
        let began = Instant::now();
        let says = |seconds| {
            let now = began + Duration::from_secs(seconds);
            repeats.admits(source.clone(), 2, now, || "trouble".into())
        };
        assert_eq!([says(0), says(1), says(2), says(3)], [true, true, false, false]);
        assert_eq!(repeats.ended(began + Duration::from_secs(59)), []);
        assert!(!says(60), "not before it is told");
        assert_eq!(repeats.ended(began + Duration::from_secs(61)), [("trouble".into(), 3)]);
        assert_eq!([says(62), says(63), says(64)], [true, true, false]);
        assert_eq!(repeats.ended(began + Duration::from_secs(121)), [("trouble".into(), 1)]);
        // Nothing held back: the next window begins by itself.
        assert_eq!([says(200), says(201), says(262)], [true, true, true]);
        assert_eq!(repeats.ended(began + Duration::from_secs(400)), []);
    }
}
