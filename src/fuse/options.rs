//! How to fuse.

use super::gradient_average;
use super::modes::Fusion;

/// How to fuse.
#[derive(Debug, Clone, Copy)]
pub struct FuseOptions {
    /// How the two maps become one.
    pub mode: Fusion,
    /// How many later frames a frame's fused map takes into account; in [`Fusion::Adaptive`] only.
    pub lookahead: usize,
    /// Whether the static map is each key frame's own gradient instead of the average along the flow.
    pub raw: bool,
    /// The part of the gradient's average that stays from one frame to the next, 0..=1; 0 is each frame's own.
    pub smooth: f32,
    /// Whether the input is a single picture, whose map rests on the gradient alone: motion has no weight.
    pub still: bool,
}

impl Default for FuseOptions {
    fn default() -> Self {
        Self { mode: Fusion::Adaptive, lookahead: 0, raw: false, smooth: gradient_average::KEEP, still: false }
    }
}
