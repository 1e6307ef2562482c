//! Gradients against finite differences.

use std::error::Error;

use onnx_grad::onnx::ModelProto;
use onnx_grad::{Options, Request, differentiate};
use ort::value::Tensor;

use crate::common::{Random, reals, relative_error, try_session, value};
use crate::runtime;

/// The relative error of the gradient of output 0 of the model's first output, which must be scores `[1, classes]`,
/// against central differences of the model as it is. An error is that of preparing or differentiating it.
pub fn error_against_differences(model: &ModelProto, image: &[usize], step: f64) -> Result<f64, Box<dyn Error>> {
    let dtype = model.graph.as_ref().unwrap().input[0].tensor().unwrap().0;
    let output = model.graph.as_ref().unwrap().output[0].name().to_owned();
    let (prepared, shapes) = onnx_grad::prepare(model.clone(), &Request::default(), runtime::run)?;
    let made = differentiate(&prepared, &shapes, &Options::default())?;
    let pixels = Random(5).take(image.iter().product());
    let target = Tensor::from_array(([1], vec![0i64]))?;
    let picture = value(dtype, image, &pixels);
    let found = reals(&try_session(&made)?.run(ort::inputs!["image" => picture, "target" => target])?["gradient"]);
    let mut session = try_session(model)?;
    let mut score = |place: usize, by: f64| {
        let mut moved = pixels.clone();
        moved[place] += by;
        reals(&session.run(ort::inputs!["image" => value(dtype, image, &moved)]).unwrap()[output.as_str()])[0]
    };
    let measured: Vec<f64> =
        (0..pixels.len()).map(|place| (score(place, step) - score(place, -step)) / (2.0 * step)).collect();
    Ok(relative_error(&found, &measured))
}
