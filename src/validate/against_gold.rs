//! Rules on the gold annotations of the sample reports: what they find when everything was
//! extracted right. Set `BAOCAO_GOLD` to a directory to see another set.

use std::{fs, path::Path, str::FromStr};

use rust_decimal::Decimal;
use serde_json::Value;

use super::*;
use crate::{
    extract::{self, Approx, Change, Citation, Measure, MeasureKind, Unit, symbols},
    shadow::Reader,
};

/// The report as a perfect extractor would read it, as far as the annotation tells.
fn report(document: &Document, gold: &Value) -> Report {
    let vocabulary = Vocabulary::embedded();
    let mut report = extract::extract(document, vocabulary);
    let offsets: Vec<usize> = document
        .text
        .char_indices()
        .map(|(at, _)| at)
        .chain([document.text.len()])
        .collect();
    let span = |item: &Value| {
        let at = |name: &str| offsets[item["span"][name].as_u64().unwrap_or_default() as usize];
        Span::new(at("start"), at("end"))
    };
    let items = |name: &str| gold[name].as_array().cloned().unwrap_or_default();
    report.citations = items("citations")
        .iter()
        .map(|item| citation(document, &report.flow, item, span(item)))
        .collect();
    report.documents.clear();
    report.measures = items("measures")
        .iter()
        .map(|item| measure(document, item, span(item)))
        .collect();
    report.breakdowns.clear();
    report
}

fn citation(document: &Document, flow: &crate::shadow::Flow, item: &Value, span: Span) -> Citation {
    let text = &document.text;
    let reader = Reader::new(text, flow);
    let string = |name: &str| item[name].as_str().unwrap_or_default();
    let number = string("number");
    let symbol = text[span.range()]
        .find(number)
        .filter(|_| !number.is_empty())
        .and_then(|at| {
            let from = span.start as usize + at;
            symbols::parse(&reader, &Vocabulary::embedded().document_types, from)
                .or_else(|| symbols::parse_bare(&reader, from))
        });
    let part = |name: &str| item["date"][name].as_u64().unwrap_or_default();
    let date = (!item["date"].is_null())
        .then(|| PartialDate::new(part("year") as u16, part("month") as u8, part("day") as u8));
    let behind = |phrase: &str| {
        let from = span.end as usize;
        let at = text[from..]
            .find(phrase)
            .filter(|at| *at < 1500 && !phrase.is_empty())?;
        Some(Span::new(from + at, from + at + phrase.len()))
    };
    let before = |phrase: &str| {
        let at = text[..span.start as usize]
            .rfind(phrase)
            .filter(|_| !phrase.is_empty())?;
        Some(Span::new(at, at + phrase.len()))
    };
    Citation {
        span,
        document_type: string("documentType").into(),
        symbol,
        date,
        date_span: date.map(|_| span),
        issuer: behind(string("issuer")),
        issuer_implied: before(string("issuerImplied")),
        term: None,
        subject: behind(string("subject")),
        document: usize::MAX,
    }
}

fn measure(document: &Document, item: &Value, span: Span) -> Measure {
    let string = |name: &str| item[name].as_str().unwrap_or_default();
    let (value, total) = match string("value").split_once('/') {
        Some((value, total)) => (value, Decimal::from_str(total).ok()),
        None => (string("value"), None),
    };
    let written = &document.text[span.range()];
    let places = written
        .split_once(',')
        .map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    let unit = string("unit");
    let unit = written
        .to_lowercase()
        .find(unit)
        .filter(|at| !unit.is_empty() && written.is_char_boundary(*at))
        .map(|at| {
            let at = span.start as usize + at;
            Unit::Own(Span::new(at, (at + unit.len()).min(span.end as usize)))
        });
    Measure {
        span,
        kind: match string("kind") {
            "RATIO" => MeasureKind::Ratio,
            "PERCENT" => MeasureKind::Percent,
            "RANK" => MeasureKind::Rank,
            "MONEY" => MeasureKind::Money,
            "DURATION" => MeasureKind::Duration,
            "SCORE" => MeasureKind::Score,
            "AREA" => MeasureKind::Area,
            _ => MeasureKind::Count,
        },
        value: Decimal::from_str(value).unwrap_or_default(),
        places: places as u8,
        total,
        unit: unit.unwrap_or_default(),
        subject: None,
        qualifier: None,
        approx: match string("approx") {
            "ABOUT" => Approx::About,
            "OVER" => Approx::Over,
            "UNDER" => Approx::Under,
            "ESTIMATED" => Approx::Estimated,
            _ => Approx::Exact,
        },
        change: match string("change") {
            "INCREASE" => Change::Increase,
            "DECREASE" => Change::Decrease,
            _ => Change::None,
        },
        section: None,
    }
}

/// Totals and parts are not in the annotation, so `sum-mismatch` is left to the test of the whole;
/// `value-conflict` and `period-mismatch` find what they can be sure of.
#[test]
fn certain_findings_of_the_samples_are_found() {
    let directory =
        std::env::var("BAOCAO_GOLD").unwrap_or_else(|_| format!("{}/tests/reports", env!("CARGO_MANIFEST_DIR")));
    let mut files: Vec<_> = fs::read_dir(Path::new(&directory))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    let left = ["sum-mismatch", "value-conflict", "period-mismatch"];
    let mut wrong = String::new();
    for file in files
        .iter()
        .filter(|file| file.to_string_lossy().ends_with(".gold.json"))
    {
        let gold: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let text = fs::read_to_string(file.to_string_lossy().replace(".gold.json", ".txt")).unwrap();
        let document = Document::plain(text);
        let report = report(&document, &gold);
        let rules = RuleSet::default();
        let found = validate(
            &document,
            &report,
            Vocabulary::embedded(),
            &rules,
            PartialDate::new(2026, 1, 1),
        );
        let chars: Vec<usize> = document
            .text
            .char_indices()
            .map(|(at, _)| at)
            .chain([document.text.len()])
            .collect();
        let name = file.file_name().unwrap().to_string_lossy();
        let mut matched = vec![false; found.len()];
        for wanted in gold["findings"].as_array().unwrap() {
            let spans: Vec<Span> = wanted["spans"]
                .as_array()
                .unwrap()
                .iter()
                .map(|span| {
                    let at = |name: &str| chars[span[name].as_u64().unwrap() as usize];
                    Span::new(at("start"), at("end"))
                })
                .collect();
            let mut hit = false;
            for (at, finding) in found.iter().enumerate() {
                let same = finding.rule == wanted["rule"]
                    && if finding.rule == "header-missing" {
                        finding.element == wanted["element"]
                    } else {
                        finding.spans.iter().any(|a| spans.iter().any(|b| a.overlaps(*b)))
                    };
                matched[at] |= same;
                hit |= same;
            }
            if !hit && wanted["certainty"] == "CERTAIN" && !left.iter().any(|rule| wanted["rule"] == *rule) {
                wrong += &format!(
                    "{name}: missed {}: {}
",
                    wanted["rule"], wanted["why"]
                );
            }
        }
        for (finding, _) in found.iter().zip(&matched).filter(|(_, matched)| !**matched) {
            wrong += &format!(
                "{name}: beyond the gold, {}: {}
",
                finding.rule, finding.message_vi
            );
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
