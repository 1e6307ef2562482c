//! `salstream batch`: its flags, and what they come to.

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
use crate::commands::batch::config::{BatchConfig, InputConfig, RecordFormat};
use crate::commands::batch::shard::Shard;
use crate::commands::run::config::RunConfig;
use crate::reporting::mode::ReportMode;
use crate::sink::maps::{MapFormat, MapKind};
use crate::{Error, Result};

#[derive(Debug, Clone, Args)]
pub struct BatchArgs {
    /// Videos, and folders that are searched for videos
    pub inputs: Vec<PathBuf>,
    /// Folder of the results: the inputs' tree, and for each clip NAME.mp4 and NAME.done.json
    #[arg(short, long, value_name = "DIR", required_unless_present = "merge")]
    pub output: Option<PathBuf>,
    /// Read further inputs from this file, one a line; - is standard input
    #[arg(long, value_name = "FILE", help_heading = "Inputs")]
    pub from: Option<PathBuf>,
    /// The lines of --from end in NUL, as `find -print0` writes them
    #[arg(short = '0', long, requires = "from", help_heading = "Inputs")]
    pub null: bool,
    /// Of folders, take only what matches (as in .gitignore); may be given several times
    #[arg(long, value_name = "GLOB", help_heading = "Inputs")]
    pub include: Vec<String>,
    /// Of folders, leave out what matches (as in .gitignore); may be given several times
    #[arg(long, value_name = "GLOB", help_heading = "Inputs")]
    pub exclude: Vec<String>,

    /// Cut clips longer than this into pieces that run at the same time, and join them: seconds, mm:ss or h:mm:ss
    ///
    /// A piece ends at the scene cut nearest to the mark, if there is one close by. Each is begun a little earlier, so that
    /// what is averaged over time is where it would be without pieces.
    #[arg(long, value_name = "TIME", value_parser = piece, help_heading = "Running")]
    pub split: Option<f64>,
    /// Do this part of the list only: I/N, from 1, or auto: what Slurm, Kubernetes, SGE or PBS say
    ///
    /// Every part is found from the list alone, balanced by size; nobody needs to talk to anybody.
    #[arg(long, value_name = "I/N", help_heading = "Running")]
    pub shard: Option<Shard>,
    /// Make one summary of what all shards left in this folder, and fail if anything is missing
    #[arg(long, value_name = "DIR", conflicts_with_all = ["inputs", "output", "shard"], help_heading = "Running")]
    pub merge: Option<PathBuf>,
    /// Print what would be done, and why, and end
    #[arg(long, help_heading = "Running")]
    pub dry_run: bool,
    /// Clips at a time, each in a process of its own: auto or 1 to 256
    ///
    /// auto takes what is fastest on this machine. Where there is much to do, it is measured on a clip of the list, once for
    /// these settings; else it is one for every two cores, and at least two.
    #[arg(long, value_name = "auto|N", default_value = "auto", help_heading = "Running")]
    pub jobs: Jobs,
    /// Threads of each process for the classifier and OpenCV [default: the cores, shared out]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256), help_heading = "Running")]
    pub threads: Option<u16>,
    /// Try a clip that failed so many times more
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = value_parser!(u8).range(0..=20), help_heading = "Running")]
    pub retry: u8,
    /// End at the first clip that fails
    #[arg(long, help_heading = "Running")]
    pub fail_fast: bool,
    /// Give a clip up after this long: seconds, mm:ss or h:mm:ss
    #[arg(long, value_name = "TIME", value_parser = span, help_heading = "Running")]
    pub timeout_per_clip: Option<f64>,
    /// Know inputs by their content, not by their size and time
    #[arg(long, help_heading = "Running")]
    pub hash: bool,
    /// Look whether finished results still have their checksums
    #[arg(long, help_heading = "Running")]
    pub verify: bool,
    /// How to report progress on stderr
    #[arg(long, value_parser = choice::<ProgressMode>(), default_value = ProgressMode::Auto.name(), help_heading = "Running")]
    pub progress: ProgressMode,
    /// Print nothing but errors
    #[arg(short, long, help_heading = "Running")]
    pub quiet: bool,
    /// Be one of the processes: clips come on standard input
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
    /// Write the records of each clip as NAME.jsonl or NAME.csv, without times, so that they are the same each time
    #[arg(long, value_parser = choice::<RecordFormat>(), help_heading = "Data")]
    pub records: Option<RecordFormat>,
    /// Write the maps of each clip into NAME.maps/
    #[arg(long, help_heading = "Data")]
    pub maps: bool,
    /// Which map to write
    #[arg(long, value_parser = choice::<MapKind>(), requires = "maps", default_value = MapKind::Fused.name(), help_heading = "Data")]
    pub map: MapKind,
    /// File format of the maps
    #[arg(long, value_parser = choice::<MapFormat>(), requires = "maps", default_value = MapFormat::Png.name(), help_heading = "Data")]
    pub map_format: MapFormat,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// `--jobs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jobs {
    /// As many as are fastest.
    Auto,
    /// So many.
    Fixed(u16),
}

impl Jobs {
    /// How many are asked for, `None` for auto.
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

/// The length of a piece.
fn piece(text: &str) -> Result<f64, String> {
    span(text).and_then(|seconds| if seconds >= 1.0 { Ok(seconds) } else { Err("must be at least 1 second".into()) })
}

impl TryFrom<BatchArgs> for BatchConfig {
    type Error = Error;

    /// Settles what the arguments leave open.
    ///
    /// # Errors
    /// [`Error::Usage`] for flags that contradict each other.
    fn try_from(args: BatchArgs) -> Result<Self> {
        let output = args.output.clone().ok_or_else(|| Error::Usage("name the results' folder by -o DIR".into()))?;
        // The flags of a single run are checked once, for all.
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
            run: RunConfig { whole_only: true, timed: false, ..run },
            records: args.records,
            maps: args.maps.then_some((args.map, args.map_format)),
            settings: args.settings.text,
            worker_line: args.settings.line,
        })
    }
}

impl BatchArgs {
    /// How to report.
    pub fn report(&self) -> ReportMode {
        self.progress.report(self.quiet)
    }

    /// What `salstream run` would be told for a clip.
    fn any_clip(&self) -> RunArgs {
        RunArgs {
            input: "any.mp4".into(),
            output: Some("any-saliency.mp4".into()),
            yes: true,
            quiet: false,
            model: self.model.clone(),
            request: self.request.clone(),
            method: self.method.clone(),
            picture: self.picture.clone(),
            clip: self.clip.clone(),
            data: DataArgs { records: None, timeline: None, maps: None, map: self.map, map_format: self.map_format },
            progress: ProgressMode::Json,
            threads: self.threads,
            settings: SettingsArgs::default(),
        }
    }
}
