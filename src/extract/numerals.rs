//! Numerals in Vietnamese notation: '.' groups thousands, ',' is the decimal point.
//!
//! English decimals ("46.0415", as indexes print them) and English grouping ("1,234.5") are told
//! by their shape. What has the shape of neither (30.4.2024, 0912.345.678) is no numeral.

use std::ops::Range;

use rust_decimal::Decimal;

use crate::{
    document::Span,
    shadow::{Key, KeySet, Reader, Token},
};

/// A number in digits or words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numeral {
    /// Where it stands.
    pub span: Span,
    /// Its value.
    pub value: Decimal,
    /// Decimal places shown.
    pub places: u8,
    /// Whether its thousands are grouped.
    pub grouped: bool,
}

impl Numeral {
    /// Whether it is printed as a plain year ("2023").
    pub fn looks_like_year(&self) -> bool {
        self.span.len() == 4 && self.value >= Decimal::from(1900) && self.value <= Decimal::from(2100)
    }

    /// Its value where it is a small whole number, as days and months are.
    pub fn small(&self) -> Option<u32> {
        if self.places > 0 || self.span.len() > 2 {
            return None;
        }
        u32::try_from(self.value).ok()
    }
}

/// Most digits of a numeral; longer runs are account numbers and the like.
const MAX_DIGITS: usize = 18;

/// The end of the run of digits, with single '.' or ',' between them, that begins at `start`.
pub fn run_end(bytes: &[u8], start: usize) -> usize {
    let mut i = start;
    while i < bytes.len() {
        let separator = matches!(bytes[i], b'.' | b',') && bytes.get(i + 1).is_some_and(u8::is_ascii_digit);
        if bytes[i].is_ascii_digit() || separator && i > start {
            i += 1;
        } else {
            break;
        }
    }
    i
}

/// The numeral that begins with the digit at `start` and takes in the whole run.
pub fn numeral_at(text: &str, start: usize) -> Option<Numeral> {
    let bytes = text.as_bytes();
    let end = run_end(bytes, start);
    let run = bytes.get(start..end)?;
    let is_long = || run.iter().filter(|b| b.is_ascii_digit()).count() > MAX_DIGITS;
    if run.is_empty() || run.len() > MAX_DIGITS && is_long() {
        return None;
    }
    let plain = run.iter().all(u8::is_ascii_digit);
    let (whole, fraction, grouped) = match plain {
        true => (run.len(), run.len(), false),
        false => shape(run)?,
    };
    let mut mantissa: i64 = 0;
    for &b in run[..whole]
        .iter()
        .chain(&run[fraction..])
        .filter(|b| b.is_ascii_digit())
    {
        mantissa = mantissa * 10 + i64::from(b - b'0');
    }
    let places = run.len() - fraction;
    Some(Numeral {
        span: Span::new(start, end),
        value: Decimal::new(mantissa, places as u32),
        places: places as u8,
        grouped,
    })
}

/// Where the whole part ends, where the decimals begin, and whether thousands are grouped.
fn shape(run: &[u8]) -> Option<(usize, usize, bool)> {
    let dots = run.iter().filter(|&&b| b == b'.').count();
    let commas = run.iter().filter(|&&b| b == b',').count();
    let find = |mark| run.iter().rposition(|&b| b == mark);
    match (dots, commas) {
        (0, 0) => Some((run.len(), run.len(), false)),
        (_, 0) if groups(run, b'.') => Some((run.len(), run.len(), true)),
        (_, 1) => {
            let comma = find(b',')?;
            if dots == 0 || !run[comma..].contains(&b'.') && groups(&run[..comma], b'.') {
                Some((comma, comma + 1, dots > 0))
            } else {
                let dot = find(b'.')?;
                (dots == 1 && dot > comma && groups(&run[..dot], b',')).then_some((dot, dot + 1, true))
            }
        }
        (1, 0) => {
            let dot = find(b'.')?;
            Some((dot, dot + 1, false))
        }
        (0, _) if groups(run, b',') => Some((run.len(), run.len(), true)),
        (1, _) => {
            let dot = find(b'.')?;
            groups(&run[..dot], b',').then_some((dot, dot + 1, true))
        }
        _ => None,
    }
}

/// Whether digits stand in groups of three, the first one shorter perhaps but not empty or zero.
fn groups(run: &[u8], mark: u8) -> bool {
    let mut parts = run.split(|&b| b == mark);
    let first = parts.next().unwrap_or_default();
    (1..=3).contains(&first.len())
        && first[0] != b'0'
        && first.iter().all(u8::is_ascii_digit)
        && parts.all(|part| part.len() == 3 && part.iter().all(u8::is_ascii_digit))
}

/// Whether a word is the last one of a number in words with this value, as far as the word tells.
pub fn ends_number(word: Token, value: Decimal) -> bool {
    const ROUND: [Key; 4] = [MUOI, Key::new("mười"), Key::new("chục"), Key::new("trăm")];
    let ten = Decimal::TEN;
    if !word.is_word() {
        return false;
    }
    let digit = last_digit_word(word.key).or_else(|| weak_digit_word(word.key));
    match digit {
        Some(digit) => value % ten == Decimal::from(digit),
        None => ROUND.contains(&word.key) && (value % ten).is_zero(),
    }
}

const MUOI: Key = Key::new("mươi");

/// The number below a hundred that begins with a word, and its last word.
fn below_hundred(reader: &Reader<'_>, first: Token) -> Option<(i64, Token)> {
    if !first.is_word() {
        return None;
    }
    let next = reader.next(first);
    let (mut value, mut last) = match digit_word(first.key).or_else(|| weak_digit_word(first.key))? {
        digit if next.is_word() && next.key == MUOI && (2..10).contains(&digit) => (digit * 10, next),
        digit => (digit, first),
    };
    if value >= 10 {
        let next = reader.next(last);
        if let Some(digit) = last_digit_word(next.key).filter(|_| next.is_word()) {
            value += digit;
            last = next;
        }
    }
    Some((value, last))
}

/// What a word multiplies the number before it by ("3,5 tỷ").
pub fn multiplier(word: Key) -> Option<i64> {
    const NGHIN: Key = Key::new("nghìn");
    const NGAN: Key = Key::new("ngàn");
    const VAN: Key = Key::new("vạn");
    const TRIEU: Key = Key::new("triệu");
    const TY: Key = Key::new("tỷ");
    const TI: Key = Key::new("tỉ");
    const TR: Key = Key::new("tr");
    Some(match word {
        NGHIN | NGAN => 1_000,
        VAN => 10_000,
        TRIEU | TR => 1_000_000,
        TY | TI => 1_000_000_000,
        _ => return None,
    })
}

/// The number a word names, from two to ten; "năm" is left out, since it nearly always is a year.
fn digit_word(word: Key) -> Option<i64> {
    const WORDS: [(Key, i64); 9] = [
        (Key::new("hai"), 2),
        (Key::new("ba"), 3),
        (Key::new("bốn"), 4),
        (Key::new("sáu"), 6),
        (Key::new("bảy"), 7),
        (Key::new("bẩy"), 7),
        (Key::new("tám"), 8),
        (Key::new("chín"), 9),
        (Key::new("mười"), 10),
    ];
    WORDS.iter().find(|(key, _)| *key == word).map(|&(_, value)| value)
}

/// A unit digit behind tens ("mười lăm", "hai mươi mốt").
fn last_digit_word(word: Key) -> Option<i64> {
    const MOT: Key = Key::new("mốt");
    const MOT_PLAIN: Key = Key::new("một");
    const LAM: Key = Key::new("lăm");
    const NHAM: Key = Key::new("nhăm");
    const TU: Key = Key::new("tư");
    match word {
        MOT | MOT_PLAIN => Some(1),
        LAM | NHAM => Some(5),
        TU => Some(4),
        _ => digit_word(word).filter(|&value| value < 10),
    }
}

/// The digits that are other words by themselves ("năm" is a year, "một số" are some): numbers only
/// before tens and hundreds.
fn weak_digit_word(word: Key) -> Option<i64> {
    const MOT: Key = Key::new("một");
    const NAM: Key = Key::new("năm");
    match word {
        MOT => Some(1),
        NAM => Some(5),
        _ => None,
    }
}

/// The first digit of a stretch, which may be empty.
pub fn digit_in(bytes: &[u8], range: Range<usize>) -> Option<usize> {
    const STRIDE: usize = 32;
    let start = range.start;
    let bytes = bytes.get(range)?;
    let has_digit = |chunk: &[u8; STRIDE]| chunk.iter().fold(false, |any, byte| any | byte.is_ascii_digit());
    // Stretches without digits are passed over as a whole.
    let (chunks, _) = bytes.as_chunks::<STRIDE>();
    let passed = STRIDE * chunks.iter().take_while(|chunk| !has_digit(chunk)).count();
    let digit = bytes[passed..].iter().position(u8::is_ascii_digit)?;
    Some(start + passed + digit)
}

/// The first digit of what is left of a token.
#[inline]
pub fn first_digit(bytes: &[u8], token: Token, rest: Range<usize>) -> Option<usize> {
    match token.is_number() {
        true => Some(rest.start),
        false => digit_in(bytes, rest),
    }
}

/// The words that a number in words begins with.
pub static NUMBER_WORDS: KeySet<11> = KeySet::new([
    "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "bẩy", "tám", "chín", "mười",
]);

/// The number in words, two to 999, that begins with this word.
pub fn number_word(reader: &Reader<'_>, first: Token) -> Option<Numeral> {
    if !NUMBER_WORDS.has(first) {
        return None;
    }
    const CHUC: Key = Key::new("chục");
    const TRAM: Key = Key::new("trăm");
    const LINH: [Key; 2] = [Key::new("linh"), Key::new("lẻ")];
    let next = reader.next(first);
    let next_key = if next.is_word() { next.key } else { Key::default() };
    let digit = digit_word(first.key);
    let (value, last) = match digit.filter(|&digit| digit < 10).or_else(|| weak_digit_word(first.key)) {
        Some(digit) if next_key == CHUC && digit > 1 => (digit * 10, next),
        Some(digit) if next_key == TRAM => {
            let then = reader.next(next);
            let unit = reader.next(then);
            let few = last_digit_word(unit.key).or_else(|| weak_digit_word(unit.key));
            match (below_hundred(reader, then), few) {
                (Some((rest, last)), _) if rest >= 10 => (digit * 100 + rest, last),
                (_, Some(rest)) if then.is_word() && LINH.contains(&then.key) => (digit * 100 + rest, unit),
                _ => (digit * 100, next),
            }
        }
        _ => below_hundred(reader, first).filter(|_| digit.is_some() || next_key == MUOI)?,
    };
    Some(Numeral {
        span: first.span.join(last.span),
        value: Decimal::from(value),
        places: 0,
        grouped: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shadow::Flow;

    #[test]
    fn vietnamese_notation() {
        for (text, value) in [
            ("5", Some("5")),
            ("05", Some("5")),
            ("1.327", Some("1327")),
            ("2.315.675", Some("2315675")),
            ("1.234,5", Some("1234.5")),
            ("12,5", Some("12.5")),
            ("99,57", Some("99.57")),
            ("46.0415", Some("46.0415")),
            ("0.125", Some("0.125")),
            ("1,234.5", Some("1234.5")),
            ("1,234,567", Some("1234567")),
            ("30.4.2024", None),
            ("0912.345.678", None),
            ("1.2.3", None),
            ("12,13,14", None),
            ("12345678901234567890", None),
        ] {
            let read = numeral_at(text, 0).map(|numeral| numeral.value.to_string());
            assert_eq!(read.as_deref(), value, "{text}");
        }
    }

    #[test]
    fn a_full_stop_behind_is_not_part_of_it() {
        assert_eq!(numeral_at("5. Hết", 0).map(|numeral| numeral.span.len()), Some(1));
        assert_eq!(numeral_at("1.327, nay", 0).map(|numeral| numeral.span.len()), Some(5));
    }

    #[test]
    fn number_words() {
        let flow = Flow::default();
        for (text, value) in [
            ("hai hội nghị", Some(2)),
            ("mười lăm xã", Some(15)),
            ("ba mươi hai thôn", Some(32)),
            ("hai chục hộ", Some(20)),
            ("một trăm linh năm hộ", Some(105)),
            ("ba trăm hộ", Some(300)),
            ("hai trăm bốn mươi mốt hộ", Some(241)),
            ("năm mươi tư xã", Some(54)),
            ("năm xã", None),
            ("một hội nghị", None),
        ] {
            let reader = Reader::new(text, &flow);
            let read = number_word(&reader, reader.after(0)).map(|numeral| numeral.value);
            assert_eq!(read, value.map(Decimal::from), "{text}");
        }
    }
}
