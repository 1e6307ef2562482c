//! The pipeline's stages and what travels between them.
//!
//! Motion sees every frame and carries the frames onwards; the classifier is a side branch that sees key frames.
//! `fuse` joins the two by index and waits for a key frame's gradient, so that a file's result is deterministic.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::Instant;

use opencv::core::Mat;

use crate::annotate::Annotator;
use crate::frame::{Frame, Gradient, Maps, Prediction, Timing};
use crate::fuse::{Fuser, look_ahead};
use crate::motion::{Motion, MotionEstimator};
use crate::pipeline::{Receiver, Sender, link, stage};
use crate::saliency::StaticSaliency;
use crate::source::Source;
use crate::{Error, Result};

/// Everything that makes maps of frames.
pub struct Stages<'a> {
    pub source: Box<dyn Source>,
    pub static_saliency: &'a mut StaticSaliency,
    /// The gradient is computed on every frame whose index this divides; at least 1.
    pub key_frame_interval: u64,
    pub motion: MotionEstimator,
    pub fuser: Fuser,
}

/// A frame on its way, with what it has cost so far.
struct Job<T> {
    frame: Arc<Frame>,
    timing: Timing,
    work: T,
}

/// A frame whose maps are made.
pub struct Fused {
    /// The frame as decoded.
    pub frame: Arc<Frame>,
    /// What is known of its motion.
    pub motion: Motion,
    /// Its maps.
    pub maps: Maps,
    /// What the classifier said of it, or of the last key frame, for each class that is explained; empty from a cut to
    /// the next key frame.
    pub predictions: Vec<Prediction>,
    /// What each stage took.
    pub timing: Timing,
}

/// A frame that is ready to be written.
pub struct Drawn {
    /// The frame as decoded.
    pub frame: Arc<Frame>,
    /// The annotated picture.
    pub picture: Mat,
    /// What it was drawn from.
    pub maps: Maps,
    /// [`Fused::predictions`].
    pub predictions: Vec<Prediction>,
    /// What each stage took.
    pub timing: Timing,
}

impl Stages<'_> {
    /// Starts one thread per stage and returns where fused frames arrive, in order. `stop` ends the input early.
    pub fn start<'scope>(self, scope: &'scope Scope<'scope, '_>, stop: &'scope AtomicBool) -> Result<Receiver<Fused>>
    where
        Self: 'scope,
    {
        let Self { source, static_saliency, key_frame_interval, motion, fuser } = self;
        let (keys, key_frames) = link("decode");
        let decoded = stage(scope, "decode", move |out| decode(source, key_frame_interval, stop, keys, out))?;
        let gradients = stage(scope, "static", move |out| explain(static_saliency, &key_frames, out))?;
        let moved = stage(scope, "motion", move |out| estimate(motion, &decoded, out))?;
        stage(scope, "fuse", move |out| {
            let lookahead = fuser.lookahead();
            let mut waiting = VecDeque::new();
            let mut join = Join { fuser, interval: key_frame_interval, last: Vec::new() };
            while let Some(job) = moved.recv()? {
                waiting.push_back(join.step(job, &gradients)?);
                if waiting.len() > lookahead {
                    out.send(settle(&mut waiting)?)?;
                }
            }
            while !waiting.is_empty() {
                out.send(settle(&mut waiting)?)?;
            }
            Ok(())
        })
    }
}

/// Takes the first frame, and lets those that wait behind it have their say on its map.
fn settle(waiting: &mut VecDeque<Fused>) -> Result<Fused> {
    let started = Instant::now();
    let seen = match waiting.len() {
        0 | 1 => None,
        _ => Some(look_ahead(waiting.iter().map(|fused| (&fused.motion, &fused.maps)))?),
    };
    let mut fused = waiting.pop_front().ok_or_else(missing)?;
    if let Some(seen) = seen {
        fused.maps.fused = seen;
    }
    fused.timing.fuse += milliseconds(started);
    Ok(fused)
}

/// Starts the thread that draws `fused` frames and returns where they arrive.
pub fn draw<'scope>(
    scope: &'scope Scope<'scope, '_>,
    mut annotator: Annotator,
    fused: Receiver<Fused>,
) -> Result<Receiver<Drawn>> {
    stage(scope, "draw", move |out| {
        while let Some(fused) = fused.recv()? {
            out.send(drawn(&mut annotator, fused)?)?;
        }
        Ok(())
    })
}

fn drawn(annotator: &mut Annotator, fused: Fused) -> Result<Drawn> {
    let Fused { frame, maps, predictions, mut timing, .. } = fused;
    let started = Instant::now();
    let caption = |said: &Prediction| format!("{} {:.0} %", said.label, said.probability * 100.0);
    let captions: Vec<String> = predictions.iter().map(caption).collect();
    let picture = annotator.draw(&frame, &maps, &captions)?;
    timing.draw = milliseconds(started);
    Ok(Drawn { frame, picture, maps, predictions, timing })
}

fn decode(
    mut source: Box<dyn Source>,
    key_frame_interval: u64,
    stop: &AtomicBool,
    keys: Sender<Arc<Frame>>,
    out: &Sender<Job<()>>,
) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let started = Instant::now();
        let Some(frame) = source.read()?.map(Arc::new) else { break };
        let timing = Timing { decode: milliseconds(started), ..Timing::default() };
        if frame.index.is_multiple_of(key_frame_interval) {
            keys.send(frame.clone())?;
        }
        out.send(Job { frame, timing, work: () })?;
    }
    keys.end();
    Ok(())
}

fn explain(
    static_saliency: &mut StaticSaliency,
    key_frames: &Receiver<Arc<Frame>>,
    out: &Sender<(Gradient, f32)>,
) -> Result<()> {
    while let Some(frame) = key_frames.recv()? {
        let started = Instant::now();
        let gradient = static_saliency.gradient(&frame)?;
        out.send((gradient, milliseconds(started)))?;
    }
    Ok(())
}

fn estimate(mut motion: MotionEstimator, decoded: &Receiver<Job<()>>, out: &Sender<Job<Motion>>) -> Result<()> {
    while let Some(Job { frame, mut timing, .. }) = decoded.recv()? {
        let started = Instant::now();
        let work = motion.step(&frame)?;
        timing.motion = milliseconds(started);
        out.send(Job { frame, timing, work })?;
    }
    Ok(())
}

/// Joins each frame's motion with the gradient of its key frame.
struct Join {
    fuser: Fuser,
    interval: u64,
    last: Vec<Prediction>,
}

impl Join {
    fn step(&mut self, job: Job<Motion>, gradients: &Receiver<(Gradient, f32)>) -> Result<Fused> {
        let Job { frame, mut timing, work: motion } = job;
        let gradient = self.gradient(frame.index, gradients, &mut timing)?;
        let started = Instant::now();
        let maps = self.fuser.step(&motion, gradient.as_ref())?;
        timing.fuse = milliseconds(started);
        if maps.cut {
            self.last.clear();
        }
        if let Some(Gradient { prediction, others, .. }) = gradient {
            self.last = [prediction].into_iter().chain(others.into_iter().map(|other| other.prediction)).collect();
        }
        Ok(Fused { frame, motion, maps, predictions: self.last.clone(), timing })
    }

    fn gradient(
        &self,
        index: u64,
        gradients: &Receiver<(Gradient, f32)>,
        timing: &mut Timing,
    ) -> Result<Option<Gradient>> {
        if !index.is_multiple_of(self.interval) {
            return Ok(None);
        }
        let (gradient, took) = gradients.recv()?.filter(|(gradient, _)| gradient.index == index).ok_or_else(missing)?;
        timing.static_ = took;
        Ok(Some(gradient))
    }
}

fn missing() -> Error {
    Error::Panic { stage: "static".into(), message: "a frame or its gradient is missing".into() }
}

/// Milliseconds since `started`.
pub fn milliseconds(started: Instant) -> f32 {
    started.elapsed().as_secs_f32() * 1e3
}
