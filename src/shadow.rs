//! The normalised shadow of the text: what matching sees.
//!
//! Nothing is ever rewritten. A [`Reader`] reads words, numbers and marks forwards or backwards
//! from any offset, on demand, and gives each word a [`Key`] under which case, the placement of
//! the tone mark (hòa, hoà) and look-alikes of Đ are equal. It passes over spaces, Markdown
//! emphasis, and the line and page breaks that stand inside a sentence ([`Flow`]). Every token
//! carries the span of what the author wrote.

use std::slice;

use crate::{document::Span, vocabulary::spelling::Look};

mod tokens;

#[cfg(test)]
pub(crate) use tokens::LOOKED_UP;
pub use tokens::Tokens;
use tokens::{Use, count, count_all};

/// A folded word. A Vietnamese syllable (up to nine letters) is held exactly: base letters in
/// order, then its tone, wherever the mark stands. Longer words are held as a hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(u64);

/// The key of a word that is written in the program, computed by the compiler.
macro_rules! key {
    ($word:literal) => {
        const { $crate::shadow::Key::new($word) }
    };
}
pub(crate) use key;

/// The keys of words that are written in the program, for use in constants.
pub const fn keys<const N: usize>(words: [&str; N]) -> [Key; N] {
    let mut keys = [Key::NONE; N];
    let mut i = 0;
    while i < N {
        keys[i] = Key::new(words[i]);
        i += 1;
    }
    keys
}

/// A set of words that most words are not in: a few bits of the key tell so at once.
#[derive(Debug)]
pub struct KeySet<const N: usize> {
    keys: [Key; N],
    traces: [u64; 4],
}

impl<const N: usize> KeySet<N> {
    /// The set of these words. For use in constants.
    pub const fn new(words: [&str; N]) -> Self {
        Self::of(keys(words))
    }

    /// The set of words with these keys.
    pub const fn of(keys: [Key; N]) -> Self {
        let mut traces = [0; 4];
        let mut i = 0;
        while i < N {
            let trace = keys[i].trace() as usize;
            traces[trace / 64] |= 1 << (trace % 64);
            i += 1;
        }
        Self { keys, traces }
    }

    /// The keys of its words.
    pub const fn keys(&self) -> &[Key; N] {
        &self.keys
    }

    /// Whether a word is in the set.
    #[inline]
    pub fn has(&self, token: Token) -> bool {
        self.may_hold(token.trace) && token.is_word() && self.keys.contains(&token.key)
    }

    /// Whether the word with this key is in the set.
    #[inline]
    pub fn contains(&self, key: Key) -> bool {
        self.may_hold(key.trace()) && self.keys.contains(&key)
    }

    #[inline]
    fn may_hold(&self, trace: u8) -> bool {
        self.traces[trace as usize / 64] >> (trace % 64) & 1 == 1
    }
}

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
const TONED_LETTER: [Class; 12] = [1, 27, 28, 5, 30, 9, 15, 31, 32, 21, 33, 25];
const D_WITH_STROKE: Class = 29;
const DIGIT_0: Class = 34;
const OTHER_LETTER: Class = 63;

/// Bits that a [`Key`] takes for a letter, the first one lowest.
pub(crate) const LETTER_BITS: usize = 6;
const MAX_LETTERS: usize = 9;
/// Where the tone stands in a [`Key`].
pub(crate) const TONE_SHIFT: usize = 54;
const HASHED: u64 = 1 << 63;

const LATIN: usize = 0x250;
const ADDITIONAL: usize = 0x1E00;

/// Letter number in the low byte, tone in the next, [`UPPER`]; 0 for what is no letter.
const LETTERS: [Class; LATIN + 0x100] = letters();
const UPPER: Class = 1 << 15;
const TONE: Class = 7 << 8;

const fn letters() -> [Class; LATIN + 0x100] {
    let mut table = [0; LATIN + 0x100];
    let mut c = 0;
    while c < 26 {
        table[b'a' as usize + c] = c as Class + 1;
        table[b'A' as usize + c] = (c as Class + 1) | UPPER;
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

/// What a character is to the reader: its row of [`LETTERS`], or one of the classes below; 0 for
/// all that is a mark.
type Class = u32;
const SPACE: Class = 1 << 14;
const NEWLINE: Class = 1 << 13;
/// A digit; the low byte is its letter number in words.
const DIGIT: Class = 1 << 12;
/// A letter that is no capital.
const SMALL: Class = 1 << 11;
/// The letter number, not 0 for letters and digits alone.
const IN_WORD: Class = 0xFF;

const fn is_letter(class: Class) -> bool {
    class & (SMALL | UPPER) != 0
}

/// The classes of the characters of [`LETTERS`].
static CLASSES: [Class; LATIN + 0x100] = classes();

const fn classes() -> [Class; LATIN + 0x100] {
    let mut table = LETTERS;
    let mut c = 0;
    while c < table.len() {
        if table[c] != 0 && table[c] & UPPER == 0 {
            table[c] |= SMALL;
        }
        c += 1;
    }
    c = b'0' as usize;
    while c <= b'9' as usize {
        table[c] = DIGIT | (DIGIT_0 + (c - b'0' as usize) as Class);
        c += 1;
    }
    table[b'\n' as usize] = NEWLINE;
    // Markdown emphasis and zero-width characters are invisible.
    let spaces = [0x09, 0x0B, 0x0C, 0x0D, 0x20, 0xA0, 0xAD, 0x2A, 0x5F];
    let mut i = 0;
    while i < spaces.len() {
        table[spaces[i]] = SPACE;
        i += 1;
    }
    table
}

#[inline]
fn class(code: usize) -> Class {
    if code < LATIN {
        CLASSES[code]
    } else if (ADDITIONAL..ADDITIONAL + 0x100).contains(&code) {
        CLASSES[code - ADDITIONAL + LATIN]
    } else {
        class_beyond(code)
    }
}

/// The class of the character at a byte offset inside the text, and its size.
#[inline(always)]
fn class_at(bytes: &[u8], at: usize) -> (Class, usize) {
    let first = bytes[at];
    if first < 0x80 {
        return (CLASSES[first as usize], 1);
    }
    let second = bytes.get(at + 1).map_or(0, |&byte| usize::from(byte & 0x3F));
    match first {
        // The letters with marks, two bytes or three.
        0xC2..=0xC8 => (CLASSES[usize::from(first & 0x0F) << 6 | second], 2),
        0xE1 if (0x38..0x3C).contains(&second) => {
            let third = bytes.get(at + 2).map_or(0, |&byte| usize::from(byte & 0x3F));
            (CLASSES[LATIN + ((second & 3) << 6 | third)], 3)
        }
        _ => other_class_at(bytes, at),
    }
}

#[cold]
fn other_class_at(bytes: &[u8], at: usize) -> (Class, usize) {
    let (code, size) = decode(bytes, at);
    (class(code), size)
}

/// The class of a character that Vietnamese does not write with.
fn class_beyond(code: usize) -> Class {
    match code {
        0x2000..=0x200F | 0x2028..=0x202F | 0x205F..=0x2060 | 0x3000 | 0xFEFF => SPACE,
        // Dashes, quotes and raised figures: the marks that are met most.
        0x2010..=0x2027 | 0x2030..=0x205E | 0x2074..=0x207E => 0,
        0x300..=0x36F => OTHER_LETTER | SMALL,
        _ if char::from_u32(code as u32).is_some_and(char::is_alphabetic) => OTHER_LETTER | SMALL,
        _ => 0,
    }
}

/// Whether a character is a capital (true) or another letter (false); none for what is no letter.
/// The same as [`char::is_uppercase`] and [`char::is_alphabetic`] say, without a search for the letters
/// of Vietnamese.
pub fn letter_case(c: char) -> Option<bool> {
    let code = c as usize;
    let class = if code < LATIN || (ADDITIONAL..ADDITIONAL + 0x100).contains(&code) {
        CLASSES[slot(code)]
    } else {
        0
    };
    // Other letters are written in either case, and some signs of Latin-1 are letters to Unicode.
    if is_letter(class) && class & IN_WORD != OTHER_LETTER {
        Some(class & UPPER != 0)
    } else if c.is_ascii() {
        None
    } else {
        c.is_alphabetic().then(|| c.is_uppercase())
    }
}

/// Whether a character is a letter that Vietnamese is written with.
pub fn is_vietnamese(c: char) -> bool {
    let class = class(c as usize);
    is_letter(class) && class & IN_WORD != OTHER_LETTER
}

/// Whether a byte is Markdown emphasis, which is no white space.
fn is_emphasis(byte: u8) -> bool {
    matches!(byte, b'*' | b'_')
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
                folder = folder.push(DIGIT_0 + (code - 0x30) as Class, 0);
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

    /// The same while the program runs, where it is a few times faster.
    pub fn of(word: &str) -> Self {
        let bytes = word.as_bytes();
        if !bytes.is_empty() && is_letter(class_at(bytes, 0).0) {
            let read = Word::at(bytes, 0);
            if read.end == bytes.len() {
                return read.key(word, 0);
            }
        }
        Self::new(word)
    }

    /// The key of no word.
    pub const NONE: Key = Key(0);

    /// Whether a word of up to nine letters carries a tone mark. Codes never do.
    pub const fn has_tone(self) -> bool {
        self.0 & HASHED == 0 && self.0 >> TONE_SHIFT != 0
    }

    /// The same letters without a tone; not for a word that is held as a hash.
    pub(crate) const fn without_tone(self) -> Self {
        Key(self.0 & ((1 << TONE_SHIFT) - 1))
    }

    /// The first letters of a word that is not held as a hash, and those behind them with the tone.
    pub(crate) const fn split_at(self, letters: u32) -> (Self, Self) {
        let bits = LETTER_BITS as u32 * letters;
        (Key(self.0 & ((1 << bits) - 1)), Key(self.0 >> bits))
    }

    /// A few of its bits, mixed.
    const fn trace(self) -> u8 {
        (self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
    }

    /// The key as a number, for tables.
    pub const fn raw(self) -> u64 {
        self.0
    }
}

#[derive(Clone, Copy)]
struct Folder {
    bits: u64,
    letters: usize,
    tone: Class,
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

    const fn push(mut self, letter: Class, tone: Class) -> Self {
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
#[derive(Clone, Copy, Debug)]
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
    /// Whether extractors look for it, and whether digits stand among its letters.
    use_of: Use,
    /// Whether it is a line break that is passed: the sentence goes on elsewhere.
    passed: bool,
    /// Whether text that was broken off at a line break goes on here, or in the space before.
    resumed: bool,
    /// A few bits of the key, by which a [`KeySet`] passes over most words.
    trace: u8,
    /// Whether a word is worth a second look for slips; of tokens at hand alone.
    pub look: Look,
    /// Where it stands in the table of tokens it was taken from; see [`Reader::next`].
    index: u32,
}

/// The index of a token that was lexed on demand.
const NOWHERE: u32 = u32::MAX;

impl Default for Token {
    fn default() -> Self {
        Self::END
    }
}

/// The same token wherever it was taken from.
impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        let all = |token: &Self| {
            (
                token.kind,
                token.span,
                token.key,
                token.case,
                token.spaced,
                token.has_digits(),
            )
        };
        all(self) == all(other)
    }
}

impl Eq for Token {}

impl Token {
    const END: Self = Self {
        kind: Kind::End,
        span: Span { start: 0, end: 0 },
        key: Key::NONE,
        case: Case::Lower,
        spaced: false,
        use_of: Use::Anchor,
        passed: false,
        resumed: false,
        trace: 0,
        look: Look::NOTHING,
        index: NOWHERE,
    };

    /// Whether it is this mark.
    pub fn is_mark(&self, mark: char) -> bool {
        matches!(self.kind, Kind::Mark(found) if found == mark)
    }

    /// Whether it is a word.
    pub fn is_word(&self) -> bool {
        matches!(self.kind, Kind::Word)
    }

    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        matches!(self.kind, Kind::Number)
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

    /// Whether digits stand among the letters of a word.
    pub fn has_digits(&self) -> bool {
        self.use_of == Use::Digits
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
    tokens: Option<&'t Tokens>,
    /// All tokens, where they are at hand.
    all: &'t [Token],
}

impl<'t> Reader<'t> {
    /// A reader of `text` that passes the line breaks that `flow` joins, and lexes on demand.
    pub fn new(text: &'t str, flow: &'t Flow) -> Self {
        Self {
            text,
            flow,
            tokens: None,
            all: &[],
        }
    }

    /// The same with the tokens of this text and flow at hand: for reading much, or often.
    pub fn with(text: &'t str, flow: &'t Flow, tokens: &'t Tokens) -> Self {
        Self {
            text,
            flow,
            tokens: Some(tokens),
            all: tokens.all(),
        }
    }

    /// The token behind this one, as [`Self::after`] its end: the quick way from word to word.
    #[inline]
    pub fn next(&self, token: Token) -> Token {
        match self.all.get(token.index as usize + 1) {
            Some(next) if !next.passed => {
                count();
                *next
            }
            _ => self.after(token.end()),
        }
    }

    /// The token before this one, as [`Self::before`] its start: the quick way back.
    #[inline]
    pub fn previous(&self, token: Token) -> Token {
        let index = token.index as usize;
        match (self.all.get(index), self.all.get(index.wrapping_sub(1))) {
            (Some(known), Some(&before)) if !known.resumed => {
                count();
                let mut before = before;
                before.spaced = known.spaced;
                before
            }
            _ => self.before(token.start()),
        }
    }

    /// The tokens from which figures and documents are read (whatever has digits, number words, the types of
    /// laws) that begin in a stretch of a text whose tokens are at hand, in the order of the text.
    pub fn leads_in(&self, span: Span) -> impl Iterator<Item = &'t Token> {
        let leads: &[u32] = self.tokens.map_or(&[], |tokens| tokens.leads_in(span));
        leads.iter().map(|&index| {
            count();
            &self.all[index as usize]
        })
    }

    /// All anchors of a text whose tokens are at hand, in its order: all tokens but plain words.
    pub fn anchors(&self) -> impl Iterator<Item = &'t Token> {
        let anchors = self.tokens.map_or(&[][..], |tokens| tokens.anchors_from(0));
        anchors.iter().map(|&index| &self.all[index as usize])
    }

    /// The anchors on the way that [`Self::walk`] goes, each with the number of plain words before it: for
    /// long ways, in a text whose tokens are at hand. `spaced` tells of the text as it stands, over line
    /// breaks passed or not. No offset and no place where a sentence goes on may lie inside a token.
    #[inline]
    pub fn stops(&self, from: usize) -> impl Iterator<Item = (usize, &'t Token)> {
        let (mut at, anchors) = self.anchors_from(from);
        let mut anchors = anchors.iter();
        let mut words = 0;
        std::iter::from_fn(move || {
            loop {
                let index = *anchors.next()? as usize;
                count();
                let token = &self.all[index];
                words += index - at;
                if !token.passed {
                    at = index + 1;
                    return Some((std::mem::take(&mut words), token));
                }
                let (beyond, rest) = self.anchors_from(token.start());
                (at, anchors) = (beyond, rest.iter());
            }
        })
    }

    /// The index of the token at or behind an offset, and those of the anchors from it on.
    #[inline(never)]
    fn anchors_from(&self, from: usize) -> (usize, &'t [u32]) {
        let index = self.index_after(from);
        (index, self.tokens.map_or(&[], |tokens| tokens.anchors_from(index)))
    }

    /// Shows the tokens of [`Self::walk`] by stretches in which they follow one another, until `goes_on` says no: for long
    /// ways. `spaced` tells of the text as it stands, over line breaks passed or not.
    #[inline]
    pub fn stretches(&self, from: usize, mut goes_on: impl FnMut(&[Token]) -> bool) {
        let mut first = self.after(from);
        loop {
            // Those at hand follow one another up to a line break that is passed.
            let at_hand = self.all.get(first.index as usize..).unwrap_or(slice::from_ref(&first));
            let passed = at_hand.iter().position(|token| token.passed);
            let stretch = &at_hand[..passed.unwrap_or(at_hand.len())];
            let last = stretch.last().unwrap_or(&first);
            count_all(stretch.len());
            if !goes_on(stretch) || last.kind == Kind::End {
                return;
            }
            first = self.after(last.end());
        }
    }

    /// The tokens from the one that begins at or behind `from`, each the [`Self::next`] of the one before,
    /// to the end of the text.
    #[inline]
    pub fn walk(&self, from: usize) -> impl Iterator<Item = Token> {
        // The index of the next token, where it is one of all; and the offset to read on from where it is
        // none, or a line break is passed there.
        let mut index = self.known_after(from).map_or(usize::MAX, |token| token.index as usize);
        let mut at = Some(from);
        std::iter::from_fn(move || {
            let mut token = match self.all.get(index) {
                Some(token) if !token.passed && at.is_some() => {
                    count();
                    *token
                }
                _ => self.after_apart(at?),
            };
            token.spaced &= token.start() != from;
            index = (token.index as usize).wrapping_add(1);
            at = (token.kind != Kind::End).then_some(token.end());
            Some(token)
        })
    }

    #[cold]
    fn after_apart(&self, from: usize) -> Token {
        self.after(from)
    }

    /// The token that begins at or behind `from`.
    #[inline]
    pub fn after(&self, from: usize) -> Token {
        match self.known_after(from) {
            Some(token) => {
                let mut found = *token;
                found.spaced &= token.start() != from;
                found
            }
            None => self.find_after(from),
        }
    }

    /// Its index among all tokens; their number where it is none of them.
    #[inline]
    fn index_after(&self, from: usize) -> usize {
        let index = match self.known_after(from) {
            Some(token) => token.index,
            None => self.find_after(from).index,
        };
        (index as usize).min(self.all.len())
    }

    /// The same where the table has it as it is: where a token begins or ends, and no line break is passed.
    #[inline]
    fn known_after(&self, from: usize) -> Option<&'t Token> {
        let index = self.tokens?.index(from)?;
        let token = &self.all[index];
        let at_edge = token.start() == from || index > 0 && self.all[index - 1].end() == from;
        (at_edge && !token.passed).then_some(token)
    }

    fn find_after(&self, from: usize) -> Token {
        let mut token = self.right_behind(from);
        while token.kind == Kind::Break
            && let Some(next) = self.flow.onward(token.start())
        {
            token = Token {
                spaced: true,
                ..self.right_behind(next)
            };
        }
        token
    }

    /// The token that begins at or behind `from`, be it a line break that is to be passed.
    fn right_behind(&self, from: usize) -> Token {
        let known = self.tokens.and_then(|tokens| tokens.after(self.text, from));
        known.unwrap_or_else(|| lex(self.text, from))
    }

    /// The token that ends at or before `until`.
    #[inline]
    pub fn before(&self, until: usize) -> Token {
        let known = self.tokens.and_then(|tokens| tokens.before(self.text, until));
        match known {
            Some((token, spaced)) => {
                let mut found = *token;
                found.spaced = spaced;
                found
            }
            None => self.lex_before(until),
        }
    }

    #[cold]
    fn lex_before(&self, until: usize) -> Token {
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
                SPACE | NEWLINE if self.flow.back(i).is_some() => {
                    spaced = true;
                    i = self.flow.back(i).unwrap_or(start);
                }
                SPACE => {
                    spaced |= !is_emphasis(bytes[start]);
                    i = start;
                }
                NEWLINE => {
                    return Token {
                        kind: Kind::Break,
                        span: Span::new(start, i),
                        spaced,
                        ..Token::default()
                    };
                }
                0 => {
                    let span = Span::new(start, i);
                    return Token {
                        kind: Kind::Mark(mark(code)),
                        span,
                        spaced,
                        ..Token::default()
                    };
                }
                _ => {
                    return Token {
                        spaced,
                        ..self.run_before(i)
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
                NEWLINE => {
                    space(&mut out);
                    at = self.flow.onward(at).unwrap_or(at + size);
                }
                SPACE => {
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

    /// The word or number that ends at `end`.
    fn run_before(&self, end: usize) -> Token {
        let bytes = self.text.as_bytes();
        let mut start = end;
        let mut first_letter = None;
        while start > 0 {
            let at = previous(bytes, start);
            match class(decode(bytes, at).0) {
                class if is_letter(class) => first_letter = Some(at),
                class if class & DIGIT != 0 => {}
                _ => break,
            }
            start = at;
        }
        match first_letter {
            // "5xã": the word begins at its first letter, the number before it is a token of its own.
            Some(letter) => {
                let letter_run = bytes[start..letter].iter().take_while(|b| b.is_ascii_digit()).count();
                word(self.text, start + letter_run)
            }
            None => Token {
                kind: Kind::Number,
                span: Span::new(start, end),
                ..Token::default()
            },
        }
    }
}

/// The token that begins at or behind `from`; every line break is one.
fn lex(text: &str, from: usize) -> Token {
    match First::behind(text, from) {
        None => First::none_behind(text, from),
        Some(first) => first.token(text),
    }
}

/// The first character of a token.
struct First {
    start: usize,
    class: Class,
    size: usize,
    /// Whether white space stands before it.
    spaced: bool,
}

impl First {
    /// The first character at or behind an offset that is no space; none where the text ends.
    #[inline(always)]
    fn behind(text: &str, from: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        // One space, mostly.
        let mut spaced = bytes.get(from) == Some(&b' ');
        let mut start = from + usize::from(spaced);
        while start < bytes.len() {
            let (class, size) = class_at(bytes, start);
            if class != SPACE {
                return Some(Self {
                    start,
                    class,
                    size,
                    spaced,
                });
            }
            spaced |= !is_emphasis(bytes[start]);
            start += size;
        }
        None
    }

    /// The end of the text, where nothing but spaces stands behind an offset.
    fn none_behind(text: &str, from: usize) -> Token {
        Token {
            span: Span::new(text.len(), text.len()),
            spaced: text.as_bytes()[from..].iter().any(|&byte| !is_emphasis(byte)),
            ..Token::default()
        }
    }

    fn is_letter(&self) -> bool {
        is_letter(self.class)
    }

    /// The token that begins with it.
    fn token(&self, text: &str) -> Token {
        if self.is_letter() {
            self.word(text)
        } else {
            self.mark_or_number(text)
        }
    }

    /// The word that begins with this letter.
    fn word(&self, text: &str) -> Token {
        Token {
            spaced: self.spaced,
            ..word(text, self.start)
        }
    }

    /// The token that begins with what is no letter.
    #[inline]
    fn mark_or_number(&self, text: &str) -> Token {
        let (bytes, start) = (text.as_bytes(), self.start);
        let (kind, end) = if self.class & DIGIT != 0 {
            let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            (Kind::Number, start + digits)
        } else if self.class == NEWLINE {
            (Kind::Break, start + self.size)
        } else {
            (Kind::Mark(mark(decode(bytes, start).0)), start + self.size)
        };
        Token {
            kind,
            span: Span::new(start, end),
            use_of: if kind == Kind::Number { Use::Lead } else { Use::Anchor },
            spaced: self.spaced,
            ..Token::default()
        }
    }
}

/// The word that begins with the letter at `start`.
fn word(text: &str, start: usize) -> Token {
    let word = Word::at(text.as_bytes(), start);
    let key = word.key(text, start);
    Token {
        kind: Kind::Word,
        span: Span::new(start, word.end),
        key,
        case: word.case(),
        use_of: if word.has_digits() { Use::Digits } else { Use::of(key) },
        trace: key.trace(),
        ..Token::default()
    }
}

/// A word while it is read.
struct Word {
    end: usize,
    /// Bits of the letters, those of a tone left out; of no use for a word longer than fits.
    bits: u64,
    /// Bits taken by the letters.
    shift: usize,
    tone: Class,
    /// The class of the first letter.
    first: Class,
    /// The classes of the others together.
    rest: Class,
}

impl Word {
    /// Reads the word that begins with the letter at `start`.
    #[inline]
    fn at(bytes: &[u8], start: usize) -> Self {
        let (first, size) = class_at(bytes, start);
        let mut word = Self {
            end: start + size,
            bits: u64::from(first & IN_WORD),
            shift: LETTER_BITS,
            tone: first & TONE,
            first,
            rest: 0,
        };
        while word.end < bytes.len() {
            let (class, size) = class_at(bytes, word.end);
            if class & IN_WORD == 0 {
                break;
            }
            word.bits |= u64::from(class & IN_WORD) << (word.shift % 64);
            word.shift += LETTER_BITS;
            word.rest |= class;
            if class & TONE != 0 {
                word.tone = class & TONE;
            }
            word.end += size;
        }
        word
    }

    fn key(&self, text: &str, start: usize) -> Key {
        if self.shift <= TONE_SHIFT {
            Key(self.bits | u64::from(self.tone >> 8) << TONE_SHIFT)
        } else {
            Key::new(&text[start..self.end])
        }
    }

    fn has_digits(&self) -> bool {
        self.rest & DIGIT != 0
    }

    fn case(&self) -> Case {
        if (self.first | self.rest) & UPPER == 0 {
            Case::Lower
        } else if self.rest & UPPER == 0 {
            Case::Title
        } else if (self.first | self.rest) & SMALL == 0 {
            Case::Upper
        } else {
            Case::Mixed
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
    fn the_case_of_a_letter_is_that_of_unicode() {
        for c in (0..=0x2FFFF).filter_map(char::from_u32) {
            let unicode = c.is_alphabetic().then(|| c.is_uppercase());
            assert_eq!(letter_case(c), unicode, "{c:?}");
        }
    }

    #[test]
    fn marks_are_no_letters_of_unicode() {
        for c in (0x250..=0x2FFFF).filter_map(char::from_u32) {
            let combining = ('\u{300}'..='\u{36F}').contains(&c);
            let class = class(c as usize);
            assert_eq!(
                is_letter(class),
                combining || c.is_alphabetic() && class != SPACE,
                "{c:?}"
            );
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
    fn every_character_has_one_key() {
        for c in (1..=0x2FFFF).filter_map(char::from_u32) {
            let word = c.to_string();
            assert_eq!(Key::of(&word), Key::new(&word), "{c:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_key_is_the_same_whenever_it_is_computed(word in "\\PC{0,12}|[a-zA-ZàẢãđĐƠưỵ0-9 &.-]{0,14}") {
            proptest::prop_assert_eq!(Key::of(&word), Key::new(&word));
        }
    }

    #[test]
    fn a_set_holds_its_words_and_no_others() {
        static SET: KeySet<3> = KeySet::new(["và", "của", "hoặc"]);
        let flow = Flow::default();
        let text = "Của các xã VÀ phường hoặc thị trấn, nghiêng 12 % va";
        let reader = Reader::new(text, &flow);
        let mut token = reader.after(0);
        let mut held = vec![];
        while token.kind != Kind::End {
            assert_eq!(SET.has(token), token.is_word() && SET.contains(token.key));
            if SET.has(token) {
                held.push(reader.token(token));
            }
            token = reader.next(token);
        }
        assert_eq!(held, ["Của", "VÀ", "hoặc"]);
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
