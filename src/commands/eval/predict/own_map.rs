//! The maps that this program makes.

use crate::choice::choices;

choices! {
    /// A map that this program makes.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum OwnMap {
        /// Static and motion saliency together, by --fusion
        Fused = "fused",
        /// Static saliency alone
        Static = "static",
        /// Motion saliency alone
        Motion = "motion",
        /// The length of the optical flow over the longest of its frame, camera included
        Flow = "flow",
        /// A Gaussian in the middle, as people's fixations spread over photographs (Clarke and Tatler 2014)
        Centre = "centre",
        /// 1 everywhere: J is the share of the frame that the object covers
        Uniform = "uniform",
        /// No map of this program's, only those of --pred
        None = "none",
    }
}

impl OwnMap {
    /// Whether it is made from the classifier's gradient.
    pub fn needs_classifier(self) -> bool {
        matches!(self, Self::Fused | Self::Static | Self::Motion)
    }

    /// Whether it depends on what the frames show.
    pub fn sees(self) -> bool {
        self.needs_classifier() || self == Self::Flow
    }
}
