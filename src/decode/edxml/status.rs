//! Writes status packets, strictly by the standard: what became of a packet, for the system that sent it.

use crate::packet::{Envelope, Organ};

/// The statuses that baocao reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// 01: it has arrived.
    Arrived,
    /// 02: it is not taken; a reason must be given.
    Rejected,
    /// 03: it is taken.
    Accepted,
}

impl Code {
    /// As the standard writes it: two digits.
    pub fn digits(self) -> &'static str {
        match self {
            Self::Arrived => "01",
            Self::Rejected => "02",
            Self::Accepted => "03",
        }
    }
}

/// A status packet to write.
#[derive(Clone, Debug)]
pub struct StatusPacket<'a> {
    /// Who answers.
    pub from: &'a Organ,
    /// The packet that is answered.
    pub about: &'a Envelope,
    /// What became of it.
    pub code: Code,
    /// Why, in Vietnamese.
    pub description: &'a str,
    /// When, in Viet Nam: year, month, day, hour, minute, second.
    pub time: [u16; 6],
    /// The department and the person who answer, where known.
    pub staff: Option<(&'a str, &'a str)>,
}

/// Why a status packet cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// The standard asks for the code of the answering body.
    #[error("the answering body has no valid electronic identification code")]
    From,
    /// The standard asks for the document's id and the code of its sender.
    #[error("the packet that is answered names neither its document nor its sender")]
    About,
    /// A rejection has a reason.
    #[error("a rejection must say why")]
    Reason,
    /// No such time.
    #[error("the time is no time of the calendar")]
    Time,
}

const NAMESPACE: &str = "http://www.mic.gov.vn/TBT/QCVN_102_2016";

impl StatusPacket<'_> {
    /// The packet as XML in UTF-8.
    pub fn write(&self) -> Result<String, StatusError> {
        let about = self.about;
        if self.from.unit().is_empty() {
            return Err(StatusError::From);
        }
        if about.document_id.is_empty() || about.from.id.is_empty() {
            return Err(StatusError::About);
        }
        if self.code == Code::Rejected && self.description.trim().is_empty() {
            return Err(StatusError::Reason);
        }
        let [year, month, day, hour, minute, second] = self.time;
        let valid = (1900..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second < 61;
        if !valid {
            return Err(StatusError::Time);
        }
        let mut out = Writer::default();
        out.open("ResponseFor");
        out.field("OrganId", &about.from.id);
        let code = match (about.number.as_str(), about.notation.as_str()) {
            (number, "") => number.to_owned(),
            (number, notation) => format!("{number}/{notation}"),
        };
        out.field("Code", &code);
        let date = about
            .date
            .map(|date| format!("{:04}/{:02}/{:02}", date.year, date.month, date.day));
        out.field("PromulgationDate", &date.unwrap_or_default());
        out.field("DocumentId", &about.document_id);
        out.close("ResponseFor");
        out.open("From");
        out.field("OrganId", &self.from.id);
        out.field("OrganizationInCharge", &self.from.in_charge);
        out.field("OrganName", &self.from.name);
        out.close("From");
        out.field("StatusCode", self.code.digits());
        out.field("Description", self.description);
        let time = format!("{year:04}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}");
        out.field("Timestamp", &time);
        if let Some((department, staff)) = self.staff {
            out.open("StaffInfo");
            out.field("Department", department);
            out.field("Staff", staff);
            out.close("StaffInfo");
        }
        Ok(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<edXML xmlns=\"{NAMESPACE}\">\n\
             <edXML:edXMLEnvelope xmlns:edXML=\"{NAMESPACE}\">\n<edXML:edXMLHeader>\n<edXML:MessageHeader>\n{}\
             </edXML:MessageHeader>\n</edXML:edXMLHeader>\n</edXML:edXMLEnvelope>\n</edXML>\n",
            out.0
        ))
    }
}

/// Elements of the header.
#[derive(Default)]
struct Writer(String);

impl Writer {
    fn open(&mut self, name: &str) {
        self.0.push_str(&format!("<edXML:{name}>\n"));
    }

    fn close(&mut self, name: &str) {
        self.0.push_str(&format!("</edXML:{name}>\n"));
    }

    fn field(&mut self, name: &str, text: &str) {
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                // Not allowed in XML, as are the two that are no characters.
                '\u{FFFE}' | '\u{FFFF}' => {}
                c if c.is_control() => escaped.push(' '),
                c => escaped.push(c),
            }
        }
        self.0.push_str(&format!("<edXML:{name}>{escaped}</edXML:{name}>\n"));
    }
}
