//! Measures the stages of a report, for metrics and traces.

use std::time::Instant;

use crate::{
    decode::{self, Refusal},
    document::Document,
    extract::{self, Report},
    pipeline::{Observer, Step},
    telemetry::{
        metrics,
        metrics::format_of,
        traces::{self, TARGET},
    },
    vocabulary::Vocabulary,
};

/// Decodes, and notes how long it took, by format.
pub fn decode(content: &[u8], decode: impl FnOnce() -> Result<Document, Refusal>) -> Result<Document, Refusal> {
    let span = tracing::trace_span!(target: TARGET, "decode", bytes = content.len());
    let began = Instant::now();
    let decoded = span.in_scope(decode);
    let took = began.elapsed();
    let format = format_of(match &decoded {
        Ok(document) => document.media_type,
        Err(_) => decode::sniffed(content),
    });
    metrics().document_bytes.measured([format], content.len());
    metrics().stage.took(["decode"], took);
    metrics().decode.took([format], took);
    traces::note(&span, "format", format);
    decoded
}

/// Extracts, and notes how long it took.
pub fn extract(document: &Document, vocabulary: &Vocabulary) -> Report {
    Measured.step(Step::Extract, || extract::extract(document, vocabulary))
}

/// Notes how long the steps of the pipeline take.
#[derive(Clone, Copy, Debug)]
pub struct Measured;

impl Observer for Measured {
    fn step<T>(&self, step: Step, take: impl FnOnce() -> T) -> T {
        let stage = match step {
            Step::Extract => "extract",
            Step::Validate => "validate",
        };
        let span = match step {
            Step::Extract => tracing::trace_span!(target: TARGET, "extract"),
            Step::Validate => tracing::trace_span!(target: TARGET, "validate"),
        };
        let began = Instant::now();
        let taken = span.in_scope(take);
        metrics().stage.took([stage], began.elapsed());
        taken
    }
}
