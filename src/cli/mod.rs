//! The command line, and from its arguments to each command's configuration: defaults that depend on other flags, and
//! every rule between flags.

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
mod run;
mod settings;
mod values;

use clap::{Parser, Subcommand};

pub use batch::BatchArgs;
pub use bench::BenchArgs;
pub use eval::EvalArgs;
pub use live::LiveArgs;
pub use manual::{completions, manual};
pub use model::ModelCommand;
pub use run::RunArgs;
pub use settings::{SettingsArgs, parse};

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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
