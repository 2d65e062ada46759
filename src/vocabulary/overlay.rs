//! What an engineer adds to the embedded tables: a file, or a folder of files, with entries of the same form.
//!
//! Every entry is looked at where it stands, so that a mistake is told with file, line, table and entry. Only then
//! are the entries put into the embedded tables, which are read again as a whole: what a table is made into does not
//! depend on where its entries come from.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::{
    Table, Value,
    de::{DeTable, DeValue},
};

use super::{Phrases, SOURCES, document_types, issuers, provinces::Province};
use crate::shadow::{Flow, Key, Reader};

/// Why an overlay is refused.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// The file or folder cannot be read.
    #[error("cannot read vocabulary.overlay {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("vocabulary.overlay {place}: {what}")]
    Wrong {
        /// File and line.
        place: String,
        /// Table, entry, and what is wrong.
        what: String,
    },
}

/// The tables as they are with the entries of an overlay.
#[derive(Debug)]
pub(super) struct Overlay {
    /// The tables by name.
    pub tables: Table,
    /// How many entries are added or taken out.
    pub entries: usize,
    /// Identifies the entries; layout and comments do not matter.
    pub version: String,
}

/// What is taken out stands in tables of this name beside what is added.
const WITHOUT: &str = "without";
/// Tables whose keys are phrases instead of names that are known.
const BY_PHRASE: [&str; 3] = ["spelling.after", "spelling.before", "spelling.phrases"];
/// Tables whose phrases run over commas and dashes.
const OVER_MARKS: [&str; 3] = ["issuers", "laws", "provinces"];
/// Longest code of a document type or a body, in bytes.
const LONGEST_CODE: usize = 32;

impl Overlay {
    /// Reads what is under a path.
    pub fn read(path: &Path) -> Result<Self, OverlayError> {
        let mut overlay = Self {
            tables: embedded(),
            entries: 0,
            version: String::new(),
        };
        let mut digest = Sha256::new();
        for path in files(path)? {
            let file = File::read(&path)?;
            let root = file.parse()?;
            for (name, entry) in &root {
                overlay.add(&file, name, entry)?;
                digest.update(format!("{name} = {}\n", entry.value()));
            }
        }
        let digest = digest.finalize();
        overlay.version = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(overlay)
    }

    fn add(&mut self, file: &File, name: &str, entry: &Entry) -> Result<(), OverlayError> {
        let known = SOURCES.iter().map(|(name, _)| *name);
        let Some(Value::Table(table)) = self.tables.get_mut(name) else {
            return Err(file.wrong(entry, unknown(name, known)));
        };
        let entries = file.table(name, entry)?;
        let mut merge = Merge { file, count: 0 };
        // First, so that an entry can be replaced: taken out, and added as it shall be.
        for (_, without) in entries.iter().filter(|(key, _)| key == WITHOUT) {
            merge.take_out(table, name, file.table(WITHOUT, without)?)?;
        }
        for (key, entry) in entries.iter().filter(|(key, _)| key != WITHOUT) {
            merge.add(table, name, key, entry)?;
        }
        self.entries += merge.count;
        Ok(())
    }
}

/// The embedded tables by name.
fn embedded() -> Table {
    let read = |(name, source): &(&str, &str)| {
        // The sources are part of the program and read by the tests.
        let table: Table = toml::from_str(source).expect("the embedded tables are TOML");
        ((*name).to_owned(), Value::Table(table))
    };
    SOURCES.iter().map(read).collect()
}

/// The files that a path stands for: itself, or those of a folder by name. Hidden ones are passed over: Kubernetes
/// keeps the versions of a mounted folder in such.
fn files(path: &Path) -> Result<Vec<PathBuf>, OverlayError> {
    let unreadable = |source| OverlayError::Unreadable {
        path: path.to_owned(),
        source,
    };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries: io::Result<Vec<_>> = fs::read_dir(path).map_err(unreadable)?.collect();
    let entries = entries.map_err(unreadable)?.into_iter();
    let shown = entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    let mut files: Vec<PathBuf> = shown.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    match files.is_empty() {
        true => Err(unreadable(io::Error::other("no file in it ends in .toml"))),
        false => Ok(files),
    }
}

/// A value of a file, and where in the file it stands.
struct Entry {
    offset: usize,
    content: Content,
}

enum Content {
    Table(Vec<(String, Entry)>),
    List(Vec<Entry>),
    Text(String),
    Flag(bool),
}

impl Entry {
    fn value(&self) -> Value {
        match &self.content {
            Content::Table(entries) => Value::Table(
                entries
                    .iter()
                    .map(|(key, entry)| (key.clone(), entry.value()))
                    .collect(),
            ),
            Content::List(entries) => Value::Array(entries.iter().map(Self::value).collect()),
            Content::Text(text) => Value::String(text.clone()),
            Content::Flag(flag) => Value::Boolean(*flag),
        }
    }
}

/// A file of an overlay.
struct File {
    path: PathBuf,
    text: String,
}

impl File {
    fn read(path: &Path) -> Result<Self, OverlayError> {
        let text = fs::read_to_string(path).map_err(|source| OverlayError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            text: text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned(),
        })
    }

    fn parse(&self) -> Result<Vec<(String, Entry)>, OverlayError> {
        let table = DeTable::parse(&self.text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            self.wrong_at(offset, format!("not valid TOML: {}", error.message()))
        })?;
        self.entries("", table.get_ref())
    }

    fn entries(&self, path: &str, table: &DeTable<'_>) -> Result<Vec<(String, Entry)>, OverlayError> {
        let read = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
            let key: &std::borrow::Cow<'_, str> = key.get_ref();
            let entry = self.entry(&join(path, key), value)?;
            Ok((key.clone().into_owned(), entry))
        };
        table.iter().map(read).collect()
    }

    fn entry(&self, path: &str, value: &toml::Spanned<DeValue<'_>>) -> Result<Entry, OverlayError> {
        let offset = value.span().start;
        let content = match value.get_ref() {
            DeValue::Table(table) => Content::Table(self.entries(path, table)?),
            DeValue::Array(list) => {
                let entries: Result<_, _> = list.iter().map(|value| self.entry(path, value)).collect();
                Content::List(entries?)
            }
            DeValue::String(text) => Content::Text(text.clone().into_owned()),
            DeValue::Boolean(flag) => Content::Flag(*flag),
            _ => return Err(self.wrong_at(offset, format!("{path}: expected text between quotes"))),
        };
        Ok(Entry { offset, content })
    }

    fn wrong(&self, entry: &Entry, what: impl Into<String>) -> OverlayError {
        self.wrong_at(entry.offset, what)
    }

    fn wrong_at(&self, offset: usize, what: impl Into<String>) -> OverlayError {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        OverlayError::Wrong {
            place: format!("{}:{line}", self.path.display()),
            what: what.into(),
        }
    }

    fn table<'e>(&self, path: &str, entry: &'e Entry) -> Result<&'e [(String, Entry)], OverlayError> {
        match &entry.content {
            Content::Table(entries) => Ok(entries),
            _ => Err(self.wrong(entry, format!("{path}: expected a table"))),
        }
    }

    fn list<'e>(&self, path: &str, entry: &'e Entry) -> Result<&'e [Entry], OverlayError> {
        match &entry.content {
            Content::List(entries) => Ok(entries),
            _ => Err(self.wrong(entry, format!("{path}: expected a list"))),
        }
    }

    fn text<'e>(&self, path: &str, entry: &'e Entry) -> Result<&'e str, OverlayError> {
        match &entry.content {
            Content::Text(text) => Ok(text),
            _ => Err(self.wrong(entry, format!("{path}: expected text between quotes"))),
        }
    }
}

/// Puts the entries of a file into a table.
struct Merge<'f> {
    file: &'f File,
    count: usize,
}

impl Merge<'_> {
    fn add(&mut self, table: &mut Table, path: &str, key: &str, entry: &Entry) -> Result<(), OverlayError> {
        let path_of = join(path, key);
        match table.get_mut(key) {
            Some(Value::Table(inner)) if BY_PHRASE.contains(&path_of.as_str()) => {
                for (phrase, entry) in self.file.table(&path_of, entry)? {
                    self.add_by_phrase(inner, &path_of, phrase, entry)?;
                }
            }
            Some(Value::Table(inner)) => {
                for (key, entry) in self.file.table(&path_of, entry)? {
                    self.add(inner, &path_of, key, entry)?;
                }
            }
            Some(Value::Array(list)) if list.iter().all(Value::is_table) => {
                for entry in self.file.list(&path_of, entry)? {
                    self.add_row(list, &path_of, entry)?;
                }
            }
            Some(Value::Array(list)) => {
                for entry in self.file.list(&path_of, entry)? {
                    let phrase = self.file.text(&path_of, entry)?;
                    check_phrase(&path_of, phrase).map_err(|what| self.wrong(entry, &path_of, phrase, &what))?;
                    self.count += 1;
                    if !list.iter().any(|known| is_same(known, phrase)) {
                        list.push(phrase.into());
                    }
                }
            }
            _ => {
                let known = table.keys().map(String::as_str);
                return Err(self
                    .file
                    .wrong(entry, unknown(&path_of, known.map(|key| join(path, key)))));
            }
        }
        Ok(())
    }

    /// Adds a row, or to the row of its name.
    fn add_row(&mut self, rows: &mut Vec<Value>, path: &str, entry: &Entry) -> Result<(), OverlayError> {
        let value = entry.value();
        let name = row_name(&value);
        check_row(path, value.clone()).map_err(|what| self.wrong(entry, path, &name, &what))?;
        let Value::Table(fields) = value else { return Ok(()) };
        self.count += 1;
        let Some(known) = rows.iter_mut().find(|row| are_same(&row_name(row), &name)) else {
            rows.push(Value::Table(fields));
            return Ok(());
        };
        for (field, value) in fields {
            match (known.get_mut(&field), value) {
                (_, _) if field == "name" || field == "kind" => {}
                (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
                (Some(known), value) => *known = value,
                (None, value) => {
                    if let Value::Table(known) = known {
                        known.insert(field, value);
                    }
                }
            }
        }
        Ok(())
    }

    fn add_by_phrase(
        &mut self,
        table: &mut Table,
        path: &str,
        phrase: &str,
        entry: &Entry,
    ) -> Result<(), OverlayError> {
        check_phrase(path, phrase).map_err(|what| self.wrong(entry, path, phrase, &what))?;
        self.count += 1;
        if path == "spelling.phrases" {
            let meant = self.file.text(path, entry)?;
            if meant.trim().is_empty() {
                return Err(self.wrong(entry, path, phrase, "expected what is meant"));
            }
            table.insert(phrase.to_owned(), meant.into());
            return Ok(());
        }
        let known = table.entry(phrase.to_owned()).or_insert(Value::Array(Vec::new()));
        for entry in self.file.list(path, entry)? {
            let word = self.file.text(path, entry)?;
            if word.is_empty() || word.contains(char::is_whitespace) {
                return Err(self.wrong(entry, path, word, "expected one word"));
            }
            if let Value::Array(known) = known {
                known.push(word.into());
            }
        }
        Ok(())
    }

    fn take_out(&mut self, table: &mut Table, path: &str, entries: &[(String, Entry)]) -> Result<(), OverlayError> {
        for (key, entry) in entries {
            let path_of = join(path, key);
            match table.get_mut(key) {
                Some(Value::Table(inner)) if BY_PHRASE.contains(&path_of.as_str()) => {
                    for entry in self.file.list(&path_of, entry)? {
                        let phrase = self.file.text(&path_of, entry)?;
                        let before = inner.len();
                        inner.retain(|known, _| !are_same(known, phrase));
                        self.taken_out(before - inner.len(), &path_of, phrase, entry)?;
                    }
                }
                Some(Value::Table(inner)) => {
                    let entries = self.file.table(&path_of, entry)?;
                    self.take_out(inner, &path_of, entries)?;
                }
                Some(Value::Array(list)) => {
                    for entry in self.file.list(&path_of, entry)? {
                        let phrase = self.file.text(&path_of, entry)?;
                        let before = list.len();
                        list.retain(|known| !is_same(known, phrase));
                        self.taken_out(before - list.len(), &path_of, phrase, entry)?;
                    }
                }
                _ => {
                    let known = table.keys().map(|key| join(path, key));
                    return Err(self.file.wrong(entry, unknown(&path_of, known)));
                }
            }
        }
        Ok(())
    }

    fn taken_out(&mut self, count: usize, path: &str, phrase: &str, entry: &Entry) -> Result<(), OverlayError> {
        self.count += count;
        match count {
            0 => Err(self.wrong(entry, path, phrase, "there is no such entry to take out")),
            _ => Ok(()),
        }
    }

    fn wrong(&self, entry: &Entry, path: &str, name: &str, what: &str) -> OverlayError {
        self.file.wrong(entry, format!("{path} \"{name}\": {what}"))
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn unknown(name: &str, known: impl Iterator<Item = impl AsRef<str>>) -> String {
    let known: Vec<_> = known.collect();
    let names = || known.iter().map(AsRef::as_ref);
    let likeness = |other: &&str| (strsim::normalized_damerau_levenshtein(name, other) * 1000.0) as u32;
    match names().max_by_key(likeness).filter(|other| likeness(other) >= 600) {
        Some(near) => format!("there is no table {name}; did you mean {near}?"),
        None => format!(
            "there is no table {name}, but {}",
            names().collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Whether two phrases are the same when written in small letters.
fn are_same(a: &str, b: &str) -> bool {
    let keys = |phrase: &str| phrase.split_whitespace().map(Key::new).collect::<Vec<_>>();
    keys(a) == keys(b)
}

/// Whether an entry of a list is this phrase, or the row of this name.
fn is_same(known: &Value, phrase: &str) -> bool {
    match known {
        Value::String(known) => are_same(known, phrase),
        row => are_same(&row_name(row), phrase),
    }
}

/// What a row is called: "Quyết định", "tỉnh Hà Nam".
fn row_name(row: &Value) -> String {
    let field = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
    match field("kind") {
        "" => field("name").to_owned(),
        kind => format!("{kind} {}", field("name")),
    }
}

/// Whether a row has the fields it needs and no others, and what stands in them can be found in a text.
fn check_row(path: &str, row: Value) -> Result<(), String> {
    let said = |error: toml::de::Error| error.message().to_owned();
    let (phrases, codes) = match path {
        "document_types.type" => {
            let row = document_types::Row::deserialize(row).map_err(said)?;
            (row.names(), row.codes)
        }
        "provinces.provinces" => {
            let row = Province::deserialize(row).map_err(said)?;
            row.check()?;
            (vec![row.name], Vec::new())
        }
        _ => {
            let row = issuers::Row::deserialize(row).map_err(said)?;
            (row.names(), row.codes)
        }
    };
    phrases.iter().try_for_each(|phrase| check_phrase(path, phrase))?;
    codes.iter().try_for_each(|code| check_code(code))
}

/// Whether a phrase is one that a text can have.
fn check_phrase(path: &str, phrase: &str) -> Result<(), String> {
    let table = path.split('.').next().unwrap_or_default();
    let words = phrase.split_whitespace().count();
    match path {
        "spelling.phrases" if words < 2 => return Err("expected two words or more".into()),
        "spelling.phrases" => {}
        _ if table == "spelling" && words != 2 => return Err("expected two words".into()),
        _ => {}
    }
    let mut phrases = if OVER_MARKS.contains(&table) {
        Phrases::over_marks()
    } else {
        Phrases::forwards()
    };
    phrases.insert(phrase, ());
    let flow = Flow::default();
    let reader = Reader::new(phrase, &flow);
    let found = phrases.longest(&reader, reader.after(0));
    let is_whole = found.is_some_and(|((), last)| last.end() == phrase.trim_end().len());
    match is_whole {
        true => Ok(()),
        false => Err("expected words between spaces, which a text can have so".into()),
    }
}

/// Whether a code can stand in a symbol.
fn check_code(code: &str) -> Result<(), String> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '/' | '&');
    let good = code.starts_with(char::is_alphabetic) && code.len() <= LONGEST_CODE && code.chars().all(fits);
    match good {
        true => Ok(()),
        false => Err(format!(
            "\"{code}\" is no code of a symbol: expected letters, digits, - / &, beginning with a letter"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        document::Document,
        extract::{self, PartialDate, Report},
        vocabulary::Vocabulary,
    };

    fn overlaid(text: &str) -> Result<Arc<Vocabulary>, String> {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        fs::write(&file, text).unwrap();
        let said = |error: OverlayError| error.to_string().replace(&file.path().display().to_string(), "file");
        Vocabulary::overlaid(file.path()).map_err(said)
    }

    fn read(text: &str, vocabulary: &Vocabulary) -> (Document, Report) {
        let document = Document::plain(text);
        let report = extract::extract(&document, vocabulary);
        (document, report)
    }

    #[test]
    fn entries_are_read_like_those_of_the_program() {
        let vocabulary = overlaid(
            r#"
            [[document_types.type]]
            name = "Phương án bảo vệ"
            codes = ["PABV"]

            [[issuers.body]]
            name = "Đặc khu ủy"
            codes = ["ĐKU"]
            party = true

            [units]
            nouns = ["giàn phơi"]
            "#,
        )
        .unwrap();
        assert_eq!(vocabulary.overlaid, 3);
        let text = "BÁO CÁO\nKết quả năm 2026\n\nThực hiện Phương án bảo vệ số 7-PABV/ĐKU ngày 05/3/2026 của Đặc khu ủy \
                    Yên Hạc, đã lắp 12 giàn phơi.\n";
        let read_with = |vocabulary: &Vocabulary| {
            let (document, report) = read(text, vocabulary);
            let of = |span: Option<crate::document::Span>| span.map(|span| span.of(&document.text).to_owned());
            let citation = report.citations.first();
            let citation = citation.map(|citation| (citation.document_type.to_string(), of(citation.issuer)));
            (
                citation,
                report.measures.first().and_then(|measure| of(Some(measure.span))),
            )
        };
        assert_eq!(
            read_with(&vocabulary),
            (
                Some(("Phương án bảo vệ".into(), Some("Đặc khu ủy Yên Hạc".into()))),
                Some("12 giàn phơi".into())
            )
        );
        let plain = read_with(Vocabulary::embedded());
        assert_ne!(plain.0, read_with(&vocabulary).0);
        assert_ne!(plain.1, read_with(&vocabulary).1);
    }

    #[test]
    fn an_entry_of_a_known_name_adds_to_it_and_a_field_replaces_its_own() {
        let vocabulary = overlaid(
            r#"
            [[issuers.body]]
            name = "đảng ủy"
            codes = ["ĐUX"]

            [[provinces.provinces]]
            kind = "tỉnh"
            name = "Cà Mau"
            until = "2031-06-30"
            now = "thành phố Cần Thơ"
            "#,
        )
        .unwrap();
        for code in ["ĐU", "ĐUX"] {
            assert_eq!(
                vocabulary.issuers.of_code(code).map(|body| body.name.as_str()),
                Some("Đảng ủy")
            );
        }
        let flow = Flow::default();
        let reader = Reader::new("tỉnh Cà Mau", &flow);
        let (mut rows, _) = vocabulary.provinces.longest(&reader, reader.after(0)).unwrap();
        let province = rows.next().unwrap();
        assert_eq!(province.until(), Some(PartialDate::new(2031, 6, 30)));
        assert_eq!(province.now, "thành phố Cần Thơ");
    }

    #[test]
    fn entries_can_be_taken_out_and_so_replaced() {
        let vocabulary = overlaid(
            r#"
            [document_types.without]
            type = ["quy chế"]

            [[document_types.type]]
            name = "Quy chế"
            codes = ["QCX"]

            [units.without]
            never = ["cấp"]
            before.over = ["quá"]

            [spelling.without]
            phrases = ["công tắc"]
            "#,
        )
        .unwrap();
        assert_eq!(vocabulary.overlaid, 5);
        let types = &vocabulary.document_types;
        assert!(types.of_code(Key::new("QC")).is_none());
        assert_eq!(types.of_code(Key::new("QCX")).map(|kind| &*kind.name), Some("Quy chế"));
        let slip = [Key::new("công"), Key::new("tắc")];
        assert_eq!(vocabulary.spelling.slip(&slip), None);
        assert!(Vocabulary::embedded().spelling.slip(&slip).is_some());
    }

    #[test]
    fn pairs_that_are_right_are_no_slips() {
        let vocabulary = overlaid("[spelling]\nallowed = [\"kiềm tra\"]\n").unwrap();
        let pair = [Key::new("kiềm"), Key::new("tra")];
        let meant = |vocabulary: &Vocabulary| vocabulary.spelling.meant(Key::NONE, pair, Key::NONE).map(str::to_owned);
        assert_eq!(meant(&vocabulary), None);
        assert_eq!(meant(Vocabulary::embedded()), Some("kiểm tra".into()));
    }

    #[test]
    fn only_the_entries_make_the_version() {
        let version = |text: &str| overlaid(text).unwrap().overlay.clone();
        let one = version("[units]\nnouns = [\"giàn phơi\"]\n");
        assert_eq!(one.len(), 16);
        assert_eq!(one, version("# why\n\n[units]\nnouns = [\n  \"giàn phơi\",\n]\n"));
        assert_ne!(one, version("[units]\nnouns = [\"giàn treo\"]\n"));
        assert_eq!(Vocabulary::embedded().overlay, "");
    }

    #[test]
    fn mistakes_are_told_with_file_line_table_and_entry() {
        for (text, expected) in [
            ("[units\n", "file:1: not valid TOML: "),
            (
                "\n[unit]\nnouns = []\n",
                "file:2: there is no table unit; did you mean units?",
            ),
            (
                "[qqqq]\n",
                "file:1: there is no table qqqq, but document_types, issuers, laws",
            ),
            (
                "[units]\nnoun = [\"a\"]\n",
                "file:2: there is no table units.noun; did you mean units.nouns?",
            ),
            ("[units]\nnouns = \"a\"\n", "file:2: units.nouns: expected a list"),
            (
                "[units]\nnouns = [\n\"a\",\n7]\n",
                "file:4: units.nouns: expected text between quotes",
            ),
            (
                "[units]\nnouns = [\"a\", \"m/s\"]\n",
                "file:2: units.nouns \"m/s\": expected words between spaces",
            ),
            (
                "[units]\nnouns = [\" \"]\n",
                "file:2: units.nouns \" \": expected words between spaces",
            ),
            (
                "[[issuers.body]]\nname = \"Đặc khu ủy\"\ncode = \"ĐKU\"\n",
                "file:1: issuers.body \"Đặc khu ủy\": unknown field `code`",
            ),
            (
                "[[issuers.body]]\ncodes = [\"X\"]\n",
                "file:1: issuers.body \"\": missing field `name`",
            ),
            (
                "[[issuers.body]]\nname = \"A\"\ncodes = [\"Đ KU\"]\n",
                "file:1: issuers.body \"A\": \"Đ KU\" is no code of a symbol",
            ),
            (
                "[[provinces.provinces]]\nname = \"A\"\nkind = \"tỉnh\"\nuntil = \"2027-02-30\"\nnow = \"tỉnh B\"\n",
                "file:1: provinces.provinces \"tỉnh A\": \"2027-02-30\" is no day",
            ),
            (
                "[[provinces.provinces]]\nname = \"A\"\nkind = \"tỉnh\"\nuntil = \"2027-02-20\"\n",
                "until and now need each other",
            ),
            (
                "[[provinces.provinces]]\nname = \"A\"\nkind = \"huyện\"\n",
                "expected \"tỉnh\" or \"thành phố\"",
            ),
            (
                "[spelling]\nallowed = [\"một hai ba\"]\n",
                "file:2: spelling.allowed \"một hai ba\": expected two words",
            ),
            (
                "[spelling.phrases]\n\"sai\" = \"đúng\"\n",
                "file:2: spelling.phrases \"sai\": expected two words or more",
            ),
            (
                "[units.without]\nnouns = [\"giàn phơi\"]\n",
                "file:2: units.nouns \"giàn phơi\": there is no such entry to take out",
            ),
        ] {
            let said = overlaid(text).map(|vocabulary| vocabulary.overlaid).unwrap_err();
            let said = said.strip_prefix("vocabulary.overlay ").unwrap();
            assert!(said.contains(expected), "{text}\n{said}");
            assert!(!said.contains('\n'), "{said}");
        }
    }

    #[test]
    fn a_folder_stands_for_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let said = Vocabulary::overlaid(folder.path()).unwrap_err();
        assert!(std::error::Error::source(&said).unwrap().to_string().contains(".toml"));
        for (name, text) in [
            ("b.toml", "[units]\nnouns = [\"giàn phơi\"]\n"),
            ("a.toml", "[laws]\nnames = [\"Bến bãi\"]\n"),
            (".hidden.toml", "nonsense"),
            ("README.md", "nonsense"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        assert_eq!(Vocabulary::overlaid(folder.path()).unwrap().overlaid, 2);
        fs::write(folder.path().join("b.toml"), "nonsense").unwrap();
        let said = Vocabulary::overlaid(folder.path()).unwrap_err().to_string();
        assert!(said.contains("b.toml:1"), "{said}");
        let missing = Vocabulary::overlaid(&folder.path().join("c")).unwrap_err();
        assert!(
            missing.to_string().starts_with("cannot read vocabulary.overlay"),
            "{missing}"
        );
    }

    #[test]
    fn the_example_of_the_readme_is_good() {
        let readme = include_str!("../../README.md");
        let (_, behind) = readme.split_once("```toml\n").expect("an example");
        let (example, _) = behind.split_once("```").expect("its end");
        assert!(example.contains("[[issuers.body]]"), "{example}");
        assert!(
            overlaid(example).is_ok_and(|vocabulary| vocabulary.overlaid == 6),
            "{:?}",
            overlaid(example).err()
        );
    }

    /// What the program has in itself would be let in from outside, too.
    #[test]
    fn the_embedded_entries_pass() {
        fn look(path: &str, value: &Value, refused: &mut Vec<String>) {
            let mut note = |name: &str, result: Result<(), String>| {
                refused.extend(result.err().map(|what| format!("{path} {name}: {what}")));
            };
            match value {
                Value::Table(table) if BY_PHRASE.contains(&path) => {
                    table.keys().for_each(|phrase| note(phrase, check_phrase(path, phrase)));
                }
                Value::Table(table) => table
                    .iter()
                    .for_each(|(key, value)| look(&join(path, key), value, refused)),
                Value::Array(rows) if rows.iter().all(Value::is_table) => {
                    rows.iter()
                        .for_each(|row| note(&row_name(row), check_row(path, row.clone())));
                }
                Value::Array(phrases) => {
                    let phrases = phrases.iter().filter_map(Value::as_str);
                    phrases.for_each(|phrase| note(phrase, check_phrase(path, phrase)));
                }
                _ => {}
            }
        }
        let mut refused = Vec::new();
        look("", &Value::Table(embedded()), &mut refused);
        assert!(refused.is_empty(), "{refused:#?}");
    }
}
