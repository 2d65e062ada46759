//! What is too large for a message (claim check): it lies in an object store, and the message says
//! where.
//!
//! An object's name is the SHA-256 of its content. So the same document is stored once, nothing is
//! ever overwritten (which would throw away the old chunks under a reader's hands), and whoever
//! reads it can tell whether it is what was put there.

use std::{future::Future, time::Duration};

use async_nats::jetstream::{
    context::{GetStreamError, GetStreamErrorKind, ObjectStoreError},
    object_store::{GetErrorKind, InfoErrorKind, ObjectMetadata, ObjectStore},
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::{io::AsyncReadExt, time::Instant};

use super::{Connection, Error, ErrorKind, names::hex, route::Use};

/// How long the store may be silent while an object is read: chunks that are missing are never
/// announced.
const SILENCE: Duration = Duration::from_secs(10);

/// Usual size of a chunk.
const CHUNK: usize = 128 * 1024;

/// An object: its name and its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Lower-case hex SHA-256 of the content.
    pub name: String,
    /// Size of the content in bytes.
    pub size: usize,
}

impl Reference {
    /// To this content.
    pub fn to(content: &[u8]) -> Self {
        Self {
            name: hex(&Sha256::digest(content)),
            size: content.len(),
        }
    }

    /// Whether the name is one.
    pub fn is_sound(&self) -> bool {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        self.name.len() == 64 && self.name.bytes().all(is_hex) && self.size > 0
    }
}

/// Where large contents lie.
pub trait Documents: Send + Sync {
    /// Stores a content, unless it is there.
    fn keep(&self, content: Bytes) -> impl Future<Output = Result<Reference, Error>> + Send;

    /// Reads a content of exactly the size and digest that the reference says; [`ErrorKind::Absent`] if it is not there,
    /// [`ErrorKind::Missing`] if the store is not, [`ErrorKind::Malformed`] if it is not what the reference says: another
    /// content, or the beginning of it, which is all that a server has that was away and catches up.
    fn fetch(&self, reference: &Reference) -> impl Future<Output = Result<Bytes, Error>> + Send;
}

impl Documents for Connection {
    async fn keep(&self, content: Bytes) -> Result<Reference, Error> {
        let asked = Instant::now();
        let kept = self.put(content).await;
        self.note_use(Use::Publish, asked, !is_silence(&kept));
        kept
    }

    async fn fetch(&self, reference: &Reference) -> Result<Bytes, Error> {
        let asked = Instant::now();
        let fetched = self.get(reference).await;
        self.note_use(Use::Look, asked, !is_silence(&fetched));
        fetched
    }
}

/// Whether nobody did what was asked for, for no reason that has to do with the object.
fn is_silence<T>(done: &Result<T, Error>) -> bool {
    matches!(done, Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Unreachable))
}

impl Connection {
    async fn put(&self, content: Bytes) -> Result<Reference, Error> {
        let reference = Reference::to(&content);
        let store = self.document_store().await?;
        let what = format!("cannot store object {}", reference.name);
        match store.info(&reference.name).await {
            Ok(info) if !info.deleted && info.size == reference.size => return Ok(reference),
            Ok(_) => {}
            Err(error) if error.kind() == InfoErrorKind::NotFound => {}
            Err(error) => return Err(Error::because(ErrorKind::Unreachable, what, error)),
        }
        let metadata = ObjectMetadata {
            name: reference.name.clone(),
            chunk_size: Some(CHUNK.min(self.client.max_payload() / 2).max(1)),
            ..Default::default()
        };
        let put = store.put(metadata, &mut &content[..]).await;
        put.map_err(|error| Error::because(ErrorKind::Unreachable, what, error))?;
        Ok(reference)
    }

    async fn get(&self, reference: &Reference) -> Result<Bytes, Error> {
        let what = format!("cannot read object {}", reference.name);
        if !reference.is_sound() {
            return Err(Error::new(ErrorKind::Malformed, "the name of an object is no SHA-256"));
        }
        let store = self.document_store().await?;
        let mut object = store.get(&reference.name).await.map_err(|error| {
            let kind = match error.kind() {
                // It may not have reached the replica that was asked, or it may never come.
                GetErrorKind::NotFound => ErrorKind::Absent,
                GetErrorKind::TimedOut => ErrorKind::TimedOut,
                _ => ErrorKind::Unreachable,
            };
            Error::because(kind, &what, error)
        })?;
        let wrong = |how: &str| Error::new(ErrorKind::Malformed, format!("{what}: {how}"));
        // Before a byte of it is fetched.
        if object.info().size != reference.size {
            return Err(wrong("it has another size"));
        }
        let mut content = Vec::with_capacity(reference.size);
        loop {
            let read = tokio::time::timeout(SILENCE, object.read_buf(&mut content)).await;
            match read {
                Err(_) => {
                    return Err(Error::new(
                        ErrorKind::TimedOut,
                        format!("{what}: the rest does not come"),
                    ));
                }
                Ok(Err(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                    return Err(wrong("its digest is wrong"));
                }
                Ok(Err(error)) => return Err(Error::because(ErrorKind::Unreachable, &what, error)),
                Ok(Ok(0)) => break,
                // What the store says of the size need not be so.
                Ok(Ok(_)) if content.len() > reference.size => return Err(wrong("it is larger than it says")),
                Ok(Ok(_)) => {}
            }
        }
        if Reference::to(&content) != *reference {
            return Err(wrong("its digest is wrong"));
        }
        Ok(content.into())
    }

    pub(super) async fn document_store(&self) -> Result<ObjectStore, Error> {
        let name = self.names.documents();
        let store = self.jetstream.get_object_store(&name).await;
        store.map_err(|error: ObjectStoreError| {
            let kind = if is_absent(&error) {
                ErrorKind::Missing
            } else {
                ErrorKind::Unreachable
            };
            Error::because(kind, format_args!("cannot use object store {name}"), error)
        })
    }
}

/// Whether the server says that there is no such store, rather than nothing.
fn is_absent(error: &ObjectStoreError) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<GetStreamError>());
    matches!(cause.map(GetStreamError::kind), Some(GetStreamErrorKind::JetStream(error)) if error.code() == 404)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_digests() {
        let reference = Reference::to(b"x");
        assert!(reference.is_sound());
        for name in ["", "x", &reference.name[1..], &reference.name.to_uppercase()] {
            let name = name.to_owned();
            assert!(!Reference { name, size: 1 }.is_sound());
        }
        assert!(!Reference::to(b"").is_sound());
    }
}
