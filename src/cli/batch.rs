//! `salstream batch`: its flags, and their conversion to a configuration.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, value_parser};

use super::choice::choice;
use super::classifier::ClassifierArgs;
use super::clip::{ClipArgs, DataArgs};
use super::method::{MethodArgs, RequestArgs};
use super::picture::PictureArgs;
use super::progress::ProgressMode;
use super::values::span;
use super::{RunArgs, SettingsArgs};
use crate::choice::Choice;
use crate::commands::batch::config::{BatchConfig, BatchMaps, InputConfig, RecordFormat};
use crate::commands::batch::shard::Shard;
use crate::commands::run::config::RunConfig;
use crate::reporting::mode::ReportMode;
use crate::sink::maps::{MapFormat, MapKind, MapSize};
use crate::{Error, Result};

#[derive(Debug, Clone, Args)]
pub struct BatchArgs {
    /// Videos, and folders to search for videos
    pub inputs: Vec<PathBuf>,
    /// Folder for the results: it gets the folder tree of the inputs, with NAME.mp4 and NAME.done.json for each clip
    #[arg(short, long, value_name = "DIR", required_unless_present = "merge")]
    pub output: Option<PathBuf>,
    /// Read more inputs from this file, one per line; - reads standard input
    #[arg(long, value_name = "FILE", help_heading = "Inputs")]
    pub from: Option<PathBuf>,
    /// Inputs in the --from file end with a NUL byte, as `find -print0` writes them
    #[arg(short = '0', long, requires = "from", help_heading = "Inputs")]
    pub null: bool,
    /// In folders, use only videos that match (as in .gitignore); can be repeated
    #[arg(long, value_name = "GLOB", help_heading = "Inputs")]
    pub include: Vec<String>,
    /// In folders, skip videos that match (as in .gitignore); can be repeated
    #[arg(long, value_name = "GLOB", help_heading = "Inputs")]
    pub exclude: Vec<String>,

    /// Cut long clips into segments of this length that run in parallel, and join them: seconds, mm:ss or h:mm:ss
    ///
    /// Clips of up to one and a half times this length stay whole. Segments are equally long, but end at a scene cut if
    /// one is near. Each is processed from a few seconds before its start, so that averages over time are almost the same
    /// as without segments.
    #[arg(long, value_name = "TIME", value_parser = piece, help_heading = "Running")]
    pub split: Option<f64>,
    /// Process only part I of N of the list (I starts at 1), or auto: the part given by Slurm, Kubernetes, SGE or PBS
    ///
    /// Every machine computes the parts from the list alone, balanced by size. The machines do not need to communicate.
    #[arg(long, value_name = "I/N", help_heading = "Running")]
    pub shard: Option<Shard>,
    /// Merge the summaries of all shards in this results folder; fail if a shard or a result is missing
    #[arg(long, value_name = "DIR", conflicts_with_all = ["inputs", "output", "shard"], help_heading = "Running")]
    pub merge: Option<PathBuf>,
    /// Print what would be done and why, and exit
    #[arg(long, help_heading = "Running")]
    pub dry_run: bool,
    /// Number of clips to process at the same time, each in its own worker process: auto, or 1 to 256
    ///
    /// If there is enough work, auto measures which number is fastest, on a clip of the list, once for these settings.
    /// Otherwise, auto uses one worker for every two cores, and at least two.
    #[arg(long, value_name = "auto|N", default_value = "auto", help_heading = "Running")]
    pub jobs: Jobs,
    /// Threads of each worker for the classifier and OpenCV [default: the cores, divided among the workers]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256), help_heading = "Running")]
    pub threads: Option<u16>,
    /// Retry a failed clip up to N times
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = value_parser!(u8).range(0..=20), help_heading = "Running")]
    pub retry: u8,
    /// Stop at the first clip that fails
    #[arg(long, help_heading = "Running")]
    pub fail_fast: bool,
    /// Stop a clip that takes longer than this, and count it as failed: seconds, mm:ss or h:mm:ss
    #[arg(long, value_name = "TIME", value_parser = span, help_heading = "Running")]
    pub timeout_per_clip: Option<f64>,
    /// Detect changed inputs by their content (SHA-256) instead of size and modification time
    #[arg(long, help_heading = "Running")]
    pub hash: bool,
    /// Verify the checksums of finished results, and repeat clips whose files have changed
    #[arg(long, help_heading = "Running")]
    pub verify: bool,
    /// How to report progress on stderr
    #[arg(long, value_parser = choice::<ProgressMode>(), default_value = ProgressMode::Auto.name(), help_heading = "Running")]
    pub progress: ProgressMode,
    /// Print errors only
    #[arg(short, long, help_heading = "Running")]
    pub quiet: bool,
    /// Run as a worker process: clips arrive on standard input
    #[arg(long, hide = true)]
    pub worker: bool,

    #[command(flatten)]
    pub model: ClassifierArgs,
    #[command(flatten)]
    pub request: RequestArgs,
    #[command(flatten)]
    pub method: MethodArgs,
    #[command(flatten)]
    pub picture: PictureArgs,
    #[command(flatten)]
    pub clip: ClipArgs,
    /// Write the records of each clip to NAME.jsonl or NAME.csv, without stage times, which differ from run to run
    #[arg(long, value_parser = choice::<RecordFormat>(), help_heading = "Data")]
    pub records: Option<RecordFormat>,
    /// Write the maps of each clip into the folder NAME.maps/
    #[arg(long, help_heading = "Data")]
    pub maps: bool,
    /// Which map to write
    #[arg(long, value_parser = choice::<MapKind>(), requires = "maps", default_value = MapKind::Fused.name(), help_heading = "Data")]
    pub map: MapKind,
    /// File format of the maps
    #[arg(long, value_parser = choice::<MapFormat>(), requires = "maps", default_value = MapFormat::Png.name(), help_heading = "Data")]
    pub map_format: MapFormat,
    /// Size of the maps
    #[arg(long, value_parser = choice::<MapSize>(), requires = "maps", default_value = MapSize::Source.name(), help_heading = "Data")]
    pub map_size: MapSize,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// `--jobs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jobs {
    /// The number that is fastest.
    Auto,
    /// This number.
    Fixed(u16),
}

impl Jobs {
    /// The requested number; `None` for auto.
    pub fn fixed(self) -> Option<usize> {
        match self {
            Self::Auto => None,
            Self::Fixed(jobs) => Some(jobs.into()),
        }
    }
}

impl FromStr for Jobs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "auto" => Ok(Self::Auto),
            Ok(jobs @ 1..=256) => Ok(Self::Fixed(jobs)),
            _ => Err("must be auto, or 1 to 256".into()),
        }
    }
}

/// The length of a segment.
fn piece(text: &str) -> Result<f64, String> {
    span(text).and_then(|seconds| if seconds >= 1.0 { Ok(seconds) } else { Err("must be at least 1 second".into()) })
}

impl TryFrom<BatchArgs> for BatchConfig {
    type Error = Error;

    /// Sets the values that the arguments leave open.
    ///
    /// # Errors
    /// [`Error::Usage`] if flags contradict each other.
    fn try_from(args: BatchArgs) -> Result<Self> {
        let output = args
            .output
            .clone()
            .ok_or_else(|| Error::Usage("the folder for the results is missing: add -o DIR".into()))?;
        // Flags shared with `salstream run` are checked once, for all clips.
        let run = RunConfig::try_from(args.any_clip())?;
        let report = args.report();
        Ok(Self {
            inputs: InputConfig {
                named: args.inputs,
                list: args.from,
                null: args.null,
                include: args.include,
                exclude: args.exclude,
            },
            output,
            shard: args.shard.unwrap_or(Shard::WHOLE),
            split: args.split,
            dry_run: args.dry_run,
            jobs: args.jobs.fixed(),
            threads: args.threads.map(usize::from),
            retries: args.retry,
            fail_fast: args.fail_fast,
            clip_timeout: args.timeout_per_clip.map(Duration::from_secs_f64),
            hash: args.hash,
            verify: args.verify,
            report,
            clip_lines: args.progress == ProgressMode::Auto,
            run: RunConfig { discard_interrupted: true, timed: false, ..run },
            records: args.records,
            maps: args.maps.then_some(BatchMaps { kind: args.map, format: args.map_format, size: args.map_size }),
            settings: args.settings.text,
            worker_line: args.settings.line,
        })
    }
}

impl BatchArgs {
    /// How to report progress.
    pub fn report(&self) -> ReportMode {
        self.progress.report(self.quiet)
    }

    /// The arguments of `salstream run` for any clip.
    fn any_clip(&self) -> RunArgs {
        RunArgs {
            input: "any.mp4".into(),
            format: None,
            output: Some("any-saliency.mp4".into()),
            yes: true,
            quiet: false,
            model: self.model.clone(),
            request: self.request.clone(),
            method: self.method.clone(),
            picture: self.picture.clone(),
            clip: self.clip.clone(),
            data: DataArgs {
                records: None,
                timeline: None,
                maps: None,
                map: self.map,
                map_format: Some(self.map_format),
                map_dtype: None,
                map_size: self.map_size,
            },
            progress: ProgressMode::Json,
            threads: self.threads,
            settings: SettingsArgs::default(),
        }
    }
}
