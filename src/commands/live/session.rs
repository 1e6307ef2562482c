//! A live session: the stages on their threads; the window, the page and the recording on the main thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use opencv::core::set_num_threads;

use super::capture::LiveSource;
use super::config::LiveConfig;
use super::freeze_frame::greyed;
use super::recorder::{RecordingReport, StreamRecorder};
use super::serve::PageServer;
use super::session_hub::{DisplayFrame, EnergySample, SessionAction, SessionHub};
use super::snapshot;
use super::window::PreviewWindow;
use crate::Result;
use crate::annotate::{Annotator, MapEnergy};
use crate::frame::Rate;
use crate::fuse::Fuser;
use crate::motion::MotionEstimator;
use crate::pipeline::channel::{Next, Receiver};
use crate::pipeline::record::record;
use crate::pipeline::stages::{self, DrawnFrame, PipelineMode, PipelineStages};
use crate::reporting::terminal::say;
use crate::saliency::StaticSaliency;
use crate::source::FrameSource;

/// How long the main thread waits for a picture before it handles the window and other requests.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// After this time without a new picture, the last one is greyed; and how often the greyed one is redrawn.
const STALE_AFTER: Duration = Duration::from_secs(1);
const REDRAW_INTERVAL: Duration = Duration::from_millis(500);

/// The figures of a finished session.
#[derive(Debug)]
pub struct SessionSummary {
    /// Number of frames that were captured, shown, and replaced by newer ones.
    pub captured: u64,
    pub shown: u64,
    pub dropped: u64,
    /// Milliseconds from the arrival of a frame to its picture.
    pub latency_median_ms: usize,
    pub latency_p95_ms: usize,
    /// What was recorded.
    pub recording: RecordingReport,
    /// Why the session ended.
    pub ending: SessionEnding,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnding {
    /// The source ended, the time was up, or the user closed it.
    Complete,
    /// A signal arrived.
    Interrupted,
}

/// Runs a session until its source ends or the user stops it.
///
/// # Errors
/// The root cause of the first failure.
pub fn live(config: &LiveConfig, stop: &AtomicBool) -> Result<SessionSummary> {
    set_num_threads(config.threads as i32)?;
    let mut static_saliency = StaticSaliency::open(&config.model)?;
    tell(config, static_saliency.notes());
    let hub = Arc::new(SessionHub::new(config.settings.clone(), static_saliency.labels().clone()));
    hub.report(|state| {
        state.source = config.input.name();
        state.classifier = static_saliency.name().to_owned();
    });
    let server = config.serve.as_ref().map(|serve| PageServer::start(serve, hub.clone())).transpose()?;
    // The inner flag stops the stages when the session ends for any reason.
    let done = AtomicBool::new(false);
    let feed = LiveSource::open(&config.input, config.give_up, &hub, stop)?;
    let info = feed.info().clone();
    let annotator = Annotator::new(config.settings.style(), &info, 1)?;
    let mut outputs = LiveOutputs::gather(config, &hub, info.rate)?;
    if let Some(server) = &server {
        tell(config, server.notes());
    }
    let mode = PipelineMode::Live(&*hub);
    let stages = PipelineStages {
        source: Box::new(feed),
        static_saliency: &mut static_saliency,
        mode,
        key_frames: config.key_frames.clone(),
        motion: MotionEstimator::new(info.rate)?,
        fuser: Fuser::new(config.fusion),
    };
    let attended = std::thread::scope(|scope| {
        let fused = stages.start(scope, &done)?;
        let drawn = stages::draw(scope, mode, annotator, false, fused)?;
        let attended = outputs.serve_until_end(&drawn, stop);
        done.store(true, Ordering::Relaxed);
        attended
    });
    // The recording is kept, whatever ended the session.
    let recording = outputs.finish();
    attended?;
    let state = hub.state();
    let (latency_median_ms, latency_p95_ms) = hub.latency();
    Ok(SessionSummary {
        captured: state.captured,
        shown: state.shown,
        dropped: state.dropped,
        latency_median_ms,
        latency_p95_ms,
        recording: recording?,
        ending: if stop.load(Ordering::Relaxed) { SessionEnding::Interrupted } else { SessionEnding::Complete },
    })
}

fn tell(config: &LiveConfig, notes: &[String]) {
    if !config.quiet {
        notes.iter().for_each(|note| say(&format!("note: {note}")));
    }
}

/// The outputs of a session: the window, the page (through the hub), the recording.
struct LiveOutputs<'a> {
    config: &'a LiveConfig,
    hub: &'a Arc<SessionHub>,
    rate: Rate,
    window: Option<PreviewWindow>,
    recorder: Option<StreamRecorder>,
    recording: RecordingReport,
    /// The last picture, and the time at which it was drawn.
    last: Option<(Arc<DisplayFrame>, Instant)>,
}

impl<'a> LiveOutputs<'a> {
    fn gather(config: &'a LiveConfig, hub: &'a Arc<SessionHub>, rate: Rate) -> Result<Self> {
        let window = if config.window { Some(PreviewWindow::open()?) } else { None };
        let (recorder, recording) = Default::default();
        let mut outputs = Self { config, hub, rate, window, recorder, recording, last: None };
        if config.recording.output.is_some() {
            outputs.record()?;
        }
        Ok(outputs)
    }

    /// Serves all outputs until the source ends, the user stops the session, or `stop` is set.
    fn serve_until_end(&mut self, drawn: &Receiver<DrawnFrame>, stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::Relaxed)
            && self.config.duration.is_none_or(|end| self.hub.time() < end.as_secs_f64())
        {
            match drawn.recv_within(POLL_INTERVAL)? {
                Next::Item(drawn) => self.present(drawn)?,
                Next::Late => self.wait()?,
                Next::End => break,
            }
            if let Some(window) = &mut self.window
                && !window.serve(self.hub)?
            {
                break;
            }
        }
        Ok(())
    }

    /// Performs the requested actions, and sends a new picture to all outputs.
    fn present(&mut self, drawn: DrawnFrame) -> Result<()> {
        self.act(&drawn)?;
        if self.hub.settings().paused {
            return Ok(());
        }
        let energy = MapEnergy::of(drawn.time, &drawn.maps)?;
        let energy = EnergySample { time: energy.time, static_: energy.static_ as f32, motion: energy.motion as f32 };
        let shown = Arc::new(DisplayFrame { index: drawn.index, time: drawn.time, picture: drawn.picture });
        if let Some(window) = &mut self.window {
            window.show(&shown.picture)?;
        }
        self.hub.show(shown.clone(), energy);
        if let Some(recorder) = &mut self.recorder {
            recorder.add(shown.clone());
        }
        self.last = Some((shown, Instant::now()));
        Ok(())
    }

    /// Handles the lack of a new picture: after a while, the last one is greyed.
    fn wait(&mut self) -> Result<()> {
        let Some((shown, since)) = &mut self.last else { return Ok(()) };
        let stale = self.hub.time() - shown.time;
        if stale < STALE_AFTER.as_secs_f64() || since.elapsed() < REDRAW_INTERVAL || self.hub.settings().paused {
            return Ok(());
        }
        *since = Instant::now();
        let trouble = self.hub.state().trouble.unwrap_or_else(|| "no picture".into());
        let picture = greyed(&shown.picture, &format!("{trouble} ({stale:.0} s)"))?;
        if let Some(window) = &mut self.window {
            window.show(&picture)?;
        }
        self.hub.show_again(Arc::new(DisplayFrame { index: shown.index, time: shown.time, picture }));
        Ok(())
    }

    fn act(&mut self, drawn: &DrawnFrame) -> Result<()> {
        while let Some(action) = self.hub.next_action() {
            match action {
                SessionAction::Snapshot => {
                    match record(drawn).and_then(|record| snapshot::save(&drawn.picture, &record)) {
                        Ok(path) => self.hub.notice(format!("snapshot: {}", path.display())),
                        Err(error) => self.hub.notice(format!("the snapshot failed: {error}")),
                    }
                }
                SessionAction::Record if self.recorder.is_none() => {
                    if let Err(error) = self.record() {
                        self.hub.notice(format!("cannot record: {error}"));
                    }
                }
                SessionAction::StopRecording => self.stop_recording()?,
                SessionAction::Record => {}
            }
        }
        Ok(())
    }

    fn record(&mut self) -> Result<()> {
        let mut config = self.config.recording.clone();
        // A second recording of this session does not replace the first.
        config.overwrite &= self.recording.last.is_none();
        self.recorder = Some(StreamRecorder::start(config, self.rate, self.hub.clone())?);
        Ok(())
    }

    /// Ends the recording.
    fn stop_recording(&mut self) -> Result<()> {
        let Some(recorder) = self.recorder.take() else { return Ok(()) };
        let report = recorder.finish()?;
        self.hub.report(|state| (state.recording, state.recording_trouble) = (None, None));
        let name = report.last.as_ref().map_or_else(|| "nothing".into(), |path| path.display().to_string());
        self.hub.notice(format!("recorded: {name}{}", report.missing()));
        self.recording.add(report);
        Ok(())
    }

    /// Closes the outputs, and returns what was recorded.
    fn finish(&mut self) -> Result<RecordingReport> {
        self.window = None;
        self.stop_recording()?;
        Ok(std::mem::take(&mut self.recording))
    }
}

impl SessionSummary {
    /// Prints the summary line.
    pub fn say(&self) {
        let recorded = self.recording.last.as_ref().map(|path| format!(": {}", path.display())).unwrap_or_default();
        let missing = self.recording.missing();
        say(&format!(
            "{} frames received, {} shown, {} dropped; latency {} ms (95 %: {} ms){recorded}{missing}",
            self.captured, self.shown, self.dropped, self.latency_median_ms, self.latency_p95_ms
        ));
    }
}
