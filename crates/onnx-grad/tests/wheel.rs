//! The Python package: its wheel is built, installed in an environment of its own, and checked as a user meets it.
//!
//! `scripts/test` installs maturin into `target/maturin`, and puts the packages that the wheel needs into
//! `target/wheelhouse`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The most that a wheel may take, in bytes.
const MAX_WHEEL_BYTES: u64 = 8 << 20;

/// Builds the wheel, and returns its file.
fn wheel(folder: &Path) -> PathBuf {
    let root = root();
    // Two builds at once would read each other's half-written files.
    let lock = File::create(root.join("target/maturin.lock")).unwrap();
    lock.lock().unwrap();
    let mut maturin = Command::new(root.join("target/maturin/bin/maturin"));
    maturin.current_dir(root.join("crates/onnx-grad-py")).env("PYTHONPATH", root.join("target/maturin"));
    maturin.args(["build", "--quiet", "--locked", "--profile", "dev", "--target-dir"]).arg(root.join("target"));
    run(maturin.arg("--out").arg(folder));
    drop(lock);
    let mut files = folder.read_dir().unwrap().map(|file| file.unwrap().path());
    files.find(|file| file.extension().is_some_and(|kind| kind == "whl")).expect("maturin writes a wheel")
}

#[test]
#[ignore = "needs Python packages in target/maturin and target/wheelhouse, which scripts/test installs"]
fn the_wheel_works_in_an_environment_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = wheel(folder.path());
    assert!(wheel.metadata().unwrap().len() < MAX_WHEEL_BYTES, "{wheel:?}");
    let environment = folder.path().join("environment");
    run(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&environment));
    let python = environment.join("bin/python");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--disable-pip-version-check", "--python"]).arg(&python);
    pip.args(["install", "--quiet", "--no-index", "--no-compile", "--find-links"])
        .arg(root().join("target/wheelhouse"));
    run(pip.arg(&wheel).arg("onnxruntime"));
    let script = root().join("crates/onnx-grad-py/tests/package.py");
    // What is installed elsewhere must not help.
    let printed = run(Command::new(&python).arg("-I").arg(script).current_dir(folder.path()));
    assert!(printed.contains("works with onnxruntime"), "{printed}");
}
