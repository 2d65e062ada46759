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

/// A step that takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading the document.
    Extract,
    /// Checking it.
    Validate,
}

/// Stands around each step, to measure it; what comes out does not depend on it.
pub trait Observer {
    /// Takes the step.
    fn step<T>(&self, step: Step, take: impl FnOnce() -> T) -> T;
}

/// Nobody looks.
impl Observer for () {
    fn step<T>(&self, _: Step, take: impl FnOnce() -> T) -> T {
        take()
    }
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
    finish_observed(decoded, vocabulary, rules, today, &())
}

/// [`finish`], while somebody looks at the clock.
pub fn finish_observed(
    decoded: Result<Document, Refusal>,
    vocabulary: &Vocabulary,
    rules: &RuleSet,
    today: PartialDate,
    observer: &impl Observer,
) -> Outcome {
    match decoded {
        Ok(document) => {
            let (layout, report) = observer.step(Step::Extract, || {
                let layout = Layout::of(&document);
                let report = extract::read(&document, &layout, vocabulary);
                (layout, report)
            });
            let findings = observer.step(Step::Validate, || {
                let context = Context::new(&document, Some(&layout), &report, vocabulary, today);
                validate::check(&context, rules)
            });
            Outcome::Processed(Box::new(Processed {
                document,
                report,
                findings,
            }))
        }
        Err(refusal) => Outcome::Refused(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shadow::LOOKED_UP;

    /// Tokens looked up while a report of so many equal pieces is read and checked.
    fn work(piece: &str, pieces: usize) -> usize {
        let text = format!("BÁO CÁO\nKết quả năm 2024\n\nI. KẾT QUẢ\n\n{}", piece.repeat(pieces));
        let today = PartialDate::new(2026, 1, 1);
        LOOKED_UP.set(0);
        let outcome = process(
            text.as_bytes(),
            "text/plain",
            &Limits::default(),
            Vocabulary::embedded(),
            &RuleSet::default(),
            today,
        );
        assert!(matches!(outcome, Outcome::Processed(_)), "{piece:?}");
        LOOKED_UP.get()
    }

    #[test]
    fn work_grows_no_faster_than_the_text() {
        for piece in [
            "Quyết định số 12/QĐ-UBND ngày 05/3/2021 của UBND tỉnh; ",
            "Quyết định số 12/QĐ-UBND về việc giao biên chế “",
            ", 217",
            "977 ",
            "977 hộ nghèo, ",
            "Tổng số 97 hộ, trong đó: 12 hộ nghèo; ",
            "gồm 12 hộ (",
            "đạt 12/15 hộ, chiếm 80%; ",
            "- 97 hộ;\n",
            "| 97 | hộ | 15 |\n",
            "Văn bản[1] đã ban hành.\n\n[1] Số 12/BC-UBND.\n\n",
            "1. Kinh tế\n\n",
            "“",
            "(",
            "nhân dân ",
            "nuớc ",
            "Quyết định số\n",
            "CHỦ TỊCH\n\nNguyễn Văn An\n",
        ] {
            let (once, twice) = (work(piece, 400), work(piece, 800));
            assert!(twice <= 2 * once + once / 5 + 500, "{piece:?}: {once}, then {twice}");
        }
    }
}
