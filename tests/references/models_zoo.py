"""The model zoo's graphs with seeded weights and their gradients by PyTorch, for tests/gradients/models.rs.

usage: models_zoo.py OUT_FOLDER FILE.onnx ...
needs: numpy torch onnx onnx2torch onnxruntime

Takes the graphs that ONNX's own tests hold, whose weights are constants of no meaning, and writes OUT_FOLDER/zoo_NAME.onnx
and OUT_FOLDER/zoo_NAME.f32 for light_NAME.onnx; recipes.py says how.
"""
import pathlib, sys
import numpy as np, onnx, torch
from gradients import gradients
from models import seeded
from recipes import check, emptied, write_reference
from stream import uniform

def with_weights(model):
    """Makes each constant an initializer, and each initializer different from all others."""
    graph = model.graph
    sizes = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made = [node for node in graph.node if node.op_type == "ConstantOfShape"]
    for node in made:
        graph.node.remove(node)
        shape = sizes[node.input[0]].tolist()
        graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(shape, "f4"), node.output[0]))
        graph.input.append(onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, shape))
    read = {name for node in graph.node for name in node.input}
    for part in (graph.initializer, graph.input):
        for unread in [value for value in part if value.name not in read]:
            part.remove(unread)
    floats = [tensor for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT]
    for index, tensor in enumerate(floats):
        assign(tensor, 2 + uniform(index, 0, np.prod(tensor.dims, dtype=int)))
    return floats

def assign(tensor, values):
    values = np.asarray(values, "f4").reshape(tensor.dims)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))

def up_to_logits(model):
    """The model without Softmax, and without two forms that onnx2torch does not know: the old Dropout, and the average
    of 6 x 6 values in a window of 7 x 7."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    dropouts = {node.output[0]: node for node in copy.graph.node if node.op_type == "Dropout"}
    for node in copy.graph.node:
        node.input[:] = [dropouts[name].input[0] if name in dropouts else name for name in node.input]
    for node in dropouts.values():
        copy.graph.node.remove(node)
    for node in copy.graph.node:
        if node.op_type == "AveragePool" and [0, 0, 1, 1] in [list(attribute.ints) for attribute in node.attribute]:
            node.op_type = "GlobalAveragePool"
            del node.attribute[:]
    last = copy.graph.node[-1]
    if last.op_type == "Softmax":
        copy.graph.output[0].name = last.input[0]
        copy.graph.output[0].type.tensor_type.ClearField("shape")
        copy.graph.node.remove(last)
    return copy

def zoo(path, out):
    from onnx2torch import convert
    name = "zoo_" + path.stem.removeprefix("light_")
    model = onnx.load(path)
    floats = with_weights(model)
    network = convert(up_to_logits(model)).eval()
    state = network.state_dict()
    at = {value.numpy().tobytes(): name for name, value in state.items()}
    places = [at[onnx.numpy_helper.to_array(tensor).tobytes()] for tensor in floats]
    recipes = seeded(network, (1, 3, 224, 224))
    for tensor, place in zip(floats, places):
        assign(tensor, state[place].numpy())
    cut = up_to_logits(model)
    graph, size = emptied(model, state, recipes)
    print(f"{name}: opset {graph.opset_import[0].version}, {size}", flush=True)
    seed, logits = write_reference(name, lambda *picture: gradients(network, *picture), (1, 3, 224, 224), out)
    check(cut, (1, 3, 224, 224), seed, logits)
    onnx.save(graph, f"{out}/{name}.onnx")

if __name__ == "__main__":
    torch.manual_seed(0)
    for path in sys.argv[2:]:
        zoo(pathlib.Path(path), sys.argv[1])
