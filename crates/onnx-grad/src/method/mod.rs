//! The attribution methods: what the output `gradient` of a gradient model contains.

pub(crate) mod cam;
pub(crate) mod feature_map;
pub(crate) mod image_axes;
pub(crate) mod quadrature;
pub(crate) mod sampling_loop;

use crate::backward;
use crate::error::{Error, Result};
use crate::onnx::GraphProto;
use crate::tape::{Tape, Tensor};
use crate::types::{Layer, Method, Options, Shapes};

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

/// Writes the attributions of one pass to several values.
pub(crate) fn attribute_all(
    tape: &mut Tape,
    graph: &GraphProto,
    shapes: &Shapes,
    score: &(Tensor, Tensor),
    values: &[String],
    options: &Options,
) -> Result<Vec<Tensor>> {
    if values.len() == 1 {
        return Ok(vec![attribute(tape, graph, shapes, score, options)?.0]);
    }
    if !matches!(options.method, Method::Gradient | Method::InputXGradient) {
        let problem = format!("--method {} takes one value to differentiate by", options.method.name());
        return Err(Error::Request(format!("{problem}, not {}; use gradient or input-x-gradient", values.len())));
    }
    let goals: Vec<&str> = values.iter().map(String::as_str).collect();
    let found = backward::gradients(tape, graph, shapes, score, &goals)?;
    tape.enter("attribution");
    let one = |(name, gradient): (&String, Option<Tensor>)| {
        let gradient = gradient.ok_or_else(|| backward::unreached(name, shapes))?;
        let value = tape.value(name)?;
        Ok(if options.method == Method::Gradient { gradient } else { tape.mul(&value, &gradient) })
    };
    values.iter().zip(found).map(one).collect()
}

/// The gradient, and the class activation map of the last layer that has one.
fn with_activation(
    tape: &mut Tape,
    graph: &GraphProto,
    shapes: &Shapes,
    score: &(Tensor, Tensor),
) -> Result<(Tensor, Option<Tensor>)> {
    let last = feature_map::find(graph, shapes, &score.0, &Layer::Last).ok();
    let goals: Vec<&str> = [Some(shapes.image.as_str()), last.as_deref()].into_iter().flatten().collect();
    let mut found = backward::gradients(tape, graph, shapes, score, &goals)?.into_iter();
    let gradient = found.next().flatten().ok_or_else(|| backward::unreached(&shapes.image, shapes))?;
    let activation = match (last, found.next().flatten()) {
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
