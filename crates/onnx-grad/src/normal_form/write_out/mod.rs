//! Writes operators out as others, which have rules, before differentiation: recurrent layers, and operators of ONNX
//! Runtime's own domain.

mod batch_first;
mod fused;
mod quantised;
mod quantised_output;
mod recurrent;

pub use batch_first::steps_first;
pub use quantised_output::scale_back;

use std::collections::HashMap;

use crate::active::active;
use crate::error::{Error, Result};
use crate::onnx::{AttributeProto, GraphProto, NodeProto};
use crate::rules::rule;
use crate::tape::{Node, Tape, Tensor};
use crate::types::{Shapes, TensorType, Variant};

/// How an operator is written out: the nodes go to the tape, and the values of its outputs are returned.
pub type WriteOut = fn(&mut Tape, &Node) -> Result<Vec<Tensor>>;

/// The domain of ONNX Runtime's own operators.
const MICROSOFT: &str = "com.microsoft";

/// Every operator that is written out, with its domain.
pub const WRITTEN_OUT: &[(&str, &str, WriteOut)] = &[
    ("", "GRU", recurrent::gru),
    ("", "LSTM", recurrent::lstm),
    ("", "QLinearConv", quantised::conv),
    ("", "QLinearMatMul", quantised::matmul),
    ("", "RNN", recurrent::rnn),
    ("", "SimplifiedLayerNormalization", fused::rms_normalization),
    (MICROSOFT, "BiasGelu", fused::gelu),
    (MICROSOFT, "DequantizeLinear", quantised::as_standard),
    (MICROSOFT, "DynamicQuantizeMatMul", quantised::dynamic_matmul),
    (MICROSOFT, "FastGelu", fused::fast_gelu),
    (MICROSOFT, "FusedConv", fused::conv),
    (MICROSOFT, "FusedGemm", fused::gemm),
    (MICROSOFT, "FusedMatMul", fused::matmul),
    (MICROSOFT, "Gelu", fused::gelu),
    (MICROSOFT, "MatMulIntegerToFloat", quantised::matmul_to_float),
    (MICROSOFT, "QGemm", quantised::gemm),
    (MICROSOFT, "QLinearAdd", quantised::add),
    (MICROSOFT, "QLinearAveragePool", quantised::average_pool),
    (MICROSOFT, "QLinearConcat", quantised::concat),
    (MICROSOFT, "QLinearConv", quantised::conv),
    (MICROSOFT, "QLinearGlobalAveragePool", quantised::global_average_pool),
    (MICROSOFT, "QLinearLeakyRelu", quantised::leaky_relu),
    (MICROSOFT, "QLinearMul", quantised::mul),
    (MICROSOFT, "QLinearSigmoid", quantised::sigmoid),
    (MICROSOFT, "QuantizeLinear", quantised::as_standard),
    (MICROSOFT, "QuickGelu", fused::quick_gelu),
    (MICROSOFT, "SkipLayerNormalization", fused::skip_layer_normalization),
    (MICROSOFT, "SkipSimplifiedLayerNormalization", fused::skip_rms_normalization),
];

/// How `node` is written out, if it is.
pub fn write_out(node: &NodeProto) -> Option<WriteOut> {
    let domain = if node.is_standard() { "" } else { node.domain() };
    let row = WRITTEN_OUT.iter().find(|(of, op, _)| *of == domain && *op == node.op_type());
    row.map(|(_, _, write_out)| *write_out)
}

/// Whether a gradient passes `node`: it has a rule, or is written out.
pub fn has_gradient(node: &NodeProto) -> bool {
    rule(node).is_some() || write_out(node).is_some()
}

/// Writes out every such operator between `goals` and score. The types of new values are added to `shapes`. Operators
/// with arguments for which there is no gradient stay; [`problem`] has the reason.
///
/// # Errors
/// [`Error::Graph`] if the shape of the score is unknown.
pub fn operators(
    graph: &mut GraphProto,
    shapes: &mut Shapes,
    goals: &[&str],
    opset: i64,
    variant: Variant,
) -> Result<()> {
    if !graph.node.iter().any(|node| write_out(node).is_some()) {
        return Ok(());
    }
    let mut tape = Tape::new(graph, shapes, opset, variant);
    let score = tape.value(&shapes.output)?;
    let active = active(graph, shapes, &score, goals);
    let mut written = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        let between = node.output.iter().any(|name| active.contains(name));
        if let Some(write_out) = write_out(node).filter(|_| between) {
            let (nodes, replacement) = tape.inside(|tape| Ok(replacement(tape, node, write_out)))?;
            written.extend(replacement.is_ok().then_some((index, nodes)));
        }
    }
    let kind = |value: &Tensor| TensorType { dtype: value.dtype, shape: value.shape.clone() };
    let types: Vec<_> = tape.made().map(|value| (value.name.clone(), kind(value))).collect();
    let (_, initializers) = tape.finish();
    for (index, node) in std::mem::take(&mut graph.node).into_iter().enumerate() {
        graph.node.extend(written.remove(&index).unwrap_or_else(|| vec![node]));
    }
    graph.initializer.extend(initializers);
    shapes.tensors.extend(types);
    Ok(())
}

/// Why `node` is not written out, though it is an operator that could be.
pub fn problem(tape: &mut Tape, node: &NodeProto) -> Option<Error> {
    let write_out = write_out(node)?;
    tape.inside(|tape| replacement(tape, node, write_out)).err()
}

/// Writes the nodes that replace `proto`.
fn replacement(tape: &mut Tape, proto: &NodeProto, write_out: WriteOut) -> Result<()> {
    let node = Node::of(tape, proto, vec![], vec![])?;
    tape.enter(proto.label());
    let values = write_out(tape, &node);
    let problem = tape.problem();
    let values = values?;
    if let Some(problem) = problem {
        return Err(Error::Graph(format!("node {} ({}) {problem}", proto.label(), proto.op_type())));
    }
    for (name, value) in proto.output.iter().zip(&values).filter(|(name, _)| !name.is_empty()) {
        tape.hand_over(value, name);
    }
    Ok(())
}

/// Those attributes of `node` that have one of `names`.
fn attributes(node: &Node, names: &[&str]) -> Vec<AttributeProto> {
    node.proto.attribute.iter().filter(|attribute| names.contains(&attribute.name())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::WRITTEN_OUT;
    use crate::rules::RULES;

    #[test]
    fn the_readme_states_how_many_operators_have_gradients() {
        let stated =
            format!("{} operators have rules (`RULES`), and {} more are written out", RULES.len(), WRITTEN_OUT.len());
        let readme = include_str!("../../../README.md").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(readme.contains(&stated), "the README should state: {stated}");
    }
}
