//! Which process a file belongs to, and whether that process is still alive.

use std::fmt;
use std::fs;
use std::str::FromStr;
use std::sync::OnceLock;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::checksum::sha256;
use super::processes;

/// Number of hexadecimal digits of [`Owner::space`]: on a disk that a thousand machines share, the chance that two of
/// them are taken for one is below one in a hundred million.
const SPACE_DIGITS: usize = 12;

/// A process, named in such a way that no other process ever has the same name, on any machine: `SPACE-PID-START`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Where `pid` means something: a checksum of this boot of the machine's kernel and of the PID namespace in it. Host
    /// names do not tell machines or containers apart, and numbers begin again after a boot.
    space: String,
    pub pid: i32,
    /// When the process began, in clock ticks since the boot, because numbers of processes are used again.
    start: u64,
}

/// What is known about a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    Alive,
    Dead,
    /// It runs, or ran, on another machine, in another container, or before the last boot.
    Unknown,
}

impl Owner {
    /// This process.
    pub fn this() -> &'static Self {
        static THIS: OnceLock<Owner> = OnceLock::new();
        THIS.get_or_init(|| {
            let pid = std::process::id() as i32;
            let start = processes::find(pid).map_or(0, |process| process.start);
            Self { space: this_space(), pid, start }
        })
    }

    /// Whether the process is alive. A zombie is dead.
    pub fn liveness(&self) -> Liveness {
        if self.space != Self::this().space {
            return Liveness::Unknown;
        }
        let is_alive = match processes::find(self.pid) {
            Some(process) => process.start == self.start && !process.is_zombie,
            // A system may hide the processes of other users.
            None => Pid::from_raw(self.pid).is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH)),
        };
        if is_alive { Liveness::Alive } else { Liveness::Dead }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.space, self.pid, self.start)
    }
}

impl FromStr for Owner {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '-');
        let mut part = || parts.next().ok_or(());
        let (space, pid, start) = (part()?, part()?, part()?);
        let is_space = space.len() == SPACE_DIGITS && space.bytes().all(|digit| digit.is_ascii_hexdigit());
        let space = is_space.then(|| space.to_owned()).ok_or(())?;
        Ok(Self { space, pid: pid.parse().map_err(drop)?, start: start.parse().map_err(drop)? })
    }
}

fn this_space() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_else(|_| host());
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    sha256(format!("{boot} {}", namespace.display()).as_bytes())[..SPACE_DIGITS].to_owned()
}

/// The name of this machine or container, for messages.
pub fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").map_or_else(|_| "this machine".into(), |name| name.trim().into())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_is_told_from_others_by_its_name() {
        let this = Owner::this();
        assert_eq!(this.to_string().parse(), Ok(this.clone()));
        assert_eq!(this.liveness(), Liveness::Alive);
        let with_its_number = Owner { start: this.start + 1, ..this.clone() };
        assert_eq!(with_its_number.liveness(), Liveness::Dead);
        let elsewhere = Owner { space: "0123456789ab".into(), ..this.clone() };
        assert_eq!(elsewhere.liveness(), Liveness::Unknown);
        for text in ["", "abc", "0123456789ab-7", "0123456789ab-x-1", "short-7-1", "0123456789ab-7-1x"] {
            assert_eq!(text.parse::<Owner>(), Err(()), "{text}");
        }
    }

    #[test]
    fn a_process_that_was_killed_is_dead_even_if_nobody_has_waited_for_it() {
        let mut child = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().unwrap();
        let pid = child.id() as i32;
        let owner = Owner { pid, start: processes::find(pid).unwrap().start, ..Owner::this().clone() };
        assert_eq!(owner.liveness(), Liveness::Alive);
        child.kill().unwrap();
        while processes::find(pid).is_some_and(|process| !process.is_zombie) {
            std::thread::yield_now();
        }
        assert_eq!(owner.liveness(), Liveness::Dead);
        child.wait().unwrap();
        assert_eq!(owner.liveness(), Liveness::Dead);
    }
}
