//! Servers that never come to an end.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::signal;
use crate::{said, start, stays, wait};

/// Starts a server that answers every request with `line` again and again, and returns its address.
fn endless(first: &'static str, line: &'static str) -> String {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/clip.mp4", server.local_addr().unwrap());
    thread::spawn(move || {
        for client in server.incoming() {
            let mut client = client.unwrap();
            thread::spawn(move || {
                let _ = client.read(&mut [0; 4096]);
                let _ = client.write_all(first.as_bytes());
                while client.write_all(line.as_bytes()).is_ok() {
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
    });
    address
}

#[test]
fn one_signal_ends_a_run_that_reads_from_a_server_without_end() {
    for (name, first, line) in [
        ("header lines", "HTTP/1.1 200 OK\r\n", "X-Header: 1\r\n"),
        ("a body", "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n", "\0\0\0\x08free"),
        ("silence", "", ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let address = endless(first, line);
        let mut child = start(folder.path(), &format!("run {address} -o out.mp4 --device cpu"));
        thread::sleep(Duration::from_secs(2));
        assert!(child.try_wait().unwrap().is_none(), "{name}: {}", said(folder.path()));
        let began = Instant::now();
        signal("TERM", child.id());
        let ended = wait(&mut child, Duration::from_secs(30));
        assert_eq!(ended.code(), Some(130), "{name}: {}", said(folder.path()));
        assert!(began.elapsed() < Duration::from_secs(10), "{name}: {:?}", began.elapsed());
        assert!(!stays(&address), "{name}: ffprobe stays");
    }
}
