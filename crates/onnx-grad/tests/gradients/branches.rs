//! Branches that the picture decides.

use crate::common::{Graph, Random, body, node, reals, relative_error, try_session, value};
use crate::runtime;
use onnx_grad::onnx::{AttributeProto as A, DataType, GraphProto, ModelProto, NodeProto, TensorProto};
use onnx_grad::{Baseline, Method, Options, Perturbation, Request, Sampling, differentiate, prepare};

const IMAGE: &[usize] = &[1, 3, 4, 2];

fn branch(nodes: Vec<NodeProto>, outputs: &[&str]) -> GraphProto {
    body(nodes, &[], outputs)
}

/// Whether the mean of the image is positive.
fn bright(g: &mut Graph) -> String {
    let zero = g.reals(&[], &[0.0]);
    let mean = g.node("ReduceMean", &["image"], vec![A::int("keepdims", 0)]);
    g.node("Greater", &[&mean, &zero], vec![])
}

fn choice(g: &mut Graph, condition: &str, branches: [GraphProto; 2], outputs: &[&str]) {
    let [then, other] = branches;
    let attributes = vec![A::graph("then_branch", then), A::graph("else_branch", other)];
    g.node("If", &[condition], attributes);
    g.nodes.last_mut().unwrap().output = outputs.iter().map(|name| name.to_string()).collect();
}

/// Scores of one or two values.
fn scored(mut g: Graph, parts: &[&str]) -> ModelProto {
    let all = g.integers(&[1, -1]);
    let rows: Vec<String> = parts.iter().map(|part| g.node("Reshape", &[part, &all], vec![])).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let row = g.node("Concat", &rows, vec![A::int("axis", 1)]);
    let weights = g.weights(&[24 * parts.len(), 2]);
    let scores = g.node("MatMul", &[&row, &weights], vec![]);
    g.model(IMAGE, &scores)
}

type Build = fn(i64) -> ModelProto;

/// A branch that would divide by zero where it is not taken, with weights of its own.
fn guarded(opset: i64) -> ModelProto {
    let mut g = Graph::new(opset, DataType::Double);
    let condition = bright(&mut g);
    let mut then =
        branch(vec![node("Mul", &["image", "own"], "scaled", vec![]), node("Tanh", &["scaled"], "y", vec![])], &["y"]);
    then.initializer.push(TensorProto::from_reals("own", DataType::Double, &[2], &[0.7, -0.4]));
    let never = node("Sub", &["image", "image"], "zero", vec![]);
    let root = node("Sqrt", &["zero"], "root", vec![]);
    let other = branch(vec![never, root, node("Add", &["root", "image"], "y2", vec![])], &["y2"]);
    choice(&mut g, &condition, [then, other], &["chosen"]);
    scored(g, &["chosen"])
}

/// Two outputs, of which one is an outer value; values inside and outside are read.
fn two(opset: i64) -> ModelProto {
    let mut g = Graph::new(opset, DataType::Double);
    let condition = bright(&mut g);
    let squares = g.node("Mul", &["image", "image"], vec![]);
    let same = node("Identity", &[&squares], "same", vec![]);
    let then = branch(vec![node("Mul", &["image", &squares], "cubes", vec![]), same], &["cubes", "same"]);
    let other = branch(
        vec![node("Exp", &[&squares], "grown", vec![]), node("Neg", &["image"], "less", vec![])],
        &["grown", "less"],
    );
    choice(&mut g, &condition, [then, other], &["first", "second"]);
    scored(g, &["first", "second", &squares])
}

/// A branch whose result is a constant.
fn constant(opset: i64) -> ModelProto {
    let mut g = Graph::new(opset, DataType::Double);
    let condition = bright(&mut g);
    let mut then = branch(vec![], &["own"]);
    then.initializer.push(TensorProto::from_reals("own", DataType::Double, IMAGE, &Random(3).take(24)));
    choice(&mut g, &condition, [then, branch(vec![node("Neg", &["image"], "less", vec![])], &["less"])], &["chosen"]);
    scored(g, &["chosen", "image"])
}

/// A branch in a branch, on another condition.
fn nested(opset: i64) -> ModelProto {
    let mut g = Graph::new(opset, DataType::Double);
    let condition = bright(&mut g);
    let inner = [
        branch(vec![node("Tanh", &["doubled"], "a", vec![])], &["a"]),
        branch(vec![node("Exp", &["doubled"], "b", vec![])], &["b"]),
    ];
    let [then, other] = inner;
    let inner = node("If", &["much"], "picked", vec![A::graph("then_branch", then), A::graph("else_branch", other)]);
    let outer = vec![
        node("Add", &["image", "image"], "doubled", vec![]),
        node("ReduceMax", &["image"], "top", vec![A::int("keepdims", 0)]),
        node("Greater", &["top", "limit"], "much", vec![]),
        inner,
        node("Mul", &["picked", "image"], "y", vec![]),
    ];
    g.initializers.push(TensorProto::from_reals("limit", DataType::Double, &[], &[0.9]));
    let plain = branch(vec![node("Sigmoid", &["image"], "z", vec![])], &["z"]);
    choice(&mut g, &condition, [branch(outer, &["y"]), plain], &["chosen"]);
    scored(g, &["chosen"])
}

/// The error of the gradient of class 0 against central differences of the model itself, at `offset` plus noise.
fn error_at(model: &ModelProto, offset: f64) -> f64 {
    let (prepared, shapes) = prepare(model.clone(), &Request::default(), runtime::run).unwrap();
    let made = differentiate(&prepared, &shapes, &Options::default()).unwrap();
    let mut session = try_session(&made).unwrap();
    let pixels: Vec<f64> = Random(5).take(24).into_iter().map(|value| offset + value).collect();
    let target = ort::value::Tensor::from_array(([1], vec![0i64])).unwrap();
    let picture = value(DataType::Double, IMAGE, &pixels);
    let found = reals(&session.run(ort::inputs!["image" => picture, "target" => target]).unwrap()["gradient"]);
    let mut own = try_session(model).unwrap();
    let mut score = |place: usize, by: f64| {
        let mut moved = pixels.clone();
        moved[place] += by;
        reals(&own.run(ort::inputs!["image" => value(DataType::Double, IMAGE, &moved)]).unwrap()[0])[0]
    };
    let measured: Vec<f64> = (0..24).map(|place| (score(place, 1e-4) - score(place, -1e-4)) / 2e-4).collect();
    relative_error(&found, &measured)
}

#[test]
fn each_branch_is_differentiated_where_it_is_taken() {
    let models: [(&str, Build); 4] =
        [("guarded", guarded), ("constant", constant), ("two outputs", two), ("nested", nested)];
    let uses = models.iter().flat_map(|(what, build)| [11, 13, 16, 19, 21, 23, 25].map(|opset| (what, build(opset))));
    for (what, model) in uses {
        let offsets = if *what == "guarded" { vec![0.5] } else { vec![0.5, 0.2, -0.5] };
        for offset in offsets {
            let error = error_at(&model, offset);
            assert!(error < 1e-6, "{what} at {offset}: {error}");
        }
    }
}

#[test]
fn branches_of_different_shapes_are_refused() {
    let mut g = Graph::new(13, DataType::Double);
    let condition = bright(&mut g);
    let mean = node("ReduceMean", &["image"], "mean", vec![A::ints("axes", &[3])]);
    let branches = [branch(vec![mean], &["mean"]), branch(vec![node("Neg", &["image"], "less", vec![])], &["less"])];
    choice(&mut g, &condition, branches, &["chosen"]);
    let sum = g.node("Add", &["chosen", "image"], vec![]);
    let (prepared, shapes) = prepare(scored(g, &[&sum]), &Request::default(), runtime::run).unwrap();
    let problem = differentiate(&prepared, &shapes, &Options::default()).unwrap_err().to_string();
    assert!(
        problem.contains("If (node If2, whose branches give values of different shapes, or do not run"),
        "{problem}"
    );
}

#[test]
fn branches_are_sampled_like_other_nodes() {
    let model = two(13);
    let (prepared, shapes) = prepare(model, &Request::default(), runtime::run).unwrap();
    let perturbation = Perturbation::Path(Baseline::Colour([0.1, 0.2, 0.3]));
    let method = Method::Sampled(Sampling { samples: 64, perturbation });
    let made = differentiate(&prepared, &shapes, &Options { method, ..Default::default() }).unwrap();
    let mut session = try_session(&made).unwrap();
    let mut run = |pixels: &[f64]| {
        let target = ort::value::Tensor::from_array(([1], vec![0i64])).unwrap();
        let picture = value(DataType::Double, IMAGE, pixels);
        let found = session.run(ort::inputs!["image" => picture, "target" => target]).unwrap();
        (reals(&found["scores"])[0], reals(&found["gradient"]).iter().sum::<f64>())
    };
    // Between the two, the mean of the image is positive.
    let baseline: Vec<f64> =
        (0..24).map(|place| [0.1, 0.2, 0.3][place / 8]).map(|value| f64::from(value as f32)).collect();
    let bright: Vec<f64> = Random(5).take(24).into_iter().map(|value| 0.5 + value / 2.0).collect();
    let (score, sum) = run(&bright);
    let difference = score - run(&baseline).0;
    assert!((sum - difference).abs() < 1e-5 * difference.abs(), "{sum} {difference}");
}
