//! The flags that say which classifier to take, and how it is run and explained.

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
use crate::model::{ExecutionRequest, ModelName, Preprocessing};
use crate::pipeline::keyframes::{KeyFrames, StaticEvery};
use crate::saliency::{Channels, Fit, MethodChoice, ModelConfig, TargetName};
use crate::{Error, Result};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Classifier")]
pub struct ClassifierArgs {
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
    #[arg(long, value_parser = choice::<Preprocessing>(), value_name = "KIND")]
    pub preprocess: Option<Preprocessing>,
    /// Where to compute the gradient
    #[arg(long, value_parser = choice::<DeviceChoice>(), default_value = DeviceChoice::Auto.name())]
    pub device: DeviceChoice,
    /// Arithmetic of the gradient
    #[arg(long, value_parser = choice::<PrecisionChoice>(), default_value = PrecisionChoice::Auto.name())]
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
    #[arg(long, value_parser = choice::<Channels>(), default_value = Channels::Max.name())]
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
    #[arg(long, value_parser = choice::<Fit>(), default_value = Fit::Stretch.name())]
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

impl ClassifierArgs {
    /// On which frames the flags ask for gradients; `default` if they say nothing.
    pub fn key_frames(&self, default: StaticEvery) -> KeyFrames {
        KeyFrames::new(self.static_every.unwrap_or(default), self.fps_target.into())
    }

    /// Which classifier the flags ask for, and how it is to be run and explained.
    pub fn config(self, request: RequestArgs, method: MethodChoice, threads: usize) -> ModelConfig {
        ModelConfig {
            name: self.model,
            card: MetadataFlags { preprocess: self.preprocess, labels: self.labels },
            wish: ExecutionRequest {
                device: self.device.fixed(),
                precision: self.precision.fixed(),
                threads,
                fallback: self.fallback,
                batches: false,
            },
            several: false,
            remeasure: self.remeasure,
            targets: self.target,
            request: request.into(),
            method,
            channels: self.channels,
            fit: self.fit,
        }
    }

    /// How the flags ask for maps to be made.
    ///
    /// # Errors
    /// [`Error::Usage`] for `--raw`, which is no average, with a share of the average.
    pub fn fuse_options(&self, fusion: &FusionArgs) -> Result<FuseOptions> {
        let FusionArgs { fusion: mode, lookahead } = *fusion;
        let default = FuseOptions { mode, lookahead: lookahead.into(), raw: self.raw, ..FuseOptions::default() };
        match self.smooth {
            Some(_) if self.raw => Err(Error::Usage(
                "--smooth is for the average along the motion; --raw shows none: leave one out".into(),
            )),
            Some(smooth) => Ok(FuseOptions { smooth, ..default }),
            None => Ok(default),
        }
    }
}
