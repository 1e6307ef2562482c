//! The compiler's passes, in order.

use crate::error::{Error, Result};
use crate::method;
use crate::method::feature_map;
use crate::method::sampling_loop;
use crate::normal_form;
use crate::onnx::{self, ModelProto};
use crate::score;
use crate::score::choice::note_on_scores;
use crate::signature;
use crate::tape::{Tape, Tensor};
use crate::types::{ACTIVATION, FEATURES, GRADIENT, Method, Options, Shapes};

/// Appends an attribution of one class's score to the image. By default this is the score's
/// gradient.
///
/// The result has the image input and `target` as inputs, and the outputs `scores`, `class` and `gradient`. A final
/// Softmax over the classes, a final Sigmoid and rounding to 8 bits are left out, so `scores` are logits; the metadata
/// have the name of the value that they are, and how [`Probabilities`](crate::Probabilities) follow from them. Batch
/// and image size are those of `shapes`. The opset does not change.
///
/// # Errors
/// [`Error::Graph`] if the graph is malformed, if operators without a rule lie between the image
/// and the score (the error names all of them), if the score does not depend on the image, if
/// the model has no layer that the method needs, or if a probability is to be explained and the
/// scores have none.
pub fn differentiate(model: &ModelProto, shapes: &Shapes, options: &Options) -> Result<ModelProto> {
    let opset = onnx::opset(model);
    check_opset(opset)?;
    let mut model = model.clone();
    let mut shapes = shapes.clone();
    let mut graph = model.graph.take().ok_or_else(|| Error::Graph("the model has no graph".into()))?;
    onnx::sort(&mut graph)?;
    signature::free_names(&mut graph, &mut shapes, &signature::RESERVED)?;
    let image = shapes.image.clone();
    normal_form::bring(&mut graph, &mut shapes, &[&image], opset, options.variant)?;
    let mut tape = Tape::new(&graph, &shapes, opset, options.variant);
    let head = score::logits(&graph, &shapes, opset)?;
    let seed = score::seed(&mut tape, &head, score::size(&shapes)?, options)?;
    let (logits, probabilities) = head;
    let score = (logits, seed);
    let scores = score.0.name.clone();
    let (attribution, activation) = method::attribute(&mut tape, &graph, &shapes, &score, options)?;
    tape.name_output(&attribution, GRADIENT);
    let features = match options.features.then(|| feature_map::features(&graph, &shapes, &score.0)).flatten() {
        Some(name) => Some(tape.value(&name)?),
        None => None,
    };
    let beside: Vec<(&str, Tensor)> =
        [(FEATURES, features), (ACTIVATION, activation)].into_iter().filter_map(|(name, x)| Some((name, x?))).collect();
    beside.iter().for_each(|(name, x)| tape.name_output(x, name));
    let (nodes, initializers) = tape.finish();
    signature::assemble(&mut graph, &shapes, nodes, initializers, &beside)?;
    if let Method::Sampled(sampling) = &options.method {
        graph = sampling_loop::repeat(graph, &shapes, opset, sampling, options.seed)?;
    }
    signature::finish(&mut model, graph, (&scores, probabilities), note_on_scores(&shapes), options);
    Ok(model)
}

/// The oldest standard opset whose operators broadcast as the backward pass needs.
const MIN_OPSET: i64 = 7;

/// The newest opset that ONNX Runtime 1.24 supports.
const MAX_OPSET: i64 = 25;

/// Checks that the compiler supports the opset.
///
/// # Errors
/// [`Error::Graph`] if the opset is below 7 or above 25.
pub fn check_opset(opset: i64) -> Result<()> {
    if (MIN_OPSET..=MAX_OPSET).contains(&opset) {
        return Ok(());
    }
    if opset > MAX_OPSET {
        return Err(Error::Graph(format!(
            "the model's opset is {opset}, newer than the supported {MAX_OPSET}; export it with an older opset"
        )));
    }
    Err(Error::Graph(format!(
        "the model's opset is {opset}, and the gradient needs {MIN_OPSET} or later; export it with a newer opset, or \
         convert it with onnx.version_converter"
    )))
}
