//! One step of a recurrent layer.

use super::activation::Activation;
use super::{Layer, Parts};
use crate::tape::{Tape, Tensor};

impl Layer<'_> {
    /// An activation of a sum, which is clipped first if the layer clips.
    fn activated(&self, tape: &mut Tape, activation: &Activation, sum: &Tensor) -> Tensor {
        let sum = match self.clip {
            Some(clip) => tape.clip(sum, -clip, clip),
            None => sum.clone(),
        };
        activation.apply(tape, &sum)
    }

    pub fn rnn_step(&self, tape: &mut Tape, parts: &Parts, step: &Tensor, hidden: &Tensor) -> Tensor {
        let recurrent = tape.matmul(hidden, &parts.recurrent[0]);
        let sum = tape.add(step, &recurrent);
        self.activated(tape, &parts.activations[0], &sum)
    }

    /// Gates: update, reset, hidden.
    pub fn gru_step(&self, tape: &mut Tape, parts: &Parts, step: &Tensor, hidden: &Tensor) -> Tensor {
        let [f, g] = [0, 1].map(|index| &parts.activations[index]);
        let inputs = tape.split(step, 1, &[2 * self.hidden, self.hidden]);
        let both = [2 * self.hidden, self.hidden];
        let (sums, late) = if self.resets_late() {
            let all = tape.matmul(hidden, &parts.recurrent[0]);
            let all = tape.split(&all, 1, &both);
            (all[0].clone(), Some(all[1].clone()))
        } else {
            (tape.matmul(hidden, &parts.recurrent[0]), None)
        };
        let sums = tape.add(&inputs[0], &sums);
        let gates = self.activated(tape, f, &sums);
        let gates = tape.split(&gates, 1, &[self.hidden; 2]);
        let (update, reset) = (&gates[0], &gates[1]);
        let recurrent = match (late, &parts.hidden_bias) {
            (Some(late), Some(bias)) => {
                let late = tape.add(&late, bias);
                tape.mul(reset, &late)
            }
            (Some(late), None) => tape.mul(reset, &late),
            (None, _) => {
                let kept = tape.mul(reset, hidden);
                tape.matmul(&kept, &parts.recurrent[1])
            }
        };
        let sum = tape.add(&inputs[1], &recurrent);
        let proposed = self.activated(tape, g, &sum);
        // (1 - z) h' + z h = h' + z (h - h').
        let difference = tape.sub(hidden, &proposed);
        let kept = tape.mul(update, &difference);
        tape.add(&proposed, &kept)
    }

    /// Gates: input, output, forget, cell.
    pub fn lstm_step(
        &self,
        tape: &mut Tape,
        parts: &Parts,
        step: &Tensor,
        (hidden, cell): (&Tensor, &Tensor),
    ) -> (Tensor, Option<Tensor>) {
        let [f, g, h] = [0, 1, 2].map(|index| &parts.activations[index]);
        let recurrent = tape.matmul(hidden, &parts.recurrent[0]);
        let sums = tape.add(step, &recurrent);
        let sums = tape.split(&sums, 1, &parts.sizes);
        let seen = |tape: &mut Tape, gate: usize, peephole: usize, cell: &Tensor| match &parts.peepholes {
            Some(peepholes) => {
                let seen = tape.mul(&peepholes[peephole], cell);
                tape.add(&sums[gate], &seen)
            }
            None => sums[gate].clone(),
        };
        let input = seen(tape, 0, 0, cell);
        let input = self.activated(tape, f, &input);
        let forget = if self.node.proto.int("input_forget").unwrap_or(0) != 0 {
            let one = tape.scalar(&input, 1.0);
            tape.sub(&one, &input)
        } else {
            let forget = seen(tape, 2, 2, cell);
            self.activated(tape, f, &forget)
        };
        let proposed = self.activated(tape, g, &sums[3]);
        let (kept, added) = (tape.mul(&forget, cell), tape.mul(&input, &proposed));
        let cell = tape.add(&kept, &added);
        let output = seen(tape, 1, 1, &cell);
        let output = self.activated(tape, f, &output);
        let shown = h.apply(tape, &cell);
        (tape.mul(&output, &shown), Some(cell))
    }
}
