//! Sheets: XLSX, read cell by cell, and the old XLS. Each sheet that is shown becomes tables and the lines around them.
//!
//! Figures are written as a Vietnamese reader sees them: the decimal comma, thousands grouped and per cents where the
//! cell's format says so.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Cursor,
    panic::{self, AssertUnwindSafe},
};

use calamine::{
    Data, DataRef, DataType, Dimensions, Reader, SheetType, SheetVisible, Style, Xls, XlsError, Xlsx, XlsxError,
};
use rustc_hash::FxHashMap;

use super::{
    Limits, Refusal,
    blocks::{self, Block, Cell, Paragraph, Table},
    encoding::{self, Legacy},
    package::{Package, encrypted},
};
use crate::document::Document;

mod legacy;

/// The media type of XLSX.
pub const MEDIA_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// The media type of XLS.
pub const LEGACY_MEDIA_TYPE: &str = "application/vnd.ms-excel";

/// A merged region taller than this is no heading of a table.
const MAX_MERGED_ROWS: u32 = 1000;
/// Digits of a figure whose cell has no format.
const GENERAL_DIGITS: i32 = 10;

/// The filled cells of a sheet, by row and column.
type Filled = BTreeMap<u32, BTreeMap<u32, String>>;

/// Decodes an XLSX.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Document, Refusal> {
    // The reader of sheets reads shared strings without a bound, so the package is measured first.
    Package::open(bytes, limits)?.measure()?;
    guarded(|| {
        let mut book = Xlsx::new(Cursor::new(bytes)).map_err(|error| broken_xlsx(&error))?;
        let mut sheets = Sheets::new(limits);
        for name in shown(book.sheets_metadata()) {
            let mut filled = Filled::new();
            let mut reader = book
                .worksheet_cells_reader(&name)
                .map_err(|error| broken_xlsx(&error))?;
            while let Some((cell, style)) = reader.next_cell_with_style_id().map_err(|error| broken_xlsx(&error))? {
                let style = reader.styles().get(style);
                let text = sheets.shown(cell.get_value(), style);
                let (row, column) = cell.get_position();
                sheets.fill(&mut filled, row, column, text)?;
            }
            drop(reader);
            let merged = book.merge_cells_by_sheet_name(&name).unwrap_or_default();
            sheets.add(&name, filled, &merged)?;
        }
        sheets.finish(MEDIA_TYPE)
    })
}

/// Decodes an XLS.
pub fn decode_legacy(bytes: &[u8], limits: &Limits) -> Result<Document, Refusal> {
    // The reader of sheets unfolds each to a rectangle, and follows broken chains of sectors round and round, so the
    // file is measured first.
    guarded(|| legacy::measure(bytes, limits).map(|()| Document::default()))?;
    guarded(|| {
        let mut book: Xls<_> = Xls::new(Cursor::new(bytes)).map_err(|error| match error {
            XlsError::Password => encrypted(),
            _ => broken(),
        })?;
        let mut sheets = Sheets::new(limits);
        for name in shown(book.sheets_metadata()) {
            let mut filled = Filled::new();
            let range = book.worksheet_range(&name).map_err(|_| broken())?;
            let (top, left) = range.start().unwrap_or_default();
            for (row, column, value) in range.used_cells() {
                let text = sheets.shown(value, None);
                sheets.fill(&mut filled, top + row as u32, left + column as u32, text)?;
            }
            let merged = book.merge_cells_by_sheet_name(&name).unwrap_or_default();
            sheets.add(&name, filled, &merged)?;
        }
        sheets.finish(LEGACY_MEDIA_TYPE)
    })
}

/// Runs a reader of another's making: its panics on broken files are refusals.
fn guarded(read: impl FnOnce() -> Result<Document, Refusal>) -> Result<Document, Refusal> {
    panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(broken()))
}

/// Names of the worksheets that are shown.
fn shown(sheets: &[calamine::Sheet]) -> Vec<String> {
    sheets
        .iter()
        .filter(|sheet| sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet)
        .map(|sheet| sheet.name.clone())
        .collect()
}

fn broken_xlsx(error: &XlsxError) -> Refusal {
    if matches!(error, XlsxError::Password) {
        encrypted()
    } else {
        broken()
    }
}

fn broken() -> Refusal {
    Refusal::malformed(
        "bảng tính bị hỏng hoặc không đúng định dạng; hãy mở và lưu lại dưới dạng XLSX",
        "the spreadsheet is broken; open it and save it again as XLSX",
    )
}

/// The sheets read so far.
struct Sheets<'l> {
    limits: &'l Limits,
    sheets: Vec<(String, Vec<Block>)>,
    cells: usize,
    bytes: usize,
    legacy: Legacy,
}

impl<'l> Sheets<'l> {
    fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            sheets: Vec::new(),
            cells: 0,
            bytes: 0,
            legacy: Legacy::None,
        }
    }

    /// A cell as its reader sees it.
    fn shown(&mut self, value: &impl DataType, style: Option<&Style>) -> String {
        let format = style.and_then(|style| style.number_format.as_ref());
        let format = format.map_or("General", |format| format.format_code.as_str());
        let text = if let Some(text) = value.get_string() {
            text.to_owned()
        } else if value.is_datetime() {
            value.get_datetime().map(date).unwrap_or_default()
        } else if let Some(number) = value.as_f64().filter(|_| value.is_float() || value.is_int()) {
            figure(number, format)
        } else if let Some(truth) = value.get_bool() {
            if truth { "TRUE".to_owned() } else { "FALSE".to_owned() }
        } else {
            value.as_string().unwrap_or_default()
        };
        let font = style
            .and_then(|style| style.font.as_ref())
            .and_then(|font| font.name.as_deref());
        let legacy = font.map(Legacy::of_font).unwrap_or_default();
        self.legacy = legacy.or(self.legacy);
        legacy.decode(&text).into_owned()
    }

    fn count(&mut self, cells: usize) -> Result<(), Refusal> {
        self.cells = self.cells.saturating_add(cells);
        if self.cells > self.limits.max_cells {
            return Err(Refusal::too_many(
                ("số ô trong bảng tính", "the number of cells in the spreadsheet is"),
                self.limits.max_cells,
                "decode.max_cells",
            ));
        }
        Ok(())
    }

    fn fill(&mut self, filled: &mut Filled, row: u32, column: u32, text: String) -> Result<(), Refusal> {
        if text.trim().is_empty() {
            return Ok(());
        }
        self.count(1)?;
        // Shared strings are cheap in the file and dear in the text.
        self.bytes += text.len();
        if self.bytes > self.limits.max_text_bytes {
            return Err(Refusal::too_large(
                ("văn bản", "the text"),
                self.bytes,
                self.limits.max_text_bytes,
                "decode.max_text_bytes",
            ));
        }
        filled.entry(row).or_default().insert(column, text);
        Ok(())
    }

    /// Adds a sheet: tables divided by blank rows, and lines of a single cell above and below them.
    fn add(&mut self, name: &str, filled: Filled, merged: &[Dimensions]) -> Result<(), Refusal> {
        let spans = merged_cells(&filled, merged);
        let mut blocks = Vec::new();
        let mut part: Vec<(u32, BTreeMap<u32, String>)> = Vec::new();
        for (row, cells) in filled {
            let gap = part.last().is_some_and(|(above, _)| above + 1 < row);
            if gap {
                self.part(&mut blocks, std::mem::take(&mut part), &spans)?;
            }
            part.push((row, cells));
        }
        self.part(&mut blocks, part, &spans)?;
        if !blocks.is_empty() {
            self.sheets.push((name.to_owned(), blocks));
        }
        Ok(())
    }

    /// Rows without a blank one between them.
    fn part(
        &mut self,
        blocks: &mut Vec<Block>,
        mut rows: Vec<(u32, BTreeMap<u32, String>)>,
        spans: &FxHashMap<(u32, u32), Merged>,
    ) -> Result<(), Refusal> {
        let line = |(_, cells): &(u32, BTreeMap<u32, String>)| cells.len() == 1;
        let above = rows.iter().take_while(|row| line(row)).count();
        let below = rows[above..].iter().rev().take_while(|row| line(row)).count();
        let behind = rows.split_off(rows.len() - below);
        let table = rows.split_off(above);
        paragraphs(blocks, rows);
        if !table.is_empty() {
            blocks.push(Block::Table(self.table(table, spans)?));
        }
        paragraphs(blocks, behind);
        Ok(())
    }

    fn table(
        &mut self,
        rows: Vec<(u32, BTreeMap<u32, String>)>,
        spans: &FxHashMap<(u32, u32), Merged>,
    ) -> Result<Table, Refusal> {
        // Columns that hold nothing are left out.
        let used: BTreeSet<u32> = rows.iter().flat_map(|(_, cells)| cells.keys().copied()).collect();
        let used: Vec<u32> = used.into_iter().collect();
        self.count(used.len().saturating_mul(rows.len()))?;
        let mut table = Table {
            ruled: true,
            ..Table::default()
        };
        for (row, mut cells) in rows {
            let mut line: Vec<Cell> = Vec::with_capacity(used.len());
            let mut covered = 0;
            for (at, &column) in used.iter().enumerate() {
                if column < covered {
                    continue;
                }
                let merged = spans.get(&(row, column));
                covered = merged.map_or(column + 1, |merged| merged.until);
                let width = used[at..].iter().take_while(|&&column| column < covered).count().max(1);
                let text = cells.remove(&column).unwrap_or_default();
                line.push(Cell {
                    paragraphs: vec![Paragraph {
                        text,
                        ..Paragraph::default()
                    }],
                    column: at as u32,
                    columns: width as u32,
                    continued: merged.is_some_and(|merged| merged.continued),
                });
            }
            table.rows.push(line);
        }
        Ok(table)
    }

    fn finish(self, media_type: &'static str) -> Result<Document, Refusal> {
        let several = self.sheets.len() > 1;
        let mut blocks = Vec::new();
        for (name, sheet) in self.sheets {
            let named = !name.to_ascii_lowercase().starts_with("sheet");
            if several && named {
                blocks.push(Block::paragraph(name));
            }
            blocks.extend(sheet);
        }
        let mut legacy = self.legacy;
        if legacy == Legacy::None {
            legacy = encoding::mend_blocks(&mut blocks);
        }
        blocks::write(blocks, media_type, legacy.name(), self.limits)
    }
}

fn paragraphs(blocks: &mut Vec<Block>, rows: Vec<(u32, BTreeMap<u32, String>)>) {
    let texts = rows.into_iter().flat_map(|(_, cells)| cells.into_values());
    blocks.extend(texts.map(Block::paragraph));
}

/// A cell of a merged region.
struct Merged {
    /// The first column behind the region.
    until: u32,
    /// Whether it lies below the region's first row.
    continued: bool,
}

/// The first cells of each filled row of each merged region.
fn merged_cells(filled: &Filled, merged: &[Dimensions]) -> FxHashMap<(u32, u32), Merged> {
    let mut cells = FxHashMap::default();
    for region in merged {
        let (top, left) = region.start;
        let (bottom, right) = region.end;
        if bottom < top || right < left || bottom - top > MAX_MERGED_ROWS {
            continue;
        }
        for (&row, _) in filled.range(top..=bottom) {
            let cell = Merged {
                until: right.saturating_add(1),
                continued: row > top,
            };
            cells.insert((row, left), cell);
        }
    }
    cells
}

/// A date as documents write it, with its time where it has one.
fn date(value: calamine::ExcelDateTime) -> String {
    if value.is_duration() {
        let minutes = (value.as_f64() * 1440.0).round();
        return format!("{}:{:02}", (minutes / 60.0).floor(), minutes.rem_euclid(60.0));
    }
    let (year, month, day, hour, minute, ..) = value.to_ymd_hms_milli();
    match (hour, minute) {
        (0, 0) => format!("{day:02}/{month:02}/{year}"),
        _ => format!("{day:02}/{month:02}/{year} {hour:02}:{minute:02}"),
    }
}

/// A figure in a number format: its decimal places, grouping and per cent sign; the rest of the format says nothing of
/// the value.
fn figure(value: f64, format: &str) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let format = format.split(';').next().unwrap_or_default();
    let plain = format.eq_ignore_ascii_case("general") || !format.contains(['0', '#']);
    let percent = !plain && format.contains('%');
    let value = if percent { value * 100.0 } else { value };
    let places = if plain {
        None
    } else {
        let digits = format.split_once('.').map_or("", |(_, behind)| behind);
        Some(digits.chars().take_while(|c| matches!(c, '0' | '#')).count())
    };
    let text = match places {
        Some(places) => format!("{value:.places$}"),
        None => {
            let size = if value == 0.0 {
                0
            } else {
                value.abs().log10().floor() as i32
            };
            let places = (GENERAL_DIGITS - 1 - size).clamp(0, 20) as usize;
            let text = format!("{value:.places$}");
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        }
    };
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = if !plain && format.contains(',') {
        grouped(whole)
    } else {
        whole.to_owned()
    };
    // "#.##" leaves out zeros at the end.
    let decimals = if format.contains(".0") {
        decimals
    } else {
        decimals.trim_end_matches('0')
    };
    if !decimals.is_empty() {
        out.push(',');
        out.push_str(decimals);
    }
    if out == "-0" {
        out = "0".to_owned();
    }
    if percent {
        out.push('%');
    }
    out
}

/// Thousands grouped by points.
fn grouped(whole: &str) -> String {
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut out = sign.to_owned();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push('.');
        }
        out.push(digit);
    }
    out
}

// Both kinds of cells go through the same reader above.
const _: fn(&mut Sheets<'_>, &Data, Option<&Style>) -> String = |sheets, value, style| sheets.shown(value, style);
const _: fn(&mut Sheets<'_>, &DataRef<'_>) -> String = |sheets, value| sheets.shown(value, None);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_they_are_shown() {
        let cases = [
            (3218.0, "General", "3218"),
            (3218.0, "#,##0", "3.218"),
            (1_234_567.891, "#,##0.00", "1.234.567,89"),
            (0.9775, "0.00%", "97,75%"),
            (0.5, "0%", "50%"),
            (18.64, "General", "18,64"),
            (0.1 + 0.2, "General", "0,3"),
            (-1500.0, "#,##0;(#,##0)", "-1.500"),
            (1e300, "0", &format!("{:.0}", 1e300)),
            (2.5, "#.##", "2,5"),
        ];
        for (value, format, text) in cases {
            assert_eq!(figure(value, format), text, "{value} {format}");
        }
    }

    #[test]
    fn broken_sheets_are_refused() {
        assert!(decode(b"PK\x03\x04junk", &Limits::default()).is_err());
        assert!(decode_legacy(b"\xD0\xCF\x11\xE0junk", &Limits::default()).is_err());
        assert!(decode_legacy(&[0xD0; 4000], &Limits::default()).is_err());
    }
}
