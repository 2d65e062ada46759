//! `baocao schema`: the contract on paper.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};

use super::{Error, Global, Result, Status};
use crate::{bus::Names, config::nearest, schema};

/// Print what other services need to know of the messages: AsyncAPI, protobuf, JSON Schema
#[derive(Debug, Args)]
pub struct Schema {
    #[command(subcommand)]
    command: Command,
}

/// What to print.
#[derive(Debug, Subcommand)]
enum Command {
    /// The AsyncAPI 3.0 document: subjects, messages, headers, operations (for bus.prefix as it is set)
    Asyncapi,
    /// The protobuf schemas
    Proto {
        /// Write them as files into this folder, as protoc wants them, instead of printing them
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// The JSON Schema of a message in its canonical JSON
    Jsonschema {
        /// Name of the message
        #[arg(default_value = "ReportProcessed")]
        message: String,
    },
    /// The reference page of all messages, in Markdown
    Page,
}

impl Schema {
    pub(super) fn run(self, global: &Global) -> Result {
        let text = match self.command {
            Command::Asyncapi => {
                let settings = global.settings()?;
                let names = Names::new(&settings.bus.prefix).map_err(|error| Error::caused("wrong settings", error))?;
                format!("{:#}\n", schema::asyncapi::document(&names, &settings))
            }
            Command::Proto { out: Some(folder) } => return write_sources(&folder, global),
            Command::Proto { out: None } => sources(),
            Command::Jsonschema { message } => of_message(&message)?,
            Command::Page => schema::page::page(),
        };
        io::stdout().write_all(text.as_bytes())?;
        Ok(Status::Fine)
    }
}

fn sources() -> String {
    let part = |(path, text): (&str, &str)| format!("// {path}\n\n{text}");
    schema::SOURCES.map(part).join("\n")
}

fn write_sources(folder: &Path, global: &Global) -> Result {
    for (path, text) in schema::SOURCES {
        let file = folder.join(path);
        let written = fs::create_dir_all(file.parent().unwrap_or(folder)).and_then(|()| fs::write(&file, text));
        written.map_err(|error| Error::caused(format!("cannot write {}", file.display()), error))?;
    }
    let count = schema::SOURCES.len();
    global.remark(format_args!("{count} schemas written below {}", folder.display()));
    Ok(Status::Fine)
}

fn of_message(name: &str) -> Result<String> {
    match schema::message(name) {
        Some(message) => Ok(format!("{:#}\n", schema::json::schema(&message))),
        None => {
            let hint = match nearest(name, schema::MESSAGES.iter().copied()) {
                Some(known) => format!("did you mean {known}?"),
                None => format!("those that travel are {}", schema::MESSAGES.join(", ")),
            };
            Err(Error::new(format!("unknown message {name}; {hint}")))
        }
    }
}
