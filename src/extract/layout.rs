//! The lines of the document: what each is, where sentences go on across line and page breaks,
//! and where masthead, title, body, footnotes and closing lie.
//!
//! One pass over the lines, linear in their number. What is decided here is decided by the shape
//! of lines (capitals, labels, length, end punctuation), not by what they say, apart from the few
//! words that mark a region ("BÁO CÁO", "Nơi nhận", "TM.").

use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    document::{Document, Span},
    shadow::{Case, Flow, Key, Reader, Token, Tokens, key, letter_case},
};

/// What the extractors need to know of the document's lines.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// All lines, blank ones included.
    pub lines: Vec<Line>,
    /// Joins between the end of one line and the start of the one where its sentence goes on.
    pub flow: Flow,
    /// Lines of the masthead, up to the type word.
    pub masthead: Range<usize>,
    /// The line that holds the type word ("BÁO CÁO").
    pub type_line: Option<usize>,
    /// The title of the report, below its type word; empty when there is none.
    pub title: Span,
    /// From the title on to the end of the closing words; footnotes in between included.
    pub body: Span,
    /// Lines of signatures and recipients.
    pub closing: Range<usize>,
    /// Footnotes, in document order; some may stand behind the closing.
    pub notes: Vec<Note>,
    /// Labels of list items and headings at line starts, punctuation included: no figures.
    pub labels: Vec<Span>,
    /// The tokens of the text.
    pub tokens: Tokens,
}

/// A line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The line without outer white space, emphasis and Markdown marks; empty for a blank line or
    /// a rule.
    pub span: Span,
    /// The label it begins with.
    pub label: Option<Label>,
    /// Whether it begins with a dash or another bullet.
    pub bullet: bool,
    /// Whether it is a row of a table: cells between bars or tabs, or numbers set in columns by spaces.
    pub row: bool,
}

/// A label at the start of a line: "II.", "2.1.", "a)", "Phần thứ nhất".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The label without its punctuation.
    pub span: Span,
    /// Where the text behind it begins.
    pub text: u32,
    /// What kind of label it is.
    pub kind: LabelKind,
}

/// The kinds of labels, from the outermost usual level inwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LabelKind {
    /// Phần thứ nhất, Phần I, Chương II.
    Part,
    /// A, B.
    Upper,
    /// I, II.
    Roman,
    /// 1, 2; 2.1 has two numbers.
    Arabic(u8),
    /// a, b, đ.
    Lower,
}

/// A footnote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its mark at the start of the note, brackets left out.
    pub mark: Span,
    /// Its body, over all its paragraphs.
    pub body: Span,
    /// Its mark in the text, where found.
    pub reference: Option<Span>,
}

/// Up to this many paragraphs may belong to one footnote.
const MAX_NOTE_PARAGRAPHS: usize = 60;
/// A paragraph of so many bytes is prose, not the line of a list.
const PROSE_BYTES: usize = 400;

impl Layout {
    /// Reads the lines of a document.
    pub fn of(document: &Document) -> Self {
        let text = document.text.as_str();
        let mut lines: Vec<Line> = (0..document.lines())
            .map(|index| Line::of(text, document.line(index)))
            .collect();
        let head = Head::of(text, &lines);
        let closing = find_closing(text, &lines, head.title_lines.end);
        let body_start = head.title.map_or_else(
            || lines.get(head.title_lines.end).map_or(0, |line| line.span.start),
            |title| title.start,
        );
        let body_end = lines[..closing.start]
            .iter()
            .rev()
            .find(|line| !line.is_blank())
            .map_or(body_start, |line| line.span.end);
        let within = head.title_lines.end..closing.start.max(head.title_lines.end);
        mark_spaced_rows(text, &mut lines[within.clone()]);
        let wrapped = wrap_width(text, &lines[within.clone()]);
        if let Some(width) = wrapped {
            unlabel_wrapped(text, &mut lines[within.clone()], width);
        }
        let mut joiner = Joiner::new(text, &lines, within, wrapped);
        joiner.run();
        joiner.notes_behind(closing.clone());
        let mut notes = joiner.notes;
        find_references(text, &lines, &mut notes);
        let labels = lines
            .iter()
            .filter_map(|line| line.label)
            .map(|label| Span {
                start: label.span.start,
                end: label.text,
            })
            .collect();
        let flow = Flow::new(joiner.joins);
        Self {
            tokens: Tokens::of(text, &flow),
            flow,
            masthead: 0..head.type_line.unwrap_or(head.title_lines.start),
            type_line: head.type_line,
            title: head.title.unwrap_or_default(),
            body: Span {
                start: body_start,
                end: body_end.max(body_start),
            },
            closing,
            notes,
            labels,
            lines,
        }
    }

    /// A reader of the document that goes on across line and page breaks inside sentences.
    pub fn reader<'t>(&'t self, document: &'t Document) -> Reader<'t> {
        Reader::with(&document.text, &self.flow, &self.tokens)
    }

    /// The stretches of running text: title and body, then footnotes that stand behind the closing.
    pub fn regions(&self) -> impl Iterator<Item = Span> + '_ {
        let behind = self
            .notes
            .iter()
            .map(|note| note.body)
            .filter(|note| note.start >= self.body.end);
        std::iter::once(self.body).chain(behind)
    }
}

impl Line {
    fn of(text: &str, whole: Span) -> Self {
        let raw = whole.of(text);
        let inner = raw.trim_start_matches(is_ornament);
        let start = whole.start as usize + raw.len() - inner.len();
        let inner = inner.trim_end_matches(is_ornament);
        let span = Span::new(start, start + inner.len());
        if !inner.contains(|c: char| c.is_alphanumeric()) {
            // A rule, a page's number of asterisks, an empty emphasis.
            return Self {
                span: Span {
                    start: span.start,
                    end: span.start,
                },
                ..Self::default()
            };
        }
        let first = raw.trim_start().chars().next().unwrap_or(' ');
        let starred = first == '*' && raw.trim_start()[1..].starts_with(' ');
        Self {
            span,
            label: label(text, span),
            bullet: starred || is_dash(inner) || matches!(first, '+' | '•' | '●' | '◦' | '▪' | '\u{F0B7}'),
            row: memchr::memchr2(b'|', b'\t', inner.as_bytes()).is_some(),
        }
    }

    /// Whether there is nothing on it, or nothing but a rule.
    pub fn is_blank(&self) -> bool {
        self.span.is_empty()
    }

    /// Its cells: the pieces between tabs, bars and runs of three or more spaces, each trimmed.
    /// The runs of spaces that a form leaves for a number or a day to be filled in do not divide.
    pub fn cells(self, text: &str) -> Vec<Span> {
        cells(text, self.span)
    }
}

/// White space and Markdown marks at the edges of a line.
fn is_ornament(c: char) -> bool {
    c.is_whitespace() || matches!(c, '*' | '_' | '#' | '>' | '\\' | '`' | '\u{FEFF}' | '\u{200B}')
}

fn is_dash(text: &str) -> bool {
    text.starts_with(['-', '–', '—', '−'])
}

/// Whether the letters of a text are capitals (a few slips of the scanner allowed).
pub fn is_upper(text: &str) -> bool {
    // Bytes counted at a time, fewer than a byte counts.
    const BLOCK: usize = 128;
    // In prose the plain small letters alone are too many.
    let mut plain = 0;
    for block in text.as_bytes().chunks(BLOCK) {
        let in_block = block
            .iter()
            .fold(0, |count: u8, byte| count + u8::from(byte.is_ascii_lowercase()));
        plain += usize::from(in_block);
        if plain * 8 > text.len() {
            return false;
        }
    }
    let (mut upper, mut lower) = (0, 0);
    for c in text.chars() {
        match letter_case(c) {
            Some(true) => upper += 1,
            Some(false) => {
                lower += 1;
                // More small letters than capitals can outweigh, were all the rest capitals.
                if lower * 8 > text.len() {
                    return false;
                }
            }
            None => {}
        }
    }
    upper >= 2 && lower * 8 <= upper
}

fn cells(text: &str, span: Span) -> Vec<Span> {
    let line = span.of(text);
    let mut out = Vec::new();
    let mut start = 0;
    let mut rest = line;
    let push = |out: &mut Vec<Span>, from: usize, to: usize| {
        let piece = &line[from..to];
        let trimmed = piece.trim_start_matches(is_ornament);
        let from = from + piece.len() - trimmed.len();
        let to = from + trimmed.trim_end_matches(is_ornament).len();
        if from < to {
            out.push(Span::new(span.start as usize + from, span.start as usize + to));
        }
    };
    // Most lines have no gap at all.
    let divided = memchr::memchr2(b'|', b'\t', line.as_bytes()).is_some() || line.contains("   ");
    while divided && let Some((gap_start, gap_end)) = next_gap(rest) {
        let offset = line.len() - rest.len();
        let (left, right) = (&line[start..offset + gap_start], &line[offset + gap_end..]);
        if !is_blank_to_fill(left, right) {
            push(&mut out, start, offset + gap_start);
            start = offset + gap_end;
        }
        rest = right;
    }
    push(&mut out, start, line.len());
    out
}

/// The next tab, bar or run of three spaces, as offsets.
fn next_gap(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let run = bytes[i..]
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t' | b'|'))
            .count();
        let gap = &bytes[i..i + run];
        if run >= 3 || gap.iter().any(|&b| b != b' ') {
            return Some((i, i + run));
        }
        i += run.max(1);
    }
    None
}

/// Whether a gap is a blank to be filled in: "Số:      /BC-STP", "ngày     tháng     năm 2024".
fn is_blank_to_fill(left: &str, right: &str) -> bool {
    const BEFORE: [Key; 4] = [Key::new("số"), Key::new("ngày"), Key::new("tháng"), Key::new("năm")];
    const AFTER: [Key; 2] = [Key::new("tháng"), Key::new("năm")];
    let flow = Flow::default();
    let left = left.trim_end_matches([' ', ':', '.', '…', ',']);
    let last = Reader::new(left, &flow).before(left.len());
    if !BEFORE.contains(&last.key) {
        return false;
    }
    let first = Reader::new(right, &flow).after(0);
    right.trim_start().starts_with(['/', '-', '–'])
        || AFTER.contains(&first.key)
        || (last.key != BEFORE[3] && first.is_number())
}

/// The label at the start of a line.
fn label(text: &str, line: Span) -> Option<Label> {
    let rest = line.of(text);
    let first = rest.as_bytes().first()?;
    match first {
        b'0'..=b'9' => arabic(rest),
        b'I' | b'V' | b'X' => roman(rest).or_else(|| single_letter(rest)),
        b'A'..=b'H' | b'a'..=b'y' | 0xC4 => single_letter(rest).or_else(|| part(rest)),
        b'P' | b'M' => part(rest),
        _ => None,
    }
    .map(|(size, behind, kind)| {
        let start = line.start as usize;
        Label {
            span: Span::new(start, start + size),
            text: (start + behind) as u32,
            kind,
        }
    })
    .or_else(|| {
        part(rest).map(|(size, behind, kind)| {
            let start = line.start as usize;
            Label {
                span: Span::new(start, start + size),
                text: (start + behind) as u32,
                kind,
            }
        })
    })
}

/// Size of the label, offset of the text behind it, kind.
type Parsed = Option<(usize, usize, LabelKind)>;

/// The punctuation and the space behind a label: the offset of the text behind them. A label that
/// stands alone on its line needs no space.
fn punctuated(rest: &str, size: usize, marks: &[char]) -> Option<usize> {
    let tail = rest[size..].trim_start_matches('\\');
    let spaced = tail.trim_start_matches(' ');
    // "I - TITLE" has a space before its dash.
    let unmarked = if tail.len() - spaced.len() <= 1 && spaced.starts_with(['-', '–', '—']) {
        spaced
    } else {
        tail
    };
    let text = unmarked.strip_prefix(marks)?;
    let text = text.strip_prefix(['.', '-', '–', ')', ':']).unwrap_or(text);
    let stripped = text.trim_start_matches(is_ornament);
    if stripped.is_empty() {
        return Some(rest.len());
    }
    let spaced = stripped.len() < text.len();
    // "I.TITLE": a capital right behind the mark will do, a figure will not.
    let glued = stripped.starts_with(char::is_uppercase);
    (spaced || glued).then(|| rest.len() - stripped.len())
}

const LABEL_MARKS: [char; 7] = ['.', ')', '-', '–', '—', '/', ':'];

/// "1.", "1-", "2.1.", "2.1 Title".
fn arabic(rest: &str) -> Parsed {
    let bytes = rest.as_bytes();
    let (mut size, mut numbers) = (0, 0u8);
    loop {
        let digits = bytes[size..].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 || digits > 2 || numbers == 5 {
            break;
        }
        size += digits;
        numbers += 1;
        match bytes.get(size..) {
            Some([b'.', next, ..]) if next.is_ascii_digit() => size += 1,
            _ => break,
        }
    }
    // What was read must not go on as a larger numeral ("1.327", "30/6").
    if numbers == 0 || bytes.get(size).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let size = rest[..size].trim_end_matches('.').len();
    if let Some(text) = punctuated(rest, size, &LABEL_MARKS) {
        let dated = bytes.get(size) == Some(&b'/') && rest[text..].starts_with(|c: char| c.is_ascii_digit());
        // "1- 5" is a range; "2. 3" is nothing known.
        let followed = rest[text..].starts_with(|c: char| c.is_ascii_digit()) && bytes.get(size) != Some(&b'.');
        return (!dated && !followed).then_some((size, text, LabelKind::Arabic(numbers)));
    }
    // "2.1 Title"
    let text = rest[size..].strip_prefix(' ')?.trim_start();
    (numbers > 1 && text.starts_with(char::is_uppercase))
        .then(|| (size, rest.len() - text.len(), LabelKind::Arabic(numbers)))
}

/// "IV.", "II-", "I/".
fn roman(rest: &str) -> Parsed {
    let size = rest.bytes().take_while(|b| matches!(b, b'I' | b'V' | b'X')).count();
    if size > 6 || roman_value(&rest[..size]).is_none() {
        return None;
    }
    Some((size, punctuated(rest, size, &LABEL_MARKS)?, LabelKind::Roman))
}

/// "A.", "B-", "a)", "đ)".
fn single_letter(rest: &str) -> Parsed {
    let letter = rest.chars().next()?;
    let size = letter.len_utf8();
    let marks: &[char] = if letter.is_uppercase() {
        &['.', '-', '–', '/', ')']
    } else {
        &[')', '.', '/', '-', '–']
    };
    let kind = match letter {
        'A'..='Z' | 'Đ' => LabelKind::Upper,
        'a'..='y' | 'đ' => LabelKind::Lower,
        _ => return None,
    };
    let text = punctuated(rest, size, marks)?;
    // "B.C Nguyễn": initials are no label.
    (rest.as_bytes().get(text) != Some(&b'.')).then_some((size, text, kind))
}

/// "Phần thứ nhất", "Phần I.", "Chương II".
fn part(rest: &str) -> Parsed {
    const WORDS: [Key; 3] = [Key::new("phần"), Key::new("chương"), Key::new("mục")];
    const TH: Key = Key::new("thứ");
    let may_begin = |first: u8| !first.is_ascii() || matches!(first | 0x20, b'p' | b'c' | b'm');
    if !rest.bytes().next().is_some_and(may_begin) {
        return None;
    }
    let flow = Flow::default();
    let reader = Reader::new(rest, &flow);
    let word = reader.after(0);
    if !WORDS.contains(&word.key) || word.case == Case::Lower {
        return None;
    }
    let mut last = reader.next(word);
    if last.key == TH {
        last = reader.next(last);
        if !last.is_word() {
            return None;
        }
    } else if !(last.is_number() || (last.is_word() && roman_value(reader.token(last)).is_some())) {
        return None;
    }
    let size = last.end();
    let text = rest[size..].trim_start_matches(|c: char| is_ornament(c) || LABEL_MARKS.contains(&c));
    Some((size, rest.len() - text.len(), LabelKind::Part))
}

/// The value of a roman numeral up to 39.
pub fn roman_value(text: &str) -> Option<u16> {
    let mut total = 0;
    let mut last = 0;
    for c in text.bytes().rev() {
        let value = match c {
            b'I' => 1,
            b'V' => 5,
            b'X' => 10,
            _ => return None,
        };
        if value < last {
            total -= value;
        } else {
            total += value;
            last = value;
        }
    }
    // Only what is written as it should be: "IIX" is no numeral.
    fn roman(value: i32) -> String {
        const DIGITS: [(i32, &str); 5] = [(10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")];
        let (mut rest, mut out) = (value, String::new());
        for (size, digits) in DIGITS {
            while rest >= size {
                out.push_str(digits);
                rest -= size;
            }
        }
        out
    }
    ((1..40).contains(&total) && roman(total) == text).then_some(total as u16)
}

/// Masthead, type word and title.
struct Head {
    type_line: Option<usize>,
    /// Lines of the title; empty, at the first line of the body, when there is none.
    title_lines: Range<usize>,
    title: Option<Span>,
}

/// The type word is looked for in so many lines.
const MASTHEAD_LINES: usize = 80;
/// A title has at most so many lines.
const TITLE_LINES: usize = 12;

impl Head {
    fn of(text: &str, lines: &[Line]) -> Self {
        let Some(type_line) = find_type_line(text, lines) else {
            return Self {
                type_line: None,
                title_lines: 0..0,
                title: None,
            };
        };
        let mut title: Option<Span> = behind_type_word(text, lines[type_line].span);
        let mut end = type_line + 1;
        let mut blank = false;
        for (index, line) in lines.iter().enumerate().skip(type_line + 1).take(TITLE_LINES) {
            if line.is_blank() {
                // A rule below the title ends it.
                if title.is_some() && is_rule(text, lines, index) {
                    break;
                }
                blank = true;
                continue;
            }
            if !goes_on(text, title, *line, blank) {
                break;
            }
            title = Some(title.map_or(line.span, |title| title.join(line.span)));
            end = index + 1;
            blank = false;
        }
        Self {
            type_line: Some(type_line),
            title_lines: type_line + 1..end,
            title,
        }
    }
}

/// The first line that begins with the type of the document, in capitals.
fn find_type_line(text: &str, lines: &[Line]) -> Option<usize> {
    let flow = Flow::default();
    let reader = Reader::new(text, &flow);
    let is_type = |line: &Line| {
        !line.is_blank() && line.label.is_none() && line.span.len() <= 300 && type_word(&reader, line.span).is_some()
    };
    lines.iter().take(MASTHEAD_LINES).position(is_type)
}

/// The type word at the start of a line, in capitals: "BÁO CÁO", also of a draft ("DỰ THẢO BÁO
/// CÁO"), whose mark is left out.
pub fn type_word(reader: &Reader<'_>, line: Span) -> Option<Span> {
    const TYPES: [[Key; 2]; 8] = [
        [key!("báo"), key!("cáo")],
        [key!("tờ"), key!("trình")],
        [key!("kế"), key!("hoạch")],
        [key!("thông"), key!("báo")],
        [key!("nghị"), key!("quyết")],
        [key!("quyết"), key!("định")],
        [key!("chỉ"), key!("thị")],
        [key!("kết"), key!("luận")],
    ];
    const DRAFT: [Key; 2] = [key!("dự"), key!("thảo")];
    let pair_at = |at: usize| {
        let first = reader.after(at);
        (first, reader.after(first.end()))
    };
    let mut pair = pair_at(line.start as usize);
    if [pair.0.key, pair.1.key] == DRAFT {
        pair = pair_at(pair.1.end());
    }
    let (first, second) = pair;
    let known = TYPES.contains(&[first.key, second.key]);
    let capitals = reader
        .str(first.span.join(second.span))
        .chars()
        .all(|c| !c.is_lowercase());
    (known && capitals && second.span.end <= line.end).then(|| first.span.join(second.span))
}

/// Whether the first two words are in capitals.
fn is_upper_start(text: &str, span: Span) -> bool {
    let mut words = span.of(text).split_whitespace();
    words
        .by_ref()
        .take(2)
        .all(|word| word.chars().all(|c| !c.is_lowercase()))
}

/// What stands on the type's line behind the type word: the beginning of the title.
fn behind_type_word(text: &str, line: Span) -> Option<Span> {
    let flow = Flow::default();
    let reader = Reader::new(text, &flow);
    let next = reader.after(type_word(&reader, line)?.end as usize);
    (next.start() < line.end as usize && next.is_word()).then_some(Span {
        start: next.span.start,
        end: line.end,
    })
}

/// Whether a line belongs to the title read so far.
fn goes_on(text: &str, title: Option<Span>, line: Line, blank: bool) -> bool {
    const ADDRESSED: [Key; 2] = [Key::new("kính"), Key::new("gửi")];
    let flow = Flow::default();
    let reader = Reader::new(text, &flow);
    let first = reader.after(line.span.start as usize);
    let second = reader.next(first);
    let addressed = first.key == ADDRESSED[0] && (second.key == ADDRESSED[1] || second.key == key!("trình"));
    if addressed || line.label.is_some() || line.bullet || line.span.len() > 260 {
        return false;
    }
    let Some(title) = title else { return true };
    if blank {
        // Below a blank line only what the title's last word asks for.
        let last = title.of(text).chars().next_back().unwrap_or(' ');
        let lower = line.span.of(text).starts_with(char::is_lowercase);
        return (matches!(last, ';' | ',' | '-') || lower || line.span.of(text).starts_with('('))
            && !ends_sentence(text, line.span);
    }
    // Prose that begins right below the title ends in a full stop and is long.
    line.span.len() < 170 || !ends_sentence(text, line.span)
}

fn is_rule(text: &str, lines: &[Line], index: usize) -> bool {
    let start = lines[index].span.start as usize;
    let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    line.trim_matches(|c: char| c.is_whitespace() || c == '\\').len() >= 2
}

/// Whether a piece of text ends in punctuation that ends a sentence or a list's item.
fn ends_sentence(text: &str, span: Span) -> bool {
    let trimmed = span
        .of(text)
        .trim_end_matches(|c: char| is_ornament(c) || matches!(c, '”' | '"' | '»' | ')' | ']'));
    let trimmed = trimmed.trim_end_matches(is_superscript);
    trimmed.ends_with(['.', ';', ':', '!', '?', '…'])
}

/// The bytes that superscripts begin with.
const SUPERSCRIPT_BYTES: [u8; 2] = [0xC2, 0xE2];

fn is_superscript(c: char) -> bool {
    matches!(c, '¹' | '²' | '³' | '⁰' | '⁴'..='⁹')
}

/// The lines of signatures and recipients: from the first of them to the end of the text, or to
/// an appendix.
fn find_closing(text: &str, lines: &[Line], from: usize) -> Range<usize> {
    let recipients = (from..lines.len())
        .rev()
        .find(|&index| is_recipients_heading(text, lines[index]));
    let start = match recipients {
        Some(index) => index,
        None => match last_signature(text, lines, from) {
            Some(index) => index,
            None => return lines.len()..lines.len(),
        },
    };
    // Signatures may stand above the recipients; take in what looks like them.
    let mut first = start;
    for index in (from..start).rev() {
        let line = lines[index];
        if line.is_blank() {
            continue;
        }
        if !(is_signature(text, line) || is_name(text, line) || is_signature_note(text, line)) {
            break;
        }
        first = index;
    }
    // A body's heading in capitals right above ("SỞ NỘI VỤ") belongs to it only below the prose.
    let appendix = (start..lines.len())
        .find(|&index| is_appendix(text, lines[index]))
        .unwrap_or(lines.len());
    first..appendix
}

/// The signature that ends a text without recipients: a line that names a position, with nothing
/// but short lines below it.
fn last_signature(text: &str, lines: &[Line], from: usize) -> Option<usize> {
    const LAST_LINES: usize = 12;
    const POSITIONS: [&str; 9] = [
        "CHỦ TỊCH",
        "GIÁM ĐỐC",
        "TRƯỞNG",
        "BÍ THƯ",
        "CHÁNH",
        "CHỦ NHIỆM",
        "CHỈ HUY",
        "TỔNG THANH TRA",
        "TM.",
    ];
    let last = (from..lines.len())
        .rev()
        .filter(|&index| !lines[index].is_blank())
        .take(LAST_LINES);
    let mut found = None;
    for index in last {
        let line = lines[index];
        if line.label.is_some() || line.bullet || line.span.len() > 120 {
            break;
        }
        if is_signature(text, line) && POSITIONS.iter().any(|position| line.span.of(text).contains(position)) {
            found = Some(index);
        }
    }
    found
}

fn is_recipients_heading(text: &str, line: Line) -> bool {
    starts_with(text, line.span, &[key!("nơi"), key!("nhận")])
}

fn is_appendix(text: &str, line: Line) -> bool {
    starts_with(text, line.span, &[key!("phụ"), key!("lục")]) && is_upper_start(text, line.span)
}

fn starts_with(text: &str, span: Span, words: &[Key]) -> bool {
    if span.is_empty() {
        return false;
    }
    let flow = Flow::default();
    let reader = Reader::new(text, &flow);
    let mut at = span.start as usize;
    words.iter().all(|&word| {
        let token = reader.after(at);
        at = token.end();
        token.key == word
    })
}

/// Whether a line reads like one of a signature block: short, in capitals, no label.
fn is_signature(text: &str, line: Line) -> bool {
    !line.is_blank()
        && line.label.is_none()
        && !line.bullet
        && line.span.len() < 240
        && line.cells(text).iter().all(|cell| is_upper(cell.of(text)))
}

/// "(Đã ký)", "(Ký tên, đóng dấu)".
fn is_signature_note(text: &str, line: Line) -> bool {
    let inner = line.span.of(text).trim_matches(|c: char| !c.is_alphanumeric());
    line.span.len() < 60
        && (starts_with(inner, Span::new(0, inner.len()), &[key!("đã"), key!("ký")])
            || starts_with(inner, Span::new(0, inner.len()), &[key!("ký")]))
}

/// Whether a line reads like names of persons: two to six capitalised words in each cell.
pub fn is_name(text: &str, line: Line) -> bool {
    let cells = line.cells(text);
    !line.is_blank()
        && line.label.is_none()
        && !line.bullet
        && !cells.is_empty()
        && cells.iter().all(|cell| is_name_text(cell.of(text)))
}

/// Whether a text reads like the name of a person.
pub fn is_name_text(text: &str) -> bool {
    let mut words = 0;
    for word in text.split_whitespace() {
        let word = word.trim_end_matches(['.', ',']);
        let mut chars = word.chars();
        let capital = chars.next().is_some_and(char::is_uppercase);
        if !capital || !chars.all(|c| c.is_lowercase() || matches!(c, '.' | '\'' | '’' | '-')) {
            return false;
        }
        words += 1;
    }
    (2..=6).contains(&words)
}

/// The mark of a footnote at the start of a line: superscript digits, a number in square brackets,
/// or one in round brackets or without any that also stands glued to a word in the text. The mark
/// and the offset of the note behind it.
fn note_mark(text: &str, line: Line, glued: &FxHashSet<&str>) -> Option<(Span, usize)> {
    let body = line.span.of(text);
    let start = line.span.start as usize;
    let size: usize = body
        .chars()
        .take_while(|&c| is_superscript(c))
        .map(char::len_utf8)
        .sum();
    let (mark, behind) = if size > 0 {
        (Span::new(start, start + size), size)
    } else if let Some(digits) = bare_mark(body) {
        if !glued.contains(&body[..digits]) {
            return None;
        }
        (Span::new(start, start + digits), digits)
    } else {
        let close = if body.starts_with('[') { ']' } else { ')' };
        let inner = body.strip_prefix(['[', '('])?;
        let inner = inner.strip_prefix('^').unwrap_or(inner);
        let digits = bracketed_number(inner, close)?;
        if close == ')' && !glued.contains(&inner[..digits]) {
            return None;
        }
        let from = body.len() - inner.len();
        (Span::new(start + from, start + from + digits), from + digits + 1)
    };
    let rest = body[behind..].trim_start_matches([':', '.', ')', ' ', '\u{A0}', '\t']);
    (!rest.is_empty()).then(|| (mark, start + body.len() - rest.len()))
}

/// Length of the number in front of a closing bracket.
fn bracketed_number(inner: &str, close: char) -> Option<usize> {
    let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
    ((1..=3).contains(&digits) && inner[digits..].starts_with(close)).then_some(digits)
}

/// Length of a number at the start of a line that has lost its raised position: "1 Gồm …".
fn bare_mark(body: &str) -> Option<usize> {
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    let behind = body[digits..].strip_prefix(' ')?;
    ((1..=2).contains(&digits) && behind.starts_with(char::is_uppercase)).then_some(digits)
}

/// Numbers that are glued to the word before them, as marks of footnotes are: in round brackets, or
/// bare where their raised position is lost. Only such as stand at the start of a line, too.
fn glued_numbers<'t>(text: &'t str, lines: &[Line]) -> FxHashSet<&'t str> {
    let mut bracketed = false;
    let mut bare = FxHashSet::default();
    for line in lines {
        let body = line.span.of(text);
        if let Some(digits) = bare_mark(body) {
            bare.insert(&body[..digits]);
        }
        bracketed |= body
            .strip_prefix('(')
            .is_some_and(|inner| bracketed_number(inner, ')').is_some());
    }
    let mut glued = FxHashSet::default();
    if bracketed {
        let marks = lines.iter().flat_map(|line| bracket_marks(text, *line, b'(', ')'));
        glued.extend(marks.map(|mark| mark.of(text)));
    }
    if !bare.is_empty() {
        let marks = lines.iter().flat_map(|line| bare_marks(text, *line));
        glued.extend(marks.map(|mark| mark.of(text)).filter(|mark| bare.contains(mark)));
    }
    glued
}

/// Numbers glued to the end of a word of small letters: "hộ nghèo1". Not those of units ("m2") and
/// of codes ("QL1", "H5N1").
fn bare_marks(text: &str, line: Line) -> Vec<Span> {
    /// m, km, cm, dm, mm, ha, kw.
    const LONGEST_UNIT: usize = 2;
    let body = line.span.of(text);
    let bytes = body.as_bytes();
    let mut marks = Vec::new();
    let mut at = 0;
    while let Some(start) = glued_digit(bytes, at) {
        let digits = bytes[start..].iter().take_while(|b| b.is_ascii_digit()).count();
        at = start + digits;
        let letters = |c: &char| c.is_alphabetic();
        let word = body[..start].chars().rev().take_while(letters);
        let small = word.clone().count() > LONGEST_UNIT && word.clone().all(char::is_lowercase);
        let ends = !body[at..].starts_with(|c: char| c.is_alphanumeric() || c == '%');
        if small && ends && digits <= 2 {
            marks.push(Span::new(
                line.span.start as usize + start,
                line.span.start as usize + at,
            ));
        }
    }
    marks
}

/// The first digit from an offset on that stands right behind what may be a letter: there are few of these.
fn glued_digit(bytes: &[u8], from: usize) -> Option<usize> {
    const STRIDE: usize = 32;
    let from = from.max(1);
    let (before, digits) = (bytes.get(from - 1..)?, bytes.get(from..)?);
    let is_glued =
        |(before, digit): (&u8, &u8)| (before.is_ascii_lowercase() | !before.is_ascii()) & digit.is_ascii_digit();
    // Stretches without any are passed over as a whole.
    let chunks = before
        .as_chunks::<STRIDE>()
        .0
        .iter()
        .zip(digits.as_chunks::<STRIDE>().0);
    let has_any = |(before, digits): &(&[u8; STRIDE], &[u8; STRIDE])| {
        before.iter().zip(*digits).fold(false, |any, pair| any | is_glued(pair))
    };
    let passed = STRIDE * chunks.take_while(|chunk| !has_any(chunk)).count();
    let mut pairs = before[passed..].iter().zip(&digits[passed..]);
    Some(from + passed + pairs.position(is_glued)?)
}

/// Finds where sentences go on across line breaks, and the footnotes between.
struct Joiner<'t> {
    text: &'t str,
    lines: &'t [Line],
    within: Range<usize>,
    /// Length of a full line where the text is wrapped.
    wrapped: Option<usize>,
    joins: Vec<(u32, u32)>,
    notes: Vec<Note>,
    /// See [`glued_numbers`].
    glued: FxHashSet<&'t str>,
}

impl<'t> Joiner<'t> {
    fn new(text: &'t str, lines: &'t [Line], within: Range<usize>, wrapped: Option<usize>) -> Self {
        Self {
            text,
            lines,
            within,
            wrapped,
            joins: Vec::new(),
            notes: Vec::new(),
            glued: glued_numbers(text, lines),
        }
    }

    /// Walks the paragraphs in order; behind a footnote the interrupted sentence goes on.
    fn run(&mut self) {
        let mut index = self.within.start;
        let mut open: Option<(usize, usize)> = None;
        while let Some(first) = self.next_text_line(index) {
            if note_mark(self.text, self.lines[first], &self.glued).is_some() {
                index = self.note(first, open.is_some());
                continue;
            }
            if let Some((start, last)) = open.take()
                && self.resumes(start, last, first)
            {
                self.join(last, first);
            }
            let last = self.paragraph_end(first, self.within.end);
            if self.is_open(first, last) {
                open = Some((first, last));
            }
            index = last + 1;
        }
    }

    fn next_text_line(&self, from: usize) -> Option<usize> {
        (from..self.within.end).find(|&index| !self.lines[index].is_blank())
    }

    /// The last line of the paragraph that begins with this line; joins its lines.
    fn paragraph_end(&mut self, first: usize, until: usize) -> usize {
        let mut last = first;
        while last + 1 < until && self.is_soft(last, last + 1) {
            self.join(last, last + 1);
            last += 1;
        }
        last
    }

    fn join(&mut self, from: usize, to: usize) {
        let newline = memchr::memchr(b'\n', &self.text.as_bytes()[self.lines[from].span.end as usize..]);
        if let Some(offset) = newline {
            self.joins
                .push((self.lines[from].span.end + offset as u32, self.lines[to].span.start));
        }
    }

    /// Whether the line break between two neighbouring lines stands inside a sentence.
    fn is_soft(&self, a: usize, b: usize) -> bool {
        let (first, second) = (self.lines[a], self.lines[b]);
        if first.is_blank() || second.is_blank() || first.row || second.row {
            return false;
        }
        if is_torn(self.text, first.span) && note_mark(self.text, second, &self.glued).is_none() {
            return true;
        }
        if second.bullet || second.label.is_some() {
            return false;
        }
        // In wrapped text a full line may end in a semicolon and its sentence go on below.
        let listed = first.span.of(self.text).ends_with(';') && self.is_full(first);
        if note_mark(self.text, second, &self.glued).is_some() || (ends_sentence(self.text, first.span) && !listed) {
            return false;
        }
        let (upper, next_upper) = (is_upper(self.behind_label(first)), is_upper(second.span.of(self.text)));
        if upper != next_upper && (upper || next_upper) {
            return false;
        }
        let next = second.span.of(self.text);
        // A paragraph below a short heading may begin with a figure ("100% giáo viên …").
        let below_heading =
            first.label.is_some() && !self.is_full(first) && next.starts_with(|c: char| c.is_ascii_digit());
        let goes_on = next.starts_with(|c: char| !c.is_uppercase()) && !below_heading;
        let comma = first.span.of(self.text).ends_with(',') || asks_for_more(self.text, first.span);
        match self.wrapped {
            Some(_) => goes_on || comma || upper || self.is_full(first),
            // The title of a heading may take two lines, in capitals both.
            None => goes_on || comma || (upper && first.label.is_some()),
        }
    }

    /// Whether a line of wrapped text is about as long as its lines are.
    fn is_full(&self, line: Line) -> bool {
        self.wrapped.is_some_and(|width| line.span.len() * 4 >= width * 3)
    }

    fn behind_label(&self, line: Line) -> &'t str {
        let start = line.label.map_or(line.span.start, |label| label.text);
        &self.text[start as usize..(line.span.end as usize).max(start as usize)]
    }

    /// Whether the sentence at the end of a paragraph is unfinished.
    fn is_open(&self, first: usize, last: usize) -> bool {
        let line = self.lines[last];
        !line.row && !ends_sentence(self.text, line.span) && !is_upper(self.behind_label(self.lines[first]))
    }

    /// Whether the sentence that a paragraph left open goes on with this line.
    fn resumes(&self, start: usize, open: usize, line: usize) -> bool {
        let (previous, next) = (self.lines[open], self.lines[line]);
        if next.label.is_some() || next.bullet || next.row {
            return false;
        }
        let text = next.span.of(self.text);
        let lower = text.starts_with(char::is_lowercase);
        let asks = previous.span.of(self.text).ends_with(',') || asks_for_more(self.text, previous.span);
        // Behind a footnote a sentence may go on with a capital.
        let behind_note = self
            .notes
            .last()
            .is_some_and(|note| note.body.start > previous.span.end);
        let long = self.lines[start].span.join(previous.span).len() > 120;
        lower || (behind_note && long) || (asks && long)
    }

    /// Takes in the footnote that begins with this line; returns the index behind it.
    fn note(&mut self, first: usize, open: bool) -> usize {
        let Some((mark, body)) = note_mark(self.text, self.lines[first], &self.glued) else {
            return first + 1;
        };
        let mut last = self.paragraph_end(first, self.within.end);
        // A note that announces a list goes on over its lines.
        if announces_list(self.text, self.lines[first].span.join(self.lines[last].span)) {
            last = self.note_list_end(last, open);
        }
        let body = Span {
            start: body as u32,
            end: self.lines[last].span.end,
        };
        self.notes.push(Note {
            mark,
            body,
            reference: None,
        });
        last + 1
    }

    /// Footnotes that stand behind the signatures: each over its wrapped lines.
    fn notes_behind(&mut self, closing: Range<usize>) {
        let mut index = closing.start;
        while index < closing.end {
            let Some((mark, body)) = note_mark(self.text, self.lines[index], &self.glued) else {
                index += 1;
                continue;
            };
            let last = self.paragraph_end(index, closing.end);
            let body = Span {
                start: body as u32,
                end: self.lines[last].span.end,
            };
            self.notes.push(Note {
                mark,
                body,
                reference: None,
            });
            index = last + 1;
        }
    }

    /// The last line of a note that goes on as a list: up to the sentence that it interrupted, to
    /// prose, to a heading or the next note.
    fn note_list_end(&mut self, mut last: usize, open: bool) -> usize {
        for _ in 0..MAX_NOTE_PARAGRAPHS {
            let Some(next) = self.next_text_line(last + 1) else {
                return last;
            };
            let line = self.lines[next];
            let text = line.span.of(self.text);
            let resumed = open && !line.bullet && text.starts_with(char::is_lowercase);
            let heading = line
                .label
                .is_some_and(|label| matches!(label.kind, LabelKind::Roman | LabelKind::Part | LabelKind::Upper));
            let end = self.paragraph_end(next, self.within.end);
            let prose = !line.bullet && line.span.join(self.lines[end].span).len() > PROSE_BYTES;
            if resumed || heading || prose || note_mark(self.text, line, &self.glued).is_some() {
                return last;
            }
            last = end;
        }
        last
    }
}

/// Whether a paragraph ends in a way that a list must follow.
fn announces_list(text: &str, span: Span) -> bool {
    span.of(text).trim_end_matches(is_ornament).ends_with([':', ','])
}

/// Whether a line ends inside a number: "45/QĐ-", "217-", "số". What follows is no label.
fn is_torn(text: &str, span: Span) -> bool {
    let line = span.of(text);
    let joint = line
        .strip_suffix(['-', '/', '–'])
        .is_some_and(|rest| rest.ends_with(char::is_alphanumeric) && rest.contains(|c: char| c.is_ascii_digit()));
    joint || ends_in_number_word(text, span)
}

/// Whether a line ends in the word that a number must follow ("Quyết định số"), and not in a word
/// that this one ends ("chuyển đổi số", "dân số").
fn ends_in_number_word(text: &str, span: Span) -> bool {
    const COMPOUNDS: [Key; 18] = [
        Key::new("đổi"),
        Key::new("tế"),
        Key::new("hội"),
        Key::new("quyền"),
        Key::new("phủ"),
        Key::new("dân"),
        Key::new("ký"),
        Key::new("tầng"),
        Key::new("liệu"),
        Key::new("chỉ"),
        Key::new("năng"),
        Key::new("thiểu"),
        Key::new("đa"),
        Key::new("tỷ"),
        Key::new("hệ"),
        Key::new("nghệ"),
        Key::new("trường"),
        Key::new("tảng"),
    ];
    let flow = Flow::default();
    let reader = Reader::new(text, &flow);
    let last = reader.before(span.end as usize);
    last.is_word() && last.key == key!("số") && !COMPOUNDS.contains(&reader.previous(last).key)
}

/// Whether a line's last word cannot end a sentence.
fn asks_for_more(text: &str, span: Span) -> bool {
    const WORDS: [Key; 16] = [
        Key::new("giữa"),
        Key::new("và"),
        Key::new("của"),
        Key::new("các"),
        Key::new("những"),
        Key::new("với"),
        Key::new("về"),
        Key::new("cho"),
        Key::new("theo"),
        Key::new("tại"),
        Key::new("từ"),
        Key::new("để"),
        Key::new("do"),
        Key::new("là"),
        Key::new("ngày"),
        Key::new("năm"),
    ];
    let flow = Flow::default();
    let last: Token = Reader::new(text, &flow).before(span.end as usize);
    WORDS.contains(&last.key) || ends_in_number_word(text, span)
}

/// The cells of a line whose columns are set by spaces: the pieces between runs of two or more, trimmed.
pub(in crate::extract) fn spaced_cells(text: &str, span: Span) -> impl Iterator<Item = Span> {
    let line = span.of(text);
    let mut at = 0;
    std::iter::from_fn(move || {
        at += line[at..].len() - line[at..].trim_start().len();
        let rest = &line[at..];
        let end = memchr::memmem::find(rest.as_bytes(), b"  ").unwrap_or(rest.len());
        let cell = rest[..end].trim_end();
        let start = span.start as usize + at;
        at += end;
        (!cell.is_empty()).then(|| Span::new(start, start + cell.len()))
    })
}

/// Marks the rows of tables whose columns are set by spaces alone: two or more lines one below the
/// other with a label, perhaps a number before it, and the same number of figures, and the line of
/// headings above them.
fn mark_spaced_rows(text: &str, lines: &mut [Line]) {
    const LEAST_ROWS: usize = 2;
    /// Rows without headings are taken for a table only where there are more.
    const LEAST_WITHOUT_HEADING: usize = 3;
    let mut first = 0;
    while first < lines.len() {
        let width = spaced_figures(text, lines[first]);
        let same = lines[first..]
            .iter()
            .take_while(|line| width.is_some() && spaced_figures(text, **line) == width)
            .count();
        if let Some(width) = width.filter(|_| same >= LEAST_ROWS) {
            let heading = first
                .checked_sub(1)
                .filter(|&above| is_spaced_heading(text, lines[above], width));
            if heading.is_some() || same >= LEAST_WITHOUT_HEADING {
                for line in &mut lines[heading.unwrap_or(first)..first + same] {
                    line.row = true;
                    line.label = None;
                }
            }
        }
        first += same.max(1);
    }
}

/// The number of figures of a line that looks like a row set by spaces: a label, then figures.
fn spaced_figures(text: &str, line: Line) -> Option<usize> {
    let inside = line.span.of(text);
    if line.row || line.bullet || !inside.contains("  ") {
        return None;
    }
    let worded = |cell: Span| cell.of(text).contains(char::is_alphabetic);
    let mut cells = spaced_cells(text, line.span).peekable();
    let first = cells.next()?;
    // "1     Công an xã Phú Lâm     64": the number of the row stands before its label.
    if !worded(first) {
        cells.next_if(|&cell| worded(cell));
    }
    let (mut figures, mut columns) = (0, 0);
    for cell in cells {
        let cell = cell.of(text);
        let number = cell.starts_with(|c: char| c.is_ascii_digit())
            && cell
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'%' | b'/'));
        if !number && !matches!(cell, "-" | "–") {
            return None;
        }
        figures += usize::from(number);
        columns += 1;
    }
    (figures >= 2).then_some(columns)
}

/// Whether a line is the headings of so many columns of figures and of up to two before them: words in
/// each cell.
fn is_spaced_heading(text: &str, line: Line, columns: usize) -> bool {
    let cells: Vec<Span> = spaced_cells(text, line.span).collect();
    let worded = |cell: &Span| cell.of(text).contains(|c: char| c.is_alphabetic() || c == '%');
    !line.row && !line.bullet && (columns..=columns + 2).contains(&cells.len()) && cells.iter().all(worded)
}

/// Wrapped lines have at most so many characters.
const WIDEST_LINE: usize = 130;

/// Length in bytes of a full line, where the lines of a text are wrapped: no line is much longer
/// than the usual ones, and most of them are nearly as long.
fn wrap_width(text: &str, lines: &[Line]) -> Option<usize> {
    let mut lengths: Vec<usize> = lines
        .iter()
        .filter(|line| !line.is_blank() && !line.row)
        .map(|line| match line.span.len() {
            // Of more characters than a wrapped line has, be they four bytes each.
            bytes if bytes > 4 * WIDEST_LINE => bytes,
            _ => line.span.of(text).chars().count(),
        })
        .collect();
    if lengths.len() < 8 {
        return None;
    }
    let at = lengths.len() * 9 / 10;
    let (_, &mut long, _) = lengths.select_nth_unstable(at);
    // In bytes, of which Vietnamese text has about 1.35 a character.
    (40..=WIDEST_LINE).contains(&long).then_some(long * 135 / 100)
}

/// Takes away the labels and bullets of lines that only go on with a full line above: a number or
/// a dash of running text that a line break happened to move to the start of a line.
fn unlabel_wrapped(text: &str, lines: &mut [Line], width: usize) {
    for index in 1..lines.len() {
        let above = lines[index - 1];
        let full = above.span.len() * 4 >= width * 3 && !is_upper(above.span.of(text));
        if full && !ends_sentence(text, above.span) {
            lines[index].label = None;
            lines[index].bullet = false;
        }
    }
}

/// Finds the marks in the text that the notes belong to: the last one before each note, or for
/// notes behind the text the last one of all.
fn find_references(text: &str, lines: &[Line], notes: &mut [Note]) {
    if notes.is_empty() {
        return;
    }
    // Marks are compared as they are written: raised ones with raised ones.
    let raised = |note: &Note| note.mark.of(text).starts_with(is_superscript);
    let kinds = (notes.iter().any(raised), !notes.iter().all(raised));
    let mut latest: FxHashMap<&str, Span> = FxHashMap::default();
    let mut pending = notes.iter_mut().peekable();
    for line in lines {
        while let Some(note) = pending.next_if(|note| note.mark.start < line.span.end) {
            note.reference = latest.get(note.mark.of(text)).copied();
        }
        for mark in marks_in(text, *line, kinds) {
            latest.insert(mark.of(text), mark);
        }
    }
}

/// The footnote marks inside a line, not at its start: raised ones and others, as is asked for.
fn marks_in(text: &str, line: Line, (raised, plain): (bool, bool)) -> Vec<Span> {
    let mut marks = Vec::new();
    if raised {
        marks = raised_marks(text, line);
    }
    if plain {
        marks.extend(bracket_marks(text, line, b'[', ']'));
        marks.extend(bracket_marks(text, line, b'(', ')'));
        marks.extend(bare_marks(text, line));
    }
    marks.sort_unstable();
    marks
}

/// The raised marks inside a line.
fn raised_marks(text: &str, line: Line) -> Vec<Span> {
    let body = line.span.of(text);
    let is_raised = |rest: &str| rest.chars().next().is_some_and(is_superscript);
    let mut marks = Vec::new();
    let mut start = None;
    for at in memchr::memchr2_iter(SUPERSCRIPT_BYTES[0], SUPERSCRIPT_BYTES[1], body.as_bytes()) {
        let Some(mark) = body[at..].chars().next().filter(|&c| is_superscript(c)) else {
            continue;
        };
        // A mark is glued to a word; m² is an area.
        if start.is_none() && is_glued(body, at) {
            start = Some(at);
        }
        let end = at + mark.len_utf8();
        if !is_raised(&body[end..])
            && let Some(start) = start.take()
        {
            marks.push(Span::new(
                line.span.start as usize + start,
                line.span.start as usize + end,
            ));
        }
    }
    marks
}

/// Numbers in brackets inside a line, glued to what stands before them.
fn bracket_marks(text: &str, line: Line, open: u8, close: char) -> impl Iterator<Item = Span> {
    let body = line.span.of(text);
    let start = line.span.start as usize;
    memchr::memchr_iter(open, body.as_bytes())
        .filter(|&at| is_glued(body, at))
        .filter_map(move |at| Some((at + 1, bracketed_number(&body[at + 1..], close)?)))
        .map(move |(at, digits)| Span::new(start + at, start + at + digits))
}

/// Whether something other than white space stands right before an offset.
fn is_glued(body: &str, at: usize) -> bool {
    body[..at].chars().next_back().is_some_and(|c| !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn layout(text: &str) -> Layout {
        Layout::of(&Document::plain(text))
    }

    /// The running text as the reader sees it from the body's start on: paragraphs, skipped notes left out.
    fn paragraphs(text: &str) -> Vec<String> {
        let document = Document::plain(text);
        let layout = Layout::of(&document);
        let reader = layout.reader(&document);
        let (mut at, mut out, mut words) = (layout.body.start as usize, vec![], vec![]);
        while at < layout.body.end as usize {
            let token = reader.after(at);
            at = token.end();
            if token.is_end() {
                if !words.is_empty() {
                    out.push(std::mem::take(&mut words).join(" "));
                }
            } else {
                words.push(reader.token(token));
            }
        }
        out.extend((!words.is_empty()).then(|| words.join(" ")));
        out
    }

    #[test]
    fn a_sentence_goes_on_over_a_page_break_and_its_footnotes() {
        let text = "BÁO CÁO\nKết quả năm 2024\n\nI. KẾT QUẢ\n\nXã đã vận động nhân dân các thôn, tổ dân phố hiến đất¹ để mở rộng và nâng cấp những tuyến đường liên\n\n¹: Theo kế hoạch của xã.\n\nthôn và xây mới nhà văn hóa.\n\nHết.";
        assert_eq!(
            paragraphs(text)[2..],
            [
                "Xã đã vận động nhân dân các thôn , tổ dân phố hiến đất ¹ để mở rộng và nâng cấp những tuyến đường liên thôn và xây mới nhà văn hóa .",
                "Hết ."
            ]
        );
        let note = layout(text).notes[0];
        assert_eq!((note.mark.of(text), note.body.of(text)), ("¹", "Theo kế hoạch của xã."));
        assert!(note.reference.unwrap().start < note.mark.start);
    }

    #[test]
    fn a_note_that_announces_a_list_goes_on_over_its_lines() {
        let text = "BÁO CÁO\nKết quả\n\nĐã kiểm tra 03 nội dung⁷.\n\n⁷: Trong đó:\n\n- Nội dung một;\n\n- Nội dung hai.\n\nII. TỒN TẠI\n\nKhông có.";
        assert_eq!(
            layout(text).notes[0].body.of(text),
            "Trong đó:\n\n- Nội dung một;\n\n- Nội dung hai."
        );
    }

    #[test]
    fn marks_in_round_brackets_count_where_the_text_refers_to_them() {
        let text = "BÁO CÁO\nKết quả\n\nĐã ban hành nghị quyết(1).\n\n(1) Nghị quyết của hội đồng.\n\n(2) Không phải chú thích.";
        let notes = layout(text).notes;
        assert_eq!(notes.iter().map(|note| note.mark.of(text)).collect::<Vec<_>>(), ["1"]);
    }

    #[test]
    fn a_bare_number_is_a_mark_where_the_text_refers_to_it() {
        let text = "BÁO CÁO\nKết quả\n\nCòn 214 hộ nghèo1; đã trồng 12 km2 rừng.\n\n1 Gồm: thôn Đông 84 hộ, thôn Đoài 130 hộ.\n\n2 Xã không có.";
        let notes = layout(text).notes;
        let notes: Vec<_> = notes
            .iter()
            .map(|note| (note.mark.of(text), note.body.of(text)))
            .collect();
        assert_eq!(notes, [("1", "Gồm: thôn Đông 84 hộ, thôn Đoài 130 hộ.")]);
    }

    #[test]
    fn wrapped_lines_are_joined_and_headings_are_not() {
        let line = "Trong năm qua các đơn vị của Ủy ban nhân dân xã đã phối hợp với\n";
        let text = format!(
            "BÁO CÁO\nKết quả\n\nI. KẾT QUẢ\n{}Hội Nông dân.\nII. TỒN TẠI\nCòn chậm.\n",
            line.repeat(8)
        );
        let paragraphs = paragraphs(&text);
        assert_eq!(paragraphs.len(), 5, "{paragraphs:#?}");
        assert!(paragraphs[2].ends_with("phối hợp với Hội Nông dân ."));
    }

    #[test]
    fn blanks_of_a_form_do_not_divide_a_line_into_cells() {
        let text = "Số:       /BC-UBND          Khê Lam, ngày     tháng     năm 2024";
        let cells: Vec<_> = cells(text, Span::new(0, text.len()))
            .iter()
            .map(|cell| cell.of(text))
            .collect();
        assert_eq!(cells, ["Số:       /BC-UBND", "Khê Lam, ngày     tháng     năm 2024"]);
    }

    #[test]
    fn roman_values() {
        let cases = [
            ("I", Some(1)),
            ("IV", Some(4)),
            ("XIX", Some(19)),
            ("IIX", None),
            ("", None),
            ("C", None),
        ];
        for (text, value) in cases {
            assert_eq!(roman_value(text), value, "{text}");
        }
    }

    /// What [`raised_marks`] finds, character by character.
    fn raised_marks_plainly(body: &str) -> Vec<Span> {
        let mut marks = Vec::new();
        let (mut previous, mut start) = (None, None);
        for (i, c) in body.char_indices().chain([(body.len(), ' ')]) {
            if is_superscript(c) {
                if start.is_none() && previous.is_some_and(|p: char| !p.is_whitespace()) {
                    start = Some(i);
                }
            } else if let Some(start) = start.take() {
                marks.push(Span::new(start, i));
            }
            previous = Some(c);
        }
        marks
    }

    proptest! {
        #[test]
        fn a_digit_behind_a_letter_is_found_by_its_bytes(body in "[ aBđ0-9.(]{0,80}", from in 0usize..80) {
            let bytes = body.as_bytes();
            let glued = |&at: &usize| bytes[at].is_ascii_digit() && (bytes[at - 1].is_ascii_lowercase() || !bytes[at - 1].is_ascii());
            prop_assert_eq!(glued_digit(bytes, from), (from.max(1)..bytes.len()).find(glued));
        }

        #[test]
        fn raised_marks_are_found_by_their_bytes(body in "[ am²³⁴⁰¹“…à\u{A0}]{0,12}") {
            let line = Line {
                span: Span::new(0, body.len()),
                ..Line::default()
            };
            prop_assert_eq!(raised_marks(&body, line), raised_marks_plainly(&body));
        }

        #[test]
        fn any_text_has_a_layout(text in "(BÁO CÁO\n)?([a-zđIVX1-9¹²ÁẾ.,;:()\\[\\]*|\\-\t ]{0,30}\n){0,20}(Nơi nhận:\n)?\\PC{0,30}") {
            let layout = layout(&text);
            for span in layout.lines.iter().map(|line| line.span).chain(layout.notes.iter().map(|note| note.body)).chain(layout.labels.iter().copied()) {
                let _ = span.of(&text);
            }
            let _ = (layout.body.of(&text), layout.title.of(&text));
        }
    }
}
