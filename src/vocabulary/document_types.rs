//! Types of documents (tên loại văn bản) and their codes.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::Phrases;
use crate::shadow::{Key, Reader, Token};

/// A type of document.
#[derive(Debug)]
pub struct DocumentType {
    /// Canonical name ("Quyết định").
    pub name: Arc<str>,
    /// Its first code in a symbol ("QĐ"); empty where it has none.
    pub code: String,
    /// Every code, folded.
    pub codes: Vec<Key>,
    /// Whether a number without a symbol may follow ("Quyết định số 217").
    pub bare: bool,
}

/// Types of documents (tên loại văn bản) and their codes.
#[derive(Debug)]
pub struct DocumentTypes {
    types: Vec<DocumentType>,
    by_code: FxHashMap<Key, usize>,
    by_name: Phrases<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    r#type: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    name: String,
    #[serde(default)]
    pub codes: Vec<String>,
    #[serde(default)]
    also: Vec<String>,
    #[serde(default)]
    bare: bool,
}

impl Row {
    /// Each way to write it.
    pub fn names(&self) -> Vec<String> {
        std::iter::once(&self.name).chain(&self.also).cloned().collect()
    }
}

impl From<Table> for DocumentTypes {
    fn from(table: Table) -> Self {
        let mut types = Vec::with_capacity(table.r#type.len());
        let mut by_code = FxHashMap::default();
        let mut by_name = Phrases::backwards();
        for (index, row) in table.r#type.into_iter().enumerate() {
            by_name.insert(&row.name, index);
            for other in &row.also {
                by_name.insert(other, index);
            }
            let codes: Vec<Key> = row.codes.iter().map(|code| Key::new(code)).collect();
            for (code, &key) in row.codes.iter().zip(&codes) {
                if let std::collections::hash_map::Entry::Vacant(entry) = by_code.entry(key) {
                    entry.insert(index);
                    by_name.insert(code, index);
                }
            }
            types.push(DocumentType {
                name: row.name.into(),
                code: row.codes.into_iter().next().unwrap_or_default(),
                codes,
                bare: row.bare,
            });
        }
        Self {
            types,
            by_code,
            by_name,
        }
    }
}

impl DocumentTypes {
    /// The type that a code in a symbol stands for ("QĐ").
    pub fn of_code(&self, code: Key) -> Option<&DocumentType> {
        self.by_code.get(&code).map(|&index| &self.types[index])
    }

    /// The type whose name or abbreviation ends with this token, and the token it begins with.
    pub fn ending_with(&self, reader: &Reader<'_>, last: Token) -> Option<(&DocumentType, Token)> {
        let (&index, first) = self.by_name.longest(reader, last)?;
        Some((&self.types[index], first))
    }

    /// Whether the name or abbreviation of some type ends with this word: a quick test.
    pub fn may_end(&self, word: Key) -> bool {
        self.by_name.may_begin(word)
    }

    /// The type with this canonical name.
    pub fn named(&self, name: &str) -> Option<&DocumentType> {
        self.types.iter().find(|kind| &*kind.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Vocabulary;

    #[test]
    fn the_embedded_table_is_well_formed() {
        let types = &Vocabulary::embedded().document_types;
        assert_eq!(
            types.of_code(Key::new("QÐ")).map(|kind| &*kind.name),
            Some("Quyết định")
        );
        assert_eq!(
            types.of_code(Key::new("CTR")).map(|kind| &*kind.name),
            Some("Chương trình")
        );
        assert_eq!(types.of_code(Key::new("UBND")).map(|kind| &*kind.name), None);
        let mut names: Vec<_> = types.types.iter().map(|kind| kind.name.to_lowercase()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), types.types.len());
    }
}
