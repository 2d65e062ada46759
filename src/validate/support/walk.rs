//! One walk over all words of a document, for the rules that look at words.
//!
//! It notes where a closer look is worth while, and what is needed to find passages that stand
//! twice. Most words are passed over after one look into a table.

use crate::{
    document::Span,
    shadow::{Case, Key, Kind, Reader, Token},
    validate::{
        Context,
        support::{
            spelling::{Look, Spelling},
            text::number_key,
        },
    },
};

/// What the walk notes.
#[derive(Debug, Default)]
pub struct Walk {
    /// Words and numbers from the title up to the closing.
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
        let mut passages = Passages::new(reader, body);
        let mut slips = Slips::new();
        let first = reader.after(body.start as usize).span;
        let (mut token, mut met) = (reader.after(0), false);
        loop {
            slips.see(token);
            met |= token.span == first;
            if met {
                passages.see(token);
            }
            if token.kind == Kind::End {
                break;
            }
            token = reader.after(token.end());
        }
        if !met {
            // A sentence of the masthead goes on inside the body, and what it skips was not met.
            passages = Passages::new(reader, body);
            let mut token = reader.after(body.start as usize);
            while !passages.over {
                passages.see(token);
                token = reader.after(token.end());
            }
        }
        Self {
            words: passages.words,
            sentences: passages.sentences,
            suspects: slips.suspects,
            capitals: slips.capitals,
        }
    }
}

/// From the title to the closing, or all of the text where there is no title.
fn body(context: &Context<'_>) -> Span {
    let body = context.layout.body;
    if body.is_empty() {
        return Span::new(body.start as usize, context.document.text.len());
    }
    body
}

/// Divides what it sees into words and sentences.
struct Passages<'t> {
    reader: Reader<'t>,
    until: usize,
    words: Vec<Word>,
    sentences: Vec<Sentence>,
    /// The first word of the sentence.
    start: usize,
    /// The first sentence of the paragraph.
    paragraph: usize,
    /// Whether a point was seen last, which ends the sentence if a space follows.
    point: bool,
    /// Whether the end of the stretch was seen.
    over: bool,
}

impl<'t> Passages<'t> {
    fn new(reader: Reader<'t>, stretch: Span) -> Self {
        const BYTES_PER_WORD: usize = 5;
        Self {
            reader,
            until: stretch.end as usize,
            words: Vec::with_capacity(stretch.len() / BYTES_PER_WORD),
            sentences: Vec::new(),
            start: 0,
            paragraph: 0,
            point: false,
            over: false,
        }
    }

    #[inline]
    fn see(&mut self, token: Token) {
        if self.over {
            return;
        }
        if self.point && (token.spaced || token.is_end()) {
            self.end_sentence();
        }
        self.point = false;
        self.over = token.kind == Kind::End || token.start() >= self.until;
        if self.over || token.is_end() {
            self.end_paragraph();
            return;
        }
        let key = match token.kind {
            Kind::Word => token.key.raw(),
            Kind::Number => number_key(self.reader.token(token)),
            _ => {
                self.point = token.is_mark('.');
                return;
            }
        };
        self.words.push(Word { key, span: token.span });
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
        let prose = self.sentences.len() - self.paragraph > 1;
        for sentence in &mut self.sentences[self.paragraph..] {
            sentence.prose = prose;
        }
        self.paragraph = self.sentences.len();
    }
}

/// Notes where a slip may be among what it sees.
struct Slips {
    spelling: &'static Spelling,
    suspects: Vec<u32>,
    capitals: Vec<(Key, Span)>,
    /// Where the words begin that follow each other without a mark.
    start: u32,
    /// Whether a slip may be among them.
    suspect: bool,
    last: Key,
    last_look: Look,
}

impl Slips {
    fn new() -> Self {
        Self {
            spelling: Spelling::embedded(),
            suspects: Vec::new(),
            capitals: Vec::new(),
            start: 0,
            suspect: false,
            last: Key::NONE,
            last_look: Look::NOTHING,
        }
    }

    #[inline]
    fn see(&mut self, token: Token) {
        if token.kind != Kind::Word {
            if self.suspect {
                self.suspects.push(self.start);
            }
            self.start = token.span.end;
            self.suspect = false;
            self.last_look = Look::NOTHING;
            return;
        }
        let look = match token.case {
            Case::Lower | Case::Title => self.spelling.look(token.key),
            Case::Mixed => Look::NOTHING,
            Case::Upper => {
                self.capitals.push((token.key, token.span));
                Look::NOTHING
            }
        };
        if token.case == Case::Lower {
            self.suspect |= look.may_be_broken(token.key)
                || self.spelling.may_be_slip([self.last, token.key], [self.last_look, look])
                || self.last == token.key;
        }
        (self.last, self.last_look) = (token.key, look);
    }
}
