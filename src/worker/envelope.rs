//! What a message of the bus holds: a `ReportSubmission`, or a document of its own.

use std::{borrow::Cow, time::SystemTime};

use async_nats::HeaderMap;
use bytes::Bytes;
use prost::Message;
use sha2::{Digest, Sha256};

use crate::{
    bus::{Names, Reference, Unit, headers, names::hex},
    decode::{self, Refusal, RefusalReason},
    packet::Envelope as Packet,
    proto::baocao::v1 as pb,
    wire,
};

mod event;

/// Longest content for which a protobuf message could be mistaken for text: its length takes one
/// byte, which may be a letter.
const SHORT: usize = 128;

/// Who a message is from and what it is called, whatever is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The unit, from the subject: permissions are given by subject, so the content has no say.
    pub unit: Unit,
    /// The submission's id.
    pub submission: String,
}

/// A message, read as far as the bus is concerned.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Who it is from and what it is called.
    pub identity: Identity,
    /// The submission, with its content.
    pub submission: pb::ReportSubmission,
    /// Why there is no submission in it, if there is none.
    pub refusal: Option<Refusal>,
    /// Where its content lies, if that is not in it.
    pub elsewhere: Option<Reference>,
    /// What the edXML packet says that it is, if it is one.
    pub packet: Option<Packet>,
}

impl Envelope {
    /// Reads what an edXML packet says of itself; the content may have come later than the message.
    pub fn take_packet(&mut self, content: &[u8]) {
        self.packet = decode::edxml::envelope(content, &decode::Limits::default());
        if let Some(packet) = &self.packet {
            // Where the subject names no unit, the submission has the packet's; the identity has not.
            wire::take_envelope(&mut self.submission, packet);
        }
    }
}

/// Opens a message. Never fails: what is no submission has at least a name and a reason.
pub fn open(
    names: &Names,
    subject: &str,
    incoming: Option<&HeaderMap>,
    payload: &Bytes,
    stored_at: SystemTime,
) -> Envelope {
    let (mut submission, refusal) = match read(incoming, payload) {
        Ok(submission) => (submission, None),
        Err(refusal) => (pb::ReportSubmission::default(), Some(refusal)),
    };
    let content: &[u8] = if refusal.is_some() {
        payload
    } else {
        &submission.content
    };
    let elsewhere = reference(&submission);
    let (digest, size) = match &elsewhere {
        Some(reference) => (reference.name.clone(), reference.size as u64),
        None => (hex(&Sha256::digest(content)), content.len() as u64),
    };
    let own = Some(submission.submission_id.as_str()).filter(|id| !id.is_empty());
    let given = headers::id(incoming).or(own.map(Cow::Borrowed));
    let id = given.unwrap_or(Cow::Borrowed(&digest[..32])).into_owned();
    let unit = names.unit_of(subject);
    submission.submission_id = id.clone();
    submission.unit = unit.to_string();
    submission.content_sha256 = digest;
    submission.content_size = size;
    if let Some(source) = headers::attribute(incoming, "ce-source") {
        submission.source = source.into_owned();
    }
    let said = headers::get(incoming, "ce-time").and_then(|time| time.parse().ok());
    submission.submitted_at = said.or(submission.submitted_at).or(Some(stored_at.into()));
    let identity = Identity { unit, submission: id };
    let content = std::mem::take(&mut submission.content);
    let mut envelope = Envelope {
        identity,
        submission,
        refusal,
        elsewhere,
        packet: None,
    };
    envelope.take_packet(&content);
    envelope.submission.content = content;
    envelope
}

/// Where the content of a submission lies that is not in it.
fn reference(submission: &pb::ReportSubmission) -> Option<Reference> {
    let object = submission.content_object.as_ref();
    let object = object.filter(|_| submission.content.is_empty())?;
    Some(Reference {
        name: object.name.clone(),
        size: usize::try_from(object.size).unwrap_or(usize::MAX),
    })
}

/// As much of a `ReportSubmission` as tells its kind; the content is not copied.
#[derive(Clone, PartialEq, prost::Message)]
struct Glance {
    #[prost(string, tag = "4")]
    media_type: String,
    #[prost(bytes = "bytes", tag = "5")]
    content: Bytes,
}

/// Whether a message surely holds plain text. `fetched` is its content, where that does not lie in it.
pub fn is_text(incoming: Option<&HeaderMap>, payload: &Bytes, fetched: Option<&Bytes>) -> bool {
    let media_type = media_type(incoming);
    match media_type.as_str() {
        "application/protobuf" | "application/x-protobuf" | "application/vnd.google.protobuf" => {
            Glance::decode(payload.clone()).is_ok_and(|submission| {
                let content = fetched.unwrap_or(&submission.content);
                decode::is_plain(content, &submission.media_type)
            })
        }
        // What it is, only reading it will tell.
        "" | "application/octet-stream" | "application/json" => false,
        _ => decode::is_plain(payload, &media_type),
    }
}

/// The media type that a message says it has, without parameters.
fn media_type(incoming: Option<&HeaderMap>) -> String {
    let said = headers::get(incoming, headers::CONTENT_TYPE);
    let said = said.or_else(|| headers::get(incoming, headers::DATA_CONTENT_TYPE));
    decode::essence(said.unwrap_or_default())
}

/// The submission in a message.
fn read(incoming: Option<&HeaderMap>, payload: &Bytes) -> Result<pb::ReportSubmission, Refusal> {
    if payload.is_empty() {
        return Err(Refusal::new(
            RefusalReason::Empty,
            "thông điệp rỗng",
            "the message has no content",
        ));
    }
    if headers::is_structured(incoming) {
        return event::read(payload);
    }
    by_media_type(&media_type(incoming), payload)
}

/// The submission in bytes of which the sender says what they are.
fn by_media_type(said: &str, payload: &Bytes) -> Result<pb::ReportSubmission, Refusal> {
    let media_type = decode::essence(said);
    match media_type.as_str() {
        "application/protobuf" | "application/x-protobuf" | "application/vnd.google.protobuf" => from_protobuf(payload),
        "application/json" => from_json(payload),
        "" | "application/octet-stream" => Ok(sniff(payload).unwrap_or_else(|| raw("", payload))),
        _ => Ok(raw(&media_type, payload)),
    }
}

/// A document that came without an envelope.
fn raw(media_type: &str, payload: &Bytes) -> pb::ReportSubmission {
    pb::ReportSubmission {
        media_type: media_type.into(),
        content: payload.to_vec(),
        ..Default::default()
    }
}

fn from_protobuf(payload: &[u8]) -> Result<pb::ReportSubmission, Refusal> {
    let submission = pb::ReportSubmission::decode(payload).map_err(|_| malformed("protobuf"))?;
    checked(submission).ok_or_else(|| malformed("protobuf"))
}

fn from_json(payload: &[u8]) -> Result<pb::ReportSubmission, Refusal> {
    let submission = wire::from_json(payload).map_err(|_| malformed("JSON"))?;
    checked(submission).ok_or_else(|| malformed("JSON"))
}

/// The causes of decoders may quote the message; these words do not.
fn malformed(notation: &str) -> Refusal {
    Refusal::new(
        RefusalReason::Malformed,
        format!("không phải thông điệp ReportSubmission hợp lệ ({notation})"),
        format!("not a valid ReportSubmission ({notation})"),
    )
}

/// A submission whose fields agree with one another. Protobuf reads almost any message as any
/// other; what gives a stranger away is a media type that is none, a hash or a size that is wrong,
/// and no content.
fn checked(submission: pb::ReportSubmission) -> Option<pb::ReportSubmission> {
    let is_media_type = |text: &str| {
        let plain = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
        };
        let essence = text.split(';').next().unwrap_or_default().trim();
        essence
            .split_once('/')
            .is_some_and(|(kind, subtype)| plain(kind) && plain(subtype))
    };
    let elsewhere = reference(&submission);
    let is_hash_right = || {
        let said = &submission.content_sha256;
        said.is_empty()
            || match &elsewhere {
                Some(reference) => said.eq_ignore_ascii_case(&reference.name),
                None => said.eq_ignore_ascii_case(&hex(&Sha256::digest(&submission.content))),
            }
    };
    let size = elsewhere
        .as_ref()
        .map_or(submission.content.len(), |reference| reference.size);
    let is_size_right = submission.content_size == 0 || submission.content_size == size as u64;
    let is_content = elsewhere
        .as_ref()
        .map_or(!submission.content.is_empty(), Reference::is_sound);
    let is_type_right = submission.media_type.is_empty() || is_media_type(&submission.media_type);
    let is_sound = is_content && is_type_right && is_size_right && is_hash_right();
    is_sound.then_some(submission)
}

/// A submission in a message that does not say what it is. A document must never be taken for
/// one, so the proof is strict: every byte is accounted for (written again, the message is the
/// same), the fields agree, and it is not plain text that looks so by chance, which only a content
/// of less than 128 bytes can.
fn sniff(payload: &[u8]) -> Option<pb::ReportSubmission> {
    if payload.first() == Some(&b'{') {
        // A sender need not say that it is an event, either.
        return from_json(payload).or_else(|_| event::read(payload)).ok();
    }
    let submission = pb::ReportSubmission::decode(payload).ok()?;
    if submission.encoded_len() != payload.len() || submission.encode_to_vec() != payload {
        return None;
    }
    let submission = checked(submission)?;
    let is_text = submission.content.len() < SHORT && is_plain_text(payload);
    (!is_text).then_some(submission)
}

/// Whether bytes are text without control characters.
fn is_plain_text(bytes: &[u8]) -> bool {
    let is_ordinary = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    simdutf8::basic::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_ordinary))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ỦY BAN NHÂN DÂN\nBÁO CÁO\nKết quả công tác quý I năm 2024 của Ủy ban nhân dân phường, \
                        tình hình và nhiệm vụ trong thời gian tới.";

    fn submission() -> pb::ReportSubmission {
        pb::ReportSubmission {
            content: TEXT.into(),
            media_type: "text/plain".into(),
            file_name: "bc.txt".into(),
            ..Default::default()
        }
    }

    fn opened(content_type: &str, payload: impl Into<Bytes>) -> Envelope {
        let names = Names::new("baocao").expect("plain");
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert("Content-Type", content_type);
        }
        open(
            &names,
            "baocao.report.received.H50.1",
            Some(&headers),
            &payload.into(),
            SystemTime::UNIX_EPOCH,
        )
    }

    #[test]
    fn all_four_ways_of_sending_say_the_same() {
        let json = wire::to_json(&submission(), false).expect("encodes");
        let ids: Vec<String> = [
            ("application/protobuf", submission().encode_to_vec()),
            ("", submission().encode_to_vec()),
            ("application/json; charset=utf-8", json.clone().into_bytes()),
            ("", json.into_bytes()),
            ("text/plain", TEXT.into()),
            ("", TEXT.into()),
        ]
        .into_iter()
        .map(|(content_type, payload)| {
            let envelope = opened(content_type, payload);
            assert_eq!(envelope.refusal, None, "{content_type}");
            assert_eq!(envelope.submission.content, TEXT.as_bytes(), "{content_type}");
            assert_eq!(envelope.submission.unit, "H50.1");
            assert_eq!(envelope.submission.content_size, TEXT.len() as u64);
            envelope.identity.submission
        })
        .collect();
        assert_eq!(ids[0].len(), 32);
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }

    #[test]
    fn text_is_told_from_what_a_decoder_reads() {
        let is_text = |content_type: &str, payload: Vec<u8>| {
            let mut headers = HeaderMap::new();
            headers.insert("Content-Type", content_type);
            super::is_text(Some(&headers), &payload.into(), None)
        };
        let office = pb::ReportSubmission {
            content: b"PK\x03\x04word/document.xml".to_vec(),
            media_type: String::new(),
            ..submission()
        };
        assert!(is_text("text/plain; charset=utf-8", TEXT.into()));
        assert!(is_text("application/protobuf", submission().encode_to_vec()));
        assert!(!is_text("application/protobuf", office.encode_to_vec()));
        assert!(!is_text("application/protobuf", b"\xFF".to_vec()));
        assert!(!is_text("application/pdf", b"%PDF-1.7".to_vec()));
        let claim = pb::ReportSubmission::default().encode_to_vec().into();
        let mut headers = HeaderMap::new();
        headers.insert("Content-Type", "application/protobuf");
        assert!(super::is_text(Some(&headers), &claim, Some(&TEXT.into())));
        assert!(!super::is_text(
            Some(&headers),
            &claim,
            Some(&b"%PDF-1.7".as_slice().into())
        ));
    }

    #[test]
    fn bare_content_is_found_without_a_header() {
        let bare = pb::ReportSubmission {
            content: TEXT.into(),
            ..Default::default()
        };
        assert_eq!(opened("", bare.encode_to_vec()).submission.content, TEXT.as_bytes());
    }

    #[test]
    fn content_may_lie_elsewhere() {
        let reference = Reference::to(TEXT.as_bytes());
        let object = |name: &str| {
            Some(pb::StoredObject {
                name: name.into(),
                size: reference.size as u64,
            })
        };
        let claim = pb::ReportSubmission {
            content_object: object(&reference.name),
            ..Default::default()
        };
        for content_type in ["", "application/protobuf"] {
            let envelope = opened(content_type, claim.encode_to_vec());
            assert_eq!(envelope.elsewhere.as_ref(), Some(&reference));
            assert_eq!(envelope.submission.content_sha256, reference.name);
            assert_eq!(
                envelope.identity.submission,
                reference.name[..32],
                "the id it would have with its content"
            );
        }
        let strange = pb::ReportSubmission {
            content_object: object("../secret"),
            ..Default::default()
        };
        let reason = opened("application/protobuf", strange.encode_to_vec()).refusal;
        assert_eq!(reason.map(|refusal| refusal.reason), Some(RefusalReason::Malformed));
    }

    #[test]
    fn text_that_looks_like_protobuf_stays_text() {
        // Field 5 with 42 bytes, and it ends right there.
        let text = format!("**{}", "x".repeat(42));
        assert!(pb::ReportSubmission::decode(text.as_bytes()).is_ok());
        assert_eq!(opened("", text.clone()).submission.content, text.as_bytes());
        let brace = "{ \"một\": 1 }";
        assert_eq!(opened("", brace).submission.content, brace.as_bytes());
    }

    #[test]
    fn strangers_are_refused() {
        let alert = pb::Alert {
            alert_id: "1.0".into(),
            rule: "sum-mismatch".into(),
            finding: Some(pb::Finding {
                rule: "sum-mismatch".into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let whole = submission().encode_to_vec();
        for (content_type, payload) in [
            ("application/protobuf", whole[..whole.len() - 5].to_vec()),
            ("application/protobuf", alert.encode_to_vec()),
            (
                "application/protobuf",
                prost_types::Timestamp { seconds: 1, nanos: 2 }.encode_to_vec(),
            ),
            ("application/protobuf", TEXT.into()),
            ("application/json", TEXT.into()),
            ("application/json", b"{}".to_vec()),
        ] {
            let reason = opened(content_type, payload).refusal.map(|refusal| refusal.reason);
            assert_eq!(reason, Some(RefusalReason::Malformed), "{content_type}");
        }
        let empty = opened("", Bytes::new());
        assert_eq!(empty.refusal.map(|refusal| refusal.reason), Some(RefusalReason::Empty));
    }

    #[test]
    fn headers_name_the_submission() {
        let names = Names::new("baocao").expect("plain");
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", "second");
        let id = |headers: &HeaderMap| {
            let payload = Bytes::from(submission().encode_to_vec());
            let subject = "baocao.report.received._";
            open(&names, subject, Some(headers), &payload, SystemTime::UNIX_EPOCH)
                .identity
                .submission
        };
        assert_eq!(id(&headers), "second");
        headers.insert("ce-id", "first");
        assert_eq!(id(&headers), "first");
    }
}
