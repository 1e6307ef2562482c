//! The end of a classifier is seen through only where that keeps the order of the classes.

use crate::common::{Graph, Random, reals, try_session, value};
use crate::differences::error_against_differences;
use crate::runtime;
use onnx_grad::onnx::{AttributeProto as A, DataType, ModelProto, TensorProto};
use onnx_grad::{Options, Request, differentiate, prepare};

const IMAGE: &[usize] = &[1, 3, 2, 2];

type Build = fn(&mut Graph, &str) -> String;

/// Six logits of the image, and what `end` makes of them.
fn model(opset: i64, end: Build) -> (ModelProto, String) {
    let mut g = Graph::new(opset, DataType::Float);
    let y = g.node("Flatten", &["image"], vec![]);
    let weights = g.weights(&[12, 6]);
    let logits = g.node("MatMul", &[&y, &weights], vec![]);
    let scores = end(&mut g, &logits);
    (g.model(IMAGE, &scores), logits)
}

fn reshaped(g: &mut Graph, x: &str, sizes: &[i64]) -> String {
    let sizes = g.integers(sizes);
    g.node("Reshape", &[x, &sizes], vec![])
}

fn softmax(g: &mut Graph, x: &str, axis: i64) -> String {
    g.node("Softmax", &[x], vec![A::int("axis", axis)])
}

/// Rounds `x` to steps of `scale`, from 0 to 255 of them, and scales back by `back`.
fn rounded(g: &mut Graph, x: &str, scale: f64, back: f64) -> String {
    let name = format!("zero{}", g.initializers.len());
    g.initializers.push(TensorProto::from_raw(&name, DataType::Uint8, &[], vec![0]));
    let (scale, back) = (g.reals(&[], &[scale]), g.reals(&[], &[back]));
    let levels = g.node("QuantizeLinear", &[x, &scale, &name], vec![]);
    g.node("DequantizeLinear", &[&levels, &back, &name], vec![])
}

fn run(model: &ModelProto, output: &str, pixels: &[f64], target: bool) -> Vec<f64> {
    let image = value(DataType::Float, IMAGE, pixels);
    let mut session = try_session(model).unwrap();
    let class = ort::value::Tensor::from_array(([1], vec![-1i64])).unwrap();
    let outputs = match target {
        true => session.run(ort::inputs!["image" => image, "target" => class]).unwrap(),
        false => session.run(ort::inputs!["image" => image]).unwrap(),
    };
    reals(&outputs[output])
}

/// Whether the gradient model's scores are the logits or the model's own scores; `None` if neither.
fn scores_are_logits(opset: i64, end: Build) -> Option<bool> {
    let (model, logits) = model(opset, end);
    let own = model.graph.as_ref().unwrap().output[0].name().to_owned();
    let (prepared, shapes) = prepare(model.clone(), &Request::default(), runtime::run).unwrap();
    let made = differentiate(&prepared, &shapes, &Options::default()).unwrap();
    let mut with_logits = model.clone();
    with_logits.graph.as_mut().unwrap().output[0].name = Some(logits.clone());
    let pixels = Random(3).take(12);
    let scores = run(&made, "scores", &pixels, true);
    let stated = made.metadata_props.iter().find(|prop| prop.key() == onnx_grad::SCORES_OF).unwrap();
    assert!(model.graph.as_ref().unwrap().node.iter().any(|node| node.output[0] == stated.value()), "{stated:?}");
    let near = |other: Vec<f64>| scores.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-5);
    match (near(run(&with_logits, &logits, &pixels, false)), near(run(&model, &own, &pixels, false))) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

#[rustfmt::skip]
const SEEN_THROUGH: &[(&str, i64, Build)] = &[
    ("Softmax", 13, |g, x| softmax(g, x, -1)),
    ("Softmax over classes with two more axes", 13, |g, x| { let x = reshaped(g, x, &[1, 6, 1, 1]); softmax(g, &x, 1) }),
    ("Softmax from an axis on, opset 12", 12, |g, x| { let x = reshaped(g, x, &[1, 3, 2]); let y = softmax(g, &x, 1); reshaped(g, &y, &[1, 6]) }),
    ("LogSoftmax, Identity", 13, |g, x| { let y = g.node("LogSoftmax", &[x], vec![A::int("axis", 1)]); g.node("Identity", &[&y], vec![]) }),
    ("Softmax, rounded", 13, |g, x| { let y = softmax(g, x, 1); rounded(g, &y, 1.0 / 256.0, 1.0 / 256.0) }),
    ("rounded and clipped", 13, |g, x| rounded(g, x, 0.001, 0.001)),
    ("Sigmoid", 13, |g, x| g.node("Sigmoid", &[x], vec![])),
    ("Sigmoid, reshaped and rounded", 13, |g, x| { let y = g.node("Sigmoid", &[x], vec![]); let y = reshaped(g, &y, &[1, 6, 1]); rounded(g, &y, 1.0 / 256.0, 1.0 / 256.0) }),
    ("Softmax in percent", 13, |g, x| { let y = softmax(g, x, 1); let hundred = g.reals(&[], &[100.0]); g.node("Mul", &[&hundred, &y], vec![]) }),
    ("Softmax, divided", 13, |g, x| { let y = softmax(g, x, 1); let two = g.reals(&[1], &[2.0]); g.node("Div", &[&y, &two], vec![]) }),
    ("Log of a Softmax", 13, |g, x| { let y = softmax(g, x, 1); g.node("Log", &[&y], vec![]) }),
    ("Exp of a LogSoftmax", 13, |g, x| { let y = g.node("LogSoftmax", &[x], vec![A::int("axis", 1)]); g.node("Exp", &[&y], vec![]) }),
    ("Softmax of what was rounded", 13, |g, x| { let y = rounded(g, x, 0.001, 0.001); let y = softmax(g, &y, 1); rounded(g, &y, 1.0 / 256.0, 1.0 / 256.0) }),
];

#[rustfmt::skip]
const KEPT: &[(&str, i64, Build)] = &[
    ("Softmax over an axis of size 1", 13, |g, x| { let x = reshaped(g, x, &[1, 6, 1, 1]); softmax(g, &x, -1) }),
    ("Softmax over the batch", 13, |g, x| softmax(g, x, 0)),
    ("Softmax in groups", 13, |g, x| { let x = reshaped(g, x, &[1, 3, 2]); let y = softmax(g, &x, 2); reshaped(g, &y, &[1, 6]) }),
    ("Softmax across groups", 13, |g, x| { let x = reshaped(g, x, &[1, 3, 2]); let y = softmax(g, &x, 1); reshaped(g, &y, &[1, 6]) }),
    ("Softmax in groups, opset 12", 12, |g, x| { let x = reshaped(g, x, &[1, 3, 2]); let y = softmax(g, &x, 2); reshaped(g, &y, &[1, 6]) }),
    ("times 100", 13, |g, x| { let hundred = g.reals(&[], &[100.0]); g.node("Mul", &[x, &hundred], vec![]) }),
    ("Softmax with another sign", 13, |g, x| { let y = softmax(g, x, 1); let minus = g.reals(&[], &[-1.0]); g.node("Mul", &[&y, &minus], vec![]) }),
    ("Softmax over a number", 13, |g, x| { let y = softmax(g, x, 1); let two = g.reals(&[], &[2.0]); g.node("Div", &[&two, &y], vec![]) }),
    ("Softmax with a factor for each class", 13, |g, x| { let y = softmax(g, x, 1); let factors = g.positive(&[6]); g.node("Mul", &[&y, &factors], vec![]) }),
    ("the rest of a Softmax", 13, |g, x| { let y = softmax(g, x, 1); let one = g.reals(&[], &[1.0]); g.node("Sub", &[&one, &y], vec![]) }),
    ("Tanh", 13, |g, x| g.node("Tanh", &[x], vec![])),
    ("a Sigmoid that gates", 13, |g, x| { let y = g.node("Sigmoid", &[x], vec![]); g.node("Mul", &[x, &y], vec![]) }),
    ("rounded, and scaled back by another scale", 13, |g, x| rounded(g, x, 0.01, 0.02)),
];

#[test]
fn the_end_is_seen_through_where_the_order_of_the_classes_stays() {
    for (what, opset, end) in SEEN_THROUGH {
        assert_eq!(scores_are_logits(*opset, *end), Some(true), "{what}");
    }
    for (what, opset, end) in KEPT {
        assert_eq!(scores_are_logits(*opset, *end), Some(false), "{what}");
    }
}

#[test]
fn scores_that_are_kept_have_the_gradient_of_what_the_model_returns() {
    for (what, opset, end) in &KEPT[2..6] {
        let error = error_against_differences(&model(*opset, *end).0, IMAGE, 1e-2).unwrap();
        assert!(error < 1e-3, "{what}: {error}");
    }
}

#[test]
fn the_top_class_is_the_models_own() {
    let mut random = Random(11);
    for (what, opset, end) in KEPT[2..].iter().chain(SEEN_THROUGH) {
        let (model, _) = model(*opset, *end);
        let own = model.graph.as_ref().unwrap().output[0].name().to_owned();
        let (prepared, shapes) = prepare(model.clone(), &Request::default(), runtime::run).unwrap();
        let made = differentiate(&prepared, &shapes, &Options::default()).unwrap();
        for _ in 0..20 {
            let pixels = random.take(12);
            let (scores, own) = (run(&made, "scores", &pixels, true), run(&model, &own, &pixels, false));
            let top = (0..6).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
            // Rounding can make several classes equal.
            assert!(own.iter().all(|other| *other <= own[top]), "{what}: {scores:?} {own:?}");
        }
    }
}
