//! The flags for the fusion of the maps and for what the picture shows.

use clap::{Args, value_parser};

use super::choice::choice;
use super::values::unit_interval;
use crate::annotate::{Colormap, Layout, Style};
use crate::choice::Choice;
use crate::fuse::Fusion;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Picture")]
pub struct FusionArgs {
    /// How to combine static and motion saliency into one map; docs/fusion.md has the formulas
    #[arg(long, value_parser = choice::<Fusion>(), default_value = Fusion::Adaptive.name())]
    pub fusion: Fusion,
    /// Number of later frames that contribute to a frame's map, with --fusion adaptive; live does not wait for any
    ///
    /// Evidence from later frames is carried back along the motion. This reduces flicker, and gives the first frames of
    /// a shot a map too.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = value_parser!(u8).range(0..=16))]
    pub lookahead: u8,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Picture")]
pub struct PictureArgs {
    #[command(flatten)]
    pub fusion: FusionArgs,
    /// What the result shows
    #[arg(long, value_parser = choice::<Layout>(), default_value = Layout::Overlay.name())]
    pub layout: Layout,
    /// Colours of the maps
    #[arg(long, value_parser = choice::<Colormap>(), default_value = Colormap::Turbo.name())]
    pub colormap: Colormap,
    /// Opacity of the map over the frame, at its brightest points: 0 to 1
    #[arg(long, value_name = "0..1", default_value_t = 0.7, value_parser = unit_interval)]
    pub alpha: f32,
    /// Draw no text (class, probability, time, captions) on the picture
    #[arg(long)]
    pub no_label: bool,
}

impl PictureArgs {
    /// The drawing style that the flags ask for.
    pub fn style(&self) -> Style {
        let Self { layout, colormap, alpha, no_label, .. } = *self;
        Style { layout, colormap, alpha, label: !no_label }
    }
}
