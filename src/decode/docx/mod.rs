//! DOCX: WordprocessingML in a ZIP package.

mod body;
pub(super) mod numbering;
mod styles;

#[cfg(test)]
mod tests;

pub(super) use self::body::superscript;
use self::{
    body::{Body, Notes, Parts},
    numbering::Numbering,
    styles::{Styles, Theme},
};
use super::{
    Limits, Refusal,
    blocks::{self, Block},
    encoding::{self, Legacy},
    package::{Package, encrypted},
    xml::{self, Step, Xml},
};
use crate::document::Document;

/// The media type of DOCX.
pub const MEDIA_TYPE: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

/// Decodes a DOCX.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Document, Refusal> {
    if bytes.starts_with(b"\xD0\xCF\x11\xE0") {
        return Err(encrypted());
    }
    let mut package = Package::open(bytes, limits)?;
    let main = main_part(&mut package, limits)?;
    let relations = Relations::of(&mut package, &main, limits)?;
    let mut read = |kind: &str, name: &'static str| -> Result<Option<String>, Refusal> {
        match relations.target(kind) {
            Some(target) => text_part(&mut package, target, name),
            None => Ok(None),
        }
    };
    let theme = match read("theme", "theme.xml")? {
        Some(text) => Theme::read(&text, limits)?,
        None => Theme::default(),
    };
    let styles = match read("styles", "styles.xml")? {
        Some(text) => Styles::read(&text, theme, limits)?,
        None => Styles::default(),
    };
    let mut numbering = match read("numbering", "numbering.xml")? {
        Some(text) => Numbering::read(&text, limits)?,
        None => Numbering::default(),
    };
    let mut notes = Notes::default();
    let mut legacy = Legacy::None;
    for (kind, name) in [("footnotes", "footnotes.xml"), ("endnotes", "endnotes.xml")] {
        if let Some(text) = read(kind, name)? {
            let parts = Parts {
                styles: &styles,
                theme,
                limits,
            };
            let part = Body::read_notes(&text, name, &parts, &mut Numbering::default())?;
            legacy = part.legacy.or(legacy);
            notes.add(kind, part.notes);
        }
    }
    let text = text_part(&mut package, &main, "document.xml")?.ok_or_else(no_document)?;
    let parts = Parts {
        styles: &styles,
        theme,
        limits,
    };
    let body = Body::read(&text, "document.xml", &parts, &mut numbering, &notes)?;
    legacy = body.legacy.or(legacy);
    let mut blocks = body.blocks;
    if !has_masthead(&blocks) {
        for target in relations.targets("header") {
            let Some(text) = text_part(&mut package, target, "header.xml")? else {
                continue;
            };
            let header = Body::read(&text, "header.xml", &parts, &mut Numbering::default(), &notes)?;
            if has_masthead(&header.blocks) {
                legacy = header.legacy.or(legacy);
                blocks.splice(0..0, header.blocks);
                break;
            }
        }
    }
    if legacy == Legacy::None {
        legacy = encoding::mend_blocks(&mut blocks);
    }
    blocks::write(blocks, MEDIA_TYPE, legacy.name(), limits)
}

/// Whether the national or the Party's motto stands in these blocks.
fn has_masthead(blocks: &[Block]) -> bool {
    blocks.iter().take(40).flat_map(Block::texts).any(|text| {
        let text = text.to_uppercase();
        [
            "CỘNG HÒA XÃ HỘI",
            "CỘNG HOÀ XÃ HỘI",
            "ĐẢNG CỘNG SẢN VIỆT NAM",
            "ĐỘC LẬP - TỰ DO",
        ]
        .iter()
        .any(|motto| text.contains(motto))
    })
}

fn no_document() -> Refusal {
    Refusal::malformed(
        "gói ZIP không chứa văn bản Word (không có word/document.xml)",
        "the ZIP package holds no Word document (no word/document.xml)",
    )
}

fn text_part(package: &mut Package<'_>, part: &str, name: &'static str) -> Result<Option<String>, Refusal> {
    match package.part(part)? {
        Some(bytes) => xml::owned_text(bytes, name).map(Some),
        None => Ok(None),
    }
}

/// The part that holds the document.
fn main_part(package: &mut Package<'_>, limits: &Limits) -> Result<String, Refusal> {
    const USUAL: &str = "word/document.xml";
    if let Some(target) = Relations::of(package, "", limits)?.target("officeDocument")
        && package.part_exists(target)
    {
        return Ok(target.to_owned());
    }
    if package.part_exists(USUAL) {
        return Ok(USUAL.to_owned());
    }
    Err(no_document())
}

/// The parts that a part refers to: the last word of the relation's type, and the part.
struct Relations(Vec<(String, String)>);

impl Relations {
    /// Reads the relations of a part, those of the package for "".
    fn of(package: &mut Package<'_>, part: &str, limits: &Limits) -> Result<Self, Refusal> {
        let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let Some(text) = text_part(package, &format!("{prefix}_rels/{file}.rels"), "a .rels part")? else {
            return Ok(Self(Vec::new()));
        };
        let mut xml = Xml::new(&text, "a .rels part", limits);
        let mut relations = Vec::new();
        loop {
            match xml.step()? {
                Step::Start(start) if start.local_name().as_ref() == "Relationship" => {
                    // What lies outside the package is never loaded.
                    if xml::attribute(&start, "TargetMode").as_deref() == Some("External") {
                        continue;
                    }
                    if let (Some(kind), Some(target)) =
                        (xml::attribute(&start, "Type"), xml::attribute(&start, "Target"))
                    {
                        let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
                        relations.push((kind, resolve(&prefix, &target)));
                    }
                }
                Step::Eof => return Ok(Self(relations)),
                _ => {}
            }
        }
    }

    fn target<'a>(&'a self, kind: &'a str) -> Option<&'a str> {
        self.targets(kind).next()
    }

    fn targets<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(other, _)| other == kind)
            .map(|(_, target)| target.as_str())
    }
}

/// The name of a part that is named relative to a folder.
fn resolve(folder: &str, target: &str) -> String {
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    for name in target.split('/') {
        match name {
            ".." => {
                names.pop();
            }
            "." | "" => {}
            name => names.push(name),
        }
    }
    names.join("/")
}
