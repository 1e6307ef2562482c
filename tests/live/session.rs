//! A running session, and the streams that it reads.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{ffmpeg, salstream, signal};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/onnx-grad/tests/fixtures/small.onnx");

/// `salstream live ARGS` with a small model on the plain CPU provider.
pub fn live(folder: &Path, args: &str) -> Command {
    let mut command = salstream(folder);
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command.args(["live", "--device", "cpu", "--precision", "f32", "--preprocess", "unit", "--model", MODEL]);
    command.args(args.split_whitespace());
    command
}

/// A clip at `folder/NAME`, `seconds` long, at 30 frames per second.
pub fn clip(folder: &Path, name: &str, seconds: u32) {
    let size = "testsrc2=size=320x240:rate=30";
    ffmpeg(folder, &format!("-f lavfi -i {size} -t {seconds} -c:v libx264 -preset ultrafast -g 15 {name}"));
}

/// A process that is killed when the test ends.
pub struct Ends(pub Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A session that serves its page.
pub struct Session {
    pub process: Ends,
    /// `http://127.0.0.1:PORT/`, with the token if there is one.
    pub url: String,
    said: Arc<Mutex<String>>,
}

impl Session {
    /// Starts a session on a port of its own and waits for its page.
    pub fn start(folder: &Path, args: &str) -> Self {
        Self::start_at(folder, "127.0.0.1:0", args)
    }

    pub fn start_at(folder: &Path, address: &str, args: &str) -> Self {
        let mut command = live(folder, args);
        let mut child = command.args(["--serve", address]).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = Vec::new();
        let mut lines = stderr.lines();
        let url = loop {
            let line = lines.next().unwrap_or_else(|| panic!("no page: {said:?}")).unwrap();
            if let Some(url) = line.strip_prefix("note: the page is at ") {
                break url.to_owned();
            }
            said.push(line);
        };
        let said = Arc::new(Mutex::new(String::new()));
        let log = said.clone();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| *log.lock().unwrap() += &(line + "\n")));
        Self { process: Ends(child), url, said }
    }

    /// What it has printed since its page is there.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// The address of the page, without anything after the port.
    pub fn base(&self) -> &str {
        self.url.split('?').next().unwrap().trim_end_matches('/')
    }

    /// `/api/state`.
    pub fn state(&self) -> Value {
        let text = ureq::get(format!("{}/api/state", self.base())).call().unwrap().body_mut().read_to_string().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Waits until `ready` is true for the state, and returns the state.
    pub fn wait(&self, what: &str, ready: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        loop {
            let state = self.state();
            if ready(&state) {
                return state;
            }
            assert!(since.elapsed() < Duration::from_secs(40), "not {what} within 40 s: {state}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub fn shown(&self) -> u64 {
        self.state()["state"]["shown"].as_u64().unwrap()
    }

    /// Waits for `count` more pictures.
    pub fn wait_for_pictures(&self, count: u64) {
        let before = self.shown();
        self.wait("shown", |state| state["state"]["shown"].as_u64().unwrap() >= before + count);
    }

    /// Posts JSON and returns the status and the answer.
    pub fn post(&self, path: &str, body: &str) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.post(format!("{}{path}", self.base())).header("content-type", "application/json");
        let mut answer = request.send(body).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub fn signal(&self, name: &str) {
        assert!(signal(name, self.process.0.id()));
    }
}

/// A port that was free a moment ago.
pub fn port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// `ffmpeg`, playing `clip.mp4` in a loop in real time to `output`.
pub fn broadcast(folder: &Path, output: &str) -> Ends {
    let mut command = Command::new("ffmpeg");
    command.current_dir(folder).args("-nostdin -v quiet -y -re -stream_loop -1 -i clip.mp4 -an".split(' '));
    command.args(output.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::null());
    Ends(command.spawn().unwrap())
}

/// An RTSP server that plays `folder/NAME` once to each client.
pub fn rtsp(folder: &Path, name: &str) -> (Ends, String) {
    let port = port();
    let script = r"
import sys, gi
gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0')
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer(address='127.0.0.1', service=sys.argv[1])
media = GstRtspServer.RTSPMediaFactory()
media.set_launch('( filesrc location=' + sys.argv[2] + ' ! qtdemux ! h264parse ! rtph264pay name=pay0 )')
server.get_mount_points().add_factory('/clip', media)
server.attach(None)
print('ready', flush=True)
GLib.MainLoop().run()
";
    // The system's own Python, because the distribution installs the bindings for it.
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", script, &port.to_string()]).arg(folder.join(name));
    let mut server = Ends(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "ready", "the RTSP server does not start");
    (server, format!("rtsp://127.0.0.1:{port}/clip"))
}
