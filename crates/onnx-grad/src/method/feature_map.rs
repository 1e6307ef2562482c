//! Selection of the feature map that a class activation map is computed from.

use std::collections::HashSet;

use crate::active::active;
use crate::error::{Error, Result};
use crate::method::image_axes::ImageAxes;
use crate::onnx::{self, GraphProto};
use crate::tape::Tensor;
use crate::types::Layer;
use crate::types::Shapes;

/// The name of the layer's value.
pub fn find(graph: &GraphProto, shapes: &Shapes, logits: &Tensor, layer: &Layer) -> Result<String> {
    let active = active(graph, shapes, logits, &[&shapes.image]);
    match layer {
        Layer::Last => last(graph, shapes, &active),
        Layer::Named(name) => named(graph, shapes, &active, name),
    }
}

/// The stride, relative to the image, of the feature map used to distinguish objects. Deeper maps
/// distinguish more classes but fewer positions; in earlier maps the same object can look
/// different.
const STRIDE: usize = 8;

/// Among the feature maps at an eighth of the image's size, the one with the fewest channels, and
/// the last of several such maps. This is a bottleneck, where the network itself has summarised
/// what it needs to know about each position.
pub fn features(graph: &GraphProto, shapes: &Shapes, logits: &Tensor) -> Option<String> {
    let shape = &shapes.tensors.get(&shapes.image)?.shape;
    let axes = ImageAxes::of(shape)?;
    let image = [shape[axes.rows], shape[axes.columns]];
    let active = active(graph, shapes, logits, &[&shapes.image]);
    let near = |size: [usize; 2]| size.iter().zip(image).all(|(size, image)| size.abs_diff(image / STRIDE) <= 1);
    let made = graph.node.iter().flat_map(|node| &node.output).filter(|name| active.contains(*name));
    let fitting = made.rev().filter(|name| spatial(shapes, name).is_some_and(near));
    fitting.min_by_key(|name| shapes.tensors[*name].shape[1]).cloned()
}

fn named(graph: &GraphProto, shapes: &Shapes, active: &HashSet<String>, name: &str) -> Result<String> {
    let node = graph.node.iter().find(|node| node.output.iter().any(|output| output == name) || node.name() == name);
    let value = node.and_then(|node| match node.output.iter().any(|output| output == name) {
        true => Some(name),
        false => node.output.first().map(String::as_str),
    });
    let Some(value) = value else {
        let maps = maps(graph, shapes, active);
        let some = maps.iter().rev().take(5).copied().collect::<Vec<_>>().join(", ");
        let problem = format!("the model has no layer {name}; its last feature maps are: {some}");
        return Err(Error::Graph(if maps.is_empty() { format!("the model has no layer {name}") } else { problem }));
    };
    if !active.contains(value) {
        return Err(Error::Graph(format!("the layer {name} is not between image and score; name another")));
    }
    match spatial(shapes, value) {
        Some(_) => Ok(value.into()),
        None => Err(Error::Graph(format!(
            "the layer {name} is {:?} and not [N, channels, height, width]; name another",
            shapes.tensors.get(value).map(|kind| kind.shape.as_slice()).unwrap_or_default()
        ))),
    }
}

/// The value nearest to the score among those that follow the last convolution and still have the
/// size of its output: after normalisation, activation and shortcut.
fn last(graph: &GraphProto, shapes: &Shapes, active: &HashSet<String>) -> Result<String> {
    let maps = maps(graph, shapes, active);
    let missing = || Error::Graph("the model has no convolutional feature map; name a layer with --layer".into());
    let conv = *maps.last().ok_or_else(missing)?;
    let size = spatial(shapes, conv);
    let mut reached = HashSet::from([conv]);
    let mut found = conv;
    let mut attention = false;
    for node in &graph.node {
        if !onnx::names_read(node).iter().any(|name| reached.contains(name)) {
            continue;
        }
        reached.extend(node.output.iter().map(String::as_str).filter(|name| active.contains(*name)));
        let moved = node.is("Transpose") || node.is("Reshape");
        let Some(output) = node.output.first().filter(|name| active.contains(*name)) else { continue };
        if spatial(shapes, output) == size && !moved {
            (found, attention) = (output, false);
        } else {
            attention |= node.is("Softmax") || node.is("Attention");
        }
    }
    if attention {
        let problem = "the model has attention after its last convolutional feature map";
        return Err(Error::Graph(format!("{problem} ({found}); name a layer with --layer, or use another --method")));
    }
    Ok(found.into())
}

/// The outputs of the convolutions between image and score, in order.
fn maps<'a>(graph: &'a GraphProto, shapes: &Shapes, active: &HashSet<String>) -> Vec<&'a str> {
    let convolutions = graph.node.iter().filter(|node| node.is("Conv"));
    let outputs = convolutions.filter_map(|node| node.output.first()).map(String::as_str);
    outputs.filter(|name| active.contains(*name) && spatial(shapes, name).is_some()).collect()
}

/// Height and width of a feature map with more than one position.
fn spatial(shapes: &Shapes, name: &str) -> Option<[usize; 2]> {
    match shapes.tensors.get(name)?.shape.as_slice() {
        [_, _, height, width] if height * width > 1 => Some([*height, *width]),
        _ => None,
    }
}
