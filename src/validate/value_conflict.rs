//! One indicator with two values.

use std::{cell::OnceCell, collections::BTreeMap};

use rust_decimal::Decimal;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    extract::{Approx, Change, Measure, MeasureKind, Unit},
    shadow::{Key, Kind, Reader, Token, key, keys},
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{
            figures::{digits, is_plausible},
            text::{excerpt, figure, paragraph_start, words_as_number},
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
đảng viên". Of percentages and scores only changed places count. Figures of other places, years or periods, of plans (*kế hoạch, chỉ tiêu*) or of the year before (*cùng kỳ*)
are different indicators, and so are figures of which one is part of the other. What is left of a whole ("toàn xã còn
47 hộ nghèo") and how many of it are so ("62/82 xã đạt chuẩn") are compared whatever the other words are.

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
/// Words of another time, at which as much was not left.
const EARLIER: [Key; 3] = keys(["đầu", "cuối", "xuống"]);
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
        let close = close_pairs(&group);
        if close.is_empty() && !group.iter().any(|measure| is_of_whole(context, measure)) {
            continue;
        }
        // The words around a figure are read for those few that lie close to another one.
        let places: Vec<OnceCell<Place<'_>>> = group.iter().map(|_| OnceCell::new()).collect();
        let place = |at: usize| places[at].get_or_init(|| place(context, group[at]));
        let mut pairs = Vec::new();
        for pair in close {
            if !same_paragraph(context, group[pair.low], group[pair.high])
                && let Some(certainty) = judge(place(pair.low), place(pair.high), pair.swapped)
            {
                pairs.push((certainty, pair.low, pair.high));
            }
        }
        // A figure in conflict with several values is one of a series said in the same words.
        let mut values: BTreeMap<Decimal, FxHashSet<Decimal>> = BTreeMap::new();
        for &(_, a, b) in &pairs {
            let (a, b) = (group[a].value, group[b].value);
            values.entry(a).or_default().insert(b);
            values.entry(b).or_default().insert(a);
        }
        let of_wholes = of_wholes(context, &group, place);
        pairs.extend(of_wholes.into_iter().map(|(a, b)| (Certainty::Likely, a, b)));
        let mut reported = FxHashSet::default();
        for (certainty, a, b) in pairs {
            let (a, b) = (place(a), place(b));
            let series = [a, b]
                .iter()
                .any(|place| values.get(&place.measure.value).is_some_and(|others| others.len() > 1));
            if !series && reported.insert((a.measure.value, b.measure.value)) {
                report(context, certainty, a, b, findings);
            }
        }
    }
}

/// What is left of a whole ("toàn xã còn 47 hộ nghèo"), which is one number for the report.
fn is_left(context: &Context<'_>, measure: &Measure) -> bool {
    let reader = context.layout.reader(context.document);
    let before = reader.before(measure.span.start as usize);
    measure.kind == MeasureKind::Count && before.is_word() && before.key == key!("còn")
}

/// What one number says of the whole, so that few words tell what it is: what is left of it, or how
/// many of it are so ("62/82 xã đạt chuẩn").
fn is_of_whole(context: &Context<'_>, measure: &Measure) -> bool {
    measure.kind == MeasureKind::Ratio || is_left(context, measure)
}

/// The pairs of figures that say the same of the whole, in other words perhaps, and do not agree; by
/// their places in the group.
fn of_wholes<'p, 'm: 'p>(
    context: &Context<'_>,
    group: &[&Measure],
    place: impl Fn(usize) -> &'p Place<'m>,
) -> Vec<(usize, usize)> {
    /// Smaller numbers are those of villages and schools.
    const LEAST: i64 = 30;
    /// Most figures of one unit that are compared; a report has a few.
    const MOST: usize = 8;
    /// Two ratios of one whole further apart tell of different things.
    const APART: i64 = 3;
    const WHOLES: [Key; 6] = keys(["toàn", "xã", "phường", "huyện", "tỉnh", "thành"]);
    let ratios = group[0].kind == MeasureKind::Ratio;
    let of_whole = |at: usize| ratios || WHOLES.iter().any(|whole| place(at).words.contains(whole));
    let members: Vec<usize> = (0..group.len())
        .filter(|&at| is_of_whole(context, group[at]) && (ratios || group[at].value >= Decimal::from(LEAST)))
        .filter(|&at| of_whole(at))
        .take(MOST)
        .collect();
    let near = |low: Decimal, high: Decimal| match ratios {
        true => high - low <= Decimal::from(APART),
        false => (high - low) * Decimal::from(5) <= high,
    };
    let mut pairs = Vec::new();
    for (index, &a) in members.iter().enumerate() {
        for &b in &members[index + 1..] {
            let (low, high) = (group[a].value, group[b].value);
            // "riêng thôn Nà Lốc của xã còn 31 hộ nghèo"
            let village = !ratios && [a, b].iter().any(|&at| place(at).words.contains(&key!("thôn")));
            let other_time = |word: &Key| place(a).words.contains(word) || place(b).words.contains(word);
            if low != high
                && !village
                && near(low, high)
                && say_the_same(context, group[a], group[b])
                && !OTHER_INDICATORS.iter().chain(&EARLIER).any(other_time)
                && !are_apart(place(a), place(b))
                && !same_paragraph(context, group[a], group[b])
            {
                pairs.push((a, b));
            }
        }
    }
    pairs
}

/// Whether the same is said behind two figures of the whole: "hộ nghèo" and "hộ cận nghèo" are not the
/// same, nor are "xã đạt chuẩn" and "xã đạt chuẩn nâng cao".
fn say_the_same(context: &Context<'_>, a: &Measure, b: &Measure) -> bool {
    const MORE: [Key; 3] = keys(["nâng", "kiểu", "chưa"]);
    let reader = context.layout.reader(context.document);
    let needed = if a.kind == MeasureKind::Ratio { 2 } else { 1 };
    let behind = |measure: &Measure| -> Option<Vec<Token>> {
        let unit = measure.unit.span()?;
        Some(
            reader
                .walk(unit.end as usize)
                .take(needed + 1)
                .take_while(Token::is_word)
                .collect(),
        )
    };
    let (Some(first), Some(second)) = (behind(a), behind(b)) else {
        return false;
    };
    let keys_of = |words: &[Token]| words.iter().take(needed).map(|word| word.key).collect::<Vec<Key>>();
    let more = |words: &[Token]| words.get(needed).is_some_and(|word| MORE.contains(&word.key));
    first.len() >= needed && keys_of(&first) == keys_of(&second) && more(&first) == more(&second)
}

/// Two figures of a group, by their places in it, whose values lie close together or have the same
/// digits.
struct Pair {
    low: usize,
    high: usize,
    swapped: bool,
}

/// The pairs of a group, which is in the order of values.
fn close_pairs(group: &[&Measure]) -> Vec<Pair> {
    // The nearest values only: this keeps the rule linear, and others are too far off.
    const NEAREST: usize = 6;
    let digits: Vec<Option<u64>> = group.iter().map(|measure| digits(measure.value)).collect();
    let mut pairs = Vec::new();
    for (low, a) in group.iter().enumerate() {
        let mut near = true;
        for (high, b) in group.iter().enumerate().skip(low + 1).take(NEAREST) {
            if a.value == b.value {
                continue;
            }
            let swapped = digits[low].is_some() && digits[low] == digits[high];
            // Once a value is too far off, those behind it are.
            near = near && !is_far(a, b);
            // Shares and scores of many things lie close together.
            if swapped || near && !is_share(a) && is_near(a, b) {
                pairs.push(Pair { low, high, swapped });
            }
        }
    }
    pairs
}

/// Whether a figure tells of many things how much of each.
fn is_share(measure: &Measure) -> bool {
    matches!(measure.kind, MeasureKind::Percent | MeasureKind::Score)
}

/// Whether the value of a figure lies close enough to a smaller one to be a slip.
fn is_near(a: &Measure, b: &Measure) -> bool {
    let (x, y) = (a.value, b.value);
    let percent = if x >= Decimal::from(1000) { 3 } else { 6 };
    (y - x) * Decimal::from(100) <= y * Decimal::from(percent)
        || (y - x <= Decimal::ONE && y >= Decimal::from(5))
        || a.kind == MeasureKind::Rank && y - x <= Decimal::from(3)
}

/// Whether a value lies so far off that no larger one is near either.
fn is_far(a: &Measure, b: &Measure) -> bool {
    let (x, y) = (a.value, b.value);
    y > x + Decimal::from(3) && (y - x) * Decimal::TEN > y
}

/// Figures that may be one indicator: of one kind, unit and direction.
fn groups<'m>(context: &Context<'m>) -> Vec<Vec<&'m Measure>> {
    let mut groups: FxHashMap<(MeasureKind, u8, Counted), Vec<&Measure>> = FxHashMap::default();
    let bars = memchr::memchr_iter(b'|', context.document.text.as_bytes());
    let bars: Vec<u32> = bars.map(|bar| bar as u32).collect();
    for measure in &context.report.measures {
        let kind = matches!(
            measure.kind,
            MeasureKind::Count
                | MeasureKind::Money
                | MeasureKind::Area
                | MeasureKind::Rank
                | MeasureKind::Percent
                | MeasureKind::Score
                | MeasureKind::Ratio
        );
        if !kind
            || measure.approx != Approx::Exact
            || !is_plausible(measure)
            || context.is_repeated(measure.span)
            || in_table(context, &bars, measure)
        {
            continue;
        }
        // Places in one order have their length in common, other figures their unit.
        let counted = match (measure.kind, measure.total, measure.unit) {
            (MeasureKind::Rank, Some(total), _) => Counted::Places(total),
            (MeasureKind::Rank, None, _) => continue,
            (MeasureKind::Ratio, Some(total), Unit::Own(unit)) => Counted::Of(total, words_as_number(context, unit)),
            (_, _, Unit::Own(unit)) => Counted::Things(words_as_number(context, unit)),
            _ => continue,
        };
        let change = match measure.change {
            Change::None => 0,
            Change::Increase => 1,
            Change::Decrease => 2,
        };
        groups.entry((measure.kind, change, counted)).or_default().push(measure);
    }
    let mut groups: Vec<_> = groups.into_values().filter(|group| group.len() > 1).collect();
    groups.sort_unstable_by_key(|group| group[0].span);
    groups
}

/// What figures of a group have in common.
#[derive(PartialEq, Eq, Hash)]
enum Counted {
    /// The length of an order.
    Places(Decimal),
    /// The words of a unit, as a number.
    Things(u64),
    /// How many there are in all, and their unit.
    Of(Decimal, u64),
}

/// Whether a bar stands in the line of a figure; `bars` are the places of all bars.
fn in_table(context: &Context<'_>, bars: &[u32], measure: &Measure) -> bool {
    let line = context.document.line(context.document.line_at(measure.span.start));
    let next = bars.partition_point(|&bar| bar < line.start);
    bars.get(next).is_some_and(|&bar| bar < line.end)
}

/// Whether two figures whose values lie close together, or have the same digits, are one indicator
/// with two values.
fn judge(a: &Place<'_>, b: &Place<'_>, swapped: bool) -> Option<Certainty> {
    let x = a.measure.value;
    let rank = a.measure.kind == MeasureKind::Rank;
    let share = is_share(a.measure);
    if are_apart(a, b) || scopes_differ(a, b) {
        return None;
    }
    let (few, many) = if a.words.len() <= b.words.len() { (a, b) } else { (b, a) };
    let shared = few.words.intersection(&many.words).count();
    // Small numbers come often and lie close together anyway.
    let least = match x {
        // Long numbers do not have the same digits by chance.
        _ if swapped && !share && is_long(x) => 2,
        _ if swapped && share => 4,
        _ if swapped || x >= Decimal::from(1000) => 3,
        _ if rank || x >= Decimal::from(30) => 5,
        _ => 9,
    };
    let enough = if swapped { 50 } else { 70 };
    if a.measure.kind == MeasureKind::Ratio || shared < least || shared * 100 < few.words.len() * enough {
        return None;
    }
    let strong = shared >= 6 && (shared * 100 >= many.words.len() * 60 || swapped);
    Some(if strong { Certainty::Certain } else { Certainty::Likely })
}

/// Whether a number has four digits or more that count.
fn is_long(value: Decimal) -> bool {
    value.normalize().mantissa().unsigned_abs() >= 1000
}

/// Whether two figures are of different places or years.
fn are_apart(a: &Place<'_>, b: &Place<'_>) -> bool {
    let apart = |a: &FxHashSet<Key>, b: &FxHashSet<Key>| !a.is_empty() && !b.is_empty() && a.is_disjoint(b);
    apart(&a.names, &b.names) || apart(&a.numbers, &b.numbers)
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
        let clause = bracket == 0 && (ends_clause(reader, token) || taken >= REACH);
        let stop = token.is_end() || clause;
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

/// Whether a mark ends a clause: a full stop within a number ("7.358") does not.
fn ends_clause(reader: &Reader<'_>, token: Token) -> bool {
    match token.kind {
        Kind::Mark('.') => {
            let next = reader.next(token);
            next.spaced || !next.is_number()
        }
        Kind::Mark(mark) => matches!(mark, ';' | ':'),
        _ => false,
    }
}

fn after(reader: &Reader<'_>, measure: &Measure, place: &mut Place<'_>) {
    let from = measure.unit.span().map_or(measure.span.end, |unit| unit.end) as usize;
    for token in reader.walk(from).take(REACH) {
        if token.is_end() || ends_clause(reader, token) || matches!(token.kind, Kind::Mark(',' | '(' | ')')) {
            return;
        }
        if matches!(token.kind, Kind::Word | Kind::Number) {
            note(reader, token, true, place);
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The digits as they are written, in order.
    fn written(value: Decimal) -> Vec<u8> {
        let mut digits = value.normalize().to_string().into_bytes();
        digits.sort_unstable();
        digits
    }

    proptest! {
        #[test]
        fn equal_counts_are_equal_digits(a in 100_i64..1_000_000_000, b in 100_i64..1_000_000_000,
            places in 0_u32..=12, swap in 0_usize..11, more in 0_u32..=12) {
            let mut other = a.to_string().into_bytes();
            let at = swap % (other.len() - 1);
            other.swap(at, at + 1);
            let swapped: i64 = String::from_utf8(other).unwrap().parse().unwrap();
            for (b, more) in [(b, more), (swapped, places), (swapped, more), (a, more)] {
                let (a, b) = (Decimal::new(a, places), Decimal::new(b, more));
                if digits(a).is_some() && digits(b).is_some() {
                    prop_assert_eq!(digits(a) == digits(b), written(a) == written(b), "{} {}", a, b);
                }
            }
        }

        #[test]
        fn beyond_a_value_that_is_far_none_is_near(x in 0_i64..3000, y in 0_i64..400, z in 0_i64..400, rank: bool) {
            let kind = if rank { MeasureKind::Rank } else { MeasureKind::Count };
            let measure = |value: i64| Measure {
                span: crate::document::Span::default(),
                kind,
                value: Decimal::new(value, 1),
                places: 1,
                total: None,
                unit: Unit::None,
                subject: None,
                qualifier: None,
                approx: Approx::Exact,
                change: Change::None,
                section: None,
            };
            let (a, b, c) = (measure(x), measure(x + y), measure(x + y + z));
            prop_assert!(!is_far(&a, &b) || !is_near(&a, &c) && !is_near(&a, &b));
        }
    }
}
