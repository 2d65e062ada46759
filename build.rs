//! Compiles the protobuf schemas with protox, so that no `protoc` need be installed, and keeps the
//! descriptors for canonical JSON.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const SCHEMAS: [&str; 5] = ["submission", "report", "finding", "processed", "alert"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = SCHEMAS.map(|name| format!("baocao/v1/{name}.proto"));
    let descriptors = protox::compile(files, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    prost_build::Config::new()
        .include_file("proto.rs")
        .compile_fds(descriptors)?;
    Ok(())
}
