//! The pipeline's stages and what travels between them.
//!
//! Motion sees every frame and carries the frames onwards; the classifier is a side branch that sees key frames.
//! `fuse` joins the two by index. In a file it waits for a key frame's gradient, so that the result is deterministic.
//! Live, it takes the newest gradient there is and carries it along the flow to now, so the picture never waits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};

use opencv::core::Mat;

use super::channel::{LinkPolicy, Next, Receiver, Sender, link, stage};
use super::control::{BEST_CLASSES, Control};
use super::keyframes::KeyFrames;
use crate::annotate::Annotator;
use crate::frame::{Frame, Gradient, Maps, Prediction, Timing};
use crate::fuse::{Fuser, InverseWarp, look_ahead};
use crate::motion::{FrameMotion, MotionEstimator};
use crate::saliency::StaticSaliency;
use crate::source::FrameSource;
use crate::{Error, Result};

/// Everything that makes maps of frames.
pub struct PipelineStages<'a> {
    pub source: Box<dyn FrameSource + 'a>,
    pub static_saliency: &'a mut StaticSaliency,
    pub mode: PipelineMode<'a>,
    pub key_frames: KeyFrames,
    pub motion: MotionEstimator,
    pub fuser: Fuser,
}

/// Which frames are taken.
#[derive(Clone, Copy)]
pub enum PipelineMode<'a> {
    /// Every frame, in its own time.
    Offline,
    /// The newest frame whenever there is room, the gradient of the newest key frame whenever the classifier is free;
    /// settings change on the way.
    Live(&'a dyn Control),
}

impl PipelineMode<'_> {
    /// How frames come from the source; in a file, so many wait for who takes several at once.
    fn incoming(self, batch: usize) -> LinkPolicy {
        match self {
            Self::Offline => LinkPolicy::Lossless(batch),
            Self::Live(_) => LinkPolicy::Latest,
        }
    }

    /// How they leave motion, which must not miss any: in a file, the next is in work while one waits for its gradient.
    fn onward(self) -> LinkPolicy {
        match self {
            Self::Offline => LinkPolicy::Lossless(1),
            Self::Live(_) => LinkPolicy::Lossless(0),
        }
    }
}

/// A frame on its way, with what it has cost so far.
struct StageItem<T> {
    frame: Arc<Frame>,
    /// Whether its gradient is computed.
    key: bool,
    timing: Timing,
    work: T,
}

/// A frame whose maps are made.
pub struct FusedFrame {
    /// The frame as decoded.
    pub frame: Arc<Frame>,
    /// What is known of its motion.
    pub motion: FrameMotion,
    /// Its maps.
    pub maps: Maps,
    /// What the classifier said of it, or of the last key frame, for each class that is explained; empty from a cut to
    /// the next key frame.
    pub predictions: Vec<Prediction>,
    /// What each stage took.
    pub timing: Timing,
}

/// A frame that is ready to be written.
pub struct DrawnFrame {
    /// [`Frame::index`].
    pub index: u64,
    /// [`Frame::time`].
    pub time: f64,
    /// The frame as decoded, where that was asked for.
    pub original: Option<Arc<Frame>>,
    /// The annotated picture.
    pub picture: Mat,
    /// What it was drawn from.
    pub maps: Maps,
    /// [`FusedFrame::predictions`].
    pub predictions: Vec<Prediction>,
    /// What each stage took.
    pub timing: Timing,
}

impl PipelineStages<'_> {
    /// Starts one thread per stage and returns where fused frames arrive, in order. `stop` ends the input early.
    pub fn start<'scope>(
        self,
        scope: &'scope Scope<'scope, '_>,
        stop: &'scope AtomicBool,
    ) -> Result<Receiver<FusedFrame>>
    where
        Self: 'scope,
    {
        let Self { source, static_saliency, mode, key_frames, motion, fuser } = self;
        let done = Arc::new(AtomicU64::new(0));
        let seen = done.clone();
        let incoming = mode.incoming(static_saliency.batch());
        let (to_explain, explainable) = link("decode", incoming);
        let decoded = stage(scope, "decode", incoming, move |out| {
            DecodeStage { source, mode, key_frames, done: seen, to_explain }.run(stop, out)
        })?;
        let gradients = stage(scope, "static", incoming, move |out| explain(static_saliency, mode, &explainable, out))?;
        let moved = stage(scope, "motion", mode.onward(), move |out| estimate(motion, &decoded, out))?;
        stage(scope, "fuse", LinkPolicy::Lossless(0), move |out| {
            let lookahead = fuser.lookahead();
            let mut waiting: VecDeque<(FusedFrame, Option<InverseWarp>)> = VecDeque::new();
            let mut join = GradientJoin { fuser, mode, last: Vec::new() };
            let ending = loop {
                match moved.recv() {
                    Ok(Some(job)) => {
                        let mut fused = join.step(job, &gradients)?;
                        let started = Instant::now();
                        let sight = (lookahead > 0).then(|| InverseWarp::of(&fused.motion)).transpose()?;
                        fused.timing.fuse += milliseconds(started);
                        waiting.push_back((fused, sight));
                    }
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
                if waiting.len() > lookahead {
                    out.send(settle(&mut waiting)?)?;
                }
                done.fetch_add(1, Ordering::Relaxed);
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
fn settle(waiting: &mut VecDeque<(FusedFrame, Option<InverseWarp>)>) -> Result<FusedFrame> {
    let started = Instant::now();
    let seen = match waiting.len() {
        0 | 1 => None,
        _ => {
            let frames =
                waiting.iter().filter_map(|(fused, sight)| Some((&fused.motion, &fused.maps, sight.as_ref()?)));
            Some(look_ahead(frames)?)
        }
    };
    let (mut fused, _) = waiting.pop_front().ok_or_else(missing)?;
    if let Some(seen) = seen {
        fused.maps.fused = seen;
    }
    fused.timing.fuse += milliseconds(started);
    Ok(fused)
}

/// Starts the thread that draws `fused` frames, and keeps the `originals` beside or not; returns where they arrive.
pub fn draw<'scope>(
    scope: &'scope Scope<'scope, '_>,
    mode: PipelineMode<'scope>,
    mut annotator: Annotator,
    originals: bool,
    fused: Receiver<FusedFrame>,
) -> Result<Receiver<DrawnFrame>> {
    stage(scope, "draw", mode.incoming(0), move |out| {
        while let Some(fused) = fused.recv()? {
            if let PipelineMode::Live(control) = mode {
                annotator = annotator.restyled(control.settings().style)?;
            }
            out.send(drawn(&mut annotator, originals, fused)?)?;
        }
        Ok(())
    })
}

fn drawn(annotator: &mut Annotator, originals: bool, fused: FusedFrame) -> Result<DrawnFrame> {
    let FusedFrame { frame, maps, predictions, mut timing, .. } = fused;
    let started = Instant::now();
    let caption = |said: &Prediction| format!("{} {:.0} %", said.label, said.probability * 100.0);
    let captions: Vec<String> = predictions.iter().map(caption).collect();
    let Frame { index, time, .. } = *frame;
    let original = originals.then(|| frame.clone());
    let picture = annotator.draw(Arc::unwrap_or_clone(frame), &maps, &captions)?;
    timing.draw = milliseconds(started);
    Ok(DrawnFrame { index, time, original, picture, maps, predictions, timing })
}

/// Reads frames and chooses those to explain.
struct DecodeStage<'a> {
    source: Box<dyn FrameSource + 'a>,
    mode: PipelineMode<'a>,
    key_frames: KeyFrames,
    /// Frames whose maps are made.
    done: Arc<AtomicU64>,
    to_explain: Sender<Arc<Frame>>,
}

impl DecodeStage<'_> {
    fn run(mut self, stop: &AtomicBool, out: &Sender<StageItem<()>>) -> Result<()> {
        let read = self.frames(stop, out);
        // An error in reading is told behind the last frame; that the classifier has no more to do is none.
        self.to_explain.end();
        read
    }

    fn frames(&mut self, stop: &AtomicBool, out: &Sender<StageItem<()>>) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            let started = Instant::now();
            let Some(frame) = self.source.read()?.map(Arc::new) else { break };
            let timing = Timing { decode: milliseconds(started), ..Timing::default() };
            let offered = || match self.mode {
                PipelineMode::Offline => None,
                PipelineMode::Live(control) => Some(control.offered_fps()),
            };
            self.key_frames.learn(self.done.load(Ordering::Relaxed), offered);
            let key = self.key_frames.is_key(frame.index);
            if key {
                // Where the classifier has failed, it says why to who waits for its gradient.
                let _ = self.to_explain.send(frame.clone());
            }
            out.send(StageItem { frame, key, timing, work: () })?;
        }
        Ok(())
    }
}

fn explain(
    static_saliency: &mut StaticSaliency,
    mode: PipelineMode<'_>,
    key_frames: &Receiver<Arc<Frame>>,
    out: &Sender<(Gradient, f32)>,
) -> Result<()> {
    loop {
        let (frames, ending) = recv_up_to(key_frames, static_saliency.batch());
        if frames.is_empty() {
            return ending.unwrap_or(Ok(()));
        }
        let started = Instant::now();
        if let PipelineMode::Live(control) = mode {
            static_saliency.aim(&control.settings().target)?;
        }
        let gradients = static_saliency.gradients(&frames)?;
        if let PipelineMode::Live(control) = mode {
            control.explained(static_saliency.best(BEST_CLASSES));
        }
        let took = milliseconds(started) / frames.len() as f32;
        gradients.into_iter().try_for_each(|gradient| out.send((gradient, took)))?;
        if let Some(ending) = ending {
            return ending;
        }
    }
}

/// The next `count` items, or those that come before the link ends, and how it ended.
fn recv_up_to<T>(items: &Receiver<T>, count: usize) -> (Vec<T>, Option<Result<()>>) {
    let mut taken = Vec::with_capacity(count);
    while taken.len() < count {
        match items.recv() {
            Ok(Some(item)) => taken.push(item),
            Ok(None) => return (taken, Some(Ok(()))),
            Err(error) => return (taken, Some(Err(error))),
        }
    }
    (taken, None)
}

fn estimate(
    mut motion: MotionEstimator,
    decoded: &Receiver<StageItem<()>>,
    out: &Sender<StageItem<FrameMotion>>,
) -> Result<()> {
    while let Some(StageItem { frame, key, mut timing, .. }) = decoded.recv()? {
        let started = Instant::now();
        let work = motion.step(&frame)?;
        timing.motion = milliseconds(started);
        out.send(StageItem { frame, key, timing, work })?;
    }
    Ok(())
}

/// Joins each frame's motion with the gradient of its key frame.
struct GradientJoin<'a> {
    fuser: Fuser,
    mode: PipelineMode<'a>,
    last: Vec<Prediction>,
}

impl GradientJoin<'_> {
    fn step(&mut self, job: StageItem<FrameMotion>, gradients: &Receiver<(Gradient, f32)>) -> Result<FusedFrame> {
        let StageItem { frame, key, mut timing, work: motion } = job;
        let gradient = self.gradient(frame.index, key, gradients, &mut timing)?;
        if let PipelineMode::Live(control) = self.mode {
            self.fuser.set_mode(control.settings().fusion);
        }
        let started = Instant::now();
        let maps = self.fuser.step(&motion, gradient.as_ref())?;
        timing.fuse = milliseconds(started);
        if maps.cut {
            self.last.clear();
        }
        if let Some(Gradient { prediction, others, .. }) = gradient.filter(|gradient| !gradient.noisy) {
            self.last = [prediction].into_iter().chain(others.into_iter().map(|other| other.prediction)).collect();
        }
        Ok(FusedFrame { frame, motion, maps, predictions: self.last.clone(), timing })
    }

    fn gradient(
        &self,
        index: u64,
        key: bool,
        gradients: &Receiver<(Gradient, f32)>,
        timing: &mut Timing,
    ) -> Result<Option<Gradient>> {
        let (gradient, took) = match self.mode {
            PipelineMode::Offline if !key => return Ok(None),
            PipelineMode::Offline => {
                gradients.recv()?.filter(|(gradient, _)| gradient.index == index).ok_or_else(missing)?
            }
            PipelineMode::Live(_) => match gradients.recv_within(Duration::ZERO)? {
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
