//! The salstream side of `scripts/side-by-side`: input gradients of one model, timed on demand.
//!
//! `cargo bench --bench side_by_side -- MODEL.onnx PICTURES.f32` reads lines `DEVICE PRECISION BATCH RUNS FILE` from
//! standard input. For each line it computes the gradients of the first BATCH pictures RUNS times, writes the last ones
//! to FILE (little-endian float32), and answers with one line: a JSON list of milliseconds, or `error: REASON`.
//! Sessions are opened once.

use std::collections::HashMap;
use std::io::{BufRead, stdin};
use std::path::{Path, PathBuf};
use std::time::Instant;

use onnx_grad::Method;
use onnx_grad::Request;
use salstream::model::runtime::{Device, SessionOptions};
use salstream::model::{Classifier, ModelSource};
use salstream::{Error, Result};

/// Number of warm-up runs of a new session.
const WARMING: usize = 3;

fn main() -> Result<()> {
    let files: Vec<PathBuf> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).map(Into::into).collect();
    let [model, pictures] = &files[..] else {
        return Err(Error::Usage("usage: side_by_side MODEL.onnx PICTURES.f32".into()));
    };
    let bytes = std::fs::read(pictures).map_err(Error::io(pictures))?;
    let pictures: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let mut opened = HashMap::new();
    for line in stdin().lock().lines() {
        let line = line.map_err(Error::io("standard input"))?;
        match answer(model, &pictures, &mut opened, &line) {
            Ok(times) => println!("{times:?}"),
            Err(error) => println!("error: {error}"),
        }
    }
    Ok(())
}

/// Milliseconds of each run that `line` requests.
fn answer(model: &Path, pictures: &[f32], opened: &mut HashMap<String, Classifier>, line: &str) -> Result<Vec<f64>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [device, precision, batch, runs, file] = words[..] else { return Err(unknown(line)) };
    let count = |text: &str| text.parse::<usize>().map_err(|_| unknown(line));
    let (batch, runs) = (count(batch)?, count(runs)?);
    let input = pictures.get(..batch * 3 * 224 * 224).ok_or_else(|| unknown(line))?;
    let key = format!("{device} {precision} {batch}");
    if !opened.contains_key(&key) {
        let mut classifier = open(model, device, precision, batch)?;
        (0..WARMING).try_for_each(|_| classifier.run_batch(input, None).map(drop))?;
        opened.insert(key.clone(), classifier);
    }
    let classifier = opened.get_mut(&key).ok_or_else(|| unknown(line))?;
    let (mut times, mut last) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let started = Instant::now();
        last = classifier.run_batch(input, None)?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let gradients = last.iter().flat_map(|found| &found.gradient);
    let bytes: Vec<u8> = gradients.flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(file, bytes).map_err(Error::io(file))?;
    Ok(times)
}

fn open(model: &Path, device: &str, precision: &str, batch: usize) -> Result<Classifier> {
    let device = Device::ALL.into_iter().find(|known| known.to_string() == device).ok_or_else(|| unknown(device))?;
    let known = device.precisions().iter().find(|known| known.to_string() == precision);
    let precision = *known.ok_or_else(|| unknown(precision))?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let source = ModelSource::load(model, &Request { batch, ..Request::default() })?;
    source.compile(device, &Method::Gradient)?.open(&SessionOptions { device, precision, threads })
}

fn unknown(what: &str) -> Error {
    Error::Usage(format!("cannot answer {what:?}"))
}
