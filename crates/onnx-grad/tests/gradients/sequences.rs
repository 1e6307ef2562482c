//! Sequences and optional values: written out where their lengths and positions are known, and refused by name where
//! they are not. No path through them is left out.

use crate::common::{Graph, node};
use crate::differences::error_against_differences;
use onnx_grad::onnx::{AttributeProto as A, DataType, GraphProto, ModelProto, TensorProto, ValueInfoProto};

const IMAGE: &[usize] = &[1, 3, 4, 2];

fn position(g: &mut Graph, place: i64) -> String {
    let name = format!("position{}", g.initializers.len());
    g.initializers.push(TensorProto::from_integers(&name, &[], &[place]));
    name
}

/// The squares of the image in three parts along the channels, as `torch.split` writes them.
fn split(g: &mut Graph) -> String {
    let squares = g.node("Mul", &["image", "image"], vec![]);
    let one = position(g, 1);
    g.node("SplitToSequence", &[&squares, &one], vec![A::int("axis", 1)])
}

fn at(g: &mut Graph, sequence: &str, place: i64) -> String {
    let place = position(g, place);
    g.node("SequenceAt", &[sequence, &place], vec![])
}

/// A classifier of `x` with a skip connection from the image, so that a lost path leaves a wrong gradient, not none.
fn with_skip(mut g: Graph, x: &str) -> ModelProto {
    let all = g.integers(&[1, -1]);
    let rows = ["image", x].map(|x| g.node("Reshape", &[x, &all], vec![]));
    let row = g.node("Concat", &[&rows[0], &rows[1]], vec![A::int("axis", 1)]);
    let mean = g.node("Sigmoid", &[&row], vec![]);
    let first = g.node("ReduceLogSumExp", &[&mean], vec![A::ints("axes", &[1])]);
    let second = g.node("ReduceMean", &[&mean], vec![A::ints("axes", &[1])]);
    let scores = g.node("Concat", &[&first, &second], vec![A::int("axis", 1)]);
    g.model(IMAGE, &scores)
}

/// A loop of three rounds that collects the image times the round's number.
fn collected(g: &mut Graph) -> String {
    let body = GraphProto {
        name: Some("body".into()),
        node: vec![
            node("Cast", &["turn"], "number", vec![A::int("to", DataType::Double as i64)]),
            node("Mul", &["image", "number"], "product", vec![]),
            node("SequenceInsert", &["list", "product"], "longer", vec![]),
            node("Identity", &["going"], "goes_on", vec![]),
        ],
        input: vec![
            ValueInfoProto::fixed("turn", DataType::Int64, &[]),
            ValueInfoProto::fixed("going", DataType::Bool, &[]),
            ValueInfoProto::named("list"),
        ],
        output: vec![ValueInfoProto::named("goes_on"), ValueInfoProto::named("longer")],
        ..Default::default()
    };
    let (three, empty) = (position(g, 3), g.node("SequenceEmpty", &[], vec![A::int("dtype", DataType::Double as i64)]));
    g.node("Loop", &[&three, "", &empty], vec![A::graph("body", body)])
}

type Build = fn(&mut Graph) -> String;

#[rustfmt::skip]
const CASES: &[(&str, i64, Build)] = &[
    ("SplitToSequence, SequenceAt", 11, |g| { let s = split(g); at(g, &s, 1) }),
    ("SequenceAt from the end", 13, |g| { let s = split(g); at(g, &s, -1) }),
    ("parts of unequal size", 13, |g| { let two = position(g, 2); let s = g.node("SplitToSequence", &["image", &two], vec![A::int("axis", -3)]); let (a, b) = (at(g, &s, 0), at(g, &s, 1)); g.node("Mul", &[&a, &b], vec![]) }),
    ("sizes as a list", 13, |g| { let sizes = g.integers(&[1, 3]); let s = g.node("SplitToSequence", &["image", &sizes], vec![A::int("axis", 2)]); let (a, b) = (at(g, &s, 0), at(g, &s, 1)); g.node("Mul", &[&a, &b], vec![]) }),
    ("parts without their axis", 13, |g| { let s = g.node("SplitToSequence", &["image"], vec![A::int("axis", 1), A::int("keepdims", 0)]); let (a, b) = (at(g, &s, 0), at(g, &s, 2)); g.node("Mul", &[&a, &b], vec![]) }),
    ("a part in parts", 13, |g| { let s = split(g); let part = at(g, &s, 2); let s = g.node("SplitToSequence", &[&part], vec![A::int("axis", 2)]); let (a, b) = (at(g, &s, 0), at(g, &s, 3)); g.node("Mul", &[&a, &b], vec![]) }),
    ("SequenceConstruct, ConcatFromSequence", 11, |g| { let x = g.node("Tanh", &["image"], vec![]); let s = g.node("SequenceConstruct", &["image", &x, &x], vec![]); g.node("ConcatFromSequence", &[&s], vec![A::int("axis", -1)]) }),
    ("ConcatFromSequence on a new axis", 12, |g| { let x = g.node("Tanh", &["image"], vec![]); let s = g.node("SequenceConstruct", &["image", &x], vec![]); g.node("ConcatFromSequence", &[&s], vec![A::int("axis", -2), A::int("new_axis", 1)]) }),
    ("SequenceInsert, SequenceErase", 13, |g| {
        let (s, x, zero, second) = (split(g), g.node("Exp", &["image"], vec![]), position(g, 0), position(g, -2));
        let s = g.node("SequenceInsert", &[&s, &x, &zero], vec![]);
        let s = g.node("SequenceErase", &[&s, &second], vec![]);
        let s = g.node("SequenceErase", &[&s], vec![]);
        g.node("ConcatFromSequence", &[&s], vec![A::int("axis", 1)])
    }),
    ("a position that is computed from a length", 13, |g| { let (s, one) = (split(g), position(g, 1)); let n = g.node("SequenceLength", &[&s], vec![]); let last = g.node("Sub", &[&n, &one], vec![]); g.node("SequenceAt", &[&s, &last], vec![]) }),
    ("a list that a loop fills", 13, |g| { let s = collected(g); g.node("ConcatFromSequence", &[&s], vec![A::int("axis", 1)]) }),
    ("Identity of a sequence", 16, |g| { let s = split(g); let s = g.node("Identity", &[&s], vec![]); at(g, &s, 0) }),
    ("Optional", 16, |g| { let x = g.node("Tanh", &["image"], vec![]); let o = g.node("Optional", &[&x], vec![]); g.node("OptionalGetElement", &[&o], vec![]) }),
    ("Optional of a sequence", 16, |g| { let s = split(g); let o = g.node("Optional", &[&s], vec![]); let s = g.node("OptionalGetElement", &[&o], vec![]); at(g, &s, 1) }),
];

#[test]
fn paths_through_sequences_agree_with_finite_differences() {
    let wrong = CASES.iter().filter_map(|(what, opset, build)| {
        let mut g = Graph::new(*opset, DataType::Double);
        let x = build(&mut g);
        match error_against_differences(&with_skip(g, &x), IMAGE, 1e-4) {
            Ok(error) if error < 1e-6 => None,
            other => Some(format!("{what}: {other:?}")),
        }
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The position of the largest of three values of the image.
fn decided(g: &mut Graph) -> String {
    let means = g.node("ReduceMean", &["image"], vec![A::ints("axes", &[0, 2, 3]), A::int("keepdims", 0)]);
    g.node("ArgMax", &[&means], vec![A::int("keepdims", 0)])
}

#[rustfmt::skip]
const REFUSED: &[(&str, i64, Build)] = &[
    ("SequenceAt", 13, |g| { let (s, place) = (split(g), decided(g)); g.node("SequenceAt", &[&s, &place], vec![]) }),
    ("SequenceErase", 13, |g| { let (s, place) = (split(g), decided(g)); let s = g.node("SequenceErase", &[&s, &place], vec![]); at(g, &s, 0) }),
    ("Loop", 13, |g| { let s = collected(g); let (limit, count) = (position(g, 2), decided(g)); let count = g.node("Add", &[&limit, &count], vec![]); g.nodes.iter_mut().find(|node| node.op_type() == "Loop").unwrap().input[0] = count; at(g, &s, 1) }),
];

#[test]
fn sequences_that_the_picture_decides_are_named() {
    for (op, opset, build) in REFUSED {
        let mut g = Graph::new(*opset, DataType::Double);
        let x = build(&mut g);
        let problem = error_against_differences(&with_skip(g, &x), IMAGE, 1e-4).unwrap_err().to_string();
        assert!(problem.contains(&format!("{op} (node {op}")), "{op}: {problem}");
    }
}

/// The image through operators of another domain, whose integers stand for floats: one of them has no gradient.
#[test]
fn integers_of_foreign_operators_are_followed() {
    let mut g = Graph::new(13, DataType::Float);
    let scale = g.reals(&[], &[0.01]);
    g.initializers.push(TensorProto::from_raw("zero", DataType::Uint8, &[], vec![128]));
    let levels = g.own("QuantizeLinear", &["image", &scale, "zero"], vec![]);
    let mixed = vec![A::int("opset", 13), A::int("axis", -1)];
    let levels = g.own("QLinearSoftmax", &[&levels, &scale, "zero", &scale, "zero"], mixed);
    let x = g.own("DequantizeLinear", &[&levels, &scale, "zero"], vec![]);
    let problem = error_against_differences(&with_skip(g, &x), IMAGE, 1e-2).unwrap_err().to_string();
    assert!(problem.contains("1 operator between image and score"), "{problem}");
    assert!(problem.contains("com.microsoft::QLinearSoftmax (node QLinearSoftmax1)"), "{problem}");
}
