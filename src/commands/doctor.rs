//! `salstream doctor`: reports what is installed, what is missing, and how to fix it.

use std::path::PathBuf;

use crate::model::catalog;
use crate::model::runtime::{Device, Runtime};
use crate::reporting::terminal::print;
use crate::{Error, Result, platform::dirs, platform::ffmpeg};

/// One line of the report.
struct Finding {
    what: &'static str,
    state: FindingState,
}

impl Finding {
    fn line(&self) -> String {
        let (mark, text) = match &self.state {
            FindingState::Good(text) => ("ok     ", text),
            FindingState::Limited(text) => ("limited", text),
            FindingState::Missing(text) => ("MISSING", text),
        };
        format!("{mark}  {:<13} {text}\n", self.what)
    }
}

enum FindingState {
    /// Installed, with its version and path.
    Good(String),
    /// Missing, but `run` works without it.
    Limited(String),
    /// Missing, and `run` does not work without it.
    Missing(String),
}

/// Prints the report to standard output. Returns whether `run` works.
///
/// # Errors
/// [`Error::Graph`] if the built-in catalogue is broken, which a test rules out; [`Error::Io`] if standard output
/// cannot be written.
pub fn report() -> Result<bool> {
    let mut findings = vec![
        runtime(),
        opencv(),
        program("ffmpeg", "results have no sound, colours are exact only in BT.601, and streams cannot be shown"),
        program("ffprobe", "sound, rotation and damage are not detected"),
    ];
    findings.extend(models()?);
    let mut text = format!("salstream {}, data in {}\n", env!("CARGO_PKG_VERSION"), dirs::folder().display());
    text.extend(findings.iter().map(Finding::line));
    print(text.as_bytes())?;
    Ok(!findings.iter().any(|finding| matches!(finding.state, FindingState::Missing(_))))
}

fn runtime() -> Finding {
    let state = match Runtime::get() {
        Ok(runtime) => {
            let devices = [Device::Cpu, Device::OpenVino, Device::Cuda, Device::TensorRt];
            let present: Vec<_> =
                devices.into_iter().filter(|&device| runtime.has(device)).map(|device| device.to_string()).collect();
            FindingState::Good(format!(
                "{} at {}; devices: {}",
                runtime.version(),
                runtime.library.display(),
                present.join(", ")
            ))
        }
        Err(Error::Runtime(problem)) => FindingState::Missing(problem),
        Err(error) => FindingState::Missing(error.to_string()),
    };
    Finding { what: "ONNX Runtime", state }
}

fn opencv() -> Finding {
    let state = match opencv::core::get_version_string() {
        Ok(version) => match loaded("libopencv_core") {
            Some(library) => FindingState::Good(format!("{version} at {library}")),
            None => FindingState::Good(version),
        },
        Err(error) => FindingState::Missing(error.to_string()),
    };
    Finding { what: "OpenCV", state }
}

/// The path of the loaded shared library whose file name starts with `name`, if the system tells it (Linux).
fn loaded(name: &str) -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let mut paths = maps.lines().filter_map(|line| Some(&line[line.find('/')?..]));
    paths.find(|path| path.rsplit('/').next().is_some_and(|file| file.starts_with(name))).map(str::to_owned)
}

/// The state of one of FFmpeg's programs; `lost` is what does not work without it.
fn program(name: &'static str, lost: &str) -> Finding {
    let place = on_path(name).map_or_else(String::new, |path| format!(" at {}", path.display()));
    let state = match ffmpeg::version(name) {
        Ok(Some(version)) => FindingState::Good(format!("{version}{place}")),
        Ok(None) => FindingState::Limited(format!("not found: {lost}: run scripts/setup or install ffmpeg")),
        Err(error) => FindingState::Missing(format!("{error}{place}: repair it or remove it from the PATH")),
    };
    Finding { what: name, state }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn models() -> Result<Vec<Finding>> {
    let entries = catalog::entries()?;
    let none = !entries.iter().any(catalog::CatalogEntry::is_installed);
    let mut findings: Vec<_> = entries
        .iter()
        .filter(|entry| entry.is_installed() || catalog::PREFERRED.contains(&entry.name.as_str()))
        .map(|entry| {
            let path = entry.path();
            let state = if entry.is_installed() {
                FindingState::Good(format!("{} at {}", entry.name, path.display()))
            } else {
                FindingState::Limited(format!("{} is not installed: {}", entry.name, entry.remedy()))
            };
            Finding { what: "model", state }
        })
        .collect();
    if none {
        let state = FindingState::Missing("no model is installed: run scripts/setup".into());
        findings.push(Finding { what: "model", state });
    }
    Ok(findings)
}
