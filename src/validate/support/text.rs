//! Words, titles and figures as rules compare and print them.

use rust_decimal::Decimal;
use rustc_hash::FxHashSet;

use crate::{
    document::Span,
    extract::PartialDate,
    shadow::{Key, Kind},
    validate::Context,
};

/// A code as rules compare it: capitals, Đ and its look-alikes as D, TƯ as TW.
pub fn fold_code(code: &str) -> String {
    let mut folded = String::with_capacity(code.len());
    for c in code.chars() {
        push_folded(&mut folded, c);
    }
    end_code(&mut folded, 0);
    folded
}

/// Adds a character to a folded code.
pub fn push_folded(folded: &mut String, c: char) {
    match c {
        'A'..='Z' | '0'..='9' | '-' | '/' | '&' => folded.push(c),
        'Đ' | 'Ð' | 'Ɖ' => folded.push('D'),
        _ => folded.extend(
            c.to_uppercase()
                .filter(|c| !c.is_whitespace() && *c != '*' && *c != '_')
                .map(|c| if matches!(c, 'Đ' | 'Ð' | 'Ɖ') { 'D' } else { c }),
        ),
    }
}

/// Ends the folded code that begins at `start`.
pub fn end_code(folded: &mut String, start: usize) {
    if folded[start..].ends_with("TƯ") {
        folded.truncate(folded.len() - "Ư".len());
        folded.push('W');
    }
}

/// The key of a run of digits, as [`Key::new`] gives it, as a number.
pub fn number_key(digits: &str) -> u64 {
    const LETTER_BITS: usize = 6;
    const MAX_LETTERS: usize = 9;
    const DIGIT_0: u64 = 34;
    if digits.len() > MAX_LETTERS {
        return Key::new(digits).raw();
    }
    let letters = digits.bytes().map(|digit| DIGIT_0 + u64::from(digit - b'0'));
    letters.rev().fold(0, |key, letter| key << LETTER_BITS | letter)
}

/// The words and numbers of a span, folded, over line and page breaks.
pub fn words(context: &Context<'_>, span: Span) -> Vec<Key> {
    each_word(context, span).collect()
}

/// The words and numbers of a span as one number, for telling whether two spans say the same.
pub fn words_as_number(context: &Context<'_>, span: Span) -> u64 {
    each_word(context, span).fold(0, |all, word| {
        (all.rotate_left(5) ^ word.raw()).wrapping_mul(0x517C_C1B7_2722_0A95)
    })
}

/// The words and numbers of a span one by one, for where the first few will do.
pub fn each_word(context: &Context<'_>, span: Span) -> impl Iterator<Item = Key> {
    let reader = context.layout.reader(context.document);
    let mut next = reader.after(span.start as usize);
    std::iter::from_fn(move || {
        loop {
            let token = next;
            if token.kind == Kind::End || token.span.start >= span.end {
                return None;
            }
            next = reader.next(token);
            match token.kind {
                Kind::Word => return Some(token.key),
                Kind::Number => return Some(Key::of(reader.token(token).trim_start_matches('0'))),
                _ => {}
            }
        }
    })
}

/// The span on one line, shortened to about `limit` characters, for messages.
pub fn excerpt(context: &Context<'_>, span: Span, limit: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    for word in context.str(span).split_whitespace() {
        let space = if line.is_empty() { "" } else { " " };
        for c in space.chars().chain(word.chars()) {
            if length == limit {
                line.push('…');
                return line;
            }
            line.push(c);
            length += 1;
        }
    }
    line
}

/// Where the paragraph of a place begins: behind the last line break that no sentence passes, or
/// within reach of it in a text without any.
pub fn paragraph_start(context: &Context<'_>, place: usize) -> usize {
    const REACH: usize = 4000;
    let mut line = context.document.line_at(place as u32);
    while let Some(newline) = (context.document.line(line).start as usize).checked_sub(1) {
        let goes_on = context.layout.flow.onward(newline).is_some() || is_wrapped(&context.document.text, newline);
        if !goes_on || place - newline > REACH {
            return newline + 1;
        }
        line -= 1;
    }
    0
}

/// Whether a line break stands between two lines of a wrapped paragraph, the first of which ends in
/// a full stop by chance: it is as long as wrapped lines are, and no label or dash follows.
fn is_wrapped(text: &str, newline: usize) -> bool {
    const MOST: usize = 120;
    let line = &text.as_bytes()[..newline];
    let near = &line[newline.saturating_sub(MOST * 4)..];
    let start = match memchr::memrchr(b'\n', near) {
        Some(before) => newline - near.len() + before + 1,
        None if near.len() == newline => 0,
        // Longer than any wrapped line.
        None => return false,
    };
    let length = text[start..newline].chars().count();
    let next = text[newline + 1..].chars().take(4).collect::<Vec<_>>();
    let label = next.iter().any(|c| matches!(c, '.' | ')' | '-' | '–' | '/'));
    (60..=MOST).contains(&length) && next.first().is_some_and(|c| c.is_alphabetic()) && !label
}

/// How two titles compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// The same title, perhaps shortened.
    Same,
    /// One is missing or too short to tell.
    Unknown,
    /// Two titles.
    Different,
}

/// Compares two titles. Numbers must agree ("năm 2022" and "năm 2023" are two titles), unless one
/// title leaves them out.
pub fn likeness(context: &Context<'_>, a: Option<Span>, b: Option<Span>) -> Likeness {
    const ENOUGH: usize = 4;
    let (Some(a), Some(b)) = (a, b) else {
        return Likeness::Unknown;
    };
    let (a, b) = (title_words(context, a), title_words(context, b));
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.len() < ENOUGH {
        return Likeness::Unknown;
    }
    let numbers = |words: &[Key]| {
        words
            .iter()
            .copied()
            .filter(|&word| is_number(word))
            .collect::<FxHashSet<_>>()
    };
    let (short_numbers, long_numbers) = (numbers(&short), numbers(&long));
    if !short_numbers.is_empty() && !long_numbers.is_empty() && short_numbers.is_disjoint(&long_numbers) {
        return Likeness::Different;
    }
    let all: FxHashSet<Key> = long.iter().copied().collect();
    let shared = short.iter().filter(|&word| all.contains(word)).count();
    if shared * 100 >= short.len() * 85 {
        Likeness::Same
    } else {
        Likeness::Different
    }
}

/// The words of a title without those that only lead in ("về việc").
fn title_words(context: &Context<'_>, span: Span) -> Vec<Key> {
    const LEAD: [Key; 2] = [Key::new("về"), Key::new("việc")];
    let words = words(context, span);
    let lead = words.iter().take_while(|word| LEAD.contains(word)).count();
    words[lead..].to_vec()
}

/// Whether a folded word is a number of at most nine digits.
fn is_number(word: Key) -> bool {
    // Letters of six bits, 34 to 43 being the digits; the tone above bit 54 is 0.
    let mut bits = word.raw();
    if bits == 0 || bits >> 54 != 0 {
        return false;
    }
    while bits != 0 {
        if !(34..=43).contains(&(bits & 63)) {
            return false;
        }
        bits >>= 6;
    }
    true
}

/// A date as reports write it: 03/6/2013.
pub fn date(date: PartialDate) -> String {
    let month = if date.month < 3 {
        format!("{:02}", date.month)
    } else {
        date.month.to_string()
    };
    if date.day == 0 {
        return format!("{month}/{}", date.year);
    }
    format!("{:02}/{month}/{}", date.day, date.year)
}

/// A figure in Vietnamese notation: points between thousands, a decimal comma.
pub fn figure(value: Decimal) -> String {
    let plain = value.normalize().to_string();
    let (sign, plain) = match plain.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", plain.as_str()),
    };
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let mut out = String::from(sign);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push('.');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push(',');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_dates_are_written_as_reports_write_them() {
        assert_eq!(figure(Decimal::new(1234567, 0)), "1.234.567");
        assert_eq!(figure(Decimal::new(123450, 2)), "1.234,5");
        assert_eq!(figure(Decimal::new(-12, 0)), "-12");
        assert_eq!(date(PartialDate::new(2013, 6, 3)), "03/6/2013");
        assert_eq!(date(PartialDate::new(2013, 2, 13)), "13/02/2013");
    }

    #[test]
    fn numbers_have_the_keys_of_their_digits() {
        for digits in [
            "0",
            "7",
            "05",
            "2024",
            "123456789",
            "1234567890",
            "00000000000000000001",
        ] {
            assert_eq!(number_key(digits), Key::new(digits).raw(), "{digits}");
        }
    }

    #[test]
    fn numbers_are_told_from_words() {
        assert!(is_number(Key::new("2023")));
        assert!(!is_number(Key::new("năm")));
        assert!(!is_number(Key::new("QH15")));
    }
}
