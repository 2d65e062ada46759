//! Decoding in a child process of the same executable, so that a hostile file can at worst kill its
//! own decoder.
//!
//! A child is spawned ahead, used once and thrown away: what one document does to it, the next one
//! does not see. It gives up what it does not need ([`cage`]) before it reads a byte of the document.
//! The worker keeps the clock: at the deadline it kills the child with all the programs it runs.

use std::{
    io::{self, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant, SystemTime},
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

use super::{
    ExternalFormat, Limits, Refusal, RefusalReason,
    external::{Programs, SIGXCPU, limit},
};
use crate::{document::Document, telemetry::metrics};

mod cage;
mod child;
mod frames;

pub use cage::{has_landlock, has_seccomp};
pub use child::serve_stdio;
pub use frames::known;

/// The hidden command that makes this executable a decoder.
pub const COMMAND: &str = "decode-child";

/// Bounds on a decoder and the programs it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxLimits {
    /// Most address space of one process, in bytes.
    pub max_memory_bytes: u64,
    /// Most CPU seconds of one process.
    pub max_cpu_seconds: u64,
    /// How long one document may take.
    pub max_seconds: u64,
    /// Largest file that a process may write.
    pub max_file_bytes: u64,
    /// Most files that a process may have open.
    pub max_open_files: u64,
    /// Most that a program may print and a decoder may answer.
    pub max_output_bytes: usize,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self {
            max_memory_bytes: 1 << 30,
            max_cpu_seconds: 60,
            max_seconds: 240,
            max_file_bytes: 256 << 20,
            max_open_files: 256,
            max_output_bytes: 64 << 20,
        }
    }
}

/// How decoders run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bounds on each.
    pub limits: SandboxLimits,
    /// How many work at once.
    pub children: usize,
    /// How many wait for a document, spawned ahead.
    pub warm: usize,
    /// The program they are; none: this one.
    pub executable: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: SandboxLimits::default(),
            children: 4,
            warm: 2,
            executable: None,
        }
    }
}

/// Decodes documents: plain text where it is, everything else in a child process. Cheap to clone;
/// clones share their children.
#[derive(Clone, Debug)]
pub struct Decoder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    programs: Programs,
    executable: PathBuf,
    warm: Mutex<Vec<Decoding>>,
    /// How many work.
    busy: Mutex<usize>,
    freed: Condvar,
}

impl Decoder {
    /// A decoder whose children are this executable. Looks for external programs on the PATH.
    pub fn new(options: Options) -> Self {
        let executable = options.executable.clone().or_else(this_program);
        Self::with(options, executable.unwrap_or_default(), Programs::find())
    }

    /// A decoder whose children are another executable, with these programs.
    pub fn with(options: Options, executable: PathBuf, programs: Programs) -> Self {
        let shared = Shared {
            options,
            programs,
            executable,
            warm: Mutex::default(),
            busy: Mutex::default(),
            freed: Condvar::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Whether another one does the same: it has the same bounds and found the same programs.
    pub fn is_like(&self, other: &Self) -> bool {
        self.shared.options == other.shared.options && self.shared.programs == other.shared.programs
    }

    /// The programs found.
    pub fn programs(&self) -> &Programs {
        &self.shared.programs
    }

    /// Spawns the children that wait for documents.
    pub fn warm_up(&self) {
        self.shared.refill();
    }

    /// Decodes a document. Dropped before its end, the child is killed.
    pub async fn decode(&self, bytes: bytes::Bytes, media_type: &str, limits: &Limits) -> Result<Document, Refusal> {
        if super::is_plain(&bytes, media_type) {
            return super::decode(&bytes, media_type, limits);
        }
        let cancel = Arc::new(Cancel::default());
        let _guard = CancelOnDrop(Arc::clone(&cancel));
        let (shared, media_type, limits) = (Arc::clone(&self.shared), media_type.to_owned(), limits.clone());
        let work = move || shared.decode(&bytes, &media_type, &limits, &cancel);
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|_| Err(failed("the decoder's thread ended")))
    }

    /// Decodes a document, in the calling thread's time.
    pub fn decode_blocking(&self, bytes: &[u8], media_type: &str, limits: &Limits) -> Result<Document, Refusal> {
        if super::is_plain(bytes, media_type) {
            return super::decode(bytes, media_type, limits);
        }
        self.shared.decode(bytes, media_type, limits, &Cancel::default())
    }
}

impl Shared {
    fn decode(&self, bytes: &[u8], media_type: &str, limits: &Limits, cancel: &Cancel) -> Result<Document, Refusal> {
        if bytes.len() > limits.max_bytes {
            return super::decode(bytes, media_type, limits);
        }
        let _turn = self.turn();
        let format = ExternalFormat::of(bytes);
        let external = format.is_some();
        // What a packet carries is not known before it is opened.
        let office = matches!(format, Some(ExternalFormat::Office | ExternalFormat::Packet));
        let start = SystemTime::now();
        let folder = if external { Some(private_folder()?) } else { None };
        let job = frames::Job {
            media_type: media_type.to_owned(),
            limits: limits.clone(),
            sandbox: self.options.limits.clone(),
            programs: external.then(|| self.programs.clone()),
            sockets: office,
            folder: folder
                .as_ref()
                .map(|folder| folder.path().to_owned())
                .unwrap_or_default(),
        };
        let decoding = match lock(&self.warm).pop() {
            Some(warm) => warm,
            None => self.spawn()?,
        };
        let decoded = decoding.run(&job, bytes, cancel);
        if office {
            super::office::sweep(start);
        }
        self.refill();
        decoded
    }

    /// Waits until fewer decoders work than may.
    fn turn(&self) -> Turn<'_> {
        let busy = lock(&self.busy);
        let full = |busy: &mut usize| *busy >= self.options.children.max(1);
        let mut busy = self
            .freed
            .wait_while(busy, full)
            .unwrap_or_else(PoisonError::into_inner);
        *busy += 1;
        Turn(self)
    }

    fn refill(&self) {
        while lock(&self.warm).len() < self.options.warm {
            match self.spawn() {
                Ok(child) => lock(&self.warm).push(child),
                // The next document will say why.
                Err(_) => return,
            }
        }
    }

    fn spawn(&self) -> Result<Decoding, Refusal> {
        let child = Command::new(&self.executable)
            .arg0("baocao")
            .arg(COMMAND)
            .env_clear()
            .envs(std::env::var_os("TESSDATA_PREFIX").map(|prefix| ("TESSDATA_PREFIX", prefix)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| failed(&format!("cannot start a decoder: {error}")))?;
        metrics().children_started.inc();
        Ok(Decoding {
            group: Pid::from_child(&child),
            child,
        })
    }
}

fn this_program() -> Option<PathBuf> {
    // The link leads to this very program, even where its file has been replaced since.
    let link = PathBuf::from("/proc/self/exe");
    if link.exists() {
        Some(link)
    } else {
        std::env::current_exe().ok()
    }
}

/// The right to run a decoder.
struct Turn<'s>(&'s Shared);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.0.busy) -= 1;
        self.0.freed.notify_one();
    }
}

/// The lock, whoever panicked with it: what it guards is sound between any two steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder that only this user reads, gone with the value.
fn private_folder() -> Result<tempfile::TempDir, Refusal> {
    let folder = tempfile::Builder::new().prefix("baocao-").tempdir();
    folder.map_err(|error| failed(&format!("cannot make a temporary folder: {error}")))
}

fn failed(why: &str) -> Refusal {
    Refusal::new(
        RefusalReason::DecoderFailed,
        format!("bộ giải mã không chạy được: {why}"),
        format!("the decoder failed: {why}"),
    )
}

/// Tells a running decoding to stop.
#[derive(Debug, Default)]
struct Cancel {
    /// The child to be killed, while there is one; `Err` once cancelled.
    group: Mutex<CancelState>,
}

#[derive(Debug, Default)]
enum CancelState {
    #[default]
    NotStarted,
    Running(Pid),
    Cancelled,
}

impl Cancel {
    /// Notes the child; kills it at once where it has been cancelled already.
    fn started(&self, group: Pid) {
        let mut state = lock(&self.group);
        match *state {
            CancelState::Cancelled => kill(group),
            _ => *state = CancelState::Running(group),
        }
    }

    /// From here on the child's number may be another's. Whether it was cancelled.
    fn ended(&self) -> bool {
        let state = std::mem::replace(&mut *lock(&self.group), CancelState::NotStarted);
        matches!(state, CancelState::Cancelled)
    }

    fn cancel(&self) {
        let mut state = lock(&self.group);
        if let CancelState::Running(group) = *state {
            kill(group);
        }
        *state = CancelState::Cancelled;
    }
}

struct CancelOnDrop(Arc<Cancel>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn kill(group: Pid) {
    // Nobody left to kill is as good.
    let _ = kill_process_group(group, Signal::KILL);
}

/// A child process that decodes one document.
#[derive(Debug)]
struct Decoding {
    child: Child,
    group: Pid,
}

impl Drop for Decoding {
    fn drop(&mut self) {
        // Before it is waited for, its number cannot be another's.
        kill(self.group);
        let _ = self.child.wait();
    }
}

/// So much of a child's complaints is kept, in bytes.
const MAX_COMPLAINTS: u64 = 4 << 10;

impl Decoding {
    /// Sends the job and the document, waits for the answer until the deadline.
    fn run(mut self, job: &frames::Job, bytes: &[u8], cancel: &Cancel) -> Result<Document, Refusal> {
        let seconds = job.sandbox.max_seconds;
        let deadline = Instant::now() + Duration::from_secs(seconds);
        cancel.started(self.group);
        let answer = self.converse(job, bytes, deadline);
        let cancelled = cancel.ended();
        if let Err(silence) = &answer {
            metrics().children_killed.inc([silence.reason(cancelled)]);
        }
        match answer {
            Ok(answer) => {
                let answer: Result<frames::Answer, _> = serde_json::from_slice(&answer);
                let decoded = answer.map_err(|_| failed("its answer makes no sense"))??;
                let document = decoded.document(&job.limits);
                document.ok_or_else(|| failed("its answer contradicts itself or is too long"))
            }
            Err(Silence::Deadline) => Err(limit(
                ("thời gian", "time"),
                &format!("{seconds} s"),
                "decode.max_seconds",
            )),
            Err(Silence::TooLong) => Err(limit(
                ("kết quả", "output"),
                &job.sandbox.max_output_bytes.to_string(),
                "decode.max_output_bytes",
            )),
            Err(Silence::Died { status, complaints }) => Err(died(status, &complaints, &job.sandbox)),
        }
    }

    fn converse(&mut self, job: &frames::Job, bytes: &[u8], deadline: Instant) -> Result<Vec<u8>, Silence> {
        let max = job.sandbox.max_output_bytes;
        let (stdin, stdout, stderr) = (
            self.child.stdin.take(),
            self.child.stdout.take(),
            self.child.stderr.take(),
        );
        let (Some(stdin), Some(mut stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            return Err(self.silence(String::new()));
        };
        let (sender, receiver) = mpsc::channel();
        let group = self.group;
        let (answer, complaints) = thread::scope(|scope| {
            let writing = scope.spawn(move || send(stdin, job, bytes));
            scope.spawn(move || sender.send(frames::read(&mut stdout, max)));
            let complaints = scope.spawn(move || {
                let mut text = Vec::new();
                let _ = stderr.take(MAX_COMPLAINTS).read_to_end(&mut text);
                String::from_utf8_lossy(&text).into_owned()
            });
            let answer = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            // All has been said: whatever still runs ends now, and with it the threads.
            kill(group);
            // The input stays open until here: its end would tell the child that we are gone.
            drop(writing.join());
            (answer, complaints.join().unwrap_or_default())
        });
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.kind() == io::ErrorKind::FileTooLarge => Err(Silence::TooLong),
            Ok(Err(_)) => Err(self.silence(complaints)),
            Err(_) => Err(Silence::Deadline),
        }
    }

    fn silence(&mut self, complaints: String) -> Silence {
        Silence::Died {
            status: self.child.wait().ok(),
            complaints,
        }
    }
}

fn send(mut stdin: ChildStdin, job: &frames::Job, bytes: &[u8]) -> io::Result<ChildStdin> {
    frames::write(&mut stdin, &serde_json::to_vec(job)?)?;
    frames::write(&mut stdin, bytes)?;
    Ok(stdin)
}

/// Why there is no answer.
enum Silence {
    Deadline,
    TooLong,
    Died {
        status: Option<ExitStatus>,
        complaints: String,
    },
}

impl Silence {
    /// One word, for metrics.
    fn reason(&self, cancelled: bool) -> &'static str {
        match self {
            _ if cancelled => "cancelled",
            Silence::Deadline => "deadline",
            Silence::TooLong => "output",
            Silence::Died { complaints, .. } if is_out_of_memory(complaints) => "memory",
            Silence::Died { status, .. } => match status.and_then(|status| status.signal()) {
                Some(SIGXCPU) => "cpu",
                Some(_) => "crash",
                None => "silent",
            },
        }
    }
}

/// Whether a decoder complained so: as Rust says it when it aborts, as a library does, as the kernel does.
fn is_out_of_memory(complaints: &str) -> bool {
    let signs = ["memory allocation", "out of memory", "Cannot allocate memory"];
    signs.iter().any(|sign| complaints.contains(sign))
}

/// What a decoder died of.
fn died(status: Option<ExitStatus>, complaints: &str, limits: &SandboxLimits) -> Refusal {
    if is_out_of_memory(complaints) {
        let bytes = limits.max_memory_bytes.to_string();
        return limit(("bộ nhớ", "memory"), &bytes, "decode.max_memory_bytes");
    }
    match status.and_then(|status| status.signal()) {
        Some(SIGXCPU) => limit(
            ("thời gian CPU", "CPU time"),
            &format!("{} s", limits.max_cpu_seconds),
            "decode.max_cpu_seconds",
        ),
        Some(signal) => Refusal::malformed(
            format!("tệp làm bộ giải mã ngừng đột ngột (tín hiệu {signal}); tệp có thể bị hỏng hoặc độc hại"),
            format!("the file made its decoder crash (signal {signal}); it may be broken or hostile"),
        ),
        None => failed("it ended without an answer"),
    }
}
