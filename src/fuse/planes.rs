//! Further background planes: a region that follows one affine motion, reaches the border, and does not interest the
//! classifier is ground at another depth, not an object.

use opencv::core::{BORDER_REPLICATE, CV_8U, Mat, Point, Scalar, Size, Vec2f};
use opencv::imgproc;
use opencv::prelude::*;

use super::regions::ConnectedRegions;
use crate::Result;
use crate::motion::FrameMotion;
use crate::raster;
use crate::raster::quantile::median;
use crate::raster::robust::{self, PolynomialField};

/// Residual above which a region may be a plane, in pixels of a picture 480 pixels long per 1/24 s.
const RESIDUAL: f32 = 0.8;
/// The same, in multiples of the median residual.
const MEDIANS: f32 = 1.5;
/// Number of regions to test, largest first.
const CANDIDATES: usize = 2;
/// Minimum area, as a share of the picture's area.
const AREA: f32 = 0.02;
/// Minimum contact with the left, right and bottom border, as a share of the picture's width.
const CONTACT: f32 = 0.08;
/// Approximate number of points that an affine motion is fitted to.
const POINTS: usize = 1500;
const REWEIGHTED_STEPS: usize = 8;
/// Largest residual of a point that fits the plane, in the unit of [`RESIDUAL`].
const FITS: f64 = 1.0;
/// Minimum share of the points that must fit.
const FITTING: f32 = 0.6;
/// Mean static saliency of the fitting points, relative to the picture's mean, up to which the classifier is not
/// interested.
const CARED_FOR: f32 = 1.3;

/// The residual of `motion` after up to two further planes are treated as background. `static_` (0..=1) shows where the
/// classifier looks; without it, that is not considered.
pub(super) fn remove_planes(motion: &FrameMotion, static_: Option<&Mat>) -> Result<Mat> {
    let mut residual = motion.residual.try_clone()?;
    let threshold = RESIDUAL.max(MEDIANS * median(raster::values(&motion.residual)?));
    let regions = ConnectedRegions::above(&raster::blur(&motion.residual, 1.0)?, threshold)?;
    let static_ = static_.map(raster::values).transpose()?;
    for label in regions.by_area().into_iter().take(CANDIDATES) {
        let region = FlowRegion { label: label as i32, labels: regions.labels()?, size: residual.size()? };
        if (regions.areas[label] as f32) < AREA * region.size.area() as f32 {
            break;
        }
        if (region.contact() as f32) < CONTACT * region.size.width as f32 {
            continue;
        }
        if let Some(plane) = region.plane(motion, static_)? {
            subtract(&mut residual, &plane, &region.dilated()?, motion)?;
        }
    }
    Ok(residual)
}

struct FlowRegion<'a> {
    label: i32,
    labels: &'a [i32],
    size: Size,
}

impl FlowRegion<'_> {
    fn has(&self, x: usize, y: usize) -> bool {
        self.labels[y * self.size.width as usize + x] == self.label
    }

    /// Number of rows that reach the left border, rows that reach the right border, and columns that reach the bottom,
    /// to within two pixels.
    fn contact(&self) -> usize {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let left = (0..height).filter(|&y| self.has(0, y) || self.has(1, y));
        let right = (0..height).filter(|&y| self.has(width - 1, y) || self.has(width - 2, y));
        let bottom = (0..width).filter(|&x| self.has(x, height - 1) || self.has(x, height - 2));
        left.count() + right.count() + bottom.count()
    }

    /// The affine motion that most of the region follows, unless the classifier looks at the region.
    fn plane(&self, motion: &FrameMotion, static_: Option<&[f32]>) -> Result<Option<PolynomialField<3>>> {
        let inside: Vec<usize> = (0..self.labels.len()).filter(|&i| self.labels[i] == self.label).collect();
        let points: Vec<usize> = inside.iter().copied().step_by((inside.len() / POINTS).max(1)).collect();
        let vectors = motion.flow.0.data_typed::<Vec2f>()?;
        let width = self.size.width as usize;
        let basis: Vec<_> = points.iter().map(|&i| basis(i % width, i / width, self.size)).collect();
        let targets: Vec<_> = points.iter().map(|&i| vectors[i].0.map(f64::from)).collect();
        let Some(fit) = robust::fit(&basis, &targets, vec![1.0; points.len()], REWEIGHTED_STEPS) else {
            return Ok(None);
        };
        let fits = |&(_, residual): &(&usize, &f64)| residual * f64::from(motion.scale) < FITS;
        let fitting: Vec<usize> = points.iter().zip(&fit.residuals).filter(fits).map(|(&i, _)| i).collect();
        let coherent = fitting.len() as f32 >= FITTING * points.len() as f32;
        let cared_for = static_.is_some_and(|light| {
            let lit: Vec<f32> = fitting.iter().map(|&i| light[i]).collect();
            raster::mean(&lit) > CARED_FOR * raster::mean(light)
        });
        Ok((coherent && !cared_for).then_some(fit.field))
    }

    /// The region grown by two pixels (`CV_8UC1`, nonzero inside).
    fn dilated(&self) -> Result<Mat> {
        let mask: Vec<u8> = self.labels.iter().map(|&label| u8::from(label == self.label)).collect();
        let mask = Mat::new_rows_cols_with_data(self.size.height, self.size.width, &mask)?;
        let kernel = Mat::new_size_with_default(Size::new(5, 5), CV_8U, Scalar::all(1.0))?;
        let mut out = Mat::default();
        let border = imgproc::morphology_default_border_value()?;
        imgproc::dilate(&mask, &mut out, &kernel, Point::new(-1, -1), 1, BORDER_REPLICATE, border)?;
        Ok(out)
    }
}

/// Lowers `residual` inside `mask` to the distance of the flow from `plane`.
fn subtract(residual: &mut Mat, plane: &PolynomialField<3>, mask: &Mat, motion: &FrameMotion) -> Result<()> {
    let size = residual.size()?;
    let width = size.width as usize;
    let vectors = motion.flow.0.data_typed::<Vec2f>()?;
    let mask = mask.data_typed::<u8>()?;
    for (i, value) in residual.data_typed_mut::<f32>()?.iter_mut().enumerate().filter(|(i, _)| mask[*i] > 0) {
        let [u, v] = plane.at(&basis(i % width, i / width, size));
        let distance = (f64::from(vectors[i][0]) - u).hypot(f64::from(vectors[i][1]) - v);
        *value = value.min(distance as f32 * motion.scale);
    }
    Ok(())
}

/// The terms of an affine field at a pixel: 1, x and y, with x and y measured from the centre in half widths.
fn basis(x: usize, y: usize, size: Size) -> [f64; 3] {
    let half = f64::from(size.width) / 2.0;
    [1.0, x as f64 / half - 1.0, (y as f64 - f64::from(size.height) / 2.0) / half]
}

#[cfg(test)]
mod tests {
    use opencv::core::Size;

    use super::*;
    use crate::frame::Flow;

    const SIZE: Size = Size { width: 240, height: 135 };

    /// The lower third is ground with its own affine motion and the rest is still: the residual is the motion of the
    /// ground.
    fn scene(ground: impl Fn(f32, f32) -> [f32; 2]) -> FrameMotion {
        let vectors: Vec<Vec2f> = (0..240 * 135)
            .map(|i| ((i % 240) as f32, (i / 240) as f32))
            .map(|(x, y)| Vec2f::from(if y >= 90.0 { ground(x, y) } else { [0.0, 0.0] }))
            .collect();
        let residual: Vec<f32> = vectors.iter().map(|v| 2.0 * v[0].hypot(v[1])).collect();
        FrameMotion {
            index: 1,
            lab: Mat::default(),
            flow: Flow(Mat::new_rows_cols_with_data(135, 240, &vectors).unwrap().try_clone().unwrap()),
            residual: raster::from_values(SIZE, &residual).unwrap(),
            scale: 2.0,
            speed: 24.0,
            first: false,
            cut: false,
            content: None,
        }
    }

    fn affine(x: f32, y: f32) -> [f32; 2] {
        [2.0 + 0.01 * x, 0.5 + 0.02 * (y - 90.0)]
    }

    /// Static saliency of 1 from row 90 down, and of `above` over it.
    fn light(above: f32) -> Mat {
        let values: Vec<f32> = (0..240 * 135).map(|i| if i / 240 >= 90 { 1.0 } else { above }).collect();
        raster::from_values(SIZE, &values).unwrap()
    }

    fn ground_left(motion: &FrameMotion, static_: Option<&Mat>) -> f32 {
        let left = remove_planes(motion, static_).unwrap();
        *left.at_2d::<f32>(115, 120).unwrap()
    }

    #[test]
    fn ground_that_moves_as_one_is_removed() {
        assert!(ground_left(&scene(affine), None) < 0.01);
        assert!(ground_left(&scene(affine), Some(&light(1.0))) < 0.01);
    }

    #[test]
    fn what_the_classifier_looks_at_stays() {
        assert!(ground_left(&scene(affine), Some(&light(0.0))) > 5.0);
    }

    #[test]
    fn what_does_not_move_as_one_stays() {
        let turbulent = |x: f32, y: f32| [4.0 + 3.0 * (x / 7.0).sin(), 3.0 * (y / 5.0).cos()];
        assert!(ground_left(&scene(turbulent), None) > 3.0);
    }

    #[test]
    fn what_does_not_touch_the_border_stays() {
        let away = |x: f32, y: f32| {
            let inside = (20.0..220.0).contains(&x) && y < 128.0;
            if inside { affine(x, y) } else { [0.0, 0.0] }
        };
        assert!(ground_left(&scene(away), None) > 5.0);
    }
}
