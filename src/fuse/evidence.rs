//! The sum of evidence: how strongly each cue says that a pixel is salient, as log odds.
//!
//! Two estimates are computed separately and mixed by the amount of motion: what moves by itself, with all that is
//! remembered about it, and what the classifier looks at, which has no memory of the fused maps and so cannot lock in.

use opencv::core::{Mat, Size};
use opencv::prelude::*;

use super::appearance::AppearanceMemory;
use super::border::{BorderContrast, border_contrast};
use super::colour::{ColourBins, ColourMemory};
use super::flow_history::FlowHistory;
use super::guided::{FilterWindow, guided_filter};
use super::logit::{logit, probability, sigmoid};
use super::presence::Presence;
use crate::Result;
use crate::frame::Gradient;
use crate::motion::FrameMotion;
use crate::raster;

/// Weight of each cue's full range, in log odds. At 0.7 and 1.4 times each weight, J stays within 0.01.
const STATIC: f32 = 1.0;
const CENTRE: f32 = 0.7;
const BORDER: f32 = 1.2;
const COLOUR: f32 = 0.25;
const APPEARANCE: f32 = 0.8;
/// Share of the past log odds that remains. Below 1, so that no map sustains itself.
const PAST: f32 = 0.63;
/// Border contrast that counts neither for nor against a pixel, for the moving and for the standing estimate.
const NEUTRAL_MOVING: f32 = 0.23;
const NEUTRAL_STANDING: f32 = 0.4;
/// Factor by which the past amplifies constant evidence, `1 / (1 - PAST)`. Evidence without a past is multiplied by it.
const SETTLED: f32 = 1.0 / (1.0 - PAST);
/// Bound of the log odds from colour alone and from appearance alone, and of all evidence in the guided filter.
const BOUND: f32 = 3.0;
/// Log odds against a picture without structure, or a texture in which no place matters more than others.
const NOTHING_THERE: f32 = 6.0;
/// Window of the guided filter. J is the same at a radius of 8, and 0.008 lower at 12.
const EDGES: FilterWindow = FilterWindow { radius: 10, epsilon: 2e-5 };

/// The maps of a frame that serve as cues, each `CV_32FC1` with values in 0..=1.
pub(super) struct FusionCues<'a> {
    /// The gradient average, if known.
    pub static_: Option<&'a Mat>,
    /// The gradient average weighted by where the classifier finds the class.
    pub focused: Option<&'a Mat>,
    /// How certain it is that the gradient average shows more than a texture, 0..=1.
    pub distinct: f32,
    pub motion: &'a Mat,
    /// How much the motion is trusted, 0..=1.
    pub confidence: f32,
}

/// Accumulates evidence over a shot.
#[derive(Default)]
pub(super) struct Evidence {
    centre: Vec<f32>,
    presence: Presence,
    moving: MovingEvidence,
}

/// The estimate of what moves by itself, with its memory.
#[derive(Default)]
struct MovingEvidence {
    colours: ColourMemory,
    appearance: AppearanceMemory,
    past: Option<Mat>,
}

impl Evidence {
    /// The fused map of a frame (`CV_32FC1`, 0..=1). `gradient` is the frame's gradient if it is a key frame.
    pub(super) fn step(
        &mut self,
        motion: &FrameMotion,
        gradient: Option<&Gradient>,
        cues: &FusionCues,
        trail: &FlowHistory,
    ) -> Result<Mat> {
        let size = motion.lab.size()?;
        if self.centre.is_empty() {
            self.centre = centre(size);
        }
        self.presence.step(raster::values(cues.motion)?);
        let contrast = border_contrast(&motion.lab)?;
        let moving = self.place(&contrast, cues.focused, NEUTRAL_MOVING)?;
        let moving = self.moving.step(moving, motion, gradient, cues, trail, self.presence.now)?;
        let lately = self.presence.lately;
        if lately > 0.99 {
            return map(&moving, size);
        }
        let mut standing = self.place(&contrast, cues.static_, NEUTRAL_STANDING)?;
        let against = NOTHING_THERE * (1.0 - contrast.structure * cues.distinct);
        standing.iter_mut().for_each(|odds| *odds = SETTLED * *odds - against);
        let mut fused = drawn_to_edges(&motion.lab, &standing)?;
        fused.iter_mut().zip(&moving).for_each(|(fused, moving)| *fused += lately * (moving - *fused));
        map(&fused, size)
    }

    /// Log odds from gradient, position and border contrast.
    fn place(&self, contrast: &BorderContrast, static_: Option<&Mat>, neutral: f32) -> Result<Vec<f32>> {
        let of_place = self.centre.iter().zip(raster::values(&contrast.map)?);
        let mut odds: Vec<f32> =
            of_place.map(|(centre, contrast)| CENTRE * centre + BORDER * (contrast - neutral)).collect();
        if let Some(static_) = static_ {
            add(&mut odds, raster::values(static_)?, |s| STATIC * (2.0 * s - 1.0));
        }
        Ok(odds)
    }
}

impl MovingEvidence {
    /// Adds motion and memory to the log odds of position, and learns the frame, weighted by the `presence` of motion.
    fn step(
        &mut self,
        mut odds: Vec<f32>,
        motion: &FrameMotion,
        gradient: Option<&Gradient>,
        cues: &FusionCues,
        trail: &FlowHistory,
        presence: f32,
    ) -> Result<Vec<f32>> {
        let size = motion.lab.size()?;
        let trust = cues.confidence * presence;
        add(&mut odds, raster::values(cues.motion)?, |m| trust * logit(m));
        if let Some(past) = &self.past {
            add(&mut odds, raster::values(&trail.warp(past)?)?, |s| PAST * logit(s));
        }
        let colours = ColourBins::of(&motion.lab)?;
        let prior: Vec<f32> = odds.iter().map(|&l| sigmoid(l)).collect();
        add(&mut odds, &self.colours.log_ratio(&colours, &prior), |ratio| COLOUR * ratio.clamp(-BOUND, BOUND));
        if let Some(ratio) = self.appearance.log_ratio(gradient, trail, &map(&odds, size)?)? {
            add(&mut odds, raster::values(ratio)?, |ratio| APPEARANCE * ratio.clamp(-BOUND, BOUND));
        }
        let odds = drawn_to_edges(&motion.lab, &odds)?;
        let seen = map(&odds, size)?;
        if motion.first {
            // Without motion the estimate was only a guess, so nothing is remembered of it.
            *self = Self::default();
        } else {
            self.colours.learn(&colours, raster::values(&seen)?, presence);
            self.appearance.learn(&seen, presence)?;
            self.past = Some(seen);
        }
        Ok(odds)
    }
}

/// Aligns log odds with the edges of the picture `lab`. They are bounded first, so that one certain pixel does not
/// outweigh its neighbours.
fn drawn_to_edges(lab: &Mat, odds: &[f32]) -> Result<Vec<f32>> {
    let unit: Vec<f32> = odds.iter().map(|odds| (odds.clamp(-BOUND, BOUND) / BOUND + 1.0) / 2.0).collect();
    let drawn = guided_filter(lab, &raster::from_values(lab.size()?, &unit)?, EDGES)?;
    Ok(raster::values(&drawn)?.iter().map(|unit| (2.0 * unit - 1.0) * BOUND).collect())
}

fn map(odds: &[f32], size: Size) -> Result<Mat> {
    raster::from_values(size, &odds.iter().map(|&l| probability(l)).collect::<Vec<f32>>())
}

fn add(odds: &mut [f32], cue: &[f32], says: impl Fn(f32) -> f32) {
    odds.iter_mut().zip(cue).for_each(|(odds, &value)| *odds += says(value));
}

/// A Gaussian around the picture's centre, with values from -1 (far away) to 1.
fn centre(size: Size) -> Vec<f32> {
    let (width, height) = (size.width as f32, size.height as f32);
    let at = |x: i32, y: i32| {
        let (x, y) = ((x as f32 - width / 2.0) / (0.35 * width), (y as f32 - height / 2.0) / (0.4 * height));
        2.0 * (-x * x - y * y).exp() - 1.0
    };
    (0..size.height).flat_map(|y| (0..size.width).map(move |x| at(x, y))).collect()
}
