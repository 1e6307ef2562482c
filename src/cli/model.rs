//! `salstream model`: its subcommands and their arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, value_parser};

use super::choice::choice;
use super::device::{DeviceChoice, PrecisionChoice};
use super::method::{MethodArgs, ModelRequestArgs};
use crate::choice::Choice;
use crate::choice::choices;
use crate::commands::model::{GradConfig, InspectConfig, ModelAction, VerifyConfig};
use crate::model::metadata::MetadataFlags;
use crate::model::pull;
use crate::model::runtime::Precision;
use crate::model::{ExecutionRequest, ModelName, ModelRequest, Preprocessing};
use crate::platform::machine::cores;
use crate::{Error, Result};
use onnx_grad::Request;

/// What `salstream model` can do.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// List the models known by name, and which are installed
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Download a model into the models folder
    ///
    /// A download that broke off is resumed. A proxy is taken from HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, exceptions from
    /// NO_PROXY, other trusted certificates from SSL_CERT_FILE.
    Pull(PullArgs),
    /// Say what a model is, and whether its gradient can be had
    ///
    /// Shows inputs, outputs, operators (and which of them pass a gradient), what the model expects of its pixels, its
    /// class names, and where that is known from.
    Inspect(InspectArgs),
    /// Write a classifier together with its input gradient as one ONNX file
    ///
    /// OUT runs in any ONNX Runtime. It keeps the image input and adds `target` (int64, one a picture; -1 = the top
    /// class); its outputs are `scores` (logits), `class` and `gradient` (of the image's shape; what --method says).
    Grad(GradArgs),
    /// Check that a model's maps can be believed: each check with its number and a verdict
    ///
    /// Finite differences of the score, two pictures, two classes, weights randomised layer by layer (Adebayo et al.
    /// 2018), and the device against the CPU; for integrated-gradients, completeness. Ends with 1 where a check fails.
    Verify(VerifyArgs),
}

/// `salstream model grad`.
#[derive(Debug, Args)]
pub struct GradArgs {
    /// The classifier, an ONNX file
    pub input: PathBuf,
    /// The file to write
    #[arg(value_name = "OUT")]
    pub file: PathBuf,
    /// Overwrite OUT
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Pictures at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u16).range(1..=1024))]
    pub batch: u16,
    #[command(flatten)]
    pub request: ModelRequestArgs,
    /// What the model expects of its pixels: tells what black is for integrated-gradients [default: what it says of itself]
    #[arg(long, value_parser = choice::<Preprocessing>(), value_name = "KIND", help_heading = "Classifier")]
    pub preprocess: Option<Preprocessing>,
    #[command(flatten)]
    pub method: MethodArgs,
    /// How the weights are stored; all is computed in 32 bits
    #[arg(long, value_parser = choice::<StoredPrecision>(), default_value = StoredPrecision::F32.name())]
    pub precision: StoredPrecision,
}

choices! {
    /// `--precision` of `salstream model grad`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum StoredPrecision {
        /// As they are
        F32 = "f32",
        /// In half the space
        F16 = "f16",
    }
}

/// `salstream model verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// An ONNX file, an installed model's name, or auto
    #[arg(value_name = "NAME|FILE")]
    pub model: ModelName,
    /// Picture to look at, at most two [default: patterns]
    #[arg(long, value_name = "FILE", num_args = 1)]
    pub image: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Where to compute, against the CPU
    #[arg(long, value_parser = choice::<DeviceChoice>(), default_value = DeviceChoice::Auto.name())]
    pub device: DeviceChoice,
    /// Arithmetic there
    #[arg(long, value_parser = choice::<PrecisionChoice>(), default_value = PrecisionChoice::Auto.name())]
    pub precision: PrecisionChoice,
    /// What the model expects of its pixels
    #[arg(long, value_parser = choice::<Preprocessing>(), value_name = "KIND", help_heading = "Classifier")]
    pub preprocess: Option<Preprocessing>,
    #[command(flatten)]
    pub request: ModelRequestArgs,
    #[command(flatten)]
    pub method: MethodArgs,
}

/// `salstream model pull`.
#[derive(Debug, Args)]
pub struct PullArgs {
    /// A model of `salstream model list`, or with --url a name for your own
    pub name: String,
    /// Take the file from here; several are tried in order
    ///
    /// Under a name that is none of the catalogue's the file becomes a model of your own: `--model NAME` finds it.
    #[arg(long, value_name = "URL")]
    pub url: Vec<String>,
    /// Expect this SHA-256 [default: the catalogue's]
    ///
    /// Without any, the file is only checked to be an ONNX model, and a download that broke off starts anew.
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub sha256: Option<String>,
    /// Replace a file that is there with another checksum
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Give up on a server that is silent for this long, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
}

/// `salstream model inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// An ONNX file, an installed model's name, or auto
    #[arg(value_name = "NAME|FILE")]
    pub model: ModelName,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Class names, one per line
    #[arg(long, value_name = "FILE", help_heading = "Classifier")]
    pub labels: Option<PathBuf>,
    /// What the model expects of its pixels
    #[arg(long, value_parser = choice::<Preprocessing>(), value_name = "KIND", help_heading = "Classifier")]
    pub preprocess: Option<Preprocessing>,
    #[command(flatten)]
    pub request: ModelRequestArgs,
}

impl TryFrom<ModelCommand> for ModelAction {
    type Error = Error;

    /// Settles what the arguments leave open.
    ///
    /// # Errors
    /// [`Error::Usage`] for flags that contradict each other.
    fn try_from(command: ModelCommand) -> Result<Self> {
        Ok(match command {
            ModelCommand::List { json } => Self::List { json },
            ModelCommand::Pull(args) => Self::Pull(pull::Request {
                name: args.name,
                urls: args.url,
                sha256: args.sha256,
                overwrite: args.yes,
                progress: !args.quiet,
                timeout: Duration::from_secs(args.timeout),
            }),
            ModelCommand::Inspect(args) => Self::Inspect(InspectConfig {
                model: ModelRequest {
                    name: args.model,
                    card: MetadataFlags { preprocess: args.preprocess, labels: args.labels },
                    request: args.request.into(),
                },
                json: args.json,
            }),
            ModelCommand::Grad(args) => Self::Grad(args.try_into()?),
            ModelCommand::Verify(args) => Self::Verify(args.try_into()?),
        })
    }
}

impl TryFrom<GradArgs> for GradConfig {
    type Error = Error;

    fn try_from(args: GradArgs) -> Result<Self> {
        Ok(Self {
            model: ModelRequest {
                name: ModelName::File(args.input.clone()),
                card: MetadataFlags { preprocess: args.preprocess, labels: None },
                request: Request { batch: args.batch.into(), ..args.request.into() },
            },
            input: args.input,
            output: args.file,
            overwrite: args.yes,
            method: args.method.choice()?,
            half: args.precision == StoredPrecision::F16,
        })
    }
}

impl TryFrom<VerifyArgs> for VerifyConfig {
    type Error = Error;

    fn try_from(args: VerifyArgs) -> Result<Self> {
        // What is to be verified is the usual arithmetic, unless another one is asked for.
        let precision = args.precision.fixed().or(Some(Precision::F32));
        let wish = ExecutionRequest {
            device: args.device.fixed(),
            precision,
            threads: cores(),
            fallback: false,
            batches: false,
        };
        Ok(Self {
            model: ModelRequest {
                name: args.model,
                card: MetadataFlags { preprocess: args.preprocess, labels: None },
                request: args.request.into(),
            },
            pictures: args.image,
            json: args.json,
            wish,
            method: args.method.choice()?,
        })
    }
}

fn sha256(text: &str) -> Result<String, String> {
    let fits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if fits { Ok(text.to_ascii_lowercase()) } else { Err("must be 64 hexadecimal digits".into()) }
}
