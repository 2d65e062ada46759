//! Packets on the bus: a result, and for the gateway status packets that say what became of each.

use baocao::{
    decode::{Limits, edxml},
    packet::Envelope,
    proto::baocao::v1 as pb,
    worker::handle::End,
};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::harness::{Client, Worker, crate_root, on_each_server};

/// A packet around a file, as gateways send it.
pub fn packet(attachments: &[(&str, &[u8])]) -> String {
    let attachments: String = attachments
        .iter()
        .map(|(name, bytes)| {
            let encoded = STANDARD.encode(bytes);
            format!(
                "<Attachment><AttachmentName>{name}</AttachmentName>\
                 <ContentTransferEncoded>{encoded}</ContentTransferEncoded></Attachment>"
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <edXML xmlns=\"http://www.mic.gov.vn/TBT/QCVN_102_2016\">\
         <edXML:edXMLEnvelope xmlns:edXML=\"http://www.mic.gov.vn/TBT/QCVN_102_2016\"><edXML:edXMLHeader>\
         <edXML:MessageHeader>\
         <edXML:From><edXML:OrganId>000.00.11.H53</edXML:OrganId></edXML:From>\
         <edXML:To><edXML:OrganId>000.00.00.H53</edXML:OrganId>\
         <edXML:OrganName>UBND tỉnh Khê Lam</edXML:OrganName></edXML:To>\
         <edXML:DocumentId>000.00.11.H53,2024/03/25,318/BC-STNMT</edXML:DocumentId>\
         <edXML:Code><edXML:CodeNumber>318</edXML:CodeNumber><edXML:CodeNotation>BC-STNMT</edXML:CodeNotation></edXML:Code>\
         <edXML:PromulgationInfo><edXML:PromulgationDate>2024/03/25</edXML:PromulgationDate></edXML:PromulgationInfo>\
         </edXML:MessageHeader></edXML:edXMLHeader></edXML:edXMLEnvelope>\
         <AttachmentEncoded>{attachments}</AttachmentEncoded></edXML>"
    )
}

fn report() -> Vec<u8> {
    std::fs::read(crate_root().join("tests/fixtures/formats/plain.docx")).unwrap()
}

fn sheet() -> Vec<u8> {
    std::fs::read(crate_root().join("tests/fixtures/formats/sheet.xlsx")).unwrap()
}

/// The subjects of status packets without what is before the unit, and what they say.
async fn statuses(client: &Client, count: usize) -> Vec<(String, Envelope)> {
    let messages = client.take(&client.names().edxml_stream(), count).await;
    let read = messages.iter().map(|message| {
        let (_, subject) = message.subject.as_str().split_once(".edxml.status.").unwrap();
        let packet = edxml::read(&message.payload, &Limits::default()).unwrap();
        (subject.to_owned(), packet.envelope)
    });
    let mut read: Vec<_> = read.collect();
    read.sort_by(|a, b| a.0.cmp(&b.0));
    read
}

#[test]
fn a_packet_has_a_result_and_its_sender_is_told() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        let worker = Worker::start(&settings);
        let whole = packet(&[
            ("phu-luc.xlsx", &sheet()),
            ("bc.docx", &report()),
            ("con-dau.bin", b"\0\x01"),
        ]);
        client.submit_raw("good", "", whole.clone().into_bytes()).await;
        // Broken off in the attachment: the header says whom to answer.
        let broken = whole.as_bytes()[..whole.len() - 100].to_vec();
        client.submit_raw("broken", "", broken).await;
        client.until_all_is_done().await;

        let results = client.results(2).await;
        let result = |id: &str| {
            let of = |result: &&pb::ReportProcessed| result.submission.as_ref().unwrap().submission_id == id;
            results.iter().find(of).unwrap()
        };
        assert_eq!(result("good").status(), pb::Status::Processed);
        assert_eq!(result("broken").refusal.as_ref().unwrap().reason, "malformed");

        // All attachments were read, the main one is the report.
        let document = result("good").document.as_ref().unwrap();
        let files: Vec<(&str, bool, bool, &str)> = document
            .attachments
            .iter()
            .map(|file| (file.name.as_str(), file.main, file.length > 0, file.refusal.as_str()))
            .collect();
        let expected = [
            ("phu-luc.xlsx", false, true, ""),
            ("bc.docx", true, true, ""),
            ("con-dau.bin", false, false, "not-text"),
        ];
        assert_eq!(files, expected);

        let told = statuses(&client, 4).await;
        let said: Vec<(&str, u8, &str)> = told
            .iter()
            .map(|(subject, envelope)| {
                let status = envelope.status.as_ref().unwrap();
                (subject.as_str(), status.code, status.description.as_str())
            })
            .collect();
        let why = format!(
            "Từ chối tiếp nhận: {}",
            result("broken").refusal.as_ref().unwrap().message_vi
        );
        assert_eq!(
            said,
            [
                ("H50.9.broken.01", 1, "Đã đến"),
                ("H50.9.broken.02", 2, why.as_str()),
                ("H50.9.good.01", 1, "Đã đến"),
                ("H50.9.good.03", 3, "Đã tiếp nhận"),
            ]
        );
        for (subject, envelope) in &told {
            // From the recipient to the sender, about the document.
            assert_eq!(envelope.from.id, "000.00.00.H53", "{subject}");
            let about = &envelope.replies_to[0];
            assert_eq!(
                (about.organ.as_str(), about.code.as_str(), about.document_id.as_str()),
                ("000.00.11.H53", "318/BC-STNMT", "000.00.11.H53,2024/03/25,318/BC-STNMT"),
                "{subject}"
            );
        }
        let summary = worker.stop().await;
        assert_eq!((summary.count(End::Processed), summary.count(End::Refused)), (1, 1));
    });
}

#[test]
fn a_packet_that_comes_twice_is_answered_once_and_answers_are_not_answered() {
    on_each_server(|server| async move {
        let settings = server.settings();
        let client = Client::new(&settings).await;
        client.provide().await;
        let worker = Worker::start(&settings);
        let whole = packet(&[("bc.docx", &report())]);
        for _ in 0..2 {
            client.submit_raw("twice", "", whole.clone().into_bytes()).await;
        }
        client.until_all_is_done().await;
        let answers = client.take(&client.names().edxml_stream(), 2).await;
        client.submit_raw("answer", "", answers[0].payload.to_vec()).await;
        client.until_all_is_done().await;
        let results = client.results(2).await;
        let reasons: Vec<&str> = results
            .iter()
            .filter_map(|result| result.refusal.as_ref().map(|refusal| refusal.reason.as_str()))
            .collect();
        assert_eq!(reasons, ["no-report"]);
        assert_eq!(client.count(&client.names().edxml_stream()).await, 2);
        worker.stop().await;
    });
}

#[test]
fn no_status_is_sent_where_that_is_switched_off() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        settings.edxml.status = false;
        let client = Client::new(&settings).await;
        client.provide().await;
        let worker = Worker::start(&settings);
        let whole = packet(&[("bc.docx", &report())]);
        client.submit_raw("quiet", "", whole.into_bytes()).await;
        client.until_all_is_done().await;
        assert_eq!(client.results(1).await[0].status(), pb::Status::Processed);
        assert_eq!(client.count(&client.names().edxml_stream()).await, 0);
        worker.stop().await;
    });
}
