//! Tables without their rules: a cell that ran over several lines is put together again.

use super::{Cell, Kind, Line};

/// Lines of one cell stand closer than this share of their height.
const CLOSE: f32 = 0.62;

/// Takes lines that only go on with the cells above or below them into those.
pub fn unwrap_cells(lines: Vec<Line>) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::with_capacity(lines.len());
    for line in lines {
        if let Some(row) = out.last_mut().filter(|row| row.cells.len() > 2)
            && goes_on(row, &line)
        {
            absorb(row, &line, false);
            continue;
        }
        // The first line of a tall cell may stand above a row of cells that are centred beside it.
        let lead = out.last().is_some_and(|above| leads(above, &line));
        let above = if lead { out.pop() } else { None };
        let mut line = line;
        if let Some(above) = above {
            absorb(&mut line, &above, true);
        }
        out.push(line);
    }
    out
}

/// Whether a line has nothing in the first column of a row close above, and nothing beside its columns.
fn goes_on(row: &Line, line: &Line) -> bool {
    let first = line.cells.first().and_then(|cell| column(&row.cells, cell));
    let fits = line.cells.iter().all(|cell| column(&row.cells, cell).is_some());
    let fewer = line.cells.len() < row.cells.len();
    line.kind != Kind::Stamp
        && line.y0 - row.y1 < CLOSE * row.size
        && fits
        && fewer
        && first.is_some_and(|column| column > 0)
}

/// Whether a single cell stands over the empty column of a row that overlaps it.
fn leads(above: &Line, row: &Line) -> bool {
    let [cell] = above.cells.as_slice() else {
        return false;
    };
    let free = |row: &Line| {
        row.cells
            .windows(2)
            .any(|two| two[0].x1 < cell.x0 && cell.x1 < two[1].x0)
    };
    row.cells.len() > 1 && above.y1 > row.y0 && free(row)
}

/// The column of a row that a cell stands in: one whose text overlaps it, or the nearest.
fn column(cells: &[Cell], cell: &Cell) -> Option<usize> {
    let edges = |index: usize| {
        let left = index.checked_sub(1).map_or(f32::MIN, |left| cells[left].x1);
        let right = cells.get(index + 1).map_or(f32::MAX, |right| right.x0);
        (left, right)
    };
    (0..cells.len()).find(|&index| {
        let (left, right) = edges(index);
        let overlaps = cell.x0 < cells[index].x1 && cell.x1 > cells[index].x0;
        overlaps && cell.x0 > left && cell.x1 < right
    })
}

/// Writes the cells of a line into those of a row, behind or before what they say; a column of its
/// own where the row has none.
fn absorb(row: &mut Line, line: &Line, before: bool) {
    for cell in &line.cells {
        match column(&row.cells, cell) {
            Some(index) => {
                let own = &mut row.cells[index];
                own.text = match before {
                    true => format!("{} {}", cell.text, own.text),
                    false => format!("{} {}", own.text, cell.text),
                };
                (own.x0, own.x1) = (own.x0.min(cell.x0), own.x1.max(cell.x1));
            }
            None => {
                let at = row.cells.partition_point(|own| own.x0 < cell.x0);
                row.cells.insert(at, cell.clone());
            }
        }
    }
    (row.y0, row.y1) = (row.y0.min(line.y0), row.y1.max(line.y1));
    let texts: Vec<&str> = row.cells.iter().map(|cell| cell.text.as_str()).collect();
    row.text = texts.join(if texts.len() > 2 { " | " } else { "\t" });
    row.kind = Kind::Cells;
}
