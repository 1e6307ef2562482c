//! A node of the forward pass.

use super::{Tape, Tensor};
use crate::error::{Error, Result};
use crate::onnx::NodeProto;

/// A forward node as a rule sees it.
pub struct Node<'a> {
    /// Operator and attributes.
    pub proto: &'a NodeProto,
    /// The inputs, in order; `None` for an omitted one.
    pub inputs: Vec<Option<Tensor>>,
    /// The outputs, in order; `None` for an omitted one.
    pub outputs: Vec<Option<Tensor>>,
    /// The gradient of each output; `None` if nothing depends on it.
    pub grads: Vec<Option<Tensor>>,
    /// Whether the gradient of each input is needed.
    pub wanted: Vec<bool>,
}

impl<'a> Node<'a> {
    /// The node with its values, whose gradients are `grads`; `wanted` says which of its inputs need one.
    ///
    /// # Errors
    /// [`Error::Graph`] if the shape of an input is unknown.
    pub(crate) fn of(tape: &Tape, proto: &'a NodeProto, grads: Vec<Option<Tensor>>, wanted: Vec<bool>) -> Result<Self> {
        let input = |name: &String| if name.is_empty() { Ok(None) } else { tape.value(name).map(Some) };
        let inputs = proto.input.iter().map(input).collect::<Result<_>>()?;
        // The types of some outputs are unknown, such as those of masks.
        let outputs = proto.output.iter().map(|name| tape.value(name).ok()).collect();
        Ok(Self { proto, inputs, outputs, grads, wanted })
    }
}

impl Node<'_> {
    /// Input `index`.
    ///
    /// # Errors
    /// [`Error::Graph`] if it is omitted.
    pub fn input(&self, index: usize) -> Result<&Tensor> {
        self.inputs.get(index).and_then(Option::as_ref).ok_or_else(|| self.error(&format!("lacks input {index}")))
    }

    /// Output `index`.
    ///
    /// # Errors
    /// [`Error::Graph`] if it is omitted.
    pub fn output(&self, index: usize) -> Result<&Tensor> {
        self.outputs.get(index).and_then(Option::as_ref).ok_or_else(|| self.error(&format!("lacks output {index}")))
    }

    /// An error about this node.
    pub fn error(&self, problem: &str) -> Error {
        Error::Graph(format!("node {} ({}) {problem}", self.proto.label(), self.proto.op_type()))
    }
}
