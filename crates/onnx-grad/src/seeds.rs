//! Where the backward pass of a derivative starts: one number, or several classes of a picture.

use std::collections::HashSet;

use crate::error::Result;
use crate::interface::Interface;
use crate::onnx::{self, AttributeProto as Attribute, DataType, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use crate::tape::{Tape, Tensor};
use crate::types::{CLASS, SCORES, TARGET};

/// The scores, `[N, classes]`, and the type that they are returned in.
pub struct Seeds<'a> {
    /// The value whose gradient is known.
    pub value: &'a Tensor,
    /// Batch size and number of classes.
    pub size: (usize, usize),
    /// The type of the output `scores`.
    pub dtype: DataType,
}

impl Seeds<'_> {
    fn write_scores(&self, tape: &mut Tape) -> Tensor {
        tape.enter("score/grad");
        let scores = tape.reshape(self.value, &[self.size.0, self.size.1]);
        let shown = tape.cast(&scores, self.dtype);
        tape.name_output(&shown, SCORES);
        scores
    }

    /// Writes the scores, and returns a gradient of 1 for each number. `with_class` also writes the output `class`.
    pub fn one(&self, tape: &mut Tape, with_class: bool) -> Tensor {
        self.write_scores(tape);
        if with_class {
            tape.name_output(&Tensor { name: TARGET.into(), dtype: DataType::Int64, shape: vec![self.size.0] }, CLASS);
        }
        let one = tape.constant(TensorProto::from_reals("", self.value.dtype, &vec![1; self.value.rank()], &[1.0]));
        tape.expand(&one, &self.value.shape)
    }
}

/// Writes a loop over the targets around the backward pass, which `attribute` writes. Returns the gradients, with an
/// axis of size 1 in place of that of the targets.
pub fn several_targets(
    tape: &mut Tape,
    seeds: &Seeds,
    interface: &Interface,
    attribute: impl Fn(&mut Tape, Tensor) -> Result<Vec<Tensor>>,
) -> Result<Vec<Tensor>> {
    let (batch, classes) = seeds.size;
    let scores = seeds.write_scores(tape);
    let class = write_class(tape, &scores, batch);
    let sizes = tape.emit("Shape", &[&class], vec![], DataType::Int64, vec![2]);
    let axis = tape.constant(TensorProto::from_integers("", &[], &[1]));
    let count = tape.emit("Gather", &[&sizes, &axis], vec![Attribute::int("axis", 0)], DataType::Int64, vec![]);
    let mut outside = tape.take_nodes();
    let value =
        |name: &str, dtype, shape: &[usize]| Tensor { name: format!("targets/{name}"), dtype, shape: shape.to_vec() };
    let (index, going) = (value("index", DataType::Int64, &[]), value("going", DataType::Bool, &[]));
    let chosen = tape.emit("Gather", &[&class, &index], vec![Attribute::int("axis", 1)], DataType::Int64, vec![batch]);
    let column = tape.reshape(&chosen, &[batch, 1]);
    let ids: Vec<i64> = (0..classes as i64).collect();
    let ids = tape.constant(TensorProto::from_integers("", &[1, classes], &ids));
    let hit = tape.compare("Equal", &column, &ids);
    let seed = tape.cast(&hit, seeds.value.dtype);
    tape.note_seed(&seed, &chosen);
    let seed = tape.reshape(&seed, &seeds.value.shape);
    let found = attribute(tape, seed)?;
    tape.enter("targets");
    // Before opset 11, a loop must carry a value.
    let carried = (tape.opset() < 11).then(|| value("carried", DataType::Int64, &[]));
    let mut next: Vec<Tensor> =
        [Some(&going), carried.as_ref()].into_iter().flatten().map(|x| tape.unary("Identity", x)).collect();
    let results: Vec<Tensor> = found.iter().map(|x| tape.unary("Identity", x)).collect();
    next.extend(results.iter().cloned());
    let declared = |value: &Tensor| ValueInfoProto::fixed(&value.name, value.dtype, &value.shape);
    let (turn, once) = split_off(tape.take_nodes(), [&index, &going].into_iter().chain(&carried));
    outside.extend(once);
    let body = GraphProto {
        name: Some("targets".into()),
        node: turn,
        input: [&index, &going].into_iter().chain(&carried).map(declared).collect(),
        output: next.iter().map(declared).collect(),
        ..Default::default()
    };
    tape.put_nodes(outside);
    let always = Tensor { name: String::new(), dtype: DataType::Bool, shape: vec![] };
    let stacked = |x: &Tensor| (x.dtype, [&[1], x.shape.as_slice()].concat());
    let kinds = carried.iter().map(|x| (x.dtype, x.shape.clone())).chain(results.iter().map(stacked)).collect();
    let given: Vec<&Tensor> = [&count, &always].into_iter().chain(carried.is_some().then_some(&count)).collect();
    let all = tape.emit_many("Loop", &given, vec![Attribute::graph("body", body)], kinds);
    let all = &all[usize::from(carried.is_some())..];
    Ok(all.iter().zip(&interface.gradients).map(|(x, name)| named(tape, x, name, interface.batched)).collect())
}

/// Separates nodes that depend on `values`, and those that need to run only once.
fn split_off<'a>(nodes: Vec<NodeProto>, values: impl Iterator<Item = &'a Tensor>) -> (Vec<NodeProto>, Vec<NodeProto>) {
    let mut changing: HashSet<String> = values.map(|value| value.name.clone()).collect();
    nodes.into_iter().partition(|node| {
        let changes = onnx::names_read(node).into_iter().any(|name| changing.contains(name));
        if changes {
            changing.extend(node.output.iter().cloned());
        }
        changes
    })
}

/// Names the gradients of all targets, with the batch axis first.
fn named(tape: &mut Tape, stacked: &Tensor, name: &str, batched: bool) -> Tensor {
    let order: Vec<usize> = [1, 0].into_iter().chain(2..stacked.rank()).collect();
    let result = if batched { tape.transpose(stacked, &order) } else { stacked.clone() };
    tape.name_output(&result, name);
    result
}

/// Writes the output `class`: the targets, or the top class where one is negative. Its second axis, of any size, counts
/// as 1 here.
fn write_class(tape: &mut Tape, scores: &Tensor, batch: usize) -> Tensor {
    let target = Tensor { name: TARGET.into(), dtype: DataType::Int64, shape: vec![batch, 1] };
    let top = tape.emit("ArgMax", &[scores], vec![Attribute::int("axis", 1)], DataType::Int64, vec![batch, 1]);
    // Less does not support integers before opset 9. Class ids are exact as floating-point numbers.
    let number = tape.cast(&target, scores.dtype);
    let zero = tape.scalar(&number, 0.0);
    let unset = tape.compare("Less", &number, &zero);
    let class = tape.where_(&unset, &top, &target);
    tape.name_output(&class, CLASS);
    class
}
