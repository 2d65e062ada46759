//! `baocao config`: the settings in force.

use std::io::{self, Write};

use clap::Args;

use super::{Global, Result, Status};

/// Print the settings in force as TOML, secrets masked; a comment says where a value comes from
/// that is not a default
#[derive(Debug, Args)]
pub struct PrintConfig {
    /// Print the defaults instead, with an explanation of each: the beginning of a file of your own
    #[arg(long)]
    defaults: bool,
}

impl PrintConfig {
    pub(super) fn run(self, global: &Global) -> Result {
        let text = match self.defaults {
            true => crate::config::DEFAULTS.to_owned(),
            false => global.load()?.to_toml(),
        };
        io::stdout().write_all(text.as_bytes())?;
        Ok(Status::Fine)
    }
}
