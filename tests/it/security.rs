//! Who gets in, and who may do what: TLS, keys, credentials, and the roles of `deploy/nats`.

use std::{fs, path::Path, time::Duration};

use async_nats::{ConnectOptions, Event, jetstream::consumer::pull::OrderedConfig};
use baocao::{
    bus::{self, ErrorKind, client::From, dead},
    config::{Bus, Provision, Settings, Stages},
    proto::baocao::v1 as pb,
};
use futures::StreamExt;
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa};
use tokio::sync::mpsc;

use crate::{
    cli::{run, status, stderr, stdout},
    harness::{Client, PATIENCE, Server, WorkerProcess, crate_root, little_report, on_each_server_with},
};

/// Writes a file into a folder and returns its path.
fn write(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.to_string_lossy().into_owned()
}

/// Runs a test on servers with a configuration file.
fn on_each_server_of<F: Future<Output = ()>>(folder: &Path, config: &str, test: impl Fn(Server) -> F) {
    let path: &'static str = write(folder, "nats.conf", config).leak();
    on_each_server_with(Box::leak(Box::new(["-c", path])), test);
}

/// Connects with settings changed, and says how that went.
async fn connects(server: &Server, change: impl Fn(&mut Bus)) -> Result<(), ErrorKind> {
    let mut settings = server.settings();
    change(&mut settings.bus);
    let connection = bus::connect(&settings.bus, "it").await.map_err(|error| error.kind())?;
    connection.flush(PATIENCE).await.map_err(|error| error.kind())
}

// ---- TLS -------------------------------------------------------------------------------------------------------------

/// An authority, and certificates that it has signed: paths of PEM files.
struct Authority<'a> {
    folder: &'a Path,
    issuer: CertifiedIssuer<'static, rcgen::KeyPair>,
    file: String,
}

impl<'a> Authority<'a> {
    fn new(folder: &'a Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap();
        let file = write(folder, &format!("{name}-ca.pem"), &issuer.pem());
        Self { folder, issuer, file }
    }

    /// A certificate and its key.
    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let mut params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        params.extended_key_usages.push(usage);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (
            write(self.folder, &format!("{name}.pem"), &certificate.pem()),
            write(self.folder, &format!("{name}.key"), &key.serialize_pem()),
        )
    }
}

#[test]
fn tls_trusts_the_authority_that_is_named_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "ours");
    let stranger = Authority::new(folder.path(), "strangers");
    let (certificate, key) = authority.sign("server", ExtendedKeyUsagePurpose::ServerAuth);
    let config = format!("tls {{ cert_file: {certificate:?}, key_file: {key:?} }}\n");
    on_each_server_of(folder.path(), &config, |server| {
        let (ours, theirs) = (authority.file.clone(), stranger.file.clone());
        async move {
            assert_eq!(connects(&server, |bus| bus.tls_ca_file = ours.clone()).await, Ok(()));
            let required = connects(&server, |bus| {
                (bus.tls_required, bus.tls_ca_file) = (true, ours.clone());
            });
            assert_eq!(required.await, Ok(()));
            let url = server.url().replace("nats://", "tls://");
            let by_url = connects(&server, |bus| {
                (bus.url, bus.tls_ca_file) = (url.clone(), ours.clone());
            });
            assert_eq!(by_url.await, Ok(()));
            assert!(connects(&server, |_| ()).await.is_err(), "an authority nobody named");
            assert!(connects(&server, |bus| bus.tls_ca_file = theirs.clone()).await.is_err());
            let missing = connects(&server, |bus| bus.tls_ca_file = "/nonexistent/ca".into());
            assert_eq!(missing.await, Err(ErrorKind::Settings));
        }
    });
}

#[test]
fn tls_that_is_required_and_not_there_is_an_error() {
    crate::harness::on_each_server(|server| async move {
        assert!(connects(&server, |bus| bus.tls_required = true).await.is_err());
    });
}

#[test]
fn mutual_tls_wants_a_certificate_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "ours");
    let stranger = Authority::new(folder.path(), "strangers");
    let (certificate, key) = authority.sign("server", ExtendedKeyUsagePurpose::ServerAuth);
    let mine = authority.sign("client", ExtendedKeyUsagePurpose::ClientAuth);
    let theirs = stranger.sign("other", ExtendedKeyUsagePurpose::ClientAuth);
    let ca = authority.file.clone();
    let config = format!("tls {{ cert_file: {certificate:?}, key_file: {key:?}, ca_file: {ca:?}, verify: true }}\n");
    on_each_server_of(folder.path(), &config, |server| {
        let (ca, mine, theirs) = (ca.clone(), mine.clone(), theirs.clone());
        async move {
            let with = |(certificate, key): (String, String)| {
                let ca = ca.clone();
                move |bus: &mut Bus| {
                    bus.tls_ca_file = ca.clone();
                    (bus.tls_cert_file, bus.tls_key_file) = (certificate.clone(), key.clone());
                }
            };
            assert_eq!(connects(&server, with(mine.clone())).await, Ok(()));
            assert!(connects(&server, with(theirs)).await.is_err(), "of a stranger");
            assert!(
                connects(&server, |bus| bus.tls_ca_file = ca.clone()).await.is_err(),
                "none"
            );
            let half = connects(&server, with((mine.0, String::new())));
            assert_eq!(half.await, Err(ErrorKind::Settings), "one without the other");
        }
    });
}

// ---- keys and credentials --------------------------------------------------------------------------------------------

#[test]
fn nkeys_open_the_door() {
    let folder = tempfile::tempdir().unwrap();
    let (mine, other) = (KeyPair::new_user(), KeyPair::new_user());
    let seed = write(folder.path(), "seed", &(mine.seed().unwrap() + "\n"));
    let wrong = write(folder.path(), "wrong", &other.seed().unwrap());
    let config = format!("authorization {{ users: [ {{ nkey: {} }} ] }}\n", mine.public_key());
    on_each_server_of(folder.path(), &config, |server| {
        let (seed, wrong) = (seed.clone(), wrong.clone());
        async move {
            assert_eq!(connects(&server, |bus| bus.nkey_file = seed.clone()).await, Ok(()));
            let wrong = connects(&server, |bus| bus.nkey_file = wrong.clone());
            assert_eq!(wrong.await, Err(ErrorKind::Unauthorized));
            assert_eq!(connects(&server, |_| ()).await, Err(ErrorKind::Unauthorized));
        }
    });
}

/// Base64 for URLs, without padding, as JWT have it.
fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for n in 0..=chunk.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * n)) as usize & 63]));
        }
    }
    text
}

/// A signed claim of who somebody is.
fn jwt(issuer: &KeyPair, subject: &KeyPair, nats: serde_json::Value) -> String {
    let header = base64url(br#"{"typ":"JWT","alg":"ed25519-nkey"}"#);
    let claims = serde_json::json!({
        "jti": subject.public_key(), "iat": 1_700_000_000, "iss": issuer.public_key(),
        "sub": subject.public_key(), "name": "it", "nats": nats,
    });
    let signed = format!("{header}.{}", base64url(claims.to_string().as_bytes()));
    let signature = base64url(&issuer.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

#[test]
fn credentials_open_the_door() {
    let folder = tempfile::tempdir().unwrap();
    let (operator, account, system) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let account_claim = |account: &KeyPair| {
        let limits = serde_json::json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
            "leaf": -1,
        });
        let nats = serde_json::json!({"limits": limits, "type": "account", "version": 2});
        jwt(&operator, account, nats)
    };
    let credentials = |name: &str, account: &KeyPair| {
        let user = KeyPair::new_user();
        let nats = serde_json::json!({"pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1, "type": "user",
            "version": 2});
        let content = format!(
            "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            jwt(account, &user, nats),
            user.seed().unwrap()
        );
        write(folder.path(), name, &content)
    };
    let good = credentials("good.creds", &account);
    let stranger = credentials("stranger.creds", &KeyPair::new_account());
    let empty = write(folder.path(), "empty.creds", "s3cret");
    let config = format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload {{ {}: {}, {}: {} }}\n",
        jwt(
            &operator,
            &operator,
            serde_json::json!({"type": "operator", "version": 2})
        ),
        system.public_key(),
        system.public_key(),
        account_claim(&system),
        account.public_key(),
        account_claim(&account),
    );
    on_each_server_of(folder.path(), &config, |server| {
        let (good, stranger, empty) = (good.clone(), stranger.clone(), empty.clone());
        async move {
            assert_eq!(
                connects(&server, |bus| bus.credentials_file = good.clone()).await,
                Ok(())
            );
            let stranger = connects(&server, |bus| bus.credentials_file = stranger.clone());
            assert_eq!(stranger.await, Err(ErrorKind::Unauthorized));
            let empty = connects(&server, |bus| bus.credentials_file = empty.clone());
            assert_eq!(empty.await, Err(ErrorKind::Settings));
            assert_eq!(connects(&server, |_| ()).await, Err(ErrorKind::Unauthorized));
        }
    });
}

// ---- roles -----------------------------------------------------------------------------------------------------------

/// The configuration of `deploy/nats`, with the name of each role as its password.
fn roles() -> String {
    let config = fs::read_to_string(crate_root().join("deploy/nats/baocao.conf")).unwrap();
    let passwords: String = [
        "operator",
        "worker",
        "consumer",
        "submitter",
        "gateway",
        "screen",
        "system",
    ]
    .iter()
    .map(|role| format!("BAOCAO_{}_PASSWORD: {role}\n", role.to_uppercase()))
    .collect();
    passwords + &config
}

/// User and inbox of a role; the user is the password, up to a hyphen.
const ROLES: [(&str, &str); 6] = [
    ("operator", "_INBOX_operator"),
    ("worker", "_INBOX_worker"),
    ("consumer", "_INBOX_consumer"),
    ("submitter-H50.12", "_INBOX_H50_12"),
    ("gateway", "_INBOX_gateway"),
    ("screen", "_INBOX_screen"),
];

fn password(user: &str) -> &str {
    user.split('-').next().unwrap()
}

/// Settings of a role.
fn settings_of(server: &Server, user: &str) -> Settings {
    let mut settings = server.settings();
    settings.bus.prefix = "baocao".into();
    (settings.bus.user, settings.bus.password) = (user.into(), password(user).into());
    settings.bus.inbox_prefix = ROLES.iter().find(|(role, _)| *role == user).unwrap().1.into();
    if user != "operator" {
        settings.bus.provision = Provision::Never;
    }
    settings
}

/// A client that hears when it is refused something.
struct Prober {
    client: async_nats::Client,
    refusals: mpsc::UnboundedReceiver<String>,
}

impl Prober {
    async fn new(server: &Server, user: &str) -> Self {
        let (hear, refusals) = mpsc::unbounded_channel();
        let client = ConnectOptions::with_user_and_password(user.into(), password(user).into())
            .event_callback(move |event| {
                if let Event::ServerError(error) = event {
                    let _ = hear.send(error.to_string());
                }
                std::future::ready(())
            })
            .connect(server.url())
            .await
            .unwrap();
        Self { client, refusals }
    }

    /// Whether the server refuses something, in its own words.
    async fn refused(&mut self) -> Option<String> {
        // The server answers in order, so what it has to say comes before this.
        self.client.flush().await.unwrap();
        let refusal = tokio::time::timeout(Duration::from_millis(200), self.refusals.recv());
        refusal.await.ok().flatten()
    }

    async fn publish(&mut self, subject: &str) -> Option<String> {
        self.client.publish(subject.to_owned(), "{}".into()).await.unwrap();
        self.refused().await
    }

    async fn subscribe(&mut self, subject: &str) -> Option<String> {
        let _subscription = self.client.subscribe(subject.to_owned()).await.unwrap();
        self.refused().await
    }
}

#[test]
fn each_role_is_refused_what_it_must_not_do() {
    let folder = tempfile::tempdir().unwrap();
    on_each_server_of(folder.path(), &roles(), |server| async move {
        Client::new(&settings_of(&server, "operator")).await.provide().await;
        let may: [(&str, &[&str]); 6] = [
            (
                "operator",
                &[
                    "baocao.report.received.H51",
                    "$JS.API.STREAM.MSG.DELETE.BAOCAO_DEAD",
                    "baocao.ctl.reload",
                ],
            ),
            (
                "worker",
                &[
                    "baocao.report.processed.H50.x",
                    "baocao.alert.error.r.H50.x.0",
                    "baocao.dead.H50.x",
                    "baocao.edxml.status.H50.x.01",
                ],
            ),
            (
                "consumer",
                &["$JS.API.DIRECT.GET.BAOCAO_PROCESSED.baocao.report.processed.H50.x"],
            ),
            ("submitter-H50.12", &["baocao.report.received.H50.12"]),
            (
                "gateway",
                &[
                    "baocao.report.received.H50.12",
                    "$JS.API.DIRECT.GET.BAOCAO_EDXML.baocao.edxml.status.H50.12.x.03",
                ],
            ),
            ("screen", &["baocao.svc.extract", "baocao.svc.rules"]),
        ];
        let must_not: [(&str, &[&str]); 6] = [
            (
                "operator",
                &["elsewhere", "$SYS.REQ.SERVER.PING", "$O.other.M.x", "_INBOX_worker.x"],
            ),
            (
                "worker",
                &[
                    "baocao.report.received.H50.12",
                    "baocao.ctl.reload",
                    "$JS.API.STREAM.CREATE.X",
                    "$JS.API.STREAM.DELETE.BAOCAO_RECEIVED",
                    "$JS.API.STREAM.PURGE.BAOCAO_PROCESSED",
                    "$JS.API.STREAM.MSG.DELETE.BAOCAO_PROCESSED",
                    "$JS.API.STREAM.PURGE.BAOCAO_RECEIVED",
                    "$JS.API.CONSUMER.DELETE.BAOCAO_RECEIVED.baocao-worker",
                    "$JS.API.CONSUMER.CREATE.BAOCAO_PROCESSED.x",
                ],
            ),
            (
                "consumer",
                &[
                    "baocao.ctl.reload",
                    "baocao.report.received.H50",
                    "baocao.report.processed.H50.x",
                    "baocao.alert.error.r.H50.x.0",
                    "baocao.dead.H50.x",
                    "$JS.API.CONSUMER.CREATE.BAOCAO_RECEIVED.x",
                    "$JS.API.CONSUMER.CREATE.BAOCAO_DEAD.x",
                    "$JS.API.STREAM.MSG.GET.BAOCAO_DEAD",
                    "$JS.API.STREAM.MSG.DELETE.BAOCAO_PROCESSED",
                    "$O.baocao-documents.M.x",
                    "$JS.ACK.BAOCAO_RECEIVED.baocao-worker.1.1.1.1.1",
                ],
            ),
            (
                "submitter-H50.12",
                &[
                    "baocao.ctl.reload",
                    "baocao.report.received.H50",
                    "baocao.report.received.H50.1",
                    "baocao.report.received.H50.12.3",
                    "baocao.report.received.H51",
                    "baocao.report.processed.H50.12.x",
                    "baocao.alert.error.r.H50.12.x.0",
                    "baocao.dead.H50.12.x",
                    "baocao.svc.extract",
                    "$O.baocao-documents.M.x",
                    "$JS.API.STREAM.INFO.BAOCAO_RECEIVED",
                    "$JS.API.STREAM.MSG.GET.BAOCAO_PROCESSED",
                    "$JS.API.DIRECT.GET.BAOCAO_PROCESSED",
                    "$JS.API.DIRECT.GET.BAOCAO_PROCESSED.baocao.report.processed.H50.13.x",
                    "$JS.API.CONSUMER.CREATE.BAOCAO_PROCESSED.x",
                ],
            ),
            (
                "gateway",
                &[
                    "baocao.edxml.status.H50.x.01",
                    "baocao.report.processed.H50.x",
                    "baocao.dead.H50.x",
                    "$JS.API.CONSUMER.CREATE.BAOCAO_PROCESSED.x",
                    "$JS.API.STREAM.DELETE.BAOCAO_EDXML",
                    "$JS.API.DIRECT.GET.BAOCAO_PROCESSED.baocao.report.processed.H50.x",
                ],
            ),
            (
                "screen",
                &["baocao.report.received.H50", "baocao.svc.other", "$JS.API.INFO"],
            ),
        ];
        for ((user, may), (_, must_not)) in may.into_iter().zip(must_not) {
            let mut prober = Prober::new(&server, user).await;
            for subject in may {
                assert_eq!(prober.publish(subject).await, None, "{user} may publish to {subject}");
            }
            for subject in must_not {
                let refusal = prober.publish(subject).await;
                assert!(
                    refusal.is_some_and(|words| words.to_lowercase().contains("permissions violation")),
                    "{user} must not publish to {subject}"
                );
            }
            // None hears the answers, nor what goes by, of another.
            for (role, inbox) in ROLES {
                let refusal = prober.subscribe(&format!("{inbox}.>")).await;
                assert_eq!(refusal.is_none(), role == user, "{user} and the inbox of {role}");
            }
            for subject in [
                "baocao.report.received.>",
                "baocao.report.processed.>",
                "baocao.alert.>",
                ">",
                "_INBOX.>",
            ] {
                assert!(
                    prober.subscribe(subject).await.is_some(),
                    "{user} must not hear {subject}"
                );
            }
        }
    });
}

#[test]
fn each_role_does_its_work_within_its_permissions() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("max_payload: 65536\n{}", roles());
    on_each_server_of(folder.path(), &config, |server| async move {
        let folder = tempfile::tempdir().unwrap();
        let operator = Client::new(&settings_of(&server, "operator")).await;
        assert_eq!(operator.provide().await.drifts, []);
        let log = folder.path().join("log");
        let mut worker =
            WorkerProcess::start_with_log(&settings_of(&server, "worker"), fs::File::create(&log).unwrap());

        // The operator hands in what is large, and what cannot be read.
        operator
            .submit(
                "H51",
                "large",
                &(little_report(1) + &"Đã giải quyết 12/15 đơn.\n".repeat(4000)),
            )
            .await;
        let broken = pb::ReportSubmission {
            submission_id: "broken".into(),
            unit: "H51".into(),
            content: vec![0xFF; 65536 - 200],
            ..Default::default()
        };
        bus::submit(&operator.connection, broken).await.unwrap();

        // The submitter of a unit hands in for it by the command, and waits for the result.
        let report = write(folder.path(), "bc.txt", &little_report(2));
        let submitter = write(
            folder.path(),
            "submitter.toml",
            &toml::to_string(&settings_of(&server, "submitter-H50.12")).unwrap(),
        );
        let hand_in = |unit: &str| run(&["submit", "--config", &submitter, "--unit", unit, "--wait", &report]);
        let own = hand_in("H50.12");
        assert_eq!(status(&own), 0, "{}", stderr(&own));
        assert!(stdout(&own).contains('\t'), "{}", stdout(&own));
        let other = hand_in("H50.13");
        assert_eq!(status(&other), 2, "as another unit");

        // The consumer sees all three results, the large one whole.
        operator.until_all_is_done().await;
        assert_eq!(operator.count(&operator.names().processed_stream()).await, 3);
        let consumer = bus::connect(&settings_of(&server, "consumer").bus, "it").await.unwrap();
        let events = bus::watch(&consumer, From::Beginning).await.unwrap();
        let results = events.filter_map(async |event| match event.unwrap() {
            bus::Event::Processed(result) => Some(*result),
            bus::Event::Alert(_) => None,
        });
        let results = results.take(3).collect::<Vec<_>>();
        let results = tokio::time::timeout(PATIENCE, results).await.expect("three results");
        let large = results
            .into_iter()
            .find(|result| result.whole.is_some())
            .expect("the large one");
        let whole = bus::client::whole(&consumer, large).await.unwrap();
        assert!(whole.report.unwrap().measures.len() > 4000);

        // A screen asks the service.
        let screen = bus::connect(&settings_of(&server, "screen").bus, "it").await.unwrap();
        let answer = screen
            .client
            .request("baocao.svc.extract", little_report(3).into())
            .await
            .unwrap();
        let answer: pb::ReportProcessed = bus::client::from_payload(answer.headers.as_ref(), &answer.payload).unwrap();
        assert_eq!(answer.status(), pb::Status::Processed);

        // The gateway hands in a packet, and reads what its sender is told.
        let gateway = bus::connect(&settings_of(&server, "gateway").bus, "it").await.unwrap();
        let packet = pb::ReportSubmission {
            submission_id: "packet".into(),
            unit: "H53.11".into(),
            content: crate::edxml::packet(&[("bc.txt", little_report(4).as_bytes())]).into(),
            ..Default::default()
        };
        bus::submit(&gateway, packet).await.unwrap();
        let statuses = gateway
            .jetstream
            .create_consumer_on_stream(OrderedConfig::default(), gateway.names.edxml_stream())
            .await
            .unwrap();
        let statuses = statuses.messages().await.unwrap().take(2).map(Result::unwrap);
        let statuses = tokio::time::timeout(PATIENCE, statuses.collect::<Vec<_>>()).await;
        let statuses = statuses.expect("two status packets");
        assert!(
            statuses
                .iter()
                .any(|status| status.subject.ends_with(".H53.11.packet.03"))
        );

        // The operator replays.
        let letter = dead::letters(&operator.connection, &Default::default())
            .await
            .unwrap()
            .remove(0);
        let plan = dead::plan(&operator.connection, &letter).await.unwrap().unwrap();
        dead::replay(&operator.connection, &letter, &plan).await.unwrap();
        operator.until_all_is_done().await;
        assert_eq!(operator.count(&operator.names().dead_stream()).await, 1);

        let ended = tokio::task::spawn_blocking(move || worker.terminate()).await.unwrap();
        assert!(ended.success());
        let log = fs::read_to_string(log).unwrap();
        assert!(log.contains("\"outcome\":\"processed\""), "{log}");
        assert!(!log.to_lowercase().contains("violation"), "{log}");
    });
}

#[test]
fn the_unit_in_the_content_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    on_each_server_of(folder.path(), &roles(), |server| async move {
        let operator = Client::new(&settings_of(&server, "operator")).await;
        operator.provide().await;
        let _worker = WorkerProcess::start(&settings_of(&server, "worker"));
        let submitter = bus::connect(&settings_of(&server, "submitter-H50.12").bus, "it")
            .await
            .unwrap();
        // It says it is of another unit, in a message on its own subject.
        let claim = pb::ReportSubmission {
            submission_id: "claim".into(),
            unit: "H50.13".into(),
            content: little_report(1).into(),
            ..Default::default()
        };
        let subject = operator.names().received(&bus::Unit::new("H50.12"));
        let payload = prost::Message::encode_to_vec(&claim);
        let stored = submitter.jetstream.publish(subject, payload.into()).await.unwrap();
        stored.await.unwrap();
        let result = operator.results(1).await.remove(0);
        assert_eq!(result.submission.unwrap().unit, "H50.12");
    });
}

#[test]
fn the_stages_work_apart_within_the_permissions_of_a_worker() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("max_payload: 65536\n{}", roles());
    on_each_server_of(folder.path(), &config, |server| async move {
        let folder = tempfile::tempdir().unwrap();
        let with = |user: &str, stages: Stages| {
            let mut settings = settings_of(&server, user);
            settings.worker.stages = stages;
            settings
        };
        let stages = [(Stages::Extract, "extract.log"), (Stages::Validate, "validate.log")];
        let mut workers = Vec::new();
        for (stages, name) in stages {
            let operator = Client::new(&with("operator", stages)).await;
            assert_eq!(operator.provide().await.drifts, []);
            let log = fs::File::create(folder.path().join(name)).unwrap();
            workers.push(WorkerProcess::start_with_log(&with("worker", stages), log));
        }
        let operator = Client::new(&settings_of(&server, "operator")).await;
        operator.submit("H51", "small", &little_report(1)).await;
        let large = little_report(1) + &"Đã giải quyết 12/15 đơn.\n".repeat(4000);
        operator.submit("H51", "large", &large).await;
        let results = operator.results(2).await;
        assert!(results.iter().all(|result| result.status() == pb::Status::Processed));
        for mut worker in workers {
            let ended = tokio::task::spawn_blocking(move || worker.terminate()).await.unwrap();
            assert!(ended.success());
        }
        for (_, name) in stages {
            let log = fs::read_to_string(folder.path().join(name)).unwrap();
            assert!(log.contains("\"outcome\":\"processed\""), "{log}");
            assert!(!log.to_lowercase().contains("violation"), "{log}");
        }
    });
}
