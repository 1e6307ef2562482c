//! `salstream live` as users see it: real streams on loopback, recordings, the page, and errors.

mod bad_input;
mod feeds;
mod page;
#[allow(dead_code, reason = "shared with the tests of the other commands, which use all of it")]
#[path = "../cli/program.rs"]
mod program;
mod recording;
mod session;
