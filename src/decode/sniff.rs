//! What the first bytes say a document is, whatever its sender calls it.

use memchr::memmem;

use super::{docx, edxml, html, xlsx};

/// Marks of text formats are looked for in so many bytes.
const HEAD: usize = 4096;

/// The media type that the bytes tell, among those of [`super::FORMATS`]; None for plain text and for what is not known.
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'P', b'K', 3, 4, ..] => package(bytes),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => compound(bytes),
        _ => markup(bytes),
    }
}

/// A ZIP package: its parts' names are not compressed.
fn package(bytes: &[u8]) -> Option<&'static str> {
    let first = |name: &str| memmem::find(bytes, name.as_bytes()).unwrap_or(usize::MAX);
    // A package may hold one of the other kind, further back.
    let (word, sheet) = (first("word/").min(first("word\\")), first("xl/").min(first("xl\\")));
    if word.min(sheet) == usize::MAX {
        return None;
    }
    Some(if word < sheet {
        docx::MEDIA_TYPE
    } else {
        xlsx::MEDIA_TYPE
    })
}

/// A compound file of the old Office; the names of its streams are in UTF-16.
fn compound(bytes: &[u8]) -> Option<&'static str> {
    let has = |name: &str| {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        memmem::find(bytes, &name).is_some()
    };
    // A package behind a password is a compound file as well: the readers of packages say so.
    if has("EncryptedPackage") {
        return Some(docx::MEDIA_TYPE);
    }
    if has("WordDocument") {
        return None;
    }
    (has("Workbook") || has("Book")).then_some(xlsx::LEGACY_MEDIA_TYPE)
}

/// XML and HTML.
fn markup(bytes: &[u8]) -> Option<&'static str> {
    let head = &bytes[..bytes.len().min(HEAD)];
    // Most texts have none, and are not looked at further.
    memchr::memchr(b'<', head)?;
    // UTF-16 as well: its zero bytes are passed over.
    let head: Vec<u8> = head
        .iter()
        .copied()
        .filter(|&byte| byte != 0 && byte != 0xFF && byte != 0xFE)
        .map(|byte| byte.to_ascii_lowercase())
        .collect();
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&head).trim_ascii_start();
    if !head.starts_with(b"<") {
        return None;
    }
    let has = |name: &str| memmem::find(head, name.as_bytes()).is_some();
    if has("<edxml") || has(":edxml") {
        return Some(edxml::MEDIA_TYPE);
    }
    let html = [
        "<!doctype html",
        "<html",
        "<head",
        "<body",
        "<meta",
        "<table",
        "<div",
        "<p>",
        "<p ",
    ];
    html.iter().any(|mark| has(mark)).then_some(html::MEDIA_TYPE)
}
