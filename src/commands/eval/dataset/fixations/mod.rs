//! Data sets of fixations (where people looked).
//!
//! The layouts. Folders may have any of their usual names, in upper or lower case:
//!
//! - photographs (MIT1003, SALICON): `stimuli` or `images`, with `fixation_maps`, `maps` or `ALLFIXATIONMAPS`, and
//!   `fixations` if it exists. The files for a picture have its name; `_fixMap` and `_fixPts` may be added. All of these
//!   have the same sub-folders, such as `val`. SALICON's fixations may also be in one file, `fixations*.json`.
//! - videos (DHF1K, UCF Sports): `annotation/0001/maps`, `annotation/0001/fixation`, the frames in
//!   `annotation/0001/images`, `frames/0001`, `images/0001` or `video/0001`; or without the folder `annotation`.

mod files;
mod others;
mod photographs;
mod read;
mod salicon;
#[cfg(test)]
mod tests;
mod videos;

use std::path::{Path, PathBuf};

pub use others::OtherFixations;

use crate::commands::eval::metric::fixation::{Fixation, GazeRecord};
use crate::{Error, Result};

/// Pictures and where people looked in them.
#[derive(Debug, Clone)]
pub struct FixationDataset {
    /// The name of the layout that was found.
    pub layout: &'static str,
    /// At least one, sorted by name.
    pub items: Vec<FixationItem>,
}

/// A picture, or a frame of a video.
#[derive(Debug, Clone)]
pub struct FixationItem {
    /// The file name without extension, after the folders within the data set: `i05june05`, `val/COCO_1` or
    /// `0001/0042`.
    pub name: String,
    /// The name of the video, if it is a frame of one.
    pub video: Option<String>,
    pub stimulus: PathBuf,
    /// A picture of the density of fixations.
    density: Option<PathBuf>,
    points: Option<FixationPoints>,
}

/// Where to find the individual fixations.
#[derive(Debug, Clone)]
enum FixationPoints {
    /// A picture with a bright pixel for each.
    Picture(PathBuf),
    /// Read from a list, for a picture of `shape` (height, width).
    List { shape: (usize, usize), fixations: Vec<Fixation> },
}

/// The data set in `root`; `None` if the folder has none of the layouts.
///
/// # Errors
/// [`Error::Io`] if something cannot be read; [`Error::Input`] if the layout is known, but pictures and truths do not
/// match, or have a format that is not supported.
pub fn find(root: &Path) -> Result<Option<FixationDataset>> {
    if let Some(dataset) = videos::find(root)? {
        return Ok(Some(dataset));
    }
    photographs::find(root)
}

impl FixationItem {
    /// Where people looked in this picture: the density, the fixations, or both.
    ///
    /// # Errors
    /// [`Error::Input`] if a file is not a picture, a density has invalid values, or sizes differ.
    pub fn read(&self) -> Result<GazeRecord> {
        let density = self.density.as_deref().map(read::density).transpose()?;
        let points = match &self.points {
            Some(FixationPoints::Picture(file)) => Some(read::fixations(file)?),
            Some(FixationPoints::List { shape, fixations }) => Some((*shape, fixations.clone())),
            None => None,
        };
        let shape = read::shape(&self.stimulus)?;
        if let Some(density) = &density {
            self.check_shape("fixation map", density.dim(), shape)?;
        }
        if let Some((of, _)) = &points {
            self.check_shape("picture of fixations", *of, shape)?;
        }
        Ok(GazeRecord { shape, fixations: points.map(|(_, fixations)| fixations), density })
    }

    fn check_shape(&self, what: &str, (height, width): (usize, usize), shape: (usize, usize)) -> Result<()> {
        if (height, width) == shape {
            return Ok(());
        }
        let problem = format!("is {}x{}, its {what} {width}x{height}: scale them to the same size", shape.1, shape.0);
        Err(Error::input(&self.stimulus, problem))
    }

    /// Its group: the name of its video, or its own name for a photograph. Fixations of other groups are the negatives
    /// of the shuffled AUC.
    pub fn group(&self) -> &str {
        self.video.as_deref().unwrap_or(&self.name)
    }
}
