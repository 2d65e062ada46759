//! What can go wrong on the bus, by what can be done about it.

use std::fmt;

use async_nats::{
    ConnectErrorKind,
    jetstream::context::{PublishErrorKind, RequestErrorKind},
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
    /// A stream or consumer is not there.
    Missing,
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
            PublishErrorKind::Other if exceeds_stream_limit(error) => ErrorKind::TooLarge,
            PublishErrorKind::WrongLastMessageId | PublishErrorKind::WrongLastSequence | PublishErrorKind::Other => {
                ErrorKind::Refused
            }
        };
        Self::because(kind, format_args!("cannot publish to {subject}"), error)
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

/// Whether the stream, not the server, found the message too large.
fn exceeds_stream_limit(error: &async_nats::jetstream::context::PublishError) -> bool {
    let source =
        std::error::Error::source(error).and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>());
    source.map(async_nats::jetstream::Error::error_code)
        == Some(async_nats::jetstream::ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)
}
