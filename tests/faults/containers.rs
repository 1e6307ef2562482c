//! Damaged files: bytes of containers of many kinds changed, in the header and in the middle.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::program::ffmpeg;
use crate::{counted_frames, report, said, start, temporaries, tries, wait};

/// How long a run of a tiny clip may take.
const LIMIT: Duration = Duration::from_secs(60);
const RUN: &str = "--device cpu --fusion motion --static-every 1000 -y";

/// The kinds of containers, by the extension, with their codecs.
const KINDS: [(&str, &str); 6] = [
    ("mp4", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac"),
    ("mkv", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a libvorbis"),
    ("webm", "-c:v libvpx -deadline realtime -c:a libopus"),
    ("ts", "-c:v mpeg2video -c:a mp2"),
    ("avi", "-c:v mpeg4 -c:a libmp3lame"),
    ("flv", "-c:v flv1 -c:a libmp3lame -ar 44100"),
];

/// Changes up to eight bytes, or a run of them, of the header or of the rest; or cuts the rest off.
fn damage(bytes: &mut Vec<u8>, random: &mut SmallRng) -> String {
    let header = bytes.len().min(1024);
    let (part, range) = if random.random_bool(0.5) {
        ("header", 0..header)
    } else {
        ("middle", header.min(bytes.len() / 2)..bytes.len())
    };
    let at = random.random_range(range.clone());
    match random.random_range(0..4) {
        0 => {
            let end = (at + random.random_range(1..200)).min(range.end);
            bytes[at..end].fill_with(|| random.random());
            format!("{part}: random bytes {at}..{end}")
        }
        1 => {
            bytes.truncate(at);
            format!("{part}: cut at {at}")
        }
        _ => {
            let count = random.random_range(1..=8);
            for _ in 0..count {
                bytes[random.random_range(range.clone())] = random.random();
            }
            format!("{part}: {count} bytes changed")
        }
    }
}

/// What is wrong with the way in which a run on a damaged clip ended.
fn wrong(folder: &Path, clip: &str) -> Option<String> {
    let _ = fs::remove_file(folder.join("out.mp4"));
    let mut child = start(folder, &format!("run {clip} -o out.mp4 {RUN}"));
    let status = wait(&mut child, LIMIT);
    let (said, result) = (said(folder), folder.join("out.mp4"));
    let errors = said.lines().filter(|line| line.starts_with("error: ")).count();
    // The sound is kept as it is, with its damage; of the picture, what was counted can be read.
    let stated = said.lines().find_map(|line| line.split_once(" frames in ")?.0.parse::<u64>().ok());
    let found = counted_frames(&result).map(|(count, _)| count);
    let is_readable = found.is_some() && found == stated;
    let problem = match status.code() {
        Some(0) if errors == 0 && is_readable => None,
        Some(1) if errors == 1 && (!result.exists() || is_readable) => None,
        _ => Some(format!("{status}, {errors} errors, {found:?} frames of {stated:?}")),
    };
    let problem = problem.or_else(|| said.contains("panicked").then(|| "a panic".into()));
    let left = temporaries(folder);
    let problem = problem.or_else(|| (!left.is_empty()).then(|| format!("{left:?} stays")));
    problem.map(|problem| format!("{problem}: {said}"))
}

#[test]
fn a_damaged_container_gives_a_readable_result_or_one_error() {
    let sources = "-f lavfi -i testsrc2=d=1:r=10:s=64x48 -f lavfi -i sine=d=1";
    let (mut tried, mut lost) = (0, Vec::new());
    for (kind, codecs) in KINDS {
        let (folder, mut random) = (tempfile::tempdir().unwrap(), SmallRng::seed_from_u64(1));
        ffmpeg(folder.path(), &format!("{sources} {codecs} whole.{kind}"));
        let whole = fs::read(folder.path().join(format!("whole.{kind}"))).unwrap();
        assert_eq!(wrong(folder.path(), &format!("whole.{kind}")), None);
        for number in 0..tries(2, 150) {
            let mut bytes = whole.clone();
            let what = damage(&mut bytes, &mut random);
            fs::write(folder.path().join(format!("damaged.{kind}")), bytes).unwrap();
            let problem = wrong(folder.path(), &format!("damaged.{kind}"));
            lost.extend(problem.map(|why| format!("{kind} {number}, {what}: {why}")));
            tried += 1;
        }
    }
    report("damaged mp4, mkv, webm, ts, avi, flv", tried, &lost);
}
