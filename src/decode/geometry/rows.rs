//! The words of a page as lines: rows of cells, footnote marks, stamps; page numbers dropped.

use super::{Cell, Kind, Line, Page, Word, columns, grid, median, tables, usual_height};

/// A gap so many times the height of its words divides cells.
const CELL_GAP: f32 = 1.9;
/// So does a smaller one between blocks of the source.
const BLOCK_GAP: f32 = 0.8;
/// Lower than this share of its neighbour, a raised word is a footnote's mark.
const MARK_HEIGHT: f32 = 0.82;
/// A wider slant, as a tangent, is no scan laid on crookedly.
const MAX_SLANT: f32 = 0.12;
/// More cells than this in a row are no table of a report.
const MAX_CELLS: usize = 40;

/// The lines of a page from the top, its number left out.
pub fn lines(page: &Page, number: usize) -> Vec<Line> {
    let mut words: Vec<Word> = page.words.iter().filter(|word| is_sound(word)).cloned().collect();
    if words.is_empty() {
        return Vec::new();
    }
    straighten(&mut words);
    if page.confidence.is_some() {
        level(&mut words);
    }
    let size = usual_height(&words);
    let (stamps, mut words) = stamps(words);
    let rows_of_tables = grid::take_tables(page, &mut words);
    let mut lines = plain_lines(words, page);
    drop_page_number(&mut lines, page, number);
    lines.retain(|line| !line.text.is_empty());
    mark_notes(&mut lines, page, size);
    let mut lines = tables::unwrap_cells(columns::read_down(lines, page));
    for stamp in stamps {
        let at = lines.partition_point(|line| line.y0 < stamp.y0);
        lines.insert(at, stamp);
    }
    let mut from = 0;
    for row in rows_of_tables {
        let above = lines[from..].iter().rposition(|line| line.y0 < row.y0);
        from += above.map_or(0, |above| above + 1);
        lines.insert(from, row);
        from += 1;
    }
    widen_marks(&mut lines, size);
    lines
}

/// The lines that words make, from the top.
pub fn plain_lines(words: Vec<Word>, page: &Page) -> Vec<Line> {
    rows(segments(words)).into_iter().map(|row| line(row, page)).collect()
}

/// Whether the words of a page stand so that there may be a table: several rows of three, or many of two.
pub fn may_have_tables(page: &Page) -> bool {
    let words = page.words.iter().filter(|word| is_sound(word)).cloned().collect();
    let rows = rows(segments(words));
    let parts = |row: &Row| {
        let gaps = row.words.windows(2).filter(|two| two[1].line != two[0].line);
        gaps.count() + 1
    };
    let of_three = rows.iter().filter(|row| parts(row) > 2).count();
    let of_two = rows.iter().filter(|row| parts(row) > 1).count();
    of_three > 1 || of_two > 3
}

/// Whether a word has a place that can be reckoned with.
fn is_sound(word: &Word) -> bool {
    let edges = [word.x0, word.x1, word.y0, word.y1];
    edges.iter().all(|edge| edge.is_finite() && edge.abs() < 1e6)
        && word.x1 >= word.x0
        && word.y1 > word.y0
        && !word.text.trim().is_empty()
}

/// Takes the slant out of a scan that was laid on crookedly: the slope that most lines share.
fn straighten(words: &mut [Word]) {
    let slopes = words
        .chunk_by(|a, b| a.line == b.line)
        .filter_map(|line| match line {
            [first, .., last] if last.x1 - first.x0 > 12.0 * first.height() => {
                Some((last.middle() - first.middle()) / (last.x0 - first.x0).max(1.0))
            }
            _ => None,
        })
        .collect();
    let slope = median(slopes);
    if slope.abs() < 0.001 || slope.abs() > MAX_SLANT {
        return;
    }
    for word in words {
        let shift = slope * word.x0;
        word.y0 -= shift;
        word.y1 -= shift;
    }
}

/// Recognised words are as high as their letters happen to be; the words of a line get one height.
fn level(words: &mut [Word]) {
    for line in words.chunk_by_mut(|a, b| a.line == b.line) {
        let top = median(line.iter().map(|word| word.y0).collect());
        let bottom = median(line.iter().map(|word| word.y1).collect());
        if bottom > top {
            for word in line {
                (word.y0, word.y1) = (top, bottom);
            }
        }
    }
}

/// Takes out the blocks that are the appearance of a digital signature: who signed, with the time to
/// the second. They stand over the masthead and would be taken for it; one line each keeps them apart.
fn stamps(words: Vec<Word>) -> (Vec<Line>, Vec<Word>) {
    let mut stamps = Vec::new();
    let mut rest = Vec::with_capacity(words.len());
    for block in words.chunk_by(|a, b| a.block == b.block) {
        if is_signature(block) {
            stamps.push(stamp(block));
        } else {
            rest.extend_from_slice(block);
        }
    }
    (stamps, rest)
}

/// Whether a block is the appearance of a digital signature.
pub fn is_signature(block: &[Word]) -> bool {
    let is_time = |word: &Word| {
        let parts: Vec<&str> = word.text.split(':').collect();
        parts.len() == 3
            && parts
                .iter()
                .all(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
    };
    let says = |a: &str, b: &str| {
        block
            .windows(2)
            .any(|two| two[0].text == a && two[1].text.starts_with(b))
    };
    block.len() < 60 && (block.iter().any(is_time) || says("Ký", "bởi") || says("Signed", "by"))
}

fn stamp(block: &[Word]) -> Line {
    let text: Vec<&str> = block.iter().map(|word| word.text.trim()).collect();
    Line {
        kind: Kind::Stamp,
        text: text.join(" "),
        cells: Vec::new(),
        x0: block.iter().map(|word| word.x0).fold(f32::MAX, f32::min),
        x1: block.iter().map(|word| word.x1).fold(0.0, f32::max),
        y0: block.iter().map(|word| word.y0).fold(f32::MAX, f32::min),
        y1: block.iter().map(|word| word.y1).fold(0.0, f32::max),
        size: median(block.iter().map(Word::height).collect()),
        row: None,
        first: 0.0,
    }
}

/// Words side by side in a line of the source, without a wide gap between them.
struct Segment {
    words: Vec<Word>,
    y0: f32,
    y1: f32,
}

impl Segment {
    fn of(words: &[Word]) -> Self {
        // The core is that of the usual words: marks and tall brackets must not widen it.
        let size = median(words.iter().map(Word::height).collect());
        let core = words
            .iter()
            .find(|word| (word.height() - size).abs() < 0.01)
            .unwrap_or(&words[0]);
        Self {
            y0: core.y0,
            y1: core.y1,
            words: words.to_vec(),
        }
    }

    fn x0(&self) -> f32 {
        self.words.first().map_or(0.0, |word| word.x0)
    }

    /// How much of the lower of the two stands level with the other, 0 to 1.
    fn level_with(&self, y0: f32, y1: f32) -> f32 {
        let shared = self.y1.min(y1) - self.y0.max(y0);
        shared / (self.y1 - self.y0).min(y1 - y0).max(0.1)
    }
}

fn segments(words: Vec<Word>) -> Vec<Segment> {
    let mut segments = Vec::new();
    for line in words.chunk_by(|a, b| a.line == b.line) {
        let apart = |a: &Word, b: &Word| b.x0 - a.x1 > CELL_GAP * a.height().max(b.height()) || b.x1 < a.x0;
        for piece in line.chunk_by(|a, b| !apart(a, b)) {
            segments.push(Segment::of(piece));
        }
    }
    segments
}

/// A row: the words that stand level, from the left.
struct Row {
    words: Vec<Word>,
    y0: f32,
    y1: f32,
}

/// Segments that stand level become a row; rows come from the top.
fn rows(mut segments: Vec<Segment>) -> Vec<Row> {
    // Long segments first found the rows that short ones join (a raised mark joins its line).
    segments.sort_by(|a, b| a.y0.total_cmp(&b.y0).then(a.x0().total_cmp(&b.x0())));
    let mut rows: Vec<Row> = Vec::new();
    for segment in segments {
        let best = rows
            .iter_mut()
            .rev()
            .take(8)
            .map(|row| (segment.level_with(row.y0, row.y1), row))
            .filter(|(level, row)| *level > 0.55 && !collides(row, &segment))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        match best {
            Some((_, row)) => {
                // The taller core stays: what is level with a mark alone is not level with its line.
                if segment.y1 - segment.y0 > row.y1 - row.y0 {
                    (row.y0, row.y1) = (segment.y0, segment.y1);
                }
                row.words.extend(segment.words);
            }
            None => rows.push(Row {
                y0: segment.y0,
                y1: segment.y1,
                words: segment.words,
            }),
        }
    }
    for row in &mut rows {
        row.words.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    }
    rows.sort_by(|a, b| a.y0.total_cmp(&b.y0));
    rows
}

/// Whether a segment would lie on words of the row: then it is a line of its own, close above or below.
fn collides(row: &Row, segment: &Segment) -> bool {
    segment.words.iter().any(|word| {
        row.words.iter().any(|other| {
            let shared = word.x1.min(other.x1) - word.x0.max(other.x0);
            shared > 0.5 * (word.x1 - word.x0).min(other.x1 - other.x0)
        })
    })
}

/// A row as a line of text.
fn line(row: Row, page: &Page) -> Line {
    let words = row.words;
    let even = is_stretched(&words, page);
    let mut cells: Vec<Cell> = Vec::new();
    let mut kind = Kind::Text;
    for (index, word) in words.iter().enumerate() {
        let said = word.text.trim();
        let (right, x0, x1) = (words.get(index + 1), word.x0, word.x1);
        let left = index.checked_sub(1).map(|left| &words[left]);
        let mark = raised(word, left, right);
        let full = cells.len() >= MAX_CELLS;
        match (cells.last_mut(), left) {
            (Some(cell), Some(left)) => {
                cell.x1 = cell.x1.max(left.x1);
                let beside = match begins_motto(&words[index..]) && word.x0 - left.x1 > 0.5 * word.height() {
                    true => Between::Cells,
                    false => between(left, word, &cell.text, even),
                };
                match (mark, beside) {
                    (Some(mark), _) => cell.text.push_str(&mark),
                    (None, Between::Nothing) => cell.text.push_str(said),
                    (None, Between::Cells) if !full => cells.push(Cell {
                        text: said.to_owned(),
                        x0,
                        x1,
                    }),
                    (None, _) => {
                        cell.text.push(' ');
                        cell.text.push_str(said);
                    }
                }
            }
            _ => {
                if mark.is_some() && right.is_some() {
                    kind = Kind::Note;
                }
                let text = mark.unwrap_or_else(|| said.to_owned());
                cells.push(Cell { text, x0, x1 });
            }
        }
    }
    if let (Some(cell), Some(word)) = (cells.last_mut(), words.last()) {
        cell.x1 = cell.x1.max(word.x1);
    }
    hang_label(&mut cells);
    if cells.len() > 1 && kind == Kind::Text {
        kind = Kind::Cells;
    }
    let texts: Vec<&str> = cells.iter().map(|cell| cell.text.as_str()).collect();
    let text = texts.join(if cells.len() > 2 { " | " } else { "\t" });
    Line {
        kind,
        text,
        x0: words.first().map_or(0.0, |word| word.x0),
        x1: words.iter().map(|word| word.x1).fold(0.0, f32::max),
        y0: row.y0,
        y1: row.y1,
        size: median(words.iter().map(Word::height).collect()),
        first: words.first().map_or(0.0, |word| word.x1 - word.x0),
        row: None,
        cells,
    }
}

/// The number of a heading or the dash of a list's item stands apart from its text: the two are one cell.
fn hang_label(cells: &mut Vec<Cell>) {
    if let [label, text] = cells.as_slice()
        && is_label(&label.text)
        && text
            .text
            .starts_with(|c: char| c.is_alphanumeric() || matches!(c, '“' | '"' | '('))
    {
        let hung = Cell {
            text: format!("{} {}", label.text, text.text),
            x0: label.x0,
            x1: text.x1,
        };
        *cells = vec![hung];
    }
}

/// "-", "II.", "1.2.", "a)", "c,"; a number alone may be one of a table.
fn is_label(text: &str) -> bool {
    let inner = text.trim_end_matches(['.', ')', '/', ',']);
    let dash = matches!(text, "-" | "–" | "+" | "•" | "*" | "\u{F0B7}" | "\u{F02D}" | "▪");
    let number = inner.split('.').all(|part| {
        let roman = part.bytes().all(|b| matches!(b, b'I' | b'V' | b'X' | b'L'));
        let digits = part.bytes().all(|b| b.is_ascii_digit()) && part.len() < 3;
        let letter = part.chars().count() == 1 && part.chars().all(char::is_alphabetic);
        !part.is_empty() && (roman || digits || letter)
    });
    dash || (inner.len() < text.len() && number) || (inner.contains('.') && number)
}

/// Whether a row is one line that was stretched to the margins: gaps wide, and all alike.
fn is_stretched(words: &[Word], page: &Page) -> bool {
    let (Some(first), Some(last)) = (words.first(), words.last()) else {
        return false;
    };
    let wide = last.x1 - first.x0 > page.width * 0.6;
    let letters = words
        .iter()
        .filter(|word| word.text.chars().any(char::is_alphabetic))
        .count();
    let gaps: Vec<f32> = words.windows(2).map(|two| two[1].x0 - two[0].x1).collect();
    let widest = gaps.iter().copied().fold(0.0, f32::max);
    wide && words.len() >= 6 && letters * 10 >= words.len() * 8 && median(gaps) * 1.6 > widest
}

/// Whether words are the beginning of what stands on the right of a masthead, however near the left side comes.
fn begins_motto(words: &[Word]) -> bool {
    const MOTTOES: [[&str; 3]; 4] = [
        ["CỘNG", "HÒA", "XÃ"],
        ["CỘNG", "HOÀ", "XÃ"],
        ["ĐẢNG", "CỘNG", "SẢN"],
        ["Độc", "lập", "-"],
    ];
    let begins = |motto: &[&str; 3]| words.len() > 3 && motto.iter().zip(words).all(|(said, word)| *said == word.text);
    MOTTOES.iter().any(begins)
}

/// What stands between two words of a row.
enum Between {
    Nothing,
    Space,
    Cells,
}

fn between(left: &Word, right: &Word, cell: &str, even: bool) -> Between {
    let gap = right.x0 - left.x1;
    let size = left.height().max(right.height()).max(1.0);
    // The number of a signed document, put over the blank: "Số:" "542" "/TB-UBND" is one cell.
    if right.text.starts_with('/') && is_number_label(cell) && gap < 8.0 * size {
        let digits = cell.ends_with(|c: char| c.is_ascii_digit());
        return if digits { Between::Nothing } else { Between::Space };
    }
    if is_blank_to_fill(cell, &right.text) && gap < 8.0 * size {
        return Between::Space;
    }
    let wide = gap > CELL_GAP * size || (left.block != right.block && gap > BLOCK_GAP * size);
    if wide && !even {
        return Between::Cells;
    }
    // Pieces of one word: the source cuts where the font changes.
    let glued = gap < 0.08 * size && left.line == right.line && left.confidence.is_none();
    if glued && !is_break_between(&left.text, &right.text) {
        return Between::Nothing;
    }
    Between::Space
}

/// "Số:", "Số: 542".
fn is_number_label(cell: &str) -> bool {
    let rest = cell.strip_prefix("Số").or_else(|| cell.strip_prefix("SỐ"));
    rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | ':' | '.')))
}

/// Blanks of a form, filled in or not: "ngày    tháng    năm 2024", "Số:    12".
fn is_blank_to_fill(cell: &str, right: &str) -> bool {
    let last = cell.rsplit(' ').next().unwrap_or(cell).to_lowercase();
    let filled = last.bytes().all(|b| b.is_ascii_digit()) && cell.contains("ngày");
    let first = right.to_lowercase();
    match last.as_str() {
        "số:" | "số" => right.starts_with(|c: char| c.is_ascii_digit() || c == '/'),
        "ngày" | "tháng" | "năm" => {
            right.starts_with(|c: char| c.is_ascii_digit()) || matches!(first.as_str(), "tháng" | "năm")
        }
        _ => filled && matches!(first.as_str(), "tháng" | "năm"),
    }
}

/// Whether two pieces that touch are two words all the same: a number's "15" and "%" are not.
fn is_break_between(left: &str, right: &str) -> bool {
    left.ends_with([',', ';', ':']) && right.starts_with(char::is_alphabetic)
}

/// The mark of a footnote: digits, smaller than the words beside them and raised.
fn raised(word: &Word, left: Option<&Word>, right: Option<&Word>) -> Option<String> {
    let said = word.text.trim();
    let inner = said.trim_start_matches(['(', '[']).trim_end_matches([')', ']']);
    if inner.is_empty() || inner.len() > 3 || !inner.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let beside = match left {
        Some(left) => (word.x0 - left.x1 < 0.35 * left.height()).then_some(left)?,
        None => right.filter(|right| right.x0 - word.x1 < 1.2 * right.height())?,
    };
    let small = word.height() < MARK_HEIGHT * beside.height();
    let high = beside.y1 - word.y1 > 0.08 * beside.height();
    (small && high).then(|| inner.bytes().map(superscript).collect())
}

/// The superscript form of an ASCII digit.
fn superscript(digit: u8) -> char {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    DIGITS
        .get(usize::from(digit.wrapping_sub(b'0')))
        .copied()
        .unwrap_or(' ')
}

/// Takes out the page's number: a number alone in its first or last line, near the middle or the right.
fn drop_page_number(lines: &mut Vec<Line>, page: &Page, number: usize) {
    let is_number = |line: &Line| {
        let text = line
            .text
            .trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '–' | '—'));
        let text = text.strip_prefix("Trang").unwrap_or(text).trim();
        let shown = text.split(['/', '|']).next().unwrap_or(text).trim();
        let counted = shown.parse::<usize>().is_ok_and(|shown| shown < number + 2000);
        let rest = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '/' | ' '));
        let placed = line.x0 > page.width * 0.35 || text.len() < line.text.trim().len();
        counted && rest && placed && shown.len() <= 4
    };
    let edge = |line: &Line| line.y1 < page.height * 0.12 || line.y0 > page.height * 0.88;
    if lines.first().is_some_and(|line| edge(line) && is_number(line)) {
        lines.remove(0);
    }
    if lines.last().is_some_and(|line| edge(line) && is_number(line)) {
        lines.pop();
    }
}

/// Notes at the foot of a page whose mark is neither small nor raised: "1", a gap, small text.
fn mark_notes(lines: &mut [Line], page: &Page, size: f32) {
    for line in lines.iter_mut().rev() {
        if line.y0 < page.height * 0.4 || line.size > 0.93 * size {
            break;
        }
        let (mark, note) = match line.cells.as_slice() {
            [mark, note] => (mark.text.clone(), note.text.clone()),
            [cell] => match cell.text.split_once(' ') {
                Some((mark, note)) => (mark.to_owned(), note.to_owned()),
                None => continue,
            },
            _ => continue,
        };
        if mark.len() <= 2 && mark.bytes().all(|b| b.is_ascii_digit()) && note.starts_with(char::is_alphabetic) {
            let raised: String = mark.bytes().map(superscript).collect();
            line.text = format!("{raised} {note}");
            line.kind = Kind::Note;
            line.cells.truncate(1);
        }
    }
}

/// A note's mark may come as a line of its own, above its note: the two are one line.
fn widen_marks(lines: &mut Vec<Line>, size: f32) {
    let mut index = 0;
    while index + 1 < lines.len() {
        let (mark, note) = (&lines[index], &lines[index + 1]);
        let digits = mark.text.len() <= 3 && mark.text.bytes().all(|b| b.is_ascii_digit()) && !mark.text.is_empty();
        let close = note.y0 - mark.y1 < 0.0 && note.x0 > mark.x0 && note.x0 - mark.x1 < size;
        if digits && close && mark.size < MARK_HEIGHT * note.size {
            let raised: String = mark.text.bytes().map(superscript).collect();
            let (x0, text) = (mark.x0, format!("{raised} {}", note.text));
            lines[index + 1].x0 = x0;
            lines[index + 1].text = text;
            lines[index + 1].kind = Kind::Note;
            lines.remove(index);
        }
        index += 1;
    }
}
