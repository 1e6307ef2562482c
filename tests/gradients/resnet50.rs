//! ResNet50 as torchvision builds it, with BatchNormalization, its parameters from a random stream: the same numbers in
//! the same order as `seeded_resnet50` in `tests/references/gradients.py`.

use onnx_grad::onnx::{AttributeProto, DataType, ModelProto};

use crate::common::{Graph, Random};

/// The model; 102 MB.
pub fn model() -> ModelProto {
    let mut net = Net(Graph { random: Random(2026), ..Graph::new(17, DataType::Float) });
    let mut x = net.unit("image", 3, 64, 7, 2, true);
    x = net.0.node("MaxPool", &[&x], vec![ints("kernel_shape", 3), ints("strides", 2), pads(1)]);
    let mut channels = 64;
    for (width, blocks, stride) in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)] {
        for block in 0..blocks {
            x = net.block(&x, channels, width, if block == 0 { stride } else { 1 });
            channels = 4 * width;
        }
    }
    let g = &mut net.0;
    let pooled = g.node("GlobalAveragePool", &[&x], vec![]);
    let flat = g.node("Flatten", &[&pooled], vec![]);
    let weights = net.he(&[1000, channels]);
    let bias = net.small(1000);
    let logits = net.0.node("Gemm", &[&flat, &weights, &bias], vec![AttributeProto::int("transB", 1)]);
    net.0.model(&[1, 3, 224, 224], &logits)
}

fn ints(name: &str, value: i64) -> AttributeProto {
    AttributeProto::ints(name, &[value, value])
}

fn pads(count: i64) -> AttributeProto {
    AttributeProto::ints("pads", &[count; 4])
}

struct Net(Graph);

impl Net {
    /// Weights of variance 2 / fan-in (He 2015).
    fn he(&mut self, shape: &[usize]) -> String {
        let scale = (6.0 / shape[1..].iter().product::<usize>() as f64).sqrt();
        let values: Vec<f64> =
            self.0.random.take(shape.iter().product()).into_iter().map(|value| value * scale).collect();
        self.0.reals(shape, &values)
    }

    fn small(&mut self, count: usize) -> String {
        let values: Vec<f64> = self.0.random.take(count).into_iter().map(|value| 0.1 * value).collect();
        self.0.reals(&[count], &values)
    }

    /// Convolution, normalisation and, if asked, Relu.
    fn unit(&mut self, x: &str, from: usize, to: usize, kernel: usize, stride: i64, relu: bool) -> String {
        let weights = self.he(&[to, from, kernel, kernel]);
        let attributes = vec![ints("strides", stride), pads(kernel as i64 / 2)];
        let y = self.0.node("Conv", &[x, &weights], attributes);
        let scale = self.0.positive(&[to]);
        let (bias, mean) = (self.small(to), self.small(to));
        let variance = self.0.positive(&[to]);
        let y = self.0.node("BatchNormalization", &[&y, &scale, &bias, &mean, &variance], vec![]);
        if relu { self.0.node("Relu", &[&y], vec![]) } else { y }
    }

    fn block(&mut self, x: &str, from: usize, width: usize, stride: i64) -> String {
        let y = self.unit(x, from, width, 1, 1, true);
        let y = self.unit(&y, width, width, 3, stride, true);
        let y = self.unit(&y, width, 4 * width, 1, 1, false);
        let shortcut = if from == 4 * width { x.to_owned() } else { self.unit(x, from, 4 * width, 1, stride, false) };
        let sum = self.0.node("Add", &[&y, &shortcut], vec![]);
        self.0.node("Relu", &[&sum], vec![])
    }
}
