//! Names of codes, laws and ordinances.

use serde::Deserialize;

use super::Phrases;
use crate::shadow::{Reader, Token};

/// Names of codes, laws and ordinances, without their type word.
#[derive(Debug)]
pub struct Laws(Phrases<()>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    names: Vec<String>,
}

impl From<Table> for Laws {
    fn from(table: Table) -> Self {
        let mut names = Phrases::over_marks();
        for name in &table.names {
            names.insert(name, ());
        }
        Self(names)
    }
}

impl Laws {
    /// The last token of the longest name that begins with the word `first`.
    pub fn longest(&self, reader: &Reader<'_>, first: Token) -> Option<Token> {
        self.0.longest(reader, first).map(|((), last)| last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{shadow::Flow, vocabulary::Vocabulary};

    #[test]
    fn the_longest_name_wins_over_commas() {
        let laws = &Vocabulary::embedded().laws;
        let flow = Flow::default();
        for (text, name) in [
            ("Cán bộ, công chức năm 2008", "Cán bộ, công chức"),
            ("Phòng chống tham nhũng và", "Phòng chống tham nhũng"),
            ("Phòng, chống HIV/AIDS", "Phòng, chống HIV/AIDS"),
            ("Xây dựng, Luật", "Xây dựng"),
        ] {
            let reader = Reader::new(text, &flow);
            let last = laws.longest(&reader, reader.after(0)).map(|last| &text[..last.end()]);
            assert_eq!(last, Some(name));
        }
    }
}
