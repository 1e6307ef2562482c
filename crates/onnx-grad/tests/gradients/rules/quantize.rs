//! Quantisation. The cases use enough levels for rounding to be small compared with the steps of
//! finite differences. The effect of rounding and saturation on the gradient is compared with Clip.

use super::{Case, IMAGE, LINEAR, case, parameters, with_scores};
use crate::common::{Graph, Random, gradient_model, relative_error, try_session};
use onnx_grad::Variant;
use onnx_grad::onnx::{AttributeProto as A, DataType, TensorProto};

/// Zero points of type `dtype`.
fn zero_points(g: &mut Graph, dtype: DataType, values: &[i64], shape: &[usize]) -> String {
    let name = format!("zero{}", g.initializers.len());
    let raw = values.iter().flat_map(|value| match dtype {
        DataType::Int16 | DataType::Uint16 => (*value as i16).to_le_bytes().to_vec(),
        _ => vec![*value as u8],
    });
    g.initializers.push(TensorProto {
        name: Some(name.clone()),
        data_type: Some(dtype as i32),
        dims: shape.iter().map(|size| *size as i64).collect(),
        raw_data: Some(raw.collect()),
        ..Default::default()
    });
    name
}

/// Quantises and dequantises with the same parameters.
fn there_and_back(g: &mut Graph, scale: &str, zero: &[&str], attributes: Vec<A>) -> String {
    let q = g.node("QuantizeLinear", &[&["image", scale], zero].concat(), attributes.clone());
    g.node("DequantizeLinear", &[&[&*q, scale], zero].concat(), attributes)
}

fn fine(g: &mut Graph, dtype: DataType, middle: i64) -> String {
    let (scale, zero) = (g.reals(&[], &[6e-5]), zero_points(g, dtype, &[middle], &[]));
    there_and_back(g, &scale, &[&zero], vec![])
}

fn fine_columns(g: &mut Graph, attributes: Vec<A>) -> String {
    let scales: Vec<f64> = (0..8).map(|column| 6e-5 + f64::from(column) * 1e-6).collect();
    let scale = g.reals(&[8], &scales);
    let zero = zero_points(g, DataType::Int16, &[5, -5, 0, 9, 1, 2, 3, 4], &[8]);
    there_and_back(g, &scale, &[&zero], attributes)
}

/// Fixed levels times scales that are elements of the image, one for each column.
fn scales_from_image(g: &mut Graph) -> String {
    let values: Vec<i64> = (0..24).map(|place| place * 29 % 251 - 125).collect();
    let levels = zero_points(g, DataType::Int8, &values, &[3, 8]);
    let (scales, zero) = (parameters(g, &[8]), zero_points(g, DataType::Int8, &[3, 1, 4, 1, 5, 9, 2, 6], &[8]));
    g.node("DequantizeLinear", &[&levels, &scales, &zero], vec![A::int("axis", 1)])
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("QuantizeLinear", "int16", LINEAR, &[21, 22], IMAGE, |g| fine(g, DataType::Int16, 100)),
    case("QuantizeLinear", "uint16", LINEAR, &[21, 22], IMAGE, |g| fine(g, DataType::Uint16, 32768)),
    case("DequantizeLinear", "scales from the image", LINEAR, &[13, 19, 21, 22], IMAGE, scales_from_image),
    case("DequantizeLinear", "one scale a column", LINEAR, &[21, 22], IMAGE, |g| fine_columns(g, vec![A::int("axis", -1)])),
];

/// Quantisation, and the clipping that has the same gradient.
type Pair = (&'static [i64], fn(&mut Graph) -> String, fn(&mut Graph) -> String);

fn coarse(g: &mut Graph, dtype: DataType, zero: i64) -> String {
    let (scale, zero) = (g.reals(&[], &[0.004]), zero_points(g, dtype, &[zero], &[]));
    there_and_back(g, &scale, &[&zero], vec![])
}

fn clipped(g: &mut Graph, shape: &[usize], low: &[f64], high: &[f64]) -> String {
    let (low, high) = (g.reals(shape, low), g.reals(shape, high));
    let x = g.node("Max", &["image", &low], vec![]);
    g.node("Min", &[&x, &high], vec![])
}

fn coarse_channels(g: &mut Graph, attributes: Vec<A>) -> String {
    let (scale, zero) = (g.reals(&[3], &[0.004, 0.002, 0.006]), zero_points(g, DataType::Uint8, &[128, 100, 50], &[3]));
    there_and_back(g, &scale, &[&zero], attributes)
}

/// Bounds half a level outside the range of the type.
fn clipped_channels(g: &mut Graph) -> String {
    clipped(
        g,
        &[3, 1, 1],
        &[-128.5 * 0.004, -100.5 * 0.002, -50.5 * 0.006],
        &[127.5 * 0.004, 155.5 * 0.002, 205.5 * 0.006],
    )
}

const PAIRS: &[Pair] = &[
    (
        &[10, 13, 19, 21, 22],
        |g| coarse(g, DataType::Int8, 10),
        |g| clipped(g, &[], &[-138.5 * 0.004], &[117.5 * 0.004]),
    ),
    (&[10, 13, 22], |g| coarse(g, DataType::Uint8, 200), |g| clipped(g, &[], &[-200.5 * 0.004], &[55.5 * 0.004])),
    (
        &[10, 13, 22],
        |g| {
            let scale = g.reals(&[], &[0.004]);
            there_and_back(g, &scale, &[], vec![])
        },
        |g| clipped(g, &[], &[-0.5 * 0.004], &[255.5 * 0.004]),
    ),
    (&[13, 19, 22], |g| coarse_channels(g, vec![]), clipped_channels),
    (&[13, 22], |g| coarse_channels(g, vec![A::int("axis", -3)]), clipped_channels),
    (
        &[10, 13, 22],
        |g| {
            let (scale, zero) = (g.reals(&[], &[0.004]), zero_points(g, DataType::Int8, &[10], &[]));
            let q = g.node("QuantizeLinear", &["image", &scale, &zero], vec![]);
            let sizes = g.integers(&[1, 27, 8]);
            let q = g.node("Reshape", &[&q, &sizes], vec![]);
            let q = g.node("Transpose", &[&q], vec![]);
            g.node("DequantizeLinear", &[&q, &scale, &zero], vec![])
        },
        |g| {
            let x = clipped(g, &[], &[-138.5 * 0.004], &[117.5 * 0.004]);
            let sizes = g.integers(&[1, 27, 8]);
            let x = g.node("Reshape", &[&x, &sizes], vec![]);
            g.node("Transpose", &[&x], vec![])
        },
    ),
];

#[test]
fn the_gradient_passes_rounding_and_stops_where_values_saturate() {
    let picture = super::distinct(216, &mut Random(42));
    for (opsets, quantised, clipped) in PAIRS {
        for opset in *opsets {
            let gradient = |build: fn(&mut Graph) -> String| {
                let case = case("QuantizeLinear", "saturating", LINEAR, &[], IMAGE, build);
                let model = with_scores(&case, *opset).unwrap();
                [Variant::OnnxRuntime, Variant::OpenVino].map(|variant| {
                    let mut session = try_session(&gradient_model(&model, 1, variant).0).unwrap();
                    super::run(&mut session, &case, &picture).unwrap().1
                })
            };
            let (found, expected) = (gradient(*quantised), gradient(*clipped));
            for (found, expected) in found.iter().zip(&expected) {
                assert!(expected.contains(&0.0) && expected.iter().any(|value| *value != 0.0));
                assert!(relative_error(found, expected) <= 1e-6, "opset {opset}");
            }
        }
    }
}
