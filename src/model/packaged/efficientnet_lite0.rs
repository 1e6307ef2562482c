//! EfficientNet-Lite0 as an ONNX graph.
//!
//! The architecture is that of EfficientNet-Lite (Tan and Le 2019; the Lite variants of 2020 drop
//! squeeze-and-excitation and use ReLU6). Batch normalisation is folded into the convolutions. The same weights give the
//! same bytes on every machine: the arithmetic is IEEE double, rounded once to float32.

use std::collections::HashMap;

use onnx_grad::onnx::tensor_shape_proto::Dimension;
use onnx_grad::onnx::tensor_shape_proto::dimension::Value as Size;
use onnx_grad::onnx::{
    AttributeProto, DataType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto,
    type_proto,
};

use super::checkpoint::CheckpointTensor;

/// The epsilon of every batch normalisation.
const EPSILON: f64 = 1e-3;
/// Of each stage: blocks, stride of the first, expansion, channels. The sizes of kernels come with the weights.
const STAGES: [(usize, usize, usize, usize); 7] =
    [(1, 1, 1, 16), (2, 2, 6, 24), (2, 2, 6, 40), (3, 2, 6, 80), (3, 1, 6, 112), (4, 2, 6, 192), (1, 1, 6, 320)];

/// The network with the weights of its checkpoint: IR version 8, opset 17; input `image` [N, 3, 224, 224], output
/// `logits` [N, 1000].
///
/// # Errors
/// A message that names a weight that is missing.
pub fn model(weights: &HashMap<String, CheckpointTensor>) -> Result<ModelProto, String> {
    let doc = "EfficientNet-Lite0, ImageNet-1k. Input: RGB, (x - 127) / 128, NCHW 224 x 224. Output: logits.";
    Ok(ModelProto {
        ir_version: Some(8),
        // Part of the file's checksum, and so the name of the converter that came first.
        producer_name: Some("salstream models/efficientnet_lite0.py".into()),
        producer_version: Some("1".into()),
        doc_string: Some(doc.into()),
        graph: Some(graph(weights)?),
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(17) }],
        ..Default::default()
    })
}

fn graph(weights: &HashMap<String, CheckpointTensor>) -> Result<GraphProto, String> {
    let mut network = Network { weights, graph: GraphProto::default() };
    network.constant("zero", &[], &[0.0]);
    network.constant("six", &[], &[6.0]);
    let stem = Conv { name: "stem.conv", key: "_conv_stem", norm: "_bn0", stride: 2, group: 1, relu6: true };
    let mut x = network.conv("image", &stem)?;
    let (mut index, mut channels) = (0, 32);
    for (blocks, first_stride, expansion, outputs) in STAGES {
        for block in 0..blocks {
            let stride = if block == 0 { first_stride } else { 1 };
            x = network.block(&x, index, stride, expansion, [channels, outputs])?;
            (index, channels) = (index + 1, outputs);
        }
    }
    let head = Conv { name: "head.conv", key: "_conv_head", norm: "_bn1", stride: 1, group: 1, relu6: true };
    x = network.conv(&x, &head)?;
    x = network.node("GlobalAveragePool", "head.pool", &[&x], None, vec![]);
    x = network.node("Flatten", "head.flatten", &[&x], None, vec![AttributeProto::int("axis", 1)]);
    let [weight, bias] = ["weight", "bias"].map(|part| (part, network.weight(&format!("_fc.{part}"))));
    for (part, tensor) in [weight, bias] {
        let tensor = tensor?;
        let values: Vec<f64> = tensor.values.iter().map(|value| f64::from(*value)).collect();
        network.constant(&format!("classifier.{part}"), &tensor.shape, &values);
    }
    let inputs = [x.as_str(), "classifier.weight", "classifier.bias"];
    network.node("Gemm", "classifier", &inputs, Some("logits"), vec![AttributeProto::int("transB", 1)]);
    Ok(GraphProto {
        name: Some("efficientnet_lite0".into()),
        input: vec![free_batch("image", &[3, 224, 224])],
        output: vec![free_batch("logits", &[1000])],
        ..network.graph
    })
}

/// A float32 value `[N, ...shape]`.
fn free_batch(name: &str, shape: &[usize]) -> ValueInfoProto {
    let mut info = ValueInfoProto::fixed(name, DataType::Float, &[&[1], shape].concat());
    if let Some(type_proto::Value::TensorType(tensor)) = info.r#type.as_mut().and_then(|kind| kind.value.as_mut())
        && let Some(Dimension { value, .. }) = tensor.shape.as_mut().and_then(|shape| shape.dim.first_mut())
    {
        *value = Some(Size::DimParam("N".into()));
    }
    info
}

/// The graph so far, and the checkpoint that its weights come from.
struct Network<'a> {
    weights: &'a HashMap<String, CheckpointTensor>,
    graph: GraphProto,
}

/// A convolution with its batch normalisation.
struct Conv<'a> {
    name: &'a str,
    /// The checkpoint's names of the weights and of the normalisation.
    key: &'a str,
    norm: &'a str,
    stride: usize,
    group: usize,
    relu6: bool,
}

impl<'a> Network<'a> {
    fn weight(&self, key: &str) -> Result<&'a CheckpointTensor, String> {
        self.weights.get(key).ok_or_else(|| format!("it lacks {key}"))
    }

    fn constant(&mut self, name: &str, shape: &[usize], values: &[f64]) {
        self.graph.initializer.push(TensorProto::from_reals(name, DataType::Float, shape, values));
    }

    fn node(
        &mut self,
        op: &str,
        name: &str,
        inputs: &[&str],
        output: Option<&str>,
        attribute: Vec<AttributeProto>,
    ) -> String {
        let output = output.map_or_else(|| format!("{name}.out"), str::to_owned);
        let inputs = inputs.iter().map(|input| input.to_string()).collect();
        self.graph.node.push(NodeProto { attribute, ..NodeProto::new(op, name, inputs, vec![output.clone()]) });
        output
    }

    /// A convolution with its batch normalisation folded in, and ReLU6. Padding is TensorFlow's SAME.
    fn conv(&mut self, x: &str, conv: &Conv) -> Result<String, String> {
        let Conv { name, key, norm, stride, group, relu6 } = *conv;
        let kernel = self.weight(&format!("{key}.weight"))?;
        let &[outputs, _, size, _] = kernel.shape.as_slice() else { return Err(format!("{key} is no convolution")) };
        let part =
            |part: &str| Ok::<_, String>(self.weight(&format!("{norm}.{part}"))?.values.iter().map(|v| f64::from(*v)));
        let deviation = part("running_var")?.map(|variance| (variance + EPSILON).sqrt());
        let scale: Vec<f64> = part("weight")?.zip(deviation).map(|(gamma, deviation)| gamma / deviation).collect();
        let shift = part("running_mean")?.zip(&scale).map(|(mean, scale)| mean * scale);
        let bias: Vec<f64> = part("bias")?.zip(shift).map(|(beta, shift)| beta - shift).collect();
        let each = kernel.values.len() / outputs;
        let scaled = kernel.values.iter().enumerate().map(|(i, w)| f64::from(*w) * scale[i / each]);
        let scaled: Vec<f64> = scaled.collect();
        let [weight_name, bias_name] = ["weight", "bias"].map(|part| format!("{name}.{part}"));
        self.constant(&weight_name, &kernel.shape, &scaled);
        self.constant(&bias_name, &[outputs], &bias);
        // On even sizes; the smaller half comes first.
        let total = (size - stride) as i64;
        let (before, after) = (total / 2, total - total / 2);
        let attributes = vec![
            AttributeProto::ints("dilations", &[1, 1]),
            AttributeProto::int("group", group as i64),
            AttributeProto::ints("kernel_shape", &[size as i64; 2]),
            AttributeProto::ints("pads", &[before, before, after, after]),
            AttributeProto::ints("strides", &[stride as i64; 2]),
        ];
        let y = self.node("Conv", name, &[x, &weight_name, &bias_name], None, attributes);
        Ok(match relu6 {
            true => self.node("Clip", &format!("{name}.relu6"), &[&y, "zero", "six"], None, vec![]),
            false => y,
        })
    }

    /// An inverted residual block.
    fn block(
        &mut self,
        x: &str,
        index: usize,
        stride: usize,
        expansion: usize,
        [inputs, outputs]: [usize; 2],
    ) -> Result<String, String> {
        let (name, key) = (format!("blocks.{index}"), format!("_blocks.{index}"));
        let mut y = x.to_owned();
        let layers = [
            ("expand_conv", "_bn0", 1, 1, true),
            ("depthwise_conv", "_bn1", stride, inputs * expansion, true),
            ("project_conv", "_bn2", 1, 1, false),
        ];
        for (layer, norm, stride, group, relu6) in layers.into_iter().skip(usize::from(expansion == 1)) {
            let (key, norm) = (format!("{key}._{layer}"), format!("{key}.{norm}"));
            let conv = Conv { name: &format!("{name}.{layer}"), key: &key, norm: &norm, stride, group, relu6 };
            y = self.conv(&y, &conv)?;
        }
        let is_residual = stride == 1 && inputs == outputs;
        Ok(if is_residual { self.node("Add", &format!("{name}.add"), &[&y, x], None, vec![]) } else { y })
    }
}
