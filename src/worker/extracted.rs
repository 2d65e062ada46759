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
    job::{About, Input, Opened},
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
    let read = |payload| read(names, input.subject(), payload);
    let mut message = read(input.payload());
    if let Ok(pb::ReportExtracted { whole: Some(whole), .. }) = &message {
        message = match fetched {
            Some(fetched) => read(fetched),
            None => return Err(reference(whole)),
        };
    }
    let document = message.and_then(|message| {
        let document = message.document.ok_or_else(malformed)?;
        wire::document_of(document, message.packet).ok_or_else(malformed)
    });
    let about = about(names, input);
    Ok(Opened { about, document })
}

/// What is known of the report in a message, whatever is in it.
pub fn about(names: &Names, input: &Input) -> About {
    let (unit, id) = names.extracted_of(input.subject());
    let message = read(names, input.subject(), input.payload()).unwrap_or_default();
    let received_at = message.received_at.and_then(|time| SystemTime::try_from(time).ok());
    let submission = message.submission.unwrap_or_else(|| pb::ReportSubmission {
        submission_id: id,
        unit: unit.to_string(),
        ..Default::default()
    });
    About {
        identity: Identity {
            unit,
            submission: submission.submission_id.clone(),
        },
        submission,
        // Whoever decoded it has answered.
        packet: None,
        received_at: received_at.unwrap_or(input.stored_at()),
    }
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
