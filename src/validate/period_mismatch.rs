//! Things done outside the period they are listed under.

use crate::{
    document::Span,
    extract::{Citation, PartialDate, Period},
    shadow::{Key, Kind, Token, key, keys},
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{bodies, notation::Notation, text},
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "period-mismatch",
    severity: Severity::Warning,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Việc ngoài kỳ báo cáo được kể trong kỳ",
    summary_en: "Things done outside the period they are listed under",
    documentation: r#"
## What it finds
What a sentence says was done in the period (*trong năm, trong kỳ, trong quý, trong 6 tháng …*) with a day outside it;
what happened (*Ngày … xảy ra …*) before it; a row of days of which some lie outside ("04 hội nghị (ngày 12/10/2020,
20/12/2022, …)"); a day of another year in the line of a year ("- Năm 2018: … ngày 16/5/2019"). Also a paragraph that
says what was issued in the period and names a document of a People's Council or Committee dated before it began.
Documents that are carried out (*thực hiện, theo, triển khai, sửa đổi*) may be older, and days with which something is
compared or that lie ahead (*so với, đến, dự kiến*) are left alone. Reports often count from the middle of the month
before: so much is allowed.

## Why it matters
What was done last year is counted again this year.

## Example
```text
Trong năm, HĐND tỉnh ban hành Nghị quyết số 18/2021/NQ-HĐND ngày 09/12/2021        (in a report on 2022)
```

## How to fix it
Check the date; leave the document out if it belongs to an earlier report.

## Source
Decree 09/2019/NĐ-CP, article 12 (reporting periods).
"#,
    check,
};

/// Words that open a paragraph on what was done in the period.
const OPENINGS: [[Key; 2]; 5] = [
    [Key::new("trong"), Key::new("năm")],
    [Key::new("trong"), Key::new("kỳ")],
    [Key::new("trong"), Key::new("quý")],
    [Key::new("trong"), Key::new("tháng")],
    [Key::new("tháng"), Key::new("qua")],
];
/// Words that lead to documents that are older than what was done.
const BASES: [Key; 10] = [
    Key::new("thực"),
    Key::new("theo"),
    Key::new("triển"),
    Key::new("sửa"),
    Key::new("thay"),
    Key::new("căn"),
    Key::new("tổng"),
    Key::new("sơ"),
    Key::new("quán"),
    Key::new("bổ"),
];

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let Some(period) = context.report.header.period.filter(|period| period.start.exists()) else {
        return;
    };
    for citation in &context.report.citations {
        let Some(date) = citation.date.filter(|date| date.is_full() && date.exists()) else {
            continue;
        };
        // Reports count from the middle of the month before: three months are beyond doubt.
        let early = period
            .start
            .ordinal()
            .zip(date.ordinal())
            .is_some_and(|(start, day)| day + 92 < start);
        if early && of_local_body(context, citation) && issued_in_period(context, citation.span) {
            report_document(context, citation, date, findings);
        }
    }
    let days = context.days();
    for (at, &(date, span)) in days.iter().enumerate() {
        if !date.exists() || context.is_repeated(span) {
            continue;
        }
        let outside = match side(period, date) {
            Side::Within => false,
            Side::Before(far) => {
                is_done_in_period(context, span)
                    || far && is_event(context, span)
                    || is_of_row(period, context, days, at)
            }
            Side::After => is_done_in_period(context, span) || is_of_row(period, context, days, at),
        };
        if outside || is_of_another_year(context, date, span) {
            report_day(context, date, span, findings);
        }
    }
}

/// Where a day lies, seen from the period.
enum Side {
    Within,
    /// Whether by more than a month.
    Before(bool),
    After,
}

fn side(period: Period, date: PartialDate) -> Side {
    /// Reports count from the middle of the month before.
    const EARLIER: i32 = 17;
    const FAR: i32 = 31;
    let (Some(start), Some(end), Some(day)) = (period.start.ordinal(), period.end.ordinal(), date.ordinal()) else {
        return Side::Within;
    };
    match day {
        day if day > end => Side::After,
        day if day + EARLIER < start => Side::Before(day + FAR < start),
        _ => Side::Within,
    }
}

/// The words of the sentence before a day, the nearest last.
fn sentence_before(context: &Context<'_>, span: Span) -> Vec<Token> {
    const MOST: usize = 60;
    let reader = context.layout.reader(context.document);
    let mut token = reader.before(span.start as usize);
    let mut words = Vec::new();
    for _ in 0..MOST {
        let stop = token.is_mark('.') && reader.next(token).spaced || token.is_mark(';');
        if token.is_end() || stop {
            break;
        }
        words.push(token);
        token = reader.previous(token);
    }
    words.reverse();
    words
}

/// Whether the sentence says that something was done in the period, and the day is neither ahead nor
/// one to compare with.
fn is_done_in_period(context: &Context<'_>, span: Span) -> bool {
    const IN: [Key; 5] = [key!("năm"), key!("kỳ"), key!("quý"), key!("tháng"), key!("tuần")];
    const OTHER: [Key; 16] = keys([
        "so", "kể", "dự", "sẽ", "phấn", "trước", "hạn", "cuối", "tính", "thời", "sinh", "nay", "theo", "căn", "hết",
        "còn",
    ]);
    let words = sentence_before(context, span);
    // "Trong quý I", "trong 6 tháng đầu năm", and not "trong tháng 5/2023".
    let said = words.windows(3).any(|three| {
        let unit = if three[1].is_number() { three[2] } else { three[1] };
        let after = three[2];
        let dated = three[1].is_word() && after.is_number();
        three[0].is_word() && three[0].key == key!("trong") && unit.is_word() && IN.contains(&unit.key) && !dated
    });
    // "đến 31/12/2025" says how far, "từ ngày 02/4 đến 04/4/2024" says when.
    let near = &words[words.len().saturating_sub(7)..];
    let until = near.iter().rev().take(2).any(|token| token.key == key!("đến"));
    let range = near.iter().any(|token| token.key == key!("từ"));
    said && (!until || range) && !words.iter().any(|token| token.is_word() && OTHER.contains(&token.key))
}

/// Whether the sentence begins with the day and says what happened: "Ngày 26/8/2024, tại … xảy ra vụ".
fn is_event(context: &Context<'_>, span: Span) -> bool {
    const MOST: usize = 24;
    let before = sentence_before(context, span);
    let opens = before.iter().filter(|token| token.is_word()).count() <= 3
        && before
            .last()
            .is_some_and(|token| token.is_word() && token.key == key!("ngày"));
    if !opens {
        return false;
    }
    let reader = context.layout.reader(context.document);
    let words: Vec<Token> = reader
        .walk(span.end as usize)
        .take(MOST)
        .take_while(|token| !token.is_end())
        .collect();
    words
        .windows(2)
        .any(|pair| pair[0].is_word() && [pair[0].key, pair[1].key] == [key!("xảy"), key!("ra")])
}

/// Whether a day stands in a row of days in brackets most of which lie within the period.
fn is_of_row(period: Period, context: &Context<'_>, days: &[(PartialDate, Span)], at: usize) -> bool {
    const LEAST_WITHIN: usize = 2;
    let text = context.document.text.as_str();
    let joined = |a: usize, b: usize| {
        let between = text.get(days[a].1.end as usize..days[b].1.start as usize);
        between.is_some_and(|between| matches!(between.trim(), "," | ";" | "và" | ", ngày" | "và ngày" | "; ngày"))
    };
    let first = (0..at)
        .rev()
        .take_while(|&index| joined(index, index + 1))
        .last()
        .unwrap_or(at);
    let last = (at + 1..days.len())
        .take_while(|&index| joined(index - 1, index))
        .last()
        .unwrap_or(at);
    let row = &days[first..=last];
    let within = row
        .iter()
        .filter(|(date, _)| matches!(side(period, *date), Side::Within))
        .count();
    let reader = context.layout.reader(context.document);
    let before = reader.before(row[0].1.start as usize);
    let opened = before.is_mark('(') || reader.previous(before).is_mark('(');
    opened && within >= LEAST_WITHIN && within * 2 > row.len()
}

/// Whether a day stands in the line of another year: "- Năm 2018: 21 cuộc, trong đó … ngày 16/5/2019".
fn is_of_another_year(context: &Context<'_>, date: PartialDate, span: Span) -> bool {
    let line = context.layout.lines[context.document.line_at(span.start)];
    let reader = context.layout.reader(context.document);
    let mut token = reader.after(line.span.start as usize);
    if matches!(token.kind, Kind::Mark('-' | '+' | '•')) {
        token = reader.next(token);
    }
    let year = reader.next(token);
    let written = year
        .is_number()
        .then(|| reader.token(year).parse::<u16>().ok())
        .flatten();
    token.is_word()
        && token.key == key!("năm")
        && reader.next(year).is_mark(':')
        && written.is_some_and(|year| (2000..2100).contains(&year) && year != date.year)
        && is_plainly_dated(context, span)
}

/// Whether a day is said to be that of the thing itself, not one up to which or from which it counts.
fn is_plainly_dated(context: &Context<'_>, span: Span) -> bool {
    const OTHER: [Key; 8] = keys(["đến", "từ", "so", "trước", "sau", "hạn", "theo", "kể"]);
    let words = sentence_before(context, span);
    let near = &words[words.len().saturating_sub(4)..];
    !near.iter().any(|token| token.is_word() && OTHER.contains(&token.key))
}

fn report_day(context: &Context<'_>, date: PartialDate, span: Span, findings: &mut Findings<'_>) {
    let sentence = sentence_before(context, span);
    let start = sentence.first().map_or(span.start as usize, |token| token.start());
    let date = text::date(date);
    let finding = findings.report(
        Certainty::Likely,
        vec![span, Span::new(start, span.end as usize)],
        format!("Việc ngày {date} được kể trong kỳ báo cáo nhưng nằm ngoài kỳ"),
        format!("What was done on {date} is listed under a period that this day lies outside of"),
    );
    finding.actual = date;
}

fn of_local_body(context: &Context<'_>, citation: &Citation) -> bool {
    let notation = citation
        .symbol
        .as_ref()
        .and_then(|symbol| Notation::of(context, symbol.span));
    let body = notation.and_then(|notation| notation.issuer_parts().next().and_then(bodies::of_code));
    matches!(body, Some(bodies::Body::Committee | bodies::Body::Council))
}

/// Whether the paragraph opens with the period, says that something was issued, and does not lead
/// to this document as a basis.
fn issued_in_period(context: &Context<'_>, span: Span) -> bool {
    /// Words looked at from the beginning of the paragraph, and back from the document: a paragraph may
    /// name many.
    const MOST: usize = 60;
    let reader = context.layout.reader(context.document);
    let start = text::paragraph_start(context, span.start as usize);
    let opening: Vec<Token> = reader
        .walk(start)
        .take(MOST)
        .take_while(|token| token.start() < span.start as usize)
        .filter(Token::is_word)
        .collect();
    let nearest: Vec<Token> = sentence_before(context, span)
        .into_iter()
        .filter(Token::is_word)
        .collect();
    let opens = opening
        .windows(2)
        .take(3)
        .any(|pair| OPENINGS.contains(&[pair[0].key, pair[1].key]));
    let issued = [&opening, &nearest].into_iter().any(|words| {
        words
            .windows(2)
            .any(|pair| [pair[0].key, pair[1].key] == [key!("ban"), key!("hành")])
    });
    let near = &nearest[nearest.len().saturating_sub(8)..];
    opens && issued && !near.iter().any(|word| BASES.contains(&word.key))
}

fn report_document(context: &Context<'_>, citation: &Citation, date: PartialDate, findings: &mut Findings<'_>) {
    if context.is_repeated(citation.span) {
        return;
    }
    let date = text::date(date);
    let finding = findings.report(
        Certainty::Likely,
        vec![citation.span],
        format!("Văn bản ngày {date} được kể là ban hành trong kỳ nhưng có trước kỳ báo cáo"),
        format!("The document of {date} is listed as issued in the period, but is older"),
    );
    finding.actual = date;
}
