//! Live sources, and that the frames shown are always current.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::program::{ffmpeg, probe, text};
use crate::session::{Ends, Session, broadcast, clip, live, port, rtsp};

#[test]
fn a_file_plays_at_its_own_pace_and_is_recorded_in_real_time() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 3);
    let started = Instant::now();
    let output = live(folder.path(), "clip.mp4 -o out.mp4").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(started.elapsed() > Duration::from_millis(2900), "{:?}", started.elapsed());
    assert!(text(&output.stderr).contains("90 frames received"), "{}", text(&output.stderr));
    let seconds: f64 = probe(&folder.path().join("out.mp4"), "v", "stream=duration").parse().unwrap();
    assert!((2.4..=3.2).contains(&seconds), "{seconds} s");
}

#[test]
fn streams_of_every_kind_are_watched() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 4);
    let listening = |kind: &str, format: &str| {
        let port = port();
        let address = format!("{kind}://127.0.0.1:{port}");
        (
            broadcast(folder.path(), &format!("{format} {address}{}", if kind == "udp" { "" } else { "?listen=1" })),
            address,
        )
    };
    let check = |name: &str, address: &str| {
        std::thread::sleep(Duration::from_millis(500));
        let session = Session::start(folder.path(), address);
        session.wait_for_pictures(30);
        assert!(session.state()["state"]["trouble"].is_null(), "{name}");
    };
    let (server, address) = listening("tcp", "-c:v libx264 -preset ultrafast -g 15 -f mpegts");
    check("MPEG-TS over TCP", &address);
    drop(server);
    let (server, address) = listening("udp", "-c:v libx264 -preset ultrafast -g 15 -f mpegts");
    check("MPEG-TS over UDP", &address);
    drop(server);
    let port = port();
    let server = broadcast(folder.path(), &format!("-c:v mjpeg -f mpjpeg -listen 1 http://127.0.0.1:{port}/v.mjpg"));
    check("HTTP MJPEG", &format!("http://127.0.0.1:{port}/v.mjpg"));
    drop(server);
}

#[test]
#[ignore = "needs GStreamer's RTSP server: gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good"]
fn rtsp_is_watched() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 8);
    let (server, address) = rtsp(folder.path(), "clip.mp4");
    let session = Session::start(folder.path(), &address);
    session.wait_for_pictures(60);
    let state = session.state();
    assert!(state["state"]["trouble"].is_null(), "{state}");
    assert!(state["state"]["latency_p95_ms"].as_f64().unwrap() < 500.0, "{state}");
    drop(server);
    session.wait("in trouble", |state| !state["state"]["trouble"].is_null());
}

#[test]
fn a_playlist_plays_at_its_own_pace() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 4);
    ffmpeg(folder.path(), "-i clip.mp4 -c copy -f hls -hls_time 1 -hls_playlist_type vod live.m3u8");
    let port = port();
    let mut server = Command::new("python3");
    server.args(["-m", "http.server", &port.to_string(), "--bind", "127.0.0.1"]).current_dir(folder.path());
    let _server = Ends(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    std::thread::sleep(Duration::from_secs(1));
    let args = format!("http://127.0.0.1:{port}/live.m3u8 --duration 3.5 -o out.mp4");
    let output = live(folder.path(), &args).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let frames: u32 = probe(&folder.path().join("out.mp4"), "v", "stream=nb_read_packets").parse().unwrap();
    assert!((40..=110).contains(&frames), "{frames} in 3.5 s, though they come at once");
}

#[test]
fn a_lost_stream_is_said_and_comes_back() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 4);
    let address = format!("tcp://127.0.0.1:{}", port());
    let serve =
        || broadcast(folder.path(), &format!("-c:v libx264 -preset ultrafast -g 15 -f mpegts {address}?listen=1"));
    let server = serve();
    std::thread::sleep(Duration::from_millis(500));
    let session = Session::start(folder.path(), &address);
    session.wait_for_pictures(15);
    drop(server);
    let state = session.wait("in trouble", |state| !state["state"]["trouble"].is_null());
    assert!(state["state"]["trouble"].as_str().unwrap().contains("lost, trying again"), "{state}");
    let _server = serve();
    session.wait("out of trouble", |state| state["state"]["trouble"].is_null());
    session.wait_for_pictures(15);
    let said = session.said();
    let told = [": lost, trying again", ": connected again after "].map(|line| said.matches(line).count());
    assert_eq!(told, [1, 1], "{said}");
}

#[test]
fn a_stream_that_stays_away_is_given_up() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 2);
    let port = port();
    let mut once = Command::new("ffmpeg");
    once.current_dir(folder.path()).args("-nostdin -v quiet -re -i clip.mp4 -c copy -f mpegts".split(' '));
    let _server = Ends(once.arg(format!("tcp://127.0.0.1:{port}?listen=1")).spawn().unwrap());
    std::thread::sleep(Duration::from_millis(500));
    let output = live(folder.path(), &format!("tcp://127.0.0.1:{port} --give-up 2 -o out.mkv")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("lost for"), "{}", text(&output.stderr));
    assert!(folder.path().join("out.mkv").is_file(), "what was recorded stays");
}

#[test]
fn the_picture_may_change_its_size() {
    let folder = tempdir().unwrap();
    let part = |size: &str, name: &str| {
        let source = format!("testsrc2=size={size}:rate=30");
        ffmpeg(folder.path(), &format!("-f lavfi -i {source} -t 4 -c:v libx264 -preset ultrafast -g 15 {name}"));
    };
    part("320x240", "a.ts");
    part("480x272", "b.ts");
    let both = ["a.ts", "b.ts"].map(|name| std::fs::read(folder.path().join(name)).unwrap()).concat();
    std::fs::write(folder.path().join("both.ts"), both).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let file = folder.path().join("both.ts");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let bytes = std::fs::read(file).unwrap();
        // In real time, as a live source sends them.
        for piece in bytes.chunks(bytes.len().div_ceil(160)) {
            if std::io::Write::write_all(&mut stream, piece).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let output = live(folder.path(), &format!("{address} --give-up 1 -o out.mp4")).output().unwrap();
    assert!(
        text(&output.stderr).contains("lost for"),
        "it did not end because the source was lost: {}",
        text(&output.stderr)
    );
    for (name, size) in [("out.mp4", "320"), ("out-002.mp4", "480")] {
        let file = folder.path().join(name);
        assert_eq!(probe(&file, "v", "stream=width"), size, "each size has a file of its own");
        let seconds: f64 = probe(&file, "v", "stream=duration").parse().unwrap();
        assert!(seconds > 1.0, "{name}: {seconds} s");
    }
}

#[test]
fn suspended_it_comes_back_to_the_present() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "clip.mp4", 4);
    let address = format!("tcp://127.0.0.1:{}", port());
    let _server =
        broadcast(folder.path(), &format!("-c:v libx264 -preset ultrafast -g 15 -f mpegts {address}?listen=1"));
    std::thread::sleep(Duration::from_millis(500));
    let session = Session::start(folder.path(), &address);
    session.wait_for_pictures(30);
    session.signal("STOP");
    std::thread::sleep(Duration::from_secs(4));
    session.signal("CONT");
    session.wait_for_pictures(60);
    let state = session.state();
    let (now, last) = (&state["time"], state["state"]["energy"].as_array().unwrap().last().unwrap());
    let behind = now.as_f64().unwrap() - last["time"].as_f64().unwrap();
    assert!(behind < 1.5, "{behind} s behind: {state}");
    assert!(state["state"]["trouble"].is_null(), "{state}");
}
