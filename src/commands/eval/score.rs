//! Scores one frame of every method against its truth.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::{Array2, Array3};
use opencv::core::{Mat, Size};
use opencv::prelude::*;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::dataset::fixations;
use super::dataset::{Dataset, Item, Truth, read_mask};
use super::measure::Measured;
use super::metric::fixation::{self, GazeRecord};
use super::metric::mask::{Scale, Scores, pointing, warping_error};
use super::predict::{MapFiles, centre};
use super::raster::{self, size_of};
use crate::frame::{Flow, Timing};
use crate::{Error, Result};

/// Everything that is needed to score frames.
pub struct Scorer<'a> {
    /// The frames with their truths.
    pub dataset: &'a Dataset,
    /// Other methods' maps.
    pub files: &'a [MapFiles],
    /// The fixed threshold.
    pub threshold: f64,
    /// How to scale maps before the saliency measures.
    pub scale: Scale,
    /// The folders in which to write this program's maps, in the order of the maps.
    pub keep: Option<Vec<PathBuf>>,
}

/// A frame that will be scored.
pub struct ScoreJob {
    /// Index of its sequence in the data set.
    pub sequence: usize,
    /// Index of the frame in the sequence.
    pub frame: usize,
    /// Whether the frame counts.
    pub counts: bool,
    /// Size of the picture in pixels.
    pub size: Size,
    /// This program's maps of the frame.
    pub maps: Arc<Vec<Mat>>,
    /// The maps of the previous frame, if it is in the same shot.
    pub before: Option<Arc<Vec<Mat>>>,
    /// Backward flow, in the size of the maps.
    pub flow: Flow,
    /// Time that the frame has taken so far.
    pub timing: Timing,
}

/// A scored frame.
pub struct ScoredFrame {
    /// Index of its sequence in the data set.
    pub sequence: usize,
    /// Index of the frame in the sequence.
    pub frame: usize,
    /// The figures of each method, in order; empty if the frame does not count.
    pub methods: Vec<Measured>,
    /// The first method's map, 240 pixels on the longer side, with 255 for 1.
    pub map: Array2<u8>,
    /// Time that the frame took before scoring.
    pub timing: Timing,
}

/// One method's maps of a frame.
struct Views {
    /// In the size of the truth.
    large: Array2<f64>,
    /// In the size of the flow.
    small: Array2<f64>,
    /// The map of the previous frame, if it is in the same shot, in the size of the flow.
    before: Option<Array2<f64>>,
}

/// The truth of a frame.
enum Reference {
    Mask { mask: Array2<bool>, flow: Array3<f64> },
    Gaze(Box<Looked>),
}

/// Where people looked in this picture and in others, and a baseline map that does not depend on the picture.
struct Looked {
    gaze: GazeRecord,
    others: GazeRecord,
    baseline: Array2<f64>,
}

impl Scorer<'_> {
    /// Scores a frame, and writes its maps if they are kept.
    ///
    /// # Errors
    /// [`Error::Input`] if truth or maps cannot be read, or have another size than the frame.
    pub fn score(&self, job: &ScoreJob) -> Result<ScoredFrame> {
        let ScoreJob { sequence, frame, timing, .. } = *job;
        let sequence_of = &self.dataset.sequences[sequence];
        let item = &sequence_of.frames[frame];
        let reference = self.reference(job, item)?;
        let mut methods = Vec::new();
        let mut map = None;
        let preview = |views: &Views| views.small.mapv(|value| (value * 255.0).round() as u8);
        for index in 0..job.maps.len() {
            let views = own(job, index)?;
            if let Some(folders) = &self.keep {
                let mut file = folders[index].join(sequence_of.place(item)).into_os_string();
                file.push(".png");
                raster::write(file.as_ref(), &views.large)?;
            }
            map.get_or_insert_with(|| preview(&views));
            methods.push(self.measure(&views, &reference, job)?);
        }
        for files in self.files {
            let views = read(files, job)?;
            map.get_or_insert_with(|| preview(&views));
            methods.push(self.measure(&views, &reference, job)?);
        }
        if !job.counts {
            methods.clear();
        }
        Ok(ScoredFrame { sequence, frame, methods, map: map.unwrap_or_default(), timing })
    }

    /// Reads the truth of a frame.
    fn reference(&self, job: &ScoreJob, item: &Item) -> Result<Reference> {
        match &item.truth {
            Truth::Mask(file) => {
                let mask = read_mask(file)?;
                check_size(job.size, file, mask.dim())?;
                Ok(Reference::Mask { mask, flow: raster::flow(&job.flow)? })
            }
            Truth::Gaze(gaze) => self.gaze(job, gaze),
        }
    }

    fn gaze(&self, job: &ScoreJob, item: &fixations::FixationItem) -> Result<Reference> {
        let gaze = item.read()?;
        check_size(job.size, &item.stimulus, gaze.shape)?;
        let others = self.dataset.others.as_ref().map(|others| others.than(item.group(), gaze.shape)).transpose()?;
        let others = others.unwrap_or(GazeRecord { shape: gaze.shape, fixations: None, density: None });
        let baseline = raster::at_size(&centre(job.size)?, job.size)?;
        Ok(Reference::Gaze(Box::new(Looked { gaze, others, baseline })))
    }

    fn measure(&self, views: &Views, reference: &Reference, job: &ScoreJob) -> Result<Measured> {
        match reference {
            Reference::Mask { mask, flow } => {
                let scores = Scores::of(views.large.view(), mask.view(), self.threshold, self.scale)?;
                let before = views.before.as_ref();
                let along = |before: &Array2<f64>| warping_error(views.small.view(), before.view(), flow.view(), None);
                let pointing = pointing(views.large.view(), mask.view());
                Ok(Measured::of_mask(scores, before.and_then(along), pointing))
            }
            Reference::Gaze(looked) => {
                let Looked { gaze, others, baseline } = &**looked;
                let truth = fixation::Truth { gaze, others, baseline: baseline.view() };
                // The random draws depend on the frame only, so they are the same for every method and thread.
                let seed = (job.sequence as u64) << 32 | job.frame as u64;
                let mut random = SmallRng::seed_from_u64(seed);
                let figures = fixation::Measure::ALL.map(|by| by.of(views.large.view(), &truth, &mut random));
                Ok(Measured::of_fixations(figures.into()))
            }
        }
    }
}

/// A map of this program.
fn own(job: &ScoreJob, index: usize) -> Result<Views> {
    let small = |maps: &[Mat]| -> Result<Array2<f64>> { raster::at_size(&maps[index], maps[index].size()?) };
    Ok(Views {
        large: raster::at_size(&job.maps[index], job.size)?,
        small: small(&job.maps)?,
        before: job.before.as_ref().map(|maps| small(maps)).transpose()?,
    })
}

/// A map of another method.
fn read(files: &MapFiles, job: &ScoreJob) -> Result<Views> {
    let map = |frame| files.read(job.sequence, frame, (job.size.height as usize, job.size.width as usize));
    let flow = job.flow.0.size()?;
    let large = map(job.frame)?;
    let before = match job.frame.checked_sub(1).filter(|_| job.before.is_some()) {
        Some(frame) => Some(raster::resized(map(frame)?.view(), flow)?),
        None => None,
    };
    Ok(Views { small: raster::resized(large.view(), flow)?, large, before })
}

fn check_size(picture: Size, truth: &Path, (height, width): (usize, usize)) -> Result<()> {
    let (rows, columns) = (picture.height as usize, picture.width as usize);
    if (rows, columns) == (height, width) {
        return Ok(());
    }
    let (is, frame) = (size_of((height, width)), size_of((rows, columns)));
    Err(Error::input(truth, format!("the truth is {is}, its frame {frame}: both must have the same size")))
}
