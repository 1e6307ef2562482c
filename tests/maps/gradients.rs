//! The classifier's gradient on real frames.

use opencv::core::{Mat, Size, Vec3b};
use opencv::imgproc;
use opencv::prelude::*;
use salstream::frame::{Frame, Gradient};
use salstream::model::Classifier;
use salstream::model::runtime::{Device, Precision, SessionOptions};
use salstream::platform::dirs;

/// Width and height of EfficientNet-Lite0's input.
const SIDE: i32 = 224;

pub struct Gradients(Classifier);

impl Gradients {
    /// EfficientNet-Lite0, which salstream setup installs.
    pub fn open() -> Self {
        let path = dirs::models().join("efficientnet-lite0.onnx");
        let options = SessionOptions { device: Device::Cpu, precision: Precision::F32, threads: 2 };
        Self(Classifier::open(&path, &options).unwrap())
    }

    /// The largest absolute gradient over the channels, at each pixel of the model's input.
    pub fn of(&mut self, frame: &Frame) -> Gradient {
        let found = self.0.run(&tensor(&frame.image), None).unwrap();
        let gradient = found.gradient;
        let area = (SIDE * SIDE) as usize;
        let strongest = |i: usize| (0..3).map(|c| gradient[c * area + i].abs()).fold(0.0, f32::max);
        let map: Vec<f32> = (0..area).map(strongest).collect();
        let map = Mat::new_rows_cols_with_data(SIDE, SIDE, &map).unwrap().try_clone().unwrap();
        let (features, activation) = (found.features, found.activation);
        Gradient { index: frame.index, map, features, activation, ..Gradient::default() }
    }
}

/// The picture as input of EfficientNet-Lite0: RGB, (x - 127) / 128, channel by channel.
fn tensor(image: &Mat) -> Vec<f32> {
    let mut small = Mat::default();
    imgproc::resize(image, &mut small, Size::new(SIDE, SIDE), 0.0, 0.0, imgproc::INTER_AREA).unwrap();
    let pixels = small.data_typed::<Vec3b>().unwrap();
    (0..3).rev().flat_map(|c| pixels.iter().map(move |pixel| (f32::from(pixel[c]) - 127.0) / 128.0)).collect()
}
