//! The library in one page: explains an image with the installed default model, and writes where the class score depends on
//! the pixels. `cargo run --release --example gradient_map -- IMAGE MAP.png`

use anyhow::{Context, Result};
use image::{GrayImage, Luma};
use onnx_grad::{Explain, Method, Request};
use opencv::core::Size;
use opencv::imgcodecs;
use salstream::model::metadata::MetadataFlags;
use salstream::model::runtime::{Device, Precision, SessionOptions};
use salstream::model::{self, ModelName, ModelRequest, OpenedModel};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (input, output) = arguments.next().zip(arguments.next()).context("usage: gradient_map IMAGE MAP.png")?;

    let request = ModelRequest {
        name: ModelName::Auto,
        metadata: MetadataFlags::default(),
        request: Request::default(),
        explain: Explain::Logit,
    };
    let OpenedModel { source, metadata, .. } = model::open(&request)?;
    let options = SessionOptions { device: Device::Cpu, precision: Precision::F32, threads: 2 };
    let mut classifier = source.compile(Device::Cpu, &Method::Gradient)?.open(&options)?;

    let image = imgcodecs::imread(&input, imgcodecs::IMREAD_COLOR)?;
    let (width, height) = classifier.input_size();
    let size = Size::new(width as i32, height as i32);
    let pixels = metadata.preprocessor.0.tensor(&image, size, classifier.layout())?;
    let found = classifier.run(&pixels, None)?;
    println!("{}", metadata.labels.0.name(found.class));

    // The strongest of the three channels' slopes, with channels first: one plane after the other.
    let area = width * height;
    let slopes: Vec<f32> =
        (0..area).map(|i| (0..3).map(|c| found.gradient[c * area + i].abs()).fold(0.0, f32::max)).collect();
    let most = slopes.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let map = GrayImage::from_fn(width as u32, height as u32, |x, y| {
        Luma([(255.0 * slopes[y as usize * width + x as usize] / most) as u8])
    });
    map.save(&output).with_context(|| output.clone())
}
