//! The tape: rules read the forward pass from it and write the nodes of the backward pass to it.

mod gradients;
mod node;
mod ops;
mod splicing;

use std::collections::{HashMap, HashSet};

use crate::error::{Error, Result};
use crate::onnx::{self, AttributeProto, DataType, GraphProto, NodeProto, TensorProto};
use crate::types::{Shapes, TensorType, Variant};

use gradients::Propagate;
pub use node::Node;
pub(crate) use ops::broadcast;

/// A value of the graph, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// The value's name.
    pub name: String,
    /// The element type.
    pub dtype: DataType,
    /// The size along each axis.
    pub shape: Vec<usize>,
}

impl Tensor {
    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }
}

/// Collects the nodes of the reverse pass.
pub struct Tape<'a> {
    shapes: &'a Shapes,
    constants: HashMap<&'a str, &'a TensorProto>,
    opset: i64,
    variant: Variant,
    scope: String,
    names: HashSet<String>,
    counts: HashMap<String, usize>,
    nodes: Vec<NodeProto>,
    /// The values written, and the positions of those that are constants in `initializers`.
    made: HashMap<String, (Tensor, Option<usize>)>,
    initializers: Vec<TensorProto>,
    pool: HashMap<(i32, Vec<i64>, Vec<u8>), Tensor>,
    problem: Option<String>,
    propagate: Option<Propagate>,
    guided: bool,
    guided_nodes: usize,
    /// A matrix with one element per row, the columns of these elements, and their values.
    seed: Option<(Tensor, Tensor, Tensor)>,
}

impl<'a> Tape<'a> {
    pub(crate) fn new(graph: &'a GraphProto, shapes: &'a Shapes, opset: i64, variant: Variant) -> Self {
        let names = graph.node.iter().flat_map(|node| node.output.iter().cloned().chain([node.name().to_owned()]));
        Self {
            shapes,
            constants: onnx::constants(graph),
            opset,
            variant,
            scope: String::new(),
            names: names.chain(graph.initializer.iter().map(|tensor| tensor.name().to_owned())).collect(),
            counts: HashMap::new(),
            nodes: Vec::new(),
            made: HashMap::new(),
            initializers: Vec::new(),
            pool: HashMap::new(),
            problem: None,
            propagate: None,
            guided: false,
            guided_nodes: 0,
            seed: None,
        }
    }

    /// The standard opset that nodes are written for.
    pub fn opset(&self) -> i64 {
        self.opset
    }

    /// The runtime that nodes are written for.
    pub fn variant(&self) -> Variant {
        self.variant
    }

    /// Sets the name prefix of the nodes that follow.
    pub(crate) fn enter(&mut self, scope: &str) {
        self.scope = scope.into();
    }

    /// A value of the forward pass.
    ///
    /// # Errors
    /// [`Error::Graph`] if its shape is unknown.
    pub fn value(&self, name: &str) -> Result<Tensor> {
        if let Some((made, _)) = self.made.get(name) {
            return Ok(made.clone());
        }
        let TensorType { dtype, shape } = match self.constants.get(name) {
            Some(tensor) => TensorType { dtype: tensor.dtype(), shape: tensor.shape()? },
            None => self.shapes.tensors.get(name).cloned().ok_or_else(|| {
                Error::Graph(format!("the shape of {name} is unknown; export the model with fixed sizes"))
            })?,
        };
        Ok(Tensor { name: name.into(), dtype, shape })
    }

    /// The elements of a value that does not depend on the image, if they are known.
    pub fn constant_of(&self, value: &Tensor) -> Option<&TensorProto> {
        let made = || self.initializers.get(self.made.get(&value.name)?.1?);
        self.constants.get(value.name.as_str()).copied().or_else(made)
    }

    /// The elements of an integer value that does not depend on the image, if they are known.
    pub fn integers_of(&self, value: &Tensor) -> Option<Vec<i64>> {
        self.constant_of(value)?.integers().ok()
    }

    /// Records that each row of `seed` holds its element of `signs` (one per row) in the column `classes` (int64, one
    /// per row) and 0 elsewhere.
    pub(crate) fn note_seed(&mut self, seed: &Tensor, classes: &Tensor, signs: &Tensor) {
        self.seed = Some((seed.clone(), classes.clone(), signs.clone()));
    }

    /// The class ids and their signs `[N, 1]`, if `value` is the matrix that the backward pass starts from.
    pub fn seed_classes(&self, value: &Tensor) -> Option<(Tensor, Tensor)> {
        let (seed, classes, signs) = self.seed.as_ref()?;
        (seed.name == value.name).then(|| (classes.clone(), signs.clone()))
    }

    /// The element type of the image.
    pub(crate) fn image_type(&self) -> DataType {
        self.shapes.tensors.get(&self.shapes.image).map_or(DataType::Float, |kind| kind.dtype)
    }

    /// Sets whether the backward pass that follows blocks negative gradients at rectifiers.
    pub(crate) fn guide(&mut self, guided: bool) {
        self.guided = guided;
    }

    /// The number of rectifiers guided so far.
    pub(crate) fn guided_nodes(&self) -> usize {
        self.guided_nodes
    }

    /// The gradient that arrives at `node`, without its negative part if the backward pass is
    /// guided and the node is a rectifier.
    pub(crate) fn rectified(&mut self, node: &NodeProto, grad: &Tensor) -> Tensor {
        if !self.guided || !self.rectifies(node) {
            return grad.clone();
        }
        self.guided_nodes += 1;
        self.unary("Relu", grad)
    }

    /// Whether `node` is a Relu, or a Clip at 0.
    fn rectifies(&self, node: &NodeProto) -> bool {
        let low = || match node.input.get(1) {
            Some(name) => self.constants.get(name.as_str())?.reals().ok()?.first().copied(),
            None => node.float("min").map(f64::from),
        };
        node.is("Relu") || node.is("Clip") && low() == Some(0.0)
    }

    /// Writes a node with one output of the given type.
    pub fn emit(
        &mut self,
        op: &str,
        inputs: &[&Tensor],
        attributes: Vec<AttributeProto>,
        dtype: DataType,
        shape: Vec<usize>,
    ) -> Tensor {
        let mut outputs = self.emit_many(op, inputs, attributes, vec![(dtype, shape)]);
        outputs.swap_remove(0)
    }

    /// Writes a node with several outputs.
    pub fn emit_many(
        &mut self,
        op: &str,
        inputs: &[&Tensor],
        attributes: Vec<AttributeProto>,
        outputs: Vec<(DataType, Vec<usize>)>,
    ) -> Vec<Tensor> {
        let name = self.fresh(op);
        let single = outputs.len() == 1;
        let tensor = |(index, (dtype, shape))| Tensor {
            name: if single { name.clone() } else { format!("{name}:{index}") },
            dtype,
            shape,
        };
        let outputs: Vec<Tensor> = outputs.into_iter().enumerate().map(tensor).collect();
        let inputs = inputs.iter().map(|input| input.name.clone()).collect();
        let mut node = NodeProto::new(op, &name, inputs, outputs.iter().map(|output| output.name.clone()).collect());
        node.attribute = attributes;
        self.nodes.push(node);
        self.made.extend(outputs.iter().map(|output| (output.name.clone(), (output.clone(), None))));
        outputs
    }

    /// A new, unused name in the current scope.
    fn fresh(&mut self, op: &str) -> String {
        let base = format!("{}/{op}", self.scope);
        // Continuing from the last count avoids trying all earlier names again in long scopes.
        let count = self.counts.entry(base.clone()).or_default();
        loop {
            let name = if *count == 0 { base.clone() } else { format!("{base}_{count}") };
            *count += 1;
            if self.names.insert(name.clone()) {
                return name;
            }
        }
    }

    /// Records a problem unless `fits`: the operands do not fit `operation`. The backward pass then
    /// ends with an error about the node. This way, builder methods need not return results and
    /// rules read like formulas.
    pub(crate) fn expect(&mut self, fits: bool, operation: &str) -> bool {
        if !fits && self.problem.is_none() {
            self.problem =
                Some(format!("has shapes that do not fit its gradient ({operation}); export the model again"));
        }
        fits
    }

    /// The first problem recorded since the last call.
    pub(crate) fn problem(&mut self) -> Option<String> {
        self.problem.take()
    }

    /// Adds a constant. Equal constants are shared.
    pub fn constant(&mut self, mut tensor: TensorProto) -> Tensor {
        let shape = tensor.dims.iter().map(|size| *size as usize).collect();
        let key = (tensor.data_type(), tensor.dims.clone(), tensor.raw_data().to_vec());
        if let Some(known) = self.pool.get(&key) {
            return known.clone();
        }
        let name = self.fresh("constant");
        tensor.name = Some(name.clone());
        let value = Tensor { name, dtype: tensor.dtype(), shape };
        self.made.insert(value.name.clone(), (value.clone(), Some(self.initializers.len())));
        self.initializers.push(tensor);
        self.pool.insert(key, value.clone());
        value
    }

    /// Gives a value the name of a graph output.
    pub(crate) fn name_output(&mut self, value: &Tensor, name: &str) {
        let inputs = vec![value.name.clone()];
        self.nodes.push(NodeProto::new("Identity", name, inputs, vec![name.into()]));
    }

    /// The number of nodes written so far.
    pub(crate) fn length(&self) -> usize {
        self.nodes.len()
    }

    /// The nodes written after the first `length`.
    pub(crate) fn nodes_after(&self, length: usize) -> Vec<NodeProto> {
        self.nodes[length..].to_vec()
    }

    /// The nodes written since the last call.
    pub(crate) fn take_nodes(&mut self) -> Vec<NodeProto> {
        std::mem::take(&mut self.nodes)
    }

    /// Puts nodes that were taken before those written since.
    pub(crate) fn put_nodes(&mut self, nodes: Vec<NodeProto>) {
        self.nodes.splice(0..0, nodes);
    }

    pub(crate) fn finish(self) -> (Vec<NodeProto>, Vec<TensorProto>) {
        (self.nodes, self.initializers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_scope_takes_no_longer_a_name_and_skips_those_of_the_model() {
        let taken = NodeProto::new("Relu", "scope/Relu_1", vec!["x".into()], vec!["y".into()]);
        let graph = GraphProto { node: vec![taken], ..Default::default() };
        let shapes = Shapes::default();
        let mut tape = Tape::new(&graph, &shapes, 17, Variant::OnnxRuntime);
        tape.enter("scope");
        let names: Vec<String> = (0..100_000).map(|_| tape.fresh("Relu")).collect();
        assert_eq!(names[..3], ["scope/Relu", "scope/Relu_2", "scope/Relu_3"]);
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    }
}
