//! What the edXML packet says of the document is not what the document says.

use unicode_normalization::UnicodeNormalization;

use crate::{
    document::Span,
    extract::PartialDate,
    packet::Envelope,
    validate::{Certainty, Context, Findings, Rule, RuleStatus, Severity, support::text},
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "envelope-mismatch",
    severity: Severity::Warning,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Thông tin trên gói tin edXML khác với nội dung văn bản",
    summary_en: "What the edXML packet says differs from what the document says",
    documentation: r#"
## What it finds
An edXML packet (*gói tin edXML*) whose envelope gives another number and symbol, date of issue, type, signatory or subject
than the document in it. Elements that either side leaves out or blank are not compared; subjects and names are compared
without marks, since many systems send them unaccented, and a subject must have little in common to be reported.

## Why it matters
The receiving system registers, files and answers the document by its envelope. With a wrong number or date there, the
document is not found again, and answers go to another one.

## Example
```text
CodeNumber 319, CodeNotation BC-STNMT … Số: 318/BC-STNMT
```

## How to fix it
Correct the entry in the document system, or attach the right file, and send the packet again as an update
(BussinessDocType 2).

## Source
QCVN 102:2016/BTTTT, as amended in 2022, Code, PromulgationInfo, DocumentType, SignerInfo, Subject; Decision
28/2018/QĐ-TTg.
"#,
    check,
};

/// A subject of fewer words is not compared.
const MIN_WORDS: usize = 4;
/// Subjects with fewer hundredths of their words in common are of different documents.
const ALIKE: usize = 30;

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let Some(envelope) = context.document.envelope.as_deref() else {
        return;
    };
    number(context, envelope, findings);
    date(context, envelope, findings);
    document_type(context, envelope, findings);
    signer(context, envelope, findings);
    subject(context, envelope, findings);
}

/// One difference: what differs, in both languages, what the packet says and where the document says otherwise.
fn differs(
    findings: &mut Findings<'_>,
    certainty: Certainty,
    what: (&str, &str),
    packet: String,
    document: String,
    place: Span,
) {
    let finding = findings.report(
        certainty,
        vec![place],
        format!("{} trên gói tin là “{packet}”, trong văn bản là “{document}”", what.0),
        format!(
            "The packet gives the {} as “{packet}”, the document as “{document}”",
            what.1
        ),
    );
    finding.expected = packet;
    finding.actual = document;
}

fn number(context: &Context<'_>, envelope: &Envelope, findings: &mut Findings<'_>) {
    let Some(symbol) = context
        .report
        .header
        .number
        .as_ref()
        .filter(|symbol| symbol.sequence.is_some())
    else {
        return;
    };
    if envelope.number.is_empty() {
        return;
    }
    let packet = match envelope.notation.as_str() {
        "" => envelope.number.clone(),
        notation => format!("{}/{notation}", envelope.number),
    };
    let written = text::excerpt(context, symbol.span, 80);
    // Some systems send the whole symbol as the number, others the number alone.
    let same = code(&packet) == code(&written)
        || code(&envelope.number) == code(&written)
        || (envelope.notation.is_empty()
            && symbol
                .sequence
                .is_some_and(|sequence| code(sequence.of(&context.document.text)) == code(&envelope.number)));
    if !same {
        differs(
            findings,
            Certainty::Certain,
            ("Số, ký hiệu", "number and symbol"),
            packet,
            written,
            symbol.span,
        );
    }
}

/// A code without separators, marks and leading zeros: Party and state notation, "Đ" sent as "D".
fn code(text: &str) -> String {
    let plain = plain(text).to_uppercase();
    plain
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect::<String>()
        .trim_start_matches('0')
        .to_owned()
}

/// Without tones and other marks.
fn plain(text: &str) -> String {
    text.nfd()
        .filter(|c| !matches!(c, '\u{300}'..='\u{36F}'))
        .map(|c| match c {
            'Đ' | 'Ð' => 'D',
            'đ' | 'ð' => 'd',
            c => c,
        })
        .collect()
}

fn words(text: &str) -> Vec<String> {
    plain(text)
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn date(context: &Context<'_>, envelope: &Envelope, findings: &mut Findings<'_>) {
    let header = &context.report.header;
    let (Some(packet), Some(written), Some(place)) = (envelope.date, header.issue_date, header.issue_date_span) else {
        return;
    };
    let packet = PartialDate::new(packet.year, packet.month, packet.day);
    if written.is_full() && packet != written {
        differs(
            findings,
            Certainty::Certain,
            ("Ngày ban hành", "date of issue"),
            text::date(packet),
            text::date(written),
            place,
        );
    }
}

fn document_type(context: &Context<'_>, envelope: &Envelope, findings: &mut Findings<'_>) {
    let Some(place) = context.report.header.document_type else {
        return;
    };
    let written = text::excerpt(context, place, 60);
    let (packet, document) = (words(&envelope.document_type), words(&written));
    // "Báo cáo tháng" is a report, too.
    if !packet.is_empty() && !packet.starts_with(&document) {
        differs(
            findings,
            Certainty::Likely,
            ("Loại văn bản", "type of the document"),
            envelope.document_type.clone(),
            written,
            place,
        );
    }
}

fn signer(context: &Context<'_>, envelope: &Envelope, findings: &mut Findings<'_>) {
    let names: Vec<Span> = context
        .report
        .signatories
        .iter()
        .filter_map(|signatory| signatory.name)
        .collect();
    let packet = words(&envelope.signer.name);
    let same = |name: &Span| {
        let name = words(&text::excerpt(context, *name, 80));
        name.ends_with(&packet) || packet.ends_with(&name)
    };
    if let (Some(&first), false) = (names.first(), packet.is_empty())
        && !names.iter().any(same)
    {
        differs(
            findings,
            Certainty::Likely,
            ("Người ký", "signatory"),
            envelope.signer.name.clone(),
            text::excerpt(context, first, 80),
            first,
        );
    }
}

fn subject(context: &Context<'_>, envelope: &Envelope, findings: &mut Findings<'_>) {
    let Some(place) = context.report.header.subject else {
        return;
    };
    let written = text::excerpt(context, place, 300);
    let (packet, document) = (words(&envelope.subject), words(&written));
    if packet.len() < MIN_WORDS || document.len() < MIN_WORDS {
        return;
    }
    let common = packet.iter().filter(|word| document.contains(word)).count();
    if common * 100 < ALIKE * packet.len().min(document.len()) {
        differs(
            findings,
            Certainty::Likely,
            ("Trích yếu", "subject"),
            envelope.subject.chars().take(200).collect(),
            written,
            place,
        );
    }
}
