//! Width and height of an image from its header, before anything decodes it: a small file may
//! unfold to a gigapixel.

use crate::decode::{Limits, Refusal};

/// An image format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// TIFF.
    Tiff,
}

impl Kind {
    /// The format that the first bytes tell.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        const MAGIC: [(&[u8], Kind); 4] = [
            (b"\x89PNG\r\n\x1a\n", Kind::Png),
            (b"\xFF\xD8\xFF", Kind::Jpeg),
            (b"II*\x00", Kind::Tiff),
            (b"MM\x00*", Kind::Tiff),
        ];
        let found = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic));
        found.map(|&(_, kind)| kind)
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Kind::Png => "image/png",
            Kind::Jpeg => "image/jpeg",
            Kind::Tiff => "image/tiff",
        }
    }
}

/// The format of an image, and width and height; of a TIFF the largest of its pages.
pub fn size(bytes: &[u8]) -> Result<(Kind, (u64, u64)), Refusal> {
    let kind = Kind::of(bytes).ok_or_else(broken)?;
    let size = match kind {
        Kind::Png => png(bytes),
        Kind::Jpeg => jpeg(bytes),
        Kind::Tiff => tiff(bytes),
    };
    let (width, height) = size
        .filter(|&(width, height)| width > 0 && height > 0)
        .ok_or_else(broken)?;
    Ok((kind, (width, height)))
}

/// Refuses an image of more pixels than the limit.
pub fn check((width, height): (u64, u64), limits: &Limits) -> Result<(), Refusal> {
    match width.saturating_mul(height) > limits.max_pixels {
        true => Err(too_many_pixels(limits)),
        false => Ok(()),
    }
}

/// The refusal for an image of too many pixels.
pub fn too_many_pixels(limits: &Limits) -> Refusal {
    let most = usize::try_from(limits.max_pixels).unwrap_or(usize::MAX);
    Refusal::too_many(
        ("số điểm ảnh của một trang", "pixels of a page"),
        most,
        "decode.max_pixels",
    )
}

fn broken() -> Refusal {
    Refusal::malformed("tệp ảnh bị hỏng hoặc không đầy đủ", "the image is broken or cut off")
}

fn png(bytes: &[u8]) -> Option<(u64, u64)> {
    (bytes.get(12..16)? == b"IHDR").then_some(())?;
    Some((big(bytes.get(16..20)?), big(bytes.get(20..24)?)))
}

/// Walks the segments up to the one that says the size.
fn jpeg(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut at = 2;
    loop {
        let marker = *bytes.get(at + 1).filter(|_| bytes.get(at) == Some(&0xFF))?;
        match marker {
            0xFF => at += 1,
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                return Some((big(bytes.get(at + 7..at + 9)?), big(bytes.get(at + 5..at + 7)?)));
            }
            0x01 | 0xD0..=0xD8 => at += 2,
            _ => at += 2 + usize::try_from(big(bytes.get(at + 2..at + 4)?)).ok()?.max(2),
        }
    }
}

/// Walks the directories, of which each is a page.
fn tiff(bytes: &[u8]) -> Option<(u64, u64)> {
    const MAX_PAGES: usize = 1000;
    let little = bytes.starts_with(b"II");
    let number = |at: usize, size: usize| {
        let bytes = bytes.get(at..at.checked_add(size)?)?;
        Some(if little {
            bytes.iter().rev().fold(0, push)
        } else {
            big(bytes)
        })
    };
    let mut directory = usize::try_from(number(4, 4)?).ok()?;
    let mut largest: Option<(u64, u64)> = None;
    for _ in 0..MAX_PAGES {
        if directory == 0 {
            break;
        }
        let entries = usize::try_from(number(directory, 2)?).ok()?;
        let (mut width, mut height) = (0, 0);
        for entry in 0..entries {
            let at = directory.checked_add(2 + 12 * entry)?;
            let value = match number(at + 2, 2)? {
                3 => number(at + 8, 2)?,
                _ => number(at + 8, 4)?,
            };
            match number(at, 2)? {
                256 => width = value,
                257 => height = value,
                _ => {}
            }
        }
        let area = |(width, height): (u64, u64)| width.saturating_mul(height);
        if largest.is_none_or(|size| area(size) < area((width, height))) {
            largest = Some((width, height));
        }
        directory = usize::try_from(number(directory.checked_add(2 + 12 * entries)?, 4)?).ok()?;
    }
    largest
}

fn big(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, push)
}

fn push(value: u64, byte: &u8) -> u64 {
    (value << 8) | u64::from(*byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_stand_in_headers() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x75\x30\0\0\x75\x30\x08\0\0\0\0";
        assert_eq!(size(png).unwrap(), (Kind::Png, (30_000, 30_000)));
        assert!(check((30_000, 30_000), &Limits::default()).is_err());
        let jpeg = b"\xFF\xD8\xFF\xE0\0\x04ab\xFF\xC0\0\x11\x08\x01\x02\x03\x04\x03";
        assert_eq!(size(jpeg).unwrap(), (Kind::Jpeg, (0x304, 0x102)));
        let mut tiff = b"II*\0\x08\0\0\0\x02\0".to_vec();
        tiff.extend(b"\0\x01\x03\0\x01\0\0\0\x10\x27\0\0\x01\x01\x04\0\x01\0\0\0\x20\x4e\0\0\0\0\0\0");
        assert_eq!(size(&tiff).unwrap(), (Kind::Tiff, (10_000, 20_000)));
        // A directory that follows itself ends, too.
        let end = tiff.len() - 4;
        tiff[end] = 8;
        assert_eq!(size(&tiff).unwrap().1, (10_000, 20_000));
    }

    #[test]
    fn cut_off_headers_are_broken() {
        for bytes in [
            &b""[..],
            b"\x89PNG\r\n\x1a\n\0\0",
            b"\xFF\xD8\xFF",
            b"II*\0\xFF\xFF\xFF\xFF",
            b"MM\0*\0\0\0\x08\xFF\xFF",
        ] {
            assert!(size(bytes).is_err());
        }
    }
}
