//! The built-in model catalogue, and how a model name is resolved to a file.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Preprocessor;
use super::metadata::sidecar::Sidecar;
use super::pull::wheel::Wheel;
use crate::{Error, Result, platform::dirs, platform::paths};

/// One entry of `models/catalog.toml`.
#[derive(Debug, Clone, Deserialize)]
pub struct CatalogEntry {
    /// The name to use with `--model`.
    pub name: String,
    /// The file's name in the models folder.
    pub file: String,
    /// The download URL, or a `pkg:` URL if the file is built from a package.
    pub url: String,
    /// Further URLs of the same file, tried in order after `url`.
    #[serde(default)]
    pub mirrors: Vec<String>,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Size of the file, in bytes.
    pub bytes: u64,
    /// SPDX identifier of the licence.
    pub license: String,
    /// Top-1 accuracy on ImageNet's validation set in per cent, if its publisher states it.
    pub top1: Option<f64>,
    /// What the network expects of its pixels.
    #[serde(flatten)]
    pub preprocessor: Preprocessor,
}

impl CatalogEntry {
    /// The path of the model's file, whether or not it is installed: the user's own, or else that of all users.
    pub fn path(&self) -> PathBuf {
        let own = self.own_path();
        let shared =
            || dirs::shared().map(|shared| shared.join("models").join(&self.file)).filter(|path| path.is_file());
        if own.is_file() { own } else { shared().unwrap_or(own) }
    }

    /// The path of the model's file in the user's models folder.
    pub fn own_path(&self) -> PathBuf {
        dirs::models().join(&self.file)
    }

    /// The command that installs the file.
    pub fn remedy(&self) -> String {
        match self.is_packaged() {
            true => "run salstream setup".into(),
            false => format!("run salstream model pull {}", self.name),
        }
    }

    /// Whether the file is built from a package rather than downloaded as it is.
    pub fn is_packaged(&self) -> bool {
        self.url.starts_with("pkg:")
    }

    /// The wheel that the file is made from, if it is built from a package.
    pub fn package(&self) -> Option<Wheel> {
        Wheel::parse(&self.url)
    }

    /// Whether the model's file exists.
    pub fn is_installed(&self) -> bool {
        self.path().is_file()
    }
}

/// The models that `auto` uses, in order of preference.
pub const PREFERRED: [&str; 2] = ["resnet50", "efficientnet-lite0"];

/// Every known model.
///
/// # Errors
/// [`Error::Graph`] if the built-in table is malformed, which a test rules out.
pub fn entries() -> Result<Vec<CatalogEntry>> {
    #[derive(Deserialize)]
    struct Catalog {
        model: Vec<CatalogEntry>,
    }
    let parsed: Catalog = toml::from_str(include_str!("../../models/catalog.toml"))
        .map_err(|e| Error::Graph(format!("built-in model catalogue: {}", e.message())))?;
    Ok(parsed.model)
}

/// The model to use, as entered by the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelName {
    /// The best installed model.
    Auto,
    /// A model of the catalogue, or one that the user has added to the models folder.
    Known(String),
    /// The user's own file.
    File(PathBuf),
}

impl std::str::FromStr for ModelName {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let path = Path::new(text);
        Ok(match text {
            "auto" => Self::Auto,
            _ if path.components().count() > 1 || path.extension().is_some_and(|e| e == "onnx") || path.is_file() => {
                Self::File(path.into())
            }
            _ => Self::Known(text.to_owned()),
        })
    }
}

/// A model file and what is known about it.
#[derive(Debug, Clone)]
pub struct ResolvedModel {
    /// The name to display.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// The catalogue's entry of this model, or of the model with the same file name.
    pub entry: Option<CatalogEntry>,
    /// The contents of the TOML file beside the model.
    pub sidecar: Option<Sidecar>,
    /// Notes for the user about the choice.
    pub notes: Vec<String>,
}

impl ModelName {
    /// Finds the file.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown name. [`Error::Model`] if the model is not installed.
    /// [`Error::Io`] or [`Error::Input`] for a sidecar that cannot be read.
    pub fn choose(&self) -> Result<ResolvedModel> {
        let entries = entries()?;
        let entry = match self {
            Self::File(path) => return from_file(path, &entries),
            Self::Known(name) => match entries.iter().find(|entry| entry.name == *name) {
                Some(entry) => entry,
                None if own_path(name).is_file() => return from_file(&own_path(name), &entries),
                None => return Err(unknown(name, &entries)),
            },
            Self::Auto => preferred(&entries).ok_or_else(|| {
                let problem = "no model is installed here; run salstream setup, or set one with --model FILE";
                Error::model(dirs::models(), problem)
            })?,
        };
        if !entry.is_installed() {
            let problem = format!("not installed; {}, or use --model auto", entry.remedy());
            return Err(Error::model(entry.path(), problem));
        }
        let notes = if *self == Self::Auto { second_best(entry, &entries) } else { Vec::new() };
        let (path, sidecar) = (entry.path(), Sidecar::beside(&entry.path())?);
        Ok(ResolvedModel { name: entry.name.clone(), path, entry: Some(entry.clone()), sidecar, notes })
    }
}

/// The path of a model that is not in the catalogue.
pub fn own_path(name: &str) -> PathBuf {
    dirs::models().join(format!("{name}.onnx"))
}

/// The names of the models in the models folder that are not in the catalogue, sorted.
pub fn own_names(entries: &[CatalogEntry]) -> Vec<String> {
    let files = std::fs::read_dir(dirs::models()).into_iter().flatten().flatten().map(|file| file.path());
    let models = files.filter(|path| paths::extension(path) == "onnx" && path.is_file());
    let stems = models.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<_> = stems.filter(|name| !entries.iter().any(|entry| entry.name == *name)).collect();
    names.sort();
    names
}

fn unknown(name: &str, entries: &[CatalogEntry]) -> Error {
    let names: Vec<_> = entries.iter().map(|entry| entry.name.clone()).chain(own_names(entries)).collect();
    Error::Usage(format!("--model {name}: unknown; use an ONNX file or one of {}", names.join(", ")))
}

/// The model that `auto` uses.
pub fn preferred(entries: &[CatalogEntry]) -> Option<&CatalogEntry> {
    let mut named = PREFERRED.iter().filter_map(|name| entries.iter().find(|entry| entry.name == *name));
    named.find(|entry| entry.is_installed())
}

/// A note that a better model than `taken` exists, and how to install it.
fn second_best(taken: &CatalogEntry, entries: &[CatalogEntry]) -> Vec<String> {
    let best = entries.iter().find(|entry| entry.name == PREFERRED[0] && entry.name != taken.name);
    let note =
        |best: &CatalogEntry| format!("using {}; {} to install the better {}", taken.name, best.remedy(), best.name);
    best.map(note).into_iter().collect()
}

/// The user's own file. A file named like a model of the catalogue uses that model's entry.
fn from_file(path: &Path, entries: &[CatalogEntry]) -> Result<ResolvedModel> {
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let entry = entries.iter().find(|entry| entry.name == name).cloned();
    Ok(ResolvedModel { name, path: path.into(), entry, sidecar: Sidecar::beside(path)?, notes: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_holds_what_auto_takes() {
        let entries = entries().unwrap();
        for name in PREFERRED {
            assert!(entries.iter().any(|entry| entry.name == name), "{name}");
        }
    }

    #[test]
    fn what_looks_like_a_file_is_one() {
        let parsed = |text: &str| text.parse::<ModelName>().unwrap();
        assert_eq!(parsed("auto"), ModelName::Auto);
        assert_eq!(parsed("resnet50"), ModelName::Known("resnet50".into()));
        assert_eq!(parsed("mine.onnx"), ModelName::File("mine.onnx".into()));
        assert_eq!(parsed("./mine"), ModelName::File("./mine".into()));
    }

    #[test]
    fn auto_names_the_better_model_and_how_to_get_each() {
        let entries = entries().unwrap();
        let named = |name: &str| entries.iter().find(|entry| entry.name == name).unwrap();
        let (best, other) = (named("resnet50"), named("efficientnet-lite0"));
        assert!(second_best(best, &entries).is_empty());
        let note = second_best(other, &entries).concat();
        assert_eq!(note, "using efficientnet-lite0; run salstream model pull resnet50 to install the better resnet50");
        assert_eq!(other.remedy(), "run salstream setup");
        assert!(entries.iter().all(|entry| entry.is_packaged() == entry.package().is_some()));
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = ModelName::Known("resnet51".into()).choose().unwrap_err();
        assert!(error.exit_status() == 2 && error.to_string().contains("efficientnet-lite0"), "{error}");
    }
}
