//! One walk over all words of a document, for the rules that look at words.
//!
//! It notes where a closer look is worth while, and what is needed to find passages that stand
//! twice. Most words are passed over after one look into a table.

use crate::{
    document::Span,
    shadow::{Case, Key, Kind, Reader, Token},
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
    /// Words all in capitals.
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
        for token in reader.walk(0) {
            slips.see(&token);
            passages.begun |= token.span == first;
            passages.see(&token);
        }
        if !passages.begun {
            // A sentence of the masthead goes on inside the body, and what it skips was not met.
            passages.begun = true;
            reader.walk(body.start as usize).for_each(|token| passages.see(&token));
        }
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
    /// The end of a point that was seen last, which ends the sentence if a space follows.
    point: Option<u32>,
    /// Whether the stretch has begun, and whether its end was seen.
    begun: bool,
    over: bool,
}

impl<'t> Passages<'t> {
    fn new(reader: Reader<'t>, stretch: Span) -> Self {
        const BYTES_PER_WORD: usize = 5;
        Self {
            reader,
            until: stretch.end,
            words: Vec::with_capacity(stretch.len() / BYTES_PER_WORD),
            sentences: Vec::new(),
            start: 0,
            paragraph: 0,
            point: None,
            begun: false,
            over: false,
        }
    }

    #[inline(always)]
    fn see(&mut self, token: &Token) {
        if !self.begun || self.over {
            return;
        }
        if let Some(point) = self.point.take() {
            self.pass(point, token);
        }
        if token.span.start >= self.until {
            self.over = true;
            return self.end_paragraph();
        }
        match token.kind {
            Kind::Word => self.push(token.key.raw(), token.span),
            Kind::Number => self.push(number_key(self.reader.str(token.span)), token.span),
            Kind::Mark('.') => self.point = Some(token.span.end),
            Kind::Mark(_) => {}
            Kind::Break => self.end_paragraph(),
            Kind::End => {
                self.over = true;
                self.end_paragraph();
            }
        }
    }

    #[inline(always)]
    fn push(&mut self, key: u64, span: Span) {
        self.words.push(Word { key, span });
    }

    /// What stands behind a point.
    fn pass(&mut self, point: u32, token: &Token) {
        // Behind a line break that was passed, the token itself does not tell of a space.
        if token.spaced || token.is_end() || self.reader.after(point as usize).spaced {
            self.end_sentence();
        }
    }

    fn end_sentence(&mut self) {
        if self.words.len() > self.start {
            self.sentences.push(Sentence {
                start: self.start,
                end: self.words.len(),
                prose: false,
            });
            self.start = self.words.len();
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

/// Notes where a slip may be among what it sees.
struct Slips<'v> {
    spelling: &'v Spelling,
    suspects: Vec<u32>,
    capitals: Vec<(Key, Span)>,
    /// Where the words begin that follow each other without a mark.
    start: u32,
    /// Whether a slip may be among them.
    suspect: bool,
    last: Key,
    last_look: Look,
}

impl<'v> Slips<'v> {
    fn new(spelling: &'v Spelling) -> Self {
        Self {
            spelling,
            suspects: Vec::new(),
            capitals: Vec::new(),
            start: 0,
            suspect: false,
            last: Key::NONE,
            last_look: Look::NOTHING,
        }
    }

    #[inline(always)]
    fn see(&mut self, token: &Token) {
        if token.kind != Kind::Word {
            if self.suspect {
                self.suspects.push(self.start);
            }
            self.start = token.span.end;
            self.suspect = false;
            (self.last, self.last_look) = (Key::NONE, Look::NOTHING);
            return;
        }
        let look = match token.case {
            Case::Lower => {
                let look = self.spelling.look(token.key);
                self.suspect |= look.may_be_broken(token.key)
                    || self
                        .spelling
                        .may_be_slip([self.last, token.key], [self.last_look, look])
                    || self.last == token.key;
                look
            }
            Case::Title => self.spelling.look(token.key),
            Case::Mixed => Look::NOTHING,
            Case::Upper => {
                self.capitals.push((token.key, token.span));
                Look::NOTHING
            }
        };
        (self.last, self.last_look) = (token.key, look);
    }
}
