//! Whole networks against PyTorch's autograd, and what the outputs of a gradient model mean.
//!
//! `tests/references/gradients.py` makes the reference values.

use std::path::{Path, PathBuf};

use crate::common::{Graph, Random, gradient_model, relative_error, try_session, value};
use crate::data::data;
use crate::support::{devices, options, write};
use onnx_grad::Request;
use onnx_grad::onnx::{self, AttributeProto as A, DataType, ModelProto};
use onnx_grad::{Layer, Method, Variant};
use opencv::core::{Mat, Size};
use opencv::prelude::*;
use salstream::model::runtime::Device;
use salstream::model::{Attribution, Classifier, Layout, ModelSource};
use salstream::platform::dirs;

/// The class and the sampling of the reference script.
const LOCKED: usize = 207;
const STRIDE: usize = 31;

/// Reference values; the script says how they lie in the file.
struct Reference {
    top: usize,
    norms: [f64; 2],
    logits: Vec<f64>,
    gradients: [Vec<f64>; 2],
}

impl Reference {
    fn read(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gradients");
        let bytes = std::fs::read(folder.join(name).with_extension("f32")).unwrap();
        let values: Vec<f64> = bytes.as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect();
        let (top, locked) = values[1003..].split_at((values.len() - 1003) / 2);
        Self {
            top: values[0] as usize,
            norms: [values[1], values[2]],
            logits: values[3..1003].to_vec(),
            gradients: [top.to_vec(), locked.to_vec()],
        }
    }
}

fn picture(seed: u64) -> Vec<f32> {
    Random(seed).take(3 * 224 * 224).into_iter().map(|value| value as f32).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

fn norm(values: &[f32]) -> f64 {
    wide(values).iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Compares a model's gradients on the picture of `seed` with the reference, on every device that computes here.
fn compare(name: &str, model: &Path, seed: u64) {
    let reference = Reference::read(name);
    for device in devices() {
        let mut classifier = Classifier::open(model, &options(device)).unwrap();
        assert_eq!(
            (classifier.input_size(), classifier.classes(), classifier.layout()),
            ((224, 224), 1000, Layout::Nchw)
        );
        let top = classifier.run(&picture(seed), None).unwrap();
        let locked = classifier.run(&picture(seed), Some(LOCKED)).unwrap();
        assert_eq!((top.class, locked.class), (reference.top, LOCKED), "{name} on {device}");
        let apart = relative_error(&wide(&top.scores), &reference.logits);
        assert!(apart < 1e-4, "{name} on {device}: the scores differ by {apart}");
        for (index, found) in [&top, &locked].into_iter().enumerate() {
            let sample: Vec<f64> = wide(&found.gradient).into_iter().step_by(STRIDE).collect();
            let error = relative_error(&sample, &reference.gradients[index]);
            let scale = norm(&found.gradient) / reference.norms[index];
            eprintln!("{name} on {device}, class {}: relative error {error:.1e}", found.class);
            assert!(error < 1e-3 && (scale - 1.0).abs() < 1e-3, "{name} on {device}: error {error}, scale {scale}");
        }
    }
}

#[test]
fn resnet50_agrees_with_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resnet50.onnx");
    onnx::save(&crate::resnet50::model(), &path).unwrap();
    compare("resnet50", &path, 6);
}

#[test]
fn efficientnet_lite0_agrees_with_pytorch() {
    compare("efficientnet-lite0", &dirs::models().join("efficientnet-lite0.onnx"), 5);
}

#[test]
#[ignore = "needs the test data"]
fn mobilenet_v2_agrees_with_pytorch() {
    compare("mobilenet-v2", &data("models/mobilenet_v2_1.0_224_tf2ptq_dequant_fp32.onnx"), 2);
}

#[test]
#[ignore = "needs the test data"]
fn squeezenet_agrees_with_pytorch() {
    compare("squeezenet", &data("models/squeezenet_v1.0_deepcompression_fp32.onnx"), 2);
}

#[test]
#[ignore = "needs the test data"]
fn graphs_of_the_model_zoo_are_differentiated() {
    for name in ["resnet50", "squeezenet", "densenet121", "inception_v1", "vgg19"] {
        let path = data(&format!("models/structure_only/light_{name}.onnx"));
        let mut classifier = Classifier::open(&path, &options(Device::Cpu)).unwrap();
        assert_eq!((classifier.input_size(), classifier.classes()), ((224, 224), 1000), "{name}");
        assert!(classifier.run(&picture(1), Some(3)).unwrap().gradient.iter().any(|value| *value != 0.0), "{name}");
    }
}

/// A small network with every kind of branch: the image's layout, opset and batch as asked.
fn small(opset: i64, layout: Layout, batch: usize) -> (ModelProto, Vec<usize>) {
    let mut g = Graph::new(opset, DataType::Float);
    let shape = if layout == Layout::Nchw { vec![batch, 3, 16, 12] } else { vec![batch, 16, 12, 3] };
    let x = match layout {
        Layout::Nchw => "image".to_owned(),
        Layout::Nhwc => g.node("Transpose", &["image"], vec![A::ints("perm", &[0, 3, 1, 2])]),
    };
    let (w, b) = (g.weights(&[8, 3, 3, 3]), g.weights(&[8]));
    let y = g.node("Conv", &[&x, &w, &b], vec![A::ints("strides", &[2, 2]), A::ints("pads", &[1, 1, 1, 1])]);
    let y = g.node("Relu", &[&y], vec![]);
    let y = g.node("MaxPool", &[&y], vec![A::ints("kernel_shape", &[2, 2]), A::ints("strides", &[2, 2])]);
    let w = g.weights(&[8, 8, 1, 1]);
    let z = g.node("Conv", &[&y, &w], vec![]);
    let y = g.node("Concat", &[&y, &z], vec![A::int("axis", 1)]);
    let y = g.node("GlobalAveragePool", &[&y], vec![]);
    let y = g.node("Flatten", &[&y], vec![]);
    let (w, b) = (g.weights(&[5, 16]), g.weights(&[5]));
    let y = g.node("Gemm", &[&y, &w, &b], vec![A::int("transB", 1)]);
    let y = g.node("Softmax", &[&y], vec![A::int("axis", 1)]);
    (g.model(&shape, &y), shape)
}

fn saved(model: &ModelProto) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.onnx");
    onnx::save(model, &path).unwrap();
    (folder, path)
}

fn run_small(layout: Layout, pixels: &[f32], target: Option<usize>) -> Attribution {
    let (_folder, path) = saved(&small(13, layout, 1).0);
    Classifier::open(&path, &options(Device::Cpu)).unwrap().run(pixels, target).unwrap()
}

#[test]
fn different_pictures_and_classes_have_different_gradients() {
    let pictures = [1, 2].map(|seed| picture(seed)[..576].to_vec());
    let first = run_small(Layout::Nchw, &pictures[0], None);
    assert_ne!(first.gradient, run_small(Layout::Nchw, &pictures[1], Some(first.class)).gradient);
    let locked: Vec<_> = (0..5).map(|class| run_small(Layout::Nchw, &pictures[0], Some(class))).collect();
    assert_eq!(locked[first.class], first);
    let others = locked.iter().filter(|other| other.class != first.class);
    assert!(others.clone().count() == 4 && others.clone().all(|other| other.gradient != first.gradient));
}

#[test]
fn scores_are_logits_and_the_top_class_is_their_maximum() {
    let found = run_small(Layout::Nchw, &picture(3)[..576], None);
    let top = found.scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    assert_eq!(found.scores[found.class], top);
    assert!((found.scores.iter().sum::<f32>() - 1.0).abs() > 1e-3, "these are probabilities: {:?}", found.scores);
}

#[test]
fn the_gradient_has_the_layout_of_the_image() {
    let planes = picture(4)[..576].to_vec();
    let pixels: Vec<f32> = (0..576).map(|index| planes[index % 3 * 192 + index / 3]).collect();
    let (nchw, nhwc) = (run_small(Layout::Nchw, &planes, None), run_small(Layout::Nhwc, &pixels, None));
    // The seeds of both graphs' weights are the same, so that the networks are.
    let turned: Vec<f32> = (0..576).map(|index| nchw.gradient[index % 3 * 192 + index / 3]).collect();
    assert!(relative_error(&wide(&nhwc.gradient), &wide(&turned)) < 1e-5);
}

#[test]
fn a_batch_equals_single_runs() {
    let pictures: Vec<f64> = wide(&picture(5)[..2 * 576]);
    let (model, shape) = small(13, Layout::Nchw, 2);
    let mut session = try_session(&gradient_model(&model, 2, Variant::OpenVino).0).unwrap();
    let target = ort::value::Tensor::from_array(([2], vec![-1i64, 3])).unwrap();
    let image = value(DataType::Float, &shape, &pictures);
    let both = session.run(ort::inputs!["image" => image, "target" => target]).unwrap();
    let gradient = crate::common::reals(&both["gradient"]);
    for (index, target) in [None, Some(3)].into_iter().enumerate() {
        let range = index * 576..(index + 1) * 576;
        let pixels: Vec<f32> = pictures[range.clone()].iter().map(|value| *value as f32).collect();
        let single = run_small(Layout::Nchw, &pixels, target);
        assert!(relative_error(&gradient[range], &wide(&single.gradient)) < 1e-5);
    }
}

#[test]
fn gradient_models_keep_the_interface_and_run_as_they_are() {
    let (folder, path) = saved(&small(11, Layout::Nchw, 1).0);
    let out = folder.path().join("gradient.onnx");
    write(&path, &out).unwrap();
    let model = onnx::load(&out).unwrap();
    let graph = model.graph.as_ref().unwrap();
    let names = |values: &[onnx::ValueInfoProto]| values.iter().map(|v| v.name().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&graph.input), ["image", "target"]);
    assert_eq!(names(&graph.output), ["scores", "class", "gradient"]);
    assert_eq!(model.opset_import[0].version(), 11);
    let mut given = Classifier::open(&path, &options(Device::Cpu)).unwrap();
    let source = model.metadata_props.iter().find(|prop| prop.key() == "salstream.source_sha256").unwrap();
    assert_eq!(source.value(), given.sha256());
    let mut made = Classifier::open(&out, &options(Device::Cpu)).unwrap();
    let pixels = &picture(6)[..576];
    // What is handed out beside the interface is for this program alone.
    let expected = Attribution { features: None, activation: None, ..given.run(pixels, Some(2)).unwrap() };
    assert_eq!(made.run(pixels, Some(2)).unwrap(), expected);
}

#[test]
fn the_activation_beside_a_gradient_is_grad_cam() {
    let (_folder, path) = saved(&small(11, Layout::Nchw, 1).0);
    let source = ModelSource::load(&path, &Request::default()).unwrap();
    for device in [Device::Cpu, Device::OpenVino] {
        let run = |method: &Method| {
            let compiled = source.compile(device, method).unwrap();
            compiled.open(&options(Device::Cpu)).unwrap().run(&picture(6)[..576], Some(3)).unwrap()
        };
        let coarse = run(&Method::Gradient).activation.unwrap();
        let cells = Mat::new_rows_cols_with_data(coarse.height as i32, coarse.width as i32, &coarse.values).unwrap();
        let expected = run(&Method::GradCam(Layer::Last)).gradient;
        let (mut found, (width, height)) = (Mat::default(), (12, 16));
        let size = Size::new(width, height);
        opencv::imgproc::resize(&cells, &mut found, size, 0.0, 0.0, opencv::imgproc::INTER_LINEAR).unwrap();
        let found = found.data_typed::<f32>().unwrap();
        assert!(found.iter().any(|value| *value > 0.0));
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }
}

#[test]
fn names_of_the_interface_are_freed_in_the_forward_graph() {
    let (mut model, shape) = small(13, Layout::Nchw, 1);
    let graph = model.graph.as_mut().unwrap();
    for (node, name) in [(0, "target"), (1, "gradient"), (8, "scores")] {
        let old = std::mem::replace(&mut graph.node[node].output[0], name.into());
        let readers = graph.node.iter_mut().flat_map(|node| &mut node.input).filter(|input| **input == old);
        readers.for_each(|input| *input = name.into());
    }
    graph.output[0].name = Some("scores".into());
    let mut session = try_session(&gradient_model(&model, 1, Variant::OnnxRuntime).0).unwrap();
    let pixels = &picture(7)[..576];
    let target = ort::value::Tensor::from_array(([1], vec![-1i64])).unwrap();
    let image = value(DataType::Float, &shape, &wide(pixels));
    let values = session.run(ort::inputs!["image" => image, "target" => target]).unwrap();
    let expected = run_small(Layout::Nchw, pixels, None);
    assert!(relative_error(&crate::common::reals(&values["gradient"]), &wide(&expected.gradient)) < 1e-6);
}

#[test]
fn the_order_of_nodes_and_the_names_of_weights_do_not_matter() {
    // A gate that depends on the image, as squeeze-and-excite has it.
    let mut g = Graph::new(13, DataType::Float);
    let w = g.weights(&[3, 3, 1, 1]);
    let pooled = g.node("GlobalAveragePool", &["image"], vec![]);
    let squeezed = g.node("Conv", &[&pooled, &w], vec![]);
    let relu = g.node("Relu", &[&squeezed], vec![]);
    let gate = g.node("Sigmoid", &[&relu], vec![]);
    let gated = g.node("Mul", &["image", &gate], vec![]);
    let flat = g.node("Flatten", &[&gated], vec![]);
    let w = g.weights(&[576, 5]);
    let scores = g.node("MatMul", &[&flat, &w], vec![]);
    let sorted = g.model(&[1, 3, 16, 12], &scores);
    let mut backwards = sorted.clone();
    let graph = backwards.graph.as_mut().unwrap();
    graph.node.reverse();
    graph.initializer[0].name = Some("class".into());
    let conv = graph.node.iter_mut().find(|node| node.op_type() == "Conv").unwrap();
    conv.input[1] = "class".into();
    let gradient = |model: &ModelProto| {
        let (_folder, path) = saved(model);
        Classifier::open(&path, &options(Device::Cpu)).unwrap().run(&picture(8)[..576], Some(2)).unwrap().gradient
    };
    assert_eq!(gradient(&sorted), gradient(&backwards));
}

/// The gradient of the sum of a graph's results at the given values, the same in each colour channel, in one variant.
fn gradient_at(build: fn(&mut Graph) -> String, outputs: usize, values: &[f64], variant: Variant) -> Vec<f64> {
    let mut g = Graph::new(13, DataType::Float);
    let y = build(&mut g);
    let y = g.node("Flatten", &[&y], vec![]);
    let ones = g.reals(&[3 * outputs, 2], &vec![1.0; 6 * outputs]);
    let y = g.node("MatMul", &[&y, &ones], vec![]);
    let shape = [1, 3, 1, values.len()];
    let mut session = try_session(&gradient_model(&g.model(&shape, &y), 1, variant).0).unwrap();
    let target = ort::value::Tensor::from_array(([1], vec![0i64])).unwrap();
    let image = value(DataType::Float, &shape, &values.repeat(3));
    let results = session.run(ort::inputs!["image" => image, "target" => target]).unwrap();
    let gradient = crate::common::reals(&results["gradient"]);
    assert!(gradient.chunks(values.len()).all(|channel| channel == &gradient[..values.len()]));
    gradient[..values.len()].to_vec()
}

fn windows(g: &mut Graph, x: &str) -> String {
    g.node("MaxPool", &[x], vec![A::ints("kernel_shape", &[1, 2]), A::ints("strides", &[1, 2])])
}

#[test]
fn kinks_and_ties_are_as_documented() {
    for variant in [Variant::OnnxRuntime, Variant::OpenVino] {
        let tiny = f64::from(f32::MIN_POSITIVE);
        let relu = gradient_at(|g| g.node("Relu", &["image"], vec![]), 4, &[-1.0, 0.0, tiny, 2.0], variant);
        assert_eq!(relu, [0.0, 0.0, 1.0, 1.0]);
        let clip = |g: &mut Graph| {
            let (low, high) = (g.reals(&[], &[0.0]), g.reals(&[], &[6.0]));
            g.node("Clip", &["image", &low, &high], vec![])
        };
        assert_eq!(gradient_at(clip, 5, &[-1.0, 0.0, 3.0, 6.0, 7.0], variant), [0.0, 0.0, 1.0, 0.0, 0.0]);
        let ties = gradient_at(|g| windows(g, "image"), 3, &[1.0, 1.0, -2.0, -3.0, 0.0, 5.0], variant);
        assert_eq!(ties, [1.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
        let after_relu = |g: &mut Graph| {
            let y = g.node("Relu", &["image"], vec![]);
            windows(g, &y)
        };
        assert_eq!(gradient_at(after_relu, 2, &[-1.0, -2.0, 3.0, -1.0], variant), [0.0, 0.0, 1.0, 0.0]);
    }
}

#[test]
fn wrong_arguments_of_a_run_are_errors() {
    let (_folder, path) = saved(&small(13, Layout::Nchw, 1).0);
    let mut classifier = Classifier::open(&path, &options(Device::Cpu)).unwrap();
    assert!(classifier.run(&[0.0; 575], None).unwrap_err().to_string().contains("takes 576 values"));
    assert!(
        classifier.run(&[0.0; 576], Some(5)).unwrap_err().to_string().contains("class 5 is not one of the model's 5")
    );
}
