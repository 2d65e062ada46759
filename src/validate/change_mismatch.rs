//! A stated change that is not the difference of the two values beside it.

use rust_decimal::Decimal;

use crate::{
    document::Span,
    extract::{Approx, Change, Measure, MeasureKind},
    shadow::{Key, Kind, Token, key},
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{
            clauses,
            figures::{is_plausible, resolution, unit},
            text::figure,
        },
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "change-mismatch",
    severity: Severity::Error,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Mức tăng, giảm không khớp với hai số liệu đi kèm",
    summary_en: "A stated change that the two values beside it do not make",
    documentation: r#"
## What it finds
An increase or decrease (*tăng, giảm*), in numbers or per cent, with the two values it is between: in brackets behind it,
new before old ("giảm 12 vụ so với cùng kỳ (33/45 vụ)"), or before it ("giảm từ 45 hộ xuống 33 hộ, giảm 12 hộ"). A
bracket may also hold a share ("tăng 2 xã so với năm 2022 (45/95 xã)"): where its first value is the smaller one, only
what looks like a slip is reported, as likely. Rounding of the last digit shown, approximate figures, and differences of
percentages given in points or per cent are allowed for.

## Why it matters
One of three figures is wrong, and each of them may be copied alone.

## Example
```text
tăng 78 mô hình so với năm 2022 (1.348/1.261)        (1.348 - 1.261 = 87)
```

## How to fix it
Look up the two values, then compute the change anew.

## Source
Arithmetic.
"#,
    check,
};

/// The value now and the value before.
struct Values {
    now: Decimal,
    was: Decimal,
    /// How exact each of them is.
    slack: Decimal,
    /// Whether they may also be so many out of so many ("tăng 2 xã so với năm 2022 (45/95 xã)").
    maybe_share: bool,
    /// Whether they are percentages, whose difference may be given in points.
    percentages: bool,
    spans: Vec<Span>,
    certainty: Certainty,
}

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let measures = &context.report.measures;
    for (at, change) in measures.iter().enumerate() {
        let stated = matches!(
            change.kind,
            MeasureKind::Count | MeasureKind::Money | MeasureKind::Area | MeasureKind::Percent
        );
        let exact = change.approx == Approx::Exact && is_plausible(change) && !context.is_repeated(change.span);
        if !stated || !exact || change.change == Change::None {
            continue;
        }
        if let Some(values) = in_bracket(context, measures, at).or_else(|| from_and_to(context, measures, at)) {
            judge(context, change, values, findings);
        }
    }
}

/// The two values in a bracket behind the change: "… so với cùng kỳ (33/45 vụ)".
fn in_bracket(context: &Context<'_>, measures: &[Measure], at: usize) -> Option<Values> {
    let (change, ratio) = (&measures[at], measures.get(at + 1)?);
    let was = ratio.total.filter(|_| ratio.kind == MeasureKind::Ratio)?;
    if !is_plausible(ratio) || change.kind == MeasureKind::Money {
        return None;
    }
    let tokens = clauses::between(context, change.span.end, ratio.span.start)?;
    if !tokens.last().is_some_and(|last| last.is_mark('(')) || !only_compares(&tokens[..tokens.len() - 1]) {
        return None;
    }
    let closes = context.layout.reader(context.document).after(ratio.span.end as usize);
    if !closes.is_mark(')') {
        return None;
    }
    let compared = clauses::holds(&clauses::keys(&tokens), "so với");
    Some(Values {
        now: ratio.value,
        was,
        slack: Decimal::ZERO,
        percentages: false,
        // A share is never above its total.
        maybe_share: ratio.value <= was,
        spans: vec![ratio.span],
        certainty: if compared && ratio.value > was {
            Certainty::Certain
        } else {
            Certainty::Likely
        },
    })
}

/// Whether nothing stands between the change and the bracket but what it is compared with: one
/// clause, and no numbers but those of years and months.
fn only_compares(tokens: &[Token]) -> bool {
    const DATED: [Key; 4] = [Key::new("năm"), Key::new("tháng"), Key::new("quý"), Key::new("ngày")];
    let mut last = Key::NONE;
    tokens.iter().all(|token| {
        let before = std::mem::replace(&mut last, token.key);
        match token.kind {
            Kind::Word => true,
            Kind::Number => DATED.contains(&before) || before == Key::NONE,
            Kind::Mark('/' | '-') => true,
            _ => false,
        }
    })
}

/// The two values before the change: "từ 45 hộ xuống còn 33 hộ, giảm 12 hộ".
fn from_and_to(context: &Context<'_>, measures: &[Measure], at: usize) -> Option<Values> {
    const TO: [Key; 4] = [Key::new("lên"), Key::new("xuống"), Key::new("còn"), Key::new("thành")];
    let (change, now, was) = (
        &measures[at],
        measures.get(at.checked_sub(1)?)?,
        measures.get(at.checked_sub(2)?)?,
    );
    let level = |measure: &Measure| {
        measure.kind == now.kind
            && matches!(
                measure.kind,
                MeasureKind::Count | MeasureKind::Money | MeasureKind::Area | MeasureKind::Percent
            )
            && measure.change == Change::None
            && measure.approx == Approx::Exact
            && is_plausible(measure)
    };
    if !level(now) || !level(was) || !same_thing(change, now) {
        return None;
    }
    let from = clauses::words_before(context, was.span.start, 1);
    let to = clauses::between(context, was.span.end, now.span.start)?;
    let to_words = clauses::keys(&to);
    let leads = from.first() == Some(&key!("từ"))
        && to_words.last().is_some_and(|last| TO.contains(last))
        && !to.iter().any(|token| matches!(token.kind, Kind::Mark(',')));
    let gap = clauses::between(context, now.span.end, change.span.start)?;
    let words = clauses::keys(&gap);
    let direct = words.len() <= 4
        && gap.iter().any(|token| matches!(token.kind, Kind::Mark(',' | '(')))
        && words.iter().all(|word| LINKS.contains(word))
        && !gap.iter().any(|token| token.is_number());
    let place = context.layout.reader(context.document).after(change.span.end as usize);
    // "giảm 12 hộ nghèo", "tăng 5 bậc so với" may speak of something else.
    let ends = !place.is_word() || place.key == key!("so");
    (leads && direct && ends).then(|| Values {
        now: now.value,
        was: was.value,
        slack: (resolution(context, now) + resolution(context, was)) / Decimal::TWO,
        percentages: now.kind == MeasureKind::Percent,
        maybe_share: false,
        spans: vec![now.span, was.span],
        certainty: Certainty::Certain,
    })
}

/// What may stand between the two values and the change.
const LINKS: [Key; 8] = [
    Key::new("tăng"),
    Key::new("giảm"),
    Key::new("tức"),
    Key::new("là"),
    Key::new("đã"),
    Key::new("tương"),
    Key::new("ứng"),
    Key::new("thêm"),
];

/// Whether a change may be one of this figure: of the same kind, or in per cent of it.
fn same_thing(change: &Measure, level: &Measure) -> bool {
    change.kind == level.kind || change.kind == MeasureKind::Percent
}

fn judge(context: &Context<'_>, change: &Measure, values: Values, findings: &mut Findings<'_>) {
    let (now, was) = (values.now, values.was);
    if now < Decimal::ZERO || was <= Decimal::ZERO {
        return;
    }
    let difference = now - was;
    let signed = |value: Decimal| {
        if change.change == Change::Decrease {
            -value
        } else {
            value
        }
    };
    let stated = signed(change.value);
    let slack = values.slack + resolution(context, change);
    let in_points = (difference - stated).abs() <= slack;
    let relative = (difference * Decimal::from(100)).checked_div(was);
    let percent = change.kind == MeasureKind::Percent;
    let right = if percent {
        let Some(relative) = relative else { return };
        let near = (relative - stated).abs() <= unit(change.places) + values.slack * Decimal::from(200) / was;
        // Of two percentages the change may be in points; of counts it cannot.
        if near || values.percentages && in_points {
            return;
        }
        let nearer_in_points = (difference - stated).abs() < (relative - stated).abs();
        if values.percentages && nearer_in_points {
            difference
        } else {
            relative.round_dp(u32::from(change.places.max(1)))
        }
    } else {
        if in_points {
            return;
        }
        difference
    };
    if !values.maybe_share || is_slip(right, stated) {
        tell(change, &values, right, if percent { "%" } else { "" }, findings);
    }
}

/// Whether the stated change looks like the right one with a slip in it: not far off, or the other
/// way round. Of a share and its total the difference says nothing, and lies anywhere.
fn is_slip(right: Decimal, stated: Decimal) -> bool {
    (right - stated).abs() * Decimal::TWO <= right.abs() || right == -stated
}

fn tell(change: &Measure, values: &Values, right: Decimal, sign: &str, findings: &mut Findings<'_>) {
    let (now, was) = (figure(values.now), figure(values.was));
    let word = |value: Decimal| {
        if value.is_sign_negative() && !value.is_zero() {
            ("giảm", "a decrease of")
        } else {
            ("tăng", "an increase of")
        }
    };
    let said = if change.change == Change::Decrease {
        -change.value
    } else {
        change.value
    };
    let ((vi, en), (said_vi, said_en)) = (word(right), word(said));
    let (right, stated) = (figure(right.abs()), figure(change.value));
    // The same amount the other way round: perhaps the two values changed places.
    let certainty = if right == stated {
        Certainty::Likely
    } else {
        values.certainty
    };
    let finding = findings.report(
        certainty,
        std::iter::once(change.span)
            .chain(values.spans.iter().copied())
            .collect(),
        format!("Từ {was} đến {now} là {vi} {right}{sign}, không phải {said_vi} {stated}{sign}"),
        format!("From {was} to {now} is {en} {right}{sign}, not {said_en} {stated}{sign}"),
    );
    finding.expected = format!("{vi} {right}{sign}");
    finding.actual = format!("{said_vi} {stated}{sign}");
}
