//! Data sets: frames and their truths, in different layouts.

mod davis;
pub mod fixations;
mod folders;
mod list;
mod mask;
mod pair;
mod sequence;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use self::mask::read_mask;
pub use self::pair::key;
pub use self::sequence::{Item, Sequence, Truth};

use self::fixations::OtherFixations;
use self::pair::Pair;
use crate::{Error, Result};

/// The frames and truths on which maps are scored.
#[derive(Debug)]
pub struct Dataset {
    /// The name of the layout that was found.
    pub layout: &'static str,
    /// At least one.
    pub sequences: Vec<Sequence>,
    /// Where people looked in other pictures, if the data set has fixations.
    pub others: Option<OtherFixations>,
}

/// Which part of a data set to use.
#[derive(Debug, Clone, Default)]
pub struct DatasetSelection {
    /// Sequences by name.
    pub sequences: Vec<String>,
    /// A list of sequences: a file, or the name of a list in the data set's `ImageSets`. Without names and list, all
    /// sequences are used.
    pub list: Option<PathBuf>,
}

impl Dataset {
    /// Finds the data set in `root`. With `truth`, `root` is a folder of frames or of folders of frames, and `truth`
    /// the same for masks.
    ///
    /// # Errors
    /// [`Error::Input`] if the layout is not known, or frames and masks do not match; [`Error::Usage`] if a chosen
    /// sequence is missing.
    pub fn open(root: &Path, truth: Option<&Path>, choice: &DatasetSelection) -> Result<Self> {
        check_folder(root)?;
        let mut wanted = choice.sequences.clone();
        if let Some(list) = &choice.list {
            wanted.extend(list::read(root, list)?);
        }
        let (layout, pairs) = match (truth, davis::find(root)?) {
            (Some(truth), _) => ("frames and masks", folders::find(root, truth)?),
            (None, Some(pairs)) => ("DAVIS", pairs),
            (None, None) => {
                let found = fixations::find(root)?.ok_or_else(|| unknown(root))?;
                let others = Some(OtherFixations::gather(&found)?);
                let sequences = choose(of_fixations(found.items), |sequence| &sequence.name, &wanted)?;
                return Ok(Self { layout: found.layout, sequences, others });
            }
        };
        let pairs = choose(pairs, |pair| &pair.name, &wanted)?;
        let sequences = pairs.into_iter().map(Pair::sequence).collect::<Result<_>>()?;
        Ok(Self { layout, sequences, others: None })
    }

    /// Whether every sequence is a single picture.
    pub fn is_stills(&self) -> bool {
        self.sequences.iter().all(|sequence| sequence.frames.len() == 1)
    }

    /// The number of all frames.
    pub fn frames(&self) -> usize {
        self.sequences.iter().map(|sequence| sequence.frames.len()).sum()
    }
}

/// One sequence per photograph, and one per video.
fn of_fixations(items: Vec<fixations::FixationItem>) -> Vec<Sequence> {
    let mut sequences: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for item in items {
        let name = match &item.video {
            Some(_) => item.stimulus.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            None => item.name.clone(),
        };
        let picture = item.stimulus.clone();
        let frames = sequences.entry(item.group().to_owned()).or_default();
        frames.push(Item { name, picture, truth: Truth::Gaze(Box::new(item)) });
    }
    sequences.into_iter().map(|(name, frames)| Sequence { name, frames }).collect()
}

/// Those of `all` with a name in `wanted`, in their order; all, if `wanted` is empty.
fn choose<T>(all: Vec<T>, name: fn(&T) -> &String, wanted: &[String]) -> Result<Vec<T>> {
    if wanted.is_empty() {
        return Ok(all);
    }
    let names: Vec<&str> = all.iter().map(|one| name(one).as_str()).collect();
    if let Some(missing) = wanted.iter().find(|wanted| !names.contains(&wanted.as_str())) {
        return Err(Error::Usage(format!("no sequence is called {missing}: choose one of {}", some(&names))));
    }
    Ok(all.into_iter().filter(|one| wanted.contains(name(one))).collect())
}

fn check_folder(folder: &Path) -> Result<()> {
    match std::fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(Error::input(folder, "is not a folder: name the folder of a data set")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::input(folder, "no such folder: check the path"))
        }
        Err(e) => Err(Error::io(folder)(e)),
    }
}

/// The error for a folder of unknown layout: what it contains, and what is expected.
fn unknown(root: &Path) -> Error {
    let names: Vec<String> = std::fs::read_dir(root)
        .map(|entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    let mut names: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.starts_with('.')).collect();
    names.sort_unstable();
    let found = if names.is_empty() { "is empty".into() } else { format!("contains {}", some(&names)) };
    let expected = "JPEGImages and Annotations (DAVIS), stimuli and fixation_maps (MIT1003, SALICON), annotation \
                    (DHF1K), or frames with --truth DIR for their masks";
    Error::input(root, format!("unknown layout: {found}; expected {expected}"))
}

/// The first few of `names`, and the number of the others.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 6;
    match names.split_at_checked(SHOWN) {
        Some((shown, more)) if !more.is_empty() => format!("{} and {} more", shown.join(", "), more.len()),
        _ => names.join(", "),
    }
}
