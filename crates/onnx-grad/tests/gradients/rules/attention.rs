//! Attention as one operator.

use super::{Case, IMAGE, SMOOTH, case, matrix};
use crate::common::Graph;
use onnx_grad::onnx::{AttributeProto as A, NodeProto};

/// Shapes of queries, keys and values.
type Shapes = [&'static [i64]; 3];

const PLAIN: Shapes = [&[2, 2, 3, 4], &[2, 2, 5, 4], &[2, 2, 5, 6]];
/// Four heads of queries, two of keys and values.
const GROUPED: Shapes = [&[1, 4, 3, 4], &[1, 2, 5, 4], &[1, 2, 5, 6]];
const THREE_AXES: Shapes = [&[2, 3, 8], &[2, 5, 8], &[2, 5, 12]];
const THREE_AXES_GROUPED: Shapes = [&[1, 3, 16], &[1, 5, 8], &[1, 5, 12]];

/// A tensor of the given shape that depends on the whole image.
fn projected(g: &mut Graph, shape: &[i64]) -> String {
    let x = matrix(g, &[1, 216]);
    let weights: Vec<f64> = g.random.take(216 * shape.iter().product::<i64>() as usize);
    let weights: Vec<f64> = weights.iter().map(|weight| weight / 5.0).collect();
    let weights = g.reals(&[216, weights.len() / 216], &weights);
    let x = g.node("MatMul", &[&x, &weights], vec![]);
    let sizes = g.integers(shape);
    g.node("Reshape", &[&x, &sizes], vec![])
}

fn attention(g: &mut Graph, shapes: Shapes, mask: &str, attributes: Vec<A>) -> String {
    let [q, k, v] = shapes.map(|shape| projected(g, shape));
    g.node("Attention", &[&q, &k, &v, mask], attributes)
}

/// A mask that hides some pairs but never a query's whole row.
fn hidden(g: &mut Graph, shape: &[usize]) -> String {
    let values: Vec<f64> = (0..shape.iter().product()).map(|index| [1.0, -1.0, 1.0][index % 3]).collect();
    let (values, zero) = (g.reals(shape, &values), g.reals(&[], &[0.0]));
    g.node("Greater", &[&values, &zero], vec![])
}

/// Attention that continues a past, with all four outputs added up in one row.
fn continued(g: &mut Graph, shapes: Shapes, past: [&[i64]; 2], attributes: Vec<A>) -> String {
    let [q, k, v] = shapes.map(|shape| projected(g, shape));
    let [past_key, past_value] = past.map(|shape| projected(g, shape));
    let outputs = ["attended", "keys", "values", "weights"].map(str::to_owned).to_vec();
    let inputs = vec![q, k, v, String::new(), past_key, past_value];
    g.nodes
        .push(NodeProto { attribute: attributes, ..NodeProto::new("Attention", "attention", inputs, outputs.clone()) });
    let row = g.integers(&[1, -1]);
    let rows: Vec<String> = outputs.iter().map(|output| g.node("Reshape", &[output, &row], vec![])).collect();
    g.node("Concat", &rows.iter().map(String::as_str).collect::<Vec<_>>(), vec![A::int("axis", 1)])
}

fn heads(queries: i64, keys: i64) -> Vec<A> {
    vec![A::int("q_num_heads", queries), A::int("kv_num_heads", keys)]
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("Attention", "four axes", SMOOTH, &[23, 24], IMAGE, |g| attention(g, PLAIN, "", vec![])),
    case("Attention", "scale", SMOOTH, &[23, 24], IMAGE, |g| attention(g, PLAIN, "", vec![A::float("scale", 0.8)])),
    case("Attention", "causal", SMOOTH, &[23, 24], IMAGE, |g| attention(g, PLAIN, "", vec![A::int("is_causal", 1)])),
    case("Attention", "added mask from the image", SMOOTH, &[23, 24], IMAGE, |g| { let mask = projected(g, &[3, 5]); attention(g, PLAIN, &mask, vec![]) }),
    case("Attention", "added mask, one a head, from the image", SMOOTH, &[23, 24], IMAGE, |g| { let mask = projected(g, &[2, 2, 3, 5]); attention(g, PLAIN, &mask, vec![]) }),
    case("Attention", "boolean mask", SMOOTH, &[23, 24], IMAGE, |g| { let mask = hidden(g, &[3, 5]); attention(g, PLAIN, &mask, vec![]) }),
    case("Attention", "boolean mask, causal", SMOOTH, &[23, 24], IMAGE, |g| { let mask = hidden(g, &[1, 1, 3, 5]); attention(g, PLAIN, &mask, vec![A::int("is_causal", 1)]) }),
    case("Attention", "added mask from the image that hides whole rows", SMOOTH, &[23, 24], IMAGE, |g| {
        let (mask, rows) = (projected(g, &[3, 5]), g.reals(&[3, 1], &[0.0, -1e30, 0.0]));
        let mask = g.node("Add", &[&mask, &rows], vec![]);
        attention(g, PLAIN, &mask, vec![])
    }),
    case("Attention", "shared keys", SMOOTH, &[23, 24], IMAGE, |g| attention(g, GROUPED, "", vec![])),
    case("Attention", "shared keys, one mask for all heads", SMOOTH, &[23, 24], IMAGE, |g| { let mask = projected(g, &[1, 1, 3, 5]); attention(g, GROUPED, &mask, vec![]) }),
    case("Attention", "three axes", SMOOTH, &[23, 24], IMAGE, |g| attention(g, THREE_AXES, "", heads(2, 2))),
    case("Attention", "softcap", SMOOTH, &[23, 24], IMAGE, |g| attention(g, PLAIN, "", vec![A::float("softcap", 0.7)])),
    case("Attention", "softcap and an added mask", SMOOTH, &[23, 24], IMAGE, |g| { let mask = projected(g, &[3, 5]); attention(g, PLAIN, &mask, vec![A::float("softcap", 0.7)]) }),
    case("Attention", "softcap, causal", SMOOTH, &[23, 24], IMAGE, |g| attention(g, PLAIN, "", vec![A::float("softcap", 0.7), A::int("is_causal", 1)])),
    case("Attention", "a past", SMOOTH, &[23, 24], IMAGE, |g| continued(g, PLAIN, [&[2, 2, 4, 4], &[2, 2, 4, 6]], vec![])),
    case("Attention", "a past, causal, shared keys, masked products", SMOOTH, &[23, 24], IMAGE, |g| continued(g, GROUPED, [&[1, 2, 4, 4], &[1, 2, 4, 6]], vec![A::int("is_causal", 1), A::int("qk_matmul_output_mode", 3)])),
    case("Attention", "a past, three axes, capped products", SMOOTH, &[23, 24], IMAGE, |g| continued(g, THREE_AXES, [&[2, 2, 4, 4], &[2, 2, 4, 6]], [heads(2, 2), vec![A::float("softcap", 0.7), A::int("qk_matmul_output_mode", 2)]].concat())),
    case("Attention", "three axes, shared keys", SMOOTH, &[23, 24], IMAGE, |g| attention(g, THREE_AXES_GROUPED, "", heads(4, 2))),
];
