//! One document cited with two dates.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use crate::{
    extract::{NumberStyle, PartialDate},
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{
            bodies,
            mentions::Mention,
            text::{self, Likeness, likeness},
        },
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "citation-date-conflict",
    severity: Severity::Error,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Cùng một văn bản được viện dẫn với hai ngày khác nhau",
    summary_en: "The same document cited with two different dates",
    documentation: r#"
## What it finds
Two mentions (*viện dẫn*) of one document that give different dates. Numbers start again each year (each term, for Party
bodies), so the same number alone does not make one document: the mentions must also agree in day and month (the year
was mistyped), in the year (the day was mistyped), or in what the document is about (*trích yếu*). Separators do not
count: `99/NQ-HĐND` and `99-NQ/HĐND` are one number. Mentions that name different bodies, or are about different things,
are left alone; but a number with its year, of a body that numbers alone (`23/2021/TT-BNV`), is likely one document
whatever is said of it.

## Why it matters
One of the dates is wrong, and whoever looks the document up under it finds nothing, or another document.

## Example
```text
Nghị quyết số 14-NQ/TU, ngày 08/9/2023 … Nghị quyết số 14-NQ/TU, ngày 08/9/2022
```

## How to fix it
Look at the document itself and write its date in both places.

## Source
Decree 30/2020/NĐ-CP, annex I, part II, point 6b (how documents are cited).
"#,
    check,
};

/// Mentions of one number that carry one date.
struct Dated<'m, 'a> {
    date: PartialDate,
    mentions: Vec<&'m Mention<'a>>,
}

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let dated = context.numbered().iter();
    let mut dated: Vec<_> = dated
        .filter_map(|mention| Some((mention.full_date()?, mention)))
        .collect();
    dated.sort_unstable_by_key(|&(date, mention)| (mention.number, date, mention.index));
    let of_one_number = dated.chunk_by(|(_, a), (_, b)| a.number == b.number);
    let mut groups: Vec<_> = of_one_number
        .filter(|group| group.first().map(|(date, _)| date) != group.last().map(|(date, _)| date))
        .collect();
    groups.sort_by_key(|group| group.iter().map(|(_, mention)| mention.index).min());
    for group in groups {
        let dates: Vec<Dated<'_, '_>> = group
            .chunk_by(|(a, _), (b, _)| a == b)
            .map(|mentions| Dated {
                date: mentions[0].0,
                mentions: mentions.iter().map(|&(_, mention)| mention).collect(),
            })
            .collect();
        conflicts(context, &dates, findings);
    }
}

/// Compares the dates of one number with the most frequent of those that could be the same date
/// mistyped: of the same day and month, of the same year, and, where there are few, of any.
fn conflicts(context: &Context<'_>, dates: &[Dated<'_, '_>], findings: &mut Findings<'_>) {
    const FEW: usize = 8;
    let mut buckets: BTreeMap<(u8, u16, u8), Vec<usize>> = BTreeMap::new();
    for (at, dated) in dates.iter().enumerate() {
        let PartialDate { year, month, day } = dated.date;
        buckets.entry((0, u16::from(month), day)).or_default().push(at);
        buckets.entry((1, year, 0)).or_default().push(at);
        if dates.len() <= FEW {
            buckets.entry((2, 0, 0)).or_default().push(at);
        }
    }
    let mut reported = FxHashSet::default();
    for bucket in buckets.into_values().filter(|bucket| bucket.len() > 1) {
        let usual = bucket.iter().copied().max_by_key(|&at| rank(context, &dates[at]));
        for (usual, at) in bucket
            .iter()
            .filter_map(|&at| Some((usual?, at)))
            .filter(|(usual, at)| usual != at)
        {
            // The odd date of a typing error is counted once.
            if reported.contains(&at) {
                continue;
            }
            if let Some(certainty) = judge(context, &dates[usual], &dates[at]) {
                reported.insert(at);
                report(context, certainty, &dates[usual], &dates[at], findings);
            }
        }
    }
}

/// Which date to believe: one that is not in the future, the more frequent, the first.
fn rank(context: &Context<'_>, dated: &Dated<'_, '_>) -> (bool, usize, std::cmp::Reverse<usize>) {
    let limit = super::citation_future_date::limit(context);
    let past = limit.is_none_or(|limit| dated.date <= limit.day);
    (past, dated.mentions.len(), std::cmp::Reverse(dated.mentions[0].index))
}

/// Whether two dates of one number are one date mistyped.
fn judge(context: &Context<'_>, a: &Dated<'_, '_>, b: &Dated<'_, '_>) -> Option<Certainty> {
    if bodies_differ(context, a, b) {
        return None;
    }
    let titles = titles(context, a, b);
    let same_day = a.date.month == b.date.month && a.date.day == b.date.day;
    let same_year = a.date.year == b.date.year;
    match (titles, same_day, same_year) {
        // A number with its year and a body that numbers alone is one document, whatever is said
        // of it: "về …" may tell what one of its clauses is about.
        (Likeness::Different, ..) if a.mentions[0].notation.year.is_some() && issuer_is_unique(a) => {
            Some(Certainty::Likely)
        }
        // Another document under a wrong number: see citation-number-conflict.
        (Likeness::Different, ..) => None,
        (Likeness::Same, ..) => Some(Certainty::Certain),
        (Likeness::Unknown, true, _) if !yearly(a) => Some(Certainty::Certain),
        (Likeness::Unknown, _, true) if party(a) || issuer_is_unique(a) || swapped(a.date, b.date) => {
            Some(Certainty::Certain)
        }
        (Likeness::Unknown, _, true) => Some(Certainty::Likely),
        _ => None,
    }
}

/// The first documents of a year recur: Nghị quyết 01/NQ-CP comes each January.
fn yearly(dated: &Dated<'_, '_>) -> bool {
    let small = dated.mentions[0]
        .notation
        .sequence()
        .parse()
        .is_ok_and(|sequence: u32| sequence <= 3);
    small && !party(dated)
}

fn party(dated: &Dated<'_, '_>) -> bool {
    let style = |mention: &&Mention<'_>| mention.citation.symbol.as_ref().map(|symbol| symbol.style);
    dated.mentions.first().and_then(style) == Some(NumberStyle::Party)
}

/// Whether only one body bears the code (CP, TTg, BNV), so that the number is unique in its year.
fn issuer_is_unique(dated: &Dated<'_, '_>) -> bool {
    use bodies::Body::{Government, Ministry, NationalAssembly, PrimeMinister};
    let body = dated.mentions[0]
        .notation
        .issuer_parts()
        .next()
        .and_then(bodies::of_code);
    matches!(body, Some(Government | PrimeMinister | Ministry(_) | NationalAssembly))
}

/// Whether day and month changed places, or one of day and month is the same.
fn swapped(a: PartialDate, b: PartialDate) -> bool {
    (a.day == b.month && a.month == b.day) || a.day == b.day || a.month == b.month
}

/// Whether both name a body and the names are not the same.
fn bodies_differ(context: &Context<'_>, a: &Dated<'_, '_>, b: &Dated<'_, '_>) -> bool {
    let named = |dated: &Dated<'_, '_>| dated.mentions.iter().find_map(|mention| mention.citation.issuer);
    let (Some(a), Some(b)) = (named(a), named(b)) else {
        return false;
    };
    let (a, b) = (text::words(context, a), text::words(context, b));
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    let shared = short.iter().filter(|word| long.contains(word)).count();
    // "UBND tỉnh" and "Chủ tịch UBND tỉnh" agree, "UBND tỉnh" and "UBND huyện" do not.
    shared < short.len()
}

/// Compares what the mentions say the document is about.
fn titles(context: &Context<'_>, a: &Dated<'_, '_>, b: &Dated<'_, '_>) -> Likeness {
    let mut found = Likeness::Unknown;
    // One title of each date will do; more only if the first cannot be compared.
    for x in a
        .mentions
        .iter()
        .filter(|mention| mention.citation.subject.is_some())
        .take(3)
    {
        for y in b
            .mentions
            .iter()
            .filter(|mention| mention.citation.subject.is_some())
            .take(3)
        {
            match likeness(context, x.citation.subject, y.citation.subject) {
                Likeness::Same => return Likeness::Same,
                Likeness::Different => found = Likeness::Different,
                Likeness::Unknown => {}
            }
        }
    }
    found
}

fn report(
    context: &Context<'_>,
    certainty: Certainty,
    usual: &Dated<'_, '_>,
    odd: &Dated<'_, '_>,
    findings: &mut Findings<'_>,
) {
    let spans = odd
        .mentions
        .iter()
        .chain(usual.mentions.iter().take(1))
        .map(|mention| mention.span())
        .collect();
    let number = odd.mentions[0]
        .citation
        .symbol
        .as_ref()
        .map(|symbol| text::excerpt(context, symbol.span, 60));
    let number = number.unwrap_or_default();
    let (here, there) = (text::date(odd.date), text::date(usual.date));
    let finding = findings.report(
        certainty,
        spans,
        format!("Văn bản số {number} được viện dẫn ngày {here} ở đây nhưng ngày {there} ở chỗ khác"),
        format!("Document {number} is dated {here} here, {there} elsewhere"),
    );
    finding.expected = there;
    finding.actual = here;
}
