//! The AsyncAPI 3.0 document: subjects, messages, headers and what a worker does with them.
//!
//! Subjects come from [`Names`], streams from [`topology`], payloads from the descriptors. It says what the worker does:
//! an operation that "receives" is one that others send to.

use async_nats::jetstream::stream::{self, RetentionPolicy};
use serde_json::{Map, Value, json};

use super::{PACKAGE, json::Definitions, message};
use crate::{
    bus::{
        Names,
        client::{ALERT, EDXML_STATUS, EXTRACTED, PROCESSED, SUBMITTED},
        headers, publish, topology,
    },
    config::{Settings, Stages},
    decode::edxml,
    worker::control::RELOAD,
};

/// The document for the prefix of these settings.
pub fn document(names: &Names, settings: &Settings) -> Value {
    json!({
        "asyncapi": "3.0.0",
        "id": "urn:baocao:worker",
        "info": info(),
        "defaultContentType": headers::PROTOBUF,
        "servers": {
            "nats": {
                "host": "localhost:4222",
                "protocol": "nats",
                "description": "Your NATS with JetStream, 2.9 or later; tls:// as you have set it up.",
            },
        },
        "channels": channels(names, settings),
        "operations": operations(),
        "components": {
            "messages": messages(),
            "schemas": schemas(),
        },
    })
}

fn info() -> Value {
    json!({
        "title": "baocao",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Reads and checks Vietnamese administrative reports: a report goes in; its structure, findings \
            and alerts come out. Delivery is at least once on the way in. Each result, alert and dead letter has a \
            subject of its own and is stored there once, for ever. Alerts are stored before the result they belong to.",
        "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
    })
}

/// A channel: its subject with parameters in braces, the stream that keeps it, the messages on it.
fn channel(address: &str, title: &str, description: &str, stream: Option<Value>, messages: &[&str]) -> Value {
    let mut channel = Map::new();
    channel.insert("address".into(), address.into());
    channel.insert("title".into(), title.into());
    channel.insert("description".into(), description.into());
    let parameters: Map<String, Value> = PARAMETERS
        .iter()
        .filter(|(name, _)| address.contains(&format!("{{{name}}}")))
        .map(|(name, description)| ((*name).into(), json!({ "description": description })))
        .collect();
    if !parameters.is_empty() {
        channel.insert("parameters".into(), parameters.into());
    }
    channel.insert("messages".into(), references("components/messages", messages));
    if let Some(stream) = stream {
        channel.insert("x-jetstream".into(), stream);
    }
    channel.into()
}

const PARAMETERS: [(&str, &str); 6] = [
    (
        "unit",
        "Electronic identification code (mã định danh) of the submitting body, such as H50.12.3. Its dots stay: it may \
         be several tokens. What a token may not hold is percent-encoded. `_` when unknown.",
    ),
    (
        "submission",
        "Id of the submission, one token, percent-encoded where need be: the header `ce-id`, else `Nats-Msg-Id`, else \
         the first 32 hex digits of the SHA-256 of the content.",
    ),
    ("severity", "`info`, `warning` or `error`."),
    ("rule", "Id of the rule (`baocao rules`), or `document-refused`."),
    (
        "code",
        "Status as QCVN 102 numbers it: `01` arrived, `02` refused, `03` taken.",
    ),
    ("n", "Number of the alert within its submission, from 0."),
];

/// What may be handed in.
const SUBMISSIONS: [&str; 4] = [
    "ReportSubmission",
    "ReportSubmissionAsJson",
    "Document",
    "StructuredEvent",
];

/// Where messages come in and go out.
fn channels(names: &Names, settings: &Settings) -> Value {
    // All that there are, whatever stages these settings are for.
    let streams = topology::streams(names, &settings.bus, Stages::Extract);
    let kept = |name: String| streams.iter().find(|stream| stream.name == name).map(described);
    let mut received = kept(names.received_stream());
    if let Some(Value::Object(received)) = &mut received {
        let consumer = topology::consumer_config(names, &settings.worker);
        received.insert("consumer".into(), consumer.durable_name.into());
    }
    json!({
        "received": channel(
            &below(&names.all_received(), "{unit}"),
            "Reports handed in",
            "A `ReportSubmission`, or a document as it is with its media type in `Content-Type`. Wait for JetStream's \
             confirmation, and repeat under the same `Nats-Msg-Id` where it does not come.",
            received,
            &SUBMISSIONS,
        ),
        "extracted": channel(
            &below(&names.all_extracted(), "{unit}.{submission}"),
            "Reports extracted",
            "Between the stages, where these run apart (`worker.stages`): on the way from extraction to validation.",
            kept(names.extracted_stream()),
            &["ReportExtracted"],
        ),
        "processed": channel(
            &below(&names.all_processed(), "{unit}.{submission}"),
            "Results",
            "One for each submission, for ever: what was read and what is wrong with it, or why it was refused.",
            kept(names.processed_stream()),
            &["ReportProcessed"],
        ),
        "alerts": channel(
            &below(&names.all_alerts(), "{severity}.{rule}.{unit}.{submission}.{n}"),
            "Alerts",
            "One for each finding at or above `alert.min_severity`, and one for a document that is refused.",
            kept(names.alerts_stream()),
            &["Alert"],
        ),
        "dead": channel(
            &below(&names.all_dead(), "{unit}.{submission}"),
            "Dead letters",
            "What could not be handled, as it came; headers say why. `baocao dead` shows and replays them.",
            kept(names.dead_stream()),
            &["DeadLetter"],
        ),
        "edxmlStatus": channel(
            &below(&names.all_edxml(), "{unit}.{submission}.{code}"),
            "Answers to edXML packets",
            "Status packets (QCVN 102) for who sent a report as an edXML packet; `edxml.status` switches them off.",
            kept(names.edxml_stream()),
            &["StatusPacket"],
        ),
        "extract": channel(
            &names.service("extract"),
            "Reading at once",
            "For a screen that waits, on the NATS Services API.",
            None,
            &SUBMISSIONS,
        ),
        "rules": channel(
            &names.service("rules"),
            "Rules",
            "The rules in force; with an id of a rule as the request, that one.",
            None,
            &["RulesRequest"],
        ),
        "reload": channel(
            &names.control(RELOAD),
            "Reading the settings again",
            "A request of an operator to all workers; each answers.",
            None,
            &["ReloadRequest"],
        ),
        "answers": json!({
            "address": null,
            "title": "Inbox of who asks",
            "messages": references(
                "components/messages",
                &[
                    "ReportProcessedAnswer",
                    "ReportProcessedAnswerAsJson",
                    "RulesAnswer",
                    "ReloadAnswer",
                    "ServiceError",
                ],
            ),
        }),
    })
}

/// A subject with parameters in place of its wildcard.
fn below(subjects: &str, parameters: &str) -> String {
    let beginning = subjects.strip_suffix('>').expect("the subjects of a stream end with >");
    format!("{beginning}{parameters}")
}

/// A stream as the worker creates it where it is missing.
fn described(stream: &stream::Config) -> Value {
    let retention = match stream.retention {
        RetentionPolicy::WorkQueue => "workqueue",
        RetentionPolicy::Interest => "interest",
        RetentionPolicy::Limits => "limits",
    };
    json!({
        "stream": stream.name,
        "subjects": stream.subjects,
        "retention": retention,
        "duplicateWindowSeconds": stream.duplicate_window.as_secs(),
    })
}

fn operations() -> Value {
    let operation = |action: &str, channel: &str, summary: &str, messages: &[&str]| {
        json!({
            "action": action,
            "channel": { "$ref": format!("#/channels/{channel}") },
            "summary": summary,
            "messages": list(channel, messages),
        })
    };
    let asked = |channel: &str, summary: &str, messages: &[&str], answers: &[&str]| {
        let mut operation = operation("receive", channel, summary, messages);
        operation["reply"] = json!({
            "channel": { "$ref": "#/channels/answers" },
            "messages": list("answers", answers),
        });
        operation
    };
    json!({
        "takeReport": operation("receive", "received", "Takes a report from the queue.", &SUBMISSIONS),
        "handOver": operation(
            "send",
            "extracted",
            "Hands an extracted report to the stage that validates.",
            &["ReportExtracted"],
        ),
        "takeExtracted": operation("receive", "extracted", "Takes an extracted report.", &["ReportExtracted"]),
        "publishResult": operation("send", "processed", "Publishes the result of a report.", &["ReportProcessed"]),
        "publishAlert": operation("send", "alerts", "Publishes a finding or a refusal.", &["Alert"]),
        "publishDeadLetter": operation("send", "dead", "Keeps what could not be handled.", &["DeadLetter"]),
        "answerPacket": operation("send", "edxmlStatus", "Says what became of a packet.", &["StatusPacket"]),
        "answerExtract": asked(
            "extract",
            "Reads a report and answers with the result; nothing is stored.",
            &SUBMISSIONS,
            &["ReportProcessedAnswer", "ReportProcessedAnswerAsJson", "ServiceError"],
        ),
        "answerRules": asked(
            "rules",
            "Answers with the rules in force.",
            &["RulesRequest"],
            &["RulesAnswer", "ServiceError"],
        ),
        "answerReload": asked(
            "reload",
            "Reads the settings again, and says what has changed.",
            &["ReloadRequest"],
            &["ReloadAnswer"],
        ),
    })
}

/// References to messages of a channel.
fn list(channel: &str, messages: &[&str]) -> Value {
    let reference = |name| json!({ "$ref": format!("#/channels/{channel}/messages/{name}") });
    messages.iter().map(reference).collect()
}

/// References below a place, by name.
fn references(place: &str, names: &[&str]) -> Value {
    let reference = |name: &&str| ((*name).to_owned(), json!({ "$ref": format!("#/{place}/{name}") }));
    Value::Object(names.iter().map(reference).collect())
}

/// A header: its name, whether it is always there, what it says.
type Header = (&'static str, bool, &'static str);

const CONTENT_TYPE: Header = (headers::CONTENT_TYPE, true, "Media type of the payload.");
const MESSAGE_ID: Header = (
    "Nats-Msg-Id",
    true,
    "Id for the server's duplicate window: a repeated publish is no second message.",
);

/// The worker's condition for storing a message; the server keeps it with the message.
const ONCE: Header = (
    "Nats-Expected-Last-Subject-Sequence",
    false,
    "Made the server refuse a second message on the subject; of no use to readers.",
);

/// CloudEvents 1.0, binary mode of the NATS binding, values percent-encoded; the trace as W3C has it.
const EVENT: [Header; 9] = [
    ("ce-specversion", true, "\"1.0\""),
    (
        "ce-id",
        true,
        "Id of the event, percent-encoded; of a submission or result, that of the submission.",
    ),
    (
        "ce-datacontenttype",
        true,
        "Media type of the content, as Content-Type.",
    ),
    ("ce-type", true, "What the message is."),
    ("ce-source", true, "Who made it, a URI reference."),
    (
        "ce-subject",
        true,
        "The id of the submission that it is about, percent-encoded.",
    ),
    ("ce-time", true, "When it was made, RFC 3339."),
    (
        "traceparent",
        false,
        "W3C trace context; goes on from the submission to all that comes of it.",
    ),
    ("tracestate", false, "W3C trace state, handed on."),
];

const STATUS: Header = (
    publish::STATUS,
    true,
    "`processed`, `refused` or `extracted`, for who does not want to decode the message.",
);

const DEAD: [Header; 8] = [
    ("Baocao-Dead-Reason", true, "A stable word: `too-large`, `not-text`, …"),
    ("Baocao-Dead-Message", true, "The reason, for a person."),
    ("Baocao-Dead-Stage", true, "Where it died: `read`, `panic`, `delivery`."),
    ("Baocao-Dead-Deliveries", true, "How often it was delivered."),
    ("Baocao-Dead-Subject", true, "The subject it was handed in on."),
    (
        "Baocao-Dead-Sequence",
        true,
        "Its sequence in the stream it was handed in to.",
    ),
    ("Baocao-Dead-Submission", true, "The id of the submission."),
    (
        headers::DEAD_PAYLOAD,
        false,
        "Where the content is, if it is not in it: `object NAME SIZE` in the object store, or `omitted`.",
    ),
];

fn header_schema(said: &[&[Header]], kind: Option<&str>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for &(name, always, description) in said.iter().copied().flatten() {
        let mut header = json!({ "type": "string", "description": description });
        if let (Some(kind), "ce-type") = (kind, name) {
            header["const"] = kind.into();
        }
        properties.insert(name.into(), header);
        if always {
            required.push(name);
        }
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

/// Headers that a submitter may leave out.
fn optional_headers() -> Value {
    let mut schema = header_schema(&[&[CONTENT_TYPE, MESSAGE_ID], &EVENT], None);
    schema["properties"]["ce-type"]["examples"] = json!([SUBMITTED]);
    let object = schema.as_object_mut().expect("a schema is an object");
    object.shift_remove("required");
    schema
}

/// A message with a payload of a protobuf type.
fn typed(name: &str, title: &str, content_type: &str, headers: Value) -> Value {
    json!({
        "name": name,
        "title": title,
        "contentType": content_type,
        "headers": headers,
        "payload": { "$ref": format!("{SCHEMAS}{PACKAGE}.{name}") },
        "x-protobuf": { "message": format!("{PACKAGE}.{name}"), "file": file_of(name) },
    })
}

fn file_of(name: &str) -> String {
    let message = message(name).expect("each message that travels is in the schemas");
    message.parent_file().name().to_owned()
}

fn messages() -> Value {
    let event =
        |kind: &str, more: &[Header]| header_schema(&[&[CONTENT_TYPE, MESSAGE_ID, ONCE], &EVENT, more], Some(kind));
    let answer = || header_schema(&[&[CONTENT_TYPE]], None);
    let mut messages = Map::new();
    let mut add = |key: &str, message: Value| messages.insert(key.into(), message);
    add(
        "ReportSubmission",
        typed(
            "ReportSubmission",
            "A report handed in",
            headers::PROTOBUF,
            optional_headers(),
        ),
    );
    add(
        "ReportSubmissionAsJson",
        typed(
            "ReportSubmission",
            "A report handed in, as JSON",
            headers::JSON,
            optional_headers(),
        ),
    );
    add(
        "Document",
        json!({
            "name": "Document",
            "title": "A document as it is",
            "summary": "Plain text, DOCX, XLSX, HTML, PDF, images, DOC, RTF, edXML. Its media type stands in \
                Content-Type, or is found by looking at it.",
            "contentType": "application/octet-stream",
            "headers": optional_headers(),
            "payload": { "type": "string", "contentEncoding": "binary" },
        }),
    );
    add(
        "ReportExtracted",
        typed(
            "ReportExtracted",
            "What one stage hands to the next",
            headers::PROTOBUF,
            event(EXTRACTED, &[STATUS]),
        ),
    );
    add(
        "ReportProcessed",
        typed(
            "ReportProcessed",
            "The result of a report",
            headers::PROTOBUF,
            event(PROCESSED, &[STATUS]),
        ),
    );
    add(
        "Alert",
        typed("Alert", "A finding, or a refusal", headers::PROTOBUF, event(ALERT, &[])),
    );
    add("DeadLetter", dead_letter());
    add(
        "StatusPacket",
        json!({
            "name": "StatusPacket",
            "title": "What became of an edXML packet",
            "contentType": edxml::MEDIA_TYPE,
            "headers": event(EDXML_STATUS, &[]),
            "payload": { "type": "string", "contentMediaType": edxml::MEDIA_TYPE },
        }),
    );
    add(
        "ReportProcessedAnswer",
        typed("ReportProcessed", "The result of a report", headers::PROTOBUF, answer()),
    );
    add(
        "ReportProcessedAnswerAsJson",
        typed(
            "ReportProcessed",
            "The result of a report, as JSON",
            headers::JSON,
            answer(),
        ),
    );
    add(
        "RulesRequest",
        json!({
            "name": "RulesRequest",
            "title": "Nothing, or the id of a rule",
            "contentType": "text/plain",
            "payload": { "type": "string", "examples": ["", "sum-mismatch"] },
        }),
    );
    add("RulesAnswer", rules_answer(answer()));
    add("StructuredEvent", structured_event());
    add(
        "ReloadRequest",
        json!({
            "name": "ReloadRequest",
            "title": "Nothing",
            "contentType": "text/plain",
            "payload": { "type": "string", "maxLength": 0 },
        }),
    );
    add("ReloadAnswer", reload_answer(answer()));
    add("ServiceError", service_error());
    Value::Object(messages)
}

/// A CloudEvent that has all in its payload.
fn structured_event() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "name": "StructuredEvent",
        "title": "A CloudEvent in structured mode",
        "contentType": "application/cloudevents+json",
        "headers": header_schema(&[&[CONTENT_TYPE]], None),
        "payload": {
            "type": "object",
            "properties": {
                "specversion": { "const": "1.0" },
                "id": text("Id of the submission."),
                "type": { "type": "string", "examples": [SUBMITTED] },
                "source": text("Where it comes from, a URI reference."),
                "time": { "type": "string", "format": "date-time" },
                "datacontenttype": text("Media type of the data: of a document, or as for a `ReportSubmission`."),
                "data": { "description": "A `ReportSubmission` as JSON, or a document that is text." },
                "data_base64": { "type": "string", "contentEncoding": "base64", "description": "Any other document." },
            },
            "required": ["specversion", "id", "type", "source"],
        },
    })
}

fn reload_answer(headers: Value) -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let settings = |description: &str| json!({ "type": "array", "description": description });
    json!({
        "name": "ReloadAnswer",
        "title": "What became of the settings of one worker",
        "contentType": headers::JSON,
        "headers": headers,
        "payload": {
            "type": "object",
            "properties": {
                "outcome": { "enum": ["changed", "unchanged", "refused"] },
                "changed": settings("Settings that are in force now."),
                "restart": settings("Settings that take a restart."),
                "why": text("Why the new settings were refused."),
                "configuration": text("The settings in force, as `producer.configuration` of results says it."),
                "worker": text("Which worker answers."),
                "version": text("Its version."),
            },
            "required": ["outcome", "configuration"],
        },
    })
}

fn dead_letter() -> Value {
    let mut schema = header_schema(&[&[MESSAGE_ID, ONCE], &DEAD], None);
    schema["description"] =
        "And those that the message came with; of these, the ones that begin with `Nats-` go on as \
        `Baocao-Original-Nats-…`."
            .into();
    json!({
        "name": "DeadLetter",
        "title": "What could not be handled, as it came",
        "contentType": "application/octet-stream",
        "headers": schema,
        "payload": { "type": "string", "contentEncoding": "binary" },
    })
}

fn rules_answer(headers: Value) -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let rule = json!({
        "type": "object",
        "properties": {
            "id": text("Id of the rule."),
            "severity": text("Severity without settings."),
            "inForce": text("Severity in force, or `off`."),
            "status": text("`stable` or `preview`."),
            "since": text("The version that it came with."),
            "summaryVi": text("What it finds, in Vietnamese."),
            "summaryEn": text("What it finds, in English."),
            "documentation": text("Its page, in Markdown."),
        },
    });
    json!({
        "name": "RulesAnswer",
        "title": "The rules, or the one that was asked for",
        "contentType": headers::JSON,
        "headers": headers,
        "payload": { "oneOf": [{ "type": "array", "items": rule }, rule] },
    })
}

fn service_error() -> Value {
    let said: [Header; 2] = [
        (
            "Nats-Service-Error-Code",
            true,
            "400 no submission, 404 no such rule, 413 too large, 422 cannot be read, 500 the program failed, 503 too \
             many requests, 504 too slow.",
        ),
        ("Nats-Service-Error", true, "What happened, for a person."),
    ];
    json!({
        "name": "ServiceError",
        "title": "Why there is no answer",
        "contentType": "text/plain",
        "headers": header_schema(&[&said], None),
        "payload": { "type": "string", "maxLength": 0 },
    })
}

/// Where the schemas of messages stand in the document.
const SCHEMAS: &str = "#/components/schemas/";

fn schemas() -> Value {
    let mut definitions = Definitions::new(SCHEMAS);
    for name in super::MESSAGES {
        definitions.add(&message(name).expect("each message that travels is in the schemas"));
    }
    definitions.into_value()
}
