//! edXML packets (QCVN 102:2016/BTTTT): an envelope and attachments in one XML file.
//!
//! Read tolerantly: any namespace and prefix, any order, `Bussiness` and `Business`, `cid:` on either side, attachments
//! that are zipped, or labelled as if they were, or packets themselves.

mod read;
pub mod status;

use super::{Limits, Refusal, RefusalReason, package::Package};
use crate::{document::Document, packet::AttachedFile};

pub use read::{Attachment, Packet, envelope, read};

/// The media type of edXML.
pub const MEDIA_TYPE: &str = "application/vnd.edxml+xml";
/// A packet in a ZIP in a packet is read so deep.
const MAX_NESTING: usize = 3;

/// A decoder of documents: of their bytes and the media type they are said to be of.
pub type Decoder<'d> = dyn FnMut(&[u8], &str) -> Result<Document, Refusal> + 'd;

/// Decodes the attachments of a packet, of formats that need no external program.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Document, Refusal> {
    decode_with(bytes, limits, &mut |bytes, media_type| {
        super::decode(bytes, media_type, limits)
    })
}

/// Decodes the attachments of a packet with a decoder of documents. The first that reads like a document's main file is
/// the document; of the others it says whether they can be read. The envelope stands in the document.
pub fn decode_with(bytes: &[u8], limits: &Limits, decode: &mut Decoder<'_>) -> Result<Document, Refusal> {
    let Packet { envelope, attachments } = read(bytes, limits)?;
    if let Some(status) = &envelope.status {
        return Err(Refusal::new(
            RefusalReason::NoReport,
            format!("gói tin trạng thái {:02}, không kèm văn bản", status.code),
            format!("a status packet ({:02}) without a document", status.code),
        ));
    }
    let files = unpack(attachments, limits)?;
    let mut order: Vec<usize> = (0..files.len()).collect();
    // The sort keeps the order of equals.
    order.sort_by_key(|&index| rank(&files[index].name));
    let mut main = None;
    let mut read: Vec<(usize, AttachedFile)> = Vec::with_capacity(files.len());
    let mut refused = None;
    for index in order {
        let file = &files[index];
        let decoded = match &file.broken {
            // What the packet calls them is often wrong: their bytes decide.
            None => decode(&file.bytes, ""),
            Some(refusal) => Err(refusal.clone()),
        };
        read.push((index, attached(file, main.is_none(), &decoded)));
        match decoded {
            Ok(document) => main = main.or(Some(document)),
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    let Some(mut document) = main else {
        return Err(refused.unwrap_or_else(|| {
            Refusal::new(
                RefusalReason::Empty,
                "gói tin edXML không kèm tệp văn bản nào",
                "the edXML packet has no attachment",
            )
        }));
    };
    read.sort_by_key(|(index, _)| *index);
    document.envelope = Some(Box::new(envelope));
    document.attachments = read.into_iter().map(|(_, file)| file).collect();
    Ok(document)
}

/// What became of reading a file; the first that can be read is the document.
fn attached(file: &Unpacked, is_first: bool, decoded: &Result<Document, Refusal>) -> AttachedFile {
    let read = match decoded {
        Ok(document) => {
            let length = u32::try_from(document.text.chars().count()).unwrap_or(u32::MAX);
            Ok((document.media_type.to_owned(), length))
        }
        Err(refusal) => Err(refusal.clone()),
    };
    AttachedFile {
        name: file.name.clone(),
        size: file.bytes.len() as u64,
        is_main: is_first && read.is_ok(),
        read,
    }
}

/// Why a file beside the document was not read.
pub fn no_time() -> Refusal {
    Refusal::new(
        RefusalReason::LimitExceeded,
        "chưa đọc tệp này: văn bản chính đã dùng hết nửa thời gian cho phép (decode.max_seconds)",
        "not read: the files before it took half of the time that there is (decode.max_seconds)",
    )
}

/// A file in an attachment, or an attachment that holds none.
struct Unpacked {
    name: String,
    bytes: Vec<u8>,
    /// Why it cannot be opened.
    broken: Option<Refusal>,
}

/// The files in the attachments: those in ZIP archives and in packets within as well.
fn unpack(attachments: Vec<Attachment>, limits: &Limits) -> Result<Vec<Unpacked>, Refusal> {
    let mut files = Vec::new();
    let mut budget = limits.max_expanded_bytes;
    let mut open: Vec<(Attachment, usize)> = attachments.into_iter().rev().map(|file| (file, 0)).collect();
    while let Some((file, nesting)) = open.pop() {
        if files.len() + open.len() >= limits.max_attachments {
            return Err(too_many(limits));
        }
        let inner = match super::sniff::media_type(&file.bytes) {
            Some(MEDIA_TYPE) if nesting >= MAX_NESTING => Some(Err(too_deep())),
            None if file.bytes.starts_with(b"PK\x03\x04") && nesting >= MAX_NESTING => Some(Err(too_deep())),
            Some(MEDIA_TYPE) => Some(read(&file.bytes, limits).map(|packet| packet.attachments)),
            None if file.bytes.starts_with(b"PK\x03\x04") => Some(unzip(&file.bytes, &mut budget, limits)),
            _ => None,
        };
        let broken = match inner {
            Some(Ok(inner)) => {
                open.extend(inner.into_iter().rev().map(|file| (file, nesting + 1)));
                continue;
            }
            Some(Err(refusal)) => Some(refusal),
            None if file.bytes.is_empty() => Some(Refusal::new(
                RefusalReason::Empty,
                "tệp đính kèm rỗng",
                "an attachment is empty",
            )),
            None => None,
        };
        files.push(Unpacked {
            name: file.name,
            bytes: file.bytes,
            broken,
        });
    }
    Ok(files)
}

fn too_deep() -> Refusal {
    Refusal::new(
        RefusalReason::TooLarge,
        format!("gói tin, tệp nén lồng nhau quá {MAX_NESTING} lớp"),
        format!("packets and archives within one another, more than {MAX_NESTING} deep"),
    )
}

fn too_many(limits: &Limits) -> Refusal {
    Refusal::too_many(
        ("số tệp đính kèm", "the number of attachments is"),
        limits.max_attachments,
        "decode.max_attachments",
    )
}

/// The files of a ZIP archive.
fn unzip(bytes: &[u8], budget: &mut usize, limits: &Limits) -> Result<Vec<Attachment>, Refusal> {
    let inner = Limits {
        max_expanded_bytes: *budget,
        ..limits.clone()
    };
    let mut package = Package::open(bytes, &inner)?;
    let names: Vec<String> = package
        .names()
        .into_iter()
        .filter(|name| !name.ends_with('/'))
        .collect();
    if names.len() > limits.max_attachments {
        return Err(too_many(limits));
    }
    let mut files = Vec::new();
    for name in names {
        if let Some(bytes) = package.part(&name)? {
            *budget = budget.saturating_sub(bytes.len());
            let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            files.push(Attachment {
                name,
                media_type: String::new(),
                bytes,
            });
        }
    }
    Ok(files)
}

/// How likely a file is the main one, by its name: smaller is likelier.
fn rank(name: &str) -> u8 {
    let name = name.to_lowercase();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let appendix = [
        "phụ lục",
        "phu luc",
        "phuluc",
        "phu_luc",
        "bieu",
        "biểu",
        "_pl",
        "pl_",
        "pl.",
    ]
    .iter()
    .any(|word| name.contains(word));
    let kind = match ending {
        "docx" | "doc" | "pdf" | "rtf" | "odt" => 0,
        "txt" | "html" | "htm" => 1,
        "xlsx" | "xls" => 3,
        "p7s" | "cer" | "xml" => 5,
        _ => 2,
    };
    kind * 2 + u8::from(appendix)
}

#[cfg(test)]
mod tests;
