//! Reads the corpus of `fuzz/corpus`, and many changed copies of each of its inputs: without a panic, in bounded time and
//! memory. What the copies are is the same in each run. `SALSTREAM_FULL=1` tries more of them; `cargo fuzz` goes on from
//! there without end. See CONTRIBUTING.md.

mod mutator;
mod runner;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use salstream::fuzzing::{TARGETS, Target};

use crate::mutator::Mutator;
use crate::runner::{Runner, last_input};

/// How many changed copies to try at most, and for how long, with one target: in the short form.
const SHORT: (usize, Duration) = (1500, Duration::from_millis(500));
/// The same in the long form.
const FULL: (usize, Duration) = (400_000, Duration::from_secs(20));

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// The inputs of a target, by name.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(corpus(target)).unwrap_or_else(|e| panic!("{target} has no corpus: {e}"));
    let read = |path: PathBuf| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap());
    let mut seeds: Vec<_> = entries.map(|entry| read(entry.unwrap().path())).collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{target} has no corpus");
    seeds
}

/// Keeps an input that failed, and returns where.
fn keep(target: &str, number: usize, input: &[u8]) -> PathBuf {
    let path = last_input().with_file_name(format!("fuzz-{target}-{number}"));
    fs::write(&path, input).unwrap();
    path
}

/// Tries one target: the corpus first, then changed copies. Returns the number of inputs, and what failed.
fn attempt(&(target, read): &Target, (most, time): (usize, Duration)) -> (usize, Vec<String>) {
    let (seeds, mut runner, mut mutator) = (seeds(target), Runner::start(read), Mutator::new(1));
    let mut failed = Vec::new();
    for (name, input) in &seeds {
        failed.extend(runner.problem(input).map(|problem| format!("{target}/{name} {problem}")));
    }
    let (began, mut tried) = (Instant::now(), 0);
    while tried < most && began.elapsed() < time && failed.len() < 20 {
        let [input, other] = [tried, tried / seeds.len()].map(|index| &seeds[index % seeds.len()].1);
        let changed = mutator.changed(input, other);
        if let Some(problem) = runner.problem(&changed) {
            let path = keep(target, failed.len(), &changed);
            failed.push(format!("{target} {problem}: {}", path.display()));
        }
        tried += 1;
    }
    (seeds.len() + tried, failed)
}

#[test]
fn no_input_panics_hangs_or_takes_all_memory() {
    let limits = if std::env::var_os("SALSTREAM_FULL").is_some() { FULL } else { SHORT };
    let mut failed = Vec::new();
    for target in TARGETS {
        let (tried, problems) = attempt(target, limits);
        println!("{:14} {tried:7} tried, {} failed", target.0, problems.len());
        failed.extend(problems);
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    a_panic_and_a_large_allocation_are_noticed();
}

/// Not a test of its own: memory is counted for the whole process.
fn a_panic_and_a_large_allocation_are_noticed() {
    let mut runner = Runner::start(|input| assert!(input != b"panic", "at {}", input.len()));
    assert_eq!(runner.problem(b"other"), None);
    assert_eq!(runner.problem(b"panic"), Some("panics: at 5".into()));
    assert_eq!(runner.problem(b"other"), None);
    let mut runner = Runner::start(|_| drop(std::hint::black_box(vec![1u8; 400 << 20])));
    assert!(runner.problem(b"").is_some_and(|problem| problem.contains("MB of memory")));
}
