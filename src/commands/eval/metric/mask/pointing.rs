//! The pointing game.

use crate::commands::eval::metric::{MapView, MaskView};

/// Whether the map's maximum is on the object: 1 or 0. If several pixels share the maximum, it is the share of them on
/// the object, which is the mean result of a random choice. `None` if there is no object, or no pixel.
///
/// The pointing game of Zhang et al. ("Top-down Neural Attention by Excitation Backprop", ECCV 2016). There, a hit may
/// be up to 15 pixels outside the object; here, it must be on it.
pub fn pointing(map: MapView, truth: MaskView) -> Option<f64> {
    if !truth.iter().any(|&object| object) {
        return None;
    }
    let most = map.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let at_most = map.iter().zip(truth).filter(|(value, _)| **value >= most);
    let (hits, all) = at_most.fold((0_u32, 0_u32), |(hits, all), (_, &object)| (hits + u32::from(object), all + 1));
    (all > 0).then(|| f64::from(hits) / f64::from(all))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn a_maximum_hits_or_misses_the_object() {
        let truth = array![[true, true, false], [false, false, false]];
        assert_eq!(pointing(array![[0.1, 0.9, 0.8], [0.0, 0.8, 0.8]].view(), truth.view()), Some(1.0));
        assert_eq!(pointing(array![[0.8, 0.8, 0.8], [0.0, 0.9, 0.8]].view(), truth.view()), Some(0.0));
    }

    #[test]
    fn of_a_shared_maximum_the_share_on_the_object_counts() {
        let truth = array![[true, true, false], [false, false, false]];
        assert_eq!(pointing(array![[1.0, 0.0, 1.0], [1.0, 1.0, 0.5]].view(), truth.view()), Some(0.25));
        let uniform = Array2::zeros((2, 3));
        assert_eq!(pointing(uniform.view(), truth.view()), Some(2.0 / 6.0));
    }

    #[test]
    fn without_an_object_there_is_nothing_to_point_at() {
        assert_eq!(pointing(array![[0.0, 1.0]].view(), array![[false, false]].view()), None);
    }
}
