//! The page attacked by many connections at once: the others hardly notice.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::page::{Socket, picture, session, socket};
use crate::session::{Session, clip};

const MAX_DELAY: Duration = Duration::from_secs(1);

fn connect(session: &Session) -> TcpStream {
    let stream = TcpStream::connect(session.base().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    stream
}

/// Connects and sends something; the server may close the connection already.
fn send(session: &Session, request: &str) -> TcpStream {
    let mut stream = connect(session);
    let _ = stream.write_all(request.as_bytes());
    stream
}

/// Asserts that an honest viewer gets the page, the state and a picture in time.
fn assert_quick(session: &Session, during: &str) {
    let timed = |what: &str, work: &dyn Fn()| {
        let since = Instant::now();
        work();
        assert!(since.elapsed() < MAX_DELAY, "{what} came after {:?} during {during}", since.elapsed());
    };
    for _ in 0..5 {
        timed("the page", &|| drop(ureq::get(format!("{}/", session.base())).call().unwrap()));
        timed("the state", &|| drop(session.state()));
        timed("a picture", &|| drop(picture(&mut socket(session))));
    }
}

#[test]
fn idle_slow_and_many_connections_delay_nobody() {
    let (_folder, session) = session();
    session.wait_for_pictures(1);
    let repeated = |request: &'static str| (0..256).map(|_| send(&session, request)).collect::<Vec<_>>();
    let idle = repeated("");
    assert_quick(&session, "256 idle connections");
    let half = repeated("GET / HTTP/1.1\r\nHost: localhost\r\nA: ");
    assert_quick(&session, "256 half headers");
    let bodies = "POST /api/settings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{";
    let bodies = repeated(bodies);
    assert_quick(&session, "256 half bodies");
    let unread = repeated("GET /app.js HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_quick(&session, "256 responses that are not read");
    drop((idle, half, bodies));
    assert_eq!(unread.len(), 256);
}

#[test]
fn viewers_that_take_nothing_lose_their_seats() {
    let (_folder, session) = session();
    session.wait_for_pictures(1);
    let streams: Vec<_> =
        (0..64).map(|_| send(&session, "GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")).collect();
    let idle: Vec<_> = (0..256).map(|_| connect(&session)).collect();
    // Then each has had a picture on its way for long enough.
    std::thread::sleep(Duration::from_secs(4));
    assert_quick(&session, "64 MJPEG viewers that do not read, and 256 idle connections");
    let sockets: Vec<Socket> = (0..64).map(|_| socket(&session)).collect();
    std::thread::sleep(Duration::from_secs(3));
    assert_quick(&session, "64 WebSocket viewers that do not answer");
    drop((streams, idle, sockets));
}

#[test]
fn one_that_sends_without_end_is_cut_off() {
    let (_folder, session) = session();
    let lines = |start: &str, line: &str, pause: Duration| {
        let mut stream = send(&session, start);
        stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        let since = Instant::now();
        let mut sent = 0;
        while stream.write_all(line.as_bytes()).is_ok() && since.elapsed() < Duration::from_secs(20) {
            sent += line.len();
            std::thread::sleep(pause);
        }
        (sent, since.elapsed())
    };
    let start = "GET / HTTP/1.1\r\nHost: localhost\r\n";
    let body = "POST /api/settings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    std::thread::scope(|scope| {
        let slowly = scope.spawn(|| lines(start, "A: b\r\n", Duration::from_millis(100)));
        let slow_body =
            scope.spawn(|| lines(&format!("{body}Content-Length: 4000\r\n\r\n"), " ", Duration::from_millis(100)));
        let (sent, _) = lines(start, &"A: b\r\n".repeat(100), Duration::ZERO);
        assert!(sent < 20_000_000, "{sent} bytes of header lines");
        let (sent, _) =
            lines(&format!("{body}Content-Length: 1000000000\r\n\r\n"), &" ".repeat(10_000), Duration::ZERO);
        assert!(sent < 20_000_000, "{sent} bytes of a body");
        for (what, thread) in [("header", slowly), ("body", slow_body)] {
            let (_, time) = thread.join().unwrap();
            assert!(time < Duration::from_secs(14), "a slow {what} was read for {time:?}");
        }
    });
    let mut half = send(&session, &format!("{start}\r\n"));
    half.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    let end = half.read_to_end(&mut answer);
    assert!(end.is_ok() || end.is_err_and(|error| error.kind() != ErrorKind::WouldBlock), "a half-closed one hangs");
}

#[test]
fn long_names_do_not_freeze_the_picture() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 3);
    // As much to compare with as the names of thousands of classes.
    let labels: Vec<String> = "abcde".chars().map(|c| c.to_string().repeat(30_000)).collect();
    std::fs::write(folder.path().join("labels.txt"), labels.join("\n")).unwrap();
    let session = Session::start(folder.path(), "clip.mp4 --loop --no-label --labels labels.txt");
    let mut viewer = socket(&session);
    let _ = picture(&mut viewer);
    let names = [16_000, 3900, 200].map(|length| "abcde fghi ".repeat(length / 11));
    let longest = std::thread::scope(|scope| {
        let flood = scope.spawn(|| {
            for name in names.iter().cycle().take(30) {
                let (status, _) = session.post("/api/settings", &format!(r#"{{"target": "{name}"}}"#));
                assert!([400, 413].contains(&status), "{status}");
            }
        });
        let mut longest = Duration::ZERO;
        while !flood.is_finished() {
            let since = Instant::now();
            let _ = picture(&mut viewer);
            longest = longest.max(since.elapsed());
        }
        longest
    });
    assert!(longest < MAX_DELAY, "no picture for {longest:?}");
}
