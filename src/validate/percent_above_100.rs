//! A share above 100 %.

use rust_decimal::Decimal;

use crate::{
    extract::{Change, Measure, MeasureKind},
    shadow::Key,
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{clauses, figures::is_plausible, text::figure},
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "percent-above-100",
    severity: Severity::Error,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Tỷ lệ phần trăm của một bộ phận vượt quá 100%",
    summary_en: "A share above 100 per cent",
    documentation: r#"
## What it finds
A percentage (*tỷ lệ phần trăm*) above 100 that is a share: after "chiếm", or of a rate that counts some out of all
("tỷ lệ hộ nghèo", "tỷ lệ che phủ rừng", "tỷ lệ hồ sơ giải quyết đúng hạn"). What is done of a plan may exceed it, and
growth may be of any size: percentages beside "kế hoạch", "chỉ tiêu", "dự toán", "so với", "tăng", "vượt" and the like are
left alone. Where the two figures stand beside the percentage, `percent-mismatch` and `ratio-above-total` judge them, too.

## Why it matters
No part is larger than its whole. Dashboards refuse the value or draw it off the page.

## Example
```text
Tỷ lệ hộ nghèo toàn xã còn 112,5%
```

## How to fix it
Look up the figure: mostly a digit or the decimal comma was mistyped.

## Source
Arithmetic.
"#,
    check,
};

/// What the figure may be measured against, so that it may exceed it.
const OPEN: [&str; 22] = [
    "kế hoạch",
    "chỉ tiêu",
    "dự toán",
    "nghị quyết",
    "so với",
    "cùng kỳ",
    "tăng",
    "giảm",
    "vượt",
    "tốc độ",
    "gấp",
    "bằng",
    "mục tiêu",
    "được giao",
    "giao",
    "phấn đấu",
    "tiến độ",
    "định mức",
    "tăng trưởng",
    "chỉ số",
    "lợi nhuận",
    "thanh khoản",
];
/// Rates that count some out of all there are.
const SHARES: [&str; 20] = [
    "tỷ lệ hộ nghèo",
    "tỷ lệ hộ cận nghèo",
    "tỷ lệ nghèo",
    "tỷ lệ hộ",
    "tỷ lệ dân số",
    "tỷ lệ người dân",
    "tỷ lệ dân cư",
    "tỷ lệ che phủ rừng",
    "tỷ lệ thất nghiệp",
    "tỷ lệ đúng hạn",
    "tỷ lệ hồ sơ",
    "tỷ lệ bao phủ",
    "tỷ lệ cử tri",
    "tỷ lệ đảng viên",
    "tỷ lệ cán bộ",
    "tỷ lệ hài lòng",
    "tỷ lệ người",
    "tỷ lệ thôn",
    "tỷ lệ ấp",
    "tỷ lệ khu dân cư",
];

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    for percent in &context.report.measures {
        let level = percent.kind == MeasureKind::Percent && percent.change == Change::None;
        if !level || percent.value <= Decimal::from(100) || !is_plausible(percent) || context.is_repeated(percent.span)
        {
            continue;
        }
        if let Some(certainty) = judge(context, percent) {
            tell(certainty, percent, findings);
        }
    }
}

/// Whether the percentage can only be a share.
fn judge(context: &Context<'_>, percent: &Measure) -> Option<Certainty> {
    const REACH: usize = 24;
    let mut before = clauses::words_before(context, percent.span.start, REACH);
    let share_word = ["chiếm", "chiếm tỷ lệ", "chiếm tỉ lệ"]
        .iter()
        .any(|phrase| starts_backwards(&before, phrase));
    before.reverse();
    let after = clauses::words_after(context, percent.span.end, 8);
    let open = |words: &[Key]| OPEN.iter().any(|open| clauses::holds(words, open));
    if open(&before) || open(&after) {
        return None;
    }
    let folded: Vec<Key> = before.iter().map(|&word| one_spelling(word)).collect();
    match () {
        () if share_word => Some(Certainty::Certain),
        () if SHARES.iter().any(|share| clauses::holds(&folded, share)) => Some(Certainty::Likely),
        () => None,
    }
}

/// "tỉ" is "tỷ".
fn one_spelling(word: Key) -> Key {
    if word == Key::new("tỉ") {
        Key::new("tỷ")
    } else {
        word
    }
}

/// Whether words in reverse order begin with the last words of a phrase.
fn starts_backwards(reversed: &[Key], phrase: &str) -> bool {
    let phrase: Vec<Key> = phrase.split(' ').rev().map(Key::new).collect();
    reversed.starts_with(&phrase)
}

fn tell(certainty: Certainty, percent: &Measure, findings: &mut Findings<'_>) {
    let stated = figure(percent.value);
    let finding = findings.report(
        certainty,
        vec![percent.span],
        format!("Tỷ lệ {stated}% vượt quá 100% trong khi đây là phần của một tổng số"),
        format!("{stated}% is above 100%, though it is a share of a whole"),
    );
    finding.expected = "≤ 100%".to_owned();
    finding.actual = format!("{stated}%");
}
