//! Downloads that are interrupted and resumed.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{assert_installed, command, pull};
use crate::model::{model, sha256};
use crate::program::{assert_refused, interrupt};
use crate::server::{Server, announce, reply, reply_in_range};
use tempfile::{TempDir, tempdir};

/// A home folder in which `part` of `my` has already been downloaded.
fn home_with_part(part: &[u8]) -> TempDir {
    let home = tempdir().unwrap();
    fs::create_dir(home.path().join("models")).unwrap();
    fs::write(home.path().join("models/my.onnx.part"), part).unwrap();
    home
}

/// Announces all of `body` and sends only its first `sent` bytes.
fn break_off(stream: &mut TcpStream, body: &[u8], sent: usize) {
    announce(stream, "200 OK", "", body.len());
    let _ = stream.write_all(&body[..sent]);
}

#[test]
fn a_broken_download_goes_on_where_it_broke_off() {
    let (home, model) = (tempdir().unwrap(), model());
    let (half, body) = (model.len() / 2, model.clone());
    let server = Server::new(move |count, head, stream| match count {
        0 => break_off(stream, &body, half),
        _ => reply_in_range(stream, head, &body),
    });
    assert_installed(&home, &pull(&home, &server.address, &model), &model);
    let asked = server.asked();
    assert!(!asked[0].contains("range:") && asked[1].contains(&format!("range: bytes={half}-")), "{asked:?}");
}

#[test]
fn what_arrived_is_kept_for_the_next_time() {
    let (home, model) = (tempdir().unwrap(), model());
    let (half, body) = (model.len() / 2, model.clone());
    let server = Server::new(move |count, head, stream| match count {
        0 => break_off(stream, &body, half),
        1 => reply(stream, "503 Service Unavailable", "", b""),
        _ => reply_in_range(stream, head, &body),
    });
    let output = pull(&home, &server.address, &model);
    assert_refused(&output, 1, &["503", "are kept", "again"]);
    assert_eq!(fs::read(home.path().join("models/my.onnx.part")).unwrap(), &model[..half]);
    assert_installed(&home, &pull(&home, &server.address, &model), &model);
}

#[test]
fn a_short_body_is_said_to_be_short() {
    let (home, model) = (tempdir().unwrap(), model());
    let body = model.clone();
    // The same half for every request: there is no progress, so no reason to retry.
    let server = Server::new(move |_, _, stream| {
        announce(stream, "200 OK", "", body.len());
        let _ = stream.write_all(&body[..body.len() / 2]);
    });
    let output = pull(&home, &server.address, &model);
    assert_refused(&output, 1, &["broke off after", "of"]);
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn a_server_that_does_not_honour_the_range_sends_it_all() {
    let model = model();
    let part = &model[..100];
    let wrong_start = "Content-Range: bytes 50-99999/100000\r\n";
    for (status, headers) in
        [("200 OK", ""), ("206 Partial Content", ""), ("206 Partial Content", wrong_start), ("416 Nope", "")]
    {
        let (home, body) = (home_with_part(part), model.clone());
        let server = Server::new(move |count, _, stream| match count {
            0 => reply(stream, status, headers, &body),
            _ => reply(stream, "200 OK", "", &body),
        });
        assert_installed(&home, &pull(&home, &server.address, &model), &model);
        assert!(server.asked()[0].contains("range: bytes=100-"));
    }
}

#[test]
fn a_part_of_another_file_is_found_by_the_checksum_and_left_aside() {
    let model = model();
    for part in [&b"other"[..], &vec![7; model.len() + 10]] {
        let (home, body) = (home_with_part(part), model.clone());
        let server = Server::new(move |_, head, stream| reply_in_range(stream, head, &body));
        assert_installed(&home, &pull(&home, &server.address, &model), &model);
    }
    // Without a checksum a wrong part cannot be detected, so the download starts again from the beginning.
    let home = home_with_part(b"other");
    let body = model.clone();
    let server = Server::new(move |_, head, stream| reply_in_range(stream, head, &body));
    let output = command(&home, &["my", "--url", &server.address]).output().unwrap();
    assert_installed(&home, &output, &model);
}

#[test]
fn a_full_disk_is_named_and_what_fits_is_kept() {
    let (home, model) = (tempdir().unwrap(), model());
    let body = model.clone();
    let server = Server::new(move |_, head, stream| reply_in_range(stream, head, &body));
    let program = env!("CARGO_BIN_EXE_salstream");
    // A limit of a few blocks per file fails in the same place as a full disk.
    let script = format!(
        "trap '' XFSZ; ulimit -f 8; exec {program} model pull my --url {} --sha256 {}",
        server.address,
        sha256(&model)
    );
    let mut bash = Command::new("bash");
    let output = bash.args(["-c", &script]).env("SALSTREAM_HOME", home.path()).output().unwrap();
    assert_refused(&output, 1, &["my.onnx.part", "cannot be written", "File too large"]);
    assert_installed(&home, &pull(&home, &server.address, &model), &model);
}

#[test]
fn an_interrupted_download_is_resumed_and_a_second_one_waits_for_its_turn() {
    let (home, model) = (tempdir().unwrap(), model());
    let (half, body) = (model.len() / 2, model.clone());
    let server = Server::new(move |count, head, stream| match count {
        0 => {
            announce(stream, "200 OK", "", body.len());
            let _ = stream.write_all(&body[..half]);
            // Wait until the client disconnects.
            let _ = std::io::Read::read(stream, &mut [0]);
        }
        _ => reply_in_range(stream, head, &body),
    });
    let sum = sha256(&model);
    let mut command = command(&home, &["my", "--url", &server.address, "--sha256", &sum]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let part = home.path().join("models/my.onnx.part");
    let arrived = || fs::metadata(&part).is_ok_and(|file| file.len() == half as u64);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !arrived() && Instant::now() < deadline {
        sleep(Duration::from_millis(20));
    }
    assert_refused(&pull(&home, &server.address, &model), 1, &["another process"]);
    interrupt(&child.id().to_string());
    assert!(!child.wait().unwrap().success());
    assert!(arrived());
    assert_installed(&home, &pull(&home, &server.address, &model), &model);
    assert!(server.asked().last().unwrap().contains(&format!("range: bytes={half}-")));
}
