//! `salstream model list`: the known models, and which of them are installed.

use std::path::Path;

use indicatif::DecimalBytes;
use serde::Serialize;

use super::catalog::{self, CatalogEntry};
use super::installed;
use crate::Result;
use crate::platform::checksum::file_sha256;

/// One known model.
#[derive(Debug, Serialize)]
pub struct ModelRow {
    /// The name to use with `--model`.
    pub name: String,
    /// The path of its file, whether or not it is installed.
    pub path: String,
    /// Size of the file in bytes: the expected size, or the actual size of a model that is not in
    /// the catalogue.
    pub bytes: u64,
    /// Top-1 accuracy on ImageNet's validation set in per cent, if known.
    pub top1: Option<f64>,
    /// SPDX identifier of the licence, if known.
    pub license: Option<String>,
    /// Whether the model is installed.
    pub installed: InstallState,
    /// Whether `--model auto` uses this model.
    pub auto: bool,
    /// What installs or repairs it, if it is not installed or damaged.
    pub remedy: Option<String>,
}

/// Whether a model is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InstallState {
    /// The file exists and has the expected checksum, if that is known.
    Yes,
    /// The file exists but has another checksum.
    Damaged,
    /// The file does not exist.
    No,
}

impl InstallState {
    /// The state of the model at `path`. Its whole file is read.
    pub fn of(path: &Path, entry: Option<&CatalogEntry>) -> Self {
        let expected = installed::expected_sha256(path, entry);
        match expected {
            _ if !path.is_file() => Self::No,
            Some(expected) if file_sha256(path).is_ok_and(|found| found != expected) => Self::Damaged,
            _ => Self::Yes,
        }
    }

    /// The command that installs the model or repairs it.
    pub fn remedy(self, path: &Path, entry: Option<&CatalogEntry>) -> Option<String> {
        match self {
            Self::Yes => None,
            Self::Damaged => Some(installed::remedy(path, entry)),
            Self::No => entry.map(CatalogEntry::remedy),
        }
    }
}

/// The catalogue's models in order, followed by the user's own models in the models folder.
///
/// # Errors
/// [`Error::Graph`](crate::Error::Graph) if the built-in catalogue is malformed, which a test rules
/// out.
pub fn rows() -> Result<Vec<ModelRow>> {
    let entries = catalog::entries()?;
    let preferred = catalog::preferred(&entries).map(|entry| entry.name.as_str());
    let mut rows: Vec<_> = entries.iter().map(|entry| known(entry, preferred == Some(&entry.name))).collect();
    rows.extend(catalog::own_names(&entries).into_iter().map(own));
    Ok(rows)
}

fn known(entry: &CatalogEntry, auto: bool) -> ModelRow {
    let path = entry.path();
    let installed = InstallState::of(&path, Some(entry));
    ModelRow {
        name: entry.name.clone(),
        path: path.display().to_string(),
        bytes: entry.bytes,
        top1: entry.top1,
        license: Some(entry.license.clone()),
        installed,
        auto,
        remedy: installed.remedy(&path, Some(entry)),
    }
}

fn own(name: String) -> ModelRow {
    let path = catalog::own_path(&name);
    let bytes = path.metadata().map_or(0, |file| file.len());
    let installed = InstallState::of(&path, None);
    let remedy = installed.remedy(&path, None);
    let path = path.display().to_string();
    ModelRow { name, path, bytes, top1: None, license: None, installed, auto: false, remedy }
}

/// The rows as an aligned table with a heading.
pub fn table(rows: &[ModelRow]) -> String {
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(4);
    let mut text = format!("{:<width$}  {:>10}  {:>7}  {:<12}  INSTALLED\n", "NAME", "SIZE", "TOP-1", "LICENCE");
    for row in rows {
        let top1 = row.top1.map_or_else(|| "-".into(), |top1| format!("{top1} %"));
        let size = DecimalBytes(row.bytes).to_string();
        let license = row.license.as_deref().unwrap_or("-");
        let installed = match (row.installed, row.auto, &row.remedy) {
            (InstallState::Yes, true, _) => "yes, used by auto".to_owned(),
            (InstallState::Yes, false, _) => "yes".to_owned(),
            (InstallState::Damaged, _, remedy) => format!("damaged: {}", remedy.as_deref().unwrap_or_default()),
            (InstallState::No, _, remedy) => format!("no: {}", remedy.as_deref().unwrap_or_default()),
        };
        text += &format!("{:<width$}  {size:>10}  {top1:>7}  {license:<12}  {installed}\n", row.name);
    }
    text
}
