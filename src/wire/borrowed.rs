//! The large messages once more, as they are written: what they say is borrowed from the document, not copied.
//!
//! A report makes thousands of small strings and numbers, which prost wants owned, and whose lengths it counts once for
//! each message they lie in. Here a message is written from its end to its beginning, so that the length of all is known
//! when it is to be written. The bytes are those that prost writes, and the fields those of the schema: tests compare both.

use std::borrow::Cow;

use bytes::Bytes;
use prost::Message as _;

use crate::proto::{baocao::v1 as pb, google::r#type::Date};

/// A message that can be written.
pub trait Message {
    /// Writes its fields, the last one first.
    fn write(&self, out: &mut Backwards);

    /// How many bytes that will be, more or less.
    fn size(&self) -> usize;

    /// The encoded message.
    fn encode(&self) -> Bytes {
        let mut out = Backwards::with_room(self.size());
        self.write(&mut out);
        out.finish()
    }
}

/// What a field may hold. What is empty or 0 is not written.
trait Field {
    fn write(&self, tag: u32, out: &mut Backwards);

    /// How many bytes that will be, more or less.
    fn size(&self) -> usize {
        SHORT
    }
}

/// What a small number takes, or what stands before a longer value.
const SHORT: usize = 3;

/// Declares messages: fields with their types and numbers, in the order of the numbers.
macro_rules! messages {
    ($($(#[$doc:meta])* $message:ident { $($field:ident: $type:ty = $tag:literal,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq)]
            pub struct $message<'a> {
                $(#[doc = concat!("As in the schema, field ", $tag, ".")] pub $field: $type,)*
            }

            impl Message for $message<'_> {
                fn write(&self, out: &mut Backwards) {
                    messages!(@last_first self out $($field $tag)*);
                }

                fn size(&self) -> usize {
                    $(Field::size(&self.$field) +)* 0
                }
            }
        )*

        /// Name, fields and their numbers of each message here.
        #[cfg(test)]
        const DECLARED: &[(&str, &[(&str, u32)])] = &[$((stringify!($message), &[$((stringify!($field), $tag)),*])),*];
    };
    (@last_first $self:ident $out:ident) => {};
    (@last_first $self:ident $out:ident $field:ident $tag:literal $($rest:tt)*) => {
        messages!(@last_first $self $out $($rest)*);
        Field::write(&$self.$field, $tag, $out);
    };
}

messages! {
    /// A result.
    ReportProcessed {
        submission: Option<pb::ReportSubmission> = 1,
        document: Option<Document<'a>> = 2,
        report: Option<Report<'a>> = 3,
        findings: Vec<Finding<'a>> = 4,
        status: i32 = 5,
        refusal: Option<pb::Refusal> = 6,
        producer: Option<pb::Producer> = 7,
        whole: Option<pb::StoredObject> = 8,
    }
    /// What one worker hands on to the next.
    ReportExtracted {
        submission: Option<pb::ReportSubmission> = 1,
        document: Option<Document<'a>> = 2,
        report: Option<Report<'a>> = 3,
        producer: Option<pb::Producer> = 4,
        received_at: Option<prost_types::Timestamp> = 5,
        packet: Option<pb::Envelope> = 6,
        whole: Option<pb::StoredObject> = 7,
    }
    /// An alert.
    Alert {
        alert_id: String = 1,
        submission: Option<pb::ReportSubmission> = 2,
        severity: i32 = 3,
        rule: &'a str = 4,
        finding: Option<Finding<'a>> = 5,
        refusal: Option<pb::Refusal> = 6,
        report_number: String = 7,
        report_issuers: Vec<String> = 8,
        report_date: Option<Date> = 9,
        producer: Option<pb::Producer> = 10,
    }
    /// A document.
    Document {
        text: &'a str = 1,
        media_type: &'a str = 2,
        encoding: &'a str = 3,
        length: u32 = 4,
        lines: u32 = 5,
        tables: Vec<pb::Table> = 6,
        pages: Vec<pb::Page> = 7,
        attachments: Vec<pb::Attachment> = 8,
    }
    /// A place in the document.
    Span {
        start: u32 = 1,
        end: u32 = 2,
        text: &'a str = 3,
    }
    /// What was read.
    Report {
        header: Option<pb::Header> = 1,
        sections: Vec<Section<'a>> = 2,
        citations: Vec<Citation<'a>> = 3,
        documents: Vec<CitedDocument<'a>> = 4,
        measures: Vec<Measure<'a>> = 5,
        breakdowns: Vec<pb::Breakdown> = 6,
        footnotes: Vec<Footnote<'a>> = 7,
        recipients: Vec<Recipient<'a>> = 8,
        signatories: Vec<Signatory<'a>> = 9,
    }
    /// A heading.
    Section {
        label: Cow<'a, str> = 1,
        level: u32 = 2,
        title: Cow<'a, str> = 3,
        span: Option<Span<'a>> = 4,
    }
    /// A mention of a document.
    Citation {
        span: Option<Span<'a>> = 1,
        document_type: &'a str = 2,
        number: Cow<'a, str> = 3,
        date: Option<Date> = 4,
        issuer: Cow<'a, str> = 5,
        term: Cow<'a, str> = 6,
        subject: Cow<'a, str> = 7,
        document_index: u32 = 8,
    }
    /// A document that is mentioned.
    CitedDocument {
        key: &'a str = 1,
        number: &'a str = 2,
        date: Option<Date> = 3,
        issuer: Cow<'a, str> = 4,
        document_type: &'a str = 5,
        mentions: &'a [usize] = 6,
    }
    /// A figure.
    Measure {
        span: Option<Span<'a>> = 1,
        kind: i32 = 2,
        value: Cow<'a, str> = 3,
        total: Cow<'a, str> = 4,
        unit: Cow<'a, str> = 5,
        subject: Cow<'a, str> = 6,
        approx: i32 = 7,
        change: i32 = 8,
        section_index: i32 = 9,
    }
    /// A footnote.
    Footnote {
        mark: Cow<'a, str> = 1,
        span: Option<Span<'a>> = 2,
    }
    /// A recipient.
    Recipient {
        text: Cow<'a, str> = 1,
        archive: bool = 2,
        span: Option<Span<'a>> = 3,
    }
    /// Who signs.
    Signatory {
        name: Cow<'a, str> = 1,
        position: Cow<'a, str> = 2,
        authority: Cow<'a, str> = 3,
        span: Option<Span<'a>> = 4,
    }
    /// A defect.
    Finding {
        rule: &'a str = 1,
        severity: i32 = 2,
        certainty: i32 = 3,
        spans: Vec<Span<'a>> = 4,
        element: &'a str = 5,
        message_vi: &'a str = 6,
        message_en: &'a str = 7,
        expected: &'a str = 8,
        actual: &'a str = 9,
    }
}

/// Messages that are small or rare are prost's own.
macro_rules! of_prost {
    ($($message:ty),*) => {$(
        impl Message for $message {
            fn write(&self, out: &mut Backwards) {
                let mut room = out.room(self.encoded_len());
                self.encode_raw(&mut room);
            }

            fn size(&self) -> usize {
                self.encoded_len()
            }
        }
    )*};
}
of_prost!(
    pb::Attachment,
    pb::Breakdown,
    pb::Envelope,
    pb::Header,
    pb::Page,
    pb::Producer,
    pb::Refusal,
    pb::ReportSubmission,
    pb::StoredObject,
    pb::Table,
    prost_types::Timestamp,
    Date
);

/// How the value of a field is laid out.
enum Layout {
    Varint = 0,
    Bytes = 2,
}

/// An encoded message, written from its end to its beginning.
#[derive(Debug)]
pub struct Backwards {
    bytes: Vec<u8>,
    /// Where it begins: what lies before is room.
    start: usize,
}

impl Backwards {
    fn with_room(room: usize) -> Self {
        Self {
            bytes: vec![0; room],
            start: room,
        }
    }

    fn finish(self) -> Bytes {
        Bytes::from(self.bytes).slice(self.start..)
    }

    /// Length of what was written.
    fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Room for so many bytes before those that were written, to be filled.
    #[inline]
    fn room(&mut self, size: usize) -> &mut [u8] {
        if size > self.start {
            self.grow(size);
        }
        let end = self.start;
        self.start -= size;
        &mut self.bytes[self.start..end]
    }

    /// Makes room for so many bytes and for as many as there are, so that all are moved seldom.
    #[cold]
    fn grow(&mut self, size: usize) {
        let room = size + self.bytes.len();
        let mut bytes = vec![0; room + self.len()];
        bytes[room..].copy_from_slice(&self.bytes[self.start..]);
        (self.bytes, self.start) = (bytes, room);
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        self.room(bytes.len()).copy_from_slice(bytes);
    }

    /// Seven bits in each byte, the lowest first; all but the last with the eighth bit set.
    #[inline]
    fn varint(&mut self, mut value: u64) {
        if value < 0x80 {
            self.room(1)[0] = value as u8;
            return;
        }
        let bits = u64::BITS - value.leading_zeros();
        let room = self.room(bits.div_ceil(7) as usize);
        for byte in room.iter_mut() {
            *byte = value as u8 | 0x80;
            value >>= 7;
        }
        room[room.len() - 1] &= 0x7F;
    }

    /// What stands before the value of a field.
    #[inline]
    fn key(&mut self, tag: u32, layout: Layout) {
        self.varint(u64::from(tag) << 3 | layout as u64);
    }

    #[inline]
    fn number(&mut self, tag: u32, value: u64) {
        if value != 0 {
            self.varint(value);
            self.key(tag, Layout::Varint);
        }
    }

    #[inline]
    fn text(&mut self, tag: u32, text: &str) {
        self.bytes(text.as_bytes());
        self.varint(text.len() as u64);
        self.key(tag, Layout::Bytes);
    }

    #[inline]
    fn message(&mut self, tag: u32, message: &impl Message) {
        let behind = self.len();
        message.write(self);
        self.varint((self.len() - behind) as u64);
        self.key(tag, Layout::Bytes);
    }
}

impl Field for u32 {
    fn write(&self, tag: u32, out: &mut Backwards) {
        out.number(tag, u64::from(*self));
    }
}

impl Field for i32 {
    fn write(&self, tag: u32, out: &mut Backwards) {
        // Below 0 with all the bits of a longer one, so the format has it.
        out.number(tag, i64::from(*self) as u64);
    }
}

impl Field for bool {
    fn write(&self, tag: u32, out: &mut Backwards) {
        out.number(tag, u64::from(*self));
    }
}

impl Field for &str {
    #[inline]
    fn write(&self, tag: u32, out: &mut Backwards) {
        if !self.is_empty() {
            out.text(tag, self);
        }
    }

    #[inline]
    fn size(&self) -> usize {
        SHORT + self.len()
    }
}

impl Field for String {
    fn write(&self, tag: u32, out: &mut Backwards) {
        self.as_str().write(tag, out);
    }

    fn size(&self) -> usize {
        self.as_str().size()
    }
}

impl Field for Cow<'_, str> {
    #[inline]
    fn write(&self, tag: u32, out: &mut Backwards) {
        (&**self).write(tag, out);
    }

    #[inline]
    fn size(&self) -> usize {
        (&**self).size()
    }
}

impl Field for Vec<String> {
    fn write(&self, tag: u32, out: &mut Backwards) {
        self.iter().rev().for_each(|text| out.text(tag, text));
    }

    fn size(&self) -> usize {
        self.iter().map(Field::size).sum()
    }
}

impl Field for &[usize] {
    fn write(&self, tag: u32, out: &mut Backwards) {
        if self.is_empty() {
            return;
        }
        let behind = out.len();
        self.iter().rev().for_each(|&number| out.varint(number as u64));
        out.varint((out.len() - behind) as u64);
        out.key(tag, Layout::Bytes);
    }

    fn size(&self) -> usize {
        SHORT * (1 + self.len())
    }
}

impl<M: Message> Field for Option<M> {
    fn write(&self, tag: u32, out: &mut Backwards) {
        self.iter().for_each(|message| out.message(tag, message));
    }

    fn size(&self) -> usize {
        self.iter().map(|message| SHORT + message.size()).sum()
    }
}

impl<M: Message> Field for Vec<M> {
    fn write(&self, tag: u32, out: &mut Backwards) {
        self.iter().rev().for_each(|message| out.message(tag, message));
    }

    fn size(&self) -> usize {
        self.iter().map(|message| SHORT + message.size()).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::descriptors;

    /// Whether prost reads a message of this name from the bytes and writes the same ones again, field by field.
    fn is_as_prost_has_it(name: &str, bytes: &Bytes) -> bool {
        macro_rules! again {
            ($($message:ident),*) => {
                match name {
                    $(stringify!($message) => pb::$message::decode(bytes.clone()).is_ok_and(|message| message.encode_to_vec() == *bytes),)*
                    _ => false,
                }
            };
        }
        again!(
            ReportProcessed,
            ReportExtracted,
            Alert,
            Measure,
            Finding,
            CitedDocument,
            Citation
        )
    }

    #[test]
    fn fields_are_those_of_the_schema() {
        for (name, fields) in DECLARED {
            let schema = descriptors().get_message_by_name(&format!("baocao.v1.{name}")).unwrap();
            let mut known: Vec<_> = schema
                .fields()
                .map(|field| (field.name().to_owned(), field.number()))
                .collect();
            known.sort_by_key(|&(_, number)| number);
            let declared: Vec<_> = fields
                .iter()
                .map(|&(field, number)| (field.to_owned(), number))
                .collect();
            assert_eq!(declared, known, "{name}");
        }
    }

    /// Texts, empty ones and long ones, and such as are no ASCII.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![Just(String::new()), "[a-zđ]{1,6}", "ủ{40,70}", "x{16000,17000}"]
    }

    fn number() -> impl Strategy<Value = u32> {
        prop_oneof![Just(0), 1_u32..300, any::<u32>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_written_is_what_prost_writes(
            texts in prop::collection::vec(text(), 8),
            numbers in prop::collection::vec(number(), 8),
            count in 0_usize..4,
            is_there in any::<bool>(),
        ) {
            let text = |at: usize| texts[at % texts.len()].as_str();
            let cow = |at: usize| Cow::Borrowed(text(at));
            let span = |at: usize| Span { start: numbers[at % 8], end: numbers[(at + 1) % 8], text: text(at) };
            let mentions: Vec<usize> = numbers.iter().take(2 * count).map(|&number| number as usize).collect();
            let date = is_there.then_some(Date { year: 2024, month: 0, day: -1 });
            let finding = |at: usize| Finding {
                rule: text(at), severity: numbers[0] as i32, certainty: 1, spans: (0..count).map(span).collect(),
                element: text(at + 1), message_vi: text(at + 2), message_en: text(at + 3), expected: text(at + 4), actual: text(at + 5),
            };
            let report = Report {
                header: is_there.then(|| pb::Header { subject: text(0).into(), ..Default::default() }),
                sections: (0..count).map(|at| Section { label: cow(at), level: numbers[at], title: cow(at + 1), span: Some(span(at)) }).collect(),
                citations: (0..count).map(|at| Citation {
                    span: is_there.then(|| span(at)), document_type: text(at), number: cow(at + 1), date, issuer: cow(at + 2),
                    term: cow(at + 3), subject: cow(at + 4), document_index: numbers[at],
                }).collect(),
                documents: (0..count).map(|at| CitedDocument {
                    key: text(at), number: text(at + 1), date, issuer: cow(at + 2), document_type: text(at + 3), mentions: &mentions,
                }).collect(),
                measures: (0..count).map(|at| Measure {
                    span: Some(span(at)), kind: numbers[at] as i32, value: cow(at), total: cow(at + 1), unit: cow(at + 2),
                    subject: cow(at + 3), approx: numbers[1] as i32, change: 0, section_index: -1,
                }).collect(),
                breakdowns: vec![pb::Breakdown { total: numbers[0], parts: numbers.clone(), complete: is_there }; count],
                footnotes: (0..count).map(|at| Footnote { mark: cow(at), span: Some(span(at)) }).collect(),
                recipients: (0..count).map(|at| Recipient { text: cow(at), archive: is_there, span: Some(span(at)) }).collect(),
                signatories: (0..count).map(|at| Signatory { name: cow(at), position: cow(at + 1), authority: cow(at + 2), span: None }).collect(),
            };
            let document = Document {
                text: text(0), media_type: text(1), encoding: text(2), length: numbers[0], lines: numbers[1],
                tables: vec![pb::Table::default(); count], pages: vec![pb::Page::default(); count], attachments: Vec::new(),
            };
            let submission = pb::ReportSubmission { unit: text(5).into(), content_size: numbers[2].into(), ..Default::default() };
            let processed = ReportProcessed {
                submission: Some(submission.clone()), document: is_there.then_some(document.clone()), report: Some(report.clone()),
                findings: (0..count).map(finding).collect(), status: numbers[3] as i32, refusal: None,
                producer: Some(pb::Producer::default()), whole: None,
            };
            prop_assert!(is_as_prost_has_it("ReportProcessed", &processed.encode()));
            let extracted = ReportExtracted {
                submission: None, document: Some(document), report: Some(report), producer: None,
                received_at: Some(prost_types::Timestamp { seconds: 7, nanos: 0 }), packet: Some(pb::Envelope::default()),
                whole: is_there.then(pb::StoredObject::default),
            };
            prop_assert!(is_as_prost_has_it("ReportExtracted", &extracted.encode()));
            let alert = Alert {
                alert_id: text(0).into(), submission: Some(submission), severity: 3, rule: text(1), finding: Some(finding(2)), refusal: None,
                report_number: text(3).into(), report_issuers: texts[..count].to_vec(), report_date: date, producer: None,
            };
            prop_assert!(is_as_prost_has_it("Alert", &alert.encode()));
        }
    }
}
