//! Plain text: UTF-8 with or without a byte-order mark, NFC or NFD, LF or CRLF; UTF-16; old Vietnamese encodings.

use std::{borrow::Cow, ops::Range};

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::{Limits, Refusal, RefusalReason, encoding};
use crate::document::Document;

const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// Decodes text to NFC with LF. For UTF-8 that is both already, the result is the input.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Document, Refusal> {
    let (text, encoding) = characters(bytes)?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
    if memchr::memchr(0, text.as_bytes()).is_some() {
        return Err(Refusal::new(
            RefusalReason::NotText,
            "có byte NUL: đây là tệp nhị phân, không phải văn bản",
            "it holds NUL bytes: a binary file, not text",
        ));
    }
    if text.trim().is_empty() {
        return Err(Refusal::new(
            RefusalReason::Empty,
            "tài liệu không có nội dung",
            "the document is empty",
        ));
    }
    let text = compose(unix_lines(text));
    if text.len() > limits.max_text_bytes {
        return Err(Refusal::too_large(
            ("văn bản", "the text"),
            text.len(),
            limits.max_text_bytes,
            "decode.max_text_bytes",
        ));
    }
    Ok(Document::new(text.into_owned(), "text/plain", encoding))
}

/// The characters of a text, and the name of its encoding.
pub fn characters(bytes: &[u8]) -> Result<(Cow<'_, str>, &'static str), Refusal> {
    // The zero bytes of UTF-16 are valid UTF-8, so it comes first; plain UTF-8 has none and is not looked at twice.
    if matches!(bytes, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]) || memchr::memchr(0, bytes).is_some() {
        return match encoding::utf16(bytes) {
            Some(text) => Ok((Cow::Owned(text), "UTF-16")),
            None => Ok((Cow::Borrowed(utf8(bytes)?), "UTF-8")),
        };
    }
    match utf8(bytes) {
        Ok(text) => Ok((Cow::Borrowed(text), "UTF-8")),
        Err(refusal) => match encoding::eight_bit(bytes) {
            Some((text, name)) => Ok((Cow::Owned(text), name)),
            None => Err(refusal),
        },
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Refusal> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| not_text(bytes))
}

fn not_text(bytes: &[u8]) -> Refusal {
    // The slower decoder says where.
    let offset = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
    Refusal::new(
        RefusalReason::NotText,
        format!(
            "không phải UTF-8 tại byte thứ {offset}, cũng không phải TCVN3, VNI hay Windows-1258; hãy lưu lại báo cáo với bảng mã Unicode UTF-8"
        ),
        format!("not UTF-8 at byte {offset}, nor TCVN3, VNI or Windows-1258; save the report again as Unicode UTF-8"),
    )
}

/// CRLF and lone CR as LF.
fn unix_lines(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\r', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// NFC. Text that surely is NFC already, by a look at its bytes, is passed on as it is.
fn compose(text: Cow<'_, str>) -> Cow<'_, str> {
    if surely_composed(text.as_bytes()) || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return text;
    }
    Cow::Owned(text.nfc().collect())
}

/// Whether all characters are of blocks whose every character is composed: Latin up to U+02FF,
/// U+1E80 to U+1EFF, and the punctuation U+2002 to U+207F. No false yes; a no means: look closer.
fn surely_composed(bytes: &[u8]) -> bool {
    // Without branches from byte to byte, so that the compiler tests sixteen at a time; so many are
    // tested before the first bad one is looked for.
    const STRETCH: usize = 4096;
    let last = bytes.len().saturating_sub(2);
    let stretches = (0..last)
        .step_by(STRETCH)
        .map(|start| start..(start + STRETCH).min(last));
    let fine = |stretch: Range<usize>| {
        let bytes = &bytes[stretch.start..stretch.end + 2];
        let triples = bytes.iter().zip(&bytes[1..]).zip(&bytes[2..]);
        !triples.fold(false, |bad, ((&a, &b), &c)| bad | may_compose(a, b, c))
    };
    // No character of three bytes begins in the last two.
    let end = bytes[last..].iter().all(|&byte| !may_compose(byte, 0, 0));
    end && stretches.into_iter().all(fine)
}

/// Whether a byte, with the two behind it, begins a character that may not be composed.
fn may_compose(a: u8, b: u8, c: u8) -> bool {
    // A lead byte up to 0xCB begins a character below U+0300; the two others are E1 BA/BB and
    // E2 80/81. Continuation bytes are below 0xC0. Singletons such as U+2000 and U+2001 are E2 80 80/81.
    let vietnamese = (a == 0xE1) & (b & 0xFE == 0xBA);
    let punctuation = (a == 0xE2) & ((b == 0x80) & (c >= 0x82) | (b == 0x81));
    (a > 0xCB) & !vietnamese & !punctuation
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(bytes: &[u8]) -> String {
        decode(bytes, &Limits::default()).unwrap().text
    }

    #[test]
    fn byte_order_mark_and_carriage_returns_go() {
        assert_eq!(
            text("\u{FEFF}BÁO CÁO\r\nQuý I\rhết\n".as_bytes()),
            "BÁO CÁO\nQuý I\nhết\n"
        );
    }

    #[test]
    fn decomposed_text_becomes_composed() {
        let composed = "Ủy ban nhân dân xã Đồng Lộc; tỷ lệ đạt 97,5%";
        let decomposed: String = composed.nfd().collect();
        assert_ne!(decomposed, composed);
        assert_eq!(text(decomposed.as_bytes()), composed);
        // Base letter with a combining tone, as Windows-1258 has it.
        assert_eq!(text("nê\u{301}u".as_bytes()), "nếu");
    }

    #[test]
    fn utf16_is_read_with_a_mark_and_without() {
        let bytes: Vec<u8> = "Ủy ban nhân dân xã\r\n"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        let document = decode(&bytes, &Limits::default()).unwrap();
        assert_eq!(
            (document.text.as_str(), document.encoding),
            ("Ủy ban nhân dân xã\n", "UTF-16")
        );
        let marked = [&[0xFE, 0xFF], bytes.as_slice()].concat();
        assert_eq!(text(&marked), document.text);
    }

    #[test]
    fn the_message_names_the_place_and_not_the_text() {
        let refusal = decode(b"abc\xFFdef", &Limits::default()).unwrap_err();
        assert!(refusal.message_en.contains("byte 3") && !refusal.message_en.contains("abc"));
    }

    /// The same without any trick.
    fn plainly_composed(text: &str) -> bool {
        text.chars()
            .all(|c| matches!(c, '\0'..='\u{2FF}' | '\u{1E80}'..='\u{1EFF}' | '\u{2002}'..='\u{207F}'))
    }

    #[test]
    fn every_character_is_judged_wherever_it_stands() {
        for c in (0..=0x2FFFF).filter_map(char::from_u32) {
            for text in [
                format!("{c}"),
                format!("a{c}"),
                format!("{c}ab"),
                format!("đây là {c}, còn nữa"),
            ] {
                assert_eq!(surely_composed(text.as_bytes()), plainly_composed(&text), "{c:?}");
            }
        }
        for length in 4090..4100 {
            let bad = "a".repeat(length) + "\u{301}" + &"b".repeat(9000 - length);
            assert!(!surely_composed(bad.as_bytes()) && surely_composed(&bad.as_bytes()[..length]));
        }
    }

    proptest! {
        #[test]
        fn surely_composed_is_never_wrong(text in "\\PC{0,40}|[a-zàáạảãâăêôơưđ\u{300}\u{301}\u{303}\u{309}\u{323}\u{2000}-\u{2100}\u{1e00}-\u{1fff}]{0,40}") {
            if surely_composed(text.as_bytes()) {
                prop_assert_eq!(text.nfc().collect::<String>(), text);
            }
        }
    }
}
