//! All outputs of a reframing together: the result, and the path as data.

use std::path::PathBuf;

use opencv::core::{Mat, Size};

use super::config::ReframeConfig;
use crate::Result;
use crate::frame::{ClipEnd, VideoInfo};
use crate::reframe::{CameraPath, path_json, sendcmd};
use crate::sink::result::ResultSink;
use crate::sink::video::EncodeOptions;
use crate::sink::{self, WrittenFile};

/// The open outputs. If they are dropped before [`ReframeOutputs::finish`], they leave nothing behind.
pub struct ReframeOutputs {
    picture: ResultSink,
}

impl ReframeOutputs {
    /// Refuses outputs that cannot or must not be written, before the work begins.
    ///
    /// # Errors
    /// Those of the sinks' checks.
    pub fn check(config: &ReframeConfig) -> Result<()> {
        let (input, overwrite) = (config.input.path(), config.overwrite);
        ResultSink::check(&config.output, config.format, input, overwrite)?;
        [&config.path, &config.ffmpeg].into_iter().flatten().try_for_each(|file| sink::check(file, input, overwrite))
    }

    /// Opens the result of a clip with the properties `info`; its pictures have the size `canvas`.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn create(config: &ReframeConfig, info: &VideoInfo, canvas: Size) -> Result<Self> {
        let &ReframeConfig { crf, overwrite, format, ref output, .. } = config;
        let passthrough = config.keep.of(info.passthrough.clone());
        let options = EncodeOptions { format, crf, overwrite, passthrough, colour: info.colour };
        Ok(Self { picture: ResultSink::create(output, options, info, canvas)? })
    }

    /// Appends a picture that is shown from `time`.
    ///
    /// # Errors
    /// Those of the sink, such as a full disk.
    pub fn write(&mut self, picture: Mat, time: f64) -> Result<()> {
        self.picture.write(picture, time)
    }

    /// Completes all outputs of a clip that ends at `end`, and publishes them together; the result comes last. Returns its
    /// name and notes for the user.
    ///
    /// # Errors
    /// Those of the sinks and of [`sink::publish`].
    pub fn finish(
        self,
        config: &ReframeConfig,
        path: &CameraPath,
        info: &VideoInfo,
        end: ClipEnd,
    ) -> Result<(PathBuf, Vec<String>)> {
        let (picture, WrittenFile { path: output, warnings, .. }) = self.picture.finish(end)?;
        let write = |file: &Option<PathBuf>, text: &dyn Fn() -> String| {
            file.as_ref().map(|file| sink::ready(file, text().as_bytes(), config.overwrite)).transpose()
        };
        let json = write(&config.path, &|| path_json(path, config.aspect))?;
        let commands = write(&config.ffmpeg, &|| sendcmd(path, info.start))?;
        sink::publish([json, commands, picture].into_iter().flatten().collect())?;
        Ok((output, warnings))
    }
}
