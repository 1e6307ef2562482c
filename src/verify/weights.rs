//! Checks that the map changes when the network's weights change.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand_distr::{Distribution, StandardNormal};

use super::maps::is_empty;
use super::{CheckSubject, Verdict, VerifyCheck};
use crate::Result;
use crate::model::ModelSource;
use onnx_grad::Method;
use onnx_grad::onnx::{self, DataType, GraphProto, TensorProto};

/// The types of weights that are randomised.
const WEIGHTS: [DataType; 4] = [DataType::Float, DataType::Double, DataType::Int8, DataType::Uint8];

/// The number of maps computed while more and more layers are randomised.
const STAGES: usize = 6;

/// A map depends too little on the weights if its mean rank correlation during randomisation is
/// above this.
const MIN_CORRELATION_KEPT: f64 = 0.5;

/// Replaces the weights with random ones, from the score towards the image, and compares the maps
/// of one class. `None` if there are no float32 weights.
pub fn randomised(
    source: &ModelSource,
    method: &Method,
    subject: &mut CheckSubject,
    picture: &[f32],
    threads: usize,
) -> Result<Option<VerifyCheck>> {
    let found = subject.run(picture, None)?;
    let before = ranks(&found.gradient);
    let layers = source.graph().map(layers).unwrap_or_default();
    if layers.is_empty() {
        return Ok(None);
    }
    let guided = matches!(method, Method::Guided | Method::GuidedGradCam(_));
    let name = if guided { "random weights, guided" } else { "random weights" };
    if is_empty(&found) {
        let check = VerifyCheck::new(name, 0.0, true, String::new());
        return Ok(Some(check.skipped("the map is empty, so there is nothing to compare")));
    }
    let mut course = Vec::new();
    for stage in 1..=STAGES.min(layers.len()) {
        let lost = &layers[layers.len() - layers.len() * stage / STAGES.min(layers.len())..];
        let changed = source.with_graph(|graph| randomise(graph, lost));
        let mut changed = CheckSubject::open(&changed, method, threads)?;
        let mut after = changed.run(picture, Some(found.class))?;
        // A class that the changed network cannot detect has no map, so the best class is used
        // instead.
        if is_empty(&after) {
            after = changed.run(picture, None)?;
        }
        course.push(correlation(&before, &ranks(&after.gradient)));
    }
    let mean = course.iter().map(|value| value.abs()).sum::<f64>() / course.len() as f64;
    let steps: Vec<_> = course.iter().map(|value| format!("{value:.2}")).collect();
    let count = layers.len();
    let layers = if count == 1 { "1 layer gets".into() } else { format!("{count} layers get") };
    let detail = format!("rank correlation with the map while {layers} random weights: {}", steps.join(" "));
    let mut check = VerifyCheck::new(name, mean, mean < MIN_CORRELATION_KEPT, detail);
    if guided && check.verdict == Verdict::Fail {
        check.verdict = Verdict::Known;
        check.detail += "; guided backpropagation draws edges whatever the network has learned (Adebayo et al. 2018)";
    }
    Ok(Some(check))
}

/// The verdict about random weights, if finite differences do not contradict the gradient: a right gradient can look
/// alike for other weights, as in networks of one layer, where the picture decides its pattern.
pub fn judged(check: VerifyCheck, method: &Method, is_right: bool) -> VerifyCheck {
    if check.verdict != Verdict::Fail || !is_right || *method != Method::Gradient {
        return check;
    }
    let reason = "finite differences do not contradict the gradient, whose pattern depends more on the picture than on \
                  the weights, as in networks of few layers or of 8 bits";
    let detail = format!("{}; {reason}", check.detail);
    check.skipped(&detail)
}

/// The names of the weights with two or more axes, in the order in which nodes read them.
fn layers(graph: &GraphProto) -> Vec<String> {
    let is_weight = |tensor: &&TensorProto| WEIGHTS.contains(&tensor.dtype()) && tensor.dims.len() > 1;
    let weights: Vec<&str> = graph.initializer.iter().filter(is_weight).map(|tensor| tensor.name()).collect();
    let mut names: Vec<String> = Vec::new();
    for name in graph.node.iter().flat_map(onnx::names_read).filter(|name| weights.contains(name)) {
        if !names.iter().any(|known| known == name) {
            names.push(name.into());
        }
    }
    names
}

/// Draws new values with the same mean and standard deviation for the tensors named in `names`.
fn randomise(graph: &mut GraphProto, names: &[String]) {
    let mut seed = 0;
    for tensor in graph.initializer.iter_mut().filter(|tensor| names.iter().any(|name| name == tensor.name())) {
        seed += 1;
        let (Ok(values), Ok(shape)) = (tensor.reals(), tensor.shape()) else { continue };
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        let noise = StandardNormal.sample_iter(SmallRng::seed_from_u64(seed));
        let drawn: Vec<f64> = noise.take(values.len()).map(|noise: f64| mean + deviation * noise).collect();
        *tensor = tensor_of(tensor.name(), tensor.dtype(), &shape, &drawn);
    }
}

/// A tensor of the nearest values that the type has.
fn tensor_of(name: &str, dtype: DataType, shape: &[usize], values: &[f64]) -> TensorProto {
    let bytes = |values: &mut dyn Iterator<Item = u8>| TensorProto::from_raw(name, dtype, shape, values.collect());
    match dtype {
        DataType::Int8 => bytes(&mut values.iter().map(|value| (value.round() as i8).cast_unsigned())),
        DataType::Uint8 => bytes(&mut values.iter().map(|value| value.round() as u8)),
        _ => TensorProto::from_reals(name, dtype, shape, values),
    }
}

/// The rank of each magnitude. Equal values share their mean rank.
fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].abs().total_cmp(&values[*b].abs()));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for equal in order.chunk_by(|a, b| values[*a].abs() == values[*b].abs()) {
        let shared = first as f64 + (equal.len() as f64 - 1.0) / 2.0;
        equal.iter().for_each(|index| ranks[*index] = shared);
        first += equal.len();
    }
    ranks
}

/// Pearson's correlation, which for ranks is Spearman's. 0 if one of the two is constant.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    let size = (product(a, a) * product(b, b)).sqrt();
    if size == 0.0 { 0.0 } else { product(a, b) / size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_looks_at_the_order_of_magnitudes() {
        let of = |a: &[f32], b: &[f32]| correlation(&ranks(a), &ranks(b));
        assert!((of(&[1.0, -2.0, 3.0, 9.0], &[0.1, 0.2, -5.0, 70.0]) - 1.0).abs() < 1e-12);
        assert!((of(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]) + 1.0).abs() < 1e-12);
        assert_eq!(of(&[1.0, 2.0, 3.0], &[0.0; 3]), 0.0);
        assert!((of(&[1.0, 2.0, 2.0, 5.0], &[0.0, 1.0, 1.0, 7.0]) - 1.0).abs() < 1e-12);
    }
}
