//! Plays a file in real time.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use opencv::core::Mat;

use super::{Capture, sleep_until};
use crate::Result;
use crate::frame::Rate;
use crate::source::{self, FrameSource, Input, SourceOptions};

/// Delay after which the clock is reset, because this program must have been suspended.
const SUSPENDED: Duration = Duration::from_millis(500);

pub(super) struct RealtimeFile {
    input: Input,
    source: Box<dyn FrameSource>,
    looped: bool,
    /// The time at which the file's time was 0.
    began: Option<Instant>,
}

impl RealtimeFile {
    pub(super) fn open(input: &Input, looped: bool) -> Result<Self> {
        let source = source::open(input, &SourceOptions::default())?;
        Ok(Self { input: input.clone(), source, looped, began: None })
    }

    pub(super) fn rate(&self) -> Rate {
        self.source.info().rate
    }
}

impl Capture for RealtimeFile {
    fn next(&mut self, stop: &AtomicBool) -> Result<Option<Mat>> {
        let mut frame = self.source.read()?;
        if frame.is_none() && self.looped {
            self.source = source::open(&self.input, &SourceOptions::default())?;
            self.began = None;
            frame = self.source.read()?;
        }
        let Some(frame) = frame else { return Ok(None) };
        let since = Duration::from_secs_f64(frame.time);
        let began = *self.began.get_or_insert_with(|| Instant::now() - since);
        let due = began + since;
        if due.elapsed() > SUSPENDED {
            self.began = Some(Instant::now() - since);
        }
        Ok(sleep_until(due, stop).then_some(frame.image))
    }
}
