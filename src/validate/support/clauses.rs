//! The tokens around a figure, as far as its clause goes.

use crate::{
    shadow::{Key, Kind, Token},
    validate::Context,
};

/// Most tokens of a clause; longer ones say nothing certain.
const MOST: usize = 60;

/// The tokens from one place to another, over line and page breaks; none where a sentence ends in
/// between or they are too far apart.
pub fn between(context: &Context<'_>, from: u32, to: u32) -> Option<Vec<Token>> {
    let reader = context.layout.reader(context.document);
    let mut tokens = Vec::new();
    for token in reader.walk(from as usize) {
        if token.start() >= to as usize {
            return Some(tokens);
        }
        if token.is_end() || matches!(token.kind, Kind::Mark('.' | ';')) || tokens.len() == MOST {
            return None;
        }
        tokens.push(token);
    }
    None
}

/// The words before a place, the nearest first, back to the beginning of the clause.
pub fn words_before(context: &Context<'_>, place: u32, most: usize) -> Vec<Key> {
    let reader = context.layout.reader(context.document);
    let mut words = Vec::new();
    let mut at = place as usize;
    while words.len() < most {
        let token = reader.before(at);
        if token.is_end() || matches!(token.kind, Kind::Mark('.' | ';')) {
            break;
        }
        if token.is_word() {
            words.push(token.key);
        }
        at = token.start();
    }
    words
}

/// The words behind a place, up to the next comma or the end of the clause.
pub fn words_after(context: &Context<'_>, place: u32, most: usize) -> Vec<Key> {
    let reader = context.layout.reader(context.document);
    let mut words = Vec::new();
    let mut at = place as usize;
    while words.len() < most {
        let token = reader.after(at);
        if token.is_end() || matches!(token.kind, Kind::Mark('.' | ';' | ',')) {
            break;
        }
        if token.is_word() {
            words.push(token.key);
        }
        at = token.end();
    }
    words
}

/// The words among tokens.
pub fn keys(tokens: &[Token]) -> Vec<Key> {
    tokens
        .iter()
        .filter(|token| token.is_word())
        .map(|token| token.key)
        .collect()
}

/// Whether the words hold a phrase.
pub fn holds(words: &[Key], phrase: &str) -> bool {
    let phrase: Vec<Key> = phrase.split(' ').map(Key::of).collect();
    words.windows(phrase.len()).any(|window| window == phrase)
}
