//! Models that would take no end of time or memory are refused by bounds or done in seconds. A test that fails here
//! may hang instead.

use std::time::{Duration, Instant};

use crate::common::{Graph, body, node, reals, relative_error, try_session, value};
use crate::runtime;
use onnx_grad::onnx::{
    AttributeProto as A, DataType, FunctionProto, ModelProto, NodeProto, StringStringEntryProto, TensorProto,
    ValueInfoProto,
};
use onnx_grad::{Options, Request, Shapes, TensorType, differentiate, prepare};

const IMAGE: &[usize] = &[1, 3, 4, 4];

/// A classifier of the value that `nodes` make.
fn classifier(nodes: Vec<NodeProto>, x: &str, constants: Vec<TensorProto>) -> ModelProto {
    let mut g = Graph::new(13, DataType::Float);
    g.nodes = nodes;
    g.initializers = constants;
    let y = g.node("Flatten", &[x], vec![]);
    let weights = g.weights(&[48, 4]);
    let scores = g.node("MatMul", &[&y, &weights], vec![]);
    g.model(IMAGE, &scores)
}

fn outcome(model: ModelProto) -> String {
    let start = Instant::now();
    let made = prepare(model, &Request::default(), runtime::run).map_err(|e| e.to_string());
    let made =
        made.and_then(|(model, shapes)| differentiate(&model, &shapes, &Options::default()).map_err(|e| e.to_string()));
    assert!(start.elapsed() < Duration::from_secs(20), "took {:?}", start.elapsed());
    made.map_or_else(|problem| problem, |_| "made".into())
}

/// A branch on `condition` that holds another one, and so on.
fn nested(depth: usize, condition: &str) -> NodeProto {
    let output = format!("y{depth}");
    let leaf = |op: &str| body(vec![node(op, &["image"], "leaf", vec![])], &[], &["leaf"]);
    let inner = |depth: usize| {
        let inner = nested(depth, condition);
        let name = inner.output[0].clone();
        body(vec![inner], &[], &[&name])
    };
    let taken = if depth == 0 { leaf("Relu") } else { inner(depth - 1) };
    node("If", &[condition], &output, vec![A::graph("then_branch", taken), A::graph("else_branch", leaf("Tanh"))])
}

fn truth(name: &str) -> TensorProto {
    TensorProto::from_raw(name, DataType::Bool, &[], vec![1])
}

#[test]
fn branches_nested_deep_are_written_out_before_they_run() {
    let model = classifier(vec![nested(20, "yes")], "y20", vec![truth("yes")]);
    assert_eq!(outcome(model), "made");
}

#[test]
fn branches_nested_deep_whose_condition_is_not_known_are_refused() {
    let shape = vec![node("Shape", &["image"], "shape", vec![]), node("Size", &["shape"], "rank", vec![])];
    let condition = node("Cast", &["rank"], "is_some", vec![A::int("to", DataType::Bool as i64)]);
    let nodes = [shape, vec![condition, nested(20, "is_some")]].concat();
    let problem = outcome(classifier(nodes, "y20", vec![]));
    assert!(problem.contains("node y20 (If) holds branches or loops nested 21 deep, and the limit is 12"), "{problem}");
}

/// Loops in loops, each of `count` rounds, that squash the image.
fn loops(depth: usize, count: &str, from: &str) -> NodeProto {
    let own = |name: &str| format!("{name}{depth}");
    let state = own("state");
    let inner = match depth {
        1 => node("Sigmoid", &[&state], "next1", vec![]),
        _ => loops(depth - 1, count, &state),
    };
    let next = inner.output[0].clone();
    let goes_on = node("Identity", &[&own("going")], &own("goes_on"), vec![]);
    let mut body = body(vec![inner, goes_on], &[], &[&own("goes_on"), &next]);
    body.input = vec![
        ValueInfoProto::fixed(&own("turn"), DataType::Int64, &[]),
        ValueInfoProto::fixed(&own("going"), DataType::Bool, &[]),
        ValueInfoProto::fixed(&state, DataType::Float, IMAGE),
    ];
    node("Loop", &[count, "", from], &own("y"), vec![A::graph("body", body)])
}

fn scalar(name: &str, value: i64) -> TensorProto {
    TensorProto::from_integers(name, &[], &[value])
}

#[test]
fn loops_that_would_run_for_days_are_refused() {
    for (depth, count) in [(1, 1 << 62), (1, i64::MAX), (3, 1000), (2, 1 << 40)] {
        let problem = outcome(classifier(
            vec![loops(depth, "count", "image")],
            &format!("y{depth}"),
            vec![scalar("count", count)],
        ));
        assert!(
            problem.contains("the loops of the model run more than 4194304 nodes (y"),
            "{depth} {count}: {problem}"
        );
    }
    let product = node("Mul", &["count", "count"], "square", vec![]);
    let model = classifier(vec![product, loops(1, "square", "image")], "y1", vec![scalar("count", 1 << 31)]);
    let problem = outcome(model);
    assert!(problem.contains("the loops of the model run more than"), "{problem}");
}

/// A number that a loop counts up to, which is longer than the run that finds shapes, is not taken for what that found.
#[test]
fn what_a_long_loop_counts_is_not_taken_for_a_constant() {
    let turn = vec![node("Add", &["state", "one"], "next", vec![]), node("Less", &["next", "many"], "more", vec![])];
    let mut body = body(turn, &[], &["more", "next"]);
    body.input = vec![
        ValueInfoProto::fixed("turn", DataType::Int64, &[]),
        ValueInfoProto::fixed("going", DataType::Bool, &[]),
        ValueInfoProto::fixed("state", DataType::Float, &[]),
    ];
    let nodes = vec![
        node("Loop", &["", "yes", "none"], "count", vec![A::graph("body", body)]),
        node("Div", &["count", "many"], "share", vec![]),
        node("Mul", &["image", "share"], "x", vec![]),
    ];
    let number = |name: &str, value: f64| TensorProto::from_reals(name, DataType::Float, &[], &[value]);
    let constants = vec![truth("yes"), number("one", 1.0), number("none", 0.0), number("many", 50_000.0)];
    let model = classifier(nodes, "x", constants);
    let (prepared, shapes) = prepare(model.clone(), &Request::default(), runtime::run).unwrap();
    assert!(!shapes.constants.contains_key("count") && !shapes.constants.contains_key("share"));
    let made = differentiate(&prepared, &shapes, &Options::default()).unwrap();
    let mut session = try_session(&made).unwrap();
    let picture = || value(DataType::Float, IMAGE, &[0.5; 48]);
    let target = ort::value::Tensor::from_array(([1], vec![0i64])).unwrap();
    let found = reals(&session.run(ort::inputs!["image" => picture(), "target" => target]).unwrap()["scores"]);
    let own = reals(&try_session(&model).unwrap().run(ort::inputs!["image" => picture()]).unwrap()[0]);
    assert!(relative_error(&found, &own) < 1e-6, "{found:?} {own:?}");
}

/// A loop that squashes the image as long as its largest value is above -1: without an end.
fn unending(count: &str) -> Vec<NodeProto> {
    let turn = vec![
        node("Sigmoid", &["state"], "next", vec![]),
        node("ReduceMax", &["next"], "top", vec![A::int("keepdims", 0)]),
        node("Greater", &["top", "low"], "more", vec![]),
    ];
    let mut body = body(turn, &[], &["more", "next"]);
    body.input = vec![
        ValueInfoProto::fixed("turn", DataType::Int64, &[]),
        ValueInfoProto::fixed("going", DataType::Bool, &[]),
        ValueInfoProto::fixed("state", DataType::Float, IMAGE),
    ];
    vec![node("Loop", &[count, "yes", "image"], "y", vec![A::graph("body", body)])]
}

#[test]
fn loops_whose_condition_never_ends_them_do_not_hang() {
    let low = TensorProto::from_reals("low", DataType::Float, &[], &[-1.0]);
    for (count, constants) in [("", vec![]), ("count", vec![scalar("count", i64::MAX)])] {
        let constants = [constants, vec![truth("yes"), low.clone()]].concat();
        let problem = outcome(classifier(unending(count), "y", constants));
        assert!(problem.contains("Loop (node y"), "{problem}");
    }
}

#[test]
fn more_nodes_than_a_runtime_takes_are_refused() {
    let name = |index: usize| if index == 0 { "image".to_owned() } else { format!("v{index}") };
    let chain = |count: usize| {
        let nodes = (0..count).map(|index| node("Neg", &[&name(index)], &name(index + 1), vec![])).collect();
        classifier(nodes, &name(count), vec![])
    };
    let problem = outcome(chain(100_000));
    assert!(problem.contains("the model has 100002 nodes, and the limit is 32768"), "{problem}");
    assert_eq!(outcome(chain(4_000)), "made");
}

#[test]
fn a_long_chain_after_the_scores_is_looked_through_in_linear_time() {
    let mut g = Graph::new(13, DataType::Float);
    let sizes = g.integers(&[1, 48]);
    let mut x = g.node("Reshape", &["image", &sizes], vec![]);
    for _ in 0..100_000 {
        x = g.node("Identity", &[&x], vec![]);
    }
    let model = g.model(IMAGE, &x);
    let kind = |shape: &[usize]| TensorType { dtype: DataType::Float, shape: shape.to_vec() };
    let names = model.graph.as_ref().unwrap().node.iter().map(|node| (node.output[0].clone(), kind(&[1, 48])));
    let tensors = names.chain([("image".to_owned(), kind(IMAGE))]).collect();
    let shapes = Shapes { image: "image".into(), output: x, tensors, ..Default::default() };
    let start = Instant::now();
    differentiate(&model, &shapes, &Options::default()).unwrap();
    assert!(start.elapsed() < Duration::from_secs(20), "took {:?}", start.elapsed());
}

#[test]
fn only_the_bytes_of_a_tensor_are_read_from_external_data() {
    let folder = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(folder.path().join("weights")).unwrap();
    file.set_len(60 << 30).unwrap();
    let mut model = classifier(vec![node("Relu", &["image"], "x", vec![])], "x", vec![]);
    let weights = model.graph.as_mut().unwrap().initializer.iter_mut().find(|t| t.raw_data().len() == 768).unwrap();
    weights.raw_data = None;
    weights.data_location = Some(1);
    let entry = |key: &str, value: &str| StringStringEntryProto { key: Some(key.into()), value: Some(value.into()) };
    weights.external_data = vec![entry("location", "weights")];
    let path = folder.path().join("model.onnx");
    let load = |model: &ModelProto| {
        std::fs::write(&path, prost::Message::encode_to_vec(model)).unwrap();
        onnx_grad::load(&path).map_err(|e| e.to_string())
    };
    let loaded = load(&model).unwrap().graph.unwrap();
    assert!(loaded.initializer.iter().any(|tensor| tensor.raw_data().len() == 768));
    let weights = |model: &mut ModelProto, change: &dyn Fn(&mut TensorProto)| {
        change(model.graph.as_mut().unwrap().initializer.iter_mut().find(|t| t.data_location == Some(1)).unwrap());
    };
    let mut long = model.clone();
    weights(&mut long, &|t| t.external_data.push(entry("length", &(60u64 << 30).to_string())));
    let problem = load(&long).unwrap_err();
    assert!(problem.contains("has 768 bytes, and its external data 64424509440"), "{problem}");
    weights(&mut model, &|t| t.dims = vec![1 << 20, 1 << 14]);
    let problem = load(&model).unwrap_err();
    assert!(problem.contains("has 68719476736 bytes, and the limit is 17179869184"), "{problem}");
}

/// Thirty functions that hand their graph on to the next one inside two branches.
#[test]
fn functions_that_grow_through_their_attributes_are_refused() {
    let reference =
        |name: &str| A { ref_attr_name: Some("g".into()), ..A { g: None, ..A::graph(name, body(vec![], &[], &[])) } };
    let function = |index: usize| {
        let both = node("If", &["yes"], "taken", vec![reference("then_branch"), reference("else_branch")]);
        let doubled = body(vec![both], &[], &["taken"]);
        let call = node(&format!("f{}", index + 1), &["x"], "y", vec![A::graph("g", doubled)]);
        FunctionProto {
            name: Some(format!("f{index}")),
            domain: Some("own".into()),
            input: vec!["x".into()],
            output: vec!["y".into()],
            node: vec![NodeProto { domain: Some("own".into()), ..call }],
            ..Default::default()
        }
    };
    let leaf = body(vec![node("Relu", &["image"], "leaf", vec![])], &[], &["leaf"]);
    let call = NodeProto { domain: Some("own".into()), ..node("f0", &["image"], "y", vec![A::graph("g", leaf)]) };
    let mut model = classifier(vec![call], "y", vec![truth("yes")]);
    model.functions = (0..30).map(function).collect();
    let problem = outcome(model);
    assert!(problem.contains("become more than 262144 nodes"), "{problem}");
}
