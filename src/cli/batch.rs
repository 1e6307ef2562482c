//! The flags of `salstream batch`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum, value_parser};

use super::{
    ClipArgs, DataArgs, MethodArgs, ModelArgs, PictureArgs, ProgressMode, RequestArgs, RunArgs, SettingsArgs, span,
};
use crate::commands::batch::shard::Shard;
use crate::sink::maps::{MapFormat, MapKind};

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
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto, help_heading = "Running")]
    pub progress: ProgressMode,
    /// Print nothing but errors
    #[arg(short, long, help_heading = "Running")]
    pub quiet: bool,
    /// Be one of the processes: clips come on standard input
    #[arg(long, hide = true)]
    pub worker: bool,

    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub request: RequestArgs,
    #[command(flatten)]
    pub method: MethodArgs,
    #[command(flatten)]
    pub picture: PictureArgs,
    #[command(flatten)]
    pub clip: ClipArgs,
    /// Write the records of each clip as NAME.jsonl or NAME.csv, without times, so that they are the same each time
    #[arg(long, value_enum, help_heading = "Data")]
    pub records: Option<RecordFormat>,
    /// Write the maps of each clip into NAME.maps/
    #[arg(long, help_heading = "Data")]
    pub maps: bool,
    /// Which map to write
    #[arg(long, value_enum, requires = "maps", default_value_t = MapKind::Fused, help_heading = "Data")]
    pub map: MapKind,
    /// File format of the maps
    #[arg(long, value_enum, requires = "maps", default_value_t = MapFormat::Png, help_heading = "Data")]
    pub map_format: MapFormat,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// `--records` of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RecordFormat {
    /// JSON lines.
    Jsonl,
    /// Comma-separated values.
    Csv,
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

impl RecordFormat {
    /// The file's extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }
}

impl BatchArgs {
    /// What `salstream run` would be told for one clip.
    pub fn of_clip(
        &self,
        input: OsString,
        output: PathBuf,
        records: Option<PathBuf>,
        maps: Option<PathBuf>,
    ) -> RunArgs {
        RunArgs {
            input,
            output: Some(output),
            yes: true,
            quiet: false,
            model: self.model.clone(),
            request: self.request.clone(),
            method: self.method.clone(),
            picture: self.picture.clone(),
            clip: self.clip.clone(),
            data: DataArgs { records, timeline: None, maps, map: self.map, map_format: self.map_format },
            progress: ProgressMode::Json,
            threads: self.threads,
            settings: SettingsArgs::default(),
        }
    }
}
