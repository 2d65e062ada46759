//! The decoder's side: one job, then the end.

use std::{
    fs::File,
    io::{self, Read, Write},
    panic::{self, AssertUnwindSafe},
    thread,
    time::{Duration, Instant},
};

use super::{
    cage,
    frames::{self, Answer, Decoded, Job},
};
use crate::{
    decode::{self, Refusal, RefusalReason, external::Workshop},
    document::Document,
};

/// A job is no longer than this.
const MAX_JOB: usize = 1 << 20;

/// Decodes one document: reads the job, gives up what it does not need, reads the document, answers.
pub fn serve(mut input: impl Read + Send + 'static, mut output: impl Write) -> io::Result<()> {
    let job = match frames::read(&mut input, MAX_JOB) {
        Ok(job) => job,
        // Spawned ahead and never needed.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
        Err(error) => return Err(error),
    };
    let job: Job = serde_json::from_slice(&job)?;
    cage::enter(&job)?;
    let bytes = frames::read(&mut input, job.limits.max_bytes.saturating_add(1))?;
    end_with_parent(input);
    let decode = || decode(&job, &bytes);
    let decoded = panic::catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err(defect()));
    let answer: Answer = decoded.map(Decoded::from);
    frames::write(&mut output, &serde_json::to_vec(&answer)?)
}

fn decode(job: &Job, bytes: &[u8]) -> Result<Document, Refusal> {
    match &job.programs {
        Some(programs) => {
            let shop = Workshop {
                folder: job.folder.clone(),
                programs: programs.clone(),
                max_output: job.sandbox.max_output_bytes,
                late_from: Instant::now() + Duration::from_secs(job.sandbox.max_seconds) / 2,
            };
            decode::decode_anything(bytes, &job.media_type, &job.limits, &shop)
        }
        None => decode::decode(bytes, &job.media_type, &job.limits),
    }
}

/// The parent keeps our input open while it lives; when it is gone, so are we, with the programs that
/// we run.
fn end_with_parent(mut input: impl Read + Send + 'static) {
    thread::spawn(move || {
        let _ = io::copy(&mut input, &mut io::sink());
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::KILL);
    });
}

fn defect() -> Refusal {
    Refusal::new(
        RefusalReason::DecoderFailed,
        "bộ giải mã gặp lỗi nội bộ với tệp này; hãy báo cho người quản trị",
        "the decoder has a defect that shows on this file; please report it",
    )
}

/// Serves on standard input and output.
pub fn serve_stdio() -> io::Result<()> {
    // A copy of the descriptor: the lock of `Stdin` would not leave this thread.
    let input = File::from(rustix::io::dup(io::stdin())?);
    serve(input, io::stdout().lock())
}
