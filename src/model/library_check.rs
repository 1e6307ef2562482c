//! Whether ONNX Runtime's libraries are whole. A damaged one can end the process without a word.
//!
//! `salstream setup` leaves checksums beside the libraries. Hashing 130 MB takes some tenths of a second, so a right
//! checksum is remembered for a week, as long as the file keeps its inode, its size and its times.

use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::platform::checksum::file_sha256;
use crate::platform::{dirs, paths, sealed, whole_file};

/// The checksums in the form of `sha256sum`.
pub const SUMS_NAME: &str = "SHA256SUMS";
/// After this time, a file is hashed again, because a disk can damage it without a trace.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A library whose checksum was right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct CheckedLibrary {
    path: PathBuf,
    sha256: String,
    /// Inode, size, and the times of the last change, which differ after every write.
    identity: [i64; 6],
    /// Seconds since 1970.
    checked: u64,
}

impl CheckedLibrary {
    fn new(path: PathBuf, sha256: String, file: &Metadata) -> Self {
        let size = file.size() as i64;
        let identity = [file.ino() as i64, size, file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
        let checked = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        Self { path, sha256, identity, checked }
    }

    /// Whether `earlier` is about the same file and not too old.
    fn is_known_by(&self, earlier: &Self) -> bool {
        let age = self.checked.checked_sub(earlier.checked);
        age.is_some_and(|age| age < MAX_AGE.as_secs()) && Self { checked: self.checked, ..earlier.clone() } == *self
    }
}

/// Checks `library` and those that are listed with it in a `SHA256SUMS` beside it. Returns whether it is listed.
///
/// # Errors
/// A message that names the damaged file.
pub fn verify(library: &Path) -> Result<bool, String> {
    let library = paths::resolved(library);
    let folder = paths::folder(&library);
    let sums = whole_file::read_text(&folder.join(SUMS_NAME)).unwrap_or_default();
    let listed = listed(folder, &sums);
    if !listed.iter().any(|file| file.path == library) {
        return if is_cut_off(&library) { Err(format!("{} is cut off", library.display())) } else { Ok(false) };
    }
    let known: Vec<CheckedLibrary> = sealed::read(&verdicts()).ok().flatten().unwrap_or_default();
    let is_new = |file: &&CheckedLibrary| !known.iter().any(|earlier| file.is_known_by(earlier));
    let new: Vec<&CheckedLibrary> = listed.iter().filter(is_new).collect();
    if new.is_empty() {
        return Ok(true);
    }
    hash(&new)?;
    let mut checked = known;
    checked.retain(|earlier| !listed.iter().any(|file| file.path == earlier.path));
    checked.extend(listed);
    // If it cannot be kept, the next start hashes again.
    let _ = sealed::write(&verdicts(), &checked);
    Ok(true)
}

/// Makes the next [`verify`] hash everything.
pub fn forget() {
    // There may be no such file.
    let _ = fs::remove_file(verdicts());
}

fn verdicts() -> PathBuf {
    dirs::cache().join("libraries.json")
}

/// The files in `folder` that `sums` lists; those that are missing cannot be loaded anyway.
fn listed(folder: &Path, sums: &str) -> Vec<CheckedLibrary> {
    let lines = sums.lines().filter_map(|line| line.split_once("  "));
    let files = lines.filter_map(|(sha256, name)| {
        let path = folder.join(name);
        let file = path.metadata().ok()?;
        Some(CheckedLibrary::new(path, sha256.to_owned(), &file))
    });
    files.collect()
}

/// Hashes the files, each on its own thread.
fn hash(files: &[&CheckedLibrary]) -> Result<(), String> {
    let check = |file: &CheckedLibrary| match file_sha256(&file.path) {
        Ok(sha256) if sha256 == file.sha256 => Ok(()),
        Ok(_) => Err(format!("{} is damaged: its checksum is not the one in {SUMS_NAME}", file.path.display())),
        Err(error) => Err(error.to_string()),
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = files.iter().map(|file| scope.spawn(|| check(file))).collect();
        let panicked = |_| Err("the checksums could not be computed".to_owned());
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(panicked))
    })
}

/// Whether an ELF file ends before its table of sections, which linkers write at the end.
fn is_cut_off(library: &Path) -> bool {
    let mut head = [0; 64];
    let Ok(length) = File::open(library).and_then(|mut file| file.read_exact(&mut head).and(file.metadata())) else {
        return false;
    };
    let number = |at: usize, bytes: usize| head[at..at + bytes].iter().rev().fold(0, |all, b| all << 8 | u64::from(*b));
    let is_elf64 = head.starts_with(b"\x7fELF\x02\x01");
    let (offset, size, count) = (number(0x28, 8), number(0x3a, 2), number(0x3c, 2));
    is_elf64 && offset.saturating_add(size * count) > length.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_ends_early_is_cut_off() {
        let whole = std::env::current_exe().unwrap();
        assert!(!is_cut_off(&whole));
        let bytes = fs::read(whole).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &bytes[..bytes.len() - 1]).unwrap();
        assert!(is_cut_off(file.path()));
        fs::write(file.path(), "no library").unwrap();
        assert!(!is_cut_off(file.path()), "the loader has its own message");
    }
}
