//! A real job array on a small cluster on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::program::text;
use crate::{MODEL, clips, relative, run};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/cluster");

/// A running cluster that stops when the test ends.
struct Cluster(PathBuf);

impl Cluster {
    fn start(folder: &Path) -> Self {
        let output = Command::new(format!("{SCRIPTS}/slurm-here")).arg("start").arg(folder).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        Self(folder.to_owned())
    }

    /// The output of a Slurm command.
    fn ask(&self, command: &str) -> String {
        let output =
            Command::new("sh").args(["-c", command]).env("SLURM_CONF", self.0.join("slurm.conf")).output().unwrap();
        text(&output.stdout)
    }

    fn wait(&self, what: &str, ready: impl Fn(&str) -> bool) {
        let since = Instant::now();
        loop {
            let queue = self.ask("squeue -h -o '%i %T'");
            if ready(&queue) {
                return;
            }
            assert!(since.elapsed() < Duration::from_secs(90), "not {what}: {queue}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = Command::new(format!("{SCRIPTS}/slurm-here")).arg("stop").arg(&self.0).status();
    }
}

#[test]
#[ignore = "needs Slurm"]
fn a_slurm_array_is_equal_to_a_single_run() {
    let folder = clips(24);
    let at = folder.path();
    let cluster = Cluster::start(&at.join("cluster"));
    let array = Command::new(format!("{SCRIPTS}/slurm"))
        .args(["4", "--cpus-per-task=1", "--"])
        .args([at.join("in"), "-o".into(), at.join("out")])
        .args(["--records", "jsonl", "--device", "cpu", "--precision", "f32", "--preprocess", "unit", "--model", MODEL])
        .env("SLURM_CONF", cluster.0.join("slurm.conf"))
        .env("SALSTREAM", env!("CARGO_BIN_EXE_salstream"))
        .current_dir(at)
        .output()
        .unwrap();
    let said = text(&array.stdout);
    let id = said.lines().next().unwrap_or_else(|| panic!("{}", text(&array.stderr))).to_owned();
    let task = format!("{id}_0");
    let state = || cluster.ask(&format!("scontrol show job {task}"));
    let is_running = |queue: &str| queue.contains(&format!("{task} RUNNING"));
    cluster.wait("begun", |queue| is_running(queue) && queue.matches("RUNNING").count() >= 2);
    // The processes of one task are killed while it works, and its node accepts no more tasks but finishes the running
    // ones.
    cluster
        .ask(&format!("scancel --signal=KILL --full {task}; scontrol update NodeName=node2 State=DRAIN Reason=test"));
    assert!(cluster.ask("sinfo -h -n node2 -o %T").starts_with("drain"), "node2 is drained");
    cluster.wait("killed", |queue| !is_running(queue));
    let killed = state();
    assert!(killed.contains("JobState=FAILED") || killed.contains("JobState=CANCELLED"), "{killed}");
    cluster.ask(&format!("scontrol requeue {task}; scontrol update JobId={task} StartTime=now"));
    cluster.ask("scontrol update NodeName=node2 State=RESUME");
    cluster.wait("over", str::is_empty);
    assert!(state().contains("Restarts=1") && state().contains("JobState=COMPLETED"), "{}", state());
    let merged = std::fs::read_to_string(at.join("out/log/merge.log")).unwrap();
    assert!(merged.contains("24 done (240 frames"), "{merged}");
    assert!(run(at, "in -o whole --records jsonl").status.success());
    let mut made = relative(&at.join("out"));
    made.retain(|(name, _)| !name.starts_with("log"));
    assert!(made == relative(&at.join("whole")), "the same bytes");
    let killed = killed.split_whitespace().find(|word| word.starts_with("JobState=")).unwrap_or_default();
    eprintln!("array of 4 over 24 clips; task 0 killed ({killed}), requeued (Restarts=1), completed; merged: {merged}");
}
