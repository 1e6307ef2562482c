//! Networks as their frameworks export them, against the frameworks' own gradients.
//!
//! `tests/references/models.py` and `models_tf.py` make the graphs and the reference values.

use onnx_grad::Request;
use onnx_grad::onnx::{self, DataType};
use onnx_grad::{Method, Variant};
use salstream::model::runtime::Device;
use salstream::model::{Classifier, ModelSource};

use crate::common::{gradient_model, reals, relative_error, try_session, value};
use crate::fixture::{self, Reference};
use crate::support::{devices, options};

/// A test for each graph, named like its file, with an underscore for the hyphen.
macro_rules! networks {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check(&file(stringify!($name))); })*
        const TESTED: &[&str] = &[$(stringify!($name)),*];
    };
}

networks! {
    convnext_tiny
    convnext_tiny_dynamo
    densenet121
    densenet121_dynamo
    efficientnet_b0
    efficientnet_b0_dynamo
    googlenet
    googlenet_dynamo
    inception_v3
    inception_v3_dynamo
    keras_mobilenet_v2
    keras_resnet50_v2
    maxvit_t
    maxvit_t_dynamo
    mnasnet1_0
    mnasnet1_0_dynamo
    mobilenet_v2
    mobilenet_v2_dynamo
    mobilenet_v3_large
    mobilenet_v3_large_dynamo
    regnet_y_400mf
    regnet_y_400mf_dynamo
    resnet18
    resnet18_dynamo
    resnet50
    resnet50_dynamo
    shufflenet_v2_x1_0
    shufflenet_v2_x1_0_dynamo
    squeezenet1_1
    squeezenet1_1_dynamo
    swin_t
    swin_t_dynamo
    vgg11_bn
    vgg11_bn_dynamo
    vit_b_16
    vit_b_16_dynamo
    zoo_densenet121
    zoo_inception_v1
    zoo_resnet50
    zoo_squeezenet
    zoo_vgg19
}

fn file(name: &str) -> String {
    name.replace("_dynamo", "-dynamo")
}

/// Compares a network's scores and gradients with the reference, on every device that computes here.
fn check(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    onnx::save(&fixture::model(name), &path).unwrap();
    let source = ModelSource::load(&path, &Request::default()).unwrap();
    for device in devices() {
        let mut classifier = source.compile(device, &Method::default()).unwrap().open(&options(device)).unwrap();
        let errors = Reference::of(name).errors(&mut classifier);
        eprintln!("{name} on {device}: {errors:?}");
        assert!(errors.are_small(), "{name} on {device}: {errors:?}");
    }
}

#[test]
fn every_graph_has_a_test() {
    let mut tested: Vec<String> = TESTED.iter().map(|name| file(name)).collect();
    tested.sort();
    assert_eq!(tested, fixture::names());
}

/// Compares two pictures at once, one by its top class and one by class 3, with each alone.
fn check_batch(name: &str) {
    let (model, reference) = (fixture::model(name), Reference::of(name));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    onnx::save(&model, &path).unwrap();
    let mut single = Classifier::open(&path, &options(Device::Cpu)).unwrap();
    let (width, height) = single.input_size();
    let count = 3 * width * height;
    let (compiled, shapes) = gradient_model(&model, 2, Variant::OnnxRuntime);
    let mut session = try_session(&compiled).unwrap();
    let pictures = reference.picture(2 * count);
    let wide: Vec<f64> = pictures.iter().map(|value| f64::from(*value)).collect();
    let target = ort::value::Tensor::from_array(([2], vec![-1i64, 3])).unwrap();
    let image = value(DataType::Float, &[2, 3, height, width], &wide);
    let both = session.run(ort::inputs![&*shapes.image => image, "target" => target]).unwrap();
    for (index, target) in [None, Some(3)].into_iter().enumerate() {
        let range = index * count..(index + 1) * count;
        let alone = single.run(&pictures[range.clone()], target).unwrap().gradient;
        let alone: Vec<f64> = alone.into_iter().map(f64::from).collect();
        let error = relative_error(&reals(&both["gradient"])[range], &alone);
        assert!(error < 1e-4, "{name}, picture {index}: {error}");
    }
}

#[test]
fn a_batch_of_a_convolutional_network_equals_single_runs() {
    check_batch("resnet18");
}

#[test]
fn a_batch_of_a_transformer_equals_single_runs() {
    check_batch("swin_t");
}
