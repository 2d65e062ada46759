//! `baocao dead`: looks at dead letters, hands them in again, throws them away.

use std::{
    io::{self, Write},
    time::Duration,
};

use clap::{Args, Subcommand, ValueEnum};

use super::{Error, Global, Lang, Result, Status, runtime};
use crate::bus::{
    Connection, Unit,
    dead::{self, Letter, Obstacle, Selection},
};

/// Look at dead letters (what could not be handled), hand them in again, throw them away
#[derive(Debug, Args)]
pub struct Dead {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a line for each: submission id, unit, when, reason, deliveries, bytes; between tabs
    List {
        #[command(flatten)]
        filter: Filter,
        /// text: a line with tabs; json: one object on each line
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Print all that is known of a letter; with --content the document itself, and nothing else
    Show {
        /// Submission id
        id: String,
        /// Write the message as it was handed in to standard output
        #[arg(long)]
        content: bool,
        #[command(flatten)]
        filter: Filter,
    },
    /// Hand letters in again under their ids. A refused result on the way is deleted, then the document is
    /// handed in, then the letter is deleted; interrupted in between, run it again. What has a result is left alone
    Replay {
        #[command(flatten)]
        choice: Choice,
    },
    /// Throw letters away for good
    Drop {
        #[command(flatten)]
        choice: Choice,
    },
}

/// Which letters.
#[derive(Debug, Args)]
struct Filter {
    /// Only of this body and the bodies below it, such as H50 or H50.12.3
    #[arg(long)]
    unit: Option<String>,
    /// Only those that died of this, such as not-text or poisonous
    #[arg(long)]
    reason: Option<String>,
    /// Only those not older than this, such as 30m, 12h or 7d
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Duration>,
}

/// Which letters to do something to.
#[derive(Debug, Args)]
struct Choice {
    /// Submission ids; all where there is another choice
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// All there are
    #[arg(long)]
    all: bool,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

/// How letters are printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Filter {
    fn selection(&self, ids: Vec<String>) -> Selection {
        Selection {
            ids,
            unit: self.unit.as_deref().map(Unit::new),
            reason: self.reason.clone(),
            since: self.since,
        }
    }
}

impl Choice {
    /// What is selected; everything only where that is said.
    fn selection(&self) -> Result<Selection> {
        let selection = self.filter.selection(self.ids.clone());
        if selection.is_everything() && !self.all {
            return Err(Error::new(
                "name submission ids, or --unit, --reason, --since, or --all",
            ));
        }
        Ok(selection)
    }
}

impl Dead {
    pub(super) fn run(self, global: &Global) -> Result {
        let settings = global.settings()?;
        runtime::block_on(async {
            let connection = runtime::connect(&settings, "baocao dead").await?;
            match self.command {
                Command::List { filter, format } => list(&connection, &filter.selection(Vec::new()), format).await,
                Command::Show { id, content, filter } => {
                    show(&connection, &filter.selection(vec![id]), content, global.lang()).await
                }
                Command::Replay { choice } => replay(&connection, &choice, global).await,
                Command::Drop { choice } => throw_away(&connection, &choice, global).await,
            }
        })
    }
}

async fn list(connection: &Connection, selection: &Selection, format: Format) -> Result {
    for letter in letters(connection, selection).await? {
        let line = match format {
            Format::Text => line(&letter),
            Format::Json => json(&letter).to_string(),
        };
        writeln!(io::stdout(), "{line}")?;
    }
    Ok(Status::Fine)
}

async fn show(connection: &Connection, selection: &Selection, content: bool, lang: Lang) -> Result {
    let letters = letters(connection, selection).await?;
    if content && letters.len() > 1 {
        return Err(Error::new("several units have used this id; name one with --unit"));
    }
    for letter in &letters {
        if content {
            let content = dead::content(connection, letter).await;
            let content = content.map_err(|cause| Error::caused("cannot read the letter", cause))?;
            io::stdout().write_all(&content)?;
        } else {
            write!(io::stdout(), "{}", description(letter, lang))?;
        }
    }
    missing(&letters, &selection.ids)
}

async fn replay(connection: &Connection, choice: &Choice, global: &Global) -> Result {
    let selection = choice.selection()?;
    let letters = letters(connection, &selection).await?;
    let lang = global.lang();
    let mut status = missing(&letters, &selection.ids)?;
    for letter in &letters {
        let failed = |cause| {
            let id = letter.submission();
            Error::caused(
                format!("{id} was not handed in again; its letter is still there"),
                cause,
            )
        };
        let plan = match dead::plan(connection, letter).await.map_err(failed)? {
            Ok(plan) => plan,
            Err(obstacle) => {
                status = Status::Failed;
                eprintln!("baocao: {}: {}", letter.submission(), reason(obstacle, lang));
                continue;
            }
        };
        if !choice.dry_run {
            dead::replay(connection, letter, &plan).await.map_err(failed)?;
        }
        writeln!(io::stdout(), "{}\t{}", letter.submission(), plan.subject)?;
    }
    dry(choice, letters.len(), global);
    Ok(status)
}

async fn throw_away(connection: &Connection, choice: &Choice, global: &Global) -> Result {
    let selection = choice.selection()?;
    let letters = letters(connection, &selection).await?;
    let status = missing(&letters, &selection.ids)?;
    for letter in &letters {
        if !choice.dry_run {
            let gone = dead::discard(connection, letter).await;
            gone.map_err(|cause| Error::caused(format!("{} was not dropped", letter.submission()), cause))?;
        }
        writeln!(io::stdout(), "{}", line(letter))?;
    }
    dry(choice, letters.len(), global);
    Ok(status)
}

async fn letters(connection: &Connection, selection: &Selection) -> Result<Vec<Letter>> {
    let letters = dead::letters(connection, selection).await;
    letters.map_err(|cause| Error::caused("cannot look at dead letters; has a worker created the streams?", cause))
}

/// Names the ids that have no letter.
fn missing(letters: &[Letter], ids: &[String]) -> Result {
    let mut status = Status::Fine;
    for id in ids {
        if !letters.iter().any(|letter| letter.submission() == id) {
            eprintln!("baocao: {id}: there is no such dead letter");
            status = Status::Failed;
        }
    }
    Ok(status)
}

fn dry(choice: &Choice, count: usize, global: &Global) {
    if choice.dry_run {
        let lang = global.lang();
        global.remark(lang.pick(
            format!("{count} thư; chưa làm gì (--dry-run)"),
            format!("{count} letters; nothing was done (--dry-run)"),
        ));
    }
}

/// Why a letter is not replayed.
fn reason(obstacle: Obstacle, lang: Lang) -> &'static str {
    match obstacle {
        Obstacle::Processed => lang.pick(
            "đã có kết quả; dùng `baocao dead drop` để bỏ thư này",
            "it has a result already; `baocao dead drop` throws the letter away",
        ),
        Obstacle::StillQueued => lang.pick(
            "thông điệp gốc còn trong hàng đợi; hãy thử lại sau",
            "the original message is in the queue still; try again in a moment",
        ),
        Obstacle::NoContent => lang.pick(
            "thư không chứa văn bản; người gửi phải gửi lại",
            "the document is not in the letter; its submitter has to hand it in again",
        ),
        Obstacle::NoOrigin => lang.pick(
            "không rõ thư này từ đâu đến",
            "it does not say where it came from; baocao did not write it",
        ),
    }
}

fn stored_at(letter: &Letter) -> String {
    prost_types::Timestamp::from(letter.stored_at).to_string()
}

fn line(letter: &Letter) -> String {
    let parts = [
        letter.submission().to_owned(),
        letter.unit.to_string(),
        stored_at(letter),
        letter.reason().to_owned(),
        letter.deliveries().to_owned(),
        letter.size.to_string(),
    ];
    // What a sender wrote may hold tabs.
    parts.map(|part| part.replace('\t', " ")).join("\t")
}

fn json(letter: &Letter) -> serde_json::Value {
    serde_json::json!({
        "submissionId": letter.submission(),
        "unit": letter.unit.to_string(),
        "storedAt": stored_at(letter),
        "reason": letter.reason(),
        "message": letter.message(),
        "stage": letter.stage(),
        "deliveries": letter.deliveries().parse::<u64>().ok(),
        "size": letter.size,
        "hasContent": letter.has_content(),
        "receivedOn": letter.received_on(),
        "sequence": letter.sequence,
    })
}

fn description(letter: &Letter, lang: Lang) -> String {
    let parts = [
        ("bài gửi", "submission", letter.submission().to_owned()),
        ("đơn vị", "unit", letter.unit.to_string()),
        ("thời điểm", "when", stored_at(letter)),
        ("lý do", "reason", letter.reason().to_owned()),
        ("chi tiết", "message", letter.message().to_owned()),
        ("công đoạn", "stage", letter.stage().to_owned()),
        ("số lần giao", "deliveries", letter.deliveries().to_owned()),
        ("kích thước", "bytes", letter.size.to_string()),
        ("gửi đến", "handed in on", letter.received_on().to_owned()),
        ("thư số", "letter", letter.sequence.to_string()),
    ];
    parts
        .iter()
        .map(|(vi, en, value)| format!("{}: {value}\n", lang.pick(vi, en)))
        .collect()
}

/// Reads "30m", "12h", "7d".
pub(super) fn time(text: &str) -> std::result::Result<Duration, String> {
    let expected = || "expected a number and s, m, h or d, such as 12h".to_owned();
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => 24 * 60 * 60,
        _ => return Err(expected()),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| expected())?;
    Ok(Duration::from_secs(u64::from(count) * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_a_unit() {
        assert_eq!(time("30m"), Ok(Duration::from_secs(1800)));
        assert_eq!(time("7d"), Ok(Duration::from_secs(604_800)));
        for wrong in ["", "h", "7", "-1h", "1w", "1.5h", "7đ"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
