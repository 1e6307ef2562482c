//! Prepares a classifier's file for differentiation and finds the shapes of all its values.

pub(crate) mod bounds;
pub(crate) mod conditional_loops;
pub(crate) mod half_precision;
pub(crate) mod image_input;
pub(crate) mod probe;
pub(crate) mod request;
pub(crate) mod scans;
pub(crate) mod sequences;

use std::collections::{HashMap, HashSet};

use crate::branches;
use crate::differentiate::check_opset;
use crate::error::{Error, Result};
use crate::normal_form::write_out::{scale_back, steps_first};
use crate::onnx::{self, GraphProto, ModelProto, NodeProto, TensorProto};
use crate::score::binary_head;
use crate::score::choice;
use crate::types::Shapes;
use half_precision::widen;
use probe::{Probe, ProbeInput, ProbeInputs, ProbedValue, no_graph};
use request::Request;
use sequences::write_out_sequences;

/// Prepares a classifier for [`differentiate`](crate::differentiate()): inlines its functions,
/// writes out known branches, loops and sequences as plain nodes, and finds its shapes. Half
/// precision becomes float32, also at inputs and outputs, and quantised outputs the floats that they
/// stand for.
///
/// `run` runs a [`Probe`] once, in any runtime, and returns its values. It is called again after
/// something was written out.
///
/// # Errors
/// [`Error::Graph`] if the model does not take exactly one image, has no scores `[N, classes]` or several outputs that
/// are as likely to hold them, or not the requested output, or has functions that call themselves. [`Error::Request`]
/// if it does not take images of the requested size. Also returns the errors of `run`.
pub fn prepare<E: From<Error>>(
    model: ModelProto,
    request: &Request,
    run: impl FnMut(Probe) -> Result<Vec<ProbedValue>, E>,
) -> Result<(ModelProto, Shapes), E> {
    let opset = onnx::opset(&model);
    let mut image = String::new();
    let inputs = |graph: &GraphProto| {
        let (name, inputs) = image_probe(graph, request)?;
        image = name;
        Ok(inputs)
    };
    let (mut model, mut shapes) = expand(model, inputs, run)?;
    shapes.image = image;
    let graph = model.graph.as_mut().ok_or_else(no_graph)?;
    shapes.output = match &request.output {
        Some(output) => choice::traced(graph, &shapes, opset, output).select(graph, &mut shapes, opset)?,
        None => choice::choose(graph, &mut shapes, opset, request)?,
    };
    binary_head::complete(graph, &mut shapes, opset)?;
    Ok((model, shapes))
}

/// The name of the image input, and what a classifier is probed with.
fn image_probe(graph: &GraphProto, request: &Request) -> Result<(String, ProbeInputs)> {
    let (name, kind) = image_input::image(graph, request)?;
    let inputs = vec![ProbeInput { name: name.clone(), kind, data: None }];
    // Where the size is open, another size may run.
    let remedy = if image_input::is_free(graph) { "give the picture's --size" } else { "export the model again" };
    Ok((name, ProbeInputs { inputs, remedy }))
}

/// Inlines a model's functions, writes out known branches, loops and sequences as plain nodes, and finds the shapes of
/// all its values. `choose` fixes the inputs that it is probed with.
///
/// # Errors
/// Those of [`prepare`], of `choose` and of `run`.
pub(crate) fn expand<E: From<Error>>(
    mut model: ModelProto,
    choose: impl FnOnce(&GraphProto) -> Result<ProbeInputs>,
    mut run: impl FnMut(Probe) -> Result<Vec<ProbedValue>, E>,
) -> Result<(ModelProto, Shapes), E> {
    check_opset(onnx::opset(&model))?;
    widen(&mut model);
    onnx::inline_functions(&mut model)?;
    model.graph.iter_mut().for_each(onnx::hoist_constants);
    let opset = onnx::opset(&model);
    let graph = model.graph.as_mut().ok_or_else(no_graph)?;
    steps_first(graph);
    scale_back(graph);
    onnx::sort(graph)?;
    // Before the first run, because ONNX Runtime is slow with nested branches and does not return from long loops.
    while write_out(graph, &Shapes::default(), opset)? {}
    refuse_unfit(graph)?;
    bounds::check(graph, &HashMap::new())?;
    let inputs = choose(graph)?;
    let lengths = loop_lengths(&model, &inputs, &mut run)?;
    bounds::check(model.graph.as_ref().ok_or_else(no_graph)?, &lengths)?;
    let mut run = |mut probe: Probe| -> Result<Vec<ProbedValue>, E> {
        let graph = probe.model.graph.as_mut();
        let uncertain = graph.map(|graph| bounds::limit_rounds(graph, &lengths)).unwrap_or_default();
        let mut values = run(probe)?;
        values.iter_mut().filter(|value| uncertain.contains(&value.name)).for_each(|value| value.data = None);
        Ok(values)
    };
    let mut shapes = probe(&model, &inputs, &mut run)?;
    while let Some(graph) = &mut model.graph
        && write_out(graph, &shapes, opset)?
    {
        shapes = probe(&model, &inputs, &mut run)?;
    }
    if let Some((opened, found)) = with_branches(&model, &shapes, opset, |model| probe(model, &inputs, &mut run))? {
        (model, shapes) = (opened, found);
    }
    Ok((model, shapes))
}

/// The model with branches that can be differentiated, also for loops that the picture may end, and the shapes of all
/// values in them. `None` if it has no branches, or if one of them does not run where it is not taken.
fn with_branches<E: From<Error>>(
    model: &ModelProto,
    shapes: &Shapes,
    opset: i64,
    mut probe: impl FnMut(&ModelProto) -> Result<Shapes, E>,
) -> Result<Option<(ModelProto, Shapes)>> {
    let graph = model.graph.as_ref().ok_or_else(no_graph)?;
    if !graph.node.iter().any(|node| node.is("If") || node.is("Loop")) {
        return Ok(None);
    }
    let mut opened = model.clone();
    conditional_loops::as_branches(opened.graph.as_mut().ok_or_else(no_graph)?, shapes);
    loop {
        let graph = opened.graph.as_mut().ok_or_else(no_graph)?;
        branches::open(graph);
        onnx::sort(graph)?;
        let node = branches::all_running(&graph.node);
        let running = ModelProto { graph: Some(GraphProto { node, ..graph.clone() }), ..opened.clone() };
        let Ok(found) = probe(&running) else { return Ok(None) };
        // Some conditions may turn out to be the same for all pictures.
        let graph = opened.graph.as_mut().ok_or_else(no_graph)?;
        if !write_out(graph, &found, opset)? {
            return Ok(Some((opened, found)));
        }
    }
}

/// The lengths of loops that other nodes compute, for a black image.
fn loop_lengths<E: From<Error>>(
    model: &ModelProto,
    inputs: &ProbeInputs,
    mut run: impl FnMut(Probe) -> Result<Vec<ProbedValue>, E>,
) -> Result<HashMap<String, i64>, E> {
    let graph = model.graph.as_ref().ok_or_else(no_graph)?;
    let Some(node) = bounds::loop_lengths(graph) else { return Ok(HashMap::new()) };
    let read: HashSet<String> = node.iter().flat_map(onnx::names_read).map(str::to_owned).collect();
    let initializer = graph.initializer.iter().filter(|tensor| read.contains(tensor.name())).cloned().collect();
    // Old files list their weights among the inputs, too.
    let is_given = |name: &str| read.contains(name) || graph.initializer.iter().all(|tensor| tensor.name() != name);
    let input = graph.input.iter().filter(|input| is_given(input.name())).cloned().collect();
    let before = GraphProto { name: graph.name.clone(), input, initializer, node, ..Default::default() };
    let before = ModelProto {
        ir_version: model.ir_version,
        opset_import: model.opset_import.clone(),
        graph: Some(before),
        ..Default::default()
    };
    let values = run(Probe::new(&before, inputs)?.0)?.into_iter();
    let length = |value: ProbedValue| {
        let tensor = TensorProto::from_raw(&value.name, value.kind.dtype, &value.kind.shape, value.data?);
        Some((value.name, onnx::single(&tensor)?))
    };
    Ok(values.filter_map(length).collect())
}

/// Writes out what is known about branches, loops and sequences. Returns whether there was anything.
fn write_out(graph: &mut GraphProto, shapes: &Shapes, opset: i64) -> Result<bool> {
    let scans = scans::as_loops(graph, shapes, opset);
    let flow = onnx::write_out_control_flow(graph, &shapes.constants, opset);
    Ok(write_out_sequences(graph, shapes, opset)? || flow || scans)
}

/// The shapes of a model that is not changed: what [`prepare`] finds, without its changes. A
/// requested output is used as a whole, without an index.
///
/// # Errors
/// The same as [`prepare`].
pub fn find_shapes<E: From<Error>>(
    model: &ModelProto,
    request: &Request,
    run: impl FnMut(Probe) -> Result<Vec<ProbedValue>, E>,
) -> Result<Shapes, E> {
    let (image, inputs) = image_probe(model.graph.as_ref().ok_or_else(no_graph)?, request)?;
    let mut shapes = probe(model, &inputs, run)?;
    shapes.image = image;
    shapes.output = match &request.output {
        Some(output) => output.name.clone(),
        None => {
            let mut graph = model.graph.clone().ok_or_else(no_graph)?;
            choice::choose(&mut graph, &mut shapes, onnx::opset(model), request)?
        }
    };
    Ok(shapes)
}

fn probe<E: From<Error>>(
    model: &ModelProto,
    inputs: &ProbeInputs,
    mut run: impl FnMut(Probe) -> Result<Vec<ProbedValue>, E>,
) -> Result<Shapes, E> {
    let (probe, reader) = Probe::new(model, inputs)?;
    Ok(reader.shapes(run(probe)?))
}

/// Returns an error for what ONNX Runtime 1.24 would hang or crash on, and for sparse weights,
/// which are not supported.
fn refuse_unfit(graph: &GraphProto) -> Result<()> {
    if let Some(node) = onnx::endless_loop(graph) {
        return Err(Error::Graph(format!("node {} (Loop) never ends; export the model again", node.label())));
    }
    if let Some(tensor) = graph.sparse_initializer.first().and_then(|tensor| tensor.values.as_ref()) {
        let problem = format!("the weights {} are sparse, which is not supported; export them dense", tensor.name());
        return Err(Error::Graph(problem));
    }
    let windowed = |node: &&NodeProto| node.op_type().ends_with("Pool") || node.op_type().starts_with("Conv");
    match graph.node.iter().filter(|node| node.is_standard()).filter(windowed).find_map(impossible_window) {
        Some(problem) => Err(Error::Graph(problem)),
        None => Ok(()),
    }
}

/// Describes an impossible window geometry, because ONNX Runtime 1.24 crashes with a segmentation
/// fault on negative padding.
fn impossible_window(node: &NodeProto) -> Option<String> {
    let least = [("pads", 0), ("output_padding", 0), ("kernel_shape", 1), ("strides", 1), ("dilations", 1)];
    let below = |(name, least): &(&str, i64)| node.ints(name).is_some_and(|all| all.iter().any(|value| value < least));
    let (name, least) = least.into_iter().find(below)?;
    Some(format!("node {} ({}) has {name} below {least}; export the model again", node.label(), node.op_type()))
}
