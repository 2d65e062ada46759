//! Provinces by the days on which they were what they are called.

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::Phrases;
use crate::{
    extract::PartialDate,
    shadow::{Reader, Token},
};

/// What a province can be.
const KINDS: [&str; 2] = ["tỉnh", "thành phố"];

/// Names of provinces and cities under the central government, past and present.
#[derive(Debug)]
pub struct Provinces {
    rows: Vec<Province>,
    /// The rows of a name with its kind ("tỉnh Hà Nam", "tỉnh ủy Hà Nam").
    phrases: Phrases<Vec<usize>>,
}

/// A province, or a city under the central government.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Province {
    /// Its name without its kind.
    pub name: String,
    /// "tỉnh" or "thành phố".
    pub kind: String,
    /// First day (YYYY-MM-DD).
    #[serde(default)]
    from: String,
    /// Last day (YYYY-MM-DD).
    #[serde(default)]
    until: String,
    /// What came after it, with its kind; empty while it is there.
    #[serde(default)]
    pub now: String,
}

impl Province {
    /// Its last day, if it has had one.
    pub fn until(&self) -> Option<PartialDate> {
        date(&self.until)
    }

    /// Whether it was there on a day.
    pub fn exists_on(&self, day: PartialDate) -> bool {
        date(&self.from).is_none_or(|from| from <= day) && self.until().is_none_or(|until| day <= until)
    }
}

impl Province {
    /// What is wrong with it, if anything is.
    pub(super) fn check(&self) -> Result<(), String> {
        if !KINDS.contains(&self.kind.as_str()) {
            return Err(format!("kind: expected \"{}\" or \"{}\"", KINDS[0], KINDS[1]));
        }
        for day in [&self.from, &self.until] {
            if !(day.is_empty() || date(day).is_some_and(PartialDate::exists)) {
                return Err(format!("\"{day}\" is no day: expected YYYY-MM-DD"));
            }
        }
        match self.until.is_empty() == self.now.is_empty() {
            true => Ok(()),
            false => Err("until and now need each other: what came after it?".into()),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    provinces: Vec<Province>,
}

impl From<Table> for Provinces {
    fn from(table: Table) -> Self {
        let rows = table.provinces;
        let mut named: FxHashMap<String, Vec<usize>> = FxHashMap::default();
        for (index, row) in rows.iter().enumerate() {
            named
                .entry(format!("{} {}", row.kind, row.name))
                .or_default()
                .push(index);
            // The Party committee of a province bears its name, too.
            if row.kind == "tỉnh" {
                named.entry(format!("tỉnh ủy {}", row.name)).or_default().push(index);
            }
        }
        let mut phrases = Phrases::over_marks();
        for (name, rows) in named {
            phrases.insert(&name, rows);
        }
        Self { rows, phrases }
    }
}

impl Provinces {
    /// Whether a name may begin with this word.
    pub fn may_begin(&self, first: Token) -> bool {
        self.phrases.may_begin(first.key)
    }

    /// What the longest name that begins with the word `first` has stood for, and its last token.
    pub fn longest(&self, reader: &Reader<'_>, first: Token) -> Option<(impl Iterator<Item = &Province>, Token)> {
        let (rows, last) = self.phrases.longest(reader, first)?;
        Some((rows.iter().filter_map(|&row| self.rows.get(row)), last))
    }
}

/// A date of the table; what is not given is none.
fn date(text: &str) -> Option<PartialDate> {
    let mut parts = text.split('-').map(str::parse::<u16>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    Some(PartialDate::new(
        year,
        u8::try_from(month).ok()?,
        u8::try_from(day).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Vocabulary;

    #[test]
    fn there_were_63_and_there_are_34() {
        let provinces = &Vocabulary::embedded().provinces;
        let count = |year, month, day| {
            let day = PartialDate::new(year, month, day);
            provinces.rows.iter().filter(|row| row.exists_on(day)).count()
        };
        assert_eq!(count(2024, 6, 1), 63);
        assert_eq!(count(2025, 6, 30), 63);
        assert_eq!(count(2025, 7, 1), 34);
        assert_eq!(count(2026, 11, 1), 34);
    }

    #[test]
    fn dates_are_well_formed_and_what_ended_has_a_successor() {
        for row in &Vocabulary::embedded().provinces.rows {
            assert_eq!(row.check(), Ok(()), "{}", row.name);
        }
    }
}
