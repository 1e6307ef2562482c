//! Writes a Scan of known length as a Loop over sequences, which are then written out like all others.

use crate::onnx::{AttributeProto as Attribute, DataType, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use crate::types::Shapes;

/// Replaces every Scan whose length is known. Returns whether there were any.
pub fn as_loops(graph: &mut GraphProto, shapes: &Shapes, opset: i64) -> bool {
    // Before opset 11, there are no sequences, and Scan has a batch in opset 8.
    if opset < 11 {
        return false;
    }
    let mut changed = false;
    for node in std::mem::take(&mut graph.node) {
        let scan = node.is("Scan").then(|| ScanLoop::of(&node, shapes)).flatten();
        let written = scan.and_then(|scan| scan.write(&node));
        changed |= written.is_some();
        match written {
            Some(written) => {
                graph.node.extend(written.nodes);
                graph.initializer.extend(written.initializers);
            }
            None => graph.node.push(node),
        }
    }
    changed
}

/// The arguments of a Scan.
struct ScanLoop {
    label: String,
    states: usize,
    length: i64,
    /// The axis of each scanned input, and whether it is scanned backwards.
    inputs: Vec<(i64, bool)>,
    /// The axis and the rank of each stacked output, and whether it is stacked backwards.
    outputs: Vec<(usize, usize, bool)>,
}

/// What replaces it.
#[derive(Default)]
struct Written {
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

impl ScanLoop {
    fn of(node: &NodeProto, shapes: &Shapes) -> Option<Self> {
        let scanned = usize::try_from(node.int("num_scan_inputs")?).ok()?;
        let states = node.input.len().checked_sub(scanned)?;
        let stacked = node.output.len().checked_sub(states)?;
        let at = |name: &str, index: usize| node.ints(name).and_then(|all| all.get(index).copied()).unwrap_or(0);
        let inputs: Vec<(i64, bool)> =
            (0..scanned).map(|index| (at("scan_input_axes", index), at("scan_input_directions", index) != 0)).collect();
        let shape = |name: &String| shapes.tensors.get(name).map(|kind| kind.shape.as_slice());
        let length = *along(shape(node.input.get(states)?)?, inputs.first()?.0)?;
        let output = |index: usize| {
            let rank = shape(&node.output[states + index])?.len();
            let axis = at("scan_output_axes", index);
            let axis = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).ok()?;
            (axis < rank).then_some((axis, rank, at("scan_output_directions", index) != 0))
        };
        let outputs = (0..stacked).map(output).collect::<Option<_>>()?;
        Some(Self { label: node.label().to_owned(), states, length: i64::try_from(length).ok()?, inputs, outputs })
    }

    fn write(&self, node: &NodeProto) -> Option<Written> {
        let mut written = Written::default();
        let mut body = node.graph("body")?.clone();
        if body.input.len() != node.input.len() || body.output.len() != node.output.len() || self.length == 0 {
            return None;
        }
        let index = self.name("index");
        let scanned = body.input.split_off(self.states);
        for (place, ((input, value), (axis, backwards))) in
            node.input[self.states..].iter().zip(&scanned).zip(&self.inputs).enumerate()
        {
            let mut x = input.clone();
            if *backwards {
                x = written.reversed(&x, &self.name(&format!("input{place}")), *axis);
            }
            let sequence = self.name(&format!("elements{place}"));
            let attributes = vec![Attribute::int("axis", *axis), Attribute::int("keepdims", 0)];
            written.emit("SplitToSequence", vec![x], &sequence, attributes);
            let inputs = vec![sequence, index.clone()];
            body.node.insert(0, NodeProto::new("SequenceAt", value.name(), inputs, vec![value.name().to_owned()]));
        }
        let going = self.name("going");
        body.input.insert(0, ValueInfoProto::fixed(&index, DataType::Int64, &[]));
        body.input.insert(1, ValueInfoProto::fixed(&going, DataType::Bool, &[]));
        let goes_on = self.name("goes_on");
        body.node.push(NodeProto::new("Identity", &goes_on, vec![going], vec![goes_on.clone()]));
        body.output.insert(0, ValueInfoProto::named(goes_on));
        let length = self.name("length");
        written.initializers.push(TensorProto::from_integers(&length, &[], &[self.length]));
        let inputs = [vec![length, String::new()], node.input[..self.states].to_vec()].concat();
        let mut looped = NodeProto::new("Loop", &self.label, inputs, node.output.clone());
        looped.attribute = vec![Attribute::graph("body", body)];
        written.nodes.push(looped);
        let at = written.nodes.len() - 1;
        for (place, (axis, rank, backwards)) in self.outputs.iter().enumerate() {
            let name = node.output[self.states + place].clone();
            if name.is_empty() || (*axis == 0 && !backwards) {
                continue;
            }
            let mut stacked = self.name(&format!("stacked{place}"));
            written.nodes[at].output[self.states + place] = stacked.clone();
            if *backwards {
                stacked = written.reversed(&stacked, &self.name(&format!("output{place}")), 0);
            }
            let mut order: Vec<i64> = (1..*rank as i64).collect();
            order.insert(*axis, 0);
            written.emit("Transpose", vec![stacked], &name, vec![Attribute::ints("perm", &order)]);
        }
        Some(written)
    }

    fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.label)
    }
}

impl Written {
    fn emit(&mut self, op: &str, inputs: Vec<String>, output: &str, attribute: Vec<Attribute>) {
        self.nodes.push(NodeProto { attribute, ..NodeProto::new(op, output, inputs, vec![output.into()]) });
    }

    /// `x` in reverse order along `axis`.
    fn reversed(&mut self, x: &str, label: &str, axis: i64) -> String {
        let output = format!("{label}/reversed");
        let mut inputs = vec![x.to_owned()];
        for (name, value) in [("starts", -1), ("ends", i64::MIN + 1), ("axes", axis), ("steps", -1)] {
            let argument = format!("{label}/{name}");
            self.initializers.push(TensorProto::from_integers(&argument, &[1], &[value]));
            inputs.push(argument);
        }
        self.emit("Slice", inputs, &output, vec![]);
        output
    }
}

/// The size along `axis`, which counts from the end if it is negative.
fn along(shape: &[usize], axis: i64) -> Option<&usize> {
    let axis = if axis < 0 { axis + shape.len() as i64 } else { axis };
    shape.get(usize::try_from(axis).ok()?)
}
