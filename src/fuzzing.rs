//! What is fuzzed: one function per kind of input from strangers. Each takes the bytes of such an input, and reads it as
//! the program does; an error is as right as a result. See CONTRIBUTING.md.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{ExitStatus, Output};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use onnx_grad::onnx::{DataType, GraphProto};
use onnx_grad::{
    Baseline, Layer, Method, Options, Perturbation, ProbedValue, Sampling, Statistic, TensorType, Variant,
};

use crate::address::without_secrets;
use crate::annotate::{Colormap, Layout};
use crate::choice::Choice;
use crate::commands::batch;
use crate::commands::live::serve::api;
use crate::commands::live::session_hub::{SessionHub, SessionSettings};
use crate::fuse::Fusion;
use crate::model::metadata::{Sidecar, literal};
use crate::model::{ClassLabels, ModelName};
use crate::platform::ffmpeg::{PictureShape, matroska};
use crate::reporting::mode::ReportMode;
use crate::reporting::terminal::printable;
use crate::saliency::TargetName;
use crate::sink::records;
use crate::source::ffmpeg_decoder::FfmpegDecoder;
use crate::source::orientation::Orientation;
use crate::source::{SourceOptions, avif, container_info, kept, playlist, probe};

/// A target: its name, and the function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("address", address),
    ("avif", avif),
    ("class_names", class_names),
    ("differentiate", differentiate),
    ("ffprobe", ffprobe),
    ("labels", labels),
    ("manifest", manifest),
    ("matroska", matroska),
    ("onnx", onnx),
    ("page", page),
    ("playlist", playlist),
    ("records", records),
    ("sidecar", sidecar),
    ("summary", summary),
];

/// Calls `read` with a file of this `name` that holds `data`, alone in its folder.
fn with_file(name: &str, data: &[u8], read: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join(name);
    fs::write(&path, data).expect("space for temporary files");
    read(&path);
}

/// A text that is shown: an address with or without a password.
pub fn address(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let shown = without_secrets(&text).into_owned();
    assert!(!printable(&shown).contains(char::is_control));
}

/// A picture in AVIF.
pub fn avif(data: &[u8]) {
    avif::orientation(data);
}

/// The class names in a model's metadata.
pub fn class_names(data: &[u8]) {
    literal::names(&String::from_utf8_lossy(data));
}

/// A model file.
pub fn onnx(data: &[u8]) {
    with_file("model.onnx", data, |path| {
        if let Ok(model) = onnx_grad::load(path) {
            // Where the file is damaged is of no matter, as long as it is said.
            let _ = onnx_grad::save(&model, path);
        }
    });
}

/// A model file, as far as a runtime would take it: the shapes are those that the file states.
pub fn differentiate(data: &[u8]) {
    let Ok(model) = onnx_grad::onnx::decode(data) else { return };
    let stated = model.graph.as_ref().map(stated_values).unwrap_or_default();
    let run = |_| Ok::<_, onnx_grad::Error>(stated.iter().map(copied).collect());
    let Ok((model, shapes)) = onnx_grad::prepare(model, &onnx_grad::Request::default(), run) else { return };
    for (variant, method) in methods() {
        let options = Options { variant, method, features: true, ..Options::default() };
        let _ = onnx_grad::differentiate(&model, &shapes, &options);
    }
}

fn methods() -> [(Variant, Method); 6] {
    let sampled = |perturbation| Method::Sampled(Sampling { samples: 2, perturbation });
    let noise = Perturbation::Noise { level: 0.1, statistic: Statistic::Variance };
    [
        (Variant::OnnxRuntime, Method::Gradient),
        (Variant::OpenVino, Method::Gradient),
        (Variant::OnnxRuntime, Method::GuidedGradCam(Layer::Last)),
        (Variant::OnnxRuntime, Method::GradCamPlusPlus(Layer::Last)),
        (Variant::OnnxRuntime, sampled(noise)),
        (Variant::OnnxRuntime, sampled(Perturbation::Path(Baseline::Mean))),
    ]
}

/// The values whose types a graph states, as far as a machine has the memory for them.
fn stated_values(graph: &GraphProto) -> Vec<ProbedValue> {
    const MAX_ELEMENTS: usize = 1 << 24;
    let stated = graph.value_info.iter().chain(&graph.output).filter_map(|value| {
        let (dtype, sizes) = value.tensor()?;
        let shape: Vec<usize> = sizes.into_iter().collect::<Option<_>>()?;
        let elements = shape.iter().try_fold(1usize, |product, size| product.checked_mul(*size))?;
        let kind = TensorType { dtype, shape };
        (elements <= MAX_ELEMENTS).then(|| ProbedValue { name: value.name().into(), kind, data: None })
    });
    stated.filter(|value| value.kind.dtype != DataType::Undefined).collect()
}

fn copied(value: &ProbedValue) -> ProbedValue {
    ProbedValue { name: value.name.clone(), kind: value.kind.clone(), data: value.data.clone() }
}

/// The file beside a model.
pub fn sidecar(data: &[u8]) {
    with_file("model.toml", data, |path| {
        if let Ok(Some(sidecar)) = Sidecar::beside(&path.with_extension("onnx")) {
            let _ = sidecar.labels(2);
        }
    });
}

/// A file of class names, the last of which the user asks for.
pub fn labels(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (classes, wanted) = (text.trim_end().lines().count(), text.lines().last().unwrap_or_default());
    with_file("names.txt", data, |path| {
        if let Ok(labels) = ClassLabels::read(path, classes) {
            let _ = labels.find(wanted.get(1..).unwrap_or_default());
        }
    });
    // It also names a model.
    let Ok(_) = wanted.parse::<TargetName>();
    let _ = ModelName::File(wanted.into()).choose();
}

/// The start of a file that may be a list of other files.
pub fn playlist(data: &[u8]) {
    with_file("clip.mp4", data, |path| drop(playlist::refuse_hidden(path)));
}

/// The manifest of a clip, and of a segment of another one.
pub fn manifest(data: &[u8]) {
    let entry = r#""outcome": "done", "frames": 1, "seconds": 1.0"#;
    let clips = format!(
        r#"{{"input": "a.mp4", "place": "a", {entry}}},
           {{"input": "b.mp4", "place": "b.pieces/0001-of-0001", "piece": {{"index": 0, "count": 1}}, {entry}}}"#
    );
    let summary = format!(r#"{{"shard": [1, 1], "settings": "", "seconds": 1.0, "clips": [{clips}]}}"#);
    with_file("a.done.json", data, |path| {
        let pieces = path.with_file_name("b.pieces");
        fs::create_dir(&pieces).expect("space for temporary files");
        fs::write(pieces.join("0001-of-0001.done.json"), data).expect("space for temporary files");
        merge(path.with_file_name("summary-1-of-1.json").as_path(), summary.as_bytes());
    });
}

/// The summary of a part of a batch.
pub fn summary(data: &[u8]) {
    with_file("summary-1-of-1.json", data, |path| merge(path, data));
}

fn merge(path: &Path, data: &[u8]) {
    fs::write(path, data).expect("space for temporary files");
    let folder = path.parent().expect("a file in a folder");
    let _ = batch::merge(folder, ReportMode::Quiet, &AtomicBool::new(false));
}

/// A table of records.
pub fn records(data: &[u8]) {
    for name in ["records.csv", "records.jsonl"] {
        with_file(name, data, |path| drop(records::read(path)));
    }
}

/// The answer of ffprobe, which repeats what a file says of itself.
pub fn ffprobe(data: &[u8]) {
    let location = OsStr::new("clip.mp4");
    // Its log repeats it, too.
    String::from_utf8_lossy(data).lines().for_each(|line| _ = PictureShape::parse(line));
    let output = Output { status: ExitStatus::default(), stdout: data.to_vec(), stderr: Vec::new() };
    let Ok(found) = probe::parse(location, &output) else { return };
    let mut warnings = Vec::new();
    for wanted in [None, Some(1)] {
        let Ok(stream) = container_info::choose(location, &found, wanted, &mut warnings) else { continue };
        let info = container_info::ContainerInfo::new(&found, stream);
        let rate = stream.rate().unwrap_or_else(|| container_info::approximate(0.0));
        info.frames(rate);
        FfmpegDecoder::new(location, &info, stream, rate, &SourceOptions::default());
        let _ = stream.display_matrix().map(Orientation::from_matrix);
        kept::passthrough(location, &found, stream, &info, &mut warnings);
    }
}

/// A stream of pictures from ffmpeg.
pub fn matroska(data: &[u8]) {
    let (mut input, mut cluster, mut pixels) = (data, 0, Vec::new());
    while let Ok(Some(_)) = matroska::read_block(&mut input, &mut cluster, &mut pixels) {}
}

/// A request to the page's server: the path in the first line, the body after it.
pub fn page(data: &[u8]) {
    let (path, body) = data.split_at(data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len()));
    let body = body.get(1..).unwrap_or_default().to_vec();
    let method = if path.starts_with(b"/api/classes") { "GET" } else { "POST" };
    let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/json");
    let Ok(request) = request.body(Body::from(body)) else { return };
    let hub = Arc::new(SessionHub::new(settings(), ClassLabels::imagenet(1000).expect("1000 names")));
    let service = TowerToHyperService::new(api::routes().with_state(hub.clone()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let Ok(response) = service.call(request).await;
        assert!(!response.status().is_server_error(), "{}", response.status());
        let answer = to_bytes(response.into_body(), usize::MAX).await.expect("an answer");
        assert!(answer.len() < 64 * 1024, "{} bytes", answer.len());
    });
    assert!((0.0..=1.0).contains(&hub.settings().alpha));
}

fn settings() -> SessionSettings {
    let first = "a choice has values";
    SessionSettings {
        fusion: Fusion::values().next().expect(first),
        layout: Layout::values().next().expect(first),
        colormap: Colormap::values().next().expect(first),
        alpha: 0.5,
        label: true,
        target: TargetName::Locked,
        paused: false,
    }
}
