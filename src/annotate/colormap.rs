//! Colour maps as look-up tables.

use opencv::core::{Mat, MatTraitConstManual, Vec3b};
use opencv::imgproc;

use crate::Result;
use crate::choice::choices;

/// 256 colours in BGR, from the lowest map value to the highest.
pub type ColorTable = [[u8; 3]; 256];

choices! {
    /// How map values become colours.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Colormap {
        /// Green, blue, white: exactly matplotlib's ocean; the original method's colours.
        Ocean = "ocean",
        /// Blue, green, yellow, red; lightness changes smoothly.
        Turbo = "turbo",
        /// Black, purple, orange, pale yellow; perceptually uniform.
        Inferno = "inferno",
        /// Black, purple, pink, pale yellow; perceptually uniform.
        Magma = "magma",
        /// Blue, purple, orange, yellow; perceptually uniform.
        Plasma = "plasma",
        /// Violet, green, yellow; perceptually uniform.
        Viridis = "viridis",
        /// Blue, grey, yellow; looks the same to colour-blind viewers.
        Cividis = "cividis",
        /// Black, red, yellow, white.
        Hot = "hot",
        /// Blue, cyan, yellow, red; the former default of other tools.
        Jet = "jet",
        /// Black to white.
        Gray = "gray",
    }
}

impl Colormap {
    /// The colour table of the colour map.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV does not have the colour map.
    pub fn table(self) -> Result<ColorTable> {
        let id = match self {
            Self::Ocean => return Ok(ocean()),
            Self::Gray => return Ok(std::array::from_fn(|i| [i as u8; 3])),
            Self::Turbo => imgproc::COLORMAP_TURBO,
            Self::Inferno => imgproc::COLORMAP_INFERNO,
            Self::Magma => imgproc::COLORMAP_MAGMA,
            Self::Plasma => imgproc::COLORMAP_PLASMA,
            Self::Viridis => imgproc::COLORMAP_VIRIDIS,
            Self::Cividis => imgproc::COLORMAP_CIVIDIS,
            Self::Hot => imgproc::COLORMAP_HOT,
            Self::Jet => imgproc::COLORMAP_JET,
        };
        let ramp: [u8; 256] = std::array::from_fn(|i| i as u8);
        let mut colours = Mat::default();
        imgproc::apply_color_map(&Mat::from_slice(&ramp)?, &mut colours, id)?;
        let colours = colours.data_typed::<Vec3b>()?;
        Ok(std::array::from_fn(|i| colours[i].0))
    }
}

/// matplotlib's definition (gnuplot's formulae 23, 28, 3), with the same steps and the same truncation to bytes.
fn ocean() -> ColorTable {
    let byte = |value: f64| (value.clamp(0.0, 1.0) * 255.0) as u8;
    std::array::from_fn(|i| {
        let x = if i == 255 { 1.0 } else { i as f64 * (1.0 / 255.0) };
        [byte(x), byte(((3.0 * x - 1.0) / 2.0).abs()), byte(3.0 * x - 2.0)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Choice;

    /// 256 RGB triples written by matplotlib itself: tests/references/ocean.py.
    const MATPLOTLIB: &[u8; 768] = include_bytes!("../../tests/fixtures/ocean.rgb");

    #[test]
    fn ocean_is_matplotlibs_to_the_bit() {
        let table = Colormap::Ocean.table().unwrap();
        for (ours, theirs) in table.iter().zip(MATPLOTLIB.as_chunks::<3>().0) {
            assert_eq!(ours, &[theirs[2], theirs[1], theirs[0]]);
        }
    }

    #[test]
    fn every_map_has_many_colours() {
        for map in Colormap::values() {
            let mut colours = map.table().unwrap().to_vec();
            colours.dedup();
            assert!(colours.len() > 180, "{map:?} has {} colours", colours.len());
        }
    }
}
