//! Findings as a compiler prints them: severity, rule and message; file, line and column; the
//! source line, cut to the place and underlined; what would be right.

use std::{collections::BTreeMap, ops::Range};

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Origin, Padding, Renderer, Snippet, renderer::DecorStyle,
};

use super::window;
use crate::{
    cli::{Lang, colours, width},
    document::{Document, Span},
    validate::{Certainty, Finding, Severity},
};

/// Columns that line numbers, frames and labels take beside the source line.
const BESIDE: usize = 12;
/// Longer places (bytes) are passages, not figures or labels.
const LONGEST_LABELLED: usize = 300;
/// Longer values get a line of their own instead of a label.
const LONGEST_LABEL: usize = 40;

/// Prints findings.
pub struct Printer {
    renderer: Renderer,
    width: usize,
    lang: Lang,
}

impl Printer {
    /// A printer for stdout, as wide and as colourful as it takes.
    pub fn new(lang: Lang) -> Self {
        let base = if colours() {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        Self {
            // Lines are cut here already; the renderer's own cutting would make columns wrong.
            renderer: base.term_width(usize::MAX / 4).decor_style(DecorStyle::Ascii),
            width: width() - BESIDE,
            lang,
        }
    }

    /// One finding.
    pub fn finding(&self, name: &str, document: &Document, finding: &Finding) -> String {
        let message = self.lang.pick(&finding.message_vi, &finding.message_en);
        let title = self.level(finding.severity).primary_title(message).id(finding.rule);
        let clusters = clusters(document, finding);
        let mut group = Group::with_title(title);
        for (index, cluster) in clusters.iter().enumerate() {
            let snippet = self.snippet(document, finding, cluster);
            group = group.element(snippet.path(stand_in(index)));
        }
        if clusters.is_empty() {
            group = group.element(Origin::path(name)).element(Padding);
        }
        let mut text = self.renderer.render(&[self.notes(group, document, finding)]);
        for (index, cluster) in clusters.iter().enumerate() {
            let (line, column) = document.line_and_column(cluster.first.start);
            text = put_place(&text, &stand_in(index), &format!("{name}:{line}:{column}"));
        }
        text.push('\n');
        text
    }

    fn level(&self, severity: Severity) -> Level<'static> {
        let (level, vi) = match severity {
            Severity::Error => (Level::ERROR, "lỗi"),
            Severity::Warning => (Level::WARNING, "cảnh báo"),
            Severity::Info => (Level::INFO, "lưu ý"),
        };
        level.with_name(self.lang.pick(Some(vi), Some(severity.as_str())))
    }

    /// The lines of one cluster, cut and underlined.
    fn snippet<'s>(&self, document: &Document, finding: &Finding, cluster: &Cluster) -> Snippet<'s, Annotation<'s>> {
        let mut source = String::new();
        let mut annotations = Vec::new();
        for (&line, pieces) in &cluster.lines {
            let places: Vec<_> = pieces.iter().map(|piece| piece.place.clone()).collect();
            let cut = window::cut(document.line(line).of(&document.text), &places, self.width);
            if !source.is_empty() {
                source.push('\n');
            }
            let before = source.len();
            source.push_str(&cut.text);
            let mut labelled = false;
            for (piece, place) in pieces.iter().zip(cut.places) {
                let kind = if piece.span == 0 {
                    AnnotationKind::Primary
                } else {
                    AnnotationKind::Context
                };
                // One label for the places of a line to compare with: a list of parts may be long.
                let label = self
                    .label(document, finding, piece)
                    .filter(|_| piece.span == 0 || !labelled);
                labelled |= piece.span > 0;
                annotations.push(kind.span(before + place.start..before + place.end).label(label));
            }
        }
        let start = cluster.lines.keys().next().map_or(1, |line| line + 1);
        Snippet::source(source).line_start(start).annotations(annotations)
    }

    /// What is said below a place.
    fn label(&self, document: &Document, finding: &Finding, piece: &Piece) -> Option<String> {
        if !piece.opens {
            return None;
        }
        if piece.span > 0 {
            return Some(self.lang.pick("đối chiếu", "compare with").to_owned());
        }
        let (expected, actual) = (&finding.expected, &finding.actual);
        is_said_there(document, finding).then(|| {
            self.lang.pick(
                format!("ghi {actual}, đúng ra {expected}"),
                format!("says {actual}, expected {expected}"),
            )
        })
    }

    /// What is said below all places.
    fn notes<'g>(&self, mut group: Group<'g>, document: &Document, finding: &'g Finding) -> Group<'g> {
        if !is_said_there(document, finding) {
            for (vi, en, value) in [
                ("thấy", "found", &finding.actual),
                ("đúng ra", "expected", &finding.expected),
            ] {
                if !value.is_empty() {
                    group = group.element(note(format!("{}: {value}", self.lang.pick(vi, en))));
                }
            }
        }
        if finding.certainty == Certainty::Likely {
            group = group.element(note(self.lang.pick(
                "có khả năng; cần người xem lại",
                "likely, not certain: a person should decide",
            )));
        }
        group
    }
}

/// Whether the place to mend holds what the finding says it holds, so that a label below it can
/// say what would be right.
fn is_said_there(document: &Document, finding: &Finding) -> bool {
    let short = |text: &str| !text.is_empty() && text.chars().count() <= LONGEST_LABEL;
    let there = |span: &Span| stands_in(span.of(&document.text), &finding.actual);
    short(&finding.expected) && short(&finding.actual) && finding.spans.first().is_some_and(there)
}

/// Whether a short text holds a word or figure, not as a part of a longer one ("2" in "1.204").
fn stands_in(text: &str, what: &str) -> bool {
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric());
    let points = |c: Option<char>| matches!(c, Some('.' | ',' | '/'));
    let stands = |(at, _): (usize, &str)| {
        let (mut before, mut after) = (text[..at].chars().rev(), text[at + what.len()..].chars());
        let (left, right) = (before.next(), after.next());
        !(joins(left) || joins(right) || points(left) && joins(before.next()) || points(right) && joins(after.next()))
    };
    text.len() <= LONGEST_LABELLED && text.match_indices(what).any(stands)
}

fn note<'m>(text: impl Into<std::borrow::Cow<'m, str>>) -> annotate_snippets::Message<'m> {
    Level::NOTE.no_name().message(text)
}

/// Stands for file, line and column while the renderer is at work: it would count columns in the
/// cut line, and cannot be told the true ones. A private-use character appears in no path.
fn stand_in(index: usize) -> String {
    format!("\u{F8FF}{index}\u{F8FF}")
}

/// Puts the true place where the renderer wrote the stand-in with its own line and column.
fn put_place(text: &str, stand_in: &str, place: &str) -> String {
    match text.split_once(stand_in) {
        Some((before, after)) => {
            let after = after.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit());
            format!("{before}{place}{after}")
        }
        None => text.to_owned(),
    }
}

/// The part of a span on one line.
struct Piece {
    /// Index of the span in the finding; 0 is the place to mend.
    span: usize,
    /// Whether the span begins here.
    opens: bool,
    /// Byte range within the line.
    place: Range<usize>,
}

/// Neighbouring lines with places in them.
struct Cluster {
    lines: BTreeMap<usize, Vec<Piece>>,
    /// The place named above the lines: that to mend, else the first.
    first: Span,
}

/// The lines that show a finding, neighbours together; those of the place to mend come first.
fn clusters(document: &Document, finding: &Finding) -> Vec<Cluster> {
    let mut lines: BTreeMap<usize, Vec<Piece>> = BTreeMap::new();
    for (index, &span) in finding.spans.iter().enumerate() {
        for (line, piece) in pieces(document, index, span) {
            lines.entry(line).or_default().push(piece);
        }
    }
    let mut clusters: Vec<Cluster> = Vec::new();
    let mut last = None;
    for (line, mut pieces) in lines {
        pieces.sort_by_key(|piece| piece.place.start);
        match clusters.last_mut() {
            Some(cluster) if last.is_some_and(|last| last + 1 == line) => {
                cluster.lines.insert(line, pieces);
            }
            _ => clusters.push(Cluster {
                lines: BTreeMap::from([(line, pieces)]),
                first: Span::default(),
            }),
        }
        last = Some(line);
    }
    for cluster in &mut clusters {
        let mut pieces = cluster
            .lines
            .iter()
            .flat_map(|(&line, pieces)| pieces.iter().map(move |piece| (line, piece)));
        let named = pieces
            .clone()
            .find(|(_, piece)| piece.span == 0)
            .or_else(|| pieces.next());
        if let Some((line, piece)) = named {
            let start = document.line(line).start as usize;
            cluster.first = Span::new(start + piece.place.start, start + piece.place.end);
        }
    }
    // A stable sort: the other places keep their order.
    clusters.sort_by_key(|cluster| cluster.lines.values().flatten().all(|piece| piece.span != 0));
    clusters
}

/// A span line by line, without the white space around; of a span over many lines its first two
/// and its last.
fn pieces(document: &Document, index: usize, span: Span) -> Vec<(usize, Piece)> {
    let (first, last) = (
        document.line_at(span.start),
        document.line_at(span.end.max(span.start + 1) - 1),
    );
    let shown = (first..=last).filter(|&line| line < first + 2 || line == last);
    let piece = |line: usize| {
        let bounds = document.line(line);
        let start = span.start.max(bounds.start);
        let end = span.end.min(bounds.end);
        if start >= end {
            return None;
        }
        let text = &document.text[start as usize..end as usize];
        let start = (start - bounds.start) as usize + (text.len() - text.trim_start().len());
        let place = start..start + text.trim().len();
        let opens = line == first;
        (!place.is_empty()).then_some((
            line,
            Piece {
                span: index,
                opens,
                place,
            },
        ))
    };
    shown.filter_map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printer(lang: Lang) -> Printer {
        Printer {
            renderer: Renderer::plain().term_width(usize::MAX / 4),
            width: 60,
            lang,
        }
    }

    fn finding(document: &Document, words: &[&str]) -> Finding {
        let span = |word: &&str| {
            document
                .text
                .find(*word)
                .map(|start| Span::new(start, start + word.len()))
        };
        Finding {
            rule: "sum-mismatch",
            severity: Severity::Error,
            certainty: Certainty::Certain,
            spans: words.iter().map(|word| span(word).unwrap()).collect(),
            element: "",
            message_vi: "cộng các phần được 82, báo cáo ghi 81".into(),
            message_en: "the parts add up to 82, the report says 81".into(),
            expected: "82".into(),
            actual: "81".into(),
        }
    }

    #[test]
    fn the_underline_stands_below_vietnamese_characters() {
        let document = Document::plain("BÁO CÁO\nTổng số vụ việc đã giải quyết là 81 vụ.\n");
        let text = printer(Lang::Vi).finding("a.txt", &document, &finding(&document, &["81 vụ"]));
        let expected = "\
lỗi[sum-mismatch]: cộng các phần được 82, báo cáo ghi 81
 --> a.txt:2:34
  |
2 | Tổng số vụ việc đã giải quyết là 81 vụ.
  |                                  ^^^^^ ghi 81, đúng ra 82
";
        assert_eq!(text, expected);
    }

    #[test]
    fn columns_stay_true_when_the_line_is_cut() {
        let filler = "các cơ quan, đơn vị ".repeat(50);
        let document = Document::plain(format!("{filler}tổng số 81 vụ {filler}"));
        let text = printer(Lang::En).finding("a.txt", &document, &finding(&document, &["81"]));
        assert!(text.contains("--> a.txt:1:1009\n"), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        let column = |line: &str, what: &str| line.find(what).map(|at| line[..at].chars().count()).unwrap();
        assert_eq!(column(lines[3], "81"), column(lines[4], "^^"), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() < 90), "{text}");
    }

    #[test]
    fn other_places_are_shown_after_the_one_to_mend() {
        let document = Document::plain("1. Một\nhai\nba\n\n2. Sai ở đây\nnăm\n");
        let text = printer(Lang::En).finding("a.txt", &document, &finding(&document, &["Sai", "Một", "ba", "đây"]));
        let expected = "\
error[sum-mismatch]: the parts add up to 82, the report says 81
 --> a.txt:5:4
  |
5 | 2. Sai ở đây
  |    ^^^   --- compare with
  |
 ::: a.txt:1:4
  |
1 | 1. Một
  |    --- compare with
  |
 ::: a.txt:3:1
  |
3 | ba
  | -- compare with
  |
  = found: 81
  = expected: 82
";
        assert_eq!(text, expected);
    }

    #[test]
    fn figures_stand_alone() {
        for (text, what, expected) in [
            ("có 1.204 hồ sơ", "2", false),
            ("có 1.204 hồ sơ", "204", false),
            ("81 vụ", "81", true),
            ("4. Công tác", "4", true),
            ("1.2. Cấp xã", "1.2", true),
            ("1.2. Cấp xã", "1", false),
            ("đạt 96,3%", "96,3%", true),
        ] {
            assert_eq!(stands_in(text, what), expected, "{text} {what}");
        }
    }

    #[test]
    fn what_is_missing_has_no_snippet() {
        let document = Document::plain("BÁO CÁO\n");
        let mut missing = finding(&document, &[]);
        missing.certainty = Certainty::Likely;
        let text = printer(Lang::En).finding("a.txt", &document, &missing);
        let expected = "\
error[sum-mismatch]: the parts add up to 82, the report says 81
--> a.txt
 |
 = found: 81
 = expected: 82
 = likely, not certain: a person should decide
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_span_over_several_lines_is_underlined_on_each() {
        let document = Document::plain("Kết quả\nnăm 2024\n  và sau đó\n");
        let text = printer(Lang::En).finding("a.txt", &document, &finding(&document, &["quả\nnăm 2024\n  và"]));
        assert_eq!(text.matches('^').count(), 3 + 8 + 2, "{text}");
    }
}
