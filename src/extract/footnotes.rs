//! Footnotes.

use crate::{
    document::Document,
    extract::{Footnote, Layout},
};

/// Lists the footnotes that the layout found.
pub fn extract(document: &Document, layout: &Layout) -> Vec<Footnote> {
    let _ = (document, layout);
    Vec::new()
}
