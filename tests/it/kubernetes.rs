//! What stands in `deploy/kubernetes`, compared with what the program itself goes by. That it is what Kubernetes and KEDA
//! understand is checked by `deploy/local test`, with their schemas.

use std::{collections::BTreeMap, fs, time::Duration};

use async_nats::jetstream::{
    consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, pull},
    stream::{self, DiscardPolicy, RetentionPolicy, StorageType},
};
use baocao::{
    bus::{Names, topology},
    config::{Provision, Settings, Sources, Stages},
};
use serde::Deserialize;
use serde_json::Value;

use crate::harness::crate_root;

/// The resources in a file.
fn resources(file: &str) -> Vec<Value> {
    let path = crate_root().join("deploy/kubernetes").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let resources = yaml_serde::Deserializer::from_str(&text);
    resources
        .map(|resource| Value::deserialize(resource).unwrap_or_else(|error| panic!("{file}: {error}")))
        .collect()
}

/// The one resource of a kind in a file.
fn resource(file: &str, kind: &str) -> Value {
    let mut found = resources(file);
    found.retain(|resource| resource["kind"] == kind);
    assert_eq!(found.len(), 1, "{kind} in {file}");
    found.remove(0)
}

/// What NACK makes a stream of. Fields that it does not know, the cluster would drop without a word.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stream {
    name: String,
    description: String,
    subjects: Vec<String>,
    retention: String,
    discard: String,
    storage: String,
    replicas: usize,
    #[serde(default, deserialize_with = "duration")]
    max_age: Duration,
    #[serde(deserialize_with = "duration")]
    duplicate_window: Duration,
    #[serde(default)]
    allow_direct: bool,
    #[serde(default)]
    allow_rollup: bool,
    prevent_delete: bool,
}

impl Stream {
    /// What NACK has to be told for the stream that the worker would create.
    fn of(config: &stream::Config) -> Self {
        Self {
            name: config.name.clone(),
            description: config.description.clone().unwrap(),
            subjects: config.subjects.clone(),
            retention: match config.retention {
                RetentionPolicy::WorkQueue => "workqueue",
                RetentionPolicy::Limits => "limits",
                RetentionPolicy::Interest => "interest",
            }
            .into(),
            discard: match config.discard {
                DiscardPolicy::New => "new",
                DiscardPolicy::Old => "old",
            }
            .into(),
            storage: match config.storage {
                StorageType::File => "file",
                StorageType::Memory => "memory",
            }
            .into(),
            replicas: config.num_replicas,
            max_age: config.max_age,
            duplicate_window: config.duplicate_window,
            allow_direct: config.allow_direct,
            allow_rollup: config.allow_rollup,
            prevent_delete: true,
        }
    }
}

/// What NACK makes a consumer of.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Consumer {
    stream_name: String,
    durable_name: String,
    description: String,
    filter_subject: String,
    ack_policy: String,
    #[serde(deserialize_with = "duration")]
    ack_wait: Duration,
    deliver_policy: String,
    replay_policy: String,
    max_deliver: i64,
    max_ack_pending: i64,
    max_request_batch: i64,
    prevent_delete: bool,
}

impl Consumer {
    /// What NACK has to be told for the consumer that the worker would create.
    fn of(stream: String, config: &pull::Config) -> Self {
        assert_eq!(config.ack_policy, AckPolicy::Explicit);
        assert_eq!(config.deliver_policy, DeliverPolicy::All);
        assert_eq!(config.replay_policy, ReplayPolicy::Instant);
        Self {
            stream_name: stream,
            durable_name: config.durable_name.clone().unwrap(),
            description: config.description.clone().unwrap(),
            filter_subject: config.filter_subject.clone(),
            ack_policy: "explicit".into(),
            ack_wait: config.ack_wait,
            deliver_policy: "all".into(),
            replay_policy: "instant".into(),
            max_deliver: config.max_deliver,
            max_ack_pending: config.max_ack_pending,
            max_request_batch: config.max_batch,
            prevent_delete: true,
        }
    }
}

/// A duration as Go writes it: a whole number of seconds, minutes or hours.
fn duration<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = || serde::de::Error::custom(format!("no duration: {text}"));
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match unit {
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(60 * number)),
        "h" => Ok(Duration::from_secs(3600 * number)),
        _ => Err(wrong()),
    }
}

/// The settings of a cluster, by which the worker would create its streams.
fn settings() -> (Settings, Names) {
    let mut settings = Settings::default();
    settings.bus.replicas = 3;
    let names = Names::new(&settings.bus.prefix).unwrap();
    (settings, names)
}

fn specs<T: serde::de::DeserializeOwned>(file: &str, kind: &str) -> Vec<T> {
    let parsed = resources(file).into_iter().map(|mut resource| {
        assert_eq!(resource["kind"], kind, "{file}");
        assert_eq!(resource["apiVersion"], "jetstream.nats.io/v1beta2", "{file}");
        serde_json::from_value(resource["spec"].take()).unwrap_or_else(|error| panic!("{file}: {error}"))
    });
    parsed.collect()
}

#[test]
fn streams_and_consumers_are_those_that_the_worker_would_create() {
    let (settings, names) = settings();
    let wanted: Vec<Stream> = topology::streams(&names, &settings.bus, settings.worker.stages)
        .iter()
        .map(Stream::of)
        .collect();
    assert_eq!(specs::<Stream>("streams/streams.yaml", "Stream"), wanted);
    let consumer = topology::consumer_config(&names, &settings.worker);
    let wanted = Consumer::of(names.received_stream(), &consumer);
    assert_eq!(specs::<Consumer>("streams/consumers.yaml", "Consumer"), [wanted]);
}

#[test]
fn the_queue_between_the_stages_is_that_which_the_worker_would_create() {
    let (mut settings, names) = settings();
    settings.worker.stages = Stages::Validate;
    let mut wanted = topology::streams(&names, &settings.bus, settings.worker.stages);
    wanted.retain(|stream| stream.name == names.extracted_stream());
    let wanted: Vec<Stream> = wanted.iter().map(Stream::of).collect();
    assert_eq!(specs::<Stream>("split-stages/stream.yaml", "Stream"), wanted);
    let consumer = topology::consumer_config(&names, &settings.worker);
    let wanted = Consumer::of(names.extracted_stream(), &consumer);
    assert_eq!(specs::<Consumer>("split-stages/consumer.yaml", "Consumer"), [wanted]);
}

/// Each overlay's folders with a worker of their own, and the files with patches of its Deployment.
const WORKERS: [(&str, Option<&str>); 4] = [
    ("single", None),
    ("ocr", Some("larger.yaml")),
    ("split-stages/extract", Some("stage.yaml")),
    ("split-stages/validate", Some("stage.yaml")),
];

/// The settings of the worker of an overlay: the file in the base, then the environment that the patch sets.
fn settings_of(folder: &str, patch: Option<&str>) -> Settings {
    let file = crate_root().join("deploy/kubernetes/base/baocao.toml");
    let mut environment = BTreeMap::new();
    if let Some(patch) = patch {
        let patch = resource(&format!("{folder}/{patch}"), "Deployment");
        for variable in container(&patch)["env"].as_array().unwrap() {
            let text = |key: &str| variable[key].as_str().unwrap().to_owned();
            environment.insert(text("name"), text("value"));
        }
    }
    let sources = Sources {
        file: Some(file),
        environment: environment.into_iter().collect(),
        flags: Vec::new(),
    };
    let loaded = Settings::load(&sources).unwrap_or_else(|error| panic!("{folder}: {error}"));
    loaded.settings
}

fn container(deployment: &Value) -> &Value {
    &deployment["spec"]["template"]["spec"]["containers"][0]
}

#[test]
fn settings_are_understood_and_leave_the_streams_alone() {
    for (folder, patch) in WORKERS {
        let settings = settings_of(folder, patch);
        assert_eq!(settings.bus.provision, Provision::Never, "{folder}");
    }
}

#[test]
fn a_pod_has_longer_than_its_worker_takes_to_drain() {
    let base = resource("base/deployment.yaml", "Deployment");
    let grace = |deployment: &Value| deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64();
    for (folder, patch) in WORKERS {
        let own = patch.and_then(|patch| grace(&resource(&format!("{folder}/{patch}"), "Deployment")));
        let grace = own.or(grace(&base)).unwrap();
        let drain = settings_of(folder, patch).worker.drain_seconds;
        assert!(
            grace >= drain + 10,
            "{folder}: {grace} s, and the worker takes {drain} s"
        );
    }
}

#[test]
fn probes_and_metrics_are_where_the_worker_listens() {
    let settings = settings_of("single", None);
    let (_, port) = settings.telemetry.http_listen.rsplit_once(':').unwrap();
    let deployment = resource("base/deployment.yaml", "Deployment");
    let container = container(&deployment);
    assert_eq!(container["ports"][0]["name"], "http");
    assert_eq!(container["ports"][0]["containerPort"].to_string(), port);
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/livez");
    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
    let annotations = &deployment["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(annotations["prometheus.io/port"], port);
}

#[test]
fn a_pod_may_do_as_little_as_can_be() {
    let deployment = resource("base/deployment.yaml", "Deployment");
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(pod["automountServiceAccountToken"], false);
    let own = &container(&deployment)["securityContext"];
    assert_eq!(own["readOnlyRootFilesystem"], true);
    assert_eq!(own["allowPrivilegeEscalation"], false);
    assert_eq!(own["capabilities"]["drop"], serde_json::json!(["ALL"]));
}

#[test]
fn scaling_follows_the_queue_that_the_workers_take_from() {
    let (settings, names) = settings();
    let consumer = topology::consumer_config(&names, &settings.worker)
        .durable_name
        .unwrap();
    for (folder, _) in WORKERS {
        let scaled = resource(&format!("{folder}/scale.yaml"), "ScaledObject");
        let spec = &scaled["spec"];
        let queue = &spec["triggers"][0]["metadata"];
        let (stream, deployment) = match folder {
            "split-stages/validate" => (names.extracted_stream(), "baocao-validate"),
            "split-stages/extract" => (names.received_stream(), "baocao-extract"),
            _ => (names.received_stream(), "baocao"),
        };
        assert_eq!(queue["stream"], stream, "{folder}");
        assert_eq!(queue["consumer"], consumer, "{folder}");
        assert_eq!(spec["scaleTargetRef"]["name"], deployment, "{folder}");
        let number = |value: &Value| value.as_u64().unwrap();
        let (least, most) = (number(&spec["minReplicaCount"]), number(&spec["maxReplicaCount"]));
        let fallback = number(&spec["fallback"]["replicas"]);
        assert!(1 <= least && least <= fallback && fallback <= most, "{folder}");
    }
}
