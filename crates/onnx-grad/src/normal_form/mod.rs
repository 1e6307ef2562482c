//! Brings a graph into the form that the rules differentiate.

pub(crate) mod folding;
pub(crate) mod pool_shapes;
pub(crate) mod write_out;

use crate::error::Result;
use crate::onnx::GraphProto;
use crate::types::{Shapes, Variant};

/// Folds what is constant, and writes out the operators between `goals` and the score that have no rule of their own.
/// The graph computes the same; the types of new values are added to `shapes`.
///
/// # Errors
/// [`Error::Graph`](crate::Error::Graph) if an operator has arguments for which there is no gradient.
pub fn bring(graph: &mut GraphProto, shapes: &mut Shapes, goals: &[&str], opset: i64, variant: Variant) -> Result<()> {
    pool_shapes::settle(graph, shapes);
    folding::constants(graph, shapes);
    write_out::operators(graph, shapes, goals, opset, variant)?;
    folding::transposes(graph);
    folding::batch_normalization(graph)
}
