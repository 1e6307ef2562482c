//! The program as a user meets it: what it makes of good input, and what it says of bad.

mod bad_input;
#[path = "../support/data.rs"]
mod data;
mod eval;
mod gradient;
mod model;
mod outputs;
#[path = "../support/program.rs"]
mod program;
mod pull;
mod run;
mod server;
mod speed;
mod static_maps;
