//! How gradients of nodes are propagated and added up.

use std::collections::{HashMap, HashSet};

use super::{Tape, Tensor};
use crate::error::Result;
use crate::onnx::NodeProto;

/// Replaces the gradients of a node's outputs with those of its active inputs.
pub(crate) type Propagate =
    fn(&mut Tape, &NodeProto, &mut HashMap<String, Tensor>, active: &HashSet<String>) -> Result<()>;

impl Tape<'_> {
    /// Sets how gradients pass a node, for rules that are made of other rules.
    pub(crate) fn propagate_by(&mut self, propagate: Propagate) {
        self.propagate = Some(propagate);
    }

    /// Replaces the gradients of the outputs of `node` with those of its active inputs.
    pub(crate) fn propagate(
        &mut self,
        node: &NodeProto,
        grads: &mut HashMap<String, Tensor>,
        active: &HashSet<String>,
    ) -> Result<()> {
        self.propagate.map_or(Ok(()), |propagate| propagate(self, node, grads, active))
    }

    /// Adds `grad` to the gradient of the value `name`.
    pub(crate) fn accumulate(&mut self, grads: &mut HashMap<String, Tensor>, name: &str, grad: Tensor) {
        let sum = match grads.remove(name) {
            Some(other) => self.add(&other, &grad),
            None => grad,
        };
        grads.insert(name.to_owned(), sum);
    }
}
