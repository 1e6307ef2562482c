//! Heads with one score per image, which answer a yes-no question, get a score for each answer.

use crate::error::{Error, Result};
use crate::onnx::{AttributeProto as Attribute, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use crate::score::end::ScoreEnd;
use crate::types::{Probabilities, Shapes, TensorType};

/// If the scores are `[N, 1]`, adds the nodes that make them `[N, 2]`: class 1 has the logit z, and class 0, its
/// opposite, has -z. The Sigmoid of the two is p and 1 - p.
///
/// # Errors
/// [`Error::Graph`] if the shape of the score is unknown.
pub fn complete(graph: &mut GraphProto, shapes: &mut Shapes, opset: i64) -> Result<()> {
    let (batch, 1) = crate::score::size(shapes)? else { return Ok(()) };
    let end = ScoreEnd::new(graph, shapes, opset);
    let head = end.head(&shapes.output);
    let (logit, has_probabilities) = (head.scores.to_owned(), head.probabilities != Probabilities::None);
    let unknown = || Error::Graph(format!("the shape of {logit} is unknown"));
    let dtype = shapes.tensors.get(&logit).ok_or_else(unknown)?.dtype;
    let base = free_name(graph, &format!("{}/answers", shapes.output));
    let name = |part: &str| format!("{base}/{part}");
    let column = TensorProto::from_integers(&name("shape"), &[2], &[batch as i64, 1]);
    graph.initializer.push(column);
    let mut add = |op: &str, inputs: Vec<String>, to: &str, columns: usize, attribute: Vec<Attribute>| {
        let node = NodeProto { attribute, ..NodeProto::new(op, to, inputs, vec![to.into()]) };
        graph.node.push(node);
        shapes.tensors.insert(to.into(), TensorType { dtype, shape: vec![batch, columns] });
    };
    add("Reshape", vec![logit, name("shape")], &name("yes"), 1, vec![]);
    add("Neg", vec![name("yes")], &name("no"), 1, vec![]);
    let both = if has_probabilities { name("logits") } else { base.clone() };
    add("Concat", vec![name("no"), name("yes")], &both, 2, vec![Attribute::int("axis", 1)]);
    if has_probabilities {
        add("Sigmoid", vec![both], &base, 2, vec![]);
    }
    graph.output.push(ValueInfoProto::named(base.clone()));
    shapes.output = base;
    shapes.answers = true;
    Ok(())
}

/// `name`, or the same with a number if the graph has values of this name.
fn free_name(graph: &GraphProto, name: &str) -> String {
    let is_taken = |name: &str| graph.node.iter().flat_map(|node| &node.output).any(|output| output.starts_with(name));
    let numbered = (2..).map(|number| format!("{name}{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
}
