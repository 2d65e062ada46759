//! One document cited under two numbers.

use std::hash::Hash;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    shadow::Key,
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{
            mentions::Mention,
            notation::Notation,
            text::{self, Likeness, likeness},
        },
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "citation-number-conflict",
    severity: Severity::Error,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Cùng một văn bản được viện dẫn với hai số, ký hiệu khác nhau",
    summary_en: "The same document cited under two different numbers",
    documentation: r#"
## What it finds
Two mentions (*viện dẫn*) of one type, date and title (*trích yếu*) with different numbers, as "Kế hoạch số 145/KH-UBND,
ngày 02/3/2024" and "Kế hoạch số 154/KH-UBND, ngày 02/3/2024" on the same thing; or of one type, running number and date
with different issuer codes, as 29-NQ/TW and 29-NQ/TU. Documents that are cited side by side are meant to be two.
Numbers that differ in separators only are the matter of `citation-symbol-format`.

## Why it matters
One of the numbers leads to another document, or to none.

## Example
```text
Quyết định số 318/QĐ-UBND ngày 25/7/2025 về phân công phụ trách … Quyết định số 381/QĐ-UBND ngày 25/7/2025 về phân công phụ trách
```

## How to fix it
Look at the document and write its number in both places.

## Source
Decree 30/2020/NĐ-CP, article 15 (a number is unique within its body and year).
"#,
    check,
};

/// So many numbers beside the usual one may be mistakes.
const MOST_ODD: usize = 2;

/// Mentions under one number.
struct Numbered<'m, 'a> {
    mentions: Vec<&'m Mention<'a>>,
}

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mentions = context.numbered();
    let together = side_by_side(mentions);
    let mut frequency = vec![0_usize; mentions.len()];
    for mention in mentions {
        frequency[mention.number] += 1;
    }
    let mut reported = FxHashSet::default();
    for mut group in groups(context, mentions) {
        group.sort_by_key(|mention| mention.number);
        let mut numbers: Vec<_> = group
            .chunk_by(|a, b| a.number == b.number)
            .map(|mentions| Numbered {
                mentions: mentions.to_vec(),
            })
            .collect();
        // The more frequent number is right, else the first.
        numbers.sort_by_key(|number| {
            let first = number.mentions[0];
            (std::cmp::Reverse(frequency[first.number]), first.index)
        });
        // Many numbers of one day and title are a series of like documents.
        let Some((usual, others)) = numbers.split_first().filter(|(_, others)| others.len() <= MOST_ODD) else {
            continue;
        };
        for odd in others {
            let pair = (usual.mentions[0].number, odd.mentions[0].number);
            if reported.contains(&pair) || together.contains(&pair) {
                continue;
            }
            if let Some(certainty) = judge(context, usual, odd) {
                reported.insert(pair);
                report(context, certainty, usual, odd, findings);
            }
        }
    }
}

/// Pairs of numbers that some sentence cites side by side, both ways round: two documents.
fn side_by_side(mentions: &[Mention<'_>]) -> FxHashSet<(usize, usize)> {
    const GAP: u32 = 24;
    let mut pairs = FxHashSet::default();
    for pair in mentions.windows(2) {
        let [a, b] = pair else { continue };
        let near = b.span().start.saturating_sub(a.span().end) <= GAP;
        let one_title = a.citation.subject.is_some() && a.citation.subject == b.citation.subject;
        if near || one_title {
            pairs.extend([(a.number, b.number), (b.number, a.number)]);
        }
    }
    pairs
}

/// Mentions that may be one document: of one type and date, with titles that begin alike or with
/// the same running number.
fn groups<'m, 'a>(context: &Context<'_>, mentions: &'m [Mention<'a>]) -> Vec<Vec<&'m Mention<'a>>> {
    let dated = || {
        let dated = mentions
            .iter()
            .filter_map(|mention| Some((mention.full_date()?, mention)));
        dated.map(|(date, mention)| ((date, &*mention.citation.document_type), mention))
    };
    let by_title = dated().filter_map(|(key, mention)| Some(((key, title_begin(context, mention)?), mention)));
    let by_sequence = dated().map(|(key, mention)| ((key, mention.notation.sequence()), mention));
    let mut groups = of_several_numbers(by_title.collect());
    groups.extend(of_several_numbers(by_sequence.collect()));
    groups.sort_by_key(|group| group[0].index);
    groups
}

/// The mentions with one key, where they have several numbers, which few have.
fn of_several_numbers<'m, 'a, K: Hash + Eq>(mentions: Vec<(K, &'m Mention<'a>)>) -> Vec<Vec<&'m Mention<'a>>> {
    let mut numbers: FxHashMap<&K, usize> = FxHashMap::default();
    let mut groups: FxHashMap<&K, Vec<&Mention<'_>>> = FxHashMap::default();
    numbers.reserve(mentions.len());
    for (key, mention) in &mentions {
        if *numbers.entry(key).or_insert(mention.number) != mention.number {
            groups.insert(key, Vec::new());
        }
    }
    if groups.is_empty() {
        return Vec::new();
    }
    for (key, mention) in &mentions {
        if let Some(group) = groups.get_mut(key) {
            group.push(mention);
        }
    }
    groups.into_values().collect()
}

/// The first words of the title; None where it is too short to tell documents apart.
fn title_begin(context: &Context<'_>, mention: &Mention<'_>) -> Option<[Key; 4]> {
    const LEAD: [Key; 2] = [Key::new("về"), Key::new("việc")];
    let words = text::each_word(context, mention.citation.subject?);
    let mut words = words.skip_while(|word| LEAD.contains(word));
    Some([words.next()?, words.next()?, words.next()?, words.next()?])
}

/// Whether two numbers of one date stand for one document.
fn judge(context: &Context<'_>, a: &Numbered<'_, '_>, b: &Numbered<'_, '_>) -> Option<Certainty> {
    let (x, y) = (&a.mentions[0].notation, &b.mentions[0].notation);
    if x.type_code() != y.type_code() || x.year != y.year {
        return None;
    }
    match titles(context, a, b) {
        Likeness::Same if x.issuer() == y.issuer() || x.sequence() == y.sequence() => Some(Certainty::Certain),
        // The same number on the same day from two bodies would be a rare coincidence.
        Likeness::Unknown if x.sequence() == y.sequence() && x.issuer() != y.issuer() && kindred(x, y) => {
            Some(Certainty::Likely)
        }
        _ => None,
    }
}

/// Whether two issuer codes are written alike: both Party or both State, both with as many parts.
fn kindred(a: &Notation, b: &Notation) -> bool {
    let parts = |notation: &Notation| notation.issuer_parts().count();
    let begin = |notation: &Notation| notation.issuer().and_then(|issuer| issuer.chars().next());
    parts(a) == parts(b) && begin(a) == begin(b)
}

fn titles(context: &Context<'_>, a: &Numbered<'_, '_>, b: &Numbered<'_, '_>) -> Likeness {
    let title = |number: &Numbered<'_, '_>| number.mentions.iter().find_map(|mention| mention.citation.subject);
    likeness(context, title(a), title(b))
}

fn report(
    context: &Context<'_>,
    certainty: Certainty,
    usual: &Numbered<'_, '_>,
    odd: &Numbered<'_, '_>,
    findings: &mut Findings<'_>,
) {
    let symbol = |number: &Numbered<'_, '_>| {
        let mention = number.mentions[0];
        let span = mention
            .citation
            .symbol
            .as_ref()
            .map_or(mention.span(), |symbol| symbol.span);
        text::excerpt(context, span, 60)
    };
    let (here, there) = (symbol(odd), symbol(usual));
    let date = odd.mentions[0].full_date().map(text::date).unwrap_or_default();
    let spans = odd
        .mentions
        .iter()
        .chain(usual.mentions.iter().take(1))
        .map(|mention| mention.span())
        .collect();
    let finding = findings.report(
        certainty,
        spans,
        format!("Văn bản ngày {date} ghi số {here} ở đây nhưng số {there} ở chỗ khác"),
        format!("The document of {date} has the number {here} here, {there} elsewhere"),
    );
    finding.expected = there;
    finding.actual = here;
}
