//! A web server that misbehaves as a test requires.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Answers one connection after another until the test ends.
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// A server that answers connection `n` (from 0) with `answer(n, request head, connection)` and then closes it.
    pub fn new(answer: impl Fn(usize, &str, &mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        std::thread::spawn(move || {
            for (count, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let head = head(&mut stream);
                log.lock().unwrap().push(head.clone());
                answer(count, &head, &mut stream);
            }
        });
        Self { address, asked }
    }

    /// A server that gives every request the same answer.
    pub fn always(status: &'static str, headers: &'static str, body: &[u8]) -> Self {
        let body = body.to_vec();
        Self::new(move |_, _, stream| reply(stream, status, headers, &body))
    }

    /// The heads of the requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The head of the next request, in lower case. Data left unread when a connection closes may invalidate the answer.
pub fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).to_ascii_lowercase()
}

/// A complete answer; `headers` end in line breaks. The client may disconnect before its end.
pub fn reply(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    announce(stream, status, headers, body.len());
    let _ = stream.write_all(body);
}

/// The head of an answer that `length` bytes follow.
pub fn announce(stream: &mut TcpStream, status: &str, headers: &str, length: usize) {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}Connection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
}

/// The answer of a well-behaved server to a request with or without `Range: bytes=N-`.
pub fn reply_in_range(stream: &mut TcpStream, head: &str, body: &[u8]) {
    let start = head.lines().find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok());
    match start {
        Some(start) if start < body.len() => {
            let range = format!("Content-Range: bytes {start}-{}/{}\r\n", body.len() - 1, body.len());
            reply(stream, "206 Partial Content", &range, &body[start..]);
        }
        Some(_) => reply(stream, "416 Range Not Satisfiable", "", b""),
        None => reply(stream, "200 OK", "", body),
    }
}
