"""Layers called with arguments by name, as in Keras: on tensors and placeholders, saved, compiled and not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from keras_oracle import import_keras

import autograd as ag
import nn

A = np.arange(12, dtype="float32").reshape(4, 3)
B = A[::-1].copy()


@nn.saving.register_keras_serializable()
class Mix(nn.Layer):
    def call(self, a, b=None, scale=1.0, mode="add"):
        b = a if b is None else b
        return (a + b if mode == "add" else a - b) * scale


@nn.saving.register_keras_serializable()
class Told(nn.Layer):
    """With `training` between the others, and weights."""

    def build(self, *shapes, dtype):
        self.w = self.add_weight(shape=(3,), initializer="ones", name="w")

    def call(self, a, training=False, *, scale=1.0, other=None):
        a = a * self.w + (100.0 if training else 0.0)
        return a * scale if other is None else a * scale + other


CASES = {
    "a number": (Mix, lambda layer, a, b: layer(a, b, scale=2.0), lambda: (A + B) * 2),
    "a text": (Mix, lambda layer, a, b: layer(a, b, mode="subtract"), lambda: A - B),
    "several": (Mix, lambda layer, a, b: layer(a, b, mode="subtract", scale=3), lambda: (A - B) * 3),
    "a tensor": (Mix, lambda layer, a, b: layer(a, b=b, scale=2.0), lambda: (A + B) * 2),
    "None": (Mix, lambda layer, a, b: layer(a, b=None, scale=2.0), lambda: A * 4),
    "an array": (Mix, lambda layer, a, b: layer(a, b=np.ones(3, "float32")), lambda: A + 1),
    "beside training": (Told, lambda layer, a, b: layer(a, scale=2.0, other=b), lambda: A * 2 + B),
    "and training": (Told, lambda layer, a, b: layer(a, scale=2.0, training=True), lambda: (A + 100) * 2),
}


@pytest.mark.parametrize("name", CASES)
def test_called_on_tensors(name):
    layer, use, expected = CASES[name][0](), *CASES[name][1:]
    for _ in range(2):  # built by the first
        np.testing.assert_allclose(use(layer, ag.tensor(A), ag.tensor(B)).numpy(), expected())
    np.testing.assert_allclose(use(layer, A, B).numpy(), expected())
    program = ag.jit(lambda a, b: use(layer, a, b), state=dict(layer.named_tensors()))
    np.testing.assert_allclose(program(ag.tensor(A), ag.tensor(B)).numpy(), expected())


@pytest.mark.parametrize("jit", ["auto", False])
@pytest.mark.parametrize("name", CASES)
def test_called_on_placeholders(name, jit):
    layer, use, expected = CASES[name][0](), *CASES[name][1:]
    a, b = nn.Input((3,)), nn.Input((3,))
    model = nn.Model([a, b], use(layer, a, b))
    model.compile(nn.SGD(0.0), "mse", jit=jit)
    np.testing.assert_allclose(model.predict([A, B], verbose=0), expected())
    assert model.evaluate([A, B], expected(), verbose=0) < 1e-6
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    again = nn.load(file, custom_objects={"Mix": Mix, "Told": Told})
    np.testing.assert_allclose(again.predict([A, B], verbose=0), expected())


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case[0] is Mix and n != "an array"])
def test_keras_takes_them_so(name):
    keras = import_keras()
    _, use, expected = CASES[name]

    class Layer(keras.layers.Layer):
        call = Mix.call

    a, b = keras.Input((3,)), keras.Input((3,))
    model = keras.Model([a, b], use(Layer(), a, b))
    np.testing.assert_allclose(model.predict([A, B], verbose=0), expected())


@pytest.mark.parametrize("make", [Mix, Told, lambda: nn.Dense(2), lambda: nn.Dropout(0.5), lambda: nn.ReLU()])
def test_a_name_that_call_does_not_have_is_named(make):
    for x in (A, ag.tensor(A), nn.Input((3,))):
        with pytest.raises(nn.ArgumentError, match="call takes no argument 'sclae'; it has"):
            make()(x, sclae=2.0)


def test_layers_of_the_host_take_one_input():
    for layer in (
        nn.StringLookup(vocabulary=["a"]),
        nn.Hashing(3),
        nn.StringLookup(vocabulary=["a"], invert=True),
    ):
        with pytest.raises(nn.ArgumentError, match="takes one input"):
            layer(["a"], other=["b"])
