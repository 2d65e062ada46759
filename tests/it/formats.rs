//! The same report in every format gives what its plain text gives.

use std::fs;

use baocao::{
    decode::Limits,
    extract::PartialDate,
    pipeline::{self, Outcome},
    proto::baocao::v1 as pb,
    validate::RuleSet,
    vocabulary::Vocabulary,
    wire,
};

fn process(path: &str) -> pb::ReportProcessed {
    let bytes = fs::read(path).unwrap();
    let outcome = pipeline::process(
        &bytes,
        "",
        &Limits::default(),
        Vocabulary::embedded(),
        &RuleSet::default(),
        PartialDate::new(2026, 1, 1),
    );
    if let Outcome::Refused(refusal) = &outcome {
        panic!("{path}: {refusal:?}");
    }
    wire::processed(&pb::ReportSubmission::default(), &outcome, true, None)
}

/// White space and case do not count: capitals of TCVN3 without their font are small letters.
fn fold(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// Everything read from a report, one line for each thing, without positions.
fn lines(path: &str) -> Vec<String> {
    let processed = process(path);
    let report = processed.report.unwrap();
    let header = report.header.unwrap();
    let mut lines = vec![format!("{header:?}")];
    let sections = report.sections.iter();
    lines.extend(sections.map(|s| format!("section {} {} {}", s.label, s.level, fold(&s.title))));
    let citations = report.citations.iter();
    lines.extend(citations.map(|c| {
        format!(
            "citation {} {} {:?} {} {} {}",
            c.document_type, c.number, c.date, c.issuer, c.subject, c.document_index
        )
    }));
    let measures = report.measures.iter();
    lines.extend(measures.map(|m| {
        format!(
            "measure {} {} {} {} {} {} {} {}",
            m.kind, m.value, m.total, m.unit, m.subject, m.approx, m.change, m.section_index
        )
    }));
    lines.extend(report.footnotes.iter().map(|n| format!("note {}", n.mark)));
    lines.extend(
        report
            .recipients
            .iter()
            .map(|r| format!("recipient {} {}", r.text, r.archive)),
    );
    let signatories = report.signatories.iter();
    lines.extend(signatories.map(|s| format!("signatory {} {} {}", s.name, s.position, s.authority)));
    let findings = processed.findings.iter();
    lines.extend(findings.map(|f| {
        let spans: Vec<String> = f.spans.iter().map(|span| fold(&span.text)).collect();
        format!(
            "finding {} {} {} {} {spans:?}",
            f.rule, f.certainty, f.expected, f.actual
        )
    }));
    lines
}

fn same(source: &str, files: &[&str]) {
    let expected = lines(source);
    for file in files {
        let found = lines(&format!("tests/fixtures/formats/{file}"));
        let missing: Vec<_> = expected.iter().filter(|line| !found.contains(line)).collect();
        let added: Vec<_> = found.iter().filter(|line| !expected.contains(line)).collect();
        assert!(
            missing.is_empty() && added.is_empty(),
            "{file}: missing {missing:#?}, added {added:#?}"
        );
        assert_eq!(found.len(), expected.len(), "{file}");
    }
}

#[test]
fn docx_reads_like_plain_text() {
    same(
        "tests/reports/department-q1-2024.txt",
        &["plain.docx", "automatic.docx", "tracked.docx", "legacy.docx"],
    );
}

#[test]
fn pages_and_old_encodings_read_like_plain_text() {
    same(
        "tests/reports/department-q1-2024.txt",
        &[
            "page.html",
            "exported.html",
            "vni.txt",
            "windows-1258.txt",
            "utf-16.txt",
        ],
    );
}
