//! A model's card: what it expects of its pixels, what its classes are called, and who says so.

mod literal;
mod metadata;
mod sidecar;

use std::path::PathBuf;

pub use sidecar::Sidecar;

use super::catalog::Chosen;
use super::{Labels, Layout, Preprocessing, Preprocessor};
use crate::Result;

/// Who says something of a model; the first that speaks is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This flag of the user's.
    Flag(&'static str),
    /// The TOML file beside the model.
    Sidecar(PathBuf),
    /// This key of the metadata inside the model.
    Metadata(&'static str),
    /// The catalogue, of its own model.
    Catalogue,
    /// The catalogue, of the model that the file is called like.
    FileName,
    /// Nobody.
    Guess,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "from {flag}"),
            Self::Sidecar(path) => write!(f, "from {}", path.display()),
            Self::Metadata(key) => write!(f, "from the file's metadata ({key})"),
            Self::Catalogue => f.write_str("from the catalogue"),
            Self::FileName => f.write_str("from the catalogue, by the file's name"),
            Self::Guess => f.write_str("a guess"),
        }
    }
}

/// What the user says of a model.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--preprocess`.
    pub preprocess: Option<Preprocessing>,
    /// `--labels`.
    pub labels: Option<PathBuf>,
}

/// What the file itself says of a model.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Keys and values of its metadata.
    pub metadata: Vec<(String, String)>,
    /// The order of the picture's axes.
    pub layout: Layout,
    /// The number of classes.
    pub classes: usize,
}

/// What is known of a model beyond its graph.
#[derive(Debug, Clone)]
pub struct Card {
    /// What the network expects of its pixels, and who says so.
    pub preprocessor: (Preprocessor, Origin),
    /// The names of its classes, and who says so.
    pub labels: (Labels, Origin),
    /// What the user should know, one line each.
    pub notes: Vec<String>,
}

impl Card {
    /// Asks the flags, the sidecar, the file's metadata and the catalogue, in that order; the rest is guessed: ImageNet's
    /// pixels (-1 to 1 where the channels come last, as TensorFlow has them) and, where their number fits, its classes.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) or [`Error::Input`](crate::Error::Input) for labels that cannot be read or do not
    /// fit.
    pub fn find(chosen: &Chosen, flags: &Flags, facts: &Facts) -> Result<Self> {
        let preprocessor = preprocessor(chosen, flags, facts);
        let mut notes = Vec::new();
        let labels = labels(chosen, flags, facts, &mut notes)?;
        notes.extend(preprocessor_note(chosen, &preprocessor));
        notes.extend(labels_note(chosen, &labels));
        Ok(Self { preprocessor, labels, notes })
    }
}

fn preprocessor(chosen: &Chosen, flags: &Flags, facts: &Facts) -> (Preprocessor, Origin) {
    if let Some(kind) = flags.preprocess {
        return (kind.into(), Origin::Flag("--preprocess"));
    }
    if let Some((sidecar, found)) = chosen.sidecar.as_ref().and_then(|sidecar| Some((sidecar, sidecar.preprocessor?))) {
        return (found, Origin::Sidecar(sidecar.path.clone()));
    }
    if let Some((key, found)) = metadata::preprocessor(&facts.metadata) {
        return (found, Origin::Metadata(key));
    }
    if let Some((entry, origin)) = catalogued(chosen) {
        return (entry.preprocessor, origin);
    }
    let kind = if facts.layout == Layout::Nhwc { Preprocessing::Symmetric } else { Preprocessing::Imagenet };
    (kind.into(), Origin::Guess)
}

fn labels(chosen: &Chosen, flags: &Flags, facts: &Facts, notes: &mut Vec<String>) -> Result<(Labels, Origin)> {
    if let Some(path) = &flags.labels {
        return Ok((Labels::read(path, facts.classes)?, Origin::Flag("--labels")));
    }
    if let Some(sidecar) = &chosen.sidecar
        && let Some(labels) = sidecar.labels(facts.classes)?
    {
        return Ok((labels, Origin::Sidecar(sidecar.path.clone())));
    }
    if let Some((key, names)) = metadata::names(&facts.metadata) {
        let count = names.len();
        if let Some(labels) = Labels::new(names, facts.classes) {
            return Ok((labels, Origin::Metadata(key)));
        }
        let (name, classes) = (&chosen.name, facts.classes);
        notes.push(format!("{name}: its metadata ({key}) name {count} classes of {classes} and are not used"));
    }
    Ok(match (Labels::imagenet(facts.classes), catalogued(chosen)) {
        (Some(labels), Some((_, origin))) => (labels, origin),
        (Some(labels), None) => (labels, Origin::Guess),
        (None, _) => (Labels::numbered(facts.classes), Origin::Guess),
    })
}

/// What the catalogue says of the model or of the one that its file is called like; all of its models know ImageNet.
fn catalogued(chosen: &Chosen) -> Option<(&super::catalog::Entry, Origin)> {
    let entry = chosen.entry.as_ref()?;
    Some((entry, if entry.path() == chosen.path { Origin::Catalogue } else { Origin::FileName }))
}

/// How the user may say otherwise.
fn remedy(chosen: &Chosen, flag: &str) -> String {
    let sidecar = Sidecar::path(&chosen.path);
    format!("by {flag} or in {}", sidecar.file_name().unwrap_or_default().to_string_lossy())
}

/// What was found without the user's word is said.
fn preprocessor_note(chosen: &Chosen, (found, origin): &(Preprocessor, Origin)) -> Option<String> {
    let name = &chosen.name;
    match origin {
        Origin::Flag(_) | Origin::Catalogue => None,
        Origin::Guess => {
            let remedy = remedy(chosen, "--preprocess");
            Some(format!("{name}: taken to expect {found} pixels, a guess; say otherwise {remedy}"))
        }
        origin => Some(format!("{name}: takes {found} pixels, {origin}")),
    }
}

fn labels_note(chosen: &Chosen, (labels, origin): &(Labels, Origin)) -> Option<String> {
    let name = &chosen.name;
    match origin {
        Origin::Flag(_) | Origin::Catalogue => None,
        Origin::Guess => {
            let remedy = remedy(chosen, "--labels");
            Some(match Labels::imagenet(labels.len()) {
                Some(_) => {
                    format!("{name}: its {} classes are taken for ImageNet's; say otherwise {remedy}", labels.len())
                }
                None => format!("{name}: the names of its {} classes are unknown; give them {remedy}", labels.len()),
            })
        }
        origin => Some(format!("{name}: class names {origin}")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::model::{ModelName, catalog};

    fn chosen(path: &Path) -> Chosen {
        ModelName::File(path.into()).choose().unwrap()
    }

    fn facts(metadata: &[(String, String)], classes: usize) -> Facts {
        Facts { metadata: metadata.to_vec(), layout: Layout::Nchw, classes }
    }

    #[test]
    fn flags_then_sidecar_then_metadata_then_guess() {
        let folder = tempfile::tempdir().unwrap();
        let (model, sidecar) = (folder.path().join("mine.onnx"), folder.path().join("mine.toml"));
        fs::write(folder.path().join("names.txt"), "cat\ndog\n").unwrap();
        fs::write(&sidecar, "preprocess = \"lite\"\nlabels = \"names.txt\"\n").unwrap();
        let metadata = [("task", "classify"), ("names", "{0: 'a', 1: 'b'}")].map(|(k, v)| (k.into(), v.into()));
        let find = |flags: &Flags, metadata| Card::find(&chosen(&model), flags, &facts(metadata, 2)).unwrap();

        let flags = Flags { preprocess: Some(Preprocessing::Caffe), labels: Some(folder.path().join("names.txt")) };
        let card = find(&flags, &metadata);
        assert_eq!(card.preprocessor, (Preprocessing::Caffe.into(), Origin::Flag("--preprocess")));
        assert_eq!((card.labels.1, card.notes.len()), (Origin::Flag("--labels"), 0));

        let card = find(&Flags::default(), &metadata);
        assert_eq!(card.preprocessor, (Preprocessing::Lite.into(), Origin::Sidecar(sidecar.clone())));
        assert_eq!((card.labels.0.name(1), &card.labels.1), ("dog", &Origin::Sidecar(sidecar.clone())));

        fs::remove_file(&sidecar).unwrap();
        let card = find(&Flags::default(), &metadata);
        assert_eq!(card.preprocessor, (Preprocessing::Unit.into(), Origin::Metadata("task")));
        assert_eq!((card.labels.0.name(1), &card.labels.1), ("b", &Origin::Metadata("names")));
        assert_eq!(card.notes[0], "mine: takes unit pixels, from the file's metadata (task)");

        let card = find(&Flags::default(), &[]);
        assert_eq!(card.preprocessor, (Preprocessing::Imagenet.into(), Origin::Guess));
        assert_eq!((card.labels.0.name(1), &card.labels.1), ("class 1", &Origin::Guess));
        assert!(card.notes[0].contains("imagenet") && card.notes[0].contains("--preprocess"), "{:?}", card.notes);
        assert!(card.notes[1].contains("unknown") && card.notes[1].contains("mine.toml"), "{:?}", card.notes);
    }

    #[test]
    fn the_catalogue_speaks_for_its_own_models_and_for_files_called_like_them() {
        let entries = catalog::entries().unwrap();
        let entry = entries.iter().find(|entry| entry.name == "efficientnet-lite0").unwrap();
        let find = |path: &Path| Card::find(&chosen(path), &Flags::default(), &facts(&[], 1000)).unwrap();
        let own = find(&entry.path());
        assert_eq!((own.preprocessor, own.notes), ((entry.preprocessor, Origin::Catalogue), Vec::new()));
        let called = find(Path::new("no-such-folder/efficientnet-lite0.onnx"));
        assert_eq!(called.preprocessor, (entry.preprocessor, Origin::FileName));
        assert!(called.notes[0].contains("lite") && called.notes[0].contains("by the file's name"));
    }

    #[test]
    fn channels_last_are_taken_for_tensorflows() {
        let facts = Facts { layout: Layout::Nhwc, ..facts(&[], 1001) };
        let card = Card::find(&chosen(Path::new("no-such-folder/m.onnx")), &Flags::default(), &facts).unwrap();
        assert_eq!(card.preprocessor, (Preprocessing::Symmetric.into(), Origin::Guess));
        assert_eq!(card.labels.0.name(0), "background");
    }

    #[test]
    fn what_does_not_fit_the_model_is_refused_in_a_sidecar_and_left_aside_in_metadata() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("mine.onnx");
        let metadata = [("names".to_owned(), "['a']".to_owned())];
        let card = Card::find(&chosen(&model), &Flags::default(), &facts(&metadata, 2)).unwrap();
        assert!(card.notes[0].contains("name 1 classes of 2"), "{:?}", card.notes);
        for (text, word) in [("labels = ['a']", "1 names"), ("labels = 'x'", "x")] {
            fs::write(folder.path().join("mine.toml"), text).unwrap();
            let error = Card::find(&chosen(&model), &Flags::default(), &facts(&[], 2)).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
