//! One connection to the servers: who we are, how long we wait, what we notice.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::{Client, ConnectOptions, Event, jetstream};
use tokio::{sync::watch, time::Instant};

use super::{
    Error, ErrorKind, Names,
    route::{Route, Use, Usefulness},
};
use crate::{config, telemetry::metrics};

/// Longest pause between two attempts to reconnect.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// How often the server is asked for a sign of life; after three without one it is given up. A network that swallows
/// everything is noticed by nothing else.
const PING: Duration = Duration::from_secs(2);

/// A connection, its JetStream context and the names below its prefix. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The client.
    pub client: Client,
    /// JetStream; the request timeout of the settings bounds every call and every publish.
    pub jetstream: jetstream::Context,
    /// Subjects and names of streams.
    pub names: Names,
    connected: watch::Receiver<bool>,
    complaint: watch::Receiver<Option<String>>,
    usefulness: Arc<Usefulness>,
}

impl Connection {
    /// Notes whether JetStream did what it was asked for at this time. Where it has not for a while, although the
    /// connection stands, the connection moves to another server of the cluster.
    pub(super) fn note_use(&self, asked_for: Use, at: Instant, is_done: bool) {
        if !self.is_connected() {
            return self.usefulness.forget();
        }
        let Some(for_so_long) = self.usefulness.note(asked_for, at, is_done) else {
            return;
        };
        if self.client.server_info().cluster.is_none() {
            return;
        }
        tracing::warn!(
            server = self.client.server_info().server_name,
            for_ms = for_so_long.as_millis() as u64,
            "the server is there and JetStream does not answer; looking for another one"
        );
        let client = self.client.clone();
        tokio::spawn(async move {
            if let Err(error) = client.force_reconnect().await {
                tracing::debug!(%error, "cannot move to another server");
            }
        });
    }

    /// Whether a server is there at this moment.
    pub fn is_connected(&self) -> bool {
        *self.connected.borrow()
    }

    /// Whether a server is there, and when that changes.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.clone()
    }

    /// What the server has complained of last, in its words: a denied permission shows nowhere else, since whoever
    /// is denied something merely waits for an answer in vain.
    pub fn complaint(&self) -> Option<String> {
        self.complaint.borrow().clone()
    }

    /// Waits until what was sent has left, at most this long.
    pub async fn flush(&self, within: Duration) -> Result<(), Error> {
        match tokio::time::timeout(within, self.client.flush()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Error::because(ErrorKind::Unreachable, "cannot flush", error)),
            Err(_) => Err(Error::new(
                ErrorKind::TimedOut,
                "what was sent last may not have reached the server",
            )),
        }
    }
}

/// Connects once; later the client reconnects by itself, for ever. `name` is what the server's
/// monitoring shows.
pub async fn connect(settings: &config::Bus, name: &str) -> Result<Connection, Error> {
    let names = Names::new(&settings.prefix)?;
    let identity = Identity::of(settings)?;
    let (changed, connected) = watch::channel(true);
    let (complains, complaint) = watch::channel(None);
    let inbox_prefix = settings.inbox_prefix.clone();
    let route = Route::default();
    // Who connects for the first time waits for nobody.
    let is_first = AtomicBool::new(true);
    let options = identity
        .options()?
        .name(name)
        .custom_inbox_prefix(settings.inbox_prefix.clone())
        .connection_timeout(Duration::from_secs(settings.connect_timeout_seconds))
        .request_timeout(Some(Duration::from_secs(settings.request_timeout_seconds)))
        .ping_interval(PING)
        .reconnect_delay_callback(move |attempts| match is_first.swap(false, Ordering::Relaxed) {
            true => Duration::ZERO,
            false => reconnect_delay(attempts),
        })
        .reconnect_to_server_callback(move |servers, _| std::future::ready(route.next(&servers)))
        .event_callback(move |event| {
            notice(&event, &changed);
            if let Event::ServerError(error) = &event {
                let said = error.to_string();
                if is_about_inbox(&said, &inbox_prefix) {
                    tracing::error!("{NO_ANSWERS}");
                }
                complains.send_replace(Some(said));
            }
            std::future::ready(())
        });
    let options = with_tls(options, settings)?;
    let servers = addresses(&settings.url)?;
    let client = options
        .connect(servers)
        .await
        .map_err(|error| Error::connecting(&config::mask_urls(&settings.url), &error))?;
    let mut jetstream = jetstream::new(client.clone());
    jetstream.set_timeout(Duration::from_secs(settings.request_timeout_seconds));
    let server = client.server_info();
    tracing::info!(
        server = server.server_name,
        version = server.version,
        max_payload = server.max_payload,
        "connected"
    );
    Ok(Connection {
        client,
        jetstream,
        names,
        connected,
        complaint,
        usefulness: Arc::default(),
    })
}

/// What to do where [`is_about_inbox`].
pub const NO_ANSWERS: &str = "no answer comes in: set bus.inbox_prefix to what this user may subscribe to, such as \
                              \"_INBOX_worker\" (deploy/nats/baocao.conf)";

/// Whether the server complains that we listen for its answers.
pub fn is_about_inbox(complaint: &str, inbox_prefix: &str) -> bool {
    complaint.contains(&format!("for Subscription to \"{inbox_prefix}."))
}

/// The pause before an attempt to reconnect: doubled each time, with jitter, so that a restarted
/// server is not met by everybody at once.
fn reconnect_delay(attempts: usize) -> Duration {
    let exponent = u32::try_from(attempts.min(12)).unwrap_or(12);
    let longest = Duration::from_millis(1 << exponent).min(MAX_RECONNECT_DELAY);
    longest.mul_f64(rand::random_range(0.5..1.0))
}

/// Logs an event of the connection and keeps track of whether a server is there.
fn notice(event: &Event, connected: &watch::Sender<bool>) {
    match event {
        Event::Connected => {
            if !connected.send_replace(true) {
                metrics().reconnects.inc();
            }
            metrics().connected.set(1);
            tracing::info!("connection is up");
        }
        Event::Disconnected => {
            connected.send_replace(false);
            metrics().connected.set(0);
            tracing::warn!("connection is down");
        }
        Event::Closed => {
            connected.send_replace(false);
            tracing::info!("connection is closed");
        }
        Event::ServerError(_) | Event::ClientError(_) | Event::SlowConsumer(_) => {
            metrics().bus_errors.inc();
            tracing::error!(%event, "bus");
        }
        Event::LameDuckMode | Event::Draining => tracing::info!(%event, "bus"),
    }
}

/// The addresses of a list.
fn addresses(url: &str) -> Result<Vec<async_nats::ServerAddr>, Error> {
    let parse = |address: &str| {
        address.parse().map_err(|error| {
            Error::because(
                ErrorKind::Settings,
                format_args!("bus.url {:?} is no address", config::mask_urls(address)),
                error,
            )
        })
    };
    let parts = url.split(',').map(str::trim).filter(|part| !part.is_empty());
    let addresses = parts.map(parse).collect::<Result<Vec<_>, Error>>()?;
    if addresses.is_empty() {
        return Err(Error::new(ErrorKind::Settings, "bus.url is empty"));
    }
    Ok(addresses)
}

/// The one way in which we prove who we are.
#[derive(Debug, PartialEq, Eq)]
enum Identity {
    Nobody,
    User { user: String, password: String },
    Token(String),
    Credentials(String),
    NKey(String),
}

impl Identity {
    /// The way the settings name; more than one is refused, since nobody could say which counts.
    fn of(settings: &config::Bus) -> Result<Self, Error> {
        let password = secret("password", &settings.password, "password_file", &settings.password_file)?;
        let token = secret("token", &settings.token, "token_file", &settings.token_file)?;
        let mut ways = Vec::new();
        match (settings.user.as_str(), password) {
            ("", None) => {}
            ("", Some(_)) => {
                return Err(Error::new(
                    ErrorKind::Settings,
                    "bus.password is set and bus.user is not",
                ));
            }
            (_, None) => {
                return Err(Error::new(
                    ErrorKind::Settings,
                    "bus.user is set and bus.password is not",
                ));
            }
            (user, Some(password)) => ways.push((
                "bus.user",
                Identity::User {
                    user: user.into(),
                    password,
                },
            )),
        }
        if let Some(token) = token {
            ways.push(("bus.token", Identity::Token(token)));
        }
        if !settings.credentials_file.is_empty() {
            // The client reads them only with a line break at their end.
            let credentials = read("credentials_file", &settings.credentials_file)? + "\n";
            ways.push(("bus.credentials_file", Identity::Credentials(credentials)));
        }
        if !settings.nkey_file.is_empty() {
            let seed = read("nkey_file", &settings.nkey_file)?;
            ways.push(("bus.nkey_file", Identity::NKey(seed)));
        }
        let named: Vec<&str> = ways.iter().map(|(name, _)| *name).collect();
        let in_url = settings.url.contains('@');
        if named.len() + usize::from(in_url) > 1 {
            let url = if in_url { " and a user in bus.url" } else { "" };
            return Err(Error::new(
                ErrorKind::Settings,
                format!("{}{url} are set; leave one", named.join(", ")),
            ));
        }
        Ok(ways.pop().map_or(Identity::Nobody, |(_, identity)| identity))
    }

    /// Options that prove it.
    fn options(self) -> Result<ConnectOptions, Error> {
        Ok(match self {
            Identity::Nobody => ConnectOptions::new(),
            Identity::User { user, password } => ConnectOptions::with_user_and_password(user, password),
            Identity::Token(token) => ConnectOptions::with_token(token),
            Identity::NKey(seed) => ConnectOptions::with_nkey(seed),
            Identity::Credentials(credentials) => ConnectOptions::with_credentials(&credentials).map_err(|_| {
                // The cause may quote the file, which is a secret.
                Error::new(ErrorKind::Settings, "bus.credentials_file holds no credentials")
            })?,
        })
    }
}

/// A secret that is given itself or as a file, not both.
fn secret(name: &str, value: &str, file_name: &str, file: &str) -> Result<Option<String>, Error> {
    match (value, file) {
        ("", "") => Ok(None),
        (value, "") => Ok(Some(value.into())),
        ("", file) => read(file_name, file).map(Some),
        _ => Err(Error::new(
            ErrorKind::Settings,
            format!("bus.{name} and bus.{file_name} are set; leave one"),
        )),
    }
}

/// The content of a file that a setting names, without the line break at its end.
fn read(setting: &str, path: &str) -> Result<String, Error> {
    fs::read_to_string(path)
        .map(|content| content.trim_end().to_owned())
        .map_err(|error| {
            Error::because(
                ErrorKind::Settings,
                format_args!("cannot read bus.{setting} {path:?}"),
                error,
            )
        })
}

/// TLS as the settings have it.
fn with_tls(mut options: ConnectOptions, settings: &config::Bus) -> Result<ConnectOptions, Error> {
    if settings.tls_required {
        options = options.require_tls(true);
    }
    if !settings.tls_ca_file.is_empty() {
        // Read now, so that a wrong path is an error of the settings, not of some connection later.
        read("tls_ca_file", &settings.tls_ca_file)?;
        options = options.add_root_certificates(settings.tls_ca_file.clone().into());
    }
    match (settings.tls_cert_file.as_str(), settings.tls_key_file.as_str()) {
        ("", "") => Ok(options),
        (certificate, key) if !certificate.is_empty() && !key.is_empty() => {
            read("tls_cert_file", certificate)?;
            read("tls_key_file", key)?;
            Ok(options.add_client_certificate(certificate.into(), key.into()))
        }
        _ => Err(Error::new(
            ErrorKind::Settings,
            "bus.tls_cert_file and bus.tls_key_file go together",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn identity(change: impl Fn(&mut config::Bus)) -> Result<Identity, Error> {
        let mut settings = Settings::default().bus;
        change(&mut settings);
        Identity::of(&settings)
    }

    #[test]
    fn one_way_to_prove_who_we_are() {
        assert_eq!(identity(|_| ()).expect("none"), Identity::Nobody);
        let user = identity(|bus| (bus.user, bus.password) = ("u".into(), "p".into())).expect("user");
        assert!(matches!(user, Identity::User { .. }));
        let token = identity(|bus| bus.token = "t".into()).expect("token");
        assert_eq!(token, Identity::Token("t".into()));
    }

    #[test]
    fn ambiguity_is_refused() {
        let refused: [fn(&mut config::Bus); 6] = [
            |bus| bus.user = "u".into(),
            |bus| bus.password = "p".into(),
            |bus| (bus.token, bus.token_file) = ("t".into(), "f".into()),
            |bus| (bus.user, bus.password, bus.token) = ("u".into(), "p".into(), "t".into()),
            |bus| (bus.url, bus.token) = ("nats://u:p@host".into(), "t".into()),
            |bus| bus.nkey_file = "/nonexistent/seed".into(),
        ];
        for change in refused {
            let error = identity(change).expect_err("ambiguous");
            assert_eq!(error.kind(), ErrorKind::Settings);
            assert!(!error.to_string().contains("u:p"), "{error}");
        }
    }

    #[test]
    fn reconnects_soon_and_never_in_step() {
        for attempts in 0..100 {
            assert!(reconnect_delay(attempts) <= MAX_RECONNECT_DELAY);
        }
        assert!(reconnect_delay(30) >= MAX_RECONNECT_DELAY / 2);
    }
}
