//! All tokens of a text, lexed once.
//!
//! The extractors read the words around each number and each citation again and again, from many
//! offsets; looking a token up costs a small part of lexing it. What the table answers is what
//! [`Reader`](super::Reader) reads on demand, which a property test shows.

use super::{Case, First, Flow, Key, KeySet, Kind, Token, is_emphasis};
use crate::document::Span;
use std::cell::RefCell;

/// All tokens of a text, and where each stretch of it finds its first.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// In order; all line breaks are among them, joined or not. The last is [`Kind::End`].
    all: Vec<Token>,
    /// What begins before each block of bytes.
    blocks: Vec<Block>,
    /// Indexes of all tokens but plain words: of marks, line breaks, whatever has digits, certain words.
    anchors: Vec<u32>,
    /// Those of the anchors from which figures and documents are read: whatever has digits, number words, the
    /// types of laws.
    leads: Vec<u32>,
}

/// The words at which extractors begin to read, and those they look for between figures: all others
/// are plain.
pub(crate) static ANCHORS: KeySet<31> = KeySet::new([
    // Numbers in words.
    "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "bẩy", "tám", "chín", "mười", // The types of laws.
    "luật", "pháp", "hiến", // What breaks figures down, and what compares them.
    "trong", "gồm", "chia", "cụ", "cùng", "kế", "so", "dự", "chỉ", "kỳ", "trước", "đảng", "dân", "phụ", "nữ", "riêng",
    "phân",
]);

/// Those of them from which figures and documents are read.
pub(crate) static LEADS: KeySet<14> = KeySet::new([
    "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "bẩy", "tám", "chín", "mười", "luật", "pháp", "hiến",
]);

/// Bytes of a block; few, so that a look-up passes over no more than a token or two.
const BLOCK: usize = 16;

/// How many tokens and how many anchors begin before a block.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    tokens: u32,
    anchors: u32,
}

/// Bytes of text a token takes at least, in all but tables of numbers.
const BYTES_PER_TOKEN: usize = 4;

#[cfg(test)]
thread_local! {
    /// Tokens looked up by the tests of this thread: the work that must grow with a text no faster
    /// than the text.
    pub(crate) static LOOKED_UP: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts a token looked up, in tests.
#[inline]
pub(super) fn count() {
    #[cfg(test)]
    LOOKED_UP.with(|count| count.set(count.get() + 1));
}

impl Tokens {
    /// Lexes a text whose sentences go on as `flow` says.
    pub fn of(text: &str, flow: &Flow) -> Self {
        thread_local! {
            static MEMO: RefCell<Memo> = RefCell::new(Memo::new());
        }
        MEMO.with_borrow_mut(|memo| Self::lex(text, flow, memo))
    }

    #[inline(never)] // The loop needs all registers.
    fn lex(text: &str, flow: &Flow, memo: &mut Memo) -> Self {
        let bytes = text.as_bytes();
        let mut all: Vec<Token> = Vec::with_capacity(text.len() / BYTES_PER_TOKEN + 1);
        let mut at = 0;
        loop {
            let index = all.len() as u32;
            // What was met before, mostly: nothing of it is read again but its bytes.
            if let Some((found, known)) = memo.find(bytes, at) {
                at = found.span.end;
                all.push(known.token(&found, index));
            } else if let Some(token) = memo.learn(text, at as usize) {
                at = token.span.end;
                all.push(Token { index, ..token });
            } else {
                break;
            }
        }
        all.push(Token {
            index: all.len() as u32,
            ..First::none_behind(text, at as usize)
        });
        let mut tokens = Self::listed(text, all);
        for &(from, to) in &flow.onward {
            tokens.join(from as usize, to as usize);
        }
        tokens
    }

    /// The tokens of a text, the last of which is its end, with their indexes.
    fn listed(text: &str, all: Vec<Token>) -> Self {
        let mut blocks = vec![Block::default(); text.len() / BLOCK + 2];
        // Each token is noted, and the next one over it unless it is an anchor: which of them are is hard to
        // guess for a processor, so that a branch would cost more.
        let mut anchors = vec![0; all.len()];
        let mut found = 0;
        let end = all.len() - 1;
        for (index, token) in all[..end].iter().enumerate() {
            anchors[found] = index as u32;
            found += usize::from(token.use_of != Use::Plain);
            blocks[token.start() / BLOCK + 1] = Block {
                tokens: index as u32 + 1,
                anchors: found as u32,
            };
        }
        anchors.truncate(found);
        let is_lead = |&index: &u32| all[index as usize].use_of > Use::Anchor;
        let leads = anchors.iter().copied().filter(is_lead).collect();
        anchors.push(end as u32);
        // Where no token begins in a block, as many begin before the next one.
        let mut before = Block::default();
        for block in &mut blocks {
            if block.tokens == 0 {
                *block = before;
            }
            before = *block;
        }
        Self {
            all,
            blocks,
            anchors,
            leads,
        }
    }

    /// Marks the line break at `from` as passed, and the place where its sentence goes on.
    fn join(&mut self, from: usize, to: usize) {
        if let Some(index) = self.index(from) {
            self.all[index].passed = true;
        }
        if let Some(index) = self.index(to) {
            self.all[index].resumed = true;
        }
    }

    /// Indexes of the anchors from a token on.
    pub(super) fn anchors_from(&self, index: usize) -> &[u32] {
        let Some(token) = self.all.get(index) else { return &[] };
        let mut rank = self.blocks[token.start() / BLOCK].anchors as usize;
        while self.anchors.get(rank).is_some_and(|&anchor| (anchor as usize) < index) {
            rank += 1;
        }
        &self.anchors[rank..]
    }

    /// Indexes of the leads that begin in a stretch of the text.
    pub(super) fn leads_in(&self, span: Span) -> &[u32] {
        let before = |offset: u32| {
            let starts_before = |&index: &u32| self.all[index as usize].span.start < offset;
            self.leads.partition_point(starts_before)
        };
        let end = before(span.end);
        &self.leads[before(span.start).min(end)..end]
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Token] {
        &self.all
    }

    /// Index of the first token that begins at or behind an offset; none behind the text.
    #[inline]
    pub(super) fn index(&self, offset: usize) -> Option<usize> {
        count();
        let mut index = self.blocks.get(offset / BLOCK)?.tokens as usize;
        while self.all.get(index)?.start() < offset {
            index += 1;
        }
        Some(index)
    }

    /// The token that begins at or behind `from`, a line break perhaps; none where `from` lies
    /// inside a token.
    pub(super) fn after(&self, text: &str, from: usize) -> Option<Token> {
        let index = self.index(from)?;
        let mut token = self.all[index];
        let end = self.end_before(index);
        if end < from {
            token.spaced = is_spaced(text, from, token.start());
        }
        (end <= from).then_some(token)
    }

    /// The token that ends at or before `until`, and whether white space stands between; none where `until`
    /// lies inside a token, or where the text comes from elsewhere.
    #[inline]
    pub(super) fn before(&self, text: &str, until: usize) -> Option<(&Token, bool)> {
        let index = self.index(until)?;
        let next = &self.all[index];
        let last = index.checked_sub(1).map_or(&Token::END, |last| &self.all[last]);
        if last.end() > until || next.resumed {
            return None;
        }
        let spaced = if next.start() == until {
            next.spaced
        } else {
            last.end() < until && is_spaced(text, last.end(), until)
        };
        Some((last, spaced))
    }

    /// Where the token before this one ends.
    fn end_before(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |last| self.all[last].end())
    }
}

/// The words, numbers and marks that this thread has read. Reports say the same syllables over and over;
/// to find one again takes a fraction of the time of reading it letter by letter, and tells the same.
struct Memo {
    /// By the hash of their bytes; a new one takes the place of an old one.
    known: Box<[Known; PLACES]>,
}

/// Bits of the hash of a word's bytes. There are about seven thousand syllables, half of them rare; each is met
/// with the marks beyond ASCII that may stand behind it.
const MEMO_BITS: u32 = 14;
const PLACES: usize = 1 << MEMO_BITS;

/// The token that begins where these bytes of a text begin: see [`first_bytes`].
#[derive(Clone, Copy)]
#[repr(align(32))] // Two in a line of the processor's cache.
struct Known {
    bytes: [u64; 2],
    key: Key,
    kind: Kind,
    size: u8,
    case: Case,
    trace: u8,
    use_of: Use,
}

/// Whether extractors look for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    Plain,
    Anchor,
    /// An anchor that is a lead, too.
    Lead,
    /// A lead that has digits among its letters.
    Digits,
}

impl Use {
    /// That of a word without digits.
    pub(super) fn of(word: Key) -> Self {
        if LEADS.contains(word) {
            Self::Lead
        } else if ANCHORS.contains(word) {
            Self::Anchor
        } else {
            Self::Plain
        }
    }
}

/// Where a token stands.
struct Found {
    span: Span,
    spaced: bool,
}

impl Known {
    /// The bytes of nothing: where they go on behind eight, none of the eight is NUL.
    const FREE: Self = Self {
        bytes: [0, 1],
        key: Key::NONE,
        kind: Kind::End,
        size: 0,
        case: Case::Lower,
        trace: 0,
        use_of: Use::Plain,
    };

    #[inline(always)]
    fn token(&self, found: &Found, index: u32) -> Token {
        Token {
            kind: self.kind,
            span: found.span,
            key: self.key,
            case: self.case,
            spaced: found.spaced,
            use_of: self.use_of,
            passed: false,
            resumed: false,
            trace: self.trace,
            index,
        }
    }
}

impl Memo {
    fn new() -> Self {
        let known = vec![Known::FREE; PLACES].into_boxed_slice();
        Self {
            known: known
                .try_into()
                .unwrap_or_else(|_| unreachable!("as many as there are places")),
        }
    }

    /// Where the token at an offset, or behind the space there, stands, and what it is, if its bytes were met
    /// before.
    #[inline(always)]
    fn find(&self, text: &[u8], from: u32) -> Option<(Found, &Known)> {
        let window: &[u8; 17] = text.get(from as usize..from as usize + 17)?.first_chunk()?;
        let mut start = from + 1;
        let mut bytes: &[u8; 16] = window.last_chunk()?;
        if window[0] != b' ' {
            seldom();
            start = from;
            bytes = window.first_chunk()?;
        }
        let (bytes, size) = first_bytes(bytes)?;
        let known = &self.known[place(bytes)];
        if known.bytes != bytes {
            return None;
        }
        let mut end = start + size;
        if u32::from(known.size) != size {
            seldom();
            end = start + u32::from(known.size);
        }
        let found = Found {
            span: Span { start, end },
            spaced: start != from,
        };
        Some((found, known))
    }

    /// Reads the next token at or behind an offset, if there is one, and puts it into its place.
    #[cold]
    #[inline(never)]
    fn learn(&mut self, text: &str, from: usize) -> Option<Token> {
        let first = First::behind(text, from)?;
        let token = first.token(text);
        if let Some((bytes, _)) = text.as_bytes()[first.start..].first_chunk().and_then(first_bytes) {
            self.known[place(bytes)] = Known {
                bytes,
                key: token.key,
                kind: token.kind,
                size: token.span.len() as u8,
                case: token.case,
                trace: token.trace,
                use_of: token.use_of,
            };
        }
        Some(token)
    }
}

/// Marks a way that is taken seldom, so that it is a branch: the processor guesses where the next token begins
/// and reads on, instead of waiting for what the memo has of this one.
#[cold]
fn seldom() {}

/// The bytes that tell which token begins with the first of sixteen, and where it ends: a space or mark below '0'
/// alone, or all up to the first of these; and how many they are. None where there is none of these.
#[inline(always)]
fn first_bytes(text: &[u8; 16]) -> Option<([u64; 2], u32)> {
    let bytes = u128::from_le_bytes(*text);
    let (low, high) = (bytes as u64, (bytes >> 64) as u64);
    let below = below_zero(low);
    if below != 0 {
        // The size is what the next token waits for: it is told by the bits as they are, without the mask.
        let size = (below.trailing_zeros() / 8).max(1);
        return Some(([low & (before(below) | 0xFF), 0], size));
    }
    let below = below_zero(high);
    (below != 0).then(|| ([low, high & before(below)], 8 + below.trailing_zeros() / 8))
}

/// Where the token with these first bytes is kept.
#[inline]
fn place(bytes: [u64; 2]) -> usize {
    let hash = (bytes[0] ^ bytes[1].rotate_left(23)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (hash >> (u64::BITS - MEMO_BITS)) as usize
}

/// The high bit of each of eight bytes that is below '0', and of some behind the first of them that the
/// subtraction borrows from.
#[inline]
fn below_zero(bytes: u64) -> u64 {
    const LOW_BITS: u64 = u64::MAX / 255;
    bytes.wrapping_sub(LOW_BITS * b'0' as u64) & !bytes & (LOW_BITS << 7)
}

/// All bits of the bytes before the one whose high bit is the lowest here.
#[inline]
fn before(below: u64) -> u64 {
    ((below & below.wrapping_neg()) >> 7).wrapping_sub(1)
}

/// Whether there is white space, and not emphasis alone, in a stretch between two tokens.
fn is_spaced(text: &str, from: usize, until: usize) -> bool {
    text.as_bytes()[from..until].iter().any(|&b| !is_emphasis(b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Reader;
    use super::*;
    use crate::extract::{breakdowns::GAP_WORDS, citations::LAW_WORDS, numerals::NUMBER_WORDS};

    /// Texts of all that the lexer tells apart, and joins from line breaks to any later place.
    fn texts() -> impl Strategy<Value = (String, Vec<(u32, u32)>)> {
        let piece = prop_oneof![
            "[a-zA-Z0-9 .,/*_()-]{0,4}",
            "[àảãáạăđĐêôơưƯỷỹẾ]{1,3}",
            "( |)(Hai|luật|trong|gồm|xã)(| )",
            Just("\n".to_owned()),
            Just(" ".to_owned()),
            Just("**".to_owned()),
            Just("\0".to_owned()),
            "[\u{300}\u{A0}\u{AD}\u{200B}\u{2013}\u{2212}Ж中²½𝐀😀]",
        ];
        let text = prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat());
        (
            text,
            prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..4),
        )
            .prop_map(|(text, picks)| {
                let newlines: Vec<usize> = memchr::memchr_iter(b'\n', text.as_bytes()).collect();
                let mut joins = Vec::new();
                for (from, to) in picks {
                    if newlines.is_empty() {
                        break;
                    }
                    let from = *from.get(&newlines);
                    let later: Vec<usize> = (from + 1..=text.len()).filter(|&i| text.is_char_boundary(i)).collect();
                    let taken = joins.iter().any(|&(known, _)| known == from as u32);
                    if !taken {
                        joins.push((from as u32, *to.get(&later) as u32));
                    }
                }
                (text, joins)
            })
    }

    #[test]
    fn every_word_that_an_extractor_looks_for_is_an_anchor() {
        for key in [&NUMBER_WORDS.keys()[..], LAW_WORDS.keys(), GAP_WORDS.keys()].concat() {
            assert!(ANCHORS.contains(key), "{key:?}");
        }
        for key in [&NUMBER_WORDS.keys()[..], LAW_WORDS.keys()].concat() {
            assert!(LEADS.contains(key), "{key:?}");
        }
        assert!(LEADS.keys().iter().all(|&key| ANCHORS.contains(key)));
    }

    proptest! {
        #[test]
        fn the_table_answers_as_the_lexer_does((text, joins) in texts()) {
            let flow = Flow::new(joins);
            let tokens = Tokens::of(&text, &flow);
            let listed = |indexes: &[u32]| indexes.iter().map(|&index| tokens.all[index as usize]).collect::<Vec<_>>();
            let all = || tokens.all[..tokens.all.len() - 1].iter().copied();
            let lead = |token: &Token| token.is_number() || token.has_digits() || LEADS.has(*token);
            let leads = listed(tokens.leads_in(Span::new(0, text.len())));
            prop_assert_eq!(leads, all().filter(lead).collect::<Vec<_>>());
            let anchors = listed(&tokens.anchors[..tokens.anchors.len() - 1]);
            let wanted = |token: &Token| !token.is_word() || token.has_digits() || ANCHORS.has(*token);
            prop_assert_eq!(anchors, all().filter(wanted).collect::<Vec<_>>());
            let lexing = Reader::new(&text, &flow);
            let looking = Reader::with(&text, &flow, &tokens);
            for at in (0..=text.len()).filter(|&at| text.is_char_boundary(at)) {
                prop_assert_eq!(looking.after(at), lexing.after(at), "after {}", at);
                prop_assert_eq!(looking.before(at), lexing.before(at), "before {}", at);
                let is_inside = |offset: usize| tokens.all.iter().any(|token| token.start() < offset && offset < token.end());
                let inside = is_inside(at) || flow.back.iter().any(|&(to, _)| is_inside(to as usize));
                if !inside {
                    let (mut words, mut stops) = (0, vec![]);
                    for token in lexing.walk(at) {
                        if wanted(&token) {
                            stops.push((std::mem::take(&mut words), token.span));
                        } else {
                            words += 1;
                        }
                    }
                    let found = looking.stops(at).map(|(words, token)| (words, token.span));
                    prop_assert_eq!(found.collect::<Vec<_>>(), stops, "from {}", at);
                }
                let token = looking.after(at);
                prop_assert_eq!(looking.next(token), lexing.after(token.end()), "next to {:?}", token);
                prop_assert_eq!(looking.previous(token), lexing.before(token.start()), "previous to {:?}", token);
            }
        }
    }
}
