//! plain text and its encodings: any bytes are a document within the limits or a refusal.

#![no_main]

use baocao::decode::text;
use baocao_fuzz::{check, limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = limits();
    check(text::decode(data, &limits), &limits);
});
