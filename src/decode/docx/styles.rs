//! Styles: fonts, hidden text, capitals, numbering and borders that runs, paragraphs and tables take from them.

use rustc_hash::FxHashMap;

use super::super::{
    Limits, Refusal,
    encoding::Legacy,
    xml::{self, Step, Xml},
};

/// A chain of styles longer than this is a loop.
const MAX_CHAIN: usize = 20;

/// What a run of text may say of itself, or take from a style.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunProperties {
    /// The encoding that its font implies.
    pub font: Option<Legacy>,
    /// Hidden text.
    pub hidden: Option<bool>,
    /// Shown in capitals.
    pub capitals: Option<bool>,
    /// Raised, as marks of footnotes are.
    pub raised: Option<bool>,
}

impl RunProperties {
    /// These, and what they leave open from `outer`.
    pub fn over(self, outer: Self) -> Self {
        Self {
            font: self.font.or(outer.font),
            hidden: self.hidden.or(outer.hidden),
            capitals: self.capitals.or(outer.capitals),
            raised: self.raised.or(outer.raised),
        }
    }

    /// Takes in one element of `w:rPr`.
    pub fn read(&mut self, name: &str, element: &quick_xml::events::BytesStart<'_>, theme: Theme) {
        match name {
            "rFonts" => {
                let direct = xml::attribute(element, "hAnsi").or_else(|| xml::attribute(element, "ascii"));
                let themed = xml::attribute(element, "hAnsiTheme").or_else(|| xml::attribute(element, "asciiTheme"));
                self.font = match (themed, direct) {
                    (Some(name), _) => Some(theme.font(&name)),
                    (None, Some(font)) => Some(Legacy::of_font(&font)),
                    (None, None) => self.font,
                };
            }
            "vanish" => self.hidden = Some(xml::is_on(element)),
            "caps" => self.capitals = Some(xml::is_on(element)),
            "vertAlign" => self.raised = Some(xml::attribute(element, "val").as_deref() == Some("superscript")),
            _ => {}
        }
    }
}

/// The fonts of the theme.
#[derive(Clone, Copy, Debug, Default)]
pub struct Theme {
    major: Legacy,
    minor: Legacy,
}

impl Theme {
    /// Reads `theme1.xml`.
    pub fn read(text: &str, limits: &Limits) -> Result<Self, Refusal> {
        let mut xml = Xml::new(text, "theme.xml", limits);
        let (mut theme, mut major) = (Self::default(), false);
        let (mut major_known, mut minor_known) = (false, false);
        loop {
            match xml.step()? {
                Step::Start(start) => match start.local_name().as_ref() {
                    "majorFont" => major = true,
                    "minorFont" => major = false,
                    "latin" => {
                        let font =
                            xml::attribute(&start, "typeface").map_or(Legacy::None, |name| Legacy::of_font(&name));
                        // The first in each: text boxes of the theme have fonts of their own further down.
                        if major && !major_known {
                            (theme.major, major_known) = (font, true);
                        } else if !major && !minor_known {
                            (theme.minor, minor_known) = (font, true);
                        }
                    }
                    _ => {}
                },
                Step::Eof => return Ok(theme),
                _ => {}
            }
        }
    }

    fn font(self, name: &str) -> Legacy {
        if name.starts_with("major") {
            self.major
        } else {
            self.minor
        }
    }
}

/// A style.
#[derive(Clone, Debug, Default)]
pub struct Style {
    based_on: Option<String>,
    /// What it says of runs.
    pub run: RunProperties,
    /// The list it numbers paragraphs by, and the level in it.
    pub list: (Option<u32>, Option<usize>),
    /// Whether it centres paragraphs.
    pub centred: Option<bool>,
    /// Whether it draws lines between cells.
    pub ruled: Option<bool>,
    /// Whether it is one of a table of contents.
    pub contents: bool,
}

/// All styles of a document, each with what it takes from those it is based on.
#[derive(Debug, Default)]
pub struct Styles {
    by_id: FxHashMap<String, Style>,
    defaults: RunProperties,
    /// The style of paragraphs that name none.
    paragraph: Option<String>,
}

impl Styles {
    /// Reads `styles.xml`.
    pub fn read(text: &str, theme: Theme, limits: &Limits) -> Result<Self, Refusal> {
        let mut xml = Xml::new(text, "styles.xml", limits);
        let mut styles = Self::default();
        let mut current: Option<(String, Style)> = None;
        let mut open: Vec<String> = Vec::new();
        loop {
            match xml.step()? {
                Step::Start(start) => {
                    let name = start.local_name().as_ref().to_owned();
                    match (name.as_str(), &mut current) {
                        // A table style's conditional formats and old states say nothing of its text.
                        ("rPrChange" | "pPrChange" | "tblStylePr", _) => {
                            xml.skip()?;
                            continue;
                        }
                        ("style", current) => {
                            let id = xml::attribute(&start, "styleId").unwrap_or_default().into_owned();
                            let default =
                                xml::attribute(&start, "default").is_some_and(|value| value == "1" || value == "true");
                            if default && xml::attribute(&start, "type").as_deref() == Some("paragraph") {
                                styles.paragraph = Some(id.clone());
                            }
                            *current = Some((id, Style::default()));
                        }
                        (name, Some((_, style))) => style.take(name, &start, &open, theme),
                        (name, None) => {
                            if open.iter().any(|outer| outer == "rPrDefault") {
                                styles.defaults.read(name, &start, theme);
                            }
                        }
                    }
                    open.push(name);
                }
                Step::End => {
                    if open.pop().as_deref() == Some("style")
                        && let Some((id, style)) = current.take()
                    {
                        styles.by_id.insert(id, style);
                    }
                }
                Step::Text(_) => {}
                Step::Eof => break,
            }
        }
        styles.resolve();
        Ok(styles)
    }

    /// Gives each style what it takes from the styles it is based on.
    fn resolve(&mut self) {
        let resolved = |style: &Style| {
            let mut style = style.clone();
            let mut base = style.based_on.clone();
            for _ in 0..MAX_CHAIN {
                let Some(outer) = base.as_ref().and_then(|id| self.by_id.get(id)) else {
                    break;
                };
                style.run = style.run.over(outer.run);
                style.list = (style.list.0.or(outer.list.0), style.list.1.or(outer.list.1));
                style.centred = style.centred.or(outer.centred);
                style.ruled = style.ruled.or(outer.ruled);
                style.contents |= outer.contents;
                base = outer.based_on.clone();
            }
            style
        };
        self.by_id = self
            .by_id
            .iter()
            .map(|(id, style)| (id.clone(), resolved(style)))
            .collect();
    }

    /// The style of this id.
    pub fn get(&self, id: Option<&str>) -> Option<&Style> {
        self.by_id.get(id?)
    }

    /// The style of a paragraph that names this one, or none.
    pub fn of_paragraph(&self, id: Option<&str>) -> Option<&Style> {
        self.get(id).or_else(|| self.get(self.paragraph.as_deref()))
    }

    /// What a run says with all that it takes from its style, its paragraph's style and the defaults.
    pub fn run(&self, own: RunProperties, style: Option<&str>, paragraph: Option<&str>) -> RunProperties {
        let style = self.get(style).map(|style| style.run).unwrap_or_default();
        let paragraph = self.of_paragraph(paragraph).map(|style| style.run).unwrap_or_default();
        own.over(style).over(paragraph).over(self.defaults)
    }
}

impl Style {
    fn take(&mut self, name: &str, start: &quick_xml::events::BytesStart<'_>, open: &[String], theme: Theme) {
        let within = |outer: &str| open.iter().any(|name| name == outer);
        let value = || xml::attribute(start, "val");
        match name {
            "name" => {
                self.contents = value().is_some_and(|name| name.to_ascii_lowercase().starts_with("toc "));
            }
            "basedOn" => self.based_on = value().map(|id| id.into_owned()),
            "numId" => self.list.0 = value().and_then(|id| id.parse().ok()),
            "ilvl" => self.list.1 = value().and_then(|level| level.parse().ok()),
            "jc" if within("pPr") => self.centred = Some(value().as_deref() == Some("center")),
            "insideV" | "insideH" if within("tblBorders") => {
                let drawn = !matches!(value().as_deref(), None | Some("nil" | "none"));
                self.ruled = Some(drawn || self.ruled == Some(true));
            }
            name if within("rPr") => self.run.read(name, start, theme),
            _ => {}
        }
    }
}
