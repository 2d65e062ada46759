//! What worker and decoder say to each other: a job, the document's bytes, what became of it.
//!
//! Each is a frame: its length in four bytes, then so many bytes. A decoder may have been taken over
//! by what it read, so nothing it says is believed: lengths are capped, offsets are checked.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use super::SandboxLimits;
use crate::{
    decode::{Limits, Refusal, external::Programs},
    document::{Document, Page, Span, Table},
    packet::{AttachedFile, Envelope},
};

/// What a decoder is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// What the sender says the document is.
    pub media_type: String,
    /// Bounds on the document.
    pub limits: Limits,
    /// Bounds on the process.
    pub sandbox: SandboxLimits,
    /// Whether external programs may run, and which there are.
    pub programs: Option<Programs>,
    /// Whether they may make sockets where LibreOffice wants one.
    pub sockets: bool,
    /// A private folder for them.
    pub folder: PathBuf,
}

/// A decoded document on its way from the decoder.
#[derive(Debug, Serialize, Deserialize)]
pub struct Decoded {
    text: String,
    media_type: String,
    encoding: String,
    tables: Vec<Table>,
    pages: Vec<Page>,
    envelope: Option<Box<Envelope>>,
    attachments: Vec<AttachedFile>,
}

/// What a decoder answers.
pub type Answer = Result<Decoded, Refusal>;

impl From<Document> for Decoded {
    fn from(document: Document) -> Self {
        Self {
            media_type: document.media_type.into(),
            encoding: document.encoding.into(),
            text: document.text,
            tables: document.tables,
            pages: document.pages,
            envelope: document.envelope,
            attachments: document.attachments,
        }
    }
}

impl Decoded {
    /// The document, if all its offsets lie in its text and it is no longer than allowed.
    pub fn document(self, limits: &Limits) -> Option<Document> {
        let text = self.text.as_str();
        let lies_within = |span: &Span| {
            let (start, end) = (span.start as usize, span.end as usize);
            start <= end && text.is_char_boundary(start) && text.is_char_boundary(end)
        };
        let rows = || self.tables.iter().flat_map(|table| &table.rows);
        let sound = text.len() <= limits.max_text_bytes
            && self.attachments.len() <= limits.max_attachments
            && self.pages.iter().all(|page| lies_within(&page.span))
            && self.tables.iter().all(|table| lies_within(&table.span))
            && rows().all(|row| lies_within(&row.span) && row.cells.iter().all(|cell| lies_within(&cell.span)));
        sound.then(|| {
            let mut document = Document::new(self.text, known(&self.media_type), known(&self.encoding))
                .with_tables(self.tables)
                .with_pages(self.pages);
            document.envelope = self.envelope;
            document.attachments = self.attachments;
            document
        })
    }
}

/// Media types and encodings that decoders name.
const KNOWN: &[&str] = &[
    "text/plain",
    "text/html",
    "text/rtf",
    "application/rtf",
    "application/pdf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "image/png",
    "image/jpeg",
    "image/tiff",
    "UTF-8",
    "UTF-16",
    "UTF-16LE",
    "UTF-16BE",
    "TCVN3",
    "VNI",
    "windows-1258",
    "windows-1252",
    "PDF",
    "OCR",
];

/// The media type or encoding of this name; "unknown" for one that no decoder gives.
pub fn known(word: &str) -> &'static str {
    KNOWN.iter().find(|&&known| known == word).copied().unwrap_or("unknown")
}

/// Writes a frame.
pub fn write(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(bytes)?;
    to.flush()
}

/// Reads a frame; one longer than `max` is an error.
pub fn read(from: &mut impl Read, max: usize) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Vec::new();
    from.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_as_they_went_and_no_longer() {
        let mut pipe = Vec::new();
        write(&mut pipe, b"abc").unwrap();
        assert_eq!(read(&mut pipe.as_slice(), 3).unwrap(), b"abc");
        assert_eq!(
            read(&mut pipe.as_slice(), 2).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
        assert!(read(&mut &pipe[..5], 3).is_err());
        assert!(read(&mut &b"\xFF\xFF\xFF\xFF"[..], usize::MAX).is_err());
    }

    #[test]
    fn a_document_with_offsets_beside_its_text_is_not_believed() {
        let page = |start, end| Page {
            span: Span { start, end },
            confidence: None,
        };
        let decoded = |pages| Decoded {
            text: "Số".into(),
            media_type: "application/pdf".into(),
            encoding: "?".into(),
            tables: vec![],
            pages,
            envelope: None,
            attachments: vec![],
        };
        let limits = Limits::default();
        let document = decoded(vec![page(0, 4)]).document(&limits).unwrap();
        assert_eq!((document.media_type, document.encoding), ("application/pdf", "unknown"));
        for pages in [page(0, 5), page(2, 4), page(1, 0)] {
            assert!(decoded(vec![pages]).document(&limits).is_none());
        }
        let short = Limits {
            max_text_bytes: 3,
            ..limits
        };
        assert!(decoded(vec![]).document(&short).is_none());
    }
}
