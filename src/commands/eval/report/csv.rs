//! All figures as a table.

use serde::Serialize;

use super::Evaluation;
use crate::{Error, Result};

/// One figure. A row without a frame belongs to a sequence, and one without a sequence to the data set.
#[derive(Serialize)]
struct CsvRow<'a> {
    method: &'a str,
    sequence: Option<&'a str>,
    frame: Option<&'a str>,
    measure: &'a str,
    value: f64,
    low: Option<f64>,
    high: Option<f64>,
}

/// The table, with a header: method, sequence, frame, measure, value, low, high (the data set's 95 % interval).
///
/// # Errors
/// An error if the table cannot be written.
pub fn csv(evaluation: &Evaluation) -> Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    for row in rows(evaluation) {
        table.serialize(row).map_err(|e| Error::Usage(format!("the CSV table cannot be written: {e}")))?;
    }
    table.into_inner().map_err(|e| Error::Usage(format!("the CSV table cannot be written: {e}")))
}

fn rows(evaluation: &Evaluation) -> Vec<CsvRow<'_>> {
    let measures = evaluation.kind.measures();
    let of_frame = evaluation.kind.frame_measures();
    let mut rows = Vec::new();
    for method in &evaluation.methods {
        let row = |sequence, frame, measure, value| CsvRow {
            method: &method.name,
            sequence,
            frame,
            measure,
            value,
            low: None,
            high: None,
        };
        for (measure, total) in measures.iter().zip(&method.total) {
            rows.extend(total.map(|total| {
                let (low, high) = total.interval.map(|interval| (interval.low, interval.high)).unzip();
                CsvRow { low, high, ..row(None, None, measure.id, total.mean) }
            }));
        }
        for ((sequence, figures), series) in
            evaluation.dataset.sequences.iter().zip(&method.sequences).zip(&method.series)
        {
            let name = Some(sequence.name.as_str());
            let numbers = measures.iter().zip(figures);
            rows.extend(numbers.filter_map(|(measure, value)| Some(row(name, None, measure.id, (*value)?))));
            for (place, figures) in &series.frames {
                let frame = Some(sequence.frames[*place].name.as_str());
                let numbers = of_frame.iter().zip(figures);
                rows.extend(numbers.filter_map(|(measure, value)| Some(row(name, frame, measure, (*value)?))));
            }
        }
    }
    rows
}
