//! The reference page of the messages, in Markdown. It stands in `proto/README.md`.

use prost_reflect::{Cardinality, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};

use super::{MESSAGES, SOURCES, comment};
use crate::wire;

const INTRODUCTION: &str = "# Messages

What travels on the bus: protobuf, package `baocao.v1`, or the canonical proto3 JSON of the same messages. Made by
`baocao schema page` from the comments of the schemas; a test compares the two.

Beside this page stand the schemas themselves, [`asyncapi.json`](asyncapi.json) with subjects, headers and operations
(AsyncAPI 3.0; `baocao schema asyncapi` prints it for the prefix of your settings), and JSON Schemas of the messages
under [`jsonschema`](jsonschema). `baocao schema proto --out DIR` writes the schemas where only the program is at hand.

In JSON, names are those of the column *JSON*; a field that has its default value (nought, empty, false, the first value
of an enum) is left out; 64-bit numbers are strings; bytes are base64; a `Timestamp` is a string as in RFC 3339. Readers
pass over fields and values that they do not know: later versions add some. Fields are never removed, renamed or given
another type; a test compares the schemas with those of the last release.
";

/// The whole page.
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    page += "\nMessages that travel as such: ";
    page += &MESSAGES.map(|name| link(name, "baocao.v1")).join(", ");
    page += ". All others are parts of them.\n";
    for (path, _) in SOURCES {
        let file = wire::descriptors().get_file_by_name(path);
        page += &of_file(&file.expect("each schema is compiled in"));
    }
    page
}

fn of_file(file: &FileDescriptor) -> String {
    let mut section = format!("\n## {}\n", file.name());
    for message in file.messages() {
        section += &of_message(&message);
    }
    for kind in file.enums() {
        section += &of_enum(&kind);
    }
    section
}

fn of_message(message: &MessageDescriptor) -> String {
    let file = message.parent_file();
    let mut section = heading(message.name(), &comment(&file, message.path()));
    section += "| no. | field | JSON | type | |\n|---|---|---|---|---|\n";
    for field in message.fields() {
        section += &format!(
            "| {} | `{}` | `{}` | {} | {} |\n",
            field.number(),
            field.name(),
            field.json_name(),
            type_of(&field),
            in_a_cell(&comment(&file, field.path()))
        );
    }
    section
}

fn of_enum(kind: &EnumDescriptor) -> String {
    let file = kind.parent_file();
    let mut section = heading(kind.name(), &comment(&file, kind.path()));
    section += "| no. | value | |\n|---|---|---|\n";
    for value in kind.values() {
        let said = in_a_cell(&comment(&file, value.path()));
        section += &format!("| {} | `{}` | {said} |\n", value.number(), value.name());
    }
    section
}

fn heading(name: &str, said: &str) -> String {
    format!("\n### {name}\n\n{}\n\n", without_tags(said))
}

fn type_of(field: &FieldDescriptor) -> String {
    let package = field.parent_message().package_name().to_owned();
    let kind = match field.kind() {
        Kind::Message(message) if message.package_name() == "google.protobuf" => format!("`{}`", message.name()),
        Kind::Message(message) => link(message.full_name(), &package),
        Kind::Enum(kind) => link(kind.full_name(), &package),
        scalar => format!("`{scalar:?}`"),
    };
    match field.cardinality() {
        Cardinality::Repeated => format!("repeated {kind}"),
        _ if field.field_descriptor_proto().proto3_optional() => format!("optional {kind}"),
        _ => kind,
    }
}

/// A link to the section of a message or enum.
fn link(full_name: &str, package: &str) -> String {
    let name = full_name.rsplit('.').next().unwrap_or(full_name);
    let shown = full_name.strip_prefix(&format!("{package}.")).unwrap_or(full_name);
    format!("[`{shown}`](#{})", name.to_ascii_lowercase())
}

fn in_a_cell(text: &str) -> String {
    without_tags(text).replace('|', "\\|")
}

/// Outside of code, `<` would begin a tag.
fn without_tags(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let safe: Vec<String> = parts
        .map(|(n, part)| {
            if n % 2 == 0 {
                part.replace('<', "&lt;")
            } else {
                part.to_owned()
            }
        })
        .collect();
    safe.join("`")
}
