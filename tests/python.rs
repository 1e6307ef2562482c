//! Gradient models in Python's ONNX Runtime, as `docs/gradient-model.md` shows, and checked by ONNX's own checker.
//!
//! `scripts/test` installs the required packages into `target/python`, and maturin into `target/maturin`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Runs Python with the test's packages in `folder`.
fn python(folder: &Path, script: &str) -> Output {
    let packages = Path::new(ROOT).join("target/python");
    let mut command = Command::new("python3");
    command.current_dir(folder).env("PYTHONPATH", packages).args(["-c", script]);
    command.output().expect("python3 runs; scripts/setup installs it")
}

/// The output of a Python script; if it fails, the test fails.
fn printed(folder: &Path, script: &str) -> String {
    let output = python(folder, script);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The default model, which salstream setup installs.
fn model() -> PathBuf {
    salstream::platform::dirs::models().join("efficientnet-lite0.onnx")
}

fn run(folder: &Path, program: &str, args: &[&str]) {
    let output = Command::new(program).current_dir(folder).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn grad(folder: &Path, model: &Path, rest: &[&str]) {
    let args = [&["model", "grad", model.to_str().unwrap()], rest].concat();
    run(folder, env!("CARGO_BIN_EXE_salstream"), &args);
}

#[test]
#[ignore = "needs Python packages in target/python, which scripts/test installs"]
fn the_documented_example_runs_and_sees_the_cat() {
    let folder = tempfile::tempdir().unwrap();
    let model = model();
    let page = fs::read_to_string(Path::new(ROOT).join("docs/gradient-model.md")).unwrap();
    let (_, rest) = page.split_once("```python\n").unwrap();
    let (script, _) = rest.split_once("```").unwrap();
    grad(folder.path(), &model, &["gradient.onnx"]);
    write_cat(folder.path());
    let printed_line = printed(folder.path(), script);
    let class: u32 = printed_line.split_whitespace().nth(1).unwrap().parse().unwrap();
    // The cats among the ImageNet classes.
    assert!((281..=285).contains(&class), "{printed_line}");
    let spread = "import numpy; from PIL import Image; h = numpy.asarray(Image.open('heat-map.png')); print(h.shape, h.std() > 5)";
    assert_eq!(printed(folder.path(), spread).trim(), "(224, 224) True");
}

/// Builds the Python package `onnx_grad` into `folder/site`.
fn install_package(folder: &Path) {
    let root = Path::new(ROOT);
    // Two builds at once would read each other's half-written files.
    let lock = fs::File::create(root.join("target/maturin.lock")).unwrap();
    lock.lock().unwrap();
    let mut maturin = Command::new(root.join("target/maturin/bin/maturin"));
    maturin.current_dir(root.join("crates/onnx-grad-py")).env("PYTHONPATH", root.join("target/maturin"));
    maturin.args(["build", "--quiet", "--locked", "--profile", "dev", "--target-dir"]).arg(root.join("target"));
    assert!(maturin.arg("--out").arg(folder).status().unwrap().success());
    drop(lock);
    let files = folder.read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let wheel = files.into_iter().find(|name| name.ends_with(".whl")).expect("maturin writes a wheel");
    let site = ["--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps", "--target", "site"];
    run(folder, "python3", &[&["-m", "pip"], &site[..], &[wheel.as_str()]].concat());
}

/// Writes the first second of the sample as a picture.
fn write_cat(folder: &Path) {
    let sample = Path::new(ROOT).join("samples/sample.mp4");
    let picture = ["-nostdin", "-v", "error", "-ss", "1", "-i", sample.to_str().unwrap(), "-frames:v", "1", "cat.jpg"];
    run(folder, "ffmpeg", &picture);
}

#[test]
#[ignore = "needs Python packages in target/python and target/maturin, which scripts/test installs"]
fn the_notebook_runs_and_shows_what_is_stored_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    install_package(folder);
    write_cat(folder);
    fs::copy(model(), folder.join("efficientnet-lite0.onnx")).unwrap();
    fs::copy(Path::new(ROOT).join("models/imagenet_classes.txt"), folder.join("imagenet_classes.txt")).unwrap();
    let packages = [folder.join("site"), Path::new(ROOT).join("target/python")];
    let mut notebook = Command::new("python3");
    notebook.current_dir(folder).env("PYTHONPATH", std::env::join_paths(packages).unwrap());
    notebook.arg(Path::new(ROOT).join("tests/notebook.py")).arg(Path::new(ROOT).join("docs/onnx-grad.ipynb"));
    let output = notebook.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "6 pictures");
}

#[test]
#[ignore = "needs Python packages in target/python, which scripts/test installs"]
fn gradient_models_pass_onnxs_checker() {
    let folder = tempfile::tempdir().unwrap();
    let model = model();
    for (index, method) in ["gradient", "guided-grad-cam", "integrated-gradients", "vargrad"].iter().enumerate() {
        let file = format!("{index}.onnx");
        let seed: &[&str] = if *method == "vargrad" { &["--seed", "7"] } else { &[] };
        grad(folder.path(), &model, &[&[&file, "--method", method, "--batch", "2"], seed].concat());
        let script = format!("import onnx; onnx.checker.check_model('{file}', full_check=True); print('valid')");
        assert_eq!(printed(folder.path(), &script).trim(), "valid", "{method}");
        let ratio =
            fs::metadata(folder.path().join(&file)).unwrap().len() as f64 / fs::metadata(&model).unwrap().len() as f64;
        assert!(ratio < 2.1, "{method}: {ratio} times the classifier's size");
    }
    let seed = "import onnx; print(*[a.f for n in onnx.load('3.onnx').graph.node if n.op_type == 'Loop' \
                for m in n.attribute[0].g.node if m.op_type == 'RandomNormalLike' for a in m.attribute if a.name == 'seed'])";
    // ONNX takes 0 for no seed, so that the file has one more.
    assert_eq!(printed(folder.path(), seed).trim(), "8.0");
}
