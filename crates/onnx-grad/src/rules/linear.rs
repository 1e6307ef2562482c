//! Matrix products.

use crate::error::Result;
use crate::onnx::AttributeProto as Attribute;
use crate::tape::{Node, Tape, Tensor};
use crate::types::Variant;

/// Y = alpha A' B' + beta C, where ' is an optional transposition.
pub fn gemm(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let flag = |name: &str| node.proto.int(name).unwrap_or(0) != 0;
    let alpha = node.proto.float("alpha").unwrap_or(1.0);
    let (trans_a, trans_b) = (flag("transA"), flag("transB"));
    let (a, b) = (node.input(0)?, node.input(1)?);
    if [a, b, grad].iter().any(|matrix| matrix.rank() != 2) {
        return Err(node.error("has operands that are not matrices"));
    }
    let by_a = if trans_a {
        product(tape, (b, trans_b), (grad, true), alpha)
    } else if let Some(weights) = of_classes(tape, grad, b, usize::from(!trans_b)) {
        tape.scale(&weights, f64::from(alpha))
    } else if let Some(transposed) = separate(tape, b) {
        product(tape, (grad, false), (&transposed, trans_b), alpha)
    } else {
        product(tape, (grad, false), (b, !trans_b), alpha)
    };
    let by_b = match trans_b {
        false => product(tape, (a, !trans_a), (grad, false), alpha),
        true => product(tape, (grad, true), (a, trans_a), alpha),
    };
    let by_c = tape.scale(grad, f64::from(node.proto.float("beta").unwrap_or(1.0)));
    Ok(vec![Some(by_a), Some(by_b), Some(by_c)])
}

/// The product of `grad` and weights with the classes along `axis`, if the backward pass starts
/// here: `grad` is one-hot, so the product is the weights of the target classes.
fn of_classes(tape: &mut Tape, grad: &Tensor, weights: &Tensor, axis: usize) -> Option<Tensor> {
    let (classes, signs) = tape.seed_classes(grad)?;
    let fits = weights.rank() == 2 && weights.shape[axis] == grad.shape[1] && tape.constant_of(weights).is_some();
    let inputs = *weights.shape.get(1 - axis).filter(|_| fits)?;
    let mut shape = vec![classes.shape[0], inputs];
    if axis == 1 {
        shape.reverse();
    }
    let attributes = vec![Attribute::int("axis", axis as i64)];
    let taken = tape.emit("Gather", &[weights, &classes], attributes, weights.dtype, shape);
    let rows = if axis == 1 { tape.transpose(&taken, &[1, 0]) } else { taken };
    Some(tape.mul(&rows, &signs))
}

/// alpha A' B' of two matrices. Before opset 11, Gemm needs a third operand, so a zero is passed.
fn product(tape: &mut Tape, (a, trans_a): (&Tensor, bool), (b, trans_b): (&Tensor, bool), alpha: f32) -> Tensor {
    let shape = vec![a.shape[usize::from(trans_a)], b.shape[usize::from(!trans_b)]];
    let attributes = vec![
        Attribute::float("alpha", alpha),
        Attribute::int("transA", i64::from(trans_a)),
        Attribute::int("transB", i64::from(trans_b)),
    ];
    let zero = tape.scalar(a, 0.0);
    let inputs = if tape.opset() < 11 { vec![a, b, &zero] } else { vec![a, b] };
    tape.emit("Gemm", &inputs, attributes, a.dtype, shape)
}

/// Batched matrices. A vector counts as one row on the left and as one column on the right.
pub fn matmul(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (a, b) = (node.input(0)?, node.input(1)?);
    if a.rank() == 0 || b.rank() == 0 {
        return Err(node.error("has operands that are not matrices"));
    }
    let (row, column) = (a.rank() == 1, b.rank() == 1);
    let left = if row { [&[1], a.shape.as_slice()].concat() } else { a.shape.clone() };
    let right = if column { [b.shape.as_slice(), &[1]].concat() } else { b.shape.clone() };
    let mut shape = crate::tape::broadcast(&left[..left.len() - 2], &right[..right.len() - 2]);
    shape.extend([left[left.len() - 2], right[right.len() - 1]]);
    let (a, b, grad) = (tape.reshape(a, &left), tape.reshape(b, &right), tape.reshape(grad, &shape));
    let mut by_a = of_classes(tape, &grad, &b, 1).unwrap_or_else(|| {
        let b_turned = transposed(tape, &b);
        tape.matmul(&grad, &b_turned)
    });
    let a_turned = transposed(tape, &a);
    let mut by_b = tape.matmul(&a_turned, &grad);
    if row && by_a.rank() >= 2 {
        by_a = without_axis(tape, &by_a, by_a.rank() - 2);
    }
    if column && by_b.rank() >= 2 {
        by_b = without_axis(tape, &by_b, by_b.rank() - 1);
    }
    Ok(vec![Some(by_a), Some(by_b)])
}

/// A separate constant with the transpose of a square weight matrix, for OpenVINO 2025.4: OpenVINO
/// treats a matrix that one product reads as it is and another reads transposed as identical in
/// both.
fn separate(tape: &mut Tape, weights: &Tensor) -> Option<Tensor> {
    let rank = weights.rank();
    if tape.variant() != Variant::OpenVino || rank < 2 || weights.shape[rank - 2] != weights.shape[rank - 1] {
        return None;
    }
    let transposed = tape.constant_of(weights)?.transposed(&last_two_swapped(rank))?;
    Some(tape.constant(transposed))
}

fn last_two_swapped(rank: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank - 2, rank - 1);
    order
}

/// Batched matrices, transposed.
pub fn transposed(tape: &mut Tape, x: &Tensor) -> Tensor {
    separate(tape, x).unwrap_or_else(|| tape.transpose(x, &last_two_swapped(x.rank())))
}

fn without_axis(tape: &mut Tape, x: &Tensor, axis: usize) -> Tensor {
    let mut shape = x.shape.clone();
    shape.remove(axis);
    tape.reshape(x, &shape)
}
