//! Character encodings: Unicode by its marks, and the legacy Vietnamese ones by what they spell.
//!
//! TCVN3 (ABC, fonts `.VnTime`) and VNI (fonts `VNI-Times`) put Vietnamese letters where Western fonts have others, so
//! nothing but the font's name or the words themselves tell them apart. Where no font is known, each candidate decodes
//! the text, and the one whose words are possible Vietnamese syllables is taken.

use std::{borrow::Cow, sync::LazyLock};

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252, WINDOWS_1258};
use unicode_normalization::UnicodeNormalization;

use super::blocks::Block;
use crate::{
    shadow::{Key, is_vietnamese},
    vocabulary::syllables,
};

/// So many bytes of a text are judged.
const SAMPLE: usize = 1 << 16;
/// A candidate explains a text when so many hundredths of its words are syllables.
const EXPLAINED: usize = 60;

/// Encodings that a font's name or the words of a text tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Legacy {
    /// None: Unicode.
    #[default]
    None,
    /// TCVN3 (ABC).
    Tcvn3,
    /// TCVN3 in a font of capitals (".VnTimeH").
    Tcvn3Capitals,
    /// VNI for Windows.
    Vni,
}

impl Legacy {
    /// The encoding that a font implies.
    pub fn of_font(name: &str) -> Self {
        let name = name.trim().to_ascii_lowercase();
        if let Some(core) = name.strip_prefix(".vn") {
            let core = core.trim_end();
            let core = ["bold italic", "italic", "bold"]
                .iter()
                .find_map(|style| core.strip_suffix(style))
                .unwrap_or(core);
            let capitals = core.trim_end_matches([' ', '-', '_']).ends_with('h');
            return if capitals { Self::Tcvn3Capitals } else { Self::Tcvn3 };
        }
        if name.starts_with("vni-") || name.starts_with("vni ") {
            return Self::Vni;
        }
        Self::None
    }

    /// This encoding, or the other where this is Unicode.
    pub fn or(self, other: Self) -> Self {
        if self == Self::None { other } else { self }
    }

    /// Its name in [`crate::document::Document::encoding`].
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "UTF-8",
            Self::Tcvn3 | Self::Tcvn3Capitals => "TCVN3",
            Self::Vni => "VNI",
        }
    }

    /// Decodes text whose characters are the bytes of this encoding, read as Latin-1. Text that holds Vietnamese
    /// letters of Unicode has been typed as Unicode whatever its font, and is left as it is.
    pub fn decode(self, text: &str) -> Cow<'_, str> {
        if self == Self::None || text.is_ascii() && self != Self::Tcvn3Capitals || is_unicode(text) {
            return Cow::Borrowed(text);
        }
        Cow::Owned(match self {
            Self::None => return Cow::Borrowed(text),
            Self::Tcvn3 => tcvn3(text),
            Self::Tcvn3Capitals => tcvn3(text).to_uppercase(),
            Self::Vni => vni(text),
        })
    }
}

/// Whether a text holds letters that only Unicode has: U+1EA0 to U+1EF9.
fn is_unicode(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{1EA0}'..='\u{1EF9}'))
}

/// The letters of TCVN3 from 0xA1 on; a space stands where there is none.
const TCVN3: &str = "ĂÂÊÔƠƯĐăâêôơưđ      àảãáạ ằẳẵắ       ặầẩẫấậè ẻẽéẹềểễếệìỉ   ĩíịò ỏõóọồổỗốộờởỡớợù ủũúụừửữứựỳỷỹýỵ";

static TCVN3_LETTERS: LazyLock<Vec<char>> = LazyLock::new(|| TCVN3.chars().collect());

fn tcvn3(text: &str) -> String {
    let letter = |c: char| {
        // Fonts and extractors replace some of its signs by look-alikes.
        let code = match c {
            '\u{F0A1}'..='\u{F0FE}' => c as usize - 0xF000,
            '\u{2212}' => 0xAD,
            '\u{2219}' => 0xB7,
            '\u{3BC}' => 0xB5,
            c => c as usize,
        };
        let letter = code.checked_sub(0xA1).and_then(|at| TCVN3_LETTERS.get(at));
        letter.copied().filter(|&letter| letter != ' ').unwrap_or(c)
    };
    // Combining tones of TCVN3, for letters that have no code of their own with them.
    let combine = |c: char| match c {
        '\u{B0}' => '\u{300}',
        '\u{B1}' => '\u{309}',
        '\u{B2}' => '\u{303}',
        '\u{B3}' => '\u{301}',
        '\u{B4}' => '\u{323}',
        c => letter(c),
    };
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut vowel = false;
    for c in text.chars() {
        let decoded = if vowel { combine(c) } else { letter(c) };
        vowel = matches!(decoded.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
            || "ăâêôơưĂÂÊÔƠƯ".contains(decoded);
        out.push(decoded);
    }
    out.nfc().collect()
}

/// The tone or shape that a VNI sign adds to the vowel before it.
fn vni_marks(sign: char) -> Option<(&'static str, &'static str)> {
    // The vowels it may stand behind, and the combining marks.
    const PLAIN: &str = "aeouyơư";
    const CIRCUMFLEX: &str = "aeo";
    const BREVE: &str = "a";
    Some(match sign {
        'ù' => (PLAIN, "\u{301}"),
        'ø' => (PLAIN, "\u{300}"),
        'û' => (PLAIN, "\u{309}"),
        'õ' => (PLAIN, "\u{303}"),
        'ï' => (PLAIN, "\u{323}"),
        'â' => (CIRCUMFLEX, "\u{302}"),
        'á' => (CIRCUMFLEX, "\u{302}\u{301}"),
        'à' => (CIRCUMFLEX, "\u{302}\u{300}"),
        'å' => (CIRCUMFLEX, "\u{302}\u{309}"),
        'ã' => (CIRCUMFLEX, "\u{302}\u{303}"),
        'ä' => (CIRCUMFLEX, "\u{323}\u{302}"),
        'ê' => (BREVE, "\u{306}"),
        'é' => (BREVE, "\u{306}\u{301}"),
        'è' => (BREVE, "\u{306}\u{300}"),
        'ú' => (BREVE, "\u{306}\u{309}"),
        'ü' => (BREVE, "\u{306}\u{303}"),
        'ë' => (BREVE, "\u{323}\u{306}"),
        _ => return None,
    })
}

/// The letter that a VNI sign is by itself.
fn vni_letter(sign: char) -> Option<char> {
    Some(match sign {
        'ô' => 'ơ',
        'ö' => 'ư',
        'ñ' => 'đ',
        'í' => 'í',
        'ì' => 'ì',
        'æ' => 'ỉ',
        'ó' => 'ĩ',
        'ò' => 'ị',
        'î' => 'ỵ',
        _ => return None,
    })
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

fn vni(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut before = ' ';
    for c in text.chars() {
        let c = match c {
            '\u{F0A1}'..='\u{F0FF}' => char::from_u32(c as u32 - 0xF000).unwrap_or(c),
            c => c,
        };
        let sign = lower(c);
        if let Some((vowels, marks)) = vni_marks(sign)
            && vowels.contains(before)
        {
            out.push_str(marks);
            before = ' ';
            continue;
        }
        let decoded = match vni_letter(sign) {
            Some(letter) if c != sign => letter.to_uppercase().next().unwrap_or(letter),
            Some(letter) => letter,
            None => c,
        };
        before = lower(decoded);
        out.push(decoded);
    }
    out.nfc().collect()
}

/// Decodes UTF-16 with a byte-order mark, or without one where every other byte is mostly zero. None for what is not UTF-16.
pub fn utf16(bytes: &[u8]) -> Option<String> {
    let (encoding, rest) = match bytes {
        [0xFF, 0xFE, rest @ ..] => (UTF_16LE, rest),
        [0xFE, 0xFF, rest @ ..] => (UTF_16BE, rest),
        _ => (utf16_without_mark(bytes)?, bytes),
    };
    if rest.len() % 2 != 0 {
        return None;
    }
    let text = encoding.decode_without_bom_handling_and_without_replacement(rest)?;
    (!text.contains('\0')).then(|| text.into_owned())
}

/// Spaces, digits and ASCII letters of UTF-16 have a zero byte, always on the same side.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
    let zeros = |odd: usize| sample.iter().skip(odd).step_by(2).filter(|&&byte| byte == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), sample.len() / 2);
    if half < 2 {
        return None;
    }
    match (even * 100 / half, odd * 100 / half) {
        (0..=1, 30..) => Some(UTF_16LE),
        (30.., 0..=1) => Some(UTF_16BE),
        _ => None,
    }
}

/// The name of an encoding, and what decodes it.
type Candidate = (&'static str, fn(&[u8]) -> String);

/// Decodes text of an old 8-bit encoding, with the encoding's name: the candidate that spells the most Vietnamese
/// syllables. None when no candidate explains the bytes.
pub fn eight_bit(bytes: &[u8]) -> Option<(String, &'static str)> {
    let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
    let candidates: [Candidate; 4] = [
        ("TCVN3", |bytes| tcvn3(&latin1(bytes))),
        ("VNI", |bytes| vni(&latin1(bytes))),
        ("windows-1258", |bytes| {
            let (text, _) = WINDOWS_1258.decode_without_bom_handling(bytes);
            text.nfc().collect()
        }),
        ("windows-1252", |bytes| {
            WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()
        }),
    ];
    let scored = candidates.map(|(name, decode)| (share(&decode(sample)), name, decode));
    // The last of equals: windows-1252 explains what has no Vietnamese letter at all, quotes and dashes.
    let &(best, name, decode) = scored.iter().max_by_key(|(score, ..)| *score)?;
    (best >= EXPLAINED).then(|| (decode(bytes), name))
}

/// Bytes as the characters of the same numbers, those of windows-1252 where Latin-1 has controls.
fn latin1(bytes: &[u8]) -> String {
    let quote = |byte: u8| match byte {
        0x85 => '…',
        0x91 => '‘',
        0x92 => '’',
        0x93 => '“',
        0x94 => '”',
        0x96 => '–',
        0x97 => '—',
        byte => char::from(byte),
    };
    bytes.iter().map(|&byte| quote(byte)).collect()
}

/// Decodes text whose fonts were replaced and whose letters were not: legacy letters in a Unicode font.
pub(super) fn mend_blocks(blocks: &mut [Block]) -> Legacy {
    let mut sample = String::new();
    for text in blocks.iter().flat_map(Block::texts) {
        sample.push_str(text);
        sample.push('\n');
        if sample.len() > 1 << 16 {
            break;
        }
    }
    let legacy = detect(&sample).unwrap_or_default();
    if legacy != Legacy::None {
        for text in blocks.iter_mut().flat_map(Block::texts_mut) {
            *text = legacy.decode(text).into_owned();
        }
    }
    legacy
}

/// How many hundredths of the words in these blocks are possible syllables.
pub(super) fn spells(blocks: &[Block]) -> usize {
    let texts: Vec<&str> = blocks.iter().flat_map(Block::texts).take(1000).collect();
    share(&texts.join("\n"))
}

/// The legacy encoding of a text that was read as Latin-1, where its words say that it has one.
pub fn detect(text: &str) -> Option<Legacy> {
    if is_unicode(text) || text.is_ascii() {
        return None;
    }
    let end = (0..=SAMPLE.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at))?;
    let sample = &text[..end];
    let as_is = share(sample);
    let (score, legacy) = [
        (share(&tcvn3(sample)), Legacy::Tcvn3),
        (share(&vni(sample)), Legacy::Vni),
    ]
    .into_iter()
    .max_by_key(|(score, _)| *score)?;
    (score >= EXPLAINED + 15 && score >= as_is + 20).then_some(legacy)
}

/// How many hundredths of the words with letters beyond ASCII are possible syllables. Plain words tell nothing. Signs in
/// the midst of words count against: they are letters of another encoding.
fn share(text: &str) -> usize {
    let (mut good, mut all) = (0, 0);
    let words = text.split(|c: char| c.is_whitespace() || c.is_ascii_punctuation() || c.is_ascii_digit());
    for word in words.map(|word| word.trim_matches(is_sign)) {
        if word.is_ascii() {
            continue;
        }
        all += 1;
        good += usize::from(is_syllable(word));
    }
    (good * 100usize).checked_div(all).unwrap_or(100)
}

/// Quotes, dashes and dots, which stand around words in any encoding.
fn is_sign(c: char) -> bool {
    matches!(c, '“' | '”' | '‘' | '’' | '–' | '—' | '…' | '•' | '\u{A0}' | '\u{AD}')
}

/// Whether a word is a possible syllable of Vietnamese, tone included.
pub fn is_syllable(word: &str) -> bool {
    const LONGEST: usize = 32;
    if word.len() > LONGEST {
        return false;
    }
    let composed: String = word.nfc().collect();
    // What looks like an Đ is one to readers, but a letter of another encoding here.
    let is_letter = |c: char| is_vietnamese(c) && !matches!(c, 'Ð' | 'ð' | 'Ɖ');
    composed.chars().all(is_letter) && syllables::is_syllable(Key::of(&composed))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SENTENCE: &str = "Ủy ban nhân dân tỉnh đã chỉ đạo các sở, ngành thực hiện nghị quyết về phát triển kinh tế, \
        giữ vững quốc phòng; tỷ lệ hộ nghèo giảm rõ rệt, đường sá được mở rộng, người dân phấn khởi.";

    /// Encodes text as TCVN3: capitals with marks become small letters, as the fonts have them.
    fn to_tcvn3(text: &str) -> Vec<u8> {
        let code = |c: char| {
            TCVN3_LETTERS
                .iter()
                .position(|&letter| letter == c)
                .map(|at| at as u8 + 0xA1)
        };
        let byte = |c: char| {
            if c.is_ascii() {
                c as u8
            } else {
                code(c).or_else(|| code(lower(c))).unwrap()
            }
        };
        text.chars().map(byte).collect()
    }

    fn to_vni(text: &str) -> Vec<u8> {
        let signs: Vec<char> = (0xC0..=0xFFu8).map(char::from).collect();
        let mut out = Vec::new();
        'letters: for c in text.chars() {
            if c.is_ascii() {
                out.push(c as u8);
                continue;
            }
            for &sign in &signs {
                if vni(&sign.to_string()) == c.to_string() {
                    out.push(sign as u8);
                    continue 'letters;
                }
            }
            for base in "aeiouyôöAEIOUYÔÖ".chars() {
                for &sign in signs.iter().filter(|sign| sign.is_lowercase() == base.is_lowercase()) {
                    if vni(&format!("{base}{sign}")) == c.to_string() {
                        out.extend([base as u32 as u8, sign as u8]);
                        continue 'letters;
                    }
                }
            }
            panic!("no VNI for {c}");
        }
        out
    }

    #[test]
    fn each_encoding_is_told_by_what_it_spells() {
        let utf16: Vec<u8> = SENTENCE.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(super::utf16(&utf16).as_deref(), Some(SENTENCE));
        let utf16: Vec<u8> = SENTENCE.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(super::utf16(&utf16).as_deref(), Some(SENTENCE));
        assert_eq!(eight_bit(&to_vni(SENTENCE)), Some((SENTENCE.to_owned(), "VNI")));
        let (text, name) = eight_bit(&to_tcvn3(SENTENCE)).unwrap();
        assert_eq!((text.to_lowercase(), name), (SENTENCE.to_lowercase(), "TCVN3"));
        let cp1258: String = SENTENCE
            .nfd()
            .collect::<String>()
            .replace("a\u{302}", "â")
            .replace("e\u{302}", "ê")
            .replace("o\u{302}", "ô")
            .replace("a\u{306}", "ă")
            .replace("o\u{31B}", "ơ")
            .replace("u\u{31B}", "ư");
        // A dot below stands before the circumflex in NFD.
        let cp1258 = cp1258
            .replace("a\u{323}\u{302}", "â\u{323}")
            .replace("e\u{323}\u{302}", "ê\u{323}")
            .replace("o\u{323}\u{302}", "ô\u{323}");
        let (bytes, _, lossy) = WINDOWS_1258.encode(&cp1258);
        assert!(!lossy);
        assert_eq!(eight_bit(&bytes), Some((SENTENCE.to_owned(), "windows-1258")));
    }

    #[test]
    fn what_no_candidate_explains_is_left() {
        let noise: Vec<u8> = (0..2000u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 | 0x80)
            .collect();
        assert_eq!(eight_bit(&noise), None);
        assert_eq!(detect(SENTENCE), None);
        assert_eq!(detect("Café à la crème, déjà vu"), None);
    }

    #[test]
    fn fonts_tell_the_encoding() {
        let cases = [
            (".VnTime", Legacy::Tcvn3),
            (".VnTimeH", Legacy::Tcvn3Capitals),
            (".VnArialH Bold", Legacy::Tcvn3Capitals),
            (".VnArial NarrowH", Legacy::Tcvn3Capitals),
            ("VNI-Times", Legacy::Vni),
            ("Times New Roman", Legacy::None),
        ];
        for (font, legacy) in cases {
            assert_eq!(Legacy::of_font(font), legacy, "{font}");
        }
        assert_eq!(
            Legacy::Tcvn3Capitals.decode("Uû ban nh©n d©n"),
            "ỦY BAN NHÂN DÂN".replace("ỦY", "UỶ")
        );
        assert_eq!(Legacy::Tcvn3.decode("Quyết định"), "Quyết định");
    }

    #[test]
    fn bytes_of_tcvn3_are_those_of_the_standard() {
        for (byte, letter) in [
            (0xB5, 'à'),
            (0xBE, 'ắ'),
            (0xC6, 'ặ'),
            (0xCB, 'ậ'),
            (0xCE, 'ẻ'),
            (0xD8, 'ỉ'),
            (0xDF, 'ò'),
            (0xEF, 'ù'),
            (0xFE, 'ỵ'),
        ] {
            assert_eq!(tcvn3(&char::from(byte as u8).to_string()), letter.to_string());
        }
    }

    #[test]
    fn syllables() {
        for good in [
            "nghiêng",
            "quyết",
            "giếng",
            "Ủy",
            "uỷ",
            "ĐƯỜNG",
            "gì",
            "hòa",
            "hoà",
            "yếu",
            "khuya",
        ] {
            assert!(is_syllable(good), "{good}");
        }
        for bad in ["nh©n", "tiêt", "đuợc", "Uû", "bcd", "ñöôøng", ""] {
            assert!(!is_syllable(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_left(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (eight_bit(&bytes), utf16(&bytes));
            let text = latin1(&bytes);
            let _ = (detect(&text), Legacy::Vni.decode(&text), Legacy::Tcvn3Capitals.decode(&text));
        }
    }
}
