//! Reports named on the command line: files, folders, standard input.

use std::{
    ffi::OsStr,
    fs,
    io::{self, Read},
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Instant, SystemTime},
};

use sha2::{Digest, Sha256};

use super::{Error, Global, Lang, Result};
use crate::{
    config::Settings,
    decode::{
        self,
        sandbox::{self, Decoder},
    },
    extract::PartialDate,
    pipeline::{self, Outcome},
    proto::baocao::v1 as pb,
    validate::RuleSet,
    vocabulary::Vocabulary,
    wire,
};

/// Endings of files that are looked for in folders.
const ENDINGS: [&str; 15] = [
    "txt", "md", "docx", "doc", "rtf", "xlsx", "xls", "pdf", "html", "htm", "edxml", "png", "jpg", "tif", "tiff",
];

/// A document that was read from disk or standard input.
#[derive(Debug)]
pub struct Input {
    /// Its name for people.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Input {
    /// Reads a file, or standard input for "-".
    pub fn read(path: &Path) -> Result<Self> {
        let stdin = path == Path::new("-");
        let name = if stdin {
            "<stdin>".into()
        } else {
            path.display().to_string()
        };
        let bytes = if stdin {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            fs::read(path)
        };
        match bytes {
            Ok(bytes) => Ok(Self { name, bytes }),
            Err(cause) => Err(Error::caused(format!("cannot read {name}"), cause)),
        }
    }

    /// The submission that this file would be on the bus, without its content.
    pub fn submission(&self) -> pb::ReportSubmission {
        let sha256 = hex(&Sha256::digest(&self.bytes));
        let mut submission = pb::ReportSubmission {
            submission_id: sha256[..32].to_owned(),
            unit: "_".into(),
            file_name: self.file_name(),
            content_sha256: sha256,
            content_size: self.bytes.len() as u64,
            ..Default::default()
        };
        if let Some(envelope) = decode::edxml::envelope(&self.bytes, &decode::Limits::default()) {
            wire::take_envelope(&mut submission, &envelope);
        }
        submission
    }

    /// The name without its folders.
    pub fn file_name(&self) -> String {
        let base = Path::new(&self.name).file_name().and_then(OsStr::to_str);
        base.unwrap_or(&self.name).to_owned()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads and checks documents with one set of settings.
pub struct Reading<'g> {
    global: &'g Global,
    limits: decode::Limits,
    decoder: Decoder,
    rules: RuleSet,
    today: PartialDate,
    vocabulary: Arc<Vocabulary>,
}

impl<'g> Reading<'g> {
    /// Reading with these settings and the rules of a unit, on a given day or today.
    pub fn new(global: &'g Global, settings: &Settings, unit: &str, today: Option<PartialDate>) -> Result<Self> {
        Ok(Self {
            global,
            limits: settings.limits(),
            // Nobody knows whether another document follows: none is spawned ahead.
            decoder: Decoder::new(sandbox::Options {
                warm: 0,
                ..settings.sandbox()
            }),
            rules: settings.rule_sets().of(unit).clone(),
            today: today.unwrap_or_else(|| PartialDate::in_viet_nam(SystemTime::now())),
            vocabulary: settings
                .vocabulary()
                .map_err(|error| Error::caused("wrong settings", error))?,
        })
    }

    /// The rules in force.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Reads and checks one document. A defect of ours that shows only on this document is an
    /// error for this document, not the end of the run.
    pub fn process(&self, input: &Input) -> Result<Outcome> {
        let started = Instant::now();
        let run = || {
            let decoded = self.decoder.decode_blocking(&input.bytes, "", &self.limits);
            pipeline::finish(decoded, &self.vocabulary, &self.rules, self.today)
        };
        let outcome = panic::catch_unwind(AssertUnwindSafe(run))
            .map_err(|_| Error::new(format!("{}: could not be processed: internal error", input.name)))?;
        if self.global.verbose > 0 {
            let (bytes, took) = (input.bytes.len(), started.elapsed());
            self.global
                .remark(format!("{}: {bytes} bytes read and checked in {took:.1?}", input.name));
        }
        Ok(outcome)
    }

    /// Why a document was refused, for people.
    pub fn refused(&self, input: &Input, refusal: &decode::Refusal, lang: Lang) -> Error {
        let message = lang.pick(&refusal.message_vi, &refusal.message_en);
        Error::new(format!("{}: {}: {message}", input.name, refusal.reason.as_str()))
    }
}

/// The files named, in order; folders stand for the reports under them, sorted by name.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        walk(path, &mut files)?;
        if files.len() == before {
            return Err(Error::new(format!(
                "no file of a known ending (txt, docx, pdf, …) under {}",
                path.display()
            )));
        }
    }
    Ok(files)
}

/// Collects reports under a folder. Hidden names and links to folders (loops) are passed over.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable = |cause| Error::unreadable(folder, cause);
    let entries: io::Result<Vec<_>> = fs::read_dir(folder).map_err(unreadable)?.collect();
    let mut entries = entries.map_err(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type().map_err(unreadable)?.is_dir() {
            walk(&path, files)?;
        } else if is_report(&path) && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

fn is_report(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

/// Reads "YYYY-MM-DD".
pub fn parse_date(text: &str) -> std::result::Result<PartialDate, String> {
    let parts: Vec<&str> = text.split('-').collect();
    let parsed = match parts[..] {
        [year, month, day] if year.len() == 4 => match (year.parse(), month.parse(), day.parse()) {
            (Ok(year), Ok(month), Ok(day)) => Some(PartialDate::new(year, month, day)),
            _ => None,
        },
        _ => None,
    };
    parsed
        .filter(|date| date.exists())
        .ok_or_else(|| "expected a day of the calendar as YYYY-MM-DD".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_of_the_calendar() {
        assert_eq!(parse_date("2024-02-29"), Ok(PartialDate::new(2024, 2, 29)));
        for wrong in [
            "",
            "2023-02-29",
            "24-02-01",
            "2024-2",
            "2024-13-01",
            "2024-00-01",
            "today",
            "2024-300-01",
        ] {
            assert!(parse_date(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn folders_stand_for_the_reports_under_them() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.txt", "a.md", "c.zip", ".hidden.txt", "sub/d.TXT"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let found = files(&[folder.path().to_owned()]).unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(folder.path()).unwrap())
            .collect();
        assert_eq!(names, [Path::new("a.md"), Path::new("b.txt"), Path::new("sub/d.TXT")]);
        let empty = tempfile::tempdir().unwrap();
        assert!(files(&[empty.path().to_owned()]).is_err());
    }
}
