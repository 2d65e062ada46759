//! Units that a text gives once for several figures, and changes that a list states once.

use rust_decimal::Decimal;

use crate::{
    document::Span,
    extract::{Change, Layout, MeasureKind, Unit, numerals},
    shadow::{Key, KeySet, Kind, Reader, Token, key},
    vocabulary::{Vocabulary, units::UnitKind},
};

use super::{Figure, is_any, sentence_ends};

/// What stands between two figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    /// Brackets opened less brackets closed.
    depth: i32,
    /// The lowest depth in between.
    lowest: i32,
    /// Whether a new sentence or paragraph begins.
    ends: bool,
    /// Whether what begins is but the next line of a list with bullets.
    bullet: bool,
    semicolon: bool,
    words: usize,
}

/// Most words between two members of a list.
const MAX_GAP: usize = 40;
/// Most neighbours that are looked at.
const MAX_NEIGHBOURS: usize = 40;

/// Gives figures without a unit that of a neighbour; those that find none are no figures.
pub(super) fn share(reader: Reader<'_>, vocabulary: &Vocabulary, layout: &Layout, figures: &mut Vec<Figure>) {
    let gaps: Vec<Gap> = figures
        .windows(2)
        .map(|pair| {
            let mut gap = gap(&reader, pair[0].span.end as usize, pair[1].number.start as usize);
            gap.ends |= pair[0].stream != pair[1].stream;
            gap
        })
        .collect();
    for index in 0..figures.len() {
        let named = figures[index].unit != Unit::None && !figures[index].open;
        if named && !figures[index].sort || !figures[index].counts() {
            continue;
        }
        if figures[index].open && figures[index].kind == MeasureKind::Ratio && !has_ratio_beside(figures, &gaps, index)
        {
            continue;
        }
        // A line of its own in a list: "+ Khiếu nại: 20;".
        let listed = is_line(&reader, &figures[index]);
        let found = as_the_one_before(figures, &gaps, index)
            .or_else(|| summed(&reader, figures, &gaps, index))
            .or_else(|| forwards(figures, &gaps, index, listed))
            .or_else(|| backwards(figures, &gaps, index, listed))
            .or_else(|| over_footnote(layout, figures, index))
            .or_else(|| labelled(&reader, vocabulary, &figures[index]));
        if let Some((unit, noun)) = found
            && (!figures[index].open || is_listed(&reader, &figures[index]))
        {
            let figure = &mut figures[index];
            figure.unit = Unit::Shared(unit);
            figure.noun = noun;
            figure.open = false;
            if figure.sort {
                figure.span = figure.number;
            }
        }
    }
    keep_rows(&reader, figures, &gaps);
    spread_changes(&reader, figures);
    figures.retain(|figure| !figure.open);
}

/// Keeps numbers that stand in a row of labels though none of them has a unit: "Tốt: 15; khá: 5",
/// "dân số 31, đất đai 11, tài chính 8".
fn keep_rows(reader: &Reader<'_>, figures: &mut [Figure], gaps: &[Gap]) {
    let labelled = |figure: &Figure| {
        figure.open
            && figure.kind == MeasureKind::Count
            && reader.before(figure.lead as usize).is_mark(':')
            && is_listed(reader, figure)
    };
    let rows: Vec<bool> = figures.iter().map(labelled).collect();
    for index in 0..figures.len() {
        let near = |gap: Gap| (!gap.ends || gap.bullet) && gap.words < 9;
        let behind = index > 0 && rows[index - 1] && near(gaps[index - 1]);
        let before = rows.get(index + 1).is_some_and(|&row| row) && near(gaps[index]);
        if rows[index] && (behind || before) {
            figures[index].open = false;
        }
    }
    keep_enumerations(reader, figures, gaps);
}

/// Keeps numbers without a unit that stand each behind a few words, with commas between: three or more,
/// or two that make the sum of money before them.
fn keep_enumerations(reader: &Reader<'_>, figures: &mut [Figure], gaps: &[Gap]) {
    const LEAST: usize = 3;
    const MOST_WORDS: usize = 6;
    let member = |figure: &Figure| {
        figure.open
            && figure.kind == MeasureKind::Count
            && reader.before(figure.lead as usize).is_word()
            && is_listed(reader, figure)
    };
    let joined = |gap: Gap| {
        !gap.ends && !gap.bullet && gap.depth == 0 && gap.lowest == 0 && (1..=MOST_WORDS).contains(&gap.words)
    };
    let mut first = 0;
    while first < figures.len() {
        let mut last = first;
        while member(&figures[last]) && last + 1 < figures.len() && joined(gaps[last]) && member(&figures[last + 1]) {
            last += 1;
        }
        if member(&figures[first])
            && let Some((unit, factor)) = of_money(reader, figures, gaps, first, last)
        {
            for figure in &mut figures[first..=last] {
                figure.kind = MeasureKind::Money;
                figure.unit = Unit::Shared(unit);
                figure.scale(factor);
                figure.open = false;
            }
        } else if last + 1 - first >= LEAST {
            for figure in &mut figures[first..=last] {
                figure.open = false;
            }
        }
        first = last + 1;
    }
}

/// The unit and the factor of the sum of money that these numbers are parts of: "hỗ trợ 151,2 tỷ (người
/// nghèo 96,4, trẻ em 38,5, học sinh 16,3)". Either they nearly add up to it, or they have decimals as
/// no number of things has, and none is larger.
fn of_money(reader: &Reader<'_>, figures: &[Figure], gaps: &[Gap], first: usize, last: usize) -> Option<(Span, i64)> {
    /// How far off the sum may be, of a hundred: it may be wrong, and a rule is to say so.
    const TOLERANCE: i64 = 3;
    /// Figures between a sum and its parts: what it is compared with.
    const BACK: usize = 3;
    let parts = figures.get(first..=last).filter(|parts| parts.len() > 1)?;
    let before = (first.saturating_sub(BACK)..first)
        .rev()
        .take_while(|&index| !gaps[index].ends && !gaps[index].bullet)
        .find(|&index| figures[index].kind == MeasureKind::Money)?;
    let whole = &figures[before];
    let unit = whole.unit.span().unwrap_or(whole.span);
    let written = numerals::numeral_at(reader.text, whole.number.start as usize)?.value;
    let factor = whole.value.checked_div(written)?.round();
    let factor = i64::try_from(factor).ok().filter(|&factor| factor > 1)?;
    let sum = parts
        .iter()
        .try_fold(Decimal::ZERO, |sum, part| sum.checked_add(part.value))?;
    let off = (sum - written).abs().checked_mul(Decimal::ONE_HUNDRED)?;
    let near = before + 1 == first && off <= written.checked_mul(Decimal::from(TOLERANCE))?;
    let decimals = parts.iter().filter(|part| part.places > 0).count() * 2 > parts.len();
    let smaller = parts.iter().all(|part| part.value <= written);
    (near || decimals && smaller).then_some((unit, factor))
}

/// The unit that the figure before has from elsewhere, where only a comma divides the two.
fn as_the_one_before(figures: &[Figure], gaps: &[Gap], index: usize) -> Option<(Span, Option<Span>)> {
    let previous = figures.get(index.checked_sub(1)?)?;
    let gap = gaps[index - 1];
    let near = !gap.ends && !gap.bullet && !gap.semicolon && gap.depth == 0 && gap.lowest == 0 && gap.words < 9;
    match previous.unit {
        Unit::Shared(unit) if near && previous.counts() => Some((unit, previous.noun)),
        _ => None,
    }
}

/// The unit of the earlier figure that this one and the next ones without a unit add up to
/// ("36 hội nghị …, trong đó trực tiếp 29, trực tuyến 7").
fn summed(reader: &Reader<'_>, figures: &[Figure], gaps: &[Gap], index: usize) -> Option<(Span, Option<Span>)> {
    const BACK: usize = 4;
    let lacks =
        |figure: &Figure| figure.counts() && (figure.unit == Unit::None || figure.sort) && figure.total.is_none();
    let mut sum = figures[index].value;
    let mut count = 1;
    for next in index + 1..figures.len().min(index + MAX_NEIGHBOURS) {
        let gap = gaps[next - 1];
        if gap.ends || gap.depth != 0 || !lacks(&figures[next]) || !is_listed(reader, &figures[next]) {
            break;
        }
        sum = sum.checked_add(figures[next].value)?;
        count += 1;
    }
    if count < 2 || !lacks(&figures[index]) {
        return None;
    }
    for previous in (0..index).rev().take(BACK) {
        if gaps[previous].ends || gaps[previous].bullet {
            return None;
        }
        let figure = &figures[previous];
        if figure.kind == MeasureKind::Count
            && figure.value == sum
            && let Some(unit) = figure.unit.span()
        {
            return Some((unit, figure.noun));
        }
    }
    None
}

/// Whether a number ends a line or follows a colon.
fn is_line(reader: &Reader<'_>, figure: &Figure) -> bool {
    let next = reader.after(figure.number.end as usize);
    let then = reader.next(next);
    let ends = next.is_end() || matches!(next.kind, Kind::Mark(';' | '.' | ',')) && then.is_end();
    ends || reader.before(figure.lead as usize).is_mark(':')
}

/// Whether the next figure, or the one before, in the sentence is a ratio.
fn has_ratio_beside(figures: &[Figure], gaps: &[Gap], index: usize) -> bool {
    let is_near = |gap: Gap| !gap.ends && gap.words <= 5;
    let ratio = |figure: &Figure| figure.kind == MeasureKind::Ratio && !figure.open;
    let next = figures
        .get(index + 1)
        .is_some_and(|next| ratio(next) && is_near(gaps[index]));
    let before = index > 0 && ratio(&figures[index - 1]) && is_near(gaps[index - 1]);
    next || before
}

fn gap(reader: &Reader<'_>, from: usize, until: usize) -> Gap {
    let mut gap = Gap {
        depth: 0,
        lowest: 0,
        ends: from > until,
        bullet: false,
        semicolon: false,
        words: 0,
    };
    if gap.ends {
        return gap;
    }
    for (words, &token) in reader.stops(from) {
        let there = token.start() >= until;
        // Behind a number that was glued to a word other words follow, which count no more.
        if token.start() <= until {
            gap.words += words;
        }
        gap.ends |= gap.words > MAX_GAP;
        if there || gap.ends {
            break;
        }
        let following = reader.next(token);
        match token.kind {
            Kind::Mark('(') => gap.depth += 1,
            Kind::Mark(')') => {
                gap.depth -= 1;
                gap.lowest = gap.lowest.min(gap.depth);
            }
            Kind::Mark(';') => gap.semicolon = true,
            Kind::Word => gap.words += 1,
            _ if token.is_end() => {
                if matches!(following.kind, Kind::Mark('-' | '+' | '•')) || goes_on(reader, following) {
                    gap.bullet = true;
                } else if !following.is_end() {
                    gap.ends = true;
                }
            }
            _ => {}
        }
        gap.ends |=
            token.is_mark('.') && sentence_ends(reader, token.start(), token.end()) && !goes_on(reader, following);
        gap.ends |= gap.words > MAX_GAP;
        if gap.ends {
            break;
        }
    }
    gap
}

/// Whether the next sentence or line breaks down what the one before counts ("Trong đó: …").
fn goes_on(reader: &Reader<'_>, first: Token) -> bool {
    const TRONG: Key = Key::new("trong");
    const DO: Key = Key::new("đó");
    is_any(first, &[TRONG]) && is_any(reader.next(first), &[DO])
}

/// A unit further on in the same list ("Nam Trực có 25, …; Vụ Bản 3 dự án").
fn forwards(figures: &[Figure], gaps: &[Gap], index: usize, listed: bool) -> Option<(Span, Option<Span>)> {
    let mut depth = 0;
    for next in index + 1..figures.len().min(index + MAX_NEIGHBOURS) {
        let gap = gaps[next - 1];
        if gap.ends || gap.bullet && !listed || depth + gap.lowest < 0 {
            return None;
        }
        depth += gap.depth;
        let figure = &figures[next];
        if depth > 0 || figure.kind == MeasureKind::Percent || figure.sort {
            continue;
        }
        if !figure.counts() || figure.change != figures[index].change && figure.change != Change::None {
            return None;
        }
        if let Some(unit) = figure.unit.span() {
            return Some((unit, figure.noun));
        }
    }
    None
}

/// The unit of the total, or of the list's earlier members.
fn backwards(figures: &[Figure], gaps: &[Gap], index: usize, listed: bool) -> Option<(Span, Option<Span>)> {
    let mut depth = 0;
    for previous in (0..index).rev().take(MAX_NEIGHBOURS) {
        let gap = gaps[previous];
        if gap.ends || gap.bullet && !listed {
            return None;
        }
        // What stands in brackets that are closed by now is no neighbour.
        depth = (depth - gap.depth).max(gap.lowest.min(0) - gap.depth);
        let figure = &figures[previous];
        if gap.depth < 0 && gap.lowest < 0 && depth > 0 {
            continue;
        }
        if !figure.counts() || figure.sort && matches!(figure.unit, Unit::Own(_)) {
            continue;
        }
        if let Some(unit) = figure.unit.span() {
            return Some((unit, figure.noun));
        }
    }
    None
}

/// The noun that a line names before its colon, where the figures only name sorts of it ("Xếp loại
/// chi bộ: 13 tốt, 3 khá").
fn labelled(reader: &Reader<'_>, vocabulary: &Vocabulary, figure: &Figure) -> Option<(Span, Option<Span>)> {
    const LONGEST: usize = 12;
    if !figure.sort {
        return None;
    }
    let mut token = reader.before(figure.lead as usize);
    if !token.is_mark(':') {
        return None;
    }
    for _ in 0..LONGEST {
        let previous = reader.previous(token);
        if !previous.is_word() {
            break;
        }
        token = previous;
    }
    while token.end() <= figure.lead as usize && !token.is_mark(':') {
        let end = match vocabulary.units.behind.longest(reader, token) {
            Some((UnitKind::Noun, last)) => {
                let noun = token.span.join(last.span);
                return Some((noun, Some(noun)));
            }
            Some((_, last)) => last.end(),
            None => token.end(),
        };
        token = reader.after(end);
    }
    None
}

/// The unit of the figure that a footnote's mark stands behind.
fn over_footnote(layout: &Layout, figures: &[Figure], index: usize) -> Option<(Span, Option<Span>)> {
    let note = layout
        .notes
        .iter()
        .find(|note| note.body.contains(figures[index].number))?;
    let reference = note.reference?;
    let before = figures.partition_point(|figure| figure.stream == 0 && figure.span.end <= reference.start);
    let total = figures[..before]
        .iter()
        .rev()
        .take(4)
        .find(|figure| figure.counts() && figure.unit != Unit::None)?;
    Some((total.unit.span()?, total.noun))
}

/// Whether a number without a unit stands as a member of a list does: between words and a comma,
/// a semicolon, a bracket, "và".
fn is_listed(reader: &Reader<'_>, figure: &Figure) -> bool {
    static BEHIND: KeySet<17> = KeySet::new([
        "hoàn", "chưa", "không", "đang", "trực", "trong", "trước", "học", "bồi", "và", "xếp", "loại", "đạt", "đúng",
        "quá", "đã", "còn",
    ]);
    let before = reader.before(figure.lead as usize);
    let next = reader.after(figure.number.end as usize);
    // "dưới 30: 12 đồng chí" is a label.
    if next.is_mark(':') && reader.next(next).is_number() {
        return false;
    }
    let behind = next.is_end()
        || matches!(next.kind, Kind::Mark(',' | ';' | '.' | ')' | '(' | '/' | '…' | ':'))
        || BEHIND.has(next);
    let lead = before.is_word() || matches!(before.kind, Kind::Mark(':' | '/' | ',' | ';' | ')' | '(' | '-'));
    behind && lead
}

/// "giảm 17 tổng cục, 10 cục và 144 vụ": the word before the first goes for all.
fn spread_changes(reader: &Reader<'_>, figures: &mut [Figure]) {
    for index in 1..figures.len() {
        let (before, rest) = figures.split_at_mut(index);
        let (previous, figure) = (&before[index - 1], &mut rest[0]);
        if previous.change == Change::None
            || previous.stream != figure.stream
            || figure.change != Change::None
            || !matches!(figure.kind, MeasureKind::Count)
            || !matches!(previous.kind, MeasureKind::Count | MeasureKind::Score)
        {
            continue;
        }
        let joint = reader.before(figure.lead as usize);
        let joined = joint.is_mark(',') || joint.is_mark('/') || is_any(joint, &[key!("và")]);
        let gap = gap(reader, previous.span.end as usize, figure.number.start as usize);
        if joined
            && !gap.ends
            && gap.depth == 0
            && gap.lowest == 0
            && gap.words < 9
            && !has_verb(reader, previous, figure)
        {
            figure.change = previous.change;
        }
    }
}

/// Whether the words between two figures say more than what the first one counts.
fn has_verb(reader: &Reader<'_>, previous: &Figure, figure: &Figure) -> bool {
    static STOP: KeySet<8> = KeySet::new(["so", "đã", "được", "có", "với", "trong", "còn", "là"]);
    let mut behind = previous.span.end as usize;
    for token in reader.walk(behind) {
        if behind >= figure.lead as usize {
            break;
        }
        if token.is_end() || STOP.has(token) {
            return true;
        }
        behind = token.end();
    }
    false
}
