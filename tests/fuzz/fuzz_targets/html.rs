//! HTML: any bytes are a document within the limits or a refusal.

#![no_main]

use baocao::decode::html;
use baocao_fuzz::{check, limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = limits();
    check(html::decode(data, &limits), &limits);
});
