//! Errors as the command line prints them: what happened, to what, and why, on one line.

use std::{error, fmt, io, path::Path};

/// Why a command failed.
#[derive(Debug)]
pub struct Error {
    what: String,
    cause: Option<Box<dyn error::Error + Send + Sync>>,
}

impl Error {
    /// An error that needs no cause.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            cause: None,
        }
    }

    /// An error and its cause.
    pub fn caused(what: impl Into<String>, cause: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self {
            what: what.into(),
            cause: Some(cause.into()),
        }
    }

    /// A file that cannot be read.
    pub fn unreadable(path: &Path, cause: io::Error) -> Self {
        Self::caused(format!("cannot read {}", path.display()), cause)
    }

    /// Whether the reader of our output has gone (`baocao … | head`), which is no failure.
    pub fn is_broken_pipe(&self) -> bool {
        let io = self.cause.as_ref().and_then(|cause| cause.downcast_ref::<io::Error>());
        io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The whole chain of causes on one line.
    pub fn on_one_line(&self) -> String {
        let mut line = self.what.clone();
        let mut next: Option<&dyn error::Error> = self.cause.as_deref().map(|cause| cause as _);
        while let Some(cause) = next {
            let text = cause.to_string();
            // Many libraries repeat the cause in their own text.
            if !line.ends_with(&text) {
                line = format!("{line}: {text}");
            }
            next = cause.source();
        }
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// Output that cannot be written.
impl From<io::Error> for Error {
    fn from(cause: io::Error) -> Self {
        Self::caused("cannot write the output", cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_causes_is_one_line() {
        let error = Error::caused("cannot read a.txt", io::Error::other("disk\non fire"));
        assert_eq!(error.on_one_line(), "cannot read a.txt: disk on fire");
    }
}
