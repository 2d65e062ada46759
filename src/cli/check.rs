//! stub
use super::{Global, Result, Status};
use clap::Args;
use std::path::PathBuf;
/// Check
#[derive(Debug, Args)]
pub struct Check {
    files: Vec<PathBuf>,
}
impl Check {
    pub(super) fn run(self, _: &Global) -> Result {
        Ok(Status::Fine)
    }
}
