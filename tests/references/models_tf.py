"""Graphs of TensorFlow's networks by tf2onnx and their gradients by tf.GradientTape, for tests/gradients/models.rs.

usage: models_tf.py OUT_FOLDER [NAME ...]
needs: numpy tensorflow keras tf2onnx onnx onnxruntime

Writes OUT_FOLDER/keras_NAME.onnx and OUT_FOLDER/keras_NAME.f32 for each of NETWORKS; recipes.py says how.

tf2onnx folds each BatchNormalization into a factor and a sum, or into the weights before it. Recipes can say the results,
because a mean is 0 here, a variance with its epsilon 1, and the factors of a layer one power of two, which brings what
arrives there from a picture near variance 1.
"""
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np, onnx, tensorflow as tf
from recipes import check, emptied, values, write_reference
from stream import LOCKED, uniform

# Name -> class, opset.
NETWORKS = {"mobilenet_v2": ("MobileNetV2", 13), "resnet50_v2": ("ResNet50V2", 11)}
SHAPE = (1, 224, 224, 3)

def built(kind, dtype):
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    return getattr(keras.applications, kind)(weights=None, classifier_activation=None)

def fan_in(layer, shape):
    return np.prod(shape[:2] if "Depthwise" in type(layer).__name__ else shape[:-1])

def seeded(model):
    """Gives the model's parameters their values; name -> recipe, value."""
    made, at = {}, 0
    for layer in model.layers:
        for weight in layer.weights:
            leaf, recipe = weight.name.split("/")[-1], (at, .1, 0.)
            if leaf.endswith("kernel"):
                gain = 6 if len(weight.shape) == 4 else 3
                recipe = at, float(f"{(gain / fan_in(layer, weight.shape)) ** .5:.4g}"), 0.
            elif isinstance(layer, keras.layers.BatchNormalization) and leaf != "beta":
                recipe = at, 0., {"gamma": 1., "moving_mean": 0., "moving_variance": 1 - layer.epsilon}[leaf]
            count = int(np.prod(weight.shape))
            at += count
            weight.assign(values(recipe, count).reshape(weight.shape))
            made[weight.path] = recipe, weight.numpy()
    scale(model)
    return made

def scale(model):
    """Sets the factors of each BatchNormalization in the order in which a picture arrives there."""
    def scaled(layer, call):
        def scaled_call(x, **options):
            factor = 2. ** np.round(-np.log2(np.std(x)))
            layer.gamma.assign(np.full(layer.gamma.shape, factor))
            return call(x, **options)
        return scaled_call
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    calls = [layer.call for layer in norms]
    for layer, call in zip(norms, calls):
        layer.call = scaled(layer, call)
    model(uniform(1, 0, np.prod(SHAPE)).reshape(SHAPE).astype("f4"), training=False)
    for layer, call in zip(norms, calls):
        layer.call = call

def folded(made):
    """The tensors that a conversion can make of the parameters, for each power of two."""
    powers = [2. ** power for power in range(-6, 4)]
    recipes, state = {}, {}
    for name, ((at, size, shift), value) in made.items():
        for power in powers if value.ndim > 1 else [1.]:
            recipes[name, power] = at, size * power, shift * power
            state[name, power] = value * np.float32(power)
    for power in powers:
        for count in {value.size for _, value in made.values() if value.ndim == 1}:
            recipes["factor", power, count] = 0, 0., power
            state["factor", power, count] = np.full(count, power, "f4")
    return state, recipes

def gradients(models, picture, double):
    model = models[double]
    x = tf.constant(picture, "float64" if double else "float32")
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        logits = model(x, training=False)[0]
        top = int(tf.argmax(logits))
        scores = [logits[top], logits[LOCKED]]
    return top, logits.numpy().astype("f8"), [tape.gradient(score, x).numpy().astype("f8").ravel() for score in scores]

def network(name, kind, opset, out):
    import tf2onnx
    models = {True: built(kind, "float64"), False: built(kind, "float32")}
    state, recipes = folded(seeded(models[False]))
    models[True].set_weights(models[False].get_weights())
    spec = tf.TensorSpec(SHAPE, tf.float32, name="image")
    function = tf.function(lambda image: models[False](image, training=False))
    graph, _ = tf2onnx.convert.from_function(function, input_signature=[spec], opset=opset)
    graph, size = emptied(graph, state, recipes)
    name = f"keras_{name}"
    print(f"{name}: opset {opset}, {size}", flush=True)
    seed, logits = write_reference(name, lambda *picture: gradients(models, *picture), SHAPE, out)
    check(graph, SHAPE, seed, logits)
    onnx.save(graph, f"{out}/{name}.onnx")

if __name__ == "__main__":
    for name in sys.argv[2:] or NETWORKS:
        network(name, *NETWORKS[name], sys.argv[1])
