//! Reads one figure: the number, or numbers joined by '/', then the unit behind it.

use std::cell::Cell;

use rust_decimal::Decimal;

use crate::{
    document::Span,
    extract::{
        Approx, Change, MeasureKind, Unit,
        numerals::{self, NUMBER_WORDS, Numeral, first_digit},
    },
    shadow::{Case, Key, KeySet, Kind, Reader, Token, key},
    vocabulary::{Vocabulary, units::UnitKind},
};

use super::{
    Figure, Skips,
    context::{self, Role},
    is_any,
    tables::UnitFound,
};

const NAM: Key = key!("năm");
const THANG: Key = key!("tháng");
const GIO: Key = key!("giờ");
const NGAY: Key = key!("ngày");
const DONG: Key = key!("đồng");
const THU: Key = key!("thứ");
const DIEM: Key = key!("điểm");
const PHAN: Key = key!("phần");
const TRAM: Key = key!("trăm");

/// Finds the figures of one stretch of text.
pub(super) struct Scanner<'t, 'v> {
    reader: Reader<'t>,
    vocabulary: &'v Vocabulary,
    skips: &'v Skips,
    region: Span,
    /// The end of the last number that was a name ("mức độ 3").
    name_end: Cell<usize>,
}

/// What stands behind a number.
#[derive(Clone, Copy, Debug)]
struct Behind {
    unit: Unit,
    kind: MeasureKind,
    /// What the number is multiplied by.
    factor: i64,
    noun: Option<Span>,
    end: usize,
    /// Whether the table knows the unit.
    known: bool,
    /// Whether the number is no figure at all.
    never: bool,
    /// Whether the unit only says of which sort the things are.
    sort: bool,
}

impl Behind {
    fn none(end: usize) -> Self {
        Self {
            unit: Unit::None,
            kind: MeasureKind::Count,
            factor: 1,
            noun: None,
            end,
            known: false,
            never: false,
            sort: false,
        }
    }
}

/// How numbers are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Join {
    Slash,
    Dash,
}

/// Most numbers joined in one chain ("63/18/133 đơn").
const MAX_CHAIN: usize = 6;

/// Numbers joined by '/' or '-'.
struct Chain {
    numbers: [Option<Numeral>; MAX_CHAIN],
    count: usize,
    join: Join,
    end: usize,
    /// Whether letters are glued on, as in a symbol or a road's name.
    code: bool,
}

impl Chain {
    fn get(&self, index: usize) -> Option<Numeral> {
        self.numbers.get(index).copied().flatten()
    }

    /// Whether the numbers are a date or a stretch of years.
    fn is_calendar(&self) -> bool {
        let (Some(first), Some(second)) = (self.get(0), self.get(1)) else {
            return false;
        };
        match self.get(2) {
            Some(third) if self.count == 3 => {
                is_day(first)
                    && is_month(second)
                    && (third.looks_like_year() || third.span.len() == 2 && self.join == Join::Dash)
            }
            Some(_) => false,
            None => second.looks_like_year() && (first.looks_like_year() || is_month(first)),
        }
    }

    /// Whether two numbers may be a day and a month.
    fn may_be_day(&self) -> bool {
        self.count == 2 && self.get(0).is_some_and(is_day) && self.get(1).is_some_and(is_month)
    }
}

fn is_day(number: Numeral) -> bool {
    number.small().is_some_and(|value| (1..=31).contains(&value))
}

fn is_month(number: Numeral) -> bool {
    number.small().is_some_and(|value| (1..=12).contains(&value))
}

impl<'t, 'v> Scanner<'t, 'v> {
    pub(super) fn new(reader: Reader<'t>, vocabulary: &'v Vocabulary, skips: &'v Skips, region: Span) -> Self {
        Self {
            reader,
            vocabulary,
            skips,
            region,
            name_end: Cell::new(usize::MAX),
        }
    }

    /// The reader of the text.
    pub(super) fn reader(&self) -> Reader<'t> {
        self.reader
    }

    /// Finds the figures, in order.
    pub(super) fn scan(&self, figures: &mut Vec<Figure>) {
        let bytes = self.reader.text.as_bytes();
        let region = self.region.start as usize..(self.region.end as usize).min(bytes.len());
        // Where to go on, and whether that is behind something read.
        let (mut from, mut read) = (region.start, false);
        for token in self.reader.leads_in(self.region) {
            let digits = token.is_number() || token.has_digits();
            if !(digits || NUMBER_WORDS.has(*token)) {
                continue;
            }
            let start = token.start();
            if !digits && (start > from || start == from && !read) {
                let apart = start == region.start || is_apart(bytes[start - 1]);
                if apart && let Some(end) = self.word(*token, figures) {
                    (from, read) = (end, true);
                }
            }
            let end = token.end().min(region.end);
            while start.max(from) < end
                && let Some(digit) = first_digit(bytes, *token, start.max(from)..end)
            {
                from = match self.skips.end_of(digit) {
                    Some(end) => end,
                    None => self.resume(digit, self.digits(digit, figures)),
                };
                read = true;
            }
        }
    }

    /// Where to go on behind a figure: at once behind its number where a line break, and a
    /// footnote perhaps, stands before the unit.
    fn resume(&self, start: usize, end: usize) -> usize {
        let end = end.max(start + 1);
        match self.reader.text[start..end].find('\n') {
            Some(newline) => start + newline.max(1),
            None => end,
        }
    }

    /// Reads the figure in words that begins with this one; where to go on behind it.
    fn word(&self, first: Token, figures: &mut Vec<Figure>) -> Option<usize> {
        let start = first.start();
        if !matches!(first.case, Case::Lower | Case::Title) {
            return None;
        }
        let number = numerals::number_word(&self.reader, first)?;
        if self.skips.end_of(start).is_some() {
            return None;
        }
        let behind = self.behind(number.span.end as usize, MeasureKind::Count);
        let before = self.reader.before(start);
        if behind.factor > 1
            && let Some(end) = self.sum_in_words(before)
        {
            return Some(end);
        }
        if !self.counts_in_words(first, &behind) {
            return None;
        }
        let time = behind.kind == MeasureKind::Duration
            && (self.is_time(number, before, &behind) || self.is_calendar(number, before, &behind));
        if time {
            return None;
        }
        let mut figure = self.figure(number, None, number.span, &behind, floor(figures));
        if behind.kind == MeasureKind::Duration && figure.value < Decimal::from(2) {
            return None;
        }
        if is_any(
            before,
            &[
                key!("lần"),
                key!("thứ"),
                key!("khóa"),
                key!("hàng"),
                key!("mấy"),
                key!("vài"),
                key!("cả"),
                key!("chương"),
                key!("phần"),
                key!("tháng"),
                key!("quý"),
                key!("ngày"),
                key!("bước"),
                key!("hạng"),
                key!("loại"),
            ],
        ) {
            return None;
        }
        figure.open = false;
        let end = figure.span.end as usize;
        figures.push(figure);
        Some(end)
    }

    /// The end of a sum of money said again in words, in a bracket or behind "Bằng chữ:".
    fn sum_in_words(&self, before: Token) -> Option<usize> {
        const MOST: usize = 40;
        let bracket = before.is_mark('(');
        let label = before.is_mark(':') && is_any(self.reader.previous(before), &[key!("chữ")]);
        if !bracket && !label {
            return None;
        }
        let mut token = self.reader.next(before);
        for _ in 0..MOST {
            let ends = token.is_end() || matches!(token.kind, Kind::Mark(')' | '(' | '.' | ';'));
            if ends || token.is_number() {
                return (token.is_mark(')') || label && !token.is_number()).then(|| token.start());
            }
            token = self.reader.next(token);
        }
        None
    }

    /// Whether a number in words counts something reported.
    fn counts_in_words(&self, first: Token, behind: &Behind) -> bool {
        static NOT: KeySet<12> = KeySet::new([
            "công", "điều", "nước", "loại", "mặt", "khâu", "vấn", "con", "vùng", "khối", "bà", "phần",
        ]);
        let Some(unit) = behind.unit.span() else {
            return false;
        };
        let next = self.reader.after(unit.start as usize);
        let name = first.case == Case::Title && !self.begins_sentence(first.start());
        let part = next.key == PHAN && next.end() < unit.end as usize;
        behind.known
            && !behind.never
            && !name
            && next.case == Case::Lower
            && (!NOT.has(next) || part)
            && !self.are_partners(first, unit)
    }

    /// "hai cơ quan phối hợp": the two bodies that report together are named, not counted.
    fn are_partners(&self, first: Token, unit: Span) -> bool {
        const HAI: Key = key!("hai");
        static COUNTED: KeySet<9> = KeySet::new(["có", "còn", "thêm", "tại", "ở", "giảm", "tăng", "đạt", "được"]);
        const OFFICE: (Key, Key) = (key!("cơ"), key!("quan"));
        const BRANCH: Key = key!("ngành");
        const MINISTRY: Key = key!("bộ");
        let word = self.reader.after(unit.start as usize);
        let second = self.reader.next(word);
        let alone = word.end() == unit.end as usize;
        let body = if alone && word.key == MINISTRY {
            // "hai bộ máy tính"
            let found = self.vocabulary.units.behind.longest(&self.reader, second);
            found.is_none_or(|(kind, _)| *kind != UnitKind::Noun)
        } else {
            alone && word.key == BRANCH || (word.key, second.key) == OFFICE && second.end() == unit.end as usize
        };
        body && first.key == HAI && !COUNTED.has(self.reader.previous(first))
    }

    fn begins_sentence(&self, start: usize) -> bool {
        let before = self.reader.before(start);
        before.is_end() || matches!(before.kind, Kind::Mark('.' | ':' | '-' | '+' | '!'))
    }

    /// Reads the figure at a digit; where to go on behind it.
    fn digits(&self, start: usize, figures: &mut Vec<Figure>) -> usize {
        let text = self.reader.text;
        let run_end = numerals::run_end(text.as_bytes(), start);
        if self.is_glued(start, figures) {
            return self.code_end(run_end);
        }
        let Some(first) = numerals::numeral_at(text, start) else {
            return run_end;
        };
        let chain = self.chain(first);
        if chain.code {
            return self.code_end(chain.end);
        }
        if chain.is_calendar() {
            return chain.end;
        }
        if chain.count == 1 {
            return self.single(first, figures).unwrap_or(chain.end);
        }
        match chain.join {
            Join::Slash if chain.count == 2 => self.ratio(&chain, figures).unwrap_or(chain.end),
            _ => self.list(&chain, figures).unwrap_or(chain.end),
        }
    }

    /// Whether the number is part of a word, a symbol, a mark or a quoted name.
    fn is_glued(&self, start: usize, figures: &[Figure]) -> bool {
        let text = &self.reader.text[..start];
        let mut back = text.chars().rev();
        let Some(previous) = back.next() else {
            return false;
        };
        let second = back.next().unwrap_or(' ');
        match previous {
            // A space left out behind a mark ("11 thôn,1.286 hộ", "Đơn thư:12").
            ',' => second.is_ascii_digit(),
            ':' if second.is_alphabetic() => {
                let before = self.reader.before(start - 1);
                context::role(&self.reader, self.vocabulary, before) != Role::Plain
            }
            '.' if second.is_alphabetic() => {
                let word = self.reader.before(start - 1);
                let end = numerals::run_end(self.reader.text.as_bytes(), start);
                let sentence = word.is_word() && word.case == Case::Lower && word.span.len() > 2;
                !(sentence && self.behind(end, MeasureKind::Count).known)
            }
            '.' | ':' => second.is_alphanumeric(),
            '/' => {
                let end = start - 1;
                figures.last().is_none_or(|figure| figure.span.end as usize != end) && second != ' '
            }
            '-' | '–' | '—' => second.is_alphanumeric(),
            '^' | '{' | '<' | '>' | '&' | '#' | '@' | '$' | '=' | '[' | '\\' | '~' => true,
            '(' => {
                let behind = numerals::run_end(self.reader.text.as_bytes(), start);
                // A footnote mark is glued to what it stands behind: "75(2)".
                self.reader.text[behind..].starts_with(')') && !second.is_whitespace()
            }
            '"' | '“' | '‘' | '\'' | '«' => {
                let behind = numerals::run_end(self.reader.text.as_bytes(), start);
                behind - start <= 2 && !self.reader.text[behind..].trim_start().starts_with(['%', '/'])
            }
            c => c.is_alphabetic(),
        }
    }

    /// The end of a symbol of which a part was read.
    fn code_end(&self, from: usize) -> usize {
        let rest = &self.reader.text[from..];
        let glued = |c: char| c.is_alphanumeric() || matches!(c, '/' | '-' | '–' | '.' | '_');
        from + rest.find(|c| !glued(c)).unwrap_or(rest.len())
    }

    /// The numbers joined to the first one.
    fn chain(&self, first: Numeral) -> Chain {
        let text = self.reader.text;
        let mut chain = Chain {
            numbers: [None; MAX_CHAIN],
            count: 1,
            join: Join::Slash,
            end: first.span.end as usize,
            code: false,
        };
        chain.numbers[0] = Some(first);
        while chain.count < MAX_CHAIN {
            let rest = &text[chain.end..];
            let trimmed = rest.trim_start_matches([' ', '\u{A0}']);
            let Some(mark) = trimmed.chars().next() else { break };
            let join = match mark {
                '/' => Join::Slash,
                '-' | '–' | '—' => Join::Dash,
                _ => break,
            };
            let spaced = trimmed.len() != rest.len();
            let behind = &trimmed[mark.len_utf8()..];
            let next = behind.trim_start_matches([' ', '\u{A0}']);
            let letter = next.chars().next().is_some_and(char::is_alphabetic);
            if letter
                && !spaced
                && next.len() == behind.len()
                && self.reader.after(text.len() - next.len()).case != Case::Lower
            {
                chain.code = true;
                return chain;
            }
            let at = text.len() - next.len();
            if !next.starts_with(|c: char| c.is_ascii_digit()) || chain.count > 1 && join != chain.join {
                break;
            }
            // "giảm 5 xã - 10 thôn" aside, a spaced dash joins years and days only.
            let Some(number) = numerals::numeral_at(text, at) else {
                break;
            };
            if join == Join::Dash && spaced && !(first.looks_like_year() || number.looks_like_year() || is_day(first)) {
                break;
            }
            chain.join = join;
            chain.numbers[chain.count] = Some(number);
            chain.count += 1;
            chain.end = number.span.end as usize;
        }
        let glued = text[chain.end..].chars().next().is_some_and(char::is_alphabetic);
        if glued {
            // "10ha", "5tỷ" have a unit; "1A", "2G" are names.
            let behind = self.behind(chain.end, MeasureKind::Count);
            chain.code = !behind.known;
        }
        chain
    }

    /// A number by itself.
    fn single(&self, number: Numeral, figures: &mut Vec<Figure>) -> Option<usize> {
        let start = number.span.start as usize;
        let before = self.reader.before(start);
        let floor = floor(figures);
        let role = if before.start() >= floor {
            context::role(&self.reader, self.vocabulary, before)
        } else {
            Role::Plain
        };
        let end = self.says_again(number, before).unwrap_or(number.span.end as usize);
        let mut behind = self.behind(end, MeasureKind::Count);
        // "Điều 12, 13 và 14 Luật Cư trú"
        let unit = behind.unit.span();
        let capital = || unit.is_some_and(|unit| self.reader.after(unit.start as usize).case == Case::Title);
        if self.goes_on_naming(before) && (!behind.known || capital()) {
            self.name_end.set(number.span.end as usize);
            return None;
        }
        const DAY: [Key; 4] = [NGAY, key!("hàng"), key!("hằng"), key!("tuần")];
        let and_rank = before.key == key!("thứ")
            && before.start() < floor + 24
            && figures.last().is_some_and(|figure| figure.kind == MeasureKind::Rank)
            && !is_any(self.reader.after(number.span.end as usize), &DAY);
        match role {
            // "thứ 3/14 tỉnh trong vùng và thứ 15 cả nước"
            Role::Never if and_rank => return Some(self.rank(number, None, number.span, floor, figures)),
            // "cao su 415 ha, điều 88 ha" (cashew)
            Role::Never
                if !matches!(
                    behind.kind,
                    MeasureKind::Money | MeasureKind::Percent | MeasureKind::Area
                ) =>
            {
                self.name_end.set(number.span.end as usize);
                return None;
            }
            // "xếp 12 đơn vị loại tốt"
            Role::Rank if before.key == key!("xếp") && behind.known => {}
            Role::Rank => return Some(self.rank(number, None, number.span, floor, figures)),
            Role::Top => {
                self.push(number, None, number.span, &behind, MeasureKind::Rank, floor, figures);
                return Some(behind.end);
            }
            Role::Group if behind.known && context::is_best(&self.reader, behind.end) => {
                self.push(number, None, number.span, &behind, MeasureKind::Rank, floor, figures);
                return Some(behind.end);
            }
            Role::Group | Role::Unitless if !behind.known => {
                self.name_end.set(number.span.end as usize);
                return None;
            }
            _ => {}
        }
        // "Điện thoại: 123", "Chương trình MTQG 1719 vốn …"
        let coded = before.is_mark(':') && self.is_code_label(before)
            || before.case == Case::Upper && before.span.len() > 1 && behind.unit != Unit::None && !number.grouped;
        if !behind.known && (coded || self.is_telephone(number)) {
            return None;
        }
        if behind.never || self.is_calendar(number, before, &behind) {
            self.name_end.set(number.span.end as usize);
            return None;
        }
        if behind.unit == Unit::None
            && behind.kind == MeasureKind::Count
            && let Some(other) = self.other_end(number)
        {
            behind = other;
        }
        if behind.kind == MeasureKind::Duration && self.is_time(number, before, &behind) {
            return None;
        }
        if !behind.known && (number.looks_like_year() || self.is_combined(number, before)) {
            return None;
        }
        if behind.kind == MeasureKind::Score && !self.is_score(number, before, &behind) {
            behind.kind = MeasureKind::Count;
        }
        let mut figure = self.figure(number, None, number.span, &behind, floor);
        if behind.kind == MeasureKind::Money && behind.unit == Unit::None {
            self.add_rest(&mut figure, behind);
        }
        if behind.unit == Unit::None && behind.kind == MeasureKind::Count {
            figure.open = true;
            if let Some(noun) = self.noun_before(start) {
                figure.unit = Unit::Shared(noun);
                figure.noun = Some(noun);
                figure.open = false;
            }
            if number.places > 0 && self.index_before(start) {
                figure.kind = MeasureKind::Score;
                figure.open = false;
            }
        }
        let end = figure.span.end as usize;
        figures.push(figure);
        Some(end)
    }

    /// Whether the word before a colon announces a number that names or calls.
    fn is_code_label(&self, colon: Token) -> bool {
        static LABELS: KeySet<8> = KeySet::of([
            key!("thoại"),
            key!("fax"),
            key!("đt"),
            key!("sđt"),
            key!("tel"),
            key!("hotline"),
            key!("mã"),
            NGAY,
        ]);
        let word = self.reader.previous(colon);
        LABELS.has(word) || word.key == key!("số") && context::role(&self.reader, self.vocabulary, word) == Role::Never
    }

    /// "0912345678".
    fn is_telephone(&self, number: Numeral) -> bool {
        let digits = number.span.of(self.reader.text);
        digits.len() >= 9 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
    }

    /// What stands behind the other end of a range ("từ 5 đến 7 ngày", "từ 12 xuống còn 8 phòng"),
    /// which goes for the first one.
    fn other_end(&self, number: Numeral) -> Option<Behind> {
        let end = number.span.end as usize;
        let mut until = self.reader.after(end);
        let rising = is_any(until, &[key!("đến"), key!("tới")]);
        // "giảm từ 12 xuống còn 8 phòng"
        let changing = is_any(until, &[key!("xuống"), key!("lên")]);
        if !rising && !changing {
            return None;
        }
        let mut next = self.reader.next(until);
        if changing && is_any(next, &[key!("còn"), key!("thành"), key!("tới"), key!("đến")]) {
            until = next;
            next = self.reader.next(until);
        }
        let most = next
            .is_number()
            .then(|| numerals::numeral_at(self.reader.text, next.start()))
            .flatten()
            .filter(|most| !most.looks_like_year() && (changing || most.value > number.value))?;
        let behind = self.behind(most.span.end as usize, MeasureKind::Count);
        let time = behind.kind == MeasureKind::Duration && self.is_time(most, until, &behind);
        if !behind.known || behind.never || time || self.is_calendar(most, until, &behind) {
            return None;
        }
        Some(Behind {
            unit: behind.unit.span().map_or(Unit::None, Unit::Shared),
            end,
            ..behind
        })
    }

    /// "2.345 tỷ 600 triệu đồng": one sum in two steps.
    fn add_rest(&self, figure: &mut Figure, behind: Behind) {
        let next = self.reader.after(behind.end);
        let Some(rest) = next
            .is_number()
            .then(|| numerals::numeral_at(self.reader.text, next.start()))
            .flatten()
        else {
            return;
        };
        let smaller = self.behind(rest.span.end as usize, MeasureKind::Count);
        if smaller.kind != MeasureKind::Money || smaller.factor >= behind.factor || rest.value >= Decimal::ONE_THOUSAND
        {
            return;
        }
        figure.value += scaled(rest.value, Decimal::from(smaller.factor));
        figure.span = Span::new(figure.span.start as usize, smaller.end);
        figure.unit = smaller.unit;
    }

    /// Whether a number goes on in a row of names: "mức độ 3 và 4", "Điều 5, 6, 7".
    fn goes_on_naming(&self, before: Token) -> bool {
        let joint =
            before.is_mark(',') || before.is_mark('-') || is_any(before, &[key!("và"), key!("đến"), key!("hoặc")]);
        joint && self.reader.previous(before).end() == self.name_end.get()
    }

    /// Whether a number belongs to a date: "ngày 15", "năm 2023", "tháng 5".
    fn is_calendar(&self, number: Numeral, before: Token, behind: &Behind) -> bool {
        const EACH: [Key; 5] = [key!("mỗi"), key!("một"), key!("hằng"), key!("hàng"), key!("trong")];
        let each = || is_any(self.reader.previous(before), &EACH);
        match before.key {
            // "loại 30 năm 1.182": a number of years, not a year.
            NAM if before.is_word() && self.reader.previous(before).is_number() => number.looks_like_year(),
            NAM if before.is_word() => number.looks_like_year() || behind.unit == Unit::None,
            // "trong tháng 12 vụ" counts, "trong tháng 10 phục vụ" dates.
            THANG if before.is_word() => is_month(number) && !(behind.known && each()),
            NGAY if before.is_word() => is_day(number) && !each(),
            // "kỳ 01 năm 2018", "30 ngày 20/5": what is behind is a date, not a unit.
            _ => {
                behind.kind == MeasureKind::Duration
                    && behind.unit != Unit::None
                    && self.reader.after(behind.end).is_number()
            }
        }
    }

    /// Whether a number is in the name of what puts several things in one ("vắc xin 5 trong 1").
    fn is_combined(&self, number: Numeral, before: Token) -> bool {
        const TRONG: Key = key!("trong");
        let inner = is_any(before, &[TRONG]) && number.small() == Some(1) && self.reader.previous(before).is_number();
        let outer = || {
            let within = self.reader.after(number.span.end as usize);
            let one = self.reader.next(within);
            is_any(within, &[TRONG]) && one.is_number() && &self.reader.text[one.start()..one.end()] == "1"
        };
        inner || outer()
    }

    /// Whether a number with a unit of time is a period or a time of day, not a duration.
    fn is_time(&self, number: Numeral, before: Token, behind: &Behind) -> bool {
        static EDGE: KeySet<4> = KeySet::of([key!("đầu"), key!("cuối"), NAM, key!("qua")]);
        static LENGTH: KeySet<26> = KeySet::new([
            "sau", "dưới", "trên", "hơn", "khoảng", "thiểu", "đa", "hạn", "gian", "từ", "còn", "nhất", "quá", "xuống",
            "giảm", "lên", "đủ", "là", "vòng", "ngắn", "kết", "tù", "quân", "dài", "mất", "thêm",
        ]);
        static DOING: KeySet<6> = KeySet::new(["thực", "triển", "thi", "liên", "tập", "kể"]);
        const ADDED: [Key; 2] = [key!("lũy"), key!("cộng")];
        const KE: Key = key!("kế");
        const DON: Key = key!("dồn");
        let Some(unit) = behind.unit.span() else {
            return false;
        };
        let next = self.reader.after(unit.end as usize);
        match self.reader.after(unit.start as usize).key {
            THANG => {
                // "lũy kế 10 tháng", "10 tháng: 8.961 trẻ", "trẻ 18 tháng"
                let ends_in_month = number.small().is_some_and(|months| months <= 12)
                    && (next.is_mark(':')
                        || is_any(before, &[KE, DON]) && is_any(self.reader.previous(before), &ADDED));
                let age = is_any(before, &[key!("trẻ")]);
                EDGE.has(next)
                    || ends_in_month
                    || age
                    || matches!(number.small(), Some(3 | 6 | 9)) && !LENGTH.has(before) && !DOING.has(next)
            }
            GIO if number.small().is_some_and(|hours| hours > 24) => false,
            GIO => {
                context::is_clock_word(before) || next.is_number() || is_any(next, &[NGAY, key!("sáng"), key!("chiều")])
            }
            NAM => {
                is_any(next, &[key!("học")])
                    && next.case == Case::Lower
                    && number.places == 0
                    && self.reader.next(next).is_number()
            }
            _ => before.is_word() && before.key == GIO,
        }
    }

    /// Whether "N điểm" is a score rather than a number of places.
    fn is_score(&self, number: Numeral, before: Token, behind: &Behind) -> bool {
        static REACHED: KeySet<16> = KeySet::new([
            "đạt", "được", "chấm", "là", "tăng", "giảm", "cộng", "trừ", "số", "còn", "điểm", "thêm", "hơn", "dưới",
            "kém", "đa",
        ]);
        number.places > 0 || REACHED.has(before) || is_any(self.reader.after(behind.end), &[key!("so"), key!("xếp")])
    }

    /// The noun counted where it stands before the number: "Số hồ sơ tiếp nhận: 1.234".
    fn noun_before(&self, start: usize) -> Option<Span> {
        let mut before = self.reader.before(start);
        for position in 0..14 {
            let token = before;
            let colon = token.is_mark(':') && position == 0;
            if !token.is_word() && !colon {
                return None;
            }
            before = self.reader.previous(token);
            if token.is_word() && token.key == key!("số") && position > 0 {
                let mut next = self.reader.next(token);
                // "Số lượng người làm việc"
                if is_any(next, &[key!("lượng")]) {
                    next = self.reader.next(next);
                }
                return match self.vocabulary.units.behind.longest(&self.reader, next) {
                    Some((UnitKind::Noun | UnitKind::Classifier, last)) if last.end() <= start => {
                        Some(next.span.join(last.span))
                    }
                    _ => None,
                };
            }
        }
        None
    }

    /// Whether an index or a score is spoken of shortly before ("chỉ số PAPI đạt 46,0415").
    fn index_before(&self, start: usize) -> bool {
        let mut token = self.reader.before(start);
        for _ in 0..12 {
            if token.is_end() || matches!(token.kind, Kind::Mark('.' | ';' | '(' | ')')) {
                return false;
            }
            if token.is_word() && token.key == DIEM {
                return true;
            }
            if token.is_word() && token.key == key!("số") && self.reader.previous(token).key == key!("chỉ") {
                return true;
            }
            token = self.reader.previous(token);
        }
        false
    }

    /// Two numbers joined by '/': a ratio, a rank or a score, unless they are a date.
    fn ratio(&self, chain: &Chain, figures: &mut Vec<Figure>) -> Option<usize> {
        let (first, second) = (chain.get(0)?, chain.get(1)?);
        let span = first.span.join(second.span);
        let before = self.reader.before(span.start as usize);
        let floor = floor(figures);
        let role = if before.start() >= floor {
            context::role(&self.reader, self.vocabulary, before)
        } else {
            Role::Plain
        };
        let behind = self.behind(chain.end, MeasureKind::Ratio);
        match role {
            Role::Never if before.key != THU => return None,
            Role::Rank | Role::Never => return Some(self.rank(first, Some(second), span, floor, figures)),
            _ if self.is_rank(first, second, before, &behind, figures) => {
                return Some(self.rank(first, Some(second), span, floor, figures));
            }
            Role::Unitless if !behind.known => return None,
            _ => {}
        }
        let counted = behind.known && behind.kind != MeasureKind::Duration;
        if behind.never || !counted && is_scale(first, second) {
            return None;
        }
        let mut open = false;
        if chain.may_be_day() && self.is_day_and_month(chain, before, counted) {
            // "Thạnh Phú 3/5, Bình Đại 4/6 xã" is told by the ratios around it.
            open = before.is_mark(':') || before.is_word() && !context::is_date_word(before);
            if !open {
                return None;
            }
        }
        // "24/24 giờ", "24/7".
        if first.small() == Some(24) && matches!(second.small(), Some(24 | 7)) {
            return None;
        }
        let kind = match behind.kind {
            MeasureKind::Score => MeasureKind::Score,
            MeasureKind::Money => MeasureKind::Money,
            _ => MeasureKind::Ratio,
        };
        if kind == MeasureKind::Money {
            return self.list(chain, figures);
        }
        self.push(first, Some(second), span, &behind, kind, floor, figures);
        if let Some(figure) = figures.last_mut() {
            figure.open = open;
        }
        Some(behind.end.max(chain.end))
    }

    /// Whether "a/b" is a day and a month.
    fn is_day_and_month(&self, chain: &Chain, before: Token, counted: bool) -> bool {
        static REPORTED: KeySet<12> = KeySet::new([
            "đạt", "giảm", "tăng", "được", "là", "có", "quyết", "xong", "thành", "tại", "với", "chiếm",
        ]);
        if before.is_word() && before.key == NGAY {
            return true;
        }
        let falling = match (chain.get(0), chain.get(1)) {
            (Some(first), Some(second)) => first.value > second.value,
            _ => false,
        };
        if context::is_date_word(before) && (falling || !counted) {
            return true;
        }
        !counted && !REPORTED.has(before)
    }

    /// Whether "a/b" is a place in an order though no "thứ" says so: behind "đứng", behind the name
    /// of an index ("PAR INDEX … 28/63"), or with the number of places of a rank shortly before
    /// ("xếp thứ 21/63, tăng 7 bậc so với năm 2017 (28/63)").
    fn is_rank(&self, first: Numeral, second: Numeral, before: Token, behind: &Behind, figures: &[Figure]) -> bool {
        const BACK: usize = 3;
        let ranked = behind.unit.span().is_none_or(|unit| {
            let token = self.reader.after(unit.start as usize);
            !behind.known && !matches!(behind.kind, MeasureKind::Percent) || context::RANKED_AMONG.has(token)
        });
        if !ranked || first.places > 0 || second.places > 0 || first.value > second.value {
            return false;
        }
        if before.is_word() && before.key == key!("đứng") {
            return true;
        }
        let start = first.span.start as usize;
        let echo = figures.iter().rev().take(BACK).any(|figure| {
            figure.kind == MeasureKind::Rank
                && figure.total == Some(second.value)
                && !super::sentence_ends(&self.reader, figure.span.end as usize, start)
        });
        echo || second.value <= Decimal::ONE_HUNDRED && context::is_of_index(&self.reader, before, floor(figures))
    }

    /// "xếp thứ 3 trong 18 sở": what a place is one of, and where it ends.
    fn ranked_among(&self, number: Numeral, end: usize) -> Option<(Numeral, Behind)> {
        const WITHIN: [Key; 2] = [key!("trong"), key!("trên")];
        const ALL: [Key; 3] = [key!("tổng"), key!("số"), key!("toàn")];
        let first = self.reader.after(end);
        if !is_any(first, &WITHIN) {
            return None;
        }
        let mut token = self.reader.next(first);
        for _ in 0..2 {
            if is_any(token, &ALL) {
                token = self.reader.next(token);
            }
        }
        let total = token
            .is_number()
            .then(|| numerals::numeral_at(self.reader.text, token.start()))
            .flatten()?;
        let behind = self.behind(total.span.end as usize, MeasureKind::Ratio);
        let unit = self.reader.after(behind.unit.span()?.start as usize);
        let fits = total.places == 0 && total.value >= number.value && context::RANKED_AMONG.has(unit);
        (fits && behind.known).then_some((total, behind))
    }

    fn rank(
        &self,
        number: Numeral,
        total: Option<Numeral>,
        span: Span,
        floor: usize,
        figures: &mut Vec<Figure>,
    ) -> usize {
        if total.is_none()
            && let Some((total, behind)) = self.ranked_among(number, span.end as usize)
        {
            let span = number.span.join(total.span);
            self.push(number, Some(total), span, &behind, MeasureKind::Rank, floor, figures);
            return behind.end;
        }
        let mut behind = self.behind(span.end as usize, MeasureKind::Ratio);
        // "đứng thứ 5 toàn quốc": only what it is ranked among is a unit.
        if total.is_none() || !behind.known || behind.kind == MeasureKind::Duration {
            behind = Behind::none(span.end as usize);
        }
        self.push(number, total, span, &behind, MeasureKind::Rank, floor, figures);
        behind.end
    }

    /// Numbers joined by '/' or '-' that share the unit behind the last one.
    fn list(&self, chain: &Chain, figures: &mut Vec<Figure>) -> Option<usize> {
        let last = chain.get(chain.count - 1)?;
        let before = self.reader.before(chain.get(0)?.span.start as usize);
        if matches!(
            context::role(&self.reader, self.vocabulary, before),
            Role::Never | Role::Unitless
        ) {
            return None;
        }
        let behind = self.behind(last.span.end as usize, MeasureKind::Count);
        // "từ 02 - 03 cuộc" is no date, "từ 01 - 15 tháng 5" is one.
        let counted = chain.join == Join::Dash && behind.known && behind.kind != MeasureKind::Duration;
        if context::is_date_word(before) && chain.may_be_day() && !counted {
            return None;
        }
        if behind.never || behind.unit == Unit::None && behind.kind == MeasureKind::Count {
            return None;
        }
        if behind.kind == MeasureKind::Duration && self.is_time(last, before, &behind) {
            return None;
        }
        let mut said: Option<(Approx, Change)> = None;
        for index in 0..chain.count {
            let number = chain.get(index)?;
            let own = index + 1 == chain.count;
            let mut each = behind;
            if !own {
                each.end = number.span.end as usize;
                each.unit = behind.unit.span().map_or(Unit::None, Unit::Shared);
            }
            self.push(number, None, number.span, &each, behind.kind, floor(figures), figures);
            // "giảm 30-50%": what is said of the first goes for all.
            if let Some(figure) = figures.last_mut() {
                match said {
                    Some((approx, change)) => (figure.approx, figure.change) = (approx, change),
                    None => said = Some((figure.approx, figure.change)),
                }
            }
        }
        Some(behind.end)
    }

    #[allow(clippy::too_many_arguments)]
    fn push(
        &self,
        number: Numeral,
        total: Option<Numeral>,
        span: Span,
        behind: &Behind,
        kind: MeasureKind,
        floor: usize,
        figures: &mut Vec<Figure>,
    ) {
        let mut figure = self.figure(number, total, span, behind, floor);
        figure.kind = kind;
        figures.push(figure);
    }

    fn figure(&self, number: Numeral, total: Option<Numeral>, span: Span, behind: &Behind, floor: usize) -> Figure {
        let start = span.start as usize;
        let mut said = context::said(&self.reader, self.vocabulary, start, floor);
        let within = if said.from { 10 } else { 2 };
        if let Some(approx) = context::and_more(&self.reader, behind.end, within) {
            said.approx = approx;
        }
        let factor = Decimal::from(behind.factor);
        Figure {
            span: Span::new(start, behind.end.max(span.end as usize)),
            number: span,
            value: scaled(number.value, factor),
            places: number.places,
            total: total.map(|total| scaled(total.value, factor)),
            kind: behind.kind,
            unit: behind.unit,
            noun: behind.noun,
            approx: said.approx,
            change: said.change,
            lead: said.lead as u32,
            open: false,
            sort: behind.sort,
            subject: None,
            qualifier: None,
            stream: 0,
        }
    }

    /// Reads the unit behind a number.
    fn behind(&self, at: usize, kind: MeasureKind) -> Behind {
        let mut behind = Behind::none(at);
        let mut token = self.reader.after(at);
        if token.is_mark('%') {
            return self.percent(token.span, token.end());
        }
        if let Some(end) = self.said_twice(at, token) {
            token = self.reader.after(end);
        }
        if token.kind == Kind::Break {
            return self.beyond_break(token, behind, kind);
        }
        if token.is_word()
            && let Some(factor) = short_money(token.key)
        {
            let word = token.span.of(self.reader.text);
            let last = word.char_indices().next_back().map_or(0, |(at, _)| at) + token.start();
            return Behind {
                unit: Unit::Own(Span::new(last, token.end())),
                kind: MeasureKind::Money,
                factor,
                end: token.end(),
                known: true,
                ..behind
            };
        }
        while token.is_word()
            && let Some(factor) = numerals::multiplier(token.key)
        {
            behind.factor = behind.factor.saturating_mul(factor);
            behind.kind = MeasureKind::Money;
            behind.end = token.end();
            behind.known = true;
            token = self.reader.next(token);
            if token.is_mark('.') && !token.spaced {
                // "tr.đ"
                let next = self.reader.next(token);
                if next.key == key!("đ") && !next.spaced {
                    token = next;
                }
            }
        }
        if !token.is_word() {
            return behind;
        }
        self.noun_behind(token, behind, kind)
    }

    /// The end of the bracket that says in words the number before it: "01 (một) hội nghị". `open` is
    /// the token behind the number, which ends at `at`.
    fn said_twice(&self, at: usize, open: Token) -> Option<usize> {
        if !open.is_mark('(') {
            return None;
        }
        let inner = self.reader.next(open);
        let words = numerals::number_word(&self.reader, inner).map_or(inner.end(), |number| number.span.end as usize);
        let close = self.reader.after(words);
        let said = close.is_mark(')') && numerals::ends_number(self.reader.before(words), self.number_before(at)?);
        said.then(|| close.end())
    }

    /// The number that ends at an offset.
    fn number_before(&self, end: usize) -> Option<Decimal> {
        let token = self.reader.before(end);
        let number = token
            .is_number()
            .then(|| numerals::numeral_at(self.reader.text, token.start()));
        number.flatten().map(|number| number.value)
    }

    /// The end of the bracket that says in digits the number in words before it: "năm (05) xã".
    fn says_again(&self, number: Numeral, before: Token) -> Option<usize> {
        let close = self.reader.after(number.span.end as usize);
        let word = self.reader.previous(before);
        let said = before.is_mark('(') && close.is_mark(')') && numerals::ends_number(word, number.value);
        said.then(|| close.end())
    }

    fn percent(&self, unit: Span, end: usize) -> Behind {
        Behind {
            unit: Unit::Own(unit),
            kind: MeasureKind::Percent,
            end,
            known: true,
            ..Behind::none(end)
        }
    }

    /// A line or page break in the middle of "31 lượt" that the layout has not joined.
    fn beyond_break(&self, mut token: Token, behind: Behind, kind: MeasureKind) -> Behind {
        for _ in 0..3 {
            if token.kind != Kind::Break {
                break;
            }
            token = self.reader.next(token);
        }
        if !token.is_word() || token.case != Case::Lower {
            return behind;
        }
        let found = self.noun_behind(token, behind, kind);
        if found.known && !found.never { found } else { behind }
    }

    fn noun_behind(&self, token: Token, mut behind: Behind, kind: MeasureKind) -> Behind {
        let money = behind.factor > 1;
        let units = &self.vocabulary.units;
        let own = |span: Span| Unit::Own(span);
        if token.key == PHAN && self.reader.next(token).key == TRAM {
            let last = self.reader.next(token);
            return self.percent(token.span.join(last.span), last.end());
        }
        if token.key == DIEM {
            let next = self.reader.next(token);
            if next.is_mark('%') {
                return self.percent(token.span.join(next.span), next.end());
            }
            let third = self.reader.next(next);
            if next.key == PHAN && third.key == TRAM {
                return self.percent(token.span.join(third.span), third.end());
            }
        }
        if let Some(comrades) = self.comrades(token) {
            return Behind {
                unit: own(comrades),
                kind: MeasureKind::Count,
                noun: Some(comrades),
                end: comrades.end as usize,
                known: true,
                ..behind
            };
        }
        let found = units.behind.longest(&self.reader, token);
        let money_word = is_any(token, &[DONG, key!("vnđ"), key!("vnd"), key!("đ")]);
        if money_word && found.is_none_or(|(_, last)| last.span == token.span) {
            return Behind {
                unit: own(token.span),
                kind: MeasureKind::Money,
                end: token.end(),
                known: true,
                ..behind
            };
        }
        // "1,2 tỷ vốn", "350 triệu tiền mặt": money, though "đồng" is left out.
        if money && !context::IN_MILLIONS.has(token) {
            let funds = behind.factor >= 1_000_000_000 && found.is_none_or(|(kind, _)| *kind == UnitKind::Noun);
            if funds || context::FUNDS.has(token) {
                return behind;
            }
        }
        if let Some((&unit_kind, last)) = found {
            let span = token.span.join(last.span);
            let named = Behind {
                unit: own(span),
                kind: MeasureKind::Count,
                noun: Some(span),
                end: last.end(),
                known: true,
                ..behind
            };
            return match unit_kind {
                UnitKind::NotUnit => behind,
                UnitKind::Never => Behind { never: true, ..behind },
                UnitKind::Noun => self.square(named),
                UnitKind::Area => Behind {
                    kind: MeasureKind::Area,
                    noun: None,
                    ..named
                },
                UnitKind::Duration => Behind {
                    kind: MeasureKind::Duration,
                    noun: None,
                    ..named
                },
                UnitKind::Currency => Behind {
                    kind: MeasureKind::Money,
                    noun: None,
                    ..named
                },
                UnitKind::Sort => Behind {
                    noun: None,
                    known: false,
                    sort: true,
                    ..named
                },
                UnitKind::Classifier => self.classified(named, token, last, kind),
            };
        }
        // A word that the table lacks: one in small letters or an abbreviation is taken for a noun.
        if matches!(token.case, Case::Lower | Case::Upper) && token.span.len() > 1 {
            behind.unit = own(token.span);
            behind.noun = Some(token.span);
            behind.end = token.end();
            behind.kind = MeasureKind::Count;
        } else if !money {
            behind.kind = MeasureKind::Count;
        }
        behind
    }

    /// "đ/c", short for "đồng chí".
    fn comrades(&self, token: Token) -> Option<Span> {
        let text = self.reader.text;
        if !matches!(self.reader.token(token), "đ" | "Đ") {
            return None;
        }
        let rest = &text[token.end()..];
        let next = rest.chars().nth(2).is_some_and(char::is_alphanumeric);
        ((rest.starts_with("/c") || rest.starts_with("/C")) && !next).then(|| Span::new(token.start(), token.end() + 2))
    }

    /// "m²" and "km²", whose raised 2 is no letter.
    fn square(&self, named: Behind) -> Behind {
        let text = self.reader.text;
        let Some(unit) = named.unit.span() else { return named };
        let metric = matches!(unit.of(text), "m" | "km" | "M" | "Km" | "KM");
        let raised = text[named.end..].chars().next().filter(|&c| c == '²' || c == '³');
        match raised {
            Some(c) if metric => {
                let end = named.end + c.len_utf8();
                let area = c == '²';
                Behind {
                    unit: Unit::Own(Span::new(unit.start as usize, end)),
                    kind: if area { MeasureKind::Area } else { MeasureKind::Count },
                    end,
                    noun: if area { None } else { named.noun },
                    ..named
                }
            }
            _ => named,
        }
    }

    /// A classifier takes in the one word behind it.
    fn classified(&self, named: Behind, first: Token, classifier: Token, kind: MeasureKind) -> Behind {
        let units = &self.vocabulary.units;
        let next = self.reader.next(classifier);
        let bare = Behind { noun: None, ..named };
        let is_point = first.key == DIEM;
        if !next.is_word() {
            return if is_point {
                Behind {
                    kind: MeasureKind::Score,
                    ..bare
                }
            } else {
                bare
            };
        }
        if is_point {
            return match units.places.longest(&self.reader, next) {
                Some((_, last)) => Behind {
                    noun: Some(first.span.join(last.span)),
                    end: if kind == MeasureKind::Ratio {
                        classifier.end()
                    } else {
                        last.end()
                    },
                    ..named
                },
                None => Behind {
                    kind: MeasureKind::Score,
                    ..bare
                },
            };
        }
        let not = units
            .behind
            .longest(&self.reader, next)
            .is_some_and(|(&kind, _)| kind == UnitKind::NotUnit);
        let last = match units.classified.longest(&self.reader, next) {
            Some((_, last)) => last,
            None if !not && next.case == Case::Lower => next,
            None => return bare,
        };
        Behind {
            noun: Some(next.span.join(last.span)),
            end: if kind == MeasureKind::Ratio {
                classifier.end()
            } else {
                last.end()
            },
            ..named
        }
    }
}

/// The unit named at an offset, where the table knows it.
pub(super) fn unit_found(scanner: &Scanner<'_, '_>, at: usize) -> Option<UnitFound> {
    let behind = scanner.behind(at, MeasureKind::Count);
    if !behind.known || behind.never {
        return None;
    }
    Some(UnitFound {
        unit: behind.unit.span()?,
        kind: behind.kind,
        noun: behind.noun,
        factor: behind.factor,
    })
}

impl Figure {
    /// Multiplies out what a table's heading says ("triệu đồng").
    pub(super) fn scale(&mut self, factor: i64) {
        self.value = scaled(self.value, Decimal::from(factor));
        self.total = self.total.map(|total| scaled(total, Decimal::from(factor)));
    }
}

/// What "trđ" and its like multiply by: words that are unit and multiplier in one.
fn short_money(word: Key) -> Option<i64> {
    const SHORT: [(Key, i64); 4] = [
        (key!("trđ"), 1_000_000),
        (key!("tỷđ"), 1_000_000_000),
        (key!("tỉđ"), 1_000_000_000),
        (key!("ngđ"), 1_000),
    ];
    SHORT.iter().find(|(key, _)| *key == word).map(|&(_, factor)| factor)
}

/// Whether a word that begins behind this byte stands apart from what is before it.
fn is_apart(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'(' | b'*' | b',' | b';' | b'.' | b':')
}

/// Whether two numbers are the scale of a map ("1/500", "1/2.000").
fn is_scale(first: Numeral, second: Numeral) -> bool {
    let round = [200, 250, 500, 1_000, 2_000, 5_000, 10_000, 25_000, 50_000, 100_000];
    first.value == Decimal::ONE && round.iter().any(|&scale| second.value == Decimal::from(scale))
}

/// The end of the last figure, before which nothing is read backwards.
fn floor(figures: &[Figure]) -> usize {
    /// A figure longer than this has a footnote between its number and its unit.
    const LONGEST: usize = 160;
    figures.last().map_or(0, |figure| {
        let end = if figure.span.len() > LONGEST {
            figure.number.end
        } else {
            figure.span.end
        };
        end as usize
    })
}

/// A value multiplied out; as it stands where the result would be no sensible figure, so that sums
/// of figures never overflow.
fn scaled(value: Decimal, factor: Decimal) -> Decimal {
    let most = Decimal::from(1_000_000_000_000_000_000_i64);
    let product = value.checked_mul(factor).filter(|product| *product <= most);
    product.unwrap_or(value).normalize()
}

/// Reads a number with its unit out of a table's cell: (value, places, total, kind, unit, span).
pub(super) fn cell_figure(scanner: &Scanner<'_, '_>, start: usize) -> Option<Figure> {
    let number = numerals::numeral_at(scanner.reader.text, start)?;
    let chain = scanner.chain(number);
    if chain.code || chain.is_calendar() {
        return None;
    }
    let (total, span) = match (chain.count, chain.get(1)) {
        (2, Some(second)) if chain.join == Join::Slash => (Some(second), number.span.join(second.span)),
        (1, _) => (None, number.span),
        _ => return None,
    };
    let mut behind = scanner.behind(
        span.end as usize,
        if total.is_some() {
            MeasureKind::Ratio
        } else {
            MeasureKind::Count
        },
    );
    if behind.never {
        return None;
    }
    if behind.kind == MeasureKind::Count && !behind.known {
        behind = Behind::none(span.end as usize);
    }
    let mut figure = scanner.figure(number, total, span, &behind, start);
    if total.is_some() && figure.kind == MeasureKind::Count {
        figure.kind = MeasureKind::Ratio;
    }
    figure.approx = Approx::Exact;
    figure.change = Change::None;
    Some(figure)
}
