//! ZIP packages (DOCX, XLSX, zipped attachments), read part by part under one budget of bytes.

use std::io::{self, Cursor, Read};

use zip::{ZipArchive, result::ZipError};

use super::{Limits, Refusal, RefusalReason};

/// An opened package.
pub struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// How many more bytes its parts may expand to.
    budget: usize,
    limit: usize,
}

impl<'a> Package<'a> {
    /// Opens a package; its parts are not read yet.
    pub fn open(bytes: &'a [u8], limits: &Limits) -> Result<Self, Refusal> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
        if archive.len() > limits.max_parts {
            return Err(Refusal::too_many(
                ("số phần trong gói ZIP", "the number of parts in the ZIP package is"),
                limits.max_parts,
                "decode.max_parts",
            ));
        }
        Ok(Self {
            archive,
            budget: limits.max_expanded_bytes,
            limit: limits.max_expanded_bytes,
        })
    }

    /// Names of the parts, in the package's order; those that are not text are left out.
    pub fn names(&self) -> Vec<String> {
        self.archive
            .file_names()
            .filter_map(|name| name.ok().map(|name| name.into_owned()))
            .collect()
    }

    /// Whether there is a part of this name.
    pub fn part_exists(&self, name: &str) -> bool {
        self.index(name).is_some()
    }

    /// Programs write names with a leading slash, with backslashes or in other case.
    fn index(&self, name: &str) -> Option<usize> {
        self.archive.index_for_name(name).or_else(|| {
            let same = |other: &&[u8]| {
                let other = String::from_utf8_lossy(other).replace('\\', "/");
                other.trim_start_matches('/').eq_ignore_ascii_case(name)
            };
            let other = self.archive.file_names_raw().find(same)?;
            self.archive.index_for_name_raw(other)
        })
    }

    /// The bytes of a part; None when there is none of this name.
    pub fn part(&mut self, name: &str) -> Result<Option<Vec<u8>>, Refusal> {
        match self.index(name) {
            Some(index) => self.read(index).map(Some),
            None => Ok(None),
        }
    }

    /// Expands every part and keeps none: whether all of them are within the budget, for readers that have none.
    pub fn measure(&mut self) -> Result<(), Refusal> {
        for index in 0..self.archive.len() {
            let file = self.archive.by_index(index).map_err(|error| broken(&error))?;
            let size = io::copy(&mut file.take(self.budget as u64 + 1), &mut io::sink())
                .map_err(|error| broken(&ZipError::Io(error)))?;
            self.budget = self.budget.checked_sub(size as usize).ok_or_else(|| over(self.limit))?;
        }
        Ok(())
    }

    fn read(&mut self, index: usize) -> Result<Vec<u8>, Refusal> {
        let file = self.archive.by_index(index).map_err(|error| broken(&error))?;
        if file.size() > self.budget as u64 {
            return Err(over(self.limit));
        }
        // The declared size may lie: what counts is what comes out.
        let mut bytes = Vec::with_capacity((file.size() as usize).min(1 << 20));
        file.take(self.budget as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| broken(&ZipError::Io(error)))?;
        if bytes.len() > self.budget {
            return Err(over(self.limit));
        }
        self.budget -= bytes.len();
        Ok(bytes)
    }
}

fn over(limit: usize) -> Refusal {
    Refusal::too_many(
        (
            "dung lượng sau giải nén (byte)",
            "the size after decompression, in bytes, is",
        ),
        limit,
        "decode.max_expanded_bytes",
    )
}

fn broken(error: &ZipError) -> Refusal {
    if matches!(error, ZipError::UnsupportedArchive(text) if *text == ZipError::PASSWORD_REQUIRED) {
        return encrypted();
    }
    if matches!(error, ZipError::CompressionMethodNotSupported(_)) {
        return Refusal::malformed(
            "gói ZIP dùng phương pháp nén không được hỗ trợ; hãy lưu lại tài liệu",
            "the ZIP package uses a compression method that is not read; save the document again",
        );
    }
    Refusal::malformed(
        "gói ZIP bị hỏng hoặc bị cắt cụt; hãy gửi lại tệp",
        "the ZIP package is broken or truncated; send the file again",
    )
}

/// The refusal of a document that asks for a password.
pub fn encrypted() -> Refusal {
    Refusal::new(
        RefusalReason::Encrypted,
        "tài liệu được bảo vệ bằng mật khẩu; hãy bỏ mật khẩu rồi gửi lại",
        "the document is protected by a password; remove it and send the document again",
    )
}
