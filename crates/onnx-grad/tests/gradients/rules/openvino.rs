//! Compares the gradient for OpenVINO, computed by OpenVINO, with the same nodes in ONNX Runtime's
//! own kernels: every case once, at its newest opset, in float32.

use std::collections::HashSet;
use std::error::Error;

use super::{Case, FILES, distinct, run, with_scores};
use crate::common::{Random, gradient_model, relative_error};
use crate::runtime::{self, Provider};
use onnx_grad::onnx::DataType;
use onnx_grad::{RULES, Variant};

/// Operators that OpenVINO refuses in every case: it does not support Attention, Det and
/// RotaryEmbedding, or a graph that consists only of Dropout.
const REFUSED: &[&str] = &["Attention", "Det", "Dropout", "RotaryEmbedding"];

/// Operators whose results OpenVINO rounds differently in every case.
const ROUNDED_OTHERWISE: &[&str] = &["ConvInteger", "DynamicQuantizeLinear", "MatMulInteger"];

/// The gradient's relative error, or `None` if OpenVINO computes another score.
fn error(case: &Case) -> Result<Option<f64>, Box<dyn Error>> {
    let model = with_scores(case, *case.opsets.last().ok_or("no opsets")?)?;
    let (model, _) = gradient_model(&model, 1, Variant::OpenVino);
    let picture = distinct(case.image.iter().product(), &mut Random(42));
    let compute = |provider| run(&mut runtime::session(&model, provider)?, case, &picture);
    let (score, gradient) = compute(Provider::OpenVino)?;
    let (expected, gradient_expected) = compute(Provider::Cpu)?;
    let close = (score - expected).abs() <= 1e-4 * expected.abs().max(1.0);
    let same = gradient == gradient_expected;
    Ok(close.then(|| if same { 0.0 } else { relative_error(&gradient, &gradient_expected) }))
}

#[test]
#[ignore = "needs ONNX Runtime with OpenVINO"]
fn openvino_computes_the_same_gradients() {
    let mut proven: HashSet<&str> = REFUSED.iter().chain(ROUNDED_OTHERWISE).copied().collect();
    let mut wrong = Vec::new();
    for mut case in FILES.concat() {
        case.accuracy.dtype = DataType::Float;
        match error(&case) {
            Ok(Some(error)) if error <= 1e-4 => _ = proven.insert(case.op),
            Ok(Some(error)) => wrong.push(format!("{} ({}): {error}", case.op, case.what)),
            Ok(None) => eprintln!("{} ({}) has another score in OpenVINO", case.op, case.what),
            Err(problem) => eprintln!("{} ({}) does not run in OpenVINO: {problem}", case.op, case.what),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let missing: Vec<_> = RULES.iter().map(|(op, _)| *op).filter(|op| !proven.contains(op)).collect();
    assert!(missing.is_empty(), "OpenVINO runs no case of {}", missing.join(", "));
}
