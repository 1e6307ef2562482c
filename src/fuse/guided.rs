//! The guided filter with a colour guide: aligns the edges of a map with those of the picture (He, Sun and Tang, 2010).
//! Its linear models are fitted at half the size (He and Sun, "Fast Guided Filter", 2015): as good on DAVIS, and
//! faster.

use opencv::core::{BORDER_REFLECT, CV_32F, Mat, Size, ToInputArray, Vec3f, Vec4f};
use opencv::prelude::*;

use crate::Result;
use crate::raster;

/// The window in which the map is modelled as a linear function of the picture.
#[derive(Clone, Copy)]
pub(super) struct FilterWindow {
    /// Radius in pixels.
    pub radius: i32,
    /// Variance of colours in 0..=1 below which a window counts as flat.
    pub epsilon: f32,
}

/// `map` (`CV_32FC1`, 0..=1), filtered as a locally linear function of the 8-bit picture `guide` of the same size.
pub(super) fn guided_filter(guide: &Mat, map: &Mat, window: FilterWindow) -> Result<Mat> {
    let mut colour = Mat::default();
    guide.convert_to(&mut colour, CV_32F, 1.0 / 255.0, 0.0)?;
    let (whole, window) = (map.size()?, FilterWindow { radius: window.radius / 2, ..window });
    let half = raster::half(whole);
    let (small_colour, small_map) = (raster::area(&colour, half)?, raster::area(map, half)?);
    let models = linear_models(small_colour.data_typed::<Vec3f>()?, raster::values(&small_map)?, half, window)?;
    let models = raster::enlarged(&window_mean(&models, window)?, whole)?;
    let mut out = raster::zeros(whole)?;
    let pixels = models.data_typed::<Vec4f>()?.iter().zip(colour.data_typed::<Vec3f>()?);
    for (out, (model, i)) in out.data_typed_mut::<f32>()?.iter_mut().zip(pixels) {
        *out = (model[0] * i[0] + model[1] * i[1] + model[2] * i[2] + model[3]).clamp(0.0, 1.0);
    }
    Ok(out)
}

/// For the window around each pixel, the slopes for the three channels and the offset (`CV_32FC4`) that best predict
/// the map.
fn linear_models(colour: &[Vec3f], map: &[f32], size: Size, window: FilterWindow) -> Result<Mat> {
    // First and second moments of colour and map, four per raster: a box filter of four channels costs the same as of
    // one.
    let moments = |f: &dyn Fn(&Vec3f, f32) -> [f32; 4]| -> Result<Mat> {
        let values: Vec<Vec4f> = colour.iter().zip(map).map(|(i, &p)| Vec4f::from(f(i, p))).collect();
        window_mean(&Mat::new_rows_cols_with_data(size.height, size.width, &values)?, window)
    };
    let first = moments(&|i, p| [i[0], i[1], i[2], p])?;
    let with_map = moments(&|i, p| [i[0] * p, i[1] * p, i[2] * p, 0.0])?;
    let squares = moments(&|i, _| [i[0] * i[0], i[1] * i[1], i[2] * i[2], i[0] * i[1]])?;
    let mixed = moments(&|i, _| [i[0] * i[2], i[1] * i[2], 0.0, 0.0])?;
    let mut models = first.try_clone()?;
    let pixels = models.data_typed_mut::<Vec4f>()?.iter_mut().zip(with_map.data_typed::<Vec4f>()?);
    let second = squares.data_typed::<Vec4f>()?.iter().zip(mixed.data_typed::<Vec4f>()?);
    for ((model, with_map), (squares, mixed)) in pixels.zip(second) {
        *model = linear_model(model, with_map, squares, mixed, window.epsilon);
    }
    Ok(models)
}

/// Solves `(covariance of colour + ε) slope = covariance of colour and map` by Cramer's rule.
#[inline]
fn linear_model(first: &Vec4f, with_map: &Vec4f, squares: &Vec4f, mixed: &Vec4f, epsilon: f32) -> Vec4f {
    let [m0, m1, m2, mp] = first.0;
    let [c0, c1, c2] = [with_map[0] - m0 * mp, with_map[1] - m1 * mp, with_map[2] - m2 * mp];
    let [a, d, f] = [squares[0] - m0 * m0, squares[1] - m1 * m1, squares[2] - m2 * m2].map(|v| v + epsilon);
    let [b, c, e] = [squares[3] - m0 * m1, mixed[0] - m0 * m2, mixed[1] - m1 * m2];
    let [xx, xy, xz] = [d * f - e * e, c * e - b * f, b * e - c * d];
    let [yy, yz, zz] = [a * f - c * c, b * c - a * e, a * d - b * b];
    let determinant = a * xx + b * xy + c * xz;
    let slope = [xx * c0 + xy * c1 + xz * c2, xy * c0 + yy * c1 + yz * c2, xz * c0 + yz * c1 + zz * c2];
    let [x, y, z] = slope.map(|v| v / determinant);
    Vec4f::from([x, y, z, mp - x * m0 - y * m1 - z * m2])
}

fn window_mean(raster: &impl ToInputArray, FilterWindow { radius, .. }: FilterWindow) -> Result<Mat> {
    raster::window_mean(raster, 2 * radius + 1, BORDER_REFLECT)
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_8UC3, Scalar};

    use super::*;

    const WINDOW: FilterWindow = FilterWindow { radius: 10, epsilon: 2e-5 };
    const SIZE: Size = Size { width: 64, height: 48 };

    /// 0 in the left half and 1 in the right half, with the edge blurred by `sigma`.
    fn step(sigma: f64) -> Mat {
        let values: Vec<f32> = (0..64 * 48).map(|i| f32::from(i % 64 >= 32)).collect();
        raster::blur(&raster::from_values(SIZE, &values).unwrap(), sigma).unwrap()
    }

    #[test]
    fn a_flat_guide_leaves_the_windows_twofold_mean() {
        let guide = Mat::new_size_with_default(SIZE, CV_8UC3, Scalar::all(90.0)).unwrap();
        let filtered = guided_filter(&guide, &step(1.0), WINDOW).unwrap();
        let half = FilterWindow { radius: WINDOW.radius / 2, ..WINDOW };
        let small = raster::area(&step(1.0), Size::new(32, 24)).unwrap();
        let mean = window_mean(&window_mean(&small, half).unwrap(), half).unwrap();
        let expected = raster::enlarged(&mean, SIZE).unwrap();
        let pairs = raster::values(&filtered).unwrap().iter().zip(raster::values(&expected).unwrap());
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-3));
    }

    #[test]
    fn a_blurred_edge_follows_the_guides() {
        let edge: Vec<opencv::core::Vec3b> =
            (0..64 * 48).map(|i| if i % 64 >= 32 { [180, 140, 110] } else { [60, 120, 130] }.into()).collect();
        let guide = Mat::new_rows_cols_with_data(48, 64, &edge).unwrap().try_clone().unwrap();
        let filtered = guided_filter(&guide, &step(3.0), WINDOW).unwrap();
        let at = |x| *filtered.at_2d::<f32>(24, x).unwrap();
        assert!(at(33) - at(30) > 0.7, "{} {}", at(30), at(33));
        assert!(*step(3.0).at_2d::<f32>(24, 33).unwrap() - *step(3.0).at_2d::<f32>(24, 30).unwrap() < 0.4);
    }
}
