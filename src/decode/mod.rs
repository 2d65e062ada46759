//! Bytes to [`Document`]: a file for each format.

use crate::document::Document;

pub mod text;

/// Bounds on what is decoded; more is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest input, in bytes.
    pub max_bytes: usize,
    /// Longest decoded text, in bytes.
    pub max_text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 32 << 20,
            max_text_bytes: 16 << 20,
        }
    }
}

/// Why a document cannot be read. Says what happened and what to do, without the document's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A stable word for programs ("too-large").
    pub reason: RefusalReason,
    /// The limit or defect, in Vietnamese.
    pub message_vi: String,
    /// The limit or defect, in English.
    pub message_en: String,
}

/// The kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalReason {
    /// No bytes, or nothing but white space.
    Empty,
    /// More bytes than a limit allows.
    TooLarge,
    /// A format that baocao does not read.
    UnsupportedFormat,
    /// Says it is text, and is not.
    NotText,
    /// Not a message of the expected type.
    Malformed,
    /// Handling it failed again and again.
    Poisonous,
}

impl RefusalReason {
    /// The stable word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            RefusalReason::Empty => "empty",
            RefusalReason::TooLarge => "too-large",
            RefusalReason::UnsupportedFormat => "unsupported-format",
            RefusalReason::NotText => "not-text",
            RefusalReason::Malformed => "malformed",
            RefusalReason::Poisonous => "poisonous",
        }
    }
}

/// Decodes a document. `media_type` is what the sender says; empty means: look at the bytes.
pub fn decode(bytes: &[u8], media_type: &str, limits: &Limits) -> Result<Document, Refusal> {
    let _ = media_type;
    text::decode(bytes, limits)
}
