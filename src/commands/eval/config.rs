//! What an evaluation needs to know.

use std::path::PathBuf;

use super::dataset::DatasetSelection;
use super::metric::mask::{Protocol, Scale};
use super::predict::{MapGeneratorConfig, Named};
use crate::reporting::mode::ReportMode;
use crate::saliency::ModelConfig;

/// Everything that `salstream eval` needs to know.
#[derive(Debug, Clone)]
pub struct EvalConfig {
    /// The data set's folder.
    pub root: PathBuf,
    /// The folder of masks, where the data set has none of its own.
    pub truth: Option<PathBuf>,
    /// Which part of the data set to take.
    pub choice: DatasetSelection,
    /// Which maps to make, and how.
    pub maker: MapGeneratorConfig,
    /// Other methods' maps.
    pub predictions: Vec<Named>,
    /// Which classifier, and how.
    pub model: ModelConfig,
    /// The fixed threshold, 0..=1.
    pub threshold: f64,
    /// Which frames count.
    pub protocol: Protocol,
    /// What is done to maps before saliency is measured.
    pub scale: Scale,
    /// Where the figures go, besides standard output.
    pub json: Option<PathBuf>,
    /// The same as a table.
    pub csv: Option<PathBuf>,
    /// The same as a page to look at.
    pub html: Option<PathBuf>,
    /// Where this program's maps are kept.
    pub keep: Option<PathBuf>,
    /// Whether existing results are replaced.
    pub overwrite: bool,
    /// How to report.
    pub report: ReportMode,
    /// Threads for OpenCV, and as many for scoring; at least 1.
    pub threads: usize,
}
