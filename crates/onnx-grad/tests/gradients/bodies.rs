//! Functions, branches and loops are written out before differentiation, whatever they contain.

use std::collections::HashMap;

use crate::common::{Graph, Random, reals, relative_error, try_session, value};

use onnx_grad::onnx::{
    self, AttributeProto as A, DataType, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, ValueInfoProto,
};
use onnx_grad::{Options, Request, differentiate, prepare};
use proptest::prelude::*;

use crate::runtime;

const SHAPE: [usize; 4] = [1, 3, 4, 5];

fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<A>) -> NodeProto {
    let inputs = inputs.iter().map(|input| input.to_string()).collect();
    NodeProto { attribute, ..NodeProto::new(op, "", inputs, vec![output.into()]) }
}

fn call(domain: &str, node: NodeProto) -> NodeProto {
    NodeProto { domain: Some(domain.into()), ..node }
}

fn scalar(name: &str, value: i64) -> TensorProto {
    TensorProto::from_integers(name, &[], &[value])
}

/// `leaky(x) = LeakyRelu(x, slope)`, with the caller's slope or 0.3, and `twice(x) =
/// leaky(leaky(x))`.
fn functions() -> Vec<FunctionProto> {
    let opset = OperatorSetIdProto { domain: None, version: Some(18) };
    let slope = A { ref_attr_name: Some("slope".into()), ..A::float("alpha", 0.0) };
    let leaky = FunctionProto {
        name: Some("leaky".into()),
        domain: Some("own".into()),
        input: vec!["x".into()],
        output: vec!["y".into()],
        attribute_proto: vec![A::float("slope", 0.3)],
        node: vec![node("LeakyRelu", &["x"], "y", vec![slope])],
        opset_import: vec![opset.clone()],
        ..Default::default()
    };
    let inner = |input: &str, output: &str| call("own", node("leaky", &[input], output, vec![]));
    let twice = FunctionProto {
        name: Some("twice".into()),
        node: vec![inner("x", "z"), inner("z", "y")],
        attribute_proto: vec![],
        opset_import: vec![opset, OperatorSetIdProto { domain: Some("own".into()), version: Some(1) }],
        ..leaky.clone()
    };
    vec![leaky, twice]
}

/// A model with functions, a branch on the rank of the image, and a loop that replaces a value with
/// a third of its square three times.
fn model() -> ModelProto {
    let mut g = Graph::new(18, DataType::Float);
    let weights = g.weights(&[60, 4]);
    let third = g.reals(&[], &[1.0 / 3.0]);
    let branch = |op: &str| GraphProto {
        name: Some(op.into()),
        node: vec![node(op, &["b"], "taken", vec![])],
        output: vec![ValueInfoProto::named("taken")],
        ..Default::default()
    };
    let body = GraphProto {
        name: Some("body".into()),
        node: vec![
            node("Mul", &["state", "state"], "square", vec![]),
            node("Mul", &["square", &third], "next", vec![]),
            node("Identity", &["going"], "goes_on", vec![]),
        ],
        input: vec![
            ValueInfoProto::fixed("turn", DataType::Int64, &[]),
            ValueInfoProto::fixed("going", DataType::Bool, &[]),
            ValueInfoProto::named("state"),
        ],
        output: vec![ValueInfoProto::named("goes_on"), ValueInfoProto::named("next")],
        ..Default::default()
    };
    g.nodes = vec![
        call("own", node("leaky", &["image"], "a", vec![A::float("slope", 0.1)])),
        call("own", node("twice", &["a"], "b", vec![])),
        node("Shape", &["b"], "shape", vec![]),
        node("Size", &["shape"], "rank", vec![]),
        node("Equal", &["rank", "four"], "is_four", vec![]),
        node(
            "If",
            &["is_four"],
            "c",
            vec![A::graph("then_branch", branch("Tanh")), A::graph("else_branch", branch("Exp"))],
        ),
        node("Loop", &["three", "", "c"], "d", vec![A::graph("body", body)]),
        node("Flatten", &["d"], "e", vec![]),
        node("MatMul", &["e", &weights], "scores", vec![]),
    ];
    g.initializers.extend([scalar("four", 4), scalar("three", 3)]);
    let mut model = g.model(&SHAPE, "scores");
    model.functions = functions();
    model.opset_import.push(OperatorSetIdProto { domain: Some("own".into()), version: Some(1) });
    model
}

/// The same model without functions, branch and loop.
fn plain() -> ModelProto {
    let mut g = Graph::new(18, DataType::Float);
    let weights = g.weights(&[60, 4]);
    let third = g.reals(&[], &[1.0 / 3.0]);
    let mut y = "image".to_owned();
    for slope in [0.1, 0.3, 0.3] {
        y = g.node("LeakyRelu", &[&y], vec![A::float("alpha", slope)]);
    }
    y = g.node("Tanh", &[&y], vec![]);
    for _ in 0..3 {
        y = g.node("Mul", &[&y, &y], vec![]);
        y = g.node("Mul", &[&y, &third], vec![]);
    }
    y = g.node("Flatten", &[&y], vec![]);
    y = g.node("MatMul", &[&y, &weights], vec![]);
    g.model(&SHAPE, &y)
}

fn gradient(model: ModelProto) -> Vec<f64> {
    let (model, shapes) = prepare(model, &Request::default(), runtime::run).unwrap();
    let made = differentiate(&model, &shapes, &Options::default()).unwrap();
    let graph = made.graph.as_ref().unwrap();
    assert!(graph.node.iter().all(|node| !["If", "Loop", "twice", "leaky"].contains(&node.op_type())));
    let target = ort::value::Tensor::from_array(([1], vec![2i64])).unwrap();
    let image = value(DataType::Float, &SHAPE, &Random(3).take(60));
    let mut session = try_session(&made).unwrap();
    reals(&session.run(ort::inputs!["image" => image, "target" => target]).unwrap()["gradient"])
}

#[test]
fn bodies_are_differentiated_as_if_they_had_been_written_out() {
    let (bodies, plain) = (gradient(model()), gradient(plain()));
    assert!(plain.iter().any(|value| *value != 0.0));
    assert!(relative_error(&bodies, &plain) < 1e-6);
}

#[test]
fn functions_without_an_end_and_of_another_opset_are_refused() {
    let mut endless = model();
    endless.functions[0].node[0] = call("own", node("twice", &["x"], "y", vec![]));
    let problem = onnx::inline_functions(&mut endless).unwrap_err().to_string();
    assert!(problem.contains("call each other without end"), "{problem}");
    let mut other = model();
    other.functions[0].opset_import[0].version = Some(9);
    let problem = onnx::inline_functions(&mut other).unwrap_err().to_string();
    assert!(problem.contains("leaky is written for opset 9 and the model for 18"), "{problem}");
}

#[test]
fn the_standard_domain_is_one_by_both_its_names() {
    let mut named = model();
    named.functions[0].opset_import[0].domain = Some("ai.onnx".into());
    onnx::inline_functions(&mut named.clone()).unwrap();
    named.functions[0].opset_import[0].version = Some(9);
    assert!(onnx::inline_functions(&mut named).unwrap_err().to_string().contains("opset 9"));
}

/// Thirty functions in the branches of a node, each of which calls the next one twice.
#[test]
fn functions_that_grow_without_bounds_are_refused() {
    let function = |index: usize| {
        let inner = |input: &str, output: &str| call("own", node(&format!("f{}", index + 1), &[input], output, vec![]));
        FunctionProto {
            name: Some(format!("f{index}")),
            node: vec![inner("x", "z"), inner("z", "y")],
            attribute_proto: vec![],
            ..functions().swap_remove(0)
        }
    };
    let mut growing = model();
    growing.functions.extend((0..30).map(function));
    let branch = growing.graph.as_mut().unwrap().node[5].attribute[0].g.as_mut().unwrap();
    branch.node[0] = call("own", node("f0", &["b"], "taken", vec![]));
    let problem = onnx::inline_functions(&mut growing).unwrap_err().to_string();
    assert!(problem.contains("become more than 262144 nodes"), "{problem}");
}

/// A loop's body with the condition `going_on`.
fn body(nodes: Vec<NodeProto>, going_on: &str) -> GraphProto {
    GraphProto {
        node: nodes,
        input: ["turn", "going", "state"].map(ValueInfoProto::named).into(),
        output: [going_on, "next"].map(ValueInfoProto::named).into(),
        ..Default::default()
    }
}

#[test]
fn loops_in_loops_stay_where_they_would_be_too_many_nodes() {
    let mut inner = vec![node("Identity", &["state"], "next", vec![])];
    for _ in 0..2 {
        inner = vec![node("Loop", &["many", "", "state"], "next", vec![A::graph("body", body(inner, "going"))])];
    }
    let outer = node("Loop", &["many", "", "image"], "scores", vec![A::graph("body", body(inner, "going"))]);
    let mut graph = GraphProto { node: vec![outer], initializer: vec![scalar("many", 1000)], ..Default::default() };
    while onnx::write_out_control_flow(&mut graph, &HashMap::new(), 13) {}
    assert!(graph.node.len() < 20_000 && graph.node.iter().any(|node| node.is("Loop")), "{}", graph.node.len());
}

#[test]
fn a_condition_that_is_handed_on_in_a_circle_is_no_reason_to_go_on() {
    let circle = vec![
        node("Identity", &["b"], "a", vec![]),
        node("Identity", &["a"], "b", vec![]),
        node("Relu", &["state"], "next", vec![]),
    ];
    let circle = node("Loop", &["three", "", "image"], "scores", vec![A::graph("body", body(circle, "a"))]);
    let mut graph = GraphProto { node: vec![circle], initializer: vec![scalar("three", 3)], ..Default::default() };
    assert!(!onnx::write_out_control_flow(&mut graph, &HashMap::new(), 13));
}

#[test]
fn a_loop_of_many_rounds_that_the_picture_decides_is_named() {
    let mut open = model();
    let graph = open.graph.as_mut().unwrap();
    *graph.initializer.iter_mut().find(|tensor| tensor.name() == "three").unwrap() = scalar("three", 100);
    let body = graph.node[6].attribute[0].g.as_mut().unwrap();
    body.node.push(node("ReduceSum", &["state"], "sum", vec![A::int("keepdims", 0)]));
    body.node.push(node("Greater", &["sum", "weights1"], "more", vec![]));
    body.output[0] = ValueInfoProto::named("more");
    let (model, shapes) = prepare(open, &Request::default(), runtime::run).unwrap();
    let problem = differentiate(&model, &shapes, &Options::default()).unwrap_err().to_string();
    assert!(problem.contains("Loop (node"), "{problem}");
}

#[test]
fn a_loop_without_an_end_is_refused() {
    let mut endless = model();
    endless.graph.as_mut().unwrap().node[6].input[0] = String::new();
    let problem = prepare(endless, &Request::default(), runtime::run).unwrap_err().to_string();
    assert!(problem.contains("(Loop) never ends"), "{problem}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bodies_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        decided in any::<bool>(),
    ) {
        let mut bytes = prost::Message::encode_to_vec(&model());
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(mut model) = onnx::decode(&bytes) && onnx::inline_functions(&mut model).is_ok() {
            let known = HashMap::from([("is_four".to_owned(), scalar("", i64::from(decided)))]);
            let graph = model.graph.as_mut().unwrap();
            onnx::write_out_control_flow(graph, &known, 13);
            let _ = onnx::sort(graph);
        }
    }
}

/// Eight functions, each of which calls the next one eight times; the last holds weights of a megabyte.
#[test]
fn functions_and_loops_whose_weights_would_take_all_memory_are_not_written_out() {
    let weights = TensorProto::from_raw("w", DataType::Uint8, &[1 << 20], vec![0; 1 << 20]);
    let constant = A { name: Some("value".into()), t: Some(weights.clone()), ..Default::default() };
    let function = |index: usize| {
        let calls =
            (0..8).map(|number| call("own", node(&format!("f{}", index + 1), &["x"], &format!("y{number}"), vec![])));
        let nodes = if index < 4 { calls.collect() } else { vec![node("Constant", &[], "y0", vec![constant.clone()])] };
        FunctionProto {
            name: Some(format!("f{index}")),
            output: vec!["y0".into()],
            node: nodes,
            attribute_proto: vec![],
            ..functions().swap_remove(0)
        }
    };
    let mut growing = model();
    growing.functions = (0..5).map(function).collect();
    growing.graph.as_mut().unwrap().node = vec![call("own", node("f0", &["image"], "scores", vec![]))];
    let problem = onnx::inline_functions(&mut growing).unwrap_err().to_string();
    assert!(problem.contains("2 GB"), "{problem}");

    let turn =
        GraphProto { initializer: vec![weights], ..body(vec![node("Relu", &["state"], "next", vec![])], "going") };
    let heavy = node("Loop", &["many", "", "image"], "scores", vec![A::graph("body", turn)]);
    let mut graph = GraphProto { node: vec![heavy], initializer: vec![scalar("many", 1000)], ..Default::default() };
    assert!(!onnx::write_out_control_flow(&mut graph, &HashMap::new(), 13));
}
