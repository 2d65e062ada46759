//! Words broken by scanning or typing.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::{
    document::Span,
    shadow::{Case, Key, Token},
    validate::{Certainty, Context, Findings, Rule, RuleStatus, Severity, support::text},
    vocabulary::spelling::{Spelling, is_broken, may_hold_d},
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "text-corruption",
    severity: Severity::Info,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Chữ bị sai do quét hoặc gõ",
    summary_en: "Words broken by scanning or typing",
    documentation: r#"
## What it finds
Words that were broken on the way (*lỗi nhận dạng, lỗi gõ*): syllables that Vietnamese cannot have ("nền nêp",
"đuợc"), frequent pairs of syllables with one mark or tone changed ("kiềm tra" for "kiểm tra"), function words doubled
("và và"), a D for the Đ of an abbreviation that is written right elsewhere ("HDND"), and some frequent slips. Always
likely, never certain. Names and other capitalised words, abbreviations, foreign words and loans are not judged.

## Why it matters
A search for the word misses the place, and a changed word may change what was meant.

## Example
```text
tăng cường kiềm tra; giữ nền nêp trong cơ quan
```

## How to fix it
Compare with the original and mend the word. If the word is right, switch the rule off or add the pair to
`src/vocabulary/spelling.toml` under `allowed`.

## Source
The syllable structure of Vietnamese; the table `src/vocabulary/spelling.toml`.
"#,
    check,
};

/// Words that are never doubled on purpose.
const SINGLE: [Key; 24] = [
    Key::new("và"),
    Key::new("của"),
    Key::new("các"),
    Key::new("những"),
    Key::new("đã"),
    Key::new("được"),
    Key::new("trong"),
    Key::new("với"),
    Key::new("cho"),
    Key::new("tại"),
    Key::new("theo"),
    Key::new("về"),
    Key::new("từ"),
    Key::new("để"),
    Key::new("do"),
    Key::new("bị"),
    Key::new("trên"),
    Key::new("khi"),
    Key::new("nhằm"),
    Key::new("hoặc"),
    Key::new("sẽ"),
    Key::new("thì"),
    Key::new("là"),
    Key::new("không"),
];

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let walk = context.walk();
    let spelling = &context.vocabulary.spelling;
    // One word that is wrong in one way throughout is one finding.
    let mut slips: BTreeMap<(String, String), Vec<Span>> = BTreeMap::new();
    let mut note = |span: Span, meant: &str| {
        let written = span
            .of(&context.document.text)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        slips
            .entry((written.to_lowercase(), meant.to_owned()))
            .or_default()
            .push(span);
    };
    for &start in &walk.suspects {
        judge(spelling, &run(context, start), &mut note);
    }
    bare_d(context, &walk.capitals, &mut note);
    let mut slips: Vec<_> = slips.into_iter().collect();
    slips.sort_by_key(|(_, spans)| spans.first().copied());
    for ((_, meant), spans) in slips {
        report(context, &meant, spans, findings);
    }
}

/// The words from a place on that follow each other without a mark.
fn run(context: &Context<'_>, start: u32) -> Vec<Token> {
    let reader = context.layout.reader(context.document);
    reader.walk(start as usize).take_while(Token::is_word).collect()
}

/// Judges words that follow each other without a mark.
fn judge(spelling: &Spelling, run: &[Token], note: &mut impl FnMut(Span, &str)) {
    let keys: Vec<Key> = run.iter().map(|token| token.key).collect();
    // Whether a word may be judged: small letters, or a capital at its start before small ones.
    let plain = |at: usize| run[at].case == Case::Lower;
    let begins = |at: usize| matches!(run[at].case, Case::Lower | Case::Title);
    let mut judged = 0;
    for at in 0..run.len() {
        if at < judged {
            continue;
        }
        if begins(at)
            && let Some((words, meant)) = spelling.slip(&keys[at..])
            && (at + 1..at + words).all(plain)
        {
            note(run[at].span.join(run[at + words - 1].span), meant);
            judged = at + words;
            continue;
        }
        if plain(at) && is_broken(keys[at]) {
            note(run[at].span, "");
            continue;
        }
        if at + 1 >= run.len() || !plain(at + 1) || !begins(at) {
            continue;
        }
        let both = run[at].span.join(run[at + 1].span);
        if keys[at] == keys[at + 1] && plain(at) && SINGLE.contains(&keys[at]) {
            note(both, "×1");
            judged = at + 2;
            continue;
        }
        let before = at.checked_sub(1).map_or(Key::NONE, |before| keys[before]);
        let after = keys.get(at + 2).copied().unwrap_or(Key::NONE);
        if let Some(meant) = spelling.meant(before, [keys[at], keys[at + 1]], after) {
            note(both, meant);
        }
    }
}

/// Abbreviations with D that stand elsewhere, and more often, with Đ.
fn bare_d(context: &Context<'_>, words: &[(Key, Span)], note: &mut impl FnMut(Span, &str)) {
    const OFTEN: usize = 3;
    let mut capitals: FxHashMap<Key, Vec<Span>> = FxHashMap::default();
    for &(key, span) in words {
        if may_hold_d(key) {
            capitals.entry(key).or_default().push(span);
        }
    }
    for spans in capitals.values() {
        let Some(written) = spans.first().map(|&span| context.str(span)) else {
            continue;
        };
        for (at, _) in written.match_indices('D') {
            let meant = format!("{}Đ{}", &written[..at], &written[at + 1..]);
            let right = capitals.get(&Key::new(&meant)).map_or(0, Vec::len);
            if right >= OFTEN && right > 2 * spans.len() && written.chars().count() > 2 {
                let outside = |span: &&Span| !in_symbol(context, **span);
                spans.iter().filter(outside).for_each(|&span| note(span, &meant));
                break;
            }
        }
    }
}

/// Whether a word stands in a number and symbol, where D for Đ is not looked at.
fn in_symbol(context: &Context<'_>, span: Span) -> bool {
    let text = &context.document.text;
    let before = text[..span.start as usize].chars().next_back();
    let after = text[span.end as usize..].chars().next();
    [before, after].into_iter().any(|c| matches!(c, Some('/' | '-' | '–')))
}

fn report(context: &Context<'_>, meant: &str, spans: Vec<Span>, findings: &mut Findings<'_>) {
    let spans: Vec<Span> = spans.into_iter().filter(|&span| !context.is_repeated(span)).collect();
    let Some(&first) = spans.first() else {
        return;
    };
    let written = text::excerpt(context, first, 60);
    let (vi, en) = match meant {
        "" => (
            format!("“{written}” không phải là tiếng Việt viết đúng"),
            format!("“{written}” is no Vietnamese syllable"),
        ),
        "×1" => (
            format!("Lặp từ: “{written}”"),
            format!("A word stands twice: “{written}”"),
        ),
        _ => (
            format!("“{written}” có thể là “{meant}”"),
            format!("“{written}” is probably “{meant}”"),
        ),
    };
    let finding = findings.report(Certainty::Likely, spans, vi, en);
    finding.expected = if meant == "×1" {
        String::new()
    } else {
        meant.to_owned()
    };
    finding.actual = written;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        document::Document,
        extract::{self, PartialDate},
        vocabulary::Vocabulary,
    };

    /// Words that are slips alone or together, and such as are none.
    const WORDS: [&str; 40] = [
        "kiềm", "kiểm", "tra", "đuợc", "Đuợc", "nêp", "và", "Và", "UBND", "công", "tắc", "tác", "năm", "bắt", "về",
        "của", "hội", "nghỉ", "km", "thành", "Thành", "phổ", "phố", "internet", "nghiêng", "gấp", "khó", "khăn",
        "nhiều", "trung", "uơng", "2024", ",", "\n\n", "xã", "hỏi", "các", "cac", "xoong", "trách",
    ];

    proptest! {
        #[test]
        fn what_the_walk_passes_over_is_no_slip(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..14)) {
            let document = Document::plain(words.join(" "));
            let report = extract::extract(&document, Vocabulary::embedded());
            let today = PartialDate::new(2026, 1, 1);
            let context = Context::new(&document, None, &report, Vocabulary::embedded(), today);
            let slips = |starts: &[u32]| {
                let mut slips = Vec::new();
                let mut note = |span: Span, meant: &str| slips.push((span, meant.to_owned()));
                for &start in starts {
                    judge(&context.vocabulary.spelling, &run(&context, start), &mut note);
                }
                slips
            };
            let reader = context.layout.reader(&document);
            let behind_marks = reader.walk(0).filter(|token| !token.is_word()).map(|token| token.span.end);
            let all: Vec<u32> = std::iter::once(0).chain(behind_marks).collect();
            let all: Vec<u32> = all.into_iter().filter(|&at| (at as usize) < document.text.len()).collect();
            prop_assert_eq!(slips(&context.walk().suspects), slips(&all));
        }
    }
}
