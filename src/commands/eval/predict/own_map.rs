//! The maps that this program makes.

use crate::choice::choices;

choices! {
    /// A map that this program makes.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum OwnMap {
        /// Static and motion saliency combined, as set by --fusion
        Fused = "fused",
        /// Static saliency alone
        Static = "static",
        /// Motion saliency alone
        Motion = "motion",
        /// Length of the optical flow, relative to the longest in its frame, including camera motion
        Flow = "flow",
        /// A Gaussian in the middle, like the fixations of people on photographs (Clarke and Tatler 2014)
        Centre = "centre",
        /// 1 everywhere; its J is the share of the frame that the object covers
        Uniform = "uniform",
        /// No map of this program, only those of --pred
        None = "none",
    }
}

impl OwnMap {
    /// Whether the map is made from the classifier's gradient.
    pub fn needs_classifier(self) -> bool {
        matches!(self, Self::Fused | Self::Static | Self::Motion)
    }

    /// Whether the map depends on what the frames show.
    pub fn sees(self) -> bool {
        self.needs_classifier() || self == Self::Flow
    }
}
