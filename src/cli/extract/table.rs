//! A processed report for reading: header, sections as a tree, citations, figures, findings.

use std::fmt::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::{
    cli::{Lang, width},
    proto::{baocao::v1 as pb, google::r#type::Date},
};

/// The whole report as text.
pub fn table(name: &str, message: &pb::ReportProcessed, lang: Lang) -> String {
    let mut out = format!("{name}\n");
    let Some(report) = &message.report else {
        let refusal = message.refusal.clone().unwrap_or_default();
        let why = lang.pick(refusal.message_vi, refusal.message_en);
        let _ = writeln!(out, "{}: {why}", lang.pick("TỪ CHỐI", "REFUSED"));
        return out;
    };
    if let Some(header) = &report.header {
        block(&mut out, &header_lines(header, lang));
    }
    sections(&mut out, &report.sections, lang);
    citations(&mut out, report, lang);
    measures(&mut out, &report.measures, lang);
    closing(&mut out, report, lang);
    findings(&mut out, &message.findings, lang);
    out
}

/// The header's fields that are there, with their names.
fn header_lines(header: &pb::Header, lang: Lang) -> Vec<(&'static str, String)> {
    let number = header
        .number
        .as_ref()
        .map(|number| number.text.clone())
        .unwrap_or_default();
    let period = header.period.as_ref().map(period).unwrap_or_default();
    let fields = [
        ("cơ quan chủ quản", "governing body", header.governing_body.clone()),
        ("cơ quan ban hành", "issued by", header.issuers.join("; ")),
        ("số, ký hiệu", "number", number),
        ("địa danh", "place", header.place.clone()),
        ("ngày", "date", header.issue_date.as_ref().map(date).unwrap_or_default()),
        ("loại văn bản", "type", header.document_type.clone()),
        ("trích yếu", "subject", header.subject.clone()),
        ("kỳ báo cáo", "period", period),
    ];
    fields
        .into_iter()
        .filter(|(.., value)| !value.is_empty())
        .map(|(vi, en, value)| (lang.pick(vi, en), value))
        .collect()
}

/// Names and values below each other.
fn block(out: &mut String, lines: &[(&str, String)]) {
    let mut table = plain();
    for (name, value) in lines {
        table.add_row([name, value.as_str()]);
    }
    append(out, &table, "  ");
}

fn period(period: &pb::Period) -> String {
    let kind = period
        .kind()
        .as_str_name()
        .trim_start_matches("PERIOD_KIND_")
        .to_lowercase();
    format!("{} – {} ({})", period.start, period.end, kind.replace('_', " "))
}

/// A date as it is written in Viet Nam; dots for what is left blank.
pub(in crate::cli) fn date(date: &Date) -> String {
    let part = |n: i32| if n == 0 { "…".to_owned() } else { format!("{n:02}") };
    match date {
        Date {
            year: 0,
            month: 0,
            day: 0,
        } => "…".to_owned(),
        Date { month: 0, day: 0, .. } => part(date.year),
        Date { day: 0, .. } => format!("{}/{}", part(date.month), part(date.year)),
        _ => format!("{}/{}/{}", part(date.day), part(date.month), part(date.year)),
    }
}

fn sections(out: &mut String, sections: &[pb::Section], lang: Lang) {
    heading(out, lang.pick("Mục", "Sections"), sections.len());
    for section in sections {
        let indent = "  ".repeat(section.level.max(1) as usize);
        let line = format!("{indent}{}. {}", section.label, section.title);
        let _ = writeln!(out, "{}", cut(&line, width()));
    }
}

fn citations(out: &mut String, report: &pb::Report, lang: Lang) {
    heading(
        out,
        lang.pick("Văn bản viện dẫn", "Cited documents"),
        report.documents.len(),
    );
    if report.documents.is_empty() {
        return;
    }
    let mut table = plain();
    table.set_header(lang.pick(
        ["LOẠI", "SỐ, KÝ HIỆU", "NGÀY", "CƠ QUAN BAN HÀNH", "LẦN"],
        ["TYPE", "NUMBER", "DATE", "ISSUER", "TIMES"],
    ));
    for document in &report.documents {
        table.add_row([
            document.document_type.clone(),
            document.number.clone(),
            document.date.as_ref().map(date).unwrap_or_default(),
            document.issuer.clone(),
            document.mentions.len().to_string(),
        ]);
    }
    right(&mut table, 4);
    append(out, &table, "  ");
}

fn measures(out: &mut String, measures: &[pb::Measure], lang: Lang) {
    heading(out, lang.pick("Số liệu", "Figures"), measures.len());
    if measures.is_empty() {
        return;
    }
    let mut table = plain();
    table.set_header(lang.pick(
        ["SỐ", "ĐƠN VỊ", "LOẠI", "NỘI DUNG"],
        ["VALUE", "UNIT", "KIND", "WHAT IS COUNTED"],
    ));
    for measure in measures {
        let kind = measure
            .kind()
            .as_str_name()
            .trim_start_matches("MEASURE_KIND_")
            .to_lowercase();
        table.add_row([value(measure), measure.unit.clone(), kind, measure.subject.clone()]);
    }
    right(&mut table, 0);
    append(out, &table, "  ");
}

/// A figure as read, with signs for how exact it is and whether it is a change.
fn value(measure: &pb::Measure) -> String {
    let approx = match measure.approx() {
        pb::Approx::About | pb::Approx::Estimated => "≈ ",
        pb::Approx::Over => "> ",
        pb::Approx::Under => "< ",
        _ => "",
    };
    let change = match measure.change() {
        pb::Change::Increase => "+",
        pb::Change::Decrease => "−",
        _ => "",
    };
    let total = if measure.total.is_empty() {
        String::new()
    } else {
        format!("/{}", grouped(&measure.total))
    };
    format!("{approx}{change}{}{total}", grouped(&measure.value))
}

/// A number as it is written in Viet Nam: dots between thousands, a comma before the fraction.
fn grouped(decimal: &str) -> String {
    let (sign, decimal) = decimal.strip_prefix('-').map_or(("", decimal), |rest| ("-", rest));
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let mut out = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push('.');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push(',');
        out.push_str(fraction);
    }
    out
}

fn closing(out: &mut String, report: &pb::Report, lang: Lang) {
    if !report.footnotes.is_empty() {
        heading(out, lang.pick("Chú thích", "Footnotes"), report.footnotes.len());
    }
    if !report.recipients.is_empty() {
        heading(out, lang.pick("Nơi nhận", "Recipients"), report.recipients.len());
        for recipient in &report.recipients {
            let _ = writeln!(out, "  {}", cut(&recipient.text, width() - 2));
        }
    }
    if !report.signatories.is_empty() {
        heading(out, lang.pick("Người ký", "Signed by"), report.signatories.len());
        for signatory in &report.signatories {
            let parts = [&signatory.authority, &signatory.position, &signatory.name];
            let parts: Vec<&str> = parts
                .iter()
                .map(|part| part.as_str())
                .filter(|part| !part.is_empty())
                .collect();
            let _ = writeln!(out, "  {}", parts.join(" · "));
        }
    }
}

fn findings(out: &mut String, findings: &[pb::Finding], lang: Lang) {
    heading(out, lang.pick("Phát hiện", "Findings"), findings.len());
    let mut table = plain();
    for finding in findings {
        let severity = finding
            .severity()
            .as_str_name()
            .trim_start_matches("SEVERITY_")
            .to_lowercase();
        table.add_row([
            severity.as_str(),
            finding.rule.as_str(),
            lang.pick(finding.message_vi.as_str(), finding.message_en.as_str()),
        ]);
    }
    append(out, &table, "  ");
}

fn heading(out: &mut String, title: &str, count: usize) {
    let _ = writeln!(out, "\n{title} ({count})");
}

fn plain() -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width((width() - 2) as u16);
    table
}

fn right(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn append(out: &mut String, table: &Table, indent: &str) {
    if table.is_empty() {
        return;
    }
    for line in table.lines() {
        let _ = writeln!(out, "{indent}{}", line.trim_end());
    }
}

/// The text, cut to a width.
fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.to_owned(),
        Some(_) => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_as_in_viet_nam() {
        let cases = [
            ("7", "7"),
            ("1234567", "1.234.567"),
            ("-1327", "-1.327"),
            ("91.7", "91,7"),
            ("123", "123"),
        ];
        for (decimal, expected) in cases {
            assert_eq!(grouped(decimal), expected);
        }
    }

    #[test]
    fn dates_show_what_is_blank() {
        assert_eq!(
            date(&Date {
                year: 2024,
                month: 10,
                day: 4
            }),
            "04/10/2024"
        );
        assert_eq!(
            date(&Date {
                year: 2024,
                month: 10,
                day: 0
            }),
            "10/2024"
        );
        assert_eq!(
            date(&Date {
                year: 2024,
                month: 0,
                day: 0
            }),
            "2024"
        );
        assert_eq!(
            date(&Date {
                year: 2024,
                month: 0,
                day: 5
            }),
            "05/…/2024"
        );
    }
}
