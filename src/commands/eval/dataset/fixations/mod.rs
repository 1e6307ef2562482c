//! Data sets of where people looked.
//!
//! Layouts, with folders by any of their usual names, in any case:
//!
//! - photographs (MIT1003, SALICON): `stimuli` or `images`, with `fixation_maps`, `maps` or `ALLFIXATIONMAPS`, and
//!   `fixations` where there is one. The files of a picture have its name; `_fixMap` and `_fixPts` may be added. Folders
//!   in these, such as `val`, are alike in all. SALICON's fixations may also be one file, `fixations*.json`.
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

/// Pictures and where people looked at them.
#[derive(Debug, Clone)]
pub struct FixationDataset {
    /// The layout that was found, in words.
    pub layout: &'static str,
    /// At least one, sorted by name.
    pub items: Vec<FixationItem>,
}

/// A picture, or a frame of a video.
#[derive(Debug, Clone)]
pub struct FixationItem {
    /// The file name without extension, after the folders within the data set: `i05june05`, `val/COCO_1` or `0001/0042`.
    pub name: String,
    /// The video that it is a frame of.
    pub video: Option<String>,
    pub stimulus: PathBuf,
    /// A picture of the density of fixations.
    density: Option<PathBuf>,
    points: Option<FixationPoints>,
}

/// Where the fixations are, one by one.
#[derive(Debug, Clone)]
enum FixationPoints {
    /// A picture with a bright pixel at each.
    Picture(PathBuf),
    /// Read already, for a picture of `shape` (height, width).
    List { shape: (usize, usize), fixations: Vec<Fixation> },
}

/// The data set in `root`; `None` where the folder has none of the layouts.
///
/// # Errors
/// [`Error::Io`] for what cannot be read; [`Error::Input`] where the layout is known but pictures and truths do not go
/// together, or are in a format that is not read.
pub fn find(root: &Path) -> Result<Option<FixationDataset>> {
    if let Some(dataset) = videos::find(root)? {
        return Ok(Some(dataset));
    }
    photographs::find(root)
}

impl FixationItem {
    /// Where people looked at this picture: its density, its fixations, or both.
    ///
    /// # Errors
    /// [`Error::Input`] where a file is no picture, a density has values that are none, or sizes differ.
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
        let problem = format!("is {}x{}, its {what} {width}x{height}: make them one size", shape.1, shape.0);
        Err(Error::input(&self.stimulus, problem))
    }

    /// What it is one of: its video's name, or of a photograph its own. Other groups' fixations are the negatives of the
    /// shuffled AUC.
    pub fn group(&self) -> &str {
        self.video.as_deref().unwrap_or(&self.name)
    }
}
