//! Matrix products.

use super::{ALL, Case, F64, FROM_11, IMAGE, LINEAR, case, matrix};
use crate::common::{Graph, gradient_model, reals, try_session, value};
use onnx_grad::Variant;
use onnx_grad::onnx::{AttributeProto as A, DataType};

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("Gemm", "plain", F64, ALL, IMAGE, |g| { let x = matrix(g, &[24, 9]); let (w, c) = (g.weights(&[9, 4]), g.weights(&[4])); g.node("Gemm", &[&x, &w, &c], vec![A::float("alpha", 0.5), A::float("beta", 2.0)]) }),
    case("Gemm", "transposed weights", F64, ALL, IMAGE, |g| { let x = matrix(g, &[24, 9]); let (w, c) = (g.weights(&[4, 9]), g.weights(&[4])); g.node("Gemm", &[&x, &w, &c], vec![A::int("transB", 1)]) }),
    case("Gemm", "transposed image", F64, ALL, IMAGE, |g| { let x = matrix(g, &[24, 9]); let (w, c) = (g.weights(&[24, 4]), g.weights(&[4])); g.node("Gemm", &[&x, &w, &c], vec![A::int("transA", 1)]) }),
    case("Gemm", "both transposed", F64, ALL, IMAGE, |g| { let x = matrix(g, &[24, 9]); let (w, c) = (g.weights(&[4, 24]), g.weights(&[4])); g.node("Gemm", &[&x, &w, &c], vec![A::int("transA", 1), A::int("transB", 1)]) }),
    case("Gemm", "image on the right and as the bias", F64, ALL, &[1, 3, 2, 6], |g| { let x = matrix(g, &[6, 6]); let w = g.weights(&[6, 6]); g.node("Gemm", &[&w, &x, &x], vec![A::int("transB", 1), A::float("beta", 0.5)]) }),
    case("MatMul", "stacks, broadcast", F64, FROM_11, IMAGE, |g| { let w = g.weights(&[2, 1, 8, 5]); g.node("MatMul", &["image", &w], vec![]) }),
    case("MatMul", "image on the right, repeated", F64, FROM_11, &[1, 3, 4, 5], |g| { let x = matrix(g, &[1, 1, 12, 5]); let w = g.weights(&[3, 2, 12]); g.node("MatMul", &[&w, &x], vec![]) }),
    case("MatMul", "by a vector", F64, FROM_11, IMAGE, |g| { let w = g.weights(&[8]); g.node("MatMul", &["image", &w], vec![]) }),
    case("MatMul", "a vector by itself as a matrix", LINEAR, FROM_11, &[1, 3, 2, 2], |g| { let (x, m) = (matrix(g, &[12]), matrix(g, &[12, 1])); g.node("MatMul", &[&x, &m], vec![]) }),
];

#[test]
fn the_gradient_of_a_last_gemm_is_what_its_weights_hold_for_the_class() {
    let image = [2, 3, 1, 3usize];
    for (trans_b, variant) in
        [(0, Variant::OnnxRuntime), (1, Variant::OnnxRuntime), (0, Variant::OpenVino), (1, Variant::OpenVino)]
    {
        let mut graph = Graph::new(17, DataType::Double);
        let row = matrix(&mut graph, &[2, 9]);
        let weights = graph.weights(if trans_b == 1 { &[4, 9] } else { &[9, 4] });
        let attributes = vec![A::float("alpha", 0.5), A::int("transB", trans_b)];
        let scores = graph.node("Gemm", &[&row, &weights], attributes);
        let model = graph.model(&image, &scores);
        let held = model.graph.iter().flat_map(|graph| &graph.initializer).find(|tensor| tensor.name() == weights);
        let held = held.unwrap().reals().unwrap();
        let of =
            |class: usize| (0..9).map(move |input| if trans_b == 1 { class * 9 + input } else { input * 4 + class });
        let expected: Vec<f64> = of(2).chain(of(0)).map(|place| 0.5 * held[place]).collect();

        let (model, _) = gradient_model(&model, 2, variant);
        let picture = value(DataType::Double, &image, &[0.3; 18]);
        let targets = ort::value::Tensor::from_array(([2], vec![2i64, 0])).unwrap();
        let mut session = try_session(&model).unwrap();
        let found = session.run(ort::inputs!["image" => picture, "target" => targets]).unwrap();
        assert_eq!(reals(&found["gradient"]), expected, "transB {trans_b}, {variant:?}");
    }
}
