//! Figures in tables, whose rows are lines and whose cells stand between bars or tabs.

use crate::{document::Span, extract::Layout, shadow::Reader, vocabulary::Vocabulary};

use super::Figure;

/// A table.
pub(super) struct Table {
    /// All its rows.
    pub(super) span: Span,
    /// The rows' lines.
    rows: Vec<Span>,
}

/// Finds the tables: rows that follow each other.
pub(super) fn find(_text: &str, _layout: &Layout) -> Vec<Table> {
    Vec::new()
}

impl Table {
    /// Reads the figures of its cells.
    pub(super) fn read(&self, _reader: Reader<'_>, _vocabulary: &Vocabulary, _figures: &mut Vec<Figure>) {
        let _ = (&self.rows, self.span);
    }
}
