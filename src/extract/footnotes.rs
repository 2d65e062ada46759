//! Footnotes.

use crate::extract::{Footnote, Layout};

/// Lists the footnotes that the layout found.
pub fn extract(layout: &Layout) -> Vec<Footnote> {
    layout
        .notes
        .iter()
        .map(|note| Footnote {
            mark: note.mark,
            span: note.body,
        })
        .collect()
}
