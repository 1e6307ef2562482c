//! Nodes that replace others, and nodes that go into subgraphs.

use super::{Tape, Tensor};
use crate::error::Result;
use crate::onnx::NodeProto;

impl Tape<'_> {
    /// Makes a value the output `name` of the node that is being written out.
    pub(crate) fn hand_over(&mut self, value: &Tensor, name: &str) {
        // Without a node in between, the patterns at the end of a classifier are recognised.
        let own = |node: &&mut NodeProto| node.output.contains(&value.name);
        let others = |node: &NodeProto| node.input.contains(&value.name);
        let alone = !self.nodes.iter().any(others);
        match self.nodes.iter_mut().find(own).filter(|_| alone) {
            Some(node) => {
                node.output.iter_mut().filter(|output| **output == value.name).for_each(|output| *output = name.into())
            }
            None => self.name_output(value, name),
        }
        self.made.insert(name.into(), (Tensor { name: name.into(), ..value.clone() }, None));
    }

    /// Writes a node of the forward pass again.
    pub(crate) fn copy(&mut self, node: &NodeProto) {
        self.nodes.push(node.clone());
    }

    /// The nodes that `write` writes, which go into a subgraph, and its result.
    pub(crate) fn inside<R>(&mut self, write: impl FnOnce(&mut Self) -> Result<R>) -> Result<(Vec<NodeProto>, R)> {
        let outer = std::mem::take(&mut self.nodes);
        let result = write(self);
        let inner = std::mem::replace(&mut self.nodes, outer);
        Ok((inner, result?))
    }

    /// All values made so far.
    pub(crate) fn made(&self) -> impl Iterator<Item = &Tensor> {
        self.made.values().map(|(value, _)| value)
    }
}
