//! `baocao objects`: looks after the documents that are too large for a message.

use std::{
    io::{self, Write},
    time::Duration,
};

use clap::{Args, Subcommand};

use super::{Error, Global, Result, Status, dead::time, runtime};
use crate::bus::sweep;

/// Look after documents and results too large for a message, which lie in the object store
#[derive(Debug, Args)]
pub struct Objects {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Delete objects that no report, result or dead letter names; prints a line for each: name, bytes, when, between
    /// tabs. Reads all streams, so it is for quiet hours
    Sweep {
        /// Only those older than this, such as 12h or 30d: a younger one may belong to a report that is being handed in
        #[arg(long, value_name = "TIME", value_parser = time, default_value = "7d")]
        older_than: Duration,
        /// Only print them
        #[arg(long)]
        dry_run: bool,
    },
}

impl Objects {
    pub(super) fn run(self, global: &Global) -> Result {
        let settings = global.settings()?;
        let Command::Sweep { older_than, dry_run } = self.command;
        runtime::block_on(async {
            let connection = runtime::connect(&settings, "baocao objects").await?;
            let orphans = sweep::orphans(&connection, older_than).await;
            let orphans = orphans.map_err(|cause| Error::caused("cannot look for objects to sweep", cause))?;
            for object in &orphans {
                if !dry_run {
                    let deleted = sweep::delete(&connection, object).await;
                    deleted.map_err(|cause| Error::caused("not all were swept", cause))?;
                }
                let when = prost_types::Timestamp::from(object.stored_at);
                writeln!(io::stdout(), "{}\t{}\t{when}", object.name, object.size)?;
            }
            let bytes: usize = orphans.iter().map(|object| object.size).sum();
            let count = orphans.len();
            let lang = global.lang();
            global.remark(match dry_run {
                true => lang.pick(
                    format!("{count} đối tượng, {bytes} byte; chưa làm gì (--dry-run)"),
                    format!("{count} objects, {bytes} bytes; nothing was done (--dry-run)"),
                ),
                false => lang.pick(
                    format!("đã xóa {count} đối tượng, {bytes} byte"),
                    format!("{count} objects deleted, {bytes} bytes"),
                ),
            });
            Ok(Status::Fine)
        })
    }
}
