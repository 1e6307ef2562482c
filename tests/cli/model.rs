//! `salstream model list` and `inspect`, and the messages about a user's own model.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use crate::data::data;
use crate::program::{assert_refused, ffmpeg, salstream, text};
use onnx_grad::onnx::{
    DataType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    ValueInfoProto,
};
use prost::Message;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::{TempDir, tempdir};

/// A classifier of three classes, the mean of each channel, with the given metadata and some weight.
fn classifier(metadata: &[(&str, &str)]) -> ModelProto {
    let node = |op: &str, from: &str, to: &str| NodeProto::new(op, op, vec![from.into()], vec![to.into()]);
    let graph = GraphProto {
        name: Some("means".into()),
        node: vec![node("GlobalAveragePool", "image", "means"), node("Flatten", "means", "scores")],
        initializer: vec![TensorProto::from_reals("ballast", DataType::Float, &[25_000], &vec![1.0; 25_000])],
        input: vec![ValueInfoProto::fixed("image", DataType::Float, &[1, 3, 8, 8])],
        output: vec![ValueInfoProto::fixed("scores", DataType::Float, &[1, 3])],
        ..Default::default()
    };
    let entry = |(key, value): &(&str, &str)| StringStringEntryProto {
        key: Some(key.to_string()),
        value: Some(value.to_string()),
    };
    ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(17) }],
        producer_name: Some("a test".into()),
        graph: Some(graph),
        metadata_props: metadata.iter().map(entry).collect(),
        ..Default::default()
    }
}

/// The bytes of a small model.
pub fn model() -> Vec<u8> {
    classifier(&[]).encode_to_vec()
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A home folder with ONNX Runtime and no models.
fn home() -> TempDir {
    let home = tempdir().unwrap();
    symlink(salstream::platform::dirs::libraries(), home.path().join("lib")).unwrap();
    fs::create_dir(home.path().join("models")).unwrap();
    home
}

fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = salstream(home);
    command.env("SALSTREAM_HOME", home).args(args);
    command
}

fn succeed(output: Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn inspect(home: &Path, args: &[&str]) -> Value {
    let output = command(home, &[&["model", "inspect", "--json"], args].concat()).output().unwrap();
    serde_json::from_str(&succeed(output)).unwrap()
}

#[test]
fn the_list_says_what_is_here_and_what_auto_takes() {
    let home = home();
    let list = |args: &[&str]| succeed(command(home.path(), &[&["model", "list"], args].concat()).output().unwrap());
    let rows = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let empty = rows(&list(&[]));
    assert!(empty[0].starts_with("NAME") && empty.len() == 7, "{empty:?}");
    assert!(empty[1].contains("salstream setup") && empty[2].contains("model pull resnet50"), "{empty:?}");
    fs::write(home.path().join("models/mine.onnx"), model()).unwrap();
    fs::write(home.path().join("models/mine.toml"), "").unwrap();
    fs::write(home.path().join("models/resnet18.onnx"), "cut off").unwrap();
    let installed = salstream::platform::dirs::models().join("efficientnet-lite0.onnx");
    symlink(&installed, home.path().join("models/efficientnet-lite0.onnx")).unwrap();
    let full = rows(&list(&[]));
    let row = |name: &str| full.iter().find(|row| row.starts_with(name)).unwrap();
    assert!(row("efficientnet-lite0").ends_with("yes, used by auto") && row("mine ").ends_with("yes"), "{full:?}");
    assert!(row("resnet18").contains("damaged") && full.len() == 8, "{full:?}");
    let json: Vec<Value> = serde_json::from_str(&list(&["--json"])).unwrap();
    let auto: Vec<_> = json.iter().filter(|row| row["auto"] == true).map(|row| &row["name"]).collect();
    assert_eq!((auto, json.len()), (vec![&Value::from("efficientnet-lite0")], 7));
    assert_eq!((&json[1]["bytes"], &json[1]["installed"]), (&102_576_593.into(), &"no".into()));
}

#[test]
fn a_model_of_ones_own_is_found_by_its_name_with_its_sidecar() {
    let home = home();
    let at = home.path();
    fs::write(at.join("models/mine.onnx"), model()).unwrap();
    fs::write(at.join("models/mine.toml"), "preprocess = 'unit'\nlabels = ['red', 'green', 'blue']\n").unwrap();
    ffmpeg(at, "-f lavfi -i color=c=0x00ff00:size=64x48 -frames:v 1 green.png");
    let run = |args: &[&str]| command(at, &[&["run", "green.png", "-y", "--device", "cpu"], args].concat()).output();
    let output = run(&["--model", "mine", "--records", "green.jsonl"]).unwrap();
    let notes = text(&output.stderr);
    succeed(output);
    assert!(notes.contains("mine: takes unit pixels, from ") && notes.contains("class names from "), "{notes}");
    let record: Value = serde_json::from_str(&fs::read_to_string(at.join("green.jsonl")).unwrap()).unwrap();
    assert_eq!(record["label"], "green");
    for (sidecar, words) in [
        ("labels = ['red']", &["mine.toml", "1 names", "3 classes"][..]),
        ("colour = 'RGB'", &["mine.toml", "line 1", "`colour`"]),
        ("size = [224, 224]", &["mine.toml", "224x224", "8x8"]),
        ("labels = 'none.txt'", &["none.txt"]),
    ] {
        fs::write(at.join("models/mine.toml"), sidecar).unwrap();
        assert_refused(&run(&["--model", "mine"]).unwrap(), 1, words);
    }
    assert_refused(&run(&["--model", "other"]).unwrap(), 2, &["other", "resnet50", "mine"]);
}

#[test]
fn inspect_says_what_a_file_holds_and_who_says_so() {
    let home = home();
    let at = home.path();
    let metadata = [("task", "classify"), ("names", "{0: 'cat', 1: 'dog', 2: 'cow'}")];
    fs::write(at.join("own.onnx"), classifier(&metadata).encode_to_vec()).unwrap();
    let report = inspect(at, &["own.onnx"]);
    assert_eq!(report["inputs"][0]["shape"], serde_json::json!(["1", "3", "8", "8"]));
    assert_eq!((&report["outputs"][0]["name"], &report["outputs"][0]["type"]), (&"scores".into(), &"float".into()));
    assert_eq!((&report["opsets"][0]["version"], &report["ir_version"]), (&17.into(), &8.into()));
    assert_eq!((&report["producer"], &report["parameters"]), (&"a test".into(), &25_000.into()));
    assert_eq!((&report["operators"][0]["nodes"], &report["operators"][0]["gradient"]), (&1.into(), &"rule".into()));
    assert_eq!((&report["pixels"]["recipe"], &report["classes"]["names"][1]), (&"unit".into(), &"dog".into()));
    assert_eq!(report["pixels"]["origin"], "from the file's metadata (task)");
    assert_eq!(report["gradient"]["state"], "possible");
    let flagged = inspect(at, &["own.onnx", "--preprocess", "caffe"]);
    assert_eq!(
        (&flagged["pixels"]["channels"], &flagged["pixels"]["origin"]),
        (&"BGR".into(), &"from --preprocess".into())
    );
    let output = command(at, &["model", "inspect", "own.onnx"]).output().unwrap();
    let shown = succeed(output);
    for words in ["image: float 1 x 3 x 8 x 8", "Flatten", "rule", "unit, from", "3: cat, dog, cow;", "can be computed"]
    {
        assert!(shown.contains(words), "no '{words}' in {shown}");
    }
}

#[test]
fn a_sidecar_fixes_the_size_of_a_model_that_takes_any_unless_a_flag_does() {
    let home = home();
    let at = home.path();
    let mut free = classifier(&[]);
    for node in &mut free.graph.as_mut().unwrap().input {
        // No size is fixed except the number of channels.
        *node = ValueInfoProto::fixed("image", DataType::Float, &[0, 3, 0, 0]);
    }
    fs::write(at.join("free.onnx"), free.encode_to_vec()).unwrap();
    let notes = |args: &[&str]| inspect(at, args)["notes"].to_string();
    assert!(notes(&["free.onnx"]).contains("fixed at 224x224"));
    fs::write(at.join("free.toml"), "size = [16, 24]").unwrap();
    for args in [&["free.onnx"][..], &["free.onnx", "--size", "32x8"]] {
        assert!(!notes(args).contains("fixed at"), "{}", notes(args));
    }
    ffmpeg(at, "-f lavfi -i testsrc2=size=64x48 -frames:v 1 in.png");
    let run = ["run", "in.png", "--model", "free.onnx", "--device", "cpu"];
    succeed(command(at, &run).output().unwrap());
}

#[test]
fn inspect_tells_a_gradient_model_and_why_a_gradient_cannot_be_had() {
    let home = home();
    let at = home.path();
    fs::write(at.join("own.onnx"), model()).unwrap();
    succeed(command(at, &["model", "grad", "own.onnx", "grad.onnx"]).output().unwrap());
    let report = inspect(at, &["grad.onnx"]);
    assert_eq!((&report["gradient"]["state"], &report["gradient"]["method"]), (&"included".into(), &"gradient".into()));
    assert_eq!(report["gradient"]["source_sha256"], sha256(&model()));

    let mut foreign = classifier(&[]);
    foreign.graph.as_mut().unwrap().node[0].op_type = Some("NoSuchOperator\u{1b}[31m".into());
    fs::write(at.join("odd.onnx"), foreign.encode_to_vec()).unwrap();
    let report = inspect(at, &["odd.onnx"]);
    assert_eq!(report["gradient"]["state"], "impossible");
    assert!(report["gradient"]["reason"].as_str().unwrap().contains("NoSuchOperator"), "{report}");
    // The file's declarations are still shown, and control characters in its names do not reach the terminal.
    assert_eq!((&report["classes"]["count"], &report["operators"][1]["gradient"]), (&3.into(), &"none".into()));
    let shown = succeed(command(at, &["model", "inspect", "odd.onnx"]).output().unwrap());
    assert!(shown.contains("no rule") && !shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn inspect_works_without_onnx_runtime_and_refuses_what_is_no_model() {
    let home = home();
    let at = home.path();
    fs::write(at.join("own.onnx"), model()).unwrap();
    fs::write(at.join("text.onnx"), "no model\n").unwrap();
    fs::write(at.join("empty.onnx"), "").unwrap();
    let output =
        command(at, &["model", "inspect", "own.onnx", "--json"]).env("ORT_DYLIB_PATH", "/no/such.so").output().unwrap();
    let report: Value = serde_json::from_str(&succeed(output)).unwrap();
    assert_eq!((&report["gradient"]["state"], &report["classes"]["count"]), (&"not_tried".into(), &3.into()));
    assert!(report["gradient"]["reason"].as_str().unwrap().contains("/no/such.so"), "{report}");
    let refused = |args: &[&str], status, words: &[&str]| {
        let output = command(at, &[&["model", "inspect"], args].concat()).output().unwrap();
        assert_refused(&output, status, words);
    };
    refused(&["text.onnx"], 1, &["text.onnx", "not an ONNX model"]);
    refused(&["empty.onnx"], 1, &["empty.onnx", "empty"]);
    refused(&["missing.onnx"], 1, &["missing.onnx", "No such file"]);
    refused(&["no-such-model"], 2, &["no-such-model", "resnet50"]);
    refused(&["own.onnx", "--labels", "text.onnx"], 1, &["text.onnx", "1 lines", "3 classes"]);
}

#[test]
#[ignore = "needs the test data"]
fn inspect_reads_real_models() {
    let home = home();
    for (name, operator) in
        [("mobilenet_v2_1.0_224_tf2ptq_dequant_fp32", "Conv"), ("squeezenet_v1.0_deepcompression_fp32", "Conv")]
    {
        let path = data(&format!("models/{name}.onnx")).canonicalize().unwrap();
        let report = inspect(home.path(), &[path.to_str().unwrap()]);
        assert_eq!((&report["operators"][0]["name"], &report["classes"]["count"]), (&operator.into(), &1000.into()));
        assert_eq!(
            (&report["gradient"]["state"], &report["pixels"]["origin"]),
            (&"possible".into(), &"a guess".into())
        );
    }
}
