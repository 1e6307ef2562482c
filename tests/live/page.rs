//! The page and its interface: who may use it, its messages, and that viewers hold up nobody.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tempfile::{TempDir, tempdir};
use tungstenite::{Message, client};

use crate::program::assert_refused;
use crate::session::{Session, clip, live};

pub fn session() -> (TempDir, Session) {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 3);
    let session = Session::start(folder.path(), "clip.mp4 --loop");
    (folder, session)
}

/// The answer to raw bytes. A connection that is closed early also counts as an answer.
fn raw(session: &Session, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(session.base().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        answer.extend(&buffer[..count]);
        if answer.len() > 200_000 {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(session: &Session, path: &str, headers: &str) -> String {
    raw(session, format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n").as_bytes())
}

#[test]
fn settings_are_changed_and_checked() {
    let (_folder, session) = session();
    let (status, settings) =
        session.post("/api/settings", r#"{"colormap": "ocean", "layout": "panels", "alpha": 0.25, "target": "3"}"#);
    assert_eq!(status, 200, "{settings}");
    let state = session.state();
    for (name, value) in [("colormap", "ocean"), ("layout", "panels"), ("target", "3")] {
        assert_eq!(state["settings"][name], value);
    }
    for (wrong, word) in [
        (r#"{"colormap": "pink"}"#, "viridis"),
        (r#"{"alpha": 1.5}"#, "0 to 1"),
        (r#"{"target": "no such class"}"#, "target"),
        (r#"{"target": "99999"}"#, "target"),
        (r#"{"color": "x"}"#, "unknown field"),
        (r#"{"alpha":"#, "JSON"),
    ] {
        let (status, answer) = session.post("/api/settings", wrong);
        let why = answer["error"].as_str().unwrap_or_default();
        assert!((400..500).contains(&status) && why.contains(word), "{wrong}: {status} {answer}");
    }
    assert_eq!(session.state()["settings"]["colormap"], "ocean", "what was refused changed nothing");
    let metrics = get(&session, "/metrics", "Host: localhost\r\n");
    assert!(
        metrics.contains("\nsalstream_frames_shown_total ") && metrics.contains("# TYPE salstream_output_fps gauge")
    );
    let classes = get(&session, "/api/classes?q=CLASS%203", "Host: localhost\r\n");
    assert!(classes.contains(r#"{"id":3,"name":"class 3"}"#), "{classes}");
}

#[test]
fn the_picture_shows_what_was_set_and_stands_still_when_paused() {
    let (_folder, session) = session();
    let size = |session: &Session| {
        let mut socket = socket(session);
        let picture = image::ImageReader::new(std::io::Cursor::new(picture(&mut socket)));
        let size = picture.with_guessed_format().unwrap().into_dimensions();
        size.unwrap_or_default()
    };
    let _ = size(&session);
    session.post("/api/settings", r#"{"paused": true}"#);
    std::thread::sleep(Duration::from_millis(300));
    let shown = session.shown();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(session.shown(), shown);
    session.post("/api/settings", r#"{"paused": false}"#);
    session.wait_for_pictures(10);
}

#[test]
fn strangers_are_refused() {
    let (_folder, session) = session();
    let status = |answer: &str| answer.split(' ').nth(1).unwrap_or("none").to_owned();
    assert_eq!(status(&get(&session, "/", "Host: localhost\r\n")), "200");
    assert_eq!(status(&get(&session, "/", "Host: evil.example\r\n")), "403");
    assert_eq!(
        status(&get(&session, "/live", "Host: localhost\r\nOrigin: http://evil.example\r\nUpgrade: websocket\r\n")),
        "403"
    );
    assert_eq!(status(&get(&session, "/../../etc/passwd", "Host: localhost\r\n")), "404");
    assert_eq!(status(&get(&session, "/%2e%2e/etc/passwd", "Host: localhost\r\n")), "404");
    let form = "POST /api/snapshot HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(status(&raw(&session, form.as_bytes())), "415");
    let page = get(&session, "/", "Host: localhost\r\n");
    assert!(
        page.contains("content-security-policy: default-src 'self'")
            && page.contains("x-content-type-options: nosniff")
    );
}

#[test]
fn beyond_this_machine_the_page_asks_for_its_token() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 3);
    let session = Session::start_at(folder.path(), "0.0.0.0:0", "clip.mp4 --loop");
    let port = session.base().rsplit(':').next().unwrap().to_owned();
    let token = session.url.split("token=").nth(1).expect("a token").to_owned();
    let ask = |path: &str, headers: &str| {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n{headers}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask("/api/state", "").contains(" 401 "));
    assert!(ask("/?token=0123", "").contains(" 401 "));
    let welcome = ask(&format!("/?token={token}"), "");
    assert!(
        welcome.contains(" 303 ") && welcome.contains("SameSite=Strict") && welcome.contains("HttpOnly"),
        "{welcome}"
    );
    let cookie = welcome.split("set-cookie: ").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
    assert!(cookie.starts_with(&format!("salstream-{port}=")) && !cookie.contains(&token), "{cookie}");
    assert!(ask("/api/state", &format!("Cookie: {cookie}\r\n")).contains(" 200 "));
    assert!(ask("/api/state", &format!("Authorization: Bearer {token}\r\n")).contains(" 200 "));
}

#[test]
fn nonsense_and_floods_do_no_harm() {
    let (_folder, session) = session();
    for nonsense in [
        &b"\x00\xff\x16\x03\x01garbage\r\n\r\n"[..],
        b"GET",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/settings HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    ] {
        let _ = raw(&session, nonsense);
    }
    let mut huge = TcpStream::connect(session.base().trim_start_matches("http://")).unwrap();
    let head = "POST /api/settings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n";
    huge.write_all(head.as_bytes()).unwrap();
    let refused = (0..1000).any(|_| huge.write_all(&[b' '; 1_000_000]).is_err());
    assert!(refused, "a gigabyte is not read to its end");
    let agent = ureq::agent();
    for _ in 0..10_000 {
        let mut answer = agent.get(format!("{}/api/classes?q=x", session.base())).call().unwrap();
        answer.body_mut().read_to_string().unwrap();
    }
    session.wait_for_pictures(10);
}

pub type Socket = tungstenite::WebSocket<TcpStream>;

pub fn socket(session: &Session) -> Socket {
    let address = session.base().trim_start_matches("http://");
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client(format!("ws://{address}/live"), stream).unwrap().0
}

/// The next picture, as JPEG; acknowledges it.
pub fn picture(socket: &mut Socket) -> Vec<u8> {
    loop {
        if let Message::Binary(jpeg) = socket.read().unwrap() {
            socket.send(Message::text("ok")).unwrap();
            return jpeg.to_vec();
        }
    }
}

#[test]
fn viewers_who_never_read_hold_up_nobody() {
    let (_folder, session) = session();
    let count = |socket: &mut Socket, seconds: u64| {
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut pictures = 0;
        while Instant::now() < until {
            assert!(picture(socket).starts_with(&[0xFF, 0xD8]), "a JPEG");
            pictures += 1;
        }
        pictures
    };
    let alone = count(&mut socket(&session), 3);
    let stalled: Vec<Socket> = (0..5).map(|_| socket(&session)).collect();
    let others: Vec<_> = (0..15).map(|_| socket(&session)).collect();
    let counts: Vec<u32> = std::thread::scope(|scope| {
        let watch = |mut socket: Socket| scope.spawn(move || count(&mut socket, 4));
        let threads: Vec<_> = others.into_iter().map(watch).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    drop(stalled);
    let least = *counts.iter().min().unwrap();
    // All viewers share a small machine with other tests, so half of the lone viewer's rate does not count as being
    // held up.
    assert!(f64::from(least) / 4.0 > 0.5 * f64::from(alone) / 3.0, "alone {alone} in 3 s, together {counts:?} in 4 s");
}

#[test]
fn a_port_in_use_is_said() {
    let (folder, session) = session();
    let address = session.base().trim_start_matches("http://");
    let output = live(folder.path(), &format!("clip.mp4 --serve {address}")).output().unwrap();
    assert_refused(&output, 2, &["--serve", address, "another program has this port"]);
}
