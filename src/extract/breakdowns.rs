//! Which figures are parts of which total.
//!
//! Between two figures the text may say that parts follow: a bracket opens, or "gồm", "trong đó",
//! a colon. The parts are the figures up to the end of that bracket or list; the total is the
//! nearest figure before it with the parts' unit. A footnote may break down the figure its mark
//! stands behind; a table's last row may be the sum of the others.
//!
//! What is called a full breakdown here is checked by rules, so whatever may be otherwise (parts
//! of another unit, attributes that overlap) is called partial or left out.

use rust_decimal::Decimal;

use crate::{
    document::{Document, Span},
    extract::{
        Approx, Breakdown, BreakdownManner, Change, Footnote, Layout, Measure, MeasureKind,
        measures::{Streams, tables},
    },
    shadow::{Key, KeySet, Kind, Reader, Token, key},
    vocabulary::Vocabulary,
};

/// Most figures of one list.
const MAX_PARTS: usize = 80;
/// Most figures looked at before a list for its total.
const MAX_BACK: usize = 8;

/// Finds the breakdowns among the figures.
pub fn extract(
    document: &Document,
    layout: &Layout,
    vocabulary: &Vocabulary,
    footnotes: &[Footnote],
    measures: &[Measure],
) -> Vec<Breakdown> {
    let _ = (vocabulary, footnotes);
    let reader = layout.reader(document);
    let streams = Streams::new(layout);
    // The body first, then each footnote, so that neighbours are neighbours of one text.
    let mut order: Vec<usize> = (0..measures.len()).collect();
    let streams: Vec<usize> = measures.iter().map(|measure| streams.of(measure.span.start)).collect();
    order.sort_by_key(|&index| streams[index]);
    let sorted: Vec<&Measure> = order.iter().map(|&index| &measures[index]).collect();
    let gaps: Vec<Gap> = order
        .windows(2)
        .map(|pair| {
            let [first, second] = [pair[0], pair[1]].map(|index| measures[index].span);
            let mut gap = Gap::read(&reader, first.end as usize, second.start as usize);
            if streams[pair[0]] != streams[pair[1]] {
                gap.ends = true;
                gap.bullet = false;
                gap.opener = None;
            }
            gap
        })
        .collect();
    let body = order.partition_point(|&index| streams[index] == 0);
    let finder = Finder {
        reader,
        measures: sorted,
        gaps,
        body,
    };
    let mut found = Vec::new();
    for index in 0..finder.gaps.len() {
        found.extend(finder.in_line(index));
    }
    found.extend(layout.notes.iter().filter_map(|note| finder.in_note(note)));
    for table in tables::find(document, layout) {
        finder.in_table(&table, &mut found);
    }
    for breakdown in &mut found {
        breakdown.total = order[breakdown.total];
        for part in &mut breakdown.parts {
            *part = order[*part];
        }
    }
    found.sort_by_key(|breakdown| (breakdown.total, breakdown.parts.first().copied()));
    found.dedup_by(|second, first| second.total == first.total && second.parts == first.parts);
    found
}

/// Parts of a total that is a change are changes, too ("giảm 118 đơn vị, trong đó: miền núi 47").
pub fn inherit_changes(measures: &mut [Measure], breakdowns: &[Breakdown]) {
    for breakdown in breakdowns {
        let change = measures[breakdown.total].change;
        for &part in &breakdown.parts {
            if measures[part].change == Change::None {
                measures[part].change = change;
            }
        }
    }
}

/// What says that parts follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opener {
    Bracket,
    /// gồm, bao gồm, chia ra.
    Full,
    /// trong đó.
    Among,
    Colon,
}

/// What stands between two figures.
#[derive(Clone, Copy, Debug)]
struct Gap {
    /// What opens a list, where the figure behind the gap is its first part.
    opener: Option<Opener>,
    depth: i32,
    lowest: i32,
    semicolon: bool,
    comma: bool,
    /// A sentence or paragraph ends, and no list is opened right behind.
    ends: bool,
    /// A line break, behind which a line with a bullet begins.
    bullet: bool,
    ellipsis: bool,
    /// Words that compare ("cùng kỳ", "kế hoạch") rather than break down.
    compares: bool,
    /// Words of attributes that overlap with others ("nữ", "đảng viên").
    overlaps: bool,
    /// Whether the list before ends here ("riêng …").
    leaves: bool,
}

/// The words between figures that [`Gap::word`] asks for.
pub(crate) static GAP_WORDS: KeySet<18> = KeySet::new([
    "trong", "gồm", "chia", "cụ", "cùng", "kế", "so", "dự", "chỉ", "năm", "kỳ", "trước", "đảng", "dân", "phụ", "nữ",
    "riêng", "phân",
]);

impl Gap {
    fn read(reader: &Reader<'_>, from: usize, until: usize) -> Self {
        let mut gap = Self {
            opener: None,
            depth: 0,
            lowest: 0,
            semicolon: false,
            comma: false,
            ends: from > until,
            bullet: false,
            ellipsis: false,
            compares: false,
            overlaps: false,
            leaves: false,
        };
        let mut words = 0;
        for (plain, token) in reader.stops(from) {
            if token.start() >= until {
                break;
            }
            words += plain;
            if token.is_mark(',') {
                gap.comma = true;
                continue;
            }
            match token.kind {
                Kind::Mark('(') => {
                    gap.depth += 1;
                    gap.open(Opener::Bracket, words);
                }
                Kind::Mark(')') => {
                    gap.depth -= 1;
                    gap.lowest = gap.lowest.min(gap.depth);
                    if gap.depth <= 0 {
                        gap.opener = None;
                    }
                }
                Kind::Mark(';') => {
                    gap.semicolon = true;
                    gap.opener = None;
                }
                Kind::Mark(':') => gap.open(Opener::Colon, words),
                Kind::Mark('…') => gap.ellipsis = true,
                Kind::Mark('.') => gap.full_stop(reader, *token, &mut words),
                Kind::Break | Kind::End => gap.line_end(reader, *token, &mut words),
                Kind::Word => {
                    if GAP_WORDS.has(*token) {
                        gap.word(token.key, reader.next(*token).key, words);
                    }
                    words += 1;
                }
                _ => {}
            }
        }
        gap
    }

    fn full_stop(&mut self, reader: &Reader<'_>, token: Token, words: &mut usize) {
        let next = reader.next(token);
        if next.is_mark('.') && !next.spaced {
            self.ellipsis = true;
        } else if next.spaced || next.is_end() {
            self.ends = true;
            self.opener = None;
            *words = 0;
        }
    }

    fn line_end(&mut self, reader: &Reader<'_>, token: Token, words: &mut usize) {
        let next = reader.next(token);
        if matches!(next.kind, Kind::Break) {
            return;
        }
        let colon = reader.previous(token).is_mark(':');
        let bullet = matches!(next.kind, Kind::Mark('-' | '+' | '•'));
        self.bullet = bullet && (!self.ends || self.bullet || *words == 0);
        if !(colon && bullet) {
            self.ends = true;
            self.opener = None;
        }
        *words = 0;
    }

    /// Opens a list, unless a sentence has ended and words of the next one stand before.
    fn open(&mut self, opener: Opener, words: usize) {
        if self.ends && (words > 0 || matches!(opener, Opener::Bracket | Opener::Colon)) {
            return;
        }
        let stronger = self.opener.is_none() || matches!(opener, Opener::Full | Opener::Among);
        if stronger {
            self.opener = Some(opener);
            if opener == Opener::Among {
                self.ends = false;
            }
        }
    }

    /// Takes one of [`GAP_WORDS`], most of which say something only with the word behind.
    fn word(&mut self, word: Key, next: Key, words: usize) {
        if let Some(opener) = opener(word, next) {
            if opener == Opener::Among {
                self.semicolon = false;
            }
            self.open(opener, words);
        }
        self.compares |= compares(word, next);
        self.overlaps |= overlaps(word, next);
        self.leaves |= word == key!("riêng");
    }
}

/// What two words open, if anything. "Phân bố: thôn Thượng 61, thôn Hạ 52 …" often is a sentence of its own.
fn opener(word: Key, next: Key) -> Option<Opener> {
    const TRONG: Key = Key::new("trong");
    const PHAN: Key = Key::new("phân");
    const GOM: Key = Key::new("gồm");
    const CHIA: Key = Key::new("chia");
    const CU: Key = Key::new("cụ");
    let (behind, opener) = match word {
        TRONG => (key!("đó"), Opener::Among),
        PHAN => (key!("bố"), Opener::Among),
        CHIA => (key!("ra"), Opener::Full),
        CU => (key!("thể"), Opener::Colon),
        GOM => return Some(Opener::Full),
        _ => return None,
    };
    (next == behind).then_some(opener)
}

/// Whether two words compare: "cùng kỳ", "kế hoạch".
fn compares(word: Key, next: Key) -> bool {
    const CUNG: Key = Key::new("cùng");
    const KE: Key = Key::new("kế");
    const SO: Key = Key::new("so");
    const DU: Key = Key::new("dự");
    const CHI: Key = Key::new("chỉ");
    const NAM: Key = Key::new("năm");
    const KY: Key = Key::new("kỳ");
    const TRUOC: Key = Key::new("trước");
    next == match word {
        CUNG => KY,
        KE => key!("hoạch"),
        SO => key!("với"),
        DU => key!("toán"),
        CHI => key!("tiêu"),
        NAM | KY => TRUOC,
        TRUOC => key!("đó"),
        _ => return false,
    }
}

/// Whether two words name an attribute that overlaps with others: "nữ", "đảng viên".
fn overlaps(word: Key, next: Key) -> bool {
    const DANG: Key = Key::new("đảng");
    const DAN: Key = Key::new("dân");
    const PHU: Key = Key::new("phụ");
    const NU: Key = Key::new("nữ");
    match word {
        NU => true,
        DANG => next == key!("viên"),
        DAN => next == key!("tộc"),
        PHU => next == NU,
        _ => false,
    }
}

struct Finder<'t> {
    reader: Reader<'t>,
    /// The figures of the body, then those of each footnote.
    measures: Vec<&'t Measure>,
    gaps: Vec<Gap>,
    /// The number of figures of the body.
    body: usize,
}

/// The figures of a list.
struct Parts {
    indexes: Vec<usize>,
    partial: bool,
}

impl Finder<'_> {
    /// The breakdown that is opened between a figure and the next one.
    fn in_line(&self, index: usize) -> Option<Breakdown> {
        let gap = self.gaps[index];
        let opener = gap.opener?;
        if opener == Opener::Bracket && gap.compares {
            return None;
        }
        let parts = self.parts(index + 1, opener == Opener::Bracket || gap.depth > 0, gap);
        let first = self.measures[*parts.indexes.first()?];
        // "68 tỷ, tăng 27 tỷ so với 41 tỷ, gồm …": the figure that the parts make is their total, however near others stand.
        let total = self.fitting(index, &parts).or_else(|| self.total(index, first))?;
        self.judge(total, parts, opener)
    }

    /// The figures of the list that begins with `first`.
    fn parts(&self, first: usize, bracket: bool, gap: Gap) -> Parts {
        let mut parts = Parts {
            indexes: Vec::new(),
            partial: gap.overlaps,
        };
        let kind = class(self.measures[first].kind);
        let by_line = gap.bullet;
        let mut depth = 0;
        // Whether semicolons divide the parts; known at the first one.
        let mut by_semicolon = false;
        let mut commas = false;
        let end = self.measures.len().min(first + MAX_PARTS);
        for index in first..end {
            let measure = &self.measures[index];
            if index > first {
                let gap = self.gaps[index - 1];
                if by_line {
                    if gap.ends && !gap.bullet {
                        break;
                    }
                    // One part a line; the other figures of the line are not parts.
                    if gap.bullet && class(self.measures[index].kind) == kind {
                        parts.indexes.push(index);
                    }
                    continue;
                }
                if depth + gap.lowest < 0 || gap.ends || gap.leaves && depth == 0 {
                    break;
                }
                parts.partial |= gap.ellipsis;
                let same_line_list = !gap.semicolon || depth > 0;
                depth += gap.depth;
                if depth == 0 && matches!(gap.opener, Some(Opener::Among | Opener::Full)) {
                    // What follows breaks down the last part, or the whole in another way.
                    break;
                }
                if !same_line_list && !bracket {
                    let listed = by_semicolon || parts.indexes.len() <= 1 || !commas || self.is_bare(index);
                    if !listed {
                        break;
                    }
                    by_semicolon = true;
                }
                commas |= gap.comma && depth == 0;
                parts.partial |= depth == 0 && gap.overlaps;
            }
            let plain = depth == 0 && class(measure.kind) == kind && kind.is_some();
            if plain && (measure.change == Change::None || measure.change == self.measures[first].change) {
                parts.indexes.push(index);
            }
        }
        if let Some(&last) = parts.indexes.last() {
            parts.partial |= self.trails_off(self.measures[last].span.end as usize);
        }
        parts
    }

    /// Whether a figure is a number alone, as in a list that gives its unit once.
    fn is_bare(&self, index: usize) -> bool {
        matches!(self.measures[index].unit, super::Unit::Shared(_) | super::Unit::None)
    }

    /// Whether the sentence or bracket that a list stands in ends in "…" or "v.v.".
    fn trails_off(&self, from: usize) -> bool {
        const VV: [Key; 2] = [Key::new("v"), Key::new("vv")];
        let mut depth = 0;
        for token in self.reader.walk(from).take(120) {
            match token.kind {
                Kind::Mark('…') => return true,
                Kind::Mark('.') => {
                    let next = self.reader.next(token);
                    if next.is_mark('.') {
                        return true;
                    }
                    if next.spaced || next.is_end() {
                        return false;
                    }
                }
                Kind::Mark('(') => depth += 1,
                Kind::Mark(')') if depth == 0 => return false,
                Kind::Mark(')') => depth -= 1,
                Kind::Break | Kind::End => return false,
                Kind::Word if VV.contains(&token.key) => return true,
                _ => {}
            }
        }
        false
    }

    /// The total of a list whose first part is given: the nearest figure with its unit, else the
    /// nearest one that counts.
    fn total(&self, last: usize, first: &Measure) -> Option<usize> {
        let mut nearest = None;
        // A bracket that is closed before the list opens holds no total.
        let mut depth = self.gaps.get(last).map_or(0, |gap| -gap.lowest);
        let lowest = last.saturating_sub(MAX_BACK);
        for index in (lowest..=last).rev() {
            if index < last {
                let gap = self.gaps[index];
                if gap.ends {
                    break;
                }
                depth -= gap.depth;
                depth = depth.max(0);
            }
            let measure = &self.measures[index];
            if depth > 0 || class(measure.kind) != class(first.kind) {
                continue;
            }
            // "187 ca, tăng 41 ca. Phân bố: Duy Xá 61, …": the parts are not those of the rise.
            let too_small =
                measure.change != Change::None && first.change == Change::None && measure.value < first.value;
            if self.same_unit(measure, first) && !too_small {
                return Some(index);
            }
            nearest = nearest.or(Some(index));
        }
        nearest
    }

    /// The figure of this sentence, from `last` backwards, that the parts add up to exactly.
    fn fitting(&self, last: usize, parts: &Parts) -> Option<usize> {
        let lowest = last.saturating_sub(MAX_BACK);
        let first = self.measures[*parts.indexes.first()?];
        for index in (lowest..=last).rev() {
            if index < last && self.gaps[index].ends {
                return None;
            }
            let measure = self.measures[index];
            if self.same_unit(measure, first) && self.fits(measure, &parts.indexes) == Some(parts.indexes.len()) {
                return Some(index);
            }
        }
        None
    }

    fn same_unit(&self, one: &Measure, other: &Measure) -> bool {
        if matches!(one.kind, MeasureKind::Money | MeasureKind::Area) {
            return one.kind == other.kind;
        }
        match (one.unit.span(), other.unit.span()) {
            (Some(one), Some(other)) => one == other || self.same_words(one, other),
            _ => false,
        }
    }

    fn same_words(&self, one: Span, other: Span) -> bool {
        let (mut first, mut second) = (
            self.reader.after(one.start as usize),
            self.reader.after(other.start as usize),
        );
        loop {
            let (more, also) = (first.start() < one.end as usize, second.start() < other.end as usize);
            if !more || !also {
                return more == also;
            }
            if first.kind != second.kind || first.key != second.key {
                return false;
            }
            (first, second) = (self.reader.next(first), self.reader.next(second));
        }
    }

    /// How the parts make the total, if they do.
    fn judge(&self, total: usize, parts: Parts, opener: Opener) -> Option<Breakdown> {
        let whole = &self.measures[total];
        let all = parts.indexes;
        let same: Vec<usize> = all
            .iter()
            .copied()
            .filter(|&part| self.same_unit(whole, self.measures[part]))
            .collect();
        let own_unit = all.first().is_some_and(|first| same.first() == Some(first));
        let members = if own_unit { &same } else { &all };
        for list in [members, &all] {
            if let Some(count) = self.fits(whole, list) {
                return Some(Breakdown {
                    total,
                    parts: list[..count].to_vec(),
                    manner: if opener == Opener::Among {
                        BreakdownManner::Among
                    } else {
                        BreakdownManner::Full
                    },
                });
            }
        }
        let too_large = members.iter().any(|&part| self.measures[part].value > whole.value);
        let sum: Decimal = members.iter().map(|&part| self.measures[part].value).sum();
        let near =
            |percent: i64| (sum - whole.value).abs() * Decimal::ONE_HUNDRED <= whole.value * Decimal::from(percent);
        if too_large || members.is_empty() {
            return None;
        }
        let partial =
            members.len() < 2 || parts.partial || whole.approx != Approx::Exact || self.leaves_a_rest(members);
        if partial && !own_unit {
            return None;
        }
        let manner = if partial {
            BreakdownManner::Partial
        } else if own_unit {
            match opener {
                // "gieo trồng 5.678 ha (lúa 3.456 ha, ngô 1.200 ha)" names the chief crops.
                Opener::Bracket if whole.kind != MeasureKind::Count && !near(15) => BreakdownManner::Partial,
                Opener::Bracket | Opener::Full => BreakdownManner::Full,
                Opener::Among => BreakdownManner::Among,
                Opener::Colon if near(25) => BreakdownManner::Full,
                Opener::Colon => BreakdownManner::Among,
            }
        } else if near(15) && (opener == Opener::Full || opener == Opener::Colon && self.uniform(members)) {
            BreakdownManner::Full
        } else if opener == Opener::Bracket && near(10) {
            BreakdownManner::Among
        } else {
            return None;
        };
        Some(Breakdown {
            total,
            parts: members.clone(),
            manner,
        })
    }

    /// Whether behind the last part, in its clause, the text speaks of the rest, whose number may stand
    /// elsewhere or in another form ("04 sản phẩm 5 sao, 87 sản phẩm 4 sao, còn lại 295 là 3 sao").
    fn leaves_a_rest(&self, parts: &[usize]) -> bool {
        const MOST: usize = 16;
        let Some(&last) = parts.last() else { return false };
        let mut token = self.reader.after(self.measures[last].span.end as usize);
        for _ in 0..MOST {
            let next = self.reader.next(token);
            if token.is_end() || matches!(token.kind, Kind::Mark(')' | ';')) || token.is_mark('.') && next.spaced {
                return false;
            }
            if [token.key, next.key] == [key!("còn"), key!("lại")] {
                return true;
            }
            token = next;
        }
        false
    }

    /// Whether all parts have one unit.
    fn uniform(&self, parts: &[usize]) -> bool {
        parts
            .windows(2)
            .all(|pair| self.same_unit(self.measures[pair[0]], self.measures[pair[1]]))
    }

    /// How many of the parts, two at least, add up to the total.
    fn fits(&self, total: &Measure, parts: &[usize]) -> Option<usize> {
        let mut sum = Decimal::ZERO;
        for (index, &part) in parts.iter().enumerate() {
            sum += self.measures[part].value;
            if index > 0 && sum == total.value {
                return Some(index + 1);
            }
        }
        None
    }

    /// The breakdown that a footnote gives of the figure its mark stands behind.
    fn in_note(&self, note: &super::layout::Note) -> Option<Breakdown> {
        let reference = note.reference?;
        let notes = &self.measures[self.body..];
        let first = self.body + notes.partition_point(|measure| measure.span.start < note.body.start);
        let part = self.measures.get(first).filter(|part| part.span.end <= note.body.end)?;
        let opener = self.note_opener(note.body)?;
        let before = self.measures[..self.body].partition_point(|measure| measure.span.end <= reference.start);
        let total = self.total(before.checked_sub(1)?, part)?;
        if !self.near_mark(total, reference) || first <= total && total < first + MAX_PARTS {
            return None;
        }
        let mut parts = self.parts(first, false, Gap::read(&self.reader, 0, 0));
        parts
            .indexes
            .retain(|&index| self.measures[index].span.end <= note.body.end);
        let plain = opener == Opener::Colon;
        let found = self.judge(total, parts, if plain { Opener::Among } else { opener })?;
        let exact = self.fits(self.measures[found.total], &found.parts).is_some();
        (exact || !plain || found.parts.len() > 2).then_some(found)
    }

    /// How a footnote begins: "Trong đó", "gồm"; a plain list counts as a colon. None where it
    /// says other things before its first figure.
    fn note_opener(&self, body: Span) -> Option<Opener> {
        for (position, token) in self.reader.walk(body.start as usize).take(8).enumerate() {
            let next = self.reader.next(token);
            if token.is_number() {
                return Some(Opener::Colon);
            }
            if token.is_end() || token.start() >= body.end as usize {
                return None;
            }
            if position < 3 && token.key == key!("trong") && next.key == key!("đó") {
                return Some(Opener::Among);
            }
            if token.is_word() && token.key == key!("gồm") {
                return Some(Opener::Full);
            }
        }
        None
    }

    /// Whether a footnote's mark stands in the sentence of the figure, not far behind it.
    fn near_mark(&self, total: usize, reference: Span) -> bool {
        let mut at = self.measures[total].span.end as usize;
        let mut words = 0;
        while at < reference.start as usize {
            let token = self.reader.after(at);
            words += 1;
            if token.is_end() || words > 60 {
                return false;
            }
            at = token.end();
            let next = self.reader.after(at);
            if token.is_mark('.') && next.spaced && next.is_capitalised() && next.start() < reference.start as usize {
                return false;
            }
        }
        true
    }

    /// The breakdowns of a table's columns, where one row is the sum of the others.
    fn in_table(&self, table: &tables::Table, found: &mut Vec<Breakdown>) {
        let rows = &table.rows[table.headings..];
        let mut totals = rows
            .iter()
            .enumerate()
            .filter(|(_, row)| table.is_total(&self.reader, row));
        let (Some((total_row, totals_cells)), None) = (totals.next(), totals.next()) else {
            return;
        };
        if total_row != 0 && total_row + 1 != rows.len() {
            return;
        }
        let outermost = rows
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != total_row)
            .map(|(_, row)| level(self.reader.text, row[0], table.numbered))
            .min()
            .unwrap_or_default();
        for (column, cell) in totals_cells.iter().enumerate().skip(usize::from(table.numbered)) {
            let Some(total) = self.at(*cell) else { continue };
            let kind = class(self.measures[total].kind);
            let parts: Vec<usize> = rows
                .iter()
                .enumerate()
                .filter(|(index, row)| {
                    *index != total_row && level(self.reader.text, row[0], table.numbered) == outermost
                })
                .filter_map(|(_, row)| self.at(row[column]))
                .filter(|&part| class(self.measures[part].kind) == kind)
                .collect();
            if kind.is_some() && parts.len() > 1 && self.same_unit_or_none(total, &parts) {
                found.push(Breakdown {
                    total,
                    parts,
                    manner: BreakdownManner::Full,
                });
            }
        }
    }

    /// Whether the parts have the total's unit, or none of them has one.
    fn same_unit_or_none(&self, total: usize, parts: &[usize]) -> bool {
        let whole = &self.measures[total];
        parts.iter().all(|&part| {
            let part = &self.measures[part];
            self.same_unit(whole, part) || whole.unit.span().is_none() && part.unit.span().is_none()
        })
    }

    /// The figure at the start of a cell.
    fn at(&self, cell: Span) -> Option<usize> {
        if cell.is_empty() {
            return None;
        }
        let index = self.measures.partition_point(|measure| measure.span.start < cell.start);
        (self.measures.get(index)?.span.start == cell.start).then_some(index)
    }
}

/// The kinds that add up, each with its own kind.
fn class(kind: MeasureKind) -> Option<MeasureKind> {
    match kind {
        MeasureKind::Count | MeasureKind::Ratio => Some(MeasureKind::Count),
        MeasureKind::Money | MeasureKind::Area => Some(kind),
        _ => None,
    }
}

/// The level of a row after its number: A or II, then 1, then 1.1, then none.
fn level(text: &str, cell: Span, numbered: bool) -> u8 {
    let label = cell.of(text).trim_matches(|c: char| !c.is_alphanumeric());
    if !numbered {
        return 0;
    }
    match label.chars().next() {
        None => 9,
        Some(c) if c.is_uppercase() => 0,
        Some(c) if c.is_ascii_digit() => 1 + label.matches('.').count().min(6) as u8,
        Some(_) => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::measures;

    /// The breakdowns of a text: total, manner, parts.
    fn breakdowns(text: &str) -> Vec<String> {
        let document = Document::plain(format!("BÁO CÁO\nKết quả\n\n{text}\n"));
        let layout = Layout::of(&document);
        let vocabulary = Vocabulary::embedded();
        let measures = measures::extract(&document, &layout, vocabulary, &[], &[]);
        let value = |index: usize| measures[index].value.to_string();
        extract(&document, &layout, vocabulary, &[], &measures)
            .iter()
            .map(|breakdown| {
                let parts: Vec<String> = breakdown.parts.iter().map(|&part| value(part)).collect();
                format!("{} {:?} {}", value(breakdown.total), breakdown.manner, parts.join("+"))
            })
            .collect()
    }

    #[test]
    fn how_a_text_presents_parts() {
        for (text, expected) in [
            (
                "Ban hành 55 văn bản (33 nghị quyết, 22 quyết định).",
                vec!["55 Full 33+22"],
            ),
            (
                "Tiếp nhận 120 hồ sơ, gồm: cấp tỉnh 50 hồ sơ, cấp xã 60 hồ sơ; 12 đơn thư.",
                vec!["120 Full 50+60"],
            ),
            (
                "Phát hiện 65 vụ việc, trong đó đất đai 28 vụ việc, xây dựng 19 vụ việc.",
                vec!["65 Among 28+19"],
            ),
            (
                "Có 72 dự án. Trong đó, có 10 dự án mới và 18 dự án cũ; 7 dự án khác...",
                vec!["72 Partial 10+18+7"],
            ),
            (
                "Ghi nhận 187 ca, tăng 41 ca so với tháng 9. Phân bố: Đông Xá 81 ca, Tây Hồng 66 ca, Nam Phú 40 ca.",
                vec!["187 Among 81+66+40"],
            ),
            (
                "Có 386 sản phẩm (04 sản phẩm năm sao, 87 sản phẩm bốn sao, còn lại là ba sao).",
                vec!["386 Partial 4+87"],
            ),
            ("Có 27 cán bộ, trong đó nữ 09 cán bộ.", vec!["27 Partial 9"]),
            ("Tiếp 2.046 lượt công dân, trong đó có 17 đoàn đông người.", vec![]),
            (
                "Mở 62 lớp cho 4.875 lượt học viên, cụ thể: tin học 24 lớp, ngoại ngữ 38 lớp.",
                vec!["62 Full 24+38"],
            ),
            (
                "Đánh giá 15 chi bộ: 03 chi bộ xuất sắc, 10 chi bộ tốt, 01 chi bộ yếu.",
                vec!["15 Full 3+10+1"],
            ),
            ("Thu 36,8 tỷ đồng (cùng kỳ 32,2 tỷ đồng, kế hoạch 40 tỷ đồng).", vec![]),
            ("Giao 15 huyện (102 xã, 43 phường).", vec![]),
            (
                "Giảm 497/602 biên chế, trong đó hành chính giảm 189/284 (đạt 66,5%), sự nghiệp giảm 308/318.",
                vec!["497 Among 189+308"],
            ),
            (
                "Nhận 90 hồ sơ, gồm: tỉnh 50 hồ sơ (trực tuyến 40, trực tiếp 10); xã 40 hồ sơ.",
                vec!["90 Full 50+40", "50 Full 40+10"],
            ),
            (
                "Đơn: 25 đơn, gồm:\n- Khiếu nại: 20 đơn, đạt 80%;\n- Tố cáo: 6 đơn.",
                vec!["25 Full 20+6"],
            ),
            (
                "Làm đường hết 1,3 tỷ, gồm: Nhà nước hỗ trợ 800 triệu, Nhân dân góp 350 triệu, doanh nghiệp 60 triệu.",
                vec!["1300000000 Full 800000000+350000000+60000000"],
            ),
            (
                "Xử lý ba vụ việc, gồm: khiếu nại 01 vụ việc, tố cáo 02 vụ việc.",
                vec!["3 Full 1+2"],
            ),
            (
                "Gieo trồng 5.678 ha (lúa 3.456 ha, ngô 1.200 ha).",
                vec!["5678 Partial 3456+1200"],
            ),
            (
                "Tổng số đơn: 45. Trong đó: khiếu nại 12, tố cáo 3, kiến nghị 30.",
                vec!["45 Among 12+3+30"],
            ),
            (
                "Có 20 người (nữ 12 người, đảng viên 15 người).",
                vec!["20 Partial 12+15"],
            ),
        ] {
            assert_eq!(breakdowns(text), expected, "{text}");
        }
    }

    #[test]
    fn the_last_row_of_a_table_may_be_the_sum() {
        let text = "TT | Lĩnh vực | Hồ sơ (hồ sơ) | Tỷ lệ (%)\n1 | Đất đai | 30 | 50\n2 | Nước | 12 | 60\n| Tổng cộng | 43 | 55";
        assert_eq!(breakdowns(text), ["43 Full 30+12"]);
    }
}
