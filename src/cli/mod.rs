//! The command line: one file for each command, and what they share.
//!
//! Exit status: 0 when all went well, 1 when `check` finds an error, 2 for wrong usage, wrong
//! settings and input that cannot be read.

use std::{io::IsTerminal, path::PathBuf};

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{Loaded, Settings, Sources};

mod check;
mod config;
mod dead;
mod decode_child;
mod demo;
mod doctor;
mod error;
mod events;
mod extract;
mod health;
mod input;
mod lang;
mod objects;
mod progress;
mod reload;
mod rules;
mod runtime;
mod schema;
mod submit;
mod vocabulary;
mod watch;
mod worker;

pub use error::Error;
pub use lang::Lang;

/// The flag `--set` behind a command.
const SET_BEHIND: &str = "set_behind";

/// What a command hands back.
pub type Result<T = Status> = std::result::Result<T, Error>;

/// What became of a command; the number is the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// All went well.
    Fine = 0,
    /// A report has errors; something else that was to be checked is not as it should be.
    Findings = 1,
    /// Wrong usage, or input that cannot be read.
    Failed = 2,
}

/// Reads and checks Vietnamese administrative reports (báo cáo): on a NATS message bus, or file by
/// file as a linter does.
#[derive(Debug, Parser)]
#[command(
    name = "baocao",
    version,
    max_term_width = 100,
    after_help = "Exit status: 0 all well, 1 `check` found errors, 2 wrong usage, settings or input."
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags of all commands.
#[derive(Debug, Args)]
struct Global {
    /// Settings file (TOML); else the one that BAOCAO_CONFIG names
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set any setting, such as --set worker.concurrency=4; may be given several times
    // Not global: clap would let those behind the command replace those before it.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    /// Language of messages [default: vi if LC_ALL, LC_MESSAGES or LANG says so, else en]
    #[arg(long, global = true, value_name = "LANGUAGE")]
    lang: Option<Lang>,
    /// Print results only, no remarks on the way
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more; twice: everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    Extract(extract::Extract),
    Rules(rules::Rules),
    Vocabulary(vocabulary::PrintVocabulary),
    Schema(schema::Schema),
    Config(config::PrintConfig),
    Worker(worker::Worker),
    Submit(submit::Submit),
    Watch(watch::Watch),
    Reload(reload::Reload),
    Doctor(doctor::Doctor),
    Health(health::Health),
    #[command(hide = true)]
    DecodeChild(decode_child::DecodeChild),
    Dead(dead::Dead),
    Objects(objects::Objects),
    Demo(demo::Demo),
}

impl Cli {
    /// The command line of this process; ends it with a message where it is wrong.
    pub fn of_process() -> Self {
        let matches = Self::with_set_everywhere().get_matches();
        let mut cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let mut behind = matches.subcommand();
        while let Some((_, command)) = behind {
            let more = command.try_get_many::<String>(SET_BEHIND).ok().flatten();
            let more = more.into_iter().flatten();
            cli.global.set.extend(more.cloned());
            behind = command.subcommand();
        }
        cli
    }

    /// The definition of the command line, with `--set` behind each command, too.
    fn with_set_everywhere() -> clap::Command {
        let root = Self::command();
        let set = root
            .get_arguments()
            .find(|argument| argument.get_id() == "set")
            .cloned();
        let set = set.map(|set| set.id(SET_BEHIND));
        root.mut_subcommands(|command| match command.get_name() {
            "help" => command,
            _ => command.mut_subcommands(|command| command.args(&set)).args(&set),
        })
    }

    /// Runs the command.
    pub fn run(self) -> Result {
        let Self { global, command } = self;
        match command {
            Command::Check(command) => command.run(&global),
            Command::Extract(command) => command.run(&global),
            Command::Rules(command) => command.run(&global),
            Command::Vocabulary(command) => command.run(&global),
            Command::Schema(command) => command.run(&global),
            Command::Config(command) => command.run(&global),
            Command::DecodeChild(command) => command.run(),
            Command::Worker(command) => command.run(&global),
            Command::Submit(command) => command.run(&global),
            Command::Watch(command) => command.run(&global),
            Command::Reload(command) => command.run(&global),
            Command::Doctor(command) => command.run(&global),
            Command::Health(command) => command.run(&global),
            Command::Dead(command) => command.run(&global),
            Command::Objects(command) => command.run(&global),
            Command::Demo(command) => command.run(&global),
        }
    }
}

impl Global {
    /// The settings in force, and where they come from.
    fn load(&self) -> Result<Loaded> {
        Settings::load(&self.sources()).map_err(|error| Error::caused("wrong settings", error))
    }

    /// Where settings come from.
    fn sources(&self) -> Sources {
        let mut flags = Vec::new();
        // First, so that an explicit --set telemetry.log=… beats -q and -v.
        match (self.quiet, self.verbose) {
            (true, _) => flags.push("telemetry.log=warn".to_owned()),
            (_, 0) => {}
            (_, 1) => flags.push("telemetry.log=debug".to_owned()),
            _ => flags.push("telemetry.log=trace".to_owned()),
        }
        flags.extend(self.set.iter().cloned());
        Sources::of_process(self.config.clone(), flags)
    }

    fn settings(&self) -> Result<Settings> {
        Ok(self.load()?.settings)
    }

    fn lang(&self) -> Lang {
        self.lang.unwrap_or_else(Lang::of_environment)
    }

    /// A remark for the person in front of the screen, on stderr.
    fn remark(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            eprintln!("baocao: {text}");
        }
    }
}

/// Width for what is printed: that of the terminal, else one that suits a log.
fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    columns.or_else(terminal).unwrap_or(100).clamp(60, 160)
}

/// Whether stdout takes colours: it is a terminal, and `NO_COLOR` does not forbid them.
fn colours() -> bool {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !forbidden && !dumb && std::io::stdout().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::with_set_everywhere().debug_assert();
    }
}
