//! baocao reads Vietnamese administrative reports (báo cáo) and checks them the way a careful
//! clerk would.
//!
//! The core is pure: [`decode`], [`extract`], [`validate`] and [`alert`] are functions of their
//! input, and [`pipeline`] runs them in a row. [`wire`] turns their types into the protobuf
//! messages other services see. [`bus`] knows NATS and no Vietnamese; [`worker`] is the only
//! module that knows both.

pub mod alert;
pub mod bus;
pub mod cli;
pub mod config;
pub mod decode;
pub mod document;
pub mod extract;
pub mod packet;
pub mod pipeline;
pub mod schema;
pub mod shadow;
pub mod telemetry;
pub mod validate;
pub mod vocabulary;
pub mod wire;
pub mod worker;

/// The protobuf messages, generated from `proto/`.
#[allow(missing_docs, clippy::all, rustdoc::all)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/proto.rs"));
}
