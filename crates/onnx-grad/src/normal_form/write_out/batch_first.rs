//! Recurrent layers with the batch first, which ONNX Runtime 1.24 refuses on processors.

use crate::onnx::{AttributeProto as Attribute, GraphProto, NodeProto};

/// Writes such layers as ones with the steps first, between transpositions.
pub fn steps_first(graph: &mut GraphProto) {
    for mut node in std::mem::take(&mut graph.node) {
        let recurrent = ["LSTM", "GRU", "RNN"].iter().any(|op| node.is(op));
        if !recurrent || node.int("layout").unwrap_or(0) == 0 {
            graph.node.push(node);
            continue;
        }
        node.attribute.retain(|attribute| attribute.name() != "layout");
        let label = node.label().to_owned();
        for index in [0, 5, 6] {
            if let Some(name) = node.input.get_mut(index).filter(|name| !name.is_empty()) {
                let turned = format!("{label}/input{index}");
                graph.node.push(transposition(std::mem::replace(name, turned.clone()), turned, &[1, 0, 2]));
            }
        }
        let mut after = Vec::new();
        for (index, name) in node.output.iter_mut().enumerate().filter(|(_, name)| !name.is_empty()) {
            let turned = format!("{label}/output{index}");
            let order: &[i64] = if index == 0 { &[2, 0, 1, 3] } else { &[1, 0, 2] };
            after.push(transposition(turned.clone(), std::mem::replace(name, turned), order));
        }
        graph.node.push(node);
        graph.node.extend(after);
    }
}

fn transposition(from: String, to: String, order: &[i64]) -> NodeProto {
    let attribute = vec![Attribute::ints("perm", order)];
    NodeProto { attribute, ..NodeProto::new("Transpose", &to, vec![from], vec![to.clone()]) }
}
