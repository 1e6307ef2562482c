//! The inputs, outputs and metadata of a gradient model.

use onnx_grad::onnx::{DataType, ModelProto, ValueInfoProto};
use onnx_grad::{self as grad, Explain, Probabilities};

use super::Layout;

/// The inputs and outputs of a gradient model.
pub(super) struct ModelInterface {
    /// The name of the image input.
    pub input: String,
    /// The input's shape: one or more images.
    pub shape: [usize; 4],
    pub layout: Layout,
    pub classes: usize,
    /// How probabilities follow from the scores, if the model says it.
    pub probabilities: Option<Probabilities>,
    /// What of the class is explained.
    pub explain: Explain,
    /// Channels, height and width of the feature map, if there is one.
    pub features: Option<[usize; 3]>,
    /// The same for the class activation map, which has one channel.
    pub activation: Option<[usize; 3]>,
}

/// Whether the model has a gradient model's inputs and outputs.
pub(super) fn is_gradient_model(model: &ModelProto) -> bool {
    let Some(graph) = &model.graph else { return false };
    let outputs: Vec<&str> = graph.output.iter().map(|output| output.name()).collect();
    graph.input.iter().any(|input| input.name() == grad::TARGET)
        && [grad::SCORES, grad::CLASS, grad::GRADIENT].iter().all(|name| outputs.contains(name))
}

/// The value of a key in the metadata.
pub(super) fn metadata_value<'a>(model: &'a ModelProto, key: &str) -> Option<&'a str> {
    model.metadata_props.iter().find(|prop| prop.key() == key).map(|prop| prop.value())
}

/// What a gradient model explains.
pub(super) fn explained(model: &ModelProto) -> Explain {
    let is_probability = metadata_value(model, grad::EXPLAIN) == Some(Explain::Probability.name());
    if is_probability { Explain::Probability } else { Explain::Logit }
}

/// The inputs and outputs of a gradient model, or `None` if it does not take one colour image.
pub(super) fn interface(model: &ModelProto) -> Option<ModelInterface> {
    let graph = model.graph.as_ref()?;
    let image = graph.input.iter().find(|input| input.name() != grad::TARGET)?;
    let shape: [usize; 4] = sizes(image)?.try_into().ok()?;
    let layout = layout(&shape)?;
    let scores = graph.output.iter().find(|output| output.name() == grad::SCORES)?;
    let grid = |name: &str| {
        let output = graph.output.iter().find(|output| output.name() == name);
        output.and_then(sizes).and_then(|shape| <[usize; 3]>::try_from(&shape[1..]).ok())
    };
    let (features, activation) = (grid(grad::FEATURES), grid(grad::ACTIVATION));
    let classes = *sizes(scores)?.get(1)?;
    let link = metadata_value(model, grad::PROBABILITIES);
    let probabilities = Probabilities::ALL.into_iter().find(|known| Some(known.name()) == link);
    let (input, explain) = (image.name().into(), explained(model));
    Some(ModelInterface { input, shape, layout, classes, probabilities, explain, features, activation })
}

/// The layout of an image of this shape, or `None` if it does not have three channels.
pub(super) fn layout(shape: &[usize]) -> Option<Layout> {
    match shape {
        [_, 3, _, _] => Some(Layout::Nchw),
        [_, _, _, 3] => Some(Layout::Nhwc),
        _ => None,
    }
}

/// The fixed sizes of a float32 tensor.
fn sizes(value: &ValueInfoProto) -> Option<Vec<usize>> {
    let (dtype, sizes) = value.tensor()?;
    sizes.into_iter().collect::<Option<_>>().filter(|_| dtype == DataType::Float)
}
