//! The whole chain, bytes to `ReportProcessed`, without external programs.

#![no_main]

use baocao::{
    decode::Limits, extract::PartialDate, pipeline, proto::baocao::v1 as pb, validate::RuleSet, vocabulary::Vocabulary,
    wire,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    // The reader of sheets panics on some broken files, which is caught: libfuzzer must not see it first.
    init: std::panic::set_hook(Box::new(|_| ())),
    |data: &[u8]| {
        let limits = Limits {
            max_text_bytes: 1 << 18,
            max_expanded_bytes: 8 << 20,
            ..Limits::default()
        };
        let rules = RuleSet {
            preview: true,
            ..RuleSet::default()
        };
        let today = PartialDate::new(2026, 1, 1);
        let outcome = pipeline::process(data, "", &limits, Vocabulary::embedded(), &rules, today);
        let message = wire::processed(&pb::ReportSubmission::default(), &outcome, true, None);
        wire::to_json(&message, false).expect("any result is JSON");
    }
);
