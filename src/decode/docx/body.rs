//! The body of a document, its headers and its notes: paragraphs, runs, tables and text boxes.
//!
//! One pass over the elements with stacks of what is open, so that deep nesting costs no call stack.

use quick_xml::events::BytesStart;
use rustc_hash::FxHashMap;

use super::{
    numbering::Numbering,
    styles::{RunProperties, Styles, Theme},
};
use crate::decode::{
    Limits, Refusal,
    blocks::{self, Block, Cell, Paragraph, Table},
    encoding::Legacy,
    xml::{self, Step, Xml},
};

/// What all parts of a document share.
pub struct Parts<'a> {
    /// Its styles.
    pub styles: &'a Styles,
    /// The fonts of its theme.
    pub theme: Theme,
    /// Its limits.
    pub limits: &'a Limits,
}

/// Footnotes and endnotes by kind and id.
#[derive(Debug, Default)]
pub struct Notes {
    texts: FxHashMap<(char, String), String>,
}

impl Notes {
    /// Takes in the notes of a part.
    pub fn add(&mut self, kind: &str, notes: Vec<(String, String)>) {
        for (id, text) in notes {
            self.texts.insert((kind_letter(kind), id), text);
        }
    }
}

/// 'f' for footnotes, 'e' for endnotes.
fn kind_letter(kind: &str) -> char {
    kind.chars().next().unwrap_or('f')
}

/// What was read from a part.
#[derive(Debug, Default)]
pub struct Body {
    /// Its paragraphs and tables.
    pub blocks: Vec<Block>,
    /// Notes by id, for the parts that hold notes.
    pub notes: Vec<(String, String)>,
    /// The legacy encoding that a font told.
    pub legacy: Legacy,
}

impl Body {
    /// Reads a body or a header.
    pub fn read(
        text: &str,
        name: &'static str,
        parts: &Parts<'_>,
        numbering: &mut Numbering,
        notes: &Notes,
    ) -> Result<Self, Refusal> {
        let mut reader = Reader {
            xml: Xml::new(text, name, parts.limits),
            parts,
            numbering,
            notes,
            open: Vec::new(),
            containers: vec![Container::default()],
            paragraphs: Vec::new(),
            tables: Vec::new(),
            runs: Vec::new(),
            found: Body::default(),
            paragraph_count: 0,
            cell_count: 0,
            note_count: 0,
            bytes: 0,
        };
        reader.run()?;
        let mut found = reader.found;
        found.blocks = reader.containers.into_iter().next().unwrap_or_default().blocks;
        Ok(found)
    }

    /// Reads footnotes or endnotes.
    pub fn read_notes(
        text: &str,
        name: &'static str,
        parts: &Parts<'_>,
        numbering: &mut Numbering,
    ) -> Result<Self, Refusal> {
        Self::read(text, name, parts, numbering, &Notes::default())
    }
}

/// What an open element is, as far as its end matters.
#[derive(Debug)]
enum Open {
    Other,
    Paragraph,
    ParagraphProperties,
    Run,
    RunProperties,
    Text,
    Table,
    TableProperties,
    Row,
    RowProperties,
    Cell,
    CellProperties,
    TextBox,
    /// With its id; None for separators.
    Note(Option<String>),
    /// Whether one of its branches was taken.
    Alternatives(bool),
}

/// Something that holds paragraphs and tables: the body, a cell, a text box, a note.
#[derive(Debug, Default)]
struct Container {
    blocks: Vec<Block>,
    /// A paragraph whose mark was deleted: it goes on with the next one.
    pending: Option<Pending>,
}

/// A paragraph being read.
#[derive(Debug, Default)]
struct Pending {
    /// Text by the encoding that its font implies; neighbours of one encoding are one piece, since a letter of VNI may
    /// be split between runs.
    pieces: Vec<(Legacy, String)>,
    notes: Vec<String>,
    /// Text boxes anchored in it.
    boxes: Vec<Block>,
    style: Option<String>,
    list: (Option<u32>, Option<usize>),
    centred: Option<bool>,
    deleted_mark: bool,
}

#[derive(Debug, Default)]
struct TableBuilder {
    table: Table,
    ruled: Option<bool>,
    style: Option<String>,
    row: Vec<Cell>,
    column: u32,
    deleted_row: bool,
    cell: CellProperties,
}

#[derive(Debug, Default)]
struct CellProperties {
    columns: u32,
    continued: bool,
    /// Goes on with the cell to its left.
    joined: bool,
}

/// A run being read.
#[derive(Debug, Default)]
struct Run {
    own: RunProperties,
    style: Option<String>,
    /// With all that it takes from styles; computed when its first text comes.
    resolved: Option<RunProperties>,
}

struct Reader<'x, 'p> {
    xml: Xml<'x>,
    parts: &'p Parts<'p>,
    numbering: &'p mut Numbering,
    notes: &'p Notes,
    open: Vec<Open>,
    containers: Vec<Container>,
    paragraphs: Vec<Pending>,
    tables: Vec<TableBuilder>,
    runs: Vec<Run>,
    found: Body,
    paragraph_count: usize,
    cell_count: usize,
    note_count: usize,
    bytes: usize,
}

impl Reader<'_, '_> {
    fn run(&mut self) -> Result<(), Refusal> {
        loop {
            match self.xml.step()? {
                Step::Start(start) => {
                    let name = start.local_name().as_ref().to_owned();
                    match self.start(&name, &start) {
                        Some(open) => self.open.push(open),
                        None => self.xml.skip()?,
                    }
                    self.check()?;
                }
                Step::End => {
                    if let Some(open) = self.open.pop() {
                        self.end(open)?;
                    }
                }
                Step::Text(text) => {
                    if matches!(self.open.last(), Some(Open::Text)) {
                        self.text(&text);
                        self.check()?;
                    }
                }
                Step::Eof => return Ok(()),
            }
        }
    }

    /// Whether the text is within its limit; one note may be referred to again and again.
    fn check(&self) -> Result<(), Refusal> {
        let limit = self.parts.limits.max_text_bytes;
        if self.bytes > limit {
            return Err(Refusal::too_large(
                ("văn bản", "the text"),
                self.bytes,
                limit,
                "decode.max_text_bytes",
            ));
        }
        Ok(())
    }

    /// An element begins; None: it is passed over with all it holds.
    fn start(&mut self, name: &str, start: &BytesStart<'_>) -> Option<Open> {
        match self.open.last() {
            Some(Open::ParagraphProperties) => return self.paragraph_property(name, start),
            Some(Open::RunProperties) => return self.run_property(name, start),
            Some(Open::TableProperties | Open::RowProperties | Open::CellProperties) => {
                return self.table_property(name, start);
            }
            Some(Open::Alternatives(taken)) => {
                let taken = *taken;
                return self.branch(name, taken);
            }
            _ => {}
        }
        Some(match name {
            "p" => {
                let pending = self
                    .containers
                    .last_mut()
                    .and_then(|container| container.pending.take());
                self.paragraphs.push(Pending {
                    style: None,
                    list: (None, None),
                    centred: None,
                    deleted_mark: false,
                    ..pending.unwrap_or_default()
                });
                Open::Paragraph
            }
            "pPr" => Open::ParagraphProperties,
            "r" => {
                self.runs.push(Run::default());
                Open::Run
            }
            "rPr" if matches!(self.open.last(), Some(Open::Run)) => Open::RunProperties,
            "t" => Open::Text,
            "tbl" => {
                self.tables.push(TableBuilder::default());
                Open::Table
            }
            "tblPr" => Open::TableProperties,
            "tr" if matches!(self.open_table(), Some(Open::Table)) => Open::Row,
            "trPr" => Open::RowProperties,
            "tc" if matches!(self.open_table(), Some(Open::Row)) => {
                self.containers.push(Container::default());
                if let Some(table) = self.tables.last_mut() {
                    table.cell = CellProperties::default();
                }
                Open::Cell
            }
            "tcPr" => Open::CellProperties,
            "txbxContent" => {
                self.containers.push(Container::default());
                Open::TextBox
            }
            "footnote" | "endnote" => {
                let separator = xml::attribute(start, "type").is_some_and(|kind| kind != "normal");
                self.containers.push(Container::default());
                let id = xml::attribute(start, "id").map(|id| id.into_owned());
                Open::Note(id.filter(|_| !separator))
            }
            "AlternateContent" => Open::Alternatives(false),
            // What was deleted or moved away, old states, settings, and text that is read aloud above other text.
            "del" | "moveFrom" | "pPrChange" | "rPrChange" | "sectPr" | "sectPrChange" | "tblGrid" | "tblPrEx"
            | "sdtPr" | "rPr" | "rt" | "instrText" | "delText" | "delInstrText" | "tblPrChange" => return None,
            name => {
                self.mark(name, start);
                Open::Other
            }
        })
    }

    /// The innermost open table, row or cell.
    fn open_table(&self) -> Option<&Open> {
        self.open
            .iter()
            .rev()
            .find(|open| matches!(open, Open::Table | Open::Row | Open::Cell | Open::TextBox))
    }

    /// One branch of an alternative is taken: the first.
    fn branch(&mut self, name: &str, taken: bool) -> Option<Open> {
        if taken || !matches!(name, "Choice" | "Fallback") {
            return None;
        }
        if let Some(Open::Alternatives(taken)) = self.open.last_mut() {
            *taken = true;
        }
        Some(Open::Other)
    }

    fn paragraph_property(&mut self, name: &str, start: &BytesStart<'_>) -> Option<Open> {
        let paragraph = self.paragraphs.last_mut()?;
        let value = || xml::attribute(start, "val");
        match name {
            "pStyle" => paragraph.style = value().map(|style| style.into_owned()),
            "jc" => paragraph.centred = Some(value().as_deref() == Some("center")),
            "ilvl" => paragraph.list.1 = value().and_then(|level| level.parse().ok()),
            "numId" => paragraph.list.0 = value().and_then(|list| list.parse().ok()),
            "numPr" => return Some(Open::ParagraphProperties),
            // Of the paragraph's mark: whether it was deleted.
            "rPr" => return Some(Open::ParagraphProperties),
            "del" | "moveFrom" => paragraph.deleted_mark = true,
            _ => {}
        }
        None
    }

    fn run_property(&mut self, name: &str, start: &BytesStart<'_>) -> Option<Open> {
        let run = self.runs.last_mut()?;
        match name {
            "rStyle" => run.style = xml::attribute(start, "val").map(|style| style.into_owned()),
            name => run.own.read(name, start, self.parts.theme),
        }
        None
    }

    fn table_property(&mut self, name: &str, start: &BytesStart<'_>) -> Option<Open> {
        let table = self.tables.last_mut()?;
        let value = xml::attribute(start, "val");
        let number = || {
            value
                .as_deref()
                .and_then(|value| value.parse::<u32>().ok())
                .unwrap_or(0)
        };
        let drawn = !matches!(value.as_deref(), None | Some("nil" | "none"));
        match name {
            "tblStyle" => table.style = value.map(|style| style.into_owned()),
            "tblBorders" | "tcBorders" => {
                let whole = matches!(self.open.last(), Some(Open::TableProperties));
                return Some(if whole {
                    Open::TableProperties
                } else {
                    Open::CellProperties
                });
            }
            "insideV" | "insideH" if matches!(self.open.last(), Some(Open::TableProperties)) => {
                table.ruled = Some(drawn || table.ruled == Some(true));
            }
            // A cell ruled on its sides is one of a real table; a masthead has at most a line below.
            "left" | "right" | "start" | "end" if matches!(self.open.last(), Some(Open::CellProperties)) && drawn => {
                table.ruled = Some(true);
            }
            "gridSpan" => table.cell.columns = number(),
            "vMerge" => table.cell.continued = value.as_deref() != Some("restart"),
            "hMerge" => table.cell.joined = value.as_deref() != Some("restart"),
            "gridBefore" => table.column = table.column.saturating_add(number()),
            "del" => table.deleted_row = true,
            _ => {}
        }
        None
    }

    /// An element that stands for characters, or refers to a note.
    fn mark(&mut self, name: &str, start: &BytesStart<'_>) {
        if self.runs.is_empty() {
            return;
        }
        match name {
            "tab" | "ptab" => self.text("\t"),
            "br" | "cr" => self.text("\n"),
            "noBreakHyphen" => self.text("-"),
            // In TCVN3 the soft hyphen is the letter ư.
            "softHyphen" => self.text("\u{AD}"),
            "sym" => {
                let code = xml::attribute(start, "char").and_then(|code| u32::from_str_radix(&code, 16).ok());
                self.text(symbol(code.unwrap_or(0) & 0xFF));
            }
            "footnoteReference" | "endnoteReference" => self.note(name, start),
            _ => {}
        }
    }

    /// A reference to a note: its mark in the text, its text behind the paragraph.
    fn note(&mut self, name: &str, start: &BytesStart<'_>) {
        let id = xml::attribute(start, "id").unwrap_or_default().into_owned();
        let Some(text) = self.notes.texts.get(&(kind_letter(name), id)) else {
            return;
        };
        let custom = xml::attribute(start, "customMarkFollows").is_some_and(|value| value != "0" && value != "false");
        let Some(paragraph) = self.paragraphs.last_mut() else {
            return;
        };
        self.bytes = self.bytes.saturating_add(text.len());
        if custom {
            // Its author typed the mark, in the text and before the note.
            paragraph.notes.push(text.clone());
            return;
        }
        self.note_count += 1;
        let mark = superscript(&self.note_count.to_string());
        // The mark is glued to its word.
        if let Some((_, last)) = paragraph.pieces.last_mut() {
            last.truncate(last.trim_end_matches([' ', '\u{A0}']).len());
        }
        paragraph.push(Legacy::None, &mark);
        paragraph.notes.push(format!("{mark} {text}"));
    }

    fn text(&mut self, text: &str) {
        self.bytes = self.bytes.saturating_add(text.len());
        let (Some(paragraph), styles) = (self.paragraphs.last_mut(), self.parts.styles) else {
            return;
        };
        let properties = match self.runs.last_mut() {
            Some(run) => *run
                .resolved
                .get_or_insert_with(|| styles.run(run.own, run.style.as_deref(), paragraph.style.as_deref())),
            None => RunProperties::default(),
        };
        if properties.hidden == Some(true) {
            return;
        }
        let legacy = properties.font.unwrap_or_default();
        if legacy != Legacy::None {
            self.found.legacy = legacy;
        }
        let raised = properties.raised == Some(true) && text.bytes().all(|b| b.is_ascii_digit());
        match (raised, properties.capitals == Some(true)) {
            (true, _) => paragraph.push(Legacy::None, &superscript(text)),
            // Letters of TCVN3 have no capitals before they are decoded.
            (false, true) if legacy == Legacy::Tcvn3 => paragraph.push(Legacy::Tcvn3Capitals, text),
            (false, true) => paragraph.push(legacy, &legacy.decode(text).to_uppercase()),
            (false, false) => paragraph.push(legacy, text),
        }
    }

    fn end(&mut self, open: Open) -> Result<(), Refusal> {
        match open {
            Open::Run => {
                self.runs.pop();
            }
            Open::Paragraph => self.end_paragraph()?,
            Open::Cell => self.end_cell()?,
            Open::Row => self.end_row(),
            Open::Table => self.end_table(),
            Open::TextBox => {
                let blocks = self.pop_container();
                match self.paragraphs.last_mut() {
                    Some(paragraph) => paragraph.boxes.extend(blocks),
                    None => self.add(blocks),
                }
            }
            Open::Note(id) => {
                let blocks = self.pop_container();
                if let Some(id) = id {
                    // One line: a note of several paragraphs must not run into the text behind it.
                    let words: Vec<&str> = blocks
                        .iter()
                        .flat_map(Block::texts)
                        .flat_map(str::split_whitespace)
                        .collect();
                    self.found.notes.push((id, words.join(" ")));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn pop_container(&mut self) -> Vec<Block> {
        let Some(mut container) = self.containers.pop() else {
            return Vec::new();
        };
        if let Some(pending) = container.pending.take() {
            let (paragraph, boxes) = pending.finish(None);
            container.blocks.push(Block::Paragraph(paragraph));
            container.blocks.extend(boxes);
        }
        container.blocks
    }

    fn add(&mut self, blocks: Vec<Block>) {
        if let Some(container) = self.containers.last_mut() {
            container.blocks.extend(blocks);
        }
    }

    fn end_paragraph(&mut self) -> Result<(), Refusal> {
        let Some(paragraph) = self.paragraphs.pop() else {
            return Ok(());
        };
        self.paragraph_count += 1;
        if self.paragraph_count > self.parts.limits.max_paragraphs {
            return Err(Refusal::too_many(
                ("số đoạn văn", "the number of paragraphs is"),
                self.parts.limits.max_paragraphs,
                "decode.max_paragraphs",
            ));
        }
        if paragraph.deleted_mark {
            if let Some(container) = self.containers.last_mut() {
                container.pending = Some(paragraph);
            }
            return Ok(());
        }
        let style = self.parts.styles.of_paragraph(paragraph.style.as_deref());
        let list = paragraph.list.0.or_else(|| style.and_then(|style| style.list.0));
        let label = list.filter(|&list| list != 0).and_then(|list| {
            let by_style = || self.numbering.level_of_style(list, paragraph.style.as_deref()?);
            let level = paragraph
                .list
                .1
                .or_else(by_style)
                .or_else(|| style.and_then(|style| style.list.1));
            self.numbering.next(list, level.unwrap_or(0))
        });
        let centred = paragraph.centred.or_else(|| style.and_then(|style| style.centred)) == Some(true);
        let tabular = style.is_some_and(|style| style.contents);
        let (mut paragraph, boxes) = paragraph.finish(label);
        (paragraph.centred, paragraph.tabular) = (centred, tabular);
        self.add(vec![Block::Paragraph(paragraph)]);
        self.add(boxes);
        Ok(())
    }

    fn end_cell(&mut self) -> Result<(), Refusal> {
        let blocks = self.pop_container();
        let Some(table) = self.tables.last_mut() else {
            return Ok(());
        };
        let properties = std::mem::take(&mut table.cell);
        let columns = properties.columns.max(1);
        self.cell_count = self.cell_count.saturating_add(columns as usize);
        if self.cell_count.saturating_add(table.column as usize) > self.parts.limits.max_cells {
            return Err(Refusal::too_many(
                ("số ô trong bảng", "the number of cells in tables is"),
                self.parts.limits.max_cells,
                "decode.max_cells",
            ));
        }
        let mut paragraphs = Vec::new();
        for block in blocks {
            match block {
                Block::Paragraph(paragraph) if paragraph.text.is_empty() && paragraph.notes.is_empty() => {}
                Block::Paragraph(paragraph) => paragraphs.push(paragraph),
                Block::Table(table) => paragraphs.extend(blocks::flatten(table)),
            }
        }
        match table.row.last_mut().filter(|_| properties.joined) {
            Some(left) => {
                left.columns += columns;
                left.paragraphs.extend(paragraphs);
            }
            None => table.row.push(Cell {
                // A cell that goes on with the one above shows nothing of its own.
                paragraphs: if properties.continued { Vec::new() } else { paragraphs },
                column: table.column,
                columns,
                continued: properties.continued,
            }),
        }
        table.column += columns;
        Ok(())
    }

    fn end_row(&mut self) {
        if let Some(table) = self.tables.last_mut() {
            let row = std::mem::take(&mut table.row);
            table.column = 0;
            if !std::mem::take(&mut table.deleted_row) && !row.is_empty() {
                table.table.rows.push(row);
            }
        }
    }

    fn end_table(&mut self) {
        let Some(builder) = self.tables.pop() else {
            return;
        };
        let styled = self
            .parts
            .styles
            .get(builder.style.as_deref())
            .and_then(|style| style.ruled);
        let mut table = builder.table;
        table.ruled = builder.ruled.or(styled) == Some(true);
        if !table.rows.is_empty() {
            self.add(vec![Block::Table(table)]);
        }
    }
}

impl Pending {
    fn push(&mut self, legacy: Legacy, text: &str) {
        match self.pieces.last_mut() {
            Some((last, piece)) if *last == legacy => piece.push_str(text),
            _ => self.pieces.push((legacy, text.to_owned())),
        }
    }

    /// The paragraph with its label, and the text boxes anchored in it.
    fn finish(self, label: Option<String>) -> (Paragraph, Vec<Block>) {
        let mut text = String::new();
        for (legacy, piece) in &self.pieces {
            text.push_str(&legacy.decode(piece));
        }
        if let Some(label) = label.filter(|_| !text.trim().is_empty()) {
            text.insert_str(0, &label);
        }
        if text.trim().is_empty() {
            text.clear();
        }
        let paragraph = Paragraph {
            text,
            notes: self.notes,
            ..Paragraph::default()
        };
        (paragraph, self.boxes)
    }
}

/// Digits as superscript ones.
pub fn superscript(digits: &str) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    digits
        .chars()
        .map(|c| c.to_digit(10).map_or(c, |digit| RAISED[digit as usize]))
        .collect()
}

/// A sign of a symbol font.
fn symbol(code: u32) -> &'static str {
    match code {
        0x2B => "+",
        0x2D => "-",
        0xA3 => "≤",
        0xB3 => "≥",
        0xB0 => "°",
        0xB1 => "±",
        0xB4 => "×",
        0xB7 | 0xA7 | 0x6C => "•",
        0xAE | 0xE0 | 0xF0 => "→",
        0xD8 => "-",
        0xFC => "✓",
        _ => " ",
    }
}
