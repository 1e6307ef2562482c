//! The configuration of a run.

use std::path::PathBuf;

use super::SegmentWindow;
use crate::annotate::Style;
use crate::fuse::FuseOptions;
use crate::passthrough::KeptParts;
use crate::pipeline::keyframes::KeyFrames;
use crate::reporting::mode::ReportMode;
use crate::saliency::ModelConfig;
use crate::sink::container::Container;
use crate::sink::maps::{MapKind, MapSize, MapStorage};
use crate::source::{self, Input};

/// The configuration of `salstream run`.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// The input.
    pub input: Input,
    /// Which part of it to read.
    pub source: source::SourceOptions,
    /// Which classifier to use, and how.
    pub model: ModelConfig,
    /// The frames on which to compute the gradient.
    pub key_frames: KeyFrames,
    /// The segment of the clip to process; `None` for the whole clip.
    pub window: Option<SegmentWindow>,
    /// How to make the maps. Whether the input is a single picture is added when it is opened.
    pub fusion: FuseOptions,
    /// How to draw them.
    pub style: Style,
    /// The file for the annotated result.
    pub output: PathBuf,
    /// The format of a video; by default that of the output's extension.
    pub format: Option<Container>,
    /// Whether to overwrite existing files.
    pub overwrite: bool,
    /// x264's constant rate factor, 0 to 51.
    pub crf: u8,
    /// What to keep of the input beside its picture.
    pub keep: KeptParts,
    /// The file for the per-frame records; `-` is standard output.
    pub records: Option<PathBuf>,
    /// The file for the chart of the whole clip over time.
    pub timeline: Option<PathBuf>,
    /// The file for the small pictures of the clip's most salient moment.
    pub preview: Option<PathBuf>,
    /// Where to write the per-frame maps, and which.
    pub maps: Option<MapsConfig>,
    /// Whether to remove the outputs if the user stops the run.
    pub discard_interrupted: bool,
    /// Whether the records have the milliseconds of each stage, which differ from run to run.
    pub timed: bool,
    /// How to report progress.
    pub report: ReportMode,
    /// Threads for OpenCV, at least 1.
    pub threads: usize,
}

/// Which maps to write, and how.
#[derive(Debug, Clone)]
pub struct MapsConfig {
    /// A folder, or the file of an array.
    pub path: PathBuf,
    /// Which of the three maps.
    pub kind: MapKind,
    /// Their size.
    pub size: MapSize,
    /// Whether they are one file per frame or one array, and of what kind.
    pub storage: MapStorage,
}

impl RunConfig {
    /// Prints notes for the user, one line each.
    pub fn notes(&self, notes: &[String]) {
        self.report.notes(notes);
    }
}
