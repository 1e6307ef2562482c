//! A video file or stream, decoded by OpenCV's FFmpeg backend.

use std::ffi::OsStr;

use opencv::core::{Mat, MatTraitConst, Size};
use opencv::prelude::*;
use opencv::videoio::{self, VideoCapture};

use super::{Options, Source};
use crate::frame::{Frame, Rate, VideoInfo};
use crate::{Error, Result};

/// An open video.
pub struct Video {
    capture: VideoCapture,
    info: VideoInfo,
    index: u64,
}

impl Video {
    pub fn open(location: &OsStr, _options: &Options) -> Result<Self> {
        let capture = VideoCapture::from_file(location, videoio::CAP_FFMPEG)?;
        if !capture.is_opened()? {
            return Err(Error::input(location, "cannot be read as a video"));
        }
        let property = |id| capture.get(id).unwrap_or(0.0);
        let size =
            Size::new(property(videoio::CAP_PROP_FRAME_WIDTH) as i32, property(videoio::CAP_PROP_FRAME_HEIGHT) as i32);
        let rate = Rate { num: (property(videoio::CAP_PROP_FPS) * 1000.0).round().max(1.0) as u32, den: 1000 };
        Ok(Self { info: VideoInfo { size, rate, frames: None, start: 0.0, sound: None }, capture, index: 0 })
    }
}

impl Source for Video {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        let mut image = Mat::default();
        if !self.capture.read(&mut image)? || image.empty() {
            return Ok(None);
        }
        let index = self.index;
        self.index += 1;
        Ok(Some(Frame { index, time: index as f64 * self.info.rate.interval(), image }))
    }
}
