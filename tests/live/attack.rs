//! The page attacked: malformed, ambiguous and hostile requests. Each gets its answer, and the session goes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::page::session;
use crate::session::Session;

/// The connection is closed without an answer.
const CLOSED: u16 = 0;

/// A request, with `|` for the end of a line, and the right answers.
type Attack = (&'static str, &'static [u16]);

const AMBIGUOUS: &[Attack] = &[
    ("GET / HTTP/1.1|Host: localhost|Host: localhost||", &[400]),
    ("GET / HTTP/1.1|Host: localhost|Host: evil.example||", &[400]),
    ("GET / HTTP/1.1|Host: evil.example|Host: localhost||", &[400]),
    ("GET / HTTP/1.1|Host: localhost|Origin: http://localhost|Origin: http://evil.example||", &[400]),
    ("GET / HTTP/1.1|Host: localhost|Cookie: a=b|Cookie: c=d||", &[400]),
    ("GET / HTTP/1.1|Host: localhost|Authorization: Bearer a|Authorization: Bearer b||", &[400]),
    ("GET / HTTP/1.1|Host: localhost|Sec-Fetch-Site: none|Sec-Fetch-Site: cross-site||", &[400]),
    (
        "POST /api/snapshot HTTP/1.1|Host: localhost|Content-Type: application/json|Content-Type: text/plain|Content-Length: 2||{}",
        &[400],
    ),
    ("POST /api/snapshot HTTP/1.1|Host: localhost|Content-Length: 2|Content-Length: 3||{} ", &[400]),
    ("POST /api/snapshot HTTP/1.1|Host: localhost|Content-Length: 2, 2||{}", &[400]),
    ("POST /api/snapshot HTTP/1.1|Host: localhost|Content-Length: -1||{}", &[400]),
    ("POST /api/snapshot HTTP/1.1|Host: localhost|Content-Length: +2||{}", &[400]),
    ("POST /api/snapshot HTTP/1.1|Host: localhost|Content-Length: 0x2||{}", &[400]),
    ("POST /api/snapshot HTTP/1.1|Host: localhost|Content-Length: 99999999999999999999999||{}", &[400]),
    ("POST /api/snapshot HTTP/1.1|Host: localhost|Content-Length: 18446744073709551615||{}", &[400, 431]),
    ("POST /api/snapshot HTTP/1.1|Host: localhost|Content-Length: 2|Transfer-Encoding: chunked||2|{}|0||", &[400]),
    ("POST /api/snapshot HTTP/1.1|Host: localhost|Transfer-Encoding: chunked|Content-Length: 2||2|{}|0||", &[400]),
    ("POST /api/snapshot HTTP/1.1|Host: localhost|Transfer-Encoding: chunked||2|{}|0||", &[400]),
    ("POST /api/snapshot HTTP/1.1|Host: localhost|Transfer-Encoding: gzip||{}", &[400]),
    ("POST /api/snapshot HTTP/1.1|Host: localhost|Transfer-Encoding: chunked, identity||2|{}|0||", &[400]),
    ("POST /api/snapshot HTTP/1.1|Host: localhost|Transfer-Encoding:\u{b}chunked||2|{}|0||", &[400]),
    ("POST /api/snapshot HTTP/1.0|Host: localhost|Transfer-Encoding: chunked||2|{}|0||", &[400]),
    ("GET / HTTP/1.1|Host: localhost| folded||", &[400]),
    ("GET / HTTP/1.1|Host : localhost||", &[400]),
    ("GET / HTTP/1.1| Host: localhost||", &[400]),
    ("GET / HTTP/1.1|Host: localhost|No colon||", &[400]),
    ("GET / HTTP/1.1|Host: localhost|A: b\0c||", &[400]),
    ("GET / HTTP/1.1|Host: localhost|A: b\rc||", &[400]),
    ("GET / HTTP/1.1|Host: localhost|: b||", &[400]),
    ("GET /a b HTTP/1.1|Host: localhost||", &[400]),
    ("GET\t/ HTTP/1.1|Host: localhost||", &[400]),
    ("GET http://evil.example/ HTTP/1.1|Host: localhost||", &[400]),
    ("GET http://localhost@evil.example/ HTTP/1.1|Host: localhost||", &[400]),
    ("GET http://localhost/ HTTP/1.1|Host: localhost||", &[200]),
    ("CONNECT evil.example:443 HTTP/1.1|Host: localhost||", &[400]),
    ("OPTIONS * HTTP/1.1|Host: localhost||", &[400]),
];

const HOSTS: &[Attack] = &[
    ("GET / HTTP/1.1||", &[400]),
    ("GET / HTTP/1.0||", &[400]),
    ("GET / HTTP/1.1|Host:||", &[400]),
    ("GET / HTTP/1.1|Host: localhost, evil.example||", &[400]),
    ("GET / HTTP/1.1|Host: me@localhost||", &[400]),
    ("GET / HTTP/1.1|Host: localhost/evil.example||", &[400]),
    ("GET / HTTP/1.1|Host: localhost:99999||", &[400]),
    ("GET / HTTP/1.1|Host: localhost:80:80||", &[400]),
    ("GET / HTTP/1.1|Host: [::1||", &[400]),
    ("GET / HTTP/1.1|Host: evil.example||", &[403]),
    ("GET / HTTP/1.1|Host: localhost.evil.example||", &[403]),
    ("GET / HTTP/1.1|Host: 127.0.0.1.evil.example||", &[403]),
    ("GET / HTTP/1.1|Host: 0.0.0.0||", &[403]),
    ("GET / HTTP/1.1|Host: 192.168.0.7||", &[403]),
    ("GET / HTTP/1.1|Host: [::]||", &[403]),
    ("GET / HTTP/1.1|Host: LOCALHOST:1||", &[200]),
];

const OTHER_PAGES: &[Attack] = &[
    (
        "POST /api/snapshot HTTP/1.1|Host: localhost|Origin: http://evil.example|Content-Type: application/json|Content-Length: 2||{}",
        &[403],
    ),
    (
        "POST /api/snapshot HTTP/1.1|Host: localhost|Origin: null|Content-Type: application/json|Content-Length: 2||{}",
        &[403],
    ),
    (
        "POST /api/snapshot HTTP/1.1|Host: localhost|Origin: http://localhost:1|Content-Type: application/json|Content-Length: 2||{}",
        &[403],
    ),
    (
        "POST /api/snapshot HTTP/1.1|Host: localhost|Origin: https://localhost|Content-Type: application/json|Content-Length: 2||{}",
        &[403],
    ),
    (
        "POST /api/snapshot HTTP/1.1|Host: localhost|Sec-Fetch-Site: cross-site|Content-Type: application/json|Content-Length: 2||{}",
        &[403],
    ),
    (
        "POST /api/snapshot HTTP/1.1|Host: localhost|Sec-Fetch-Site: same-site|Sec-Fetch-Mode: navigate|Content-Type: application/json|Content-Length: 2||{}",
        &[403],
    ),
    ("POST /api/snapshot HTTP/1.1|Host: localhost|Content-Type: text/plain|Content-Length: 2||{}", &[415]),
    (
        "POST /api/snapshot HTTP/1.1|Host: localhost|Content-Type: application/x-www-form-urlencoded|Content-Length: 2||{}",
        &[415],
    ),
    ("POST /api/snapshot HTTP/1.1|Host: localhost|Content-Length: 2||{}", &[415]),
    (
        "OPTIONS /api/settings HTTP/1.1|Host: localhost|Origin: http://evil.example|Access-Control-Request-Method: POST||",
        &[403],
    ),
    ("GET /stream.mjpg HTTP/1.1|Host: localhost|Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: no-cors||", &[403]),
    (
        "GET /live HTTP/1.1|Host: localhost|Origin: http://evil.example|Upgrade: websocket|Connection: Upgrade, close|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==||",
        &[403],
    ),
    ("GET /live HTTP/1.1|Host: localhost||", &[400, 426]),
    (
        "GET /live HTTP/1.1|Host: localhost|Upgrade: websocket|Connection: Upgrade, close|Sec-WebSocket-Version: 13||",
        &[400],
    ),
    (
        "GET /live HTTP/1.1|Host: localhost|Upgrade: websocket|Connection: Upgrade, close|Sec-WebSocket-Version: 1|Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==||",
        &[400],
    ),
    ("POST /live HTTP/1.1|Host: localhost|Upgrade: websocket|Content-Length: 0||", &[405]),
    (
        "GET / HTTP/1.1|Host: localhost|Connection: Upgrade, HTTP2-Settings, close|Upgrade: h2c|HTTP2-Settings: AAMAAABkAAQAAP__||",
        &[200],
    ),
];

const PATHS: &[Attack] = &[
    ("GET /../../etc/passwd HTTP/1.1|Host: localhost||", &[404]),
    ("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1|Host: localhost||", &[404]),
    ("GET /..%2f..%2fetc%2fpasswd HTTP/1.1|Host: localhost||", &[404]),
    ("GET /..\\..\\etc HTTP/1.1|Host: localhost||", &[400, 404]),
    ("GET /%252e%252e/ HTTP/1.1|Host: localhost||", &[404]),
    ("GET //etc/passwd HTTP/1.1|Host: localhost||", &[404]),
    ("GET /style.css/../../Cargo.toml HTTP/1.1|Host: localhost||", &[404]),
    ("GET /app.js%00.html HTTP/1.1|Host: localhost||", &[404]),
    ("GET /%00 HTTP/1.1|Host: localhost||", &[404]),
    ("GET /\0 HTTP/1.1|Host: localhost||", &[400]),
    ("GET /% HTTP/1.1|Host: localhost||", &[404]),
    ("GET /%zz%c0%af HTTP/1.1|Host: localhost||", &[404]),
    ("GET /\u{e9} HTTP/1.1|Host: localhost||", &[400, 404]),
    ("GET /%0d%0aSet-Cookie:%20a=b HTTP/1.1|Host: localhost||", &[404]),
    ("GET //evil.example/?token=T HTTP/1.1|Host: localhost||", &[404]),
    ("GET /\\evil.example/?token=T HTTP/1.1|Host: localhost||", &[400, 404]),
    ("GET / HTTP/1.1|Host: localhost|X-Forwarded-Host: evil.example|X-Original-URL: /etc/passwd||", &[200]),
    ("GET /api/classes?q=%zz%&q=%00 HTTP/1.1|Host: localhost||", &[400]),
    ("GET /api/classes?q=%1b[2J HTTP/1.1|Host: localhost||", &[400]),
    ("GET /api/classes?q=%ff%fe HTTP/1.1|Host: localhost||", &[200, 400]),
    ("GET ?token=T HTTP/1.1|Host: localhost||", &[400]),
];

const METHODS: &[Attack] = &[
    ("POST / HTTP/1.1|Host: localhost|Content-Length: 0||", &[405]),
    ("DELETE /api/state HTTP/1.1|Host: localhost||", &[405]),
    ("PUT /api/settings HTTP/1.1|Host: localhost|Content-Length: 2||{}", &[405]),
    ("GET /api/settings HTTP/1.1|Host: localhost||", &[405]),
    ("GET /api/record HTTP/1.1|Host: localhost||", &[405]),
    ("TRACE / HTTP/1.1|Host: localhost||", &[405]),
    ("OPTIONS /api/settings HTTP/1.1|Host: localhost||", &[405]),
    ("get / HTTP/1.1|Host: localhost||", &[405]),
    ("NONSENSE / HTTP/1.1|Host: localhost||", &[405]),
    ("HEAD / HTTP/1.1|Host: localhost||", &[200]),
    ("HEAD /stream.mjpg HTTP/1.1|Host: localhost||", &[200]),
    ("GET / HTTP/1.1|Host: localhost|Range: bytes=0-1,1-2,2-3,-5||", &[200]),
    ("GET / HTTP/1.1|Host: localhost|Content-Length: 5||hello", &[200]),
    ("GET / HTTP/1.1|Host: localhost|Expect: a miracle||", &[200, 417]),
    ("GET /\r\n", &[400, CLOSED]),
    ("GET / HTTP/0.9||", &[400, CLOSED]),
    ("GET / HTTP/2.0|Host: localhost||", &[400, 505, CLOSED]),
    ("GET / HTTP/9.9||", &[400, CLOSED]),
    ("PRI * HTTP/2.0||SM||\0\0\0\u{4}\0\0\0\0\0", &[400, CLOSED]),
    ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}||", &[400, CLOSED]),
    ("SSH-2.0-OpenSSH_9.2||", &[400, CLOSED]),
    ("||||||||GET / HTTP/1.1|Host: localhost|Connection: close||", &[200, 400]),
    ("\0\0\0\0||", &[400, CLOSED]),
];

const BODIES: &[(&str, &[u16])] = &[
    (r#"{"target":"no such class"}"#, &[400]),
    (r#"{"target":"\u001b[2J\u0007"}"#, &[400]),
    (r#"{"target":"a\u0000b"}"#, &[400]),
    (r#"{"target":"\u202e\r\n"}"#, &[400]),
    (r#"{"target":"<script>alert(1)</script>"}"#, &[400]),
    (r#"{"target":"-1"}"#, &[400]),
    (r#"{"target":"99999999999999999999999"}"#, &[400]),
    (r#"{"target":"frequent"}"#, &[400]),
    (r#"{"target":3}"#, &[422]),
    (r#"{"target":null}"#, &[200]),
    (r#"{"colormap":"../../etc/passwd"}"#, &[400]),
    (r#"{"alpha":1e999}"#, &[400]),
    (r#"{"alpha":NaN}"#, &[400]),
    (r#"{"alpha":-0.1}"#, &[400]),
    (r#"{"alpha":"0.5"}"#, &[422]),
    (r#"{"paused":"yes"}"#, &[422]),
    (r#"{"__proto__":{}}"#, &[422]),
    (r#"{"label":true,"label":false}"#, &[422]),
    (r"[]", &[200, 422]),
    (r"{", &[400]),
    (r"", &[400]),
    (r"{}{}", &[400]),
    ("\u{feff}{}", &[400]),
];

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
