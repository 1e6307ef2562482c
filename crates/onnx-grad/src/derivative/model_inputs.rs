//! The inputs of any model: their types, and which of them a derivative is meant by.

use std::collections::{HashMap, HashSet};

use crate::derivative::{Batch, Derivative};
use crate::error::{Error, Result};
use crate::onnx::tensor_shape_proto::dimension::Value as Size;
use crate::onnx::{self, DataType, GraphProto, TensorProto, ValueInfoProto, type_proto};
use crate::prepare::probe::{ProbeInput, ProbeInputs};
use crate::types::{Shapes, TensorType};

/// The largest number of elements of an input: more than any runtime takes.
const MAX_ELEMENTS: usize = 1 << 32;

/// Turns inputs that have a default, but are asked for, into plain inputs.
pub fn free_defaults(graph: &mut GraphProto, wanted: &Derivative) {
    let asked = |name: &str| wanted.inputs.contains_key(name) || wanted.wrt.iter().any(|other| other == name);
    let inputs: HashSet<String> = graph.input.iter().map(|input| input.name().to_owned()).collect();
    graph.initializer.retain(|tensor| !(inputs.contains(tensor.name()) && asked(tensor.name())));
}

/// The inputs that are not weights.
pub fn plain(graph: &GraphProto) -> impl Iterator<Item = &ValueInfoProto> {
    let weights: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name()).collect();
    graph.input.iter().filter(move |input| !weights.contains(input.name()))
}

/// The inputs whose first axis the file leaves open.
pub fn free_batches(graph: &GraphProto, wanted: &Derivative) -> Vec<String> {
    let open = |input: &&ValueInfoProto| match input.tensor() {
        Some((_, sizes)) => sizes.first().is_some_and(Option::is_none),
        None => wanted.inputs.get(input.name()).is_some_and(|given| !given.shape.is_empty()),
    };
    plain(graph).filter(open).map(|input| input.name().to_owned()).collect()
}

/// Fixes the types of all inputs.
///
/// # Errors
/// [`Error::Request`] if sizes remain open, or if those that were given do not fit.
pub fn fix(graph: &GraphProto, wanted: &Derivative, batch: usize) -> Result<ProbeInputs> {
    if let Some(name) = wanted.inputs.keys().filter(|name| !plain(graph).any(|input| input.name() == *name)).min() {
        let names: Vec<&str> = plain(graph).map(ValueInfoProto::name).collect();
        return Err(Error::Request(format!("the model has no input {name}, only: {}", names.join(", "))));
    }
    let named = named_sizes(graph, wanted);
    let inputs = plain(graph).map(|input| fix_one(input, wanted, &named, batch)).collect::<Result<_>>()?;
    let remedy = match wanted.batch {
        Batch::Free => "the batch cannot be free, so ask for a fixed one, such as 1",
        Batch::Fixed(_) => "give other shapes, or export the model again",
    };
    Ok(ProbeInputs { inputs, remedy })
}

/// The sizes that the given shapes imply for the file's named axes.
fn named_sizes<'a>(graph: &'a GraphProto, wanted: &Derivative) -> HashMap<&'a str, usize> {
    let mut sizes = HashMap::new();
    for input in plain(graph) {
        let given = wanted.inputs.get(input.name()).map(|given| given.shape.as_slice()).unwrap_or_default();
        let axes = names_of_axes(input).into_iter().zip(given);
        sizes.extend(axes.filter_map(|(name, size)| Some((name?, *size))));
    }
    sizes
}

fn names_of_axes(input: &ValueInfoProto) -> Vec<Option<&str>> {
    let kind = input.r#type.as_ref().and_then(|kind| kind.value.as_ref());
    let Some(type_proto::Value::TensorType(tensor)) = kind else { return Vec::new() };
    let axes = tensor.shape.iter().flat_map(|shape| &shape.dim);
    let name = |size: &'_ Option<Size>| matches!(size, Some(Size::DimParam(name)) if !name.is_empty());
    axes.map(|axis| match &axis.value {
        Some(Size::DimParam(text)) if name(&axis.value) => Some(text.as_str()),
        _ => None,
    })
    .collect()
}

fn fix_one(
    input: &ValueInfoProto,
    wanted: &Derivative,
    named: &HashMap<&str, usize>,
    batch: usize,
) -> Result<ProbeInput> {
    let name = input.name().to_owned();
    let given = wanted.inputs.get(&name);
    let dtype = element_type(input).ok_or_else(|| {
        Error::Graph(format!("the input {name} is not a tensor, which cannot be fed; export the model without it"))
    })?;
    let declared = input.tensor().map(|(_, sizes)| sizes);
    let shape = match (given, declared) {
        (Some(given), None) => given.shape.clone(),
        (Some(given), Some(sizes)) => {
            let fits = |(size, fixed): (&usize, &Option<usize>)| fixed.is_none_or(|fixed| fixed == *size);
            if given.shape.len() != sizes.len() || !given.shape.iter().zip(&sizes).all(fits) {
                let problem = format!("the input {name} takes {}, not {:?}", described(&sizes, input), given.shape);
                return Err(Error::Request(format!("{problem}; give a shape that fits, or export the model again")));
            }
            given.shape.clone()
        }
        (None, Some(sizes)) => {
            let axes = names_of_axes(input);
            let size = |(axis, size): (usize, &Option<usize>)| {
                let known = axes.get(axis).copied().flatten().and_then(|name| named.get(name)).copied();
                size.or(known).or((axis == 0).then_some(batch))
            };
            let settled: Option<Vec<usize>> = sizes.iter().enumerate().map(size).collect();
            settled.ok_or_else(|| {
                let problem = format!("the input {name} takes {}, which is open", described(&sizes, input));
                Error::Request(format!("{problem}; give its shape, such as {name}={}", example(&sizes, wanted)))
            })?
        }
        (None, None) => {
            let problem = format!("the file does not say the shape of the input {name}");
            return Err(Error::Request(format!("{problem}; give it, such as {name}=1x3x224x224")));
        }
    };
    if shape.contains(&0)
        || shape.iter().try_fold(1usize, |all, n| all.checked_mul(*n)).is_none_or(|n| n > MAX_ELEMENTS)
    {
        return Err(Error::Request(format!("the input {name} cannot be {shape:?}; give a smaller shape without 0")));
    }
    let data = given.and_then(|given| given.data.as_ref()).map(|data| elements(&name, data, dtype)).transpose()?;
    Ok(ProbeInput { name, kind: TensorType { dtype, shape }, data })
}

/// The elements of a sample in the type of its input.
fn elements(name: &str, data: &TensorProto, dtype: DataType) -> Result<Vec<u8>> {
    let found = data.dtype();
    if found == dtype {
        return Ok(data.raw_data().to_vec());
    }
    // A model in half precision may be differentiated in single precision.
    if found.is_float() && matches!(dtype, DataType::Float | DataType::Double) {
        return Ok(TensorProto::from_reals(name, dtype, &data.shape()?, &data.reals()?).raw_data().to_vec());
    }
    let [found, taken] = [found, dtype].map(|dtype| dtype.as_str_name().to_lowercase());
    Err(Error::Request(format!("the sample of the input {name} is {found}, and it takes {taken}; convert it")))
}

/// Element type of an input that is a tensor.
fn element_type(input: &ValueInfoProto) -> Option<DataType> {
    match input.r#type.as_ref()?.value.as_ref()? {
        type_proto::Value::TensorType(tensor) => DataType::try_from(tensor.elem_type()).ok(),
        _ => None,
    }
}

/// Sizes as in `Nx3xHxW`.
fn described(sizes: &[Option<usize>], input: &ValueInfoProto) -> String {
    let axes = names_of_axes(input);
    let name = |axis: usize| axes.get(axis).copied().flatten().unwrap_or("?").to_owned();
    let size = |(axis, size): (usize, &Option<usize>)| size.map_or_else(|| name(axis), |size| size.to_string());
    let all: Vec<String> = sizes.iter().enumerate().map(size).collect();
    if all.is_empty() { "one number".into() } else { all.join("x") }
}

/// A shape that fits: sides of 224.
fn example(sizes: &[Option<usize>], wanted: &Derivative) -> String {
    let batch = if let Batch::Fixed(batch) = wanted.batch { batch } else { 1 };
    let size = |(axis, size): (usize, &Option<usize>)| size.unwrap_or(if axis == 0 { batch } else { 224 }).to_string();
    sizes.iter().enumerate().map(size).collect::<Vec<_>>().join("x")
}

/// The values to differentiate by, and notes on those that stand for an input.
///
/// # Errors
/// [`Error::Request`] if it is not clear which value is meant, or if it has no gradient.
pub fn differentiable(graph: &GraphProto, shapes: &Shapes, names: &[String]) -> Result<(Vec<String>, Vec<String>)> {
    let names: Vec<String> = match names {
        [] => vec![only_input(graph, shapes)?],
        names => names.to_vec(),
    };
    let mut notes = Vec::new();
    let mut values = Vec::new();
    for name in names {
        let kind = shapes.tensors.get(&name).ok_or_else(|| missing(graph, &name))?;
        let value = if kind.dtype.is_float() { name } else { behind_cast(graph, shapes, &name, &mut notes)? };
        if values.contains(&value) {
            return Err(Error::Request(format!("{value} is named twice; name it once")));
        }
        values.push(value);
    }
    Ok((values, notes))
}

fn missing(graph: &GraphProto, name: &str) -> Error {
    let names: Vec<&str> = plain(graph).map(ValueInfoProto::name).collect();
    Error::Request(format!("the model has no value {name} to differentiate by; its inputs are: {}", names.join(", ")))
}

/// The only floating-point input, or the only input.
fn only_input(graph: &GraphProto, shapes: &Shapes) -> Result<String> {
    let all: Vec<&str> = plain(graph).map(ValueInfoProto::name).collect();
    let is_float = |name: &&&str| shapes.tensors.get(**name).is_some_and(|kind| kind.dtype.is_float());
    let floats: Vec<&str> = all.iter().filter(is_float).copied().collect();
    match (floats.as_slice(), all.as_slice()) {
        ([name], _) | ([], [name]) => Ok(name.to_string()),
        ([], []) => Err(Error::Request("the model has no input to differentiate by".into())),
        ([], names) | (names, _) => Err(Error::Request(format!(
            "the model has several inputs; name by which to differentiate (wrt): {}",
            names.join(", ")
        ))),
    }
}

/// The floating-point value that an input of integers is converted to.
fn behind_cast(graph: &GraphProto, shapes: &Shapes, name: &str, notes: &mut Vec<String>) -> Result<String> {
    let dtype = shapes.tensors.get(name).map(|kind| kind.dtype.as_str_name().to_lowercase()).unwrap_or_default();
    let mut reached = HashSet::from([name]);
    let mut found = Vec::new();
    for node in graph.node.iter().filter(|node| !node.is("Shape") && !node.is("Size")) {
        if !onnx::names_read(node).iter().any(|name| reached.contains(name)) {
            continue;
        }
        for output in node.output.iter().map(String::as_str) {
            match shapes.tensors.get(output) {
                Some(kind) if kind.dtype.is_float() => found.push((output, node)),
                _ => drop(reached.insert(output)),
            }
        }
    }
    match found.as_slice() {
        [(value, node)] => {
            notes.push(format!(
                "{name} is {dtype}, which has no gradient; the gradient is that by {value}, the result of node {} ({})",
                node.label(),
                node.op_type()
            ));
            Ok(value.to_string())
        }
        [] => Err(Error::Request(format!("{name} is {dtype}, which has no gradient; name a floating-point value"))),
        several => {
            let names: Vec<&str> = several.iter().map(|(value, _)| *value).take(5).collect();
            Err(Error::Request(format!(
                "{name} is {dtype}, which has no gradient; name one of the floating-point values made of it: {}",
                names.join(", ")
            )))
        }
    }
}
