//! Everything that a run writes, as one: the annotated result, the maps, the records.

use std::path::PathBuf;
use std::time::Instant;

use opencv::core::Size;

use super::stages::{Drawn, milliseconds};
use crate::config::RunConfig;
use crate::frame::{Timing, VideoInfo};
use crate::sink::image::{ImageSink, is_image};
use crate::sink::maps::MapSink;
use crate::sink::records::{Record, RecordSink};
use crate::sink::video::{EncodeOptions, VideoSink};
use crate::{Result, sink};

/// The annotated result.
enum Picture {
    Video(VideoSink),
    Image(ImageSink),
}

/// A run's open outputs. Dropped before [`Outputs::finish`], they leave nothing behind.
pub struct Outputs {
    picture: Picture,
    maps: Option<MapSink>,
    records: Option<RecordSink>,
    warnings: Vec<String>,
}
