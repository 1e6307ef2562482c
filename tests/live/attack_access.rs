//! Who is let in: tokens, cookies, the page behind a proxy, and that no password is shown.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::tempdir;

use crate::attack::{exchange, status};
use crate::program::{assert_refused, salstream, text};
use crate::session::{Session, broadcast, clip, live, port};

fn ask(session: &Session, path: &str, headers: &str) -> String {
    exchange(session, format!("GET {path} HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n{headers}\r\n").as_bytes())
}

/// The value of a header in an answer.
fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let line = answer.split("\r\n").find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name}: {answer}"))
}

fn token(session: &Session) -> String {
    session.url.split("token=").nth(1).expect("a token").to_owned()
}

#[test]
fn nobody_gets_in_or_is_led_away_without_the_right_token() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 3);
    let session = Session::start_at(folder.path(), "0.0.0.0:0", "clip.mp4 --loop");
    let token = token(&session);
    let upper = token.to_uppercase();
    for path in ["/", "/app.js", "/metrics", "/api/state", "/stream.mjpg", "/live", "/none", "/api/classes?q=a"] {
        assert_eq!(status(&ask(&session, path, "")), 401, "{path}");
    }
    for wrong in ["", "0", &token[1..], &format!("{token}0"), &format!("{token}%00"), &upper, "*", "null", "undefined"]
    {
        assert_eq!(status(&ask(&session, &format!("/?token={wrong}"), "")), 401, "{wrong}");
        assert_eq!(status(&ask(&session, "/", &format!("Authorization: Bearer {wrong}\r\n"))), 401, "{wrong}");
        assert_eq!(status(&ask(&session, "/", &format!("Cookie: salstream-token={wrong}\r\n"))), 401, "{wrong}");
    }
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(
            status(&ask(&session, "/api/state", &format!("Authorization: {scheme} {token}\r\n"))),
            200,
            "{scheme}"
        );
    }
    for path in ["//evil.example/", "/\\evil.example/", "/%2f%2fevil.example", "/%0d%0aevil:a", "///", "/./", "/live"] {
        let answer = ask(&session, &format!("{path}?token={token}"), "");
        assert!(!answer.contains("location:") && [400, 401].contains(&status(&answer)), "{path}: {answer}");
    }
    let absolute = format!("GET http://evil.example/?token={token} HTTP/1.1\r\nHost: desk\r\n\r\n");
    assert_eq!(status(&exchange(&session, absolute.as_bytes())), 400);
    let welcome = ask(&session, &format!("/?a=b&token={token}&next=//evil.example"), "");
    assert_eq!((status(&welcome), header(&welcome, "location")), (303, "/"), "{welcome}");
}

#[test]
fn two_sessions_on_one_host_do_not_log_each_other_out() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 3);
    let sessions = [0, 1].map(|_| Session::start_at(folder.path(), "0.0.0.0:0", "clip.mp4 --loop"));
    // What a browser keeps: cookies by their name, whatever the port.
    let mut jar = std::collections::BTreeMap::new();
    for session in &sessions {
        let welcome = ask(session, &format!("/?token={}", token(session)), "");
        let (name, value) = header(&welcome, "set-cookie").split(';').next().unwrap().split_once('=').unwrap();
        jar.insert(name.to_owned(), value.to_owned());
    }
    let cookies: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
    for session in &sessions {
        let answer = ask(session, "/api/state", &format!("Cookie: {}\r\n", cookies.join("; ")));
        assert_eq!(status(&answer), 200, "{answer}");
    }
}

#[test]
fn the_page_works_behind_a_proxy() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 3);
    let address = format!("127.0.0.1:{}", port());
    let mut session =
        Session::start_at(folder.path(), &address, "clip.mp4 --loop --public-url https://cam.example/sal/");
    let token = token(&session);
    assert_eq!(session.url, format!("https://cam.example/sal/?token={token}"));
    session.url = format!("http://{address}/");
    let ask = |method: &str, path: &str, headers: &str| {
        let headers = format!("Origin: https://cam.example\r\nConnection: close\r\n{headers}");
        exchange(&session, format!("{method} {path} HTTP/1.1\r\n{headers}\r\n").as_bytes())
    };
    // Proxies pass the public name, or their own name for this server.
    for host in ["cam.example", &address] {
        let host = format!("Host: {host}\r\n");
        assert_eq!(status(&ask("GET", "/", &host)), 401, "a proxy on this machine lets in anyone");
        let welcome = ask("GET", &format!("/?token={token}"), &host);
        assert_eq!(header(&welcome, "location"), "/sal/");
        let cookie = header(&welcome, "set-cookie");
        assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/sal/; Secure"), "{cookie}");
        let known = format!("{host}Cookie: {}\r\n", cookie.split(';').next().unwrap());
        let body = "Content-Type: application/json\r\nContent-Length: 0\r\n";
        assert_eq!(status(&ask("POST", "/api/snapshot", &format!("{known}{body}"))), 400, "let in, but no body");
        let upgrade =
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
        let switched = exchange_upgrade(&session, &format!("{known}{upgrade}"));
        assert_eq!(status(&switched), 101, "{switched}");
        for file in ["/", "/app.js"] {
            let text = ask("GET", file, &known);
            let absolute = ["\"/", "`/", "='/", "location.host"].iter().find(|start| text.contains(**start));
            assert!(status(&text) == 200 && absolute.is_none(), "{file} has an absolute address: {absolute:?}");
        }
    }
}

/// The first bytes of the answer to a WebSocket's handshake.
fn exchange_upgrade(session: &Session, headers: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(session.base().trim_start_matches("http://")).unwrap();
    let origin = "Origin: https://cam.example\r\nConnection: Upgrade\r\n";
    write!(stream, "GET /live HTTP/1.1\r\n{origin}{headers}\r\n").unwrap();
    let mut answer = [0; 200];
    let count = stream.read(&mut answer).unwrap();
    text(&answer[..count])
}

fn write_token(path: &Path, token: &str, mode: u32) {
    std::fs::write(path, token).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_fixed_token_is_asked_for_and_not_printed() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 3);
    let file = folder.path().join("token");
    let token = "c0ffee+/0123456789=";
    write_token(&file, &format!("{token}\n"), 0o600);
    let session = Session::start(folder.path(), "clip.mp4 --loop --token-file token");
    assert!(!session.url.contains("token"), "{}", session.url);
    let ask = |path: &str| exchange(&session, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());
    assert_eq!(status(&ask("/api/state")), 401, "also on this machine");
    assert_eq!(status(&ask(&format!("/?token={token}"))), 303);
    assert_eq!(status(&ask("/?token=c0ffee%2B%2F0123456789%3D")), 303, "as other clients encode it");
    let refused = |words: &[&str]| {
        let output = live(folder.path(), "clip.mp4 --serve 127.0.0.1:0 --token-file token").output().unwrap();
        assert_refused(&output, 2, &[&["--token-file token"], words].concat());
        assert!(!text(&output.stderr).contains("c0ffee"), "{}", text(&output.stderr));
    };
    write_token(&file, token, 0o644);
    refused(&["other users"]);
    write_token(&file, "c0ffee", 0o600);
    refused(&["guess"]);
    write_token(&file, "c0ffee 0123456789 c0ffee", 0o600);
    refused(&["letters, digits"]);
    std::fs::remove_file(&file).unwrap();
    refused(&["No such file"]);
    let wrong = live(folder.path(), "clip.mp4 --serve --public-url https://me:pw@cam.example/").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(!text(&wrong.stderr).contains("me:pw"), "{}", text(&wrong.stderr));
}

#[test]
fn passwords_in_addresses_are_not_shown() {
    let folder = tempdir().unwrap();
    for address in [
        "rtsp://me:S3CRET@127.0.0.1:9/live",
        "rtsp://me:S3/CRET@127.0.0.1:9/live",
        "rtsp://me:x@S3CRET@127.0.0.1:9/live",
        "rtsp://me:x%40S3CRET%2F@127.0.0.1:9/live",
        "me:S3CRET@127.0.0.1:9/live",
        "tcp://127.0.0.1:9?password=S3CRET",
        "http://me:S3CRET@127.0.0.1:9/v.m3u8?token=S3CRET",
    ] {
        let run = salstream(folder.path()).args(["run", address, "-o", "out.mp4"]).output().unwrap();
        let usage = salstream(folder.path()).args(["run", "clip.mp4", address]).output().unwrap();
        for output in [run, usage] {
            let said = text(&output.stderr);
            assert!(!output.status.success() && said.starts_with("error: "), "{address}: {said}");
            assert!(!said.contains("S3") && !said.contains("CRET"), "{address}: {said}");
        }
    }
    let output = live(folder.path(), "rtsp://me:S3/CR@ET@127.0.0.1:9/live -o out.mp4").output().unwrap();
    assert_refused(&output, 1, &["error: rtsp://***@127.0.0.1:9/live: "]);
    clip(folder.path(), "clip.mp4", 4);
    let port = port();
    let _server = broadcast(folder.path(), &format!("-c:v mjpeg -f mpjpeg -listen 1 http://127.0.0.1:{port}/v.mjpg"));
    std::thread::sleep(std::time::Duration::from_millis(500));
    let session = Session::start(folder.path(), &format!("http://me:S3CRET@127.0.0.1:{port}/v.mjpg?key=S3CRET"));
    let state = session.wait("shown", |state| state["state"]["shown"].as_u64() > Some(0)).to_string();
    assert!(
        !state.contains("S3CRET") && state.contains(&format!("http://***@127.0.0.1:{port}/v.mjpg?key=***")),
        "{state}"
    );
}
