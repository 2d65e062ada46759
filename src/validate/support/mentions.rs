//! Mentions of documents as the citation rules compare them.

use std::rc::Rc;

use rustc_hash::FxHashMap;

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
    pub notation: Rc<Notation>,
    /// Which number it is apart from separators: the same for all mentions of it, counted from 0 in
    /// the order of their first ones.
    pub number: usize,
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
    let citations = || {
        let all = context.report.citations.iter().enumerate();
        let once = all.filter(|(_, citation)| !context.is_repeated(citation.span));
        once.filter_map(|(index, citation)| Some((index, citation, context.str(citation.symbol.as_ref()?.span))))
    };
    // The same symbol is taken apart once.
    let mut notations: FxHashMap<&str, Option<Rc<Notation>>> = FxHashMap::default();
    notations.reserve(context.report.citations.len());
    for (.., symbol) in citations() {
        let notation = || Notation::parse(symbol).filter(|notation| notation.issuer().is_some());
        notations.entry(symbol).or_insert_with(|| notation().map(Rc::new));
    }
    let mut numbers: FxHashMap<Identity<'_>, usize> = FxHashMap::default();
    numbers.reserve(notations.len());
    citations()
        .filter_map(|(index, citation, symbol)| {
            let notation = notations.get(symbol)?.as_ref()?;
            let next = numbers.len();
            Some(Mention {
                index,
                citation,
                notation: notation.clone(),
                number: *numbers.entry(notation.identity()?).or_insert(next),
            })
        })
        .collect()
}
