//! `salstream live`: the same stages as for a file, with links that keep only the newest item.

pub mod capture;
pub mod config;
mod freeze_frame;
mod meter;
mod outage;
mod recorder;
pub mod segments;
pub mod serve;
mod session;
pub mod session_hub;
mod snapshot;
#[cfg_attr(not(feature = "window"), path = "no_window.rs")]
pub mod window;

pub use recorder::RecordingReport;
pub use session::{SessionEnding, SessionSummary, live};

/// Lists this machine's cameras and their modes.
pub fn cameras() -> String {
    let cameras = capture::list();
    if cameras.is_empty() {
        return "no camera on this machine\n".into();
    }
    let lines = cameras.iter().map(|(path, name, modes)| {
        let modes: String = modes.iter().map(|mode| format!("    {mode}\n")).collect();
        format!("{}  {name}\n{modes}", path.display())
    });
    lines.collect()
}
