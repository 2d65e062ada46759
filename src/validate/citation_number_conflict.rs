//! One document cited under two numbers.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use crate::{
    extract::PartialDate,
    shadow::Key,
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{
            mentions::Mention,
            notation::Identity,
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
    let frequency = mentions
        .iter()
        .fold(FxHashMap::<&Identity, usize>::default(), |mut count, mention| {
            *count.entry(&mention.identity).or_default() += 1;
            count
        });
    let mut reported = BTreeSet::new();
    for group in groups(context, mentions) {
        let mut by_identity: BTreeMap<&Identity, Vec<&Mention<'_>>> = BTreeMap::new();
        for mention in group {
            by_identity.entry(&mention.identity).or_default().push(mention);
        }
        let mut numbers: Vec<_> = by_identity
            .into_values()
            .map(|mentions| Numbered { mentions })
            .collect();
        // The more frequent number is right, else the first.
        numbers.sort_by_key(|number| {
            let first = number.mentions[0];
            (std::cmp::Reverse(frequency.get(&first.identity).copied()), first.index)
        });
        // Many numbers of one day and title are a series of like documents.
        let Some((usual, others)) = numbers.split_first().filter(|(_, others)| others.len() <= MOST_ODD) else {
            continue;
        };
        for odd in others {
            let pair = (usual.mentions[0].identity.clone(), odd.mentions[0].identity.clone());
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
fn side_by_side(mentions: &[Mention<'_>]) -> BTreeSet<(Identity, Identity)> {
    const GAP: u32 = 24;
    let mut pairs = BTreeSet::new();
    for pair in mentions.windows(2) {
        let [a, b] = pair else { continue };
        let near = b.span().start.saturating_sub(a.span().end) <= GAP;
        let one_title = a.citation.subject.is_some() && a.citation.subject == b.citation.subject;
        if near || one_title {
            pairs.insert((a.identity.clone(), b.identity.clone()));
            pairs.insert((b.identity.clone(), a.identity.clone()));
        }
    }
    pairs
}

/// Mentions that may be one document: of one type and date, with titles that begin alike or with
/// the same running number.
fn groups<'m, 'a>(context: &Context<'_>, mentions: &'m [Mention<'a>]) -> Vec<Vec<&'m Mention<'a>>> {
    let mut by_title: BTreeMap<(PartialDate, &str, Vec<Key>), Vec<&Mention<'_>>> = BTreeMap::new();
    let mut by_sequence: BTreeMap<(PartialDate, &str, &str), Vec<&Mention<'_>>> = BTreeMap::new();
    for mention in mentions {
        let Some(date) = mention.full_date() else {
            continue;
        };
        let word = &*mention.citation.document_type;
        if let Some(begin) = title_begin(context, mention) {
            by_title.entry((date, word, begin)).or_default().push(mention);
        }
        by_sequence
            .entry((date, word, &mention.identity.sequence))
            .or_default()
            .push(mention);
    }
    let groups = by_title.into_values().chain(by_sequence.into_values());
    let mut groups: Vec<_> = groups
        .filter(|group| group.iter().any(|m| m.identity != group[0].identity))
        .collect();
    groups.sort_by_key(|group| group[0].index);
    groups
}

/// The first words of the title; None where it is too short to tell documents apart.
fn title_begin(context: &Context<'_>, mention: &Mention<'_>) -> Option<Vec<Key>> {
    const LEAD: [Key; 2] = [Key::new("về"), Key::new("việc")];
    let words = text::words(context, mention.citation.subject?);
    let begin: Vec<Key> = words
        .into_iter()
        .skip_while(|word| LEAD.contains(word))
        .take(4)
        .collect();
    (begin.len() == 4).then_some(begin)
}

/// Whether two numbers of one date stand for one document.
fn judge(context: &Context<'_>, a: &Numbered<'_, '_>, b: &Numbered<'_, '_>) -> Option<Certainty> {
    let (x, y) = (&a.mentions[0].identity, &b.mentions[0].identity);
    if x.type_code != y.type_code || x.year != y.year {
        return None;
    }
    match titles(context, a, b) {
        Likeness::Same if x.issuer == y.issuer || x.sequence == y.sequence => Some(Certainty::Certain),
        // The same number on the same day from two bodies would be a rare coincidence.
        Likeness::Unknown if x.sequence == y.sequence && x.issuer != y.issuer && kindred(x, y) => {
            Some(Certainty::Likely)
        }
        _ => None,
    }
}

/// Whether two issuer codes are written alike: both Party or both State, both with as many parts.
fn kindred(a: &Identity, b: &Identity) -> bool {
    let parts = |identity: &Identity| identity.issuer.split('-').count();
    let begin = |identity: &Identity| identity.issuer.chars().next();
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
