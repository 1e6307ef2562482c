//! Records the session on its own thread, so that a slow disk does not delay the picture.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::config::RecordingConfig;
use super::session_hub::DisplayFrame;
use crate::frame::Rate;
use crate::sink::recording::RecordingSink;
use crate::{Error, Result};

/// Maximum number of pictures that wait for the encoder; more are left out of the recording.
const WAITING: usize = 8;
/// The name of a recording for which none was given.
const UNNAMED: &str = "live.mp4";

/// A running recording.
pub(super) struct StreamRecorder {
    path: PathBuf,
    pictures: Sender<Arc<DisplayFrame>>,
    thread: JoinHandle<Result<PathBuf>>,
    /// Pictures that were left out because the encoder was too slow.
    pub left_out: u64,
}

impl StreamRecorder {
    /// Starts a recording. The file is created with the first picture.
    pub(super) fn start(config: &RecordingConfig, rate: Rate) -> Result<Self> {
        let base = config.output.clone().unwrap_or_else(|| UNNAMED.into());
        let path = if config.overwrite { base } else { free(&base) };
        let files = RecordingNames { config: config.clone(), path: path.clone(), rate, count: 0 };
        let (pictures, waiting) = bounded(WAITING);
        let work = move || record(files, &waiting);
        let thread = std::thread::Builder::new().name("record".into()).spawn(work);
        let thread = thread.map_err(|e| Error::Panic { stage: "record".into(), message: e.to_string() })?;
        Ok(Self { path, pictures, thread, left_out: 0 })
    }

    /// The file, or the one after which further ones are named.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a picture. Returns false if the recording has failed.
    pub(super) fn add(&mut self, shown: Arc<DisplayFrame>) -> bool {
        match self.pictures.try_send(shown) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                self.left_out += 1;
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    }

    /// Ends the recording, and returns the path of the last file.
    pub(super) fn finish(self) -> Result<PathBuf> {
        drop(self.pictures);
        let panicked = |_| Error::Panic { stage: "record".into(), message: "panic".into() };
        self.thread.join().map_err(panicked)?
    }
}

/// The names of the files, one after the other.
struct RecordingNames {
    config: RecordingConfig,
    path: PathBuf,
    rate: Rate,
    count: u32,
}

impl RecordingNames {
    fn next(&mut self, shown: &DisplayFrame) -> Result<RecordingSink> {
        self.count += 1;
        let path = match (self.count, self.config.segment) {
            (1, None) => self.path.clone(),
            (count, _) => numbered(&self.path, count),
        };
        let size = opencv::prelude::MatTraitConst::size(&shown.picture)?;
        RecordingSink::create(&path, size, self.rate, self.config.crf, self.config.overwrite)
    }
}

fn record(mut files: RecordingNames, pictures: &Receiver<Arc<DisplayFrame>>) -> Result<PathBuf> {
    let mut current: Option<(RecordingSink, f64)> = None;
    let mut last = files.path.clone();
    // A completed file is finished on another thread, so that the next file misses no picture.
    let mut finishing: Vec<JoinHandle<Result<PathBuf>>> = Vec::new();
    for shown in pictures {
        let over = |(recording, since): &mut (RecordingSink, f64)| {
            !recording.takes(&shown.picture) || files.config.segment.is_some_and(|length| shown.time - *since >= length)
        };
        if let Some((recording, _)) = current.take_if(over) {
            finishing.push(std::thread::spawn(|| recording.finish()));
        }
        let (recording, _) = match &mut current {
            Some(current) => current,
            None => current.insert((files.next(&shown)?, shown.time)),
        };
        recording.write(&shown.picture, shown.time)?;
    }
    for thread in finishing {
        if let Ok(finished) = thread.join() {
            last = finished?;
        }
    }
    match current {
        Some((recording, _)) => recording.finish(),
        None => Ok(last),
    }
}

/// `path` if there is no such file, else the first of its numbered names that is not in use.
pub(super) fn free(path: &Path) -> PathBuf {
    let names = (2..).map(|count| numbered(path, count));
    std::iter::once(path.to_owned()).chain(names).find(|name| name.symlink_metadata().is_err()).unwrap_or_default()
}

/// `dir/name.mp4` as `dir/name-007.mp4`.
fn numbered(path: &Path, count: u32) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{count:03}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_before_the_extension() {
        assert_eq!(numbered(Path::new("a/live.mp4"), 7), Path::new("a/live-007.mp4"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("live.mp4");
        assert_eq!(free(&path), path);
        std::fs::write(&path, "").unwrap();
        std::fs::write(numbered(&path, 2), "").unwrap();
        assert_eq!(free(&path), numbered(&path, 3));
    }
}
