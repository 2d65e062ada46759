//! Integration tests, in one binary, against real servers.

#![allow(clippy::unwrap_used, missing_docs)]

mod contract;
mod faults;
mod harness;
mod hostile;
mod reports;
