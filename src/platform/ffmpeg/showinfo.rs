//! The filter `showinfo`, whose lines in FFmpeg's log tell the shape of each picture.

use opencv::core::Size;

/// The filter.
pub const SHOWINFO: &str = "showinfo=checksum=0";

/// The shape of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PictureShape {
    /// Width and height in pixels.
    pub size: Size,
    /// Width of a pixel divided by its height; 1 if it is not stated.
    pub pixel_aspect: f64,
}

impl PictureShape {
    /// The shape in a `line` of the log; `None` if the line is about anything else.
    pub fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once("showinfo")?.1.split_once(" sar:")?;
        let (aspect, rest) = rest.split_once(" s:")?;
        let (width, height) = rest.split_whitespace().next()?.split_once('x')?;
        let (num, den) = aspect.split_once('/')?;
        let pixel_aspect = num.parse::<f64>().ok()? / den.parse::<f64>().ok()?;
        let is_stated = pixel_aspect.is_finite() && pixel_aspect > 0.0;
        Some(Self {
            size: Size::new(width.parse().ok()?, height.parse().ok()?),
            pixel_aspect: if is_stated { pixel_aspect } else { 1.0 },
        })
    }

    /// The size of the picture with square pixels. Neither side shrinks, or becomes longer than 16384 pixels.
    pub fn square_size(&self) -> Size {
        let Self { size: Size { width, height }, pixel_aspect } = *self;
        match pixel_aspect {
            r if r >= 1.001 => Size::new(stretched(width, r), height),
            r if r <= 0.999 => Size::new(width, stretched(height, 1.0 / r)),
            _ => self.size,
        }
    }
}

/// The length of a side of `pixels`, times `ratio`.
fn stretched(pixels: i32, ratio: f64) -> i32 {
    const MAX_SIDE: f64 = 16384.0;
    (f64::from(pixels) * ratio).round().min(MAX_SIDE.max(f64::from(pixels))) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_of_a_picture_is_read_from_its_line() {
        let line = |sar| {
            format!(
                "[Parsed_showinfo_5 @ 0x55] [info] n:   7 pts:    280 pts_time:0.28 fmt:yuv420p sar:{sar} s:48x27 i:P"
            )
        };
        let shape = |pixel_aspect| Some(PictureShape { size: Size::new(48, 27), pixel_aspect });
        assert_eq!(PictureShape::parse(&line("1/1")), shape(1.0));
        assert_eq!(PictureShape::parse(&line("16/11")), shape(16.0 / 11.0));
        assert_eq!(PictureShape::parse(&line("0/1")), shape(1.0));
        assert_eq!(PictureShape::parse("[Parsed_showinfo_5 @ 0x55] [info] color_range:tv color_space:bt709"), None);
    }
}
