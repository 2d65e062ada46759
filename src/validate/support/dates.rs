//! The full dates that a text writes in digits ("26/8/2024"), beside those of documents.

use memchr::memmem;

use crate::{
    document::Span,
    extract::{PartialDate, dates},
    validate::Context,
};

/// The dates of the body, in order, that belong to no cited document.
pub fn in_prose(context: &Context<'_>) -> Vec<(PartialDate, Span)> {
    let text = context.document.text.as_str();
    let body = context.layout.body;
    let reader = context.layout.reader(context.document);
    let mut cited: Vec<Span> = context
        .report
        .citations
        .iter()
        .flat_map(|citation| [Some(citation.span), citation.date_span].into_iter().flatten())
        .collect();
    cited.sort_unstable();
    let of_document = |span: Span| {
        let after = cited.partition_point(|cited| cited.start < span.end);
        // Spans of citations nest: the one that reaches furthest may stand earlier.
        cited[after.saturating_sub(4)..after]
            .iter()
            .any(|cited| cited.end > span.start)
    };
    memmem::find_iter(text.as_bytes(), "/20")
        .filter_map(|slash| written(text, slash))
        .filter(|span| body.start <= span.start && span.end <= body.end && !of_document(*span))
        .filter_map(|span| {
            let found = dates::parse(&reader, span.start as usize)?;
            (found.date.is_full() && found.span == span).then_some((found.date, span))
        })
        .collect()
}

/// The span of day, month and year around the slash before the year; None where more is written
/// together ("12/5/2024/NĐ-CP").
fn written(text: &str, slash: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let digits_before = |end: usize| {
        let length = bytes[..end]
            .iter()
            .rev()
            .take(3)
            .take_while(|b| b.is_ascii_digit())
            .count();
        (1..=2).contains(&length).then(|| end - length)
    };
    let month = digits_before(slash)?;
    let joint = month.checked_sub(1).filter(|&at| bytes[at] == b'/')?;
    let day = digits_before(joint)?;
    let year = bytes[slash + 1..]
        .iter()
        .take(5)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let end = slash + 1 + year;
    let glued = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'/'));
    let alone = !glued(day.checked_sub(1).map(|at| &bytes[at])) && !glued(bytes.get(end));
    (year == 4 && alone).then(|| Span::new(day, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_dates_are_taken() {
        let all = |text: &str| -> Vec<String> {
            memmem::find_iter(text.as_bytes(), "/20")
                .filter_map(|slash| written(text, slash))
                .map(|span| span.of(text).to_owned())
                .collect()
        };
        assert_eq!(all("từ 03/4/2024 đến 31/6/2024."), ["03/4/2024", "31/6/2024"]);
        assert_eq!(
            all("12/5/2024/NĐ-CP, 45/2024/TT, tháng 5/2024, 1/2/20245, 112/5/2024"),
            [""; 0]
        );
    }
}
