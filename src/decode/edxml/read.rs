//! Reads a packet.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::super::{
    Limits, Refusal,
    xml::{self, Step, Xml},
};
use crate::packet::{Business, Day, Envelope, Organ, Reference, Status, Trace};

/// A field of an envelope is cut behind so many characters.
const MAX_FIELD: usize = 4000;

/// A packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// What it says of its document.
    pub envelope: Envelope,
    /// The files it carries.
    pub attachments: Vec<Attachment>,
}

/// A file that a packet carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// Its name; only shown, never opened.
    pub name: String,
    /// Its media type as the packet says, often wrong.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// An attachment, or what the manifest says of one.
#[derive(Default)]
struct Entry {
    id: String,
    name: String,
    media_type: String,
    data: Option<Vec<u8>>,
}

/// Reads a packet. No entity is expanded, and nothing outside it is loaded.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Packet, Refusal> {
    read_parts(bytes, true, limits)
}

/// The envelope of a packet, without its attachments: what a submission says of itself before it is decoded, and still
/// says when it cannot be. Of a broken packet what it says up to there; none for what is no packet.
pub fn envelope(bytes: &[u8], limits: &Limits) -> Option<Envelope> {
    let packet = super::super::sniff::media_type(bytes) == Some(super::MEDIA_TYPE) && bytes.len() <= limits.max_bytes;
    let text = packet.then(|| xml::text(bytes, "edXML"))?.ok()?;
    let mut reader = Reader::default();
    let _broken = reader.read_all(&text, false, limits);
    reader.finish().ok().map(|packet| packet.envelope)
}

fn read_parts(bytes: &[u8], attachments: bool, limits: &Limits) -> Result<Packet, Refusal> {
    let text = xml::text(bytes, "edXML")?;
    let mut reader = Reader::default();
    reader.read_all(&text, attachments, limits)?;
    reader.finish()
}

/// The name of an element as it is compared: small letters, and the standard's own misspelling mended.
fn name_of(name: &str) -> String {
    name.to_ascii_lowercase().replace("bussiness", "business")
}

#[derive(Default)]
struct Reader {
    envelope: Envelope,
    path: Vec<String>,
    text: String,
    known: bool,
    manifest: Vec<Entry>,
    attachments: Vec<Entry>,
    status: Option<Status>,
}

impl Reader {
    /// Reads what the text holds, up to its end or where it is broken.
    fn read_all(&mut self, text: &str, attachments: bool, limits: &Limits) -> Result<(), Refusal> {
        let mut xml = Xml::new(text, "edXML", limits);
        loop {
            match xml.step()? {
                Step::Start(start) => {
                    let name = name_of(start.local_name().as_ref());
                    // A signature is checked by the gateway; its certificates say nothing of the document.
                    if name == "signature" || name == "digitalsignature" {
                        xml.skip()?;
                        continue;
                    }
                    if name == "contenttransferencoded" && !attachments {
                        xml.skip()?;
                        continue;
                    }
                    self.start(name, limits)?;
                }
                Step::Text(text) => self.text.push_str(&text),
                Step::End => self.end(limits)?,
                Step::Eof => break,
            }
        }
        Ok(())
    }

    fn start(&mut self, name: String, limits: &Limits) -> Result<(), Refusal> {
        self.text.clear();
        let envelope = &mut self.envelope;
        match name.as_str() {
            "edxmlenvelope" => self.known = true,
            "to" => envelope.to.push(Organ::default()),
            "responsefor" | "replyfor" => envelope.replies_to.push(Reference::default()),
            "traceheader" => envelope.trace.push(Trace::default()),
            "business" => envelope.business = Some(Business::default()),
            "reference" => self.manifest.push(Entry::default()),
            "attachment" => self.attachments.push(Entry::default()),
            _ => {}
        }
        let most = self
            .manifest
            .len()
            .max(self.attachments.len())
            .max(envelope.to.len() / 100);
        if most > limits.max_attachments {
            return Err(super::too_many(limits));
        }
        self.path.push(name);
        Ok(())
    }

    fn end(&mut self, limits: &Limits) -> Result<(), Refusal> {
        let Some(name) = self.path.pop() else {
            return Ok(());
        };
        let parent = self.path.last().map(String::as_str).unwrap_or_default();
        if name == "contenttransferencoded" {
            let data = base64(&self.text, limits)?;
            if let Some(attachment) = self.attachments.last_mut() {
                attachment.data = Some(data);
            }
            self.text.clear();
            return Ok(());
        }
        let text = field(&self.text);
        self.text.clear();
        if text.is_empty() {
            return Ok(());
        }
        match parent {
            "reference" => set_entry(self.manifest.last_mut(), &name, text),
            "attachment" => set_entry(self.attachments.last_mut(), &name, text),
            parent => {
                let parent = parent.to_owned();
                self.set(&parent, &name, text);
            }
        }
        Ok(())
    }

    /// A field of the header, by its parent's name and its own.
    fn set(&mut self, parent: &str, name: &str, text: String) {
        let envelope = &mut self.envelope;
        match (parent, name) {
            ("from", name) => set_organ(Some(&mut envelope.from), name, text),
            ("to", name) => set_organ(envelope.to.last_mut(), name, text),
            ("responsefor" | "replyfor", name) => {
                if let Some(reference) = envelope.replies_to.last_mut() {
                    match name {
                        "organid" => reference.organ = text,
                        "code" => reference.code = text,
                        "promulgationdate" => reference.date = Day::parse(&text),
                        "documentid" => reference.document_id = text,
                        _ => {}
                    }
                }
            }
            ("traceheader", name) => {
                if let Some(trace) = envelope.trace.last_mut() {
                    match name {
                        "organid" => trace.organ = text,
                        "timestamp" => trace.time = text,
                        _ => {}
                    }
                }
            }
            ("business", name) => {
                let business = envelope.business.get_or_insert_default();
                match name {
                    "documentid" => business.document_id = text,
                    "businessdoctype" => business.kind = text.parse().ok(),
                    "businessdocreason" => business.reason = text,
                    _ => {}
                }
            }
            ("replacementinfo", "documentid") => envelope.business.get_or_insert_default().replaced.push(text),
            ("code", "codenumber") => envelope.number = text,
            ("code", "codenotation") => envelope.notation = text,
            ("promulgationinfo", "place") => envelope.place = text,
            ("promulgationinfo", "promulgationdate") => envelope.date = Day::parse(&text),
            ("documenttype", "typename") => envelope.document_type = text,
            ("signerinfo", "competence") => envelope.signer.competence = text,
            ("signerinfo", "position") => envelope.signer.position = text,
            ("signerinfo", "fullname") => envelope.signer.name = text,
            ("toplaces", "place") => envelope.places.push(text),
            ("otherinfo", "priority") => envelope.priority = text.parse().ok(),
            ("messageheader", "documentid") => envelope.document_id = text,
            ("messageheader", "subject") => envelope.subject = text,
            ("messageheader", "content") => envelope.content = text,
            ("messageheader", "duedate") => envelope.due = Day::parse(&text),
            ("messageheader", "statuscode") => {
                // Zero for a code that is none; it is a status packet all the same.
                self.status.get_or_insert_default().code = text.parse().unwrap_or(0);
            }
            ("messageheader", "description") => self.status.get_or_insert_default().description = text,
            ("messageheader", "timestamp") => self.status.get_or_insert_default().time = text,
            _ => {}
        }
    }

    fn finish(mut self) -> Result<Packet, Refusal> {
        if !self.known {
            return Err(Refusal::malformed(
                "XML không phải là gói tin edXML (không có edXMLEnvelope)",
                "the XML is no edXML packet (no edXMLEnvelope)",
            ));
        }
        let mut envelope = self.envelope;
        // References that the packet leaves empty stand for none.
        envelope
            .replies_to
            .retain(|reference| *reference != Reference::default());
        envelope.to.retain(|organ| *organ != Organ::default());
        let carries = !self.attachments.is_empty() || !self.manifest.is_empty();
        envelope.status = self.status.take().filter(|status| status.code != 0 || !carries);
        if let (Some(_), Some(about), true) = (
            &envelope.status,
            envelope.replies_to.first(),
            envelope.document_id.is_empty(),
        ) {
            envelope.document_id = about.document_id.clone();
        }
        let manifest = self.manifest;
        let mut attachments = Vec::new();
        for entry in self.attachments {
            let listed = manifest
                .iter()
                .find(|listed| listed.id == entry.id && !entry.id.is_empty());
            let or = |own: String, listed: Option<&String>| {
                if own.is_empty() {
                    listed.cloned().unwrap_or(own)
                } else {
                    own
                }
            };
            attachments.push(Attachment {
                name: or(entry.name, listed.map(|listed| &listed.name)),
                media_type: or(entry.media_type, listed.map(|listed| &listed.media_type)),
                bytes: entry.data.unwrap_or_default(),
            });
        }
        // In the order of the manifest, which names the main file first.
        envelope.attachments = attachments.iter().map(|attachment| attachment.name.clone()).collect();
        Ok(Packet { envelope, attachments })
    }
}

/// The text of a field on one line; empty for a filler.
fn field(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text: String = words.join(" ").chars().take(MAX_FIELD).collect();
    let filler = ["n/a", "null", "-", "."].contains(&text.to_ascii_lowercase().as_str());
    if filler {
        String::new()
    } else {
        unicode_normalization::UnicodeNormalization::nfc(text.as_str()).collect()
    }
}

fn set_organ(organ: Option<&mut Organ>, name: &str, text: String) {
    if let Some(organ) = organ {
        match name {
            "organid" => organ.id = text,
            "organname" => organ.name = text,
            "organizationincharge" => organ.in_charge = text,
            _ => {}
        }
    }
}

fn set_entry(entry: Option<&mut Entry>, name: &str, text: String) {
    if let Some(entry) = entry {
        match name {
            "contentid" => entry.id = text.strip_prefix("cid:").unwrap_or(&text).to_owned(),
            "attachmentname" => entry.name = text,
            "contenttype" => entry.media_type = text.to_ascii_lowercase(),
            "description" if entry.name.is_empty() => entry.name = text,
            _ => {}
        }
    }
}

/// Decodes base64, with line breaks, with padding or without.
fn base64(text: &str, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    if text.len() / 4 * 3 > limits.max_bytes {
        return Err(Refusal::too_large(
            ("tệp đính kèm", "an attachment"),
            text.len() / 4 * 3,
            limits.max_bytes,
            "decode.max_bytes",
        ));
    }
    let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    ENGINE.decode(compact).map_err(|_| {
        Refusal::malformed(
            "tệp đính kèm trong gói tin edXML không phải base64 hợp lệ",
            "an attachment of the edXML packet is not valid base64",
        )
    })
}
