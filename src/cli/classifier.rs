//! The flags for the classifier: which one, and how to run and explain it.

use std::path::PathBuf;

use clap::{Args, value_parser};

use super::choice::choice;
use super::device::{DeviceChoice, PrecisionChoice};
use super::method::RequestArgs;
use super::picture::FusionArgs;
use super::values::unit_interval;
use crate::choice::Choice;
use crate::fuse::FuseOptions;
use crate::model::metadata::MetadataFlags;
use crate::model::{ClassifierRequest, ExecutionRequest, ModelName, ModelRequest, Preprocessing};
use crate::pipeline::keyframes::{KeyFrames, StaticEvery};
use crate::saliency::{Channels, Fit, MethodChoice, ModelConfig, TargetName};
use crate::{Error, Result};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Classifier")]
pub struct ClassifierArgs {
    /// Classifier: auto, the name of an installed model, or an ONNX file
    ///
    /// auto uses resnet50 if it is installed, else efficientnet-lite0. `salstream model list` lists all names.
    #[arg(long, value_name = "NAME|FILE", default_value = "auto")]
    pub model: ModelName,
    /// File with the class names of the model, one per line [default: from the model, else ImageNet's]
    ///
    /// If --labels or --preprocess is missing, its value is read from FILE.toml beside FILE.onnx, then from the
    /// metadata inside FILE.onnx, then from the catalogue of known models (by file name). If none has it, it is
    /// guessed. `salstream model inspect` shows the result.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Pixel values that the model expects [default: from the model, else a guess]
    #[arg(long, value_parser = choice::<Preprocessing>(), value_name = "KIND")]
    pub preprocess: Option<Preprocessing>,
    /// Device that computes the gradient
    #[arg(long, value_parser = choice::<DeviceChoice>(), default_value = DeviceChoice::Auto.name())]
    pub device: DeviceChoice,
    /// Floating-point precision of the gradient
    #[arg(long, value_parser = choice::<PrecisionChoice>(), default_value = PrecisionChoice::Auto.name())]
    pub precision: PrecisionChoice,
    /// Use another device if the requested one is missing or fails, and report it
    #[arg(long)]
    pub fallback: bool,
    /// Measure again which device and precision are fastest
    ///
    /// Without this flag, they are measured once per model, machine and version of ONNX Runtime, and the choice is
    /// stored. `salstream batch` also measures the number of workers again.
    #[arg(long)]
    pub remeasure: bool,
    /// Class to explain: top1, locked, frequent, a class id or name, or -NAME; can be repeated with --layout grid
    ///
    /// top1 explains the best class of each frame; a class that is shown stays until another one is twice as probable.
    /// locked keeps the best class of the first frame. frequent takes the class that is best in most frames (and reads
    /// the clip twice, so it is not for live). If the flag is repeated, the grid shows one map per class; the first
    /// class is fused with the motion.
    ///
    /// -NAME explains "not NAME": what speaks against the class. A model with one score has the classes 0 (negative)
    /// and 1 (positive).
    #[arg(long, value_name = "CLASS", default_value = "top1", allow_hyphen_values = true)]
    pub target: Vec<TargetName>,
    /// How to combine the gradient's colour channels into one map
    #[arg(long, value_parser = choice::<Channels>(), default_value = Channels::Max.name())]
    pub channels: Channels,
    /// Show each frame's own gradient, without averaging along the motion: the classic figure of the method
    #[arg(long)]
    pub raw: bool,
    /// Share of the static map that is kept from one frame to the next, carried along the motion [default: 0.9]
    ///
    /// With 0, each frame shows its own gradient, blurred and normalised. With 1, a shot keeps its first map. Cannot be
    /// combined with --raw.
    #[arg(long, value_name = "0..1", value_parser = unit_interval)]
    pub smooth: Option<f32>,
    /// How to fit a frame into the classifier's input picture
    ///
    /// The maps cover exactly the frame in both cases.
    #[arg(long, value_parser = choice::<Fit>(), default_value = Fit::Stretch.name())]
    pub fit: Fit,
    /// Compute the gradient on every Nth frame, and carry it along the motion in between [default: 1; live: auto]
    ///
    /// auto computes as many gradients as --fps-target allows. The result then depends on the speed of this machine.
    #[arg(long, value_name = "N|auto")]
    pub static_every: Option<StaticEvery>,
    /// Frames per second that --static-every auto aims for
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = value_parser!(u32).range(1..=1000))]
    pub fps_target: u32,
}

impl ClassifierArgs {
    /// The frames on which the flags ask for gradients; `default` if no flag says it.
    pub fn key_frames(&self, default: StaticEvery) -> KeyFrames {
        KeyFrames::new(self.static_every.unwrap_or(default), self.fps_target.into())
    }

    /// The classifier that the flags ask for, and how to run and explain it.
    pub fn config(self, request: RequestArgs, method: MethodChoice, threads: usize) -> ModelConfig {
        let model = ModelRequest {
            name: self.model,
            metadata: MetadataFlags { preprocess: self.preprocess, labels: self.labels },
            request: request.into(),
            explain: method.explain,
        };
        let execution = ExecutionRequest {
            device: self.device.fixed(),
            precision: self.precision.fixed(),
            threads,
            fallback: self.fallback,
            batches: false,
        };
        ModelConfig {
            classifier: ClassifierRequest { model, execution, remeasure: self.remeasure },
            several: false,
            targets: self.target,
            method,
            channels: self.channels,
            fit: self.fit,
        }
    }

    /// How to make maps, according to the flags.
    ///
    /// # Errors
    /// [`Error::Usage`] if `--raw`, which averages nothing, comes with `--smooth`.
    pub fn fuse_options(&self, fusion: &FusionArgs) -> Result<FuseOptions> {
        let FusionArgs { fusion: mode, lookahead } = *fusion;
        let default = FuseOptions { mode, lookahead: lookahead.into(), raw: self.raw, ..FuseOptions::default() };
        match self.smooth {
            Some(_) if self.raw => Err(Error::Usage(
                "--smooth sets the average along the motion, and --raw shows no average: remove one of them".into(),
            )),
            Some(smooth) => Ok(FuseOptions { smooth, ..default }),
            None => Ok(default),
        }
    }
}
