//! Makes a classifier ready to be differentiated, and finds the shapes of its values by running it once in ONNX Runtime.

use std::collections::HashSet;

use ort::value::{DynValue, PrimitiveTensorElementType, Tensor, TensorElementType, ValueType};

use super::output::ScoreOutput;
use super::session::session;
use crate::grad::{Shapes, TensorType};
use crate::onnx::{self, DataType, GraphProto, ModelProto, TensorProto, ValueInfoProto};
use crate::runtime::{Device, Precision, SessionOptions};
use crate::{Error, Result};

/// Width and height in pixels for a model that takes any.
const DEFAULT_SIZE: usize = 224;

/// The longest side of a picture, in pixels.
pub const LONGEST_SIDE: usize = 4096;

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
    onnx::inline_functions(&mut model)?;
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

fn no_graph() -> Error {
    Error::Graph("the model has no graph; export it again".into())
}

/// The shapes of all values; which output holds the scores stays open.
pub(super) fn run(model: &ModelProto, request: &Request) -> Result<Shapes> {
    let graph = model.graph.as_ref().ok_or_else(no_graph)?;
    let (image, kind) = image(graph, request)?;
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
    let refused = |error| foreign(graph).unwrap_or(error);
    let mut session = session(all, &options).map_err(refused)?;
    let values = session.run(ort::inputs![&*image => picture(&kind)?])?;
    let mut shapes = Shapes { image: image.clone(), ..Default::default() };
    shapes.tensors.insert(image, kind);
    let varying = varying(graph, &shapes.image);
    for (name, value) in values.iter() {
        record(&mut shapes, name, &value.view(), !varying.contains(name));
    }
    Ok(shapes)
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

/// Name and fixed type of the image input.
fn image(graph: &GraphProto, request: &Request) -> Result<(String, TensorType)> {
    let weights: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name()).collect();
    let inputs: Vec<_> = graph.input.iter().filter(|input| !weights.contains(input.name())).collect();
    let images: Vec<_> = inputs.iter().filter_map(|input| Some((input.name(), image_sizes(input)?))).collect();
    let names = || inputs.iter().map(|input| input.name()).collect::<Vec<_>>().join(", ");
    match images.as_slice() {
        [(name, sizes)] if inputs.len() == 1 => Ok((name.to_string(), sizes.settle(request)?)),
        [] if inputs.iter().any(|input| is_grey(input)) => {
            Err(Error::Graph("the model takes grey pictures; give a classifier of colour pictures".into()))
        }
        [] => Err(Error::Graph(format!(
            "the model has no image input (float32, 4 axes, 3 channels), only: {}; give an image classifier",
            inputs.iter().map(|input| described(input)).collect::<Vec<_>>().join(", ")
        ))),
        _ => Err(Error::Graph(format!("the model has more inputs than one image: {}; export it with one", names()))),
    }
}

/// Name, type and sizes of an input.
fn described(input: &ValueInfoProto) -> String {
    let Some((dtype, sizes)) = input.tensor() else { return format!("{} (no tensor)", input.name()) };
    let sizes: Vec<_> = sizes.iter().map(|size| size.map_or_else(|| "?".into(), |size| size.to_string())).collect();
    format!("{} ({} {})", input.name(), dtype.as_str_name().to_lowercase(), sizes.join("x"))
}

/// The sizes of an image input: what the file fixes.
struct ImageSizes {
    dtype: DataType,
    channels_last: bool,
    /// Height and width.
    sides: [Option<usize>; 2],
}

impl ImageSizes {
    fn settle(&self, request: &Request) -> Result<TensorType> {
        if let Some(size) = request.size
            && size.iter().zip(self.sides).any(|(wanted, fixed)| fixed.is_some_and(|fixed| fixed != *wanted))
        {
            let [height, width] = self.sides.map(|side| side.map_or_else(|| "any".into(), |side| side.to_string()));
            return Err(Error::Usage(format!(
                "--size {}x{}: the model takes pictures of {width}x{height}; export it with free sizes",
                size[1], size[0]
            )));
        }
        let size = request.size.unwrap_or(self.sides.map(|side| side.unwrap_or(DEFAULT_SIZE)));
        if size.iter().any(|side| *side > LONGEST_SIDE) {
            return Err(Error::Graph(format!(
                "the picture would be {}x{}, and its sides may be up to {LONGEST_SIDE} long; export it with a smaller size",
                size[1], size[0]
            )));
        }
        let shape = match self.channels_last {
            true => vec![request.batch, size[0], size[1], 3],
            false => vec![request.batch, 3, size[0], size[1]],
        };
        Ok(TensorType { dtype: self.dtype, shape })
    }
}

/// What the file says of the input's sizes, if it can be an image.
fn image_sizes(input: &ValueInfoProto) -> Option<ImageSizes> {
    let (dtype, sizes) = input.tensor()?;
    let [_, b, c, d] = *sizes.as_slice() else { return None };
    let (channels_last, sides) = match (b, d) {
        (Some(3), _) => (false, [c, d]),
        (_, Some(3)) => (true, [b, c]),
        (None, _) => (false, [c, d]),
        _ => return None,
    };
    matches!(dtype, DataType::Float | DataType::Double).then_some(ImageSizes { dtype, channels_last, sides })
}

/// What the user should know where the file leaves the picture's size open and nobody settled it.
pub(super) fn note_on_size(graph: &GraphProto, request: &Request) -> Option<String> {
    let free = graph.input.iter().find_map(image_sizes)?.sides.contains(&None);
    let side = DEFAULT_SIZE;
    (free && request.size.is_none())
        .then(|| format!("the model takes pictures of any size; fixed at {side}x{side}, say otherwise by --size"))
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
