//! The files of a recording: their names, and how many of them are kept.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::platform::paths;
use crate::{Error, Result};

/// How much of a segmented recording is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepLimit {
    /// At most this many bytes in finished segments.
    Bytes(u64),
    /// Segments that were finished within this time.
    Age(Duration),
}

/// The files of a recording, one after the other.
pub(super) struct SegmentFiles {
    pub base: PathBuf,
    /// Whether all files are numbered from 1, instead of all after the first.
    pub is_segmented: bool,
    /// Whether the first file replaces an existing one; a numbered file never does.
    pub overwrite: bool,
}

impl SegmentFiles {
    /// Creates the next file, under a name that nobody else has, and numbered after all that exist. The returned lock
    /// tells other processes that it is being recorded.
    pub(super) fn create(&mut self) -> Result<(PathBuf, File)> {
        if !self.is_segmented
            && let Some(lock) = claim(&self.base, self.overwrite)?
        {
            self.overwrite = false;
            return Ok((self.base.clone(), lock));
        }
        let first = if self.is_segmented { 1 } else { 2 };
        let mut number = self.numbers()?.last().map_or(first, |last| last.saturating_add(1).max(first));
        loop {
            let path = numbered(&self.base, number);
            match claim(&path, false)? {
                Some(lock) => return Ok((path, lock)),
                None => number += 1,
            }
        }
    }

    /// Removes the oldest finished segments before `current`, until the rest is within `limit`. Returns those that were
    /// removed, and why another could not be.
    pub(super) fn prune(&self, current: &Path, limit: KeepLimit) -> (Vec<PathBuf>, Option<Error>) {
        let paths = self.numbers().unwrap_or_default().into_iter().map(|number| numbered(&self.base, number));
        let earlier = paths.take_while(|path| path != current);
        let files = earlier.filter_map(|path| path.symlink_metadata().ok().map(|file| (path, file)));
        let files: Vec<_> = files.filter(|(_, file)| file.is_file()).collect();
        let mut bytes: u64 = files.iter().map(|(_, file)| file.len()).sum();
        let mut removed = Vec::new();
        for (path, file) in files {
            let age = file.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
            let is_over = match limit {
                KeepLimit::Bytes(most) => bytes > most,
                KeepLimit::Age(most) => age.is_some_and(|age| age > most),
            };
            if !is_over {
                break;
            }
            if is_being_recorded(&path) {
                continue;
            }
            match fs::remove_file(&path) {
                Ok(()) => bytes -= file.len(),
                Err(error) => return (removed, Some(Error::io(path)(error))),
            }
            removed.push(path);
        }
        (removed, None)
    }

    /// The numbers of the existing files, in order.
    fn numbers(&self) -> Result<Vec<u32>> {
        let folder = paths::folder(&self.base);
        let entries = fs::read_dir(folder).map_err(Error::io(folder))?.flatten();
        let mut numbers: Vec<u32> = entries.filter_map(|entry| self.number(&entry.file_name())).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The number in the name of a file, if it is a file of this recording.
    fn number(&self, name: &OsStr) -> Option<u32> {
        let rest = name.as_bytes().strip_prefix(self.base.file_stem()?.as_bytes())?.strip_prefix(b"-")?;
        let digits = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        let number = str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
        (numbered(&self.base, number).file_name()? == name).then_some(number)
    }
}

/// Creates the file at `path`, and locks it. `None` if it exists and must not be replaced.
fn claim(path: &Path, overwrite: bool) -> Result<Option<File>> {
    let mut options = File::options();
    options.write(true).create(true).create_new(!overwrite);
    match options.open(path) {
        Ok(file) => match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(Error::output(path, "is being recorded by another process")),
            // Not every file system has locks.
            _ => Ok(Some(file)),
        },
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(Error::io(path)(error)),
    }
}

fn is_being_recorded(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// `dir/name.mp4` as `dir/name-007.mp4`.
pub(super) fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number:03}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn files(folder: &TempDir, is_segmented: bool, overwrite: bool) -> SegmentFiles {
        SegmentFiles { base: folder.path().join("day.mp4"), is_segmented, overwrite }
    }

    fn names(folder: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn created(files: &mut SegmentFiles) -> (String, File) {
        let (path, lock) = files.create().unwrap();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), lock)
    }

    #[test]
    fn names_are_numbered_before_the_extension() {
        assert_eq!(numbered(Path::new("a/live.mp4"), 7), Path::new("a/live-007.mp4"));
    }

    #[test]
    fn numbers_go_on_after_the_last_and_nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["day-002.mp4", "day-0000009.mp4", "day-x.mp4", "day-7.mp4", "day-010.mkv", "days-011.mp4"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let mut segments = files(&folder, true, true);
        let (first, _lock) = created(&mut segments);
        assert_eq!((&*first, &*created(&mut segments).0), ("day-003.mp4", "day-004.mp4"));
        assert_eq!(fs::read(folder.path().join("day-002.mp4")).unwrap(), b"day-002.mp4");
        let mut whole = files(&folder, false, false);
        assert_eq!([created(&mut whole).0, created(&mut whole).0], ["day.mp4", "day-005.mp4"]);
        assert_eq!(created(&mut files(&folder, false, true)).0, "day.mp4");
    }

    #[test]
    fn two_recorders_never_share_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let record = || -> Vec<_> {
            let mut segments = files(&folder, true, false);
            (0..50).map(|_| created(&mut segments).0).collect()
        };
        let mut all = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(record));
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 200);
        let (_, _lock) = created(&mut files(&folder, false, false));
        assert!(files(&folder, false, true).create().unwrap_err().to_string().contains("another process"));
    }

    #[test]
    fn only_the_oldest_finished_segments_of_this_recording_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let foreign = ["day.mp4", "day-001.mkv", "day-01.mp4", "other-001.mp4"];
        for name in foreign.iter().copied().chain(["day-001.mp4", "day-003.mp4", "day-004.mp4", "day-005.mp4"]) {
            fs::write(folder.path().join(name), [0; 100]).unwrap();
        }
        std::os::unix::fs::symlink("day.mp4", folder.path().join("day-002.mp4")).unwrap();
        let at = |name: &str| folder.path().join(name);
        let segments = files(&folder, true, false);
        let elsewhere = File::open(at("day-003.mp4")).unwrap();
        elsewhere.lock().unwrap();
        let (removed, failed) = segments.prune(&at("day-005.mp4"), KeepLimit::Bytes(150));
        assert_eq!((removed, failed.is_none()), (vec![at("day-001.mp4"), at("day-004.mp4")], true));
        drop(elsewhere);
        assert!(segments.prune(&at("day-005.mp4"), KeepLimit::Age(Duration::from_secs(60))).0.is_empty());
        let old = SystemTime::now() - Duration::from_secs(90);
        File::options().write(true).open(at("day-003.mp4")).unwrap().set_modified(old).unwrap();
        let removed = segments.prune(&at("day-005.mp4"), KeepLimit::Age(Duration::from_secs(60))).0;
        assert_eq!(removed, [at("day-003.mp4")]);
        assert_eq!(names(&folder).len(), foreign.len() + 2, "{:?}", names(&folder));
    }
}
