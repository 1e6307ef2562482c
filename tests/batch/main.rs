//! `salstream batch` as users see it: every clip is processed once, whatever happens in between.

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tempfile::{TempDir, tempdir};

mod crew;
mod faults;
mod folders;
mod owners;
mod parallel;
mod partial;
#[allow(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/processes.rs"]
mod processes;
#[allow(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/program.rs"]
mod program;
mod slurm;

use processes::processes;
use program::{assert_refused, ffmpeg, probe, salstream, text};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/onnx-grad/tests/fixtures/small.onnx");

fn batch(folder: &Path, args: &str) -> Command {
    let mut command = salstream(folder);
    command.args(["batch", "--device", "cpu", "--precision", "f32", "--preprocess", "unit", "--model", MODEL]);
    command.args(args.split_whitespace());
    command
}

fn run(folder: &Path, args: &str) -> Output {
    batch(folder, args).output().unwrap()
}

/// A folder `in` with `count` clips of ten frames.
fn clips(count: usize) -> TempDir {
    let folder = tempdir().unwrap();
    fs::create_dir_all(folder.path().join("in/sub")).unwrap();
    for index in 0..count {
        let name = if index % 2 == 0 { format!("in/{index}.mp4") } else { format!("in/sub/{index}.mkv") };
        let source = format!("testsrc2=size=160x120:rate=10:duration=1,hue=h={}", 40 * index);
        ffmpeg(folder.path(), &format!("-f lavfi -i {source} -c:v libx264 -preset ultrafast {name}"));
    }
    folder
}

/// How many clips were done, skipped and failed, from the closing line.
fn counts(output: &Output) -> [usize; 3] {
    let said = text(&output.stderr);
    let line = said.lines().find(|line| line.contains(" done (")).unwrap_or_else(|| panic!("no closing line: {said}"));
    let number = |part: &str| line.split(part).next().unwrap().rsplit([' ', ',']).next().unwrap().parse().unwrap();
    [number(" done ("), number(" skipped"), number(" failed")]
}

/// Every file below `folder` except summaries, settings and manifests, with its bytes.
fn results(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(results(&path));
        } else if !["json", "html", "toml"]
            .map(Some)
            .contains(&path.extension().and_then(|extension| extension.to_str()))
        {
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

/// The same, with paths relative to the folder.
fn relative(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let strip = |(path, bytes): (PathBuf, Vec<u8>)| (path.strip_prefix(folder).unwrap().to_owned(), bytes);
    results(folder).into_iter().map(strip).collect()
}

#[test]
fn each_clip_is_done_once_and_again_only_for_a_reason() {
    let folder = clips(3);
    let at = folder.path();
    let first = run(at, "in -o out --records jsonl");
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert_eq!(counts(&first), [3, 0, 0]);
    assert_eq!(probe(&at.join("out/sub/1.mp4"), "v", "stream=nb_read_packets"), "10");
    let done: Value = serde_json::from_slice(&fs::read(at.join("out/sub/1.done.json")).unwrap()).unwrap();
    assert_eq!((done["frames"].as_u64(), done["outputs"].as_array().unwrap().len()), (Some(10), 3));
    assert_eq!(counts(&run(at, "in -o out --records jsonl")), [0, 3, 0]);
    let other_version =
        fs::read_to_string(at.join("out/2.done.json")).unwrap().replace(env!("CARGO_PKG_VERSION"), "0.0.9");
    fs::write(at.join("out/2.done.json"), other_version).unwrap();
    assert_eq!(
        counts(&run(at, "in -o out --records jsonl")),
        [0, 3, 0],
        "clips finished by another version are skipped"
    );

    let plan = |args: &str| text(&run(at, args).stdout);
    let same = "in -o out --records jsonl --dry-run";
    fs::write(at.join("out/0.mp4"), "half").unwrap();
    assert!(plan(same).contains("redo  in/0.mp4: its result is missing or damaged\n"), "{}", plan(same));
    fs::remove_file(at.join("out/sub/1.jsonl")).unwrap();
    assert!(plan(same).contains("redo  in/sub/1.mkv: its result is missing or damaged\n"));
    fs::write(at.join("out/2.done.json"), "{").unwrap();
    assert!(plan(same).contains("redo  in/2.mp4: its .done.json file is damaged\n"));
    assert_eq!(counts(&run(at, "in -o out --records jsonl")), [3, 0, 0]);
    fs::copy(at.join("in/2.mp4"), at.join("in/0.mp4")).unwrap();
    assert!(plan(same).contains("redo  in/0.mp4: the input has changed\nskip  in/2.mp4\nskip  in/sub/1.mkv\n"));
    assert!(plan("in -o out --records csv --dry-run").matches("the settings have changed").count() == 2);
    assert!(plan("in -o new --dry-run").matches("do    ").count() == 3 && !at.join("new").exists());

    let mut damaged = fs::read(at.join("out/2.mp4")).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(at.join("out/2.mp4"), damaged).unwrap();
    assert!(plan(same).contains("redo  in/2.mp4: its result is missing or damaged\n"));
    // As it was written by earlier versions.
    let mut manifest: Value = serde_json::from_slice(&fs::read(at.join("out/2.done.json")).unwrap()).unwrap();
    let outputs = manifest["outputs"].as_array_mut().unwrap();
    assert!(outputs.iter_mut().all(|output| output.as_object_mut().unwrap().remove("sample").is_some()));
    fs::write(at.join("out/2.done.json"), manifest.to_string()).unwrap();
    assert!(plan(same).contains("skip  in/2.mp4\n"), "the size is right");
    assert!(plan(&format!("{same} --verify")).contains("redo  in/2.mp4: its result is missing or damaged\n"));
}

#[test]
fn settings_come_from_a_file_and_go_into_one() {
    let folder = clips(1);
    let at = folder.path();
    let first = run(at, "in -o a --records csv --alpha 0.25 --target 2 --no-audio");
    assert!(first.status.success(), "{}", text(&first.stderr));
    let stored = fs::read_to_string(at.join("a/settings.toml")).unwrap();
    for line in [
        "alpha = 0.25",
        "records = \"csv\"",
        "no-audio = true",
        "inputs = [\"in\"]",
        "target = [2]",
        "layout = \"overlay\"",
    ] {
        assert!(stored.lines().any(|stored| stored == line), "{line}: {stored}");
    }
    let settled = |args: &str| {
        let mut command = salstream(at);
        let output =
            command.args(["batch", "--config", "a/settings.toml"]).args(args.split_whitespace()).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        output
    };
    assert_eq!(text(&settled("--print-config").stdout), stored, "the settings file records all settings");
    settled("-o b");
    assert!(relative(&at.join("a")) == relative(&at.join("b")), "and reproduces the results");
    let printed = text(&settled("--target 1 --target 3 --print-config --alpha 1").stdout);
    assert!(printed.contains("\nalpha = 1\n") && printed.contains("\ntarget = [1, 3]\n"), "{printed}");

    let refused = |settings: &str, words: &[&str]| {
        fs::write(at.join("bad.toml"), settings).unwrap();
        let output = salstream(at).args(["batch", "in", "-o", "c", "--config", "bad.toml"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output.stderr);
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    };
    refused("no-such = 1", &["bad.toml", "no-such", "no such setting"]);
    refused("alpha = [1", &["bad.toml", "not a TOML file"]);
    refused("alpha = 7", &["'7'", "--alpha"]);
    refused("alpha = {}", &["bad.toml", "alpha", "must be"]);
    let gone = salstream(at).args(["batch", "in", "-o", "c", "--config", "gone.toml"]).output().unwrap();
    assert_refused(&gone, 1, &["gone.toml", "cannot be read"]);
}

#[test]
fn a_page_shows_every_clip() {
    let folder = clips(3);
    let at = folder.path();
    fs::rename(at.join("in/0.mp4"), at.join("in/a <b> & 'c'.mp4")).unwrap();
    fs::write(at.join("in/bad.mp4"), "no video").unwrap();
    run(at, "in -o out --records jsonl");
    let page = fs::read_to_string(at.join("out/summary.html")).unwrap();
    assert_eq!(page.matches("<article>").count(), 3);
    assert_eq!(page.matches("src='data:image/jpeg;base64,/9j/").count(), 3);
    assert!(
        page.contains("href='a%20%3Cb%3E%20%26%20%27c%27.mp4'")
            && page.contains("<b>a &lt;b&gt; &amp; &#39;c&#39;</b>")
    );
    assert!(page.contains("href='sub/1.jsonl'") && page.contains("<b class='bad'>in/bad.mp4</b>"));
    assert!(page.contains("3 done (30 frames"), "{page}");
    let points = |page: &str| page.split("points='").nth(1).unwrap().split('\'').next().unwrap().split(' ').count();
    assert!(points(&page) >= 10);
    let size = probe(&at.join("out/2.jpg"), "v", "stream=width");
    assert_eq!(size, "360", "160 x 120 twice, 135 high");
}

#[test]
fn the_same_settings_give_the_same_bytes() {
    let folder = clips(2);
    for out in ["a", "b"] {
        let output = run(folder.path(), &format!("in -o {out} --records csv --maps --map-format npy"));
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let (a, b) = (relative(&folder.path().join("a")), relative(&folder.path().join("b")));
    assert_eq!(a.len(), 2 * (2 + 1 + 10));
    assert!(a == b);
}

#[test]
fn a_bad_clip_costs_itself_only() {
    let folder = clips(3);
    let at = folder.path();
    fs::write(at.join("in/bad.mp4"), "no video").unwrap();
    fs::write(at.join("in/empty.avi"), "").unwrap();
    let output = run(at, "in -o out");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(counts(&output), [3, 0, 2]);
    let said = text(&output.stderr);
    assert!(said.contains("failed  in/bad.mp4: ") && said.contains("failed  in/empty.avi: "), "{said}");
    assert!(!at.join("out/bad.mp4").exists() && !at.join("out/bad.done.json").exists());
    let summary: Value = serde_json::from_slice(&fs::read(at.join("out/summary.json")).unwrap()).unwrap();
    assert_eq!(summary["clips"].as_array().unwrap().len(), 5);
    let first = run(at, "in -o other --fail-fast --jobs 1");
    assert_eq!((first.status.code(), counts(&first)[2]), (Some(1), 1));
    assert!(text(&first.stderr).contains("left: run the same command again to continue"), "{}", text(&first.stderr));
}

#[test]
fn odd_names_are_names() {
    let folder = clips(1);
    let at = folder.path();
    let long = format!("{}.mp4", "x".repeat(245));
    let names = ["-dash.mp4", "a b.mp4", "line\nbreak.mp4", "percent%d.mp4", "http:colon.mp4", &long];
    let odd = std::ffi::OsString::from_vec(b"\xff\xfe.mp4".to_vec());
    for name in names.iter().map(std::ffi::OsString::from).chain([odd.clone()]) {
        fs::copy(at.join("in/0.mp4"), at.join("in").join(name)).unwrap();
    }
    std::os::unix::fs::symlink(at.join("in"), at.join("in/sub/circle")).unwrap();
    let output = run(at, "in -o in/out");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(counts(&output), [8, 0, 0]);
    assert!(at.join("in/out").join(odd).is_file());
    assert_eq!(counts(&run(at, "in -o in/out")), [0, 8, 0], "results are not inputs");

    let mut listed = batch(at, "-o list --from - -0").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut listed.stdin.take().unwrap(), b"in/line\nbreak.mp4\0in/0.mp4\0in/0.mp4\0").unwrap();
    assert_eq!(counts(&listed.wait_with_output().unwrap()), [2, 0, 0]);
}

#[test]
fn what_cannot_be_planned_is_refused_at_the_start() {
    let folder = clips(2);
    let at = folder.path();
    fs::copy(at.join("in/0.mp4"), at.join("in/0.mov")).unwrap();
    assert_refused(&run(at, "in -o out"), 2, &["in/0.mov", "in/0.mp4", "same result"]);
    assert!(!at.join("out").exists());
    let only = run(at, "in -o out --exclude *.mov --exclude sub/");
    assert_eq!(counts(&only), [1, 0, 0], "{}", text(&only.stderr));
    fs::create_dir(at.join("none")).unwrap();
    assert_refused(&run(at, "none -o out"), 2, &["no video", "none"]);
    assert_refused(&run(at, "in/0.mp4 -o out --target dragon"), 2, &["dragon"]);
    assert_refused(&run(at, "in/0.mp4 -o out --raw --smooth 0.5"), 2, &["--smooth"]);
    assert_refused(&run(at, "in/0.mp4 -o /proc/none"), 1, &["/proc/none"]);
    let gone = run(at, "in/0.mp4 in/gone.mp4 -o list");
    assert_eq!((gone.status.code(), counts(&gone)), (Some(1), [1, 0, 1]));
}

/// The running child processes of `parent`.
fn children(parent: u32) -> Vec<String> {
    let children = processes().into_iter().filter(|process| process.parent == parent);
    children.map(|process| process.id.to_string()).collect()
}

/// Waits until `batch` is processing a clip, visible by its encoder, a grandchild process, and `ready` is true.
fn wait_for_encoder(batch: &Child, ready: impl Fn() -> bool) {
    let since = Instant::now();
    while !children(batch.id()).iter().any(|worker| !children(worker.parse().unwrap()).is_empty() && ready()) {
        assert!(since.elapsed() < Duration::from_secs(30), "no clip is being processed");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A clip that takes several seconds.
fn long(folder: &Path, name: &str) {
    let source = "testsrc2=size=320x240:rate=25:duration=12";
    ffmpeg(folder, &format!("-f lavfi -i {source} -c:v libx264 -preset ultrafast {name}"));
}

#[test]
fn a_worker_that_crashes_or_hangs_costs_its_clip_only() {
    let folder = clips(2);
    let at = folder.path();
    long(at, "in/first.mp4");
    for (signal, word) in [("KILL", "killed by signal 9"), ("SEGV", "killed by signal 11")] {
        let args = format!("in/0.mp4 in/first.mp4 in/sub -o {signal} --jobs 1");
        let child = batch(at, &args).stderr(Stdio::piped()).spawn().unwrap();
        let begun = at.join(signal).join("1.done.json");
        wait_for_encoder(&child, || begun.exists());
        // Rust's handler takes the first SIGSEGV that no memory access has caused, and removes itself for the next one.
        for worker in children(child.id()) {
            while children(child.id()).contains(&worker) {
                program::signal(signal, &worker);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let output = child.wait_with_output().unwrap();
        let said = text(&output.stderr);
        assert!(said.contains(word), "{said}");
        assert_eq!(counts(&output)[2], 1, "{said}");
    }
    let output = run(at, "in/first.mp4 in/0.mp4 -o slow --jobs 1 --timeout-per-clip 3 --retry 1");
    let said = text(&output.stderr);
    assert!(said.contains("longer than") && counts(&output) == [1, 0, 1], "{said}");
    assert!(
        fs::read_dir(at.join("slow"))
            .unwrap()
            .flatten()
            .all(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
    );
}

#[test]
fn a_crash_costs_one_clip_though_a_worker_has_several_at_a_time() {
    let folder = clips(12);
    let at = folder.path();
    let child = batch(at, "in -o out --jobs 1").stderr(Stdio::piped()).spawn().unwrap();
    let mut kills = 0;
    for round in 1..=3 {
        wait_for_encoder(&child, || proofs(&at.join("out")).len() >= 2 * round);
        std::thread::sleep(Duration::from_millis(70 * round as u64));
        for worker in children(child.id()) {
            program::signal("KILL", &worker);
            kills += 1;
        }
    }
    let output = child.wait_with_output().unwrap();
    let [done, _, failed] = counts(&output);
    assert!(failed <= kills && done + failed == 12, "{kills} kills: {}", text(&output.stderr));
    assert_eq!(counts(&run(at, "in -o out --jobs 1")), [failed, done, 0]);
}

#[test]
fn progress_is_told_in_clips_and_frames_of_the_whole() {
    let folder = clips(2);
    let at = folder.path();
    long(at, "in/long.mp4");
    let output = run(at, "in -o out --progress json --jobs 1");
    let events = text(&output.stderr).lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let wholes = |kind: &str| -> Vec<Value> {
        events.iter().filter(|event| event["event"] == kind).map(|event| event["whole"].clone()).collect()
    };
    let on_the_way = wholes("progress");
    assert!(!on_the_way.is_empty(), "{events:?}");
    for whole in &on_the_way {
        let [done, expected] = ["frames_done", "frames"].map(|key| whole[key].as_u64().unwrap());
        assert!(done < expected && whole["eta_seconds"].as_f64().unwrap() > 0.0, "{whole}");
    }
    let last = wholes("clip").pop().unwrap();
    assert_eq!([&last["clips_done"], &last["clips"]], [3, 3]);
    assert_eq!([&last["frames_done"], &last["frames"]], [320, 320], "{last}");
}

#[test]
fn killed_at_any_moment_it_goes_on_where_it_was() {
    // The full number takes an evening: SALSTREAM_FULL=1.
    let (kills, count) = if std::env::var_os("SALSTREAM_FULL").is_some() { (30, 60) } else { (4, 10) };
    let folder = clips(count);
    let at = folder.path();
    assert!(run(at, "in -o whole --records jsonl --jobs 2").status.success());
    let finished = || -> Vec<(PathBuf, SystemTime)> {
        let time = |name: &PathBuf| fs::metadata(name).unwrap().modified().unwrap();
        proofs(&at.join("out")).into_iter().map(|name| (name.clone(), time(&name))).collect()
    };
    let mut before = Vec::new();
    for round in 0..kills {
        let mut child = batch(at, "in -o out --records jsonl --jobs 2").stderr(Stdio::null()).spawn().unwrap();
        // Kill it at any time after its start; in every other round, only once it has finished a clip.
        let since = Instant::now();
        while round % 2 == 1 && finished().len() == before.len() && since.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(137 * (round % 7)));
        let workers = children(child.id());
        let encoders: Vec<String> = workers.iter().flat_map(|worker| children(worker.parse().unwrap())).collect();
        child.kill().unwrap();
        workers.iter().chain(&encoders).for_each(|pid| _ = program::signal("KILL", pid));
        child.wait().unwrap();
        let now = finished();
        assert!(before.iter().all(|proof| now.contains(proof)), "no clip is processed twice");
        before = now;
    }
    assert!((1..count).contains(&before.len()), "{} are finished", before.len());
    let last = run(at, "in -o out --records jsonl --jobs 2");
    assert!(last.status.success(), "{}", text(&last.stderr));
    assert_eq!(counts(&last), [count - before.len(), before.len(), 0], "finished clips are skipped");
    assert!(
        relative(&at.join("out")) == relative(&at.join("whole")),
        "the same results as without kills, and no other files"
    );
    eprintln!(
        "{kills} kills, {} of {count} clips finished in between: 0 lost, 0 done twice, 0 left over",
        before.len()
    );
}

/// All manifests below a folder.
fn proofs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let found = entries.flat_map(|path| {
        if path.is_dir() {
            return proofs(&path);
        }
        let is_proof = path.to_string_lossy().ends_with(".done.json");
        if is_proof { vec![path] } else { Vec::new() }
    });
    found.collect()
}

#[test]
fn shards_together_are_the_whole() {
    let folder = clips(5);
    let at = folder.path();
    assert!(run(at, "in -o whole").status.success());
    let engine = |index: usize| {
        let mut command = batch(at, "in -o out --shard auto");
        command.env("SLURM_ARRAY_TASK_ID", (index + 3).to_string()).env("SLURM_ARRAY_TASK_MIN", "3");
        command.env("SLURM_ARRAY_TASK_COUNT", "3").output().unwrap()
    };
    let merge = || salstream(at).args(["batch", "--merge", "out"]).output().unwrap();
    let done: usize = [0, 2].into_iter().map(|index| counts(&engine(index))[0]).sum();
    assert_refused(&merge(), 1, &["out", "--shard 2/3"]);
    let rest = run(at, "in -o out --shard 2/3");
    assert_eq!(done + counts(&rest)[0], 5);
    let merged = merge();
    assert!(merged.status.success() && counts(&merged) == [5, 0, 0], "{}", text(&merged.stderr));
    assert!(relative(&at.join("out")) == relative(&at.join("whole")));
    fs::remove_file(at.join("out/0.mp4")).unwrap();
    let broken = merge();
    assert_eq!(broken.status.code(), Some(1));
    assert!(text(&broken.stderr).contains("in/0.mp4: its result is missing"), "{}", text(&broken.stderr));
}

#[test]
fn ten_thousand_inputs_are_planned_in_seconds() {
    let folder = tempdir().unwrap();
    for index in 0..10_000 {
        fs::write(folder.path().join(format!("{index}.mp4")), "x").unwrap();
    }
    let output = run(folder.path(), ". -o out --shard 3/7 --dry-run");
    let planned = text(&output.stdout).lines().count();
    assert!((1_428..=1_429).contains(&planned), "{planned}: {}", text(&output.stderr));
}

#[test]
fn without_room_a_clip_fails_cleanly_and_is_done_when_there_is_room() {
    let folder = clips(2);
    let at = folder.path();
    long(at, "in/long.mp4");
    let plain = batch(at, "in -o out --crf 0");
    let args: Vec<_> = plain.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let program = plain.get_program().to_string_lossy().into_owned();
    // A limit on file size, in blocks of 512 bytes, acts like a disk that is full only for the long clip.
    let limited = format!("ulimit -f 1000; trap '' XFSZ; exec {program} {}", args.join(" "));
    let output = Command::new("sh").current_dir(at).args(["-c", &limited]).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), counts(&output)), (Some(1), [2, 0, 1]), "{said}");
    assert!(said.contains("failed  in/long.mp4: ") && said.contains("File too large"), "{said}");
    assert!(fs::read_dir(at.join("out")).unwrap().flatten().all(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        !name.starts_with('.') && !name.starts_with("long")
    }));
    assert_eq!(counts(&run(at, "in -o out --crf 0")), [1, 2, 0]);
}

#[test]
fn an_input_that_changes_meanwhile_is_not_done() {
    let folder = clips(1);
    let at = folder.path();
    long(at, "in/long.mp4");
    let child = batch(at, "in/long.mp4 -o out").stderr(Stdio::piped()).spawn().unwrap();
    wait_for_encoder(&child, || true);
    let other = fs::read(at.join("in/0.mp4")).unwrap();
    fs::write(at.join("other.mp4"), other).unwrap();
    fs::rename(at.join("other.mp4"), at.join("in/long.mp4")).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert!(said.contains("failed: in/long.mp4: changed while it was being processed"), "{said}");
    assert_eq!((output.status.code(), counts(&output)[2]), (Some(1), 1));
    assert!(!at.join("out/long.done.json").exists());
    assert_eq!(counts(&run(at, "in/long.mp4 -o out")), [1, 0, 0]);
}

/// A clip of four shots of four seconds each, with audio.
fn long_clip(folder: &Path, name: &str) {
    let shot = |source: &str| format!("-f lavfi -i {source}=size=160x120:rate=10:duration=4 ");
    let shots: String = ["testsrc2", "rgbtestsrc", "testsrc", "smptebars"].map(shot).concat();
    let joined = "-filter_complex [0][1][2][3]concat=n=4,format=yuv420p[v] -map [v] -map 4 -c:a aac -c:v libx264";
    ffmpeg(folder, &format!("{shots} -f lavfi -i sine=frequency=440:duration=16 {joined} -preset ultrafast {name}"));
}

#[test]
fn a_long_clip_in_pieces_is_what_it_would_be_in_one() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("in")).unwrap();
    long_clip(at, "in/long.mp4");
    ffmpeg(at, "-f lavfi -i testsrc2=size=160x120:rate=10:duration=1 in/short.mp4");
    let data = "--records jsonl --maps --crf 0";
    assert!(run(at, &format!("in -o whole {data}")).status.success());
    let plan = text(&run(at, "in -o split --split 5 --dry-run").stdout);
    assert_eq!(
        plan,
        "do    in/long.mp4 (1 of 3)\ndo    in/long.mp4 (2 of 3)\ndo    in/long.mp4 (3 of 3)\ndo    in/short.mp4\n"
    );
    let split = run(at, &format!("in -o split --split 5 {data}"));
    assert!(split.status.success(), "{}", text(&split.stderr));
    assert_eq!(counts(&split), [2, 0, 0]);
    assert!(!at.join("split/long.pieces").exists(), "the segments are removed");
    let names = |folder: &str| relative(&at.join(folder)).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    assert_eq!(names("split"), names("whole"));

    let shown = |folder: &str, streams: &str| probe(&at.join(folder).join("long.mp4"), streams, "packet=pts_time,size");
    let times = |folder: &str| probe(&at.join(folder).join("long.mp4"), "v", "frame=pts_time");
    assert_eq!(times("split"), times("whole"));
    assert_eq!(shown("split", "a"), shown("whole", "a"), "the audio is the same");
    let records = |folder: &str| -> Vec<Value> {
        let text = fs::read_to_string(at.join(folder).join("long.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (whole, split) = (records("whole"), records("split"));
    assert_eq!((whole.len(), split.len()), (160, 160));
    for (a, b) in whole.iter().zip(&split) {
        assert_eq!((&a["index"], &a["time"], &a["cut"]), (&b["index"], &b["time"], &b["cut"]));
    }
    let psnr = Command::new("ffmpeg")
        .args(["-hide_banner", "-i", "split/long.mp4", "-i", "whole/long.mp4", "-lavfi", "psnr", "-f", "null", "-"])
        .current_dir(at)
        .output()
        .unwrap();
    let said = text(&psnr.stderr);
    let least = said.split("min:").nth(1).unwrap().split_whitespace().next().unwrap();
    assert!(least == "inf" || least.parse::<f64>().unwrap() > 40.0, "{said}");
    assert_eq!(counts(&run(at, &format!("in -o split --split 5 {data}"))), [0, 2, 0]);
}

#[test]
fn a_clip_in_pieces_is_joined_as_soon_as_they_are_done() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("in")).unwrap();
    long_clip(at, "in/a.mp4");
    long(at, "in/b.mp4");
    let mut child = batch(at, "in -o out --split 8 --jobs 1").stderr(Stdio::null()).spawn().unwrap();
    wait_for_encoder(&child, || at.join("out/a.done.json").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(at.join("out/a.mp4").exists() && !at.join("out/b.done.json").exists());
    // As if it had been killed before the segments were removed.
    fs::create_dir_all(at.join("out/a.pieces")).unwrap();
    let again = run(at, "in -o out --split 8");
    assert!(again.status.success() && counts(&again) == [1, 1, 0], "{}", text(&again.stderr));
    assert!(!at.join("out/a.pieces").exists() && !at.join("out/b.pieces").exists());
}

#[test]
fn pieces_of_a_clip_are_done_on_several_machines_and_joined_by_the_merge() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("in")).unwrap();
    long_clip(at, "long.mp4");
    let named = |ending: &str| std::ffi::OsString::from_vec([b"l\xffng", ending.as_bytes()].concat());
    fs::rename(at.join("long.mp4"), at.join("in").join(named(".mp4"))).unwrap();
    assert!(run(at, "in -o one --split 5 --records csv").status.success());
    assert!(run(at, "in -o out --split 5 --records csv --shard 1/2").status.success());
    let merge = || salstream(at).args(["batch", "--merge", "out"]).output().unwrap();
    assert_refused(&merge(), 1, &["out", "2/2"]);
    assert!(run(at, "in -o out --split 5 --records csv --shard 2/2").status.success());
    let piece = at.join("out").join(named(".pieces")).join("0002-of-0003.mp4");
    fs::rename(&piece, at.join("lost.mp4")).unwrap();
    let lost = merge();
    assert!(lost.status.code() == Some(1) && text(&lost.stderr).contains("0002-of-0003"), "{}", text(&lost.stderr));
    fs::rename(at.join("lost.mp4"), &piece).unwrap();
    let merged = merge();
    assert!(merged.status.success(), "{}", text(&merged.stderr));
    assert!(relative(&at.join("out")) == relative(&at.join("one")));
    assert_eq!(counts(&merge()), [0, 1, 0], "merging again does no harm");
    fs::remove_file(at.join("out").join(named(".mp4"))).unwrap();
    let gone = merge();
    assert_eq!((gone.status.code(), counts(&gone)), (Some(1), [0, 0, 1]), "its segments are removed");
}
