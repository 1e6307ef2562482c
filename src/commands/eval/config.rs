//! The configuration of an evaluation.

use std::path::PathBuf;

use super::dataset::DatasetSelection;
use super::metric::mask::{Protocol, Scale};
use super::predict::{MapGeneratorConfig, Named};
use crate::reframe::Aspect;
use crate::reporting::mode::ReportMode;
use crate::saliency::ModelConfig;

/// The configuration of `salstream eval`.
#[derive(Debug, Clone)]
pub struct EvalConfig {
    pub root: PathBuf,
    /// The folder of masks, if the data set has none of its own.
    pub truth: Option<PathBuf>,
    /// Which part of the data set to use.
    pub choice: DatasetSelection,
    /// Which maps to make, and how.
    pub maker: MapGeneratorConfig,
    /// Other methods' maps.
    pub predictions: Vec<Named>,
    /// Which classifier to use, and how.
    pub model: ModelConfig,
    /// The aspect of windows to score, instead of maps.
    pub reframe: Option<Aspect>,
    /// The fixed threshold, 0..=1.
    pub threshold: f64,
    /// Which frames count.
    pub protocol: Protocol,
    /// How to scale maps before the saliency measures.
    pub scale: Scale,
    /// The JSON file for all figures.
    pub json: Option<PathBuf>,
    /// The CSV file for all figures.
    pub csv: Option<PathBuf>,
    /// The HTML file for the report.
    pub html: Option<PathBuf>,
    /// The folder in which to keep this program's maps.
    pub keep: Option<PathBuf>,
    /// Whether to overwrite existing files.
    pub overwrite: bool,
    /// How to report progress.
    pub report: ReportMode,
    /// Threads for OpenCV, and as many for scoring; at least 1.
    pub threads: usize,
}
