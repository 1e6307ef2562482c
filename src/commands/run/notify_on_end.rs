//! A source that calls a function when it has been read to its end.

use crate::Result;
use crate::frame::{Frame, VideoInfo};
use crate::source::{FrameSource, LateWarnings};

/// A source, and the function to call.
pub struct NotifyOnEnd {
    source: Box<dyn FrameSource>,
    read: Option<Box<dyn FnOnce() + Send>>,
}

impl NotifyOnEnd {
    /// Calls `read` once when `source` has no more frames, or none that can be read.
    pub fn new(source: Box<dyn FrameSource>, read: impl FnOnce() + Send + 'static) -> Self {
        Self { source, read: Some(Box::new(read)) }
    }
}

impl FrameSource for NotifyOnEnd {
    fn info(&self) -> &VideoInfo {
        self.source.info()
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        let frame = self.source.read();
        if !matches!(frame, Ok(Some(_)))
            && let Some(read) = self.read.take()
        {
            read();
        }
        frame
    }

    fn warnings(&self) -> &[String] {
        self.source.warnings()
    }

    fn late_warnings(&self) -> LateWarnings {
        self.source.late_warnings()
    }
}
