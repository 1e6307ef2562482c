//! `salstream model grad` and `verify`, and the flags that select what is explained.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::data::data;
use crate::program::{assert_refused, ffmpeg, names, probe, salstream, text};
use onnx_grad::onnx::{
    self, AttributeProto as A, DataType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto,
};
use prost::Message;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

/// A network of two convolutions with random weights. It takes pictures of any size and has five classes at each of two
/// places.
fn network() -> ModelProto {
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
    let initializer = vec![weights("first", &[8, 3, 3, 3]), weights("second", &[10, 8, 3, 3])];
    let sizes = TensorProto::from_integers("sizes", &[3], &[0, 2, 5]);
    let node = |op: &str, inputs: &[&str], output: &str, attribute: Vec<A>| {
        let inputs = inputs.iter().map(|input| input.to_string()).collect();
        NodeProto { attribute, ..NodeProto::new(op, output, inputs, vec![output.into()]) }
    };
    let padded = || vec![A::ints("pads", &[1, 1, 1, 1])];
    let mut image = ValueInfoProto::fixed("image", DataType::Float, &[1, 3, 0, 0]);
    // A size of 0 means that the size is not fixed.
    image.name = Some("image".into());
    let graph = GraphProto {
        name: Some("small".into()),
        node: vec![
            node("Conv", &["image", "first"], "a", padded()),
            node("Relu", &["a"], "b", vec![]),
            node("Conv", &["b", "second"], "c", padded()),
            node("Relu", &["c"], "d", vec![]),
            node("GlobalAveragePool", &["d"], "e", vec![]),
            node("Reshape", &["e", "sizes"], "tokens", vec![]),
        ],
        initializer: [initializer, vec![sizes]].concat(),
        input: vec![image],
        output: vec![ValueInfoProto::named("tokens")],
        ..Default::default()
    };
    ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(17) }],
        graph: Some(graph),
        ..Default::default()
    }
}

fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("net.onnx"), network().encode_to_vec()).unwrap();
    fs::write(folder.path().join("names.txt"), "ant\nbee\ncow\ndog\neel\n").unwrap();
    folder
}

fn run(folder: &Path, args: &str) -> Output {
    salstream(folder).args(args.split_whitespace()).output().unwrap()
}

fn succeed(folder: &Path, args: &str) -> String {
    let output = run(folder, args);
    assert!(output.status.success(), "{args}: {}", text(&output.stderr));
    text(&output.stderr)
}

#[test]
fn what_the_file_leaves_open_is_settled_by_flags() {
    let folder = folder();
    let at = folder.path();
    assert_refused(&run(at, "model grad net.onnx g.onnx"), 1, &["no output [N, classes]", "tokens", "--scores"]);
    let said = succeed(at, "model grad net.onnx g.onnx --output tokens[:,1,:]");
    assert!(said.contains("any size; fixed at 224x224"), "{said}");
    let shape = |file: &str| {
        let model = onnx::load(&at.join(file)).unwrap();
        model.graph.unwrap().output[2].tensor().unwrap().1
    };
    assert_eq!(shape("g.onnx"), [1, 3, 224, 224].map(Some));
    succeed(at, "model grad net.onnx s.onnx --output tokens[:,*,:] --size 40x24 --batch 3");
    assert_eq!(shape("s.onnx"), [3, 3, 24, 40].map(Some));
    for (index, words) in [
        ("tokens[:,2,:]", "index 2 is out of range for axis 1"),
        ("tokens[:,:]", "has 3 axes"),
        ("logits", "no output logits"),
        ("tokens", "not [N, classes]"),
    ] {
        assert_refused(&run(at, &format!("model grad net.onnx t.onnx --output {index}")), 1, &[words]);
    }
    let wrong = run(at, "model grad net.onnx t.onnx --output tokens[:,x,:]");
    assert!(wrong.status.code() == Some(2) && text(&wrong.stderr).contains("tokens[:,x,:] is not an output"));
    assert_refused(&run(at, "model grad s.onnx t.onnx"), 1, &["is already a gradient model"]);
    assert_eq!(names(at), ["g.onnx", "names.txt", "net.onnx", "s.onnx"]);
}

#[test]
fn results_are_not_overwritten_unasked() {
    let folder = folder();
    let at = folder.path();
    let grad = |rest: &str| run(at, &format!("model grad net.onnx {rest} --output tokens[:,0,:] --size 16"));
    assert!(grad("out.onnx").status.success());
    assert_refused(&grad("out.onnx"), 2, &["out.onnx", "already exists"]);
    assert!(grad("out.onnx -y").status.success());
    assert_refused(&grad("net.onnx -y"), 2, &["is the input itself"]);
    fs::hard_link(at.join("net.onnx"), at.join("hard.onnx")).unwrap();
    assert_refused(&grad("hard.onnx -y"), 2, &["is the input itself"]);
    assert_refused(&grad("missing/out.onnx"), 1, &["no such folder"]);
}

#[test]
fn weights_in_half_precision_take_half_the_space_and_say_nearly_the_same() {
    let folder = folder();
    let at = folder.path();
    succeed(at, "model grad net.onnx full.onnx --output tokens[:,0,:] --size 16");
    succeed(at, "model grad net.onnx half.onnx --output tokens[:,0,:] --size 16 --precision f16");
    let weights = |file: &str| {
        let graph = onnx::load(&at.join(file)).unwrap().graph.unwrap();
        let tensor = graph.initializer.into_iter().find(|tensor| tensor.name().starts_with("second")).unwrap();
        (tensor.raw_data().len(), tensor.reals().unwrap())
    };
    let ((size, exact), (half_size, half)) = (weights("full.onnx"), weights("half.onnx"));
    assert_eq!(size, 2 * half_size);
    assert!(exact.iter().zip(&half).all(|(a, b)| (a - b).abs() < 1e-3));
    let (status, found) = checks(at, "half.onnx");
    assert_eq!((status, verdict(&found, "finite differences").0), (Some(0), "pass"));
}

fn checks(folder: &Path, args: &str) -> (Option<i32>, Vec<Value>) {
    let output = run(folder, &format!("model verify {args} --json --device cpu"));
    let found = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    (output.status.code(), found)
}

fn verdict<'a>(checks: &'a [Value], name: &str) -> (&'a str, f64) {
    let check = checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}: {checks:?}"));
    (check["verdict"].as_str().unwrap(), check["value"].as_f64().unwrap_or(f64::NAN))
}

#[test]
fn verify_passes_a_sound_model_and_knows_the_weakness_of_guided_backpropagation() {
    let folder = folder();
    let asked = "net.onnx --output tokens[:,0,:] --size 32";
    let (status, found) = checks(folder.path(), asked);
    for name in ["finite differences", "two pictures", "two classes", "random weights", "device"] {
        assert_eq!(verdict(&found, name).0, "pass", "{found:?}");
    }
    assert_eq!(status, Some(0));
    assert!(verdict(&found, "finite differences").1 < 0.01);
    assert!(["pass", "known"].contains(&verdict(&found, "random weights, guided").0));
    let (_, path) = checks(folder.path(), &format!("{asked} --method integrated-gradients --samples 64"));
    assert!(verdict(&path, "completeness").1 < 0.02, "{path:?}");
    let shown = text(&run(folder.path(), &format!("model verify {asked} --device cpu")).stdout);
    assert!(shown.starts_with("pass: finite differences: ") && shown.lines().count() == found.len(), "{shown}");
}

#[test]
fn verify_fails_a_map_that_is_always_the_same() {
    let folder = folder();
    let at = folder.path();
    succeed(at, "model grad net.onnx same.onnx --output tokens[:,0,:] --size 32");
    let mut made = onnx::load(&at.join("same.onnx")).unwrap();
    let graph = made.graph.as_mut().unwrap();
    graph.node.iter_mut().find(|node| node.output[0] == "gradient").unwrap().output[0] = "right".into();
    let pattern: Vec<f64> = (0..3 * 32 * 32).map(f64::from).collect();
    graph.initializer.push(TensorProto::from_reals("zero", DataType::Float, &[], &[0.0]));
    graph.initializer.push(TensorProto::from_reals("pattern", DataType::Float, &[1, 3, 32, 32], &pattern));
    graph.node.push(NodeProto::new("Mul", "none", vec!["right".into(), "zero".into()], vec!["none".into()]));
    graph.node.push(NodeProto::new("Add", "same", vec!["none".into(), "pattern".into()], vec!["gradient".into()]));
    fs::write(at.join("same.onnx"), made.encode_to_vec()).unwrap();
    let (status, found) = checks(at, "same.onnx");
    assert_eq!((status, verdict(&found, "two pictures").0), (Some(1), "fail"), "{found:?}");
    assert_eq!(verdict(&found, "finite differences").0, "fail", "{found:?}");
}

#[test]
fn verify_knows_that_one_map_is_right_for_every_picture_of_a_linear_model() {
    let folder = folder();
    let mut model = network();
    let graph = model.graph.as_mut().unwrap();
    // Without its Relus the network is linear, so its gradient is the same for every picture.
    graph.node.retain(|node| node.op_type() != "Relu");
    graph.node[1].input[0] = "a".into();
    graph.node[2].input[0] = "c".into();
    fs::write(folder.path().join("net.onnx"), model.encode_to_vec()).unwrap();
    let (status, found) = checks(folder.path(), "net.onnx --output tokens[:,0,:] --size 32");
    assert_eq!((status, verdict(&found, "two pictures").0), (Some(0), "skipped"), "{found:?}");
    assert_eq!(verdict(&found, "finite differences").0, "pass");
}

/// Two seconds of a moving pattern.
fn clip(folder: &Path) {
    ffmpeg(folder, "-f lavfi -i testsrc2=size=96x64:rate=10:duration=2 -pix_fmt yuv420p clip.mp4");
}

const NET: &str = "--model net.onnx --scores tokens[:,0,:] --size 32 --labels names.txt --device cpu -q -y";

#[test]
fn every_method_makes_a_video_and_the_maps_differ() {
    let folder = folder();
    clip(folder.path());
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for method in [
        "gradient",
        "input-x-gradient",
        "smoothgrad --samples 4",
        "smoothgrad-squared --samples 4",
        "vargrad --samples 4 --noise 0.3",
        "integrated-gradients --samples 8 --baseline blurred",
        "guided",
        "grad-cam",
        "grad-cam++ --layer b",
        "guided-grad-cam",
    ] {
        let maps = format!("maps{}", seen.len());
        let rest = format!("--maps {maps} --map static --map-format npy --raw --duration 0.3 --method {method}");
        succeed(folder.path(), &format!("run clip.mp4 -o out.mp4 {NET} {rest}"));
        assert_eq!(probe(&folder.path().join("out.mp4"), "v", "stream=nb_read_packets"), "3", "{method}");
        let map = fs::read(folder.path().join(maps).join("000001.npy")).unwrap();
        assert!(!seen.contains(&map), "{method} gives the map of another method");
        seen.push(map);
    }
}

#[test]
fn flags_that_a_method_does_not_know_are_refused() {
    let folder = folder();
    let refused = |args: &str, words: &[&str]| {
        assert_refused(&run(folder.path(), &format!("run clip.mp4 {NET} {args}")), 2, words);
    };
    refused("--method gradient --samples 4", &["--samples is for --method smoothgrad"]);
    refused("--method guided --noise 0.1", &["--noise is for"]);
    refused("--method grad-cam --baseline black", &["--baseline is for"]);
    refused("--method smoothgrad --layer a", &["--layer is for"]);
    refused("--target 1 --target 2", &["--layout grid"]);
}

#[test]
fn several_classes_have_a_map_each() {
    let folder = folder();
    clip(folder.path());
    let grid = |rest: &str| {
        succeed(folder.path(), &format!("run clip.mp4 -o out.mp4 {NET} --layout grid --duration 0.3 {rest}"));
        let size = |side: &str| probe(&folder.path().join("out.mp4"), "v", &format!("stream={side}"));
        (size("width"), size("height"))
    };
    assert_eq!(grid("--target cow"), ("192".into(), (128 + 48).to_string()));
    assert_eq!(grid("--target cow --target 4 --target ant"), ("288".into(), (128 + 48).to_string()));
    let wrong = run(folder.path(), &format!("run clip.mp4 -o no.mp4 {NET} --layout grid --target cow --target top1"));
    assert_refused(&wrong, 2, &["must be ids or names"]);
    let close = run(folder.path(), &format!("run clip.mp4 -o no.mp4 {NET} --layout grid --target cow --target antt"));
    assert_refused(&close, 2, &["antt", "ant"]);
}

#[test]
fn the_energies_are_drawn_over_time() {
    let folder = folder();
    let at = folder.path();
    // A still picture, another still picture after one second, and no motion.
    let cut = "-f lavfi -i testsrc2=size=96x64:rate=10:duration=2 -vf trim=end_frame=1,loop=9:1,setpts=N/10/TB";
    ffmpeg(at, &format!("{cut} a.mp4"));
    ffmpeg(at, &format!("{cut},negate,hflip b.mp4"));
    fs::write(at.join("list.txt"), "file a.mp4\nfile b.mp4\n").unwrap();
    ffmpeg(at, "-f concat -i list.txt -r 10 clip.mp4");
    succeed(at, &format!("run clip.mp4 -o out.mkv {NET} --crf 0 --no-label --layout timeline --timeline line.png"));
    let size = |file: &str, side: &str| probe(&at.join(file), "v", &format!("stream={side}"));
    assert_eq!((size("out.mkv", "width"), size("out.mkv", "height")), ("96".into(), (64 + 48).to_string()));
    assert_eq!(size("line.png", "width"), "1920");
    // The strip of the last frame is dark, and the cut, 0.9 s of 10 s before the right end, is a white line in it.
    ffmpeg(at, "-i out.mkv -vf select=eq(n\\,19),crop=96:48:0:64,format=gray -frames:v 1 -f rawvideo strip.gray");
    let strip = fs::read(at.join("strip.gray")).unwrap();
    let marks: Vec<usize> = (0..96).filter(|x| (6..20).all(|y| strip[y * 96 + x] > 180)).collect();
    assert_eq!(strip.len(), 96 * 48);
    assert!(strip.iter().filter(|&&grey| grey < 40).count() > 96 * 24, "the strip does not have a dark background");
    // The axis has 90 columns, starting at the fourth: 4 + 89 x 9.1 / 10.
    assert_eq!(marks, [85]);

    let again = run(at, "run clip.mp4 -o new.mp4 --model missing.onnx --timeline line.png");
    assert_refused(&again, 2, &["line.png", "already exists"]);
    let other = run(at, "run clip.mp4 -o new.mp4 --model missing.onnx --timeline line.pdf");
    assert_refused(&other, 2, &["line.pdf", "unknown image format"]);
    for args in ["--timeline still.png", "--layout timeline"] {
        assert_refused(&run(at, &format!("run line.png -o new.png {args}")), 2, &["a timeline is for clips"]);
    }
}

#[test]
#[ignore = "needs the test data"]
fn the_most_frequent_class_is_explained_throughout() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    // One second of an owl, then three seconds of a parrot.
    for (name, seconds) in [("coral_owl", 1), ("coral_parrot", 3)] {
        let photo = data(&format!("photos/{name}.jpg"));
        let scale = "scale=320:240,setsar=1";
        ffmpeg(
            at,
            &format!("-loop 1 -t {seconds} -i {} -r 4 -vf {scale} -pix_fmt yuv420p {name}.mp4", photo.display()),
        );
    }
    fs::write(at.join("list.txt"), "file coral_owl.mp4\nfile coral_parrot.mp4\n").unwrap();
    ffmpeg(at, "-f concat -i list.txt -c copy both.mp4");
    let classes = |target: &str| {
        succeed(at, &format!("run both.mp4 -o out.mp4 -q -y --records r.jsonl --target {target}"));
        let records = fs::read_to_string(at.join("r.jsonl")).unwrap();
        let class = |line: &str| serde_json::from_str::<Value>(line).unwrap()["class"].as_u64();
        let mut classes: Vec<_> = records.lines().map(class).collect();
        classes.dedup();
        classes
    };
    let (first, most) = (classes("locked"), classes("frequent"));
    assert_eq!((first.len(), most.len()), (1, 1));
    assert_ne!(first, most);
    assert_eq!(classes("top1").last(), most.last());
}
