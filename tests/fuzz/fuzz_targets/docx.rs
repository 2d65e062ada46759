//! DOCX: any bytes, and any parts of a package, are a document within the limits or a refusal.

#![no_main]

use baocao::decode::docx;
use baocao_fuzz::{check, limits, package};
use libfuzzer_sys::fuzz_target;

const PARTS: [&str; 6] = [
    "word/document.xml",
    "word/styles.xml",
    "word/numbering.xml",
    "word/footnotes.xml",
    "word/endnotes.xml",
    "word/header1.xml",
];
const RELATIONS: &str = r#"<Relationships>
<Relationship Type="x/styles" Target="styles.xml"/><Relationship Type="x/numbering" Target="numbering.xml"/>
<Relationship Type="x/footnotes" Target="footnotes.xml"/><Relationship Type="x/endnotes" Target="endnotes.xml"/>
<Relationship Id="h" Type="x/header" Target="header1.xml"/></Relationships>"#;

fuzz_target!(|data: &[u8]| {
    let limits = limits();
    let package = package(data, &PARTS, &[("word/_rels/document.xml.rels", RELATIONS)]);
    check(docx::decode(&package, &limits), &limits);
});
