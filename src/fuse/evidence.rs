//! The sum of evidence: what each cue says of a pixel being salient, as log odds.

use opencv::core::{Mat, Size};
use opencv::prelude::*;

use super::appearance::AppearanceMemory;
use super::colour::{ColourMemory, Colours};
use super::odds::{logit, sigmoid};
use super::trail::Trail;
use super::{border, guided};
use crate::Result;
use crate::frame::Gradient;
use crate::motion::Motion;
use crate::raster;

const STATIC: f32 = 0.6;
const CENTRE: f32 = 0.5;
const BORDER: f32 = 1.2;
/// Border contrast that speaks neither for nor against.
const NEUTRAL_CONTRAST: f32 = 0.4;
/// What is left of the past's log odds, its least weight, and what it gains where motion is not to be trusted.
const PAST: f32 = 0.9;
const PAST_LEAST: f32 = 0.7;
const PAST_MORE: f32 = 0.6;
const COLOUR: f32 = 0.8;
const APPEARANCE: f32 = 0.8;
/// Bound of what colour alone can say, or appearance alone.
const BOUND: f32 = 3.0;

/// What a frame's maps say, each `CV_32FC1` of values in 0..=1.
pub(super) struct Cues<'a> {
    /// The averaged gradient, where one is known.
    pub static_: Option<&'a Mat>,
    pub motion: &'a Mat,
    /// How far the motion is to be trusted, 0..=1.
    pub confidence: f32,
}

/// Adds up evidence over a shot.
#[derive(Default)]
pub(super) struct Evidence {
    centre: Vec<f32>,
    colours: ColourMemory,
    appearance: AppearanceMemory,
    past: Option<Mat>,
}

impl Evidence {
    /// The fused map of a frame (`CV_32FC1`, 0..=1); `gradient` is that frame's, on key frames.
    pub(super) fn step(
        &mut self,
        motion: &Motion,
        gradient: Option<&Gradient>,
        cues: &Cues,
        trail: &Trail,
    ) -> Result<Mat> {
        let size = motion.residual.size()?;
        let mut odds = self.log_odds(motion, cues, trail)?;
        let colours = Colours::of(&motion.lab)?;
        let prior: Vec<f32> = odds.iter().map(|&l| sigmoid(l)).collect();
        add(&mut odds, &self.colours.log_ratio(&colours, &prior), |ratio| COLOUR * ratio.clamp(-BOUND, BOUND));
        let so_far = probabilities(&odds, size)?;
        if let Some(ratio) = self.appearance.log_ratio(gradient, trail, &so_far, cues.motion)? {
            add(&mut odds, raster::values(ratio)?, |ratio| APPEARANCE * ratio.clamp(-BOUND, BOUND));
        }
        let fused = guided::guided_filter(&motion.lab, &probabilities(&odds, size)?)?;
        if motion.first {
            // Without motion this was no more than a guess: nothing is to be remembered of it.
            self.colours = ColourMemory::default();
            self.appearance = AppearanceMemory::default();
        } else {
            self.colours.learn(&colours, raster::values(&fused)?);
            self.appearance.learn(&fused)?;
            self.past = Some(fused.try_clone()?);
        }
        Ok(fused)
    }

    /// Everything but what is remembered of colour and appearance.
    fn log_odds(&mut self, motion: &Motion, cues: &Cues, trail: &Trail) -> Result<Vec<f32>> {
        let size = motion.residual.size()?;
        if self.centre.is_empty() {
            self.centre = centre(size);
        }
        let contrast = border::border_contrast(&motion.lab)?;
        let of_place = self.centre.iter().zip(raster::values(&contrast)?).zip(raster::values(cues.motion)?);
        let mut odds: Vec<f32> = of_place
            .map(|((centre, contrast), &m)| {
                cues.confidence * logit(m) + CENTRE * centre + BORDER * (contrast - NEUTRAL_CONTRAST)
            })
            .collect();
        if let Some(static_) = cues.static_ {
            add(&mut odds, raster::values(static_)?, |s| STATIC * (2.0 * s - 1.0));
        }
        if let Some(past) = &self.past {
            let weight = PAST * (PAST_LEAST + PAST_MORE * (1.0 - cues.confidence));
            add(&mut odds, raster::values(&trail.warp(past)?)?, |s| weight * logit(s));
        }
        Ok(odds)
    }
}

fn probabilities(odds: &[f32], size: Size) -> Result<Mat> {
    raster::from_values(size, &odds.iter().map(|&l| sigmoid(l)).collect::<Vec<f32>>())
}

fn add(odds: &mut [f32], cue: &[f32], says: impl Fn(f32) -> f32) {
    odds.iter_mut().zip(cue).for_each(|(odds, &value)| *odds += says(value));
}

/// A Gaussian about the picture's middle, from -1 far away to 1.
fn centre(size: Size) -> Vec<f32> {
    let (width, height) = (size.width as f32, size.height as f32);
    let at = |x: i32, y: i32| {
        let (x, y) = ((x as f32 - width / 2.0) / (0.35 * width), (y as f32 - height / 2.0) / (0.4 * height));
        2.0 * (-x * x - y * y).exp() - 1.0
    };
    (0..size.height).flat_map(|y| (0..size.width).map(move |x| at(x, y))).collect()
}
