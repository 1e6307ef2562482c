//! The sizes at which a clip is analysed.

use opencv::core::{Mat, MatTraitConst, Rect, Size, ToInputArray};
use opencv::imgproc;

use super::content::ContentArea;
use crate::{Result, raster};

/// Lengths of the longer side for which the constants in pixels were tuned.
const BASE: i32 = 480;
const FLOW: i32 = 320;
const MAP: i32 = 240;
/// Minimum side, so that the flow's 8-pixel patches and the camera's point grids have room.
const SHORTEST: i32 = 32;

/// Sizes of the working pictures of one clip.
///
/// The **longer** side sets the scale, so a portrait clip costs the same as a landscape clip. No picture is larger than
/// its source, except that a source smaller than the maps is enlarged to their size: windows and blurs are tuned for
/// it. A side that would fall below 32 pixels (a thin banner) is stretched to 32; the maps are stretched back when they
/// are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkingSizes {
    /// The source.
    pub source: Size,
    /// Intermediate picture: the source is resized to it once, and the other pictures are made from it.
    pub base: Size,
    /// Size at which the optical flow is computed.
    pub flow: Size,
    /// Size of the maps and of everything else.
    pub map: Size,
}

impl WorkingSizes {
    pub(crate) fn of(source: Size) -> Self {
        let fit = |longest: i32| {
            let from = source.width.max(source.height).max(1);
            let scale = f64::from(longest.min(from.max(MAP))) / f64::from(from);
            let side = |length: i32| ((f64::from(length) * scale).round() as i32).max(SHORTEST);
            Size::new(side(source.width), side(source.height))
        };
        Self { source, base: fit(BASE), flow: fit(FLOW), map: fit(MAP) }
    }

    /// Where the map of `part` lies in a frame of size `whole`.
    pub(crate) fn content(&self, part: Rect, whole: Size) -> ContentArea {
        let [x, y] = [(self.map.width, part.width), (self.map.height, part.height)];
        let scaled = |length: i32, (to, from): (i32, i32)| {
            (f64::from(length) * f64::from(to) / f64::from(from.max(1))).round() as i32
        };
        let (left, top) = (scaled(part.x, x), scaled(part.y, y));
        let right = scaled(whole.width - part.x - part.width, x);
        let bottom = scaled(whole.height - part.y - part.height, y);
        ContentArea {
            whole: Size::new(left + self.map.width + right, top + self.map.height + bottom),
            place: Rect::new(left, top, self.map.width, self.map.height),
        }
    }

    /// Length of one map pixel in pixels of a picture 480 pixels long.
    pub(crate) fn map_scale(&self) -> f32 {
        BASE as f32 / self.map.width.max(self.map.height) as f32
    }

    /// Length, in pixels of the source, of one pixel of a picture 480 pixels long.
    pub(crate) fn source_scale(&self) -> f32 {
        self.source.width.max(self.source.height) as f32 / BASE as f32
    }
}

/// The two small pictures that all analysis uses: grey for the flow, and Lab at the size of the maps. The source is
/// read only once; both are made from an intermediate picture. `prototype` selects the prototype's slower downscaling.
pub(super) fn working_pictures(
    image: &(impl ToInputArray + MatTraitConst),
    sizes: &WorkingSizes,
    prototype: bool,
) -> Result<(Mat, Mat)> {
    let base = if prototype { raster::area(image, sizes.base)? } else { raster::shrink(image, sizes.base)? };
    let (mut grey, mut lab) = (Mat::default(), Mat::default());
    imgproc::cvt_color_def(&base, &mut grey, imgproc::COLOR_BGR2GRAY)?;
    imgproc::cvt_color_def(&raster::area(&base, sizes.map)?, &mut lab, imgproc::COLOR_BGR2Lab)?;
    Ok((raster::area(&grey, sizes.flow)?, lab))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(width: i32, height: i32) -> (i32, i32) {
        let map = WorkingSizes::of(Size::new(width, height)).map;
        (map.width, map.height)
    }

    #[test]
    fn the_longer_side_sets_the_scale() {
        assert_eq!(map(854, 480), (240, 135));
        assert_eq!(map(1080, 1920), (135, 240));
        assert_eq!(WorkingSizes::of(Size::new(854, 480)).flow, Size::new(320, 180));
    }

    #[test]
    fn odd_shapes_stay_workable() {
        assert_eq!(map(2000, 100), (240, 32));
        assert_eq!(map(100, 2000), (32, 240));
    }

    #[test]
    fn small_pictures_are_enlarged_to_the_maps() {
        assert_eq!(map(16, 16), (240, 240));
        assert_eq!(map(200, 150), (240, 180));
        assert_eq!(WorkingSizes::of(Size::new(200, 150)).flow, Size::new(240, 180));
        assert_eq!(WorkingSizes::of(Size::new(300, 150)).flow, Size::new(300, 150));
    }
}
