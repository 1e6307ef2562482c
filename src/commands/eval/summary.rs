//! From the figures of frames to those of a data set.

use super::measure::{BLOCKS, Levels, MeasureKind, Series};
use super::metric::mask::{Pool, Scores};
use super::statistics::{Comparison, Interval, compare, interval};

/// The figures of one method so far.
pub struct FrameTally {
    /// For each sequence.
    sequences: Vec<Series>,
    /// For each part of the only sequence; empty if there are several sequences.
    blocks: Vec<Series>,
    /// The number of frames of the only sequence.
    frames: usize,
}

impl FrameTally {
    /// An empty tally for sequences with these numbers of frames.
    pub fn new(lengths: &[usize]) -> Self {
        let (blocks, frames) = match lengths {
            [frames] => (BLOCKS.min(*frames), *frames),
            _ => (0, 0),
        };
        let empty = |count| vec![Series::default(); count];
        Self { sequences: empty(lengths.len()), blocks: empty(blocks), frames }
    }

    /// Adds a frame.
    pub fn add(&mut self, sequence: usize, frame: usize, measured: &super::measure::Measured) {
        self.sequences[sequence].add(frame, measured);
        if !self.blocks.is_empty() {
            let block = frame * self.blocks.len() / self.frames;
            self.blocks[block].add(frame, measured);
        }
    }

    /// The final figures of the method called `name`.
    pub fn figures(self, name: String, kind: MeasureKind) -> SequenceFigures {
        let means: Vec<Scores> = self.sequences.iter().filter_map(Series::curves).collect();
        let mean = means.iter().collect::<Pool>().mean();
        let levels = mean.as_ref().map(Levels::of).unwrap_or_default();
        let row = |series: &Series| kind.measures().iter().map(|measure| measure.of(series, &levels)).collect();
        let sequences: Vec<Vec<Option<f64>>> = self.sequences.iter().map(row).collect();
        let blocks: Vec<Vec<Option<f64>>> =
            self.blocks.iter().filter(|block| !block.frames.is_empty()).map(row).collect();
        let units = if self.blocks.is_empty() { sequences.clone() } else { blocks };
        let total = (0..kind.measures().len()).map(|at| MeanEstimate::of(&column(&sequences, at), &column(&units, at)));
        SequenceFigures { total: total.collect(), name, levels, mean, sequences, units, series: self.sequences }
    }
}

/// A mean and its 95 % bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanEstimate {
    /// The mean over the sequences.
    pub mean: f64,
    /// `None` if there are too few values to resample.
    pub interval: Option<Interval>,
}

impl MeanEstimate {
    fn of(sequences: &[f64], units: &[f64]) -> Option<Self> {
        let mean = sequences.iter().sum::<f64>() / sequences.len() as f64;
        (!sequences.is_empty()).then(|| Self { mean, interval: interval(units) })
    }
}

/// The final figures of one method. They are in the order of [`MeasureKind::measures`].
pub struct SequenceFigures {
    /// The method's name.
    pub name: String,
    /// For the data set; `None` for a measure without a value.
    pub total: Vec<Option<MeanEstimate>>,
    /// For each sequence.
    pub sequences: Vec<Vec<Option<f64>>>,
    /// For each unit of resampling: the sequences, or the parts of a single one.
    units: Vec<Vec<Option<f64>>>,
    /// The thresholds of the best figures.
    pub levels: Levels,
    /// Means over sequences of the means over frames, with their curves.
    pub mean: Option<Scores>,
    /// The figures of the frames.
    pub series: Vec<Series>,
}

impl SequenceFigures {
    /// Compares this method with another one by the measure with this index; `None` if they have no values in common.
    pub fn against(&self, other: &Self, measure: usize) -> Option<Comparison> {
        let pairs = self.units.iter().zip(&other.units).filter_map(|(a, b)| Some((a[measure]?, b[measure]?)));
        let (first, second): (Vec<f64>, Vec<f64>) = pairs.unzip();
        compare(&first, &second)
    }
}

fn column(rows: &[Vec<Option<f64>>], at: usize) -> Vec<f64> {
    rows.iter().filter_map(|row| row[at]).collect()
}
