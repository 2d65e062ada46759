//! What the targets share: limits small enough to be reached, and what is true of any document within them.

use std::io::{Cursor, Write};

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

/// A package of these parts as they are, or what is left of one: mutations of compressed parts would seldom get past
/// the checksums, so that inputs are the parts, with a zero byte between them.
pub fn package(data: &[u8], names: &[&str], fixed: &[(&str, &str)]) -> Vec<u8> {
    if data.starts_with(b"PK") {
        return data.to_vec();
    }
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let parts = names.iter().copied().zip(data.split(|&byte| byte == 0));
    let fixed = fixed.iter().map(|&(name, text)| (name, text.as_bytes()));
    for (name, content) in fixed.chain(parts) {
        zip.start_file(name, stored).expect("the names differ");
        zip.write_all(content).expect("memory does not fail");
    }
    zip.finish().expect("memory does not fail").into_inner()
}
