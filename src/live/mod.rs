//! `salstream live`: the same stages as a file's run, with links that always hold the present moment.

pub mod config;
pub mod desk;
pub mod feed;
mod meter;
mod recorder;
pub mod serve;
mod session;
mod snapshot;
mod stale;
mod window;

pub use feed::hold_nothing_back;
pub use session::{Ending, Summary, live};
