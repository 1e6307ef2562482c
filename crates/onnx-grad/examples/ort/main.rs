//! Writes the gradient model of a classifier and finds its shapes with ONNX Runtime: `...
//! CLASSIFIER.onnx GRADIENT.onnx`.

mod runtime;

use std::error::Error;
use std::path::PathBuf;

use onnx_grad::{Options, Request, differentiate, load, prepare, save};

fn main() -> Result<(), Box<dyn Error>> {
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [classifier, gradient] = files.as_slice() else { return Err("name a classifier and the file to write".into()) };
    let (model, shapes) = prepare(load(classifier)?, &Request::default(), runtime::run)?;
    save(&differentiate(&model, &shapes, &Options::default())?, gradient)?;
    Ok(())
}
