//! The attribution methods: what the output `gradient` of a gradient model holds.

use super::tape::{Tape, Tensor};
use super::{Options, Shapes, cam, layer, walk};
use crate::onnx::GraphProto;
use crate::{Error, Result};

/// What to compute of the target class's logit `s` and the image `x`. Each result has the image's shape.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Method {
    /// ds/dx (Simonyan, Vedaldi and Zisserman 2013).
    #[default]
    Gradient,
    /// x ds/dx (Shrikumar et al. 2016).
    InputXGradient,
    /// ds/dx, where no negative gradient passes a rectifier: Relu, or Clip at 0 (Springenberg et al. 2014). It depends
    /// little on the class and on the later weights (Adebayo et al. 2018).
    Guided,
    /// The class activation map of a layer, each channel weighted by its mean gradient (Selvaraju et al. 2017); bilinear
    /// at the image's size and repeated over its channels. Not negative.
    GradCam(Layer),
    /// The same with weights from higher derivatives (Chattopadhyay et al. 2018), which covers several objects.
    GradCamPlusPlus(Layer),
    /// The guided gradient times the class activation map (Selvaraju et al. 2017).
    GuidedGradCam(Layer),
    /// A statistic of the gradient at many pictures.
    Sampled(Sampling),
}

/// Which feature map a class activation map is made of.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Layer {
    /// The last convolutional one.
    #[default]
    Last,
    /// A value, or a node's first output, by name: `[N, channels, height, width]`.
    Named(String),
}

/// At which pictures to take the gradient, and what to make of the gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// The number of pictures, at least 1.
    pub samples: usize,
    /// Where the pictures lie.
    pub around: Around,
}

/// Where the pictures of a sampled method lie.
#[derive(Debug, Clone, PartialEq)]
pub enum Around {
    /// At the image plus Gaussian noise.
    Noise {
        /// Standard deviation as a share of the image's range of values.
        level: f32,
        /// What is made of the gradients.
        statistic: Statistic,
    },
    /// On the straight line from a baseline to the image, at the places of [`gauss_legendre`](super::gauss_legendre):
    /// integrated gradients (Sundararajan, Taly and Yan 2017). The result is the mean gradient times the difference from
    /// the baseline, and sums to the difference of the scores, as far as the samples are dense enough.
    Path(Baseline),
}

/// What is made of the gradients at noisy pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// SmoothGrad (Smilkov et al. 2017).
    Mean,
    /// SmoothGrad-squared (Hooker et al. 2019).
    MeanSquare,
    /// VarGrad (Adebayo et al. 2018).
    Variance,
}

/// The picture without information, from which a path starts.
#[derive(Debug, Clone, PartialEq)]
pub enum Baseline {
    /// One colour, as the network is given it, by channel.
    Colour([f32; 3]),
    /// The image's mean colour.
    Mean,
    /// The image blurred by a Gaussian of a twentieth of each side.
    Blurred,
}

impl Method {
    /// What one run computes: of a sampled method, the gradient at one picture.
    pub fn of_one_run(&self) -> &Self {
        if matches!(self, Self::Sampled(_)) { &Self::Gradient } else { self }
    }

    /// The name under which people ask for the method.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Gradient => "gradient",
            Self::InputXGradient => "input-x-gradient",
            Self::Guided => "guided",
            Self::GradCam(_) => "grad-cam",
            Self::GradCamPlusPlus(_) => "grad-cam++",
            Self::GuidedGradCam(_) => "guided-grad-cam",
            Self::Sampled(Sampling { around: Around::Path(_), .. }) => "integrated-gradients",
            Self::Sampled(Sampling { around: Around::Noise { statistic, .. }, .. }) => match statistic {
                Statistic::Mean => "smoothgrad",
                Statistic::MeanSquare => "smoothgrad-squared",
                Statistic::Variance => "vargrad",
            },
        }
    }
}

/// Writes the attribution of one pass, and beside a plain gradient the class activation map of the last layer that has
/// one, where `options` ask for what the classifier knows besides. `score` is the logits and their gradient.
pub(super) fn attribute(
    tape: &mut Tape,
    graph: &GraphProto,
    shapes: &Shapes,
    score: &(Tensor, Tensor),
    options: &Options,
) -> Result<(Tensor, Option<Tensor>)> {
    let image = tape.value(&shapes.image)?;
    let to_image = |tape: &mut Tape| walk::gradient(tape, graph, shapes, score, &shapes.image);
    let attribution = match &options.method {
        Method::Gradient if options.features => return with_activation(tape, graph, shapes, score),
        Method::Gradient | Method::Sampled(_) => to_image(tape)?,
        Method::InputXGradient => {
            let gradient = to_image(tape)?;
            tape.enter("attribution");
            tape.mul(&image, &gradient)
        }
        Method::Guided => guided(tape, graph, shapes, score)?,
        Method::GradCam(layer) | Method::GradCamPlusPlus(layer) => {
            let plus_plus = matches!(options.method, Method::GradCamPlusPlus(_));
            let map = feature_map(tape, graph, shapes, score, layer)?;
            cam::map(tape, &map, &image, plus_plus)?
        }
        Method::GuidedGradCam(layer) => {
            let map = feature_map(tape, graph, shapes, score, layer)?;
            let cam = cam::map(tape, &map, &image, false)?;
            let guided = guided(tape, graph, shapes, score)?;
            tape.enter("attribution");
            tape.mul(&guided, &cam)
        }
    };
    Ok((attribution, None))
}

/// The gradient, and the class activation map of the last layer that has one.
fn with_activation(
    tape: &mut Tape,
    graph: &GraphProto,
    shapes: &Shapes,
    score: &(Tensor, Tensor),
) -> Result<(Tensor, Option<Tensor>)> {
    let last = layer::find(graph, shapes, &score.0, &Layer::Last).ok();
    let (gradient, at_last) = walk::gradients(tape, graph, shapes, score, &shapes.image, last.as_deref())?;
    let activation = match (last, at_last) {
        (Some(name), Some(at_last)) => {
            let layer = (tape.value(&name)?, at_last);
            Some(cam::coarse(tape, &layer, false))
        }
        _ => None,
    };
    Ok((gradient, activation))
}

/// A layer's value and its gradient.
fn feature_map(
    tape: &mut Tape,
    graph: &GraphProto,
    shapes: &Shapes,
    score: &(Tensor, Tensor),
    layer: &Layer,
) -> Result<(Tensor, Tensor)> {
    let name = layer::find(graph, shapes, &score.0, layer)?;
    let gradient = walk::gradient(tape, graph, shapes, score, &name)?;
    Ok((tape.value(&name)?, gradient))
}

fn guided(tape: &mut Tape, graph: &GraphProto, shapes: &Shapes, score: &(Tensor, Tensor)) -> Result<Tensor> {
    tape.guide(true);
    let gradient = walk::gradient(tape, graph, shapes, score, &shapes.image)?;
    tape.guide(false);
    if tape.guided_nodes() == 0 {
        let problem =
            "the model has no rectifier (Relu, or Clip at 0), so that its guided gradient would be its gradient";
        return Err(Error::Graph(format!("{problem}; take another --method")));
    }
    Ok(gradient)
}
