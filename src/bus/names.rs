//! Subjects and names of streams: the addresses of the contract.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::{Error, ErrorKind};

/// What a NATS token may not hold, and `%`, so that encoding can be undone.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'.').add(b'*').add(b'>').add(b'%');

/// Longest token kept as it is. A subject must fit into the server's control line (4 KiB).
const MAX_TOKEN: usize = 256;

/// The unit of a submitter nobody named.
const UNKNOWN: &str = "_";

/// One token of a subject: what a token may not hold is percent-encoded. What would be too long
/// becomes its hash, so that it still stands for one thing only.
pub fn token(text: &str) -> String {
    if text.is_empty() {
        return UNKNOWN.into();
    }
    let encoded = utf8_percent_encode(text, UNSAFE).to_string();
    if encoded.len() <= MAX_TOKEN {
        return encoded;
    }
    let digest = Sha256::digest(text.as_bytes());
    format!("sha256-{}", hex(&digest[..16]))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        })
}

/// The submitting body's electronic identification code, as tokens of a subject.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unit(String);

impl Unit {
    /// From the code as people write it ("H50.12.3"); empty is unknown.
    pub fn new(code: &str) -> Self {
        let tokens: Vec<String> = code.split('.').filter(|part| !part.is_empty()).map(token).collect();
        Self::from_tokens(&tokens.join("."))
    }

    /// From tokens of a subject, which are encoded already.
    pub fn from_tokens(tokens: &str) -> Self {
        if tokens.is_empty() || tokens.len() > MAX_TOKEN {
            return Self(UNKNOWN.into());
        }
        Self(tokens.into())
    }

    /// As tokens of a subject.
    pub fn tokens(&self) -> &str {
        &self.0
    }
}

/// As people write it.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&percent_decode_str(&self.0).decode_utf8_lossy())
    }
}

/// All subjects and names below one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    prefix: String,
    streams: String,
}

impl Names {
    /// Names below a prefix ("baocao").
    pub fn new(prefix: &str) -> Result<Self, Error> {
        let is_plain = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if prefix.len() > 64 || !prefix.split('.').all(is_plain) {
            return Err(Error::new(
                ErrorKind::Settings,
                format!("bus.prefix {prefix:?} is not letters, digits, - and _ between single dots, at most 64"),
            ));
        }
        Ok(Self {
            prefix: prefix.into(),
            // Names of streams may not hold dots.
            streams: prefix.replace('.', "_").to_ascii_uppercase(),
        })
    }

    /// Stream of reports that were handed in.
    pub fn received_stream(&self) -> String {
        format!("{}_RECEIVED", self.streams)
    }

    /// Stream of reports that were extracted, until they are validated; only where these stages run apart.
    pub fn extracted_stream(&self) -> String {
        format!("{}_EXTRACTED", self.streams)
    }

    /// Stream of results.
    pub fn processed_stream(&self) -> String {
        format!("{}_PROCESSED", self.streams)
    }

    /// Stream of alerts.
    pub fn alerts_stream(&self) -> String {
        format!("{}_ALERTS", self.streams)
    }

    /// Stream of dead letters.
    pub fn dead_stream(&self) -> String {
        format!("{}_DEAD", self.streams)
    }

    /// Stream of what became of edXML packets.
    pub fn edxml_stream(&self) -> String {
        format!("{}_EDXML", self.streams)
    }

    /// Subject of an endpoint of the service.
    pub fn service(&self, endpoint: &str) -> String {
        format!("{}.svc.{endpoint}", self.prefix)
    }

    /// Subject of a request of an operator to all workers.
    pub fn control(&self, what: &str) -> String {
        format!("{}.ctl.{what}", self.prefix)
    }

    /// Object store of what is too large for a message.
    pub fn documents(&self) -> String {
        format!("{}-documents", self.prefix.replace('.', "_"))
    }

    /// Durable consumer that all workers of a stream share.
    pub fn consumer(&self) -> String {
        format!("{}-worker", self.prefix.replace('.', "_"))
    }

    /// Subjects of all reports that were handed in.
    pub fn all_received(&self) -> String {
        format!("{}.report.received.>", self.prefix)
    }

    /// Subjects of all reports that were extracted.
    pub fn all_extracted(&self) -> String {
        format!("{}.report.extracted.>", self.prefix)
    }

    /// Subjects of all results.
    pub fn all_processed(&self) -> String {
        format!("{}.report.processed.>", self.prefix)
    }

    /// Subjects of all alerts.
    pub fn all_alerts(&self) -> String {
        format!("{}.alert.>", self.prefix)
    }

    /// Subjects of all dead letters.
    pub fn all_dead(&self) -> String {
        format!("{}.dead.>", self.prefix)
    }

    /// Subjects of all status packets.
    pub fn all_edxml(&self) -> String {
        format!("{}.edxml.status.>", self.prefix)
    }

    /// Subject of a status packet; each status of a submission has one, so that it is sent once.
    pub fn edxml_status(&self, unit: &Unit, submission: &str, code: &str) -> String {
        let (unit, submission) = (unit.tokens(), token(submission));
        format!("{}.edxml.status.{unit}.{submission}.{code}", self.prefix)
    }

    /// Subjects of the dead letters of a unit and the units below it.
    pub fn all_dead_of(&self, unit: &Unit) -> String {
        format!("{}.dead.{}.>", self.prefix, unit.tokens())
    }

    /// Subject of a report that is handed in.
    pub fn received(&self, unit: &Unit) -> String {
        format!("{}.report.received.{}", self.prefix, unit.tokens())
    }

    /// Subject of a report that was extracted.
    pub fn extracted(&self, unit: &Unit, submission: &str) -> String {
        format!(
            "{}.report.extracted.{}.{}",
            self.prefix,
            unit.tokens(),
            token(submission)
        )
    }

    /// Subject of a result.
    pub fn processed(&self, unit: &Unit, submission: &str) -> String {
        format!(
            "{}.report.processed.{}.{}",
            self.prefix,
            unit.tokens(),
            token(submission)
        )
    }

    /// Subject of an alert.
    pub fn alert(&self, severity: &str, rule: &str, unit: &Unit, submission: &str, n: usize) -> String {
        format!(
            "{}.alert.{}.{}.{}.{}.{n}",
            self.prefix,
            token(severity),
            token(rule),
            unit.tokens(),
            token(submission)
        )
    }

    /// Subject of a dead letter.
    pub fn dead(&self, unit: &Unit, submission: &str) -> String {
        format!("{}.dead.{}.{}", self.prefix, unit.tokens(), token(submission))
    }

    /// The unit of a dead letter, from its subject.
    pub fn unit_of_dead(&self, dead: &str) -> Unit {
        let tokens = self.below_dead(dead).rsplit_once('.').map(|(unit, _)| unit);
        Unit::from_tokens(tokens.unwrap_or_default())
    }

    /// The subject of the result that belongs to a dead letter.
    pub fn processed_of_dead(&self, dead: &str) -> String {
        format!("{}.report.processed.{}", self.prefix, self.below_dead(dead))
    }

    /// The subject of the extracted report that a dead letter may have been.
    pub fn extracted_of_dead(&self, dead: &str) -> String {
        format!("{}.report.extracted.{}", self.prefix, self.below_dead(dead))
    }

    fn below_dead<'s>(&self, dead: &'s str) -> &'s str {
        let rest = dead
            .strip_prefix(&self.prefix)
            .and_then(|rest| rest.strip_prefix(".dead."));
        rest.unwrap_or_default()
    }

    /// The unit a report was handed in for, from its subject.
    pub fn unit_of(&self, received: &str) -> Unit {
        let tokens = received
            .strip_prefix(&self.prefix)
            .and_then(|rest| rest.strip_prefix(".report.received."));
        Unit::from_tokens(tokens.unwrap_or_default())
    }

    /// The unit and the submission of an extracted report, from its subject. An id that was too long
    /// for a token is its hash there.
    pub fn extracted_of(&self, extracted: &str) -> (Unit, String) {
        let tokens = extracted
            .strip_prefix(&self.prefix)
            .and_then(|rest| rest.strip_prefix(".report.extracted."));
        let (unit, submission) = tokens.and_then(|tokens| tokens.rsplit_once('.')).unwrap_or_default();
        let submission = percent_decode_str(submission).decode_utf8_lossy();
        (Unit::from_tokens(unit), submission.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_safe_and_can_be_undone() {
        for (text, expected) in [
            ("H50", "H50"),
            ("", "_"),
            ("a b.c*d>e%f", "a%20b%2Ec%2Ad%3Ee%25f"),
            ("báo", "b%C3%A1o"),
            ("x\r\ny", "x%0D%0Ay"),
        ] {
            assert_eq!(token(text), expected);
        }
        let long = "x".repeat(5000);
        assert!(token(&long).starts_with("sha256-"));
        assert_ne!(token(&long), token(&"y".repeat(5000)));
    }

    #[test]
    fn units_keep_their_dots() {
        let names = Names::new("baocao").expect("plain");
        let unit = Unit::new("H50.12 a.3");
        assert_eq!(names.received(&unit), "baocao.report.received.H50.12%20a.3");
        assert_eq!(names.unit_of("baocao.report.received.H50.12%20a.3"), unit);
        assert_eq!(unit.to_string(), "H50.12 a.3");
        assert_eq!(Unit::new("").tokens(), "_");
        assert_eq!(Unit::new("..").tokens(), "_");
        assert_eq!(names.unit_of("elsewhere.x").tokens(), "_");
        let dead = names.dead(&unit, "a.b");
        assert_eq!(names.unit_of_dead(&dead), unit);
        assert_eq!(names.processed_of_dead(&dead), names.processed(&unit, "a.b"));
        let extracted = names.extracted(&unit, "a.b");
        assert_eq!(names.extracted_of_dead(&dead), extracted);
        assert_eq!(names.extracted_of(&extracted), (unit, "a.b".into()));
        assert_eq!(names.extracted_of("elsewhere"), (Unit::new(""), String::new()));
    }

    #[test]
    fn prefixes_are_plain() {
        assert!(Names::new("prod.baocao-2").is_ok());
        for bad in ["", ".", "a..b", "a b", "a.>", "*", "báo"] {
            assert!(Names::new(bad).is_err(), "{bad}");
        }
        let names = Names::new("prod.baocao").expect("plain");
        assert_eq!(names.received_stream(), "PROD_BAOCAO_RECEIVED");
        assert_eq!(names.consumer(), "prod_baocao-worker");
    }
}
