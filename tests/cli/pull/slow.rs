//! Servers that never end: slowly, or with what nobody asked for.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::tempdir;

use super::{assert_installed, assert_nothing, command, pull};
use crate::model::{model, sha256};
use crate::program::assert_refused;
use crate::server::{Server, announce, reply_in_range};

/// Writes `text` again and again, with a pause after each, until the client has gone.
fn without_end(stream: &mut TcpStream, text: &[u8], pause: Duration) {
    let began = Instant::now();
    while stream.write_all(text).is_ok() && began.elapsed() < Duration::from_secs(30) {
        sleep(pause);
    }
}

#[test]
fn a_server_that_drips_is_given_up_and_its_bytes_are_kept() {
    let (home, model) = (tempdir().unwrap(), model());
    let body = model.clone();
    let server = Server::new(move |count, head, stream| match count {
        0 => {
            announce(stream, "200 OK", "", body.len());
            let _ = stream.write_all(&body[..5000]);
            without_end(stream, &body[5000..5001], Duration::from_millis(100));
        }
        _ => reply_in_range(stream, head, &body),
    });
    let began = Instant::now();
    let slow = ["my", "--url", &server.address, "--sha256", &sha256(&model), "--timeout", "2"];
    let output = command(&home, &slow).output().unwrap();
    assert_refused(&output, 1, &["less than 1.00 kB per second for 2s", "5.0", "kept", "run it again to resume"]);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    let kept = fs::metadata(home.path().join("models/my.onnx.part")).unwrap().len();
    assert!((5000..5200).contains(&kept), "{kept}");
    // What the drops held is not what the model holds.
    let part = fs::OpenOptions::new().write(true).open(home.path().join("models/my.onnx.part")).unwrap();
    part.set_len(5000).unwrap();
    assert_installed(&home, &pull(&home, &server.address, &model), &model);
    assert!(server.asked().last().unwrap().contains("range: bytes=5000-"), "{:?}", server.asked());
}

#[test]
fn heads_and_redirects_without_end_are_not_read_to_their_end() {
    let model = model();
    let cases: [(&'static str, &'static [u8], u64, &str); 5] = [
        ("HTTP/1.1 200 OK\r\n", b"X-Filler: 0123456789\r\n", 0, "breaks the rules of HTTP"),
        ("HTTP/1.1 200 OK\r\n", b"X: 1\r\n", 100, "did not respond within 1s"),
        ("HTTP/1.1 200 OK\r\nX: ", b"1", 0, "breaks the rules of HTTP"),
        ("", b"HTTP/1.1 100 Continue\r\n\r\n", 50, "did not respond within 1s"),
        ("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", b"never ending", 100, "redirects endlessly"),
    ];
    for (head, rest, pause, words) in cases {
        let home = tempdir().unwrap();
        let server = Server::new(move |_, _, stream| {
            let mut stream = stream.try_clone().unwrap();
            // The next request does not wait for the end of this answer.
            std::thread::spawn(move || {
                let _ = stream.write_all(head.as_bytes());
                without_end(&mut stream, rest, Duration::from_millis(pause));
            });
        });
        let began = Instant::now();
        let args = ["my", "--url", &server.address, "--sha256", &sha256(&model), "--timeout", "1"];
        assert_nothing(&home, &command(&home, &args).output().unwrap(), &[words]);
        assert!(began.elapsed() < Duration::from_secs(10), "{words}: {:?}", began.elapsed());
    }
}
