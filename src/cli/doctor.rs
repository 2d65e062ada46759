//! `baocao doctor`: looks at everything a worker needs, and says what to do about what is not right.

use std::{
    fmt,
    io::{self, Write},
    process::{Command, Stdio},
    time::Duration,
};

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;

use super::{Global, Result, Status, runtime};
use crate::{
    bus::{
        self, Connection, ErrorKind, Unit,
        connect::{NO_ANSWERS, is_about_inbox},
        inspect, topology,
    },
    config::{Provision, Settings, Stages},
    decode::{
        external::{Program, Programs},
        sandbox::{self, Decoder, has_landlock, has_seccomp},
    },
};

/// The oldest server that is tested against.
const OLDEST_SERVER: (u64, u64) = (2, 9);

/// A clock further off than this puts reports on the wrong day now and then.
const CLOCK_OFF: Duration = Duration::from_secs(60);
/// A clock further off than this makes nonsense of ages and expiries.
const CLOCK_WRONG: Duration = Duration::from_secs(3600);

/// From here on a limit is nearly reached, in percent.
const NEARLY_FULL: u64 = 90;

/// Less room for temporary files than this is little, in bytes.
const LITTLE_ROOM: u64 = 512 << 20;

/// Smallest `max_payload` at which most results fit into a message.
const USUAL_PAYLOAD: usize = 1 << 20;

/// How long a program may take to say its version.
const PROGRAM_PATIENCE: Duration = Duration::from_secs(20);

/// Look at all that a worker needs (connection, streams, permissions, limits, clock, programs,
/// sandbox) and say what to do about what is not right; changes nothing; exit status 1 when
/// something fails
#[derive(Debug, Args)]
pub struct Doctor {
    /// text: for reading; json: one object with all checks
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How checks are printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    /// It works, but not all of it, or not for long.
    Warn,
    /// A worker cannot work so.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    /// What, in one word for programs.
    check: &'static str,
    level: Level,
    /// What was found.
    found: String,
    /// What to do about it; empty where there is nothing to do.
    advice: String,
}

/// The checks, as they come.
#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, check: &'static str, level: Level, found: impl fmt::Display, advice: impl Into<String>) {
        self.0.push(Check {
            check,
            level,
            found: found.to_string(),
            advice: advice.into(),
        });
    }

    fn ok(&mut self, check: &'static str, found: impl fmt::Display) {
        self.add(check, Level::Ok, found, "");
    }

    fn warn(&mut self, check: &'static str, found: impl fmt::Display, advice: impl Into<String>) {
        self.add(check, Level::Warn, found, advice);
    }

    fn fail(&mut self, check: &'static str, found: impl fmt::Display, advice: impl Into<String>) {
        self.add(check, Level::Fail, found, advice);
    }

    fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|check| check.level == level).count()
    }
}

impl Doctor {
    pub(super) fn run(self, global: &Global) -> Result {
        let settings = global.settings()?;
        let mut checks = Checks::default();
        checks.ok("settings", "valid");
        look_at_vocabulary(&settings, &mut checks);
        runtime::block_on(async {
            look_at_bus(&settings, &mut checks).await;
            Ok(())
        })?;
        look_at_programs(&mut checks);
        look_at_sandbox(&settings, &mut checks);
        look_at_temporary_folder(&mut checks);
        let mut out = io::stdout().lock();
        match self.format {
            Format::Text => print(&mut out, &checks)?,
            Format::Json => {
                let [ok, warn, fail] = [Level::Ok, Level::Warn, Level::Fail].map(|level| checks.count(level));
                let all = json!({ "ok": ok, "warn": warn, "fail": fail, "checks": checks.0 });
                writeln!(out, "{all:#}")?;
            }
        }
        Ok(match checks.count(Level::Fail) {
            0 => Status::Fine,
            _ => Status::Findings,
        })
    }
}

fn print(out: &mut impl Write, checks: &Checks) -> Result<()> {
    let widest = checks.0.iter().map(|check| check.check.len()).max().unwrap_or(0);
    for Check {
        check,
        level,
        found,
        advice,
    } in &checks.0
    {
        let level = match level {
            Level::Ok => "ok  ",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        writeln!(out, "{level}  {check:widest$}  {found}")?;
        if !advice.is_empty() {
            writeln!(out, "      {:widest$}  → {advice}", "")?;
        }
    }
    let (warn, fail) = (checks.count(Level::Warn), checks.count(Level::Fail));
    writeln!(out, "{} checks: {fail} failed, {warn} with a warning", checks.0.len())?;
    Ok(())
}

fn look_at_vocabulary(settings: &Settings, checks: &mut Checks) {
    let overlay = &settings.vocabulary.overlay;
    match settings.vocabulary() {
        Ok(_) if overlay.is_empty() => {}
        Ok(vocabulary) => checks.ok(
            "vocabulary",
            format_args!("{} entries of {overlay}", vocabulary.overlaid),
        ),
        Err(error) => {
            let advice = "correct it and look with `baocao vocabulary`; a worker does not start with it, and one that runs \
                          keeps what it has";
            checks.fail("vocabulary", with_cause(&error), advice);
        }
    }
}

/// An error and why it came about, on one line.
fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

async fn look_at_bus(settings: &Settings, checks: &mut Checks) {
    let connection = match bus::connect(&settings.bus, "baocao doctor").await {
        Ok(connection) => connection,
        Err(error) => {
            let advice = match error.kind() {
                ErrorKind::Unauthorized => "check bus.user and bus.password, or the file with the credentials",
                ErrorKind::Settings => "correct the settings under [bus]",
                _ => "check bus.url, whether the server runs, and whether a firewall stands between",
            };
            checks.fail("connection", error, advice);
            return;
        }
    };
    let server = connection.client.server_info();
    checks.ok("connection", format_args!("{}:{}", server.host, server.port));
    look_at_server(&server, checks);
    look_at_account(&connection, checks).await;
    let complaint = connection.complaint().unwrap_or_default();
    if is_about_inbox(&complaint, &settings.bus.inbox_prefix) {
        // Nothing more can be asked.
        return checks.fail("inbox", complaint, NO_ANSWERS);
    }
    look_at_streams(&connection, settings, checks).await;
    let has_consumer = look_at_consumer(&connection, settings, checks).await;
    look_at_permissions(&connection, settings, has_consumer, checks).await;
    look_at_clock(&connection, settings, checks).await;
}

fn look_at_server(server: &async_nats::ServerInfo, checks: &mut Checks) {
    let mut numbers = server
        .version
        .split('.')
        .map(|number| number.parse::<u64>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let name = format!("nats-server {}", server.version);
    if version < OLDEST_SERVER {
        checks.fail("server", name, "update it to 2.9 or newer");
    } else {
        checks.ok("server", name);
    }
    let payload = server.max_payload;
    if payload < USUAL_PAYLOAD {
        let advice =
            "set max_payload of the server to at least 1MB, or results are split into message and object store";
        checks.warn("max-payload", format_args!("{payload} bytes"), advice);
    } else {
        checks.ok("max-payload", format_args!("{payload} bytes"));
    }
}

async fn look_at_account(connection: &Connection, checks: &mut Checks) {
    match inspect::storage(connection).await {
        Ok((used, Some(limit))) if used.saturating_mul(100) >= limit.saturating_mul(NEARLY_FULL) => checks.warn(
            "storage",
            format_args!("{used} of {limit} bytes in use"),
            "raise the limit of the account, or set bus.keep_days; a full store takes no more reports",
        ),
        Ok((used, Some(limit))) => checks.ok("storage", format_args!("{used} of {limit} bytes in use")),
        Ok((used, None)) => checks.ok("storage", format_args!("{used} bytes in use, no limit")),
        Err(error) => checks.warn(
            "storage",
            error,
            "nothing, if this user may not ask; else switch JetStream on in the server",
        ),
    }
}

async fn look_at_streams(connection: &Connection, settings: &Settings, checks: &mut Checks) {
    let creates = settings.bus.provision == Provision::Missing;
    for stream in inspect::look_at_streams(connection, &settings.bus, settings.worker.stages).await {
        let name = &stream.name;
        let (info, drifts) = match stream.found {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::Missing && creates => {
                let advice = "nothing: a worker creates it when it starts (bus.provision = \"missing\")";
                checks.warn("stream", format_args!("{name} is not there"), advice);
                continue;
            }
            Err(error) if error.kind() == ErrorKind::Missing => {
                let advice = "create it, or let a worker do so (bus.provision = \"missing\")";
                checks.fail("stream", format_args!("{name} is not there"), advice);
                continue;
            }
            Err(error) => {
                let advice = format!("let this user publish to $JS.API.STREAM.INFO.{name} (deploy/nats/baocao.conf)");
                checks.fail("stream", error, advice);
                continue;
            }
        };
        let (messages, bytes) = (info.state.messages, info.state.bytes);
        let limit = u64::try_from(info.config.max_bytes).unwrap_or(0);
        if limit > 0 && bytes * 100 >= limit * NEARLY_FULL {
            checks.warn(
                "stream",
                format_args!("{name}: {bytes} of {limit} bytes in use"),
                "raise max_bytes of the stream",
            );
        }
        for drift in &drifts {
            let advice = "change it on the server if that was not meant; a worker leaves it as it is";
            checks.warn("stream", drift, advice);
        }
        if drifts.is_empty() {
            checks.ok("stream", format_args!("{name}: {messages} messages, {bytes} bytes"));
        }
    }
}

/// Whether there may be one.
async fn look_at_consumer(connection: &Connection, settings: &Settings, checks: &mut Checks) -> bool {
    let looked = inspect::look_at_consumer(connection, &settings.worker).await;
    let is_missing = matches!(&looked, Err(error) if error.kind() == ErrorKind::Missing);
    match looked {
        Ok((info, drifts)) => {
            for drift in &drifts {
                let advice = "change it on the server if that was not meant; a worker leaves it as it is";
                checks.warn("consumer", drift, advice);
            }
            let (waiting, open) = (info.num_pending, info.num_ack_pending);
            let found = format!("{}: {waiting} wait, {open} in work", info.name);
            // Workers that have enough to do do not ask for more.
            if info.num_waiting == 0 && waiting > 0 && open == 0 {
                checks.warn("consumer", found, "start a worker: nobody takes what waits");
            } else {
                checks.ok("consumer", found);
            }
        }
        Err(error) if error.kind() == ErrorKind::Missing && settings.bus.provision == Provision::Missing => {
            let advice = "nothing: a worker creates it when it starts (bus.provision = \"missing\")";
            let name = connection.names.consumer();
            checks.warn("consumer", format_args!("{name} is not there"), advice);
        }
        Err(error) if error.kind() == ErrorKind::Missing => {
            let advice = "create it, or let a worker do so (bus.provision = \"missing\")";
            checks.fail("consumer", error, advice);
        }
        Err(error) => {
            let advice = "let this user publish to $JS.API.CONSUMER.INFO of it (deploy/nats/baocao.conf)";
            checks.fail("consumer", error, advice);
        }
    }
    !is_missing
}

/// What a worker publishes and asks for.
async fn look_at_permissions(connection: &Connection, settings: &Settings, has_consumer: bool, checks: &mut Checks) {
    let names = &connection.names;
    let unit = Unit::new("");
    let stages = settings.worker.stages;
    let mut subjects = vec![
        names.processed(&unit, "doctor"),
        names.alert("info", "doctor", &unit, "doctor", 0),
        names.dead(&unit, "doctor"),
    ];
    if stages == Stages::Extract {
        subjects.push(names.extracted(&unit, "doctor"));
    }
    let patience = Duration::from_secs(settings.bus.request_timeout_seconds);
    let publishes = subjects
        .iter()
        .cloned()
        .map(|subject| inspect::may_publish(connection, subject));
    let (published, pulled) = tokio::join!(
        futures::future::join_all(publishes),
        inspect::may_pull(connection, stages, patience)
    );
    let mut allowed = Vec::new();
    for (subject, may) in subjects.iter().zip(published) {
        match may {
            Ok(()) => allowed.push(subject.as_str()),
            // Said of the stream already.
            Err(error) if error.kind() == ErrorKind::Missing => {}
            Err(error) => checks.fail(
                "permission",
                error,
                "let this user publish there, as the worker in deploy/nats/baocao.conf",
            ),
        }
    }
    match pulled {
        Ok(()) => allowed.push("messages of the consumer"),
        Err(error) if error.kind() == ErrorKind::Missing || !has_consumer => {}
        Err(error) => checks.fail(
            "permission",
            error,
            "let this user publish to $JS.API.CONSUMER.MSG.NEXT, as the worker in deploy/nats/baocao.conf",
        ),
    }
    if !allowed.is_empty() {
        checks.ok("permission", format_args!("may use {}", allowed.join(", ")));
    }
}

async fn look_at_clock(connection: &Connection, settings: &Settings, checks: &mut Checks) {
    let stream = topology::input_stream(&connection.names, settings.worker.stages);
    let Some(difference) = inspect::clock(connection, &stream).await else {
        let remark = "not compared: servers before 2.10, or without the stream, do not tell the time";
        checks.ok("clock", remark);
        return;
    };
    let (off, direction) = match difference {
        Ok(off) => (off, "ahead of"),
        Err(off) => (off, "behind"),
    };
    let found = format!("the server is {off:.1?} {direction} this machine");
    let advice = "let both follow a time server (chrony, systemd-timesyncd)";
    if off > CLOCK_WRONG {
        checks.fail("clock", found, advice);
    } else if off > CLOCK_OFF {
        checks.warn("clock", found, advice);
    } else {
        checks.ok("clock", found);
    }
}

fn look_at_programs(checks: &mut Checks) {
    let programs = Programs::find();
    for program in Program::ALL {
        let name = program.name();
        let Some(path) = programs.path(program) else {
            let advice = format!(
                "where documents that need it come: apt-get install {}",
                program.packages()
            );
            checks.warn("program", format_args!("{name} is not installed"), advice);
            continue;
        };
        let question = match program {
            Program::Tesseract | Program::LibreOffice => "--version",
            _ => "-v",
        };
        match said_by(path, &[question]) {
            Some(said) => {
                let version = said.lines().next().unwrap_or_default().trim().to_owned();
                checks.ok("program", format_args!("{name}: {version}"));
            }
            None => checks.warn(
                "program",
                format_args!("{} does not say its version", path.display()),
                format!("install it anew: apt-get install --reinstall {}", program.packages()),
            ),
        }
        if program == Program::Tesseract {
            let languages = said_by(path, &["--list-langs"]).unwrap_or_default();
            if !languages.lines().any(|language| language.trim() == "vie") {
                let advice = "apt-get install tesseract-ocr-vie";
                checks.warn("program", "tesseract does not know Vietnamese", advice);
            }
        }
    }
}

/// What a program prints, on either output; None if it fails or takes too long.
fn said_by(path: &std::path::Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(path);
    command.args(arguments).stdin(Stdio::null());
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(command.output()));
    let output = is_done.recv_timeout(PROGRAM_PATIENCE).ok()?.ok()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (!said.trim().is_empty()).then_some(said)
}

/// A document that only a child process decodes.
const PAGE: &[u8] = b"<!DOCTYPE html><html><body><p>a</p></body></html>";

fn look_at_sandbox(settings: &Settings, checks: &mut Checks) {
    let decoder = Decoder::new(sandbox::Options {
        warm: 0,
        ..settings.sandbox()
    });
    match decoder.decode_blocking(PAGE, "text/html", &settings.limits()) {
        Ok(_) => checks.ok("decoder", "its process starts and answers"),
        Err(refusal) => checks.fail(
            "decoder",
            refusal.message_en,
            "check decode.executable and the limits under [decode]; documents other than plain text are refused so",
        ),
    }
    let without = "decoders still have bounds of memory and time; for more, use a kernel (5.13 or newer) and a container \
                   runtime that allow it";
    match has_landlock() {
        true => checks.ok("landlock", "decoders see no files but their own"),
        false => checks.warn("landlock", "not available here", without),
    }
    match has_seccomp() {
        true => checks.ok("seccomp", "decoders have no network and few system calls"),
        false => checks.warn("seccomp", "not available here", without),
    }
}

fn look_at_temporary_folder(checks: &mut Checks) {
    let folder = std::env::temp_dir();
    let shown = folder.display();
    let written = tempfile::Builder::new()
        .prefix("baocao-")
        .tempfile()
        .and_then(|mut file| file.write_all(PAGE));
    if let Err(error) = written {
        let advice =
            "make it writable for this user, mount a volume there, or set TMPDIR; PDF, scans, DOC and RTF need it";
        checks.fail(
            "temporary-folder",
            format_args!("cannot write in {shown}: {error}"),
            advice,
        );
        return;
    }
    match rustix::fs::statvfs(&folder) {
        Ok(volume) if volume.f_bavail.saturating_mul(volume.f_frsize) < LITTLE_ROOM => {
            let free = volume.f_bavail.saturating_mul(volume.f_frsize);
            let advice = "make room: scans of many pages need some hundred megabytes";
            checks.warn("temporary-folder", format_args!("{shown}: {free} bytes free"), advice);
        }
        _ => checks.ok("temporary-folder", format_args!("{shown} is writable")),
    }
}
