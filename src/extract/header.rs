//! Masthead, title and period.

use crate::{
    document::Document,
    extract::{Header, Layout},
    vocabulary::Vocabulary,
};

/// Reads the masthead and the title.
pub fn extract(document: &Document, layout: &Layout, vocabulary: &Vocabulary) -> Header {
    let _ = (document, layout, vocabulary);
    Header::default()
}
