//! The last nodes of a classifier: which value holds its logits, and how probabilities follow from them.

use std::collections::HashMap;

use crate::onnx::{self, GraphProto, NodeProto, TensorProto};
use crate::types::{Probabilities, Shapes, TensorType};

/// Operators that only change the shape or type of scores.
const RESHAPING: [&str; 7] = ["Cast", "Identity", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Dropout"];

/// Operators that increase with their only operand.
const INCREASING: [&str; 3] = ["Exp", "Log", "Sqrt"];

/// Operators whose results are scores without bounds: the last layers of classifiers that end in logits.
const UNBOUNDED: [&str; 12] = [
    "Gemm",
    "MatMul",
    "FusedMatMul",
    "FusedGemm",
    "QGemm",
    "Conv",
    "FusedConv",
    "Einsum",
    "BatchNormalization",
    "GlobalAveragePool",
    "AveragePool",
    "ReduceMean",
];

/// Operators that pass on what their operands are.
const PASSING: [&str; 10] =
    ["Add", "Sub", "Sum", "Mean", "Concat", "Slice", "Gather", "Split", "Transpose", "DequantizeLinear"];

/// The longest chain of [`PASSING`] operators that is followed.
const MAX_DEPTH: usize = 8;

/// The value with the scores to differentiate, and what they say about probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreHead<'a> {
    /// The name of the value.
    pub scores: &'a str,
    /// How probabilities follow from it.
    pub probabilities: Probabilities,
    /// The operator that the probabilities come from; `None` if the model itself has none.
    pub link: Option<&'a str>,
    /// The value before operators that only reshape or round the output.
    pub last: &'a str,
}

/// Follows the last nodes of a classifier backwards.
pub struct ScoreEnd<'a> {
    makers: HashMap<&'a str, &'a NodeProto>,
    constants: HashMap<&'a str, &'a TensorProto>,
    shapes: &'a Shapes,
    opset: i64,
}

impl<'a> ScoreEnd<'a> {
    pub fn new(graph: &'a GraphProto, shapes: &'a Shapes, opset: i64) -> Self {
        let each = |node: &'a NodeProto| node.output.iter().map(move |name| (name.as_str(), node));
        Self { makers: graph.node.iter().flat_map(each).collect(), constants: onnx::constants(graph), shapes, opset }
    }

    /// The node that computes a value.
    pub fn maker(&self, name: &str) -> Option<&'a NodeProto> {
        self.makers.get(name).copied()
    }

    fn kind(&self, name: &str) -> Option<&'a TensorType> {
        self.shapes.tensors.get(name)
    }

    /// What `output` shows. The end is seen through only where that keeps the order of the classes and the
    /// probabilities: a Softmax over all classes or a Sigmoid, also behind rounding to 8 bits and behind functions that
    /// increase, such as a factor of 100.
    pub fn head(&self, output: &'a str) -> ScoreHead<'a> {
        let (scores, last) = self.unrounded(output);
        let mut name = last;
        loop {
            if let Some((input, probabilities, link)) = self.before_link(name, output) {
                return ScoreHead { scores: self.unrounded(input).0, probabilities, link: Some(link), last };
            }
            match self.before_increase(name) {
                Some(input) => name = self.unrounded(input).1,
                None => break,
            }
        }
        ScoreHead { scores, probabilities: self.assumed(last), link: None, last }
    }

    /// The value that `name` rounds, and the one before operators that only reshape it.
    fn unrounded(&self, name: &'a str) -> (&'a str, &'a str) {
        let (mut kept, mut last) = (name, self.before_reshaping(name));
        while let Some(input) = self.before_rounding(last) {
            (kept, last) = (input, self.before_reshaping(input));
        }
        (kept, last)
    }

    /// The value that has the same elements in the same order.
    fn before_reshaping(&self, mut name: &'a str) -> &'a str {
        while let Some(input) = self.maker(name).and_then(|node| self.reshaped(node)) {
            name = input;
        }
        name
    }

    /// The input of a node that keeps all values: not one that casts to integers, or drops values as in training.
    fn reshaped(&self, node: &'a NodeProto) -> Option<&'a str> {
        let input = node.input.first()?.as_str();
        let is_float = self.kind(node.output.first()?)?.dtype.is_float() && self.kind(input)?.dtype.is_float();
        let trains = node.is("Dropout")
            && node
                .input
                .get(2)
                .is_some_and(|mode| self.constants.get(mode.as_str()).and_then(|mode| onnx::single(mode)) != Some(0));
        (RESHAPING.iter().any(|op| node.is(op)) && is_float && !trains).then_some(input)
    }

    /// The input of a QuantizeLinear whose result is scaled back at once. Without the two, the order of the classes is
    /// the same, but the scores are neither rounded nor clipped.
    fn before_rounding(&self, name: &str) -> Option<&'a str> {
        let back = self.maker(name).filter(|node| node.is("DequantizeLinear"))?;
        let there = self.maker(back.input.first()?).filter(|node| node.is("QuantizeLinear"))?;
        let same = |index: usize| match [there, back].map(|node| node.input.get(index).map_or("", String::as_str)) {
            [a, b] if a == b => true,
            [a, b] => match [a, b].map(|name| self.constants.get(name).and_then(|tensor| tensor.reals().ok())) {
                [Some(a), Some(b)] => a == b,
                _ => false,
            },
        };
        let scale = self.number(there.input.get(1)?)?;
        (scale > 0.0 && same(1) && same(2)).then(|| there.input.first().map(String::as_str)).flatten()
    }

    /// The input of a node that increases with it: a function such as Log, or a positive factor.
    fn before_increase(&self, name: &str) -> Option<&'a str> {
        let node = self.maker(name)?;
        if INCREASING.iter().any(|op| node.is(op)) {
            return node.input.first().map(String::as_str);
        }
        self.scaled(node).filter(|(_, factor)| *factor > 0.0).map(|(input, _)| input)
    }

    /// The operand of a multiplication or division by a constant, and the constant.
    fn scaled(&self, node: &'a NodeProto) -> Option<(&'a str, f64)> {
        let [a, b] = node.input.as_slice() else { return None };
        if node.is("Mul") || node.is("Div") {
            let left = || node.is("Mul").then(|| Some((b.as_str(), self.number(a)?))).flatten();
            return self.number(b).map(|factor| (a.as_str(), factor)).or_else(left);
        }
        None
    }

    /// The only element of a constant.
    fn number(&self, name: &str) -> Option<f64> {
        let values = self.constants.get(name)?.reals().ok()?;
        if let [value] = values[..] { Some(value) } else { None }
    }

    /// The input of a Softmax or LogSoftmax over all classes of each image, or of a Sigmoid.
    fn before_link(&self, name: &str, output: &str) -> Option<(&'a str, Probabilities, &'a str)> {
        let node = self.maker(name)?;
        let input = node.input.first()?.as_str();
        if node.is("Sigmoid") {
            return Some((input, Probabilities::Sigmoid, node.op_type()));
        }
        let size = self.shapes.classes_of(output)?;
        // A Softmax of one class is always 1.
        let over_classes = size.1 > 1 && self.softmax_sizes(node)? == size;
        over_classes.then(|| (input, Probabilities::Softmax, node.op_type()))
    }

    /// For a Softmax or LogSoftmax of contiguous groups, their number and size.
    fn softmax_sizes(&self, node: &NodeProto) -> Option<(usize, usize)> {
        if !node.is("Softmax") && !node.is("LogSoftmax") {
            return None;
        }
        let shape = &self.kind(node.input.first()?)?.shape;
        let default = if self.opset < 13 { 1 } else { -1 };
        let axis = node.int("axis").unwrap_or(default);
        let axis = if axis < 0 { axis + shape.len() as i64 } else { axis };
        let (outer, rest) = shape.split_at_checked(usize::try_from(axis).ok()?)?;
        // Before opset 13, all axes from this one on count as one.
        let (along, inner) = if self.opset < 13 { (rest, &[][..]) } else { rest.split_at_checked(1)? };
        let product = |sizes: &[usize]| sizes.iter().product::<usize>();
        (product(inner) == 1).then(|| (product(outer), product(along)))
    }

    /// What scores without Softmax or Sigmoid behind them say about probabilities.
    fn assumed(&self, last: &'a str) -> Probabilities {
        match self.maker(last) {
            // In groups, each group has its own probabilities.
            Some(node) if node.is("Softmax") && !self.is_grouped(node) => Probabilities::None,
            Some(node) if node.is("Softmax") => Probabilities::Scores,
            Some(node) if self.is_share(node) => Probabilities::Scores,
            _ if self.is_unbounded(last, false, MAX_DEPTH) => Probabilities::Softmax,
            _ => Probabilities::None,
        }
    }

    /// Whether a Softmax is over several values of one image.
    fn is_grouped(&self, node: &NodeProto) -> bool {
        let shape = node.input.first().and_then(|input| self.kind(input)).map_or(&[][..], |kind| &kind.shape);
        let axis = node.int("axis").unwrap_or(if self.opset < 13 { 1 } else { -1 });
        let axis = if axis < 0 { axis + shape.len() as i64 } else { axis };
        let Some(along) = usize::try_from(axis).ok().and_then(|axis| shape.get(axis..)) else { return false };
        let along = if self.opset < 13 { along } else { &along[..along.len().min(1)] };
        axis > 0 && along.iter().product::<usize>() > 1
    }

    /// Whether a node divides values by their sum, as a Softmax of several operators does.
    fn is_share(&self, node: &NodeProto) -> bool {
        let [value, sum] = node.input.as_slice() else { return false };
        let maker = self.maker(sum).filter(|maker| node.is("Div") && maker.is("ReduceSum"));
        maker.is_some_and(|maker| maker.input.first() == Some(value))
    }

    /// Whether the value is the result of a last layer without bounds. Similarities of normalised vectors are not,
    /// unless they are `scaled`.
    fn is_unbounded(&self, name: &'a str, scaled: bool, depth: usize) -> bool {
        let name = self.before_reshaping(name);
        let Some(node) = self.maker(name).filter(|_| depth > 0) else { return false };
        if let Some((input, factor)) = self.scaled(node) {
            return self.is_unbounded(input, factor.abs() > 1.0, depth - 1);
        }
        let op = node.op_type();
        if PASSING.contains(&op) {
            let mut varying = node.input.iter().filter(|name| !self.constants.contains_key(name.as_str()));
            return varying.any(|name| self.is_unbounded(name, scaled, depth - 1));
        }
        // The quantised layers of ONNX and ONNX Runtime.
        let quantised = op.starts_with("QLinear");
        (UNBOUNDED.contains(&op) || quantised) && (scaled || !node.input.first().is_some_and(|x| self.is_unit(x)))
    }

    /// Whether a value is divided by its length.
    fn is_unit(&self, name: &'a str) -> bool {
        let Some(node) = self.maker(self.before_reshaping(name)) else { return false };
        node.is("LpNormalization") || node.is("Div") && self.scaled(node).is_none()
    }
}
