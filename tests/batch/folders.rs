//! Which files of a folder are clips, and what is said about the others.

use std::fs;

use crate::program::{assert_refused, ffmpeg, text};
use crate::{clips, counts, run};

#[test]
fn videos_of_all_usual_endings_are_taken_and_the_others_are_counted() {
    let folder = clips(0);
    let at = folder.path();
    let source = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1";
    let made = [
        ("a.asf", "-c:v msmpeg4"),
        ("b.divx", "-f avi -c:v mpeg4"),
        ("c.f4v", "-c:v libx264"),
        ("d.m2v", "-c:v mpeg2video"),
        ("e.qt", "-f mov -c:v libx264"),
        ("f.mod", "-f vob -c:v mpeg2video"),
        ("g.rm", "-c:v rv20"),
        ("h.y4m", "-pix_fmt yuv420p"),
        ("i.ivf", "-c:v libvpx"),
        ("j.nut", "-c:v mpeg4"),
        ("k.MJPEG", "-f mjpeg -pix_fmt yuvj420p"),
        ("l.h264", "-c:v libx264"),
        ("m.ogg", "-c:v libtheora"),
        ("n.mxf", "-c:v mpeg2video"),
        ("o.wtv", "-c:v mpeg2video"),
        ("p.dv", "-s 720x576 -c:v dvvideo -pix_fmt yuv420p"),
    ];
    for (name, codec) in made {
        ffmpeg(at, &format!("{source} {codec} -strict -1 in/{name}"));
    }
    ffmpeg(at, "-f lavfi -i sine=duration=1 -c:a libvorbis in/sound.ogg");
    for name in ["in/notes.txt", "in/sub/more.txt", "in/still.jpg", "in/.hidden.txt", "in/old.done.json"] {
        fs::write(at.join(name), "no video").unwrap();
    }
    let plan = run(at, "in -o out --dry-run");
    let planned = text(&plan.stdout);
    for (name, _) in made {
        assert!(planned.contains(&format!("do    in/{name}\n")), "{name}: {planned}");
    }
    assert_eq!(planned.lines().count(), made.len(), "{planned}");
    assert_eq!(text(&plan.stderr), "note: passed over 4 files: 2 .txt, 1 .jpg, 1 .ogg\n");
    let output = run(at, "in -o in/out");
    assert!(output.status.success() && counts(&output) == [made.len(), 0, 0], "{}", text(&output.stderr));
    let again = text(&run(at, "in -o in/out").stderr);
    assert!(again.starts_with("note: passed over 4 files:"), "the results are not counted: {again}");

    fs::create_dir(at.join("texts")).unwrap();
    fs::copy(at.join("in/notes.txt"), at.join("texts/notes.txt")).unwrap();
    assert_refused(&run(at, "texts -o none"), 2, &["no video found in: texts (passed over 1 file: 1 .txt)"]);
}
