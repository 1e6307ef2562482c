//! From a decoded frame to the tensor that a classifier was trained on.

use opencv::core::{Mat, MatTraitConstManual, Size, Vec3b};
use opencv::imgproc;

use super::PixelLayout;
use crate::Result;

/// What a network expects of its pixels, by the names of the recipes in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preprocessing {
    /// RGB, 0..1, minus mean (.485 .456 .406), over deviation (.229 .224 .225): PyTorch, the ONNX model zoo
    Imagenet,
    /// RGB, -1..1: TensorFlow's MobileNet and Inception
    Symmetric,
    /// RGB, (x - 127) / 128: EfficientNet-Lite
    Lite,
    /// RGB, 0..1
    Unit,
    /// RGB, 0..255
    Byte,
    /// BGR, 0..255 minus (104, 117, 123): Caffe
    Caffe,
}

/// Makes tensors of frames.
#[derive(Debug, Clone, PartialEq)]
pub struct Preprocessor {
    /// The BGR plane that each tensor channel is made of.
    planes: [usize; 3],
    /// Subtracted from each channel, in 0..255 units.
    mean: [f32; 3],
    /// Multiplied after that.
    scale: [f32; 3],
}

impl From<Preprocessing> for Preprocessor {
    fn from(kind: Preprocessing) -> Self {
        const RGB: [usize; 3] = [2, 1, 0];
        let rgb = |mean: f32, deviation: f32| Self { planes: RGB, mean: [mean; 3], scale: [1.0 / deviation; 3] };
        match kind {
            Preprocessing::Imagenet => Self {
                planes: RGB,
                mean: [0.485, 0.456, 0.406].map(|mean| mean * 255.0),
                scale: [0.229, 0.224, 0.225].map(|deviation| 1.0 / (deviation * 255.0)),
            },
            Preprocessing::Symmetric => rgb(127.5, 127.5),
            Preprocessing::Lite => rgb(127.0, 128.0),
            Preprocessing::Unit => rgb(0.0, 255.0),
            Preprocessing::Byte => rgb(0.0, 1.0),
            Preprocessing::Caffe => Self { planes: [0, 1, 2], mean: [104.0, 117.0, 123.0], scale: [1.0; 3] },
        }
    }
}

impl Preprocessor {
    /// The whole of `image` (8-bit BGR) stretched to `size` and normalised: one picture in the given layout.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) where OpenCV refuses the picture.
    pub fn tensor(&self, image: &Mat, size: Size, layout: PixelLayout) -> Result<Vec<f32>> {
        let mut small = Mat::default();
        imgproc::resize(image, &mut small, size, 0.0, 0.0, imgproc::INTER_AREA)?;
        let pixels = small.data_typed::<Vec3b>()?;
        let value = |pixel: &Vec3b, channel: usize| {
            (f32::from(pixel[self.planes[channel]]) - self.mean[channel]) * self.scale[channel]
        };
        Ok(match layout {
            PixelLayout::Nchw => (0..3).flat_map(|c| pixels.iter().map(move |pixel| value(pixel, c))).collect(),
            PixelLayout::Nhwc => pixels.iter().flat_map(|pixel| (0..3).map(move |c| value(pixel, c))).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_8UC3, Scalar};

    use super::*;

    fn tensor(kind: Preprocessing, layout: PixelLayout) -> Vec<f32> {
        let bgr = Scalar::new(10.0, 127.0, 255.0, 0.0);
        let image = Mat::new_rows_cols_with_default(7, 9, CV_8UC3, bgr).unwrap();
        Preprocessor::from(kind).tensor(&image, Size::new(2, 1), layout).unwrap()
    }

    #[test]
    fn channels_lie_as_the_layout_says() {
        assert_eq!(tensor(Preprocessing::Byte, PixelLayout::Nchw), [255.0, 255.0, 127.0, 127.0, 10.0, 10.0]);
        assert_eq!(tensor(Preprocessing::Byte, PixelLayout::Nhwc), [255.0, 127.0, 10.0, 255.0, 127.0, 10.0]);
    }

    #[test]
    fn values_are_normalised_as_the_recipe_says() {
        let first = |kind| tensor(kind, PixelLayout::Nhwc)[..3].to_vec();
        assert_eq!(first(Preprocessing::Lite), [1.0, 0.0, -117.0 / 128.0]);
        assert_eq!(first(Preprocessing::Caffe), [-94.0, 10.0, 132.0]);
        let expected = [(1.0 - 0.485) / 0.229, (127.0 / 255.0 - 0.456) / 0.224, (10.0 / 255.0 - 0.406) / 0.225];
        for (ours, exact) in first(Preprocessing::Imagenet).iter().zip(expected) {
            assert!((ours - exact as f32).abs() < 1e-5, "{ours} {exact}");
        }
    }
}
