//! `salstream doctor`: reports what is installed, what is missing, and how to fix it.

use std::path::PathBuf;

use indicatif::DecimalBytes;

use crate::model::list::{self, InstallState, ModelRow};
use crate::model::runtime::{Device, Runtime};
use crate::model::{CacheReport, catalog, library_check};
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
    /// Missing or damaged, and `run` does not work without it.
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
    findings.push(cache());
    let mut text = format!("salstream {}, data in {}\n", env!("CARGO_PKG_VERSION"), dirs::folder().display());
    text.extend(findings.iter().map(Finding::line));
    print(text.as_bytes())?;
    Ok(!findings.iter().any(|finding| matches!(finding.state, FindingState::Missing(_))))
}

fn runtime() -> Finding {
    // A disk can damage a file without a trace in its times.
    library_check::forget();
    let state = match Runtime::get() {
        Ok(runtime) => {
            let devices = [Device::Cpu, Device::OpenVino, Device::Cuda, Device::TensorRt];
            let present: Vec<_> =
                devices.into_iter().filter(|&device| runtime.has(device)).map(|device| device.to_string()).collect();
            let checksum = if runtime.is_verified { "its checksum is correct" } else { "its checksum is not known" };
            FindingState::Good(format!(
                "{} at {} ({checksum}); devices: {}",
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
        Ok(None) => FindingState::Limited(format!("not found: {lost}: install ffmpeg")),
        Err(error) => FindingState::Missing(format!("{error}{place}: repair it or remove it from the PATH")),
    };
    Finding { what: name, state }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Measured choices and compiled models.
fn cache() -> Finding {
    let CacheReport { entries, damaged, bytes } = CacheReport::new();
    let text = format!("{entries} stored choices ({})", DecimalBytes(bytes));
    let state = match damaged {
        0 => FindingState::Good(text),
        _ => FindingState::Limited(format!("{text}, {damaged} of them damaged: made again when they are needed")),
    };
    Finding { what: "cache", state }
}

fn models() -> Result<Vec<Finding>> {
    let rows = list::rows()?;
    let none = rows.iter().all(|row| row.installed == InstallState::No);
    let shown = |row: &&ModelRow| row.installed != InstallState::No || catalog::PREFERRED.contains(&&*row.name);
    let finding = |row: &ModelRow| {
        let remedy = row.remedy.as_deref().unwrap_or_default();
        let state = match row.installed {
            InstallState::Yes => FindingState::Good(format!("{} at {}", row.name, row.path)),
            InstallState::No => FindingState::Limited(format!("{} is not installed: {remedy}", row.name)),
            InstallState::Damaged => FindingState::Missing(format!("{} is damaged: {remedy}", row.path)),
        };
        Finding { what: "model", state }
    };
    let mut findings: Vec<_> = rows.iter().filter(shown).map(finding).collect();
    if none {
        let state = FindingState::Missing("no model is installed: run salstream setup".into());
        findings.push(Finding { what: "model", state });
    }
    Ok(findings)
}
