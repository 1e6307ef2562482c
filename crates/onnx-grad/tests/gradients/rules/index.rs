//! Operators that read or write elements by index.

use super::{ALL, Case, F64, FROM_11, IMAGE, LINEAR, case, matrix};
use crate::common::Graph;
use onnx_grad::onnx::{AttributeProto as A, TensorProto};

const FROM_10: &[i64] = &[10, 11, 13, 18, 22];
const FROM_16: &[i64] = &[16, 18, 22];

/// Starts and ends along `axes`, as attributes before opset 10.
fn slice(g: &mut Graph, starts: &[i64], ends: &[i64], axes: &[i64]) -> String {
    if g.opset < 10 {
        let attributes = vec![A::ints("starts", starts), A::ints("ends", ends), A::ints("axes", axes)];
        return g.node("Slice", &["image"], attributes);
    }
    let [starts, ends, axes] = [starts, ends, axes].map(|values| g.integers(values));
    g.node("Slice", &["image", &starts, &ends, &axes], vec![])
}

fn stepped(g: &mut Graph, starts: &[i64], ends: &[i64], axes: &[i64], steps: &[i64]) -> String {
    let [starts, ends, axes, steps] = [starts, ends, axes, steps].map(|values| g.integers(values));
    g.node("Slice", &["image", &starts, &ends, &axes, &steps], vec![])
}

/// An integer tensor of the given shape.
pub fn indices(g: &mut Graph, shape: &[usize], values: &[i64]) -> String {
    let name = format!("integers{}", g.initializers.len());
    g.initializers.push(TensorProto::from_integers(&name, shape, values));
    name
}

fn gather(g: &mut Graph, axis: i64, shape: &[usize], values: &[i64]) -> String {
    let places = indices(g, shape, values);
    g.node("Gather", &["image", &places], vec![A::int("axis", axis)])
}

/// Updates that depend on the image, written into a product of it.
fn scatter_nd(g: &mut Graph, reduction: Option<&str>) -> String {
    let places = indices(g, &[2, 3], &[0, 1, -2, 0, 2, 3]);
    let updates = slice(g, &[0, 0], &[1, 2], &[0, 2]);
    let shape = g.integers(&[6, 8]);
    let updates = g.node("Reshape", &[&updates, &shape], vec![]);
    let (starts, ends) = (g.integers(&[1]), g.integers(&[3]));
    let updates = g.node("Slice", &[&updates, &starts, &ends], vec![]);
    let square = g.node("Mul", &["image", "image"], vec![]);
    g.node(
        "ScatterND",
        &[&square, &places, &updates],
        reduction.map(|name| A::text("reduction", name)).into_iter().collect(),
    )
}

fn scatter_elements(g: &mut Graph, axis: i64, reduction: Option<&str>) -> String {
    let x = matrix(g, &[27, 8]);
    let places = indices(g, &[2, 3], &[0, 1, -2, 3, 2, 4]);
    let updates = stepped(g, &[0, 1, 2, 3], &[1, 2, 4, 6], &[0, 1, 2, 3], &[1, 1, 1, 1]);
    let shape = g.integers(&[2, 3]);
    let updates = g.node("Reshape", &[&updates, &shape], vec![]);
    let mut attributes = vec![A::int("axis", axis)];
    attributes.extend(reduction.map(|name| A::text("reduction", name)));
    g.node("ScatterElements", &[&x, &places, &updates], attributes)
}

fn sum(g: &mut Graph, attributes: Vec<A>) -> String {
    let axis = indices(g, &[], &[2]);
    g.node("CumSum", &["image", &axis], attributes)
}

/// Three places of four, marked with two values of the image.
fn one_hot(g: &mut Graph, axis: i64) -> String {
    let (row, places, depth) = (matrix(g, &[216]), indices(g, &[3], &[2, 0, -1]), indices(g, &[1], &[4]));
    let ids = indices(g, &[2], &[7, 90]);
    let values = g.node("Gather", &[&row, &ids], vec![]);
    g.node("OneHot", &[&places, &depth, &values], vec![A::int("axis", axis)])
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("Slice", "two axes", F64, ALL, IMAGE, |g| slice(g, &[1, 2], &[3, 7], &[1, 3])),
    case("Slice", "bounds from the end and out of range", F64, ALL, IMAGE, |g| slice(g, &[-7, -100], &[i64::MAX, -1], &[-2, 3])),
    case("Slice", "without axes", F64, FROM_10, IMAGE, |g| { let (s, e) = (g.integers(&[0, 1, 2]), g.integers(&[1, 3, 8])); g.node("Slice", &["image", &s, &e], vec![]) }),
    case("Slice", "without axes, attributes", F64, &[7, 9], IMAGE, |g| g.node("Slice", &["image"], vec![A::ints("starts", &[0, 1, 2]), A::ints("ends", &[1, 3, 8])])),
    case("Slice", "every third and every second", F64, FROM_10, IMAGE, |g| stepped(g, &[1, 0], &[9, 100], &[2, 3], &[3, 2])),
    case("Slice", "backwards", F64, FROM_10, IMAGE, |g| stepped(g, &[-1, 100], &[i64::MIN, 1], &[1, 2], &[-1, -2])),
    case("Gather", "one place, its axis dropped", F64, ALL, IMAGE, |g| gather(g, 2, &[], &[4])),
    case("Gather", "the last place, its axis dropped", F64, FROM_11, IMAGE, |g| gather(g, -1, &[], &[-1])),
    case("Gather", "a run", F64, ALL, IMAGE, |g| gather(g, 3, &[3], &[2, 3, 4])),
    case("Gather", "a permutation", F64, ALL, IMAGE, |g| gather(g, 1, &[3], &[2, 0, 1])),
    case("Gather", "some, from the end", F64, FROM_11, IMAGE, |g| gather(g, 2, &[4], &[-1, 3, -7, 0])),
    case("Gather", "repeated", F64, FROM_11, IMAGE, |g| gather(g, 3, &[2, 5], &[0, 1, 1, -1, 1, 3, 3, 0, 5, 6])),
    case("Gather", "each twice", F64, FROM_11, IMAGE, |g| gather(g, 1, &[6], &[0, 0, 1, 1, 2, 2])),
    case("Gather", "all, twice", F64, FROM_11, IMAGE, |g| gather(g, 1, &[6], &[0, 1, 2, 0, 1, 2])),
    case("GatherElements", "first axis", F64, FROM_11, IMAGE, |g| { let x = matrix(g, &[9, 24]); let p = indices(g, &[2, 4], &[0, 8, -1, 3, 2, 8, 8, 3]); g.node("GatherElements", &[&x, &p], vec![]) }),
    case("GatherElements", "last axis", F64, FROM_11, IMAGE, |g| { let x = matrix(g, &[2, 3, 36]); let p = indices(g, &[1, 3, 2], &[0, 35, -1, 3, 4, 4]); g.node("GatherElements", &[&x, &p], vec![A::int("axis", -1)]) }),
    case("GatherND", "elements", F64, FROM_11, IMAGE, |g| { let p = indices(g, &[2, 4], &[0, 1, 2, 3, 0, -1, -9, 0]); g.node("GatherND", &["image", &p], vec![]) }),
    case("GatherND", "slices, one twice", F64, FROM_11, IMAGE, |g| { let p = indices(g, &[3, 1, 2], &[0, 1, 0, 2, 0, 1]); g.node("GatherND", &["image", &p], vec![]) }),
    case("GatherND", "batches", F64, &[12, 13, 18, 22], IMAGE, |g| { let x = matrix(g, &[3, 9, 8]); let p = indices(g, &[3, 2, 1], &[0, 1, 2, 3, -1, 1]); g.node("GatherND", &[&x, &p], vec![A::int("batch_dims", 1)]) }),
    case("ScatterND", "", F64, FROM_11, IMAGE, |g| scatter_nd(g, None)),
    case("ScatterND", "added", F64, FROM_16, IMAGE, |g| scatter_nd(g, Some("add"))),
    // OpenVINO requires indices of the data's size on the other axes.
    case("GatherElements", "whole axes", F64, FROM_11, IMAGE, |g| { let x = matrix(g, &[4, 54]); let places: Vec<i64> = (0..108).map(|i| i * 7 % 4).collect(); let p = indices(g, &[2, 54], &places); g.node("GatherElements", &[&x, &p], vec![]) }),
    case("ScatterElements", "first axis", F64, FROM_11, IMAGE, |g| scatter_elements(g, 0, None)),
    case("ScatterElements", "last axis", F64, FROM_11, IMAGE, |g| scatter_elements(g, -1, Some("none").filter(|_| g.opset >= 16))),
    case("ScatterElements", "whole axes", F64, FROM_11, IMAGE, |g| { let x = matrix(g, &[4, 54]); let places: Vec<i64> = (0..54).map(|i| i * 7 % 4).collect(); let p = indices(g, &[1, 54], &places); let u = g.weights(&[1, 54]); g.node("ScatterElements", &[&x, &p, &u], vec![]) }),
    case("ScatterElements", "added", F64, FROM_16, IMAGE, |g| scatter_elements(g, 1, Some("add"))),
    case("CumSum", "", F64, FROM_11, IMAGE, |g| sum(g, vec![])),
    case("CumSum", "reverse", F64, FROM_11, IMAGE, |g| sum(g, vec![A::int("reverse", 1)])),
    case("CumSum", "exclusive", F64, FROM_11, IMAGE, |g| sum(g, vec![A::int("exclusive", 1)])),
    case("OneHot", "values from the image", LINEAR, &[9, 11, 13, 22], IMAGE, |g| one_hot(g, -1)),
    case("OneHot", "first axis", LINEAR, &[11, 22], IMAGE, |g| one_hot(g, 0)),
];
