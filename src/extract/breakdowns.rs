//! Which figures are parts of which total.

use crate::{
    document::Document,
    extract::{Breakdown, Footnote, Layout, Measure},
    vocabulary::Vocabulary,
};

/// Finds the breakdowns among the figures.
pub fn extract(
    document: &Document,
    layout: &Layout,
    vocabulary: &Vocabulary,
    footnotes: &[Footnote],
    measures: &[Measure],
) -> Vec<Breakdown> {
    let _ = (document, layout, vocabulary, footnotes, measures);
    Vec::new()
}
