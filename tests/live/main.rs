//! `salstream live` as users see it: real streams on loopback, recordings, the page, and errors.

mod attack;
mod attack_access;
mod attack_flood;
mod attack_table;
mod bad_input;
mod feeds;
mod outages;
mod page;
#[allow(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/processes.rs"]
mod processes;
#[allow(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/program.rs"]
mod program;
mod recording;
mod session;
