//! Integration tests, in one binary: the built program as its users drive it, and the worker on
//! real servers.

#![allow(clippy::unwrap_used)]

mod bus;
mod chaos;
mod cli;
mod cluster;
mod contract;
mod dead;
mod doctor;
mod edxml;
mod faults;
mod formats;
mod harness;
mod hostile;
mod intake;
mod kubernetes;
mod large;
mod limits;
mod logs;
mod metrics;
mod monitoring;
mod noise;
mod privacy;
mod proxy;
mod reload;
mod reports;
mod sandbox;
mod schema;
mod security;
mod service;
mod soak;
mod stages;
mod support;
mod traces;
