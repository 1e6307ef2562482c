//! SmoothGrad with its samples spread over a clip: some key frames are seen with noise, and the average along the motion
//! does the rest. A clip's map is then as smooth as a picture's of many samples, at no more runs of the classifier.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand_distr::{Distribution, StandardNormal};

/// One key frame in so many is seen with noise. What the classifier says of a noisy frame does not count, so the label and
/// the features are those of the others; of every second, J on DAVIS is 0.005 lower.
const NOISY_EVERY: i64 = 3;
/// Mean difference from the key frame before, as a share of the range of values, from which on a frame may show something
/// else: it is seen as it is, so that its label does not wait. Frames of one shot came to 0.06, and
/// to 0.1 at most; frames of two scenes to 0.17 at least.
const CHANGED: f32 = 0.1;

/// Adds noise to a clip's key frames: the same to a frame whichever part of the clip is read.
pub(super) struct SpreadNoise {
    /// Standard deviation, as a share of the picture's range of values.
    level: f32,
    /// Time of the first key frame, and seconds from it to the next.
    first: Option<f64>,
    interval: Option<f64>,
    /// The key frame before, without noise.
    before: Vec<f32>,
}

impl SpreadNoise {
    pub(super) fn new(level: f32) -> Self {
        Self { level, first: None, interval: None, before: Vec::new() }
    }

    /// Begins another clip.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.level);
    }

    /// Whether the next key frame, shown at `time` in seconds, is seen with noise; if so, it is added to `input`, the values
    /// that the network is given. A clip's first key frame never is.
    pub(super) fn add(&mut self, input: &mut [f32], time: f64) -> bool {
        let first = *self.first.get_or_insert(time);
        if time > first {
            self.interval.get_or_insert(time - first);
        }
        let number = self.interval.map_or(0, |interval| (time / interval).round() as i64);
        let range = range(input);
        let changed = !self.before.is_empty() && difference(input, &self.before) > CHANGED * range;
        let noisy = self.interval.is_some() && number % NOISY_EVERY == 1 && !changed;
        self.before.clear();
        self.before.extend_from_slice(input);
        if noisy {
            add_noise(input, self.level * range, &mut SmallRng::seed_from_u64(number as u64));
        }
        noisy
    }
}

/// Adds Gaussian noise of a standard deviation.
pub(super) fn add_noise(input: &mut [f32], deviation: f32, random: &mut SmallRng) {
    let noise = StandardNormal.sample_iter(random);
    input.iter_mut().zip(noise).for_each(|(value, noise): (&mut f32, f32)| *value += deviation * noise);
}

/// The largest value less the least.
pub(super) fn range(input: &[f32]) -> f32 {
    let (least, most) = input.iter().fold((f32::MAX, f32::MIN), |(least, most), v| (least.min(*v), most.max(*v)));
    most - least
}

/// The mean absolute difference.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture with a range of 10.
    fn picture(shift: usize) -> Vec<f32> {
        (0..3000).map(|i| ((i + shift) % 11) as f32).collect()
    }

    /// Which of the frames at these times are noisy, and what becomes of them.
    fn seen(noise: &mut SpreadNoise, times: impl Iterator<Item = f64>) -> Vec<(bool, Vec<f32>)> {
        let mut add = |time| {
            let mut input = picture(0);
            (noise.add(&mut input, time), input)
        };
        times.map(&mut add).collect()
    }

    #[test]
    fn every_third_key_frame_is_noisy_by_its_place_in_the_clip() {
        let mut noise = SpreadNoise::new(0.1);
        let whole = seen(&mut noise, (0..9).map(|k| f64::from(k) / 25.0));
        let noisy: Vec<usize> = (0..9).filter(|k| whole[*k].0).collect();
        assert_eq!(noisy, [1, 4, 7]);
        assert_eq!(whole[0].1, picture(0), "a frame without noise stays as it is");
        assert_ne!(whole[1].1, whole[4].1, "each has noise of its own");
        let error = whole[1].1.iter().zip(picture(0)).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / 3000.0;
        assert!((error.sqrt() - 1.0).abs() < 0.05, "a tenth of the range of 10: {}", error.sqrt());
        noise.restart();
        assert!(seen(&mut noise, (2..9).map(|k| f64::from(k) / 25.0)) == whole[2..], "a part of the clip is the same");
    }

    #[test]
    fn a_frame_that_shows_something_else_is_seen_as_it_is() {
        let mut noise = SpreadNoise::new(0.1);
        seen(&mut noise, [0.0, 0.04, 0.08, 0.12].into_iter());
        assert!(!noise.add(&mut picture(5), 0.16));
        assert!(noise.add(&mut picture(5), 0.28));
    }
}
