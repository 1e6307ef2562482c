//! `salstream model inspect`: the contents of a model file, and whether its gradient can be
//! computed.

mod graph;
mod text;

use serde::Serialize;

pub use graph::{GradientSupport, OperatorCount, ValueInfo};

use super::catalog::ResolvedModel;
use super::interface::is_gradient_model;
use super::load::load;
use super::metadata::{FileFacts, ModelMetadata};
use super::model_request::ModelRequest;
use super::{ClassLabels, Preprocessor};
use crate::model::runtime::{Device, Runtime};
use crate::platform::checksum::file_sha256;
use crate::{Error, Result};
use onnx_grad::onnx::{self, ModelProto};
use onnx_grad::{self as grad, Method, Probabilities, ScoreCandidate};

/// The contents of a model file.
#[derive(Debug, Serialize)]
pub struct InspectReport {
    /// The path of the file.
    pub file: String,
    /// Its size in bytes, without external data.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// The IR version of the file format.
    pub ir_version: i64,
    /// The imported operator sets.
    pub opsets: Vec<OpsetImport>,
    /// Name and version of the program that wrote the file, if it states them.
    pub producer: String,
    /// The inputs, without weights.
    pub inputs: Vec<ValueInfo>,
    /// The outputs.
    pub outputs: Vec<ValueInfo>,
    /// The number of floating-point values in constants.
    pub parameters: u64,
    /// The operators, sorted by number of nodes, most frequent first. The model's own functions are
    /// inlined.
    pub operators: Vec<OperatorCount>,
    /// The expected preprocessing, or `None` if the model does not take images.
    pub pixels: Option<PixelInfo>,
    /// The classes, or `None` if the model has no scores.
    pub classes: Option<ClassInfo>,
    /// The outputs that may hold class scores, and what speaks for each.
    pub scores: Vec<ScoresInfo>,
    /// How probabilities follow from the scores, if that is known.
    pub probabilities: Option<Probabilities>,
    /// Whether its gradient can be computed.
    pub gradient: GradientStatus,
    /// Notes for the user, one line each.
    pub notes: Vec<String>,
}

/// An operator set.
#[derive(Debug, Serialize)]
pub struct OpsetImport {
    /// The domain, `ai.onnx` for the standard one.
    pub domain: String,
    /// The opset version.
    pub version: i64,
}

/// The preprocessing that a model expects.
#[derive(Debug, Serialize)]
pub struct PixelInfo {
    /// The recipe's name, or its numbers.
    pub recipe: String,
    /// The channel order, mean and standard deviation.
    #[serde(flatten)]
    pub preprocessor: Preprocessor,
    /// Where this information comes from.
    pub origin: String,
}

/// A model's classes.
#[derive(Debug, Serialize)]
pub struct ClassInfo {
    /// The number of classes.
    pub count: usize,
    /// The class names.
    pub names: ClassLabels,
    /// Where this information comes from.
    pub origin: String,
}

/// An output that may hold class scores.
#[derive(Debug, Serialize)]
pub struct ScoresInfo {
    /// The name of the output.
    pub output: String,
    /// The value with the scores: the output, or what it is computed from.
    pub value: String,
    /// The shape of that value.
    pub shape: Vec<usize>,
    /// What speaks for it and against it.
    pub reason: String,
    /// Whether it is used.
    pub taken: bool,
}

impl From<&ScoreCandidate> for ScoresInfo {
    fn from(candidate: &ScoreCandidate) -> Self {
        let ScoreCandidate { output, value, shape, reason, taken, .. } = candidate.clone();
        Self { output, value, shape, reason, taken }
    }
}

/// Whether a model's gradient can be computed.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum GradientStatus {
    /// The gradient model was compiled, and not kept.
    Possible,
    /// It cannot be compiled, for this reason.
    Impossible { reason: String },
    /// It was not tried, for this reason.
    NotTried { reason: String },
    /// The file is a gradient model: the method and program version that wrote it, and its source
    /// model.
    Included { method: String, version: String, source_sha256: String },
}

/// Inspects a model file, which need not be usable as a classifier.
///
/// If ONNX Runtime is missing, the report contains everything except whether the gradient can be
/// computed.
///
/// # Errors
/// Those of [`ModelName::choose`](super::ModelName::choose). [`Error::Io`] or [`Error::Model`] if
/// the file cannot be read. [`Error::Io`] or [`Error::Input`] for labels or a sidecar that cannot
/// be read or do not match.
pub fn inspect(model: &ModelRequest) -> Result<InspectReport> {
    let asked = model;
    let chosen = asked.name.choose()?;
    let path = &chosen.path;
    let mut model = onnx::load(path)?;
    let opsets = opsets(&model);
    // Recursive functions remain as nodes without a rule; the attempt to differentiate reports
    // them.
    let _ = onnx::inline_functions(&mut model);
    let no_graph = || Error::model(path, "has no graph; export the model again");
    // Graphs that cannot be sorted are reported by that attempt too.
    let _ = onnx::sort(model.graph.as_mut().ok_or_else(no_graph)?);
    let graph = model.graph.as_ref().ok_or_else(no_graph)?;
    let Attempt { gradient, facts, scores, probabilities, mut notes } = gradient(&chosen, &model, asked)?;
    let metadata = facts.map(|facts| ModelMetadata::find(&chosen, &asked.metadata, &facts)).transpose()?;
    notes.extend(metadata.iter().flat_map(|metadata| metadata.notes.clone()));
    let (pixels, classes) = metadata.map(shown).unzip();
    Ok(InspectReport {
        file: path.display().to_string(),
        bytes: path.metadata().map_err(Error::io(path))?.len(),
        sha256: file_sha256(path)?,
        ir_version: model.ir_version(),
        opsets,
        producer: format!("{} {}", model.producer_name(), model.producer_version()).trim().to_owned(),
        inputs: graph::inputs(graph),
        outputs: graph.output.iter().map(ValueInfo::from).collect(),
        parameters: graph::parameters(graph),
        operators: graph::operators(graph),
        pixels,
        classes,
        scores,
        probabilities,
        gradient,
        notes,
    })
}

fn opsets(model: &ModelProto) -> Vec<OpsetImport> {
    let named = |domain: &str| if domain.is_empty() { "ai.onnx" } else { domain }.to_owned();
    model.opset_import.iter().map(|set| OpsetImport { domain: named(set.domain()), version: set.version() }).collect()
}

/// What an attempt to differentiate the model shows.
struct Attempt {
    gradient: GradientStatus,
    /// The layout and classes, as settled or as the file declares.
    facts: Option<FileFacts>,
    scores: Vec<ScoresInfo>,
    probabilities: Option<Probabilities>,
    notes: Vec<String>,
}

/// Tries to differentiate the model.
fn gradient(chosen: &ResolvedModel, model: &ModelProto, asked: &ModelRequest) -> Result<Attempt> {
    let without = |gradient| {
        let (scores, notes) = (Vec::new(), Vec::new());
        Attempt { gradient, facts: graph::declared(model), scores, probabilities: None, notes }
    };
    if let Err(error) = Runtime::get() {
        return Ok(without(GradientStatus::NotTried { reason: error.to_string() }));
    }
    let source = match load(chosen, asked) {
        Ok(source) => source,
        Err(error) => return Ok(without(impossible(error)?)),
    };
    let facts = match source.facts() {
        Ok(facts) => Some(facts),
        Err(error) => return Ok(without(impossible(error)?)),
    };
    let (gradient, probabilities) = match source.compile(Device::Cpu, &Method::Gradient) {
        Ok(compiled) if is_gradient_model(model) => (included(model), compiled.interface.probabilities),
        Ok(compiled) => (GradientStatus::Possible, compiled.interface.probabilities),
        Err(error) => (impossible(error)?, None),
    };
    let scores = source.candidates().iter().map(ScoresInfo::from).collect();
    Ok(Attempt { gradient, facts, scores, probabilities, notes: source.notes().to_vec() })
}

/// The status of a model that cannot be differentiated, unless the error is about something else.
fn impossible(error: Error) -> Result<GradientStatus> {
    match error {
        Error::Model { problem: reason, .. } | Error::Graph(reason) | Error::Runtime(reason) => {
            Ok(GradientStatus::Impossible { reason })
        }
        other => Err(other),
    }
}

/// The method, program version and source model recorded in a gradient model.
fn included(model: &ModelProto) -> GradientStatus {
    let metadata = model.metadata();
    let value = |key: &str| {
        let found = metadata.iter().find(|(name, _)| name == key);
        found.map_or_else(|| "unknown".to_owned(), |(_, value)| value.clone())
    };
    GradientStatus::Included {
        method: value(grad::METHOD),
        version: value("salstream.version"),
        source_sha256: value("salstream.source_sha256"),
    }
}

fn shown(metadata: ModelMetadata) -> (PixelInfo, ClassInfo) {
    let ((preprocessor, pixels_origin), (names, classes_origin)) = (metadata.preprocessor, metadata.labels);
    let recipe = preprocessor.to_string();
    let pixels = PixelInfo { recipe, preprocessor, origin: pixels_origin.to_string() };
    let classes = ClassInfo { count: names.len(), names, origin: classes_origin.to_string() };
    (pixels, classes)
}
