//! Text layers in TCVN3 or VNI: fonts that draw Vietnamese letters for the codes of others.
//!
//! The words' letters tell it, not the fonts' names, so that capitals drawn by a font of capitals come
//! out as small letters. The letter `ư` often lies in a second font, and poppler cuts words there: the
//! pieces are put together by their gaps.

use crate::decode::{
    encoding::{self, Legacy},
    geometry::{Page, Word},
};

/// Pieces of a word stand closer than this share of their height.
const PIECES: f32 = 0.22;

/// Decodes the words of the pages where they are in an old encoding.
pub fn decode(pages: &mut [Page]) -> Option<Legacy> {
    let text: Vec<&str> = pages
        .iter()
        .flat_map(|page| &page.words)
        .map(|word| word.text.as_str())
        .take(3000)
        .collect();
    let legacy = encoding::detect(&text.join(" "))?;
    for page in pages {
        page.words = std::mem::take(&mut page.words).into_iter().fold(Vec::new(), joined);
        for word in &mut page.words {
            word.text = legacy.decode(&word.text).into_owned();
        }
    }
    Some(legacy)
}

fn joined(mut words: Vec<Word>, word: Word) -> Vec<Word> {
    match words.last_mut() {
        Some(last) if last.line == word.line && is_piece(last, &word) => {
            last.text.push_str(&word.text);
            last.x1 = word.x1;
        }
        _ => words.push(word),
    }
    words
}

fn is_piece(left: &Word, right: &Word) -> bool {
    let gap = right.x0 - left.x1;
    let ends = left.text.ends_with([',', ';', ':', '.']);
    gap.abs() < PIECES * (left.y1 - left.y0) && !ends
}
