//! The normalised shadow of the text: what matching sees.
//!
//! Nothing is ever rewritten. A [`Reader`] reads words, numbers and marks forwards or backwards
//! from any offset, on demand, and gives each word a [`Key`] under which case, the placement of
//! the tone mark (hòa, hoà) and look-alikes of Đ are equal. It passes over spaces, Markdown
//! emphasis, and the line and page breaks that stand inside a sentence ([`Flow`]). Every token
//! carries the span of what the author wrote.

use crate::document::Span;

/// A folded word. A Vietnamese syllable (up to nine letters) is held exactly: base letters in
/// order, then its tone, wherever the mark stands. Longer words are held as a hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(u64);

/// Tone marks in the order ngang, huyền, hỏi, ngã, sắc, nặng, after each base letter.
const TONED: [&str; 24] = [
    "aàảãáạ",
    "ăằẳẵắặ",
    "âầẩẫấậ",
    "eèẻẽéẹ",
    "êềểễếệ",
    "iìỉĩíị",
    "oòỏõóọ",
    "ôồổỗốộ",
    "ơờởỡớợ",
    "uùủũúụ",
    "ưừửữứự",
    "yỳỷỹýỵ",
    "AÀẢÃÁẠ",
    "ĂẰẲẴẮẶ",
    "ÂẦẨẪẤẬ",
    "EÈẺẼÉẸ",
    "ÊỀỂỄẾỆ",
    "IÌỈĨÍỊ",
    "OÒỎÕÓỌ",
    "ÔỒỔỖỐỘ",
    "ƠỜỞỠỚỢ",
    "UÙỦŨÚỤ",
    "ƯỪỬỮỨỰ",
    "YỲỶỸÝỴ",
];
/// Letter numbers of the rows of [`TONED`]: a to z are 1 to 26, then ă â đ ê ô ơ ư.
const TONED_LETTER: [u16; 12] = [1, 27, 28, 5, 30, 9, 15, 31, 32, 21, 33, 25];
const D_WITH_STROKE: u16 = 29;
const DIGIT_0: u16 = 34;
const OTHER_LETTER: u16 = 63;

const LETTER_BITS: u32 = 6;
const MAX_LETTERS: u32 = 9;
const TONE_SHIFT: u32 = 54;
const HASHED: u64 = 1 << 63;

const LATIN: usize = 0x250;
const ADDITIONAL: usize = 0x1E00;

/// Letter number in the low byte, tone in the next, upper case in bit 15; 0 for what is no letter.
static LETTERS: [u16; LATIN + 0x100] = letters();
const UPPER: u16 = 1 << 15;

const fn letters() -> [u16; LATIN + 0x100] {
    let mut table = [0; LATIN + 0x100];
    let mut c = 0;
    while c < 26 {
        table[b'a' as usize + c] = c as u16 + 1;
        table[b'A' as usize + c] = (c as u16 + 1) | UPPER;
        c += 1;
    }
    // Other Latin letters are letters, too, all alike.
    c = 0xC0;
    while c < LATIN {
        if c != 0xD7 && c != 0xF7 {
            table[c] = OTHER_LETTER;
        }
        c += 1;
    }
    c = LATIN;
    while c < LATIN + 0x100 {
        table[c] = OTHER_LETTER;
        c += 1;
    }
    let mut row = 0;
    while row < TONED.len() {
        let bytes = TONED[row].as_bytes();
        let upper = if row >= 12 { UPPER } else { 0 };
        let (mut i, mut tone) = (0, 0);
        while i < bytes.len() {
            let (code, size) = decode(bytes, i);
            table[slot(code)] = TONED_LETTER[row % 12] | (tone << 8) | upper;
            tone += 1;
            i += size;
        }
        row += 1;
    }
    // Đ and its look-alikes Ð (eth) and Ɖ (African d).
    table[0x111] = D_WITH_STROKE;
    table[0xF0] = D_WITH_STROKE;
    table[0x110] = D_WITH_STROKE | UPPER;
    table[0xD0] = D_WITH_STROKE | UPPER;
    table[0x189] = D_WITH_STROKE | UPPER;
    table
}

const fn slot(code: usize) -> usize {
    if code < LATIN {
        code
    } else if code >= ADDITIONAL && code < ADDITIONAL + 0x100 {
        code - ADDITIONAL + LATIN
    } else {
        LATIN // ADDITIONAL's first letter: some letter
    }
}

/// The code point at a byte offset of valid UTF-8, and its size.
const fn decode(bytes: &[u8], i: usize) -> (usize, usize) {
    let b = bytes[i] as usize;
    if b < 0x80 {
        (b, 1)
    } else if b < 0xE0 {
        ((b & 0x1F) << 6 | (bytes[i + 1] as usize & 0x3F), 2)
    } else if b < 0xF0 {
        (
            (b & 0x0F) << 12 | (bytes[i + 1] as usize & 0x3F) << 6 | (bytes[i + 2] as usize & 0x3F),
            3,
        )
    } else {
        (
            (b & 0x07) << 18
                | (bytes[i + 1] as usize & 0x3F) << 12
                | (bytes[i + 2] as usize & 0x3F) << 6
                | (bytes[i + 3] as usize & 0x3F),
            4,
        )
    }
}

/// What a character is to the reader.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter(u16),
    Digit,
    Space,
    Newline,
    Other,
}

fn class(code: usize) -> Class {
    match code {
        0x30..=0x39 => Class::Digit,
        0x0A => Class::Newline,
        // Markdown emphasis and zero-width characters are invisible.
        0x09 | 0x0B..=0x0D | 0x20 | 0xA0 | 0xAD | 0x2A | 0x5F => Class::Space,
        0x2000..=0x200F | 0x2028..=0x202F | 0x205F..=0x2060 | 0x3000 | 0xFEFF => Class::Space,
        _ if code < LATIN || (ADDITIONAL..ADDITIONAL + 0x100).contains(&code) => match LETTERS[slot(code)] {
            0 => Class::Other,
            letter => Class::Letter(letter),
        },
        0x300..=0x36F => Class::Letter(OTHER_LETTER),
        _ if char::from_u32(code as u32).is_some_and(char::is_alphabetic) => Class::Letter(OTHER_LETTER),
        _ => Class::Other,
    }
}

impl Key {
    /// The key of a word. For use in constants; white space and marks are passed over.
    pub const fn new(word: &str) -> Self {
        let bytes = word.as_bytes();
        let mut folder = Folder::new();
        let mut i = 0;
        while i < bytes.len() {
            let (code, size) = decode(bytes, i);
            if code >= 0x30 && code <= 0x39 {
                folder = folder.push(DIGIT_0 + (code - 0x30) as u16, 0);
            } else if code < LATIN || (code >= ADDITIONAL && code < ADDITIONAL + 0x100) {
                let letter = LETTERS[slot(code)];
                if letter != 0 {
                    folder = folder.push(letter & 0xFF, (letter >> 8) & 7);
                }
            } else {
                folder = folder.push(OTHER_LETTER, 0);
            }
            i += size;
        }
        folder.key()
    }

    /// The key of no word.
    pub const NONE: Key = Key(0);

    /// Whether a word of up to nine letters carries a tone mark. Codes never do.
    pub const fn has_tone(self) -> bool {
        self.0 & HASHED == 0 && self.0 >> TONE_SHIFT != 0
    }

    /// The key as a number, for tables.
    pub const fn raw(self) -> u64 {
        self.0
    }
}

#[derive(Clone, Copy)]
struct Folder {
    bits: u64,
    letters: u32,
    tone: u16,
    hash: u64,
}

impl Folder {
    const fn new() -> Self {
        Self {
            bits: 0,
            letters: 0,
            tone: 0,
            hash: 0xCBF2_9CE4_8422_2325,
        }
    }

    const fn push(mut self, letter: u16, tone: u16) -> Self {
        if self.letters < MAX_LETTERS {
            self.bits |= (letter as u64) << (LETTER_BITS * self.letters);
        }
        if tone != 0 {
            self.tone = tone;
        }
        self.hash = (self.hash ^ letter as u64).wrapping_mul(0x0100_0000_01B3);
        self.letters += 1;
        self
    }

    const fn key(self) -> Key {
        if self.letters <= MAX_LETTERS {
            Key(self.bits | (self.tone as u64) << TONE_SHIFT)
        } else {
            Key((self.hash ^ (self.tone as u64)) | HASHED)
        }
    }
}

/// How a word is capitalised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Case {
    /// No capital.
    #[default]
    Lower,
    /// The first letter alone.
    Title,
    /// All letters, more than one.
    Upper,
    /// Any other mixture.
    Mixed,
}

/// What a token is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Letters, and digits behind them ("QH15").
    Word,
    /// A run of ASCII digits that begins no word.
    Number,
    /// Any other character. All dashes are `-`, all double quotes keep their own form.
    Mark(char),
    /// The end of a paragraph: a line break at which the sentence ends.
    Break,
    /// The end (or start) of the text.
    #[default]
    End,
}

/// A word, number or mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub span: Span,
    /// The folded word; [`Key::NONE`] for all but words.
    pub key: Key,
    /// Capitals of a word.
    pub case: Case,
    /// Whether white space stands between the offset read from and the token.
    pub spaced: bool,
}

impl Token {
    /// Whether it is this mark.
    pub fn is_mark(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    /// Whether it is a word.
    pub fn is_word(&self) -> bool {
        self.kind == Kind::Word
    }

    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        self.kind == Kind::Number
    }

    /// Whether the text or the paragraph ends here.
    pub fn is_end(&self) -> bool {
        matches!(self.kind, Kind::Break | Kind::End)
    }

    /// Whether it opens or closes a quotation.
    pub fn is_quote(&self) -> bool {
        matches!(self.kind, Kind::Mark('"' | '“' | '”' | '„' | '«' | '»'))
    }

    /// Offset of its first byte.
    pub fn start(&self) -> usize {
        self.span.start as usize
    }

    /// Offset behind its last byte.
    pub fn end(&self) -> usize {
        self.span.end as usize
    }

    /// Whether a word begins with a capital.
    pub fn is_capitalised(&self) -> bool {
        self.is_word() && self.case != Case::Lower
    }
}

/// Where the text goes on across a line break: wrapped lines, page breaks inside a sentence, and
/// footnotes that stand in the middle of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// (offset of the line break, offset where the text goes on), by the first.
    onward: Vec<(u32, u32)>,
    /// The same turned round, by the offset where the text goes on.
    back: Vec<(u32, u32)>,
}

impl Flow {
    /// A flow with these joins: (offset of the line break, offset where the text goes on).
    pub fn new(mut joins: Vec<(u32, u32)>) -> Self {
        joins.sort_unstable();
        joins.dedup();
        let mut back: Vec<_> = joins.iter().map(|&(from, to)| (to, from)).collect();
        back.sort_unstable();
        Self { onward: joins, back }
    }

    /// Where the text goes on behind the line break at this offset.
    pub fn onward(&self, newline: usize) -> Option<usize> {
        let i = self
            .onward
            .binary_search_by_key(&(newline as u32), |&(from, _)| from)
            .ok()?;
        Some(self.onward[i].1 as usize)
    }

    /// The line break from which the text came to this offset.
    pub fn back(&self, start: usize) -> Option<usize> {
        let i = self.back.binary_search_by_key(&(start as u32), |&(to, _)| to).ok()?;
        Some(self.back[i].1 as usize)
    }
}

/// Reads tokens from any offset of a text.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'t> {
    /// The text.
    pub text: &'t str,
    flow: &'t Flow,
}

impl<'t> Reader<'t> {
    /// A reader of `text` that passes the line breaks that `flow` joins.
    pub fn new(text: &'t str, flow: &'t Flow) -> Self {
        Self { text, flow }
    }

    /// The token that begins at or behind `from`.
    pub fn after(&self, from: usize) -> Token {
        let bytes = self.text.as_bytes();
        let mut i = from;
        let mut spaced = false;
        loop {
            if i >= bytes.len() {
                return Token {
                    kind: Kind::End,
                    span: Span::new(bytes.len(), bytes.len()),
                    spaced,
                    ..Token::default()
                };
            }
            let (code, size) = decode(bytes, i);
            match class(code) {
                Class::Space => {
                    spaced |= code != 0x2A && code != 0x5F;
                    i += size;
                }
                Class::Newline => match self.flow.onward(i) {
                    Some(next) => {
                        spaced = true;
                        i = next;
                    }
                    None => {
                        return Token {
                            kind: Kind::Break,
                            span: Span::new(i, i + 1),
                            spaced,
                            ..Token::default()
                        };
                    }
                },
                Class::Digit => {
                    let end = i + bytes[i..].iter().take_while(|b| b.is_ascii_digit()).count();
                    return Token {
                        kind: Kind::Number,
                        span: Span::new(i, end),
                        spaced,
                        ..Token::default()
                    };
                }
                Class::Letter(_) => return Token { spaced, ..self.word(i) },
                Class::Other => {
                    let span = Span::new(i, i + size);
                    return Token {
                        kind: Kind::Mark(mark(code)),
                        span,
                        spaced,
                        ..Token::default()
                    };
                }
            }
        }
    }

    /// The token that ends at or before `until`.
    pub fn before(&self, until: usize) -> Token {
        let bytes = self.text.as_bytes();
        let mut i = until;
        let mut spaced = false;
        loop {
            if i == 0 {
                return Token {
                    kind: Kind::End,
                    spaced,
                    ..Token::default()
                };
            }
            let start = previous(bytes, i);
            let (code, _) = decode(bytes, start);
            match class(code) {
                // A text that goes on begins behind white space.
                Class::Space | Class::Newline if self.flow.back(i).is_some() => {
                    spaced = true;
                    i = self.flow.back(i).unwrap_or(start);
                }
                Class::Space => {
                    spaced |= code != 0x2A && code != 0x5F;
                    i = start;
                }
                Class::Newline => {
                    return Token {
                        kind: Kind::Break,
                        span: Span::new(start, i),
                        spaced,
                        ..Token::default()
                    };
                }
                Class::Digit | Class::Letter(_) => {
                    return Token {
                        spaced,
                        ..self.run_before(i)
                    };
                }
                Class::Other => {
                    let span = Span::new(start, i);
                    return Token {
                        kind: Kind::Mark(mark(code)),
                        span,
                        spaced,
                        ..Token::default()
                    };
                }
            }
        }
    }

    /// The text of a span.
    pub fn str(&self, span: Span) -> &'t str {
        span.of(self.text)
    }

    /// The text of a span on one line: white space folded, emphasis and skipped footnotes left out.
    pub fn line(&self, span: Span) -> String {
        let mut out = String::with_capacity(span.len());
        let (mut at, end) = (span.start as usize, span.end as usize);
        while at < end {
            let (code, size) = decode(self.text.as_bytes(), at);
            match class(code) {
                Class::Newline => {
                    space(&mut out);
                    at = self.flow.onward(at).unwrap_or(at + size);
                }
                Class::Space => {
                    if code != 0x2A && code != 0x5F {
                        space(&mut out);
                    }
                    at += size;
                }
                _ => {
                    out.push_str(&self.text[at..at + size]);
                    at += size;
                }
            }
        }
        out.truncate(out.trim_end().len());
        out
    }

    /// The text of a token.
    pub fn token(&self, token: Token) -> &'t str {
        token.span.of(self.text)
    }

    fn word(&self, start: usize) -> Token {
        let bytes = self.text.as_bytes();
        let mut folder = Folder::new();
        let mut i = start;
        let (mut upper, mut lower, mut first_upper) = (0, 0, false);
        while i < bytes.len() {
            let (code, size) = decode(bytes, i);
            match class(code) {
                Class::Letter(letter) => {
                    if letter & UPPER != 0 {
                        first_upper |= i == start;
                        upper += 1;
                    } else {
                        lower += 1;
                    }
                    folder = folder.push(letter & 0xFF, (letter >> 8) & 7);
                }
                Class::Digit => folder = folder.push(DIGIT_0 + (code - 0x30) as u16, 0),
                _ => break,
            }
            i += size;
        }
        let case = match (upper, lower) {
            (0, _) => Case::Lower,
            (1, _) if first_upper => Case::Title,
            (_, 0) => Case::Upper,
            _ => Case::Mixed,
        };
        Token {
            kind: Kind::Word,
            span: Span::new(start, i),
            key: folder.key(),
            case,
            spaced: false,
        }
    }

    /// The word or number that ends at `end`.
    fn run_before(&self, end: usize) -> Token {
        let bytes = self.text.as_bytes();
        let mut start = end;
        let mut first_letter = None;
        while start > 0 {
            let at = previous(bytes, start);
            match class(decode(bytes, at).0) {
                Class::Digit => {}
                Class::Letter(_) => first_letter = Some(at),
                _ => break,
            }
            start = at;
        }
        match first_letter {
            // "5xã": the word begins at its first letter, the number before it is a token of its own.
            Some(letter) => {
                let letter_run = bytes[start..letter].iter().take_while(|b| b.is_ascii_digit()).count();
                self.word(start + letter_run)
            }
            None => Token {
                kind: Kind::Number,
                span: Span::new(start, end),
                ..Token::default()
            },
        }
    }
}

/// Adds a space unless the text begins or one stands there.
fn space(out: &mut String) {
    if !out.is_empty() && !out.ends_with(' ') {
        out.push(' ');
    }
}

fn previous(bytes: &[u8], mut i: usize) -> usize {
    i -= 1;
    while bytes[i] & 0xC0 == 0x80 {
        i -= 1;
    }
    i
}

fn mark(code: usize) -> char {
    match code {
        0x2010..=0x2015 | 0x2212 => '-',
        _ => char::from_u32(code as u32).unwrap_or('\u{FFFD}'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let flow = Flow::default();
        let reader = Reader::new(text, &flow);
        let (mut at, mut out) = (0, vec![]);
        loop {
            let token = reader.after(at);
            if token.kind == Kind::End {
                return out;
            }
            out.push(reader.token(token).to_owned());
            at = token.end();
        }
    }

    #[test]
    fn keys_ignore_case_tone_placement_and_look_alikes() {
        assert_eq!(Key::new("hòa"), Key::new("HOÀ"));
        assert_eq!(Key::new("Ủy"), Key::new("uỷ"));
        assert_eq!(Key::new("QĐ"), Key::new("QÐ"));
        assert_ne!(Key::new("hòa"), Key::new("hỏa"));
        assert_ne!(Key::new("đối"), Key::new("dối"));
        assert_ne!(Key::new("nghiêng"), Key::new("nghiên"));
        assert_eq!(Key::new("internationally"), Key::new("INTERNATIONALLY"));
    }

    #[test]
    fn every_vietnamese_letter_has_its_own_key() {
        let mut keys: Vec<_> = TONED[..12]
            .iter()
            .flat_map(|row| row.chars())
            .map(|c| Key::new(&c.to_string()))
            .collect();
        keys.push(Key::new("đ"));
        keys.push(Key::new("d"));
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    #[test]
    fn reads_words_numbers_and_marks_in_both_directions() {
        let text = "Số: **318**/BC–STP, ngày 03/6/2013 (QH15)";
        assert_eq!(
            words(text),
            [
                "Số", ":", "318", "/", "BC", "–", "STP", ",", "ngày", "03", "/", "6", "/", "2013", "(", "QH15", ")"
            ]
        );
        let flow = Flow::default();
        let reader = Reader::new(text, &flow);
        let (mut at, mut back) = (text.len(), vec![]);
        while at > 0 {
            let token = reader.before(at);
            back.push(reader.token(token).to_owned());
            at = token.start();
        }
        back.reverse();
        assert_eq!(back, words(text));
    }

    #[test]
    fn a_join_is_passed_both_ways_and_any_other_line_break_ends_the_paragraph() {
        let text = "thành\n\nphố\nHết";
        let newline = text.find('\n').unwrap() as u32;
        let flow = Flow::new(vec![(newline, newline + 2)]);
        let reader = Reader::new(text, &flow);
        let second = reader.after(newline as usize);
        assert_eq!((reader.token(second), second.spaced), ("phố", true));
        assert_eq!(reader.after(second.end()).kind, Kind::Break);
        assert_eq!(reader.token(reader.before(second.start())), "thành");
    }

    #[test]
    fn cases() {
        let flow = Flow::default();
        let case = |text: &str| Reader::new(text, &flow).after(0).case;
        assert_eq!(case("tỉnh"), Case::Lower);
        assert_eq!(case("Ủy"), Case::Title);
        assert_eq!(case("UBND"), Case::Upper);
        assert_eq!(case("TTg"), Case::Mixed);
    }
}
