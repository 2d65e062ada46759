//! Integration tests, in one binary.

mod noise;
mod support;
