//! What `pdftotext -bbox-layout` prints: words with their places, by line, block and page.
//!
//! The markup is a tag a line, and bad fonts put into it what no XML reader would let pass, so it is
//! read line by line.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::decode::geometry::{Page, Word};

/// Reads pages; what makes no sense is left out.
pub fn pages(output: &str) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    let (mut block, mut line) = (0, 0);
    for tag in output.lines().map(str::trim_start) {
        if let Some(word) = tag.strip_prefix("<word ") {
            if let (Some(page), Some(word)) = (pages.last_mut(), word_of(word, block, line)) {
                page.words.push(word);
            }
        } else if tag.starts_with("<line ") {
            line += 1;
        } else if tag.starts_with("<block ") {
            block += 1;
        } else if let Some(page) = tag.strip_prefix("<page ") {
            pages.push(Page {
                width: attribute(page, "width").unwrap_or(595.0),
                height: attribute(page, "height").unwrap_or(842.0),
                ..Page::default()
            });
        }
    }
    pages
}

fn word_of(tag: &str, block: u32, line: u32) -> Option<Word> {
    let (attributes, rest) = tag.split_once('>')?;
    let text = rest.strip_suffix("</word>").unwrap_or(rest);
    Some(Word {
        x0: attribute(attributes, "xMin")?,
        y0: attribute(attributes, "yMin")?,
        x1: attribute(attributes, "xMax")?,
        y1: attribute(attributes, "yMax")?,
        text: unescape(text),
        block,
        line,
        confidence: None,
    })
}

/// The number that an attribute holds.
pub fn attribute(attributes: &str, name: &str) -> Option<f32> {
    let mut rest = attributes;
    loop {
        let at = rest.find(name)?;
        let value = rest[at + name.len()..].strip_prefix("=\"");
        if let Some(value) = value {
            return value.split('"').next()?.parse().ok();
        }
        rest = &rest[at + name.len()..];
    }
}

/// The characters that markup cannot hold, put together (NFC); other references are left as they are.
pub fn unescape(text: &str) -> String {
    let kept = |c: &char| !c.is_control();
    let text = compose(text);
    let text = text.as_ref();
    if !text.contains('&') {
        return text.chars().filter(kept).collect();
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    let text = text.replace("&#39;", "'").replace("&#160;", " ").replace("&amp;", "&");
    text.chars().filter(kept).collect()
}

fn compose(text: &str) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text.into(),
        _ => text.nfc().collect::<String>().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_places_and_nonsense_is_left_out() {
        let pages = pages(
            "<page width=\"595.32\" height=\"842\">\n<block xMin=\"1\">\n<line xMin=\"1\">\n\
             <word xMin=\"1.5\" yMin=\"2\" xMax=\"3\" yMax=\"4\">A&amp;B\u{1}</word>\n\
             <word xMin=\"x\" yMin=\"2\" xMax=\"3\" yMax=\"4\">C</word>\n<word>\n</line>\n</page>",
        );
        assert_eq!(pages.len(), 1);
        assert_eq!((pages[0].width, pages[0].words.len()), (595.32, 1));
        let word = &pages[0].words[0];
        assert_eq!((word.text.as_str(), word.x0, word.y1), ("A&B", 1.5, 4.0));
    }
}
