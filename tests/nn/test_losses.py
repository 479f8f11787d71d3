"""Losses against their formulas in float64 NumPy, by hand, and against PyTorch with gradients.

The formulas here are written from the definitions, not from the implementation. Where a model ends in sigmoid or
softmax the loss has to come from the logits, however the model is written, so that it still learns at logits of 100.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd as ag
import nn

EXACT = dict(rtol=1e-13, atol=0)
generator = np.random.default_rng(4)
LOGITS = generator.standard_normal((6, 4)) * 3
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
SOFT = generator.dirichlet(np.ones(4), size=6)
LABELS = np.array([0, 3, 1, 1, 2, 0])
HALVES = generator.uniform(size=(6, 4))
WEIGHTS = np.array([1.0, 0.0, 2.5, 0.5, 1.0, 3.0])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def smooth(targets, by, to):
    return targets * (1 - by) + by * to


def binary(t, p):
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(axis=1)


def categorical(t, p):
    q = np.clip(p / p.sum(axis=1, keepdims=True), 1e-7, 1 - 1e-7)
    return -(t * np.log(q)).sum(axis=1)


def log_softmax(z):
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


UNSCALED = HALVES * 5 + 0.1
ONE_HOT = np.eye(4)[LABELS]
PER_SAMPLE = {
    "mse": (nn.MeanSquaredError, {}, SOFT, LOGITS, ((SOFT - LOGITS) ** 2).mean(axis=1)),
    "bce": (nn.BinaryCrossentropy, {}, HALVES, PROBABILITIES, binary(HALVES, PROBABILITIES)),
    "bce smooth": (
        nn.BinaryCrossentropy,
        dict(label_smoothing=0.2),
        ONE_HOT,
        PROBABILITIES,
        binary(smooth(ONE_HOT, 0.2, 1 / 2), PROBABILITIES),
    ),
    "bce logits": (
        nn.BinaryCrossentropy,
        dict(from_logits=True),
        HALVES,
        LOGITS,
        (-HALVES * np.log(sigmoid(LOGITS)) - (1 - HALVES) * np.log(sigmoid(-LOGITS))).mean(axis=1),
    ),
    "cce": (nn.CategoricalCrossentropy, {}, SOFT, PROBABILITIES, categorical(SOFT, PROBABILITIES)),
    "cce renormalises": (
        nn.CategoricalCrossentropy,
        {},
        SOFT,
        UNSCALED,
        categorical(SOFT, UNSCALED),
    ),
    "cce smooth": (
        nn.CategoricalCrossentropy,
        dict(label_smoothing=0.1),
        ONE_HOT,
        PROBABILITIES,
        categorical(smooth(ONE_HOT, 0.1, 1 / 4), PROBABILITIES),
    ),
    "cce logits": (
        nn.CategoricalCrossentropy,
        dict(from_logits=True),
        SOFT,
        LOGITS,
        -(SOFT * log_softmax(LOGITS)).sum(axis=1),
    ),
    "scce": (
        nn.SparseCategoricalCrossentropy,
        {},
        LABELS,
        PROBABILITIES,
        categorical(ONE_HOT, PROBABILITIES),
    ),
    "scce (n, 1)": (
        nn.SparseCategoricalCrossentropy,
        {},
        LABELS[:, None],
        UNSCALED,
        categorical(ONE_HOT, UNSCALED),
    ),
    "scce logits": (
        nn.SparseCategoricalCrossentropy,
        dict(from_logits=True),
        LABELS.astype(float),
        LOGITS,
        -(ONE_HOT * log_softmax(LOGITS)).sum(axis=1),
    ),
}
loss_cases = pytest.mark.parametrize(
    ("kind", "options", "targets", "predictions", "expected"), PER_SAMPLE.values(), ids=PER_SAMPLE
)


@loss_cases
def test_a_value_per_sample(kind, options, targets, predictions, expected):
    values = kind(**options, reduction=None)(targets, predictions)
    assert values.dtype == np.float64
    np.testing.assert_allclose(values.numpy(), expected, **EXACT)


@loss_cases
def test_reductions_and_weights(kind, options, targets, predictions, expected):
    """A weight is a factor and the denominator stays the count; only mean_with_sample_weight divides by weights."""
    weighted = {
        "sum_over_batch_size": (expected * WEIGHTS).sum() / 6,
        "mean": (expected * WEIGHTS).sum() / 6,
        "sum": (expected * WEIGHTS).sum(),
        "mean_with_sample_weight": (expected * WEIGHTS).sum() / WEIGHTS.sum(),
        "none": expected * WEIGHTS,
        None: expected * WEIGHTS,
    }
    for reduction, value in weighted.items():
        loss = kind(**options, reduction=reduction)
        got = loss(targets, predictions, sample_weight=WEIGHTS)
        np.testing.assert_allclose(got.numpy(), value, **EXACT)
        plain = {"sum": expected.sum(), "none": expected, None: expected}.get(
            reduction, expected.mean()
        )
        np.testing.assert_allclose(loss(targets, predictions).numpy(), plain, **EXACT)


def test_by_hand():
    assert nn.MeanSquaredError()([[1.0, 2.0]], [[2.0, 4.0]]).item() == 2.5
    half = nn.BinaryCrossentropy()(np.array([[1.0], [0.0]]), np.array([[0.25], [0.25]]))
    assert half.item() == pytest.approx((math.log(4) - math.log(0.75)) / 2, rel=1e-15)
    categorical_value = nn.CategoricalCrossentropy()(np.array([[0.0, 1.0]]), np.array([[3.0, 1.0]]))
    assert categorical_value.item() == pytest.approx(math.log(4), rel=1e-15)


def test_probabilities_are_clipped_at_1e_minus_7():
    """A wrong certain prediction costs -log(1e-7) = 16.118, a right one almost nothing."""
    wrong, right = np.array([[1.0], [0.0]]), np.array([[0.0], [1.0]])
    targets = np.array([[0.0], [1.0]])
    loss = nn.BinaryCrossentropy()
    assert loss(targets, wrong).item() == pytest.approx(-math.log(1e-7), rel=1e-9)
    assert loss(targets, right).item() == pytest.approx(-math.log1p(-1e-7), rel=1e-9)
    rows = np.array([[1.0, 0.0]])
    assert nn.CategoricalCrossentropy()(rows[:, ::-1].copy(), rows).item() == pytest.approx(
        -math.log(1e-7), rel=1e-9
    )
    assert nn.SparseCategoricalCrossentropy()([1], rows).item() == pytest.approx(
        -math.log(1e-7), rel=1e-9
    )


def test_a_weight_per_sample_has_to_fit():
    with pytest.raises(ag.ShapeError, match=r"sample_weight \(3,\) does not fit \(6,\)"):
        nn.MeanSquaredError()(SOFT, LOGITS, sample_weight=np.ones(3))


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
    "Activation": lambda units, name: nn.Sequential(
        [nn.Dense(units), nn.Activation(name)], "float64"
    ),
    "nested": lambda units, name: nn.Sequential(
        [nn.Sequential([nn.Dense(units, name)])], "float64"
    ),
    "subclass": ByHand,
    "another sigmoid before": lambda units, name: nn.Sequential(
        [ThroughSigmoid(), nn.Dense(units, name)], "float64"
    ),
}


def with_weights(make, kernel, activation):
    model = make(kernel.shape[1], activation)
    model(ag.zeros((1, kernel.shape[0]), "float64"))
    model.load_state_dict(
        dict(zip(model.state_dict(), (kernel, np.zeros(kernel.shape[1])), strict=True))
    )
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


def torch_losses(torch):
    """Our loss, and PyTorch's on the same targets and predictions; ours mean over features first, theirs over all."""
    F = torch.nn.functional

    def tensors(*arrays):
        return [torch.tensor(a) for a in arrays]

    soft, one_hot, labels, halves = tensors(SOFT, ONE_HOT, LABELS, HALVES)
    return {
        "mse": (nn.MeanSquaredError(), SOFT, LOGITS, lambda p: F.mse_loss(p, soft)),
        "bce": (
            nn.BinaryCrossentropy(),
            HALVES,
            PROBABILITIES,
            lambda p: F.binary_cross_entropy(p, halves),
        ),
        "bce logits": (
            nn.BinaryCrossentropy(from_logits=True),
            HALVES,
            LOGITS * 30,
            lambda p: F.binary_cross_entropy_with_logits(p, halves),
        ),
        "cce logits": (
            nn.CategoricalCrossentropy(from_logits=True),
            SOFT,
            LOGITS * 30,
            lambda p: F.cross_entropy(p, soft),
        ),
        "cce smooth": (
            nn.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
            ONE_HOT,
            LOGITS,
            lambda p: F.cross_entropy(p, labels, label_smoothing=0.1),
        ),
        "scce logits": (
            nn.SparseCategoricalCrossentropy(from_logits=True),
            LABELS,
            LOGITS * 30,
            lambda p: F.cross_entropy(p, labels),
        ),
        "scce": (
            nn.SparseCategoricalCrossentropy(),
            LABELS,
            PROBABILITIES,
            lambda p: F.nll_loss((p / p.sum(dim=1, keepdim=True)).log(), labels),
        ),
        "cce": (
            nn.CategoricalCrossentropy(),
            ONE_HOT,
            UNSCALED,
            lambda p: F.cross_entropy((p / p.sum(dim=1, keepdim=True)).log(), one_hot),
        ),
    }


@pytest.mark.oracle
def test_values_and_gradients_are_pytorchs():
    torch = pytest.importorskip("torch")
    for name, (loss, targets, predictions, theirs) in torch_losses(torch).items():
        ours = ag.tensor(predictions, requires_grad=True)
        value = loss(targets, ours)
        value.backward()
        other = torch.tensor(predictions, requires_grad=True)
        expected = theirs(other)
        expected.backward()
        np.testing.assert_allclose(value.item(), expected.item(), rtol=1e-12, err_msg=name)
        np.testing.assert_allclose(
            ours.grad.numpy(), other.grad.numpy(), rtol=1e-11, atol=1e-15, err_msg=name
        )
