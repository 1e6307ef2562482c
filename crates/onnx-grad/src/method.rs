//! The attribution methods: what the output `gradient` of a gradient model contains.

use crate::error::{Error, Result};
use crate::onnx::GraphProto;
use crate::tape::{Tape, Tensor};
use crate::types::{Layer, Method, Options, Shapes};
use crate::{backward, cam, feature_map};

/// Writes the attribution of one pass. For a plain gradient with `options.features`, also returns
/// the class activation map of the last layer that has one. `score` is the logits and their
/// gradient.
pub(crate) fn attribute(
    tape: &mut Tape,
    graph: &GraphProto,
    shapes: &Shapes,
    score: &(Tensor, Tensor),
    options: &Options,
) -> Result<(Tensor, Option<Tensor>)> {
    let image = tape.value(&shapes.image)?;
    let to_image = |tape: &mut Tape| backward::gradient(tape, graph, shapes, score, &shapes.image);
    let attribution = match &options.method {
        Method::Gradient if options.features => return with_activation(tape, graph, shapes, score),
        Method::Gradient | Method::Sampled(_) => to_image(tape)?,
        Method::InputXGradient => {
            let gradient = to_image(tape)?;
            tape.enter("attribution");
            tape.mul(&image, &gradient)
        }
        Method::Guided => guided(tape, graph, shapes, score)?,
        Method::GradCam(layer) | Method::GradCamPlusPlus(layer) => {
            let plus_plus = matches!(options.method, Method::GradCamPlusPlus(_));
            let map = feature_map(tape, graph, shapes, score, layer)?;
            cam::map(tape, &map, &image, plus_plus)?
        }
        Method::GuidedGradCam(layer) => {
            let map = feature_map(tape, graph, shapes, score, layer)?;
            let cam = cam::map(tape, &map, &image, false)?;
            let guided = guided(tape, graph, shapes, score)?;
            tape.enter("attribution");
            tape.mul(&guided, &cam)
        }
    };
    Ok((attribution, None))
}

/// The gradient, and the class activation map of the last layer that has one.
fn with_activation(
    tape: &mut Tape,
    graph: &GraphProto,
    shapes: &Shapes,
    score: &(Tensor, Tensor),
) -> Result<(Tensor, Option<Tensor>)> {
    let last = feature_map::find(graph, shapes, &score.0, &Layer::Last).ok();
    let (gradient, at_last) = backward::gradients(tape, graph, shapes, score, &shapes.image, last.as_deref())?;
    let activation = match (last, at_last) {
        (Some(name), Some(at_last)) => {
            let layer = (tape.value(&name)?, at_last);
            Some(cam::coarse(tape, &layer, false))
        }
        _ => None,
    };
    Ok((gradient, activation))
}

/// A layer's value and its gradient.
fn feature_map(
    tape: &mut Tape,
    graph: &GraphProto,
    shapes: &Shapes,
    score: &(Tensor, Tensor),
    layer: &Layer,
) -> Result<(Tensor, Tensor)> {
    let name = feature_map::find(graph, shapes, &score.0, layer)?;
    let gradient = backward::gradient(tape, graph, shapes, score, &name)?;
    Ok((tape.value(&name)?, gradient))
}

fn guided(tape: &mut Tape, graph: &GraphProto, shapes: &Shapes, score: &(Tensor, Tensor)) -> Result<Tensor> {
    tape.guide(true);
    let gradient = backward::gradient(tape, graph, shapes, score, &shapes.image)?;
    tape.guide(false);
    if tape.guided_nodes() == 0 {
        let problem =
            "the model has no rectifier (Relu, or Clip at 0), so its guided gradient would equal its gradient";
        return Err(Error::Graph(format!("{problem}; use another --method")));
    }
    Ok(gradient)
}
