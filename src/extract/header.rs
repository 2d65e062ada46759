//! Masthead, title and period.
//!
//! Decree 30/2020/NĐ-CP, annex I, boxes 1 to 5, for state bodies; Guideline 36-HD/VPTW for Party
//! bodies. On paper the masthead has two columns: bodies and number on the left, the national or
//! Party motto with place and date on the right. Flattened to text they come side by side or one
//! below the other, so each cell is told by what it says.

use crate::{
    document::{Document, Span},
    extract::{
        Header, Layout, Name, PartialDate, Period, PeriodKind,
        dates::{self, DateMention},
        layout::{is_upper, roman_value, type_word},
        symbols,
    },
    shadow::{Key, Reader, Token, key},
    vocabulary::Vocabulary,
};

/// A masthead without a type word below it has at most so many lines.
const MASTHEAD_LINES: usize = 25;
/// A longer line, in bytes, is no line of a masthead.
const MASTHEAD_LINE: usize = 200;
/// A date of issue below the text is looked for in so many lines.
const LAST_LINES: usize = 12;

/// Reads the masthead and the title.
pub fn extract(document: &Document, layout: &Layout, vocabulary: &Vocabulary) -> Header {
    let text = document.text.as_str();
    let reader = layout.reader(document);
    let mut masthead = Masthead::default();
    for index in masthead_lines(layout) {
        for cell in layout.lines[index].cells(text) {
            for piece in columns(&reader, cell) {
                masthead.take(&reader, vocabulary, piece);
            }
        }
    }
    let (governing_body, issuers) = bodies(&reader, &masthead);
    let mut header = Header {
        governing_body,
        issuers,
        number: masthead.number,
        place: masthead.place,
        issue_date: masthead.date.map(|mention| mention.date),
        issue_date_span: masthead.date.map(|mention| mention.span),
        document_type: layout
            .type_line
            .and_then(|line| type_word(&reader, layout.lines[line].span)),
        subject: (!layout.title.is_empty()).then_some(layout.title),
        period: None,
    };
    if header.issue_date.is_none() {
        date_below_text(&reader, layout, &mut header);
    }
    header.period = header
        .subject
        .and_then(|title| period(&reader, title, header.issue_date));
    header
}

fn masthead_lines(layout: &Layout) -> std::ops::Range<usize> {
    if layout.type_line.is_some() {
        return layout.masthead.clone();
    }
    let is_body = |line: &crate::extract::layout::Line| line.label.is_some() || line.span.len() > MASTHEAD_LINE;
    let end = layout
        .lines
        .iter()
        .take(MASTHEAD_LINES)
        .position(is_body)
        .unwrap_or(layout.lines.len().min(MASTHEAD_LINES));
    0..end
}

/// What the cells of the masthead say.
#[derive(Default)]
struct Masthead {
    number: Option<symbols::Symbol>,
    date: Option<DateMention>,
    place: Option<Span>,
    /// Lines in capitals that name bodies, and whether a dash at the end says that another body
    /// issues jointly.
    bodies: Vec<Span>,
}

const NUMBER: Key = Key::new("số");
const DAY: Key = Key::new("ngày");

impl Masthead {
    fn take(&mut self, reader: &Reader<'_>, vocabulary: &Vocabulary, cell: Span) {
        let first = reader.after(cell.start as usize);
        if first.key == NUMBER && self.take_number(reader, vocabulary, cell, first) {
            // Place and date of the right-hand column, one space away.
            if let Some(symbol) = self.number.as_ref().filter(|symbol| cell.contains(symbol.span)) {
                let rest = Span {
                    start: symbol.span.end,
                    end: cell.end,
                };
                self.take_date(reader, rest);
            }
            return;
        }
        if self.take_date(reader, cell) {
            return;
        }
        if is_upper(cell.of(reader.text)) && !is_motto(reader, cell) && !is_stamp(reader, cell) {
            self.bodies.push(cell);
        }
    }

    /// The place and the date of a cell; says whether it has them.
    fn take_date(&mut self, reader: &Reader<'_>, cell: Span) -> bool {
        let mention = date_in(reader, cell);
        if let (Some(mention), None) = (mention, self.date) {
            self.place = place_before(reader, cell, mention.span);
            self.date = Some(mention);
        }
        mention.is_some()
    }

    /// The number behind "Số" or "Số:"; says whether the cell is a number's, even a blank one.
    fn take_number(&mut self, reader: &Reader<'_>, vocabulary: &Vocabulary, cell: Span, word: Token) -> bool {
        let colon = reader.next(word);
        let from = if colon.is_mark(':') { colon.end() } else { word.end() };
        let symbol = symbols::parse_with_blank(reader, &vocabulary.document_types, from)
            .filter(|symbol| symbol.span.end <= cell.end);
        let blank = from >= cell.end as usize || symbol.is_some();
        // An "incoming" stamp carries a second number further down: the first one counts.
        if self.number.is_none() {
            self.number = symbol;
        }
        blank
    }
}

/// The date in a cell: "An Lĩnh, ngày 15 tháng 12 năm 2023", blanks included.
fn date_in(reader: &Reader<'_>, cell: Span) -> Option<DateMention> {
    let mut at = cell.start as usize;
    while at < cell.end as usize {
        let token = reader.after(at);
        if token.is_end() {
            return None;
        }
        if token.key == DAY {
            return dates::parse_with_blanks(reader, token.start()).filter(|mention| mention.span.end <= cell.end);
        }
        at = token.end();
    }
    None
}

/// The place before a date: what stands before its comma.
fn place_before(reader: &Reader<'_>, cell: Span, date: Span) -> Option<Span> {
    let before = &reader.text[cell.start as usize..date.start as usize];
    let place = before.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '.');
    let left = place.trim_start_matches(|c: char| !c.is_alphanumeric());
    let start = cell.start as usize + place.len() - left.len();
    (!left.is_empty()).then(|| Span::new(start, start + left.len()))
}

/// The pieces of a cell: two where a reader of PDF has left one space between the columns, so that
/// the motto follows the body's name.
fn columns(reader: &Reader<'_>, cell: Span) -> Vec<Span> {
    let mut at = reader.after(cell.start as usize).end();
    while at < cell.end as usize {
        let token = reader.after(at);
        if token.is_end() {
            break;
        }
        let rest = Span {
            start: token.span.start,
            end: cell.end,
        };
        if token.span.end <= cell.end && is_motto(reader, rest) {
            let left = reader.text[cell.start as usize..token.start()].trim_end();
            return vec![Span::new(cell.start as usize, cell.start as usize + left.len()), rest];
        }
        at = token.end();
    }
    vec![cell]
}

/// The national motto and the Party's name: they say who the paper belongs to, not who issues it.
fn is_motto(reader: &Reader<'_>, cell: Span) -> bool {
    const MOTTOS: [[Key; 3]; 3] = [
        [key!("cộng"), key!("hòa"), key!("xã")],
        [key!("đảng"), key!("cộng"), key!("sản")],
        [key!("độc"), key!("lập"), key!("tự")],
    ];
    let words = first_words(reader, cell);
    MOTTOS.contains(&words) || (words[0] == MOTTOS[2][0] && words[1] == MOTTOS[2][1])
}

/// Stamps of urgency and secrecy, drafts.
fn is_stamp(reader: &Reader<'_>, cell: Span) -> bool {
    const STAMPS: [[Key; 2]; 8] = [
        [Key::new("hỏa"), Key::new("tốc")],
        [Key::new("thượng"), Key::new("khẩn")],
        [Key::new("tuyệt"), Key::new("mật")],
        [Key::new("tối"), Key::new("mật")],
        [Key::new("lưu"), Key::new("hành")],
        [Key::new("xem"), Key::new("xong")],
        [Key::new("dự"), Key::new("thảo")],
        [Key::new("công"), Key::new("văn")],
    ];
    const SINGLE: [Key; 3] = [Key::new("mật"), Key::new("khẩn"), Key::new("đến")];
    let [first, second, _] = first_words(reader, cell);
    STAMPS.contains(&[first, second]) || (second == Key::NONE && SINGLE.contains(&first))
}

/// The keys of the first three words of a cell; marks are passed over.
fn first_words(reader: &Reader<'_>, cell: Span) -> [Key; 3] {
    let mut words = [Key::NONE; 3];
    let mut at = cell.start as usize;
    let mut count = 0;
    while count < 3 && at < cell.end as usize {
        let token = reader.after(at);
        if token.is_end() {
            break;
        }
        if token.is_word() && token.span.end <= cell.end {
            words[count] = token.key;
            count += 1;
        }
        at = token.end();
    }
    words
}

/// The body above the issuer, and the issuers, from the lines that name bodies.
fn bodies(reader: &Reader<'_>, masthead: &Masthead) -> (Name, Vec<Name>) {
    // A name may run over several lines; a dash at the end of one says that another body follows.
    let mut names: Vec<(Name, bool)> = Vec::new();
    for &line in &masthead.bodies {
        let (name, dash) = without_dash(reader.text, line);
        for (n, (part, joint)) in split_joint(reader, name, dash).into_iter().enumerate() {
            match names.last_mut() {
                Some(last) if n == 0 && !last.1 && !begins_body(reader, line) => {
                    last.0.push(part);
                    last.1 = joint;
                }
                _ => names.push((vec![part], joint)),
            }
        }
    }
    let first_joint = names.iter().position(|&(_, joint)| joint);
    let mut names: Vec<Name> = names.into_iter().map(|(name, _)| name).collect();
    match (names.len(), first_joint) {
        (0 | 1, _) | (_, Some(0)) => (Name::new(), names),
        // The last body is the issuer and the one above it governs; what stands higher still
        // (a ministry above its department) is not named.
        (count, None) => {
            let issuer = names.split_off(count - 1);
            (names.pop().unwrap_or_default(), issuer)
        }
        (_, Some(first)) => {
            let issuers = names.split_off(first);
            (names.pop().unwrap_or_default(), issuers)
        }
    }
}

/// A line without a dash at its end, and whether it had one (or ends in "VÀ").
fn without_dash(text: &str, line: Span) -> (Span, bool) {
    let words = line.of(text);
    let trimmed = words.trim_end_matches([' ', '-', '–', '—']);
    let dashed = trimmed.len() < words.trim_end().len();
    (
        Span {
            start: line.start,
            end: line.start + trimmed.len() as u32,
        },
        dashed,
    )
}

/// Two bodies on one line: "BAN DÂN VẬN TỈNH ỦY - SỞ NỘI VỤ"; but "LAO ĐỘNG - THƯƠNG BINH" is one.
fn split_joint(reader: &Reader<'_>, name: Span, joint: bool) -> Vec<(Span, bool)> {
    let mut out = Vec::new();
    let mut start = name.start as usize;
    let mut at = start;
    while at < name.end as usize {
        let token = reader.after(at);
        if token.is_mark('-') && token.spaced && token.span.end < name.end {
            let right = reader.next(token);
            let rest = Span {
                start: right.span.start,
                end: name.end,
            };
            if begins_body(reader, rest) && token.start() > start {
                out.push((without_dash(reader.text, Span::new(start, token.start())).0, true));
                start = right.start();
            }
        }
        at = token.end().max(at + 1);
    }
    out.push((
        Span {
            start: start as u32,
            end: name.end,
        },
        joint,
    ));
    out
}

/// Whether a line begins with a word that begins the name of a body. "ỦY BAN NHÂN DÂN" does,
/// "HUYỆN …" and "TỈNH …" go on with the name above, "TỈNH ỦY" does.
fn begins_body(reader: &Reader<'_>, line: Span) -> bool {
    const COMMITTEE: Key = Key::new("ủy");
    let [first, second, _] = first_words(reader, line);
    // TỈNH ỦY, HUYỆN ỦY; but ỦY BAN as well.
    if second == COMMITTEE || first == COMMITTEE {
        return first != COMMITTEE || second == key!("ban");
    }
    BODY_HEADS
        .iter()
        .any(|(head, rest)| *head == first && (rest.is_empty() || rest.contains(&second)))
        && !NO_HEADS.contains(&(first, second))
}

/// First words of the names of bodies, and which words may stand behind each: any where none is
/// given. Many of these syllables begin other words, too: VĂN PHÒNG is an office, VĂN HÓA a field.
const BODY_HEADS: [(Key, &[Key]); 34] = [
    (key!("ubnd"), &[]),
    (key!("hđnd"), &[]),
    (key!("sở"), &[]),
    (key!("bộ"), &[]),
    (key!("ban"), &[]),
    (key!("văn"), &[key!("phòng")]),
    (key!("chi"), &[]),
    (key!("cục"), &[]),
    (key!("tổng"), &[]),
    (key!("phòng"), &[]),
    (key!("trung"), &[key!("tâm")]),
    (key!("trường"), &[]),
    (key!("công"), &[key!("an"), key!("đoàn"), key!("ty")]),
    (key!("thanh"), &[key!("tra")]),
    (key!("đoàn"), &[]),
    (key!("hội"), &[]),
    (key!("liên"), &[]),
    (key!("mặt"), &[key!("trận")]),
    (key!("viện"), &[]),
    (key!("tòa"), &[]),
    (key!("kho"), &[key!("bạc")]),
    (key!("bảo"), &[key!("hiểm"), key!("tàng")]),
    (key!("tổ"), &[]),
    (key!("đảng"), &[]),
    (key!("đội"), &[]),
    (key!("ngân"), &[key!("hàng")]),
    (key!("chính"), &[key!("phủ")]),
    (key!("vụ"), &[]),
    (key!("học"), &[key!("viện")]),
    (key!("bệnh"), &[key!("viện")]),
    (key!("hạt"), &[]),
    (key!("trạm"), &[]),
    (key!("mttq"), &[]),
    (key!("cơ"), &[key!("quan")]),
];

/// Words that go on with the name on the line above all the same: "BAN CHẤP HÀNH" / "ĐẢNG BỘ
/// TỈNH …", "BAN CHỈ HUY" / "PHÒNG CHỐNG THIÊN TAI …".
const NO_HEADS: [(Key, Key); 2] = [(key!("đảng"), key!("bộ")), (key!("phòng"), key!("chống"))];

/// A date of issue below the text, above the signature: "Hà Nội, ngày … tháng … năm …".
fn date_below_text(reader: &Reader<'_>, layout: &Layout, header: &mut Header) {
    let lines = layout.lines[..layout.closing.end.min(layout.lines.len())].iter().rev();
    let inside = |line: &&crate::extract::layout::Line| line.span.start >= layout.body.start && !line.is_blank();
    let last = lines.filter(inside).take(LAST_LINES + layout.closing.len());
    for line in last.filter(|line| line.span.len() < MASTHEAD_LINE / 2) {
        for cell in line.cells(reader.text) {
            let place_first = reader.str(cell).starts_with(char::is_uppercase);
            if let Some(mention) = date_in(reader, cell)
                && place_first
                && reader.after(mention.span.end as usize).start() >= cell.end as usize
                && let Some(place) = place_before(reader, cell, mention.span)
                && place.len() < 60
            {
                header.place = Some(place);
                header.issue_date = Some(mention.date);
                header.issue_date_span = Some(mention.span);
                return;
            }
        }
    }
}

const YEAR: Key = Key::new("năm");
const MONTH: Key = Key::new("tháng");
const QUARTER: Key = Key::new("quý");

/// The period that a title names first. A year not given beside it is the first one in the title,
/// else that of the date of issue.
fn period(reader: &Reader<'_>, title: Span, issue_date: Option<PartialDate>) -> Option<Period> {
    let words = TitleWords::read(reader, title);
    let (at, found) = (0..words.len()).find_map(|at| words.period_at(at).map(|found| (at, found)))?;
    let year = match found.year {
        0 => words
            .first_year(at)
            .or_else(|| issue_date.map(|date| date.year))
            .filter(|&year| year != 0)?,
        year => year,
    };
    Some(span_of(found.kind, found.index, found.from.unwrap_or(year), year))
}

/// First and last day of a period.
fn span_of(kind: PeriodKind, index: u8, from: u16, year: u16) -> Period {
    let (first, last) = match kind {
        PeriodKind::Year | PeriodKind::MultiYear => (1, 12),
        PeriodKind::HalfYear => (index * 6 - 5, index * 6),
        PeriodKind::NineMonths => (1, 9),
        PeriodKind::Quarter => (index * 3 - 2, index * 3),
        PeriodKind::Month => (index, index),
    };
    Period {
        kind,
        year,
        index: if matches!(kind, PeriodKind::NineMonths) {
            0
        } else {
            index
        },
        start: PartialDate::new(from, first, 1),
        end: PartialDate::new(year, last, dates::days_in(year, last)),
    }
}

/// A period as far as its words say.
struct Named {
    kind: PeriodKind,
    index: u8,
    /// 0 where the year stands elsewhere.
    year: u16,
    from: Option<u16>,
}

impl Named {
    fn new(kind: PeriodKind, index: u8, year: u16) -> Option<Self> {
        Some(Self {
            kind,
            index,
            year,
            from: None,
        })
    }
}

/// The words and numbers of a title, dates of documents left out.
struct TitleWords<'t> {
    reader: Reader<'t>,
    tokens: Vec<Token>,
}

impl<'t> TitleWords<'t> {
    fn read(reader: &Reader<'t>, title: Span) -> Self {
        let mut tokens = Vec::new();
        let mut at = title.start as usize;
        while at < title.end as usize {
            // "ngày 03/6/2013" and "03/6/2013" say nothing of the period.
            if let Some(date) = dates::parse(reader, at).filter(|mention| mention.date.day != 0) {
                at = date.span.end as usize;
                continue;
            }
            let token = reader.after(at);
            at = token.end().max(at + 1);
            if !token.is_end() {
                tokens.push(token);
            }
        }
        Self {
            reader: *reader,
            tokens,
        }
    }

    fn len(&self) -> usize {
        self.tokens.len()
    }

    fn key(&self, at: usize) -> Key {
        self.tokens.get(at).map_or(Key::NONE, |token| token.key)
    }

    fn is_mark(&self, at: usize, mark: char) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_mark(mark))
    }

    fn number(&self, at: usize) -> Option<u16> {
        let token = self.tokens.get(at).filter(|token| token.is_number())?;
        self.reader.token(*token).parse().ok()
    }

    fn year(&self, at: usize) -> Option<u16> {
        self.number(at).filter(|year| (1945..2100).contains(year))
    }

    /// The first year at or behind a token, else of the whole title.
    fn first_year(&self, at: usize) -> Option<u16> {
        (at..self.len()).chain(0..at).find_map(|at| self.year(at))
    }

    /// A year behind a token: "năm 2024", "/2024", "- 2024".
    fn year_behind(&self, at: usize) -> u16 {
        let mark = self.is_mark(at, '/') || self.is_mark(at, ',');
        let at = if self.key(at) == YEAR || mark { at + 1 } else { at };
        let at = if mark && self.key(at) == YEAR { at + 1 } else { at };
        self.year(at).unwrap_or(0)
    }

    /// The period that begins with this token.
    fn period_at(&self, at: usize) -> Option<Named> {
        let word = self.key(at);
        if word == QUARTER {
            let index = self.quarter(at + 1)?;
            return Named::new(PeriodKind::Quarter, index, self.year_behind(at + 2));
        }
        if word == MONTH {
            let month = self.number(at + 1).filter(|month| (1..=12).contains(month))?;
            return Named::new(PeriodKind::Month, month as u8, self.year_behind(at + 2));
        }
        if let Some(months) = self.number_or_word(at).filter(|_| self.key(at + 1) == MONTH) {
            return self.months(months, at + 2);
        }
        self.years(at)
    }

    /// "6 tháng đầu năm 2024", "sáu tháng cuối năm", "9 tháng năm 2024", "6 tháng".
    fn months(&self, months: u16, at: usize) -> Option<Named> {
        let last_half = self.key(at) == key!("cuối");
        let at = if last_half || self.key(at) == key!("đầu") {
            at + 1
        } else {
            at
        };
        let year = self.year_behind(at);
        match months {
            6 => Named::new(PeriodKind::HalfYear, 1 + u8::from(last_half), year),
            9 => Named::new(PeriodKind::NineMonths, 0, year),
            3 => Named::new(PeriodKind::Quarter, 1, year),
            12 => Named::new(PeriodKind::Year, 0, year),
            _ => None,
        }
    }

    /// "năm 2024", "giai đoạn 2021 - 2025", "từ năm 2021 đến năm 2023", "2021-2025", "… 2018".
    fn years(&self, at: usize) -> Option<Named> {
        let first = self.year(at)?;
        // The "2024" of a symbol or of a numeral is no year.
        let glued = self.tokens.get(at.wrapping_sub(1)).is_some_and(|before| {
            (before.is_mark('/') || before.is_mark('-'))
                && !self.tokens[at].spaced
                && self.year(at.wrapping_sub(2)).is_none()
        });
        if glued {
            return None;
        }
        let second = if self.is_mark(at + 1, '-') {
            self.year(at + 2)
        } else if matches!(self.key(at + 1), key if key == key!("đến") || key == key!("và")) {
            self.year(at + 2)
                .or_else(|| self.year(at + 3).filter(|_| self.key(at + 2) == YEAR))
        } else {
            None
        };
        match second.filter(|&second| second > first) {
            Some(second) => Some(Named {
                kind: PeriodKind::MultiYear,
                index: 0,
                year: second,
                from: Some(first),
            }),
            None => Named::new(PeriodKind::Year, 0, first),
        }
    }

    fn quarter(&self, at: usize) -> Option<u8> {
        let token = self.tokens.get(at)?;
        let value = if token.is_number() {
            self.number(at)
        } else {
            roman_value(self.reader.token(*token))
        };
        value.filter(|value| (1..=4).contains(value)).map(|value| value as u8)
    }

    fn number_or_word(&self, at: usize) -> Option<u16> {
        match self.key(at) {
            key if key == key!("sáu") => Some(6),
            key if key == key!("chín") => Some(9),
            key if key == key!("ba") => Some(3),
            _ => self.number(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> (Document, Header) {
        let document = Document::plain(text);
        let layout = Layout::of(&document);
        let header = extract(&document, &layout, Vocabulary::embedded());
        (document, header)
    }

    fn names(text: &str) -> (String, Vec<String>) {
        let (document, header) = header(text);
        let cut = |span: Span| span.of(&document.text).split_whitespace().collect::<Vec<_>>().join(" ");
        let whole = |name: &Name| name.iter().map(|&line| cut(line)).collect::<Vec<_>>().join(" ");
        (
            whole(&header.governing_body),
            header.issuers.iter().map(whole).collect(),
        )
    }

    #[test]
    fn bodies_side_by_side_below_each_other_and_joint() {
        let motto = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM";
        let cases = [
            (
                format!(
                    "UBND TỈNH KHÊ LAM\t{motto}\nSỞ LAO ĐỘNG - THƯƠNG BINH\nVÀ XÃ HỘI\tĐộc lập - Tự do - Hạnh phúc"
                ),
                "UBND TỈNH KHÊ LAM",
                vec!["SỞ LAO ĐỘNG - THƯƠNG BINH VÀ XÃ HỘI"],
            ),
            (
                format!("ỦY BAN NHÂN DÂN\t{motto}\nHUYỆN NÀ PHA\tĐộc lập - Tự do - Hạnh phúc"),
                "",
                vec!["ỦY BAN NHÂN DÂN HUYỆN NÀ PHA"],
            ),
            (
                format!("ỦY BAN NHÂN DÂN\nHUYỆN NÀ PHA\n\n{motto}"),
                "",
                vec!["ỦY BAN NHÂN DÂN HUYỆN NÀ PHA"],
            ),
            (
                "TỈNH ỦY KHÊ LAM\nBAN DÂN VẬN -\nSỞ NỘI VỤ\n*\nĐẢNG CỘNG SẢN VIỆT NAM".to_owned(),
                "TỈNH ỦY KHÊ LAM",
                vec!["BAN DÂN VẬN", "SỞ NỘI VỤ"],
            ),
            (
                "BAN DÂN VẬN TỈNH ỦY - SỞ NỘI VỤ\n*".to_owned(),
                "",
                vec!["BAN DÂN VẬN TỈNH ỦY", "SỞ NỘI VỤ"],
            ),
        ];
        for (masthead, governing, issuers) in cases {
            let read = names(&format!("{masthead}\n\nBÁO CÁO\nKết quả năm 2024\n\nĐã xong."));
            assert_eq!(
                read,
                (governing.to_owned(), issuers.into_iter().map(str::to_owned).collect()),
                "{masthead}"
            );
        }
    }

    #[test]
    fn blanks_are_kept_as_blanks() {
        let (document, header) = header(
            "SỞ TƯ PHÁP\nSố:       /BC-STP          Khê Lam, ngày      tháng      năm 2024\n\nBÁO CÁO\nCông tác tháng 5/2024\n\nĐã xong.",
        );
        let number = header.number.unwrap();
        assert_eq!(
            (number.sequence, number.type_code.unwrap().of(&document.text)),
            (None, "BC")
        );
        assert_eq!(header.issue_date, Some(PartialDate::new(2024, 0, 0)));
        assert_eq!(header.place.unwrap().of(&document.text), "Khê Lam");
    }

    #[test]
    fn periods_of_titles() {
        use PeriodKind::*;
        let cases = [
            (
                "công tác 6 tháng đầu năm; nhiệm vụ 6 tháng cuối năm 2023",
                Some((HalfYear, 1, "2023-01-01", "2023-06-30")),
            ),
            (
                "công tác quý III năm 2024; nhiệm vụ quý IV năm 2024",
                Some((Quarter, 3, "2024-07-01", "2024-09-30")),
            ),
            ("công tác quý 1/2025", Some((Quarter, 1, "2025-01-01", "2025-03-31"))),
            (
                "công tác 9 tháng năm 2024",
                Some((NineMonths, 0, "2024-01-01", "2024-09-30")),
            ),
            (
                "công tác tháng 02/2024, nhiệm vụ tháng 3/2024",
                Some((Month, 2, "2024-02-01", "2024-02-29")),
            ),
            (
                "kết quả “Năm trật tự đô thị” 2018",
                Some((Year, 0, "2018-01-01", "2018-12-31")),
            ),
            (
                "kết quả giai đoạn 2021 - 2025",
                Some((MultiYear, 0, "2021-01-01", "2025-12-31")),
            ),
            ("tình hình thực hiện Chỉ thị số 05/CT-UBND ngày 12/3/2021", None),
            ("nhanh tình hình mưa lũ (tính đến ngày 12/9/2024)", None),
        ];
        for (title, expected) in cases {
            let (_, header) = header(&format!("BÁO CÁO\n{title}\n\nĐã xong."));
            let found = header
                .period
                .map(|p| (p.kind, p.index, p.start.to_string(), p.end.to_string()));
            assert_eq!(
                found,
                expected.map(|(k, i, s, e)| (k, i, s.to_owned(), e.to_owned())),
                "{title}"
            );
        }
    }

    #[test]
    fn a_date_above_the_signature_is_the_date_of_issue() {
        let (document, header) = header(
            "BÁO CÁO\nCông tác năm 2024\n\nĐã xong.\n\nKhê Lam, ngày 05 tháng 12 năm 2024\nGIÁM ĐỐC\n\nLò Văn Tâm",
        );
        assert_eq!(header.issue_date, Some(PartialDate::new(2024, 12, 5)));
        assert_eq!(header.place.unwrap().of(&document.text), "Khê Lam");
    }
}
