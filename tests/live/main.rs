//! `salstream live` as a user meets it: real streams on loopback, recordings, the page, and what goes wrong.

mod bad_input;
mod feeds;
mod page;
#[allow(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/program.rs"]
mod program;
mod recording;
mod session;
