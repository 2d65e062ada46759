//! Elements of the masthead and the closing that are absent or left blank.

use crate::{
    document::Span,
    validate::{Certainty, Context, Findings, Rule, RuleStatus, Severity},
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "header-missing",
    severity: Severity::Warning,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Thiếu hoặc để trống số, ngày, địa danh, cơ quan ban hành, người ký hoặc nơi nhận",
    summary_en: "Number, date, place, issuer, signatory or recipients absent or left blank",
    documentation: r#"
## What it finds
A report without its number (*số, ký hiệu*), date or place of issue (*địa danh, thời gian ban hành*), issuing body
(*cơ quan ban hành*), signatory (*người ký*) or recipients (*nơi nhận*). A blank counts as missing: `Số:     /BC-UBND`,
`ngày     tháng 10 năm 2025`. There is one finding for each missing element.

## Why it matters
Without number, date and issuer a report cannot be entered in the register, cited or told from its draft.

## Example
```text
SỞ TƯ PHÁP
Số:      /BC-STP
```

## How to fix it
Fill in the element. In an electronic document the number may stand in the stamp only; then export the report again from
the document system, so that the text holds it, too.

## Source
Decree 30/2020/NĐ-CP, article 8 and annex I; Guideline 36-HD/VPTW for Party bodies.
"#,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let header = &context.report.header;
    let mut missing = |element: &'static str, vi: &str, en: &str, blank: Option<Span>| {
        let (vi, en) = match blank {
            Some(_) => (format!("{vi} còn để trống"), format!("The {en} is left blank")),
            None => (format!("Thiếu {}", lower(vi)), format!("The {en} is missing")),
        };
        let spans = blank.filter(|span| !span.is_empty()).into_iter().collect();
        findings.report(Certainty::Certain, spans, vi, en).element = element;
    };
    match &header.number {
        None => missing("number", "Số, ký hiệu của báo cáo", "number of the report", None),
        Some(number) if number.sequence.is_none() => {
            missing("number", "Số của báo cáo", "number of the report", Some(number.span));
        }
        Some(_) => {}
    }
    match header.issue_date {
        None => missing("date", "Ngày ban hành", "date of issue", None),
        Some(date) if !date.is_full() => {
            let blank = header.issue_date_span.unwrap_or_default();
            missing("date", "Ngày, tháng hoặc năm ban hành", "date of issue", Some(blank));
        }
        Some(_) => {}
    }
    if header.place.is_none_or(Span::is_empty) {
        missing("place", "Địa danh nơi ban hành", "place of issue", None);
    }
    if header.issuers.is_empty() {
        missing("issuer", "Tên cơ quan ban hành", "issuing body", None);
    }
    let signatories = &context.report.signatories;
    if !signatories.iter().any(|signatory| signatory.name.is_some()) {
        let place = signatories.iter().find_map(|signatory| signatory.position);
        missing("signatory", "Họ tên người ký", "name of the signatory", place);
    }
    if context.report.recipients.is_empty() {
        missing("recipients", "Nơi nhận", "list of recipients", None);
    }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_lowercase().chain(chars).collect())
        .unwrap_or_default()
}
