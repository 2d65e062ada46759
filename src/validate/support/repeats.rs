//! Passages that stand twice, word for word.

use rustc_hash::FxHashMap;

use crate::{
    document::Span,
    shadow::{Key, Kind},
    validate::Context,
};

/// A passage and its later copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// The first place.
    pub first: Span,
    /// The later ones.
    pub copies: Vec<Span>,
    /// Number of words.
    pub words: usize,
}

/// All repeated passages of a report.
#[derive(Debug, Default)]
pub struct Repeats {
    /// By their first copy.
    pub all: Vec<Repeat>,
    /// All copies but the first places, by place.
    pub copies: Vec<Span>,
}

/// A sentence in prose counts from this many words on.
const SENTENCE_WORDS: usize = 14;
/// Lines of lists are repeated on purpose (two bodies that did the same); they count from here on.
const LIST_WORDS: usize = 60;

struct Words {
    keys: Vec<Key>,
    spans: Vec<Span>,
    sentences: Vec<Sentence>,
}

/// A sentence: words `start..end`.
#[derive(Clone, Copy)]
struct Sentence {
    start: usize,
    end: usize,
    /// Whether it stands in a paragraph of several sentences.
    prose: bool,
}

/// Finds the passages that stand twice, in time linear in the length of the text.
pub fn find(context: &Context<'_>) -> Repeats {
    let words = read(context);
    let mut seen: FxHashMap<u64, Sentence> = FxHashMap::default();
    let mut repeats: Vec<Repeat> = Vec::new();
    let mut by_start: FxHashMap<(usize, usize), usize> = FxHashMap::default();
    // Words up to here belong to a copy already found.
    let mut covered = 0;
    for &sentence in &words.sentences {
        if sentence.end - sentence.start < SENTENCE_WORDS / 2 || sentence.start < covered {
            continue;
        }
        let hash = hash(&words.keys[sentence.start..sentence.end]);
        let Some(&first) = seen.get(&hash) else {
            seen.insert(hash, sentence);
            continue;
        };
        let (start, end) = extend(&words.keys, first, sentence, covered);
        let from = first.start - (sentence.start - start);
        let (first_span, copy) = (words.span(from, from + end - start), words.span(start, end));
        if !weighty(&words, start, end) {
            continue;
        }
        covered = end;
        match by_start.get(&(from, end - start)) {
            Some(&known) => repeats[known].copies.push(copy),
            None => {
                by_start.insert((from, end - start), repeats.len());
                repeats.push(Repeat {
                    first: first_span,
                    copies: vec![copy],
                    words: end - start,
                });
            }
        }
    }
    let mut copies: Vec<Span> = repeats
        .iter()
        .flat_map(|repeat| repeat.copies.iter().copied())
        .collect();
    copies.sort_unstable();
    Repeats { all: repeats, copies }
}

/// Whether the copied words are more than a heading or a line of a list.
fn weighty(words: &Words, start: usize, end: usize) -> bool {
    let from = words.sentences.partition_point(|sentence| sentence.start < start);
    let whole = words.sentences[from..]
        .iter()
        .take_while(|sentence| sentence.end <= end);
    let prose = whole
        .into_iter()
        .any(|sentence| sentence.prose && sentence.end - sentence.start >= SENTENCE_WORDS);
    prose || end - start >= LIST_WORDS
}

/// The longest run of equal words around two equal sentences, as words of the second one.
fn extend(keys: &[Key], first: Sentence, second: Sentence, covered: usize) -> (usize, usize) {
    let mut back = 0;
    while first.start > back
        && second.start > covered + back
        && second.start - back > first.end
        && keys[first.start - back - 1] == keys[second.start - back - 1]
    {
        back += 1;
    }
    let mut ahead = 0;
    while second.end + ahead < keys.len()
        && first.end + ahead < second.start - back
        && keys[first.end + ahead] == keys[second.end + ahead]
    {
        ahead += 1;
    }
    (second.start - back, second.end + ahead)
}

impl Words {
    fn span(&self, start: usize, end: usize) -> Span {
        self.spans[start].join(self.spans[end - 1])
    }
}

fn hash(keys: &[Key]) -> u64 {
    keys.iter().fold(keys.len() as u64, |hash, key| {
        (hash.rotate_left(5) ^ key.raw()).wrapping_mul(0x517C_C1B7_2722_0A95)
    })
}

/// The words of the report up to its closing, and its sentences.
fn read(context: &Context<'_>) -> Words {
    let reader = context.layout.reader(context.document);
    let body = context.layout.body;
    let until = if body.is_empty() {
        context.document.text.len()
    } else {
        body.end as usize
    };
    let mut words = Words {
        keys: Vec::new(),
        spans: Vec::new(),
        sentences: Vec::new(),
    };
    let (mut start, mut paragraph) = (0, 0);
    // The words of the title come again in headings: no passage is copied there.
    let mut at = body.start.max(context.layout.title.end) as usize;
    loop {
        let token = reader.after(at);
        let over = token.kind == Kind::End || token.start() >= until;
        let full_stop = token.is_mark('.') && {
            let next = reader.after(token.end());
            next.spaced || next.is_end()
        };
        match token.kind {
            _ if over => {}
            Kind::Word => {
                words.keys.push(token.key);
                words.spans.push(token.span);
            }
            Kind::Number => {
                words.keys.push(Key::new(reader.token(token)));
                words.spans.push(token.span);
            }
            _ => {}
        }
        if (over || full_stop || token.is_end()) && words.keys.len() > start {
            words.sentences.push(Sentence {
                start,
                end: words.keys.len(),
                prose: false,
            });
            start = words.keys.len();
        }
        if over || token.is_end() {
            let several = words.sentences.len() - paragraph > 1;
            words.sentences[paragraph..]
                .iter_mut()
                .for_each(|sentence| sentence.prose = several);
            paragraph = words.sentences.len();
        }
        if over {
            return words;
        }
        at = token.end();
    }
}
