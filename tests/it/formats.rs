//! The same report in every format gives what its plain text gives.

use std::{collections::HashMap, fs};

use baocao::{
    config::Settings,
    decode::{self, Limits, Refusal},
    document::Document,
    extract::PartialDate,
    pipeline::{self, Outcome},
    proto::baocao::v1 as pb,
    validate::RuleSet,
    vocabulary::Vocabulary,
    wire,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use crate::sandbox;

const FIXTURES: &str = "tests/fixtures/formats";

fn process(path: &str) -> pb::ReportProcessed {
    let bytes = fs::read(path).unwrap();
    match path.ends_with(".pdf") {
        true => finish(path, sandbox::decode(&bytes)),
        false => process_bytes(path, &bytes),
    }
}

fn process_bytes(path: &str, bytes: &[u8]) -> pb::ReportProcessed {
    finish(path, decode::decode(bytes, "", &Limits::default()))
}

fn finish(path: &str, decoded: Result<Document, Refusal>) -> pb::ReportProcessed {
    let today = PartialDate::new(2026, 1, 1);
    let rules = RuleSet {
        sure_confidence: Settings::default().rules.sure_confidence,
        ..RuleSet::default()
    };
    let outcome = pipeline::finish(decoded, Vocabulary::embedded(), &rules, today);
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
        let found = lines(&format!("{FIXTURES}/{file}"));
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
        &[
            "plain.docx",
            "automatic.docx",
            "tracked.docx",
            "legacy.docx",
            "libreoffice.docx",
            "variants/stops.docx",
            "variants/merged.docx",
            "variants/lists.docx",
            "variants/landscape.docx",
            "variants/breaks.docx",
        ],
    );
}

/// Tables included: their rules tell the cells, over page breaks, too.
#[test]
fn pdf_reads_like_plain_text() {
    if !sandbox::have(sandbox::POPPLER) {
        return;
    }
    same(
        "tests/reports/department-q1-2024.txt",
        &[
            "variants/stops.pdf",
            "variants/merged.pdf",
            "variants/lists.pdf",
            "variants/landscape.pdf",
        ],
    );
    let processed = process(&format!("{FIXTURES}/variants/landscape.pdf"));
    let document = processed.document.unwrap();
    let shapes: Vec<(usize, usize)> = document
        .tables
        .iter()
        .map(|table| (table.rows.len(), table.rows[0].cells.len()))
        .collect();
    assert_eq!(shapes, [(9, 6), (7, 5), (4, 4), (5, 5)]);
}

#[test]
fn pages_and_old_encodings_read_like_plain_text() {
    same(
        "tests/reports/department-q1-2024.txt",
        &[
            "page.html",
            "exported.html",
            "libreoffice.html",
            "vni.txt",
            "windows-1258.txt",
            "utf-16.txt",
        ],
    );
}

#[test]
fn sheets_show_what_their_reader_sees() {
    let bytes = fs::read(format!("{FIXTURES}/sheet.xlsx")).unwrap();
    let document = decode::decode(&bytes, "application/octet-stream", &Limits::default()).unwrap();
    let expected = [
        "Biểu 01\n\nPHỤ LỤC\n\nKết quả giải quyết hồ sơ quý I năm 2024\n\n",
        "TT | Lĩnh vực | Hồ sơ | | Tỷ lệ | Ngày chốt\n",
        "| | Tiếp nhận | Giải quyết | |\n",
        "1 | Đất đai | 3.218 | 3.067 | 97,75% | 20/03/2024\n",
        "2 | Môi trường | 164 | 151 | 98,68% |\n",
        "| Tổng cộng | | 3.218 | |\n\n",
        "Uỷ ban nhân dân xã\n\nBiểu 02\n\nGhi chú\n\nÔ cuối\n",
    ];
    assert_eq!(document.text, expected.concat());
    assert_eq!(document.tables[0].rows[0].cells[2].columns, 2);
    assert!(document.tables[0].rows[1].cells[0].continued);
}

/// A packet around a file, as gateways send it.
pub fn packet(number: &str, name: &str, bytes: &[u8]) -> String {
    format!(
        "<edXML xmlns='http://www.mic.gov.vn/TBT/QCVN_102_2016'><e:edXMLEnvelope xmlns:e='http://www.mic.gov.vn/TBT/QCVN_102_2016'>\
         <e:edXMLHeader><e:MessageHeader><e:From><e:OrganId>000.00.11.H53</e:OrganId></e:From><e:Code><e:CodeNumber>{number}</e:CodeNumber>\
         <e:CodeNotation>BC-STNMT</e:CodeNotation></e:Code></e:MessageHeader></e:edXMLHeader></e:edXMLEnvelope><AttachmentEncoded><Attachment>\
         <AttachmentName>{name}</AttachmentName><ContentTransferEncoded>{}</ContentTransferEncoded></Attachment></AttachmentEncoded></edXML>",
        STANDARD.encode(bytes)
    )
}

#[test]
fn a_packet_gives_its_report_its_unit_and_where_they_differ() {
    let report = fs::read(format!("{FIXTURES}/plain.docx")).unwrap();
    let found = |number: &str| {
        let processed = process_bytes("packet", packet(number, "bc.docx", &report).as_bytes());
        let submission = processed.submission.unwrap();
        assert_eq!(
            (submission.unit.as_str(), submission.envelope.unwrap().number.as_str()),
            ("H53.11", number)
        );
        let mismatches = processed
            .findings
            .into_iter()
            .filter(|finding| finding.rule == "envelope-mismatch");
        mismatches
            .map(|finding| (finding.expected, finding.actual))
            .collect::<Vec<_>>()
    };
    assert_eq!(found("318"), []);
    assert_eq!(found("319"), [("319/BC-STNMT".to_owned(), "318/BC-STNMT".to_owned())]);
}

/// The pages of a PDF as a scanner sees them: gray, a little crooked, specked. One raw image a page.
fn scanned(pdf: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let drawn = std::process::Command::new("pdftoppm")
        .args(["-r", "200", "-gray", pdf])
        .arg(folder.path().join("page"))
        .status()
        .unwrap();
    assert!(drawn.success());
    let mut pages: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pages.sort();
    let kids: Vec<String> = (0..pages.len()).map(|at| format!("{} 0 R", 3 + 3 * at)).collect();
    let mut objects = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), kids.len()).into_bytes(),
    ];
    let mut state: u32 = 7;
    for page in &pages {
        let image = fs::read(page).unwrap();
        // "P5", width and height, 255: each behind white space.
        let mut head = image.splitn(5, |byte| byte.is_ascii_whitespace());
        let mut number = || std::str::from_utf8(head.next().unwrap()).unwrap().parse().unwrap_or(0);
        let (_, width, height, _): (usize, usize, usize, usize) = (number(), number(), number(), number());
        let gray = head.next().unwrap();
        let mut crooked = vec![255_u8; width * height];
        for (at, out) in crooked.iter_mut().enumerate() {
            let (x, y) = (at % width, at / width);
            let from = y + x / 150;
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let speck = (state >> 27) as u8;
            let ink = gray.get(from * width + x).copied().unwrap_or(255);
            *out = ink.clamp(20, 235) - 16 + speck;
        }
        let at = objects.len() + 1;
        objects.push(
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {} 0 R \
                 /Resources << /XObject << /I {} 0 R >> >> >>",
                at + 1,
                at + 2
            )
            .into_bytes(),
        );
        let content = "q 595 0 0 842 0 0 cm /I Do Q";
        objects.push(format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()).into_bytes());
        let mut image = format!(
            "<< /Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray \
             /BitsPerComponent 8 /Length {} >>\nstream\n",
            crooked.len()
        )
        .into_bytes();
        image.extend(crooked);
        image.extend(b"\nendstream");
        objects.push(image);
    }
    sandbox::pdf(&objects)
}

/// What a scan may differ by: of the citations and of the figures so many in a hundred are found, and at most so many
/// in a hundred are found that are not there. Masthead and closing are the same.
const CITATIONS: (usize, usize) = (85, 15);
const FIGURES: (usize, usize) = (80, 20);

#[test]
fn a_scan_reads_like_plain_text_within_a_tolerance() {
    if !sandbox::have(sandbox::SCANS) {
        return;
    }
    let plain = process("tests/reports/department-q1-2024.txt");
    let scan = scanned(&format!("{FIXTURES}/variants/stops.pdf"));
    let scan = finish("scan", sandbox::decode(&scan));
    let (expected, found) = (plain.report.unwrap(), scan.report.unwrap());
    let head = |report: &pb::Report| {
        let header = report.header.clone().unwrap();
        let number = header.number.unwrap_or_default().text;
        (
            number,
            header.document_type,
            header.issue_date,
            header.place,
            header.period,
        )
    };
    assert_eq!(head(&found), head(&expected));
    let last = |report: &pb::Report| report.signatories.last().map(|signatory| signatory.name.clone());
    assert_eq!(
        (last(&found), found.recipients.len()),
        (last(&expected), expected.recipients.len())
    );

    let citations = |report: &pb::Report| -> Vec<String> {
        let numbers = report
            .citations
            .iter()
            .map(|citation| citation.number.replace('–', "-"));
        numbers.collect()
    };
    within("citations", CITATIONS, citations(&expected), citations(&found));
    let figures = |report: &pb::Report| -> Vec<String> {
        let figures = report.measures.iter();
        figures
            .map(|figure| format!("{} {} {}", figure.kind, figure.value, figure.total))
            .collect()
    };
    within("figures", FIGURES, figures(&expected), figures(&found));

    // Each page says how sure its reading is, and no finding on it claims more than that.
    let pages = scan.document.unwrap().pages;
    assert!(
        pages.len() > 3
            && pages
                .iter()
                .all(|page| page.confidence.is_some_and(|sure| (80..98).contains(&sure)))
    );
    assert!(!scan.findings.is_empty());
    assert!(
        scan.findings
            .iter()
            .all(|finding| finding.certainty() == pb::Certainty::Likely)
    );
}

fn within(what: &str, (most, extra): (usize, usize), expected: Vec<String>, mut found: Vec<String>) {
    let (all, before) = (expected.len(), found.len());
    for item in expected {
        if let Some(at) = found.iter().position(|other| *other == item) {
            found.swap_remove(at);
        }
    }
    let hit = before - found.len();
    eprintln!("{what}: {hit} of {all}, {} others", found.len());
    assert!(hit * 100 >= all * most, "{what}: {hit} of {all}");
    assert!(found.len() * 100 <= all * extra, "{what}: {found:?} beside {hit}");
}

/// How often each word occurs, without case.
fn words(text: &str) -> HashMap<String, usize> {
    let mut words = HashMap::new();
    let text: String = text.nfc().collect();
    for word in text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        *words.entry(word.to_lowercase()).or_default() += 1;
    }
    words
}

/// The sample stands beside the project, where it is at all.
#[test]
fn a_sheet_in_an_old_encoding_is_read_whole() {
    let name = "../shared/samples/encoding/tcvn3-2007-74Z4A_solieu9thang-2";
    let (Ok(bytes), Ok(truth)) = (
        fs::read(format!("{name}.xls")),
        fs::read_to_string(format!("{name}.truth.txt")),
    ) else {
        return;
    };
    let document = decode::decode(&bytes, "", &Limits::default()).unwrap();
    let (truth, found) = (words(&truth), words(&document.text));
    let all: usize = truth.values().sum();
    let read: usize = truth
        .iter()
        .map(|(word, count)| *count.min(found.get(word).unwrap_or(&0)))
        .sum();
    assert!(read * 100 >= all * 98, "{read} of {all} words");
}

/// Files that mutations begin with.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = [
        "automatic.docx",
        "sheet.xlsx",
        "page.html",
        "exported.html",
        "vni.txt",
        "utf-16.txt",
    ]
    .iter()
    .map(|name| fs::read(format!("{FIXTURES}/{name}")).unwrap())
    .collect();
    seeds.push(packet("1", "a.txt", "BÁO CÁO".as_bytes()).into_bytes());
    seeds.extend(fs::read(
        "../shared/samples/encoding/tcvn3-2007-74Z4A_solieu9thang-2.xls",
    ));
    seeds
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// Whatever is changed in a file, decoding it ends, with a document within the limits or a refusal.
    #[test]
    fn mutated_files_are_read_or_refused(
        seed in proptest::sample::select(seeds()),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        whole: bool,
    ) {
        let mut bytes = seed;
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        let limits = Limits { max_text_bytes: 1 << 16, ..Limits::default() };
        if let Ok(document) = decode::decode(&bytes, "", &limits) {
            assert!(document.text.len() <= limits.max_text_bytes);
            for cell in document.tables.iter().flat_map(|table| &table.rows).flat_map(|row| &row.cells) {
                assert!(document.text.get(cell.span.range()).is_some());
            }
        }
    }
}
