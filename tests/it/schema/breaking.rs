//! What would break other services: the schemas compared with those of the last release, which stand in
//! `tests/released`. At a release, copy `proto/baocao` and `proto/google` over it.

use std::{collections::BTreeMap, fs, path::Path};

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    ServiceDescriptorProto, field_descriptor_proto::Label,
};
use tempfile::TempDir;

use crate::harness::crate_root;

/// All that breaks who was built with the old schemas: on the wire, in JSON, or when its classes are generated anew.
fn breaks(old: &FileDescriptorSet, new: &FileDescriptorSet) -> Vec<String> {
    let mut breaks = Breaks(Vec::new());
    let by_name: BTreeMap<&str, &FileDescriptorProto> = new.file.iter().map(|file| (file.name(), file)).collect();
    for old in &old.file {
        match by_name.get(old.name()) {
            Some(new) => breaks.file(old, new),
            None => breaks.say(old.name(), "is gone"),
        }
    }
    breaks.0
}

struct Breaks(Vec<String>);

impl Breaks {
    fn say(&mut self, what: &str, happened: &str) {
        self.0.push(format!("{what} {happened}"));
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, which: &str, old: &T, new: &T) {
        if old != new {
            self.say(what, &format!("has another {which}: {old:?} was, {new:?} is"));
        }
    }

    fn file(&mut self, old: &FileDescriptorProto, new: &FileDescriptorProto) {
        let file = old.name();
        self.same(file, "package", &old.package(), &new.package());
        self.same(file, "syntax", &old.syntax(), &new.syntax());
        // Where generated classes come to lie.
        let places = |file: &FileDescriptorProto| {
            file.options.as_ref().map(|options| {
                let multiple = options.java_multiple_files();
                (options.go_package.clone(), options.java_package.clone(), multiple)
            })
        };
        self.same(file, "package in Go or Java", &places(old), &places(new));
        self.messages(old.package(), &old.message_type, &new.message_type);
        self.enums(old.package(), &old.enum_type, &new.enum_type);
        for service in &old.service {
            match new.service.iter().find(|new| new.name() == service.name()) {
                Some(new) => self.service(&format!("{}.{}", old.package(), service.name()), service, new),
                None => self.say(&format!("service {}", service.name()), "is gone"),
            }
        }
    }

    fn messages(&mut self, within: &str, old: &[DescriptorProto], new: &[DescriptorProto]) {
        for old in old {
            let name = format!("{within}.{}", old.name());
            match new.iter().find(|new| new.name() == old.name()) {
                Some(new) => self.message(&name, old, new),
                None => self.say(&name, "is gone from its file"),
            }
        }
    }

    fn message(&mut self, name: &str, old: &DescriptorProto, new: &DescriptorProto) {
        for field in &old.field {
            let called = format!("{name}.{}", field.name());
            match new.field.iter().find(|new| new.number() == field.number()) {
                Some(same) => self.field(&called, (old, field), (new, same)),
                None => {
                    let (number, word) = (field.number(), field.name());
                    let range = |range: &prost_types::descriptor_proto::ReservedRange| {
                        range.start() <= number && number < range.end()
                    };
                    let is_reserved =
                        new.reserved_range.iter().any(range) && new.reserved_name.iter().any(|r| r == word);
                    let how = if is_reserved {
                        "is gone; say so in the release notes and take it out of tests/released"
                    } else {
                        "is gone, and its number and name are not both reserved"
                    };
                    self.say(&called, how);
                }
            }
        }
        for range in &old.reserved_range {
            if !new.reserved_range.contains(range) {
                self.say(
                    name,
                    &format!("no longer reserves {} to {}", range.start(), range.end() - 1),
                );
            }
        }
        for reserved in &old.reserved_name {
            if !new.reserved_name.contains(reserved) {
                self.say(name, &format!("no longer reserves the name {reserved}"));
            }
        }
        self.messages(name, &old.nested_type, &new.nested_type);
        self.enums(name, &old.enum_type, &new.enum_type);
    }

    fn field(
        &mut self,
        name: &str,
        (old_message, old): (&DescriptorProto, &FieldDescriptorProto),
        (new_message, new): (&DescriptorProto, &FieldDescriptorProto),
    ) {
        self.same(name, "name", &old.name(), &new.name());
        self.same(name, "name in JSON", &old.json_name(), &new.json_name());
        self.same(
            name,
            "type",
            &(old.r#type(), old.type_name()),
            &(new.r#type(), new.type_name()),
        );
        let label = |field: &FieldDescriptorProto| match (field.label(), field.proto3_optional()) {
            (Label::Repeated, _) => "repeated",
            (_, true) => "optional",
            _ => "single",
        };
        self.same(name, "label", &label(old), &label(new));
        let oneof = |message: &DescriptorProto, field: &FieldDescriptorProto| {
            let index = field.oneof_index.filter(|_| !field.proto3_optional())?;
            Some(message.oneof_decl[index as usize].name().to_owned())
        };
        self.same(name, "oneof", &oneof(old_message, old), &oneof(new_message, new));
    }

    fn enums(&mut self, within: &str, old: &[EnumDescriptorProto], new: &[EnumDescriptorProto]) {
        for old in old {
            let name = format!("{within}.{}", old.name());
            let Some(new) = new.iter().find(|new| new.name() == old.name()) else {
                self.say(&name, "is gone from its file");
                continue;
            };
            for value in &old.value {
                let called = format!("{name}.{}", value.name());
                match new.value.iter().find(|new| new.number() == value.number()) {
                    Some(new) => self.same(&called, "name", &value.name(), &new.name()),
                    None => self.say(&called, "is gone"),
                }
            }
        }
    }

    fn service(&mut self, name: &str, old: &ServiceDescriptorProto, new: &ServiceDescriptorProto) {
        for method in &old.method {
            let called = format!("{name}.{}", method.name());
            match new.method.iter().find(|new| new.name() == method.name()) {
                Some(new) => {
                    self.same(&called, "request", &method.input_type(), &new.input_type());
                    self.same(&called, "answer", &method.output_type(), &new.output_type());
                    let streams = |method: &prost_types::MethodDescriptorProto| {
                        (method.client_streaming(), method.server_streaming())
                    };
                    self.same(&called, "streaming", &streams(method), &streams(new));
                }
                None => self.say(&called, "is gone"),
            }
        }
    }
}

/// The descriptors of all schemas of ours below a folder.
fn compiled(folder: &Path) -> FileDescriptorSet {
    let package = folder.join("baocao/v1");
    let files = fs::read_dir(package).unwrap().map(|entry| entry.unwrap().file_name());
    let mut files: Vec<String> = files
        .map(|name| format!("baocao/v1/{}", name.into_string().unwrap()))
        .collect();
    files.sort();
    protox::compile(files, [folder]).unwrap()
}

#[test]
fn the_schemas_break_nobody_who_uses_those_of_the_last_release() {
    let (old, new) = (crate_root().join("tests/released"), crate_root().join("proto"));
    let old = compiled(&old);
    assert!(old.file.len() >= 6, "the schemas of the last release are gone");
    assert_eq!(breaks(&old, &compiled(&new)), Vec::<String>::new());
}

const OLD: &str = r#"
syntax = "proto3";
package baocao.v1;
option go_package = "a";
message Report {
  reserved 7, 9 to 11;
  reserved "gone";
  string title = 1;
  uint32 pages = 2;
  repeated Part parts = 3;
  optional uint32 sure = 4;
  oneof where { string place = 5; string object = 6; }
  message Inner { bool here = 1; }
}
message Part { Kind kind = 1; }
enum Kind { KIND_UNSPECIFIED = 0; KIND_A = 1; KIND_B = 2; }
service Reader {
  rpc Read(Report) returns (Part);
  rpc Look(Report) returns (stream Part);
}
"#;

/// What breaks when the old schema is edited so.
fn edited(edits: &[(&str, &str)]) -> Vec<String> {
    let mut new = OLD.to_owned();
    for (before, after) in edits {
        assert!(new.contains(before), "{before}");
        new = new.replace(before, after);
    }
    let compile = |text: &str| {
        let folder = TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("baocao/v1")).unwrap();
        fs::write(folder.path().join("baocao/v1/report.proto"), text).unwrap();
        compiled(folder.path())
    };
    breaks(&compile(OLD), &compile(&new))
}

#[test]
fn additions_break_nobody() {
    let fine = [
        ("bool here = 1;", "bool here = 1; string more = 2;"),
        ("KIND_B = 2;", "KIND_B = 2; KIND_C = 3;"),
        (
            "message Part {",
            "message More { string text = 1; }\nmessage Part { // with a comment\n",
        ),
        ("reserved 7,", "reserved 7, 8,"),
        ("rpc Read", "rpc Write(Part) returns (Report);\n rpc Read"),
    ];
    assert_eq!(edited(&fine), Vec::<String>::new());
}

#[test]
fn each_kind_of_break_is_seen() {
    for (before, after, said) in [
        (
            "string title = 1;",
            "string heading = 1;",
            "Report.title has another name",
        ),
        (
            "string title = 1;",
            "string title = 12;",
            "Report.title is gone, and its number",
        ),
        (
            "string title = 1;",
            "reserved 1;",
            "Report.title is gone, and its number and name are not both reserved",
        ),
        (
            "string title = 1;",
            "reserved 1; reserved \"title\";",
            "Report.title is gone; say so",
        ),
        ("string title = 1;", "bytes title = 1;", "Report.title has another type"),
        (
            "string title = 1;",
            "string title = 1 [json_name = \"t\"];",
            "Report.title has another name in JSON",
        ),
        (
            "string title = 1;",
            "repeated string title = 1;",
            "Report.title has another label",
        ),
        ("uint32 pages = 2;", "int64 pages = 2;", "Report.pages has another type"),
        (
            "repeated Part parts = 3;",
            "Part parts = 3;",
            "Report.parts has another label",
        ),
        (
            "repeated Part parts = 3;",
            "repeated Inner parts = 3;",
            "Report.parts has another type",
        ),
        ("optional uint32 sure", "uint32 sure", "Report.sure has another label"),
        ("oneof where", "oneof there", "Report.place has another oneof"),
        (
            "reserved 7, 9 to 11;",
            "reserved 9 to 11;",
            "Report no longer reserves 7 to 7",
        ),
        ("reserved \"gone\";", "", "Report no longer reserves the name gone"),
        ("message Inner { bool here = 1; }", "", "Report.Inner is gone"),
        ("KIND_A = 1; ", "", "Kind.KIND_A is gone"),
        ("KIND_A = 1; ", "KIND_A = 5; ", "Kind.KIND_A is gone"),
        ("KIND_A = 1; ", "KIND_X = 1; ", "Kind.KIND_A has another name"),
        ("package baocao.v1;", "package baocao.v2;", "has another package"),
        (
            "go_package = \"a\"",
            "go_package = \"b\"",
            "has another package in Go or Java",
        ),
        ("rpc Read(Report)", "rpc Read(Part)", "Reader.Read has another request"),
        ("(stream Part)", "(Part)", "Reader.Look has another streaming"),
        ("rpc Read(Report) returns (Part);", "", "Reader.Read is gone"),
        ("service Reader", "service Writer", "service Reader is gone"),
    ] {
        let found = edited(&[(before, after)]);
        assert!(
            found.iter().any(|found| found.contains(said)),
            "{before} -> {after}: {found:?}"
        );
    }
}

#[test]
fn a_message_or_a_file_that_goes_is_seen() {
    let without_kind = [
        ("enum Kind { KIND_UNSPECIFIED = 0; KIND_A = 1; KIND_B = 2; }", ""),
        ("Kind kind", "uint32 kind"),
    ];
    assert!(edited(&without_kind).iter().any(|found| found.contains("Kind is gone")));
    let all = compiled(&crate_root().join("proto"));
    let mut fewer = all.clone();
    fewer.file.retain(|file| file.name() != "baocao/v1/alert.proto");
    assert_eq!(breaks(&all, &fewer), ["baocao/v1/alert.proto is gone"]);
}
