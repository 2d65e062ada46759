//! A heading's label is left out.

use crate::validate::{
    Certainty, Context, Findings, Rule, RuleStatus, Severity,
    support::{
        numbering::{self, Step},
        text,
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "numbering-gap",
    severity: Severity::Warning,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Số thứ tự đề mục bị nhảy cách",
    summary_en: "A label is skipped among the headings of one level",
    documentation: r#"
## What it finds
Headings (*đề mục*) of one level whose labels (*số thứ tự*) leave one out: 1, 2, 4. Letters follow the Vietnamese order
a, b, c, d, đ, e, g, h, i, k; đ, f, j, w and z may be left out. A label that stands somewhere in between, before a
paragraph of prose or in the middle of a line where the scan lost a line break, is not missing.

## Why it matters
Part of the report may be lost, a page of the scan perhaps; at the least later references go astray.

## Example
```text
2. Công tác tiếp công dân … 4. Công tác thi đua
```

## How to fix it
Look whether a heading, or a page, is missing; else number the headings anew.

## Source
Decree 30/2020/NĐ-CP, annex I, part II, point 5.
"#,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    for step in context.steps() {
        let missing = missing(context, step);
        let Some((&first, before)) = missing.first().zip(step.before) else {
            continue;
        };
        let labels: Vec<String> = missing
            .iter()
            .filter_map(|&value| numbering::write(&step.label.scale, value))
            .collect();
        let labels = if labels.len() > 3 {
            format!("{}…", labels[..3].join(", "))
        } else {
            labels.join(", ")
        };
        let title = text::excerpt(context, step.section.title, 60);
        let certainty = if missing.len() == 1 {
            Certainty::Certain
        } else {
            Certainty::Likely
        };
        let finding = findings.report(
            certainty,
            vec![step.section.span, before.0.span],
            format!("Thiếu đề mục {labels} trước đề mục “{title}”"),
            format!("Heading {labels} is missing before “{title}”"),
        );
        finding.expected = numbering::write(&step.label.scale, first).unwrap_or_default();
        finding.actual = text::excerpt(context, step.section.label, 20);
    }
}

/// The values left out before a heading that nothing in the text bears.
fn missing(context: &Context<'_>, step: &Step<'_>) -> Vec<u32> {
    let Some((before, value)) = step.before else {
        return Vec::new();
    };
    // A jump of many is a label misread, or a list of something else.
    const MOST: u32 = 4;
    if step.label.value > value + MOST {
        return Vec::new();
    }
    let (from, to) = (before.label.end as usize, step.section.span.start as usize);
    let absent = |value: &u32| {
        let label = numbering::write(&step.label.scale, *value);
        label.is_some_and(|label| !numbering::stands_in(context, &label, from, to))
    };
    numbering::between(&step.label.scale, value, step.label.value)
        .into_iter()
        .filter(absent)
        .collect()
}
