//! The pipeline's stages and what travels between them.
//!
//! Motion sees every frame and carries the frames onwards; the classifier is a side branch that sees key frames.
//! `fuse` joins the two by index. In a file it waits for a key frame's gradient, so that the result is deterministic.
//! Live, it takes the newest gradient there is and carries it along the flow to now, so the picture never waits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};

use opencv::core::Mat;

use crate::annotate::Annotator;
use crate::frame::{Frame, Gradient, Maps, Prediction, Timing};
use crate::fuse::{Fuser, look_ahead};
use crate::live::desk::{self, Desk};
use crate::motion::{Motion, MotionEstimator};
use crate::pipeline::{Next, Policy, Receiver, Sender, link, stage};
use crate::saliency::StaticSaliency;
use crate::source::Source;
use crate::{Error, Result};

/// Everything that makes maps of frames.
pub struct Stages<'a> {
    pub source: Box<dyn Source + 'a>,
    pub static_saliency: &'a mut StaticSaliency,
    pub pace: Pace<'a>,
    pub motion: MotionEstimator,
    pub fuser: Fuser,
}

/// Which frames are taken, and what of them is explained.
#[derive(Clone, Copy)]
pub enum Pace<'a> {
    /// Every frame, in its own time; the gradient is computed on those whose index `key_frame_interval` divides (at
    /// least 1).
    Every { key_frame_interval: u64 },
    /// The newest frame whenever there is room, the gradient of the newest key frame whenever the classifier is free;
    /// settings change on the way.
    Newest { desk: &'a Desk, key_frame_interval: u64 },
}

impl Pace<'_> {
    fn explains(self, index: u64) -> bool {
        match self {
            Self::Every { key_frame_interval } | Self::Newest { key_frame_interval, .. } => {
                index.is_multiple_of(key_frame_interval)
            }
        }
    }

    /// How frames come from the source.
    fn incoming(self) -> Policy {
        match self {
            Self::Every { .. } => Policy::Lossless,
            Self::Newest { .. } => Policy::Latest,
        }
    }

    /// How they go on behind motion, which must not miss any.
    fn onward(self) -> Policy {
        match self {
            Self::Every { .. } => Policy::Lossless,
            Self::Newest { .. } => Policy::Prompt,
        }
    }
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
        let Self { source, static_saliency, pace, motion, fuser } = self;
        let (keys, key_frames) = link("decode", pace.incoming());
        let decoded = stage(scope, "decode", pace.incoming(), move |out| decode(source, pace, stop, keys, out))?;
        let gradients =
            stage(scope, "static", pace.incoming(), move |out| explain(static_saliency, pace, &key_frames, out))?;
        let moved = stage(scope, "motion", pace.onward(), move |out| estimate(motion, &decoded, out))?;
        stage(scope, "fuse", pace.onward(), move |out| {
            let lookahead = fuser.lookahead();
            let mut waiting = VecDeque::new();
            let mut join = Join { fuser, pace, last: Vec::new() };
            let ending = loop {
                match moved.recv() {
                    Ok(Some(job)) => waiting.push_back(join.step(job, &gradients)?),
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
                if waiting.len() > lookahead {
                    out.send(settle(&mut waiting)?)?;
                }
            };
            // An input that breaks off keeps the frames before.
            while !waiting.is_empty() {
                out.send(settle(&mut waiting)?)?;
            }
            ending
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
    pace: Pace<'scope>,
    mut annotator: Annotator,
    fused: Receiver<Fused>,
) -> Result<Receiver<Drawn>> {
    stage(scope, "draw", pace.incoming(), move |out| {
        while let Some(fused) = fused.recv()? {
            if let Pace::Newest { desk, .. } = pace {
                annotator = annotator.restyled(desk.settings().style())?;
            }
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
    mut source: Box<dyn Source + '_>,
    pace: Pace<'_>,
    stop: &AtomicBool,
    keys: Sender<Arc<Frame>>,
    out: &Sender<Job<()>>,
) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let started = Instant::now();
        let Some(frame) = source.read()?.map(Arc::new) else { break };
        let timing = Timing { decode: milliseconds(started), ..Timing::default() };
        if pace.explains(frame.index) {
            keys.send(frame.clone())?;
        }
        out.send(Job { frame, timing, work: () })?;
    }
    keys.end();
    Ok(())
}

fn explain(
    static_saliency: &mut StaticSaliency,
    pace: Pace<'_>,
    key_frames: &Receiver<Arc<Frame>>,
    out: &Sender<(Gradient, f32)>,
) -> Result<()> {
    while let Some(frame) = key_frames.recv()? {
        let started = Instant::now();
        if let Pace::Newest { desk, .. } = pace {
            static_saliency.aim(&desk.settings().target)?;
        }
        let gradient = static_saliency.gradient(&frame)?;
        if let Pace::Newest { desk, .. } = pace {
            desk.explained(static_saliency.best(desk::BEST));
        }
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
struct Join<'a> {
    fuser: Fuser,
    pace: Pace<'a>,
    last: Vec<Prediction>,
}

impl Join<'_> {
    fn step(&mut self, job: Job<Motion>, gradients: &Receiver<(Gradient, f32)>) -> Result<Fused> {
        let Job { frame, mut timing, work: motion } = job;
        let gradient = self.gradient(frame.index, gradients, &mut timing)?;
        if let Pace::Newest { desk, .. } = self.pace {
            self.fuser.set_mode(desk.settings().fusion);
        }
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
        let (gradient, took) = match self.pace {
            Pace::Every { .. } if !self.pace.explains(index) => return Ok(None),
            Pace::Every { .. } => {
                gradients.recv()?.filter(|(gradient, _)| gradient.index == index).ok_or_else(missing)?
            }
            Pace::Newest { .. } => match gradients.recv_within(Duration::ZERO)? {
                Next::Item(newest) => newest,
                Next::Late | Next::End => return Ok(None),
            },
        };
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
