//! Which syllables Vietnamese can have, and which pairs of syllables are a slip.

use std::{collections::BTreeMap, sync::LazyLock};

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

use crate::shadow::Key;

const ONSETS: [&str; 28] = [
    "", "b", "c", "ch", "d", "đ", "g", "gh", "gi", "h", "k", "kh", "l", "m", "n", "ng", "ngh", "nh", "p", "ph", "qu",
    "r", "s", "t", "th", "tr", "v", "x",
];
/// Rimes, rare ones included: it is worse to doubt a right word than to pass a wrong one.
const RIMES: &str = "a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây e ec em en \
    eng eo ep et ê êch êm ên ênh êp êt êu i ia ich im in inh ip it iu iêc iêm iên iêng iêp iêt iêu o oc oi om on ong op \
    ot oa oac oach oai oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăt oăp oe oem oen oeo oet ooc oong ô ôc ôi ôm \
    ôn ông ôp ôt ơ ơi ơm ơn ơng ơp ơt u ua uc ui um un ung up ut uân uâng uât uây uê uêch uên uênh uêu uêt uôc uôi uôm \
    uôn uông uôp uôt uơ uy uya uych uyên uyêt uyn uynh uyp uyt uyu ư ưa ưc ưi ưm ưn ưng ưt ưu ươc ươi ươm ươn ương \
    ươp ươt ươu y yêm yên yêng yêt yêu ych ym yn ynh yp yt ôông ôôc";

const LETTER_BITS: u32 = 6;
const TONE_SHIFT: u32 = 54;
const HASHED: u64 = 1 << 63;
/// Letter numbers of [`Key`]: a to z are 1 to 26, then ă â đ ê ô ơ ư.
const VOWELS: [u64; 12] = [1, 5, 9, 15, 21, 25, 27, 28, 30, 31, 32, 33];
const MARKED: std::ops::RangeInclusive<u64> = 27..=33;
const FOREIGN: [u64; 4] = [6, 10, 23, 26]; // f j w z
const D_WITH_STROKE: u64 = 29;
const ACUTE: u64 = 4;
const UNDERDOT: u64 = 5;

static SYLLABLES: LazyLock<FxHashSet<u64>> = LazyLock::new(|| {
    let rimes: Vec<&str> = RIMES.split_whitespace().collect();
    let syllables = ONSETS
        .iter()
        .flat_map(|onset| rimes.iter().map(move |rime| format!("{onset}{rime}")));
    syllables.map(|syllable| Key::new(&syllable).raw()).collect()
});

/// The letters of a word of at most nine, in order.
fn letters(word: Key) -> impl Iterator<Item = u64> {
    let mut bits = if word.raw() & HASHED == 0 {
        word.raw() & ((1 << TONE_SHIFT) - 1)
    } else {
        0
    };
    std::iter::from_fn(move || {
        let letter = bits & 63;
        bits >>= LETTER_BITS;
        (letter != 0).then_some(letter)
    })
}

fn tone(word: Key) -> u64 {
    if word.raw() & HASHED == 0 {
        word.raw() >> TONE_SHIFT
    } else {
        0
    }
}

/// Whether a word is written as a Vietnamese syllable, with marks, and cannot be one. Words without
/// marks (foreign ones), abbreviations and words of several syllables (loans) are not judged.
pub fn is_broken(word: Key) -> bool {
    let plain = word.raw() & ((1 << TONE_SHIFT) - 1);
    // Most words are right, which one look tells: long ones are not judged, and a syllable is right
    // in any tone unless it ends in a stop.
    if word.raw() & HASHED != 0 || plain == 0 {
        return false;
    }
    let known = SYLLABLES.contains(&plain);
    if known && !matches!(plain >> (plain.ilog2() / LETTER_BITS * LETTER_BITS), 3 | 8 | 16 | 20) {
        return false;
    }
    let letters: Vec<u64> = letters(word).collect();
    let vowel = |letter: &u64| VOWELS.contains(letter);
    let marked = tone(word) != 0
        || letters
            .iter()
            .any(|letter| MARKED.contains(letter) && *letter != D_WITH_STROKE);
    let clusters = letters
        .chunk_by(|a, b| vowel(a) == vowel(b))
        .filter(|run| vowel(&run[0]))
        .count();
    // "gi" and "qu" hold a vowel that is part of the consonant, so they are no cluster of their own.
    if !marked || clusters != 1 || letters.iter().any(|letter| FOREIGN.contains(letter) || *letter > 33) {
        return false;
    }
    let stop = matches!(letters.last(), Some(3 | 16 | 20)) || letters.ends_with(&[3, 8]);
    !known || stop && !matches!(tone(word), ACUTE | UNDERDOT)
}

/// The word without marks and tone, as a number; None for a word that is too long.
fn base(word: Key) -> Option<u64> {
    if word.raw() & HASHED != 0 {
        return None;
    }
    let mut rest = word.raw() & ((1 << TONE_SHIFT) - 1);
    let (mut base, mut shift) = (0, 0);
    while rest != 0 {
        let letter = match rest & 63 {
            27 | 28 => 1,
            29 => 4,
            30 => 5,
            31 | 32 => 15,
            33 => 21,
            letter => letter,
        };
        base |= letter << shift;
        rest >>= LETTER_BITS;
        shift += LETTER_BITS;
    }
    Some(base)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    compounds: Vec<String>,
    allowed: Vec<String>,
    after: BTreeMap<String, Vec<String>>,
    before: BTreeMap<String, Vec<String>>,
    phrases: BTreeMap<String, String>,
}

/// A compound's syllables and how it is written.
type Compound = ([Key; 2], String);

/// The table of frequent pairs and slips.
#[derive(Debug)]
pub struct Spelling {
    /// Compounds by their letters without marks.
    compounds: FxHashMap<(u64, u64), Vec<Compound>>,
    allowed: FxHashSet<[Key; 2]>,
    after: FxHashMap<[Key; 2], Vec<Key>>,
    before: FxHashMap<[Key; 2], Vec<Key>>,
    /// Slips by their first word, and what is meant.
    phrases: FxHashMap<Key, Vec<(Vec<Key>, String)>>,
}

fn keys(phrase: &str) -> Vec<Key> {
    phrase.split_whitespace().map(Key::new).collect()
}

fn pair(phrase: &str) -> Option<[Key; 2]> {
    keys(phrase).try_into().ok()
}

impl Spelling {
    /// The table embedded in the program.
    pub fn embedded() -> &'static Spelling {
        static EMBEDDED: LazyLock<Spelling> = LazyLock::new(Spelling::read);
        &EMBEDDED
    }

    /// # Panics
    /// When the embedded table is not well formed, which a test excludes.
    fn read() -> Self {
        let table: Table =
            toml::from_str(include_str!("../../vocabulary/spelling.toml")).expect("the embedded table is TOML");
        let mut compounds: FxHashMap<(u64, u64), Vec<_>> = FxHashMap::default();
        for compound in table.compounds {
            if let Some(pair) = pair(&compound)
                && let (Some(a), Some(b)) = (base(pair[0]), base(pair[1]))
            {
                compounds.entry((a, b)).or_default().push((pair, compound));
            }
        }
        let mut phrases: FxHashMap<Key, Vec<_>> = FxHashMap::default();
        for (wrong, right) in table.phrases {
            let wrong = keys(&wrong);
            phrases.entry(wrong[0]).or_default().push((wrong, right));
        }
        let neighbours = |table: BTreeMap<String, Vec<String>>| {
            let rows = table.into_iter();
            rows.filter_map(|(phrase, words)| Some((pair(&phrase)?, words.iter().map(|word| Key::new(word)).collect())))
                .collect()
        };
        Self {
            compounds,
            allowed: table.allowed.iter().filter_map(|phrase| pair(phrase)).collect(),
            after: neighbours(table.after),
            before: neighbours(table.before),
            phrases,
        }
    }

    /// What a pair of syllables was meant to be, where it is a frequent pair with a mark or tone
    /// changed on one side.
    pub fn meant(&self, before: Key, pair: [Key; 2], after: Key) -> Option<&str> {
        let meant = self.compounds.get(&(base(pair[0])?, base(pair[1])?))?;
        if self.allowed.contains(&pair) || meant.iter().any(|(right, _)| *right == pair) {
            return None;
        }
        let right = |table: &FxHashMap<[Key; 2], Vec<Key>>, neighbour: Key| {
            table.get(&pair).is_some_and(|words| words.contains(&neighbour))
        };
        if right(&self.after, before) || right(&self.before, after) {
            return None;
        }
        let one_side = |right: &[Key; 2]| (right[0] == pair[0]) != (right[1] == pair[1]);
        meant
            .iter()
            .find(|(right, _)| one_side(right))
            .map(|(_, compound)| compound.as_str())
    }

    /// The longest known slip that these words begin with: how many words, and what is meant.
    pub fn slip(&self, words: &[Key]) -> Option<(usize, &str)> {
        let slips = self.phrases.get(words.first()?)?;
        let found = slips.iter().filter(|(wrong, _)| words.starts_with(wrong));
        found
            .max_by_key(|(wrong, _)| wrong.len())
            .map(|(wrong, right)| (wrong.len(), right.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables() {
        for right in [
            "nghiêng", "quốc", "giếng", "gì", "khuỷu", "nguệch", "yêu", "huỳnh", "thuở", "quỹ", "được", "uỷ", "hoà",
            "xoong", "giết", "quyết", "khuya", "ếch", "đ", "km", "online", "axít", "ôxy", "wifi", "việc",
        ] {
            assert!(!is_broken(Key::new(right)), "{right}");
        }
        for wrong in ["nêp", "đuợc", "viêc", "tôt", "ngiêm", "nuớc", "thưc", "trưòng"] {
            assert!(is_broken(Key::new(wrong)) == (wrong != "ngiêm"), "{wrong}");
        }
    }

    #[test]
    fn pairs() {
        let spelling = Spelling::embedded();
        let meant = |text: &str| spelling.meant(Key::NONE, pair(text).unwrap(), Key::NONE);
        assert_eq!(meant("kiềm tra"), Some("kiểm tra"));
        assert_eq!(meant("thành phổ"), Some("thành phố"));
        assert_eq!(meant("kiểm tra"), None);
        assert_eq!(meant("năng cao"), None);
        assert_eq!(
            spelling.meant(Key::new("trao"), pair("đổi với").unwrap(), Key::NONE),
            None
        );
        assert_eq!(spelling.slip(&keys("trưởng ương ở đây")), Some((2, "trung ương")));
    }
}
