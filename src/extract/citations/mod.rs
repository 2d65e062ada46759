//! Mentions of other documents.
//!
//! One scan looks for anchors ([`anchors`]): digits (a number and symbol, or a number alone behind a
//! type word) and the words that begin the names of laws. At an anchor the type is read backwards
//! and the date forwards, which gives the mention. Then each mention's surroundings are read on
//! ([`surroundings`]): issuer, term and subject, as far as the sentence speaks of that document. At
//! last the members of a list share the issuer named at its end.

use crate::{
    document::{Document, Span},
    extract::{Citation, Header, Layout},
    shadow::Key,
    vocabulary::{Vocabulary, issuers::IssuerName},
};

mod anchors;
mod clauses;
mod surroundings;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use anchors::LAW_WORDS;
use anchors::Scanner;
use surroundings::Surroundings;

/// Words that several parsers ask for.
mod keys {
    use crate::shadow::Key;

    pub const NUMBER: Key = Key::new("số");
    pub const OF: Key = Key::new("của");
    pub const AND: Key = Key::new("và");
    pub const OR: Key = Key::new("hoặc");
    pub const WITH: Key = Key::new("với");
    pub const ABOUT: Key = Key::new("về");
    pub const MATTER: Key = Key::new("việc");
    pub const BETWEEN: Key = Key::new("giữa");
    pub const TERM: Key = Key::new("khóa");
    pub const TENURE: Key = Key::new("nhiệm");
    pub const TENURE_2: Key = Key::new("kỳ");
    pub const DAY: Key = Key::new("ngày");
    pub const YEAR: Key = Key::new("năm");
    pub const LAW: Key = Key::new("luật");
    pub const CODE: Key = Key::new("bộ");
    pub const CONSTITUTION: Key = Key::new("hiến");
    pub const ORDINANCE: Key = Key::new("pháp");
    pub const ORDINANCE_2: Key = Key::new("lệnh");
    pub const AMENDING: Key = Key::new("sửa");
    pub const PERIOD: Key = Key::new("giai");
    pub const ON: Key = Key::new("trên");
}

/// Finds every mention of another document.
pub fn extract(document: &Document, layout: &Layout, vocabulary: &Vocabulary, header: &Header) -> Vec<Citation> {
    let reader = layout.reader(document);
    let own = header.number.as_ref().map_or(Span::default(), |number| number.span);
    let mut scanner = Scanner {
        reader,
        vocabulary,
        own,
        own_key: Key::new(reader.str(own)),
        mentions: Vec::new(),
    };
    for region in regions(document, layout) {
        scanner.scan(region);
    }
    let mut mentions = scanner.mentions;
    mentions.sort_by_key(|mention| mention.citation.span.start);
    // Only the law that another one amends lies inside a mention.
    mentions.dedup_by(|next, kept| next.citation.span.overlaps(kept.citation.span) && !(next.named && kept.named));
    Surroundings { reader, vocabulary }.read(&mut mentions);
    mentions.into_iter().map(|mention| mention.citation).collect()
}

/// Where citations can stand: everywhere but in the masthead and the closing.
fn regions(document: &Document, layout: &Layout) -> Vec<Span> {
    let mut start = layout.body.start as usize;
    let end = document.text.len();
    let mut regions = Vec::new();
    if !layout.closing.is_empty() {
        let closing = document.line(layout.closing.start).start as usize;
        if closing > start {
            regions.push(Span::new(start, closing));
        }
        start = start.max(document.line(layout.closing.end - 1).end as usize);
    }
    if start < end {
        regions.push(Span::new(start, end));
    }
    for note in &layout.notes {
        if !regions.iter().any(|region| region.contains(note.body)) {
            regions.push(note.body);
        }
    }
    regions
}

/// A mention while it is being read.
struct Mention<'v> {
    citation: Citation,
    /// Folded type code and issuer code, for comparing.
    type_code: Key,
    issuer_code: Key,
    /// What is known of the named issuer.
    issuer: Option<IssuerName<'v>>,
    /// Where the words that speak of this document end.
    end: usize,
    /// Where reading on begins, when not behind the span (a subject cut off by a footnote).
    named: bool,
}
impl Mention<'_> {
    /// The issuer code of the symbol.
    fn issuer_span(&self) -> Option<Span> {
        self.citation.symbol.as_ref()?.issuer_code
    }
}
