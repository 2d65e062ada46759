//! what Tesseract prints of a page, and the headers of images: any bytes are a document within the limits or a refusal.

#![no_main]

use baocao::decode::ocr;
use baocao_fuzz::{check, limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (limits, output) = (limits(), String::from_utf8_lossy(data));
    check(ocr::decode_tsv(&output, &limits), &limits);
    if let Ok((_, (width, height))) = ocr::image::size(data) {
        assert!(width > 0 && height > 0);
    }
});
