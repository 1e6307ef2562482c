//! Tests each rule against finite differences, for every relevant attribute, at many opsets, in
//! both variants.

mod activation;
mod arithmetic;
mod attention;
mod conv;
mod einsum;
mod fused;
mod hostile;
mod index;
mod integers;
mod linear;
mod lp;
mod normalization;
mod openvino;
mod pool;
mod quantize;
mod recurrent;
mod reduce;
mod refusals;
mod resize;
mod shape;
mod softmax;
mod trigonometry;

use std::error::Error;

use crate::common::{Graph, Random, find_shapes, reals, relative_error, try_session, value};
use onnx_grad::onnx::{AttributeProto as A, DataType, ModelProto};
use onnx_grad::{Options, RULES, Variant, WRITTEN_OUT, differentiate};
use ort::session::Session;

/// The element type, step and tolerance of the comparison with finite differences.
#[derive(Clone, Copy)]
struct Accuracy {
    dtype: DataType,
    step: f64,
    /// Relative to the gradient's norm.
    tolerance: f64,
}

/// One use of an operator.
#[derive(Clone, Copy)]
struct Case {
    op: &'static str,
    what: &'static str,
    accuracy: Accuracy,
    opsets: &'static [i64],
    image: &'static [usize],
    build: fn(&mut Graph) -> String,
}

const ALL: &[i64] = &[7, 8, 9, 10, 11, 12, 13, 15, 17, 18, 20, 22];
const FROM_8: &[i64] = &[8, 9, 10, 11, 12, 13, 18, 22];
const FROM_11: &[i64] = &[11, 13, 18, 22];
/// Preferred: ONNX Runtime has a double precision kernel.
const F64: Accuracy = Accuracy { dtype: DataType::Double, step: 1e-4, tolerance: 1e-6 };
/// A float32 kernel of a linear operator: long steps make finite differences exact.
const LINEAR: Accuracy = Accuracy { dtype: DataType::Float, step: 0.5, tolerance: 1e-4 };
/// A float32 kernel of a smooth operator.
const SMOOTH: Accuracy = Accuracy { dtype: DataType::Float, step: 1e-2, tolerance: 2e-3 };
/// A float32 kernel of an operator with kinks; short steps avoid crossing them.
const KINKED: Accuracy = Accuracy { dtype: DataType::Float, step: 1e-3, tolerance: 2e-3 };
/// An operator that rounds to 8 bits: long steps average over the levels.
const ROUNDED: Accuracy = Accuracy { dtype: DataType::Float, step: 0.25, tolerance: 0.06 };
const IMAGE: &[usize] = &[1, 3, 9, 8];

const fn case(
    op: &'static str,
    what: &'static str,
    accuracy: Accuracy,
    opsets: &'static [i64],
    image: &'static [usize],
    build: fn(&mut Graph) -> String,
) -> Case {
    Case { op, what, accuracy, opsets, image, build }
}

/// The image flattened to `[rows, columns]`.
fn matrix(g: &mut Graph, sizes: &[i64]) -> String {
    let sizes = g.integers(sizes);
    g.node("Reshape", &["image", &sizes], vec![])
}

/// A node whose axes are an attribute before opset `since`, and an input from `since` on.
fn with_axes(g: &mut Graph, op: &str, since: i64, input: &str, axes: &[i64], mut attributes: Vec<A>) -> String {
    if g.opset < since {
        attributes.push(A::ints("axes", axes));
        return g.node(op, &[input], attributes);
    }
    let axes = g.integers(axes);
    g.node(op, &[input, &axes], attributes)
}

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
    linear::CASES,
    lp::CASES,
    normalization::CASES,
    pool::CASES,
    resize::CASES,
    quantize::CASES,
    recurrent::CASES,
    reduce::CASES,
    shape::CASES,
    softmax::CASES,
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
