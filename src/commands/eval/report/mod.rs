//! The results of an evaluation, as a table and as files.

mod csv;
mod html;
mod json;
mod pictures;
mod svg;
mod table;

use super::config::EvalConfig;
use super::dataset::Dataset;
use super::extremes::ExtremeFrames;
use super::measure::MeasureKind;
use super::summary::SequenceFigures;
use crate::Result;
use crate::reporting::terminal::print;

/// All figures of an evaluation.
pub struct Evaluation {
    /// What was scored against.
    pub kind: MeasureKind,
    /// The frames and their truths.
    pub dataset: Dataset,
    /// The methods, at least one; the first is compared with the others.
    pub methods: Vec<SequenceFigures>,
    /// Model, device and precision, if a map was made from a gradient.
    pub classifier: Option<String>,
    /// The first method's best and worst frames.
    pub extremes: ExtremeFrames,
}

impl Evaluation {
    /// Writes the files that `config` asks for, and prints the table.
    ///
    /// # Errors
    /// An error if a file cannot be written.
    pub fn report(&self, config: &EvalConfig) -> Result<()> {
        if let Some(file) = &config.json {
            crate::sink::write(file, &json::json(self, config)?, config.overwrite)?;
        }
        if let Some(file) = &config.csv {
            crate::sink::write(file, &csv::csv(self)?, config.overwrite)?;
        }
        if let Some(file) = &config.html {
            crate::sink::write(file, &html::html(self, config)?, config.overwrite)?;
        }
        print(table::table(self, config).as_bytes())
    }
}
