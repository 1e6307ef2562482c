//! The pictures of the result.

use opencv::core::{CV_8UC3, Mat, Point, Rect, Scalar, Size, ToInputArray};
use opencv::imgproc;
use opencv::prelude::*;

use super::config::{Border, ReframeConfig};
use crate::Result;
use crate::reframe::{CameraPath, FrameWindow, ShotSummary};

/// With `--pad`, a shot is shown whole if the window would keep less than this share of its salient mass.
pub(super) const MIN_KEPT: f64 = 0.7;
/// Brightness of the picture outside the window that `--show` draws.
const OUTSIDE: f64 = 0.35;
/// Width of a blurred border's picture before it is enlarged, in pixels: the smaller, the more blurred.
const BLURRED_SIDE: i32 = 24;

/// Makes the pictures of the result.
pub struct PictureMaker<'a> {
    shots: &'a [ShotSummary],
    canvas: Size,
    show: bool,
    pad: Option<Border>,
}

impl<'a> PictureMaker<'a> {
    /// A maker for the frames of `path`.
    pub fn new(config: &ReframeConfig, path: &'a CameraPath) -> Self {
        let canvas = canvas(config, path.options.picture, path.options.window);
        Self { shots: &path.shots, canvas, show: config.show, pad: config.pad }
    }

    /// The size of the pictures.
    pub fn canvas(&self) -> Size {
        self.canvas
    }

    /// The picture for a frame.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails, which no valid frame causes.
    pub fn draw(&self, image: Mat, frame: &FrameWindow) -> Result<Mat> {
        let whole = Rect::from_point_size(Point::default(), image.size()?);
        let pad = self.pad.filter(|_| is_padded(&self.shots[frame.shot]));
        match pad {
            _ if self.show => show(image, if pad.is_some() { whole } else { frame.window }),
            Some(border) => self.padded(&image, border),
            None => self.scaled(&Mat::roi(&image, frame.window)?),
        }
    }

    /// `picture` in the size of the result.
    fn scaled(&self, picture: &(impl ToInputArray + MatTraitConst)) -> Result<Mat> {
        resized(picture, self.canvas)
    }

    /// The whole picture, with a border.
    fn padded(&self, image: &Mat, border: Border) -> Result<Mat> {
        let size = image.size()?;
        let (wide, high) = (f64::from(size.width), f64::from(size.height));
        let scale = (f64::from(self.canvas.width) / wide).min(f64::from(self.canvas.height) / high);
        let side = |side: f64, limit: i32| ((side * scale).round() as i32).clamp(1, limit);
        let inner = Size::new(side(wide, self.canvas.width), side(high, self.canvas.height));
        let mut canvas = match border {
            Border::Blur => self.blurred(image)?,
            Border::Colour([red, green, blue]) => {
                let colour = Scalar::new(blue.into(), green.into(), red.into(), 0.0);
                Mat::new_size_with_default(self.canvas, CV_8UC3, colour)?
            }
        };
        let corner = Point::new((self.canvas.width - inner.width) / 2, (self.canvas.height - inner.height) / 2);
        let place = Rect::from_point_size(corner, inner);
        resized(image, inner)?.copy_to(&mut Mat::roi_mut(&mut canvas, place)?)?;
        Ok(canvas)
    }

    /// The middle of the picture, enlarged to the whole canvas and blurred.
    fn blurred(&self, image: &Mat) -> Result<Mat> {
        let size = image.size()?;
        let ratio = f64::from(self.canvas.width) / f64::from(self.canvas.height);
        let side = |side: f64, limit: i32| (side.round() as i32).clamp(1, limit);
        let width = side(f64::from(size.height) * ratio, size.width);
        let height = side(f64::from(size.width) / ratio, size.height);
        let middle = Rect::new((size.width - width) / 2, (size.height - height) / 2, width, height);
        let small = Size::new(BLURRED_SIDE, side(f64::from(BLURRED_SIDE) / ratio, i32::MAX));
        let small = resized(&Mat::roi(image, middle)?, small)?;
        let (mut soft, mut large) = (Mat::default(), Mat::default());
        imgproc::gaussian_blur_def(&small, &mut soft, Size::default(), 1.5)?;
        imgproc::resize(&soft, &mut large, self.canvas, 0.0, 0.0, imgproc::INTER_CUBIC)?;
        Ok(large)
    }
}

/// The size of the result's pictures.
fn canvas(config: &ReframeConfig, picture: Size, window: Size) -> Size {
    match config.height {
        _ if config.show => picture,
        None => window,
        Some(height) => {
            let width = f64::from(height) * f64::from(window.width) / f64::from(window.height);
            Size::new(2 * (width / 2.0).round().max(1.0) as i32, height)
        }
    }
}

/// Whether `--pad` shows a shot whole.
pub(super) fn is_padded(shot: &ShotSummary) -> bool {
    shot.kept < MIN_KEPT
}

/// `picture` in another size; a copy if it has this size.
fn resized(picture: &(impl ToInputArray + MatTraitConst), size: Size) -> Result<Mat> {
    let mut result = Mat::default();
    // INTER_AREA is for smaller results; for larger ones, it is the nearest neighbour.
    let before = picture.size()?;
    let shrinks = size.width <= before.width && size.height <= before.height;
    let method = if shrinks { imgproc::INTER_AREA } else { imgproc::INTER_CUBIC };
    imgproc::resize(picture, &mut result, size, 0.0, 0.0, method)?;
    Ok(result)
}

/// The whole picture, darker outside the window.
fn show(image: Mat, window: Rect) -> Result<Mat> {
    let mut shown = Mat::default();
    image.convert_to(&mut shown, -1, OUTSIDE, 0.0)?;
    Mat::roi(&image, window)?.copy_to(&mut Mat::roi_mut(&mut shown, window)?)?;
    let white = Scalar::all(255.0);
    let thickness = (window.height.max(window.width) / 240).max(1);
    imgproc::rectangle(&mut shown, window, white, thickness, imgproc::LINE_8, 0)?;
    Ok(shown)
}
