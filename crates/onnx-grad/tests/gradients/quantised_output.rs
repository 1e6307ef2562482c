//! Models whose scores are quantised are explained through the floats that the levels stand for.

use crate::common::{Graph, Random, reals, relative_error, try_session, value};
use crate::runtime;
use onnx_grad::onnx::{AttributeProto as A, DataType, ModelProto, TensorProto};
use onnx_grad::{Options, Request, differentiate, prepare};

const IMAGE: &[usize] = &[1, 3, 4, 2];

/// Three scores in levels of 8 bits, made by `op`, and the names of their scale and zero point.
fn quantised(g: &mut Graph, op: &str) -> (String, [String; 2]) {
    let (xs, ys) = (g.reals(&[], &[0.01]), g.reals(&[], &[0.02]));
    let mut bytes = |name: &str, dtype: DataType, shape: &[usize], values: Vec<u8>| {
        g.initializers.push(TensorProto::from_raw(name, dtype, shape, values));
        name.to_owned()
    };
    let zero = bytes("zero", DataType::Uint8, &[], vec![128]);
    let weights = bytes("levels", DataType::Int8, &[24, 3], (0..72u8).map(|value| value.wrapping_mul(31)).collect());
    let none = bytes("none", DataType::Int8, &[], vec![0]);
    let sizes = g.integers(&[1, 24]);
    let row = g.node("Reshape", &["image", &sizes], vec![]);
    let y = if op == "QuantizeLinear" {
        let weights = g.weights(&[24, 3]);
        let y = g.node("MatMul", &[&row, &weights], vec![]);
        g.node("QuantizeLinear", &[&y, &ys, &zero], vec![])
    } else {
        let x = g.node("QuantizeLinear", &[&row, &xs, &zero], vec![]);
        g.node("QLinearMatMul", &[&x, &xs, &zero, &weights, &xs, &none, &ys, &zero], vec![])
    };
    (y, [ys, zero])
}

fn explained(model: ModelProto) -> (Vec<f64>, Vec<f64>) {
    let (model, shapes) = prepare(model, &Request::default(), runtime::run).unwrap();
    let made = differentiate(&model, &shapes, &Options::default()).unwrap();
    let mut session = try_session(&made).unwrap();
    let target = ort::value::Tensor::from_array(([1], vec![1i64])).unwrap();
    let picture = value(DataType::Float, IMAGE, &Random(2).take(24));
    let found = session.run(ort::inputs!["image" => picture, "target" => target]).unwrap();
    (reals(&found["scores"]), reals(&found["gradient"]))
}

#[test]
fn quantised_scores_are_explained_as_the_floats_that_they_stand_for() {
    for (op, reshaped) in [("QuantizeLinear", false), ("QuantizeLinear", true), ("QLinearMatMul", false)] {
        let mut g = Graph::new(13, DataType::Float);
        let (mut y, [scale, zero]) = quantised(&mut g, op);
        if reshaped {
            let sizes = g.integers(&[1, 3, 1, 1]);
            y = g.node("Reshape", &[&y, &sizes], vec![]);
            y = g.node("Flatten", &[&y], vec![A::int("axis", 1)]);
        }
        let levels = g.model(IMAGE, &y);
        let floats = g.node("DequantizeLinear", &[&y, &scale, &zero], vec![]);
        let (found, expected) = (explained(levels), explained(g.model(IMAGE, &floats)));
        assert!(expected.1.iter().any(|slope| *slope != 0.0));
        assert!(relative_error(&found.0, &expected.0) < 1e-6, "{op} {reshaped}");
        assert!(relative_error(&found.1, &expected.1) < 1e-6, "{op} {reshaped}");
    }
}
