//! Scans, loops that collect values, loops that the picture may end, and maps over sequences.

use crate::common::{Graph, body, node};
use crate::differences::error_against_differences;
use onnx_grad::onnx::{AttributeProto as A, DataType, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use onnx_grad::{Options, Probe, ProbedValue, Request, TensorType, differentiate, prepare};
use proptest::prelude::*;

const IMAGE: &[usize] = &[1, 3, 4, 2];

fn scalar(g: &mut Graph, value: i64) -> String {
    let name = format!("scalar{}", g.initializers.len());
    g.initializers.push(TensorProto::from_integers(&name, &[], &[value]));
    name
}

/// Scores of `parts`, beside the image itself, so that a lost path leaves a wrong gradient, not none.
fn scored(g: &mut Graph, parts: &[&str]) -> ModelProto {
    let all = g.integers(&[1, -1]);
    let rows = parts.iter().chain(&["image"]).map(|part| g.node("Reshape", &[part, &all], vec![]));
    let rows: Vec<String> = rows.collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let row = g.node("Concat", &rows, vec![A::int("axis", 1)]);
    let row = g.node("Sigmoid", &[&row], vec![]);
    let [first, second] = ["ReduceLogSumExp", "ReduceMean"].map(|op| {
        if g.opset < 18 {
            return g.node(op, &[&row], vec![A::ints("axes", &[1])]);
        }
        let axes = g.integers(&[1]);
        g.node(op, &[&row, &axes], vec![])
    });
    let scores = g.node("Concat", &[&first, &second], vec![A::int("axis", 1)]);
    g.model(IMAGE, &scores)
}

/// A running sum that is squashed at each step, over `axis` of the image: the last state and all of them.
fn scan(g: &mut Graph, axis: i64, attributes: Vec<A>) -> ModelProto {
    let shape: Vec<usize> =
        IMAGE.iter().enumerate().filter(|(at, _)| *at as i64 != axis).map(|(_, size)| *size).collect();
    let zeros = g.reals(&shape, &vec![0.1; shape.iter().product()]);
    let turn = vec![
        node("Add", &["state", "element"], "sum", vec![]),
        node("Tanh", &["sum"], "next", vec![]),
        node("Mul", &["next", "element"], "product", vec![]),
    ];
    let mut body = body(turn, &[], &["next", "product"]);
    body.input = ["state", "element"].map(|name| ValueInfoProto::fixed(name, DataType::Double, &shape)).into();
    let own = vec![A::graph("body", body), A::int("num_scan_inputs", 1), A::ints("scan_input_axes", &[axis])];
    g.node("Scan", &[&zeros, "image"], [own, attributes].concat());
    g.nodes.last_mut().unwrap().output = vec!["last".into(), "all".into()];
    scored(g, &["last", "all"])
}

/// The inputs and the condition of a loop's body, and its nodes.
fn turn(nodes: Vec<NodeProto>, condition: &str, outputs: &[&str]) -> GraphProto {
    let mut body = body(nodes, &[], &[&[condition], outputs].concat());
    body.input = vec![
        ValueInfoProto::fixed("turn", DataType::Int64, &[]),
        ValueInfoProto::fixed("going", DataType::Bool, &[]),
        ValueInfoProto::fixed("state", DataType::Double, IMAGE),
    ];
    body
}

/// Three rounds that collect a value each.
fn collecting(g: &mut Graph) -> ModelProto {
    let nodes = vec![
        node("Tanh", &["state"], "next", vec![]),
        node("Mul", &["next", "image"], "product", vec![]),
        node("Identity", &["going"], "goes_on", vec![]),
    ];
    let three = scalar(g, 3);
    g.node("Loop", &[&three, "", "image"], vec![A::graph("body", turn(nodes, "goes_on", &["next", "product"]))]);
    g.nodes.last_mut().unwrap().output = vec!["last".into(), "all".into()];
    scored(g, &["last", "all"])
}

/// At most eight rounds that grow the image until its largest value is above `limit`.
fn growing(g: &mut Graph, limit: f64) -> ModelProto {
    let limit = g.reals(&[], &[limit]);
    let factor = g.reals(&[], &[1.3]);
    let nodes = vec![
        node("Mul", &["state", &factor], "larger", vec![]),
        node("Mul", &["larger", "image"], "bent", vec![]),
        node("Add", &["larger", "bent"], "next", vec![]),
        node("ReduceMax", &["next"], "top", vec![A::int("keepdims", 0)]),
        node("Less", &["top", &limit], "more", vec![]),
    ];
    let eight = scalar(g, 8);
    g.node("Loop", &[&eight, "", "image"], vec![A::graph("body", turn(nodes, "more", &["next"]))]);
    g.nodes.last_mut().unwrap().output = vec!["last".into()];
    scored(g, &["last"])
}

/// At most nine rounds that a count ends after four.
fn counted(g: &mut Graph) -> ModelProto {
    let four = scalar(g, 4);
    let nodes = vec![node("Tanh", &["state"], "next", vec![]), node("Less", &["turn", &four], "more", vec![])];
    let nine = scalar(g, 9);
    g.node("Loop", &[&nine, "", "image"], vec![A::graph("body", turn(nodes, "more", &["next"]))]);
    g.nodes.last_mut().unwrap().output = vec!["last".into()];
    scored(g, &["last"])
}

/// The rows of the image and their squares, mapped with a factor.
fn mapped(g: &mut Graph) -> ModelProto {
    let one = scalar(g, 1);
    let squares = g.node("Mul", &["image", "image"], vec![]);
    let parts = g.node("SplitToSequence", &["image", &one], vec![A::int("axis", 1)]);
    let others = g.node("SplitToSequence", &[&squares, &one], vec![A::int("axis", 1)]);
    let factor = g.reals(&[], &[0.7]);
    let nodes = vec![
        node("Mul", &["a", "b"], "product", vec![]),
        node("Mul", &["product", "c"], "scaled", vec![]),
        node("Tanh", &["a"], "squashed", vec![]),
    ];
    let mut body = body(nodes, &[], &[]);
    let part = |name: &str| ValueInfoProto::fixed(name, DataType::Double, &[1, 1, 4, 2]);
    body.input = vec![part("a"), part("b"), ValueInfoProto::fixed("c", DataType::Double, &[])];
    body.output = vec![part("scaled"), part("squashed")];
    g.node("SequenceMap", &[&parts, &others, &factor], vec![A::graph("body", body)]);
    g.nodes.last_mut().unwrap().output = vec!["first".into(), "second".into()];
    let first = g.node("ConcatFromSequence", &["first"], vec![A::int("axis", 1)]);
    let second = g.node("ConcatFromSequence", &["second"], vec![A::int("axis", 2), A::int("new_axis", 1)]);
    scored(g, &[&first, &second])
}

type Build = fn(&mut Graph) -> ModelProto;

/// Opsets that change Loop, Scan or sequences.
const OPSETS: &[i64] = &[11, 13, 16, 19, 21, 23, 24, 25];

#[rustfmt::skip]
const CASES: &[(&str, &[i64], Build)] = &[
    ("Scan", OPSETS, |g| scan(g, 1, vec![])),
    ("Scan of the first axis", &[16, 25], |g| scan(g, 0, vec![])),
    ("Scan of the last axis", &[17, 21], |g| scan(g, 3, vec![])),
    ("Scan backwards", &[13, 23], |g| scan(g, 2, vec![A::ints("scan_input_directions", &[1])])),
    ("Scan stacked on another axis, backwards", &[13, 24], |g| scan(g, 2, vec![A::ints("scan_output_axes", &[-2]), A::ints("scan_output_directions", &[1])])),
    ("Loop that collects values", OPSETS, collecting),
    ("Loop ended by the picture", OPSETS, |g| growing(g, 4.0)),
    ("Loop ended at once", &[16, 22], |g| growing(g, 0.1)),
    ("Loop that runs all rounds", &[13, 21], |g| growing(g, 1e9)),
    ("Loop ended by a count", OPSETS, counted),
    ("SequenceMap", &[17, 21, 25], mapped),
];

#[test]
fn loops_and_scans_agree_with_finite_differences() {
    let uses = CASES.iter().flat_map(|(what, opsets, build)| opsets.iter().map(move |opset| (what, *opset, build)));
    let wrong = uses.filter_map(|(what, opset, build)| {
        let model = build(&mut Graph::new(opset, DataType::Double));
        match error_against_differences(&model, IMAGE, 1e-4) {
            Ok(error) if error < 1e-6 => None,
            other => Some(format!("{what} at opset {opset}: {other:?}")),
        }
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every value as one of the image's shape, and scores, so that everything about shapes is known without a run.
fn same_shapes(probe: Probe) -> Result<Vec<ProbedValue>, onnx_grad::Error> {
    let shape = |name: &str| if name.starts_with("Concat") { vec![1, 2] } else { IMAGE.to_vec() };
    let kind = |name: &str| TensorType { dtype: DataType::Double, shape: shape(name) };
    let outputs = probe.model.graph.unwrap_or_default().output;
    Ok(outputs.iter().map(|x| ProbedValue { name: x.name().into(), kind: kind(x.name()), data: None }).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_loops_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        case in 0..CASES.len(),
    ) {
        let mut bytes = prost::Message::encode_to_vec(&CASES[case].2(&mut Graph::new(13, DataType::Double)));
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(model) = onnx_grad::onnx::decode(&bytes)
            && let Ok((model, shapes)) = prepare(model, &Request::default(), same_shapes)
        {
            let _ = differentiate(&model, &shapes, &Options::default());
        }
    }
}
