//! The same passage twice.

use crate::validate::{Certainty, Context, Findings, Rule, RuleStatus, Severity, support::text};

/// The rule.
pub static RULE: Rule = Rule {
    id: "duplicate-passage",
    severity: Severity::Error,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Một đoạn văn xuất hiện hai lần",
    summary_en: "The same passage stands twice",
    documentation: r#"
## What it finds
A sentence of a paragraph, or more, that stands twice word for word: a page scanned twice, a paragraph pasted twice
(*đoạn văn lặp lại*). Lines of lists are left alone unless many of them are repeated together, since a report says
the same of two bodies on purpose. What else is wrong within the second copy (its headings, its citations) follows
from the repetition and is not reported again.

## Why it matters
The figures of the passage would be counted twice, and part of the text that belongs there may be lost.

## Example
```text
… giữ vững kỷ [page break] luật, kỷ cương hành chính … Người [page break] luật, kỷ cương hành chính … Người
```

## How to fix it
Delete the second copy, and check against the original that nothing is missing in its place.

## Source
None; the two passages prove it.
"#,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    for repeat in context.repeats() {
        let begin = text::excerpt(context, repeat.first, 60);
        let words = repeat.words;
        let mut spans = repeat.copies.clone();
        spans.push(repeat.first);
        let finding = findings.report(
            Certainty::Certain,
            spans,
            format!("Đoạn văn {words} tiếng xuất hiện lặp lại: “{begin}”"),
            format!("A passage of {words} words stands more than once: “{begin}”"),
        );
        finding.actual = (repeat.copies.len() + 1).to_string();
        finding.expected = "1".into();
    }
}
