//! Numbers and symbols of documents (số, ký hiệu): 43/KH-UBND, 87-KH/TU, 28/2018/QĐ-TTg.
//!
//! Grammar and sources: Decree 30/2020/NĐ-CP, annex III, for state bodies; Guideline 36-HD/VPTW
//! for Party bodies. Forms met in practice and read all the same: inner spaces ("104/KH- UBND"),
//! swapped separators ("72-KH-UBND", "09/KH/UBND"), `–` for `-`, `D` or `Ð` for `Đ`.

use crate::{
    document::Span,
    shadow::{Case, Key, Kind, Reader, Token},
    vocabulary::DocumentTypes,
};

/// A number and symbol, and its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// As written, without "số", inner spaces kept.
    pub span: Span,
    /// The running number; absent when left blank.
    pub sequence: Option<Span>,
    /// The year in "28/2018/QĐ-TTg".
    pub year: Option<u16>,
    /// The type code ("QĐ"); absent in an official letter (công văn) of a state body.
    pub type_code: Option<Span>,
    /// The code of the issuing body with its units ("UBND-VP8"); absent in "số 217".
    pub issuer_code: Option<Span>,
    /// Notation.
    pub style: NumberStyle,
}

/// Notation of a number and symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NumberStyle {
    /// A bare number, or neither notation.
    #[default]
    Unknown,
    /// 43/KH-UBND.
    State,
    /// 87-KH/TU.
    Party,
}

/// Most digits of a running number.
const MAX_SEQUENCE: usize = 6;
/// Codes that are met with small letters where capitals belong ("19-NQ/Tw", "33/CT-Ttg").
const CARELESS_CODES: [Key; 4] = [Key::new("TW"), Key::new("TU"), Key::new("CP"), Key::new("TTg")];

/// Parses the number and symbol that begins with the number at or behind `from`. It has at least
/// one code; for a number alone see [`parse_bare`].
pub fn parse(reader: &Reader<'_>, types: &DocumentTypes, from: usize) -> Option<Symbol> {
    parse_with(reader, types, reader.after(from))
}

/// Parses the number and symbol that begins with this number.
pub fn parse_with(reader: &Reader<'_>, types: &DocumentTypes, number: Token) -> Option<Symbol> {
    if !may_go_on(reader.next(number)) {
        return None;
    }
    let (sequence, next) = sequence(reader, number)?;
    let codes = Codes::read(reader, types, next, false)?;
    codes.symbol(types, Some(sequence), sequence.start as usize)
}

/// Whether a number may be the first part of a symbol, by the token behind it: a separator, a dotted part, a
/// letter, a code.
fn may_go_on(next: Token) -> bool {
    match next.kind {
        Kind::Mark(mark) => matches!(mark, '/' | '-' | '.'),
        Kind::Word => !next.spaced || matches!(next.case, Case::Upper | Case::Mixed),
        _ => false,
    }
}

/// Parses the number and symbol of a masthead, whose running number may be left blank:
/// "     /BC-STP", "…/BC-STP", "-BC/ĐU".
pub fn parse_with_blank(reader: &Reader<'_>, types: &DocumentTypes, from: usize) -> Option<Symbol> {
    if let Some(symbol) = parse(reader, types, from) {
        return Some(symbol);
    }
    let mut token = reader.after(from);
    while matches!(token.kind, Kind::Mark('.' | '…')) {
        token = reader.next(token);
    }
    separator(token)?;
    let codes = Codes::read(reader, types, token, true)?;
    codes.symbol(types, None, token.start())
}

/// Parses a number alone ("217", "12/2023") as a symbol without codes.
pub fn parse_bare(reader: &Reader<'_>, from: usize) -> Option<Symbol> {
    parse_bare_with(reader, reader.after(from))
}

/// Parses this number alone as a symbol without codes.
pub fn parse_bare_with(reader: &Reader<'_>, number: Token) -> Option<Symbol> {
    let (sequence, slash) = sequence(reader, number)?;
    let (mut span, mut year) = (sequence, None);
    if slash.is_mark('/') && !slash.spaced {
        let number = reader.next(slash);
        year = year_of(reader, number);
        year?;
        span.end = number.span.end;
    }
    Some(Symbol {
        span,
        sequence: Some(sequence),
        year,
        type_code: None,
        issuer_code: None,
        style: NumberStyle::Unknown,
    })
}

/// Parses the symbol of a technical standard behind its series: "QCVN 102:2016/BTTTT".
pub fn parse_standard(reader: &Reader<'_>, types: &DocumentTypes, series: Token) -> Option<Symbol> {
    let (sequence, colon) = sequence(reader, reader.next(series))?;
    let number = reader.next(colon);
    let year = if colon.is_mark(':') {
        year_of(reader, number)
    } else {
        None
    };
    year?;
    let codes = Codes::read(reader, types, reader.next(number), false);
    let issuer_code = codes.and_then(|codes| Some(Span::new(codes.first?.start(), codes.end)));
    let end = issuer_code.map_or(number.span.end, |code| code.end);
    Some(Symbol {
        span: Span { end, ..series.span },
        sequence: Some(sequence),
        year,
        type_code: Some(series.span),
        issuer_code,
        style: NumberStyle::Unknown,
    })
}

/// The running number: digits, a dotted part ("66.7"), a letter ("30c"); and the token behind.
fn sequence(reader: &Reader<'_>, first: Token) -> Option<(Span, Token)> {
    if !first.is_number() || first.span.len() > MAX_SEQUENCE {
        return None;
    }
    let mut last = first;
    let mut next = reader.next(first);
    if next.is_mark('.') && !next.spaced {
        let part = reader.next(next);
        if part.is_number() && !part.spaced && part.span.len() <= 3 {
            last = part;
            next = reader.next(part);
        }
    }
    if next.is_word() && !next.spaced && reader.token(next).chars().count() == 1 {
        last = next;
        next = reader.next(next);
    }
    Some((first.span.join(last.span), next))
}

/// Whether this is the type code of a symbol whose first separator got lost: "25 NQ/TW", "12QĐ/TW".
fn is_lone_code(reader: &Reader<'_>, types: &DocumentTypes, code: Token) -> bool {
    if !(code.is_word() && matches!(code.case, Case::Upper | Case::Mixed) && types.of_code(code.key).is_some()) {
        return false;
    }
    let mark = reader.next(code);
    let issuer = reader.next(mark);
    let tight = !mark.spaced && !issuer.spaced && separator(mark).is_some();
    tight && is_code(reader, types, issuer)
}

fn separator(token: Token) -> Option<char> {
    match token.kind {
        Kind::Mark(mark @ ('/' | '-')) => Some(mark),
        _ => None,
    }
}

fn year_of(reader: &Reader<'_>, token: Token) -> Option<u16> {
    if !token.is_number() || token.span.len() != 4 {
        return None;
    }
    let year = reader.token(token).parse().ok()?;
    (1900..2200).contains(&year).then_some(year)
}

/// Whether a word is written as a code: capitals without tone marks, small letters only as in
/// "TTg", "QyĐ".
fn is_code(reader: &Reader<'_>, types: &DocumentTypes, word: Token) -> bool {
    // The only Vietnamese letters in codes are Đ and Ư ("TƯ").
    let text = reader.token(word);
    if !word.is_word() || word.key.has_tone() || !text.is_ascii() && text.contains(['Ă', 'Â', 'Ê', 'Ô', 'Ơ']) {
        return false;
    }
    match word.case {
        Case::Upper | Case::Mixed => true,
        Case::Title => {
            reader.token(word).chars().count() == 1
                || types.of_code(word.key).is_some()
                || CARELESS_CODES.contains(&word.key)
        }
        Case::Lower => false,
    }
}

/// The codes behind a running number, with what separates them.
#[derive(Default)]
struct Codes {
    year: Option<u16>,
    /// The separators before the first and second code.
    separators: [Option<char>; 2],
    first: Option<Token>,
    /// From the second code to the last.
    rest: Option<Span>,
    end: usize,
}

impl Codes {
    /// Reads the codes from the first separator on.
    fn read(reader: &Reader<'_>, types: &DocumentTypes, first: Token, blank: bool) -> Option<Self> {
        let mut codes = Codes::default();
        let mut mark = first;
        if is_lone_code(reader, types, first) {
            codes.push(' ', first);
            mark = reader.next(first);
        }
        while let Some(sign) = separator(mark).or_else(|| codes.joint(mark)) {
            let word = reader.next(mark);
            // A dash between spaces is a dash of the sentence once the symbol is whole.
            let loose = mark.spaced && word.spaced && !blank;
            let may_be_year = codes.first.is_none() && codes.year.is_none() && !loose;
            if may_be_year {
                codes.year = year_of(reader, word);
            }
            if may_be_year && codes.year.is_some() {
                mark = reader.next(word);
                continue;
            }
            let number =
                word.is_number() && codes.first.is_some() && !mark.spaced && !word.spaced && word.span.len() <= 4;
            if !number && !is_code(reader, types, word) {
                break;
            }
            if codes.rest.is_some() && loose && types.of_code(word.key).is_some() {
                break;
            }
            // "UBND-VX,KT": two units; but ", UBND" goes on with the sentence.
            if sign == ',' && (word.spaced || word.span.len() > 3 || types.of_code(word.key).is_some()) {
                break;
            }
            if number && separator(reader.next(word)).is_some() {
                break;
            }
            codes.push(sign, word);
            mark = reader.next(word);
        }
        codes.first.map(|_| codes)
    }

    /// "&" and "," join units inside a symbol.
    fn joint(&self, mark: Token) -> Option<char> {
        match mark.kind {
            Kind::Mark('&') if self.first.is_some() => Some('&'),
            Kind::Mark(',') if self.rest.is_some() && !mark.spaced => Some(','),
            _ => None,
        }
    }

    fn push(&mut self, sign: char, word: Token) {
        match (&mut self.first, &mut self.rest) {
            (None, _) => {
                self.first = Some(word);
                self.separators[0] = Some(sign);
            }
            (Some(_), None) => {
                self.rest = Some(word.span);
                self.separators[1] = Some(sign);
            }
            (Some(_), Some(rest)) => rest.end = word.span.end,
        }
        self.end = word.end();
    }

    fn symbol(&self, types: &DocumentTypes, sequence: Option<Span>, start: usize) -> Option<Symbol> {
        let first = self.first?;
        let joined = self.separators[1] == Some('&');
        let is_type = types.of_code(first.key).is_some() && !joined
            // In "87-XX/TU" the first code is a type, known or not.
            || (self.separators == [Some('-'), Some('/')]);
        let (type_code, issuer_code) = match self.rest {
            _ if !is_type => (
                None,
                Some(Span {
                    end: self.end as u32,
                    ..first.span
                }),
            ),
            rest => (Some(first.span), rest),
        };
        let style = match (self.separators, is_type && self.rest.is_some()) {
            ([Some('/'), Some('-')], true) => NumberStyle::State,
            ([Some('-'), Some('/')], true) => NumberStyle::Party,
            (_, true) => NumberStyle::Unknown,
            ([Some('/'), second], false) if second != Some('/') => NumberStyle::State,
            ([Some('-'), None], false) => NumberStyle::Party,
            _ => NumberStyle::Unknown,
        };
        Some(Symbol {
            span: Span::new(start, self.end),
            sequence,
            year: self.year,
            type_code,
            issuer_code,
            style,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{shadow::Flow, vocabulary::Vocabulary};

    fn show(text: &str, symbol: Option<Symbol>) -> String {
        let Some(symbol) = symbol else { return String::new() };
        let part = |span: Option<Span>| span.map_or("", |span| span.of(text));
        format!(
            "{}|{}|{}|{}|{}|{:?}",
            symbol.span.of(text),
            part(symbol.sequence),
            symbol.year.unwrap_or(0),
            part(symbol.type_code),
            part(symbol.issuer_code),
            symbol.style
        )
    }

    fn read(text: &str) -> String {
        let flow = Flow::default();
        show(
            text,
            parse(&Reader::new(text, &flow), &Vocabulary::embedded().document_types, 0),
        )
    }

    #[test]
    fn every_notation() {
        for (text, expected) in [
            ("43/KH-UBND ngày", "43/KH-UBND|43|0|KH|UBND|State"),
            ("87-KH/TU, ngày", "87-KH/TU|87|0|KH|TU|Party"),
            ("28/2018/QĐ-TTg", "28/2018/QĐ-TTg|28|2018|QĐ|TTg|State"),
            ("66.7/2025/NQ-CP", "66.7/2025/NQ-CP|66.7|2025|NQ|CP|State"),
            ("64/2025/QH15;", "64/2025/QH15|64|2025||QH15|State"),
            ("1365/NQ-UBTVQH15", "1365/NQ-UBTVQH15|1365|0|NQ|UBTVQH15|State"),
            ("30c/NQ-CP", "30c/NQ-CP|30c|0|NQ|CP|State"),
            (
                "01/2015/TTLT-BNV-BTC",
                "01/2015/TTLT-BNV-BTC|01|2015|TTLT|BNV-BTC|State",
            ),
            ("2491/STC-BCTC", "2491/STC-BCTC|2491|0||STC-BCTC|State"),
            ("2231/SNV-CCHC&PC", "2231/SNV-CCHC&PC|2231|0||SNV-CCHC&PC|State"),
            ("367-QĐ/TWĐTN-VP", "367-QĐ/TWĐTN-VP|367|0|QĐ|TWĐTN-VP|Party"),
            ("321/UBND-VP8", "321/UBND-VP8|321|0||UBND-VP8|State"),
            ("5021/BDN", "5021/BDN|5021|0||BDN|State"),
            ("11-QĐi/TW", "11-QĐi/TW|11|0|QĐi|TW|Party"),
            ("12/UBND-VX,KT ngày", "12/UBND-VX,KT|12|0||UBND-VX,KT|State"),
            ("15-QÐ/TU", "15-QÐ/TU|15|0|QÐ|TU|Party"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn careless_forms() {
        for (text, expected) in [
            ("104/KH- UBND", "104/KH- UBND|104|0|KH|UBND|State"),
            ("94- KH/BTGDVTW", "94- KH/BTGDVTW|94|0|KH|BTGDVTW|Party"),
            (
                "401 -BC/BDV-BCSDUBND",
                "401 -BC/BDV-BCSDUBND|401|0|BC|BDV-BCSDUBND|Party",
            ),
            ("367 - QĐ/TWĐTN", "367 - QĐ/TWĐTN|367|0|QĐ|TWĐTN|Party"),
            ("72-KH-UBND", "72-KH-UBND|72|0|KH|UBND|Unknown"),
            ("09/KH/UBND", "09/KH/UBND|09|0|KH|UBND|Unknown"),
            ("23/KH–STNMT", "23/KH–STNMT|23|0|KH|STNMT|State"),
            ("65-Ctr/TU", "65-Ctr/TU|65|0|Ctr|TU|Party"),
            ("19-NQ/Tw", "19-NQ/Tw|19|0|NQ|Tw|Party"),
            ("25 NQ/TW của", "25 NQ/TW|25|0|NQ|TW|Unknown"),
            ("12QĐ/TU", "12QĐ/TU|12|0|QĐ|TU|Unknown"),
            ("45/QĐ-UBND - Chương trình", "45/QĐ-UBND|45|0|QĐ|UBND|State"),
            ("45/QĐ-UBND - NĂM 2023", "45/QĐ-UBND|45|0|QĐ|UBND|State"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_symbol() {
        for text in [
            "226/226 xã",
            "03/6/2013",
            "10/10 huyện",
            "2021-2026",
            "1.497/3.602",
            "17 - Kết quả",
            "24/7",
        ] {
            assert_eq!(read(text), "", "{text}");
        }
    }

    #[test]
    fn blank_and_bare_numbers() {
        let flow = Flow::default();
        let types = &Vocabulary::embedded().document_types;
        for (text, expected) in [
            ("     /BC-STP", "/BC-STP||0|BC|STP|State"),
            (" …../BC-UBND", "/BC-UBND||0|BC|UBND|State"),
            ("   -BC/ĐU", "-BC/ĐU||0|BC|ĐU|Party"),
            ("318/BC-STP", "318/BC-STP|318|0|BC|STP|State"),
        ] {
            let found = parse_with_blank(&Reader::new(text, &flow), types, 0);
            assert_eq!(show(text, found), expected, "{text}");
        }
        let text = "217, 218 của";
        assert_eq!(
            show(text, parse_bare(&Reader::new(text, &flow), 0)),
            "217|217|0|||Unknown"
        );
    }
}
