//! `salstream bench`: its arguments.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, value_parser};

use crate::model::{ModelName, Preprocessing};

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Clip that is run as a whole, with a gradient on every frame and on every fourth; its result is thrown away
    pub clip: Option<OsString>,
    /// auto, an installed model's name, or an ONNX file
    #[arg(long, value_name = "NAME|FILE", default_value = "auto")]
    pub model: ModelName,
    /// What the model expects of its pixels
    #[arg(long, value_enum, value_name = "KIND")]
    pub preprocess: Option<Preprocessing>,
    /// Class names, one per line
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Threads for the classifier and OpenCV, each [default: one per core]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
}
