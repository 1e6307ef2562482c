//! The report as text.

use std::fmt::{Display, Formatter, Result};

use indicatif::{DecimalBytes, HumanCount};

use onnx_grad::Probabilities;

use super::{GradientStatus, GradientSupport, InspectReport, ScoresInfo, ValueInfo};

/// The number of class names to show.
const MAX_SHOWN_NODES: usize = 4;

impl Display for InspectReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let row = |f: &mut Formatter<'_>, head: &str, text: &str| {
            // Names inside a model may contain terminal control sequences.
            writeln!(f, "{head:<11} {}", text.replace(char::is_control, " "))
        };
        row(f, "file", &format!("{} ({})", self.file, DecimalBytes(self.bytes)))?;
        row(f, "sha256", &self.sha256)?;
        let opsets: Vec<_> = self.opsets.iter().map(|set| format!("{} {}", set.domain, set.version)).collect();
        row(f, "format", &format!("ir_version {}, opset {}", self.ir_version, opsets.join(", ")))?;
        if !self.producer.is_empty() {
            row(f, "producer", &self.producer)?;
        }
        for (head, values) in [("input", &self.inputs), ("output", &self.outputs)] {
            values.iter().try_for_each(|value| row(f, head, &value.to_string()))?;
        }
        row(f, "parameters", &HumanCount(self.parameters).to_string())?;
        for (i, operator) in self.operators.iter().enumerate() {
            let text = format!("{:>6} {:<24} {}", operator.nodes, operator.name, operator.gradient);
            row(f, if i == 0 { "operators" } else { "" }, &text)?;
        }
        if let Some(pixels) = &self.pixels {
            row(f, "pixels", &format!("{}, {}", pixels.recipe, pixels.origin))?;
        }
        if let Some(classes) = &self.classes {
            let more = if classes.count > MAX_SHOWN_NODES { ", ..." } else { "" };
            let names: Vec<_> = (0..classes.count.min(MAX_SHOWN_NODES)).map(|id| classes.names.name(id)).collect();
            row(f, "classes", &format!("{}: {}{more}; {}", classes.count, names.join(", "), classes.origin))?;
        }
        for scores in &self.scores {
            row(f, "scores", &scores.to_string())?;
        }
        if let Some(probabilities) = self.probabilities {
            row(f, "probability", described(probabilities))?;
        }
        row(f, "gradient", &self.gradient.to_string())
    }
}

impl Display for ScoresInfo {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { output, value, shape, reason, taken } = self;
        let from = if value == output { String::new() } else { format!(" from {value}") };
        let sizes = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
        let mark = if *taken { "used" } else { "not used" };
        write!(f, "{output}{from}: {sizes}, {mark}: {reason}")
    }
}

/// How probabilities follow from the scores.
fn described(probabilities: Probabilities) -> &'static str {
    match probabilities {
        Probabilities::Softmax => "Softmax of the scores: one class is right",
        Probabilities::Sigmoid => "Sigmoid of each score",
        Probabilities::Scores => "the scores themselves",
        Probabilities::None => "none: the scores are neither logits nor probabilities",
    }
}

impl Display for ValueInfo {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let shape = self.shape.as_ref().map_or_else(|| "of unknown shape".into(), |sizes| sizes.join(" x "));
        write!(f, "{}: {} {shape}", self.name, self.dtype)
    }
}

impl Display for GradientSupport {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Rule => "rule",
            Self::Stops => "the gradient stops here",
            Self::Constant => "constant",
            Self::None => "no rule",
        })
    }
}

impl Display for GradientStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Possible => f.write_str("can be computed: salstream model grad writes it"),
            Self::Impossible { reason } => write!(f, "cannot be computed: {reason}"),
            Self::NotTried { reason } => write!(f, "not tried: {reason}"),
            Self::Included { method, version, source_sha256 } => {
                write!(f, "included: {method}, by salstream {version}, of the model with SHA-256 {source_sha256}")
            }
        }
    }
}
