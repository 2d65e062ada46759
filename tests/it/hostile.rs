//! Inputs nobody should send: each ends in a stated way, soon, and the worker lives.

use std::{
    io::{Cursor, Write},
    time::Instant,
};

use baocao::{
    decode::{
        Limits,
        external::{Program, Programs},
    },
    proto::baocao::v1 as pb,
    worker::handle::End,
};
use prost::Message;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{
    edxml::packet,
    harness::{Client, Worker, little_report, on_each_server},
    sandbox,
};

/// Bytes without order, the same on every run.
fn noise(count: usize) -> Vec<u8> {
    let mut state: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..count).map(|_| next()).collect()
}

/// How an input ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Read,
    Refused(&'static str),
}

#[test]
fn hostile_inputs_end_in_a_stated_way() {
    use Expected::{Read, Refused};
    let submission = pb::ReportSubmission {
        content: little_report(1).into(),
        ..Default::default()
    };
    let whole = submission.encode_to_vec();
    let alert = pb::Alert {
        alert_id: "1.0".into(),
        rule: "sum-mismatch".into(),
        finding: Some(pb::Finding::default()),
        ..Default::default()
    };
    let timestamp = prost_types::Timestamp { seconds: 1, nanos: 1 };
    let poppler = Programs::find()
        .missing()
        .iter()
        .all(|&program| program != Program::PdfToText);
    let pdf = |expected| if poppler { expected } else { Refused("missing-program") };
    let endless = "ă".repeat(450_000);
    let english = "This is a letter in another language. It has no number, no date and no figures. ".repeat(50);
    let inputs: Vec<(&str, &str, Vec<u8>, Expected)> = vec![
        ("empty", "", vec![], Refused("empty")),
        ("empty-text", "text/plain", vec![], Refused("empty")),
        ("blank", "text/plain", b" \n\t\n ".to_vec(), Refused("empty")),
        ("noise", "", noise(900_000), Refused("not-text")),
        ("noise-as-text", "text/plain", noise(900_000), Refused("not-text")),
        (
            "noise-as-protobuf",
            "application/protobuf",
            noise(900_000),
            Refused("malformed"),
        ),
        (
            "not-utf-8",
            "text/plain",
            // What an old encoding may have been is read as that.
            b"B\xC1O C\xC1O".to_vec(),
            Read,
        ),
        (
            "truncated",
            "application/protobuf",
            whole[..whole.len() / 2].to_vec(),
            Refused("malformed"),
        ),
        (
            "alert",
            "application/protobuf",
            alert.encode_to_vec(),
            Refused("malformed"),
        ),
        (
            "timestamp",
            "application/protobuf",
            timestamp.encode_to_vec(),
            Refused("malformed"),
        ),
        (
            "broken-json",
            "application/json",
            b"{\"content\":".to_vec(),
            Refused("malformed"),
        ),
        ("no-spaces", "text/plain", endless.into_bytes(), Read),
        ("english", "text/plain", english.into_bytes(), Read),
        (
            "pdf",
            "application/pdf",
            b"%PDF-1.7 ...".to_vec(),
            pdf(Refused("malformed")),
        ),
        (
            "good-pdf",
            "application/pdf",
            include_bytes!("../fixtures/pdf/report.pdf").to_vec(),
            pdf(Read),
        ),
        (
            "locked-pdf",
            "",
            include_bytes!("../fixtures/pdf/encrypted.pdf").to_vec(),
            pdf(Refused("encrypted")),
        ),
        (
            "gzip",
            "application/gzip",
            b"\x1F\x8B\x08".to_vec(),
            Refused("unsupported-format"),
        ),
    ];
    on_each_server(|server| {
        let inputs = inputs.clone();
        async move {
            let settings = server.settings();
            let client = Client::new(&settings).await;
            client.provide().await;
            let worker = Worker::start(&settings);
            worker.until_ready().await;
            let began = Instant::now();
            for (id, content_type, payload, _) in &inputs {
                client.submit_raw(id, content_type, payload.clone()).await;
            }
            client.until_all_is_done().await;
            let took = began.elapsed();
            assert!(took.as_secs() < 30, "{took:?}");
            eprintln!("{} hostile inputs took {took:?}", inputs.len());

            let results = client.results(inputs.len()).await;
            for (id, _, payload, expected) in &inputs {
                let result = results
                    .iter()
                    .find(|result| result.submission.as_ref().unwrap().submission_id == *id)
                    .unwrap_or_else(|| panic!("{id} has no result"));
                let found = match result.status() {
                    pb::Status::Processed => Read,
                    _ => {
                        let reason = &result.refusal.as_ref().unwrap().reason;
                        let known = inputs.iter().find_map(|(_, _, _, expected)| match expected {
                            Refused(known) if known == reason => Some(*known),
                            _ => None,
                        });
                        Refused(known.unwrap_or_else(|| panic!("{id}: {reason}")))
                    }
                };
                assert_eq!(found, *expected, "{id}");
                let submission = result.submission.as_ref().unwrap();
                assert_eq!(submission.unit, "H50.9", "{id}");
                assert_eq!(submission.content_size, payload.len() as u64, "{id}");
                assert!(submission.content.is_empty(), "{id}");
            }

            // Each refused one has one alert and one dead letter, with the bytes it came with.
            let refused = inputs.iter().filter(|(.., expected)| *expected != Read).count();
            let letters = client.take(&client.names().dead_stream(), refused).await;
            for letter in &letters {
                let id = letter.headers.as_ref().unwrap().get("Baocao-Dead-Submission").unwrap();
                let (_, _, payload, _) = inputs.iter().find(|(known, ..)| *known == id.as_str()).unwrap();
                assert!(letter.payload == *payload, "{id}: not the bytes it came with");
            }
            // Those that could be read may have alerts of their own.
            let count = client.count(&client.names().alerts_stream()).await;
            let alerts = client
                .take(&client.names().alerts_stream(), count.try_into().unwrap())
                .await;
            let refusals = alerts
                .iter()
                .filter(|alert| alert.subject.contains(".alert.error.document-refused."))
                .count();
            assert_eq!(refusals, refused);
            assert_eq!(client.count(&client.names().dead_stream()).await, refused as u64);

            assert!(worker.is_alive());
            client.submit("H50.1", "after", &little_report(1)).await;
            client.results(inputs.len() + 1).await;
            let summary = worker.stop().await;
            assert_eq!(summary.count(End::Refused), refused as u64, "{summary}");
        }
    });
}

/// A package of these parts, deflated.
fn package(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn word(document: &str) -> Vec<u8> {
    package(&[("word/document.xml", document.as_bytes())])
}

const NAMESPACE: &str = "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"";

/// A package whose parts say that they are encrypted.
fn locked_zip() -> Vec<u8> {
    let mut bytes = word("<w:document/>");
    for (magic, flag) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let at = bytes.windows(4).position(|window| window == magic).unwrap();
        bytes[at + flag] |= 1;
    }
    bytes
}

/// What Word makes of a document with a password: a compound file that holds the encrypted package.
fn locked_word() -> Vec<u8> {
    let mut bytes = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
    bytes.resize(1024, 0);
    bytes.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    bytes.resize(4096, 0);
    bytes
}

/// Each is refused by the child that decodes it, for a reason that names the limit or the defect.
#[test]
fn hostile_documents_are_refused_for_a_reason_that_names_it() {
    let bomb = "x".repeat(3 << 20);
    let nested = format!("<w:document {NAMESPACE}><w:body>{}", "<w:tbl><w:tr><w:tc>".repeat(500));
    let entities = format!(
        "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><w:document {NAMESPACE}>&b;</w:document>"
    );
    let entity = format!("<w:document {NAMESPACE}><w:body>&b;</w:body></w:document>");
    let many_cells = format!(
        "<w:document {NAMESPACE}><w:body><w:tbl><w:tr>{}</w:tr></w:tbl></w:body></w:document>",
        "<w:tc><w:tcPr><w:gridSpan w:val=\"60000\"/></w:tcPr></w:tc>".repeat(10)
    );
    let docx = sandbox::fixture("formats/plain.docx");
    let xlsx = sandbox::fixture("formats/sheet.xlsx");
    let whole = packet(&[("bc.docx", &docx)]);
    let dtd = whole.replace("<edXML xmlns", "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><edXML xmlns");
    let hundred: Vec<(&str, &[u8])> = vec![("a.txt", b"x"); 100];
    let parts: Vec<(String, &[u8])> = (0..5000).map(|n| (format!("p{n}"), &b""[..])).collect();
    let parts = parts.iter().map(|(name, content)| (name.as_str(), *content));
    let parts: Vec<(&str, &[u8])> = [("word/document.xml", &b""[..])].into_iter().chain(parts).collect();
    let cases: Vec<(&str, Vec<u8>, &str, &str, &str)> = vec![
        // Bombs.
        (
            "zip bomb as DOCX",
            word(&bomb),
            "",
            "too-large",
            "decode.max_expanded_bytes",
        ),
        (
            "zip bomb as XLSX",
            package(&[("xl/workbook.xml", bomb.as_bytes())]),
            "",
            "too-large",
            "decode.max_expanded_bytes",
        ),
        (
            "zip bomb in a packet",
            packet(&[("a.zip", &package(&[("a.txt", bomb.as_bytes())]))]).into_bytes(),
            "",
            "too-large",
            "decode.max_expanded_bytes",
        ),
        ("too many parts", package(&parts), "", "too-large", "decode.max_parts"),
        ("XML bomb", word(&entities), "", "malformed", "DTD"),
        ("entity", word(&entity), "", "malformed", "entity"),
        ("external DTD of a packet", dtd.into_bytes(), "", "malformed", "DTD"),
        ("nested tables", word(&nested), "", "too-large", "decode.max_depth"),
        (
            "cells over columns",
            word(&many_cells),
            "",
            "too-large",
            "decode.max_cells",
        ),
        (
            "sheets that unfold",
            sandbox::fixture("hostile/wide.xls"),
            "",
            "too-large",
            "decode.max_cells",
        ),
        (
            "gigapixel",
            sandbox::png(31_623, 31_623),
            "",
            "too-large",
            "decode.max_pixels",
        ),
        // Passwords.
        ("encrypted ZIP", locked_zip(), "", "encrypted", "password"),
        ("encrypted DOCX", locked_word(), "", "encrypted", "password"),
        // Cut off.
        ("half a DOCX", docx[..docx.len() / 2].to_vec(), "", "malformed", "ZIP"),
        ("half an XLSX", xlsx[..xlsx.len() / 2].to_vec(), "", "malformed", "ZIP"),
        (
            "half a packet",
            whole.as_bytes()[..whole.len() / 2].to_vec(),
            "",
            "malformed",
            "well-formed",
        ),
        ("head of a PNG", sandbox::png(100, 100), "", "malformed", "image"),
        // Not what they are called.
        (
            "text as PDF",
            b"B\xC3\xA1o c\xC3\xA1o".to_vec(),
            "application/pdf",
            "unsupported-format",
            "application/pdf",
        ),
        (
            "program",
            b"\x7FELF\x02\x01\x01\0\0\0".repeat(20),
            "text/plain",
            "not-text",
            "NUL",
        ),
        ("empty ZIP", package(&[]), "", "", ""),
        // Attachments.
        (
            "empty attachment",
            packet(&[("a.docx", b"")]).into_bytes(),
            "",
            "empty",
            "attachment",
        ),
        ("no attachment", packet(&[]).into_bytes(), "", "empty", "attachment"),
        (
            "a hundred attachments",
            packet(&hundred).into_bytes(),
            "",
            "too-large",
            "decode.max_attachments",
        ),
    ];
    let limits = Limits {
        max_expanded_bytes: 2 << 20,
        ..Limits::default()
    };
    let tesseract = Programs::find().path(Program::Tesseract).is_some();
    let decoder = sandbox::decoder();
    for (name, bytes, media_type, reason, said) in cases {
        if name == "head of a PNG" && !tesseract {
            continue;
        }
        let refusal = match decoder.decode_blocking(&bytes, media_type, &limits) {
            Ok(_) => panic!("{name} was read"),
            Err(refusal) => refusal,
        };
        assert!(
            refusal.reason.as_str() == reason || reason.is_empty(),
            "{name}: {refusal:?}"
        );
        assert!(refusal.message_en.contains(said), "{name}: {refusal:?}");
        assert!(!refusal.message_vi.is_empty(), "{name}");
    }
}

/// What the sender calls a document does not matter where its bytes say what it is.
#[test]
fn documents_under_a_wrong_media_type_are_read_as_what_they_are() {
    let decoder = sandbox::decoder();
    let kinds = [
        ("formats/plain.docx", "application/pdf"),
        ("formats/plain.docx", "text/plain"),
        ("formats/sheet.xlsx", "application/msword"),
        ("formats/page.html", "application/octet-stream"),
    ];
    for (name, media_type) in kinds {
        let decoded = decoder.decode_blocking(&sandbox::fixture(name), media_type, &Limits::default());
        let document = decoded.unwrap_or_else(|refusal| panic!("{name} as {media_type}: {refusal:?}"));
        assert_ne!(document.media_type, media_type, "{name}");
        assert!(document.text.len() > 200, "{name}");
    }
}
