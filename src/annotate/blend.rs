//! Colours a map and blends it over a frame.

use opencv::core::{CV_8UC1, CV_8UC3, Mat, MatTraitConst, MatTraitConstManual, MatTraitManual, Size, Vec3b};
use opencv::imgproc;

use super::colormap::ColorTable;
use crate::Result;
use crate::frame::SaliencyMap;

/// Look-up tables of colours and opacities, fixed for a clip.
pub struct Blender {
    colours: ColorTable,
    layers: [MapLayer; 256],
}

/// What a map value adds to a pixel: a premultiplied colour, and how much of the pixel remains (of 255).
#[derive(Clone, Copy)]
struct MapLayer {
    colour: [u16; 3],
    keep: u16,
}

impl Blender {
    /// Creates a blender whose opacity grows with the map value up to `alpha` (0..=1).
    pub fn new(colours: ColorTable, alpha: f32) -> Self {
        let layers = std::array::from_fn(|value| {
            let opacity = (opacity(value as f32 / 255.0) * alpha.clamp(0.0, 1.0) * 255.0).round() as u16;
            MapLayer { colour: colours[value].map(|c| u16::from(c) * opacity), keep: 255 - opacity }
        });
        Self { colours, layers }
    }

    /// The map in colours, resized to `size`.
    pub fn coloured(&self, map: &SaliencyMap, size: Size) -> Result<Mat> {
        let values = enlarged(map, size)?;
        let mut picture = Mat::new_rows_cols_with_default(size.height, size.width, CV_8UC3, 0.into())?;
        for (pixel, &value) in picture.data_typed_mut::<Vec3b>()?.iter_mut().zip(values.data_bytes()?) {
            pixel.0 = self.colours[usize::from(value)];
        }
        Ok(picture)
    }

    /// Blends the map over `picture` (8-bit BGR). Pixels at which the map is 0 do not change.
    pub fn lay(&self, map: &SaliencyMap, picture: &mut Mat) -> Result<()> {
        let values = enlarged(map, picture.size()?)?;
        for (pixel, &value) in picture.data_typed_mut::<Vec3b>()?.iter_mut().zip(values.data_bytes()?) {
            let layer = &self.layers[usize::from(value)];
            // Most pixels are not salient.
            if layer.keep == 255 {
                continue;
            }
            for (channel, colour) in pixel.0.iter_mut().zip(layer.colour) {
                *channel = ((u16::from(*channel) * layer.keep + colour + 127) / 255) as u8;
            }
        }
        Ok(())
    }
}

/// Opacity of a map value: 0 below a tenth, so that faint noise adds no tint, then a smooth rise to 1.
fn opacity(value: f32) -> f32 {
    let t = ((value - 0.1) / 0.8).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The map as bytes, resized bilinearly to `size`.
fn enlarged(map: &SaliencyMap, size: Size) -> Result<Mat> {
    let mut bytes = Mat::default();
    map.0.convert_to(&mut bytes, CV_8UC1, 255.0, 0.0)?;
    let mut large = Mat::default();
    imgproc::resize(&bytes, &mut large, size, 0.0, 0.0, imgproc::INTER_LINEAR)?;
    Ok(large)
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_32FC1, Scalar};

    use super::*;
    use crate::annotate::Colormap;

    fn constant_map(value: f64) -> SaliencyMap {
        SaliencyMap(Mat::new_rows_cols_with_default(3, 4, CV_32FC1, Scalar::all(value)).unwrap())
    }

    fn over_grey(value: f64, alpha: f32) -> [u8; 3] {
        let mut picture = Mat::new_rows_cols_with_default(9, 12, CV_8UC3, Scalar::all(100.0)).unwrap();
        let blender = Blender::new(Colormap::Hot.table().unwrap(), alpha);
        blender.lay(&constant_map(value), &mut picture).unwrap();
        picture.at_2d::<Vec3b>(4, 4).unwrap().0
    }

    #[test]
    fn what_is_not_salient_keeps_its_own_colours() {
        assert_eq!(over_grey(0.0, 1.0), [100; 3]);
        assert_eq!(over_grey(0.09, 1.0), [100; 3]);
        assert_eq!(over_grey(1.0, 0.0), [100; 3]);
    }

    #[test]
    fn what_is_salient_takes_the_maps_colour() {
        assert_eq!(over_grey(1.0, 1.0), [255; 3]);
        assert_eq!(over_grey(1.0, 0.5)[0], 178);
        assert!(over_grey(0.7, 1.0)[2] > over_grey(0.4, 1.0)[2]);
    }

    #[test]
    fn a_coloured_map_spans_the_table() {
        let blender = Blender::new(Colormap::Gray.table().unwrap(), 1.0);
        for (value, grey) in [(0.0, 0), (0.5, 128), (1.0, 255)] {
            let picture = blender.coloured(&constant_map(value), Size::new(20, 10)).unwrap();
            assert_eq!(picture.at_2d::<Vec3b>(5, 5).unwrap().0, [grey; 3]);
        }
    }
}
