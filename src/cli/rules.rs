//! `baocao rules`: what is checked, and why.

use std::io::{self, Write};

use clap::{Args, Subcommand, ValueEnum};
use comfy_table::{ContentArrangement, Table, presets};

use super::{Error, Global, Lang, Result, Status, width};
use crate::{
    config::{Settings, nearest},
    validate::{self, RULES, Rule},
    worker::service,
};

/// List the rules that reports are checked by, or explain one
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Rules {
    #[command(subcommand)]
    command: Option<Command>,
    /// How to print the list
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What to do with rules.
#[derive(Debug, Subcommand)]
enum Command {
    /// Explain a rule: what it finds, why it matters, an example, how to fix it
    Explain {
        /// Id of the rule, such as sum-mismatch
        rule: String,
    },
    /// Print the page of all rules, as it stands in src/validate/RULES.md
    Page,
}

/// How the list is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
}

impl Rules {
    pub(super) fn run(self, global: &Global) -> Result {
        let text = match (self.command, self.format) {
            (Some(Command::Explain { rule }), _) => explain(&rule)?,
            (Some(Command::Page), _) => validate::page::all(),
            (None, Format::Table) => table(&global.settings()?, global.lang()),
            (None, Format::Json) => list(&global.settings()?),
        };
        io::stdout().write_all(text.as_bytes())?;
        Ok(Status::Fine)
    }
}

/// The documentation page of a rule.
fn explain(id: &str) -> Result<String> {
    match RULES.iter().find(|rule| rule.id == id) {
        Some(rule) => Ok(validate::page::of(rule)),
        None => {
            let hint = match nearest(id, RULES.iter().map(|rule| rule.id)) {
                Some(name) => format!("did you mean {name}?"),
                None => "`baocao rules` lists them".to_owned(),
            };
            Err(Error::new(format!("unknown rule {id}; {hint}")))
        }
    }
}

/// The severity in force ("off" for none).
fn in_force(rule: &Rule, settings: &Settings) -> &'static str {
    settings
        .rule_sets()
        .of("")
        .severity(rule)
        .map_or("off", |severity| severity.as_str())
}

fn table(settings: &Settings, lang: Lang) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width() as u16)
        .set_header(lang.pick(["QUY TẮC", "MỨC ĐỘ", "NỘI DUNG"], ["RULE", "SEVERITY", "WHAT IT FINDS"]));
    for rule in RULES {
        table.add_row([
            rule.id,
            in_force(rule, settings),
            lang.pick(rule.summary_vi, rule.summary_en),
        ]);
    }
    format!("{}\n", table.trim_fmt())
}

fn list(settings: &Settings) -> String {
    format!("{:#}\n", service::rule_list(settings))
}
