//! Dates that are not written as the rules of form ask for.

use crate::{
    document::Span,
    extract::PartialDate,
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::text::{self, excerpt},
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "date-format",
    severity: Severity::Info,
    status: RuleStatus::Preview,
    since: "0.1.0",
    summary_vi: "Ngày, tháng ghi không đúng thể thức",
    summary_en: "Dates not written in the prescribed form",
    documentation: r#"
## What it finds
Days below 10 and the months 1 and 2 without their leading zero, in the report's own date and in those of cited documents
("ngày 5 tháng 7 năm 2024", "3/6/2013"); months 3 to 9 may stand with or without one. And the report's own date in
figures only ("ngày 05/7/2024"), which belongs in words: "ngày 05 tháng 7 năm 2024". All cited dates of a report are one
finding.

## Why it matters
The zero keeps a digit from being put before it. Document systems that take dates from the text expect this form.

## Example
```text
Hà Nội, ngày 5 tháng 1 năm 2024        (ngày 05 tháng 01 năm 2024)
```

## How to fix it
Write the zero.

## Source
Decree 30/2020/NĐ-CP, annex I, part II, point 4; Guideline 36-HD/VPTW for Party bodies.
"#,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let header = &context.report.header;
    if let Some((date, span)) = header.issue_date.zip(header.issue_date_span)
        && date.exists()
        && (!is_padded(context.str(span), date) || in_figures(context.str(span)))
    {
        let right = in_words(date);
        tell(context, vec![span], right, findings);
    }
    let cited = context.report.citations.iter();
    let spans: Vec<(Span, PartialDate)> = cited
        .filter_map(|citation| Some((citation.date_span?, citation.date?)))
        .filter(|(span, date)| date.exists() && !context.is_repeated(*span) && !is_padded(context.str(*span), *date))
        .collect();
    if let Some(&(first, date)) = spans.first() {
        let written = context.str(first);
        let lead = if written.starts_with(|c: char| c.is_ascii_digit()) {
            ""
        } else {
            "ngày "
        };
        let right = if in_figures(written) {
            format!("{lead}{}", text::date(date))
        } else {
            in_words(date)
        };
        tell(
            context,
            spans.into_iter().map(|(span, _)| span).collect(),
            right,
            findings,
        );
    }
}

/// Whether day and month have the zeros they need; a date that is read in another way than written
/// here is let pass.
fn is_padded(written: &str, date: PartialDate) -> bool {
    let mut numbers = written
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty());
    let (Some(day), Some(month)) = (numbers.next(), numbers.next()) else {
        return true;
    };
    let is = |digits: &str, value: u8| digits.parse() == Ok(value);
    if !is(day, date.day) || !is(month, date.month) {
        return true;
    }
    (date.day >= 10 || day.len() == 2) && (date.month > 2 || month.len() == 2)
}

fn in_figures(written: &str) -> bool {
    written.contains(['/', '-', '.']) && !written.contains("th")
}

/// A date as mastheads have it.
fn in_words(date: PartialDate) -> String {
    let month = if date.month < 3 {
        format!("{:02}", date.month)
    } else {
        date.month.to_string()
    };
    format!("ngày {:02} tháng {month} năm {}", date.day, date.year)
}

fn tell(context: &Context<'_>, spans: Vec<Span>, right: String, findings: &mut Findings<'_>) {
    let written = spans
        .first()
        .map(|&span| excerpt(context, span, 60))
        .unwrap_or_default();
    let (more_vi, more_en) = match spans.len() {
        0 | 1 => (String::new(), String::new()),
        n => (format!(" (và {} chỗ khác)", n - 1), format!(" (and {} more)", n - 1)),
    };
    let finding = findings.report(
        Certainty::Certain,
        spans,
        format!("Ngày tháng ghi “{written}”; đúng thể thức là “{right}”{more_vi}"),
        format!("The date is written “{written}”; the prescribed form is “{right}”{more_en}"),
    );
    finding.expected = right;
    finding.actual = written;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_where_they_belong() {
        let day = PartialDate::new;
        for (written, date, padded) in [
            ("ngày 05 tháng 7 năm 2024", day(2024, 7, 5), true),
            ("ngày 5 tháng 7 năm 2024", day(2024, 7, 5), false),
            ("15/01/2024", day(2024, 1, 15), true),
            ("15/1/2024", day(2024, 1, 15), false),
            ("15/07/2024", day(2024, 7, 15), true),
            ("03.6.2013", day(2013, 6, 3), true),
        ] {
            assert_eq!(is_padded(written, date), padded, "{written}");
        }
    }
}
