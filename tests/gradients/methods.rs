//! Each attribution method against captum and pytorch-grad-cam, on a small seeded network.
//!
//! `tests/references/methods.py` makes the reference values.

use std::path::Path;

use crate::common::{Graph, Random, reals, relative_error, try_session, value};
use crate::support::{devices, options};
use onnx_grad::Request;
use onnx_grad::onnx::{self, AttributeProto as A, DataType, ModelProto};
use onnx_grad::{Baseline, Layer, Method, Options, Perturbation, Sampling, Statistic, Variant, differentiate};
use salstream::Result;
use salstream::model::runtime::Device;
use salstream::model::{ModelSource, find_shapes, prepare};
use salstream::saliency::Sampler;

const SHAPE: [usize; 4] = [1, 3, 16, 12];
const SIZE: usize = 576;
const TARGET: usize = 2;
const BLACK: [f32; 3] = [-0.9, 0.1, -0.4];

/// The network of the reference script.
fn network() -> ModelProto {
    let mut g = Graph::new(13, DataType::Float);
    let (w, b) = (g.weights(&[8, 3, 3, 3]), g.weights(&[8]));
    let y = g.node("Conv", &["image", &w, &b], vec![A::ints("strides", &[2, 2]), A::ints("pads", &[1, 1, 1, 1])]);
    let y = g.node("Relu", &[&y], vec![]);
    let y = g.node("MaxPool", &[&y], vec![A::ints("kernel_shape", &[2, 2]), A::ints("strides", &[2, 2])]);
    let (w, b) = (g.weights(&[12, 8, 3, 3]), g.weights(&[12]));
    let y = g.node("Conv", &[&y, &w, &b], vec![A::ints("pads", &[1, 1, 1, 1])]);
    let y = g.node("Relu", &[&y], vec![]);
    let y = g.node("GlobalAveragePool", &[&y], vec![]);
    let y = g.node("Flatten", &[&y], vec![]);
    let (w, b) = (g.weights(&[5, 12]), g.weights(&[5]));
    let y = g.node("Gemm", &[&y, &w, &b], vec![A::int("transB", 1)]);
    g.model(&SHAPE, &y)
}

#[test]
fn the_documented_model_is_this_network() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/onnx-grad/tests/fixtures/small.onnx");
    assert_eq!(onnx::load(&path).unwrap(), network());
}

fn picture() -> Vec<f64> {
    Random(7).take(SIZE)
}

fn path(samples: usize, baseline: Baseline) -> Method {
    Method::Sampled(Sampling { samples, perturbation: Perturbation::Path(baseline) })
}

fn noise(samples: usize, statistic: Statistic) -> Method {
    Method::Sampled(Sampling { samples, perturbation: Perturbation::Noise { level: 0.15, statistic } })
}

/// The methods in the order of the script, and how far chance may take them from the reference.
fn methods() -> Vec<(Method, f64)> {
    vec![
        (Method::Gradient, 1e-5),
        (Method::InputXGradient, 1e-5),
        (Method::Guided, 1e-5),
        (Method::GradCam(Layer::Last), 1e-5),
        (Method::GradCamPlusPlus(Layer::Last), 1e-5),
        (Method::GuidedGradCam(Layer::Last), 1e-5),
        (path(64, Baseline::Colour(BLACK)), 1e-5),
        (path(64, Baseline::Mean), 1e-5),
        (path(64, Baseline::Blurred), 1e-5),
        (noise(8000, Statistic::Mean), 0.01),
        (noise(8000, Statistic::MeanSquare), 0.02),
        (noise(8000, Statistic::Variance), 0.05),
    ]
}

fn references() -> Vec<Vec<f64>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gradients/methods.f32");
    let bytes = std::fs::read(path).unwrap();
    let values: Vec<f64> = bytes.as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect();
    values.chunks(SIZE).map(<[f64]>::to_vec).collect()
}

fn made(method: &Method, variant: Variant) -> Result<ModelProto> {
    let model = network();
    let options = Options { variant, method: method.clone(), ..Default::default() };
    Ok(differentiate(&model, &find_shapes(&model, &Request::default())?, &options)?)
}

/// Class and attribution from a gradient model.
fn run(model: &ModelProto, target: i64) -> (i64, Vec<f64>) {
    let mut session = try_session(model).unwrap();
    let target = ort::value::Tensor::from_array(([1], vec![target])).unwrap();
    let image = value(DataType::Float, &SHAPE, &picture());
    let found = session.run(ort::inputs!["image" => image, "target" => target]).unwrap();
    (found["class"].try_extract_tensor::<i64>().unwrap().1[0], reals(&found["gradient"]))
}

#[test]
fn gradient_models_of_each_method_agree_with_captum() {
    let references = references();
    assert_eq!(references.len(), methods().len());
    for ((method, tolerance), reference) in methods().iter().zip(&references) {
        for variant in [Variant::OnnxRuntime, Variant::OpenVino] {
            let model = made(method, variant).unwrap();
            let named = model.metadata_props.iter().find(|prop| prop.key() == "salstream.method").unwrap();
            assert_eq!(named.value(), method.name());
            let (class, found) = run(&model, TARGET as i64);
            let error = relative_error(&found, reference);
            eprintln!("{} ({variant:?}): {error:.1e}", method.name());
            assert!(
                class == TARGET as i64 && error < *tolerance,
                "{method:?} {variant:?}: class {class}, error {error}"
            );
        }
    }
}

#[test]
fn sampling_outside_of_the_graph_agrees_with_captum() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("network.onnx");
    onnx::save(&network(), &file).unwrap();
    let pixels: Vec<f32> = picture().iter().map(|value| *value as f32).collect();
    for device in devices() {
        for batch in [1, 6] {
            let source = ModelSource::load(&file, &Request::default()).unwrap().batched(batch).unwrap();
            let mut classifier = source.compile(device, &Method::Gradient).unwrap().open(&options(device)).unwrap();
            for ((method, tolerance), reference) in methods().into_iter().zip(references()) {
                let Method::Sampled(sampling) = &method else { continue };
                let plain = classifier.run(&pixels, Some(TARGET)).unwrap();
                let found = Sampler::new(sampling.clone()).run(&mut classifier, &pixels, plain).unwrap();
                let found: Vec<f64> = found.gradient.iter().map(|value| f64::from(*value)).collect();
                let error = relative_error(&found, &reference);
                eprintln!("{} on {device}, {batch} at a time: {error:.1e}", method.name());
                assert!(error < tolerance, "{method:?} on {device}, {batch} at a time: {error}");
            }
        }
    }
}

#[test]
fn integrated_gradients_sum_to_the_difference_of_the_scores() {
    let score = |pixels: &[f64]| {
        let mut session = try_session(&network()).unwrap();
        let image = value(DataType::Float, &SHAPE, pixels);
        reals(&session.run(ort::inputs!["image" => image]).unwrap()[0])[TARGET]
    };
    let black: Vec<f64> = (0..SIZE).map(|index| f64::from(BLACK[index / 192])).collect();
    let expected = score(&picture()) - score(&black);
    let (_, found) = run(&made(&path(64, Baseline::Colour(BLACK)), Variant::OnnxRuntime).unwrap(), TARGET as i64);
    let sum: f64 = found.iter().sum();
    assert!((sum - expected).abs() < 0.02 * expected.abs(), "{sum} {expected}");
}

#[test]
fn samples_are_taken_for_the_top_class_of_the_picture_itself() {
    let plain = run(&made(&Method::Gradient, Variant::OnnxRuntime).unwrap(), -1);
    let smooth = made(&noise(50, Statistic::Mean), Variant::OnnxRuntime).unwrap();
    let (class, found) = run(&smooth, -1);
    assert_eq!(class, plain.0);
    assert_eq!(found, run(&smooth, class).1);
    assert!(relative_error(&found, &plain.1) > 0.05);
    let still = Method::Sampled(Sampling {
        samples: 3,
        perturbation: Perturbation::Noise { level: 0.0, statistic: Statistic::Mean },
    });
    assert!(relative_error(&run(&made(&still, Variant::OnnxRuntime).unwrap(), -1).1, &plain.1) < 1e-6);
}

#[test]
fn layers_are_found_by_name_and_wrong_ones_are_explained() {
    let cam = |name: &str| made(&Method::GradCam(Layer::Named(name.into())), Variant::OnnxRuntime);
    let last = run(&made(&Method::GradCam(Layer::Last), Variant::OnnxRuntime).unwrap(), 2);
    assert_eq!(run(&cam("Relu4").unwrap(), 2), last);
    assert_ne!(run(&cam("Relu1").unwrap(), 2).1, last.1);
    let refused = |name: &str| cam(name).unwrap_err().to_string();
    assert!(
        refused("layer9").contains("no layer layer9; its last feature maps are: Conv3, Conv0"),
        "{}",
        refused("layer9")
    );
    assert!(refused("Flatten6").contains("not [N, channels, height, width]"), "{}", refused("Flatten6"));
}

#[test]
fn methods_that_a_model_has_nothing_for_are_refused() {
    let mut g = Graph::new(13, DataType::Float);
    let y = g.node("Flatten", &["image"], vec![]);
    let w = g.weights(&[SIZE, 5]);
    let y = g.node("MatMul", &[&y, &w], vec![]);
    let (model, shapes) = prepare(g.model(&SHAPE, &y), &Request::default()).unwrap();
    let refused =
        |method| differentiate(&model, &shapes, &Options { method, ..Default::default() }).unwrap_err().to_string();
    assert!(refused(Method::Guided).contains("has no rectifier"));
    assert!(refused(Method::GradCam(Layer::Last)).contains("no convolutional feature map"));
}

#[test]
fn a_gradient_model_of_another_method_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("guided.onnx");
    onnx::save(&made(&Method::Guided, Variant::OnnxRuntime).unwrap(), &file).unwrap();
    let source = ModelSource::load(&file, &Request::default()).unwrap();
    assert!(source.compile(Device::Cpu, &Method::Guided).is_ok());
    let problem = source.compile(Device::Cpu, &Method::GradCam(Layer::Last)).err().unwrap().to_string();
    assert!(problem.contains("is a gradient model of guided"), "{problem}");
}
