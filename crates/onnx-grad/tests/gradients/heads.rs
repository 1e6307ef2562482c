//! What is explained of a class: its logit or its probability, or the opposite; and heads with one score.

use crate::common::{Graph, Random, reals, relative_error, try_session, value};
use crate::runtime;
use onnx_grad::onnx::{AttributeProto as A, DataType, ModelProto};
use onnx_grad::{
    Explain, Method, Options, PROBABILITIES, Perturbation, Request, SCORES_OF, Sampling, Statistic, Variant,
    differentiate, prepare,
};

const IMAGE: &[usize] = &[1, 3, 2, 2];

type Build = fn(&mut Graph, &str) -> String;

/// `classes` logits of the image behind a layer that is not linear, and what `end` makes of them.
fn model(opset: i64, classes: usize, scale: f64, end: Build) -> (ModelProto, String) {
    let mut g = Graph::new(opset, DataType::Float);
    let y = g.node("Flatten", &["image"], vec![]);
    let first = g.weights(&[12, 8]);
    let y = g.node("MatMul", &[&y, &first], vec![]);
    let y = g.node("Tanh", &[&y], vec![]);
    let values: Vec<f64> = g.random.take(8 * classes).into_iter().map(|value| scale * value).collect();
    let second = g.reals(&[8, classes], &values);
    let logits = g.node("MatMul", &[&y, &second], vec![]);
    let scores = end(&mut g, &logits);
    (g.model(IMAGE, &scores), logits)
}

fn softmax(g: &mut Graph, x: &str) -> String {
    g.node("Softmax", &[x], vec![A::int("axis", 1)])
}

fn sigmoid(g: &mut Graph, x: &str) -> String {
    g.node("Sigmoid", &[x], vec![])
}

fn gradient_model(model: &ModelProto, explain: Explain, method: Method) -> Result<ModelProto, String> {
    let (prepared, shapes) =
        prepare(model.clone(), &Request::default(), runtime::run).map_err(|error| error.to_string())?;
    differentiate(&prepared, &shapes, &Options { explain, method, ..Default::default() })
        .map_err(|error| error.to_string())
}

/// An output of a gradient model.
fn run(made: &ModelProto, pixels: &[f64], target: i64, output: &str) -> Vec<f64> {
    let mut session = try_session(made).unwrap();
    let image = value(DataType::Float, IMAGE, pixels);
    let target = ort::value::Tensor::from_array(([1], vec![target])).unwrap();
    let outputs = session.run(ort::inputs!["image" => image, "target" => target]).unwrap();
    if output == "class" {
        return outputs[output].try_extract_tensor::<i64>().unwrap().1.iter().map(|class| *class as f64).collect();
    }
    reals(&outputs[output])
}

/// The logits, computed by the classifier itself.
fn logits(model: &ModelProto, name: &str, pixels: &[f64]) -> Vec<f64> {
    let mut model = model.clone();
    model.graph.as_mut().unwrap().output[0].name = Some(name.into());
    reals(
        &try_session(&model).unwrap().run(ort::inputs!["image" => value(DataType::Float, IMAGE, pixels)]).unwrap()
            [name],
    )
}

fn softmax_of(logits: &[f64], class: usize) -> f64 {
    1.0 / logits.iter().map(|logit| (logit - logits[class]).exp()).sum::<f64>()
}

fn sigmoid_of(logits: &[f64], class: usize) -> f64 {
    1.0 / (1.0 + (-logits[class]).exp())
}

/// Central differences of `of` the logits.
fn differences(model: &ModelProto, name: &str, pixels: &[f64], of: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let at = |place: usize, by: f64| {
        let mut moved = pixels.to_vec();
        moved[place] += by;
        of(&logits(model, name, &moved))
    };
    (0..pixels.len()).map(|place| (at(place, 1e-2) - at(place, -1e-2)) / 2e-2).collect()
}

type Probability = fn(&[f64], usize) -> f64;

#[rustfmt::skip]
const ENDS: &[(&str, Build, Probability)] = &[
    ("logits", |g, x| g.node("Identity", &[x], vec![]), softmax_of),
    ("Softmax", softmax, softmax_of),
    ("LogSoftmax", |g, x| g.node("LogSoftmax", &[x], vec![A::int("axis", 1)]), softmax_of),
    ("percent", |g, x| { let y = softmax(g, x); let hundred = g.reals(&[], &[100.0]); g.node("Mul", &[&y, &hundred], vec![]) }, softmax_of),
    ("Sigmoid", sigmoid, sigmoid_of),
];

#[test]
fn gradients_of_probabilities_agree_with_differences() {
    let pixels = Random(7).take(12);
    for (what, end, probability) in ENDS {
        for opset in [7, 12, 17] {
            let (model, name) = model(opset, 4, 1.0, *end);
            let made = gradient_model(&model, Explain::Probability, Method::Gradient).unwrap();
            for class in [0, 3] {
                let measured = differences(&model, &name, &pixels, |logits| probability(logits, class));
                let found = run(&made, &pixels, class as i64, "gradient");
                let error = relative_error(&found, &measured);
                assert!(error < 2e-3, "{what}, opset {opset}, class {class}: {error}");
                let opposite: Vec<f64> = measured.iter().map(|slope| -slope).collect();
                let found = run(&made, &pixels, -2 - class as i64, "gradient");
                assert!(relative_error(&found, &opposite) < 2e-3, "{what}: not class {class}");
                assert_eq!(run(&made, &pixels, -2 - class as i64, "class"), [class as f64], "{what}");
            }
        }
    }
}

#[test]
fn a_temperature_belongs_to_the_logits() {
    let scaled: Build = |g, x| {
        let temperature = g.reals(&[], &[5.0]);
        let y = g.node("Div", &[x, &temperature], vec![]);
        softmax(g, &y)
    };
    let (model, name) = model(17, 4, 1.0, scaled);
    let pixels = Random(8).take(12);
    let measured = differences(&model, &name, &pixels, |logits| {
        let cooled: Vec<f64> = logits.iter().map(|logit| logit / 5.0).collect();
        softmax_of(&cooled, 1)
    });
    let made = gradient_model(&model, Explain::Probability, Method::Gradient).unwrap();
    assert!(relative_error(&run(&made, &pixels, 1, "gradient"), &measured) < 2e-3);
    let plain = logits(&model, &name, &pixels);
    let scores = run(&made, &pixels, 1, "scores");
    assert!(scores.iter().zip(plain).all(|(score, logit)| (score - logit / 5.0).abs() < 1e-5), "{scores:?}");
}

#[test]
fn the_slope_of_a_sure_probability_keeps_its_digits() {
    let pixels = Random(9).take(12);
    for (what, end, probability) in &ENDS[1..] {
        let (model, _) = model(17, 4, 12.0, *end);
        let of = |explain| run(&gradient_model(&model, explain, Method::Gradient).unwrap(), &pixels, -1, "gradient");
        let scores = run(&gradient_model(&model, Explain::Logit, Method::Gradient).unwrap(), &pixels, -1, "scores");
        let top = (0..4).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
        assert!(probability(&scores, top) > 1.0 - 1e-5, "{what}: {scores:?}");
        let size = |map: Vec<f64>| map.iter().map(|slope| slope.powi(2)).sum::<f64>().sqrt();
        let (logit, slope) = (size(of(Explain::Logit)), size(of(Explain::Probability)));
        assert!(logit > 1e-2 && slope > 0.0 && slope < 1e-3 * logit, "{what}: {logit} {slope}");
    }
}

#[test]
fn a_saturated_sigmoid_has_the_gradient_of_its_logit() {
    let (sure, name) = model(17, 5, 300.0, sigmoid);
    let pixels = Random(5).take(12);
    let made = gradient_model(&sure, Explain::Logit, Method::Gradient).unwrap();
    let measured = differences(&sure, &name, &pixels, |logits| logits[2]);
    assert!(relative_error(&run(&made, &pixels, 2, "gradient"), &measured) < 2e-3);
}

#[test]
fn one_score_answers_yes_and_no() {
    let ends: [(&str, Build); 3] = [
        ("Sigmoid", sigmoid),
        ("logit", |g, x| g.node("Identity", &[x], vec![])),
        ("Sigmoid with more axes", |g, x| {
            let sizes = g.integers(&[1, 1, 1, 1]);
            let y = g.node("Reshape", &[x, &sizes], vec![]);
            sigmoid(g, &y)
        }),
    ];
    let pixels = Random(6).take(12);
    for (what, end) in ends {
        let (model, name) = model(13, 1, 1.0, end);
        let z = logits(&model, &name, &pixels)[0];
        let made = gradient_model(&model, Explain::Logit, Method::Gradient).unwrap();
        let scores = run(&made, &pixels, -1, "scores");
        assert!((scores[1] - z).abs() < 1e-5 && (scores[0] + z).abs() < 1e-5, "{what}: {scores:?} {z}");
        assert_eq!(run(&made, &pixels, -1, "class"), [f64::from(u8::from(z > 0.0))], "{what}");
        assert_eq!(metadata(&made, PROBABILITIES), "sigmoid", "{what}");
        let made = gradient_model(&model, Explain::Probability, Method::Gradient).unwrap();
        let p = differences(&model, &name, &pixels, |logits| sigmoid_of(logits, 0));
        let not: Vec<f64> = p.iter().map(|slope| -slope).collect();
        for (target, wanted) in [(1, &p), (0, &not), (-3, &not), (-2, &p)] {
            let error = relative_error(&run(&made, &pixels, target, "gradient"), wanted);
            assert!(error < 2e-3, "{what}, target {target}: {error}");
        }
    }
}

#[test]
fn samples_keep_the_opposite() {
    let (model, _) = model(17, 4, 1.0, softmax);
    let perturbation = Perturbation::Noise { level: 0.2, statistic: Statistic::Mean };
    let method = Method::Sampled(Sampling { samples: 6, perturbation });
    let made = gradient_model(&model, Explain::Logit, method).unwrap();
    let pixels = Random(4).take(12);
    for class in 0..4 {
        let negative: Vec<f64> = run(&made, &pixels, class, "gradient").iter().map(|slope| -slope).collect();
        assert!(relative_error(&run(&made, &pixels, -2 - class, "gradient"), &negative) < 1e-5, "class {class}");
        assert_eq!(run(&made, &pixels, -2 - class, "class"), [class as f64]);
    }
}

#[test]
fn both_variants_explain_the_opposite() {
    let (model, _) = model(13, 4, 1.0, softmax);
    let pixels = Random(4).take(12);
    let (prepared, shapes) = prepare(model, &Request::default(), runtime::run).unwrap();
    for variant in [Variant::OnnxRuntime, Variant::OpenVino] {
        let made = differentiate(&prepared, &shapes, &Options { variant, ..Default::default() }).unwrap();
        let negative: Vec<f64> = run(&made, &pixels, 3, "gradient").iter().map(|slope| -slope).collect();
        assert!(relative_error(&run(&made, &pixels, -5, "gradient"), &negative) < 1e-6, "{variant:?}");
    }
}

fn metadata<'a>(model: &'a ModelProto, key: &str) -> &'a str {
    model.metadata_props.iter().find(|prop| prop.key() == key).unwrap().value()
}

#[rustfmt::skip]
const LINKS: &[(&str, &str, Build)] = &[
    ("a linear layer", "softmax", |g, x| g.node("Identity", &[x], vec![])),
    ("Softmax", "softmax", softmax),
    ("Sigmoid", "sigmoid", sigmoid),
    ("Softmax in groups", "scores", |g, x| {
        let pairs = g.integers(&[1, 2, 2]);
        let y = g.node("Reshape", &[x, &pairs], vec![]);
        let y = g.node("Softmax", &[&y], vec![A::int("axis", 2)]);
        g.node("Flatten", &[&y], vec![])
    }),
    ("Softmax of several operators", "scores", |g, x| {
        let e = g.node("Exp", &[x], vec![]);
        let axes = g.integers(&[1]);
        let sum = g.node("ReduceSum", &[&e, &axes], vec![]);
        g.node("Div", &[&e, &sum], vec![])
    }),
    ("Softmax of one", "none", |g, x| {
        let pairs = g.integers(&[1, 4, 1]);
        let y = g.node("Reshape", &[x, &pairs], vec![]);
        g.node("Softmax", &[&y], vec![A::int("axis", 2)])
    }),
    ("Softmax over the batch", "none", |g, x| g.node("Softmax", &[x], vec![A::int("axis", 0)])),
    ("a unit vector", "none", |g, x| g.node("LpNormalization", &[x], vec![A::int("axis", 1)])),
    ("similarities", "none", |g, x| {
        let y = g.node("LpNormalization", &[x], vec![A::int("axis", 1)]);
        let gallery = g.weights(&[4, 3]);
        g.node("MatMul", &[&y, &gallery], vec![])
    }),
    ("scaled similarities", "softmax", |g, x| {
        let y = g.node("LpNormalization", &[x], vec![A::int("axis", 1)]);
        let gallery = g.weights(&[4, 3]);
        let y = g.node("MatMul", &[&y, &gallery], vec![]);
        let hundred = g.reals(&[], &[100.0]);
        g.node("Mul", &[&y, &hundred], vec![])
    }),
    ("Tanh", "none", |g, x| g.node("Tanh", &[x], vec![])),
];

#[test]
fn the_metadata_say_what_scores_have_probabilities() {
    for (what, link, end) in LINKS {
        let (model, _) = model(13, 4, 1.0, *end);
        let made = gradient_model(&model, Explain::Logit, Method::Gradient).unwrap();
        assert_eq!(metadata(&made, PROBABILITIES), *link, "{what}");
        assert!(!metadata(&made, SCORES_OF).is_empty());
        let probability = gradient_model(&model, Explain::Probability, Method::Gradient);
        match *link {
            "none" => assert!(probability.unwrap_err().contains("--explain logit"), "{what}"),
            _ => assert!(probability.is_ok(), "{what}"),
        }
    }
}
