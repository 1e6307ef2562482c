//! The sum of evidence: what each cue says of a pixel being salient, as log odds.
//!
//! Two answers are kept apart, and mixed by how much moves: what moves by itself, with all that is remembered of it, and
//! what the classifier looks at, which depends on the frame alone and so cannot lock in.

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

/// What a cue's whole range is worth, in log odds. At 0.7 and 1.4 times each, J stays within 0.01.
const STATIC: f32 = 1.0;
const CENTRE: f32 = 0.7;
const BORDER: f32 = 1.2;
const COLOUR: f32 = 0.25;
const APPEARANCE: f32 = 0.8;
/// What is left of the past's log odds. Below 1, so that no map keeps itself alive.
const PAST: f32 = 0.63;
/// Border contrast that speaks neither for nor against: for what moves, and for what stands.
const NEUTRAL_MOVING: f32 = 0.23;
const NEUTRAL_STANDING: f32 = 0.4;
/// What the past makes of evidence that does not change, `1 / (1 - PAST)`: so much stronger is what needs no past.
const SETTLED: f32 = 1.0 / (1.0 - PAST);
/// Bound of what colour alone can say, or appearance alone; and of all evidence where the map is drawn to edges.
const BOUND: f32 = 3.0;
/// What speaks against a picture without structure, or a texture without a place that matters more than others.
const NOTHING_THERE: f32 = 6.0;
/// How maps are drawn to the picture's edges. J is the same at a radius of 8, and 0.008 lower at 12.
const EDGES: FilterWindow = FilterWindow { radius: 10, epsilon: 2e-5 };

/// What a frame's maps say, each `CV_32FC1` of values in 0..=1.
pub(super) struct FusionCues<'a> {
    /// The averaged gradient, where one is known.
    pub static_: Option<&'a Mat>,
    /// The same where the classifier also finds the class.
    pub focused: Option<&'a Mat>,
    /// How surely the averaged gradient shows more than a texture, 0..=1.
    pub distinct: f32,
    pub motion: &'a Mat,
    /// How far the motion is to be trusted, 0..=1.
    pub confidence: f32,
}

/// Adds up evidence over a shot.
#[derive(Default)]
pub(super) struct Evidence {
    centre: Vec<f32>,
    presence: Presence,
    moving: MovingEvidence,
}

/// What moves by itself, and what is remembered of it.
#[derive(Default)]
struct MovingEvidence {
    colours: ColourMemory,
    appearance: AppearanceMemory,
    past: Option<Mat>,
}

impl Evidence {
    /// The fused map of a frame (`CV_32FC1`, 0..=1); `gradient` is that frame's, on key frames.
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

    /// What gradient, place and contrast to the border say.
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
    /// Adds motion and memory to the log odds of place, and remembers the frame by the `presence` of motion in it.
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
            // Without motion this was no more than a guess: nothing is to be remembered of it.
            *self = Self::default();
        } else {
            self.colours.learn(&colours, raster::values(&seen)?, presence);
            self.appearance.learn(&seen, presence)?;
            self.past = Some(seen);
        }
        Ok(odds)
    }
}

/// Log odds with the edges of the picture `lab`: filtered within bounds, so that one sure pixel does not outweigh its neighbours.
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

/// A Gaussian about the picture's middle, from -1 far away to 1.
fn centre(size: Size) -> Vec<f32> {
    let (width, height) = (size.width as f32, size.height as f32);
    let at = |x: i32, y: i32| {
        let (x, y) = ((x as f32 - width / 2.0) / (0.35 * width), (y as f32 - height / 2.0) / (0.4 * height));
        2.0 * (-x * x - y * y).exp() - 1.0
    };
    (0..size.height).flat_map(|y| (0..size.width).map(move |x| at(x, y))).collect()
}
