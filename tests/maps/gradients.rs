//! The classifier's gradient of real frames.

use opencv::core::{Mat, Size, Vec3b};
use opencv::imgproc;
use opencv::prelude::*;
use ort::session::Session;
use ort::value::TensorRef;
use salstream::frame::{Frame, Gradient, Prediction};
use salstream::runtime::{Device, Precision, Runtime, SessionOptions};

/// Width and height of EfficientNet-Lite0's picture.
const SIDE: i32 = 224;

pub struct Gradients(Session);

impl Gradients {
    /// A gradient model, or none with a line that says so.
    pub fn open() -> Option<Self> {
        let Some(path) = std::env::var_os("SALSTREAM_GRADIENT_MODEL") else {
            eprintln!("SKIPPED: no gradient model; point SALSTREAM_GRADIENT_MODEL at one");
            return None;
        };
        let options = SessionOptions { device: Device::Cpu, precision: Precision::F32, threads: 2 };
        let model = std::fs::read(path).unwrap();
        Some(Self(Runtime::get().unwrap().session(&model, &options).unwrap()))
    }

    /// The largest of the channels' absolute gradients, at each pixel of the model's picture.
    pub fn of(&mut self, frame: &Frame) -> Gradient {
        let pixels = tensor(&frame.image);
        let input = self.0.inputs()[0].name().to_owned();
        let shape = [1, 3, SIDE as usize, SIDE as usize];
        let values =
            self.0.run(ort::inputs![&*input => TensorRef::from_array_view((shape, &pixels[..])).unwrap()]).unwrap();
        let (_, gradient) = values["grad"].try_extract_tensor::<f32>().unwrap();
        let area = (SIDE * SIDE) as usize;
        let strongest = |i: usize| (0..3).map(|c| gradient[c * area + i].abs()).fold(0.0, f32::max);
        let map: Vec<f32> = (0..area).map(strongest).collect();
        let map = Mat::new_rows_cols_with_data(SIDE, SIDE, &map).unwrap().try_clone().unwrap();
        Gradient { index: frame.index, map, prediction: Prediction { class: 0, probability: 0.0 } }
    }
}

/// The picture as EfficientNet-Lite0 takes it: RGB, (x - 127) / 128, channel by channel.
fn tensor(image: &Mat) -> Vec<f32> {
    let mut small = Mat::default();
    imgproc::resize(image, &mut small, Size::new(SIDE, SIDE), 0.0, 0.0, imgproc::INTER_AREA).unwrap();
    let pixels = small.data_typed::<Vec3b>().unwrap();
    (0..3).rev().flat_map(|c| pixels.iter().map(move |pixel| (f32::from(pixel[c]) - 127.0) / 128.0)).collect()
}
