//! Where the backward pass of a derivative starts: one number, or several classes of a picture.

use std::collections::HashSet;

use crate::derivative::interface::Interface;
use crate::error::Result;
use crate::onnx::{self, AttributeProto as Attribute, DataType, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use crate::score::{Target, slope, target, write_scores};
use crate::tape::{Tape, Tensor};
use crate::types::{CLASS, Options, Probabilities, TARGET};

/// The scores, `[N, classes]`.
pub struct Seeds<'a> {
    /// The value whose gradient is known, and how probabilities follow from it.
    pub head: &'a (Tensor, Probabilities),
    /// Batch size and number of classes.
    pub size: (usize, usize),
    /// What of a class is explained.
    pub options: &'a Options,
}

impl Seeds<'_> {
    /// Writes the scores, and returns a gradient of 1 for each number. `with_class` also writes the output `class`.
    pub fn one(&self, tape: &mut Tape, with_class: bool) -> Tensor {
        let value = &self.head.0;
        write_scores(tape, value, self.size);
        if with_class {
            tape.name_output(&Tensor { name: TARGET.into(), dtype: DataType::Int64, shape: vec![self.size.0] }, CLASS);
        }
        let one = tape.constant(TensorProto::from_reals("", value.dtype, &vec![1; value.rank()], &[1.0]));
        tape.expand(&one, &value.shape)
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
    let (batch, _) = seeds.size;
    let scores = write_scores(tape, &seeds.head.0, seeds.size);
    let Target { class, sign } = target(tape, &scores, &[batch, 1]);
    let sizes = tape.emit("Shape", &[&class], vec![], DataType::Int64, vec![2]);
    let axis = tape.constant(TensorProto::from_integers("", &[], &[1]));
    let count = tape.emit("Gather", &[&sizes, &axis], vec![Attribute::int("axis", 0)], DataType::Int64, vec![]);
    let mut outside = tape.take_nodes();
    let value =
        |name: &str, dtype, shape: &[usize]| Tensor { name: format!("targets/{name}"), dtype, shape: shape.to_vec() };
    let (index, going) = (value("index", DataType::Int64, &[]), value("going", DataType::Bool, &[]));
    let [chosen, chosen_sign] = [&class, &sign]
        .map(|of| tape.emit("Gather", &[of, &index], vec![Attribute::int("axis", 1)], of.dtype, vec![batch]));
    let seed = slope(tape, seeds.head, &scores, &chosen, &chosen_sign, seeds.options)?;
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
