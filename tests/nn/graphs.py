"""Graphs of layers, written once for this library and for Keras: `keras` has `Input`, `Model`, `Sequential` and layers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np


def namespace(module):
    """The names that the graphs use, of `nn` or `keras`."""
    names = {
        name: getattr(module.layers, name) for name in module.layers.__dir__() if not name.startswith("_")
    }
    return SimpleNamespace(
        **names | {"Input": module.Input, "Model": module.Model, "Sequential": module.Sequential}
    )


def chain(keras):
    x = keras.Input((4,))
    return keras.Model(x, keras.Dense(2)(keras.Dense(5, activation="relu")(x)))


def two_inputs(keras):
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    joined = keras.Concatenate()([keras.Dense(5, activation="tanh")(a), b])
    return keras.Model([a, b], keras.Dense(1, activation="sigmoid", name="out")(joined))


def inputs_by_name(keras):
    a, b = keras.Input((4,), name="first"), keras.Input((4,), name="second")
    return keras.Model({"first": a, "second": b}, keras.Dense(2)(keras.Multiply()([a, b])))


def two_outputs(keras):
    x = keras.Input((4,))
    h = keras.Dense(6, activation="relu")(x)
    return keras.Model(
        x, [keras.Dense(1, activation="sigmoid", name="yes")(h), keras.Dense(2, name="how")(h)]
    )


def outputs_by_name(keras):
    x = keras.Input((4,))
    h = keras.Dense(6, activation="relu")(x)
    return keras.Model(x, {"z": keras.Dense(1, name="one")(h), "y": keras.Dense(2, name="two")(h)})


def shared(keras):
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    tower = keras.Dense(3, activation="tanh")
    return keras.Model([a, b], keras.Dense(1)(keras.Subtract()([tower(a), tower(b)])))


def residual(keras):
    x = keras.Input((4,))
    h = x
    for _ in range(3):
        h = keras.Add()([h, keras.Dense(4, activation="relu")(h)])
    return keras.Model(x, keras.Dense(1)(h))


def operators(keras):
    x = keras.Input((4,))
    h = keras.Dense(4)(x)
    return keras.Model(x, keras.Dense(2)(h * 2.0 - x / 3.0 + 1.0))


def picked(keras):
    x = keras.Input((4,))
    return keras.Model(x, keras.Dense(2)(x[:, 1:3]))


def nested(keras):
    inner_in = keras.Input((4,))
    inner = keras.Model(inner_in, keras.Dense(3, activation="relu")(inner_in), name="inner")
    x = keras.Input((4,))
    return keras.Model(x, keras.Dense(1)(keras.Sequential([inner, keras.Dense(2)])(x)))


def wide_and_deep(keras):
    wide, deep = keras.Input((4,), name="wide"), keras.Input((3,), name="deep")
    h = keras.Dense(6, activation="relu")(deep)
    h = keras.Dense(5, activation="relu")(h)
    out = keras.Dense(1, name="main")(keras.Concatenate()([wide, h]))
    return keras.Model([wide, deep], [out, keras.Dense(1, name="aux")(h)])


def convolutional(keras):
    x = keras.Input((6, 6, 1))
    a = keras.Conv2D(3, 3, padding="same", activation="relu")(x)
    b = keras.Conv2D(3, 1)(x)
    h = keras.MaxPooling2D(2)(keras.Average()([a, b]))
    return keras.Model(x, keras.Dense(2)(keras.Flatten()(h)))


def normalized(keras):
    x = keras.Input((4,))
    h = keras.BatchNormalization()(keras.Dense(5)(x))
    return keras.Model(x, keras.Dense(1)(keras.Activation("relu")(h)))


def extremes(keras):
    x = keras.Input((4,))
    a, b = keras.Dense(3)(x), keras.Dense(3)(x)
    return keras.Model(
        x, keras.Concatenate()([keras.Maximum()([a, b]), keras.Minimum()([a, b]), keras.Dot(axes=1)([a, b])])
    )


def middle(keras):
    x = keras.Input((4,))
    h = keras.Dense(5, activation="tanh")(x)
    whole = keras.Model(x, keras.Dense(1)(h))
    return keras.Model(whole.input, whole.layers[1].output)


def of_a_sequential(keras):
    model = keras.Sequential([keras.Input((4,)), keras.Dense(5, activation="relu"), keras.Dense(2)])
    return keras.Model(model.inputs, [layer.output for layer in model.layers])


GRAPHS = {
    f.__name__: f
    for f in (
        chain, two_inputs, inputs_by_name, two_outputs, outputs_by_name, shared, residual, operators, picked, nested,
        wide_and_deep, convolutional, normalized, extremes, middle, of_a_sequential,
    )
}  # fmt: skip


def leaves(tree):
    """The arrays of a structure, dicts by sorted key."""
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves(tree[key])]
    return [leaf for part in tree for leaf in leaves(part)] if isinstance(tree, (list, tuple)) else [tree]


def like(tree, values):
    """`values` in the structure of placeholders that a model has as its input or output."""
    if isinstance(tree, dict):
        return {key: values.pop(0) for key in sorted(tree)}
    return [values.pop(0) for _ in tree] if isinstance(tree, (list, tuple)) else values.pop(0)


def data_for(model, rows=20, seed=0):
    """(x, y) for a model of this library, in the structure of its inputs and outputs."""
    draw = np.random.default_rng(seed)
    x = [draw.standard_normal((rows, *symbol.shape[1:])) for symbol in model.inputs]
    y = [draw.integers(0, 2, (rows, *symbol.shape[1:])).astype("float64") for symbol in model.outputs]
    return like(model.input, x), like(model.output, y)
