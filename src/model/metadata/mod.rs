//! A model's metadata: preprocessing and class names, each with its provenance.

mod embedded;
pub(crate) mod literal;
pub(super) mod sidecar;

use std::path::PathBuf;

pub use sidecar::Sidecar;

use super::catalog::ResolvedModel;
use super::{ClassLabels, Layout, Preprocessing, Preprocessor};
use crate::Result;

/// The source of a piece of metadata. The first source that has a value is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provenance {
    /// This command-line flag.
    Flag(&'static str),
    /// The TOML file beside the model.
    Sidecar(PathBuf),
    /// This metadata key inside the model.
    Metadata(&'static str),
    /// The catalogue's entry of this model.
    Catalogue,
    /// The catalogue's entry of the model with the same file name.
    FileName,
    /// No source.
    Guess,
}

impl std::fmt::Display for Provenance {
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

/// Metadata set by the user on the command line.
#[derive(Debug, Clone, Default)]
pub struct MetadataFlags {
    /// `--preprocess`.
    pub preprocess: Option<Preprocessing>,
    /// `--labels`.
    pub labels: Option<PathBuf>,
}

/// Metadata that the file itself declares.
#[derive(Debug, Clone)]
pub struct FileFacts {
    /// Keys and values of the file's metadata.
    pub metadata: Vec<(String, String)>,
    /// The axis order of the image.
    pub layout: Layout,
    /// The number of classes.
    pub classes: usize,
    /// Whether the classes are no and yes, the answers to the model's question.
    pub answers: bool,
}

/// What is known about a model beyond its graph.
#[derive(Debug, Clone)]
pub struct ModelMetadata {
    /// The preprocessing and its provenance.
    pub preprocessor: (Preprocessor, Provenance),
    /// The class names and their provenance.
    pub labels: (ClassLabels, Provenance),
    /// Notes for the user, one line each.
    pub notes: Vec<String>,
}

impl ModelMetadata {
    /// Looks in the flags, the sidecar, the file's metadata and the catalogue, in that order. The
    /// rest is guessed: ImageNet's preprocessing (-1 to 1 if the channels come last, as in
    /// TensorFlow) and, if the number of classes matches, ImageNet's class names.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) or [`Error::Input`](crate::Error::Input) for labels that
    /// cannot be read or do not match the model.
    pub fn find(chosen: &ResolvedModel, flags: &MetadataFlags, facts: &FileFacts) -> Result<Self> {
        let preprocessor = preprocessor(chosen, flags, facts);
        let mut notes = Vec::new();
        let labels = labels(chosen, flags, facts, &mut notes)?;
        notes.extend(preprocessor_note(chosen, &preprocessor));
        notes.extend(labels_note(chosen, &labels));
        Ok(Self { preprocessor, labels, notes })
    }
}

fn preprocessor(chosen: &ResolvedModel, flags: &MetadataFlags, facts: &FileFacts) -> (Preprocessor, Provenance) {
    if let Some(kind) = flags.preprocess {
        return (kind.into(), Provenance::Flag("--preprocess"));
    }
    if let Some((sidecar, found)) = chosen.sidecar.as_ref().and_then(|sidecar| Some((sidecar, sidecar.preprocessor?))) {
        return (found, Provenance::Sidecar(sidecar.path.clone()));
    }
    if let Some((key, found)) = embedded::preprocessor(&facts.metadata) {
        return (found, Provenance::Metadata(key));
    }
    if let Some((entry, origin)) = catalogued(chosen) {
        return (entry.preprocessor, origin);
    }
    let kind = if facts.layout == Layout::Nhwc { Preprocessing::Symmetric } else { Preprocessing::Imagenet };
    (kind.into(), Provenance::Guess)
}

fn labels(
    chosen: &ResolvedModel,
    flags: &MetadataFlags,
    facts: &FileFacts,
    notes: &mut Vec<String>,
) -> Result<(ClassLabels, Provenance)> {
    if let Some(path) = &flags.labels {
        return Ok((ClassLabels::read(path, facts.classes)?, Provenance::Flag("--labels")));
    }
    if let Some(sidecar) = &chosen.sidecar
        && let Some(labels) = sidecar.labels(facts.classes)?
    {
        return Ok((labels, Provenance::Sidecar(sidecar.path.clone())));
    }
    if let Some((key, names)) = embedded::names(&facts.metadata) {
        let count = names.len();
        if let Some(labels) = ClassLabels::new(names, facts.classes) {
            return Ok((labels, Provenance::Metadata(key)));
        }
        let (name, classes) = (&chosen.name, facts.classes);
        notes.push(format!("{name}: its metadata ({key}) name {count} classes of {classes} and are ignored"));
    }
    Ok(match (ClassLabels::imagenet(facts.classes), catalogued(chosen)) {
        (Some(labels), Some((_, origin))) => (labels, origin),
        (Some(labels), None) => (labels, Provenance::Guess),
        (None, _) if facts.answers => (ClassLabels::answers(), Provenance::Guess),
        (None, _) => (ClassLabels::numbered(facts.classes), Provenance::Guess),
    })
}

/// The class names in a file's metadata.
pub(super) fn embedded_names(metadata: &[(String, String)]) -> Option<Vec<String>> {
    embedded::names(metadata).map(|(_, names)| names)
}

/// The number of class names in the flags or the sidecar, before the model's classes are known.
pub(super) fn named_classes(chosen: &ResolvedModel, flags: &MetadataFlags) -> Option<usize> {
    match &flags.labels {
        // A pipe can be read only once.
        Some(path) if path.is_file() => ClassLabels::count(path),
        Some(_) => None,
        None => chosen.sidecar.as_ref()?.named_classes(),
    }
}

/// The catalogue's entry of the model, or of the model with the same file name. All models in the
/// catalogue have ImageNet's classes.
fn catalogued(chosen: &ResolvedModel) -> Option<(&super::catalog::CatalogEntry, Provenance)> {
    let entry = chosen.entry.as_ref()?;
    Some((entry, if entry.path() == chosen.path { Provenance::Catalogue } else { Provenance::FileName }))
}

/// How the user can override a value.
fn remedy(chosen: &ResolvedModel, flag: &str) -> String {
    let sidecar = Sidecar::path(&chosen.path);
    format!("with {flag} or in {}", sidecar.file_name().unwrap_or_default().to_string_lossy())
}

/// Values that the user did not set are reported, unless they come from the catalogue's own entry.
fn preprocessor_note(chosen: &ResolvedModel, (found, origin): &(Preprocessor, Provenance)) -> Option<String> {
    let name = &chosen.name;
    match origin {
        Provenance::Flag(_) | Provenance::Catalogue => None,
        Provenance::Guess => {
            let remedy = remedy(chosen, "--preprocess");
            Some(format!("{name}: assuming {found} pixels, which is a guess; change it {remedy}"))
        }
        origin => Some(format!("{name}: takes {found} pixels, {origin}")),
    }
}

fn labels_note(chosen: &ResolvedModel, (labels, origin): &(ClassLabels, Provenance)) -> Option<String> {
    let name = &chosen.name;
    match origin {
        Provenance::Flag(_) | Provenance::Catalogue => None,
        Provenance::Guess => {
            let remedy = remedy(chosen, "--labels");
            Some(match ClassLabels::imagenet(labels.len()) {
                Some(_) => {
                    format!("{name}: assuming that its {} classes are ImageNet's; change it {remedy}", labels.len())
                }
                None => format!("{name}: the names of its {} classes are unknown; set them {remedy}", labels.len()),
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

    fn chosen(path: &Path) -> ResolvedModel {
        ModelName::File(path.into()).choose().unwrap()
    }

    fn facts(metadata: &[(String, String)], classes: usize) -> FileFacts {
        FileFacts { metadata: metadata.to_vec(), layout: Layout::Nchw, classes, answers: false }
    }

    #[test]
    fn flags_then_sidecar_then_metadata_then_guess() {
        let folder = tempfile::tempdir().unwrap();
        let (model, sidecar) = (folder.path().join("mine.onnx"), folder.path().join("mine.toml"));
        fs::write(folder.path().join("names.txt"), "cat\ndog\n").unwrap();
        fs::write(&sidecar, "preprocess = \"lite\"\nlabels = \"names.txt\"\n").unwrap();
        let metadata = [("task", "classify"), ("names", "{0: 'a', 1: 'b'}")].map(|(k, v)| (k.into(), v.into()));
        let find =
            |flags: &MetadataFlags, metadata| ModelMetadata::find(&chosen(&model), flags, &facts(metadata, 2)).unwrap();

        let flags =
            MetadataFlags { preprocess: Some(Preprocessing::Caffe), labels: Some(folder.path().join("names.txt")) };
        let found = find(&flags, &metadata);
        assert_eq!(found.preprocessor, (Preprocessing::Caffe.into(), Provenance::Flag("--preprocess")));
        assert_eq!((found.labels.1, found.notes.len()), (Provenance::Flag("--labels"), 0));

        let found = find(&MetadataFlags::default(), &metadata);
        assert_eq!(found.preprocessor, (Preprocessing::Lite.into(), Provenance::Sidecar(sidecar.clone())));
        assert_eq!((found.labels.0.name(1), &found.labels.1), ("dog", &Provenance::Sidecar(sidecar.clone())));

        fs::remove_file(&sidecar).unwrap();
        let found = find(&MetadataFlags::default(), &metadata);
        assert_eq!(found.preprocessor, (Preprocessing::Unit.into(), Provenance::Metadata("task")));
        assert_eq!((found.labels.0.name(1), &found.labels.1), ("b", &Provenance::Metadata("names")));
        assert_eq!(found.notes[0], "mine: takes unit pixels, from the file's metadata (task)");

        let found = find(&MetadataFlags::default(), &[]);
        assert_eq!(found.preprocessor, (Preprocessing::Imagenet.into(), Provenance::Guess));
        assert_eq!((found.labels.0.name(1), &found.labels.1), ("class 1", &Provenance::Guess));
        assert!(found.notes[0].contains("imagenet") && found.notes[0].contains("--preprocess"), "{:?}", found.notes);
        assert!(found.notes[1].contains("unknown") && found.notes[1].contains("mine.toml"), "{:?}", found.notes);
    }

    #[test]
    fn the_catalogue_speaks_for_its_own_models_and_for_files_called_like_them() {
        let entries = catalog::entries().unwrap();
        let entry = entries.iter().find(|entry| entry.name == "efficientnet-lite0").unwrap();
        let find =
            |path: &Path| ModelMetadata::find(&chosen(path), &MetadataFlags::default(), &facts(&[], 1000)).unwrap();
        let own = find(&entry.path());
        assert_eq!((own.preprocessor, own.notes), ((entry.preprocessor, Provenance::Catalogue), Vec::new()));
        let called = find(Path::new("no-such-folder/efficientnet-lite0.onnx"));
        assert_eq!(called.preprocessor, (entry.preprocessor, Provenance::FileName));
        assert!(called.notes[0].contains("lite") && called.notes[0].contains("by the file's name"));
    }

    #[test]
    fn channels_last_are_taken_for_tensorflows() {
        let facts = FileFacts { layout: Layout::Nhwc, ..facts(&[], 1001) };
        let found = ModelMetadata::find(&chosen(Path::new("no-such-folder/m.onnx")), &MetadataFlags::default(), &facts)
            .unwrap();
        assert_eq!(found.preprocessor, (Preprocessing::Symmetric.into(), Provenance::Guess));
        assert_eq!(found.labels.0.name(0), "background");
    }

    #[test]
    fn what_does_not_fit_the_model_is_refused_in_a_sidecar_and_left_aside_in_metadata() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("mine.onnx");
        let metadata = [("names".to_owned(), "['a']".to_owned())];
        let found = ModelMetadata::find(&chosen(&model), &MetadataFlags::default(), &facts(&metadata, 2)).unwrap();
        assert!(found.notes[0].contains("name 1 classes of 2"), "{:?}", found.notes);
        for (text, word) in [("labels = ['a']", "1 names"), ("labels = 'x'", "x")] {
            fs::write(folder.path().join("mine.toml"), text).unwrap();
            let error = ModelMetadata::find(&chosen(&model), &MetadataFlags::default(), &facts(&[], 2))
                .unwrap_err()
                .to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
