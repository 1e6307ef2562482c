//! A claim: the small file with which a batch reserves a results folder, or a part of it.

use super::shard::Shard;
use std::collections::HashMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::HumanDuration;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::platform::owner::{self, Liveness, Owner};

/// After this time without a sign of life, the owner on another machine is dead. It may miss five in a row: a network
/// file system may hang for a while.
pub(super) const MAX_SILENCE: Duration = Duration::from_secs(60);

/// Who made a claim: the content of the file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ClaimOwner {
    pub owner: String,
    pub host: String,
    /// When the claim was made, in seconds since 1970.
    pub since: u64,
}

/// A claim.
#[derive(Debug)]
pub(super) struct Claim {
    pub path: PathBuf,
    shard: Shard,
    /// Later claims of the same part have higher numbers.
    pub number: u64,
    /// `None` if it cannot be read.
    owner: Option<ClaimOwner>,
    /// The last sign of life.
    pub renewed: SystemTime,
}

/// The claims of other machines that were alive when they were first seen, with their times then.
pub(super) type Seen = HashMap<PathBuf, SystemTime>;

pub(super) fn file_name(shard: Shard, number: u64) -> String {
    format!("{}-of-{}.{number}", shard.index + 1, shard.count)
}

/// The part and the number of the claim `name`.
fn parsed(name: &str) -> Option<(Shard, u64)> {
    let (shard, number) = name.split_once('.')?;
    let shard = shard.replace("-of-", "/").parse().ok()?;
    Some((shard, number.parse().ok()?))
}

/// All claims in the folder `place`.
pub(super) fn claims(place: &Path) -> io::Result<Vec<Claim>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(place)? {
        let path = entry?.path();
        let Some((shard, number)) = path.file_name().and_then(|name| parsed(name.to_str()?)) else { continue };
        // Reading a file makes a network file system ask for its current times.
        let owner = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        match path.metadata().and_then(|metadata| metadata.modified()) {
            Ok(renewed) => found.push(Claim { path, shard, number, owner, renewed }),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(found)
}

impl ClaimOwner {
    /// This process, from the time `now`.
    pub(super) fn this(now: SystemTime) -> Self {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { owner: Owner::this().to_string(), host: owner::host(), since }
    }
}

impl Claim {
    /// Whether a batch of the part `shard` would process some of the same clips.
    pub(super) fn conflicts(&self, shard: Shard) -> bool {
        self.shard.count != shard.count || self.shard.index == shard.index
    }

    /// Whether its owner is alive, at the file system's time `now`. An owner on another machine is alive if it has renewed
    /// the claim since it was first `seen`.
    pub(super) fn liveness(&self, now: SystemTime, seen: &Seen) -> Liveness {
        let owner = self.owner.as_ref().and_then(|owner| owner.owner.parse().ok());
        match owner.map_or(Liveness::Unknown, |owner: Owner| owner.liveness()) {
            Liveness::Unknown if now.duration_since(self.renewed).is_ok_and(|silence| silence > MAX_SILENCE) => {
                Liveness::Dead
            }
            Liveness::Unknown if seen.get(&self.path).is_some_and(|before| *before != self.renewed) => Liveness::Alive,
            known => known,
        }
    }

    /// Its owner, for messages.
    fn name(&self) -> String {
        let part = match self.shard {
            Shard::WHOLE => String::new(),
            Shard { index, count } => format!(" (part {}/{count})", index + 1),
        };
        let owner = self.owner.as_ref().and_then(|found| Some((found, found.owner.parse::<Owner>().ok()?)));
        match owner {
            Some((ClaimOwner { host, .. }, owner)) => format!("process {} on {host}{part}", owner.pid),
            None => format!("the owner of {}{part}", self.path.display()),
        }
    }

    /// The note that this claim's owner is waited for.
    pub(super) fn note(&self, folder: &Path) -> String {
        let (folder, name, seconds) = (folder.display(), self.name(), MAX_SILENCE.as_secs());
        format!("{folder}: {name} owns this folder or was killed: waiting up to {seconds} s for a sign of life")
    }

    /// The error for a folder that another process owns.
    pub(super) fn refusal(&self, folder: &Path) -> Error {
        let since = self.owner.as_ref().map(|owner| UNIX_EPOCH + Duration::from_secs(owner.since));
        let age = since.and_then(|since| SystemTime::now().duration_since(since).ok());
        let age = age.map(|age| format!(", for {}", HumanDuration(age))).unwrap_or_default();
        let problem = format!(
            "another batch is working in this folder: {}{age}: wait until it has ended, or choose another folder",
            self.name()
        );
        Error::output(folder, problem)
    }
}
