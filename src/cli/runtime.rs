//! What the commands on the bus share: the async runtime, signals, a connection.

use std::future::Future;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Error, Result};
use crate::{
    bus::{self, Connection},
    config::Settings,
};

/// Runs a command that waits for the network.
pub fn block_on<T>(command: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|cause| Error::caused("cannot start the async runtime", cause))?
        .block_on(command)
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

/// Connects to the bus of the settings.
pub async fn connect(settings: &Settings, name: &str) -> Result<Connection> {
    bus::connect(&settings.bus, name)
        .await
        .map_err(|cause| Error::caused("no connection to the bus", cause))
}
