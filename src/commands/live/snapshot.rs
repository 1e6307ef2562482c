//! Saves the current picture and its record.

use std::path::{Path, PathBuf};

use opencv::core::{Mat, Vector};
use opencv::imgcodecs;

use super::segments::numbered;
use crate::sink::records::FrameRecord;
use crate::{Error, Result, sink};

/// Writes `picture` as `snapshot.png` in the current folder, and its record as JSON beside it. If there is one of the two
/// already, both get the next free number. Returns the path of the picture.
///
/// # Errors
/// [`Error::Output`] or [`Error::Io`] if they cannot be written.
pub(super) fn save(picture: &Mat, record: &FrameRecord) -> Result<PathBuf> {
    save_in(Path::new(""), picture, record)
}

fn save_in(folder: &Path, picture: &Mat, record: &FrameRecord) -> Result<PathBuf> {
    let mut png = Vector::new();
    if !imgcodecs::imencode_def(".png", picture, &mut png)? {
        return Err(Error::output("snapshot.png", "cannot be encoded"));
    }
    let json = serde_json::to_vec_pretty(record).map_err(|e| Error::output("snapshot.json", e.to_string()))?;
    let mut number = 1;
    loop {
        let [picture, record] = ["snapshot.png", "snapshot.json"].map(|name| {
            let plain = folder.join(name);
            if number == 1 { plain } else { numbered(&plain, number) }
        });
        let is_taken = || [&picture, &record].iter().any(|file| file.symlink_metadata().is_ok());
        if !is_taken() {
            let files = vec![sink::ready(&record, &json, false)?, sink::ready(&picture, png.as_slice(), false)?];
            match sink::publish(files) {
                // Another session may have taken the name in the meantime.
                Err(_) if is_taken() => {}
                published => return published.map(|()| picture),
            }
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use opencv::core::{CV_8UC3, Scalar};

    use super::*;

    #[test]
    fn a_snapshot_never_overwrites_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        fs::write(at.join("snapshot.json"), "another's").unwrap();
        fs::write(at.join("snapshot-003.png"), "another's").unwrap();
        let picture = Mat::new_rows_cols_with_default(8, 8, CV_8UC3, Scalar::all(90.0)).unwrap();
        let saved: Vec<PathBuf> = std::thread::scope(|scope| {
            let save = || save_in(at, &picture, &FrameRecord::default()).unwrap();
            let sessions: Vec<_> = (0..8).map(|_| scope.spawn(save)).collect();
            sessions.into_iter().map(|session| session.join().unwrap()).collect()
        });
        let mut numbers: Vec<_> = saved.iter().map(|path| path.file_stem().unwrap().to_str().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers[0], "snapshot-002");
        numbers.dedup();
        assert!(numbers.len() == 8 && !numbers.contains(&"snapshot-003"), "{numbers:?}");
        assert!(saved.iter().all(|picture| picture.with_extension("json").is_file()));
        assert_eq!(fs::read_dir(at).unwrap().count(), 2 + 2 * 8);
        assert_eq!(fs::read(at.join("snapshot.json")).unwrap(), b"another's");
    }
}
