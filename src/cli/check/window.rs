//! Cuts a line to what a person can take in: a paragraph of a report is one line of up to
//! thousands of characters, and a finding concerns a few of them.

use std::ops::Range;

/// What stands for text left out.
const GAP: &str = "…";

/// A line cut to windows around the places that matter.
#[derive(Debug, PartialEq, Eq)]
pub struct Cut {
    /// The line, with "…" for what was left out.
    pub text: String,
    /// The places in it, as byte ranges of `text`, in the order given.
    pub places: Vec<Range<usize>>,
}

/// Cuts a line so that it takes about `width` characters and shows all `places` (byte ranges of
/// the line that are not empty), each with some context. Cuts fall between words; a place that is
/// itself too long is shown by its beginning and its end.
pub fn cut(line: &str, places: &[Range<usize>], width: usize) -> Cut {
    // A line may hold the whole document: look at no more of it than can be shown.
    let margin = 8 * width.max(64);
    let first = places.iter().map(|place| place.start).min().unwrap_or(0);
    let last = places.iter().map(|place| place.end).max().unwrap_or(0);
    let near = boundary(line, first.saturating_sub(margin))..boundary(line, last + margin);
    let (before, after) = (near.start > 0, near.end < line.len());
    let line = &line[near.clone()];
    let places: Vec<_> = places
        .iter()
        .map(|place| place.start - near.start..place.end - near.start)
        .collect();

    let offsets: Vec<usize> = line
        .char_indices()
        .map(|(offset, _)| offset)
        .chain([line.len()])
        .collect();
    let count = offsets.len() - 1;
    if count <= width && !before && !after {
        let text = line.to_owned();
        return Cut { text, places };
    }
    let chars: Vec<char> = line.chars().collect();
    let index = |offset: usize| offsets.partition_point(|&at| at < offset);
    let in_chars: Vec<Range<usize>> = places
        .iter()
        .map(|place| index(place.start)..index(place.end))
        .collect();
    let kept = kept(&chars, &in_chars, width);
    debug_assert!(kept.windows(2).all(|pair| pair[0].end < pair[1].start));

    let mut text = String::new();
    // Where each kept character went; characters left out keep the offset of their gap.
    let mut moved = vec![0; count + 1];
    let mut next = 0;
    for window in &kept {
        if window.start > next || (next == 0 && before) {
            moved[next..window.start].fill(text.len());
            text.push_str(if next == 0 { "" } else { " " });
            text.push_str(GAP);
            text.push(' ');
        }
        for at in window.clone() {
            moved[at] = text.len();
            text.push(chars[at]);
        }
        next = window.end;
        moved[next] = text.len();
    }
    if next < count || after {
        moved[next + 1..].fill(text.len());
        text.push(' ');
        text.push_str(GAP);
    }
    // The end of a place is behind its last character, not before the next one, which may be gone.
    let end = |at: usize| moved[at - 1] + chars[at - 1].len_utf8();
    let places = in_chars
        .iter()
        .map(|place| moved[place.start]..end(place.end))
        .collect();
    Cut { text, places }
}

/// The nearest character boundary at or before a byte offset.
fn boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// The character ranges to keep, in order and apart from each other.
fn kept(chars: &[char], places: &[Range<usize>], width: usize) -> Vec<Range<usize>> {
    let longest = width * 2 / 3;
    let mut anchors = Vec::new();
    for place in places {
        if place.len() > longest {
            anchors.push(place.start..place.start + longest / 2);
            anchors.push(place.end - longest / 2..place.end);
        } else {
            anchors.push(place.clone());
        }
    }
    let taken: usize = anchors.iter().map(ExactSizeIterator::len).sum();
    let context = (width.saturating_sub(taken) / (2 * anchors.len().max(1))).clamp(8, 50);
    let mut windows: Vec<_> = anchors.iter().map(|anchor| widen(chars, anchor, context)).collect();
    windows.sort_by_key(|window| window.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for window in windows {
        match merged.last_mut() {
            // A gap of three characters takes as much room as what stands for it.
            Some(last) if window.start <= last.end + 3 => last.end = last.end.max(window.end),
            _ => merged.push(window),
        }
    }
    merged
}

/// The range with up to `context` characters on both sides, by whole words.
fn widen(chars: &[char], anchor: &Range<usize>, context: usize) -> Range<usize> {
    let low = anchor.start.saturating_sub(context);
    let high = (anchor.end + context).min(chars.len());
    let begins = |at: usize| at == 0 || (chars[at - 1].is_whitespace() && !chars[at].is_whitespace());
    let ends = |at: usize| at == chars.len() || (chars[at].is_whitespace() && !chars[at - 1].is_whitespace());
    let start = (low..anchor.start).find(|&at| begins(at)).unwrap_or(anchor.start);
    let end = (anchor.end + 1..=high).rev().find(|&at| ends(at)).unwrap_or(anchor.end);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of each place after cutting.
    fn shown(line: &str, words: &[&str], width: usize) -> (String, Vec<String>) {
        let places: Vec<_> = words
            .iter()
            .map(|word| line.find(word).map(|start| start..start + word.len()).unwrap())
            .collect();
        let cut = cut(line, &places, width);
        let texts = cut
            .places
            .iter()
            .map(|place| cut.text[place.clone()].to_owned())
            .collect();
        (cut.text, texts)
    }

    #[test]
    fn short_lines_stay_whole() {
        let (text, places) = shown("Tổng số 81 vụ", &["81"], 40);
        assert_eq!((text.as_str(), &places[..]), ("Tổng số 81 vụ", &["81".to_owned()][..]));
    }

    #[test]
    fn long_lines_show_each_place_with_context() {
        let filler = "các cơ quan, đơn vị ".repeat(40);
        let line = format!("{filler}tổng số 81 vụ {filler}trong đó 25 vụ án {filler}");
        let (text, places) = shown(&line, &["81 vụ", "25 vụ"], 80);
        assert_eq!(places, ["81 vụ", "25 vụ"]);
        assert!(text.chars().count() < 110, "{text}");
        assert!(text.starts_with("… ") && text.ends_with(" …"), "{text}");
        assert_eq!(text.matches('…').count(), 3, "{text}");
        assert!(text.contains("tổng số 81 vụ"), "{text}");
    }

    #[test]
    fn a_long_place_is_shown_by_its_ends() {
        let place = format!("Đầu câu {} cuối câu", "rất dài ".repeat(60));
        let line = format!("Trước đó {place} sau đó");
        let (text, places) = shown(&line, &[&place], 90);
        assert!(text.chars().count() < 130, "{text}");
        assert!(
            places[0].starts_with("Đầu câu") && places[0].ends_with("cuối câu"),
            "{places:?}"
        );
        assert!(places[0].contains(" … "), "{places:?}");
    }

    #[test]
    fn any_line_and_place_can_be_cut() {
        let line = "Ủy ban  nhân\tdânxxxxxxxxxxxxxxxxxxxxxxxxxxxxx xã …  báo cáo ".repeat(9);
        let offsets: Vec<usize> = line
            .char_indices()
            .map(|(offset, _)| offset)
            .chain([line.len()])
            .collect();
        for pair in offsets.windows(8) {
            let places = [pair[0]..pair[1], pair[2]..pair[7], pair[0]..line.len()];
            for width in [1, 10, 60] {
                let cut = cut(&line, &places, width);
                assert_eq!(cut.text[cut.places[0].clone()], line[places[0].clone()]);
            }
        }
    }

    #[test]
    fn a_line_without_spaces_is_cut_around_the_place() {
        let line = format!("{}Đích{}", "x".repeat(900), "y".repeat(900));
        let (text, places) = shown(&line, &["Đích"], 60);
        assert_eq!((text.as_str(), places[0].as_str()), ("… Đích …", "Đích"));
    }
}
