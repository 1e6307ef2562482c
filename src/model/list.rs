//! `salstream model list`: the known models, and which of them are installed.

use indicatif::DecimalBytes;
use serde::Serialize;

use super::catalog::{self, CatalogEntry};
use crate::Result;

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
    /// The command that installs it, if it is not installed.
    pub remedy: Option<String>,
}

/// Whether a model is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InstallState {
    /// The file exists and has the expected size.
    Yes,
    /// The file exists but has another size.
    Damaged,
    /// The file does not exist.
    No,
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
    let installed = match path.metadata() {
        Ok(file) if file.is_file() && file.len() == entry.bytes => InstallState::Yes,
        Ok(file) if file.is_file() => InstallState::Damaged,
        _ => InstallState::No,
    };
    ModelRow {
        name: entry.name.clone(),
        path: path.display().to_string(),
        bytes: entry.bytes,
        top1: entry.top1,
        license: Some(entry.license.clone()),
        installed,
        auto,
        remedy: (installed != InstallState::Yes).then(|| entry.remedy()),
    }
}

fn own(name: String) -> ModelRow {
    let path = catalog::own_path(&name);
    let bytes = path.metadata().map_or(0, |file| file.len());
    let path = path.display().to_string();
    ModelRow { name, path, bytes, top1: None, license: None, installed: InstallState::Yes, auto: false, remedy: None }
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
            (InstallState::Damaged, ..) => "damaged: its size is wrong".to_owned(),
            (InstallState::No, _, remedy) => format!("no: {}", remedy.as_deref().unwrap_or_default()),
        };
        text += &format!("{:<width$}  {size:>10}  {top1:>7}  {license:<12}  {installed}\n", row.name);
    }
    text
}
