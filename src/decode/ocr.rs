//! Scans and images: Tesseract's words with their places and how sure it is of them.

use std::{
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    Limits, Refusal,
    external::{Program, Workshop},
    geometry::{self, Page, Word},
};
use crate::document::Document;

pub mod fields;
pub mod image;
mod mend;

/// Words that recognition is less sure of, in percent, are seals and scribbles.
const MIN_CONFIDENCE: f32 = 12.0;

/// What recognised text is said to be encoded in.
pub const ENCODING: &str = "OCR";

/// Decodes an image: one page, or as many as a TIFF has.
pub fn decode(bytes: &[u8], limits: &Limits, shop: &Workshop) -> Result<Document, Refusal> {
    let (kind, size) = image::size(bytes)?;
    image::check(size, limits)?;
    let path = shop.put("in.image", bytes)?;
    let pages = read(shop, &path, None)?;
    super::pdf::checked(geometry::document(&pages, kind.media_type(), ENCODING), limits)
}

/// Decodes what Tesseract printed as TSV, by itself.
pub fn decode_tsv(output: &str, limits: &Limits) -> Result<Document, Refusal> {
    let mut pages = tsv(output);
    for (index, page) in pages.iter_mut().enumerate() {
        mend::page(page, &[], index == 0);
    }
    super::pdf::checked(geometry::document(&pages, "image/png", ENCODING), limits)
}

/// Recognises the pages of a PDF whose indices are given, several at once, and puts them in place.
pub fn pages(
    pdf: &Path,
    pages: &mut [Page],
    indices: &[usize],
    limits: &Limits,
    shop: &Workshop,
) -> Result<(), Refusal> {
    if indices.len() > limits.max_ocr_pages {
        let what = ("số trang phải nhận dạng chữ", "pages to recognise");
        return Err(Refusal::too_many(what, limits.max_ocr_pages, "decode.max_ocr_pages"));
    }
    let workers = match limits.ocr_parallel {
        0 => thread::available_parallelism().map_or(1, usize::from),
        some => some,
    };
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let layers: &[Page] = pages;
    let work = || {
        while let Some(&index) = indices.get(next.fetch_add(1, Ordering::Relaxed)) {
            let recognised = page(pdf, index, &layers[index], limits, shop);
            let failed = recognised.is_err();
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((index, recognised));
            if failed {
                // The document is refused: the other pages need not be read.
                next.store(indices.len(), Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..workers.min(indices.len()) {
            scope.spawn(work);
        }
        work();
    });
    for (index, recognised) in done.into_inner().unwrap_or_else(PoisonError::into_inner) {
        pages[index] = recognised?;
    }
    Ok(())
}

/// One page of a PDF, in points.
fn page(pdf: &Path, index: usize, layer: &Page, limits: &Limits, shop: &Workshop) -> Result<Page, Refusal> {
    let (width, height) = (layer.width, layer.height);
    let dpi = dpi((width, height), limits)?;
    let number = index + 1;
    let image = render(pdf, number, dpi, &format!("page-{number}"), None, shop)?;
    let mut page = read(shop, &image, Some(dpi))?.into_iter().next().unwrap_or_default();
    // A page may take megabytes: it goes before the next one comes.
    let _ = std::fs::remove_file(&image);
    scale(&mut page, 72.0 / dpi as f32);
    (page.width, page.height) = (width, height);
    if index == 0 {
        fields::read_again(pdf, &mut page, shop)?;
    }
    mend::page(&mut page, &layer.words, index == 0);
    Ok(page)
}

/// The resolution of the settings, less for pages so large that their images would have too many pixels.
fn dpi((width, height): (f32, f32), limits: &Limits) -> Result<u32, Refusal> {
    /// Below it nothing can be read.
    const LEAST: f32 = 60.0;
    let square_inches = (width / 72.0) * (height / 72.0);
    let most = (limits.max_pixels as f32 / square_inches.max(0.01)).sqrt();
    let dpi = (limits.ocr_dpi as f32).min(most);
    if !dpi.is_finite() || dpi < LEAST {
        return Err(image::too_many_pixels(limits));
    }
    Ok(dpi as u32)
}

/// Draws a page, or a part of it (in pixels: left, top, width, height), as a gray image.
fn render(
    pdf: &Path,
    number: usize,
    dpi: u32,
    name: &str,
    part: Option<[u32; 4]>,
    shop: &Workshop,
) -> Result<std::path::PathBuf, Refusal> {
    let number = number.to_string();
    let mut arguments: Vec<String> = [
        "-r",
        &dpi.to_string(),
        "-gray",
        "-f",
        &number,
        "-l",
        &number,
        "-singlefile",
    ]
    .map(str::to_owned)
    .into();
    if let Some(part) = part {
        for (option, value) in ["-x", "-y", "-W", "-H"].iter().zip(part) {
            arguments.extend([(*option).to_owned(), value.to_string()]);
        }
    }
    arguments.push(pdf.display().to_string());
    arguments.push(name.to_owned());
    shop.run(Program::PdfToPpm, &arguments)?;
    Ok(shop.folder.join(format!("{name}.pgm")))
}

/// Reads an image.
fn read(shop: &Workshop, image: &Path, dpi: Option<u32>) -> Result<Vec<Page>, Refusal> {
    let image_name = image.display().to_string();
    let mut arguments = vec![image_name.as_str(), "stdout", "-l", "vie", "--psm", "1"];
    // Gray images do not say it, and a guess costs letters.
    let dpi = dpi.map(|dpi| dpi.to_string());
    if let Some(dpi) = &dpi {
        arguments.extend(["--dpi", dpi]);
    }
    arguments.push("tsv");
    let output = shop.run(Program::Tesseract, &arguments)?;
    if !output.status.success() {
        return Err(failed(&output.stderr));
    }
    Ok(tsv(&String::from_utf8_lossy(&output.stdout)))
}

fn failed(complaint: &str) -> Refusal {
    if complaint.contains("vie.traineddata") || complaint.contains("loading language 'vie'") {
        return super::external::missing_language();
    }
    Refusal::malformed(
        "không đọc được ảnh: tệp ảnh bị hỏng hoặc không đầy đủ",
        "the image cannot be read: it is broken or cut off",
    )
}

fn scale(page: &mut Page, factor: f32) {
    for word in &mut page.words {
        for edge in [&mut word.x0, &mut word.y0, &mut word.x1, &mut word.y1] {
            *edge *= factor;
        }
    }
}

/// What Tesseract prints: a row for each page, block, paragraph, line and word.
fn tsv(output: &str) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    let mut sums = (0.0, 0.0);
    let mut line = 0;
    let mut at = ("", "", "");
    for row in output.lines() {
        let fields: Vec<&str> = row.splitn(12, '\t').collect();
        let [
            level,
            _,
            block,
            paragraph,
            number,
            _,
            left,
            top,
            width,
            height,
            confidence,
            text,
        ] = fields[..]
        else {
            continue;
        };
        let numbers: Vec<f32> = [left, top, width, height, confidence]
            .iter()
            .filter_map(|field| field.parse().ok())
            .collect();
        let [left, top, width, height, confidence] = numbers[..] else {
            continue;
        };
        if level == "1" {
            pages.push(Page {
                width,
                height,
                confidence: Some(0),
                ..Page::default()
            });
            sums = (0.0, 0.0);
            continue;
        }
        let Some(page) = pages.last_mut().filter(|_| level == "5") else {
            continue;
        };
        if at != (block, paragraph, number) {
            line += 1;
            at = (block, paragraph, number);
        }
        let text = cleaned(text);
        if confidence < MIN_CONFIDENCE || text.is_empty() {
            continue;
        }
        let characters = text.chars().count() as f32;
        sums = (sums.0 + confidence * characters, sums.1 + characters);
        page.confidence = Some((sums.0 / sums.1).clamp(0.0, 100.0) as u8);
        page.words.push(Word {
            x0: left,
            y0: top,
            x1: left + width,
            y1: top + height,
            text,
            block: block.parse().unwrap_or_default(),
            line,
            confidence: Some(confidence),
        });
    }
    pages
}

/// A word as it was meant: look-alikes mapped, rules and specks dropped.
fn cleaned(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let text: String = text
        .nfc()
        .filter(|c| !c.is_control() && *c != '|')
        .map(|c| match c {
            'Ð' | 'Ɖ' => 'Đ',
            'ð' => 'đ',
            c => c,
        })
        .collect();
    let says =
        text.chars().any(char::is_alphanumeric) || matches!(text.as_str(), "-" | "–" | "+" | "*" | "/" | "%" | "&");
    if says { text } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_with_places_and_pages_with_confidence() {
        let output = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n\
            1\t1\t0\t0\t0\t0\t0\t0\t1654\t2339\t-1\t\n\
            5\t1\t1\t1\t1\t1\t100\t50\t40\t20\t90.5\tÐảng\n\
            5\t1\t1\t1\t1\t2\t150\t50\t40\t20\t5\tseal\n\
            5\t1\t1\t1\t2\t1\t150\t80\t40\t20\t70.5\t|ủy|\n";
        let pages = tsv(output);
        assert_eq!(pages.len(), 1);
        assert_eq!((pages[0].width, pages[0].confidence), (1654.0, Some(83)));
        let words: Vec<(&str, u32)> = pages[0]
            .words
            .iter()
            .map(|word| (word.text.as_str(), word.line))
            .collect();
        assert_eq!(words, [("Đảng", 1), ("ủy", 2)]);
    }

    #[test]
    fn huge_pages_are_drawn_smaller_or_not_at_all() {
        let limits = Limits::default();
        assert_eq!(dpi((595.0, 842.0), &limits).unwrap(), 200);
        assert!(dpi((5950.0, 8420.0), &limits).unwrap() < 100);
        assert!(dpi((1e6, 1e6), &limits).is_err());
    }
}
