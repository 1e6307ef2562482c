//! The processes of this machine.

use std::path::PathBuf;

/// A process that runs.
pub struct Process {
    pub id: u32,
    pub parent: u32,
    pub command: String,
}

/// All running processes, without those that have ended and are not waited for.
pub fn processes() -> Vec<Process> {
    let folders = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let process = |folder: PathBuf| {
        let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        fields.next().filter(|state| *state != "Z")?;
        let command = String::from_utf8_lossy(&std::fs::read(folder.join("cmdline")).ok()?).replace('\0', " ");
        Some(Process { id: folder.file_name()?.to_str()?.parse().ok()?, parent: fields.next()?.parse().ok()?, command })
    };
    folders.filter_map(process).collect()
}

/// The child of `parent` whose command line contains `word`.
pub fn child_with(parent: u32, word: &str) -> Option<u32> {
    let found = processes().into_iter().find(|process| process.parent == parent && process.command.contains(word));
    found.map(|process| process.id)
}
