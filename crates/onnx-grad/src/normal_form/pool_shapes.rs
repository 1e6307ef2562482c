//! Pools of which ONNX infers another shape than the runtime computes.

use crate::onnx::{GraphProto, NodeProto, TensorProto};
use crate::types::Shapes;

/// Puts a Reshape to the shape that the runtime computes behind each pool of which ONNX may infer another one. Otherwise,
/// the runtime refuses nodes that follow from both.
pub fn settle(graph: &mut GraphProto, shapes: &mut Shapes) {
    for mut pool in std::mem::take(&mut graph.node) {
        let name = pool.output.first().cloned().unwrap_or_default();
        let Some(kind) = shapes.tensors.get(&name).filter(|_| is_doubtful(&pool)).cloned() else {
            graph.node.push(pool);
            continue;
        };
        let [pooled, shape] = ["pooled", "shape"].map(|what| format!("{name}/{what}"));
        let sizes: Vec<i64> = kind.shape.iter().map(|size| *size as i64).collect();
        graph.initializer.push(TensorProto::from_integers(&shape, &[sizes.len()], &sizes));
        pool.output[0] = pooled.clone();
        graph.node.push(pool);
        graph.node.push(NodeProto::new("Reshape", &format!("{name}/Reshape"), vec![pooled.clone(), shape], vec![name]));
        shapes.tensors.insert(pooled, kind);
    }
}

/// Whether ONNX may infer another shape: of rounded-up sizes, and of automatic padding of windows that are apart.
pub fn is_doubtful(pool: &NodeProto) -> bool {
    if !["AveragePool", "LpPool", "MaxPool"].iter().any(|op| pool.is(op)) {
        return false;
    }
    let ints = |name: &str| pool.ints(name).unwrap_or_default();
    let automatic = !matches!(pool.text("auto_pad"), None | Some("NOTSET"));
    let apart = ints("kernel_shape").iter().zip(ints("strides")).any(|(kernel, stride)| kernel < stride);
    pool.int("ceil_mode").unwrap_or(0) != 0 || automatic && apart
}
