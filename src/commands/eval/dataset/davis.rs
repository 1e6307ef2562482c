//! The layout of DAVIS, 2016 and 2017: `JPEGImages/RESOLUTION/SEQUENCE/*.jpg` with `Annotations/.../*.png`.

use std::path::{Path, PathBuf};

use super::folders::{folders, of_frames};
use super::pair::Pair;
use crate::{Error, Result};

/// The resolution that the benchmark is run at; another is taken where it is the only one.
const RESOLUTION: &str = "480p";

/// The sequences in `root`; `None` where it is not laid out so. A data set without the folder of the resolution
/// (YouTube-VOS) is read too.
///
/// # Errors
/// [`Error::Input`] where there are no sequences, or the choice of the resolution is open.
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
        return Err(Error::input(&frames, "holds no folders of frames: an empty data set has no figures"));
    }
    Ok(Some(names.into_iter().map(|name| Pair::within(&frames, &truth, name)).collect()))
}

fn resolution(frames: &Path) -> Result<PathBuf> {
    let found: Vec<PathBuf> =
        folders(frames)?.iter().filter_map(|folder| folder.file_name().map(PathBuf::from)).collect();
    match found.as_slice() {
        [] => Err(Error::input(frames, "is empty: an empty data set has no figures")),
        [only] => Ok(only.clone()),
        many if many.contains(&PathBuf::from(RESOLUTION)) => Ok(RESOLUTION.into()),
        many => {
            let names: Vec<_> = many.iter().map(|name| name.display().to_string()).collect();
            let problem = format!("holds {} and no {RESOLUTION}: name frames and --truth instead", names.join(", "));
            Err(Error::input(frames, problem))
        }
    }
}
