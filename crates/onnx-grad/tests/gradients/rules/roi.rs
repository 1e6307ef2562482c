//! Regions of images.

use super::index::indices;
use super::{Case, IMAGE, KINKED, case, matrix};
use crate::common::Graph;
use onnx_grad::onnx::AttributeProto as A;

/// Three regions, one of them partly outside.
const REGIONS: &[f64] = &[0.6, 1.2, 5.9, 7.3, 2.1, 0.3, 6.6, 2.9, -2.5, 3.1, 3.2, 11.7];

fn attributes(mode: &str, ratio: i64) -> Vec<A> {
    let mut attributes = vec![A::text("mode", mode), A::int("sampling_ratio", ratio), A::float("spatial_scale", 0.9)];
    attributes.extend([A::int("output_height", 2), A::int("output_width", 3)]);
    attributes
}

fn aligned(g: &mut Graph, attributes: Vec<A>) -> String {
    let x = matrix(g, &[2, 2, 9, 6]);
    let (rois, batch) = (g.reals(&[3, 4], REGIONS), indices(g, &[3], &[0, 1, 1]));
    g.node("RoiAlign", &[&x, &rois, &batch], attributes)
}

/// Regions that depend a little on the image.
fn found(g: &mut Graph, attributes: Vec<A>) -> String {
    let x = matrix(g, &[1, 216]);
    let weights: Vec<f64> = g.random.take(216 * 12).into_iter().map(|weight| weight / 50.0).collect();
    let (weights, rois) = (g.reals(&[216, 12], &weights), g.reals(&[1, 12], REGIONS));
    let moved = g.node("MatMul", &[&x, &weights], vec![]);
    let rois = g.node("Add", &[&rois, &moved], vec![]);
    let shape = g.integers(&[3, 4]);
    let rois = g.node("Reshape", &[&rois, &shape], vec![]);
    let x = matrix(g, &[2, 2, 9, 6]);
    let batch = indices(g, &[3], &[0, 1, 1]);
    g.node("RoiAlign", &[&x, &rois, &batch], attributes)
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("RoiAlign", "mean", KINKED, &[16, 20], IMAGE, |g| aligned(g, attributes("avg", 2))),
    case("RoiAlign", "mean, before there was a choice of pixels", KINKED, &[10, 13], IMAGE, |g| aligned(g, attributes("avg", 2))),
    case("RoiAlign", "mean, samples by size", KINKED, &[16, 20], IMAGE, |g| aligned(g, attributes("avg", 0))),
    case("RoiAlign", "mean, not half a pixel", KINKED, &[16, 20], IMAGE, |g| aligned(g, [attributes("avg", 3), vec![A::text("coordinate_transformation_mode", "output_half_pixel")]].concat())),
    case("RoiAlign", "maximum", KINKED, &[16, 20], IMAGE, |g| aligned(g, attributes("max", 2))),
    case("RoiAlign", "maximum, samples by size", KINKED, &[16, 20], IMAGE, |g| aligned(g, attributes("max", 0))),
    case("RoiAlign", "regions that the picture decides", KINKED, &[16, 20], IMAGE, |g| found(g, attributes("avg", 2))),
];
