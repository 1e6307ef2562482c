//! The table of docs/models.md, in Markdown: `cargo bench --bench models [-- NAME ...]`. Without a name, every network
//! that the tests have is measured.
//!
//! Forward pass and gradient alternate, so that a machine whose speed drifts does not distort the ratio.

use std::time::Instant;

use onnx_grad::Request;
use onnx_grad::onnx;
use onnx_grad::onnx::{DataType, ModelProto, ValueInfoProto};
use onnx_grad::{Method, Options, Variant, differentiate};
use ort::session::Session;
use ort::value::TensorRef;
use prost::Message;
use salstream::Result;
use salstream::model::runtime::{Device, Precision, Runtime, SessionOptions};
use salstream::model::{Classifier, ModelSource, prepare};

#[path = "../tests/gradients/fixture.rs"]
mod fixture;
#[path = "../crates/onnx-grad/tests/gradients/random.rs"]
mod random;

use fixture::Reference;

const RUNS: usize = 7;
const DEVICES: [Device; 2] = [Device::Cpu, Device::OpenVino];

fn main() -> Result<()> {
    let named: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    println!(
        "| network | exported by | opset | works | error, CPU | error, OpenVINO | nodes + added | file | CPU, ms | \
         OpenVINO, ms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for name in if named.is_empty() { fixture::names() } else { named } {
        println!("{}", row(&name)?);
    }
    Ok(())
}

fn row(name: &str) -> Result<String> {
    let model = fixture::model(name);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.onnx");
    onnx::save(&model, &path)?;
    let source = ModelSource::load(&path, &Request::default())?;
    let results = DEVICES.map(|device| measured(name, &model, &source, device));
    let works = results.iter().all(|result| matches!(result, Ok(found) if found.errors.are_small()));
    let works = if works { "yes" } else { "**no**" };
    let [cpu, openvino] = &results;
    let opset = model.opset_import.iter().find(|set| set.domain().is_empty()).map_or(0, |set| set.version());
    let (exporter, sizes) = (exporter(name, &model), sizes(&model)?);
    let (errors, times) = ([error(cpu), error(openvino)].join(" | "), [time(cpu), time(openvino)].join(" | "));
    Ok(format!("| {name} | {exporter} | {opset} | {works} | {errors} | {sizes} | {times} |"))
}

fn exporter<'a>(name: &str, model: &'a ModelProto) -> &'a str {
    match model.producer_name() {
        "pytorch" if name.ends_with("-dynamo") => "PyTorch, dynamo",
        "pytorch" => "PyTorch, TorchScript",
        other => other,
    }
}

/// Results of a network on one device; times in milliseconds.
struct Measured {
    errors: fixture::Errors,
    forward: f64,
    gradient: f64,
}

fn error(result: &Result<Measured>) -> String {
    result.as_ref().map_or_else(|error| error.to_string(), |found| format!("{:.0e}", found.errors.gradient))
}

fn time(result: &Result<Measured>) -> String {
    let line = |found: &Measured| {
        format!("{:.0} → {:.0} ({:.1}x)", found.forward, found.gradient, found.gradient / found.forward)
    };
    result.as_ref().map_or_else(|_| "-".into(), line)
}

/// Number of nodes in the graph and number added by its gradient, without constants; then the growth factor of the
/// file.
fn sizes(model: &ModelProto) -> Result<String> {
    let (prepared, shapes) = prepare(model.clone(), &Request::default())?;
    let options = Options { variant: Variant::OnnxRuntime, ..Options::default() };
    let made = differentiate(&prepared, &shapes, &options)?;
    let nodes = |model: &ModelProto| {
        let nodes = model.graph.iter().flat_map(|graph| &graph.node);
        nodes.filter(|node| node.op_type() != "Constant").count()
    };
    let (before, after) = (nodes(model), nodes(&made));
    let multiple = made.encoded_len() as f64 / model.encoded_len() as f64;
    Ok(format!("{before} {:+} | {multiple:.2}x", after as i64 - before as i64))
}

fn measured(name: &str, model: &ModelProto, source: &ModelSource, device: Device) -> Result<Measured> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let options = SessionOptions { device, precision: Precision::F32, threads };
    let mut classifier = source.compile(device, &Method::default())?.open(&options)?;
    let reference = Reference::of(name);
    let errors = reference.errors(&mut classifier);
    let (mut plain, shape) = forward(model, &options)?;
    let picture = reference.picture(shape.iter().product());
    let (forward, gradient) = medians(&mut plain, &mut classifier, shape, &picture)?;
    Ok(Measured { errors, forward, gradient })
}

/// A session of the network alone, and the shape of its input.
fn forward(model: &ModelProto, options: &SessionOptions) -> Result<(Session, [usize; 4])> {
    let (mut prepared, shapes) = prepare(model.clone(), &Request::default())?;
    let shape = shapes.tensors[&shapes.image].shape.clone();
    let fixed = ValueInfoProto::fixed(&shapes.image, DataType::Float, &shape);
    let inputs = prepared.graph.iter_mut().flat_map(|graph| &mut graph.input);
    inputs.filter(|input| input.name() == shapes.image).for_each(|input| *input = fixed.clone());
    let session = Runtime::get()?.session(&prepared.encode_to_vec(), options)?;
    Ok((session, [shape[0], shape[1], shape[2], shape[3]]))
}

/// Median milliseconds of the forward pass alone and of scores with gradient. The first run warms up and is not
/// counted.
fn medians(plain: &mut Session, classifier: &mut Classifier, shape: [usize; 4], picture: &[f32]) -> Result<(f64, f64)> {
    let (mut forward, mut gradient) = (Vec::new(), Vec::new());
    for _ in 0..=RUNS {
        let start = Instant::now();
        plain.run(ort::inputs![TensorRef::from_array_view((shape, picture))?])?;
        forward.push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        classifier.run(picture, None)?;
        gradient.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok((median(&mut forward[1..]), median(&mut gradient[1..])))
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
