//! Integration tests, in one binary.

mod cli;
mod noise;
mod support;
