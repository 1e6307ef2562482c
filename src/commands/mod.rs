//! The commands, each with its own configuration.

pub mod batch;
pub mod bench;
pub mod doctor;
pub mod eval;
pub mod live;
pub mod model;
pub mod reframe;
pub mod run;
pub mod setup;
