//! One clear line for everything that can be wrong with the source or the flags.

use std::io::Write;
use std::net::TcpListener;

use tempfile::tempdir;

use crate::program::{assert_refused, ffmpeg, salstream, text};
use crate::session::{clip, live};

#[test]
fn sources_that_cannot_be_watched_are_refused() {
    let folder = tempdir().unwrap();
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=size=64x64 -frames:v 1 picture.png");
    ffmpeg(folder.path(), "-f lavfi -i sine -t 1 sound.wav");
    let refused = |args: &str, status: i32, words: &[&str]| {
        assert_refused(&live(folder.path(), &format!("{args} -o out.mp4")).output().unwrap(), status, words);
        assert!(!folder.path().join("out.mp4").exists(), "{args}");
    };
    refused("/dev/video97", 1, &["/dev/video97", "no such camera", "--list"]);
    refused("97", 1, &["/dev/video97", "no such camera"]);
    refused("/dev/null", 1, &["/dev/null", "is not a camera"]);
    refused("nothing.mp4", 1, &["nothing.mp4", "no such file"]);
    refused("picture.png", 2, &["picture.png", "does not move"]);
    refused("sound.wav", 1, &["sound.wav", "only audio"]);
    refused("http://127.0.0.1:9/none.mjpg", 1, &["http://127.0.0.1:9/none.mjpg", "refused", "check the address"]);
    refused("tcp://127.0.0.1:9 --loop", 2, &["--loop is for files only"]);
    refused("tcp://127.0.0.1:9 --camera-size 64x64", 2, &["for cameras"]);
    refused("nothing.mp4 --target frequent", 2, &["locked"]);
}

#[test]
fn a_file_that_breaks_off_is_told_and_not_the_stage_that_was_idle() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "whole.mkv", 3);
    let whole = std::fs::read(folder.path().join("whole.mkv")).unwrap();
    std::fs::write(folder.path().join("cut.mkv"), &whole[..whole.len() * 6 / 10]).unwrap();
    let output = live(folder.path(), "cut.mkv -o out.mp4").output().unwrap();
    assert_refused(&output, 1, &["cut.mkv", "frames could be decoded"]);
}

#[test]
fn a_server_that_says_no_or_nothing_is_named() {
    let folder = tempdir().unwrap();
    let serve = |answer: &'static [u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.write_all(answer);
                if answer.is_empty() {
                    open.push(stream);
                }
            }
        });
        format!("http://user:secret@{address}/live")
    };
    let missing = serve(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let output = live(folder.path(), &format!("{missing} -o out.mp4")).output().unwrap();
    assert_refused(&output, 1, &["404 Not Found"]);
    assert!(!text(&output.stderr).contains("secret"), "{}", text(&output.stderr));
    let silent = serve(b"");
    let output = live(folder.path(), &format!("{silent} -o out.mp4")).output().unwrap();
    assert_refused(&output, 1, &["does not answer within 6 s"]);
    let garbage = serve(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 12\r\nConnection: close\r\n\r\n<html></html",
    );
    assert_refused(
        &live(folder.path(), &format!("{garbage} -o out.mp4")).output().unwrap(),
        1,
        &["/live", "check the address"],
    );
}

#[test]
fn flags_that_cannot_be_served_are_refused_before_any_work() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 1);
    let refused = |args: &str, words: &[&str]| assert_refused(&live(folder.path(), args).output().unwrap(), 2, words);
    refused("clip.mp4", &["no display", "--serve"]);
    refused("clip.mp4 -o out.gif", &["out.gif", ".mp4"]);
    refused("clip.mp4 -o clip.mp4", &["clip.mp4", "already exists"]);
    let output = live(folder.path(), "clip.mp4 --serve nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("ADDR:PORT"), "{}", text(&output.stderr));
}

#[test]
fn cameras_are_listed_or_said_to_be_none() {
    let folder = tempdir().unwrap();
    let output = salstream(folder.path()).args(["live", "--list"]).output().unwrap();
    assert!(output.status.success());
    let said = text(&output.stdout);
    assert!(said.contains("/dev/video") || said == "no camera on this machine\n", "{said}");
}
