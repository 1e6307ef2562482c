//! A folder of frames and the folder of their masks.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::sequence::{Item, Sequence, Truth};
use crate::source::images::{list, natural_key};
use crate::{Error, Result};

/// A sequence whose files have not been listed yet.
#[derive(Debug)]
pub struct Pair {
    pub name: String,
    pub frames: PathBuf,
    pub truth: PathBuf,
}

impl Pair {
    /// The pair of the sub-folders called `name`.
    pub fn within(frames: &Path, truth: &Path, name: String) -> Self {
        Self { frames: frames.join(&name), truth: truth.join(&name), name }
    }

    /// The frames, each with its mask.
    ///
    /// # Errors
    /// [`Error::Input`] if one of the folders is missing or empty, or a file has no partner.
    pub fn sequence(self) -> Result<Sequence> {
        let Self { name, frames, truth } = self;
        if !truth.is_dir() {
            return Err(Error::input(&truth, format!("no such folder: the masks of {name} are expected there")));
        }
        let pictures = list(&frames)?;
        let masks = list(&truth)?;
        if pictures.is_empty() {
            return Err(Error::input(&frames, "the folder has no frames: add some, or leave this sequence out"));
        }
        check_numbers(&truth, &pictures, &masks)?;
        let mut by_name: HashMap<_, _> = masks.into_iter().map(|mask| (key(&mask), mask)).collect();
        let items = pictures.into_iter().map(|picture| {
            let name = stem(&picture);
            let problem = || format!("frame {name} has no mask: add one with the same name, such as {name}.png");
            let truth = by_name.remove(&key(&picture)).ok_or_else(|| Error::input(&truth, problem()))?;
            Ok(Item { name, picture, truth: Truth::Mask(truth) })
        });
        Ok(Sequence { frames: items.collect::<Result<_>>()?, name })
    }
}

/// Refuses folders with different numbers of files, and names the first file without a partner.
fn check_numbers(truth: &Path, pictures: &[PathBuf], masks: &[PathBuf]) -> Result<()> {
    if pictures.len() == masks.len() {
        return Ok(());
    }
    let lonely = |these: &[PathBuf], those: &[PathBuf]| {
        these.iter().find(|this| those.iter().all(|that| key(that) != key(this))).map(|path| stem(path))
    };
    let which = match (lonely(pictures, masks), lonely(masks, pictures)) {
        (Some(frame), _) => format!("frame {frame} has no mask"),
        (None, Some(mask)) => format!("mask {mask} has no frame"),
        (None, None) => "two files have the same name and different extensions".into(),
    };
    let problem = format!("{} masks for {} frames ({which}): each frame needs one", masks.len(), pictures.len());
    Err(Error::input(truth, problem))
}

/// The key for matching files: the name without extension, with numbers compared by value.
pub fn key(file: &Path) -> Vec<(String, usize, String)> {
    natural_key(&stem(file))
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
