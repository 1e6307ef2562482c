//! What a run needs to know.

use std::path::PathBuf;

use super::SegmentWindow;
use crate::annotate::Style;
use crate::fuse::FuseOptions;
use crate::pipeline::keyframes::KeyFrames;
use crate::reporting::mode::ReportMode;
use crate::saliency::ModelConfig;
use crate::sink::maps::{MapFormat, MapKind};
use crate::source::{self, Input};

/// Everything that `salstream run` needs to know.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// What to read.
    pub input: Input,
    /// Which part of it.
    pub source: source::SourceOptions,
    /// Which classifier, and how.
    pub model: ModelConfig,
    /// On which frames the gradient is computed.
    pub key_frames: KeyFrames,
    /// The piece of it that is worked on, where that is not all.
    pub window: Option<SegmentWindow>,
    /// How the maps are made; whether the input is a single picture shows when it is opened.
    pub fusion: FuseOptions,
    /// How they are drawn.
    pub style: Style,
    /// The annotated result.
    pub output: PathBuf,
    /// Whether existing results are replaced.
    pub overwrite: bool,
    /// x264's constant rate factor, 0 to 51.
    pub crf: u8,
    /// Whether the sound is kept.
    pub audio: bool,
    /// Where the per-frame records go.
    pub records: Option<PathBuf>,
    /// Where the picture of the whole clip over time goes.
    pub timeline: Option<PathBuf>,
    /// Where the small pictures of the clip's most salient moment go.
    pub preview: Option<PathBuf>,
    /// Where the per-frame maps go.
    pub maps: Option<MapsConfig>,
    /// Whether a clip that is not read to its end leaves nothing.
    pub whole_only: bool,
    /// Whether the records tell the milliseconds of each stage, which differ from run to run.
    pub timed: bool,
    /// How to report.
    pub report: ReportMode,
    /// Threads for OpenCV, at least 1.
    pub threads: usize,
}

/// Which maps to write, and how.
#[derive(Debug, Clone)]
pub struct MapsConfig {
    /// The folder.
    pub folder: PathBuf,
    /// Which of the three.
    pub kind: MapKind,
    /// The files' format.
    pub format: MapFormat,
}

impl RunConfig {
    /// Prints what the user should know, one line each.
    pub fn notes(&self, notes: &[String]) {
        self.report.notes(notes);
    }
}
