//! Children that freeze, die, hang or babble; waits that nobody ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::program::{self, salstream, text};
use crate::{child_of, clip, frames, said, start, stays, temporaries, wait};

/// After one signal, a process that only waits ends within this time.
const LIMIT: Duration = Duration::from_secs(40);

/// Starts `salstream ARGS` with a program of another behaviour in place of `name`.
fn start_with(folder: &Path, name: &str, script: &str, args: &str) -> Child {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let said = fs::File::create(folder.join("said")).unwrap();
    let mut command = salstream(folder);
    command.env("PATH", path).args(args.split_whitespace());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().unwrap()
}

#[test]
fn one_signal_ends_a_run_whose_encoder_or_decoder_is_frozen() {
    for (word, signal) in [("libx264", "INT"), ("rawvideo", "TERM")] {
        let folder = clip(20);
        let mut child = start(folder.path(), "run clip.mp4 -o out.mp4 --device cpu");
        let frozen = child_of(child.id(), word).expect("a child");
        program::signal("STOP", frozen);
        std::thread::sleep(Duration::from_millis(500));
        program::signal(signal, child.id());
        let ended = wait(&mut child, LIMIT);
        assert_eq!(ended.code(), Some(130), "{word}: {}", said(folder.path()));
        assert!(!stays(&format!("{}/", folder.path().display())), "{word}: a child stays");
        assert_eq!(temporaries(folder.path()), [""; 0], "{word}");
    }
}

#[test]
fn one_signal_ends_a_run_that_waits_for_a_hung_ffprobe() {
    let folder = clip(1);
    let mut child = start_with(folder.path(), "ffprobe", "exec sleep 997", "run clip.mp4 -o out.mp4");
    child_of(child.id(), "997").expect("the hung program");
    program::signal("TERM", child.id());
    assert_eq!(wait(&mut child, LIMIT).code(), Some(130), "{}", said(folder.path()));
    assert!(!stays("sleep 997"), "the hung program stays");
}

#[test]
fn children_do_not_outlive_a_killed_parent() {
    let folder = clip(20);
    let mut child = start(folder.path(), "run clip.mp4 -o out.mp4 --device cpu");
    child_of(child.id(), "libx264").expect("an encoder");
    child_of(child.id(), "rawvideo").expect("a decoder");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!stays(&format!("{}/", folder.path().display())), "a child stays");
    let mut hung = start_with(folder.path(), "ffprobe", "exec sleep 998", "run clip.mp4 -o out.mp4");
    child_of(hung.id(), "998").expect("the hung program");
    hung.kill().unwrap();
    hung.wait().unwrap();
    assert!(!stays("sleep 998"), "ffprobe stays");
}

#[test]
fn an_encoder_or_a_decoder_that_is_killed_is_an_error() {
    for (word, is_kept) in [("libx264", false), ("rawvideo", true)] {
        let folder = clip(20);
        let mut child = start(folder.path(), "run clip.mp4 -o out.mp4 --device cpu");
        let victim = child_of(child.id(), word).expect("a child");
        std::thread::sleep(Duration::from_secs(2));
        program::signal("KILL", victim);
        let ended = wait(&mut child, LIMIT);
        let message = said(folder.path());
        assert_eq!(ended.code(), Some(1), "{word}: {message}");
        assert_eq!(message.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{word}: {message}");
        let kept = frames(&folder.path().join("out.mp4")).filter(|frames| (1..500).contains(frames));
        assert_eq!(kept.is_some(), is_kept, "{word}: {kept:?} frames; {message}");
        assert_eq!(temporaries(folder.path()), [""; 0], "{word}");
    }
}

#[test]
fn a_child_that_babbles_does_no_harm() {
    let folder = clip(1);
    // A flood on standard error beside the real work.
    let script = "yes 'a warning about nothing' 2>/dev/null | head -c 20000000 >&2 &\nexec /usr/bin/ffmpeg \"$@\"";
    let mut child = start_with(folder.path(), "ffmpeg", script, "run clip.mp4 -o out.mp4 --device cpu -q");
    assert!(wait(&mut child, Duration::from_secs(120)).success(), "{}", said(folder.path()));
    assert_eq!((frames(&folder.path().join("out.mp4")), &*said(folder.path())), (Some(25), ""));
}

#[test]
fn a_program_that_is_there_but_does_not_start_is_not_called_missing() {
    let folder = clip(1);
    let mut child = start_with(folder.path(), "ffmpeg", "exit 3", "run clip.mp4 -o out.mp4 --device cpu");
    assert_eq!(wait(&mut child, LIMIT).code(), Some(1));
    let message = said(folder.path());
    assert!(message.contains("ffmpeg: starts and fails") && !message.contains("not installed"), "{message}");
    assert_eq!(text(&fs::read(folder.path().join("out.mp4")).unwrap_or_default()), "");
}
