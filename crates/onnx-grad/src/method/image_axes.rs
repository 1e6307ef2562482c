//! Which axes of a picture are its channels, rows and columns.

use crate::error::Error;
use crate::tape::Tensor;

/// The axes of a picture with a batch axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageAxes {
    /// The axis of the channels.
    pub channels: usize,
    /// The axis of the rows.
    pub rows: usize,
    /// The axis of the columns.
    pub columns: usize,
}

impl ImageAxes {
    /// The axes of an image of this shape, or `None` if it has not four axes. Three channels are the surest sign, then
    /// one or four channels in the last axis. Without such a sign, the channels come before rows and columns.
    pub fn of(shape: &[usize]) -> Option<Self> {
        let [_, first, _, last] = *shape else { return None };
        let likely = |channels: usize| matches!(channels, 1 | 4);
        let channels_last = first != 3 && (last == 3 || likely(last) && !likely(first));
        Some(match channels_last {
            true => Self { channels: 3, rows: 1, columns: 2 },
            false => Self { channels: 1, rows: 2, columns: 3 },
        })
    }

    /// The error that `image` has no such axes.
    pub fn missing(image: &Tensor) -> Error {
        let problem = "is not [N, channels, height, width] or [N, height, width, channels], which this --method needs";
        Error::Graph(format!("{} {:?} {problem}; use --method gradient", image.name, image.shape))
    }
}

/// The axis of the channels of a picture with a batch axis: `[N, channels, height, width]` or `[N, height, width,
/// channels]`. `None` if the shape has not four axes.
pub fn channels_axis(shape: &[usize]) -> Option<usize> {
    ImageAxes::of(shape).map(|axes| axes.channels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_found() {
        let channels = |shape: &[usize]| ImageAxes::of(shape).map(|axes| axes.channels);
        assert_eq!(channels(&[1, 3, 32, 3]), Some(1));
        assert_eq!(channels(&[1, 32, 32, 3]), Some(3));
        assert_eq!(channels(&[1, 32, 32, 1]), Some(3));
        assert_eq!(channels(&[1, 1, 32, 32]), Some(1));
        assert_eq!(channels(&[1, 12, 32, 32]), Some(1));
        assert_eq!(channels(&[3, 32, 32]), None);
    }
}
