//! Names of provinces and districts that were no more on the day of the report.

use std::collections::BTreeMap;

use crate::{
    document::Span,
    extract::PartialDate,
    shadow::{Kind, Reader, Token},
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{
            clauses,
            text::{self, excerpt},
        },
    },
    vocabulary::Phrases,
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "place-name-anachronism",
    severity: Severity::Info,
    status: RuleStatus::Preview,
    since: "0.1.0",
    summary_vi: "Tên tỉnh hoặc cấp huyện không còn vào ngày của báo cáo",
    summary_en: "A province or district that was no more on the day of the report",
    documentation: r#"
## What it finds
In a report dated 1 July 2025 or later: provinces that were merged into others ("tỉnh Hà Nam"), or became cities, before
its date; and bodies of the district level ("UBND huyện", "Huyện ủy", "UBND thị trấn"), which ended on that day. In the
masthead, among the recipients and at the signature they cannot be right. In the text they are left alone where the
sentence cites a document, names a year up to 2025, or speaks of the past ("cũ", "trước đây", "sáp nhập", "bàn giao"), and
everywhere when the period of the report begins before that day. The same name in several places is one finding.

## Why it matters
A paper sent to a body that is no more comes back, and figures are booked under a unit that the statistics do not have.

## Example
```text
UBND tỉnh Hà Nam … ngày 15 tháng 9 năm 2025        (tỉnh Ninh Bình)
```

## How to fix it
Write the present name, or say that the former unit is meant ("huyện X cũ").

## Source
Resolution 202/2025/QH15; Decision 19/2025/QĐ-TTg. The table of provinces is `src/vocabulary/provinces.toml`.
"#,
    check,
};

/// The first day without districts, and with 34 provinces.
const REFORM: PartialDate = PartialDate::new(2025, 7, 1);
/// Bodies of the district level.
const DISTRICT_BODIES: [&str; 24] = [
    "UBND huyện",
    "UBND quận",
    "UBND thị xã",
    "UBND thị trấn",
    "UBND cấp huyện",
    "HĐND huyện",
    "HĐND quận",
    "HĐND thị xã",
    "HĐND thị trấn",
    "HĐND cấp huyện",
    "ủy ban nhân dân huyện",
    "ủy ban nhân dân quận",
    "ủy ban nhân dân thị xã",
    "ủy ban nhân dân thị trấn",
    "ủy ban nhân dân cấp huyện",
    "hội đồng nhân dân huyện",
    "hội đồng nhân dân quận",
    "hội đồng nhân dân thị xã",
    "hội đồng nhân dân cấp huyện",
    "huyện ủy",
    "quận ủy",
    "thị ủy",
    "đảng ủy thị trấn",
    "đảng bộ huyện",
];
/// What sentences about the past say.
const PAST: [&str; 20] = [
    "cũ",
    "trước đây",
    "trước khi",
    "nguyên là",
    "nguyên chủ",
    "nguyên bí",
    "sáp nhập",
    "hợp nhất",
    "sắp xếp",
    "giải thể",
    "kết thúc hoạt động",
    "chuyển giao",
    "bàn giao",
    "chuyển về",
    "tinh gọn",
    "không còn",
    "từng",
    "bỏ cấp",
    "chấm dứt",
    "tiếp nhận từ",
];

/// A name that was no more.
struct Gone {
    span: Span,
    certainty: Certainty,
    /// What came after it; empty for districts.
    now: String,
    /// Its last day.
    until: PartialDate,
}

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let header = &context.report.header;
    // Without a day the month decides, and the first of it is the safe side.
    let day = header.issue_date.filter(|date| date.year != 0 && date.month != 0);
    let Some(day) = day.map(|date| PartialDate::new(date.year, date.month, date.day.max(1))) else {
        return;
    };
    if day < REFORM {
        return;
    }
    let mut gone: BTreeMap<String, Vec<Gone>> = BTreeMap::new();
    for (name, found) in names(context, day) {
        gone.entry(name).or_default().push(found);
    }
    let mut groups: Vec<Vec<Gone>> = gone.into_values().collect();
    groups.sort_by_key(|group| group.first().map(|gone| gone.span));
    for group in groups {
        tell(context, &group, findings);
    }
}

/// The names in the text that were no more on that day, each with the words it is one with.
fn names(context: &Context<'_>, day: PartialDate) -> Vec<(String, Gone)> {
    let mut districts = Phrases::forwards();
    for body in DISTRICT_BODIES {
        districts.insert(body, ());
    }
    let fixed = fixed_places(context);
    let period = context.report.header.period.map(|period| period.start);
    let in_force = period.is_none_or(|start| start >= REFORM);
    let reader = context.layout.reader(context.document);
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        let token = reader.after(at);
        if token.kind == Kind::End {
            return found;
        }
        at = token.end();
        let Some((last, now, until)) = name_at(context, &reader, &districts, token, day) else {
            continue;
        };
        at = last.end();
        let span = Span::new(token.start(), last.end());
        let is_fixed = fixed.iter().any(|place| place.contains(span));
        if context.is_repeated(span) || !is_fixed && (!in_force || speaks_of_the_past(context, &reader, span)) {
            continue;
        }
        let certainty = if is_fixed {
            Certainty::Certain
        } else {
            Certainty::Likely
        };
        let words = text::words(context, span);
        let name = words
            .iter()
            .map(|word| format!("{:x}", word.raw()))
            .collect::<Vec<_>>()
            .join(" ");
        found.push((
            name,
            Gone {
                span,
                certainty,
                now,
                until,
            },
        ));
    }
}

/// The name of a unit that was no more, from this word on: its last token, what came after it and
/// its last day.
fn name_at(
    context: &Context<'_>,
    reader: &Reader<'_>,
    districts: &Phrases<()>,
    first: Token,
    day: PartialDate,
) -> Option<(Token, String, PartialDate)> {
    if districts.may_begin(first.key)
        && let Some((_, last)) = districts.longest(reader, first)
    {
        return Some((named(reader, last), String::new(), PartialDate::new(2025, 6, 30)));
    }
    let provinces = &context.vocabulary.provinces;
    if !provinces.may_begin(first) {
        return None;
    }
    let (rows, last) = provinces.longest(reader, first)?;
    let rows: Vec<_> = rows.collect();
    // A name of a lower unit may go on ("tỉnh Hòa Bình cũ" does not, "huyện Hà Nam Ninh" does).
    if rows.iter().any(|row| row.exists_on(day)) || !last.is_capitalised() {
        return None;
    }
    let row = rows.into_iter().max_by_key(|row| row.until())?;
    Some((last, row.now.clone(), row.until().filter(|until| *until < day)?))
}

/// The last word of the name that follows the kind of body ("Huyện ủy Kim Bảng").
fn named(reader: &Reader<'_>, kind: Token) -> Token {
    const MOST: usize = 4;
    let mut last = kind;
    for _ in 0..MOST {
        let next = reader.after(last.end());
        if !next.is_word() || !next.is_capitalised() {
            break;
        }
        last = next;
    }
    last
}

/// Where no past is spoken of: masthead, recipients, signature.
fn fixed_places(context: &Context<'_>) -> Vec<Span> {
    let report = context.report;
    let header = &report.header;
    let recipients = report.recipients.iter().map(|recipient| recipient.span);
    let authority = report
        .signatories
        .iter()
        .flat_map(|signatory| signatory.authority.iter().copied());
    header
        .issuers
        .iter()
        .flatten()
        .chain(&header.governing_body)
        .copied()
        .chain(recipients)
        .chain(authority)
        .collect()
}

/// Whether the sentence around a place speaks of the past, cites a document or names a year up to
/// that of the reform.
fn speaks_of_the_past(context: &Context<'_>, reader: &Reader<'_>, place: Span) -> bool {
    let sentence = sentence(reader, place);
    let words = text::words(context, sentence);
    let mut year = false;
    let mut at = sentence.start as usize;
    while at < sentence.end as usize {
        let token = reader.after(at);
        if token.kind == Kind::End {
            break;
        }
        year |= token.is_number()
            && reader
                .token(token)
                .parse()
                .is_ok_and(|year| (1930..=2025).contains(&year));
        at = token.end();
    }
    year || PAST.iter().any(|past| clauses::holds(&words, past))
        || context
            .report
            .citations
            .iter()
            .any(|citation| citation.span.overlaps(sentence))
}

/// The sentence around a place, as far as it is looked at.
fn sentence(reader: &Reader<'_>, place: Span) -> Span {
    const REACH: usize = 60;
    let ends = |token: &Token| token.is_end() || matches!(token.kind, Kind::Mark('.' | ';'));
    let mut sentence = place;
    for _ in 0..REACH {
        let token = reader.before(sentence.start as usize);
        if ends(&token) {
            break;
        }
        sentence.start = token.span.start;
    }
    for _ in 0..REACH {
        let token = reader.after(sentence.end as usize);
        if ends(&token) {
            break;
        }
        sentence.end = token.span.end;
    }
    sentence
}

fn tell(context: &Context<'_>, group: &[Gone], findings: &mut Findings<'_>) {
    let Some(first) = group.first() else { return };
    let name = excerpt(context, first.span, 60);
    let certain = group.iter().any(|gone| gone.certainty == Certainty::Certain);
    let last = text::date(first.until);
    let (now_vi, now_en) = if first.now.is_empty() {
        (
            "; cấp huyện đã kết thúc hoạt động".to_owned(),
            "; the district level has ended".to_owned(),
        )
    } else {
        (format!("; nay là {}", first.now), format!("; it is now {}", first.now))
    };
    let finding = findings.report(
        if certain { Certainty::Certain } else { Certainty::Likely },
        group.iter().map(|gone| gone.span).collect(),
        format!("“{name}” chỉ có đến ngày {last}{now_vi}"),
        format!("“{name}” existed until {last} only{now_en}"),
    );
    finding.expected = first.now.clone();
    finding.actual = name;
}
