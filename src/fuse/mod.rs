//! From motion and gradients to the maps that are drawn.

mod agreement;
mod appearance;
mod border;
mod colour;
mod evidence;
mod flow_history;
mod gradient_average;
mod guided;
mod letterbox;
mod logit;
mod lookahead;
mod modes;
mod normalise;
mod options;
mod planes;
mod presence;
mod raw;
mod regions;
mod static_map;

use opencv::core::Mat;
use opencv::prelude::*;

pub use self::lookahead::{InverseWarp, look_ahead};
pub use self::modes::Fusion;
pub use self::options::FuseOptions;

use self::evidence::{Evidence, FusionCues};
use self::flow_history::FlowHistory;
use self::static_map::{StaticFrame, StaticMap};
use crate::Result;
use crate::frame::{Gradient, Maps, SaliencyMap};
use crate::motion::FrameMotion;

/// Computes the [`Maps`] of each frame, with a memory of the shot so far.
#[derive(Default)]
pub struct Fuser {
    options: FuseOptions,
    trail: FlowHistory,
    static_map: StaticMap,
    /// The static maps of the further classes.
    others: Vec<StaticMap>,
    /// The residual of the previous frame, after background planes are removed.
    residual: Option<Mat>,
    evidence: Evidence,
}

impl Fuser {
    /// Creates a fuser that has seen no frame yet.
    pub fn new(options: FuseOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Switches to another fusion mode. The memory of the previous mode is cleared.
    pub fn set_mode(&mut self, mode: Fusion) {
        if mode != self.options.mode {
            (self.options.mode, self.evidence) = (mode, Evidence::default());
        }
    }

    /// Number of later frames to pass to [`look_ahead`] with each frame.
    pub fn lookahead(&self) -> usize {
        if self.options.mode == Fusion::Adaptive { self.options.lookahead } else { 0 }
    }

    /// The maps of the frame that `motion` belongs to.
    ///
    /// `gradient` is the gradient of this frame, or of an earlier frame that has just arrived. The latter is warped
    /// along the flow to this frame, or ignored if it belongs to an earlier shot or is too old. Between key frames
    /// `gradient` is `None`, and the known average is warped to this frame. A first frame or a cut clears all memory.
    /// The motion of such a frame is unknown: its motion map is black, and the adaptive mode shows what the classifier
    /// looks at. Maps are 0 in letterbox bars.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails, for example on an empty gradient.
    pub fn step(&mut self, motion: &FrameMotion, gradient: Option<&Gradient>) -> Result<Maps> {
        let Some(content) = &motion.content else { return self.within(motion, gradient) };
        let cropped = gradient.map(|gradient| letterbox::crop(gradient, content)).transpose()?;
        let maps = self.within(motion, cropped.as_ref())?;
        let pad = |map: SaliencyMap| Ok(SaliencyMap(content.pad(&map.0)?));
        Ok(Maps {
            static_: pad(maps.static_)?,
            others: maps.others.into_iter().map(pad).collect::<Result<_>>()?,
            motion: pad(maps.motion)?,
            fused: pad(maps.fused)?,
            ..maps
        })
    }

    /// The maps of the picture between the letterbox bars, given its gradient.
    fn within(&mut self, motion: &FrameMotion, gradient: Option<&Gradient>) -> Result<Maps> {
        if motion.first {
            *self = Self::new(self.options);
        }
        self.trail.extend(motion)?;
        // After a cut, the output of a noisy run still belongs to the previous shot.
        let gradient = gradient.filter(|gradient| !(motion.first && gradient.noisy));
        let StaticFrame { known, focused, distinct, shown } =
            self.static_map.step(gradient, &self.trail, &motion.lab, self.options)?;
        let others = self.others(gradient, &motion.lab)?;
        let (moving, weight) = self.motion_map(motion, known.as_ref())?;
        let fused = match self.options.mode.pixel_rule() {
            Some(rule) => modes::blend(rule, &shown, &moving, weight)?,
            None => {
                let (static_, focused) = (known.as_ref(), focused.as_ref().or(known.as_ref()));
                let cues = FusionCues { static_, focused, distinct, motion: &moving, confidence: weight };
                self.evidence.step(motion, gradient, &cues, &self.trail)?
            }
        };
        Ok(Maps {
            static_: SaliencyMap(shown),
            others,
            motion: SaliencyMap(moving),
            fused: SaliencyMap(fused),
            motion_weight: weight,
            cut: motion.cut,
        })
    }

    /// The static maps of the further classes, as they are drawn.
    fn others(&mut self, gradient: Option<&Gradient>, lab: &Mat) -> Result<Vec<SaliencyMap>> {
        let gradients = gradient.map(|gradient| gradient.others.as_slice()).unwrap_or_default();
        self.others.resize_with(self.others.len().max(gradients.len()), StaticMap::default);
        let step = |(index, map): (usize, &mut StaticMap)| {
            let found = map.step(gradients.get(index), &self.trail, lab, self.options)?;
            Ok(SaliencyMap(found.shown))
        };
        self.others.iter_mut().enumerate().map(step).collect()
    }

    /// The motion map and how much it is trusted.
    fn motion_map(&mut self, motion: &FrameMotion, static_: Option<&Mat>) -> Result<(Mat, f32)> {
        let residual = planes::remove_planes(motion, static_)?;
        let steady = match &self.residual {
            Some(before) => lesser(&residual, &self.trail.warp(before)?)?,
            None => residual.try_clone()?,
        };
        self.residual = (!motion.first).then_some(residual);
        let normalised = normalise::normalise(&steady)?;
        let map = match static_ {
            Some(static_) => agreement::darken_moving_ground(normalised.map, static_)?,
            None => normalised.map,
        };
        let weight = if self.options.still { 0.0 } else { normalised.confidence };
        Ok((map, weight))
    }
}

/// The pixel-wise minimum of two rasters: motion persists, flow errors do not.
fn lesser(a: &Mat, b: &Mat) -> Result<Mat> {
    let mut out = Mat::default();
    opencv::core::min(a, b, &mut out)?;
    Ok(out)
}
