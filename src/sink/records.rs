//! A table with one record per frame, as JSON lines or CSV.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::TempPath;

use super::WrittenFile;
use crate::{Error, Result, platform::paths};

/// The record of one frame. Means and peaks are those of maps in 0..=1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FrameRecord {
    /// Position in the clip, from 0.
    pub index: u64,
    /// Presentation timestamp in seconds from the first frame.
    pub time: f64,
    /// Class id; `None` between a cut and the next key frame.
    pub class: Option<usize>,
    /// Class name.
    pub label: Option<String>,
    /// Softmax probability of that class, 0..=1.
    pub probability: Option<f32>,
    /// Mean of the static map.
    pub static_mean: f32,
    /// Peak of the static map.
    pub static_peak: f32,
    /// Mean of the motion map.
    pub motion_mean: f32,
    /// Peak of the motion map.
    pub motion_peak: f32,
    /// Mean of the fused map.
    pub fused_mean: f32,
    /// Peak of the fused map.
    pub fused_peak: f32,
    /// The weight of motion in the fusion, 0..=1.
    pub fusion_weight: f32,
    /// Whether a cut lies before this frame.
    pub cut: bool,
    /// Milliseconds spent on decoding; this and the following times are `None` if the table must be reproducible.
    pub ms_decode: Option<f32>,
    /// Milliseconds spent on the classifier's gradient.
    pub ms_static: Option<f32>,
    /// Milliseconds spent on motion.
    pub ms_motion: Option<f32>,
    /// Milliseconds spent on fusion.
    pub ms_fuse: Option<f32>,
    /// Milliseconds spent on drawing.
    pub ms_draw: Option<f32>,
}

impl FrameRecord {
    /// The same record without the times of the stages.
    pub fn untimed(self) -> Self {
        Self { ms_decode: None, ms_static: None, ms_motion: None, ms_fuse: None, ms_draw: None, ..self }
    }
}

/// A table being written. It leaves nothing behind if it is dropped before [`RecordSink::finish`].
pub struct RecordSink {
    output: PathBuf,
    overwrite: bool,
    temp: TempPath,
    table: RecordTable,
    records: u64,
}

enum RecordTable {
    Json(BufWriter<File>),
    Csv(Box<csv::Writer<File>>),
}

impl RecordSink {
    /// Rejects a table that cannot or must not be written.
    ///
    /// # Errors
    /// [`Error::Usage`] for an extension other than `.jsonl` and `.csv`, and the errors of [`check`](super::check).
    pub fn check(output: &Path, input: Option<&Path>, overwrite: bool) -> Result<()> {
        if !["jsonl", "csv"].contains(&paths::extension(output).as_str()) {
            return Err(Error::Usage(format!(
                "{}: unknown format of records: end the name in .jsonl or .csv",
                output.display()
            )));
        }
        super::check(output, input, overwrite)
    }

    /// Starts a table at `output`: JSON lines for `.jsonl`, comma-separated values with a header for `.csv`.
    ///
    /// # Errors
    /// [`Error::Usage`] for another extension or an existing file; [`Error::Output`] if it cannot be written.
    pub fn create(output: &Path, overwrite: bool) -> Result<Self> {
        Self::check(output, None, overwrite)?;
        let (file, temp) = super::temporary(output)?.into_parts();
        let table = if paths::extension(output) == "csv" {
            RecordTable::Csv(Box::new(csv::Writer::from_writer(file)))
        } else {
            RecordTable::Json(BufWriter::new(file))
        };
        Ok(Self { output: output.to_owned(), overwrite, temp, table, records: 0 })
    }

    /// Appends one record.
    ///
    /// # Errors
    /// [`Error::Io`] if the record cannot be written, for example because the disk is full.
    pub fn write(&mut self, record: &FrameRecord) -> Result<()> {
        let written = match &mut self.table {
            RecordTable::Json(out) => {
                serde_json::to_writer(&mut *out, record).map_err(Into::into).and_then(|()| out.write_all(b"\n"))
            }
            RecordTable::Csv(out) => out.serialize(record).map_err(Into::into),
        };
        self.records += 1;
        written.map_err(Error::io(&self.output))
    }

    /// Finishes the table and gives it its final name.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Output`] if the rest cannot be written.
    pub fn finish(mut self) -> Result<WrittenFile> {
        let flushed = match &mut self.table {
            RecordTable::Json(out) => out.flush(),
            RecordTable::Csv(out) => out.flush(),
        };
        flushed.map_err(Error::io(&self.output))?;
        super::publish(self.temp, &self.output, self.overwrite)?;
        Ok(WrittenFile { path: self.output, frames: self.records, warnings: Vec::new() })
    }
}

/// Reads the records of a finished table.
///
/// # Errors
/// [`Error::Input`] if it cannot be read or contains anything else.
pub fn read(table: &Path) -> Result<Vec<FrameRecord>> {
    let wrong = |e: &dyn std::fmt::Display| Error::input(table, format!("cannot be read as records: {e}"));
    if paths::extension(table) == "csv" {
        let mut rows = csv::Reader::from_path(table).map_err(|e| wrong(&e))?;
        return rows.deserialize().collect::<Result<_, _>>().map_err(|e| wrong(&e));
    }
    let text = std::fs::read_to_string(table).map_err(|e| wrong(&e))?;
    text.lines().map(serde_json::from_str).collect::<Result<_, _>>().map_err(|e| wrong(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let mut sink = RecordSink::create(&path, false).unwrap();
        let label = Some("tabby, \"tabby cat\"".to_owned());
        sink.write(&FrameRecord {
            index: 0,
            class: Some(281),
            label,
            probability: Some(0.5),
            ..FrameRecord::default()
        })
        .unwrap();
        sink.write(&FrameRecord { index: 1, time: 0.04, cut: true, ..FrameRecord::default() }).unwrap();
        assert!(!path.exists(), "the table has its final name before it is finished");
        assert_eq!(sink.finish().unwrap().frames, 2);
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn json_lines_parse_back() {
        let text = table("r.jsonl");
        let records: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0]["label"], "tabby, \"tabby cat\"");
        assert_eq!(records[1]["class"], serde_json::Value::Null);
        assert_eq!(records[1]["cut"], true);
    }

    #[test]
    fn csv_has_one_header_and_parses_back() {
        let text = table("r.csv");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap().get(0), Some("index"));
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(&rows[0][3], "tabby, \"tabby cat\"");
    }

    #[test]
    fn what_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(RecordSink::create(&folder.path().join("r.csv"), false).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(matches!(RecordSink::create(&folder.path().join("r.txt"), false), Err(Error::Usage(_))));
    }
}
