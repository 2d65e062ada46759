//! What the targets share: limits small enough to be reached, and what is true of any document within them.

use baocao::{
    decode::{Limits, Refusal},
    document::Document,
};

/// Limits that little inputs reach.
pub fn limits() -> Limits {
    Limits {
        max_text_bytes: 1 << 20,
        max_expanded_bytes: 8 << 20,
        ..Limits::default()
    }
}

/// A document is within the limits and its places lie within its text; a refusal says why in both languages.
pub fn check(decoded: Result<Document, Refusal>, limits: &Limits) {
    let document = match decoded {
        Ok(document) => document,
        Err(refusal) => {
            assert!(!refusal.message_vi.is_empty() && !refusal.message_en.is_empty());
            return;
        }
    };
    assert!(document.text.len() <= limits.max_text_bytes);
    for table in &document.tables {
        assert!(document.text.get(table.span.range()).is_some());
        for row in &table.rows {
            assert!(document.text.get(row.span.range()).is_some());
            for cell in &row.cells {
                assert!(document.text.get(cell.span.range()).is_some());
                assert!(cell.columns >= 1);
            }
        }
    }
    for page in &document.pages {
        assert!(document.text.get(page.span.range()).is_some());
        assert!(page.confidence.is_none_or(|sure| sure <= 100));
    }
}
