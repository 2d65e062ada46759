//! XLS: any bytes are a document within the limits or a refusal.

#![no_main]

use baocao::decode::xlsx;
use baocao_fuzz::{check, limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    // The reader of sheets panics on some broken files, which is caught: libfuzzer must not see it first.
    init: std::panic::set_hook(Box::new(|_| ())),
    |data: &[u8]| {
        let limits = limits();
        check(xlsx::decode_legacy(data, &limits), &limits);
    }
);
