//! Tests each rule against finite differences, for every relevant attribute, at many opsets, in
//! both variants.

mod activation;
mod arithmetic;
mod attention;
mod case;
mod conv;
mod einsum;
mod fused;
mod geometry;
mod hostile;
mod index;
mod integers;
mod linear;
mod loss;
mod lp;
mod normalization;
mod openvino;
mod pool;
mod quantize;
mod recurrent;
mod reduce;
mod refusals;
mod resize;
mod roi;
mod sampling;
mod scatter;
mod select;
mod shape;
mod softmax;
mod spectrum;
mod trigonometry;

use std::error::Error;

use crate::common::{Graph, Random, find_shapes, reals, relative_error, try_session, value};
use onnx_grad::onnx::ModelProto;
use onnx_grad::{Options, RULES, Variant, WRITTEN_OUT, differentiate};
use ort::session::Session;

use case::{
    ALL, Accuracy, Case, F64, FROM_8, FROM_11, IMAGE, KINKED, LINEAR, ROUNDED, SMOOTH, case, matrix, parameters,
    with_axes,
};

/// Scores that depend on every element of the operator's result: one random weighting per class.
fn with_scores(case: &Case, opset: i64) -> Result<ModelProto, Box<dyn Error>> {
    let mut graph = Graph::new(opset, case.accuracy.dtype);
    let result = (case.build)(&mut graph);
    let mut forward = try_session(&graph.model(case.image, &result))?;
    let picture = value(case.accuracy.dtype, case.image, &vec![0.5; case.image.iter().product()]);
    let count = reals(&forward.run(ort::inputs!["image" => picture])?[0]).len();
    let sizes = graph.integers(&[1, count as i64]);
    let row = graph.node("Reshape", &[&result, &sizes], vec![]);
    let weights = graph.weights(&[count, 2]);
    let scores = graph.node("MatMul", &[&row, &weights], vec![]);
    Ok(graph.model(case.image, &scores))
}

fn run(session: &mut Session, case: &Case, picture: &[f64]) -> Result<(f64, Vec<f64>), Box<dyn Error>> {
    let picture = value(case.accuracy.dtype, case.image, picture);
    let target = ort::value::Tensor::from_array(([1], vec![1i64]))?;
    let values = session.run(ort::inputs!["image" => picture, "target" => target])?;
    Ok((reals(&values["scores"])[1], reals(&values["gradient"])))
}

/// Distinct values in random order, at least 0.005 apart and away from every bound in the cases.
fn distinct(count: usize, random: &mut Random) -> Vec<f64> {
    let mut values: Vec<f64> = (0..count).map(|index| (index as f64 + 0.5 - count as f64 / 2.0) / 100.0).collect();
    for index in (1..count).rev() {
        values.swap(index, ((random.next() + 1.0) / 2.0 * index as f64) as usize);
    }
    values
}

fn check(case: &Case, opset: i64) -> Result<(), Box<dyn Error>> {
    let model = with_scores(case, opset)?;
    let shapes = find_shapes(&model, 1)?;
    let mut random = Random(42);
    let count = case.image.iter().product();
    let picture = distinct(count, &mut random);
    let Accuracy { step, tolerance, .. } = case.accuracy;
    check_scores(case, &model, &picture)?;
    let mut found = Vec::new();
    for variant in [Variant::OnnxRuntime, Variant::OpenVino] {
        let options = Options { variant, ..Default::default() };
        let mut session = try_session(&differentiate(&model, &shapes, &options)?)?;
        let (_, gradient) = run(&mut session, case, &picture)?;
        for _ in 0..3 {
            let direction = random.take(count);
            let moved = |by: f64| picture.iter().zip(&direction).map(|(x, d)| x + by * d).collect::<Vec<_>>();
            let ahead = run(&mut session, case, &moved(step))?.0;
            let behind = run(&mut session, case, &moved(-step))?.0;
            let measured = (ahead - behind) / (2.0 * step);
            let stated: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
            let size = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            let agrees = (measured - stated).abs() <= tolerance * size.max(1e-3);
            if !agrees || gradient.len() != count {
                return Err(format!("{variant:?}: {stated}, measured {measured}").into());
            }
        }
        found.push(gradient);
    }
    // A gradient that is 0 everywhere has no relative error.
    let apart = if found[0] == found[1] { 0.0 } else { relative_error(&found[1], &found[0]) };
    if apart <= 1e-5 { Ok(()) } else { Err(format!("the variants differ by {apart}").into()) }
}

/// Checks that an operator that is written out gives what ONNX Runtime's own gives.
fn check_scores(case: &Case, model: &ModelProto, picture: &[f64]) -> Result<(), Box<dyn Error>> {
    if !WRITTEN_OUT.iter().any(|(_, op, _)| *op == case.op) {
        return Ok(());
    }
    let made = differentiate(model, &find_shapes(model, 1)?, &Options::default())?;
    let picture = || value(case.accuracy.dtype, case.image, picture);
    let target = ort::value::Tensor::from_array(([1], vec![1i64]))?;
    let found = reals(&try_session(&made)?.run(ort::inputs!["image" => picture(), "target" => target])?["scores"]);
    let expected = reals(&try_session(model)?.run(ort::inputs!["image" => picture()])?[0]);
    let apart = if found == expected { 0.0 } else { relative_error(&found, &expected) };
    // Sums of floats can be rounded to another level than sums of integers.
    let tolerance = if case.accuracy.tolerance < ROUNDED.tolerance { 1e-5 } else { 5e-3 };
    if apart <= tolerance { Ok(()) } else { Err(format!("the scores differ by {apart}").into()) }
}

/// Every case, grouped by the file of its operator's rule.
const FILES: &[&[Case]] = &[
    activation::CASES,
    arithmetic::CASES,
    attention::CASES,
    conv::CASES,
    fused::CASES,
    index::CASES,
    integers::CASES,
    einsum::CASES,
    geometry::CASES,
    linear::CASES,
    loss::CASES,
    lp::CASES,
    normalization::CASES,
    pool::CASES,
    resize::CASES,
    roi::CASES,
    sampling::CASES,
    scatter::CASES,
    select::CASES,
    quantize::CASES,
    recurrent::CASES,
    reduce::CASES,
    shape::CASES,
    softmax::CASES,
    spectrum::CASES,
    trigonometry::CASES,
];

#[test]
fn every_rule_has_a_case() {
    for (op, _) in RULES {
        assert!(FILES.concat().iter().any(|case| case.op == *op), "add a case for {op}");
    }
    for (_, op, _) in WRITTEN_OUT {
        assert!(FILES.concat().iter().any(|case| case.op == *op), "add a case for {op}");
    }
}

/// Checks every case of one file at every opset.
fn agree(cases: &'static [Case]) {
    // Nothing about the operators of these cases has changed since opset 22 but their types.
    let newest = |case: &Case| (case.opsets.last() == Some(&22)).then_some(25);
    let opsets = |case: &'static Case| case.opsets.iter().copied().chain(newest(case));
    let uses = cases.iter().flat_map(|case| opsets(case).map(move |opset| (case, opset)));
    let wrong: Vec<String> = uses
        .filter_map(|(case, opset)| {
            let problem = check(case, opset).err()?;
            Some(format!("{} ({}) at opset {opset}: {problem}", case.op, case.what))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn activation_rules_agree_with_finite_differences() {
    agree(activation::CASES);
}

#[test]
fn arithmetic_rules_agree_with_finite_differences() {
    agree(arithmetic::CASES);
}

#[test]
fn attention_rules_agree_with_finite_differences() {
    agree(attention::CASES);
}

#[test]
fn conv_rules_agree_with_finite_differences() {
    agree(conv::CASES);
}

#[test]
fn index_rules_agree_with_finite_differences() {
    agree(index::CASES);
}

#[test]
fn lp_rules_agree_with_finite_differences() {
    agree(lp::CASES);
}

#[test]
fn resize_rules_agree_with_finite_differences() {
    agree(resize::CASES);
}

#[test]
fn einsum_rules_agree_with_finite_differences() {
    agree(einsum::CASES);
}

#[test]
fn linear_rules_agree_with_finite_differences() {
    agree(linear::CASES);
}

#[test]
fn normalization_rules_agree_with_finite_differences() {
    agree(normalization::CASES);
}

#[test]
fn pool_rules_agree_with_finite_differences() {
    agree(pool::CASES);
}

#[test]
fn quantize_rules_agree_with_finite_differences() {
    agree(quantize::CASES);
}

#[test]
fn reduce_rules_agree_with_finite_differences() {
    agree(reduce::CASES);
}

#[test]
fn shape_rules_agree_with_finite_differences() {
    agree(shape::CASES);
}

#[test]
fn softmax_rules_agree_with_finite_differences() {
    agree(softmax::CASES);
}

#[test]
fn trigonometry_rules_agree_with_finite_differences() {
    agree(trigonometry::CASES);
}

#[test]
fn recurrent_layers_agree_with_finite_differences() {
    agree(recurrent::CASES);
}

#[test]
fn fused_operators_agree_with_finite_differences() {
    agree(fused::CASES);
}

#[test]
fn arithmetic_on_integers_agrees_with_finite_differences() {
    agree(integers::CASES);
}

#[test]
fn geometry_rules_agree_with_finite_differences() {
    agree(geometry::CASES);
}

#[test]
fn loss_rules_agree_with_finite_differences() {
    agree(loss::CASES);
}

#[test]
fn sampling_rules_agree_with_finite_differences() {
    agree(sampling::CASES);
}

#[test]
fn scatter_rules_agree_with_finite_differences() {
    agree(scatter::CASES);
}

#[test]
fn select_rules_agree_with_finite_differences() {
    agree(select::CASES);
}

#[test]
fn roi_rules_agree_with_finite_differences() {
    agree(roi::CASES);
}

#[test]
fn spectrum_rules_agree_with_finite_differences() {
    agree(spectrum::CASES);
}
