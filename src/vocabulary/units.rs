//! Units, classifiers and counted nouns: what stands behind a figure, and what says that a number
//! is none.

use rustc_hash::FxHashSet;
use serde::Deserialize;

use super::Phrases;
use crate::{
    extract::{Approx, Change},
    shadow::Key,
};

/// What a unit makes of the figure before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitKind {
    /// A counted noun or a physical unit without a kind of its own.
    Noun,
    /// A bare classifier, which takes in the word it classifies.
    Classifier,
    /// A unit of area.
    Area,
    /// A unit of time.
    Duration,
    /// Money other than đồng.
    Currency,
    /// A sort of things counted elsewhere ("13 tốt, 3 khá").
    Sort,
    /// Not a unit: a verb, a preposition and so on.
    NotUnit,
    /// The number before it is no figure at all ("3 cấp", "18 tuổi").
    Never,
}

/// What a word before a number makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// A name or a place in an order, whatever follows ("Điều 7", "mức độ 3").
    Always,
    /// A name, unless a unit follows ("thôn 3", but "mỗi thôn 3 hộ").
    Unitless,
    /// No name, though it ends like one ("xã hội 12").
    None,
}

/// What a word before a figure says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// How exact it is.
    Approx(Approx),
    /// That it is a change.
    Change(Change),
    /// That it is a level reached by a change ("giảm còn").
    Level,
    /// Nothing; such words stand between the figure and those that say something.
    Filler,
}

/// Units, classifiers and counted nouns.
#[derive(Debug)]
pub struct Units {
    /// What stands behind a figure, matched forwards.
    pub behind: Phrases<UnitKind>,
    /// Words behind a classifier, matched forwards.
    pub classified: Phrases<()>,
    /// Words behind "điểm" where the figure counts places, matched forwards.
    pub places: Phrases<()>,
    /// Words before a number that is a name, matched backwards.
    pub labels: Phrases<Label>,
    /// Words before a figure that say something of it, matched backwards.
    pub before: Phrases<Before>,
    /// Those of the nouns that only say how things are counted or measured, matched forwards.
    pub quantities: Phrases<()>,
    /// Words of one syllable that are nouns by themselves, for figures in words.
    pub nouns: FxHashSet<Key>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    classifiers: Vec<String>,
    classified: Vec<String>,
    nouns: Vec<String>,
    quantities: Vec<String>,
    areas: Vec<String>,
    durations: Vec<String>,
    currencies: Vec<String>,
    sorts: Vec<String>,
    places: Vec<String>,
    not_units: Vec<String>,
    never: Vec<String>,
    labels_always: Vec<String>,
    labels_unitless: Vec<String>,
    labels_not: Vec<String>,
    before: BeforeTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BeforeTable {
    over: Vec<String>,
    about: Vec<String>,
    under: Vec<String>,
    estimated: Vec<String>,
    increase: Vec<String>,
    decrease: Vec<String>,
    level: Vec<String>,
    filler: Vec<String>,
}

impl BeforeTable {
    fn phrases(&self) -> Phrases<Before> {
        let mut before = Phrases::backwards();
        for (phrases, meaning) in [
            (&self.over, Before::Approx(Approx::Over)),
            (&self.about, Before::Approx(Approx::About)),
            (&self.under, Before::Approx(Approx::Under)),
            (&self.estimated, Before::Approx(Approx::Estimated)),
            (&self.increase, Before::Change(Change::Increase)),
            (&self.decrease, Before::Change(Change::Decrease)),
            (&self.level, Before::Level),
            (&self.filler, Before::Filler),
        ] {
            for phrase in phrases {
                before.insert(phrase, meaning);
            }
        }
        before
    }
}

impl From<Table> for Units {
    fn from(table: Table) -> Self {
        let mut behind = Phrases::forwards();
        // The first kind given for a phrase is overwritten by the later, more special ones.
        for (phrases, kind) in [
            (&table.not_units, UnitKind::NotUnit),
            (&table.nouns, UnitKind::Noun),
            (&table.classifiers, UnitKind::Classifier),
            (&table.areas, UnitKind::Area),
            (&table.durations, UnitKind::Duration),
            (&table.currencies, UnitKind::Currency),
            (&table.sorts, UnitKind::Sort),
            (&table.never, UnitKind::Never),
        ] {
            for phrase in phrases {
                behind.insert(phrase, kind);
                if let Some(other) = respelt(phrase) {
                    behind.insert(&other, kind);
                }
            }
        }
        let mut classified = Phrases::forwards();
        for phrase in table.classified.iter().chain(&table.nouns) {
            classified.insert(phrase, ());
        }
        let mut quantities = Phrases::forwards();
        for phrase in &table.quantities {
            quantities.insert(phrase, ());
        }
        let mut places = Phrases::forwards();
        for phrase in &table.places {
            places.insert(phrase, ());
        }
        let mut labels = Phrases::backwards();
        for phrase in &table.labels_unitless {
            labels.insert(phrase, Label::Unitless);
        }
        for phrase in &table.labels_not {
            labels.insert(phrase, Label::None);
        }
        for phrase in &table.labels_always {
            labels.insert(phrase, Label::Always);
        }
        let nouns = table
            .nouns
            .iter()
            .filter(|noun| !noun.contains(' '))
            .map(|noun| Key::new(noun))
            .collect();
        Self {
            behind,
            classified,
            places,
            labels,
            before: table.before.phrases(),
            quantities,
            nouns,
        }
    }
}

/// A phrase with "y" and "i" exchanged where the spelling of a final vowel varies ("bác sĩ", "bác
/// sỹ"; "kỹ sư", "kĩ sư").
fn respelt(phrase: &str) -> Option<String> {
    const INITIALS: [char; 6] = ['h', 'k', 'l', 'm', 's', 't'];
    const VOWELS: [(char, char); 6] = [('i', 'y'), ('í', 'ý'), ('ì', 'ỳ'), ('ỉ', 'ỷ'), ('ĩ', 'ỹ'), ('ị', 'ỵ')];
    let exchange = |word: &str| {
        let mut letters = word.chars();
        let (first, vowel, rest) = (letters.next()?, letters.next()?, letters.next());
        if rest.is_some() || !INITIALS.contains(&first) {
            return None;
        }
        let (i, y) = VOWELS.iter().find(|(i, y)| *i == vowel || *y == vowel)?;
        Some([first, if *i == vowel { *y } else { *i }].iter().collect::<String>())
    };
    let words: Vec<String> = phrase
        .split(' ')
        .map(|word| exchange(word).unwrap_or_else(|| word.to_owned()))
        .collect();
    let other = words.join(" ");
    (other != phrase).then_some(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Vocabulary;

    #[test]
    fn the_table_is_read() {
        let units = &Vocabulary::embedded().units;
        assert!(units.behind.may_begin(Key::new("văn")));
        assert!(units.nouns.contains(&Key::new("hộ")));
    }

    #[test]
    fn final_vowels_are_spelt_either_way() {
        assert_eq!(respelt("bác sĩ").as_deref(), Some("bác sỹ"));
        assert_eq!(respelt("kỹ sư").as_deref(), Some("kĩ sư"));
        assert_eq!(respelt("hộ dân"), None);
        assert_eq!(respelt("quý"), None);
    }
}
