//! All measures by name.

use ndarray::Array2;
use rand::Rng;

use super::{GazeRecord, auc, auc_borji, auc_judd, auc_shuffled, cc, information_gain, kl, nss, sim};
use crate::commands::eval::metric::MapView;

/// The truth for the map of one picture.
#[derive(Debug, Clone, Copy)]
pub struct Truth<'a> {
    /// Where people looked in this picture.
    pub gaze: &'a GazeRecord,
    /// Where they looked in other pictures, scaled to the shape of this one.
    pub others: &'a GazeRecord,
    /// A prediction that does not depend on the picture, such as a centre prior.
    pub baseline: MapView<'a>,
}

/// A measure of a map against fixations.
///
/// Those that need individual fixations (AUC-Judd, AUC-Borji, sAUC of splits) are not defined if only a density was
/// published; NSS, AUC, sAUC and information gain are then weighted by it. CC, SIM and KL need a density.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// [`nss`].
    Nss,
    /// [`cc`].
    Cc,
    /// [`sim`].
    Sim,
    /// [`kl`], in nats.
    Kl,
    /// [`auc`] against all pixels.
    Auc,
    /// [`auc_judd`].
    AucJudd,
    /// [`auc_borji`].
    AucBorji,
    /// [`auc`] against other pictures' fixations.
    AucShuffled,
    /// [`auc_shuffled`].
    AucShuffledSplits,
    /// [`information_gain`], in bits per fixation.
    InformationGain,
}

impl Measure {
    /// All measures, in the order of a table.
    pub const ALL: [Self; 10] = [
        Self::Nss,
        Self::Cc,
        Self::Sim,
        Self::Kl,
        Self::Auc,
        Self::AucJudd,
        Self::AucBorji,
        Self::AucShuffled,
        Self::AucShuffledSplits,
        Self::InformationGain,
    ];

    /// The heading of its column in a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nss => "NSS",
            Self::Cc => "CC",
            Self::Sim => "SIM",
            Self::Kl => "KL",
            Self::Auc => "AUC",
            Self::AucJudd => "AUC-Judd",
            Self::AucBorji => "AUC-Borji",
            Self::AucShuffled => "sAUC",
            Self::AucShuffledSplits => "sAUC (100 splits)",
            Self::InformationGain => "IG",
        }
    }

    /// Whether lower is better.
    pub fn is_distance(self) -> bool {
        self == Self::Kl
    }

    /// The measure of one map; `None` if it is not defined. Only AUC-Borji and the sAUC of splits draw from `random`.
    ///
    /// # Panics
    /// If the rasters do not have the same shape.
    pub fn of(self, map: MapView, truth: &Truth, random: &mut impl Rng) -> Option<f64> {
        let Truth { gaze, others, baseline } = truth;
        let density = gaze.density.as_ref().map(|density| density.view());
        let (weights, fixations) = (gaze.weights(), gaze.fixations.as_deref());
        let weights = weights.as_ref().map(|weights| weights.view());
        match self {
            Self::Nss => nss(map, weights?),
            Self::Cc => cc(map, density?),
            Self::Sim => sim(map, density?),
            Self::Kl => kl(map, density?),
            Self::Auc => auc(map, weights?, Array2::ones(map.dim()).view()),
            Self::AucJudd => auc_judd(map, fixations?),
            Self::AucBorji => auc_borji(map, fixations?, random),
            Self::AucShuffled => auc(map, weights?, others.weights()?.view()),
            Self::AucShuffledSplits => auc_shuffled(map, fixations?, others.fixations.as_deref()?, random),
            Self::InformationGain => information_gain(map, weights?, *baseline),
        }
    }
}
