//! `salstream doctor`: what is installed, what is missing, and how to mend it.

use std::path::PathBuf;
use std::process::Command;

use crate::model::catalog;
use crate::runtime::{Device, Runtime};
use crate::{Result, home};

/// One line of the report.
struct Finding {
    what: &'static str,
    state: State,
}

enum State {
    /// There, with its version and place.
    Good(String),
    /// Not there, but the main job runs without it.
    Limited(String),
    /// Not there, and the main job cannot run.
    Missing(String),
}

/// Prints the report to standard output. Returns whether the main job can run.
///
/// # Errors
/// [`Error::Graph`](crate::Error::Graph) where the built-in catalogue is broken, which a test rules out.
pub fn report() -> Result<bool> {
    let mut findings = vec![runtime(), opencv(), program("ffmpeg"), program("ffprobe")];
    findings.extend(models()?);
    println!("salstream {}, data in {}", env!("CARGO_PKG_VERSION"), home::folder().display());
    for Finding { what, state } in &findings {
        let (mark, text) = match state {
            State::Good(text) => ("ok     ", text),
            State::Limited(text) => ("limited", text),
            State::Missing(text) => ("MISSING", text),
        };
        println!("{mark}  {what:<13} {text}");
    }
    Ok(!findings.iter().any(|finding| matches!(finding.state, State::Missing(_))))
}

fn runtime() -> Finding {
    let state = match Runtime::get() {
        Ok(runtime) => {
            let devices = [Device::Cpu, Device::OpenVino, Device::Cuda, Device::TensorRt];
            let present: Vec<_> =
                devices.into_iter().filter(|&device| runtime.has(device)).map(|device| device.to_string()).collect();
            State::Good(format!(
                "{} at {}; devices: {}",
                runtime.version(),
                runtime.library.display(),
                present.join(", ")
            ))
        }
        Err(error) => State::Missing(error.to_string()),
    };
    Finding { what: "ONNX Runtime", state }
}

fn opencv() -> Finding {
    let state = match opencv::core::get_version_string() {
        Ok(version) => State::Good(version),
        Err(error) => State::Missing(error.to_string()),
    };
    Finding { what: "OpenCV", state }
}

fn program(name: &'static str) -> Finding {
    let state = match Command::new(name).arg("-version").output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            let version = text.lines().next().unwrap_or_default().split(" Copyright").next().unwrap_or_default();
            let place = on_path(name).map_or_else(String::new, |path| format!(" at {}", path.display()));
            State::Good(format!("{version}{place}"))
        }
        Err(_) => State::Limited("not found: results have no sound; run scripts/setup or install ffmpeg".into()),
    };
    Finding { what: name, state }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn models() -> Result<Vec<Finding>> {
    let entries = catalog::entries()?;
    let none = !entries.iter().any(catalog::Entry::is_installed);
    let mut findings: Vec<_> = entries
        .iter()
        .map(|entry| {
            let path = entry.path();
            let state = if entry.is_installed() {
                State::Good(format!("{} at {}", entry.name, path.display()))
            } else {
                State::Limited(format!("{} is not installed; {}", entry.name, entry.remedy()))
            };
            Finding { what: "model", state }
        })
        .collect();
    if none {
        let state = State::Missing("no model is installed; run scripts/setup".into());
        findings.push(Finding { what: "model", state });
    }
    Ok(findings)
}
