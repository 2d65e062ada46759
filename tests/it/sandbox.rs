//! The sandboxed decoder: PDF, scans and old Word files as they arrive, and files that mean harm.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use baocao::{
    decode::{
        Limits, Refusal, RefusalReason,
        external::{Program, Programs},
        sandbox::{Decoder, Options, SandboxLimits},
    },
    document::Document,
    extract::{self, PartialDate, Report},
    validate::{self, RuleSet},
    vocabulary::Vocabulary,
};

pub fn with(change: impl FnOnce(&mut SandboxLimits)) -> Decoder {
    let mut options = Options::default();
    change(&mut options.limits);
    Decoder::with(options, env!("CARGO_BIN_EXE_baocao").into(), Programs::find())
}

pub fn decoder() -> Decoder {
    with(|_| {})
}

/// Whether the programs are installed; says loudly when not.
pub fn have(programs: &[Program]) -> bool {
    let found = Programs::find();
    let missing: Vec<&str> = programs
        .iter()
        .filter(|&&program| found.path(program).is_none())
        .map(|program| program.packages())
        .collect();
    if !missing.is_empty() {
        eprintln!(
            "\n*** NOT TESTED in this run, missing packages: {} ***\n",
            missing.join(" ")
        );
    }
    missing.is_empty()
}

pub const POPPLER: &[Program] = &[Program::PdfToText, Program::PdfImages, Program::PdfToCairo];
pub const SCANS: &[Program] = &[
    Program::PdfToText,
    Program::PdfImages,
    Program::PdfToPpm,
    Program::Tesseract,
];

pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

/// A file beside the repository; says loudly when it is not there.
fn sample(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/samples")
        .join(name);
    if !path.exists() {
        eprintln!("\n*** ../shared/samples/{name} IS NOT HERE: NOT TESTED in this run ***\n");
    }
    path.exists().then_some(path)
}

pub fn decode(bytes: &[u8]) -> Result<Document, Refusal> {
    decoder().decode_blocking(bytes, "", &Limits::default())
}

fn read(path: &Path) -> (Document, Report) {
    let document = decode(&std::fs::read(path).unwrap()).unwrap();
    let report = extract::extract(&document, Vocabulary::embedded());
    (document, report)
}

fn header(document: &Document, report: &Report) -> (String, String, Option<PartialDate>) {
    let of = |span: Option<baocao::document::Span>| span.map(|span| span.of(&document.text).to_owned());
    (
        of(report.header.document_type).unwrap_or_default(),
        of(report.header.number.as_ref().map(|number| number.span)).unwrap_or_default(),
        report.header.issue_date,
    )
}

fn findings(document: &Document, report: &Report) -> Vec<String> {
    let today = PartialDate::new(2026, 11, 20);
    validate::validate(document, report, Vocabulary::embedded(), &RuleSet::default(), today)
        .iter()
        .map(|finding| finding.rule.to_owned())
        .collect()
}

/// Share of the words of a transcript that are found, case left aside.
fn recall(document: &Document, transcript: &str) -> f64 {
    fn words(text: &str) -> HashMap<String, usize> {
        let lower = text.to_lowercase();
        let mut counts = HashMap::new();
        for word in lower
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
        {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
        counts
    }
    let (found, truth) = (words(&document.text), words(transcript));
    let hit: usize = truth
        .iter()
        .map(|(word, &n)| n.min(found.get(word).copied().unwrap_or(0)))
        .sum();
    hit as f64 / truth.values().sum::<usize>() as f64
}

#[test]
fn signed_pdfs_give_the_number_and_date_of_their_signatures() {
    if !have(POPPLER) {
        return;
    }
    let expected = [
        ("pdf/qn-11-tb-ubnd-2025-01-08.pdf", "11/TB-UBND", (2025, 1, 8)),
        ("pdf/qn-542-tb-ubnd-2024-11-06.pdf", "542/TB-UBND", (2024, 11, 6)),
    ];
    for (name, number, (year, month, day)) in expected {
        let Some(path) = sample(name) else { return };
        let (document, report) = read(&path);
        let date = Some(PartialDate::new(year, month, day));
        assert_eq!(header(&document, &report), ("THÔNG BÁO".into(), number.into(), date));
        let issuer: Vec<&str> = report.header.issuers[0]
            .iter()
            .map(|line| line.of(&document.text))
            .collect();
        assert_eq!(
            issuer.join(" ").split_whitespace().collect::<Vec<_>>().join(" "),
            "ỦY BAN NHÂN DÂN TỈNH QUẢNG NGÃI"
        );
        assert!(!findings(&document, &report).contains(&"header-missing".to_owned()));
        assert_eq!((document.pages.len(), document.pages[0].confidence), (2, None));
        assert!(!document.text.contains("\n2\n"), "page numbers are no text");
    }
}

#[test]
fn junk_in_front_of_a_pdf_is_passed_over() {
    if have(POPPLER) {
        let junk = [b"\0\x01 21 bytes of gateway".as_slice(), &fixture("pdf/report.pdf")].concat();
        assert!(decode(&junk).unwrap().text.contains("318/BC-SLĐTBXH"));
    }
}

#[test]
fn a_report_made_as_pdf_has_its_parts() {
    if !have(POPPLER) {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pdf/report.pdf");
    let (document, report) = read(&path);
    let date = Some(PartialDate::new(2024, 7, 5));
    assert_eq!(
        header(&document, &report),
        ("BÁO CÁO".into(), "318/BC-SLĐTBXH".into(), date)
    );
    let text = document.text.as_str();
    for piece in [
        // A paragraph over two pages with the footnote of the first one behind it.
        "cuối năm 2023 và thấp hơn mức bình quân chung của cả nước.\n2. Kết quả",
        "6 tháng đầu năm¹ như sau:",
        "\n¹ Số liệu tính đến ngày 30/6/2024",
        // Cells that ran over two lines.
        "STT | Đơn vị | Hộ nghèo đầu kỳ | Hộ nghèo cuối kỳ\n1 | Huyện Nà Pha | 1.250 | 1.100\n",
        "2 | Huyện Đồng Lộc và các xã vùng cao biên giới | 2.340 | 2.015\n",
        "SỞ LAO ĐỘNG,\nVIỆC LÀM VÀ XÃ HỘI",
    ] {
        assert!(text.contains(piece), "{piece}\n--\n{text}");
    }
    assert_eq!((report.sections.len() >= 2, report.footnotes.len()), (true, 1));
    assert_eq!((report.recipients.len(), report.signatories.len()), (3, 1));
    assert!(findings(&document, &report).is_empty());
}

#[test]
fn scans_give_type_number_date_and_citations() {
    if !have(SCANS) {
        return;
    }
    let Some(path) = sample("scan/qn-08-ct-ubnd-2018-04-03.pdf") else {
        return;
    };
    let (document, report) = read(&path);
    let date = Some(PartialDate::new(2018, 4, 3));
    // The number is written by hand, and an "incoming" stamp carries another.
    assert_eq!(
        header(&document, &report),
        ("CHỈ THỊ".into(), "08/CT-UBND".into(), date)
    );
    assert!(document.text.contains("Nghị quyết số 19/NQ-CP"));
    assert!(
        document
            .pages
            .iter()
            .all(|page| page.confidence.is_some_and(|sure| sure > 80))
    );

    let Some(path) = sample("scan/qn-11-ct-ubnd-2021-05-11.pdf") else {
        return;
    };
    let (document, report) = read(&path);
    let (kind, number, found) = header(&document, &report);
    assert_eq!((kind.as_str(), found), ("CHỈ THỊ", Some(PartialDate::new(2021, 5, 11))));
    // The handwriting cannot be read for sure: blank rather than wrong.
    assert!(number == "/CT-UBND" || number == "11/CT-UBND", "{number}");
    for cited in ["11/CT-TTg", "15/2020/TT-BGDĐT", "05/2021/TT-BGDĐT"] {
        assert!(document.text.contains(cited), "{cited}");
    }
}

/// Writes a program that stands for one of poppler's or Tesseract.
fn stand_in(folder: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The programs are stand-ins: each reading of a page says how many go on beside it.
#[test]
fn pages_of_a_scan_are_read_at_once_up_to_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let pages = 8;
    let page = "echo '<page width=\"595\" height=\"842\">'; echo '</page>'\n";
    stand_in(folder.path(), "pdftotext", &page.repeat(pages));
    let image = |number| format!("echo '{number} 0 image 1654 2339 gray 1 8 jpeg no 5 0 200 200 1K 1%'\n");
    let images: String = (1..=pages).map(image).collect();
    stand_in(folder.path(), "pdfimages", &format!("echo page\necho ----\n{images}"));
    stand_in(
        folder.path(),
        "pdftoppm",
        "for last; do :; done; echo P5 > \"$last.pgm\"",
    );
    let reading = "mkdir reading.$$; count=$(ls -d reading.* | wc -l); n=0; while [ $n -lt 2000 ]; do n=$((n+1)); done\n\
        printf '1\\t1\\t0\\t0\\t0\\t0\\t0\\t0\\t1654\\t2339\\t-1\\t\\n'\n\
        printf '5\\t1\\t1\\t1\\t1\\t1\\t100\\t50\\t40\\t20\\t90\\tbusy%s\\n' $count\n\
        rmdir reading.$$";
    stand_in(folder.path(), "tesseract", reading);
    let programs = Programs::find_in(folder.path().as_os_str());
    let decoder = Decoder::with(Options::default(), env!("CARGO_BIN_EXE_baocao").into(), programs);
    for most in [1, 3] {
        let limits = Limits {
            ocr_parallel: most,
            ..Limits::default()
        };
        let document = decoder.decode_blocking(b"%PDF-1.7", "", &limits).unwrap();
        let busy: Vec<usize> = document
            .text
            .split("busy")
            .skip(1)
            .map(|count| count.trim().parse().unwrap())
            .collect();
        assert_eq!(busy.len(), pages, "{}", document.text);
        assert!(
            busy.iter().all(|&busy| (1..=most).contains(&busy)),
            "{busy:?} at most {most}"
        );
        assert!(document.pages.iter().all(|page| page.confidence == Some(90)));
    }
    // One page more than the limit is refused before any is read.
    let few = Limits {
        max_ocr_pages: pages - 1,
        ..Limits::default()
    };
    let refusal = decoder.decode_blocking(b"%PDF-1.7", "", &few).unwrap_err();
    assert!(refusal.message_en.contains("decode.max_ocr_pages"), "{refusal:?}");
}

#[test]
fn old_encodings_come_out_as_their_transcripts() {
    let files = [
        ("tcvn3-2006-19412_QD115.04TTg_BLTch_DNNVV.pdf", POPPLER),
        ("tcvn3-2004-NghiDinh29_1998.doc", &[Program::LibreOffice]),
        ("tcvn3-2003-A-15.rtf", &[Program::LibreOffice]),
        ("vni-2006-quydinhkiemtra02.doc", &[Program::LibreOffice]),
    ];
    for (name, programs) in files {
        let Some(path) = sample(&format!("encoding/{name}")).filter(|_| have(programs)) else {
            continue;
        };
        let truth = std::fs::read_to_string(path.with_extension("truth.txt")).unwrap();
        let recall = recall(&read(&path).0, &truth);
        assert!(recall >= 0.98, "{name}: {recall:.3}");
    }
}

#[test]
fn missing_programs_are_named_with_their_packages() {
    let decoder = Decoder::with(
        Options::default(),
        env!("CARGO_BIN_EXE_baocao").into(),
        Programs::find_in("".as_ref()),
    );
    for (bytes, package) in [
        (fixture("pdf/report.pdf"), "poppler-utils"),
        (b"{\\rtf1 x}".to_vec(), "libreoffice-writer"),
        (png(100, 100), "tesseract-ocr-vie"),
    ] {
        let refusal = decoder.decode_blocking(&bytes, "", &Limits::default()).unwrap_err();
        assert_eq!(refusal.reason, RefusalReason::MissingProgram, "{refusal:?}");
        assert!(refusal.message_en.contains(package) && refusal.message_vi.contains(package));
    }
}

// ---- harm ------------------------------------------------------------------------------------------------------------

/// The header of a PNG that says it is so large, and nothing more.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend(b"\x08\0\0\0\0");
    bytes
}

/// A PDF of these objects, numbered from 1; the first is the catalogue.
pub fn pdf(objects: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        out.extend(format!("{} 0 obj\n", index + 1).into_bytes());
        out.extend(object.as_ref());
        out.extend(b"\nendobj\n");
    }
    let start = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).into_bytes());
    for offset in offsets {
        out.extend(format!("{offset:010} 00000 n \n").into_bytes());
    }
    let trailer = format!(
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n",
        objects.len() + 1
    );
    out.extend(trailer.into_bytes());
    out
}

fn stream(dictionary: &str, content: &str) -> String {
    format!(
        "<< {dictionary} /Length {} >>\nstream\n{content}\nendstream",
        content.len()
    )
}

/// Forms that each draw the next one ten times: ten to the power of their number.
fn exponential(forms: usize) -> Vec<u8> {
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /XObject << /F 5 0 R >> >> >>"
            .to_owned(),
        stream("", "/F Do"),
    ];
    for form in 0..forms {
        let next = format!(
            "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F {} 0 R >> >>",
            form + 6
        );
        objects.push(stream(&next, &"/F Do ".repeat(10)));
    }
    objects.push(stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9]", "0 0 m 1 1 l S"));
    pdf(&objects)
}

#[test]
fn broken_and_locked_files_are_refused() {
    if !have(SCANS) {
        return;
    }
    let report = fixture("pdf/report.pdf");
    let reason = |bytes: &[u8]| decode(bytes).unwrap_err().reason;
    assert_eq!(reason(&fixture("pdf/encrypted.pdf")), RefusalReason::Encrypted);
    assert_eq!(reason(b"%PDF-1.7\nnothing more"), RefusalReason::Malformed);
    assert_eq!(reason(&report[..200]), RefusalReason::Malformed);
    // Cut in the middle there may still be pages; if so they are read.
    if let Err(refusal) = decode(&report[..report.len() / 2]) {
        assert_eq!(refusal.reason, RefusalReason::Malformed);
    }
    let circle = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 /Parent 2 0 R >>".to_owned(),
    ];
    let refusal = decode(&pdf(&circle)).unwrap_err();
    assert!(
        matches!(refusal.reason, RefusalReason::Malformed | RefusalReason::Empty),
        "{refusal:?}"
    );
    // An image that says it has a gigapixel is not even opened.
    let started = Instant::now();
    assert_eq!(reason(&png(31_623, 31_623)), RefusalReason::TooLarge);
    assert_eq!(reason(&png(100, 100)), RefusalReason::Malformed);
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn each_limit_is_named_when_it_is_reached() {
    if !have(SCANS) {
        return;
    }
    let report = fixture("pdf/report.pdf");
    let hostile = exponential(9);
    let cases = [
        (
            with(|limits| limits.max_cpu_seconds = 1),
            &hostile,
            "decode.max_cpu_seconds",
        ),
        (with(|limits| limits.max_seconds = 1), &hostile, "decode.max_seconds"),
        (
            with(|limits| limits.max_output_bytes = 1000),
            &report,
            "decode.max_output_bytes",
        ),
    ];
    for (decoder, bytes, setting) in cases {
        let started = Instant::now();
        let refusal = decoder.decode_blocking(bytes, "", &Limits::default()).unwrap_err();
        assert_eq!(refusal.reason, RefusalReason::LimitExceeded, "{refusal:?}");
        assert!(refusal.message_en.contains(setting), "{refusal:?}");
        assert!(started.elapsed() < Duration::from_secs(30), "{setting}");
        // The decoder lives on.
        let refused = decoder.decode_blocking(b"%PDF-1.7", "", &Limits::default());
        assert_eq!(refused.unwrap_err().reason, RefusalReason::Malformed);
    }
}

#[test]
fn too_little_memory_ends_the_child_only() {
    let starved = with(|limits| limits.max_memory_bytes = 24 << 20);
    // HTML is decoded by the child itself, which gets no more memory than this.
    let html = format!("<html><body>{}</body></html>", "<p>BÁO CÁO số 1</p>".repeat(900_000));
    let limits = Limits {
        max_paragraphs: usize::MAX,
        ..Limits::default()
    };
    let refusal = starved
        .decode_blocking(html.as_bytes(), "text/html", &limits)
        .unwrap_err();
    assert_eq!(refusal.reason, RefusalReason::LimitExceeded, "{refusal:?}");
    assert!(refusal.message_en.contains("decode.max_memory_bytes"), "{refusal:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_and_a_dropped_one_leave_nothing_behind() {
    if !have(POPPLER) {
        return;
    }
    let decoder = with(|limits| limits.max_cpu_seconds = 20);
    decoder.warm_up();
    let limits = Limits::default();
    // Dropped while it works: its child is killed, its turn is free again.
    let hostile = bytes::Bytes::from(exponential(9));
    for _ in 0..8 {
        let decoding = decoder.decode(hostile.clone(), "", &limits);
        assert!(
            tokio::time::timeout(Duration::from_millis(150), decoding)
                .await
                .is_err()
        );
    }
    let report = bytes::Bytes::from(fixture("pdf/report.pdf"));
    let jobs: Vec<_> = (0..12)
        .map(|_| {
            let (decoder, report, limits) = (decoder.clone(), report.clone(), limits.clone());
            tokio::spawn(async move { decoder.decode(report, "application/pdf", &limits).await })
        })
        .collect();
    for job in jobs {
        assert!(job.await.unwrap().unwrap().text.contains("318/BC-SLĐTBXH"));
    }
}

#[test]
fn plain_text_needs_no_child() {
    let decoder = Decoder::with(Options::default(), "/nonexistent".into(), Programs::default());
    let document = decoder
        .decode_blocking("BÁO CÁO".as_bytes(), "", &Limits::default())
        .unwrap();
    assert_eq!(document.text, "BÁO CÁO");
    let refusal = decoder
        .decode_blocking(b"%PDF-1.7", "", &Limits::default())
        .unwrap_err();
    assert_eq!(refusal.reason, RefusalReason::DecoderFailed);
}
