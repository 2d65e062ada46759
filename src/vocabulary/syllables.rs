//! Which syllables Vietnamese can have, by their letters.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use crate::shadow::{Key, KeySet};

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

/// Whether a syllable can be written with these letters, whatever its tone.
pub fn is_syllable(letters: Key) -> bool {
    static TABLE: LazyLock<FxHashSet<Key>> = LazyLock::new(|| RIMES.split(' ').map(Key::of).collect());
    (0..=LONGEST_ONSET).any(|size| {
        let (onset, rime) = letters.split_at(size);
        ONSETS.contains(onset) && TABLE.contains(&rime)
    })
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
                assert!(is_syllable(Key::new(&format!("{onset}{rime}"))), "{onset}{rime}");
            }
            assert!(!is_syllable(Key::new(&format!("bl{rime}"))), "bl{rime}");
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
            assert!(!is_syllable(Key::new(none)), "{none}");
        }
    }
}
