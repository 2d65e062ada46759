//! Labels of headings as numbers, and the order they come in.

use rustc_hash::FxHashMap;

use crate::{document::Span, extract::Section, shadow::Key, validate::Context};

/// What a label counts with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scale {
    /// I, II; also "Phần I".
    Roman,
    /// 1, 2; the part before the last one in "2.1" is held here.
    Arabic(String),
    /// a, b in the Vietnamese order.
    Letter,
    /// A, B.
    Capital,
    /// "Phần thứ nhất".
    Ordinal,
}

/// A label, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// What it counts with.
    pub scale: Scale,
    /// 1 for the first.
    pub value: u32,
}

/// A heading and the one before it at its place.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// The heading.
    pub section: &'a Section,
    /// Its label.
    pub label: Label,
    /// The heading before it under the same parent, of the same scale, and its value.
    pub before: Option<(&'a Section, u32)>,
    /// Where its siblings begin: behind the parent's heading.
    pub siblings_from: usize,
}

/// Letters in the order of lists. What some leave out and some count (đ, f, j, w, z) may be
/// missing.
const LETTERS: &str = "abcdđefghijklmnopqrstuvwxyz";
const OPTIONAL: &str = "đfjwz";
const ORDINALS: [&str; 10] = ["nhất", "hai", "ba", "tư", "năm", "sáu", "bảy", "tám", "chín", "mười"];

/// Reads a label without its punctuation.
pub fn read(label: &str) -> Option<Label> {
    let word = label
        .split_whitespace()
        .last()?
        .trim_matches(['.', ')', '(', ':', '-', '*', '/']);
    let lower = label.to_lowercase();
    if lower.contains("thứ") {
        let value = ORDINALS
            .iter()
            .position(|ordinal| Key::new(ordinal) == Key::new(word))?;
        return Some(Label {
            scale: Scale::Ordinal,
            value: value as u32 + 1,
        });
    }
    if word.ends_with(|c: char| c.is_ascii_digit()) {
        let (prefix, last) = word.rsplit_once('.').unwrap_or(("", word));
        return Some(Label {
            scale: Scale::Arabic(prefix.into()),
            value: last.parse().ok()?,
        });
    }
    let mut chars = word.chars();
    let (first, single) = (chars.next()?, chars.next().is_none());
    if single && first.is_lowercase() {
        let value = LETTERS.chars().position(|letter| letter == first)?;
        return Some(Label {
            scale: Scale::Letter,
            value: value as u32 + 1,
        });
    }
    if single && matches!(first, 'A'..='H' | 'Đ') {
        let value = LETTERS.chars().position(|letter| first.to_lowercase().eq([letter]))?;
        return Some(Label {
            scale: Scale::Capital,
            value: value as u32 + 1,
        });
    }
    roman(word).map(|value| Label {
        scale: Scale::Roman,
        value,
    })
}

fn roman(word: &str) -> Option<u32> {
    let digit = |c: char| match c {
        'I' => Some(1),
        'V' => Some(5),
        'X' => Some(10),
        'L' => Some(50),
        _ => None,
    };
    let digits: Vec<u32> = word.chars().map(digit).collect::<Option<_>>()?;
    let mut value = 0;
    for (at, &digit) in digits.iter().enumerate() {
        let smaller = digits.get(at + 1).is_some_and(|&next| next > digit);
        value = if smaller {
            value - digit as i64
        } else {
            value + digit as i64
        };
    }
    u32::try_from(value).ok().filter(|&value| value > 0)
}

/// Writes a value in its scale, as it may stand in the text.
pub fn write(scale: &Scale, value: u32) -> Option<String> {
    match scale {
        Scale::Arabic(prefix) if prefix.is_empty() => Some(value.to_string()),
        Scale::Arabic(prefix) => Some(format!("{prefix}.{value}")),
        Scale::Roman => {
            const UNITS: [&str; 10] = ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"];
            let tens = "X".repeat(value as usize / 10);
            Some(tens + UNITS[value as usize % 10])
        }
        Scale::Letter => LETTERS.chars().nth(value as usize - 1).map(String::from),
        Scale::Capital => LETTERS
            .chars()
            .nth(value as usize - 1)
            .map(|letter| letter.to_uppercase().collect()),
        Scale::Ordinal => ORDINALS.get(value as usize - 1).map(|ordinal| format!("thứ {ordinal}")),
    }
}

/// The values that ought to stand between two of one scale.
pub fn between(scale: &Scale, from: u32, to: u32) -> Vec<u32> {
    let optional = |value: &u32| {
        let letters = matches!(scale, Scale::Letter | Scale::Capital);
        letters
            && LETTERS
                .chars()
                .nth(*value as usize - 1)
                .is_some_and(|letter| OPTIONAL.contains(letter))
    };
    (from + 1..to).filter(|value| !optional(value)).collect()
}

/// The headings with the ones before them. Those in the second copy of a repeated passage are left
/// out; a numbering that starts again at 1 belongs to a parent that was not recognised.
pub fn steps<'a>(context: &Context<'a>) -> Vec<Step<'a>> {
    let report = context.report;
    let mut parents: Vec<&Section> = Vec::new();
    let mut last: FxHashMap<(Option<Span>, u8, Scale), (&Section, u32)> = FxHashMap::default();
    let mut steps = Vec::new();
    for section in &report.sections {
        if context.is_repeated(section.span) {
            continue;
        }
        parents.retain(|parent| parent.level < section.level);
        let parent = parents.last().map(|parent| parent.span);
        parents.push(section);
        let Some(label) = read(context.str(section.label)) else {
            continue;
        };
        let key = (parent, section.level, label.scale.clone());
        let before = last.insert(key, (section, label.value));
        let siblings_from = parent.map_or(0, |parent| parent.end as usize);
        steps.push(Step {
            section,
            label,
            before,
            siblings_from,
        });
    }
    steps
}

/// Whether a label stands in a piece of the text as one: before a title, at the start of a line or
/// in one (where the scan lost the line break). It may head an item of prose, which is no section.
pub fn stands_in(context: &Context<'_>, label: &str, from: usize, to: usize) -> bool {
    let text = context.document.text.get(from..to).unwrap_or_default();
    let inside = text.match_indices(label).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let begins = before.is_none_or(|c| c.is_whitespace() || matches!(c, '*' | '(' | '|' | '#'));
        begins && title_follows(&text[at + label.len()..], true)
    });
    inside
        || text.lines().any(|line| {
            let line = line.trim_start_matches(['*', '#', ' ', '\t']);
            let end = line.find(|c: char| c.is_whitespace() || matches!(c, '.' | ')' | '-' | '–' | '/' | ':'));
            let (word, rest) = line.split_at(end.unwrap_or(line.len()));
            !word.is_empty() && look_alike(word) == look_alike(label) && title_follows(rest, false)
        })
}

/// Whether a title follows a label, behind a point or the like, or behind a space alone.
fn title_follows(rest: &str, pointed: bool) -> bool {
    let rest = rest.trim_start_matches([' ', '*']);
    let behind = rest.trim_start_matches(['.', ')', '-', '–', '/', ':']);
    let title = behind.trim_start_matches(|c: char| c.is_whitespace() || !c.is_alphanumeric());
    (!pointed || behind.len() < rest.len()) && title.starts_with(char::is_uppercase)
}

/// A label as scans may confuse it: I, l and 1 are one.
fn look_alike(label: &str) -> String {
    label
        .chars()
        .map(|c| if matches!(c, 'l' | '1' | 'i' | '|') { 'I' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(label: &str) -> Option<(Scale, u32)> {
        read(label).map(|label| (label.scale, label.value))
    }

    #[test]
    fn labels() {
        assert_eq!(value("XIV"), Some((Scale::Roman, 14)));
        assert_eq!(value("Phần II"), Some((Scale::Roman, 2)));
        assert_eq!(value("2.10"), Some((Scale::Arabic("2".into()), 10)));
        assert_eq!(value("đ"), Some((Scale::Letter, 5)));
        assert_eq!(value("i"), Some((Scale::Letter, 10)));
        assert_eq!(value("B"), Some((Scale::Capital, 2)));
        assert_eq!(value("Phần thứ nhất"), Some((Scale::Ordinal, 1)));
        assert_eq!(value("Kết luận"), None);
    }

    #[test]
    fn values_are_written_as_they_are_read() {
        for (scale, value) in [(Scale::Roman, 14), (Scale::Arabic("2".into()), 10), (Scale::Letter, 5)] {
            let written = write(&scale, value).unwrap();
            assert_eq!(super::read(&written), Some(Label { scale, value }));
        }
    }

    #[test]
    fn letters_that_some_leave_out_are_not_missed() {
        assert_eq!(between(&Scale::Letter, 4, 6), [0; 0]);
        assert_eq!(between(&Scale::Letter, 1, 3), [2]);
        assert_eq!(between(&Scale::Roman, 2, 4), [3]);
    }
}
