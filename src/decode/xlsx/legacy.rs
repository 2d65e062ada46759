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
            total += std::mem::take(&mut sheet).area();
        } else if length >= 6 && (CELLS.contains(&kind) || SEVERAL.contains(&kind)) {
            let (row, column) = (number(content), number(content + 2));
            sheet.take(row, column);
            if SEVERAL.contains(&kind) {
                // The last column stands at the end.
                sheet.take(row, number(at - 2));
            }
        }
    }
    total + sheet.area()
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
    fn what_is_no_compound_file_is_broken() {
        for bytes in [&b""[..], b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", &[0xFF; 4096]] {
            assert!(measure(bytes, &Limits::default()).is_err());
        }
    }
}
