//! Look-ahead: maps of the next few frames are warped back along the flow.

use opencv::core::Mat;
use opencv::prelude::*;

use super::logit::{logit, probability};
use crate::Result;
use crate::frame::{Maps, SaliencyMap};
use crate::motion::FrameMotion;
use crate::raster;
use crate::raster::warp::FlowWarp;

/// Weight of a frame's map in the previous frame's result, relative to the previous frame's own map.
const FADE: f32 = 0.8;

/// Warps a frame's map back to the previous frame.
pub struct InverseWarp(FlowWarp);

impl InverseWarp {
    /// The inverse warp of the frame that `motion` belongs to.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails.
    pub fn of(motion: &FrameMotion) -> Result<Self> {
        FlowWarp::against(&motion.flow).map(Self)
    }
}

/// The fused map of the first of `frames`: the mean of the log odds of all of them. The later frames are warped back
/// along the flow and weighted by 0.8 per frame of distance. Frames after a cut are left out.
///
/// The first map of a shot is only a guess because nothing has moved yet, so only later frames count for it.
///
/// # Errors
/// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails.
pub fn look_ahead<'a>(
    frames: impl IntoIterator<Item = (&'a FrameMotion, &'a Maps, &'a InverseWarp)>,
) -> Result<SaliencyMap> {
    let mut frames = frames.into_iter();
    let Some((motion, maps, _)) = frames.next() else { return Ok(SaliencyMap::default()) };
    let within =
        |map: &SaliencyMap| motion.content.map_or_else(|| Ok(map.0.try_clone()?), |content| content.crop(&map.0));
    let own = within(&maps.fused)?;
    let mut sum = WeightedLogits::default();
    if !motion.first {
        sum.add(&own, 1.0)?;
    }
    let (mut way, mut weight) = (Vec::new(), 1.0);
    for (_, maps, sight) in frames.take_while(|(motion, ..)| !motion.first) {
        way.push(&sight.0);
        weight *= FADE;
        let mut map = within(&maps.fused)?;
        for step in way.iter().rev() {
            map = step.apply(&map)?;
        }
        sum.add(&map, weight)?;
    }
    let seen = if sum.weight > 0.0 { raster::from_values(own.size()?, &sum.mean())? } else { own };
    Ok(SaliencyMap(motion.content.map_or_else(|| Ok(seen.try_clone()?), |content| content.pad(&seen))?))
}

#[derive(Default)]
struct WeightedLogits {
    odds: Vec<f32>,
    weight: f32,
}

impl WeightedLogits {
    fn add(&mut self, map: &Mat, weight: f32) -> Result<()> {
        let values = raster::values(map)?;
        self.odds.resize(values.len(), 0.0);
        for (odds, p) in self.odds.iter_mut().zip(values) {
            *odds += weight * logit(*p);
        }
        self.weight += weight;
        Ok(())
    }

    /// The weighted mean, as probabilities.
    fn mean(&self) -> Vec<f32> {
        self.odds.iter().map(|odds| probability(odds / self.weight)).collect()
    }
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_32FC2, Scalar, Size};

    use super::*;
    use crate::frame::Flow;

    const SIZE: Size = Size { width: 40, height: 32 };

    /// A frame whose picture has moved to the right by two pixels, with a bright square that starts at column `x`.
    fn frame(first: bool, x: i32) -> (FrameMotion, Maps) {
        let flow = Mat::new_size_with_default(SIZE, CV_32FC2, Scalar::new(-2.0, 0.0, 0.0, 0.0)).unwrap();
        let (lab, residual) = (Mat::default(), Mat::default());
        let motion = FrameMotion {
            index: 0,
            lab,
            flow: Flow(flow),
            residual,
            scale: 1.0,
            speed: 24.0,
            first,
            cut: first,
            content: None,
        };
        let inside = |i: i32| (x..x + 8).contains(&(i % SIZE.width));
        let values: Vec<f32> = (0..SIZE.area()).map(|i| f32::from(u8::from(inside(i)))).collect();
        let map = || SaliencyMap(raster::from_values(SIZE, &values).unwrap());
        let (static_, motion_, fused) = (map(), map(), map());
        (motion, Maps { static_, others: vec![], motion: motion_, fused, motion_weight: 1.0, cut: first })
    }

    fn columns(frames: &[(FrameMotion, Maps)]) -> Vec<usize> {
        let sights: Vec<InverseWarp> = frames.iter().map(|(motion, _)| InverseWarp::of(motion).unwrap()).collect();
        let map = look_ahead(frames.iter().zip(&sights).map(|((motion, maps), sight)| (motion, maps, sight))).unwrap();
        let row = &raster::values(&map.0).unwrap()[16 * 40..17 * 40];
        (0..40).filter(|&x| row[x] > 0.5).collect()
    }

    #[test]
    fn later_frames_are_carried_back() {
        let square: Vec<usize> = (10..18).collect();
        assert_eq!(columns(&[frame(false, 10), frame(false, 12), frame(false, 14)]), square);
        assert_eq!(columns(&[frame(true, 30), frame(false, 12), frame(false, 14)]), square, "a guess does not count");
    }

    #[test]
    fn nothing_behind_a_cut_counts() {
        assert_eq!(columns(&[frame(false, 10), frame(true, 30), frame(false, 30)]), (10..18).collect::<Vec<_>>());
        assert_eq!(columns(&[frame(true, 10), frame(true, 30)]), (10..18).collect::<Vec<_>>());
    }
}
