//! Writes captions that can be read on any background and at any size.

use opencv::core::{Mat, MatTrait, MatTraitManual, Point, Rect, Scalar, Size};
use opencv::imgproc;

use crate::Result;

/// Where in its rectangle a caption stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corner {
    TopLeft,
    BottomLeft,
    BottomRight,
}

const FONT: i32 = imgproc::FONT_HERSHEY_SIMPLEX;
/// Height of a capital letter of the font at scale 1, in pixels.
const CAPITAL: f64 = 21.0;

/// Writes `text` in white on a dark plate into a corner of `place`. A caption takes at most six tenths of the width (a
/// clock at bottom right needs the rest) and shrinks to fit; characters outside ASCII become `?`, the font has none.
pub fn caption(picture: &mut Mat, place: Rect, text: &str, corner: Corner) -> Result<()> {
    let text: String = text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    if text.is_empty() {
        return Ok(());
    }
    let scale = fitting_scale(&text, place.size())?;
    let stroke = (scale * 1.6).round().max(1.0) as i32;
    let mut baseline = 0;
    let extent = imgproc::get_text_size(&text, FONT, scale, stroke, &mut baseline)?;
    let pad = (CAPITAL * scale * 0.45).ceil() as i32;
    let plate = plate(place, Size::new(extent.width + 2 * pad, extent.height + baseline + 2 * pad), corner);
    darken(picture, plate)?;
    let at = Point::new(plate.x + pad, plate.y + pad + extent.height);
    let white = Scalar::all(255.0);
    imgproc::put_text(picture, &text, at, FONT, scale, white, stroke, imgproc::LINE_AA, false)?;
    Ok(())
}

/// `h:mm:ss.s`, the hours only where there are any.
pub fn clock(seconds: f64) -> String {
    let tenths = (seconds * 10.0).floor() as u64;
    let (hours, minutes, rest) = (tenths / 36_000, tenths / 600 % 60, tenths % 600);
    let tail = format!("{:02}.{}", rest / 10, rest % 10);
    if hours > 0 { format!("{hours}:{minutes:02}:{tail}") } else { format!("{minutes}:{tail}") }
}

/// Capitals a thirtieth of the shorter side high, at least 7 pixels, smaller only where the text would not fit.
fn fitting_scale(text: &str, place: Size) -> Result<f64> {
    let wanted = (f64::from(place.width.min(place.height)) / 30.0).max(7.0) / CAPITAL;
    let width = imgproc::get_text_size(text, FONT, 1.0, 1, &mut 0)?.width;
    let fitting = 0.55 * f64::from(place.width) / f64::from(width.max(1));
    Ok(wanted.min(fitting))
}

fn plate(place: Rect, size: Size, corner: Corner) -> Rect {
    let (right, bottom) = (place.x + place.width - size.width, place.y + place.height - size.height);
    let (x, y) = match corner {
        Corner::TopLeft => (place.x, place.y),
        Corner::BottomLeft => (place.x, bottom),
        Corner::BottomRight => (right, bottom),
    };
    Rect::new(x, y, size.width, size.height) & place
}

/// Takes a rectangle down to a quarter of its brightness.
fn darken(picture: &mut Mat, plate: Rect) -> Result<()> {
    let mut region = picture.roi_mut(plate)?;
    for row in 0..plate.height {
        region.row_mut(row)?.data_bytes_mut()?.iter_mut().for_each(|byte| *byte /= 4);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_8UC3, MatTraitConst, MatTraitConstManual};

    use super::*;

    fn captioned(size: Size, background: f64, text: &str) -> Mat {
        let grey = Scalar::all(background);
        let mut picture = Mat::new_rows_cols_with_default(size.height, size.width, CV_8UC3, grey).unwrap();
        caption(&mut picture, Rect::from_point_size(Point::new(0, 0), size), text, Corner::BottomLeft).unwrap();
        picture
    }

    #[test]
    fn a_caption_has_contrast_on_any_background_at_any_size() {
        for size in [Size::new(160, 120), Size::new(120, 160), Size::new(854, 480), Size::new(3840, 2160)] {
            for background in [0.0, 128.0, 255.0] {
                let picture = captioned(size, background, "black-footed ferret 100 %");
                let bytes = picture.data_bytes().unwrap();
                let white = bytes.iter().filter(|&&byte| byte > 200).count();
                let dark = bytes.iter().filter(|&&byte| byte < 70).count();
                assert!(dark > 300, "{size:?} on {background}: {dark} dark bytes");
                assert!(background == 255.0 || white > 150, "{size:?} on {background}: {white} white bytes");
            }
        }
    }

    #[test]
    fn a_caption_leaves_the_rest_of_the_picture_alone() {
        let picture =
            captioned(Size::new(160, 120), 128.0, "a name of sixty characters that would never fit on a picture");
        for row in 0..90 {
            assert!(picture.row(row).unwrap().data_bytes().unwrap().iter().all(|&byte| byte == 128), "row {row}");
        }
        let right = picture.col_bounds(98, 160).unwrap().try_clone().unwrap();
        assert!(right.data_bytes().unwrap().iter().all(|&byte| byte == 128));
    }

    #[test]
    fn the_clock_counts_hours_only_where_there_are_any() {
        assert_eq!(
            [clock(0.0), clock(59.96), clock(75.25), clock(3661.5)],
            ["0:00.0", "0:59.9", "1:15.2", "1:01:01.5"]
        );
    }
}
