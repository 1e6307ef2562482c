//! Reverse-mode differentiation of ONNX graphs: from a classifier to the classifier and its input gradient.
//!
//! [`differentiate`] appends the backward pass as ordinary nodes of the standard domain, which
//! stock ONNX Runtime runs. Each operator has one rule ([`RULES`]) that computes the gradients of
//! its inputs; the backward pass adds them up and undoes broadcasting.
//!
//! [`compile`] does the same for any model: an [`Objective`] made of its outputs, differentiated by any inputs or values
//! inside it.
//!
//! ```
//! # mod runtime { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/ort/runtime.rs")); }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use onnx_grad::{Options, Request, differentiate, load, prepare, save};
//! use ort::value::Tensor;
//!
//! # let folder = tempfile::tempdir()?;
//! # let out = folder.path().join("gradient.onnx");
//! # let (out, pixels) = (out.as_path(), vec![0.5f32; 3 * 16 * 12]);
//! let classifier = load("tests/fixtures/small.onnx".as_ref())?;
//! // `runtime::run` runs a model once to find shapes; the example `ort` implements it for ONNX Runtime.
//! let (classifier, shapes) = prepare(classifier, &Request::default(), runtime::run)?;
//! save(&differentiate(&classifier, &shapes, &Options::default())?, out)?;
//!
//! // From here on, any ONNX Runtime can run the model.
//! let mut session = runtime::session(&load(out)?, runtime::Provider::Cpu)?;
//! let image = Tensor::from_array(([1, 3, 16, 12], pixels))?;
//! let target = Tensor::from_array(([1], vec![-1i64]))?; // the top class
//! let found = session.run(ort::inputs!["image" => image, "target" => target])?;
//! let (shape, gradient) = found["gradient"].try_extract_tensor::<f32>()?;
//! assert_eq!(**shape, [1, 3, 16, 12]);
//! assert!(gradient.iter().any(|slope| *slope != 0.0));
//! # Ok(())
//! # }
//! ```
//!
//! # Ties and kinks
//! - `Relu`: the gradient at exactly 0 is 0. `Clip`, `HardSigmoid` and `HardSwish` use the inner
//!   slope only strictly inside their bounds. `Abs` and `ReduceL1`: 0 at 0; `ReduceL2`: 0 if all
//!   elements are 0.
//! - `Max`, `Min`, `ReduceMax` and `ReduceMin`: tied operands or elements get equal shares, as in
//!   PyTorch.
//! - `MaxPool`: the first element that equals its window's maximum gets the window's gradient, as
//!   in PyTorch. Ties are common in flat image regions and when a pooled map is pooled again.
//!   `GlobalMaxPool` shares the gradient among tied elements.
//! - `ScatterElements` and `ScatterND` with `max` or `min`: what equals the result gets equal shares.
//! - `TopK`, `MaxUnpool` and sampling at the nearest pixel: positions count as constant. Where they
//!   change, the result jumps.
//! - `QuantizeLinear`: straight-through, as if it did not round, and 0 if the result saturates. The
//!   same holds for the `QLinear` operators. `DynamicQuantizeLinear` never saturates.
//! - `If`, and loops that the image may end: the gradient of what runs for this image.
//! - Half precision is computed in float32, so scores differ from the model's own by its rounding.
//! - If a unit lies within rounding error of a kink, rounding decides which side it is on. Runtimes
//!   agree to about 1e-6 relative (L2) if no unit does; each one that does can change a deep
//!   network's gradient by about 1e-3.

#![warn(missing_docs)]

mod active;
mod backward;
mod branches;
mod derivative;
mod differentiate;
mod error;
mod method;
mod normal_form;
pub mod onnx;
mod polyphase;
mod prepare;
mod rules;
mod score;
mod signature;
mod tape;
mod types;

pub use derivative::compile::{Compiled, compile, logits};
pub use derivative::interface::SCORE;
pub use derivative::objective::{COTANGENT, Objective, Selection, Term};
pub use derivative::{Batch, Derivative, GivenInput};
pub use differentiate::{check_opset, differentiate};
pub use error::{Error, Result};
pub use method::image_axes::channels_axis;
pub use method::quadrature::gauss_legendre;
pub use method::sampling_loop::blur_deviation;
pub use normal_form::write_out::{WRITTEN_OUT, WriteOut, has_gradient};
pub use onnx::{load, save};
pub use prepare::image_input::{MAX_SIDE, note_on_size};
pub use prepare::probe::{Probe, ProbeInput, ProbedValue};
pub use prepare::request::Request;
pub use prepare::{find_shapes, prepare};
pub use rules::{BLOCKED, RULES, Rule};
pub use score::choice::note_on_scores;
pub use score::output::{Index, ScoreOutput};
pub use tape::{Node, Tape, Tensor};
pub use types::{
    ACTIVATION, Baseline, CLASS, EXPLAIN, Explain, FEATURES, GRADIENT, Layer, MAX_SEED, METHOD, Method,
    OPPOSITE_OF_FIRST, Options, PROBABILITIES, Perturbation, Probabilities, SCORES, SCORES_NOTE, SCORES_OF, Sampling,
    ScoreCandidate, Shapes, Statistic, TARGET, TensorType, Variant,
};
