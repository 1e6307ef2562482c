//! Temporary files and folders. Their hidden names tell which process they belong to, so that anybody can remove what
//! dead processes have left behind, and nobody removes what is in use.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tempfile::{Builder, NamedTempFile, TempDir, TempPath};

use super::owner::{Liveness, Owner};
use super::paths;

/// Start of all names; the owner follows, and then random letters.
const PREFIX: &str = ".salstream-";

/// How long a file of another machine must be untouched to count as abandoned. A run writes to its files all the time,
/// but may have to wait for its input or its disk; a file that stays a day longer only takes space.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A new file in `folder`, removed on drop, with the permissions of an ordinary new file. Its name ends in `suffix`.
///
/// # Errors
/// Those of the system.
pub fn file(folder: &Path, suffix: &str) -> io::Result<NamedTempFile> {
    sweep_once(folder);
    let (prefix, permissions) = (prefix(), Permissions::from_mode(0o666));
    Builder::new().prefix(&prefix).suffix(suffix).permissions(permissions).tempfile_in(folder)
}

/// A new folder in `folder`, removed on drop, with the permissions of an ordinary new folder.
///
/// # Errors
/// Those of the system.
pub fn subfolder(folder: &Path) -> io::Result<TempDir> {
    sweep_once(folder);
    Builder::new().prefix(&prefix()).permissions(Permissions::from_mode(0o777)).tempdir_in(folder)
}

/// A new file among the system's temporary files, removed on drop, that only this user can read. Its name ends in
/// `suffix`.
///
/// # Errors
/// Those of the system.
pub fn system_file(suffix: &str) -> io::Result<NamedTempFile> {
    let folder = std::env::temp_dir();
    sweep_once(&folder);
    Builder::new().prefix(&prefix()).suffix(suffix).tempfile_in(folder)
}

/// A new folder among the system's temporary files, removed on drop, that only this user can read.
///
/// # Errors
/// Those of the system.
pub fn system_folder() -> io::Result<TempDir> {
    let folder = std::env::temp_dir();
    sweep_once(&folder);
    Builder::new().prefix(&prefix()).tempdir_in(folder)
}

/// A second name for the file `original`, in its folder, removed on drop.
///
/// # Errors
/// Those of the system, such as a disk without hard links.
pub fn second_name(original: &Path) -> io::Result<TempPath> {
    let linked =
        Builder::new().prefix(&prefix()).make_in(paths::folder(original), |name| fs::hard_link(original, name));
    linked.map(NamedTempFile::into_temp_path)
}

fn prefix() -> String {
    format!("{PREFIX}{}-", Owner::this())
}

/// Removes what dead processes have left in `folder`, the first time that this process writes there.
fn sweep_once(folder: &Path) {
    static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    if SWEPT.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned()) {
        sweep(folder);
    }
}

/// Removes the temporary files and folders in `folder` whose owner is dead. This lists the folder once, and looks only at
/// files with such names.
pub fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten().filter(is_abandoned) {
        // What cannot be removed, such as another user's file, does no harm.
        let _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
    }
}

/// Whether this is a temporary file or folder of a dead process. One that names no owner counts as one of another
/// machine.
fn is_abandoned(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let Some(name) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { return false };
    let owner = name.match_indices('-').nth(2).and_then(|(end, _)| name[..end].parse().ok());
    match owner.map_or(Liveness::Unknown, |owner: Owner| owner.liveness()) {
        Liveness::Alive => false,
        Liveness::Dead => true,
        Liveness::Unknown => {
            let touched = entry.metadata().and_then(|metadata| metadata.modified());
            touched.is_ok_and(|then| SystemTime::now().duration_since(then).is_ok_and(|age| age > ABANDONED_AFTER))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::process::Command;

    use super::*;

    /// The start of a name that a process of this machine had, which has ended.
    fn of_the_dead() -> String {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let this = Owner::this().to_string();
        let (space, _) = this.split_once('-').unwrap();
        format!("{PREFIX}{space}-{}-1-", child.id())
    }

    #[test]
    fn what_the_dead_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let names = || {
            let entries = fs::read_dir(at).unwrap().flatten();
            let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let (own, own_folder) = (file(at, ".mp4").unwrap(), subfolder(at).unwrap());
        for name in ["clip.mp4", ".hidden", ".salstream.toml", ".salstream-0123456789ab-7-1-abcdef.mp4"] {
            fs::write(at.join(name), "kept").unwrap();
        }
        let kept = names();
        let dead = of_the_dead();
        fs::write(at.join(format!("{dead}abcdef.mp4")), "lost").unwrap();
        fs::create_dir(at.join(format!("{dead}ghijkl"))).unwrap();
        fs::write(at.join(format!("{dead}ghijkl/000000.png")), "lost").unwrap();
        // Untouched for two days, of another machine and of nobody.
        for name in [".salstream-0123456789ab-8-1-abcdef.mp4", ".salstream-abcdef"] {
            let file = File::create(at.join(name)).unwrap();
            file.set_modified(SystemTime::now() - 2 * ABANDONED_AFTER).unwrap();
        }
        assert_eq!(names().len(), kept.len() + 4);
        sweep(at);
        assert_eq!(names(), kept);
        drop((own, own_folder));
        assert_eq!(names().len(), kept.len() - 2);
    }

    #[test]
    fn the_first_file_in_a_folder_clears_it() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(format!("{}abcdef.mp4", of_the_dead()));
        fs::write(&left, "lost").unwrap();
        let own = file(folder.path(), "").unwrap();
        assert!(own.path().exists() && !left.exists());
    }
}
