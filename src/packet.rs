//! What an edXML packet (QCVN 102:2016/BTTTT) says of the document it carries.

use serde::{Deserialize, Serialize};

use crate::decode::Refusal;

/// The envelope of a packet. Parts that the packet leaves out, leaves empty or fills with "N/A" are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Who sends it.
    pub from: Organ,
    /// Whom it is sent to.
    pub to: Vec<Organ>,
    /// Its id: organ, date and symbol, or any other that its system gave it.
    pub document_id: String,
    /// The number of the document ("318").
    pub number: String,
    /// The notation behind the number ("BC-STNMT").
    pub notation: String,
    /// Place of issue.
    pub place: String,
    /// Date of issue.
    pub date: Option<Day>,
    /// The type of the document by name ("Báo cáo").
    pub document_type: String,
    /// What it is about.
    pub subject: String,
    /// Its summary.
    pub content: String,
    /// Who signed it.
    pub signer: Signer,
    /// Until when an answer is asked for.
    pub due: Option<Day>,
    /// Names of recipients.
    pub places: Vec<String>,
    /// 0 ordinary, 1 urgent, 2 very urgent, 3 express, 4 express at a time.
    pub priority: Option<u8>,
    /// The documents it answers; for a status packet the document that it is about.
    pub replies_to: Vec<Reference>,
    /// The systems it went through.
    pub trace: Vec<Trace>,
    /// What the exchange is for.
    pub business: Option<Business>,
    /// The status that it reports, for a status packet.
    pub status: Option<Status>,
    /// Names of the attachments, in order.
    pub attachments: Vec<String>,
}

/// A file of a packet, and what became of reading it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedFile {
    /// Its name as the packet has it; only shown, never opened.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Whether it is the document.
    pub is_main: bool,
    /// The media type it was read as and the length of its text in code points, or why it could not be read.
    pub read: Result<(String, u32), Refusal>,
}

/// A body that takes part in the exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organ {
    /// Its id as the packet writes it ("000.00.11.H53" or "H53.11").
    pub id: String,
    /// Its name.
    pub name: String,
    /// The body above it.
    pub in_charge: String,
}

impl Organ {
    /// Its electronic identification code from left to right, without zeros that only fill: "000.00.11.H53" is
    /// "H53.11". Empty for what is no such code.
    pub fn unit(&self) -> String {
        let groups: Vec<&str> = self.id.trim().split('.').collect();
        let valid =
            |group: &&str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        if self.id.len() > 35 || !groups.iter().all(valid) {
            return String::new();
        }
        let numeric = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
        let (first, last) = (
            groups.first().copied().unwrap_or(""),
            groups.last().copied().unwrap_or(""),
        );
        // Decision 20/2020/QĐ-TTg turned the order round.
        if groups.len() > 1 && numeric(first) && !numeric(last) {
            let levels = groups.iter().rev().skip(1).map(|group| group.trim_start_matches('0'));
            let mut levels: Vec<&str> = levels.collect();
            while levels.last().is_some_and(|level| level.is_empty()) {
                levels.pop();
            }
            let levels = levels
                .into_iter()
                .map(|level| if level.is_empty() { "0" } else { level });
            return std::iter::once(last).chain(levels).collect::<Vec<_>>().join(".");
        }
        groups.join(".")
    }
}

/// Who signed a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// The authority to sign ("KT. GIÁM ĐỐC").
    pub competence: String,
    /// The position.
    pub position: String,
    /// The name.
    pub name: String,
}

/// Another document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The id of the body that issued it.
    pub organ: String,
    /// Its number and notation.
    pub code: String,
    /// Its date.
    pub date: Option<Day>,
    /// Its id.
    pub document_id: String,
}

/// A system that a packet went through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The id of its body.
    pub organ: String,
    /// When, as written ("2018/09/28 00:00:00").
    pub time: String,
}

/// What an exchange is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Business {
    /// 0 new, 1 taken back, 2 updated, 3 replaced.
    pub kind: Option<u8>,
    /// Why.
    pub reason: String,
    /// The document it concerns.
    pub document_id: String,
    /// Documents that are replaced.
    pub replaced: Vec<String>,
}

/// What became of a packet at its receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// 1 arrived, 2 rejected, 3 accepted, 4 assigned, 5 in process, 6 finished, 13 taken back, 15 and 16 agreement to
    /// that and refusal of it.
    pub code: u8,
    /// In words.
    pub description: String,
    /// When, as written.
    pub time: String,
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// The year.
    pub year: u16,
    /// The month, from 1.
    pub month: u8,
    /// The day, from 1.
    pub day: u8,
}

impl Day {
    /// Reads "2024/03/25", "25/03/2024" and both with dashes; a time behind it is passed over.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().split([' ', 'T']).next()?;
        let parts: Vec<u16> = text.split(['/', '-']).map(str::parse).collect::<Result<_, _>>().ok()?;
        let [a, b, c] = parts[..] else { return None };
        let (year, month, day) = if a > 31 { (a, b, c) } else { (c, b, a) };
        let valid = (1900..=2999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        valid.then_some(Self {
            year,
            month: month as u8,
            day: day as u8,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_from_left_to_right() {
        let cases = [
            ("000.00.11.H53", "H53.11"),
            ("000.00.00.G22", "G22"),
            ("000.00.01.A53", "A53.1"),
            ("28.22.H17", "H17.22.28"),
            ("001.00.20.J02", "J02.20.0.1"),
            ("H21.10.3", "H21.10.3"),
            ("H37.DN.001", "H37.DN.001"),
            ("Sở Y tế", ""),
            ("", ""),
            ("H53..1", ""),
        ];
        for (id, unit) in cases {
            let organ = Organ {
                id: id.into(),
                ..Organ::default()
            };
            assert_eq!(organ.unit(), unit, "{id}");
        }
    }

    #[test]
    fn days_in_both_orders() {
        let day = Some(Day {
            year: 2024,
            month: 3,
            day: 25,
        });
        for text in [
            "2024/03/25",
            "25/03/2024",
            "25-3-2024",
            "2024-03-25T08:00:00",
            "2024/03/25 08:00:00",
        ] {
            assert_eq!(Day::parse(text), day, "{text}");
        }
        for text in ["", "N/A", "2024/13/25", "25/03/24", "2024/03"] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}
