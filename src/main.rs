//! The command line: parses, runs a command, turns what became of it into an exit status.

use std::{panic, process::ExitCode};

use baocao::cli::{Cli, Status};

fn main() -> ExitCode {
    panic::set_hook(Box::new(|info| {
        // One line and no document text: a report may be confidential, a panic message may quote it.
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        eprintln!("baocao: internal error at {place}; please report it together with what was read");
    }));
    let status = match Cli::of_process().run() {
        Ok(status) => status,
        Err(error) if error.is_broken_pipe() => Status::Fine,
        Err(error) => {
            eprintln!("baocao: {}", error.on_one_line());
            Status::Failed
        }
    };
    ExitCode::from(status as u8)
}
