//! The stages of the pipeline, and the items that travel between them.
//!
//! The motion stage processes every frame and passes it on. The classifier is on a side branch that processes key
//! frames only. The fuse stage joins both by index. For a file, it waits for the gradient of a key frame, so that the
//! result is deterministic. In a live session, it takes the newest gradient and carries it along the flow to the
//! current frame, so that the picture never waits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};

use opencv::core::{Mat, Size};

use super::channel::{LinkPolicy, Next, Receiver, Sender, link, stage};
use super::control::{BEST_CLASSES, Control};
use super::keyframes::KeyFrames;
use super::magnitude::Magnitude;
use crate::annotate::Annotator;
use crate::frame::{Frame, Gradient, Maps, Prediction, Timing};
use crate::fuse::{Fuser, InverseWarp, look_ahead};
use crate::motion::{FrameMotion, MotionEstimator};
use crate::saliency::StaticSaliency;
use crate::source::FrameSource;
use crate::{Error, Result};

/// All stages that turn frames into maps.
pub struct PipelineStages<'a> {
    pub source: Box<dyn FrameSource + 'a>,
    pub static_saliency: &'a mut StaticSaliency,
    pub mode: PipelineMode<'a>,
    pub key_frames: KeyFrames,
    pub motion: MotionEstimator,
    pub fuser: Fuser,
}

/// Which frames are processed.
#[derive(Clone, Copy)]
pub enum PipelineMode<'a> {
    /// Every frame, at its own pace.
    Offline,
    /// The newest frame whenever there is room, and the gradient of the newest key frame whenever the classifier is
    /// free. Settings may change in between.
    Live(&'a dyn Control),
}

impl PipelineMode<'_> {
    /// The link from the source. For a file, it holds `batch` frames, for a classifier that takes several at once.
    fn incoming(self, batch: usize) -> LinkPolicy {
        match self {
            Self::Offline => LinkPolicy::Lossless(batch),
            Self::Live(_) => LinkPolicy::Latest,
        }
    }

    /// The link from motion, which processes every frame. For a file, one frame can wait while the fuse stage waits for
    /// a gradient.
    fn onward(self) -> LinkPolicy {
        match self {
            Self::Offline => LinkPolicy::Lossless(1),
            Self::Live(_) => LinkPolicy::Lossless(0),
        }
    }
}

/// A frame between two stages, with the time that it has taken so far.
struct StageItem<T> {
    frame: Arc<Frame>,
    /// Whether its gradient is computed.
    key: bool,
    timing: Timing,
    work: T,
}

/// A frame with its maps.
pub struct FusedFrame {
    /// The decoded frame.
    pub frame: Arc<Frame>,
    /// Its motion.
    pub motion: FrameMotion,
    /// Its maps.
    pub maps: Maps,
    /// The classifier's predictions for this frame or the last key frame, one per explained class; empty between a cut
    /// and the next key frame.
    pub predictions: Vec<Prediction>,
    /// Strength of the gradient of the first prediction's score, in the unit of [`Gradient::map`].
    pub gradient: Option<Magnitude>,
    /// Time of each stage.
    pub timing: Timing,
}

/// A frame that is ready to be written.
pub struct DrawnFrame {
    /// [`Frame::index`].
    pub index: u64,
    /// [`Frame::time`].
    pub time: f64,
    /// [`Frame::size`].
    pub size: Size,
    /// The decoded frame, if it is kept.
    pub original: Option<Arc<Frame>>,
    /// The annotated picture.
    pub picture: Mat,
    /// The maps that are drawn in it.
    pub maps: Maps,
    /// [`FusedFrame::predictions`].
    pub predictions: Vec<Prediction>,
    /// [`FusedFrame::gradient`].
    pub gradient: Option<Magnitude>,
    /// Speed relative to the camera, over the picture without letterbox bars, in pixels of the source per second;
    /// `None` for the first frame of the clip or of a shot, whose motion is unknown.
    pub speed: Option<Magnitude>,
    /// Time of each stage.
    pub timing: Timing,
}

impl PipelineStages<'_> {
    /// Starts one thread per stage, and returns the link with the fused frames in order. `stop` ends the input early.
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
            let mut join = GradientJoin { fuser, mode, last: Vec::new(), strength: None };
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
            // If the input breaks off, the frames before it are kept.
            while !waiting.is_empty() {
                out.send(settle(&mut waiting)?)?;
            }
            ending
        })
    }
}

/// Removes the first frame from the queue, and improves its map with the frames that wait after it.
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

/// Starts the thread that draws `fused` frames, and returns the link with the drawn ones; `originals` says whether they
/// keep the decoded frames.
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
                annotator = annotator.restyled(control.settings().style, fused.frame.size())?;
            }
            out.send(drawn(&mut annotator, originals, fused)?)?;
        }
        Ok(())
    })
}

fn drawn(annotator: &mut Annotator, originals: bool, fused: FusedFrame) -> Result<DrawnFrame> {
    let FusedFrame { frame, motion, maps, predictions, gradient, mut timing } = fused;
    let started = Instant::now();
    let percent = |probability: f32| format!(" {:.0} %", probability * 100.0);
    let caption = |said: &Prediction| format!("{}{}", said.label, said.probability.map_or_else(String::new, percent));
    let captions: Vec<String> = predictions.iter().map(caption).collect();
    let (index, time, size) = (frame.index, frame.time, frame.size());
    let speed = if motion.first { None } else { Magnitude::of(&motion.residual, motion.speed)? };
    let original = originals.then(|| frame.clone());
    let picture = annotator.draw(Arc::unwrap_or_clone(frame), &maps, &captions)?;
    timing.draw = milliseconds(started);
    Ok(DrawnFrame { index, time, size, original, picture, maps, predictions, gradient, speed, timing })
}

/// Reads frames, and chooses the key frames.
struct DecodeStage<'a> {
    source: Box<dyn FrameSource + 'a>,
    mode: PipelineMode<'a>,
    key_frames: KeyFrames,
    /// Number of frames whose maps are made.
    done: Arc<AtomicU64>,
    to_explain: Sender<Arc<Frame>>,
}

impl DecodeStage<'_> {
    fn run(mut self, stop: &AtomicBool, out: &Sender<StageItem<()>>) -> Result<()> {
        let read = self.frames(stop, out);
        // A read error is sent on the main link, after the last frame. For the classifier, this is just the end of its
        // work.
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
                // If the classifier has failed, the fuse stage gets the error when it waits for this gradient.
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
            static_saliency.set_target(&control.settings().target)?;
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

/// The next `count` items. If the link ends before, the items until then and the way in which it ended.
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
    /// The strength of the gradient that belongs to `last`.
    strength: Option<Magnitude>,
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
            (self.last, self.strength) = (Vec::new(), None);
        }
        if let Some(Gradient { map, prediction, others, .. }) = gradient.filter(|gradient| !gradient.noisy) {
            self.strength = Magnitude::of(&map, 1.0)?;
            self.last = [prediction].into_iter().chain(others.into_iter().map(|other| other.prediction)).collect();
        }
        Ok(FusedFrame { frame, motion, maps, predictions: self.last.clone(), gradient: self.strength, timing })
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
