//! What can go wrong on the bus, by what can be done about it.

use std::fmt;

use async_nats::{
    ConnectErrorKind,
    jetstream::{
        ErrorCode,
        context::{PublishErrorKind, RequestErrorKind},
    },
};

/// What kind of thing went wrong; callers decide by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The settings contradict themselves or name files that cannot be read.
    Settings,
    /// The server does not let us in.
    Unauthorized,
    /// No server answers.
    Unreachable,
    /// The server did not answer in time; what was asked may have happened all the same.
    TimedOut,
    /// A stream or consumer is not there, or nobody leads it at this moment.
    Missing,
    /// An object is not in the store.
    Absent,
    /// The server has no room for it now.
    Full,
    /// The message is larger than the server takes.
    TooLarge,
    /// The server answered with an error.
    Refused,
    /// A message on the bus is not of the expected type.
    Malformed,
}

/// An error of the bus.
#[derive(Debug, thiserror::Error)]
#[error("{context}")]
pub struct Error {
    kind: ErrorKind,
    context: String,
}

impl Error {
    /// An error of a kind, in words.
    pub fn new(kind: ErrorKind, context: impl Into<String>) -> Self {
        let context = context.into();
        Self { kind, context }
    }

    /// An error with what was being done and the cause.
    pub fn because(kind: ErrorKind, what: impl fmt::Display, cause: impl fmt::Display) -> Self {
        Self::new(kind, format!("{what}: {cause}"))
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// An error of the first connection.
    pub(crate) fn connecting(url: &str, error: &async_nats::ConnectError) -> Self {
        let kind = match error.kind() {
            ConnectErrorKind::ServerParse | ConnectErrorKind::Tls => ErrorKind::Settings,
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => ErrorKind::Unauthorized,
            ConnectErrorKind::TimedOut => ErrorKind::TimedOut,
            ConnectErrorKind::Dns | ConnectErrorKind::Io | ConnectErrorKind::MaxReconnects => ErrorKind::Unreachable,
        };
        Self::because(kind, format_args!("cannot connect to {url}"), error)
    }

    /// An error of publishing to a subject.
    pub(crate) fn publishing(subject: &str, error: &async_nats::jetstream::context::PublishError) -> Self {
        let kind = match error.kind() {
            PublishErrorKind::StreamNotFound => ErrorKind::Missing,
            PublishErrorKind::MaxPayloadExceeded => ErrorKind::TooLarge,
            PublishErrorKind::TimedOut => ErrorKind::TimedOut,
            PublishErrorKind::BrokenPipe | PublishErrorKind::MaxAckPending => ErrorKind::Unreachable,
            PublishErrorKind::Other => said_by_stream(error),
            PublishErrorKind::WrongLastMessageId | PublishErrorKind::WrongLastSequence => ErrorKind::Refused,
        };
        Self::because(kind, format_args!("cannot publish to {subject}"), error)
    }

    /// The server has the id of a message, and does not know yet whether the message.
    pub(crate) fn undecided(subject: &str) -> Self {
        let what = format!("cannot publish to {subject}: the server does not know yet whether it is stored");
        Self::new(ErrorKind::TimedOut, what)
    }

    /// An error of a request to the JetStream API.
    pub(crate) fn asking(what: &str, error: &async_nats::jetstream::context::RequestError) -> Self {
        let kind = match error.kind() {
            RequestErrorKind::NoResponders => ErrorKind::Unreachable,
            RequestErrorKind::TimedOut => ErrorKind::TimedOut,
            RequestErrorKind::InvalidSubject => ErrorKind::Settings,
            RequestErrorKind::Other => ErrorKind::Refused,
        };
        Self::because(kind, format_args!("cannot {what}"), error)
    }

    /// An error that the JetStream API answered with.
    pub(crate) fn answered(what: &str, error: &async_nats::jetstream::Error) -> Self {
        let kind = match error.code() {
            404 => ErrorKind::Missing,
            503 => ErrorKind::Unreachable,
            _ => ErrorKind::Refused,
        };
        Self::because(kind, format_args!("cannot {what}"), error)
    }
}

/// What the stream, not the server, found wrong with a message.
fn said_by_stream(error: &async_nats::jetstream::context::PublishError) -> ErrorKind {
    let source = std::error::Error::source(error);
    match source.and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>()) {
        Some(said) => of_refused_publish(said.code(), said.error_code()),
        None => ErrorKind::Refused,
    }
}

/// By the status and the code of JetStream.
fn of_refused_publish(status: usize, code: ErrorCode) -> ErrorKind {
    match code {
        ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM => ErrorKind::TooLarge,
        // The same message is on its way already; whether it gets there nobody knows yet.
        ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT => ErrorKind::TimedOut,
        // "Store failed" is what a stream says that has reached a limit, or whose disk is full.
        ErrorCode::STREAM_STORE_FAILED
        | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
        | ErrorCode::MEMORY_RESOURCES_EXCEEDED
        | ErrorCode::STORAGE_RESOURCES_EXCEEDED
        | ErrorCode::INSUFFICIENT_RESOURCES => ErrorKind::Full,
        _ if status == 503 => ErrorKind::Unreachable,
        _ => ErrorKind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_store_is_no_fault_of_the_message() {
        assert_eq!(of_refused_publish(503, ErrorCode::STREAM_STORE_FAILED), ErrorKind::Full);
        assert_eq!(
            of_refused_publish(500, ErrorCode::STORAGE_RESOURCES_EXCEEDED),
            ErrorKind::Full
        );
        assert_eq!(
            of_refused_publish(503, ErrorCode::CLUSTER_NOT_AVAILABLE),
            ErrorKind::Unreachable
        );
        assert_eq!(
            of_refused_publish(400, ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM),
            ErrorKind::TooLarge
        );
        assert_eq!(of_refused_publish(400, ErrorCode::STREAM_SEALED), ErrorKind::Refused);
    }
}
