//! Data tables of the field, embedded as TOML beside this file. A new issuer code, unit or
//! document type is one line there, no code. Who cannot build the program puts it into a file of his own instead, which
//! `vocabulary.overlay` names ([`Vocabulary::overlaid`]).

use std::{
    path::Path,
    sync::{Arc, LazyLock},
    thread,
};

use rustc_hash::FxHashMap;
use serde::Deserialize;

use crate::shadow::{Key, Kind, Reader, Token};

pub mod document_types;
pub mod issuers;
pub mod laws;
mod overlay;
pub mod provinces;
pub mod spelling;
pub mod units;

pub use document_types::DocumentTypes;
pub use issuers::Issuers;
pub use laws::Laws;
use overlay::Overlay;
pub use overlay::OverlayError;
pub use provinces::Provinces;
pub use spelling::Spelling;
pub use units::Units;

/// All tables.
#[derive(Debug)]
pub struct Vocabulary {
    /// Types of documents and their codes.
    pub document_types: DocumentTypes,
    /// Bodies that issue documents, and their codes.
    pub issuers: Issuers,
    /// Names of codes, laws and ordinances.
    pub laws: Laws,
    /// Provinces, past and present.
    pub provinces: Provinces,
    /// Words that scans and typing break.
    pub spelling: Spelling,
    /// Units, classifiers and counted nouns.
    pub units: Units,
    /// Identifies what an overlay adds; empty without one.
    pub overlay: String,
    /// How many entries it adds or takes out.
    pub overlaid: usize,
}

/// The sources of the tables, by name.
pub const SOURCES: [(&str, &str); 6] = [
    ("document_types", include_str!("document_types.toml")),
    ("issuers", include_str!("issuers.toml")),
    ("laws", include_str!("laws.toml")),
    ("provinces", include_str!("provinces.toml")),
    ("spelling", include_str!("spelling.toml")),
    ("units", include_str!("units.toml")),
];

/// All tables as they are written.
#[derive(Deserialize)]
struct Tables {
    document_types: document_types::Table,
    issuers: issuers::Table,
    laws: laws::Table,
    provinces: provinces::Table,
    spelling: spelling::Table,
    units: units::Table,
}

impl Vocabulary {
    /// The tables embedded in the program.
    ///
    /// # Panics
    /// When an embedded table is not well formed, which tests exclude.
    pub fn embedded() -> &'static Arc<Vocabulary> {
        static EMBEDDED: LazyLock<Arc<Vocabulary>> = LazyLock::new(|| {
            fn table<T: serde::de::DeserializeOwned>(name: &str) -> T {
                let source = SOURCES
                    .iter()
                    .find(|(table, _)| *table == name)
                    .map_or("", |(_, source)| source);
                toml::from_str(source).expect("the embedded table is well formed")
            }
            // Half of them at a time on each of two threads: the first report waits for this.
            thread::scope(|scope| {
                let half = scope.spawn(|| {
                    let issuers = table::<issuers::Table>("issuers").into();
                    (issuers, table::<spelling::Table>("spelling").into())
                });
                let document_types = table::<document_types::Table>("document_types").into();
                let laws = table::<laws::Table>("laws").into();
                let provinces = table::<provinces::Table>("provinces").into();
                let units = table::<units::Table>("units").into();
                let (issuers, spelling) = half.join().expect("the embedded tables are well formed");
                Arc::new(Vocabulary {
                    document_types,
                    issuers,
                    laws,
                    provinces,
                    spelling,
                    units,
                    overlay: String::new(),
                    overlaid: 0,
                })
            })
        });
        &EMBEDDED
    }

    /// The embedded tables with what a file, or the files of a folder, add to them.
    pub fn overlaid(path: &Path) -> Result<Arc<Vocabulary>, OverlayError> {
        let Overlay {
            tables,
            entries,
            version,
        } = Overlay::read(path)?;
        let tables = Tables::deserialize(tables).map_err(|error| OverlayError::Wrong {
            place: path.display().to_string(),
            what: error.message().to_owned(),
        })?;
        Ok(Arc::new(Vocabulary::of(tables, version, entries)))
    }

    fn of(tables: Tables, overlay: String, overlaid: usize) -> Self {
        Self {
            document_types: tables.document_types.into(),
            issuers: tables.issuers.into(),
            laws: tables.laws.into(),
            provinces: tables.provinces.into(),
            spelling: tables.spelling.into(),
            units: tables.units.into(),
            overlay,
            overlaid,
        }
    }
}

/// A set of phrases that is matched word by word, longest first, in either direction.
#[derive(Clone, Debug)]
pub struct Phrases<T> {
    steps: FxHashMap<(u32, Key), u32>,
    /// The words that a phrase begins with, by a few bits of their keys.
    first: Vec<u64>,
    values: Vec<Option<T>>,
    backwards: bool,
    over_marks: bool,
}

impl<T: Clone> Phrases<T> {
    /// An empty set, to be matched forwards (from a phrase's first word on).
    pub fn forwards() -> Self {
        Self {
            steps: FxHashMap::default(),
            first: vec![0; 1 << (FIRST_BITS - 6)],
            values: vec![None],
            backwards: false,
            over_marks: false,
        }
    }

    /// An empty set, to be matched forwards over the commas, dashes and slashes inside a name,
    /// which authors leave out or put in ("Lao động - Thương binh và Xã hội").
    pub fn over_marks() -> Self {
        Self {
            over_marks: true,
            ..Self::forwards()
        }
    }

    /// An empty set, to be matched backwards (from a phrase's last word back).
    pub fn backwards() -> Self {
        Self {
            backwards: true,
            ..Self::forwards()
        }
    }

    /// Adds a phrase of words between spaces.
    pub fn insert(&mut self, phrase: &str, value: T) {
        let divides = |c: char| c.is_whitespace() || (self.over_marks && !c.is_alphanumeric());
        let words = phrase.split(divides).filter(|word| !word.is_empty());
        let mut words: Vec<Key> = words.map(Key::new).collect();
        if self.backwards {
            words.reverse();
        }
        if let Some(&first) = words.first() {
            let (index, bit) = first_bit(first);
            self.first[index] |= bit;
        }
        let mut node = 0;
        for word in words {
            let next = self.values.len() as u32;
            node = *self.steps.entry((node, word)).or_insert(next);
            if node == next {
                self.values.push(None);
            }
        }
        self.values[node as usize] = Some(value);
    }

    /// The longest phrase that begins with the word `first` (forwards) or ends with it
    /// (backwards): its value and the token at its other end.
    pub fn longest(&self, reader: &Reader<'_>, first: Token) -> Option<(&T, Token)> {
        if !self.perhaps_begins(first.key) {
            return None;
        }
        let mut node = *self.steps.get(&(0, first.key))?;
        let mut token = first;
        let mut best = None;
        loop {
            if let Some(value) = &self.values[node as usize] {
                best = Some((value, token));
            }
            token = if self.backwards {
                reader.previous(token)
            } else {
                reader.next(token)
            };
            if self.over_marks && matches!(token.kind, Kind::Mark(',' | '-' | '/' | '&')) {
                token = reader.next(token);
            }
            if !token.is_word() {
                return best;
            }
            match self.steps.get(&(node, token.key)) {
                Some(&next) => node = next,
                None => return best,
            }
        }
    }

    /// Whether some phrase begins (ends, when backwards) with this word: a quick test.
    pub fn may_begin(&self, word: Key) -> bool {
        self.perhaps_begins(word) && self.steps.contains_key(&(0, word))
    }

    /// False for most words that no phrase begins with, at the price of one look at a bit.
    fn perhaps_begins(&self, word: Key) -> bool {
        let (index, bit) = first_bit(word);
        self.first[index] & bit != 0
    }
}

/// Bits of a key by which phrases tell whether they may begin with it.
const FIRST_BITS: u32 = 12;

/// Where the bit of a word stands.
fn first_bit(word: Key) -> (usize, u64) {
    let hash = word.raw().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - FIRST_BITS);
    ((hash / 64) as usize, 1 << (hash % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shadow::Flow;

    #[test]
    fn the_longest_phrase_wins_in_both_directions() {
        let flow = Flow::default();
        let text = "Chương trình phối hợp số";
        let reader = Reader::new(text, &flow);
        let mut forwards = Phrases::forwards();
        forwards.insert("chương trình", 1);
        forwards.insert("chương trình phối hợp", 2);
        let (value, last) = forwards.longest(&reader, reader.after(0)).unwrap();
        assert_eq!((*value, reader.token(last)), (2, "hợp"));
        let mut backwards = Phrases::backwards();
        backwards.insert("chương trình phối hợp", 3);
        let last = reader.before(text.len() - " số".len());
        let (value, first) = backwards.longest(&reader, last).unwrap();
        assert_eq!((*value, reader.token(first)), (3, "Chương"));
    }
}
