//! Elementwise arithmetic. Operands broadcast; the backward pass sums over repeated axes.

use crate::error::Result;
use crate::onnx::TensorProto;
use crate::tape::{Node, Tape, Tensor};

pub fn add(_: &mut Tape, _: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    Ok(vec![Some(grad.clone()), Some(grad.clone())])
}

pub fn sum(_: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    Ok(vec![Some(grad.clone()); node.inputs.len()])
}

pub fn sub(tape: &mut Tape, _: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    Ok(vec![Some(grad.clone()), Some(tape.unary("Neg", grad))])
}

pub fn mul(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (a, b) = (node.input(0)?, node.input(1)?);
    Ok(vec![Some(tape.mul(grad, b)), Some(tape.mul(grad, a))])
}

/// d(a/b) = da/b - (a/b) db/b.
pub fn div(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let over = tape.div(grad, node.input(1)?);
    let by_divisor = tape.mul(&over, node.output(0)?);
    Ok(vec![Some(over), Some(tape.unary("Neg", &by_divisor))])
}

/// The mean of all operands, broadcast.
pub fn mean(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let share = tape.scale(grad, 1.0 / node.inputs.len() as f64);
    Ok(vec![Some(share); node.inputs.len()])
}

/// The gradient is shared equally among the operands that equal the result, as in PyTorch.
pub fn extremum(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let y = node.output(0)?;
    let one = tape.scalar(y, 1.0);
    let mut hits = Vec::new();
    for index in 0..node.inputs.len() {
        let hit = tape.equal(node.input(index)?, y);
        hits.push(tape.keep(&hit, &one));
    }
    let Some(count) = hits.iter().cloned().reduce(|count, hit| tape.add(&count, &hit)) else {
        return Err(node.error("has no operands"));
    };
    let share = tape.div(grad, &count);
    Ok(hits.iter().map(|hit| Some(tape.mul(&share, hit))).collect())
}

/// The gradient goes to the selected operand.
pub fn choice(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let condition = node.input(0)?;
    let chosen = tape.keep(condition, grad);
    let otherwise = tape.unary("Not", condition);
    let other = tape.keep(&otherwise, grad);
    Ok(vec![None, Some(chosen), Some(other)])
}

/// d(x^e) = e x^(e - 1) dx + x^e ln(x) de. The first term is 0 where e is 0, the second where x is not positive.
pub fn pow(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, e) = (node.input(0)?, node.input(1)?);
    let (zero, one) = (tape.scalar(x, 0.0), tape.scalar(x, 1.0));
    let positive = tape.compare("Greater", x, &zero);
    let base = tape.where_(&positive, x, &one);
    let logarithm = tape.unary("Log", &base);
    let by_e = tape.mul(node.output(0)?, &logarithm);
    let by_x = match tape.constant_of(e).map(TensorProto::reals).transpose()?.as_deref() {
        Some([2.0]) => tape.scale(x, 2.0),
        _ => power_slope(tape, x, e),
    };
    Ok(vec![Some(tape.mul(grad, &by_x)), Some(tape.mul(grad, &by_e))])
}

/// e x^(e - 1), and 0 where e is 0, whatever x is.
fn power_slope(tape: &mut Tape, x: &Tensor, e: &Tensor) -> Tensor {
    let (zero, one) = (tape.scalar(x, 0.0), tape.scalar(x, 1.0));
    let e = tape.cast(e, x.dtype);
    let none = tape.equal(&e, &zero);
    let lowered = tape.sub(&e, &one);
    let lowered = tape.where_(&none, &zero, &lowered);
    let power = tape.binary("Pow", x, &lowered);
    tape.mul(&e, &power)
}

pub fn neg(tape: &mut Tape, _: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    Ok(vec![Some(tape.unary("Neg", grad))])
}

/// g sign(x): 0 at 0.
pub fn abs(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let sign = tape.sign(node.input(0)?);
    Ok(vec![Some(tape.mul(grad, &sign))])
}

/// g / (2 y), which has no finite value at 0.
pub fn sqrt(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let half = tape.scale(grad, 0.5);
    Ok(vec![Some(tape.div(&half, node.output(0)?))])
}

/// -g y^2.
pub fn reciprocal(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let y = node.output(0)?;
    let square = tape.mul(y, y);
    let result = tape.mul(grad, &square);
    Ok(vec![Some(tape.unary("Neg", &result))])
}

/// g y.
pub fn exp(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    Ok(vec![Some(tape.mul(grad, node.output(0)?))])
}

/// g / x.
pub fn log(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    Ok(vec![Some(tape.div(grad, node.input(0)?))])
}

/// a - b trunc(a / b), or with floor. The quotient is (a - y) / b without rounding again.
pub fn modulo(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (a, b) = (node.input(0)?, node.input(1)?);
    let whole = tape.sub(a, node.output(0)?);
    let quotient = tape.div(&whole, b);
    let by_b = tape.mul(grad, &quotient);
    Ok(vec![Some(grad.clone()), Some(tape.unary("Neg", &by_b))])
}

/// The first number plus the step times 0, 1, 2 and so on. The end only decides their count.
pub fn range(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let start = node.input(0)?;
    let numbers: Vec<f64> = (0..grad.shape.iter().product()).map(|number: usize| number as f64).collect();
    let numbers = tape.constant(TensorProto::from_reals("", grad.dtype, &[numbers.len()], &numbers));
    let weighted = tape.mul(grad, &numbers);
    let mut sum = |x: &Tensor| {
        let sum = tape.reduce_sum(x, &[0]);
        tape.reshape(&sum, &start.shape)
    };
    Ok(vec![Some(sum(grad)), None, Some(sum(&weighted))])
}
