//! Requests to a running worker: read the settings again.
//!
//! SIGHUP is for the machine it runs on, `<prefix>.ctl.reload` for all workers at once; only
//! operators may publish there (`deploy/nats/baocao.conf`). Each worker answers with what has
//! changed, what takes a restart, or why it keeps what it has.

use std::sync::Arc;

use futures::StreamExt;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Live;
use crate::{
    bus::{Connection, headers, publish::set},
    config::{Settings, SettingsError},
    telemetry::metrics,
};

/// Reads the settings again from where they come from.
pub type Reread = Box<dyn Fn() -> Result<Settings, SettingsError> + Send + Sync>;

/// The name of the request in its subject.
pub const RELOAD: &str = "reload";

/// Obeys until dropped. Without `reread` there is nothing to read again, and every request is told so.
pub async fn obey(connection: Connection, live: Arc<Live>, reread: Option<Reread>) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) if reread.is_some() => Some(hangup),
        _ => None,
    };
    let subject = connection.names.control(RELOAD);
    let mut requests = match connection.client.subscribe(subject).await {
        Ok(requests) => requests.boxed(),
        Err(error) => {
            tracing::warn!(%error, "no requests to reload are heard");
            futures::stream::pending().boxed()
        }
    };
    loop {
        let request = tokio::select! {
            () = hung_up(&mut hangup) => None,
            request = requests.next() => match request {
                Some(request) => Some(request),
                None => return,
            },
        };
        let answer = reload(&live, reread.as_ref());
        let reply = request.and_then(|request: async_nats::Message| request.reply);
        if let Some(reply) = reply {
            answer_with(&connection, reply, &answer).await;
        }
    }
}

/// Waits for the signal; for ever where none is listened to.
async fn hung_up(hangup: &mut Option<Signal>) {
    match hangup {
        Some(hangup) => drop(hangup.recv().await),
        None => std::future::pending().await,
    }
}

/// Reads the settings and puts them in force, or keeps the old ones; says which.
fn reload(live: &Live, reread: Option<&Reread>) -> serde_json::Value {
    let reloaded = match reread {
        None => Err("this worker is part of another program, which holds its settings".into()),
        Some(reread) => match reread() {
            Ok(settings) => live.reload(&settings).map_err(|error| with_causes(&error)),
            Err(error) => Err(with_causes(&error)),
        },
    };
    match reloaded {
        Ok(reloaded) => {
            let outcome = if reloaded.changed.is_empty() {
                "unchanged"
            } else {
                "changed"
            };
            metrics().reloads.inc([outcome]);
            for change in &reloaded.changed {
                tracing::info!(%change, "changed");
            }
            for change in &reloaded.restart {
                tracing::warn!(%change, "takes a restart");
            }
            tracing::info!(outcome, configuration = reloaded.configuration, "settings in force");
            json!({
                "outcome": outcome,
                "changed": reloaded.changed,
                "restart": reloaded.restart,
                "configuration": reloaded.configuration,
            })
        }
        Err(why) => {
            metrics().reloads.inc(["refused"]);
            let configuration = live.core().configuration().to_owned();
            tracing::error!(why, configuration, "new settings refused; the old ones stay in force");
            json!({ "outcome": "refused", "why": why, "configuration": configuration })
        }
    }
}

/// An error and its causes on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line = format!("{line}: {cause}");
        next = cause.source();
    }
    line
}

async fn answer_with(connection: &Connection, reply: async_nats::Subject, answer: &serde_json::Value) {
    let mut answer = answer.clone();
    let info = connection.client.server_info();
    answer["worker"] = format!("{}:{}", host(), info.client_id).into();
    answer["version"] = env!("CARGO_PKG_VERSION").into();
    let mut fields = async_nats::HeaderMap::new();
    set(&mut fields, headers::CONTENT_TYPE, headers::JSON);
    let sent = connection
        .client
        .publish_with_headers(reply, fields, answer.to_string().into())
        .await;
    if let Err(error) = sent {
        tracing::warn!(%error, "an answer cannot be sent");
    }
}

/// The name of this machine or container.
fn host() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}
