//! Colour memory: which colours have been salient in this shot and which have not.

use opencv::core::{Mat, Vec3b};
use opencv::prelude::*;

use crate::Result;

/// Bins along L, a and b. The chroma bins span 100 of the 256 levels around grey, where nearly all colours lie.
const BINS: [usize; 3] = [16, 24, 24];
const CELLS: usize = BINS[0] * BINS[1] * BINS[2];
const CHROMA_SPAN: f32 = 100.0;
/// Share of the memory that remains from one frame to the next.
const KEEP: f32 = 0.96;
/// Weight of the current frame, with its saliency before colour is considered, relative to the memory.
const PRESENT: f32 = 2.0;
/// Salient colours are given at least this share of the total mass: a trace of salience in a still scene must not grow
/// into a whole object.
const MIN_SALIENT_SHARE: f32 = 0.02;
/// Added to the density of every bin, so that colours never seen carry no information.
const FLOOR: f32 = 0.08 / CELLS as f32;

/// Lab histograms of the salient pixels and of the others.
#[derive(Default)]
pub(super) struct ColourMemory {
    remembered: Option<Histograms>,
}

/// How often each colour was salient and how often it was not.
#[derive(Clone)]
struct Histograms {
    salient: Vec<f32>,
    other: Vec<f32>,
}

/// The bin of each pixel of an 8-bit Lab picture.
pub(super) struct ColourBins(Vec<u16>);

impl ColourBins {
    pub(super) fn of(lab: &Mat) -> Result<Self> {
        let lightness: [u16; 256] = std::array::from_fn(|v| (v * BINS[0] / 256) as u16);
        let chroma: [u16; 256] = std::array::from_fn(|v| {
            let place = ((v as f32 - 128.0) / CHROMA_SPAN + 0.5).clamp(0.0, 0.999);
            (place * BINS[1] as f32) as u16
        });
        let bin = |p: &Vec3b| {
            let [l, a, b] = [lightness[p[0] as usize], chroma[p[1] as usize], chroma[p[2] as usize]];
            (l * BINS[1] as u16 + a) * BINS[2] as u16 + b
        };
        Ok(Self(lab.data_typed::<Vec3b>()?.iter().map(bin).collect()))
    }
}

impl ColourMemory {
    /// For each pixel, the log of how much more likely its colour is among the salient pixels than among the rest,
    /// given the memory and the frame's saliency before colour, `prior` (0..=1).
    pub(super) fn log_ratio(&mut self, colours: &ColourBins, prior: &[f32]) -> Vec<f32> {
        let present = Histograms::of(colours, prior);
        let blend = match &self.remembered {
            Some(remembered) => remembered.mixed(KEEP, &present, PRESENT),
            None => present.clone(),
        };
        self.remembered.get_or_insert(present);
        let ratio = blend.smoothed().log_ratio();
        colours.0.iter().map(|&bin| ratio[bin as usize]).collect()
    }

    /// Learns the frame with its final saliency (0..=1), weighted by `weight` (0..=1). The memory forgets as fast as it
    /// learns.
    pub(super) fn learn(&mut self, colours: &ColourBins, saliency: &[f32], weight: f32) {
        let present = Histograms::of(colours, saliency);
        self.remembered = Some(match &self.remembered {
            Some(remembered) => remembered.mixed(KEEP.powf(weight), &present, weight),
            None => present,
        });
    }
}

impl Histograms {
    /// Each pixel counts by the square of its saliency for `salient`, and by the square of 1 minus its saliency for
    /// `other`.
    fn of(colours: &ColourBins, saliency: &[f32]) -> Self {
        let mut counted = Self { salient: vec![0.0; CELLS], other: vec![0.0; CELLS] };
        for (&bin, &s) in colours.0.iter().zip(saliency) {
            counted.salient[bin as usize] += s * s;
            counted.other[bin as usize] += (1.0 - s) * (1.0 - s);
        }
        counted
    }

    fn mixed(&self, keep: f32, present: &Self, weight: f32) -> Self {
        let mix = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| keep * a + weight * b).collect();
        Self { salient: mix(&self.salient, &present.salient), other: mix(&self.other, &present.other) }
    }

    fn smoothed(&self) -> Self {
        Self { salient: smooth(&self.salient), other: smooth(&self.other) }
    }

    fn log_ratio(&self) -> Vec<f32> {
        let (salient, other): (f32, f32) = (self.salient.iter().sum(), self.other.iter().sum());
        let salient_mass = salient.max(MIN_SALIENT_SHARE * (salient + other)).max(1e-6);
        let other_mass = other.max(1e-6);
        let ratio = |(s, o): (&f32, &f32)| ((s / salient_mass + FLOOR) / (o / other_mass + FLOOR)).ln();
        self.salient.iter().zip(&self.other).map(ratio).collect()
    }
}

/// Gaussian blur with a sigma of 1 bin along each axis. The histogram is zero beyond its bins.
fn smooth(histogram: &[f32]) -> Vec<f32> {
    let [_, a, b] = BINS;
    [a * b, b, 1].into_iter().zip(BINS).fold(histogram.to_vec(), |values, (stride, length)| {
        let mut out = vec![0.0; values.len()];
        for (offset, weight) in kernel() {
            add_shifted(&mut out, &values, stride, length, offset, weight);
        }
        out
    })
}

/// A Gaussian with a sigma of 1 over nine bins, as offsets and weights.
fn kernel() -> [(isize, f32); 9] {
    let gauss: [f32; 9] = std::array::from_fn(|i| (-0.5 * (i as f32 - 4.0).powi(2)).exp());
    let sum: f32 = gauss.iter().sum();
    std::array::from_fn(|i| (i as isize - 4, gauss[i] / sum))
}

/// Adds `weight` times `values`, shifted by `offset` bins along an axis of `length` bins that lie `stride` cells apart.
fn add_shifted(out: &mut [f32], values: &[f32], stride: usize, length: usize, offset: isize, weight: f32) {
    let shift = offset.unsigned_abs() * stride;
    let (to, from) = if offset < 0 { (0, shift) } else { (shift, 0) };
    for (out, values) in out.chunks_exact_mut(stride * length).zip(values.chunks_exact(stride * length)) {
        let count = values.len().saturating_sub(shift);
        for (out, value) in out[to..to + count].iter_mut().zip(&values[from..from + count]) {
            *out += weight * value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: u16 = 5000;
    const BLUE: u16 = 1000;

    #[test]
    fn smoothing_spreads_a_bin_and_keeps_its_mass() {
        let mut histogram = vec![0.0; CELLS];
        let middle = (8 * 24 + 12) * 24 + 12;
        histogram[middle] = 1.0;
        let smooth = smooth(&histogram);
        let peak = kernel()[4].1;
        assert!((smooth.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!((smooth[middle] - peak.powi(3)).abs() < 1e-6);
        assert!((smooth[middle + 24 * 24] - peak.powi(2) * kernel()[5].1).abs() < 1e-6);
        assert!((smooth[middle - 24] - smooth[middle + 1]).abs() < 1e-7);
    }

    #[test]
    fn smoothing_does_not_wrap_to_the_next_row() {
        let mut histogram = vec![0.0; CELLS];
        histogram[23] = 1.0;
        assert_eq!(smooth(&histogram)[24 + 4], smooth(&histogram)[24 + 23 - 19]);
        assert!(smooth(&histogram)[24] < 1e-7, "the far end of the next row is 23 bins away");
    }

    #[test]
    fn remembers_which_colour_was_salient() {
        let mut memory = ColourMemory::default();
        let colours = ColourBins([vec![RED; 50], vec![BLUE; 150]].concat());
        let saliency: Vec<f32> = (0..200).map(|i| if i < 50 { 0.9 } else { 0.1 }).collect();
        for _ in 0..10 {
            memory.learn(&colours, &saliency, 1.0);
        }
        let ratio = memory.log_ratio(&colours, &[0.5; 200]);
        assert!(ratio[0] > 1.0 && ratio[199] < -1.0, "{} {}", ratio[0], ratio[199]);
    }

    #[test]
    fn a_trace_of_salience_is_not_blown_up() {
        let mut memory = ColourMemory::default();
        let colours = ColourBins([vec![RED; 2], vec![BLUE; 198]].concat());
        let saliency: Vec<f32> = (0..200).map(|i| if i < 2 { 0.05 } else { 0.001 }).collect();
        let ratio = memory.log_ratio(&colours, &saliency);
        assert!(ratio[0] < 0.0, "{}", ratio[0]);
    }
}
