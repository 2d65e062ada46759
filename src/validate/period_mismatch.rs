//! Things done outside the period they are listed under.

use crate::{
    document::Span,
    extract::{Citation, PartialDate},
    shadow::{Key, key},
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{bodies, notation::Notation, text},
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "period-mismatch",
    severity: Severity::Info,
    status: RuleStatus::Preview,
    since: "0.1.0",
    summary_vi: "Việc ngoài kỳ báo cáo được kể trong kỳ",
    summary_en: "Things done outside the period they are listed under",
    documentation: r#"
## What it finds
A paragraph that says what was issued in the period (*trong năm, trong kỳ, trong quý … ban hành*) and names a document of
a People's Council or Committee dated before the period began. Documents that are carried out (*thực hiện, theo,
triển khai, sửa đổi*) may be older.

## Why it matters
What was done last year is counted again this year.

## Example
```text
Trong năm, HĐND tỉnh ban hành Nghị quyết số 18/2021/NQ-HĐND ngày 09/12/2021        (in a report on 2022)
```

## How to fix it
Check the date; leave the document out if it belongs to an earlier report.

## Source
Decree 09/2019/NĐ-CP, article 12 (reporting periods).
"#,
    check,
};

/// Words that open a paragraph on what was done in the period.
const OPENINGS: [[Key; 2]; 5] = [
    [Key::new("trong"), Key::new("năm")],
    [Key::new("trong"), Key::new("kỳ")],
    [Key::new("trong"), Key::new("quý")],
    [Key::new("trong"), Key::new("tháng")],
    [Key::new("tháng"), Key::new("qua")],
];
/// Words that lead to documents that are older than what was done.
const BASES: [Key; 10] = [
    Key::new("thực"),
    Key::new("theo"),
    Key::new("triển"),
    Key::new("sửa"),
    Key::new("thay"),
    Key::new("căn"),
    Key::new("tổng"),
    Key::new("sơ"),
    Key::new("quán"),
    Key::new("bổ"),
];

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let Some(period) = context.report.header.period.filter(|period| period.start.exists()) else {
        return;
    };
    for citation in &context.report.citations {
        let Some(date) = citation.date.filter(|date| date.is_full() && date.exists()) else {
            continue;
        };
        // Reports count from the middle of the month before: three months are beyond doubt.
        let early = period
            .start
            .ordinal()
            .zip(date.ordinal())
            .is_some_and(|(start, day)| day + 92 < start);
        if early && of_local_body(context, citation) && issued_in_period(context, citation.span) {
            report(context, citation, date, findings);
        }
    }
}

fn of_local_body(context: &Context<'_>, citation: &Citation) -> bool {
    let notation = citation
        .symbol
        .as_ref()
        .and_then(|symbol| Notation::of(context, symbol.span));
    let body = notation.and_then(|notation| notation.issuer_parts().next().and_then(bodies::of_code));
    matches!(body, Some(bodies::Body::Committee | bodies::Body::Council))
}

/// Whether the paragraph opens with the period, says that something was issued, and does not lead
/// to this document as a basis.
fn issued_in_period(context: &Context<'_>, span: Span) -> bool {
    let start = text::paragraph_start(context, span.start as usize);
    let words = text::words(context, Span::new(start, span.start as usize));
    let opens = words
        .windows(2)
        .take(3)
        .any(|pair| OPENINGS.iter().any(|opening| opening == pair));
    let issued = words.windows(2).any(|pair| pair == [key!("ban"), key!("hành")]);
    let near = &words[words.len().saturating_sub(8)..];
    opens && issued && !near.iter().any(|word| BASES.contains(word))
}

fn report(context: &Context<'_>, citation: &Citation, date: PartialDate, findings: &mut Findings<'_>) {
    if context.is_repeated(citation.span) {
        return;
    }
    let date = text::date(date);
    let finding = findings.report(
        Certainty::Likely,
        vec![citation.span],
        format!("Văn bản ngày {date} được kể là ban hành trong kỳ nhưng có trước kỳ báo cáo"),
        format!("The document of {date} is listed as issued in the period, but is older"),
    );
    finding.actual = date;
}
