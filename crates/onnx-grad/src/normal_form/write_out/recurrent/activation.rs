//! The activations of recurrent layers.

use super::Kind;
use crate::error::Result;
use crate::onnx::AttributeProto as Attribute;
use crate::tape::{Node, Tape, Tensor};

#[derive(Clone)]
pub struct Activation {
    name: String,
    alpha: f32,
    beta: f32,
}

/// Default alpha and beta of the activations that have them; `None` for an argument that the activation lacks.
fn defaults(name: &str) -> Option<(Option<f32>, Option<f32>)> {
    Some(match name {
        "sigmoid" | "tanh" | "relu" | "softsign" | "softplus" => (None, None),
        "leakyrelu" => (Some(0.01), None),
        "thresholdedrelu" | "elu" => (Some(1.0), None),
        "hardsigmoid" => (Some(0.2), Some(0.5)),
        "affine" => (Some(1.0), Some(0.0)),
        "scaledtanh" => (Some(1.0), Some(1.0)),
        _ => return None,
    })
}

/// The activations of all directions. Those that take an alpha or a beta take the next one in the list.
pub fn activations(node: &Node, kind: Kind, directions: usize) -> Result<Vec<Activation>> {
    let default: Vec<&str> = kind.activations().repeat(directions);
    let names = match node.proto.texts("activations") {
        Some(names) if names.len() == default.len() => names,
        Some(names) if !names.is_empty() && names.len() != default.len() && kind != Kind::Rnn => {
            return Err(node.error(&format!("has {} activations and needs {}", names.len(), default.len())));
        }
        // The default for RNN names two, whatever the direction.
        Some(names) if names.len() > default.len() => names[..default.len()].to_vec(),
        _ => default,
    };
    let list = |name: &str| node.proto.floats(name).unwrap_or_default().iter().copied();
    let (mut alphas, mut betas) = (list("activation_alpha"), list("activation_beta"));
    let activation = |name: &str| {
        let name = name.to_lowercase();
        let (alpha, beta) = defaults(&name).ok_or_else(|| node.error(&format!("has the unknown activation {name}")))?;
        let alpha = alpha.map_or(0.0, |default| alphas.next().unwrap_or(default));
        let beta = beta.map_or(0.0, |default| betas.next().unwrap_or(default));
        Ok(Activation { name, alpha, beta })
    };
    names.into_iter().map(activation).collect()
}

impl Activation {
    pub fn apply(&self, tape: &mut Tape, x: &Tensor) -> Tensor {
        let (alpha, beta) = (f64::from(self.alpha), f64::from(self.beta));
        let mut with = |op: &str, attributes: Vec<Attribute>| tape.emit(op, &[x], attributes, x.dtype, x.shape.clone());
        let own_alpha = || Attribute::float("alpha", self.alpha);
        match self.name.as_str() {
            "sigmoid" => with("Sigmoid", vec![]),
            "tanh" => with("Tanh", vec![]),
            "relu" => with("Relu", vec![]),
            "softsign" => with("Softsign", vec![]),
            "softplus" => with("Softplus", vec![]),
            "leakyrelu" => with("LeakyRelu", vec![own_alpha()]),
            "thresholdedrelu" => with("ThresholdedRelu", vec![own_alpha()]),
            "elu" => with("Elu", vec![own_alpha()]),
            "hardsigmoid" => with("HardSigmoid", vec![own_alpha(), Attribute::float("beta", self.beta)]),
            "scaledtanh" => {
                let scaled = tape.scale(x, beta);
                let squashed = tape.unary("Tanh", &scaled);
                tape.scale(&squashed, alpha)
            }
            _ => {
                let (scaled, offset) = (tape.scale(x, alpha), tape.scalar(x, beta));
                tape.add(&scaled, &offset)
            }
        }
    }
}
