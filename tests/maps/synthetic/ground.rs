//! The flat worlds in front of the camera.

use opencv::core::{self, CV_8UC3, CV_32FC3, Mat, RNG, Rect, Scalar, Size};
use opencv::imgproc::{self, INTER_AREA, INTER_CUBIC};
use opencv::prelude::*;

use crate::data::data;

/// Cells of the noises along 640 pixels, and the standard deviation of each in grey levels.
const CELLS: [i32; 4] = [6, 20, 60, 160];
const DEVIATION: f64 = 22.0;

/// The background in front of the camera.
#[derive(Clone)]
pub enum Ground {
    /// Noise at four scales, different for each seed.
    Texture(u64),
    /// Path of a photograph below the data folder.
    Photograph(&'static str),
}

impl Ground {
    /// A picture twice the size of the camera's (of a photograph 1.6 times). Another shot sees another texture.
    pub fn picture(&self, size: Size, shot: u64) -> Mat {
        match *self {
            Self::Texture(seed) => {
                let tint = Scalar::new(110.0 - 25.0 * shot as f64, 120.0, 100.0 + 40.0 * shot as f64, 0.0);
                texture(seed + 100 * shot, tint, scaled(size, 2.0))
            }
            Self::Photograph(name) => photograph(name, scaled(size, 1.6)),
        }
    }
}

/// The photograph's middle, of `size`.
pub fn photograph(name: &str, size: Size) -> Mat {
    let path = data(name);
    let photo = opencv::imgcodecs::imread(path.to_str().unwrap(), opencv::imgcodecs::IMREAD_COLOR).unwrap();
    assert!(!photo.empty(), "{} cannot be read", path.display());
    let scale =
        f64::max(f64::from(size.width) / f64::from(photo.cols()), f64::from(size.height) / f64::from(photo.rows()));
    let mut fitted = Mat::default();
    let whole =
        Size::new((f64::from(photo.cols()) * scale).ceil() as i32, (f64::from(photo.rows()) * scale).ceil() as i32);
    let method = if scale < 1.0 { INTER_AREA } else { INTER_CUBIC };
    imgproc::resize(&photo, &mut fitted, whole, 0.0, 0.0, method).unwrap();
    let part = Rect::new((whole.width - size.width) / 2, (whole.height - size.height) / 2, size.width, size.height);
    Mat::roi(&fitted, part).unwrap().try_clone().unwrap()
}

/// Noise at several scales around `tint`.
pub fn texture(seed: u64, tint: Scalar, size: Size) -> Mat {
    let mut random = RNG::new(seed).unwrap();
    let mut sum = Mat::new_size_with_default(size, CV_32FC3, tint).unwrap();
    for cells in CELLS {
        // Twice the length of the picture needs twice the cells.
        let side = |length: i32| (length * cells / size.width.max(size.height)).max(1) * 2;
        let mut coarse = Mat::zeros(side(size.height), side(size.width), CV_32FC3).unwrap().to_mat().unwrap();
        random.fill(&mut coarse, core::RNG_NORMAL, &0.0, &DEVIATION, false).unwrap();
        let (mut fine, mut next) = (Mat::default(), Mat::default());
        imgproc::resize(&coarse, &mut fine, size, 0.0, 0.0, INTER_CUBIC).unwrap();
        core::add(&sum, &fine, &mut next, &core::no_array(), -1).unwrap();
        sum = next;
    }
    let mut out = Mat::default();
    sum.convert_to(&mut out, CV_8UC3, 1.0, 0.0).unwrap();
    out
}

fn scaled(size: Size, by: f64) -> Size {
    Size::new((f64::from(size.width) * by).round() as i32, (f64::from(size.height) * by).round() as i32)
}
