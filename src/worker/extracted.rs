//! What a worker that extracts hands to one that validates: a `ReportExtracted`.
//!
//! It holds the document, and of the submission all but the content. What is wrong with a report is judged on the
//! program's own reading of the document, so the one that validates reads the text again (the messages hold less than
//! it needs, and reading costs about as much as unpacking a message would); the expensive part, decoding, is not done
//! twice.

use std::time::SystemTime;

use bytes::Bytes;
use prost::Message;

use super::{
    envelope::Identity,
    job::{Input, Opened},
};
use crate::{
    bus::{Names, Reference, names::token},
    decode::{Refusal, RefusalReason},
    proto::baocao::v1 as pb,
    wire,
};

/// Opens a message; the error is where its content lies, if that is not in it and not `fetched`. Never fails otherwise:
/// what cannot be read has at least a name and a reason.
pub fn open(names: &Names, input: &Input, fetched: Option<&Bytes>) -> Result<Opened, Reference> {
    let mut message = read(names, input.subject(), input.payload());
    if let Ok(pb::ReportExtracted { whole: Some(whole), .. }) = &message {
        message = match fetched {
            Some(fetched) => read(names, input.subject(), fetched),
            None => return Err(reference(whole)),
        };
    }
    let (identity, submission) = name(names, input);
    let (received_at, document) = match message {
        Ok(message) => {
            let document = message.document;
            let document = document.and_then(|document| wire::document_of(document, message.packet));
            (message.received_at, document.ok_or_else(malformed))
        }
        Err(refusal) => (None, Err(refusal)),
    };
    let received_at = received_at.and_then(|time| SystemTime::try_from(time).ok());
    Ok(Opened {
        identity,
        submission,
        received_at: received_at.unwrap_or(input.stored_at()),
        document,
    })
}

/// Who a message is from and what it is called, whatever is in it.
pub fn name(names: &Names, input: &Input) -> (Identity, pb::ReportSubmission) {
    let (unit, submission) = names.extracted_of(input.subject());
    let read = read(names, input.subject(), input.payload()).ok();
    let submission = read
        .and_then(|message| message.submission)
        .unwrap_or_else(|| pb::ReportSubmission {
            submission_id: submission,
            unit: unit.to_string(),
            ..Default::default()
        });
    let identity = Identity {
        unit,
        submission: submission.submission_id.clone(),
    };
    (identity, submission)
}

/// The message, if it is one, and is about the submission of its subject.
fn read(names: &Names, subject: &str, payload: &[u8]) -> Result<pb::ReportExtracted, Refusal> {
    let message = pb::ReportExtracted::decode(payload).map_err(|_| malformed())?;
    let id = message.submission.as_ref().map(|submission| &submission.submission_id);
    let (unit, _) = names.extracted_of(subject);
    let is_its_own = id.is_some_and(|id| names.extracted(&unit, id) == subject && token(id) != "_");
    if is_its_own { Ok(message) } else { Err(malformed()) }
}

fn malformed() -> Refusal {
    Refusal::new(
        RefusalReason::Malformed,
        "không phải thông điệp ReportExtracted hợp lệ",
        "not a valid ReportExtracted",
    )
}

fn reference(object: &pb::StoredObject) -> Reference {
    Reference {
        name: object.name.clone(),
        size: usize::try_from(object.size).unwrap_or(usize::MAX),
    }
}
