//! Two headings with one label.

use crate::validate::{
    Certainty, Context, Findings, Rule, RuleStatus, Severity,
    support::{numbering, text},
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "numbering-duplicate",
    severity: Severity::Warning,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Hai đề mục cùng cấp mang cùng một số thứ tự",
    summary_en: "Two headings of one level with the same label",
    documentation: r#"
## What it finds
A heading (*đề mục*) that bears the same label (*số thứ tự*) as the one before it at its level and under the same parent:
two parts III, two headings 1.2. Headings within the second copy of a page that was scanned twice are not reported; see
`duplicate-passage`.

## Why it matters
"mục III.2" then names two places, and the numbers of all later headings are wrong.

## Example
```text
III. KẾT QUẢ THỰC HIỆN … III. ĐÁNH GIÁ CHUNG … IV. NHIỆM VỤ
```

## How to fix it
Number the headings anew from the second one on.

## Source
Decree 30/2020/NĐ-CP, annex I, part II, point 5 (how parts and headings are numbered).
"#,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    for step in context.steps() {
        let Some((before, value)) = step.before else {
            continue;
        };
        let again = step.label.value == value;
        // A first heading twice may be the only one of two parents, one of them without a label.
        let certainty = if value == 1 {
            Certainty::Likely
        } else {
            Certainty::Certain
        };
        if !again
            || (value == 1 && followed_by_title(context, before.span.end as usize, step.section.span.start as usize))
        {
            continue;
        }
        let label = text::excerpt(context, step.section.label, 20);
        let (first, second) = (
            text::excerpt(context, before.title, 60),
            text::excerpt(context, step.section.title, 60),
        );
        let expected = numbering::write(&step.label.scale, value + 1).unwrap_or_default();
        let finding = findings.report(
            certainty,
            vec![step.section.span, before.span],
            format!("Đề mục “{second}” trùng số thứ tự {label} với đề mục “{first}”"),
            format!("Heading “{second}” has the label {label} of the heading before it, “{first}”"),
        );
        finding.expected = expected;
        finding.actual = label;
    }
}

/// Whether a line in capitals stands in between: a heading without a label.
fn followed_by_title(context: &Context<'_>, from: usize, to: usize) -> bool {
    let text = context.document.text.get(from..to).unwrap_or_default();
    text.lines().any(|line| {
        let letters = line.chars().filter(|c| c.is_alphabetic()).count();
        letters > 3 && !line.chars().any(char::is_lowercase)
    })
}
