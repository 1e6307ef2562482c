//! Writes loops that the picture may end as branches: each round runs if the one before it did not end the loop.

use std::collections::HashMap;

use crate::onnx::{
    self, AttributeProto as Attribute, DataType, GraphProto, NameScope, NodeProto, TensorProto, ValueInfoProto,
};
use crate::types::Shapes;

/// The largest number of rounds. ONNX Runtime takes seconds to load as many branches.
const MAX_ROUNDS: i64 = 64;

/// The largest number of nodes that the rounds of a loop may become.
const MAX_NODES: usize = 1 << 12;

/// Replaces every loop of few rounds that collects no values.
pub fn as_branches(graph: &mut GraphProto, shapes: &Shapes) {
    let constants = onnx::constants(graph);
    let known = constants.into_iter().chain(shapes.constants.iter().map(|(name, tensor)| (name.as_str(), tensor)));
    let lengths: HashMap<String, i64> =
        known.filter_map(|(name, tensor)| Some((name.to_owned(), onnx::single(tensor)?))).collect();
    for node in std::mem::take(&mut graph.node) {
        let rounds = node.input.first().filter(|_| node.is("Loop")).and_then(|name| lengths.get(name).copied());
        match rounds.and_then(|rounds| written(&node, rounds)) {
            Some((nodes, initializer)) => {
                graph.node.extend(nodes);
                graph.initializer.extend(initializer);
            }
            None => graph.node.push(node),
        }
    }
}

/// The rounds of a loop one after the other, and the initial condition if the loop has none.
fn written(node: &NodeProto, rounds: i64) -> Option<(Vec<NodeProto>, Option<TensorProto>)> {
    let body = node.graph("body")?;
    let mut values = node.input.get(2..)?.to_vec();
    let fits = body.input.len() == values.len() + 2 && body.output.len() == values.len() + 1;
    let short = (1..=MAX_ROUNDS).contains(&rounds);
    if !fits || !short || onnx::count_nodes(&body.node).saturating_mul(rounds as usize) > MAX_NODES {
        return None;
    }
    let label = node.output.iter().find(|name| !name.is_empty())?;
    let mut going = node.input[1].clone();
    let mut initializer = None;
    if going.is_empty() {
        going = format!("{label}/going");
        initializer = Some(TensorProto::from_raw(&going, DataType::Bool, &[], vec![1]));
    }
    let mut nodes = Vec::new();
    for round in 0..rounds {
        let branch = Round { body, prefix: format!("{label}/{round}"), index: round };
        let results: Vec<String> = (0..=values.len()).map(|place| format!("{label}/{round}/result{place}")).collect();
        let given = [std::slice::from_ref(&going), &values].concat();
        let attribute = vec![
            Attribute::graph("then_branch", branch.run(&given)),
            Attribute::graph("else_branch", branch.skipped(&given)),
        ];
        let name = format!("{label}/{round}/If");
        nodes.push(NodeProto { attribute, ..NodeProto::new("If", &name, vec![going], results.clone()) });
        (going, values) = (results[0].clone(), results[1..].to_vec());
    }
    for (value, output) in values.iter().zip(&node.output).filter(|(_, output)| !output.is_empty()) {
        nodes.push(NodeProto::new("Identity", output, vec![value.clone()], vec![output.clone()]));
    }
    Some((nodes, initializer))
}

struct Round<'a> {
    body: &'a GraphProto,
    prefix: String,
    index: i64,
}

impl Round<'_> {
    /// The body with the condition and the values of the round before.
    fn run(&self, given: &[String]) -> GraphProto {
        let mut names = NameScope::new(self.prefix.clone(), &self.body.node);
        let index = names.fresh("index");
        names.bind(self.body.input.iter().map(|input| input.name()), &[std::slice::from_ref(&index), given].concat());
        let mut written = names.body(self.body);
        written.initializers.push(TensorProto::from_integers(&index, &[], &[self.index]));
        let output = self.body.output.iter().map(|output| ValueInfoProto::named(names.of(output.name()))).collect();
        let name = Some("run".into());
        GraphProto { name, node: written.nodes, initializer: written.initializers, output, ..Default::default() }
    }

    /// The condition and the values as they were.
    fn skipped(&self, given: &[String]) -> GraphProto {
        let output = given.iter().cloned().map(ValueInfoProto::named).collect();
        GraphProto { name: Some("skipped".into()), output, ..Default::default() }
    }
}
