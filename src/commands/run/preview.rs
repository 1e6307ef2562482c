//! A preview of a clip: its most salient moment (original and annotated), its energies, its classes.

use std::collections::HashMap;

use opencv::core::{self, Mat, Size, Vector};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::annotate::{EnergyFold, MapEnergy, fitted};
use crate::pipeline::stages::DrawnFrame;

/// Height of the pictures in pixels.
const PREVIEW_HEIGHT: i32 = 135;
/// Maximum number of times at which energies are stored.
const MAX_MOMENTS: usize = 100;

/// Collects the preview of a clip.
#[derive(Default)]
pub struct PreviewBuilder {
    energies: EnergyFold,
    /// The sum of energies at the most salient moment so far, and its pictures.
    best: Option<(f64, Mat)>,
    classes: HashMap<String, u64>,
}

/// A short overview of a clip.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// Means of the static and of the motion map at a hundred times, 0..=1, in thousandths.
    pub energy: Vec<[u16; 2]>,
    /// The largest sum of both, which is that of the pictures' moment.
    pub peak: u16,
    /// The explained classes, with their number of frames; the most frequent first.
    pub classes: Vec<(String, u64)>,
}

impl Preview {
    /// The overview of a clip with these segments, which are in order and about equally long.
    pub fn joined<'a>(pieces: impl Iterator<Item = &'a Self>) -> Self {
        let (mut energy, mut counts, mut peak) = (Vec::new(), HashMap::new(), 0);
        for piece in pieces {
            energy.extend(&piece.energy);
            peak = peak.max(piece.peak);
            for (label, count) in &piece.classes {
                *counts.entry(label.clone()).or_default() += count;
            }
        }
        let mean = |values: &[[u16; 2]], which: usize| {
            (values.iter().map(|value| u64::from(value[which])).sum::<u64>() / values.len() as u64) as u16
        };
        let chunks = energy.chunks(energy.len().div_ceil(MAX_MOMENTS).max(1));
        Self {
            energy: chunks.map(|values| [mean(values, 0), mean(values, 1)]).collect(),
            peak,
            classes: ranked(counts),
        }
    }
}

/// The classes, the most frequent first.
fn ranked(counts: HashMap<String, u64>) -> Vec<(String, u64)> {
    let mut classes: Vec<_> = counts.into_iter().collect();
    classes.sort_by(|(a, most), (b, more)| more.cmp(most).then_with(|| a.cmp(b)));
    classes
}

impl PreviewBuilder {
    /// Adds the next frame.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails, which no valid frame causes.
    pub fn push(&mut self, drawn: &DrawnFrame) -> Result<()> {
        let energy = MapEnergy::of(drawn.time, &drawn.maps)?;
        self.energies.push(energy);
        if let Some(said) = drawn.predictions.first() {
            *self.classes.entry(said.label.clone()).or_default() += 1;
        }
        let sum = energy.static_ + energy.motion;
        if let Some(original) = &drawn.original
            && self.best.as_ref().is_none_or(|(most, _)| sum > *most)
        {
            self.best = Some((sum, pair(&original.image, &drawn.picture)?));
        }
        Ok(())
    }

    /// Both pictures side by side, and the overview; `None` if there was no frame.
    pub fn finish(self) -> Option<(Mat, Preview)> {
        let thousandths = |value: f64| (value * 1e3).round() as u16;
        let columns = self.energies.columns();
        let mean = |columns: &[MapEnergy], value: fn(&MapEnergy) -> f64| {
            thousandths(columns.iter().map(value).sum::<f64>() / columns.len() as f64)
        };
        let energy = columns
            .chunks(columns.len().div_ceil(MAX_MOMENTS).max(1))
            .map(|columns| [mean(columns, |energy| energy.static_), mean(columns, |energy| energy.motion)]);
        let energy = energy.collect();
        let classes = ranked(self.classes);
        self.best.map(|(sum, picture)| (picture, Preview { energy, peak: thousandths(sum), classes }))
    }
}

/// Both pictures side by side, scaled down.
fn pair(input: &Mat, result: &Mat) -> Result<Mat> {
    let room = Size::new(i32::MAX, PREVIEW_HEIGHT);
    let pictures: Vector<Mat> = [fitted(input, room)?, fitted(result, room)?].into_iter().collect();
    let mut out = Mat::default();
    core::hconcat(&pictures, &mut out)?;
    Ok(out)
}
