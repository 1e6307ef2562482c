//! Effects of recording, editing and transmission on a clip.

use opencv::core::{self, CV_8UC3, CV_32FC3, Mat, RNG, Rect, Scalar, Size};
use opencv::imgproc;
use opencv::prelude::*;
use salstream::frame::Rate;

use super::{Shown, file};

/// One kind of disturbance; noise is in grey levels.
#[derive(Clone, Copy, PartialEq)]
pub enum Disturbance {
    None,
    /// Independent noise per pixel.
    Noise(f64),
    /// Noise with grains of several pixels.
    Grain(f64),
    /// H.264 compression at this constant rate factor.
    Compressed(u32),
    /// The exposure doubles over the clip.
    Exposure,
    /// One bright frame in ten.
    Flash,
    /// A fade from black in the first third, and to black in the last.
    Fade,
    /// A cut to another scene in the middle.
    Cut,
    /// The picture freezes for a quarter of the clip.
    Frozen,
    /// 24 frames per second shown at 30: every fourth frame is duplicated.
    Pulldown,
    /// Every third frame is missing; the timestamps are right.
    Dropped,
    /// Two fields per frame, recorded one after the other, in an H.264 file flagged as interlaced.
    Interlaced,
    /// Black bars at the left and right, and at the top and bottom, each with this share of the side.
    Bars(f64, f64),
}

/// When a frame is shown, when its content was recorded, and to which shot it belongs.
pub struct Moment {
    pub time: f64,
    pub content: f64,
    pub shot: usize,
}

impl Disturbance {
    /// The scenes of the shots, by number.
    pub fn shots(self) -> Vec<u64> {
        if self == Self::Cut { vec![0, 1] } else { vec![0] }
    }

    /// The size of the picture between the bars.
    pub fn inner(self, size: Size) -> Size {
        let Self::Bars(x, y) = self else { return size };
        let side = |length: i32, bar: f64| (f64::from(length) * (1.0 - 2.0 * bar)).round() as i32;
        Size::new(side(size.width, x), side(size.height, y))
    }

    pub fn moments(self, rate: Rate, seconds: f64) -> Vec<Moment> {
        let count = (seconds * rate.fps()).round() as usize;
        let shown = |k: usize| match self {
            Self::Frozen if k > count / 2 => k.saturating_sub(count / 4).max(count / 2),
            Self::Pulldown => k - k / 5,
            _ => k,
        };
        let recorded = if self == Self::Pulldown { Rate { num: 24, den: 1 } } else { rate };
        let kept = (0..count).filter(|k| self != Self::Dropped || k % 3 != 1);
        let shot = |k: usize| usize::from(self == Self::Cut && k >= count / 2);
        kept.map(|k| Moment {
            time: k as f64 * rate.interval(),
            content: shown(k) as f64 * recorded.interval(),
            shot: shot(k),
        })
        .collect()
    }

    /// Frame `index` of `count`. `view` gives the picture at a number of seconds after the time of the frame.
    pub fn expose(self, index: usize, count: usize, view: impl Fn(f64) -> (Mat, Mat)) -> (Mat, Mat) {
        let (image, mask) = view(0.0);
        let third = count as f64 / 3.0;
        let at = index as f64;
        let image = match self {
            Self::Noise(deviation) => add(&image, &noise(index, image.size().unwrap(), deviation)),
            Self::Grain(deviation) => add(&image, &grain(index, image.size().unwrap(), deviation)),
            Self::Exposure => gain(&image, 0.7 * 2f64.powf(at / count as f64), 0.0),
            Self::Flash if index % 10 == 7 => gain(&image, 1.5, 40.0),
            Self::Fade => gain(&image, (at / third).min((count as f64 - 1.0 - at) / third).clamp(0.0, 1.0), 0.0),
            // At 24 frames per second, the second field comes half a frame later.
            Self::Interlaced => woven(image, &view(1.0 / 48.0).0),
            _ => image,
        };
        (image, mask)
    }

    /// The frames as decoded from a file, if the disturbance includes encoding.
    pub fn recorded(self, shown: Vec<Shown>, rate: Rate) -> Vec<Shown> {
        let factor;
        let arguments: &[&str] = match self {
            Self::Compressed(crf) => {
                factor = crf.to_string();
                &["-crf", &factor]
            }
            Self::Frozen | Self::Pulldown => &[],
            Self::Interlaced => &["-crf", "18", "-flags", "+ilme+ildct", "-x264-params", "tff=1"],
            _ => return shown,
        };
        let (frames, masks): (Vec<_>, Vec<_>) = shown.into_iter().map(|shown| (shown.frame, shown.mask)).unzip();
        let frames = file::recorded(&frames, rate, arguments);
        assert_eq!(frames.len(), masks.len());
        frames.into_iter().zip(masks).map(|(frame, mask)| Shown { frame, mask }).collect()
    }
}

/// `picture`, centred in a black picture of `size`.
pub fn framed(picture: &Mat, size: Size) -> Mat {
    let inner = picture.size().unwrap();
    let mut out = Mat::new_size_with_default(size, picture.typ(), Scalar::default()).unwrap();
    let place = Rect::new((size.width - inner.width) / 2, (size.height - inner.height) / 2, inner.width, inner.height);
    picture.copy_to(&mut Mat::roi_mut(&mut out, place).unwrap()).unwrap();
    out
}

/// The even rows of one field and the odd rows of the other.
fn woven(even: Mat, odd: &Mat) -> Mat {
    let mut out = even;
    for y in (1..out.rows()).step_by(2) {
        odd.row(y).unwrap().copy_to(&mut out.row_mut(y).unwrap()).unwrap();
    }
    out
}

fn gain(image: &Mat, gain: f64, offset: f64) -> Mat {
    let mut out = Mat::default();
    image.convert_to(&mut out, -1, gain, offset).unwrap();
    out
}

fn noise(index: usize, size: Size, deviation: f64) -> Mat {
    let mut noise = Mat::new_size_with_default(size, CV_32FC3, Scalar::default()).unwrap();
    let mut random = RNG::new(77 + index as u64).unwrap();
    random.fill(&mut noise, core::RNG_NORMAL, &0.0, &deviation, false).unwrap();
    noise
}

/// Noise blurred to grains, which reduces its standard deviation to a quarter.
fn grain(index: usize, size: Size, deviation: f64) -> Mat {
    let mut out = Mat::default();
    let fine = noise(index, size, 4.0 * deviation);
    imgproc::gaussian_blur(&fine, &mut out, Size::default(), 1.2, 1.2, core::BORDER_DEFAULT).unwrap();
    out
}

fn add(image: &Mat, noise: &Mat) -> Mat {
    let mut sum = Mat::default();
    core::add(image, noise, &mut sum, &core::no_array(), CV_8UC3).unwrap();
    sum
}
