//! The flags for the attribution method, and for the part of the model's output that is explained.

use clap::{Args, value_parser};

use super::choice::choice;
use super::values::{size, unit_interval};
use crate::choice::{Choice, choices};
use crate::saliency::{BaselineName, MethodChoice, MethodName};
use crate::{Error, Result};
use onnx_grad::{Explain, Request, ScoreOutput};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Method")]
pub struct MethodArgs {
    /// Attribution method [default: SmoothGrad spread over a clip's frames; for --raw and `salstream model`: gradient]
    ///
    /// The default takes one gradient per key frame. `--method smoothgrad` takes --samples gradients of each.
    #[arg(long, value_parser = choice::<MethodName>(), value_name = "METHOD")]
    pub method: Option<MethodName>,
    /// Number of gradients per picture, for methods that take samples [default: 16; integrated-gradients: 32]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=10_000))]
    pub samples: Option<u32>,
    /// Noise of smoothgrad, smoothgrad-squared and vargrad, as a share of the picture's range of values [default: 0.15]
    #[arg(long, value_name = "0..1", value_parser = unit_interval)]
    pub noise: Option<f32>,
    /// Picture at which the path of integrated-gradients starts [default: black]
    #[arg(long, value_parser = choice::<BaselineName>(), value_name = "KIND")]
    pub baseline: Option<BaselineName>,
    /// Feature map of the grad-cam methods, by the name of its value or node [default: the last convolutional one]
    #[arg(long, value_name = "NAME")]
    pub layer: Option<String>,
    /// What of the class to explain
    ///
    /// The slope of the logit shows what the classifier looks at even if it is sure. The slope of the probability, the
    /// classic dP/dx, shows what would change its mind: where it is sure, the slope is nearly 0, and in the end exactly
    /// 0, with an empty map.
    #[arg(long, value_parser = choice::<ExplainChoice>(), value_name = "WHAT", default_value = ExplainChoice::Logit.name())]
    pub explain: ExplainChoice,
}

choices! {
    /// `--explain`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ExplainChoice {
        /// The score before Softmax or Sigmoid
        Logit = "logit",
        /// The probability: after Softmax or Sigmoid
        Probability = "probability",
    }
}

impl From<ExplainChoice> for Explain {
    fn from(choice: ExplainChoice) -> Self {
        match choice {
            ExplainChoice::Logit => Self::Logit,
            ExplainChoice::Probability => Self::Probability,
        }
    }
}

impl MethodArgs {
    /// The method with all its settings; the gradient if none is named.
    ///
    /// # Errors
    /// [`Error::Usage`] if a flag does not apply to the method.
    pub fn choice(self) -> Result<MethodChoice> {
        let method = self.method.unwrap_or(MethodName::Gradient);
        self.of(method)
    }

    /// The method for frames. If none is named, it is SmoothGrad, or the gradient if frames are shown `raw`. For a
    /// `picture`, SmoothGrad takes many samples; for a clip, its samples are spread over the frames, unless `--samples`
    /// is given.
    ///
    /// # Errors
    /// Those of [`choice`](Self::choice).
    pub fn of_frames(self, picture: bool, raw: bool) -> Result<MethodChoice> {
        let spread = self.method.is_none() && self.samples.is_none() && !picture && !raw;
        let default = if raw { MethodName::Gradient } else { MethodName::SmoothGrad };
        let method = self.method.unwrap_or(default);
        Ok(MethodChoice { spread, ..self.of(method)? })
    }

    fn of(self, method: MethodName) -> Result<MethodChoice> {
        let MethodArgs { samples, noise, baseline, layer, explain, .. } = self;
        let flags = [
            (
                "--samples",
                samples.is_some(),
                method.is_sampled(),
                "smoothgrad, smoothgrad-squared, vargrad and integrated-gradients",
            ),
            ("--noise", noise.is_some(), method.is_noisy(), "smoothgrad, smoothgrad-squared and vargrad"),
            ("--baseline", baseline.is_some(), method == MethodName::IntegratedGradients, "integrated-gradients"),
            ("--layer", layer.is_some(), method.has_layer(), "grad-cam, grad-cam++ and guided-grad-cam"),
        ];
        if let Some((flag, _, _, methods)) = flags.iter().find(|(_, given, known, _)| *given && !known) {
            return Err(Error::Usage(format!("{flag} is for --method {methods}")));
        }
        if method == MethodName::VarGrad && samples == Some(1) {
            return Err(Error::Usage("--samples 1: one sample has no variance; use 2 or more for vargrad".into()));
        }
        let default = if method == MethodName::IntegratedGradients { 32 } else { 16 };
        Ok(MethodChoice {
            name: method,
            samples: samples.unwrap_or(default) as usize,
            spread: false,
            noise: noise.unwrap_or(0.15),
            baseline: baseline.unwrap_or(BaselineName::Black),
            layer,
            explain: explain.into(),
        })
    }
}

/// What `run`, `batch`, `live` and `eval` set in a model file.
#[derive(Debug, Clone, Args)]
pub struct RequestArgs {
    #[command(flatten)]
    size: SizeArg,
    /// Model output with the class scores; add an index if its shape is not [N, classes]: `logits[:,0,:]`
    ///
    /// The index has one entry per axis: `:` keeps the axis, a number selects one position, `*` takes the mean. Without
    /// the flag, the output is chosen by its name, shape and last operator; `salstream model inspect` shows why.
    #[arg(long, value_name = "NAME[INDEX]", help_heading = "Classifier")]
    scores: Option<ScoreOutput>,
}

/// The same for commands in which `--output` is free.
#[derive(Debug, Clone, Args)]
pub struct ModelRequestArgs {
    #[command(flatten)]
    size: SizeArg,
    /// Model output with the class scores; add an index if its shape is not [N, classes]: `logits[:,0,:]`
    ///
    /// The index has one entry per axis: `:` keeps the axis, a number selects one position, `*` takes the mean. Without
    /// the flag, the output is chosen by its name, shape and last operator; `salstream model inspect` shows why.
    #[arg(long, visible_alias = "scores", value_name = "NAME[INDEX]", help_heading = "Classifier")]
    output: Option<ScoreOutput>,
}

#[derive(Debug, Clone, Args)]
struct SizeArg {
    /// Picture size for a model that accepts any size: WIDTHxHEIGHT, or one number for both [default: 224]
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = "Classifier")]
    size: Option<[usize; 2]>,
}

impl From<RequestArgs> for Request {
    fn from(args: RequestArgs) -> Self {
        Self { size: args.size.size, output: args.scores, ..Self::default() }
    }
}

impl From<ModelRequestArgs> for Request {
    fn from(args: ModelRequestArgs) -> Self {
        Self { size: args.size.size, output: args.output, ..Self::default() }
    }
}
