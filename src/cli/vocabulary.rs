//! `baocao vocabulary`: the words and names that are looked for.

use std::io::{self, Write};

use clap::{Args, builder::PossibleValuesParser};

use super::{Error, Global, Result, Status};
use crate::vocabulary::SOURCES;

/// Print the tables of words and names that are looked for, and check the entries of
/// vocabulary.overlay, which add to them
#[derive(Debug, Args)]
pub struct PrintVocabulary {
    /// A table, which is printed as the program has it, with an explanation of its entries; without
    /// it, which tables there are
    #[arg(value_parser = PossibleValuesParser::new(SOURCES.map(|(name, _)| name)))]
    table: Option<String>,
}

impl PrintVocabulary {
    pub(super) fn run(self, global: &Global) -> Result {
        let mut out = io::stdout().lock();
        if let Some((_, source)) = SOURCES.iter().find(|(name, _)| Some(*name) == self.table.as_deref()) {
            out.write_all(source.as_bytes())?;
            return Ok(Status::Fine);
        }
        for (name, source) in SOURCES {
            writeln!(out, "{name:<16}{}", about(source))?;
        }
        let settings = global.settings()?;
        let vocabulary = settings
            .vocabulary()
            .map_err(|error| Error::caused("wrong settings", error))?;
        match settings.vocabulary.overlay.as_str() {
            "" => writeln!(out, "vocabulary.overlay is not set: nothing is added")?,
            overlay => writeln!(
                out,
                "{} entries of {overlay} are added or taken out (version {})",
                vocabulary.overlaid, vocabulary.overlay
            )?,
        }
        Ok(Status::Fine)
    }
}

/// The sentence that a table begins with.
fn about(source: &str) -> String {
    let lines: Vec<&str> = source.lines().map_while(|line| line.strip_prefix("# ")).collect();
    lines.join(" ").split([':', '.']).next().unwrap_or_default().to_owned()
}
