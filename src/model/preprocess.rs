//! Converts a decoded frame to the tensor that a classifier expects.

use opencv::core::{Mat, MatTraitConst, MatTraitConstManual, Scalar, Size, Vec3b};
use opencv::imgproc;

use crate::Result;
use crate::choice::{Choice, choices};

choices! {
    /// The preprocessing of a network's pixels, by the names of common recipes.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum Preprocessing {
        /// RGB, 0..1, minus mean (.485 .456 .406), over deviation (.229 .224 .225): PyTorch, the ONNX model zoo
        Imagenet = "imagenet",
        /// RGB, -1..1: TensorFlow's MobileNet and Inception
        Symmetric = "symmetric",
        /// RGB, (x - 127) / 128: EfficientNet-Lite
        Lite = "lite",
        /// RGB, 0..1
        Unit = "unit",
        /// RGB, 0..255
        Byte = "byte",
        /// BGR, 0..255 minus (104, 117, 123): Caffe
        Caffe = "caffe",
    }
}

/// The order of a tensor's colour channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ChannelOrder {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// The axis order of a model's image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Batch, channels, height, width.
    Nchw,
    /// Batch, height, width, channels.
    Nhwc,
}

/// Converts frames to tensors: `(pixel - mean) / std` per channel, with pixels from 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Preprocessor {
    /// The channel order of `mean`, `std` and the tensor.
    pub channels: ChannelOrder,
    /// Subtracted from each channel.
    pub mean: [f32; 3],
    /// Divides each channel.
    pub std: [f32; 3],
}

impl From<Preprocessing> for Preprocessor {
    fn from(kind: Preprocessing) -> Self {
        let rgb = |mean, std| Self { channels: ChannelOrder::Rgb, mean, std };
        match kind {
            Preprocessing::Imagenet => rgb([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
            Preprocessing::Symmetric => rgb([127.5; 3], [127.5; 3]),
            Preprocessing::Lite => rgb([127.0; 3], [128.0; 3]),
            Preprocessing::Unit => rgb([0.0; 3], [255.0; 3]),
            Preprocessing::Byte => rgb([0.0; 3], [1.0; 3]),
            Preprocessing::Caffe => Self { channels: ChannelOrder::Bgr, mean: [104.0, 117.0, 123.0], std: [1.0; 3] },
        }
    }
}

impl std::fmt::Display for Preprocessor {
    /// The name of the recipe, or its numbers if it has no name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match Preprocessing::values().find(|kind| Self::from(*kind) == *self) {
            Some(kind) => f.write_str(kind.name()),
            None => write!(f, "{} (x - {:?}) / {:?}", self.channels, self.mean, self.std),
        }
    }
}

impl std::fmt::Display for ChannelOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rgb => "RGB",
            Self::Bgr => "BGR",
        })
    }
}

impl Preprocessor {
    /// The network's input for a black pixel, per channel.
    pub fn black(&self) -> [f32; 3] {
        [0, 1, 2].map(|channel| -self.mean[channel] / self.std[channel])
    }

    /// The 8-bit BGR colour closest to an input of 0: the mean.
    pub fn neutral(&self) -> Scalar {
        let [a, b, c] = self.mean.map(f64::from);
        match self.channels {
            ChannelOrder::Rgb => Scalar::new(c, b, a, 0.0),
            ChannelOrder::Bgr => Scalar::new(a, b, c, 0.0),
        }
    }

    /// The tensor of `image` (8-bit BGR), stretched to `size` and normalised, in the given layout.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV refuses the image.
    pub fn tensor(&self, image: &Mat, size: Size, layout: Layout) -> Result<Vec<f32>> {
        if image.size()? == size && image.is_continuous() {
            return self.normalised(image, layout);
        }
        let mut small = Mat::default();
        imgproc::resize(image, &mut small, size, 0.0, 0.0, imgproc::INTER_AREA)?;
        self.normalised(&small, layout)
    }

    fn normalised(&self, image: &Mat, layout: Layout) -> Result<Vec<f32>> {
        let pixels = image.data_typed::<Vec3b>()?;
        let tables = [0, 1, 2].map(|channel| self.table(channel));
        let plane = |channel| match self.channels {
            ChannelOrder::Rgb => 2 - channel,
            ChannelOrder::Bgr => channel,
        };
        let value = |pixel: &Vec3b, channel: usize| tables[channel][usize::from(pixel[plane(channel)])];
        let mut tensor = Vec::with_capacity(3 * pixels.len());
        match layout {
            Layout::Nchw => (0..3).for_each(|c| tensor.extend(pixels.iter().map(|pixel| value(pixel, c)))),
            Layout::Nhwc => pixels.iter().for_each(|pixel| tensor.extend([0, 1, 2].map(|c| value(pixel, c)))),
        }
        Ok(tensor)
    }

    /// The normalised value of each 8-bit value of a channel.
    fn table(&self, channel: usize) -> [f32; 256] {
        std::array::from_fn(|value| (value as f32 - self.mean[channel]) / self.std[channel])
    }
}

#[cfg(test)]
mod tests {
    use opencv::core::CV_8UC3;

    use super::*;

    fn tensor(kind: Preprocessing, layout: Layout) -> Vec<f32> {
        let bgr = Scalar::new(10.0, 127.0, 255.0, 0.0);
        let image = Mat::new_rows_cols_with_default(7, 9, CV_8UC3, bgr).unwrap();
        Preprocessor::from(kind).tensor(&image, Size::new(2, 1), layout).unwrap()
    }

    #[test]
    fn channels_lie_as_the_layout_says() {
        assert_eq!(tensor(Preprocessing::Byte, Layout::Nchw), [255.0, 255.0, 127.0, 127.0, 10.0, 10.0]);
        assert_eq!(tensor(Preprocessing::Byte, Layout::Nhwc), [255.0, 127.0, 10.0, 255.0, 127.0, 10.0]);
    }

    #[test]
    fn a_recipe_is_shown_by_its_name_and_others_by_their_numbers() {
        assert_eq!(Preprocessor::from(Preprocessing::Lite).to_string(), "lite");
        let own = Preprocessor { channels: ChannelOrder::Bgr, mean: [1.0, 2.0, 3.5], std: [4.0; 3] };
        assert_eq!(own.to_string(), "BGR (x - [1.0, 2.0, 3.5]) / [4.0, 4.0, 4.0]");
    }

    #[test]
    fn the_neutral_colour_is_nearly_0_to_the_network() {
        for kind in [Preprocessing::Imagenet, Preprocessing::Symmetric, Preprocessing::Lite, Preprocessing::Caffe] {
            let preprocessor = Preprocessor::from(kind);
            let image = Mat::new_rows_cols_with_default(4, 4, CV_8UC3, preprocessor.neutral()).unwrap();
            let values = preprocessor.tensor(&image, Size::new(2, 2), Layout::Nchw).unwrap();
            // At most half a grey level off.
            let most = 0.5 / preprocessor.std[0] + 1e-3;
            assert!(values.iter().all(|value| value.abs() <= most), "{kind:?} {values:?}");
        }
    }

    #[test]
    fn values_are_normalised_as_the_recipe_says() {
        let first = |kind| tensor(kind, Layout::Nhwc)[..3].to_vec();
        assert_eq!(first(Preprocessing::Lite), [1.0, 0.0, -117.0 / 128.0]);
        assert_eq!(first(Preprocessing::Caffe), [-94.0, 10.0, 132.0]);
        let expected = [(1.0 - 0.485) / 0.229, (127.0 / 255.0 - 0.456) / 0.224, (10.0 / 255.0 - 0.406) / 0.225];
        for (ours, exact) in first(Preprocessing::Imagenet).iter().zip(expected) {
            assert!((ours - exact as f32).abs() < 1e-5, "{ours} {exact}");
        }
    }
}
