//! `baocao worker`: takes reports off the bus until it is told to stop.

use std::sync::Arc;

use clap::Args;

use super::{
    Error, Global, Result, Status,
    runtime::{self, Stop},
};
use crate::{
    config::Settings,
    telemetry,
    vocabulary::Vocabulary,
    worker::{self, Reread},
};

/// Take reports off the bus, publish structure, findings and alerts; SIGTERM or Ctrl-C ends it
/// after what is in flight
#[derive(Debug, Args)]
pub struct Worker {}

impl Worker {
    pub(super) fn run(self, global: &Global) -> Result {
        // The first report would wait for the tables; settings and the bus take their time, too.
        std::thread::spawn(|| worker::job::build_tables(Vocabulary::embedded()));
        let settings = global.settings()?;
        let sources = global.sources();
        let reread: Reread = Box::new(move || Settings::load(&sources).map(|loaded| loaded.settings));
        runtime::block_on(async {
            let traces = telemetry::init(&settings.telemetry);
            let _traces = traces.map_err(|cause| Error::caused("cannot start logging", cause))?;
            let mut stop = Stop::new()?;
            let shutdown = async move { stop.wait().await };
            let stopped = worker::run_reloading(settings, Some(reread), Arc::default(), shutdown).await;
            stopped.map_err(|cause| Error::caused("the worker stopped", cause))?;
            Ok(Status::Fine)
        })
    }
}
