//! Operators that select or move elements.

use super::index::indices;
use super::{Case, F64, FROM_11, IMAGE, KINKED, LINEAR, case, matrix};
use crate::common::Graph;
use onnx_grad::onnx::{AttributeProto as A, DataType, NodeProto, TensorProto};

const FROM_18: &[i64] = &[18, 22];

/// The largest or smallest five along an axis, by themselves or times their places.
fn top(g: &mut Graph, attributes: Vec<A>, reads_places: bool) -> String {
    let count = g.integers(&[5]);
    let [values, places] = ["top/values", "top/places"].map(str::to_owned);
    let outputs = vec![values.clone(), places.clone()];
    g.nodes.push(NodeProto {
        attribute: attributes,
        ..NodeProto::new("TopK", "top", vec!["image".into(), count], outputs)
    });
    if !reads_places {
        return values;
    }
    let weights = g.node("Cast", &[&places], vec![A::int("to", g.dtype as i64)]);
    g.node("Mul", &[&values, &weights], vec![])
}

fn chosen(g: &mut Graph, attributes: Vec<A>, kept: &[u8]) -> String {
    let name = format!("kept{}", g.initializers.len());
    g.initializers.push(TensorProto::from_raw(&name, DataType::Bool, &[kept.len()], kept.to_vec()));
    g.node("Compress", &["image", &name], attributes)
}

fn reversed(g: &mut Graph, attributes: Vec<A>, lengths: &[i64]) -> String {
    let x = matrix(g, &[4, 3, 18]);
    let lengths = g.integers(lengths);
    g.node("ReverseSequence", &[&x, &lengths], attributes)
}

fn centred(g: &mut Graph, attributes: Vec<A>, sizes: &[i64]) -> String {
    let sizes = g.integers(sizes);
    g.node("CenterCropPad", &["image", &sizes], attributes)
}

/// The maxima of windows, put back to where they were.
fn unpooled(g: &mut Graph, output_shape: Option<&[i64]>) -> String {
    let window = vec![A::ints("kernel_shape", &[2, 2]), A::ints("strides", &[2, 2])];
    let outputs = ["maxima", "places"].map(str::to_owned).to_vec();
    let pool = NodeProto::new("MaxPool", "pool", vec!["image".into()], outputs);
    g.nodes.push(NodeProto { attribute: window.clone(), ..pool });
    let square = g.node("Mul", &["maxima", "maxima"], vec![]);
    let shape = output_shape.map(|shape| g.integers(shape));
    let inputs: Vec<&str> = [square.as_str(), "places"].into_iter().chain(shape.as_deref()).collect();
    g.node("MaxUnpool", &inputs, window)
}

fn folded(g: &mut Graph, x: &[i64], image: &[i64], block: &[i64], attributes: Vec<A>) -> String {
    let x = matrix(g, x);
    let [image, block] = [image, block].map(|sizes| g.integers(sizes));
    g.node("Col2Im", &[&x, &image, &block], attributes)
}

/// Positions that the picture decides.
fn places(g: &mut Graph, axis: i64) -> String {
    g.node("ArgMax", &["image"], vec![A::int("axis", axis), A::int("keepdims", 1)])
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("TopK", "largest", F64, FROM_11, IMAGE, |g| top(g, vec![], false)),
    case("TopK", "smallest, second to last axis", F64, &[11, 24], IMAGE, |g| top(g, vec![A::int("largest", 0), A::int("axis", -2)], true)),
    case("TopK", "not sorted", F64, &[11, 24], IMAGE, |g| top(g, vec![A::int("sorted", 0), A::int("axis", 2)], false)),
    case("Compress", "along an axis", F64, FROM_11, IMAGE, |g| chosen(g, vec![A::int("axis", -2)], &[0, 1, 1, 0, 1])),
    case("Compress", "flat", F64, FROM_11, IMAGE, |g| chosen(g, vec![], &[0, 1, 1, 0, 1, 0, 0, 1, 1])),
    case("ReverseSequence", "", F64, FROM_11, IMAGE, |g| reversed(g, vec![], &[1, 4, 3])),
    case("ReverseSequence", "batch first", F64, FROM_11, IMAGE, |g| reversed(g, vec![A::int("batch_axis", 0), A::int("time_axis", 1)], &[1, 2, 3, 2])),
    case("CenterCropPad", "cropped and padded", F64, FROM_18, IMAGE, |g| centred(g, vec![], &[1, 4, 4, 11])),
    case("CenterCropPad", "axes", F64, FROM_18, IMAGE, |g| centred(g, vec![A::ints("axes", &[-1, 2])], &[5, 12])),
    case("MaxUnpool", "", KINKED, FROM_11, &[1, 3, 8, 6], |g| unpooled(g, None)),
    case("MaxUnpool", "to a size that the windows do not fill", KINKED, FROM_11, IMAGE, |g| unpooled(g, Some(&[1, 3, 9, 8]))),
    case("Col2Im", "", LINEAR, FROM_18, IMAGE, |g| folded(g, &[2, 12, 9], &[4, 5], &[2, 3], vec![])),
    case("Col2Im", "strides, dilations and pads", LINEAR, FROM_18, IMAGE, |g| {
        let attributes = vec![A::ints("strides", &[2, 1]), A::ints("dilations", &[1, 2]), A::ints("pads", &[1, 0, 1, 1])];
        folded(g, &[1, 12, 18], &[6, 7], &[3, 2], attributes)
    }),
    case("Gather", "where the picture says", F64, &[9, 11, 13, 16, 18, 22], IMAGE, |g| { let places = places(g, 3); g.node("Gather", &["image", &places], vec![A::int("axis", 3)]) }),
    case("Gather", "where the picture says, from the end", F64, &[11, 13, 16, 22], IMAGE, |g| { let (places, size) = (places(g, 2), g.integers(&[9])); let places = g.node("Sub", &[&places, &size], vec![]); g.node("Gather", &["image", &places], vec![A::int("axis", 2)]) }),
    case("GatherElements", "where the picture says", F64, &[16, 18, 22], IMAGE, |g| { let places = places(g, 2); g.node("GatherElements", &["image", &places], vec![A::int("axis", 2)]) }),
    case("GatherND", "where the picture says", F64, &[16, 18, 22], IMAGE, |g| {
        let places = places(g, 1);
        let (shape, zeros) = (g.integers(&[72, 1]), indices(g, &[72, 1], &[0; 72]));
        let places = g.node("Reshape", &[&places, &shape], vec![]);
        let places = g.node("Concat", &[&zeros, &places], vec![A::int("axis", 1)]);
        g.node("GatherND", &["image", &places], vec![])
    }),
];
