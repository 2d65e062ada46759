//! The symbol belongs to another body than the one named.

use std::collections::BTreeMap;

use crate::{
    document::Span,
    shadow::key,
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{
            bodies::{self, Body},
            mentions::Mention,
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
    // Codes under which a document of this type, number and date is cited.
    let mut codes: BTreeMap<_, Vec<&[String]>> = BTreeMap::new();
    for mention in mentions {
        if let Some(date) = mention.full_date() {
            let key = (&mention.identity.sequence, &mention.identity.type_code, date);
            let known = codes.entry(key).or_default();
            let code = mention.notation.issuer.as_slice();
            if known.len() < 8 && !known.contains(&code) {
                known.push(code);
            }
        }
    }
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
        let Some(code) = bodies::of_codes(&mention.notation.issuer) else {
            continue;
        };
        let named = bodies::of_name(context, name);
        let whole = bodies::of_name(context, whole_name(context, name));
        if named.is_empty() || agree(&named, &code) || agree(&whole, &code) {
            continue;
        }
        let elsewhere = mention.full_date().is_some_and(|date| {
            let key = (&mention.identity.sequence, &mention.identity.type_code, date);
            let fits = |code: &&[String]| bodies::of_codes(code).is_some_and(|code| agree(&named, &code));
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
        report(context, mention, name, certainty(&named, &code), findings);
    }
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
