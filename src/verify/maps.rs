//! How maps are compared.

use crate::model::Attribution;

/// The cosine of the angle between two maps.
pub fn cosine(a: &Attribution, b: &Attribution) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let (a, b) = (&a.gradient, &b.gradient);
    // Two empty maps agree, such as class activation maps without positive parts.
    match (dot(a, a), dot(b, b)) {
        (0.0, 0.0) => 1.0,
        (0.0, _) | (_, 0.0) => 0.0,
        (size_a, size_b) => dot(a, b) / (size_a * size_b).sqrt(),
    }
}

/// |a - b| / |a|, for maps scaled to the same norm.
pub fn difference(a: &Attribution, b: &Attribution) -> f64 {
    let scaled = |map: &Attribution| -> Vec<f64> {
        let size = norm(&map.gradient);
        map.gradient.iter().map(|value| if size == 0.0 { 0.0 } else { f64::from(*value) / size }).collect()
    };
    scaled(a).iter().zip(&scaled(b)).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

pub fn is_empty(map: &Attribution) -> bool {
    map.gradient.iter().all(|value| *value == 0.0)
}

pub fn norm(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}
