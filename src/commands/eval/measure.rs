//! The reported measures: the figures of a frame, and those of a sequence that follow from them.

#[cfg(doc)]
use super::metric::fixation;
use super::metric::mask::{Curve, Pool, Scores, SeriesStatistics};
use super::statistics::{Interval, interval};

/// Number of parts into which a single clip is cut, so that its figures have an interval.
pub const BLOCKS: usize = 10;

/// The figures of one map on one frame.
pub struct Measured {
    /// In the order of [`MeasureKind::frame_measures`]; `None` if a measure is not defined.
    pub figures: Vec<Option<f64>>,
    /// All scores, if the truth is a mask.
    scores: Option<Scores>,
}

impl Measured {
    /// Figures against a mask. `warping_error` is the difference from the previous frame, carried along the flow;
    /// `pointing` is the result of the pointing game.
    pub fn of_mask(scores: Scores, warping_error: Option<f64>, pointing: Option<f64>) -> Self {
        let figures = [
            scores.fixed.region,
            scores.fixed.boundary,
            scores.otsu.region,
            scores.otsu.boundary,
            scores.mae,
            scores.f_adaptive,
            scores.f_weighted,
            scores.s_measure,
            scores.e_adaptive,
        ];
        let figures = figures.into_iter().map(Some).chain([warping_error, pointing]).collect();
        Self { figures, scores: Some(scores) }
    }

    /// Figures against fixations, by each of [`fixation::Measure::ALL`].
    pub fn of_fixations(figures: Vec<Option<f64>>) -> Self {
        Self { figures, scores: None }
    }
}

/// The kind of truth, which decides on the measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeasureKind {
    /// The mask of an object.
    Mask,
    /// Where people looked.
    Fixations,
}

impl MeasureKind {
    /// The names of a frame's figures.
    pub fn frame_measures(self) -> &'static [&'static str] {
        match self {
            Self::Mask => &[
                "j",
                "f",
                "j_otsu",
                "f_otsu",
                "mae",
                "f_adaptive",
                "f_weighted",
                "s",
                "e_adaptive",
                "warping_error",
                "pointing",
            ],
            Self::Fixations => &[
                "nss",
                "cc",
                "sim",
                "kl",
                "auc",
                "auc_judd",
                "auc_borji",
                "auc_shuffled",
                "auc_shuffled_splits",
                "information_gain",
            ],
        }
    }

    /// The figures of a sequence. The first one is the main measure.
    pub fn measures(self) -> &'static [Measure] {
        match self {
            Self::Mask => MASK,
            Self::Fixations => FIXATIONS,
        }
    }
}

/// A figure of a sequence; that of the data set is the mean over its sequences.
pub struct Measure {
    /// Its name in files.
    pub id: &'static str,
    /// Its name in tables.
    pub title: &'static str,
    /// Whether lower is better.
    pub is_error: bool,
    of: fn(&Series, &Levels) -> Option<f64>,
}

const fn higher(id: &'static str, title: &'static str, of: fn(&Series, &Levels) -> Option<f64>) -> Measure {
    Measure { id, title, is_error: false, of }
}

const fn lower(id: &'static str, title: &'static str, of: fn(&Series, &Levels) -> Option<f64>) -> Measure {
    Measure { id, title, is_error: true, of }
}

/// Indices of a frame's figures against a mask.
const J: usize = 0;
const F: usize = 1;

const MASK: &[Measure] = &[
    higher("j_mean", "J", |series, _| series.mean(J)),
    higher("j_recall", "J-rec", |series, _| Some(series.statistics(J)?.recall)),
    lower("j_decay", "J-dec", |series, _| Some(series.statistics(J)?.decay)),
    higher("f_mean", "F", |series, _| series.mean(F)),
    higher("f_recall", "F-rec", |series, _| Some(series.statistics(F)?.recall)),
    lower("f_decay", "F-dec", |series, _| Some(series.statistics(F)?.decay)),
    higher("j_and_f", "J&F", |series, _| Some((series.mean(J)? + series.mean(F)?) / 2.0)),
    higher("j_best", "J-best", |series, levels| Some(series.curves()?.region_curve.0[levels.region])),
    higher("j_otsu", "J-otsu", |series, _| series.mean(2)),
    higher("f_otsu", "F-otsu", |series, _| series.mean(3)),
    lower("mae", "MAE", |series, _| series.mean(4)),
    higher("f_beta_max", "maxF", |series, levels| Some(series.curves()?.f_curve.0[levels.f])),
    higher("f_beta_mean", "meanF", |series, _| Some(series.curves()?.f_curve.mean())),
    higher("f_beta_adaptive", "adpF", |series, _| series.mean(5)),
    higher("f_beta_weighted", "wF", |series, _| series.mean(6)),
    higher("s_measure", "S", |series, _| series.mean(7)),
    higher("e_max", "maxE", |series, levels| Some(series.curves()?.e_curve.0[levels.e])),
    higher("e_mean", "meanE", |series, _| Some(series.curves()?.e_curve.mean())),
    higher("e_adaptive", "adpE", |series, _| series.mean(8)),
    lower("warping_error", "E-warp", |series, _| series.mean(9)),
    higher("pointing", "point", |series, _| series.mean(10)),
];

/// In the order of [`fixation::Measure::ALL`].
const FIXATIONS: &[Measure] = &[
    higher("nss", "NSS", |series, _| series.mean(0)),
    higher("cc", "CC", |series, _| series.mean(1)),
    higher("sim", "SIM", |series, _| series.mean(2)),
    lower("kl", "KL", |series, _| series.mean(3)),
    higher("auc", "AUC", |series, _| series.mean(4)),
    higher("auc_judd", "AUC-J", |series, _| series.mean(5)),
    higher("auc_borji", "AUC-B", |series, _| series.mean(6)),
    higher("auc_shuffled", "sAUC", |series, _| series.mean(7)),
    higher("auc_shuffled_splits", "sAUC-B", |series, _| series.mean(8)),
    higher("information_gain", "IG", |series, _| series.mean(9)),
];

impl Measure {
    /// The figure of `series`, with the thresholds in `levels`.
    pub fn of(&self, series: &Series, levels: &Levels) -> Option<f64> {
        (self.of)(series, levels)
    }
}

/// The figures of one method on the frames of a sequence, or of a part of it.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// The frames that count, by their index in the sequence, in order.
    pub frames: Vec<(usize, Vec<Option<f64>>)>,
    pool: Pool,
}

impl Series {
    /// Adds the frame with the index `place`.
    pub fn add(&mut self, place: usize, measured: &Measured) {
        self.frames.push((place, measured.figures.clone()));
        measured.scores.iter().for_each(|scores| self.pool.add(scores));
    }

    /// The mean of every figure and curve against masks.
    pub fn curves(&self) -> Option<Scores> {
        self.pool.mean()
    }

    fn values(&self, index: usize) -> Vec<f64> {
        self.frames.iter().filter_map(|(_, figures)| figures[index]).collect()
    }

    fn mean(&self, index: usize) -> Option<f64> {
        let values = self.values(index);
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    /// The 95 % interval of the mean of the frames' figure with this `index`, over blocks of frames.
    pub fn interval(&self, index: usize) -> Option<Interval> {
        let values = self.values(index);
        let blocks = values.chunks(values.len().div_ceil(BLOCKS).max(1));
        let means: Vec<f64> = blocks.map(|block| block.iter().sum::<f64>() / block.len() as f64).collect();
        interval(&means)
    }

    fn statistics(&self, index: usize) -> Option<SeriesStatistics> {
        SeriesStatistics::of(&self.values(index))
    }
}

/// The 8-bit thresholds at which one method's curves are highest; each is the same for all sequences.
#[derive(Debug, Clone, Default)]
pub struct Levels {
    /// Of region similarity J.
    pub region: usize,
    /// Of the F-measure.
    pub f: usize,
    /// Of the E-measure.
    pub e: usize,
}

impl Levels {
    /// The thresholds for the mean over sequences.
    pub fn of(mean: &Scores) -> Self {
        let level = |curve: &Curve| (curve.best().1 * (curve.0.len() - 1) as f64).round() as usize;
        Self { region: level(&mean.region_curve), f: level(&mean.f_curve), e: level(&mean.e_curve) }
    }
}
