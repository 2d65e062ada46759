//! Tables whose cells are ruled off: what stands between the same rules is one cell, however its lines were broken.

use super::{Cell, Kind, Line, Page, Row, RowCell, Rule, Word, lines::is_cut_symbol, median, rows};

/// Rules so near to each other, in points, are one; so near to a crossing one they touch it.
const NEAR: f32 = 2.0;
/// Two rules in line with so small a gap are one.
const GAP: f32 = 3.0;
/// More rules than this are a drawing.
const MAX_RULES: usize = 2000;
/// More cells than this are no table of a report.
const MAX_CELLS: usize = 20_000;
/// What only mastheads and closings say; theirs are columns, not cells.
const NO_TABLE: [&str; 4] = [
    "CỘNG HÒA XÃ HỘI",
    "CỘNG HOÀ XÃ HỘI",
    "ĐẢNG CỘNG SẢN VIỆT NAM",
    "Nơi nhận",
];

/// Takes the words out of a page's words that stand in ruled tables; the tables' rows, as lines, from the top.
pub fn take_tables(page: &Page, words: &mut Vec<Word>) -> Vec<Line> {
    let mut out = Vec::new();
    for (number, grid) in grids(&page.rules).into_iter().enumerate() {
        let (inside, outside): (Vec<Word>, Vec<Word>) =
            std::mem::take(words).into_iter().partition(|word| grid.holds(word));
        match grid.lines(inside, page, number) {
            Ok(lines) => {
                out.extend(lines);
                *words = outside;
            }
            Err(mut inside) => {
                // No table after all: the words go back to where they were.
                inside.extend(outside);
                inside.sort_by_key(|word| word.line);
                *words = inside;
            }
        }
    }
    out.sort_by(|a, b| a.y0.total_cmp(&b.y0));
    out
}

/// Rules that meet: where columns and rows begin and end, and which part of each rule is drawn.
#[derive(Debug)]
struct Grid {
    xs: Vec<f32>,
    ys: Vec<f32>,
    across: Vec<Rule>,
    down: Vec<Rule>,
}

/// Cells joined to one: first row and column, and those behind the last.
#[derive(Clone, Copy, Debug)]
struct Joined {
    top: usize,
    left: usize,
    bottom: usize,
    right: usize,
}

impl Grid {
    fn holds(&self, word: &Word) -> bool {
        self.place(word).is_some()
    }

    /// Row and column that the middle of a word stands in.
    fn place(&self, word: &Word) -> Option<(usize, usize)> {
        let between = |edges: &[f32], at: f32| {
            let index = edges.partition_point(|&edge| edge <= at);
            (index > 0 && index < edges.len()).then(|| index - 1)
        };
        let row = between(&self.ys, word.middle())?;
        let column = between(&self.xs, (word.x0 + word.x1) / 2.0)?;
        Some((row, column))
    }

    /// Whether a rule is drawn left of a column's cell in a row.
    fn is_divided(&self, row: usize, column: usize) -> bool {
        let middle = (self.ys[row] + self.ys[row + 1]) / 2.0;
        let x = self.xs[column];
        let drawn = |rule: &Rule| (rule.x0 - x).abs() <= NEAR && rule.y0 <= middle && middle <= rule.y1;
        self.down.iter().any(drawn)
    }

    /// Whether a rule is drawn above a row's cell in a column.
    fn is_parted(&self, row: usize, column: usize) -> bool {
        let middle = (self.xs[column] + self.xs[column + 1]) / 2.0;
        let y = self.ys[row];
        let drawn = |rule: &Rule| (rule.y0 - y).abs() <= NEAR && rule.x0 <= middle && middle <= rule.x1;
        self.across.iter().any(drawn)
    }

    /// The cells, each with those that are joined to it.
    fn cells(&self) -> Vec<Joined> {
        let (rows, columns) = (self.ys.len() - 1, self.xs.len() - 1);
        let mut taken = vec![false; rows * columns];
        let mut cells = Vec::new();
        for top in 0..rows {
            for left in 0..columns {
                if taken[top * columns + left] {
                    continue;
                }
                let free = |row: usize, column: usize| !taken[row * columns + column];
                let right = (left + 1..columns)
                    .find(|&column| self.is_divided(top, column) || !free(top, column))
                    .unwrap_or(columns);
                let open = |row: usize| {
                    (left..right).all(|column| !self.is_parted(row, column) && free(row, column))
                        && (left + 1..right).all(|column| !self.is_divided(row, column))
                };
                let bottom = (top + 1..rows).find(|&row| !open(row)).unwrap_or(rows);
                for row in top..bottom {
                    taken[row * columns + left..row * columns + right].fill(true);
                }
                cells.push(Joined {
                    top,
                    left,
                    bottom,
                    right,
                });
            }
        }
        cells
    }

    /// The rows as lines; the words where it is no table.
    fn lines(&self, words: Vec<Word>, page: &Page, number: usize) -> Result<Vec<Line>, Vec<Word>> {
        let (rows, columns) = (self.ys.len() - 1, self.xs.len() - 1);
        let cells = self.cells();
        let mut owner = vec![0; rows * columns];
        for (index, cell) in cells.iter().enumerate() {
            for row in cell.top..cell.bottom {
                owner[row * columns + cell.left..row * columns + cell.right].fill(index);
            }
        }
        let mut within: Vec<Vec<Word>> = vec![Vec::new(); cells.len()];
        for word in &words {
            if let Some((row, column)) = self.place(word) {
                within[owner[row * columns + column]].push(word.clone());
            }
        }
        let size = median(words.iter().map(Word::height).collect());
        let texts: Vec<String> = within.into_iter().map(|words| cell_text(words, page)).collect();
        let filled = texts.iter().filter(|text| !text.is_empty()).count();
        let layout = |text: &String| NO_TABLE.iter().any(|said| text.contains(said));
        if filled < 3 || texts.iter().any(layout) {
            return Err(words);
        }
        let line = |row: usize| {
            let mut own: Vec<(RowCell, &str)> = Vec::new();
            for (cell, text) in cells.iter().zip(&texts) {
                if cell.top <= row && row < cell.bottom {
                    let continued = cell.top < row;
                    let place = RowCell {
                        span: (0, 0),
                        column: cell.left as u32,
                        columns: (cell.right - cell.left) as u32,
                        continued,
                    };
                    own.push((place, if continued { "" } else { text }));
                }
            }
            own.sort_by_key(|(cell, _)| cell.column);
            let (text, cells) = row_text(own, columns as u32);
            (!text.chars().all(|c| matches!(c, '|' | ' '))).then(|| Line {
                kind: Kind::Cells,
                text,
                cells: Vec::new(),
                row: Some(Row { table: number, cells }),
                x0: self.xs[0],
                x1: self.xs[columns],
                y0: self.ys[row],
                y1: self.ys[row + 1],
                size,
                first: 0.0,
            })
        };
        Ok((0..rows).filter_map(line).collect())
    }
}

/// The text of a cell on one line.
fn cell_text(words: Vec<Word>, page: &Page) -> String {
    let mut out = String::new();
    for line in rows::plain_lines(words, page) {
        if !out.is_empty() && !is_cut_symbol(&out) {
            out.push(' ');
        }
        let texts = line.cells.iter().map(|cell: &Cell| cell.text.as_str());
        out.push_str(&texts.collect::<Vec<_>>().join(" "));
    }
    out
}

/// The text of a row, its cells between bars, and where each cell stands in it. An empty column stands as an empty cell,
/// so that columns stay in line.
fn row_text(cells: Vec<(RowCell, &str)>, columns: u32) -> (String, Vec<RowCell>) {
    let mut out = String::new();
    let mut bars = 0;
    let mut bars_until = |out: &mut String, column: u32| {
        while bars < column {
            out.push_str(if out.is_empty() { "|" } else { " |" });
            bars += 1;
        }
    };
    let mut placed = Vec::with_capacity(cells.len());
    for (cell, text) in cells {
        bars_until(&mut out, cell.column);
        if !out.is_empty() && !text.is_empty() {
            out.push(' ');
        }
        let start = out.len();
        out.push_str(text);
        placed.push(RowCell {
            span: (start, out.len()),
            ..cell
        });
    }
    bars_until(&mut out, columns - 1);
    (out, placed)
}

/// A row that a page break cut in two, put together: below the break some of its cells go on, the others are empty.
pub fn joined_rows(above: &Line, below: &Line) -> Option<Line> {
    let (first, second) = (above.row.as_ref()?, below.row.as_ref()?);
    let parts = |line: &Line, row: &Row| -> Vec<String> {
        let cells = row
            .cells
            .iter()
            .map(|cell| line.text[cell.span.0..cell.span.1].to_owned());
        cells.collect()
    };
    let alike = first.cells.len() == second.cells.len()
        && first
            .cells
            .iter()
            .zip(&second.cells)
            .all(|(a, b)| (a.column, a.columns) == (b.column, b.columns));
    if !alike {
        return None;
    }
    let (upper, lower) = (parts(above, first), parts(below, second));
    let is_words = |text: &String| !text.starts_with(|c: char| c.is_ascii_digit());
    let goes_on = lower.first().is_some_and(String::is_empty)
        && upper
            .iter()
            .zip(&lower)
            .all(|(upper, lower)| lower.is_empty() || (!upper.is_empty() && is_words(lower)));
    if !goes_on {
        return None;
    }
    let texts: Vec<String> = upper
        .into_iter()
        .zip(lower)
        .map(|(upper, lower)| format!("{upper} {lower}").trim_end().to_owned())
        .collect();
    let columns = first.cells.last().map_or(1, |cell| cell.column + cell.columns);
    let cells = first
        .cells
        .iter()
        .copied()
        .zip(texts.iter().map(String::as_str))
        .collect();
    let (text, cells) = row_text(cells, columns);
    let table = first.table;
    Some(Line {
        text,
        row: Some(Row { table, cells }),
        ..above.clone()
    })
}

/// The grids that rules make: at least two rows and two columns, or one row of three, as a page break may leave it.
fn grids(rules: &[Rule]) -> Vec<Grid> {
    if rules.len() > MAX_RULES {
        return Vec::new();
    }
    let is_across = |rule: &&Rule| rule.x1 - rule.x0 >= rule.y1 - rule.y0;
    let across = merged(rules.iter().filter(is_across).map(|rule| rule.flipped()).collect());
    let across: Vec<Rule> = across.into_iter().map(|rule| rule.flipped()).collect();
    let down = merged(rules.iter().filter(|rule| !is_across(rule)).copied().collect());
    let touch =
        |a: &Rule, d: &Rule| a.x0 - NEAR <= d.x0 && d.x0 <= a.x1 + NEAR && d.y0 - NEAR <= a.y0 && a.y0 <= d.y1 + NEAR;
    // Groups of rules that hang together; numbers of both kinds, first those across.
    let mut group: Vec<usize> = (0..across.len() + down.len()).collect();
    for (i, a) in across.iter().enumerate() {
        for (j, d) in down.iter().enumerate() {
            if touch(a, d) {
                let (one, other) = (root(&mut group, i), root(&mut group, across.len() + j));
                group[one] = other;
            }
        }
    }
    let mut found: Vec<(usize, Grid)> = Vec::new();
    for index in 0..group.len() {
        let root = root(&mut group, index);
        let at = match found.iter().position(|(of, _)| *of == root) {
            Some(at) => at,
            None => {
                let empty = Grid {
                    xs: Vec::new(),
                    ys: Vec::new(),
                    across: Vec::new(),
                    down: Vec::new(),
                };
                found.push((root, empty));
                found.len() - 1
            }
        };
        match across.get(index) {
            Some(&rule) => found[at].1.across.push(rule),
            None => found[at].1.down.push(down[index - across.len()]),
        }
    }
    let grids = found.into_iter().map(|(_, mut grid)| {
        grid.xs = distinct(grid.down.iter().map(|rule| rule.x0).collect());
        grid.ys = distinct(grid.across.iter().map(|rule| rule.y0).collect());
        grid
    });
    grids
        .filter(|grid| {
            let (columns, rows) = (grid.xs.len(), grid.ys.len());
            columns > 2 && rows > 1 && columns + rows > 5 && columns * rows < MAX_CELLS
        })
        .collect()
}

fn root(group: &mut [usize], mut index: usize) -> usize {
    while group[index] != index {
        group[index] = group[group[index]];
        index = group[index];
    }
    index
}

/// Upright rules, those in line with each other put together.
fn merged(mut rules: Vec<Rule>) -> Vec<Rule> {
    rules.sort_by(|a, b| a.x0.total_cmp(&b.x0).then(a.y0.total_cmp(&b.y0)));
    let mut out: Vec<Rule> = Vec::with_capacity(rules.len());
    for rule in rules {
        let in_line = |last: &&mut Rule| {
            (last.x0 - rule.x0).abs() <= NEAR && rule.y0 <= last.y1 + GAP && last.y0 <= rule.y1 + GAP
        };
        match out.iter_mut().rev().take(64).find(in_line) {
            Some(last) => (last.y0, last.y1) = (last.y0.min(rule.y0), last.y1.max(rule.y1)),
            None => out.push(rule),
        }
    }
    out
}

/// The values in order, those near each other once.
fn distinct(mut values: Vec<f32>) -> Vec<f32> {
    values.sort_by(f32::total_cmp);
    let mut out: Vec<f32> = Vec::with_capacity(values.len());
    for value in values {
        if out.last().is_none_or(|last| value - last > NEAR) {
            out.push(value);
        }
    }
    out
}
