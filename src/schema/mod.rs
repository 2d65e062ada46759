//! The contract on paper, made from what the program itself goes by: the descriptors of the messages,
//! the names of subjects, the streams and the headers.
//!
//! - [`asyncapi`]: subjects, messages, headers and operations, as an AsyncAPI 3.0 document;
//! - [`json`]: JSON Schema of the canonical proto3 JSON of a message;
//! - [`page`]: a reference page for people;
//! - [`SOURCES`]: the protobuf schemas themselves, for who has only the program.
//!
//! All of them stand beside the schemas in `proto/`; a test compares them with what is made here.

use prost_reflect::{FileDescriptor, MessageDescriptor};

use crate::wire;

pub mod asyncapi;
pub mod json;
pub mod page;

macro_rules! source {
    ($path:literal) => {
        (
            $path,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/proto/", $path)),
        )
    };
}
/// Package of the messages.
pub const PACKAGE: &str = "baocao.v1";

/// The messages that travel as such, by their names in [`PACKAGE`]; all others are parts of them.
pub const MESSAGES: [&str; 4] = ["ReportSubmission", "ReportExtracted", "ReportProcessed", "Alert"];

/// The protobuf schemas: each with its path below the folder that `protoc -I` is given.
pub const SOURCES: [(&str, &str); 6] = [
    source!("baocao/v1/alert.proto"),
    source!("baocao/v1/finding.proto"),
    source!("baocao/v1/processed.proto"),
    source!("baocao/v1/report.proto"),
    source!("baocao/v1/submission.proto"),
    source!("google/type/date.proto"),
];

/// A message of [`PACKAGE`] by its name there; None when there is no such message.
pub fn message(name: &str) -> Option<MessageDescriptor> {
    wire::descriptors().get_message_by_name(&format!("{PACKAGE}.{name}"))
}

/// The comment above a thing in its schema, on one line; empty where there is none.
fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let location = info.and_then(|info| info.location.iter().find(|location| location.path == path));
    let comment = location.map(|location| location.leading_comments()).unwrap_or_default();
    comment.split_whitespace().collect::<Vec<_>>().join(" ")
}
