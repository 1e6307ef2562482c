//! Outputs that are complete, but still have temporary names. All outputs of a run get their final names in a row, and
//! if one of them cannot, none does.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::{TempDir, TempPath};

use crate::platform::{paths, temporary};
use crate::{Error, Result};

/// A file that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenFile {
    /// The file, under its final name.
    pub path: PathBuf,
    /// Number of frames in it; 0 for other files than videos and images.
    pub frames: u64,
    /// Problems to report to the user, such as audio that could not be kept; one line each.
    pub warnings: Vec<String>,
}

/// A complete output under temporary names, ready to get its final ones. If it is dropped instead, it is removed.
#[derive(Debug)]
#[must_use = "it has no final name yet"]
pub struct ReadyOutput {
    written: WrittenFile,
    overwrite: bool,
    /// The temporary and the final name of each file, or of a whole folder.
    moves: Vec<(PathBuf, PathBuf)>,
    /// Files of an earlier, longer run.
    obsolete: Vec<PathBuf>,
    temporary: Temporary,
}

/// What removes the temporary files that do not get a final name.
#[derive(Debug)]
enum Temporary {
    File(TempPath),
    Folder(TempDir),
}

/// A file or folder that has its final name.
struct Placed {
    from: PathBuf,
    to: PathBuf,
    /// The file that was replaced; `None` if there was none, or the disk has no hard links.
    replaced: Option<TempPath>,
    /// Whether there was no such file.
    is_new: bool,
}

impl ReadyOutput {
    /// One file.
    pub(super) fn file(temp: TempPath, output: &Path, overwrite: bool) -> Self {
        let moves = vec![(temp.to_path_buf(), output.to_owned())];
        let written = WrittenFile { path: output.to_owned(), frames: 0, warnings: Vec::new() };
        Self { written, overwrite, moves, obsolete: Vec::new(), temporary: Temporary::File(temp) }
    }

    /// The files in `temp`, to be moved into `folder`, or to become that folder if it does not exist. What `is_earlier`
    /// there, by its name, is the result of an earlier run; if it is not replaced, it is removed.
    ///
    /// # Errors
    /// [`Error::Io`] if a folder cannot be read.
    pub(crate) fn folder(
        temp: TempDir,
        folder: &Path,
        overwrite: bool,
        is_earlier: impl Fn(&Path) -> bool,
    ) -> Result<Self> {
        let written = WrittenFile { path: folder.to_owned(), frames: 0, warnings: Vec::new() };
        let (mut moves, mut obsolete) = (vec![(temp.path().to_owned(), folder.to_owned())], Vec::new());
        if folder.is_dir() {
            let moved = |file: PathBuf| Some((file.clone(), folder.join(file.file_name()?)));
            moves = files(temp.path())?.into_iter().filter_map(moved).collect();
            moves.sort();
            let names: BTreeSet<&Path> = moves.iter().map(|(_, to)| &**to).collect();
            let is_obsolete = |file: &PathBuf| overwrite && is_earlier(file) && !names.contains(&**file);
            obsolete = files(folder)?.into_iter().filter(is_obsolete).collect();
        }
        Ok(Self { written, overwrite, moves, obsolete, temporary: Temporary::Folder(temp) })
    }

    /// Sets what is told about the output.
    pub(super) fn described(self, written: WrittenFile) -> Self {
        Self { written, ..self }
    }

    /// What is told about the output.
    pub fn written(&self) -> &WrittenFile {
        &self.written
    }

    /// Publishes this output alone.
    ///
    /// # Errors
    /// Those of [`publish`].
    pub fn publish(self) -> Result<WrittenFile> {
        let written = self.written.clone();
        publish(vec![self]).map(|()| written)
    }

    /// Flushes the content to the disk. For a folder of many files, one flush of the whole disk takes less time.
    fn flush(&self) -> Result<()> {
        let flushed = match &self.temporary {
            Temporary::File(file) => File::open(file).and_then(|file| file.sync_all()),
            Temporary::Folder(folder) => File::open(folder.path()).and_then(|folder| Ok(rustix::fs::syncfs(folder)?)),
        };
        let problem = |e: &io::Error| format!("not written: cannot be flushed to the disk: {}", io_reason(e));
        supported(flushed).map_err(|e| Error::output(&self.written.path, problem(&e)))
    }

    /// Gives every file its final name, and adds it to `placed`.
    fn place(&self, placed: &mut Vec<Placed>) -> io::Result<()> {
        for (from, to) in &self.moves {
            fs::create_dir_all(paths::folder(to))?;
            let is_new = to.symlink_metadata().is_err();
            let replaced = if self.overwrite && !is_new { temporary::second_name(to).ok() } else { None };
            match self.temporary {
                Temporary::File(_) if !self.overwrite => TempPath::try_from_path(from)?.persist_noclobber(to)?,
                _ if is_new || self.overwrite => fs::rename(from, to)?,
                _ => return Err(ErrorKind::AlreadyExists.into()),
            }
            placed.push(Placed { from: from.clone(), to: to.clone(), replaced, is_new });
        }
        Ok(())
    }
}

impl Placed {
    /// Makes everything as it was.
    fn take_back(self) -> Result<(), PathBuf> {
        let Self { from, to, replaced, is_new } = self;
        let done = match replaced {
            Some(earlier) => earlier.persist(&to).is_ok(),
            None => is_new && fs::rename(&to, &from).is_ok(),
        };
        if done { Ok(()) } else { Err(to) }
    }
}

/// Gives all `outputs` their final names, or none of them: if one fails, those before it are taken back, and files that
/// they replaced are restored. When this returns, names and contents are on the disk. A power failure or SIGKILL in the
/// moment of renaming may leave a part of the set, but not its last output.
///
/// # Errors
/// [`Error::Output`] if a file cannot be flushed or renamed, with those that could not be taken back; [`Error::Io`] if an
/// obsolete file cannot be removed.
pub fn publish(outputs: Vec<ReadyOutput>) -> Result<()> {
    outputs.iter().try_for_each(ReadyOutput::flush)?;
    let mut placed = Vec::new();
    for output in &outputs {
        if let Err(error) = output.place(&mut placed) {
            return Err(taken_back(placed, &output.written.path, &error));
        }
    }
    for file in outputs.iter().flat_map(|output| &output.obsolete) {
        fs::remove_file(file).map_err(Error::io(file))?;
    }
    let folders: BTreeSet<&Path> = placed.iter().map(|placed| paths::folder(&placed.to)).collect();
    for folder in folders {
        let flushed = File::open(folder).and_then(|folder| folder.sync_all());
        supported(flushed).map_err(Error::io(folder))?;
    }
    Ok(())
}

/// Takes back what is `placed`, because of `error` for `output`.
fn taken_back(placed: Vec<Placed>, output: &Path, error: &io::Error) -> Error {
    let lasting = placed.into_iter().rev().filter_map(|placed| placed.take_back().err());
    let lasting: Vec<String> = lasting.map(|path| path.display().to_string()).collect();
    let rest = match lasting.split_first() {
        None => String::new(),
        Some((first, [])) => format!("; {first} is already in its place and cannot be taken back"),
        Some((first, more)) => {
            format!("; {first} and {} more files are already in their place and cannot be taken back", more.len())
        }
    };
    Error::output(output, format!("cannot be moved into place: {}{rest}", io_reason(error)))
}

/// Not every disk can flush folders.
fn supported(flushed: io::Result<()>) -> io::Result<()> {
    flushed.or_else(|e| match e.kind() {
        ErrorKind::InvalidInput | ErrorKind::Unsupported => Ok(()),
        _ => Err(e),
    })
}

/// The reason of an I/O error, without the path that tempfile adds.
pub(super) fn io_reason(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |code| io::Error::from_raw_os_error(code).to_string())
}

/// The files and folders in `folder`.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::io(folder))?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(Error::io(folder))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn ready(output: &Path, overwrite: bool) -> ReadyOutput {
        let temp = temporary::file(paths::folder(output), "").unwrap().into_temp_path();
        fs::write(&temp, "new").unwrap();
        ReadyOutput::file(temp, output, overwrite)
    }

    fn ready_folder(output: &Path, overwrite: bool) -> ReadyOutput {
        let temp = temporary::subfolder(paths::folder(output)).unwrap();
        for name in ["0.png", "1.png"] {
            fs::write(temp.path().join(name), "new").unwrap();
        }
        ReadyOutput::folder(temp, output, overwrite, |_| true).unwrap()
    }

    /// The files in `folder` and its folders, by their relative paths, with their contents.
    fn tree(folder: &Path) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for path in files(folder).unwrap() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                found.extend(tree(&path).into_iter().map(|(below, text)| (format!("{name}/{below}"), text)));
                found.insert(name + "/", String::new());
            } else {
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
        found
    }

    /// Makes one of five outputs fail, and returns the error. `publish` must leave everything as it was.
    fn fail(at: &Path, overwrite: bool, prevent: impl Fn(&Path)) -> String {
        let mut outputs: Vec<ReadyOutput> =
            ["a.jsonl", "b.png"].iter().map(|name| ready(&at.join(name), overwrite)).collect();
        outputs.push(ready_folder(&at.join("new.maps"), overwrite));
        outputs.push(ready_folder(&at.join("there.maps"), overwrite));
        outputs.push(ready(&at.join("z.mp4"), overwrite));
        prevent(at);
        let hidden = |(name, _): &(String, String)| !name.starts_with('.');
        let before: Vec<_> = tree(at).into_iter().filter(hidden).collect();
        let error = publish(outputs).unwrap_err().to_string();
        assert_eq!(tree(at).into_iter().collect::<Vec<_>>(), before, "{error}");
        error
    }

    #[test]
    fn a_set_is_published_completely_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        fs::create_dir(at.join("there.maps")).unwrap();
        // Another program takes the last name while the run is in progress.
        let error = fail(at, false, |at| fs::write(at.join("z.mp4"), "another's").unwrap());
        assert!(error.contains("z.mp4: cannot be moved into place: File exists"), "{error}");
        fs::remove_file(at.join("z.mp4")).unwrap();
        for name in ["a.jsonl", "there.maps/1.png", "there.maps/2.png"] {
            fs::write(at.join(name), "earlier").unwrap();
        }
        let error = fail(at, true, |at| fs::create_dir_all(at.join("z.mp4/full")).unwrap());
        assert!(error.contains("z.mp4: cannot be moved into place: Is a directory"), "{error}");
        fs::remove_dir_all(at.join("z.mp4")).unwrap();

        let outputs = ["a.jsonl", "z.mp4"].map(|name| ready(&at.join(name), true)).into_iter();
        let folders = ["new.maps", "there.maps"].map(|name| ready_folder(&at.join(name), true));
        publish(outputs.chain(folders).collect()).unwrap();
        let names = ["a.jsonl", "new.maps/0.png", "new.maps/1.png", "there.maps/0.png", "there.maps/1.png", "z.mp4"];
        let expected = names.iter().map(|name| (name.to_string(), "new".to_owned()));
        let folders = ["new.maps/", "there.maps/"].map(|name| (name.to_owned(), String::new()));
        assert_eq!(tree(at), expected.chain(folders).collect());
    }

    #[test]
    fn what_is_not_published_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        drop((ready(&at.join("a"), false), ready_folder(&at.join("b"), false)));
        assert!(tree(at).is_empty());
    }
}
