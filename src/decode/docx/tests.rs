use std::io::{Cursor, Write};

use proptest::prelude::*;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;
use crate::decode::RefusalReason;

/// A package of parts.
fn package(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn document(body: &str) -> Vec<u8> {
    let xml =
        format!(r#"<?xml version="1.0"?><w:document xmlns:w="w" xmlns:mc="mc"><w:body>{body}</w:body></w:document>"#);
    package(&[("word/document.xml", xml.as_bytes())])
}

fn text(body: &str) -> String {
    decode(&document(body), &Limits::default()).unwrap().text
}

#[test]
fn paragraphs_breaks_and_references() {
    let body = "<w:p><w:r><w:t>Sở Y tế &amp; UBND &#x111;&#7879;</w:t><w:br/><w:t>dòng hai</w:t></w:r></w:p>\
        <w:p/><w:p><w:r><w:t xml:space=\"preserve\">Số:      /BC</w:t><w:noBreakHyphen/><w:t>S\u{AD}YT</w:t></w:r></w:p>";
    assert_eq!(text(body), "Sở Y tế & UBND đệ\ndòng hai\n\nSố:      /BC-SYT\n");
}

#[test]
fn merged_cells_keep_columns_in_line() {
    let cell = |properties: &str, text: &str| {
        format!("<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>")
    };
    let row = |cells: &[String]| format!("<w:tr>{}</w:tr>", cells.concat());
    let body = format!(
        "<w:tbl><w:tblPr><w:tblBorders><w:insideV w:val=\"single\"/></w:tblBorders></w:tblPr>{}{}{}{}</w:tbl>",
        row(&[
            cell("<w:vMerge w:val=\"restart\"/>", "Xã"),
            cell("<w:gridSpan w:val=\"2\"/>", "Hồ sơ")
        ]),
        row(&[cell("<w:vMerge/>", ""), cell("", "Nhận"), cell("", "Trả")]),
        row(&[cell("", "A"), cell("", "5"), cell("", "")]),
        row(&[cell("<w:gridSpan w:val=\"3\"/>", "Nhóm")]),
    );
    let document = decode(&document(&body), &Limits::default()).unwrap();
    assert_eq!(document.text, "Xã | Hồ sơ |\n| Nhận | Trả\nA | 5 |\nNhóm | |\n");
    let [table] = document.tables.as_slice() else { panic!() };
    let read = |row: usize| -> Vec<(&str, u32, u32, bool)> {
        let cells = table.rows[row].cells.iter();
        cells
            .map(|cell| (cell.span.of(&document.text), cell.column, cell.columns, cell.continued))
            .collect()
    };
    assert_eq!(read(0), [("Xã", 0, 1, false), ("Hồ sơ", 1, 2, false)]);
    assert_eq!(read(1), [("", 0, 1, true), ("Nhận", 1, 1, false), ("Trả", 2, 1, false)]);
}

#[test]
fn footnotes_stand_below_their_paragraph() {
    let body = r#"<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>Hiến đất </w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r>
        <w:r><w:t>, diện tích 5 m</w:t></w:r><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>2</w:t></w:r></w:p>
        <w:p><w:r><w:t>Hết.</w:t></w:r></w:p></w:body></w:document>"#;
    let notes = r#"<w:footnotes xmlns:w="w"><w:footnote w:type="separator" w:id="0"><w:p><w:r><w:t>x</w:t></w:r></w:p></w:footnote>
        <w:footnote w:id="2"><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t xml:space="preserve"> Theo kế hoạch,</w:t></w:r></w:p>
        <w:p><w:r><w:t>của xã.</w:t></w:r></w:p></w:footnote></w:footnotes>"#;
    let relations =
        r#"<Relationships><Relationship Id="1" Type="http://x/footnotes" Target="footnotes.xml"/></Relationships>"#;
    let bytes = package(&[
        ("word/document.xml", body.as_bytes()),
        ("word/_rels/document.xml.rels", relations.as_bytes()),
        ("word/footnotes.xml", notes.as_bytes()),
    ]);
    assert_eq!(
        decode(&bytes, &Limits::default()).unwrap().text,
        "Hiến đất¹, diện tích 5 m²\n\n¹ Theo kế hoạch, của xã.\n\nHết.\n"
    );
}

#[test]
fn a_masthead_in_the_header_is_taken() {
    let body = r#"<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>BÁO CÁO</w:t></w:r></w:p></w:body></w:document>"#;
    let header = r#"<w:hdr xmlns:w="w"><w:p><w:r><w:t>CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM</w:t></w:r></w:p></w:hdr>"#;
    let other = r#"<w:hdr xmlns:w="w"><w:p><w:r><w:t>2</w:t></w:r></w:p></w:hdr>"#;
    let relations = r#"<Relationships><Relationship Type="x/header" Target="/word/h2.xml"/><Relationship Type="x/header" Target="h1.xml"/>
        <Relationship Type="x/header" TargetMode="External" Target="http://example.org/h.xml"/></Relationships>"#;
    let bytes = package(&[
        ("word/document.xml", body.as_bytes()),
        ("word/_rels/document.xml.rels", relations.as_bytes()),
        ("word/h1.xml", header.as_bytes()),
        ("word/h2.xml", other.as_bytes()),
    ]);
    assert_eq!(
        decode(&bytes, &Limits::default()).unwrap().text,
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\n\nBÁO CÁO\n"
    );
}

#[test]
fn letters_of_old_encodings_in_a_new_font_are_mended() {
    let body =
        "<w:p><w:r><w:t>Uû ban nh©n d©n tØnh ®· chØ ®¹o c¸c ngµnh thùc hiÖn ph\u{AD}¬ng h\u{AD}íng</w:t></w:r></w:p>";
    let document = decode(&document(body), &Limits::default()).unwrap();
    assert_eq!(
        document.text,
        "Uỷ ban nhân dân tỉnh đã chỉ đạo các ngành thực hiện phương hướng\n"
    );
    assert_eq!(document.encoding, "TCVN3");
}

#[test]
fn hostile_packages_are_refused_with_the_limit_or_the_defect() {
    let refusal = |bytes: &[u8]| {
        let limits = Limits {
            max_expanded_bytes: 1 << 20,
            max_paragraphs: 1000,
            ..Limits::default()
        };
        decode(bytes, &limits).unwrap_err()
    };
    let refused = refusal(&document(&"<w:p/>".repeat(1001)));
    assert_eq!(refused.reason, RefusalReason::TooLarge);
    assert!(refused.message_en.contains("decode.max_paragraphs"), "{refused:?}");
    let bomb = package(&[("word/document.xml", &vec![b' '; 2 << 20])]);
    assert!(refusal(&bomb).message_en.contains("decode.max_expanded_bytes"));
    let deep = document(&"<w:sdt>".repeat(1000));
    assert!(refusal(&deep).message_en.contains("decode.max_depth"));
    let wide =
        document("<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val=\"4000000000\"/></w:tcPr><w:p/></w:tc></w:tr></w:tbl>");
    assert!(refusal(&wide).message_en.contains("decode.max_cells"));
    let laughs = r#"<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><w:document xmlns:w="w">&b;</w:document>"#;
    let laughs = package(&[("word/document.xml", laughs.as_bytes())]);
    assert!(refusal(&laughs).message_en.contains("DTD"));
    assert!(
        refusal(&document("<w:p><w:r><w:t>&xxe;</w:t></w:r></w:p>"))
            .message_en
            .contains("entity")
    );
    assert_eq!(refusal(&document("<w:p></w:r>")).reason, RefusalReason::Malformed);
    assert_eq!(refusal(&document("<w:p/>")).reason, RefusalReason::Empty);
    assert_eq!(refusal(&document("x")[..80]).reason, RefusalReason::Malformed);
    assert_eq!(
        refusal(&package(&[("other.xml", b"<x/>")])).reason,
        RefusalReason::Malformed
    );
    assert_eq!(
        refusal(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1").reason,
        RefusalReason::Encrypted
    );
}

#[test]
fn a_note_referred_to_again_and_again_counts_each_time() {
    let body = format!(
        r#"<w:document xmlns:w="w"><w:body><w:p><w:r>{}</w:r></w:p></w:body></w:document>"#,
        r#"<w:footnoteReference w:id="2"/>"#.repeat(200)
    );
    let note = format!(
        r#"<w:footnotes xmlns:w="w"><w:footnote w:id="2"><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:footnote></w:footnotes>"#,
        "a".repeat(1000)
    );
    let relations = r#"<Relationships><Relationship Type="x/footnotes" Target="footnotes.xml"/></Relationships>"#;
    let bytes = package(&[
        ("word/document.xml", body.as_bytes()),
        ("word/_rels/document.xml.rels", relations.as_bytes()),
        ("word/footnotes.xml", note.as_bytes()),
    ]);
    let limits = Limits {
        max_text_bytes: 100_000,
        ..Limits::default()
    };
    assert!(
        decode(&bytes, &limits)
            .unwrap_err()
            .message_en
            .contains("decode.max_text_bytes")
    );
    assert!(decode(&bytes, &Limits::default()).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn mutated_bodies_never_panic(pieces in proptest::collection::vec(0usize..24, 0..60)) {
        const PIECES: [&str; 24] = [
            "<w:p>", "</w:p>", "<w:r>", "</w:r>", "<w:t>a", "</w:t>", "<w:tbl>", "</w:tbl>", "<w:tr>", "</w:tr>", "<w:tc>", "</w:tc>",
            "<w:pPr>", "</w:pPr>", "<w:rPr>", "</w:rPr>", "<w:del/>", "<mc:AlternateContent>", "</mc:AlternateContent>", "<mc:Choice>",
            "</mc:Choice>", "<w:txbxContent>", "</w:txbxContent>", "<w:vMerge/>",
        ];
        let body: String = pieces.iter().map(|&piece| PIECES[piece]).collect();
        let _ = decode(&document(&body), &Limits::default());
    }

    #[test]
    fn mutated_packages_never_panic(at in 0usize..40_000, byte: u8, cut in 0usize..45_000) {
        let mut bytes = include_bytes!("../../../tests/fixtures/formats/tracked.docx").to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = decode(&bytes, &Limits::default());
        bytes.truncate(cut);
        let _ = decode(&bytes, &Limits::default());
    }
}
