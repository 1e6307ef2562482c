//! Constant folding: small constants, transposed weights, and BatchNormalization into the
//! convolution before it.

use std::collections::HashMap;

use crate::error::Result;
use crate::onnx::{self, GraphProto, NodeProto, TensorProto};
use crate::types::Shapes;

/// The convolution's new weights and bias.
type Folded = (TensorProto, TensorProto);

/// Replaces every node whose results are known with initializers.
pub fn constants(graph: &mut GraphProto, shapes: &Shapes) {
    let results = |node: &NodeProto| -> Option<Vec<TensorProto>> {
        let made = node.output.iter().filter(|name| !name.is_empty());
        made.map(|name| Some(TensorProto { name: Some(name.clone()), ..shapes.constants.get(name)?.clone() })).collect()
    };
    let mut kept = Vec::with_capacity(graph.node.len());
    for node in std::mem::take(&mut graph.node) {
        match results(&node) {
            Some(results) => graph.initializer.extend(results),
            None => kept.push(node),
        }
    }
    graph.node = kept;
}

/// How many nodes and outputs read each value.
fn readers(graph: &GraphProto) -> HashMap<&str, usize> {
    let mut readers = HashMap::new();
    let outputs = graph.output.iter().map(|output| output.name());
    for name in graph.node.iter().flat_map(onnx::names_read).chain(outputs) {
        *readers.entry(name).or_default() += 1;
    }
    readers
}

/// Replaces a Transpose that is the only reader of its weights with transposed weights.
pub fn transposes(graph: &mut GraphProto) {
    let readers = readers(graph);
    let alone = |node: &&NodeProto| node.is("Transpose") && readers.get(node.input[0].as_str()) == Some(&1);
    let weights: HashMap<&str, &TensorProto> = graph.initializer.iter().map(|tensor| (tensor.name(), tensor)).collect();
    let transposed = graph.node.iter().filter(|node| !node.input.is_empty()).filter(alone).filter_map(|node| {
        let tensor = *weights.get(node.input[0].as_str())?;
        let order: Vec<usize> = match node.ints("perm") {
            Some(order) => order.iter().map(|axis| usize::try_from(*axis).ok()).collect::<Option<_>>()?,
            None => (0..tensor.dims.len()).rev().collect(),
        };
        let name = node.output.first()?.clone();
        Some((name.clone(), TensorProto { name: Some(name), ..tensor.transposed(&order)? }))
    });
    let transposed: HashMap<String, TensorProto> = transposed.collect();
    graph.node.retain(|node| !node.output.first().is_some_and(|name| transposed.contains_key(name)));
    graph.initializer.extend(transposed.into_values());
}

/// Folds every BatchNormalization whose input comes from a convolution that nothing else reads.
pub fn batch_normalization(graph: &mut GraphProto) -> Result<()> {
    let constants = onnx::constants(graph);
    let readers = readers(graph);
    let makers: HashMap<&str, usize> = (graph.node.iter().enumerate())
        .flat_map(|(index, node)| node.output.iter().map(move |name| (name.as_str(), index)))
        .collect();
    let mut changes = Vec::new();
    for (index, node) in graph.node.iter().enumerate().filter(|(_, node)| is_foldable(node)) {
        let Some(conv) = makers.get(node.input[0].as_str()).copied() else { continue };
        let alone = graph.node[conv].is("Conv") && readers.get(node.input[0].as_str()) == Some(&1);
        if let Some(folded) = alone.then(|| fold(&constants, &graph.node[conv], node)).flatten() {
            changes.push((index, conv, folded?));
        }
    }
    apply(graph, changes);
    Ok(())
}

/// Whether `node` is a BatchNormalization with fixed statistics per channel.
pub fn is_foldable(node: &NodeProto) -> bool {
    node.is("BatchNormalization")
        && node.input.len() == 5
        && node.int("training_mode").unwrap_or(0) == 0
        && node.int("spatial").unwrap_or(1) == 1
        && node.output.iter().skip(1).all(String::is_empty)
}

/// Weights and bias of `conv` with `norm` folded in, or `None` if one of the parameters is not a
/// constant.
fn fold(constants: &HashMap<&str, &TensorProto>, conv: &NodeProto, norm: &NodeProto) -> Option<Result<Folded>> {
    let weights = *constants.get(conv.input.get(1)?.as_str())?;
    let bias = match conv.input.get(2).filter(|name| !name.is_empty()) {
        Some(name) => Some(*constants.get(name.as_str())?),
        None => None,
    };
    let parameters: Option<Vec<_>> = norm.input[1..].iter().map(|name| constants.get(name.as_str()).copied()).collect();
    let epsilon = f64::from(norm.float("epsilon").unwrap_or(1e-5));
    Some(scaled(norm.label(), weights, bias, &parameters?, epsilon))
}

fn scaled(
    name: &str,
    weights: &TensorProto,
    bias: Option<&TensorProto>,
    parameters: &[&TensorProto],
    epsilon: f64,
) -> Result<Folded> {
    let parameters: Vec<Vec<f64>> = parameters.iter().map(|tensor| tensor.reals()).collect::<Result<_>>()?;
    let channels = weights.shape()?.first().copied().unwrap_or(0);
    let bias = bias.map_or_else(|| Ok(vec![0.0; channels]), TensorProto::reals)?;
    let mut values = weights.reals()?;
    if channels == 0 || parameters.iter().chain([&bias]).any(|values| values.len() != channels) {
        let problem = format!("node {name} (BatchNormalization) does not fit the convolution before it");
        return Err(crate::Error::Graph(problem));
    }
    let [gamma, beta, mean, variance] = [0, 1, 2, 3].map(|index| &parameters[index]);
    let mut offsets = Vec::with_capacity(channels);
    let size = values.len() / channels;
    for (channel, weights) in values.chunks_mut(size.max(1)).enumerate() {
        let factor = gamma[channel] / (variance[channel] + epsilon).sqrt();
        weights.iter_mut().for_each(|weight| *weight *= factor);
        offsets.push(beta[channel] + (bias[channel] - mean[channel]) * factor);
    }
    let dtype = weights.dtype();
    let weights = TensorProto::from_reals(&format!("{name}/folded/weights"), dtype, &weights.shape()?, &values);
    Ok((weights, TensorProto::from_reals(&format!("{name}/folded/bias"), dtype, &[channels], &offsets)))
}

/// Makes each convolution produce the normalised value and removes the normalisations.
fn apply(graph: &mut GraphProto, changes: Vec<(usize, usize, Folded)>) {
    let mut gone = vec![false; graph.node.len()];
    for (norm, conv, (weights, bias)) in changes {
        let output = std::mem::take(&mut graph.node[norm].output);
        let conv = &mut graph.node[conv];
        conv.input.truncate(1);
        conv.input.extend([weights.name().to_owned(), bias.name().to_owned()]);
        conv.output = output.into_iter().take(1).collect();
        graph.initializer.extend([weights, bias]);
        gone[norm] = true;
    }
    let mut gone = gone.into_iter();
    graph.node.retain(|_| gone.next() == Some(false));
}
