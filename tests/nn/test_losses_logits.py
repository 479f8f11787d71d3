"""Where a model ends in sigmoid or softmax the loss comes from the logits, however the model is written.

So it still learns at logits of 100, with smoothed labels, weights and ignored classes too.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from test_losses_crossentropy import (
    HALVES,
    LABELS,
    LOGITS,
    ONE_HOT,
    PROBABILITIES,
    SOFT,
    binary,
    log_softmax,
)

import autograd as ag
import nn


class ThroughSigmoid(nn.Module):
    """x again: half of it divided by sigmoid(0), so that a sigmoid is on the way."""

    def __init__(self):
        self.inner = nn.Activation("sigmoid")

    def call(self, x):
        return x / 2 / self.inner(x * 0)


class ByHand(nn.Model):
    """A subclass that applies the activation as a layer at the end."""

    def __init__(self, units, activation):
        super().__init__("float64")
        self.dense = nn.Dense(units)
        self.last = nn.Activation(activation)

    def call(self, x):
        return self.last(self.dense(x))


MODELS = {
    "Dense": lambda units, name: nn.Sequential([nn.Dense(units, name)], "float64"),
    "Activation": lambda units, name: nn.Sequential([nn.Dense(units), nn.Activation(name)], "float64"),
    "nested": lambda units, name: nn.Sequential([nn.Sequential([nn.Dense(units, name)])], "float64"),
    "subclass": ByHand,
    "another sigmoid before": lambda units, name: nn.Sequential(
        [ThroughSigmoid(), nn.Dense(units, name)], "float64"
    ),
}


def with_weights(make, kernel, activation):
    model = make(kernel.shape[1], activation)
    model(ag.zeros((1, kernel.shape[0]), "float64"))
    model.load_state_dict(dict(zip(model.state_dict(), (kernel, np.zeros(kernel.shape[1])), strict=True)))
    return model


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("logit", [100.0, -100.0])
def test_a_saturated_sigmoid_still_learns(make, logit):
    """The prediction is exactly 0 or within 1e-40 of 1; the stable loss is |logit| and its slope at the logit is +-1."""
    model = with_weights(make, np.array([[logit]]), "sigmoid")
    target = float(logit < 0)
    model.compile(nn.SGD(0.5), "binary_crossentropy")
    assert model.evaluate([[1.0]], [target]) == pytest.approx(100.0, rel=1e-14)
    assert model.train_on_batch([[1.0]], [target]) == pytest.approx(100.0, rel=1e-14)
    kernel, bias = model.state_dict().values()
    step = -math.copysign(0.5, logit)
    np.testing.assert_allclose(kernel, [[logit + step]], rtol=1e-15)
    np.testing.assert_allclose(bias, [step], rtol=1e-15)


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize(
    ("loss", "target"),
    [("categorical_crossentropy", [[0.0, 1.0]]), ("sparse_categorical_crossentropy", [1])],
)
def test_a_saturated_softmax_still_learns(make, loss, target):
    model = with_weights(make, np.array([[100.0, -100.0]]), "softmax")
    model.compile(nn.SGD(0.5), loss)
    assert model.train_on_batch([[1.0]], target) == pytest.approx(200.0, rel=1e-14)
    kernel, bias = model.state_dict().values()
    np.testing.assert_allclose(kernel, [[99.5, -99.5]], rtol=1e-15)
    np.testing.assert_allclose(bias, [-0.5, 0.5], rtol=1e-15)


def test_a_sigmoid_that_is_not_last_is_left_alone():
    """The loss sees p / 2 there, so the logits of the sigmoid inside say nothing about it."""

    class Halved(nn.Model):
        def call(self, x):
            return nn.Activation("sigmoid")(x) / 2

    model = Halved("float64")
    model.compile("sgd", "binary_crossentropy")
    assert model.evaluate([[0.0]], [[1.0]]) == pytest.approx(math.log(4), rel=1e-15)


def test_another_activation_than_the_losss_is_left_alone():
    """Binary cross-entropy after softmax works on the probabilities."""
    model = nn.Sequential([nn.Activation("softmax")], "float64")
    model.compile("sgd", "binary_crossentropy")
    expected = binary(SOFT, PROBABILITIES).mean()
    assert model.evaluate(LOGITS, SOFT) == pytest.approx(expected, rel=1e-13)


def test_from_logits_after_a_linear_layer():
    model = nn.Sequential([nn.Activation("linear")], "float64")
    model.compile("sgd", nn.SparseCategoricalCrossentropy(from_logits=True))
    expected = -(ONE_HOT * log_softmax(LOGITS)).sum(axis=1).mean()
    assert model.evaluate(LOGITS, LABELS) == pytest.approx(expected, rel=1e-13)


def test_from_logits_is_taken_at_its_word_after_a_sigmoid():
    """Whoever says that the outputs are logits gets the loss of the outputs as logits."""
    model = nn.Sequential([nn.Activation("sigmoid")], "float64")
    loss = nn.BinaryCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    expected = loss(HALVES, model.predict(LOGITS)).item()
    assert model.evaluate(LOGITS, HALVES) == pytest.approx(expected, rel=1e-14)


@pytest.mark.eager
def test_smoothing_and_weights_on_the_logits_path():
    """-log sigmoid(100) is 0 and -log sigmoid(-100) is 100; smoothed by 0.2 a target of 1 is 0.9."""
    model = with_weights(MODELS["Dense"], np.array([[100.0]]), "sigmoid")
    model.compile("sgd", nn.BinaryCrossentropy(label_smoothing=0.2))
    x, y = np.array([[1.0], [-1.0]]), np.array([[1.0], [1.0]])
    loss = model.evaluate(x, y, sample_weight=np.array([1.0, 3.0]))
    assert loss == pytest.approx((0.1 * 100 + 3 * 0.9 * 100) / 2, rel=1e-14)


@pytest.mark.eager
def test_ignored_classes_on_the_logits_path():
    """The middle row is left out of the loss, of its mean and of the gradient."""
    model = with_weights(MODELS["Dense"], np.array([[100.0, -100.0]]), "softmax")
    model.compile(nn.SGD(0.5), nn.SparseCategoricalCrossentropy(ignore_class=-1))
    x, y = np.array([[1.0], [5.0], [1.0]]), np.array([1, -1, 0])
    assert model.evaluate(x, y) == pytest.approx(100.0, rel=1e-14)
    assert model.train_on_batch(x, y) == pytest.approx(100.0, rel=1e-14)
    _, bias = model.state_dict().values()
    np.testing.assert_allclose(bias, [-0.25, 0.25], rtol=1e-15)
    assert model.train_on_batch(x, np.array([-1, -1, -1])) == 0


def test_focal_loss_learns_from_a_saturated_sigmoid():
    model = with_weights(MODELS["Dense"], np.array([[-100.0]]), "sigmoid")
    model.compile(nn.SGD(0.5), "binary_focal_crossentropy")
    assert model.train_on_batch([[1.0]], [1.0]) == pytest.approx(100.0, rel=1e-14)
    _, bias = model.state_dict().values()
    np.testing.assert_allclose(bias, [0.5], rtol=1e-14)


def test_a_softmax_over_another_axis_is_left_alone():
    """Its logits are those of columns, and the loss is about rows."""

    class Columns(nn.Model):
        def call(self, x):
            return nn.activations.softmax(x, axis=1)

    class Rows(nn.Model):
        def call(self, x):
            return nn.activations.softmax(x, axis=-1)

    x = LOGITS.reshape(2, 3, 4)
    targets = SOFT.reshape(2, 3, 4)
    for make, axis in ((Columns, -1), (Rows, 1)):
        model = make("float64")
        loss = nn.CategoricalCrossentropy(axis=axis)
        model.compile("sgd", loss)
        expected = loss(targets, model.predict(x)).item()
        assert model.evaluate(x, targets) == pytest.approx(expected, rel=1e-14)
