//! Headings and their levels.
//!
//! A heading is a labelled line that opens what stands below it; a labelled paragraph of prose is
//! an item of a list. What tells them apart is how the paragraph ends: a heading has no full stop.

use crate::{
    document::{Document, Span},
    extract::{
        Layout, Section,
        layout::{Label, LabelKind, Line, is_upper},
    },
};

/// A longer paragraph, in bytes, is no heading.
const MAX_TITLE: usize = 1000;
/// A heading this short, in bytes, may end in a full stop.
const SHORT_TITLE: usize = 70;
/// A title below a label that stands alone has at most so many lines.
const TITLE_LINES: usize = 4;

/// Finds the headings.
pub fn extract(document: &Document, layout: &Layout) -> Vec<Section> {
    let text = document.text.as_str();
    let mut levels = Levels::default();
    let mut sections = Vec::new();
    let mut item_above: Option<(LabelKind, usize)> = None;
    let mut notes = layout.notes.iter().peekable();
    let mut index = layout.lines.partition_point(|line| line.span.start < layout.body.start);
    while let Some(line) = layout.lines.get(index).filter(|line| line.span.start < layout.body.end) {
        while notes.next_if(|note| note.body.end <= line.span.start).is_some() {}
        let in_note = notes.peek().is_some_and(|note| note.body.start <= line.span.start);
        let mut next = index + 1;
        if let Some(label) = line.label.filter(|_| !in_note && !line.row) {
            // The last item of a list may be as short as a heading.
            let ends_list = item_above
                .is_some_and(|(kind, end)| kind == label.kind && is_blank(layout, end + 1..index))
                && (!has_content(layout, index, label) || ends_like_prose(paragraph(layout, index).of(text)));
            match title(text, layout, index, label).filter(|_| !ends_list) {
                Some((title, end)) => {
                    let span = Span {
                        start: line.span.start,
                        end: title.end,
                    };
                    sections.push(Section {
                        label: label.span,
                        level: levels.enter(label.kind),
                        title,
                        span,
                    });
                    next = end;
                }
                None => item_above = Some((label.kind, paragraph_end(layout, index))),
            }
        }
        index = next;
    }
    sections
}

fn is_blank(layout: &Layout, lines: std::ops::Range<usize>) -> bool {
    layout
        .lines
        .get(lines)
        .is_none_or(|lines| lines.iter().all(Line::is_blank))
}

/// Whether something other than a sibling or an outer heading stands below a labelled line.
fn has_content(layout: &Layout, index: usize, label: Label) -> bool {
    next_line(layout, paragraph_end(layout, index))
        .is_some_and(|next| next.label.is_none_or(|next| next.kind > label.kind))
}

/// The title behind a label, when it is a heading's, and the index of the line behind it.
fn title(text: &str, layout: &Layout, index: usize, label: Label) -> Option<(Span, usize)> {
    let last = paragraph_end(layout, index);
    let line = layout.lines[index];
    if label.text >= line.span.end {
        return title_below(text, layout, index, label);
    }
    let whole = Span {
        start: label.text,
        end: layout.lines[last].span.end,
    };
    let title = without_end_marks(text, whole);
    let words = title.of(text);
    let heading = if is_upper(words) {
        true
    } else {
        let open = !ends_like_prose(whole.of(text)) || is_short_sentence(text, layout, last, label, whole);
        whole.len() <= MAX_TITLE && open && !is_list_item(text, layout, last, label)
    };
    (heading && !title.is_empty()).then_some((title, last + 1))
}

/// The title of a label that stands alone on its line: the lines in capitals below it.
fn title_below(text: &str, layout: &Layout, index: usize, label: Label) -> Option<(Span, usize)> {
    let mut title: Option<Span> = None;
    let mut end = index + 1;
    for (at, line) in layout.lines.iter().enumerate().skip(index + 1).take(TITLE_LINES) {
        if line.is_blank() && title.is_none() {
            continue;
        }
        if line.is_blank() || line.label.is_some() || !is_upper(line.span.of(text)) {
            break;
        }
        title = Some(title.map_or(line.span, |title| title.join(line.span)));
        end = at + 1;
    }
    match title {
        Some(title) => Some((without_end_marks(text, title), end)),
        None => (label.kind == LabelKind::Part).then_some((
            Span {
                start: label.span.end,
                end: label.span.end,
            },
            end,
        )),
    }
}

/// The paragraph that begins on this line.
fn paragraph(layout: &Layout, index: usize) -> Span {
    layout.lines[index]
        .span
        .join(layout.lines[paragraph_end(layout, index)].span)
}

/// The last line of the paragraph that begins on this line.
fn paragraph_end(layout: &Layout, mut index: usize) -> usize {
    while let Some(next) = layout.lines.get(index + 1) {
        // A join always leads from the end of one line to the start of another.
        let joined = layout
            .flow
            .back(next.span.start as usize)
            .is_some_and(|from| from >= layout.lines[index].span.end as usize);
        if !joined || next.is_blank() {
            return end_over_breaks(layout, index);
        }
        index += 1;
    }
    index
}

/// Where a paragraph goes on behind a blank line or a footnote, its end.
fn end_over_breaks(layout: &Layout, index: usize) -> usize {
    let end = layout.lines[index].span.end as usize;
    let Some(next) = layout.lines.get(index + 1) else {
        return index;
    };
    // The line break behind this line stands at or behind its end, before the next line.
    let break_at = (end..=next.span.start as usize).find_map(|at| layout.flow.onward(at));
    match break_at {
        Some(to) => layout
            .lines
            .partition_point(|line| (line.span.start as usize) < to)
            .max(index),
        None => index,
    }
}

fn without_end_marks(text: &str, span: Span) -> Span {
    let trimmed = span.of(text).trim_end_matches([' ', ':', '.', ';', '*', '_']);
    Span {
        start: span.start,
        end: span.start + trimmed.len() as u32,
    }
}

/// Whether a paragraph ends as prose or as an item of a list does.
fn ends_like_prose(text: &str) -> bool {
    let trimmed = text.trim_end_matches(|c: char| {
        c.is_whitespace() || matches!(c, '*' | '_' | '”' | '"' | ')' | '¹' | '²' | '³' | '⁰'..='⁹')
    });
    trimmed.ends_with(['.', ';', ',', '!', '…']) || (trimmed.ends_with(':') && trimmed.len() > 2 * SHORT_TITLE)
}

/// A short heading that ends in a full stop: below it stands something other than its sibling.
fn is_short_sentence(text: &str, layout: &Layout, last: usize, label: Label, whole: Span) -> bool {
    let short = whole.len() <= SHORT_TITLE && whole.of(text).ends_with('.') && !whole.of(text).contains([',', ';']);
    short && next_line(layout, last).is_some_and(|next| next.label.is_none_or(|next| next.kind > label.kind))
}

/// Whether a label without content of its own stands right above its sibling: an item of a list.
fn is_list_item(text: &str, layout: &Layout, last: usize, label: Label) -> bool {
    if matches!(label.kind, LabelKind::Part | LabelKind::Roman | LabelKind::Upper) {
        return false;
    }
    let Some(next) = next_line(layout, last) else {
        return false;
    };
    let sibling = next.label.is_some_and(|next| next.kind == label.kind);
    sibling && !is_upper(next.span.of(text))
}

/// The next line that is not blank, within the body.
fn next_line(layout: &Layout, last: usize) -> Option<&Line> {
    layout.lines[last + 1..]
        .iter()
        .find(|line| !line.is_blank())
        .filter(|line| line.span.start < layout.body.end)
}

/// The labels in force, outermost first.
#[derive(Default)]
struct Levels {
    stack: Vec<LabelKind>,
    roman_first: bool,
}

impl Levels {
    /// The level of a heading with this kind of label.
    fn enter(&mut self, kind: LabelKind) -> u8 {
        // "A. … I. …" and "I. … A. …" both occur: what came first is the outer one.
        if kind == LabelKind::Roman && !self.stack.contains(&LabelKind::Upper) {
            self.roman_first = true;
        }
        let rank = self.rank(kind);
        while self.stack.last().is_some_and(|&last| self.rank(last) > rank) {
            self.stack.pop();
        }
        if self.stack.last() != Some(&kind) {
            self.stack.push(kind);
        }
        self.stack.len().min(usize::from(u8::MAX)) as u8
    }

    fn rank(&self, kind: LabelKind) -> u8 {
        match kind {
            LabelKind::Part => 0,
            LabelKind::Upper if self.roman_first => 3,
            LabelKind::Upper => 1,
            LabelKind::Roman => 2,
            LabelKind::Arabic(numbers) => 3 + numbers,
            LabelKind::Lower => 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Label, level and title of each heading.
    fn headings(text: &str) -> Vec<(String, u8, String)> {
        let document = Document::plain(text);
        let layout = Layout::of(&document);
        let cut = |span: Span| span.of(text).replace('\n', " ");
        extract(&document, &layout)
            .iter()
            .map(|s| (cut(s.label), s.level, cut(s.title)))
            .collect()
    }

    fn expect(text: &str, expected: &[(&str, u8, &str)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|&(l, n, t)| (l.to_owned(), n, t.to_owned()))
            .collect();
        assert_eq!(headings(text), expected);
    }

    #[test]
    fn labels_of_all_kinds_nest_as_they_come() {
        expect(
            "BÁO CÁO\nKết quả năm 2024\n\nPhần thứ nhất\nKẾT QUẢ\n\nI. TÌNH HÌNH\n\nCó mưa.\n\n1. Kinh tế\n\nỔn định.\n\n1.1. Thu ngân sách\n\nĐạt.\n\na) Thu nội địa\n\nĐạt.\n\n2. Xã hội:\n\nTốt.\n\nPhần thứ hai\nNHIỆM VỤ\n\nI- CHUNG\n\nLàm.",
            &[
                ("Phần thứ nhất", 1, "KẾT QUẢ"),
                ("I", 2, "TÌNH HÌNH"),
                ("1", 3, "Kinh tế"),
                ("1.1", 4, "Thu ngân sách"),
                ("a", 5, "Thu nội địa"),
                ("2", 3, "Xã hội"),
                ("Phần thứ hai", 1, "NHIỆM VỤ"),
                ("I", 2, "CHUNG"),
            ],
        );
    }

    #[test]
    fn a_labelled_paragraph_of_prose_is_no_heading_even_over_a_page_break() {
        expect(
            "BÁO CÁO\nNhiệm vụ\n\nIV. NHIỆM VỤ\n\n1. Các đơn vị tiếp tục đẩy mạnh tuyên truyền đến\n\ntừng hộ dân trong xã.\n\n2. Tăng cường kiểm tra; xử lý vi phạm.\n\n3. Lập kế hoạch\n\n4. Phân công cán bộ\n",
            &[("IV", 1, "NHIỆM VỤ")],
        );
    }

    #[test]
    fn the_last_item_of_a_list_is_none_and_what_stands_below_a_heading_may_begin_with_a_figure() {
        expect(
            "BÁO CÁO\nKết quả\n\nC. KẾ HOẠCH\n1. Duy trì giám sát, không để dịch lan rộng.\n2. Tiêm bù, tiêm vét cho trẻ.\n3. Mở 02 lớp tập huấn.\n\nTrung tâm trân trọng báo cáo.\n\nD. KHÁC\n1. Công khai tài chính\n100% đơn vị đã công khai.\n2. Ứng dụng công nghệ, chuyển đổi số\n100% cán bộ xử lý văn bản trên mạng.\n\nĐ. KẾT LUẬN\nTình hình chung ổn định.\n",
            &[
                ("C", 1, "KẾ HOẠCH"),
                ("D", 1, "KHÁC"),
                ("1", 2, "Công khai tài chính"),
                ("2", 2, "Ứng dụng công nghệ, chuyển đổi số"),
                ("Đ", 1, "KẾT LUẬN"),
            ],
        );
    }

    #[test]
    fn a_heading_in_capitals_takes_two_lines_and_an_item_may_have_a_dash() {
        expect(
            "BÁO CÁO\nKết quả\n\nA. CÔNG TÁC KIỂM TRA\nTRONG ĐẢNG NĂM 2023\n\n1/ Kết quả tài chính\n\na- Doanh thu: đạt 12 tỷ đồng.\n\nb- Chi phí: đúng dự toán.\n",
            &[
                ("A", 1, "CÔNG TÁC KIỂM TRA TRONG ĐẢNG NĂM 2023"),
                ("1", 2, "Kết quả tài chính"),
            ],
        );
    }

    #[test]
    fn a_title_goes_on_over_a_wrapped_line_and_figures_are_no_labels() {
        expect(
            "BÁO CÁO\nKết quả\n\nI- PHÁT TRIỂN KINH TẾ,\nXÃ HỘI\n\n1.250 hộ đã đăng ký.\n\n10/10 xã đạt chuẩn.\n\n6 tháng đầu năm có mưa.\n",
            &[("I", 1, "PHÁT TRIỂN KINH TẾ, XÃ HỘI")],
        );
    }
}
