//! The subcommands, each with a configuration of its own.

pub mod batch;
pub mod bench;
pub mod doctor;
pub mod eval;
pub mod live;
pub mod model;
pub mod run;
