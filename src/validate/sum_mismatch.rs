//! Parts that do not add up to their total.

use rust_decimal::Decimal;
use rustc_hash::FxHashMap;

use crate::{
    document::Span,
    extract::{Approx, Breakdown, BreakdownManner, Measure, MeasureKind},
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{
            figures::{is_plausible, resolution},
            text::figure,
        },
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "sum-mismatch",
    severity: Severity::Error,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Các số thành phần cộng lại không bằng tổng số",
    summary_en: "Parts do not add up to the stated total",
    documentation: r#"
## What it finds
A total (*tổng số*) and its parts (*thành phần*) that do not add up. Certain where the text presents the parts as a full
breakdown (in brackets, after "gồm", "bao gồm", in a table); likely after "trong đó" without a sign that the list is
partial, and only where they nearly add up. Lists that end in "…", or are introduced by "chủ yếu", "như", are left alone; so are figures that are said
to be approximate, and differences that rounding explains. Of ratios both numbers are added.

## Why it matters
Whoever copies the figures into the statistics copies a mistake, and nobody can tell which figure is wrong.

## Example
```text
ban hành 386 văn bản, gồm: cấp tỉnh 41 văn bản, cấp huyện 127 văn bản, cấp xã 208 văn bản     (41 + 127 + 208 = 376)
```

## How to fix it
Find the figure that is wrong in the records and mend it; or say that the list is partial.

## Source
Arithmetic.
"#,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let report = context.report;
    // Where a part is itself broken down, its own parts are no parts of the outer total.
    let nested: FxHashMap<usize, &[usize]> = report
        .breakdowns
        .iter()
        .map(|breakdown| (breakdown.total, breakdown.parts.as_slice()))
        .collect();
    for breakdown in &report.breakdowns {
        if breakdown.manner == BreakdownManner::Partial || breakdown.parts.len() < 2 {
            continue;
        }
        let inner = |part: &usize| {
            let own = |other: &usize| other != part && nested.get(other).is_some_and(|parts| parts.contains(part));
            breakdown.parts.iter().any(own)
        };
        let indexes: Vec<usize> = if breakdown.parts.iter().any(|part| nested.contains_key(part)) {
            breakdown.parts.iter().copied().filter(|part| !inner(part)).collect()
        } else {
            breakdown.parts.clone()
        };
        let Some(total) = report.measures.get(breakdown.total) else {
            continue;
        };
        let parts: Vec<&Measure> = indexes.iter().filter_map(|&part| report.measures.get(part)).collect();
        if parts.len() >= 2 && !context.is_repeated(total.span) {
            compare(context, breakdown, total, &parts, findings);
        }
    }
}

fn compare(
    context: &Context<'_>,
    breakdown: &Breakdown,
    total: &Measure,
    parts: &[&Measure],
    findings: &mut Findings<'_>,
) {
    let exact = |measure: &Measure| measure.approx == Approx::Exact && is_plausible(measure);
    if !exact(total) || !parts.iter().all(|part| exact(part)) || !parts.iter().all(|part| comparable(total, part)) {
        return;
    }
    // "259 lượt/316 người, trong đó thường xuyên 161/201 người, định kỳ 98 lượt": a pair of counts
    // looks like a ratio, and neither of its numbers adds up with the others alone.
    if parts.iter().any(|part| part.kind != parts[0].kind) {
        return;
    }
    let slack = slack(context, total, parts);
    let values: Vec<Decimal> = parts.iter().map(|part| part.value).collect();
    let (stated, sum) = (total.value, values.iter().sum::<Decimal>());
    if fits(stated, &values, slack) {
        if let (Some(total_of), Some(totals)) = (total.total, denominators(parts)) {
            let sum_of = totals.iter().sum::<Decimal>();
            if total.kind == MeasureKind::Ratio && !fits(total_of, &totals, slack) && sum_of != total_of {
                report(breakdown.manner, total, parts, (total_of, &totals), findings);
            }
        }
        return;
    }
    // After "trong đó" a list that covers less is partial, and one that covers more counts some
    // things twice: only a sum that nearly fits shows that it was meant to.
    let percent = sum * Decimal::from(100);
    let covers = percent >= stated * Decimal::from(90) && percent <= stated * Decimal::from(105);
    if breakdown.manner == BreakdownManner::Full || covers {
        report(breakdown.manner, total, parts, (stated, &values), findings);
    }
}

fn denominators(parts: &[&Measure]) -> Option<Vec<Decimal>> {
    parts.iter().map(|part| part.total).collect()
}

/// Whether a part is a figure of the same sort as the total.
fn comparable(total: &Measure, part: &Measure) -> bool {
    use MeasureKind::{Count, Ratio};
    total.kind == part.kind || matches!((total.kind, part.kind), (Count, Ratio) | (Ratio, Count))
}

/// Whether the values, or the first of them, add up: a list read too far is no mistake of the text.
fn fits(total: Decimal, values: &[Decimal], slack: Slack) -> bool {
    let mut sum = Decimal::ZERO;
    values.iter().enumerate().any(|(at, value)| {
        sum += value;
        at > 0 && sum - total >= -slack.below && sum - total <= slack.above
    })
}

/// How far the sum of the parts may lie below and above the total.
#[derive(Clone, Copy)]
struct Slack {
    below: Decimal,
    above: Decimal,
}

/// What rounding may hide: half a unit of the last digit shown for each figure that has decimals
/// or is counted in thousands, millions or billions. A total that is less exact than its parts may
/// also have been cut off.
fn slack(context: &Context<'_>, total: &Measure, parts: &[&Measure]) -> Slack {
    let half = Decimal::new(5, 1);
    let own = resolution(context, total);
    let units: Vec<Decimal> = parts.iter().map(|part| resolution(context, part)).collect();
    let rounded = units.iter().sum::<Decimal>() * half;
    let below = own * half + rounded;
    let cut_off = units.iter().any(|unit| *unit < own);
    Slack {
        below,
        above: if cut_off { own + rounded } else { below },
    }
}

fn report(
    manner: BreakdownManner,
    total: &Measure,
    parts: &[&Measure],
    (stated, values): (Decimal, &[Decimal]),
    findings: &mut Findings<'_>,
) {
    let sum: Decimal = values.iter().sum();
    let shown = values
        .iter()
        .take(12)
        .map(|&value| figure(value))
        .collect::<Vec<_>>()
        .join(" + ");
    let shown = if values.len() > 12 {
        format!("{shown} + …")
    } else {
        shown
    };
    let spans: Vec<Span> = std::iter::once(total.span)
        .chain(parts.iter().map(|part| part.span))
        .collect();
    let (sum, stated) = (figure(sum), figure(stated));
    let (certainty, vi, en) = match manner {
        BreakdownManner::Full => (Certainty::Certain, "", ""),
        _ => (
            Certainty::Likely,
            " (nếu danh sách đầy đủ)",
            " (if the list is complete)",
        ),
    };
    let finding = findings.report(
        certainty,
        spans,
        format!("{shown} = {sum}, nhưng tổng số ghi là {stated}{vi}"),
        format!("{shown} = {sum}, but the stated total is {stated}{en}"),
    );
    finding.expected = sum;
    finding.actual = stated;
}
