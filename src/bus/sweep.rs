//! Objects that nobody needs any more: their submission never came, or what came of it is gone.
//!
//! Whoever needs an object names it, and its name is a hash: 64 hexadecimal digits that stand in the message as they are,
//! in protobuf, JSON and headers alike. So every message of every stream is read and what looks like such a name is
//! kept; nothing has to be known of the messages, and one of a later version counts, too.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use async_nats::jetstream::{message::StreamMessage, stream::RawMessageErrorKind};
use futures::StreamExt;

use super::{Connection, Error, ErrorKind};

/// Length of a name.
const DIGITS: usize = 64;

/// An object in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Lower-case hex SHA-256 of its content.
    pub name: String,
    /// Its size in bytes.
    pub size: usize,
    /// When it was stored.
    pub stored_at: SystemTime,
}

/// The objects that no message names and that are older than this. Younger ones may belong to a submission that is on
/// its way.
pub async fn orphans(connection: &Connection, older_than: Duration) -> Result<Vec<Object>, Error> {
    let before = SystemTime::now() - older_than;
    let mut objects = objects(connection).await?;
    objects.retain(|object| object.stored_at < before);
    let names = &connection.names;
    let mut needed = HashSet::new();
    if !objects.is_empty() {
        // In the order in which a report moves, so that one that moves on meanwhile is seen; and the first once more,
        // since a dead letter that is replayed moves back.
        for stream in [
            names.received_stream(),
            names.extracted_stream(),
            names.processed_stream(),
            names.alerts_stream(),
            names.dead_stream(),
            names.received_stream(),
        ] {
            collect(connection, &stream, &mut needed).await?;
        }
    }
    objects.retain(|object| !needed.contains(&object.name));
    Ok(objects)
}

/// Deletes an object.
pub async fn delete(connection: &Connection, object: &Object) -> Result<(), Error> {
    let store = connection.document_store().await?;
    let deleted = store.delete(&object.name).await;
    deleted.map_err(|error| {
        let what = format!("cannot delete object {}", object.name);
        Error::because(ErrorKind::Refused, what, error)
    })
}

/// All objects.
async fn objects(connection: &Connection) -> Result<Vec<Object>, Error> {
    let store = connection.document_store().await?;
    let unreadable = |error: &dyn std::fmt::Display| {
        Error::because(ErrorKind::Unreachable, "cannot list the objects of the store", error)
    };
    let mut list = store.list().await.map_err(|error| unreadable(&error))?;
    let mut objects = Vec::new();
    while let Some(info) = list.next().await {
        let info = info.map_err(|error| unreadable(&error))?;
        // One whose age is not known is left alone.
        if let Some(modified) = info.modified {
            objects.push(Object {
                name: info.name,
                size: info.size,
                stored_at: modified.into(),
            });
        }
    }
    Ok(objects)
}

/// Collects the names in all messages of a stream; one that is not there holds none.
async fn collect(connection: &Connection, stream: &str, names: &mut HashSet<String>) -> Result<(), Error> {
    let what = format!("cannot read stream {stream}");
    match super::topology::stream_info(connection, stream).await {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::Missing => return Ok(()),
        Err(error) => return Err(error),
    }
    let stream = connection.jetstream.get_stream_no_info(stream).await;
    let stream = stream.map_err(|error| Error::because(ErrorKind::Missing, &what, error))?;
    let mut next = 1;
    loop {
        // Not by a consumer: a work queue takes no second one.
        match stream.get_first_raw_message_by_subject(">", next).await {
            Ok(message) => {
                next = message.sequence + 1;
                names_in_message(&message, names);
            }
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => return Ok(()),
            Err(error) => return Err(Error::because(ErrorKind::Unreachable, what, error)),
        }
    }
}

fn names_in_message(message: &StreamMessage, names: &mut HashSet<String>) {
    names.extend(names_in(&message.payload));
    for (_, values) in message.headers.iter() {
        for value in values {
            names.extend(names_in(value.as_str().as_bytes()));
        }
    }
}

/// What looks like a name. A byte before it may look like a digit, such as a length in protobuf, so every place counts.
fn names_in(bytes: &[u8]) -> impl Iterator<Item = String> + '_ {
    let runs = bytes.split(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let windows = runs.flat_map(|run| run.windows(DIGITS));
    windows.map(|name| String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bus::Reference,
        proto::baocao::v1::{ReportSubmission, StoredObject},
        wire,
    };

    #[test]
    fn names_are_found_in_any_notation() {
        let name = Reference::to(b"x").name;
        let submission = ReportSubmission {
            content_object: Some(StoredObject {
                name: name.clone(),
                size: 1,
            }),
            ..Default::default()
        };
        let protobuf = prost::Message::encode_to_vec(&submission);
        let json = wire::to_json(&submission, false).expect("JSON");
        let header = format!("object {name} 1");
        for message in [
            protobuf,
            json.into(),
            header.into_bytes(),
            format!("a{name}f").into_bytes(),
        ] {
            assert!(names_in(&message).any(|found| found == name));
        }
        assert_eq!(names_in(&name.as_bytes()[1..]).count(), 0);
    }
}
