//! edXML packets: any bytes are a document within the limits or a refusal.

#![no_main]

use baocao::decode::edxml;
use baocao_fuzz::{check, limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = limits();
    check(edxml::decode(data, &limits), &limits);
});
