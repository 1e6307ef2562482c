//! Sources that break off or change while they are read are reported; whole ones never are.

use std::fs;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;

use salstream::frame::ClipEnd;
use salstream::source::{self, Input, SourceOptions};

use crate::data::data;
use crate::program::{salstream, text};
use crate::tools::{copy, ffmpeg, ffprobe, input, packet_times, read_all, temp};

/// Serves `bytes` over HTTP and returns the address. Every answer states the right length and ends after `limit` bytes
/// of the file.
pub fn serve(name: &str, bytes: Vec<u8>, limit: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/{name}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let bytes = bytes.clone();
            thread::spawn(move || answer(stream, &bytes, limit));
        }
    });
    address
}

/// Answers one request, for the whole file or for its end from a byte on.
fn answer(mut stream: TcpStream, bytes: &[u8], limit: usize) {
    let mut from = None;
    for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
            from = range.split('-').next().and_then(|start| start.parse::<usize>().ok());
        }
    }
    let (start, end) = (from.unwrap_or(0).min(bytes.len()), bytes.len());
    let status = match from {
        Some(_) => format!("206 Partial Content\r\nContent-Range: bytes {start}-{}/{end}", end - 1),
        None => "200 OK".to_owned(),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nAccept-Ranges: bytes", end - start);
    let body = &bytes[start.min(limit)..limit.min(end)];
    // A client that has read enough closes the connection.
    let _ = write!(stream, "{head}\r\nConnection: close\r\n\r\n").and_then(|()| stream.write_all(body));
}

/// A clip of two seconds, the file of which is not tiny, with audio.
fn clip(folder: &Path, name: &str, options: &str) -> PathBuf {
    let noise = "testsrc2=r=25:s=160x120:d=2,noise=alls=20:allf=t";
    let codecs = "-c:v libx264 -preset veryfast -g 12 -c:a aac";
    ffmpeg(&format!("-f lavfi -i {noise} -f lavfi -i sine=d=2:r=44100 {codecs} {options}"), &folder.join(name))
}

/// Asserts that reading `input` ends with an error that has `words`, after at least 15 and not all frames.
fn breaks_off(input: &Input, words: &[&str]) {
    let mut source = source::open(input, &SourceOptions::default()).unwrap();
    let mut frames = 0;
    let error = loop {
        match source.read() {
            Ok(Some(_)) => frames += 1,
            Ok(None) => panic!("{input:?}: no error after {frames} frames"),
            Err(error) => break error,
        }
    };
    let message = error.to_string();
    assert!((15..49).contains(&frames), "{input:?}: {frames} frames: {message}");
    for word in words {
        assert!(message.contains(word), "{input:?}: no '{word}' in: {message}");
    }
    assert!(message.contains(&frames.to_string()), "{input:?}: {frames} frames, but: {message}");
    assert!(!message.contains('\n') && error.exit_status() == 1, "{message}");
    assert!(source.read().unwrap().is_none(), "a source that has ended stays ended");
}

#[test]
fn a_download_that_breaks_off_is_reported() {
    let folder = temp();
    let cases = [
        ("fast.mp4", "-movflags +faststart"),
        ("fragments.mp4", "-movflags +frag_keyframe+empty_moov"),
        ("clip.mkv", ""),
        ("clip.flv", "-ar 44100"),
        ("clip.ts", ""),
    ];
    for (name, options) in cases {
        let bytes = fs::read(clip(folder.path(), name, options)).unwrap();
        let limit = bytes.len() * 6 / 10;
        breaks_off(&Input::Url(serve(name, bytes, limit)), &["only ", "frames could be decoded"]);
    }
}

#[test]
fn a_whole_download_raises_no_false_alarm() {
    let folder = temp();
    for name in ["clip.mp4", "clip.mkv", "clip.ts"] {
        let bytes = fs::read(clip(folder.path(), name, "")).unwrap();
        let length = bytes.len();
        let mut source = source::open(&Input::Url(serve(name, bytes, length)), &SourceOptions::default()).unwrap();
        let mut frames = 0;
        while source.read().unwrap_or_else(|error| panic!("{name}: {error}")).is_some() {
            frames += 1;
        }
        assert_eq!(frames, 50, "{name}");
    }
}

#[test]
fn a_file_that_is_cut_is_reported() {
    let folder = temp();
    let cases = [
        ("fragments.mp4", "-movflags +frag_keyframe+empty_moov"),
        ("fast.mp4", "-movflags +faststart"),
        ("clip.mkv", ""),
        ("clip.flv", "-ar 44100"),
        ("clip.avi", "-bf 0"),
    ];
    for (name, options) in cases {
        let path = clip(folder.path(), name, options);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() * 6 / 10]).unwrap();
        breaks_off(&input(&path), &["only ", "cut short"]);
    }
}

#[test]
fn of_a_cut_transport_stream_all_frames_are_read() {
    let folder = temp();
    let path = clip(folder.path(), "clip.ts", "-bf 0");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() * 6 / 10]).unwrap();
    let listed = packet_times(&path).len();
    // The format does not state a length, so that there may be no error.
    let (_, frames, _) = read_all(&path, &SourceOptions::default()).unwrap();
    assert!(frames.len() + 1 >= listed && (15..49).contains(&frames.len()), "{} of {listed}", frames.len());
}

#[test]
fn a_run_of_a_cut_file_keeps_the_frames_and_fails() {
    let folder = temp();
    let path = clip(folder.path(), "cut.mkv", "");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() * 6 / 10]).unwrap();
    let mut command = salstream(folder.path());
    let output = command.args(["run", "cut.mkv", "-o", "out.mp4"]).output().unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("cut.mkv: only ") && message.contains("cut short"), "{message}");
    let kept = packet_times(&folder.path().join("out.mp4")).len();
    assert!((15..49).contains(&kept), "{kept} frames are kept: {message}");
}

/// Reads a few frames of a clip, lets `change` change the file, and reads on: the message about it.
fn changed(name: &str, options: &str, change: impl Fn(&Path)) -> String {
    let folder = temp();
    let path = clip(folder.path(), name, options);
    let mut source = source::open(&input(&path), &SourceOptions::default()).unwrap();
    for _ in 0..5 {
        source.read().unwrap().unwrap();
    }
    change(&path);
    let mut frames = 5;
    loop {
        match source.read() {
            Ok(Some(_)) => frames += 1,
            Ok(None) => panic!("{name}: no error after {frames} frames"),
            Err(error) => {
                assert_eq!(error.exit_status(), 1);
                assert!(error.to_string().contains(&frames.to_string()), "{frames} frames: {error}");
                return error.to_string();
            }
        }
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_reported() {
    for name in ["clip.mp4", "clip.mkv"] {
        let message = changed(name, "", |path| {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        });
        assert!(message.contains("was cut short while it was read"), "{message}");
        let message = changed(name, "", |path| {
            let mut file = fs::File::options().write(true).open(path).unwrap();
            file.seek(SeekFrom::End(-1000)).unwrap();
            file.write_all(&[0; 500]).unwrap();
        });
        assert!(message.contains("was overwritten while it was read"), "{message}");
        let message = changed(name, "", |path| {
            let other = path.with_extension("other");
            fs::copy(path, &other).unwrap();
            fs::rename(&other, path).unwrap();
        });
        assert!(message.contains("was replaced by another file while it was read"), "{message}");
        let message = changed(name, "", |path| fs::remove_file(path).unwrap());
        assert!(message.contains("was replaced by another file while it was read"), "{message}");
    }
    let message = changed("clip.ts", "", |path| {
        let mut bytes = Vec::new();
        fs::File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
        fs::File::options().append(true).open(path).unwrap().write_all(&bytes).unwrap();
    });
    assert!(message.contains("grew while it was read"), "{message}");
}

#[test]
fn the_audio_of_a_file_that_was_replaced_is_left_out() {
    let folder = temp();
    let path = clip(folder.path(), "clip.mp4", "");
    let other = ffmpeg("-f lavfi -i testsrc=d=1 -c:v libx264", &folder.path().join("other.mp4"));
    let mut source = source::open(&input(&path), &SourceOptions::default()).unwrap();
    let info = source.info().clone();
    let output = folder.path().join("out.mp4");
    let (crf, colour) = (20, info.colour);
    let encode = salstream::sink::video::EncodeOptions {
        format: None,
        crf,
        overwrite: false,
        passthrough: info.passthrough.clone(),
        colour,
    };
    let mut sink = salstream::sink::video::VideoSink::create(&output, info.size, info.rate, encode).unwrap();
    for _ in 0..10 {
        let frame = source.read().unwrap().unwrap();
        sink.write(&frame.image, frame.time).unwrap();
    }
    fs::rename(other, &path).unwrap();
    let warned = sink.finish(ClipEnd::default()).unwrap().publish().unwrap().warnings.join("\n");
    assert!(
        warned.contains("was replaced by another file while it was read: audio and metadata are left out"),
        "{warned}"
    );
    assert_eq!((packet_times(&output).len(), ffprobe(&output, "a", "stream=index").len()), (10, 0));
}

#[test]
fn good_files_raise_no_false_alarm() {
    let folder = temp();
    let picture = |seconds: f64| format!("-f lavfi -i testsrc2=r=25:s=96x64:d={seconds}");
    let sound = |seconds: f64| format!("-f lavfi -i sine=d={seconds}");
    let codecs = "-c:v libx264 -g 12 -bf 2 -c:a aac -ar 44100";
    for container in ["mp4", "mkv", "ts", "flv", "avi"] {
        for (picture_seconds, sound_seconds) in [(0.8, 2.4), (2.4, 0.8)] {
            let path = folder.path().join(format!("{picture_seconds}.{container}"));
            ffmpeg(&format!("{} {} {codecs}", picture(picture_seconds), sound(sound_seconds)), &path);
            let (_, frames, error) = read_all(&path, &SourceOptions::default()).unwrap();
            let count = (picture_seconds * 25.0) as usize;
            assert_eq!((frames.len(), error.map(|e| e.to_string())), (count, None), "{}", path.display());
        }
    }
    let long = ffmpeg(&format!("{} {} {codecs}", picture(3.0), sound(3.0)), &folder.path().join("long.mp4"));
    let cut = folder.path().join("edit.mp4");
    ffmpeg(&format!("-ss 0.7 -i {} -c copy", long.display()), &cut);
    let fragments = folder.path().join("fragments.mp4");
    ffmpeg(&format!("-i {} -c copy -movflags +frag_keyframe+empty_moov", long.display()), &fragments);
    let held = folder.path().join("held.mp4");
    ffmpeg(&format!("{},select='lt(n\\,10)+eq(n\\,70)' -fps_mode vfr -c:v libx264", picture(3.0)), &held);
    for path in [cut, fragments, held] {
        let output = path.with_extension("out.mp4");
        let copied = copy(&path, &output, &SourceOptions::default()).unwrap();
        let count = packet_times(&path).len();
        assert_eq!((copied.times.len(), copied.error.map(|e| e.to_string())), (count, None), "{}", path.display());
        assert_eq!(packet_times(&output).len(), count);
    }
}

#[test]
#[ignore = "needs the test data"]
fn a_cut_file_from_outside_is_reported() {
    let (_, frames, error) = read_all(&data("cases/video/t11_trunc.flv"), &SourceOptions::default()).unwrap();
    let message = error.unwrap().to_string();
    assert!(frames.len() > 50 && message.contains(&format!("only {} of ", frames.len())), "{message}");
    let (_, frames, error) = read_all(&data("cases/video/c_asf.asf"), &SourceOptions::default()).unwrap();
    assert_eq!((frames.is_empty(), error.map(|e| e.to_string())), (false, None));
}
