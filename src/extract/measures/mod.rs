//! Reported figures.
//!
//! One scan finds the digits (and the few number words); from each a local parser reads forwards
//! for the unit ([`figure`]) and backwards for what is said of the number ([`context`]). Then
//! figures without a unit look for a neighbour that shares its own ([`sharing`]), and each gets
//! the words for what it counts ([`subjects`]). Tables are read by cells ([`tables`]).

use rust_decimal::Decimal;

use crate::{
    document::{Document, Span},
    extract::{Approx, Change, Citation, Layout, Measure, MeasureKind, Section, Unit},
    shadow::{Key, Reader, Token},
    vocabulary::Vocabulary,
};

mod context;
mod figure;
mod sharing;
mod subjects;
pub(super) mod tables;

/// A figure while it is read.
#[derive(Clone, Debug)]
struct Figure {
    /// From the number to its unit.
    span: Span,
    /// The number alone, both sides of a ratio.
    number: Span,
    value: Decimal,
    places: u8,
    total: Option<Decimal>,
    kind: MeasureKind,
    unit: Unit,
    /// The counted noun; not a bare classifier.
    noun: Option<Span>,
    approx: Approx,
    change: Change,
    /// Where the words that say something of the number begin ("tăng khoảng").
    lead: u32,
    /// Whether it is a figure only if a neighbour shares its unit.
    open: bool,
    /// Whether its unit only says of which sort the things are ("13 tốt").
    sort: bool,
    subject: Option<Span>,
    qualifier: Option<Span>,
    /// Which run of text it stands in; see [`Streams`].
    stream: usize,
}

/// Finds every reported figure.
pub fn extract(
    document: &Document,
    layout: &Layout,
    vocabulary: &Vocabulary,
    sections: &[Section],
    citations: &[Citation],
) -> Vec<Measure> {
    let reader = layout.reader(document);
    let tables = tables::find(document, layout);
    let skips = Skips::new(layout, citations, &tables);
    let mut figures = Vec::new();
    for region in layout.regions() {
        figure::Scanner::new(reader, vocabulary, &skips, region).scan(&mut figures);
    }
    let streams = Streams::new(layout);
    for figure in &mut figures {
        figure.stream = streams.of(figure.number.start);
    }
    // They are, mostly, where no footnote stands in the text.
    if !figures.is_sorted_by_key(|figure| (figure.stream, figure.span)) {
        figures.sort_by_key(|figure| (figure.stream, figure.span));
    }
    sharing::share(reader, vocabulary, layout, &mut figures);
    subjects::name(reader, vocabulary, &mut figures);
    for table in &tables {
        table.read(reader, vocabulary, &skips, &mut figures);
    }
    if !figures.is_sorted_by_key(|figure| figure.span) {
        figures.sort_by_key(|figure| figure.span);
    }
    figures.dedup_by_key(|figure| figure.number);
    let mut section = Sectioner::new(sections);
    figures.into_iter().map(|figure| figure.measure(&mut section)).collect()
}

impl Figure {
    fn measure(self, sections: &mut Sectioner<'_>) -> Measure {
        Measure {
            span: self.span,
            kind: self.kind,
            value: self.value,
            places: self.places,
            total: self.total,
            unit: self.unit,
            subject: self.subject,
            qualifier: self.qualifier,
            approx: self.approx,
            change: self.change,
            section: sections.at(self.span.start),
        }
    }

    /// Whether it counts things, so that a neighbour may share its unit.
    fn counts(&self) -> bool {
        matches!(self.kind, MeasureKind::Count | MeasureKind::Ratio)
    }
}

/// The runs of text that are read each for itself: the body, in which a sentence goes on behind a
/// footnote that stands in the middle of it, and each footnote.
pub(in crate::extract) struct Streams(Vec<Span>);

impl Streams {
    pub(in crate::extract) fn new(layout: &Layout) -> Self {
        let mut notes: Vec<Span> = layout.notes.iter().map(|note| note.mark.join(note.body)).collect();
        notes.sort_unstable();
        Self(notes)
    }

    /// The stream an offset stands in: 0 for the body, then the footnotes from 1 on.
    pub(in crate::extract) fn of(&self, offset: u32) -> usize {
        let after = self.0.partition_point(|note| note.start <= offset);
        match after.checked_sub(1).and_then(|index| self.0.get(index)) {
            Some(note) if offset < note.end => after,
            _ => 0,
        }
    }
}

/// Walks the sections beside the figures, which are both in document order.
struct Sectioner<'s> {
    sections: &'s [Section],
    next: usize,
}

impl<'s> Sectioner<'s> {
    fn new(sections: &'s [Section]) -> Self {
        Self { sections, next: 0 }
    }

    /// Index of the section the offset stands in. Offsets must not decrease.
    fn at(&mut self, offset: u32) -> Option<usize> {
        while self
            .sections
            .get(self.next)
            .is_some_and(|section| section.span.start <= offset)
        {
            self.next += 1;
        }
        self.next.checked_sub(1)
    }
}

/// Stretches that hold no figures: citations, labels, footnote marks, tables (read by cells).
struct Skips(Vec<Span>);

impl Skips {
    fn new(layout: &Layout, citations: &[Citation], tables: &[tables::Table]) -> Self {
        let mut spans: Vec<Span> = layout.labels.clone();
        for note in &layout.notes {
            spans.push(note.mark);
            spans.extend(note.reference);
        }
        for citation in citations {
            spans.push(citation.span);
            spans.extend(citation.term);
        }
        spans.extend(tables.iter().map(|table| table.span));
        spans.retain(|span| !span.is_empty());
        spans.sort_unstable();
        // Nested spans would hide the end of the outer one.
        let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans {
            match merged.last_mut() {
                Some(last) if span.start < last.end => last.end = last.end.max(span.end),
                _ => merged.push(span),
            }
        }
        Self(merged)
    }

    /// The end of the stretch that holds the offset.
    fn end_of(&self, offset: usize) -> Option<usize> {
        let after = self.0.partition_point(|span| span.start as usize <= offset);
        let span = self.0.get(after.checked_sub(1)?)?;
        (offset < span.end as usize).then_some(span.end as usize)
    }
}

/// Whether a word is one of these.
fn is_any(token: Token, keys: &[Key]) -> bool {
    token.is_word() && keys.contains(&token.key)
}

/// Whether a new sentence begins in the text between two offsets, as far as its tokens tell: a
/// paragraph ends, or a full stop stands before a capital.
fn sentence_ends(reader: &Reader<'_>, from: usize, until: usize) -> bool {
    if from >= until {
        return false;
    }
    for (_, &token) in reader.stops(from) {
        if token.start() >= until {
            break;
        }
        if token.is_end() {
            return true;
        }
        if token.is_mark('.') {
            let next = reader.next(token);
            if next.spaced && (next.is_capitalised() || next.is_quote() || next.is_number()) {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests;
