//! Synthetic scenes with known motion: a textured background under a moving camera, and a disc with independent motion.

use opencv::core::{self, CV_8UC3, CV_32FC3, Mat, Point, Point2f, RNG, Scalar, Size};
use opencv::imgproc::{self, FILLED, INTER_CUBIC, INTER_LINEAR, LINE_8};
use opencv::prelude::*;
use salstream::frame::Frame;

pub const SIZE: Size = Size { width: 640, height: 360 };
pub const FPS: f64 = 24.0;
const RADIUS: i32 = 55;

/// Where the camera looks: shift in pixels, and magnification.
#[derive(Clone, Copy)]
pub struct View {
    pub shift: Point2f,
    pub zoom: f32,
}

pub const STILL: View = View { shift: Point2f { x: 0.0, y: 0.0 }, zoom: 1.15 };

pub struct Scene {
    background: Mat,
    skin: Mat,
    random: RNG,
}

impl Scene {
    /// A different scene for each seed.
    pub fn new(seed: u64) -> Self {
        let mut random = RNG::new(seed).unwrap();
        let tints = [Scalar::new(110.0, 120.0, 100.0, 0.0), Scalar::new(60.0, 90.0, 190.0, 0.0)];
        let [background, skin] = tints.map(|tint| texture(&mut random, tint));
        Self { background, skin, random }
    }

    /// The background as seen by `view`, with a disc centred at `disc` in front of it, if given.
    pub fn frame(&self, index: u64, view: View, disc: Option<Point>) -> Frame {
        let mut image = look(&self.background, view);
        if let Some(middle) = disc {
            let shift = Point2f::new((middle.x - SIZE.width / 2) as f32, (middle.y - SIZE.height / 2) as f32);
            look(&self.skin, View { shift, zoom: 1.0 }).copy_to_masked(&mut image, &mask(middle)).unwrap();
        }
        Frame { index, time: index as f64 / FPS, image }
    }

    /// Adds Gaussian noise with a standard deviation of `sigma` grey levels.
    pub fn add_noise(&mut self, frame: &mut Frame, sigma: f64) {
        let mut noise = Mat::new_size_with_default(SIZE, CV_32FC3, Scalar::default()).unwrap();
        self.random.fill(&mut noise, core::RNG_NORMAL, &0.0, &sigma, false).unwrap();
        let mut sum = Mat::default();
        core::add(&frame.image, &noise, &mut sum, &core::no_array(), CV_8UC3).unwrap();
        frame.image = sum;
    }
}

/// The disc's pixels (`CV_8UC1`, 255 inside).
pub fn mask(middle: Point) -> Mat {
    let mut mask = Mat::new_size_with_default(SIZE, core::CV_8U, Scalar::default()).unwrap();
    imgproc::circle(&mut mask, middle, RADIUS, Scalar::all(255.0), FILLED, LINE_8, 0).unwrap();
    mask
}

/// Intersection over union of `map` above `threshold` with the disc.
pub fn iou(map: &Mat, middle: Point, threshold: f32) -> f64 {
    let mut large = Mat::default();
    imgproc::resize(map, &mut large, SIZE, 0.0, 0.0, INTER_LINEAR).unwrap();
    let truth = mask(middle);
    let pairs = large.data_typed::<f32>().unwrap().iter().zip(truth.data_typed::<u8>().unwrap());
    let (both, either) = pairs.fold((0, 0), |(both, either), (&value, &truth)| {
        let (found, true_) = (value > threshold, truth > 0);
        (both + u32::from(found && true_), either + u32::from(found || true_))
    });
    f64::from(both) / f64::from(either.max(1))
}

pub fn mean(map: &Mat) -> f64 {
    core::mean(map, &core::no_array()).unwrap()[0]
}

fn look(picture: &Mat, View { shift, zoom }: View) -> Mat {
    let (width, height) = (SIZE.width as f32, SIZE.height as f32);
    let rows = [[zoom, 0.0, width / 2.0 * (1.0 - zoom) + shift.x], [0.0, zoom, height / 2.0 * (1.0 - zoom) + shift.y]];
    let matrix = Mat::from_slice_2d(&rows).unwrap();
    let mut out = Mat::default();
    imgproc::warp_affine(picture, &mut out, &matrix, SIZE, INTER_CUBIC, core::BORDER_REFLECT, Scalar::default())
        .unwrap();
    out
}

/// Noise at four scales around `tint`.
fn texture(random: &mut RNG, tint: Scalar) -> Mat {
    let mut sum = Mat::new_size_with_default(SIZE, CV_32FC3, tint).unwrap();
    for cells in [6, 20, 60, 160] {
        let mut coarse = Mat::zeros(cells * 9 / 16, cells, CV_32FC3).unwrap().to_mat().unwrap();
        random.fill(&mut coarse, core::RNG_NORMAL, &0.0, &22.0, false).unwrap();
        let (mut fine, mut next) = (Mat::default(), Mat::default());
        imgproc::resize(&coarse, &mut fine, SIZE, 0.0, 0.0, INTER_CUBIC).unwrap();
        core::add(&sum, &fine, &mut next, &core::no_array(), -1).unwrap();
        sum = next;
    }
    let mut out = Mat::default();
    sum.convert_to(&mut out, CV_8UC3, 1.0, 0.0).unwrap();
    out
}
