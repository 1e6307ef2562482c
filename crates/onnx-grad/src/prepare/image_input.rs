//! A classifier's image input: which input it is, and its size.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::onnx::{DataType, GraphProto, ValueInfoProto};
use crate::prepare::request::Request;
use crate::types::TensorType;

/// Width and height in pixels for a model that accepts any size.
const DEFAULT_SIZE: usize = 224;

/// The longest supported image side, in pixels.
pub const MAX_SIDE: usize = 4096;

/// The largest supported batch size.
const MAX_BATCH: usize = 1024;

/// Name and fixed type of the image input.
pub fn image(graph: &GraphProto, request: &Request) -> Result<(String, TensorType)> {
    let weights: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name()).collect();
    let inputs: Vec<_> = graph.input.iter().filter(|input| !weights.contains(input.name())).collect();
    let images: Vec<_> = inputs.iter().filter_map(|input| Some((input.name(), image_sizes(input)?))).collect();
    let names = || inputs.iter().map(|input| input.name()).collect::<Vec<_>>().join(", ");
    match images.as_slice() {
        [(name, sizes)] if inputs.len() == 1 => Ok((name.to_string(), sizes.settle(request)?)),
        [] if inputs.iter().any(|input| is_grey(input)) => {
            Err(Error::Graph("the model takes grey pictures; use a classifier of colour pictures".into()))
        }
        [] => Err(Error::Graph(format!(
            "the model has no image input (float32, 4 axes, 3 channels), only: {}; use an image classifier",
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

/// The sizes of an image input, as far as the file fixes them.
struct ImageSizes {
    dtype: DataType,
    batch: Option<usize>,
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
            return Err(Error::Request(format!(
                "--size {}x{}: the model takes pictures of {width}x{height}; export it with free sizes",
                size[1], size[0]
            )));
        }
        let size = request.size.unwrap_or(self.sides.map(|side| side.unwrap_or(DEFAULT_SIZE)));
        // A model with a fixed batch gets the same image several times.
        let batch = if request.batch == 1 { self.batch.unwrap_or(1) } else { request.batch };
        if batch > MAX_BATCH {
            return Err(Error::Graph(format!(
                "the model takes {batch} pictures at a time; export it with a free batch"
            )));
        }
        if size.iter().any(|side| *side > MAX_SIDE) {
            return Err(Error::Graph(format!(
                "the picture would be {}x{}, and the limit is {MAX_SIDE} per side; export it with a smaller size",
                size[1], size[0]
            )));
        }
        let shape = match self.channels_last {
            true => vec![batch, size[0], size[1], 3],
            false => vec![batch, 3, size[0], size[1]],
        };
        Ok(TensorType { dtype: self.dtype, shape })
    }
}

/// The input's sizes as declared in the file, if it can be an image.
fn image_sizes(input: &ValueInfoProto) -> Option<ImageSizes> {
    let (dtype, sizes) = input.tensor()?;
    let [batch, b, c, d] = *sizes.as_slice() else { return None };
    let (channels_last, sides) = match (b, d) {
        (Some(3), _) => (false, [c, d]),
        (_, Some(3)) => (true, [b, c]),
        (None, _) => (false, [c, d]),
        _ => return None,
    };
    dtype.is_float().then_some(ImageSizes { dtype, batch, channels_last, sides })
}

/// Whether the file leaves the image's height or width open.
pub fn is_free(graph: &GraphProto) -> bool {
    graph.input.iter().find_map(image_sizes).is_some_and(|sizes| sizes.sides.contains(&None))
}

/// A note for the user if the file leaves the image size open and the request does not set it.
pub fn note_on_size(graph: &GraphProto, request: &Request) -> Option<String> {
    let side = DEFAULT_SIZE;
    (is_free(graph) && request.size.is_none())
        .then(|| format!("the model takes pictures of any size; fixed at {side}x{side}, change it with --size"))
}

/// Whether the input is an image with one channel.
fn is_grey(input: &ValueInfoProto) -> bool {
    matches!(input.tensor(), Some((_, sizes)) if matches!(sizes[..], [_, Some(1), _, _] | [_, _, _, Some(1)]))
}
