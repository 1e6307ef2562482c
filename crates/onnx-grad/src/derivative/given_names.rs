//! The names in a derivative: those of the model, and those that its gradient model needs for itself.

use std::collections::HashSet;

use crate::derivative::Derivative;
use crate::derivative::interface::RESERVED;
use crate::derivative::model_inputs::plain;
use crate::derivative::objective::Objective;
use crate::error::{Error, Result};
use crate::onnx::{self, GraphProto, ModelProto, NameScope, NodeProto, ValueInfoProto};
use crate::prepare::probe::no_graph;
use crate::signature;

/// Renames inputs that have the name of an input or output that is added.
pub fn free_inputs(graph: &mut GraphProto, wanted: &mut Derivative, notes: &mut Vec<String>) {
    let taken: Vec<String> = plain(graph).map(|input| input.name().to_owned()).collect();
    for name in taken.iter().filter(|name| RESERVED.contains(&name.as_str())) {
        let free = format!("{name}.input");
        notes.push(format!("the input {name} is named {free} in the gradient model, which has a {name} of its own"));
        signature::rename(graph, name, &free);
        change(wanted, |given| if given == name { free.clone() } else { given.to_owned() });
        if let Some(given) = wanted.inputs.remove(name) {
            wanted.inputs.insert(free, given);
        }
    }
}

/// The derivative with the names that [`signature::free_names`] gives to values inside the model.
pub fn freed(wanted: &Derivative) -> Derivative {
    let mut wanted = wanted.clone();
    change(&mut wanted, |name| if RESERVED.contains(&name) { format!("forward/{name}") } else { name.to_owned() });
    wanted
}

fn change(wanted: &mut Derivative, new: impl Fn(&str) -> String) {
    wanted.wrt.iter_mut().for_each(|name| *name = new(name));
    match &mut wanted.of {
        Some(Objective::Sum(terms)) => terms.iter_mut().for_each(|term| term.name = new(&term.name)),
        Some(Objective::InnerProduct(name)) => *name = new(name),
        Some(Objective::Graph(_)) | None => {}
    }
}

/// Replaces sequences and maps, as outputs and as what is differentiated, by the tensors that they hold.
pub fn resolve_sequences(graph: &mut GraphProto, wanted: &mut Derivative, notes: &mut Vec<String>) {
    let holds = |node: &&NodeProto| node.op_type() == "ZipMap" || node.is("SequenceConstruct") && node.input.len() == 1;
    let names = |node: &NodeProto| Some((node.output.first()?.clone(), node.input.first()?.clone()));
    let held: Vec<(String, String)> = graph.node.iter().filter(holds).filter_map(names).collect();
    for (value, tensor) in held {
        let before = wanted.of.clone();
        change(wanted, |name| if name == value { tensor.clone() } else { name.to_owned() });
        let outputs = graph.output.iter().any(|output| output.name() == tensor);
        let output = graph.output.iter_mut().find(|output| output.name() == value);
        if let Some(output) = output.filter(|_| wanted.of.is_none() && !outputs) {
            *output = ValueInfoProto::named(tensor.clone());
        } else if wanted.of == before {
            continue;
        }
        notes.push(format!("the output {value} is not a tensor; {tensor}, which it holds, is used"));
    }
}

/// Puts an objective's graph behind the model's outputs, and returns the name of its result.
///
/// # Errors
/// [`Error::Graph`] if the two do not fit together.
pub fn merge(model: &mut ModelProto, of: &ModelProto) -> Result<String> {
    let (own, other) = (onnx::opset(model), onnx::opset(of));
    if own != other {
        let problem = format!("the objective's graph has opset {other}, and the model {own}");
        return Err(Error::Graph(format!("{problem}; make the graph with opset {own}")));
    }
    let mut of = of.clone();
    onnx::inline_functions(&mut of)?;
    let mut of = of.graph.ok_or_else(no_graph)?;
    onnx::hoist_constants(&mut of);
    let [output] = of.output.as_slice() else {
        let count = of.output.len();
        return Err(Error::Graph(format!("the objective's graph has {count} outputs, and must have one")));
    };
    let output = output.name().to_owned();
    let graph = model.graph.as_mut().ok_or_else(no_graph)?;
    let known: HashSet<&str> = values(graph).collect();
    let added: Vec<ValueInfoProto> = plain(&of).filter(|input| !known.contains(input.name())).cloned().collect();
    let mut scope = NameScope::new("of".into(), &of.node);
    let body = scope.body(&of);
    let value = scope.of(&output);
    graph.input.extend(added);
    body.into_graph(graph);
    // An output that is one of the model's own values needs no node.
    let result = format!("of/{output}/result");
    graph.node.push(NodeProto::new("Identity", &result, vec![value], vec![result.clone()]));
    graph.output.push(ValueInfoProto::named(result.clone()));
    Ok(result)
}

/// The names of all values.
fn values(graph: &GraphProto) -> impl Iterator<Item = &str> {
    let made = graph.node.iter().flat_map(|node| &node.output).map(String::as_str);
    made.chain(graph.input.iter().map(|input| input.name()))
}
