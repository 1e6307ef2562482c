//! The regions of a map in which something stands out.

use opencv::core::{self, CV_32S, Mat, Size};
use opencv::imgproc;
use opencv::prelude::*;

use crate::Result;
use crate::frame::{Region, SaliencyMap};

/// A region is where the map is above this.
pub const REGION_THRESHOLD: f64 = 0.5;
/// Maximum number of regions.
pub const MAX_REGIONS: usize = 16;
/// Minimum share of the picture's area: smaller ones are specks.
pub const MIN_REGION_AREA: f32 = 5e-4;

/// The 8-connected regions of `map` above [`REGION_THRESHOLD`], in pixels of a picture of size `source`, which the map
/// covers. The strongest comes first, by its mean times its area. At most [`MAX_REGIONS`], none smaller than
/// [`MIN_REGION_AREA`].
///
/// # Errors
/// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails, which no valid map causes.
pub fn regions(map: &SaliencyMap, source: Size) -> Result<Vec<Region>> {
    let size = map.0.size()?;
    let (mut above, mut labels) = (Mat::default(), Mat::default());
    let (mut stats, mut centroids) = (Mat::default(), Mat::default());
    core::compare(&map.0, &REGION_THRESHOLD, &mut above, core::CMP_GT)?;
    let count = imgproc::connected_components_with_stats(&above, &mut labels, &mut stats, &mut centroids, 8, CV_32S)?;
    let sums = sums(&labels, &map.0, count as usize)?;
    let scale = [f64::from(source.width) / f64::from(size.width), f64::from(source.height) / f64::from(size.height)];
    let mut found = Vec::new();
    // Label 0 is the rest of the picture.
    for label in 1..count {
        let stat = |which: i32| stats.at_2d::<i32>(label, which).copied();
        let pixels = f64::from(stat(imgproc::CC_STAT_AREA)?);
        let across = span(stat(imgproc::CC_STAT_LEFT)?, stat(imgproc::CC_STAT_WIDTH)?, scale[0]);
        let down = span(stat(imgproc::CC_STAT_TOP)?, stat(imgproc::CC_STAT_HEIGHT)?, scale[1]);
        // OpenCV counts from the centre of the first pixel, a box from its edge.
        let centre =
            |axis: i32| centroids.at_2d::<f64>(label, axis).map(|at| ((at + 0.5) * scale[axis as usize]) as f32);
        found.push(Region {
            bounds: [across[0], down[0], across[1], down[1]],
            centroid: [centre(0)?, centre(1)?],
            area: (pixels / f64::from(size.area())) as f32,
            mean: (sums[label as usize] / pixels) as f32,
        });
    }
    found.retain(|region| region.area >= MIN_REGION_AREA);
    found.sort_by(|a, b| f32::total_cmp(&(b.mean * b.area), &(a.mean * a.area)));
    found.truncate(MAX_REGIONS);
    Ok(found)
}

/// The sum of `map` over each of `count` labels.
fn sums(labels: &Mat, map: &Mat, count: usize) -> Result<Vec<f64>> {
    let mut sums = vec![0.0; count];
    for (&label, &value) in labels.data_typed::<i32>()?.iter().zip(map.data_typed::<f32>()?) {
        sums[label as usize] += f64::from(value);
    }
    Ok(sums)
}

/// Start and length of a span, scaled and rounded to whole pixels.
fn span(start: i32, length: i32, scale: f64) -> [i32; 2] {
    let [from, to] = [start, start + length].map(|edge| (f64::from(edge) * scale).round() as i32);
    [from, to - from]
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_32FC1, Scalar};

    use super::*;

    const MAP: Size = Size { width: 100, height: 50 };
    const SOURCE: Size = Size { width: 400, height: 100 };

    /// A map of 0.4 with blocks `(x, y, width, height, value)`.
    fn map(blocks: &[(i32, i32, i32, i32, f32)]) -> SaliencyMap {
        let mut map = Mat::new_size_with_default(MAP, CV_32FC1, Scalar::all(0.4)).unwrap();
        for &(left, top, width, height, value) in blocks {
            for (x, y) in (top..top + height).flat_map(|y| (left..left + width).map(move |x| (x, y))) {
                *map.at_2d_mut::<f32>(y, x).unwrap() = value;
            }
        }
        SaliencyMap(map)
    }

    #[test]
    fn blobs_have_their_boxes_in_source_pixels_and_the_strongest_is_first() {
        // The first is larger, but 200 pixels at 0.6 are weaker than 150 at 0.9. A corner joins two blocks to one.
        let found =
            regions(&map(&[(5, 10, 20, 10, 0.6), (60, 30, 10, 10, 0.9), (70, 40, 5, 10, 0.9)]), SOURCE).unwrap();
        let [strong, weak] = &found[..] else { panic!("{found:?}") };
        assert_eq!((strong.bounds, weak.bounds), ([240, 60, 60, 40], [20, 20, 80, 20]));
        assert!((strong.area - 0.03).abs() < 1e-6 && (weak.area - 0.04).abs() < 1e-6, "{found:?}");
        assert!((strong.mean - 0.9).abs() < 1e-6 && (weak.mean - 0.6).abs() < 1e-6, "{found:?}");
        let near = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).abs() < 1e-3 && (a[1] - b[1]).abs() < 1e-3;
        assert!(near(weak.centroid, [60.0, 30.0]), "the middle of its box: {:?}", weak.centroid);
        let [x, y] = [(100.0 * 65.0 + 50.0 * 72.5) / 150.0 * 4.0, (100.0 * 35.0 + 50.0 * 45.0) / 150.0 * 2.0];
        assert!(near(strong.centroid, [x, y]), "{:?}", strong.centroid);
    }

    #[test]
    fn nothing_above_the_threshold_is_no_region() {
        assert_eq!(regions(&map(&[(5, 10, 20, 10, 0.5)]), SOURCE).unwrap(), []);
    }

    #[test]
    fn specks_are_dropped_and_the_number_is_limited() {
        // 0.05 % of 5000 pixels are 2.5 pixels.
        let found = regions(&map(&[(5, 5, 2, 1, 1.0), (20, 5, 3, 1, 1.0)]), SOURCE).unwrap();
        assert_eq!(found.iter().map(|region| region.bounds[0]).collect::<Vec<_>>(), [80]);
        let many: Vec<_> = (0..20).map(|i| (i * 5, 10, 2, 2 + i, 1.0)).collect();
        let found = regions(&map(&many), SOURCE).unwrap();
        assert_eq!((found.len(), found[0].bounds[0]), (16, 380), "the largest of twenty is first");
    }

    #[test]
    fn the_whole_picture_can_be_one_region() {
        let found = regions(&map(&[(0, 0, 100, 50, 1.0)]), SOURCE).unwrap();
        assert_eq!((found.len(), found[0].bounds, found[0].area), (1, [0, 0, 400, 100], 1.0));
    }
}
