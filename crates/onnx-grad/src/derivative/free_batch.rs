//! One model for any batch size, from models for three sizes.
//!
//! The three must be the same but for constants. Constants that differ are replaced by nodes that compute them from the
//! batch size, if they are of a kind that three sizes decide: integers that grow evenly with the batch, and values that
//! repeat for each picture. Anything else that differs is refused.

use std::collections::HashMap;

use crate::derivative::batch_constants::{SIZES, block, even, is_counted, is_tiled};
use crate::error::{Error, Result};
use crate::onnx::tensor_shape_proto::{Dimension, dimension::Value as Size};
use crate::onnx::{
    AttributeProto as Attribute, DataType, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, type_proto,
};
use crate::prepare::probe::no_graph;

/// Joins models for the batch sizes [`SIZES`], whose input `input` has the batch as its first axis.
///
/// # Errors
/// [`Error::Graph`] that names the first node that differs.
pub fn unify(models: Vec<ModelProto>, input: &str) -> Result<ModelProto> {
    let mut models = models.into_iter();
    let (Some(mut first), Some(second), Some(third)) = (models.next(), models.next(), models.next()) else {
        return Err(no_graph());
    };
    let (Some(graph), Some(b), Some(c)) = (first.graph.take(), &second.graph, &third.graph) else {
        return Err(no_graph());
    };
    let mut unifier = Unifier { computed: HashMap::new(), nodes: Vec::new(), initializers: Vec::new(), input };
    let mut result = unifier.graph([&graph, b, c], &Scope::default())?;
    result.node.splice(0..0, unifier.nodes);
    result.initializer.extend(unifier.initializers);
    result.value_info.clear();
    let declared = |values: [&Vec<ValueInfoProto>; 3]| -> Vec<ValueInfoProto> {
        let [a, b, c] = values;
        a.iter().zip(b).zip(c).map(|((a, b), c)| free(a.clone(), [b, c])).collect()
    };
    result.input = declared([&graph.input, &b.input, &c.input]);
    result.output = declared([&graph.output, &b.output, &c.output]);
    let outputs: Vec<String> = result.output.iter().map(|output| output.name().to_owned()).collect();
    crate::onnx::drop_dead(&mut result, &outputs.iter().map(String::as_str).collect::<Vec<_>>());
    first.graph = Some(result);
    Ok(first)
}

/// The tensors that are known at one place of the three graphs.
#[derive(Default)]
struct Scope<'a> {
    known: [HashMap<&'a str, &'a TensorProto>; 3],
}

impl<'a> Scope<'a> {
    fn inside(&self, graphs: [&'a GraphProto; 3]) -> Self {
        let mut known = self.known.clone();
        for (known, graph) in known.iter_mut().zip(graphs) {
            known.extend(graph.initializer.iter().map(|tensor| (tensor.name(), tensor)));
        }
        Self { known }
    }

    /// The three tensors of an input, if it is a constant in all.
    fn tensors(&self, names: [&str; 3]) -> Option<[&'a TensorProto; 3]> {
        let [a, b, c] = [0, 1, 2].map(|index| self.known[index].get(names[index]).copied());
        Some([a?, b?, c?])
    }
}

struct Unifier<'a> {
    /// The names of computed constants, by the names of the three.
    computed: HashMap<[String; 3], String>,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    input: &'a str,
}

impl Unifier<'_> {
    fn graph<'a>(&mut self, graphs: [&'a GraphProto; 3], outside: &Scope<'a>) -> Result<GraphProto> {
        let scope = outside.inside(graphs);
        let [a, b, c] = graphs;
        if a.node.len() != b.node.len() || a.node.len() != c.node.len() {
            let nodes = a.node.iter().zip(&b.node).zip(&c.node);
            let same =
                |((a, b), c): &((&NodeProto, &NodeProto), &NodeProto)| a.op_type == b.op_type && b.op_type == c.op_type;
            let odd = nodes.clone().find(|nodes| !same(nodes)).map(|((a, _), _)| a).or(a.node.last());
            return Err(odd.map_or_else(no_graph, refused));
        }
        let mut result = a.clone();
        for (index, node) in result.node.iter_mut().enumerate() {
            self.node(node, [&a.node[index], &b.node[index], &c.node[index]], &scope)?;
        }
        Ok(result)
    }

    fn node<'a>(&mut self, result: &mut NodeProto, nodes: [&'a NodeProto; 3], scope: &Scope<'a>) -> Result<()> {
        let [a, b, c] = nodes;
        let same = |other: &NodeProto| {
            a.op_type == other.op_type
                && a.output == other.output
                && a.input.len() == other.input.len()
                && a.attribute.len() == other.attribute.len()
                && a.attribute.iter().zip(&other.attribute).all(|(a, b)| a.g.is_some() && a.name == b.name || a == b)
        };
        if !same(b) || !same(c) {
            return Err(refused(a));
        }
        for (index, name) in result.input.iter_mut().enumerate() {
            let names = nodes.map(|node| node.input[index].as_str());
            match scope.tensors(names) {
                Some(tensors) => *name = self.constant(tensors).ok_or_else(|| refused(a))?,
                None if names[1..].iter().any(|other| *other != names[0]) => return Err(refused(a)),
                None => {}
            }
        }
        for (index, attribute) in result.attribute.iter_mut().enumerate() {
            let graphs = nodes.map(|node| node.attribute[index].g.as_ref());
            if let [Some(a), Some(b), Some(c)] = graphs {
                attribute.g = Some(self.graph([a, b, c], scope)?);
            }
        }
        Ok(())
    }

    /// The name of a constant for all batch sizes, or `None` if three do not decide it.
    fn constant(&mut self, tensors: [&TensorProto; 3]) -> Option<String> {
        let [a, b, c] = tensors;
        let plain = |x: &TensorProto, y: &TensorProto| {
            x.dims == y.dims
                && x.data_type == y.data_type
                && (x.raw_data == y.raw_data && x.raw_data.is_some() || unnamed(x) == unnamed(y))
        };
        if plain(a, b) && plain(a, c) {
            return Some(a.name().into());
        }
        let key = tensors.map(|tensor| tensor.name().to_owned());
        if let Some(name) = self.computed.get(&key) {
            return Some(name.clone());
        }
        let name = self.grown(tensors).or_else(|| self.repeated(tensors))?;
        self.computed.insert(key, name.clone());
        Some(name)
    }

    /// Integers that grow evenly: `start + growth * batch`.
    fn grown(&mut self, tensors: [&TensorProto; 3]) -> Option<String> {
        let [a, b, c] = tensors.map(|tensor| tensor.integers().ok());
        let (a, b, c) = (a?, b?, c?);
        if tensors[0].dims != tensors[1].dims || tensors[0].dims != tensors[2].dims {
            return None;
        }
        let [start, growth] = even([&a, &b, &c])?;
        let dtype = tensors[0].dtype();
        let shape = tensors[0].shape().ok()?;
        let sum = self.affine(&shape, &start, &growth);
        Some(match dtype {
            DataType::Int64 => sum,
            _ => self.emit("Cast", vec![sum], vec![Attribute::int("to", dtype as i64)]),
        })
    }

    /// Values along an axis that grows with the batch: the same for each picture.
    fn repeated(&mut self, tensors: [&TensorProto; 3]) -> Option<String> {
        let [a, b, c] = tensors;
        let shapes = [a.shape().ok()?, b.shape().ok()?, c.shape().ok()?];
        let axis = (0..shapes[0].len()).find(|axis| shapes[0][*axis] != shapes[1].get(*axis).copied().unwrap_or(0))?;
        let own = shapes[0][axis] / SIZES[0];
        let expected = |index: usize| {
            let mut shape = shapes[0].clone();
            shape[axis] = own * SIZES[index];
            shape == shapes[index]
        };
        if own == 0 || !(0..3).all(expected) {
            return None;
        }
        if own == 1 && shapes[0].len() == 1 && tensors.iter().all(|tensor| is_counted(tensor)) {
            return Some(self.counted());
        }
        let block = block(a, axis, own)?;
        if !tensors.iter().zip(SIZES).all(|(tensor, count)| is_tiled(tensor, &block, axis, count)) {
            return None;
        }
        let unit = format!("batch/constant{}", self.initializers.len());
        self.initializers.push(TensorProto { name: Some(unit.clone()), ..block });
        let growth: Vec<i64> = (0..shapes[0].len()).map(|other| i64::from(other == axis)).collect();
        let start: Vec<i64> = growth.iter().map(|growth| 1 - growth).collect();
        let repeats = self.affine(&[growth.len()], &start, &growth);
        Some(self.emit("Tile", vec![unit, repeats], vec![]))
    }

    /// The numbers 0, 1, 2, ... of the pictures.
    fn counted(&mut self) -> String {
        let size = self.size();
        let (zero, one) = (self.integers(&[], &[0]), self.integers(&[], &[1]));
        self.emit("Range", vec![zero, size, one], vec![])
    }

    /// `start + growth * batch`, int64.
    fn affine(&mut self, shape: &[usize], start: &[i64], growth: &[i64]) -> String {
        let size = self.size();
        let [start, growth] = [start, growth].map(|values| self.integers(shape, values));
        let grown = self.emit("Mul", vec![growth, size], vec![]);
        self.emit("Add", vec![grown, start], vec![])
    }

    /// The batch size, a number.
    fn size(&mut self) -> String {
        const SIZE: &str = "batch/size";
        if self.nodes.is_empty() {
            let zero = self.integers(&[], &[0]);
            let shape = "batch/shape".to_owned();
            self.nodes.push(NodeProto::new("Shape", &shape, vec![self.input.into()], vec![shape.clone()]));
            let gather = NodeProto::new("Gather", SIZE, vec![shape, zero], vec![SIZE.into()]);
            self.nodes.push(NodeProto { attribute: vec![Attribute::int("axis", 0)], ..gather });
        }
        SIZE.into()
    }

    fn integers(&mut self, shape: &[usize], values: &[i64]) -> String {
        let name = format!("batch/constant{}", self.initializers.len());
        self.initializers.push(TensorProto::from_integers(&name, shape, values));
        name
    }

    fn emit(&mut self, op: &str, inputs: Vec<String>, attributes: Vec<Attribute>) -> String {
        let name = format!("batch/{op}{}", self.nodes.len());
        let node = NodeProto::new(op, &name, inputs, vec![name.clone()]);
        self.nodes.push(NodeProto { attribute: attributes, ..node });
        name
    }
}

fn unnamed(tensor: &TensorProto) -> TensorProto {
    TensorProto { name: None, ..tensor.clone() }
}

/// Leaves the sizes of an input or output open that differ with the batch.
fn free(mut value: ValueInfoProto, others: [&ValueInfoProto; 2]) -> ValueInfoProto {
    let sizes = others.map(|other| other.tensor().map(|(_, sizes)| sizes).unwrap_or_default());
    let kind = value.r#type.as_mut().and_then(|kind| kind.value.as_mut());
    if let Some(type_proto::Value::TensorType(tensor)) = kind
        && let Some(shape) = &mut tensor.shape
    {
        for (axis, dimension) in shape.dim.iter_mut().enumerate() {
            let Some(Size::DimValue(own)) = dimension.value else { continue };
            let all =
                [Some(own as usize), sizes[0].get(axis).copied().flatten(), sizes[1].get(axis).copied().flatten()];
            if all == SIZES.map(Some) {
                *dimension = Dimension { value: Some(Size::DimParam("N".into())), denotation: None };
            } else if all[1] != all[0] {
                *dimension = Dimension::default();
            }
        }
    }
    value
}

fn refused(node: &NodeProto) -> Error {
    Error::Graph(format!(
        "the batch cannot be free: node {} ({}) depends on it in another way than by a size; ask for a fixed batch",
        node.label(),
        node.op_type()
    ))
}
