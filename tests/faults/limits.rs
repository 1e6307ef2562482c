//! Too few file descriptors, too little memory, files that may not grow.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::program::{probe, salstream, text};
use crate::{clip, frames, report, temporaries, tries};

/// Runs the program under a shell's `ulimit`.
fn limited(folder: &Path, limit: &str, args: &str) -> Output {
    let program = salstream(folder).get_program().to_owned();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit {limit} && exec timeout 120 \"$0\" {args}")]).arg(program);
    command.current_dir(folder).output().unwrap()
}

/// What is wrong with a run: it must make the whole result, or none with one error line.
fn wrong(folder: &Path, output: &Output) -> Option<String> {
    let (video, message) = (folder.join("out.mp4"), text(&output.stderr));
    let errors = message.lines().filter(|line| line.starts_with("error: ")).count();
    let left = temporaries(folder);
    let status = output.status;
    let problem = match status.code().or(status.signal().map(|signal| 128 + signal)) {
        // Rust ends a process that gets no memory at once; the next run removes what it leaves.
        Some(134) if !video.exists() => return None,
        _ if !left.is_empty() => format!("{left:?} stays"),
        _ if message.contains("panicked") || message.contains("not installed") => "a wrong message".into(),
        Some(0) if frames(&video) != Some(25) => "not all frames".into(),
        Some(0) if probe(&video, "a", "stream=codec_name") != "aac" => "no sound".into(),
        Some(0) => return None,
        Some(1) if errors == 1 && !video.exists() => return None,
        // The system's loader has no room for the libraries.
        Some(126 | 127) if !video.exists() => return None,
        status => format!("{status:?}, {errors} error lines, result: {}", video.exists()),
    };
    Some(format!("{problem}: {message}"))
}

#[test]
fn too_few_descriptors_are_an_error_not_a_missing_program() {
    let folder = clip(1);
    let all: Vec<u32> = (4..40).collect();
    let step = all.len() / tries(9, 36);
    let (mut lost, mut made) = (Vec::new(), 0);
    let limits: Vec<_> = all.into_iter().step_by(step).chain([64]).collect();
    for limit in &limits {
        let output = limited(folder.path(), &format!("-n {limit}"), "run clip.mp4 -o out.mp4 --device cpu");
        lost.extend(wrong(folder.path(), &output).map(|problem| format!("{limit}: {problem}")));
        made += usize::from(output.status.success());
        let _ = std::fs::remove_file(folder.path().join("out.mp4"));
    }
    assert!(made > 0, "64 descriptors are enough");
    report("descriptor limits", limits.len(), &lost);
}

#[test]
fn too_little_memory_is_an_error() {
    let folder = clip(1);
    let step = 200_000 / tries(1, 8);
    let (mut lost, limits): (Vec<String>, Vec<_>) = (Vec::new(), (300_000..1_900_000).step_by(step).collect());
    for limit in &limits {
        let output = limited(folder.path(), &format!("-v {limit}"), "run clip.mp4 -o out.mp4 --device cpu");
        lost.extend(wrong(folder.path(), &output).map(|problem| format!("{limit} KB: {problem}")));
        let _ = std::fs::remove_file(folder.path().join("out.mp4"));
    }
    let plenty = limited(folder.path(), "-v unlimited", "run clip.mp4 -o out.mp4 --device cpu");
    assert!(plenty.status.success() && temporaries(folder.path()).is_empty());
    report("memory limits", limits.len(), &lost);
}

#[test]
fn a_file_that_may_not_grow_is_an_error() {
    let folder = clip(1);
    let (mut lost, sizes) = (Vec::new(), [1, 4, 16, 40]);
    for blocks in sizes {
        let output = limited(folder.path(), &format!("-f {blocks}"), "run clip.mp4 -o out.mp4 --device cpu --crf 0");
        let is_error = output.status.code() == Some(1);
        let problem = wrong(folder.path(), &output).or((!is_error).then(|| "no error".into()));
        lost.extend(problem.map(|problem| format!("{blocks} blocks: {problem}")));
    }
    report("file size limits", sizes.len(), &lost);
}
