//! The number is often written by hand into the printed masthead ("Số:  11  /CT-UBND") and comes out
//! of the page as rubbish. It is read again alone, at several sizes, digits only; where the readings do
//! not agree it is left blank: a wrong number would be believed.

use std::path::Path;

use super::render;
use crate::decode::{
    Refusal,
    external::{Program, Workshop},
    geometry::{Page, Word},
};

/// Surer than this, in percent, the first reading stands.
const SURE: f32 = 85.0;
/// Sizes that the field is read at.
const RESOLUTIONS: [u32; 4] = [250, 300, 350, 400];
/// Of one model's readings that see digits, so many must agree, in percent.
const AGREE: usize = 60;
/// And there must be so many.
const LEAST: usize = 3;

/// Reads the number of a first page's masthead again where it is not sure.
pub fn read_again(pdf: &Path, page: &mut Page, shop: &Workshop) -> Result<(), Refusal> {
    let Some(field) = number_field(page) else {
        return Ok(());
    };
    let readings = readings(pdf, field.part, shop)?;
    put(page, &field, agreed(&readings).unwrap_or_default());
    Ok(())
}

/// The place of a number, between its label and its symbol.
#[derive(Debug)]
struct Field {
    label: usize,
    symbol: usize,
    /// Left, top, right, bottom, in points.
    part: [f32; 4],
}

/// The first label "Số:" in the upper third with a symbol ("/CT-UBND") level with it, if what stands
/// between is not sure.
fn number_field(page: &Page) -> Option<Field> {
    let words = &page.words;
    let upper = |word: &Word| word.y1 < page.height / 3.0;
    let label = words.iter().position(|word| upper(word) && is_label(&word.text))?;
    let left = &words[label];
    let size = left.y1 - left.y0;
    let level = |word: &Word| (word.y0 + word.y1 - left.y0 - left.y1).abs() < 1.6 * size;
    let symbol = words.iter().enumerate().position(|(index, word)| {
        index != label && level(word) && word.x0 > left.x0 && word.x0 - left.x1 < 8.0 * size && is_symbol(&word.text)
    })?;
    let right = &words[symbol];
    let (_, tail) = right.text.split_once('/')?;
    // A symbol glued to the number's last digits begins further right.
    let glued = right.text.len() - tail.len() - 1;
    let per_letter = (right.x1 - right.x0) / right.text.chars().count().max(1) as f32;
    let x1 = right.x0 + per_letter * glued as f32;
    // "Số:" is about as wide as one and a third of its height.
    let x0 = (left.x0 + 1.3 * size).min(left.x1.max(left.x0 + 1.3 * size));
    let between: Vec<&Word> = words
        .iter()
        .filter(|word| level(word) && word.x0 >= left.x0 && word.x1 <= x1.max(right.x1))
        .collect();
    let sure = between.iter().all(|word| word.confidence.unwrap_or(0.0) >= SURE);
    let said: String = between.iter().map(|word| word.text.as_str()).collect();
    let digits = said
        .split('/')
        .next()
        .unwrap_or_default()
        .trim_start_matches(|c: char| !c.is_ascii_digit());
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    // No room, no number: the blank is a blank.
    let room = x1 - x0 > 0.5 * size;
    let part = [x0, left.y0 - 0.4 * size, x1 - 0.3 * size, left.y1 + 0.35 * size];
    (room && !(sure && plain)).then_some(Field { label, symbol, part })
}

fn is_label(text: &str) -> bool {
    ["Số", "Sô", "Só", "SỐ", "So:"]
        .iter()
        .any(|label| text.starts_with(label))
        && text.chars().filter(|c| c.is_alphabetic()).count() <= 4
}

/// "/CT-UBND", "08/BC-STP": capitals on both sides of a dash, behind a slash.
fn is_symbol(text: &str) -> bool {
    text.split_once('/').is_some_and(|(_, tail)| {
        tail.contains('-') && tail.chars().filter(|c| c.is_uppercase()).count() >= 3 && !tail.contains('/')
    })
}

/// What each of the two models reads in a part of the first page, at several sizes and looked at in two ways.
fn readings(pdf: &Path, part: [f32; 4], shop: &Workshop) -> Result<[Vec<String>; 2], Refusal> {
    let mut readings = [Vec::new(), Vec::new()];
    for dpi in RESOLUTIONS {
        if agreed(&readings).is_some() {
            break;
        }
        let pixels = |points: f32| (points.max(0.0) * dpi as f32 / 72.0) as u32;
        let [x0, y0, x1, y1] = part;
        let part = [pixels(x0), pixels(y0), pixels(x1 - x0).max(1), pixels(y1 - y0).max(1)];
        let image = render(pdf, 1, dpi, "field", Some(part), shop)?;
        let image = image.display().to_string();
        for (language, readings) in ["vie", "eng"].into_iter().zip(&mut readings) {
            for psm in ["7", "8"] {
                let only_digits = "tessedit_char_whitelist=0123456789";
                let arguments = [&image, "stdout", "-l", language, "--psm", psm, "-c", only_digits];
                let output = shop.run(Program::Tesseract, &arguments)?;
                let text = String::from_utf8_lossy(&output.stdout);
                readings.push(text.chars().filter(char::is_ascii_digit).collect());
            }
        }
    }
    Ok(readings)
}

/// The digits that most readings of both models agree on; blank readings do not vote.
fn agreed([first, second]: &[Vec<String>; 2]) -> Option<&str> {
    let digits = most(first)?;
    (most(second) == Some(digits)).then_some(digits)
}

fn most(readings: &[String]) -> Option<&str> {
    let seen: Vec<&str> = readings
        .iter()
        .map(String::as_str)
        .filter(|digits| (1..=5).contains(&digits.len()))
        .collect();
    let votes = |digits: &str| seen.iter().filter(|&&other| other == digits).count();
    let best = seen.iter().copied().max_by_key(|&digits| votes(digits))?;
    (votes(best) >= LEAST && votes(best) * 100 >= seen.len() * AGREE).then_some(best)
}

/// Writes the digits between label and symbol; a blank where there are none.
fn put(page: &mut Page, field: &Field, digits: &str) {
    let [x0, _, x1, _] = field.part;
    let (label, symbol) = (page.words[field.label].clone(), page.words[field.symbol].clone());
    let confidence = Some(SURE);
    let tail = symbol.text.split_once('/').map_or("", |(_, tail)| tail);
    let level = |word: &Word| word.y0 < label.y1 && word.y1 > label.y0;
    page.words[field.label] = Word {
        text: "Số:".into(),
        x1: x0,
        ..label.clone()
    };
    page.words[field.symbol] = Word {
        text: format!("{digits}/{tail}"),
        // As high as its label, so that the row is one.
        x0: x0 + 0.2 * (x1 - x0),
        y0: label.y0,
        y1: label.y1,
        block: label.block,
        line: label.line,
        confidence,
        ..symbol
    };
    let (first, last) = (field.label.min(field.symbol), field.label.max(field.symbol));
    let mut index = 0;
    let symbol_at = x1;
    page.words.retain(|word| {
        let inside =
            index != first && index != last && level(word) && word.x0 >= label.x0 && word.x1 <= symbol_at + 1.0;
        index += 1;
        !inside
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, x0: f32, x1: f32, confidence: f32) -> Word {
        Word {
            x0,
            x1,
            y0: 100.0,
            y1: 112.0,
            text: text.into(),
            confidence: Some(confidence),
            ..Word::default()
        }
    }

    fn page(words: Vec<Word>) -> Page {
        Page {
            width: 595.0,
            height: 842.0,
            words,
            rules: Vec::new(),
            confidence: Some(90),
        }
    }

    #[test]
    fn only_unsure_numbers_are_read_again() {
        let sure = [word("Số:", 80.0, 96.0, 96.0), word("318/BC-STP", 100.0, 160.0, 92.0)];
        assert!(number_field(&page(sure.to_vec())).is_none());
        let scribbled = [
            word("Số:", 80.0, 96.0, 93.0),
            word("đ@", 100.0, 118.0, 31.0),
            word("/CT-UBND", 122.0, 180.0, 90.0),
        ];
        let mut page = page(scribbled.to_vec());
        let field = number_field(&page).unwrap();
        put(&mut page, &field, "08");
        let texts: Vec<&str> = page.words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["Số:", "08/CT-UBND"]);
    }

    #[test]
    fn both_models_must_agree() {
        let readings = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let of = |first: &str, second: &str| agreed(&[readings(first), readings(second)]).map(str::to_owned);
        assert_eq!(of("08 08 02 08", "08 08 8 08").as_deref(), Some("08"));
        assert_eq!(of("11 11 11 1", "14 14 14 4"), None);
        assert_eq!(of("4 4 4", ""), None);
        assert_eq!(of("", ""), None);
    }
}
