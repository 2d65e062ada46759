//! Cited documents dated after the report.

use std::collections::BTreeMap;

use crate::{
    document::Span,
    extract::{PartialDate, dates::days_in},
    validate::{Certainty, Context, Findings, Rule, RuleStatus, Severity, support::text},
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "citation-future-date",
    severity: Severity::Error,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Văn bản viện dẫn có ngày sau ngày của báo cáo",
    summary_en: "Cited document dated after the report",
    documentation: r#"
## What it finds
A cited document (*văn bản viện dẫn*) whose date lies after the report's own date; where the report gives none, after the
end of the period (*kỳ báo cáo*) it covers; failing that, after the day of the check. Only dates of documents count:
deadlines and dates of effect (*có hiệu lực từ*) may lie ahead.

## Why it matters
A report cannot rest on a document that did not exist. Usually the year was mistyped.

## Example
```text
Thông báo số 61/TB-HĐND, ngày 18/11/2023        (in a report on the first half of 2023)
```

## How to fix it
Write the date the document bears. If the document is only planned, say so and leave out number and date.

## Source
Decree 30/2020/NĐ-CP, annex I, part II, point 6b; the calendar.
"#,
    check,
};

/// The last day a cited document may bear, and where it comes from.
#[derive(Clone, Copy)]
pub struct Limit {
    /// The day.
    pub day: PartialDate,
    origin: Origin,
}

#[derive(Clone, Copy)]
enum Origin {
    Issued,
    Period,
    Today,
}

/// The report's date (the end of its month where the day is blank), else the end of its period,
/// else the day of the check.
pub fn limit(context: &Context<'_>) -> Option<Limit> {
    let header = &context.report.header;
    let issued = header.issue_date.filter(|date| date.year != 0).and_then(|date| {
        let month = if date.month == 0 { 12 } else { date.month };
        let day = if date.month == 0 || date.day == 0 {
            days_in(date.year, month)
        } else {
            date.day
        };
        Some(PartialDate::new(date.year, month, day)).filter(|date| date.exists())
    });
    let period = header.period.map(|period| period.end).filter(|end| end.exists());
    let candidates = [
        (issued, Origin::Issued),
        (period, Origin::Period),
        (Some(context.today), Origin::Today),
    ];
    candidates.into_iter().find_map(|(day, origin)| {
        let day = day.filter(|day| day.exists())?;
        Some(Limit { day, origin })
    })
}

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let Some(limit) = limit(context) else {
        return;
    };
    // Mentions of one document with one date are one finding.
    let mut late: BTreeMap<(usize, PartialDate), Vec<Span>> = BTreeMap::new();
    for (index, citation) in context.report.citations.iter().enumerate() {
        let Some(date) = citation
            .date
            .filter(|date| date.is_full() && date.exists() && *date > limit.day)
        else {
            continue;
        };
        if context.is_repeated(citation.span) {
            continue;
        }
        let known = context.report.documents.get(citation.document);
        let first = known
            .and_then(|document| document.mentions.first().copied())
            .unwrap_or(index);
        late.entry((first, date)).or_default().push(citation.span);
    }
    let mut late: Vec<_> = late.into_iter().collect();
    late.sort_by_key(|(_, spans)| spans.first().copied());
    for ((_, date), spans) in late {
        report(limit, date, spans, findings);
    }
}

fn report(limit: Limit, date: PartialDate, spans: Vec<Span>, findings: &mut Findings<'_>) {
    let (date, day) = (text::date(date), text::date(limit.day));
    let (vi, en) = match limit.origin {
        Origin::Issued => (
            format!("ngày của báo cáo ({day})"),
            format!("the report's own date ({day})"),
        ),
        Origin::Period => (
            format!("ngày cuối kỳ báo cáo ({day})"),
            format!("the end of the period ({day})"),
        ),
        Origin::Today => (
            format!("ngày kiểm tra ({day})"),
            format!("the day of this check ({day})"),
        ),
    };
    let finding = findings.report(
        Certainty::Certain,
        spans,
        format!("Văn bản được viện dẫn đề ngày {date}, sau {vi}"),
        format!("The cited document is dated {date}, after {en}"),
    );
    finding.expected = format!("≤ {day}");
    finding.actual = date;
}
