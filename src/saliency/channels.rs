//! How the colour channels of a gradient become one map.

use opencv::core::{CV_32FC1, Mat};
use opencv::prelude::*;

use crate::Result;
use crate::choice::choices;
use crate::model::Layout;

choices! {
    /// How the gradient's colour channels become one map.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Channels {
        /// The largest absolute value: how strongly any colour matters
        Max = "max",
        /// The signed sum, as in the method's first figures
        Sum = "sum",
    }
}

impl Channels {
    /// Combines the result so far, which starts at 0, with the value of one more channel.
    fn add(self, so_far: f32, value: f32) -> f32 {
        match self {
            Self::Max => so_far.max(value.abs()),
            Self::Sum => so_far + value,
        }
    }

    /// The map (`CV_32FC1`) of a gradient for a picture of this width and height.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if there is no memory for it.
    pub(super) fn combine(self, gradient: &[f32], layout: Layout, (width, height): (usize, usize)) -> Result<Mat> {
        let mut map = Mat::new_rows_cols_with_default(height as i32, width as i32, CV_32FC1, 0.into())?;
        let area = width * height;
        let values = map.data_typed_mut::<f32>()?;
        let combine = |out: &mut f32, value: &f32| *out = self.add(*out, *value);
        match layout {
            Layout::Nchw => {
                let planes = gradient.chunks_exact(area);
                planes.for_each(|plane| values.iter_mut().zip(plane).for_each(|(out, value)| combine(out, value)));
            }
            Layout::Nhwc => {
                let pixels = gradient.chunks_exact(gradient.len() / area);
                values.iter_mut().zip(pixels).for_each(|(out, pixel)| pixel.iter().for_each(|v| combine(out, v)));
            }
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_combine_as_named() {
        let values = [-3.0, 1.0, 2.5];
        let combined = |channels: Channels| values.into_iter().fold(0.0, |so_far, value| channels.add(so_far, value));
        assert_eq!((combined(Channels::Max), combined(Channels::Sum)), (3.0, 0.5));
    }
}
