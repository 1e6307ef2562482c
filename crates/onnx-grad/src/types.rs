//! The compiler's vocabulary: what can be asked for, and what must be known of a graph.

use std::collections::HashMap;

use crate::onnx::{DataType, TensorProto};

/// The name of the added input: int64 `[N]`, the class to differentiate; -1 for the top class.
pub const TARGET: &str = "target";
/// The name of the output of logits, `[N, classes]`.
pub const SCORES: &str = "scores";
/// The name of the output of class ids, int64 `[N]`: the target, or the top class.
pub const CLASS: &str = "class";
/// The name of the output of the gradient of the class's logit, of the image's shape.
pub const GRADIENT: &str = "gradient";
/// The name of the output of a feature map, `[N, channels, height, width]`, where one is asked for.
pub const FEATURES: &str = "salstream.features";
/// The name of the output of the class activation map (Selvaraju 2017) of the last layer that has one,
/// `[N, 1, height, width]`, not negative, where features are asked for.
pub const ACTIVATION: &str = "salstream.activation";

/// The key of the metadata that name the method.
pub const METHOD: &str = "salstream.method";

/// The runtime to write for: the same gradient, right in every runtime, by the nodes that are fastest in this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// ONNX Runtime's own kernels. Weights are shared with the forward pass.
    #[default]
    OnnxRuntime,
    /// Intel OpenVINO. Strided convolutions have weights of their own.
    OpenVino,
}

/// How to differentiate.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The runtime to write for.
    pub variant: Variant,
    /// What the output `gradient` holds.
    pub method: Method,
    /// SHA-256 of the source file in hexadecimal, for the metadata; may be empty.
    pub source: String,
    /// Whether to hand out a feature map beside, as [`FEATURES`]: of those at an eighth of the picture's size the
    /// narrowest, and of several the last; and beside a plain gradient a class activation map, as [`ACTIVATION`]. A model
    /// that has none there gets no such output; nor does a sampled method.
    pub features: bool,
}

/// Element type and size along each axis of one value.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorType {
    /// The element type.
    pub dtype: DataType,
    /// The size along each axis.
    pub shape: Vec<usize>,
}

/// What must be known of a graph before it is differentiated; [`prepare`](crate::prepare()) finds it.
#[derive(Debug, Clone, Default)]
pub struct Shapes {
    /// The name of the image input.
    pub image: String,
    /// The name of the output of class scores or probabilities.
    pub output: String,
    /// The type of every value in the graph.
    pub tensors: HashMap<String, TensorType>,
    /// Small values that nodes make without looking at the image, such as the arguments of Reshape.
    pub constants: HashMap<String, TensorProto>,
}

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
    pub perturbation: Perturbation,
}

/// Where the pictures of a sampled method lie.
#[derive(Debug, Clone, PartialEq)]
pub enum Perturbation {
    /// At the image plus Gaussian noise.
    Noise {
        /// Standard deviation as a share of the image's range of values.
        level: f32,
        /// What is made of the gradients.
        statistic: Statistic,
    },
    /// On the straight line from a baseline to the image, at the places of [`gauss_legendre`](crate::gauss_legendre):
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
            Self::Sampled(Sampling { perturbation: Perturbation::Path(_), .. }) => "integrated-gradients",
            Self::Sampled(Sampling { perturbation: Perturbation::Noise { statistic, .. }, .. }) => match statistic {
                Statistic::Mean => "smoothgrad",
                Statistic::MeanSquare => "smoothgrad-squared",
                Statistic::Variance => "vargrad",
            },
        }
    }
}
