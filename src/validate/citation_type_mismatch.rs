//! The type word says one thing, the code in the symbol another.

use rustc_hash::FxHashMap;

use crate::{
    shadow::Key,
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{
            notation::{TYPE_CODES, type_words},
            text,
        },
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "citation-type-mismatch",
    severity: Severity::Error,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Tên loại văn bản trái với ký hiệu",
    summary_en: "Type word contradicts the type code of the symbol",
    documentation: r#"
## What it finds
A citation whose type word (*tên loại văn bản*) contradicts the type code in its symbol (*chữ viết tắt tên loại*):
"Kế hoạch số 70/QĐ-UBND". Codes with two meanings are known: QĐ is both *quyết định* and *quy định* for Party bodies,
TT both *thông tư* and *thông tri*, TTr both *tờ trình* and *thông tri*. The symbol of an official letter (*công văn*)
begins with the code of a body, so that TTr there may be an inspectorate. "Văn bản" goes with every code, and what a decision puts in force (*đề án, quy
chế, chương trình*) is often cited under the decision's number, so that this is only likely to be a mistake.

## Why it matters
Either the word or the symbol is wrong, so the document cannot be found, or another one is found.

## Example
```text
Tờ trình số 46/QĐ-STNMT ngày 20/02/2024
```

## How to fix it
Look at the document and write its type word and symbol as it bears them.

## Source
Decree 30/2020/NĐ-CP, annex III; Guideline 36-HD/VPTW (codes of Party documents).
"#,
    check,
};

/// Types that decisions put in force, and general words: cited under other documents' codes.
const LOOSE: [&str; 12] = [
    "đề án",
    "quy chế",
    "quy định",
    "chương trình",
    "chiến lược",
    "dự án",
    "phương án",
    "công văn",
    "điều lệ",
    "quy hoạch",
    "quy chuẩn",
    "kết luận",
];
/// Official letters have no type code: their symbol begins with the code of a body, and these are
/// such codes as well ("410/TTr-NV1" comes from an inspectorate, "215/CT-TTHT" from a tax office).
const ALSO_BODIES: [&str; 5] = ["CT", "TTR", "TC", "TT", "QC"];
/// Words that go with any code.
const GENERAL: [&str; 3] = ["văn bản", "tài liệu", "phụ lục"];

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    // There are few words and codes, so each pair is compared once.
    let mut compared: FxHashMap<(&str, &str), bool> = FxHashMap::default();
    for mention in context.numbered() {
        let word = &*mention.citation.document_type;
        let code = mention.notation.type_code();
        let Some(expected) = type_words(code) else {
            continue;
        };
        let letter = || is_one_of(word, &["công văn"]) && ALSO_BODIES.contains(&code);
        let agrees = || is_one_of(word, expected) || is_one_of(word, &GENERAL) || !is_type(word) || letter();
        if *compared.entry((word, code)).or_insert_with(agrees) {
            continue;
        }
        let certainty = if is_one_of(word, &LOOSE) {
            Certainty::Likely
        } else {
            Certainty::Certain
        };
        let symbol = mention
            .citation
            .symbol
            .as_ref()
            .map_or(mention.span(), |symbol| symbol.span);
        let symbol = text::excerpt(context, symbol, 60);
        let meant = expected.join(", ");
        let finding = findings.report(
            certainty,
            vec![mention.span()],
            format!("Ghi là “{word}” nhưng ký hiệu {symbol} là của {meant}"),
            format!("Called “{word}”, but the symbol {symbol} belongs to: {meant}"),
        );
        finding.expected = meant;
        finding.actual = word.to_string();
    }
}

/// Whether the type word begins with one of the phrases ("Chương trình phối hợp").
fn is_one_of(word: &str, phrases: &[&str]) -> bool {
    let words: Vec<Key> = word.split_whitespace().map(Key::new).collect();
    phrases.iter().any(|phrase| {
        let mut rest = words.iter();
        phrase
            .split_whitespace()
            .all(|word| rest.next() == Some(&Key::of(word)))
    })
}

/// Whether the word is a type with a code of its own, or one cited loosely; others prove nothing.
fn is_type(word: &str) -> bool {
    is_one_of(word, &LOOSE) || TYPE_CODES.iter().any(|(_, words)| is_one_of(word, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_type_words_belong_to_their_type() {
        assert!(is_one_of("Chương trình phối hợp", &["chương trình"]));
        assert!(is_one_of("Thông tư liên tịch", &["thông tư"]));
        assert!(!is_one_of("Chương", &["chương trình"]));
        assert!(is_type("Kế hoạch"));
        assert!(!is_type("Thư"));
    }
}
