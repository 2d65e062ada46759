//! Plain text.

use super::{Limits, Refusal, RefusalReason};
use crate::document::Document;

/// Decodes UTF-8 text to NFC.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Document, Refusal> {
    let _ = limits;
    let text = simdutf8::basic::from_utf8(bytes).map_err(|_| Refusal {
        reason: RefusalReason::NotText,
        message_vi: "không phải văn bản UTF-8".into(),
        message_en: "not UTF-8 text".into(),
    })?;
    Ok(Document::plain(text))
}
