//! XLSX: any bytes, and any parts of a package, are a document within the limits or a refusal.

#![no_main]

use baocao::decode::xlsx;
use baocao_fuzz::{check, limits, package};
use libfuzzer_sys::fuzz_target;

const PARTS: [&str; 4] = [
    "xl/worksheets/sheet1.xml",
    "xl/sharedStrings.xml",
    "xl/styles.xml",
    "xl/workbook.xml",
];
const ROOT: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/>
</Relationships>"#;
const RELATIONS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>
</Relationships>"#;

fuzz_target!(
    // The reader of sheets panics on some broken files, which is caught: libfuzzer must not see it first.
    init: std::panic::set_hook(Box::new(|_| ())),
    |data: &[u8]| {
        let limits = limits();
        let package = package(data, &PARTS, &[("_rels/.rels", ROOT), ("xl/_rels/workbook.xml.rels", RELATIONS)]);
        check(xlsx::decode(&package, &limits), &limits);
    }
);
