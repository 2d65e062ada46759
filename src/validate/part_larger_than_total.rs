//! A part that is larger than the total it is part of.

use rustc_hash::FxHashSet;

use crate::{
    extract::{Approx, BreakdownManner, Change, Measure, MeasureKind, Unit},
    shadow::{Token, key},
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{
            clauses,
            figures::{is_plausible, resolution},
            text::{figure, words},
        },
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "part-larger-than-total",
    severity: Severity::Error,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Số thành phần lớn hơn tổng số",
    summary_en: "A part larger than the total it is part of",
    documentation: r#"
## What it finds
A figure after "trong đó" (*thành phần*) that is larger than the figure of the same unit that it is part of
(*tổng số*). Approximate figures, changes ("trong đó tăng 15 cuộc") and percentages are left alone, and so are figures of
different units, since more people than meetings come to a meeting. Where the parts are a full list, `sum-mismatch`
speaks of them.

## Why it matters
What is part of something is not more than it: one of the two figures is wrong.

## Example
```text
tổ chức 12 cuộc kiểm tra, trong đó có 15 cuộc kiểm tra đột xuất
```

## How to fix it
Look up both figures; or, where the second is no part of the first, say so.

## Source
Arithmetic.
"#,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let report = context.report;
    // The parts of a breakdown that sum-mismatch judges, and their totals.
    let mut judged = FxHashSet::default();
    for breakdown in &report.breakdowns {
        if breakdown.manner != BreakdownManner::Partial && breakdown.parts.len() > 1 {
            judged.extend(breakdown.parts.iter().map(|&part| (breakdown.total, part)));
        }
    }
    let mut pairs = Vec::new();
    for breakdown in &report.breakdowns {
        pairs.extend(breakdown.parts.iter().map(|&part| (breakdown.total, part)));
    }
    let among = places_of_among(context);
    for part in 1..report.measures.len() {
        let (from, to) = (report.measures[part - 1].span.end, report.measures[part].span.start);
        let next = among.partition_point(|&place| place < from);
        if among.get(next).is_some_and(|&place| place < to) {
            pairs.extend(named_total(context, &report.measures, part).map(|total| (total, part)));
        }
    }
    let mut seen = FxHashSet::default();
    for (total, part) in pairs {
        let (Some(whole), Some(piece)) = (report.measures.get(total), report.measures.get(part)) else {
            continue;
        };
        if !judged.contains(&(total, part)) && exceeds(context, whole, piece) && seen.insert((total, part)) {
            tell(context, whole, piece, findings);
        }
    }
}

/// Where "trong đó" stands, which few figures have between them.
fn places_of_among(context: &Context<'_>) -> Vec<u32> {
    let reader = context.layout.reader(context.document);
    let next_word = |word: Token| {
        let mut next = reader.next(word);
        while !next.is_word() && !next.is_end() {
            next = reader.next(next);
        }
        next.key
    };
    let among = reader
        .anchors()
        .filter(|&&word| word.key == key!("trong") && next_word(word) == key!("đó"));
    among.map(|word| word.span.start).collect()
}

/// The nearest figure of the same unit before "trong đó", where the part is the first figure after
/// it: extraction takes what is larger for no part at all.
fn named_total(context: &Context<'_>, measures: &[Measure], part: usize) -> Option<usize> {
    const NEAR: usize = 10;
    const REACH: usize = 4;
    let before = measures.get(part - 1)?;
    let piece = measures.get(part)?;
    if piece.span.start <= before.span.end {
        return None;
    }
    let linking = clauses::keys(&clauses::between(context, before.span.end, piece.span.start)?);
    let tail = &linking[linking.len().saturating_sub(NEAR)..];
    // Behind a comparison the figures are of something else.
    let other = ["so với", "cùng kỳ", "tăng", "giảm", "vượt"];
    if !clauses::holds(tail, "trong đó") || other.iter().any(|other| clauses::holds(&linking, other)) {
        return None;
    }
    // "12 xã, 3 phường, trong đó 15 xã, phường": a part of both together.
    let reader = context.layout.reader(context.document);
    let comma = reader.after(piece.span.end as usize);
    let next = reader.next(comma).key;
    let begins = |measure: &Measure| {
        measure
            .unit
            .span()
            .is_some_and(|unit| words(context, unit).first() == Some(&next))
    };
    if comma.is_mark(',') && measures[part.saturating_sub(REACH)..part].iter().any(begins) {
        return None;
    }
    (part.saturating_sub(REACH)..part).rev().find(|&total| {
        let whole = &measures[total];
        same_unit(context, whole, piece) && clauses::between(context, whole.span.end, piece.span.start).is_some()
    })
}

fn exceeds(context: &Context<'_>, total: &Measure, part: &Measure) -> bool {
    let counted = |measure: &Measure| {
        let kind = matches!(
            measure.kind,
            MeasureKind::Count | MeasureKind::Money | MeasureKind::Area
        );
        kind && measure.approx == Approx::Exact && measure.change == Change::None && is_plausible(measure)
    };
    if !counted(total) || !counted(part) || !same_unit(context, total, part) || context.is_repeated(total.span) {
        return false;
    }
    part.value - total.value > resolution(context, total) + resolution(context, part)
}

/// Whether both figures have the unit written beside them, and it is one.
fn same_unit(context: &Context<'_>, total: &Measure, part: &Measure) -> bool {
    if total.kind == MeasureKind::Money && part.kind == MeasureKind::Money {
        return true;
    }
    match (total.unit, part.unit) {
        (Unit::Own(a), Unit::Own(b)) => total.kind == part.kind && words(context, a) == words(context, b),
        _ => false,
    }
}

fn tell(context: &Context<'_>, total: &Measure, part: &Measure, findings: &mut Findings<'_>) {
    // "trong đó" next to the figure leaves no doubt what it is part of.
    let close = clauses::between(context, total.span.end, part.span.start)
        .is_some_and(|tokens| tokens.len() <= 14 && !tokens.iter().any(|token| token.is_number()));
    let certainty = if close { Certainty::Certain } else { Certainty::Likely };
    let (value, whole) = (figure(part.value), figure(total.value));
    let finding = findings.report(
        certainty,
        vec![part.span, total.span],
        format!("Số thành phần {value} lớn hơn tổng số {whole}"),
        format!("The part, {value}, is larger than its total, {whole}"),
    );
    finding.expected = format!("≤ {whole}");
    finding.actual = value;
}
