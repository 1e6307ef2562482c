//! Resampling.

use super::{Case, FROM_11, IMAGE, LINEAR, case, matrix};
use crate::common::Graph;
use onnx_grad::onnx::{AttributeProto as A, DataType, TensorProto};

const FROM_10: &[i64] = &[10, 11, 13, 18, 19, 22];
const FROM_18: &[i64] = &[18, 19, 22];
/// Height doubled, width times 1.5.
const LARGER: &[f64] = &[1.0, 1.0, 2.0, 1.5];
/// Height two thirds, width half.
const SMALLER: &[f64] = &[1.0, 1.0, 2.0 / 3.0, 0.5];

fn factors(g: &mut Graph, values: &[f64]) -> String {
    let name = format!("scales{}", g.initializers.len());
    g.initializers.push(TensorProto::from_reals(&name, DataType::Float, &[values.len()], values));
    name
}

fn scaled(g: &mut Graph, scales: &[f64], mode: &str, mut attributes: Vec<A>) -> String {
    let scales = factors(g, scales);
    attributes.push(A::text("mode", mode));
    if g.opset < 11 {
        return g.node("Resize", &["image", &scales], attributes);
    }
    let none = factors(g, &[]);
    g.node("Resize", &["image", &none, &scales], attributes)
}

/// Region and scales are empty, as opset 11 required.
fn to_sizes(g: &mut Graph, input: &str, sizes: &[i64], attributes: Vec<A>) -> String {
    let (none, sizes) = (factors(g, &[]), g.integers(sizes));
    g.node("Resize", &[input, &none, &none, &sizes], attributes)
}

fn sized(g: &mut Graph, sizes: &[i64], mode: &str, mut attributes: Vec<A>) -> String {
    attributes.push(A::text("mode", mode));
    to_sizes(g, "image", sizes, attributes)
}

fn placed(g: &mut Graph, sizes: &[i64], mode: &str, places: &str) -> String {
    sized(g, sizes, mode, vec![A::text("coordinate_transformation_mode", places)])
}

fn rounded(g: &mut Graph, scales: &[f64], rounding: &str) -> String {
    scaled(g, scales, "nearest", vec![A::text("nearest_mode", rounding)])
}

/// Sizes that the graph computes, as exporters write them.
fn computed(g: &mut Graph) -> String {
    let shape = g.node("Shape", &["image"], vec![]);
    let twice = g.integers(&[1, 1, 2, 3]);
    let sizes = g.node("Mul", &[&shape, &twice], vec![]);
    let none = factors(g, &[]);
    g.node("Resize", &["image", &none, &none, &sizes], vec![A::text("mode", "linear")])
}

fn upsample(g: &mut Graph, mode: &str) -> String {
    if g.opset < 9 {
        let scales =
            A { name: Some("scales".into()), r#type: Some(6), floats: vec![1.0, 1.0, 2.0, 1.5], ..A::default() };
        return g.node("Upsample", &["image"], vec![A::text("mode", mode), scales]);
    }
    let scales = factors(g, LARGER);
    g.node("Upsample", &["image", &scales], vec![A::text("mode", mode)])
}

/// Sizes of height and width of which one is a limit.
fn kept(g: &mut Graph, policy: &str, kind: &str, sizes: &[i64]) -> String {
    sized(g, sizes, kind, vec![A::ints("axes", &[2, 3]), A::text("keep_aspect_ratio_policy", policy)])
}

/// A part of the image, some of it outside.
fn cropped(g: &mut Graph, kind: &str, sizes: &[i64]) -> String {
    let roi = factors(g, &[0.0, 0.0, 0.3, -0.2, 1.0, 1.0, 0.8, 0.7]);
    let (none, sizes) = (factors(g, &[]), g.integers(sizes));
    let attributes = vec![
        A::text("mode", kind),
        A::text("coordinate_transformation_mode", "tf_crop_and_resize"),
        A::float("extrapolation_value", 7.0),
    ];
    g.node("Resize", &["image", &roi, &none, &sizes], attributes)
}

fn smoothed(g: &mut Graph, kind: &str, sizes: &[i64], mut attributes: Vec<A>) -> String {
    attributes.push(A::int("antialias", 1));
    sized(g, sizes, kind, attributes)
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("Upsample", "nearest", LINEAR, &[7, 8, 9], IMAGE, |g| upsample(g, "nearest")),
    case("Upsample", "linear", LINEAR, &[7, 8, 9], IMAGE, |g| upsample(g, "linear")),
    case("Resize", "nearest, larger", LINEAR, FROM_10, IMAGE, |g| scaled(g, LARGER, "nearest", vec![])),
    case("Resize", "nearest, smaller", LINEAR, FROM_10, IMAGE, |g| scaled(g, SMALLER, "nearest", vec![])),
    case("Resize", "nearest, whole factors", LINEAR, FROM_10, IMAGE, |g| scaled(g, &[1.0, 1.0, 2.0, 3.0], "nearest", vec![])),
    case("Resize", "linear, larger", LINEAR, FROM_10, IMAGE, |g| scaled(g, LARGER, "linear", vec![])),
    case("Resize", "linear, smaller", LINEAR, FROM_10, IMAGE, |g| scaled(g, SMALLER, "linear", vec![])),
    case("Resize", "scales that do not fill the size", LINEAR, FROM_11, IMAGE, |g| scaled(g, &[1.0, 1.0, 1.3, 0.7], "linear", vec![])),
    case("Resize", "nearest, sizes", LINEAR, FROM_11, IMAGE, |g| sized(g, &[1, 3, 14, 5], "nearest", vec![])),
    case("Resize", "linear, sizes", LINEAR, FROM_11, IMAGE, |g| sized(g, &[1, 3, 14, 5], "linear", vec![])),
    case("Resize", "computed sizes", LINEAR, FROM_11, IMAGE, computed),
    case("Resize", "round_prefer_ceil", LINEAR, FROM_11, IMAGE, |g| rounded(g, LARGER, "round_prefer_ceil")),
    case("Resize", "round_prefer_ceil, smaller", LINEAR, FROM_11, IMAGE, |g| rounded(g, SMALLER, "round_prefer_ceil")),
    case("Resize", "floor", LINEAR, FROM_11, IMAGE, |g| rounded(g, LARGER, "floor")),
    case("Resize", "ceil", LINEAR, FROM_11, IMAGE, |g| rounded(g, SMALLER, "ceil")),
    case("Resize", "nearest, asymmetric, floor: PyTorch's", LINEAR, FROM_11, IMAGE, |g| scaled(g, LARGER, "nearest", vec![A::text("coordinate_transformation_mode", "asymmetric"), A::text("nearest_mode", "floor")])),
    case("Resize", "align_corners", LINEAR, FROM_11, IMAGE, |g| placed(g, &[1, 3, 14, 5], "linear", "align_corners")),
    case("Resize", "align_corners, to one", LINEAR, FROM_11, IMAGE, |g| placed(g, &[1, 3, 1, 5], "linear", "align_corners")),
    case("Resize", "asymmetric", LINEAR, FROM_11, IMAGE, |g| placed(g, &[1, 3, 14, 5], "linear", "asymmetric")),
    case("Resize", "pytorch_half_pixel", LINEAR, FROM_11, IMAGE, |g| placed(g, &[1, 3, 1, 12], "linear", "pytorch_half_pixel")),
    case("Resize", "tf_half_pixel_for_nn", LINEAR, &[11, 12], IMAGE, |g| placed(g, &[1, 3, 14, 5], "nearest", "tf_half_pixel_for_nn")),
    case("Resize", "half_pixel_symmetric", LINEAR, &[19, 22], IMAGE, |g| scaled(g, &[1.0, 1.0, 1.3, 0.7], "linear", vec![A::text("coordinate_transformation_mode", "half_pixel_symmetric")])),
    case("Resize", "cubic, larger", LINEAR, FROM_11, IMAGE, |g| scaled(g, LARGER, "cubic", vec![])),
    case("Resize", "cubic, smaller", LINEAR, FROM_11, IMAGE, |g| scaled(g, SMALLER, "cubic", vec![A::float("cubic_coeff_a", -0.5)])),
    case("Resize", "cubic, exclude_outside", LINEAR, FROM_11, IMAGE, |g| sized(g, &[1, 3, 14, 5], "cubic", vec![A::int("exclude_outside", 1)])),
    case("Resize", "axes", LINEAR, FROM_18, IMAGE, |g| sized(g, &[5, 14], "linear", vec![A::ints("axes", &[3, 2])])),
    case("Resize", "scales of axes", LINEAR, FROM_18, IMAGE, |g| scaled(g, &[0.5, 2.0], "nearest", vec![A::ints("axes", &[3, 2])])),
    case("Resize", "arguments left out", LINEAR, &[13, 18, 22], IMAGE, |g| { let s = factors(g, SMALLER); g.node("Resize", &["image", "", &s], vec![A::text("mode", "linear")]) }),
    case("Resize", "not larger, linear", LINEAR, FROM_18, IMAGE, |g| kept(g, "not_larger", "linear", &[15, 11])),
    case("Resize", "not smaller, nearest", LINEAR, FROM_18, IMAGE, |g| kept(g, "not_smaller", "nearest", &[7, 5])),
    case("Resize", "not smaller, cubic", LINEAR, FROM_18, IMAGE, |g| kept(g, "not_smaller", "cubic", &[15, 11])),
    case("Resize", "a region, linear", LINEAR, FROM_11, IMAGE, |g| cropped(g, "linear", &[1, 3, 6, 11])),
    case("Resize", "a region, nearest", LINEAR, FROM_11, IMAGE, |g| cropped(g, "nearest", &[1, 3, 6, 11])),
    case("Resize", "a region, cubic", LINEAR, FROM_11, IMAGE, |g| cropped(g, "cubic", &[1, 3, 6, 11])),
    case("Resize", "a region, to one", LINEAR, FROM_11, IMAGE, |g| cropped(g, "linear", &[1, 3, 1, 5])),
    case("Resize", "smoothed, linear", LINEAR, FROM_18, IMAGE, |g| smoothed(g, "linear", &[1, 3, 4, 3], vec![])),
    case("Resize", "smoothed, linear, one side larger", LINEAR, FROM_18, IMAGE, |g| smoothed(g, "linear", &[1, 3, 4, 11], vec![])),
    case("Resize", "smoothed, linear, align_corners", LINEAR, FROM_18, IMAGE, |g| smoothed(g, "linear", &[1, 3, 4, 3], vec![A::text("coordinate_transformation_mode", "align_corners")])),
    case("Resize", "smoothed, cubic", LINEAR, FROM_18, IMAGE, |g| smoothed(g, "cubic", &[1, 3, 4, 3], vec![A::float("cubic_coeff_a", -0.5)])),
    case("Resize", "smoothed, cubic, exclude_outside", LINEAR, FROM_18, IMAGE, |g| smoothed(g, "cubic", &[1, 3, 4, 6], vec![A::int("exclude_outside", 1)])),
    case("Resize", "one axis", LINEAR, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 3, 72]); to_sizes(g, &x, &[1, 3, 50], vec![A::text("mode", "linear")]) }),
    case("Resize", "three axes", LINEAR, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 3, 3, 6, 4]); to_sizes(g, &x, &[1, 3, 5, 4, 8], vec![A::text("mode", "linear")]) }),
    case("Resize", "channels last", LINEAR, FROM_11, &[1, 9, 8, 3], |g| sized(g, &[1, 14, 5, 3], "linear", vec![])),
];
