//! The registry is complete, and every rule does what its fixture under `tests/rules/` says.
//!
//! A fixture is Markdown to be read: prose, then cases. `## Triggers: …` is followed by a report
//! and the findings of the rule in it, `## Silent: …` by a report in which it finds nothing.
//! A packet (an `xml` block) may stand before a report.
//! `BAOCAO_BLESS=1 cargo test fixtures` writes what is found into the fixtures; read the diff.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::*;

const TODAY: PartialDate = PartialDate::new(2026, 1, 1);
const HEADINGS: [&str; 5] = ["What it finds", "Why it matters", "Example", "How to fix it", "Source"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fixture(rule: &Rule) -> PathBuf {
    root().join("tests/rules").join(format!("{}.md", rule.id))
}

fn names(directory: &str, extension: &str) -> BTreeSet<String> {
    let files = fs::read_dir(root().join(directory))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|found| found == extension));
    files
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn ids_are_kebab_case_unique_and_sorted() {
    for rule in RULES {
        let kebab = rule
            .id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        assert!(
            kebab && !rule.id.starts_with('-') && !rule.id.ends_with('-'),
            "{}",
            rule.id
        );
        assert!(
            !rule.summary_vi.is_empty() && !rule.summary_en.is_empty(),
            "{}",
            rule.id
        );
    }
    assert!(RULES.windows(2).all(|pair| pair[0].id < pair[1].id));
}

#[test]
fn each_rule_has_a_file_of_its_name_and_each_file_with_a_rule_is_registered() {
    let registered: BTreeSet<String> = RULES.iter().map(|rule| rule.id.replace('-', "_")).collect();
    let written: BTreeSet<String> = names("src/validate", "rs")
        .into_iter()
        .filter(|name| {
            let code = fs::read_to_string(root().join(format!("src/validate/{name}.rs"))).unwrap();
            code.lines().any(|line| line.starts_with("pub static RULE: Rule"))
        })
        .collect();
    assert_eq!(registered, written);
}

#[test]
fn each_rule_is_documented_under_all_headings() {
    for rule in RULES {
        let found: Vec<&str> = rule
            .documentation
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        assert_eq!(found, HEADINGS, "{}", rule.id);
    }
}

#[test]
fn each_rule_has_a_fixture_and_each_fixture_a_rule() {
    let ids: BTreeSet<String> = RULES.iter().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(names("tests/rules", "md"), ids);
}

#[test]
fn the_page_of_rules_is_up_to_date() {
    let path = root().join("src/validate/RULES.md");
    if std::env::var_os("BAOCAO_BLESS").is_some() {
        fs::write(&path, page::all()).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page::all(),
        "src/validate/RULES.md is not what `baocao rules page` prints; BAOCAO_BLESS=1 cargo test writes it"
    );
}

#[test]
fn a_misspelt_rule_is_recognised() {
    assert_eq!(nearest_rule("sum-missmatch").map(|rule| rule.id), Some("sum-mismatch"));
    assert_eq!(nearest_rule("zzz").map(|rule| rule.id), None);
}

/// A case of a fixture.
struct Case<'t> {
    title: &'t str,
    triggers: bool,
    packet: &'t str,
    report: &'t str,
    findings: &'t str,
}

fn cases(fixture: &str) -> Vec<Case<'_>> {
    let block = |case: &'_ str, fence: &str| -> Option<(usize, usize)> {
        let start = case.find(fence)? + fence.len();
        Some((start, start + case[start..].find("```")?))
    };
    let sections = fixture.split("\n## ").skip(1);
    sections
        .map(|section| {
            let title = section.lines().next().unwrap_or_default();
            let part = |fence: &str| block(section, fence).map_or("", |(start, end)| &section[start..end]);
            Case {
                title,
                triggers: title.starts_with("Triggers: "),
                packet: part("```xml\n"),
                report: part("```text\n"),
                findings: part("```findings\n"),
            }
        })
        .collect()
}

/// What the rule finds in a report, as fixtures show it.
fn findings(rule: &'static Rule, packet: &str, text: &str) -> String {
    let vocabulary = Vocabulary::embedded();
    let mut document = Document::plain(text);
    if !packet.is_empty() {
        let packet = crate::decode::edxml::read(packet.as_bytes(), &crate::decode::Limits::default()).unwrap();
        document.envelope = Some(Box::new(packet.envelope));
    }
    let report = crate::extract::extract(&document, vocabulary);
    let rules = RuleSet {
        preview: true,
        ..RuleSet::default()
    };
    let found = validate(&document, &report, vocabulary, &rules, TODAY);
    let mut out = String::new();
    for finding in found.iter().filter(|finding| finding.rule == rule.id) {
        let spans: Vec<String> = finding
            .spans
            .iter()
            .map(|span| span.of(&document.text).split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        out += &format!(
            "{:?}: {}\n  {}\n",
            finding.certainty,
            spans.join(" | "),
            finding.message_vi
        );
    }
    out
}

#[test]
fn each_fixture_finds_what_it_says() {
    let mut wrong = String::new();
    for &rule in RULES {
        let path = fixture(rule);
        let text = fs::read_to_string(&path).unwrap();
        let cases = cases(&text);
        assert!(cases.iter().any(|case| case.triggers), "{}: no case triggers", rule.id);
        assert!(
            cases.iter().any(|case| !case.triggers),
            "{}: no case is silent",
            rule.id
        );
        let mut blessed = text.clone();
        for case in &cases {
            let found = findings(rule, case.packet, case.report);
            if case.triggers {
                let fence = format!("```text\n{}```\n\n```findings\n", case.report);
                blessed = blessed.replace(&format!("{fence}{}```", case.findings), &format!("{fence}{found}```"));
            }
            if found != case.findings || case.triggers == found.is_empty() {
                wrong += &format!(
                    "{}, {}\n--- expected\n{}--- found\n{found}\n",
                    rule.id, case.title, case.findings
                );
            }
        }
        if std::env::var_os("BAOCAO_BLESS").is_some() {
            fs::write(&path, blessed).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

proptest::proptest! {
    /// Reports of pieces that rules look at, in any order and broken anywhere, panic no rule, and
    /// all spans lie in the text.
    #[test]
    fn no_text_panics_a_rule(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60)) {
        let document = Document::plain(pieces.concat());
        let report = crate::extract::extract(&document, Vocabulary::embedded());
        let rules = RuleSet { preview: true, ..RuleSet::default() };
        for finding in validate(&document, &report, Vocabulary::embedded(), &rules, TODAY) {
            for span in finding.spans {
                assert!(document.text.get(span.range()).is_some(), "{}", finding.rule);
            }
        }
    }
}

const PIECES: &[&str] = &[
    "BÁO CÁO\n",
    "Số:    /BC-UBND\n",
    "ngày    tháng 2 năm 2024\n",
    "I. KẾT QUẢ\n",
    "III. ĐÁNH GIÁ\n",
    "0. Không\n",
    "2. Hai\n",
    "b) Điểm\n",
    "Kế hoạch số 12/KH-UBND ngày 31/4/2024",
    " của Ban Thường vụ Tỉnh ủy",
    " về việc thực hiện công tác dân vận",
    "Nghị quyết số 0-NQ/TW, ngày 00/00/0000",
    "Quyết định số 99999999/2024/QĐ/UBND-",
    " 99999999999999999999999999999 đồng",
    " 0/0 xã",
    " 12/10 xã, đạt 120,5%",
    " 7.922.816.251.426.433.759.354.395 tỷ đồng",
    ", gồm: 12 xã, 13 xã; 14 xã",
    " (trong đó 5 xã, 6 xã)",
    ", trong đó 120 xã",
    "từ 5 xã lên 12 xã",
    ", tăng 12 xã so với năm 2022 (",
    "tỉnh Hà Nam UBND huyện ",
    "Hà Nội, ngày 5 tháng 1 năm 2026\n",
    " 0%",
    " đạt ",
    " chiếm ",
    "(",
    ")",
    "\n",
    "\n\n",
    ". ",
    "; ",
    "“",
    "”",
    "và và ",
    "đuợc ",
    "HDND ",
    "Nơi nhận:\n",
    "- Lưu: VT.\n",
    "\u{301}",
    "đ",
    "²",
    "| 12 | 13 | 14,5 |\n",
];
