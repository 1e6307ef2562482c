//! The compiler's types: the options, and what must be known about a graph.

use std::collections::HashMap;

use crate::onnx::{DataType, TensorProto};

/// The name of the added input: int64 `[N]`, the class to differentiate, -1 for the top class, or -2 - k for the
/// opposite of class k.
pub const TARGET: &str = "target";
/// The name of the output of logits, `[N, classes]`.
pub const SCORES: &str = "scores";
/// The name of the output of class ids, int64 `[N]`: the target, or the top class.
pub const CLASS: &str = "class";
/// The name of the output that holds the gradient of the class's logit, in the image's shape.
pub const GRADIENT: &str = "gradient";
/// The name of the output that holds a feature map, `[N, channels, height, width]`, if one is
/// requested.
pub const FEATURES: &str = "salstream.features";
/// The name of the output that holds the class activation map (Selvaraju 2017) of the last layer
/// that has one, `[N, 1, height, width]`, never negative, if features are requested.
pub const ACTIVATION: &str = "salstream.activation";

/// The metadata key of the method's name.
pub const METHOD: &str = "salstream.method";

/// The metadata key of the name of the classifier's value that [`SCORES`] holds: its scores output, or the logits
/// before a final Softmax and rounding.
pub const SCORES_OF: &str = "salstream.scores_of";

/// The metadata key of [`Probabilities`].
pub const PROBABILITIES: &str = "salstream.probabilities";

/// The metadata key of [`Explain`].
pub const EXPLAIN: &str = "salstream.explain";

/// The metadata key of [`note_on_scores`](crate::note_on_scores), if there was one.
pub const SCORES_NOTE: &str = "salstream.scores_note";

/// The value of [`TARGET`] that means the opposite of class 0: "not class 0". The numbers below it mean the opposites
/// of the further classes.
pub const OPPOSITE_OF_FIRST: i64 = -2;

/// How probabilities follow from [`SCORES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Probabilities {
    /// By a Softmax over all classes, of which one is right. The model ends in it, or in logits.
    Softmax,
    /// By a Sigmoid of each score. Classes do not exclude each other, or there are two, of which one is right.
    Sigmoid,
    /// The scores are probabilities themselves.
    Scores,
    /// The scores have no probabilities, such as embeddings and similarities.
    None,
}

impl Probabilities {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Softmax, Self::Sigmoid, Self::Scores, Self::None];

    /// The name in the metadata.
    pub fn name(self) -> &'static str {
        match self {
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
            Self::Scores => "scores",
            Self::None => "none",
        }
    }
}

/// What of the target class is differentiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Explain {
    /// Its logit, whose gradient does not vanish where the classifier is sure.
    #[default]
    Logit,
    /// Its probability, the classic dP/dx. Where the classifier is sure, it is nearly 0.
    Probability,
}

impl Explain {
    /// The name in the metadata and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logit => "logit",
            Self::Probability => "probability",
        }
    }
}

/// The runtime to write for. The gradient is the same and correct in every runtime; only the nodes
/// are chosen to be fastest in this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// ONNX Runtime's own kernels. Weights are shared with the forward pass.
    #[default]
    OnnxRuntime,
    /// Intel OpenVINO. Strided convolutions have separate weights.
    OpenVino,
}

/// How to differentiate.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The runtime to write for.
    pub variant: Variant,
    /// What the output `gradient` contains.
    pub method: Method,
    /// What of the class is explained.
    pub explain: Explain,
    /// SHA-256 of the source file in hexadecimal, for the metadata. May be empty.
    pub source: String,
    /// Whether to add a feature map as the output [`FEATURES`]: among those at an eighth of the
    /// image's size, the one with the fewest channels, and the last of several such maps. For a
    /// plain gradient, also adds a class activation map as [`ACTIVATION`]. Models without such a
    /// map and sampled methods get no such output.
    pub features: bool,
    /// Which random samples a sampled method draws: at most [`MAX_SEED`]. The file then draws the same ones in every
    /// session.
    pub seed: u32,
}

/// The largest seed: what a float32, which ONNX stores seeds as, counts exactly.
pub const MAX_SEED: u32 = (1 << 24) - 2;

/// Element type and shape of one value.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorType {
    /// The element type.
    pub dtype: DataType,
    /// The size along each axis.
    pub shape: Vec<usize>,
}

/// What must be known about a graph before it is differentiated; [`prepare`](crate::prepare())
/// finds it.
#[derive(Debug, Clone, Default)]
pub struct Shapes {
    /// The name of the image input.
    pub image: String,
    /// The name of the output of class scores or probabilities.
    pub output: String,
    /// The outputs that may hold scores, if the user has not named one.
    pub candidates: Vec<ScoreCandidate>,
    /// Whether the model answers a yes-no question with one score, which was made a score for each answer.
    pub answers: bool,
    /// The type of every value in the graph.
    pub tensors: HashMap<String, TensorType>,
    /// Small values that nodes compute independently of the image, such as the arguments of
    /// Reshape.
    pub constants: HashMap<String, TensorProto>,
}

/// An output that may hold the class scores.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreCandidate {
    /// The name of the output.
    pub output: String,
    /// The name of the value with the scores: the output, or what the output is computed from.
    pub value: String,
    /// The shape of that value: `[N, classes]`, which may have more axes of size 1.
    pub shape: Vec<usize>,
    /// What speaks for it and against it.
    pub reason: String,
    /// Whether it is the one that is used.
    pub taken: bool,
    /// The value that the backward pass would start from. Candidates with the same one are the same choice.
    pub(crate) logits: String,
    /// Whether it ends in Softmax or Sigmoid.
    pub(crate) is_linked: bool,
    pub(crate) points: i32,
}

impl Shapes {
    /// Batch size and number of classes of a value `[N, classes]`, which may have more axes of size 1.
    pub(crate) fn classes_of(&self, name: &str) -> Option<(usize, usize)> {
        match self.tensors.get(name)?.shape.as_slice() {
            [batch, classes, rest @ ..] if rest.iter().all(|size| *size == 1) => Some((*batch, *classes)),
            _ => None,
        }
    }
}

/// What to compute from the target class's logit or probability `s` and the image `x`. Each result has the image's
/// shape.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Method {
    /// ds/dx (Simonyan, Vedaldi and Zisserman 2013).
    #[default]
    Gradient,
    /// x ds/dx (Shrikumar et al. 2016).
    InputXGradient,
    /// ds/dx, with negative gradients blocked at rectifiers: Relu, or Clip at 0 (Springenberg et
    /// al. 2014). It depends little on the class and on the later weights (Adebayo et al. 2018).
    Guided,
    /// The class activation map of a layer, each channel weighted by its mean gradient (Selvaraju
    /// et al. 2017). Resized to the image's size by bilinear interpolation and repeated over its
    /// channels. Never negative.
    GradCam(Layer),
    /// Like [`Method::GradCam`], with weights from higher derivatives (Chattopadhyay et al. 2018),
    /// which covers several objects.
    GradCamPlusPlus(Layer),
    /// The guided gradient times the class activation map (Selvaraju et al. 2017).
    GuidedGradCam(Layer),
    /// A statistic of the gradients of many samples.
    Sampled(Sampling),
}

/// The feature map that a class activation map is computed from.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Layer {
    /// The last convolutional one.
    #[default]
    Last,
    /// A value, or a node's first output, by name: `[N, channels, height, width]`.
    Named(String),
}

/// Which samples to take the gradient of, and what to compute from the gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// The number of samples, at least 1.
    pub samples: usize,
    /// How the samples are made.
    pub perturbation: Perturbation,
}

/// How the samples of a sampled method are made.
#[derive(Debug, Clone, PartialEq)]
pub enum Perturbation {
    /// The image plus Gaussian noise.
    Noise {
        /// Standard deviation as a fraction of the image's range of values.
        level: f32,
        /// The statistic of the gradients.
        statistic: Statistic,
    },
    /// Points on the straight line from a baseline to the image, at the points of
    /// [`gauss_legendre`](crate::gauss_legendre): integrated gradients (Sundararajan, Taly and Yan
    /// 2017). The result is the mean gradient times the difference from the baseline. It sums to
    /// the difference of the scores, provided that there are enough samples.
    Path(Baseline),
}

/// A statistic of the gradients of noisy samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// SmoothGrad (Smilkov et al. 2017).
    Mean,
    /// SmoothGrad-squared (Hooker et al. 2019).
    MeanSquare,
    /// VarGrad (Adebayo et al. 2018).
    Variance,
}

/// The image without information that a path starts from.
#[derive(Debug, Clone, PartialEq)]
pub enum Baseline {
    /// One colour: a value per channel, in the network's input scale.
    Colour([f32; 3]),
    /// The image's mean colour.
    Mean,
    /// The image blurred by a Gaussian with a standard deviation of a twentieth of each side.
    Blurred,
}

impl Method {
    /// What one run computes: for a sampled method, the gradient of one sample.
    pub fn of_one_run(&self) -> &Self {
        if matches!(self, Self::Sampled(_)) { &Self::Gradient } else { self }
    }

    /// The method's name, as used on the command line.
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
