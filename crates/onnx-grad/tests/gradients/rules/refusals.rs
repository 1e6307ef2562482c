//! Uses of an operator that have no gradient give a one-line error that states what and where.

use super::IMAGE;
use crate::common::{Graph, find_shapes};
use onnx_grad::onnx::{AttributeProto as A, DataType};
use onnx_grad::{Options, Variant, differentiate};

/// The error of differentiating the operator that `build` adds.
fn refusal(opset: i64, build: fn(&mut Graph) -> String) -> String {
    let mut g = Graph::new(opset, DataType::Float);
    let y = build(&mut g);
    let y = g.node("Flatten", &[&y], vec![]);
    let model = g.model(IMAGE, &y);
    let options = Options { variant: Variant::OnnxRuntime, ..Default::default() };
    let problem = differentiate(&model, &find_shapes(&model, 1).unwrap(), &options).unwrap_err().to_string();
    assert!(!problem.contains('\n'), "{problem}");
    problem
}

fn normalised(g: &mut Graph, attributes: Vec<A>) -> String {
    let [scale, bias, mean, variance] = [g.positive(&[3]), g.weights(&[3]), g.weights(&[3]), g.positive(&[3])];
    let y = g.node("BatchNormalization", &["image", &scale, &bias, &mean, &variance], attributes);
    g.nodes[0].output.extend(["mean".to_owned(), "variance".to_owned()]);
    y
}

#[test]
fn scales_of_rounding_made_from_the_image_are_refused() {
    let problem = refusal(13, |g| {
        let scale = g.node("ReduceL1", &["image"], vec![A::int("keepdims", 0)]);
        let rounded = g.node("QuantizeLinear", &["image", &scale], vec![]);
        g.node("DequantizeLinear", &[&rounded, &scale], vec![])
    });
    assert!(problem.contains("QuantizeLinear1 (QuantizeLinear) has no gradient with respect to input 1"), "{problem}");
    assert!(problem.contains("depends on the image"), "{problem}");
}

#[test]
fn places_that_the_picture_decides_are_refused() {
    let problem = refusal(13, |g| {
        let places = g.node("ArgMax", &["image"], vec![A::int("axis", 3)]);
        g.node("GatherElements", &["image", &places], vec![A::int("axis", 3)])
    });
    assert!(problem.contains("GatherElements1 (GatherElements) has indices that depend on the picture"), "{problem}");
}

#[test]
fn statistics_of_training_are_refused() {
    let problem = refusal(15, |g| normalised(g, vec![A::int("training_mode", 1)]));
    assert!(problem.contains("training mode; export the model in evaluation mode"), "{problem}");
}

#[test]
fn transposed_convolutions_that_runtimes_compute_wrongly_are_refused() {
    let problem = refusal(13, |g| {
        let weights = g.weights(&[3, 2, 2, 2]);
        let attributes = vec![A::ints("dilations", &[3, 3]), A::ints("output_padding", &[2, 0])];
        g.node("ConvTranspose", &["image", &weights], attributes)
    });
    assert!(problem.contains("ConvTranspose0 (ConvTranspose) writes so far past its input"), "{problem}");
}

#[test]
fn regions_that_the_picture_decides_are_refused() {
    let problem = refusal(13, |g| {
        let sizes = g.integers(&[1, 3, 14, 5]);
        let roi = g.node("ReduceMax", &["image"], vec![A::ints("axes", &[0, 1, 2]), A::int("keepdims", 0)]);
        let attributes = vec![A::text("coordinate_transformation_mode", "tf_crop_and_resize")];
        g.node("Resize", &["image", &roi, "", &sizes], [attributes, vec![A::text("mode", "linear")]].concat())
    });
    assert!(problem.contains("has a region that depends on the picture"), "{problem}");
}

/// The image's values repeated 24 times, in the given shape of 5184 elements.
fn repeated(g: &mut Graph, sizes: &[i64]) -> String {
    let (row, times, sizes) = (g.integers(&[1, 216]), g.integers(&[1, 24]), g.integers(sizes));
    let x = g.node("Reshape", &["image", &row], vec![]);
    let x = g.node("Tile", &[&x, &times], vec![]);
    g.node("Reshape", &[&x, &sizes], vec![])
}

#[test]
fn matrices_that_no_network_needs_are_refused() {
    let problem = refusal(13, |g| {
        let x = repeated(g, &[1, 5184, 1, 1]);
        g.node("LRN", &[&x], vec![A::int("size", 3)])
    });
    assert!(problem.contains("(LRN) needs 5184 x 5184 weights"), "{problem}");
    let problem = refusal(13, |g| {
        let (x, sizes) = (repeated(g, &[1, 1, 1, 5184]), g.integers(&[1, 1, 1, 5000]));
        g.node("Resize", &[&x, "", "", &sizes], vec![A::text("mode", "linear")])
    });
    assert!(problem.contains("(Resize) needs 5000 x 5184 weights"), "{problem}");
}

type Mask = fn(&mut Graph) -> String;

/// Attention of the image to itself, with the mask that `mask` adds: three queries and three keys.
fn masked(mask: Mask, causal: i64) -> String {
    let mut g = Graph::new(23, DataType::Float);
    let mask = mask(&mut g);
    let y = g.node("Attention", &["image", "image", "image", &mask], vec![A::int("is_causal", causal)]);
    let y = g.node("Flatten", &[&y], vec![]);
    let model = g.model(&[1, 3, 3, 3], &y);
    differentiate(&model, &find_shapes(&model, 1).unwrap(), &Options::default())
        .map_or_else(|e| e.to_string(), |_| "made".into())
}

fn comparison(g: &mut Graph, shape: &[usize], values: &[f64]) -> String {
    let (values, zero) = (g.reals(shape, values), g.reals(&[], &[0.0]));
    g.node("Greater", &[&values, &zero], vec![])
}

#[test]
fn attention_that_hides_all_keys_from_a_query_is_refused() {
    const LOW: f64 = f64::NEG_INFINITY;
    let hidden: [(Mask, i64); 4] = [
        (|g| comparison(g, &[3, 3], &[1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]), 0),
        (|g| g.reals(&[1, 1, 3, 3], &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, LOW, LOW, LOW]), 0),
        // The first query of a causal attention sees the first key only.
        (|g| comparison(g, &[3, 3], &[0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]), 1),
        (|g| g.reals(&[3, 3], &[-1e9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), 1),
    ];
    for (mask, causal) in hidden {
        let problem = masked(mask, causal);
        assert!(problem.contains("(Attention) hides all keys from a query"), "{problem}");
    }
    assert_eq!(masked(|g| g.reals(&[3, 3], &[LOW, 0.0, 0.0, 0.0, LOW, LOW, 0.0, 0.0, LOW]), 0), "made");
    assert_eq!(masked(|g| g.reals(&[3, 3], &[0.0, -1e9, 0.0, 0.0, 0.0, -1e9, 0.0, 0.0, 0.0]), 1), "made");
}

#[test]
fn masks_of_booleans_that_the_picture_decides_are_refused() {
    let problem = masked(
        |g| {
            let zero = g.reals(&[], &[0.0]);
            g.node("Greater", &["image", &zero], vec![])
        },
        0,
    );
    assert!(problem.contains("(Attention) has a mask of booleans that depends on the image"), "{problem}");
}
