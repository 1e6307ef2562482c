//! Updates written into data at given positions.

use super::index::indices;
use super::{Case, F64, IMAGE, case, matrix};
use crate::common::Graph;
use onnx_grad::onnx::AttributeProto as A;

const FROM_18: &[i64] = &[18, 22];

/// Updates from the second channel, some at the same places, written into the first.
fn scattered(g: &mut Graph, op: &str, reduction: Option<&str>, axis: i64, places: &[i64; 12]) -> String {
    let x = matrix(g, &[3, 9, 8]);
    let (first, second) = (indices(g, &[], &[0]), indices(g, &[], &[1]));
    let data = g.node("Gather", &[&x, &first], vec![]);
    let updates = g.node("Gather", &[&x, &second], vec![]);
    let (rows, shape) = (indices(g, &[3], &[1, 4, 7]), g.integers(&[3, 8]));
    let updates = g.node("Gather", &[&updates, &rows], vec![]);
    let updates = g.node("Reshape", &[&updates, &shape], vec![]);
    let columns = indices(g, &[4], &[0, 2, 3, 6]);
    let updates = g.node("Gather", &[&updates, &columns], vec![A::int("axis", 1)]);
    let mut attributes: Vec<A> = reduction.map(|name| A::text("reduction", name)).into_iter().collect();
    if op == "ScatterND" {
        let (places, flat) = (indices(g, &[6, 2], places), g.integers(&[12]));
        let updates = g.node("Reshape", &[&updates, &flat], vec![]);
        let first = indices(g, &[6], &[0, 1, 2, 3, 4, 5]);
        let updates = g.node("Gather", &[&updates, &first], vec![]);
        return g.node(op, &[&data, &places, &updates], attributes);
    }
    attributes.push(A::int("axis", axis));
    let places = indices(g, &[3, 4], places);
    g.node(op, &[&data, &places, &updates], attributes)
}

/// Each row has a place twice.
const REPEATED: &[i64; 12] = &[0, 3, 3, 5, -1, 6, 7, 1, 4, 4, 4, 0];
const DISTINCT: &[i64; 12] = &[0, 3, 2, 5, 5, 6, 7, 1, 4, 1, 3, 0];
/// Row and column of six updates, two of them at the same place.
const PAIRS: &[i64; 12] = &[0, 3, 2, 5, 5, 6, 7, 1, -2, 1, 3, 0];

/// Products with a factor that is 0 among the data, and among the updates.
fn with_zeros(g: &mut Graph) -> String {
    let x = matrix(g, &[6, 36]);
    let zeros: Vec<f64> = (0..36).map(|place| if place % 5 == 0 { 0.0 } else { 1.0 }).collect();
    let zeros = g.reals(&[36], &zeros);
    let data = g.node("Mul", &[&x, &zeros], vec![]);
    let row = indices(g, &[1], &[2]);
    let updates = g.node("Gather", &[&data, &row], vec![]);
    let places: Vec<i64> = (0..36).map(|place| place / 7).collect();
    let places = indices(g, &[1, 36], &places);
    let attributes = vec![A::int("axis", 0), A::text("reduction", "mul")];
    g.node("ScatterElements", &[&data, &places, &updates], attributes)
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("Scatter", "first axis", F64, &[9, 10], IMAGE, |g| scattered(g, "Scatter", None, 0, DISTINCT)),
    case("Scatter", "last axis", F64, &[9, 10], IMAGE, |g| scattered(g, "Scatter", None, 1, DISTINCT)),
    case("ScatterElements", "multiplied", F64, &[16, 18, 22], IMAGE, |g| scattered(g, "ScatterElements", Some("mul"), 1, REPEATED)),
    case("ScatterElements", "multiplied, zeros", F64, &[16, 18, 22], IMAGE, with_zeros),
    case("ScatterElements", "maxima", F64, FROM_18, IMAGE, |g| scattered(g, "ScatterElements", Some("max"), 1, REPEATED)),
    case("ScatterElements", "minima", F64, FROM_18, IMAGE, |g| scattered(g, "ScatterElements", Some("min"), 0, DISTINCT)),
    case("ScatterND", "multiplied", F64, &[16, 18, 22], IMAGE, |g| scattered(g, "ScatterND", Some("mul"), 0, PAIRS)),
    case("ScatterND", "maxima", F64, FROM_18, IMAGE, |g| scattered(g, "ScatterND", Some("max"), 0, PAIRS)),
    case("ScatterND", "minima", F64, FROM_18, IMAGE, |g| scattered(g, "ScatterND", Some("min"), 0, PAIRS)),
];
