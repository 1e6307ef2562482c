//! The flags of the fusion.

use clap::{Args, value_parser};

use crate::fuse::Fusion;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Picture")]
pub struct FusionArgs {
    /// How static and motion saliency become one map, by the formulas in docs/fusion.md
    #[arg(long, value_enum, default_value_t = Fusion::Adaptive)]
    pub fusion: Fusion,
    /// Later frames that a frame's map takes into account, with --fusion adaptive
    ///
    /// What they found is carried back along the motion: less flicker, and a shot's first frames have maps too.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = value_parser!(u8).range(0..=16))]
    pub lookahead: u8,
}
