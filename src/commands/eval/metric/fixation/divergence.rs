//! The Kullback-Leibler divergence.

use super::{EPSILON, GazeView, assert_one_shape, distribution};
use crate::commands::eval::metric::MapView;

/// The Kullback-Leibler divergence of the map from the density, in nats; 0 is best.
///
/// With q the density and p the map, each divided by its sum: the sum of q ln(e + q / (p + e)), where e is MATLAB's
/// `eps`, 2^-52, as in the MIT code. (pysaliency's `MIT_KLDiv` rounds it to 2.2204e-16, which makes a difference in the
/// sixth digit if the map has zeros.) A map of zeros counts as uniform. `None` for a density of zeros.
pub fn kl(map: MapView, density: GazeView) -> Option<f64> {
    assert_one_shape(map, density);
    if density.sum() <= 0.0 {
        return None;
    }
    let (p, q) = (distribution(map), distribution(density));
    Some(p.iter().zip(&q).map(|(p, q)| q * (EPSILON + q / (p + EPSILON)).ln()).sum())
}
