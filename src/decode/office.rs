//! DOC and RTF: LibreOffice makes them DOCX, which is read like any other.

use std::{io::ErrorKind, os::unix::net::UnixStream, time::SystemTime};

use super::{
    Limits, Refusal, RefusalReason, docx,
    external::{Program, Workshop},
};
use crate::document::Document;

/// An old word processor format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Word 97 to 2003.
    Doc,
    /// Rich Text Format.
    Rtf,
}

impl Kind {
    /// The format that the bytes tell. The streams of a compound file have names in UTF-16.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        const WORD: &[u8] = b"W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0";
        const LOCKED: &[u8] = b"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0";
        let has = |name: &[u8]| memchr::memmem::find(bytes, name).is_some();
        if bytes.starts_with(b"{\\rtf") {
            return Some(Self::Rtf);
        }
        (bytes.starts_with(b"\xD0\xCF\x11\xE0") && has(WORD) && !has(LOCKED)).then_some(Self::Doc)
    }

    fn media_type(self) -> &'static str {
        match self {
            Kind::Doc => "application/msword",
            Kind::Rtf => "application/rtf",
        }
    }

    fn file(self) -> &'static str {
        match self {
            Kind::Doc => "in.doc",
            Kind::Rtf => "in.rtf",
        }
    }
}

/// Decodes a DOC or RTF.
pub fn decode(bytes: &[u8], limits: &Limits, shop: &Workshop) -> Result<Document, Refusal> {
    let kind = Kind::of(bytes).unwrap_or(Kind::Doc);
    shop.programs.need(Program::LibreOffice)?;
    let path = shop.put(kind.file(), bytes)?;
    // A profile of its own: two LibreOffices cannot share one, and nobody's settings or macros apply.
    let profile = format!("-env:UserInstallation=file://{}", shop.folder.join("profile").display());
    let path = path.display().to_string();
    let arguments = [
        profile.as_str(),
        "--headless",
        "--norestore",
        "--nolockcheck",
        "--convert-to",
        "docx",
        "--outdir",
        "out",
        &path,
    ];
    let output = shop.run(Program::LibreOffice, &arguments)?;
    let converted = std::fs::read(shop.folder.join("out").join("in.docx")).map_err(|_| {
        if output.stderr.contains("password") {
            return Refusal::new(
                RefusalReason::Encrypted,
                "tệp có mật khẩu; hãy gửi bản không đặt mật khẩu",
                "the file asks for a password; send it without one",
            );
        }
        Refusal::malformed(
            "LibreOffice không mở được tệp: tệp bị hỏng hoặc có mật khẩu; hãy lưu lại thành DOCX",
            "LibreOffice cannot open the file: it is broken or asks for a password; save it as DOCX",
        )
    })?;
    let mut document = docx::decode(&converted, limits)?;
    document.media_type = kind.media_type();
    Ok(document)
}

/// Where LibreOffice makes and removes a socket, whatever it is told; nothing else may be made there.
pub const SOCKETS: &str = "/tmp";

/// Removes the sockets that a LibreOffice left that was killed since `start`.
pub fn sweep(start: SystemTime) {
    let Ok(entries) = std::fs::read_dir(SOCKETS) else {
        return;
    };
    for entry in entries.flatten() {
        let ours = entry.file_name().as_encoded_bytes().starts_with(b"OSL_PIPE_");
        let young = || {
            entry
                .metadata()
                .and_then(|meta| meta.modified())
                .is_ok_and(|at| at >= start)
        };
        let dead =
            || UnixStream::connect(entry.path()).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused);
        if ours && young() && dead() {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_bytes() {
        assert_eq!(Kind::of(b"{\\rtf1\\ansi"), Some(Kind::Rtf));
        let mut doc = b"\xD0\xCF\x11\xE0".to_vec();
        assert_eq!(Kind::of(&doc), None);
        doc.extend(b"W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0");
        assert_eq!(Kind::of(&doc), Some(Kind::Doc));
    }
}
