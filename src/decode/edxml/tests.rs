use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    status::{Code, StatusError, StatusPacket},
    *,
};
use crate::packet::{Day, Organ};

/// A packet around one attachment.
fn packet(name: &str, media_type: &str, content: &[u8]) -> String {
    let data = STANDARD.encode(content);
    format!(
        r#"<?xml version="1.0"?><edXML xmlns="http://www.e-doc.vn/Schema/"><e:edXMLEnvelope xmlns:e="http://www.e-doc.vn/Schema/"><e:edXMLHeader>
        <e:MessageHeader><e:To><e:OrganId>000.00.00.H41</e:OrganId><e:OrganName>UBND tỉnh</e:OrganName></e:To>
        <e:From><e:OrganId>000.00.11.H53</e:OrganId><e:OrganName>Sở A &amp; B</e:OrganName><e:Email>N/A</e:Email></e:From>
        <e:Code><e:CodeNumber>318</e:CodeNumber><e:CodeNotation>BC-STNMT</e:CodeNotation></e:Code>
        <e:DocumentId>000.00.11.H53,2024/03/25,318/BC-STNMT</e:DocumentId>
        <e:PromulgationInfo><e:PromulgationDate>25/03/2024</e:PromulgationDate><e:Place>N/A</e:Place></e:PromulgationInfo>
        <e:DocumentType><e:TypeName>Báo cáo</e:TypeName></e:DocumentType><e:Subject>Kết quả quý I</e:Subject>
        <e:SignerInfo><e:FullName>Tạ Thị Hồng Miên</e:FullName></e:SignerInfo><e:ToPlaces><e:Place>Sở</e:Place></e:ToPlaces>
        <e:ResponseFor><e:OrganId/><e:Code></e:Code></e:ResponseFor></e:MessageHeader>
        <e:TraceHeaderList><e:Business><e:BussinessDocType>3</e:BussinessDocType></e:Business></e:TraceHeaderList></e:edXMLHeader>
        <e:edXMLBody><e:edXMLManifest><e:Reference><e:ContentId>7</e:ContentId><e:AttachmentName>{name}</e:AttachmentName></e:Reference></e:edXMLManifest></e:edXMLBody>
        </e:edXMLEnvelope><AttachmentEncoded><Attachment><ContentId>cid:7</ContentId><ContentType>{media_type}</ContentType>
        <e:ContentTransferEncoded xmlns:e="x">{data}</e:ContentTransferEncoded></Attachment></AttachmentEncoded></edXML>"#
    )
}

#[test]
fn the_envelope_and_the_main_attachment_are_read() {
    let bytes = packet("bc.txt", "application/zip", "BÁO CÁO\nKết quả".as_bytes());
    let document = decode(bytes.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(document.text, "BÁO CÁO\nKết quả");
    let envelope = document.envelope.unwrap();
    assert_eq!(
        (envelope.from.unit().as_str(), envelope.from.name.as_str()),
        ("H53.11", "Sở A & B")
    );
    assert_eq!(
        (envelope.number.as_str(), envelope.notation.as_str()),
        ("318", "BC-STNMT")
    );
    assert_eq!(
        envelope.date,
        Some(Day {
            year: 2024,
            month: 3,
            day: 25
        })
    );
    assert_eq!(
        (envelope.place.as_str(), envelope.places.len(), envelope.to.len()),
        ("", 1, 1)
    );
    assert_eq!(envelope.business.unwrap().kind, Some(3));
    assert!(envelope.replies_to.is_empty());
    assert_eq!(envelope.attachments, ["bc.txt"]);
}

#[test]
fn packets_and_archives_within_are_opened() {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, text) in [("Phu luc.txt", "Phụ lục"), ("bao cao.txt", "BÁO CÁO")] {
        zip.start_file(name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    let zip = zip.finish().unwrap().into_inner();
    let inner = packet("a.zip", "application/zip", &zip);
    let outer = packet("b.edxml", "", inner.as_bytes());
    let document = decode(outer.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(document.text, "BÁO CÁO");
    let files: Vec<(&str, bool, u32)> = document
        .attachments
        .iter()
        .map(|file| (file.name.as_str(), file.is_main, file.read.as_ref().unwrap().1))
        .collect();
    assert_eq!(files, [("Phu luc.txt", false, 7), ("bao cao.txt", true, 7)]);
}

#[test]
fn each_attachment_is_tried_and_those_that_fail_say_why() {
    let one = packet("bc.txt", "", "BÁO CÁO".as_bytes());
    let more = "<Attachment><AttachmentName>anh.pdf</AttachmentName><ContentTransferEncoded>JVBERi0x</ContentTransferEncoded>\
        </Attachment><Attachment><AttachmentName>rong.docx</AttachmentName></Attachment></AttachmentEncoded>";
    let document = decode(one.replace("</AttachmentEncoded>", more).as_bytes(), &Limits::default()).unwrap();
    assert_eq!(document.text, "BÁO CÁO");
    let read: Vec<(&str, u64, bool, Result<&str, RefusalReason>)> = document
        .attachments
        .iter()
        .map(|file| {
            let read = file.read.as_ref();
            let read = read.map(|(kind, _)| kind.as_str()).map_err(|refusal| refusal.reason);
            (file.name.as_str(), file.size, file.is_main, read)
        })
        .collect();
    let expected = [
        ("bc.txt", 9, true, Ok("text/plain")),
        ("anh.pdf", 6, false, Err(RefusalReason::UnsupportedFormat)),
        ("rong.docx", 0, false, Err(RefusalReason::Empty)),
    ];
    assert_eq!(read, expected);
}

#[test]
fn hostile_packets_are_refused() {
    let refusal = |text: &str| decode(text.as_bytes(), &Limits::default()).unwrap_err();
    let empty = packet("a.docx", "", b"");
    assert_eq!(refusal(&empty).reason, RefusalReason::Empty);
    let dtd = empty.replace(
        "<edXML xmlns",
        "<!DOCTYPE x SYSTEM \"http://example.org/x.dtd\"><edXML xmlns",
    );
    assert!(refusal(&dtd).message_en.contains("DTD"));
    assert!(refusal(&empty.replace("&amp;", "&xxe;")).message_en.contains("entity"));
    assert!(
        refusal(&empty.replace("</e:From>", ""))
            .message_en
            .contains("well-formed")
    );
    let hundred = empty.replace(
        "<AttachmentEncoded>",
        &format!("<AttachmentEncoded>{}", "<Attachment/>".repeat(100)),
    );
    assert!(refusal(&hundred).message_en.contains("decode.max_attachments"));
    let mut nested = packet("a.txt", "", b"x");
    for _ in 0..6 {
        nested = packet("a.edxml", "", nested.as_bytes());
    }
    assert!(refusal(&nested).message_en.contains("deep"));
    let wrong = packet("a.docx", "", b"x").replace("eA==", "*");
    assert!(refusal(&wrong).message_en.contains("base64"));
    assert_eq!(refusal("<edXML/>").reason, RefusalReason::Malformed);
}

#[test]
fn a_written_status_is_read_back() {
    let bytes = packet("bc.txt", "", b"x");
    let about = read(bytes.as_bytes(), &Limits::default()).unwrap().envelope;
    let from = Organ {
        id: "000.00.00.H41".into(),
        name: "UBND <tỉnh>".into(),
        in_charge: String::new(),
    };
    let mut status = StatusPacket {
        from: &from,
        about: &about,
        code: Code::Rejected,
        description: "Từ chối: tệp hỏng & thiếu\u{1}",
        time: [2024, 3, 25, 8, 5, 0],
        staff: None,
    };
    let written = status.write().unwrap();
    let read = read(written.as_bytes(), &Limits::default()).unwrap().envelope;
    let found = read.status.unwrap();
    assert_eq!(
        (found.code, found.description.as_str(), found.time.as_str()),
        (2, "Từ chối: tệp hỏng & thiếu", "2024/03/25 08:05:00")
    );
    assert_eq!(
        (read.document_id, read.from.name),
        (about.document_id.clone(), "UBND <tỉnh>".to_owned())
    );
    assert_eq!(read.replies_to[0].code, "318/BC-STNMT");
    assert_eq!(
        decode(written.as_bytes(), &Limits::default()).unwrap_err().reason,
        RefusalReason::NoReport
    );
    status.description = " ";
    assert_eq!(status.write(), Err(StatusError::Reason));
}

/// The samples stand beside the project, where they are at all.
#[test]
fn sample_packets_give_unit_document_and_status() {
    let folder = std::path::Path::new("../shared/samples/edxml");
    let read_file = |name: &str| {
        std::fs::read(folder.join(name))
            .ok()
            .map(|bytes| read(&bytes, &Limits::default()))
    };
    let id = "000.00.00.G22,2015/09/30,7816/VPCP-TTĐT";
    if let Some(packet) = read_file("edoc_new.edxml") {
        let packet = packet.unwrap();
        assert_eq!(
            (
                packet.envelope.from.unit().as_str(),
                packet.envelope.document_id.as_str()
            ),
            ("A80", id)
        );
        assert_eq!(packet.attachments.len(), 1);
        assert_eq!(packet.envelope.trace[0].organ, "000.00.00.G22");
    }
    for (name, code) in [("status_inbox_01.edxml", 1), ("status_rejection_02.edxml", 2)] {
        if let Some(packet) = read_file(name) {
            let envelope = packet.unwrap().envelope;
            assert_eq!(envelope.status.unwrap().code, code);
            assert_eq!(
                (envelope.document_id.as_str(), envelope.replies_to[0].organ.as_str()),
                (id, "000.00.00.G22")
            );
        }
    }
    if let Some(packet) = read_file("edoc.edxml") {
        let refusal = packet.unwrap_err();
        assert_eq!(refusal.reason, RefusalReason::Malformed);
        assert!(
            refusal.message_en.contains("not well-formed XML near line 74"),
            "{refusal:?}"
        );
    }
}
