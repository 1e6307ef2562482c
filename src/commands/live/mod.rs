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
pub mod window;

pub use feed::hold_nothing_back;
pub use session::{Ending, Summary, live};

/// This machine's cameras, each with its modes.
pub fn cameras() -> String {
    let cameras = feed::list();
    if cameras.is_empty() {
        return "no camera on this machine\n".into();
    }
    let lines = cameras.iter().map(|(path, name, modes)| {
        let modes: String = modes.iter().map(|mode| format!("    {mode}\n")).collect();
        format!("{}  {name}\n{modes}", path.display())
    });
    lines.collect()
}
