//! Runs every case with arguments that no exporter writes. The outcome must be an error or a
//! result, never a panic.

use super::{FILES, with_scores};
use crate::common::{Random, attempt, find_shapes};
use onnx_grad::Shapes;
use onnx_grad::onnx::{ModelProto, TensorProto};

const VALUES: &[i64] = &[i64::MIN, -3, -1, 0, 1, 2, 5, 1_000_000, 1 << 40, i64::MAX];

fn any(random: &mut Random, count: usize) -> usize {
    ((random.next() + 1.0) / 2.0 * count as f64) as usize
}

fn value(random: &mut Random) -> i64 {
    VALUES[any(random, VALUES.len())]
}

/// Changes or removes one attribute of one node.
fn change_attribute(model: &mut ModelProto, random: &mut Random) {
    let nodes = &mut model.graph.as_mut().unwrap().node;
    let node = any(random, nodes.len());
    let attributes = &mut nodes[node].attribute;
    if attributes.is_empty() {
        return;
    }
    let index = any(random, attributes.len());
    let attribute = &mut attributes[index];
    match any(random, 4) {
        0 => drop(attributes.remove(index)),
        1 => attribute.ints.push(value(random)),
        _ => {
            attribute.i = attribute.i.map(|_| value(random));
            attribute.f = attribute.f.map(|_| [f32::NAN, 0.0, -1.0, 1e30][any(random, 4)]);
            attribute.ints.iter_mut().for_each(|entry| *entry = value(random));
        }
    }
}

/// Changes one integer that is part of the model.
fn change_integer(model: &mut ModelProto, random: &mut Random) {
    let tensors = &mut model.graph.as_mut().unwrap().initializer;
    let index = any(random, tensors.len());
    if let Ok(mut values) = tensors[index].integers()
        && !values.is_empty()
    {
        let place = any(random, values.len());
        values[place] = value(random);
        tensors[index] = TensorProto::from_integers(tensors[index].name(), &[values.len()], &values);
    }
}

/// Removes one input of one node.
fn change_inputs(model: &mut ModelProto, random: &mut Random) {
    let nodes = &mut model.graph.as_mut().unwrap().node;
    let node = any(random, nodes.len());
    let inputs = &mut nodes[node].input;
    let index = any(random, inputs.len());
    if any(random, 2) == 0 { inputs.truncate(index) } else { inputs[index].clear() }
}

/// Changes the shape of one value.
fn change_shape(model: &ModelProto, shapes: &mut Shapes, random: &mut Random) {
    let nodes = &model.graph.as_ref().unwrap().node;
    let name = &nodes[any(random, nodes.len())].output[0];
    if let Some(kind) = shapes.tensors.get_mut(name) {
        match any(random, 3) {
            0 => drop(kind.shape.pop()),
            1 => kind.shape.push(any(random, 3)),
            _ => kind.shape.iter_mut().for_each(|size| *size = any(random, 5)),
        }
    }
}

#[test]
fn changed_arguments_never_panic() {
    let mut random = Random(7);
    for case in FILES.concat() {
        let model = with_scores(&case, case.opsets[case.opsets.len() - 1]).unwrap();
        let shapes = find_shapes(&model, 1).unwrap();
        for _ in 0..60 {
            let (mut model, mut shapes) = (model.clone(), shapes.clone());
            match any(&mut random, 4) {
                0 => change_attribute(&mut model, &mut random),
                1 => change_integer(&mut model, &mut random),
                2 => change_inputs(&mut model, &mut random),
                _ => change_shape(&model, &mut shapes, &mut random),
            }
            attempt(&model, &shapes);
        }
    }
}
