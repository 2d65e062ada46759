//! `baocao check`: a linter for reports.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Error, Global, Lang, Result, Status,
    input::{self, Input, Reading},
    progress::Progress,
};
use crate::{
    document::Document,
    extract::PartialDate,
    pipeline::Outcome,
    validate::{Finding, Severity},
    wire,
};

mod sarif;
mod text;
mod window;

/// Check reports as a linter checks code; exit status 1 when there is an error
#[derive(Debug, Args)]
pub struct Check {
    /// Reports; a folder stands for the files of known endings under it, "-" for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// text: for reading; json: one finding on each line, as in results on the bus, with file,
    /// line and column, and behind several files their total; sarif: SARIF 2.1.0 for review tools
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The unit whose report it is, such as H50.12.3: its rules apply (rules.unit in the settings)
    #[arg(long, value_name = "CODE", default_value = "", hide_default_value = true)]
    unit: String,
    /// The day of the check, for rules about dates in the future [default: today in Viet Nam]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = input::parse_date)]
    today: Option<PartialDate>,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
    Sarif,
}

/// What became of one file.
struct Checked {
    name: String,
    /// The document and what is wrong with it; absent when it could not be read.
    read: Option<(Document, Vec<Finding>)>,
    /// Why it could not be read.
    failure: Option<String>,
    /// The findings as messages on the bus have them; for JSON only.
    messages: Value,
}

impl Check {
    pub(super) fn run(self, global: &Global) -> Result {
        let settings = global.settings()?;
        let reading = Reading::new(global, &settings, &self.unit, self.today)?;
        let lang = global.lang();
        let mut tally = Tally::default();
        let mut all = Vec::new();
        let mut out = io::stdout().lock();
        let printer = text::Printer::new(lang);
        let files = input::files(&self.files)?;
        let progress = Progress::new(files.len(), global);
        for path in &files {
            progress.at(&path.to_string_lossy());
            let checked = check(path, &reading, self.format, lang);
            tally.add(&checked);
            progress.done(|| {
                if let Some(failure) = &checked.failure {
                    eprintln!("baocao: {failure}");
                }
                match self.format {
                    // Printed file by file, so that the first findings are there at once.
                    Format::Text => print_text(&mut out, &printer, &checked),
                    Format::Json => print_json(&mut out, &checked),
                    Format::Sarif => {
                        all.push(checked);
                        Ok(())
                    }
                }
            })?;
        }
        drop(progress);
        match self.format {
            Format::Text if !global.quiet => writeln!(out, "{}", tally.summary(lang))?,
            Format::Json if files.len() > 1 => writeln!(out, "{}", json!({ "total": tally }))?,
            Format::Sarif => writeln!(out, "{:#}", sarif::log(&all, reading.rules(), lang))?,
            _ => {}
        }
        Ok(tally.status())
    }
}

/// Reads and checks one file. That it cannot be read is no reason to stop.
fn check(path: &Path, reading: &Reading<'_>, format: Format, lang: Lang) -> Checked {
    let failed = |name: String, error: Error| Checked {
        name,
        read: None,
        failure: Some(error.on_one_line()),
        messages: Value::Null,
    };
    let input = match Input::read(path) {
        Ok(input) => input,
        Err(error) => return failed(path.display().to_string(), error),
    };
    let outcome = match reading.process(&input) {
        Ok(outcome) => outcome,
        Err(error) => return failed(input.name, error),
    };
    let messages = match format {
        Format::Json => messages(&input, &outcome),
        Format::Text | Format::Sarif => Value::Null,
    };
    match outcome {
        Outcome::Processed(processed) => Checked {
            name: input.name,
            read: Some((processed.document, processed.findings)),
            failure: None,
            messages,
        },
        Outcome::Refused(refusal) => {
            let error = reading.refused(&input, &refusal, lang);
            failed(input.name, error)
        }
    }
}

/// The findings as messages on the bus have them.
fn messages(input: &Input, outcome: &Outcome) -> Value {
    let message = wire::processed(&input.submission(), outcome, false, None);
    let json = wire::to_json(&message, false).ok();
    let mut value: Value = json
        .and_then(|json| serde_json::from_str(&json).ok())
        .unwrap_or_default();
    value["findings"].take()
}

fn print_text(out: &mut impl Write, printer: &text::Printer, checked: &Checked) -> Result<()> {
    if let Some((document, findings)) = &checked.read {
        for finding in findings {
            writeln!(out, "{}", printer.finding(&checked.name, document, finding))?;
        }
    }
    Ok(())
}

/// One object for each finding: the place in the file, then the finding as on the bus.
fn print_json(out: &mut impl Write, checked: &Checked) -> Result<()> {
    let Some((document, findings)) = &checked.read else {
        writeln!(out, "{}", json!({ "file": checked.name, "failure": checked.failure }))?;
        return Ok(());
    };
    for (index, finding) in findings.iter().enumerate() {
        let place = finding.spans.first().map(|span| document.line_and_column(span.start));
        let mut object = json!({ "file": checked.name });
        if let Some((line, column)) = place {
            object["line"] = line.into();
            object["column"] = column.into();
        }
        object["finding"] = checked.messages[index].clone();
        writeln!(out, "{object}")?;
    }
    Ok(())
}

/// Counts of a run.
#[derive(Default, Serialize)]
struct Tally {
    files: usize,
    unread: usize,
    errors: usize,
    warnings: usize,
    infos: usize,
}

impl Tally {
    fn add(&mut self, checked: &Checked) {
        self.files += 1;
        let Some((_, findings)) = &checked.read else {
            self.unread += 1;
            return;
        };
        for finding in findings {
            match finding.severity {
                Severity::Error => self.errors += 1,
                Severity::Warning => self.warnings += 1,
                Severity::Info => self.infos += 1,
            }
        }
    }

    /// A file that cannot be read outweighs findings: the check did not take place.
    fn status(&self) -> Status {
        match (self.unread, self.errors) {
            (0, 0) => Status::Fine,
            (0, _) => Status::Findings,
            _ => Status::Failed,
        }
    }

    /// "2 errors, 3 warnings in 1 file".
    fn summary(&self, lang: Lang) -> String {
        let found = lang.findings([self.errors, self.warnings, self.infos]);
        let files = lang.count(self.files, "tệp", "file", "files");
        let mut summary = format!("{found} {} {files}", lang.pick("trong", "in"));
        if self.unread > 0 {
            summary.push_str(&lang.pick(
                format!("; {} tệp không đọc được", self.unread),
                format!("; {} could not be read", self.unread),
            ));
        }
        summary
    }
}
