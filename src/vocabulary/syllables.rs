//! Which syllables Vietnamese can have, by their letters.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use crate::shadow::{Key, KeySet, LETTER_BITS, TONE_SHIFT};

/// The consonants that a syllable begins with, or none.
static ONSETS: KeySet<28> = KeySet::new([
    "", "b", "c", "ch", "d", "đ", "g", "gh", "gi", "h", "k", "kh", "l", "m", "n", "ng", "ngh", "nh", "p", "ph", "qu",
    "r", "s", "t", "th", "tr", "v", "x",
]);
/// What follows them, rare ones included: it is worse to doubt a right word than to pass a wrong one.
const RIMES: &str = "a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây e ec em en \
    eng eo ep et ê êch êm ên ênh êp êt êu i ia ich im in inh ip it iu iêc iêm iên iêng iêp iêt iêu o oc oi om on ong op \
    ot oa oac oach oai oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăt oăp oe oem oen oeo oet ooc oong ô ôc ôi ôm \
    ôn ông ôp ôt ơ ơi ơm ơn ơng ơp ơt u ua uc ui um un ung up ut uân uâng uât uây uê uêch uên uênh uêu uêt uôc uôi uôm \
    uôn uông uôp uôt uơ uy uya uych uyên uyêt uyn uynh uyp uyt uyu ư ưa ưc ưi ưm ưn ưng ưt ưu ươc ươi ươm ươn ương \
    ươp ươt ươu y yêm yên yêng yêt yêu ych ym yn ynh yp yt ôông ôôc";

/// Most letters before a rime.
const LONGEST_ONSET: u32 = 3;

/// Letters and tones by the numbers that [`Key`] has for them.
const C: u64 = Key::new("c").raw();
const H: u64 = Key::new("h").raw();
const P: u64 = Key::new("p").raw();
const T: u64 = Key::new("t").raw();
const ACUTE: u64 = Key::new("á").raw() >> TONE_SHIFT;
const UNDERDOT: u64 = Key::new("ạ").raw() >> TONE_SHIFT;

/// Whether a word of letters only is a possible syllable, its tone included.
pub fn is_syllable(word: Key) -> bool {
    let letters = word.without_tone();
    let tone = word.raw() >> TONE_SHIFT;
    has_letters_of_one(letters) && (!ends_in_stop(letters.raw()) || matches!(tone, ACUTE | UNDERDOT))
}

/// Whether a syllable can be written with these letters, whatever its tone.
fn has_letters_of_one(letters: Key) -> bool {
    static TABLE: LazyLock<FxHashSet<Key>> = LazyLock::new(|| RIMES.split(' ').map(Key::of).collect());
    (0..=LONGEST_ONSET).any(|size| {
        let (onset, rime) = letters.split_at(size);
        ONSETS.contains(onset) && TABLE.contains(&rime)
    })
}

/// Whether a syllable ends in c, ch, p or t, and so must have one of two tones.
fn ends_in_stop(letters: u64) -> bool {
    let last = letters.checked_ilog2().unwrap_or_default() as usize / LETTER_BITS * LETTER_BITS;
    let before = letters >> last.saturating_sub(LETTER_BITS) & 63;
    match letters >> last {
        C | P | T => true,
        H => last > 0 && before == C,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_onset_goes_with_every_rime_and_nothing_else_does() {
        assert!(
            RIMES
                .split(' ')
                .all(|rime| !rime.is_empty() && !Key::new(rime).has_tone())
        );
        for rime in RIMES.split(' ') {
            for onset in ["", "b", "đ", "gi", "ngh", "qu", "x"] {
                assert!(has_letters_of_one(Key::new(&format!("{onset}{rime}"))), "{onset}{rime}");
            }
            assert!(!has_letters_of_one(Key::new(&format!("bl{rime}"))), "bl{rime}");
        }
        for none in [
            "",
            "b",
            "ngh",
            "nuoc",
            "nuơc",
            "internet",
            "internationally",
            "a1",
            "aж",
        ] {
            assert!(!has_letters_of_one(Key::new(none)), "{none}");
        }
    }

    #[test]
    fn a_stop_wants_one_of_two_tones() {
        for right in ["quốc", "được", "sách", "tập", "mát", "anh", "hoà"] {
            assert!(is_syllable(Key::new(right)), "{right}");
        }
        for wrong in ["quôc", "đươc", "sàch", "tâp", "mãt", "bcd"] {
            assert!(!is_syllable(Key::new(wrong)), "{wrong}");
        }
    }
}
