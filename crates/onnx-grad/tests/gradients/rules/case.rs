//! A use of an operator to be tested, and what the cases share.

use onnx_grad::onnx::{AttributeProto as A, DataType};

use super::index::indices;
use crate::common::Graph;

/// The element type, step and tolerance of the comparison with finite differences.
#[derive(Clone, Copy)]
pub struct Accuracy {
    pub dtype: DataType,
    pub step: f64,
    /// Relative to the gradient's norm.
    pub tolerance: f64,
}

/// One use of an operator.
#[derive(Clone, Copy)]
pub struct Case {
    pub op: &'static str,
    pub what: &'static str,
    pub accuracy: Accuracy,
    pub opsets: &'static [i64],
    pub image: &'static [usize],
    pub build: fn(&mut Graph) -> String,
}

pub const ALL: &[i64] = &[7, 8, 9, 10, 11, 12, 13, 15, 17, 18, 20, 22];
pub const FROM_8: &[i64] = &[8, 9, 10, 11, 12, 13, 18, 22];
pub const FROM_11: &[i64] = &[11, 13, 18, 22];
/// Preferred: ONNX Runtime has a double precision kernel.
pub const F64: Accuracy = Accuracy { dtype: DataType::Double, step: 1e-4, tolerance: 1e-6 };
/// A float32 kernel of a linear operator: long steps make finite differences exact.
pub const LINEAR: Accuracy = Accuracy { dtype: DataType::Float, step: 0.5, tolerance: 1e-4 };
/// A float32 kernel of a smooth operator.
pub const SMOOTH: Accuracy = Accuracy { dtype: DataType::Float, step: 1e-2, tolerance: 2e-3 };
/// A float32 kernel of an operator with kinks; short steps avoid crossing them.
pub const KINKED: Accuracy = Accuracy { dtype: DataType::Float, step: 1e-3, tolerance: 2e-3 };
/// An operator that rounds to 8 bits: long steps average over the levels.
pub const ROUNDED: Accuracy = Accuracy { dtype: DataType::Float, step: 0.25, tolerance: 0.06 };
pub const IMAGE: &[usize] = &[1, 3, 9, 8];

pub const fn case(
    op: &'static str,
    what: &'static str,
    accuracy: Accuracy,
    opsets: &'static [i64],
    image: &'static [usize],
    build: fn(&mut Graph) -> String,
) -> Case {
    Case { op, what, accuracy, opsets, image, build }
}

/// The image flattened to `[rows, columns]`.
pub fn matrix(g: &mut Graph, sizes: &[i64]) -> String {
    let sizes = g.integers(sizes);
    g.node("Reshape", &["image", &sizes], vec![])
}

/// A tensor of elements of the image, which has 216.
pub fn parameters(g: &mut Graph, shape: &[usize]) -> String {
    let x = matrix(g, &[216]);
    let count: usize = shape.iter().product();
    let places: Vec<i64> = (0..count as i64).map(|place| place * 37 % 216).collect();
    let places = indices(g, shape, &places);
    g.node("Gather", &[&x, &places], vec![])
}

/// A node whose axes are an attribute before opset `since`, and an input from `since` on.
pub fn with_axes(g: &mut Graph, op: &str, since: i64, input: &str, axes: &[i64], mut attributes: Vec<A>) -> String {
    if g.opset < since {
        attributes.push(A::ints("axes", axes));
        return g.node(op, &[input], attributes);
    }
    let axes = g.integers(axes);
    g.node(op, &[input, &axes], attributes)
}
