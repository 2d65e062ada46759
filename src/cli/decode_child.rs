//! `baocao decode-child`: decodes one document from standard input, for the process that spawned it.

use clap::Args;

use super::{Error, Result, Status};
use crate::decode::sandbox;

/// Decode one document in a sandbox (for baocao itself)
#[derive(Debug, Args)]
pub struct DecodeChild {}

impl DecodeChild {
    /// Serves one job.
    pub fn run(self) -> Result {
        sandbox::serve_stdio().map_err(|error| Error::caused("cannot serve as a decoder", error))?;
        Ok(Status::Fine)
    }
}
