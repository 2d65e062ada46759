//! The decoded document: its text, its lines, and the two ways of counting positions in it.
//!
//! Inside baocao a position is a byte offset into the UTF-8 text, which slices without a search.
//! Other services see code points ([`CodePoints`] converts), which slice a Java, C#, JavaScript
//! or Python string alike, since Vietnamese text lies in the basic plane.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::packet::{AttachedFile, Envelope};

/// A piece of the text, as byte offsets that lie on character boundaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

impl Span {
    /// The span from `start` up to `end`.
    pub fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end);
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    /// Whether the span holds nothing.
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        (self.end.saturating_sub(self.start)) as usize
    }

    /// The offsets as a range, for slicing.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The text of the span.
    pub fn of(self, text: &str) -> &str {
        &text[self.range()]
    }

    /// Whether the two spans share a byte.
    pub fn overlaps(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether `other` lies within this span.
    pub fn contains(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The smallest span over both.
    pub fn join(self, other: Span) -> Span {
        Span {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// A decoded document. The text is NFC, its lines end in `\n`, it has no byte-order mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The text all spans refer to; shorter than 4 GiB.
    pub text: String,
    /// The media type it was read as.
    pub media_type: &'static str,
    /// The character encoding it was read from.
    pub encoding: &'static str,
    /// Its tables, in order; empty where the format does not tell tables from text.
    pub tables: Vec<Table>,
    /// Its pages, in order; empty where the format has none.
    pub pages: Vec<Page>,
    /// What the packet says that it came in.
    pub envelope: Option<Box<Envelope>>,
    /// The files of that packet, in order.
    pub attachments: Vec<AttachedFile>,
    line_starts: Vec<u32>,
}

/// A table that the format marks as one. In the text each row is a line, its cells between bars.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// From the first row to the last.
    pub span: Span,
    /// The rows, from the top.
    pub rows: Vec<Row>,
}

/// A row of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The line.
    pub span: Span,
    /// The cells, from the left. A column that a neighbour covers has none.
    pub cells: Vec<Cell>,
}

/// A cell of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Its text; empty for an empty cell.
    pub span: Span,
    /// Its first column, from 0.
    pub column: u32,
    /// How many columns it covers, at least 1.
    pub columns: u32,
    /// Whether it goes on with the cell above it, which has the text.
    pub continued: bool,
}

/// A page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Its text.
    pub span: Span,
    /// How sure character recognition is of its text, 0 to 100; absent for text that was not recognised.
    pub confidence: Option<u8>,
}

impl Document {
    /// A document of decoded text.
    pub fn new(text: String, media_type: &'static str, encoding: &'static str) -> Self {
        let newlines = memchr::memchr_iter(b'\n', text.as_bytes()).map(|i| i as u32 + 1);
        let line_starts = std::iter::once(0).chain(newlines).collect();
        Self {
            text,
            media_type,
            encoding,
            tables: Vec::new(),
            pages: Vec::new(),
            envelope: None,
            attachments: Vec::new(),
            line_starts,
        }
    }

    /// The document with its tables.
    pub fn with_tables(mut self, tables: Vec<Table>) -> Self {
        self.tables = tables;
        self
    }

    /// The document with its pages.
    pub fn with_pages(mut self, pages: Vec<Page>) -> Self {
        self.pages = pages;
        self
    }

    /// A document of plain text, as tests and the command line have it.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(text.into(), "text/plain", "UTF-8")
    }

    /// Number of lines; a text that ends in a line break has an empty last line.
    pub fn lines(&self) -> usize {
        self.line_starts.len()
    }

    /// The line with this index, without its line break.
    pub fn line(&self, index: usize) -> Span {
        let end = match self.line_starts.get(index + 1) {
            Some(&next) => next as usize - 1,
            None => self.text.len(),
        };
        Span::new(self.line_starts[index] as usize, end)
    }

    /// Index of the line that holds the byte offset.
    pub fn line_at(&self, offset: u32) -> usize {
        self.line_starts.partition_point(|&start| start <= offset) - 1
    }

    /// Line and column of a byte offset, both from 1; the column counts code points.
    pub fn line_and_column(&self, offset: u32) -> (usize, usize) {
        let line = self.line_at(offset);
        let start = self.line_starts[line] as usize;
        (line + 1, self.text[start..offset as usize].chars().count() + 1)
    }
}

/// Converts byte offsets of a text into code point offsets, in constant time each.
#[derive(Debug)]
pub struct CodePoints<'t> {
    text: &'t [u8],
    /// Code points before each block.
    before: Vec<u32>,
}

const BLOCK: usize = 128;

impl<'t> CodePoints<'t> {
    /// Counts the code points of `text`, block by block.
    pub fn new(text: &'t str) -> Self {
        let text = text.as_bytes();
        let mut before = Vec::with_capacity(text.len() / BLOCK + 1);
        let mut count = 0;
        for block in text.chunks(BLOCK) {
            before.push(count);
            count += starts(block);
        }
        Self { text, before }
    }

    /// The code point offset of a byte offset.
    pub fn of(&self, offset: u32) -> u32 {
        let offset = offset as usize;
        let block = (offset / BLOCK).min(self.before.len().saturating_sub(1));
        let before = self.before.get(block).copied().unwrap_or(0);
        before + starts(&self.text[block * BLOCK..offset])
    }

    /// The byte offset of a code point offset; None behind the end.
    pub fn byte_at(&self, offset: u32) -> Option<u32> {
        let block = self
            .before
            .partition_point(|&before| before <= offset)
            .saturating_sub(1);
        let mut left = offset - self.before.get(block).copied().unwrap_or(0);
        for (at, &byte) in self.text.iter().enumerate().skip(block * BLOCK) {
            if byte & 0xC0 != 0x80 {
                if left == 0 {
                    return Some(at as u32);
                }
                left -= 1;
            }
        }
        (left == 0).then_some(self.text.len() as u32)
    }

    /// Length of the text in code points.
    pub fn len(&self) -> u32 {
        self.of(self.text.len() as u32)
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// Number of bytes of a block that begin a character.
fn starts(block: &[u8]) -> u32 {
    // A block has fewer bytes than a byte counts, so that the compiler counts sixteen at a time.
    const { assert!(BLOCK <= u8::MAX as usize) };
    let is_start = |byte: u8| u8::from(byte & 0xC0 != 0x80);
    block.iter().fold(0, |count: u8, &byte| count + is_start(byte)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_code_points_from_one() {
        let document = Document::plain("Số: 5\nQuyết định\n");
        assert_eq!(document.lines(), 3);
        assert_eq!(document.line(1).of(&document.text), "Quyết định");
        let offset = document.text.find("định").unwrap() as u32;
        assert_eq!(document.line_and_column(offset), (2, 7));
    }

    #[test]
    fn code_points_agree_with_counting() {
        let text = "Ủy ban nhân dân tỉnh báo cáo; ".repeat(40);
        let index = CodePoints::new(&text);
        for (expected, (offset, _)) in text.char_indices().enumerate() {
            assert_eq!(index.of(offset as u32), expected as u32);
            assert_eq!(index.byte_at(expected as u32), Some(offset as u32));
        }
        assert_eq!(index.byte_at(index.len()), Some(text.len() as u32));
        assert_eq!(index.byte_at(index.len() + 1), None);
        assert_eq!(CodePoints::new("").byte_at(0), Some(0));
        assert_eq!(index.len(), text.chars().count() as u32);
        assert_eq!(CodePoints::new("").len(), 0);
    }
}
