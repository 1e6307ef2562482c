//! A TOML file beside a model that declares what the model expects: `mine.toml` for `mine.onnx`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::model::{ChannelOrder, ClassLabels, Preprocessing, Preprocessor};
use crate::platform::whole_file;
use crate::{Error, Result};
use onnx_grad::MAX_SIDE;

/// The validated contents of a sidecar.
///
/// ```toml
/// preprocess = "unit"                  # a recipe of --preprocess; or, instead of it:
/// channels = "BGR"                     # RGB by default
/// mean = [103.53, 116.28, 123.675]     # per channel in that order, for pixels from 0 to 255
/// std = [57.375, 57.12, 58.395]
/// size = [224, 224]                    # height and width of the picture
/// labels = "names.txt"                 # one name per line, beside this file; or a list of names
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sidecar {
    /// The file.
    pub path: PathBuf,
    /// The preprocessing.
    pub preprocessor: Option<Preprocessor>,
    /// Height and width of the image, in pixels.
    pub size: Option<[usize; 2]>,
    labels: Option<ClassNames>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "labels must be a file's name or a list of names")]
enum ClassNames {
    File(PathBuf),
    List(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SidecarFields {
    preprocess: Option<Preprocessing>,
    channels: Option<ChannelOrder>,
    mean: Option<[f32; 3]>,
    std: Option<[f32; 3]>,
    size: Option<[usize; 2]>,
    labels: Option<ClassNames>,
}

impl Sidecar {
    /// Reads the sidecar of a model, if there is one.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read. [`Error::Input`] if a key is unknown or a value is
    /// impossible.
    pub fn beside(model: &Path) -> Result<Option<Self>> {
        let path = Self::path(model);
        if path.exists() && !path.is_file() {
            return Err(Error::input(&path, "is not a file; put the sidecar there or remove it"));
        }
        match whole_file::read_text(&path) {
            Ok(text) => parse(&text, &path).map_err(|problem| Error::input(&path, problem)).map(Some),
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The path of a model's sidecar, whether or not it exists.
    pub fn path(model: &Path) -> PathBuf {
        model.with_extension("toml")
    }

    /// The number of class names.
    pub(super) fn named_classes(&self) -> Option<usize> {
        match self.labels.as_ref()? {
            ClassNames::File(name) => ClassLabels::count(&crate::platform::paths::folder(&self.path).join(name)),
            ClassNames::List(names) => Some(names.len()),
        }
    }

    /// The class names for a model with `classes` classes.
    ///
    /// # Errors
    /// The same as [`ClassLabels::read`]. [`Error::Input`] for a list with another number of names.
    pub fn labels(&self, classes: usize) -> Result<Option<ClassLabels>> {
        match &self.labels {
            None => Ok(None),
            Some(ClassNames::File(name)) => {
                ClassLabels::read(&crate::platform::paths::folder(&self.path).join(name), classes).map(Some)
            }
            Some(ClassNames::List(names)) => match ClassLabels::new(names.clone(), classes) {
                Some(labels) => Ok(Some(labels)),
                None => {
                    let problem = format!("labels has {} names, the model has {classes} classes", names.len());
                    Err(Error::input(&self.path, problem))
                }
            },
        }
    }
}

fn parse(text: &str, path: &Path) -> Result<Sidecar, String> {
    let fields: SidecarFields = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
        let place = line.map_or_else(String::new, |line| format!("line {line}: "));
        format!("{place}{}", error.message().replace('\n', ", "))
    })?;
    if fields.size.is_some_and(|size| size.iter().any(|side| !(1..=MAX_SIDE).contains(side))) {
        return Err(format!("size must be [height, width] in pixels, each from 1 to {MAX_SIDE}"));
    }
    let preprocessor = preprocessor(&fields)?;
    Ok(Sidecar { path: path.into(), preprocessor, size: fields.size, labels: fields.labels })
}

fn preprocessor(fields: &SidecarFields) -> Result<Option<Preprocessor>, String> {
    let found = match (fields.preprocess, fields.channels, fields.mean, fields.std) {
        (None, None, None, None) => return Ok(None),
        (Some(kind), None, None, None) => kind.into(),
        (Some(_), ..) => return Err("preprocess sets channels, mean and std; use one or the others".into()),
        (None, channels, Some(mean), Some(std)) => {
            Preprocessor { channels: channels.unwrap_or(ChannelOrder::Rgb), mean, std }
        }
        _ => return Err("mean and std go together; set both, or use preprocess".into()),
    };
    let sane = found.mean.iter().all(|mean| mean.is_finite()) && found.std.iter().all(|std| std.is_normal());
    if sane { Ok(Some(found)) } else { Err("mean must be finite, and std finite and not 0".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Sidecar, String> {
        parse(text, Path::new("mine.toml"))
    }

    #[test]
    fn a_recipe_or_numbers_and_names() {
        let sidecar = parsed("preprocess = \"unit\"\nsize = [299, 200]\nlabels = [\"cat\", \"dog\"]").unwrap();
        assert_eq!(sidecar.preprocessor, Some(Preprocessing::Unit.into()));
        assert_eq!((sidecar.size, sidecar.labels(2).unwrap().unwrap().name(1)), (Some([299, 200]), "dog"));
        let error = sidecar.labels(3).unwrap_err().to_string();
        assert!(error.contains("mine.toml") && error.contains("2 names") && error.contains("3 classes"), "{error}");
        let own = parsed("channels = \"BGR\"\nmean = [1, 2, 3]\nstd = [4, 5, 6]").unwrap().preprocessor.unwrap();
        assert_eq!((own.channels, own.mean, own.std), (ChannelOrder::Bgr, [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]));
        assert_eq!(parsed("").unwrap().preprocessor, None);
    }

    #[test]
    fn what_cannot_be_is_one_line_that_names_it() {
        for (text, words) in [
            ("\ncolour = 1", &["line 2", "`colour`", "`channels`"][..]),
            ("mean = [1, 2]", &["line 1", "length 2"]),
            ("preprocess = \"nonsense\"", &["nonsense", "imagenet"]),
            ("channels = \"GRB\"", &["GRB", "BGR"]),
            ("labels = 3", &["file's name or a list of names"]),
            ("labels = [1]", &["file's name or a list of names"]),
            ("size = [0, 224]", &["size"]),
            ("size = [224, 4097]", &["size", "from 1 to 4096"]),
            ("size = [-1, 224]", &["line 1", "-1"]),
            ("mean = [1, 2, 3]", &["mean and std"]),
            ("channels = \"BGR\"", &["mean and std"]),
            ("preprocess = \"unit\"\nchannels = \"BGR\"", &["one or the others"]),
            ("mean = [0, 0, 0]\nstd = [0, 1, 1]", &["not 0"]),
            ("mean = [nan, 0, 0]\nstd = [1, 1, 1]", &["finite"]),
            ("preprocess = ", &["line 1"]),
        ] {
            let problem = parsed(text).unwrap_err();
            assert!(!problem.contains('\n'), "{problem}");
            for word in words {
                assert!(problem.contains(word), "no '{word}' in: {problem}");
            }
        }
    }
}
