//! The page attacked: malformed, ambiguous and hostile requests. Each gets its answer, and the session goes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::attack_table::{AMBIGUOUS, BODIES, CLOSED, HOSTS, METHODS, OTHER_PAGES, PATHS};
use crate::page::session;
use crate::session::Session;

fn address(session: &Session) -> String {
    session.base().rsplit('/').next().unwrap().replace("0.0.0.0", "127.0.0.1")
}

/// What a server answers to raw bytes until it closes the connection.
pub fn exchange(session: &Session, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address(session)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while answer.len() < 200_000 {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend(&buffer[..count]),
            Err(error) => {
                assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "no answer, and not closed within 15 s");
                break;
            }
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of an answer; `CLOSED` if there is none.
pub fn status(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.").map_or(CLOSED, |rest| rest[2..5].parse().unwrap())
}

/// A request that closes its connection, with `|` for the ends of lines. It is in Latin-1, so that it can have any byte.
fn bytes(request: &str) -> Vec<u8> {
    let (head, body) = request.split_once("||").unwrap_or((request, ""));
    let close = if head.contains("Host") && !head.contains("Connection:") { "|Connection: close" } else { "" };
    format!("{head}{close}||{body}").replace('|', "\r\n").chars().map(|c| c as u8).collect()
}

fn check(session: &Session, request: &[u8], right: &[u16]) {
    let answer = exchange(session, request);
    let name = String::from_utf8_lossy(&request[..request.len().min(300)]).into_owned();
    assert!(right.contains(&status(&answer)), "{name:?}: not {right:?}: {answer:.400}");
    let head = answer.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
    assert!(!head.contains("evil") && !head.contains("\r\nlocation:"), "{name:?}: {head}");
    assert!(!head.contains("access-control-allow"), "{name:?}: {head}");
    // What hyper answers to malformed requests has no content.
    if answer.contains("{\"error\"") {
        assert!(head.contains("content-type: application/json") && head.contains("nosniff"), "{name:?}: {head}");
        assert!(!answer.contains(['\0', '\x1b', '\x07']) && answer.len() < 3000, "{name:?}: {answer}");
    }
}

/// Runs the checks on a few threads, as many attackers would.
fn check_all(session: &Session, attacks: &[(Vec<u8>, &[u16])]) {
    std::thread::scope(|scope| {
        for part in attacks.chunks(attacks.len().div_ceil(8)) {
            scope.spawn(|| part.iter().for_each(|(request, right)| check(session, request, right)));
        }
    });
}

fn post(body: &str) -> Vec<u8> {
    let head = "POST /api/settings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json";
    format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[test]
fn every_hostile_request_gets_its_answer_and_the_session_goes_on() {
    let (_folder, session) = session();
    session.wait_for_pictures(1);
    let before = session.state()["settings"].clone();
    let tables = [AMBIGUOUS, HOSTS, OTHER_PAGES, PATHS, METHODS].concat();
    let mut attacks: Vec<_> = tables.into_iter().map(|(request, right)| (bytes(request), right)).collect();
    attacks.extend(BODIES.iter().map(|(body, right)| (post(body), *right)));
    attacks.extend(large());
    check_all(&session, &attacks);
    assert_eq!(session.state()["settings"], before, "{} attacks changed nothing", attacks.len());
    let since = Instant::now();
    session.wait_for_pictures(3);
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
}

/// Requests that are too large in one way.
fn large() -> Vec<(Vec<u8>, &'static [u16])> {
    let get = |path: &str, headers: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n").into_bytes()
    };
    let long = |count: usize| "x".repeat(count);
    vec![
        (get(&format!("/{}", long(1000)), ""), &[404]),
        (get(&format!("/{}", long(20_000)), ""), &[414, 431]),
        (get(&format!("/{}", long(2_000_000)), ""), &[414, 431, CLOSED]),
        (get(&format!("/?{}", "a=b&".repeat(1000)), ""), &[200]),
        (get(&format!("/api/classes?q={}", long(201)), ""), &[400]),
        (get("/", &format!("A: {}\r\n", long(20_000))), &[431]),
        (get("/", &format!("{}: a\r\n", long(20_000))), &[431]),
        (get("/", &"A: b\r\n".repeat(200)), &[431]),
        (get("/", &format!("Cookie: {}\r\n", long(8000))), &[200]),
        (post(&format!(r#"{{"target":"{}"}}"#, long(201))), &[400]),
        (post(&format!(r#"{{"layout":"{}"}}"#, long(201))), &[400]),
        (post(&format!(r#"{{"{}":1}}"#, long(3000))), &[422]),
        (post(&format!(r#"{{"target":"{}"}}"#, long(16_000))), &[413]),
        (post(&"[".repeat(4000)), &[400, 422]),
        (post(&long(1_000_000)), &[413, CLOSED]),
    ]
}

#[test]
fn nothing_is_smuggled_behind_a_refused_request() {
    let (_folder, session) = session();
    for framing in
        ["Transfer-Encoding: chunked\r\nContent-Length: 5", "Content-Length: 5\r\nTransfer-Encoding: chunked"]
    {
        let inner = "GET /api/state HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let request =
            format!("POST /api/snapshot HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n0\r\n\r\n{inner}{inner}");
        let answer = exchange(&session, request.as_bytes());
        assert_eq!((status(&answer), answer.matches("HTTP/1.1").count()), (400, 1), "{answer}");
    }
    let pair = "GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = exchange(&session, pair.as_bytes());
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 2, "requests in a row are fine: {answer}");
    let expecting = String::from_utf8(post("{}")).unwrap().replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    let answer = exchange(&session, expecting.as_bytes());
    assert!(answer.contains("HTTP/1.1 200"), "{answer}");
}
