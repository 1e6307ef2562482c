//! Hostile requests, and the right answers.

/// The connection is closed without an answer.
pub const CLOSED: u16 = 0;

/// A request, with `|` for the end of a line, and the right answers.
pub type Attack = (&'static str, &'static [u16]);

/// What a proxy and this server could read in different ways.
pub const AMBIGUOUS: &[Attack] = &[
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

/// Missing, wrong and foreign hosts (DNS rebinding).
pub const HOSTS: &[Attack] = &[
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

/// What pages of other origins can make a browser send.
pub const OTHER_PAGES: &[Attack] = &[
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

/// Paths that lead elsewhere, or break lines.
pub const PATHS: &[Attack] = &[
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

/// Wrong methods, options, versions and protocols.
pub const METHODS: &[Attack] = &[
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

/// Bodies of `POST /api/settings`.
pub const BODIES: &[Attack] = &[
    (r#"{"target":"no such class"}"#, &[400]),
    (r#"{"target":"\u001b[2J\u0007"}"#, &[400]),
    (r#"{"target":"a\u0000b"}"#, &[400]),
    (r#"{"target":"\u202e\r\n"}"#, &[400]),
    (r#"{"target":"<script>alert(1)</script>"}"#, &[400]),
    (r#"{"target":"-1"}"#, &[200]),
    (r#"{"target":"-2"}"#, &[400]),
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
