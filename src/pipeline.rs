//! The pure steps in a row: decode, extract, validate.

use crate::{
    decode::{self, Limits, Refusal},
    document::Document,
    extract::{self, Layout, PartialDate, Report},
    validate::{self, Context, Finding, RuleSet},
    vocabulary::Vocabulary,
};

/// What became of a document.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was read and checked.
    Processed(Box<Processed>),
    /// It cannot be read.
    Refused(Refusal),
}

/// A document that was read and checked.
#[derive(Clone, Debug)]
pub struct Processed {
    /// The decoded document.
    pub document: Document,
    /// What was read from it.
    pub report: Report,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

/// Reads and checks a document.
pub fn process(
    bytes: &[u8],
    media_type: &str,
    limits: &Limits,
    vocabulary: &Vocabulary,
    rules: &RuleSet,
    today: PartialDate,
) -> Outcome {
    finish(decode::decode(bytes, media_type, limits), vocabulary, rules, today)
}

/// Reads and checks what has been decoded elsewhere (a sandboxed child process).
pub fn finish(
    decoded: Result<Document, Refusal>,
    vocabulary: &Vocabulary,
    rules: &RuleSet,
    today: PartialDate,
) -> Outcome {
    match decoded {
        Ok(document) => {
            let layout = Layout::of(&document);
            let report = extract::read(&document, &layout, vocabulary);
            let context = Context::new(&document, Some(&layout), &report, vocabulary, today);
            let findings = validate::check(&context, rules);
            drop(context);
            Outcome::Processed(Box::new(Processed {
                document,
                report,
                findings,
            }))
        }
        Err(refusal) => Outcome::Refused(refusal),
    }
}
