//! Half precision is computed in float32: the gradient is that of the float32 network with the same weights.

use crate::common::{Graph, Random, reals, relative_error, try_session, value};
use crate::runtime;
use half::{bf16, f16};
use onnx_grad::onnx::{AttributeProto as A, DataType, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use onnx_grad::{Options, Request, differentiate, prepare};

const IMAGE: &[usize] = &[1, 3, 9, 8];

/// A convolution, a sum with a constant, and a layer with a cast in between.
fn network() -> ModelProto {
    let mut g = Graph::new(13, DataType::Float);
    let (w, b) = (g.weights(&[4, 3, 3, 3]), g.weights(&[4]));
    let x = g.node("Conv", &["image", &w, &b], vec![]);
    let x = g.node("Tanh", &[&x], vec![]);
    let x = g.node("Cast", &[&x], vec![A::int("to", DataType::Float as i64)]);
    let shape = g.integers(&[1, 4, 1, 1]);
    let ones = TensorProto::from_reals("", DataType::Float, &[1], &[0.25]);
    let filled = A { name: Some("value".into()), r#type: Some(4), t: Some(ones), ..Default::default() };
    let offset = g.node("ConstantOfShape", &[&shape], vec![filled]);
    let x = g.node("Add", &[&x, &offset], vec![]);
    let x = g.node("Flatten", &[&x], vec![]);
    let weights = g.weights(&[168, 3]);
    let scores = g.node("MatMul", &[&x, &weights], vec![]);
    g.model(IMAGE, &scores)
}

/// A tensor with the same values, rounded to half precision.
fn halved(tensor: &TensorProto, dtype: DataType) -> TensorProto {
    let bytes = |value: f64| match dtype {
        DataType::Float16 => f16::from_f64(value).to_le_bytes(),
        _ => bf16::from_f64(value).to_le_bytes(),
    };
    let raw = tensor.reals().unwrap().into_iter().flat_map(bytes).collect();
    TensorProto::from_raw(tensor.name(), dtype, &tensor.shape().unwrap(), raw)
}

/// The network in half precision, and in float32 with the same weights.
fn pair(dtype: DataType) -> [ModelProto; 2] {
    let [mut half, mut full] = [network(), network()];
    let (half_graph, full_graph) = (half.graph.as_mut().unwrap(), full.graph.as_mut().unwrap());
    for (half, full) in half_graph.initializer.iter_mut().zip(&mut full_graph.initializer) {
        if full.dtype() == DataType::Float {
            *half = halved(full, dtype);
            *full =
                TensorProto::from_reals(full.name(), DataType::Float, &full.shape().unwrap(), &half.reals().unwrap());
        }
    }
    half_graph.input[0] = ValueInfoProto::fixed("image", dtype, IMAGE);
    for attribute in half_graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        attribute.i = attribute.i.map(|_| dtype as i64);
        attribute.t = attribute.t.as_ref().map(|tensor| halved(tensor, dtype));
    }
    [half, full]
}

fn explained(model: &ModelProto, pixels: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (model, shapes) = prepare(model.clone(), &Request::default(), runtime::run).unwrap();
    let made = differentiate(&model, &shapes, &Options::default()).unwrap();
    let target = ort::value::Tensor::from_array(([1], vec![1i64])).unwrap();
    let picture = value(DataType::Float, IMAGE, pixels);
    let mut session = try_session(&made).unwrap();
    let found = session.run(ort::inputs!["image" => picture, "target" => target]).unwrap();
    (reals(&found["scores"]), reals(&found["gradient"]))
}

#[test]
fn the_gradient_is_that_of_the_same_network_in_float32() {
    for dtype in [DataType::Float16, DataType::Bfloat16] {
        let [half, full] = pair(dtype);
        let pixels = Random(5).take(216);
        let (found, expected) = (explained(&half, &pixels), explained(&full, &pixels));
        assert!(relative_error(&found.0, &expected.0) < 1e-6, "{dtype:?}");
        assert!(relative_error(&found.1, &expected.1) < 1e-6, "{dtype:?}");
    }
}

/// The model with casts around it, because the image and the scores of the tests are float32.
fn between_casts(mut model: ModelProto) -> ModelProto {
    let graph = model.graph.as_mut().unwrap();
    let cast = |from: &str, to: &str, dtype: DataType| NodeProto {
        attribute: vec![A::int("to", dtype as i64)],
        ..NodeProto::new("Cast", to, vec![from.into()], vec![to.into()])
    };
    graph.node[0].input[0] = "narrow".into();
    graph.node.insert(0, cast("image", "narrow", DataType::Float16));
    graph.node.push(cast(graph.output[0].name(), "wide", DataType::Float));
    graph.input[0] = ValueInfoProto::fixed("image", DataType::Float, IMAGE);
    graph.output[0].name = Some("wide".into());
    model
}

#[test]
fn the_scores_are_those_of_the_network_in_half_precision_within_its_rounding() {
    let half = between_casts(pair(DataType::Float16)[0].clone());
    let pixels = Random(5).take(216);
    let mut session = try_session(&half).unwrap();
    let picture = value(DataType::Float, IMAGE, &pixels);
    let own = reals(&session.run(ort::inputs!["image" => picture]).unwrap()[0]);
    let apart = relative_error(&explained(&half, &pixels).0, &own);
    assert!(apart < 2e-3, "{apart}");
}

#[test]
fn weights_that_are_only_stored_in_half_precision_stay_so() {
    let mut model = network();
    let graph = model.graph.as_mut().unwrap();
    let weights = graph.node[0].input[1].clone();
    let tensor = graph.initializer.iter_mut().find(|tensor| tensor.name() == weights).unwrap();
    *tensor = halved(tensor, DataType::Float16);
    let cast = NodeProto::new("Cast", "cast", vec![weights.clone()], vec!["wide".into()]);
    let to = vec![A::int("to", DataType::Float as i64)];
    graph.node.insert(0, NodeProto { attribute: to, ..cast });
    graph.node[1].input[1] = "wide".into();
    let (prepared, _) = prepare(model, &Request::default(), runtime::run).unwrap();
    let kept = prepared.graph.unwrap().initializer.into_iter().find(|tensor| tensor.name() == weights).unwrap();
    assert_eq!(kept.dtype(), DataType::Float16);
}
