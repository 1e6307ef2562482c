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
use crate::model::pull::{self, wheel::WheelSource};
use crate::model::runtime::Precision;
use crate::model::{ExecutionRequest, ModelName, ModelRequest, Preprocessing};
use crate::platform::machine::cores;
use crate::{Error, Result};
use onnx_grad::{Explain, MAX_SEED, Request};

/// The subcommands of `salstream model`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// List the models known by name, and show which are installed
    List {
        /// Print the list as JSON
        #[arg(long)]
        json: bool,
    },
    /// Download a model into the models folder
    ///
    /// An interrupted download is resumed if the checksum is known; otherwise it starts again. The proxy is read from
    /// HTTPS_PROXY, HTTP_PROXY or ALL_PROXY. Hosts in NO_PROXY are reached without it. If SSL_CERT_FILE is set, its
    /// certificates are trusted instead of those of the system.
    Pull(PullArgs),
    /// Show what a model contains, and whether its gradient can be computed
    ///
    /// Shows the inputs, outputs and operators (and which of them pass a gradient), the pixel values that the model
    /// expects, its class names, and where each of these comes from. For each output that may be the class scores, it
    /// shows what speaks for it and against it.
    Inspect(InspectArgs),
    /// Write a classifier and its input gradient to one ONNX file
    ///
    /// OUT runs in any ONNX Runtime. It keeps the image input and adds the input `target` (int64, one per picture; -1
    /// means the top class, -2 - k means "not class k"). Its outputs are `scores` (logits), `class` and `gradient` (in
    /// the shape of the image; computed by --method).
    Grad(GradArgs),
    /// Check whether a model's maps are trustworthy: each check prints its figure and a verdict
    ///
    /// The checks are: finite differences of the score, two pictures, two classes, weights randomised layer by layer
    /// (Adebayo et al. 2018), the device against the CPU, and completeness for integrated-gradients. A check that says
    /// nothing about this model or picture is skipped, with the reason. The exit status is 1 if a check fails.
    Verify(VerifyArgs),
}

/// `salstream model grad`.
#[derive(Debug, Args)]
pub struct GradArgs {
    /// Classifier to convert, an ONNX file
    pub input: PathBuf,
    /// ONNX file to write
    #[arg(value_name = "OUT")]
    pub file: PathBuf,
    /// Overwrite OUT
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Batch size: number of pictures per run
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u16).range(1..=1024))]
    pub batch: u16,
    #[command(flatten)]
    pub request: ModelRequestArgs,
    /// Pixel values that the model expects; they define black for integrated-gradients [default: from the model]
    #[arg(long, value_parser = choice::<Preprocessing>(), value_name = "KIND", help_heading = "Classifier")]
    pub preprocess: Option<Preprocessing>,
    #[command(flatten)]
    pub method: MethodArgs,
    /// Which random samples smoothgrad, smoothgrad-squared and vargrad draw, the same in every session [default: 0]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(..=i64::from(MAX_SEED)), help_heading = "Method")]
    pub seed: Option<u32>,
    /// Precision in which the weights are stored; everything is computed in 32 bits
    #[arg(long, value_parser = choice::<StoredPrecision>(), default_value = StoredPrecision::F32.name())]
    pub precision: StoredPrecision,
}

choices! {
    /// `--precision` of `salstream model grad`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum StoredPrecision {
        /// 32 bits
        F32 = "f32",
        /// 16 bits, which takes half the space
        F16 = "f16",
    }
}

/// `salstream model verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// ONNX file, name of an installed model, or auto
    #[arg(value_name = "NAME|FILE")]
    pub model: ModelName,
    /// Picture to check with; can be given twice [default: generated patterns]
    #[arg(long, value_name = "FILE", num_args = 1)]
    pub image: Vec<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
    /// Device to check against the CPU
    #[arg(long, value_parser = choice::<DeviceChoice>(), default_value = DeviceChoice::Auto.name())]
    pub device: DeviceChoice,
    /// Floating-point precision on this device
    #[arg(long, value_parser = choice::<PrecisionChoice>(), default_value = PrecisionChoice::Auto.name())]
    pub precision: PrecisionChoice,
    /// Pixel values that the model expects
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
    /// A model of `salstream model list`, or, with --url, a name for your own model
    pub name: String,
    /// Download from this URL; can be repeated, and the URLs are tried in order
    ///
    /// If the name is not in the catalogue, the file becomes your own model: use it with `--model NAME`.
    #[arg(long, value_name = "URL")]
    pub url: Vec<String>,
    /// SHA-256 that the file must have [default: from the catalogue]
    ///
    /// Without a checksum, the only check is that the file is an ONNX model, and an interrupted download starts again
    /// from the beginning.
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub sha256: Option<String>,
    /// Replace an existing file that has another checksum
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Print errors only
    #[arg(short, long)]
    pub quiet: bool,
    /// Give up on a server that sends nothing, or less than 1 kB per second, for this time, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
}

/// `salstream model inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// ONNX file, name of an installed model, or auto
    #[arg(value_name = "NAME|FILE")]
    pub model: ModelName,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
    /// File with the class names, one per line
    #[arg(long, value_name = "FILE", help_heading = "Classifier")]
    pub labels: Option<PathBuf>,
    /// Pixel values that the model expects
    #[arg(long, value_parser = choice::<Preprocessing>(), value_name = "KIND", help_heading = "Classifier")]
    pub preprocess: Option<Preprocessing>,
    #[command(flatten)]
    pub request: ModelRequestArgs,
}

impl TryFrom<ModelCommand> for ModelAction {
    type Error = Error;

    /// Sets the values that the arguments leave open.
    ///
    /// # Errors
    /// [`Error::Usage`] if flags contradict each other.
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
                packages: WheelSource::default(),
            }),
            ModelCommand::Inspect(args) => Self::Inspect(InspectConfig {
                model: ModelRequest {
                    name: args.model,
                    metadata: MetadataFlags { preprocess: args.preprocess, labels: args.labels },
                    request: args.request.into(),
                    explain: Explain::Logit,
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
        let method = args.method.choice()?;
        if args.seed.is_some() && !method.name.is_noisy() {
            return Err(Error::Usage("--seed is for --method smoothgrad, smoothgrad-squared and vargrad".into()));
        }
        Ok(Self {
            model: ModelRequest {
                name: ModelName::File(args.input.clone()),
                metadata: MetadataFlags { preprocess: args.preprocess, labels: None },
                request: Request { batch: args.batch.into(), ..args.request.into() },
                explain: method.explain,
            },
            input: args.input,
            output: args.file,
            overwrite: args.yes,
            method,
            seed: args.seed.unwrap_or(0),
            half: args.precision == StoredPrecision::F16,
        })
    }
}

impl TryFrom<VerifyArgs> for VerifyConfig {
    type Error = Error;

    fn try_from(args: VerifyArgs) -> Result<Self> {
        let method = args.method.choice()?;
        // Verification checks f32, unless another precision is requested.
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
                metadata: MetadataFlags { preprocess: args.preprocess, labels: None },
                request: args.request.into(),
                explain: method.explain,
            },
            pictures: args.image,
            json: args.json,
            wish,
            method,
        })
    }
}

fn sha256(text: &str) -> Result<String, String> {
    let fits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if fits { Ok(text.to_ascii_lowercase()) } else { Err("must be 64 hexadecimal digits".into()) }
}
