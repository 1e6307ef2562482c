//! What the small subcommands do: `salstream model`, the list of cameras.

use std::path::{Path, PathBuf};

use opencv::core::{CV_8UC3, Mat, Scalar, Size, Vec3b};
use opencv::prelude::*;

use crate::cli::model::{GradArgs, InspectArgs, ModelCommand, PullArgs, StoredPrecision, VerifyArgs};
use crate::model::card::{Card, Flags};
use crate::model::runtime::Precision;
use crate::model::{self, ModelName, Preprocessor, Source, Wish};
use crate::platform::machine::cores;
use crate::reporting::terminal::{print, say};
use crate::source::{self, Input};
use crate::verify::{Check, Verdict};
use crate::{Error, Result, sink, verify};
use onnx_grad::Request;
use onnx_grad::onnx;

/// Runs one subcommand; the exit status.
///
/// # Errors
/// Those of the subcommand.
pub fn model(command: ModelCommand) -> Result<u8> {
    match command {
        ModelCommand::List { json } => list(json)?,
        ModelCommand::Pull(args) => pull(args)?,
        ModelCommand::Inspect(args) => inspect(args)?,
        ModelCommand::Grad(args) => grad(args)?,
        ModelCommand::Verify(args) => return verify(args),
    }
    Ok(0)
}

fn json(value: &impl serde::Serialize) -> String {
    // Plain data with text keys always serialise.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn list(as_json: bool) -> Result<()> {
    let rows = model::list::rows()?;
    print(if as_json { json(&rows) } else { model::list::table(&rows) }.as_bytes())
}

fn pull(args: PullArgs) -> Result<()> {
    let quiet = args.quiet;
    let pulled = model::pull::pull(&args.request())?;
    if !quiet {
        say(&pulled.to_string());
    }
    Ok(())
}

fn inspect(args: InspectArgs) -> Result<()> {
    let report = model::inspect::inspect(&args.model, &args.flags(), &args.request.into())?;
    if args.json {
        return print(json(&report).as_bytes());
    }
    report.notes.iter().for_each(|note| say(&format!("note: {note}")));
    print(report.to_string().as_bytes())
}

fn grad(args: GradArgs) -> Result<()> {
    let GradArgs { input, file, yes, batch, request, preprocess, method, precision } = args;
    let choice = method.choice()?;
    sink::check(&file, Some(&input), yes)?;
    let chosen = ModelName::File(input).choose()?;
    let source = chosen.load(&Request { batch: batch.into(), ..request.into() })?;
    let card = Card::find(&chosen, &Flags { preprocess, labels: None }, &source.facts()?)?;
    let (preprocessor, origin) = card.preprocessor;
    source.notes().iter().for_each(|note| say(&format!("note: {note}")));
    if choice.needs_pixels() {
        say(&format!("note: black is that of {preprocessor} pixels, {origin}"));
    }
    let mut made = source.gradient_model(&choice.method(&preprocessor))?;
    if precision == StoredPrecision::F16 {
        made.graph.iter_mut().for_each(onnx::store_in_half);
    }
    Ok(onnx::save(&made, &file)?)
}

fn verify(args: VerifyArgs) -> Result<u8> {
    let choice = args.method.choice()?;
    let chosen = args.model.choose()?;
    let source = chosen.load(&args.request.into())?;
    let card = Card::find(&chosen, &Flags { preprocess: args.preprocess, labels: None }, &source.facts()?)?;
    let (preprocessor, _) = card.preprocessor;
    let pictures = pictures(&args.image, &source, &preprocessor)?;
    // What is to be verified is the usual arithmetic, unless it is asked for.
    let precision = args.precision.fixed().or(Some(Precision::F32));
    let wish = Wish { device: args.device.fixed(), precision, threads: cores(), fallback: false, batches: false };
    let mut checks: Vec<Check> = Vec::new();
    let mut problem = Ok(());
    verify::verify(source, &choice.method(&preprocessor), &wish, [&pictures[0], &pictures[1]], |check| {
        if !args.json && problem.is_ok() {
            problem = print(format!("{check}\n").as_bytes());
        }
        checks.push(check);
    })?;
    problem?;
    if args.json {
        print(json(&checks).as_bytes())?;
    }
    Ok(u8::from(checks.iter().any(|check| check.verdict == Verdict::Fail)))
}

/// Two different pictures as the network is given them: the user's, then ones made here.
fn pictures(files: &[PathBuf], source: &Source, preprocessor: &Preprocessor) -> Result<[Vec<f32>; 2]> {
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

/// The user's picture.
fn photo(file: &Path) -> Result<Mat> {
    let mut source = source::open(&Input::parse(file.as_os_str())?, &source::Options::default())?;
    let frame = source.read()?.ok_or_else(|| Error::input(file, "holds no picture; give an image"))?;
    Ok(frame.image)
}

/// A picture of soft coloured shapes.
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
