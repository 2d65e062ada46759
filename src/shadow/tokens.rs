//! All tokens of a text, lexed once.
//!
//! The extractors read the words around each number and each citation again and again, from many
//! offsets; looking a token up costs a small part of lexing it. What the table answers is what
//! [`Reader`](super::Reader) reads on demand, which a property test shows.

use super::{Flow, Kind, Token, is_emphasis, lex};

/// All tokens of a text, and where each stretch of it finds its first.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// In order; all line breaks are among them, joined or not. The last is [`Kind::End`].
    all: Vec<Token>,
    /// Index of the first token that begins at or behind the start of each block of bytes.
    blocks: Vec<u32>,
}

/// Bytes of a block; few, so that a look-up passes over no more than a token or two.
const BLOCK: usize = 8;
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
        let mut all: Vec<Token> = Vec::with_capacity(text.len() / BYTES_PER_TOKEN + 1);
        let mut at = 0;
        loop {
            let mut token = lex(text, at);
            token.index = all.len() as u32;
            all.push(token);
            if token.kind == Kind::End {
                break;
            }
            at = token.end();
        }
        let mut blocks = vec![0; text.len() / BLOCK + 1];
        let mut block = 0;
        for (index, token) in all.iter().enumerate() {
            let until = token.start() / BLOCK + 1;
            if block < until {
                blocks[block..until].fill(index as u32);
                block = until;
            }
        }
        let mut tokens = Self { all, blocks };
        for &(from, to) in &flow.onward {
            tokens.join(from as usize, to as usize);
        }
        tokens
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

    /// All of them.
    pub(super) fn all(&self) -> &[Token] {
        &self.all
    }

    /// Index of the first token that begins at or behind an offset; none behind the text.
    #[inline]
    pub(super) fn index(&self, offset: usize) -> Option<usize> {
        count();
        let mut index = *self.blocks.get(offset / BLOCK)? as usize;
        while self.all.get(index)?.start() < offset {
            index += 1;
        }
        Some(index)
    }

    /// The token behind `from` where that is right behind another one: the way from word to word.
    /// None for a line break, which may have to be passed.
    #[inline]
    pub(super) fn right_at(&self, from: usize) -> Option<&Token> {
        let index = self.index(from)?;
        let token = &self.all[index];
        let follows = index > 0 && self.all[index - 1].end() == from;
        (follows && token.kind != Kind::Break).then_some(token)
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

    /// The token that ends at or before `until`; none where `until` lies inside a token, or where
    /// the text comes from elsewhere.
    pub(super) fn before(&self, text: &str, until: usize) -> Option<Token> {
        let index = self.index(until)?;
        let end = self.end_before(index);
        if end > until || self.all[index].resumed {
            return None;
        }
        let next = self.all[index];
        let spaced = if next.start() == until {
            next.spaced
        } else {
            is_spaced(text, end, until)
        };
        let token = index.checked_sub(1).map_or(Token::default(), |last| self.all[last]);
        Some(Token { spaced, ..token })
    }

    /// Where the token before this one ends.
    fn end_before(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |last| self.all[last].end())
    }
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

    /// Texts of all that the lexer tells apart, and joins from line breaks to any later place.
    fn texts() -> impl Strategy<Value = (String, Vec<(u32, u32)>)> {
        let piece = prop_oneof![
            "[a-zA-Z0-9 .,/*_()-]{0,4}",
            "[àảãáạăđĐêôơưƯỷỹẾ]{1,3}",
            Just("\n".to_owned()),
            Just(" ".to_owned()),
            Just("**".to_owned()),
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

    proptest! {
        #[test]
        fn the_table_answers_as_the_lexer_does((text, joins) in texts()) {
            let flow = Flow::new(joins);
            let tokens = Tokens::of(&text, &flow);
            let lexing = Reader::new(&text, &flow);
            let looking = Reader::with(&text, &flow, &tokens);
            for at in (0..=text.len()).filter(|&at| text.is_char_boundary(at)) {
                prop_assert_eq!(looking.after(at), lexing.after(at), "after {}", at);
                prop_assert_eq!(looking.before(at), lexing.before(at), "before {}", at);
                let token = looking.after(at);
                prop_assert_eq!(looking.next(token), lexing.after(token.end()), "next to {:?}", token);
                prop_assert_eq!(looking.previous(token), lexing.before(token.start()), "previous to {:?}", token);
            }
        }
    }
}
