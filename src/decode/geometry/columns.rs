//! Masthead and closing stand in two columns that have nothing to do with each other: each is read
//! down, the left one first, so that a name over two lines stays together.

use super::{Cell, Kind, Line, Page};

/// The left column of a masthead or closing is no wider than this share of the page.
const MAX_GUTTER: f32 = 0.65;
/// A masthead has at most so many rows.
const MASTHEAD_ROWS: usize = 14;

/// How mottoes begin.
const MOTTOES: [&str; 3] = ["CỘNG H", "CỘNG XÃ H", "ĐẢNG CỘNG SẢN"];

/// The lines with their two-column parts read column by column.
pub fn read_down(lines: Vec<Line>, page: &Page) -> Vec<Line> {
    let masthead = masthead(&lines, page);
    let (from, to) = masthead.map_or((0, 0), |part| (part.from, part.to));
    let closing = closing(&lines[to..], page).map(|part| Part {
        from: part.from + to,
        to: part.to + to,
        ..part
    });
    let mut out = Vec::with_capacity(lines.len());
    out.extend_from_slice(&lines[..from]);
    if let Some(part) = &masthead {
        part.read_down(&lines, &mut out);
        join_names(&mut out, from, part, page);
    }
    let rest = closing.as_ref().map_or(lines.len(), |part| part.from);
    out.extend_from_slice(&lines[to..rest]);
    if let Some(part) = closing {
        part.read_down(&lines, &mut out);
        out.extend_from_slice(&lines[part.to..]);
    }
    out
}

/// Puts names of bodies together that were broken for lack of room in the left column of a masthead.
fn join_names(lines: &mut Vec<Line>, from: usize, part: &Part, page: &Page) {
    let left_edge = page.words.iter().map(|word| word.x0).fold(page.width, f32::min);
    let mut index = from;
    while index + 1 < lines.len() {
        let (line, next) = (&lines[index], &lines[index + 1]);
        let middle = (line.x0 + line.x1) / 2.0;
        let room = 2.0 * (middle - left_edge).min(part.gutter - middle);
        let needed = line.x1 - line.x0 + 0.3 * line.size + next.first;
        let left = line.x1 < part.gutter && next.x1 < part.gutter;
        let close = next.y0 - line.y1 < 0.4 * line.size && next.y0 > line.y0;
        let names = is_capital(&line.text) && is_capital(&next.text) && !begins_name(&next.text);
        let centred = ((next.x0 + next.x1) / 2.0 - middle).abs() < line.size;
        if left && close && names && centred && needed > room + 0.3 * line.size {
            let next = lines.remove(index + 1);
            let line = &mut lines[index];
            line.text = format!("{} {}", line.text, next.text);
            line.y1 = next.y1;
            line.first = next.first;
        } else {
            index += 1;
        }
    }
}

/// Whether a line begins the name of another body.
fn begins_name(text: &str) -> bool {
    const FIRST: [&str; 9] = [
        "UBND", "ỦY BAN", "UỶ BAN", "HĐND", "SỞ ", "BỘ ", "BAN ", "PHÒNG ", "ĐẢNG ",
    ];
    FIRST.iter().any(|first| text.starts_with(first)) || text.contains(|c: char| c.is_ascii_digit())
}

/// A part in two columns, and where the gap between them lies.
#[derive(Clone, Copy, Debug)]
struct Part {
    from: usize,
    to: usize,
    gutter: f32,
    closing: bool,
}

impl Part {
    fn read_down(&self, lines: &[Line], out: &mut Vec<Line>) {
        let part = &lines[self.from..self.to];
        let cells = |kind: Kind| {
            part.iter().flat_map(move |line| {
                let of_column = |cell: &&Cell| (cell.x0 < self.gutter) == (kind == Kind::Left);
                let cells: Vec<&Cell> = line.cells.iter().filter(of_column).collect();
                (!cells.is_empty()).then(|| column_line(line, &cells, kind))
            })
        };
        out.extend(cells(Kind::Left));
        // Only in a closing does it matter that a line stands on the right.
        let right = cells(Kind::Right).map(|line| Line {
            kind: if self.closing { Kind::Right } else { Kind::Left },
            ..line
        });
        for line in right {
            match out.last_mut() {
                Some(above)
                    if !self.closing && (is_half_motto(&above.text) || goes_on_with_date(&above.text, &line.text)) =>
                {
                    above.text = format!("{} {}", above.text, line.text);
                    above.y1 = line.y1;
                }
                _ => out.push(line),
            }
        }
    }
}

fn column_line(line: &Line, cells: &[&Cell], kind: Kind) -> Line {
    let texts: Vec<&str> = cells.iter().map(|cell| cell.text.as_str()).collect();
    let cells: Vec<Cell> = cells.iter().map(|&cell| cell.clone()).collect();
    Line {
        kind,
        text: texts.join("\t"),
        x0: cells.first().map_or(line.x0, |cell| cell.x0),
        x1: cells.last().map_or(line.x1, |cell| cell.x1),
        cells,
        ..line.clone()
    }
}

/// From the row with the motto down to the row with number and date, and the subject of a letter
/// below it on the left.
fn masthead(lines: &[Line], page: &Page) -> Option<Part> {
    let motto = lines.iter().take(MASTHEAD_ROWS).position(|line| {
        line.cells
            .last()
            .is_some_and(|cell| cell.x0 > page.width * 0.25 && MOTTOES.iter().any(|motto| cell.text.starts_with(motto)))
    })?;
    let right = lines[motto].cells.last()?.x0;
    let of_left = |line: &Line| line.cells.iter().all(|cell| cell.x1 < right + 1.0);
    let from = motto - lines[..motto].iter().rev().take_while(|line| of_left(line)).count();
    let window = &lines[from..lines.len().min(motto + MASTHEAD_ROWS)];
    let divided = |line: &Line| line.cells.len() == 2;
    let gutter = |line: &Line| divided(line).then(|| (line.cells[0].x1 + line.cells[1].x0) / 2.0);
    // The narrowest row says where the columns part; a row across that place ends the masthead.
    let mut gaps = (f32::MIN, f32::MAX);
    let mut last = motto - from;
    for (index, line) in window.iter().enumerate() {
        let (left, right) = match line.cells.as_slice() {
            [left, right] => (gaps.0.max(left.x1), gaps.1.min(right.x0)),
            [_] => continue,
            _ => break,
        };
        if left >= right {
            break;
        }
        gaps = (left, right);
        last = index;
    }
    // Rows of one side only narrow the gap, too: the sides need not stand level.
    for line in &window[..=last] {
        if let [cell] = line.cells.as_slice() {
            if cell.x1 < gaps.1 {
                gaps.0 = gaps.0.max(cell.x1);
            } else if cell.x0 > gaps.0 {
                gaps.1 = gaps.1.min(cell.x0);
            }
        }
    }
    let gutter = if gaps.0 > 0.0 {
        (gaps.0 + gaps.1) / 2.0
    } else {
        gutter(&lines[motto])?
    };
    if gutter > page.width * MAX_GUTTER {
        return None;
    }
    let crosses = |line: &Line| line.cells.iter().any(|cell| cell.x0 < gutter && cell.x1 > gutter);
    if window[..=last].iter().any(crosses) {
        return None;
    }
    let mut above = &window[last];
    let below = window[last + 1..].iter().take_while(|line| {
        // The date may run over its line.
        let close = line.x0 > gutter && line.y0 - above.y1 < line.size;
        let runs_over = close && goes_on_with_date(&above.text, &line.text);
        above = line;
        line.x1 < gutter || runs_over
    });
    let below = below.count();
    Some(Part {
        from,
        to: from + last + 1 + below,
        gutter,
        closing: false,
    })
}

/// Whether a motto was broken for lack of room.
fn is_half_motto(text: &str) -> bool {
    MOTTOES.iter().any(|motto| text.starts_with(motto)) && !text.ends_with("NAM")
}

/// Whether a line goes on with a date that breaks off above it: "ngày 25 tháng 3 năm", "2024".
fn goes_on_with_date(above: &str, line: &str) -> bool {
    let words = |text: &str| text.rsplit('\t').next().unwrap_or(text).to_owned();
    let above = words(above);
    let (last, first) = (
        above.rsplit(' ').next().unwrap_or_default(),
        line.split(' ').next().unwrap_or_default(),
    );
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_word = |text: &str| matches!(text, "ngày" | "tháng" | "năm");
    above.contains("ngày") && (is_word(last) && is_number(first) || is_number(last) && is_word(first))
}

/// From the row with "Nơi nhận" (and the signature that begins above it) to the end of the page, or
/// to a row across both columns.
fn closing(lines: &[Line], page: &Page) -> Option<Part> {
    let heading = |line: &Line| {
        line.cells
            .first()
            .is_some_and(|cell| cell.text.to_lowercase().starts_with("nơi nhận"))
    };
    let start = lines.iter().rposition(heading)?;
    let rows = &lines[start..];
    let left = rows.iter().filter(|line| line.x0 < page.width * 0.4);
    let right = rows
        .iter()
        .filter_map(|line| line.cells.last().filter(|cell| cell.x0 > page.width * 0.4));
    let right_edge = right.map(|cell| cell.x0).fold(f32::MAX, f32::min);
    let left_edge = left
        .filter_map(|line| line.cells.first())
        .filter(|cell| cell.x1 < right_edge)
        .map(|cell| cell.x1)
        .fold(0.0, f32::max);
    if right_edge == f32::MAX || left_edge >= right_edge {
        return None;
    }
    let gutter = (left_edge + right_edge) / 2.0;
    let within = |line: &&Line| line.cells.iter().all(|cell| cell.x1 < gutter || cell.x0 > gutter);
    let above = lines[..start]
        .iter()
        .rev()
        .take(4)
        .take_while(|line| line.kind == Kind::Text && line.x0 > gutter && is_capital(&line.text));
    Some(Part {
        from: start - above.count(),
        to: start + rows.iter().take_while(within).count(),
        gutter,
        closing: true,
    })
}

fn is_capital(text: &str) -> bool {
    !text.chars().any(char::is_lowercase)
}
