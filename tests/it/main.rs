//! Integration tests, in one binary: the built program as its users drive it, and the worker on
//! real servers.

#![allow(clippy::unwrap_used)]

mod bus;
mod cli;
mod cluster;
mod contract;
mod dead;
mod edxml;
mod faults;
mod formats;
mod harness;
mod hostile;
mod large;
mod limits;
mod metrics;
mod noise;
mod privacy;
mod reports;
mod sandbox;
mod security;
mod service;
mod stages;
mod support;
