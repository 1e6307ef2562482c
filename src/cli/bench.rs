//! `salstream bench`: its flags, and their conversion to a configuration.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, value_parser};
use onnx_grad::{Explain, Request};

use super::choice::choice;
use super::{Cli, Command};
use crate::commands::bench::BenchConfig;
use crate::commands::run::config::RunConfig;
use crate::model::metadata::MetadataFlags;
use crate::model::{ModelName, ModelRequest, Preprocessing};
use crate::platform::machine::cores;
use crate::{Error, Result};

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Clip to time as a whole, with a gradient on every frame and on every fourth; the result is discarded
    pub clip: Option<OsString>,
    /// Classifier: auto, the name of an installed model, or an ONNX file
    #[arg(long, value_name = "NAME|FILE", default_value = "auto")]
    pub model: ModelName,
    /// Pixel values that the model expects
    #[arg(long, value_parser = choice::<Preprocessing>(), value_name = "KIND")]
    pub preprocess: Option<Preprocessing>,
    /// File with the class names, one per line
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
    /// Number of threads for the classifier; OpenCV uses the same number again [default: one per core]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
}

impl TryFrom<BenchArgs> for BenchConfig {
    type Error = Error;

    /// Sets the values that the arguments leave open.
    ///
    /// # Errors
    /// Those of the clip's run configuration.
    fn try_from(args: BenchArgs) -> Result<Self> {
        let threads = args.threads.map_or_else(cores, usize::from);
        let clip = args.clip.map(|clip| usual_run(clip).map(|run| RunConfig { threads, ..run })).transpose()?;
        let metadata = MetadataFlags { preprocess: args.preprocess, labels: args.labels };
        let model = ModelRequest { name: args.model, metadata, request: Request::default(), explain: Explain::Logit };
        Ok(Self { clip, model, threads })
    }
}

/// The configuration of `salstream run CLIP` without any flags.
fn usual_run(clip: OsString) -> Result<RunConfig> {
    let line = ["salstream", "run", "--quiet", "-o", "bench.mp4", "--"].map(OsString::from);
    match Cli::try_parse_from(line.into_iter().chain([clip])).map(|cli| cli.command) {
        Ok(Command::Run(run)) => (*run).try_into(),
        Ok(_) => Err(Error::Usage("the clip cannot be run".into())),
        Err(error) => Err(Error::Usage(error.to_string())),
    }
}
