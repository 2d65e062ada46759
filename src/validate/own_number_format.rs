//! The report's own number is not written as its kind of body writes it.

use crate::{
    document::Span,
    extract::Symbol,
    shadow::Key,
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{
            bodies::{self, Body},
            notation::{Form, Notation, type_words},
            text::{excerpt, words},
        },
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "own-number-format",
    severity: Severity::Warning,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Số, ký hiệu của chính báo cáo sai thể thức",
    summary_en: "The report's own number not well formed",
    documentation: r#"
## What it finds
A number and symbol in the masthead (*số, ký hiệu*) that its body would not give a report: two slashes or two hyphens
(`214/BC/UBND`), the Party's form for a state body or the other way round, the code of another type than the title names
(`214/KH-UBND` above "BÁO CÁO"), no type code at all (`214/UBND-NC`), a year, which only normative documents bear
(`214/2024/BC-UBND`), the code of another kind of body than the masthead names, and a running number below 10 without its
zero (`5/BC-UBND`). Left blank it is a matter of `header-missing`.

## Why it matters
Every later document cites the report by this number, and registers look it up letter by letter.

## Example
```text
Số: 214/BC/UBND        (214/BC-UBND)
```

## How to fix it
Write the number as the register has it: `214/BC-UBND` for state bodies, `214-BC/TU` for Party bodies.

## Source
Decree 30/2020/NĐ-CP, annex I, part II, point 3, and annex III; Guideline 36-HD/VPTW for Party documents.
"#,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let Some(symbol) = &context.report.header.number else {
        return;
    };
    let written: String = context.str(symbol.span).split_whitespace().collect();
    // A blank running number leaves the rest to be judged.
    let whole = if symbol.sequence.is_some() {
        written.clone()
    } else {
        format!("11{}", written.trim_start_matches(['.', '…']))
    };
    let Some(notation) = Notation::parse(&whole) else {
        return;
    };
    let number = Number {
        symbol,
        written,
        notation,
    };
    // The gravest slip alone: the others may follow from it.
    let _ = malformed(context, &number, findings)
        || wrong_type(context, &number, findings)
        || wrong_body(context, &number, findings)
        || with_year(&number, findings)
        || unpadded(context, &number, findings);
}

/// The number of the report.
struct Number<'r> {
    symbol: &'r Symbol,
    written: String,
    notation: Notation,
}

impl Number<'_> {
    /// The number with the separators of a form.
    fn in_form(&self, form: Form) -> String {
        let mut parts = self.written.split(['/', '-', '–', '—']).filter(|part| !part.is_empty());
        let mut right = if self.symbol.sequence.is_some() {
            parts.next().unwrap_or_default().to_owned()
        } else {
            "…".to_owned()
        };
        for (at, part) in parts.enumerate() {
            let slash = if form == Form::Party { at == 1 } else { at == 0 };
            right.push(if slash { '/' } else { '-' });
            right.push_str(part);
        }
        right
    }
}

/// The kinds of body the masthead names; None where one of its names tells nothing.
fn issuers(context: &Context<'_>) -> Option<Vec<Body>> {
    let mut all = Vec::new();
    for issuer in &context.report.header.issuers {
        let named = bodies::of_pieces(context, issuer);
        if named.is_empty() {
            return None;
        }
        all.extend(named);
    }
    (!all.is_empty()).then_some(all)
}

/// Separators in the wrong order.
fn malformed(context: &Context<'_>, number: &Number<'_>, findings: &mut Findings<'_>) -> bool {
    let by_code = number.notation.writes_as_party();
    let by_name = issuers(context).map(|bodies| bodies.iter().all(|body| body.is_party()));
    let right = match by_code.or(by_name) {
        Some(true) => Form::Party,
        _ => Form::State,
    };
    let wrong = match number.notation.form {
        Form::Slashes | Form::Hyphens => true,
        // The code and the name must not contradict each other: a Party caucus in a state body.
        Form::Party => by_code == Some(false) && by_name == Some(false),
        Form::State => by_code == Some(true) && by_name != Some(false),
        Form::Other => false,
    };
    if wrong {
        let expected = number.in_form(right);
        let vi = format!("Số, ký hiệu {} không đúng thể thức; đúng là {expected}", number.written);
        let en = format!("The number {} is not well formed; expected {expected}", number.written);
        tell(number, Certainty::Certain, (vi, en), expected, Vec::new(), findings);
    }
    wrong
}

/// The code of another type, or none.
fn wrong_type(context: &Context<'_>, number: &Number<'_>, findings: &mut Findings<'_>) -> bool {
    let Some(title) = context.report.header.document_type else {
        return false;
    };
    let title_words = words(context, title);
    let begins = |phrase: &str| {
        let phrase: Vec<Key> = phrase.split(' ').map(Key::new).collect();
        title_words.starts_with(&phrase)
    };
    if !begins("báo cáo") {
        return false;
    }
    let title = excerpt(context, title, 40);
    if let Some(meant) = type_words(number.notation.type_code()) {
        let wrong = !meant.iter().any(|word| begins(word));
        if wrong {
            let meant = meant.join(", ");
            let vi = format!("Văn bản là “{title}” nhưng ký hiệu {} là của {meant}", number.written);
            let en = format!(
                "The title says “{title}”, but the number {} belongs to: {meant}",
                number.written
            );
            tell(
                number,
                Certainty::Certain,
                (vi, en),
                "BC".to_owned(),
                context.report.header.document_type.into_iter().collect(),
                findings,
            );
        }
        return wrong;
    }
    // "214/UBND-NC" is the number of an official letter; an unknown code may be a type of its own.
    let letter = number.notation.form == Form::Other
        && number.notation.issuer_parts().count() > 1
        && number
            .notation
            .issuer_parts()
            .next()
            .and_then(bodies::of_code)
            .is_some();
    if letter {
        let vi = format!("Ký hiệu {} thiếu chữ viết tắt tên loại văn bản (BC)", number.written);
        let en = format!(
            "The number {} lacks the code of the document's type (BC)",
            number.written
        );
        tell(
            number,
            Certainty::Likely,
            (vi, en),
            "BC".to_owned(),
            context.report.header.document_type.into_iter().collect(),
            findings,
        );
    }
    letter
}

/// The code of a body of another kind than those the masthead names.
fn wrong_body(context: &Context<'_>, number: &Number<'_>, findings: &mut Findings<'_>) -> bool {
    let (Some(named), Some(codes)) = (issuers(context), number.notation.bodies()) else {
        return false;
    };
    let agrees = |code: &Body| named.iter().any(|body| body.agrees(*code));
    if number.notation.form == Form::Other || codes.iter().any(agrees) {
        return false;
    }
    let pieces = context.report.header.issuers.iter().flatten();
    let name = pieces
        .clone()
        .map(|&piece| excerpt(context, piece, 60))
        .collect::<Vec<_>>()
        .join(" ");
    let vi = format!("Ký hiệu {} không phải của cơ quan ban hành “{name}”", number.written);
    let en = format!("The number {} is not one of the issuing body, “{name}”", number.written);
    tell(
        number,
        Certainty::Likely,
        (vi, en),
        String::new(),
        pieces.copied().collect(),
        findings,
    );
    true
}

/// A year inside the number of a report.
fn with_year(number: &Number<'_>, findings: &mut Findings<'_>) -> bool {
    let Some(year) = number.notation.year.filter(|_| number.notation.type_code() == "BC") else {
        return false;
    };
    let expected = number.written.replacen(&format!("/{year}"), "", 1);
    let vi = format!(
        "Số {} có năm {year}, chỉ dùng cho văn bản quy phạm pháp luật; đúng là {expected}",
        number.written
    );
    let en = format!(
        "The number {} holds the year {year}, as only normative documents do; expected {expected}",
        number.written
    );
    tell(number, Certainty::Likely, (vi, en), expected, Vec::new(), findings);
    true
}

/// A running number below 10 without its zero.
fn unpadded(context: &Context<'_>, number: &Number<'_>, findings: &mut Findings<'_>) -> bool {
    let Some(sequence) = number.symbol.sequence.map(|span| context.str(span)) else {
        return false;
    };
    let wrong = sequence.len() == 1 && sequence.bytes().all(|b| (b'1'..=b'9').contains(&b));
    if wrong {
        let expected = format!("0{}", number.written);
        let vi = format!("Số nhỏ hơn 10 phải ghi thêm số 0 phía trước: {expected}");
        let en = format!("A running number below 10 is written with a zero: {expected}");
        tell(number, Certainty::Certain, (vi, en), expected, Vec::new(), findings);
    }
    wrong
}

fn tell(
    number: &Number<'_>,
    certainty: Certainty,
    (vi, en): (String, String),
    expected: String,
    evidence: Vec<Span>,
    findings: &mut Findings<'_>,
) {
    let spans = std::iter::once(number.symbol.span).chain(evidence).collect();
    let finding = findings.report(certainty, spans, vi, en);
    finding.expected = expected;
    finding.actual = number.written.clone();
}
