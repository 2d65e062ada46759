//! How the number and symbol of a document is written, separators and all.
//!
//! Extraction reads every notation with tolerance; a rule that judges the notation itself looks
//! at the characters again, here.

use std::{cell::OnceCell, ops::Range, sync::LazyLock};

use rustc_hash::FxHashMap;

use crate::{
    document::Span,
    validate::{
        Context,
        support::{
            bodies::{self, Body},
            text::{end_code, fold_code, push_folded},
        },
    },
};

/// Codes of document types, folded by [`fold_code`], and the type words they may stand for.
///
/// Decree 30/2020/NĐ-CP, annex III; Guideline 36-HD/VPTW; normative documents by Law 64/2025/QH15.
/// `D` and `Đ` are one letter here, since scans confuse them, so that "HD" has both its meanings.
pub static TYPE_CODES: &[(&str, &[&str])] = &[
    ("BB", &["biên bản"]),
    ("BC", &["báo cáo"]),
    ("BCTĐ", &["báo cáo"]),
    ("BGN", &["bản ghi nhớ"]),
    ("BTT", &["bản thỏa thuận"]),
    ("CĐ", &["công điện", "chế độ"]),
    ("CT", &["chỉ thị", "chương trình"]),
    ("CTHĐ", &["chương trình"]),
    ("CTPH", &["chương trình"]),
    ("CTR", &["chương trình"]),
    ("CV", &["công văn"]),
    ("DA", &["dự án", "đề án"]),
    ("GM", &["giấy mời"]),
    ("HD", &["hướng dẫn", "hợp đồng"]),
    ("HDLT", &["hướng dẫn"]),
    ("KH", &["kế hoạch"]),
    ("KHPH", &["kế hoạch"]),
    ("KL", &["kết luận"]),
    ("L", &["lệnh", "luật"]),
    ("NĐ", &["nghị định"]),
    ("NQ", &["nghị quyết"]),
    ("NQLT", &["nghị quyết"]),
    ("PA", &["phương án"]),
    ("PL", &["pháp lệnh"]),
    ("QC", &["quy chế", "quy chuẩn"]),
    ("QCPH", &["quy chế"]),
    ("QĐ", &["quyết định", "quy định"]),
    ("QĐI", &["quy định"]),
    ("QYĐ", &["quy định"]),
    ("TB", &["thông báo"]),
    ("TBKL", &["thông báo", "kết luận"]),
    ("TC", &["thông cáo"]),
    ("TT", &["thông tư", "thông tri"]),
    ("TTLT", &["thông tư"]),
    ("TTR", &["tờ trình", "thông tri"]),
];

/// The type words a code may stand for; None for a code that is not known.
pub fn type_words(folded: &str) -> Option<&'static [&'static str]> {
    static FOLDED: LazyLock<FxHashMap<String, &[&str]>> = LazyLock::new(|| {
        let rows = TYPE_CODES.iter().map(|&(code, words)| (fold_code(code), words));
        // Of two rows that look alike when folded the first counts.
        rows.rev().collect()
    });
    FOLDED.get(folded).copied()
}

/// The order of the separators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// 43/KH-UBND, with or without a year.
    State,
    /// 87-KH/TU.
    Party,
    /// 09/KH/UBND.
    Slashes,
    /// 72-KH-UBND.
    Hyphens,
    /// No known type code (an official letter, a law), or a bare number.
    Other,
}

impl Form {
    /// How many there are.
    pub const COUNT: usize = 5;
}

/// A number and symbol, taken apart.
#[derive(Clone, Debug)]
pub struct Notation {
    /// The pieces, folded, with hyphens between them.
    text: String,
    sequence: Range<usize>,
    type_code: Range<usize>,
    /// From here to the end; None for a bare number.
    issuer: Option<usize>,
    /// The year inside the number.
    pub year: Option<u16>,
    /// The order of the separators.
    pub form: Form,
    /// Whether a space stands inside.
    pub spaced: bool,
    bodies: OnceCell<Option<Vec<Body>>>,
    writes_as_party: OnceCell<Option<bool>>,
}

/// What makes two symbols the same number: all but the separators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity<'n> {
    sequence: &'n str,
    year: Option<u16>,
    type_code: &'n str,
    issuer: &'n str,
}

impl Notation {
    /// Takes apart the symbol at a place in the document.
    pub fn of(context: &Context<'_>, symbol: Span) -> Option<Self> {
        Self::parse(context.str(symbol))
    }

    /// Takes apart a symbol; None when it does not begin with a number.
    pub fn parse(written: &str) -> Option<Self> {
        let pieces = Pieces::of(written)?;
        let year = match pieces.separator(1) {
            Some('/') => year_of(pieces.text(1)),
            _ => None,
        };
        let first = if year.is_some() { 2 } else { 1 };
        let (before, behind) = (pieces.separator(first), pieces.separator(first + 1));
        let has_type = behind.is_some() && type_words(pieces.text(first)).is_some();
        let form = match (has_type, before, behind) {
            (true, Some('/'), Some('-')) => Form::State,
            (true, Some('-'), Some('/')) => Form::Party,
            (true, Some('/'), Some('/')) => Form::Slashes,
            (true, Some('-'), Some('-')) => Form::Hyphens,
            _ => Form::Other,
        };
        let issuer = if has_type { first + 1 } else { first };
        Some(Self {
            sequence: pieces.range(0),
            type_code: if has_type { pieces.range(first) } else { 0..0 },
            issuer: pieces.separator(issuer).map(|_| pieces.range(issuer).start),
            year,
            form,
            spaced: pieces.spaced,
            text: pieces.all,
            bodies: OnceCell::new(),
            writes_as_party: OnceCell::new(),
        })
    }

    /// The running number without leading zeros, with its letter if it has one.
    pub fn sequence(&self) -> &str {
        &self.text[self.sequence.clone()]
    }

    /// The type code, folded; empty when there is none.
    pub fn type_code(&self) -> &str {
        &self.text[self.type_code.clone()]
    }

    /// The issuer code, folded, with hyphens between its parts; None for a bare number.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.map(|start| &self.text[start..])
    }

    /// The parts of the issuer code.
    pub fn issuer_parts(&self) -> impl Iterator<Item = &str> + Clone {
        self.issuer().into_iter().flat_map(|issuer| issuer.split('-'))
    }

    /// The number apart from its separators; None for a bare number, which identifies nothing.
    pub fn identity(&self) -> Option<Identity<'_>> {
        Some(Identity {
            sequence: self.sequence(),
            year: self.year,
            type_code: self.type_code(),
            issuer: self.issuer()?,
        })
    }

    /// The bodies the issuer code stands for; None when its first part is not known.
    pub fn bodies(&self) -> Option<&[Body]> {
        let of_codes = || bodies::of_codes(self.issuer_parts());
        self.bodies.get_or_init(of_codes).as_deref()
    }

    /// How its body must write symbols: as the Party does (true) or as the State does (false); None
    /// where the code does not tell.
    pub fn writes_as_party(&self) -> Option<bool> {
        let by_code = || bodies::writes_as_party(self.issuer_parts());
        *self.writes_as_party.get_or_init(by_code)
    }
}

fn year_of(piece: &str) -> Option<u16> {
    if piece.len() != 4 {
        return None;
    }
    piece.parse().ok().filter(|year| (1945..=2100).contains(year))
}

/// The runs between separators, read in one go.
struct Pieces {
    /// All of them, folded, with hyphens between them; the first in small letters and without
    /// leading zeros.
    all: String,
    /// The separator before each of the first few, and where it begins.
    starts: [(char, usize); Self::MOST],
    /// How many there are.
    count: usize,
    /// Whether a space stands inside. A line break is no space: the line was wrapped there.
    spaced: bool,
}

impl Pieces {
    /// Number, year and type code, and the issuer code, which is taken as a whole.
    const MOST: usize = 4;

    /// None when the first does not begin with a digit.
    fn of(written: &str) -> Option<Self> {
        let mut pieces = Self {
            all: String::with_capacity(written.len()),
            starts: [(' ', 0); Self::MOST],
            count: 0,
            spaced: false,
        };
        let (mut before, mut start) = (' ', 0);
        for c in written.trim().chars() {
            let separator = match c {
                '/' => '/',
                '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
                ' ' | '\t' | '\u{A0}' => {
                    pieces.spaced = true;
                    continue;
                }
                '*' | '_' => continue,
                c if c.is_whitespace() => continue,
                c => {
                    pieces.push(c)?;
                    continue;
                }
            };
            // One that is printed twice is one; none comes before the number.
            match pieces.count {
                0 => return None,
                1 => {}
                _ if start == pieces.all.len() && before == separator => continue,
                _ => end_code(&mut pieces.all, start),
            }
            pieces.all.push('-');
            (before, start) = (separator, pieces.all.len());
            if let Some(place) = pieces.starts.get_mut(pieces.count) {
                *place = (before, start);
            }
            pieces.count += 1;
        }
        if pieces.count > 1 {
            end_code(&mut pieces.all, start);
        }
        (pieces.count > 0).then_some(pieces)
    }

    fn push(&mut self, c: char) -> Option<()> {
        match self.count {
            0 if !c.is_ascii_digit() => return None,
            0 | 1 => {
                self.count = 1;
                if c != '0' || !self.all.is_empty() {
                    self.all.extend(c.to_lowercase());
                }
            }
            _ => push_folded(&mut self.all, c),
        }
        Some(())
    }

    /// The separator before one behind the first; None when there are not so many.
    fn separator(&self, piece: usize) -> Option<char> {
        (piece < self.count).then(|| self.starts[piece].0)
    }

    /// Where one of the first stands, but the last of those, which the others follow.
    fn range(&self, piece: usize) -> Range<usize> {
        let end = match self.starts.get(piece + 1) {
            Some(&(_, next)) if piece + 1 < self.count => next - 1,
            _ => self.all.len(),
        };
        self.starts[piece].1..end
    }

    fn text(&self, piece: usize) -> &str {
        &self.all[self.range(piece)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Notation::parse(text).map_or(Form::Other, |notation| notation.form)
    }

    #[test]
    fn forms() {
        assert_eq!(form("43/KH-UBND"), Form::State);
        assert_eq!(form("28/2018/QĐ-TTg"), Form::State);
        assert_eq!(form("87–KH/TU"), Form::Party);
        assert_eq!(form("09/KH/UBND"), Form::Slashes);
        assert_eq!(form("72-KH-UBND"), Form::Hyphens);
        assert_eq!(form("321/UBND-VP8"), Form::Other);
        assert_eq!(form("31/2024/QH15"), Form::Other);
        assert_eq!(form("217"), Form::Other);
    }

    #[test]
    fn separators_and_look_alikes_do_not_change_the_identity() {
        let same = |a: &str, b: &str| {
            let (a, b) = (Notation::parse(a).unwrap(), Notation::parse(b).unwrap());
            a.identity().is_some() && a.identity() == b.identity()
        };
        assert!(same("09/KH/UBND", "9/KH-UBND"));
        assert!(same("05-QÐ/TƯ", "5-QD/TW"));
        assert!(same("12//KH--UBND", "12/KH/UBND"));
        assert!(!same("17-NQ/TW", "17-NQ/TU"));
        assert!(!same("217", "217"));
    }

    #[test]
    fn a_symbol_is_taken_apart() {
        let parts = |text: &str| {
            let notation = Notation::parse(text)?;
            let issuer = notation.issuer_parts().collect::<Vec<_>>().join("|");
            Some(format!(
                "{} {:?} {} {issuer}",
                notation.sequence(),
                notation.year,
                notation.type_code()
            ))
        };
        assert_eq!(parts("028/2018/QĐ-TTg").as_deref(), Some("28 Some(2018) QD TTG"));
        assert_eq!(
            parts("12A/2019/TTLT-BTC-BNV").as_deref(),
            Some("12a Some(2019) TTLT BTC|BNV")
        );
        assert_eq!(parts("321/UBND-VP8").as_deref(), Some("321 None  UBND|VP8"));
        assert_eq!(parts("5-KH/TƯ-VP").as_deref(), Some("5 None KH TW|VP"));
        assert_eq!(parts("31/2024/QH15").as_deref(), Some("31 Some(2024)  QH15"));
        assert_eq!(parts("0").as_deref(), Some(" None  "));
        assert_eq!(parts("KH-12"), None);
        assert_eq!(parts("/12"), None);
    }

    #[test]
    fn a_wrapped_line_is_no_space() {
        assert!(Notation::parse("104/KH- UBND").is_some_and(|notation| notation.spaced));
        assert!(Notation::parse("104/KH-\nUBND").is_some_and(|notation| !notation.spaced));
    }
}
