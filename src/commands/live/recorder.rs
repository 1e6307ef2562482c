//! Records the session on its own thread, so that a slow disk does not delay the picture. A recording that fails comes
//! back in a new file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::config::RecordingConfig;
use super::outage::{Outage, OutageLog};
use super::segments::SegmentFiles;
use super::session_hub::{DisplayFrame, SessionHub};
use crate::frame::Rate;
use crate::reporting::terminal::say;
use crate::sink::recording::RecordingSink;
use crate::{Error, Result};

/// Maximum number of pictures that wait for the encoder; more are left out of the recording.
const WAITING: usize = 8;
/// The name of a recording for which none was given.
const UNNAMED: &str = "live.mp4";

/// A running recording.
pub(super) struct StreamRecorder {
    pictures: Sender<Arc<DisplayFrame>>,
    thread: JoinHandle<RecordingReport>,
    left_out: u64,
}

/// What became of the recordings of a session.
#[derive(Debug, Default)]
pub struct RecordingReport {
    /// The last file.
    pub last: Option<PathBuf>,
    /// Pictures that were left out because the encoder was too slow.
    pub left_out: u64,
    /// How often the recording failed.
    pub outages: u32,
    /// Seconds that are missing because of this.
    pub lost_seconds: f64,
}

impl RecordingReport {
    /// Adds another recording.
    pub(super) fn add(&mut self, other: Self) {
        self.last = other.last.or(self.last.take());
        self.left_out += other.left_out;
        self.outages += other.outages;
        self.lost_seconds += other.lost_seconds;
    }

    /// What is missing, for the user; empty if nothing is.
    pub(super) fn missing(&self) -> String {
        let mut text = String::new();
        if self.outages > 0 {
            let times = if self.outages == 1 { "once".into() } else { format!("{} times", self.outages) };
            text += &format!(" (the recording failed {times}: at least {:.1} s are missing)", self.lost_seconds);
        }
        if self.left_out > 0 {
            text += &format!(" ({} pictures are missing: the encoder was too slow)", self.left_out);
        }
        text
    }
}

impl StreamRecorder {
    /// Starts a recording. The file is created with the first picture.
    pub(super) fn start(config: RecordingConfig, rate: Rate, hub: Arc<SessionHub>) -> Result<Self> {
        let base = config.output.clone().unwrap_or_else(|| UNNAMED.into());
        hub.report(|state| state.recording = Some(base.display().to_string()));
        let files = SegmentFiles { base, is_segmented: config.segment.is_some(), overwrite: config.overwrite };
        let recording = Recording {
            config,
            rate,
            files,
            current: None,
            finishing: Vec::new(),
            outages: OutageLog::new(hub.clone()),
            hub,
            last: None,
        };
        let (pictures, waiting) = bounded(WAITING);
        let thread = std::thread::Builder::new().name("record".into()).spawn(move || recording.run(&waiting));
        let thread = thread.map_err(|e| Error::Panic { stage: "record".into(), message: e.to_string() })?;
        Ok(Self { pictures, thread, left_out: 0 })
    }

    /// Adds a picture.
    pub(super) fn add(&mut self, shown: Arc<DisplayFrame>) {
        if let Err(TrySendError::Full(_)) = self.pictures.try_send(shown) {
            self.left_out += 1;
        }
    }

    /// Ends the recording.
    ///
    /// # Errors
    /// [`Error::Panic`] if its thread has panicked.
    pub(super) fn finish(self) -> Result<RecordingReport> {
        drop(self.pictures);
        let panicked = |_| Error::Panic { stage: "record".into(), message: "panic".into() };
        let report = self.thread.join().map_err(panicked)?;
        Ok(RecordingReport { left_out: self.left_out, ..report })
    }
}

/// The recording on its thread.
struct Recording {
    config: RecordingConfig,
    rate: Rate,
    files: SegmentFiles,
    current: Option<GrowingFile>,
    /// Files that other threads complete, so that the next one misses no picture. They return whether all is in them.
    finishing: Vec<JoinHandle<bool>>,
    outages: OutageLog,
    hub: Arc<SessionHub>,
    last: Option<PathBuf>,
}

struct GrowingFile {
    sink: RecordingSink,
    path: PathBuf,
    /// Time of the first picture.
    since: f64,
    /// Tells other processes that the file is in use.
    _lock: File,
}

impl Recording {
    fn run(mut self, pictures: &Receiver<Arc<DisplayFrame>>) -> RecordingReport {
        let mut end = None;
        for shown in pictures {
            self.add(&shown);
            end = Some(shown.time);
        }
        self.close();
        let lossy = self.finishing.drain(..).map(|thread| thread.join().unwrap_or(false));
        let lossy = lossy.filter(|whole| !whole).count() as u32;
        let Outage { count, seconds } = self.outages.total(end.unwrap_or_default());
        RecordingReport { last: self.last, left_out: 0, outages: count + lossy, lost_seconds: seconds }
    }

    fn add(&mut self, shown: &DisplayFrame) {
        // The first file after a failure has to prove that recording works again, however short segments are.
        let segment = self.config.segment.filter(|_| !self.outages.is_open());
        let is_over = |file: &GrowingFile| {
            !file.sink.takes(&shown.picture) || segment.is_some_and(|length| shown.time - file.since >= length)
        };
        if self.current.as_ref().is_some_and(is_over) {
            self.close();
        }
        if self.current.is_none() && !self.outages.may_try(shown.time) {
            return;
        }
        match self.write(shown) {
            Ok(()) => self.outages.prove(shown.time, self.current.as_ref().map(|file| (&*file.path, file.since))),
            Err(error) => self.fail(shown.time, &error),
        }
    }

    fn write(&mut self, shown: &DisplayFrame) -> Result<()> {
        let file = match &mut self.current {
            Some(file) => file,
            None => {
                let file = self.next(shown)?;
                self.current.insert(file)
            }
        };
        file.sink.write(&shown.picture, shown.time)
    }

    /// Starts a new file with `shown`.
    fn next(&mut self, shown: &DisplayFrame) -> Result<GrowingFile> {
        let (path, lock) = self.files.create()?;
        let size = opencv::prelude::MatTraitConst::size(&shown.picture)?;
        let sink = RecordingSink::create(&path, size, self.rate, self.config.crf, true);
        let sink = sink.inspect_err(|_| discard_empty(&path))?;
        self.hub.report(|state| state.recording = Some(path.display().to_string()));
        self.prune(&path);
        Ok(GrowingFile { sink, path, since: shown.time, _lock: lock })
    }

    /// Removes what `--keep` does not allow.
    fn prune(&self, current: &Path) {
        let Some(limit) = self.config.keep else { return };
        let (removed, failed) = self.files.prune(current, limit);
        if !removed.is_empty() && !self.config.quiet {
            let names: Vec<_> = removed.iter().map(|path| path.display().to_string()).collect();
            say(&format!("note: removed {} (--keep)", names.join(", ")));
        }
        if let Some(error) = failed {
            say(&format!("warning: --keep: {error}"));
        }
    }

    /// Completes the current file on another thread.
    fn close(&mut self) {
        let Some(mut file) = self.current.take() else { return };
        self.last = Some(file.path.clone());
        let complete = move || {
            if let Err(error) = file.sink.end() {
                discard_empty(&file.path);
                say(&format!("warning: the end of a recording is lost: {error}"));
                return false;
            }
            // `--keep` may have removed it meanwhile.
            if let Err(error) = file.sink.index()
                && file.path.exists()
            {
                say(&format!("warning: {error}; the recording is complete, but opens slowly"));
            }
            true
        };
        self.finishing.push(std::thread::spawn(complete));
    }

    /// Gives the current file up; a new one is tried later.
    fn fail(&mut self, time: f64, error: &Error) {
        if let Some(GrowingFile { sink, path, .. }) = self.current.take() {
            drop(sink);
            discard_empty(&path);
            self.last = path.exists().then_some(path).or(self.last.take());
        }
        self.outages.begin(time, error);
    }
}

/// Removes a file without a picture.
fn discard_empty(path: &Path) {
    if !RecordingSink::has_pictures(path) {
        // If it stays, the next file has another name.
        let _ = fs::remove_file(path);
    }
}
