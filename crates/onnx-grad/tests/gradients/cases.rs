//! Small models that people reported trouble with: each is right or refused by name, and none is wrong in silence.

use std::error::Error;
use std::path::{Path, PathBuf};

use crate::common::{Random, reals, relative_error, try_session, value};
use crate::runtime;
use onnx_grad::{Options, Request, differentiate, load, prepare};

pub fn folder() -> PathBuf {
    let given = std::env::var_os("SALSTREAM_DATA").map(PathBuf::from);
    let data = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
    data.join("cases/onnx/models")
}

/// The error of the gradient of class 0 against central differences of `scores` over `step`, along eight directions.
fn error(path: &Path, step: f64) -> Result<f64, Box<dyn Error>> {
    let (model, shapes) = prepare(load(path)?, &Request::default(), runtime::run)?;
    let image = shapes.tensors[&shapes.image].clone();
    let made = differentiate(&model, &shapes, &Options::default())?;
    let mut session = try_session(&made)?;
    let batch = image.shape[0];
    let mut run = |pixels: &[f64]| -> Result<(f64, Vec<f64>), Box<dyn Error>> {
        let target = ort::value::Tensor::from_array(([batch], vec![0i64; batch]))?;
        let picture = value(image.dtype, &image.shape, pixels);
        let outputs = session.run(ort::inputs![&*shapes.image => picture, "target" => target])?;
        let scores = reals(&outputs["scores"]);
        let each = scores.len() / batch;
        Ok((scores.iter().step_by(each).sum(), reals(&outputs["gradient"])))
    };
    let mut random = Random(8);
    let count = image.shape.iter().product();
    let pixels: Vec<f64> = random.take(count);
    let gradient = run(&pixels)?.1;
    let (mut stated, mut measured) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        let mut direction = random.take(count);
        if JUMPING.iter().any(|name| path.file_stem().is_some_and(|stem| stem == *name)) {
            let kept = (random.next().abs() * count as f64) as usize;
            direction.iter_mut().enumerate().filter(|(place, _)| *place != kept).for_each(|(_, by)| *by = 0.0);
        }
        let moved = |by: f64| pixels.iter().zip(&direction).map(|(x, d)| x + by * d).collect::<Vec<_>>();
        measured.push((run(&moved(step))?.0 - run(&moved(-step))?.0) / (2.0 * step));
        stated.push(gradient.iter().zip(&direction).map(|(g, d)| g * d).sum::<f64>());
    }
    Ok(if stated == measured { 0.0 } else { relative_error(&stated, &measured) })
}

/// Models that round to 8 bits: differences over long steps average over the levels, and are coarse. The exact gradients
/// are in `rules/integers.rs` and `rules/quantize.rs`.
const ROUNDED: &[&str] = &["convinteger_dynamic", "qdq_int8", "qlinearconv", "quantised_output"];

/// Scores that jump where another element of a window becomes the largest: one pixel is moved at a time.
const JUMPING: &[&str] = &["maxunpool"];

/// Where kinks of many units lie along each direction, the differences are this far off.
const TOLERANCE: f64 = 0.1;

#[test]
#[ignore = "needs the data folder"]
fn reported_models_are_right_or_refused() {
    let mut right = Vec::new();
    for file in folder().read_dir().expect("the cases").flatten().map(|file| file.path()) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let (step, tolerance) = if ROUNDED.contains(&name.as_str()) { (0.1, 0.3) } else { (1e-3, TOLERANCE) };
        match error(&file, step) {
            Ok(error) if error < tolerance => right.push(name),
            Ok(error) => panic!("{name}: {error}"),
            Err(problem) => println!("{name}: refused, {problem}"),
        }
    }
    let must = [
        "avgpool_ceil_countpad_nodilation",
        "cast_roundtrip_fp16",
        "convinteger_dynamic",
        "fp16_input",
        "gridsample_16",
        "gridsample_20",
        "if_on_picture",
        "lppool_same_upper",
        "lstm_head",
        "maxunpool",
        "ms_fusedconv",
        "qlinearconv",
        "quantised_output",
        "split_o13_s1",
        "split_to_sequence_only",
        "topk_inside",
        "trig",
    ];
    assert!(must.iter().all(|name| right.iter().any(|found| found == name)), "{right:?}");
}
