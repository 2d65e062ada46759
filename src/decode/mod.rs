//! Bytes to [`Document`]: a file for each format.
//!
//! A new format is one file here and one line in [`FORMATS`].

use std::time::Instant;

use serde::{
    Deserialize, Serialize,
    de::{self, IntoDeserializer},
};

use crate::document::Document;

mod blocks;
pub mod docx;
pub mod edxml;
pub mod encoding;
pub mod external;
pub mod geometry;
pub mod html;
pub mod ocr;
pub mod office;
mod package;
pub mod pdf;
pub mod sandbox;
mod sniff;
pub mod text;
pub mod xlsx;
mod xml;

/// Bounds on what is decoded; more is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest input, in bytes.
    pub max_bytes: usize,
    /// Longest decoded text, in bytes.
    pub max_text_bytes: usize,
    /// Most bytes that the parts of a compressed document expand to, all in all.
    pub max_expanded_bytes: usize,
    /// Most parts (files) in a compressed document.
    pub max_parts: usize,
    /// Deepest nesting of elements.
    pub max_depth: usize,
    /// Most paragraphs.
    pub max_paragraphs: usize,
    /// Most cells of tables, those that cover several columns counted so often.
    pub max_cells: usize,
    /// Most attachments of an edXML packet.
    pub max_attachments: usize,
    /// Most pixels of an image or a page.
    pub max_pixels: u64,
    /// Most pages of a document that are recognised.
    pub max_ocr_pages: usize,
    /// Dots an inch at which scans are read.
    pub ocr_dpi: u32,
    /// How many pages of a document are recognised at once; 0: as many as there are processors.
    pub ocr_parallel: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 32 << 20,
            max_text_bytes: 16 << 20,
            max_expanded_bytes: 128 << 20,
            max_parts: 4096,
            max_depth: 256,
            max_paragraphs: 200_000,
            max_cells: 400_000,
            max_attachments: 50,
            max_pixels: 50_000_000,
            max_ocr_pages: 200,
            ocr_dpi: 200,
            ocr_parallel: 0,
        }
    }
}

/// Why a document cannot be read. Says what happened and what to do, without the document's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The kind of refusal, a stable word for programs.
    pub reason: RefusalReason,
    /// The limit or defect, in Vietnamese.
    pub message_vi: String,
    /// The limit or defect, in English.
    pub message_en: String,
}

impl Refusal {
    /// A refusal with its two messages.
    pub fn new(reason: RefusalReason, message_vi: impl Into<String>, message_en: impl Into<String>) -> Self {
        Self {
            reason,
            message_vi: message_vi.into(),
            message_en: message_en.into(),
        }
    }

    /// A document with more of something than a limit allows: what there is too much of, the limit and its setting.
    pub fn too_many(what: (&str, &str), limit: usize, setting: &str) -> Self {
        Self::new(
            RefusalReason::TooLarge,
            format!("{} vượt giới hạn {limit} ({setting})", what.0),
            format!("{} over the limit of {limit} ({setting})", what.1),
        )
    }

    /// A document that is broken: how.
    pub fn malformed(vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(RefusalReason::Malformed, vi, en)
    }

    /// A document over a limit: what is too large, its size, the limit and its setting.
    pub fn too_large(what: (&str, &str), size: usize, limit: usize, setting: &str) -> Self {
        Self::new(
            RefusalReason::TooLarge,
            format!(
                "{} {size} byte, vượt giới hạn {limit} byte ({setting}); hãy chia nhỏ báo cáo",
                what.0
            ),
            format!(
                "{} of {size} bytes is over the limit of {limit} ({setting}); split the report",
                what.1
            ),
        )
    }
}

/// The kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    /// It asks for a password.
    Encrypted,
    /// A packet that carries no document, such as a status message.
    NoReport,
    /// Decoding it took more memory, time or output than a limit allows.
    LimitExceeded,
    /// A program that its format needs is not installed.
    MissingProgram,
    /// The decoder itself failed.
    DecoderFailed,
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
            RefusalReason::Encrypted => "encrypted",
            RefusalReason::NoReport => "no-report",
            RefusalReason::LimitExceeded => "limit-exceeded",
            RefusalReason::MissingProgram => "missing-program",
            RefusalReason::DecoderFailed => "decoder-failed",
            RefusalReason::Poisonous => "poisonous",
        }
    }

    /// The reason that has this word.
    pub fn from_word(word: &str) -> Option<Self> {
        let word: de::value::StrDeserializer<'_, de::value::Error> = word.into_deserializer();
        Self::deserialize(word).ok()
    }
}

/// A format baocao reads.
struct Format {
    /// Media types senders give it.
    media_types: &'static [&'static str],
    decode: fn(&[u8], &Limits) -> Result<Document, Refusal>,
}

const FORMATS: &[Format] = &[
    Format {
        media_types: &["text/plain", "text/markdown", "text/x-markdown"],
        decode: text::decode,
    },
    Format {
        media_types: &[docx::MEDIA_TYPE],
        decode: docx::decode,
    },
    Format {
        media_types: &[edxml::MEDIA_TYPE, "application/edxml", "application/edxml+xml"],
        decode: edxml::decode,
    },
    Format {
        media_types: &[html::MEDIA_TYPE, "application/xhtml+xml"],
        decode: html::decode,
    },
    Format {
        media_types: &[xlsx::MEDIA_TYPE],
        decode: xlsx::decode,
    },
    Format {
        media_types: &[xlsx::LEGACY_MEDIA_TYPE],
        decode: xlsx::decode_legacy,
    },
];

/// A PDF begins within so many bytes, whatever gateways put in front of it.
const PDF_HEAD: usize = 1024;

/// Formats that external programs read; only the sandbox's child process decodes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternalFormat {
    /// PDF, with text or scanned.
    Pdf,
    /// PNG, JPEG, TIFF.
    Image,
    /// DOC, RTF.
    Office,
    /// edXML, for its attachments may be any of these.
    Packet,
}

impl ExternalFormat {
    /// The format that the first bytes tell, if it is one of these.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let head = &bytes[..bytes.len().min(PDF_HEAD)];
        if ocr::image::Kind::of(bytes).is_some() {
            return Some(Self::Image);
        }
        if office::Kind::of(bytes).is_some() {
            return Some(Self::Office);
        }
        if memchr::memmem::find(head, b"%PDF-").is_some() {
            return Some(Self::Pdf);
        }
        (sniff::media_type(bytes) == Some(edxml::MEDIA_TYPE)).then_some(Self::Packet)
    }
}

/// Decodes a document of any format, with the programs that its format needs. For the sandbox's
/// child process: the programs have bugs.
pub fn decode_anything(
    bytes: &[u8],
    media_type: &str,
    limits: &Limits,
    shop: &external::Workshop,
) -> Result<Document, Refusal> {
    match ExternalFormat::of(bytes) {
        Some(_) if bytes.len() > limits.max_bytes => decode(bytes, media_type, limits),
        Some(ExternalFormat::Pdf) => pdf::decode(bytes, limits, shop),
        Some(ExternalFormat::Image) => ocr::decode(bytes, limits, shop),
        Some(ExternalFormat::Office) => office::decode(bytes, limits, shop),
        Some(ExternalFormat::Packet) => {
            let mut has_document = false;
            edxml::decode_with(bytes, limits, &mut |bytes, media_type| {
                if has_document && Instant::now() > shop.late_from {
                    return Err(edxml::no_time());
                }
                let decoded = decode_anything(bytes, media_type, limits, shop);
                has_document |= decoded.is_ok();
                decoded
            })
        }
        None => decode(bytes, media_type, limits),
    }
}

/// Whether a document is plain text, as far as its first bytes tell, which is decoded where it is.
pub fn is_plain(bytes: &[u8], media_type: &str) -> bool {
    let media_type = essence(media_type);
    let told_text = UNTOLD.contains(&media_type.as_str()) || FORMATS[0].media_types.contains(&media_type.as_str());
    let head = &bytes[..bytes.len().min(PDF_HEAD)];
    let binary = UNREAD.iter().any(|(magic, _)| head.starts_with(magic));
    told_text && !binary && sniff::media_type(bytes).is_none() && ExternalFormat::of(bytes).is_none()
}

/// A media type without its parameters, in small letters.
pub fn essence(media_type: &str) -> String {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// The media type that the first bytes of a document tell; empty for none that is read.
pub fn sniffed(bytes: &[u8]) -> &'static str {
    match ExternalFormat::of(bytes) {
        Some(ExternalFormat::Pdf) => "application/pdf",
        Some(ExternalFormat::Image) => "image/*",
        Some(ExternalFormat::Office) => "application/msword",
        Some(ExternalFormat::Packet) => edxml::MEDIA_TYPE,
        None if is_plain(bytes, "") => FORMATS[0].media_types[0],
        None => sniff::media_type(bytes).unwrap_or_default(),
    }
}

/// Media types that say nothing of the content.
const UNTOLD: &[&str] = &["", "application/octet-stream", "binary/octet-stream"];

/// First bytes of formats other than plain text, and their names.
const UNREAD: &[(&[u8], &str)] = &[
    (b"%PDF-", "PDF"),
    (b"PK\x03\x04", "ZIP/DOCX/XLSX"),
    (b"\xD0\xCF\x11\xE0", "DOC/XLS"),
    (b"{\\rtf", "RTF"),
    (b"\x89PNG", "PNG"),
    (b"\xFF\xD8\xFF", "JPEG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"\x1F\x8B", "GZIP"),
    (b"<?xml", "XML"),
    (b"<!DOCTYPE html", "HTML"),
    (b"<html", "HTML"),
];

/// Decodes a document. `media_type` is what the sender says; where it is empty, unknown or
/// contradicted by the first bytes, these decide.
pub fn decode(bytes: &[u8], media_type: &str, limits: &Limits) -> Result<Document, Refusal> {
    if bytes.len() > limits.max_bytes {
        return Err(Refusal::too_large(
            ("tệp", "the document"),
            bytes.len(),
            limits.max_bytes,
            "decode.max_bytes",
        ));
    }
    let of = |media_type: &str| FORMATS.iter().find(|format| format.media_types.contains(&media_type));
    if let Some(format) = sniff::media_type(bytes).and_then(of) {
        return (format.decode)(bytes, limits);
    }
    if let Some((_, name)) = UNREAD.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(unsupported(name));
    }
    let media_type = media_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match of(&media_type) {
        Some(format) => (format.decode)(bytes, limits),
        None if UNTOLD.contains(&media_type.as_str()) || media_type.starts_with("text/") => text::decode(bytes, limits),
        None => Err(unsupported(&printable(&media_type))),
    }
}

/// At most 60 printable ASCII characters of what a sender wrote, for a message.
fn printable(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(60).collect()
}

fn unsupported(format: &str) -> Refusal {
    Refusal::new(
        RefusalReason::UnsupportedFormat,
        format!("chưa đọc được định dạng {format}; hãy gửi văn bản thuần UTF-8"),
        format!("the format {format} is not read; send plain UTF-8 text"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(bytes: &[u8], media_type: &str) -> RefusalReason {
        decode(
            bytes,
            media_type,
            &Limits {
                max_bytes: 1000,
                max_text_bytes: 500,
                ..Limits::default()
            },
        )
        .unwrap_err()
        .reason
    }

    #[test]
    fn text_is_read_whatever_the_sender_calls_it() {
        for media_type in [
            "",
            "text/plain",
            "text/plain; charset=utf-8",
            "TEXT/MARKDOWN",
            "application/octet-stream",
        ] {
            let document = decode("BÁO CÁO".as_bytes(), media_type, &Limits::default()).unwrap();
            assert_eq!(document.text, "BÁO CÁO");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_reason() {
        assert_eq!(reason(b"", ""), RefusalReason::Empty);
        assert_eq!(reason(b" \n\t ", "text/plain"), RefusalReason::Empty);
        assert_eq!(reason(&[b'a'; 1001], ""), RefusalReason::TooLarge);
        assert_eq!(reason(&[b'a'; 501], ""), RefusalReason::TooLarge);
        assert_eq!(reason(b"%PDF-1.7", "text/plain"), RefusalReason::UnsupportedFormat);
        assert_eq!(reason(b"hello", "image/png"), RefusalReason::UnsupportedFormat);
        assert_eq!(reason(b"\xFF\xFEa\x00b", ""), RefusalReason::NotText);
        assert_eq!(reason(b"a\x00b", ""), RefusalReason::NotText);
    }
}
