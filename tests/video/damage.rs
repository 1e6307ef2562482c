//! Damaged inputs, inputs that are not media files, and valid inputs that look damaged.

use salstream::source::{self, SourceOptions};

use crate::tools::{copy, ffmpeg, input, packet_times, read_all, temp};

#[test]
fn short_and_cut_clips_raise_no_false_alarm() {
    let folder = temp();
    let one = ffmpeg("-f lavfi -i testsrc2=r=25:s=160x120 -frames:v 1 -c:v libx264", &folder.path().join("one.mp4"));
    let copied = copy(&one, &folder.path().join("one.out.mp4"), &SourceOptions::default()).unwrap();
    assert_eq!((copied.done.frames, copied.error.is_none(), copied.info.frames), (1, true, Some(1)));
    let long = "-f lavfi -i testsrc2=r=30000/1001:s=160x120:d=5 -f lavfi -i sine=d=5 -c:v libx264 -g 60 -c:a aac";
    let long = ffmpeg(long, &folder.path().join("long.mp4"));
    let cut = folder.path().join("cut.mp4");
    ffmpeg(&format!("-ss 1.3 -i {} -c copy", long.display()), &cut);
    let (info, frames, error) = read_all(&cut, &SourceOptions::default()).unwrap();
    assert_eq!((frames.len(), error.map(|e| e.to_string())), (packet_times(&cut).len(), None));
    assert_eq!(info.frames, Some(frames.len() as u64), "an edit list hides frames");
}

#[test]
fn damage_is_reported_after_the_frames_that_could_be_read() {
    let folder = temp();
    let args =
        "-f lavfi -i testsrc2=r=25:s=160x120:d=4 -f lavfi -i sine=d=4 -c:v libx264 -g 25 -c:a aac -movflags +faststart";
    for container in ["mp4", "mkv"] {
        let whole = ffmpeg(args, &folder.path().join(format!("whole.{container}")));
        let bytes = std::fs::read(&whole).unwrap();
        let cut = folder.path().join(format!("cut.{container}"));
        std::fs::write(&cut, &bytes[..bytes.len() * 6 / 10]).unwrap();
        let mut spoilt = bytes.clone();
        spoilt[bytes.len() / 2..].fill(0x55);
        let noise = folder.path().join(format!("noise.{container}"));
        std::fs::write(&noise, spoilt).unwrap();
        for path in [cut, noise] {
            let (_, frames, error) = read_all(&path, &SourceOptions::default()).unwrap();
            assert!((20..90).contains(&frames.len()), "{}: {} frames", path.display(), frames.len());
            let message = error.map(|e| e.to_string()).unwrap_or_default();
            let told = format!("only {} of ", frames.len());
            assert!(message.contains(&told), "{}: {} frames, but: {message}", path.display(), frames.len());
        }
    }
}

#[test]
fn bad_inputs_get_one_clear_line() {
    let folder = temp();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("empty.mp4"), "").unwrap();
    std::fs::write(at("text.mp4"), "This is no video.\n".repeat(100)).unwrap();
    std::fs::write(at("text.png"), "This is no picture.\n").unwrap();
    std::fs::create_dir(at("nothing")).unwrap();
    ffmpeg("-f lavfi -i sine=d=1 -c:a aac", &at("sound.m4a"));
    let cases = [
        ("missing.mp4", "no such file"),
        ("empty.mp4", "is empty"),
        ("text.mp4", "not a video"),
        ("text.png", "cannot be read as an image"),
        ("missing.png", "no such file"),
        ("nothing", "contains no images"),
        ("frame_%03d.png", "no file name matches"),
        ("sound.m4a", "contains only audio"),
    ];
    for (name, expected) in cases {
        let error =
            source::open(&input(&at(name)), &SourceOptions::default()).err().unwrap_or_else(|| panic!("{name} opens"));
        let message = error.to_string();
        assert!(message.contains(expected) && message.contains(name), "{name}: {message}");
        assert!(!message.contains('\n') && error.exit_status() == 1, "{name}: {message}");
    }
}
