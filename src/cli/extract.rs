//! `baocao extract`: what a report says, as data or as a readable table.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::{Args, ValueEnum};

use super::{
    Error, Global, Result, Status,
    input::{self, Input, Reading},
};
use crate::{extract::PartialDate, pipeline::Outcome, wire};

pub(super) mod table;

/// Print what a report says: header, sections, citations, figures, findings
#[derive(Debug, Args)]
pub struct Extract {
    /// Reports; a folder stands for the files of known endings under it, "-" for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// json: the message ReportProcessed in canonical proto3 JSON, one line for each file if
    /// there are several; table: for reading
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The day of the check, for rules about dates in the future [default: today in Viet Nam]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = input::parse_date)]
    today: Option<PartialDate>,
}

/// How the result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Table,
}

impl Extract {
    pub(super) fn run(self, global: &Global) -> Result {
        let settings = global.settings()?;
        let reading = Reading::new(global, &settings, "", self.today)?;
        let files = input::files(&self.files)?;
        let mut out = io::stdout().lock();
        let mut status = Status::Fine;
        for (index, path) in files.iter().enumerate() {
            let read = Input::read(path).and_then(|input| Ok((reading.process(&input)?, input)));
            let (outcome, input) = match read {
                Ok(read) => read,
                Err(error) => {
                    eprintln!("baocao: {}", error.on_one_line());
                    status = Status::Failed;
                    continue;
                }
            };
            if let Outcome::Refused(refusal) = &outcome {
                eprintln!("baocao: {}", reading.refused(&input, refusal, global.lang()));
                status = Status::Failed;
            }
            let message = wire::processed(&input.submission(), &outcome, settings.result.include_text, None);
            match self.format {
                Format::Json => {
                    let json = wire::to_json(&message, files.len() == 1);
                    let json = json.map_err(|cause| Error::caused("cannot write the result as JSON", cause))?;
                    writeln!(out, "{json}")?;
                }
                Format::Table => {
                    if index > 0 {
                        writeln!(out)?;
                    }
                    out.write_all(table::table(&input.name, &message, global.lang()).as_bytes())?;
                }
            }
        }
        Ok(status)
    }
}
