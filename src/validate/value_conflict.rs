//! One indicator with two values.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rustc_hash::FxHashSet;

use crate::{
    extract::{Approx, Change, Measure, MeasureKind, Unit},
    shadow::{Key, Kind, Reader, Token, keys},
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{
            figures::is_plausible,
            text::{excerpt, figure, paragraph_start, words},
        },
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "value-conflict",
    severity: Severity::Warning,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Cùng một chỉ tiêu có hai số liệu khác nhau",
    summary_en: "The same indicator with two different values",
    documentation: r#"
## What it finds
Two figures of one unit, in two places of the report, that are said of the same thing in nearly the same words, with
values that lie close together or whose digits changed places: "Đảng bộ xã có 268 đảng viên … Đảng bộ xã hiện có 286
đảng viên". Figures of other places, years or periods, of plans (*kế hoạch, chỉ tiêu*) or of the year before (*cùng kỳ*)
are different indicators, and so are figures of which one is part of the other.

## Why it matters
One indicator (*chỉ tiêu*) can have one value only for one period; the statistics need to know which.

## Example
```text
SIPAS đứng thứ 12/34 (tăng 3 bậc so với năm 2024) … xếp thứ 12/34, tăng 4 bậc so với năm 2024
```

## How to fix it
Look up the figure and write it in both places; or say what distinguishes the two.

## Source
None; the two places prove it.
"#,
    check,
};

/// Words that say little about what is counted.
const LIGHT: [Key; 52] = keys([
    "và", "của", "các", "những", "đã", "được", "trong", "với", "cho", "tại", "trên", "về", "theo", "có", "là", "đạt",
    "hiện", "thực", "tổ", "chức", "ở", "từ", "đến", "để", "do", "bị", "khi", "nhằm", "này", "đó", "cả", "còn", "cũng",
    "như", "ra", "mới", "tổng", "số", "lượng", "gồm", "bao", "nay", "qua", "sẽ", "đang", "thì", "mà", "vẫn", "nên",
    "tục", "hơn", "khoảng",
]);
/// Words that make another indicator of it when only one of the places has them.
const SCOPES: [Key; 32] = keys([
    "kỳ",
    "kế",
    "tiêu",
    "dự",
    "ước",
    "nữ",
    "trực",
    "cấp",
    "huyện",
    "tỉnh",
    "xã",
    "phường",
    "thôn",
    "sở",
    "trung",
    "ương",
    "đúng",
    "trễ",
    "quá",
    "sớm",
    "không",
    "chưa",
    "mỗi",
    "bình",
    "quân",
    "lại",
    "tháng",
    "tuần",
    "ngày",
    "thêm",
    "riêng",
    "đầu",
]);
/// Words of plans, estimates and other periods: another indicator wherever they stand.
const OTHER_INDICATORS: [Key; 8] = keys(["kỳ", "kế", "tiêu", "dự", "ước", "trước", "giao", "phấn"]);
/// Words of a place taken on either side of a figure.
const REACH: usize = 14;

/// A figure and the words around it.
struct Place<'m> {
    measure: &'m Measure,
    words: FxHashSet<Key>,
    /// Names: capitalised inside the sentence.
    names: FxHashSet<Key>,
    /// Numbers and years around it.
    numbers: FxHashSet<Key>,
}

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    for mut group in groups(context) {
        group.sort_by_key(|measure| (measure.value, measure.span));
        let places: Vec<Place<'_>> = group.into_iter().map(|measure| place(context, measure)).collect();
        let mut pairs = Vec::new();
        for (at, a) in places.iter().enumerate() {
            // The nearest values only: this keeps the rule linear, and others are too far off.
            for (to, b) in places.iter().enumerate().skip(at + 1).take(6) {
                if let Some(certainty) = judge(context, a, b) {
                    pairs.push((certainty, at, to));
                }
            }
        }
        // A figure in conflict with several values is one of a series said in the same words.
        let mut values: BTreeMap<Decimal, FxHashSet<Decimal>> = BTreeMap::new();
        for &(_, a, b) in &pairs {
            let (a, b) = (places[a].measure.value, places[b].measure.value);
            values.entry(a).or_default().insert(b);
            values.entry(b).or_default().insert(a);
        }
        let mut reported = FxHashSet::default();
        for (certainty, a, b) in pairs {
            let (a, b) = (&places[a], &places[b]);
            let series = [a, b]
                .iter()
                .any(|place| values.get(&place.measure.value).is_some_and(|others| others.len() > 1));
            if !series && reported.insert((a.measure.value, b.measure.value)) {
                report(context, certainty, a, b, findings);
            }
        }
    }
}

/// Figures that may be one indicator: of one kind, unit and direction.
fn groups<'m>(context: &Context<'m>) -> Vec<Vec<&'m Measure>> {
    let mut groups: BTreeMap<(u8, u8, Vec<Key>), Vec<&Measure>> = BTreeMap::new();
    let bars = memchr::memchr_iter(b'|', context.document.text.as_bytes());
    let bars: Vec<u32> = bars.map(|bar| bar as u32).collect();
    for measure in &context.report.measures {
        let counted = matches!(
            measure.kind,
            MeasureKind::Count
                | MeasureKind::Money
                | MeasureKind::Area
                | MeasureKind::Rank
                | MeasureKind::Percent
                | MeasureKind::Score
        );
        // Places in one order have their length in common, other figures their unit.
        let unit = match (measure.kind, measure.total, measure.unit) {
            (MeasureKind::Rank, Some(total), _) => vec![Key::new(&total.normalize().to_string())],
            (MeasureKind::Rank, None, _) => continue,
            (_, _, Unit::Own(unit)) => words(context, unit),
            _ => continue,
        };
        if !counted
            || !is_plausible(measure)
            || measure.approx != Approx::Exact
            || context.is_repeated(measure.span)
            || in_table(context, &bars, measure)
        {
            continue;
        }
        let change = match measure.change {
            Change::None => 0,
            Change::Increase => 1,
            Change::Decrease => 2,
        };
        groups
            .entry((measure.kind as u8, change, unit))
            .or_default()
            .push(measure);
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// Whether a bar stands in the line of a figure; `bars` are the places of all bars.
fn in_table(context: &Context<'_>, bars: &[u32], measure: &Measure) -> bool {
    let line = context.document.line(context.document.line_at(measure.span.start));
    let next = bars.partition_point(|&bar| bar < line.start);
    bars.get(next).is_some_and(|&bar| bar < line.end)
}

/// Whether two figures are one indicator with two values.
fn judge(context: &Context<'_>, a: &Place<'_>, b: &Place<'_>) -> Option<Certainty> {
    let (x, y) = (a.measure.value, b.measure.value);
    if x == y || same_paragraph(context, a.measure, b.measure) {
        return None;
    }
    let swapped = x.normalize().mantissa() >= 100 && digits(x) == digits(y);
    let share = matches!(a.measure.kind, MeasureKind::Percent | MeasureKind::Score);
    let percent = if x >= Decimal::from(1000) { 3 } else { 6 };
    let near =
        (y - x) * Decimal::from(100) <= y * Decimal::from(percent) || (y - x <= Decimal::ONE && y >= Decimal::from(5));
    let rank = a.measure.kind == MeasureKind::Rank;
    let near = near || rank && y - x <= Decimal::from(3);
    // Shares and scores of many things lie close together.
    if !swapped && (!near || share) {
        return None;
    }
    // Another place, another year.
    let apart = |a: &FxHashSet<Key>, b: &FxHashSet<Key>| !a.is_empty() && !b.is_empty() && a.is_disjoint(b);
    if apart(&a.names, &b.names) || apart(&a.numbers, &b.numbers) || scopes_differ(a, b) {
        return None;
    }
    let (few, many) = if a.words.len() <= b.words.len() { (a, b) } else { (b, a) };
    let shared = few.words.intersection(&many.words).count();
    // Small numbers come often and lie close together anyway.
    let least = match x {
        _ if swapped && share => 5,
        _ if swapped || x >= Decimal::from(1000) => 3,
        _ if rank || x >= Decimal::from(30) => 5,
        _ => 9,
    };
    if shared < least || shared * 100 < few.words.len() * 70 {
        return None;
    }
    let strong = shared >= 6 && (shared * 100 >= many.words.len() * 60 || swapped);
    Some(if strong { Certainty::Certain } else { Certainty::Likely })
}

/// Whether a word that narrows the indicator stands in one place only, though the other is not
/// shorter than the words that both have.
fn scopes_differ(a: &Place<'_>, b: &Place<'_>) -> bool {
    let (few, many) = if a.words.len() <= b.words.len() { (a, b) } else { (b, a) };
    let other = |word: &Key| few.words.contains(word) != many.words.contains(word);
    let narrower = |scope: &Key| few.words.contains(scope) && !many.words.contains(scope);
    OTHER_INDICATORS.iter().any(other) || SCOPES.iter().any(narrower)
}

fn same_paragraph(context: &Context<'_>, a: &Measure, b: &Measure) -> bool {
    let line = |measure: &Measure| context.document.line_at(measure.span.start);
    let paragraph = |measure: &Measure| paragraph_start(context, measure.span.start as usize);
    paragraph(a) == paragraph(b) || a.section.is_some() && a.section == b.section && line(a).abs_diff(line(b)) < 3
}

fn digits(value: Decimal) -> Vec<u8> {
    let mut digits: Vec<u8> = value.normalize().to_string().into_bytes();
    digits.sort_unstable();
    digits
}

/// Reads the words around a figure: its clause, without what stands in brackets before it.
fn place<'m>(context: &Context<'_>, measure: &'m Measure) -> Place<'m> {
    let reader = context.layout.reader(context.document);
    let mut place = Place {
        measure,
        words: FxHashSet::default(),
        names: FxHashSet::default(),
        numbers: FxHashSet::default(),
    };
    before(&reader, measure, &mut place);
    after(&reader, measure, &mut place);
    place
}

fn before(reader: &Reader<'_>, measure: &Measure, place: &mut Place<'_>) {
    let mut at = measure.span.start as usize;
    let (mut taken, mut bracket) = (0, 0);
    let mut last: Option<Token> = None;
    for _ in 0..REACH * 3 {
        let token = reader.before(at);
        let stop =
            token.is_end() || bracket == 0 && (matches!(token.kind, Kind::Mark('.' | ';' | ':')) || taken >= REACH);
        // A word that begins a sentence is capitalised anyway.
        if let Some(word) = last.take() {
            note(reader, word, !stop, place);
        }
        if stop || token.is_mark(',') && bracket == 0 && taken >= 4 {
            return;
        }
        match token.kind {
            Kind::Mark(')') => bracket += 1,
            Kind::Mark('(') if bracket > 0 => bracket -= 1,
            Kind::Word | Kind::Number if bracket == 0 => {
                taken += 1;
                last = Some(token);
            }
            _ => {}
        }
        at = token.start();
    }
}

fn after(reader: &Reader<'_>, measure: &Measure, place: &mut Place<'_>) {
    let mut at = measure.unit.span().map_or(measure.span.end, |unit| unit.end) as usize;
    for _ in 0..REACH {
        let token = reader.after(at);
        if token.is_end() || matches!(token.kind, Kind::Mark('.' | ';' | ':' | ',' | '(' | ')')) {
            return;
        }
        if matches!(token.kind, Kind::Word | Kind::Number) {
            note(reader, token, true, place);
        }
        at = token.end();
    }
}

fn note(reader: &Reader<'_>, token: Token, inside: bool, place: &mut Place<'_>) {
    if token.is_number() {
        let number = Key::new(reader.token(token));
        place.numbers.insert(number);
        place.words.insert(number);
        return;
    }
    if LIGHT.contains(&token.key) {
        return;
    }
    let roman = reader.token(token).bytes().all(|b| matches!(b, b'I' | b'V' | b'X'));
    if roman {
        place.numbers.insert(token.key);
        return;
    }
    if inside && token.is_capitalised() {
        place.names.insert(token.key);
    }
    place.words.insert(token.key);
}

fn report(context: &Context<'_>, certainty: Certainty, a: &Place<'_>, b: &Place<'_>, findings: &mut Findings<'_>) {
    // The later place is the one to look at first.
    let (first, second) = if a.measure.span < b.measure.span {
        (a, b)
    } else {
        (b, a)
    };
    let (here, there) = (
        excerpt(context, second.measure.span, 40),
        excerpt(context, first.measure.span, 40),
    );
    let finding = findings.report(
        certainty,
        vec![second.measure.span, first.measure.span],
        format!("Ở đây ghi {here}, chỗ khác ghi {there} cho cùng một chỉ tiêu"),
        format!("Here {here}, elsewhere {there}, for what seems the same indicator"),
    );
    finding.expected = figure(first.measure.value);
    finding.actual = figure(second.measure.value);
}
