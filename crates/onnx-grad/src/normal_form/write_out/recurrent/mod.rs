//! Recurrent layers, one step after the other.

mod activation;
mod cell;

use activation::{Activation, activations};

use crate::error::Result;
use crate::tape::{Node, Tape, Tensor};

/// The largest number of steps, of both directions together. ONNX Runtime takes seconds to load what is written out.
const MAX_STEPS: usize = 512;

pub fn lstm(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    Layer::new(tape, node, Kind::Lstm)?.write(tape)
}

pub fn gru(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    Layer::new(tape, node, Kind::Gru)?.write(tape)
}

pub fn rnn(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    Layer::new(tape, node, Kind::Rnn)?.write(tape)
}

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Lstm,
    Gru,
    Rnn,
}

impl Kind {
    /// The number of gates.
    fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
            Self::Rnn => 1,
        }
    }

    /// The activations of one direction.
    pub fn activations(self) -> &'static [&'static str] {
        match self {
            Self::Lstm => &["Sigmoid", "Tanh", "Tanh"],
            Self::Gru => &["Sigmoid", "Tanh"],
            Self::Rnn => &["Tanh"],
        }
    }
}

/// A node with its arguments checked.
struct Layer<'a> {
    node: &'a Node<'a>,
    kind: Kind,
    /// `[steps, batch, inputs]`.
    x: Tensor,
    steps: usize,
    batch: usize,
    hidden: usize,
    /// Whether each direction runs backwards.
    directions: Vec<bool>,
    activations: Vec<Activation>,
    clip: Option<f64>,
}

impl<'a> Layer<'a> {
    fn new(tape: &Tape, node: &'a Node, kind: Kind) -> Result<Self> {
        let (x, weights, recurrent) = (node.input(0)?, node.input(1)?, node.input(2)?);
        let directions = match node.proto.text("direction").unwrap_or("forward") {
            "forward" => vec![false],
            "reverse" => vec![true],
            "bidirectional" => vec![false, true],
            other => return Err(node.error(&format!("has the unknown direction {other}"))),
        };
        let misfit = || node.error("has weights that do not fit its input");
        let [count, rows, hidden] = *recurrent.shape.as_slice() else { return Err(misfit()) };
        let [steps, batch, inputs] = *x.shape.as_slice() else { return Err(misfit()) };
        if node.proto.int("layout").unwrap_or(0) != 0 {
            return Err(node.error("has the batch first; prepare the model before"));
        }
        if count != directions.len() || hidden.checked_mul(kind.gates()) != Some(rows) {
            return Err(misfit());
        }
        if weights.shape != [count, rows, inputs] || [steps, batch, inputs, hidden].contains(&0) {
            return Err(misfit());
        }
        let clip = node.proto.float("clip").map(f64::from).filter(|clip| *clip > 0.0);
        let activations = activations(node, kind, count)?;
        let layer = Self { node, kind, x: x.clone(), steps, batch, hidden, directions, activations, clip };
        layer.check(tape)?;
        Ok(layer)
    }

    fn check(&self, tape: &Tape) -> Result<()> {
        let (node, count) = (self.node, self.directions.len());
        if self.steps.saturating_mul(count) > MAX_STEPS {
            let steps = self.steps;
            let problem =
                format!("runs {steps} steps, and {MAX_STEPS} of all directions together are written out at most");
            return Err(node.error(&format!("{problem}; export it with a shorter sequence")));
        }
        let states = self.states();
        let optional = [(3, vec![count, 2 * self.kind.gates() * self.hidden]), (5, states.clone()), (6, states)];
        let peepholes = [(7, vec![count, 3 * self.hidden])];
        for (index, shape) in optional.into_iter().chain(peepholes) {
            if self.argument(index).is_some_and(|value| value.shape != shape) {
                return Err(node.error(&format!("has an input {index} that does not fit its weights")));
            }
        }
        let Some(lengths) = self.argument(4) else { return Ok(()) };
        let known = tape.integers_of(lengths).unwrap_or_default();
        if known.len() != self.batch || known.iter().any(|length| *length != self.steps as i64) {
            let problem = "has sequences that are shorter than its input, or of unknown length";
            return Err(node.error(&format!("{problem}; export it without sequence_lens")));
        }
        Ok(())
    }

    fn argument(&self, index: usize) -> Option<&Tensor> {
        self.node.inputs.get(index).and_then(Option::as_ref)
    }

    /// The shape of initial and final states.
    fn states(&self) -> Vec<usize> {
        vec![self.directions.len(), self.batch, self.hidden]
    }

    /// The values of Y, Y_h and Y_c.
    fn write(&self, tape: &mut Tape) -> Result<Vec<Tensor>> {
        let (mut all, mut last, mut cells) = (Vec::new(), Vec::new(), Vec::new());
        for direction in 0..self.directions.len() {
            let (hidden, cell) = self.direction(tape, direction)?;
            let end = if self.directions[direction] { 0 } else { self.steps - 1 };
            last.push(tape.reshape(&hidden[end], &[1, self.batch, self.hidden]));
            cells.extend(cell.map(|cell| tape.reshape(&cell, &[1, self.batch, self.hidden])));
            let rows = tape.concat(&hidden, 0);
            all.push(tape.reshape(&rows, &[self.steps, 1, self.batch, self.hidden]));
        }
        let mut results = vec![tape.concat(&all, 1), tape.concat(&last, 0)];
        if !cells.is_empty() {
            results.push(tape.concat(&cells, 0));
        }
        Ok(results)
    }

    /// The hidden state `[batch, hidden]` after each step, by its place in the sequence, and the last cell state.
    fn direction(&self, tape: &mut Tape, direction: usize) -> Result<(Vec<Tensor>, Option<Tensor>)> {
        let parts = self.parts(tape, direction)?;
        let mut hidden = self.initial(tape, 5, direction);
        let mut cell = (self.kind == Kind::Lstm).then(|| self.initial(tape, 6, direction));
        let mut order: Vec<usize> = (0..self.steps).collect();
        if self.directions[direction] {
            order.reverse();
        }
        let mut states = vec![hidden.clone(); self.steps];
        for place in order {
            let step = &parts.steps[place];
            (hidden, cell) = match (self.kind, cell) {
                (Kind::Lstm, Some(cell)) => self.lstm_step(tape, &parts, step, (&hidden, &cell)),
                (Kind::Gru, _) => (self.gru_step(tape, &parts, step, &hidden), None),
                _ => (self.rnn_step(tape, &parts, step, &hidden), None),
            };
            states[place] = hidden.clone();
        }
        Ok((states, cell))
    }

    fn parts(&self, tape: &mut Tape, direction: usize) -> Result<Parts> {
        let (gates, rows) = (self.kind.gates(), self.kind.gates() * self.hidden);
        let weights = transposed(tape, self.node.input(1)?, direction);
        let recurrent = transposed(tape, self.node.input(2)?, direction);
        let inputs = self.x.shape[2];
        let flat = tape.reshape(&self.x, &[self.steps * self.batch, inputs]);
        let mut projected = tape.matmul(&flat, &weights);
        let mut hidden_bias = None;
        if let Some(bias) = self.argument(3) {
            let row = one(tape, bias, direction);
            let parts = tape.split(&row, 0, &[rows, rows]);
            projected = tape.add(&projected, &parts[0]);
            // GRU with linear_before_reset adds the recurrent bias of its last gate before the reset.
            if self.resets_late() {
                let halves = tape.split(&parts[1], 0, &[2 * self.hidden, self.hidden]);
                let zeros = tape.zeros(&halves[1]);
                let others = tape.concat(&[halves[0].clone(), zeros], 0);
                projected = tape.add(&projected, &others);
                hidden_bias = Some(halves[1].clone());
            } else {
                projected = tape.add(&projected, &parts[1]);
            }
        }
        let steps = tape.split(&projected, 0, &vec![self.batch; self.steps]);
        let peepholes = self.argument(7).map(|peepholes| {
            let row = one(tape, peepholes, direction);
            tape.split(&row, 0, &[self.hidden; 3])
        });
        let by_gate = if self.kind == Kind::Gru && !self.resets_late() {
            tape.split(&recurrent, 1, &[2 * self.hidden, self.hidden])
        } else {
            vec![recurrent]
        };
        let each = self.kind.activations().len();
        let activations = self.activations[direction * each..][..each].to_vec();
        Ok(Parts { steps, recurrent: by_gate, hidden_bias, peepholes, activations, sizes: vec![self.hidden; gates] })
    }

    fn resets_late(&self) -> bool {
        self.kind == Kind::Gru && self.node.proto.int("linear_before_reset").unwrap_or(0) != 0
    }

    /// The initial state in input `index`, or zeros.
    fn initial(&self, tape: &mut Tape, index: usize, direction: usize) -> Tensor {
        let shape = [self.batch, self.hidden];
        match self.argument(index) {
            Some(state) => one(tape, state, direction),
            None => tape.zeros(&Tensor { shape: shape.to_vec(), ..self.x.clone() }),
        }
    }
}

/// The arguments of one direction.
struct Parts {
    /// The projected input of each step, `[batch, gates * hidden]`.
    steps: Vec<Tensor>,
    recurrent: Vec<Tensor>,
    hidden_bias: Option<Tensor>,
    peepholes: Option<Vec<Tensor>>,
    activations: Vec<Activation>,
    /// The sizes of the gates.
    sizes: Vec<usize>,
}

/// The row of `x` for a direction, without its first axis.
fn one(tape: &mut Tape, x: &Tensor, direction: usize) -> Tensor {
    let (mut starts, mut ends) = (vec![0; x.rank()], x.shape.clone());
    (starts[0], ends[0]) = (direction, direction + 1);
    let row = tape.slice(x, &starts, &ends);
    tape.reshape(&row, &x.shape[1..])
}

/// The matrix of a direction, with rows for inputs and columns for gates.
fn transposed(tape: &mut Tape, x: &Tensor, direction: usize) -> Tensor {
    let matrix = one(tape, x, direction);
    tape.transpose(&matrix, &[1, 0])
}
