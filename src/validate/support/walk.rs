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
        let body = body(context);
        let reader = context.layout.reader(context.document);
        let first = reader.after(body.start as usize).span;
        let spelling = Spelling::embedded();
        let mut passages = Passages::new(body);
        let (mut suspects, mut capitals) = (Vec::new(), Vec::new());
        // Where the words begin that follow each other without a mark, and whether a slip may be among them.
        let (mut start, mut suspect) = (0, false);
        let mut last = (Key::NONE, Look::default());
        let mut begun = false;
        reader.each(0, |token| {
            begun |= token.span == first;
            let inside = begun && token.span.start < body.end;
            if token.kind == Kind::Word {
                let (key, look) = (token.key, token.look);
                suspect |= look.is_broken() || last.0 == key || spelling.may_be_slip([last.0, key], [last.1, look]);
                if look.may_hold_d() {
                    capitals.push((key, token.span));
                }
                last = (key, look);
                if inside {
                    passages.push(key.raw(), token.span);
                }
            } else {
                if suspect {
                    suspects.push(start);
                }
                (start, suspect) = (token.span.end, false);
                last = (Key::NONE, Look::default());
                if inside {
                    passages.see_mark(&reader, token);
                }
            }
            true
        });
        if !begun {
            // A sentence of the masthead goes on inside the body, and what it skips was not met.
            reader.each(body.start as usize, |token| {
                let inside = token.span.start < body.end;
                if inside {
                    passages.see(&reader, token);
                }
                inside
            });
        }
        passages.end_paragraph();
        Self {
            words: passages.words,
            sentences: passages.sentences,
            suspects,
            capitals,
        }
    }
}

/// Divides what it sees into words and sentences.
struct Passages {
    words: Vec<Word>,
    sentences: Vec<Sentence>,
    /// The first word of the sentence.
    start: usize,
    /// The first sentence of the paragraph.
    paragraph: usize,
}

impl Passages {
    fn new(stretch: Span) -> Self {
        const BYTES_PER_WORD: usize = 5;
        Self {
            words: Vec::with_capacity(stretch.len() / BYTES_PER_WORD),
            sentences: Vec::new(),
            start: 0,
            paragraph: 0,
        }
    }

    fn see(&mut self, reader: &Reader<'_>, token: &Token) {
        match token.kind {
            Kind::Word => self.push(token.key.raw(), token.span),
            _ => self.see_mark(reader, token),
        }
    }

    #[inline]
    fn push(&mut self, key: u64, span: Span) {
        self.words.push(Word { key, span });
    }

    /// Sees what is no word.
    fn see_mark(&mut self, reader: &Reader<'_>, token: &Token) {
        match token.kind {
            Kind::Number => self.push(number_key(reader.str(token.span)), token.span),
            // A point ends the sentence if a space follows.
            Kind::Mark('.') => {
                let next = reader.after(token.end());
                if next.spaced || next.is_end() {
                    self.end_sentence();
                }
            }
            Kind::Break | Kind::End => self.end_paragraph(),
            Kind::Mark(_) | Kind::Word => {}
        }
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
