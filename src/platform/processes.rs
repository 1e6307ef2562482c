//! This process and the ones that it started, directly or not.

use std::fs;
use std::time::Duration;

/// Clock ticks per second in `/proc`, which Linux fixes for programs.
const TICKS_PER_SECOND: u64 = 100;

/// An entry of `/proc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    id: i32,
    parent: i32,
    /// Processor time in clock ticks.
    ticks: u64,
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
    let numbered = entries.filter(|entry| entry.file_name().to_string_lossy().parse::<i32>().is_ok());
    let mut others: Vec<Process> =
        numbered.filter_map(|entry| parse(&fs::read_to_string(entry.path().join("stat")).ok()?)).collect();
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
    Some(Process { id: id.parse().ok()?, parent: number(1)? as i32, ticks: number(11)? + number(12)? })
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_name_may_contain_anything() {
        let stat = "42 (a) b (c) S 7 42 42 0 -1 4194304 100 0 0 0 30 12 0 0 20 0 1 0 1000 0 0";
        assert_eq!(parse(stat), Some(Process { id: 42, parent: 7, ticks: 42 }));
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
