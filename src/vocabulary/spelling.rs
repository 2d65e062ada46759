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

static SYLLABLES: LazyLock<FxHashSet<u64>> = LazyLock::new(|| {
    let rimes: Vec<&str> = RIMES.split_whitespace().collect();
    let syllables = ONSETS
        .iter()
        .flat_map(|onset| rimes.iter().map(move |rime| format!("{onset}{rime}")));
    syllables.map(|syllable| Key::new(&syllable).raw()).collect()
});

/// What one look at a word tells: whether it is worth a second one, alone or with the next word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look(u32);

impl Look {
    /// Nothing: a word that is not judged.
    pub const NOTHING: Look = Look(0);
    /// The lowest bits: which first word of a compound it is but for marks and tone; 0 for none.
    /// Then as many bits for the second word.
    const NUMBER_BITS: u32 = 7;
    const NUMBER: u32 = (1 << Self::NUMBER_BITS) - 1;
    /// The first and the second word of a slip.
    const SLIP: u32 = 1 << 14;
    const SLIP_NEXT: u32 = 1 << 15;
    /// Right with some tones only.
    const STOP: u32 = 1 << 16;
    const BROKEN: u32 = 1 << 17;
    /// A word that is not in the table may be anything.
    const UNKNOWN: Look = Look((1 << 18) - 1);

    /// Whether the word may be no syllable of Vietnamese.
    #[inline]
    pub fn may_be_broken(self, word: Key) -> bool {
        self.0 & (Self::STOP | Self::BROKEN) != 0
            && (self.0 & Self::BROKEN != 0 || !matches!(tone(word), ACUTE | UNDERDOT))
    }

    fn first(self) -> u32 {
        self.0 & Self::NUMBER
    }

    fn second(self) -> u32 {
        self.0 >> Self::NUMBER_BITS & Self::NUMBER
    }
}

/// A table of words by their letters without the tone, to be looked into once for each word of a
/// text: a word and its [`Look`] in 64 bits, at the first free place from that of its hash on.
#[derive(Debug)]
struct Looks {
    slots: Box<[u64; Self::SLOTS]>,
    /// One bit for each first word of a compound with each second word, by their numbers.
    pairs: [u64; Self::PAIRS],
}

impl Looks {
    /// A power of two, several times the number of syllables, so that most are at their place.
    const SLOTS: usize = 1 << 14;
    const PAIRS: usize = 1 << (2 * Look::NUMBER_BITS) >> 6;
    /// Syllables have seven letters at most, which leaves room for what is told of them.
    const LETTERS: u32 = 7;
    const WORD: u64 = (1 << (Self::LETTERS * LETTER_BITS)) - 1;

    fn new() -> Self {
        Self {
            slots: Box::new([0; Self::SLOTS]),
            pairs: [0; Self::PAIRS],
        }
    }

    #[inline]
    fn place(plain: u64) -> usize {
        (plain.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - Self::SLOTS.trailing_zeros())) as usize
    }

    /// The slot of a word, or the free one where it would be.
    #[inline]
    fn slot(&self, plain: u64) -> usize {
        let mut slot = Self::place(plain);
        while self.slots[slot] != 0 && self.slots[slot] & Self::WORD != plain {
            slot = (slot + 1) % Self::SLOTS;
        }
        slot
    }

    /// Adds a syllable.
    fn add(&mut self, plain: u64, look: Look) {
        let slot = self.slot(plain);
        self.slots[slot] = plain | u64::from(look.0) << (Self::LETTERS * LETTER_BITS);
    }

    #[inline]
    fn of(&self, word: Key) -> Look {
        match self.slots[self.slot(word.raw() & PLAIN)] {
            // Long words are not judged.
            0 if word.raw() & HASHED != 0 => Look::NOTHING,
            0 => Look::UNKNOWN,
            entry => Look((entry >> (Self::LETTERS * LETTER_BITS)) as u32),
        }
    }

    fn add_pair(&mut self, first: u32, second: u32) {
        let pair = (first << Look::NUMBER_BITS | second) as usize;
        self.pairs[pair / 64] |= 1 << (pair % 64);
    }

    /// Whether a word and the next may be a slip together.
    #[inline]
    fn may_go_together(&self, word: Look, next: Look) -> bool {
        let pair = (word.first() << Look::NUMBER_BITS | next.second()) as usize;
        word.first() != 0 && self.pairs[pair / 64] >> (pair % 64) & 1 == 1
            || word.0 & Look::SLIP != 0 && next.0 & Look::SLIP_NEXT != 0
    }
}

/// Numbers for words, from 1 on, below that of unknown ones. With very many words two have one number,
/// and are looked at more often than they need be.
fn numbers(bases: impl Iterator<Item = u64>) -> FxHashMap<u64, u32> {
    let mut numbers = FxHashMap::default();
    for base in bases {
        let next = numbers.len() as u32 % (Look::NUMBER - 1) + 1;
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
    let plain = word.raw() & PLAIN;
    // Most words are right, which one look tells: long ones are not judged, and a syllable is right
    // in any tone unless it ends in a stop.
    if word.raw() & HASHED != 0 || plain == 0 {
        return false;
    }
    let known = SYLLABLES.contains(&plain);
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
    looks: Looks,
    /// Compounds as they are right, and other pairs that are.
    right: FxHashSet<[Key; 2]>,
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

/// What one look tells of all syllables. Other words want a second one wherever they stand.
fn looks(compounds: &FxHashMap<(u64, u64), Vec<Compound>>, phrases: &FxHashMap<Key, Vec<(Vec<Key>, String)>>) -> Looks {
    let firsts = numbers(compounds.keys().map(|&(first, _)| first));
    let seconds = numbers(compounds.keys().map(|&(_, second)| second));
    let slips = || phrases.values().flatten().map(|(wrong, _)| wrong);
    let slip_words = |at: usize| -> FxHashSet<u64> {
        let words = slips().filter_map(|wrong| wrong.get(at));
        words.map(|word| word.raw() & PLAIN).collect()
    };
    let (slip_firsts, slip_seconds) = (slip_words(0), slip_words(1));
    let mut looks = Looks::new();
    for (first, second) in compounds.keys() {
        looks.add_pair(firsts[first], seconds[second]);
        looks.add_pair(firsts[first], Look::UNKNOWN.second());
        looks.add_pair(Look::UNKNOWN.first(), seconds[second]);
    }
    looks.add_pair(Look::UNKNOWN.first(), Look::UNKNOWN.second());
    for &plain in SYLLABLES.iter() {
        let base = without_marks(plain);
        let number = |numbers: &FxHashMap<u64, u32>| numbers.get(&base).copied().unwrap_or(0);
        let flag = |is_told: bool, flag: u32| if is_told { flag } else { 0 };
        let look = number(&firsts)
            | number(&seconds) << Look::NUMBER_BITS
            | flag(slip_firsts.contains(&plain), Look::SLIP)
            | flag(slip_seconds.contains(&plain), Look::SLIP_NEXT)
            | flag(ends_in_stop(&letters(plain).collect::<Vec<_>>()), Look::STOP);
        looks.add(plain, Look(look));
    }
    looks
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
            rows.filter_map(|(phrase, words)| Some((pair(&phrase)?, words.iter().map(|word| Key::new(word)).collect())))
                .collect()
        };
        let allowed: FxHashSet<[Key; 2]> = table.allowed.iter().filter_map(|phrase| pair(phrase)).collect();
        let compound = compounds.values().flatten().map(|&(pair, _)| pair);
        Self {
            looks: looks(&compounds, &phrases),
            right: compound.chain(allowed.iter().copied()).collect(),
            compounds,
            allowed,
            after: neighbours(table.after),
            before: neighbours(table.before),
            phrases,
        }
    }
}

impl Spelling {
    /// What one look at a word tells. Where neither this nor [`Self::may_be_slip`] asks for a second
    /// one, neither [`is_broken`] nor [`Self::meant`] nor [`Self::slip`] finds anything.
    #[inline]
    pub fn look(&self, word: Key) -> Look {
        self.looks.of(word)
    }

    /// Whether a word and the next may be a slip together; what is known to be right is none.
    #[inline]
    pub fn may_be_slip(&self, words: [Key; 2], looks: [Look; 2]) -> bool {
        self.looks.may_go_together(looks[0], looks[1]) && !self.right.contains(&words)
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
