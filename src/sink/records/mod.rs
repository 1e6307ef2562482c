//! A table with one record per frame, as JSON lines or CSV, in a file or on standard output.

mod frame_record;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

pub use self::frame_record::{FrameRecord, RegionsField};
use super::ReadyOutput;
use crate::reporting::terminal;
use crate::{Error, Result, platform::paths};

/// A table being written. A file leaves nothing behind if it is dropped before [`RecordSink::finish`].
pub struct RecordSink(RecordTable);

enum RecordTable {
    File(TableFile),
    /// JSON lines. If the reader closes standard output, further records are dropped.
    Stdout,
}

struct TableFile {
    output: PathBuf,
    overwrite: bool,
    temp: TempPath,
    rows: TableRows,
}

enum TableRows {
    Json(BufWriter<File>),
    Csv(Box<csv::Writer<File>>),
}

impl RecordSink {
    /// Rejects a table that cannot or must not be written.
    ///
    /// # Errors
    /// [`Error::Usage`] for an extension other than `.jsonl` and `.csv`, and the errors of [`check`](super::check).
    pub fn check(output: &Path, input: Option<&Path>, overwrite: bool) -> Result<()> {
        if paths::is_stdout(output) {
            return Ok(());
        }
        if !["jsonl", "csv"].contains(&paths::extension(output).as_str()) {
            return Err(Error::Usage(format!(
                "{}: unknown format of records: end the name in .jsonl or .csv, or use - for standard output",
                output.display()
            )));
        }
        super::check(output, input, overwrite)
    }

    /// Starts a table at `output`: JSON lines for `.jsonl` and for `-`, which is standard output; comma-separated values
    /// with a header for `.csv`.
    ///
    /// # Errors
    /// [`Error::Usage`] for another extension or an existing file; [`Error::Output`] if it cannot be written.
    pub fn create(output: &Path, overwrite: bool) -> Result<Self> {
        Self::check(output, None, overwrite)?;
        if paths::is_stdout(output) {
            return Ok(Self(RecordTable::Stdout));
        }
        let (file, temp) = super::temporary(output)?.into_parts();
        let rows = if paths::extension(output) == "csv" {
            TableRows::Csv(Box::new(csv::Writer::from_writer(file)))
        } else {
            TableRows::Json(BufWriter::new(file))
        };
        Ok(Self(RecordTable::File(TableFile { output: output.to_owned(), overwrite, temp, rows })))
    }

    /// Appends one record. On standard output, it can be read at once.
    ///
    /// # Errors
    /// [`Error::Io`] if the record cannot be written, for example because the disk is full.
    pub fn write(&mut self, record: FrameRecord) -> Result<()> {
        match &mut self.0 {
            RecordTable::File(file) => file.rows.write(record).map_err(Error::io(&file.output)),
            RecordTable::Stdout => {
                let line = json_line(&record).map_err(Error::io("standard output"))?;
                // Rust's standard output is flushed at the end of each line.
                terminal::print(&line)
            }
        }
    }

    /// Finishes the table; `None` if it is on standard output.
    ///
    /// # Errors
    /// [`Error::Io`] if the rest cannot be written.
    pub fn finish(self) -> Result<Option<ReadyOutput>> {
        match self.0 {
            RecordTable::File(TableFile { output, overwrite, temp, mut rows }) => {
                rows.flush().map_err(Error::io(&output))?;
                Ok(Some(ReadyOutput::file(temp, &output, overwrite)))
            }
            RecordTable::Stdout => Ok(None),
        }
    }
}

impl TableRows {
    fn write(&mut self, record: FrameRecord) -> std::io::Result<()> {
        match self {
            Self::Json(out) => out.write_all(&json_line(&record)?),
            Self::Csv(out) => out.serialize(record.into_row()?).map_err(Into::into),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Json(out) => out.flush(),
            Self::Csv(out) => out.flush(),
        }
    }
}

/// A record as one line of JSON.
fn json_line(record: &FrameRecord) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    Ok(line)
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
    use crate::frame::Region;

    fn table(name: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let mut sink = RecordSink::create(&path, false).unwrap();
        let label = Some("tabby, \"tabby cat\"".to_owned());
        let regions = RegionsField::List(vec![region()]);
        sink.write(FrameRecord { index: 0, class: Some(281), label, regions, ..FrameRecord::default() }).unwrap();
        sink.write(FrameRecord { index: 1, time: 0.04, cut: true, ..FrameRecord::default() }).unwrap();
        assert!(!path.exists(), "the table has its final name before it is finished");
        sink.finish().unwrap().unwrap().publish().unwrap();
        let read = read(&path).unwrap();
        assert_eq!((read.len(), read[0].class, read[1].time), (2, Some(281), 0.04));
        std::fs::read_to_string(path).unwrap()
    }

    fn region() -> Region {
        Region { bounds: [1, 2, 30, 40], centroid: [16.0, 22.5], area: 0.25, mean: 0.75 }
    }

    /// The form that users of both formats rely on.
    const REGIONS: &str = r#"[{"box":[1,2,30,40],"centroid":[16.0,22.5],"area":0.25,"mean":0.75}]"#;

    #[test]
    fn json_lines_parse_back() {
        let text = table("r.jsonl");
        let records: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0]["label"], "tabby, \"tabby cat\"");
        assert_eq!(records[1]["class"], serde_json::Value::Null);
        assert_eq!(records[1]["cut"], true);
        assert!(text.lines().next().unwrap().contains(&format!("\"regions\":{REGIONS}")), "{text}");
        assert_eq!(records[1]["regions"], serde_json::json!([]));
    }

    #[test]
    fn csv_has_one_header_and_parses_back() {
        let text = table("r.csv");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap().get(0), Some("index"));
        let regions = reader.headers().unwrap().iter().position(|name| name == "regions").unwrap();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(&rows[0][3], "tabby, \"tabby cat\"");
        assert_eq!((&rows[0][regions], &rows[1][regions]), (REGIONS, "[]"));
    }

    #[test]
    fn the_rows_of_a_table_can_be_copied_to_another() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = ["1.csv", "2.csv"].map(|name| folder.path().join(name));
        let mut sink = RecordSink::create(&first, false).unwrap();
        let regions = RegionsField::List(vec![region()]);
        sink.write(FrameRecord { regions, ..FrameRecord::default() }).unwrap();
        sink.finish().unwrap().unwrap().publish().unwrap();
        let mut sink = RecordSink::create(&second, false).unwrap();
        read(&first).unwrap().into_iter().for_each(|record| sink.write(record).unwrap());
        sink.finish().unwrap().unwrap().publish().unwrap();
        assert_eq!(std::fs::read(first).unwrap(), std::fs::read(second).unwrap());
    }

    #[test]
    fn what_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(RecordSink::create(&folder.path().join("r.csv"), false).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(matches!(RecordSink::create(&folder.path().join("r.txt"), false), Err(Error::Usage(_))));
    }
}
