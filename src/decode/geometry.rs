//! Words with places on pages to lines of text: what PDF and character recognition share.
//!
//! Words that stand level become rows; wide gaps divide a row into cells (the two columns of a
//! masthead, the columns of a table), which the text shows by tabs and bars. Lines that were broken
//! only for lack of room become one paragraph again, across pages, too: a line was broken for lack
//! of room when the first word of the next one would not have fitted.

use crate::document::{Document, Page as PageSpan, Span};

mod columns;
mod grid;
mod lines;
mod rows;
mod tables;

pub use rows::{is_signature, may_have_tables};

/// A word on a page; `y` grows downwards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Word {
    /// Left edge.
    pub x0: f32,
    /// Upper edge.
    pub y0: f32,
    /// Right edge.
    pub x1: f32,
    /// Lower edge.
    pub y1: f32,
    /// What it says.
    pub text: String,
    /// The block of the source it belongs to.
    pub block: u32,
    /// The line of the source it belongs to, unique on the page.
    pub line: u32,
    /// How sure character recognition is of it, in percent; absent for text that was not recognised.
    pub confidence: Option<f32>,
}

impl Word {
    fn height(&self) -> f32 {
        self.y1 - self.y0
    }

    fn middle(&self) -> f32 {
        (self.y0 + self.y1) / 2.0
    }
}

/// A page of words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Width, in the unit of the words.
    pub width: f32,
    /// Height, in the unit of the words.
    pub height: f32,
    /// The words, in the order of the source.
    pub words: Vec<Word>,
    /// The rules that are drawn on it, as far as they are known.
    pub rules: Vec<Rule>,
    /// How sure character recognition is, 0 to 100; absent for text that was not recognised.
    pub confidence: Option<u8>,
}

/// A straight line that is drawn on a page, level or upright.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rule {
    /// Left end.
    pub x0: f32,
    /// Upper end.
    pub y0: f32,
    /// Right end.
    pub x1: f32,
    /// Lower end.
    pub y1: f32,
}

impl Rule {
    /// Level for upright and the other way round.
    fn flipped(self) -> Self {
        Self {
            x0: self.y0,
            y0: self.x0,
            x1: self.y1,
            y1: self.x1,
        }
    }
}

/// What a line of a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Running text, headings, list items.
    Text,
    /// Cells side by side.
    Cells,
    /// A line of the left column of a masthead or closing.
    Left,
    /// A line of its right column.
    Right,
    /// The first line of a footnote.
    Note,
    /// The appearance of a digital signature, an "incoming" stamp: said in one line, out of the way.
    Stamp,
}

/// A line of a page, paragraphs not yet joined.
#[derive(Clone, Debug)]
struct Line {
    kind: Kind,
    text: String,
    /// Its cells, from the left; one where nothing divides it.
    cells: Vec<Cell>,
    /// The row of a ruled table that it is, if it is one.
    row: Option<Row>,
    x0: f32,
    x1: f32,
    y0: f32,
    y1: f32,
    /// Height of its usual words.
    size: f32,
    /// Width of its first word.
    first: f32,
}

/// A row of a ruled table.
#[derive(Clone, Debug)]
struct Row {
    /// The number of the table on its page.
    table: usize,
    cells: Vec<RowCell>,
}

/// A cell of such a row; its span lies in the text of the line.
#[derive(Clone, Copy, Debug)]
struct RowCell {
    span: (usize, usize),
    column: u32,
    columns: u32,
    continued: bool,
}

/// A cell of a line.
#[derive(Clone, Debug)]
struct Cell {
    text: String,
    x0: f32,
    x1: f32,
}

/// The text of the pages, and where each page begins and ends in it.
pub fn document(pages: &[Page], media_type: &'static str, encoding: &'static str) -> Document {
    let mut writer = lines::Writer::default();
    for (index, page) in pages.iter().enumerate() {
        let page_lines = rows::lines(page, index + 1);
        writer.page(page, page_lines);
    }
    let (text, starts, tables) = writer.finish();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let spans = pages
        .iter()
        .zip(starts.iter().zip(ends))
        .map(|(page, (&start, end))| PageSpan {
            span: Span::new(start, end.max(start)),
            confidence: page.confidence,
        });
    let spans = spans.collect();
    Document::new(text, media_type, encoding)
        .with_pages(spans)
        .with_tables(tables)
}

/// The value in the middle; 0 of nothing.
pub fn median(mut values: Vec<f32>) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    let (_, value, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    *value
}

/// Height of the usual words of a page, each counted as often as it has characters.
fn usual_height(words: &[Word]) -> f32 {
    let heights = words
        .iter()
        .flat_map(|word| std::iter::repeat_n(word.height(), word.text.chars().count().min(40)));
    median(heights.collect())
}

#[cfg(test)]
mod tests;
