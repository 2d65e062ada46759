//! The closing of a report: recipients (nơi nhận) and signatures.

use crate::{
    document::Document,
    extract::{Layout, Recipient, Signatory},
    vocabulary::Vocabulary,
};

/// Reads the recipients and the signatories.
pub fn extract(document: &Document, layout: &Layout, vocabulary: &Vocabulary) -> (Vec<Recipient>, Vec<Signatory>) {
    let _ = (document, layout, vocabulary);
    Default::default()
}
