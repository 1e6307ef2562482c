//! The shape of the window.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use opencv::core::Size;

/// Largest number on either side of an aspect's colon.
const MAX_TERM: u32 = 10_000;

/// The ratio of width to height, such as 9:16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aspect {
    width: u32,
    height: u32,
}

impl Aspect {
    /// The largest window of this shape within `picture`, divided by `zoom` (1 or more). Its sides are even, as 4:2:0
    /// video needs them, unless the picture is only one pixel wide or high.
    pub fn window(self, picture: Size, zoom: f64) -> Size {
        let ratio = f64::from(self.width) / f64::from(self.height);
        let limits = [picture.width, picture.height].map(|side| if side > 1 { side & !1 } else { side });
        let [width, height] = limits.map(f64::from);
        let side = |side: f64, limit: i32| (2 * (side / zoom / 2.0).round() as i32).clamp(limit.min(2), limit);
        Size::new(side(width.min(height * ratio), limits[0]), side(height.min(width / ratio), limits[1]))
    }
}

impl FromStr for Aspect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let term = |text: &str| text.parse().ok().filter(|term| (1..=MAX_TERM).contains(term));
        let terms = text.split_once(':').and_then(|(width, height)| Some((term(width)?, term(height)?)));
        let (width, height) = terms
            .ok_or_else(|| format!("must be WIDTH:HEIGHT, such as 9:16, with whole numbers from 1 to {MAX_TERM}"))?;
        Ok(Self { width, height })
    }
}

impl Display for Aspect {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_the_largest_of_its_shape_with_even_sides() {
        let window = |aspect: &str, width, height, zoom| {
            let size = aspect.parse::<Aspect>().unwrap().window(Size::new(width, height), zoom);
            (size.width, size.height)
        };
        assert_eq!(window("9:16", 1920, 1080, 1.0), (608, 1080));
        assert_eq!(window("9:16", 1080, 1920, 1.0), (1080, 1920));
        assert_eq!(window("21:9", 1920, 1080, 1.0), (1920, 822));
        assert_eq!(window("1:1", 427, 241, 1.0), (240, 240));
        assert_eq!(window("1:1", 1920, 1080, 2.0), (540, 540));
        assert_eq!(window("10000:1", 640, 360, 1.0), (640, 2));
        assert_eq!(window("1:1", 1, 1, 1.0), (1, 1));
    }

    #[test]
    fn an_aspect_is_two_whole_numbers() {
        assert_eq!("4:5".parse::<Aspect>().unwrap().to_string(), "4:5");
        for text in ["", "abc", "9", "0:1", "1:0", "9:", ":16", "9:16:1", "-9:16", "1.5:1", "10001:1"] {
            assert!(text.parse::<Aspect>().is_err(), "{text}");
        }
    }
}
