//! The lock of a results folder: no two batches process the same clips into one folder at the same time. Different parts
//! of one list (`--shard`) may.
//!
//! It needs no lock service, so it also holds on a network file system. A batch that wants the folder puts a claim, a
//! small file, into a hidden folder there, under a name that must not exist. Then it looks for other claims. Of two
//! batches that do this at the same time, at least one sees the other's claim, and withdraws its own.
//!
//! The claim of a dead process does not count. On the same machine, its process number and start time show whether it is
//! alive; the claim of another machine shows it by its modification time, which the owner renews. A claim is never
//! changed or taken from another batch: the next one of the same part has a higher number.

use super::claim::{Claim, ClaimOwner, Seen, claims, file_name};
use super::shard::Shard;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};
use tempfile::NamedTempFile;

use crate::platform::owner::{Liveness, Owner};
use crate::platform::temporary;
use crate::reporting::mode::ReportMode;
use crate::{Error, Result};

/// The folder of the claims. Its name must not look like that of a temporary file.
const FOLDER: &str = ".salstream.lock";

/// How often an owner shows that it is alive.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);
/// How long to wait before looking again.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// A results folder of which this process is the owner, or the owner of a part. The lock ends when this is dropped.
#[derive(Debug)]
pub(super) struct FolderLock {
    claim: PathBuf,
    heartbeat: Option<(Sender<()>, JoinHandle<()>)>,
}

/// What keeps a batch from its folder.
enum Rival {
    Alive(Claim),
    /// It may have been killed on another machine.
    Silent(Claim),
}

impl FolderLock {
    /// Makes this process the owner of the part `shard` of the results in `folder`, which exists. If the owner before it
    /// was killed on another machine, this waits for up to a minute; `None` if `stop` ended that.
    ///
    /// # Errors
    /// [`Error::Output`] if another process is the owner, or the folder cannot be written.
    pub(super) fn acquire(folder: &Path, shard: Shard, report: ReportMode, stop: &AtomicBool) -> Result<Option<Self>> {
        let place = folder.join(FOLDER);
        let mut seen = Seen::new();
        while !stop.load(Ordering::Relaxed) {
            match Self::attempt(&place, shard, &seen) {
                Ok(Ok(lock)) => return Ok(Some(lock)),
                Ok(Err(Rival::Alive(claim))) => return Err(claim.refusal(folder)),
                Ok(Err(Rival::Silent(claim))) => {
                    let note = claim.note(folder);
                    seen.entry(claim.path).or_insert_with(|| {
                        report.notes(&[note]);
                        claim.renewed
                    });
                }
                // Another process has made this claim, or removed the empty folder.
                Err(e) if [ErrorKind::AlreadyExists, ErrorKind::NotFound].contains(&e.kind()) && folder.is_dir() => {}
                Err(e) => return Err(Error::output(folder, format!("cannot write to the folder: {e}"))),
            }
            // Two batches that have withdrawn for each other must not come back at the same time.
            thread::sleep(POLL_INTERVAL + Duration::from_millis(Owner::this().pid as u64 % 500));
        }
        Ok(None)
    }

    /// Claims the folder, unless there is a rival.
    fn attempt(place: &Path, shard: Shard, seen: &Seen) -> io::Result<Result<Self, Rival>> {
        match fs::create_dir(place) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        let draft = temporary::file(place, "")?;
        // By the clock of the file system, from which this machine's may differ.
        let now = draft.as_file().metadata()?.modified()?;
        let mut rivals = Vec::new();
        let mut number = 1;
        for claim in claims(place)?.into_iter().filter(|claim| claim.conflicts(shard)) {
            number = number.max(claim.number + 1);
            rivals.push((claim.liveness(now, seen), claim));
        }
        if let Some(rival) = strongest(rivals) {
            return Ok(Err(rival));
        }
        let lock = Self::claim(draft, place.join(file_name(shard, number)), now)?;
        let others = claims(place)?.into_iter().filter(|claim| claim.conflicts(shard) && claim.path != lock.claim);
        let (dead, others): (Vec<Claim>, Vec<Claim>) =
            others.partition(|claim| claim.liveness(now, seen) == Liveness::Dead);
        if !others.is_empty() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        dead.iter().for_each(|claim| drop(fs::remove_file(&claim.path)));
        Ok(Ok(lock))
    }

    /// Makes the claim `path`, which must not exist, out of the file `draft`.
    fn claim(mut draft: NamedTempFile, path: PathBuf, now: SystemTime) -> io::Result<Self> {
        draft.write_all(&serde_json::to_vec(&ClaimOwner::this(now))?)?;
        let file = draft.persist_noclobber(&path)?;
        let (end, ended) = bounded(0);
        let heartbeat = Some((end, thread::spawn(move || beat(&file, &ended))));
        Ok(Self { claim: path, heartbeat })
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.heartbeat.take() {
            drop(end);
            let _ = thread.join();
        }
        let _ = fs::remove_file(&self.claim);
        // It is not empty if there are other owners.
        let _ = self.claim.parent().map(fs::remove_dir);
    }
}

/// Renews the modification time of a claim until the lock ends.
fn beat(claim: &File, ended: &Receiver<()>) {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    while ended.recv_timeout(HEARTBEAT_INTERVAL) == Err(RecvTimeoutError::Timeout) {
        let _ = futimens(claim, &Timestamps { last_access: now, last_modification: now });
    }
}

/// The rival that speaks most against claiming the folder, if there is one that is not dead.
fn strongest(rivals: Vec<(Liveness, Claim)>) -> Option<Rival> {
    let mut silent = None;
    for (liveness, claim) in rivals {
        match liveness {
            Liveness::Alive => return Some(Rival::Alive(claim)),
            Liveness::Unknown => silent = Some(Rival::Silent(claim)),
            Liveness::Dead => {}
        }
    }
    silent
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::super::claim::MAX_SILENCE;
    use super::*;
    use crate::platform::owner;

    const HALF: [Shard; 2] = [Shard { index: 0, count: 2 }, Shard { index: 1, count: 2 }];

    fn acquire(folder: &Path, shard: Shard) -> Result<FolderLock> {
        FolderLock::acquire(folder, shard, ReportMode::Quiet, &AtomicBool::new(false)).map(Option::unwrap)
    }

    /// A claim of the whole folder by a process of another machine, last renewed so many seconds ago.
    fn of_another_machine(folder: &Path, silence: u64) -> File {
        let owner = ClaimOwner { owner: "0123456789ab-7-1".into(), host: "node9".into(), since: 0 };
        fs::create_dir_all(folder.join(FOLDER)).unwrap();
        let path = folder.join(FOLDER).join(file_name(Shard::WHOLE, 3));
        fs::write(&path, serde_json::to_vec(&owner).unwrap()).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(silence)).unwrap();
        file
    }

    #[test]
    fn a_folder_has_one_owner_or_one_for_each_part() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let whole = acquire(at, Shard::WHOLE).unwrap();
        for shard in [Shard::WHOLE, HALF[0]] {
            let refused = acquire(at, shard).unwrap_err().to_string();
            let name = format!("process {} on {}", std::process::id(), owner::host());
            assert!(refused.contains(&name) && refused.contains("another folder"), "{refused}");
        }
        drop(whole);
        let parts = HALF.map(|shard| acquire(at, shard).unwrap());
        for shard in [Shard::WHOLE, HALF[0], Shard { index: 2, count: 3 }] {
            assert!(acquire(at, shard).unwrap_err().to_string().contains("part "));
        }
        drop(parts);
        assert_eq!(fs::read_dir(at).unwrap().count(), 0, "nothing is left behind");
    }

    /// The parts that get the folder if these ask for it at the same moment, while there is a claim of a dead process.
    fn contend(folder: &Path, shards: &[Shard]) -> Vec<Shard> {
        of_another_machine(folder, 2 * MAX_SILENCE.as_secs());
        let (ready, done) = (Barrier::new(shards.len()), Barrier::new(shards.len()));
        let attempt = |&shard: &Shard| {
            ready.wait();
            let outcome = FolderLock::attempt(&folder.join(FOLDER), shard, &Seen::new());
            done.wait();
            matches!(outcome, Ok(Ok(_))).then_some(shard)
        };
        thread::scope(|scope| {
            let attempts: Vec<_> = shards.iter().map(|shard| scope.spawn(|| attempt(shard))).collect();
            attempts.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn of_many_at_once_one_becomes_the_owner() {
        let folder = tempfile::tempdir().unwrap();
        let mixed = [Shard::WHOLE, HALF[0], HALF[1], Shard::WHOLE, HALF[0], HALF[1]];
        for _ in 0..20 {
            assert_eq!(contend(folder.path(), &[Shard::WHOLE; 8]), [Shard::WHOLE]);
            let owners = contend(folder.path(), &mixed);
            assert!(owners.is_empty() || owners == [Shard::WHOLE] || owners.iter().all(|owner| HALF.contains(owner)));
            assert!(owners.len() < 2 || owners[0] != owners[1], "{owners:?}");
        }
    }

    #[test]
    fn the_claim_of_a_dead_process_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        of_another_machine(folder.path(), MAX_SILENCE.as_secs() + 1);
        let lock = acquire(folder.path(), HALF[1]).unwrap();
        assert_eq!(claims(&folder.path().join(FOLDER)).unwrap().len(), 1, "it is removed");
        drop(lock);
        // Nobody knows at first whether this one is dead.
        of_another_machine(folder.path(), MAX_SILENCE.as_secs() - 1);
        let lock = acquire(folder.path(), Shard::WHOLE).unwrap();
        assert!(lock.claim.ends_with("1-of-1.4"), "{}", lock.claim.display());
    }

    #[test]
    fn an_owner_on_another_machine_that_shows_life_is_respected() {
        let folder = tempfile::tempdir().unwrap();
        let claim = of_another_machine(folder.path(), 30);
        let refused = thread::scope(|scope| {
            let refused = scope.spawn(|| acquire(folder.path(), Shard::WHOLE).unwrap_err().to_string());
            thread::sleep(POLL_INTERVAL / 2);
            claim.set_modified(SystemTime::now()).unwrap();
            refused.join().unwrap()
        });
        assert!(refused.contains("process 7 on node9, for "), "{refused}");
    }

    #[test]
    fn who_is_stopped_while_it_waits_leaves_no_claim() {
        let folder = tempfile::tempdir().unwrap();
        of_another_machine(folder.path(), 0);
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| FolderLock::acquire(folder.path(), HALF[0], ReportMode::Quiet, &stop));
            thread::sleep(POLL_INTERVAL / 2);
            stop.store(true, Ordering::Relaxed);
            assert!(waiting.join().unwrap().unwrap().is_none());
        });
        assert_eq!(claims(&folder.path().join(FOLDER)).unwrap().len(), 1);
    }
}
