//! Frames and their truths, as data sets lay them out.

mod davis;
mod folders;
mod list;
mod mask;
mod pair;

use std::path::{Path, PathBuf};

pub(super) use self::folders::folders;
pub use self::mask::read_mask;
pub use self::pair::key;

use self::pair::Pair;
use crate::{Error, Result};

/// What there is to score maps on.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The layout that was found, in words.
    pub layout: &'static str,
    /// At least one.
    pub sequences: Vec<Sequence>,
}

/// A clip.
#[derive(Debug, Clone)]
pub struct Sequence {
    /// Its name: that of the folder of its frames.
    pub name: String,
    /// Its frames in order, at least one.
    pub frames: Vec<Item>,
}

/// A frame and its truth.
#[derive(Debug, Clone)]
pub struct Item {
    /// The frame's file name without extension.
    pub name: String,
    /// The picture.
    pub picture: PathBuf,
    /// The mask of its object.
    pub truth: PathBuf,
}

/// Which part of a data set to take.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Sequences by name.
    pub sequences: Vec<String>,
    /// A list of sequences: a file, or the name of one in the data set's `ImageSets`. Without both, all are taken.
    pub list: Option<PathBuf>,
}

impl Dataset {
    /// Finds what lies in `root`. With `truth`, `root` is a folder of frames, or of folders of frames, and `truth` one of
    /// masks alike.
    ///
    /// # Errors
    /// [`Error::Input`] where the layout is none that is known, or frames and masks do not go together;
    /// [`Error::Usage`] where a chosen sequence is missing.
    pub fn open(root: &Path, truth: Option<&Path>, choice: &Choice) -> Result<Self> {
        check_folder(root)?;
        let (layout, pairs) = match truth {
            Some(truth) => ("frames and masks", folders::find(root, truth)?),
            None => ("DAVIS", davis::find(root)?.ok_or_else(|| unknown(root))?),
        };
        let mut wanted = choice.sequences.clone();
        if let Some(list) = &choice.list {
            wanted.extend(list::read(root, list)?);
        }
        let pairs = choose(pairs, &wanted)?;
        let sequences = pairs.into_iter().map(Pair::sequence).collect::<Result<_>>()?;
        Ok(Self { layout, sequences })
    }

    /// The number of all frames.
    pub fn frames(&self) -> usize {
        self.sequences.iter().map(|sequence| sequence.frames.len()).sum()
    }
}

/// The pairs of the names that are wanted, in their order; all, where none is.
fn choose(pairs: Vec<Pair>, wanted: &[String]) -> Result<Vec<Pair>> {
    if wanted.is_empty() {
        return Ok(pairs);
    }
    if let Some(missing) = wanted.iter().find(|name| pairs.iter().all(|pair| pair.name != **name)) {
        let names: Vec<&str> = pairs.iter().map(|pair| pair.name.as_str()).collect();
        return Err(Error::Usage(format!("no sequence is called {missing}: there are {}", some(&names))));
    }
    Ok(pairs.into_iter().filter(|pair| wanted.contains(&pair.name)).collect())
}

fn check_folder(folder: &Path) -> Result<()> {
    match std::fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(Error::input(folder, "is no folder: name a data set's")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::input(folder, "no such folder: check the name and the place"))
        }
        Err(e) => Err(Error::io(folder)(e)),
    }
}

/// The error for a folder of no known layout: what it holds, and what it could.
fn unknown(root: &Path) -> Error {
    let names: Vec<String> = std::fs::read_dir(root)
        .map(|entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    let mut names: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.starts_with('.')).collect();
    names.sort_unstable();
    let found = if names.is_empty() { "is empty".into() } else { format!("holds {}", some(&names)) };
    let expected = "JPEGImages and Annotations (DAVIS), or frames with --truth DIR for their masks";
    Error::input(root, format!("unknown layout: {found}; expected {expected}"))
}

/// The first few of `names`, and how many there are more.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 6;
    match names.split_at_checked(SHOWN) {
        Some((shown, more)) if !more.is_empty() => format!("{} and {} more", shown.join(", "), more.len()),
        _ => names.join(", "),
    }
}
