//! From motion and gradient to the maps that are drawn.

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

/// Makes each frame's [`Maps`], with a memory of the shot so far.
#[derive(Default)]
pub struct Fuser {
    options: FuseOptions,
    trail: FlowHistory,
    static_map: StaticMap,
    /// Those of the further classes.
    others: Vec<StaticMap>,
    /// The residual of the frame before, without planes.
    residual: Option<Mat>,
    evidence: Evidence,
}

impl Fuser {
    /// A fuser that has seen nothing yet.
    pub fn new(options: FuseOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Fuses by another rule from now on; what the rule remembers of the shot begins anew.
    pub fn set_mode(&mut self, mode: Fusion) {
        if mode != self.options.mode {
            (self.options.mode, self.evidence) = (mode, Evidence::default());
        }
    }

    /// How many later frames [`look_ahead`] is to see of each frame.
    pub fn lookahead(&self) -> usize {
        if self.options.mode == Fusion::Adaptive { self.options.lookahead } else { 0 }
    }

    /// The maps of the frame that `motion` belongs to.
    ///
    /// `gradient` is that frame's, or an earlier one's that has just come, which is carried along the flow to now (one
    /// of an earlier shot is left out); between key frames it is `None`, and what is known is carried on. A first frame
    /// or a cut clears all memory. Nothing is known of motion on such a frame: its motion map
    /// is black, and the adaptive mode shows what the classifier looks at. Black bars about the picture are 0.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) where OpenCV fails, as on an empty gradient.
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

    /// The maps of the picture within its bars, given its gradient.
    fn within(&mut self, motion: &FrameMotion, gradient: Option<&Gradient>) -> Result<Maps> {
        if motion.first {
            *self = Self::new(self.options);
        }
        self.trail.extend(motion)?;
        // What a noisy run says after a cut is of the shot before.
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

    /// The static maps of the further classes, as they are shown.
    fn others(&mut self, gradient: Option<&Gradient>, lab: &Mat) -> Result<Vec<SaliencyMap>> {
        let gradients = gradient.map(|gradient| gradient.others.as_slice()).unwrap_or_default();
        self.others.resize_with(self.others.len().max(gradients.len()), StaticMap::default);
        let step = |(index, map): (usize, &mut StaticMap)| {
            let found = map.step(gradients.get(index), &self.trail, lab, self.options)?;
            Ok(SaliencyMap(found.shown))
        };
        self.others.iter_mut().enumerate().map(step).collect()
    }

    /// The motion map and how far to trust it.
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

/// The smaller of two rasters, pixel by pixel: motion lasts, errors of the flow do not.
fn lesser(a: &Mat, b: &Mat) -> Result<Mat> {
    let mut out = Mat::default();
    opencv::core::min(a, b, &mut out)?;
    Ok(out)
}
