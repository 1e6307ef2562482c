//! Measures of maps against the mask of an object.
//!
//! Segmentation: region similarity J ([`region_similarity`]) and boundary accuracy F ([`Contour`]) as DAVIS defines
//! them, with the statistics of a sequence ([`SeriesStatistics`]). Saliency: MAE, F-measure, weighted F, S-measure and
//! E-measure as PySODMetrics defines them. Time: the [`warping_error`]. Place: the [`pointing`] game. [`Scores`] has
//! the other scores of a frame.

mod binary;
mod boundary;
mod confusion;
mod curve;
mod e_measure;
mod f_measure;
mod mae;
mod nearest;
mod pointing;
mod pool;
mod region;
mod s_measure;
mod scale;
mod scores;
mod series;
mod warping;
mod weighted_f;

pub use binary::{above, adaptive_threshold, otsu};
pub use boundary::Contour;
pub use confusion::Confusion;
pub use curve::{Curve, LEVELS};
pub use e_measure::e_measure;
pub use f_measure::{BETA_SQUARED, f_measure};
pub use mae::mae;
pub use pointing::pointing;
pub use pool::Pool;
pub use region::region_similarity;
pub use s_measure::s_measure;
pub use scale::Scale;
pub use scores::{Scores, Segmentation};
pub use series::{Protocol, SeriesStatistics};
pub use warping::{FlowView, warping_error};
pub use weighted_f::weighted_f;
