//! Cost of each rule of the gradient compiler: layers of ResNet50 and EfficientNet-Lite0, one at a time, forward and
//! with their gradient, on every device: `cargo bench --bench rules [-- FILTER]`.
//!
//! Each layer is placed between a 1x1 convolution, which expands the picture's three channels to the layer's input, and
//! a global average, which turns the layer's channels into class scores. "nothing" is the cost of these two alone.

#[path = "../crates/onnx-grad/tests/gradients/common.rs"]
mod common;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../crates/onnx-grad/tests/gradients/random.rs"]
mod random;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../tests/gradients/runtime.rs"]
mod runtime;
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../tests/gradients/support.rs"]
mod support;

use std::time::Duration;

use common::{Graph, gradient_model};
use criterion::{Criterion, criterion_group, criterion_main};
use onnx_grad::onnx::{AttributeProto as A, DataType, ModelProto};
use ort::session::Session;
use ort::value::TensorRef;
use prost::Message;
use salstream::model::runtime::{Device, Runtime};
use support::{devices, options};

const OPSET: i64 = 17;

/// A layer: its name, the channels and side of its input, and a function that builds it on a named tensor.
type Layer = (&'static str, [usize; 2], fn(&mut Graph, &str) -> String);

const LAYERS: &[Layer] = &[
    ("nothing", [64, 56], |_, x| x.to_owned()),
    ("Conv 1x1", [64, 56], |g, x| conv(g, x, &[256, 64, 1, 1], 1, 1)),
    ("Conv 3x3", [128, 28], |g, x| conv(g, x, &[128, 128, 3, 3], 1, 1)),
    ("Conv 3x3 stride 2", [128, 56], |g, x| conv(g, x, &[128, 128, 3, 3], 2, 1)),
    ("Conv 1x1 stride 2", [256, 56], |g, x| conv(g, x, &[512, 256, 1, 1], 2, 1)),
    ("Conv 7x7 stride 2, the stem", [3, 224], |g, x| conv(g, x, &[64, 3, 7, 7], 2, 1)),
    ("Conv 3x3 depthwise", [144, 56], |g, x| conv(g, x, &[144, 1, 3, 3], 1, 144)),
    ("Conv 5x5 depthwise stride 2", [144, 56], |g, x| conv(g, x, &[144, 1, 5, 5], 2, 144)),
    ("Relu", [256, 56], |g, x| g.node("Relu", &[x], vec![])),
    ("Clip 0 to 6", [256, 56], |g, x| {
        let (low, high) = (g.reals(&[], &[0.0]), g.reals(&[], &[6.0]));
        g.node("Clip", &[x, &low, &high], vec![])
    }),
    ("Sigmoid", [256, 56], |g, x| g.node("Sigmoid", &[x], vec![])),
    ("MaxPool 3x3 stride 2", [64, 112], |g, x| {
        let window = vec![A::ints("kernel_shape", &[3, 3]), A::ints("strides", &[2, 2]), A::ints("pads", &[1; 4])];
        g.node("MaxPool", &[x], window)
    }),
    ("BatchNormalization", [256, 56], |g, x| {
        let of_channels: [String; 4] = std::array::from_fn(|_| g.positive(&[256]));
        let inputs: Vec<&str> = [x].into_iter().chain(of_channels.iter().map(String::as_str)).collect();
        g.node("BatchNormalization", &inputs, vec![])
    }),
    ("residual Add", [256, 56], |g, x| {
        let branch = conv(g, x, &[256, 256, 1, 1], 1, 1);
        g.node("Add", &[x, &branch], vec![])
    }),
];

/// A convolution of `x` with a bias, padded so that only the stride reduces its size.
fn conv(g: &mut Graph, x: &str, weights: &[usize; 4], stride: i64, group: i64) -> String {
    let (w, b) = (g.weights(weights), g.weights(&weights[..1]));
    let pad = weights[2] as i64 / 2;
    let attributes = vec![A::ints("strides", &[stride; 2]), A::ints("pads", &[pad; 4]), A::int("group", group)];
    g.node("Conv", &[x, &w, &b], attributes)
}

fn rules(criterion: &mut Criterion) {
    for (name, [channels, side], build) in LAYERS {
        let mut graph = Graph::new(OPSET, DataType::Float);
        let shape = [1, 3, *side, *side];
        let widened = conv(&mut graph, "image", &[*channels, 3, 1, 1], 1, 1);
        let layer = build(&mut graph, &widened);
        let pooled = graph.node("GlobalAveragePool", &[&layer], vec![]);
        let scores = graph.node("Flatten", &[&pooled], vec![]);
        let model = graph.model(&shape, &scores);
        let values: Vec<f32> = graph.random.take(shape.iter().product()).iter().map(|&value| value as f32).collect();
        let image = || TensorRef::from_array_view((shape, &*values)).expect("the shape fits");
        let mut group = criterion.benchmark_group(*name);
        for device in devices() {
            let mut forward = session(&model, device);
            group.bench_function(format!("{device}/forward"), |b| {
                b.iter(|| drop(forward.run(ort::inputs![image()]).expect("the layer runs")));
            });
            let (whole, _) = gradient_model(&model, 1, device.variant());
            let mut whole = session(&whole, device);
            let target = || TensorRef::from_array_view(([1], &[-1_i64][..])).expect("the shape fits");
            group.bench_function(format!("{device}/with gradient"), |b| {
                b.iter(|| {
                    let inputs = ort::inputs!["image" => image(), "target" => target()];
                    drop(whole.run(inputs).expect("the gradient runs"));
                });
            });
        }
        group.finish();
    }
}

fn session(model: &ModelProto, device: Device) -> Session {
    let runtime = Runtime::get().expect("ONNX Runtime is installed");
    runtime.session(&model.encode_to_vec(), &options(device)).expect("the model opens")
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(700));
    targets = rules
}
criterion_main!(benches);
