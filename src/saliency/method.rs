//! The attribution method, as entered by the user.

use crate::choice::choices;
use crate::model::Preprocessor;
use onnx_grad::{Baseline, Explain, Layer, Method, Perturbation, Sampling, Statistic};

choices! {
    /// An attribution method by name.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum MethodName {
        /// Slope of the score by each pixel (Simonyan 2013)
        Gradient = "gradient",
        /// Gradient times input
        InputXGradient = "input-x-gradient",
        /// Mean gradient of noisy copies (Smilkov 2017)
        SmoothGrad = "smoothgrad",
        /// Mean square of the gradients of noisy copies (Hooker 2019)
        SmoothGradSquared = "smoothgrad-squared",
        /// Variance of the gradients of noisy copies (Adebayo 2018)
        VarGrad = "vargrad",
        /// Mean gradient between a baseline and the image, times their difference (Sundararajan
        /// 2017)
        IntegratedGradients = "integrated-gradients",
        /// Guided backpropagation (Springenberg 2014): sharp, but nearly the same for every class
        Guided = "guided",
        /// Class activation map of a layer (Selvaraju 2017): coarse, and true to the class
        GradCam = "grad-cam",
        /// Grad-CAM for several objects of a class (Chattopadhyay 2018)
        GradCamPlusPlus = "grad-cam++",
        /// Guided backpropagation times Grad-CAM
        GuidedGradCam = "guided-grad-cam",
    }
}

impl MethodName {
    /// Whether the method computes the gradients of noisy copies of the image.
    pub fn is_noisy(self) -> bool {
        matches!(self, Self::SmoothGrad | Self::SmoothGradSquared | Self::VarGrad)
    }

    /// Whether the method computes the gradients of several samples.
    pub fn is_sampled(self) -> bool {
        self.is_noisy() || self == Self::IntegratedGradients
    }

    /// Whether the method uses a feature map.
    pub fn has_layer(self) -> bool {
        matches!(self, Self::GradCam | Self::GradCamPlusPlus | Self::GuidedGradCam)
    }
}

choices! {
    /// The baseline of integrated gradients, by name.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum BaselineName {
        /// A black image
        Black = "black",
        /// The image's mean colour
        Mean = "mean",
        /// The image, blurred
        Blurred = "blurred",
    }
}

/// A method with its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodChoice {
    /// The method.
    pub name: MethodName,
    /// Number of samples of a sampled method, at least 1.
    pub samples: usize,
    /// Whether the samples of SmoothGrad are spread over a clip: one run per key frame, with noise
    /// in some of them.
    pub spread: bool,
    /// Standard deviation of the noise, as a fraction of the image's range of values.
    pub noise: f32,
    /// The baseline of integrated gradients.
    pub baseline: BaselineName,
    /// The feature map's name, or `None` for the last convolutional one.
    pub layer: Option<String>,
    /// What of the class is explained.
    pub explain: Explain,
}

impl MethodChoice {
    /// Whether a frame needs only one run of the network.
    pub fn runs_once(&self) -> bool {
        self.spread || !self.name.is_sampled()
    }

    /// The method to compute for each frame, for a network with the given `preprocessor`.
    pub fn method(&self, preprocessor: &Preprocessor) -> Method {
        if self.spread {
            return self.of_one_run();
        }
        let noisy = |statistic| self.sampled(Perturbation::Noise { level: self.noise, statistic });
        match self.name {
            MethodName::SmoothGrad => noisy(Statistic::Mean),
            MethodName::SmoothGradSquared => noisy(Statistic::MeanSquare),
            MethodName::VarGrad => noisy(Statistic::Variance),
            MethodName::IntegratedGradients => self.sampled(Perturbation::Path(match self.baseline {
                BaselineName::Black => Baseline::Colour(preprocessor.black()),
                BaselineName::Mean => Baseline::Mean,
                BaselineName::Blurred => Baseline::Blurred,
            })),
            _ => self.of_one_run(),
        }
    }

    /// What one run of the network computes: for a sampled method, the gradient.
    pub fn of_one_run(&self) -> Method {
        let layer = || self.layer.clone().map_or(Layer::Last, Layer::Named);
        match self.name {
            MethodName::InputXGradient => Method::InputXGradient,
            MethodName::Guided => Method::Guided,
            MethodName::GradCam => Method::GradCam(layer()),
            MethodName::GradCamPlusPlus => Method::GradCamPlusPlus(layer()),
            MethodName::GuidedGradCam => Method::GuidedGradCam(layer()),
            _ => Method::Gradient,
        }
    }

    /// Whether the method depends on the network's preprocessing.
    pub fn needs_pixels(&self) -> bool {
        self.name == MethodName::IntegratedGradients && self.baseline == BaselineName::Black
    }

    fn sampled(&self, perturbation: Perturbation) -> Method {
        Method::Sampled(Sampling { samples: self.samples, perturbation })
    }
}
