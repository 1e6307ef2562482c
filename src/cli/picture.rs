//! The flags that say how maps become one, and what the picture shows.

use clap::{Args, value_parser};

use super::choice::choice;
use super::values::unit_interval;
use crate::annotate::{Colormap, Layout, Style};
use crate::choice::Choice;
use crate::fuse::Fusion;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Picture")]
pub struct FusionArgs {
    /// How static and motion saliency become one map, by the formulas in docs/fusion.md
    #[arg(long, value_parser = choice::<Fusion>(), default_value = Fusion::Adaptive.name())]
    pub fusion: Fusion,
    /// Later frames that a frame's map takes into account, with --fusion adaptive
    ///
    /// What they found is carried back along the motion: less flicker, and a shot's first frames have maps too.
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
    /// Opacity of the map over the frame where it is brightest, 0 to 1
    #[arg(long, value_name = "0..1", default_value_t = 0.7, value_parser = unit_interval)]
    pub alpha: f32,
    /// Leave class, probability, time and captions off the picture
    #[arg(long)]
    pub no_label: bool,
}

impl PictureArgs {
    /// How to draw.
    pub fn style(&self) -> Style {
        let Self { layout, colormap, alpha, no_label, .. } = *self;
        Style { layout, colormap, alpha, label: !no_label }
    }
}
