//! The symbol belongs to another body than the one named.

use std::{cell::LazyCell, rc::Rc};

use rustc_hash::FxHashMap;

use crate::{
    document::Span,
    extract::PartialDate,
    shadow::key,
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{
            bodies::{self, Body},
            mentions::Mention,
            notation::Notation,
            text,
        },
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "citation-issuer-mismatch",
    severity: Severity::Error,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Ký hiệu văn bản trái với cơ quan ban hành được nêu",
    summary_en: "The symbol's issuer code contradicts the issuer named",
    documentation: r#"
## What it finds
A citation that names a body (*cơ quan ban hành*) to which the code in the symbol (*ký hiệu*) cannot belong: NQ/TW
"của Ban Thường vụ Tỉnh ủy", NQ-HĐND "của UBND tỉnh", TT-BTC "của Bộ Nội vụ". The chairman of a People's Committee
signs under the committee's code, the standing and the executive committee of a provincial Party committee under TU.
A name that serves a whole list of documents counts only if the same document stands elsewhere under a code that fits.

## Why it matters
Two documents of two levels are mixed up; whoever follows the reference finds the wrong one.

## Example
```text
Nghị quyết số 29-NQ/TW, ngày 14/3/2022 của Ban Thường vụ Tỉnh ủy
```

## How to fix it
Check which body issued the document, then mend the symbol or the name.

## Source
Decree 30/2020/NĐ-CP, annex I; Guideline 36-HD/VPTW and the codes of Party bodies in force.
"#,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mentions = context.numbered();
    let codes = LazyCell::new(|| codes(mentions));
    // The same name is read once.
    let mut names: FxHashMap<&str, Rc<[Body]>> = FxHashMap::default();
    for (at, mention) in mentions.iter().enumerate() {
        let citation = mention.citation;
        // The name that serves a list may have been given to those documents only that it fits.
        let inherited = || {
            mentions
                .get(at + 1)
                .filter(|_| citation.issuer_implied.is_none())?
                .citation
                .issuer
        };
        let Some(name) = citation.issuer.or(citation.issuer_implied).or_else(inherited) else {
            continue;
        };
        let Some(code) = mention.notation.bodies() else {
            continue;
        };
        let written = context.str(name);
        let named = match names.get(written) {
            Some(named) => named.clone(),
            None => Rc::from(bodies::of_name(context, name)),
        };
        // Where a line break stands inside, the text may go on elsewhere.
        if !written.contains('\n') {
            names.insert(written, named.clone());
        }
        if named.is_empty() || agree(&named, code) {
            continue;
        }
        let whole = bodies::of_name(context, whole_name(context, name));
        if agree(&whole, code) {
            continue;
        }
        let elsewhere = known_as(mention).is_some_and(|key| {
            let fits = |other: &&Notation| other.bodies().is_some_and(|code| agree(&named, code));
            codes.get(&key).is_some_and(|known| known.iter().any(fits))
        });
        // A name behind other documents may belong to the last of them only.
        let shared = mentions.get(at + 1).is_some_and(|next| next.span().start < name.start)
            || at
                .checked_sub(1)
                .is_some_and(|before| name.end <= mentions[before].span().start);
        if shared && !elsewhere {
            continue;
        }
        report(context, mention, name, certainty(&named, code), findings);
    }
}

/// Type, number and date, under which a document may be known with several codes.
type KnownAs<'m> = (&'m str, &'m str, PartialDate);

fn known_as<'m>(mention: &'m Mention<'_>) -> Option<KnownAs<'m>> {
    Some((
        mention.notation.sequence(),
        mention.notation.type_code(),
        mention.full_date()?,
    ))
}

/// The codes under which a document of this type, number and date is cited.
fn codes<'m>(mentions: &'m [Mention<'_>]) -> FxHashMap<KnownAs<'m>, Vec<&'m Notation>> {
    const MOST: usize = 8;
    let mut codes: FxHashMap<_, Vec<&Notation>> = FxHashMap::default();
    for mention in mentions {
        if let Some(key) = known_as(mention) {
            let known = codes.entry(key).or_default();
            let is_known = known.iter().any(|other| other.issuer() == mention.notation.issuer());
            if known.len() < MOST && !is_known {
                known.push(&mention.notation);
            }
        }
    }
    codes
}

/// The name with what stands before it in the sentence: of "Ban Dân vận Tỉnh ủy" only the last two
/// words may have been taken for the body that issued a document.
fn whole_name(context: &Context<'_>, name: Span) -> Span {
    const WORDS: usize = 4;
    let reader = context.layout.reader(context.document);
    let mut whole = name;
    for _ in 0..WORDS {
        let token = reader.before(whole.start as usize);
        if !token.is_word() || token.key == key!("của") {
            break;
        }
        whole = whole.join(token.span);
        let organ = bodies::of_name(context, whole);
        if organ.iter().any(|body| matches!(body, Body::PartyOrgan(..))) {
            return whole;
        }
    }
    name
}

fn agree(named: &[Body], code: &[Body]) -> bool {
    named.iter().any(|name| code.iter().any(|&code| name.agrees(code)))
}

/// "Chính phủ" for the Prime Minister, or the other way round, is loose speech.
fn certainty(named: &[Body], code: &[Body]) -> Certainty {
    let executive = |bodies: &[Body]| {
        bodies
            .iter()
            .all(|body| matches!(body, Body::Government | Body::PrimeMinister))
    };
    let local = |bodies: &[Body]| {
        bodies
            .iter()
            .all(|body| matches!(body, Body::Committee | Body::Department))
    };
    if executive(named) && executive(code) || local(named) && local(code) {
        Certainty::Likely
    } else {
        Certainty::Certain
    }
}

fn report(context: &Context<'_>, mention: &Mention<'_>, name: Span, certainty: Certainty, findings: &mut Findings<'_>) {
    let symbol = mention
        .citation
        .symbol
        .as_ref()
        .map_or(mention.span(), |symbol| symbol.span);
    let (symbol, name_text) = (text::excerpt(context, symbol, 60), text::excerpt(context, name, 80));
    let finding = findings.report(
        certainty,
        vec![mention.span(), name],
        format!("Ký hiệu {symbol} không phải của {name_text}"),
        format!("The symbol {symbol} does not belong to the issuer named: {name_text}"),
    );
    finding.expected = name_text;
    finding.actual = symbol;
}
