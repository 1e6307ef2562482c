//! Recurrent layers, which are written out one step after the other.

use super::{ALL, Case, KINKED, SMOOTH, case, with_scores};
use crate::common::{Graph, Random, find_shapes, relative_error, try_session};
use crate::runtime;
use onnx_grad::onnx::{AttributeProto as A, DataType, ModelProto, NodeProto, TensorProto};
use onnx_grad::{Method, Options, Request, differentiate, prepare};

/// Four steps of a batch of two, with three inputs.
const CLIP: &[usize] = &[1, 3, 4, 2];
const FROM_14: &[i64] = &[14, 22];
const HIDDEN: usize = 5;

/// The arguments of a layer.
#[derive(Clone, Copy, Default)]
struct Layer {
    op: &'static str,
    direction: &'static str,
    bias: bool,
    initial: bool,
    peepholes: bool,
    lengths: bool,
}

const LSTM: Layer =
    Layer { op: "LSTM", direction: "forward", bias: true, initial: false, peepholes: false, lengths: false };
const GRU: Layer = Layer { op: "GRU", ..LSTM };
const RNN: Layer = Layer { op: "RNN", ..LSTM };

/// Random weights that are small enough for finite differences.
fn weights(g: &mut Graph, shape: &[usize]) -> String {
    let values: Vec<f64> = g.random.take(shape.iter().product()).into_iter().map(|value| value * 0.6).collect();
    g.reals(shape, &values)
}

/// The outputs of a layer in one row: those whose positions are in `read`.
fn layer(g: &mut Graph, layer: Layer, mut attributes: Vec<A>, read: &[usize]) -> String {
    let gates = match layer.op {
        "LSTM" => 4,
        "GRU" => 3,
        _ => 1,
    };
    let count = if layer.direction == "bidirectional" { 2 } else { 1 };
    let sizes = g.integers(&[3, 4, 2]);
    let x = g.node("Reshape", &["image", &sizes], vec![]);
    let x = g.node("Transpose", &[&x], vec![A::ints("perm", &[1, 2, 0])]);
    let rows = gates * HIDDEN;
    let states = [count, 2, HIDDEN];
    let mut inputs = vec![x, weights(g, &[count, rows, 3]), weights(g, &[count, rows, HIDDEN])];
    inputs.resize(8, String::new());
    if layer.bias {
        inputs[3] = weights(g, &[count, 2 * rows]);
    }
    if layer.lengths {
        inputs[4] = "lengths".into();
        let lengths = [4i32, 4].iter().flat_map(|length| length.to_le_bytes()).collect();
        g.initializers.push(TensorProto::from_raw("lengths", DataType::Int32, &[2], lengths));
    }
    if layer.initial {
        // States that depend on the image.
        inputs[5] = state(g, &states);
        if layer.op == "LSTM" {
            inputs[6] = state(g, &states);
        }
    }
    if layer.peepholes {
        inputs[7] = g.weights(&[count, 3 * HIDDEN]);
    }
    while inputs.last().is_some_and(String::is_empty) {
        inputs.pop();
    }
    attributes.extend([A::int("hidden_size", HIDDEN as i64), A::text("direction", layer.direction)]);
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    g.node(layer.op, &inputs, attributes);
    let last = g.nodes.last_mut().unwrap();
    let outputs = ["all", "last", "cell"].map(str::to_owned);
    last.output = (0..=*read.iter().max().unwrap())
        .map(|index| if read.contains(&index) { outputs[index].clone() } else { String::new() })
        .collect();
    let row = g.integers(&[1, -1]);
    let parts: Vec<String> = read.iter().map(|index| g.node("Reshape", &[&outputs[*index], &row], vec![])).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    g.node("Concat", &parts, vec![A::int("axis", 1)])
}

/// A projection of the image.
fn state(g: &mut Graph, shape: &[usize; 3]) -> String {
    let (row, weights) = (g.integers(&[1, 24]), weights(g, &[24, shape.iter().product()]));
    let sizes: Vec<i64> = shape.iter().map(|size| *size as i64).collect();
    let sizes = g.integers(&sizes);
    let x = g.node("Reshape", &["image", &row], vec![]);
    let x = g.node("MatMul", &[&x, &weights], vec![]);
    g.node("Reshape", &[&x, &sizes], vec![])
}

fn named(names: &[&str]) -> A {
    A::texts("activations", names)
}

fn floats(name: &str, values: &[f32]) -> A {
    A { name: Some(name.into()), r#type: Some(6), floats: values.to_vec(), ..Default::default() }
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("LSTM", "last state", SMOOTH, ALL, CLIP, |g| layer(g, LSTM, vec![], &[1])),
    case("LSTM", "all outputs", SMOOTH, ALL, CLIP, |g| layer(g, LSTM, vec![], &[0, 1, 2])),
    case("LSTM", "all states, no bias", SMOOTH, FROM_14, CLIP, |g| layer(g, Layer { bias: false, ..LSTM }, vec![], &[0])),
    case("LSTM", "reverse", SMOOTH, FROM_14, CLIP, |g| layer(g, Layer { direction: "reverse", ..LSTM }, vec![], &[0, 1, 2])),
    case("LSTM", "both directions", SMOOTH, ALL, CLIP, |g| layer(g, Layer { direction: "bidirectional", initial: true, ..LSTM }, vec![], &[0, 1, 2])),
    case("LSTM", "initial states, peepholes, lengths", SMOOTH, ALL, CLIP, |g| layer(g, Layer { initial: true, peepholes: true, lengths: true, ..LSTM }, vec![], &[0, 2])),
    case("LSTM", "coupled input and forget gates", SMOOTH, FROM_14, CLIP, |g| layer(g, Layer { initial: true, ..LSTM }, vec![A::int("input_forget", 1)], &[0, 2])),
    case("LSTM", "clipped", KINKED, &[9, 13, 22], CLIP, |g| layer(g, Layer { initial: true, ..LSTM }, vec![A::float("clip", 0.3)], &[0, 2])),
    case("LSTM", "other activations", KINKED, ALL, CLIP, |g| layer(g, LSTM, vec![named(&["HardSigmoid", "Softsign", "ScaledTanh"]), floats("activation_alpha", &[0.3, 1.2]), floats("activation_beta", &[0.4, 0.7])], &[0, 2])),
    case("LSTM", "activations by direction", KINKED, FROM_14, CLIP, |g| layer(g, Layer { direction: "bidirectional", ..LSTM }, vec![named(&["Sigmoid", "Elu", "Tanh", "sigmoid", "leakyrelu", "Affine"]), floats("activation_alpha", &[0.5, 0.1, 0.9]), floats("activation_beta", &[0.2])], &[1])),
    case("GRU", "last state", SMOOTH, ALL, CLIP, |g| layer(g, GRU, vec![], &[1])),
    case("GRU", "both directions, initial states", SMOOTH, ALL, CLIP, |g| layer(g, Layer { direction: "bidirectional", initial: true, ..GRU }, vec![], &[0, 1])),
    case("GRU", "reverse, late reset", SMOOTH, ALL, CLIP, |g| layer(g, Layer { direction: "reverse", initial: true, ..GRU }, vec![A::int("linear_before_reset", 1)], &[0, 1])),
    case("GRU", "late reset, no bias", SMOOTH, FROM_14, CLIP, |g| layer(g, Layer { bias: false, ..GRU }, vec![A::int("linear_before_reset", 1)], &[0])),
    case("GRU", "clipped", KINKED, FROM_14, CLIP, |g| layer(g, Layer { initial: true, ..GRU }, vec![A::float("clip", 0.3)], &[0])),
    case("GRU", "other activations", KINKED, FROM_14, CLIP, |g| layer(g, GRU, vec![named(&["HardSigmoid", "Relu"])], &[0, 1])),
    case("RNN", "all outputs", SMOOTH, ALL, CLIP, |g| layer(g, RNN, vec![], &[0, 1])),
    case("RNN", "both directions, initial states", SMOOTH, ALL, CLIP, |g| layer(g, Layer { direction: "bidirectional", initial: true, bias: false, ..RNN }, vec![], &[0, 1])),
    case("RNN", "Relu", KINKED, FROM_14, CLIP, |g| layer(g, Layer { direction: "reverse", ..RNN }, vec![named(&["Relu"])], &[0, 1])),
    case("RNN", "clipped", KINKED, FROM_14, CLIP, |g| layer(g, RNN, vec![A::float("clip", 0.3)], &[0])),
];

/// The same layer with the batch first: ONNX Runtime refuses it on processors.
fn batch_first(model: &mut ModelProto) {
    let nodes = &mut model.graph.as_mut().unwrap().node;
    let at = nodes.iter().position(|node| ["LSTM", "GRU", "RNN"].contains(&node.op_type())).unwrap();
    let mut layer = nodes.remove(at);
    layer.attribute.push(A::int("layout", 1));
    let turned = |from: &str, to: &str, order: &[i64]| NodeProto {
        attribute: vec![A::ints("perm", order)],
        ..NodeProto::new("Transpose", to, vec![from.into()], vec![to.into()])
    };
    for index in [0, 5, 6] {
        if let Some(name) = layer.input.get_mut(index).filter(|name| !name.is_empty()) {
            let first = format!("{name}/first");
            nodes.insert(at, turned(name, &first, &[1, 0, 2]));
            *name = first;
        }
    }
    for (index, name) in layer.output.iter_mut().enumerate().filter(|(_, name)| !name.is_empty()) {
        let first = format!("{name}/first");
        nodes.push(turned(&first, name, if index == 0 { &[1, 2, 0, 3] } else { &[1, 0, 2] }));
        *name = first;
    }
    nodes.push(layer);
}

#[test]
fn layers_with_the_batch_first_are_written_out_too() {
    let builds: [fn(&mut Graph) -> String; 3] = [
        |g| layer(g, Layer { direction: "bidirectional", initial: true, ..LSTM }, vec![], &[0, 1, 2]),
        |g| layer(g, Layer { initial: true, ..GRU }, vec![], &[0]),
        |g| layer(g, RNN, vec![], &[1]),
    ];
    for build in builds {
        let case = case("LSTM", "the batch first", SMOOTH, &[], CLIP, build);
        let model = with_scores(&case, 14).unwrap();
        let mut turned = model.clone();
        batch_first(&mut turned);
        assert!(runtime::find_shapes(&turned, &Request::default()).is_err());
        let [expected, found] = [model, turned].map(|model| {
            let (model, shapes) = prepare(model, &Request::default(), runtime::run).unwrap();
            let made = differentiate(&model, &shapes, &Options::default()).unwrap();
            super::run(&mut try_session(&made).unwrap(), &case, &Random(4).take(24)).unwrap().1
        });
        assert!(relative_error(&found, &expected) < 1e-6);
    }
}

/// The error of a layer whose node `change` changes.
fn refusal(of: Layer, change: fn(&mut Graph)) -> String {
    let mut g = Graph::new(14, DataType::Float);
    let row = layer(&mut g, of, vec![], &[0]);
    change(&mut g);
    let model = g.model(CLIP, &row);
    differentiate(&model, &find_shapes(&model, 1).unwrap(), &Options::default()).unwrap_err().to_string()
}

#[test]
fn layers_that_cannot_be_written_out_are_refused_with_the_reason() {
    let shorter = |g: &mut Graph| {
        g.initializers.iter_mut().find(|t| t.name() == "lengths").unwrap().raw_data =
            Some(vec![4, 0, 0, 0, 2, 0, 0, 0]);
    };
    let problem = refusal(Layer { lengths: true, ..LSTM }, shorter);
    assert!(problem.contains("node LSTM2 (LSTM) has sequences that are shorter than its input"), "{problem}");
    let longer = |g: &mut Graph| {
        let many = g.integers(&[200, 1, 1]);
        let x = g.node("Tile", &["Transpose1", &many], vec![]);
        let tile = g.nodes.pop().unwrap();
        g.nodes[2].input[0] = x;
        g.nodes.insert(2, tile);
    };
    let problem = refusal(GRU, longer);
    assert!(problem.contains("node GRU2 (GRU) runs 800 steps, and 512"), "{problem}");
}

/// The way out that the refusal of other operators states: a layer behind the one without a gradient.
#[test]
fn a_layer_behind_one_without_a_gradient_can_be_explained() {
    let mut g = Graph::new(14, DataType::Float);
    let row = layer(&mut g, Layer { lengths: true, ..RNN }, vec![], &[0]);
    let unequal = vec![4, 0, 0, 0, 2, 0, 0, 0];
    g.initializers.iter_mut().find(|t| t.name() == "lengths").unwrap().raw_data = Some(unequal);
    let sizes = g.integers(&[1, 2, 4, 5]);
    let map = g.node("Reshape", &[&row, &sizes], vec![]);
    let map = g.node("Tanh", &[&map], vec![]);
    let all = g.integers(&[1, 40]);
    let flat = g.node("Reshape", &[&map, &all], vec![]);
    let w = g.weights(&[40, 3]);
    let scores = g.node("MatMul", &[&flat, &w], vec![]);
    let model = g.model(CLIP, &scores);
    let shapes = find_shapes(&model, 1).unwrap();
    assert!(differentiate(&model, &shapes, &Options::default()).is_err());
    let method = Method::GradCam(onnx_grad::Layer::Named(map));
    differentiate(&model, &shapes, &Options { method, ..Default::default() }).unwrap();
}
