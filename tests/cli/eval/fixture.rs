//! A synthetic data set: a bright square on a dark background.

use std::fs;
use std::path::Path;
use std::process::Output;

use image::{GrayImage, ImageBuffer, Luma, Rgb, RgbImage};
use serde_json::Value;

use crate::program::{salstream, text};

pub const WIDTH: u32 = 64;
pub const HEIGHT: u32 = 48;
/// Side of the square in pixels.
pub const SIDE: u32 = 20;
/// Number of frames in a sequence.
pub const FRAMES: u32 = 4;

/// Whether (x, y) lies in the square of frame `index`, moved to the right by `shift` pixels.
fn inside(x: u32, y: u32, index: u32, shift: u32) -> bool {
    let left = 8 + 2 * index + shift;
    (left..left + SIDE).contains(&x) && (12..12 + SIDE).contains(&y)
}

/// The picture of frame `index`, textured so that the flow can follow it.
fn picture(index: u32) -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let texture = (x * 37 + y * 91 + x * y * 13) % 64;
        let light = if inside(x, y, index, 0) { 180 } else { 20 };
        Rgb([(texture + light) as u8, (texture + light / 2) as u8, texture as u8])
    })
}

/// Masks or maps of a sequence in `folder`: the square, moved to the right by `shift` pixels, with the value `object`.
pub fn masks(folder: &Path, shift: u32, object: u8) {
    fs::create_dir_all(folder).unwrap();
    for index in 0..FRAMES {
        let mask = GrayImage::from_fn(WIDTH, HEIGHT, |x, y| Luma([object * u8::from(inside(x, y, index, shift))]));
        mask.save(folder.join(format!("{index:05}.png"))).unwrap();
    }
}

/// The same as 16-bit maps.
pub fn deep_maps(folder: &Path, shift: u32) {
    fs::create_dir_all(folder).unwrap();
    for index in 0..FRAMES {
        let value = |x, y| Luma([65535 * u16::from(inside(x, y, index, shift))]);
        ImageBuffer::<Luma<u16>, Vec<u16>>::from_fn(WIDTH, HEIGHT, value)
            .save(folder.join(format!("{index:05}.png")))
            .unwrap();
    }
}

/// The same as NumPy arrays with the square's value, named only by number.
pub fn arrays(folder: &Path, shift: u32, object: f32) {
    fs::create_dir_all(folder).unwrap();
    for index in 0..FRAMES {
        let shape = (HEIGHT as usize, WIDTH as usize);
        let array =
            ndarray::Array2::from_shape_fn(
                shape,
                |(y, x)| {
                    if inside(x as u32, y as u32, index, shift) { object } else { 0.0 }
                },
            );
        ndarray_npy::write_npy(folder.join(format!("{index:06}.npy")), &array).unwrap();
    }
}

/// The same as masks of palette indices. The object is the last of four colours, and the palette gives it the same
/// colour.
pub fn palette_masks(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for index in 0..FRAMES {
        let file = fs::File::create(folder.join(format!("{index:05}.png"))).unwrap();
        let mut encoder = png::Encoder::new(file, WIDTH, HEIGHT);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette([0; 12].as_slice());
        let pixels = (0..WIDTH * HEIGHT).map(|at| 3 * u8::from(inside(at % WIDTH, at / WIDTH, index, 0)));
        encoder.write_header().unwrap().write_image_data(&pixels.collect::<Vec<u8>>()).unwrap();
    }
}

/// Frames of a sequence in `folder`.
pub fn frames(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for index in 0..FRAMES {
        picture(index).save(folder.join(format!("{index:05}.png"))).unwrap();
    }
}

/// A data set with the layout of DAVIS and two sequences, in `davis`.
pub fn davis(folder: &Path) {
    for name in ["left", "right"] {
        frames(&folder.join("davis/JPEGImages/480p").join(name));
        masks(&folder.join("davis/Annotations/480p").join(name), 0, 255);
    }
}

/// Runs `salstream eval ARGS` in `folder`.
pub fn eval(folder: &Path, args: &str) -> Output {
    salstream(folder).arg("eval").args(args.split_whitespace()).output().unwrap()
}

/// Runs `salstream eval ARGS --json`, which must succeed, and returns the table and the JSON.
pub fn evaluated(folder: &Path, args: &str) -> (String, Value) {
    let output = eval(folder, &format!("{args} --json figures.json -y"));
    assert!(output.status.success(), "{args}: {}", text(&output.stderr));
    let json = fs::read(folder.join("figures.json")).unwrap();
    (text(&output.stdout), serde_json::from_slice(&json).unwrap())
}

/// A method's value of a measure over the data set.
pub fn figure(json: &Value, method: &str, measure: &str) -> f64 {
    let methods = json["methods"].as_array().unwrap();
    let method = methods.iter().find(|found| found["name"] == method).unwrap_or_else(|| panic!("no {method}: {json}"));
    method["figures"][measure]["mean"].as_f64().unwrap()
}

/// Asserts that two values are equal up to rounding.
pub fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} instead of {expected}");
}
