//! Example frames in a report: the picture, its truth, and the map.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ndarray::Array2;
use opencv::core::{CV_8UC1, Mat, Point, Scalar, Size, Vector};
use opencv::imgproc::{self, INTER_AREA};
use opencv::prelude::*;
use opencv::{core, imgcodecs};

use crate::commands::eval::dataset::{Item, Truth, read_mask};
use crate::commands::eval::extremes::ExtremeFrame;
use crate::{Error, Result};

/// JPEG quality in percent.
const QUALITY: i32 = 80;

/// Picture, truth and map side by side, as a data URL of a JPEG.
///
/// # Errors
/// [`Error::Input`] if the frame or its truth cannot be read any more.
pub fn picture(item: &Item, extreme: &ExtremeFrame) -> Result<String> {
    let size = Size::new(extreme.map.ncols() as i32, extreme.map.nrows() as i32);
    let frame = imgcodecs::imread(&item.picture, imgcodecs::IMREAD_COLOR)?;
    if frame.empty() {
        return Err(Error::input(&item.picture, "cannot be read as an image"));
    }
    let mut small = Mat::default();
    imgproc::resize(&frame, &mut small, size, 0.0, 0.0, INTER_AREA)?;
    let panels: Vector<Mat> =
        vec![small.try_clone()?, truth(&item.truth, &small, size)?, coloured(&extreme.map)?].into();
    let mut strip = Mat::default();
    core::hconcat(&panels, &mut strip)?;
    let mut bytes = Vector::<u8>::new();
    imgcodecs::imencode(".jpg", &strip, &mut bytes, &vec![imgcodecs::IMWRITE_JPEG_QUALITY, QUALITY].into())?;
    Ok(format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(bytes.as_slice())))
}

/// The truth, drawn on a picture: the outline of a mask, or the density of fixations in colours.
fn truth(truth: &Truth, frame: &Mat, size: Size) -> Result<Mat> {
    let values = match truth {
        Truth::Mask(file) => read_mask(file)?.mapv(|object| 255 * u8::from(object)),
        Truth::Gaze(gaze) => {
            let gaze = gaze.read()?;
            let Some(weights) = gaze.weights() else { return Ok(frame.try_clone()?) };
            let most = weights.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
            weights.mapv(|weight| (weight / most * 255.0) as u8)
        }
    };
    let mut small = Mat::default();
    imgproc::resize(&grey(&values)?, &mut small, size, 0.0, 0.0, INTER_AREA)?;
    let mut out = frame.try_clone()?;
    if let Truth::Gaze(_) = truth {
        let mut colours = Mat::default();
        imgproc::apply_color_map(&small, &mut colours, imgproc::COLORMAP_TURBO)?;
        core::add_weighted(frame, 0.4, &colours, 0.6, 0.0, &mut out, -1)?;
        return Ok(out);
    }
    let mut mask = Mat::default();
    imgproc::threshold(&small, &mut mask, 127.0, 255.0, imgproc::THRESH_BINARY)?;
    let mut contours = Vector::<Vector<Point>>::new();
    let (all, simple) = (imgproc::RETR_LIST, imgproc::CHAIN_APPROX_SIMPLE);
    imgproc::find_contours(&mask, &mut contours, all, simple, Point::default())?;
    for (width, colour) in [(3, Scalar::all(0.0)), (1, Scalar::new(80.0, 255.0, 120.0, 0.0))] {
        imgproc::polylines(&mut out, &contours, true, colour, width, imgproc::LINE_AA, 0)?;
    }
    Ok(out)
}

fn coloured(map: &Array2<u8>) -> Result<Mat> {
    let mut out = Mat::default();
    imgproc::apply_color_map(&grey(map)?, &mut out, imgproc::COLORMAP_TURBO)?;
    Ok(out)
}

fn grey(values: &Array2<u8>) -> Result<Mat> {
    let mut out = Mat::new_rows_cols_with_default(values.nrows() as i32, values.ncols() as i32, CV_8UC1, 0.into())?;
    out.data_typed_mut::<u8>()?.iter_mut().zip(values).for_each(|(out, &value)| *out = value);
    Ok(out)
}
