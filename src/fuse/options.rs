//! Options of the fusion.

use super::gradient_average;
use super::modes::Fusion;

/// Options of the fusion.
#[derive(Debug, Clone, Copy)]
pub struct FuseOptions {
    /// How the static and the motion map are fused.
    pub mode: Fusion,
    /// Number of later frames that a frame's fused map takes into account; only in [`Fusion::Adaptive`].
    pub lookahead: usize,
    /// Whether the static map is each key frame's own gradient instead of the average along the flow.
    pub raw: bool,
    /// Share of the gradient average that remains from one frame to the next, 0..=1; 0 uses each frame's own gradient.
    pub smooth: f32,
    /// Whether the input is a single picture: motion has no weight, and the map depends on the gradient alone.
    pub still: bool,
}

impl Default for FuseOptions {
    fn default() -> Self {
        Self { mode: Fusion::Adaptive, lookahead: 0, raw: false, smooth: gradient_average::KEEP, still: false }
    }
}
