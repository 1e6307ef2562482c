//! Einstein sums. The gradient of one operand is the Einstein sum of the result's gradient and the
//! other operands, with that operand's indices as the result.

use crate::error::Result;
use crate::onnx::{AttributeProto as Attribute, TensorProto};
use crate::tape::{Node, Tape, Tensor};

/// An operand that repeats an index reads a diagonal: its gradient is multiplied by an identity matrix.
pub fn einsum(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let operands = (0..node.inputs.len()).map(|index| node.input(index)).collect::<Result<Vec<_>>>()?;
    let equation = node.proto.text("equation").and_then(|text| EinsumEquation::parse(text, &operands, grad));
    let equation = equation.ok_or_else(|| node.error("has an equation that does not fit its inputs"))?;
    Ok((0..operands.len()).map(|index| equation.gradient(tape, &operands, grad, index)).collect())
}

/// The indices of a value, and the value.
type Term = (Vec<char>, Tensor);

/// Larger than the diagonal of a matrix in any real model.
const MAX_DIAGONAL: usize = 4096;

/// The indices of every operand and of the result, one letter per axis.
struct EinsumEquation {
    operands: Vec<Vec<char>>,
    result: Vec<char>,
}

impl EinsumEquation {
    /// Replaces an ellipsis with unused letters. `None` if the equation is malformed or its ranks
    /// do not match the values.
    fn parse(text: &str, operands: &[&Tensor], result: &Tensor) -> Option<Self> {
        let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
        let (left, right) = text.split_once("->").map_or((text.as_str(), None), |(left, right)| (left, Some(right)));
        let terms: Vec<&str> = left.split(',').collect();
        if terms.len() != operands.len() {
            return None;
        }
        let free: Vec<char> = ('a'..='z').chain('A'..='Z').filter(|letter| !text.contains(*letter)).collect();
        let pairs = || terms.iter().zip(operands);
        let operands = pairs().map(|(term, x)| letters(term, x.rank(), &free)).collect::<Option<Vec<_>>>()?;
        let implicit = || {
            let once = |letter: &char| left.matches(*letter).count() == 1;
            let ellipsis = if left.contains('.') { "..." } else { "" };
            let sorted = ('A'..='Z').chain('a'..='z').filter(once);
            ellipsis.chars().chain(sorted).collect()
        };
        let right = right.map_or_else(implicit, str::to_owned);
        Some(Self { operands, result: letters(&right, result.rank(), &free)? })
    }

    /// The indices of operand `index` with another letter for each one that it repeats, and the identity matrices with
    /// both letters. `None` if there is no letter left.
    fn diagonals(&self, tape: &mut Tape, x: &Tensor, index: usize) -> Option<(Vec<char>, Vec<Term>)> {
        let mut own = self.operands[index].clone();
        let mut identities = Vec::new();
        for place in 0..own.len() {
            let Some(first) = own[..place].iter().position(|letter| *letter == own[place]) else { continue };
            let used = |letter: &char| own.contains(letter) || self.operands.iter().flatten().any(|l| l == letter);
            let free = ('a'..='z').chain('A'..='Z').find(|letter| !used(letter) && !self.result.contains(letter))?;
            let size = x.shape[place];
            if x.shape[first] != size || size > MAX_DIAGONAL {
                return None;
            }
            let values: Vec<f64> = (0..size * size).map(|at| f64::from(u8::from(at / size == at % size))).collect();
            let identity = tape.constant(TensorProto::from_reals("", x.dtype, &[size, size], &values));
            identities.push((vec![own[place], free], identity));
            own[place] = free;
        }
        Some((own, identities))
    }

    /// The gradient with respect to operand `index`, repeated along the axes that only this operand
    /// sums over.
    fn gradient(&self, tape: &mut Tape, operands: &[&Tensor], grad: &Tensor, index: usize) -> Option<Tensor> {
        let x = operands[index];
        let (own, identities) = self.diagonals(tape, x, index)?;
        let others = || (0..operands.len()).filter(|other| *other != index);
        let other_terms = others().map(|other| &self.operands[other]);
        let terms: Vec<&Vec<char>> =
            [&self.result].into_iter().chain(other_terms).chain(identities.iter().map(|(term, _)| term)).collect();
        let other_values = others().map(|other| operands[other]);
        let values: Vec<&Tensor> =
            [grad].into_iter().chain(other_values).chain(identities.iter().map(|(_, value)| value)).collect();
        let size = |letter: &char| {
            let places = terms.iter().zip(&values).filter_map(|(term, value)| {
                term.iter().position(|other| other == letter).map(|axis| value.shape[axis])
            });
            places.reduce(|a, b| if a == 1 { b } else { a })
        };
        let sizes: Vec<Option<usize>> = own.iter().map(size).collect();
        let kept: Vec<char> = own.iter().zip(&sizes).filter(|(_, size)| size.is_some()).map(|(l, _)| *l).collect();
        let left: Vec<String> = terms.iter().map(|term| term.iter().collect()).collect();
        let equation = format!("{}->{}", left.join(","), kept.iter().collect::<String>());
        let shape = sizes.iter().flatten().copied().collect();
        let sum = tape.emit("Einsum", &values, vec![Attribute::text("equation", &equation)], grad.dtype, shape);
        let sum = tape.reshape(&sum, &sizes.iter().map(|size| size.unwrap_or(1)).collect::<Vec<_>>());
        let full: Vec<usize> = sizes.iter().zip(&x.shape).map(|(size, own)| size.unwrap_or(*own)).collect();
        Some(tape.expand(&sum, &full))
    }
}

/// One letter per axis for a term of an equation. An ellipsis uses the last letters of `free`.
fn letters(term: &str, rank: usize, free: &[char]) -> Option<Vec<char>> {
    let (before, after) = term.split_once("...").unwrap_or((term, ""));
    let given = before.len() + after.len();
    let hidden = rank.checked_sub(given).filter(|hidden| *hidden == 0 || term.contains("..."))?;
    let hidden = &free[free.len().checked_sub(hidden)?..];
    let letters: Vec<char> = before.chars().chain(hidden.iter().copied()).chain(after.chars()).collect();
    letters.iter().all(char::is_ascii_alphabetic).then_some(letters)
}
