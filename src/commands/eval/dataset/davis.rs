//! The layout of DAVIS, 2016 and 2017: `JPEGImages/RESOLUTION/SEQUENCE/*.jpg` with `Annotations/.../*.png`.

use std::path::{Path, PathBuf};

use super::folders::{folders, of_frames};
use super::pair::Pair;
use crate::{Error, Result};

/// The resolution of the benchmark. Another one is used only if there is no other choice.
const RESOLUTION: &str = "480p";

/// The sequences in `root`; `None` if it does not have this layout. A data set without a folder for the resolution
/// (YouTube-VOS) is read too.
///
/// # Errors
/// [`Error::Input`] if there are no sequences, or the resolution is ambiguous.
pub fn find(root: &Path) -> Result<Option<Vec<Pair>>> {
    let (frames, truth) = (root.join("JPEGImages"), root.join("Annotations"));
    if !frames.is_dir() || !truth.is_dir() {
        return Ok(None);
    }
    let mut names = of_frames(&frames)?;
    let (frames, truth) = if names.is_empty() {
        let resolution = resolution(&frames)?;
        (frames.join(&resolution), truth.join(&resolution))
    } else {
        (frames, truth)
    };
    if names.is_empty() {
        names = of_frames(&frames)?;
    }
    if names.is_empty() {
        return Err(Error::input(&frames, "has no folders of frames: add some, or name another data set"));
    }
    Ok(Some(names.into_iter().map(|name| Pair::within(&frames, &truth, name)).collect()))
}

fn resolution(frames: &Path) -> Result<PathBuf> {
    let found: Vec<PathBuf> =
        folders(frames)?.iter().filter_map(|folder| folder.file_name().map(PathBuf::from)).collect();
    match found.as_slice() {
        [] => Err(Error::input(frames, "is empty: name another data set")),
        [only] => Ok(only.clone()),
        many if many.contains(&PathBuf::from(RESOLUTION)) => Ok(RESOLUTION.into()),
        many => {
            let names: Vec<_> = many.iter().map(|name| name.display().to_string()).collect();
            let problem =
                format!("has {}, but no {RESOLUTION}: name a folder of frames and use --truth", names.join(", "));
            Err(Error::input(frames, problem))
        }
    }
}
