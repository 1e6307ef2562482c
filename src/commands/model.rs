//! `salstream model`: its subcommands.

use std::path::{Path, PathBuf};

use opencv::core::{CV_8UC3, Mat, Scalar, Size, Vec3b};
use opencv::prelude::*;

use crate::model::{self, ExecutionRequest, ModelRequest, ModelSource, OpenedModel, Preprocessor};
use crate::reporting::terminal::{print, say};
use crate::saliency::MethodChoice;
use crate::source::{self, Input};
use crate::verify::{Verdict, VerifyCheck};
use crate::{Error, Result, sink, verify};
use onnx_grad::onnx;

/// What `salstream model` shall do.
#[derive(Debug)]
pub enum ModelAction {
    /// List the models known by name.
    List {
        /// Whether to print JSON.
        json: bool,
    },
    /// Download a model.
    Pull(model::pull::Request),
    /// Show what a model contains.
    Inspect(InspectConfig),
    /// Write a gradient model.
    Grad(GradConfig),
    /// Check whether a model's maps are trustworthy.
    Verify(VerifyConfig),
}

/// The configuration of `model inspect`.
#[derive(Debug)]
pub struct InspectConfig {
    pub model: ModelRequest,
    /// Whether to print JSON.
    pub json: bool,
}

/// The configuration of `model grad`.
#[derive(Debug)]
pub struct GradConfig {
    /// The classifier.
    pub model: ModelRequest,
    /// The classifier's file.
    pub input: PathBuf,
    /// The file to write.
    pub output: PathBuf,
    /// Whether to overwrite an existing file.
    pub overwrite: bool,
    /// What the output `gradient` contains.
    pub method: MethodChoice,
    /// Which random samples a sampled method draws.
    pub seed: u32,
    /// Whether to store the weights in half precision.
    pub half: bool,
}

/// The configuration of `model verify`.
#[derive(Debug)]
pub struct VerifyConfig {
    pub model: ModelRequest,
    /// Pictures for the checks; only the first two are used.
    pub pictures: Vec<PathBuf>,
    /// Whether to print JSON.
    pub json: bool,
    /// Which device and precision to use.
    pub wish: ExecutionRequest,
    /// The attribution method.
    pub method: MethodChoice,
}

/// Runs a subcommand, and returns the exit status.
///
/// # Errors
/// Those of the subcommand.
pub fn model(action: ModelAction) -> Result<u8> {
    match action {
        ModelAction::List { json } => list(json)?,
        ModelAction::Pull(request) => pull(&request)?,
        ModelAction::Inspect(config) => inspect(&config)?,
        ModelAction::Grad(config) => grad(&config)?,
        ModelAction::Verify(config) => return verify(config),
    }
    Ok(0)
}

fn json(value: &impl serde::Serialize) -> String {
    // Plain data with text keys can always be serialised.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn list(as_json: bool) -> Result<()> {
    let rows = model::list::rows()?;
    print(if as_json { json(&rows) } else { model::list::table(&rows) }.as_bytes())
}

fn pull(request: &model::pull::Request) -> Result<()> {
    let pulled = model::pull::pull(request)?;
    if request.progress {
        say(&pulled.to_string());
    }
    Ok(())
}

fn inspect(config: &InspectConfig) -> Result<()> {
    let report = model::inspect::inspect(&config.model)?;
    if config.json {
        return print(json(&report).as_bytes());
    }
    report.notes.iter().for_each(|note| say(&format!("note: {note}")));
    print(report.to_string().as_bytes())
}

fn grad(config: &GradConfig) -> Result<()> {
    sink::check(&config.output, Some(&config.input), config.overwrite)?;
    let OpenedModel { source, metadata, .. } = model::open(&config.model)?;
    let (preprocessor, origin) = metadata.preprocessor;
    source.notes().iter().for_each(|note| say(&format!("note: {note}")));
    if config.method.needs_pixels() {
        say(&format!("note: black is taken from {preprocessor} pixels, {origin}"));
    }
    let mut made = source.gradient_model(&config.method.method(&preprocessor), config.seed)?;
    if config.half {
        made.graph.iter_mut().for_each(onnx::store_in_half);
    }
    Ok(onnx::save(&made, &config.output)?)
}

fn verify(config: VerifyConfig) -> Result<u8> {
    let OpenedModel { source, metadata, .. } = model::open(&config.model)?;
    let (preprocessor, _) = metadata.preprocessor;
    source.notes().iter().for_each(|note| say(&format!("note: {note}")));
    let pictures = pictures(&config.pictures, &source, &preprocessor)?;
    let mut checks: Vec<VerifyCheck> = Vec::new();
    let mut problem = Ok(());
    let method = config.method.method(&preprocessor);
    verify::verify(source, &method, &config.wish, [&pictures[0], &pictures[1]], |check| {
        if !config.json && problem.is_ok() {
            problem = print(format!("{check}\n").as_bytes());
        }
        checks.push(check);
    })?;
    problem?;
    if config.json {
        print(json(&checks).as_bytes())?;
    }
    Ok(u8::from(checks.iter().any(|check| check.verdict == Verdict::Fail)))
}

/// Two different pictures as input for the network: the user's, and generated ones if there are fewer than two.
fn pictures(files: &[PathBuf], source: &ModelSource, preprocessor: &Preprocessor) -> Result<[Vec<f32>; 2]> {
    let (width, height) = source.input_size()?;
    let size = Size::new(width as i32, height as i32);
    let layout = source.facts()?.layout;
    let picture = |index: usize| {
        let image = match files.get(index) {
            Some(file) => photo(file)?,
            None => blobs(size, index)?,
        };
        preprocessor.tensor(&image, size, layout)
    };
    Ok([picture(0)?, picture(1)?])
}

/// A picture of the user.
fn photo(file: &Path) -> Result<Mat> {
    let mut source = source::open(&Input::parse(file.as_os_str())?, &source::SourceOptions::default())?;
    let frame = source.read()?.ok_or_else(|| Error::input(file, "contains no picture: use an image"))?;
    Ok(frame.image)
}

/// A generated picture of soft coloured shapes.
fn blobs(size: Size, seed: usize) -> Result<Mat> {
    let mut image = Mat::new_size_with_default(size, CV_8UC3, Scalar::all(0.0))?;
    let phase = 1.7 * seed as f64;
    for row in 0..size.height {
        for column in 0..size.width {
            let (x, y) = (f64::from(column) / f64::from(size.width), f64::from(row) / f64::from(size.height));
            let wave = |c: f64| ((9.0 + 3.0 * c) * x + phase + c).sin() * ((7.0 - 2.0 * c) * y + 2.0 * c + phase).cos();
            let level = |c: f64| (127.5 + 120.0 * wave(c)).round() as u8;
            *image.at_2d_mut::<Vec3b>(row, column)? = Vec3b::from([level(0.0), level(1.0), level(2.0)]);
        }
    }
    Ok(image)
}
