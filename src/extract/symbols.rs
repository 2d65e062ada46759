//! Numbers and symbols of documents (số, ký hiệu): 43/KH-UBND, 87-KH/TU, 28/2018/QĐ-TTg.
//!
//! Grammar and sources: Decree 30/2020/NĐ-CP, annex III, for state bodies; Guideline 36-HD/VPTW
//! for Party bodies. Forms met in practice and read all the same: inner spaces ("104/KH- UBND"),
//! swapped separators ("72-KH-UBND", "09/KH/UBND"), `–` for `-`, `D` or `Ð` for `Đ`.

use crate::document::Span;

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
