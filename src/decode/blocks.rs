//! Paragraphs and tables, as structured formats have them, written as the text of a [`Document`].
//!
//! The text reads like a report typed as plain text: paragraphs with a blank line between them, masthead and signature
//! tables column by column, other tables a row a line with bars between cells, footnotes below the paragraph that
//! refers to them.

use unicode_normalization::UnicodeNormalization;

use super::{Limits, Refusal, RefusalReason};
use crate::document::{Cell as DocumentCell, Document, Row as DocumentRow, Span, Table as DocumentTable};

/// A piece of a document.
#[derive(Debug)]
pub enum Block {
    /// A paragraph, perhaps empty.
    Paragraph(Paragraph),
    /// A table.
    Table(Table),
}

impl Block {
    /// A paragraph of this text.
    pub fn paragraph(text: String) -> Self {
        Self::Paragraph(Paragraph {
            text,
            ..Paragraph::default()
        })
    }

    /// The texts in it, of footnotes as well.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let (single, table) = match self {
            Self::Paragraph(paragraph) => (Some(paragraph), None),
            Self::Table(table) => (None, Some(table)),
        };
        let paragraphs = single.into_iter().chain(table.into_iter().flat_map(table_paragraphs));
        paragraphs
            .flat_map(|paragraph| std::iter::once(&*paragraph.text).chain(paragraph.notes.iter().map(String::as_str)))
    }

    /// The texts in it, to change.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let (single, table) = match self {
            Self::Paragraph(paragraph) => (Some(paragraph), None),
            Self::Table(table) => (None, Some(table)),
        };
        let cells = table.into_iter().flat_map(|table| table.rows.iter_mut().flatten());
        let paragraphs = single
            .into_iter()
            .chain(cells.flat_map(|cell| cell.paragraphs.iter_mut()));
        paragraphs.flat_map(|paragraph| std::iter::once(&mut paragraph.text).chain(paragraph.notes.iter_mut()))
    }
}

/// A paragraph.
#[derive(Clone, Debug, Default)]
pub struct Paragraph {
    /// Its text; a line break within it is `\n`, a tab stop `\t`.
    pub text: String,
    /// Whether it is centred.
    pub centred: bool,
    /// Whether its tabs divide columns for sure, as in a table of contents.
    pub tabular: bool,
    /// The footnotes it refers to, each with its mark.
    pub notes: Vec<String>,
}

/// A table.
#[derive(Debug, Default)]
pub struct Table {
    /// Its rows, from the top.
    pub rows: Vec<Vec<Cell>>,
    /// Whether lines are drawn between its cells.
    pub ruled: bool,
}

/// A cell of a table.
#[derive(Debug, Default)]
pub struct Cell {
    /// What stands in it; tables within are rows of text by now.
    pub paragraphs: Vec<Paragraph>,
    /// Its first column.
    pub column: u32,
    /// How many columns it covers.
    pub columns: u32,
    /// Whether it goes on with the cell above.
    pub continued: bool,
}

impl Cell {
    /// Its text on one line.
    fn line(&self) -> String {
        let mut out = String::new();
        for word in self
            .paragraphs
            .iter()
            .flat_map(|paragraph| paragraph.text.split_whitespace())
        {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(word);
        }
        out
    }
}

/// What type words begin the title.
const TYPES: [&str; 8] = [
    "BÁO CÁO",
    "TỜ TRÌNH",
    "KẾ HOẠCH",
    "THÔNG BÁO",
    "NGHỊ QUYẾT",
    "QUYẾT ĐỊNH",
    "CHỈ THỊ",
    "KẾT LUẬN",
];
/// A table with more rows is no masthead and no signature block.
const MAX_LAYOUT_ROWS: usize = 40;
/// The type word is looked for in so many blocks.
const MASTHEAD_BLOCKS: usize = 80;

/// Tidies the text of a paragraph: NFC, invisible characters dropped, odd spaces and hyphens as plain ones, no space at
/// the edges.
pub fn tidy(text: &str) -> String {
    let plain = |c: char| match c {
        '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => Some(' '),
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}' => None,
        '\u{2010}' | '\u{2011}' => Some('-'),
        '\n' | '\t' => Some(c),
        c if c.is_control() => None,
        c => Some(c),
    };
    let text: String = text.chars().filter_map(plain).nfc().collect();
    let mut out = String::with_capacity(text.len());
    for line in text.split('\n').map(str::trim) {
        if !line.is_empty() {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(line);
        }
    }
    out
}

/// Tidies blocks and writes them as a document.
pub fn write(
    mut blocks: Vec<Block>,
    media_type: &'static str,
    encoding: &'static str,
    limits: &Limits,
) -> Result<Document, Refusal> {
    for text in blocks.iter_mut().flat_map(Block::texts_mut) {
        *text = tidy(text);
    }
    let blocks = blocks.as_slice();
    let mut writer = Writer {
        out: String::new(),
        tables: Vec::new(),
        limit: limits.max_text_bytes,
    };
    let type_at = blocks
        .iter()
        .take(MASTHEAD_BLOCKS)
        .position(|block| matches!(block, Block::Paragraph(paragraph) if is_type_word(&paragraph.text)));
    let mut closing = false;
    let mut above: Option<&Paragraph> = None;
    for (at, block) in blocks.iter().enumerate() {
        let masthead = type_at.map_or(at < 12, |type_at| at < type_at);
        match block {
            Block::Paragraph(paragraph) if paragraph.text.is_empty() && paragraph.notes.is_empty() => above = None,
            Block::Paragraph(paragraph) => {
                closing |= is_recipients(&paragraph.text);
                let tabs = masthead || closing || keeps_tabs(blocks, at);
                let joined = above.is_some_and(|above| above.centred && paragraph.centred && above.notes.is_empty());
                writer.paragraph(paragraph, tabs, joined)?;
                above = Some(paragraph);
            }
            Block::Table(table) => {
                match shape(table, masthead) {
                    Shape::Columns => {
                        writer.columns(table)?;
                        closing |= table_paragraphs(table).any(|paragraph| is_recipients(&paragraph.text));
                    }
                    Shape::Box => writer.boxed(table)?,
                    Shape::Rows => writer.rows(table)?,
                }
                above = None;
            }
        }
    }
    writer.finish(media_type, encoding)
}

/// Whether a paragraph begins with the type of the document, in capitals.
fn is_type_word(text: &str) -> bool {
    TYPES.iter().any(|word| text.starts_with(word))
}

/// Whether a paragraph begins the list of recipients.
fn is_recipients(text: &str) -> bool {
    text.trim_start_matches(['*', '_'])
        .to_lowercase()
        .starts_with("nơi nhận")
}

/// Whether the tabs in a paragraph of running text divide columns: a paragraph beside it has as many, or all between
/// them is in capitals.
fn keeps_tabs(blocks: &[Block], at: usize) -> bool {
    let tabs = |at: Option<usize>| match at.and_then(|at| blocks.get(at)) {
        Some(Block::Paragraph(paragraph)) => inner_tabs(&paragraph.text),
        _ => 0,
    };
    let Some(Block::Paragraph(paragraph)) = blocks.get(at) else {
        return false;
    };
    let own = tabs(Some(at));
    if own == 0 {
        return false;
    }
    paragraph.tabular
        || (own > 1 && (tabs(at.checked_sub(1)) == own || tabs(Some(at + 1)) == own))
        || !paragraph.text.chars().any(char::is_lowercase)
}

/// Number of tabs, the one behind a label not counted.
fn inner_tabs(text: &str) -> usize {
    let label = text
        .find('\t')
        .is_some_and(|at| at <= 10 && text[..at].ends_with(['.', ')', '-', '/']));
    text.matches('\t').count() - usize::from(label)
}

/// How a table is written.
enum Shape {
    /// A masthead or signatures: column by column.
    Columns,
    /// A frame around text: its paragraphs.
    Box,
    /// A table of rows.
    Rows,
}

fn shape(table: &Table, masthead: bool) -> Shape {
    let filled = |row: &Vec<Cell>| row.iter().filter(|cell| !cell.line().is_empty()).count();
    let widest = table.rows.iter().map(filled).max().unwrap_or(0);
    let columns = table.rows.iter().map(Vec::len).max().unwrap_or(0);
    if widest <= 1 && (columns <= 1 || table.rows.len() == 1) {
        return Shape::Box;
    }
    let marked = table_paragraphs(table).any(|paragraph| marks_layout(&paragraph.text, masthead));
    if marked && columns <= 4 && table.rows.len() <= MAX_LAYOUT_ROWS {
        return Shape::Columns;
    }
    let several = table.rows.iter().flatten().any(|cell| cell.paragraphs.len() > 1);
    let small = columns <= 3 && table.rows.len() <= 6;
    if !table.ruled && ((masthead && columns <= 4) || (several && small)) {
        return Shape::Columns;
    }
    Shape::Rows
}

/// Whether a paragraph is one of a masthead or of signatures.
fn marks_layout(text: &str, masthead: bool) -> bool {
    const AUTHORITIES: [&str; 7] = ["TM.", "KT.", "TL.", "TUQ.", "T/M", "K/T", "T/L"];
    let authority = AUTHORITIES.iter().any(|start| text.starts_with(start)) && !text.chars().any(char::is_lowercase);
    // In a table of documents numbers stand, too.
    let number = masthead && text.starts_with("Số") && text.contains('/') && text.len() < 80;
    authority || number || is_motto(text) || is_recipients(text)
}

/// Whether a text begins with the national motto or the Party's name.
fn is_motto(text: &str) -> bool {
    const MOTTOS: [&str; 3] = ["CỘNG HÒA XÃ HỘI", "CỘNG HOÀ XÃ HỘI", "ĐẢNG CỘNG SẢN VIỆT NAM"];
    let start: String = text.chars().take(40).flat_map(char::to_uppercase).collect();
    MOTTOS.iter().any(|motto| start.starts_with(motto))
}

fn table_paragraphs(table: &Table) -> impl Iterator<Item = &Paragraph> {
    table.rows.iter().flatten().flat_map(|cell| &cell.paragraphs)
}

/// A table inside a cell, as paragraphs of the cell.
pub fn flatten(table: Table) -> Vec<Paragraph> {
    match shape(&table, false) {
        Shape::Rows => table
            .rows
            .iter()
            .map(|row| Paragraph {
                text: row.iter().map(Cell::line).collect::<Vec<_>>().join(" | "),
                notes: row
                    .iter()
                    .flat_map(|cell| &cell.paragraphs)
                    .flat_map(|paragraph| paragraph.notes.iter().cloned())
                    .collect(),
                ..Paragraph::default()
            })
            .collect(),
        Shape::Columns | Shape::Box => by_column(table),
    }
}

/// The paragraphs of a table, column by column.
fn by_column(table: Table) -> Vec<Paragraph> {
    let mut cells: Vec<Cell> = table
        .rows
        .into_iter()
        .flatten()
        .filter(|cell| !cell.continued)
        .collect();
    cells.sort_by_key(|cell| cell.column);
    cells.into_iter().flat_map(|cell| cell.paragraphs).collect()
}

struct Writer {
    out: String,
    tables: Vec<DocumentTable>,
    limit: usize,
}

impl Writer {
    /// Begins a new line, a blank one before it unless it belongs to the line above.
    fn break_line(&mut self, joined: bool) {
        if !self.out.is_empty() {
            self.out.push_str(if joined { "\n" } else { "\n\n" });
        }
    }

    fn paragraph(&mut self, paragraph: &Paragraph, tabs: bool, joined: bool) -> Result<(), Refusal> {
        if !paragraph.text.is_empty() {
            self.break_line(joined);
            if tabs || !paragraph.text.contains('\t') {
                self.out.push_str(&paragraph.text);
            } else {
                self.out.push_str(&paragraph.text.replace('\t', " "));
            }
        }
        self.notes(&paragraph.notes)
    }

    fn notes(&mut self, notes: &[String]) -> Result<(), Refusal> {
        for note in notes.iter().filter(|note| !note.is_empty()) {
            self.break_line(false);
            self.out.push_str(note);
        }
        self.check()
    }

    fn columns(&mut self, table: &Table) -> Result<(), Refusal> {
        let mut cells: Vec<&Cell> = table.rows.iter().flatten().filter(|cell| !cell.continued).collect();
        cells.sort_by_key(|cell| cell.column);
        let mut column = None;
        for cell in cells {
            for paragraph in cell.paragraphs.iter().filter(|paragraph| !paragraph.text.is_empty()) {
                self.paragraph(paragraph, true, column == Some(cell.column))?;
                column = Some(cell.column);
            }
        }
        Ok(())
    }

    fn boxed(&mut self, table: &Table) -> Result<(), Refusal> {
        table_paragraphs(table).try_for_each(|paragraph| self.paragraph(paragraph, false, false))
    }

    fn rows(&mut self, table: &Table) -> Result<(), Refusal> {
        let mut rows = Vec::new();
        for row in &table.rows {
            let lines: Vec<String> = row
                .iter()
                .map(|cell| if cell.continued { String::new() } else { cell.line() })
                .collect();
            if lines.iter().all(String::is_empty) {
                continue;
            }
            self.break_line(!rows.is_empty());
            rows.push(self.row(row, &lines));
            self.check()?;
        }
        if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
            let span = first.span.join(last.span);
            self.tables.push(DocumentTable { span, rows });
        }
        for paragraph in table_paragraphs(table) {
            self.notes(&paragraph.notes)?;
        }
        Ok(())
    }

    /// Writes the cells of a row. An empty column stands as an empty cell, so that columns stay in line; a row of one
    /// cell has a bar as well, so that it is known as a row.
    fn row(&mut self, row: &[Cell], lines: &[String]) -> DocumentRow {
        let start = self.out.len();
        let mut cells = Vec::with_capacity(row.len());
        let mut bars = 0;
        for (cell, line) in row.iter().zip(lines) {
            self.bars(start, &mut bars, cell.column);
            if self.out.len() > start && !line.is_empty() {
                self.out.push(' ');
            }
            let from = self.out.len();
            self.out.push_str(line);
            cells.push(DocumentCell {
                span: Span::new(from, self.out.len()),
                column: cell.column,
                columns: cell.columns.max(1),
                continued: cell.continued,
            });
        }
        let columns = row.last().map_or(0, |cell| cell.column + cell.columns.max(1));
        self.bars(start, &mut bars, columns.saturating_sub(1).max(1));
        DocumentRow {
            span: Span::new(start, self.out.len()),
            cells,
        }
    }

    /// Writes bars up to a number of them.
    fn bars(&mut self, start: usize, bars: &mut u32, until: u32) {
        while *bars < until {
            self.out.push_str(if self.out.len() == start { "|" } else { " |" });
            *bars += 1;
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.out.len() > self.limit {
            return Err(Refusal::too_large(
                ("văn bản", "the text"),
                self.out.len(),
                self.limit,
                "decode.max_text_bytes",
            ));
        }
        Ok(())
    }

    fn finish(mut self, media_type: &'static str, encoding: &'static str) -> Result<Document, Refusal> {
        if self.out.trim().is_empty() {
            return Err(Refusal::new(
                RefusalReason::Empty,
                "tài liệu không có nội dung chữ",
                "the document holds no text",
            ));
        }
        self.out.push('\n');
        self.check()?;
        Ok(Document::new(self.out, media_type, encoding).with_tables(self.tables))
    }
}
