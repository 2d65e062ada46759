//! Headings and their levels.

use crate::{
    document::Document,
    extract::{Layout, Section},
    vocabulary::Vocabulary,
};

/// Finds the headings.
pub fn extract(document: &Document, layout: &Layout, vocabulary: &Vocabulary) -> Vec<Section> {
    let _ = (document, layout, vocabulary);
    Vec::new()
}
