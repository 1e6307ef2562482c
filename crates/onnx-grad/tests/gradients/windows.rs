//! Sliding windows over a grid of attributes, against finite differences: what the runtime makes of padding, of windows
//! that reach past the input, and of strides longer than the kernel.

use crate::common::Graph;
use crate::differences::error_against_differences;
use onnx_grad::onnx::{AttributeProto as A, DataType, ModelProto};

const IMAGE: &[usize] = &[1, 3, 7, 6];

#[derive(Debug, Clone, Copy)]
struct Window {
    op: &'static str,
    opset: i64,
    kernel: [i64; 2],
    strides: [i64; 2],
    dilations: [i64; 2],
    /// `auto_pad`, or explicit padding.
    padding: Result<&'static str, [i64; 4]>,
    ceil: bool,
    counts_padding: bool,
}

impl Window {
    fn model(&self) -> ModelProto {
        let mut g = Graph::new(self.opset, DataType::Float);
        let mut attributes = vec![A::ints("kernel_shape", &self.kernel), A::ints("strides", &self.strides)];
        if self.dilations != [1, 1] {
            attributes.push(A::ints("dilations", &self.dilations));
        }
        match self.padding {
            Ok(text) => attributes.push(A::text("auto_pad", text)),
            Err([0, 0, 0, 0]) => {}
            Err(pads) => attributes.push(A::ints("pads", &pads)),
        }
        if self.ceil {
            attributes.push(A::int("ceil_mode", 1));
        }
        if self.counts_padding {
            attributes.push(A::int("count_include_pad", 1));
        }
        let y = match self.op {
            "Conv" => {
                let weights = g.weights(&[2, 3, self.kernel[0] as usize, self.kernel[1] as usize]);
                g.node("Conv", &["image", &weights], attributes)
            }
            op => g.node(op, &["image"], attributes),
        };
        // Squares weight every output differently, whatever their number: runtimes disagree on it in rare cases.
        let y = g.node("Flatten", &[&y], vec![]);
        let squares = g.node("Mul", &[&y, &y], vec![]);
        let axes = g.integers(&[1]);
        let first = match g.opset >= 13 {
            true => g.node("ReduceSum", &[&squares, &axes], vec![]),
            false => g.node("ReduceSum", &[&squares], vec![A::ints("axes", &[1])]),
        };
        let scores = g.node("Concat", &[&first, &first], vec![A::int("axis", 1)]);
        g.model(IMAGE, &scores)
    }
}

/// Whether an error is about what the runtime does not know, or about automatic padding with dilations.
fn refuses(problem: &str) -> bool {
    ["Unrecognized attribute", "Exception during initialization", "Dilation not supported", "pads automatically"]
        .iter()
        .any(|part| problem.contains(part))
}

/// All combinations of attributes for one operator and opset. At least `least` must be right; the runtime does not know
/// the others.
fn agree(op: &'static str, opset: i64, step: f64, least: usize) {
    let mut wrong = Vec::new();
    let mut right = 0;
    for (kernel, strides) in [([3, 2], [2, 3]), ([2, 3], [1, 1]), ([1, 2], [3, 4]), ([3, 3], [2, 2])] {
        for dilations in [[1, 1], [2, 2]] {
            for padding in
                [Err([0; 4]), Err([1, 1, 0, 1]), Err([0, 1, 0, 0]), Ok("SAME_UPPER"), Ok("SAME_LOWER"), Ok("VALID")]
            {
                for (ceil, counts_padding) in [(false, false), (false, true), (true, false), (true, true)] {
                    let window = Window { op, opset, kernel, strides, dilations, padding, ceil, counts_padding };
                    let skip = (counts_padding && op != "AveragePool") || (ceil && op == "Conv");
                    if skip {
                        continue;
                    }
                    match error_against_differences(&window.model(), IMAGE, step) {
                        Ok(error) if error < 2e-3 => right += 1,
                        Ok(error) => wrong.push(format!("{error:.4}: {window:?}")),
                        Err(problem) if !refuses(&problem.to_string()) => wrong.push(format!("{problem}: {window:?}")),
                        Err(_) => {}
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty() && right >= least, "opset {opset}, {right} right\n{}", wrong.join("\n"));
}

#[test]
fn means_over_windows_agree_with_finite_differences() {
    for (opset, least) in [(11, 92), (18, 92), (19, 152), (22, 152)] {
        agree("AveragePool", opset, 0.25, least);
    }
}

#[test]
fn norms_over_windows_agree_with_finite_differences() {
    for (opset, least) in [(11, 23), (18, 76), (22, 76)] {
        agree("LpPool", opset, 1e-3, least);
    }
}

#[test]
fn maxima_over_windows_agree_with_finite_differences() {
    for (opset, least) in [(12, 76), (22, 76)] {
        agree("MaxPool", opset, 1e-3, least);
    }
}

#[test]
fn convolutions_agree_with_finite_differences_for_any_padding() {
    agree("Conv", 11, 0.25, 40);
    agree("Conv", 22, 0.25, 40);
}
