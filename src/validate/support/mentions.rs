//! Mentions of documents as the citation rules compare them.

use crate::{
    document::Span,
    extract::{Citation, PartialDate},
    validate::{
        Context,
        support::notation::{Identity, Notation},
    },
};

/// A mention with a number that identifies a document.
#[derive(Debug)]
pub struct Mention<'a> {
    /// Its index in the report.
    pub index: usize,
    /// What was extracted.
    pub citation: &'a Citation,
    /// Its number, taken apart.
    pub notation: Notation,
    /// Its number apart from separators.
    pub identity: Identity,
}

impl Mention<'_> {
    /// Where it stands.
    pub fn span(&self) -> Span {
        self.citation.span
    }

    /// Its date if day, month and year are given and the calendar has it.
    pub fn full_date(&self) -> Option<PartialDate> {
        self.citation.date.filter(|date| date.is_full() && date.exists())
    }
}

/// All mentions whose number identifies a document, in document order; mentions inside the second
/// copy of a passage that stands twice are left out, since they prove nothing. See
/// [`Context::numbered`], which keeps them.
pub fn numbered<'a>(context: &Context<'a>) -> Vec<Mention<'a>> {
    let citations = context.report.citations.iter().enumerate();
    citations
        .filter(|(_, citation)| !context.is_repeated(citation.span))
        .filter_map(|(index, citation)| {
            let notation = Notation::of(context, citation.symbol.as_ref()?.span)?;
            let identity = notation.identity()?;
            Some(Mention {
                index,
                citation,
                notation,
                identity,
            })
        })
        .collect()
}
