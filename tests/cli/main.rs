//! The program as users see it: its output for good input, and its messages for bad input.

mod bad_input;
mod damage;
#[path = "../support/data.rs"]
mod data;
mod eval;
mod gradient;
mod heads;
mod maps;
mod model;
mod outputs;
mod pipes;
mod pipes_as_files;
#[path = "../support/program.rs"]
mod program;
mod pull;
mod records;
mod reframe;
mod run;
mod server;
mod setup;
mod speed;
mod static_maps;
