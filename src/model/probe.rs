//! Finds the shapes of all values of a classifier by running it once in ONNX Runtime.

use std::collections::HashSet;

use ort::value::{DynValue, Tensor, TensorElementType, ValueType};
use prost::Message;

use crate::grad::{Shapes, TensorType};
use crate::onnx::{self, DataType, GraphProto, ModelProto, ValueInfoProto};
use crate::runtime::{Device, Precision, Runtime, SessionOptions};
use crate::{Error, Result};

/// Width and height in pixels for a model that takes any.
const DEFAULT_SIZE: usize = 224;

/// Integer tensors up to this many elements are arguments of other operators, such as shapes.
const SMALL: usize = 64;

/// Runs the classifier once on an empty picture with every intermediate value as an output.
///
/// Free sizes of the image are fixed: `batch` pictures of 3 channels, 224 x 224 pixels.
///
/// # Errors
/// [`Error::Graph`] where the model does not take exactly one image or has no output `[N, classes]`;
/// [`Error::Runtime`] where it does not run.
pub fn probe(model: &ModelProto, batch: usize) -> Result<Shapes> {
    let graph = model.graph.as_ref().ok_or_else(|| Error::Graph("the model has no graph; export it again".into()))?;
    let (image, kind) = image(graph, batch)?;
    let mut all = model.clone();
    if let Some(graph) = &mut all.graph {
        for input in graph.input.iter_mut().filter(|input| input.name() == image) {
            *input = ValueInfoProto::fixed(&image, kind.dtype, &kind.shape);
        }
        graph.value_info.clear();
        graph.output =
            made(graph).map(|name| ValueInfoProto { name: Some(name.into()), ..Default::default() }).collect();
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let options = SessionOptions { device: Device::Cpu, precision: Precision::F32, threads };
    let bytes = all.encode_to_vec();
    // Two copies of the weights less while the session takes its memory, and while it runs.
    drop(all);
    let refused = |error| foreign(graph).unwrap_or(error);
    let mut session = Runtime::get()?.session(&bytes, &options).map_err(refused)?;
    drop(bytes);
    let values = session.run(ort::inputs![&*image => picture(&kind)?])?;
    let mut shapes = Shapes { image: image.clone(), ..Default::default() };
    shapes.tensors.insert(image, kind);
    let varying = varying(graph, &shapes.image);
    for (name, value) in values.iter() {
        record(&mut shapes, name, &value.view(), !varying.contains(name));
    }
    shapes.output = scores(graph, &shapes)?;
    Ok(shapes)
}

/// An error that names every operator outside the standard domain, where there are any: ONNX Runtime names the first
/// that it does not know.
fn foreign(graph: &GraphProto) -> Option<Error> {
    let custom = graph.node.iter().filter(|node| !matches!(node.domain(), "" | "ai.onnx"));
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

/// Name and fixed type of the image input.
fn image(graph: &GraphProto, batch: usize) -> Result<(String, TensorType)> {
    let weights: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name()).collect();
    let inputs: Vec<_> = graph.input.iter().filter(|input| !weights.contains(input.name())).collect();
    let images: Vec<_> = inputs.iter().filter_map(|input| Some((input.name(), image_type(input, batch)?))).collect();
    let names = || inputs.iter().map(|input| input.name()).collect::<Vec<_>>().join(", ");
    match images.as_slice() {
        [(name, kind)] if inputs.len() == 1 => Ok((name.to_string(), kind.clone())),
        [] if inputs.iter().any(|input| is_grey(input)) => {
            Err(Error::Graph("the model takes grey pictures; give a classifier of colour pictures".into()))
        }
        [] => Err(Error::Graph(format!(
            "the model has no image input (float32, 4 axes, 3 channels), only: {}; give an image classifier",
            names()
        ))),
        _ => Err(Error::Graph(format!("the model has more inputs than one image: {}; export it with one", names()))),
    }
}

/// The input's type with its free sizes fixed, if it can be an image.
fn image_type(input: &ValueInfoProto, batch: usize) -> Option<TensorType> {
    let (dtype, sizes) = input.tensor()?;
    let [_, b, c, d] = *sizes.as_slice() else { return None };
    let side = |size: Option<usize>| size.unwrap_or(DEFAULT_SIZE);
    let shape = match (b, d) {
        (Some(3), _) => vec![batch, 3, side(c), side(d)],
        (_, Some(3)) => vec![batch, side(b), side(c), 3],
        (None, _) => vec![batch, 3, side(c), side(d)],
        _ => return None,
    };
    matches!(dtype, DataType::Float | DataType::Double).then_some(TensorType { dtype, shape })
}

/// Whether the input is a picture of one channel.
fn is_grey(input: &ValueInfoProto) -> bool {
    matches!(input.tensor(), Some((_, sizes)) if matches!(sizes[..], [_, Some(1), _, _] | [_, _, _, Some(1)]))
}

/// The values that depend on the picture's contents, not on its shape alone.
fn varying(graph: &GraphProto, image: &str) -> HashSet<String> {
    let mut names = HashSet::from([image.to_owned()]);
    // Twice, because nodes may come in any order, and exporters write them nearly sorted; a cycle fails elsewhere.
    for node in graph.node.iter().chain(&graph.node).filter(|node| !node.is("Shape") && !node.is("Size")) {
        if onnx::names_read(node).iter().any(|name| names.contains(*name)) {
            names.extend(node.output.iter().cloned());
        }
    }
    names
}

fn record(shapes: &mut Shapes, name: &str, value: &DynValue, fixed: bool) {
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else { return };
    let shape: Vec<usize> = shape.iter().map(|size| usize::try_from(*size).unwrap_or(0)).collect();
    if fixed && shape.iter().product::<usize>() <= SMALL {
        let wide = value.try_extract_tensor::<i64>().map(|(_, values)| values.to_vec()).ok();
        let narrow =
            || value.try_extract_tensor::<i32>().ok().map(|(_, values)| values.iter().map(|v| i64::from(*v)).collect());
        if let Some(values) = wide.or_else(narrow) {
            shapes.integers.insert(name.into(), values);
        }
    }
    shapes.tensors.insert(name.into(), TensorType { dtype: dtype(*ty), shape });
}

fn dtype(kind: TensorElementType) -> DataType {
    match kind {
        TensorElementType::Float32 => DataType::Float,
        TensorElementType::Float64 => DataType::Double,
        TensorElementType::Float16 => DataType::Float16,
        TensorElementType::Bfloat16 => DataType::Bfloat16,
        TensorElementType::Int64 => DataType::Int64,
        TensorElementType::Int32 => DataType::Int32,
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
        "the model has no output [N, classes] of scores, only: {}; give an image classifier",
        found.join(", ")
    )))
}
