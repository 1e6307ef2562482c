//! Model files that are broken, hostile or of the wrong kind: one clear line each, never a panic.

use std::path::Path;

use crate::common::{Graph, attempt, find_shapes, gradient_model};
use crate::support::{options, write};
use onnx_grad::onnx::{
    self, AttributeProto as A, DataType, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, ValueInfoProto,
};
use onnx_grad::{Options, RULES, Shapes, Variant, differentiate};
use proptest::prelude::*;
use salstream::model::Classifier;
use salstream::model::runtime::Device;

fn small() -> ModelProto {
    let mut g = Graph::new(13, DataType::Float);
    let (w, b) = (g.weights(&[4, 3, 3, 3]), g.weights(&[4]));
    let y = g.node("Conv", &["image", &w, &b], vec![A::ints("strides", &[2, 2]), A::ints("pads", &[1, 1, 1, 1])]);
    let parameters = [g.positive(&[4]), g.weights(&[4]), g.weights(&[4]), g.positive(&[4])];
    let [scale, bias, mean, variance] = &parameters;
    let y = g.node("BatchNormalization", &[&y, scale, bias, mean, variance], vec![]);
    let y = g.node("Relu", &[&y], vec![]);
    let y = g.node("MaxPool", &[&y], vec![A::ints("kernel_shape", &[2, 2]), A::ints("strides", &[2, 2])]);
    let y = g.node("AveragePool", &[&y], vec![A::ints("kernel_shape", &[2, 2]), A::ints("pads", &[1, 0, 0, 1])]);
    let pads = g.integers(&[0, 0, 1, 0, 0, 0, 0, 1]);
    let y = g.node("Pad", &[&y, &pads], vec![]);
    let y = g.node("Transpose", &[&y], vec![A::ints("perm", &[0, 2, 3, 1])]);
    let y = g.node("Concat", &[&y, &y], vec![A::int("axis", -1)]);
    let y = g.node("ReduceMean", &[&y], vec![A::ints("axes", &[1, 2]), A::int("keepdims", 0)]);
    let w = g.weights(&[5, 8]);
    let y = g.node("Gemm", &[&y, &w], vec![A::int("transB", 1)]);
    let y = g.node("Softmax", &[&y], vec![]);
    g.model(&[1, 3, 8, 8], &y)
}

/// What opening a file with these bytes says.
fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, bytes).unwrap();
    let problem = Classifier::open(&path, &options(Device::Cpu)).err().expect("the file is refused").to_string();
    assert!(problem.contains("model.onnx") && !problem.contains('\n'), "{problem}");
    problem
}

fn encoded(model: &ModelProto) -> Vec<u8> {
    prost::Message::encode_to_vec(model)
}

#[test]
fn files_that_are_no_models_are_refused() {
    assert!(refusal(b"").contains("is empty"));
    assert!(refusal(b"version https://git-lfs.github.com/spec/v1\n").contains("is a Git LFS pointer"));
    assert!(refusal(b"<!DOCTYPE html><html></html>").contains("is a web page"));
    assert!(refusal(b"PK\x03\x04").contains("is not an ONNX model"));
    let bytes = encoded(&small());
    assert!(refusal(&bytes[..bytes.len() / 2]).contains("truncated"));
    let missing = Classifier::open(Path::new("missing.onnx"), &options(Device::Cpu)).err().unwrap().to_string();
    assert!(missing.contains("missing.onnx"), "{missing}");
}

#[test]
fn models_that_cannot_be_used_are_refused() {
    let changed = |change: fn(&mut ModelProto)| {
        let mut model = small();
        change(&mut model);
        refusal(&encoded(&model))
    };
    assert!(changed(|model| model.ir_version = Some(99)).contains("ir_version 99"));
    assert!(changed(|model| model.ir_version = None).contains("is not an ONNX model"));
    assert!(changed(|model| model.graph = None).contains("has no graph"));
    assert!(
        changed(|model| model.graph.as_mut().unwrap().input[0] =
            ValueInfoProto::fixed("image", DataType::Float, &[1, 7, 8, 8]))
        .contains("no image input")
    );
    let grey = ValueInfoProto::fixed("image", DataType::Float, &[1, 1, 8, 8]);
    let mut model = small();
    model.graph.as_mut().unwrap().input[0] = grey;
    assert!(refusal(&encoded(&model)).contains("takes grey pictures"));
    assert!(
        changed(|model| model.graph.as_mut().unwrap().input.push(ValueInfoProto::fixed(
            "second",
            DataType::Float,
            &[1, 3, 8, 8]
        )))
        .contains("more inputs than one image: image, second")
    );
    assert!(
        changed(|model| model.graph.as_mut().unwrap().output[0].name = Some("Relu2".into()))
            .contains("no output [N, classes]")
    );
    assert!(changed(|model| model.opset_import[0].version = Some(10)).contains("does not open in ONNX Runtime on cpu"));
    let mut old = small();
    old.opset_import[0].version = Some(6);
    let options = Options { variant: Variant::OnnxRuntime, ..Default::default() };
    assert!(differentiate(&old, shapes(), &options).unwrap_err().to_string().contains("opset is 6"));
}

#[test]
fn pictures_beyond_any_memory_are_refused() {
    for side in [4097, 400_000, 1 << 31] {
        let mut model = small();
        model.graph.as_mut().unwrap().input[0] = ValueInfoProto::fixed("image", DataType::Float, &[1, 3, 8, side]);
        let problem = refusal(&encoded(&model));
        assert!(problem.contains(&format!("the picture would be {side}x8")) && problem.contains("4096"), "{problem}");
    }
}

#[test]
fn weights_that_are_no_numbers_are_refused_wherever_they_are() {
    let tensor = |name: &str| TensorProto::from_reals(name, DataType::Float, &[1], &[f64::NAN]);
    let constant = |name: &str, value: TensorProto| NodeProto {
        attribute: vec![A { name: Some("value".into()), t: Some(value), ..Default::default() }],
        ..NodeProto::new("Constant", name, vec![], vec![name.into()])
    };
    let listed = TensorProto { raw_data: None, double_data: vec![f64::NAN], ..tensor("") };
    let listed = TensorProto { data_type: Some(DataType::Double as i32), ..listed };
    let branch = GraphProto { initializer: vec![tensor("inner")], ..Default::default() };
    let choice =
        NodeProto { attribute: vec![A::graph("then_branch", branch)], ..NodeProto::new("If", "", vec![], vec![]) };
    for (node, name) in [(constant("c", tensor("")), "c"), (constant("d", listed), "d"), (choice, "inner")] {
        let mut model = small();
        model.graph.as_mut().unwrap().node.push(node);
        let problem = refusal(&encoded(&model));
        assert!(problem.contains(&format!("a NaN value in {name};")), "{problem}");
    }
}

#[test]
fn all_unknown_operators_are_named_at_once() {
    let mut g = Graph::new(13, DataType::Float);
    let region = g.reals(&[1, 5], &[0.0, 0.0, 0.0, 1.0, 1.0]);
    let mut pooled = |of: &str| g.node("MaxRoiPool", &[of, &region], vec![A::ints("pooled_shape", &[2, 2])]);
    let (first, aside) = (pooled("image"), pooled("image"));
    let y = pooled(&first);
    let y = g.node("Flatten", &[&y], vec![]);
    let mut model = g.model(&[1, 3, 2, 2], &y);
    model.graph.as_mut().unwrap().output.push(ValueInfoProto::named(aside));
    let problem = refusal(&encoded(&model));
    assert!(problem.contains("2 operators") && problem.contains("opset 13"), "{problem}");
    assert!(problem.contains("MaxRoiPool (node MaxRoiPool0), MaxRoiPool (node MaxRoiPool2)"), "{problem}");
}

#[test]
fn a_models_own_functions_are_not_called_unknown_operators() {
    let mut model = small();
    model.functions.push(FunctionProto {
        name: Some("same".into()),
        domain: Some("own".into()),
        input: vec!["x".into()],
        output: vec!["y".into()],
        node: vec![NodeProto::new("Identity", "", vec!["x".into()], vec!["y".into()])],
        opset_import: model.opset_import.clone(),
        ..Default::default()
    });
    model.opset_import.push(OperatorSetIdProto { domain: Some("own".into()), version: Some(1) });
    let graph = model.graph.as_mut().unwrap();
    let first = graph.node[0].input[0].clone();
    let call = NodeProto::new("same", "call", vec![first], vec!["called".into()]);
    graph.node[0].input[0] = "called".into();
    graph.node.insert(0, NodeProto { domain: Some("own".into()), ..call });
    // Something else is wrong.
    graph.node[1].attribute = vec![A::ints("strides", &[2])];
    let problem = refusal(&encoded(&model));
    assert!(problem.contains("ONNX Runtime") && !problem.contains("own::same"), "{problem}");
}

#[test]
fn what_would_run_and_mean_nothing_is_refused() {
    let mut model = small();
    model.graph.as_mut().unwrap().node[0].attribute = vec![A::ints("pads", &[-1, -1, -1, -1])];
    assert!(refusal(&encoded(&model)).contains("(Conv) has pads below 0"));
    let mut g = Graph::new(13, DataType::Float);
    g.initializers.push(TensorProto::from_raw("trains", DataType::Bool, &[], vec![1]));
    let y = g.node("Dropout", &["image", "", "trains"], vec![]);
    let y = g.node("Flatten", &[&y], vec![]);
    assert!(refusal(&encoded(&g.model(&[1, 3, 2, 2], &y))).contains("drops values as in training"));
    let mut newer = small();
    newer.opset_import[0].version = Some(99);
    assert!(refusal(&encoded(&newer)).contains("opset is 99, newer than"));
}

#[test]
fn scores_that_are_no_numbers_are_refused() {
    let mut g = Graph::new(13, DataType::Float);
    let y = g.node("Flatten", &["image"], vec![]);
    let nothing = g.reals(&[], &[0.0]);
    let y = g.node("Div", &[&y, &nothing], vec![]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    onnx::save(&g.model(&[1, 3, 2, 2], &y), &path).unwrap();
    let mut classifier = Classifier::open(&path, &options(Device::Cpu)).unwrap();
    let problem = classifier.run(&[1.0; 12], None).unwrap_err().to_string();
    assert!(problem.contains("are not finite"), "{problem}");
}

#[test]
fn a_score_without_a_gradient_is_refused() {
    let mut g = Graph::new(13, DataType::Float);
    let y = g.node("Floor", &["image"], vec![]);
    let y = g.node("Flatten", &[&y], vec![]);
    assert!(refusal(&encoded(&g.model(&[1, 3, 2, 2], &y))).contains("does not depend on the image"));
}

/// The small model with its first tensor in an external file.
fn external(location: &str, offset: u64) -> (ModelProto, Vec<u8>) {
    let mut model = small();
    let tensor: &mut TensorProto = &mut model.graph.as_mut().unwrap().initializer[0];
    let data = tensor.raw_data.take().unwrap();
    let entry = |key: &str, value: String| StringStringEntryProto { key: Some(key.into()), value: Some(value) };
    tensor.external_data = vec![
        entry("location", location.into()),
        entry("offset", offset.to_string()),
        entry("length", data.len().to_string()),
    ];
    tensor.data_location = Some(1);
    (model, data)
}

#[test]
fn external_data_are_read_from_the_models_folder_only() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let path = inner.join("model.onnx");
    let (model, data) = external("weights.bin", 3);
    std::fs::write(&path, encoded(&model)).unwrap();
    assert!(onnx::load(&path).unwrap_err().to_string().contains("weights.bin cannot be read"));
    std::fs::write(inner.join("weights.bin"), [&[0; 3], data.as_slice()].concat()).unwrap();
    assert_eq!(onnx::load(&path).unwrap(), small());
    std::fs::write(inner.join("weights.bin"), &data).unwrap();
    assert!(onnx::load(&path).unwrap_err().to_string().contains("shorter than the model says"));

    let outside = folder.path().join("outside.bin");
    std::fs::write(&outside, &data).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&outside, inner.join("link.bin")).unwrap();
    for location in ["../outside.bin", outside.to_str().unwrap(), "link.bin"] {
        std::fs::write(&path, encoded(&external(location, 0).0)).unwrap();
        let problem = onnx::load(&path).unwrap_err().to_string();
        assert!(problem.contains("outside the model's folder"), "{problem}");
    }
}

#[test]
fn nothing_is_left_behind_where_the_output_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    onnx::save(&small(), &path).unwrap();
    let out = folder.path().join("missing/out.onnx");
    assert!(write(&path, &out).unwrap_err().to_string().contains("cannot be written"));
    std::fs::write(&path, b"broken").unwrap();
    assert!(write(&path, &folder.path().join("out.onnx")).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

fn shapes() -> &'static Shapes {
    static SHAPES: std::sync::OnceLock<Shapes> = std::sync::OnceLock::new();
    SHAPES.get_or_init(|| find_shapes(&small(), 1).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn files_with_changed_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        length in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = encoded(&small());
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(length.map_or(bytes.len(), |length| length.index(bytes.len())));
        if let Ok(model) = onnx::decode(&bytes) {
            attempt(&model, shapes());
        }
    }

    #[test]
    fn graphs_with_changed_nodes_never_panic(
        node in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        op in prop::option::of(0..RULES.len()),
        inputs in 0usize..4,
        keep in any::<bool>(),
        name in prop::sample::select(vec!["axis", "axes", "group", "strides", "pads", "perm", "dilations", "kernel_shape", "ceil_mode"]),
        values in prop::collection::vec(prop::sample::select(vec![i64::MIN, -3, -1, 0, 1, 2, 5, i64::MAX]), 0..5),
        shape in prop::collection::vec(0usize..5, 0..6),
    ) {
        let (mut model, mut shapes) = (small(), shapes().clone());
        let nodes = &mut model.graph.as_mut().unwrap().node;
        let from = nodes[other.index(nodes.len())].output[0].clone();
        let index = node.index(nodes.len());
        let node = &mut nodes[index];
        if let Some(op) = op {
            node.op_type = Some(RULES[op].0.into());
        }
        node.input.truncate(inputs);
        if keep {
            node.input.push(from.clone());
        }
        node.attribute.retain(|attribute| attribute.name() != name);
        node.attribute.push(A { i: values.first().copied(), ..A::ints(name, &values) });
        if let Some(kind) = shapes.tensors.get_mut(&from).filter(|_| shape.len() < 5) {
            kind.shape = shape;
        }
        attempt(&model, &shapes);
    }
}

#[test]
fn the_small_model_itself_is_differentiated() {
    let (model, _) = gradient_model(&small(), 1, Variant::OpenVino);
    assert!(model.graph.unwrap().node.iter().all(|node| node.op_type() != "BatchNormalization"));
}
