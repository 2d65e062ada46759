//! what poppler prints of a PDF: any bytes are a document within the limits or a refusal.

#![no_main]

use baocao::decode::pdf;
use baocao_fuzz::{check, limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (limits, output) = (limits(), String::from_utf8_lossy(data));
    check(pdf::decode_layout(&output, &limits), &limits);
    let pages = pdf::bbox::pages(&output);
    assert_eq!(pdf::scans::listed(&output, &pages).len(), pages.len());
});
