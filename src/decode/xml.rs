//! XML, read as a stream of elements and text: no DTD, no entities but the five of XML itself, nothing loaded,
//! and a bound on nesting.

use std::borrow::Cow;

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

use super::{Limits, Refusal, encoding};

/// A step through a document; an empty element is its start and its end.
pub enum Step<'a> {
    /// An element begins.
    Start(BytesStart<'a>),
    /// The innermost element ends.
    End,
    /// Text, with references resolved.
    Text(Cow<'a, str>),
    /// The document ends.
    Eof,
}

/// A reader of one document.
pub struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    text: &'a str,
    depth: usize,
    max_depth: usize,
    /// What it is called in refusals.
    name: &'static str,
}

/// The text of an XML document: UTF-8, or UTF-16 with a byte-order mark.
pub fn text<'a>(bytes: &'a [u8], name: &'static str) -> Result<Cow<'a, str>, Refusal> {
    if let Some(text) = encoding::utf16(bytes) {
        return Ok(Cow::Owned(text));
    }
    let text = simdutf8::basic::from_utf8(bytes).map_err(|_| not_utf8(name))?;
    Ok(Cow::Borrowed(text.strip_prefix('\u{FEFF}').unwrap_or(text)))
}

/// The text of an XML document that is owned, without a copy where it is UTF-8.
pub fn owned_text(bytes: Vec<u8>, name: &'static str) -> Result<String, Refusal> {
    match text(&bytes, name)? {
        Cow::Owned(text) => Ok(text),
        // Found to be UTF-8 just now; the mark at its start does no harm.
        Cow::Borrowed(_) => String::from_utf8(bytes).map_err(|_| not_utf8(name)),
    }
}

fn not_utf8(name: &str) -> Refusal {
    Refusal::malformed(
        format!("{name} không phải là XML theo bảng mã UTF-8"),
        format!("{name} is not XML in UTF-8"),
    )
}

impl<'a> Xml<'a> {
    /// A reader of the text; the name stands in refusals.
    pub fn new(text: &'a str, name: &'static str, limits: &Limits) -> Self {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Self {
            reader,
            text,
            depth: 0,
            max_depth: limits.max_depth,
            name,
        }
    }

    /// The next step.
    pub fn step(&mut self) -> Result<Step<'a>, Refusal> {
        loop {
            let at = self.reader.buffer_position();
            let event = self
                .reader
                .read_event()
                .map_err(|error| self.broken(at, &error.to_string()))?;
            match event {
                Event::Start(start) => {
                    self.depth += 1;
                    if self.depth > self.max_depth {
                        return Err(Refusal::too_many(
                            ("độ sâu lồng nhau của XML", "the nesting of XML elements is"),
                            self.max_depth,
                            "decode.max_depth",
                        ));
                    }
                    return Ok(Step::Start(start));
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Step::End);
                }
                Event::Text(text) => return Ok(Step::Text(text.into_inner())),
                Event::CData(text) => return Ok(Step::Text(text.into_inner())),
                Event::GeneralRef(name) => {
                    return self
                        .resolve(&name)
                        .map(|c| Step::Text(Cow::Owned(c.to_string())))
                        .ok_or_else(|| {
                            Refusal::malformed(
                                format!("{} tham chiếu một thực thể XML; thực thể không được mở", self.name),
                                format!("{} refers to an XML entity; entities are not expanded", self.name),
                            )
                        });
                }
                Event::DocType(_) => {
                    return Err(Refusal::malformed(
                        format!("{} khai báo DTD; DTD không được phép", self.name),
                        format!("{} declares a DTD; none is allowed", self.name),
                    ));
                }
                Event::Eof if self.depth > 0 => return Err(self.broken(at, "the document ends inside an element")),
                Event::Eof => return Ok(Step::Eof),
                Event::Empty(_) | Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            }
        }
    }

    /// Passes over the rest of the element that just began.
    pub fn skip(&mut self) -> Result<(), Refusal> {
        let outer = self.depth.saturating_sub(1);
        while self.depth > outer {
            if let Step::Eof = self.step()? {
                break;
            }
        }
        Ok(())
    }

    /// The character of a reference.
    fn resolve(&self, name: &quick_xml::events::BytesRef<'_>) -> Option<char> {
        if name.is_char_ref() {
            return name.resolve_char_ref().ok().flatten();
        }
        Some(match &**name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => return None,
        })
    }

    /// The refusal of XML that is not well-formed: where, and what is wrong, without the document's text.
    fn broken(&self, at: u64, error: &str) -> Refusal {
        let name = self.name;
        let before = self
            .text
            .as_bytes()
            .get(..self.reader.buffer_position().max(at) as usize);
        let line = before.map_or(1, |before| 1 + memchr::memchr_iter(b'\n', before).count());
        let error: String = error.chars().filter(|c| !c.is_control()).take(120).collect();
        Refusal::malformed(
            format!("{name} không phải là XML đúng quy cách, gần dòng {line}: {error}"),
            format!("{name} is not well-formed XML near line {line}: {error}"),
        )
    }
}

/// The value of an attribute, by its local name.
pub fn attribute<'s>(start: &'s BytesStart<'_>, name: &str) -> Option<Cow<'s, str>> {
    start
        .attributes()
        .with_checks(false)
        .flatten()
        .find(|attribute| attribute.key.local_name().as_ref() == name)
        .and_then(|attribute| attribute.normalized_value(XmlVersion::Implicit1_0).ok())
}

/// Whether an on-off property is on: present without a value, or with one that is not false.
pub fn is_on(start: &BytesStart<'_>) -> bool {
    !matches!(attribute(start, "val").as_deref(), Some("0" | "false" | "off" | "none"))
}
