//! Figures in tables, whose rows are lines and whose cells stand between bars or tabs, or in columns
//! that spaces set.
//!
//! The rows above the first row of numbers are headings. A bare number takes its unit from the
//! heading ("Diện tích (ha)"), or from a column of units ("ĐVT").

use crate::{
    document::{Document, Span},
    extract::{Approx, Layout, MeasureKind, Unit, layout::spaced_cells, numerals},
    shadow::{Key, KeySet, Kind, Reader, key},
    vocabulary::{Vocabulary, units::UnitKind},
};

use super::{
    Figure, Skips,
    figure::{self, Scanner},
    is_any,
};

/// A table: its rows are cells, its first rows headings.
#[derive(Debug)]
pub(in crate::extract) struct Table {
    /// All its rows.
    pub(in crate::extract) span: Span,
    /// The cells of each row, in columns; a cell may be empty.
    pub(in crate::extract) rows: Vec<Vec<Span>>,
    /// The number of rows that are headings.
    pub(in crate::extract) headings: usize,
    /// Whether the first column numbers the rows.
    pub(in crate::extract) numbered: bool,
}

/// Finds the tables: rows that follow each other.
pub(in crate::extract) fn find(document: &Document, layout: &Layout) -> Vec<Table> {
    let text = document.text.as_str();
    let mut tables = Vec::new();
    if !layout.lines.iter().any(|line| line.row) {
        return tables;
    }
    let mut lines: Vec<Span> = Vec::new();
    for (index, line) in layout.lines.iter().enumerate() {
        let inside = layout.body.start <= line.span.start && line.span.end <= layout.body.end;
        let whole = document.line(index);
        if inside && line.row {
            lines.push(whole);
        } else if !(line.is_blank() && whole.of(text).contains('|')) {
            // A Markdown rule below the headings does not end the table.
            tables.extend(Table::new(text, &lines));
            lines.clear();
        }
    }
    tables.extend(Table::new(text, &lines));
    tables
}

impl Table {
    fn new(text: &str, lines: &[Span]) -> Option<Self> {
        let (first, last) = (lines.first()?, lines.last()?);
        if lines.len() < 2 {
            return None;
        }
        let bars = lines.iter().filter(|line| line.of(text).contains('|')).count() * 2 > lines.len();
        let framed = bars && lines.iter().all(|line| line.of(text).trim_start().starts_with('|'));
        let spaced = |line: &Span| memchr::memchr2(b'|', b'\t', line.of(text).trim().as_bytes()).is_none();
        let mut rows: Vec<Vec<Span>> = lines
            .iter()
            .map(|line| match spaced(line) {
                true => spaced_cells(text, *line).collect(),
                false => cells(text, *line, bars, framed),
            })
            .collect();
        let width = rows.iter().map(Vec::len).max()?;
        if width < 2 {
            return None;
        }
        // A row whose first cells are merged ("Cộng | 68.000 | …") stands flush right.
        for row in &mut rows {
            if let Some(&label) = row.first().filter(|_| row.len() >= 2) {
                let missing = width - row.len();
                row.splice(
                    1..1,
                    std::iter::repeat_n(Span::new(label.end as usize, label.end as usize), missing),
                );
            } else {
                let end = row.last().map_or(0, |cell| cell.end as usize);
                row.resize(width, Span::new(end, end));
            }
        }
        let headings = rows.iter().take_while(|row| is_heading(text, row)).count();
        let numbered = is_numbered(text, &rows, headings);
        Some(Self {
            span: first.join(*last),
            rows,
            headings,
            numbered,
        })
    }

    /// Whether a row is the sum of the others ("Tổng cộng").
    pub(in crate::extract) fn is_total(&self, reader: &Reader<'_>, row: &[Span]) -> bool {
        static TOTAL: KeySet<4> = KeySet::new(["tổng", "cộng", "tổngcộng", "toàn"]);
        row.iter().take(2).filter(|cell| !cell.is_empty()).any(|cell| {
            let first = reader.after(cell.start as usize);
            TOTAL.has(first) && first.start() < cell.end as usize
        })
    }

    /// Reads the figures of its cells.
    pub(super) fn read(&self, reader: Reader<'_>, vocabulary: &Vocabulary, skips: &Skips, figures: &mut Vec<Figure>) {
        let columns: Vec<Column> = (0..self.rows[0].len())
            .map(|column| self.column(reader, vocabulary, skips, column))
            .collect();
        let given_above = self.unit_above(reader, vocabulary, skips);
        for row in &self.rows[self.headings..] {
            let label = self.label(reader.text, row);
            let unit_cell = row
                .iter()
                .zip(&columns)
                .find(|(cell, column)| column.units && !cell.is_empty())
                .map(|(cell, _)| *cell);
            for (index, (cell, column)) in row.iter().zip(&columns).enumerate() {
                if index == 0 && self.numbered || cell.is_empty() || Some(*cell) == unit_cell {
                    continue;
                }
                if !is_number(reader.text, *cell) {
                    continue;
                }
                let scanner = Scanner::new(reader, vocabulary, skips, *cell);
                let Some(mut figure) = figure::cell_figure(&scanner, cell.start as usize) else {
                    continue;
                };
                if figure.unit == Unit::None && figure.kind != MeasureKind::Money {
                    let source = unit_cell
                        .and_then(|cell| scanner.unit_at(cell.start as usize))
                        .or(column.unit)
                        .or(given_above);
                    figure.take_unit(source, column.percent && figure.total.is_none());
                }
                if column.estimated && figure.approx == Approx::Exact {
                    figure.approx = Approx::Estimated;
                }
                figure.subject = column.title.or(label);
                figure.qualifier = label.filter(|_| column.title.is_some());
                figures.push(figure);
            }
        }
    }

    /// The unit that is given for the whole table in the lines above it: "(ĐVT: tỷ đồng)".
    fn unit_above(&self, reader: Reader<'_>, vocabulary: &Vocabulary, skips: &Skips) -> Option<UnitFound> {
        /// Words looked at, and lines: a caption, the remark on the unit, a blank line or two.
        const WORDS: usize = 40;
        const BREAKS: usize = 4;
        let until = self.span.start as usize;
        let mut token = reader.before(until);
        let mut breaks = 0;
        for _ in 0..WORDS {
            breaks += usize::from(token.is_end());
            if breaks > BREAKS || token.start() == 0 {
                return None;
            }
            let next = reader.next(token);
            let full = [token.key, next.key] == [key!("đơn"), key!("vị")] && reader.next(next).key == key!("tính");
            if is_any(token, &[key!("đvt")]) || token.is_word() && full {
                let scanner = Scanner::new(reader, vocabulary, skips, Span::new(token.start(), until));
                return scanner.unit_at(token.start());
            }
            token = reader.previous(token);
        }
        None
    }

    /// The cell that says what a row is about.
    fn label(&self, text: &str, row: &[Span]) -> Option<Span> {
        row.iter()
            .skip(usize::from(self.numbered))
            .chain(row.first())
            .find(|cell| {
                cell.of(text).contains(char::is_alphabetic) && !cell.of(text).starts_with(|c: char| c.is_ascii_digit())
            })
            .copied()
    }

    /// What the headings say of a column.
    fn column(&self, reader: Reader<'_>, vocabulary: &Vocabulary, skips: &Skips, column: usize) -> Column {
        let text = reader.text;
        let mut found = Column::default();
        for row in &self.rows[..self.headings] {
            let cell = row[column];
            let heading = cell.of(text);
            if !heading.contains(char::is_alphabetic) && !heading.contains('%') {
                continue;
            }
            let bracket = heading.find('(');
            let title = heading[..bracket.unwrap_or(heading.len())].trim_end();
            if title.contains(char::is_alphabetic) {
                found.title = Some(Span::new(cell.start as usize, cell.start as usize + title.len()));
            }
            let scanner = Scanner::new(reader, vocabulary, skips, cell);
            if let Some(bracket) = bracket {
                found.unit = scanner.unit_at(cell.start as usize + bracket + 1).or(found.unit);
            }
            let lower = heading.to_lowercase();
            found.percent |= heading.contains('%') || lower.contains("tỷ lệ") || lower.contains("tỉ lệ");
            found.estimated |= lower.starts_with("ước");
            found.units |= lower.starts_with("đvt") || lower.starts_with("đơn vị tính");
            if found.unit.is_none() {
                found.unit = noun_of(&reader, vocabulary, cell).map(|noun| UnitFound {
                    unit: noun,
                    kind: MeasureKind::Count,
                    noun: Some(noun),
                    factor: 1,
                });
            }
        }
        found
    }
}

/// A unit for the bare numbers of a column or row.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnitFound {
    pub(super) unit: Span,
    pub(super) kind: MeasureKind,
    pub(super) noun: Option<Span>,
    pub(super) factor: i64,
}

/// What the headings say of a column.
#[derive(Clone, Copy, Debug, Default)]
struct Column {
    title: Option<Span>,
    unit: Option<UnitFound>,
    percent: bool,
    /// Whether its figures are estimates ("Ước thực hiện").
    estimated: bool,
    /// Whether it holds the units of the rows.
    units: bool,
}

/// The first counted noun of a heading ("Số giấy chứng nhận đã cấp").
fn noun_of(reader: &Reader<'_>, vocabulary: &Vocabulary, cell: Span) -> Option<Span> {
    const SO: Key = Key::new("số");
    let mut at = cell.start as usize;
    let mut counted = false;
    while at < cell.end as usize {
        let token = reader.after(at);
        if token.end() > cell.end as usize || !token.is_word() {
            return None;
        }
        if token.key == SO {
            counted = true;
        } else if counted {
            return match vocabulary.units.behind.longest(reader, token) {
                Some((UnitKind::Noun | UnitKind::Classifier, last)) => Some(token.span.join(last.span)),
                _ => None,
            };
        }
        at = token.end();
    }
    None
}

/// The cells of a row, trimmed, the empty ones included.
fn cells(text: &str, line: Span, bars: bool, framed: bool) -> Vec<Span> {
    let raw = line.of(text);
    let trimmed = if bars { raw.trim() } else { raw.trim_end() };
    let offset = line.start as usize + (raw.len() - raw.trim_start().len()) * usize::from(bars);
    let (inner, offset) = match trimmed.strip_prefix('|') {
        Some(inner) if framed => (inner.strip_suffix('|').unwrap_or(inner), offset + 1),
        _ => (trimmed, offset),
    };
    let mut at = offset;
    inner
        .split(if bars { '|' } else { '\t' })
        .map(|cell| {
            let start = at;
            at += cell.len() + 1;
            let content = cell.trim_matches(|c: char| c.is_whitespace() || c == '*');
            let lead = cell.len() - cell.trim_start_matches(|c: char| c.is_whitespace() || c == '*').len();
            let lead = if content.is_empty() { 0 } else { lead };
            Span::new(start + lead, start + lead + content.len())
        })
        .collect()
}

/// Whether a row holds no numbers: years, and the numbers of columns in brackets, are none.
fn is_heading(text: &str, row: &[Span]) -> bool {
    let numbers = row.iter().filter(|cell| is_number(text, **cell)).count();
    let words = row
        .iter()
        .filter(|cell| cell.of(text).contains(char::is_alphabetic))
        .count();
    let years = row
        .iter()
        .filter(|cell| {
            numerals::numeral_at(text, cell.start as usize)
                .is_some_and(|number| number.looks_like_year() && number.span == **cell)
        })
        .count();
    numbers == years && (words > 0 || numbers == 0)
}

/// Whether a cell holds a number, with a unit perhaps, and nothing else.
fn is_number(text: &str, cell: Span) -> bool {
    let content = cell.of(text);
    let Some(number) = content
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| numerals::numeral_at(text, cell.start as usize))
        .flatten()
    else {
        return false;
    };
    let rest = &text[number.span.end as usize..cell.end as usize];
    let rest = rest.trim_start();
    rest.is_empty() || rest.len() <= 24 && !rest.starts_with(['.', ')', '-']) && rest.split_whitespace().count() <= 4
}

fn is_numbered(text: &str, rows: &[Vec<Span>], headings: usize) -> bool {
    let named = rows[..headings].iter().any(|row| {
        let first = row[0]
            .of(text)
            .trim_matches(|c: char| !c.is_alphabetic())
            .to_lowercase();
        matches!(first.as_str(), "tt" | "stt" | "số tt" | "số thứ tự" | "no")
    });
    let mut next = 1;
    let counted = rows[headings..]
        .iter()
        .filter(|row| !row[0].is_empty())
        .take(3)
        .all(|row| {
            let same = row[0].of(text).trim_end_matches('.') == next.to_string();
            next += 1;
            same
        });
    // "Khối 6, 7, 8, 9": names of rows, one after the other.
    let first_cells = rows[headings..].iter().map(|row| row[0].of(text).parse::<u32>());
    let names: Vec<u32> = first_cells.map_while(Result::ok).collect();
    let in_order = names.len() >= 3 && names.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]));
    named
        || in_order
        || counted
            && next > 2
            && rows[headings..]
                .iter()
                .any(|row| row[1].of(text).contains(char::is_alphabetic))
}

impl Figure {
    /// Gives a bare number of a table the unit that the table states elsewhere.
    fn take_unit(&mut self, source: Option<UnitFound>, percent: bool) {
        if percent {
            self.kind = MeasureKind::Percent;
            if let Some(found) = source.filter(|found| found.kind == MeasureKind::Percent) {
                self.unit = Unit::Shared(found.unit);
            }
            return;
        }
        let Some(found) = source else {
            return;
        };
        self.unit = Unit::Shared(found.unit);
        self.noun = found.noun;
        if self.total.is_none() {
            self.kind = found.kind;
        }
        self.scale(found.factor);
    }
}

impl Scanner<'_, '_> {
    /// The unit that a heading or a cell of units names at an offset.
    fn unit_at(&self, at: usize) -> Option<UnitFound> {
        let reader = self.reader();
        let first = reader.after(at);
        // "(ĐVT: triệu đồng)"
        let mut at = at;
        if is_any(first, &[key!("đvt"), key!("đơn")]) {
            let mut token = first;
            while token.is_word() {
                token = reader.next(token);
            }
            if token.kind == Kind::Mark(':') {
                at = token.end();
            }
        }
        figure::unit_found(self, at)
    }
}
