//! What scanners, editors and habits do to a text must not change what is read from it.
//!
//! Each test writes every report again with one kind of noise and compares what is read: labels
//! and titles, documents cited, figures, findings. Offsets differ, so keys are compared.

use std::{collections::HashMap, fs};

use baocao::{
    decode::Limits, extract::PartialDate, pipeline, proto::baocao::v1 as pb, shadow::Key, validate::RuleSet,
    vocabulary::Vocabulary, wire,
};
use unicode_normalization::UnicodeNormalization;

use crate::support::reports;

fn process(bytes: &[u8]) -> pb::ReportProcessed {
    let today = PartialDate::new(2026, 1, 1);
    let outcome = pipeline::process(
        bytes,
        "text/plain",
        &Limits::default(),
        Vocabulary::embedded(),
        &RuleSet::default(),
        today,
    );
    wire::processed(&pb::ReportSubmission::default(), &outcome, true, None)
}

/// The words of a text as the reader folds them, joined: no case, tone placement, marks or spaces;
/// Đ as D, since titles may quote symbols.
fn fold(text: &str) -> String {
    let text = text.replace(['Đ', 'đ', 'Ð'], "d");
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.map(|word| format!("{:x}.", Key::new(word).raw())).collect()
}

/// A number and symbol without its variants: Đ as D, dashes alike, no spaces.
fn fold_number(number: &str) -> String {
    let fold = |c: char| match c {
        'Đ' | 'Ð' | 'đ' => 'D',
        '–' => '-',
        c => c.to_ascii_uppercase(),
    };
    number.chars().filter(|c| !c.is_whitespace()).map(fold).collect()
}

/// What is read from a text, one line for each thing.
fn keys(text: &str) -> Vec<String> {
    let processed = process(text.as_bytes());
    let report = processed.report.unwrap_or_default();
    let header = report.header.unwrap_or_default();
    let mut keys = vec![format!(
        "header {} {:?} {:?} {:?} {}",
        fold_number(&header.number.unwrap_or_default().text),
        header.issuers.iter().map(|issuer| fold(issuer)).collect::<Vec<_>>(),
        header.issue_date,
        header.period,
        fold(&header.subject),
    )];
    keys.extend(
        report
            .sections
            .iter()
            .map(|s| format!("section {} {} {}", s.label, s.level, fold(&s.title))),
    );
    keys.extend(report.citations.iter().map(|c| {
        format!(
            "citation {} {} {:?} {}",
            c.document_type,
            fold_number(&c.number),
            c.date,
            fold(&c.issuer)
        )
    }));
    keys.extend(
        report
            .measures
            .iter()
            .map(|m| format!("measure {} {} {} {}", m.kind, m.value, m.total, fold(&m.unit))),
    );
    keys.extend(report.recipients.iter().map(|r| format!("recipient {}", fold(&r.text))));
    keys.extend(
        report
            .signatories
            .iter()
            .map(|s| format!("signatory {}", fold(&s.name))),
    );
    keys
}

/// What stands more often in `keys` than in `others`.
fn without<'a>(keys: &'a [String], others: &[String]) -> impl Iterator<Item = &'a String> {
    let mut spare: HashMap<String, usize> = HashMap::new();
    for other in others {
        *spare.entry(other.clone()).or_default() += 1;
    }
    keys.iter().filter(move |key| match spare.get_mut(*key) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    })
}

/// Compares what is read from each report before and after a change of its text.
#[track_caller]
fn unchanged(noise: &str, change: impl Fn(&str) -> String) {
    let mut differences = Vec::new();
    for report in reports() {
        let text = fs::read_to_string(&report).expect("a report can be read");
        let (before, after) = (keys(&text), keys(&change(&text)));
        let name = report.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let lost = without(&before, &after)
            .map(|key| format!("{name}: lost {key}"))
            .collect::<Vec<_>>();
        let gained = without(&after, &before)
            .map(|key| format!("{name}: gained {key}"))
            .collect::<Vec<_>>();
        differences.extend(lost.into_iter().chain(gained));
    }
    assert!(
        differences.is_empty(),
        "{noise} changed {} things:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[test]
fn decomposed_letters() {
    unchanged("NFD", |text| text.nfd().collect());
}

#[test]
fn carriage_returns_and_a_byte_order_mark() {
    unchanged("CRLF", |text| format!("\u{FEFF}{}", text.replace('\n', "\r\n")));
}

#[test]
fn the_other_placement_of_the_tone_mark() {
    const PAIRS: [(&str, &str); 15] = [
        ("oà", "òa"),
        ("oá", "óa"),
        ("oả", "ỏa"),
        ("oã", "õa"),
        ("oạ", "ọa"),
        ("oè", "òe"),
        ("oé", "óe"),
        ("oẻ", "ỏe"),
        ("oẽ", "õe"),
        ("oẹ", "ọe"),
        ("uỳ", "ùy"),
        ("uý", "úy"),
        ("uỷ", "ủy"),
        ("uỹ", "ũy"),
        ("uỵ", "ụy"),
    ];
    unchanged("new placement", |text| {
        PAIRS
            .iter()
            .fold(text.to_owned(), |text, (new, old)| text.replace(old, new))
    });
}

#[test]
fn doubled_spaces() {
    // Three spaces would be a column.
    unchanged("doubled spaces", |text| {
        text.lines().map(|line| if line.len() > 200 { line.replace(' ', "  ") } else { line.to_owned() } + "\n").collect()
    });
}

#[test]
fn look_alikes_of_the_letter_d() {
    unchanged("Ð for Đ", |text| text.replace('Đ', "Ð"));
}

#[test]
fn a_plain_d_in_symbols() {
    // Behind the "/" or "-" of a symbol, where no word of the language stands.
    unchanged("D for Đ in symbols", |text| {
        let mut out = String::with_capacity(text.len());
        let mut in_symbol = false;
        for c in text.chars() {
            in_symbol = matches!(c, '/' | '-') || (in_symbol && c.is_alphabetic());
            out.push(if in_symbol && c == 'Đ' { 'D' } else { c });
        }
        out
    });
}

#[test]
fn typographic_and_plain_quotes() {
    unchanged("plain quotes", |text| text.replace(['“', '”'], "\""));
}

#[test]
fn long_and_short_dashes() {
    unchanged("– for -", |text| {
        // Bullets and rules keep theirs.
        text.lines().map(|line| if line.len() > 200 { line.replace('-', "–") } else { line.to_owned() } + "\n").collect()
    });
}

#[test]
fn markdown_emphasis() {
    unchanged("emphasis", |text| {
        text.lines()
            .map(|line| {
                if line.is_empty() {
                    "\n".to_owned()
                } else {
                    format!("**{line}**\n")
                }
            })
            .collect()
    });
}

#[test]
fn wrapped_lines() {
    unchanged("wrapped lines", |text| {
        text.lines().map(|line| wrap(line, 90) + "\n").collect()
    });
}

/// Breaks a line at spaces so that no piece is longer than `width` characters.
fn wrap(line: &str, width: usize) -> String {
    if line.contains(['|', '\t']) || line.contains("   ") {
        return line.to_owned();
    }
    let (mut out, mut column) = (String::new(), 0);
    for word in line.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}
