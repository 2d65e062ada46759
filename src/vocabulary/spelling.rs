//! Which words are no Vietnamese, and which pairs of syllables are a slip.

use std::{collections::BTreeMap, sync::LazyLock};

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

use super::syllables::is_syllable;
use crate::shadow::{Case, Key};

const LETTER_BITS: u32 = 6;
const TONE_SHIFT: u32 = 54;
const HASHED: u64 = 1 << 63;
/// The letters of a word without its tone.
const PLAIN: u64 = (1 << TONE_SHIFT) - 1;
/// Letter numbers of [`Key`]: a to z are 1 to 26, then ă â đ ê ô ơ ư.
const VOWELS: [u64; 12] = [1, 5, 9, 15, 21, 25, 27, 28, 30, 31, 32, 33];
const MARKED: std::ops::RangeInclusive<u64> = 27..=33;
const FOREIGN: [u64; 4] = [6, 10, 23, 26]; // f j w z
const D: u64 = 4;
const D_WITH_STROKE: u64 = 29;
const ACUTE: u64 = 4;
const UNDERDOT: u64 = 5;

/// What the lexer notes of a word when it reads it for the first time: whether it is worth a second look, alone or with
/// the next word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look(u16);

impl Look {
    /// The lowest bits: which first word of a pair it is but for marks and tone; 0 for none. Then as many bits for the
    /// second word.
    const NUMBER_BITS: u32 = 7;
    const NUMBER: u16 = (1 << Self::NUMBER_BITS) - 1;
    const BROKEN: u16 = 1 << 14;
    const CAPITALS_WITH_D: u16 = 1 << 15;

    /// What is worth a second look of a word.
    pub fn at(word: Key, case: Case) -> Self {
        let pairs = || &Spelling::embedded().pairs;
        match case {
            // Whatever begins with a capital may be a name, and is judged with the next word alone.
            Case::Title => Self(pairs().first(word)),
            Case::Lower => {
                let broken = if is_broken(word) { Self::BROKEN } else { 0 };
                Self(pairs().first(word) | pairs().second(word) << Self::NUMBER_BITS | broken)
            }
            Case::Upper if may_hold_d(word) => Self(Self::CAPITALS_WITH_D),
            Case::Upper | Case::Mixed => Self::default(),
        }
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

    fn first(self) -> u16 {
        self.0 & Self::NUMBER
    }

    fn second(self) -> u16 {
        self.0 >> Self::NUMBER_BITS & Self::NUMBER
    }
}

/// The words that pairs are made of but for marks and tone, by number, and which of them go together.
#[derive(Debug)]
struct Pairs {
    firsts: FxHashMap<u64, u16>,
    seconds: FxHashMap<u64, u16>,
    /// One bit for each first word with each second one, by their numbers.
    together: Box<[u64; Self::SLOTS]>,
}

impl Pairs {
    const SLOTS: usize = 1 << (2 * Look::NUMBER_BITS) >> u64::BITS.ilog2();

    /// Pairs of words without marks.
    fn of(pairs: impl Iterator<Item = (u64, u64)> + Clone) -> Self {
        let firsts = numbers(pairs.clone().map(|(first, _)| first));
        let seconds = numbers(pairs.clone().map(|(_, second)| second));
        let mut together = Box::new([0; Self::SLOTS]);
        for (first, second) in pairs {
            let (slot, bit) = Self::place(firsts[&first], seconds[&second]);
            together[slot] |= 1 << bit;
        }
        Self {
            firsts,
            seconds,
            together,
        }
    }

    #[inline]
    fn go_together(&self, word: Look, next: Look) -> bool {
        let (slot, bit) = Self::place(word.first(), next.second());
        self.together[slot] >> bit & 1 != 0
    }

    /// Where the bit of two words stands.
    fn place(first: u16, second: u16) -> (usize, u32) {
        let pair = first << Look::NUMBER_BITS | second;
        (usize::from(pair) / 64 % Self::SLOTS, u32::from(pair) % 64)
    }

    fn first(&self, word: Key) -> u16 {
        number(&self.firsts, word)
    }

    fn second(&self, word: Key) -> u16 {
        number(&self.seconds, word)
    }
}

fn number(numbers: &FxHashMap<u64, u16>, word: Key) -> u16 {
    let base = base(word).and_then(|base| numbers.get(&base));
    base.copied().unwrap_or_default()
}

/// Numbers for words, from 1 on. With very many words two have one number, and are looked at more often than they need be.
fn numbers(bases: impl Iterator<Item = u64>) -> FxHashMap<u64, u16> {
    let mut numbers = FxHashMap::default();
    for base in bases {
        let next = numbers.len() as u16 % Look::NUMBER + 1;
        numbers.entry(base).or_insert(next);
    }
    numbers
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
    let plain = word.raw() & PLAIN;
    // Most words are right, which one look tells: long ones are not judged, and a syllable is right
    // in any tone unless it ends in a stop.
    if word.raw() & HASHED != 0 || plain == 0 {
        return false;
    }
    let known = is_syllable(word.without_tone());
    if known && !matches!(plain >> (plain.ilog2() / LETTER_BITS * LETTER_BITS), 3 | 8 | 16 | 20) {
        return false;
    }
    let letters: Vec<u64> = letters(plain).collect();
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
    !known || ends_in_stop(&letters) && !matches!(tone(word), ACUTE | UNDERDOT)
}

/// Whether a syllable ends in c, ch, p or t, and so must have one of two tones.
fn ends_in_stop(letters: &[u64]) -> bool {
    matches!(letters.last(), Some(3 | 16 | 20)) || letters.ends_with(&[3, 8])
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
    letters.fold(0, |base, (at, letter)| base | letter << (at as u32 * LETTER_BITS))
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

impl Spelling {
    /// The table embedded in the program.
    pub fn embedded() -> &'static Spelling {
        static EMBEDDED: LazyLock<Spelling> = LazyLock::new(Spelling::read);
        &EMBEDDED
    }

    /// # Panics
    /// When the embedded table is not well formed, which a test excludes.
    fn read() -> Self {
        let table: Table = toml::from_str(include_str!("spelling.toml")).expect("the embedded table is TOML");
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

    /// Whether a word and the next may be a slip together; what is known to be right is none. Where this says no and
    /// [`Look::is_broken`] as well, neither [`Self::meant`] nor [`Self::slip`] nor [`is_broken`] finds anything.
    #[inline]
    pub fn may_be_slip(&self, words: [Key; 2], looks: [Look; 2]) -> bool {
        self.pairs.go_together(looks[0], looks[1]) && !self.right.contains(&words) && self.is_like_a_slip(words)
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
        let slips = Spelling::embedded().phrases.values().flatten();
        assert!(slips.map(|(wrong, _)| wrong.len()).all(|words| words > 1));
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
