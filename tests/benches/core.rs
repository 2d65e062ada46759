//! Speed of the core on whole reports: bytes of text a second, each step alone and all together.
//!
//! `cargo bench --bench core`. The real reports are taken where they are, else the invented ones.

use std::{fs, path::Path};

use baocao::{
    alert::AlertPolicy,
    decode::{self, Limits},
    document::Document,
    extract::{self, Layout, PartialDate, Report},
    pipeline,
    proto::baocao::v1 as pb,
    validate::{self, RuleSet},
    vocabulary::Vocabulary,
    wire::{self, borrowed::Message as _},
};
use divan::{Bencher, counter::BytesCount};

const TODAY: PartialDate = PartialDate::new(2026, 1, 1);

fn main() {
    divan::main();
}

/// The reports to measure on.
fn texts() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = root.join("../shared/eval/dev");
    let folder = if shared.is_dir() {
        shared
    } else {
        root.join("tests/reports")
    };
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder of reports can be listed")
        .map(|entry| entry.expect("the folder of reports can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| fs::read(file).expect("a report can be read"))
        .collect()
}

fn documents() -> Vec<Document> {
    let decode = |bytes: &Vec<u8>| decode::decode(bytes, "text/plain", &Limits::default()).expect("a report decodes");
    texts().iter().map(decode).collect()
}

fn reports() -> Vec<(Document, Report)> {
    let vocabulary = Vocabulary::embedded();
    documents()
        .into_iter()
        .map(|document| {
            let report = extract::extract(&document, vocabulary);
            (document, report)
        })
        .collect()
}

fn bytes(texts: &[Vec<u8>]) -> BytesCount {
    BytesCount::new(texts.iter().map(Vec::len).sum::<usize>())
}

#[divan::bench]
fn decode_alone(bencher: Bencher) {
    let texts = texts();
    bencher.counter(bytes(&texts)).bench(|| {
        texts
            .iter()
            .map(|text| decode::decode(text, "text/plain", &Limits::default()).is_ok())
            .filter(|&ok| ok)
            .count()
    });
}

#[divan::bench]
fn layout_alone(bencher: Bencher) {
    let documents = documents();
    bencher
        .counter(bytes(&texts()))
        .bench(|| documents.iter().map(|d| Layout::of(d).notes.len()).sum::<usize>());
}

#[divan::bench]
fn extract_alone(bencher: Bencher) {
    let documents = documents();
    let vocabulary = Vocabulary::embedded();
    bencher.counter(bytes(&texts())).bench(|| {
        documents
            .iter()
            .map(|d| extract::extract(d, vocabulary).measures.len())
            .sum::<usize>()
    });
}

#[divan::bench]
fn validate_alone(bencher: Bencher) {
    let reports = reports();
    let vocabulary = Vocabulary::embedded();
    let rules = RuleSet::default();
    bencher.counter(bytes(&texts())).bench(|| {
        reports
            .iter()
            .map(|(d, r)| validate::validate(d, r, vocabulary, &rules, TODAY).len())
            .sum::<usize>()
    });
}

#[divan::bench]
fn all_to_protobuf(bencher: Bencher) {
    let texts = texts();
    let vocabulary = Vocabulary::embedded();
    let rules = RuleSet::default();
    let submission = pb::ReportSubmission {
        submission_id: "s".into(),
        unit: "H50".into(),
        ..Default::default()
    };
    bencher.counter(bytes(&texts)).bench(|| {
        texts
            .iter()
            .map(|text| {
                let outcome = pipeline::process(text, "text/plain", &Limits::default(), vocabulary, &rules, TODAY);
                let result = wire::result(&submission, &outcome, true, None);
                let alerts = wire::alerts(&submission, &outcome, &result, &AlertPolicy::default());
                result.encode().len() + alerts.iter().map(|alert| alert.encode().len()).sum::<usize>()
            })
            .sum::<usize>()
    });
}
