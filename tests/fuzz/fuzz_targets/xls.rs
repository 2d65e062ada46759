//! XLS: any bytes are a document within the limits or a refusal.

#![no_main]

use baocao::decode::{Limits, xlsx};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        max_text_bytes: 1 << 20,
        max_expanded_bytes: 8 << 20,
        ..Limits::default()
    };
    if let Ok(document) = xlsx::decode_legacy(data, &limits) {
        assert!(document.text.len() <= limits.max_text_bytes);
        let rows = document.tables.iter().flat_map(|table| &table.rows);
        for cell in rows.flat_map(|row| &row.cells) {
            assert!(document.text.get(cell.span.range()).is_some());
        }
    }
});
