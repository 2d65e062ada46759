//! The lines of pages as text: paragraphs joined, blank lines where there is space.

use super::{Kind, Line, Page, RowCell, grid, median};
use crate::{
    document::{Cell as DocumentCell, Row as DocumentRow, Span, Table},
    extract::layout::is_upper,
};

/// A line so many times as far below the one above as usual begins something new.
const SPACED: f32 = 1.28;
/// From here on a line that stands alone on the right is a cell of a right-hand column.
const FAR_RIGHT: f32 = 0.42;
/// So many spaces say so.
const INDENT: &str = "                                        ";

/// Writes the lines of pages, one page after the other.
#[derive(Default)]
pub struct Writer {
    text: String,
    /// Where each page begins.
    starts: Vec<usize>,
    /// The last line of running text, and the margins of its page, while it may go on.
    open: Option<(Line, Margins)>,
    /// Footnotes that wait for the end of the paragraph that goes on behind them.
    waiting: String,
    tables: Vec<Table>,
    /// The last row of a table, and its page, while nothing was written behind it.
    in_table: Option<(Line, usize)>,
}

/// Left and right edge of the running text of a page, and the distance of its lines.
#[derive(Clone, Copy, Debug)]
struct Margins {
    left: f32,
    right: f32,
    pitch: f32,
}

impl Margins {
    fn of(page: &Page, lines: &[Line]) -> Self {
        let text = || {
            lines
                .iter()
                .filter(|line| line.kind == Kind::Text && line.text.len() > 30)
        };
        let mut rights: Vec<f32> = text().map(|line| line.x1).collect();
        rights.sort_by(f32::total_cmp);
        let right = rights.get(rights.len() * 9 / 10).copied().unwrap_or(page.width);
        let mut lefts: Vec<f32> = text().map(|line| line.x0).collect();
        lefts.sort_by(f32::total_cmp);
        let left = lefts.get(lefts.len() / 10).copied().unwrap_or(0.0);
        let pitches = lines
            .windows(2)
            .filter(|two| two.iter().all(|line| line.kind == Kind::Text))
            .map(|two| two[1].y1 - two[0].y1)
            .collect();
        Self {
            left,
            right,
            pitch: median(pitches),
        }
    }
}

impl Writer {
    /// Writes a page.
    pub fn page(&mut self, page: &Page, lines: Vec<Line>) {
        let margins = Margins::of(page, &lines);
        let notes = notes_start(&lines, page);
        let (body, notes) = lines.split_at(notes);
        let mut above: Option<&Line> = None;
        self.starts.push(self.text.len());
        let first_page = self.starts.len() == 1;
        for (index, line) in body.iter().enumerate() {
            if above.is_none() && self.is_of_row_before(line) {
                continue;
            }
            let joined = match (above, self.open.take()) {
                (Some(above), Some((open, _))) => goes_on(&open, line, above, margins).then_some(open),
                // Across the page break: what stood last on the page before.
                (None, Some((open, before))) => continues(&open, line, before, margins).then_some(open),
                _ => None,
            };
            match joined {
                Some(open) => self.join(&open, line),
                None => self.begin(line, above, page, margins, first_page && index == 0),
            }
            if line.kind == Kind::Text || line.kind == Kind::Note {
                self.open = Some((line.clone(), margins));
            }
            above = Some(line);
        }
        self.notes(notes, margins);
    }

    /// The footnotes at the foot of a page; they wait where a paragraph goes on behind them.
    fn notes(&mut self, notes: &[Line], margins: Margins) {
        let mut above: Option<&Line> = None;
        for line in notes {
            let goes_on = line.kind != Kind::Note && above.is_some_and(|above| wrapped(above, line, margins));
            self.waiting.push(if goes_on { ' ' } else { '\n' });
            self.waiting.push_str(&line.text);
            above = Some(line);
        }
        if self.open.is_none() {
            self.flush_notes();
        }
    }

    fn flush_notes(&mut self) {
        let notes = std::mem::take(&mut self.waiting);
        let notes = if self.text.is_empty() {
            notes.trim_start()
        } else {
            &notes
        };
        self.text.push_str(notes);
    }

    fn join(&mut self, open: &Line, line: &Line) {
        if !is_cut_symbol(&open.text) {
            self.text.push(' ');
        }
        self.text.push_str(&line.text);
    }

    fn begin(&mut self, line: &Line, above: Option<&Line>, page: &Page, margins: Margins, first: bool) {
        self.flush_notes();
        if !first && !self.text.is_empty() {
            self.text.push('\n');
        }
        let at_top = above.is_none();
        if at_top && let Some(start) = self.starts.last_mut() {
            *start = self.text.len();
        }
        if above.is_some_and(|above| is_apart(above, line, margins)) {
            self.text.push('\n');
        }
        let alone =
            line.kind == Kind::Text && line.x0 > page.width * FAR_RIGHT && line.x0 > margins.left + 4.0 * line.size;
        if alone || line.kind == Kind::Right {
            self.text.push_str(INDENT);
        }
        let start = self.text.len();
        self.text.push_str(&line.text);
        self.row(line, start, self.starts.len());
    }

    /// Notes the row of a table that was written from an offset on, for a page. A table goes on over the page break.
    fn row(&mut self, line: &Line, start: usize, page: usize) {
        let before = self.in_table.take();
        let Some(row) = &line.row else {
            return;
        };
        let goes_on = before.is_some_and(|(before, on)| {
            let table = before.row.as_ref().map_or(usize::MAX, |row| row.table);
            (on, table) == (page, row.table) || (on + 1 == page && row.table == 0 && width(&before) == width(line))
        });
        let cell = |cell: &RowCell| DocumentCell {
            span: Span::new(start + cell.span.0, start + cell.span.1),
            column: cell.column,
            columns: cell.columns,
            continued: cell.continued,
        };
        let span = Span::new(start, self.text.len());
        let cells = row.cells.iter().map(cell).collect();
        match self.tables.last_mut().filter(|_| goes_on) {
            Some(table) => {
                table.span = table.span.join(span);
                table.rows.push(DocumentRow { span, cells });
            }
            None => self.tables.push(Table {
                span,
                rows: vec![DocumentRow { span, cells }],
            }),
        }
        self.in_table = Some((line.clone(), page));
    }

    /// At the top of a page, a row that repeats the headings of a table that goes on, or is the rest of its last row, is
    /// none of its own.
    fn is_of_row_before(&mut self, line: &Line) -> bool {
        let page = self.starts.len();
        let Some((before, _)) = self.in_table.as_ref().filter(|(_, on)| on + 1 == page) else {
            return false;
        };
        if !self.waiting.is_empty() || line.row.as_ref().is_none_or(|row| row.table != 0) {
            return false;
        }
        let first = self.tables.last().and_then(|table| table.rows.first());
        if first.is_some_and(|first| first.span.of(&self.text) == line.text) {
            return true;
        }
        let Some(whole) = grid::joined_rows(before, line) else {
            return false;
        };
        let table = self.tables.last_mut();
        let Some(row) = table.and_then(|table| table.rows.pop()) else {
            return false;
        };
        let start = row.span.start as usize;
        self.text.truncate(start);
        self.text.push_str(&whole.text);
        self.in_table = Some((whole.clone(), page - 1));
        self.row(&whole, start, page - 1);
        if let Some(start) = self.starts.last_mut() {
            *start = self.text.len();
        }
        true
    }

    /// The text, where each page begins, and the tables.
    pub fn finish(mut self) -> (String, Vec<usize>, Vec<Table>) {
        self.flush_notes();
        (self.text, self.starts, self.tables)
    }
}

/// The number of columns of a row.
fn width(line: &Line) -> u32 {
    let cells = line.row.as_ref().map(|row| row.cells.as_slice());
    cells
        .and_then(<[RowCell]>::last)
        .map_or(0, |cell| cell.column + cell.columns)
}

/// Index of the first line of the footnotes at the foot of a page.
fn notes_start(lines: &[Line], page: &Page) -> usize {
    let mut start = lines.len();
    for (index, line) in lines.iter().enumerate().rev() {
        match line.kind {
            Kind::Note => start = index,
            Kind::Text if line.y0 > page.height * 0.2 => {}
            _ => break,
        }
    }
    // All that follows the first note must be as small as it is.
    let small = lines.get(start).map_or(0.0, |line| line.size * 1.12);
    match lines[start..].iter().all(|line| line.size <= small) {
        true => start,
        false => lines.len(),
    }
}

/// Whether a line goes on with the paragraph of the line above it on the same page.
fn goes_on(open: &Line, line: &Line, above: &Line, margins: Margins) -> bool {
    let pitch = line.y1 - above.y1;
    let usual = if margins.pitch > 0.0 {
        margins.pitch
    } else {
        line.size * 1.3
    };
    line.kind == Kind::Text && open.kind != Kind::Stamp && pitch < SPACED * usual && wrapped(open, line, margins)
}

/// Whether the line at the top of a page goes on with the paragraph at the foot of the one before.
fn continues(open: &Line, line: &Line, before: Margins, margins: Margins) -> bool {
    // In the margins of the new page: odd and even pages may stand apart.
    let shift = margins.left - before.left;
    let mut moved = open.clone();
    moved.x0 += shift;
    moved.x1 += margins.right - before.right;
    line.kind == Kind::Text && open.kind == Kind::Text && wrapped(&moved, line, margins)
}

/// Whether a line was broken for lack of room and the other goes on with it.
fn wrapped(open: &Line, line: &Line, margins: Margins) -> bool {
    let size = open.size.max(line.size).max(1.0);
    let alike = (open.size - line.size).abs() < 0.25 * size;
    let fits = open.x1 + 0.25 * size + line.first < margins.right - 0.2 * size;
    // Back at the margin, or hanging below the text of a list's item.
    let at_margin = line.x0 < margins.left + 0.7 * size;
    let hanging = line.x0 > open.x0 + 0.5 * size && line.x0 < open.x0 + 3.5 * size && begins_item(&open.text);
    let level =
        (line.x0 - open.x0).abs() < 0.25 * size && !begins_item(&open.text) && open.x0 < margins.left + 3.0 * size;
    let placed = at_margin || hanging || level;
    alike && !fits && placed && !begins_dash(&line.text) && is_upper(&open.text) == is_upper(&line.text)
}

/// Whether a line begins with a dash or a short label.
fn begins_item(text: &str) -> bool {
    let first = text.split(' ').next().unwrap_or_default();
    begins_dash(text) || (first.len() <= 5 && first.ends_with(['.', ')', '/']))
}

fn begins_dash(text: &str) -> bool {
    ["- ", "– ", "+ ", "• "].iter().any(|dash| text.starts_with(dash))
}

/// Whether there is more than the usual space between two lines, or centred lines end.
fn is_apart(above: &Line, line: &Line, margins: Margins) -> bool {
    let usual = margins.pitch.max(line.size);
    let far = line.y1 - above.y1 > 1.5 * usual;
    let middle = (margins.left + margins.right) / 2.0;
    let centred = |line: &Line| {
        let wide = 0.03 * (margins.right - margins.left);
        ((line.x0 + line.x1) / 2.0 - middle).abs() < wide && line.x0 > margins.left + 0.5 * line.size
    };
    let indented = |line: &Line| line.x0 < margins.left + 4.0 * line.size && line.x1 > margins.right - line.size;
    let rows = above.kind == Kind::Cells && line.kind == Kind::Cells;
    (far && !rows) || (above.kind == Kind::Text && centred(above) && !centred(line) && indented(line))
}

/// Whether a line ends inside a symbol that the line break cut: "131/QĐ-".
pub fn is_cut_symbol(text: &str) -> bool {
    let last = text.rsplit(' ').next().unwrap_or_default();
    last.ends_with(['-', '/']) && last.contains('/') && last.starts_with(|c: char| c.is_ascii_digit())
}
