//! Dates that the calendar does not have.

use crate::{
    document::Span,
    extract::{PartialDate, dates::days_in},
    validate::{Certainty, Context, Findings, Rule, RuleStatus, Severity},
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "impossible-date",
    severity: Severity::Error,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Ngày không có trong lịch",
    summary_en: "A date that the calendar does not have",
    documentation: r#"
## What it finds
A date that does not exist: of the report itself, of a cited document, or written in full in the text (`31/4/2023`,
`29/02/2023`, `ngày 15 tháng 13`).

## Why it matters
Registers and document systems refuse such a date, and nobody can tell which day was meant.

## Example
```text
Kế hoạch số 12/KH-UBND, ngày 31/4/2023
```

## How to fix it
Write the date that the document bears.

## Source
The calendar.
"#,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let header = &context.report.header;
    let own = header.issue_date.zip(header.issue_date_span);
    let cited = context
        .report
        .citations
        .iter()
        .filter_map(|citation| Some((citation.date?, citation.date_span.unwrap_or(citation.span))));
    for (date, span) in own.into_iter().chain(cited).chain(context.days().iter().copied()) {
        if is_impossible(date) && !context.is_repeated(span) {
            report(context, span, findings);
        }
    }
}

/// Whether no day fits, whatever the missing parts are.
fn is_impossible(date: PartialDate) -> bool {
    if date.month > 12 {
        return true;
    }
    // 2000 was a leap year: 29 February is possible where the year is not given.
    let year = if date.year == 0 { 2000 } else { date.year };
    let most = if date.month == 0 { 31 } else { days_in(year, date.month) };
    date.day > most
}

fn report(context: &Context<'_>, span: Span, findings: &mut Findings<'_>) {
    let written = super::support::text::excerpt(context, span, 60);
    let finding = findings.report(
        Certainty::Certain,
        vec![span],
        format!("Lịch không có ngày này: {written}"),
        format!("The calendar has no such day: {written}"),
    );
    finding.actual = written;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_parts_are_not_held_against_a_date() {
        assert!(is_impossible(PartialDate::new(2023, 4, 31)));
        assert!(is_impossible(PartialDate::new(2023, 13, 0)));
        assert!(is_impossible(PartialDate::new(2023, 2, 29)));
        assert!(!is_impossible(PartialDate::new(2024, 2, 29)));
        assert!(!is_impossible(PartialDate::new(0, 2, 29)));
        assert!(!is_impossible(PartialDate::new(2025, 10, 0)));
    }
}
