//! The command line. Every value is parsed into a domain type here; rules between flags are in `config.rs`.

mod batch;
mod bench;
mod device;
mod eval;
mod fusion;
mod live;
mod method;
pub mod model;
mod settings;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};

pub use batch::{BatchArgs, RecordFormat};
pub use bench::BenchArgs;
pub use device::{DeviceChoice, PrecisionChoice};
pub use eval::EvalArgs;
pub use fusion::FusionArgs;
pub use live::LiveArgs;
pub use method::{MethodArgs, ModelRequestArgs, RequestArgs};
pub use model::{GradArgs, ModelCommand};
pub use settings::{SettingsArgs, parse};

use crate::annotate::{Colormap, Layout};
use crate::model::{ModelName, Preprocessing};
use crate::pipeline::keyframes::StaticEvery;
use crate::saliency::{Channels, Fit, TargetName};
use crate::sink::maps::{MapFormat, MapKind};

/// See what catches the eye in a video.
///
/// Finds where a classifier's score depends on the picture (its input gradient) and what moves against the camera,
/// fuses both, and draws them over the frames.
#[derive(Debug, Parser)]
#[command(name = "salstream", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Turn a video, an image or a folder of frames into an annotated one
    Run(Box<RunArgs>),
    /// Turn many clips into annotated ones; the same command again goes on where it was
    ///
    /// A clip is done when its NAME.done.json says so and what it speaks of is there; a file that merely exists is not.
    /// Clips run in processes of their own: one that crashes costs its clip only.
    Batch(Box<BatchArgs>),
    /// Watch a camera or a stream: in a window, on a web page, recorded
    ///
    /// Always the present moment: where there is too little time, frames are left out and never queued, and the picture
    /// does not wait for the classifier.
    Live(Box<LiveArgs>),
    /// Measure maps against a data set: this program's, plain baselines, other methods'
    ///
    /// Against masks it prints region similarity J and boundary accuracy F (DAVIS), MAE, F-, S- and E-measure
    /// (PySODMetrics) and the error along the flow; against fixations NSS, CC, SIM, KL, AUCs and information gain. Each is
    /// the mean over sequences. Then follow J (NSS) of each sequence with a 95 % bootstrap interval, and how the first
    /// method compares with every other (sign-flip test). All frames count, the first too.
    Eval(Box<EvalArgs>),
    /// Measure how fast this machine is: each device and arithmetic, and a clip as a whole
    Bench(BenchArgs),
    /// Work with classifier models
    #[command(subcommand)]
    Model(ModelCommand),
    /// Say what is installed, what is missing, and how to mend it
    Doctor,
    /// Print a completion script for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the manual page (roff)
    Man,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Video file, image, folder of frames, numbered pattern (frame_%04d.png), or URL
    pub input: OsString,
    /// Result: .mp4, .mkv or .mov for a video, .png or .jpg for an image [default: NAME-saliency.mp4 or .png, here]
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Overwrite existing results
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,

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
    #[command(flatten)]
    pub data: DataArgs,

    /// How to report progress on stderr
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto, help_heading = "Running")]
    pub progress: ProgressMode,
    /// Threads for the classifier and OpenCV, each [default: one per core]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256), help_heading = "Running")]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

impl Command {
    /// The settings' part, where this command has one.
    pub fn settings(&mut self) -> Option<&mut SettingsArgs> {
        match self {
            Self::Run(args) => Some(&mut args.settings),
            Self::Batch(args) => Some(&mut args.settings),
            Self::Live(args) => Some(&mut args.settings),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Classifier")]
pub struct ModelArgs {
    /// auto, an installed model's name, or an ONNX file
    ///
    /// auto takes resnet50 where it is installed, else efficientnet-lite0; `salstream model list` lists all names.
    #[arg(long, value_name = "NAME|FILE", default_value = "auto")]
    pub model: ModelName,
    /// Class names of an ONNX file, one per line [default: its sidecar's, its own, or ImageNet's]
    ///
    /// What is not said by a flag is read from FILE.toml beside FILE.onnx, then from the metadata inside FILE.onnx, then
    /// from the catalogue by the file's name, and else guessed; `salstream model inspect` shows the result.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// What an ONNX file expects of its pixels [default: its sidecar's word, its own, or imagenet]
    #[arg(long, value_enum, value_name = "KIND")]
    pub preprocess: Option<Preprocessing>,
    /// Where to compute the gradient
    #[arg(long, value_enum, default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,
    /// Arithmetic of the gradient
    #[arg(long, value_enum, default_value_t = PrecisionChoice::Auto)]
    pub precision: PrecisionChoice,
    /// Take another device where the one asked for is missing or fails, and say so
    #[arg(long)]
    pub fallback: bool,
    /// Measure anew which device and arithmetic are fastest
    ///
    /// It is measured once for each model, machine and version of ONNX Runtime, and kept.
    #[arg(long)]
    pub remeasure: bool,
    /// Class to explain: top1, locked, frequent, an id, or a name; several for --layout grid
    ///
    /// top1 is each frame's best class; one that is shown stays until another is twice as probable. locked is the first
    /// frame's best class throughout, frequent the one that is best in most frames (the clip is read twice). Given
    /// several times, each class has its own map in the grid; the first one is fused with the motion.
    #[arg(long, value_name = "CLASS", default_value = "top1")]
    pub target: Vec<TargetName>,
    /// How the gradient's colour channels become one map
    #[arg(long, value_enum, default_value_t = Channels::Max)]
    pub channels: Channels,
    /// Show each frame's own gradient, not averaged along the motion: the method's classic picture
    #[arg(long)]
    pub raw: bool,
    /// Part of the static map that stays from one frame to the next, carried along the motion [default: 0.9]
    ///
    /// 0 is each frame's own gradient, blurred and normalised; 1 is the first one of each shot. --raw goes without it.
    #[arg(long, value_name = "0..1", value_parser = unit_interval)]
    pub smooth: Option<f32>,
    /// How a frame fills the classifier's picture
    ///
    /// Maps cover exactly the frame either way.
    #[arg(long, value_enum, default_value_t = Fit::Stretch)]
    pub fit: Fit,
    /// Compute the gradient on every Nth frame and carry it along the motion in between [default: 1; live: auto]
    ///
    /// auto takes as many gradients as --fps-target leaves time for; what comes out then depends on this machine's speed.
    #[arg(long, value_name = "N|auto")]
    pub static_every: Option<StaticEvery>,
    /// Frames a second that --static-every auto keeps to
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = value_parser!(u32).range(1..=1000))]
    pub fps_target: u32,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Picture")]
pub struct PictureArgs {
    #[command(flatten)]
    pub fusion: FusionArgs,
    /// What the result shows
    #[arg(long, value_enum, default_value_t = Layout::Overlay)]
    pub layout: Layout,
    /// Colours of the maps
    #[arg(long, value_enum, default_value_t = Colormap::Turbo)]
    pub colormap: Colormap,
    /// Opacity of the map over the frame where it is brightest, 0 to 1
    #[arg(long, value_name = "0..1", default_value_t = 0.7, value_parser = unit_interval)]
    pub alpha: f32,
    /// Leave class, probability, time and captions off the picture
    #[arg(long)]
    pub no_label: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Clip")]
pub struct ClipArgs {
    /// Skip to this moment: seconds, mm:ss or h:mm:ss
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub start: Option<f64>,
    /// Stop after this long: seconds, mm:ss or h:mm:ss
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub duration: Option<f64>,
    /// Frames a second of a folder or pattern of images [default: 25]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=1000))]
    pub fps: Option<u32>,
    /// Leave the sound out
    #[arg(long)]
    pub no_audio: bool,
    /// Quality of the video: 0 (lossless) to 51 (worst)
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u8).range(0..=51))]
    pub crf: u8,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Data")]
pub struct DataArgs {
    /// Write one record per frame (class, probability, map statistics, times) to .jsonl or .csv
    #[arg(long, value_name = "FILE")]
    pub records: Option<PathBuf>,
    /// Draw static, motion and fused energy over the whole clip, cuts marked, above frames of the result: .png, .jpg
    #[arg(long, value_name = "FILE")]
    pub timeline: Option<PathBuf>,
    /// Write one map per frame into this folder, named by its index, at the source's size
    #[arg(long, value_name = "DIR")]
    pub maps: Option<PathBuf>,
    /// Which map to write
    #[arg(long, value_enum, requires = "maps", default_value_t = MapKind::Fused)]
    pub map: MapKind,
    /// File format of the maps
    #[arg(long, value_enum, requires = "maps", default_value_t = MapFormat::Png)]
    pub map_format: MapFormat,
}

/// `--progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// A bar on a terminal, else notes and the closing line
    Auto,
    /// One JSON object per line, for other programs
    Json,
    /// Notes and the closing line
    None,
}

fn unit_interval(text: &str) -> Result<f32, String> {
    text.parse().ok().filter(|value| (0.0..=1.0).contains(value)).ok_or_else(|| "must be from 0 to 1".into())
}

/// Seconds from `12.5`, `1:02.5` or `1:00:02`.
fn moment(text: &str) -> Result<f64, String> {
    let problem = || "must be seconds or [h:]mm:ss, such as 12.5 or 1:02".to_string();
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 3 {
        return Err(problem());
    }
    let number = |part: &&str| part.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
    let numbers: Option<Vec<f64>> = parts.iter().map(number).collect();
    let seconds = numbers.ok_or_else(problem)?.iter().fold(0.0, |seconds, part| seconds * 60.0 + part);
    if seconds.is_finite() { Ok(seconds) } else { Err(problem()) }
}

/// A moment that is not 0.
fn span(text: &str) -> Result<f64, String> {
    moment(text).and_then(|seconds| if seconds > 0.0 { Ok(seconds) } else { Err("must be longer than 0".into()) })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn moments_are_seconds_or_clock_times() {
        assert_eq!(["12.5", "1:02.5", "1:00:02"].map(|text| moment(text).unwrap()), [12.5, 62.5, 3602.0]);
        for text in ["", "x", "-1", "1:2:3:4", "inf", "1::2", "1e308:0"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
