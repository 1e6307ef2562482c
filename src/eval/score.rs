//! One frame of every method against its truth.

use std::path::PathBuf;
use std::sync::Arc;

use ndarray::{Array2, Array3};
use opencv::core::{Mat, Size};
use opencv::prelude::*;

use super::dataset::{Dataset, Item, read_mask};
use super::measure::Measured;
use super::metric::mask::{Scale, Scores, warping_error};
use super::predict::MapFiles;
use super::raster::{self, size_of};
use crate::frame::{Flow, Timing};
use crate::{Error, Result};

/// What all frames are scored by.
pub struct Scorer<'a> {
    /// The frames' truths.
    pub dataset: &'a Dataset,
    /// Other methods' maps.
    pub files: &'a [MapFiles],
    /// The fixed threshold.
    pub threshold: f64,
    /// What is done to maps before saliency is measured.
    pub scale: Scale,
    /// Where to write this program's maps: a folder for each, in their order.
    pub keep: Option<Vec<PathBuf>>,
}

/// A frame on its way to be scored.
pub struct Job {
    /// Its sequence, by its place in the data set.
    pub sequence: usize,
    /// Its place in the sequence.
    pub frame: usize,
    /// Whether it counts.
    pub counts: bool,
    /// The picture's size in pixels.
    pub size: Size,
    /// This program's maps of it.
    pub maps: Arc<Vec<Mat>>,
    /// Those of the frame before, where it is of the same shot.
    pub before: Option<Arc<Vec<Mat>>>,
    /// Backward flow, of the maps' size.
    pub flow: Flow,
    /// What it has cost so far.
    pub timing: Timing,
}

/// A frame as scored.
pub struct Scored {
    /// Its sequence, by its place in the data set.
    pub sequence: usize,
    /// Its place in the sequence.
    pub frame: usize,
    /// What each method reaches, in order; empty where the frame does not count.
    pub methods: Vec<Measured>,
    /// What it has cost before.
    pub timing: Timing,
}

/// One method's maps of a frame.
struct Views {
    /// At the truth's size.
    large: Array2<f64>,
    /// At the flow's size.
    small: Array2<f64>,
    /// The frame before's, where it is of the same shot, at the flow's size.
    before: Option<Array2<f64>>,
}

impl Scorer<'_> {
    /// Scores a frame, and writes its maps where they are to be kept.
    ///
    /// # Errors
    /// [`Error::Input`] where truth or maps cannot be read or differ in size from the frame.
    pub fn score(&self, job: &Job) -> Result<Scored> {
        let Job { sequence, frame, timing, .. } = *job;
        let sequence_of = &self.dataset.sequences[sequence];
        let item = &sequence_of.frames[frame];
        let truth = read_mask(&item.truth)?;
        check_size(job.size, item, truth.dim())?;
        let flow = raster::flow(&job.flow)?;
        let mut methods = Vec::new();
        for index in 0..job.maps.len() {
            let views = own(job, index)?;
            if let Some(folders) = &self.keep {
                let file = folders[index].join(&sequence_of.name).join(format!("{}.png", item.name));
                raster::write(&file, &views.large)?;
            }
            methods.push(self.measure(&views, &truth, &flow)?);
        }
        for files in self.files {
            methods.push(self.measure(&read(files, job)?, &truth, &flow)?);
        }
        if !job.counts {
            methods.clear();
        }
        Ok(Scored { sequence, frame, methods, timing })
    }

    fn measure(&self, views: &Views, truth: &Array2<bool>, flow: &Array3<f64>) -> Result<Measured> {
        let scores = Scores::of(views.large.view(), truth.view(), self.threshold, self.scale)?;
        let before = views.before.as_ref();
        let error = before.and_then(|before| warping_error(views.small.view(), before.view(), flow.view(), None));
        Ok(Measured::of_mask(scores, error))
    }
}

/// This program's maps.
fn own(job: &Job, index: usize) -> Result<Views> {
    let small = |maps: &[Mat]| -> Result<Array2<f64>> { raster::at_size(&maps[index], maps[index].size()?) };
    Ok(Views {
        large: raster::at_size(&job.maps[index], job.size)?,
        small: small(&job.maps)?,
        before: job.before.as_ref().map(|maps| small(maps)).transpose()?,
    })
}

/// Another method's.
fn read(files: &MapFiles, job: &Job) -> Result<Views> {
    let map = |frame| files.read(job.sequence, frame, (job.size.height as usize, job.size.width as usize));
    let flow = job.flow.0.size()?;
    let large = map(job.frame)?;
    let before = match job.frame.checked_sub(1).filter(|_| job.before.is_some()) {
        Some(frame) => Some(raster::resized(map(frame)?.view(), flow)?),
        None => None,
    };
    Ok(Views { small: raster::resized(large.view(), flow)?, large, before })
}

fn check_size(picture: Size, item: &Item, (height, width): (usize, usize)) -> Result<()> {
    let (rows, columns) = (picture.height as usize, picture.width as usize);
    if (rows, columns) == (height, width) {
        return Ok(());
    }
    let (mask, frame) = (size_of((height, width)), size_of((rows, columns)));
    Err(Error::input(&item.truth, format!("is {mask}, its frame {frame}: masks must have their frames' size")))
}
