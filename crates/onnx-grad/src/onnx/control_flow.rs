//! Writes out branches with a known condition and loops of known length as plain nodes.

use std::collections::HashMap;

use prost::Message;

use super::rename::{InlinedBody, NameScope, count_nodes};
use super::{AttributeProto, DataType, GraphProto, NodeProto, TensorProto, constants};

/// The largest number of iterations that is written out.
const MAX_UNROLLED_TURNS: i64 = 1024;

/// The largest number of nodes in a graph for which loops are written out.
const MAX_UNROLLED_NODES: usize = 1 << 14;

/// The largest size of a loop that is written out, in bytes: each iteration has its own copy of the body's weights.
const MAX_UNROLLED_BYTES: usize = 1 << 28;

/// Writes out the branches and loops that constants, or the values in `known`, decide. Returns
/// whether there were any.
///
/// Loops are kept if their condition changes, or if they would become too many nodes. Before opset 11, they are kept if
/// they collect a value per iteration, too.
pub fn write_out_control_flow(graph: &mut GraphProto, known: &HashMap<String, TensorProto>, opset: i64) -> bool {
    let fixed: HashMap<String, i64> = constants(graph)
        .into_iter()
        .chain(known.iter().map(|(name, tensor)| (name.as_str(), tensor)))
        .filter_map(|(name, tensor)| Some((name.to_owned(), single(tensor)?)))
        .collect();
    let mut changed = false;
    let mut left = MAX_UNROLLED_NODES.saturating_sub(graph.node.len());
    for node in std::mem::take(&mut graph.node) {
        let written = if node.is("If") {
            branch(&node, &fixed)
        } else if node.is("Loop") {
            turns(&node, &fixed, left, opset)
        } else {
            None
        };
        changed |= written.is_some();
        match written {
            Some(written) => {
                left = left.saturating_sub(count_nodes(&written.nodes));
                written.into_graph(graph);
            }
            None => graph.node.push(node),
        }
    }
    changed
}

fn prefix(node: &NodeProto) -> String {
    node.output.iter().find(|name| !name.is_empty()).cloned().unwrap_or_default()
}

fn branch(node: &NodeProto, fixed: &HashMap<String, i64>) -> Option<InlinedBody> {
    let condition = *fixed.get(node.input.first()?)?;
    let graph = node.graph(if condition != 0 { "then_branch" } else { "else_branch" })?;
    let mut names = NameScope::new(prefix(node), &graph.node);
    let mut written = names.body(graph);
    written.hand_over(graph.output.iter().map(|output| names.of(output.name())), &node.output);
    Some(written)
}

/// The iterations of a loop, one after the other, if they are at most `most` nodes.
fn turns(node: &NodeProto, fixed: &HashMap<String, i64>, most: usize, opset: i64) -> Option<InlinedBody> {
    let body = node.graph("body")?;
    let turns = *fixed.get(node.input.first()?)?;
    let long = !(0..=MAX_UNROLLED_TURNS).contains(&turns)
        || count_nodes(&body.node).saturating_mul(turns as usize) > most
        || body.encoded_len().saturating_mul(turns as usize) > MAX_UNROLLED_BYTES;
    let starts =
        node.input.get(1).is_none_or(|name| name.is_empty() || fixed.get(name).is_some_and(|value| *value != 0));
    let mut values = node.input.get(2..)?.to_vec();
    let states = values.len();
    let collected = body.output.len().checked_sub(states + 1)?;
    if collected > 0 && (opset < 11 || turns == 0) {
        return None;
    }
    let mut stacks = vec![Vec::new(); collected];
    if long || !starts || body.input.len() != values.len() + 2 || !goes_on(body) {
        return None;
    }
    let mut all = InlinedBody::default();
    for turn in 0..turns {
        let mut names = NameScope::new(format!("{}/{turn}", prefix(node)), &body.node);
        let (index, going) = (names.fresh("index"), names.fresh("going"));
        let given = [&[index.clone(), going.clone()], values.as_slice()].concat();
        names.bind(body.input.iter().map(|input| input.name()), &given);
        let written = names.body(body);
        all.nodes.extend(written.nodes);
        all.initializers.extend(written.initializers);
        all.initializers.push(TensorProto::from_integers(&index, &[], &[turn]));
        all.initializers.push(TensorProto::from_raw(&going, DataType::Bool, &[], vec![1]));
        let mut results = body.output[1..].iter().map(|output| names.of(output.name()));
        values = results.by_ref().take(states).collect();
        stacks.iter_mut().zip(results).for_each(|(stack, value)| stack.push(value));
    }
    let (last, stacked) = node.output.split_at(states.min(node.output.len()));
    all.hand_over(values.into_iter(), last);
    for (stack, output) in stacks.into_iter().zip(stacked).filter(|(_, output)| !output.is_empty()) {
        all.nodes.extend(stacking(stack, output));
    }
    Some(all)
}

/// The nodes that stack `values` on a new first axis. Sequences are written out for each opset later.
fn stacking(values: Vec<String>, output: &str) -> [NodeProto; 2] {
    let sequence = format!("{output}/collected");
    let construct = NodeProto::new("SequenceConstruct", &sequence, values, vec![sequence.clone()]);
    let attribute = vec![AttributeProto::int("axis", 0), AttributeProto::int("new_axis", 1)];
    let concat = NodeProto::new("ConcatFromSequence", output, vec![sequence], vec![output.to_owned()]);
    [construct, NodeProto { attribute, ..concat }]
}

/// A loop with neither a length nor an end condition. A runtime would never return from it.
pub fn endless_loop(graph: &GraphProto) -> Option<&NodeProto> {
    let missing = |node: &NodeProto, index: usize| node.input.get(index).is_none_or(String::is_empty);
    let constants = constants(graph);
    let is_true = |name: &String| {
        constants.get(name.as_str()).and_then(|tensor| tensor.integers().ok()).is_some_and(|values| values == [1])
    };
    graph.node.iter().filter(|node| node.is("Loop") && missing(node, 0)).find(|node| {
        let starts = missing(node, 1) || node.input.get(1).is_some_and(is_true);
        starts && node.graph("body").is_some_and(goes_on)
    })
}

/// How many nodes run if the graph runs once, as far as the lengths of loops are among the constants or in `known`.
/// Loops that a condition may end count once.
pub fn count_steps(graph: &GraphProto, known: &HashMap<String, i64>) -> u64 {
    steps(graph, &|name| known.get(name).copied())
}

fn steps(graph: &GraphProto, outer: &dyn Fn(&str) -> Option<i64>) -> u64 {
    let constants = constants(graph);
    let length = |name: &str| constants.get(name).map_or_else(|| outer(name), |tensor| single(tensor));
    let of_node = |node: &NodeProto| {
        let inner = node.subgraphs().map(|graph| steps(graph, &length)).fold(1, u64::saturating_add);
        let turns = node.input.first().filter(|_| node.is("Loop") && node.graph("body").is_some_and(goes_on));
        let turns = turns.and_then(|name| length(name));
        turns.map_or(inner, |turns| inner.saturating_mul(u64::try_from(turns).unwrap_or(0)))
    };
    graph.node.iter().map(of_node).fold(0, u64::saturating_add)
}

/// The only integer of a tensor.
pub fn single(tensor: &TensorProto) -> Option<i64> {
    match tensor.integers().ok()?.as_slice() {
        [value] => Some(*value),
        _ => None,
    }
}

/// Whether no iteration of a loop can end it: the condition that it returns is the one it received,
/// or true.
pub(crate) fn goes_on(body: &GraphProto) -> bool {
    let constants = constants(body);
    let mut name = body.output.first().map(|output| output.name()).unwrap_or_default();
    // Each step passes one node. The limit ends the search if nodes form a cycle.
    for _ in 0..=body.node.len() {
        if body.input.get(1).is_some_and(|input| input.name() == name) {
            return true;
        }
        if let Some(tensor) = constants.get(name) {
            return tensor.integers().is_ok_and(|values| values == [1]);
        }
        let maker =
            body.node.iter().find(|node| node.is("Identity") && node.output.first().is_some_and(|out| out == name));
        match maker.and_then(|node| node.input.first()) {
            Some(input) if input != name => name = input,
            _ => return false,
        }
    }
    false
}
