//! Which pages of a PDF are scans, so that their text layer, if any, is not the page's text: the
//! appearance of a digital signature on an image, or the rubbish of a recogniser that took
//! Vietnamese for English.

use std::path::Path;

use crate::decode::{
    Refusal, encoding,
    external::{Program, Workshop},
    geometry::{Page, is_signature},
};

/// Images over more of a page than this share may be its scan.
const COVER: f32 = 0.55;
/// A scan's text layer of fewer words is stamps.
const FEW_WORDS: usize = 40;
/// The share of words that can be Vietnamese syllables, in a layer of Vietnamese text; rubbish has less.
const SYLLABLES: f32 = 0.62;
/// Of so few words no share can be told.
const TELLING: usize = 12;

/// Indices of the pages to be recognised.
pub fn indices(pdf: &Path, pages: &[Page], shop: &Workshop) -> Result<Vec<usize>, Refusal> {
    let suspicious = |page: &Page| words(page) < FEW_WORDS || rubbish(page);
    let suspects: Vec<usize> = (0..pages.len()).filter(|&index| suspicious(&pages[index])).collect();
    if suspects.is_empty() {
        return Ok(suspects);
    }
    let covers = covers(pdf, pages, shop)?;
    let is_scan = |index: &usize| covers[*index] > COVER;
    Ok(suspects.into_iter().filter(is_scan).collect())
}

/// Words of a page, those of signatures left out.
fn words(page: &Page) -> usize {
    let blocks = page.words.chunk_by(|a, b| a.block == b.block);
    blocks.filter(|block| !is_signature(block)).map(<[_]>::len).sum()
}

/// Whether a text layer is not Vietnamese.
fn rubbish(page: &Page) -> bool {
    let words = || page.words.iter().map(|word| word.text.as_str());
    let letters = |word: &&str| word.chars().any(char::is_alphabetic);
    let told = words().filter(letters).count();
    let vietnamese = words().filter(letters).filter(|word| is_possible(word)).count();
    told >= TELLING && (vietnamese as f32) < SYLLABLES * told as f32
}

/// The share of each page that images cover; overlapping ones count twice.
fn covers(pdf: &Path, pages: &[Page], shop: &Workshop) -> Result<Vec<f32>, Refusal> {
    let output = shop.run(Program::PdfImages, &["-list".as_ref(), pdf.as_os_str()])?;
    Ok(listed(&String::from_utf8_lossy(&output.stdout), pages))
}

/// The share of each page that the images cover which `pdfimages -list` lists.
pub fn listed(output: &str, pages: &[Page]) -> Vec<f32> {
    let mut covers = vec![0.0; pages.len()];
    for row in output.lines().skip(2) {
        let fields: Vec<&str> = row.split_whitespace().collect();
        let number = |index: usize| fields.get(index).and_then(|field| field.parse::<f32>().ok());
        // page num type width height color comp bpc enc interp object ID x-ppi y-ppi …
        let (Some(page), Some(width), Some(height), Some(x), Some(y)) =
            (number(0), number(3), number(4), number(12), number(13))
        else {
            continue;
        };
        let index = page as usize;
        if fields.get(2) == Some(&"image") && x > 0.0 && y > 0.0 && (1..=pages.len()).contains(&index) {
            let page = &pages[index - 1];
            let area = (width / x * 72.0) * (height / y * 72.0);
            covers[index - 1] += area / (page.width * page.height).max(1.0);
        }
    }
    covers
}

/// Whether the letters of a word are those of a syllable, or of several joined by dashes; abbreviations
/// in capitals pass, capitals inside a word do not ("DQc").
fn is_possible(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphabetic());
    let is_syllable = |piece: &str| {
        let capitals = piece.chars().filter(|c| c.is_uppercase()).count();
        let inside = piece.chars().skip(1).any(char::is_uppercase);
        match capitals == piece.chars().count() {
            true => true,
            false => !inside && encoding::is_syllable(piece),
        }
    };
    let mut pieces = word
        .split(|c: char| !c.is_alphabetic())
        .filter(|piece| !piece.is_empty());
    !word.is_empty() && pieces.all(is_syllable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_pass_and_rubbish_does_not() {
        for word in [
            "Nguyễn",
            "khuỷu",
            "quyết",
            "gì",
            "UBND",
            "(đất",
            "Đảng;",
            "Lao-Động",
            "hoạch",
        ] {
            assert!(is_possible(word), "{word}");
        }
        for word in ["DQc", "llp", "Trg", "hlp", "nhiim", "th6ng", "f", "tinhs"] {
            assert!(!is_possible(word), "{word}");
        }
    }
}
