//! A worker process of a batch: loads the model once, and processes the clips that arrive on standard input.
//!
//! A request is a line of JSON; so is each message about a clip, on standard error.

use super::clip::SegmentTiming;
use super::config::BatchConfig;
use super::outcome::reason;
use super::protocol::ClipResult;
use super::protocol::WorkerRequest;
use super::split;
use std::io::{BufRead, stdin};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::platform::stop;
use crossbeam_channel::{Receiver, bounded, unbounded};
use opencv::core::set_num_threads;
use serde_json::json;

use crate::commands::run::{self, RunEnding, RunSummary};
use crate::frame::{ClipEnd, VideoInfo};
use crate::passthrough::KeptParts;
use crate::reporting::terminal::say;
use crate::saliency::StaticSaliency;
use crate::{Error, Result};

/// How long a worker may take to clean up after its supervisor is gone.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// Processes clips until standard input ends. Three clips overlap: while one is in the pipeline, the next one is opened
/// and the results of the previous one are completed.
///
/// # Errors
/// Errors of a clip are reported as messages, not returned; only a missing output is.
pub fn work(config: &BatchConfig) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    stop::end_when_idle(stop.clone(), || 1);
    let jobs = listen(stop.clone());
    let opened = set_num_threads(config.run.threads as i32).map_err(Error::from);
    let mut static_saliency = match opened.and_then(|()| StaticSaliency::open(&config.run.model)) {
        Ok(opened) => opened,
        Err(error) => {
            let usage = matches!(error, Error::Usage(_));
            say(&json!({ "event": "fatal", "error": error.to_string(), "usage": usage }).to_string());
            return Ok(());
        }
    };
    let (classifier, notes) = (static_saliency.name(), static_saliency.notes());
    say(&json!({ "event": "ready", "classifier": classifier, "notes": notes }).to_string());
    let (opened, to_process) = bounded(0);
    let (processed, to_finish) = bounded(0);
    thread::scope(|scope| {
        scope.spawn(move || jobs.iter().all(|job| opened.send(open(config, &job)).is_ok()));
        scope.spawn(|| to_finish.iter().for_each(|clip| answer(clip, &stop)));
        for clip in to_process {
            say(&json!({ "event": "begun" }).to_string());
            static_saliency.restart();
            if processed.send(clip.and_then(|clip: OpenedJob| clip.process(&mut static_saliency, &stop))).is_err() {
                break;
            }
        }
        drop(processed);
    });
    Ok(())
}

/// Completes a clip's results, and reports its outcome.
fn answer(clip: Result<ProcessedJob>, stop: &AtomicBool) {
    let answer = match clip.and_then(ProcessedJob::finish) {
        Ok(finished) => {
            let mut event = json!(finished);
            event["event"] = "finished".into();
            event
        }
        Err(error) => json!({ "event": "failed", "error": reason(error) }),
    };
    if !stop.load(Ordering::Relaxed) {
        say(&answer.to_string());
    }
}

/// Forwards the clips that arrive. When standard input ends, the current clip is stopped too.
fn listen(stop: Arc<AtomicBool>) -> Receiver<WorkerRequest> {
    let (sender, jobs) = unbounded();
    thread::spawn(move || {
        for line in stdin().lock().lines().map_while(std::io::Result::ok) {
            let Ok(job) = serde_json::from_str(&line) else { break };
            if sender.send(job).is_err() {
                break;
            }
        }
        drop(sender);
        stop.store(true, Ordering::Relaxed);
        thread::sleep(SHUTDOWN_GRACE);
        std::process::exit(1);
    });
    jobs
}

/// An opened clip; for a segment, also the information about the whole clip.
struct OpenedJob(run::OpenedClip, Option<VideoInfo>);

/// A clip that has been processed, but whose results are not complete yet.
struct ProcessedJob(run::ProcessedClip, Option<VideoInfo>);

fn open(batch: &BatchConfig, WorkerRequest { input, stem, piece, seconds }: &WorkerRequest) -> Result<OpenedJob> {
    let mut config = batch.clip(Path::new(input), &batch.output.join(stem))?;
    if let Some(seconds) = *seconds {
        config.source.duration = Some(config.source.duration.map_or(seconds, |duration| duration.min(seconds)));
    }
    let mut whole = None;
    if let Some(piece) = piece {
        let (window, info) = split::window(&config, *piece)?;
        config.window = Some(window);
        let passthrough = config.keep.of(info.passthrough.clone());
        whole = Some(VideoInfo { passthrough, ..info });
        config.keep = KeptParts::NONE;
    }
    let clip = run::OpenedClip::open(config)?.watched(|| say(&json!({ "event": "read" }).to_string()));
    Ok(OpenedJob(clip, whole))
}

impl OpenedJob {
    fn process(self, static_saliency: &mut StaticSaliency, stop: &AtomicBool) -> Result<ProcessedJob> {
        Ok(ProcessedJob(self.0.process(static_saliency, stop)?, self.1))
    }
}

impl ProcessedJob {
    fn finish(self) -> Result<ClipResult> {
        let RunSummary { frames, seconds, overview, span, ending, notes, output, .. } = self.0.finish()?;
        let damage = match ending {
            RunEnding::Complete => None,
            RunEnding::Interrupted => return Err(Error::Stopped),
            RunEnding::Broken(error) if output.is_some() => Some(reason(error)),
            RunEnding::Broken(error) => return Err(split::damaged(error)),
        };
        let overview = overview.unwrap_or_default();
        let timing = |(span, VideoInfo { rate, passthrough, end: ClipEnd { time, is_whole }, .. })| SegmentTiming {
            span,
            rate,
            passthrough,
            end: time,
            is_whole,
        };
        let joint = span.zip(self.1).map(timing);
        Ok(ClipResult { frames, seconds, overview, joint, notes, damage })
    }
}
