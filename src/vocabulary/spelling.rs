//! Which words are no Vietnamese, and which pairs of syllables are a slip.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

use super::syllables::is_syllable;
use crate::shadow::{Case, Key, LETTER_BITS, TONE_SHIFT};

const HASHED: u64 = 1 << 63;
/// The letters of a word without its tone.
const PLAIN: u64 = (1 << TONE_SHIFT) - 1;
/// Letter numbers of [`Key`]: a to z are 1 to 26, then ă â đ ê ô ơ ư.
const VOWELS: [u64; 12] = [1, 5, 9, 15, 21, 25, 27, 28, 30, 31, 32, 33];
const LAST_LETTER: u64 = 33;
const MARKED: std::ops::RangeInclusive<u64> = 27..=33;
const FOREIGN: [u64; 4] = [6, 10, 23, 26]; // f j w z
const D: u64 = 4;
const D_WITH_STROKE: u64 = 29;

/// What the lexer notes of a word when it reads it for the first time: whether it is worth a second look, and which words
/// it may be a slip with, whatever slips the tables have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look(u16);

impl Look {
    /// Nothing: what is not judged.
    pub const NOTHING: Look = Look(0);
    /// The lowest bits: some of the hash of the word without marks and tone.
    const BASE_BITS: u32 = 14;
    const BASE: u16 = (1 << Self::BASE_BITS) - 1;
    const BROKEN: u16 = 1 << 14;
    const CAPITALS_WITH_D: u16 = 1 << 15;

    /// What is noted of a word.
    pub fn at(word: Key, case: Case) -> Self {
        match case {
            // Whatever begins with a capital may be a name, and is judged with the next word alone.
            Case::Title => Self::of(base(word)),
            Case::Lower if is_broken(word) => Self(Self::of(base(word)).0 | Self::BROKEN),
            Case::Lower => Self::of(base(word)),
            Case::Upper if may_hold_d(word) => Self(Self::CAPITALS_WITH_D),
            Case::Upper | Case::Mixed => Self::NOTHING,
        }
    }

    /// What tells words with these letters from others, mostly.
    fn of(base: Option<u64>) -> Self {
        let hash = |base: u64| base.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - Self::BASE_BITS);
        base.map_or(Self::NOTHING, |base| Self(hash(base) as u16))
    }

    /// Whether it is a word in small letters that [`is_broken`].
    #[inline]
    pub fn is_broken(self) -> bool {
        self.0 & Self::BROKEN != 0
    }

    /// Whether it is a word all in capitals that [`may_hold_d`].
    #[inline]
    pub fn may_hold_d(self) -> bool {
        self.0 & Self::CAPITALS_WITH_D != 0
    }
}

/// A bit for each pair of words, by their looks: false for most pairs that are in no table. Few bits are set, and all of
/// them stay at hand.
#[derive(Debug)]
struct Pairs(Box<[u64; Self::SLOTS]>);

impl Pairs {
    const SLOTS: usize = 1 << (u16::BITS - u64::BITS.ilog2());

    /// Pairs of words without marks.
    fn of(pairs: impl Iterator<Item = (u64, u64)>) -> Self {
        let mut bits = Box::new([0; Self::SLOTS]);
        for (first, second) in pairs {
            let (slot, bit) = Self::place(Look::of(Some(first)), Look::of(Some(second)));
            bits[slot] |= 1 << bit;
        }
        Self(bits)
    }

    #[inline]
    fn may_hold(&self, word: Look, next: Look) -> bool {
        let (slot, bit) = Self::place(word, next);
        self.0[slot] >> bit & 1 != 0
    }

    /// Where the bit of two words stands.
    #[inline]
    fn place(word: Look, next: Look) -> (usize, u32) {
        let pair = (word.0 & Look::BASE).rotate_left(u16::BITS / 2) ^ next.0 & Look::BASE;
        (usize::from(pair) / 64, u32::from(pair) % 64)
    }
}

/// The letters of a word of at most nine, in order.
fn letters(plain: u64) -> impl Iterator<Item = u64> {
    let mut rest = plain;
    std::iter::from_fn(move || {
        let letter = rest & 63;
        rest >>= LETTER_BITS;
        (letter != 0).then_some(letter)
    })
}

#[inline]
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
    // Long words are not judged.
    if word.raw() & HASHED != 0 {
        return false;
    }
    let mut marked = tone(word) != 0;
    // "gi" and "qu" hold a vowel that is part of the consonant, so they are no cluster of their own.
    let (mut clusters, mut in_vowels) = (0, false);
    for letter in letters(word.raw() & PLAIN) {
        if letter > LAST_LETTER || FOREIGN.contains(&letter) {
            return false;
        }
        let vowel = VOWELS.contains(&letter);
        clusters += usize::from(vowel && !in_vowels);
        in_vowels = vowel;
        marked |= MARKED.contains(&letter) && letter != D_WITH_STROKE;
    }
    marked && clusters == 1 && !is_syllable(word)
}

/// Whether a word has a d or a đ, or is too long to tell.
pub fn may_hold_d(word: Key) -> bool {
    word.raw() & HASHED != 0 || letters(word.raw() & PLAIN).any(|letter| matches!(letter, D | D_WITH_STROKE))
}

/// The word without marks and tone, as a number; None for a word that is too long.
fn base(word: Key) -> Option<u64> {
    (word.raw() & HASHED == 0).then(|| without_marks(word.raw() & PLAIN))
}

/// Letters with their marks taken off.
fn without_marks(plain: u64) -> u64 {
    let unmarked = |letter: u64| match letter {
        27 | 28 => 1,
        29 => 4,
        30 => 5,
        31 | 32 => 15,
        33 => 21,
        letter => letter,
    };
    let letters = letters(plain).map(unmarked).enumerate();
    letters.fold(0, |base, (at, letter)| base | letter << (at * LETTER_BITS))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
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
    /// Compounds, and pairs that slips begin with.
    pairs: Pairs,
    /// Compounds as they are right, and other pairs that are.
    right: FxHashSet<[Key; 2]>,
    /// Compounds by their letters without marks.
    compounds: FxHashMap<(u64, u64), Vec<Compound>>,
    allowed: FxHashSet<[Key; 2]>,
    after: FxHashMap<[Key; 2], Vec<Key>>,
    before: FxHashMap<[Key; 2], Vec<Key>>,
    /// What slips begin with.
    slips: FxHashSet<[Key; 2]>,
    /// Slips by their first word, and what is meant.
    phrases: FxHashMap<Key, Vec<(Vec<Key>, String)>>,
}

fn keys(phrase: &str) -> Vec<Key> {
    phrase.split_whitespace().map(Key::of).collect()
}

fn pair(phrase: &str) -> Option<[Key; 2]> {
    keys(phrase).try_into().ok()
}

impl From<Table> for Spelling {
    fn from(table: Table) -> Self {
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
            rows.filter_map(|(phrase, words)| Some((pair(&phrase)?, words.iter().map(|word| Key::of(word)).collect())))
                .collect()
        };
        let allowed: FxHashSet<[Key; 2]> = table.allowed.iter().filter_map(|phrase| pair(phrase)).collect();
        let begin = |(words, _): &(Vec<Key>, String)| words.first_chunk().copied();
        let slips: FxHashSet<[Key; 2]> = phrases.values().flatten().filter_map(begin).collect();
        let bases = |&[first, second]: &[Key; 2]| Some((base(first)?, base(second)?));
        let compound = compounds.values().flatten().map(|&(pair, _)| pair);
        Self {
            pairs: Pairs::of(compounds.keys().copied().chain(slips.iter().filter_map(bases))),
            right: compound.chain(allowed.iter().copied()).collect(),
            compounds,
            allowed,
            after: neighbours(table.after),
            before: neighbours(table.before),
            slips,
            phrases,
        }
    }
}

impl Spelling {
    /// Whether a word and the next may be a slip together; what is known to be right is none. Where this says no and
    /// [`Look::is_broken`] as well, neither [`Self::meant`] nor [`Self::slip`] nor [`is_broken`] finds anything.
    #[inline]
    pub fn may_be_slip(&self, words: [Key; 2], looks: [Look; 2]) -> bool {
        self.pairs.may_hold(looks[0], looks[1]) && !self.right.contains(&words) && self.is_like_a_slip(words)
    }

    /// Whether a pair is a slip, or begins one.
    fn is_like_a_slip(&self, words: [Key; 2]) -> bool {
        let bases = || Some((base(words[0])?, base(words[1])?));
        self.slips.contains(&words) || bases().is_some_and(|bases| self.compounds.contains_key(&bases))
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
    use crate::vocabulary::Vocabulary;

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
    fn slips_are_of_two_words_at_least() {
        let slips = Vocabulary::embedded().spelling.phrases.values().flatten();
        assert!(slips.map(|(wrong, _)| wrong.len()).all(|words| words > 1));
    }

    #[test]
    fn pairs() {
        let spelling = &Vocabulary::embedded().spelling;
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
