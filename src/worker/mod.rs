//! The stages as async handlers: concurrency, heartbeats, retry, drain.
