//! Core types to protobuf messages and back, and canonical proto3 JSON, in one place.
//!
//! The core counts bytes and holds spans; messages count code points and hold strings. Names of
//! the messages are those of `proto/baocao/v1/`.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

use crate::proto::baocao::v1 as pb;

/// The descriptors of all messages.
pub fn descriptors() -> &'static DescriptorPool {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
        let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
        DescriptorPool::decode(bytes.as_slice()).expect("the descriptors embedded in the program are valid")
    });
    &POOL
}

/// A message that can be written and read as canonical proto3 JSON.
pub trait Json: Message + Default {
    /// Full name of the message ("baocao.v1.Alert").
    const NAME: &'static str;
}

macro_rules! json {
    ($($message:ident),*) => {$(
        impl Json for pb::$message {
            const NAME: &'static str = concat!("baocao.v1.", stringify!($message));
        }
    )*};
}
json!(ReportSubmission, ReportExtracted, ReportProcessed, Alert);

/// Writes a message as canonical proto3 JSON, on one line or indented.
pub fn to_json<M: Json>(message: &M, pretty: bool) -> Result<String, JsonError> {
    let dynamic = dynamic::<M>(&message.encode_to_vec())?;
    let mut out = Vec::new();
    let options = SerializeOptions::new();
    if pretty {
        let mut serializer = serde_json::Serializer::pretty(&mut out);
        dynamic.serialize_with_options(&mut serializer, &options)?;
    } else {
        let mut serializer = serde_json::Serializer::new(&mut out);
        dynamic.serialize_with_options(&mut serializer, &options)?;
    }
    Ok(String::from_utf8(out).expect("JSON is UTF-8"))
}

/// Reads a message from canonical proto3 JSON; unknown fields are passed over, so that an older
/// worker reads a newer submitter.
pub fn from_json<M: Json>(json: &[u8]) -> Result<M, JsonError> {
    let descriptor = descriptor::<M>()?;
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let options = prost_reflect::DeserializeOptions::new().deny_unknown_fields(false);
    let dynamic = DynamicMessage::deserialize_with_options(descriptor, &mut deserializer, &options)?;
    deserializer.end()?;
    Ok(dynamic.transcode_to()?)
}

fn descriptor<M: Json>() -> Result<prost_reflect::MessageDescriptor, JsonError> {
    descriptors()
        .get_message_by_name(M::NAME)
        .ok_or(JsonError::Unknown(M::NAME))
}

fn dynamic<M: Json>(bytes: &[u8]) -> Result<DynamicMessage, JsonError> {
    Ok(DynamicMessage::decode(descriptor::<M>()?, bytes)?)
}

/// Why a message cannot be written or read as JSON.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, or not of the message's shape.
    #[error("not canonical proto3 JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The message does not encode.
    #[error("not a valid message: {0}")]
    Message(#[from] prost::DecodeError),
    /// No such message.
    #[error("no message {0} in the schemas")]
    Unknown(&'static str),
}
