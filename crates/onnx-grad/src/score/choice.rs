//! The choice of the output with the class scores, by its name, shape and last operators.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::onnx::{self, GraphProto, NodeProto, ValueInfoProto};
use crate::prepare::request::Request;
use crate::score::end::ScoreEnd;
use crate::score::names::{self, NameHint};
use crate::score::output::ScoreOutput;
use crate::types::{Probabilities, ScoreCandidate, Shapes};

/// Operators whose results are decisions about their first input, the scores, or hold it in another form.
const DECISIONS: [&str; 11] = [
    "ArgMax",
    "TopK",
    "QuantizeLinear",
    "ZipMap",
    "SequenceConstruct",
    "Greater",
    "GreaterOrEqual",
    "Round",
    "Optional",
    "Hardmax",
    "ArrayFeatureExtractor",
];

/// Operators that only change the shape or type of decisions.
const RESHAPING: [&str; 6] = ["Cast", "Identity", "Flatten", "Reshape", "Squeeze", "Unsqueeze"];

/// The points of each reason. A reason outweighs all those below it.
const NAMED_CLASSES: i32 = 64;
const NAMED_LIKE_SCORES: i32 = 16;
const DECIDED: i32 = 16;
const ENDS_IN_PROBABILITIES: i32 = 4;
const ENDS_IN_A_LAYER: i32 = 1;
const LEADS_TO_OTHERS: i32 = -2;
const ONE_SCORE: i32 = -8;
const SHAPED_LIKE_BOXES: i32 = -8;
const NAMED_LIKE_OTHERS: i32 = -1000;

/// Chooses the value with the class scores, which becomes an output, and lists all candidates in `shapes`.
///
/// # Errors
/// [`Error::Graph`] if there is none, or several are equally likely.
pub fn choose(graph: &mut GraphProto, shapes: &mut Shapes, opset: i64, request: &Request) -> Result<String> {
    let mut candidates = candidates(graph, shapes, opset, request.classes);
    let most = candidates.iter().map(|candidate| candidate.points).max().unwrap_or(NAMED_LIKE_OTHERS);
    if most < NAMED_LIKE_OTHERS / 2 {
        return Err(none(graph, shapes));
    }
    let best: Vec<usize> = (0..candidates.len()).filter(|index| candidates[*index].points == most).collect();
    let mut chosen = &candidates[best[0]];
    if best.iter().any(|index| candidates[*index].logits != chosen.logits) {
        let names: Vec<String> = best.iter().map(|index| candidates[*index].described()).collect();
        let first = &chosen.output;
        return Err(Error::Graph(format!(
            "{} outputs may be the class scores: {}; name one, such as --scores {first}",
            names.len(),
            names.join(", ")
        )));
    }
    // A label leads to the same scores as the probabilities beside it, which show more.
    let same = candidates.iter().filter(|candidate| candidate.logits == chosen.logits);
    chosen = same.max_by_key(|candidate| (candidate.value == candidate.output, candidate.is_linked)).unwrap_or(chosen);
    let (value, output) = (chosen.value.clone(), chosen.output.clone());
    let (logits, reason) = (chosen.logits.clone(), format!("the same scores as {output}"));
    for candidate in &mut candidates {
        candidate.taken = candidate.output == output;
        if candidate.logits == logits && !candidate.taken {
            candidate.reason.clone_from(&reason);
        }
    }
    if graph.output.iter().all(|output| output.name() != value) {
        graph.output.push(ValueInfoProto::named(value.clone()));
    }
    shapes.candidates = candidates;
    Ok(value)
}

/// The output that the user has named, or the scores that it is computed from, if it is a label or its like.
pub fn traced(graph: &GraphProto, shapes: &Shapes, opset: i64, output: &ScoreOutput) -> ScoreOutput {
    let is_float = shapes.tensors.get(&output.name).is_some_and(|kind| kind.dtype.is_float());
    let end = ScoreEnd::new(graph, shapes, opset);
    match origin(&end, shapes, &output.name).filter(|_| !is_float && output.index.is_empty()) {
        Some((name, _)) => ScoreOutput { name, index: Vec::new() },
        None => output.clone(),
    }
}

/// A note for the user if another output could have been meant, or if the output is not used as it is.
pub fn note_on_scores(shapes: &Shapes) -> Option<String> {
    let taken = shapes.candidates.iter().find(|candidate| candidate.taken)?;
    let others = shapes.candidates.iter().filter(|other| other.logits != taken.logits);
    let others: Vec<String> = others.map(ScoreCandidate::described).collect();
    let ScoreCandidate { value, shape, reason, .. } = taken;
    let from = format!("the class scores are taken from {value} {shape:?} ({reason})");
    let answers = "its single score answers a yes-no question: class 1 is yes, class 0 is no";
    match (others.as_slice(), shape.get(1) == Some(&1)) {
        ([], false) if taken.value == taken.output => None,
        ([], false) => Some(from),
        ([], true) => Some(format!("{from}; {answers}")),
        (others, is_single) => {
            let answers = if is_single { format!("; {answers}") } else { String::new() };
            Some(format!("{from}, not from {}; choose with --scores NAME{answers}", others.join(", ")))
        }
    }
}

impl ScoreCandidate {
    /// Name, shape and reason.
    fn described(&self) -> String {
        format!("{} {:?} ({})", self.output, self.shape, self.reason)
    }
}

/// All outputs that may hold class scores, in the model's order.
pub fn candidates(graph: &GraphProto, shapes: &Shapes, opset: i64, classes: Option<usize>) -> Vec<ScoreCandidate> {
    let end = ScoreEnd::new(graph, shapes, opset);
    let rated = graph.output.iter().filter_map(|output| rate(&end, shapes, output.name(), classes));
    let mut rated: Vec<ScoreCandidate> = rated.collect();
    let behind: Vec<HashSet<&str>> = rated.iter().map(|candidate| ancestors(graph, &candidate.logits)).collect();
    for index in 0..rated.len() {
        let is_before = |other: usize| {
            rated[other].logits != rated[index].logits && behind[other].contains(rated[index].logits.as_str())
        };
        if (0..rated.len()).any(is_before) {
            rated[index].points += LEADS_TO_OTHERS;
            rated[index].reason += ", other outputs are computed from it";
        }
    }
    rated
}

/// The values that `name` is computed from.
fn ancestors<'a>(graph: &'a GraphProto, name: &str) -> HashSet<&'a str> {
    let mut found: HashSet<&str> = HashSet::new();
    for node in graph.node.iter().rev() {
        if node.output.iter().any(|output| output == name || found.contains(output.as_str())) {
            found.extend(onnx::names_read(node));
        }
    }
    found
}

fn rate(end: &ScoreEnd, shapes: &Shapes, output: &str, classes: Option<usize>) -> Option<ScoreCandidate> {
    let (value, decision) = origin(end, shapes, output)?;
    let shape = shapes.tensors.get(&value)?.shape.clone();
    let head = end.head(end.maker(&value)?.output.iter().find(|name| **name == value)?);
    let last = end.maker(head.last).map_or("the input", |node| node.op_type());
    let mut reasons: Vec<(i32, String)> = Vec::new();
    if classes == Some(shape[1]) || shape[1] == 1 && classes == Some(2) {
        reasons.push((NAMED_CLASSES, "as many classes as there are names".into()));
    }
    match names::hint(output) {
        NameHint::Scores => reasons.push((NAMED_LIKE_SCORES, "named like class scores".into())),
        NameHint::Other(word) => reasons.push((NAMED_LIKE_OTHERS, format!("named like {word}"))),
        NameHint::None => {}
    }
    if let Some(op) = decision {
        reasons.push((DECIDED, format!("the output {output} is its {op}")));
    }
    match (head.link, head.probabilities) {
        (Some(link), _) => reasons.push((ENDS_IN_PROBABILITIES, format!("ends in {link}"))),
        (None, Probabilities::Softmax) => reasons.push((ENDS_IN_A_LAYER, format!("ends in {last}"))),
        _ => reasons.push((0, format!("ends in {last}"))),
    }
    match shape[1] {
        1 => reasons.push((ONE_SCORE, "a single score".into())),
        4 => reasons.push((SHAPED_LIKE_BOXES, "shaped like boxes".into())),
        _ => {}
    }
    let points = reasons.iter().map(|(points, _)| points).sum();
    let reason = reasons.into_iter().map(|(_, reason)| reason).collect::<Vec<_>>().join(", ");
    let (logits, is_linked) = (head.scores.to_owned(), head.link.is_some());
    Some(ScoreCandidate { output: output.into(), value, shape, reason, taken: false, logits, is_linked, points })
}

/// The value with the scores that an output holds, or is a decision about, and the operator that decides.
fn origin(end: &ScoreEnd, shapes: &Shapes, output: &str) -> Option<(String, Option<String>)> {
    let (mut name, mut decision) = (output, None);
    loop {
        let maker = end.maker(name)?;
        if !maker.is("TopK") && !maker.is("Round") && is_scores(shapes, name) {
            return Some((name.into(), decision));
        }
        let decides = DECISIONS.contains(&maker.op_type()) && is_over_classes(shapes, maker);
        let reshapes = RESHAPING.contains(&maker.op_type()) && keeps_classes(shapes, maker);
        if !decides && !reshapes {
            return None;
        }
        if decides {
            decision = Some(maker.op_type().to_owned());
        }
        name = maker.input.first()?;
    }
}

/// Whether a value is `[N, classes]` of floating-point numbers.
fn is_scores(shapes: &Shapes, name: &str) -> bool {
    let batch = shapes.tensors.get(&shapes.image).and_then(|image| image.shape.first().copied());
    let is_float = shapes.tensors.get(name).is_some_and(|kind| kind.dtype.is_float());
    is_float && shapes.classes_of(name).is_some_and(|(n, classes)| Some(n) == batch && classes > 0)
}

/// Whether a node reshapes decisions, or scores only to take their batch axis away: other shapes mean something else.
fn keeps_classes(shapes: &Shapes, node: &NodeProto) -> bool {
    let kind = |name: Option<&String>| name.and_then(|name| shapes.tensors.get(name));
    let is_float = kind(node.input.first()).is_some_and(|kind| kind.dtype.is_float());
    !is_float || kind(node.output.first()).is_some_and(|kind| kind.shape.len() == 1)
}

/// Whether ArgMax or TopK look along the classes. Other operators have no axis.
fn is_over_classes(shapes: &Shapes, node: &NodeProto) -> bool {
    let default = if node.is("TopK") { -1 } else { 0 };
    let axis = node.int("axis").unwrap_or(default);
    let rank = node.input.first().and_then(|name| shapes.tensors.get(name)).map_or(0, |kind| kind.shape.len() as i64);
    !(node.is("ArgMax") || node.is("TopK")) || axis == 1 || axis == 1 - rank
}

/// The error for a model without scores, with what can be done.
fn none(graph: &GraphProto, shapes: &Shapes) -> Error {
    let shape = |name: &str| shapes.tensors.get(name).map(|kind| kind.shape.as_slice());
    let described = |name: &str| match shape(name) {
        Some(shape) => format!("{name} {shape:?}"),
        None => format!("{name} (not a tensor)"),
    };
    let found: Vec<String> = graph.output.iter().map(|output| described(output.name())).collect();
    let advice = match suggestion(graph, shapes) {
        Some(index) => format!("for the mean over all positions, add --scores '{index}'"),
        None => "use an image classifier, or name an output with --scores".into(),
    };
    Error::Graph(format!("the model has no output [N, classes] of class scores, only: {}; {advice}", found.join(", ")))
}

/// The scores of a detector or of a segmentation, with an index that takes their mean.
fn suggestion(graph: &GraphProto, shapes: &Shapes) -> Option<String> {
    let rank = |name: &str| shapes.tensors.get(name).filter(|kind| kind.dtype.is_float()).map(|kind| &*kind.shape);
    let suppressed = graph.node.iter().filter(|node| node.is("NonMaxSuppression"));
    let suppressed = suppressed.filter_map(|node| node.input.get(1)).map(|name| format!("{name}[:,:,*]"));
    let outputs = graph.output.iter().map(|output| output.name());
    let plain = outputs.filter(|name| !matches!(names::hint(name), NameHint::Other(_)));
    let indexed = plain.filter_map(|name| match rank(name)? {
        [_, _, 4] => None,
        // There are more positions than classes.
        [_, a, b] if a >= b => Some(format!("{name}[:,*,:]")),
        [_, _, _] => Some(format!("{name}[:,:,*]")),
        [_, _, _, _] => Some(format!("{name}[:,:,*,*]")),
        _ => None,
    });
    indexed.chain(suppressed).next()
}
