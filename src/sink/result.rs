//! The result of a clip: a video, a stream, numbered images or one image.

use std::path::Path;

use opencv::core::{Mat, Size};

use super::container::Container;
use super::image::ImageSink;
use super::image_sequence::ImageSequenceSink;
use super::stream::StreamSink;
use super::video::{EncodeOptions, VideoSink};
use super::{ReadyOutput, WrittenFile};
use crate::frame::{ClipEnd, VideoInfo};
use crate::platform::paths;
use crate::{Error, Result};

/// What a result is, by its name.
pub enum ResultKind {
    Video,
    /// A video through a pipe.
    Stream,
    /// Numbered images.
    Images,
    /// One image.
    Image,
}

impl ResultKind {
    /// The kind of the result `output`.
    pub fn of(output: &Path) -> Self {
        match output {
            output if paths::is_stream(output) => Self::Stream,
            output if ImageSequenceSink::accepts(output) => Self::Images,
            output if ImageSink::accepts(output) => Self::Image,
            _ => Self::Video,
        }
    }
}

/// A result that is being written. If it is dropped before [`ResultSink::finish`], it leaves nothing behind.
pub enum ResultSink {
    Video(Box<VideoSink>),
    Stream(Box<StreamSink>),
    Images(ImageSequenceSink),
    /// An image, which is written when its only frame is drawn.
    Image(ImageSink, Option<Mat>),
}

impl ResultSink {
    /// Refuses a result that cannot or must not be written.
    ///
    /// # Errors
    /// Those of the sinks' checks.
    pub fn check(output: &Path, format: Option<Container>, input: Option<&Path>, overwrite: bool) -> Result<()> {
        match ResultKind::of(output) {
            ResultKind::Stream => StreamSink::check(output, format),
            ResultKind::Images => ImageSequenceSink::check(output, overwrite),
            ResultKind::Image => ImageSink::check(output, input, overwrite),
            ResultKind::Video => VideoSink::check(output, format, input, overwrite),
        }
    }

    /// Starts the result of a clip with the properties `info`; its pictures have the size `canvas`.
    ///
    /// # Errors
    /// Those of the sinks.
    pub fn create(output: &Path, options: EncodeOptions, info: &VideoInfo, canvas: Size) -> Result<Self> {
        let overwrite = options.overwrite;
        Ok(match ResultKind::of(output) {
            ResultKind::Stream => {
                let ClipEnd { time, is_whole } = info.end;
                let length = time.or(info.frames.map(|frames| frames as f64 * info.rate.interval()));
                let length = length.filter(|_| !is_whole);
                Self::Stream(Box::new(StreamSink::create(output, canvas, info.rate, &options, length)?))
            }
            ResultKind::Images => {
                Self::Images(ImageSequenceSink::create(output, overwrite, options.passthrough.as_ref())?)
            }
            ResultKind::Image => Self::Image(ImageSink::create(output, overwrite)?, None),
            ResultKind::Video => Self::Video(Box::new(VideoSink::create(output, canvas, info.rate, options)?)),
        })
    }

    /// Appends a picture that is shown from `time`, in seconds, increasing from 0.
    ///
    /// # Errors
    /// Those of the sinks, such as a full disk.
    pub fn write(&mut self, picture: Mat, time: f64) -> Result<()> {
        match self {
            Self::Video(sink) => sink.write(&picture, time),
            Self::Stream(sink) => sink.write(&picture, time),
            Self::Images(sink) => sink.write(&picture),
            Self::Image(_, image) => {
                *image = Some(picture);
                Ok(())
            }
        }
    }

    /// The complete result, and what is told about it. A stream is already where it belongs.
    ///
    /// # Errors
    /// Those of the sinks; [`Error::Usage`] if there is no picture for an image.
    pub fn finish(self, end: ClipEnd) -> Result<(Option<ReadyOutput>, WrittenFile)> {
        let ready = match self {
            Self::Stream(sink) => return Ok((None, sink.finish()?)),
            Self::Video(sink) => sink.finish(end)?,
            Self::Images(sink) => sink.finish()?,
            Self::Image(sink, Some(image)) => sink.finish(&image)?,
            Self::Image(..) => return Err(Error::Usage("stopped before the image was drawn".into())),
        };
        let written = ready.written().clone();
        Ok((Some(ready), written))
    }
}
