//! Makes a classifier ready to be differentiated, and finds the shapes of its values by running it once in ONNX Runtime.

use std::collections::HashSet;

use ort::session::RunOptions;
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor, TensorElementType, ValueType};

use super::image;
use super::output::ScoreOutput;
use super::session::{run_once, session};
use crate::grad::{self, Shapes, TensorType};
use crate::machine::cores;
use crate::onnx::{self, DataType, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use crate::runtime::{Device, Precision, SessionOptions};
use crate::{Error, Result};

/// Values up to this many elements are worth keeping where they are always the same.
const SMALL: usize = 4096;

/// What to settle where a classifier's file leaves it open.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Pictures at a time, at least 1.
    pub batch: usize,
    /// Height and width of the picture in pixels; none takes the file's own, or 224 x 224 where it takes any.
    pub size: Option<[usize; 2]>,
    /// The output of class scores; none takes the first `[N, classes]`.
    pub output: Option<ScoreOutput>,
}

impl Default for Request {
    fn default() -> Self {
        Self { batch: 1, size: None, output: None }
    }
}

/// Makes a classifier ready for [`differentiate`](crate::grad::differentiate): its functions and known branches written
/// out, its shapes found.
///
/// # Errors
/// Those of [`probe`]; [`Error::Graph`] where functions call themselves or the output that was asked for is not there.
pub fn prepare(mut model: ModelProto, request: &Request) -> Result<(ModelProto, Shapes)> {
    grad::check_opset(onnx::opset(&model))?;
    onnx::inline_functions(&mut model)?;
    model.graph.iter_mut().for_each(onnx::hoist_constants);
    refuse_unfit(model.graph.as_ref().ok_or_else(no_graph)?)?;
    let mut shapes = run(&model, request)?;
    while let Some(graph) = &mut model.graph
        && onnx::write_out_control_flow(graph, &shapes.constants)
    {
        shapes = run(&model, request)?;
    }
    let opset = onnx::opset(&model);
    let graph = model.graph.as_mut().ok_or_else(no_graph)?;
    shapes.output = match &request.output {
        Some(output) => output.select(graph, &mut shapes, opset)?,
        None => scores(graph, &shapes)?,
    };
    Ok((model, shapes))
}

/// Runs the classifier once on a black picture with every intermediate value as an output.
///
/// # Errors
/// [`Error::Graph`] where the model does not take exactly one image, has no output `[N, classes]`, or does not run at
/// this batch or size; [`Error::Runtime`] where ONNX Runtime is missing.
pub fn probe(model: &ModelProto, batch: usize) -> Result<Shapes> {
    let mut shapes = run(model, &Request { batch, ..Default::default() })?;
    shapes.output = scores(model.graph.as_ref().ok_or_else(no_graph)?, &shapes)?;
    Ok(shapes)
}

/// Refuses what ONNX Runtime 1.24 would not come back from, and weights of a kind that is not known here.
fn refuse_unfit(graph: &GraphProto) -> Result<()> {
    if let Some(node) = onnx::endless_loop(graph) {
        return Err(Error::Graph(format!("node {} (Loop) never ends; export the model again", node.label())));
    }
    if let Some(tensor) = graph.sparse_initializer.first().and_then(|tensor| tensor.values.as_ref()) {
        let problem = format!("the weights {} are sparse, which is not known here; export them dense", tensor.name());
        return Err(Error::Graph(problem));
    }
    let windowed = |node: &&NodeProto| node.op_type().ends_with("Pool") || node.op_type().starts_with("Conv");
    match graph.node.iter().filter(|node| node.is_standard()).filter(windowed).find_map(impossible_window) {
        Some(problem) => Err(Error::Graph(problem)),
        None => Ok(()),
    }
}

/// What is wrong with a window's geometry: a negative padding ends ONNX Runtime 1.24 by a segmentation fault.
fn impossible_window(node: &NodeProto) -> Option<String> {
    let least = [("pads", 0), ("output_padding", 0), ("kernel_shape", 1), ("strides", 1), ("dilations", 1)];
    let below = |(name, least): &(&str, i64)| node.ints(name).is_some_and(|all| all.iter().any(|value| value < least));
    let (name, least) = least.into_iter().find(below)?;
    Some(format!("node {} ({}) has {name} below {least}; export the model again", node.label(), node.op_type()))
}

fn no_graph() -> Error {
    Error::Graph("the model has no graph; export it again".into())
}

/// The shapes of all values; which output holds the scores stays open.
pub(super) fn run(model: &ModelProto, request: &Request) -> Result<Shapes> {
    let graph = model.graph.as_ref().ok_or_else(no_graph)?;
    let (image, kind) = image::image(graph, request)?;
    let mut all = model.clone();
    let mut changing = HashSet::new();
    if let Some(graph) = &mut all.graph {
        onnx::sort(graph)?;
        changing = varying(graph, &image);
        for input in graph.input.iter_mut().filter(|input| input.name() == image) {
            *input = ValueInfoProto::fixed(&image, kind.dtype, &kind.shape);
        }
        graph.value_info.clear();
        graph.output =
            made(graph).map(|name| ValueInfoProto { name: Some(name.into()), ..Default::default() }).collect();
    }
    let options = SessionOptions { device: Device::Cpu, precision: Precision::F32, threads: cores() };
    let refused = |error| foreign(graph).unwrap_or(error);
    let mut session = session(all, &options).map_err(refused)?;
    let inputs = ort::inputs![&*image => picture(&kind)?].into();
    let options = RunOptions::new()?;
    let values = run_once(&mut session, inputs, &options).map_err(|error| unfit(&error, graph, &kind))?;
    let mut shapes = Shapes { image: image.clone(), ..Default::default() };
    shapes.tensors.insert(image, kind);
    for (name, value) in values.iter() {
        record(&mut shapes, name, &value.view(), !changing.contains(name));
    }
    Ok(shapes)
}

/// An error of the run, and how the picture's sizes may be to blame.
fn unfit(error: &ort::Error, graph: &GraphProto, kind: &TensorType) -> Error {
    let remedy = if image::is_free(graph) { "give the picture's --size" } else { "export the model again" };
    let shape = &kind.shape;
    Error::Graph(format!("does not run on a picture of {shape:?}: {}; {remedy}", crate::error::brief(error)))
}

/// An error that names every operator outside the standard domain, where there are any: ONNX Runtime names the first
/// that it does not know.
fn foreign(graph: &GraphProto) -> Option<Error> {
    let custom = graph.node.iter().filter(|node| !node.is_standard());
    let names: Vec<_> = custom.map(|n| format!("{}::{} (node {})", n.domain(), n.op_type(), n.label())).collect();
    let problem = "does not run in ONNX Runtime; it has operators outside the standard domain";
    let remedy = "export it with standard operators";
    (!names.is_empty()).then(|| Error::Graph(format!("{problem}: {}; {remedy}", names.join(", "))))
}

/// A black picture.
fn picture(kind: &TensorType) -> Result<DynValue> {
    let (shape, count) = (kind.shape.clone(), kind.shape.iter().product());
    Ok(match kind.dtype {
        DataType::Double => Tensor::from_array((shape, vec![0f64; count]))?.into_dyn(),
        _ => Tensor::from_array((shape, vec![0f32; count]))?.into_dyn(),
    })
}

/// The names that nodes make.
fn made(graph: &GraphProto) -> impl Iterator<Item = &str> {
    graph.node.iter().flat_map(|node| &node.output).map(String::as_str).filter(|name| !name.is_empty())
}

/// The values of a sorted graph that depend on the picture's contents, not on its shape alone.
fn varying(graph: &GraphProto, image: &str) -> HashSet<String> {
    let mut names = HashSet::from([image.to_owned()]);
    for node in graph.node.iter().filter(|node| !node.is("Shape") && !node.is("Size")) {
        if onnx::names_read(node).iter().any(|name| names.contains(*name)) {
            names.extend(node.output.iter().cloned());
        }
    }
    names
}

fn record(shapes: &mut Shapes, name: &str, value: &DynValue, fixed: bool) {
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else { return };
    let shape: Vec<usize> = shape.iter().map(|size| usize::try_from(*size).unwrap_or(0)).collect();
    if fixed
        && shape.iter().product::<usize>() <= SMALL
        && let Some(raw) = raw(value)
    {
        let constant = TensorProto::from_raw(name, dtype(*ty), &shape, raw);
        shapes.constants.insert(name.into(), constant);
    }
    shapes.tensors.insert(name.into(), TensorType { dtype: dtype(*ty), shape });
}

/// The elements as a file holds them; none for types that are no numbers.
fn raw(value: &DynValue) -> Option<Vec<u8>> {
    bytes(value, |value: i64| value.to_le_bytes())
        .or_else(|| bytes(value, |value: i32| value.to_le_bytes()))
        .or_else(|| bytes(value, |value: f32| value.to_le_bytes()))
        .or_else(|| bytes(value, |value: f64| value.to_le_bytes()))
        .or_else(|| bytes(value, |value: bool| [u8::from(value)]))
}

fn bytes<T: PrimitiveTensorElementType + Copy, const N: usize>(
    value: &DynValue,
    encode: impl Fn(T) -> [u8; N],
) -> Option<Vec<u8>> {
    Some(value.try_extract_tensor::<T>().ok()?.1.iter().flat_map(|value| encode(*value)).collect())
}

fn dtype(kind: TensorElementType) -> DataType {
    match kind {
        TensorElementType::Float32 => DataType::Float,
        TensorElementType::Float64 => DataType::Double,
        TensorElementType::Float16 => DataType::Float16,
        TensorElementType::Bfloat16 => DataType::Bfloat16,
        TensorElementType::Int64 => DataType::Int64,
        TensorElementType::Int32 => DataType::Int32,
        TensorElementType::Int16 => DataType::Int16,
        TensorElementType::Uint16 => DataType::Uint16,
        TensorElementType::Int8 => DataType::Int8,
        TensorElementType::Uint8 => DataType::Uint8,
        TensorElementType::Bool => DataType::Bool,
        _ => DataType::Undefined,
    }
}

/// The first output of class scores.
fn scores(graph: &GraphProto, shapes: &Shapes) -> Result<String> {
    let batch = shapes.tensors.get(&shapes.image).and_then(|image| image.shape.first().copied());
    let is_scores = |kind: &&TensorType| match kind.shape.as_slice() {
        [n, classes, rest @ ..] => {
            Some(*n) == batch && *classes > 1 && rest.iter().all(|size| *size == 1) && kind.dtype.is_float()
        }
        _ => false,
    };
    let outputs = || graph.output.iter().map(|output| output.name());
    if let Some(name) = outputs().find(|name| shapes.tensors.get(*name).filter(is_scores).is_some()) {
        return Ok(name.into());
    }
    let found: Vec<String> = outputs()
        .map(|name| {
            format!("{name} {:?}", shapes.tensors.get(name).map(|kind| kind.shape.as_slice()).unwrap_or_default())
        })
        .collect();
    Err(Error::Graph(format!(
        "the model has no output [N, classes] of scores, only: {}; give an image classifier, or name an output by \
         --scores",
        found.join(", ")
    )))
}
