//! Results and alerts of the bus, for reading.

use std::fmt::Write;

use super::{Error, Lang, Result, extract::table::date};
use crate::{
    bus::{Event, Names, Unit},
    proto::baocao::v1 as pb,
    wire,
};

/// An event as a few lines.
pub fn text(event: &Event, names: &Names, lang: Lang) -> String {
    match event {
        Event::Processed(result) => processed(result, names, lang),
        Event::Alert(alert) => self::alert(alert, names, lang),
    }
}

/// An event as one line of JSON.
pub fn json(event: &Event) -> Result<String> {
    let (name, message) = match event {
        Event::Processed(result) => ("processed", wire::to_json(&**result, false)),
        Event::Alert(alert) => ("alert", wire::to_json(&**alert, false)),
    };
    let message = message.map_err(|cause| Error::caused("cannot write a message as JSON", cause))?;
    Ok(format!("{{\"{name}\":{message}}}\n"))
}

/// What was read from a report and what is wrong with it.
pub fn processed(result: &pb::ReportProcessed, names: &Names, lang: Lang) -> String {
    let submission = result.submission.clone().unwrap_or_default();
    let subject = names.processed(&Unit::new(&submission.unit), &submission.submission_id);
    let mut out = format!(
        "{} {}\n    {subject}\n",
        lang.pick("KẾT QUẢ ", "RESULT"),
        title(&submission)
    );
    if let Some(refusal) = &result.refusal {
        let why = lang.pick(&refusal.message_vi, &refusal.message_en);
        let _ = writeln!(out, "    {}: {why}", lang.pick("từ chối", "refused"));
        return out;
    }
    if let Some(report) = &result.report {
        let _ = writeln!(out, "    {}", heading(report, lang));
        let _ = writeln!(out, "    {}", structure(report, lang));
    }
    let _ = writeln!(out, "    {}", counts(&result.findings, lang));
    for finding in &result.findings {
        let message = lang.pick(&finding.message_vi, &finding.message_en);
        let _ = writeln!(
            out,
            "      {}[{}]: {message}",
            severity(finding.severity(), lang),
            finding.rule
        );
    }
    out
}

/// An alert: which report, what, where.
pub fn alert(alert: &pb::Alert, names: &Names, lang: Lang) -> String {
    let submission = alert.submission.clone().unwrap_or_default();
    let mut out = format!("{} {}\n", lang.pick("CẢNH BÁO", "ALERT "), title(&submission));
    let _ = writeln!(out, "    {}", alert_subject(alert, names));
    let message = match (&alert.finding, &alert.refusal) {
        (Some(finding), _) => lang.pick(&finding.message_vi, &finding.message_en).as_str(),
        (None, Some(refusal)) => lang.pick(&refusal.message_vi, &refusal.message_en).as_str(),
        (None, None) => "",
    };
    let _ = writeln!(
        out,
        "    {}[{}]: {message}",
        severity(alert.severity(), lang),
        alert.rule
    );
    out
}

/// The subject an alert was published on.
pub fn alert_subject(alert: &pb::Alert, names: &Names) -> String {
    let submission = alert.submission.clone().unwrap_or_default();
    let n = alert
        .alert_id
        .rsplit('.')
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    let unit = Unit::new(&submission.unit);
    let severity = severity(alert.severity(), Lang::En);
    names.alert(severity, &alert.rule, &unit, &submission.submission_id, n)
}

fn title(submission: &pb::ReportSubmission) -> String {
    match submission.file_name.as_str() {
        "" => submission.submission_id.clone(),
        name => format!("{name} ({})", submission.unit),
    }
}

/// Number, date and issuer of a report.
fn heading(report: &pb::Report, lang: Lang) -> String {
    let header = report.header.clone().unwrap_or_default();
    let number = header.number.map(|number| number.text).unwrap_or_default();
    let date = header.issue_date.as_ref().map(date).unwrap_or_default();
    let parts = [number, date, header.issuers.join("; "), header.subject];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        lang.pick("(không có đề mục)", "(no masthead)").to_owned()
    } else {
        parts.join(" · ")
    }
}

/// How much of each was read.
fn structure(report: &pb::Report, lang: Lang) -> String {
    let parts = [
        (report.sections.len(), "mục", "section", "sections"),
        (report.citations.len(), "viện dẫn", "citation", "citations"),
        (report.documents.len(), "văn bản", "document", "documents"),
        (report.measures.len(), "số liệu", "figure", "figures"),
        (report.footnotes.len(), "chú thích", "footnote", "footnotes"),
        (report.recipients.len(), "nơi nhận", "recipient", "recipients"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .map(|(n, vi, one, many)| lang.count(n, vi, one, many))
        .collect();
    parts.join(", ")
}

/// "2 errors, 1 warning".
pub fn counts(findings: &[pb::Finding], lang: Lang) -> String {
    lang.findings(tally(findings))
}

/// How many errors, warnings and infos.
pub fn tally(findings: &[pb::Finding]) -> [usize; 3] {
    let of = |severity| findings.iter().filter(|finding| finding.severity() == severity).count();
    [pb::Severity::Error, pb::Severity::Warning, pb::Severity::Info].map(of)
}

/// The word for a severity.
pub fn severity(severity: pb::Severity, lang: Lang) -> &'static str {
    match severity {
        pb::Severity::Error => lang.pick("lỗi", "error"),
        pb::Severity::Warning => lang.pick("cảnh báo", "warning"),
        pb::Severity::Info | pb::Severity::Unspecified => lang.pick("lưu ý", "info"),
    }
}
