//! All outputs of a run together: the annotated result, the maps, the records, the timeline.

use std::path::PathBuf;
use std::time::Instant;

use opencv::core::Size;

use super::preview::{Preview, PreviewBuilder};
use crate::annotate::Timeline;
use crate::commands::run::config::{MapsConfig, RunConfig};
use crate::frame::{ClipEnd, Timing, VideoInfo};
use crate::motion;
use crate::pipeline::record::record;
use crate::pipeline::stages::{DrawnFrame, milliseconds};
use crate::platform::paths;
use crate::sink::WrittenFile;
use crate::sink::image::ImageSink;
use crate::sink::maps::{MapKind, MapSink, MapSize};
use crate::sink::records::{FrameRecord, RecordSink};
use crate::sink::result::ResultSink;
use crate::sink::video::EncodeOptions;
use crate::{Error, Result, sink};

/// The open outputs of a run. If they are dropped before [`RunOutputs::finish`], they leave nothing behind.
pub struct RunOutputs {
    picture: ResultSink,
    maps: Option<(MapKind, MapSink)>,
    records: Option<RecordSink>,
    timed: bool,
    /// Index and time of the first frame written; the index and times of a segment's result start there.
    first: Option<(u64, f64)>,
    timeline: Option<(ImageSink, Timeline)>,
    preview: Option<(ImageSink, PreviewBuilder)>,
}

/// The files written.
pub struct WrittenOutputs {
    /// The result.
    pub path: PathBuf,
    /// Notes for the user.
    pub warnings: Vec<String>,
    /// A short overview of the clip, if a preview was requested.
    pub overview: Option<Preview>,
}

impl RunOutputs {
    /// Refuses outputs that cannot or must not be written, before the work begins.
    ///
    /// # Errors
    /// Those of the sinks' checks; [`Error::Usage`] if maps would be written among the input's own frames.
    pub fn check(config: &RunConfig) -> Result<()> {
        check_stdout(config)?;
        let (input, overwrite) = (config.input.path(), config.overwrite);
        ResultSink::check(&config.output, config.format, input, overwrite)?;
        if let Some(records) = &config.records {
            RecordSink::check(records, input, overwrite)?;
        }
        if let Some(timeline) = &config.timeline {
            ImageSink::check(timeline, input, overwrite)?;
        }
        config.maps.as_ref().map_or(Ok(()), |maps| check_maps(config, maps))
    }

    /// Opens all outputs of a clip with the properties `info`; annotated pictures have the size `canvas`.
    ///
    /// # Errors
    /// Those of the individual sinks.
    pub fn create(config: &RunConfig, info: &VideoInfo, canvas: Size) -> Result<Self> {
        let RunConfig { crf, overwrite, format, ref output, .. } = *config;
        let passthrough = config.keep.of(info.passthrough.clone());
        let options = EncodeOptions { format, crf, overwrite, passthrough, colour: info.colour };
        let picture = ResultSink::create(output, options, info, canvas)?;
        let records = config.records.as_ref().map(|file| RecordSink::create(file, config.overwrite)).transpose()?;
        let maps = match &config.maps {
            Some(MapsConfig { path, kind, size, storage }) => {
                let size = match size {
                    MapSize::Source => info.size,
                    MapSize::Native => motion::map_size(info.size),
                };
                Some((*kind, MapSink::create(path, *storage, size, config.overwrite)?))
            }
            None => None,
        };
        let image =
            |file: &Option<PathBuf>| file.as_ref().map(|file| ImageSink::create(file, config.overwrite)).transpose();
        let timeline = image(&config.timeline)?.map(|sink| (sink, Timeline::default()));
        let preview = image(&config.preview)?.map(|sink| (sink, PreviewBuilder::default()));
        Ok(Self { picture, maps, records, timed: config.timed, first: None, timeline, preview })
    }

    /// Writes one frame to every output. Returns its timing, including the time of writing.
    ///
    /// # Errors
    /// Those of the individual sinks, such as a full disk.
    pub fn write(&mut self, drawn: DrawnFrame) -> Result<Timing> {
        let started = Instant::now();
        let (first, start) = *self.first.get_or_insert((drawn.index, drawn.time));
        let index = drawn.index - first;
        if let Some((kind, sink)) = &mut self.maps {
            sink.write(index, kind.of(&drawn.maps))?;
        }
        if let Some(sink) = &mut self.records {
            let record = FrameRecord { index, ..record(&drawn)? };
            sink.write(if self.timed { record } else { record.untimed() })?;
        }
        if let Some((_, preview)) = &mut self.preview {
            preview.push(&drawn)?;
        }
        let DrawnFrame { picture, mut timing, time, maps, .. } = drawn;
        if let Some((_, timeline)) = &mut self.timeline {
            timeline.push(time, &maps, &picture)?;
        }
        self.picture.write(picture, time - start)?;
        timing.write = milliseconds(started);
        Ok(timing)
    }

    /// Completes all outputs of a clip that ends at `end`, and then publishes them together; the result comes last.
    ///
    /// # Errors
    /// Those of the individual sinks and of [`sink::publish`]; [`Error::Output`] if there was no frame.
    pub fn finish(self, end: ClipEnd) -> Result<WrittenOutputs> {
        let time = end.time.zip(self.first).map(|(end, (_, start))| end - start);
        let end = ClipEnd { time, ..end };
        let (picture, WrittenFile { path, warnings, .. }) = self.picture.finish(end)?;
        let maps = self.maps.map(|(_, maps)| maps.finish()).transpose()?;
        let records = self.records.map(RecordSink::finish).transpose()?.flatten();
        let timeline = self.timeline.map(|(sink, timeline)| sink.finish(&timeline.picture()?)).transpose()?;
        let preview = self.preview.and_then(|(sink, preview)| Some((sink, preview.finish()?)));
        let (preview, overview) = match preview {
            Some((sink, (picture, overview))) => (Some(sink.finish(&picture)?), Some(overview)),
            None => (None, None),
        };
        sink::publish([maps, records, timeline, preview, picture].into_iter().flatten().collect())?;
        Ok(WrittenOutputs { path, warnings, overview })
    }
}

/// Refuses several outputs on standard output.
fn check_stdout(config: &RunConfig) -> Result<()> {
    if paths::is_stdout(&config.output) && config.records.as_deref().is_some_and(paths::is_stdout) {
        let problem = "-o - and --records - both write to standard output: give one of them a file name";
        return Err(Error::Usage(problem.into()));
    }
    Ok(())
}

/// Refuses maps that cannot or must not be written.
fn check_maps(config: &RunConfig, MapsConfig { path, storage, .. }: &MapsConfig) -> Result<()> {
    let frames = config.input.folder().and_then(|folder| folder.canonicalize().ok());
    if frames.is_some() && frames == path.canonicalize().ok() {
        return Err(Error::Usage("--maps: the folder contains the input's frames: choose another one".into()));
    }
    if *path == config.output {
        let problem = "is both --maps and the output: choose another one";
        return Err(Error::Usage(format!("{}: {problem}", path.display())));
    }
    MapSink::check(path, *storage, config.input.path(), config.overwrite)
}
