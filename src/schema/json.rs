//! JSON Schema (draft 2020-12) of messages in their canonical proto3 JSON.
//!
//! The schemas describe what this program writes. They leave room for fields of later versions, which a reader has to
//! pass over; and as proto3 JSON leaves out what has its default value, no field is required.

use std::collections::BTreeMap;

use prost_reflect::{Cardinality, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::comment;

/// The schema of a message, complete in itself: the messages and enums it is made of stand in its `$defs`.
pub fn schema(message: &MessageDescriptor) -> Value {
    let mut definitions = Definitions::new("#/$defs/");
    definitions.add(message);
    let mut schema = Map::new();
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("$id".into(), format!("urn:baocao:{}", message.full_name()).into());
    schema.insert("$ref".into(), definitions.reference(message.full_name()).into());
    schema.insert("$defs".into(), definitions.into_value());
    Value::Object(schema)
}

/// Schemas of messages and enums by their full names, which refer to one another.
#[derive(Debug)]
pub struct Definitions {
    /// Beginning of references.
    base: &'static str,
    schemas: BTreeMap<String, Value>,
}

impl Definitions {
    /// None yet; they will stand at `base` in their document ("#/$defs/").
    pub fn new(base: &'static str) -> Self {
        Self {
            base,
            schemas: BTreeMap::new(),
        }
    }

    /// Adds a message and all that it is made of.
    pub fn add(&mut self, message: &MessageDescriptor) {
        if self.schemas.contains_key(message.full_name()) {
            return;
        }
        // A message may hold itself: its place is taken before its parts are looked at.
        self.schemas.insert(message.full_name().into(), Value::Null);
        let mut properties = Map::new();
        for field in message.fields() {
            properties.insert(field.json_name().into(), self.field(&field));
        }
        let schema = json!({
            "title": message.name(),
            "description": comment(&message.parent_file(), message.path()),
            "type": "object",
            "properties": properties,
        });
        self.schemas.insert(message.full_name().into(), schema);
    }

    /// The reference to a message or enum.
    pub fn reference(&self, full_name: &str) -> String {
        format!("{}{full_name}", self.base)
    }

    /// As a JSON object, sorted by name.
    pub fn into_value(self) -> Value {
        Value::Object(self.schemas.into_iter().collect())
    }

    fn field(&mut self, field: &FieldDescriptor) -> Value {
        assert!(
            !field.is_map(),
            "no message has a map yet; say here how one looks in JSON"
        );
        let one = self.kind(&field.kind());
        let mut schema = match field.cardinality() {
            Cardinality::Repeated => json!({ "type": "array", "items": one }),
            _ => one,
        };
        let said = comment(&field.parent_message().parent_file(), field.path());
        let object = schema.as_object_mut().expect("each schema is an object");
        if !said.is_empty() {
            object.insert("description".into(), said.into());
        }
        schema
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX })
            }
            Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
            // As text: a JavaScript number does not hold them.
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({ "type": "string", "pattern": "^-?[0-9]+$" }),
            Kind::Uint64 | Kind::Fixed64 => json!({ "type": "string", "pattern": "^[0-9]+$" }),
            Kind::Float | Kind::Double => json!({ "type": ["number", "string"] }),
            Kind::Enum(kind) => {
                self.add_enum(kind);
                json!({ "$ref": self.reference(kind.full_name()) })
            }
            Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
                json!({ "type": "string", "format": "date-time" })
            }
            Kind::Message(message) => {
                self.add(message);
                json!({ "$ref": self.reference(message.full_name()) })
            }
        }
    }

    fn add_enum(&mut self, kind: &EnumDescriptor) {
        let file = kind.parent_file();
        let values: Vec<Value> = kind.values().map(|value| value.name().into()).collect();
        let meanings: Vec<String> = kind
            .values()
            .map(|value| format!("{}: {}", value.name(), comment(&file, value.path())))
            .collect();
        let said = comment(&file, kind.path());
        let schema = json!({
            "title": kind.name(),
            "description": format!("{said}\n\n{}", meanings.join("\n")),
            "type": "string",
            "enum": values,
        });
        self.schemas.insert(kind.full_name().into(), schema);
    }
}
