//! A clip at a glance: its most salient moment as it was and as it is drawn, its energies, its classes.

use std::collections::HashMap;

use opencv::core::{self, Mat, Size, Vector};
use opencv::imgproc::{INTER_AREA, resize};
use opencv::prelude::*;
use serde::{Deserialize, Serialize};

use super::stages::Drawn;
use crate::Result;
use crate::annotate::{Energy, Fold};

/// Height of the pictures.
const HEIGHT: i32 = 135;
/// Moments of the energies, at most.
const MOMENTS: usize = 100;
/// Classes that are named, at most.
const CLASSES: usize = 3;

/// Collects what is shown of a clip.
#[derive(Default)]
pub struct Glance {
    energies: Fold,
    /// Sum of energies of the moment that is shown, and its pictures.
    best: Option<(f64, Mat)>,
    classes: HashMap<String, u64>,
}

/// What is known of a clip in short.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// Means of the static and of the motion map at a hundred moments, 0..=1, in thousandths.
    pub energy: Vec<[u16; 2]>,
    /// The classes that most frames were explained by, with the number of these frames.
    pub classes: Vec<(String, u64)>,
}

impl Glance {
    /// Adds the next frame.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) where OpenCV refuses, which no valid frame brings about.
    pub fn push(&mut self, drawn: &Drawn) -> Result<()> {
        let energy = Energy::of(drawn.frame.time, &drawn.maps)?;
        self.energies.push(energy);
        if let Some(said) = drawn.predictions.first() {
            *self.classes.entry(said.label.clone()).or_default() += 1;
        }
        let sum = energy.static_ + energy.motion;
        if self.best.as_ref().is_none_or(|(most, _)| sum > *most) {
            self.best = Some((sum, pair(&drawn.frame.image, &drawn.picture)?));
        }
        Ok(())
    }

    /// The pictures side by side, and the overview; `None` where there was no frame.
    pub fn finish(self) -> Option<(Mat, Overview)> {
        let thousandths = |value: f64| (value * 1e3).round() as u16;
        let columns = self.energies.columns();
        let mean = |columns: &[Energy], value: fn(&Energy) -> f64| {
            thousandths(columns.iter().map(value).sum::<f64>() / columns.len() as f64)
        };
        let energy = columns
            .chunks(columns.len().div_ceil(MOMENTS).max(1))
            .map(|columns| [mean(columns, |energy| energy.static_), mean(columns, |energy| energy.motion)]);
        let mut classes: Vec<_> = self.classes.into_iter().collect();
        classes.sort_by(|(a, most), (b, more)| more.cmp(most).then_with(|| a.cmp(b)));
        classes.truncate(CLASSES);
        let overview = Overview { energy: energy.collect(), classes };
        self.best.map(|(_, picture)| (picture, overview))
    }
}

/// Both pictures side by side, small.
fn pair(input: &Mat, result: &Mat) -> Result<Mat> {
    let small = |picture: &Mat| -> Result<Mat> {
        let width = (f64::from(picture.cols() * HEIGHT) / f64::from(picture.rows())).round().max(1.0);
        let mut out = Mat::default();
        resize(picture, &mut out, Size::new(width as i32, HEIGHT), 0.0, 0.0, INTER_AREA)?;
        Ok(out)
    };
    let pictures: Vector<Mat> = [small(input)?, small(result)?].into_iter().collect();
    let mut out = Mat::default();
    core::hconcat(&pictures, &mut out)?;
    Ok(out)
}
