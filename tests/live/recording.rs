//! Recordings can be played whatever happens to the program that writes them.

use std::process::Command;
use std::time::Duration;

use tempfile::tempdir;

use crate::program::{names, probe, salstream, text};
use crate::session::{Session, clip, live};

fn frames(path: &std::path::Path) -> u32 {
    probe(path, "v", "stream=nb_read_packets").parse().unwrap()
}

#[test]
fn a_recording_outlives_its_killed_program() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 3);
    for name in ["out.mp4", "out.mkv"] {
        let mut session = Session::start(folder.path(), &format!("clip.mp4 --loop -o {name}"));
        session.wait_for_pictures(90);
        session.signal("KILL");
        session.process.0.wait().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        assert!(frames(&folder.path().join(name)) > 30, "{name}");
    }
}

#[test]
fn a_clean_end_makes_an_ordinary_file() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 2);
    let output = live(folder.path(), "clip.mp4 -o out.mp4").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let bytes = std::fs::read(folder.path().join("out.mp4")).unwrap();
    let place = |atom: &[u8]| bytes.windows(4).position(|window| window == atom);
    assert!(place(b"moov") < place(b"mdat") && place(b"moof").is_none(), "its index is in front");
    assert_eq!(names(folder.path()), ["clip.mp4", "out.mp4"]);
}

#[test]
fn segments_are_files_of_their_own() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 5);
    let output = live(folder.path(), "clip.mp4 -o out.mp4 --segment 2").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(names(folder.path()), ["clip.mp4", "out-001.mp4", "out-002.mp4", "out-003.mp4"]);
    // The number of frames depends on the machine's load; their total duration does not.
    let lasts = |count| probe(&folder.path().join(format!("out-00{count}.mp4")), "v", "format=duration");
    let seconds: [f64; 3] = [1, 2, 3].map(|count| lasts(count).parse().unwrap());
    let full = |seconds: &f64| (1.6..2.6).contains(seconds);
    assert!(seconds[..2].iter().all(full) && (4.0..5.6).contains(&seconds.iter().sum::<f64>()), "{seconds:?}");
}

#[test]
fn it_is_begun_and_ended_on_request() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 3);
    let session = Session::start(folder.path(), "clip.mp4 --loop");
    session.wait_for_pictures(5);
    assert_eq!(session.post("/api/record", r#"{"on": true}"#).0, 202);
    session.wait("recording", |state| state["state"]["recording"] == "live.mp4");
    session.wait_for_pictures(40);
    assert_eq!(session.post("/api/record", r#"{"on": false}"#).0, 202);
    session.wait("ended", |state| {
        state["state"]["notice"].as_str().is_some_and(|text| text.contains("recorded: live.mp4"))
    });
    assert!(frames(&folder.path().join("live.mp4")) > 20);
    assert_eq!(session.post("/api/snapshot", "{}").0, 202);
    session.wait("there", |_| folder.path().join("snapshot.json").is_file());
    let picture = image::open(folder.path().join("snapshot.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (320, 240));
    let record: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("snapshot.json")).unwrap()).unwrap();
    assert!(record["index"].is_u64() && record["static_mean"].is_f64(), "{record}");
}

#[test]
fn a_file_that_grows_too_large_ends_and_the_recording_goes_on_in_the_next() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 3);
    let program = salstream(folder.path()).get_program().to_string_lossy().into_owned();
    let live = live(folder.path(), "clip.mp4 --loop --duration 15 --crf 0 -o out.mp4");
    let args: Vec<_> = live.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let script = format!("ulimit -f 2000; trap '' XFSZ; exec {program} {}", args.join(" "));
    let output = Command::new("sh").current_dir(folder.path()).args(["-c", &script]).output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("the recording has stopped: out.mp4: "), "{said}");
    assert!(said.contains("File too large") && said.contains("are missing"), "{said}");
    let files: Vec<_> = names(folder.path()).into_iter().filter(|name| name.starts_with("out")).collect();
    assert!(files.len() > 1 && files.iter().all(|name| frames(&folder.path().join(name)) > 0), "{files:?}: {said}");
    let shown = said.lines().last().unwrap().split(" frames received, ").nth(1).unwrap().split(' ').next();
    assert!(shown.unwrap().parse::<u32>().unwrap() > 50, "the view went on: {said}");
}
