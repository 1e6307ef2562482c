//! The configuration of a batch.

use super::shard::Shard;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::choice::choices;
use crate::commands::run::config::{MapsConfig, RunConfig};
use crate::reporting::mode::ReportMode;
use crate::sink::maps::{MapFormat, MapKind, MapSize, MapStorage};
use crate::source::Input;
use crate::{Error, Result};

/// The configuration of `salstream batch`.
#[derive(Debug, Clone)]
pub struct BatchConfig {
    /// Where to look for clips.
    pub inputs: InputConfig,
    /// The folder for the results.
    pub output: PathBuf,
    /// Which part of the list to process.
    pub shard: Shard,
    /// Length in seconds of the segments into which long clips are cut.
    pub split: Option<f64>,
    /// Whether only to print the plan.
    pub dry_run: bool,
    /// The number of workers; `None` chooses it.
    pub jobs: Option<usize>,
    /// Threads of each worker; `None` divides the cores among the workers.
    pub threads: Option<usize>,
    /// How often a failed clip is tried again.
    pub retries: u8,
    /// Whether the first clip that fails ends the batch.
    pub fail_fast: bool,
    /// How long a clip may take.
    pub clip_timeout: Option<Duration>,
    /// Whether inputs are compared by content, not by size and time.
    pub hash: bool,
    /// Whether to verify the checksums of finished results.
    pub verify: bool,
    /// How to report progress.
    pub report: ReportMode,
    /// Whether to print a line for each finished clip, if there is no bar.
    pub clip_lines: bool,
    /// The configuration of a clip's run, with file names that [`BatchConfig::clip`] replaces.
    pub run: RunConfig,
    /// The format of the records.
    pub records: Option<RecordFormat>,
    /// Which maps to write, and how.
    pub maps: Option<BatchMaps>,
    /// All settings, in the format of a settings file.
    pub settings: String,
    /// The command line of a worker process.
    pub worker_line: Vec<OsString>,
}

/// Which maps of each clip to write, and how.
#[derive(Debug, Clone, Copy)]
pub struct BatchMaps {
    /// Which of the three maps.
    pub kind: MapKind,
    /// The file format.
    pub format: MapFormat,
    /// Their size.
    pub size: MapSize,
}

/// Where to look for clips.
#[derive(Debug, Clone)]
pub struct InputConfig {
    /// Videos, and folders to search for videos.
    pub named: Vec<PathBuf>,
    /// A file with more inputs; `-` is standard input.
    pub list: Option<PathBuf>,
    /// Whether inputs in that file end with a NUL byte.
    pub null: bool,
    /// In folders, use only what matches one of these globs, if there are any.
    pub include: Vec<String>,
    /// In folders, skip what matches one of these globs.
    pub exclude: Vec<String>,
}

choices! {
    /// `--records` of a batch.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum RecordFormat {
        /// JSON lines
        Jsonl = "jsonl",
        /// Comma-separated values
        Csv = "csv",
    }
}

impl RecordFormat {
    /// The file's extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }
}

/// File ending of the clip's preview picture.
pub const PICTURE: &str = ".jpg";

impl BatchConfig {
    /// The endings of the files written for each clip.
    pub fn endings(&self) -> Vec<String> {
        let records = self.records.map(|format| format!(".{}", format.extension()));
        let maps = self.maps.map(|_| ".maps".to_owned());
        [Some(".mp4".to_owned()), Some(PICTURE.to_owned()), records, maps].into_iter().flatten().collect()
    }

    /// The configuration of a run on the clip `input`, with results at `stem`.
    ///
    /// # Errors
    /// [`Error::Io`] if the current folder does not exist any more.
    pub fn clip(&self, input: &Path, stem: &Path) -> Result<RunConfig> {
        let named = |ending: &str| {
            let mut name = stem.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        // This makes the name a file's path in any case: `-` or `a:b` is a file here.
        let input = Input::Video(std::path::absolute(input).map_err(Error::io(input))?);
        Ok(RunConfig {
            input,
            output: named(".mp4"),
            format: None,
            records: self.records.map(|format| named(&format!(".{}", format.extension()))),
            maps: self.maps.map(|BatchMaps { kind, format, size }| MapsConfig {
                path: named(".maps"),
                kind,
                size,
                storage: MapStorage::Folder(format),
            }),
            preview: Some(named(PICTURE)),
            ..self.run.clone()
        })
    }
}
