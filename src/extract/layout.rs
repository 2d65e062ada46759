//! The lines of the document: what each is, where sentences go on across line and page breaks,
//! and where body, footnotes and closing lie.

use crate::{
    document::{Document, Span},
    shadow::{Flow, Reader},
};

/// What the extractors need to know of the document's lines.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Joins between the end of one line and the start of the one where its sentence goes on.
    pub flow: Flow,
    /// From behind the masthead (the title included) to the end of the closing words.
    pub body: Span,
    /// The title of the report, below its type word; empty when there is none.
    pub title: Span,
    /// From the signatures and "Nơi nhận" to the end of the text (appendices excepted).
    pub closing: Span,
    /// Footnotes: their marks and bodies.
    pub notes: Vec<Note>,
    /// Labels of list items and headings at line starts ("1.", "a)", "II-"): no figures.
    pub labels: Vec<Span>,
}

/// A footnote at the foot of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its mark at the start of the note.
    pub mark: Span,
    /// Its body.
    pub body: Span,
    /// Its mark in the text, where found.
    pub reference: Option<Span>,
}

impl Layout {
    /// Reads the lines of a document.
    pub fn of(document: &Document) -> Self {
        Self {
            body: Span::new(0, document.text.len()),
            ..Self::default()
        }
    }

    /// A reader of the document that goes on across line and page breaks inside sentences.
    pub fn reader<'t>(&'t self, document: &'t Document) -> Reader<'t> {
        Reader::new(&document.text, &self.flow)
    }
}
