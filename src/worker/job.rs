//! One report, from its bytes to the messages that go out: the part of the work that computes.
//!
//! A pure function of the message: a second delivery gives the same messages, so it does not
//! matter which one's are stored.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc, time::SystemTime};

use async_nats::HeaderMap;
use bytes::Bytes;
use prost::Message;

use super::{
    envelope::{self, Envelope, Identity},
    extracted, live, stages, status,
};
use crate::{
    alert::AlertPolicy,
    bus::{
        Delivery, Meta, Names, Outgoing, Reference,
        client::{ALERT, EDXML_STATUS, EXTRACTED, PROCESSED},
        headers,
        publish::{STATUS, set},
    },
    config::{self, Settings, Stages},
    decode::{Limits, Refusal, RefusalReason, edxml, external::Program, sandbox::Decoder},
    document::Document,
    extract::PartialDate,
    packet::Envelope as Packet,
    pipeline::{self, Outcome},
    proto::baocao::v1 as pb,
    validate::{RuleSet, RuleSets, Severity},
    vocabulary::Vocabulary,
    wire,
};

/// What reading and checking depends on.
#[derive(Debug)]
pub struct Core {
    stages: Stages,
    names: Names,
    limits: Limits,
    decoder: Decoder,
    rules: RuleSets,
    policy: AlertPolicy,
    include_text: bool,
    edxml: config::Edxml,
    vocabulary: Arc<Vocabulary>,
    configuration: String,
}

/// A message of the bus, as the job needs it.
#[derive(Clone, Debug)]
pub struct Input {
    subject: String,
    headers: Option<HeaderMap>,
    payload: Bytes,
    meta: Meta,
}

impl Input {
    /// The message of a delivery; its content is shared, not copied.
    pub fn of(delivery: &impl Delivery) -> Self {
        Self {
            subject: delivery.subject().into(),
            headers: delivery.headers().cloned(),
            payload: delivery.payload().clone(),
            meta: delivery.meta(),
        }
    }

    /// A message that did not come from a consumer.
    pub fn new(subject: &str, headers: Option<HeaderMap>, payload: Bytes, meta: Meta) -> Self {
        Self {
            subject: subject.into(),
            headers,
            payload,
            meta,
        }
    }

    /// The subject it came on.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The id that its sender gave in a header.
    pub fn given_id(&self) -> Option<Cow<'_, str>> {
        headers::id(self.headers.as_ref())
    }

    /// Its headers.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.headers.as_ref()
    }

    /// Its content.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// When the stream stored it.
    pub fn stored_at(&self) -> SystemTime {
        self.meta.stored_at
    }

    /// Size of the message.
    pub fn bytes(&self) -> usize {
        self.payload.len()
    }

    /// The dead letter it was, if somebody has handed that in again.
    fn replay_of(&self) -> Option<u64> {
        headers::get(self.headers.as_ref(), headers::REPLAY_OF)?.parse().ok()
    }

    /// The id, for the server's duplicate window, of the message that goes to a subject: the
    /// subject, which holds one message only. Two units may well give the same id to a submission.
    /// A replay may send again what was deleted a moment ago, so it has ids of its own.
    fn message_id(&self, subject: &str) -> String {
        match (self.replay_of(), headers::get(self.headers.as_ref(), "Nats-Msg-Id")) {
            (Some(_), Some(id)) => format!("{subject} {id}"),
            (Some(letter), None) => format!("{subject} replay {letter} {}", self.meta.sequence),
            (None, _) => subject.to_owned(),
        }
    }

    /// How often it was delivered.
    pub fn deliveries(&self) -> i64 {
        self.meta.deliveries
    }
}

/// What is known of a report beside its document.
#[derive(Debug)]
pub struct About {
    /// Who it is from and what it is called.
    pub identity: Identity,
    /// The submission, without its content.
    pub submission: pb::ReportSubmission,
    /// The edXML packet that it came in, for the one who answers that.
    pub packet: Option<Packet>,
    /// When the bus stored the submission.
    pub received_at: SystemTime,
}

/// A report whose document has been decoded, in this process or by another worker.
#[derive(Debug)]
pub struct Opened {
    /// What is known beside it.
    pub about: About,
    /// The document, or why it cannot be read.
    pub document: Result<Document, Refusal>,
}

/// What goes out for a report, ready to be sent.
#[derive(Debug)]
pub struct Output {
    /// Who it is from and what it is called.
    pub identity: Identity,
    /// Alerts, in order.
    pub alerts: Vec<Outgoing>,
    /// The severity of each alert.
    pub severities: Vec<&'static str>,
    /// What the sender of an edXML packet is told.
    pub statuses: Vec<Outgoing>,
    /// The result; of a worker that only extracts, what it hands on.
    pub result: Outgoing,
    /// The whole of it, for the object store, where that is too large for a message; the result
    /// says where it lies.
    pub whole: Option<Bytes>,
    /// Rule and severity of each finding.
    pub findings: Vec<(&'static str, Severity)>,
    /// Why the report was refused, if it was.
    pub refusal: Option<Refusal>,
}

impl Core {
    /// As the settings have it, with these words and names.
    pub fn new(settings: &Settings, names: Names, vocabulary: Arc<Vocabulary>) -> Self {
        Self {
            stages: settings.worker.stages,
            names,
            limits: settings.limits(),
            decoder: Decoder::new(settings.sandbox()),
            rules: settings.rule_sets(),
            policy: settings.alert_policy(),
            include_text: settings.result.include_text,
            edxml: settings.edxml.clone(),
            configuration: live::configuration(settings, &vocabulary),
            vocabulary,
        }
    }

    /// The same, but for other settings. Children that decode are kept where nothing changes for them.
    pub fn anew(&self, settings: &Settings, vocabulary: Arc<Vocabulary>) -> Self {
        let fresh = Self::new(settings, self.names.clone(), vocabulary);
        let keeps = fresh.decoder.is_like(&self.decoder);
        Self {
            decoder: if keeps {
                self.decoder.clone()
            } else {
                fresh.decoder.clone()
            },
            ..fresh
        }
    }

    /// Says at the start which formats will be refused, rather than when the first document comes.
    pub fn report_missing(&self) {
        if self.stages == Stages::Validate {
            return;
        }
        let missing = self.decoder.programs().missing();
        let missing: BTreeSet<&str> = missing.into_iter().map(Program::packages).collect();
        for packages in missing {
            tracing::warn!(
                packages,
                "programs are not installed; documents that need them will be refused"
            );
        }
    }

    /// What identifies the settings in force: results carry it.
    pub fn configuration(&self) -> &str {
        &self.configuration
    }

    /// The words and names in force.
    pub fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }

    /// What a message calls its submission.
    pub fn submission(&self, input: &Input) -> String {
        self.identity(input).submission
    }

    /// Who a message is from and what it calls its submission.
    pub fn identity(&self, input: &Input) -> Identity {
        self.about(input).identity
    }

    /// Subjects and streams.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Whether the work on a message surely keeps a processor busy all the time and waits for no decoder.
    pub fn only_computes(&self, input: &Input, fetched: Option<&Bytes>) -> bool {
        match self.stages {
            Stages::All | Stages::Extract => envelope::is_text(input.headers.as_ref(), &input.payload, fetched),
            Stages::Validate => true,
        }
    }

    /// Does the stages of this worker on the report in a message. `max_message` is the largest message that can go out;
    /// `fetched` is the content that an earlier call asked for.
    pub fn work(&self, input: &Input, fetched: Option<Bytes>, max_message: usize) -> Work {
        #[cfg(test)]
        assert!(!input.payload.starts_with(b"PANIC"), "tests want to see this caught");
        let opened = match self.stages {
            Stages::All | Stages::Extract => self.decode(input, fetched),
            Stages::Validate => extracted::open(&self.names, input, fetched.as_ref()),
        };
        let Opened { about, document } = match opened {
            Ok(opened) => opened,
            Err(elsewhere) => return Work::Needs(elsewhere),
        };
        let output = match (self.stages, document) {
            (Stages::Extract, Ok(document)) => self.hand_on(input, &about, &document, max_message),
            (_, document) => {
                // The day it was handed in, not the day of this delivery.
                let today = PartialDate::in_viet_nam(about.received_at);
                let rules = self.rules.of(&about.submission.unit);
                let outcome = pipeline::finish_observed(document, &self.vocabulary, rules, today, &stages::Measured);
                self.output(input, &about, outcome, max_message)
            }
        };
        Work::Done(Box::new(output))
    }

    /// Decodes the document of a submission; the error is where its content has to be fetched from.
    fn decode(&self, input: &Input, fetched: Option<Bytes>) -> Result<Opened, Reference> {
        let mut envelope = self.open(input);
        if let (Some(reference), None, None) = (&envelope.elsewhere, &fetched, &envelope.refusal) {
            if reference.size <= self.limits.max_bytes {
                return Err(reference.clone());
            }
            // Before a byte of it is fetched.
            let (size, limit) = (reference.size, self.limits.max_bytes);
            envelope.refusal = Some(Refusal::too_large(
                ("tệp", "the document"),
                size,
                limit,
                "decode.max_bytes",
            ));
        }
        if let Some(fetched) = &fetched {
            envelope.take_packet(fetched);
        }
        let content = fetched.as_deref().unwrap_or(&envelope.submission.content);
        let document = match envelope.refusal.take() {
            Some(refusal) => Err(refusal),
            None => {
                let media_type = &envelope.submission.media_type;
                stages::decode(content, || {
                    self.decoder.decode_blocking(content, media_type, &self.limits)
                })
            }
        };
        let about = about(envelope, input);
        Ok(Opened { about, document })
    }

    /// What goes out for a report that is given up.
    pub fn refuse(&self, input: &Input, refusal: Refusal) -> Output {
        self.output(input, &self.about(input), Outcome::Refused(refusal), usize::MAX)
    }

    /// What a message says of its report, without work on the document.
    fn about(&self, input: &Input) -> About {
        match self.stages {
            Stages::All | Stages::Extract => about(self.open(input), input),
            Stages::Validate => extracted::about(&self.names, input),
        }
    }

    /// Says in a message which settings it was made by.
    fn sign(&self, producer: &mut Option<pb::Producer>) {
        if let Some(producer) = producer {
            producer.configuration.clone_from(&self.configuration);
        }
    }

    fn open(&self, input: &Input) -> Envelope {
        envelope::open(
            &self.names,
            &input.subject,
            input.headers.as_ref(),
            &input.payload,
            input.meta.stored_at,
        )
    }

    /// Where a message is that says that an earlier delivery came to its end: stream, subject, status.
    pub fn traces_of_success(&self, identity: &Identity) -> Vec<(String, String, &'static str)> {
        let Identity { unit, submission } = identity;
        let mut traces = vec![(
            self.names.processed_stream(),
            self.names.processed(unit, submission),
            super::PROCESSED,
        )];
        if self.stages == Stages::Extract {
            traces.push((
                self.names.extracted_stream(),
                self.names.extracted(unit, submission),
                headers::EXTRACTED,
            ));
        }
        traces
    }

    /// The message for the worker that validates. Of one that is too large, the whole goes to the object store.
    fn hand_on(&self, input: &Input, about: &About, document: &Document, max_message: usize) -> Output {
        let made_at = SystemTime::now();
        let report = stages::extract(document, &self.vocabulary);
        let mut message = wire::extracted(&about.submission, document, &report, about.received_at, made_at);
        self.sign(&mut message.producer);
        let Identity { unit, submission } = &about.identity;
        let subject = self.names.extracted(unit, submission);
        let mut headers = headers::event(submission, EXTRACTED, submission, made_at, input.headers.as_ref());
        set(&mut headers, STATUS, headers::EXTRACTED);
        headers::set_message_id(&mut headers, &input.message_id(&subject));
        if let Some(letter) = input.replay_of() {
            set(&mut headers, headers::REPLAY_OF, &letter.to_string());
        }
        let outgoing = |message: &pb::ReportExtracted| Outgoing {
            subject: subject.clone(),
            headers: headers.clone(),
            payload: message.encode_to_vec().into(),
            replaces: None,
        };
        let mut result = outgoing(&message);
        let mut whole = None;
        if result.size() > max_message {
            let Reference { name, size } = Reference::to(&result.payload);
            whole = Some(result.payload);
            (message.document, message.report, message.packet) = (None, None, None);
            let size = size as u64;
            message.whole = Some(pb::StoredObject { name, size });
            result = outgoing(&message);
        }
        Output {
            identity: about.identity.clone(),
            alerts: Vec::new(),
            severities: Vec::new(),
            // What can be decoded is taken; no rule refuses it.
            statuses: self.statuses(input, about, None, made_at),
            result,
            whole,
            findings: Vec::new(),
            refusal: None,
        }
    }

    /// The messages for an outcome. Of a result that is too large, the whole goes to the object
    /// store, and what fits of it goes out.
    fn output(&self, input: &Input, about: &About, outcome: Outcome, max_message: usize) -> Output {
        let made_at = SystemTime::now();
        let submission = &about.submission;
        let mut message = wire::processed(submission, &outcome, self.include_text, Some(made_at));
        self.sign(&mut message.producer);
        let mut result = self.result(input, about, &message, made_at);
        let mut whole = None;
        if result.size() > max_message {
            whole = Some(result.payload.clone());
            let reference = Reference::to(&result.payload);
            message.whole = Some(pb::StoredObject {
                name: reference.name,
                size: reference.size as u64,
            });
            for leave_out in LEFT_OUT {
                leave_out(&mut message);
                result = self.result(input, about, &message, made_at);
                if result.size() <= max_message {
                    break;
                }
            }
        }
        let mut alerts = wire::alerts(submission, &outcome, &self.policy, Some(made_at));
        alerts.iter_mut().for_each(|alert| self.sign(&mut alert.producer));
        let severities = alerts.iter().map(|alert| severity(alert.severity())).collect();
        let alerts = alerts
            .into_iter()
            .enumerate()
            .map(|(n, alert)| self.alert(input, about, n, alert, made_at, max_message))
            .collect();
        let (findings, refusal) = match outcome {
            Outcome::Processed(read) => {
                let findings = read.findings.iter().map(|found| (found.rule, found.severity));
                (findings.collect(), None)
            }
            Outcome::Refused(refusal) => (Vec::new(), Some(refusal)),
        };
        Output {
            identity: about.identity.clone(),
            alerts,
            severities,
            statuses: self.statuses(input, about, refusal.as_ref(), made_at),
            result,
            whole,
            findings,
            refusal,
        }
    }

    fn result(&self, input: &Input, about: &About, message: &pb::ReportProcessed, made_at: SystemTime) -> Outgoing {
        let Identity { unit, submission } = &about.identity;
        let mut headers = headers::event(submission, PROCESSED, submission, made_at, input.headers.as_ref());
        let status = match message.status() {
            pb::Status::Refused => super::REFUSED,
            _ => super::PROCESSED,
        };
        set(&mut headers, STATUS, status);
        let subject = self.names.processed(unit, submission);
        headers::set_message_id(&mut headers, &input.message_id(&subject));
        Outgoing {
            subject,
            headers,
            payload: message.encode_to_vec().into(),
            replaces: None,
        }
    }

    /// An alert; one that is too large goes without the texts of its places.
    fn alert(
        &self,
        input: &Input,
        about: &About,
        n: usize,
        mut alert: pb::Alert,
        made_at: SystemTime,
        max_message: usize,
    ) -> Outgoing {
        let Identity { unit, submission } = &about.identity;
        let subject = self
            .names
            .alert(severity(alert.severity()), &alert.rule, unit, submission, n);
        // With the rule, since a report that is given up has alert 0 of its findings and alert 0 of
        // its refusal.
        let id = format!("{}.{}", alert.rule, alert.alert_id);
        let mut headers = headers::event(&id, ALERT, submission, made_at, input.headers.as_ref());
        headers::set_message_id(&mut headers, &input.message_id(&subject));
        let mut outgoing = Outgoing {
            subject,
            headers,
            payload: alert.encode_to_vec().into(),
            replaces: None,
        };
        if let Some(finding) = &mut alert.finding
            && outgoing.size() > max_message
        {
            for span in &mut finding.spans {
                span.text = String::new();
            }
            outgoing.payload = alert.encode_to_vec().into();
        }
        outgoing
    }

    /// What the sender of an edXML packet is told: that it has arrived, and whether it was taken.
    fn statuses(&self, input: &Input, about: &About, refusal: Option<&Refusal>, made_at: SystemTime) -> Vec<Outgoing> {
        let Some(packet) = about.packet.as_ref().filter(|_| self.edxml.status) else {
            return Vec::new();
        };
        let Identity { unit, submission } = &about.identity;
        let written = match status::packets(&self.edxml, packet, refusal, input.meta.stored_at, made_at) {
            Ok(written) => written,
            Err(error) => {
                tracing::warn!(submission, unit = unit.tokens(), %error, "no status packet can be written");
                return Vec::new();
            }
        };
        let outgoing = |(code, xml): (edxml::status::Code, String)| {
            let code = code.digits();
            let mut headers = headers::event(
                &format!("{submission}.{code}"),
                EDXML_STATUS,
                submission,
                made_at,
                input.headers.as_ref(),
            );
            set(&mut headers, headers::CONTENT_TYPE, edxml::MEDIA_TYPE);
            set(&mut headers, headers::DATA_CONTENT_TYPE, edxml::MEDIA_TYPE);
            let subject = self.names.edxml_status(unit, submission, code);
            headers::set_message_id(&mut headers, &input.message_id(&subject));
            Outgoing {
                subject,
                headers,
                payload: xml.into(),
                replaces: None,
            }
        };
        written.into_iter().map(outgoing).collect()
    }

    /// The dead letter of a report: the message as it came, and in headers why, where and after
    /// how many tries. Content that does not fit comes apart, for the object store.
    pub fn dead_letter(
        &self,
        input: &Input,
        identity: &Identity,
        refusal: &Refusal,
        stage: &str,
        max_message: usize,
    ) -> (Outgoing, Option<Bytes>) {
        let mut whole = None;
        let mut headers = headers::of_dead_letter(input.headers.as_ref());
        let mut letter = Outgoing {
            subject: self.names.dead(&identity.unit, &identity.submission),
            headers: HeaderMap::new(),
            payload: input.payload.clone(),
            replaces: input.replay_of(),
        };
        let deliveries = input.meta.deliveries.to_string();
        let sequence = input.meta.sequence.to_string();
        let said = [
            ("Baocao-Dead-Reason", refusal.reason.as_str()),
            ("Baocao-Dead-Message", refusal.message_en.as_str()),
            ("Baocao-Dead-Stage", stage),
            ("Baocao-Dead-Deliveries", &deliveries),
            ("Baocao-Dead-Subject", &input.subject),
            ("Baocao-Dead-Sequence", &sequence),
            ("Baocao-Dead-Submission", &identity.submission),
        ];
        for (name, value) in said {
            set(&mut headers, name, value);
        }
        headers::set_message_id(&mut headers, &input.message_id(&letter.subject));
        letter.headers = headers;
        if letter.size() > max_message {
            // A message at the very limit leaves no room for headers.
            let Reference { name, size } = Reference::to(&letter.payload);
            set(
                &mut letter.headers,
                headers::DEAD_PAYLOAD,
                &format!("object {name} {size}"),
            );
            whole = Some(std::mem::take(&mut letter.payload));
        }
        (letter, whole)
    }

    /// A dead letter whose content could not be kept elsewhere either. What happened to it is worth
    /// more than its bytes, which the submitter has.
    pub fn without_content(mut letter: Outgoing) -> Outgoing {
        set(&mut letter.headers, headers::DEAD_PAYLOAD, headers::OMITTED);
        letter
    }
}

/// The word for a severity in subjects and labels.
fn severity(severity: pb::Severity) -> &'static str {
    match severity {
        pb::Severity::Info => "info",
        pb::Severity::Warning => "warning",
        pb::Severity::Error => "error",
        pb::Severity::Unspecified => "_",
    }
}

/// Builds the tables that reading needs, as the first report would.
pub fn build_tables(vocabulary: &Vocabulary) {
    let text =
        "BÁO CÁO\nKết quả năm 2024\n\nI. KẾT QUẢ\n\nQuyết định số 12/QĐ-UBND ngày 05/3/2021, 12/15 hộ, đạt 80%.\n";
    let outcome = pipeline::finish(
        Ok(Document::plain(text)),
        vocabulary,
        &RuleSet::default(),
        PartialDate::default(),
    );
    std::hint::black_box(outcome);
}

/// What is known of a report, from its message. Its content is done with; results carry its size and hash.
fn about(envelope: envelope::Envelope, input: &Input) -> About {
    let mut submission = envelope.submission;
    submission.content = Vec::new();
    About {
        identity: envelope.identity,
        submission,
        packet: envelope.packet,
        received_at: input.stored_at(),
    }
}

/// What is left out of a result that is too large for a message, one after the other, until it fits.
const LEFT_OUT: [fn(&mut pb::ReportProcessed); 3] = [
    |message| {
        if let Some(document) = &mut message.document {
            document.text = String::new();
        }
    },
    |message| message.report = None,
    |message| message.findings = Vec::new(),
];

/// What became of the work on a message.
#[derive(Debug)]
pub enum Work {
    /// It is done.
    Done(Box<Output>),
    /// Its content has to be fetched first.
    Needs(Reference),
}

/// What is said of a report whose content in the object store is not what it says.
pub fn not_as_stored() -> Refusal {
    Refusal::new(
        RefusalReason::Malformed,
        "nội dung trong kho đối tượng không khớp với kích thước hoặc mã băm đã nêu",
        "the content in the object store is not of the size and digest that the submission says",
    )
}

/// What is said of a report that was tried too often.
pub fn given_up(tries: i64, why: &str) -> Refusal {
    Refusal::new(
        RefusalReason::Poisonous,
        format!("xử lý không thành công sau {tries} lần thử"),
        format!("gave up after {tries} deliveries: {why}"),
    )
}

/// What is said of a report on which the program itself failed.
pub fn panicked() -> Refusal {
    Refusal::new(
        RefusalReason::Poisonous,
        "lỗi chương trình khi đọc văn bản; hãy báo cho người bảo trì",
        "the program failed on this document; please tell its maintainers",
    )
}
