//! The processes of this machine, as `/proc` describes them: any one by its id, and those that this one started.

use std::fs;
use std::time::Duration;

/// Clock ticks per second in `/proc`, which Linux fixes for programs.
const TICKS_PER_SECOND: u64 = 100;

/// A process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    id: i32,
    parent: i32,
    /// Processor time in clock ticks.
    ticks: u64,
    /// Whether it has ended, and its parent has not asked how.
    pub is_zombie: bool,
    /// When it began, in clock ticks since the boot.
    pub start: u64,
}

/// The process with this id; `None` if there is none, or it is hidden.
pub fn find(id: i32) -> Option<Process> {
    parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// The ids of all processes that this one started, directly or not. Empty on systems other than Linux.
pub fn descendants() -> Vec<i32> {
    tree().into_iter().skip(1).map(|process| process.id).collect()
}

/// The processor time of this process and its descendants.
pub fn processor_time() -> Duration {
    let ticks: u64 = tree().iter().map(|process| process.ticks).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// This process, followed by its descendants.
fn tree() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    // Links such as `self` name a process for the second time.
    let ids = entries.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok());
    let mut others: Vec<Process> = ids.filter_map(find).collect();
    let own = std::process::id() as i32;
    let mut found: Vec<Process> = others.extract_if(.., |process| process.id == own).collect();
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(others.extract_if(.., |process| process.parent == parent.id));
        next += 1;
    }
    found
}

/// Reads `/proc/ID/stat`. The name in it, in parentheses, may contain anything.
fn parse(stat: &str) -> Option<Process> {
    let (id, rest) = stat.split_once(' ')?;
    let fields: Vec<&str> = rest.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Process {
        id: id.parse().ok()?,
        parent: number(1)? as i32,
        ticks: number(11)? + number(12)?,
        is_zombie: ["Z", "X"].contains(fields.first()?),
        start: number(19)?,
    })
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_name_may_contain_anything() {
        let stat = "42 (a) b (c) S 7 42 42 0 -1 4194304 100 0 0 0 30 12 0 0 20 0 1 0 1000 0 0";
        let process = Process { id: 42, parent: 7, ticks: 42, is_zombie: false, start: 1000 };
        assert_eq!(parse(stat), Some(process));
    }

    #[test]
    fn children_and_their_children_are_found() {
        let mut command = std::process::Command::new("sh");
        // The grandchild outlives this test for a moment, and must not hold its output.
        command.args(["-c", "sleep 3 & wait"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let found = || descendants().len();
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while found() < 2 && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let all = descendants();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(all.len() >= 2 && all.contains(&(child.id() as i32)), "{all:?}");
        assert!(!all.contains(&(std::process::id() as i32)), "{all:?}");
    }
}
