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

/// How many inputs to make at a time.
const BATCH: usize = 50;
/// After this many failures, a target is not tried any further.
const MAX_FAILURES: usize = 20;

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// The names and the contents of a target's inputs.
fn seeds(target: &str) -> (Vec<String>, Vec<Vec<u8>>) {
    let entries = fs::read_dir(corpus(target)).unwrap_or_else(|e| panic!("{target} has no corpus: {e}"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{target} has no corpus");
    paths.iter().map(|path| (path.display().to_string(), fs::read(path).unwrap())).unzip()
}

/// Keeps an input that failed, and returns where.
fn keep(target: &str, number: usize, input: &[u8]) -> String {
    let path = last_input().with_file_name(format!("fuzz-{target}-{number}"));
    fs::write(&path, input).unwrap();
    path.display().to_string()
}

/// Tries one target: the corpus first, then changed copies. Returns the number of inputs, and what failed.
fn attempt(&(target, read): &Target, (most, time): (usize, Duration)) -> (usize, Vec<String>) {
    let (names, seeds) = seeds(target);
    let (mut runner, mut mutator) = (Runner::start(read), Mutator::new(1));
    let found = runner.problems(&seeds);
    let mut failed: Vec<String> = found.into_iter().map(|(index, why)| format!("{} {why}", names[index])).collect();
    let (began, mut tried) = (Instant::now(), 0);
    while tried < most && began.elapsed() < time && failed.len() < MAX_FAILURES && !runner.is_stuck {
        let of = |index: usize| seeds[index % seeds.len()].as_slice();
        let batch = tried..most.min(tried + BATCH);
        let batch: Vec<Vec<u8>> = batch.map(|index| mutator.changed(of(index), of(index / seeds.len()))).collect();
        for (index, why) in runner.problems(&batch) {
            let kept = keep(target, failed.len(), &batch[index]);
            failed.push(format!("{kept} {why}"));
        }
        tried += batch.len();
    }
    assert!(!runner.is_stuck, "{}", failed.join("\n"));
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
    let found = runner.problems(&[b"other".to_vec(), b"panic".to_vec(), b"other".to_vec()]);
    assert_eq!(found, [(1, "panics: at 5".to_owned())]);
    let mut runner = Runner::start(|_| drop(std::hint::black_box(vec![1u8; 400 << 20])));
    assert!(runner.problems(&[Vec::new()])[0].1.contains("MB of memory"));
}
