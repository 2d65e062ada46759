//! The one walk over all words of a document, for the rules that look at words.
//!
//! It notes where a closer look is worth while, and what is needed to find passages that stand twice. Most words are
//! passed over by a few bits that the lexer gave them.

use crate::{
    document::Span,
    shadow::{Key, Kind, Reader, Token},
    validate::{Context, support::text::number_key},
    vocabulary::spelling::{Look, Spelling},
};

/// What the walk notes.
#[derive(Debug, Default)]
pub struct Walk {
    /// Words and numbers from behind the title up to the closing.
    pub words: Vec<Word>,
    /// Their sentences.
    pub sentences: Vec<Sentence>,
    /// Where words that follow each other without a mark begin, where some of them may be a slip.
    pub suspects: Vec<u32>,
    /// Words all in capitals that may hold a D.
    pub capitals: Vec<(Key, Span)>,
}

/// A word or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// The folded word, as a number.
    pub key: u64,
    /// Where it stands.
    pub span: Span,
}

/// A sentence: words `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Its first word.
    pub start: usize,
    /// Behind its last word.
    pub end: usize,
    /// All its words as one number.
    pub hash: u64,
    /// Whether it stands in a paragraph of several sentences.
    pub prose: bool,
}

impl Walk {
    /// Walks over the words of a document.
    pub fn over(context: &Context<'_>) -> Self {
        let reader = context.layout.reader(context.document);
        let body = body(context);
        let mut slips = Slips::new(&context.vocabulary.spelling);
        let mut passages = Passages::new(reader, body);
        let first = reader.after(body.start as usize).span;
        let mut begun = false;
        reader.stretches(0, |stretch| {
            slips.see(stretch);
            let from = match begun {
                true => 0,
                false => stretch.partition_point(|token| token.span.start < first.start),
            };
            begun |= stretch.get(from).is_some_and(|token| token.span == first);
            if begun {
                passages.see(&stretch[from..]);
            }
            true
        });
        if !begun {
            // A sentence of the masthead goes on inside the body, and what it skips was not met.
            reader.stretches(body.start as usize, |stretch| passages.see(stretch));
        }
        passages.end_paragraph();
        Self {
            words: passages.words,
            sentences: passages.sentences,
            suspects: slips.suspects,
            capitals: slips.capitals,
        }
    }
}

/// From behind the title to the closing, or to the end where there is no body. The words of the title
/// come again in headings: no passage is copied there.
fn body(context: &Context<'_>) -> Span {
    let body = context.layout.body;
    let start = body.start.max(context.layout.title.end);
    let end = if body.is_empty() {
        context.document.text.len() as u32
    } else {
        body.end
    };
    Span {
        start,
        end: end.max(start),
    }
}
/// Divides what it sees into words and sentences.
struct Passages<'t> {
    reader: Reader<'t>,
    until: u32,
    words: Vec<Word>,
    sentences: Vec<Sentence>,
    /// The first word of the sentence.
    start: usize,
    /// The first sentence of the paragraph.
    paragraph: usize,
}

impl<'t> Passages<'t> {
    fn new(reader: Reader<'t>, body: Span) -> Self {
        const BYTES_PER_WORD: usize = 5;
        Self {
            reader,
            until: body.end,
            words: Vec::with_capacity(body.len() / BYTES_PER_WORD),
            sentences: Vec::new(),
            start: 0,
            paragraph: 0,
        }
    }

    /// Sees tokens that follow one another; false where they go on behind the body.
    fn see(&mut self, stretch: &[Token]) -> bool {
        let inside = stretch.partition_point(|token| token.span.start < self.until);
        for token in &stretch[..inside] {
            match token.kind {
                Kind::Word => self.push(token.key.raw(), token.span),
                Kind::Number => self.push(number_key(self.reader.str(token.span)), token.span),
                // A point ends the sentence if a space follows.
                Kind::Mark('.') => {
                    let next = self.reader.after(token.end());
                    if next.spaced || next.is_end() {
                        self.end_sentence();
                    }
                }
                Kind::Mark(_) => {}
                Kind::Break | Kind::End => self.end_paragraph(),
            }
        }
        inside == stretch.len()
    }

    #[inline]
    fn push(&mut self, key: u64, span: Span) {
        self.words.push(Word { key, span });
    }

    fn end_sentence(&mut self) {
        let end = self.words.len();
        if end > self.start {
            self.sentences.push(Sentence {
                start: self.start,
                end,
                hash: hash(&self.words[self.start..]),
                prose: false,
            });
            self.start = end;
        }
    }

    fn end_paragraph(&mut self) {
        self.end_sentence();
        if self.sentences.len() - self.paragraph > 1 {
            for sentence in &mut self.sentences[self.paragraph..] {
                sentence.prose = true;
            }
        }
        self.paragraph = self.sentences.len();
    }
}

fn hash(words: &[Word]) -> u64 {
    words.iter().fold(words.len() as u64, |hash, word| {
        (hash.rotate_left(5) ^ word.key).wrapping_mul(0x517C_C1B7_2722_0A95)
    })
}

/// Notes where a slip may be among what it sees.
struct Slips<'v> {
    spelling: &'v Spelling,
    suspects: Vec<u32>,
    capitals: Vec<(Key, Span)>,
    /// Where the words begin that follow each other without a mark.
    start: u32,
    /// Whether a slip may be among them.
    suspect: bool,
    last: (Key, Look),
}

impl<'v> Slips<'v> {
    const NO_WORD: (Key, Look) = (Key::NONE, Look::NOTHING);

    fn new(spelling: &'v Spelling) -> Self {
        Self {
            spelling,
            suspects: Vec::new(),
            capitals: Vec::new(),
            start: 0,
            suspect: false,
            last: Self::NO_WORD,
        }
    }

    /// Sees tokens that follow one another.
    fn see(&mut self, stretch: &[Token]) {
        let mut last = self.last;
        for token in stretch {
            if token.kind != Kind::Word {
                self.end_words(token);
                last = Self::NO_WORD;
                continue;
            }
            let word = (token.key, token.look);
            let twice = last.0 == word.0;
            if word.1.is_broken() || twice || self.spelling.may_be_slip([last.0, word.0], [last.1, word.1]) {
                self.suspect = true;
            }
            if word.1.may_hold_d() {
                self.capitals.push((word.0, token.span));
            }
            last = word;
        }
        self.last = last;
    }

    /// Sees what stands behind words.
    fn end_words(&mut self, mark: &Token) {
        if self.suspect {
            self.suspects.push(self.start);
        }
        (self.start, self.suspect) = (mark.span.end, false);
    }
}
