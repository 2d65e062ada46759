//! External programs: found on the PATH, run on files in a private folder, their output capped.
//!
//! They run only in the decoder's child process, whose limits they inherit, and die with its process
//! group. Nothing here knows a format.

use std::{
    ffi::OsStr,
    fs,
    io::Read,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Instant,
};

use serde::{Deserialize, Serialize};

use super::{Refusal, RefusalReason};

/// A program that some formats need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Program {
    /// Text of a PDF with its places.
    PdfToText,
    /// The images of a PDF.
    PdfImages,
    /// A page of a PDF as an image.
    PdfToPpm,
    /// A page of a PDF as a drawing.
    PdfToCairo,
    /// Text of an image.
    Tesseract,
    /// Old word processor files as DOCX.
    LibreOffice,
}

impl Program {
    /// All of them.
    pub const ALL: [Program; 6] = [
        Program::PdfToText,
        Program::PdfImages,
        Program::PdfToPpm,
        Program::PdfToCairo,
        Program::Tesseract,
        Program::LibreOffice,
    ];

    /// Its name on the PATH.
    pub fn name(self) -> &'static str {
        match self {
            Program::PdfToText => "pdftotext",
            Program::PdfImages => "pdfimages",
            Program::PdfToPpm => "pdftoppm",
            Program::PdfToCairo => "pdftocairo",
            Program::Tesseract => "tesseract",
            Program::LibreOffice => "soffice",
        }
    }

    /// The Debian packages that hold it and what it needs.
    pub fn packages(self) -> &'static str {
        match self {
            Program::Tesseract => "tesseract-ocr tesseract-ocr-vie",
            Program::LibreOffice => "libreoffice-writer",
            _ => "poppler-utils",
        }
    }
}

/// The programs that are installed, by their paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programs {
    found: Vec<(String, PathBuf)>,
}

impl Programs {
    /// Looks for them in the folders of the PATH.
    pub fn find() -> Self {
        Self::find_in(&std::env::var_os("PATH").unwrap_or_default())
    }

    /// Looks for them in the folders of a search path.
    pub fn find_in(path: &OsStr) -> Self {
        let folders: Vec<PathBuf> = std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .collect();
        let find = |program: Program| {
            let paths = folders.iter().map(|folder| folder.join(program.name()));
            let path = paths.into_iter().find(|path| is_executable(path))?;
            Some((program.name().to_owned(), path))
        };
        Self {
            found: Program::ALL.into_iter().filter_map(find).collect(),
        }
    }

    /// Where a program is, if it is installed.
    pub fn path(&self, program: Program) -> Option<&Path> {
        let found = self.found.iter().find(|(name, _)| name == program.name());
        found.map(|(_, path)| path.as_path())
    }

    /// Where a program is; else a refusal that says which packages to install.
    pub fn need(&self, program: Program) -> Result<&Path, Refusal> {
        self.path(program).ok_or_else(|| missing(program))
    }

    /// The programs that are not installed.
    pub fn missing(&self) -> Vec<Program> {
        let all = Program::ALL.into_iter();
        all.filter(|&program| self.path(program).is_none()).collect()
    }

    /// The folders that hold them.
    pub fn folders(&self) -> impl Iterator<Item = PathBuf> + '_ {
        // A program may be a link into a folder of its own (LibreOffice is).
        self.found.iter().flat_map(|(_, path)| {
            let real = fs::canonicalize(path).ok();
            let folder = |path: &Path| path.parent().map(Path::to_owned);
            [folder(path), real.as_deref().and_then(folder)].into_iter().flatten()
        })
    }
}

fn missing(program: Program) -> Refusal {
    let (name, packages) = (program.name(), program.packages());
    Refusal::new(
        RefusalReason::MissingProgram,
        format!("cần chương trình {name}, chưa được cài; trên Debian: apt install {packages}"),
        format!("this needs the program {name}, which is not installed; on Debian: apt install {packages}"),
    )
}

/// Tesseract is there, its Vietnamese model is not.
pub fn missing_language() -> Refusal {
    Refusal::new(
        RefusalReason::MissingProgram,
        "tesseract chưa có mô hình tiếng Việt; trên Debian: apt install tesseract-ocr-vie",
        "tesseract has no Vietnamese model; on Debian: apt install tesseract-ocr-vie",
    )
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Where programs work: a private folder, the programs found, how much they may print.
#[derive(Clone, Debug)]
pub struct Workshop {
    /// The private folder.
    pub folder: PathBuf,
    /// The programs found.
    pub programs: Programs,
    /// Most bytes that a program may print.
    pub max_output: usize,
    /// From then on nothing is begun that could be left out.
    pub late_from: Instant,
}

/// What a program did.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// The beginning of what it complained of.
    pub stderr: String,
}

/// So much of a program's complaints is kept, in bytes.
const MAX_STDERR: usize = 8 << 10;

impl Workshop {
    /// Writes a file into the private folder.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Refusal> {
        let path = self.folder.join(name);
        fs::write(&path, bytes).map_err(|error| cannot("write", &error))?;
        Ok(path)
    }

    /// Runs a program to its end. That it failed is told by its status, that it died by a refusal.
    pub fn run<A: AsRef<OsStr>>(&self, program: Program, arguments: &[A]) -> Result<Output, Refusal> {
        let path = self.programs.need(program)?;
        let mut command = Command::new(path);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &self.folder)
            .env("TMPDIR", &self.folder)
            .env("LC_ALL", "C.UTF-8")
            // One page a program: pages in parallel are quicker than threads in one page.
            .env("OMP_THREAD_LIMIT", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(prefix) = std::env::var_os("TESSDATA_PREFIX") {
            command.env("TESSDATA_PREFIX", prefix);
        }
        let mut child = command.spawn().map_err(|error| cannot(program.name(), &error))?;
        let output = self.collect(&mut child);
        if output.is_err() {
            let _ = child.kill();
        }
        let status = child.wait().map_err(|error| cannot(program.name(), &error))?;
        let (stdout, stderr) = output?;
        let output = Output { status, stdout, stderr };
        match died(program, &output) {
            Some(refusal) => Err(refusal),
            None => Ok(output),
        }
    }

    /// Reads both pipes, stdout up to the limit.
    fn collect(&self, child: &mut Child) -> Result<(Vec<u8>, String), Refusal> {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let complaints = thread::spawn(move || {
            let mut kept = Vec::new();
            if let Some(mut pipe) = stderr {
                let _ = pipe.by_ref().take(MAX_STDERR as u64).read_to_end(&mut kept);
                // The rest is read, too, so that the program does not wait for us.
                let _ = std::io::copy(&mut pipe, &mut std::io::sink());
            }
            String::from_utf8_lossy(&kept).into_owned()
        });
        let mut printed = Vec::new();
        if let Some(pipe) = stdout {
            let mut capped = pipe.take(self.max_output as u64 + 1);
            capped
                .read_to_end(&mut printed)
                .map_err(|error| cannot("read", &error))?;
        }
        if printed.len() > self.max_output {
            return Err(limit(
                ("lượng văn bản giải mã được", "output"),
                &self.max_output.to_string(),
                "decode.max_output_bytes",
            ));
        }
        Ok((printed, complaints.join().unwrap_or_default()))
    }
}

/// The refusal for a limit that a decoder ran into: what, how much, which setting.
pub fn limit(what: (&str, &str), value: &str, setting: &str) -> Refusal {
    Refusal::new(
        RefusalReason::LimitExceeded,
        format!(
            "giải mã vượt giới hạn {} {value} ({setting}); tệp có thể bị hỏng hoặc độc hại",
            what.0
        ),
        format!(
            "decoding went over the limit of {value} for {} ({setting}); the file may be broken or hostile",
            what.1
        ),
    )
}

/// Something that the machine refused; no fault of the document.
fn cannot(what: &str, error: &std::io::Error) -> Refusal {
    Refusal::new(
        RefusalReason::DecoderFailed,
        format!("bộ giải mã không làm được: {what}: {error}"),
        format!("the decoder could not do its work: {what}: {error}"),
    )
}

/// Why a program died, where it did not end by itself.
fn died(program: Program, output: &Output) -> Option<Refusal> {
    let name = program.name();
    let memory = [
        "bad_alloc",
        "Out of memory",
        "out of memory",
        "Cannot allocate",
        "not enough memory",
    ];
    if memory.iter().any(|sign| output.stderr.contains(sign)) && !output.status.success() {
        return Some(limit(("bộ nhớ", "memory"), name, "decode.max_memory_bytes"));
    }
    match output.status.signal()? {
        SIGXCPU => Some(limit(("thời gian CPU", "CPU time"), name, "decode.max_cpu_seconds")),
        SIGXFSZ => Some(limit(
            ("kích thước tệp tạm", "file size"),
            name,
            "decode.max_file_bytes",
        )),
        signal => Some(Refusal::malformed(
            format!("tệp làm chương trình {name} ngừng đột ngột (tín hiệu {signal})"),
            format!("the file made the program {name} crash (signal {signal})"),
        )),
    }
}

/// Sent to a process that has used up its CPU seconds; the same number on all Linux platforms we build for.
pub const SIGXCPU: i32 = libc::SIGXCPU;
const SIGXFSZ: i32 = libc::SIGXFSZ;
