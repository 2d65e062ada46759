//! How the number and symbol of a document is written, separators and all.
//!
//! Extraction reads every notation with tolerance; a rule that judges the notation itself looks
//! at the characters again, here.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::{
    document::Span,
    validate::{Context, support::text::fold_code},
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

/// A number and symbol, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notation {
    /// The running number without leading zeros, with its letter if it has one.
    pub sequence: String,
    /// The year inside the number.
    pub year: Option<u16>,
    /// The type code, folded; empty when there is none.
    pub type_code: String,
    /// The parts of the issuer code, folded.
    pub issuer: Vec<String>,
    /// The order of the separators.
    pub form: Form,
    /// Whether a space stands inside.
    pub spaced: bool,
}

/// What makes two symbols the same number: all but the separators.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// The running number.
    pub sequence: String,
    /// The year inside the number.
    pub year: Option<u16>,
    /// The type code, folded.
    pub type_code: String,
    /// The issuer code, folded, joined by hyphens.
    pub issuer: String,
}

impl Notation {
    /// Takes apart the symbol at a place in the document.
    pub fn of(context: &Context<'_>, symbol: Span) -> Option<Self> {
        Self::parse(context.str(symbol))
    }

    /// Takes apart a symbol; None when it does not begin with a number.
    pub fn parse(text: &str) -> Option<Self> {
        let (pieces, spaced) = pieces(text.trim());
        let mut pieces = pieces.into_iter();
        let (_, first) = pieces.next()?;
        if !first.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let sequence = first.trim_start_matches('0').to_lowercase();
        let mut rest: Vec<(char, String)> = pieces.collect();
        let mut year = None;
        if let Some(('/', piece)) = rest.first()
            && let Some(found) = year_of(piece)
        {
            year = Some(found);
            rest.remove(0);
        }
        let has_type = rest.len() >= 2 && type_words(&fold_code(&rest[0].1)).is_some();
        let form = match (has_type, rest.first(), rest.get(1)) {
            (true, Some(('/', _)), Some(('-', _))) => Form::State,
            (true, Some(('-', _)), Some(('/', _))) => Form::Party,
            (true, Some(('/', _)), Some(('/', _))) => Form::Slashes,
            (true, Some(('-', _)), Some(('-', _))) => Form::Hyphens,
            _ => Form::Other,
        };
        let type_code = if has_type { fold_code(&rest[0].1) } else { String::new() };
        let issuer = rest[usize::from(has_type)..]
            .iter()
            .map(|(_, code)| fold_code(code))
            .collect();
        Some(Self {
            sequence,
            year,
            type_code,
            issuer,
            form,
            spaced,
        })
    }

    /// The number apart from its separators; None for a bare number, which identifies nothing.
    pub fn identity(&self) -> Option<Identity> {
        if self.issuer.is_empty() {
            return None;
        }
        Some(Identity {
            sequence: self.sequence.clone(),
            year: self.year,
            type_code: self.type_code.clone(),
            issuer: self.issuer.join("-"),
        })
    }
}

fn year_of(piece: &str) -> Option<u16> {
    if piece.len() != 4 {
        return None;
    }
    piece.parse().ok().filter(|year| (1945..=2100).contains(year))
}

/// The runs between separators, each with the separator before it, and whether a space stands
/// inside. A line break is no space: the line was wrapped there.
fn pieces(text: &str) -> (Vec<(char, String)>, bool) {
    let mut pieces = vec![(' ', String::new())];
    let mut spaced = false;
    for c in text.chars() {
        let separator = match c {
            '/' => Some('/'),
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
            _ => None,
        };
        match separator {
            // A separator printed twice is one.
            Some(mark)
                if pieces
                    .last()
                    .is_some_and(|(before, piece)| piece.is_empty() && *before == mark) => {}
            Some(mark) => pieces.push((mark, String::new())),
            None if c == ' ' || c == '\t' || c == '\u{A0}' => spaced = true,
            None if c.is_whitespace() || c == '*' || c == '_' => {}
            None => {
                if let Some((_, piece)) = pieces.last_mut() {
                    piece.push(c);
                }
            }
        }
    }
    (pieces, spaced)
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
        let identity = |text: &str| Notation::parse(text).and_then(|notation| notation.identity());
        assert_eq!(identity("09/KH/UBND"), identity("9/KH-UBND"));
        assert_eq!(identity("05-QÐ/TƯ"), identity("5-QD/TW"));
        assert_ne!(identity("17-NQ/TW"), identity("17-NQ/TU"));
        assert_eq!(identity("217"), None);
    }

    #[test]
    fn a_wrapped_line_is_no_space() {
        assert!(Notation::parse("104/KH- UBND").is_some_and(|notation| notation.spaced));
        assert!(Notation::parse("104/KH-\nUBND").is_some_and(|notation| !notation.spaced));
    }
}
