//! A list of other files is opened only if its name says that it is one, and leads no further than the list itself.

use std::fs;
use std::path::Path;
use std::process::Output;

use salstream::source::{self, Input, SourceOptions};

use crate::broken_off::serve;
use crate::program::{assert_refused, names, salstream, text};
use crate::tools::{ffmpeg, input, read_all, temp};

/// A clip in MPEG-TS, which every kind of list can lead to. All of it is red.
fn secret(folder: &Path) -> std::path::PathBuf {
    ffmpeg("-f lavfi -i color=red:s=96x64:r=25:d=0.4 -c:v libx264 -pix_fmt yuv420p", &folder.join("secret.ts"))
}

/// A list of each kind that leads to `target`: its name by kind, the right extension, and its text.
fn lists(target: &str) -> [(&'static str, &'static str, String); 4] {
    let hls = format!("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.4,\n{target}\n#EXT-X-ENDLIST\n");
    let dash = format!(
        "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
         mediaPresentationDuration=\"PT0.4S\" profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\"><Period>\
         <AdaptationSet mimeType=\"video/mp2t\"><Representation id=\"0\" bandwidth=\"1000\"><BaseURL>{target}</BaseURL>\
         <SegmentList duration=\"1\"><SegmentURL media=\"{target}\"/></SegmentList></Representation></AdaptationSet>\
         </Period></MPD>\n"
    );
    let session = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 5004 RTP/AVP 96\r\n\
        a=rtpmap:96 H264/90000\r\n";
    [
        ("an HLS playlist", "m3u8", hls),
        ("a list of files for FFmpeg", "ffconcat", format!("ffconcat version 1.0\nfile '{target}'\n")),
        ("a DASH manifest", "mpd", dash),
        ("a session description (SDP)", "sdp", session.into()),
    ]
}

fn run(folder: &Path, name: &str) -> Output {
    salstream(folder).args(["run", name, "-o", "out.mp4"]).output().unwrap()
}

#[test]
fn a_list_with_another_name_is_refused() {
    let folder = temp();
    let secret = secret(folder.path());
    let address = serve("secret.ts", fs::read(&secret).unwrap(), usize::MAX);
    for target in ["secret.ts", &secret.display().to_string(), &format!("file://{}", secret.display()), &address] {
        for (kind, extension, text) in lists(target) {
            for name in ["clip.mp4", "clip.mkv", "clip.ts", "clip"] {
                for before in ["", "\n  ", "\u{feff}"] {
                    let path = folder.path().join(name);
                    fs::write(&path, format!("{before}{text}")).unwrap();
                    let error = source::open(&input(&path), &SourceOptions::default())
                        .err()
                        .unwrap_or_else(|| panic!("{name}: {kind} that leads to {target} is opened"));
                    let message = error.to_string();
                    assert!(!message.contains('\n') && error.exit_status() == 1, "{message}");
                    assert!(message.contains(kind), "{name}: {kind}: {message}");
                    assert!(message.contains(&format!("rename it to end in .{extension}")), "{kind}: {message}");
                }
            }
        }
    }
}

#[test]
fn a_run_of_a_hidden_list_leaves_nothing() {
    let folder = temp();
    let secret = secret(folder.path());
    for (kind, _, text) in lists(&secret.display().to_string()) {
        fs::write(folder.path().join("clip.mp4"), text).unwrap();
        assert_refused(&run(folder.path(), "clip.mp4"), 1, &["clip.mp4", kind]);
        assert_eq!(names(folder.path()), ["clip.mp4", "secret.ts"], "{kind}");
    }
}

#[test]
fn a_list_by_its_name_leads_to_local_files() {
    let folder = temp();
    secret(folder.path());
    for (kind, extension, text) in lists("secret.ts").into_iter().take(2) {
        let path = folder.path().join(format!("list.{extension}"));
        fs::write(&path, text).unwrap();
        let (_, frames, error) = read_all(&path, &SourceOptions::default()).unwrap();
        assert_eq!((frames.len(), error.map(|e| e.to_string())), (10, None), "{kind}");
        let mean = opencv::core::mean_def(&frames[5].image).unwrap();
        assert!(mean[2] > 200.0 && mean[0] < 50.0, "{kind}: {mean:?}");
    }
}

#[test]
fn a_local_list_does_not_lead_to_the_web() {
    let folder = temp();
    let bytes = fs::read(secret(folder.path())).unwrap();
    let address = serve("secret.ts", bytes, usize::MAX);
    for (kind, extension, list) in lists(&address) {
        let name = format!("list.{extension}");
        fs::write(folder.path().join(&name), list).unwrap();
        let output = run(folder.path(), &name);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{kind}: {message}");
        let errors: Vec<_> = message.lines().filter(|line| line.starts_with("error: ")).collect();
        assert!(errors.len() == 1 && errors[0].contains(&name), "{kind}: {message}");
        assert!(!folder.path().join("out.mp4").exists(), "{kind}: there is a result");
        fs::remove_file(folder.path().join(name)).unwrap();
    }
}

#[test]
fn a_list_on_the_web_does_not_lead_to_local_files() {
    let folder = temp();
    let secret = secret(folder.path());
    for target in
        [secret.display().to_string(), format!("file://{}", secret.display()), format!("file:{}", secret.display())]
    {
        for (kind, extension, list) in lists(&target) {
            for name in [format!("list.{extension}"), "clip.mp4".into()] {
                let address = serve(&name, list.clone().into_bytes(), usize::MAX);
                let mut frames = 0;
                // Either it cannot be opened, or no picture comes from it.
                if let Ok(mut source) = source::open(&Input::Url(address), &SourceOptions::default()) {
                    while let Ok(Some(_)) = source.read() {
                        frames += 1;
                    }
                }
                assert_eq!(frames, 0, "{name}: {kind} leads to {target}");
            }
        }
    }
}

#[test]
fn a_clip_that_starts_like_text_is_no_list() {
    let folder = temp();
    let path = folder.path().join("raw.y4m");
    ffmpeg("-f lavfi -i testsrc2=s=64x48:r=25:d=0.2 -pix_fmt yuv420p", &path);
    assert_eq!(read_all(&path, &SourceOptions::default()).unwrap().1.len(), 5);
}
