//! Makes this program's maps, clip by clip.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use opencv::core::{Mat, Size};
use opencv::prelude::*;

use super::baseline;
use super::own_map::OwnMap;
use crate::Result;
use crate::commands::eval::dataset::Sequence;
use crate::frame::{Flow, Frame, Maps, Rate, Timing};
use crate::fuse::{FuseOptions, Fuser};
use crate::motion::{FrameMotion, MotionEstimator};
use crate::pipeline::frequent_class::survey;
use crate::pipeline::keyframes::KeyFrames;
use crate::pipeline::stages::{FusedFrame, PipelineMode, PipelineStages, milliseconds};
use crate::saliency::StaticSaliency;
use crate::source::{self, SourceOptions};

/// How to make maps.
#[derive(Debug, Clone)]
pub struct MapGeneratorConfig {
    /// Which maps, in this order.
    pub maps: Vec<OwnMap>,
    /// How to combine static and motion saliency.
    pub fusion: FuseOptions,
    /// The frames on which to compute the gradient.
    pub key_frames: KeyFrames,
    /// Whether to weight the maps made from the picture by the centre prior.
    pub centre_prior: bool,
    /// Frames per second of the clips.
    pub rate: Rate,
}

/// Makes the maps of clips, frame by frame.
pub struct MapGenerator {
    config: MapGeneratorConfig,
    /// `None` if no map needs it.
    classifier: Option<StaticSaliency>,
}

/// The maps of a frame.
pub struct FrameMaps {
    /// Index of the frame in its clip.
    pub index: usize,
    /// The picture's size in pixels.
    pub size: Size,
    /// The requested maps, in their order, 240 pixels on the longer side (`CV_32FC1`, 0..=1).
    pub maps: Arc<Vec<Mat>>,
    /// The motion of the frame, in the same size.
    pub motion: FrameMotion,
    /// Time of each stage.
    pub timing: Timing,
}

impl MapGenerator {
    /// A generator for the maps that `config` asks for, with an opened `classifier`.
    pub fn new(config: MapGeneratorConfig, classifier: Option<StaticSaliency>) -> Self {
        Self { config, classifier }
    }

    /// Makes the maps of each frame of `sequence`, and passes them to `each` in order. `stop` ends it early.
    ///
    /// # Errors
    /// Those of the frames, of the stages and of `each`.
    pub fn run(
        &mut self,
        sequence: &Sequence,
        stop: &AtomicBool,
        mut each: impl FnMut(FrameMaps) -> Result<()>,
    ) -> Result<()> {
        let open = || {
            let pictures = sequence.frames.iter().map(|frame| frame.picture.clone()).collect();
            source::open_images(pictures, &SourceOptions { rate: self.config.rate, ..SourceOptions::default() })
        };
        let mut motion = MotionEstimator::new(self.config.rate)?;
        let Some(classifier) = &mut self.classifier else {
            let mut source = open()?;
            while !stop.load(Ordering::Relaxed) {
                let started = Instant::now();
                let Some(frame) = source.read()? else { break };
                let motion = motion.step(&frame)?;
                let timing = Timing { motion: milliseconds(started), ..Timing::default() };
                each(moment(&self.config, &frame, None, motion, timing)?)?;
            }
            return Ok(());
        };
        classifier.restart();
        if classifier.needs_frequent_class() {
            survey(open()?, classifier, stop)?;
        }
        let still = sequence.frames.len() == 1;
        let stages = PipelineStages {
            source: open()?,
            static_saliency: classifier,
            mode: PipelineMode::Offline,
            key_frames: self.config.key_frames.clone(),
            motion,
            fuser: Fuser::new(FuseOptions { still, ..self.config.fusion }),
        };
        std::thread::scope(|scope| {
            let frames = stages.start(scope, stop)?;
            while let Some(FusedFrame { frame, motion, maps, timing, .. }) = frames.recv()? {
                each(moment(&self.config, &frame, Some(maps), motion, timing)?)?;
            }
            Ok(())
        })
    }
}

/// The maps that `config` asks for; those of the classifier are in `made`.
fn moment(
    config: &MapGeneratorConfig,
    frame: &Frame,
    made: Option<Maps>,
    mut motion: FrameMotion,
    timing: Timing,
) -> Result<FrameMaps> {
    if let Some(content) = &motion.content {
        motion.flow = Flow(content.pad(&motion.flow.0)?);
    }
    let size = motion.flow.0.size()?;
    let made = made.as_ref();
    let map = |kind: &OwnMap| -> Result<Option<Mat>> {
        let own = |of: fn(&Maps) -> &Mat| made.map(|maps| of(maps).try_clone()).transpose();
        let map = match kind {
            OwnMap::Fused => own(|maps| &maps.fused.0)?,
            OwnMap::Static => own(|maps| &maps.static_.0)?,
            OwnMap::Motion => own(|maps| &maps.motion.0)?,
            OwnMap::Flow => Some(baseline::flow(&motion.flow)?),
            OwnMap::Centre => Some(baseline::centre(size)?),
            OwnMap::Uniform => Some(baseline::uniform(size)?),
            OwnMap::None => None,
        };
        match map {
            Some(map) if config.centre_prior && kind.sees() => Ok(Some(baseline::centred(map)?)),
            map => Ok(map),
        }
    };
    let maps: Result<Vec<Option<Mat>>> = config.maps.iter().map(map).collect();
    let maps = Arc::new(maps?.into_iter().flatten().collect());
    Ok(FrameMaps { index: frame.index as usize, size: frame.size(), maps, motion, timing })
}
