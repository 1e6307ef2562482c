//! The heads of classifiers: which output has the scores, what their probabilities are, and which targets there are.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::data::data;
use crate::program::{assert_refused, ffmpeg, names, salstream, text};
use onnx_grad::onnx::{
    AttributeProto as A, DataType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto,
};
use prost::Message;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

/// Two convolutions, and a linear layer for each head: its name, its classes and the operator that ends it.
fn model(heads: &[(&str, usize, Option<&str>)], bias: f64) -> ModelProto {
    let mut state = 1u32;
    let mut weights = |name: &str, shape: &[usize]| {
        let values: Vec<f64> = (0..shape.iter().product())
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f64::from(state) / f64::from(u32::MAX) - 0.5
            })
            .collect();
        TensorProto::from_reals(name, DataType::Float, shape, &values)
    };
    let node = |op: &str, inputs: &[&str], output: &str, attribute: Vec<A>| {
        let inputs = inputs.iter().map(|input| input.to_string()).collect();
        NodeProto { attribute, ..NodeProto::new(op, output, inputs, vec![output.into()]) }
    };
    let biases = TensorProto::from_reals("biases", DataType::Float, &[8], &[bias; 8]);
    let mut initializer = vec![weights("first", &[8, 3, 3, 3]), biases, weights("second", &[10, 8, 3, 3])];
    let strided = || vec![A::ints("strides", &[2, 2])];
    let mut nodes = vec![
        node("Conv", &["image", "first", "biases"], "a", strided()),
        node("Relu", &["a"], "b", vec![]),
        node("Conv", &["b", "second"], "c", strided()),
        node("Relu", &["c"], "d", vec![]),
        node("GlobalAveragePool", &["d"], "e", vec![]),
        node("Flatten", &["e"], "f", vec![]),
    ];
    for (name, classes, end) in heads {
        let matrix = format!("{name}_matrix");
        initializer.push(weights(&matrix, &[10, *classes]));
        let made = if end.is_some() { format!("{name}_logits") } else { name.to_string() };
        nodes.push(node("MatMul", &["f", &matrix], &made, vec![]));
        nodes.extend(end.map(|op| node(op, &[&made], name, vec![])));
    }
    let output = |(name, _, _): &(&str, usize, Option<&str>)| ValueInfoProto {
        name: Some(name.to_string()),
        ..Default::default()
    };
    let graph = GraphProto {
        name: Some("small".into()),
        node: nodes,
        initializer,
        input: vec![ValueInfoProto::fixed("image", DataType::Float, &[1, 3, 32, 32])],
        output: heads.iter().map(output).collect(),
        ..Default::default()
    };
    ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(17) }],
        graph: Some(graph),
        ..Default::default()
    }
}

/// A folder with a picture and the model `m.onnx`.
fn folder(model: &ModelProto) -> TempDir {
    let folder = tempdir().unwrap();
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=s=64x48 -frames:v 1 p.png");
    fs::write(folder.path().join("m.onnx"), model.encode_to_vec()).unwrap();
    folder
}

fn run(at: &Path, args: &[&str]) -> Output {
    let mut command = salstream(at);
    command.args(["run", "p.png", "--model", "m.onnx", "--device", "cpu", "--precision", "f32", "--raw"]);
    command.args(["-y", "-o", "out.png", "--records", "r.jsonl"]).args(args);
    command.output().unwrap()
}

/// The record of the picture.
fn record(at: &Path, args: &[&str]) -> Value {
    let output = run(at, args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_str(fs::read_to_string(at.join("r.jsonl")).unwrap().lines().next().unwrap()).unwrap()
}

fn number(record: &Value, key: &str) -> f64 {
    record[key].as_f64().unwrap_or_else(|| panic!("no {key} in {record}"))
}

fn verify(at: &Path, args: &[&str]) -> Output {
    let fixed = ["model", "verify", "m.onnx", "--device", "cpu"];
    salstream(at).args([&fixed, args].concat()).output().unwrap()
}

#[test]
fn one_score_is_a_yes_or_no_with_an_honest_probability() {
    for end in [None, Some("Sigmoid")] {
        let folder = folder(&model(&[("y", 1, end)], 0.0));
        let at = folder.path();
        let [yes, no, not] = ["positive", "0", "-positive"].map(|target| record(at, &["--target", target]));
        let p = 1.0 / (1.0 + (-number(&yes, "logit")).exp());
        assert!((number(&yes, "probability") - p).abs() < 1e-5, "{yes}");
        for (other, label) in [(&no, "negative"), (&not, "not positive")] {
            assert_eq!(other["label"], label);
            assert!((number(other, "probability") + p - 1.0).abs() < 1e-5, "{other}");
            assert!((number(other, "logit") + number(&yes, "logit")).abs() < 1e-5, "{other}");
        }
        fs::write(at.join("names.txt"), "cat\ndog\n").unwrap();
        assert_eq!(record(at, &["--labels", "names.txt", "--target", "dog"])["class"], 1);
        let notes = text(&run(at, &[]).stderr);
        assert!(notes.contains("yes-no question"), "{notes}");
        assert!(verify(at, &[]).status.success(), "{}", text(&verify(at, &[]).stdout));
    }
}

#[test]
fn classes_that_do_not_exclude_each_other_have_a_sigmoid_each() {
    let folder = folder(&model(&[("labels", 5, Some("Sigmoid"))], 0.0));
    let total: f64 = (0..5)
        .map(|class| {
            let record = record(folder.path(), &["--target", &class.to_string()]);
            let sigmoid = 1.0 / (1.0 + (-number(&record, "logit")).exp());
            assert!((number(&record, "probability") - sigmoid).abs() < 1e-5, "{record}");
            sigmoid
        })
        .sum();
    assert!((total - 1.0).abs() > 0.1, "not a Softmax");
}

#[test]
fn scores_without_probabilities_show_none_and_say_so() {
    let folder = folder(&model(&[("y", 5, Some("Tanh"))], 0.0));
    let at = folder.path();
    assert_eq!(record(at, &[])["probability"], Value::Null);
    let notes = text(&run(at, &[]).stderr);
    assert!(notes.contains("no percentages"), "{notes}");
    assert_refused(&run(at, &["--explain", "probability"]), 1, &["m.onnx", "--explain logit"]);
}

#[test]
fn the_probability_is_explained_on_demand() {
    let folder = folder(&model(&[("y", 5, Some("Softmax"))], 0.0));
    let at = folder.path();
    let gradient = |args: &[&str]| number(&record(at, &[&["--target", "2"], args].concat()), "gradient_mean");
    let (logit, probability) = (gradient(&[]), gradient(&["--explain", "probability"]));
    assert!(probability > 0.0 && probability < 0.5 * logit, "{logit} {probability}");
    let output = verify(at, &["--explain", "probability"]);
    assert!(output.status.success(), "{}", text(&output.stdout));
    for explain in ["logit", "probability"] {
        let made =
            salstream(at).args(["model", "grad", "-y", "m.onnx", "g.onnx", "--explain", explain]).output().unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
        let output = salstream(at).args(["model", "verify", "g.onnx", "--device", "cpu"]).output().unwrap();
        assert!(output.status.success(), "{explain}: {}", text(&output.stdout));
    }
    let made = salstream(at).args(["model", "grad", "-y", "m.onnx", "g.onnx"]).output().unwrap();
    assert!(made.status.success());
    let output = salstream(at).args(["model", "verify", "g.onnx", "--explain", "probability"]).output().unwrap();
    assert_refused(&output, 1, &["g.onnx", "gradient model of the logit"]);
}

#[test]
fn the_opposite_of_a_class_has_the_negative_gradient() {
    let folder = folder(&model(&[("y", 5, Some("Softmax"))], 0.0));
    let at = folder.path();
    fs::write(at.join("names.txt"), "cat\ndog\nbird\nfish\n-x\n").unwrap();
    let found = |target: &str| record(at, &["--labels", "names.txt", "--target", target]);
    let (dog, not) = (found("dog"), found("-dog"));
    assert_eq!((&not["label"], &not["class"]), (&Value::from("not dog"), &Value::from(1)));
    assert_eq!(number(&not, "logit"), -number(&dog, "logit"));
    assert!((number(&not, "probability") + number(&dog, "probability") - 1.0).abs() < 1e-5);
    assert_eq!(found("-x")["label"], "-x");
}

#[test]
fn targets_that_are_no_classes_are_refused_by_every_command() {
    let folder = folder(&model(&[("y", 5, None)], 0.0));
    let at = folder.path();
    ffmpeg(at, "-f lavfi -i testsrc2=s=64x48:d=0.2 v.mp4");
    for (target, words) in [
        ("5", &["--target 5", "0 to 4"][..]),
        ("-3", &["--target -3", "0 to 4", "'-class 3'"]),
        ("-7", &["--target -7", "0 to 4"]),
        ("-bird", &["'bird'", "no such class"]),
    ] {
        assert_refused(&run(at, &["--target", target]), 2, words);
        let common = ["--model", "m.onnx", "--device", "cpu", "--precision", "f32", "--target", target];
        for command in [&["batch", "v.mp4", "-o", "out"][..], &["live", "v.mp4", "--serve", "127.0.0.1:0"]] {
            let output = salstream(at).args([command, &common].concat()).output().unwrap();
            assert_refused(&output, 2, words);
        }
    }
    assert_eq!(names(at), ["m.onnx", "out", "p.png", "v.mp4"]);
}

#[test]
fn a_choice_between_outputs_is_explained_or_left_to_the_user() {
    let folder = folder(&model(&[("bbox", 4, None), ("class_logits", 5, None)], 0.0));
    let at = folder.path();
    let notes = text(&run(at, &[]).stderr);
    for word in ["class_logits", "bbox", "like boxes", "--scores NAME"] {
        assert!(notes.contains(word), "no {word} in: {notes}");
    }
    let shown = salstream(at).args(["model", "inspect", "m.onnx"]).output().unwrap();
    let shown = text(&shown.stdout);
    assert!(shown.contains("scores      bbox: 1 x 4, not used: named like boxes"), "{shown}");
    assert!(shown.contains("scores      class_logits: 1 x 5, used: named like class scores"), "{shown}");
    fs::write(at.join("m.onnx"), model(&[("age", 7, None), ("mood", 5, None)], 0.0).encode_to_vec()).unwrap();
    assert_refused(&run(at, &[]), 1, &["m.onnx", "age [1, 7]", "mood [1, 5]", "--scores age"]);
    assert_eq!(record(at, &["--scores", "mood"])["class"].as_u64().map(|class| class < 5), Some(true));
    // As many names as one output has classes are a reason, wherever they stand.
    fs::write(at.join("m.toml"), "labels = ['a', 'b', 'c', 'd', 'e']\n").unwrap();
    let notes = text(&run(at, &[]).stderr);
    assert!(notes.contains("taken from mood [1, 5] (as many classes as there are names"), "{notes}");
}

#[test]
fn verify_skips_what_it_cannot_judge_and_fails_what_is_wrong() {
    let folder = folder(&model(&[("y", 5, Some("Softmax"))], -1e3));
    let at = folder.path();
    let output = verify(at, &[]);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(shown.contains("skipped: finite differences: the gradient is 0, and the score does not change"), "{shown}");
    for (factor, words) in [(0.0, "the gradient is 0, but"), (1.3, "% off"), (-1.0, "% off")] {
        broken(at, factor);
        let output = salstream(at).args(["model", "verify", "g.onnx", "--device", "cpu"]).output().unwrap();
        let shown = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{factor}: {shown}{}", text(&output.stderr));
        assert!(shown.contains("FAIL: finite differences") && shown.contains(words), "{factor}: {shown}");
    }
}

/// Models of the test data, the exit status of `verify`, and words of its output or error.
const CASES: &[(&str, &[&str], i32, &[&str])] = &[
    ("argmax_only", &[], 0, &["l [1, 5]", "its ArgMax"]),
    ("argmax_first_then_probs", &[], 0, &["pass: finite differences"]),
    ("binary_sigmoid", &[], 0, &["yes-no question", "pass: finite differences"]),
    ("saturated_sigmoid", &[], 0, &["pass: finite differences", "pass: two pictures"]),
    ("dead_relu", &[], 0, &["skipped: finite differences", "does not change with the picture"]),
    ("nhwc_float_norm", &[], 0, &["skipped: two pictures", "linear"]),
    ("qdq_int8", &[], 0, &["finite differences", "skipped: random weights"]),
    ("zipmap", &[], 0, &["p [1, 5]", "its ZipMap"]),
    ("sequence_output", &[], 0, &["l [1, 5]", "its SequenceConstruct"]),
    ("two_heads_box_first", &[], 0, &["class_logits", "not from bbox"]),
    ("detector_nms", &[], 1, &["--scores 'scs[:,:,*]'"]),
    ("detector_nms", &["--scores", "scs[:,:,*]"], 0, &["pass: finite differences"]),
    ("detector_two_outputs", &["--scores", "confidences[:,*,:]"], 0, &["pass: finite differences"]),
];

#[test]
#[ignore = "needs the test data"]
fn models_of_public_issues_are_right_or_refused_with_a_way_out() {
    for (name, flags, status, words) in CASES {
        let path = data(&format!("cases/onnx/models/{name}.onnx"));
        let args = [&["model", "verify", path.to_str().unwrap(), "--device", "cpu"], *flags].concat();
        let output = salstream(Path::new(".")).args(args).output().unwrap();
        let shown = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(*status), "{name}: {shown}");
        words.iter().for_each(|word| assert!(shown.contains(word), "{name}: no {word} in {shown}"));
    }
}

/// Writes a gradient model whose gradient is `factor` times the right one.
fn broken(at: &Path, factor: f64) {
    fs::write(at.join("m.onnx"), model(&[("y", 5, Some("Softmax"))], 0.0).encode_to_vec()).unwrap();
    let made = salstream(at).args(["model", "grad", "-y", "m.onnx", "g.onnx"]).output().unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let mut made = onnx_grad::load(&at.join("g.onnx")).unwrap();
    let graph = made.graph.as_mut().unwrap();
    let last = graph.node.iter_mut().find(|node| node.output[0] == "gradient").unwrap();
    last.output[0] = "right".into();
    graph.initializer.push(TensorProto::from_reals("factor", DataType::Float, &[], &[factor]));
    graph.node.push(NodeProto::new("Mul", "wrong", vec!["right".into(), "factor".into()], vec!["gradient".into()]));
    fs::write(at.join("g.onnx"), made.encode_to_vec()).unwrap();
}
