"""The same layer of one's own, word for word, here and in Keras: weights, losses, training."""

from __future__ import annotations

import numpy as np
import pytest
from keras_oracle import as_array, import_keras

import autograd as ag
import nn

keras = import_keras()
pytestmark = pytest.mark.oracle

RNG = np.random.default_rng(1)
X = RNG.normal(size=(20, 4))
Y = RNG.normal(size=(20, 1))


def own_layer(library, power):
    """The class, with the names of one library."""
    layers = getattr(library, "layers", library)

    class Own(layers.Layer):
        def __init__(self, units, factor=0.0, **kwargs):
            super().__init__(**kwargs)
            self.units, self.factor = units, factor

        def build(self, input_shape):
            self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False, name="steps")
            self.kernel = self.add_weight(
                shape=(input_shape[-1], self.units), initializer="ones", regularizer="l1", name="kernel"
            )
            self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
            self.built = True

        def call(self, x, training=None):
            if training:
                self.steps.assign(self.steps + 1)
            y = x @ self.kernel + self.bias
            self.add_loss(self.factor * power(y))
            return y

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], self.units)

        def get_config(self):
            return {**super().get_config(), "units": self.units, "factor": self.factor}

    return Own


OURS = own_layer(nn, lambda y: (y * y).mean())
THEIRS = own_layer(keras, lambda y: keras.ops.mean(y * y))

CASES = {
    "add_loss": lambda layers, own: own(2, 0.3),
    "activity_regularizer": lambda layers, own: layers.Dense(
        2, kernel_initializer="ones", activity_regularizer="l2"
    ),
    "of one's own": lambda layers, own: own(2, activity_regularizer=layers_l1(layers)),
    "Activation": lambda layers, own: layers.Activation("tanh", activity_regularizer="l1"),
    "ActivityRegularization": lambda layers, own: layers.ActivityRegularization(0.1, 0.2),
    "both": lambda layers, own: layers.Dense(
        2, kernel_initializer="ones", kernel_regularizer="l1", activity_regularizer="l2"
    ),
}


def layers_l1(layers):
    return nn.L1(0.2) if layers is nn.layers else keras.regularizers.L1(0.2)


def model_of(library, own, case, dtype="float64"):
    layers = library.layers
    model = library.Sequential(
        [
            library.layers.Input((4,)),
            layers.Dense(3, kernel_initializer="ones", activation="sigmoid"),
            CASES[case](layers, own),
            layers.Dense(1, kernel_initializer="ones"),
        ],
        **({"dtype": dtype} if library is nn else {}),
    )
    optimizer = nn.SGD(0.05) if library is nn else keras.optimizers.SGD(0.05)
    model.compile(optimizer, "mse")
    return model


@pytest.mark.parametrize("case", CASES)
def test_trains_as_keras_does(case):
    ours, theirs = model_of(nn, OURS, case), model_of(keras, THEIRS, case)
    shapes = [(w.name, tuple(w.shape), w.trainable) for w in theirs.weights]
    assert [(w.name, w.shape, w.trainable) for w in ours.weights] == shapes
    assert ours.count_params() == theirs.count_params()
    assert [w.path.split("/")[-2:] for w in theirs.weights] == [
        [layer.name, w.name] for layer in theirs.layers for w in layer.weights
    ]
    ours(ag.tensor(X))
    theirs(X)
    np.testing.assert_allclose(
        [loss.item() for loss in ours.losses], [float(as_array(loss)) for loss in theirs.losses], 1e-12
    )
    runs = [
        model.fit(X, Y, batch_size=10, epochs=3, shuffle=False, verbose=0).history["loss"]
        for model in (ours, theirs)
    ]
    np.testing.assert_allclose(*runs, 1e-9)
    np.testing.assert_allclose(ours.evaluate(X, Y, verbose=0), theirs.evaluate(X, Y, verbose=0), 1e-9)
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(mine, as_array(other.value), 1e-9, 1e-12)


def test_the_config_has_what_keras_has():
    for kind in (OURS, THEIRS):
        layer = kind(3, name="a", trainable=False)
        config = layer.get_config()
        assert {k: config[k] for k in ("name", "trainable", "units", "factor")} == {
            "name": "a",
            "trainable": False,
            "units": 3,
            "factor": 0.0,
        }
        again = kind.from_config(config)
        assert (again.name, again.trainable, again.units) == ("a", False, 3)
