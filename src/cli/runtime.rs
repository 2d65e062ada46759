//! What the commands on the bus share: the async runtime, signals, a connection.

use std::{future::Future, sync::OnceLock, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Error, Result};
use crate::{
    bus::{
        self, Connection,
        connect::{NO_ANSWERS, is_about_inbox},
    },
    config::Settings,
};

/// How long threads may go on when the command is done. One that reads a document cannot be
/// stopped from outside; whatever it is at by then has been given up and is delivered again.
const LAST_THREADS: Duration = Duration::from_millis(500);

/// Runs a command that waits for the network. The calling thread does all of that alone, which leaves the processors to
/// those that read documents; several threads would hand every message from one to the other.
pub fn block_on<T>(command: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| Error::caused("cannot start the async runtime", cause))?;
    let done = runtime.block_on(command);
    // Dropped, it would wait for a thread that hangs, for ever.
    runtime.shutdown_timeout(LAST_THREADS);
    match (done, complaint()) {
        (Err(error), Some(complaint)) if !error.is_broken_pipe() => {
            Err(Error::new(format!("{}; {complaint}", error.on_one_line())))
        }
        (done, _) => done,
    }
}

/// SIGTERM and SIGINT (Ctrl-C), caught from when this is made.
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Catches the signals from now on; within the runtime.
    pub fn new() -> Result<Self> {
        let catch = |kind| signal(kind).map_err(|cause| Error::caused("cannot catch signals", cause));
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The connection of this command, and the prefix of its inboxes.
static CONNECTION: OnceLock<(Connection, String)> = OnceLock::new();

/// Connects to the bus of the settings.
pub async fn connect(settings: &Settings, name: &str) -> Result<Connection> {
    let connection = bus::connect(&settings.bus, name)
        .await
        .map_err(|cause| Error::caused("no connection to the bus", cause))?;
    // Only a demonstration connects twice, and is denied nothing.
    let _ = CONNECTION.set((connection.clone(), settings.bus.inbox_prefix.clone()));
    Ok(connection)
}

/// What the server has complained of, if it has, and what to do: an error itself says only that no answer came.
pub fn complaint() -> Option<String> {
    let (connection, inbox_prefix) = CONNECTION.get()?;
    let complaint = connection.complaint()?;
    let advice = if is_about_inbox(&complaint, inbox_prefix) {
        NO_ANSWERS
    } else {
        "deploy/nats/baocao.conf has the permissions of each role"
    };
    Some(format!("the server said: {complaint}; {advice}"))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_thread_that_hangs_does_not_hold_up_the_end() {
        let began = Instant::now();
        let done = block_on(async {
            tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_secs(60)));
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(7)
        });
        assert_eq!(done.ok(), Some(7));
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
}
