//! The contract on paper: as committed, as the program makes it, and as messages really are.
//!
//! To accept what has changed: `BAOCAO_BLESS=1 cargo test --test it schema`, then read the difference.

use std::{env, fs, path::Path};

use async_nats::HeaderMap;
use baocao::{
    bus::Names,
    config::{Settings, Stages},
    decode::edxml,
    proto::baocao::v1 as pb,
    schema::{self, MESSAGES, SOURCES},
    wire,
};
use bytes::Bytes;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::harness::{Client, Worker, crate_root, little_report, on_each_server};

mod breaking;

/// What is made, and the file below `proto/` in which it stands.
fn made() -> Vec<(String, String)> {
    let settings = Settings::default();
    let names = Names::new(&settings.bus.prefix).unwrap();
    let mut made = vec![
        ("README.md".to_owned(), schema::page::page()),
        (
            "asyncapi.json".to_owned(),
            format!("{:#}\n", schema::asyncapi::document(&names, &settings)),
        ),
    ];
    for name in MESSAGES {
        let schema = schema::json::schema(&schema::message(name).unwrap());
        made.push((format!("jsonschema/{name}.json"), format!("{schema:#}\n")));
    }
    made
}

#[test]
fn what_is_committed_is_what_is_made() {
    let folder = crate_root().join("proto");
    for (file, text) in made() {
        let path = folder.join(&file);
        if env::var_os("BAOCAO_BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "proto/{file} is not what the program makes: BAOCAO_BLESS=1 cargo test --test it schema, then read the difference"
        );
    }
}

#[test]
fn all_schemas_are_built_in() {
    let mut files = Vec::new();
    find_schemas(&crate_root().join("proto"), "", &mut files);
    files.sort();
    assert_eq!(SOURCES.map(|(path, _)| path.to_owned()).as_slice(), files);
}

fn find_schemas(folder: &Path, below: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().into_string().unwrap());
        if entry.path().is_dir() {
            find_schemas(&entry.path(), &format!("{name}/"), found);
        } else if name.ends_with(".proto") {
            found.push(name);
        }
    }
}

/// Everything that a person can meet in the schemas says what it is.
#[test]
fn everything_has_a_comment() {
    let mut silent = Vec::new();
    for message in wire::descriptors().all_messages() {
        if message.package_name() == schema::PACKAGE {
            let schema = schema::json::schema(&message);
            let own = &schema["$defs"][message.full_name()];
            if own["description"] == "" {
                silent.push(message.full_name().to_owned());
            }
            let fields = own["properties"].as_object().unwrap();
            silent.extend(
                fields
                    .iter()
                    .filter(|(_, field)| field.get("description").is_none())
                    .map(|(name, _)| format!("{}.{name}", message.full_name())),
            );
        }
    }
    assert_eq!(silent, Vec::<String>::new());
}

/// A schema that takes no property it does not name: for messages of this very version.
fn strict(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(object) => {
            if object.contains_key("properties") {
                object.insert("additionalProperties".into(), false.into());
            }
            for (_, part) in object.iter_mut() {
                *part = strict(part.take());
            }
        }
        Value::Array(parts) => parts.iter_mut().for_each(|part| *part = strict(part.take())),
        _ => {}
    }
    schema
}

fn validator(schema: Value) -> Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

/// The JSON Schema of a message as `proto/` has it, strict.
fn validator_of(name: &str) -> Validator {
    let path = crate_root().join(format!("proto/jsonschema/{name}.json"));
    validator(strict(
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap(),
    ))
}

fn assert_valid(validator: &Validator, value: &Value, what: &str) {
    let wrong: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{what}: {wrong:#?}");
}

#[test]
fn schemas_refuse_what_is_no_message() {
    let validator = validator_of("ReportProcessed");
    for wrong in [
        json!({ "findings": {} }),
        json!({ "findings": [{ "severity": "error" }] }),
        json!({ "producer": { "producedAt": "yesterday" } }),
        json!({ "submission": { "contentSize": 5 } }),
        json!({ "document": { "length": -1 } }),
        json!({ "reprot": {} }),
        json!([]),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
    assert!(validator.is_valid(&json!({})), "everything may be left out");
}

#[test]
fn results_of_the_command_line_are_as_their_schema_says() {
    let validator = validator_of("ReportProcessed");
    let mut read = 0;
    for path in crate::support::reports() {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_baocao"))
            .args(["extract", "--format", "json"])
            .arg(&path)
            .output()
            .unwrap();
        let result = serde_json::from_slice(&output.stdout).unwrap();
        assert_valid(&validator, &result, &path.file_name().unwrap().to_string_lossy());
        read += 1;
    }
    assert!(read > 0);
}

/// The AsyncAPI document of some settings.
struct Contract(Value);

impl Contract {
    fn of(settings: &Settings) -> Self {
        let names = Names::new(&settings.bus.prefix).unwrap();
        Self(strict(schema::asyncapi::document(&names, settings)))
    }

    /// What a reference points at.
    fn resolve(&self, mut value: Value) -> Value {
        while let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').unwrap();
            value = self.0.pointer(pointer).expect(reference).clone();
        }
        value
    }

    /// The one message that a channel carries.
    fn message_on(&self, channel: &str) -> Value {
        let messages = self.0["channels"][channel]["messages"].as_object().unwrap();
        assert_eq!(messages.len(), 1);
        self.resolve(messages.values().next().unwrap().clone())
    }

    /// The stream that keeps the messages of a channel.
    fn stream_of(&self, channel: &str) -> &str {
        self.0["channels"][channel]["x-jetstream"]["stream"].as_str().unwrap()
    }

    /// A message is as the document says of its channel.
    fn assert_describes(&self, channel: &str, subject: &str, headers: &HeaderMap, payload: Option<&Value>) {
        assert!(self.has_subject(channel, subject), "{subject}");
        let described = self.message_on(channel);
        assert_valid(
            &self.validator(described["headers"].clone()),
            &as_json(headers),
            channel,
        );
        if let Some(payload) = payload {
            assert_valid(&self.validator(described["payload"].clone()), payload, channel);
        }
    }

    /// Whether a subject is one of a channel. A parameter is one token; the unit may be several.
    fn has_subject(&self, channel: &str, subject: &str) -> bool {
        let address = self.0["channels"][channel]["address"].as_str().unwrap();
        let (before, behind) = address.split_once("{unit}").unwrap();
        let (before, behind): (Vec<_>, Vec<_>) = (before.split('.').collect(), behind.split('.').collect());
        let tokens: Vec<&str> = subject.split('.').collect();
        let is = |word: &&str, token: &&str| word.starts_with('{') || word == token;
        // The unit takes what is left between the two ends, at least one token.
        tokens.len() + 1 >= before.len() + behind.len()
            && before
                .iter()
                .rev()
                .skip(1)
                .rev()
                .zip(&tokens)
                .all(|(word, token)| is(word, token))
            && behind
                .iter()
                .skip(1)
                .rev()
                .zip(tokens.iter().rev())
                .all(|(word, token)| is(word, token))
    }

    /// A schema of the document, with what it refers to.
    fn validator(&self, schema: Value) -> Validator {
        let mut schema = self.resolve(schema);
        schema["components"] = self.0["components"].clone();
        validator(schema)
    }
}

fn as_json(headers: &HeaderMap) -> Value {
    let headers = headers
        .iter()
        .map(|(name, values)| (name.to_string(), values[0].as_str().into()));
    Value::Object(headers.collect::<Map<_, _>>())
}

fn decoded<M: wire::Json>(payload: &Bytes) -> Value {
    let message = M::decode(payload.clone()).unwrap();
    serde_json::from_str(&wire::to_json(&message, false).unwrap()).unwrap()
}

/// Every message of a stream is as the document says of its channel: subject, headers, payload.
async fn assert_as_described(
    client: &Client,
    contract: &Contract,
    channel: &str,
    payload: Option<fn(&Bytes) -> Value>,
) -> usize {
    let stream = contract.stream_of(channel);
    let count = client.count(stream).await.try_into().unwrap();
    for message in client.take(stream, count).await {
        let headers = message.headers.as_ref().unwrap();
        let payload = payload.map(|decoded| decoded(&message.payload));
        contract.assert_describes(channel, &message.subject, headers, payload.as_ref());
    }
    count
}

#[test]
fn messages_on_the_bus_are_as_the_document_says() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        settings.alert.min_severity = baocao::validate::Severity::Info;
        let contract = Contract::of(&settings);
        let client = Client::new(&settings).await;
        client.provide().await;
        let worker = Worker::start(&settings);
        client.submit("H50.12.3", "good", &little_report(1)).await;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", "broken");
        headers.insert("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let subject = client.names().received(&baocao::bus::Unit::new("H50"));
        let broken = client
            .jetstream()
            .publish_with_headers(subject.clone(), headers, vec![0, 1, 2].into())
            .await
            .unwrap();
        broken.await.unwrap();
        assert!(contract.has_subject("received", &subject));
        client
            .submit_raw(
                "packet",
                edxml::MEDIA_TYPE,
                crate::edxml::packet(&[("bc.txt", little_report(2).as_bytes())]).into(),
            )
            .await;
        client.until_all_is_done().await;

        let results = assert_as_described(&client, &contract, "processed", Some(decoded::<pb::ReportProcessed>)).await;
        let alerts = assert_as_described(&client, &contract, "alerts", Some(decoded::<pb::Alert>)).await;
        let dead = dead_letters(&client, &contract).await;
        let statuses = assert_as_described(&client, &contract, "edxmlStatus", None).await;
        assert_eq!((results, alerts > 0, dead, statuses), (3, true, 1, 2));
        worker.stop().await;
    });
}

#[test]
fn messages_between_the_stages_are_as_the_document_says() {
    on_each_server(|server| async move {
        let mut settings = server.settings();
        settings.worker.stages = Stages::Extract;
        let contract = Contract::of(&settings);
        let client = Client::new(&settings).await;
        client.provide().await;
        let worker = Worker::start(&settings);
        client.submit("H50.12.3", "1", &little_report(1)).await;
        client.until_all_is_done().await;
        // Not by a consumer: a work queue allows those of the worker alone.
        let queue = client
            .jetstream()
            .get_stream(contract.stream_of("extracted"))
            .await
            .unwrap();
        let message = queue.get_raw_message(1).await.unwrap();
        let payload = decoded::<pb::ReportExtracted>(&message.payload);
        contract.assert_describes("extracted", &message.subject, &message.headers, Some(&payload));
        worker.stop().await;
    });
}

/// Dead letters keep the headers that the message came with, so theirs are not all known.
async fn dead_letters(client: &Client, contract: &Contract) -> usize {
    let known = contract.message_on("dead")["headers"]["properties"].clone();
    let stream = client.names().dead_stream();
    let count = client.count(&stream).await.try_into().unwrap();
    for message in client.take(&stream, count).await {
        assert!(contract.has_subject("dead", &message.subject), "{}", message.subject);
        let headers = as_json(message.headers.as_ref().unwrap());
        for (name, _) in headers.as_object().unwrap() {
            let is_original = name == "traceparent" || name.starts_with("Baocao-Original-");
            assert!(is_original || known.get(name).is_some(), "{name} is not described");
        }
        for name in contract.message_on("dead")["headers"]["required"].as_array().unwrap() {
            assert!(headers.get(name.as_str().unwrap()).is_some(), "{name} is not there");
        }
    }
    count
}

#[test]
fn every_stream_of_the_worker_is_described() {
    let settings = Settings::default();
    let names = Names::new(&settings.bus.prefix).unwrap();
    let contract = Contract::of(&settings);
    let channels = contract.0["channels"].as_object().unwrap();
    let described: Vec<&str> = channels
        .values()
        .filter_map(|channel| channel["x-jetstream"]["stream"].as_str())
        .collect();
    for stream in baocao::bus::topology::streams(&names, &settings.bus, Stages::Extract) {
        // The object store is reached through its own interface, not by subjects.
        let is_store = stream.name.starts_with("OBJ_");
        assert!(is_store || described.contains(&stream.name.as_str()), "{}", stream.name);
    }
}

#[test]
fn the_document_follows_the_prefix() {
    let mut settings = Settings::default();
    settings.bus.prefix = "prod.baocao".into();
    let contract = Contract::of(&settings);
    assert_eq!(
        contract.0["channels"]["received"]["address"],
        "prod.baocao.report.received.{unit}"
    );
    assert_eq!(
        contract.0["channels"]["received"]["x-jetstream"]["stream"],
        "PROD_BAOCAO_RECEIVED"
    );
    assert!(contract.has_subject("dead", "prod.baocao.dead.H50.1.x"));
    assert!(!contract.has_subject("dead", "prod.baocao.dead.x"));
}
