//! Whether a word can be a Vietnamese syllable, by its letters: an initial consonant, vowels with at
//! most one tone, a final consonant.

use unicode_normalization::UnicodeNormalization;

const INITIALS: [&str; 28] = [
    "ngh", "ng", "nh", "ch", "gh", "gi", "kh", "ph", "qu", "th", "tr", "b", "c", "d", "đ", "g", "h", "k", "l", "m",
    "n", "p", "q", "r", "s", "t", "v", "x",
];
const FINALS: [&str; 9] = ["ch", "ng", "nh", "c", "m", "n", "p", "t", ""];
const VOWELS: [&str; 54] = [
    "a", "ă", "â", "e", "ê", "i", "o", "ô", "ơ", "u", "ư", "y", "ai", "ao", "au", "ay", "âu", "ây", "eo", "êu", "ia",
    "iê", "iêu", "iu", "oa", "oai", "oao", "oay", "oă", "oe", "oeo", "oi", "ôi", "oo", "ơi", "ua", "uâ", "uây", "uê",
    "ui", "uô", "uôi", "uơ", "uy", "uya", "uyê", "uyu", "ưa", "ưi", "ươ", "ươi", "ươu", "ưu", "yê",
];

/// Whether the letters of a word are those of a syllable; abbreviations in capitals pass.
pub fn is_possible(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphabetic());
    if word.is_empty() {
        return false;
    }
    if word.chars().count() > 1
        && word
            .chars()
            .all(|c| c.is_uppercase() || matches!(c, '-' | '/' | '&' | '.'))
    {
        return true;
    }
    // "Lao/Động", "KT-XH": each piece.
    word.split(['-', '/', '.', ','])
        .filter(|piece| !piece.is_empty())
        .all(is_syllable)
}

fn is_syllable(word: &str) -> bool {
    let lower = word.to_lowercase();
    // Capitals within a word are the mark of rubbish ("DQc").
    let mixed = word.chars().skip(1).any(char::is_uppercase) && !word.chars().all(char::is_uppercase);
    let mut tones = 0;
    let is_tone = |c: &char| matches!(c, '\u{300}' | '\u{301}' | '\u{303}' | '\u{309}' | '\u{323}');
    let toneless: String = lower
        .nfd()
        .filter(|c| {
            tones += usize::from(is_tone(c));
            !is_tone(c)
        })
        .nfc()
        .collect();
    let bodies = INITIALS
        .iter()
        .filter_map(|initial| toneless.strip_prefix(initial))
        .chain([toneless.as_str()]);
    let whole = |body: &str| {
        FINALS
            .iter()
            .filter_map(|last| body.strip_suffix(last))
            .any(|vowels| VOWELS.contains(&vowels))
    };
    let bodies: Vec<&str> = bodies.collect();
    // "gi" and "qu" keep their vowel where none follows: "gì", "giá".
    !mixed && tones <= 1 && (bodies.iter().any(|body| whole(body)) || toneless == "gi")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_pass_and_rubbish_does_not() {
        for word in [
            "Nguyễn", "khuỷu", "quyết", "gì", "giữa", "UBND", "ngoằn", "(đất", "Đảng;", "qua,", "ương", "hoạch",
        ] {
            assert!(is_possible(word), "{word}");
        }
        for word in [
            "DQc",
            "llp",
            "Trg",
            "CONG_",
            "hlp",
            "nhiim",
            "vr\u{1b0}",
            "th6ng",
            "f",
            "tinhs",
        ] {
            assert!(!is_possible(word), "{word}");
        }
    }
}
