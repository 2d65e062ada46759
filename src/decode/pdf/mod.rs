//! PDF: poppler's words with their places, put together by [`geometry`](super::geometry).

use std::{ffi::OsStr, path::Path};

use super::{
    Limits, Refusal, RefusalReason,
    encoding::Legacy,
    external::{Output, Program, Workshop},
    geometry::{self, Page},
    ocr,
};
use crate::document::Document;

pub mod bbox;
mod legacy;
pub mod rules;
pub mod scans;

const MEDIA_TYPE: &str = "application/pdf";
const ENCODING: &str = "PDF";

/// Decodes a PDF: the text of its pages, and by character recognition those that are scans.
pub fn decode(bytes: &[u8], limits: &Limits, shop: &Workshop) -> Result<Document, Refusal> {
    let bytes = without_junk(bytes)?;
    let path = shop.put("in.pdf", bytes)?;
    let output = shop.run(
        Program::PdfToText,
        &[
            "-bbox-layout".as_ref(),
            "-enc".as_ref(),
            "UTF-8".as_ref(),
            path.as_os_str(),
            "-".as_ref(),
        ],
    )?;
    let mut pages = bbox::pages(&String::from_utf8_lossy(&output.stdout));
    if !output.status.success() || pages.is_empty() {
        return Err(refused(&output));
    }
    let legacy = legacy::decode(&mut pages);
    let scans = scans::indices(&path, &pages, shop)?;
    if !scans.is_empty() {
        ocr::pages(&path, &mut pages, &scans, limits, shop)?;
    }
    draw_rules(&path, &mut pages, &scans, shop);
    let encoding = match legacy {
        _ if scans.len() == pages.len() => ocr::ENCODING,
        Some(legacy) => legacy.name(),
        None => ENCODING,
    };
    checked(geometry::document(&pages, MEDIA_TYPE, encoding), limits)
}

/// Finds the rules of pages that may have tables. Without them the document is read all the same.
fn draw_rules(pdf: &Path, pages: &mut [Page], scans: &[usize], shop: &Workshop) {
    for (index, page) in pages.iter_mut().enumerate() {
        if scans.contains(&index) || !geometry::may_have_tables(page) {
            continue;
        }
        let number = (index + 1).to_string();
        let arguments = [
            "-svg".as_ref(),
            "-f".as_ref(),
            number.as_ref(),
            "-l".as_ref(),
            number.as_ref(),
        ];
        let arguments: Vec<&OsStr> = arguments.into_iter().chain([pdf.as_os_str(), "-".as_ref()]).collect();
        if let Ok(output) = shop.run(Program::PdfToCairo, &arguments) {
            page.rules = rules::read(&String::from_utf8_lossy(&output.stdout));
        }
    }
}

/// Decodes what `pdftotext -bbox-layout` printed, and for the first page `pdftocairo -svg`, by itself: scans among the pages stay what their text layers say.
pub fn decode_layout(output: &str, limits: &Limits) -> Result<Document, Refusal> {
    let mut pages = bbox::pages(output);
    if let Some(page) = pages.first_mut() {
        page.rules = rules::read(output);
    }
    let encoding = legacy::decode(&mut pages).map_or(ENCODING, Legacy::name);
    checked(geometry::document(&pages, MEDIA_TYPE, encoding), limits)
}

/// The document, if it has text and no more than the limit.
pub fn checked(document: Document, limits: &Limits) -> Result<Document, Refusal> {
    if document.text.len() > limits.max_text_bytes {
        return Err(Refusal::too_large(
            ("văn bản", "the text"),
            document.text.len(),
            limits.max_text_bytes,
            "decode.max_text_bytes",
        ));
    }
    match document.text.trim().is_empty() {
        true => Err(no_text()),
        false => Ok(document),
    }
}

/// Nothing was found that could be read.
fn no_text() -> Refusal {
    Refusal::new(
        RefusalReason::Empty,
        "tài liệu không có chữ nào đọc được",
        "no text can be read in the document",
    )
}

/// The bytes from `%PDF` on: gateways and mail programs put others in front.
fn without_junk(bytes: &[u8]) -> Result<&[u8], Refusal> {
    let head = &bytes[..bytes.len().min(super::PDF_HEAD)];
    memchr::memmem::find(head, b"%PDF-")
        .map(|at| &bytes[at..])
        .ok_or_else(|| {
            Refusal::malformed(
                "không phải tệp PDF: thiếu dấu hiệu %PDF ở đầu tệp",
                "not a PDF: it does not begin with %PDF",
            )
        })
}

/// Why poppler would not read a file, from what it complained of.
fn refused(output: &Output) -> Refusal {
    if output.stderr.contains("Incorrect password") || output.stderr.contains("ncrypted") {
        return Refusal::new(
            RefusalReason::Encrypted,
            "tệp PDF có mật khẩu; hãy gửi bản không đặt mật khẩu",
            "the PDF asks for a password; send it without one",
        );
    }
    Refusal::malformed(
        "tệp PDF bị hỏng hoặc không đầy đủ; hãy xuất lại và gửi lại",
        "the PDF is broken or cut off; export it again and send it again",
    )
}
