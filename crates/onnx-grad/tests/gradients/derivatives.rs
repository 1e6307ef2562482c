//! Derivatives of any model: each form of what is differentiated, and by what, against finite differences.

use std::collections::HashMap;
use std::error::Error;

use onnx_grad::onnx::{AttributeProto as A, DataType, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use onnx_grad::{Batch, Compiled, Derivative, Method, Objective, Options, Perturbation, Sampling, Statistic, compile};
use ort::value::Tensor;

use crate::common::{Graph, Random, reals, relative_error, try_session, value};
use crate::runtime;

/// Values by name, with their shapes.
pub type Values = HashMap<String, (Vec<usize>, Vec<f64>)>;

/// A net with two inputs, `image` [N, 3, 4, 2] and `other` [N, 5], and the outputs `logits` [N, 5], the sum of `other`
/// squared and of a layer `hidden`, and `boxes` [N, 4, 3].
fn net(opset: i64, batch: usize) -> ModelProto {
    let mut g = Graph::new(opset, DataType::Double);
    let squares = g.node("Mul", &["image", "image"], vec![]);
    let flat = g.node("Flatten", &[&squares], vec![]);
    let (weights, more, fewer) = (g.weights(&[24, 6]), g.weights(&[6, 5]), g.weights(&[6, 3]));
    let sum = g.node("MatMul", &[&flat, &weights], vec![]);
    g.nodes.push(NodeProto::new("Sigmoid", "hidden", vec![sum], vec!["hidden".into()]));
    let scores = g.node("MatMul", &["hidden", &more], vec![]);
    let own = g.node("Mul", &["other", "other"], vec![]);
    g.nodes.push(NodeProto::new("Add", "logits", vec![scores, own], vec!["logits".into()]));
    let sizes = g.integers(&[0, 4, 6]);
    let rows = g.node("Reshape", &[&squares, &sizes], vec![]);
    let boxes = g.node("MatMul", &[&rows, &fewer], vec![]);
    g.nodes.push(NodeProto::new("Sigmoid", "boxes", vec![boxes], vec!["boxes".into()]));
    let mut model = g.model(&[batch, 3, 4, 2], "logits");
    let graph = model.graph.as_mut().unwrap();
    graph.input.push(ValueInfoProto::fixed("other", DataType::Double, &[batch, 5]));
    graph.output.push(ValueInfoProto::named("boxes"));
    graph.output.push(ValueInfoProto::named("hidden"));
    model
}

pub fn wanted(of: &str, wrt: &[&str]) -> Derivative {
    let wrt = wrt.iter().map(|name| name.to_string()).collect();
    Derivative { of: Some(of.parse().unwrap()), wrt, ..Default::default() }
}

pub fn derived(model: &ModelProto, wanted: &Derivative) -> Result<Compiled, Box<dyn Error>> {
    compile(model.clone(), wanted, &Options::default(), runtime::run)
}

fn sample(batch: usize) -> Values {
    let mut random = Random(batch as u64);
    let mut value = |shape: &[usize]| (shape.to_vec(), random.take(shape.iter().product()));
    let image = value(&[batch, 3, 4, 2]);
    HashMap::from([("image".to_owned(), image), ("other".to_owned(), value(&[batch, 5]))])
}

/// Runs a model on doubles, and on int64 targets.
fn run(model: &ModelProto, values: &Values, target: Option<(&[usize], &[i64])>) -> HashMap<String, Vec<f64>> {
    let mut session = try_session(model).unwrap();
    let inputs = values.iter().map(|(name, (shape, x))| (name.clone(), value(DataType::Double, shape, x)));
    let mut inputs: Vec<_> = inputs.collect();
    if let Some((shape, ids)) = target {
        inputs.push(("target".into(), Tensor::from_array((shape.to_vec(), ids.to_vec())).unwrap().into_dyn()));
    }
    let outputs = session.run(inputs).unwrap();
    let is_real = |name: &&str| *name != "class";
    outputs.keys().filter(is_real).map(|name| (name.to_owned(), reals(&outputs[name]))).collect()
}

/// The gradient of `score`, made of the model's own outputs, by the input `name`.
fn differences(
    model: &ModelProto,
    values: &Values,
    name: &str,
    score: impl Fn(&HashMap<String, Vec<f64>>) -> f64,
) -> Vec<f64> {
    const STEP: f64 = 1e-4;
    let mut session = try_session(model).unwrap();
    let mut at = |place: usize, by: f64| {
        let inputs = values.iter().map(|(own, (shape, x))| {
            let mut x = x.clone();
            if own == name {
                x[place] += by;
            }
            (own.clone(), value(DataType::Double, shape, &x))
        });
        let outputs = session.run(inputs.collect::<Vec<_>>()).unwrap();
        score(&outputs.keys().map(|name| (name.to_owned(), reals(&outputs[name]))).collect())
    };
    (0..values[name].1.len()).map(|place| (at(place, STEP) - at(place, -STEP)) / (2.0 * STEP)).collect()
}

type Score = fn(&HashMap<String, Vec<f64>>) -> f64;

fn greatest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::MIN, f64::max)
}

/// Numbers of a single picture.
#[rustfmt::skip]
const FORMS: &[(&str, Score)] = &[
    ("logits[:,2]", |v| v["logits"][2]),
    ("logits[:,-1]", |v| v["logits"][4]),
    ("-logits[:,2]", |v| -v["logits"][2]),
    ("logits[:,2] - logits[:,3] + logits[:,0]", |v| v["logits"][2] - v["logits"][3] + v["logits"][0]),
    ("logits[:,sum]", |v| v["logits"].iter().sum()),
    ("logits[:,max]", |v| greatest(v["logits"].iter().copied())),
    ("logits[:,1:3]", |v| (v["logits"][1] + v["logits"][2]) / 2.0),
    ("logits[:,-2:]", |v| (v["logits"][3] + v["logits"][4]) / 2.0),
    ("boxes[:,max,1]", |v| greatest(v["boxes"].iter().skip(1).step_by(3).copied())),
    ("boxes[:,sum,1]", |v| v["boxes"].iter().skip(1).step_by(3).sum()),
    ("boxes[:,*,1] - boxes[:,0,2]", |v| v["boxes"].iter().skip(1).step_by(3).sum::<f64>() / 4.0 - v["boxes"][2]),
    ("boxes[:,1:3,:2]", |v| (v["boxes"][3] + v["boxes"][4] + v["boxes"][6] + v["boxes"][7]) / 4.0),
    ("boxes[0,2,1]", |v| v["boxes"][7]),
    ("hidden[:,3]", |v| v["hidden"][3]),
];

const OPSETS: [i64; 4] = [9, 11, 13, 18];

#[test]
fn each_form_has_the_gradient_of_its_number() {
    for opset in OPSETS {
        let (model, values) = (net(opset, 1), sample(1));
        for (of, score) in FORMS {
            let made = derived(&model, &wanted(of, &["image"])).unwrap();
            assert!(made.notes.is_empty(), "{:?}", made.notes);
            let found = run(&made.model, &values, None);
            let stated = score(&run(&model, &values, None));
            assert!((found["score"][0] - stated).abs() < 1e-12, "{of}");
            let error = relative_error(&found["gradient"], &differences(&model, &values, "image", score));
            assert!(error < 1e-6, "{of}, opset {opset}: {error}");
        }
    }
}

#[test]
fn each_picture_of_a_batch_has_its_own_gradient() {
    let (model, values) = (net(13, 3), sample(3));
    let made = derived(&model, &wanted("boxes[:,max,1]", &["image"])).unwrap();
    let found = run(&made.model, &values, None);
    let one = derived(&net(13, 1), &wanted("boxes[:,max,1]", &["image"])).unwrap();
    for picture in 0..3 {
        let part = |(name, (shape, x)): (&String, &(Vec<usize>, Vec<f64>))| {
            let size = x.len() / 3;
            (name.clone(), ([&[1], &shape[1..]].concat(), x[picture * size..][..size].to_vec()))
        };
        let own = run(&one.model, &values.iter().map(part).collect(), None);
        assert!((own["score"][0] - found["score"][picture]).abs() < 1e-12);
        assert!(relative_error(&found["gradient"][picture * 24..][..24], &own["gradient"]) < 1e-12);
    }
}

#[test]
fn several_inputs_and_inner_values_have_gradients_of_one_pass() {
    let (model, values) = (net(13, 1), sample(1));
    let made = derived(&model, &wanted("logits[:,2]", &["other", "hidden", "image"])).unwrap();
    let found = run(&made.model, &values, None);
    for name in ["image", "other"] {
        let expected = differences(&model, &values, name, |v| v["logits"][2]);
        assert!(relative_error(&found[&format!("gradient.{name}")], &expected) < 1e-6, "{name}");
    }
    // The layer's weights for the class are the gradient by the layer.
    let weights = model.graph.as_ref().unwrap().initializer[1].reals().unwrap();
    let expected: Vec<f64> = weights.iter().skip(2).step_by(5).copied().collect();
    assert!(relative_error(&found["gradient.hidden"], &expected) < 1e-12);
}

#[test]
fn an_inner_product_takes_its_vector_as_an_input() {
    let (model, mut values) = (net(13, 1), sample(1));
    let made = derived(&model, &wanted("dot(boxes)", &["image"])).unwrap();
    let vector = Random(9).take(12);
    let expected = differences(&model, &values, "image", |v| v["boxes"].iter().zip(&vector).map(|(a, b)| a * b).sum());
    values.insert("cotangent".into(), (vec![1, 4, 3], vector.clone()));
    assert!(relative_error(&run(&made.model, &values, None)["gradient"], &expected) < 1e-6);
}

/// The squared distance of the logits from an input `wish`.
fn distance(opset: i64) -> ModelProto {
    let node = |op: &str, inputs: [&str; 2], output: &str| {
        NodeProto::new(op, output, inputs.map(str::to_owned).into(), vec![output.into()])
    };
    let sum = NodeProto::new("ReduceSum", "sum", vec!["square".into(), "axis".into()], vec!["distance".into()]);
    let graph = GraphProto {
        name: Some("distance".into()),
        node: vec![
            // The same names as in the model must not matter.
            node("Sub", ["logits", "wish"], "hidden"),
            node("Mul", ["hidden", "hidden"], "square"),
            NodeProto { attribute: vec![A::int("keepdims", 0)], ..sum },
        ],
        initializer: vec![TensorProto::from_integers("axis", &[1], &[1])],
        input: vec![
            ValueInfoProto::fixed("logits", DataType::Double, &[1, 5]),
            ValueInfoProto::fixed("wish", DataType::Double, &[1, 5]),
        ],
        output: vec![ValueInfoProto::named("distance")],
        ..Default::default()
    };
    ModelProto { graph: Some(graph), ..Graph::new(opset, DataType::Double).model(&[1], "x") }
}

#[test]
fn a_graph_of_ones_own_is_differentiated() {
    let (model, mut values) = (net(13, 1), sample(1));
    let of = Some(Objective::Graph(Box::new(distance(13))));
    let wanted = Derivative { of, wrt: vec!["image".into(), "wish".into()], ..Default::default() };
    let made = derived(&model, &wanted).unwrap();
    let wish = Random(4).take(5);
    let far = |v: &HashMap<String, Vec<f64>>| v["logits"].iter().zip(&wish).map(|(a, b)| (a - b).powi(2)).sum();
    let expected = differences(&model, &values, "image", far);
    let logits = run(&model, &values, None)["logits"].clone();
    values.insert("wish".into(), (vec![1, 5], wish.clone()));
    let found = run(&made.model, &values, None);
    assert!(relative_error(&found["gradient.image"], &expected) < 1e-6);
    let by_wish: Vec<f64> = logits.iter().zip(&wish).map(|(a, b)| 2.0 * (b - a)).collect();
    assert!(relative_error(&found["gradient.wish"], &by_wish) < 1e-12);
    let other = Derivative { of: Some(Objective::Graph(Box::new(distance(14)))), ..Default::default() };
    assert!(derived(&model, &other).unwrap_err().to_string().contains("make the graph with opset 13"));
}

#[test]
fn several_targets_of_a_picture_are_those_one_by_one() {
    for opset in [9, 13] {
        let (model, values) = (net(opset, 2), sample(2));
        let single = derived(&model, &wanted("logits", &["image"])).unwrap().model;
        let several = Derivative { several_targets: true, ..wanted("logits", &["image"]) };
        let several = derived(&model, &several).unwrap().model;
        let targets = [[3, -1, 0], [1, 4, -1]];
        let found = run(&several, &values, Some((&[2, 3], targets.as_flattened())));
        for turn in 0..3 {
            let own = run(&single, &values, Some((&[2], &[targets[0][turn], targets[1][turn]])));
            for picture in 0..2 {
                let (a, b) =
                    (&found["gradient"][(picture * 3 + turn) * 24..][..24], &own["gradient"][picture * 24..][..24]);
                assert!(relative_error(a, b) < 1e-12, "opset {opset}, picture {picture}, target {turn}");
            }
        }
    }
}

/// The net with its first axes left open.
fn open_net(opset: i64) -> ModelProto {
    let mut model = net(opset, 1);
    for (input, shape) in model.graph.as_mut().unwrap().input.iter_mut().zip([vec![0, 3, 4, 2], vec![0, 5]]) {
        *input = ValueInfoProto::fixed(input.name(), DataType::Double, &shape);
    }
    model
}

#[test]
fn a_free_batch_gives_what_each_fixed_one_does() {
    let method = |perturbation| Method::Sampled(Sampling { samples: 3, perturbation });
    let methods = [
        Method::Gradient,
        Method::InputXGradient,
        method(Perturbation::Path(onnx_grad::Baseline::Colour([0.5; 3]))),
        method(Perturbation::Noise { level: 0.1, statistic: Statistic::Mean }),
    ];
    for (opset, of) in [(9, "logits"), (13, "logits"), (13, "boxes[:,max,1]"), (18, "boxes[:,max,1]")] {
        for method in &methods {
            let options = Options { method: method.clone(), ..Options::default() };
            let compiled = |batch| {
                let wanted = Derivative { batch, ..wanted(of, &["image"]) };
                compile(open_net(opset), &wanted, &options, runtime::run).unwrap().model
            };
            let free = compiled(Batch::Free);
            for batch in [1, 2, 4] {
                let targets = vec![1; batch];
                let shape = [batch];
                let target = (of == "logits").then_some((&shape[..], targets.as_slice()));
                let [a, b] = [&free, &compiled(Batch::Fixed(batch))].map(|model| run(model, &sample(batch), target));
                let error = relative_error(&a["gradient"], &b["gradient"]);
                assert!(error < 1e-9, "{of}, opset {opset}, {batch} pictures, {}: {error}", method.name());
            }
        }
    }
}

#[test]
fn a_batch_that_cannot_be_free_is_refused_with_a_way_out() {
    let free = |model: &ModelProto| {
        let wanted = Derivative { batch: Batch::Free, ..wanted("logits", &["image"]) };
        derived(model, &wanted).unwrap_err().to_string()
    };
    assert!(free(&net(13, 1)).contains("the file fixes the first axis of every input"), "{}", free(&net(13, 1)));
    // A weight for each number of pictures.
    let mut model = open_net(13);
    let graph = model.graph.as_mut().unwrap();
    let node = |op: &str, inputs: &[&str], output: &str| {
        NodeProto::new(op, output, inputs.iter().map(|name| name.to_string()).collect(), vec![output.into()])
    };
    let last = graph.node.iter_mut().find(|node| node.name() == "logits").unwrap();
    (last.name, last.output) = (Some("early".into()), vec!["early".into()]);
    graph.node.extend([
        node("Shape", &["image"], "sizes"),
        NodeProto { attribute: vec![A::int("to", DataType::Double as i64)], ..node("Cast", &["sizes"], "numbers") },
        node("Sqrt", &["numbers"], "roots"),
        node("Gather", &["roots", "zero"], "root"),
        node("Mul", &["early", "root"], "logits"),
    ]);
    graph.initializer.push(TensorProto::from_integers("zero", &[], &[0]));
    let refusal = free(&model);
    assert!(refusal.contains("(Mul) depends on it") && refusal.contains("ask for a fixed batch"), "{refusal}");
    let fixed = Derivative { batch: Batch::Fixed(2), ..wanted("logits", &["image"]) };
    assert!(derived(&model, &fixed).is_ok());
}

#[test]
fn inputs_are_named_as_their_own_and_stand_for_what_they_are_cast_to() {
    let mut g = Graph::new(13, DataType::Double);
    let cast = g.node("Cast", &["target"], vec![A::int("to", DataType::Double as i64)]);
    let flat = g.node("Flatten", &[&cast], vec![]);
    let weights = g.weights(&[6, 4]);
    let scores = g.node("MatMul", &[&flat, &weights], vec![]);
    let mut model = g.model(&[1, 6], &scores);
    model.graph.as_mut().unwrap().input[0] = ValueInfoProto::fixed("target", DataType::Uint8, &[1, 6]);
    let made = derived(&model, &Derivative::default()).unwrap();
    assert!(made.notes[0].contains("the input target is named target.input"), "{:?}", made.notes);
    assert!(made.notes[1].contains("is uint8") && made.notes[1].contains("(Cast)"), "{:?}", made.notes);
    let mut session = try_session(&made.model).unwrap();
    let pixels = Tensor::from_array(([1, 6], vec![1u8, 2, 3, 4, 5, 6])).unwrap();
    let target = Tensor::from_array(([1], vec![2i64])).unwrap();
    let outputs = session.run(ort::inputs!["target.input" => pixels, "target" => target]).unwrap();
    let expected: Vec<f64> = g.initializers[0].reals().unwrap().into_iter().skip(2).step_by(4).collect();
    assert!(relative_error(&reals(&outputs["gradient"]), &expected) < 1e-12);
}

#[test]
fn requests_that_do_not_fit_are_one_clear_line() {
    let refusals = [
        (
            "logits",
            &["nothing"][..],
            "the model has no value nothing to differentiate by; its inputs are: image, other",
        ),
        ("logits", &[], "the model has several inputs; name by which to differentiate (wrt): image, other"),
        ("logits", &["image", "image"], "image is named twice"),
        ("nothing", &["image"], "no tensor named nothing to differentiate; its outputs are: logits, boxes, hidden"),
        ("boxes", &["image"], "boxes is [1, 4, 3], and must be one number for each picture or [N, classes]"),
        ("boxes[:,1]", &["image"], "boxes has 3 axes, and boxes[:,1] selects along 2"),
        ("logits[:,5]", &["image"], "5 is out of range for axis 1 of logits, which has 5 positions"),
        ("logits[:,3:2]", &["image"], "3:2 is not a range of axis 1 of logits"),
        ("logits[:,0] - boxes[:,0,:]", &["image"], "differ in shape or type"),
        ("boxes[:,0,0]", &["other"], "the score does not depend on"),
    ];
    for (of, wrt, expected) in refusals {
        let problem = derived(&net(13, 1), &wanted(of, wrt)).unwrap_err().to_string();
        assert!(problem.contains(expected) && !problem.contains('\n'), "{of} by {wrt:?}: {problem}");
    }
    let several = Derivative { several_targets: true, ..wanted("logits[:,1]", &["image"]) };
    assert!(derived(&net(13, 1), &several).unwrap_err().to_string().contains("several targets need"));
}

fn sampled(perturbation: Perturbation) -> Method {
    Method::Sampled(Sampling { samples: 4, perturbation })
}

#[test]
fn sampled_methods_start_at_values_inside_a_model() {
    let (model, values) = (net(13, 2), sample(2));
    let method = sampled(Perturbation::Path(onnx_grad::Baseline::Colour([0.0; 3])));
    let options = Options { method, ..Options::default() };
    let made = compile(model.clone(), &wanted("logits[:,2]", &["hidden"]), &options, runtime::run).unwrap();
    let found = run(&made.model, &values, None);
    // The logits are linear in the layer.
    let weights = model.graph.as_ref().unwrap().initializer[1].reals().unwrap();
    let hidden = &run(&model, &values, None)["hidden"];
    let expected: Vec<f64> = hidden.iter().enumerate().map(|(place, x)| x * weights[place % 6 * 5 + 2]).collect();
    assert!(relative_error(&found["gradient"], &expected) < 1e-12);
}

#[test]
fn the_seed_chooses_the_samples_of_every_session() {
    let gradient = |seed| {
        let method = sampled(Perturbation::Noise { level: 0.2, statistic: Statistic::Mean });
        let options = Options { method, seed, ..Options::default() };
        let made = compile(net(13, 1), &wanted("logits[:,2]", &["image"]), &options, runtime::run).unwrap();
        let loops = made.model.graph.iter().flat_map(|graph| &graph.node).flat_map(NodeProto::subgraphs);
        let mut noise = loops.flat_map(|graph| &graph.node).filter(|node| node.is("RandomNormalLike"));
        (noise.next().unwrap().float("seed").unwrap(), run(&made.model, &sample(1), None)["gradient"].clone())
    };
    let (default, again, other) = (gradient(Options::default().seed), gradient(0), gradient(6));
    assert_eq!((default.0, other.0), (1.0, 7.0));
    assert_eq!(default.1, again.1);
    assert_ne!(default.1, other.1);
}
