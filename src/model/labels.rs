//! The names of a model's classes.

use std::path::Path;

use crate::platform::whole_file;
use crate::{Error, Result};

/// ImageNet's 1000 classes in order, one short name each.
const IMAGENET: &str = include_str!("../../models/imagenet_classes.txt");
const IMAGENET_CLASSES: usize = 1000;

/// The names of a model's classes, by class id.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ClassLabels(Vec<String>);

impl ClassLabels {
    /// The given names for a model with `classes` classes, or `None` if their number differs.
    pub fn new(names: Vec<String>, classes: usize) -> Option<Self> {
        (names.len() == classes).then_some(Self(names))
    }

    /// ImageNet's names for a model with 1000 classes, or with 1001 classes of which the first is
    /// TensorFlow's background.
    pub fn imagenet(classes: usize) -> Option<Self> {
        let background = (classes == IMAGENET_CLASSES + 1).then_some("background");
        Self::new(background.into_iter().chain(IMAGENET.lines()).map(str::to_owned).collect(), classes)
    }

    /// `class 0`, `class 1`, ...
    pub fn numbered(classes: usize) -> Self {
        Self((0..classes).map(|id| format!("class {id}")).collect())
    }

    /// The answers of a model that has one score for a yes-no question.
    pub fn answers() -> Self {
        Self(vec!["negative".into(), "positive".into()])
    }

    /// The number of names in a file, if it can be read.
    pub(super) fn count(path: &Path) -> Option<usize> {
        Some(whole_file::read_text(path).ok()?.trim_end().lines().count())
    }

    /// Reads names from a file or a pipe, one per line, for a model of `classes` classes.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read. [`Error::Input`] if it does not end, or the number of lines differs.
    pub fn read(path: &Path, classes: usize) -> Result<Self> {
        let text = whole_file::read_text(path)?;
        let names: Vec<_> = text.trim_end().lines().map(|line| line.trim().to_owned()).collect();
        let lines = names.len();
        Self::new(names, classes).ok_or_else(|| {
            Error::input(path, format!("has {lines} lines, the model has {classes} classes; give one name per line"))
        })
    }

    /// The number of classes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of a class, or an empty string for an id out of range.
    pub fn name(&self, class: usize) -> &str {
        self.0.get(class).map_or("", String::as_str)
    }

    /// The class named `name`, ignoring case.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown name. It lists the names that contain it or share a word
    /// with it, or otherwise names with a similar spelling.
    pub fn find(&self, name: &str) -> Result<usize> {
        let wanted = name.to_lowercase();
        if let Some(class) = self.0.iter().position(|label| label.to_lowercase() == wanted) {
            return Ok(class);
        }
        let words: Vec<_> = wanted.split_whitespace().collect();
        let is_near = |label: &&String| is_close(&label.to_lowercase(), &wanted, &words);
        let close: Vec<_> = self.0.iter().filter(is_near).take(8).collect();
        let close = if close.is_empty() { self.similar(&wanted) } else { close };
        let hint = match close.as_slice() {
            [] => "use an id or the full name of one of its classes".to_owned(),
            names => format!("did you mean {}?", names.iter().map(|n| format!("'{n}'")).collect::<Vec<_>>().join(", ")),
        };
        Err(Error::Usage(format!("--target '{name}': the model has no such class; {hint}")))
    }

    /// Up to three names that, as a whole or in one word, differ from `wanted` in few letters.
    fn similar(&self, wanted: &str) -> Vec<&String> {
        let length = wanted.chars().count();
        let near = self.0.iter().filter_map(|label| Some((distance(&label.to_lowercase(), wanted, length)?, label)));
        let mut close: Vec<_> = near.collect();
        close.sort_by_key(|(distance, _)| *distance);
        close.into_iter().take(3).map(|(_, label)| label).collect()
    }
}

/// The edit distance between `wanted`, of `length` letters, and `label` or the nearest word of `label`, if it is few
/// letters.
fn distance(label: &str, wanted: &str, length: usize) -> Option<usize> {
    let few = length / 3;
    // The distance is at least the difference of the lengths; to compute it for a long text takes long.
    let texts = std::iter::once(label).chain(label.split_whitespace());
    let texts = texts.filter(|text| text.chars().count().abs_diff(length) <= few);
    texts.map(|text| strsim::osa_distance(text, wanted)).min().filter(|distance| *distance <= few)
}

/// Whether `label` contains `wanted` or one of its `words`.
fn is_close(label: &str, wanted: &str, words: &[&str]) -> bool {
    label.contains(wanted) || label.split_whitespace().any(|part| words.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imagenet_names_go_with_1000_classes_or_one_more_for_the_background() {
        let labels = ClassLabels::imagenet(1000).unwrap();
        assert_eq!((labels.name(340), labels.name(285)), ("zebra", "Egyptian cat"));
        let labels = ClassLabels::imagenet(1001).unwrap();
        assert_eq!((labels.name(0), labels.name(341)), ("background", "zebra"));
        assert_eq!(ClassLabels::imagenet(999), None);
        assert_eq!(ClassLabels::numbered(3).name(2), "class 2");
    }

    #[test]
    fn names_are_found_whatever_their_case_and_close_ones_are_offered() {
        let labels = ClassLabels::imagenet(1000).unwrap();
        assert_eq!(labels.find("ZEBRA").unwrap(), 340);
        let miss = labels.find("cat").unwrap_err().to_string();
        assert!(miss.contains("'Egyptian cat'"), "{miss}");
        let typo = labels.find("labradro").unwrap_err().to_string();
        assert!(typo.contains("'Labrador retriever'"), "{typo}");
        let typo = labels.find("tabbi").unwrap_err().to_string();
        assert!(typo.contains("'tabby"), "{typo}");
        assert!(labels.find("zbera").unwrap_err().to_string().contains("did you mean 'zebra'"));
        assert!(labels.find("qwertz").unwrap_err().to_string().contains("no such class"));
    }

    #[test]
    fn a_long_name_takes_about_as_long_as_a_short_one() {
        let labels = ClassLabels::imagenet(1000).unwrap();
        let time = |name: &str| {
            let since = std::time::Instant::now();
            assert!(labels.find(name).is_err());
            since.elapsed()
        };
        let (short, long) = (time("qwertz"), time(&"qwertz".repeat(10_000)));
        assert!(
            long < 30 * short,
            "{long:?} against {short:?}; comparing it with all names takes 10,000 times as long"
        );
    }

    #[test]
    fn a_file_must_name_every_class() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "cat\ndog\n").unwrap();
        assert_eq!(ClassLabels::read(file.path(), 2).unwrap().name(1), "dog");
        let error = ClassLabels::read(file.path(), 3).unwrap_err().to_string();
        assert!(error.contains("2 lines") && error.contains("3 classes"), "{error}");
    }

    #[test]
    fn a_file_without_an_end_is_refused() {
        let error = ClassLabels::read(Path::new("/dev/zero"), 2).unwrap_err().to_string();
        assert!(error.contains("has more than"), "{error}");
    }
}
