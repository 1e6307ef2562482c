//! What is to be differentiated by what, for any model.

pub(crate) mod batch_constants;
pub(crate) mod before;
pub(crate) mod compile;
pub(crate) mod free_batch;
pub(crate) mod given_names;
pub(crate) mod interface;
pub(crate) mod model_inputs;
pub(crate) mod objective;
pub(crate) mod objective_nodes;
pub(crate) mod seeds;

use std::collections::HashMap;

use crate::onnx::TensorProto;
use objective::Objective;

/// The derivative of an [`Objective`] by any floating-point values of a model; [`compile`](crate::compile()) writes it.
#[derive(Debug, Clone, Default)]
pub struct Derivative {
    /// What is differentiated. `None` for the class scores of a classifier, before a final Softmax.
    pub of: Option<Objective>,
    /// By which inputs, or values inside the model. Empty for the only input that can be meant.
    pub wrt: Vec<String>,
    /// Shapes, and samples, of inputs by name: those that the file leaves open.
    pub inputs: HashMap<String, GivenInput>,
    /// How many pictures at a time.
    pub batch: Batch,
    /// Whether `target` is `[N, targets]`, any number of classes of each picture, and the gradients have an axis more,
    /// after the batch axis. The forward pass still runs once.
    pub several_targets: bool,
}

/// What is known about an input.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenInput {
    /// The size along each axis.
    pub shape: Vec<usize>,
    /// Its elements, in `raw_data`, if shapes in the model depend on them.
    pub data: Option<TensorProto>,
}

/// The size of the axis along which a model takes several pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// A fixed size, for inputs whose first axis the file leaves open.
    Fixed(usize),
    /// Any number, which each run chooses.
    Free,
}

impl Default for Batch {
    fn default() -> Self {
        Self::Fixed(1)
    }
}
