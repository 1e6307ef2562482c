//! The program as users see it: its output for good input, and its messages for bad input.

mod bad_input;
mod eval;
mod gradient;
mod model;
mod outputs;
mod program;
mod pull;
mod run;
mod server;
mod speed;
mod static_maps;
