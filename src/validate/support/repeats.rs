//! Passages that stand twice, word for word.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use super::walk::{Sentence, Walk, Word};
use crate::document::Span;

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

/// Finds the passages that stand twice, in time linear in the length of the text.
pub fn find(walk: &Walk) -> Repeats {
    let Walk { words, sentences, .. } = walk;
    let mut seen: FxHashMap<u64, Sentence> = FxHashMap::default();
    seen.reserve(sentences.len());
    let mut repeats: Vec<Repeat> = Vec::new();
    let mut by_start: FxHashMap<(usize, usize), usize> = FxHashMap::default();
    // Words up to here belong to a copy already found.
    let mut covered = 0;
    for &sentence in sentences {
        if sentence.end - sentence.start < SENTENCE_WORDS / 2 || sentence.start < covered {
            continue;
        }
        let first = match seen.entry(sentence.hash) {
            Entry::Occupied(first) => *first.get(),
            Entry::Vacant(place) => {
                place.insert(sentence);
                continue;
            }
        };
        let (start, end) = extend(words, first, sentence, covered);
        let from = first.start - (sentence.start - start);
        let (first_span, copy) = (span(words, from, from + end - start), span(words, start, end));
        if !weighty(sentences, start, end) {
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
fn weighty(sentences: &[Sentence], start: usize, end: usize) -> bool {
    let from = sentences.partition_point(|sentence| sentence.start < start);
    let whole = sentences[from..].iter().take_while(|sentence| sentence.end <= end);
    let prose = whole
        .into_iter()
        .any(|sentence| sentence.prose && sentence.end - sentence.start >= SENTENCE_WORDS);
    prose || end - start >= LIST_WORDS
}

/// The longest run of equal words around two equal sentences, as words of the second one.
fn extend(words: &[Word], first: Sentence, second: Sentence, covered: usize) -> (usize, usize) {
    let mut back = 0;
    while first.start > back
        && second.start > covered + back
        && second.start - back > first.end
        && words[first.start - back - 1].key == words[second.start - back - 1].key
    {
        back += 1;
    }
    let mut ahead = 0;
    while second.end + ahead < words.len()
        && first.end + ahead < second.start - back
        && words[first.end + ahead].key == words[second.end + ahead].key
    {
        ahead += 1;
    }
    (second.start - back, second.end + ahead)
}

fn span(words: &[Word], start: usize, end: usize) -> Span {
    words[start].span.join(words[end - 1].span)
}
