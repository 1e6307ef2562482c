//! Corrects the colours of pictures that OpenCV decoded.

use opencv::core::Mat;

use crate::Result;

/// The 3x3 matrix (`CV_32FC1`, BGR order) that corrects pixels of a stream with another colour space than BT.601,
/// because OpenCV converts every picture to RGB with the BT.601 matrix. `None` if BT.601 is right or the colour space
/// is unknown. Values that OpenCV clipped stay clipped: the most saturated greens of a BT.709 stream are up to 15 %
/// darker.
pub fn correction(color_space: &str) -> Option<Result<Mat>> {
    let (kr, kb) = match color_space {
        "bt709" => (0.2126, 0.0722),
        "bt2020nc" => (0.2627, 0.0593),
        "smpte240m" => (0.212, 0.087),
        _ => return None,
    };
    let product = multiply(&decoding(kr, kb), &encoding(0.299, 0.114));
    let bgr: Vec<[f32; 3]> = (0..3).map(|row| std::array::from_fn(|col| product[2 - row][2 - col] as f32)).collect();
    Some(Mat::from_slice_2d(&bgr).map_err(Into::into))
}

type Matrix = [[f64; 3]; 3];

/// RGB to Y'CbCr with luma weights `kr` and `kb` (ITU-T H.273, 8.3).
fn encoding(kr: f64, kb: f64) -> Matrix {
    let kg = 1.0 - kr - kb;
    let (u, v) = (2.0 * (1.0 - kb), 2.0 * (1.0 - kr));
    [[kr, kg, kb], [-kr / u, -kg / u, (1.0 - kb) / u], [(1.0 - kr) / v, -kg / v, -kb / v]]
}

/// The inverse of [`encoding`].
fn decoding(kr: f64, kb: f64) -> Matrix {
    let kg = 1.0 - kr - kb;
    let (u, v) = (2.0 * (1.0 - kb), 2.0 * (1.0 - kr));
    [[1.0, 0.0, v], [1.0, -kb * u / kg, -kr * v / kg], [1.0, u, 0.0]]
}

fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|row| std::array::from_fn(|col| (0..3).map(|k| a[row][k] * b[k][col]).sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_inverts_encoding() {
        let unit = multiply(&decoding(0.2126, 0.0722), &encoding(0.2126, 0.0722));
        for (row, values) in unit.iter().enumerate() {
            for (col, value) in values.iter().enumerate() {
                assert!((value - f64::from(u8::from(row == col))).abs() < 1e-12);
            }
        }
    }
}
