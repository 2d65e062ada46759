//! Core types to protobuf messages and back, and canonical proto3 JSON, in one place.
//!
//! The core counts bytes and holds spans; messages count code points and hold strings. Names of
//! the messages are those of `proto/baocao/v1/`.

use std::{borrow::Cow, sync::LazyLock, time::SystemTime};

use borrowed::Message as _;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use rust_decimal::Decimal;

use crate::{
    alert::{self, AlertPolicy},
    decode::{self, Refusal, RefusalReason},
    document::{self, CodePoints, Document, Span},
    extract::{self, Report},
    packet::{self, Day, Envelope},
    pipeline::{Outcome, Processed},
    proto::{baocao::v1 as pb, google::r#type::Date},
    shadow::{Reader, is_vietnamese, letter_case},
    validate::{self, Finding},
};

pub mod borrowed;

/// The token for a refused document in the place of a rule, in subjects and alerts.
pub const DOCUMENT_REFUSED: &str = "document-refused";

/// The result of a submission, which borrows from the outcome. Without `produced_at` the same input gives the same bytes.
pub fn result<'a>(
    submission: &pb::ReportSubmission,
    outcome: &'a Outcome,
    include_text: bool,
    produced_at: Option<SystemTime>,
) -> borrowed::ReportProcessed<'a> {
    let mut message = borrowed::ReportProcessed {
        submission: Some(without_content(submission)),
        producer: Some(producer(produced_at)),
        ..Default::default()
    };
    match outcome {
        Outcome::Processed(processed) => {
            let Processed {
                document,
                report,
                findings,
            } = &**processed;
            let writer = Writer::new(document, report);
            if let (Some(submission), Some(envelope)) = (&mut message.submission, &document.envelope) {
                take_envelope(submission, envelope);
            }
            message.status = pb::Status::Processed.into();
            message.document = Some(writer.document(include_text));
            message.report = Some(writer.report(report));
            message.findings = findings.iter().map(|finding| writer.finding(finding)).collect();
        }
        Outcome::Refused(refusal) => {
            message.status = pb::Status::Refused.into();
            message.refusal = Some(self::refusal(refusal));
        }
    }
    message
}

/// The result of a submission, as one who receives it has it: see [`result`].
pub fn processed(
    submission: &pb::ReportSubmission,
    outcome: &Outcome,
    include_text: bool,
    produced_at: Option<SystemTime>,
) -> pb::ReportProcessed {
    let bytes = result(submission, outcome, include_text, produced_at).encode();
    pb::ReportProcessed::decode(bytes).expect("a message can be read that was written a moment ago")
}

/// A report that was decoded and extracted, for the stage that validates. `received_at` is when the bus stored its
/// submission.
pub fn extracted<'a>(
    submission: &pb::ReportSubmission,
    document: &'a Document,
    report: &'a Report,
    received_at: SystemTime,
    produced_at: SystemTime,
) -> borrowed::ReportExtracted<'a> {
    let writer = Writer::new(document, report);
    borrowed::ReportExtracted {
        submission: Some(without_content(submission)),
        document: Some(writer.document(true)),
        report: Some(writer.report(report)),
        producer: Some(producer(Some(produced_at))),
        received_at: Some(received_at.into()),
        packet: document.envelope.as_deref().map(envelope),
        whole: None,
    }
}

/// The document of a message, with the packet it came in; None where an offset lies outside of its text.
pub fn document_of(message: pb::Document, packet: Option<pb::Envelope>) -> Option<Document> {
    let media_type = decode::sandbox::known(&message.media_type);
    let encoding = decode::sandbox::known(&message.encoding);
    let code_points = CodePoints::new(&message.text);
    let span = |span: &Option<pb::Span>| {
        let span = span.as_ref()?;
        let (start, end) = (code_points.byte_at(span.start)?, code_points.byte_at(span.end)?);
        (start <= end).then_some(Span { start, end })
    };
    let cell = |cell: &pb::TableCell| {
        Some(document::Cell {
            span: span(&cell.span)?,
            column: cell.column,
            columns: cell.columns,
            continued: cell.continued,
        })
    };
    let row = |row: &pb::TableRow| {
        Some(document::Row {
            span: span(&row.span)?,
            cells: row.cells.iter().map(cell).collect::<Option<_>>()?,
        })
    };
    let table = |table: &pb::Table| {
        Some(document::Table {
            span: span(&table.span)?,
            rows: table.rows.iter().map(row).collect::<Option<_>>()?,
        })
    };
    let page = |page: &pb::Page| {
        Some(document::Page {
            span: span(&page.span)?,
            confidence: page.confidence.map(|percent| u8::try_from(percent).unwrap_or(u8::MAX)),
        })
    };
    let tables = message.tables.iter().map(table).collect::<Option<_>>()?;
    let pages = message.pages.iter().map(page).collect::<Option<_>>()?;
    let mut document = Document::new(message.text, media_type, encoding)
        .with_tables(tables)
        .with_pages(pages);
    document.envelope = packet.map(|packet| Box::new(packet_of(packet)));
    document.attachments = message.attachments.into_iter().map(attached_file).collect();
    Some(document)
}

/// The alerts of a submission whose result this is, in order; their ids count from 0.
pub fn alerts<'a>(
    submission: &pb::ReportSubmission,
    outcome: &'a Outcome,
    result: &borrowed::ReportProcessed<'a>,
    policy: &AlertPolicy,
) -> Vec<borrowed::Alert<'a>> {
    let base = || borrowed::Alert {
        submission: Some(without_content(submission)),
        producer: result.producer.clone(),
        ..Default::default()
    };
    match outcome {
        Outcome::Processed(processed) => {
            let header = result.report.as_ref().and_then(|report| report.header.as_ref());
            let number = header.and_then(|header| header.number.as_ref());
            let alert = |(n, at): (usize, usize)| borrowed::Alert {
                alert_id: format!("{}.{n}", submission.submission_id),
                severity: severity(processed.findings[at].severity).into(),
                rule: processed.findings[at].rule,
                finding: result.findings.get(at).cloned(),
                report_number: number.map(|number| number.text.clone()).unwrap_or_default(),
                report_issuers: header.map(|header| header.issuers.clone()).unwrap_or_default(),
                report_date: header.and_then(|header| header.issue_date),
                ..base()
            };
            let alerting = alert::alerts(&processed.findings, policy);
            alerting.into_iter().enumerate().map(alert).collect()
        }
        Outcome::Refused(refusal) => vec![borrowed::Alert {
            alert_id: format!("{}.0", submission.submission_id),
            severity: pb::Severity::Error.into(),
            rule: DOCUMENT_REFUSED,
            refusal: Some(self::refusal(refusal)),
            ..base()
        }],
    }
}

/// The submission as results carry it.
fn without_content(submission: &pb::ReportSubmission) -> pb::ReportSubmission {
    // Field by field, so that a large content is not copied only to be dropped.
    pb::ReportSubmission {
        submission_id: submission.submission_id.clone(),
        unit: submission.unit.clone(),
        file_name: submission.file_name.clone(),
        media_type: submission.media_type.clone(),
        content: Default::default(),
        content_sha256: submission.content_sha256.clone(),
        content_size: submission.content_size,
        submitted_at: submission.submitted_at,
        source: submission.source.clone(),
        envelope: submission.envelope.clone(),
        content_object: None,
    }
}

/// Takes what a packet says into its submission: the envelope, and the unit where it is not known.
pub fn take_envelope(submission: &mut pb::ReportSubmission, envelope: &Envelope) {
    let unit = envelope.from.unit();
    if matches!(submission.unit.as_str(), "" | "_") && !unit.is_empty() {
        submission.unit = unit;
    }
    submission.envelope = Some(self::envelope(envelope));
}

/// A file of a packet.
fn attachment(file: &packet::AttachedFile) -> pb::Attachment {
    let base = pb::Attachment {
        name: file.name.clone(),
        size: file.size,
        main: file.is_main,
        ..Default::default()
    };
    match &file.read {
        Ok((media_type, length)) => pb::Attachment {
            media_type: media_type.clone(),
            length: *length,
            ..base
        },
        Err(refusal) => pb::Attachment {
            refusal: refusal.reason.as_str().into(),
            message_vi: refusal.message_vi.clone(),
            message_en: refusal.message_en.clone(),
            ..base
        },
    }
}

/// The envelope of a packet.
pub fn envelope(envelope: &Envelope) -> pb::Envelope {
    let day = |day: Day| Date {
        year: day.year.into(),
        month: day.month.into(),
        day: day.day.into(),
    };
    let organ = |organ: &packet::Organ| pb::Organ {
        id: organ.id.clone(),
        unit: organ.unit(),
        name: organ.name.clone(),
    };
    let reference = |reference: &packet::Reference| pb::DocumentReference {
        organ_id: reference.organ.clone(),
        code: reference.code.clone(),
        date: reference.date.map(day),
        document_id: reference.document_id.clone(),
    };
    let trace = |trace: &packet::Trace| pb::TraceEntry {
        organ_id: trace.organ.clone(),
        time: trace.time.clone(),
    };
    let business = envelope.business.as_ref();
    let status = envelope.status.as_ref();
    pb::Envelope {
        from: Some(organ(&envelope.from)),
        to: envelope.to.iter().map(organ).collect(),
        document_id: envelope.document_id.clone(),
        number: envelope.number.clone(),
        notation: envelope.notation.clone(),
        place: envelope.place.clone(),
        issue_date: envelope.date.map(day),
        document_type: envelope.document_type.clone(),
        subject: envelope.subject.clone(),
        signer_competence: envelope.signer.competence.clone(),
        signer_position: envelope.signer.position.clone(),
        signer_name: envelope.signer.name.clone(),
        due_date: envelope.due.map(day),
        places: envelope.places.clone(),
        replies_to: envelope.replies_to.iter().map(reference).collect(),
        trace: envelope.trace.iter().map(trace).collect(),
        business_type: business.and_then(|business| business.kind).map(u32::from),
        business_reason: business.map(|business| business.reason.clone()).unwrap_or_default(),
        status_code: status.map_or(0, |status| status.code.into()),
        status_description: status.map(|status| status.description.clone()).unwrap_or_default(),
        attachments: envelope.attachments.clone(),
    }
}

/// A file of a packet, from a message.
fn attached_file(file: pb::Attachment) -> packet::AttachedFile {
    let read = match RefusalReason::from_word(&file.refusal) {
        None => Ok((file.media_type, file.length)),
        Some(reason) => Err(Refusal::new(reason, file.message_vi, file.message_en)),
    };
    packet::AttachedFile {
        name: file.name,
        size: file.size,
        is_main: file.main,
        read,
    }
}

/// The envelope of a message, as far as a message carries it: what is not in messages, no rule reads.
fn packet_of(envelope: pb::Envelope) -> Envelope {
    let day = |date: Date| Day {
        year: u16::try_from(date.year).unwrap_or_default(),
        month: u8::try_from(date.month).unwrap_or_default(),
        day: u8::try_from(date.day).unwrap_or_default(),
    };
    let organ = |organ: pb::Organ| packet::Organ {
        id: organ.id,
        name: organ.name,
        in_charge: String::new(),
    };
    let reference = |reference: pb::DocumentReference| packet::Reference {
        organ: reference.organ_id,
        code: reference.code,
        date: reference.date.map(day),
        document_id: reference.document_id,
    };
    let trace = |trace: pb::TraceEntry| packet::Trace {
        organ: trace.organ_id,
        time: trace.time,
    };
    let narrow = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
    let business = packet::Business {
        kind: envelope.business_type.map(narrow),
        reason: envelope.business_reason,
        ..Default::default()
    };
    let status = packet::Status {
        code: narrow(envelope.status_code),
        description: envelope.status_description,
        ..Default::default()
    };
    Envelope {
        from: envelope.from.map(organ).unwrap_or_default(),
        to: envelope.to.into_iter().map(organ).collect(),
        document_id: envelope.document_id,
        number: envelope.number,
        notation: envelope.notation,
        place: envelope.place,
        date: envelope.issue_date.map(day),
        document_type: envelope.document_type,
        subject: envelope.subject,
        content: String::new(),
        signer: packet::Signer {
            competence: envelope.signer_competence,
            position: envelope.signer_position,
            name: envelope.signer_name,
        },
        due: envelope.due_date.map(day),
        places: envelope.places,
        priority: None,
        replies_to: envelope.replies_to.into_iter().map(reference).collect(),
        trace: envelope.trace.into_iter().map(trace).collect(),
        business: Some(business),
        status: (status != packet::Status::default()).then_some(status),
        attachments: envelope.attachments,
    }
}

fn producer(produced_at: Option<SystemTime>) -> pb::Producer {
    pb::Producer {
        name: env!("CARGO_PKG_NAME").into(),
        version: env!("CARGO_PKG_VERSION").into(),
        produced_at: produced_at.map(Into::into),
        // The worker knows; the command line prints the same for the same input.
        configuration: String::new(),
    }
}

fn refusal(refusal: &Refusal) -> pb::Refusal {
    pb::Refusal {
        reason: refusal.reason.as_str().into(),
        message_vi: refusal.message_vi.clone(),
        message_en: refusal.message_en.clone(),
    }
}

/// Turns spans of one document into messages.
struct Writer<'a> {
    document: &'a Document,
    reader: Reader<'a>,
    code_points: CodePoints<'a>,
}

impl<'a> Writer<'a> {
    fn new(document: &'a Document, report: &'a Report) -> Self {
        let reader = Reader::new(&document.text, &report.flow);
        Self {
            document,
            reader,
            code_points: CodePoints::new(&document.text),
        }
    }

    fn document(&self, include_text: bool) -> borrowed::Document<'a> {
        borrowed::Document {
            text: if include_text { &self.document.text } else { "" },
            media_type: self.document.media_type,
            encoding: self.document.encoding,
            length: self.code_points.len(),
            lines: self.document.lines() as u32,
            tables: if include_text {
                self.document.tables.iter().map(|table| self.table(table)).collect()
            } else {
                Vec::new()
            },
            pages: self.document.pages.iter().map(|page| self.page(page)).collect(),
            attachments: self.document.attachments.iter().map(attachment).collect(),
        }
    }

    fn table(&self, table: &document::Table) -> pb::Table {
        let cell = |cell: &document::Cell| pb::TableCell {
            span: Some(pb::Span {
                text: cell.span.of(&self.document.text).into(),
                ..self.place(cell.span)
            }),
            column: cell.column,
            columns: cell.columns,
            continued: cell.continued,
        };
        let row = |row: &document::Row| pb::TableRow {
            span: Some(self.place(row.span)),
            cells: row.cells.iter().map(cell).collect(),
        };
        pb::Table {
            span: Some(self.place(table.span)),
            rows: table.rows.iter().map(row).collect(),
        }
    }

    fn page(&self, page: &document::Page) -> pb::Page {
        pb::Page {
            span: Some(self.place(page.span)),
            confidence: page.confidence.map(u32::from),
        }
    }

    /// A span without a copy of its text: that of a page or a table is long.
    fn place(&self, span: Span) -> pb::Span {
        pb::Span {
            start: self.code_points.of(span.start),
            end: self.code_points.of(span.end),
            text: String::new(),
        }
    }

    fn span(&self, span: Span) -> borrowed::Span<'a> {
        let (start, text) = (self.code_points.of(span.start), span.of(&self.document.text));
        borrowed::Span {
            start,
            end: start + text.chars().count() as u32,
            text,
        }
    }

    /// The text of a span on one line.
    fn line(&self, span: Option<Span>) -> Cow<'a, str> {
        let Some(span) = span else { return Cow::Borrowed("") };
        let written = span.of(&self.document.text);
        if is_line(written) {
            Cow::Borrowed(written)
        } else {
            Cow::Owned(self.reader.line(span))
        }
    }

    /// The text of several lines on one.
    fn lines(&self, lines: &[Span]) -> String {
        lines
            .iter()
            .map(|&line| self.line(Some(line)))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn report(&self, report: &'a Report) -> borrowed::Report<'a> {
        borrowed::Report {
            header: Some(self.header(&report.header)),
            sections: report.sections.iter().map(|section| self.section(section)).collect(),
            citations: report
                .citations
                .iter()
                .map(|citation| self.citation(citation))
                .collect(),
            documents: report
                .documents
                .iter()
                .map(|document| self.cited_document(document))
                .collect(),
            measures: report.measures.iter().map(|measure| self.measure(measure)).collect(),
            breakdowns: report.breakdowns.iter().map(breakdown).collect(),
            footnotes: report
                .footnotes
                .iter()
                .map(|footnote| self.footnote(footnote))
                .collect(),
            recipients: report
                .recipients
                .iter()
                .map(|recipient| self.recipient(recipient))
                .collect(),
            signatories: report
                .signatories
                .iter()
                .map(|signatory| self.signatory(signatory))
                .collect(),
        }
    }

    fn header(&self, header: &extract::Header) -> pb::Header {
        pb::Header {
            governing_body: self.lines(&header.governing_body),
            issuers: header.issuers.iter().map(|issuer| self.lines(issuer)).collect(),
            number: header.number.as_ref().map(|symbol| self.number(symbol)),
            place: self.line(header.place).into(),
            issue_date: header.issue_date.map(date),
            document_type: self.line(header.document_type).into(),
            subject: self.line(header.subject).into(),
            period: header.period.map(period),
        }
    }

    /// The report's own number: a masthead spaced out ("Số 401 -BC/BDV") is closed up.
    fn number(&self, symbol: &extract::Symbol) -> pb::DocumentNumber {
        let close = |span: Option<Span>| self.line(span).replace(' ', "");
        pb::DocumentNumber {
            text: close(Some(symbol.span)),
            sequence: close(symbol.sequence),
            type_code: close(symbol.type_code),
            issuer_code: close(symbol.issuer_code),
            style: match symbol.style {
                extract::NumberStyle::Unknown => pb::NumberStyle::Unspecified,
                extract::NumberStyle::State => pb::NumberStyle::State,
                extract::NumberStyle::Party => pb::NumberStyle::Party,
            }
            .into(),
        }
    }

    fn section(&self, section: &'a extract::Section) -> borrowed::Section<'a> {
        borrowed::Section {
            label: self.line(Some(section.label)),
            level: u32::from(section.level),
            title: self.line(Some(section.title)),
            span: Some(self.span(section.span)),
        }
    }

    fn citation(&self, citation: &'a extract::Citation) -> borrowed::Citation<'a> {
        borrowed::Citation {
            span: Some(self.span(citation.span)),
            document_type: &citation.document_type,
            number: self.line(citation.symbol.as_ref().map(|symbol| symbol.span)),
            date: citation.date.map(date),
            issuer: self.line(citation.issuer),
            term: self.line(citation.term),
            subject: self.line(citation.subject),
            document_index: citation.document as u32,
        }
    }

    fn cited_document(&self, document: &'a extract::CitedDocument) -> borrowed::CitedDocument<'a> {
        borrowed::CitedDocument {
            key: &document.key,
            number: &document.number,
            date: document.date.map(date),
            issuer: self.line(document.issuer),
            document_type: &document.document_type,
            mentions: &document.mentions,
        }
    }

    fn measure(&self, measure: &'a extract::Measure) -> borrowed::Measure<'a> {
        borrowed::Measure {
            span: Some(self.span(measure.span)),
            kind: kind(measure.kind).into(),
            value: decimal(measure.value).into(),
            total: measure.total.map(decimal).unwrap_or_default().into(),
            unit: self.unit(measure),
            subject: self.measure_subject(measure),
            approx: approx(measure.approx).into(),
            change: change(measure.change).into(),
            section_index: measure.section.map_or(-1, |section| section as i32),
        }
    }

    /// The subject and what narrows it.
    fn measure_subject(&self, measure: &extract::Measure) -> Cow<'a, str> {
        let subject = self.line(measure.subject);
        let qualifier = self.line(measure.qualifier);
        match (&*subject, &*qualifier) {
            (_, "") => subject,
            ("", _) => qualifier,
            // "nhiệm vụ", "nhiệm vụ đã hoàn thành": the counted noun is said once.
            (noun, whole) if begins_with_word(whole, noun) => qualifier,
            (noun, rest) => Cow::Owned([noun, rest].join(" ")),
        }
    }

    /// The unit, lower-cased unless it is an abbreviation (TTHC).
    fn unit(&self, measure: &extract::Measure) -> Cow<'a, str> {
        match measure.unit.span() {
            Some(span) => {
                let unit = self.line(Some(span));
                if unit.chars().all(is_small) {
                    return unit;
                }
                let abbreviation = unit.chars().filter(|c| c.is_uppercase()).count() > 1 && !unit.contains(' ');
                if abbreviation {
                    unit
                } else {
                    Cow::Owned(unit.to_lowercase())
                }
            }
            None if measure.kind == extract::MeasureKind::Money => Cow::Borrowed("đồng"),
            None => Cow::Borrowed(""),
        }
    }

    fn footnote(&self, footnote: &'a extract::Footnote) -> borrowed::Footnote<'a> {
        borrowed::Footnote {
            mark: plain_digits(footnote.mark.of(&self.document.text)).into(),
            span: Some(self.span(footnote.span)),
        }
    }

    fn recipient(&self, recipient: &'a extract::Recipient) -> borrowed::Recipient<'a> {
        borrowed::Recipient {
            text: self.line(Some(recipient.span)),
            archive: recipient.archive,
            span: Some(self.span(recipient.span)),
        }
    }

    fn signatory(&self, signatory: &'a extract::Signatory) -> borrowed::Signatory<'a> {
        borrowed::Signatory {
            name: self.line(signatory.name),
            position: self.line(signatory.position),
            authority: self.lines(&signatory.authority).into(),
            span: signatory.name.or(signatory.position).map(|span| self.span(span)),
        }
    }

    fn finding(&self, finding: &'a Finding) -> borrowed::Finding<'a> {
        borrowed::Finding {
            rule: finding.rule,
            severity: severity(finding.severity).into(),
            certainty: match finding.certainty {
                validate::Certainty::Certain => pb::Certainty::Certain,
                validate::Certainty::Likely => pb::Certainty::Likely,
            }
            .into(),
            spans: finding.spans.iter().map(|&span| self.span(span)).collect(),
            element: finding.element,
            message_vi: &finding.message_vi,
            message_en: &finding.message_en,
            expected: &finding.expected,
            actual: &finding.actual,
        }
    }
}

/// Whether a text stands on one line as it is, without white space to fold or emphasis to leave out:
/// most do, and [`Reader::line`] gives them unchanged.
fn is_line(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some((&first, rest)), Some(last)) = (bytes.split_first(), text.chars().next_back()) else {
        return true;
    };
    let odd = |byte: u8| (byte < b' ') | (byte == b'*') | (byte == b'_');
    let pairs = bytes.iter().zip(rest);
    let folds = pairs.fold(odd(first), |folds, (&a, &b)| folds | odd(b) | (a == b' ') & (b == b' '));
    // The spaces beyond ASCII are written with these first bytes, and with no other.
    let beyond = bytes
        .iter()
        .fold(false, |beyond, &byte| beyond | (byte == 0xC2) | (byte > 0xE1));
    let edges = first == b' ' || last.is_whitespace();
    let spaced = folds || edges || beyond && text.chars().any(is_space_beyond);
    !spaced
}

/// Whether a character beyond ASCII is white space or is not seen.
fn is_space_beyond(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{A0}' | '\u{AD}' | '\u{2000}'..='\u{200F}' | '\u{2028}'..='\u{202F}')
        || matches!(c, '\u{205F}'..='\u{2060}' | '\u{3000}' | '\u{FEFF}')
}

/// Whether a text begins with these words and goes on behind a space, whatever is a capital.
fn begins_with_word(text: &str, words: &str) -> bool {
    if let (Some(a), Some(b)) = (text.chars().next(), words.chars().next())
        && (is_small(a) && is_small(b) && a != b)
    {
        return false;
    }
    let rest = text.to_lowercase();
    let rest = rest.strip_prefix(&words.to_lowercase());
    rest.is_some_and(|rest| rest.starts_with(' '))
}

/// Whether a character is surely its own small letter.
fn is_small(c: char) -> bool {
    if c.is_ascii() {
        !c.is_ascii_uppercase()
    } else {
        is_vietnamese(c) && letter_case(c) == Some(false)
    }
}

fn breakdown(breakdown: &extract::Breakdown) -> pb::Breakdown {
    pb::Breakdown {
        total: breakdown.total as u32,
        parts: breakdown.parts.iter().map(|&part| part as u32).collect(),
        complete: breakdown.manner != extract::BreakdownManner::Partial,
    }
}

fn date(date: extract::PartialDate) -> Date {
    Date {
        year: date.year.into(),
        month: date.month.into(),
        day: date.day.into(),
    }
}

fn period(period: extract::Period) -> pb::Period {
    pb::Period {
        kind: match period.kind {
            extract::PeriodKind::Year => pb::PeriodKind::Year,
            extract::PeriodKind::HalfYear => pb::PeriodKind::HalfYear,
            extract::PeriodKind::NineMonths => pb::PeriodKind::NineMonths,
            extract::PeriodKind::Quarter => pb::PeriodKind::Quarter,
            extract::PeriodKind::Month => pb::PeriodKind::Month,
            extract::PeriodKind::MultiYear => pb::PeriodKind::MultiYear,
        }
        .into(),
        year: period.year.into(),
        index: period.index.into(),
        start: period.start.to_string(),
        end: period.end.to_string(),
    }
}

/// A decimal without trailing zeros behind the point.
fn decimal(value: Decimal) -> String {
    // Most figures are small whole numbers, which are written faster so.
    match i64::try_from(value.mantissa()) {
        Ok(whole) if value.scale() == 0 && whole > 0 => whole.to_string(),
        _ => value.normalize().to_string(),
    }
}

/// Superscript digits as plain ones.
fn plain_digits(mark: &str) -> String {
    let plain = |c| match c {
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁰' | '⁴'..='⁹' => char::from(b'0' + (c as u32 - 0x2070) as u8),
        other => other,
    };
    mark.chars().map(plain).collect()
}

fn severity(severity: validate::Severity) -> pb::Severity {
    match severity {
        validate::Severity::Info => pb::Severity::Info,
        validate::Severity::Warning => pb::Severity::Warning,
        validate::Severity::Error => pb::Severity::Error,
    }
}

fn kind(kind: extract::MeasureKind) -> pb::MeasureKind {
    match kind {
        extract::MeasureKind::Count => pb::MeasureKind::Count,
        extract::MeasureKind::Ratio => pb::MeasureKind::Ratio,
        extract::MeasureKind::Percent => pb::MeasureKind::Percent,
        extract::MeasureKind::Rank => pb::MeasureKind::Rank,
        extract::MeasureKind::Money => pb::MeasureKind::Money,
        extract::MeasureKind::Duration => pb::MeasureKind::Duration,
        extract::MeasureKind::Score => pb::MeasureKind::Score,
        extract::MeasureKind::Area => pb::MeasureKind::Area,
    }
}

fn approx(approx: extract::Approx) -> pb::Approx {
    match approx {
        extract::Approx::Exact => pb::Approx::Exact,
        extract::Approx::About => pb::Approx::About,
        extract::Approx::Over => pb::Approx::Over,
        extract::Approx::Under => pb::Approx::Under,
        extract::Approx::Estimated => pb::Approx::Estimated,
    }
}

fn change(change: extract::Change) -> pb::Change {
    match change {
        extract::Change::None => pb::Change::None,
        extract::Change::Increase => pb::Change::Increase,
        extract::Change::Decrease => pb::Change::Decrease,
    }
}

/// The descriptors of all messages.
pub fn descriptors() -> &'static DescriptorPool {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
        let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
        DescriptorPool::decode(bytes.as_slice()).expect("the descriptors embedded in the program are valid")
    });
    &POOL
}

/// A message that can be written and read as canonical proto3 JSON.
pub trait Json: Message + Default {
    /// Full name of the message ("baocao.v1.Alert").
    const NAME: &'static str;
}

macro_rules! json {
    ($($message:ident),*) => {$(
        impl Json for pb::$message {
            const NAME: &'static str = concat!("baocao.v1.", stringify!($message));
        }
    )*};
}
json!(ReportSubmission, ReportExtracted, ReportProcessed, Alert);

/// Writes a message as canonical proto3 JSON, on one line or indented.
pub fn to_json<M: Json>(message: &M, pretty: bool) -> Result<String, JsonError> {
    let dynamic = dynamic::<M>(&message.encode_to_vec())?;
    let mut out = Vec::new();
    let options = SerializeOptions::new();
    if pretty {
        let mut serializer = serde_json::Serializer::pretty(&mut out);
        dynamic.serialize_with_options(&mut serializer, &options)?;
    } else {
        let mut serializer = serde_json::Serializer::new(&mut out);
        dynamic.serialize_with_options(&mut serializer, &options)?;
    }
    Ok(String::from_utf8(out).expect("JSON is UTF-8"))
}

/// Reads a message from canonical proto3 JSON; unknown fields are passed over, so that an older
/// worker reads a newer submitter.
pub fn from_json<M: Json>(json: &[u8]) -> Result<M, JsonError> {
    let descriptor = descriptor::<M>()?;
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let options = prost_reflect::DeserializeOptions::new().deny_unknown_fields(false);
    let dynamic = DynamicMessage::deserialize_with_options(descriptor, &mut deserializer, &options)?;
    deserializer.end()?;
    Ok(dynamic.transcode_to()?)
}

fn descriptor<M: Json>() -> Result<prost_reflect::MessageDescriptor, JsonError> {
    descriptors()
        .get_message_by_name(M::NAME)
        .ok_or(JsonError::Unknown(M::NAME))
}

fn dynamic<M: Json>(bytes: &[u8]) -> Result<DynamicMessage, JsonError> {
    Ok(DynamicMessage::decode(descriptor::<M>()?, bytes)?)
}

/// Why a message cannot be written or read as JSON.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, or not of the message's shape.
    #[error("not canonical proto3 JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The message does not encode.
    #[error("not a valid message: {0}")]
    Message(#[from] prost::DecodeError),
    /// No such message.
    #[error("no message {0} in the schemas")]
    Unknown(&'static str),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    use super::*;
    use crate::shadow::Flow;

    proptest! {
        #[test]
        fn what_is_a_line_is_given_unchanged(text in "[ a-zA-Z0-9.*_\n\tàđễỨ“–\u{85}\u{A0}\u{AD}\u{1680}\u{2003}\u{200B}\u{2028}\u{202F}\u{2060}\u{3000}\u{FEFF}]{0,12}|\\PC{0,12}") {
            let (text, flow) = (text.nfc().collect::<String>(), Flow::default());
            if is_line(&text) {
                let line = Reader::new(&text, &flow).line(Span::new(0, text.len()));
                prop_assert_eq!(line, text);
            }
        }

        #[test]
        fn small_letters_are_their_own(text in "\\PC{0,12}") {
            if text.chars().all(is_small) {
                prop_assert_eq!(text.to_lowercase(), text);
            }
        }

        #[test]
        fn words_at_the_start_are_found_whatever_is_a_capital(text in "[aAđĐủỦ ]{0,6}", words in "[aAđĐủỦ ]{0,3}") {
            let plain = text.to_lowercase().starts_with(&format!("{} ", words.to_lowercase()));
            prop_assert_eq!(begins_with_word(&text, &words), plain);
        }

        #[test]
        fn figures_are_written_as_decimals_are(mantissa in -1_000_000_i64..1_000_000, scale in 0_u32..4) {
            let value = Decimal::new(mantissa, scale);
            prop_assert_eq!(decimal(value), value.normalize().to_string());
        }
    }
}
