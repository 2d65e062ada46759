//! The year inside a number is not that of the date.

use crate::validate::{Certainty, Context, Findings, Rule, RuleStatus, Severity, support::text};

/// The rule.
pub static RULE: Rule = Rule {
    id: "citation-year-mismatch",
    severity: Severity::Warning,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Năm trong số văn bản trái với năm ban hành",
    summary_en: "The year inside a number is not that of the date",
    documentation: r#"
## What it finds
A normative document (*văn bản quy phạm pháp luật*) whose number holds another year than its date: "Nghị định số
30/2020/NĐ-CP ngày 05/3/2021".

## Why it matters
The number holds the year of issue, so one of the two is wrong.

## Example
```text
Nghị định số 30/2020/NĐ-CP ngày 05/3/2021
```

## How to fix it
Look at the document and write its number and date as it bears them.

## Source
Decree 34/2016/NĐ-CP and Decree 78/2025/NĐ-CP (numbers of normative documents).
"#,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    for mention in context.numbered() {
        let (Some(year), Some(date)) = (
            mention.notation.year,
            mention.citation.date.filter(|date| date.year != 0),
        ) else {
            continue;
        };
        if year == date.year {
            continue;
        }
        let symbol = mention
            .citation
            .symbol
            .as_ref()
            .map_or(mention.span(), |symbol| symbol.span);
        let symbol = text::excerpt(context, symbol, 60);
        let finding = findings.report(
            Certainty::Certain,
            vec![mention.span()],
            format!("Số {symbol} ghi năm {year} nhưng ngày ban hành thuộc năm {}", date.year),
            format!(
                "The number {symbol} holds the year {year}, the date is of {}",
                date.year
            ),
        );
        finding.expected = year.to_string();
        finding.actual = date.year.to_string();
    }
}
