//! A percentage that is not what the two figures beside it make.

use rust_decimal::Decimal;

use crate::{
    document::Span,
    extract::{Approx, Change, Measure, MeasureKind},
    shadow::{Key, Kind, Token, key},
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{
            figures::{is_plausible, resolution, unit},
            text::{self, figure},
        },
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "percent-mismatch",
    severity: Severity::Error,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Tỷ lệ phần trăm không khớp với tử số và mẫu số",
    summary_en: "A percentage that is not numerator over denominator",
    documentation: r#"
## What it finds
A percentage (*tỷ lệ phần trăm*) that belongs to a ratio beside it ("412/430 … (chiếm 97,2%)") or to two figures of one
unit ("tiếp nhận 1.204 hồ sơ … đã giải quyết 1.128 hồ sơ, đạt 96,3%", "4,62 tỷ đồng/7,15 tỷ đồng, đạt 68%") and is not
what they make. The last digit shown may be rounded or cut off. Approximate figures and changes ("tăng 5%") are left
alone. Behind a ratio or a quotient, a percentage of a plan ("đạt 95% kế hoạch") is likely meant to be theirs, and so is
one of something else ("đạt 82,9% hợp đồng") that a ratio misses by no more than a thirtieth, or whose digits changed
places. In a table, a column that is the quotient of two others in all rows but few is checked in each row.

## Why it matters
One of three figures is wrong, and each of them may be copied alone.

## Example
```text
412/430 thôn có nhà văn hóa (chiếm 97,2%)        (412/430 = 95,81%)
```

## How to fix it
Look up the two figures, then compute the percentage anew.

## Source
Arithmetic.
"#,
    check,
};

/// What may stand between the comma or bracket and the percentage that belongs to what is before.
const LINKS: [Key; 15] = [
    Key::new("đạt"),
    Key::new("chiếm"),
    Key::new("bằng"),
    Key::new("tỷ"),
    Key::new("tỉ"),
    Key::new("lệ"),
    Key::new("là"),
    Key::new("tương"),
    Key::new("đương"),
    Key::new("ứng"),
    Key::new("với"),
    Key::new("được"),
    Key::new("đã"),
    Key::new("hoàn"),
    Key::new("thành"),
];
/// Plans, which the ratio beside the percentage may be of ("1.497/3.602 …, đạt 41,5% kế hoạch").
const PLANS: [Key; 4] = [Key::new("kế"), Key::new("chỉ"), Key::new("dự"), Key::new("nghị")];

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    of_rows(context, findings);
    let measures = &context.report.measures;
    for (at, percent) in measures.iter().enumerate() {
        let plain = percent.kind == MeasureKind::Percent && percent.change == Change::None;
        if !plain || !is_plausible(percent) || percent.approx != Approx::Exact || context.is_repeated(percent.span) {
            continue;
        }
        if let Some(ratio) = measures
            .get(at + 1)
            .filter(|next| next.kind == MeasureKind::Ratio && is_plausible(next))
            && opens_bracket(context, percent.span, ratio.span)
        {
            of_ratio(context, measures, at, ratio, findings);
            continue;
        }
        let Some(before) = at.checked_sub(1).map(|before| &measures[before]) else {
            continue;
        };
        if before.approx != Approx::Exact || !is_plausible(before) || !linked(context, before.span, percent.span) {
            continue;
        }
        match before.kind {
            MeasureKind::Ratio => of_ratio(context, measures, at, before, findings),
            MeasureKind::Count | MeasureKind::Money | MeasureKind::Area
                if at > 1 && is_divided(context, measures, at - 2) =>
            {
                of_quotient(context, measures, at, findings);
            }
            MeasureKind::Count | MeasureKind::Money | MeasureKind::Area => of_pair(context, measures, at, findings),
            _ => {}
        }
    }
}

/// Checks the percentages of a table: where a column is the quotient of two others in all rows but few,
/// those few are wrong.
fn of_rows(context: &Context<'_>, findings: &mut Findings<'_>) {
    for table in tables(context) {
        let width = table[0].len();
        let numbers: Vec<usize> = (0..width)
            .filter(|&column| table.iter().all(|row| row[column].kind != MeasureKind::Percent))
            .collect();
        let percents = (0..width).filter(|&column| table.iter().all(|row| row[column].kind == MeasureKind::Percent));
        for percent in percents {
            for (&part, &total) in numbers
                .iter()
                .flat_map(|part| numbers.iter().map(move |total| (part, total)))
            {
                let fits = |row: &&&[Measure]| quotient_agrees(&row[percent], &row[part], &row[total]);
                let wrong: Vec<&&[Measure]> = table.iter().filter(|row| !fits(row)).collect();
                // One row in four may be wrong, and three at least must be right.
                let rule = part != total && table.len() >= wrong.len() + 3 && wrong.len() * 4 <= table.len();
                if !rule {
                    continue;
                }
                for row in wrong {
                    let (percent, part, total) = (&row[percent], &row[part], &row[total]);
                    if total.value > Decimal::ZERO {
                        let spans = vec![percent.span, part.span, total.span];
                        report(Certainty::Certain, percent, (part.value, total.value), spans, findings);
                    }
                }
                break;
            }
        }
    }
}

/// Whether a percentage of a row is that of two other figures of it.
fn quotient_agrees(percent: &Measure, part: &Measure, total: &Measure) -> bool {
    total.value > Decimal::ZERO && agrees(percent, (part.value, Decimal::ZERO), (total.value, Decimal::ZERO))
}

/// The figures of tables by rows, for those rows below each other that hold as many figures.
fn tables<'m>(context: &Context<'m>) -> Vec<Vec<&'m [Measure]>> {
    /// Wider rows are lists of numbers.
    const WIDEST: usize = 12;
    let line_of = |measure: &Measure| context.document.line_at(measure.span.start);
    let mut tables: Vec<Vec<&[Measure]>> = Vec::new();
    let mut last = None;
    for row in context.report.measures.chunk_by(|a, b| line_of(a) == line_of(b)) {
        let line = line_of(&row[0]);
        let is_row = context.layout.lines[line].row && (3..=WIDEST).contains(&row.len());
        let plausible = is_row && row.iter().all(is_plausible) && !context.is_repeated(row[0].span);
        let below = last.is_some_and(|last| line - last <= 2);
        match tables.last_mut() {
            Some(table) if plausible && below && table[0].len() == row.len() => table.push(row),
            _ if plausible => tables.push(vec![row]),
            _ => {}
        }
        last = plausible.then_some(line);
    }
    tables.retain(|table| table.len() > 3);
    tables
}

/// Checks a percentage against the ratio it belongs to.
fn of_ratio(context: &Context<'_>, measures: &[Measure], at: usize, ratio: &Measure, findings: &mut Findings<'_>) {
    let percent = &measures[at];
    let Some(total) = ratio.total.filter(|total| *total > Decimal::ZERO) else {
        return;
    };
    if agrees(percent, (ratio.value, Decimal::ZERO), (total, Decimal::ZERO)) {
        return;
    }
    let certainty = match behind(context, percent.span) {
        Behind::Nothing => Certainty::Certain,
        Behind::Plan => Certainty::Likely,
        // Of something else it would be far off.
        Behind::Other if is_near(percent, (ratio.value, total)) => Certainty::Likely,
        Behind::Other => return,
    };
    report(
        certainty,
        percent,
        (ratio.value, total),
        vec![percent.span, ratio.span],
        findings,
    );
}

/// Whether a percentage is a slip away from that of two figures.
fn is_near(percent: &Measure, (part, total): (Decimal, Decimal)) -> bool {
    let computed = part * Decimal::from(100) / total;
    (computed - percent.value).abs() * Decimal::from(30) <= computed || is_transposed(percent, computed)
}

/// Whether a percentage has the digits of the computed one in another order ("64,0" for 46,0); two
/// digits are too few to tell.
fn is_transposed(percent: &Measure, computed: Decimal) -> bool {
    let places = u32::from(percent.places);
    let written = |value: Decimal| {
        let mut digits = value.to_string().replace('.', "").into_bytes();
        digits.sort_unstable();
        digits
    };
    let mut rescaled = computed.round_dp(places);
    rescaled.rescale(places);
    let mut stated = percent.value;
    stated.rescale(places);
    let digits = written(stated);
    rescaled != stated && digits.len() > 2 && digits == written(rescaled)
}

/// Checks a percentage against two figures with their units on either side of a slash: "4,62 tỷ
/// đồng/7,15 tỷ đồng, đạt 64,6% dự toán".
fn of_quotient(context: &Context<'_>, measures: &[Measure], at: usize, findings: &mut Findings<'_>) {
    let (percent, total, part) = (&measures[at], &measures[at - 1], &measures[at - 2]);
    let exact = |measure: &Measure| (measure.value, resolution(context, measure));
    if part.value > total.value || agrees(percent, exact(part), exact(total)) {
        return;
    }
    let certainty = match behind(context, percent.span) {
        Behind::Nothing => Certainty::Certain,
        Behind::Plan => Certainty::Likely,
        Behind::Other => return,
    };
    let spans = vec![percent.span, part.span, total.span];
    report(certainty, percent, (part.value, total.value), spans, findings);
}

/// Whether the figure at this place is divided by the next one.
fn is_divided(context: &Context<'_>, measures: &[Measure], at: usize) -> bool {
    let (part, total) = (&measures[at], &measures[at + 1]);
    between_divides(context, part.span.end, total.span.start)
        && part.kind == total.kind
        && total.value > Decimal::ZERO
        && part.approx == Approx::Exact
        && is_plausible(part)
        && same_unit(context, part, total)
}

/// Whether a slash or "trên tổng số" stands between two offsets, and nothing else.
fn between_divides(context: &Context<'_>, from: u32, until: u32) -> bool {
    const OVER: [&[Key]; 4] = [
        &[key!("trên")],
        &[key!("trên"), key!("tổng")],
        &[key!("trên"), key!("tổng"), key!("số")],
        &[key!("trong"), key!("tổng"), key!("số")],
    ];
    const MOST: usize = 4;
    let between = context.document.text.get(from as usize..until as usize);
    if between.is_some_and(|between| between.trim() == "/") {
        return true;
    }
    let reader = context.layout.reader(context.document);
    let words: Vec<Token> = reader
        .walk(from as usize)
        .take(MOST)
        .take_while(|token| token.start() < until as usize)
        .collect();
    let said = |phrase: &&&[Key]| {
        words.len() == phrase.len()
            && words
                .iter()
                .zip(phrase.iter())
                .all(|(word, key)| word.is_word() && word.key == *key)
    };
    OVER.iter().find(said).is_some()
}

/// Checks a percentage against a figure and the total of its unit that was named before.
fn of_pair(context: &Context<'_>, measures: &[Measure], at: usize, findings: &mut Findings<'_>) {
    let (percent, part) = (&measures[at], &measures[at - 1]);
    if part.change != Change::None
        || behind(context, percent.span) != Behind::Nothing
        || explained(context, measures, at)
    {
        return;
    }
    let totals: Vec<&Measure> = nearby(context, measures, at)
        .filter(|total| total.span.start < part.span.start && total.kind == part.kind && total.change == Change::None)
        .filter(|total| total.value > part.value && total.approx == Approx::Exact && same_unit(context, total, part))
        .collect();
    let Some(total) = totals.first() else { return };
    if totals.iter().any(|other| other.value != total.value) {
        return;
    }
    // A percentage of something else is far off; a mistyped one is near.
    let near = Decimal::from(12);
    let computed = part.value / total.value * Decimal::from(100);
    if (computed - percent.value).abs() <= near || is_transposed(percent, computed) {
        let spans = vec![percent.span, part.span, total.span];
        report(Certainty::Certain, percent, (part.value, total.value), spans, findings);
    }
}

/// Whether some two figures around the percentage make it.
fn explained(context: &Context<'_>, measures: &[Measure], at: usize) -> bool {
    let percent = &measures[at];
    let around: Vec<(Decimal, Decimal)> = nearby(context, measures, at)
        .filter(|measure| measure.kind != MeasureKind::Percent)
        .flat_map(|measure| {
            let resolution = resolution(context, measure);
            std::iter::once(measure.value)
                .chain(measure.total)
                .map(move |value| (value, resolution))
        })
        .collect();
    let parts = around.iter().filter(|(value, _)| *value > Decimal::ZERO);
    parts.into_iter().any(|&part| {
        around
            .iter()
            .any(|&total| total != part && agrees(percent, part, total))
    })
}

/// The figures of this sentence and the one before, and the two after: a bounded number.
fn nearby<'m>(context: &Context<'_>, measures: &'m [Measure], at: usize) -> impl Iterator<Item = &'m Measure> {
    const FIGURES: usize = 8;
    const BYTES: usize = 700;
    let place = measures[at].span.start as usize;
    let from = text::paragraph_start(context, place).max(place.saturating_sub(BYTES));
    let window = &measures[at.saturating_sub(FIGURES)..(at + 3).min(measures.len())];
    window
        .iter()
        .filter(move |measure| measure.span.start as usize >= from && is_plausible(measure))
}

/// Whether part/total is the stated percentage, its last digit rounded or cut off, with each
/// figure as exact as it is given.
fn agrees(percent: &Measure, part: (Decimal, Decimal), total: (Decimal, Decimal)) -> bool {
    let (half, hundred) = (Decimal::new(5, 1), Decimal::from(100));
    let (low, high) = (part.0 - part.1 * half, part.0 + part.1);
    let (least, most) = (total.0 - total.1 * half, total.0 + total.1);
    if least <= Decimal::ZERO {
        return false;
    }
    let (Some(from), Some(to)) = ((low * hundred).checked_div(most), (high * hundred).checked_div(least)) else {
        return true;
    };
    let last = unit(percent.places);
    to >= percent.value - last * half && from < percent.value + last
}

/// Whether a percentage belongs to the figure before it: one sentence, and between the last comma
/// or bracket and the percentage only words that link.
fn linked(context: &Context<'_>, figure: Span, percent: Span) -> bool {
    const MOST: usize = 40;
    let reader = context.layout.reader(context.document);
    let mut at = figure.end as usize;
    let (mut links, mut others, mut cut) = (0, 0, false);
    for _ in 0..MOST {
        let token = reader.after(at);
        if token.start() >= percent.start as usize {
            return others == 0 && (links > 0 || cut);
        }
        match token.kind {
            Kind::Word if LINKS.contains(&token.key) => links += 1,
            Kind::Word => (links, others) = (0, if cut { others + 1 } else { 0 }),
            Kind::Mark(',' | '(') => (links, others, cut) = (0, 0, true),
            Kind::Mark('=' | '-' | ':' | '*' | '"' | '“' | '”' | ')') => {}
            Kind::Number => return false,
            _ => return false,
        }
        at = token.end();
    }
    false
}

/// Whether only a bracket stands between the two.
fn opens_bracket(context: &Context<'_>, percent: Span, ratio: Span) -> bool {
    let between = context.document.text.get(percent.end as usize..ratio.start as usize);
    between.is_some_and(|between| between.trim() == "(")
}

/// What stands behind a percentage, which may be what it is of.
#[derive(PartialEq, Eq)]
enum Behind {
    /// A mark, the end, or a word that begins something else.
    Nothing,
    /// A plan.
    Plan,
    /// Some noun: "5% dân số".
    Other,
}

fn behind(context: &Context<'_>, percent: Span) -> Behind {
    const ONWARD: [Key; 6] = [
        Key::new("và"),
        Key::new("trong"),
        Key::new("còn"),
        Key::new("đã"),
        Key::new("nhưng"),
        Key::new("đạt"),
    ];
    let next = context.layout.reader(context.document).after(percent.end as usize);
    match next.kind {
        Kind::Word if PLANS.contains(&next.key) => Behind::Plan,
        Kind::Word if !ONWARD.contains(&next.key) => Behind::Other,
        _ => Behind::Nothing,
    }
}

fn same_unit(context: &Context<'_>, a: &Measure, b: &Measure) -> bool {
    let words = |measure: &Measure| {
        measure
            .unit
            .span()
            .map(|unit| super::support::text::words(context, unit))
    };
    match (words(a), words(b)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

fn report(
    certainty: Certainty,
    percent: &Measure,
    (part, total): (Decimal, Decimal),
    spans: Vec<Span>,
    findings: &mut Findings<'_>,
) {
    let places = u32::from(percent.places.max(1)).max(2);
    let computed = figure((part * Decimal::from(100) / total).round_dp(places));
    let stated = figure(percent.value);
    let (part, total) = (figure(part), figure(total));
    let finding = findings.report(
        certainty,
        spans,
        format!("{part}/{total} = {computed}%, không phải {stated}%"),
        format!("{part}/{total} = {computed}%, not {stated}%"),
    );
    finding.expected = format!("{computed}%");
    finding.actual = format!("{stated}%");
}
