//! Linear maps along one axis of a value.

use crate::error::Result;
use crate::onnx::{AttributeProto as Attribute, TensorProto};
use crate::tape::{Node, Tape, Tensor};

/// Larger than the index table or matrix of any real gradient; larger sizes are treated as errors.
const MAX_PLACES: usize = 1 << 24;

/// The gradient of taking values along `axis`, where output `o` is input `sources[o]`, or a
/// constant if it is `None`. Each of the `size` inputs gets the sum over the outputs taken from it.
///
/// Scatter kernels are slow, so a contiguous run of inputs is sliced and padded. Otherwise every
/// input gathers its outputs.
pub fn add_back(tape: &mut Tape, grad: &Tensor, axis: usize, sources: &[Option<usize>], size: usize) -> Tensor {
    let inside = sources.iter().flatten().all(|source| *source < size);
    if !tape.expect(grad.shape.get(axis) == Some(&sources.len()) && inside, "Gather") {
        return grad.clone();
    }
    if let Some(run) = GatherRun::of(sources) {
        return run.add_back(tape, grad, axis, size);
    }
    let mut readers = vec![Vec::new(); size];
    for (output, source) in sources.iter().enumerate() {
        if let Some(source) = source {
            readers[*source].push(output);
        }
    }
    gathered(tape, grad, axis, &readers)
}

/// Outputs that were taken from consecutive inputs.
struct GatherRun {
    /// The first of the outputs.
    output: usize,
    /// The input that it was taken from.
    input: usize,
    length: usize,
}

impl GatherRun {
    /// `None` if the sources are more than one run.
    fn of(sources: &[Option<usize>]) -> Option<Self> {
        let output = sources.iter().position(Option::is_some)?;
        let length = sources.iter().rposition(Option::is_some)? + 1 - output;
        let input = sources[output]?;
        let follows = |place: usize| sources[output + place] == Some(input + place);
        (0..length).all(follows).then_some(Self { output, input, length })
    }

    fn add_back(&self, tape: &mut Tape, grad: &Tensor, axis: usize, size: usize) -> Tensor {
        let (mut starts, mut ends) = (vec![0; grad.rank()], grad.shape.clone());
        (starts[axis], ends[axis]) = (self.output, self.output + self.length);
        let kept = tape.slice(grad, &starts, &ends);
        let (mut before, mut after) = (vec![0; grad.rank()], vec![0; grad.rank()]);
        (before[axis], after[axis]) = (self.input, size - self.input - self.length);
        tape.pad(&kept, &before, &after)
    }
}

/// The sum over the `readers` of each input.
fn gathered(tape: &mut Tape, grad: &Tensor, axis: usize, readers: &[Vec<usize>]) -> Tensor {
    let (size, most) = (readers.len(), readers.iter().map(Vec::len).max().unwrap_or(0));
    let result = Tensor { shape: with_sizes(grad, axis, &[size]), ..grad.clone() };
    if !tape.expect(size.saturating_mul(most) <= MAX_PLACES, "Gather") || most == 0 {
        return tape.zeros(&result);
    }
    let count = grad.shape[axis];
    let entry = |input: usize, rank: usize| readers[input].get(rank).copied().unwrap_or(count);
    let in_order = |table: &[usize]| table.iter().copied().eq(0..count);
    let by_input: Vec<usize> = (0..size * most).map(|place| entry(place / most, place % most)).collect();
    let by_rank: Vec<usize> = (0..size * most).map(|place| entry(place % size, place / size)).collect();
    let (table, sizes, summed) =
        if in_order(&by_input) { (by_input, [size, most], axis + 1) } else { (by_rank, [most, size], axis) };
    let parts = if in_order(&table) {
        tape.reshape(grad, &with_sizes(grad, axis, &sizes))
    } else {
        let table: Vec<i64> = table.into_iter().map(|place| place as i64).collect();
        gather(tape, grad, axis, TensorProto::from_integers("", &sizes, &table))
    };
    let sum = if most == 1 { parts } else { tape.reduce_sum(&parts, &[summed]) };
    tape.reshape(&sum, &result.shape)
}

/// The elements of `x` at the positions in `table` along `axis`. The position after the last one
/// holds 0.
pub fn gather(tape: &mut Tape, x: &Tensor, axis: usize, table: TensorProto) -> Tensor {
    let mut after = vec![0; x.rank()];
    after[axis] = 1;
    let padded = tape.pad(x, &vec![0; x.rank()], &after);
    let table = tape.constant(table);
    let shape = with_sizes(x, axis, &table.shape);
    tape.emit("Gather", &[&padded, &table], vec![Attribute::int("axis", axis as i64)], x.dtype, shape)
}

/// The shape of `x` with `axis` replaced by `sizes`.
fn with_sizes(x: &Tensor, axis: usize, sizes: &[usize]) -> Vec<usize> {
    [&x.shape[..axis], sizes, &x.shape[axis + 1..]].concat()
}

/// # Errors
/// [`crate::Error::Graph`] if the matrix of `rows` x `columns` that `node`'s gradient needs is too large.
pub fn check_size(node: &Node, rows: usize, columns: usize) -> Result<()> {
    if rows.saturating_mul(columns) <= MAX_PLACES {
        return Ok(());
    }
    Err(node
        .error(&format!("needs {rows} x {columns} weights for its gradient, too many; export it with smaller sizes")))
}

/// The product of `x` along `axis` with a row-major matrix of one row per position of `x` and
/// `size` columns.
pub fn product(tape: &mut Tape, x: &Tensor, axis: usize, matrix: &[f64], size: usize) -> Tensor {
    let Some(rows) = x.shape.get(axis).copied().filter(|rows| rows * size == matrix.len()) else {
        tape.expect(false, "MatMul");
        return x.clone();
    };
    let (before, after) = (x.shape[..axis].iter().product(), x.shape[axis + 1..].iter().product());
    let result = if after == 1 {
        let matrix = tape.constant(TensorProto::from_reals("", x.dtype, &[rows, size], matrix));
        let x = tape.reshape(x, &[before, rows]);
        tape.matmul(&x, &matrix)
    } else {
        let transposed: Vec<f64> = (0..size * rows).map(|place| matrix[place % rows * size + place / rows]).collect();
        let matrix = tape.constant(TensorProto::from_reals("", x.dtype, &[size, rows], &transposed));
        let x = tape.reshape(x, &[before, rows, after]);
        tape.matmul(&matrix, &x)
    };
    tape.reshape(&result, &with_sizes(x, axis, &[size]))
}
