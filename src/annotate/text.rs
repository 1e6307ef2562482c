//! Writes captions that are readable on any background and at any size.

use opencv::core::{Mat, MatTrait, MatTraitManual, Point, Rect, Scalar, Size};
use opencv::imgproc;

use crate::Result;

/// Position of a caption in its rectangle. The bottom caption has the whole width; the two top ones share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextCorner {
    TopLeft,
    TopRight,
    Bottom,
}

const FONT: i32 = imgproc::FONT_HERSHEY_SIMPLEX;
/// Height of a capital letter of the font at scale 1, in pixels.
const CAPITAL: f64 = 21.0;
/// Minimum height of readable capitals, in pixels.
const SMALLEST: f64 = 6.5;

/// Writes `text` in white on a dark plate into a corner of `place`. The text shrinks to fit, and is truncated if it
/// would become too small to read. Characters outside ASCII become `?` because the font does not have them.
pub fn caption(picture: &mut Mat, place: Rect, text: &str, corner: TextCorner) -> Result<()> {
    let room = f64::from(place.width) * if corner == TextCorner::Bottom { 0.94 } else { 0.45 };
    let text: String = text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    let (text, scale) = fit(text, place.size(), room)?;
    if text.is_empty() {
        return Ok(());
    }
    let stroke = stroke(scale);
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

/// Writes `text` from the left end `at` of its baseline, with capitals `capital` pixels high.
pub fn line(picture: &mut Mat, text: &str, at: Point, capital: f64, colour: Scalar) -> Result<()> {
    let scale = capital / CAPITAL;
    imgproc::put_text(picture, text, at, FONT, scale, colour, stroke(scale), imgproc::LINE_AA, false)?;
    Ok(())
}

/// The width of `text` in pixels, with capitals `capital` pixels high.
pub fn width(text: &str, capital: f64) -> Result<i32> {
    let scale = capital / CAPITAL;
    Ok(imgproc::get_text_size(text, FONT, scale, stroke(scale), &mut 0)?.width)
}

fn stroke(scale: f64) -> i32 {
    (scale * 1.6).round().max(1.0) as i32
}

/// `h:mm:ss.s`; the hours are omitted if they are 0.
pub fn clock(seconds: f64) -> String {
    let tenths = (seconds * 10.0).floor() as u64;
    let (hours, minutes, rest) = (tenths / 36_000, tenths / 600 % 60, tenths % 600);
    let tail = format!("{:02}.{}", rest / 10, rest % 10);
    if hours > 0 { format!("{hours}:{minutes:02}:{tail}") } else { format!("{minutes}:{tail}") }
}

/// The text as it fits into `room` pixels, and its scale. Capitals are a thirtieth of the shorter side high, at
/// least 7 pixels. If the text does not fit, it shrinks down to [`SMALLEST`]; then letters are dropped.
fn fit(mut text: String, place: Size, room: f64) -> Result<(String, f64)> {
    let wanted = (f64::from(place.width.min(place.height)) / 30.0).max(7.0) / CAPITAL;
    let scale_of = |text: &str| -> Result<f64> {
        Ok(room / f64::from(imgproc::get_text_size(text, FONT, 1.0, 1, &mut 0)?.width.max(1)))
    };
    while scale_of(&text)? < SMALLEST / CAPITAL && !text.is_empty() {
        text.truncate(text.trim_end_matches('.').len().saturating_sub(1));
        if !text.is_empty() {
            text.push_str("..");
        }
    }
    let scale = wanted.min(scale_of(&text)?);
    Ok((text, scale))
}

fn plate(place: Rect, size: Size, corner: TextCorner) -> Rect {
    let (right, bottom) = (place.x + place.width - size.width, place.y + place.height - size.height);
    let (x, y) = match corner {
        TextCorner::TopLeft => (place.x, place.y),
        TextCorner::TopRight => (right, place.y),
        TextCorner::Bottom => (place.x, bottom),
    };
    Rect::new(x, y, size.width, size.height) & place
}

/// Darkens a rectangle to a quarter of its brightness.
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
        caption(&mut picture, Rect::from_point_size(Point::new(0, 0), size), text, TextCorner::Bottom).unwrap();
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
        let text = "a name of sixty characters that would never fit on a picture";
        let picture = captioned(Size::new(160, 120), 128.0, text);
        for row in 0..96 {
            assert!(picture.row(row).unwrap().data_bytes().unwrap().iter().all(|&byte| byte == 128), "row {row}");
        }
    }

    #[test]
    fn a_caption_is_cut_short_rather_than_too_small() {
        let fitted = |text: &str, width| fit(text.into(), Size::new(width, 120), f64::from(width) * 0.94).unwrap();
        let (name, scale) = fitted("black-footed ferret 100 %", 160);
        assert!(name == "black-footed ferret 100 %" && scale * CAPITAL >= SMALLEST, "{name} at {scale}");
        let (name, scale) = fitted("a name of sixty characters that would never fit on a picture", 160);
        assert!(name.starts_with("a name of") && name.ends_with("..") && scale * CAPITAL >= SMALLEST, "{name}");
        assert_eq!(fitted("anything", 3).0, "");
    }

    #[test]
    fn the_clock_counts_hours_only_where_there_are_any() {
        assert_eq!(
            [clock(0.0), clock(59.96), clock(75.25), clock(3661.5)],
            ["0:00.0", "0:59.9", "1:15.2", "1:01:01.5"]
        );
    }
}
