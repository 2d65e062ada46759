//! Automatic numbers of paragraphs: they are not in the text, so they are counted here as the word processor counts.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::{
    Limits, Refusal,
    xml::{self, Step, Xml},
};

/// Levels of a list.
const LEVELS: usize = 9;
/// Letters of a Vietnamese list, where đ stands behind d and f, j, w, z are left out.
const VIETNAMESE: &str = "abcdđeghiklmnopqrstuvxy";

/// How a number is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Format {
    #[default]
    Decimal,
    /// With at least so many digits.
    Padded(usize),
    UpperRoman,
    LowerRoman,
    UpperLetter,
    LowerLetter,
    /// a, b, c, d, đ, e.
    Vietnamese,
    /// Written out by its author, one word for each number.
    Words(Vec<String>),
    Bullet,
    None,
}

/// A level of a list.
#[derive(Clone, Debug)]
struct Level {
    start: u32,
    format: Format,
    /// "%1.%2."
    text: String,
    /// Begins anew behind this level (counted from 1; 0: never). Absent: behind any outer one.
    restart: Option<usize>,
    /// Whether all numbers in its text are decimal.
    legal: bool,
    /// Whether nothing stands between the number and the text.
    tight: bool,
}

impl Default for Level {
    fn default() -> Self {
        Self {
            start: 1,
            format: Format::Decimal,
            text: String::new(),
            restart: None,
            legal: false,
            tight: false,
        }
    }
}

/// A definition that lists share.
#[derive(Clone, Debug, Default)]
struct Definition {
    levels: Vec<Option<Level>>,
    /// The style that holds the definition instead.
    style_link: Option<String>,
    /// The style that this is the definition of.
    own_style: Option<String>,
    /// Levels by the paragraph style that they number.
    styles: FxHashMap<String, usize>,
}

/// A list.
#[derive(Clone, Debug, Default)]
struct List {
    definition: u32,
    starts: [Option<u32>; LEVELS],
    levels: Vec<Option<Level>>,
}

/// All lists of a document, and how far each has counted.
#[derive(Debug, Default)]
pub struct Numbering {
    definitions: FxHashMap<u32, Definition>,
    lists: FxHashMap<u32, List>,
    counts: FxHashMap<u32, [Option<u32>; LEVELS]>,
    started: FxHashSet<(u32, usize)>,
}

/// What `numbering.xml` is inside of, while it is read.
#[derive(Default)]
struct Reading {
    definition: Option<(u32, Definition)>,
    list: Option<(u32, List)>,
    /// The level being overridden.
    over: usize,
    level: Option<(usize, Level)>,
}

impl Numbering {
    /// Reads `numbering.xml`.
    pub fn read(text: &str, limits: &Limits) -> Result<Self, Refusal> {
        let mut xml = Xml::new(text, "numbering.xml", limits);
        let mut numbering = Self::default();
        let mut reading = Reading::default();
        let mut open: Vec<String> = Vec::new();
        loop {
            match xml.step()? {
                Step::Start(start) => {
                    let name = start.local_name().as_ref().to_owned();
                    if matches!(name.as_str(), "pPr" | "rPr" | "Fallback") && reading.level.is_some() {
                        xml.skip()?;
                        continue;
                    }
                    reading.start(&name, &start);
                    open.push(name);
                }
                Step::End => {
                    if let Some(name) = open.pop() {
                        reading.end(&name, &mut numbering);
                    }
                }
                Step::Text(_) => {}
                Step::Eof => break,
            }
        }
        numbering.link();
        Ok(numbering)
    }

    /// Definitions that only point to a style take the levels of that style's definition.
    fn link(&mut self) {
        let owners: FxHashMap<String, u32> = self
            .definitions
            .iter()
            .filter_map(|(id, definition)| Some((definition.own_style.clone()?, *id)))
            .collect();
        let links: Vec<(u32, u32)> = self
            .definitions
            .iter()
            .filter_map(|(id, definition)| Some((*id, *owners.get(definition.style_link.as_ref()?)?)))
            .collect();
        for (from, to) in links {
            if let Some(target) = self.definitions.get(&to).cloned()
                && let Some(definition) = self.definitions.get_mut(&from)
            {
                definition.levels = target.levels;
            }
        }
    }

    /// The level that a list gives to paragraphs of a style.
    pub fn level_of_style(&self, list: u32, style: &str) -> Option<usize> {
        let definition = self.lists.get(&list)?.definition;
        self.definitions.get(&definition)?.styles.get(style).copied()
    }

    /// Counts a paragraph and gives its label, with the space behind it; None for a list that is not there or has no
    /// number on this level.
    pub fn next(&mut self, list_id: u32, level: usize) -> Option<String> {
        let level = level.min(LEVELS - 1);
        let list = self.lists.get(&list_id)?;
        let definition = self.definitions.get(&list.definition);
        let level_at = |at: usize| {
            let over = list.levels.get(at).and_then(Option::as_ref);
            over.or_else(|| definition?.levels.get(at)?.as_ref())
        };
        let own = level_at(level)?;
        let counts = self.counts.entry(list.definition).or_default();
        if let Some(start) = list.starts[level]
            && self.started.insert((list_id, level))
        {
            // The first paragraph of a list that begins anew.
            counts[level] = Some(start.wrapping_sub(1));
        }
        counts[level] = Some(counts[level].map_or(own.start, |count| count.wrapping_add(1)));
        for (deeper, count) in counts.iter_mut().enumerate().skip(level + 1) {
            let restart = level_at(deeper).and_then(|level| level.restart);
            if restart.is_none_or(|at| level < at) {
                *count = None;
            }
        }
        // Outer levels that no paragraph has counted yet stand at their start.
        for (outer, count) in counts.iter_mut().enumerate().take(level) {
            count.get_or_insert(level_at(outer).map_or(1, |level| level.start));
        }
        let label = own.label(level_at, counts);
        (!label.is_empty()).then(|| if own.tight { label } else { label + " " })
    }
}

impl Reading {
    fn start(&mut self, name: &str, start: &quick_xml::events::BytesStart<'_>) {
        let value = || xml::attribute(start, "val");
        let number = |name: &str| xml::attribute(start, name).and_then(|value| value.parse::<u32>().ok());
        match name {
            "abstractNum" => self.definition = number("abstractNumId").map(|id| (id, Definition::default())),
            "num" => self.list = number("numId").map(|id| (id, List::default())),
            "lvlOverride" => self.over = number("ilvl").unwrap_or(0) as usize,
            "lvl" => {
                let at = number("ilvl").unwrap_or(0) as usize;
                self.level = Some((at, Level::default()));
            }
            "abstractNumId" => {
                if let (Some((_, list)), Some(id)) = (&mut self.list, number("val")) {
                    list.definition = id;
                }
            }
            "startOverride" => {
                if let (Some((_, list)), Some(start)) = (&mut self.list, number("val"))
                    && let Some(slot) = list.starts.get_mut(self.over)
                {
                    *slot = Some(start);
                }
            }
            "numStyleLink" => {
                if let Some((_, definition)) = &mut self.definition {
                    definition.style_link = value().map(|id| id.into_owned());
                }
            }
            "styleLink" => {
                if let Some((_, definition)) = &mut self.definition {
                    definition.own_style = value().map(|id| id.into_owned());
                }
            }
            "pStyle" => {
                if let (Some((_, definition)), Some((at, _)), Some(style)) =
                    (&mut self.definition, &self.level, value())
                {
                    definition.styles.insert(style.into_owned(), *at);
                }
            }
            name => {
                if let Some((_, level)) = &mut self.level {
                    level.take(name, start);
                }
            }
        }
    }

    fn end(&mut self, name: &str, numbering: &mut Numbering) {
        match name {
            "lvl" => {
                let Some((at, level)) = self.level.take().filter(|(at, _)| *at < LEVELS) else {
                    return;
                };
                let levels = match (&mut self.list, &mut self.definition) {
                    (Some((_, list)), _) => &mut list.levels,
                    (None, Some((_, definition))) => &mut definition.levels,
                    (None, None) => return,
                };
                if levels.len() <= at {
                    levels.resize(at + 1, None);
                }
                levels[at] = Some(level);
            }
            "abstractNum" => {
                if let Some((id, definition)) = self.definition.take() {
                    numbering.definitions.insert(id, definition);
                }
            }
            "num" => {
                if let Some((id, list)) = self.list.take() {
                    numbering.lists.insert(id, list);
                }
            }
            _ => {}
        }
    }
}

impl Level {
    fn take(&mut self, name: &str, start: &quick_xml::events::BytesStart<'_>) {
        let value = xml::attribute(start, "val").unwrap_or_default();
        match name {
            "start" => self.start = value.parse().unwrap_or(1),
            "lvlText" => self.text = value.chars().take(64).collect(),
            "lvlRestart" => self.restart = value.parse().ok(),
            "isLgl" => self.legal = xml::is_on(start),
            "suff" => self.tight = value == "nothing",
            "numFmt" => {
                self.format = match &*value {
                    "decimalZero" => Format::Padded(2),
                    "upperRoman" => Format::UpperRoman,
                    "lowerRoman" => Format::LowerRoman,
                    "upperLetter" => Format::UpperLetter,
                    "lowerLetter" => Format::LowerLetter,
                    "bullet" => Format::Bullet,
                    "none" => Format::None,
                    "custom" => custom(&xml::attribute(start, "format").unwrap_or_default()),
                    _ => Format::Decimal,
                }
            }
            _ => {}
        }
    }

    fn label<'a>(&self, level_at: impl Fn(usize) -> Option<&'a Level>, counts: &[Option<u32>; LEVELS]) -> String {
        if self.format == Format::Bullet {
            return bullet(&self.text);
        }
        let mut out = String::new();
        let mut chars = self.text.chars().peekable();
        while let Some(c) = chars.next() {
            let level = match (c, chars.peek().and_then(|c| c.to_digit(10))) {
                ('%', Some(digit @ 1..)) => digit as usize - 1,
                _ => {
                    out.push(c);
                    continue;
                }
            };
            chars.next();
            let format = match level_at(level) {
                Some(level) if !self.legal => &level.format,
                _ => &Format::Decimal,
            };
            out.push_str(&format.write(counts.get(level).copied().flatten().unwrap_or(1)));
        }
        out.trim().to_owned()
    }
}

/// A format that its author spelled out: "001, 002, 003, ..." or "a, b, c, d, đ, ...".
fn custom(text: &str) -> Format {
    let words: Vec<String> = text
        .split(',')
        .map(|word| word.trim().chars().take(16).collect::<String>())
        .filter(|word| !word.is_empty() && !word.starts_with("..") && word != "…")
        .take(64)
        .collect();
    match words.first() {
        None => Format::Decimal,
        Some(first) if first.bytes().all(|b| b.is_ascii_digit()) => Format::Padded(first.len().min(9)),
        Some(_) if words.iter().any(|word| word == "đ") => Format::Vietnamese,
        Some(_) => Format::Words(words),
    }
}

/// A bullet as typed text has it: signs of symbol fonts are dashes here.
fn bullet(text: &str) -> String {
    match text.trim() {
        "+" => "+".to_owned(),
        "*" | "•" | "·" | "●" => "•".to_owned(),
        "–" | "—" => "–".to_owned(),
        _ => "-".to_owned(),
    }
}

impl Format {
    fn write(&self, count: u32) -> String {
        match self {
            Self::Decimal => count.to_string(),
            Self::Padded(width) => format!("{count:0width$}"),
            Self::UpperRoman => roman(count),
            Self::LowerRoman => roman(count).to_lowercase(),
            Self::UpperLetter => repeated(count, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            Self::LowerLetter => repeated(count, "abcdefghijklmnopqrstuvwxyz"),
            Self::Vietnamese => repeated(count, VIETNAMESE),
            Self::Words(words) => (count as usize)
                .checked_sub(1)
                .and_then(|at| words.get(at).cloned())
                .unwrap_or_else(|| count.to_string()),
            Self::Bullet | Self::None => String::new(),
        }
    }
}

/// A number as lists of HTML write it: "1", "a", "A", "i", "I".
pub fn number(kind: &str, count: u32) -> String {
    let format = match kind {
        "a" => Format::LowerLetter,
        "A" => Format::UpperLetter,
        "i" => Format::LowerRoman,
        "I" => Format::UpperRoman,
        _ => Format::Decimal,
    };
    format.write(count)
}

/// Letters in order; behind the last one they are doubled, as word processors do.
fn repeated(count: u32, letters: &str) -> String {
    let letters: Vec<char> = letters.chars().collect();
    let Some(at) = (count as usize).checked_sub(1) else {
        return count.to_string();
    };
    let letter = letters[at % letters.len()];
    let times = at / letters.len() + 1;
    if times > 8 {
        return count.to_string();
    }
    std::iter::repeat_n(letter, times).collect()
}

fn roman(count: u32) -> String {
    const DIGITS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if !(1..4000).contains(&count) {
        return count.to_string();
    }
    let (mut rest, mut out) = (count, String::new());
    for (size, digits) in DIGITS {
        while rest >= size {
            out.push_str(digits);
            rest -= size;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = r#"<w:numbering xmlns:w="w">
      <w:abstractNum w:abstractNumId="7">
        <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="upperRoman"/><w:pStyle w:val="Heading1"/><w:lvlText w:val="%1."/></w:lvl>
        <w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%2."/></w:lvl>
        <w:lvl w:ilvl="2"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:isLgl/><w:lvlText w:val="%1.%2.%3."/></w:lvl>
        <w:lvl w:ilvl="3"><w:numFmt w:val="custom" w:format="a, b, c, d, đ, ..."/><w:lvlText w:val="%4)"/></w:lvl>
        <w:lvl w:ilvl="4"><w:numFmt w:val="bullet"/><w:lvlText w:val=""/><w:rPr><w:start w:val="9"/></w:rPr></w:lvl>
      </w:abstractNum>
      <w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>
      <w:num w:numId="2"><w:abstractNumId w:val="7"/><w:lvlOverride w:ilvl="1"><w:startOverride w:val="1"/></w:lvlOverride></w:num>
    </w:numbering>"#;

    #[test]
    fn labels_count_as_the_word_processor_counts() {
        let mut numbering = Numbering::read(XML, &Limits::default()).unwrap();
        let mut labels = |steps: &[(u32, usize)]| -> Vec<String> {
            steps
                .iter()
                .map(|&(list, level)| numbering.next(list, level).unwrap_or_default())
                .collect()
        };
        assert_eq!(
            labels(&[(1, 0), (1, 1), (1, 1), (1, 2), (1, 0), (1, 1)]),
            ["I. ", "1. ", "2. ", "1.2.1. ", "II. ", "1. "]
        );
        // Another list of the same definition goes on, but where it begins anew.
        assert_eq!(labels(&[(2, 1), (2, 1), (2, 0)]), ["1. ", "2. ", "III. "]);
        assert_eq!(labels(&[(1, 3); 6]), ["a) ", "b) ", "c) ", "d) ", "đ) ", "e) "]);
        assert_eq!(labels(&[(1, 4), (9, 0)]), ["- ", ""]);
        assert_eq!(numbering.level_of_style(1, "Heading1"), Some(0));
    }
}
