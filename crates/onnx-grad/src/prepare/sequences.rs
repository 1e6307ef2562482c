//! Writes out sequences and optional values as plain tensors, if their lengths and positions are known.

use std::collections::HashMap;

use crate::error::Result;
use crate::onnx::{self, AttributeProto as Attribute, DataType, GraphProto, NameScope, NodeProto, TensorProto};
use crate::types::Shapes;

/// Replaces the nodes that read known sequences with Split, Concat and Identity. Returns whether there were any.
///
/// Nodes that make sequences stay, because the model may return them; those that nothing reads any more are dead.
///
/// # Errors
/// The same as [`onnx::sort`].
pub fn write_out_sequences(graph: &mut GraphProto, shapes: &Shapes, opset: i64) -> Result<bool> {
    onnx::sort(graph)?;
    let known = onnx::constants(graph).into_iter().chain(shapes.constants.iter().map(|(name, t)| (name.as_str(), t)));
    let integers = known.filter_map(|(name, tensor)| {
        Some((name.to_owned(), Integers { is_scalar: tensor.dims.is_empty(), values: tensor.integers().ok()? }))
    });
    let integers = integers.collect();
    let mut writer =
        Writer { shapes, opset, integers, held: HashMap::new(), nodes: Vec::new(), initializers: Vec::new() };
    let mut changed = false;
    for node in std::mem::take(&mut graph.node) {
        match writer.replace(&node) {
            Some(()) => changed = true,
            None => {
                writer.hold(&node);
                writer.nodes.push(node);
            }
        }
    }
    graph.node = writer.nodes;
    graph.initializer.extend(writer.initializers);
    Ok(changed)
}

/// What a sequence or an optional value holds, by the names of tensors.
#[derive(Clone)]
enum Held {
    Tensor(String),
    Sequence(Vec<String>),
}

/// The values of a constant.
struct Integers {
    is_scalar: bool,
    values: Vec<i64>,
}

struct Writer<'a> {
    shapes: &'a Shapes,
    opset: i64,
    integers: HashMap<String, Integers>,
    held: HashMap<String, Held>,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

impl Writer<'_> {
    /// Writes plain nodes for a node that reads a known sequence, or that splits a tensor into one. `None` if it is
    /// another node, or if something about it is unknown.
    fn replace(&mut self, node: &NodeProto) -> Option<()> {
        if !node.is_standard() {
            return None;
        }
        let output = node.output.first()?;
        match node.op_type() {
            "SplitToSequence" => self.split(node, output)?,
            "SequenceAt" => {
                let elements = self.sequence(node)?;
                let element = elements[self.position(node, 1, elements.len())?].clone();
                self.emit("Identity", vec![element], output, vec![]);
            }
            "ConcatFromSequence" => self.concat(node, output)?,
            "SequenceLength" => {
                let length = self.sequence(node)?.len() as i64;
                self.initializers.push(TensorProto::from_integers(output, &[], &[length]));
            }
            "OptionalHasElement" => {
                self.held(node.input.first()?)?;
                self.initializers.push(TensorProto::from_raw(output, DataType::Bool, &[], vec![1]));
            }
            // Before opset 14, Identity does not take sequences. A loop that was written out may have left one.
            "Identity" => {
                let elements = self.sequence(node).filter(|elements| !elements.is_empty())?;
                self.emit("SequenceConstruct", elements.clone(), output, vec![]);
                self.held.insert(output.clone(), Held::Sequence(elements));
            }
            "SequenceMap" => self.map(node)?,
            "OptionalGetElement" => match self.held(node.input.first()?)? {
                Held::Tensor(name) => self.emit("Identity", vec![name], output, vec![]),
                Held::Sequence(_) => return None,
            },
            _ => return None,
        }
        Some(())
    }

    /// Records what the sequence or optional value made by `node` holds, if it is known.
    fn hold(&mut self, node: &NodeProto) {
        if let Some(output) = node.output.first().filter(|_| node.is_standard())
            && let Some(held) = self.made(node)
        {
            self.held.insert(output.clone(), held);
        }
    }

    fn made(&self, node: &NodeProto) -> Option<Held> {
        Some(match node.op_type() {
            "SequenceConstruct" => Held::Sequence(node.input.clone()),
            "SequenceEmpty" => Held::Sequence(Vec::new()),
            "SequenceInsert" => {
                let mut elements = self.sequence(node)?;
                let end = elements.len();
                let place = if node.input.get(2).is_some() { self.position(node, 2, end + 1)? } else { end };
                elements.insert(place, node.input.get(1)?.clone());
                Held::Sequence(elements)
            }
            "SequenceErase" => {
                let mut elements = self.sequence(node)?;
                let last = elements.len().checked_sub(1)?;
                let place = if node.input.get(1).is_some() { self.position(node, 1, last + 1)? } else { last };
                elements.remove(place);
                Held::Sequence(elements)
            }
            "Optional" => self.held(node.input.first()?)?,
            "Identity" | "OptionalGetElement" => self.held.get(node.input.first()?)?.clone(),
            _ => return None,
        })
    }

    fn held(&self, name: &String) -> Option<Held> {
        let tensor = || self.shapes.tensors.contains_key(name).then(|| Held::Tensor(name.clone()));
        self.held.get(name).cloned().or_else(tensor)
    }

    /// The elements of the sequence that `node` reads.
    fn sequence(&self, node: &NodeProto) -> Option<Vec<String>> {
        match self.held.get(node.input.first()?)? {
            Held::Sequence(elements) => Some(elements.clone()),
            Held::Tensor(_) => None,
        }
    }

    /// The position that input `index` states, below `limit`. Negative ones count from the end of the sequence.
    fn position(&self, node: &NodeProto, index: usize, limit: usize) -> Option<usize> {
        let [place] = *self.integers.get(node.input.get(index)?)?.values.as_slice() else { return None };
        // SequenceInsert has one position more than there are elements, and counts from the last element, too.
        let length = if node.is("SequenceInsert") { limit - 1 } else { limit };
        let place = if place < 0 { place.checked_add(length as i64)? } else { place };
        usize::try_from(place).ok().filter(|place| *place < limit)
    }

    fn emit(&mut self, op: &str, inputs: Vec<String>, output: &str, attribute: Vec<Attribute>) {
        self.nodes.push(NodeProto { attribute, ..NodeProto::new(op, output, inputs, vec![output.into()]) });
    }

    /// The initializer with the integers `values`, for an argument that became an input in opset 13.
    fn argument(&mut self, name: String, values: &[i64]) -> String {
        self.initializers.push(TensorProto::from_integers(&name, &[values.len()], values));
        name
    }

    /// A Split and a SequenceConstruct of its parts.
    fn split(&mut self, node: &NodeProto, output: &str) -> Option<()> {
        let input = node.input.first()?;
        let shape = &self.shapes.tensors.get(input)?.shape;
        let rank = shape.len() as i64;
        let axis = node.int("axis").unwrap_or(0);
        let axis = if axis < 0 { axis + rank } else { axis };
        let sizes = self.sizes(node, *shape.get(usize::try_from(axis).ok()?)? as i64)?;
        let parts: Vec<String> = (0..sizes.len()).map(|index| format!("{output}/part{index}")).collect();
        let along = Attribute::int("axis", axis);
        let mut split = NodeProto::new("Split", &format!("{output}/Split"), vec![input.clone()], parts.clone());
        split.attribute = vec![along];
        if self.opset < 13 {
            split.attribute.push(Attribute::ints("split", &sizes));
        } else {
            split.input.push(self.argument(format!("{output}/sizes"), &sizes));
        }
        self.nodes.push(split);
        let whole = node.input.get(1).is_some_and(|name| !name.is_empty()) || node.int("keepdims").unwrap_or(1) != 0;
        let parts = if whole { parts } else { self.reshaped("Squeeze", &parts, axis, output) };
        self.emit("SequenceConstruct", parts.clone(), output, vec![]);
        self.held.insert(output.into(), Held::Sequence(parts));
        Some(())
    }

    /// The sizes of the parts that SplitToSequence makes of an axis of `size`.
    fn sizes(&self, node: &NodeProto, size: i64) -> Option<Vec<i64>> {
        let Some(given) = node.input.get(1).filter(|name| !name.is_empty()) else {
            return Some(vec![1; size as usize]);
        };
        let Integers { is_scalar, values } = self.integers.get(given)?;
        if !is_scalar {
            return Some(values.clone());
        }
        let each = *values.first().filter(|each| **each > 0)?;
        Some((0..size).step_by(each as usize).map(|start| each.min(size - start)).collect())
    }

    /// Each value with the axis `axis` removed (Squeeze) or added (Unsqueeze).
    fn reshaped(&mut self, op: &str, values: &[String], axis: i64, output: &str) -> Vec<String> {
        let inputs = if self.opset < 13 { vec![] } else { vec![self.argument(format!("{output}/axes"), &[axis])] };
        let attributes = if self.opset < 13 { vec![Attribute::ints("axes", &[axis])] } else { vec![] };
        let reshaped: Vec<String> = (0..values.len()).map(|index| format!("{output}/{op}{index}")).collect();
        for (value, name) in values.iter().zip(&reshaped) {
            self.emit(op, [std::slice::from_ref(value), &inputs].concat(), name, attributes.clone());
        }
        reshaped
    }

    /// The body of SequenceMap for each element, and a SequenceConstruct of each of its results.
    fn map(&mut self, node: &NodeProto) -> Option<()> {
        let body = node.graph("body")?;
        let elements = self.sequence(node).filter(|elements| !elements.is_empty())?;
        let mut results = vec![Vec::new(); body.output.len()];
        for (index, element) in elements.iter().enumerate() {
            // Other sequences give one element each; tensors are the same for all.
            let is_tensor = |name: &String| {
                self.shapes.tensors.contains_key(name) || !self.nodes.iter().any(|node| node.output.contains(name))
            };
            let other = |name: &String| match self.held.get(name) {
                Some(Held::Sequence(elements)) => elements.get(index).cloned(),
                Some(Held::Tensor(_)) => None,
                None => is_tensor(name).then(|| name.clone()),
            };
            let others = node.input[1..].iter().map(other).collect::<Option<Vec<_>>>()?;
            let mut names = NameScope::new(format!("{}/{index}", node.label()), &body.node);
            names.bind(body.input.iter().map(|input| input.name()), &[vec![element.clone()], others].concat());
            let written = names.body(body);
            for (result, output) in results.iter_mut().zip(&body.output) {
                result.push(names.of(output.name()));
            }
            self.nodes.extend(written.nodes);
            self.initializers.extend(written.initializers);
        }
        for (result, output) in results.into_iter().zip(&node.output).filter(|(_, output)| !output.is_empty()) {
            self.emit("SequenceConstruct", result.clone(), output, vec![]);
            self.held.insert(output.clone(), Held::Sequence(result));
        }
        Some(())
    }

    fn concat(&mut self, node: &NodeProto, output: &str) -> Option<()> {
        let mut parts = self.sequence(node).filter(|parts| !parts.is_empty())?;
        let axis = node.int("axis")?;
        if node.int("new_axis").unwrap_or(0) != 0 {
            parts = self.reshaped("Unsqueeze", &parts, axis, output);
        }
        self.emit("Concat", parts, output, vec![Attribute::int("axis", axis)]);
        Some(())
    }
}
