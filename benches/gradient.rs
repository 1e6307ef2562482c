//! Time of a classifier's input gradient in milliseconds, and its ratio to the forward pass in the same runtime:
//! `cargo bench --bench gradient [FILE.onnx ...]`. Without a file, the installed models are measured.
//!
//! Forward pass and gradient alternate, so that a machine whose speed drifts does not distort the ratio.

use std::path::{Path, PathBuf};
use std::time::Instant;

use onnx_grad::onnx::{DataType, ValueInfoProto};
use onnx_grad::{Request, onnx};
use ort::value::TensorRef;
use prost::Message;
use salstream::Result;
use salstream::model::runtime::{Device, Precision, Runtime, SessionOptions};
use salstream::model::{Classifier, catalog, find_shapes};

const RUNS: usize = 20;

fn main() -> Result<()> {
    let files: Vec<PathBuf> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).map(Into::into).collect();
    let installed =
        || catalog::entries().map(|all| all.iter().filter(|e| e.is_installed()).map(|e| e.path()).collect());
    let files = if files.is_empty() { installed()? } else { files };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for file in &files {
        for (device, precision) in
            [(Device::Cpu, Precision::F32), (Device::OpenVino, Precision::F32), (Device::OpenVino, Precision::Bf16)]
        {
            if Runtime::get()?.has(device) {
                let (forward, gradient) = medians(file, &SessionOptions { device, precision, threads })?;
                let ratio = gradient / forward;
                let name = file.display();
                println!(
                    "{name} {device} {precision}: forward {forward:.1} ms, with gradient {gradient:.1} ms, {ratio:.2}x"
                );
            }
        }
    }
    Ok(())
}

/// Median milliseconds of the forward pass alone and of scores with gradient, for one picture each.
fn medians(file: &Path, options: &SessionOptions) -> Result<(f64, f64)> {
    let mut classifier = Classifier::open(file, options)?;
    let (width, height) = classifier.input_size();
    let picture: Vec<f32> = (0..3 * width * height).map(|i| (i as f32 * 0.37).sin()).collect();
    let mut source = onnx::load(file)?;
    let image = find_shapes(&source, &Request::default())?.image;
    let fixed = ValueInfoProto::fixed(&image, DataType::Float, &[1, 3, height, width]);
    let inputs = source.graph.iter_mut().flat_map(|graph| &mut graph.input);
    inputs.filter(|input| input.name() == image).for_each(|input| *input = fixed.clone());
    let mut plain = Runtime::get()?.session(&source.encode_to_vec(), options)?;
    let (mut forward, mut gradient) = (Vec::new(), Vec::new());
    for _ in 0..=RUNS {
        let start = Instant::now();
        plain.run(ort::inputs![TensorRef::from_array_view(([1, 3, height, width], &*picture))?])?;
        forward.push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        classifier.run(&picture, None)?;
        gradient.push(start.elapsed().as_secs_f64() * 1e3);
    }
    // The first run warms up.
    Ok((median(&mut forward[1..]), median(&mut gradient[1..])))
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
