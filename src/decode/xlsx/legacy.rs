//! How large the sheets of an XLS are, told from its records before anything unfolds them.

use std::io::{Cursor, Read};

use cfb::CompoundFile;

use super::{Limits, Refusal, broken};

/// A sheet is a rectangle in memory, most of it empty: so many cells of it count as one.
const EMPTY: u64 = 16;

/// Refuses a file whose sheets would unfold to more cells than the limit, or that is no sound compound file.
pub fn measure(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    let mut file = CompoundFile::open(Cursor::new(bytes)).map_err(|_| broken())?;
    let name = ["/Workbook", "/Book", "/WORKBOOK", "/BOOK"]
        .into_iter()
        .find(|name| file.exists(name));
    let mut records = Vec::new();
    let stream = name.and_then(|name| file.open_stream(name).ok()).ok_or_else(broken)?;
    let read = stream.take(bytes.len() as u64).read_to_end(&mut records);
    read.map_err(|_| broken())?;
    if area(&records) > EMPTY * limits.max_cells as u64 {
        return Err(Refusal::too_many(
            ("số ô bảng tính", "the cells of the sheets are"),
            limits.max_cells,
            "decode.max_cells",
        ));
    }
    Ok(())
}

/// The cells of the rectangles around the filled cells of all sheets.
fn area(records: &[u8]) -> u64 {
    const SHEET_BEGINS: u16 = 0x0809;
    const DIMENSIONS: u16 = 0x0200;
    const SEVERAL: [u16; 2] = [0x00BD, 0x00BE];
    const CELLS: [u16; 8] = [0x0006, 0x00D6, 0x00FD, 0x0201, 0x0203, 0x0204, 0x0205, 0x027E];
    let number = |at: usize| {
        records
            .get(at..at + 2)
            .map_or(0, |two| u64::from(u16::from_le_bytes([two[0], two[1]])))
    };
    let mut total = 0;
    let mut sheet = Rectangle::default();
    let mut at = 0;
    while at + 4 <= records.len() {
        let (kind, length) = (number(at) as u16, number(at + 2) as usize);
        let content = at + 4;
        at = content + length;
        if kind == SHEET_BEGINS {
            total = u64::saturating_add(total, std::mem::take(&mut sheet).area());
        } else if kind == DIMENSIONS && length >= 8 {
            // The reader takes memory for as many cells as this record promises.
            total = u64::saturating_add(total, promised(records.get(content..at).unwrap_or_default()));
        } else if length >= 6 && (CELLS.contains(&kind) || SEVERAL.contains(&kind)) {
            let (row, column) = (number(content), number(content + 2));
            sheet.take(row, column);
            if SEVERAL.contains(&kind) {
                // The last column stands at the end.
                sheet.take(row, number(at - 2));
            }
        }
    }
    u64::saturating_add(total, sheet.area())
}

/// The cells that a record of dimensions promises: first row, row behind the last, the same of columns. More than
/// any limit where they are the wrong way round.
fn promised(content: &[u8]) -> u64 {
    // Rows have two bytes before BIFF8, then four.
    let wide = if content.len() >= 14 { 4 } else { 2 };
    let number = |at: usize, size: usize| {
        let bytes = content.get(at..at + size).unwrap_or_default();
        bytes
            .iter()
            .rev()
            .fold(0, |number, &byte| number << 8 | u64::from(byte))
    };
    let rows = (number(0, wide), number(wide, wide));
    let columns = (number(2 * wide, 2), number(2 * wide + 2, 2));
    if rows == (0, 0) || columns == (0, 0) {
        return 0;
    }
    match (rows.1.checked_sub(rows.0), columns.1) {
        // The reader counts columns from the first one of the sheet where the record's own is odd.
        (Some(height), width) => (height + 1).saturating_mul(width + 1),
        (None, _) => u64::MAX,
    }
}

/// The rectangle around cells.
#[derive(Default)]
struct Rectangle {
    corners: Option<(u64, u64, u64, u64)>,
}

impl Rectangle {
    fn take(&mut self, row: u64, column: u64) {
        let (top, left, bottom, right) = self.corners.unwrap_or((row, column, row, column));
        self.corners = Some((top.min(row), left.min(column), bottom.max(row), right.max(column)));
    }

    fn area(&self) -> u64 {
        self.corners
            .map_or(0, |(top, left, bottom, right)| (bottom - top + 1) * (right - left + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, content: &[u16]) -> Vec<u8> {
        let length = content.len() as u16 * 2;
        let numbers = [kind, length].into_iter().chain(content.iter().copied());
        numbers.flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn each_sheet_counts_as_the_rectangle_around_its_cells() {
        let records = [
            record(0x0809, &[0; 8]),
            record(0x0203, &[0, 0, 0]),
            record(0x00FD, &[9, 3, 0]),
            record(0x0809, &[0; 8]),
            // A row of several cells, from column 2 to 5.
            record(0x00BD, &[7, 2, 0, 0, 0, 5]),
            record(0x000A, &[]),
            // Cut off.
            vec![0xFD, 0x00, 0xFF],
        ]
        .concat();
        assert_eq!(area(&records), 10 * 4 + 4);
        assert_eq!(area(&[]), 0);
    }

    #[test]
    fn what_a_sheet_promises_counts_as_well() {
        let small = record(0x0200, &[0, 0, 10, 0, 0, 4, 0]);
        assert_eq!(area(&small), 11 * 5);
        assert_eq!(area(&record(0x0200, &[0, 10, 0, 4, 0])), 11 * 5);
        assert_eq!(area(&record(0x0200, &[0; 7])), 0);
        let huge = record(0x0200, &[0, 0, 0xFFFF, 0xFFFF, 0, 0xFF, 0]);
        assert!(area(&huge) > 1 << 32);
        let odd = record(0x0200, &[9, 0, 3, 0, 0, 4, 0]);
        assert_eq!(area(&[small, odd].concat()), u64::MAX);
    }

    #[test]
    fn what_is_no_compound_file_is_broken() {
        for bytes in [&b""[..], b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", &[0xFF; 4096]] {
            assert!(measure(bytes, &Limits::default()).is_err());
        }
    }
}
