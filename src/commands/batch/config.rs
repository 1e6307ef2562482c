//! What a batch needs to know.

use super::shard::Shard;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::choice::choices;
use crate::commands::run::config::{MapsConfig, RunConfig};
use crate::reporting::mode::ReportMode;
use crate::sink::maps::{MapFormat, MapKind};
use crate::source::Input;
use crate::{Error, Result};

/// Everything that `salstream batch` needs to know.
#[derive(Debug, Clone)]
pub struct BatchConfig {
    /// Where clips are looked for.
    pub inputs: InputConfig,
    /// The folder of the results.
    pub output: PathBuf,
    /// Which part of the list is worked on.
    pub shard: Shard,
    /// Seconds of the pieces that long clips are cut into.
    pub split: Option<f64>,
    /// Whether the plan is only printed.
    pub dry_run: bool,
    /// How many workers; `None` chooses.
    pub jobs: Option<usize>,
    /// Threads of each worker; `None` shares the cores out.
    pub threads: Option<usize>,
    /// How often a clip that failed is tried again.
    pub retries: u8,
    /// Whether the first clip that fails ends the batch.
    pub fail_fast: bool,
    /// How long a clip may take.
    pub clip_timeout: Option<Duration>,
    /// Whether inputs are known by their content, not by their size and time.
    pub hash: bool,
    /// Whether the checksums of finished results are checked.
    pub verify: bool,
    /// How to report.
    pub report: ReportMode,
    /// Whether there is a line for each clip that ends, if there is no bar.
    pub clip_lines: bool,
    /// A clip's run, with names that [`BatchConfig::clip`] replaces.
    pub run: RunConfig,
    /// The format of the records.
    pub records: Option<RecordFormat>,
    /// Which maps to write, and how.
    pub maps: Option<(MapKind, MapFormat)>,
    /// All settings in the form of a settings file.
    pub settings: String,
    /// The command line of a worker.
    pub worker_line: Vec<OsString>,
}

/// Where clips are looked for.
#[derive(Debug, Clone)]
pub struct InputConfig {
    /// Videos, and folders that are searched for videos.
    pub named: Vec<PathBuf>,
    /// A file of further inputs; `-` is standard input.
    pub list: Option<PathBuf>,
    /// Whether the lines of that file end in NUL.
    pub null: bool,
    /// Of folders, take only what matches one of these globs, if there are any.
    pub include: Vec<String>,
    /// Of folders, leave out what matches one of these globs.
    pub exclude: Vec<String>,
}

choices! {
    /// `--records` of a batch.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum RecordFormat {
        /// JSON lines.
        Jsonl = "jsonl",
        /// Comma-separated values.
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

/// Ending of the small pictures' file.
pub const PICTURE: &str = ".jpg";

impl BatchConfig {
    /// The endings of what is written for each clip.
    pub fn endings(&self) -> Vec<String> {
        let records = self.records.map(|format| format!(".{}", format.extension()));
        let maps = self.maps.map(|_| ".maps".to_owned());
        [Some(".mp4".to_owned()), Some(PICTURE.to_owned()), records, maps].into_iter().flatten().collect()
    }

    /// The run of the clip `input`, whose results lie at `stem`.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no current folder any more.
    pub fn clip(&self, input: &Path, stem: &Path) -> Result<RunConfig> {
        let named = |ending: &str| {
            let mut name = stem.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        // A file's path, whatever it looks like: `-` or `a:b` is a file here.
        let input = Input::Video(std::path::absolute(input).map_err(Error::io(input))?);
        Ok(RunConfig {
            input,
            output: named(".mp4"),
            records: self.records.map(|format| named(&format!(".{}", format.extension()))),
            maps: self.maps.map(|(kind, format)| MapsConfig { folder: named(".maps"), kind, format }),
            preview: Some(named(PICTURE)),
            ..self.run.clone()
        })
    }
}
