//! Builder methods of the tape. Each writes the form of its operator that the model's opset
//! requires.

use super::{Tape, Tensor};
use crate::onnx::{AttributeProto as Attribute, DataType, TensorProto};
use crate::types::Variant;

impl Tape<'_> {
    /// A constant scalar with the type of `like`.
    pub fn scalar(&mut self, like: &Tensor, value: f64) -> Tensor {
        self.constant(TensorProto::from_reals("", like.dtype, &[], &[value]))
    }

    /// A constant vector of integers.
    pub fn integers(&mut self, values: &[i64]) -> Tensor {
        self.constant(TensorProto::from_integers("", &[values.len()], values))
    }

    /// `a + b`, broadcast.
    pub fn add(&mut self, a: &Tensor, b: &Tensor) -> Tensor {
        self.binary("Add", a, b)
    }

    /// `a - b`, broadcast.
    pub fn sub(&mut self, a: &Tensor, b: &Tensor) -> Tensor {
        self.binary("Sub", a, b)
    }

    /// `a * b`, broadcast.
    pub fn mul(&mut self, a: &Tensor, b: &Tensor) -> Tensor {
        self.binary("Mul", a, b)
    }

    /// `a / b`, broadcast.
    pub fn div(&mut self, a: &Tensor, b: &Tensor) -> Tensor {
        self.binary("Div", a, b)
    }

    /// `x * value`.
    pub fn scale(&mut self, x: &Tensor, value: f64) -> Tensor {
        let value = self.scalar(x, value);
        self.mul(x, &value)
    }

    /// An elementwise operator with two operands of the same type, broadcast.
    pub fn binary(&mut self, op: &str, a: &Tensor, b: &Tensor) -> Tensor {
        let shape = self.broadcast(op, a, b);
        self.emit(op, &[a, b], vec![], a.dtype, shape)
    }

    /// A comparison (Greater, Less) or a logical operator (And, Or), broadcast. The result is
    /// boolean.
    pub fn compare(&mut self, op: &str, a: &Tensor, b: &Tensor) -> Tensor {
        let shape = self.broadcast(op, a, b);
        self.emit(op, &[a, b], vec![], DataType::Bool, shape)
    }

    /// Whether `a` equals `b`, broadcast. Equal does not support floating-point numbers before
    /// opset 11.
    pub fn equal(&mut self, a: &Tensor, b: &Tensor) -> Tensor {
        if self.opset() >= 11 || !a.dtype.is_float() {
            return self.compare("Equal", a, b);
        }
        let greater = self.compare("Greater", a, b);
        let less = self.compare("Less", a, b);
        let differs = self.compare("Or", &greater, &less);
        self.unary("Not", &differs)
    }

    /// An elementwise operator with one operand that keeps its type.
    pub fn unary(&mut self, op: &str, x: &Tensor) -> Tensor {
        self.emit(op, &[x], vec![], x.dtype, x.shape.clone())
    }

    /// The sign: -1, 0 or 1. Written as comparisons before opset 9.
    pub fn sign(&mut self, x: &Tensor) -> Tensor {
        if self.opset() >= 9 {
            return self.unary("Sign", x);
        }
        let zero = self.scalar(x, 0.0);
        let [above, below] = ["Greater", "Less"].map(|op| {
            let side = self.compare(op, x, &zero);
            self.cast(&side, x.dtype)
        });
        self.sub(&above, &below)
    }

    /// `a` where `condition` holds, otherwise `b`, broadcast. Written as arithmetic before opset 9.
    pub fn where_(&mut self, condition: &Tensor, a: &Tensor, b: &Tensor) -> Tensor {
        if self.opset() >= 9 {
            let shape = self.broadcast("Where", a, b);
            let shape = broadcast(&condition.shape, &shape);
            return self.emit("Where", &[condition, a, b], vec![], a.dtype, shape);
        }
        let mask = self.cast(condition, a.dtype);
        let difference = self.sub(a, b);
        let chosen = self.mul(&mask, &difference);
        self.add(&chosen, b)
    }

    /// `x` where `condition` holds, otherwise 0. In ONNX Runtime, multiplying is ten times as fast
    /// as selecting; in OpenVINO, selecting is faster.
    pub fn keep(&mut self, condition: &Tensor, x: &Tensor) -> Tensor {
        if self.variant() == Variant::OnnxRuntime {
            let mask = self.cast(condition, x.dtype);
            return self.mul(x, &mask);
        }
        let zero = self.scalar(x, 0.0);
        self.where_(condition, x, &zero)
    }

    /// `x` limited to the range from `low` to `high`.
    pub fn clip(&mut self, x: &Tensor, low: f64, high: f64) -> Tensor {
        if self.opset() < 11 {
            let bounds = vec![Attribute::float("min", low as f32), Attribute::float("max", high as f32)];
            return self.emit("Clip", &[x], bounds, x.dtype, x.shape.clone());
        }
        let (low, high) = (self.scalar(x, low), self.scalar(x, high));
        self.emit("Clip", &[x, &low, &high], vec![], x.dtype, x.shape.clone())
    }

    /// `x` cast to another element type.
    pub fn cast(&mut self, x: &Tensor, dtype: DataType) -> Tensor {
        if x.dtype == dtype {
            return x.clone();
        }
        self.emit("Cast", &[x], vec![Attribute::int("to", dtype as i64)], dtype, x.shape.clone())
    }

    /// `x` reshaped to another shape with the same number of elements.
    pub fn reshape(&mut self, x: &Tensor, shape: &[usize]) -> Tensor {
        let fits = x.shape.iter().product::<usize>() == shape.iter().product::<usize>();
        if x.shape == shape || !self.expect(fits, "Reshape") {
            return x.clone();
        }
        let sizes = self.integers(&signed(shape));
        self.emit("Reshape", &[x, &sizes], vec![], x.dtype, shape.to_vec())
    }

    /// `x` with its axes in another order: axis `i` of the result is axis `order[i]` of `x`.
    pub fn transpose(&mut self, x: &Tensor, order: &[usize]) -> Tensor {
        if !self.expect(order.len() == x.rank() && order.iter().all(|axis| *axis < x.rank()), "Transpose") {
            return x.clone();
        }
        let shape = order.iter().map(|axis| x.shape[*axis]).collect();
        self.emit("Transpose", &[x], vec![Attribute::ints("perm", &signed(order))], x.dtype, shape)
    }

    /// `x` repeated along its axes of size 1, up to `shape`. Written as a multiplication by ones
    /// before opset 8, which has no operator for it, and for OpenVINO, whose operator is slow.
    pub fn expand(&mut self, x: &Tensor, shape: &[usize]) -> Tensor {
        if x.shape == shape || !self.expect(x.rank() <= shape.len(), "Expand") {
            return x.clone();
        }
        if x.dtype.is_float() && (self.opset() < 8 || self.variant() == Variant::OpenVino) {
            let ahead = shape.len() - x.rank();
            let repeated = |axis: usize| axis < ahead || x.shape[axis - ahead] == 1;
            let sizes: Vec<usize> = (0..shape.len()).map(|axis| if repeated(axis) { shape[axis] } else { 1 }).collect();
            let ones = vec![1.0; sizes.iter().product()];
            let ones = self.constant(TensorProto::from_reals("", x.dtype, &sizes, &ones));
            return self.mul(x, &ones);
        }
        let sizes = self.integers(&signed(shape));
        self.emit("Expand", &[x, &sizes], vec![], x.dtype, shape.to_vec())
    }

    /// The sum over `axes`, which are kept with size 1.
    pub fn reduce_sum(&mut self, x: &Tensor, axes: &[usize]) -> Tensor {
        self.reduce(x, "ReduceSum", axes)
    }

    /// A reduction (ReduceSum, ReduceMax, ...) over `axes`, which are kept with size 1.
    pub fn reduce(&mut self, x: &Tensor, op: &str, axes: &[usize]) -> Tensor {
        let shape = x.shape.iter().enumerate().map(|(axis, size)| if axes.contains(&axis) { 1 } else { *size });
        let (dtype, shape) = (x.dtype, shape.collect());
        let since = if op == "ReduceSum" { 13 } else { 18 };
        if self.opset() < since {
            return self.emit(op, &[x], vec![Attribute::ints("axes", &signed(axes))], dtype, shape);
        }
        let axes = self.integers(&signed(axes));
        self.emit(op, &[x, &axes], vec![], dtype, shape)
    }

    /// The part of `x` from `starts` up to but not including `ends` along each axis.
    pub fn slice(&mut self, x: &Tensor, starts: &[usize], ends: &[usize]) -> Tensor {
        let bounds = || starts.iter().zip(ends).zip(&x.shape);
        let inside = bounds().count() == x.rank() && bounds().all(|((start, end), size)| start <= end && end <= size);
        if !self.expect(inside, "Slice") {
            return x.clone();
        }
        let cut: Vec<usize> = (0..x.rank()).filter(|axis| starts[*axis] > 0 || ends[*axis] < x.shape[*axis]).collect();
        if cut.is_empty() {
            return x.clone();
        }
        let shape = starts.iter().zip(ends).map(|(start, end)| end - start).collect();
        let pick = |sizes: &[usize]| cut.iter().map(|axis| sizes[*axis] as i64).collect::<Vec<_>>();
        let arguments = [("starts", pick(starts)), ("ends", pick(ends)), ("axes", signed(&cut))];
        if self.opset() < 10 {
            let attributes = arguments.iter().map(|(name, values)| Attribute::ints(name, values)).collect();
            return self.emit("Slice", &[x], attributes, x.dtype, shape);
        }
        let [starts, ends, axes] = arguments.map(|(_, values)| self.integers(&values));
        self.emit("Slice", &[x, &starts, &ends, &axes], vec![], x.dtype, shape)
    }

    /// `x` in reverse order along `axes`, or `None` before opset 10, which has no operator for it.
    pub fn flip(&mut self, x: &Tensor, axes: &[usize]) -> Option<Tensor> {
        let axes: Vec<usize> = axes.iter().copied().filter(|axis| x.shape[*axis] > 1).collect();
        if axes.is_empty() {
            return Some(x.clone());
        }
        if self.opset() < 10 {
            return None;
        }
        let same = |value: i64| vec![value; axes.len()];
        let [starts, ends, axes, steps] =
            [same(-1), same(i64::MIN + 1), signed(&axes), same(-1)].map(|values| self.integers(&values));
        Some(self.emit("Slice", &[x, &starts, &ends, &axes, &steps], vec![], x.dtype, x.shape.clone()))
    }

    /// `x` with `begins` zeros before and `ends` zeros after it along each axis.
    pub fn pad(&mut self, x: &Tensor, begins: &[usize], ends: &[usize]) -> Tensor {
        let none = begins.iter().chain(ends).all(|count| *count == 0);
        if !self.expect(begins.len() == x.rank() && ends.len() == x.rank(), "Pad") || none {
            return x.clone();
        }
        let shape = (0..x.rank()).map(|axis| begins[axis] + x.shape[axis] + ends[axis]).collect();
        let pads: Vec<i64> = begins.iter().chain(ends).map(|count| *count as i64).collect();
        if self.opset() < 11 {
            return self.emit("Pad", &[x], vec![Attribute::ints("pads", &pads)], x.dtype, shape);
        }
        let pads = self.integers(&pads);
        let zero = self.scalar(x, 0.0);
        self.emit("Pad", &[x, &pads, &zero], vec![], x.dtype, shape)
    }

    /// Splits `x` into parts of the given sizes along `axis`.
    pub fn split(&mut self, x: &Tensor, axis: usize, sizes: &[usize]) -> Vec<Tensor> {
        let fits = x.shape.get(axis).is_some_and(|size| *size == sizes.iter().sum::<usize>());
        if !self.expect(fits, "Split") {
            return vec![x.clone(); sizes.len()];
        }
        let part = |size: &usize| {
            let mut shape = x.shape.clone();
            shape[axis] = *size;
            (x.dtype, shape)
        };
        let parts = sizes.iter().map(part).collect();
        let along = Attribute::int("axis", axis as i64);
        if self.opset() < 13 {
            return self.emit_many("Split", &[x], vec![along, Attribute::ints("split", &signed(sizes))], parts);
        }
        let sizes = self.integers(&signed(sizes));
        self.emit_many("Split", &[x, &sizes], vec![along], parts)
    }

    /// Concatenates `parts`, at least one, along `axis`.
    pub fn concat(&mut self, parts: &[Tensor], axis: usize) -> Tensor {
        let mut shape = parts[0].shape.clone();
        shape[axis] = parts.iter().map(|part| part.shape[axis]).sum();
        let inputs: Vec<&Tensor> = parts.iter().collect();
        self.emit("Concat", &inputs, vec![Attribute::int("axis", axis as i64)], parts[0].dtype, shape)
    }

    /// Zeros with the type and shape of `like`.
    pub fn zeros(&mut self, like: &Tensor) -> Tensor {
        let zero = self.constant(TensorProto::from_reals("", like.dtype, &vec![1; like.rank()], &[0.0]));
        self.expand(&zero, &like.shape)
    }

    /// The broadcast shape of `a` and `b`.
    fn broadcast(&mut self, op: &str, a: &Tensor, b: &Tensor) -> Vec<usize> {
        let pairs = || a.shape.iter().rev().zip(b.shape.iter().rev());
        self.expect(pairs().all(|(a, b)| a == b || *a == 1 || *b == 1), op);
        broadcast(&a.shape, &b.shape)
    }

    /// The product of batched matrices, broadcast. Both operands have at least two axes.
    pub fn matmul(&mut self, a: &Tensor, b: &Tensor) -> Tensor {
        let (rank_a, rank_b) = (a.rank(), b.rank());
        let fits = rank_a >= 2 && rank_b >= 2 && a.shape[rank_a - 1] == b.shape[rank_b - 2];
        if !self.expect(fits, "MatMul") {
            return a.clone();
        }
        let mut shape = broadcast(&a.shape[..rank_a - 2], &b.shape[..rank_b - 2]);
        shape.extend([a.shape[rank_a - 2], b.shape[rank_b - 1]]);
        self.emit("MatMul", &[a, b], vec![], a.dtype, shape)
    }
}

/// The broadcast shape of two operands, by the rule of ONNX and NumPy.
pub fn broadcast(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    (0..rank).map(|axis| if size(a, axis) == 1 { size(b, axis) } else { size(a, axis) }).collect()
}

fn signed(values: &[usize]) -> Vec<i64> {
    values.iter().map(|value| *value as i64).collect()
}
