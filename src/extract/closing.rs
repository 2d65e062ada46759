//! The closing of a report: recipients (nơi nhận) and signatures.
//!
//! Decree 30/2020/NĐ-CP, annex I, boxes 7 and 9: recipients on the left, signature on the right,
//! level with each other; flattened to text they stand one after the other in either order, or
//! side by side in two columns. Party papers write T/M, K/T for TM., KT.

use crate::{
    document::{Document, Span},
    extract::{
        Layout, Recipient, Signatory,
        layout::{Line, is_name_text, is_upper},
    },
    shadow::{Flow, Key, Reader, key},
};

/// Reads the recipients and the signatories.
pub fn extract(document: &Document, layout: &Layout) -> (Vec<Recipient>, Vec<Signatory>) {
    let text = document.text.as_str();
    let mut recipients = Recipients {
        text,
        open: false,
        dashed: false,
        found: Vec::new(),
    };
    // Two columns of signatures are read one after the other, as are those below each other.
    let mut columns = [Signatures::default(), Signatures::default()];
    let note_start = layout
        .notes
        .iter()
        .map(|note| note.mark.start)
        .find(|&start| start >= layout.body.end);
    for line in &layout.lines[layout.closing.clone()] {
        if note_start.is_some_and(|start| line.span.start >= start) {
            break;
        }
        if line.is_blank() {
            continue;
        }
        let cells = line.cells(text);
        let one = cells.len() == 1;
        for (column, &cell) in cells.iter().enumerate() {
            let indented = one && is_far_right(text, *line);
            if column == 0 && !indented {
                match recipients.take(cell, *line) {
                    Taken::Whole => continue,
                    Taken::Beside(signature) => {
                        columns[0].take(text, signature);
                        continue;
                    }
                    Taken::Not => {}
                }
            }
            let two = !recipients.open && !one;
            columns[usize::from(two && column > 0)].take(text, cell);
        }
    }
    let [left, right] = columns;
    let signatories = left.finish().into_iter().chain(right.finish()).collect();
    (recipients.found, signatories)
}

/// Whether a line stands in a right-hand column: far from the margin.
fn is_far_right(text: &str, line: Line) -> bool {
    let start = line.span.start as usize;
    let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
    text[line_start..start].chars().count() >= 20
}

/// What a list of recipients has of a line.
enum Taken {
    Whole,
    /// The line is the list's, but for what a reader of PDF has left of the other column.
    Beside(Span),
    Not,
}

/// The lines under "Nơi nhận".
struct Recipients<'t> {
    text: &'t str,
    /// Between the heading and the end of the list.
    open: bool,
    /// Each recipient begins with a dash.
    dashed: bool,
    found: Vec<Recipient>,
}

impl Recipients<'_> {
    /// Takes a line that belongs to the list; says whether it does.
    fn take(&mut self, cell: Span, line: Line) -> Taken {
        if let Some(rest) = behind_heading(self.text, cell) {
            self.open = true;
            if is_authority(rest.of(self.text)) {
                return Taken::Beside(rest);
            }
            if !rest.is_empty() {
                self.add_all(rest);
            }
            return Taken::Whole;
        }
        let bullet = line.bullet || is_dashed(cell.of(self.text));
        let archived = self.found.last().is_some_and(|last| last.archive);
        // Lines of the signature stand between those of the list where two columns were read by
        // rows: the list goes on behind them.
        self.open |= bullet && !self.found.is_empty() && !archived;
        if !self.open {
            return Taken::Not;
        }
        if is_upper(cell.of(self.text)) && !bullet {
            self.open = false;
            return Taken::Not;
        }
        if !bullet && (archived || (self.dashed && is_name_text(cell.of(self.text)))) {
            self.open = false;
            return Taken::Not;
        }
        // A wrapped line goes on with the recipient above it.
        if !bullet
            && self.dashed
            && let Some(last) = self.found.last_mut()
        {
            last.span.end = trim(self.text, cell).end;
            return Taken::Whole;
        }
        self.dashed |= bullet;
        self.add_all(cell);
        Taken::Whole
    }

    /// Adds the recipients of a line; several may stand on one, each behind a dash.
    fn add_all(&mut self, span: Span) {
        let mut start = span.start as usize;
        while let Some(gap) = self.text[start..span.end as usize].find("; -").map(|i| start + i) {
            self.add(Span::new(start, gap));
            start = gap + 1;
        }
        self.add(Span::new(start, span.end as usize));
    }

    fn add(&mut self, span: Span) {
        const KEPT: Key = Key::new("lưu");
        let span = trim(self.text, span);
        if span.is_empty() {
            return;
        }
        let flow = Flow::default();
        let archive = Reader::new(self.text, &flow).after(span.start as usize).key == KEPT;
        self.found.push(Recipient { span, archive });
    }
}

/// What stands behind "Nơi nhận:" on its line; None when the line does not begin so.
fn behind_heading(text: &str, cell: Span) -> Option<Span> {
    let flow = Flow::default();
    let reader = Reader::new(text, &flow);
    let first = reader.after(cell.start as usize);
    let second = reader.next(first);
    if first.key != key!("nơi") || second.key != key!("nhận") || second.end() > cell.end as usize {
        return None;
    }
    let rest = text[second.end()..cell.end as usize].trim_start_matches([':', '*', '_', ' ', '.']);
    Some(Span::new(cell.end as usize - rest.len(), cell.end as usize))
}

fn is_dashed(text: &str) -> bool {
    text.starts_with(['-', '–', '—', '+', '•', '*'])
}

/// Without the dash and the end punctuation.
fn trim(text: &str, span: Span) -> Span {
    let inner = span.of(text);
    let left =
        inner.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '–' | '—' | '+' | '•' | '*' | '_'));
    let start = span.start as usize + inner.len() - left.len();
    let right = left.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ';' | ',' | '.' | '/' | '*' | '_'));
    Span::new(start, start + right.len())
}

/// One column of a signature block, read from the top.
#[derive(Default)]
struct Signatures {
    authority: Vec<Span>,
    position: Option<Span>,
    found: Vec<Signatory>,
}

impl Signatures {
    fn take(&mut self, text: &str, cell: Span) {
        let words = cell.of(text);
        if is_upper(words) {
            if is_authority(words) {
                // "TM. ỦY BAN NHÂN DÂN" / "KT. CHỦ TỊCH" is one authority over two lines.
                if self.position.take().is_some() {
                    self.authority.clear();
                }
                self.authority.push(cell);
            } else {
                self.position = Some(cell);
            }
        } else if is_name_text(words) && (self.position.is_some() || !self.authority.is_empty()) {
            self.sign(Some(cell));
        }
    }

    fn sign(&mut self, name: Option<Span>) {
        let signatory = Signatory {
            name,
            position: self.position.take(),
            authority: std::mem::take(&mut self.authority),
        };
        self.found.push(signatory);
    }

    /// A position without a name is somebody who has not signed yet.
    fn finish(mut self) -> Vec<Signatory> {
        if !self.authority.is_empty() || (self.position.is_some() && self.found.is_empty()) {
            self.sign(None);
        }
        self.found
    }
}

/// Whether a line gives the authority to sign: TM., KT., TL., TUQ., Q. and the Party's T/M, K/T, T/L.
fn is_authority(text: &str) -> bool {
    const FORMS: [&str; 10] = ["TM.", "KT.", "TL.", "TUQ.", "T/M", "K/T", "T/L", "TM ", "KT ", "TL "];
    let text = text.trim_start();
    FORMS.iter().any(|form| text.starts_with(form)) || text.starts_with("TUQ ") || text.starts_with("TMBTV")
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = (Vec<(String, bool)>, Vec<(String, String, String)>);

    fn read(closing: &str) -> Read {
        let text =
            format!("BÁO CÁO\nKết quả năm 2024\n\nI. KẾT QUẢ\n\nĐã hoàn thành nhiệm vụ được giao./.\n\n{closing}");
        let document = Document::plain(text.clone());
        let (recipients, signatories) = extract(&document, &Layout::of(&document));
        let cut = |span: Option<Span>| span.map(|span| span.of(&text).replace('\n', " ")).unwrap_or_default();
        (
            recipients.iter().map(|r| (cut(Some(r.span)), r.archive)).collect(),
            signatories
                .iter()
                .map(|s| {
                    let authority: Vec<_> = s.authority.iter().map(|&span| cut(Some(span))).collect();
                    (cut(s.name), cut(s.position), authority.join(" "))
                })
                .collect(),
        )
    }

    fn owned(recipients: &[(&str, bool)], signatories: &[(&str, &str, &str)]) -> Read {
        (
            recipients.iter().map(|&(r, archive)| (r.to_owned(), archive)).collect(),
            signatories
                .iter()
                .map(|&(n, p, a)| (n.to_owned(), p.to_owned(), a.to_owned()))
                .collect(),
        )
    }

    #[test]
    fn recipients_then_signature_below_each_other() {
        assert_eq!(
            read(
                "Nơi nhận:\n- Như trên;\n- UBND tỉnh (để b/c);\n- Lưu: VT, TH.\n\nKT. GIÁM ĐỐC\nPHÓ GIÁM ĐỐC\n\n\nLò Thị Mai"
            ),
            owned(
                &[
                    ("Như trên", false),
                    ("UBND tỉnh (để b/c)", false),
                    ("Lưu: VT, TH", true)
                ],
                &[("Lò Thị Mai", "PHÓ GIÁM ĐỐC", "KT. GIÁM ĐỐC")]
            )
        );
    }

    #[test]
    fn two_columns_side_by_side() {
        assert_eq!(
            read(
                "Nơi nhận:                         TM. ỦY BAN NHÂN DÂN\n- Bộ Nội vụ;                      KT. CHỦ TỊCH\n- Lưu: VT.                        PHÓ CHỦ TỊCH\n\n                                  Nông Văn Bình"
            ),
            owned(
                &[("Bộ Nội vụ", false), ("Lưu: VT", true)],
                &[("Nông Văn Bình", "PHÓ CHỦ TỊCH", "TM. ỦY BAN NHÂN DÂN KT. CHỦ TỊCH")]
            )
        );
    }

    #[test]
    fn two_columns_read_row_by_row() {
        assert_eq!(
            read(
                "Nơi nhận: TM. ỦY BAN NHÂN DÂN\n- UBND huyện;\nKT. CHỦ TỊCH\n- Các ban của xã;\nPHÓ CHỦ TỊCH\n- Lưu: VT.\n\n\nTriệu Văn Lâm"
            ),
            owned(
                &[("UBND huyện", false), ("Các ban của xã", false), ("Lưu: VT", true)],
                &[("Triệu Văn Lâm", "PHÓ CHỦ TỊCH", "TM. ỦY BAN NHÂN DÂN KT. CHỦ TỊCH")]
            )
        );
    }

    #[test]
    fn two_bodies_sign_above_the_recipients() {
        assert_eq!(
            read(
                "T/M BAN THƯỜNG VỤ\n\nPHÓ BÍ THƯ\nHà Văn Lâm\n\nSỞ NỘI VỤ\n\nGIÁM ĐỐC\nTrần Thị Thu Hà\n\n*Nơi nhận*:\n- Tỉnh ủy,\n- Lưu VP."
            ),
            owned(
                &[("Tỉnh ủy", false), ("Lưu VP", true)],
                &[
                    ("Hà Văn Lâm", "PHÓ BÍ THƯ", "T/M BAN THƯỜNG VỤ"),
                    ("Trần Thị Thu Hà", "GIÁM ĐỐC", "")
                ]
            )
        );
    }

    #[test]
    fn a_signature_without_a_name_has_its_position() {
        assert_eq!(read("GIÁM ĐỐC"), owned(&[], &[("", "GIÁM ĐỐC", "")]));
    }
}
