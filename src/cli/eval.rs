//! `salstream eval`: its arguments.

use std::path::PathBuf;

use clap::{Args, value_parser};

use super::{FusionArgs, MethodArgs, ModelArgs, ProgressMode, RequestArgs};
use crate::commands::eval::predict::{Named, OwnMap};

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Folder of a data set: DAVIS, MIT1003, SALICON or DHF1K as they are laid out, or frames with --truth
    pub dataset: PathBuf,
    /// Folder of masks: one a frame and of its name, with a sub-folder for each sequence where DATASET has them
    ///
    /// Masks are PNG files of 0 and 255, of 0 and 1, or of palette indices, of which every one but 0 is an object.
    #[arg(long, value_name = "DIR")]
    pub truth: Option<PathBuf>,
    /// This program's maps to score, the first of which all others are compared with
    #[arg(
        long,
        value_enum,
        value_name = "MAP,..",
        value_delimiter = ',',
        default_value = "fused,static,motion,flow,centre,uniform"
    )]
    pub score: Vec<OwnMap>,
    /// Weigh this program's maps by the centre prior c: p = c (1 + p) / 2
    ///
    /// For fixations, which gather in the middle of photographs whatever these show. It is an even mixture of the prior
    /// alone and of its product with the map, so that a map that is 0 excludes nothing. Baselines stay as they are.
    #[arg(long)]
    pub centre_prior: bool,
    /// Another method's maps to score: DIR/SEQUENCE/FRAME.png (8 or 16 bits) or .npy (0 to 1)
    #[arg(long, value_name = "NAME=DIR")]
    pub pred: Vec<Named>,
    /// Take only this sequence; several may be given
    #[arg(long, value_name = "NAME")]
    pub sequence: Vec<String>,
    /// Take only the sequences of a list: a file, or the name of one in the data set's ImageSets, such as val
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// A pixel belongs to the object where the map is at least this
    #[arg(long, value_name = "0..1", default_value_t = 0.55, value_parser = threshold)]
    pub threshold: f64,
    /// Leave out each sequence's first and last frame, as the benchmark of DAVIS does
    #[arg(long)]
    pub skip_ends: bool,
    /// Stretch each map to 0..1 before the measures of saliency (from MAE on), as PySODMetrics does
    #[arg(long)]
    pub stretch: bool,
    /// Overwrite existing results
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Print nothing but the result and errors
    #[arg(short, long)]
    pub quiet: bool,

    /// Write everything, down to each frame, to this file
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub json: Option<PathBuf>,
    /// Write a row for each number: method, sequence, frame, measure, value
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub csv: Option<PathBuf>,
    /// Write a page with curves, sequences, and the best and worst frames: one file, which needs no other
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub html: Option<PathBuf>,
    /// Keep this program's maps, as DIR/MAP/SEQUENCE/FRAME.png of 16 bits: --pred reads them again
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    pub keep_maps: Option<PathBuf>,

    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub request: RequestArgs,
    #[command(flatten)]
    pub method: MethodArgs,
    #[command(flatten)]
    pub fusion: FusionArgs,
    /// Frames a second of the sequences
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = value_parser!(u32).range(1..=1000), help_heading = "Clip")]
    pub fps: u32,

    /// How to report progress on stderr
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto, help_heading = "Running")]
    pub progress: ProgressMode,
    /// Threads for the classifier, OpenCV and scoring, each [default: one per core]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256), help_heading = "Running")]
    pub threads: Option<u16>,
}

fn threshold(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|value| (0.0..=1.0).contains(value)).ok_or_else(|| "must be from 0 to 1".into())
}
