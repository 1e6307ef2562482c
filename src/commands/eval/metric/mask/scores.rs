//! All measures of one frame.

use serde::{Deserialize, Serialize};

use super::confusion::Confusion;
use super::{
    Contour, Curve, Scale, above, adaptive_threshold, e_measure, f_measure, mae, otsu, region_similarity, s_measure,
    weighted_f,
};
use crate::commands::eval::metric::{MapView, MaskView};
use crate::{Error, Result};

/// The segmentation scores of a map at a threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segmentation {
    /// Region similarity J, 0..=1.
    pub region: f64,
    /// Boundary accuracy F, 0..=1.
    pub boundary: f64,
}

/// All measures of a map against a mask, or their means over several maps ([`Pool`](super::Pool)).
///
/// If this is a mean, `f_curve.max()` and `f_curve.mean()` are what PySODMetrics reports for a data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// At the fixed threshold.
    pub fixed: Segmentation,
    /// At Otsu's threshold.
    pub otsu: Segmentation,
    /// Region similarity by threshold.
    pub region_curve: Curve,
    /// Mean absolute error.
    pub mae: f64,
    /// F-measure at the adaptive threshold.
    pub f_adaptive: f64,
    /// F-measure by threshold.
    pub f_curve: Curve,
    /// Weighted F-measure.
    pub f_weighted: f64,
    /// S-measure.
    pub s_measure: f64,
    /// E-measure at the adaptive threshold.
    pub e_adaptive: f64,
    /// E-measure by threshold.
    pub e_curve: Curve,
    /// Precision by threshold.
    pub precision: Curve,
    /// Recall by threshold.
    pub recall: Curve,
}

impl Scores {
    /// Measures `map` against `truth`. The segmentation scores are those of the unscaled map, with the pixels of at
    /// least `threshold` (or above Otsu's); the saliency measures, from `mae` on, are those of the map in this `scale`.
    ///
    /// # Errors
    /// An error if the two differ in size or have no pixels, or if OpenCV fails.
    pub fn of(map: MapView, truth: MaskView, threshold: f64, scale: Scale) -> Result<Self> {
        check(map, truth)?;
        let contour = Contour::of(truth)?;
        let segmentation = |found: MaskView| -> Result<Segmentation> {
            let region = region_similarity(&Confusion::of(found, truth));
            Ok(Segmentation { region, boundary: Contour::of(found)?.accuracy(&contour) })
        };
        let region_curve = curve(&Confusion::at_levels(map, truth), region_similarity);
        let scaled = scale.apply(map);
        let levels = Confusion::at_levels(scaled.view(), truth);
        let adaptive = Confusion::at(scaled.view(), truth, adaptive_threshold(scaled.view()));
        Ok(Self {
            fixed: segmentation(above(map, threshold).view())?,
            otsu: segmentation(otsu(map)?.view())?,
            region_curve,
            mae: mae(scaled.view(), truth),
            f_adaptive: f_measure(&adaptive),
            f_curve: curve(&levels, f_measure),
            f_weighted: weighted_f(scaled.view(), truth)?,
            s_measure: s_measure(scaled.view(), truth),
            e_adaptive: e_measure(&adaptive),
            e_curve: curve(&levels, e_measure),
            precision: curve(&levels, Confusion::precision),
            recall: curve(&levels, Confusion::recall),
        })
    }

    /// All numbers in a fixed order.
    pub(super) fn numbers(&mut self) -> impl Iterator<Item = &mut f64> {
        let segmentations = [&mut self.fixed, &mut self.otsu];
        let numbers =
            [&mut self.mae, &mut self.f_adaptive, &mut self.f_weighted, &mut self.s_measure, &mut self.e_adaptive];
        let curves =
            [&mut self.region_curve, &mut self.f_curve, &mut self.e_curve, &mut self.precision, &mut self.recall];
        let segmentations = segmentations.into_iter().flat_map(|one| [&mut one.region, &mut one.boundary]);
        segmentations.chain(numbers).chain(curves.into_iter().flat_map(|curve| &mut curve.0))
    }
}

fn curve(levels: &[Confusion], measure: impl Fn(&Confusion) -> f64) -> Curve {
    Curve(levels.iter().map(measure).collect())
}

fn check(map: MapView, truth: MaskView) -> Result<()> {
    let (of_map, of_truth) = (map.dim(), truth.dim());
    if of_map == of_truth && !map.is_empty() {
        return Ok(());
    }
    let size = |(height, width)| format!("{width} x {height}");
    Err(Error::Usage(format!(
        "a map of {} pixels cannot be measured against a mask of {}: both must have the same size",
        size(of_map),
        size(of_truth)
    )))
}
