//! A ratio larger than one where it cannot be.

use rust_decimal::Decimal;

use crate::{
    extract::{Measure, MeasureKind},
    shadow::Key,
    validate::{Certainty, Context, Findings, Rule, RuleStatus, Severity, support::text::figure},
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "ratio-above-total",
    severity: Severity::Warning,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Tử số lớn hơn mẫu số",
    summary_en: "A ratio whose first number is the larger one",
    documentation: r#"
## What it finds
A ratio (*tỷ lệ*) whose first number is larger than the second, unless a percentage above 100 beside it says that more
was done than planned.

## Why it matters
One of the two numbers is wrong, or they changed places.

## Example
```text
17/15 xã đạt chuẩn
```

## How to fix it
Look up both numbers.

## Source
Arithmetic.
"#,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let measures = &context.report.measures;
    for (at, ratio) in measures
        .iter()
        .enumerate()
        .filter(|(_, measure)| measure.kind == MeasureKind::Ratio)
    {
        let Some(total) = ratio.total.filter(|total| ratio.value > *total) else {
            continue;
        };
        if exceeds_plan(&measures[at + 1..]) || is_comparison(context, ratio) || context.is_repeated(ratio.span) {
            continue;
        }
        let (value, of) = (figure(ratio.value), figure(total));
        let finding = findings.report(
            Certainty::Likely,
            vec![ratio.span],
            format!("Tử số {value} lớn hơn mẫu số {of}"),
            format!("The first number, {value}, is larger than the second, {of}"),
        );
        finding.expected = format!("≤ {of}");
        finding.actual = value;
    }
}

/// Whether the two numbers are compared, not counted out of each other: "so với cùng kỳ (45/33 vụ)".
fn is_comparison(context: &Context<'_>, ratio: &Measure) -> bool {
    const WORDS: [Key; 4] = [Key::new("so"), Key::new("kỳ"), Key::new("kế"), Key::new("trước")];
    let reader = context.layout.reader(context.document);
    let mut at = ratio.span.start as usize;
    for _ in 0..8 {
        let token = reader.before(at);
        if token.is_end() || token.is_mark('.') || token.is_mark(';') {
            return false;
        }
        if WORDS.contains(&token.key) {
            return true;
        }
        at = token.start();
    }
    false
}

/// Whether a percentage above 100 follows.
fn exceeds_plan(next: &[Measure]) -> bool {
    let hundred = Decimal::from(100);
    next.iter()
        .take(2)
        .any(|next| next.kind == MeasureKind::Percent && next.value > hundred)
}
